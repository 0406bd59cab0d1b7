#include "bench/bench.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/testing_tree.h"
#include "store/store.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

void bench_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

void bench_init(struct bench *bench, const char *name, const char *about, int argc, char **argv)
{
	*bench = (struct bench){.name = name};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			bench->json = true;
		} else {
			fprintf(strcmp(argv[i], "--help") == 0 ? stdout : stderr, "usage: %s [--json]\n%s\n",
				name, about);
			exit(strcmp(argv[i], "--help") == 0 ? 0 : 2);
		}
	}
	const char *base = getenv("TMPDIR");
	snprintf(bench->folder, sizeof(bench->folder), "%s/burr-bench-XXXXXX", base && *base ? base : "/tmp");
	bench_check(mkdtemp(bench->folder) != NULL, "make a folder");
	if (!bench->json)
		printf("%s\n%s\n", name, about);
	json_put_open(&bench->rows, '[');
}

void bench_fini(struct bench *bench)
{
	json_put_close(&bench->rows, ']');
	if (bench->json)
		printf("{\"bench\":\"%s\",\"rows\":%s}\n", bench->name, bench->rows.data);
	buf_fini(&bench->rows);
	remove_tree(bench->folder);
}

void bench_say(struct bench *bench, const char *text)
{
	if (!bench->json)
		printf("\n%s\n", text);
}

void bench_row(struct bench *bench, const char *what, double value, const char *unit, double peer,
	const char *peer_name)
{
	struct buf *out = &bench->rows;
	json_put_open(out, '{');
	json_put_member(out, "what", slice_of(what));
	json_put_key(out, SLICE_LIT("value"));
	json_put_double(out, value);
	json_put_member(out, "unit", slice_of(unit));
	if (!isnan(peer)) {
		json_put_key(out, SLICE_LIT("ratio"));
		json_put_double(out, value / peer);
		json_put_member(out, "peer", slice_of(peer_name));
	}
	json_put_close(out, '}');
	if (bench->json)
		return;
	printf("  %-52s %12.*f %-10s", what, value < 100 ? 2 : 0, value, unit);
	if (!isnan(peer))
		printf(" %7.2f x %s", value / peer, peer_name);
	printf("\n");
}

int64_t bench_now_ns(void)
{
	return clock_mono_ns();
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;
	return (left > right) - (left < right);
}

double bench_quantile(double *values, size_t count, double q)
{
	qsort(values, count, sizeof(*values), compare);
	return values[(size_t)(q * (double)(count - 1))];
}

double bench_median(double *values, size_t count)
{
	return bench_quantile(values, count, 0.5);
}

/* The append lock, asked for without waiting, tells when the collector has it. */
static bool collector_appends(const char *folder)
{
	struct store *store;
	if (store_open(folder, STORE_WRITE, &store, NULL) != BURR_OK)
		return false;
	bool free_now = store_lock_append_shared(store);
	if (free_now)
		store_unlock_append(store);
	bool there = !free_now && store_has_collector(store, NULL);
	store_close(store);
	return there;
}

int bench_start_collector(struct bench *bench)
{
	char self[4096];
	char program[4200];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	bench_check(len > 0, "find this program");
	self[len] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(program, sizeof(program), "%s/burr", self);
	bench_check(access(program, X_OK) == 0, program);
	pid_t pid = fork();
	bench_check(pid >= 0, "fork");
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execl(program, program, "serve", "--store", bench->folder, "--port", "0", "--no-open",
			"--no-demo", (char *)NULL);
		_exit(127);
	}
	while (!collector_appends(bench->folder)) {
		bench_check(waitpid(pid, NULL, WNOHANG) == 0, "the collector ended");
		usleep(1000); /* a lock is no event */
	}
	return pid;
}

void bench_stop_collector(int pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}
