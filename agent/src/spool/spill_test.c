/* The spill file of a living writer on a disk that fails, or that gives back other bytes than it took. What
 * the library does to a spill file goes through the wrappers here (ld --wrap). */
#include "spool/dead_testing.h"

#include "spool/others.h"

#include <limits.h>
#include <sys/mman.h>

enum { STATE_LEN = 8000, WAIT_MS = 20000 };

/* ---- the disk ---- */

static _Atomic int read_fails_at; /* the n-th read of a spill file from now on; 0: none */
static _Atomic bool reads_fail;   /* each of them */
static _Atomic bool marks_fail;   /* writes of a word into one */
static _Atomic bool cuts_fail;    /* ftruncate of one */
static _Atomic bool memory_short; /* for what a batch takes */
static _Atomic size_t largest;    /* piece of memory that was asked for */
static _Atomic int read_count;
static _Atomic int short_count; /* pieces of memory that were not given */
static _Atomic useconds_t read_takes_us;

/* The process is killed in the first write of entries that are in the file already. */
enum kill { KILL_NEVER, KILL_BEFORE, KILL_HALF, KILL_AFTER };
static _Atomic int kill_in_copy;
static uint64_t newest_n;

static bool is_spill(int fd)
{
	char link[64];
	char path[PATH_MAX];
	snprintf(link, sizeof(link), "/proc/thread-self/fd/%d", fd);
	ssize_t len = readlink(link, path, sizeof(path) - 1);
	return len > 6 && memcmp(path + len - 6, SPOOL_SPILL_SUFFIX, 6) == 0;
}

ssize_t __real_pread(int fd, void *to, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t len, off_t at)
{
	if (len <= sizeof(uint32_t) || !is_spill(fd))
		return __real_pread(fd, to, len, at);
	read_count++;
	usleep(read_takes_us);
	if (!reads_fail && (!read_fails_at || --read_fails_at))
		return __real_pread(fd, to, len, at);
	errno = EIO;
	return -1;
}

void *__real_realloc(void *old, size_t len);
void *__wrap_realloc(void *old, size_t len);
void *__wrap_realloc(void *old, size_t len)
{
	if (len > largest)
		largest = len;
	if (!memory_short || len < BATCH_BYTES)
		return __real_realloc(old, len);
	short_count++;
	return NULL;
}

ssize_t __real_pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	if (is_spill(fd) && len == sizeof(uint32_t) && marks_fail) {
		errno = ENOSPC;
		return -1;
	}
	if (!kill_in_copy || len == sizeof(uint32_t) || !is_spill(fd))
		return __real_pwrite(fd, bytes, len, at);
	const uint64_t n = ((const struct spool_spilled *)bytes)->entry.n;
	const bool copy = n < newest_n;
	newest_n = copy ? newest_n : n;
	if (copy && kill_in_copy == KILL_HALF)
		__real_pwrite(fd, bytes, len / 2, at);
	if (copy && kill_in_copy != KILL_AFTER)
		raise(SIGKILL);
	ssize_t put = __real_pwrite(fd, bytes, len, at);
	if (copy)
		raise(SIGKILL);
	return put;
}

int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len)
{
	if (!cuts_fail || !is_spill(fd))
		return __real_ftruncate(fd, len);
	errno = EIO;
	return -1;
}

/* ---- the writer, this process ---- */

static int make_disk(void **state)
{
	read_fails_at = 0;
	read_takes_us = 0;
	read_count = 0;
	short_count = 0;
	largest = 0;
	reads_fail = marks_fail = cuts_fail = memory_short = false;
	return setup(state);
}

static int open_own_spill(struct fixture *f)
{
	note_new_spool(f);
	assert_int_equal(f->count, 1);
	return open_spill(f, 0, O_RDWR);
}

static uint64_t spill_length(struct fixture *f)
{
	uint64_t length = 0;
	int fd = open_dead(f, 0, O_RDONLY);
	read_at(fd, &length, sizeof(length), offsetof(struct spool_header, spill_length));
	close(fd);
	return length;
}

static void begin(struct fixture *f, struct recording *r)
{
	*r = (struct recording){.folder = f->folder};
	open_tracker(r);
	note_new_spool(f);
	keep_append(f);
}

static void wait_until_spilled(struct fixture *f)
{
	for (int i = 0; i < WAIT_MS && !spill_length(f); i++)
		usleep(1000);
	assert_true(spill_length(f) > 0);
}

