/* cli/life.h: whether a run goes on: what its last records say, and whether their writer lives.
 *
 * A step that was begun and not ended is running while its writer lives, and lost when that is gone. Each
 * record names its writer, whose spool is locked for as long as it lives. Burr's own client has neither:
 * there nobody can know. */
#ifndef CLI_LIFE_H
#define CLI_LIFE_H

#include "store/foreign.h"
#include "store/store.h"

enum life {
	LIFE_RESTS,   /* no step is open */
	LIFE_RUNS,    /* the last step is open, and its writer lives */
	LIFE_LOST,    /* the last step is open, and its writer is gone */
	LIFE_UNKNOWN, /* the last step is open; who wrote it cannot be asked */
};

/* What spools hold of a run's project or of the run, read before its log (load/tail.h). *out_seen (may be
 * NULL): the time of the run's last record as the log has it; empty when there is none. A log that cannot be
 * read is that of a run that rests. */
enum life life_find(const struct store *store, const struct foreign *held, const char *project,
	const char *app_id, struct buf *out_seen);

/* "running", "lost", "running?"; "" for a run that rests. */
const char *life_name(enum life life);

#endif
