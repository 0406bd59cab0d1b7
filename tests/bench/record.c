/* bench/record.c: what a record call costs its caller, beside an LTTng-UST tracepoint, spdlog's asynchronous
 * logger and write(2).
 *
 * Each way to record runs in a process of its own for each round, so that nobody's background threads disturb
 * another. Its calls are timed one by one, in patterns:
 *   in bursts          as many calls as fill 192 KiB, then a pause until everything has left (not timed):
 *                      the call itself
 *   without a pause    as fast as it goes: the call, and the waiting when nobody keeps up
 *   every 10 us        what most programs come near to
 *   after 1.5 s        the first call after nothing happened */
#include "bench/peers.h"
#include "bench/ticks.h"

#include <burr/tracker.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <unistd.h>

static const char about[] =
	"What a record call costs its caller. Read the ratios: how many times burr's call (with a collector) "
	"the others cost; over 1 burr is cheaper.";

enum {
	CALLS_MAX = 200000,
	BURST_BYTES = 192 << 10,
	ROUND_BYTES = 128 << 20,
	ROUND_MS = 500,
	PACE_NS = 10000
};
enum { IDLE_ROUNDS = 7, IDLE_US = 1500000, IDLE_APART_US = 30000, IDLE_WARM_CALLS = 100 };

/* ---- burr and write(2) ---- */

struct burr_threads {
	burr_tracker *tracker;
	burr_tracker_app *apps[RECORDER_THREADS_MAX];
};

static pid_t collector;

static void begin_collector(struct bench *bench, const char *folder)
{
	(void)bench;
	collector = bench_start_collector(folder);
}

static void end_collector(struct bench *bench)
{
	(void)bench;
	bench_stop(collector);
}

static void *open_burr(const char *folder, int threads)
{
	static struct burr_threads burr;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	burr_app_info info = BURR_APP_INFO_INIT;
	options.project = "bench";
	options.store = folder;
	options.wait_ms = 20000;
	bench_check(burr_tracker_open(&options, &burr.tracker, NULL) == BURR_OK, "open a tracker");
	for (int i = 0; i < threads; i++)
		bench_check(burr_tracker_create_app(burr.tracker, &info, &burr.apps[i], NULL) == BURR_OK,
			"create an application");
	return &burr;
}

static void record_burr(void *ctx, int thread, int64_t number, const struct payload *payload)
{
	struct burr_threads *burr = ctx;
	burr_tracker_end_step(burr->apps[thread], number, "a", NULL, NULL, payload->state);
}

static void drain_burr(void *ctx)
{
	struct burr_threads *burr = ctx;
	bench_check(burr_tracker_flush(burr->tracker, 60000, NULL) == BURR_OK, "flush");
}

static void close_burr(void *ctx)
{
	struct burr_threads *burr = ctx;
	bench_check(burr_tracker_close(burr->tracker, NULL) == BURR_OK, "close a tracker");
}

static void *open_file(const char *folder, int threads)
{
	static int fds[RECORDER_THREADS_MAX];
	char path[BENCH_PATH + 20];
	for (int i = 0; i < threads; i++) {
		snprintf(path, sizeof(path), "%s/%d.log", folder, i);
		fds[i] = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		bench_check(fds[i] >= 0, path);
	}
	return fds;
}

static void record_file(void *ctx, int thread, int64_t number, const struct payload *payload)
{
	(void)number;
	const int *fds = ctx;
	if (write(fds[thread], payload->line, payload->line_len) < 0)
		bench_check(false, "write");
}

static void *open_nothing(const char *folder, int threads)
{
	(void)folder;
	(void)threads;
	return NULL;
}

static void record_nothing(void *ctx, int thread, int64_t number, const struct payload *payload)
{
	(void)ctx;
	(void)thread;
	(void)number;
	(void)payload;
}

static void pause_shortly(void *ctx)
{
	(void)ctx;
	usleep(1000);
}

static void close_nothing(void *ctx)
{
	(void)ctx;
}

static const struct recorder empty_recorder = {"(empty loop, subtracted)", NULL, NULL, NULL, open_nothing,
	record_nothing, pause_shortly, close_nothing};
static const struct recorder burr_recorder = {
	"burr", NULL, begin_collector, end_collector, open_burr, record_burr, drain_burr, close_burr};
static const struct recorder burr_store_recorder = {
	"burr, no collector", NULL, NULL, NULL, open_burr, record_burr, drain_burr, close_burr};
static const struct recorder write_recorder = {
	"write(2) of its line", NULL, NULL, NULL, open_file, record_file, pause_shortly, close_nothing};

