/* app/names.h: a list of names in one text, "count limit", taken apart. */
#ifndef APP_NAMES_H
#define APP_NAMES_H

#include "base/buf.h"

struct names {
	char *text; /* a copy, cut into NUL-terminated names */
	const char **items;
	size_t count;
};

#define NAMES_INIT            \
	{                     \
		NULL, NULL, 0 \
	}

/* NULL is the empty list. False without memory. */
bool names_init(struct names *names, const char *list);
void names_fini(struct names *names);
bool names_have(const struct names *names, struct slice name);
/* The first name that comes twice, NULL when none does. */
const char *names_find_repeated(const struct names *names);
/* The next name of a list text, from *pos on; false at its end. */
bool names_next(const char **pos, struct slice *out_name);

#endif
