/* Pages of runs when there is no time: they are short, and miss nothing. What each filter and sort gives is
 * tests/e2e/api_v1_test.py's. */
#include "base/clean.h"
#include "catalog/reader.h"
#include "catalog/runs.h"
#include "catalog/testing.h"

#include <inttypes.h>

#define INPUT(seq, x)                                                                     \
	"{\"type\":\"begin_entry\",\"start_time\":\"2026-01-01T00:00:0" seq ".000000Z\"," \
	"\"action\":\"a\",\"inputs\":{\"x\":" x "},\"sequence_id\":" seq "}\n" END_AT(seq, "0" seq)

static void put_name(const struct catalog_app *app, void *ctx)
{
	struct buf *names = ctx;
	buf_append_slice(names, app->app_id);
	buf_append_char(names, ' ');
}

/* All pages, each asked for when its time is over already. */
static void expect_all(struct fixture *f, const char *filter_text, const char *expected)
{
	CLEAN(buf_fini) struct buf names = BUF_INIT;
	CLEAN(buf_fini) struct buf cursor = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	struct filter *filter = NULL;
	struct runs_page page = {.cursor = BUF_INIT};
	assert_int_equal(filter_parse(slice_of(filter_text), 0, &filter, &err), BURR_OK);
	struct runs_request request = {
		.project = SLICE_LIT("p"), .filter = filter, .limit = 100, .deadline_ns = 1};
	do {
		buf_clear(&cursor);
		buf_append_slice(&cursor, buf_slice(&page.cursor));
		request.cursor = buf_slice(&cursor);
		if (catalog_list_runs(f->reader, &request, put_name, &names, &page, &err) != BURR_OK)
			fail_msg("%s", err.message);
		assert_int_equal(page.complete, page.cursor.len == 0);
	} while (page.cursor.len);
	buf_append_str(&names, "");
	assert_string_equal(names.data, expected);
	buf_fini(&page.cursor);
	filter_free(filter);
}

static void without_time_nothing_is_missed(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "early", INPUT("0", "7") INPUT("1", "0") INPUT("2", "0"));
	testing_make_app(f->folder, "p", "late", INPUT("0", "0") INPUT("1", "0") INPUT("3", "7"));
	testing_make_app(f->folder, "p", "never", INPUT("0", "0") INPUT("1", "0") INPUT("4", "0"));
	fixture_open(f);
	fixture_update(f);
	expect_all(f, "", "never late early ");
	expect_all(f, "input.x:7", "late early ");
	expect_all(f, "-input.x:7", "never ");
	expect_all(f, "input.x:7,8", "late early ");
	expect_all(f, "-state.n:4 input.x:*", "late early ");
}

static void put_hour(const struct catalog_hour *hour, void *ctx)
{
	struct buf *text = ctx;
	buf_printf(text, "%.*s+%" PRId64 ": %" PRId64 " (%" PRId64 ") ", (int)hour->project.len,
		hour->project.data, hour->hour, hour->run_count, hour->failed_count);
}

static void expect_hours(struct fixture *f, int64_t from_us, int64_t hours, const char *expected)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(catalog_list_activity(f->reader, from_us, hours, put_hour, &text, &err), BURR_OK);
	buf_append_str(&text, "");
	assert_string_equal(text.data, expected);
}

static void runs_count_for_the_hour_that_they_ended_in(void **state)
{
	static const int64_t HOUR_US = 3600000000, AT_3_S_US = 1767225603000000; /* 2026-01-01T00:00:03Z */
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "early", INPUT("2", "0"));
	testing_make_app(f->folder, "p", "later", INPUT("3", "0"));
	testing_make_app(f->folder, "p", "failed",
		"{\"type\":\"end_entry\",\"end_time\":\"2026-01-01T00:00:04Z\",\"action\":\"a\",\"result\":"
		"null,"
		"\"exception\":\"E\",\"state\":{},\"sequence_id\":0}\n");
	testing_make_app(f->folder, "q", "last", INPUT("5", "0"));
	fixture_open(f);
	fixture_update(f);
	expect_hours(f, AT_3_S_US - HOUR_US, 2, "p+0: 1 (0) p+1: 2 (1) q+1: 1 (0) ");
	expect_hours(f, AT_3_S_US - HOUR_US, 1, "p+0: 3 (1) q+0: 1 (0) ");
	expect_hours(f, AT_3_S_US + 1000000, 9, "p+0: 1 (1) q+0: 1 (0) ");
}

static void a_cursor_is_one_that_a_page_gave(void **state)
{
	static const char *const texts[] = {"1", "_", "1_2", "-last_", "-last_1", "-last_1_", "-last__1",
		"-last_1_2_3", "-last_1_2 ", " -last_1_2", "-last_ 1_2", "-last_1.0_2", "-last_+1_2",
		"-last_99999999999999999999_1", "-last_1_99999999999999999999", "-last_0x1_2", "--last_1_2",
		"last", "-none_1_2", "last_1_2", "-steps_1_2", "steps_1_2"};
	struct fixture *f = *state;
	fixture_open(f);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		burr_error err = BURR_ERROR_INIT;
		struct runs_page page = {.cursor = BUF_INIT};
		struct runs_request request = {
			.project = SLICE_LIT("p"), .limit = 1, .cursor = slice_of(texts[i])};
		burr_status status = catalog_list_runs(f->reader, &request, put_name, NULL, &page, &err);
		if (status != BURR_EINVAL || !strstr(err.message, "cursor"))
			fail_msg("%s: %d %s", texts[i], status, err.message);
	}
}

