/* bench/recover.c: how fast the records of a killed process get from its spool into their logs, beside plain
 * writes of the same bytes.
 *
 * A writer records as much as it can while its collector is stopped, so that its spool and spill are full, or
 * without a collector, so that only what its shipper had not stored yet is left; then it is killed by SIGKILL
 * right after its last call. Then `burr recover`, or a collector's start, is timed until the spool is gone;
 * every record whose call had returned must be there. */
#include "bench/peers.h"

#include <burr/tracker.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char about[] =
	"Records of a killed process, from its spool into their log. Read the ratios: what part of plain "
	"writes' speed, on the same bytes, burr reaches.";

enum { LINE_LEN = 600, RECORDS_MAX = 2000000, BREATH_RECORDS = 200, WAIT_MS = 500, PLAIN_BYTES = 1 << 20 };
enum { NO_COLLECTOR_RECORDS = 1500 }; /* less than a lane holds */

enum recovery { BY_COMMAND, BY_COLLECTOR };

struct outcome {
	const char *skipped; /* why there is nothing to measure; NULL: there is */
	double records;
	double bytes;
	double ns;
	double plain_ns;
};

/* ---- the writer ---- */

/* Shared with the bench: how many calls returned BURR_OK. */
static volatile int64_t *returned;

static void record_and_die(const char *store, size_t state_len, bool stopped, int ready_fd, int go_fd)
{
	burr_tracker *tracker;
	burr_tracker_app *app;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	burr_app_info info = BURR_APP_INFO_INIT;
	char *state = bench_state(state_len);
	char byte = 'r';
	options.project = "bench";
	options.store = store;
	options.wait_ms = WAIT_MS;
	info.app_id = "one";
	bench_check(burr_tracker_open(&options, &tracker, NULL) == BURR_OK &&
			    burr_tracker_create_app(tracker, &info, &app, NULL) == BURR_OK &&
			    burr_tracker_end_step(app, 0, "a", NULL, NULL, state) == BURR_OK &&
			    burr_tracker_flush(tracker, 20000, NULL) == BURR_OK,
		"begin to record");
	bench_check(write(ready_fd, &byte, 1) == 1 && read(go_fd, &byte, 1) == 0, "wait for the start");
	int64_t most = stopped ? RECORDS_MAX : NO_COLLECTOR_RECORDS;
	*returned = 1;
	for (int64_t i = 1; i < most; i++) {
		if (burr_tracker_end_step(app, i, "a", NULL, NULL, state) != BURR_OK)
			break;
		*returned = i + 1;
		if (stopped && i % BREATH_RECORDS == 0)
			usleep(500); /* the shipper moves it from the lane into the spill */
	}
	kill(getpid(), SIGKILL);
}

/* The store as the killed left it. */
static void kill_writer(const char *store, size_t state_len, bool stopped)
{
	int ready[2];
	int go[2];
	char byte;
	pid_t collector = stopped ? bench_start_collector(store) : -1;
	bench_check(pipe(ready) == 0 && pipe(go) == 0, "pipe");
	pid_t pid = bench_fork();
	if (pid == 0) {
		close(go[1]);
		record_and_die(store, state_len, stopped, ready[1], go[0]);
	}
	close(ready[1]);
	close(go[0]);
	bench_check(read(ready[0], &byte, 1) == 1, "the writer did not start");
	if (stopped)
		kill(collector, SIGSTOP);
	close(go[1]);
	close(ready[0]);
	waitpid(pid, NULL, 0);
	if (stopped) {
		kill(collector, SIGKILL);
		waitpid(collector, NULL, 0);
	}
}

/* ---- what it left ---- */

static bool has_spool(const char *store)
{
	bool found = false;
	struct dirent *entry;
	DIR *dir = opendir(store);
	bench_check(dir != NULL, store);
	while (!found && (entry = readdir(dir)))
		found = strncmp(entry->d_name, ".burr-spool-", 12) == 0;
	closedir(dir);
	return found;
}

static void measure_log(const char *store, double *out_lines, double *out_bytes)
{
	char path[BENCH_PATH + 40];
	static char bytes[1 << 16];
	size_t len;
	*out_lines = *out_bytes = 0;
	snprintf(path, sizeof(path), "%s/bench/one/log.jsonl", store);
	FILE *file = fopen(path, "re");
	bench_check(file != NULL, path);
	while ((len = fread(bytes, 1, sizeof(bytes), file)) > 0) {
		*out_bytes += (double)len;
		for (size_t i = 0; i < len; i++)
			*out_lines += bytes[i] == '\n';
	}
	fclose(file);
}

