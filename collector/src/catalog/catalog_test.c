/* The catalog over stores of all kinds: what it finds, what it reads again, what it makes anew, and how it
 * hears of changes. */
#include "catalog/testing.h"

#include "catalog/reader.h"
#include "catalog/times.h"

/* ---- answers as texts, so that a test compares whole lists ---- */

static void put_project(const struct catalog_project *project, void *ctx)
{
	buf_printf(ctx, "%.*s(%lld) ", SLICE_ARG(project->name), (long long)project->app_count);
}

static char *projects_of(struct fixture *f)
{
	struct buf out = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	if (catalog_list_projects(f->reader, put_project, &out, &err) != BURR_OK)
		fail_msg("%s", err.message);
	buf_append_str(&out, "");
	return buf_take(&out);
}

static void put_app(const struct catalog_app *app, void *ctx)
{
	buf_printf(ctx, "%.*s:%lld ", SLICE_ARG(app->app_id), (long long)app->num_steps);
}

static char *apps_of(struct fixture *f, const char *project, struct slice partition, int64_t limit,
	int64_t offset, int64_t *out_total)
{
	struct buf out = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	if (catalog_list_apps(f->reader, slice_of(project), partition, limit, offset, out_total, put_app,
		    &out, &err) != BURR_OK)
		fail_msg("%s", err.message);
	buf_append_str(&out, "");
	return buf_take(&out);
}

#define ASSERT_PROJECTS(f, expected)                   \
	do {                                           \
		char *found_ = projects_of(f);         \
		assert_string_equal(found_, expected); \
		free(found_);                          \
	} while (0)

#define ASSERT_APPS(f, project, expected)                                         \
	do {                                                                      \
		int64_t total_;                                                   \
		char *found_ = apps_of(f, project, SLICE_NONE, 1000, 0, &total_); \
		assert_string_equal(found_, expected);                            \
		free(found_);                                                     \
	} while (0)

struct found_app {
	struct catalog_app app; /* numbers only */
	char partition[64];
	char parent[256];
	char first[64];
	char last[64];
};

static void keep_text(char *out, size_t size, struct slice text)
{
	snprintf(out, size, "%.*s", SLICE_ARG(text));
}

static void keep_app(const struct catalog_app *app, void *ctx)
{
	struct found_app *found = ctx;
	found->app = *app;
	keep_text(found->partition, sizeof(found->partition), app->partition_key);
	keep_text(found->parent, sizeof(found->parent), app->parent);
	keep_text(found->first, sizeof(found->first), app->first_text);
	keep_text(found->last, sizeof(found->last), app->last_text);
}

static struct found_app find(struct fixture *f, const char *project, const char *app_id)
{
	struct found_app found = {.partition = ""};
	burr_error err = BURR_ERROR_INIT;
	if (catalog_find_app(f->reader, slice_of(project), slice_of(app_id), keep_app, &found, &err) !=
		BURR_OK)
		fail_msg("%s", err.message);
	return found;
}

static bool put_step(const struct catalog_step *step, void *ctx)
{
	buf_printf(ctx, "%lld%s%s%s ", (long long)step->step.seq, step->step.begin_len ? "b" : "",
		step->step.end_len ? "e" : "", step->step.flags & STEP_FAILED ? "!" : "");
	return true;
}

static void assert_steps(struct fixture *f, const char *project, const char *app_id, const char *expected)
{
	struct buf out = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	struct found_app found = find(f, project, app_id);
	if (catalog_list_steps(f->reader, found.app.id, 0, 1000, put_step, &out, &err) != BURR_OK)
		fail_msg("%s", err.message);
	buf_append_str(&out, "");
	assert_string_equal(out.data, expected);
	buf_fini(&out);
}

/* ---- what is found ---- */

static void a_store_that_burr_wrote(void **state)
{
	struct fixture *f = *state;
	if (!testing_copy_real_store(f->folder))
		return;
	fixture_open(f);
	fixture_update(f);
	ASSERT_PROJECTS(f, "demo_chatbot(6) demo_counter(5) ");
	struct found_app run = find(f, "demo_counter", "count-to-50");
	assert_int_equal(run.app.num_steps, 51);
	assert_int_equal(run.app.step_count, 51);
	assert_int_equal(run.app.damaged, 0);
	assert_true(run.app.has_graph && run.app.has_metadata);
	assert_string_equal(run.partition, "user_3");
	/* Its attributes have UTC times inside steps with local ones. */
	run = find(f, "demo_chatbot", "chat-1-giraffe");
	assert_int_equal(run.app.zone, ZONE_INFERRED);
	assert_int_equal(run.app.zone_offset_s, -7 * 3600);
	assert_string_equal(run.last, "2024-08-27T11:57:38.744583");
	/* 2024-08-27T18:57:38.744583Z */
	assert_int_equal(run.app.last_us, INT64_C(1724785058744583));
}

