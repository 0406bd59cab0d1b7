/* faults/writer.c: a program that records, loads and hands over as it is told, and tells a referee all of it.
 *
 *     writer record STORE NAME KEY=VALUE…   threads that record steps (see `options` below for the keys)
 *     writer hand STORE NAME KEY=VALUE…     one of two players: they take turns at apps=APP over a socket,
 *                                           standard input; each turn loads the last step and records
 *     writer check STORE NAME KEY=VALUE…    load the last step of each of apps=A,B until standard input ends
 *     writer last STORE NAME KEY=VALUE…     load each once
 *     writer touch STORE NAME               open a tracker and close it
 *
 * Standard output is a file that is appended to, a line a write(2), and nothing but 0, 1 and 2 is open for a
 * host that closes all else. A kill may tear a write to a file, where its pages meet: so a line begins with a
 * newline and ends in " .", and what does not was not told. Standard error
 * stays empty unless something is wrong; the last process of a family to end closes it. Stamps are
 * CLOCK_MONOTONIC in ns, taken before a call is begun and after it has returned:
 *
 *     B STAMP TAG APP KIND SEQ SIZE                          this record's call is about to begin
 *     R STAMP TAG STATUS                                     it has returned
 *     L BEGAN ENDED PROCESS APP STATUS SEQ TAG LENGTH WHY    a load, the step and state that it gave
 *     U STAMP PROCESS APP                                    a forked child goes on with what it inherited
 *     E STAMP PROCESS FLUSHED CLOSED RECORDED STORED DROPPED closed, with burr_tracker_stats before it
 *
 * A record carries its tag, "PROCESS.THREAD.COUNT", and SIZE letters x: {"tag":"…","n":SEQ,"fill":"xxx"} is
 * the state of a step, its inputs, or an attribute's value; a span has the tag as its name.
 *
 * Threads: a worker owns its struct worker; what is shared is constant once they run, or atomic. */
#include <burr/burr.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	APPS_MAX = 64,
	THREADS_MAX = 64,
	NAME_BYTES = 64,
	FILL_MAX = 1 << 20,
	TRY_S = 20,         /* to open a tracker or make an application while the store fails */
	TRY_PAUSE_US = 5000 /* between tries */
};

static const char project[] = "project";

/* ---- orders ---- */

struct app {
	char id[NAME_BYTES];
	_Atomic long long next; /* the sequence id of its next step in this process */
};

/* A number of -1 means never. "At" is a step of the first thread. */
static struct plan {
	const char *store;
	char process[NAME_BYTES];
	struct app apps[APPS_MAX]; /* thread i records in apps[i % app_count] */
	long long app_count;
	long long threads;
	long long steps;     /* of each thread */
	long long turns;     /* of a player */
	long long first;     /* 1: the player who begins */
	long long pace_us;   /* mean pause between steps, or between a checker's rounds */
	long long size;      /* most letters in an ordinary record */
	long long big_every; /* one step in so many has a record of big_size letters; 0: none */
	long long big_size;
	long long load_every;  /* one step in so many is followed by a load; 0: none */
	long long resume;      /* 1: load each application before the first step, and number on from there */
	long long wait_ms;     /* the policy */
	long long queue_bytes; /* the policy */
	long long flush_ms;    /* before the end */
	long long fork_at;
	long long kill_at; /* SIGKILL to itself */
	long long closefrom_at;
	long long idle;    /* 1: the first thread runs only when nobody else wants to (SCHED_IDLE) … */
	long long spin_ms; /* … and as many threads as there are cores spin for so long */
	long long seed;
	const char *end;      /* close, exit, _exit, kill */
	const char *fork_end; /* the forked child's */
} plan = {
	.threads = 1,
	.steps = 10,
	.turns = 10,
	.big_size = 100000,
	.wait_ms = 1000,
	.queue_bytes = 64 << 20,
	.flush_ms = 20000,
	.fork_at = -1,
	.kill_at = -1,
	.closefrom_at = -1,
	.seed = 1,
	.end = "close",
	.fork_end = "close",
};

