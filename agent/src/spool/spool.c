/* spool/spool.c: the calls' side of the queue, the registry of spools, and fork. See spool.h for threads. */
#include "spool/spool.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/random.h"
#include "spool/queue.h"
#include "store/names.h"
#include "wire/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

enum {
	IDENTITY_MAX = 6 + 11 + 9, /* lane, n and time_ns with their tags */
	EXIT_WAIT_MS = 1000,       /* how long a process that ends is held up by records in its memory */
	STACK_BYTES = 512 * 1024,  /* the shipper's: reading a log takes 64 KiB of it */
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct spool *registry; /* under registry_lock */
static pthread_once_t process_once = PTHREAD_ONCE_INIT;

/* ---- fork and exit ---- */

static void init_conditions(struct spool *spool)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&spool->wake, &attr);
	pthread_cond_init(&spool->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void before_fork(void)
{
	pthread_mutex_lock(&registry_lock);
	for (struct spool *spool = registry; spool; spool = spool->next) {
		pthread_mutex_lock(&spool->pass_lock);
		pthread_mutex_lock(&spool->lock);
	}
}

static void unlock_all(void)
{
	for (struct spool *spool = registry; spool; spool = spool->next) {
		pthread_mutex_unlock(&spool->lock);
		pthread_mutex_unlock(&spool->pass_lock);
	}
	pthread_mutex_unlock(&registry_lock);
}

/* Free what is in the queue. A node whose call still waits belongs to a thread that is not in this process.
 */
static void drop_nodes(struct spool *spool)
{
	while (spool->first) {
		struct node *node = spool->first;
		spool->first = node->next;
		node->app->refs--;
		free(node);
	}
	spool->last = &spool->first;
	spool->stats.waiting_count = spool->stats.waiting_bytes = 0;
}

static void forget_counts(struct spool *spool)
{
	burr_tracker_stats none = {.route = BURR_ROUTE_NONE};
	memcpy(none.store, spool->stats.store, sizeof(none.store));
	spool->stats = none;
	spool->dropped_reported = 0;
}

static void become_new_writer(struct spool *spool)
{
	random_hex(spool->writer);
	spool->next_n = 1;
	spool->started = spool->stopping = false;
	spool->stuck_since_ns = spool->asked_since_ns = spool->full_since_ns = 0;
	spool->collector_seen_ns = spool->last_pass_ns = 0;
	for (struct spool_app *app = spool->apps; app; app = app->next) {
		app->later_since_ns = app->retry_at_ns = 0;
		app->batch_at = -1;
	}
}

/* The child's descriptors are the parent's locks: they are closed, never unlocked, and opened anew. */
static void after_fork_in_child(void)
{
	for (struct spool *spool = registry; spool; spool = spool->next) {
		init_conditions(spool); /* whoever waited on them is not in this process */
		drop_nodes(spool);
		forget_counts(spool);
		ship_leave_batch(spool);
		link_close(spool->link);
		spool->link = NULL;
		appender_free(spool->appender);
		spool->appender = NULL;
		store_reopen_locks(spool->store);
		become_new_writer(spool);
	}
	unlock_all();
}

static void at_exit(void)
{
	pthread_mutex_lock(&registry_lock);
	struct spool *spool = registry;
	pthread_mutex_unlock(&registry_lock);
	int64_t deadline_ns = clock_mono_ns() + (int64_t)EXIT_WAIT_MS * 1000000;
	for (; spool; spool = spool->next) {
		int64_t left_ms = (deadline_ns - clock_mono_ns()) / 1000000;
		burr_error why = BURR_ERROR_INIT;
		if (spool_flush(spool, left_ms > 0 ? (uint32_t)left_ms : 0, &why) != BURR_OK)
			diag_say("at exit: %s", why.message);
	}
}

static void init_process(void)
{
	pthread_atfork(before_fork, unlock_all, after_fork_in_child);
	atexit(at_exit);
}

/* ---- the registry ---- */

static void free_spool(struct spool *spool)
{
	drop_nodes(spool);
	while (spool->apps) {
		struct spool_app *app = spool->apps;
		spool->apps = app->next;
		buf_fini(&app->head);
		free(app->text);
		free(app);
	}
	ship_free_batch(spool);
	link_close(spool->link);
	appender_free(spool->appender);
	store_close(spool->store);
	pthread_cond_destroy(&spool->changed);
	pthread_cond_destroy(&spool->wake);
	pthread_mutex_destroy(&spool->pass_lock);
	pthread_mutex_destroy(&spool->lock);
	free(spool);
}

static struct spool *find_spool(const struct store *store)
{
	struct stat wanted;
	struct stat st;
	if (fstat(store->dir_fd, &wanted) < 0)
		return NULL;
	for (struct spool *spool = registry; spool; spool = spool->next)
		if (fstat(spool->store->dir_fd, &st) == 0 && st.st_dev == wanted.st_dev &&
			st.st_ino == wanted.st_ino)
			return spool;
	return NULL;
}

static struct spool *new_spool(struct store *store, uint64_t queue_bytes)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	if (!spool)
		return NULL;
	pthread_mutex_init(&spool->lock, NULL);
	pthread_mutex_init(&spool->pass_lock, NULL);
	init_conditions(spool);
	spool->store = store;
	spool->queue_cap = queue_bytes;
	spool->last = &spool->first;
	snprintf(spool->stats.store, sizeof(spool->stats.store), "%s", store->path);
	become_new_writer(spool);
	return spool;
}

