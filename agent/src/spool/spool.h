/* spool/spool.h: this process's way into one store: records go in by calls of any thread, and one thread of
 * ours (the shipper, ship.c) takes them to the collector, or appends them itself where there is none.
 *
 * A spool is one writer (proto/DISK.md): it has a random id, numbers its records by lane, and all trackers of
 * a store in a process share it. Its records lie in a mapped file of the store until they are in their logs.
 * So a record whose call has returned survives the process; a call costs a copy, without a lock or a system
 * call.
 *
 * Threads and locks: spool_put takes no lock unless its spool is not started yet, has no room, or it is to be
 * told what became of its record, and may be used in a signal handler. `lock` guards the rest; it is held for
 * moments, but also while the spill file is written or a spool's file is made. The order is the registry's
 * lock, pass_lock (ship.c), `lock`; fork takes them (pass_lock where descriptors are not isolated); in the
 * child each spool becomes a new writer, with a file of its own when it is first used. What the parent had
 * recorded is the parent's to store. */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include "wire/record.h"

struct spool;
struct spool_app; /* an application that this writer records for; one per project and app_id */

/* The spool of the store at `option` (store/store.h), opened or shared. spill_bytes counts for the first
 * opener. Errors: store_open's. Give it back with spool_unref. */
burr_status spool_ref(const char *option, uint64_t spill_bytes, struct spool **out, burr_error *err);
/* The last one waits up to timeout_ms for all to be stored, ends the shipper and gives the file back.
 * BURR_ELATER: records stay in the spool's file, for whoever opens the store next. BURR_EDROPPED: records are
 * lost; how many and why. */
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

/* Take a record in.
 *
 * wait_ms  for all calls of one outage together, while there is no room; UINT32_MAX: without end
 *
 * BURR_OK: it is in the spool's file. BURR_ELATER: it is kept, but only in memory (the store had no room for
 * a spool). BURR_EDROPPED: no room; counted. BURR_EEXIST: the application is another partition's, refused and
 * counted. Any other: taken, but the store has refused this application's records with that code lately
 * (BURR_ENOTFOUND: deleted). */
burr_status spool_put(
	struct spool *spool, struct spool_app *app, const struct record *record, uint32_t wait_ms);

/* As spool_put, and wait for what becomes of it: BURR_OK: it is in the store. BURR_ELATER: nothing is stored
 * at the moment, it is kept. The store's own refusals: it is gone and counted. */
burr_status spool_put_wait(struct spool *spool, struct spool_app *app, const struct record *record,
	uint32_t wait_ms, burr_error *err);

/* Whether spool_put of a record with texts of len bytes might wait: for room, for a spool that is not
 * started, or for a lane that is another thread's. */
bool spool_would_wait(struct spool *spool, struct spool_app *app, size_t len);

/* Count a record that was refused before it came here, so that flush and the statistics tell of it. */
void spool_count_refusal(struct spool *spool, const char *why);

/* Wait until what was recorded before is stored. BURR_ETIMEOUT; BURR_EDROPPED: records were dropped since the
 * last flush. */
burr_status spool_flush(struct spool *spool, uint32_t timeout_ms, burr_error *err);

/* Where records of this process that no other process can see may be waiting (a spool that could get no
 * file), flush them: for those who read the store. */
void spool_flush_hidden(uint32_t timeout_ms);

void spool_get_stats(struct spool *spool, burr_tracker_stats *out);

#endif