static void put_both_names(const struct catalog_app *app, void *ctx)
{
	buf_append_slice(ctx, app->project);
	buf_append_char(ctx, '/');
	put_name(app, ctx);
}

/* One after another, as a search over all projects asks for them. */
static void runs_of_all_projects_come_newest_first(void **state)
{
	CLEAN(buf_fini) struct buf names = BUF_INIT;
	CLEAN(buf_fini) struct buf cursor = BUF_INIT;
	struct runs_page page = {.cursor = BUF_INIT};
	struct runs_request request = {.limit = 1, .deadline_ns = INT64_MAX};
	burr_error err = BURR_ERROR_INIT;
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "first", STEP_AT("0", "01"));
	testing_make_app(f->folder, "q", "second", STEP_AT("0", "02"));
	testing_make_app(f->folder, "p", "third", STEP_AT("0", "03"));
	testing_make_app(f->folder, "r", "also-third", STEP_AT("0", "03"));
	fixture_open(f);
	fixture_update(f);
	do {
		buf_clear(&cursor);
		buf_append_slice(&cursor, buf_slice(&page.cursor));
		request.cursor = buf_slice(&cursor);
		if (catalog_list_runs(f->reader, &request, put_both_names, &names, &page, &err) != BURR_OK)
			fail_msg("%s", err.message);
	} while (page.cursor.len);
	buf_append_str(&names, "");
	assert_true(strcmp(names.data, "r/also-third p/third q/second p/first ") == 0 ||
		    strcmp(names.data, "p/third r/also-third q/second p/first ") == 0);
	buf_fini(&page.cursor);
}

static void expect_roots(struct fixture *f, const char *expected)
{
	CLEAN(buf_fini) struct buf names = BUF_INIT;
	struct runs_page page = {.cursor = BUF_INIT};
	struct runs_request request = {
		.project = SLICE_LIT("p"), .roots_only = true, .limit = 100, .deadline_ns = INT64_MAX};
	fixture_update(f);
	assert_int_equal(catalog_list_runs(f->reader, &request, put_name, &names, &page, NULL), BURR_OK);
	buf_append_str(&names, "");
	assert_string_equal(names.data, expected);
	assert_int_equal(page.total, 1);
	buf_fini(&page.cursor);
}

static void a_child_without_its_parent_is_a_root(void **state)
{
	struct fixture *f = *state;
	char parent[512];
	char away[512];
	snprintf(parent, sizeof(parent), "%s/p/parent", f->folder);
	snprintf(away, sizeof(away), "%s/parent", f->folder);
	testing_make_app(f->folder, "p", "child", STEP_AT("0", "01"));
	testing_write(f->folder, "p/child/metadata.json",
		"{\"parent_pointer\":{\"app_id\":\"parent\",\"sequence_id\":0}}");
	fixture_open(f);
	expect_roots(f, "child ");
	testing_make_app(f->folder, "p", "parent", STEP_AT("0", "02"));
	expect_roots(f, "parent ");
	assert_int_equal(rename(parent, away), 0);
	expect_roots(f, "child ");
	assert_int_equal(rename(away, parent), 0);
	expect_roots(f, "parent ");
}

static void expect_no_sorting(struct fixture *f)
{
	sqlite3_stmt *stmt = NULL;
	while ((stmt = sqlite3_next_stmt(f->reader->db.conn, stmt)))
		if (sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_SORT, 0))
			fail_msg("it sorts all for a page: %s", sqlite3_sql(stmt));
}

/* Both pages of two runs. */
static void ask_in_order(struct fixture *f, enum run_sort sort, bool ascending, const struct filter *filter)
{
	CLEAN(buf_fini) struct buf names = BUF_INIT;
	CLEAN(buf_fini) struct buf cursor = BUF_INIT;
	struct runs_page page = {.cursor = BUF_INIT};
	struct runs_request request = {.project = SLICE_LIT("p"),
		.filter = filter,
		.sort = sort,
		.ascending = ascending,
		.limit = 1,
		.deadline_ns = INT64_MAX};
	for (int i = 0; i < 2; i++) {
		buf_clear(&cursor);
		buf_append_slice(&cursor, buf_slice(&page.cursor));
		request.cursor = buf_slice(&cursor);
		assert_int_equal(
			catalog_list_runs(f->reader, &request, put_name, &names, &page, NULL), BURR_OK);
		expect_no_sorting(f);
	}
	assert_int_equal(page.cursor.len, 0);
	buf_fini(&page.cursor);
}

static void a_page_in_any_order_costs_what_is_on_it(void **state)
{
	struct fixture *f = *state;
	struct filter *filter = NULL;
	testing_make_app(f->folder, "p", "one", STEP_AT("0", "01"));
	testing_make_app(f->folder, "p", "two", STEP_AT("0", "02"));
	fixture_open(f);
	fixture_update(f);
	assert_int_equal(
		filter_parse(SLICE_LIT("steps:>0 tokens:<9 duration:<1h"), 0, &filter, NULL), BURR_OK);
	for (int sort = 0; sort < RUN_SORT_COUNT; sort++) {
		for (int ascending = 0; ascending < 2; ascending++) {
			ask_in_order(f, sort, ascending, NULL);
			ask_in_order(f, sort, ascending, filter);
		}
	}
	filter_free(filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			without_time_nothing_is_missed, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			runs_of_all_projects_come_newest_first, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_cursor_is_one_that_a_page_gave, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			runs_count_for_the_hour_that_they_ended_in, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_child_without_its_parent_is_a_root, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_page_in_any_order_costs_what_is_on_it, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