struct damage {
	const char *name;
	const char *log;
	const char *steps;
	int64_t num_steps;
	int64_t damaged;
};

static const struct damage damages[] = {
	{"empty", "", "", 0, 0},
	{"one step", STEP_AT("0", "01"), "0be ", 1, 0},
	{"torn-tail", STEP_AT("0", "01") "{\"type\":\"begin_en", "0be ", 1, 0},
	{"only-a-torn-tail", "{\"type\":\"begin_en", "", 0, 0},
	{"garbage-line", STEP_AT("0", "01") "garbage\n" STEP_AT("1", "02"), "0be 1be ", 2, 1},
	{"empty-lines", "\n\n" STEP_AT("0", "01") "\n   \n" STEP_AT("1", "02"), "0be 1be ", 2, 0},
	{"leading-spaces", "        " STEP_AT("0", "01"), "0be ", 1, 0},
	{"merged-lines", "{\"type\":\"begin_en" STEP_AT("0", "01"), "0e ", 1, 1},
	{"array-line", "[1,2]\n" STEP_AT("0", "01"), "0be ", 1, 1},
	{"invalid-utf8",
		BEGIN_AT("0", "01") "{\"type\":\"attribute\",\"key\":\"\xff\",\"action_sequence_id\":0}\n",
		"0b ", 1, 1},
	{"no-sequence-id", "{\"type\":\"begin_entry\",\"action\":\"a\"}\n" STEP_AT("0", "01"), "0be ", 1, 1},
	{"negative-sequence-id", "{\"type\":\"begin_entry\",\"sequence_id\":-4}\n", "", 0, 1},
	{"unknown-type", "{\"type\":\"later\",\"sequence_id\":9}\n{\"no\":\"type\"}\n" STEP_AT("0", "01"),
		"0be ", 1, 0},
	{"no-times", "{\"type\":\"begin_entry\",\"sequence_id\":3}\n", "3b ", 4, 0},
	{"odd-times",
		"{\"type\":\"begin_entry\",\"start_time\":17,\"sequence_id\":3}\n"
		"{\"type\":\"end_entry\",\"end_time\":\"yesterday\",\"sequence_id\":3}\n",
		"3be ", 4, 0},
	{"end-alone", END_AT("5", "01"), "5e ", 6, 0},
	{"two-ends", STEP_AT("0", "01") END_AT("0", "02"), "0be 0e ", 1, 0},
	{"rewound", STEP_AT("0", "01") BEGIN_AT("1", "02") STEP_AT("1", "03") STEP_AT("0", "04"),
		"0be 1b 1be 0be ", 1, 0},
	{"failed",
		BEGIN_AT("0",
			"01") "{\"type\":\"end_entry\",\"end_time\":\"2026-01-01T00:00:02Z\",\"sequence_id\""
			      ":0,\"exception\":\"no\",\"action\":\"a\",\"state\":{}}\n",
		"0be! ", 1, 0},
	{"python-floats",
		BEGIN_AT("0", "01") "{\"type\":\"end_entry\",\"action\":\"a\",\"sequence_id\":0,"
				    "\"state\":{\"x\":NaN,\"y\":-Infinity,\"z\":\"NaN\"}}\n",
		"0be ", 1, 0},
	{"carriage-returns", "{\"type\":\"begin_entry\",\"sequence_id\":0}\r\n", "0b ", 1, 0},
	{"deep",
		"{\"type\":\"begin_entry\",\"sequence_id\":0,\"inputs\":"
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
		"[[[[["
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
		"[[[[[\n" STEP_AT("0", "01"),
		"0be ", 1, 1},
};

static void damage_costs_its_line_alone(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++)
		testing_make_app(f->folder, "p", damages[i].name, damages[i].log);
	fixture_open(f);
	fixture_update(f);
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		const struct damage *damage = &damages[i];
		print_message("    %s\n", damage->name);
		struct found_app found = find(f, "p", damage->name);
		assert_int_equal(found.app.num_steps, damage->num_steps);
		assert_int_equal(found.app.damaged, damage->damaged);
		assert_steps(f, "p", damage->name, damage->steps);
	}
}

