/* Reading somebody's spool: what is whole is read, and nothing else, whatever was cut off, overwritten or
 * flipped. */
#include "spool/dead_testing.h"

enum { RECORDS = 6, LANE = SPOOL_SHARED_LANES }; /* the first thread's lane */

static const uint64_t RING_AT = SPOOL_LANES_AT + (uint64_t)LANE * SPOOL_LANE_BYTES;

static void record_some(struct recording *r)
{
	child_check(burr_tracker_flush(r->tracker, 20000, NULL) == BURR_OK, "flush");
	hold_append(r);
	for (int i = 0; i < RECORDS; i++)
		record_step(r->app, r->next++, (size_t)i); /* of different lengths */
}

static burr_status read_dead(struct fixture *f, size_t i, struct foreign *out, uint64_t *out_lost)
{
	const struct held_filter all = {.before_ns = INT64_MAX};
	int fd = open_dead(f, i, O_RDONLY);
	foreign_clear(out);
	struct held_damage damage = {0};
	burr_status status = held_read(f->store, fd, f->names[i], &all, out, &damage, NULL);
	*out_lost = damage.lost_bytes;
	close(fd);
	return status;
}

static bool is_same_entry(const struct foreign *a, size_t i, const struct foreign *b, size_t j)
{
	const struct foreign_entry *x = &a->entries[i];
	const struct foreign_entry *y = &b->entries[j];
	return x->n == y->n && x->time_ns == y->time_ns && x->len == y->len &&
	       memcmp(a->bytes.data + x->at, b->bytes.data + y->at, x->len) == 0;
}

/* `some` has the first `count` of `all`, and behind them nothing but some of the others, in their order. */
static void assert_some_of(const struct foreign *some, const struct foreign *all, size_t count)
{
	size_t j = 0;
	assert_true(some->entry_count >= count && some->entry_count <= all->entry_count);
	for (size_t i = 0; i < some->entry_count; i++, j++) {
		while (j < all->entry_count && !is_same_entry(some, i, all, j))
			j++;
		assert_true(j < all->entry_count && (i >= count || i == j));
	}
}

static void assert_first(const struct foreign *some, const struct foreign *all, size_t count)
{
	assert_int_equal(some->entry_count, count);
	assert_some_of(some, all, count);
}

/* Where the lane's undone entries begin and the last of them ends, in the file. */
struct span {
	uint64_t at[RECORDS + 1];
};

static struct span find_entries(int fd)
{
	struct span span;
	const struct spool_lane_head head = read_lane_head(fd, LANE);
	uint64_t at = head.tail;
	for (int i = 0; i < RECORDS; i++) {
		uint32_t flags;
		span.at[i] = RING_AT + at;
		read_at(fd, &flags, sizeof(flags), span.at[i]);
		at += spool_room(flags & SPOOL_LEN);
	}
	assert_true(at == head.head && at < SPOOL_LANE_BYTES);
	span.at[RECORDS] = RING_AT + at;
	return span;
}

struct reading {
	struct foreign all;
	struct foreign some;
	uint64_t lost;
};

static void begin_reading(struct fixture *f, struct reading *r)
{
	*r = (struct reading){0};
	assert_int_equal(read_dead(f, 0, &r->all, &r->lost), BURR_OK);
	assert_int_equal(r->lost, 0);
	for (size_t i = 1; i < r->all.entry_count; i++)
		assert_true(r->all.entries[i].n > r->all.entries[i - 1].n);
}

static void end_reading(struct reading *r)
{
	foreign_fini(&r->all);
	foreign_fini(&r->some);
}

static void what_a_killed_writer_left(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	assert_int_equal(r.all.entry_count, RECORDS);
	assert_int_equal(r.all.writer_count, 1);
	assert_memory_equal(r.all.writers[0].id, f->names[0] + sizeof(SPOOL_PREFIX) - 1, WRITER_ID_LEN);
	for (size_t i = 0; i < r.all.entry_count; i++) {
		struct entry entry;
		assert_true(foreign_read(&r.all, &r.all.entries[i], &entry));
		assert_true(slice_is(entry.project, "p") && slice_is(entry.app_id, "x"));
		assert_true(entry.type == RECORD_END_ENTRY && entry.lane == LANE &&
			    entry.n == r.all.entries[i].n &&
			    (int64_t)entry.time_ns == r.all.entries[i].time_ns);
	}
	end_reading(&r);
}

