/* spool/recover.h: what dead writers left: into the logs with it, and away with the files.
 *
 * A spool whose lock is free belongs to nobody living; who gets the lock does the work, so several at once do
 * no harm. A spool of another version, or that is none, is set aside under the name SPOOL_ASIDE_PREFIX with a
 * message and never deleted. Threads: one at
 * a time for an appender and its others: the shipper (with pass_lock), the collector's append thread, a
 * command. A spool's own lock is held while it is done. Source: proto/DISK.md, Recovery. */
#ifndef SPOOL_RECOVER_H
#define SPOOL_RECOVER_H

#include "store/append.h"

struct others; /* spool/others.h: the appender's own */

#define SPOOL_ASIDE_PREFIX ".burr-aside-"

struct recovered {
	uint64_t spool_count;   /* done with and removed */
	uint64_t record_count;  /* of them in their logs, those that were there already included */
	uint64_t lost_count;    /* records that the store refuses for good, and unreadable ones (at least) */
	uint64_t dropped_count; /* that their writers had to drop, as they noted */
	uint64_t kept_count;    /* spools that stay: the store takes nothing at the moment, or not all */
	uint64_t aside_count;
	char trouble[256]; /* the last of what was lost, kept or set aside; "" */
	/* A spool is done with; NULL. */
	void (*on_spool)(void *ctx, const char *name, uint64_t record_count, uint64_t dropped_count);
	/* Between batches: all of it may take seconds, and who has something else to see to does it now.
	 * NULL.
	 */
	void (*on_batch)(void *ctx);
	void *ctx;
};

/* Without a collector: takes the right to append, pass by pass. Ends early where somebody else has it. The
 * counts are added to. */
void recover_store(struct store *store, struct recovered *out);
/* The same for who tries again what was kept: an appender mends a log that ends inside a line when it has
 * seen it so for 20 ms. So whoever made a recoverer keeps it until nothing is kept, and no longer: it holds
 * descriptors. The store is borrowed. NULL without memory.
 *
 * old_only: only what is of an earlier boot of the machine: all of that is older than anything that is
 * recorded now. */
struct recoverer;
struct recoverer *recoverer_new(struct store *store);
void recoverer_free(struct recoverer *recoverer);
void recoverer_run(struct recoverer *recoverer, bool old_only, struct recovered *out);
/* Take in what living writers hold, whether they move it themselves or not, for who reads the logs alone and
 * may miss nothing that was recorded before. The spools stay as they are; those of which not all could be
 * taken in are kept_count. */
void recoverer_run_living(struct recoverer *recoverer, struct recovered *out);
/* And with the caller's appender. */
void recover_shared(
	struct store *store, struct appender *appender, struct others *others, struct recovered *out);
/* For who holds the right to append: with its own appender. */
void recover_with(
	struct store *store, struct appender *appender, struct others *others, struct recovered *out);

/* For the same: take in what living writers hold and have not moved since the last call (their process is
 * stopped, or starves), so that what reads the logs alone has it too. The spools stay as they are. */
void recover_stalled(
	struct store *store, struct appender *appender, struct others *others, struct recovered *out);
/* And, as recoverer_run_living does, what all of them hold. */
void recover_living(
	struct store *store, struct appender *appender, struct others *others, struct recovered *out);

#endif
