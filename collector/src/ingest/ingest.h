/* ingest/ingest.h: the collector's end of the socket: requests in, records into the store, replies out.
 *
 * One thread, the append thread, moves the connections' bytes (peers.h) and takes their requests one after
 * the other, which is all the locking that the logs need: while it holds the right to append, nobody else
 * writes. Until it has that right, batches are answered with NOT_YET. Source: proto/WIRE.md, proto/DISK.md.
 *
 * Threads: ingest_open, ingest_stop and ingest_close from one thread; the others from any. Callbacks run on
 * the append thread. */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include "store/append.h"
#include "store/store.h"
#include "wire/limits.h"

struct ingest;

/* Where the end of a step lies in its log; false when the catalog does not know it. */
typedef bool find_place_fn(void *ctx, struct slice project, struct slice app_id, int64_t sequence_id,
	uint64_t *out_offset, uint64_t *out_len);

struct ingest_options {
	struct store *store;       /* STORE_WRITE, claimed by this process; borrowed until close */
	const char *url;           /* of the UI, told to writers that ask; borrowed until close */
	appended_fn *on_appended;  /* an application's files changed; may be NULL */
	find_place_fn *find_place; /* may be NULL: every question is answered with "look yourself" */
	void *ctx;
};

/* Listen on the store's socket and start the append thread.
 * Errors: BURR_EEXIST somebody listens there, BURR_EIO, BURR_ENOMEM. */
burr_status ingest_open(const struct ingest_options *options, struct ingest **out, burr_error *err);

/* Take no more requests, answer those that have come in whole, give the right to append back, join. What a
 * writer had under way without an answer it sends again to whoever comes next. */
void ingest_stop(struct ingest *ingest);
/* Stop, if that was not done, and free. Accepts NULL. */
void ingest_close(struct ingest *ingest);

/* Take in what spools hold of an application for longer than a writer that runs keeps it (INGEST_HELD_MS),
 * for who reads its log next. True: something was appended. False also when the append thread has other
 * things to do for longer than INGEST_ASK_MS. Threads: any, until ingest_close. */
enum { INGEST_HELD_MS = 50, INGEST_ASK_MS = 100 };
bool ingest_take_in(struct ingest *ingest, struct slice project, struct slice app_id);

/* An application that nothing can be stored of at the moment. */
enum { INGEST_LATER_MAX = 16 };
struct ingest_later {
	char project[PROJECT_NAME_MAX + 1];
	char app_id[APP_ID_MAX + 1];
	char reason[200];
	int64_t since_ns; /* wall clock */
	int64_t asked_ns; /* monotonic: the last LATER */
};

struct ingest_stats {
	bool appending;         /* holds the right to append */
	uint32_t writer_count;  /* connections now */
	uint64_t batch_count;   /* since open */
	uint64_t record_count;  /* entries in batches that were taken */
	uint64_t byte_count;    /* of requests */
	uint64_t invalid_count; /* records with a value that was not JSON */
	uint64_t lost_count;    /* records whose side file was gone */
	uint64_t later_count;   /* verdicts LATER */
	uint64_t never_count;   /* verdicts NEVER */
	uint64_t refused_count; /* requests that were none */
	uint64_t dropped_count; /* what writers said they had to drop */
	uint32_t spool_count; /* spools in the store: living writers, and dead ones that could not be emptied
			       */
	uint64_t recovered_count; /* records taken out of spools of dead or stopped writers, those that were
				     stored already included */
	uint64_t aside_count;     /* spools that are none, or of another version, and were set aside */
	char trouble[256];        /* the last LATER or NEVER; "" */
	/* Applications whose last verdict is LATER, the longest first; of more than fit, the first. One that
	 * nobody has asked for a minute (its writer has ended) is left out. */
	struct ingest_later laters[INGEST_LATER_MAX];
	size_t later_app_count;
};
void ingest_get_stats(struct ingest *ingest, struct ingest_stats *out);

#endif