static const struct option {
	const char *key;
	size_t offset;
} options[] = {
	{"threads", offsetof(struct plan, threads)},
	{"steps", offsetof(struct plan, steps)},
	{"turns", offsetof(struct plan, turns)},
	{"first", offsetof(struct plan, first)},
	{"pace_us", offsetof(struct plan, pace_us)},
	{"size", offsetof(struct plan, size)},
	{"big_every", offsetof(struct plan, big_every)},
	{"big_size", offsetof(struct plan, big_size)},
	{"load_every", offsetof(struct plan, load_every)},
	{"resume", offsetof(struct plan, resume)},
	{"wait_ms", offsetof(struct plan, wait_ms)},
	{"queue_bytes", offsetof(struct plan, queue_bytes)},
	{"flush_ms", offsetof(struct plan, flush_ms)},
	{"fork_at", offsetof(struct plan, fork_at)},
	{"kill_at", offsetof(struct plan, kill_at)},
	{"closefrom_at", offsetof(struct plan, closefrom_at)},
	{"idle", offsetof(struct plan, idle)},
	{"spin_ms", offsetof(struct plan, spin_ms)},
	{"seed", offsetof(struct plan, seed)},
};

static burr_tracker *tracker;
static char fill[FILL_MAX];
static atomic_int spinning;

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", plan.process, what, why);
	_exit(1);
}

static void read_apps(const char *list)
{
	while (*list && plan.app_count < APPS_MAX) {
		size_t len = strcspn(list, ",");
		snprintf(plan.apps[plan.app_count++].id, NAME_BYTES, "%.*s", (int)len, list);
		list += len + (list[len] == ',');
	}
}

static void read_option(const char *arg)
{
	const char *value = strchr(arg, '=');
	size_t key_len = value ? (size_t)(value++ - arg) : 0;
	for (size_t i = 0; value && i < sizeof(options) / sizeof(*options); i++)
		if (strlen(options[i].key) == key_len && strncmp(options[i].key, arg, key_len) == 0) {
			long long number = atoll(value);
			memcpy((char *)&plan + options[i].offset, &number, sizeof(number));
			return;
		}
	if (strncmp(arg, "apps=", 5) == 0)
		read_apps(value);
	else if (strncmp(arg, "end=", 4) == 0)
		plan.end = value;
	else if (strncmp(arg, "fork_end=", 9) == 0)
		plan.fork_end = value;
	else
		die("unknown order", arg);
}

/* ---- telling ---- */

static long long now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

static BURR_PRINTF(1, 2) void tell(const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	int len = 1 + vsnprintf(line + 1, sizeof(line) - 4, format, args);
	va_end(args);
	line[0] = '\n';
	memcpy(line + len, " .\n", 3);
	if (write(1, line, (size_t)len + 3) != len + 3)
		die("tell", strerror(errno));
}

/* ---- calls, each told ---- */

struct worker {
	int index;
	long long count; /* of tags */
	uint64_t random;
	struct app *app;
	burr_tracker_app *handle;
	char *text; /* the JSON at hand */
	pthread_t thread;
};

enum kind { CREATE, BEGIN, SPAN, ATTRIBUTE, END };
static const char *const kind_names[] = {"create", "begin", "span", "attribute", "end"};

static uint64_t draw(struct worker *worker, uint64_t below)
{
	worker->random ^= worker->random << 13;
	worker->random ^= worker->random >> 7;
	worker->random ^= worker->random << 17;
	return below ? (worker->random >> 11) % below : 0;
}

static void pause_us(uint64_t us)
{
	struct timespec time = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
	nanosleep(&time, NULL);
}

static burr_status call(struct worker *worker, enum kind kind, long long seq, const char *tag)
{
	static const burr_action_info action = {"work", "n", "n", "", "int n;"};
	static const burr_transition_info transition = {"work", "work", NULL};
	burr_app_info info = BURR_APP_INFO_INIT;
	char span_id[32];
	switch (kind) {
	case CREATE:
		info.app_id = worker->app->id;
		info.entrypoint = "work";
		info.actions = &action;
		info.action_count = 1;
		info.transitions = &transition;
		info.transition_count = 1;
		return burr_tracker_create_app(tracker, &info, &worker->handle, NULL);
	case BEGIN:
		return burr_tracker_begin_step(worker->handle, seq, "work", worker->text, NULL);
	case SPAN:
		snprintf(span_id, sizeof(span_id), "%lld:0", seq);
		return burr_tracker_begin_span(worker->handle, seq, span_id, tag, NULL, NULL, 0);
	case ATTRIBUTE:
		return burr_tracker_log_attribute(worker->handle, seq, NULL, "note", worker->text, NULL, 0);
	case END:
		break;
	}
	return burr_tracker_end_step(worker->handle, seq, "work", NULL, NULL, worker->text);
}

