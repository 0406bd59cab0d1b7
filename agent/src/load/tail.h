/* load/tail.h: what spools hold of an application: the end of its log that is not there yet. */
#ifndef LOAD_TAIL_H
#define LOAD_TAIL_H

#include "base/clock.h"
#include "spool/held.h"
#include "spool/spool.h"

/* A spool of this process that has no file (the store had no room for one) is emptied first, as nobody could
 * look into it; a stopped collector ends that after this time. */
enum { TAIL_FLUSH_MS = 2000 };

/* app_id may be SLICE_NONE: of all the project's. Read it before the log; held_put_lines makes lines of it.
 */
static inline burr_status tail_read(const struct store *store, struct slice project, struct slice app_id,
	struct foreign *out, burr_error *err)
{
	const struct held_filter filter = {
		.project = project,
		.app_id = app_id,
		.hash = app_id.data ? spool_hash(project, app_id) : 0,
		.before_ns = clock_mono_ns() + 1,
	};
	spool_flush_hidden(TAIL_FLUSH_MS);
	return held_read_all(store, &filter, out, err);
}

#endif
