/* bench/live.c: how long after a record's call has returned a reader knows of it, over the event stream and
 * by polls that wait: one reader and a thousand, with nothing else going on and beside other applications
 * that record 20 records/ms.
 *
 * Recorder, load and readers are processes of their own. Each reader gets each step; the figures are over all
 * of them, so those of a thousand hold the time until the last of them has it. Their own work is in it: on
 * few cores a thousand readers wait for each other. */
#include "bench/ask.h"

#include <burr/tracker.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char about[] =
	"From the return of a record's call to the reader that is told of it; target: 99 % within 50 ms. A "
	"step "
	"every 110 to 150 ms is told at once; of one every 20 ms, those of 100 ms come together. x 1,000: so "
	"many "
	"readers, and the figures are over all of them. Busy: other applications record 20 records/ms.";

enum {
	STEPS = 80, /* of a round, those that warm up aside */
	WARM_UP = 5,
	READERS = 1000,
	LOAD_APPS = 100,
	LOAD_A_MS = 20,
	LINE_LEN = 600,
};

#define TOPIC "run/bench/live"

struct shared {
	_Atomic int64_t recorded_ns[WARM_UP + STEPS]; /* when the call had returned; 0: not yet */
	_Atomic int ready;                            /* readers that listen */
	_Atomic size_t count;
	double us[(size_t)STEPS * READERS];
};

struct scene {
	bool polls, load;
	int readers;
	int every_ms, spread_ms;
};

static void pause_ms(double ms)
{
	struct timespec time = {(time_t)(ms / 1000), (long)(fmod(ms, 1000) * 1e6)};
	nanosleep(&time, NULL);
}

/* ---- those that record ---- */

static burr_tracker *open_tracker(const char *store, const char *project)
{
	burr_tracker *tracker;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = project;
	options.store = store;
	bench_check(burr_tracker_open(&options, &tracker, NULL) == BURR_OK, "open a tracker");
	return tracker;
}

static burr_tracker_app *create(burr_tracker *tracker, const char *app_id)
{
	burr_tracker_app *app;
	burr_app_info info = BURR_APP_INFO_INIT;
	info.app_id = app_id;
	bench_check(burr_tracker_create_app(tracker, &info, &app, NULL) == BURR_OK, "create an application");
	return app;
}

static void put(burr_tracker_app *app, int64_t number, const char *state)
{
	bench_check(burr_tracker_end_step(app, number, "a", NULL, NULL, state) == BURR_OK, "record a step");
}

static _Noreturn void be_load(const char *store)
{
	char app_id[24];
	char *state = bench_state(LINE_LEN - 200);
	burr_tracker *tracker = open_tracker(store, "load");
	burr_tracker_app *apps[LOAD_APPS];
	for (int i = 0; i < LOAD_APPS; i++) {
		snprintf(app_id, sizeof(app_id), "app-%d", i);
		apps[i] = create(tracker, app_id);
	}
	for (int64_t n = 0;; n++) {
		put(apps[n % LOAD_APPS], n / LOAD_APPS, state);
		if (n % LOAD_A_MS == LOAD_A_MS - 1)
			pause_ms(1);
	}
}

static void record_steps(const char *store, const struct scene *scene, struct shared *shared)
{
	char *state = bench_state(LINE_LEN - 200);
	burr_tracker *tracker = open_tracker(store, "bench");
	burr_tracker_app *app = create(tracker, "live");
	while (atomic_load(&shared->ready) < scene->readers)
		pause_ms(1);
	for (int i = 0; i < WARM_UP + STEPS; i++) {
		pause_ms(scene->every_ms + scene->spread_ms * drand48());
		put(app, i, state);
		atomic_store(&shared->recorded_ns[i], bench_now_ns());
	}
	burr_tracker_close(tracker, NULL);
	free(state);
}

/* ---- those that read ---- */

struct reader {
	int fd;
	bool polls, listens;
	int64_t seen; /* steps */
	struct buf in;
};

static void ask(struct reader *reader, int64_t after)
{
	char text[300];
	int len = reader->polls ? snprintf(text, sizeof(text),
					  "GET /api/v1/changes?topics=" TOPIC "&after=%lld&wait_ms=60000 "
					  "HTTP/1.1\r\nHost: localhost\r\n\r\n",
					  (long long)after)
				: snprintf(text, sizeof(text),
					  "GET /api/v1/events?topics=" TOPIC
					  " HTTP/1.0\r\nHost: localhost\r\n\r\n");
	bench_check(write(reader->fd, text, (size_t)len) == len, "ask");
}

