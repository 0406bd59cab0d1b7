/* host/threads.c: a host with more threads than lanes, threads that come and go, threads that are cancelled,
 * and threads with next to no stack. */
#include "host.h"

enum { STACK = 64 << 10, LARGE = 60 << 10, LARGER = 1 << 20, MANY_MAX = 256, AT_ONCE = 8, RECORDS_MAX = 100 };

static _Atomic long next_number;

struct worker {
	long count;
	char name[32];
	_Atomic long returned;
	char space[80 << 10];
};

static void name_it(struct worker *worker, const char *kind)
{
	snprintf(worker->name, sizeof(worker->name), "%s%ld", kind, atomic_fetch_add(&next_number, 1));
}

static void *record_all(void *arg)
{
	struct worker *worker = arg;
	for (long i = 0; i < worker->count; i++)
		host_must_record(worker->name, i);
	return NULL;
}

/* All of them live until all have recorded, so most get no lane. */
static pthread_barrier_t all_recorded;

static void *record_with_others(void *arg)
{
	record_all(arg);
	pthread_barrier_wait(&all_recorded);
	return NULL;
}

static void run_many(const char *store, long count)
{
	static struct worker workers[MANY_MAX];
	pthread_t threads[MANY_MAX];
	host_begin(store);
	pthread_barrier_init(&all_recorded, NULL, (unsigned)count);
	for (long i = 0; i < count; i++) {
		name_it(&workers[i], "t");
		workers[i].count = 200;
		threads[i] = host_thread(record_with_others, &workers[i], STACK);
	}
	for (long i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		host_say("%s %ld", workers[i].name, workers[i].count);
	}
	host_close();
}

/* A thread may live on when the run is closed, but not record. */
static pthread_barrier_t asleep;

static void *sleep_for_ever(void *arg)
{
	record_all(arg);
	host_say("%s %ld", ((struct worker *)arg)->name, ((struct worker *)arg)->count);
	pthread_barrier_wait(&asleep);
	while (pause() < 0) {
	}
	return NULL;
}

static void *do_nothing(void *arg)
{
	return arg;
}

static void run_replaced(const char *store, long count)
{
	static struct worker never = {.name = "never", .count = 5};
	static struct worker workers[AT_ONCE];
	host_begin(store);
	pthread_barrier_init(&asleep, NULL, 2);
	pthread_detach(host_thread(sleep_for_ever, &never, 0));
	for (long done = 0; done < count; done += AT_ONCE) {
		pthread_t threads[AT_ONCE];
		for (int i = 0; i < AT_ONCE; i++) {
			name_it(&workers[i], "t");
			workers[i].count = i % 3; /* some record nothing */
			threads[i] = host_thread(i % 4 == 3 ? do_nothing : record_all, &workers[i], 0);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			pthread_join(threads[i], NULL);
			if (i % 4 != 3 && workers[i].count)
				host_say("%s %ld", workers[i].name, workers[i].count);
		}
	}
	pthread_barrier_wait(&asleep);
	host_close();
}

/* ---- cancelled ---- */

static bool asynchronously;
static pthread_barrier_t recording;

/* Some of the records are large enough for a file of their own. */
static void *record_until_cancelled(void *arg)
{
	struct worker *worker = arg;
	pthread_setcanceltype(asynchronously ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED, NULL);
	pthread_barrier_wait(&recording);
	for (long i = 0; i < RECORDS_MAX; i++) {
		burr_status status = worker->count && i % 16 == 15
					     ? host_record_large(worker->name, i, worker->space, 70 << 10)
					     : host_record(worker->name, i);
		if (status != BURR_OK) {
			host_say("FAIL %s %ld: %s", worker->name, i, burr_status_name(status));
			return NULL;
		}
		atomic_store(&worker->returned, i + 1);
		if (!asynchronously)
			pthread_testcancel();
	}
	for (;;) { /* no call that the thread sanitizer follows: it loses a thread that is cancelled there */
		pthread_testcancel();
		sched_yield();
	}
	return NULL;
}

static void spin(long turns)
{
	for (volatile long i = 0; i < turns; i++) {
	}
}

static void cancel_all(const char *store, long count)
{
	enum { TOGETHER = 4 };
	static struct worker workers[TOGETHER];
	host_begin(store);
	pthread_barrier_init(&recording, NULL, TOGETHER + 1);
	for (long done = 0; done < count; done += TOGETHER) {
		pthread_t threads[TOGETHER];
		for (int i = 0; i < TOGETHER; i++) {
			name_it(&workers[i], "t");
			workers[i].count = done % 64 == 0;
			atomic_store(&workers[i].returned, 0);
			threads[i] = host_thread(record_until_cancelled, &workers[i], 0);
		}
		pthread_barrier_wait(&recording);
		for (int i = 0; i < TOGETHER; i++) {
			spin(rand() % 2000);
			pthread_cancel(threads[i]);
		}
		for (int i = 0; i < TOGETHER; i++) {
			pthread_join(threads[i], NULL);
			host_say("%s %ld", workers[i].name, atomic_load(&workers[i].returned));
		}
		if (done % 256 == 0)
			host_flush(); /* the shipper is awake, and nobody has kept a lock */
	}
	host_must_record("last", 0);
	host_say("last 1");
	host_flush();
	host_close();
}

static void run_cancel(const char *store, long count)
{
	cancel_all(store, count);
}

static void run_cancel_async(const char *store, long count)
{
	asynchronously = true;
	cancel_all(store, count);
}