static burr_tracker_stats stats_of(const struct recording *r)
{
	burr_tracker_stats stats = {.size = sizeof(stats)};
	burr_tracker_get_stats(r->tracker, &stats);
	return stats;
}

/* The batch that was gathered before may hold all: the next one has met the damage. */
static void wait_until_dropped(const struct recording *r)
{
	for (int i = 0; i < WAIT_MS && !stats_of(r).dropped_count; i++)
		usleep(1000);
	assert_true(stats_of(r).dropped_count > 0);
}

/* All is stored but for so many, and the tracker goes on as ever. */
static void assert_goes_on(struct recording *r, uint64_t dropped_count)
{
	burr_error err = BURR_ERROR_INIT;
	burr_status status = burr_tracker_flush(r->tracker, WAIT_MS, &err);
	if (status != (dropped_count ? BURR_EDROPPED : BURR_OK))
		fail_msg("flush: %d %s", status, err.message);
	burr_tracker_stats stats = stats_of(r);
	assert_int_equal(stats.dropped_count, dropped_count);
	assert_int_equal(stats.waiting_count, 0);
	record_step(r->app, r->next++, 0);
	assert_int_equal(burr_tracker_flush(r->tracker, WAIT_MS, NULL), BURR_OK);
	stats = stats_of(r);
	assert_int_equal(stats.stored_count, stats.record_count - dropped_count);
	assert_int_equal(burr_tracker_close(r->tracker, NULL), BURR_OK);
}

static int count_lines(struct fixture *f, const char *app_id)
{
	char name[64];
	int count = 0;
	snprintf(name, sizeof(name), "p/%s/log.jsonl", app_id);
	char *text = testing_read(f->folder, name);
	for (const char *pos = text; *pos; pos++)
		count += *pos == '\n';
	free(text);
	return count;
}

/* ---- a disk that fails ---- */

static void fail_one_read(struct fixture *f, int step_count, int fails_at)
{
	struct recording r;
	begin(f, &r);
	record_steps(&r, step_count, STATE_LEN);
	wait_until_spilled(f);
	read_fails_at = fails_at;
	for (int i = 0; i < WAIT_MS && read_fails_at; i++) /* of a batch that was gathered before */
		usleep(1000);
	let_append(f);
	assert_goes_on(&r, 0);
	assert_int_equal(read_fails_at, 0);
	assert_log_counts(f, "x", step_count + 1);
	assert_no_spools(f);
}

static void one_read_that_fails(void **state)
{
	fail_one_read(*state, 60, 1);
}

static void one_read_that_fails_inside_a_batch(void **state)
{
	fail_one_read(*state, 200, 2);
}

/* Others' records go on meanwhile, and the disk is not asked without end. */
static void a_disk_that_is_away_for_a_while(void **state)
{
	struct fixture *f = *state;
	struct recording r;
	begin(f, &r);
	burr_tracker_app *y;
	record_steps(&r, 60, STATE_LEN);
	wait_until_spilled(f);
	reads_fail = true;
	read_count = 0;
	/* What was read before the first failure is in a batch, which another failure has followed. */
	for (int i = 0; i < WAIT_MS && read_count < 3; i++)
		usleep(1000);
	let_append(f);
	read_count = 0;
	usleep(500000);
	assert_in_range(read_count, 1, 20);
	y = make_app(&r, "y");
	record_step(y, 0, 0);
	for (int i = 0; i < WAIT_MS && stats_of(&r).stored_count < 3; i++)
		usleep(1000);
	assert_int_equal(count_lines(f, "y"), 1);
	assert_non_null(strstr(stats_of(&r).trouble, "the spill file cannot be read now"));
	reads_fail = false;
	assert_goes_on(&r, 0);
	assert_log_counts(f, "x", 61);
	assert_no_spools(f);
}

/* What is read of the file at once has grown since it was read first. */
static void no_memory_for_a_while(void **state)
{
	struct fixture *f = *state;
	struct recording r;
	begin(f, &r);
	record_steps(&r, 60, STATE_LEN);
	wait_until_spilled(f);
	memory_short = true;
	record_steps(&r, 90, STATE_LEN);
	for (int i = 0; i < WAIT_MS && short_count < 3; i++) /* as above */
		usleep(1000);
	let_append(f);
	usleep(200000);
	assert_int_equal(stats_of(&r).stored_count, 1); /* that x is there */
	memory_short = false;
	assert_goes_on(&r, 0);
	assert_log_counts(f, "x", 151);
	assert_no_spools(f);
}