static void folders_are_what_they_are(void **state)
{
	struct fixture *f = *state;
	testing_write(f->folder, "README.md", "no project");
	testing_make_dir(f->folder, ".hidden");
	testing_make_dir(f->folder, ".hidden/app");
	testing_make_dir(f->folder, "a name with spaces");
	testing_make_dir(f->folder, "empty");
	testing_make_log(f->folder, "p", "only-children", NULL);
	testing_write(f->folder, "p/only-children/children.jsonl", "{\"type\":\"child_application_data\"}\n");
	testing_make_log(f->folder, "p", "bare", NULL);
	testing_make_log(f->folder, "p", "no-graph", STEP_AT("0", "01"));
	testing_make_app(f->folder, "p", "no-log", NULL);
	testing_make_log(f->folder, "p", "bad-files", STEP_AT("0", "01"));
	testing_write(f->folder, "p/bad-files/graph.json", "{");
	testing_write(f->folder, "p/bad-files/metadata.json", "[1]");
	testing_make_log(f->folder, "p", ".trash", STEP_AT("0", "01"));
	testing_make_log(f->folder, "p", "log-is-a-folder", NULL);
	testing_make_dir(f->folder, "p/log-is-a-folder/log.jsonl");
	testing_write(f->folder, "p/annotations.jsonl", "{\"id\":0}\n");
	fixture_open(f);
	fixture_update(f);
	int64_t total;
	char *apps = apps_of(f, "p", SLICE_NONE, 1000, 0, &total);
	assert_int_equal(total, 6);
	free(apps);
	struct found_app found = find(f, "p", "only-children");
	assert_int_equal(found.app.num_steps, 0);
	assert_int_equal(found.app.zone, ZONE_NONE);
	assert_true(found.app.last_us > 0 && strlen(found.last) == 27); /* its file's */
	assert_false(found.app.has_graph || found.app.has_metadata);
	found = find(f, "p", "bad-files");
	assert_true(found.app.has_graph && !found.app.has_metadata);
	assert_int_equal(found.app.num_steps, 1);
	find(f, "p", "no-graph");
	find(f, "p", "no-log");
	find(f, "p", "bare");
	find(f, "p", "log-is-a-folder");
	char *projects = projects_of(f);
	assert_non_null(strstr(projects, "empty(0) "));
	assert_non_null(strstr(projects, "p(6) "));
	assert_null(strstr(projects, "hidden"));
	assert_null(strstr(projects, "spaces"));
	free(projects);
}

static void metadata_gives_partition_and_parents(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "child", STEP_AT("4", "01"));
	testing_write(f->folder, "p/child/metadata.json",
		"{\"partition_key\":\"user "
		"\\u00e9/1\",\"parent_pointer\":{\"app_id\":\"root\",\"sequence_id\":3,"
		"\"ours\":1},\"spawning_parent_pointer\":null}");
	fixture_open(f);
	fixture_update(f);
	struct found_app found = find(f, "p", "child");
	assert_string_equal(found.partition, "user \xc3\xa9/1");
	assert_string_equal(found.parent, "{\"type\":\"pointer_data\",\"app_id\":\"root\",\"sequence_id\":3,"
					  "\"partition_key\":null}");
	assert_int_equal(found.app.num_steps, 5);
	/* Another partition later on is seen, too. */
	testing_write(f->folder, "p/child/metadata.json", "{\"partition_key\":\"other\"}");
	fixture_update(f);
	assert_string_equal(find(f, "p", "child").partition, "other");
}

static void newest_by_the_last_record(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "late", STEP_AT("0", "30"));
	testing_make_app(f->folder, "p", "early", STEP_AT("0", "10") STEP_AT("1", "11"));
	testing_make_app(f->folder, "p", "middle", STEP_AT("0", "20"));
	fixture_open(f);
	fixture_update(f);
	ASSERT_APPS(f, "p", "late:1 middle:1 early:2 ");
	testing_append(f->folder, "p/early/log.jsonl", STEP_AT("2", "40"));
	fixture_update(f);
	ASSERT_APPS(f, "p", "early:3 late:1 middle:1 ");
	int64_t total;
	char *page = apps_of(f, "p", SLICE_NONE, 1, 1, &total);
	assert_string_equal(page, "late:1 ");
	assert_int_equal(total, 3);
	free(page);
	page = apps_of(f, "p", SLICE_NONE, 10, 3, &total);
	assert_string_equal(page, "");
	free(page);
	page = apps_of(f, "unknown", SLICE_NONE, 10, 0, &total);
	assert_string_equal(page, "");
	assert_int_equal(total, 0);
	free(page);
}

static void partitions_filter(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01"));
	testing_make_app(f->folder, "p", "b", STEP_AT("0", "02"));
	testing_make_app(f->folder, "p", "c", STEP_AT("0", "03"));
	testing_write(f->folder, "p/a/metadata.json", "{\"partition_key\":\"x\"}");
	testing_write(f->folder, "p/c/metadata.json", "{\"partition_key\":\"x\"}");
	fixture_open(f);
	fixture_update(f);
	int64_t total;
	char *page = apps_of(f, "p", SLICE_LIT("x"), 10, 0, &total);
	assert_string_equal(page, "c:1 a:1 ");
	assert_int_equal(total, 2);
	free(page);
	page = apps_of(f, "p", SLICE_LIT("x"), 1, 1, &total);
	assert_string_equal(page, "a:1 ");
	assert_int_equal(total, 2);
	free(page);
	page = apps_of(f, "p", SLICE_LIT("%"), 10, 0, &total);
	assert_string_equal(page, "");
	assert_int_equal(total, 0);
	free(page);
}

