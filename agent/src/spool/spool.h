/* spool/spool.h: this process's way into one store: records go in by calls of any thread, and one thread of
 * ours (the shipper, ship.h) takes them to the collector, or appends them itself where there is none.
 *
 * A spool is one writer (proto/DISK.md): it has a random id, numbers its records, and all trackers of a store
 * in a process share it. Behind this interface stands a bounded queue in memory whose call returns when its
 * record is stored; so what a call has recorded is on the disk, and can be loaded from anywhere, when it
 * returns.
 *
 * Threads and locks. `lock` guards the queue and the counters and is held for moments; the shipper holds
 * `pass_lock` while it appends to the store itself, and takes `lock` inside it, never the other way round.
 * The registry's lock comes before both. fork takes all three, so that the child finds everything whole:
 * there each spool becomes a new writer with an empty queue and starts its own shipper when it is first used.
 * What was in the queue is the parent's to store. */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include "base/buf.h"

#include <burr/tracker.h>

struct spool;
struct spool_app; /* an application that this writer records for; one per project and app_id */

/* The spool of the store at `option` (store/store.h), opened or shared. queue_bytes counts for the first
 * opener. Errors: store_open's. Give it back with spool_unref. */
burr_status spool_ref(const char *option, uint64_t queue_bytes, struct spool **out, burr_error *err);
/* The last one waits up to timeout_ms for the queue to empty, ends the shipper and frees the spool.
 * BURR_EDROPPED: records were left; how many and why. */
burr_status spool_unref(struct spool *spool, uint32_t timeout_ms, burr_error *err);

const char *spool_store_path(const struct spool *spool);

/* The spool's lock, for a few instructions and without a call of the spool's inside. */
void spool_lock(struct spool *spool);
void spool_unlock(struct spool *spool);

/* Names are checked. partition_key may be NULL. BURR_EINVAL, BURR_ENOMEM; BURR_EEXIST: this process records
 * it under another partition key. */
burr_status spool_app_ref(struct spool *spool, const char *project, const char *app_id,
	const char *partition_key, struct spool_app **out, burr_error *err);
void spool_app_unref(struct spool *spool, struct spool_app *app);

/* Take a record in (the bytes of entry_put_…) and wait until it is stored.
 *
 * wait_ms  for all calls of one outage together; UINT32_MAX: without end
 *
 * BURR_OK: stored. BURR_ELATER: kept in memory. BURR_EDROPPED: no room. The store's own refusals:
 * BURR_ENOTFOUND (deleted), BURR_EEXIST, BURR_EPERM, …: the record is gone and counted. */
burr_status spool_put(
	struct spool *spool, struct spool_app *app, struct slice record, uint32_t wait_ms, burr_error *err);

/* Count a record that was refused before it came here, so that flush and the statistics tell of it. */
void spool_count_refusal(struct spool *spool, const char *why);

/* Wait until what is in the queue now is stored. BURR_ETIMEOUT; BURR_EDROPPED: records were dropped since the
 * last flush. */
burr_status spool_flush(struct spool *spool, uint32_t timeout_ms, burr_error *err);

void spool_get_stats(struct spool *spool, burr_tracker_stats *out);

#endif