/* x is LATER and stands first; what is decided behind it cannot be marked in the file. */
static void no_mark_can_be_written(void **state)
{
	struct fixture *f = *state;
	struct recording r;
	r = (struct recording){.folder = f->folder};
	open_tracker(&r);
	burr_tracker_app *y = make_app(&r, "y");
	note_new_spool(f);
	keep_append(f);
	record_steps(&r, 1, STATE_LEN);
	record_step(y, 0, STATE_LEN);
	record_steps(&r, 39, STATE_LEN);
	wait_until_spilled(f);
	CLEAN(fd_close) int log = openat(f->store->dir_fd, "p/x/log.jsonl", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(log, LOCK_EX), 0); /* as another process that appends to it */
	marks_fail = true;
	let_append(f);
	usleep(500000);
	assert_int_equal(count_lines(f, "y"), 1);
	assert_true(spill_length(f) > 0);
	assert_int_equal(stats_of(&r).stored_count, 3);
	fd_close(&log);
	assert_goes_on(&r, 0);
	assert_log_counts(f, "x", 41);
	assert_log_counts(f, "y", 1);
	assert_no_spools(f);
}

/* The file that is empty cannot be cut: it is gone on with behind what is in it. */
static void no_cut_can_be_made(void **state)
{
	struct fixture *f = *state;
	struct recording r;
	begin(f, &r);
	cuts_fail = true;
	for (int i = 0; i < 2; i++) {
		const uint64_t before = spill_length(f);
		record_steps(&r, 30, STATE_LEN);
		for (int j = 0; j < WAIT_MS && spill_length(f) == before; j++)
			usleep(1000);
		assert_true(spill_length(f) > before);
		let_append(f);
		assert_int_equal(burr_tracker_flush(r.tracker, WAIT_MS, NULL), BURR_OK);
		keep_append(f);
	}
	let_append(f);
	assert_goes_on(&r, 0);
	assert_log_counts(f, "x", 61);
	assert_no_spools(f);
}

/* ---- a disk that takes its time ---- */

enum { WAITING = 2500, OTHERS = 150 };

static burr_tracker_app *begin_hasty(struct fixture *f, struct recording *r, const char *app_id)
{
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	*r = (struct recording){.folder = f->folder};
	options.project = "p";
	options.store = f->folder;
	options.wait_ms = 1000; /* a fraction of what the disk takes for all of it */
	assert_int_equal(burr_tracker_open(&options, &r->tracker, NULL), BURR_OK);
	r->app = make_app(r, app_id);
	burr_tracker_app *y = make_app(r, "y");
	assert_int_equal(burr_tracker_flush(r->tracker, WAIT_MS, NULL), BURR_OK);
	return y;
}

/* More than a lane holds. */
static void record_others(struct recording *r, burr_tracker_app *y)
{
	for (int64_t i = 0; i < OTHERS; i++)
		record_step(y, i, STATE_LEN);
	assert_int_equal(burr_tracker_flush(r->tracker, WAIT_MS, NULL), BURR_OK);
	assert_int_equal(stats_of(r).dropped_count, 0);
}

/* While what waited in an outage goes into the logs, others' lanes are emptied, too. */
static void what_waited_keeps_nobody_waiting(void **state)
{
	struct fixture *f = *state;
	struct recording r;
	burr_tracker_app *y = begin_hasty(f, &r, "x");
	keep_append(f);
	record_steps(&r, WAITING, STATE_LEN);
	read_takes_us = 100000;
	let_append(f);
	for (int i = 0; i < WAIT_MS && stats_of(&r).stored_count < 3; i++)
		usleep(1000);
	record_others(&r, y);
	assert_goes_on(&r, 0);
	assert_log_counts(f, "x", WAITING + 1);
	assert_log_counts(f, "y", OTHERS);
	assert_no_spools(f);
}

static void record_what_waits(struct recording *r)
{
	burr_tracker_app *z = make_app(r, "z");
	hold_append(r);
	for (int64_t i = 0; i < WAITING; i++)
		record_step(z, i, STATE_LEN);
}