static void zones(void **state)
{
	(void)state;
	static const struct {
		int64_t low_s;
		int64_t offset_s;
	} cases[] = {
		{-7 * 3600, -7 * 3600},
		{-7 * 3600 - 5, -7 * 3600},
		{-7 * 3600 - 890, -7 * 3600},
		{0, 0},
		{-3, 0},
		{5 * 3600 + 1800 - 7, 5 * 3600 + 1800},
		{20700, 20700},
		{3600 - 800, 3600},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(zone_offset_from_low(cases[i].low_s * 1000000), cases[i].offset_s);
	int64_t low;
	assert_false(zone_bound(INT64_C(16) * 3600 * 1000000, 0, &low));
	assert_false(zone_bound(INT64_C(-16) * 3600 * 1000000, 0, &low));
}

/* ---- only what is new ---- */

static uint64_t lines_read(struct fixture *f)
{
	struct catalog_stats stats;
	catalog_get_stats(f->catalog, &stats);
	return stats.line_count;
}

static void appended_lines_are_read_once(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01") BEGIN_AT("1", "02"));
	fixture_open(f);
	fixture_update(f);
	assert_int_equal(lines_read(f), 3);
	fixture_update(f);
	assert_int_equal(lines_read(f), 3);
	/* The end belongs to a begin of an earlier pass, the torn rest is not yet there. */
	testing_append(f->folder, "p/a/log.jsonl", END_AT("1", "03") "{\"type\":\"begin_entry\",\"seq");
	fixture_update(f);
	assert_int_equal(lines_read(f), 4);
	assert_steps(f, "p", "a", "0be 1be ");
	testing_append(f->folder, "p/a/log.jsonl", "uence_id\":2}\n");
	fixture_update(f);
	assert_int_equal(lines_read(f), 5);
	assert_steps(f, "p", "a", "0be 1be 2b ");
	assert_int_equal(find(f, "p", "a").app.damaged, 0);
	/* A catalog that is closed and opened goes on where it was. */
	fixture_close(f);
	testing_append(f->folder, "p/a/log.jsonl", END_AT("2", "04"));
	fixture_open(f);
	fixture_update(f);
	assert_int_equal(lines_read(f), 1);
	assert_steps(f, "p", "a", "0be 1be 2be ");
	assert_string_equal(find(f, "p", "a").last, "2026-01-01T00:00:04.000000Z");
}

static void a_log_that_is_another_is_read_anew(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "cut", STEP_AT("0", "01") STEP_AT("1", "02"));
	testing_make_app(f->folder, "p", "replaced", STEP_AT("0", "01"));
	testing_make_app(f->folder, "p", "rewritten", STEP_AT("0", "01"));
	testing_make_app(f->folder, "p", "gone", STEP_AT("0", "01"));
	fixture_open(f);
	fixture_update(f);
	testing_write(f->folder, "p/cut/log.jsonl", STEP_AT("0", "01"));
	/* The same length at another inode. */
	testing_write(f->folder, "p/replaced/new", STEP_AT("7", "05"));
	char from[512];
	char to[512];
	snprintf(from, sizeof(from), "%s/p/replaced/new", f->folder);
	snprintf(to, sizeof(to), "%s/p/replaced/log.jsonl", f->folder);
	assert_int_equal(rename(from, to), 0);
	/* The same inode, longer, and other bytes before the place that was reached. */
	testing_write(f->folder, "p/rewritten/log.jsonl", STEP_AT("3", "03") STEP_AT("4", "04"));
	snprintf(to, sizeof(to), "%s/p/gone/log.jsonl", f->folder);
	assert_int_equal(unlink(to), 0);
	fixture_update(f);
	assert_steps(f, "p", "cut", "0be ");
	assert_steps(f, "p", "replaced", "7be ");
	assert_steps(f, "p", "rewritten", "3be 4be ");
	assert_steps(f, "p", "gone", "");
	assert_int_equal(find(f, "p", "gone").app.zone, ZONE_NONE);
	assert_int_equal(find(f, "p", "gone").app.num_steps, 0);
}

