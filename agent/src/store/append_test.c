/* The appender: exactly once whoever appends after whom, all or nothing, each application for itself. */
#include "base/testing.h"

#include "store/append.h"
#include "store/create.h"
#include "wire/entry.h"
#include "wire/limits.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

#define WRITER_A SLICE_LIT("aaaaaaaaaaaaaaaa")
#define WRITER_B SLICE_LIT("bbbbbbbbbbbbbbbb")

struct fixture {
	char *folder;
	struct store *store;
	struct buf request;
	struct buf reply;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *folder = NULL;
	if (!f || testing_make_folder(&folder) != 0)
		return -1;
	f->folder = folder;
	*state = f;
	return store_open(f->folder, STORE_WRITE, &f->store, NULL) == BURR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	void *folder = f->folder;
	store_close(f->store);
	buf_fini(&f->request);
	buf_fini(&f->reply);
	testing_remove_folder(&folder);
	free(f);
	return 0;
}

static struct appender *new_appender(struct fixture *f, size_t log_max, bool alone)
{
	struct appender_options options = {.log_max = log_max, .alone = alone};
	struct appender *a = appender_new(f->store, &options);
	assert_non_null(a);
	return a;
}

static void begin(struct fixture *f, struct slice writer)
{
	struct request request = {.protocol = 1, .writer = writer};
	buf_clear(&f->request);
	request_put(&f->request, &request);
}

static void add(struct fixture *f, const char *app_id, uint32_t lane, uint64_t n, uint64_t log_start)
{
	struct buf entry = BUF_INIT;
	entry_put_app(&entry, "p", app_id, NULL, log_start);
	entry_put_identity(&entry, lane, n, 1000);
	entry_put_begin_entry(&entry, (int64_t)n, "a", NULL, NULL);
	request_put_entry_head(&f->request, entry.len);
	buf_append_slice(&f->request, buf_slice(&entry));
	buf_fini(&entry);
}

static void add_application(struct fixture *f, const char *app_id)
{
	struct buf entry = BUF_INIT;
	burr_app_info info = BURR_APP_INFO_INIT;
	entry_put_app(&entry, "p", app_id, NULL, 0);
	entry_put_identity(&entry, 9, 1, 1000);
	entry_put_application(&entry, &info);
	request_put_entry_head(&f->request, entry.len);
	buf_append_slice(&f->request, buf_slice(&entry));
	buf_fini(&entry);
}

/* Store the request; the verdict of its first application. */
static enum verdict_kind put(struct fixture *f, struct appender *a)
{
	struct request request;
	struct verdict verdict;
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(request_read(buf_slice(&f->request), &request, NULL), BURR_OK);
	buf_clear(&f->reply);
	if (appender_store(a, &request, &f->reply, &err) != BURR_OK)
		fail_msg("%s", err.message);
	struct pb_reader r = pb_reader(buf_slice(&f->reply));
	assert_true(reply_next_verdict(&r, &verdict));
	return verdict.kind;
}

static void make_app(struct fixture *f, struct appender *a, const char *app_id)
{
	begin(f, WRITER_A);
	add_application(f, app_id);
	assert_int_equal(put(f, a), VERDICT_DONE);
}

/* The identities in a log, one after the other: "aaaa….0.1 aaaa….0.2". */
static void assert_log(struct fixture *f, const char *app_id, const char *expected)
{
	char name[64];
	struct buf found = BUF_INIT;
	snprintf(name, sizeof(name), "p/%s/log.jsonl", app_id);
	char *text = testing_read(f->folder, name);
	for (char *line = text; *line;) {
		char *newline = strchr(line, '\n');
		struct identity identity;
		assert_non_null(newline);
		if (line_find_identity((struct slice){line, (size_t)(newline - line)}, &identity))
			buf_printf(&found, "%s%c.%u.%llu", found.len ? " " : "", identity.writer[0],
				identity.lane, (unsigned long long)identity.n);
		line = newline + 1;
	}
	free(text);
	assert_string_equal(found.len ? found.data : "", expected);
	buf_fini(&found);
}

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
	assert_int_equal(kind, VERDICT_NEVER); /* a file that may not grow: not a thing that passes */
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_is_left_out),
		TEST(a_successor_reads_the_log),
		TEST(a_state_may_have_a_key_like_the_identity),
		TEST(two_appenders_share_a_log),
		TEST(a_log_that_is_locked_is_later_and_the_others_go_on),
		TEST(logs_come_and_go_from_the_cache),
		TEST(logs_are_closed_where_descriptors_are_short),
		TEST(half_a_write_is_taken_back),
		TEST(a_log_that_was_cut_or_replaced_is_read_anew),
		TEST(a_damaged_batch_stores_nothing),
		TEST(broken_files_of_an_application_are_made_again),
	};
	return cmocka_run_group_tests_name("append", tests, NULL, NULL);
}
