/* http/topics.h: what can be listened to: what changed of it, the deltas that are made of that, and who is
 * still to get them. Private to this folder; events.h is what the server uses.
 *
 * A publish adds to its topic's pending changes, where somebody listens to it. The loop looks at what is
 * pending (topics_schedule) and starts the maker, one job of the workers at a time, which takes topic after
 * topic and has the callback write what has become of it: once a topic, however many read it, at once while
 * the topic is calm, else every TOPICS_MERGE_MS. A delta waits in a ring, whose bytes are capped over all
 * topics.
 *
 * One counter, from the clock's microseconds at start, counts publishes and deltas, so it rises from one run
 * of the program to the next as well. A delta's number says: whoever has all deltas up to here, or read from
 * the source when the counter stood here, has all that was published before it was made. What is published
 * later goes into a delta with a higher number. So one number is the whole of a reader's place, and a reader
 * gets deltas in the order of their numbers, over all its topics.
 *
 *     publish ──▶ pending ──schedule──▶ due ──maker──▶ ring ──reader_take──▶ a stream, a poll
 *
 * Threads: each function says; everything is under one lock, which is not held while a delta is made. */
#ifndef HTTP_TOPICS_H
#define HTTP_TOPICS_H

#include "http/server.h"

#include <h2o/linklist.h>

enum {
	TOPICS_MERGE_MS = 40, /* of the 100 ms that a record may take to the screen */
	TOPICS_BURST = 3,     /* at once after a pause: a step begins, something is recorded in it, it ends */
	TOPICS_LINGER_MS = 30000,             /* after its last reader a topic's deltas are made so long */
	TOPICS_IDLE_MAX = 4096,               /* such topics at a time */
	TOPICS_KEPT_BYTES = 16 * 1024 * 1024, /* of all rings */
	TOPICS_DELTA_MAX = 32 * 1024,         /* bytes of one; a larger one is for the reader to fetch */
	TOPICS_NAME_MAX = 900,                /* project, app id and a partition key, all at their longest */
	TOPICS_PER_READER = 256,              /* a screen shows a few dozen things */
};

struct topics; /* one a server */

struct topics_stats {
	uint64_t cursor;    /* the counter */
	uint64_t deltas;    /* made since start */
	uint64_t told;      /* given to readers */
	uint64_t refetches; /* of these, such that must be fetched */
	size_t kept_bytes;  /* of all rings */
};

/* make_delta NULL: every change is for the reader to fetch. wake: there is something to schedule, or to take;
 * called with the lock held. */
BURR_MUST_CHECK burr_status topics_open(http_delta_fn *make_delta, void *make_ctx, void (*wake)(void *ctx),
	void *wake_ctx, struct topics **out_topics, burr_error *err);
/* After the last reader and the last job. Accepts NULL. */
void topics_free(struct topics *topics);
/* Any thread. */
void topics_publish(struct topics *topics, const struct http_change *change);
uint64_t topics_cursor(struct topics *topics);
void topics_get_stats(struct topics *topics, struct topics_stats *out);

/* A loop's thread. *out_waits: look again within a few milliseconds. True: the caller has to submit a job
 * that calls topics_make, or to take it back by topics_give_up. */
bool topics_schedule(struct topics *topics, bool *out_waits);
void topics_give_up(struct topics *topics);
/* A worker's thread: make the deltas that are due, some of them; true: there are more, call it again. */
bool topics_make(struct topics *topics, unsigned worker);

/* ---- readers ---- */

struct topic;
struct seat;

struct reader {
	struct topics *topics;   /* constant */
	h2o_linklist_t *fresh;   /* constant; a list that it is put into when there is something to take */
	h2o_linklist_t of_fresh; /* under the lock */
	uint64_t told;           /* the owner's: all up to here was taken */
	size_t seat_count;
	struct seat *seats;
};

/* names: topics by commas. last: the number up to which the reader has all; SLICE_NONE: it will fetch after
 * this call. A number that is none of this run of the program, or is too old, makes it fetch. reader: zeroed,
 * of a place that stays. fresh: outlives it. BURR_EINVAL for topics that are none, BURR_ENOMEM. */
BURR_MUST_CHECK burr_status reader_open(struct reader *reader, struct topics *topics, struct slice names,
	struct slice last, h2o_linklist_t *fresh, burr_error *err);
/* Accepts one that was not opened. */
void reader_close(struct reader *reader);
/* data: the JSON of one change; id: all up to it was taken then. */
typedef void reader_put_fn(struct slice data, uint64_t id, void *ctx);
/* Take what there is, until some TOPICS_DELTA_MAX bytes; reader->told then says up to where it has all. The
 * owner's thread; put is called with the lock held. */
void reader_take(struct reader *reader, reader_put_fn *put, void *ctx);
/* The next in a list of those that have something to take; NULL: none. */
struct reader *reader_next_fresh(struct topics *topics, h2o_linklist_t *fresh);

#endif
