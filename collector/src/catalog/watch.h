/* catalog/watch.h: inotify over the store's folders. Private to this folder.
 *
 * Watched are the store, its projects and their applications, each by its folder, so an append to a log, a
 * new file and a deletion all show. Folders that the kernel gives no watch for are counted and left to
 * polling. Threads: the indexer's alone. */
#ifndef CATALOG_WATCH_H
#define CATALOG_WATCH_H

#include "catalog/notes.h"

enum watch_event {
	WATCH_PROJECT_NEW,
	WATCH_PROJECT_GONE,
	WATCH_PROJECT_TOUCHED, /* a file beside the applications: annotations.jsonl */
	WATCH_APP_NEW,
	WATCH_APP_GONE,
	WATCH_APP_TOUCHED,
	WATCH_CATALOG_GONE, /* somebody deleted .burr-catalog */
	WATCH_OVERFLOW,     /* events were lost: look at everything */
};
/* name: of the application, or of the project where app_id is empty; NULL for the last two. */
typedef void watch_fn(enum watch_event event, const struct app_name *name, void *ctx);

struct watch {
	int fd; /* -1: no inotify at all */
	char *store_path;
	size_t max_count;
	bool store_watched;
	struct table by_name; /* "project" or "project/app_id"; value: struct watched */
	struct table by_id;   /* the kernel's number; value: the entry of by_name, NULL for the store */
	size_t unwatched_count;
	int failed_errno; /* of the first folder that got no watch; 0: none */
};

/* Always usable: without inotify everything is unwatched. */
burr_status watch_open(const char *store_path, size_t max_count, struct watch *out, burr_error *err);
void watch_close(struct watch *watch);

/* Watch the store itself. */
void watch_add_store(struct watch *watch);
/* Watch a project or application; false when it has to be polled. Safe to repeat. */
bool watch_add(struct watch *watch, const struct app_name *name);
bool watch_has(const struct watch *watch, const struct app_name *name);
/* Forget an application, or a project with all its applications. */
void watch_drop(struct watch *watch, const struct app_name *name);

/* Hand over what has come; never waits. */
void watch_read(struct watch *watch, watch_fn *each, void *ctx);

#endif
