/* Recovery of what is not whole, or not of today: spools that a power loss tore, spill files, spools of
 * earlier boots, which come before everything of this one and in their own order. */
#include "spool/dead_testing.h"

#include <sys/resource.h>

/* ---- after a power loss ---- */

static uint64_t entry_offset(int fd, uint32_t lane, size_t which)
{
	struct spool_lane_head head = read_lane_head(fd, lane);
	uint64_t at = head.tail;
	for (size_t i = 0; i < which; i++) {
		uint32_t flags;
		read_at(fd, &flags, sizeof(flags),
			SPOOL_LANES_AT + lane * SPOOL_LANE_BYTES + at % SPOOL_LANE_BYTES);
		at += spool_room(flags & SPOOL_LEN);
	}
	assert_true(at < head.head);
	return SPOOL_LANES_AT + lane * SPOOL_LANE_BYTES + at % SPOOL_LANE_BYTES;
}

static void set_other_boot(int fd)
{
	static const char boot_id[40] = "00000000-0000-0000-0000-000000000000";
	write_at(fd, boot_id, sizeof(boot_id), offsetof(struct spool_header, boot_id));
}

static void a_power_loss_takes_invalid_entries_alone(void **state)
{
	struct fixture *f = *state;
	static const char zeros[64];
	make_dead(f, record_ten, 0);
	int fd = open_dead(f, 0, O_RDWR);
	set_other_boot(fd);
	write_at(fd, zeros, sizeof(zeros), entry_offset(fd, SPOOL_SHARED_LANES, 7));
	close(fd);
	struct recovered got = recover(f);
	assert_true(got.spool_count == 1 && got.record_count == 7 && got.lost_count == 1 && got.trouble[0]);
	assert_log_counts(f, "x", 7);
	assert_no_spools(f);
}

static void a_whole_spool_of_another_boot_loses_nothing(void **state)
{
	struct fixture *f = *state;
	keep_append(f);
	int64_t count = make_dead(f, record_ten, 0);
	int fd = open_dead(f, 0, O_RDWR);
	set_other_boot(fd);
	close(fd);
	count = make_dead(f, record_ten, count);
	let_append(f);
	struct recovered got = recover(f);
	assert_true(got.spool_count == 2 && got.lost_count == 0 && !got.trouble[0]);
	assert_log_counts(f, "x", count);
}

/* What is whole in it comes; the rest is lost and counted, and the file goes. */
static void a_spool_that_was_cut_short(void **state)
{
	struct fixture *f = *state;
	make_dead(f, record_ten, 0);
	int fd = open_dead(f, 0, O_RDWR);
	assert_int_equal(ftruncate(fd, (off_t)entry_offset(fd, SPOOL_SHARED_LANES, 8) + 5), 0);
	close(fd);
	struct recovered got = recover(f);
	assert_int_equal(got.kept_count, 0);
	assert_int_equal(got.lost_count, 1);
	assert_log_counts(f, "x", 8);
}

/* ---- the spill file ---- */

static bool spool_is_spilled(const struct recording *r, uint64_t *out_lane_bytes)
{
	bool spilled = false;
	struct dirent *file;
	DIR *dir = opendir(r->folder);
	child_check(dir != NULL, "opendir");
	while ((file = readdir(dir))) {
		struct spool_header header;
		struct spool_lane_head head;
		int fd = spool_name_is(file->d_name) ? spool_open(dirfd(dir), file->d_name, O_RDONLY) : -1;
		if (fd < 0)
			continue;
		if (pread(fd, &header, sizeof(header), 0) == sizeof(header) && header.pid == getpid() &&
			pread(fd, &head, sizeof(head), SPOOL_HEADS_AT + SPOOL_SHARED_LANES * sizeof(head)) ==
				sizeof(head)) {
			spilled = header.spill_length > 0;
			*out_lane_bytes = head.head - head.tail;
		}
		close(fd);
	}
	closedir(dir);
	return spilled;
}

