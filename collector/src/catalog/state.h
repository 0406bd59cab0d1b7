/* catalog/state.h: what is inside a catalog. Private to this folder.
 *
 * The indexer owns the write connection, the watches and the scan: its thread after catalog_start, before it
 * the caller's. Everybody else leaves notes and wakes it through wake_fd. */
#ifndef CATALOG_STATE_H
#define CATALOG_STATE_H

#include "catalog/catalog.h"
#include "catalog/index.h"
#include "catalog/watch.h"

#include <pthread.h>
#include <stdatomic.h>

struct catalog {
	struct catalog_options options; /* constant */
	char *path;                     /* constant; of the database */
	char *temp_folder;              /* constant; NULL unless the store cannot be written */
	int wake_fd;                    /* constant */
	struct notes notes;             /* locks itself */

	/* The indexer's. */
	struct db db;
	struct indexer indexer;
	struct watch watch;
	bool watching;       /* between start and close */
	bool told_unwatched; /* the sentence about inotify was said */
	struct table topics; /* changed in the open batch; value: struct ranges, of the steps, or NULL */
	int64_t look_at_ns;  /* when to ask next whether writers live */
	int64_t retry_at_ns; /* the database failed: pause until then; 0: it works */

	pthread_t thread; /* of start and close */
	bool started;     /* likewise */

	_Atomic bool stopping;
	_Atomic bool ready;
	_Atomic bool damaged; /* set by whoever finds the database damaged; the indexer makes it anew */
	_Atomic unsigned generation;
	_Atomic uint64_t line_count, failed_count;
	_Atomic size_t start_total; /* what the scan at the start, or of a new file, found */
	_Atomic size_t start_done;
	_Atomic size_t watched, unwatched; /* copies for stats */
	_Atomic size_t working;            /* 1 while a batch's notes are taken and its rows cannot be read */

	pthread_mutex_t lock;
	char trouble[CATALOG_TROUBLE_SIZE]; /* under lock */
};

void catalog_wake(struct catalog *catalog);

#endif
