/* bench/resources.c: memory and processor time of a writer's process and of the collector, idle and at 10,000
 * records a second, beside Redis and a bare socket.
 *
 * Writers are this program started again (--as-writer), so that their memory is that of a small process and
 * not a copy of the bench's. Processor time is the scheduler's count of all threads, over some seconds. */
#include "bench/peers.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char about[] =
	"Memory and processor time, idle and at 10,000 records/s of 600 B. Read the ratios: how many times "
	"burr's the others need; over 1 burr is smaller. 100 % is one core.";

enum { RATE = 10000, TICKS_A_SECOND = 1000, LINE_LEN = 600, MEASURE_MS = 3000, SETTLE_MS = 500 };

enum { WAYS = 4 };
static const struct way *const ways[WAYS] = {&burr_way, &burr_store_way, &redis_way, &socket_way};
static const char *missing[WAYS]; /* why it is left out; NULL: it is not */

/* ---- the writer's process ---- */

static void put_a_second(const struct way *way, void *ctx, const struct payload *payload, int rate)
{
	int64_t number = 1;
	struct timespec next;
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (;;) {
		next.tv_nsec += 1000000000 / TICKS_A_SECOND;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		for (int i = 0; i < rate / TICKS_A_SECOND; i++)
			way->put(ctx, 0, number++, payload);
	}
}

/* FOLDER WAY RATE STATE_LEN; until it is killed. A way of -1: nothing at all, to compare with. */
static _Noreturn void be_writer(char **args)
{
	int number = atoi(args[1]);
	int rate = atoi(args[2]);
	if (number >= 0) {
		const struct way *way = ways[number];
		struct load load = {1, 1, LINE_LEN, (size_t)atoi(args[3])};
		char *line = bench_state(LINE_LEN);
		line[LINE_LEN - 1] = '\n';
		struct payload payload = {bench_state(load.state_len), line, LINE_LEN};
		void *ctx = way->open(args[0], &load);
		way->put(ctx, 0, 0, &payload);
		way->drain(ctx);
		if (rate > 0)
			put_a_second(way, ctx, &payload, rate);
	}
	for (;;)
		pause();
}

static pid_t start_writer(const char *folder, int way, int rate, size_t state_len)
{
	char self[BENCH_PATH];
	char texts[3][20];
	bench_program("burr_bench_resources", self);
	snprintf(texts[0], sizeof(texts[0]), "%d", way);
	snprintf(texts[1], sizeof(texts[1]), "%d", rate);
	snprintf(texts[2], sizeof(texts[2]), "%zu", state_len);
	const char *args[] = {self, "--as-writer", folder, texts[0], texts[1], texts[2], NULL};
	return bench_spawn(args);
}

/* ---- measuring ---- */

enum state { IDLE, BUSY, STATES };

struct usage {
	double percent[STATES]; /* of a core */
	double memory[4];       /* MB: resident, idle and busy; its own of that, idle and busy */
};

struct pair {
	pid_t writer;
	pid_t server; /* -1: none */
	char folder[BENCH_PATH];
};

/* Resident, and of that what no other process shares. */
static void read_memory(pid_t pid, double *out_resident, double *out_own)
{
	char path[100];
	char line[200];
	double kb;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	FILE *file = fopen(path, "re");
	bench_check(file != NULL, path);
	*out_resident = *out_own = 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Rss: %lf", &kb) == 1)
			*out_resident = kb / 1000;
		else if (sscanf(line, "Private_Clean: %lf", &kb) == 1 ||
			 sscanf(line, "Private_Dirty: %lf", &kb) == 1)
			*out_own += kb / 1000;
	}
	fclose(file);
}

static void start_pair(struct bench *bench, int way, int rate, size_t state_len, struct pair *out)
{
	struct load load = {1, 1, LINE_LEN, state_len};
	char name[20];
	snprintf(name, sizeof(name), "way-%d", way);
	bench_folder(bench, name, out->folder);
	out->server = way >= 0 && ways[way]->start ? ways[way]->start(out->folder, &load) : -1;
	out->writer = start_writer(out->folder, way, rate, state_len);
}

static void stop_pair(struct pair *pair)
{
	bench_stop(pair->writer);
	if (pair->server > 0)
		bench_stop(pair->server);
	bench_remove(pair->folder);
}

static void begin_usage(pid_t pid, enum state state, struct usage *out)
{
	if (pid > 0)
		out->percent[state] = bench_cpu_ns(pid);
}

static void end_usage(pid_t pid, enum state state, double measured_ns, struct usage *out)
{
	if (pid <= 0)
		return;
	out->percent[state] = (bench_cpu_ns(pid) - out->percent[state]) / measured_ns * 100;
	read_memory(pid, &out->memory[state], &out->memory[STATES + state]);
}

