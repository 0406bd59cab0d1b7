/* host/limits.c: a host at its limits, and a store that takes nothing. And a host that looks closely: at
 * errno, at what is allocated, at what is printed. */
#include "host.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static void limit(int what, rlim_t value)
{
	struct rlimit old;
	HOST_CHECK(getrlimit((__rlimit_resource_t)what, &old) == 0);
	old.rlim_cur = value;
	HOST_CHECK(setrlimit((__rlimit_resource_t)what, &old) == 0);
}

static void record_each(const char *worker, long from, long to, burr_status expected)
{
	for (long i = from; i < to; i++) {
		burr_status status = host_record(worker, i);
		HOST_CHECK(status == expected, "%s %ld: %s", worker, i, burr_status_name(status));
	}
}

static void *record_in_thread(void *arg)
{
	record_each(arg, 0, 100, BURR_OK);
	host_say("%s 100", (char *)arg);
	return NULL;
}

static void use_up_descriptors(void)
{
	limit(RLIMIT_NOFILE, 64);
	while (dup(STDOUT_FILENO) >= 0) {
	}
	HOST_CHECK(errno == EMFILE);
}

/* No descriptor is left: threads that come get no lane of their own and use the shared ones; a forked child
 * gets no spool, so what it records is kept in memory until it is stored. */
static void run_descriptors(const char *store, long count)
{
	(void)count;
	host_begin(store);
	use_up_descriptors();
	burr_tracker *other = NULL;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = "/tmp/never/made";
	HOST_CHECK(burr_tracker_open(&options, &other, NULL) != BURR_OK);
	record_each("p", 0, 100, BURR_OK);
	host_say("p 100");
	pthread_join(host_thread(record_in_thread, "t", 0), NULL);
	host_flush();
	pid_t pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid == 0) {
		record_each("c", 0, 100, BURR_ELATER);
		host_say("c 100");
		host_flush();
		_exit(0);
	}
	host_wait_child(pid);
	host_close();
}

/* SIGXFSZ has its default disposition, so it would end the process. The child's spool does not fit. */
static void run_file_size(const char *store, long count)
{
	static char space[200 << 10];
	host_open(store, 500);
	HOST_CHECK(host_create("app") == BURR_OK);
	record_each("p", 0, 10, BURR_OK);
	limit(RLIMIT_FSIZE, (rlim_t)count);
	record_each("p", 10, 20, BURR_OK);
	host_say("p 20");
	pthread_join(host_thread(record_in_thread, "t", 0), NULL);
	burr_status status = host_record_large("large", 0, space, 150 << 10);
	HOST_CHECK(status == (count < (150 << 10) ? BURR_EDROPPED : BURR_OK), "%s", burr_status_name(status));
	pid_t pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid == 0) {
		record_each("c", 0, 10, BURR_ELATER);
		limit(RLIMIT_FSIZE, RLIM_INFINITY);
		host_say("c 10");
		host_flush();
		_exit(0);
	}
	host_wait_child(pid);
	limit(RLIMIT_FSIZE, RLIM_INFINITY);
	burr_tracker_flush(host_tracker, 20000, NULL); /* tells what was dropped */
	host_close();
}

static void run_opening_with_file_size(const char *store, long count)
{
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = store;
	options.wait_ms = 200;
	limit(RLIMIT_FSIZE, (rlim_t)count);
	if (burr_tracker_open(&options, &host_tracker, NULL) != BURR_OK)
		return;
	HOST_CHECK(host_create("app") == BURR_ELATER || count > 0);
	record_each("p", 0, 10, BURR_ELATER);
	limit(RLIMIT_FSIZE, RLIM_INFINITY);
	host_say("p 10");
	host_flush();
	host_close();
}

/* Where not even memory for a spool is to be had, what is recorded is dropped and counted; nothing crashes.
 */
static void run_memory(const char *store, long count)
{
	host_open(store, 200);
	HOST_CHECK(host_create("app") == BURR_OK);
	pid_t pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid == 0) {
		burr_tracker_stats stats = {.size = sizeof(stats)};
		burr_error err = BURR_ERROR_INIT;
		limit(RLIMIT_AS, 1 << 20); /* less than there is: no mapping succeeds */
		record_each("c", 0, count, BURR_EDROPPED);
		burr_tracker_get_stats(host_tracker, &stats);
		HOST_CHECK(stats.dropped_count == (uint64_t)count, "%ld dropped", (long)stats.dropped_count);
		limit(RLIMIT_AS, RLIM_INFINITY);
		record_each("d", 0, count, BURR_OK);
		host_say("d %ld", count);
		HOST_CHECK(burr_tracker_flush(host_tracker, 20000, &err) == BURR_EDROPPED);
		_exit(0);
	}
	host_wait_child(pid);
	host_close();
}

