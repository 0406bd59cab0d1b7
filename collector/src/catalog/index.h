/* catalog/index.h: bring one application's rows up to its files. Private to this folder.
 *
 * Only what was appended since the last pass is read. A log that is another file, shorter than it was, or
 * whose bytes before the place reached are others, is indexed from its beginning.
 * Threads: one at a time per indexer, with its database. */
#ifndef CATALOG_INDEX_H
#define CATALOG_INDEX_H

#include "base/ranges.h"
#include "catalog/alive.h"
#include "catalog/names.h"
#include "catalog/notes.h"
#include "store/store.h"

#include <stdatomic.h>

struct indexer {
	const struct store *store; /* borrowed */
	struct db *db;             /* borrowed; a write transaction is open in each call below */
	struct names names;
	struct alive alive;
	struct buf spare;    /* lines that are put right */
	struct buf text;     /* small files, and what is put together */
	uint64_t line_count; /* since open */

	/* A long log is left where it was reached when this becomes true; borrowed, NULL: never. */
	const _Atomic bool *stopping;
};

void indexer_init(struct indexer *indexer, const struct store *store, struct db *db);
void indexer_fini(struct indexer *indexer);
/* The transaction was rolled back, or the file made anew. */
void indexer_forget(struct indexer *indexer);

struct index_change {
	bool any;            /* rows of the application changed, or went */
	struct ranges steps; /* numbers of the attempts that came or changed, perhaps beyond the last */
	/* Runs that have it as a child since, or no more. */
	size_t parent_count;
	struct app_name parents[2];
};

/* Index the application, or take it out when its folder is gone. A log that cannot be read is left as it was
 * reached, with BURR_EIO; other errors are the database's. out: told of what was done until then, too. */
burr_status index_app(
	struct indexer *indexer, const struct app_name *name, struct index_change *out, burr_error *err);

/* Those that were running and whose writers are gone: their status. changed: called for each, before its row
 * is committed. */
typedef void index_changed_fn(const struct app_name *name, void *ctx);
burr_status index_status(struct indexer *indexer, index_changed_fn *changed, void *ctx, burr_error *err);

/* A project's folder is there: *out_added whether that is new. made_us: its time. */
burr_status index_project(
	struct indexer *indexer, struct slice project, int64_t made_us, bool *out_added, burr_error *err);
/* It is gone, with all its applications. */
burr_status index_project_gone(
	struct indexer *indexer, struct slice project, bool *out_removed, burr_error *err);

/* The check of the last bytes before `len`, by which a log is known again; false when they are not there. */
bool log_check_read(int fd, uint64_t len, int64_t *out_check);

#endif