/* The first one's median is subtracted from all; the second is what they are compared with. */
enum { EMPTY, BURR, RECORDERS = 6 };
static const struct recorder *const recorders[RECORDERS] = {&empty_recorder, &burr_recorder,
	&burr_store_recorder, &lttng_recorder, &spdlog_recorder, &write_recorder};
static const char *missing[RECORDERS]; /* why it is left out; NULL: it is not */

/* ---- timing one pattern ---- */

enum manner { BURSTS, NO_PAUSE, PACED };

struct pattern {
	const char *title;
	size_t state_len;
	int threads;
	enum manner manner;
};

static const struct pattern patterns[] = {
	{"State of 512 B, 1 thread, in bursts", 512, 1, BURSTS},
	{"State of 4 KB, 1 thread, in bursts", 4096, 1, BURSTS},
	{"State of 512 B, 4 threads, in bursts", 512, 4, BURSTS},
	{"State of 4 KB, 4 threads, in bursts", 4096, 4, BURSTS},
	{"State of 512 B, 1 thread, without a pause", 512, 1, NO_PAUSE},
	{"State of 512 B, 1 thread, one call every 10 us", 512, 1, PACED},
};
enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]), QUANTILES = 3 };

static const char *const quantile_names[QUANTILES] = {"p50", "p99", "p99.9"};
static const double quantiles[QUANTILES] = {0.5, 0.99, 0.999};

struct result {
	double ns[QUANTILES];
};

struct run {
	const struct recorder *recorder;
	const struct pattern *pattern;
	struct payload payload;
	void *ctx;
	uint64_t deadline;         /* in ticks */
	size_t calls_max;          /* a thread */
	size_t burst;              /* calls */
	pthread_barrier_t barrier; /* between bursts */
	bool over;                 /* thread 0 sets it between two waits at the barrier */
	struct lane {
		struct run *run;
		int thread;
		size_t count;
		int64_t number;  /* of the next record */
		uint32_t *ticks; /* of each call */
	} lanes[RECORDER_THREADS_MAX];
};