/* The user may have no more processes, and a thread counts as one: there is no shipper until that is over. */
static void run_processes(const char *store, long count)
{
	struct rlimit before;
	HOST_CHECK(getrlimit(RLIMIT_NPROC, &before) == 0);
	limit(RLIMIT_NPROC, 0);
	pthread_t thread;
	HOST_CHECK(pthread_create(&thread, NULL, record_in_thread, "t") == EAGAIN);
	host_open(store, 200);
	HOST_CHECK(host_create("app") == BURR_ELATER);
	record_each("p", 0, count, BURR_OK);
	HOST_CHECK(setrlimit(RLIMIT_NPROC, &before) == 0);
	record_each("p", count, 2 * count, BURR_OK);
	host_say("p %ld", 2 * count);
	host_flush();
	host_close();
}

/* ---- stores that take nothing; the driver makes them so and mends them ---- */

static void run_refused(const char *store, long count)
{
	host_open(store, 200);
	host_say("ready");
	host_await(); /* it takes nothing */
	if (!host_app)
		HOST_CHECK(host_create("app") == BURR_ELATER);
	record_each("p", 0, count, BURR_ELATER);
	host_say("p %ld", count);
	host_say("recorded");
	host_await(); /* it takes records again */
	host_flush();
	host_close();
}

/* The making of the run is in the memory of a process that is killed. Its child goes on with the run. */
static void play_killed_parent(const char *store, long count)
{
	host_open(store, 200);
	host_say("ready");
	host_await(); /* the store takes nothing */
	HOST_CHECK(host_create("app") == BURR_ELATER);
	pid_t pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid != 0)
		kill(getpid(), SIGKILL);
	record_each("c", 0, count, BURR_ELATER);
	host_say("c %ld", count);
	host_say("recorded");
	host_await(); /* it takes records again */
	host_flush();
	host_close();
	_exit(0);
}

static void run_orphaned(const char *store, long count)
{
	int end[2];
	char c;
	HOST_CHECK(pipe2(end, O_CLOEXEC) == 0);
	pid_t pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid == 0)
		play_killed_parent(store, count);
	close(end[1]);
	HOST_CHECK(waitpid(pid, NULL, 0) == pid);
	HOST_CHECK(read(end[0], &c, 1) == 0); /* the child has ended */
}

/* A child's spool is made by its first record. The parent has none that is open, so the driver can change the
 * file system under both. */
static void run_forked(const char *store, long count)
{
	int end[2];
	char c;
	host_begin(store);
	HOST_CHECK(pipe2(end, O_CLOEXEC) == 0);
	pid_t pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid != 0) {
		host_close();
		close(end[0]);
		close(end[1]);
		host_wait_child(pid);
		return;
	}
	close(end[1]);
	HOST_CHECK(read(end[0], &c, 1) == 0); /* the parent has closed its tracker */
	host_say("ready");
	host_await();
	record_each("p", 0, count, BURR_ELATER);
	host_say("p %ld", count);
	host_say("recorded");
	host_await();
	host_flush();
	host_close();
}

/* The store's folder may not be written any more: no new run, and no spool for a child, but what runs goes
 * on.
 */
static void run_forbidden(const char *store, long count)
{
	burr_app_info info = BURR_APP_INFO_INIT;
	burr_error err = BURR_ERROR_INIT;
	burr_tracker_app *other = NULL;
	host_begin(store);
	host_say("ready");
	host_await();
	info.app_id = "other";
	burr_status status = burr_tracker_create_app(host_tracker, &info, &other, &err);
	HOST_CHECK(status == BURR_EPERM && !other, "%s", err.message);
	HOST_CHECK(strstr(err.message, "Permission denied") != NULL, "%s", err.message);
	HOST_CHECK(
		burr_tracker_flush(host_tracker, 20000, &err) == BURR_EDROPPED); /* tells of it once more */
	record_each("p", 0, count, BURR_OK);
	pid_t pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid == 0) {
		record_each("c", 0, count, BURR_ELATER);
		host_say("c %ld", count);
		host_flush();
		_exit(0);
	}
	host_wait_child(pid);
	host_say("p %ld", count);
	host_say("recorded");
	host_await();
	host_flush();
	host_close();
}

