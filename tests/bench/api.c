/* bench/api.c: what the collector's answers cost, cold and warm, beside Burr's own server on the same store,
 * and a small answer beside nginx.
 *
 * Questions of version 0 are put to both servers as they are; what version 1 has a better question for is put
 * to Burr's server in the way that its UI asks it, which is by the whole run. */
#include "bench/ask.h"
#include "bench/stores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char about[] =
	"The HTTP API: lists, runs, steps, states, differences and searches, over one connection, the "
	"logs of the store read from the disk at the first question, and in memory at the others. "
	"--long adds stores of 100,000 runs and of a run of 1,000,000 steps.";

enum {
	ASKED = 200,
	PEER_ASKED = 20,
	LOAD_ROUNDS = 3,
};
static const double MOST_S = 1;      /* for the warm answers to a question */
static const double PEER_MOST_S = 3; /* likewise, of Burr's server */

/* ---- Burr's own server ---- */

static const char *burr_missing(void)
{
	const char *python = getenv("BENCH_BURR_PYTHON");
	if (!python)
		return "BENCH_BURR_PYTHON names no Python that has burr[start] (./dev bench makes one)";
	return access(python, X_OK) == 0 ? NULL : "burr[start] could not be had from PyPI";
}

static in_port_t free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bench_check(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
			    getsockname(fd, (struct sockaddr *)&address, &len) == 0,
		"find a port");
	close(fd);
	return ntohs(address.sin_port);
}

struct peer {
	pid_t pid; /* 0: there is none */
	in_port_t port;
};

static struct peer start_burrs(const char *store)
{
	char text[16];
	struct peer peer = {0, free_port()};
	if (burr_missing())
		return peer;
	snprintf(text, sizeof(text), "%u", (unsigned)peer.port);
	setenv("burr_path", store, 1);
	const char *args[] = {getenv("BENCH_BURR_PYTHON"), "-m", "uvicorn", "burr.tracking.server.run:app",
		"--host", "127.0.0.1", "--port", text, NULL};
	peer.pid = bench_spawn(args);
	unsetenv("burr_path");
	ask_until_ready(peer.port, "/api/v0/projects");
	return peer;
}

/* ---- answers ---- */

struct question {
	const char *title;
	const char *path;
	const char *peer_path; /* NULL: Burr's server has nothing like it */
};

static void put_timing(double *values, const struct timing *timing)
{
	values[0] = timing->cold_us;
	values[1] = timing->median_us;
	values[2] = timing->p99_us;
	values[3] = timing->bytes;
}

static void bench_question(struct bench *bench, const char *store, const struct question *question,
	in_port_t port, const struct peer *peer)
{
	double ours[4];
	double theirs[4];
	stores_evict(store);
	struct timing timing = ask_time(port, question->path, ASKED, MOST_S);
	put_timing(ours, &timing);
	bench_table_row(bench, question->title, ours, NULL);
	if (!peer->pid || !question->peer_path)
		return;
	stores_evict(store);
	timing = ask_time(peer->port, question->peer_path, PEER_ASKED, PEER_MOST_S);
	put_timing(theirs, &timing);
	bench_table_row(bench, "  Burr's server", theirs, ours);
}

static double most_memory_mb(pid_t pid)
{
	char path[64];
	char line[256];
	double kb = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtod(line + 6, NULL);
	if (file)
		fclose(file);
	return kb / 1024;
}

struct part {
	struct shape shape;
	const struct question *questions;
	size_t count;
	bool with_peer;
};