/* Old records in the spill file, and at least three younger ones in the lane. */
static void record_until_spilled(struct recording *r)
{
	uint64_t lane_bytes = 0;
	hold_append(r);
	record_steps(r, 20, 8000);
	while (!spool_is_spilled(r, &lane_bytes) || lane_bytes > SPOOL_LANE_BYTES / 2)
		usleep(1000);
	record_steps(r, 3, 0);
	child_check(spool_is_spilled(r, &lane_bytes) && lane_bytes > 0, "the lane holds some");
}

static void spilled_entries_come_before_their_lane(void **state)
{
	struct fixture *f = *state;
	int64_t count = make_dead(f, record_until_spilled, 0);
	int fd = open_spill(f, 0, O_RDONLY);
	assert_true(fd >= 0);
	close(fd);
	struct recovered got = recover(f);
	assert_int_equal(got.lost_count, 0);
	assert_log_counts(f, "x", count);
	assert_no_spools(f);
}

/* A kill in the middle of the write to the spill file: its entries are still in the lanes. */
static void a_torn_spill_write_loses_nothing(void **state)
{
	struct fixture *f = *state;
	static const char half[100] = {100};
	int64_t count = make_dead(f, record_ten, 0);
	int fd = open_spill(f, 0, O_RDWR | O_CREAT);
	write_at(fd, half, sizeof(half), 0);
	close(fd);
	struct recovered got = recover(f);
	assert_log_counts(f, "x", count);
	assert_int_equal(got.lost_count, 0);
}

/* What a write left that failed, behind which the file could not be cut: it may be younger than what is in
 * the lanes. */
static void what_stands_behind_the_spill_files_length(void **state)
{
	enum { YOUNGER = 5 };
	struct fixture *f = *state;
	struct spool_spilled spilled = {.lane = SPOOL_SHARED_LANES};
	char bytes[1024];
	int64_t count = make_dead(f, record_ten, 0);
	CLEAN(fd_close) int fd = open_dead(f, 0, O_RDONLY);
	CLEAN(fd_close) int spill = open_spill(f, 0, O_RDWR | O_CREAT);
	read_at(fd, bytes, sizeof(bytes), entry_offset(fd, SPOOL_SHARED_LANES, YOUNGER));
	const uint32_t flags = ((const struct spool_entry *)(const void *)bytes)->len_flags;
	write_at(spill, &spilled, offsetof(struct spool_spilled, entry), 0);
	write_at(spill, bytes, spool_room(flags & SPOOL_LEN), offsetof(struct spool_spilled, entry));
	struct recovered got = recover(f);
	assert_true(got.spool_count == 1 && got.lost_count == 0);
	assert_log_counts(f, "x", count);
	assert_no_spools(f);
}

/* Of a library that took larger ones: nobody will ever store it. */
static void a_record_that_is_too_large_is_lost_alone(void **state)
{
	struct fixture *f = *state;
	const struct record_identity identity = {SPOOL_SHARED_LANES + 1, 1, 1};
	const size_t rest_len = record_measure_side(BATCH_SIDE_BYTES + 1);
	CLEAN(buf_fini) struct buf head = BUF_INIT;
	char bytes[1024] = {0};
	struct spool_spilled *spilled = (struct spool_spilled *)(void *)bytes;
	int64_t count = make_dead(f, record_ten, 0);
	record_put_app(&head, "p", "x", NULL, 0, 0);
	record_write_side(record_begin_entry((char *)(spilled + 1), buf_slice(&head), &identity, rest_len),
		BATCH_SIDE_BYTES + 1);
	const size_t len = record_measure_entry(buf_slice(&head), &identity, rest_len);
	spilled->lane = identity.lane;
	spilled->entry.n = identity.n;
	spilled->entry.hash = spool_hash(SLICE_LIT("p"), SLICE_LIT("x"));
	spilled->entry.len_flags = (uint32_t)len | SPOOL_SIDE;
	spilled->entry.checksum = spool_checksum(&spilled->entry, len);
	const uint64_t length = offsetof(struct spool_spilled, entry) + spool_room(len);
	CLEAN(fd_close) int fd = open_dead(f, 0, O_RDWR);
	CLEAN(fd_close) int spill = open_spill(f, 0, O_RDWR | O_CREAT);
	write_at(spill, bytes, length, 0);
	write_at(fd, &length, sizeof(length), offsetof(struct spool_header, spill_length));
	struct recovered got = recover(f);
	assert_true(got.spool_count == 1 && got.lost_count == 1 && got.kept_count == 0 && got.trouble[0]);
	assert_log_counts(f, "x", count);
	assert_no_spools(f);
}