static void deleted_folders_vanish(void **state)
{
	struct fixture *f = *state;
	char path[512];
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01"));
	testing_make_app(f->folder, "p", "b", STEP_AT("0", "02"));
	testing_make_app(f->folder, "q", "c", STEP_AT("0", "03"));
	fixture_open(f);
	fixture_update(f);
	snprintf(path, sizeof(path), "%s/p/a", f->folder);
	remove_tree(path);
	snprintf(path, sizeof(path), "%s/q", f->folder);
	remove_tree(path);
	fixture_update(f);
	ASSERT_PROJECTS(f, "p(1) ");
	ASSERT_APPS(f, "p", "b:1 ");
	/* And come back. */
	testing_make_app(f->folder, "q", "c", STEP_AT("0", "03") STEP_AT("1", "04"));
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(catalog_update_app(f->catalog, SLICE_LIT("q"), SLICE_LIT("c"), &err), BURR_OK);
	ASSERT_APPS(f, "q", "c:2 ");
	assert_int_equal(catalog_update_app(f->catalog, SLICE_LIT(".."), SLICE_LIT("c"), &err), BURR_EINVAL);
	assert_int_equal(catalog_update_app(f->catalog, SLICE_LIT("q"), SLICE_LIT("none"), &err), BURR_OK);
	ASSERT_APPS(f, "q", "c:2 ");
}

static void a_long_log_is_committed_in_between(void **state)
{
	struct fixture *f = *state;
	struct buf log = BUF_INIT;
	buf_append_str(&log, BEGIN_AT("0", "01"));
	for (int i = 0; i < 100500; i++)
		buf_append_str(&log, "{\"type\":\"other\"}\n");
	buf_append_str(&log, END_AT("0", "02"));
	testing_make_app(f->folder, "p", "long", log.data);
	buf_fini(&log);
	fixture_open(f);
	fixture_update(f);
	assert_int_equal(lines_read(f), 100502);
	assert_steps(f, "p", "long", "0be ");
}

static void many_open_steps_meet_their_ends(void **state)
{
	struct fixture *f = *state;
	struct buf log = BUF_INIT;
	for (int i = 0; i < 5000; i++)
		buf_printf(&log, "{\"type\":\"begin_entry\",\"action\":\"a\",\"sequence_id\":%d}\n", i);
	for (int i = 4999; i >= 0; i--)
		buf_printf(&log, "{\"type\":\"end_entry\",\"action\":\"a\",\"sequence_id\":%d}\n", i);
	testing_make_app(f->folder, "p", "many", log.data);
	buf_fini(&log);
	fixture_open(f);
	fixture_update(f);
	assert_int_equal(find(f, "p", "many").app.step_count, 5000);
	assert_int_equal(find(f, "p", "many").app.num_steps, 1);
}

/* ---- the file itself ---- */

static void remake_and_check(struct fixture *f)
{
	fixture_open(f);
	fixture_update(f);
	ASSERT_APPS(f, "p", "a:1 ");
	assert_int_equal(lines_read(f), 2);
	fixture_close(f);
}

