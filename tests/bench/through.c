/* bench/through.c: how many records a second get from many processes into the logs of many applications:
 * through burr's collector and by burr's library alone, through Redis streams, and over a bare socket.
 *
 * Every writer is a process with one thread. Before the clock starts it has connected and put one record into
 * each of its applications, and the server has become quiet, so files, streams and index rows are there. The
 * clock runs from then until the last writer knows all its records to be in their logs. */
#include "bench/peers.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char about[] =
	"Records a second from the first call until all are in their logs. Read the ratios: how many times "
	"burr's (with its collector) the others reach; under 1 burr is faster.";

enum { WRITERS_MAX = 8, ROUND_MS = 300, ROUND_BYTES = 256 << 20, TRY_RECORDS = 2000, TRY_GROWTH = 6 };
enum { FEW_APPS = 1000 };

enum { WAYS = 4 };
static const struct way *const ways[WAYS] = {&burr_way, &burr_store_way, &redis_way, &socket_way};
static const char *missing[WAYS]; /* why it is left out; NULL: it is not */

/* ---- one round ---- */

struct writer_job {
	const struct way *way;
	const struct load *load;
	const char *folder;
	int number;  /* of the writer */
	int records; /* to put while the clock runs */
	int ready_fd;
	int go_fd;
	int64_t *out_ended_ns;
};

static void write_records(const struct writer_job *job)
{
	const struct load *load = job->load;
	char *state = bench_state(load->state_len);
	char *line = bench_state(load->line_len);
	struct payload payload = {state, line, load->line_len};
	line[load->line_len - 1] = '\n';
	/* Applications first, first + writers, …; where there are fewer than writers, some share one. */
	int first = job->number % load->apps;
	int count = (load->apps - first + load->writers - 1) / load->writers;
	void *ctx = job->way->open(job->folder, load);
	int64_t number = 0;
	for (int i = 0; i < count; i++)
		job->way->put(ctx, first + i * load->writers, number, &payload);
	job->way->drain(ctx);
	char byte = 'r';
	bench_check(write(job->ready_fd, &byte, 1) == 1, "say ready");
	bench_check(read(job->go_fd, &byte, 1) == 0, "wait for the start"); /* it is closed */
	for (int i = 0, app = 0; i < job->records; i++) {
		if (app == 0)
			number++;
		job->way->put(ctx, first + app * load->writers, number, &payload);
		app = app + 1 < count ? app + 1 : 0;
	}
	job->way->drain(ctx);
	*job->out_ended_ns = bench_now_ns();
	job->way->close(ctx);
}

/* Records a second. */
static double run_writers(const struct way *way, const struct load *load, const char *folder, pid_t server,
	int records, int64_t *ended_ns)
{
	int ready[2];
	int go[2];
	pid_t pids[WRITERS_MAX];
	bench_check(pipe(ready) == 0 && pipe(go) == 0, "pipe");
	for (int i = 0; i < load->writers; i++) {
		pids[i] = bench_fork();
		if (pids[i] > 0)
			continue;
		close(go[1]);
		struct writer_job job = {way, load, folder, i, records, ready[1], go[0], &ended_ns[i]};
		write_records(&job);
		_exit(0);
	}
	close(ready[1]);
	close(go[0]);
	for (int i = 0; i < load->writers; i++) {
		char byte;
		bench_check(read(ready[0], &byte, 1) == 1, "a writer did not start");
	}
	if (server > 0)
		bench_wait_quiet(server);
	int64_t began_ns = bench_now_ns();
	close(go[1]);
	int64_t last_ns = 0;
	for (int i = 0; i < load->writers; i++) {
		bench_join(pids[i], way->name);
		last_ns = ended_ns[i] > last_ns ? ended_ns[i] : last_ns;
	}
	close(ready[0]);
	return (double)records * load->writers / ((double)(last_ns - began_ns) / 1e9);
}

/* A store of many applications serves all rounds: for some seconds after a removal ext4 looks long for an
 * inode that was not deleted just now. */
static bool make_folder(struct bench *bench, const struct way *way, const struct load *load, char *out)
{
	bool lasting = way->lasting && load->apps > FEW_APPS;
	snprintf(out, BENCH_PATH, "%s/%s", bench->folder, lasting ? way->name : "round");
	bench_check(mkdir(out, 0700) == 0 || (lasting && errno == EEXIST), out);
	return lasting;
}