static int64_t number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	return at ? strtoll(at + strlen(key), NULL, 10) : 0;
}

/* A whole event or answer of one or more changes: up to which step it tells, and when those were recorded. */
static void take_steps(
	struct reader *reader, const char *text, const char *end, int64_t now_ns, struct shared *shared)
{
	int64_t to = 0;
	for (const char *at = text; (at = strstr(at, "\"to\":")) && at < end; at++)
		to = number_after(at, "\"to\":");
	for (; reader->seen < to && reader->seen < WARM_UP + STEPS; reader->seen++) {
		int64_t recorded_ns;
		while (!(recorded_ns = atomic_load(&shared->recorded_ns[reader->seen])))
			; /* it came before the call had returned */
		double us = (double)(now_ns - recorded_ns) / 1000;
		if (reader->seen >= WARM_UP)
			shared->us[atomic_fetch_add(&shared->count, 1)] = us < 0 ? 0 : us;
	}
}

/* The first whole event or answer in what came; NULL: there is none yet. *out_end: behind it. */
static const char *find_whole(struct reader *reader, const char **out_end)
{
	char *body = strstr(reader->in.data, reader->listens && !reader->polls ? "data: " : "\r\n\r\n");
	if (!body)
		return NULL;
	if (!reader->polls) {
		char *end = strstr(body, "\n\n");
		*out_end = end ? end + 2 : NULL;
		return end ? body : NULL;
	}
	size_t len = (size_t)(body + 4 - reader->in.data) +
		     (size_t)number_after(reader->in.data, "Content-Length: ");
	*out_end = reader->in.data + len;
	return reader->in.len >= len ? body : NULL;
}

static void take_input(struct reader *reader, struct shared *shared)
{
	int64_t now_ns = bench_now_ns();
	const char *text;
	const char *end;
	while (reader->in.len && (text = find_whole(reader, &end))) {
		if (!reader->listens) {
			reader->listens = true;
			atomic_fetch_add(&shared->ready, 1);
		}
		take_steps(reader, text, end, now_ns, shared);
		if (reader->polls)
			ask(reader, number_after(text, "\"cursor\":"));
		size_t rest = (size_t)(reader->in.data + reader->in.len - end);
		memmove(reader->in.data, end, rest + 1);
		reader->in.len = rest;
	}
}

static void read_some(struct reader *reader, struct shared *shared)
{
	char *to = buf_reserve(&reader->in, 65536);
	ssize_t got = to ? read(reader->fd, to, 65536) : -1;
	bench_check(got > 0, "read what changed");
	reader->in.len += (size_t)got;
	reader->in.data[reader->in.len] = '\0';
	take_input(reader, shared);
}

static void read_all(const char *store, const struct scene *scene, struct shared *shared)
{
	enum { EVENTS = 64 };
	struct epoll_event events[EVENTS];
	struct reader *readers = calloc((size_t)scene->readers, sizeof(*readers));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	in_port_t port = ask_port(store);
	bench_check(readers && epoll >= 0, "make readers");
	for (int i = 0; i < scene->readers; i++) {
		readers[i] = (struct reader){.fd = ask_connect(port), .polls = scene->polls};
		bench_check(readers[i].fd >= 0, "connect");
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &readers[i]};
		bench_check(epoll_ctl(epoll, EPOLL_CTL_ADD, readers[i].fd, &event) == 0, "watch a reader");
		ask(&readers[i], 0);
	}
	while (atomic_load(&shared->count) < (size_t)STEPS * (size_t)scene->readers) {
		int count = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < count; i++)
			read_some(events[i].data.ptr, shared);
	}
}

/* ---- a round ---- */

