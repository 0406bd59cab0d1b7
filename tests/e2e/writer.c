/* e2e/writer.c: a program that records, for the tests to run, kill and compare.
 *
 *     writer MODE STORE PROJECT APP …
 *     record FIRST COUNT   record steps FIRST … FIRST+COUNT-1, say each when its calls have returned
 *     threads COUNT N      N threads, each its own application APP-<i>, COUNT steps each
 *     turns                for each line "K" of standard input: the last recorded step must be K (-1: none);
 *                          record K+1, say it
 *     wait MS COUNT        record COUNT steps with wait_ms MS, say each call's status and time
 *     pace RUNS RATE       RUNS applications APP-<i>, RATE steps a second together, until a line comes; say
 * at most every millisecond "K TIME": K is the last step of APP-0, TIME in ms since 1970 hold COUNT make the
 * application, say "ready", await a line; record COUNT steps and begin one more, say "holding", await a line;
 * end it
 *
 * A step's state is {"n": <its sequence id>, "app": "<APP>"}. Ends with 1 and a message when a call fails. */
#include <burr/burr.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void check(burr_status status, const burr_error *err, const char *what)
{
	if (status == BURR_OK)
		return;
	fprintf(stderr, "%s: %s: %s\n", what, burr_status_name(status), err->message);
	exit(1);
}

static burr_tracker *open_tracker(const char *store, const char *project, uint32_t wait_ms)
{
	burr_error err = BURR_ERROR_INIT;
	burr_tracker *tracker = NULL;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = project;
	options.store = store;
	options.wait_ms = wait_ms;
	check(burr_tracker_open(&options, &tracker, &err), &err, "open");
	return tracker;
}

static burr_tracker_app *create_app(burr_tracker *tracker, const char *app_id)
{
	static const burr_action_info action = {"work", "n", "n", "", "int n;"};
	static const burr_transition_info transition = {"work", "work", NULL};
	burr_error err = BURR_ERROR_INIT;
	burr_tracker_app *app = NULL;
	burr_app_info info = BURR_APP_INFO_INIT;
	info.app_id = app_id;
	info.entrypoint = "work";
	info.actions = &action;
	info.action_count = 1;
	info.transitions = &transition;
	info.transition_count = 1;
	check(burr_tracker_create_app(tracker, &info, &app, &err), &err, "create");
	return app;
}

static burr_status record_step(burr_tracker_app *app, long long n)
{
	char state[300];
	snprintf(state, sizeof(state), "{\"n\":%lld,\"app\":\"%s\"}", n, burr_tracker_app_id(app));
	burr_status status = burr_tracker_begin_step(app, n, "work", NULL, NULL);
	return status == BURR_OK ? burr_tracker_end_step(app, n, "work", NULL, NULL, state) : status;
}

static int record(char **args)
{
	burr_error err = BURR_ERROR_INIT;
	burr_tracker *tracker = open_tracker(args[0], args[1], UINT32_MAX);
	burr_tracker_app *app = create_app(tracker, args[2]);
	long long first = atoll(args[3]);
	for (long long n = first; n < first + atoll(args[4]); n++) {
		check(record_step(app, n), &err, "step");
		printf("%lld\n", n);
		fflush(stdout);
	}
	check(burr_tracker_close(tracker, &err), &err, "close");
	return 0;
}

struct job {
	burr_tracker *tracker;
	char app_id[200];
	long long count;
};

static void *record_job(void *arg)
{
	struct job *job = arg;
	burr_error err = BURR_ERROR_INIT;
	burr_tracker_app *app = create_app(job->tracker, job->app_id);
	for (long long n = 0; n < job->count; n++)
		check(record_step(app, n), &err, "step");
	return NULL;
}

static int threads(char **args)
{
	enum { MAX = 64 };
	static struct job jobs[MAX];
	pthread_t ids[MAX];
	burr_error err = BURR_ERROR_INIT;
	int count = atoi(args[4]) < MAX ? atoi(args[4]) : MAX;
	burr_tracker *tracker = open_tracker(args[0], args[1], UINT32_MAX);
	for (int i = 0; i < count; i++) {
		jobs[i].tracker = tracker;
		jobs[i].count = atoll(args[3]);
		snprintf(jobs[i].app_id, sizeof(jobs[i].app_id), "%s-%d", args[2], i);
		if (pthread_create(&ids[i], NULL, record_job, &jobs[i]) != 0)
			return 1;
	}
	for (int i = 0; i < count; i++)
		pthread_join(ids[i], NULL);
	check(burr_tracker_close(tracker, &err), &err, "close");
	return 0;
}