static void a_filter_leaves_out_the_rest(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	const struct slice p = SLICE_LIT("p");
	const struct slice x = SLICE_LIT("x");
	const struct slice y = SLICE_LIT("y");
	const struct {
		struct held_filter filter;
		size_t count;
	} cases[] = {
		{{p, x, spool_hash(p, x), INT64_MAX, false, false}, RECORDS},
		{{p, SLICE_NONE, 0, INT64_MAX, false, false}, RECORDS},
		{{y, SLICE_NONE, 0, INT64_MAX, false, false}, 0},
		{{p, y, spool_hash(p, y), INT64_MAX, false, false}, 0},
		{{p, y, spool_hash(p, x), INT64_MAX, false, false}, 0}, /* as if the hashes were equal */
		{{y, x, spool_hash(p, x), INT64_MAX, false, false}, 0},
		{{p, x, spool_hash(p, x), r.all.entries[2].time_ns, false, false}, 2},
		{{p, x, spool_hash(p, x), r.all.entries[0].time_ns, false, false}, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = open_dead(f, 0, O_RDONLY);
		foreign_clear(&r.some);
		assert_int_equal(
			held_read(f->store, fd, f->names[0], &cases[i].filter, &r.some, NULL, NULL), BURR_OK);
		assert_first(&r.some, &r.all, cases[i].count);
		close(fd);
	}
	end_reading(&r);
}

/* ---- damage in a lane ---- */

/* The head anywhere in the last two entries: as a disk may have it that got the head's page alone, or none.
 */
static void a_head_within_an_entry(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	int fd = open_dead(f, 0, O_RDWR);
	const struct span span = find_entries(fd);
	for (uint64_t end = span.at[RECORDS]; end >= span.at[RECORDS - 2]; end--) {
		const uint64_t head = end - RING_AT;
		const size_t whole = end == span.at[RECORDS]       ? RECORDS
				     : end >= span.at[RECORDS - 1] ? RECORDS - 1
								   : RECORDS - 2;
		write_at(fd, &head, sizeof(head), SPOOL_HEADS_AT + LANE * sizeof(struct spool_lane_head));
		assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
		assert_first(&r.some, &r.all, whole);
		assert_int_equal(r.lost, end - span.at[whole]);
	}
	close(fd);
	end_reading(&r);
}

/* Zeros from any byte of the last two entries on: pages that never came to the disk. */
static void the_end_never_written(void **state)
{
	static const char zero;
	struct fixture *f = *state;
	struct reading r;
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	int fd = open_dead(f, 0, O_RDWR);
	const struct span span = find_entries(fd);
	size_t whole = RECORDS;
	for (uint64_t at = span.at[RECORDS] - 1; at >= span.at[RECORDS - 2]; at--) {
		char before;
		read_at(fd, &before, 1, at);
		write_at(fd, &zero, 1, at);
		assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
		/* Zeros that are the entry's own, at its end, change nothing. */
		if (r.some.entry_count < whole) {
			whole--;
			assert_true(before != 0 && at >= span.at[whole]);
		}
		assert_first(&r.some, &r.all, whole);
		assert_int_equal(r.lost, span.at[RECORDS] - span.at[whole]);
	}
	assert_int_equal(whole, RECORDS - 2);
	close(fd);
	end_reading(&r);
}

/* Whether a flip of this byte of an entry is one that its checksum does not see: the flags, whose DONE comes
 * later, and what only the living writer goes by. */
static bool is_unchecked(size_t at)
{
	return at < sizeof(uint32_t) ||
	       (at >= offsetof(struct spool_entry, app) && at < sizeof(struct spool_entry));
}

static void any_bit_of_an_entry_flipped(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	int fd = open_dead(f, 0, O_RDWR);
	const struct span span = find_entries(fd);
	const size_t which = RECORDS - 2;
	uint32_t flags;
	read_at(fd, &flags, sizeof(flags), span.at[which]);
	const size_t len = sizeof(struct spool_entry) + (flags & SPOOL_LEN);
	for (size_t bit = 0; bit < len * 8; bit++) {
		char byte;
		read_at(fd, &byte, 1, span.at[which] + bit / 8);
		const char flipped = (char)(byte ^ 1 << bit % 8);
		write_at(fd, &flipped, 1, span.at[which] + bit / 8);
		assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
		assert_some_of(&r.some, &r.all, which);
		if (!is_unchecked(bit / 8)) {
			assert_first(&r.some, &r.all, which);
			assert_int_equal(r.lost, span.at[RECORDS] - span.at[which]);
		}
		write_at(fd, &byte, 1, span.at[which] + bit / 8);
	}
	assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
	assert_first(&r.some, &r.all, RECORDS);
	close(fd);
	end_reading(&r);
}

static void heads_and_tails_of_any_value(void **state)
{
	static const struct {
		uint64_t tail;
		uint64_t head;
	} cases[] = {
		{8, 0},
		{0, SPOOL_LANE_BYTES + 8},
		{3, 200},
		{UINT64_MAX - 7, UINT64_MAX},
		{UINT64_MAX - 15, 8},
		{UINT64_MAX, UINT64_MAX - 8},
		{0, UINT64_MAX},
		{SPOOL_LANE_BYTES - 8, SPOOL_LANE_BYTES},
		{UINT64_C(1) << 63, (UINT64_C(1) << 63) + 64},
	};
	struct fixture *f = *state;
	struct reading r;
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	int fd = open_dead(f, 0, O_RDWR);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct spool_lane_head head = {.head = cases[i].head, .tail = cases[i].tail};
		write_at(fd, &head, sizeof(head), SPOOL_HEADS_AT + (SPOOL_LANES - 1) * sizeof(head));
		assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
		assert_first(&r.some, &r.all, RECORDS);
		assert_true(r.lost > 0);
	}
	close(fd);
	end_reading(&r);
}