/* While what another process left goes into the logs. */
static void what_was_left_keeps_nobody_waiting(void **state)
{
	struct fixture *f = *state;
	struct recording r;
	const int dir_fd = f->store->dir_fd;
	make_dead(f, record_what_waits, 0);
	assert_int_equal(renameat(dir_fd, f->names[0], dir_fd, "kept"), 0);
	burr_tracker_app *y = begin_hasty(f, &r, "w");
	read_takes_us = 150000;
	read_count = 0;
	assert_int_equal(renameat(dir_fd, "kept", dir_fd, f->names[0]), 0);
	for (int i = 0; i < WAIT_MS && !read_count; i++) {
		record_step(r.app, r.next++, 0);
		usleep(1000);
	}
	assert_true(read_count > 0);
	record_others(&r, y);
	while (faccessat(dir_fd, f->names[0], F_OK, 0) == 0)
		usleep(1000);
	assert_goes_on(&r, 0);
	assert_log_counts(f, "y", OTHERS);
	assert_log_counts(f, "z", WAITING);
	assert_no_spools(f);
}

/* In a batch, what others hold of z. */
static burr_status find_of_z(struct others *others, struct foreign *out)
{
	others_begin(others);
	foreign_fini(out);
	return others_find(others, SLICE_NONE, SLICE_LIT("p"), SLICE_LIT("z"), INT64_MAX, out, NULL);
}

/* Each of a thousand batches may ask for older records in it. */
static void what_was_left_is_read_once(void **state)
{
	struct fixture *f = *state;
	struct foreign found = {0};
	make_dead(f, record_what_waits, 0);
	struct others *others = others_new(f->store, SLICE_NONE);
	assert_int_equal(find_of_z(others, &found), BURR_OK);
	assert_int_equal(found.entry_count, WAITING);
	others_forget(others, SLICE_NONE, SLICE_LIT("p"), SLICE_LIT("z"), INT64_MAX);
	const int reads = read_count;
	assert_true(reads > 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(find_of_z(others, &found), BURR_OK);
		assert_int_equal(found.entry_count, 0);
		assert_int_equal(read_count, reads);
	}
	others_free(others);
}

/* As its writer does for room: the entries stand again behind all others, and zeros where they were. */
static void move_spilled(struct fixture *f)
{
	CLEAN(fd_close) int fd = open_spill(f, 0, O_RDWR);
	CLEAN(fd_close) int spool = open_dead(f, 0, O_RDWR);
	struct spool_header header;
	read_at(spool, &header, sizeof(header), 0);
	const uint64_t from = header.spill_read;
	const uint64_t to = header.spill_length;
	const uint64_t end = to + (to - from);
	CLEAN(ptr_free) char *bytes = malloc(to - from);
	assert_non_null(bytes);
	assert_int_equal(__real_pread(fd, bytes, to - from, (off_t)from), to - from);
	write_at(fd, bytes, to - from, to);
	memset(bytes, 0, to - from);
	write_at(fd, bytes, to - from, from);
	write_at(spool, &to, sizeof(to), offsetof(struct spool_header, spill_read));
	write_at(spool, &end, sizeof(end), offsetof(struct spool_header, spill_length));
}

/* It is looked for where it is now. */
static void what_has_moved_is_found_again(void **state)
{
	struct fixture *f = *state;
	struct foreign found = {0};
	make_dead(f, record_what_waits, 0);
	struct others *others = others_new(f->store, SLICE_NONE);
	assert_int_equal(find_of_z(others, &found), BURR_OK);
	move_spilled(f);
	for (size_t i = 0; i < found.entry_count; i++) {
		struct slice bytes;
		assert_true(!found.entries[i].elsewhere || !foreign_bytes(&found, &found.entries[i], &bytes));
	}
	assert_int_equal(find_of_z(others, &found), BURR_OK);
	assert_int_equal(found.entry_count, WAITING);
	move_spilled(f);
	assert_int_equal(find_of_z(others, &found), BURR_ELATER);
	assert_int_equal(find_of_z(others, &found), BURR_OK);
	assert_int_equal(found.entry_count, WAITING);
	foreign_fini(&found);
	others_free(others);
}

/* In a process of its own, while the test has the right to append. */
static pid_t start_filling(struct fixture *f, int said_fd)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	struct recording r = {.folder = f->folder, .held = true};
	open_tracker_for(&r, "z");
	record_steps(&r, WAITING, STATE_LEN);
	child_check(write(said_fd, "a", 1) == 1, "say");
	for (;;)
		pause();
}

