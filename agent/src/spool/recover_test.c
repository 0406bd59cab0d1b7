/* Recovery: what killed writers left comes into the logs, each record once and in its order, whoever recovers
 * and however often; what is no spool of ours is set aside. */
#include "spool/dead_testing.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

/* Some in the log, some in the spool. */
static void record_before_and_after(struct recording *r)
{
	record_steps(r, 50, 0);
	child_check(burr_tracker_flush(r->tracker, 20000, NULL) == BURR_OK, "flush");
	hold_append(r);
	record_steps(r, 20, 0);
}

static void once_and_then_nothing(void **state)
{
	struct fixture *f = *state;
	int64_t count = make_dead(f, record_before_and_after, 0);
	struct recovered got = recover(f);
	assert_int_equal(got.spool_count, 1);
	assert_true(got.record_count == 20 && got.lost_count == 0 && got.kept_count == 0 && !got.trouble[0]);
	assert_log_counts(f, "x", count);
	assert_no_spools(f);
	got = recover(f);
	assert_true(got.spool_count == 0 && got.record_count == 0);
	assert_log_counts(f, "x", count);
}

/* Who recovered died before it had removed the spool: the identities say what is in the log already. */
static void again_after_a_recovery_that_ended_early(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int64_t count = make_dead(f, record_before_and_after, 0);
	assert_int_equal(linkat(f->store->dir_fd, f->names[0], f->store->dir_fd, "kept", 0), 0);
	recover(f);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(linkat(f->store->dir_fd, "kept", f->store->dir_fd, f->names[0], 0), 0);
		struct recovered got = recover(f);
		assert_true(got.spool_count == 1 && got.lost_count == 0);
		assert_log_counts(f, "x", count);
		assert_int_equal(fstatat(f->store->dir_fd, f->names[0], &st, 0), -1);
	}
}

static void writers_after_each_other(void **state)
{
	struct fixture *f = *state;
	int64_t count = 0;
	keep_append(f);
	for (int i = 0; i < 4; i++)
		count = make_dead(f, record_ten, count);
	let_append(f);
	struct recovered got = recover(f);
	assert_true(got.spool_count == 4 && got.lost_count == 0);
	assert_log_counts(f, "x", count);
	assert_no_spools(f);
}

static void *recover_in_thread(void *folder)
{
	struct store *store;
	struct recovered got = {0};
	if (store_open(folder, STORE_WRITE, &store, NULL) != BURR_OK)
		return NULL;
	recover_store(store, &got);
	store_close(store);
	return folder;
}

/* A log that the other one appends to at the moment makes a spool stay; whoever comes next takes it. */
static void by_several_at_once(void **state)
{
	enum { THREADS = 3 };
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	int64_t count = 0;
	for (int round = 0; round < 3; round++) {
		f->count = 0;
		keep_append(f);
		for (int i = 0; i < 3; i++)
			count = make_dead(f, record_ten, count);
		let_append(f);
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, recover_in_thread, f->folder), 0);
		for (int i = 0; i < THREADS; i++) {
			void *done;
			pthread_join(threads[i], &done);
			assert_non_null(done);
		}
		recover(f);
		assert_log_counts(f, "x", count);
		assert_no_spools(f);
	}
}

/* It opens the application while the half of somebody's write stands at the log's end, longer than all that
 * the log will hold. */
static void record_behind_half_a_write(struct recording *r)
{
	static const char half[100000] = {'z'};
	char path[4096];
	snprintf(path, sizeof(path), "%s/p/y/log.jsonl", r->folder);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	child_check(write(fd, half, sizeof(half)) == sizeof(half), "write a half");
	burr_tracker_app *y = make_app(r, "y");
	child_check(ftruncate(fd, 0) == 0, "take it back");
	close(fd);
	hold_append(r);
	for (int i = 0; i < 10; i++)
		record_step(y, i, 0);
}

static void make_y(struct recording *r)
{
	make_app(r, "y");
}