static bool has_command(void)
{
	char program[BENCH_PATH];
	int status;
	bench_program("burr", program);
	const char *args[] = {program, "help", "recover", NULL};
	pid_t pid = bench_spawn(args);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static double time_recovery(const char *store, enum recovery recovery)
{
	char program[BENCH_PATH];
	bench_program("burr", program);
	const char *args[] = {program, "recover", "--store", store, NULL};
	int64_t began_ns = bench_now_ns();
	if (recovery == BY_COMMAND) {
		bench_join(bench_spawn(args), "burr recover");
		return (double)(bench_now_ns() - began_ns);
	}
	pid_t collector = bench_start_collector(store);
	while (has_spool(store)) {
		bench_check(bench_now_ns() - began_ns < INT64_C(60000000000), "the spool stays");
		usleep(500);
	}
	double ns = (double)(bench_now_ns() - began_ns);
	bench_stop(collector);
	return ns;
}

static double time_plain(const char *folder, double bytes)
{
	char path[BENCH_PATH + 20];
	char *data = bench_state(PLAIN_BYTES);
	snprintf(path, sizeof(path), "%s/plain", folder);
	int64_t began_ns = bench_now_ns();
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	bench_check(fd >= 0, path);
	for (int64_t left = (int64_t)bytes; left > 0; left -= PLAIN_BYTES) {
		size_t len = left < PLAIN_BYTES ? (size_t)left : PLAIN_BYTES;
		bench_check(write(fd, data, len) == (ssize_t)len, path);
	}
	close(fd);
	double ns = (double)(bench_now_ns() - began_ns);
	free(data);
	return ns;
}

static void check_nothing_lost(double lines)
{
	char text[160];
	snprintf(text, sizeof(text), "%lld calls had returned, and the log has %.0f lines",
		(long long)*returned, lines);
	errno = ENODATA;
	bench_check(lines >= (double)*returned, text);
}

static void run_round(
	struct bench *bench, size_t state_len, bool stopped, enum recovery recovery, struct outcome *out)
{
	char store[BENCH_PATH];
	double lines[2];
	double bytes[2];
	*out = (struct outcome){0};
	bench_folder(bench, "round", store);
	kill_writer(store, state_len, stopped);
	measure_log(store, &lines[0], &bytes[0]);
	if (!has_spool(store)) {
		out->skipped = "the killed writer left no spool";
	} else {
		out->ns = time_recovery(store, recovery);
		measure_log(store, &lines[1], &bytes[1]);
		check_nothing_lost(lines[1]);
		out->records = lines[1] - lines[0];
		out->bytes = bytes[1] - bytes[0];
		if (out->records > 0)
			out->plain_ns = time_plain(store, out->bytes);
		else
			out->skipped = "everything was in the log already";
	}
	bench_remove(store);
}

/* ---- results ---- */

static double median_of(const struct outcome *outcomes, double (*value)(const struct outcome *))
{
	double values[BENCH_ROUNDS];
	for (int i = 0; i < BENCH_ROUNDS; i++)
		values[i] = value(&outcomes[i]);
	return bench_median(values, BENCH_ROUNDS);
}

static double records_of(const struct outcome *outcome)
{
	return outcome->records;
}

static double ms_of(const struct outcome *outcome)
{
	return outcome->ns / 1e6;
}

static double rate_of(const struct outcome *outcome)
{
	return outcome->records / (outcome->ns / 1e9);
}

static double speed_of(const struct outcome *outcome)
{
	return outcome->bytes / 1e6 / (outcome->ns / 1e9);
}

static double plain_speed_of(const struct outcome *outcome)
{
	return outcome->bytes / 1e6 / (outcome->plain_ns / 1e9);
}

static void bench_recovery(
	struct bench *bench, size_t state_len, bool stopped, enum recovery recovery, const char *title)
{
	struct outcome outcomes[BENCH_ROUNDS];
	for (int round = 0; round < BENCH_ROUNDS; round++) {
		run_round(bench, state_len, stopped, recovery, &outcomes[round]);
		if (outcomes[round].skipped) {
			bench_skip(bench, title, outcomes[round].skipped);
			return;
		}
	}
	char what[200];
	bench_say(bench, title);
	snprintf(what, sizeof(what), "%s: recovered", title);
	bench_row(bench, bench->json ? what : "recovered", median_of(outcomes, speed_of), "MB/s",
		median_of(outcomes, plain_speed_of), "writes");
	snprintf(what, sizeof(what), "%s: records a second", title);
	bench_row(bench, bench->json ? what : "records a second", median_of(outcomes, rate_of), "records/s",
		NAN, NULL);
	snprintf(what, sizeof(what), "%s: records", title);
	bench_row(
		bench, bench->json ? what : "records", median_of(outcomes, records_of), "records", NAN, NULL);
	snprintf(what, sizeof(what), "%s: time", title);
	bench_row(bench, bench->json ? what : "time, the program's start in it", median_of(outcomes, ms_of),
		"ms", NAN, NULL);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *title;
		bool stopped;
		enum recovery recovery;
	} cases[] = {
		{"A full spool, its collector stopped and killed: burr recover", true, BY_COMMAND},
		{"A full spool, its collector stopped and killed: a collector's start", true, BY_COLLECTOR},
		{"A lane's rest, no collector: burr recover", false, BY_COMMAND},
		{"A lane's rest, no collector: a collector's start", false, BY_COLLECTOR},
	};
	struct bench bench;
	bench_init(&bench, "recover", about, argc, argv);
	returned = bench_share(sizeof(*returned));
	size_t state_len = LINE_LEN - bench_line_overhead(&bench);
	bool command = has_command();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].recovery == BY_COMMAND && !command)
			bench_skip(&bench, cases[i].title, "this burr has no command recover");
		else
			bench_recovery(
				&bench, state_len, cases[i].stopped, cases[i].recovery, cases[i].title);
	}
	bench_fini(&bench);
	return 0;
}
