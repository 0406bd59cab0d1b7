/* store/log.h: one application's log.jsonl, opened for appending by somebody who has the right to.
 *
 * It knows how long the log was when it left it and the last number of every writer and lane that it has met,
 * so that "is this record here already" is a look-up. Threads: one at a time. Source: proto/DISK.md (Exactly
 * once, Torn tails). */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "store/line.h"
#include "store/store.h"

struct log;

/* Which file a log is, also where an inode's number comes again: 0 when the kernel cannot tell. */
uint64_t log_token(int fd);
/* The same of one by path, 0 where there is none, and where its last line begins or ends: nothing that is
 * appended from now on stands before that, also when half a line at its end is cut off again. 0: not known.
 */
uint64_t log_token_at(const char *path, uint64_t *out_start);

/* BURR_ENOTFOUND: no such application; BURR_ELATER: cannot be opened now; BURR_EPERM, BURR_EIO. */
burr_status log_open(const struct store *store, struct slice project, struct slice app_id, struct log **out,
	burr_error *err);
void log_close(struct log *log);
/* It will be used soon. */
static inline void log_prefetch(const struct log *log)
{
	__builtin_prefetch(log);
	__builtin_prefetch((const char *)log + 64);
}

/* The log's own lock, for those who share the right to append. False: somebody else has it now. */
bool log_try_lock(struct log *log);
void log_unlock(struct log *log);

/* Look at what has become of the log since it was left: new bytes are read, a torn tail is mended once it is
 * 20 ms old.
 *
 * BURR_ELATER: a tail that somebody may still be writing. BURR_ENOTFOUND: the file was deleted or replaced;
 * close and open by path once more. */
burr_status log_refresh(struct log *log, burr_error *err);
/* Such a tail is being timed, by this struct alone: closed now, the log would begin to wait anew when it is
 * opened again. Who asks again does so within a second; after five nobody does. */
bool log_waits_for_tail(const struct log *log);

/* Whether record n of a writer's lane is to be appended, or stands there already. log_start: as in Entry. A
 * new one is taken for the last of its lane from now on, for good when its line is appended. */
burr_status log_stage(struct log *log, struct slice writer, uint32_t lane, uint64_t n, uint64_t log_start,
	uint64_t start_token, bool *out_is_new, burr_error *err);
/* Forget what was staged since the last log_append: its lines will not come. */
void log_unstage(struct log *log);
/* Keep it as if its lines had come: they are lost, and would be counted again each time they are asked about.
 */
void log_keep_staged(struct log *log);

/* Append whole lines with one write. BURR_ELATER (no space, …): none of them, or the first ones, which
 * log_stage will find there after the next log_refresh; BURR_EPERM, BURR_EIO. */
burr_status log_append(struct log *log, struct slice lines, burr_error *err);

/* ---- syncing, where the store's durability asks for it ---- */

/* Whether bytes of it may be in the kernel's memory alone. */
bool log_needs_sync(const struct log *log);
/* Sync it, and its folder when the log is new. After a failure (BURR_ELATER) nothing of the log may be
 * acknowledged, and the next attempt writes the bytes since the last good sync once more. */
burr_status log_sync(struct log *log, burr_error *err);
bool log_sync_failed(const struct log *log);
/* The whole file system was synced, or could not be. Not for a log whose own sync has failed before. */
void log_note_sync(struct log *log, bool ok);

#endif
