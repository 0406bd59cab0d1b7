/* A dead writer's spool on a disk that does not give all of it: it is waited for a while, then what can be
 * read comes into the logs, the file is set aside, and its applications go on. */
#include "spool/dead_testing.h"

enum { SECTOR = 4096, MINUTE_S = 61 };

/* ---- the disk and the clock, as the library sees them ---- */

static struct {
	ino_t ino; /* of the file with the bad sector; 0: there is none */
	uint64_t at;
} bad;
static time_t later_s;

ssize_t __real_pread(int fd, void *to, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *to, size_t len, off_t at)
{
	struct stat st;
	const uint64_t from = (uint64_t)at;
	if (bad.ino && from < bad.at + SECTOR && from + len > bad.at && fstat(fd, &st) == 0 &&
		st.st_ino == bad.ino) {
		errno = EIO;
		return -1;
	}
	return __real_pread(fd, to, len, at);
}

int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	int result = __real_clock_gettime(clock, out);
	if (clock == CLOCK_MONOTONIC)
		out->tv_sec += later_s;
	return result;
}

static void set_bad_sector(int fd, uint64_t at)
{
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	bad.at = at - at % SECTOR;
	bad.ino = st.st_ino;
}

static void mend_disk(void)
{
	bad.ino = 0;
}

/* ---- spools ---- */

/* The application in the store, its steps in the spool, four to a sector. */
static void record_twenty(struct recording *r)
{
	child_check(burr_tracker_flush(r->tracker, 20000, NULL) == BURR_OK, "flush");
	hold_append(r);
	record_steps(r, 20, 1000);
}

/* Where its lane has an entry in the middle. */
static uint64_t find_middle(int fd)
{
	for (uint32_t lane = 0; lane < SPOOL_LANES; lane++) {
		const struct spool_lane_head head = read_lane_head(fd, lane);
		const uint64_t tail = atomic_load(&head.tail);
		const uint64_t held = atomic_load(&head.head) - tail;
		if (held)
			return SPOOL_LANES_AT + (uint64_t)lane * SPOOL_LANE_BYTES + tail + held / 2;
	}
	fail_msg("the spool is empty");
	return 0;
}

static struct recovered run(struct recoverer *recoverer)
{
	struct recovered got = {0};
	recoverer_run(recoverer, false, &got);
	return got;
}

static struct recoverer *new_recoverer(const struct fixture *f)
{
	struct recoverer *recoverer = recoverer_new(f->store);
	assert_non_null(recoverer);
	return recoverer;
}

static bool is_aside(const struct fixture *f)
{
	char name[80];
	struct stat st;
	snprintf(name, sizeof(name), "%s%s", SPOOL_ASIDE_PREFIX, f->names[0] + sizeof(SPOOL_PREFIX) - 1);
	return fstatat(f->store->dir_fd, f->names[0], &st, 0) < 0 &&
	       fstatat(f->store->dir_fd, name, &st, 0) == 0;
}

/* Its records come after what was recovered. */
static burr_status record_one(const struct fixture *f, int64_t sequence_id)
{
	struct recording r = {.folder = f->folder};
	open_tracker(&r);
	record_step(r.app, sequence_id, 0);
	burr_status status = burr_tracker_flush(r.tracker, 200, NULL);
	assert_int_equal(burr_tracker_close(r.tracker, NULL), BURR_OK);
	return status;
}

/* ---- the tests ---- */

static void what_can_be_read_is_stored_after_a_minute(void **state)
{
	struct fixture *f = *state;
	make_dead(f, record_twenty, 0);
	int fd = open_dead(f, 0, O_RDONLY);
	set_bad_sector(fd, find_middle(fd));
	close(fd);
	struct recoverer *recoverer = new_recoverer(f);
	struct recovered got = run(recoverer);
	assert_true(got.kept_count == 1 && !got.aside_count && !got.record_count && !got.lost_count);
	assert_log_counts(f, "x", 0);
	later_s += MINUTE_S;
	got = run(recoverer);
	assert_true(!got.kept_count && got.aside_count == 1 && got.lost_count == 1);
	assert_in_range(got.record_count, 5, 12);
	assert_non_null(strstr(got.trouble, "set aside"));
	assert_log_counts(f, "x", (int64_t)got.record_count);
	assert_true(is_aside(f));
	assert_int_equal(record_one(f, (int64_t)got.record_count), BURR_OK);
	assert_log_counts(f, "x", (int64_t)got.record_count + 1);
	recoverer_free(recoverer);
}

/* Whose records it holds is not known: all applications wait. */
static void one_without_a_header_is_set_aside_after_a_minute(void **state)
{
	struct fixture *f = *state;
	make_dead(f, record_twenty, 0);
	int fd = open_dead(f, 0, O_RDONLY);
	set_bad_sector(fd, 0);
	close(fd);
	struct recoverer *recoverer = new_recoverer(f);
	assert_int_equal(run(recoverer).kept_count, 1);
	later_s += MINUTE_S;
	assert_int_equal(run(recoverer).aside_count, 1);
	assert_true(is_aside(f));
	assert_int_equal(record_one(f, 0), BURR_OK);
	assert_log_counts(f, "x", 1);
	recoverer_free(recoverer);
}

static void a_disk_that_comes_back_loses_nothing(void **state)
{
	struct fixture *f = *state;
	make_dead(f, record_twenty, 0);
	int fd = open_dead(f, 0, O_RDONLY);
	set_bad_sector(fd, find_middle(fd));
	struct recoverer *recoverer = new_recoverer(f);
	assert_int_equal(run(recoverer).kept_count, 1);
	set_bad_sector(fd, 0);
	assert_int_equal(run(recoverer).kept_count, 1);
	close(fd);
	mend_disk();
	later_s += MINUTE_S;
	struct recovered got = run(recoverer);
	assert_true(got.record_count == 20 && !got.lost_count && !got.kept_count && !got.aside_count);
	assert_log_counts(f, "x", 20);
	assert_no_spools(f);
	recoverer_free(recoverer);
}

/* Nobody's records pass those that it may hold. */
static void a_record_waits_for_a_spool_without_a_header(void **state)
{
	struct fixture *f = *state;
	make_dead(f, record_twenty, 0);
	int fd = open_dead(f, 0, O_RDONLY);
	struct recording r = {.folder = f->folder};
	set_bad_sector(fd, 0);
	close(fd);
	keep_append(f);
	r.held = true;
	open_tracker(&r);
	record_step(r.app, 20, 0);
	let_append(f);
	assert_int_equal(burr_tracker_flush(r.tracker, 200, NULL), BURR_ETIMEOUT);
	assert_log_counts(f, "x", 0);
	mend_disk();
	assert_int_equal(burr_tracker_flush(r.tracker, 20000, NULL), BURR_OK);
	assert_int_equal(burr_tracker_close(r.tracker, NULL), BURR_OK);
	assert_log_counts(f, "x", 21);
}

static int teardown_disk(void **state)
{
	mend_disk();
	later_s = 0;
	return teardown(state);
}

#define TEST_DISK(test) cmocka_unit_test_setup_teardown(test, setup, teardown_disk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_DISK(what_can_be_read_is_stored_after_a_minute),
		TEST_DISK(one_without_a_header_is_set_aside_after_a_minute),
		TEST_DISK(a_disk_that_comes_back_loses_nothing),
		TEST_DISK(a_record_waits_for_a_spool_without_a_header),
	};
	return cmocka_run_group_tests_name("unreadable", tests, NULL, NULL);
}