/* What the other process has just recorded must be what loading gives, at once. */
static void expect_last(char **args, long long expected)
{
	burr_error err = BURR_ERROR_INIT;
	burr_loaded *loaded = NULL;
	char state[300];
	if (expected < 0)
		return;
	check(burr_load(args[0], args[1], args[2], NULL, BURR_LAST_STEP, &loaded, &err), &err, "load");
	snprintf(state, sizeof(state), "{\"n\":%lld,\"app\":\"%s\"}", expected, args[2]);
	if (loaded->sequence_id != expected || strcmp(loaded->state_json, state) != 0) {
		fprintf(stderr, "expected step %lld, found %lld with %s\n", expected,
			(long long)loaded->sequence_id, loaded->state_json);
		exit(1);
	}
	burr_free(loaded);
}

static int turns(char **args)
{
	char line[32];
	burr_error err = BURR_ERROR_INIT;
	burr_tracker *tracker = open_tracker(args[0], args[1], UINT32_MAX);
	burr_tracker_app *app = create_app(tracker, args[2]);
	while (fgets(line, sizeof(line), stdin)) {
		long long last = atoll(line);
		expect_last(args, last);
		check(record_step(app, last + 1), &err, "step");
		printf("%lld\n", last + 1);
		fflush(stdout);
	}
	check(burr_tracker_close(tracker, &err), &err, "close");
	return 0;
}

static long long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int wait_bounded(char **args)
{
	burr_error err = BURR_ERROR_INIT;
	burr_tracker *tracker = open_tracker(args[0], args[1], (uint32_t)atoi(args[3]));
	burr_tracker_app *app = create_app(tracker, args[2]);
	printf("ready\n");
	fflush(stdout);
	char line[32];
	if (!fgets(line, sizeof(line), stdin)) /* the test has arranged the outage */
		return 1;
	for (long long n = 0; n < atoll(args[4]); n++) {
		char state[64];
		long long began = now_ms();
		snprintf(state, sizeof(state), "{\"n\":%lld}", n);
		burr_status status = burr_tracker_end_step(app, n, "work", NULL, NULL, state);
		printf("%s %lld\n", burr_status_name(status), now_ms() - began);
	}
	printf("recorded\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin)) /* the test has ended the outage */
		return 1;
	burr_status status = burr_tracker_flush(tracker, 20000, &err);
	burr_tracker_stats stats;
	stats.size = sizeof(stats);
	burr_tracker_get_stats(tracker, &stats);
	printf("flushed %s stored %llu dropped %llu\n", burr_status_name(status),
		(unsigned long long)stats.stored_count, (unsigned long long)stats.dropped_count);
	burr_status closed = burr_tracker_close(tracker, &err);
	return closed == BURR_OK ? 0 : 1;
}

static long long wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A program that records all the time. */
static int pace(char **args)
{
	enum { MAX = 256 };
	static burr_tracker_app *apps[MAX];
	burr_error err = BURR_ERROR_INIT;
	burr_tracker *tracker = open_tracker(args[0], args[1], UINT32_MAX);
	long long runs = atoll(args[3]) < MAX ? atoll(args[3]) : MAX;
	char app_id[200];
	for (long long i = 0; i < runs; i++) {
		snprintf(app_id, sizeof(app_id), "%s-%lld", args[2], i);
		apps[i] = create_app(tracker, app_id);
	}
	struct pollfd order = {.fd = STDIN_FILENO, .events = POLLIN};
	long long began = now_ms();
	for (long long n = 0; poll(&order, 1, 1) == 0;) {
		long long before = n;
		for (long long due = (now_ms() - began) * atoll(args[4]) / 1000; n < due; n++)
			check(record_step(apps[n % runs], n / runs), &err, "step");
		if (n == before)
			continue;
		printf("%lld %lld\n", (n - 1) / runs, wall_ms());
		fflush(stdout);
	}
	check(burr_tracker_close(tracker, &err), &err, "close");
	return 0;
}

/* A program in the middle of a step, for as long as the test wants it to be. */
static int hold(char **args)
{
	char line[32];
	burr_error err = BURR_ERROR_INIT;
	long long count = atoll(args[3]);
	burr_tracker *tracker = open_tracker(args[0], args[1], UINT32_MAX);
	burr_tracker_app *app = create_app(tracker, args[2]);
	check(burr_tracker_flush(tracker, 20000, &err), &err, "flush");
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	for (long long n = 0; n < count; n++)
		check(record_step(app, n), &err, "step");
	check(burr_tracker_begin_step(app, count, "work", NULL, NULL), &err, "begin");
	printf("holding\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	check(burr_tracker_end_step(app, count, "work", NULL, NULL, "{}"), &err, "end");
	check(burr_tracker_close(tracker, &err), &err, "close");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **args);
	} modes[] = {{"record", 5, record}, {"threads", 5, threads}, {"turns", 3, turns},
		{"wait", 5, wait_bounded}, {"pace", 5, pace}, {"hold", 4, hold}};
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (argc == modes[i].args + 2 && strcmp(argv[1], modes[i].name) == 0)
			return modes[i].run(argv + 2);
	fprintf(stderr, "usage: see the top of e2e/writer.c\n");
	return 2;
}
