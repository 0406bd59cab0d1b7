/* catalog/alive.h: whether who writes a run still lives. Private to this folder.
 *
 * Our writers hold a lock on their spool for as long as they live. Of others (Burr's own client) it is known
 * when a process of this user holds the run's log open; else nothing is known. Answers are kept for
 * ALIVE_KEEP_MS, as many runs have one writer. Threads: one at a time. */
#ifndef CATALOG_ALIVE_H
#define CATALOG_ALIVE_H

#include "catalog/table.h"
#include "store/store.h"

#include <sys/types.h>

enum {
	ALIVE_KEEP_MS = 500,
	ALIVE_LEFT_MS =
		3000, /* how long the records that a writer left are waited for before its step is lost */
};

struct alive {
	const struct store *store; /* borrowed */
	struct table writers;      /* id → whether it lives: not NULL */
	struct table logs;         /* device and inode of each log.jsonl that a process holds open */
	int64_t writers_at_ns, logs_at_ns;
	struct table left; /* id → since when */
};

void alive_init(struct alive *alive, const struct store *store);
void alive_fini(struct alive *alive);
/* False: the writer is gone, and what it recorded is in its logs (or was waited for long enough). */
bool alive_has_writer(struct alive *alive, const char *writer);
/* Whether a process that may be asked holds this log open. */
bool alive_holds_log(struct alive *alive, dev_t dev, ino_t ino);

#endif
