/* spool/spool.c: a spool's life: the registry of spools, fork, its file and its thread, and the process's
 * end. The calls are in put.c, the applications in apps.c. See spool.h for threads. */
#include "spool/spool.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/signals.h"
#include "spool/inside.h"
#include "store/log.h"
#include "store/names.h"
#include "store/side.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
	EXIT_WAIT_MS = 1000,      /* how long a process that ends is held up */
	STACK_BYTES = 512 * 1024, /* the shipper's: reading a log takes 64 KiB of it */
	START_WAIT_MS = 100,      /* at the least, for the lock that starting needs */
	START_WAIT_MAX_MS = 5000,
};

static const int64_t MS = 1000000;

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct spool *registry; /* under registry_lock */
static struct spool *unused;   /* under registry_lock: closed ones, whose lanes threads may still look at */
static pthread_once_t process_once = PTHREAD_ONCE_INIT;

/* ---- fork and exit ---- */

/* A word that a child of any kind finds zero: it notices what pthread_atfork is not told of (a bare clone).
 * NULL: the kernel cannot, and pthread_atfork has to do. */
_Atomic uint32_t *spool_fork_mark;
enum { MARK_CHILD = 0, MARK_CHANGES = SPOOL_KNOWN + 1 };

static void init_fork_mark(void)
{
	long page = sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return;
	if (madvise(map, (size_t)page, MADV_WIPEONFORK) < 0) {
		munmap(map, (size_t)page);
		return;
	}
	atomic_store((_Atomic uint32_t *)map, SPOOL_KNOWN);
	spool_fork_mark = map;
}

static void init_locks(struct spool *spool)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&spool->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&spool->lock, NULL);
	pthread_mutex_init(&spool->pass_lock, NULL);
}

/* Where a handler of the host may find the lock held by the very thread that it interrupts, and has to start
 * what a forked child has not started yet. */
void spool_lock_quietly(struct spool *spool, struct held_signals *out)
{
	signals_hold(out);
	pthread_mutex_lock(&spool->lock);
}

void spool_unlock_quietly(struct spool *spool, const struct held_signals *held)
{
	pthread_mutex_unlock(&spool->lock);
	signals_release(held);
}

static void before_fork(void)
{
	pthread_mutex_lock(&registry_lock);
	for (struct spool *spool = registry; spool; spool = spool->next) {
		pthread_mutex_lock(&spool->lock);
		spool->fork_waits = !spool->isolated;
		pthread_mutex_unlock(&spool->lock);
		if (spool->fork_waits)
			pthread_mutex_lock(&spool->pass_lock);
		pthread_mutex_lock(&spool->lock);
	}
}

static void after_fork_in_parent(void)
{
	for (struct spool *spool = registry; spool; spool = spool->next) {
		pthread_mutex_unlock(&spool->lock);
		if (spool->fork_waits) /* the shipper may have come to be isolated meanwhile */
			pthread_mutex_unlock(&spool->pass_lock);
	}
	pthread_mutex_unlock(&registry_lock);
}

/* Another writer from now on, with nothing recorded yet; its file is made when it is needed. */
static void become_new_writer(struct spool *spool)
{
	spool->file = (struct spool_file)SPOOL_FILE_INIT;
	atomic_store(&spool->started, false);
	atomic_store(&spool->dropped_early, 0);
	atomic_store(&spool->stopping, false);
	atomic_store(&spool->retired, false);
	atomic_store(&spool->ship_state, SHIP_RUNS);
	atomic_store(&spool->room_waiters, 0);
	atomic_store(&spool->pressure, false);
	atomic_store(&spool->side_bytes, 0);
	spool->waiters = NULL;
	spool->drained_ns = spool->stuck_since_ns = spool->asked_since_ns = spool->wanted_ns = 0;
	spool->gathered_ns = spool->recorded_ns = spool->collector_seen_ns = spool->last_pass_ns = 0;
	spool->dropped_reported = spool->refused_count = spool->heads_seen = spool->rounds = 0;
	burr_tracker_stats none = {.route = BURR_ROUTE_NONE};
	memcpy(none.store, spool->stats.store, sizeof(none.store));
	spool->stats = none;
	memset(spool->populated_at, 0, sizeof(spool->populated_at));
	for (uint32_t i = 0; i < spool->app_count; i++) {
		struct spool_app *app = spool->apps[i];
		if (!app)
			continue;
		app->later_since_ns = app->retry_at_ns = 0;
		app->spilled_count = 0;
		app->batch_round = app->closed_round = 0;
		if (app->making_waits)
			atomic_store(&app->never, UNMADE);
	}
}

