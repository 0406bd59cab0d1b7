/* spool/dead_testing.h: spools of writers that were killed, for tests: a child process records through the
 * library while nothing can be appended, and gets SIGKILL. */
#ifndef SPOOL_DEAD_TESTING_H
#define SPOOL_DEAD_TESTING_H

#include "base/testing.h"

#include "base/clean.h"
#include "spool/held.h"
#include "spool/inside.h"
#include "spool/others.h"
#include "spool/recover.h"
#include "store/read.h"

#include <burr/tracker.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

enum { DEAD_MAX = 8, STATE_MAX = 16 << 10 };

struct fixture {
	char *folder;
	struct store *store;
	char names[DEAD_MAX][64]; /* of the spools, in the order of their making */
	size_t count;
	int held_fd; /* the right to append, held by the test; -1 */
};

/* In the child, whose spool it is. */
struct recording {
	const char *folder;
	burr_tracker *tracker;
	burr_tracker_app *app; /* "x" */
	bool held;             /* the test has the right to append: nothing is stored at all */
	int64_t next;          /* sequence id; runs through all children of a test */
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *folder = NULL;
	if (!f || testing_make_folder(&folder) != 0)
		return -1;
	f->folder = folder;
	f->held_fd = -1;
	*state = f;
	return store_open(f->folder, STORE_WRITE, &f->store, NULL) == BURR_OK ? 0 : -1;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	void *folder = f->folder;
	store_close(f->store);
	fd_close(&f->held_fd);
	testing_remove_folder(&folder);
	free(f);
	return 0;
}

/* ---- in the child ---- */

static inline void child_check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "child: %s\n", what);
	_exit(1);
}

static inline int lock_append(const char *folder)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/.burr-append", folder);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX) == 0 ? fd : -1;
}

/* From here on nothing leaves the spool: somebody has the right to append until this process ends. */
static inline void hold_append(const struct recording *r)
{
	child_check(r->held || lock_append(r->folder) >= 0, "lock .burr-append");
}

static inline burr_tracker_app *make_app(struct recording *r, const char *app_id)
{
	burr_app_info info = BURR_APP_INFO_INIT;
	burr_tracker_app *app = NULL;
	burr_error err = BURR_ERROR_INIT;
	info.app_id = app_id;
	burr_status status = burr_tracker_create_app(r->tracker, &info, &app, &err);
	child_check(status == (r->held ? BURR_ELATER : BURR_OK) && app, err.message);
	return app;
}

/* A step's end, with a state of this many bytes at the least. */
static inline void record_step(burr_tracker_app *app, int64_t sequence_id, size_t state_len)
{
	char state[STATE_MAX];
	memset(state, ' ', state_len);
	snprintf(state + state_len, sizeof(state) - state_len, "{\"i\":%lld}", (long long)sequence_id);
	child_check(burr_tracker_end_step(app, sequence_id, "a", NULL, NULL, state) == BURR_OK, "record");
}

static inline void record_steps(struct recording *r, int count, size_t state_len)
{
	for (int i = 0; i < count; i++)
		record_step(r->app, r->next++, state_len);
}

typedef void script_fn(struct recording *r);

static inline void open_tracker_for(struct recording *r, const char *app_id)
{
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	burr_error err = BURR_ERROR_INIT;
	options.project = "p";
	options.store = r->folder;
	options.wait_ms = r->held ? 100 : 20000;
	child_check(burr_tracker_open(&options, &r->tracker, &err) == BURR_OK, err.message);
	r->app = make_app(r, app_id);
}

static inline void open_tracker(struct recording *r)
{
	open_tracker_for(r, "x");
}

static inline void run_child(const struct fixture *f, script_fn *script, int64_t first, int ready_fd)
{
	struct recording r = {.folder = f->folder, .held = f->held_fd >= 0, .next = first};
	open_tracker(&r);
	script(&r);
	child_check(write(ready_fd, &r.next, sizeof(r.next)) == sizeof(r.next), "pipe");
	for (;;)
		pause();
}

static inline void record_ten(struct recording *r)
{
	hold_append(r);
	record_steps(r, 10, 0);
}

/* A record of x, more than a batch of y, and another record of x. */
static inline void record_around_a_batch(struct recording *r)
{
	enum { FULL_BATCH = 2 * BATCH_BYTES / 8000 };
	burr_tracker_app *y = make_app(r, "y");
	hold_append(r);
	record_steps(r, 1, 0);
	for (int i = 0; i < FULL_BATCH; i++)
		record_step(y, i, 8000);
	record_steps(r, 1, 0);
}

/* ---- in the test ---- */

static inline void note_new_spool(struct fixture *f)
{
	DIR *dir = opendir(f->folder);
	struct dirent *file;
	assert_non_null(dir);
	while ((file = readdir(dir))) {
		bool known = !spool_name_is(file->d_name);
		for (size_t i = 0; i < f->count; i++)
			known = known || strcmp(f->names[i], file->d_name) == 0;
		if (known)
			continue;
		assert_true(f->count < DEAD_MAX);
		memcpy(f->names[f->count++], file->d_name, strlen(file->d_name) + 1);
	}
	closedir(dir);
}