static double run_round(
	struct bench *bench, const struct way *way, const struct load *load, int records, int64_t *ended_ns)
{
	char folder[BENCH_PATH];
	bool lasting = make_folder(bench, way, load, folder);
	pid_t server = way->start ? way->start(folder, load) : -1;
	double rate = run_writers(way, load, folder, server, records, ended_ns);
	if (server > 0)
		bench_stop(server);
	if (!lasting)
		bench_remove(folder);
	return rate;
}

/* As many records a writer as take about ROUND_MS; found by rounds that are not counted. */
static int find_records(
	struct bench *bench, const struct way *way, const struct load *load, int64_t *ended_ns)
{
	double most = (double)ROUND_BYTES / (double)load->line_len;
	double records = TRY_RECORDS;
	double took_ms;
	do {
		int each = (int)(records / load->writers);
		double rate = run_round(bench, way, load, each, ended_ns);
		const double enough_ms = (double)ROUND_MS / TRY_GROWTH;
		took_ms = (double)each * load->writers / rate * 1000;
		records *= took_ms < enough_ms ? TRY_GROWTH : ROUND_MS / took_ms;
	} while (took_ms * TRY_GROWTH < ROUND_MS && records < most);
	return (int)((records < most ? records : most) / load->writers) + 1;
}

/* ---- tables ---- */

enum { LOADS_MAX = 4 };

static void bench_loads(struct bench *bench, const char *title, bool in_bytes, const struct load *loads,
	const char *const *names, size_t count, int64_t *ended_ns)
{
	double values[WAYS][LOADS_MAX];
	for (size_t l = 0; l < count; l++) {
		int records[WAYS];
		double rates[WAYS][BENCH_ROUNDS];
		for (int w = 0; w < WAYS; w++)
			if (!missing[w])
				records[w] = find_records(bench, ways[w], &loads[l], ended_ns);
		for (int round = 0; round < BENCH_ROUNDS; round++)
			for (int w = 0; w < WAYS; w++)
				if (!missing[w])
					rates[w][round] =
						run_round(bench, ways[w], &loads[l], records[w], ended_ns);
		for (int w = 0; w < WAYS; w++)
			if (!missing[w])
				values[w][l] = bench_median(rates[w], BENCH_ROUNDS) *
					       (in_bytes ? (double)loads[l].line_len / 1e6 : 1e-3);
	}
	bench_table(bench, title, in_bytes ? "MB/s" : "1,000 records/s", ways[0]->name, names, count);
	for (int w = 0; w < WAYS; w++) {
		if (missing[w])
			bench_skip(bench, ways[w]->name, missing[w]);
		else
			bench_table_row(bench, ways[w]->name, values[w], values[0]);
	}
}

static struct load make_load(int writers, int apps, size_t line_len, size_t line_overhead)
{
	return (struct load){writers, apps, line_len, line_len - line_overhead};
}

int main(int argc, char **argv)
{
	static const int app_counts[] = {1, 4, 100, 5000};
	static const char *const app_names[] = {"1", "4", "100", "5,000"};
	static const int writer_counts[] = {1, 2, 4, 8};
	static const char *const writer_names[] = {"1", "2", "4", "8"};
	static const size_t line_lens[] = {512, 4096, 16384, 65536};
	static const char *const line_names[] = {"0.5 KB", "4 KB", "16 KB", "64 KB"};
	struct bench bench;
	struct load loads[LOADS_MAX];
	bench_init(&bench, "through", about, argc, argv);
	for (int i = 0; i < WAYS; i++)
		missing[i] = ways[i]->missing ? ways[i]->missing() : NULL;
	size_t overhead = bench_line_overhead(&bench);
	int64_t *ended_ns = bench_share(sizeof(*ended_ns) * WRITERS_MAX);

	for (int i = 0; i < 4; i++)
		loads[i] = make_load(4, app_counts[i], 600, overhead);
	bench_loads(&bench, "4 processes, 600 B a record, by the number of applications", false, loads,
		app_names, 4, ended_ns);
	for (int i = 0; i < 4; i++)
		loads[i] = make_load(writer_counts[i], 100, 600, overhead);
	bench_loads(&bench, "100 applications, 600 B a record, by the number of processes", false, loads,
		writer_names, 4, ended_ns);
	for (int i = 0; i < 4; i++)
		loads[i] = make_load(4, 4, line_lens[i], overhead);
	bench_loads(&bench, "4 processes and applications, by the size of a record", true, loads, line_names,
		4, ended_ns);
	bench_fini(&bench);
	return 0;
}