/* All that is behind it arrives. */
static void a_damaged_entry_is_lost_alone(void **state)
{
	struct fixture *f = *state;
	int64_t count = make_dead(f, record_until_spilled, 0);
	CLEAN(fd_close) int fd = open_spill(f, 0, O_RDWR);
	write_at(fd, "!", 1, 200);
	struct recovered got = recover(f);
	assert_true(got.spool_count == 1 && got.lost_count == 1 && got.trouble[0]);
	assert_int_equal(got.record_count, count - 1);
	assert_no_spools(f);
}

/* A process that spilled, had all of it stored, and ends without closing its tracker. */
static void a_spill_file_goes_at_the_process_end(void **state)
{
	struct fixture *f = *state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct recording r = {.folder = f->folder};
		uint64_t lane_bytes;
		open_tracker(&r);
		int fd = lock_append(f->folder);
		record_steps(&r, 20, 8000);
		while (!spool_is_spilled(&r, &lane_bytes))
			usleep(1000);
		flock(fd, LOCK_UN);
		child_check(burr_tracker_flush(r.tracker, 20000, NULL) == BURR_OK, "flush");
		exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_log_counts(f, "x", 20);
	assert_no_spools(f);
}

/* ---- earlier boots ---- */

/* Before anything of this boot. */
static void old_boots_spools_come_before_a_new_writers_records(void **state)
{
	struct fixture *f = *state;
	int64_t count = make_dead(f, record_ten, 0);
	int fd = open_dead(f, 0, O_RDWR);
	set_other_boot(fd);
	close(fd);
	keep_append(f);
	struct recording r = {.folder = f->folder, .held = true};
	open_tracker(&r);
	record_step(r.app, count, 0);
	let_append(f);
	assert_int_equal(burr_tracker_flush(r.tracker, 20000, NULL), BURR_OK);
	assert_int_equal(burr_tracker_close(r.tracker, NULL), BURR_OK);
	assert_log_counts(f, "x", count + 1);
}

/* While it is recovered a living writer goes on, whose clock began anew: its times say nothing about theirs.
 */
static void a_living_writers_records_come_after_an_old_boots(void **state)
{
	struct fixture *f = *state;
	keep_append(f);
	struct recording r = {.folder = f->folder, .held = true, .next = 10};
	open_tracker(&r);
	record_step(r.app, 10, 0);
	note_new_spool(f);
	make_dead(f, record_ten, 0);
	int fd = open_dead(f, 1, O_RDWR);
	set_other_boot(fd);
	close(fd);
	let_append(f);
	recover(f);
	assert_int_equal(burr_tracker_flush(r.tracker, 20000, NULL), BURR_OK);
	assert_int_equal(burr_tracker_close(r.tracker, NULL), BURR_OK);
	assert_log_counts(f, "x", 11);
}

/* Their times can be compared with each other, in whatever order the folder names them. */
static void an_old_boots_spools_keep_their_order(void **state)
{
	enum { ROUNDS = 6 };
	struct fixture *f = *state;
	int64_t count = 0;
	for (int round = 0; round < ROUNDS; round++) {
		f->count = 0;
		keep_append(f);
		count = make_dead(f, record_ten, count);
		count = make_dead(f, record_ten, count);
		for (size_t i = 0; i < f->count; i++) {
			int fd = open_dead(f, i, O_RDWR);
			set_other_boot(fd);
			close(fd);
		}
		let_append(f);
		assert_int_equal(recover(f).spool_count, 2);
		assert_log_counts(f, "x", count);
	}
	assert_no_spools(f);
}

/* The later boot's id is the smaller one. */
static void set_boot(struct fixture *f, size_t i, bool later)
{
	const char *boot_id = later ? "00000000-" : "11111111-";
	const int64_t offset_ns = later ? 2000 : 1000;
	int fd = open_dead(f, i, O_RDWR);
	write_at(fd, boot_id, strlen(boot_id), offsetof(struct spool_header, boot_id));
	write_at(fd, &offset_ns, sizeof(offset_ns), offsetof(struct spool_header, clock_offset_ns));
	close(fd);
}

