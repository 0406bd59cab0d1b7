/* bench/catalog.c: how fast stores of several sizes are indexed from nothing, beside reading their logs; and
 * how long the collector's answers take, whose time must not grow with the store.
 *
 * Answers are asked over a connection, one after the other, so that a figure is what one reader waits for.
 * The first answers of each kind, which find nothing in memory, are not left out: they are in the 99th
 * percentile. */
#include "bench/ask.h"
#include "bench/stores.h"

#include "catalog/catalog.h"
#include "catalog/db.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char about[] = "The catalog: indexing stores from nothing, beside reading their logs, and the "
			    "time of the collector's "
			    "answers over one connection. Read the growth: a page's time must not rise with "
			    "the size of the store.";

enum { ASKED = 200 };

/* ---- indexing ---- */

static double time_reading(const char *store, const struct shape *shape)
{
	static char bytes[1 << 18];
	char path[2 * BENCH_PATH];
	int64_t start = bench_now_ns();
	for (int run = 0; run < shape->runs; run++) {
		snprintf(path, sizeof(path), "%s/bench/run-%06d/log.jsonl", store, run);
		int fd = open(path, O_RDONLY);
		bench_check(fd >= 0, "open a log");
		while (read(fd, bytes, sizeof(bytes)) > 0)
			;
		close(fd);
	}
	return (double)(bench_now_ns() - start);
}

static double time_indexing(const char *path, double *out_size)
{
	struct store *store = NULL;
	struct catalog *catalog = NULL;
	struct catalog_options options = CATALOG_OPTIONS_INIT;
	char name[2 * BENCH_PATH];
	struct stat st;
	burr_error err = BURR_ERROR_INIT;
	bench_check(store_open(path, STORE_WRITE, &store, &err) == BURR_OK, "open the store");
	options.store = store;
	int64_t start = bench_now_ns();
	bench_check(catalog_open(&options, &catalog, &err) == BURR_OK, "open the catalog");
	bench_check(catalog_update_all(catalog, &err) == BURR_OK, "index the store");
	double ns = (double)(bench_now_ns() - start);
	catalog_close(catalog);
	store_close(store);
	snprintf(name, sizeof(name), "%s/" DB_FILE, path);
	bench_check(stat(name, &st) == 0, "look at the catalog");
	*out_size = (double)st.st_size;
	return ns;
}

static void bench_indexing(struct bench *bench, const char *store, const struct shape *shape, double bytes)
{
	double speeds[BENCH_ROUNDS];
	double plain[BENCH_ROUNDS];
	double steps[BENCH_ROUNDS];
	double size = 0;
	char what[200];
	for (int round = 0; round < BENCH_ROUNDS; round++) {
		char name[2 * BENCH_PATH];
		snprintf(name, sizeof(name), "%s/" DB_FILE, store);
		bench_check(unlink(name) == 0 || errno == ENOENT, "remove the catalog");
		plain[round] = bytes / 1e6 / (time_reading(store, shape) / 1e9);
		double ns = time_indexing(store, &size);
		speeds[round] = bytes / 1e6 / (ns / 1e9);
		steps[round] = (double)shape->runs * shape->steps / (ns / 1e9);
	}
	snprintf(what, sizeof(what), "%s: indexed", shape->title);
	bench_row(bench, what, bench_median(speeds, BENCH_ROUNDS), "MB/s", bench_median(plain, BENCH_ROUNDS),
		"reading");
	snprintf(what, sizeof(what), "%s: steps", shape->title);
	bench_row(bench, what, bench_median(steps, BENCH_ROUNDS), "steps/s", NAN, NULL);
	snprintf(what, sizeof(what), "%s: catalog", shape->title);
	bench_row(bench, what, size / ((double)shape->runs * shape->steps), "bytes/step", NAN, NULL);
}

/* ---- answers ---- */

struct question {
	const char *title;
	const char *path;
};

