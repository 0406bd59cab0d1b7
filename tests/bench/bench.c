#include "bench/bench.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/testing_tree.h"
#include "store/store.h"

#include <burr/tracker.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void bench_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the process that clears up ---- */

enum { END_PATIENCE_MS = 3000 };

static int parent_of(const char *pid)
{
	char path[300];
	char text[400];
	int parent = -1;
	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	if (fgets(text, sizeof(text), file)) {
		const char *after_name = strrchr(text, ')');
		if (after_name)
			sscanf(after_name + 1, " %*c %d", &parent);
	}
	fclose(file);
	return parent;
}

/* The bench's orphans have become this process's children. */
static void signal_children(int signal)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		if (isdigit((unsigned char)entry->d_name[0]) && parent_of(entry->d_name) == getpid()) {
			kill(atoi(entry->d_name), signal);
			kill(atoi(entry->d_name), SIGCONT); /* a bench stops processes */
		}
	}
	if (dir)
		closedir(dir);
}

static void end_children(void)
{
	int64_t began = bench_now_ns();
	for (int pass = 0; waitpid(-1, NULL, WNOHANG) >= 0; pass++) {
		bool patient = bench_now_ns() - began < END_PATIENCE_MS * INT64_C(1000000);
		if (pass % 100 == 0 || !patient)
			signal_children(patient ? SIGTERM : SIGKILL);
		usleep(1000);
	}
}

static void guard(const struct bench *bench, pid_t worker, const sigset_t *signals)
{
	int status = 0;
	for (;;) {
		int signal = sigwaitinfo(signals, NULL);
		if (signal > 0 && signal != SIGCHLD)
			kill(worker, SIGTERM);
		pid_t ended;
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
			if (ended != worker)
				continue;
			end_children();
			remove_tree(bench->folder);
			for (int i = 0; *bench->extra[i]; i++)
				remove_tree(bench->extra[i]);
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		}
	}
}

static void fork_worker(const struct bench *bench)
{
	sigset_t signals;
	sigset_t before;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &before);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t worker = fork();
	bench_check(worker >= 0, "fork");
	if (worker > 0)
		guard(bench, worker, &signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGPIPE, SIG_IGN); /* a peer that ended is told by write */
}

void bench_init(struct bench *bench, const char *name, const char *about, int argc, char **argv)
{
	*bench = (struct bench){.name = name};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			bench->json = true;
		} else if (strcmp(argv[i], "--long") == 0) {
			bench->long_ones = true;
		} else {
			fprintf(strcmp(argv[i], "--help") == 0 ? stdout : stderr,
				"usage: %s [--json] [--long]\n%s\n", name, about);
			exit(strcmp(argv[i], "--help") == 0 ? 0 : 2);
		}
	}
	const char *base = getenv("TMPDIR");
	snprintf(bench->folder, sizeof(bench->folder), "%s/burr-bench-XXXXXX", base && *base ? base : "/tmp");
	bench_check(mkdtemp(bench->folder) != NULL, "make a folder");
	bench->extra = bench_share((BENCH_EXTRA + 1) * sizeof(*bench->extra));
	fork_worker(bench);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!bench->json)
		printf("%s\n%s\n", name, about);
	json_put_open(&bench->rows, '[');
	json_put_open(&bench->skipped, '[');
}

/* ---- results ---- */

void bench_fini(struct bench *bench)
{
	json_put_close(&bench->rows, ']');
	json_put_close(&bench->skipped, ']');
	if (bench->json)
		printf("{\"bench\":\"%s\",\"rows\":%s,\"skipped\":%s}\n", bench->name, bench->rows.data,
			bench->skipped.data);
	buf_fini(&bench->rows);
	buf_fini(&bench->skipped);
}

void bench_say(struct bench *bench, const char *text)
{
	if (!bench->json)
		printf("\n%s\n", text);
}

void bench_skip(struct bench *bench, const char *what, const char *why)
{
	struct buf item = BUF_INIT;
	json_put_open(&item, '{');
	json_put_member(&item, "what", slice_of(what));
	json_put_member(&item, "why", slice_of(why));
	json_put_close(&item, '}');
	if (!strstr(bench->skipped.data, item.data)) /* else it was left out of another table too */
		json_put_raw(&bench->skipped, buf_slice(&item));
	buf_fini(&item);
	if (!bench->json)
		printf("  skipped: %s (%s)\n", what, why);
}

