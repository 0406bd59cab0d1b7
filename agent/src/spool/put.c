/* spool/put.c: the calls that put records in, and those that wait for what becomes of them. See spool.h for
 * threads. */
#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/signals.h"
#include "spool/inside.h"
#include "store/side.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
	ROOM_AGAIN_MS = 10, /* a waiting call looks again, should a wake-up be missed */
};

static const int64_t MS = 1000000;

/* ---- records ---- */

/* The text is for people; a signal handler that interrupts its writer goes without. */
static void count_drop(struct spool *spool, const char *why)
{
	struct held_signals signals;
	int cancelable;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	signals_hold(&signals);
	if (spool->file.map)
		atomic_fetch_add(&spool_file_header(&spool->file)->dropped_count, 1);
	else
		atomic_fetch_add(&spool->dropped_early, 1);
	if (why && pthread_mutex_trylock(&spool->lock) == 0) {
		spool_set_trouble_locked(spool, SLICE_NONE, slice_of(why));
		pthread_mutex_unlock(&spool->lock);
	}
	signals_release(&signals);
	pthread_setcancelstate(cancelable, NULL);
}

static void enter(struct lane *lane)
{
	atomic_store_explicit(&lane->busy, true, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
}

static void leave(struct lane *lane)
{
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&lane->busy, false, memory_order_relaxed);
}

/* What a call that got its record in returns. */
static inline burr_status taken(const struct spool *spool, const struct spool_app *app)
{
	int never = atomic_load_explicit(&app->never, memory_order_relaxed);
	if (__builtin_expect(never != BURR_OK, 0))
		return (burr_status)never;
	return __builtin_expect(spool->file.is_private, 0) ? BURR_ELATER : BURR_OK;
}

/* Nobody is woken while records flow, unless a lane is filling up. */
static inline void tell_shipper(struct spool *spool, struct lane *lane)
{
	uint32_t state = atomic_load_explicit(&spool->ship_state, memory_order_relaxed);
	if (__builtin_expect(state == SHIP_RUNS, 1))
		return;
	if (state == SHIP_WAITS) {
		if (lane->at - lane->tail_seen <= SPOOL_LANE_BYTES / 2)
			return;
		lane->tail_seen = atomic_load_explicit(&lane->shared_head->tail, memory_order_acquire);
		if (lane->at - lane->tail_seen <= SPOOL_LANE_BYTES / 2)
			return;
	}
	spool_wake(spool);
}

static bool is_mine(const struct lane *lane, const struct spool *spool)
{
	return lane && atomic_load_explicit(&lane->spool, memory_order_relaxed) == spool &&
	       atomic_load_explicit(&lane->owner, memory_order_relaxed) == lane_self();
}

/* ---- waiting for room ---- */

/* False when the time is up. */
static bool wait_word(struct spool *spool, uint32_t seen, int64_t deadline_ns)
{
	int64_t left_ns = deadline_ns == INT64_MAX ? INT64_MAX : deadline_ns - clock_mono_ns();
	if (left_ns <= 0 || atomic_load(&spool->retired))
		return false;
	atomic_fetch_add(&spool->room_waiters, 1);
	atomic_store(&spool->pressure, true);
	spool_wake(spool);
	futex_wait(&spool->room_word, seen, left_ns < ROOM_AGAIN_MS * MS ? left_ns : ROOM_AGAIN_MS * MS);
	atomic_fetch_sub(&spool->room_waiters, 1);
	return true;
}

/* When a call that finds its lane full gives up: an outage's calls wait together, and an outage lasts while
 * the lane's tail stands still. */
static int64_t room_deadline(struct lane *lane, int64_t now, uint32_t wait_ms)
{
	uint64_t tail = atomic_load(&lane->shared_head->tail);
	if (!lane->full_since_ns || lane->full_tail != tail) {
		lane->full_since_ns = now;
		lane->full_tail = tail;
	}
	return wait_ms == UINT32_MAX ? INT64_MAX : lane->full_since_ns + wait_ms * MS;
}

/* A lane that is anybody's for one call: for threads beyond the lanes, and for a call that interrupts
 * another. Its user holds signals back: what interrupts its call may never come back to it, and it would be
 * nobody's any more. */
static struct lane *take_shared(struct spool *spool)
{
	for (uint32_t i = 0; i < SPOOL_SHARED_LANES; i++) {
		void *nobody = NULL;
		if (atomic_compare_exchange_strong(&spool->lanes[i].owner, &nobody, lane_self()))
			return &spool->lanes[i];
	}
	return NULL;
}

