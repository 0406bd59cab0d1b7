/* store/append.h: a batch of records into the store, exactly once, by whoever has the right to append: the
 * collector's ingest, or a writer's own shipper.
 *
 * Both ask in the same words: a request's bytes in, a reply's bytes out (wire/message.h).
 *
 * Threads: one at a time per appender. Descriptors of at most `log_max` logs are kept open. */
#ifndef STORE_APPEND_H
#define STORE_APPEND_H

#include "store/store.h"
#include "wire/message.h"

struct appender;

/* Told after an application's files changed; borrowed arguments. Called on the appender's thread. */
typedef void appended_fn(void *ctx, struct slice project, struct slice app_id);

struct appender_options {
	size_t log_max;           /* logs kept open */
	bool alone;               /* the right to append is exclusive: no log needs its own lock */
	appended_fn *on_appended; /* NULL */
	void *ctx;
};

/* The store is borrowed and outlives the appender. NULL without memory. */
struct appender *appender_new(struct store *store, const struct appender_options *options);
void appender_free(struct appender *appender);

/* Store the entries of a request that request_read accepted, and append the Reply (with a verdict for each
 * application) to out_reply. The caller has the right to append for the whole call.
 *
 * BURR_OK also where verdicts are LATER or NEVER; BURR_ECORRUPT and BURR_ETOOBIG: the batch is refused,
 * nothing was stored; BURR_ENOMEM: nothing is known to be stored, ask again. */
burr_status appender_store(
	struct appender *appender, const struct request *request, struct buf *out_reply, burr_error *err);

#endif