static void bench_part(struct bench *bench, const struct part *part)
{
	static const char *const columns[] = {"cold, us", "median", "99 %", "bytes"};
	char store[BENCH_PATH];
	char title[200];
	bench_folder(bench, "store", store);
	stores_make(store, &part->shape);
	pid_t collector = bench_start_collector(store);
	in_port_t port = ask_port(store);
	ask_until_ready(port, "/ready");
	struct peer peer = {0, 0};
	if (part->with_peer)
		peer = start_burrs(store);
	snprintf(title, sizeof(title), "Answers about %s", part->shape.title);
	bench_table(bench, title, "", "ours", columns, 4);
	for (size_t i = 0; i < part->count; i++)
		bench_question(bench, store, &part->questions[i], port, &peer);
	bench_row(bench, "memory of the collector, at most", most_memory_mb(collector), "MB",
		peer.pid ? most_memory_mb(peer.pid) : NAN, "Burr's");
	if (peer.pid)
		bench_stop(peer.pid);
	bench_stop(collector);
	bench_remove(store);
}

/* ---- beside nginx ---- */

static pid_t start_nginx(const char *folder, in_port_t port)
{
	char path[2 * BENCH_PATH];
	snprintf(path, sizeof(path), "%s/nginx.conf", folder);
	FILE *file = fopen(path, "w");
	bench_check(file != NULL, "write nginx.conf");
	fprintf(file,
		"%sworker_processes auto;\ndaemon off;\npid %s/nginx.pid;\nerror_log %s/nginx.log;\n"
		"events { worker_connections 1024; }\n"
		"http {\n access_log off; keepalive_requests 1000000000; sendfile on;\n"
		" open_file_cache max=10;\n client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path "
		"%s;\n"
		" uwsgi_temp_path %s; scgi_temp_path %s;\n"
		" server { listen 127.0.0.1:%u; root %s; default_type application/json; }\n}\n",
		geteuid() == 0 ? "user root;\n" : "", /* else its workers may not read the folder */
		folder, folder, folder, folder, folder, folder, folder, (unsigned)port, folder);
	fclose(file);
	const char *args[] = {"nginx", "-c", path, "-e", "stderr", NULL};
	return bench_spawn(args);
}