static void bench_answers(struct bench *bench, char stores[][BENCH_PATH], const struct shape *shapes,
	const char *title, const struct question *questions, size_t count)
{
	static const char *const columns[] = {"median, us", "99 %, us", "bytes"};
	pid_t collectors[2];
	for (int i = 0; i < 2; i++) {
		collectors[i] = bench_start_collector(stores[i]);
		ask_until_ready(ask_port(stores[i]), "/ready");
	}
	bench_table(bench, title, "", shapes[0].title, columns, 3);
	for (size_t i = 0; i < count; i++) {
		double values[2][3];
		char what[200];
		for (int j = 0; j < 2; j++) {
			struct timing timing =
				ask_time(ask_port(stores[j]), questions[i].path, ASKED, INFINITY);
			values[j][0] = timing.median_us;
			values[j][1] = timing.p99_us;
			values[j][2] = timing.bytes;
		}
		snprintf(what, sizeof(what), "%s, %s", questions[i].title, shapes[0].title);
		bench_table_row(bench, what, values[0], NULL);
		snprintf(what, sizeof(what), "%s, %s", questions[i].title, shapes[1].title);
		bench_table_row(bench, what, values[1], values[0]);
	}
	for (int i = 0; i < 2; i++)
		bench_stop(collectors[i]);
}

/* From the program's start to its first connection. */
static double time_start(const char *store)
{
	int64_t start = bench_now_ns();
	pid_t collector = bench_start_collector(store);
	int fd = ask_connect(ask_port(store));
	double ms = (double)(bench_now_ns() - start) / 1e6;
	bench_check(fd >= 0, "connect");
	close(fd);
	bench_stop(collector);
	return ms;
}

static void bench_start(struct bench *bench, char stores[][BENCH_PATH], const struct shape *shapes)
{
	double times[2][BENCH_ROUNDS];
	char what[200];
	for (int round = 0; round < BENCH_ROUNDS; round++)
		for (int i = 0; i < 2; i++)
			times[i][round] = time_start(stores[i]);
	double few = bench_median(times[0], BENCH_ROUNDS);
	snprintf(what, sizeof(what), "listening, %s indexed", shapes[1].title);
	bench_row(bench, what, bench_median(times[1], BENCH_ROUNDS), "ms", few, shapes[0].title);
}

#define RUN "/api/v1/projects/bench/runs/run-000000"

int main(int argc, char **argv)
{
	static const struct shape many[] = {
		{"10,000 runs", 10000, 3, 100},
		{"100,000 runs", 100000, 3, 100},
	};
	static const struct shape long_ones[] = {
		{"100,000 steps", 1, 100000, 300},
		{"1,000,000 steps", 1, 1000000, 300},
	};
	static const struct shape wide = {"1,000 runs of 100 steps of 2 KB", 1000, 100, 2000};
	static const struct question of_runs[] = {
		{"projects", "/api/v1/projects"},
		{"first page of runs", "/api/v1/projects/bench/runs?limit=50"},
		{"runs that failed", "/api/v1/projects/bench/runs?limit=50&filter=status:failed"},
		{"runs with an action", "/api/v1/projects/bench/runs?limit=50&filter=action:plan"},
		{"one run", RUN},
		{"version 0: first page", "/api/v0/bench/__none__/apps?limit=50"},
	};
	static const struct question of_steps[] = {
		{"50 steps from 90,000 on", RUN "/steps?from=90000&limit=50"},
		{"one step", RUN "/steps/90001"},
		{"its state", RUN "/steps/90001/state"},
		{"what it changed", RUN "/difference?to=90001"},
		{"overview in 200 parts", RUN "/overview?buckets=200"},
	};
	char stores[2][BENCH_PATH];
	char store[BENCH_PATH];
	struct bench bench;
	bench_init(&bench, "catalog", about, argc, argv);
	bench_say(&bench, "From nothing, logs in memory:");
	bench_folder(&bench, "wide", store);
	bench_indexing(&bench, store, &wide, stores_make(store, &wide));
	bench_remove(store);
	for (int i = 0; i < 2; i++) {
		bench_folder(&bench, i ? "long1" : "long0", stores[i]);
		bench_indexing(&bench, stores[i], &long_ones[i], stores_make(stores[i], &long_ones[i]));
	}
	bench_answers(&bench, stores, long_ones, "Answers about one run", of_steps,
		sizeof(of_steps) / sizeof(*of_steps));
	for (int i = 0; i < 2; i++) {
		bench_remove(stores[i]);
		bench_folder(&bench, i ? "many1" : "many0", stores[i]);
		bench_indexing(&bench, stores[i], &many[i], stores_make(stores[i], &many[i]));
	}
	bench_answers(
		&bench, stores, many, "Answers about many runs", of_runs, sizeof(of_runs) / sizeof(*of_runs));
	bench_start(&bench, stores, many);
	bench_fini(&bench);
	return 0;
}
