/* host/ends.c: a host that ends in every way there is, that closes descriptors which are not its own, and
 * that loads the library again and again. */
#include "host.h"

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/prctl.h>

enum { FILES = 200, THREADS = 3 };

static long recorded;

static void record_some(long count)
{
	for (long end = recorded + count; recorded < end; recorded++)
		host_must_record("p", recorded);
	host_say("p %ld", recorded);
}

static void run_return(const char *store, long count)
{
	host_begin(store);
	record_some(count);
}

static void run_exit(const char *store, long count)
{
	host_begin(store);
	record_some(count);
	exit(0);
}

/* ---- a thread's first record while the process ends: its lane's place on the disk comes after all is over
 */

static sem_t disk_asked;
static sem_t disk_answers;
static _Atomic bool disk_is_slow;
static pthread_t latecomer;

int __real_posix_fallocate(int fd, off_t from, off_t len);
int __wrap_posix_fallocate(int fd, off_t from, off_t len);
int __wrap_posix_fallocate(int fd, off_t from, off_t len)
{
	int error = __real_posix_fallocate(fd, from, len);
	if (atomic_exchange(&disk_is_slow, false)) {
		sem_post(&disk_asked);
		sem_wait(&disk_answers);
	}
	return error;
}

static void *record_late(void *arg)
{
	burr_status status = host_record("late", 0);
	HOST_CHECK(status == BURR_OK || status == BURR_EDROPPED, "%s", burr_status_name(status));
	if (status == BURR_OK)
		host_say("late 1");
	return arg;
}

/* After the library's own, which has given its spool back by then. */
__attribute__((destructor(101))) static void let_the_disk_answer(void)
{
	if (!latecomer)
		return;
	sem_post(&disk_answers);
	pthread_join(latecomer, NULL);
}

static void run_exit_while_taking(const char *store, long count)
{
	host_begin(store);
	record_some(count);
	HOST_CHECK(sem_init(&disk_asked, 0, 0) == 0 && sem_init(&disk_answers, 0, 0) == 0);
	disk_is_slow = true;
	latecomer = host_thread(record_late, NULL, 0);
	HOST_CHECK(sem_wait(&disk_asked) == 0);
}

static void run_exit_at_once(const char *store, long count)
{
	host_begin(store);
	record_some(count);
	_exit(0);
}

static void run_quick_exit(const char *store, long count)
{
	host_begin(store);
	record_some(count);
	quick_exit(0);
}

static void run_abort(const char *store, long count)
{
	host_begin(store);
	record_some(count);
	abort();
}

/* Registered before the library's own handler, so it runs after that. */
static void record_and_exit(void)
{
	record_some(10);
	exit(0);
}

static void run_exit_in_exit(const char *store, long count)
{
	atexit(record_and_exit);
	host_begin(store);
	record_some(count);
	exit(0);
}

static _Atomic long returned[THREADS];
static pthread_barrier_t recording;

static void *record_for_ever(void *arg)
{
	const long number = (long)(intptr_t)arg;
	const char name[] = {'t', (char)('0' + number), '\0'};
	for (long i = 0; host_record(name, i) == BURR_OK; i++) {
		atomic_store(&returned[number], i + 1);
		if (i == 100)
			pthread_barrier_wait(&recording);
		if (i % 50 == 0)
			sched_yield();
	}
	while (pause() < 0) {
	}
	return NULL;
}

/* What had returned when the process began to end; what comes after is theirs to lose. */
static void run_exit_with_threads(const char *store, long count)
{
	(void)count;
	host_begin(store);
	pthread_barrier_init(&recording, NULL, THREADS + 1);
	for (long i = 0; i < THREADS; i++)
		pthread_detach(host_thread(record_for_ever, (void *)(intptr_t)i, 0));
	pthread_barrier_wait(&recording);
	for (int i = 0; i < THREADS; i++)
		host_say("t%d %ld", i, atomic_load(&returned[i]));
	exit(0);
}

/* ---- descriptors ---- */

static void *record_in_thread(void *arg)
{
	char *space = arg;
	for (long i = 0; i < 100; i++)
		host_must_record("t", i);
	for (long i = 100; i < 104; i++)
		HOST_CHECK(host_record_large("t", i, space, 100 << 10) == BURR_OK);
	host_say("t 104");
	return NULL;
}

