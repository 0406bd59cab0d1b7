/* cli/index.h: the store and its catalog, for a command that asks them.
 *
 * First what spools hold goes into the logs (cli/intake.h). Where a collector runs the catalog is its own,
 * and a command waits until it has caught up (INDEX_WAIT_MS at most, then it says by how much it is behind);
 * without one, or where it does not answer, the command brings the catalog up to date itself, with progress
 * on a terminal when that takes long. */
#ifndef CLI_INDEX_H
#define CLI_INDEX_H

#include "catalog/catalog.h"

struct index {
	struct store *store;
	struct catalog *catalog;
	struct catalog_reader *reader;
	int64_t began_ns; /* of the indexing, for progress */
};

#define INDEX_INIT                  \
	{                           \
		NULL, NULL, NULL, 0 \
	}

/* Open the store, with what its spools hold taken in. CLI_OK, or the exit code after having said why not. */
int index_open(const char *store_option, struct index *out);
/* Open the catalog, up to date at least with what is named: one run, the runs of a project (app_id NULL), or
 * all (project NULL). CLI_OK, or the exit code after having said why not. */
int index_update(struct index *index, const char *project, const char *app_id);
void index_close(struct index *index);

#endif