/* Of `count` ways at once, from `first` on; only idle ones do not disturb each other. */
static void measure(struct bench *bench, int first, int count, enum state state, size_t state_len,
	struct usage *out_writers, struct usage *out_servers)
{
	struct pair pairs[WAYS + 1];
	for (int i = 0; i < count; i++)
		if (first + i < 0 || !missing[first + i])
			start_pair(bench, first + i, state == BUSY ? RATE : 0, state_len, &pairs[i]);
	usleep(SETTLE_MS * 1000);
	for (int i = 0; i < count && state == IDLE; i++)
		if (first + i >= 0 && !missing[first + i] && pairs[i].server > 0)
			bench_wait_quiet(pairs[i].server);
	int64_t began_ns = bench_now_ns();
	for (int i = 0; i < count; i++) {
		if (first + i >= 0 && missing[first + i])
			continue;
		begin_usage(pairs[i].writer, state, &out_writers[1 + first + i]);
		begin_usage(pairs[i].server, state, &out_servers[1 + first + i]);
	}
	usleep(MEASURE_MS * 1000);
	double measured_ns = (double)(bench_now_ns() - began_ns);
	for (int i = 0; i < count; i++) {
		if (first + i >= 0 && missing[first + i])
			continue;
		end_usage(pairs[i].writer, state, measured_ns, &out_writers[1 + first + i]);
		end_usage(pairs[i].server, state, measured_ns, &out_servers[1 + first + i]);
		stop_pair(&pairs[i]);
	}
}

/* ---- tables ---- */

typedef struct usage round_usage[1 + WAYS]; /* the first: a process that records nothing */

static double median_of(round_usage *rounds, int row, bool memory, int column)
{
	double values[BENCH_ROUNDS];
	for (int round = 0; round < BENCH_ROUNDS; round++)
		values[round] =
			memory ? rounds[round][row].memory[column] : rounds[round][row].percent[column];
	return bench_median(values, BENCH_ROUNDS);
}

/* names: of the rows; NULL: not in this table. */
static void print(struct bench *bench, const char *title, bool memory, round_usage *rounds,
	const char *const names[1 + WAYS])
{
	static const char *const states[] = {"idle", "busy"};
	static const char *const memories[] = {"idle", "busy", "own idle", "own busy"};
	double base[4] = {0};
	int count = memory ? 4 : 2;
	bench_table(bench, title, memory ? "MB" : "% of a core", names[1], memory ? memories : states,
		(size_t)count);
	for (int i = 0; i <= WAYS; i++) {
		int row = i < WAYS ? i + 1 : 0; /* the process that records nothing comes last */
		double values[4];
		if (!names[row])
			continue;
		if (row > 0 && missing[row - 1]) {
			bench_skip(bench, names[row], missing[row - 1]);
			continue;
		}
		for (int column = 0; column < count; column++) {
			values[column] = median_of(rounds, row, memory, column);
			if (row == 0 && column % STATES == BUSY)
				values[column] = NAN;
			if (row == 1)
				base[column] = values[column];
		}
		bench_table_row(bench, names[row], values, base);
	}
}

int main(int argc, char **argv)
{
	static const char *const server_names[] = {
		NULL, "burr's collector", NULL, "redis-server", "socket and write(2)"};
	static const char *const writer_names[] = {"a process without any", "with burr",
		"with burr, no collector", "with hiredis", "with a socket"};
	static round_usage writers[BENCH_ROUNDS];
	static round_usage servers[BENCH_ROUNDS];
	struct bench bench;
	if (argc == 6 && strcmp(argv[1], "--as-writer") == 0)
		be_writer(argv + 2);
	bench_init(&bench, "resources", about, argc, argv);
	for (int i = 0; i < WAYS; i++)
		missing[i] = ways[i]->missing ? ways[i]->missing() : NULL;
	size_t state_len = LINE_LEN - bench_line_overhead(&bench);
	for (int round = 0; round < BENCH_ROUNDS; round++) {
		measure(&bench, -1, WAYS + 1, IDLE, state_len, writers[round], servers[round]);
		for (int way = 0; way < WAYS; way++)
			if (!missing[way])
				measure(&bench, way, 1, BUSY, state_len, writers[round], servers[round]);
	}
	print(&bench, "The server's processor time", false, servers, server_names);
	print(&bench, "The server's memory, resident and of that its own", true, servers, server_names);
	print(&bench, "A writer's processor time", false, writers, writer_names);
	print(&bench, "A writer's memory, resident and of that its own", true, writers, writer_names);
	bench_fini(&bench);
	return 0;
}