static void put_result(
	struct bench *bench, double value, const char *unit, double peer, const char *peer_name)
{
	struct buf *out = &bench->rows;
	json_put_key(out, SLICE_LIT("value"));
	json_put_double(out, value);
	json_put_member(out, "unit", slice_of(unit));
	if (isfinite(value / peer)) {
		json_put_key(out, SLICE_LIT("ratio"));
		json_put_double(out, value / peer);
		json_put_member(out, "peer", slice_of(peer_name));
	}
}

static int decimals(double value)
{
	return value == 0 ? 0 : value < 0.1 ? 4 : value < 10 ? 2 : value < 100 ? 1 : 0;
}

void bench_row(struct bench *bench, const char *what, double value, const char *unit, double peer,
	const char *peer_name)
{
	json_put_open(&bench->rows, '{');
	json_put_member(&bench->rows, "what", slice_of(what));
	put_result(bench, value, unit, peer, peer_name);
	json_put_close(&bench->rows, '}');
	if (bench->json)
		return;
	if (isnan(peer))
		printf("  %-58s", what);
	else
		printf("  %-38s %7.*f x %-10s", what, decimals(value / peer), value / peer, peer_name);
	printf(" %10.*f %s\n", decimals(value), value, unit);
}

void bench_table(struct bench *bench, const char *title, const char *unit, const char *base_name,
	const char *const *columns, size_t column_count)
{
	bench->title = title;
	bench->unit = unit;
	bench->base_name = base_name;
	bench->columns = columns;
	bench->column_count = column_count;
	if (bench->json)
		return;
	printf("\n%s\n", title);
	printf("  %-26s", "");
	for (size_t i = 0; i < column_count; i++)
		printf(" %8s", columns[i]);
	printf(" |");
	for (size_t i = 0; i < column_count; i++)
		printf(" %9s", columns[i]);
	printf("\n  %-26s %*s | %*s\n", "", (int)column_count * 9 - 1, "as times the first row's",
		(int)column_count * 10 - 1, unit);
}

void bench_table_row(struct bench *bench, const char *what, const double *values, const double *base)
{
	for (size_t i = 0; i < bench->column_count; i++) {
		if (isnan(values[i]))
			continue;
		json_put_open(&bench->rows, '{');
		json_put_member(&bench->rows, "table", slice_of(bench->title));
		json_put_member(&bench->rows, "what", slice_of(what));
		json_put_member(&bench->rows, "column", slice_of(bench->columns[i]));
		put_result(bench, values[i], bench->unit, base ? base[i] : NAN, bench->base_name);
		json_put_close(&bench->rows, '}');
	}
	if (bench->json)
		return;
	printf("  %-26s", what);
	for (size_t i = 0; i < bench->column_count; i++) {
		if (base && isfinite(values[i] / base[i]))
			printf(" %7.*fx", decimals(values[i] / base[i]), values[i] / base[i]);
		else
			printf(" %8s", "-");
	}
	printf(" |");
	for (size_t i = 0; i < bench->column_count; i++) {
		if (isnan(values[i]))
			printf(" %9s", "-");
		else
			printf(" %9.*f", decimals(values[i]), values[i]);
	}
	printf("\n");
}

bool bench_has_program(const char *name)
{
	const char *folders = getenv("PATH");
	while (folders && *folders) {
		char path[4096];
		size_t len = strcspn(folders, ":");
		snprintf(path, sizeof(path), "%.*s/%s", (int)len, folders, name);
		if (access(path, X_OK) == 0)
			return true;
		folders += len + (folders[len] == ':');
	}
	return false;
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

/* ---- processes and folders ---- */

pid_t bench_fork(void)
{
	fflush(stdout);
	pid_t pid = fork();
	bench_check(pid >= 0, "fork");
	return pid;
}

void bench_join(pid_t pid, const char *what)
{
	int status = -1;
	errno = 0;
	bench_check(waitpid(pid, &status, 0) == pid && status == 0, what);
}

pid_t bench_spawn(const char *const *args)
{
	pid_t pid = bench_fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		signal(SIGPIPE, SIG_DFL);
		execvp(args[0], (char *const *)args);
		_exit(127);
	}
	return pid;
}

