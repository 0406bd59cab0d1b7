/* cli/index.h: the catalog for a command that asks it.
 *
 * Where a collector runs the catalog is its own, and a command waits until it has caught up (INDEX_WAIT_MS at
 * most, then it says by how much it is behind); without one, or where it does not answer, the command brings
 * the catalog up to date itself, with progress on a terminal when that takes long. */
#ifndef CLI_INDEX_H
#define CLI_INDEX_H

#include "catalog/catalog.h"

struct index {
	struct store *store;
	struct catalog *catalog;
	struct catalog_reader *reader;
};

#define INDEX_INIT               \
	{                        \
		NULL, NULL, NULL \
	}

/* CLI_OK, or the exit code after having said why not. */
int index_open(const char *store_option, struct index *out);
void index_close(struct index *index);

#endif
