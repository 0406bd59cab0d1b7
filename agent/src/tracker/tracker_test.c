/* The whole way without a collector: calls in, files out, states loaded again. */
#include "base/testing.h"

#include "base/json.h"
#include "link/link.h"
#include "store/read.h"
#include "store/store.h"
#include "wire/limits.h"

#include <burr/load.h>
#include <burr/tracker.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

/* The thread sanitizer does not follow threads that are made after a threaded process forked; the address
 * sanitizer's allocator may be locked by another thread at that moment, and stays so in the child. */
static void skip_forks(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	skip();
#endif
}

/* fork(). What the parent's threads held at that moment is nobody's in the child: no leak of ours. */
static pid_t fork_threaded(void)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
#ifdef VALGRIND_CLO_CHANGE
	if (pid == 0)
		VALGRIND_CLO_CHANGE("--leak-check=no");
#endif
	return pid;
}

static const char FIRST_STATE[] = "{\"count\": 1,\n \"__SEQUENCE_ID\":0}";

static burr_tracker *open_tracker(const char *store)
{
	burr_tracker *tracker = NULL;
	burr_error err = BURR_ERROR_INIT;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = store;
	if (burr_tracker_open(&options, &tracker, &err) != BURR_OK)
		fail_msg("open: %s", err.message);
	return tracker;
}

static burr_tracker_app *create_app(burr_tracker *tracker, const char *app_id)
{
	static const burr_action_info actions[] = {{"count", "count limit", "count", "by?", "int code;"}};
	static const burr_transition_info transitions[] = {{"count", "count", "count < limit"}};
	burr_tracker_app *app = NULL;
	burr_error err = BURR_ERROR_INIT;
	burr_app_info info = BURR_APP_INFO_INIT;
	info.app_id = app_id;
	info.partition_key = "user_1";
	info.entrypoint = "count";
	info.actions = actions;
	info.action_count = 1;
	info.transitions = transitions;
	info.transition_count = 1;
	info.initial_state_json = "{\"count\":0}";
	if (burr_tracker_create_app(tracker, &info, &app, &err) != BURR_OK)
		fail_msg("create: %s", err.message);
	return app;
}

static void close_tracker(burr_tracker *tracker)
{
	burr_error err = BURR_ERROR_INIT;
	if (burr_tracker_close(tracker, &err) != BURR_OK)
		fail_msg("close: %s", err.message);
}

static struct slice last_line(struct slice text)
{
	assert_true(text.len && text.data[text.len - 1] == '\n');
	text.len--;
	const char *newline = memrchr(text.data, '\n', text.len);
	if (newline) {
		text.len -= (size_t)(newline + 1 - text.data);
		text.data = newline + 1;
	}
	return text;
}

/* What a line says, without its time, which differs each run, and its identity. */
static void assert_line(struct slice line, const char *before_time, const char *after_time)
{
	assert_int_equal(json_validate(line, NULL, NULL), BURR_OK);
	assert_true(slice_starts(line, before_time));
	assert_non_null(memmem(line.data, line.len, after_time, strlen(after_time)));
	assert_non_null(memmem(line.data, line.len, "\"_rec\":\"", 8));
}

/* All that was recorded has been decided. */
static void settle(burr_tracker *tracker)
{
	burr_error err = BURR_ERROR_INIT;
	burr_status status = burr_tracker_flush(tracker, 5000, &err);
	if (status != BURR_OK && status != BURR_EDROPPED)
		fail_msg("flush: %s", err.message);
}

static void check_last(burr_tracker *tracker, const char *before_time, const char *after_time)
{
	const char *store = burr_tracker_store(tracker);
	settle(tracker);
	char *text = testing_read(store, "project/app/log.jsonl");
	assert_line(last_line(slice_of(text)), before_time, after_time);
	free(text);
}

static void every_record_comes_into_its_log(void **state)
{
	static const char *const dependencies[] = {"0:0"};
	static const burr_tag tags[] = {{"unit", "tokens"}};
	static const burr_via_rejected rejected = {"done", "count >= limit", "{\"count\":0}"};
	static const burr_via via = {"start", "count < limit", "{\"count\":0}", &rejected, 1};
	burr_tracker *tracker = open_tracker(*state);
	burr_tracker_app *app = create_app(tracker, "app");

	assert_int_equal(burr_tracker_begin_step(app, 0, "count", "{\"by\":1}", &via), BURR_OK);
	check_last(tracker, "{\"type\":\"begin_entry\",\"start_time\":\"2",
		"\"action\":\"count\",\"inputs\":{\"by\":1},\"sequence_id\":0,\"via\":{\"from\":\"start\","
		"\"condition\":\"count < limit\",\"values\":{\"count\":0},\"rejected\":[{\"to\":\"done\","
		"\"condition\":\"count >= limit\",\"values\":{\"count\":0}}]}");
	assert_int_equal(burr_tracker_begin_span(app, 0, "0:0", "outer", NULL, NULL, 0), BURR_OK);
	check_last(tracker, "{\"type\":\"begin_span\",\"start_time\":\"2",
		"\"action_sequence_id\":0,\"span_id\":\"0:0\",\"span_name\":\"outer\","
		"\"parent_span_id\":null,\"span_dependencies\":[]");
	assert_int_equal(burr_tracker_begin_span(app, 0, "0:0.0", "inner", "0:0", dependencies, 1), BURR_OK);
	check_last(tracker, "{\"type\":\"begin_span\"",
		"\"parent_span_id\":\"0:0\",\"span_dependencies\":[\"0:0\"]");
	assert_int_equal(burr_tracker_end_span(app, 0, "0:0.0"), BURR_OK);
	check_last(tracker, "{\"type\":\"end_span\",\"end_time\":\"2",
		"\"action_sequence_id\":0,\"span_id\":\"0:0.0\"");
	assert_int_equal(burr_tracker_log_attribute(app, 0, "0:0", "tokens", "[1, 2]", tags, 1), BURR_OK);
	check_last(tracker, "{\"type\":\"attribute\",\"key\":\"tokens\"",
		"\"action_sequence_id\":0,\"span_id\":\"0:0\",\"value\":[1, 2],"
		"\"tags\":{\"unit\":\"tokens\"},\"time_logged\":\"2");
	assert_int_equal(burr_tracker_begin_stream(app, 0), BURR_OK);
	check_last(tracker, "{\"type\":\"begin_stream\"",
		"\"action_sequence_id\":0,\"span_id\":null,\"stream_init_time\":\"2");
	assert_int_equal(burr_tracker_first_item(app, 0), BURR_OK);
	check_last(tracker, "{\"type\":\"first_item_stream\"", "\"first_item_time\":\"2");
	assert_int_equal(burr_tracker_end_stream(app, 0, 7), BURR_OK);
	check_last(tracker, "{\"type\":\"end_stream\"", "\"items_streamed\":7");
	assert_int_equal(burr_tracker_end_step(app, 0, "count", "{}", NULL, FIRST_STATE), BURR_OK);
	check_last(tracker, "{\"type\":\"end_entry\",\"end_time\":\"2",
		"\"action\":\"count\",\"sequence_id\":0,\"exception\":null,\"result\":{},"
		"\"state\":{\"count\": 1,  \"__SEQUENCE_ID\":0}");
	assert_int_equal(burr_tracker_end_app(app), BURR_OK);
	check_last(tracker, "{\"type\":\"end_application\",\"time\":\"2", "");
	close_tracker(tracker);
}

