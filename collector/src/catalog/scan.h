/* catalog/scan.h: walk the store's folders and find what the catalog does not know. Private to this folder.
 *
 * Only stat is asked, and what differs is noted; reading is index.h's. Threads: the indexer's. */
#ifndef CATALOG_SCAN_H
#define CATALOG_SCAN_H

#include "catalog/index.h"
#include "catalog/notes.h"
#include "catalog/watch.h"

struct scan {
	struct indexer *indexer;
	struct watch *watch; /* NULL: nothing is watched */
	struct notes *notes;
	enum note_lane lane;
	bool only_unwatched; /* leave out what inotify tells of */
	/* A project came or went, or, with its project, a run did. */
	void (*on_change)(const struct app_name *name, void *ctx);
	void *ctx;
};

/* A write transaction is open. Folders that cannot be read are left as the catalog has them. */
burr_status scan_store(struct scan *scan, burr_error *err);
burr_status scan_project(struct scan *scan, const struct app_name *project, burr_error *err);

#endif