static void leave_lane(struct spool *spool, struct lane *lane)
{
	leave(lane);
	if (lane->number >= SPOOL_SHARED_LANES)
		return;
	atomic_store(&lane->owner, NULL);
	if (atomic_load(&spool->room_waiters)) {
		atomic_fetch_add(&spool->room_word, 1);
		futex_wake(&spool->room_word);
	}
}

/* NULL: none is free just now. */
static struct lane *enter_any(struct spool *spool)
{
	struct lane *lane = lane_last();
	if (!is_mine(lane, spool))
		lane = lane_own(spool);
	if (!lane || atomic_load(&lane->busy))
		lane = take_shared(spool);
	if (lane)
		enter(lane);
	return lane;
}

/* ---- side files ---- */

static bool side_has_room(const struct spool *spool, size_t len)
{
	const uint64_t there = atomic_load(&spool->side_bytes);
	return !there || there + len <= spool->spill_max; /* one always fits, else it would wait for ever */
}

/* The record's bytes into a file of their own. Without malloc: the call may be a signal handler's. */
static bool write_side(struct spool *spool, const struct lane *lane, const struct record *record, size_t len)
{
	char name[SIDE_NAME_SIZE];
	char path[4096];
	if (!side_has_room(spool, len)) {
		errno = ENOSPC;
		return false;
	}
	side_file_name(
		name, sizeof(name), slice_of(spool->file.writer), lane->number, atomic_load(&lane->n) + 1);
	if (snprintf(path, sizeof(path), "%s/%s", spool->store_path, name) >= (int)sizeof(path))
		return false;
	char *bytes = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return false;
	record_write(bytes, record);
	struct held_signals signals;
	signals_hold_writing(&signals);
	CLEAN(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t done = 0;
	while (fd >= 0 && done < len) {
		ssize_t put = write(fd, bytes + done, len - done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			break;
		done += (size_t)put;
	}
	int error = errno;
	signals_release_writing(&signals);
	munmap(bytes, len);
	if (fd >= 0 && done < len)
		unlink(path);
	errno = error;
	if (done < len)
		return false;
	atomic_fetch_add(&spool->side_bytes, len);
	return true;
}

/* ---- the slow way in ---- */

struct entering {
	struct spool *spool;
	struct spool_app *app;
	struct record record;
	size_t rest_len;
	struct waiter *waiter; /* NULL: nobody waits for the outcome */
};

static void add_waiter(struct spool *spool, struct waiter *waiter, const struct lane *lane)
{
	waiter->lane = lane->number;
	waiter->n = atomic_load(&lane->n) + 1;
	pthread_mutex_lock(&spool->lock);
	waiter->next = spool->waiters;
	spool->waiters = waiter;
	pthread_mutex_unlock(&spool->lock);
}

static void remove_waiter(struct spool *spool, struct waiter *waiter)
{
	pthread_mutex_lock(&spool->lock);
	struct waiter **at = &spool->waiters;
	while (*at && *at != waiter)
		at = &(*at)->next;
	if (*at)
		*at = waiter->next;
	pthread_mutex_unlock(&spool->lock);
}

static void drop_side(struct entering *e, const struct lane *lane, size_t len)
{
	char name[SIDE_NAME_SIZE];
	char path[4096];
	side_file_name(
		name, sizeof(name), slice_of(e->spool->file.writer), lane->number, atomic_load(&lane->n) + 1);
	snprintf(path, sizeof(path), "%s/%s", e->spool->store_path, name);
	unlink(path);
	atomic_fetch_sub(&e->spool->side_bytes, len);
}

/* Its file comes first, so it is made only when its entry has room. */
static bool put_with_side(struct entering *e, struct lane *lane)
{
	struct record record = e->record;
	record.side_len = e->rest_len;
	const size_t rest_len = record_measure_side(e->rest_len);
	if (!lane_has_room(lane, e->app, rest_len, clock_mono_ns()) ||
		!write_side(e->spool, lane, &e->record, e->rest_len))
		return false;
	if (lane_put(lane, e->app, &record, rest_len, clock_mono_ns()))
		return true;
	drop_side(e, lane, e->rest_len);
	return false;
}

static bool put_once(struct entering *e, struct lane *lane)
{
	if (e->rest_len > SPOOL_INLINE_MAX) /* without a store to write to there are no side files */
		return !e->spool->file.is_private && put_with_side(e, lane);
	return lane_put(lane, e->app, &e->record, e->rest_len, clock_mono_ns());
}

/* One try; nothing is held after it. *out_until_ns: when the lane's outage is long enough, should it fail. */
static bool try_put(struct entering *e, uint32_t wait_ms, int64_t *out_until_ns)
{
	struct held_signals signals;
	struct spool *spool = e->spool;
	signals_hold(&signals);
	struct lane *lane = enter_any(spool);
	if (lane && e->waiter)
		add_waiter(spool, e->waiter, lane);
	bool done = lane && put_once(e, lane);
	if (done)
		tell_shipper(spool, lane);
	else if (lane)
		*out_until_ns = room_deadline(lane, clock_mono_ns(), wait_ms);
	if (lane && !done && e->waiter)
		remove_waiter(spool, e->waiter);
	if (lane)
		leave_lane(spool, lane);
	signals_release(&signals);
	return done;
}

static burr_status put_slowly(struct entering *e, uint32_t wait_ms)
{
	struct spool *spool = e->spool;
	if (!spool_is_started(spool)) {
		burr_error why = BURR_ERROR_INIT;
		burr_status status = spool_start_patiently(spool, wait_ms, &why);
		/* Without a shipper, the lanes keep what they can until there is one. */
		if (status != BURR_OK && !spool->file.map) {
			count_drop(spool, why.message);
			return BURR_EDROPPED;
		}
	}
	const int64_t until_ns = wait_ms == UINT32_MAX ? INT64_MAX : clock_mono_ns() + wait_ms * MS;
	int64_t outage_until_ns =
		-1; /* room for smaller records may come and end an outage, but not this call's time */
	for (;;) {
		int64_t lane_until_ns = -1;
		uint32_t seen = atomic_load(&spool->room_word);
		if (try_put(e, wait_ms, &lane_until_ns))
			return taken(spool, e->app);
		if (outage_until_ns < 0)
			outage_until_ns = lane_until_ns;
		if (wait_word(spool, seen, outage_until_ns < 0 ? until_ns : outage_until_ns))
			continue;
		count_drop(spool, lane_until_ns < 0 ? "no lane was free in time" : NULL);
		return BURR_EDROPPED;
	}
}

/* A parent that had no file to record in may have died with the making of the application: its child makes it
 * again, before its first record. Made twice, it is one. */
static burr_status make_again(struct entering *e, uint32_t wait_ms)
{
	const struct record record = {.type = RECORD_APPLICATION, .body = buf_slice(&e->app->making)};
	struct entering making = {e->spool, e->app, record, record_measure(&record), NULL};
	int unmade = UNMADE;
	if (put_slowly(&making, wait_ms) == BURR_EDROPPED)
		return BURR_EDROPPED;
	atomic_compare_exchange_strong(&e->app->never, &unmade, BURR_OK);
	return BURR_OK;
}

/* Waiting is where a thread can be cancelled, and one that is would keep its lane. */
static burr_status put_carefully(struct entering *e, uint32_t wait_ms)
{
	int cancelable;
	int error = errno;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	burr_status status = BURR_OK;
	if (e->rest_len > RECORD_BYTES_MAX) {
		char why[80];
		snprintf(
			why, sizeof(why), "a record of %zu bytes; at most %d", e->rest_len, RECORD_BYTES_MAX);
		count_drop(e->spool, why);
		status = BURR_ETOOBIG;
	} else if (atomic_load(&e->app->never) == BURR_EEXIST) {
		count_drop(e->spool, "the application exists under another partition key");
		status = BURR_EEXIST;
	} else {
		if (atomic_load(&e->app->never) == UNMADE)
			status = make_again(e, wait_ms);
		if (status == BURR_OK)
			status = put_slowly(e, wait_ms);
	}
	pthread_setcancelstate(cancelable, NULL);
	errno = error;
	return status;
}

burr_status spool_put(
	struct spool *spool, struct spool_app *app, const struct record *record, uint32_t wait_ms)
{
	spool_look_for_fork();
	struct lane *lane = lane_last();
	const size_t len = record_measure(record);
	if (__builtin_expect(is_mine(lane, spool) &&
				     !atomic_load_explicit(&lane->busy, memory_order_relaxed) &&
				     len <= SPOOL_INLINE_MAX &&
				     atomic_load_explicit(&app->never, memory_order_relaxed) == BURR_OK,
		    1)) {
		enter(lane);
		bool done = lane_put(lane, app, record, len, clock_mono_ns());
		leave(lane);
		if (__builtin_expect(done, 1)) {
			tell_shipper(spool, lane);
			return taken(spool, app);
		}
	}
	struct entering e = {spool, app, *record, len, NULL};
	return put_carefully(&e, wait_ms);
}

/* What is known without a lock or a wait; a lane's place on the disk is asked for once. A record has more
 * than its texts: its entry's head, numbers and tags. */
bool spool_would_wait(struct spool *spool, struct spool_app *app, size_t len)
{
	enum { REST = 1 << 10 };
	spool_look_for_fork();
	if (atomic_load_explicit(&app->never, memory_order_relaxed) == UNMADE || !spool_is_started(spool))
		return true;
	struct lane *lane = lane_last();
	if (!is_mine(lane, spool))
		lane = lane_own(spool);
	if (!lane || atomic_load_explicit(&lane->busy, memory_order_relaxed))
		return true;
	const bool may_need_side = len + REST > SPOOL_INLINE_MAX;
	if (may_need_side && (spool->file.is_private || !side_has_room(spool, len + REST)))
		return true;
	if (lane_has_room(lane, app, len > SPOOL_INLINE_MAX ? REST : len + REST, 0))
		return false;
	spool_wake(spool); /* who is told so looks again soon */
	return true;
}

void spool_count_refusal(struct spool *spool, const char *why)
{
	spool_look_for_fork();
	count_drop(spool, why);
}

/* ---- waiting for what becomes of records ---- */

/* Since when nothing that concerns the application goes on; 0: it does. */
static int64_t outage_since_locked(const struct spool *spool, const struct spool_app *app)
{
	int64_t since = app->later_since_ns;
	if (spool->stuck_since_ns && (!since || spool->stuck_since_ns < since))
		since = spool->stuck_since_ns;
	if (spool->asked_since_ns && (!since || spool->asked_since_ns < since))
		since = spool->asked_since_ns;
	return since;
}

static struct timespec absolute(int64_t mono_ns)
{
	return (struct timespec){mono_ns / 1000000000, mono_ns % 1000000000};
}

/* Wait for a change, at most until the outage's time is up; false when it is. Without an outage yet the time
 * starts now and is looked at again. */
static bool wait_change_locked(struct spool *spool, int64_t since_ns, uint32_t wait_ms)
{
	if (wait_ms == UINT32_MAX) {
		pthread_cond_wait(&spool->changed, &spool->lock);
		return true;
	}
	int64_t now = clock_mono_ns();
	int64_t deadline_ns = (since_ns ? since_ns : now) + wait_ms * MS;
	if (since_ns && now >= deadline_ns)
		return false;
	struct timespec until = absolute(deadline_ns);
	pthread_cond_timedwait(&spool->changed, &spool->lock, &until);
	return true;
}

/* The shipper is to look now, and again until all that was there now is decided. */
static void hurry_locked(struct spool *spool, int64_t now)
{
	if (now > spool->wanted_ns)
		spool->wanted_ns = now;
	spool_wake(spool);
}

static burr_status wait_decided_locked(struct spool *spool, const struct spool_app *app,
	struct waiter *waiter, uint32_t wait_ms, burr_error *err)
{
	hurry_locked(spool, clock_mono_ns());
	while (!waiter->done)
		if (!wait_change_locked(spool, outage_since_locked(spool, app), wait_ms) && !waiter->done)
			return burr_fail(err, BURR_ELATER, "kept: %s",
				spool->stats.trouble[0] ? spool->stats.trouble
							: "the collector does not answer");
	if (waiter->status != BURR_OK)
		burr_fail(err, waiter->status, "%s", waiter->reason);
	return waiter->status;
}

/* Nobody else can see it, and a fork leaves it behind: so it is kept for children. */
static void keep_making_locked(const struct spool *spool, struct spool_app *app, const struct record *record)
{
	if (record->type != RECORD_APPLICATION || !spool->file.is_private)
		return;
	if (!app->making.len)
		record_put_body(&app->making, record);
	app->making_waits = app->making.len > 0;
}

burr_status spool_put_wait(struct spool *spool, struct spool_app *app, const struct record *record,
	uint32_t wait_ms, burr_error *err)
{
	spool_look_for_fork();
	struct waiter waiter = {0};
	struct entering e = {spool, app, *record, record_measure(record), &waiter};
	int cancelable;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	burr_status status = put_carefully(&e, wait_ms);
	if (status == BURR_EDROPPED || status == BURR_EEXIST || status == BURR_ETOOBIG) {
		pthread_mutex_lock(&spool->lock);
		burr_fail(err, status, "%s", spool->stats.trouble);
		pthread_mutex_unlock(&spool->lock);
	} else {
		pthread_mutex_lock(&spool->lock);
		status = wait_decided_locked(spool, app, &waiter, wait_ms, err);
		if (status == BURR_ELATER)
			keep_making_locked(spool, app, record);
		pthread_mutex_unlock(&spool->lock);
	}
	remove_waiter(spool, &waiter);
	pthread_setcancelstate(cancelable, NULL);
	return status;
}

static uint64_t dropped_count(const struct spool *spool)
{
	uint64_t in_file = spool->file.map ? atomic_load(&spool_file_header(&spool->file)->dropped_count) : 0;
	return atomic_load(&spool->dropped_early) + in_file;
}

static uint64_t recorded_count(const struct spool *spool)
{
	uint64_t count = 0;
	for (uint32_t i = 0; spool->file.map && i < SPOOL_LANES; i++)
		count += atomic_load_explicit(&spool->lanes[i].n, memory_order_relaxed);
	return count;
}

static uint64_t waiting_count_locked(const struct spool *spool)
{
	uint64_t recorded = recorded_count(spool);
	uint64_t decided = spool->stats.stored_count + spool->refused_count;
	return recorded > decided ? recorded - decided : 0;
}

static burr_status wait_drained_locked(struct spool *spool, uint32_t timeout_ms, burr_error *err)
{
	const int64_t now = clock_mono_ns(); /* what others go on recording is not waited for */
	struct timespec until = absolute(now + timeout_ms * MS);
	if (!spool->file.map)
		return BURR_OK;
	hurry_locked(spool, now);
	while (spool->drained_ns <= now)
		if (pthread_cond_timedwait(&spool->changed, &spool->lock, &until) == ETIMEDOUT &&
			spool->drained_ns <= now)
			return burr_fail(err, BURR_ETIMEOUT, "%llu records still wait: %s",
				(unsigned long long)waiting_count_locked(spool),
				spool->stats.trouble[0] ? spool->stats.trouble
							: "the collector does not answer");
	return BURR_OK;
}

static burr_status tell_dropped_locked(struct spool *spool, burr_error *err)
{
	uint64_t dropped = dropped_count(spool) - spool->dropped_reported;
	spool->dropped_reported += dropped;
	if (!dropped)
		return BURR_OK;
	return burr_fail(err, BURR_EDROPPED, "%llu records were dropped, the last because: %s",
		(unsigned long long)dropped,
		spool->stats.trouble[0] ? spool->stats.trouble : "there was no room");
}

static burr_status flush(struct spool *spool, uint32_t timeout_ms, burr_error *err)
{
	struct held_signals signals;
	if (!spool->file.map) { /* a forked child's, who has recorded nothing */
		spool_lock_quietly(spool, &signals);
		burr_status status = tell_dropped_locked(spool, err);
		spool_unlock_quietly(spool, &signals);
		return status;
	}
	if (!spool_is_started(spool) &&
		spool_start(spool, err) != BURR_OK) /* threads may have been short, and be still */
		return BURR_ETIMEOUT;
	pthread_mutex_lock(&spool->lock);
	burr_status status = wait_drained_locked(spool, timeout_ms, err);
	if (status == BURR_OK)
		status = tell_dropped_locked(spool, err);
	pthread_mutex_unlock(&spool->lock);
	return status;
}

burr_status spool_flush(struct spool *spool, uint32_t timeout_ms, burr_error *err)
{
	int cancelable;
	spool_look_for_fork();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable); /* as in put_carefully */
	burr_status status = flush(spool, timeout_ms, err);
	pthread_setcancelstate(cancelable, NULL);
	return status;
}

static void flush_if_hidden(struct spool *spool, void *timeout_ms)
{
	if (!spool->file.is_private)
		return;
	pthread_mutex_lock(&spool->lock);
	wait_drained_locked(
		spool, *(uint32_t *)timeout_ms, NULL); /* what is not stored in time is not seen */
	pthread_mutex_unlock(&spool->lock);
}

void spool_flush_hidden(uint32_t timeout_ms)
{
	spool_look_for_fork();
	spool_each(flush_if_hidden, &timeout_ms);
}

void spool_get_stats(struct spool *spool, burr_tracker_stats *out)
{
	burr_tracker_stats stats;
	struct held_signals signals;
	spool_look_for_fork();
	spool_lock_quietly(spool, &signals);
	stats = spool->stats;
	stats.record_count = recorded_count(spool);
	stats.waiting_count = waiting_count_locked(spool);
	stats.waiting_bytes = (spool->file.map ? gather_bytes(spool) : 0) + spool->spill.live_bytes +
			      atomic_load(&spool->side_bytes);
	stats.dropped_count = dropped_count(spool);
	spool_unlock_quietly(spool, &signals);
	stats.size = out->size;
	memcpy(out, &stats, out->size < sizeof(stats) ? out->size : sizeof(stats));
}