/* From here until let_append a child's records stay in its spool, and it recovers nothing. */
static inline void keep_append(struct fixture *f)
{
	f->held_fd = lock_append(f->folder);
	assert_true(f->held_fd >= 0);
}

static inline void let_append(struct fixture *f)
{
	assert_int_equal(flock(f->held_fd, LOCK_UN), 0);
	fd_close(&f->held_fd);
}

/* Leave a dead writer's spool. Returns the next sequence id. */
static inline int64_t make_dead(struct fixture *f, script_fn *script, int64_t first)
{
	int ready[2];
	int64_t next = -1;
	const size_t before = f->count;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		run_child(f, script, first, ready[1]);
	close(ready[1]);
	ssize_t got = read(ready[0], &next, sizeof(next));
	close(ready[0]);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(got, sizeof(next));
	note_new_spool(f);
	assert_int_equal(f->count, before + 1);
	return next;
}

static inline int open_dead(struct fixture *f, size_t i, int flags)
{
	int fd = spool_open(f->store->dir_fd, f->names[i], flags);
	assert_true(fd >= 0);
	return fd;
}

static inline int open_spill(struct fixture *f, size_t i, int flags)
{
	char name[SPILL_NAME_MAX];
	spill_name(name, f->names[i] + sizeof(SPOOL_PREFIX) - 1);
	return openat(f->store->dir_fd, name, flags | O_CLOEXEC, 0600);
}

static inline struct spool_lane_head read_lane_head(int fd, uint32_t lane)
{
	struct spool_lane_head head;
	assert_int_equal(
		pread(fd, &head, sizeof(head), (off_t)(SPOOL_HEADS_AT + lane * sizeof(head))), sizeof(head));
	return head;
}

static inline void write_at(int fd, const void *bytes, size_t len, uint64_t at)
{
	assert_int_equal(pwrite(fd, bytes, len, (off_t)at), (ssize_t)len);
}

static inline void read_at(int fd, void *bytes, size_t len, uint64_t at)
{
	assert_int_equal(pread(fd, bytes, len, (off_t)at), (ssize_t)len);
}

static inline struct recovered recover(struct fixture *f)
{
	struct recovered got = {0};
	recover_store(f->store, &got);
	return got;
}

static inline void unlock_log(void *fd, struct slice project, struct slice app_id)
{
	(void)project;
	if (slice_eq(app_id, SLICE_LIT("y")))
		assert_int_equal(flock(*(int *)fd, LOCK_UN), 0);
}

/* The log takes records again before the recovery is through: a later record there would say that those
 * before it are there, too. */
static inline void recover_with_x_locked_at_first(struct fixture *f, struct recovered *got)
{
	int fd = openat(f->store->dir_fd, "p/x/log.jsonl", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	struct others *others = others_new(f->store, SLICE_NONE);
	struct appender_options options = {
		.log_max = 8,
		.on_appended = unlock_log,
		.ctx = &fd,
		.begin_others = others_begin,
		.find_others = others_find,
		.others = others,
	};
	struct appender *appender = appender_new(f->store, &options);
	assert_true(appender && others);
	recover_shared(f->store, appender, others, got);
	appender_free(appender);
	others_free(others);
	close(fd);
}

/* ---- what stands in the log ---- */

/* The sequence ids of an application's lines are those from 0 below count, each once, in their order. */
static inline void assert_log_counts(struct fixture *f, const char *app_id, int64_t count)
{
	char path[100];
	struct log_reader reader;
	struct log_line line;
	int64_t next = 0;
	snprintf(path, sizeof(path), "p/%s/log.jsonl", app_id);
	int fd = openat(f->store->dir_fd, path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	log_reader_init(&reader, fd, 0);
	while (log_reader_next(&reader, &line)) {
		struct line_record record;
		assert_true(line_read(line.text, &record));
		if (record.sequence_id != next)
			fail_msg("%s: step %lld stands where %lld belongs", app_id,
				(long long)record.sequence_id, (long long)next);
		next++;
	}
	log_reader_fini(&reader);
	close(fd);
	if (next != count)
		fail_msg("%s: %lld of %lld steps", app_id, (long long)next, (long long)count);
}

/* Nothing of any spool is left in the store. */
static inline void assert_no_spools(struct fixture *f)
{
	DIR *dir = opendir(f->folder);
	struct dirent *file;
	assert_non_null(dir);
	while ((file = readdir(dir)))
		if (strncmp(file->d_name, SPOOL_PREFIX, sizeof(SPOOL_PREFIX) - 1) == 0)
			fail_msg("%s is left", file->d_name);
	closedir(dir);
}

#endif
