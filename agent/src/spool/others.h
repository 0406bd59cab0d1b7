/* spool/others.h: the other writers of a store, for whoever appends.
 *
 * If a call returned before another began, its record comes first in the log, also when the two were in two
 * processes and the first one's shipper has not come to it yet (it is stopped, or merely slow). So who
 * appends an application's records first takes what other spools hold of it that is older. Each spool tells
 * by a filter which applications its writer may record for, so the common case (nobody else does) costs two
 * loads a spool.
 *
 * Of a few spools the descriptors are kept; of more, and where there are none to be had, only the filters:
 * then a spool is opened for each look.
 *
 * Threads: one at a time. */
#ifndef SPOOL_OTHERS_H
#define SPOOL_OTHERS_H

#include "store/foreign.h"
#include "store/store.h"

struct others;

/* own_writer: whose spool is left out; SLICE_NONE: none. The store is borrowed until others_free. NULL
 * without memory. */
struct others *others_new(const struct store *store, struct slice own_writer);
void others_free(struct others *others);
/* An application that a spool of an earlier boot may hold is BURR_ELATER until that is recovered: all in it
 * is older. While the spools of such a boot are being recovered, that boot's are asked: with no others' times
 * can theirs be compared. What those hold that were passed before it and stayed comes first, and is
 * BURR_ELATER still. boot_id is copied; NULL: it is over. */
void others_pass_boot(struct others *others, const char *boot_id);

/* A begin_others_fn, a find_others_fn, a forget_others_fn and a doubt_others_fn (store/foreign.h); their
 * first argument is a struct others. A spool is read at the first application that it may be asked for, and
 * once a batch after that while its writer publishes more. */
void others_begin(void *others);
burr_status others_find(void *others, struct slice writer, struct slice project, struct slice app_id,
	int64_t before_ns, struct foreign *out, burr_error *err);
void others_forget(
	void *others, struct slice writer, struct slice project, struct slice app_id, int64_t before_ns);

void others_doubt(void *others, struct slice project, struct slice app_id);

/* How many spools there are, and of them how many hold records. */
struct others_count {
	uint32_t spools;
	uint32_t holding;
};
struct others_count others_count(struct others *others);

/* Recovery has tried to read a spool, and the disk did or did not give all of it. */
void others_note_read(struct others *others, const char *name, bool unreadable);
/* Since when it does not, by clock_mono_ns; 0: it does, or that is not known. */
int64_t others_unreadable_since(struct others *others, const char *name);

/* Visit the spools that have held the same records since the last call. The visitor returns true when all of
 * them are in their logs: then nobody is given them any more. */
typedef bool others_visit_fn(void *ctx, int fd, const char *name);
void others_each_stalled(struct others *others, others_visit_fn *visit, void *ctx);

#endif