/* The spool was made before the disk became full: threads that come then have no place for a lane. */
static void run_filled(const char *store, long count)
{
	host_begin(store);
	record_each("p", 0, count, BURR_OK);
	host_flush();
	host_say("ready");
	host_await(); /* the disk is full */
	char names[8][16];
	pthread_t threads[8];
	for (int i = 0; i < 8; i++) {
		snprintf(names[i], sizeof(names[i]), "t%d", i);
		threads[i] = host_thread(record_in_thread, names[i], 0);
	}
	record_each("p", count, 2 * count, BURR_OK);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	host_say("p %ld", 2 * count);
	host_say("recorded");
	host_await();
	host_flush();
	host_close();
}

/* The driver kills it, or lets it go on with another environment and working folder. */
static void run_moved(const char *store, long count)
{
	host_begin(store);
	int fd = count ? host_keep_append(store) : -1;
	setenv("BURR_SPOOL_DIR", "/nowhere", 1);
	HOST_CHECK(chdir("/") == 0);
	record_each("p", 0, 100, BURR_OK);
	host_say("p 100");
	pthread_join(host_thread(record_in_thread, "t", 0), NULL);
	host_say("recorded");
	host_await();
	if (fd >= 0)
		close(fd);
	host_close();
}

/* ---- what a call leaves alone ---- */

static _Atomic long allocations;
static _Thread_local bool counts;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	allocations += counts;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	allocations += counts;
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	allocations += counts;
	return __real_realloc(old, size);
}

static void call_all(char *space, long from, int error)
{
	static const burr_tag tag = {"k", "v"};
	static const char *const spans[] = {"1:0"};
	static const burr_via via = {"a", "x > 1", "{}", NULL, 0};
#define KEEPS(call)                                                       \
	do {                                                              \
		errno = error;                                            \
		(void)call;                                               \
		HOST_CHECK(errno == error, #call ": errno is %d", errno); \
	} while (0)
	KEEPS(burr_tracker_begin_step(host_app, from, "a", "{}", &via));
	KEEPS(burr_tracker_begin_span(host_app, from, "1:1", "span", "1:0", spans, 1));
	KEEPS(burr_tracker_log_attribute(host_app, from, NULL, "key", "1", &tag, 1));
	KEEPS(burr_tracker_end_span(host_app, from, "1:1"));
	KEEPS(burr_tracker_begin_stream(host_app, from));
	KEEPS(burr_tracker_first_item(host_app, from));
	KEEPS(burr_tracker_end_stream(host_app, from, 3));
	KEEPS(burr_tracker_end_app(host_app));
	KEEPS(burr_tracker_end_step(host_app, -1, "a", NULL, NULL, "{}"));
	KEEPS(burr_tracker_end_step(host_app, from, "a", NULL, NULL, "no object"));
	KEEPS(host_record("p", from));
	KEEPS(host_record_large("p", from + 1, space, 60 << 10));
	KEEPS(host_record_large("p", from + 2, space, 1 << 20));
#undef KEEPS
}

static void run_calls(const char *store, long count)
{
	(void)count;
	static char space[2 << 20];
	burr_error err = BURR_ERROR_INIT;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = store;
	options.wait_ms = 50;
	options.queue_bytes = 4 << 20; /* for three records with a file of their own */
	HOST_CHECK(burr_tracker_open(&options, &host_tracker, &err) == BURR_OK, "%s", err.message);
	HOST_CHECK(host_create("app") == BURR_OK);
	call_all(space, 0, 4711);
	counts = true;
	call_all(space, 3, 0);
	int fd = host_keep_append(store);
	burr_status last = BURR_OK;
	for (long i = 0; i < 200 && last == BURR_OK; i++) /* nothing can be stored: calls wait and give up */
		last = host_record_large("q", i, space, 60 << 10);
	HOST_CHECK(last == BURR_EDROPPED);
	call_all(space, 6, 11);
	counts = false;
	HOST_CHECK(atomic_load(&allocations) == 0, "%ld allocations", atomic_load(&allocations));
	close(fd);
	pid_t pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid == 0) {
		errno = 4711;
		host_must_record("c", 0);
		HOST_CHECK(errno == 4711);
		_exit(0);
	}
	host_wait_child(pid);
	burr_tracker_flush(host_tracker, 20000, NULL); /* tells what was refused */
	burr_tracker_close(host_tracker, NULL);
}

int main(int argc, char **argv)
{
	static const struct host_mode modes[] = {
		{"descriptors", run_descriptors},
		{"file-size", run_file_size},
		{"opening-with-file-size", run_opening_with_file_size},
		{"memory", run_memory},
		{"processes", run_processes},
		{"refused", run_refused},
		{"filled", run_filled},
		{"orphaned", run_orphaned},
		{"forked", run_forked},
		{"forbidden", run_forbidden},
		{"moved", run_moved},
		{"calls", run_calls},
		{NULL, NULL},
	};
	return host_main(argc, argv, modes);
}