/* Which of two earlier boots was the earlier one, the wall's clock tells. */
static void old_boots_come_one_after_the_other(void **state)
{
	struct fixture *f = *state;
	int64_t count = 0;
	keep_append(f);
	for (int i = 0; i < 4; i++)
		count = make_dead(f, record_ten, count);
	for (size_t i = 0; i < 4; i++)
		set_boot(f, i, i >= 2);
	let_append(f);
	assert_int_equal(recover(f).spool_count, 4);
	assert_log_counts(f, "x", count);
}

/* What waits of the earlier one is not overtaken by the later one's. */
static void an_old_boots_spool_that_stays_comes_first(void **state)
{
	struct fixture *f = *state;
	struct recovered got = {0};
	int64_t count = make_dead(f, record_around_a_batch, 0);
	keep_append(f);
	count = make_dead(f, record_ten, count);
	set_boot(f, 0, false);
	set_boot(f, 1, true);
	let_append(f);
	recover_with_x_locked_at_first(f, &got);
	assert_int_equal(got.kept_count, 2);
	assert_log_counts(f, "x", 0);
	got = recover(f);
	assert_true(got.spool_count == 2 && got.lost_count == 0);
	assert_log_counts(f, "x", count);
	assert_no_spools(f);
}

/* Another recovery is at it. */
static void an_old_boots_spool_in_other_hands_comes_first(void **state)
{
	struct fixture *f = *state;
	keep_append(f);
	int64_t count = make_dead(f, record_ten, 0);
	count = make_dead(f, record_ten, count);
	set_boot(f, 0, false);
	set_boot(f, 1, true);
	let_append(f);
	int fd = open_dead(f, 0, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(recover(f).kept_count, 1);
	close(fd);
	assert_int_equal(recover(f).spool_count, 2);
	assert_log_counts(f, "x", count);
	assert_no_spools(f);
}

/* Its maker had no descriptor to ask the kernel with, or no /proc. */
static void a_spool_without_a_boot_id_holds_up_nobody(void **state)
{
	static const char none[40];
	struct fixture *f = *state;
	make_dead(f, record_ten, 0);
	int fd = open_dead(f, 0, O_RDWR);
	write_at(fd, none, sizeof(none), offsetof(struct spool_header, boot_id));
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* it lives */
	struct recording r = {.folder = f->folder, .next = 10};
	open_tracker(&r);
	record_step(r.app, 10, 0);
	assert_int_equal(burr_tracker_flush(r.tracker, 5000, NULL), BURR_OK);
	assert_int_equal(burr_tracker_close(r.tracker, NULL), BURR_OK);
	close(fd);
	recover(f);
	assert_log_counts(f, "x", 11);
}

static void the_boot_is_known_without_a_descriptor(void **state)
{
	struct rlimit before;
	char first[40];
	char second[40];
	(void)state;
	spool_boot_id(first);
	assert_int_equal(strlen(first), 36);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit none = {0, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	spool_boot_id(second);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_string_equal(second, first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_power_loss_takes_invalid_entries_alone),
		TEST(a_whole_spool_of_another_boot_loses_nothing),
		TEST(spilled_entries_come_before_their_lane),
		TEST(a_torn_spill_write_loses_nothing),
		TEST(what_stands_behind_the_spill_files_length),
		TEST(a_damaged_entry_is_lost_alone),
		TEST(a_record_that_is_too_large_is_lost_alone),
		TEST(old_boots_spools_come_before_a_new_writers_records),
		TEST(a_living_writers_records_come_after_an_old_boots),
		TEST(an_old_boots_spools_keep_their_order),
		TEST(old_boots_come_one_after_the_other),
		TEST(an_old_boots_spool_that_stays_comes_first),
		TEST(an_old_boots_spool_in_other_hands_comes_first),
		TEST(a_spool_without_a_boot_id_holds_up_nobody),
		TEST(the_boot_is_known_without_a_descriptor),
		TEST(a_spool_that_was_cut_short),
		TEST(a_spill_file_goes_at_the_process_end),
	};
	return cmocka_run_group_tests_name("recover_past", tests, NULL, NULL);
}