/* Whoever held a lock or waited for one is not in this process. */
static void after_fork_in_child(void)
{
	pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
	lanes_forget();
	for (struct spool *spool = registry; spool; spool = spool->next) {
		init_locks(spool);
		lanes_leave(spool);
		ship_leave(spool);
		spool_file_leave(&spool->file);
		become_new_writer(spool);
	}
	registry_lock = fresh;
	if (spool_fork_mark)
		atomic_store(spool_fork_mark, SPOOL_KNOWN);
}

/* A handler of the host that interrupted the change would wait for it for ever. */
void spool_notice_child(void)
{
	struct held_signals signals;
	uint32_t mark = MARK_CHILD;
	int cancelable;
	int error = errno;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	signals_hold(&signals);
	if (atomic_compare_exchange_strong(spool_fork_mark, &mark, MARK_CHANGES))
		after_fork_in_child();
	signals_release(&signals);
	while (atomic_load(spool_fork_mark) == MARK_CHANGES)
		futex_wait(spool_fork_mark, MARK_CHANGES, MS); /* another thread of the child does it */
	pthread_setcancelstate(cancelable, NULL);
	errno = error;
}

void spool_each(void (*visit)(struct spool *spool, void *ctx), void *ctx)
{
	spool_look_for_fork();
	pthread_mutex_lock(&registry_lock);
	for (struct spool *spool = registry; spool; spool = spool->next)
		visit(spool, ctx);
	pthread_mutex_unlock(&registry_lock);
}

static uint32_t left_ms(int64_t deadline_ns)
{
	int64_t left = (deadline_ns - clock_mono_ns()) / MS;
	return left > 0 ? (uint32_t)left : 0;
}

/* The host's own handlers may still record after this one. */
static void flush_at_exit(struct spool *spool, void *deadline_ns)
{
	burr_error why = BURR_ERROR_INIT;
	if (spool_flush(spool, left_ms(*(int64_t *)deadline_ns), &why) != BURR_OK)
		diag_say("at exit: %s", why.message);
}

static void at_exit(void)
{
	int64_t deadline_ns = clock_mono_ns() + EXIT_WAIT_MS * MS;
	spool_look_for_fork();
	spool_each(flush_at_exit, &deadline_ns);
}

static bool has_nothing(struct spool *spool)
{
	return gather_is_empty(spool) && !spool->spill.entry_count;
}

/* The last of all: an empty spool's file goes; what is in another is stored by whoever opens the store next.
 */
__attribute__((destructor)) static void at_end(void)
{
	for (struct spool *spool = registry; spool; spool = spool->next) {
		if (!spool->file.map || spool->file.is_private)
			continue;
		spool_flush(spool, EXIT_WAIT_MS / 10, NULL);
		lanes_retire(spool);
		pthread_mutex_lock(&spool->lock);
		bool empty = has_nothing(spool);
		pthread_mutex_unlock(&spool->lock);
		if (empty)
			spool_file_unlink(&spool->file, spool->store_path);
	}
}

static void init_process(void)
{
	init_fork_mark();
	lanes_init_process();
	full_barrier();
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
	atexit(at_exit);
}

/* ---- the registry ---- */

void spool_free_app(struct spool_app *app)
{
	if (!app)
		return;
	buf_fini(&app->head);
	buf_fini(&app->making);
	free(app->text);
	free(app);
}

static void fini_spool(struct spool *spool)
{
	for (uint32_t i = 0; i < spool->app_count; i++)
		spool_free_app(spool->apps[i]);
	free(spool->apps);
	free(spool->hashes);
	free(spool->store_path);
	spool->apps = NULL;
	spool->hashes = NULL;
	spool->store_path = NULL;
	spool->app_count = spool->app_cap = 0;
	pthread_cond_destroy(&spool->changed);
	pthread_mutex_destroy(&spool->lock);
	pthread_mutex_destroy(&spool->pass_lock);
}

static struct spool *find_spool(const struct stat *st)
{
	struct spool *spool = registry;
	while (spool && !(spool->store_dev == st->st_dev && spool->store_ino == st->st_ino))
		spool = spool->next;
	return spool;
}

static struct spool *new_spool(const struct store *store, const struct stat *st, uint64_t spill_bytes)
{
	struct spool *spool = unused;
	if (spool)
		unused = spool->next;
	else
		spool = calloc(1, sizeof(*spool));
	char *path = strdup(store->path);
	if (!spool || !path) {
		free(path);
		free(spool);
		return NULL;
	}
	init_locks(spool);
	spool->store_path = path;
	spool->store_dev = st->st_dev;
	spool->store_ino = st->st_ino;
	spool->spill_max = spill_bytes;
	spool->isolated = false;
	snprintf(spool->stats.store, sizeof(spool->stats.store), "%s", path);
	spool->spill = (struct spill){.fd = -1, .first_ns = INT64_MAX};
	become_new_writer(spool);
	return spool;
}

