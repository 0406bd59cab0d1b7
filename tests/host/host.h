/* host/host.h: what the programs that play a host share: a tracker, records that name their maker, and a word
 * to the driver. A record's state is {"w": "<worker>", "i": <its number>}, so that the log tells what is
 * missing.
 *
 * Everything here that a signal handler uses is safe there. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <burr/burr.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { HOST_SANITIZED = true };
#else
enum { HOST_SANITIZED = false };
#endif

static burr_tracker *host_tracker;
static burr_tracker_app *host_app;

static inline void host_write(const char *text, size_t len)
{
	while (len) {
		ssize_t put = write(STDOUT_FILENO, text, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			_exit(3);
		text += put;
		len -= (size_t)put;
	}
}

/* One line to the driver; a process that fails says so and ends with 1. */
__attribute__((format(printf, 1, 2))) static inline void host_say(const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len] = '\n';
	host_write(line, (size_t)len + 1);
}

#define HOST_CHECK(holds, ...)                                       \
	do {                                                         \
		if (!(holds)) {                                      \
			host_say("FAIL line %d: " #holds, __LINE__); \
			host_say(" " __VA_ARGS__);                   \
			_exit(1);                                    \
		}                                                    \
	} while (0)

static inline void host_open(const char *store, uint32_t wait_ms)
{
	burr_error err = BURR_ERROR_INIT;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = store;
	options.wait_ms = wait_ms;
	burr_status status = burr_tracker_open(&options, &host_tracker, &err);
	HOST_CHECK(status == BURR_OK, "%s", err.message);
}

static inline burr_status host_create(const char *app_id)
{
	burr_error err = BURR_ERROR_INIT;
	burr_app_info info = BURR_APP_INFO_INIT;
	info.app_id = app_id;
	burr_status status = burr_tracker_create_app(host_tracker, &info, &host_app, &err);
	HOST_CHECK(status == BURR_OK || status == BURR_ELATER, "%s", err.message);
	return status;
}

static inline void host_begin(const char *store)
{
	host_open(store, 20000);
	HOST_CHECK(host_create("app") == BURR_OK);
}

static inline char *host_put_text(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

static inline char *host_put_number(char *to, long number)
{
	char digits[24];
	int count = 0;
	do
		digits[count++] = (char)('0' + number % 10);
	while (number /= 10);
	while (count)
		*to++ = digits[--count];
	return to;
}

static inline burr_status host_record(const char *worker, long i)
{
	char state[160];
	char *to = host_put_text(state, "{\"w\":\"");
	to = host_put_text(to, worker);
	to = host_put_text(to, "\",\"i\":");
	to = host_put_number(to, i);
	*host_put_text(to, "}") = '\0';
	return burr_tracker_end_step(host_app, i, "a", NULL, NULL, state);
}

/* A record of at least this many bytes, in memory of the caller's. */
static inline burr_status host_record_large(const char *worker, long i, char *space, size_t len)
{
	memset(space, ' ', len);
	snprintf(space + len - 100, 100, "{\"w\":\"%s\",\"i\":%ld}", worker, i);
	space[0] = ' ';
	return burr_tracker_end_step(host_app, i, "a", NULL, NULL, space);
}

static inline void host_must_record(const char *worker, long i)
{
	burr_status status = host_record(worker, i);
	HOST_CHECK(status == BURR_OK, "%s %ld: %s", worker, i, burr_status_name(status));
}

static inline void host_flush(void)
{
	burr_error err = BURR_ERROR_INIT;
	burr_status status = burr_tracker_flush(host_tracker, 20000, &err);
	HOST_CHECK(status == BURR_OK, "%s: %s", burr_status_name(status), err.message);
}

static inline void host_close(void)
{
	burr_error err = BURR_ERROR_INIT;
	burr_status status = burr_tracker_close(host_tracker, &err);
	HOST_CHECK(status == BURR_OK, "%s: %s", burr_status_name(status), err.message);
}

/* Nobody gets the right to append, until it is let go: what is recorded stays in the spool. */
static inline int host_keep_append(const char *store)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/.burr-append", store);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	HOST_CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
	return fd;
}

/* A line of standard input, which the driver holds. */
static inline void host_await(void)
{
	char c = 0;
	while (c != '\n') {
		ssize_t got = read(STDIN_FILENO, &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
	}
}

static inline int64_t host_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static inline pthread_t host_thread(void *(*run)(void *), void *arg, size_t stack)
{
	pthread_t thread;
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	if (stack)
		pthread_attr_setstacksize(&attr, HOST_SANITIZED ? stack * 8 : stack);
	HOST_CHECK(pthread_create(&thread, &attr, run, arg) == 0);
	pthread_attr_destroy(&attr);
	return thread;
}

static inline void host_wait_child(pid_t pid)
{
	int status = 0;
	HOST_CHECK(waitpid(pid, &status, 0) == pid);
	HOST_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child's status %x", status);
}

struct host_mode {
	const char *name;
	void (*run)(const char *store, long count);
};

/* PROGRAM MODE STORE [COUNT] */
static inline int host_main(int argc, char **argv, const struct host_mode *modes)
{
	for (; argc >= 3 && modes->name; modes++)
		if (strcmp(modes->name, argv[1]) == 0) {
			modes->run(argv[2], argc > 3 ? atol(argv[3]) : 0);
			return 0;
		}
	host_say("FAIL no such mode");
	return 2;
}

#endif