static void an_application_has_its_files(void **state)
{
	const char *store = *state;
	burr_tracker *tracker = open_tracker(store);
	create_app(tracker, "app");
	char *graph = testing_read(store, "project/app/graph.json");
	assert_string_equal(graph,
		"{\"type\":\"application\",\"entrypoint\":\"count\",\"actions\":[{\"type\":\"action\","
		"\"name\":\"count\",\"reads\":[\"count\",\"limit\"],\"writes\":[\"count\"],"
		"\"code\":\"int code;\",\"inputs\":[],\"optional_inputs\":[\"by\"]}],\"transitions\":["
		"{\"type\":\"transition\",\"from_\":\"count\",\"to\":\"count\","
		"\"condition\":\"count < limit\"}]}\n");
	free(graph);
	char *metadata = testing_read(store, "project/app/metadata.json");
	static const char head[] =
		"{\"type\":\"application_metadata\",\"partition_key\":\"user_1\",\"parent_pointer\":null,"
		"\"spawning_parent_pointer\":null,\"initial_state\":{\"count\":0},\"writer\":{\"host\":";
	assert_memory_equal(metadata, head, sizeof(head) - 1);
	free(metadata);
	struct stat st;
	assert_int_equal(stat(store, &st), 0);
	close_tracker(tracker);
}

static void links_lead_both_ways(void **state)
{
	const char *store = *state;
	burr_error err = BURR_ERROR_INIT;
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *child = NULL;
	create_app(tracker, "parent");
	burr_pointer parent = {"parent", 4, "user_1"};
	burr_app_info info = BURR_APP_INFO_INIT;
	info.app_id = "child";
	info.entrypoint = "count";
	info.parent = &parent;
	info.spawning_parent = &parent;
	for (int i = 0; i < 2; i++) { /* made again, it is listed once */
		assert_int_equal(burr_tracker_create_app(tracker, &info, &child, &err), BURR_OK);
		burr_tracker_close_app(child);
	}
	char *children = testing_read(store, "project/parent/children.jsonl");
	struct slice line = {children, (size_t)(strchr(children, '\n') - children)};
	assert_true(json_text_is(json_find_path(line, SLICE_LIT("child.app_id")), SLICE_LIT("child")));
	assert_true(json_text_is(json_find(line, "event_type"), SLICE_LIT("fork")));
	assert_true(slice_is(json_find(line, "sequence_id"), "4"));
	const char *second = line.data + line.len + 1;
	line = (struct slice){second, (size_t)(strchr(second, '\n') - second)};
	assert_true(json_text_is(json_find(line, "event_type"), SLICE_LIT("spawn_start")));
	assert_string_equal(line.data + line.len, "\n");
	free(children);
	char *metadata = testing_read(store, "project/child/metadata.json");
	assert_non_null(strstr(metadata,
		"\"parent_pointer\":{\"type\":\"pointer_data\",\"app_id\":\"parent\",\"sequence_id\":4,"
		"\"partition_key\":\"user_1\"}"));
	free(metadata);
	close_tracker(tracker);
}

static void another_partition_is_refused_with_both_names(void **state)
{
	burr_tracker *tracker = open_tracker(*state);
	burr_tracker_app *app = NULL;
	burr_error err = BURR_ERROR_INIT;
	burr_app_info info = BURR_APP_INFO_INIT;
	burr_tracker_close_app(create_app(tracker, "app"));
	info.app_id = "app";
	info.partition_key = "user_2";
	assert_int_equal(burr_tracker_create_app(tracker, &info, &app, &err), BURR_EEXIST);
	assert_non_null(strstr(err.message, "\"user_1\""));
	assert_non_null(strstr(err.message, "\"user_2\""));
	info.partition_key = NULL;
	assert_int_equal(burr_tracker_create_app(tracker, &info, &app, &err), BURR_EEXIST);
	assert_non_null(strstr(err.message, "not none"));
	burr_tracker_close(tracker, NULL);
}

static void names_outside_the_limits_are_refused(void **state)
{
	static const char *const bad_ids[] = {
		"", "..", ".", ".hidden", "a/b", "/", "a\nb", "a\x7f", "\xff\xfe", "\xed\xa0\x80"};
	static const char *const bad_projects[] = {"", "..", "a/b", "a b", "\xc3\xa9", "a.b"};
	burr_tracker *tracker = open_tracker(*state);
	burr_tracker_app *app = NULL;
	burr_error err = BURR_ERROR_INIT;
	burr_app_info info = BURR_APP_INFO_INIT;
	for (size_t i = 0; i < sizeof(bad_ids) / sizeof(*bad_ids); i++) {
		info.app_id = bad_ids[i];
		assert_int_equal(burr_tracker_create_app(tracker, &info, &app, &err), BURR_EINVAL);
		assert_non_null(strstr(err.message, "app_id"));
	}
	char id[203];
	memset(id, 'a', sizeof(id));
	id[200] = '\0';
	info.app_id = id;
	assert_int_equal(burr_tracker_create_app(tracker, &info, &app, &err), BURR_OK);
	id[200] = 'a';
	id[201] = '\0';
	assert_int_equal(burr_tracker_create_app(tracker, &info, &app, &err), BURR_EINVAL);
	info.app_id = "a";
	info.initial_state_json = "[1]";
	assert_int_equal(burr_tracker_create_app(tracker, &info, &app, &err), BURR_EINVAL);
	close_tracker(tracker);
	for (size_t i = 0; i < sizeof(bad_projects) / sizeof(*bad_projects); i++) {
		burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
		options.project = bad_projects[i];
		options.store = *state;
		assert_int_equal(burr_tracker_open(&options, &tracker, &err), BURR_EINVAL);
	}
}