static void run_sql(struct fixture *f, const char *sql)
{
	char path[512];
	sqlite3 *db;
	snprintf(path, sizeof(path), "%s/" DB_FILE, f->folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void a_catalog_that_is_no_good_is_made_anew(void **state)
{
	struct fixture *f = *state;
	char path[512];
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01"));
	remake_and_check(f);
	snprintf(path, sizeof(path), "%s/" DB_FILE, f->folder);
	assert_int_equal(unlink(path), 0);
	remake_and_check(f);
	testing_write(f->folder, DB_FILE, "this is no database, but long enough to be looked at by one");
	remake_and_check(f);
	testing_write(f->folder, DB_FILE, "");
	remake_and_check(f);
	run_sql(f, "PRAGMA user_version = 7000");
	remake_and_check(f);
	run_sql(f, "DROP TABLE part");
	remake_and_check(f);
	run_sql(f, "ALTER TABLE application RENAME COLUMN last_us TO other");
	remake_and_check(f);
}

static void damage_inside_the_file(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 60; i++) {
		char name[32];
		snprintf(name, sizeof(name), "app-%02d", i);
		testing_make_app(f->folder, "p", name, STEP_AT("0", "01"));
	}
	fixture_open(f);
	fixture_update(f);
	fixture_close(f);
	testing_damage_catalog(f->folder);
	fixture_open(f);
	int64_t total = 0;
	struct buf out = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(
		catalog_list_apps(f->reader, SLICE_LIT("p"), SLICE_NONE, 10, 0, &total, put_app, &out, &err),
		BURR_ECORRUPT);
	buf_fini(&out);
	fixture_update(f);
	char *apps = apps_of(f, "p", SLICE_NONE, 100, 0, &total);
	assert_int_equal(total, 60);
	free(apps);
	assert_true(told_has(&f->told.messages, "anew"));
}

static void deleted_while_it_is_open(void **state)
{
	struct fixture *f = *state;
	char path[512];
	struct catalog_stats stats;
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01"));
	fixture_open(f);
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(catalog_start(f->catalog, &err), BURR_OK);
	told_await(&f->told, NULL);
	size_t progress = told_forget(&f->told);
	snprintf(path, sizeof(path), "%s/" DB_FILE, f->folder);
	assert_int_equal(unlink(path), 0);
	told_await(&f->told, "run/p/a"); /* indexed again */
	told_await(&f->told, NULL);
	assert_true(told_forget(&f->told) > progress);
	ASSERT_APPS(f, "p", "a:1 ");
	catalog_get_stats(f->catalog, &stats);
	assert_int_equal(stats.generation, 1);
	assert_int_equal(access(path, F_OK), 0);
}

static void a_store_that_cannot_be_written(void **state)
{
	struct fixture *f = *state;
	if (geteuid() == 0) {
		print_message("SKIP: root may write everywhere\n");
		return;
	}
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01"));
	fixture_open(f);
	fixture_close(f);
	char path[512];
	snprintf(path, sizeof(path), "%s/" DB_FILE, f->folder);
	unlink(path);
	assert_int_equal(chmod(f->folder, 0500), 0);
	fixture_open(f);
	fixture_update(f);
	ASSERT_APPS(f, "p", "a:1 ");
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(chmod(f->folder, 0700), 0);
}

static void ignore_app(const struct catalog_app *app, void *ctx)
{
	(void)app;
	(void)ctx;
}

/* What goes wrong with a statement before it runs is not the file's fault. */
static void a_statement_that_cannot_be_made_is_no_damage(void **state)
{
	struct fixture *f = *state;
	burr_error err = BURR_ERROR_INIT;
	struct catalog_stats stats;
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01"));
	fixture_open(f);
	fixture_update(f);
	int before = sqlite3_limit(f->reader->db.conn, SQLITE_LIMIT_SQL_LENGTH, 1);
	burr_status status =
		catalog_find_app(f->reader, SLICE_LIT("p"), SLICE_LIT("a"), ignore_app, NULL, &err);
	sqlite3_limit(f->reader->db.conn, SQLITE_LIMIT_SQL_LENGTH, before);
	assert_int_equal(status, BURR_EIO);
	assert_int_equal(err.code, BURR_EIO);
	assert_int_equal(
		catalog_find_app(f->reader, SLICE_LIT("p"), SLICE_LIT("a"), ignore_app, NULL, &err), BURR_OK);
	fixture_update(f);
	catalog_get_stats(f->catalog, &stats);
	assert_int_equal(stats.generation, 0);
	ASSERT_APPS(f, "p", "a:1 ");
}

/* ---- live ---- */

static void start(struct fixture *f, unsigned poll_ms, unsigned max_watches)
{
	burr_error err = BURR_ERROR_INIT;
	fixture_open_with(f, poll_ms, max_watches);
	assert_false(catalog_is_ready(f->catalog));
	if (catalog_start(f->catalog, &err) != BURR_OK)
		fail_msg("%s", err.message);
	told_await(&f->told, NULL);
	assert_true(catalog_is_ready(f->catalog));
}

/* Until the list is so; looked at again after each change that is told. */
static void await_apps(struct fixture *f, const char *project, const char *expected)
{
	size_t seen = 0;
	for (;;) {
		int64_t total;
		pthread_mutex_lock(&f->told.lock);
		seen = f->told.topic_count;
		pthread_mutex_unlock(&f->told.lock);
		char *found = apps_of(f, project, SLICE_NONE, 1000, 0, &total);
		bool same = strcmp(found, expected) == 0;
		free(found);
		if (same)
			return;
		told_await_any(&f->told, &seen);
	}
}

static void rename_below(struct fixture *f, const char *from, const char *to)
{
	char old_path[512];
	char new_path[512];
	snprintf(old_path, sizeof(old_path), "%s/%s", f->folder, from);
	snprintf(new_path, sizeof(new_path), "%s/%s", f->folder, to);
	assert_int_equal(rename(old_path, new_path), 0);
}

static void remove_below(struct fixture *f, const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", f->folder, name);
	remove_tree(path);
}

/* Everything that may happen to a store, each thing awaited. */
static void live_changes(struct fixture *f)
{
	told_forget(&f->told);
	testing_append(f->folder, "p/a/log.jsonl", STEP_AT("1", "05"));
	told_await(&f->told, "run/p/a");
	told_await(&f->told, "project/p");
	await_apps(f, "p", "a:2 ");
	testing_make_app(f->folder, "p", "b", STEP_AT("0", "06"));
	told_await(&f->told, "run/p/b");
	await_apps(f, "p", "b:1 a:2 ");
	testing_make_app(f->folder, "q", "c", NULL);
	told_await(&f->told, "project/q");
	await_apps(f, "q", "c:0 ");
	testing_append(f->folder, "q/c/log.jsonl", STEP_AT("4", "07"));
	await_apps(f, "q", "c:5 ");
	rename_below(f, "q/c", "q/d");
	await_apps(f, "q", "d:5 ");
	rename_below(f, "q", "r");
	await_apps(f, "q", "");
	await_apps(f, "r", "d:5 ");
	testing_append(f->folder, "r/d/log.jsonl", STEP_AT("5", "08"));
	await_apps(f, "r", "d:6 ");
	told_forget(&f->told);
	remove_below(f, "r");
	told_await(&f->told, "project/r");
	await_apps(f, "r", "");
	remove_below(f, "p/b");
	await_apps(f, "p", "a:2 ");
	ASSERT_PROJECTS(f, "p(1) ");
}

static void changes_are_heard_of(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01"));
	start(f, 3600000, 100000);
	live_changes(f);
	told_forget(&f->told);
	testing_write(f->folder, "p/annotations.jsonl", "");
	told_await(&f->told, "project/p");
	assert_int_equal(f->told.messages.len, 0);
}

static void without_watches_it_looks_again(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01"));
	start(f, 5, 0);
	live_changes(f);
	struct catalog_stats stats;
	catalog_get_stats(f->catalog, &stats);
	assert_true(stats.unwatched >= 2);
	pthread_mutex_lock(&f->told.lock);
	const char *first = strstr(f->told.messages.data, "max_user_watches");
	assert_non_null(first);
	assert_null(strstr(first + 1, "max_user_watches")); /* said once */
	pthread_mutex_unlock(&f->told.lock);
}

static void with_too_few_watches_both_work(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01"));
	start(f, 5, 2);
	live_changes(f);
}

static void topics_are_percent_encoded(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p:1", "a b\xc3\xa9!~*'()%", STEP_AT("0", "01"));
	start(f, 3600000, 100000);
	told_await(&f->told, "projects");
	told_await(&f->told, "project/p%3A1");
	told_await(&f->told, "run/p%3A1/a%20b%C3%A9!~*'()%25");
}

static void notes_that_come_during_the_first_scan(void **state)
{
	struct fixture *f = *state;
	burr_error err = BURR_ERROR_INIT;
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01"));
	testing_make_app(f->folder, "p", "b", STEP_AT("0", "02"));
	fixture_open_with(f, 3600000, 100000);
	catalog_note(f->catalog, SLICE_LIT("p"), SLICE_LIT("a"));
	assert_int_equal(catalog_start(f->catalog, &err), BURR_OK);
	told_await(&f->told, NULL);
	assert_true(catalog_is_ready(f->catalog));
	ASSERT_APPS(f, "p", "b:1 a:1 ");
}

static void progress_ends_with_all(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 20; i++) {
		char name[32];
		snprintf(name, sizeof(name), "app-%02d", i);
		testing_make_app(f->folder, "p", name, STEP_AT("0", "01"));
	}
	start(f, 3600000, 100000);
	assert_int_equal(f->told.progress, 20);
	fixture_close(f);
	start(f, 3600000, 100000); /* nothing to read: told once */
	assert_int_equal(f->told.progress, 1);
	assert_int_equal(lines_read(f), 0);
}

