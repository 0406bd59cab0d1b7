#include "bench/stores.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACTION(name)                            \
	"{\"type\":\"action\",\"name\":\"" name \
	"\",\"reads\":[],\"writes\":[],\"code\":\"\",\"inputs\":[],\"optional_inputs\":[]}"
#define GRAPH                                                                                        \
	"{\"type\":\"application\",\"entrypoint\":\"plan\",\"actions\":[" ACTION("plan") "," ACTION( \
		"act") "," ACTION("check") "],\"transitions\":[]}"
#define METADATA                                                                             \
	"{\"type\":\"application_metadata\",\"partition_key\":null,\"parent_pointer\":null," \
	"\"spawning_parent_pointer\":null}"

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

double stores_make(const char *store, const struct shape *shape)
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
		write_file(path, "graph.json", SLICE_LIT(GRAPH)); /* without which version 0 has no run */
		write_file(path, "metadata.json", SLICE_LIT(METADATA));
		bytes += (double)log.len;
	}
	buf_fini(&log);
	free(state);
	return bytes;
}

void stores_evict(const char *store)
{
	char path[2 * BENCH_PATH];
	snprintf(path, sizeof(path), "%s/bench", store);
	DIR *folder = opendir(path);
	/* What is not on the disk yet would stay. */
	bench_check(folder != NULL && syncfs(dirfd(folder)) == 0, "open the project");
	for (struct dirent *entry; (entry = readdir(folder));) {
		snprintf(path, sizeof(path), "%.255s/log.jsonl", entry->d_name);
		int fd = openat(dirfd(folder), path, O_RDONLY);
		if (fd < 0)
			continue;
		bench_check(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "evict a log");
		close(fd);
	}
	closedir(folder);
}

void stores_add_step(const char *store, const struct shape *shape, int step)
{
	char path[2 * BENCH_PATH];
	char *state = bench_state((size_t)shape->state_len);
	struct buf lines = BUF_INIT;
	put_step(&lines, 0, step, state);
	snprintf(path, sizeof(path), "%s/bench/run-000000/log.jsonl", store);
	int fd = open(path, O_WRONLY | O_APPEND);
	bench_check(fd >= 0 && write(fd, lines.data, lines.len) == (ssize_t)lines.len, "add a step");
	close(fd);
	buf_fini(&lines);
	free(state);
}