burr_status spool_ref(const char *option, uint64_t queue_bytes, struct spool **out, burr_error *err)
{
	struct store *store;
	pthread_once(&process_once, init_process);
	burr_status status = store_open(option, STORE_WRITE, &store, err);
	if (status != BURR_OK)
		return status;
	pthread_mutex_lock(&registry_lock);
	struct spool *spool = find_spool(store);
	if (spool) {
		store_close(store);
	} else {
		spool = new_spool(store, queue_bytes);
		if (spool) {
			spool->next = registry;
			registry = spool;
		} else {
			store_close(store);
			status = burr_fail(err, BURR_ENOMEM, "no memory for a tracker");
		}
	}
	if (spool)
		spool->refs++;
	pthread_mutex_unlock(&registry_lock);
	if (status == BURR_OK)
		*out = spool;
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

burr_status spool_unref(struct spool *spool, uint32_t timeout_ms, burr_error *err)
{
	burr_status status = spool_flush(spool, timeout_ms, err);
	if (!leave_registry(spool))
		return status;
	pthread_mutex_lock(&spool->lock);
	spool->stopping = true;
	uint64_t left = spool->stats.waiting_count;
	if (left)
		status = burr_fail(err, BURR_EDROPPED, "%llu records were not stored in time: %s",
			(unsigned long long)left, spool->stats.trouble);
	pthread_cond_signal(&spool->wake);
	if (spool->link)
		link_interrupt(spool->link);
	bool started = spool->started;
	pthread_mutex_unlock(&spool->lock);
	if (started)
		pthread_join(spool->thread, NULL);
	free_spool(spool);
	return status;
}

void spool_lock(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
}

void spool_unlock(struct spool *spool)
{
	pthread_mutex_unlock(&spool->lock);
}

const char *spool_store_path(const struct spool *spool)
{
	return spool->store->path;
}

/* ---- applications ---- */

static struct spool_app *find_app(struct spool *spool, struct slice project, struct slice app_id)
{
	struct spool_app *app = spool->apps;
	while (app && !(slice_eq(app->app_id, app_id) && slice_eq(app->project, project)))
		app = app->next;
	return app;
}

/* How long the application's log is now: none of this writer's records is before that. */
static uint64_t log_length(const struct spool *spool, const char *project, const char *app_id)
{
	struct stat st;
	struct buf path = BUF_INIT;
	buf_printf(&path, "%s/%s/log.jsonl", project, app_id);
	bool there = !path.failed && fstatat(spool->store->dir_fd, path.data, &st, 0) == 0;
	buf_fini(&path);
	return there ? (uint64_t)st.st_size : 0;
}

static struct spool_app *new_app(
	struct spool *spool, const char *project, const char *app_id, const char *partition_key)
{
	struct spool_app *app = calloc(1, sizeof(*app));
	struct buf text = BUF_INIT;
	buf_printf(&text, "%s/%s/%s", project, app_id, partition_key ? partition_key : "");
	char *names = buf_take(&text);
	if (app)
		entry_put_app(&app->head, project, app_id, partition_key, log_length(spool, project, app_id));
	if (!app || !names || app->head.failed) {
		if (app)
			buf_fini(&app->head);
		free(app);
		free(names);
		return NULL;
	}
	size_t project_len = strlen(project);
	size_t app_id_len = strlen(app_id);
	app->text = names;
	app->project = (struct slice){names, project_len};
	app->app_id = (struct slice){names + project_len + 1, app_id_len};
	if (partition_key)
		app->partition_key =
			(struct slice){names + project_len + app_id_len + 2, strlen(partition_key)};
	app->batch_at = -1;
	return app;
}

burr_status spool_app_ref(struct spool *spool, const char *project, const char *app_id,
	const char *partition_key, struct spool_app **out, burr_error *err)
{
	burr_status status = name_check_project(slice_of(project), err);
	if (status == BURR_OK)
		status = name_check_app_id(slice_of(app_id), err);
	if (status == BURR_OK && partition_key)
		status = name_check_partition_key(slice_of(partition_key), err);
	if (status != BURR_OK)
		return status;
	pthread_mutex_lock(&spool->lock);
	struct spool_app *app = find_app(spool, slice_of(project), slice_of(app_id));
	if (!app) {
		app = new_app(spool, project, app_id, partition_key);
		if (app) {
			app->next = spool->apps;
			spool->apps = app;
		} else {
			status = burr_fail(err, BURR_ENOMEM, "no memory for an application");
		}
	} else if ((app->partition_key.data != NULL) != (partition_key != NULL) ||
		   !slice_eq(app->partition_key, slice_of(partition_key))) {
		status = burr_fail(err, BURR_EEXIST,
			"application %s exists under partition key \"%.*s\", not \"%s\"", app_id,
			SLICE_ARG(app->partition_key), partition_key ? partition_key : "");
	}
	if (status == BURR_OK) {
		app->refs++;
		*out = app;
	}
	pthread_mutex_unlock(&spool->lock);
	return status;
}

static void unref_app_locked(struct spool *spool, struct spool_app *app)
{
	if (--app->refs)
		return;
	struct spool_app **at = &spool->apps;
	while (*at != app)
		at = &(*at)->next;
	*at = app->next;
	buf_fini(&app->head);
	free(app->text);
	free(app);
}

void spool_app_unref(struct spool *spool, struct spool_app *app)
{
	pthread_mutex_lock(&spool->lock);
	unref_app_locked(spool, app);
	pthread_mutex_unlock(&spool->lock);
}

/* ---- records ---- */

struct timespec queue_time(int64_t mono_ns)
{
	return (struct timespec){mono_ns / 1000000000, mono_ns % 1000000000};
}

/* The shipper takes none of the host's signals. */
static burr_status start_shipper_locked(struct spool *spool, burr_error *err)
{
	sigset_t all;
	sigset_t before;
	pthread_attr_t attr;
	if (spool->started)
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
	if (error)
		return burr_fail(err, BURR_EDROPPED, "cannot start a thread: %s", strerror(error));
	spool->started = true;
	return BURR_OK;
}

/* When a call that waits for `app` gives up, by what is known now: an outage's calls wait together. Returns 0
 * when there is no outage. */
static int64_t outage_since(const struct spool *spool, const struct spool_app *app)
{
	int64_t since = app->later_since_ns;
	if (spool->stuck_since_ns && (!since || spool->stuck_since_ns < since))
		since = spool->stuck_since_ns;
	if (spool->asked_since_ns && (!since || spool->asked_since_ns < since))
		since = spool->asked_since_ns;
	return since;
}

/* Wait for a change, at most until the time of the outage that began at `since` is up; false when it is.
 * Without an outage yet (0), the time starts now and is looked at again. */
static bool wait_change_locked(struct spool *spool, int64_t since, uint32_t wait_ms)
{
	if (wait_ms == UINT32_MAX) {
		pthread_cond_wait(&spool->changed, &spool->lock);
		return true;
	}
	int64_t now = clock_mono_ns();
	int64_t deadline_ns = (since ? since : now) + (int64_t)wait_ms * 1000000;
	if (since && now >= deadline_ns)
		return false;
	struct timespec until = queue_time(deadline_ns);
	pthread_cond_timedwait(&spool->changed, &spool->lock, &until);
	return true;
}

static void count_drop_locked(struct spool *spool, const char *why)
{
	spool->stats.dropped_count++;
	snprintf(spool->stats.trouble, sizeof(spool->stats.trouble), "%s", why);
}

/* A queue may be full of other applications' records while nothing stands in this one's way: a full queue is
 * an outage by itself. */
static burr_status make_room_locked(
	struct spool *spool, const struct spool_app *app, size_t len, uint32_t wait_ms, burr_error *err)
{
	int64_t began = 0; /* a smaller record may end the outage, but not this call's time */
	while (spool->stats.waiting_bytes + len > spool->queue_cap && spool->first) {
		if (!spool->full_since_ns)
			spool->full_since_ns = clock_mono_ns();
		if (!began)
			began = spool->full_since_ns;
		int64_t since = outage_since(spool, app);
		if (wait_change_locked(spool, since && since < began ? since : began, wait_ms))
			continue;
		burr_fail(err, BURR_EDROPPED, "dropped: %llu records wait and the queue is full (%s)",
			(unsigned long long)spool->stats.waiting_count, spool->stats.trouble);
		spool->stats.dropped_count++;
		return BURR_EDROPPED;
	}
	spool->full_since_ns = 0;
	return BURR_OK;
}

static struct node *new_node(struct spool_app *app, struct slice record)
{
	struct node *node = malloc(sizeof(*node) + app->head.len + IDENTITY_MAX + record.len);
	if (node)
		*node = (struct node){.app = app};
	return node;
}

static void append(struct node *node, struct slice bytes)
{
	memcpy(node->bytes + node->len, bytes.data, bytes.len);
	node->len += bytes.len;
}

/* Number, time and place are given together, so the queue's order is the numbers' and the times'. */
static void enqueue_locked(struct spool *spool, struct node *node, struct slice identity, struct slice record)
{
	append(node, buf_slice(&node->app->head));
	append(node, identity);
	append(node, record);
	node->app->refs++;
	*spool->last = node;
	spool->last = &node->next;
	spool->stats.record_count++;
	spool->stats.waiting_count++;
	spool->stats.waiting_bytes += node->len;
	pthread_cond_signal(&spool->wake);
}

static burr_status wait_stored_locked(
	struct spool *spool, struct node *node, uint32_t wait_ms, burr_error *err)
{
	while (!node->done) {
		if (wait_change_locked(spool, outage_since(spool, node->app), wait_ms) || node->done)
			continue;
		node->left = true;
		return burr_fail(err, BURR_ELATER, "kept in memory: %s",
			spool->stats.trouble[0] ? spool->stats.trouble : "the collector does not answer");
	}
	burr_status status = node->status;
	if (status != BURR_OK)
		burr_fail(err, status, "%s", spool->stats.trouble);
	unref_app_locked(spool, node->app);
	free(node);
	return status;
}

static burr_status put(
	struct spool *spool, struct spool_app *app, struct slice record, uint32_t wait_ms, burr_error *err)
{
	struct node *node = new_node(app, record);
	struct buf identity = BUF_INIT;
	pthread_mutex_lock(&spool->lock);
	if (!node || !buf_reserve(&identity, IDENTITY_MAX)) {
		count_drop_locked(spool, "no memory for a record");
		pthread_mutex_unlock(&spool->lock);
		free(node);
		return burr_fail(err, BURR_ENOMEM, "no memory for a record");
	}
	burr_status status = start_shipper_locked(spool, err);
	if (status == BURR_OK)
		status =
			make_room_locked(spool, app, app->head.len + IDENTITY_MAX + record.len, wait_ms, err);
	else
		count_drop_locked(spool, "the shipper's thread cannot be started");
	if (status == BURR_OK && app->refused) {
		status = burr_fail(err, BURR_EEXIST, "application %.*s exists under another partition key",
			SLICE_ARG(app->app_id));
		count_drop_locked(spool, "the application exists under another partition key");
	}
	if (status == BURR_OK) {
		node->n = spool->next_n++;
		entry_put_identity(&identity, 0, node->n, (uint64_t)clock_mono_ns());
		enqueue_locked(spool, node, buf_slice(&identity), record);
		status = wait_stored_locked(spool, node, wait_ms, err);
	} else {
		free(node);
	}
	pthread_mutex_unlock(&spool->lock);
	buf_fini(&identity);
	return status;
}

/* Waiting is where a thread can be cancelled, and one that is would keep the lock. */
burr_status spool_put(
	struct spool *spool, struct spool_app *app, struct slice record, uint32_t wait_ms, burr_error *err)
{
	int cancelable;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	burr_status status = put(spool, app, record, wait_ms, err);
	pthread_setcancelstate(cancelable, NULL);
	return status;
}

void spool_count_refusal(struct spool *spool, const char *why)
{
	pthread_mutex_lock(&spool->lock);
	count_drop_locked(spool, why);
	pthread_mutex_unlock(&spool->lock);
}

burr_status spool_flush(struct spool *spool, uint32_t timeout_ms, burr_error *err)
{
	struct timespec until = queue_time(clock_mono_ns() + (int64_t)timeout_ms * 1000000);
	burr_status status = BURR_OK;
	int cancelable;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable); /* as in spool_put */
	pthread_mutex_lock(&spool->lock);
	const uint64_t end_n = spool->next_n; /* what others go on recording is not waited for */
	while (spool->first && spool->first->n < end_n && status == BURR_OK)
		if (pthread_cond_timedwait(&spool->changed, &spool->lock, &until) == ETIMEDOUT &&
			spool->first && spool->first->n < end_n)
			status = burr_fail(err, BURR_ETIMEOUT, "%llu records still wait: %s",
				(unsigned long long)spool->stats.waiting_count,
				spool->stats.trouble[0] ? spool->stats.trouble
							: "the collector does not answer");
	uint64_t dropped = spool->stats.dropped_count - spool->dropped_reported;
	spool->dropped_reported = spool->stats.dropped_count;
	if (dropped && status == BURR_OK)
		status = burr_fail(err, BURR_EDROPPED, "%llu records were dropped, the last because: %s",
			(unsigned long long)dropped, spool->stats.trouble);
	pthread_mutex_unlock(&spool->lock);
	pthread_setcancelstate(cancelable, NULL);
	return status;
}

void spool_get_stats(struct spool *spool, burr_tracker_stats *out)
{
	burr_tracker_stats stats;
	pthread_mutex_lock(&spool->lock);
	stats = spool->stats;
	pthread_mutex_unlock(&spool->lock);
	stats.size = out->size;
	memcpy(out, &stats, out->size < sizeof(stats) ? out->size : sizeof(stats));
}