/* An entry of the ring's last lap in an entry's place: its number is not one that comes next. */
static void an_older_laps_entry(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	int fd = open_dead(f, 0, O_RDWR);
	const struct span span = find_entries(fd);
	const size_t len = span.at[1] - span.at[0];
	char *bytes = malloc(len);
	assert_non_null(bytes);
	read_at(fd, bytes, len, span.at[0]);
	write_at(fd, bytes, len, span.at[3]);
	free(bytes);
	assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
	assert_first(&r.some, &r.all, 3);
	assert_int_equal(r.lost, span.at[RECORDS] - span.at[3]);
	close(fd);
	end_reading(&r);
}

/* ---- a lane that wraps ---- */

static struct spool_lane_head own_head(const struct recording *r)
{
	struct spool_lane_head head = {0};
	struct dirent *file;
	DIR *dir = opendir(r->folder);
	child_check(dir != NULL, "opendir");
	while ((file = readdir(dir))) {
		struct spool_header header;
		int fd = spool_name_is(file->d_name) ? spool_open(dirfd(dir), file->d_name, O_RDONLY) : -1;
		if (fd >= 0 && pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
			header.pid == getpid() &&
			pread(fd, &head, sizeof(head), SPOOL_HEADS_AT + LANE * sizeof(head)) != sizeof(head))
			child_check(false, "read the lane's head");
		if (fd >= 0)
			close(fd);
	}
	closedir(dir);
	return head;
}

static void record_around_the_rings_end(struct recording *r)
{
	/* Twice round, and up to its end. */
	uint64_t at = 0;
	while (at < 2 * SPOOL_LANE_BYTES || at % SPOOL_LANE_BYTES < SPOOL_LANE_BYTES - 3000) {
		record_steps(r, 1, 1000);
		struct spool_lane_head own = own_head(r);
		at = own.head;
	}
	child_check(burr_tracker_flush(r->tracker, 20000, NULL) == BURR_OK, "flush");
	hold_append(r);
	record_steps(r, 20, 700);
	struct spool_lane_head head = own_head(r);
	child_check(head.head / SPOOL_LANE_BYTES > head.tail / SPOOL_LANE_BYTES, "the ring's end is between");
}

static void a_lane_that_wraps(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	int64_t count = make_dead(f, record_around_the_rings_end, 0);
	begin_reading(f, &r);
	assert_int_equal(r.all.entry_count, 20);
	for (size_t i = 1; i < r.all.entry_count; i++)
		assert_true(r.all.entries[i].n == r.all.entries[i - 1].n + 1);
	struct recovered got = {0};
	recover_store(f->store, &got);
	assert_int_equal(got.record_count, 20);
	assert_log_counts(f, "x", count);
	end_reading(&r);
}