static void bad_values_are_refused_or_marked(void **state)
{
	burr_tracker *tracker = open_tracker(*state);
	burr_tracker_app *app = create_app(tracker, "app");
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(burr_tracker_begin_step(app, -1, "a", NULL, NULL), BURR_EINVAL);
	assert_int_equal(burr_tracker_begin_step(app, 0, "", NULL, NULL), BURR_EINVAL);
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", "[]", NULL), BURR_EINVAL);
	assert_int_equal(burr_tracker_end_step(app, 0, "a", NULL, NULL, NULL), BURR_EINVAL);
	assert_int_equal(burr_tracker_flush(tracker, 1000, &err), BURR_EDROPPED);
	assert_non_null(strstr(err.message, "4 records"));
	/* The outline is right, the inside is not: the line says so and is whole. */
	assert_int_equal(burr_tracker_end_step(app, 0, "a", NULL, NULL, "{\"a\":\xff}"), BURR_OK);
	check_last(tracker, "{\"type\":\"end_entry\"",
		"\"state\":{\"__burr_invalid\":{\"error\":\"not JSON at byte 5: expected a value\","
		"\"text\":\"{\\\"a\\\":\xef\xbf\xbd}\"}}");
	burr_tracker_stats stats = {.size = sizeof(stats)};
	burr_tracker_get_stats(tracker, &stats);
	assert_int_equal(stats.invalid_count, 1);
	assert_int_equal(stats.dropped_count, 4);
	assert_int_equal(stats.stored_count, 2);
	assert_int_equal(stats.route, BURR_ROUTE_STORE);
	close_tracker(tracker);
}

static void too_big_a_record_is_refused(void **state)
{
	burr_tracker *tracker = open_tracker(*state);
	burr_tracker_app *app = create_app(tracker, "app");
	size_t len = (size_t)17 << 20;
	char *json = malloc(len + 1);
	memset(json, ' ', len);
	json[0] = '{';
	json[len - 1] = '}';
	json[len] = '\0';
	assert_int_equal(burr_tracker_end_step(app, 0, "a", NULL, NULL, json), BURR_ETOOBIG);
	json[((size_t)15 << 20) - 1] = '}';
	json[(size_t)15 << 20] = '\0';
	assert_int_equal(burr_tracker_end_step(app, 0, "a", NULL, NULL, json), BURR_OK);
	free(json);
	burr_tracker_close(tracker, NULL);
}

static void states_load_again(void **state)
{
	const char *store = *state;
	burr_error err = BURR_ERROR_INIT;
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker, "app");
	for (int64_t i = 3; i < 6; i++) {
		char text[64];
		snprintf(text, sizeof(text), "{\"n\":%d,\"__X\":1,\"big\":12345678901234567890.10}", (int)i);
		burr_tracker_begin_step(app, i, "count", NULL, NULL);
		burr_tracker_end_step(app, i, "count", NULL, i == 5 ? "boom" : NULL, text);
	}
	burr_tracker_begin_step(app, 6, "count", NULL, NULL);
	burr_loaded *loaded = NULL;
	assert_int_equal(burr_load(store, "project", "app", NULL, BURR_LAST_STEP, &loaded, &err), BURR_OK);
	assert_int_equal(loaded->sequence_id, 5);
	assert_int_equal(loaded->status, BURR_STEP_FAILED);
	assert_string_equal(loaded->position, "count");
	assert_string_equal(loaded->partition_key, "user_1");
	assert_string_equal(loaded->state_json, "{\"n\":5,\"big\":12345678901234567890.10}");
	burr_free(loaded);
	assert_int_equal(burr_load(store, "project", "app", "user_1", 3, &loaded, &err), BURR_OK);
	assert_int_equal(loaded->sequence_id, 3);
	assert_int_equal(loaded->status, BURR_STEP_COMPLETED);
	burr_free(loaded);
	assert_int_equal(burr_load(store, "project", "app", NULL, -2, &loaded, &err), BURR_OK);
	assert_int_equal(loaded->sequence_id, 4);
	burr_free(loaded);
	assert_int_equal(burr_load(store, "project", "app", NULL, 6, &loaded, &err), BURR_ENOTFOUND);
	assert_non_null(strstr(err.message, "sequence_id 6"));
	assert_int_equal(burr_load(store, "project", "app", NULL, -4, &loaded, &err), BURR_ENOTFOUND);
	assert_int_equal(burr_load(store, "project", "no", NULL, -1, &loaded, &err), BURR_ENOTFOUND);
	assert_int_equal(burr_load(store, "no", "app", NULL, -1, &loaded, &err), BURR_ENOTFOUND);
	assert_int_equal(burr_load(store, "project", "app", "x", -1, &loaded, &err), BURR_ENOTFOUND);
	assert_int_equal(burr_load(store, "project", "..", NULL, -1, &loaded, &err), BURR_EINVAL);
	char *json = NULL;
	char *entry_point = NULL;
	assert_int_equal(burr_load_state(store, "project", "app", 4, &json, &entry_point, &err), BURR_OK);
	assert_string_equal(json, "{\"n\":4,\"big\":12345678901234567890.10,\"__SEQUENCE_ID\":4}");
	assert_string_equal(entry_point, "count");
	burr_free(json);
	burr_free(entry_point);
	close_tracker(tracker);
}

static void lists_what_there_is(void **state)
{
	const char *store = *state;
	burr_error err = BURR_ERROR_INIT;
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker, "app");
	create_app(tracker, "empty");
	burr_tracker_begin_step(app, 0, "a", NULL, NULL);
	burr_tracker_end_step(app, 0, "a", NULL, "first try", "{}");
	burr_tracker_begin_step(app, 0, "a", NULL, NULL);
	burr_tracker_end_step(app, 0, "a", NULL, NULL, "{}");
	burr_tracker_begin_step(app, 1, "b", NULL, NULL);
	size_t count = 0;
	burr_project_item *projects = NULL;
	assert_int_equal(burr_list_projects(store, &projects, &count, &err), BURR_OK);
	assert_int_equal(count, 1);
	assert_string_equal(projects[0].name, "project");
	assert_int_equal(projects[0].app_count, 2);
	burr_free(projects);
	burr_app_item *apps = NULL;
	assert_int_equal(burr_list_apps(store, "project", &apps, &count, &err), BURR_OK);
	assert_int_equal(count, 2);
	assert_string_equal(apps[0].app_id, "app");
	assert_int_equal(apps[0].step_count, 2);
	assert_non_null(apps[0].first_written);
	assert_string_equal(apps[1].app_id, "empty");
	assert_null(apps[1].last_written);
	burr_free(apps);
	burr_step_item *steps = NULL;
	assert_int_equal(burr_list_steps(store, "project", "app", &steps, &count, &err), BURR_OK);
	assert_int_equal(count, 2);
	assert_int_equal(steps[0].status, BURR_STEP_COMPLETED);
	assert_int_equal(steps[1].status, BURR_STEP_OPEN);
	assert_string_equal(steps[1].action, "b");
	assert_null(steps[1].end_time);
	burr_free(steps);
	assert_int_equal(burr_list_apps(store, "none", &apps, &count, &err), BURR_ENOTFOUND);
	close_tracker(tracker);
}