struct noter {
	struct fixture *f;
	int index;
};

static void *note_much(void *arg)
{
	struct noter *noter = arg;
	char name[32];
	snprintf(name, sizeof(name), "app-%d", noter->index);
	for (int i = 0; i < 200; i++) {
		catalog_note(noter->f->catalog, SLICE_LIT("p"), slice_of(name));
		catalog_note(noter->f->catalog, SLICE_LIT("p"), SLICE_LIT("shared"));
		catalog_note(noter->f->catalog, SLICE_LIT(".."), SLICE_LIT("shared"));
		catalog_note(noter->f->catalog, SLICE_LIT("p"), SLICE_LIT("../x"));
	}
	return NULL;
}

static void *ask_much(void *arg)
{
	struct fixture *f = arg;
	struct catalog_reader *reader;
	uint64_t offset;
	uint64_t len;
	if (catalog_reader_open(f->catalog, &reader, NULL) != BURR_OK)
		return NULL;
	for (int i = 0; i < 200; i++) {
		struct buf out = BUF_INIT;
		int64_t total;
		if (catalog_list_projects(reader, put_project, &out, NULL) != BURR_OK ||
			catalog_list_apps(reader, SLICE_LIT("p"), SLICE_NONE, 10, 0, &total, put_app, &out,
				NULL) != BURR_OK ||
			catalog_find_end(reader, SLICE_LIT("p"), SLICE_LIT("shared"), -1, &offset, &len,
				NULL) != BURR_OK)
			arg = NULL;
		buf_fini(&out);
	}
	catalog_reader_close(reader);
	return arg;
}

