/* The appender on a disk that fails: the n-th call of each kind, for each n; what is synced when; what a
 * crash of the machine or of a process leaves. The library's system calls go through the wrappers here (ld
 * --wrap). */
#include "store/append_testing.h"

#include "base/clock.h"
#include "base/json.h"

#include <errno.h>
#include <time.h>

/* ---- the calls ---- */

enum call {
	CALL_WRITE,
	CALL_OPENAT,
	CALL_LINKAT,
	CALL_FTRUNCATE,
	CALL_FSYNC,
	CALL_FDATASYNC,
	CALL_SYNCFS,
	CALL_PWRITE,
	CALL_MKDIRAT,
	CALL_COUNT
};

static struct {
	unsigned made[CALL_COUNT];
	enum call failing;
	unsigned fail_at;    /* the n-th `failing` from now on; 0: none */
	bool fail_on;        /* and all after it */
	bool halve;          /* a write does half of it first, and fails when it is called for the rest */
	bool pwrites_fail;   /* besides */
	const char *foreign; /* what somebody else appends behind the half */
	int error;
	int64_t clock_ns; /* how far the clock was put forward */
} faults;

static bool fails(enum call call)
{
	faults.made[call]++;
	if (call != faults.failing || !faults.fail_at)
		return false;
	if (faults.fail_at > 1) {
		faults.fail_at--;
		return false;
	}
	faults.fail_at = faults.fail_on ? 1 : 0;
	errno = faults.error;
	return true;
}

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
	if (!fails(CALL_WRITE))
		return __real_write(fd, bytes, len);
	if (!faults.halve || len < 2)
		return -1;
	faults.halve = false;
	faults.fail_at = 1;
	ssize_t put = __real_write(fd, bytes, len / 2);
	if (faults.foreign) {
		char path[32];
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		int theirs = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		assert_int_equal(__real_write(theirs, faults.foreign, strlen(faults.foreign)),
			(ssize_t)strlen(faults.foreign));
		close(theirs);
	}
	return put;
}

ssize_t __real_pwrite(int fd, const void *bytes, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	return fails(CALL_PWRITE) || faults.pwrites_fail ? -1 : __real_pwrite(fd, bytes, len, offset);
}

int __real_openat(int dir_fd, const char *path, int flags, ...);
int __wrap_openat(int dir_fd, const char *path, int flags, ...);
int __wrap_openat(int dir_fd, const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails(CALL_OPENAT) ? -1 : __real_openat(dir_fd, path, flags, mode);
}

int __real_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags);
int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags);
int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	return fails(CALL_LINKAT) ? -1 : __real_linkat(from_fd, from, to_fd, to, flags);
}

int __real_mkdirat(int dir_fd, const char *path, mode_t mode);
int __wrap_mkdirat(int dir_fd, const char *path, mode_t mode);
int __wrap_mkdirat(int dir_fd, const char *path, mode_t mode)
{
	return fails(CALL_MKDIRAT) ? -1 : __real_mkdirat(dir_fd, path, mode);
}

int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len)
{
	return fails(CALL_FTRUNCATE) ? -1 : __real_ftruncate(fd, len);
}

/* Nothing is really synced: the tests only count. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	(void)fd;
	return fails(CALL_FSYNC) ? -1 : 0;
}

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	(void)fd;
	return fails(CALL_FDATASYNC) ? -1 : 0;
}

int __wrap_syncfs(int fd);
int __wrap_syncfs(int fd)
{
	(void)fd;
	return fails(CALL_SYNCFS) ? -1 : 0;
}

int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	int status = __real_clock_gettime(clock, out);
	int64_t now_ns = (int64_t)out->tv_sec * 1000000000 + out->tv_nsec + faults.clock_ns;
	out->tv_sec = now_ns / 1000000000;
	out->tv_nsec = now_ns % 1000000000;
	return status;
}

static void arm(enum call call, unsigned at, int error)
{
	faults.failing = call;
	faults.fail_at = at;
	faults.error = error;
	faults.fail_on = faults.halve = false;
}

static unsigned sync_count(void)
{
	return faults.made[CALL_FSYNC] + faults.made[CALL_FDATASYNC] + faults.made[CALL_SYNCFS];
}

static void forget_calls(void)
{
	memset(faults.made, 0, sizeof(faults.made));
}

static int setup_faults(void **state)
{
	memset(&faults, 0, sizeof(faults));
	return setup(state);
}

/* ---- each call fails once ---- */

