/* The appender: exactly once whoever appends after whom, all or nothing, each application for itself. */
#include "store/append_testing.h"

#include "base/clean.h"
#include "store/read.h"
#include "store/side.h"
#include "wire/testing_entry.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

static void what_is_there_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	begin(f, WRITER_A);
	add(f, "x", 0, 1, 0);
	add(f, "x", 1, 1, 0);
	add(f, "x", 0, 2, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(put(f, a), VERDICT_DONE);
	add(f, "x", 1, 2, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_log(f, "x", "a.0.1 a.1.1 a.0.2 a.1.2");
	appender_free(a);
}

/* Who comes after somebody that died finds out from the log itself. */
static void a_successor_reads_the_log(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, false);
	make_app(f, a, "x");
	begin(f, WRITER_A);
	for (uint64_t n = 1; n <= 3000; n++)
		add(f, "x", 0, n, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	begin(f, WRITER_B);
	for (uint64_t n = 1; n <= 3000; n++)
		add(f, "x", 0, n, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	appender_free(a);

	a = new_appender(f, 8, false);
	begin(f, WRITER_A);
	add(f, "x", 0, 3000, 0);
	add(f, "x", 0, 3001, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	begin(f, WRITER_B);
	add(f, "x", 0, 1, 0);
	add(f, "x", 0, 3001, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	appender_free(a);
	char *text = testing_read(f->folder, "p/x/log.jsonl");
	size_t lines = 0;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 6002);
	free(text);
}

/* Its identity is a line's last key, whatever keys the application's own values have. */
static void a_state_may_have_a_key_like_the_identity(void **state)
{
	static const char *const states[] = {"{\"_rec\":\"x\"}", "{\"_rec\":\"aaaaaaaaaaaaaaaa.0.7\"}"};
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	begin(f, WRITER_A);
	for (uint64_t n = 1; n <= 2; n++) {
		struct buf entry = BUF_INIT;
		entry_put_app(&entry, "p", "x", NULL, 0);
		entry_put_identity(&entry, 0, n, 1000);
		entry_put_end_entry(&entry, 0, "a", NULL, NULL, states[n - 1]);
		request_put_entry_head(&f->request, entry.len);
		buf_append_slice(&f->request, buf_slice(&entry));
		buf_fini(&entry);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(put(f, a), VERDICT_DONE);
		assert_log(f, "x", "a.0.1 a.0.2");
		appender_free(a);
		a = new_appender(f, 8, true);
	}
	char *text = testing_read(f->folder, "p/x/log.jsonl");
	size_t lines = 0;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 2);
	free(text);
	appender_free(a);
}

/* Two that share the right to append see each other's lines. */
static void two_appenders_share_a_log(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, false);
	struct appender *b = new_appender(f, 8, false);
	make_app(f, a, "x");
	for (uint64_t n = 1; n <= 6; n++) {
		begin(f, WRITER_A);
		add(f, "x", 0, n, 0);
		/* The first answer got lost: the same batch by the other. */
		assert_int_equal(put(f, n % 2 ? a : b), VERDICT_DONE);
		assert_int_equal(put(f, n % 2 ? b : a), VERDICT_DONE);
	}
	assert_log(f, "x", "a.0.1 a.0.2 a.0.3 a.0.4 a.0.5 a.0.6");
	appender_free(a);
	appender_free(b);
}

static void a_log_that_is_locked_is_later_and_the_others_go_on(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, false);
	struct verdict verdict;
	make_app(f, a, "x");
	make_app(f, a, "y");
	char path[300];
	snprintf(path, sizeof(path), "%s/p/x/log.jsonl", f->folder);
	int fd = open(path, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	begin(f, WRITER_A);
	add(f, "x", 0, 1, 0);
	add(f, "y", 0, 2, 0);
	add(f, "x", 0, 3, 0);
	assert_int_equal(put(f, a), VERDICT_LATER);
	struct pb_reader r = pb_reader(buf_slice(&f->reply));
	assert_true(reply_next_verdict(&r, &verdict) && reply_next_verdict(&r, &verdict));
	assert_int_equal(verdict.kind, VERDICT_DONE);
	close(fd);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_log(f, "x", "a.0.1 a.0.3");
	assert_log(f, "y", "a.0.2");
	appender_free(a);
}

/* A descriptor cache of one: the numbers are found again each time. */
static void logs_come_and_go_from_the_cache(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 1, true);
	make_app(f, a, "x");
	make_app(f, a, "y");
	for (uint64_t n = 1; n <= 3; n++) {
		begin(f, WRITER_A);
		add(f, "x", 0, 2 * n - 1, 0);
		add(f, "y", 0, 2 * n, 0);
		assert_int_equal(put(f, a), VERDICT_DONE);
		assert_int_equal(put(f, a), VERDICT_DONE);
	}
	assert_log(f, "x", "a.0.1 a.0.3 a.0.5");
	assert_log(f, "y", "a.0.2 a.0.4 a.0.6");
	appender_free(a);
}

