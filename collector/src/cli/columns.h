/* cli/columns.h: a text table: cells are collected, then printed in columns as wide as their widest cell, up
 * to a bound. A column without any text below its title is left out.
 *
 * Cells are cleaned of whatever could break the table. On a terminal the last column is cut at its edge;
 * elsewhere nothing is cut. */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

#include "base/buf.h"
#include "cli/say.h"

enum { COLUMNS_MAX = 8 };

enum align {
	ALIGN_LEFT,
	ALIGN_RIGHT,
};

struct columns {
	size_t count; /* of columns */
	enum align align[COLUMNS_MAX];
	size_t width[COLUMNS_MAX];
	bool filled[COLUMNS_MAX];
	struct buf cells; /* struct cell … */
	struct buf text;
};

/* titles: as many as there are columns, NULL at the end; a title that begins with '>' is right-aligned. */
void columns_init(struct columns *columns, const char *const *titles);
void columns_fini(struct columns *columns);
/* Cells come row by row, from left to right. */
void columns_add(struct columns *columns, struct slice text, enum style style);
void columns_print(const struct columns *columns);
/* Forget the rows, and keep the widths for those that come below them. */
void columns_clear(struct columns *columns);

#endif