/* A short life: two applications, one the other's child, and records of both in several batches. */
enum { SCRIPT_BATCHES = 4 };

static void put_script(struct fixture *f, int batch)
{
	begin(f, WRITER_A);
	if (batch == 0) {
		add_application(f, "x");
		add(f, "x", 0, 1, 0);
		add(f, "x", 0, 2, 0);
	} else if (batch == 1) {
		add_child(f, "y", "x");
		add(f, "y", 0, 3, 0);
		add(f, "x", 0, 4, 0);
	} else {
		add(f, "x", 0, (uint64_t)batch * 4, 0);
		add(f, "y", 0, (uint64_t)batch * 4 + 1, 0);
		add(f, "x", 0, (uint64_t)batch * 4 + 2, 0);
	}
}

/* Send until all is DONE, as a writer does; NEVER would be a loss. */
static void put_until_done(struct fixture *f, struct appender *a)
{
	for (int attempt = 0; attempt < 6; attempt++) {
		bool done = put(f, a) == VERDICT_DONE;
		struct verdict verdict;
		struct pb_reader r = pb_reader(buf_slice(&f->reply));
		while (reply_next_verdict(&r, &verdict)) {
			if (verdict.kind == VERDICT_NEVER)
				fail_msg("never: %.*s", SLICE_ARG(verdict.reason));
			done = done && verdict.kind == VERDICT_DONE;
		}
		if (done)
			return;
		faults.clock_ns += 25000000; /* a torn tail is old enough now */
	}
	fail_msg("still later: %.*s", SLICE_ARG(buf_slice(&f->reply)));
}

static void assert_files_whole(struct fixture *f)
{
	static const char *const names[] = {
		"p/x/graph.json", "p/x/metadata.json", "p/y/graph.json", "p/y/metadata.json"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *text = testing_read(f->folder, names[i]);
		assert_int_equal(json_validate(slice_of(text), NULL, NULL), BURR_OK);
		free(text);
	}
	char *children = testing_read(f->folder, "p/x/children.jsonl");
	size_t count = 0;
	for (const char *pos = children; (pos = strstr(pos, "\"app_id\":\"y\"")); pos++)
		count++;
	assert_int_equal(count, 1);
	free(children);
}

/* False when the run was over before the n-th call of this kind. */
static bool run_with_fault(enum call call, unsigned n, int error, bool halve, enum durability durability)
{
	void *state = NULL;
	assert_int_equal(setup_faults(&state), 0);
	struct fixture *f = state;
	f->store->durability = durability;
	struct appender_options options = {.log_max = 8, .alone = true, .sync_first = true};
	struct appender *a = new_appender_with(f, &options);
	arm(call, n, error);
	faults.halve = halve;
	for (int batch = 0; batch < SCRIPT_BATCHES; batch++) {
		put_script(f, batch);
		put_until_done(f, a);
		(void)appender_sync(a, NULL); /* may be what fails */
	}
	bool happened = !faults.fail_at;
	arm(CALL_COUNT, 0, 0);
	assert_int_equal(appender_sync(a, NULL), BURR_OK);
	assert_true(appender_sync_due(a) == INT64_MAX);
	appender_free(a);
	/* Whoever comes next, and is sent all of it again, finds all of it. */
	a = new_appender_with(f, &options);
	for (int batch = 0; batch < SCRIPT_BATCHES; batch++) {
		put_script(f, batch);
		put_until_done(f, a);
	}
	appender_free(a);
	assert_log(f, "x", "a.0.1 a.0.2 a.0.4 a.0.8 a.0.10 a.0.12 a.0.14");
	assert_log(f, "y", "a.0.3 a.0.9 a.0.13");
	assert_files_whole(f);
	teardown(&state);
	return happened;
}

static void each_call_may_fail_once(void **state)
{
	static const int errors[] = {ENOSPC, EROFS, EIO, EMFILE, EDQUOT, EUCLEAN, ESTALE};
	(void)state;
	for (int call = 0; call < CALL_COUNT; call++) {
		for (int durability = DURABILITY_OS; durability <= DURABILITY_POWER; durability++) {
			unsigned n = 1;
			while (run_with_fault(
				(enum call)call, n, errors[n % 7], false, (enum durability)durability))
				n++;
			assert_true(n < 100);
		}
	}
}