static burr_status record(struct worker *worker, enum kind kind, long long seq, size_t size)
{
	char tag[NAME_BYTES + 32];
	snprintf(tag, sizeof(tag), "%s.%d.%lld", plan.process, worker->index, worker->count++);
	snprintf(worker->text, FILL_MAX, "{\"tag\":\"%s\",\"n\":%lld,\"fill\":\"%.*s\"}", tag, seq, (int)size,
		fill);
	tell("B %lld %s %s %s %lld %zu", now_ns(), tag, worker->app->id, kind_names[kind], seq, size);
	burr_status status = call(worker, kind, seq, tag);
	tell("R %lld %s %s", now_ns(), tag, burr_status_name(status));
	return status;
}

/* The sequence id that was found; -1: none. */
static long long load(const char *app_id)
{
	burr_error err = BURR_ERROR_INIT;
	burr_loaded *loaded = NULL;
	char tag[NAME_BYTES + 32] = "-";
	long long began = now_ns();
	burr_status status = burr_load(plan.store, project, app_id, NULL, BURR_LAST_STEP, &loaded, &err);
	long long ended = now_ns();
	if (loaded)
		sscanf(loaded->state_json, "{\"tag\":\"%90[^\"]", tag);
	long long found = loaded ? loaded->sequence_id : -1;
	tell("L %lld %lld %s %s %s %lld %s %zu %.200s", began, ended, plan.process, app_id,
		burr_status_name(status), found, tag, loaded ? strlen(loaded->state_json) : 0, err.message);
	burr_free(loaded);
	return found;
}

static void open_tracker(void)
{
	burr_error err = BURR_ERROR_INIT;
	burr_tracker_options how = BURR_TRACKER_OPTIONS_INIT;
	how.project = project;
	how.store = plan.store;
	how.wait_ms = (uint32_t)plan.wait_ms;
	how.queue_bytes = (uint64_t)plan.queue_bytes;
	long long deadline = now_ns() + TRY_S * 1000000000LL;
	while (burr_tracker_open(&how, &tracker, &err) != BURR_OK) {
		if (now_ns() > deadline)
			die("open", err.message);
		pause_us(TRY_PAUSE_US);
	}
}

static void create_app(struct worker *worker)
{
	long long deadline = now_ns() + TRY_S * 1000000000LL;
	for (;;) {
		burr_status status = record(worker, CREATE, 0, 0);
		if (status == BURR_OK || status == BURR_ELATER)
			return;
		if (now_ns() > deadline)
			die("create", burr_status_name(status));
		pause_us(TRY_PAUSE_US);
	}
}

static _Noreturn void end(const char *how)
{
	burr_tracker_stats stats = {.size = sizeof(stats)};
	if (strcmp(how, "kill") == 0)
		raise(SIGKILL);
	if (strcmp(how, "_exit") == 0)
		_exit(0);
	if (strcmp(how, "exit") == 0)
		exit(0);
	burr_status flushed = burr_tracker_flush(tracker, (uint32_t)plan.flush_ms, NULL);
	burr_tracker_get_stats(tracker, &stats);
	burr_status closed = burr_tracker_close(tracker, NULL);
	tell("E %lld %s %s %s %llu %llu %llu", now_ns(), plan.process, burr_status_name(flushed),
		burr_status_name(closed), (unsigned long long)stats.record_count,
		(unsigned long long)stats.stored_count, (unsigned long long)stats.dropped_count);
	exit(0);
}

/* ---- recording ---- */

static void init_worker(struct worker *worker, int index)
{
	worker->index = index;
	worker->app = &plan.apps[plan.app_count ? index % plan.app_count : 0];
	worker->random = (uint64_t)plan.seed * 0x9e3779b97f4a7c15 + (uint64_t)index * 0x2545f4914f6cdd1d + 1;
	worker->text = malloc(FILL_MAX);
	if (!worker->text)
		die("text", "no memory");
}

static void record_step(struct worker *worker)
{
	long long seq = worker->app->next++;
	bool big = plan.big_every && draw(worker, (uint64_t)plan.big_every) == 0;
	size_t size = big ? (size_t)plan.big_size : (size_t)draw(worker, (uint64_t)plan.size + 1);
	record(worker, BEGIN, seq, draw(worker, 30));
	if (draw(worker, 4) == 0)
		record(worker, SPAN, seq, 0);
	if (draw(worker, 4) == 0)
		record(worker, ATTRIBUTE, seq, size);
	record(worker, END, seq, size);
	if (plan.load_every && draw(worker, (uint64_t)plan.load_every) == 0)
		load(worker->app->id);
}