/* Whoever goes on with its run appends its records first, and has not got them all in memory. */
static void what_a_stopped_process_holds(void **state)
{
	struct fixture *f = *state;
	struct recording r = {.folder = f->folder};
	char byte;
	int said[2];
	assert_int_equal(pipe(said), 0);
	keep_append(f);
	pid_t pid = start_filling(f, said[1]);
	assert_true(pid > 0);
	assert_int_equal(read(said[0], &byte, 1), 1);
	kill(pid, SIGSTOP);
	assert_int_equal(
		waitpid(pid, NULL, WUNTRACED), pid); /* before, its shipper may still take the right */
	let_append(f);
	r.next = WAITING;
	open_tracker_for(&r, "z");
	assert_goes_on(&r, 0);
	assert_in_range(largest, 1, WAITING * STATE_LEN);
	assert_log_counts(f, "z", WAITING + 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(said[0]);
	close(said[1]);
}

/* ---- its cap ---- */

enum { QUEUE_BYTES = 2 << 20, OUTAGES = 15, IN_OUTAGE = 40 };

static void begin_small(struct fixture *f, struct recording *r)
{
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	*r = (struct recording){.folder = f->folder};
	options.project = "p";
	options.store = f->folder;
	options.wait_ms = 500;
	options.queue_bytes = QUEUE_BYTES;
	assert_int_equal(burr_tracker_open(&options, &r->tracker, NULL), BURR_OK);
	r->app = make_app(r, "x");
	note_new_spool(f);
}

/* y's records go through the file and out of it again, behind what waits there. */
static void fill_and_drain(
	struct fixture *f, struct recording *r, burr_tracker_app *y, _Atomic int64_t *y_next)
{
	const uint64_t before = spill_length(f);
	for (int i = 0; i < IN_OUTAGE; i++) {
		record_step(y, *y_next, STATE_LEN);
		++*y_next;
	}
	for (int i = 0; i < WAIT_MS && spill_length(f) == before; i++)
		usleep(1000);
	let_append(f);
	for (int i = 0; i < WAIT_MS && stats_of(r).waiting_count > IN_OUTAGE; i++)
		usleep(1000);
	assert_int_equal(stats_of(r).waiting_count, IN_OUTAGE);
	keep_append(f);
}

/* x is LATER and stands first, until the returned descriptor is closed. */
static int go_through_outages(struct fixture *f, struct recording *r, _Atomic int64_t *y_next)
{
	begin_small(f, r);
	burr_tracker_app *y = make_app(r, "y");
	int log = openat(f->store->dir_fd, "p/x/log.jsonl", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(log, LOCK_EX), 0);
	keep_append(f);
	record_steps(r, IN_OUTAGE, STATE_LEN);
	wait_until_spilled(f);
	for (int64_t i = 0; i < OUTAGES; i++)
		fill_and_drain(f, r, y, y_next);
	return log;
}

/* What is dealt with behind what waits takes no room for ever. */
static void what_waits_keeps_no_dead_bytes(void **state)
{
	struct fixture *f = *state;
	struct recording r;
	struct stat st;
	_Atomic int64_t y_next = 0;
	CLEAN(fd_close) int log = go_through_outages(f, &r, &y_next);
	CLEAN(fd_close) int fd = open_own_spill(f);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size > QUEUE_BYTES);
	assert_true((uint64_t)st.st_blocks * 512 <= QUEUE_BYTES + QUEUE_BYTES / 2);
	let_append(f);
	fd_close(&log);
	assert_goes_on(&r, 0);
	assert_log_counts(f, "x", IN_OUTAGE + 1);
	assert_log_counts(f, "y", OUTAGES * IN_OUTAGE);
	assert_no_spools(f);
}