/* A process may have fewer descriptors than the cache would keep: each application gets its turn. */
static void logs_are_closed_where_descriptors_are_short(void **state)
{
	enum { APPS = 40 };
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 2048, true);
	char app_id[16];
	struct rlimit before;
	for (int i = 0; i < APPS; i++) {
		snprintf(app_id, sizeof(app_id), "app%d", i);
		make_app(f, a, app_id);
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	struct rlimit small = {APPS, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	for (int i = 0; i < APPS; i++) {
		snprintf(app_id, sizeof(app_id), "app%d", i);
		begin(f, WRITER_A);
		add(f, app_id, 0, (uint64_t)i + 1, 0);
		enum verdict_kind kind = put(f, a);
		if (kind == VERDICT_LATER)
			kind = put(f, a);
		assert_int_equal(kind, VERDICT_DONE);
		snprintf(app_id, sizeof(app_id), "new%d", i);
		begin(f, WRITER_A);
		add_application(f, app_id);
		kind = put(f, a);
		if (kind == VERDICT_LATER)
			kind = put(f, a);
		assert_int_equal(kind, VERDICT_DONE);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	appender_free(a);
}

/* The disk takes only a part of the write: the log is as it was, and whole. */
static void half_a_write_is_taken_back(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, true);
	struct rlimit before;
	struct stat st;
	char path[300];
	make_app(f, a, "x");
	begin(f, WRITER_A);
	add(f, "x", 0, 1, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	snprintf(path, sizeof(path), "%s/p/x/log.jsonl", f->folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit small = {(rlim_t)st.st_size + 20, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	begin(f, WRITER_A);
	add(f, "x", 0, 2, 0);
	add(f, "x", 0, 3, 0);
	enum verdict_kind kind = put(f, a);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(kind, VERDICT_LATER); /* a limit of this process: another may store it */
	assert_log(f, "x", "a.0.1");
	begin(f, WRITER_A);
	add(f, "x", 0, 4, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_log(f, "x", "a.0.1 a.0.4");
	appender_free(a);
}

static void a_log_that_was_cut_or_replaced_is_read_anew(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, true);
	char path[300];
	make_app(f, a, "x");
	begin(f, WRITER_A);
	add(f, "x", 0, 1, 0);
	add(f, "x", 0, 2, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	snprintf(path, sizeof(path), "%s/p/x/log.jsonl", f->folder);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(put(f, a), VERDICT_DONE); /* what is gone is stored again when it is sent again */
	assert_log(f, "x", "a.0.1 a.0.2");
	char *text = testing_read(f->folder, "p/x/log.jsonl");
	assert_int_equal(unlink(path), 0);
	testing_write(f->folder, "p/x/log.jsonl", text);
	free(text);
	add(f, "x", 0, 3, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_log(f, "x", "a.0.1 a.0.2 a.0.3");
	appender_free(a);
}

static void a_damaged_batch_stores_nothing(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, true);
	struct request request;
	make_app(f, a, "x");
	begin(f, WRITER_A);
	add(f, "x", 0, 1, 0);
	request_put_entry_head(&f->request, 2);
	buf_append_str(&f->request, "\xff\xff");
	assert_int_equal(request_read(buf_slice(&f->request), &request, NULL), BURR_OK);
	buf_clear(&f->reply);
	assert_int_equal(appender_store(a, &request, &f->reply, NULL), BURR_ECORRUPT);
	assert_log(f, "x", "");
	appender_free(a);
}

/* A batch that ends at any byte: refused with nothing stored, or, where the end is an entry's, all before it
 * and nothing else. */
static void a_batch_cut_anywhere_is_refused_or_whole(void **state)
{
	static const char *const ids[] = {"x", "y", "x", "z", "y", "x"};
	enum { ENTRIES = sizeof(ids) / sizeof(ids[0]) };
	struct fixture *f = *state;
	size_t ends[ENTRIES + 1];
	begin(f, WRITER_A);
	ends[0] = f->request.len;
	for (size_t i = 0; i < ENTRIES; i++) {
		add(f, ids[i], 0, i + 1, 0);
		ends[i + 1] = f->request.len;
	}
	for (size_t len = 0; len <= f->request.len; len++) {
		struct appender *a = new_appender(f, 8, true);
		struct fixture other = *f;
		struct request request;
		struct buf expected[3] = {BUF_INIT, BUF_INIT, BUF_INIT};
		other.request = other.reply = (struct buf)BUF_INIT;
		for (char name[] = "x"; *name <= 'z'; ++*name)
			make_app(&other, a, name);
		size_t whole = 0;
		while (whole < ENTRIES && ends[whole + 1] <= len)
			whole++;
		buf_clear(&f->reply);
		/* A copy of the exact size, so that a sanitizer sees a read past the end. */
		char *bytes = malloc(len + 1);
		assert_non_null(bytes);
		memcpy(bytes + 1, f->request.data, len);
		burr_status status = request_read((struct slice){bytes + 1, len}, &request, NULL);
		if (status == BURR_OK && request.entry_count)
			status = appender_store(a, &request, &f->reply, NULL);
		assert_true(len < ends[0] || (status == BURR_OK) == (len == ends[whole]));
		for (size_t i = 0; i < whole && status == BURR_OK; i++) {
			struct buf *log = &expected[*ids[i] - 'x'];
			buf_printf(log, "%sa.0.%zu", log->len ? " " : "", i + 1);
		}
		for (char name[] = "x"; *name <= 'z'; ++*name) {
			char path[20];
			struct buf *log = &expected[*name - 'x'];
			assert_log(f, name, log->len ? log->data : "");
			buf_fini(log);
			snprintf(path, sizeof(path), "p/%s/log.jsonl", name);
			testing_write(f->folder, path, "");
		}
		free(bytes);
		buf_fini(&other.request);
		buf_fini(&other.reply);
		appender_free(a);
	}
}

/* Files that a crash left empty or half written count as missing. */
static void broken_files_of_an_application_are_made_again(void **state)
{
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	testing_write(f->folder, "p/x/graph.json", "");
	testing_write(f->folder, "p/x/metadata.json", "{\"type\":");
	make_app(f, a, "x");
	char *graph = testing_read(f->folder, "p/x/graph.json");
	char *metadata = testing_read(f->folder, "p/x/metadata.json");
	assert_non_null(strstr(graph, "\"type\":\"application\""));
	assert_non_null(strstr(metadata, "\"type\":\"application_metadata\""));
	free(graph);
	free(metadata);
	appender_free(a);
}

/* ---- side files ---- */

static void put_side_entry(struct fixture *f, const char *app_id, uint64_t n, const struct buf *record)
{
	struct buf entry = BUF_INIT;
	entry_put_app(&entry, "p", app_id, NULL, 0);
	entry_put_identity(&entry, 0, n, 1000);
	entry_put_side(&entry, record->len);
	request_put_entry_head(&f->request, entry.len);
	buf_append_slice(&f->request, buf_slice(&entry));
	buf_fini(&entry);
}

static void write_side(struct fixture *f, uint64_t n, struct slice bytes)
{
	char name[SIDE_NAME_SIZE];
	char path[400];
	side_file_name(name, sizeof(name), WRITER_A, 0, n);
	snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
	assert_int_equal(fclose(file), 0);
}

static void remove_side(struct fixture *f, uint64_t n)
{
	char name[SIDE_NAME_SIZE];
	side_file_name(name, sizeof(name), WRITER_A, 0, n);
	assert_int_equal(unlinkat(f->store->dir_fd, name, 0), 0);
}

static void make_large(struct buf *record, size_t len)
{
	char *state = malloc(len + 1);
	assert_non_null(state);
	memset(state, 'x', len);
	memcpy(state, "{\"text\":\"", 9);
	memcpy(state + len - 2, "\"}", 3);
	buf_clear(record);
	entry_put_end_entry(record, 1, "a", NULL, NULL, state);
	free(state);
}

static uint64_t lost_count(struct fixture *f)
{
	struct reply reply;
	assert_int_equal(reply_read(buf_slice(&f->reply), &reply, NULL), BURR_OK);
	assert_true(!reply.lost_count == !reply.lost_text.data);
	return reply.lost_count;
}

static void a_side_file_is_taken_as_its_record(void **state)
{
	struct fixture *f = *state;
	struct buf record = BUF_INIT;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	make_large(&record, 3 << 20);
	write_side(f, 2, buf_slice(&record));
	begin(f, WRITER_A);
	add(f, "x", 0, 1, 0);
	put_side_entry(f, "x", 2, &record);
	add(f, "x", 0, 3, 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(put(f, a), VERDICT_DONE);
		assert_int_equal(lost_count(f), 0);
		assert_log(f, "x", "a.0.1 a.0.2 a.0.3");
	}
	/* It is not the appender's to remove; gone and sent again, it is in the log all the same. */
	remove_side(f, 2);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(lost_count(f), 0);
	appender_free(a);
	a = new_appender(f, 8, true);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(lost_count(f), 0);
	assert_log(f, "x", "a.0.1 a.0.2 a.0.3");
	appender_free(a);
	buf_fini(&record);
}

/* Many times a batch's memory: written in parts. */
static void many_side_files_are_taken_in_one_batch(void **state)
{
	enum { FILES = 5 };
	struct fixture *f = *state;
	struct buf record = BUF_INIT;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	make_large(&record, 5 << 20);
	begin(f, WRITER_A);
	for (uint64_t n = 1; n <= FILES; n++) {
		write_side(f, n, buf_slice(&record));
		put_side_entry(f, "x", n, &record);
	}
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_log(f, "x", "a.0.1 a.0.2 a.0.3 a.0.4 a.0.5");
	appender_free(a);
	buf_fini(&record);
}

static void an_application_may_come_in_a_side_file(void **state)
{
	struct fixture *f = *state;
	struct buf record = BUF_INIT;
	struct appender *a = new_appender(f, 8, true);
	burr_app_info info = BURR_APP_INFO_INIT;
	entry_put_application(&record, &info);
	write_side(f, 1, buf_slice(&record));
	begin(f, WRITER_A);
	put_side_entry(f, "x", 1, &record);
	add(f, "x", 0, 2, 0);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_log(f, "x", "a.0.2");
	appender_free(a);
	buf_fini(&record);
}

/* What cannot be had again costs itself alone, and is counted once. */
static void a_side_file_that_is_gone_is_a_lost_record(void **state)
{
	struct fixture *f = *state;
	struct buf record = BUF_INIT;
	struct appender *a = new_appender(f, 8, true);
	char name[SIDE_NAME_SIZE];
	make_app(f, a, "x");
	make_large(&record, 100000);
	begin(f, WRITER_A);
	add(f, "x", 0, 1, 0);
	for (uint64_t n = 2; n <= 6; n++)
		put_side_entry(f, "x", n, &record); /* 2: missing */
	add(f, "x", 0, 7, 0);
	write_side(f, 3, (struct slice){record.data, record.len - 1}); /* too short */
	side_file_name(name, sizeof(name), WRITER_A, 0, 4);
	assert_int_equal(symlinkat(".burr-store", f->store->dir_fd, name), 0);
	side_file_name(name, sizeof(name), WRITER_A, 0, 5);
	assert_int_equal(mkdirat(f->store->dir_fd, name, 0700), 0);
	memset(record.data, 0xFF, 20);
	write_side(f, 6, buf_slice(&record)); /* no record */
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(lost_count(f), 5);
	assert_log(f, "x", "a.0.1 a.0.7");
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(lost_count(f), 0);
	begin(f, WRITER_A);
	put_side_entry(f, "x", 8, &record);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(lost_count(f), 1);
	assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(lost_count(f), 0);
	assert_log(f, "x", "a.0.1 a.0.7");
	appender_free(a);
	buf_fini(&record);
}

/* ---- many writers ---- */

/* More than a log's table of writers holds: what was thrown out of it is found in the log again. */
static void more_writers_than_are_remembered(void **state)
{
	enum { LANES = 5000, AT_ONCE = 1000 };
	struct fixture *f = *state;
	struct appender *a = new_appender(f, 8, true);
	make_app(f, a, "x");
	for (uint64_t round = 1; round <= 2; round++) {
		for (uint32_t lane = 0; lane < LANES; lane += AT_ONCE) {
			begin(f, lane % (2 * AT_ONCE) ? WRITER_A : WRITER_B);
			for (uint32_t i = 0; i < AT_ONCE; i++)
				for (uint64_t n = 1; n <= round; n++)
					add(f, "x", lane + i, n, 0);
			assert_int_equal(put(f, a), VERDICT_DONE);
			assert_int_equal(put(f, a), VERDICT_DONE);
		}
	}
	appender_free(a);
	char *text = testing_read(f->folder, "p/x/log.jsonl");
	size_t lines = 0;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 2 * LANES);
	free(text);
}

/* How often a batch is put until it is stored, 25 ms between. */
static int count_tries(struct fixture *f, struct appender *a)
{
	enum { TRIES_MAX = 20 };
	int tries = 1;
	while (put(f, a) == VERDICT_LATER && tries < TRIES_MAX) {
		usleep(25000);
		tries++;
	}
	return tries;
}

/* Once without a descriptor, at a time when no log was open: logs are kept open again after that, and so
 * a torn tail is timed. */
static void a_lack_of_descriptors_passes(void **state)
{
	struct fixture *f = *state;
	struct rlimit before;
	struct appender *a = new_appender(f, 3, true);
	make_app(f, a, "x");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit none = {0, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	begin(f, WRITER_A);
	add(f, "x", 2, 1, 0);
	assert_int_equal(put(f, a), VERDICT_LATER);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(appender_log_max(a), 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(put(f, a), VERDICT_DONE);
	assert_int_equal(appender_log_max(a), 3);
	testing_append(f->folder, "p/x/log.jsonl", "{\"type\":\"begin_en");
	begin(f, WRITER_A);
	add(f, "x", 2, 2, 0);
	assert_int_equal(count_tries(f, a), 2);
	appender_free(a);
}

/* In the middle of a batch what is not of it gives way. */
static void a_batch_takes_the_place_of_other_logs(void **state)
{
	enum { APPS = 20, FREE = 14 };
	struct fixture *f = *state;
	struct rlimit before;
	char name[16];
	struct appender *a = new_appender(f, APPS, true);
	for (int i = 0; i < APPS; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		make_app(f, a, name);
	}
	int next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit few = {(rlim_t)next + FREE, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (int i = 0; i < APPS; i++) {
		if (i % (APPS / 2) == 0)
			begin(f, WRITER_A);
		snprintf(name, sizeof(name), "n%d", i);
		add(f, name, 2, 1, 0);
		if (i % (APPS / 2) == APPS / 2 - 1)
			assert_int_equal(put(f, a), VERDICT_DONE);
	}
	assert_int_equal(appender_log_max(a), APPS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_log(f, "n19", "a.2.1");
	appender_free(a);
}

/* More applications than may stay open are busy between two looks at the torn log. */
static void a_torn_tail_is_timed_beside_busy_neighbours(void **state)
{
	enum { NEIGHBOURS = 12, TRIES_MAX = 10 };
	struct fixture *f = *state;
	char name[16];
	struct appender *a = new_appender(f, 4, true);
	make_app(f, a, "x");
	for (int i = 0; i < NEIGHBOURS; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		make_app(f, a, name);
	}
	testing_append(f->folder, "p/x/log.jsonl", "{\"type\":\"begin_en");
	enum verdict_kind verdict = VERDICT_LATER;
	int tries = 0;
	for (uint64_t n = 1; verdict == VERDICT_LATER && tries < TRIES_MAX; tries++) {
		for (int round = 0; round < 3; round++, n++) {
			begin(f, WRITER_B);
			for (int i = 0; i < NEIGHBOURS; i++) {
				snprintf(name, sizeof(name), "n%d", i);
				add(f, name, 2, n, 0);
			}
			assert_int_equal(put(f, a), VERDICT_DONE);
		}
		begin(f, WRITER_A);
		add(f, "x", 2, 1, 0);
		verdict = put(f, a);
		usleep(25000);
	}
	assert_int_equal(verdict, VERDICT_DONE);
	assert_int_equal(tries, 2);
	appender_free(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* A reader that looked for the end while half a line was there, which was taken back before it read. */
static void a_log_that_became_shorter_is_read_from_its_end(void **state)
{
	struct fixture *f = *state;
	struct log_reader reader;
	struct log_line line;
	testing_write(f->folder, "shorter", "{\"a\":1}\n{\"b\":2}\n");
	CLEAN(fd_close) int fd = openat(f->store->dir_fd, "shorter", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	log_reader_init(&reader, fd, 16 + 7);
	assert_true(log_reader_previous(&reader, &line));
	assert_true(slice_is(line.text, "{\"b\":2}") && line.offset == 8);
	assert_true(log_reader_previous(&reader, &line));
	assert_true(slice_is(line.text, "{\"a\":1}") && line.offset == 0);
	assert_false(log_reader_previous(&reader, &line));
	assert_int_equal(reader.status, BURR_OK);
	log_reader_fini(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_is_left_out),
		TEST(a_successor_reads_the_log),
		TEST(a_state_may_have_a_key_like_the_identity),
		TEST(two_appenders_share_a_log),
		TEST(a_log_that_became_shorter_is_read_from_its_end),
		TEST(a_log_that_is_locked_is_later_and_the_others_go_on),
		TEST(logs_come_and_go_from_the_cache),
		TEST(logs_are_closed_where_descriptors_are_short),
		TEST(a_lack_of_descriptors_passes),
		TEST(a_batch_takes_the_place_of_other_logs),
		TEST(a_torn_tail_is_timed_beside_busy_neighbours),
		TEST(half_a_write_is_taken_back),
		TEST(a_log_that_was_cut_or_replaced_is_read_anew),
		TEST(a_damaged_batch_stores_nothing),
		TEST(a_batch_cut_anywhere_is_refused_or_whole),
		TEST(broken_files_of_an_application_are_made_again),
		TEST(a_side_file_is_taken_as_its_record),
		TEST(many_side_files_are_taken_in_one_batch),
		TEST(an_application_may_come_in_a_side_file),
		TEST(a_side_file_that_is_gone_is_a_lost_record),
		TEST(more_writers_than_are_remembered),
	};
	return cmocka_run_group_tests_name("append", tests, NULL, NULL);
}