static void half_a_write_is_not_what_was_there_before(void **state)
{
	struct fixture *f = *state;
	make_dead(f, make_y, 0);
	make_dead(f, record_behind_half_a_write, 0);
	assert_int_equal(linkat(f->store->dir_fd, f->names[1], f->store->dir_fd, "kept", 0), 0);
	recover(f);
	assert_int_equal(linkat(f->store->dir_fd, "kept", f->store->dir_fd, f->names[1], 0), 0);
	recover(f);
	assert_log_counts(f, "y", 10);
}

/* ---- a writer that was killed in the middle of an append ---- */

static const char HALF_A_LINE[] = "{\"type\":\"begin_en";

static void a_torn_tail_is_mended_by_who_tries_again(void **state)
{
	struct fixture *f = *state;
	struct recovered got = {0};
	make_dead(f, record_ten, 0);
	testing_append(f->folder, "p/x/log.jsonl", HALF_A_LINE);
	struct recoverer *recoverer = recoverer_new(f->store);
	assert_non_null(recoverer);
	recoverer_run(recoverer, false, &got);
	assert_true(got.kept_count == 1 && got.spool_count == 0);
	usleep(25000);
	recoverer_run(recoverer, false, &got);
	recoverer_free(recoverer);
	assert_int_equal(got.spool_count, 1);
	assert_log_counts(f, "x", 10);
	assert_no_spools(f);
}

/* Whoever opens the store next does it, though it records for another application. */
static void a_torn_tail_is_mended_by_the_next_process(void **state)
{
	enum { TRIES_MAX = 100 };
	struct fixture *f = *state;
	int tries = 0;
	make_dead(f, record_ten, 0);
	testing_append(f->folder, "p/x/log.jsonl", HALF_A_LINE);
	struct recording r = {.folder = f->folder};
	open_tracker_for(&r, "y");
	while (faccessat(f->store->dir_fd, f->names[0], F_OK, 0) == 0 && tries++ < TRIES_MAX)
		usleep(50000);
	assert_true(tries < TRIES_MAX);
	assert_int_equal(burr_tracker_close(r.tracker, NULL), BURR_OK);
	assert_log_counts(f, "x", 10);
	assert_no_spools(f);
}

/* ---- of many applications ---- */

static void what_waits_is_not_overtaken(void **state)
{
	struct fixture *f = *state;
	struct recovered got = {0};
	int64_t count = make_dead(f, record_around_a_batch, 0);
	recover_with_x_locked_at_first(f, &got);
	assert_int_equal(got.kept_count, 1);
	assert_log_counts(f, "x", 0);
	got = recover(f);
	assert_true(got.spool_count == 1 && got.lost_count == 0);
	assert_log_counts(f, "x", count);
	assert_no_spools(f);
}

/* Named so that the test can put other digits in their place. */
static const char ONE_OF_MANY[] = "app-0000";

static void record_one_of_many(struct recording *r)
{
	burr_tracker_app *app = make_app(r, ONE_OF_MANY);
	hold_append(r);
	record_step(app, 0, 0);
}

/* Its one entry, again for each of `count` applications that do not exist, as its spill file. */
static void spill_many(struct fixture *f, uint32_t count)
{
	struct spool_spilled spilled = {.lane = SPOOL_LANES - 1};
	struct spool_lane_head head;
	char bytes[1024];
	char digits[sizeof(ONE_OF_MANY)];
	CLEAN(fd_close) int fd = open_dead(f, 0, O_RDWR);
	CLEAN(fd_close) int spill = open_spill(f, 0, O_WRONLY | O_CREAT);
	CLEAN(buf_fini) struct buf all = BUF_INIT;
	uint32_t lane = SPOOL_SHARED_LANES;
	head = read_lane_head(fd, lane);
	const uint64_t at = SPOOL_LANES_AT + (uint64_t)lane * SPOOL_LANE_BYTES + head.tail % SPOOL_LANE_BYTES;
	struct spool_entry *entry = (struct spool_entry *)(void *)bytes;
	read_at(fd, bytes, sizeof(bytes), at);
	const size_t len = entry->len_flags & SPOOL_LEN;
	char *app_id = memmem(entry + 1, len, ONE_OF_MANY, sizeof(ONE_OF_MANY) - 1);
	assert_non_null(app_id);
	for (uint32_t i = 1; i <= count; i++) {
		snprintf(digits, sizeof(digits), "app-%04x", i);
		memcpy(app_id, digits, sizeof(digits) - 1);
		entry->n = i;
		entry->hash = spool_hash(SLICE_LIT("p"), slice_of(digits));
		entry->checksum = spool_checksum(entry, len);
		buf_append(&all, &spilled, offsetof(struct spool_spilled, entry));
		buf_append(&all, bytes, spool_room(len));
	}
	assert_false(all.failed);
	write_at(spill, all.data, all.len, 0);
	const uint64_t length = all.len;
	write_at(fd, &length, sizeof(length), offsetof(struct spool_header, spill_length));
}