/* Nothing is missed and nothing comes twice, wherever the process ends. */
static void a_kill_while_live_entries_move(void **state)
{
	(void)state; /* each has a store of its own */
	_Atomic int64_t *y_next =
		mmap(NULL, sizeof(*y_next), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(y_next != MAP_FAILED);
	for (enum kill when = KILL_BEFORE; when <= KILL_AFTER; when++) {
		void *fresh = NULL;
		int status = 0;
		assert_int_equal(make_disk(&fresh), 0);
		struct fixture *own = fresh;
		struct recovered got = {0};
		*y_next = 0;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct recording r;
			kill_in_copy = (int)when;
			go_through_outages(own, &r, y_next);
			_exit(1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		recover_store(own->store, &got);
		assert_int_equal(got.lost_count, 0);
		assert_log_counts(own, "x", IN_OUTAGE);
		/* The call that was in its way when the process ended may have come as far as the spool. */
		assert_in_range(count_lines(own, "y"), *y_next, *y_next + 1);
		assert_log_counts(own, "y", count_lines(own, "y"));
		assert_no_spools(own);
		teardown(&fresh);
	}
	munmap(y_next, sizeof(*y_next));
}

/* ---- other bytes ---- */

struct rot {
	const char *name;
	size_t at;      /* in the first entry */
	unsigned value; /* what is put there, with what is there */
};

static const size_t ENTRY = offsetof(struct spool_spilled, entry);

static void change(struct fixture *f, const struct rot *rot)
{
	unsigned char byte;
	CLEAN(fd_close) int fd = open_own_spill(f);
	assert_int_equal(__real_pread(fd, &byte, 1, (off_t)rot->at), 1);
	byte = (unsigned char)(byte ^ rot->value);
	write_at(fd, &byte, 1, rot->at);
}

/* One entry is lost and counted, whatever it says now; all others arrive. */
static void one_byte_of_an_entry(void **state)
{
	const struct rot rots[] = {
		{"its bytes", sizeof(struct spool_spilled) + 3, 0xff},
		{"its lane", 1, 0xff},
		{"its length, a little", ENTRY, 0x40},
		{"its length, too much", ENTRY + 2, 0xff},
		{"its flag for a pad", ENTRY + 3, 0x80},
		{"its checksum", ENTRY + offsetof(struct spool_entry, checksum), 1},
		{"another application", ENTRY + offsetof(struct spool_entry, app), 1},
		{"no application", ENTRY + offsetof(struct spool_entry, app) + 3, 0xff},
	};
	(void)state; /* each has a store of its own */
	for (size_t i = 0; i < sizeof(rots) / sizeof(*rots); i++) {
		struct recording r;
		void *fresh = NULL;
		assert_int_equal(make_disk(&fresh), 0);
		struct fixture *own = fresh;
		r = (struct recording){.folder = own->folder};
		open_tracker(&r);
		burr_tracker_app *y = make_app(&r, "y");
		note_new_spool(own);
		keep_append(own);
		for (int64_t n = 0; n < 30; n++) {
			record_step(r.app, r.next++, STATE_LEN);
			record_step(y, n, STATE_LEN);
		}
		wait_until_spilled(own);
		change(own, &rots[i]);
		wait_until_dropped(&r);
		let_append(own);
		assert_goes_on(&r, 1);
		if (count_lines(own, "x") != 30 || count_lines(own, "y") != 30)
			fail_msg("%s: %d and %d lines", rots[i].name, count_lines(own, "x"),
				count_lines(own, "y"));
		assert_no_spools(own);
		teardown(&fresh);
	}
}

/* Somebody cut it: what was behind is lost, counted, and nothing waits for it. */
static void a_file_that_was_cut(void **state)
{
	struct fixture *f = *state;
	struct recording r;
	begin(f, &r);
	record_steps(&r, 40, STATE_LEN);
	wait_until_spilled(f);
	CLEAN(fd_close) int fd = open_own_spill(f);
	assert_int_equal(__real_ftruncate(fd, 3 * (STATE_LEN + 100)), 0);
	wait_until_dropped(&r);
	let_append(f);
	assert_int_equal(burr_tracker_flush(r.tracker, WAIT_MS, NULL), BURR_EDROPPED);
	const burr_tracker_stats after = stats_of(&r);
	assert_true(after.dropped_count > 0 && after.waiting_count == 0);
	assert_int_equal(after.stored_count + after.dropped_count, after.record_count);
	record_step(r.app, r.next++, 0);
	assert_int_equal(burr_tracker_flush(r.tracker, WAIT_MS, NULL), BURR_OK);
	assert_int_equal(burr_tracker_close(r.tracker, NULL), BURR_OK);
	assert_no_spools(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_disk, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_read_that_fails),
		TEST(one_read_that_fails_inside_a_batch),
		TEST(a_disk_that_is_away_for_a_while),
		TEST(no_memory_for_a_while),
		TEST(no_mark_can_be_written),
		TEST(no_cut_can_be_made),
		TEST(what_waited_keeps_nobody_waiting),
		TEST(what_was_left_keeps_nobody_waiting),
		TEST(what_was_left_is_read_once),
		TEST(what_has_moved_is_found_again),
		TEST(what_a_stopped_process_holds),
		TEST(what_waits_keeps_no_dead_bytes),
		TEST(a_kill_while_live_entries_move),
		TEST(one_byte_of_an_entry),
		TEST(a_file_that_was_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
