/* Threads: `count` workers, started by workers_open and joined by workers_stop. One lock; no job runs under
 * it. */
#include "http/worker.h"

#include "base/error.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_WORKERS = 256 };

struct worker {
	struct workers *pool;
	unsigned index;
	pthread_t thread;
};

struct workers {
	unsigned max_queued; /* constant, as is what comes below up to the lock */
	pthread_mutex_t lock;
	pthread_cond_t some; /* a job was queued, or stopping was set */
	pthread_cond_t none; /* the queue ran empty; on the monotonic clock */
	struct job *first;   /* under lock, as all below */
	struct job **last;
	unsigned queued;
	size_t queued_bytes;
	bool closing;   /* nothing is taken any more */
	bool dropping;  /* what is queued is refused */
	unsigned count; /* threads started; constant once workers_open has returned, 0 after workers_stop */
	struct worker threads[];
};

static struct job *take_locked(struct workers *pool)
{
	struct job *job = pool->first;
	pool->first = job->next;
	if (!pool->first) {
		pool->last = &pool->first;
		pthread_cond_broadcast(&pool->none);
	}
	pool->queued--;
	pool->queued_bytes -= job->size;
	return job;
}

static void *work(void *arg)
{
	struct worker *self = arg;
	struct workers *pool = self->pool;
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!pool->first && !pool->closing)
			pthread_cond_wait(&pool->some, &pool->lock);
		if (!pool->first)
			break;
		struct job *job = take_locked(pool);
		bool drop = pool->dropping;
		pthread_mutex_unlock(&pool->lock);
		job->run(job, self->index, drop);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static int start_thread(struct worker *worker)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&worker->thread, NULL, work, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static void init_locks(struct workers *pool)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->some, NULL);
	pthread_cond_init(&pool->none, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

burr_status workers_open(unsigned count, unsigned max_queued, struct workers **out_workers, burr_error *err)
{
	if (count == 0 || count > MAX_WORKERS || max_queued == 0)
		return burr_fail(err, BURR_EINVAL, "%u workers with a queue of %u; 1 to %d and at least 1",
			count, max_queued, MAX_WORKERS);
	struct workers *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->threads[0]));
	if (!pool)
		return burr_fail(err, BURR_ENOMEM, "no memory for %u workers", count);
	pool->max_queued = max_queued;
	pool->last = &pool->first;
	init_locks(pool);
	for (unsigned i = 0; i < count; i++) {
		pool->threads[i] = (struct worker){.pool = pool, .index = i};
		int rc = start_thread(&pool->threads[i]);
		if (rc != 0) {
			workers_close(pool);
			return burr_fail(err, BURR_ENOMEM, "start worker %u: %s", i, strerror(rc));
		}
		pool->count++;
	}
	*out_workers = pool;
	return BURR_OK;
}

bool workers_submit(struct workers *pool, struct job *job)
{
	pthread_mutex_lock(&pool->lock);
	bool fits = pool->queued < pool->max_queued &&
		    (pool->queued == 0 || pool->queued_bytes + job->size <= WORKERS_MAX_BYTES);
	bool room = !pool->closing && (fits || job->goes_on);
	if (room) {
		job->next = NULL;
		*pool->last = job;
		pool->last = &job->next;
		pool->queued++;
		pool->queued_bytes += job->size;
		pthread_cond_signal(&pool->some);
	}
	pthread_mutex_unlock(&pool->lock);
	return room;
}

unsigned workers_queued(struct workers *pool)
{
	pthread_mutex_lock(&pool->lock);
	unsigned queued = pool->queued;
	pthread_mutex_unlock(&pool->lock);
	return queued;
}

static struct timespec deadline_in(unsigned ms)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

void workers_stop(struct workers *pool, unsigned deadline_ms)
{
	struct timespec deadline = deadline_in(deadline_ms);
	pthread_mutex_lock(&pool->lock);
	pool->closing = true;
	pthread_cond_broadcast(&pool->some);
	while (pool->first && pthread_cond_timedwait(&pool->none, &pool->lock, &deadline) != ETIMEDOUT)
		;
	pool->dropping = true;
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->count; i++)
		pthread_join(pool->threads[i].thread, NULL);
	pool->count = 0;
}

void workers_close(struct workers *pool)
{
	if (!pool)
		return;
	workers_stop(pool, 0);
	pthread_cond_destroy(&pool->none);
	pthread_cond_destroy(&pool->some);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