static void each_write_may_be_cut_short(void **state)
{
	(void)state;
	unsigned n = 1;
	while (run_with_fault(CALL_WRITE, n, ENOSPC, true, DURABILITY_OS))
		n++;
	assert_true(n > 5 && n < 100);
}

/* Neither can the half be blanked: the next append makes it good. */
static void half_a_write_that_stays_is_mended(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	begin(f, WRITER_A);
	add(f, "x", 0, 1, 0);
	put_until_done(f, a);
	begin(f, WRITER_A);
	add(f, "x", 0, 2, 0);
	add(f, "x", 0, 3, 0);
	add(f, "x", 0, 4, 0);
	arm(CALL_WRITE, 1, ENOSPC);
	faults.halve = true;
	faults.pwrites_fail = true;
	assert_int_equal(put(f, a), VERDICT_LATER);
	faults.pwrites_fail = false;
	arm(CALL_COUNT, 0, 0);
	put_until_done(f, a);
	assert_log(f, "x", "a.0.1 a.0.2 a.0.3 a.0.4");
	appender_free(a);
}

/* Somebody else wrote behind the half meanwhile: their lines stay whole, and of ours none is damaged. */
static void half_a_write_with_another_s_behind_it_is_blanked(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	begin(f, WRITER_A);
	for (uint64_t n = 1; n <= 9; n++)
		add(f, "x", 0, n, 0);
	arm(CALL_WRITE, 1, ENOSPC);
	faults.halve = true;
	faults.foreign = "{\"type\":\"theirs\"}\n{\"type\":\"theirs, too\"}\n";
	assert_int_equal(put(f, a), VERDICT_LATER);
	arm(CALL_COUNT, 0, 0);
	faults.foreign = NULL;
	put_until_done(f, a);
	assert_log(f, "x", "a.0.1 a.0.2 a.0.3 a.0.4 a.0.5 a.0.6 a.0.7 a.0.8 a.0.9");
	char *text = testing_read(f->folder, "p/x/log.jsonl");
	size_t count = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), count++)
		assert_int_equal(json_validate(slice_of(line), NULL, NULL), BURR_OK);
	assert_int_equal(count, 11);
	free(text);
	appender_free(a);
}