static void check_file(int fd, int number)
{
	char text[64];
	char expected[64];
	snprintf(expected, sizeof(expected), "file %d of the host", number);
	HOST_CHECK(lseek(fd, 0, SEEK_END) == (off_t)strlen(expected), "file %d has grown", number);
	ssize_t got = pread(fd, text, sizeof(text), 0);
	HOST_CHECK(got == (ssize_t)strlen(expected) && memcmp(text, expected, (size_t)got) == 0, "file %d",
		number);
}

/* close_range is what a daemon does when it begins; its files get the numbers that ours had. */
static void run_close_all(const char *store, long count)
{
	static int fds[FILES];
	static char space[200 << 10];
	for (long turn = 0; turn < count; turn++) {
		char name[64];
		if (turn % 2 == 0 && !host_tracker)
			host_begin(store);
		record_some(100);
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
		for (int i = 0; i < FILES; i++) {
			char path[4200];
			snprintf(name, sizeof(name), "file %d of the host", i);
			snprintf(path, sizeof(path), "%s.%d", store, i);
			fds[i] = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
			HOST_CHECK(fds[i] >= 0 && write(fds[i], name, strlen(name)) == (ssize_t)strlen(name));
		}
		record_some(500);
		if (turn == 0)
			pthread_join(host_thread(record_in_thread, space, 0), NULL);
		host_flush();
		for (int i = 0; i < FILES; i++)
			check_file(fds[i], i);
	}
	host_close();
	for (int i = 0; i < FILES; i++)
		check_file(fds[i], i);
}

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* As on a kernel that does not know the call. */
static void run_close_all_on_older_kernel(const char *store, long count)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		host_say("SKIP calls cannot be filtered here");
		return;
	}
	run_close_all(store, count);
}

/* For the driver, which looks at the spool's lock while all of the host's descriptors are closed. */
static void run_closed(const char *store, long count)
{
	host_begin(store);
	host_flush(); /* the library's thread has begun */
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	record_some(count);
	host_say("closed");
	host_await();
	record_some(count);
	host_flush();
	host_close();
}

/* ---- the library itself ---- */

typedef burr_status open_fn(const burr_tracker_options *, burr_tracker **, burr_error *);
typedef burr_status create_fn(burr_tracker *, const burr_app_info *, burr_tracker_app **, burr_error *);
typedef burr_status end_step_fn(
	burr_tracker_app *, int64_t, const char *, const char *, const char *, const char *);
typedef burr_status close_fn(burr_tracker *, burr_error *);

static void run_load(const char *store, long count)
{
	const char *path = getenv("HOST_LIBRARY");
	for (long i = 0; i < count; i++) {
		burr_tracker *tracker = NULL;
		burr_tracker_app *app = NULL;
		burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
		burr_app_info info = BURR_APP_INFO_INIT;
		char state[64];
		void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		HOST_CHECK(library, "%s", dlerror());
		void *again = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		open_fn *open_it = (open_fn *)(uintptr_t)dlsym(library, "burr_tracker_open");
		create_fn *create_it = (create_fn *)(uintptr_t)dlsym(again, "burr_tracker_create_app");
		end_step_fn *end_step = (end_step_fn *)(uintptr_t)dlsym(library, "burr_tracker_end_step");
		close_fn *close_it = (close_fn *)(uintptr_t)dlsym(again, "burr_tracker_close");
		options.project = "project";
		options.store = store;
		info.app_id = "app";
		HOST_CHECK(open_it(&options, &tracker, NULL) == BURR_OK);
		HOST_CHECK(create_it(tracker, &info, &app, NULL) == BURR_OK);
		snprintf(state, sizeof(state), "{\"w\":\"p\",\"i\":%ld}", i);
		HOST_CHECK(end_step(app, i, "a", NULL, NULL, state) == BURR_OK);
		if (i % 3) /* else its thread goes on without a handle of the library */
			HOST_CHECK(close_it(tracker, NULL) == BURR_OK);
		HOST_CHECK(dlclose(again) == 0 && dlclose(library) == 0);
	}
	host_say("p %ld", count);
}

int main(int argc, char **argv)
{
	static const struct host_mode modes[] = {
		{"return", run_return},
		{"exit", run_exit},
		{"exit-while-taking", run_exit_while_taking},
		{"_exit", run_exit_at_once},
		{"quick_exit", run_quick_exit},
		{"abort", run_abort},
		{"exit-in-exit", run_exit_in_exit},
		{"exit-with-threads", run_exit_with_threads},
		{"close-all", run_close_all},
		{"close-all-on-older-kernel", run_close_all_on_older_kernel},
		{"closed", run_closed},
		{"load", run_load},
		{NULL, NULL},
	};
	return host_main(argc, argv, modes);
}