/* The calls that open files and wait on others. Only a cancelled one may leave its tracker open. */
static void close_opened(void *tracker)
{
	burr_tracker_close(*(burr_tracker **)tracker, NULL);
}

static void *open_until_cancelled(void *arg)
{
	burr_tracker *volatile tracker = NULL;
	bool failed = false;
	pthread_barrier_wait(&recording);
	pthread_cleanup_push(close_opened, (void *)(uintptr_t)&tracker);
	while (!failed) {
		burr_tracker *opened = NULL;
		burr_tracker_app *app = NULL;
		burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
		burr_app_info info = BURR_APP_INFO_INIT;
		options.project = "project";
		options.store = arg;
		info.app_id = "other";
		failed = burr_tracker_open(&options, &opened, NULL) != BURR_OK;
		tracker = opened;
		failed = failed || burr_tracker_create_app(opened, &info, &app, NULL) != BURR_OK;
		burr_tracker_flush(opened, 1000, NULL);
		tracker = NULL;
		burr_tracker_close(opened, NULL);
		pthread_testcancel();
	}
	pthread_cleanup_pop(0);
	return arg;
}

/* Nobody has kept a lock. */
static void *open_once(void *arg)
{
	burr_tracker *tracker = NULL;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = arg;
	HOST_CHECK(burr_tracker_open(&options, &tracker, NULL) == BURR_OK);
	HOST_CHECK(burr_tracker_close(tracker, NULL) == BURR_OK);
	return NULL;
}

static void run_cancel_opening(const char *store, long count)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/another",
		store); /* nobody else has it open: each time a spool is made */
	host_begin(store);
	pthread_barrier_init(&recording, NULL, 2);
	for (long i = 0; i < count; i++) {
		pthread_t thread = host_thread(open_until_cancelled, path, 0);
		pthread_barrier_wait(&recording);
		spin(rand() % 100000);
		pthread_cancel(thread);
		void *result;
		pthread_join(thread, &result);
		HOST_CHECK(result == PTHREAD_CANCELED);
		host_must_record("p", i);
	}
	host_say("p %ld", count);
	host_flush();
	pthread_join(host_thread(open_once, path, 0), NULL);
	host_close();
}

/* ---- small stacks ---- */

static void *record_large(void *arg)
{
	char *space = arg;
	for (long i = 0; i < 10; i++) {
		burr_status status = host_record_large("large", i, space, i % 2 ? LARGER : LARGE);
		HOST_CHECK(status == BURR_OK, "%s", burr_status_name(status));
	}
	host_say("large 10");
	return NULL;
}

static void *do_all(void *arg)
{
	host_begin(arg);
	host_must_record("small", 0);
	host_say("small 1");
	host_flush();
	return NULL;
}

/* The store's lock is held and nothing may be spilled: the lane fills up, and calls wait and give up. */
static void *fill_lane(void *arg)
{
	long i = 0;
	char *space = arg;
	while (i < 100 && host_record_large("full", i, space, LARGE) == BURR_OK)
		i++;
	HOST_CHECK(i > 1 && i < 100, "%ld records went in", i);
	/* One side file always has room, whatever the cap; a second one does not. */
	HOST_CHECK(host_record_large("full", i, space, LARGER) == BURR_OK);
	HOST_CHECK(host_record_large("full", i + 1, space, LARGER) == BURR_EDROPPED);
	host_say("full %ld", i + 1);
	return NULL;
}

static void run_stack(const char *store, long count)
{
	(void)count;
	static char space[LARGER + 200];
	burr_error err = BURR_ERROR_INIT;
	pthread_join(host_thread(do_all, (void *)(uintptr_t)store, STACK), NULL);
	pthread_join(host_thread(record_large, space, STACK), NULL);
	host_close();
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = store;
	options.wait_ms = 50;
	options.queue_bytes = 0;
	HOST_CHECK(burr_tracker_open(&options, &host_tracker, &err) == BURR_OK);
	HOST_CHECK(host_create("app") == BURR_OK);
	int fd = host_keep_append(store);
	pthread_join(host_thread(fill_lane, space, STACK), NULL);
	flock(fd, LOCK_UN);
	burr_tracker_flush(host_tracker, 20000, NULL); /* tells what was dropped */
	host_close();
}

/* ---- a process that is short of threads ---- */

static void run_no_thread(const char *store, long count)
{
	host_open(store, 20000);
	HOST_CHECK(host_create("app") == BURR_OK);
	pid_t pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid == 0) {
		/* No thread can be started: there is no memory for its stack. */
		extern int host_refuse_threads;
		host_refuse_threads = 1;
		for (long i = 0; i < 10; i++)
			host_must_record("p", i);
		host_refuse_threads = 0;
		for (long i = 10; i < count; i++) /* more than a lane holds */
			host_must_record("p", i);
		host_say("p %ld", count);
		host_flush();
		_exit(0);
	}
	host_wait_child(pid);
	host_close();
}

int host_refuse_threads;
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	return host_refuse_threads ? EAGAIN : __real_pthread_create(thread, attr, run, arg);
}

int main(int argc, char **argv)
{
	static const struct host_mode modes[] = {
		{"many", run_many},
		{"replaced", run_replaced},
		{"cancel", run_cancel},
		{"cancel-async", run_cancel_async},
		{"cancel-opening", run_cancel_opening},
		{"stack", run_stack},
		{"no-thread", run_no_thread},
		{NULL, NULL},
	};
	return host_main(argc, argv, modes);
}