static void more_applications_than_a_batch_takes(void **state)
{
	enum { COUNT = BATCH_APPS_MAX + 1000 };
	struct fixture *f = *state;
	make_dead(f, record_one_of_many, 0);
	spill_many(f, COUNT);
	struct recovered got = recover(f);
	assert_true(got.spool_count == 1 && got.kept_count == 0);
	assert_int_equal(got.lost_count, COUNT); /* they do not exist */
	assert_log_counts(f, ONE_OF_MANY, 1);
	assert_no_spools(f);
}

enum { MANY_APPS = 120, FEW_FILES = 30 };

static void name_one_of(char out[16], int i)
{
	snprintf(out, 16, "m%d", i);
}

static void record_many_apps(struct recording *r)
{
	burr_tracker_app *apps[MANY_APPS];
	char name[16];
	for (int i = 0; i < MANY_APPS; i++) {
		name_one_of(name, i);
		apps[i] = make_app(r, name);
	}
	hold_append(r);
	for (int i = 0; i < MANY_APPS; i++)
		record_step(apps[i], 0, 0);
}

static void leave_few_files(struct rlimit *before)
{
	int next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, before), 0);
	const struct rlimit few = {(rlim_t)next + FEW_FILES, before->rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static void assert_many_apps(struct fixture *f)
{
	char name[16];
	for (int i = 0; i < MANY_APPS; i++) {
		name_one_of(name, i);
		assert_log_counts(f, name, 1);
	}
	assert_no_spools(f);
}

static int count_files(void)
{
	int count = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* A power loss may leave many. They stay open until they are mended, but no more than there are to be. */
static void more_torn_tails_than_logs(void **state)
{
	enum { LOGS = 8, OTHER_FILES = 4, ROUNDS_MAX = 2 * MANY_APPS / LOGS };
	struct fixture *f = *state;
	struct recovered got = {.kept_count = 1};
	char path[64];
	char name[16];
	int round = 0;
	make_dead(f, record_many_apps, 0);
	for (int i = 0; i < MANY_APPS; i++) {
		name_one_of(name, i);
		snprintf(path, sizeof(path), "p/%s/log.jsonl", name);
		testing_append(f->folder, path, HALF_A_LINE);
	}
	struct others *others = others_new(f->store, SLICE_NONE);
	struct appender_options options = {.log_max = LOGS};
	struct appender *appender = appender_new(f->store, &options);
	const int before = count_files();
	for (; round < ROUNDS_MAX && got.kept_count; round++) {
		got = (struct recovered){0};
		recover_shared(f->store, appender, others, &got);
		assert_in_range(count_files(), before, before + 2 * LOGS + OTHER_FILES);
		usleep(21000);
	}
	assert_int_equal(got.kept_count, 0);
	appender_free(appender);
	others_free(others);
	assert_many_apps(f);
}

static void more_applications_than_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit before;
	make_dead(f, record_many_apps, 0);
	leave_few_files(&before);
	struct recovered got = recover(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(got.spool_count == 1 && got.kept_count == 0 && got.record_count == MANY_APPS);
	assert_many_apps(f);
}

/* As a collector does it, which takes three of four descriptors for its logs. */
static void more_applications_than_a_collectors_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit before;
	struct recovered got = {0};
	make_dead(f, record_many_apps, 0);
	struct others *others = others_new(f->store, SLICE_NONE);
	struct appender_options options = {
		.log_max = FEW_FILES / 4 * 3,
		.alone = true,
		.begin_others = others_begin,
		.find_others = others_find,
		.others = others,
	};
	struct appender *appender = appender_new(f->store, &options);
	assert_true(others && appender);
	leave_few_files(&before);
	recover_with(f->store, appender, others, &got);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	appender_free(appender);
	others_free(others);
	assert_true(got.spool_count == 1 && got.kept_count == 0);
	assert_many_apps(f);
}

/* Spools like the one that there is, of writers that recorded the same. */
static void copy_dead(struct fixture *f, int count)
{
	static char head[SPOOL_LANES_AT];
	static char lane[8192];
	const uint64_t lane_at = SPOOL_LANES_AT + SPOOL_SHARED_LANES * SPOOL_LANE_BYTES;
	int fd = open_dead(f, 0, O_RDONLY);
	read_at(fd, head, sizeof(head), 0);
	read_at(fd, lane, sizeof(lane), lane_at);
	close(fd);
	for (int i = 1; i <= count; i++) {
		char name[64];
		snprintf(name, sizeof(name), SPOOL_PREFIX "%016x", i);
		memcpy(((struct spool_header *)(void *)head)->writer, name + sizeof(SPOOL_PREFIX) - 1,
			WRITER_ID_LEN);
		fd = openat(f->store->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		assert_int_equal(ftruncate(fd, SPOOL_BYTES), 0);
		write_at(fd, head, sizeof(head), 0);
		write_at(fd, lane, sizeof(lane), lane_at);
		close(fd);
	}
}

static void record_one(struct recording *r)
{
	hold_append(r);
	record_steps(r, 1, 0);
}

static void more_spools_than_descriptors(void **state)
{
	enum { SPOOLS = 100 };
	struct fixture *f = *state;
	struct rlimit before;
	make_dead(f, record_one, 0);
	copy_dead(f, SPOOLS);
	leave_few_files(&before);
	struct recovered got = recover(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(got.spool_count == SPOOLS + 1 && got.kept_count == 0);
	assert_no_spools(f);
}

/* None of the others may hold anything of the application. */
static void a_writer_among_more_spools_than_descriptors(void **state)
{
	enum { SPOOLS = 100 };
	struct fixture *f = *state;
	struct rlimit before;
	struct foreign found = {0};
	burr_error err = BURR_ERROR_INIT;
	make_dead(f, record_one, 0);
	copy_dead(f, SPOOLS);
	leave_few_files(&before);
	struct others *others = others_new(f->store, SLICE_NONE);
	others_begin(others);
	burr_status another = others_find(
		others, SLICE_NONE, SLICE_LIT("p"), SLICE_LIT("another"), INT64_MAX, &found, &err);
	const size_t another_count = found.entry_count;
	burr_status x =
		others_find(others, SLICE_NONE, SLICE_LIT("p"), SLICE_LIT("x"), INT64_MAX, &found, &err);
	const struct others_count counted = others_count(others);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(another == BURR_OK && another_count == 0);
	assert_true(x == BURR_OK && found.entry_count >= SPOOLS + 1);
	assert_true(counted.spools == SPOOLS + 1 && counted.holding == SPOOLS + 1);
	foreign_fini(&found);
	others_free(others);
}

static size_t find_of_x(struct others *others, int64_t before_ns, int64_t *out_fifth_ns)
{
	struct foreign found = {0};
	others_begin(others);
	assert_int_equal(
		others_find(others, SLICE_NONE, SLICE_LIT("p"), SLICE_LIT("x"), before_ns, &found, NULL),
		BURR_OK);
	const size_t count = found.entry_count;
	*out_fifth_ns = count > 5 ? found.entries[5].time_ns : 0;
	foreign_fini(&found);
	return count;
}

/* What is in its log is given once, the rest until it is there. */
static void what_others_hold_is_given_until_it_is_stored(void **state)
{
	enum { HELD = 11, FIRST = 5 }; /* that the application is, and its steps */
	struct fixture *f = *state;
	int64_t fifth_ns;
	int64_t none;
	keep_append(f);
	make_dead(f, record_ten, 0);
	let_append(f);
	struct others *others = others_new(f->store, SLICE_NONE);
	assert_int_equal(find_of_x(others, INT64_MAX, &fifth_ns), HELD);
	assert_int_equal(find_of_x(others, fifth_ns, &none), FIRST);
	assert_int_equal(find_of_x(others, INT64_MAX, &none), HELD);
	others_forget(others, SLICE_NONE, SLICE_LIT("p"), SLICE_LIT("another"), INT64_MAX);
	others_forget(others, slice_of(f->names[0] + sizeof(SPOOL_PREFIX) - 1), SLICE_LIT("p"),
		SLICE_LIT("x"), INT64_MAX);
	assert_int_equal(find_of_x(others, INT64_MAX, &none), HELD);
	others_forget(others, SLICE_NONE, SLICE_LIT("p"), SLICE_LIT("x"), fifth_ns);
	assert_int_equal(find_of_x(others, fifth_ns, &none), 0);
	assert_int_equal(find_of_x(others, INT64_MAX, &none), HELD - FIRST);
	others_free(others);
}

/* In a process of its own: two records that wait, told by a byte; then they are dealt with. */
static pid_t start_waiting(struct fixture *f, int said_fd, int go_fd)
{
	char byte;
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	struct recording r = {.folder = f->folder};
	open_tracker(&r);
	burr_tracker_app *gone = make_app(&r, "x");
	burr_tracker_app *locked = make_app(&r, "y");
	child_check(write(said_fd, "a", 1) == 1 && read(go_fd, &byte, 1) == 1, "wait");
	record_step(gone, 0, 0);
	record_step(locked, 0, 0);
	child_check(write(said_fd, "b", 1) == 1, "say");
	child_check(burr_tracker_flush(r.tracker, 20000, NULL) == BURR_EDROPPED, "flush");
	_exit(0);
}

/* An older record of a stopped process comes first, and cannot be stored as its run was deleted. When that
 * process has been told so it has the record no more, though still another one, and ours has its turn. */
static void what_another_gave_up_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	struct recording r = {.folder = f->folder};
	char path[4096];
	char byte;
	int said[2];
	int go[2];
	int status = -1;
	assert_true(pipe(said) == 0 && pipe(go) == 0);
	pid_t pid = start_waiting(f, said[1], go[0]);
	assert_true(pid > 0);
	assert_int_equal(read(said[0], &byte, 1), 1);
	open_tracker(&r);
	burr_tracker_app *app = make_app(&r, "x");
	int fd = lock_append(f->folder);
	int log = openat(f->store->dir_fd, "p/y/log.jsonl", O_RDONLY | O_CLOEXEC);
	assert_true(log >= 0 && flock(log, LOCK_EX) == 0);
	assert_int_equal(write(go[1], "g", 1), 1);
	assert_int_equal(read(said[0], &byte, 1), 1);
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	record_step(app, 1, 0);
	snprintf(path, sizeof(path), "%s/p/x", f->folder);
	remove_tree(path);
	close(fd);
	assert_int_equal(burr_tracker_flush(r.tracker, 300, NULL), BURR_ETIMEOUT);
	kill(pid, SIGCONT);
	assert_int_equal(burr_tracker_flush(r.tracker, 10000, NULL), BURR_EDROPPED);
	close(log);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(burr_tracker_close(r.tracker, NULL), BURR_OK);
	close(said[0]);
	close(said[1]);
	close(go[0]);
	close(go[1]);
}

/* ---- what is no spool of ours, and what must not be touched ---- */

static void a_living_writers_spool_stays(void **state)
{
	struct fixture *f = *state;
	make_dead(f, record_ten, 0);
	int fd = open_dead(f, 0, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	struct recovered got = recover(f);
	assert_true(got.spool_count == 0 && got.record_count == 0 && got.kept_count == 0);
	close(fd);
	got = recover(f);
	assert_true(got.spool_count == 1);
	assert_log_counts(f, "x", 10);
}

static void nothing_without_the_right_to_append(void **state)
{
	struct fixture *f = *state;
	struct store *collector;
	make_dead(f, record_ten, 0);
	assert_int_equal(store_open(f->folder, STORE_WRITE, &collector, NULL), BURR_OK);
	assert_true(store_lock_append_exclusive(collector));
	struct recovered got = recover(f);
	assert_true(got.spool_count == 0 && got.record_count == 0);
	assert_log_counts(f, "x", 0);
	store_close(collector);
	recover(f);
	assert_log_counts(f, "x", 10);
}

static size_t count_aside(struct fixture *f)
{
	size_t count = 0;
	struct dirent *file;
	DIR *dir = opendir(f->folder);
	assert_non_null(dir);
	while ((file = readdir(dir)))
		count += strncmp(file->d_name, SPOOL_ASIDE_PREFIX, sizeof(SPOOL_ASIDE_PREFIX) - 1) == 0;
	closedir(dir);
	return count;
}

static void other_versions_and_garbage_are_set_aside(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint32_t value;
		burr_status status;
	} cases[] = {
		{"a newer version", offsetof(struct spool_header, version), SPOOL_VERSION + 1, BURR_EVERSION},
		{"version 0", offsetof(struct spool_header, version), 0, BURR_EVERSION},
		{"not the magic", 0, 0, BURR_ECORRUPT},
		{"other lanes", offsetof(struct spool_header, lane_count), 3, BURR_ECORRUPT},
		{"other rings", offsetof(struct spool_header, lane_bytes), 4096, BURR_ECORRUPT},
	};
	struct fixture *f = *state;
	struct spool_header before;
	make_dead(f, record_ten, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spool_header header;
		burr_error err = BURR_ERROR_INIT;
		int fd = open_dead(f, 0, O_RDWR);
		read_at(fd, &before, sizeof(before), 0);
		write_at(fd, &cases[i].value, sizeof(cases[i].value), cases[i].at);
		if (spool_read_header(fd, &header, &err) != cases[i].status || !err.message[0])
			fail_msg("%s: %s", cases[i].name, err.message);
		close(fd);
		struct recovered got = recover(f);
		if (got.aside_count != 1 || got.record_count || !strstr(got.trouble, f->names[0]))
			fail_msg("%s: %s", cases[i].name, got.trouble);
		assert_int_equal(count_aside(f), 1);
		char aside[80];
		snprintf(aside, sizeof(aside), "%s%s", SPOOL_ASIDE_PREFIX,
			f->names[0] + sizeof(SPOOL_PREFIX) - 1);
		assert_int_equal(renameat(f->store->dir_fd, aside, f->store->dir_fd, f->names[0]), 0);
		fd = open_dead(f, 0, O_RDWR);
		write_at(fd, &before, sizeof(before), 0);
		close(fd);
	}
	assert_int_equal(recover(f).spool_count, 1);
	assert_log_counts(f, "x", 10);
}

static void an_empty_file_is_set_aside_and_a_folder_is_left(void **state)
{
	struct fixture *f = *state;
	testing_write(f->folder, SPOOL_PREFIX "0123456789abcdef", "");
	assert_int_equal(mkdirat(f->store->dir_fd, SPOOL_PREFIX "1123456789abcdef", 0700), 0);
	assert_int_equal(mkfifoat(f->store->dir_fd, SPOOL_PREFIX "2123456789abcdef", 0600), 0);
	assert_int_equal(symlinkat("nowhere", f->store->dir_fd, SPOOL_PREFIX "3123456789abcdef"), 0);
	testing_write(f->folder, SPOOL_PREFIX "4123456789abcdef.new", "");
	/* One that is young may be somebody's who is about to lock it. */
	const struct timespec long_ago[2] = {{1, 0}, {1, 0}};
	assert_int_equal(utimensat(f->store->dir_fd, SPOOL_PREFIX "4123456789abcdef.new", long_ago, 0), 0);
	testing_write(f->folder, SPOOL_PREFIX "5123456789abcdef.new", "");
	testing_write(f->folder, SPOOL_PREFIX "0123456789ABCDEF", "");
	struct recovered got = recover(f);
	assert_true(got.aside_count == 1 && got.spool_count == 0 && count_aside(f) == 1);
	assert_int_equal(faccessat(f->store->dir_fd, SPOOL_PREFIX "4123456789abcdef.new", F_OK, 0), -1);
	assert_int_equal(faccessat(f->store->dir_fd, SPOOL_PREFIX "5123456789abcdef.new", F_OK, 0), 0);
	assert_int_equal(faccessat(f->store->dir_fd, SPOOL_PREFIX "1123456789abcdef", F_OK, 0), 0);
	assert_int_equal(faccessat(f->store->dir_fd, SPOOL_PREFIX "0123456789ABCDEF", F_OK, 0), 0);
}

/* Of a program that somebody ran as root in the store, for instance. */
static void another_users_spool_holds_up_nobody(void **state)
{
	static const char NAME[] = SPOOL_PREFIX "0123456789abcdef";
	struct fixture *f = *state;
	struct foreign found = {0};
	if (geteuid() != 0)
		skip();
	testing_write(f->folder, NAME, "");
	assert_int_equal(fchmodat(f->store->dir_fd, NAME, 0600, 0), 0);
	assert_int_equal(chmod(f->folder, 0777), 0);
	assert_int_equal(seteuid(65534), 0);
	struct others *others = others_new(f->store, SLICE_NONE);
	others_begin(others);
	burr_status status =
		others_find(others, SLICE_NONE, SLICE_LIT("p"), SLICE_LIT("x"), INT64_MAX, &found, NULL);
	struct recovered got = recover(f);
	assert_int_equal(seteuid(0), 0);
	others_free(others);
	assert_int_equal(status, BURR_OK);
	assert_true(got.aside_count == 0 && got.kept_count == 0 && strstr(got.trouble, NAME));
}

static void a_store_that_cannot_be_listed_is_told(void **state)
{
	struct fixture *f = *state;
	struct recovered out = {0};
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit none = {0, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	recover_store(f->store, &out);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(out.kept_count, 1);
	assert_non_null(strstr(out.trouble, "list the store: Too many open files"));
}

/* ---- beside living writers ---- */

struct pair {
	struct recording *recording;
	_Atomic int64_t turn; /* the sequence id that is next */
	int64_t end;
};

/* Each of two threads records when the other one's call has returned. */
static void record_in_turn(struct pair *pair, int which)
{
	int64_t turn;
	while ((turn = atomic_load(&pair->turn)) < pair->end) {
		if (turn % 2 != which) {
			sched_yield();
			continue;
		}
		record_step(pair->recording->app, turn, 0);
		atomic_store(&pair->turn, turn + 1);
	}
}

static void *record_even(void *pair)
{
	record_in_turn(pair, 0);
	return NULL;
}

static void *record_odd(void *pair)
{
	record_in_turn(pair, 1);
	return NULL;
}

/* What the collector does to a writer whose lanes' tails stand still, which need not be a writer that stands
 * still. */
static void a_busy_writers_order_stays(void **state)
{
	struct fixture *f = *state;
	struct recovered got = {0};
	struct others *others = others_new(f->store, SLICE_NONE);
	struct appender_options options = {.log_max = 4, .alone = true};
	struct appender *appender = appender_new(f->store, &options);
	struct recording r = {.folder = f->folder};
	pthread_t threads[2];
	open_tracker(&r);
	assert_true(others && appender && store_lock_append_exclusive(f->store));
	struct pair pair = {.recording = &r, .end = 1200}; /* less than what makes the lanes spill */
	assert_int_equal(pthread_create(&threads[0], NULL, record_even, &pair), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, record_odd, &pair), 0);
	while (atomic_load(&pair.turn) < pair.end) {
		recover_stalled(f->store, appender, others, &got);
		recover_living(f->store, appender, others, &got);
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_true(got.record_count > 0);
	store_unlock_append(f->store);
	appender_free(appender);
	others_free(others);
	burr_status status = burr_tracker_close(r.tracker, NULL);
	assert_int_equal(status, BURR_OK);
	assert_log_counts(f, "x", pair.end);
}

static void *take_in_on_and_on(void *end)
{
	struct store *store;
	struct recovered got = {0};
	if (store_open(getenv("BURR_STORE"), STORE_WRITE, &store, NULL) != BURR_OK)
		return NULL;
	struct recoverer *recoverer = recoverer_new(store);
	while (recoverer && !atomic_load((_Atomic bool *)end))
		recoverer_run_living(recoverer, &got);
	recoverer_free(recoverer);
	store_close(store);
	return got.record_count ? end : NULL;
}

/* Without a collector a command takes in what a writer holds that is just about to append it itself. */
static void a_writer_and_who_reads_append_together(void **state)
{
	struct fixture *f = *state;
	struct recording r = {.folder = f->folder};
	_Atomic bool end = false;
	pthread_t threads[3];
	void *done;
	setenv("BURR_STORE", f->folder, 1);
	open_tracker(&r);
	struct pair pair = {.recording = &r, .end = 4000};
	assert_int_equal(pthread_create(&threads[0], NULL, take_in_on_and_on, &end), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, record_even, &pair), 0);
	assert_int_equal(pthread_create(&threads[2], NULL, record_odd, &pair), 0);
	pthread_join(threads[1], NULL);
	pthread_join(threads[2], NULL);
	burr_status status = burr_tracker_close(r.tracker, NULL);
	atomic_store(&end, true);
	pthread_join(threads[0], &done);
	assert_int_equal(status, BURR_OK);
	assert_non_null(done);
	assert_log_counts(f, "x", pair.end);
}

static void *recover_on_and_on(void *end)
{
	struct store *store;
	struct recovered got = {0};
	if (store_open(getenv("BURR_STORE"), STORE_WRITE, &store, NULL) != BURR_OK)
		return NULL;
	while (!atomic_load((_Atomic bool *)end))
		recover_store(store, &got);
	store_close(store);
	return end;
}

/* Its maker has it from its first moment on. */
static void a_spool_in_the_making_is_nobody_elses(void **state)
{
	struct fixture *f = *state;
	_Atomic bool end = false;
	pthread_t thread;
	void *done;
	size_t private_count = 0;
	setenv("BURR_STORE", f->folder, 1);
	assert_int_equal(pthread_create(&thread, NULL, recover_on_and_on, &end), 0);
	for (int i = 0; i < 2000; i++) {
		struct spool_file file;
		burr_error err = BURR_ERROR_INIT;
		assert_int_equal(spool_file_make(f->folder, &file, &err), BURR_OK);
		private_count += file.is_private;
		spool_file_unlink(&file, f->folder);
		spool_file_close(&file);
	}
	atomic_store(&end, true);
	pthread_join(thread, &done);
	unsetenv("BURR_STORE");
	assert_non_null(done);
	assert_int_equal(private_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(once_and_then_nothing),
		TEST(again_after_a_recovery_that_ended_early),
		TEST(writers_after_each_other),
		TEST(by_several_at_once),
		TEST(half_a_write_is_not_what_was_there_before),
		TEST(a_torn_tail_is_mended_by_who_tries_again),
		TEST(a_torn_tail_is_mended_by_the_next_process),
		TEST(what_waits_is_not_overtaken),
		TEST(more_applications_than_a_batch_takes),
		TEST(more_torn_tails_than_logs),
		TEST(more_applications_than_descriptors),
		TEST(more_applications_than_a_collectors_descriptors),
		TEST(more_spools_than_descriptors),
		TEST(a_writer_among_more_spools_than_descriptors),
		TEST(what_others_hold_is_given_until_it_is_stored),
		TEST(what_another_gave_up_is_not_waited_for),
		TEST(a_living_writers_spool_stays),
		TEST(nothing_without_the_right_to_append),
		TEST(other_versions_and_garbage_are_set_aside),
		TEST(an_empty_file_is_set_aside_and_a_folder_is_left),
		TEST(another_users_spool_holds_up_nobody),
		TEST(a_store_that_cannot_be_listed_is_told),
		TEST(a_busy_writers_order_stays),
		TEST(a_writer_and_who_reads_append_together),
		TEST(a_spool_in_the_making_is_nobody_elses),
	};
	return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