/* The child goes on alone, with the handle and the numbers that it inherited. */
static void fork_here(struct worker *worker)
{
	long long began = now_ns(); /* what returned before this is before all that the child records */
	pid_t child = fork();
	if (child < 0)
		die("fork", strerror(errno));
	if (child == 0) {
		strncat(plan.process, "f", sizeof(plan.process) - strlen(plan.process) - 1);
		plan.fork_at = plan.kill_at = plan.closefrom_at = -1;
		plan.end = plan.fork_end;
		worker->count = 0;
		tell("U %lld %s %s", began, plan.process, worker->app->id);
	}
}

static void take_orders(struct worker *worker, long long step)
{
	if (worker->index != 0)
		return;
	if (step == plan.fork_at)
		fork_here(worker);
	if (step == plan.closefrom_at)
		closefrom(3);
	if (step == plan.kill_at)
		raise(SIGKILL);
}

static void *run_worker(void *arg)
{
	struct worker *worker = arg;
	char before[NAME_BYTES];
	snprintf(before, sizeof(before), "%s", plan.process);
	if (plan.idle && worker->index == 0) {
		struct sched_param param = {0};
		sched_setscheduler(0, SCHED_IDLE, &param);
	}
	if (plan.resume) {
		long long found = load(worker->app->id);
		long long next = worker->app->next;
		while (found + 1 > next &&
			!atomic_compare_exchange_weak(&worker->app->next, &next, found + 1)) {
		}
	}
	create_app(worker);
	for (long long step = 0; step < plan.steps; step++) {
		take_orders(worker, step);
		record_step(worker);
		pause_us(draw(worker, 2 * (uint64_t)plan.pace_us + 1));
	}
	if (strcmp(before, plan.process) != 0) /* a forked child is nobody's thread to join */
		end(plan.end);
	return NULL;
}

static void *spin(void *arg)
{
	long long until = now_ns() + plan.spin_ms * 1000000;
	while (atomic_load((atomic_int *)arg) && now_ns() < until) {
	}
	return NULL;
}

static void run_record(void)
{
	static struct worker workers[THREADS_MAX];
	pthread_t spinner;
	open_tracker();
	spinning = 1;
	for (long i = 0; plan.spin_ms && i < sysconf(_SC_NPROCESSORS_ONLN); i++)
		if (pthread_create(&spinner, NULL, spin, &spinning) == 0)
			pthread_detach(spinner);
	long long threads = plan.threads < THREADS_MAX ? plan.threads : THREADS_MAX;
	for (int i = 0; i < threads; i++) {
		init_worker(&workers[i], i);
		if (pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]) != 0)
			die("thread", strerror(errno));
	}
	for (int i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	spinning = 0;
	while (wait(NULL) > 0) {
	}
	end(plan.end);
}

/* ---- handing over ---- */

/* False when the other is gone. */
static bool take_turn(void)
{
	char turn;
	return recv(0, &turn, 1, 0) == 1;
}

static bool give_turn(void)
{
	return send(0, "", 1, MSG_NOSIGNAL) == 1;
}

static void run_hand(void)
{
	static struct worker worker;
	bool alone = false;
	open_tracker();
	init_worker(&worker, 0);
	create_app(&worker);
	for (long long turn = 0; turn < plan.turns; turn++) {
		if (!alone && !(plan.first && turn == 0))
			alone = !take_turn();
		long long found = load(worker.app->id); /* the referee knows what it must be */
		worker.app->next = found + 1;
		record_step(&worker);
		if (!alone)
			alone = !give_turn();
		pause_us(draw(&worker, 2 * (uint64_t)plan.pace_us + 1));
	}
	end(plan.end);
}

/* ---- looking ---- */

static void run_last(void)
{
	for (long long i = 0; i < plan.app_count; i++)
		load(plan.apps[i].id);
}

static void run_check(void)
{
	struct pollfd input = {.fd = 0, .events = POLLIN};
	do
		run_last();
	while (poll(&input, 1, (int)(plan.pace_us / 1000)) == 0);
}

static void run_touch(void)
{
	open_tracker();
	end("close");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {{"record", run_record}, {"hand", run_hand}, {"check", run_check}, {"last", run_last},
		{"touch", run_touch}};
	if (argc < 4) {
		fprintf(stderr, "usage: see the top of faults/writer.c\n");
		return 2;
	}
	plan.store = argv[2];
	snprintf(plan.process, sizeof(plan.process), "%s", argv[3]);
	memset(fill, 'x', sizeof(fill));
	for (int i = 4; i < argc; i++)
		read_option(argv[i]);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run();
			return 0;
		}
	die("unknown mode", argv[1]);
}
