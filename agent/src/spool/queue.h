/* spool/queue.h: what the spool's calls (spool.c) and its shipper (ship.c) share. */
#ifndef SPOOL_QUEUE_H
#define SPOOL_QUEUE_H

#include "link/link.h"
#include "spool/spool.h"
#include "store/append.h"
#include "wire/limits.h"

#include <pthread.h>

struct spool_app {
	struct slice project; /* these three point into `text` */
	struct slice app_id;
	struct slice partition_key;
	char *text;
	struct buf head;        /* entry_put_app's bytes */
	unsigned refs;          /* under lock: handles, and records in the queue */
	int64_t later_since_ns; /* under lock: the store refuses it since; 0: it does not */
	int64_t retry_at_ns;    /* under lock */
	bool refused;           /* under lock: it is another partition's, and gets none of our records */
	int batch_at;           /* shipper only: its place in the batch at hand, -1 */
	struct spool_app *next; /* under lock */
};

/* A record in the queue. It belongs to the call that waits for it until that has left; then to the shipper.
 */
struct node {
	struct node *next;
	struct spool_app *app;
	uint64_t n; /* rises along the queue */
	bool done;
	bool left;          /* its call returned without waiting longer */
	burr_status status; /* when done */
	size_t len;
	char bytes[]; /* an Entry */
};

struct batch; /* ship.c */

struct spool {
	struct spool *next; /* under the registry's lock */
	unsigned refs;      /* under the registry's lock */
	struct store *store;
	uint64_t queue_cap;
	char writer[WRITER_ID_LEN + 1];

	pthread_mutex_t lock;
	pthread_cond_t wake;    /* for the shipper: records, or the end */
	pthread_cond_t changed; /* for calls: records are done, room came, the queue is empty */
	pthread_t thread;
	bool started;
	bool stopping;
	struct node *first; /* oldest */
	struct node **last;
	uint64_t next_n;
	struct spool_app *apps;
	burr_tracker_stats stats;
	uint64_t dropped_reported; /* stats.dropped_count at the last flush */
	int64_t stuck_since_ns;    /* nothing can be delivered since; 0: it can */
	int64_t full_since_ns;     /* a call waits for room since; 0: none does */
	int64_t asked_since_ns;    /* the collector was asked then and has not answered; 0 */
	struct link *link; /* the shipper makes, uses and closes it; under lock for others to interrupt */

	struct batch *batch; /* the shipper's alone */

	pthread_mutex_t pass_lock;
	struct appender *appender; /* under pass_lock; NULL until it is needed */
	int64_t collector_seen_ns; /* shipper only: a collector is there since; 0: none */
	int64_t last_pass_ns;      /* shipper only */
};

/* The shipper's thread; its argument is the spool. */
void *ship_run(void *spool);
/* In a forked child: the batch is the parent's shipper's, perhaps half changed. It is put aside, never
 * touched. */
void ship_leave_batch(struct spool *spool);
void ship_free_batch(struct spool *spool);

/* A monotonic time as the absolute one of the spool's condition variables. */
struct timespec queue_time(int64_t mono_ns);

#endif