/* The halves of a disk that lets in one more piece again and again: whole lines count, and stay. */
static void halves_after_halves_come_to_an_end(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	begin(f, WRITER_A);
	for (uint64_t n = 1; n <= 9; n++)
		add(f, "x", 0, n, 0);
	for (int i = 0; i < 4; i++) {
		arm(CALL_WRITE, 1, ENOSPC);
		faults.halve = true;
		assert_int_equal(put(f, a), VERDICT_LATER);
	}
	arm(CALL_COUNT, 0, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_log(f, "x", "a.0.1 a.0.2 a.0.3 a.0.4 a.0.5 a.0.6 a.0.7 a.0.8 a.0.9");
	char *text = testing_read(f->folder, "p/x/log.jsonl");
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_int_equal(json_validate(slice_of(line), NULL, NULL), BURR_OK);
	free(text);
	appender_free(a);
}

/* ---- durability ---- */

static void put_one(struct fixture *f, const char *app_id, uint64_t n)
{
	begin(f, WRITER_A);
	add(f, app_id, 0, n, 0);
}

static void durability_os_syncs_nothing(void **state)
{
	struct fixture *f = *state;
	struct appender_options options = {.log_max = 8, .alone = true, .sync_first = true};
	struct appender *a = new_appender_with(f, &options);
	make_app(f, a, "x");
	put_one(f, "x", 1);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_true(appender_sync_due(a) == INT64_MAX);
	appender_free(a);
	assert_int_equal(sync_count(), 0);
}

static void durability_power_syncs_before_it_answers(void **state)
{
	struct fixture *f = *state;
	struct appender_options options = {.log_max = 8, .alone = true, .sync_first = true};
	f->store->durability = DURABILITY_POWER;
	struct appender *a = new_appender_with(f, &options);
	make_app(f, a, "x");
	assert_int_equal(faults.made[CALL_SYNCFS], 1);    /* what a dead holder may have left */
	assert_int_equal(faults.made[CALL_FDATASYNC], 2); /* metadata.json, graph.json */
	assert_int_equal(faults.made[CALL_FSYNC], 3);     /* application, project, store */
	forget_calls();
	put_one(f, "x", 1);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(faults.made[CALL_FDATASYNC], 1);
	assert_int_equal(sync_count(), 1);
	assert_int_equal(put(f, a), VERDICT_DONE); /* a duplicate that is synced */
	assert_int_equal(sync_count(), 1);
	assert_true(appender_sync_due(a) == INT64_MAX);
	appender_free(a);
	/* A duplicate of a log that somebody else left is DONE after a sync. */
	options.sync_first = false;
	a = new_appender_with(f, &options);
	forget_calls();
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(sync_count(), 1);
	appender_free(a);
}

/* Burr makes a folder without a log: the log that is made there is new in its folder. */
static void a_new_log_syncs_its_folder(void **state)
{
	struct fixture *f = *state;
	f->store->durability = DURABILITY_POWER;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	assert_int_equal(unlinkat(f->store->dir_fd, "p/x/log.jsonl", 0), 0);
	forget_calls();
	put_one(f, "x", 1);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(faults.made[CALL_FDATASYNC], 1);
	assert_int_equal(faults.made[CALL_FSYNC], 1);
	appender_free(a);
}

static void many_logs_are_synced_at_once(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 64, true);
	char app_id[16];
	for (int i = 0; i < 17; i++) {
		snprintf(app_id, sizeof(app_id), "app%d", i);
		make_app(f, a, app_id);
	}
	f->store->durability = DURABILITY_POWER;
	for (uint64_t count = 16; count <= 17; count++) {
		begin(f, WRITER_A);
		for (uint64_t i = 0; i < count; i++) {
			snprintf(app_id, sizeof(app_id), "app%u", (unsigned)i);
			add(f, app_id, (uint32_t)count, i + 1, 0);
		}
		forget_calls();
		assert_int_equal(put(f, a), VERDICT_DONE);
		assert_int_equal(faults.made[CALL_FDATASYNC], count == 16 ? 16 : 0);
		assert_int_equal(faults.made[CALL_SYNCFS], count == 16 ? 0 : 1);
	}
	appender_free(a);
}

static void durability_group_syncs_within_100_ms(void **state)
{
	struct fixture *f = *state;
	struct appender_options options = {.log_max = 8, .alone = true, .sync_first = true};
	f->store->durability = DURABILITY_GROUP;
	struct appender *a = new_appender_with(f, &options);
	make_app(f, a, "x");
	assert_int_equal(sync_count(), 1); /* the first */
	int64_t due = appender_sync_due(a);
	assert_true(due <= clock_mono_ns() + 100000000);
	put_one(f, "x", 1);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(sync_count(), 1);
	assert_true(appender_sync_due(a) == due); /* of the oldest acknowledgement */
	assert_int_equal(appender_sync(a, NULL), BURR_OK);
	assert_int_equal(faults.made[CALL_SYNCFS], 2); /* folders are new */
	assert_true(appender_sync_due(a) == INT64_MAX);
	put_one(f, "x", 2);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(appender_sync(a, NULL), BURR_OK);
	assert_int_equal(faults.made[CALL_FDATASYNC], 1);
	/* What is closed for want of room, or at the end, was synced. */
	put_one(f, "x", 3);
	assert_int_equal(put(f, a), VERDICT_DONE);
	appender_free(a);
	assert_int_equal(faults.made[CALL_FDATASYNC], 2);
}

static void a_log_waits_for_its_sync_in_the_cache(void **state)
{
	struct fixture *f = *state;
	f->store->durability = DURABILITY_GROUP;
	struct appender *a = new_appender(f, 1, true);
	make_app(f, a, "x");
	make_app(f, a, "y");
	assert_int_equal(appender_sync(a, NULL), BURR_OK);
	forget_calls();
	put_one(f, "x", 1);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(sync_count(), 0);
	put_one(f, "y", 2);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(faults.made[CALL_FDATASYNC], 2);
	assert_true(appender_sync_due(a) == INT64_MAX);
	appender_free(a);
}