/* ---- entries that are dealt with ---- */

/* The log of "x" is locked, so "y" is stored behind it in the same lane. */
static void record_past_a_locked_log(struct recording *r)
{
	char path[4096];
	burr_tracker_app *y = make_app(r, "y");
	snprintf(path, sizeof(path), "%s/p/x/log.jsonl", r->folder);
	child_check(burr_tracker_flush(r->tracker, 20000, NULL) == BURR_OK, "flush");
	int fd = open(path, O_RDWR | O_CLOEXEC);
	child_check(fd >= 0 && flock(fd, LOCK_EX) == 0, "lock a log");
	for (int i = 0; i < 3; i++) {
		record_step(r->app, i, 0);
		record_step(y, i, 0);
	}
	burr_tracker_stats stats = {.size = sizeof(stats)};
	do {
		usleep(1000);
		burr_tracker_get_stats(r->tracker, &stats);
	} while (stats.waiting_count != 3);
}

static void what_is_done_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	make_dead(f, record_past_a_locked_log, 0);
	begin_reading(f, &r);
	assert_int_equal(r.all.entry_count, 3);
	for (size_t i = 0; i < r.all.entry_count; i++) {
		struct entry entry;
		assert_true(foreign_read(&r.all, &r.all.entries[i], &entry) && slice_is(entry.app_id, "x"));
	}
	struct recovered got = {0};
	recover_store(f->store, &got);
	assert_log_counts(f, "x", 3);
	assert_log_counts(f, "y", 3);
	end_reading(&r);
}

/* ---- the spill file ---- */

/* The spool's entries as the spill file would have them; the lane is emptied. */
static uint64_t move_to_spill(struct fixture *f, uint64_t ends[RECORDS + 1])
{
	int fd = open_dead(f, 0, O_RDWR);
	int to = open_spill(f, 0, O_RDWR | O_CREAT);
	const struct span span = find_entries(fd);
	struct spool_lane_head head = read_lane_head(fd, LANE);
	uint64_t at = 0;
	assert_true(to >= 0);
	for (int i = 0; i < RECORDS; i++) {
		const uint32_t before[2] = {LANE, 0};
		const size_t len = span.at[i + 1] - span.at[i];
		char *bytes = malloc(len);
		assert_non_null(bytes);
		read_at(fd, bytes, len, span.at[i]);
		ends[i] = at;
		write_at(to, before, sizeof(before), at);
		write_at(to, bytes, len, at + sizeof(before));
		at += sizeof(before) + len;
		free(bytes);
	}
	ends[RECORDS] = at;
	head.tail = head.head;
	write_at(fd, &head, sizeof(head), SPOOL_HEADS_AT + LANE * sizeof(head));
	write_at(fd, &at, sizeof(at), offsetof(struct spool_header, spill_length));
	close(to);
	close(fd);
	return at;
}

static void a_spill_file_cut_anywhere(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	uint64_t ends[RECORDS + 1];
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	uint64_t len = move_to_spill(f, ends);
	int fd = open_spill(f, 0, O_RDWR);
	size_t whole = RECORDS;
	for (; len >= ends[RECORDS - 3]; len--) {
		assert_int_equal(ftruncate(fd, (off_t)len), 0);
		while (ends[whole] > len)
			whole--;
		assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
		assert_first(&r.some, &r.all, whole);
	}
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
	assert_int_equal(r.some.entry_count, 0);
	close(fd);
	end_reading(&r);
}

static void any_bit_of_a_spilled_entry_flipped(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	uint64_t ends[RECORDS + 1];
	const size_t which = RECORDS - 2;
	const size_t head_len = offsetof(struct spool_spilled, entry);
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	move_to_spill(f, ends);
	int fd = open_spill(f, 0, O_RDWR);
	for (uint64_t bit = ends[which] * 8; bit < ends[which + 1] * 8; bit++) {
		char byte;
		const size_t in_entry = (size_t)(bit / 8 - ends[which] - head_len);
		read_at(fd, &byte, 1, bit / 8);
		const char flipped = (char)(byte ^ 1 << bit % 8);
		write_at(fd, &flipped, 1, bit / 8);
		assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
		assert_some_of(&r.some, &r.all, which);
		/* It is lost alone. */
		assert_in_range(r.some.entry_count, RECORDS - 1, RECORDS);
		if (bit / 8 >= ends[which] + head_len && !is_unchecked(in_entry) && r.lost)
			assert_int_equal(r.some.entry_count, RECORDS - 1);
		write_at(fd, &byte, 1, bit / 8);
	}
	close(fd);
	end_reading(&r);
}