static void run_scene(struct bench *bench, const struct scene *scene, struct shared *shared, double out[3])
{
	char store[BENCH_PATH];
	memset(shared, 0, sizeof(*shared));
	bench_folder(bench, "store", store);
	pid_t collector = bench_start_collector(store);
	pid_t load = -1;
	if (scene->load && (load = bench_fork()) == 0)
		be_load(store);
	pid_t reader = bench_fork();
	if (reader == 0) {
		read_all(store, scene, shared);
		_exit(0);
	}
	pid_t recorder = bench_fork();
	if (recorder == 0) {
		record_steps(store, scene, shared);
		_exit(0);
	}
	bench_join(recorder, "record steps");
	bench_join(reader, "read them");
	if (load > 0)
		bench_stop(load);
	bench_stop(collector);
	bench_remove(store);
	size_t count = atomic_load(&shared->count);
	out[1] = bench_quantile(shared->us, count, 0.99) / 1000;
	out[2] = bench_quantile(shared->us, count, 1) / 1000;
	out[0] = bench_median(shared->us, count) / 1000;
}

/* What there is to it before the collector's index: until a record is in its log. */
static void time_logs(struct bench *bench, bool busy, double out[3])
{
	double us[STEPS];
	char store[BENCH_PATH];
	char path[BENCH_PATH + 40];
	char *state = bench_state(LINE_LEN - 200);
	struct stat st = {.st_size = 0};
	bench_folder(bench, "store", store);
	pid_t collector = bench_start_collector(store);
	pid_t load = -1;
	if (busy && (load = bench_fork()) == 0)
		be_load(store);
	burr_tracker *tracker = open_tracker(store, "bench");
	burr_tracker_app *app = create(tracker, "live");
	snprintf(path, sizeof(path), "%s/bench/live/log.jsonl", store);
	for (int i = 0; i < WARM_UP + STEPS; i++) {
		pause_ms(110 + 40 * drand48());
		off_t before = stat(path, &st) == 0 ? st.st_size : 0;
		put(app, i, state);
		int64_t start_ns = bench_now_ns();
		while (stat(path, &st) < 0 || st.st_size == before)
			usleep(20); /* a file that grows is no event here */
		if (i >= WARM_UP)
			us[i - WARM_UP] = (double)(bench_now_ns() - start_ns) / 1000;
	}
	burr_tracker_close(tracker, NULL);
	free(state);
	if (load > 0)
		bench_stop(load);
	bench_stop(collector);
	bench_remove(store);
	out[1] = bench_quantile(us, STEPS, 0.99) / 1000;
	out[2] = bench_quantile(us, STEPS, 1) / 1000;
	out[0] = bench_median(us, STEPS) / 1000;
}

static void raise_files(void)
{
	struct rlimit files;
	bench_check(getrlimit(RLIMIT_NOFILE, &files) == 0, "look at limits");
	files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
	bench_check(setrlimit(RLIMIT_NOFILE, &files) == 0, "raise the number of files");
}

int main(int argc, char **argv)
{
	static const char *const columns[] = {"median", "99 %", "longest"};
	static const struct {
		const char *title;
		struct scene scene;
	} scenes[] = {
		{"stream", {false, false, 1, 110, 40}},
		{"stream, busy", {false, true, 1, 110, 40}},
		{"stream x 1,000", {false, false, READERS, 110, 40}},
		{"stream x 1,000, busy", {false, true, READERS, 110, 40}},
		{"poll", {true, false, 1, 110, 40}},
		{"poll, busy", {true, true, 1, 110, 40}},
		{"poll x 1,000", {true, false, READERS, 110, 40}},
		{"poll x 1,000, busy", {true, true, READERS, 110, 40}},
		{"stream, step every 20 ms", {false, false, 1, 20, 0}},
	};
	struct bench bench;
	double in_log[3];
	double values[3];
	bench_init(&bench, "live", about, argc, argv);
	struct shared *shared = bench_share(sizeof(*shared));
	raise_files();
	bench_skip(&bench, "Burr's own page", "asks for all of a run every 500 ms; not measured here");
	bench_table(&bench, "From a record's return to its reader", "ms", "in its log", columns, 3);
	time_logs(&bench, false, in_log);
	bench_table_row(&bench, "in its log", in_log, NULL);
	time_logs(&bench, true, values);
	bench_table_row(&bench, "in its log, busy", values, in_log);
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		run_scene(&bench, &scenes[i].scene, shared, values);
		bench_table_row(&bench, scenes[i].title, values, in_log);
	}
	bench_fini(&bench);
	return 0;
}
