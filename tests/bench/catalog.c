/* bench/catalog.c: how fast stores of several sizes are indexed from nothing, beside reading their logs; and
 * how long the collector's answers take, whose time must not grow with the store.
 *
 * Answers are asked over a connection, one after the other, so that a figure is what one reader waits for.
 * The first answers of each kind, which find nothing in memory, are not left out: they are in the 99th
 * percentile. */
#include "bench/bench.h"

#include "base/clean.h"
#include "base/json.h"
#include "catalog/catalog.h"
#include "catalog/db.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char about[] = "The catalog: indexing stores from nothing, beside reading their logs, and the "
			    "time of the collector's "
			    "answers over one connection. Read the growth: a page's time must not rise with "
			    "the size of the store.";

enum { ASKED = 200 };

/* ---- stores ---- */

struct shape {
	const char *title;
	int runs, steps, state_len;
};

static void put_step(struct buf *out, int run, int step, const char *state)
{
	const char *action = step % 3 == 0 ? "plan" : step % 3 == 1 ? "act" : "check";
	int us = step * 1500;
	buf_printf(out,
		"{\"type\":\"begin_entry\",\"start_time\":\"2026-01-%02dT%02d:%02d:%02d.%06dZ\",\"action\":"
		"\"%s\","
		"\"inputs\":{},\"sequence_id\":%d,\"_rec\":\"00000000deadbeef.0.%d\"}\n",
		1 + run % 28, run / 28 % 24, us / 60000000 % 60, us / 1000000 % 60, us % 1000000, action,
		step, 2 * step);
	us += 1000;
	buf_printf(out,
		"{\"type\":\"end_entry\",\"end_time\":\"2026-01-%02dT%02d:%02d:%02d.%06dZ\",\"action\":\"%"
		"s\","
		"\"result\":{\"step\":%d},\"exception\":null,\"sequence_id\":%d,\"state\":{\"step\":%d,"
		"\"kept\":%s},"
		"\"_rec\":\"00000000deadbeef.0.%d\"}\n",
		1 + run % 28, run / 28 % 24, us / 60000000 % 60, us / 1000000 % 60, us % 1000000, action,
		step, step, step, state, 2 * step + 1);
}

static void write_file(const char *folder, const char *name, struct slice text)
{
	char path[3 * BENCH_PATH];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t done = 0;
	while (fd >= 0 && done < text.len) {
		ssize_t got = write(fd, text.data + done, text.len - done);
		bench_check(got > 0, "write a log");
		done += (size_t)got;
	}
	bench_check(fd >= 0 && close(fd) == 0, "write a log");
}

static double make_store(const char *store, const struct shape *shape)
{
	char path[2 * BENCH_PATH];
	char *state = bench_state((size_t)shape->state_len);
	struct buf log = BUF_INIT;
	double bytes = 0;
	snprintf(path, sizeof(path), "%s/bench", store);
	bench_check(mkdir(path, 0700) == 0, "make a project");
	for (int run = 0; run < shape->runs; run++) {
		snprintf(path, sizeof(path), "%s/bench/run-%06d", store, run);
		bench_check(mkdir(path, 0700) == 0, "make a run");
		buf_clear(&log);
		for (int step = 0; step < shape->steps; step++)
			put_step(&log, run, step, state);
		bench_check(!log.failed, "memory for a log");
		write_file(path, "log.jsonl", buf_slice(&log));
		bytes += (double)log.len;
	}
	buf_fini(&log);
	free(state);
	return bytes;
}

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

static int connect_to(const char *store)
{
	char name[2 * BENCH_PATH];
	char text[4096];
	int64_t port = 0;
	snprintf(name, sizeof(name), "%s/.burr-collector", store);
	while (!port) { /* the note comes with the address */
		int fd = open(name, O_RDONLY);
		ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
		close(fd);
		text[len > 0 ? len : 0] = '\0';
		const char *at = strstr(text, "\"url\":\"http://localhost:");
		port = at ? strtol(at + strlen("\"url\":\"http://localhost:"), NULL, 10) : 0;
	}
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bench_check(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "connect");
	return fd;
}