static burr_status ref_spool(const char *option, uint64_t spill_bytes, struct spool **out, burr_error *err)
{
	struct store *store;
	struct stat st;
	struct held_signals signals;
	signals_hold_writing(&signals);
	burr_status status = store_open(option, STORE_WRITE, &store, err);
	signals_release_writing(&signals);
	if (status != BURR_OK)
		return status;
	if (fstat(store->dir_fd, &st) < 0) {
		status = burr_fail(err, BURR_EIO, "store %s: %s", store->path, strerror(errno));
		store_close(store);
		return status;
	}
	pthread_mutex_lock(&registry_lock);
	struct spool *spool = find_spool(&st);
	if (!spool) {
		spool = new_spool(store, &st, spill_bytes);
		if (spool) {
			spool->refs = 0;
			spool->next = registry;
			registry = spool;
		}
	}
	if (spool)
		spool->refs++;
	pthread_mutex_unlock(&registry_lock);
	store_close(store);
	if (!spool)
		return burr_fail(err, BURR_ENOMEM, "no memory for a tracker");
	/* Whoever opens a store takes in what dead processes left in it, also when it records nothing itself.
	 * What fails here is tried again by the first record, which tells. */
	(void)spool_start(spool, NULL);
	*out = spool;
	return BURR_OK;
}

/* Opening and joining are where a thread can be cancelled, and one that is would keep a lock. */
burr_status spool_ref(const char *option, uint64_t spill_bytes, struct spool **out, burr_error *err)
{
	int cancelable;
	pthread_once(&process_once, init_process);
	spool_look_for_fork();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	burr_status status = ref_spool(option, spill_bytes, out, err);
	pthread_setcancelstate(cancelable, NULL);
	return status;
}

static bool leave_registry(struct spool *spool)
{
	pthread_mutex_lock(&registry_lock);
	bool last = --spool->refs == 0;
	if (last) {
		struct spool **at = &registry;
		while (*at != spool)
			at = &(*at)->next;
		*at = spool->next;
	}
	pthread_mutex_unlock(&registry_lock);
	return last;
}

/* Who says that the shipper runs must wake it: a caller that is cancelled or jumps away between the two would
 * leave it asleep for ever. */
void spool_wake(struct spool *spool)
{
	struct held_signals signals;
	int cancelable;
	uint32_t state = atomic_load(&spool->ship_state);
	if (state == SHIP_RUNS)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	signals_hold(&signals);
	if (atomic_compare_exchange_strong(&spool->ship_state, &state, SHIP_RUNS))
		futex_wake(&spool->ship_state);
	signals_release(&signals);
	pthread_setcancelstate(cancelable, NULL);
}

static void end_shipper(struct spool *spool)
{
	atomic_store(&spool->stopping, true);
	/* A bare store, so that a shipper between its look at `stopping` and its wait does not wait. */
	atomic_store(&spool->ship_state, SHIP_RUNS);
	futex_wake(&spool->ship_state);
	if (atomic_load(&spool->started))
		pthread_join(spool->thread, NULL);
}

static burr_status tell_left(struct spool *spool, burr_error *err)
{
	burr_tracker_stats stats = {.size = sizeof(stats)};
	spool_get_stats(spool, &stats);
	if (!spool->file.map || has_nothing(spool))
		return BURR_OK;
	if (spool->file.is_private)
		return burr_fail(err, BURR_EDROPPED, "%llu records were not stored in time: %s",
			(unsigned long long)stats.waiting_count, stats.trouble);
	return burr_fail(err, BURR_ELATER,
		"%llu records wait in the store until it is opened again or a collector runs: %s",
		(unsigned long long)stats.waiting_count, stats.trouble);
}

static burr_status unref_spool(struct spool *spool, uint32_t timeout_ms, burr_error *err)
{
	burr_status status = spool_flush(spool, timeout_ms, err);
	if (!leave_registry(spool))
		return status;
	if (spool->file.map)
		lanes_retire(spool);
	end_shipper(spool);
	burr_status left = tell_left(spool, err);
	if (left != BURR_OK)
		status = left;
	bool empty = spool->file.map && has_nothing(spool);
	ship_fini(spool);
	lanes_leave(spool);
	if (empty)
		spool_file_unlink(&spool->file, spool->store_path);
	spool_file_close(&spool->file);
	fini_spool(spool);
	pthread_mutex_lock(&registry_lock);
	spool->next = unused;
	unused = spool;
	pthread_mutex_unlock(&registry_lock);
	return status;
}