void bench_stop(pid_t pid)
{
	kill(pid, SIGTERM);
	kill(pid, SIGCONT);
	for (int ms = 0; ms < 5000; ms++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The scheduler's own count of each thread; /proc/PID/stat counts in steps of 10 ms. */
double bench_cpu_ns(pid_t pid)
{
	char path[300];
	double sum = 0;
	struct dirent *entry;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	bench_check(dir != NULL, path);
	while ((entry = readdir(dir))) {
		double ns = 0;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", (int)pid, entry->d_name);
		FILE *file = fopen(path, "re");
		if (file && fscanf(file, "%lf", &ns) == 1)
			sum += ns;
		if (file)
			fclose(file);
	}
	closedir(dir);
	return sum;
}

void bench_wait_quiet(pid_t pid)
{
	enum { STEP_MS = 50, STEPS_MAX = 200, QUIET_PERCENT = 5 };
	double before = bench_cpu_ns(pid);
	for (int i = 0; i < STEPS_MAX; i++) {
		usleep(STEP_MS * 1000);
		double now = bench_cpu_ns(pid);
		if (now - before < STEP_MS * 1e6 * QUIET_PERCENT / 100)
			return;
		before = now;
	}
}

void bench_program(const char *name, char out[BENCH_PATH])
{
	char self[BENCH_PATH - 64];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	bench_check(len > 0, "find this program");
	self[len] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(out, BENCH_PATH, "%s/%s", self, name);
	bench_check(access(out, X_OK) == 0, out);
}

void *bench_share(size_t len)
{
	void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bench_check(memory != MAP_FAILED, "shared memory");
	return memory;
}

void bench_folder(struct bench *bench, const char *name, char out[BENCH_PATH])
{
	snprintf(out, BENCH_PATH, "%s/%s", bench->folder, name);
	bench_check(mkdir(out, 0700) == 0, out);
}

void bench_remove(const char *folder)
{
	remove_tree(folder);
}

void bench_also_remove(struct bench *bench, const char *path)
{
	int i = 0;
	while (*bench->extra[i])
		i++;
	bench_check(i < BENCH_EXTRA, "too much to remove");
	snprintf(bench->extra[i], BENCH_PATH, "%s", path);
}

char *bench_state(size_t len)
{
	char *text = malloc(len + 1);
	bench_check(text && len >= 16, "a state");
	memset(text, 'x', len);
	memcpy(text, "{\"text\":\"", 9);
	memcpy(text + len - 2, "\"}", 3);
	return text;
}

size_t bench_line_overhead(struct bench *bench)
{
	enum { STATE = 100, APP_ID_LEN = 3 };
	char folder[BENCH_PATH];
	char path[BENCH_PATH + 20];
	struct stat st;
	burr_tracker *tracker;
	burr_tracker_app *app;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	burr_app_info info = BURR_APP_INFO_INIT;
	char *state = bench_state(STATE);
	bench_folder(bench, "measure", folder);
	options.project = "bench";
	options.store = folder;
	info.app_id = "one";
	bench_check(burr_tracker_open(&options, &tracker, NULL) == BURR_OK &&
			    burr_tracker_create_app(tracker, &info, &app, NULL) == BURR_OK &&
			    burr_tracker_end_step(app, 10000, "a", NULL, NULL, state) == BURR_OK &&
			    burr_tracker_close(tracker, NULL) == BURR_OK,
		"record a line to see its length");
	snprintf(path, sizeof(path), "%s/bench/one/log.jsonl", folder);
	bench_check(stat(path, &st) == 0 && st.st_size > STATE, path);
	free(state);
	bench_remove(folder);
	return (size_t)st.st_size - STATE;
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

pid_t bench_start_collector(const char *store)
{
	char program[BENCH_PATH];
	bench_program("burr", program);
	const char *args[] = {
		program, "serve", "--store", store, "--port", "0", "--no-open", "--no-demo", NULL};
	pid_t pid = bench_spawn(args);
	while (!collector_appends(store)) {
		bench_check(waitpid(pid, NULL, WNOHANG) == 0, "the collector ended");
		usleep(1000); /* a lock is no event */
	}
	return pid;
}