/* One GET; the length of its body. */
static size_t ask(int fd, const char *path, struct buf *answer)
{
	char request[1024];
	const char *end = NULL;
	size_t want = 0;
	int len = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	bench_check(write(fd, request, (size_t)len) == len, "ask");
	buf_clear(answer);
	while (!end || answer->len < want) {
		char *to = buf_reserve(answer, 65536);
		ssize_t got = to ? read(fd, to, 65536) : -1;
		bench_check(got > 0, "read an answer");
		answer->len += (size_t)got;
		answer->data[answer->len] = '\0';
		if (end || !(end = strstr(answer->data, "\r\n\r\n")))
			continue;
		const char *length = strcasestr(answer->data, "content-length:");
		bench_check(length && strncmp(answer->data, "HTTP/1.1 200", 12) == 0, path);
		want = (size_t)(end - answer->data) + 4 + strtoul(length + 15, NULL, 10);
	}
	return answer->len;
}

struct question {
	const char *title;
	const char *path;
};

/* Over a connection of its own: one that rests is closed. */
static void time_answers(
	const char *store, const char *path, double *out_median_us, double *out_p99_us, double *out_bytes)
{
	double times[ASKED];
	struct buf answer = BUF_INIT;
	int fd = connect_to(store);
	for (int i = 0; i < ASKED; i++) {
		int64_t start = bench_now_ns();
		*out_bytes = (double)ask(fd, path, &answer);
		times[i] = (double)(bench_now_ns() - start) / 1000;
	}
	close(fd);
	buf_fini(&answer);
	*out_p99_us = bench_quantile(times, ASKED, 0.99);
	*out_median_us = bench_median(times, ASKED);
}

static void wait_ready(const char *store)
{
	int fd = connect_to(store);
	struct buf answer = BUF_INIT;
	static const char request[] = "GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n";
	do {
		bench_check(write(fd, request, sizeof(request) - 1) > 0, "ask");
		buf_clear(&answer);
		while (!answer.len ||
			!strchr(strstr(answer.data, "\r\n\r\n") ? strstr(answer.data, "\r\n\r\n") : "",
				'}')) {
			char *to = buf_reserve(&answer, 4096);
			ssize_t got = to ? read(fd, to, 4096) : -1;
			bench_check(got > 0, "read an answer");
			answer.len += (size_t)got;
			answer.data[answer.len] = '\0';
		}
	} while (strncmp(answer.data, "HTTP/1.1 200", 12) != 0);
	close(fd);
	buf_fini(&answer);
}

static void bench_answers(struct bench *bench, char stores[][BENCH_PATH], const struct shape *shapes,
	const char *title, const struct question *questions, size_t count)
{
	static const char *const columns[] = {"median, us", "99 %, us", "bytes"};
	pid_t collectors[2];
	for (int i = 0; i < 2; i++) {
		collectors[i] = bench_start_collector(stores[i]);
		wait_ready(stores[i]);
	}
	bench_table(bench, title, "", shapes[0].title, columns, 3);
	for (size_t i = 0; i < count; i++) {
		double values[2][3];
		char what[200];
		for (int j = 0; j < 2; j++)
			time_answers(
				stores[j], questions[i].path, &values[j][0], &values[j][1], &values[j][2]);
		snprintf(what, sizeof(what), "%s, %s", questions[i].title, shapes[0].title);
		bench_table_row(bench, what, values[0], NULL);
		snprintf(what, sizeof(what), "%s, %s", questions[i].title, shapes[1].title);
		bench_table_row(bench, what, values[1], values[0]);
	}
	for (int i = 0; i < 2; i++)
		bench_stop(collectors[i]);
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
	bench_indexing(&bench, store, &wide, make_store(store, &wide));
	bench_remove(store);
	for (int i = 0; i < 2; i++) {
		bench_folder(&bench, i ? "long1" : "long0", stores[i]);
		bench_indexing(&bench, stores[i], &long_ones[i], make_store(stores[i], &long_ones[i]));
	}
	bench_answers(&bench, stores, long_ones, "Answers about one run", of_steps,
		sizeof(of_steps) / sizeof(*of_steps));
	for (int i = 0; i < 2; i++) {
		bench_remove(stores[i]);
		bench_folder(&bench, i ? "many1" : "many0", stores[i]);
		bench_indexing(&bench, stores[i], &many[i], make_store(stores[i], &many[i]));
	}
	bench_answers(
		&bench, stores, many, "Answers about many runs", of_runs, sizeof(of_runs) / sizeof(*of_runs));
	bench_fini(&bench);
	return 0;
}