burr_status spool_unref(struct spool *spool, uint32_t timeout_ms, burr_error *err)
{
	int cancelable;
	spool_look_for_fork();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	burr_status status = unref_spool(spool, timeout_ms, err);
	pthread_setcancelstate(cancelable, NULL);
	return status;
}

void spool_lock(struct spool *spool)
{
	struct held_signals signals;
	spool_look_for_fork();
	spool_lock_quietly(spool, &signals);
	spool->lock_signals = signals;
}

void spool_unlock(struct spool *spool)
{
	struct held_signals signals = spool->lock_signals;
	spool_unlock_quietly(spool, &signals);
}

const char *spool_store_path(const struct spool *spool)
{
	return spool->store_path;
}

/* ---- its file and its thread ---- */

/* The shipper takes none of the host's signals. */
static burr_status start_shipper_locked(struct spool *spool, burr_error *err)
{
	sigset_t all;
	sigset_t before;
	pthread_attr_t attr;
	if (atomic_load(&spool->started))
		return BURR_OK;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&spool->thread, &attr, ship_run, spool);
	if (error == EINVAL) /* the host's thread-local storage is larger than our stack */
		error = pthread_create(&spool->thread, NULL, ship_run, spool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (error) { /* an outage like any other, or who waits for the outcome would wait for ever */
		burr_error why;
		burr_fail(&why, BURR_EDROPPED, "cannot start a thread: %s", strerror(error));
		spool_set_trouble_locked(spool, SLICE_NONE, slice_of(why.message));
		if (!spool->stuck_since_ns)
			spool->stuck_since_ns = clock_mono_ns();
		return burr_fail(err, why.code, "%s", why.message);
	}
	spool->stuck_since_ns = 0;
	atomic_store(&spool->started, true);
	return BURR_OK;
}

burr_status spool_start_locked(struct spool *spool, burr_error *err)
{
	burr_error why = BURR_ERROR_INIT;
	if (!spool->file.map) {
		struct spool_file file;
		burr_status status = spool_file_make(spool->store_path, &file, &why);
		if (status != BURR_OK)
			return burr_fail(err, status, "%s", why.message);
		for (uint32_t i = 0; i < spool->app_count; i++)
			if (spool->apps[i])
				spool_filter_add(file.map, spool->hashes[i]);
		spool->file = file;
		if (file.is_private) {
			spool_set_trouble_locked(spool, SLICE_NONE, slice_of(why.message));
			diag_say("records are kept in memory until they are stored: %s", why.message);
		}
		lanes_init(spool);
	}
	return start_shipper_locked(spool, err);
}

bool spool_is_started(const struct spool *spool)
{
	return spool->file.map && atomic_load(&spool->started);
}

burr_status spool_start(struct spool *spool, burr_error *err)
{
	struct held_signals signals;
	spool_lock_quietly(spool, &signals);
	burr_status status = spool_start_locked(spool, err);
	spool_unlock_quietly(spool, &signals);
	return status;
}

/* For a record call: should it be a handler's after all that interrupted this very thread with the lock held,
 * it does not wait for ever. */
burr_status spool_start_patiently(struct spool *spool, uint32_t wait_ms, burr_error *err)
{
	struct held_signals signals;
	if (wait_ms < START_WAIT_MS)
		wait_ms = START_WAIT_MS;
	if (wait_ms > START_WAIT_MAX_MS)
		wait_ms = START_WAIT_MAX_MS;
	const int64_t until_ns = clock_mono_ns() + wait_ms * MS;
	signals_hold(&signals);
	while (pthread_mutex_trylock(&spool->lock) != 0) {
		signals_release(&signals);
		if (clock_mono_ns() >= until_ns)
			return burr_fail(err, BURR_EDROPPED, "the program is held up where records begin");
		futex_wait(&spool->room_word, atomic_load(&spool->room_word), MS);
		signals_hold(&signals);
	}
	burr_status status = spool_start_locked(spool, err);
	pthread_mutex_unlock(&spool->lock);
	signals_release(&signals);
	return status;
}

void spool_set_trouble_locked(struct spool *spool, struct slice app_id, struct slice reason)
{
	snprintf(spool->stats.trouble, sizeof(spool->stats.trouble), "%s%.*s%s%.*s",
		app_id.len ? "application " : "", SLICE_ARG(app_id), app_id.len ? ": " : "",
		SLICE_ARG(reason));
}
