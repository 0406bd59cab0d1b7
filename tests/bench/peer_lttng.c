/* bench/peer_lttng.c: an LTTng-UST tracepoint, recorded into files by a session daemon of the bench's own.
 *
 * The daemon's sockets are below an LTTNG_HOME in the bench's folder. For root it would use /var/run and
 * serve the whole machine, so there daemon and recording process run as nobody. Buffers are 4 x 8 MiB per
 * core; when they are full a call waits, at most 2 s, as burr's and spdlog's do. */
#include "bench/peers.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "LTTng-UST tracepoint"

static uint64_t discarded;

uint64_t lttng_discarded(void)
{
	return discarded;
}

#ifdef BENCH_LTTNG_MODULE

static struct {
	char home[BENCH_PATH]; /* "": not started */
	char module[BENCH_PATH + 20];
	pid_t daemon;
	uid_t uid;
	gid_t gid;
} lttng;

static const char *lttng_missing(void)
{
	if (!bench_has_program("lttng-sessiond") || !bench_has_program("lttng"))
		return "lttng-tools is not installed";
	if (geteuid() == 0 && !getpwnam("nobody"))
		return "there is no user nobody to run its daemon as";
	return NULL;
}

/* In a new process: who it is, and where it finds the daemon. */
static void enter(void)
{
	if (geteuid() == 0)
		bench_check(setgroups(0, NULL) == 0 && setgid(lttng.gid) == 0 && setuid(lttng.uid) == 0,
			"become nobody");
	setenv("LTTNG_HOME", lttng.home, 1);
	setenv("LTTNG_UST_REGISTER_TIMEOUT", "5000", 1);
	setenv("LTTNG_UST_ALLOW_BLOCKING", "1", 1);
}

/* Run a command of LTTng's; its output comes by out_fd when that is not NULL. */
static pid_t run(const char *command, int *out_fd)
{
	int fds[2];
	bench_check(pipe2(fds, O_CLOEXEC) == 0, "pipe");
	pid_t pid = bench_fork();
	if (pid == 0) {
		enter();
		int out = out_fd ? fds[1] : open("/dev/null", O_WRONLY);
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	if (out_fd)
		*out_fd = fds[0];
	else
		close(fds[0]);
	return pid;
}

/* LTTng leaves two small files in /dev/shm; only new ones are the bench's. */
static void remove_shared(struct bench *bench)
{
	char path[100];
	snprintf(path, sizeof(path), "/dev/shm/lttng-ust-wait-8-%u", (unsigned)lttng.uid);
	if (access(path, F_OK) != 0)
		bench_also_remove(bench, path);
	if (access("/dev/shm/lttng-ust-wait-8", F_OK) != 0)
		bench_also_remove(bench, "/dev/shm/lttng-ust-wait-8");
}

static void copy_file(const char *from, const char *to)
{
	char bytes[65536];
	size_t len;
	FILE *in = fopen(from, "re");
	FILE *out = fopen(to, "we");
	bench_check(in && out, from);
	while ((len = fread(bytes, 1, sizeof(bytes), in)) > 0)
		bench_check(fwrite(bytes, 1, len, out) == len, to);
	fclose(in);
	bench_check(fclose(out) == 0 && chmod(to, 0755) == 0, to);
}

static void start_daemon(struct bench *bench)
{
	struct passwd *nobody = geteuid() == 0 ? getpwnam("nobody") : NULL;
	lttng.uid = nobody ? nobody->pw_uid : geteuid();
	lttng.gid = nobody ? nobody->pw_gid : getegid();
	bench_folder(bench, "lttng", lttng.home);
	snprintf(lttng.module, sizeof(lttng.module), "%s/module.so", lttng.home);
	remove_shared(bench);
	copy_file(BENCH_LTTNG_MODULE, lttng.module);
	if (nobody)
		bench_check(chmod(bench->folder, 0711) == 0 && chown(lttng.home, lttng.uid, lttng.gid) == 0,
			"give nobody a folder");
	lttng.daemon = run("exec lttng-sessiond --no-kernel", NULL);
	for (int ms = 0; ms < 5000; ms += 100) { /* it tells its parent by SIGUSR1 only when asked */
		int status;
		pid_t asked = run("exec lttng -n --no-sessiond list", NULL);
		if (waitpid(asked, &status, 0) == asked && status == 0)
			return;
		usleep(100000);
	}
	bench_check(false, "lttng-sessiond does not answer");
}

static void lttng_begin(struct bench *bench, const char *folder)
{
	(void)folder;
	if (!*lttng.home)
		start_daemon(bench);
	bench_join(run("set -e; lttng -n --no-sessiond create bench --output=\"$LTTNG_HOME/trace\"\n"
		       "lttng -n enable-channel --userspace -s bench --subbuf-size=8M --num-subbuf=4 "
		       "--blocking-timeout=2000000 all\n"
		       "lttng -n enable-event --userspace -s bench -c all burr_bench:step\n"
		       "lttng -n start bench",
			   NULL),
		"start an LTTng session");
}

static void count_discarded(void)
{
	int fd;
	char line[200];
	pid_t pid = run("lttng -n list bench", &fd);
	FILE *out = fdopen(fd, "r");
	while (out && fgets(line, sizeof(line), out)) {
		const char *count = strstr(line, "Discarded events: ");
		if (count)
			discarded += strtoull(count + 18, NULL, 10);
	}
	if (out)
		fclose(out);
	bench_join(pid, "ask LTTng what was discarded");
}

static void lttng_end(struct bench *bench)
{
	char trace[BENCH_PATH + 20];
	(void)bench;
	bench_join(run("lttng -n stop bench", NULL), "stop an LTTng session");
	count_discarded();
	bench_join(run("lttng -n destroy bench", NULL), "end an LTTng session");
	snprintf(trace, sizeof(trace), "%s/trace", lttng.home);
	bench_remove(trace);
}

void lttng_stop(void)
{
	if (*lttng.home)
		bench_stop(lttng.daemon);
	*lttng.home = '\0';
}

typedef void (*step_function)(int64_t sequence_id, const char *state);

static step_function step;

static void *lttng_open(const char *folder, int threads)
{
	(void)folder;
	(void)threads;
	enter();
	void *module = dlopen(lttng.module, RTLD_NOW);
	if (!module)
		fprintf(stderr, "bench: %s\n", dlerror());
	bench_check(module != NULL, "load LTTng-UST");
	*(void **)&step = dlsym(module, "peer_lttng_step");
	bench_check(step != NULL, "find the tracepoint");
	return &lttng;
}

static void lttng_record(void *ctx, int thread, int64_t number, const struct payload *payload)
{
	(void)ctx;
	(void)thread;
	step(number, payload->state);
}

static void lttng_drain(void *ctx)
{
	(void)ctx;
	usleep(1000); /* its consumer takes whole sub-buffers; there is no call to wait for it */
}

static void lttng_close(void *ctx)
{
	(void)ctx;
}

const struct recorder lttng_recorder = {
	NAME, lttng_missing, lttng_begin, lttng_end, lttng_open, lttng_record, lttng_drain, lttng_close};

#else

static const char *lttng_missing(void)
{
	return "liblttng-ust-dev is not installed";
}

void lttng_stop(void)
{
}

const struct recorder lttng_recorder = {.name = NAME, .missing = lttng_missing};

#endif