/* wrk's output, to be read. */
static FILE *start_wrk(const char *url, pid_t *out_pid)
{
	int ends[2];
	bench_check(pipe(ends) == 0, "a pipe for wrk");
	*out_pid = bench_fork();
	if (*out_pid == 0) {
		if (dup2(ends[1], STDOUT_FILENO) >= 0 && dup2(ends[1], STDERR_FILENO) >= 0)
			execlp("wrk", "wrk", "-t1", "-c16", "-d2s", url, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

/* Requests a second, as wrk counts them. */
static double load(in_port_t port, const char *path)
{
	char url[1024];
	char line[256];
	double rate = 0;
	pid_t pid;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", (unsigned)port, path);
	FILE *output = start_wrk(url, &pid);
	while (output && fgets(line, sizeof(line), output)) {
		if (strncmp(line, "Requests/sec:", 13) == 0)
			rate = strtod(line + 13, NULL);
		bench_check(!strstr(line, "Non-2xx"), "an answer under load");
	}
	bench_check(output && fclose(output) == 0 && rate > 0, "wrk");
	bench_join(pid, "wrk");
	return rate;
}

static void bench_load(struct bench *bench)
{
	static const struct shape small = {"two runs", 2, 10, 100};
	static const struct question questions[] = {
		{"the UI's page, from memory", "/", NULL},
		{"a list of two runs", "/api/v1/projects/bench/runs?limit=2", NULL},
		{"version 0: a list of two runs", "/api/v0/bench/__none__/apps", NULL},
	};
	if (!bench_has_program("nginx") || !bench_has_program("wrk")) {
		bench_skip(bench, "nginx", "nginx-light and wrk are not both installed");
		return;
	}
	char store[BENCH_PATH];
	char web[BENCH_PATH];
	bench_folder(bench, "store", store);
	bench_folder(bench, "web", web);
	stores_make(store, &small);
	pid_t collector = bench_start_collector(store);
	in_port_t port = ask_port(store);
	ask_until_ready(port, "/ready");
	in_port_t nginx_port = free_port();
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		char path[2 * BENCH_PATH];
		char what[200];
		double ours[LOAD_ROUNDS];
		double theirs[LOAD_ROUNDS];
		/* A file of the same size. */
		struct timing timing = ask_time(port, questions[i].path, 1, MOST_S);
		snprintf(path, sizeof(path), "%s/answer-%zu.json", web, i);
		FILE *file = fopen(path, "w");
		for (size_t at = 0; file && at < (size_t)timing.bytes; at++)
			fputc('x', file);
		bench_check(file && fclose(file) == 0, "write a file for nginx");
		pid_t nginx = start_nginx(web, nginx_port);
		snprintf(path, sizeof(path), "/answer-%zu.json", i);
		ask_until_ready(nginx_port, path);
		for (int round = 0; round < LOAD_ROUNDS; round++) {
			ours[round] = load(port, questions[i].path);
			theirs[round] = load(nginx_port, path);
		}
		bench_stop(nginx);
		snprintf(what, sizeof(what), "%s, %.0f B", questions[i].title, timing.bytes);
		bench_row(bench, what, bench_median(ours, LOAD_ROUNDS), "answers/s",
			bench_median(theirs, LOAD_ROUNDS), "nginx");
	}
	bench_stop(collector);
	bench_remove(store);
}

/* ---- all of it ---- */

#define RUNS "/api/v1/projects/bench/runs"
#define RUN RUNS "/run-000000"
#define RUN_0 "/api/v0/bench/run-000000/__none__/apps"
#define LIST_0 "/api/v0/bench/__none__/apps?limit=100"

int main(int argc, char **argv)
{
	static const struct question of_runs[] = {
		{"projects", "/api/v1/projects", "/api/v0/projects"},
		{"100 runs", RUNS "?limit=100", LIST_0},
		{"runs that failed", RUNS "?limit=100&filter=status:failed", LIST_0},
		{"one run", RUN, RUN_0},
		{"search in all runs", "/api/v1/projects/bench/search?q=never", NULL},
		{"v0: projects", "/api/v0/projects", "/api/v0/projects"},
		{"v0: 100 runs", LIST_0, LIST_0},
		{"v0: a run, whole", RUN_0, RUN_0},
	};
	static const struct question of_steps[] = {
		{"v0: the run, whole", RUN_0, RUN_0},
		{"what is new in it", RUN "/steps?from=49990", RUN_0},
		{"50 steps", RUN "/steps?from=40000&limit=50", NULL},
		{"one step", RUN "/steps/40001", NULL},
		{"its state", RUN "/steps/40001/state", NULL},
		{"what it changed", RUN "/difference?to=40001", NULL},
		{"history of a value", RUN "/history?pointer=/kept", NULL},
		{"search in it", RUN "/search?q=never", NULL},
		{"overview", RUN "/overview", NULL},
		{"folded", RUN "/folded", NULL},
	};
	/* The same runs and steps, ten times as many: a page must cost what it did. */
	static const struct part parts[] = {
		{{"1,000 runs of 100 steps", 1000, 100, 600}, of_runs, 8, true},
		{{"10,000 runs of 10 steps", 10000, 10, 600}, of_runs, 8, false},
		{{"a run of 50,000 steps of 2 KB", 1, 50000, 2000}, of_steps, 10, true},
	};
	static const struct part long_parts[] = {
		{{"100,000 runs of 20 steps", 100000, 20, 200}, of_runs, 8, false},
		{{"a run of 500,000 steps of 2 KB", 1, 500000, 2000}, of_steps, 10, false},
		{{"a run of 1,000,000 steps", 1, 1000000, 100}, of_steps, 10, false},
	};
	struct bench bench;
	bench_init(&bench, "api", about, argc, argv);
	if (burr_missing())
		bench_skip(&bench, "Burr's own server", burr_missing());
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		bench_part(&bench, &parts[i]);
	for (size_t i = 0; bench.long_ones && i < sizeof(long_parts) / sizeof(*long_parts); i++)
		bench_part(&bench, &long_parts[i]);
	bench_say(&bench, "");
	bench_say(&bench, "Under load, 16 connections:");
	bench_load(&bench);
	bench_fini(&bench);
	return 0;
}
