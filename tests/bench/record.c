/* bench/record.c: what a record call costs, and how many records a second reach their logs. */
#include "bench/bench.h"

#include <burr/tracker.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char about[] = "A record call returns when its record is stored, so it is compared with "
			    "write(2) of a line of that size.\n"
			    "Read the ratios. Lower is better for ns, higher for records/s.";

enum { CALLS = 3000, STATE_BYTES = 512, LINE_BYTES = 800, WRITERS = 4 };

static char state_json[STATE_BYTES + 1];

struct samples {
	double p50[BENCH_ROUNDS];
	double p99[BENCH_ROUNDS];
};

static burr_tracker *open_tracker(const char *store)
{
	burr_tracker *tracker;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "bench";
	options.store = store;
	options.wait_ms = 20000;
	bench_check(burr_tracker_open(&options, &tracker, NULL) == BURR_OK, "open a tracker");
	return tracker;
}

static burr_tracker_app *create_app(burr_tracker *tracker)
{
	burr_tracker_app *app;
	burr_app_info info = BURR_APP_INFO_INIT;
	bench_check(burr_tracker_create_app(tracker, &info, &app, NULL) == BURR_OK, "create");
	return app;
}

/* ---- one call ---- */

static void take(struct samples *samples, int round, double *ns)
{
	samples->p99[round] = bench_quantile(ns, CALLS, 0.99);
	samples->p50[round] = bench_quantile(ns, CALLS, 0.5);
}

static void time_calls(burr_tracker_app *app, struct samples *samples, int round)
{
	double ns[CALLS];
	for (int i = 0; i < CALLS; i++) {
		int64_t began = bench_now_ns();
		burr_status status = burr_tracker_end_step(app, i, "a", NULL, NULL, state_json);
		ns[i] = (double)(bench_now_ns() - began);
		bench_check(status == BURR_OK, "record");
	}
	take(samples, round, ns);
}

static void time_write(int fd, struct samples *samples, int round)
{
	double ns[CALLS];
	char line[LINE_BYTES];
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < CALLS; i++) {
		int64_t began = bench_now_ns();
		ssize_t put = write(fd, line, sizeof(line));
		ns[i] = (double)(bench_now_ns() - began);
		bench_check(put == (ssize_t)sizeof(line), "write");
	}
	take(samples, round, ns);
}

static double time_disabled(void)
{
	enum { TIMES = 10000000 };
	burr_tracker_app *volatile app = NULL;
	int64_t began = bench_now_ns();
	for (int i = 0; i < TIMES; i++)
		burr_tracker_end_step(app, i, "a", NULL, NULL, state_json);
	return (double)(bench_now_ns() - began) / TIMES;
}

static void row(struct bench *bench, const char *what, struct samples *samples, struct samples *peer)
{
	char text[120];
	snprintf(text, sizeof(text), "%s, p50", what);
	bench_row(bench, text, bench_median(samples->p50, BENCH_ROUNDS), "ns",
		peer ? bench_median(peer->p50, BENCH_ROUNDS) : NAN, "write(2)");
	snprintf(text, sizeof(text), "%s, p99", what);
	bench_row(bench, text, bench_median(samples->p99, BENCH_ROUNDS), "ns",
		peer ? bench_median(peer->p99, BENCH_ROUNDS) : NAN, "write(2)");
}

static void bench_calls(struct bench *bench)
{
	struct samples direct;
	struct samples collected;
	struct samples written;
	char path[300];
	snprintf(path, sizeof(path), "%s/lines", bench->folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	bench_check(fd >= 0, path);
	for (int round = 0; round < BENCH_ROUNDS; round++) {
		burr_tracker *tracker = open_tracker(bench->folder);
		burr_tracker_app *app = create_app(tracker);
		time_calls(app, &direct, round);
		int collector = bench_start_collector(bench);
		time_calls(app, &collected, round);
		time_write(fd, &written, round);
		bench_stop_collector(collector);
		burr_tracker_close(tracker, NULL);
	}
	close(fd);
	unlink(path);
	bench_say(bench, "A record call with a state of 512 B, one thread:");
	row(bench, "write(2) of such a line", &written, NULL);
	row(bench, "to the store, no collector", &direct, &written);
	row(bench, "to the collector", &collected, &written);
	bench_row(bench, "tracking off (NULL application)", time_disabled(), "ns", NAN, NULL);
}

/* ---- the whole way ---- */

static void *record_all(void *arg)
{
	for (int i = 0; i < CALLS; i++)
		burr_tracker_end_step(arg, i, "a", NULL, NULL, state_json);
	return NULL;
}

static void run_writer(const char *store, int threads)
{
	pthread_t ids[16];
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker);
	for (int i = 0; i < threads; i++)
		bench_check(pthread_create(&ids[i], NULL, record_all, app) == 0, "thread");
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	bench_check(burr_tracker_close(tracker, NULL) == BURR_OK, "close");
}

/* Records a second of WRITERS processes, from before the first call until all are in their logs. */
static double time_writers(const char *store, int threads)
{
	pid_t pids[WRITERS];
	int64_t began = bench_now_ns();
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			run_writer(store, threads);
			_exit(0);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		int status;
		waitpid(pids[i], &status, 0);
		bench_check(status == 0, "a writer");
	}
	return (double)WRITERS * threads * CALLS / ((double)(bench_now_ns() - began) / 1e9);
}

static void bench_whole_way(struct bench *bench)
{
	static const int threads[] = {1, 16};
	bench_say(bench, "The whole way, 4 processes, 512 B states, from the calls into 4 logs:");
	for (size_t i = 0; i < 2; i++) {
		double direct[BENCH_ROUNDS];
		double collected[BENCH_ROUNDS];
		char text[100];
		for (int round = 0; round < BENCH_ROUNDS; round++) {
			direct[round] = time_writers(bench->folder, threads[i]);
			int collector = bench_start_collector(bench);
			collected[round] = time_writers(bench->folder, threads[i]);
			bench_stop_collector(collector);
		}
		double peer = bench_median(direct, BENCH_ROUNDS);
		snprintf(text, sizeof(text), "%d thread%s each, no collector", threads[i], i ? "s" : "");
		bench_row(bench, text, peer, "records/s", NAN, NULL);
		snprintf(text, sizeof(text), "%d thread%s each, to the collector", threads[i], i ? "s" : "");
		bench_row(bench, text, bench_median(collected, BENCH_ROUNDS), "records/s", peer,
			"no collector");
	}
}

int main(int argc, char **argv)
{
	struct bench bench;
	memset(state_json, ' ', STATE_BYTES);
	memcpy(state_json, "{\"text\":\"", 9);
	memset(state_json + 9, 'x', STATE_BYTES - 11);
	memcpy(state_json + STATE_BYTES - 2, "\"}", 2);
	bench_init(&bench, "record", about, argc, argv);
	bench_calls(&bench);
	bench_whole_way(&bench);
	bench_fini(&bench);
	return 0;
}