static void time_burst(struct run *run, struct lane *lane)
{
	const struct recorder *recorder = run->recorder;
	uint64_t gap = run->pattern->manner == PACED ? (uint64_t)(PACE_NS * ticks_per_ns) : 0;
	uint64_t next = ticks_now();
	for (size_t i = 0; i < run->burst && lane->count < run->calls_max; i++) {
		uint64_t began = ticks_now();
		while (began < next)
			began = ticks_now();
		recorder->record(run->ctx, lane->thread, lane->number++, &run->payload);
		uint64_t ended = ticks_now();
		uint64_t took = ended - began;
		lane->ticks[lane->count++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
		if (ended > run->deadline)
			break;
		next = began + gap; /* a call that is late is not made up for */
	}
}

static void *time_thread(void *arg)
{
	struct lane *lane = arg;
	struct run *run = lane->run;
	do {
		pthread_barrier_wait(&run->barrier);
		time_burst(run, lane);
		pthread_barrier_wait(&run->barrier);
		if (lane->thread == 0) {
			run->recorder->drain(run->ctx);
			run->over = ticks_now() > run->deadline || lane->count >= run->calls_max;
		}
		pthread_barrier_wait(&run->barrier);
	} while (!run->over);
	return NULL;
}

static void run_threads(struct run *run)
{
	pthread_t ids[RECORDER_THREADS_MAX];
	int threads = run->pattern->threads;
	run->over = false;
	for (int i = 0; i < threads; i++)
		run->lanes[i].count = 0;
	pthread_barrier_init(&run->barrier, NULL, (unsigned)threads);
	for (int i = 1; i < threads; i++)
		bench_check(pthread_create(&ids[i], NULL, time_thread, &run->lanes[i]) == 0, "thread");
	time_thread(&run->lanes[0]);
	for (int i = 1; i < threads; i++)
		pthread_join(ids[i], NULL);
	pthread_barrier_destroy(&run->barrier);
}

static void take_quantiles(const struct run *run, struct result *out)
{
	size_t count = 0;
	double *ns = malloc(sizeof(double) * CALLS_MAX * RECORDER_THREADS_MAX);
	bench_check(ns != NULL, "memory");
	for (int t = 0; t < run->pattern->threads; t++)
		for (size_t i = 0; i < run->lanes[t].count; i++)
			ns[count++] = run->lanes[t].ticks[i] / ticks_per_ns;
	for (int q = 0; q < QUANTILES; q++)
		out->ns[q] = bench_quantile(ns, count, quantiles[q]);
	free(ns);
}

/* The line that a state has in a log, to its length. */
static struct payload make_payload(size_t state_len, size_t line_overhead)
{
	char *state = bench_state(state_len);
	char *line = bench_state(state_len + line_overhead);
	line[state_len + line_overhead - 1] = '\n';
	return (struct payload){state, line, state_len + line_overhead};
}

static void time_pattern(struct run *run, size_t line_overhead, struct result *out)
{
	const struct pattern *pattern = run->pattern;
	run->payload = make_payload(pattern->state_len, line_overhead);
	size_t calls = ROUND_BYTES / run->payload.line_len / (size_t)pattern->threads;
	size_t burst = BURST_BYTES / run->payload.line_len;
	run->burst = run->calls_max = burst; /* the first burst warms up and is not counted */
	run->deadline = UINT64_MAX;
	run_threads(run);
	run->burst = pattern->manner == BURSTS ? burst : CALLS_MAX;
	run->calls_max = calls < CALLS_MAX ? calls : CALLS_MAX;
	run->deadline = ticks_now() + (uint64_t)(ROUND_MS * 1e6 * ticks_per_ns);
	run_threads(run);
	take_quantiles(run, out);
	free((char *)run->payload.state);
	free((char *)run->payload.line);
}

/* In the process of one recorder for one round. */
static void time_patterns(
	const struct recorder *recorder, const char *folder, size_t line_overhead, struct result *out)
{
	static struct run run;
	size_t size = sizeof(uint32_t) * CALLS_MAX;
	run.recorder = recorder;
	for (int i = 0; i < RECORDER_THREADS_MAX; i++) {
		run.lanes[i].run = &run;
		run.lanes[i].thread = i;
		run.lanes[i].ticks = malloc(size);
		bench_check(run.lanes[i].ticks != NULL, "memory");
		memset(run.lanes[i].ticks, 1, size); /* its pages are there */
	}
	run.ctx = recorder->open(folder, RECORDER_THREADS_MAX);
	for (size_t i = 0; i < PATTERNS; i++) {
		run.pattern = &patterns[i];
		time_pattern(&run, line_overhead, &out[i]);
	}
	recorder->close(run.ctx);
}

/* ---- rounds and tables ---- */

static void begin(struct bench *bench, const struct recorder *recorder, const char *name, char *folder)
{
	bench_folder(bench, name, folder);
	if (recorder->begin)
		recorder->begin(bench, folder);
}

static void end(struct bench *bench, const struct recorder *recorder, const char *folder)
{
	if (recorder->end)
		recorder->end(bench);
	bench_remove(folder);
}

typedef struct result round_results[RECORDERS][PATTERNS];

static void run_round(struct bench *bench, size_t line_overhead, round_results *out)
{
	char folder[BENCH_PATH];
	for (int i = 0; i < RECORDERS; i++) {
		if (missing[i])
			continue;
		begin(bench, recorders[i], "round", folder);
		pid_t pid = bench_fork();
		if (pid == 0) {
			time_patterns(recorders[i], folder, line_overhead, (*out)[i]);
			_exit(0);
		}
		bench_join(pid, recorders[i]->name);
		end(bench, recorders[i], folder);
	}
}

static void print_pattern(struct bench *bench, round_results *rounds, size_t pattern)
{
	double values[RECORDERS][QUANTILES];
	for (int r = 0; r < RECORDERS; r++) {
		for (int q = 0; q < QUANTILES; q++) {
			double ns[BENCH_ROUNDS];
			for (int round = 0; round < BENCH_ROUNDS; round++) {
				ns[round] = rounds[round][r][pattern].ns[q];
				if (r != EMPTY)
					ns[round] -= rounds[round][EMPTY][pattern].ns[0];
			}
			values[r][q] = bench_median(ns, BENCH_ROUNDS);
		}
	}
	bench_table(bench, patterns[pattern].title, "ns a call", recorders[BURR]->name, quantile_names,
		QUANTILES);
	for (int r = BURR; r < RECORDERS; r++) {
		if (missing[r])
			bench_skip(bench, recorders[r]->name, missing[r]);
		else
			bench_table_row(bench, recorders[r]->name, values[r], values[BURR]);
	}
	bench_table_row(bench, recorders[EMPTY]->name, values[EMPTY], NULL);
}

/* ---- the first call after a pause ---- */

static void time_idle(const struct recorder *recorder, const char *folder, size_t line_overhead,
	unsigned pause_us, double *out)
{
	struct payload payload = make_payload(512, line_overhead);
	void *ctx = recorder->open(folder, 1);
	for (int i = 0; i < IDLE_WARM_CALLS; i++)
		recorder->record(ctx, 0, i, &payload);
	recorder->drain(ctx);
	usleep(pause_us);
	uint64_t began = ticks_now();
	recorder->record(ctx, 0, IDLE_WARM_CALLS, &payload);
	*out = (double)(ticks_now() - began) / ticks_per_ns;
	recorder->close(ctx);
}

/* All pause at once, and call one after the other. */
static void run_idle_round(struct bench *bench, size_t line_overhead, double *shared)
{
	char folders[RECORDERS][BENCH_PATH];
	pid_t pids[RECORDERS];
	for (int i = 0; i < RECORDERS; i++) {
		char name[20];
		snprintf(name, sizeof(name), "idle-%d", i);
		if (!missing[i])
			begin(bench, recorders[i], name, folders[i]);
	}
	for (int i = 0; i < RECORDERS; i++) {
		if (missing[i])
			continue;
		pids[i] = bench_fork();
		if (pids[i] == 0) {
			time_idle(recorders[i], folders[i], line_overhead,
				IDLE_US + (unsigned)i * IDLE_APART_US, &shared[i]);
			_exit(0);
		}
	}
	for (int i = 0; i < RECORDERS; i++) {
		if (missing[i])
			continue;
		bench_join(pids[i], recorders[i]->name);
		end(bench, recorders[i], folders[i]);
	}
}

static void bench_idle(struct bench *bench, size_t line_overhead)
{
	static const char *const columns[] = {"median", "worst"};
	double ns[RECORDERS][IDLE_ROUNDS];
	double values[RECORDERS][2];
	double *shared = bench_share(sizeof(double) * RECORDERS);
	for (int round = 0; round < IDLE_ROUNDS; round++) {
		run_idle_round(bench, line_overhead, shared);
		for (int i = 0; i < RECORDERS; i++)
			ns[i][round] = shared[i];
	}
	bench_table(bench,
		"State of 512 B, the first call after 1.5 s without any (of 7; nothing subtracted)",
		"us a call", recorders[BURR]->name, columns, 2);
	for (int i = 0; i < RECORDERS; i++) {
		values[i][0] = bench_median(ns[i], IDLE_ROUNDS) / 1000;
		values[i][1] = bench_quantile(ns[i], IDLE_ROUNDS, 1) / 1000;
	}
	for (int i = BURR; i < RECORDERS; i++)
		if (!missing[i])
			bench_table_row(bench, recorders[i]->name, values[i], values[BURR]);
}

/* ---- the rest ---- */

static double time_disabled(void)
{
	enum { TIMES = 10000000 };
	burr_tracker_app *volatile app = NULL;
	char *state = bench_state(512);
	int64_t began = bench_now_ns();
	for (int i = 0; i < TIMES; i++)
		burr_tracker_end_step(app, i, "a", NULL, NULL, state);
	double ns = (double)(bench_now_ns() - began) / TIMES;
	free(state);
	return ns;
}

static const char *file_system(const char *folder)
{
	struct statfs fs;
	if (statfs(folder, &fs) < 0)
		return "an unknown file system";
	switch ((unsigned long)fs.f_type) {
	case 0xef53:
		return "ext4";
	case 0x58465342:
		return "xfs";
	case 0x9123683e:
		return "btrfs";
	case 0x01021994:
		return "tmpfs";
	case 0x794c7630:
		return "overlayfs";
	default:
		return "another file system";
	}
}

static void say_conditions(struct bench *bench, size_t line_overhead)
{
	char text[700];
	snprintf(text, sizeof(text),
		"Clock: %s, the empty loop's median subtracted. Files on %s. A line in the log has %zu B "
		"beside "
		"its state.\nWhen nobody keeps up, calls wait: burr's at most 20 s, LTTng's 2 s (4 x 8 MiB a "
		"core), spdlog's for ever (65,536 messages).",
		ticks_init(), file_system(bench->folder), line_overhead);
	bench_say(bench, text);
}

int main(int argc, char **argv)
{
	struct bench bench;
	bench_init(&bench, "record", about, argc, argv);
	for (int i = 0; i < RECORDERS; i++)
		missing[i] = recorders[i]->missing ? recorders[i]->missing() : NULL;
	size_t line_overhead = bench_line_overhead(&bench);
	say_conditions(&bench, line_overhead);
	round_results *rounds = bench_share(sizeof(round_results) * BENCH_ROUNDS);
	for (int round = 0; round < BENCH_ROUNDS; round++)
		run_round(&bench, line_overhead, &rounds[round]);
	for (size_t i = 0; i < PATTERNS; i++)
		print_pattern(&bench, rounds, i);
	bench_idle(&bench, line_overhead);
	bench_say(&bench, "Beside them:");
	bench_row(&bench, "tracking off (NULL application)", time_disabled(), "ns", NAN, NULL);
	if (!missing[3])
		bench_row(&bench, "events that LTTng had no room for", (double)lttng_discarded(), "events",
			NAN, NULL);
	lttng_stop();
	bench_fini(&bench);
	return 0;
}