/* Lines that are no records cost themselves alone; a torn tail is saved, blanked and written behind. */
static void damage_costs_itself_alone(void **state)
{
	const char *store = *state;
	burr_error err = BURR_ERROR_INIT;
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker, "app");
	burr_tracker_end_step(app, 0, "a", NULL, NULL, "{\"n\":0}");
	settle(tracker);
	testing_append(store, "project/app/log.jsonl",
		"\n\n  \nnot json\n[1]\n{\"type\":\"end_entry\",\"sequence_id\":9\n"
		"{\"type\":\"unknown\",\"x\":1}\n{\"type\":\"end_entry\",\"state\":{\"n\":1}{\"type\":1}\n"
		"{\"type\":\"end_entry\",\"action\":\"a\",\"sta");
	burr_loaded *loaded = NULL;
	assert_int_equal(burr_load(store, "project", "app", NULL, -1, &loaded, &err), BURR_OK);
	assert_int_equal(loaded->sequence_id, 0);
	burr_free(loaded);
	assert_int_equal(burr_tracker_end_step(app, 1, "a", NULL, NULL, "{\"n\":1}"), BURR_OK);
	settle(tracker);
	char *torn = testing_read(store, "project/app/log.jsonl.torn");
	assert_string_equal(torn, "{\"type\":\"end_entry\",\"action\":\"a\",\"sta\n");
	free(torn);
	char *log = testing_read(store, "project/app/log.jsonl");
	struct slice line = last_line(slice_of(log));
	assert_true(line.data[0] == ' ');
	assert_int_equal(json_validate(line, NULL, NULL), BURR_OK);
	free(log);
	assert_int_equal(burr_load(store, "project", "app", NULL, -1, &loaded, &err), BURR_OK);
	assert_int_equal(loaded->sequence_id, 1);
	burr_free(loaded);
	assert_int_equal(burr_load(store, "project", "app", NULL, -2, &loaded, &err), BURR_OK);
	assert_int_equal(loaded->sequence_id, 0);
	burr_free(loaded);
	close_tracker(tracker);
}

static void a_deleted_run_is_not_made_again(void **state)
{
	const char *store = *state;
	burr_error err = BURR_ERROR_INIT;
	char path[4096];
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker, "app");
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", NULL, NULL), BURR_OK);
	settle(tracker);
	snprintf(path, sizeof(path), "%s/project/app", store);
	remove_tree(path);
	assert_int_equal(burr_tracker_end_step(app, 0, "a", NULL, NULL, "{}"), BURR_OK);
	assert_int_equal(burr_tracker_flush(tracker, 5000, &err), BURR_EDROPPED);
	assert_non_null(strstr(err.message, "no application app"));
	assert_int_equal(access(path, F_OK), -1);
	/* From now on the calls tell as well, and go on trying: somebody may make the run again. */
	assert_int_equal(burr_tracker_begin_step(app, 1, "a", NULL, NULL), BURR_ENOTFOUND);
	burr_tracker_close_app(create_app(tracker, "app"));
	assert_int_equal(burr_tracker_begin_step(app, 2, "a", NULL, NULL), BURR_OK);
	check_last(tracker, "{\"type\":\"begin_entry\"", "\"sequence_id\":2");
	burr_tracker_close(tracker, NULL);
}

static void a_removed_log_is_begun_anew(void **state)
{
	const char *store = *state;
	char path[4096];
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker, "app");
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", NULL, NULL), BURR_OK);
	settle(tracker);
	snprintf(path, sizeof(path), "%s/project/app/log.jsonl", store);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(burr_tracker_end_step(app, 0, "a", NULL, NULL, "{}"), BURR_OK);
	check_last(tracker, "{\"type\":\"end_entry\"", "\"sequence_id\":0");
	close_tracker(tracker);
}