/* A second sync alone says nothing after one that failed: the bytes are written again first. */
static void after_a_failed_sync_the_bytes_are_written_again(void **state)
{
	struct fixture *f = *state;
	f->store->durability = DURABILITY_POWER;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	put_one(f, "x", 1);
	assert_int_equal(put(f, a), VERDICT_DONE);
	put_one(f, "x", 2);
	arm(CALL_FDATASYNC, 1, EIO);
	assert_int_equal(put(f, a), VERDICT_LATER);
	forget_calls();
	arm(CALL_PWRITE, 1, EIO);
	assert_int_equal(put(f, a), VERDICT_LATER);
	assert_int_equal(sync_count(), 0); /* not before the bytes are dirty again */
	arm(CALL_FDATASYNC, 1, EIO);
	faults.fail_on = true;
	assert_int_equal(put(f, a), VERDICT_LATER);
	put_one(f, "x", 3);
	assert_int_equal(put(f, a), VERDICT_LATER); /* nor anything else of this log */
	arm(CALL_COUNT, 0, 0);
	forget_calls();
	put_one(f, "x", 2);
	add(f, "x", 0, 3, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(faults.made[CALL_PWRITE], 1);
	assert_log(f, "x", "a.0.1 a.0.2 a.0.3");
	appender_free(a);
}

static void a_failed_group_sync_is_tried_again(void **state)
{
	struct fixture *f = *state;
	f->store->durability = DURABILITY_GROUP;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	assert_int_equal(appender_sync(a, NULL), BURR_OK);
	put_one(f, "x", 1);
	assert_int_equal(put(f, a), VERDICT_DONE);
	arm(CALL_FDATASYNC, 1, EIO);
	faults.fail_on = true;
	assert_int_equal(appender_sync(a, NULL), BURR_ELATER);
	assert_true(appender_sync_due(a) != INT64_MAX);
	put_one(f, "x", 2);
	assert_int_equal(put(f, a), VERDICT_LATER);
	arm(CALL_COUNT, 0, 0);
	forget_calls();
	assert_int_equal(appender_sync(a, NULL), BURR_OK);
	assert_int_equal(faults.made[CALL_PWRITE], 1);
	assert_true(appender_sync_due(a) == INT64_MAX);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_log(f, "x", "a.0.1 a.0.2");
	appender_free(a);
}

/* What a dead holder left is acknowledged by its numbers, so not before it is synced. */
static void the_first_sync_failing_makes_all_wait(void **state)
{
	struct fixture *f = *state;
	struct appender_options options = {.log_max = 8, .alone = true, .sync_first = true};
	f->store->durability = DURABILITY_GROUP;
	struct appender *a = new_appender_with(f, &options);
	begin(f, WRITER_A);
	add_application(f, "x");
	arm(CALL_SYNCFS, 1, EIO);
	assert_int_equal(put(f, a), VERDICT_LATER);
	assert_int_equal(faccessat(f->store->dir_fd, "p", F_OK, 0), -1);
	assert_int_equal(put(f, a), VERDICT_DONE);
	appender_free(a);
}

/* ---- what a crash leaves ---- */

static size_t count_whole_lines(struct slice text)
{
	size_t count = 0;
	for (const char *pos = text.data, *end = text.data + text.len; pos < end;) {
		const char *newline = memchr(pos, '\n', (size_t)(end - pos));
		if (!newline)
			return count;
		assert_int_equal(
			json_validate((struct slice){pos, (size_t)(newline - pos)}, NULL, NULL), BURR_OK);
		pos = newline + 1;
		count++;
	}
	return count;
}

/* The log as a crash may leave it, cut at each byte of its last two lines: what was whole stays, what was
 * torn is saved, and what comes next is whole. */
static void each_torn_tail_is_mended(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, true);
	char path[300];
	char torn_path[300];
	make_app(f, a, "x");
	begin(f, WRITER_A);
	for (uint64_t n = 1; n <= 3; n++)
		add(f, "x", 0, n, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	appender_free(a);
	snprintf(path, sizeof(path), "%s/p/x/log.jsonl", f->folder);
	snprintf(torn_path, sizeof(torn_path), "%s/p/x/log.jsonl.torn", f->folder);
	char *whole = testing_read(f->folder, "p/x/log.jsonl");
	size_t first_len = (size_t)(strchr(whole, '\n') + 1 - whole);
	for (size_t len = first_len; len <= strlen(whole); len++) {
		size_t kept = count_whole_lines((struct slice){whole, len});
		bool is_torn = whole[len - 1] != '\n';
		const char *tail = whole + len;
		while (tail[-1] != '\n')
			tail--;
		struct buf torn = BUF_INIT;
		buf_append(&torn, tail, (size_t)(whole + len - tail));
		buf_append_char(&torn, '\n');
		testing_write(f->folder, "p/x/log.jsonl", whole);
		assert_int_equal(truncate(path, (off_t)len), 0);
		unlink(torn_path);
		a = new_appender(f, 8, true);
		begin(f, WRITER_A);
		for (uint64_t n = 1; n <= 4; n++)
			add(f, "x", 0, n, 0);
		if (is_torn) {
			assert_int_equal(put(f, a), VERDICT_LATER);
			faults.clock_ns += 21000000;
		}
		assert_int_equal(put(f, a), VERDICT_DONE);
		appender_free(a);
		char *after = testing_read(f->folder, "p/x/log.jsonl");
		assert_memory_equal(after, whole, (size_t)(tail - whole));
		assert_int_equal(count_whole_lines(slice_of(after)), 4);
		assert_true(kept < 4);
		free(after);
		assert_log(f, "x", "a.0.1 a.0.2 a.0.3 a.0.4");
		if (is_torn) {
			char *saved = testing_read(f->folder, "p/x/log.jsonl.torn");
			assert_string_equal(saved, torn.data);
			free(saved);
		} else {
			assert_int_equal(access(torn_path, F_OK), -1);
		}
		buf_fini(&torn);
	}
	free(whole);
}

/* ---- .burr-store ---- */

static void assert_durability(struct fixture *f, const char *text, enum durability expected)
{
	struct store *store;
	testing_write(f->folder, ".burr-store", text);
	assert_int_equal(store_open(f->folder, STORE_WRITE, &store, NULL), BURR_OK);
	assert_int_equal(store->durability, expected);
	store_close(store);
}

static void durability_is_the_stores(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(f->store->durability, DURABILITY_OS);
	assert_durability(f, "{\"format\":1,\"durability\":\"group\"}", DURABILITY_GROUP);
	assert_durability(f, "{\"format\":1,\"durability\":\"power\"}", DURABILITY_POWER);
	assert_durability(f, "{\"format\":1,\"durability\":\"twice\"}", DURABILITY_POWER);
	assert_durability(f, "{\"format\":1,\"durability\":3}", DURABILITY_POWER);
	assert_durability(f, "{\"format\":1}", DURABILITY_OS);
	assert_durability(f, "", DURABILITY_OS);
	testing_write(f->folder, ".burr-store",
		"{\"format\":1,\"ke\\\"y\":[1, 2],\"durability\":\"os\",\"z\":null}\n");
	assert_int_equal(store_set_durability(f->store, DURABILITY_GROUP, NULL), BURR_OK);
	assert_int_equal(f->store->durability, DURABILITY_GROUP);
	char *text = testing_read(f->folder, ".burr-store");
	assert_string_equal(text, "{\"format\":1,\"durability\":\"group\",\"ke\\\"y\":[1, 2],\"z\":null}\n");
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_faults, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_may_fail_once),
		cmocka_unit_test(each_write_may_be_cut_short),
		TEST(half_a_write_that_stays_is_mended),
		TEST(half_a_write_with_another_s_behind_it_is_blanked),
		TEST(halves_after_halves_come_to_an_end),
		TEST(durability_os_syncs_nothing),
		TEST(durability_power_syncs_before_it_answers),
		TEST(a_new_log_syncs_its_folder),
		TEST(many_logs_are_synced_at_once),
		TEST(durability_group_syncs_within_100_ms),
		TEST(a_log_waits_for_its_sync_in_the_cache),
		TEST(after_a_failed_sync_the_bytes_are_written_again),
		TEST(a_failed_group_sync_is_tried_again),
		TEST(the_first_sync_failing_makes_all_wait),
		TEST(each_torn_tail_is_mended),
		TEST(durability_is_the_stores),
	};
	return cmocka_run_group_tests_name("append on a failing disk", tests, NULL, NULL);
}
