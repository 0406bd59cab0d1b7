/* store/append.h: a batch of records into the store, exactly once, by whoever has the right to append: the
 * collector's ingest, or a writer's own shipper.
 *
 * Both ask in the same words: a request's bytes in, a reply's bytes out (wire/message.h).
 *
 * Threads: one at a time per appender. Descriptors of at most `log_max` logs are kept open. */
#ifndef STORE_APPEND_H
#define STORE_APPEND_H

#include "store/foreign.h"
#include "store/store.h"

struct appender;

/* Told after an application's files changed; borrowed arguments. Called on the appender's thread. */
typedef void appended_fn(void *ctx, struct slice project, struct slice app_id);

struct appender_options {
	size_t log_max;  /* logs kept open, at least 1; fewer for a while after there was no descriptor */
	bool alone;      /* the right to append is exclusive: no log needs its own lock */
	bool sync_first; /* who had the right before may have died: in a store with durability `group`
			  * or `power` all is synced once, before anything is acknowledged */
	appended_fn *on_appended; /* NULL */
	void *ctx;
	begin_others_fn *begin_others; /* these four are NULL where there are no others */
	find_others_fn *find_others;
	forget_others_fn *forget_others; /* NULL, with the next: they are given as they are each time */
	doubt_others_fn *doubt_others;
	void *others; /* their first argument */
};

/* The store is borrowed and outlives the appender. NULL without memory. */
struct appender *appender_new(struct store *store, const struct appender_options *options);
void appender_free(struct appender *appender);

/* How many logs it keeps open at the moment. */
size_t appender_log_max(const struct appender *appender);
/* Somebody else lacks a descriptor: keep half as many. False: none could be closed. Between batches. */
bool appender_close_some(struct appender *appender);

/* Store the entries of a request that request_read accepted, and append the Reply (with a verdict for each
 * application) to out_reply. The caller has the right to append for the whole call.
 *
 * With durability `power` the records, and the folders and files of new applications, are synced before they
 * are DONE.
 *
 * BURR_OK also where verdicts are LATER or NEVER; BURR_ECORRUPT and BURR_ETOOBIG: the batch is refused,
 * nothing was stored; BURR_ENOMEM: nothing is known to be stored, ask again. */
burr_status appender_store(
	struct appender *appender, const struct request *request, struct buf *out_reply, burr_error *err);

/* With durability `group`: when (CLOCK_MONOTONIC, ns) what was acknowledged is to be synced; INT64_MAX: there
 * is nothing. The caller sees to it that appender_sync is called then, whether batches come or not. */
int64_t appender_sync_due(const struct appender *appender);
/* Sync it now. No right to append is needed. BURR_ELATER: something could not be synced; its applications are
 * LATER from now on, and appender_sync_due says when to try again. */
burr_status appender_sync(struct appender *appender, burr_error *err);

#endif