/* Somebody else has the log's lock: the records wait, then go on. */
static void a_locked_log_is_later(void **state)
{
	const char *store = *state;
	char path[4096];
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = store;
	options.wait_ms = 30;
	burr_tracker *tracker = NULL;
	assert_int_equal(burr_tracker_open(&options, &tracker, NULL), BURR_OK);
	burr_tracker_app *app = create_app(tracker, "app");
	snprintf(path, sizeof(path), "%s/project/app/log.jsonl", store);
	int fd = open(path, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", NULL, NULL), BURR_OK);
	assert_int_equal(burr_tracker_flush(tracker, 100, NULL), BURR_ETIMEOUT);
	burr_tracker_stats stats = {.size = sizeof(stats)};
	burr_tracker_get_stats(tracker, &stats);
	assert_int_equal(stats.waiting_count, 1);
	assert_true(stats.waiting_bytes > 0);
	assert_int_equal(flock(fd, LOCK_UN), 0);
	close(fd);
	assert_int_equal(burr_tracker_flush(tracker, 5000, NULL), BURR_OK);
	check_last(tracker, "{\"type\":\"begin_entry\"", "\"sequence_id\":0");
	close_tracker(tracker);
}

static int count_lines(const char *text)
{
	int lines = 0;
	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

struct worker {
	burr_tracker_app *app;
	int first;
};

enum { THREADS = 6, STEPS = 150 };

static void *record_steps(void *arg)
{
	struct worker *worker = arg;
	for (int i = 0; i < STEPS; i++)
		if (burr_tracker_begin_step(worker->app, worker->first + i, "a", NULL, NULL) != BURR_OK)
			return worker;
	return NULL;
}

static void many_threads_share_a_tracker(void **state)
{
	const char *store = *state;
	pthread_t threads[THREADS];
	struct worker workers[THREADS];
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker, "app");
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){app, i * STEPS};
		assert_int_equal(pthread_create(&threads[i], NULL, record_steps, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	settle(tracker);
	char *log = testing_read(store, "project/app/log.jsonl");
	assert_int_equal(count_lines(log), THREADS * STEPS);
	free(log);
	close_tracker(tracker);
}

static void a_forked_child_goes_on(void **state)
{
	skip_forks();
	const char *store = *state;
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker, "app");
	assert_int_equal(burr_tracker_begin_step(app, 0, "parent", NULL, NULL), BURR_OK);
	pid_t child = fork_threaded();
	if (child == 0) {
		bool ok = burr_tracker_begin_step(app, 1, "child", NULL, NULL) == BURR_OK &&
			  burr_tracker_close(tracker, NULL) == BURR_OK;
		_exit(ok ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(burr_tracker_begin_step(app, 2, "parent", NULL, NULL), BURR_OK);
	settle(tracker);
	char *log = testing_read(store, "project/app/log.jsonl");
	assert_int_equal(count_lines(log), 3);
	assert_true(strstr(log, "\"sequence_id\":0") < strstr(log, "\"action\":\"child\""));
	assert_true(strstr(log, "\"action\":\"child\"") < strstr(log, "\"sequence_id\":2"));
	free(log);
	close_tracker(tracker);
}

static void tracking_can_be_switched_off(void **state)
{
	burr_tracker_app *app = NULL;
	burr_app_info info = BURR_APP_INFO_INIT;
	setenv("BURR_DISABLED", "1", 1);
	burr_tracker *tracker = open_tracker(*state);
	assert_int_equal(burr_tracker_create_app(tracker, &info, &app, NULL), BURR_OK);
	unsetenv("BURR_DISABLED");
	assert_null(app);
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", NULL, NULL), BURR_OK);
	assert_int_equal(burr_tracker_end_step(app, 0, "a", NULL, NULL, "{}"), BURR_OK);
	assert_string_equal(burr_tracker_app_id(app), "");
	close_tracker(tracker);
	char path[4096];
	snprintf(path, sizeof(path), "%s/project", (const char *)*state);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_newer_store_is_refused(void **state)
{
	burr_tracker *tracker = NULL;
	burr_error err = BURR_ERROR_INIT;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = *state;
	testing_write(*state, ".burr-store", "{\"format\":2}");
	assert_int_equal(burr_tracker_open(&options, &tracker, &err), BURR_EVERSION);
	assert_non_null(strstr(err.message, "format 2"));
	char file[4096];
	testing_write(*state, "file", "");
	snprintf(file, sizeof(file), "%s/file/store", (const char *)*state);
	options.store = file;
	assert_int_equal(burr_tracker_open(&options, &tracker, &err), BURR_ENOTFOUND);
	assert_non_null(strstr(err.message, file));
}

/* ---- what goes wrong around a tracker ---- */

static burr_tracker *open_impatient(const char *store, uint64_t queue_bytes)
{
	burr_tracker *tracker = NULL;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = store;
	options.wait_ms = 30;
	options.queue_bytes = queue_bytes;
	assert_int_equal(burr_tracker_open(&options, &tracker, NULL), BURR_OK);
	return tracker;
}

/* Hold a file of the store as another process would. Closing gives it back. */
static int lock_file(const char *store, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", store, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	return fd;
}

/* The parent's records wait, and its shipper has them in hand: the child's are stored all the same. */
static void a_child_forked_in_an_outage_goes_on(void **state)
{
	skip_forks();
	const char *store = *state;
	burr_tracker *tracker = open_impatient(store, 1 << 20);
	burr_tracker_app *app = create_app(tracker, "app");
	int append_fd = lock_file(store, ".burr-append");
	assert_int_equal(burr_tracker_begin_step(app, 0, "parent", NULL, NULL), BURR_OK);
	pid_t child = fork_threaded();
	if (child == 0) {
		flock(append_fd, LOCK_UN);
		burr_tracker_stats stats = {.size = sizeof(stats)};
		bool ok = burr_tracker_begin_step(app, 1, "child", NULL, NULL) == BURR_OK &&
			  burr_tracker_flush(tracker, 10000, NULL) == BURR_OK;
		burr_tracker_get_stats(tracker, &stats);
		ok = ok && stats.record_count == 1 && stats.waiting_count == 0;
		ok = ok && burr_tracker_close(tracker, NULL) == BURR_OK;
		_exit(ok ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(append_fd);
	assert_int_equal(burr_tracker_flush(tracker, 5000, NULL), BURR_OK);
	close_tracker(tracker);
}

/* One application's records fill the queue: another one's calls wait no longer than they may. */
static void a_full_queue_holds_nobody_up_for_ever(void **state)
{
	const char *store = *state;
	burr_tracker *tracker = open_impatient(store, 1000);
	burr_tracker_app *sick = create_app(tracker, "sick");
	burr_tracker_app *well = create_app(tracker, "well");
	int fd = lock_file(store, "project/sick/log.jsonl");
	burr_status status = BURR_OK;
	int taken = 0;
	while (status == BURR_OK)
		status = burr_tracker_begin_step(sick, taken++, "a", NULL, NULL);
	assert_int_equal(status, BURR_EDROPPED);
	alarm(20);
	assert_int_equal(burr_tracker_begin_step(well, 0, "a", NULL, NULL), BURR_EDROPPED);
	alarm(0);
	burr_tracker_stats stats = {.size = sizeof(stats)};
	burr_tracker_get_stats(tracker, &stats);
	assert_int_equal(stats.dropped_count, 2);
	close(fd);
	assert_int_equal(burr_tracker_flush(tracker, 5000, NULL), BURR_EDROPPED);
	assert_int_equal(burr_tracker_begin_step(well, 1, "a", NULL, NULL), BURR_OK);
	assert_int_equal(burr_tracker_flush(tracker, 5000, NULL), BURR_OK);
	char *log = testing_read(store, "project/sick/log.jsonl");
	assert_int_equal(count_lines(log), taken - 1);
	free(log);
	close_tracker(tracker);
}

/* Who asks first never waits. */
static void a_call_that_would_wait_can_be_told(void **state)
{
	const char *store = *state;
	burr_tracker *tracker = open_impatient(store, 1000);
	burr_tracker_app *app = create_app(tracker, "app");
	assert_false(burr_tracker_would_wait(app, 100 << 10));
	assert_false(burr_tracker_would_wait(app, 128 << 10)); /* a side file */
	assert_false(burr_tracker_would_wait(NULL, 128 << 10));
	int fd = lock_file(store, ".burr-append");
	int taken = 0;
	for (; !burr_tracker_would_wait(app, 10); taken++)
		assert_int_equal(burr_tracker_begin_step(app, taken, "a", NULL, NULL), BURR_OK);
	assert_true(taken > 1000);
	burr_tracker_stats stats = {.size = sizeof(stats)};
	burr_tracker_get_stats(tracker, &stats);
	assert_int_equal(stats.dropped_count, 0);
	close(fd);
	settle(tracker);
	assert_false(burr_tracker_would_wait(app, 10));
	close_tracker(tracker);
}

/* Nor for room among the side files, of which one always fits. */
static void a_large_call_that_would_wait_can_be_told(void **state)
{
	enum { LARGE = 200 << 10, ROOM = 1 << 20 };
	const char *store = *state;
	burr_tracker *tracker = open_impatient(store, ROOM);
	burr_tracker_app *app = create_app(tracker, "app");
	assert_false(burr_tracker_would_wait(app, 2 * ROOM));
	char *json = malloc(LARGE);
	memset(json, '1', LARGE);
	json[LARGE - 1] = 0;
	int fd = lock_file(store, ".burr-append");
	int taken = 0;
	for (; !burr_tracker_would_wait(app, LARGE); taken++)
		assert_int_equal(burr_tracker_log_attribute(app, 0, NULL, "key", json, NULL, 0), BURR_OK);
	assert_in_range(taken, 2, ROOM / LARGE);
	assert_false(burr_tracker_would_wait(app, 10));
	burr_tracker_stats stats = {.size = sizeof(stats)};
	burr_tracker_get_stats(tracker, &stats);
	assert_int_equal(stats.dropped_count, 0);
	close(fd);
	settle(tracker);
	assert_false(burr_tracker_would_wait(app, LARGE));
	free(json);
	close_tracker(tracker);
}

/* A forked child has no spool until its first record, which makes one. */
static void a_childs_first_call_would_wait(void **state)
{
	skip_forks();
	burr_tracker *tracker = open_tracker(*state);
	burr_tracker_app *app = create_app(tracker, "app");
	pid_t child = fork_threaded();
	if (child == 0) {
		bool ok = burr_tracker_would_wait(app, 10) &&
			  burr_tracker_begin_step(app, 0, "child", NULL, NULL) == BURR_OK &&
			  !burr_tracker_would_wait(app, 10);
		_exit(ok && burr_tracker_close(tracker, NULL) == BURR_OK ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close_tracker(tracker);
}

static void names_may_hold_blanks(void **state)
{
	static const burr_action_info actions[] = {{"an action", "a key;b, c", "", "in;opt?", NULL}};
	burr_tracker *tracker = open_tracker(*state);
	burr_tracker_app *app = NULL;
	burr_app_info info = BURR_APP_INFO_INIT;
	info.app_id = "app";
	info.actions = actions;
	info.action_count = 1;
	info.name_separators = ";";
	assert_int_equal(burr_tracker_create_app(tracker, &info, &app, NULL), BURR_OK);
	char *graph = testing_read(*state, "project/app/graph.json");
	assert_non_null(strstr(graph, "\"name\":\"an action\",\"reads\":[\"a key\",\"b, c\"],\"writes\":[]"));
	assert_non_null(strstr(graph, "\"inputs\":[\"in\"],\"optional_inputs\":[\"opt\"]"));
	free(graph);
	close_tracker(tracker);
}

/* What the lanes cannot hold is kept in a file, and comes into the logs in its order. */
static void an_outage_is_spilled(void **state)
{
	enum { RECORDS = 20000 };
	const char *store = *state;
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker, "app");
	int fd = lock_file(store, ".burr-append");
	for (int i = 0; i < RECORDS; i++)
		assert_int_equal(burr_tracker_begin_step(app, i, "a", NULL, NULL), BURR_OK);
	burr_tracker_stats stats = {.size = sizeof(stats)};
	burr_tracker_get_stats(tracker, &stats);
	assert_int_equal(stats.waiting_count, RECORDS);
	assert_true(stats.waiting_bytes > 1 << 20);
	close(fd);
	settle(tracker);
	burr_tracker_get_stats(tracker, &stats);
	assert_int_equal(stats.waiting_count, 0);
	assert_int_equal(stats.waiting_bytes, 0);
	assert_int_equal(stats.stored_count, RECORDS + 1);
	char *log = testing_read(store, "project/app/log.jsonl");
	const char *pos = log;
	for (int i = 0; i < RECORDS; i++) {
		char wanted[64];
		snprintf(wanted, sizeof(wanted), "\"sequence_id\":%d,", i);
		const char *newline = strchr(pos, '\n');
		assert_non_null(newline);
		assert_non_null(memmem(pos, (size_t)(newline - pos), wanted, strlen(wanted)));
		pos = newline + 1;
	}
	assert_string_equal(pos, "");
	free(log);
	close_tracker(tracker);
}

/* Nobody calls any more, and the outage lasts longer than the shipper looks for records by itself. */
static void what_waits_is_stored_after_a_long_outage(void **state)
{
	enum { OUTAGE_US = 1500000, LOOKS = 10000 };
	const char *store = *state;
	burr_tracker_stats stats = {.size = sizeof(stats)};
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker, "app");
	int fd = lock_file(store, ".burr-append");
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", NULL, NULL), BURR_OK);
	usleep(OUTAGE_US);
	burr_tracker_get_stats(tracker, &stats);
	assert_int_equal(stats.waiting_count, 1);
	close(fd);
	for (int i = 0; i < LOOKS && stats.waiting_count; i++) {
		usleep(1000);
		burr_tracker_get_stats(tracker, &stats);
	}
	assert_int_equal(stats.waiting_count, 0);
	check_last(tracker, "{\"type\":\"begin_entry\"", "\"sequence_id\":0");
	close_tracker(tracker);
}

/* Its records are on their way when somebody wants its name for another partition. */
static void a_closed_application_keeps_its_name_until_it_is_stored(void **state)
{
	const char *store = *state;
	burr_tracker *tracker = open_impatient(store, 1 << 20);
	burr_tracker_app *app = create_app(tracker, "app");
	burr_app_info info = BURR_APP_INFO_INIT;
	int fd = lock_file(store, ".burr-append");
	for (int i = 0; i < 5; i++)
		assert_int_equal(burr_tracker_begin_step(app, i, "a", NULL, NULL), BURR_OK);
	burr_tracker_close_app(app);
	info.app_id = "app";
	info.partition_key = "user_2";
	assert_int_equal(burr_tracker_create_app(tracker, &info, &app, NULL), BURR_EEXIST);
	close(fd);
	assert_int_equal(burr_tracker_flush(tracker, 5000, NULL), BURR_OK);
	burr_tracker_stats stats = {.size = sizeof(stats)};
	burr_tracker_get_stats(tracker, &stats);
	assert_int_equal(stats.stored_count, 6);
	close_tracker(tracker);
}

static void a_record_is_too_large_by_whatever_is_in_it(void **state)
{
	burr_tracker *tracker = open_tracker(*state);
	burr_tracker_app *app = create_app(tracker, "app");
	char *text = malloc(RECORD_BYTES_MAX + 1);
	assert_non_null(text);
	memset(text, 'x', RECORD_BYTES_MAX);
	text[RECORD_BYTES_MAX] = '\0';
	assert_int_equal(burr_tracker_end_step(app, 0, "a", NULL, text, "{}"), BURR_ETOOBIG);
	assert_int_equal(burr_tracker_begin_step(app, 1, text, NULL, NULL), BURR_ETOOBIG);
	assert_int_equal(burr_tracker_begin_step(app, 2, "a", NULL, NULL), BURR_OK);
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(burr_tracker_flush(tracker, 20000, &err), BURR_EDROPPED);
	assert_non_null(strstr(err.message, "2 records were dropped"));
	free(text);
	burr_tracker_close(tracker, NULL);
}

/* That the application is another partition's comes out when its handle is already in use. */
static void an_application_that_is_refused_later_gets_no_records(void **state)
{
	const char *store = *state;
	burr_tracker_app *app = NULL;
	burr_app_info info = BURR_APP_INFO_INIT;
	burr_tracker *tracker = open_impatient(store, 1 << 20);
	burr_tracker_close_app(create_app(tracker, "app"));
	int fd = lock_file(store, ".burr-append");
	info.app_id = "app";
	info.partition_key = "user_2";
	assert_int_equal(burr_tracker_create_app(tracker, &info, &app, NULL), BURR_ELATER);
	close(fd);
	assert_int_equal(burr_tracker_flush(tracker, 5000, NULL), BURR_EDROPPED);
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", NULL, NULL), BURR_EEXIST);
	char *log = testing_read(store, "project/app/log.jsonl");
	assert_string_equal(log, "");
	free(log);
	burr_tracker_close_app(app);
	burr_tracker_close_app(create_app(tracker, "app")); /* under its own key it is as before */
	assert_int_equal(burr_tracker_flush(tracker, 5000, NULL), BURR_EDROPPED);
	close_tracker(tracker);
}

static _Atomic pid_t flusher;

static void *flush(void *tracker)
{
	flusher = gettid();
	return burr_tracker_flush(tracker, 5000, NULL) == BURR_OK ? NULL : tracker;
}

/* Until the kernel says that the flushing thread sleeps: in its flush, as it does nothing else. */
static void wait_until_it_waits(void)
{
	char name[64];
	char state = 'R';
	while (state != 'S') {
		sched_yield();
		snprintf(name, sizeof(name), "/proc/self/task/%d/stat", (int)flusher);
		FILE *file = flusher ? fopen(name, "r") : NULL;
		if (!file)
			continue;
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 'R';
		fclose(file);
	}
}

/* Flush waits for what was recorded before it, not for what others go on recording. */
static void a_flush_does_not_wait_for_later_records(void **state)
{
	const char *store = *state;
	pthread_t thread;
	void *failed;
	burr_tracker *tracker = open_impatient(store, 1 << 20);
	burr_tracker_app *before = create_app(tracker, "before");
	burr_tracker_app *after = create_app(tracker, "after");
	int before_fd = lock_file(store, "project/before/log.jsonl");
	int after_fd = lock_file(store, "project/after/log.jsonl");
	assert_int_equal(burr_tracker_begin_step(before, 0, "a", NULL, NULL), BURR_OK);
	assert_int_equal(pthread_create(&thread, NULL, flush, tracker), 0);
	wait_until_it_waits();
	assert_int_equal(burr_tracker_begin_step(after, 0, "a", NULL, NULL), BURR_OK);
	close(before_fd);
	pthread_join(thread, &failed);
	close(after_fd);
	assert_null(failed);
	close_tracker(tracker);
}

static void *record_one(void *arg)
{
	burr_tracker_begin_step(arg, 0, "a", NULL, NULL);
	return NULL;
}

/* A thread that is cancelled while its record waits takes no lock with it. */
static void a_cancelled_thread_holds_nobody_up(void **state)
{
	const char *store = *state;
	pthread_t thread;
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker, "app");
	int fd = lock_file(store, ".burr-append");
	assert_int_equal(pthread_create(&thread, NULL, record_one, app), 0);
	assert_int_equal(pthread_cancel(thread), 0);
	pthread_join(thread, NULL);
	close(fd);
	alarm(20);
	assert_int_equal(burr_tracker_flush(tracker, 5000, NULL), BURR_OK);
	close_tracker(tracker);
	alarm(0);
}

/* ---- a collector that is none ---- */

struct fake {
	int lock_fd;
	int listen_fd;
	pthread_t thread;
	const char *answer; /* after the greeting and a request; NULL: the connection ends before */
	_Atomic int served;
};

static void open_fake(struct fake *fake, const char *store, int backlog)
{
	char path[4096];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(path, sizeof(path), "%s/.burr-collector", store);
	fake->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fcntl(fake->lock_fd, F_OFD_SETLK, &lock), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/.burr-socket", store);
	fake->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fake->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fake->listen_fd, backlog), 0);
}

static void *serve_fake(void *arg)
{
	struct fake *fake = arg;
	char request[4096];
	int fd;
	while ((fd = accept(fake->listen_fd, NULL, NULL)) >= 0) {
		fake->served++;
		if (recv(fd, request, 8, MSG_WAITALL) == 8 &&
			send(fd, "\0SP\0\0\x31\0", 8, MSG_NOSIGNAL) == 8 && fake->answer &&
			recv(fd, request, sizeof(request), 0) > 0)
			send(fd, fake->answer, 32, MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static void close_fake(struct fake *fake, bool serving)
{
	shutdown(fake->listen_fd, SHUT_RDWR);
	if (serving)
		pthread_join(fake->thread, NULL);
	close(fake->listen_fd);
	close(fake->lock_fd);
}

/* A stopped collector accepts nobody, and its queue of connections fills: then connect waits too. */
static void a_collector_that_accepts_nobody_is_not_waited_for(void **state)
{
	struct fake fake = {.served = 0};
	struct store *store = NULL;
	struct link *link = NULL;
	int waiting[8];
	size_t count = 0;
	assert_int_equal(store_open(*state, STORE_WRITE, &store, NULL), BURR_OK);
	open_fake(&fake, *state, 0);
	struct sockaddr_un address;
	assert_true(link_address(store, &address));
	do {
		waiting[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	} while (connect(waiting[count++], (struct sockaddr *)&address, sizeof(address)) == 0);
	assert_int_equal(errno, EAGAIN);
	alarm(20);
	assert_int_equal(link_open(store, 50, &link, NULL), BURR_ETIMEOUT);
	alarm(0);
	while (count)
		close(waiting[--count]);
	close_fake(&fake, false);
	store_close(store);
}

/* What a fake does to records: they wait, and are stored when it has gone. */
static int records_wait_for_fake(const char *store, const char *answer)
{
	struct fake fake = {.answer = answer};
	burr_tracker *tracker = open_impatient(store, 1 << 20);
	burr_tracker_app *app = create_app(tracker, "app");
	open_fake(&fake, store, 8);
	assert_int_equal(pthread_create(&fake.thread, NULL, serve_fake, &fake), 0);
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", NULL, NULL), BURR_OK);
	assert_int_equal(burr_tracker_flush(tracker, 300, NULL), BURR_ETIMEOUT);
	close_fake(&fake, true);
	assert_int_equal(burr_tracker_flush(tracker, 5000, NULL), BURR_OK);
	check_last(tracker, "{\"type\":\"begin_entry\"", "\"sequence_id\":0");
	close_tracker(tracker);
	return fake.served;
}

/* As a collector does that has all the writers it takes: it is asked again, but not in a circle. */
static void a_connection_that_always_ends_is_made_again_seldom(void **state)
{
	assert_in_range(records_wait_for_fake(*state, NULL), 2, 40);
}

static void an_answer_that_is_none_costs_no_record(void **state)
{
	static const char answer[32] = "not nng, nor anything like it...";
	assert_in_range(records_wait_for_fake(*state, answer), 1, 40);
}

/* ---- stores that are not as they should be ---- */

static void *open_and_close(void *store)
{
	burr_tracker *tracker = NULL;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = store;
	burr_status status = burr_tracker_open(&options, &tracker, NULL);
	return status == BURR_OK && burr_tracker_close(tracker, NULL) == BURR_OK ? NULL : store;
}

static void threads_may_make_a_store_together(void **state)
{
	enum { OPENERS = 4, STORES = 100 };
	pthread_t threads[OPENERS];
	char store[4096];
	for (int i = 0; i < STORES; i++) {
		snprintf(store, sizeof(store), "%s/store%d", (const char *)*state, i);
		for (int j = 0; j < OPENERS; j++)
			assert_int_equal(pthread_create(&threads[j], NULL, open_and_close, store), 0);
		for (int j = 0; j < OPENERS; j++) {
			void *failed;
			pthread_join(threads[j], &failed);
			assert_null(failed);
		}
	}
}

static void a_pipe_in_a_logs_place_is_not_waited_for(void **state)
{
	const char *store = *state;
	burr_loaded *loaded = NULL;
	burr_step_item *steps = NULL;
	size_t count;
	char path[4096];
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_close_app(create_app(tracker, "app"));
	close_tracker(tracker);
	snprintf(path, sizeof(path), "%s/project/app/log.jsonl", store);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20);
	assert_int_equal(burr_load(store, "project", "app", NULL, -1, &loaded, NULL), BURR_EIO);
	assert_int_equal(burr_list_steps(store, "project", "app", &steps, &count, NULL), BURR_EIO);
	alarm(0);
}

static void the_largest_number_is_a_number(void **state)
{
	const char *store = *state;
	burr_app_item *apps = NULL;
	size_t count;
	burr_tracker *tracker = open_tracker(store);
	burr_tracker_app *app = create_app(tracker, "app");
	assert_int_equal(burr_tracker_begin_step(app, INT64_MAX, "a", NULL, NULL), BURR_OK);
	close_tracker(tracker);
	assert_int_equal(burr_list_apps(store, "project", &apps, &count, NULL), BURR_OK);
	assert_true(apps[0].step_count == INT64_MAX);
	burr_free(apps);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, testing_make_folder, testing_remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_record_comes_into_its_log),
		TEST(an_application_has_its_files),
		TEST(links_lead_both_ways),
		TEST(another_partition_is_refused_with_both_names),
		TEST(a_closed_application_keeps_its_name_until_it_is_stored),
		TEST(what_waits_is_stored_after_a_long_outage),
		TEST(a_record_is_too_large_by_whatever_is_in_it),
		TEST(names_outside_the_limits_are_refused),
		TEST(bad_values_are_refused_or_marked),
		TEST(too_big_a_record_is_refused),
		TEST(states_load_again),
		TEST(lists_what_there_is),
		TEST(damage_costs_itself_alone),
		TEST(a_deleted_run_is_not_made_again),
		TEST(a_removed_log_is_begun_anew),
		TEST(a_locked_log_is_later),
		TEST(many_threads_share_a_tracker),
		TEST(a_forked_child_goes_on),
		TEST(tracking_can_be_switched_off),
		TEST(a_newer_store_is_refused),
		TEST(a_child_forked_in_an_outage_goes_on),
		TEST(a_full_queue_holds_nobody_up_for_ever),
		TEST(a_call_that_would_wait_can_be_told),
		TEST(a_large_call_that_would_wait_can_be_told),
		TEST(a_childs_first_call_would_wait),
		TEST(names_may_hold_blanks),
		TEST(an_outage_is_spilled),
		TEST(an_application_that_is_refused_later_gets_no_records),
		TEST(a_flush_does_not_wait_for_later_records),
		TEST(a_cancelled_thread_holds_nobody_up),
		TEST(a_collector_that_accepts_nobody_is_not_waited_for),
		TEST(a_connection_that_always_ends_is_made_again_seldom),
		TEST(an_answer_that_is_none_costs_no_record),
		TEST(threads_may_make_a_store_together),
		TEST(a_pipe_in_a_logs_place_is_not_waited_for),
		TEST(the_largest_number_is_a_number),
	};
	return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