static void notes_and_questions_from_many_threads(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[6];
	struct noter noters[4];
	testing_make_app(f->folder, "p", "shared", STEP_AT("0", "01"));
	start(f, 3600000, 100000);
	for (int i = 0; i < 4; i++) {
		noters[i] = (struct noter){f, i};
		assert_int_equal(pthread_create(&threads[i], NULL, note_much, &noters[i]), 0);
	}
	for (int i = 4; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_much, f), 0);
	for (int i = 0; i < 200; i++)
		testing_append(f->folder, "p/shared/log.jsonl", STEP_AT("1", "02"));
	for (int i = 0; i < 6; i++) {
		void *result;
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_true(i < 4 || result);
	}
	int64_t attempts = 0;
	size_t seen = 0;
	while (attempts < 201) {
		told_await_any(&f->told, &seen);
		attempts = find(f, "p", "shared").app.step_count;
	}
	assert_int_equal(attempts, 201);
}

/* ---- the end of a step ---- */

static void assert_end(struct fixture *f, int64_t seq, const char *line)
{
	uint64_t offset;
	uint64_t len;
	burr_error err = BURR_ERROR_INIT;
	burr_status status =
		catalog_find_end(f->reader, SLICE_LIT("p"), SLICE_LIT("a"), seq, &offset, &len, &err);
	if (!line) {
		assert_int_equal(status, BURR_ENOTFOUND);
		return;
	}
	if (status != BURR_OK)
		fail_msg("%lld: %s", (long long)seq, err.message);
	char *log = testing_read(f->folder, "p/a/log.jsonl");
	assert_true(offset + len < strlen(log));
	log[offset + len] = '\0';
	assert_int_equal(strncmp(log + offset, line, len), 0);
	assert_int_equal(line[len], '\n');
	free(log);
}

static void the_end_of_a_step(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a",
		STEP_AT("3", "01") STEP_AT("4", "02") STEP_AT("4", "03") "junk\n" BEGIN_AT("5", "04"));
	fixture_open(f);
	for (int indexed = 0; indexed < 2; indexed++) { /* the same answers before and after */
		assert_end(f, 3, END_AT("3", "01"));
		assert_end(f, 4, END_AT("4", "03"));
		assert_end(f, -1, END_AT("4", "03"));
		assert_end(f, -2, END_AT("4", "02"));
		assert_end(f, -3, END_AT("3", "01"));
		assert_end(f, -4, NULL);
		assert_end(f, 5, NULL);
		assert_end(f, 0, NULL);
		assert_end(f, INT64_MIN, NULL);
		fixture_update(f);
	}
	/* What is not indexed yet counts, too. */
	testing_append(f->folder, "p/a/log.jsonl", END_AT("5", "05") STEP_AT("4", "06"));
	assert_end(f, -1, END_AT("4", "06"));
	assert_end(f, -2, END_AT("5", "05"));
	assert_end(f, -3, END_AT("4", "03"));
	assert_end(f, -5, END_AT("3", "01"));
	assert_end(f, -6, NULL);
	assert_end(f, 4, END_AT("4", "06"));
	assert_end(f, 3, END_AT("3", "01"));
	/* Another log: nothing of what was indexed. */
	testing_write(f->folder, "p/a/log.jsonl", STEP_AT("0", "01"));
	assert_end(f, -1, END_AT("0", "01"));
	assert_end(f, -2, NULL);
	assert_end(f, 3, NULL);
	uint64_t place;
	assert_int_equal(
		catalog_find_end(f->reader, SLICE_LIT("p"), SLICE_LIT("none"), -1, &place, &place, NULL),
		BURR_ENOTFOUND);
	assert_int_equal(
		catalog_find_end(f->reader, SLICE_LIT(".."), SLICE_LIT("a"), -1, &place, &place, NULL),
		BURR_EINVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_store_that_burr_wrote),
		TEST(damage_costs_its_line_alone),
		TEST(folders_are_what_they_are),
		TEST(metadata_gives_partition_and_parents),
		TEST(newest_by_the_last_record),
		TEST(partitions_filter),
		TEST(zones),
		TEST(appended_lines_are_read_once),
		TEST(a_log_that_is_another_is_read_anew),
		TEST(deleted_folders_vanish),
		TEST(a_long_log_is_committed_in_between),
		TEST(many_open_steps_meet_their_ends),
		TEST(a_catalog_that_is_no_good_is_made_anew),
		TEST(damage_inside_the_file),
		TEST(deleted_while_it_is_open),
		TEST(a_store_that_cannot_be_written),
		TEST(a_statement_that_cannot_be_made_is_no_damage),
		TEST(changes_are_heard_of),
		TEST(without_watches_it_looks_again),
		TEST(with_too_few_watches_both_work),
		TEST(topics_are_percent_encoded),
		TEST(notes_that_come_during_the_first_scan),
		TEST(progress_ends_with_all),
		TEST(notes_and_questions_from_many_threads),
		TEST(the_end_of_a_step),
	};
#undef TEST
	return cmocka_run_group_tests(tests, NULL, NULL);
}