static void a_spill_file_is_read_from_where_it_was_read_to(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	uint64_t ends[RECORDS + 1];
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	move_to_spill(f, ends);
	int fd = open_dead(f, 0, O_RDWR);
	for (size_t i = 0; i <= RECORDS; i++) {
		write_at(fd, &ends[i], sizeof(ends[i]), offsetof(struct spool_header, spill_read));
		assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
		assert_int_equal(r.some.entry_count, RECORDS - i);
		for (size_t j = 0; j < r.some.entry_count; j++)
			assert_int_equal(r.some.entries[j].n, r.all.entries[i + j].n);
	}
	const uint64_t beyond = UINT64_MAX;
	write_at(fd, &beyond, sizeof(beyond), offsetof(struct spool_header, spill_read));
	assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
	assert_int_equal(r.some.entry_count, 0);
	close(fd);
	end_reading(&r);
}

/* ---- as lines ---- */

static size_t count_lines(struct fixture *f, struct foreign *held)
{
	struct buf lines = BUF_INIT;
	size_t count = 0;
	bool moved = false;
	held_sort(held);
	assert_int_equal(
		held_put_lines(f->store, held, SLICE_LIT("x"), -1, 0, &lines, &moved, NULL), BURR_OK);
	for (size_t i = 0; i < lines.len; i++)
		count += lines.data[i] == '\n';
	buf_fini(&lines);
	return count;
}

static void lines_of_what_is_held(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	assert_int_equal(count_lines(f, &r.all), RECORDS);
	end_reading(&r);
}

/* An entry that was met in the lane and, spilled meanwhile, once more in the spill file. */
static void an_entry_that_was_met_twice_is_one_line(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	uint64_t ends[RECORDS + 1];
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	int fd = open_dead(f, 0, O_RDWR);
	struct spool_lane_head head = read_lane_head(fd, LANE);
	move_to_spill(f, ends);
	write_at(fd, &head, sizeof(head), SPOOL_HEADS_AT + LANE * sizeof(head));
	close(fd);
	assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
	assert_int_equal(count_lines(f, &r.some), RECORDS);
	end_reading(&r);
}

/* The file's end in any byte of the last two entries. */
static void a_spool_cut_anywhere(void **state)
{
	struct fixture *f = *state;
	struct reading r;
	make_dead(f, record_some, 0);
	begin_reading(f, &r);
	int fd = open_dead(f, 0, O_RDWR);
	const struct span span = find_entries(fd);
	size_t whole = RECORDS;
	for (uint64_t len = span.at[RECORDS] - 8; len >= span.at[RECORDS - 2]; len--) {
		assert_int_equal(ftruncate(fd, (off_t)len), 0);
		while (span.at[whole] > len)
			whole--;
		assert_int_equal(read_dead(f, 0, &r.some, &r.lost), BURR_OK);
		/* What is cut off reads as zeros: an entry that ended in these is whole still. */
		assert_in_range(r.some.entry_count, whole, whole + 1);
		assert_first(&r.some, &r.all, r.some.entry_count);
	}
	close(fd);
	end_reading(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_killed_writer_left),
		TEST(a_filter_leaves_out_the_rest),
		TEST(a_head_within_an_entry),
		TEST(the_end_never_written),
		TEST(any_bit_of_an_entry_flipped),
		TEST(heads_and_tails_of_any_value),
		TEST(an_older_laps_entry),
		TEST(a_lane_that_wraps),
		TEST(what_is_done_is_left_out),
		TEST(a_spill_file_cut_anywhere),
		TEST(any_bit_of_a_spilled_entry_flipped),
		TEST(a_spill_file_is_read_from_where_it_was_read_to),
		TEST(lines_of_what_is_held),
		TEST(an_entry_that_was_met_twice_is_one_line),
		TEST(a_spool_cut_anywhere),
	};
	return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
