/* host/fork.c: a host that makes processes in every way there is, while its threads record. */
#include "host.h"

#include <spawn.h>

enum { THREADS = 4, CHILD_RECORDS = 20 };

static _Atomic bool done;

static void name_worker(char name[32], const char *kind, long number)
{
	snprintf(name, 32, "%s%ld", kind, number);
}

static void *record_until_done(void *arg)
{
	static const struct timespec pace = {0, 200000};
	char name[32];
	long i = 0;
	name_worker(name, "t", (long)(intptr_t)arg);
	for (; !atomic_load(&done); i++) {
		host_must_record(name, i);
		if (i % 8 ==
			0) /* a pace that the disk keeps up with: what is tried is fork, not a full store */
			nanosleep(&pace, NULL);
	}
	host_say("%s %ld", name, i);
	return NULL;
}

static void begin_threads(pthread_t threads[THREADS])
{
	for (long i = 0; i < THREADS; i++)
		threads[i] = host_thread(record_until_done, (void *)(intptr_t)i, 0);
}

static void end_threads(pthread_t threads[THREADS])
{
	atomic_store(&done, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void record_as(const char *kind, long number, long count)
{
	char name[32];
	name_worker(name, kind, number);
	for (long i = 0; i < count; i++)
		host_must_record(name, i);
	host_say("%s %ld", name, count);
}

/* Children that record and exit, that only exit, that close what they inherited, that are killed. */
static void play_child(long number)
{
	switch (number % 5) {
	case 0:
		record_as("c", number, CHILD_RECORDS);
		exit(0);
	case 1:
		exit(0);
	case 2:
		host_close();
		_exit(0);
	case 3:
		record_as("c", number, CHILD_RECORDS);
		host_close();
		exit(0);
	default:
		record_as("c", number, CHILD_RECORDS);
		_exit(0); /* what it recorded is in its spool */
	}
}

static void run_fork(const char *store, long count)
{
	pthread_t threads[THREADS];
	host_begin(store);
	begin_threads(threads);
	for (long i = 0; i < count; i++) {
		pid_t pid = fork();
		HOST_CHECK(pid >= 0);
		if (pid == 0)
			play_child(i);
		host_wait_child(pid);
	}
	end_threads(threads);
	host_close();
}

/* The tracker has just been opened: its thread is about to part from the host's descriptors. */
static void run_at_once(const char *store, long count)
{
	for (long i = 0; i < count; i++) {
		host_open(store, 20000);
		pid_t pid = fork();
		HOST_CHECK(pid >= 0);
		if (pid == 0)
			_exit(0);
		HOST_CHECK(host_create("app") == BURR_OK);
		record_as("p", i, 2);
		host_flush();
		host_close();
		host_wait_child(pid);
	}
}

static void run_spawn(const char *store, long count)
{
	char *const argv[] = {"true", NULL};
	pthread_t threads[THREADS];
	host_begin(store);
	begin_threads(threads);
	for (long i = 0; i < count; i++) {
		pid_t pid;
		if (i % 2) {
			HOST_CHECK(posix_spawnp(&pid, "true", NULL, NULL, argv, environ) == 0);
		} else {
			pid = vfork(); // NOLINT(clang-analyzer-security.insecureAPI.vfork): what hosts do
			if (pid == 0) {
				execvp("true", argv);
				_exit(127);
			}
		}
		host_wait_child(pid);
	}
	end_threads(threads);
	host_close();
}

/* pthread_atfork's handlers are not called. The child's own descriptors and memory are copies. */
static pid_t bare_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void run_clone(const char *store, long count)
{
	host_begin(store);
	for (long i = 0; i < count; i++) {
		host_must_record("p", i);
		pid_t pid = bare_clone();
		HOST_CHECK(pid >= 0);
		if (pid == 0) {
			switch (i % 4) {
			case 0: /* a refused record is counted, and that is all */
				HOST_CHECK(burr_tracker_end_step(host_app, -1, "a", NULL, NULL, "{}") ==
					   BURR_EINVAL);
				_exit(0);
			case 1:
				burr_tracker_close_app(host_app);
				_exit(0);
			case 2:
				record_as("k", i, CHILD_RECORDS);
				host_flush();
				_exit(0);
			default:
				record_as("k", i, CHILD_RECORDS);
				_exit(0);
			}
		}
		host_wait_child(pid);
	}
	host_say("p %ld", count);
	host_close();
}

static void run_generations(const char *store, long count)
{
	host_begin(store);
	for (long generation = 0; generation < count; generation++) {
		record_as("g", generation, CHILD_RECORDS);
		pid_t pid = fork();
		HOST_CHECK(pid >= 0);
		if (pid == 0)
			continue;
		host_wait_child(pid);
		host_close();
		_exit(0);
	}
	host_close();
	_exit(0);
}

/* The child's first records come out of a handler, while its main code is about to record as well. */
static _Atomic long handled;

static void record_in_handler(int number)
{
	(void)number;
	int error = errno;
	host_must_record("h", atomic_load(&handled));
	atomic_fetch_add(&handled, 1);
	errno = error;
}

static void run_handler(const char *store, long count)
{
	host_begin(store);
	for (long i = 0; i < count; i++) {
		pid_t pid = fork();
		HOST_CHECK(pid >= 0);
		if (pid == 0) {
			struct sigaction action = {.sa_handler = record_in_handler, .sa_flags = SA_RESTART};
			struct itimerspec often = {{0, 30000}, {0, 30000 + i % 17 * 10000}};
			timer_t timer;
			sigaction(SIGALRM, &action, NULL);
			HOST_CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0 &&
				   timer_settime(timer, 0, &often, NULL) == 0);
			burr_tracker_stats stats = {.size = sizeof(stats)};
			while (atomic_load(&handled) < 3)
				burr_tracker_get_stats(host_tracker, &stats);
			timer_delete(timer);
			_exit(0);
		}
		host_wait_child(pid);
	}
	host_close();
}

/* For the driver, which kills the parent: says the child's id, and after that what stands recorded. */
static void run_orphan(const char *store, long count)
{
	host_begin(store);
	int fd = host_keep_append(store);
	pid_t pid = fork();
	HOST_CHECK(pid >= 0);
	if (pid == 0) {
		close(fd);
		record_as("child", 0, count);
		host_say("child");
		host_await(); /* the parent is dead */
		for (long i = 0; i < count; i++)
			host_must_record("child1", i);
		host_say("child1 %ld", count);
		host_flush();
		host_say("flushed");
		host_await();
		_exit(0);
	}
	host_say("pid %ld", (long)pid);
	for (long i = 0; i < count; i++)
		host_must_record("parent", i);
	host_say("parent %ld", count);
	for (;;)
		pause();
}

/* For the driver, which kills the parent: the child does nothing at all. */
static void run_idle(const char *store, long count)
{
	host_begin(store);
	pid_t pid = count ? fork() : bare_clone();
	HOST_CHECK(pid >= 0);
	if (pid == 0) {
		host_say("child");
		host_await();
		_exit(0);
	}
	for (long i = 0;; i++) {
		host_must_record("parent", i);
		if (i == 1000)
			host_say("parent");
	}
}

static void *record_then_sleep(void *arg)
{
	char name[32];
	name_worker(name, "t", (long)(intptr_t)arg);
	for (long i = 0; i < 500; i++)
		host_must_record(name, i);
	host_say("%s 500", name);
	return NULL;
}

static void run_exec(const char *store, long count)
{
	pthread_t threads[THREADS];
	host_begin(store);
	int fd = host_keep_append(store);
	for (long i = 0; i < THREADS; i++)
		threads[i] = host_thread(record_then_sleep, (void *)(intptr_t)i, 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	record_as("p", 0, count);
	(void)fd; /* goes with the exec */
	execlp("sh", "sh", "-c", "echo done; read line", (char *)NULL);
	_exit(127);
}

int main(int argc, char **argv)
{
	static const struct host_mode modes[] = {
		{"fork", run_fork},
		{"at-once", run_at_once},
		{"spawn", run_spawn},
		{"clone", run_clone},
		{"generations", run_generations},
		{"handler", run_handler},
		{"orphan", run_orphan},
		{"idle", run_idle},
		{"exec", run_exec},
		{NULL, NULL},
	};
	return host_main(argc, argv, modes);
}
