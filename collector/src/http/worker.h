/* http/worker.h: threads that run jobs from one bounded queue.
 *
 * Threads: any may submit. Jobs run on the pool's threads, which block every signal. */
#ifndef HTTP_WORKER_H
#define HTTP_WORKER_H

#include "base/buf.h"

struct workers;

/* Embedded in what is to be done. run is called exactly once for each job that was taken; drop is true when
 * the pool stops and the job is to be refused rather than done. */
struct job {
	struct job *next; /* under the pool's lock while queued */
	size_t size;      /* bytes that wait with it */
	bool goes_on;     /* an answer that has begun: it is taken, however many wait */
	void (*run)(struct job *job, unsigned worker, bool drop);
};

enum {
	/* Requests wait with their bodies; this many bytes of them is all we keep, however few they are. */
	WORKERS_MAX_BYTES = 64 * 1024 * 1024,
};

BURR_MUST_CHECK burr_status workers_open(
	unsigned count, unsigned max_queued, struct workers **out_workers, burr_error *err);
/* False, job untouched, when the queue is full (but for one that goes on) or the pool stops. */
bool workers_submit(struct workers *workers, struct job *job);
unsigned workers_queued(struct workers *workers);
/* Take no more, do what is queued until deadline_ms have passed, drop the rest, join. Safe to call twice. */
void workers_stop(struct workers *workers, unsigned deadline_ms);
/* Stop without waiting for the queue, if that was not done, and free. Accepts NULL. */
void workers_close(struct workers *workers);

#endif
