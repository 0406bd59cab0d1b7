/* Applications over a real store in a temporary folder: what they record, resuming, forking, spawning. No
 * collector runs, so the library appends by itself. */
#include "app/testing.h"
#include "base/clean.h"
#include "base/json.h"
#include "spool/inside.h"
#include "store/store.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

static char store[64];

static int set_up(void **context)
{
	(void)context;
	snprintf(store, sizeof(store), "/tmp/burr-app-test-XXXXXX");
	return mkdtemp(store) && !setenv("BURR_STORE", store, 1) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **context)
{
	(void)context;
	return nftw(store, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void flush_spool(struct spool *spool, void *ctx)
{
	(void)ctx;
	assert_int_equal(spool_flush(spool, 5000, NULL), BURR_OK);
}

/* A file of an application of the project "p", whole, with all that was recorded before. */
static void read_file(const char *app_id, const char *name, struct buf *out)
{
	char path[256];
	spool_each(flush_spool, NULL);
	char bytes[4096];
	size_t got;
	snprintf(path, sizeof(path), "%s/p/%s/%s", store, app_id, name);
	CLEAN(file_close) FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s is missing", path);
	buf_clear(out);
	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buf_append(out, bytes, got);
}

/* The n-th line of log.jsonl, which must be there. */
static struct slice line_of(const struct buf *log, size_t n)
{
	const char *pos = log->data;
	for (;; n--) {
		const char *end = pos ? strchr(pos, '\n') : NULL;
		if (!end)
			fail_msg("the log has too few lines");
		if (!n)
			return (struct slice){pos, (size_t)(end - pos)};
		pos = end + 1;
	}
}

static void expect_field(struct slice object, const char *path, const char *json)
{
	struct slice value = json_find_path(object, slice_of(path));
	if (!slice_is(value, json))
		fail_msg("%s is %.*s, not %s", path, SLICE_ARG(value), json);
}

BURR_ACTION(count, "count limit", "count", "by?")
{
	return burr_increment(step, "count", burr_input_int(step, "by", 1));
}

BURR_ACTION(done, "count", "", "")
{
	return burr_set_result(step, "count", burr_get_json(step, "count"));
}

static bool flaky_works;

BURR_ACTION(flaky, "", "count", "")
{
	burr_set_int(step, "count", 100);
	return flaky_works ? BURR_OK : burr_step_fail(step, "not yet");
}

static burr_builder *counter(const char *app_id)
{
	burr_builder *b = burr_builder_new();
	burr_with_action(b, &count);
	burr_with_action(b, &done);
	burr_with_transition(b, "count", "count", "count < limit");
	burr_with_transition(b, "count", "done", NULL);
	burr_with_identifiers(b, app_id, "user", BURR_NO_SEQUENCE_ID);
	burr_with_tracker(b, "p");
	return b;
}

static burr_builder *fresh(const char *app_id)
{
	burr_builder *b = counter(app_id);
	burr_with_entrypoint(b, "count");
	burr_with_state(b, "{\"count\": 0, \"limit\": 3}");
	return b;
}

static burr_initialize_options resume_options(void)
{
	burr_initialize_options options = BURR_INITIALIZE_OPTIONS_INIT;
	options.default_entrypoint = "count";
	options.default_state_json = "{\"count\": 0, \"limit\": 3}";
	return options;
}

static void must_run(burr_app *app, const char *halt_after)
{
	burr_error err = BURR_ERROR_INIT;
	if (burr_app_run(app, halt_after, NULL, &err) != BURR_OK)
		fail_msg("%s", err.message);
}

static void expect_refusal(burr_builder *b, burr_status status, const char *message)
{
	burr_error err = BURR_ERROR_INIT;
	burr_app *app = NULL;
	assert_int_equal(burr_build(b, &app, &err), status);
	if (strncmp(err.message, message, strlen(message)) != 0)
		fail_msg("%s", err.message);
}

static void test_records(void **context)
{
	(void)context;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	burr_app *app = must_build(fresh("recorded"));
	assert_non_null(burr_app_tracker_app(app));
	assert_string_equal(burr_app_url(app), "http://localhost:7241/p/p/run/recorded?partition=user");
	must_run(app, NULL);
	read_file("recorded", "log.jsonl", &text); /* at once, not when the application is freed */
	expect_field(line_of(&text, 0), "type", "\"begin_entry\"");
	expect_field(line_of(&text, 0), "inputs", "{}");
	expect_field(line_of(&text, 1), "type", "\"end_entry\"");
	expect_field(line_of(&text, 1), "state",
		"{\"count\":1,\"limit\":3,\"__SEQUENCE_ID\":0,\"__PRIOR_STEP\":\"count\"}");
	expect_field(line_of(&text, 6), "action", "\"done\"");
	expect_field(line_of(&text, 6), "via.from", "\"count\"");
	expect_field(line_of(&text, 6), "via.rejected.0.condition", "\"count < limit\"");
	expect_field(line_of(&text, 6), "via.rejected.0.values.count", "3");
	expect_field(line_of(&text, 7), "result", "{\"count\":3}");
	expect_field(line_of(&text, 7), "exception", "null");
	read_file("recorded", "graph.json", &text);
	expect_field(buf_slice(&text), "entrypoint", "\"count\"");
	expect_field(buf_slice(&text), "actions.0.optional_inputs", "[\"by\"]");
	expect_field(buf_slice(&text), "actions.1.code",
		"\"BURR_ACTION(done, \\\"count\\\", \\\"\\\", \\\"\\\")\\n{\\n"
		"\\treturn burr_set_result(step, \\\"count\\\", burr_get_json(step, \\\"count\\\"));\\n}\"");
	expect_field(buf_slice(&text), "transitions.1.condition", "\"default\"");
	burr_app_free(app);
}

BURR_STREAMING_ACTION(tells, "", "", "")
{
	burr_step_begin_span(step, "outer");
	burr_step_begin_span(step, "inner");
	burr_step_log_int(step, "tokens", 3);
	burr_step_end_span(step);
	burr_step_emit_text(step, "a");
	return burr_step_emit_text(step, "b");
}

static void test_records_of_spans_and_streams(void **context)
{
	(void)context;
	static const char *const types[] = {"\"begin_entry\"", "\"begin_stream\"", "\"begin_span\"",
		"\"begin_span\"", "\"attribute\"", "\"end_span\"", "\"first_item_stream\"", "\"end_span\"",
		"\"end_stream\"", "\"end_entry\""};
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	burr_builder *b = burr_builder_new();
	burr_with_action(b, &tells);
	burr_with_entrypoint(b, "tells");
	burr_with_identifiers(b, "telling", NULL, BURR_NO_SEQUENCE_ID);
	burr_with_tracker(b, "p");
	burr_app *app = must_build(b);
	must_run(app, NULL);
	assert_int_equal(burr_app_end(app, NULL), BURR_OK);
	burr_app_free(app);
	read_file("telling", "log.jsonl", &text);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		expect_field(line_of(&text, i), "type", types[i]);
	expect_field(line_of(&text, 3), "span_id", "\"0:0.0\"");
	expect_field(line_of(&text, 3), "parent_span_id", "\"0:0\"");
	expect_field(line_of(&text, 4), "span_id", "\"0:0.0\"");
	expect_field(line_of(&text, 8), "items_streamed", "2");
	expect_field(line_of(&text, 10), "type", "\"end_application\"");
}

static void test_resume(void **context)
{
	(void)context;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	burr_initialize_options options = resume_options();
	burr_builder *b = counter("resumed");
	burr_initialize_from(b, &options); /* nothing there: the defaults */
	burr_app *app = must_build(b);
	assert_int_equal(burr_app_sequence_id(app), BURR_NO_SEQUENCE_ID);
	must_run(app, "count");
	burr_app_free(app);

	b = counter("resumed");
	burr_with_identifiers(
		b, "resumed", NULL, BURR_NO_SEQUENCE_ID); /* the partition key is taken from there */
	burr_initialize_from(b, &options);
	app = must_build(b);
	assert_int_equal(burr_app_sequence_id(app), 0);
	assert_string_equal(burr_app_state_json(app), "{\"count\":1,\"limit\":3}");
	assert_string_equal(burr_app_last_action(app), "count");
	assert_string_equal(burr_app_partition_key(app), "user");
	must_run(app, NULL);
	assert_int_equal(burr_app_sequence_id(app), 3);
	burr_app_free(app);
	read_file("resumed", "log.jsonl", &text);
	expect_field(line_of(&text, 2), "sequence_id", "1");
	expect_field(line_of(&text, 2), "via.condition", "\"count < limit\"");

	b = counter("resumed"); /* rewound in place: step 2 comes a second time */
	options.sequence_id = 1;
	burr_initialize_from(b, &options);
	app = must_build(b);
	must_run(app, "count");
	assert_int_equal(burr_app_sequence_id(app), 2);
	burr_app_free(app);

	b = counter("resumed"); /* the state only */
	options.sequence_id = BURR_LAST_STEP;
	options.resume_at_next_action = false;
	options.default_entrypoint = "done";
	burr_initialize_from(b, &options);
	app = must_build(b);
	must_run(app, NULL);
	assert_string_equal(burr_app_result_json(app), "{\"count\":3}");
	burr_app_free(app);
}

static void test_fork(void **context)
{
	(void)context;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	burr_initialize_options options = resume_options();
	burr_app *app = must_build(fresh("origin"));
	must_run(app, NULL);
	burr_app_free(app);

	options.fork_from_app_id = "origin";
	options.fork_from_partition_key = "user";
	burr_builder *b = counter("forked");
	burr_initialize_from(b, &options);
	app = must_build(b);
	assert_true(burr_app_finished(app));
	assert_int_equal(burr_app_sequence_id(app), 3);
	burr_app_free(app);
	read_file("forked", "metadata.json", &text);
	expect_field(buf_slice(&text), "parent_pointer.app_id", "\"origin\"");
	expect_field(buf_slice(&text), "parent_pointer.sequence_id", "3"); /* resolved, not -1 */
	expect_field(buf_slice(&text), "parent_pointer.partition_key", "\"user\"");
	read_file("origin", "children.jsonl", &text);
	expect_field(line_of(&text, 0), "child.app_id", "\"forked\"");
	expect_field(line_of(&text, 0), "event_type", "\"fork\"");

	b = counter(NULL); /* a new UUID */
	options.fork_from_sequence_id = 0;
	burr_initialize_from(b, &options);
	app = must_build(b);
	assert_int_equal(strlen(burr_app_id(app)), 36);
	must_run(app, NULL);
	assert_int_equal(burr_app_sequence_id(app), 3);
	read_file(burr_app_id(app), "metadata.json", &text);
	expect_field(buf_slice(&text), "parent_pointer.sequence_id", "0");
	expect_field(buf_slice(&text), "initial_state", "{\"count\":1,\"limit\":3}");
	read_file(burr_app_id(app), "log.jsonl", &text);
	expect_field(line_of(&text, 0), "sequence_id", "1");
	burr_app_free(app);
}

static void test_failed_step_runs_again(void **context)
{
	(void)context;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	burr_builder *b = counter("failed");
	burr_with_action(b, &flaky);
	burr_with_entrypoint(b, "flaky");
	burr_with_state(b, "{\"count\": 0, \"limit\": 3}");
	burr_app *app = must_build(b);
	flaky_works = false;
	assert_int_equal(burr_app_run(app, NULL, NULL, &err), BURR_EACTION);
	burr_app_free(app);
	read_file("failed", "log.jsonl", &text);
	expect_field(line_of(&text, 1), "state", "{\"count\":0,\"limit\":3,\"__SEQUENCE_ID\":0}");
	struct slice exception = json_find(line_of(&text, 1), "exception");
	assert_true(slice_starts(exception, "\"action \\\"flaky\\\": not yet ("));

	burr_initialize_options options = resume_options();
	b = counter("failed");
	burr_with_action(b, &flaky);
	burr_initialize_from(b, &options);
	app = must_build(b);
	flaky_works = true;
	must_run(app, NULL);
	assert_string_equal(burr_app_last_action(app), "flaky");
	assert_int_equal(burr_app_sequence_id(app), 1);
	burr_app_free(app);
}

static void test_refusals(void **context)
{
	(void)context;
	burr_initialize_options options = BURR_INITIALIZE_OPTIONS_INIT;
	burr_app_free(must_build(fresh("empty"))); /* created, no step yet: as if nothing were there */
	burr_app *app = must_build(fresh("refusing"));
	must_run(app, NULL);
	burr_app_free(app);

	burr_builder *b = counter("never-was");
	burr_initialize_from(b, &options);
	expect_refusal(b, BURR_EINVAL,
		"initialize_from: nothing is recorded of application \"never-was\", and there is no "
		"default_entrypoint");
	b = counter("empty");
	burr_initialize_from(b, &options);
	expect_refusal(b, BURR_EINVAL, "initialize_from: nothing is recorded of application \"empty\"");
	b = counter("refusing");
	options.sequence_id = 77;
	burr_initialize_from(b, &options);
	expect_refusal(b, BURR_ENOTFOUND, "initialize_from: ");
	options.sequence_id = BURR_LAST_STEP;
	b = counter("refusing");
	options.resume_at_next_action = false;
	burr_initialize_from(b, &options);
	expect_refusal(b, BURR_EINVAL,
		"initialize_from: the run is not resumed at its next action, and there is no "
		"default_entrypoint");
	options.resume_at_next_action = true;
	b = counter("refusing");
	options.fork_from_app_id = "refusing";
	burr_initialize_from(b, &options);
	expect_refusal(b, BURR_EINVAL,
		"initialize_from: application \"refusing\" cannot be forked under its own app_id");
	options.fork_from_app_id = NULL;
	b = burr_builder_new();
	burr_with_action(b, &count);
	burr_with_identifiers(b, "refusing", NULL, BURR_NO_SEQUENCE_ID);
	burr_with_tracker(b, "p");
	burr_initialize_from(b, &options);
	expect_refusal(b, BURR_EINVAL,
		"initialize_from: step 3 of \"refusing\" is at action \"done\", which this application does "
		"not have");
	b = fresh("../outside");
	expect_refusal(b, BURR_EINVAL, "");
	b = fresh("refusing");
	burr_with_identifiers(b, "refusing", "somebody-else", BURR_NO_SEQUENCE_ID);
	expect_refusal(b, BURR_EEXIST, "");
}

static burr_app *spawned;

BURR_ACTION(spawns, "", "", "")
{
	burr_builder *b = burr_step_spawn(step);
	burr_with_action(b, &count);
	burr_with_transition(b, "count", "count", "count < limit");
	burr_with_entrypoint(b, "count");
	burr_with_state(b, "{\"count\": 0, \"limit\": 2}");
	spawned = must_build(b);
	return BURR_OK;
}

static void test_spawn(void **context)
{
	(void)context;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	burr_builder *b = burr_builder_new();
	burr_with_action(b, &spawns);
	burr_with_entrypoint(b, "spawns");
	burr_with_identifiers(b, "spawning", "user", 4);
	burr_with_tracker(b, "p");
	burr_app *app = must_build(b);
	must_run(app, NULL);
	burr_app_free(app);
	must_run(spawned, "count"); /* it holds the tracker that they shared */
	assert_string_equal(burr_app_partition_key(spawned), "user");
	read_file(burr_app_id(spawned), "log.jsonl", &text);
	expect_field(line_of(&text, 1), "type", "\"end_entry\"");
	read_file(burr_app_id(spawned), "metadata.json", &text);
	expect_field(buf_slice(&text), "spawning_parent_pointer.app_id", "\"spawning\"");
	expect_field(buf_slice(&text), "spawning_parent_pointer.sequence_id", "5");
	read_file("spawning", "children.jsonl", &text);
	expect_field(line_of(&text, 0), "event_type", "\"spawn_start\"");
	burr_app_free(spawned);
}

static void test_disabled(void **context)
{
	(void)context;
	char path[256];
	setenv("BURR_DISABLED", "1", 1);
	burr_app *app = must_build(fresh("disabled"));
	must_run(app, NULL);
	assert_null(burr_app_tracker_app(app));
	burr_app_free(app);
	unsetenv("BURR_DISABLED");
	snprintf(path, sizeof(path), "%s/p/disabled", store);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void test_page(void **context)
{
	(void)context;
	struct store *claimed = NULL;
	assert_int_equal(store_open(store, STORE_WRITE, &claimed, NULL), BURR_OK);
	burr_builder *b = fresh("page");
	burr_with_identifiers(b, "a b%\xc3\xbc", "x/y&z", BURR_NO_SEQUENCE_ID);
	burr_app *app = must_build(b);
	assert_true(store_claim_collector(claimed));
	assert_int_equal(store_write_collector(
				 claimed, SLICE_LIT("{\"pid\":1,\"url\":\"http://localhost:9/\"}"), NULL),
		BURR_OK);
	assert_string_equal(
		burr_app_url(app), "http://localhost:9/p/p/run/a%20b%25%C3%BC?partition=x%2Fy%26z");
	store_close(claimed);
	burr_app_free(app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_records_of_spans_and_streams),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_failed_step_runs_again),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_spawn),
		cmocka_unit_test(test_disabled),
		cmocka_unit_test(test_page),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
