/* Building and running: what burr_build refuses, halts, inputs, failing, ways out, hooks. */
#include "app/testing.h"
#include "base/clean.h"

BURR_ACTION(count, "count limit", "count", "by?")
{
	int64_t by = burr_input_int(step, "by", 1);
	if (by < 1)
		return burr_step_fail(step, "by must be positive, not %lld", (long long)by);
	return burr_set_int(step, "count", burr_get_int(step, "count") + by);
}

BURR_ACTION(done, "count", "", "")
{
	return burr_set_result(step, "count", burr_get_json(step, "count"));
}

/* Fails as long as the state says so and ctx does not. */
static burr_status run_flaky(burr_step *step)
{
	bool *works = burr_step_action_ctx(step);
	burr_set_int(step, "count", 99);
	return *works ? BURR_OK : burr_step_fail(step, "not yet");
}

static burr_builder *counter(const char *state_json, struct buf *log)
{
	burr_builder *b = burr_builder_new();
	burr_hooks hooks = log_hooks();
	hooks.post_application_create = log_created;
	hooks.pre_run_execute_call = log_run;
	hooks.post_run_execute_call = log_run_end;
	burr_with_transition(b, "count", "count", "count < limit");
	burr_with_transition(b, "count", "done", NULL);
	burr_with_action(b, &count);
	burr_with_action(b, &done);
	burr_with_entrypoint(b, "count");
	burr_with_state(b, state_json);
	burr_with_identifiers(b, "run-1", "user", BURR_NO_SEQUENCE_ID);
	if (log)
		burr_with_hooks(b, &hooks, log);
	return b;
}

static void test_run_and_hooks(void **context)
{
	(void)context;
	CLEAN(buf_fini) struct buf log = BUF_INIT;
	burr_app *app = must_build(counter("{\"count\": 0, \"limit\": 3}", &log));
	assert_null(burr_app_last_action(app));
	assert_int_equal(burr_app_sequence_id(app), BURR_NO_SEQUENCE_ID);
	assert_string_equal(burr_app_result_json(app), "null");
	assert_int_equal(burr_app_run(app, "done", "{\"by\": 2}", NULL), BURR_OK);
	assert_string_equal(burr_app_state_json(app), "{\"count\":3,\"limit\":3}");
	assert_string_equal(burr_app_result_json(app), "{\"count\":3}");
	assert_string_equal(burr_app_last_action(app), "done");
	assert_string_equal(burr_app_id(app), "run-1");
	assert_string_equal(burr_app_partition_key(app), "user");
	assert_string_equal(burr_app_url(app), "");
	assert_null(burr_app_tracker_app(app));
	assert_true(burr_app_finished(app));
	assert_int_equal(burr_app_run(app, "done", NULL, NULL), BURR_OK); /* stays as it is */
	assert_int_equal(burr_app_sequence_id(app), 2);
	burr_app_free(app);
	assert_string_equal(log.data,
		"created count actions=2 transitions=2 state={\"count\":0,\"limit\":3}\n"
		"run {\"by\": 2}\n"
		"begin 0 count {\"by\": 2}\n"
		"end 0 count - - {\"count\":2,\"limit\":3,\"__SEQUENCE_ID\":0,\"__PRIOR_STEP\":\"count\"}\n"
		"begin 1 count {} via count if count < limit {\"count\":2,\"limit\":3}\n"
		"end 1 count - - {\"count\":3,\"limit\":3,\"__SEQUENCE_ID\":1,\"__PRIOR_STEP\":\"count\"}\n"
		"begin 2 done {} via count if default {} not count if count < limit "
		"{\"count\":3,\"limit\":3}\n"
		"end 2 done {\"count\":3} - "
		"{\"count\":3,\"limit\":3,\"__SEQUENCE_ID\":2,\"__PRIOR_STEP\":\"done\"}\n"
		"ran done -\n"
		"run {}\n"
		"ran done -\n");
}

static void test_halts_steps_and_iteration(void **context)
{
	(void)context;
	burr_error err = BURR_ERROR_INIT;
	burr_iterator *it = NULL;
	const char *action = NULL;
	burr_run_options options = BURR_RUN_OPTIONS_INIT;
	burr_app *app = must_build(counter("{\"count\": 0, \"limit\": 4}", NULL));
	assert_int_equal(burr_app_next_action(app, &action, &err), BURR_OK);
	assert_string_equal(action, "count");
	assert_int_equal(burr_app_step(app, "{\"by\": 1}", &action, &err), BURR_OK);
	assert_string_equal(action, "count");
	options.halt_before = "done count"; /* at least one step runs */
	assert_int_equal(burr_app_run_until(app, &options, &err), BURR_OK);
	assert_int_equal(burr_app_sequence_id(app), 1);
	options.halt_before = "done";
	assert_int_equal(burr_app_run_until(app, &options, &err), BURR_OK);
	assert_int_equal(burr_app_sequence_id(app), 3);
	assert_int_equal(burr_app_next_action(app, &action, &err), BURR_OK);
	assert_string_equal(action, "done");
	assert_false(burr_app_finished(app));
	burr_app_free(app);

	app = must_build(counter("{\"count\": 0, \"limit\": 2}", NULL));
	assert_int_equal(burr_app_iterate(app, NULL, &it, &err), BURR_OK);
	const char *expected[] = {"count", "count", "done"};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(burr_iterator_next(it, &action, &err), BURR_OK);
		assert_string_equal(action, expected[i]);
	}
	assert_int_equal(burr_iterator_next(it, &action, &err), BURR_OK);
	assert_null(action);
	assert_int_equal(burr_iterator_next(it, &action, &err), BURR_OK);
	assert_null(action);
	burr_iterator_free(it);
	assert_int_equal(burr_app_step(app, NULL, &action, &err), BURR_OK);
	assert_null(action);
	burr_app_free(app);

	app = must_build(counter("{\"count\": 0, \"limit\": 9}", NULL));
	options = (burr_run_options)BURR_RUN_OPTIONS_INIT;
	options.halt_after = "count";
	assert_int_equal(burr_app_iterate(app, &options, &it, &err), BURR_OK);
	assert_int_equal(burr_iterator_next(it, &action, &err), BURR_OK);
	assert_string_equal(action, "count");
	assert_int_equal(burr_iterator_next(it, &action, &err), BURR_OK);
	assert_null(action);
	burr_iterator_free(it);
	burr_app_free(app);
}

static void test_run_refusals(void **context)
{
	(void)context;
	static const struct {
		const char *halt_after;
		const char *inputs;
		const char *message;
	} cases[] = {
		{"nope", NULL, "halt_after: there is no action \"nope\""},
		{NULL, "[]", "inputs: no JSON object"},
		{NULL, "{", "inputs: not JSON at byte "},
		{NULL, "{\"bye\": 1}", "input \"bye\" is declared by no action"},
	};
	burr_app *app = must_build(counter("{\"count\": 0, \"limit\": 3}", NULL));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		burr_error err = BURR_ERROR_INIT;
		assert_int_equal(burr_app_run(app, cases[i].halt_after, cases[i].inputs, &err), BURR_EINVAL);
		if (strncmp(err.message, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("%s", err.message);
	}
	assert_int_equal(burr_app_sequence_id(app), BURR_NO_SEQUENCE_ID);
	burr_app_free(app);
	assert_int_equal(burr_app_run(NULL, NULL, NULL, NULL), BURR_EINVAL);
	burr_app_free(NULL);
}

static void test_missing_input(void **context)
{
	(void)context;
	burr_error err = BURR_ERROR_INIT;
	burr_action ask = count;
	ask.name = "ask";
	ask.inputs = "prompt by?";
	burr_app *app = build_one(&ask, "{\"count\": 1, \"limit\": 2}", NULL);
	assert_int_equal(burr_app_run(app, NULL, "{\"by\": 2}", &err), BURR_EINVAL);
	assert_string_equal(err.message,
		"action \"ask\": input \"prompt\" is missing (inputs is \"prompt by?\"; a "
		"run's inputs are for its first step)");
	assert_int_equal(burr_app_sequence_id(app), BURR_NO_SEQUENCE_ID);
	assert_int_equal(burr_app_run(app, NULL, "{\"prompt\": null}", &err), BURR_OK);
	burr_app_free(app);
}

static void test_failing_action_runs_again(void **context)
{
	(void)context;
	CLEAN(buf_fini) struct buf log = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	bool works = false;
	burr_action flaky = {
		sizeof(burr_action), "flaky", "count", "count", "", run_flaky, &works, NULL, 0, NULL, false};
	burr_builder *b = counter("{\"count\": 1, \"limit\": 1}", NULL);
	burr_hooks hooks = log_hooks();
	burr_with_action(b, &flaky);
	burr_with_hooks(b, &hooks, &log);
	burr_with_transition(b, "done", "flaky", "count > 0");
	burr_app *app = must_build(b);
	assert_int_equal(burr_app_run(app, "flaky", NULL, &err), BURR_EACTION);
	assert_string_equal(err.message, "action \"flaky\": not yet");
	assert_string_equal(burr_app_state_json(app), "{\"count\":2,\"limit\":1}");
	assert_string_equal(burr_app_last_action(app), "done");
	buf_clear(&log);
	assert_int_equal(burr_app_run(app, "flaky", NULL, &err), BURR_EACTION);
	works = true;
	assert_int_equal(burr_app_run(app, "flaky", NULL, &err), BURR_OK);
	assert_string_equal(log.data,
		"begin 3 flaky {}\n"
		"end 3 flaky - action \"flaky\": not yet "
		"{\"count\":2,\"limit\":1,\"__SEQUENCE_ID\":3,\"__PRIOR_STEP\":\"done\"}\n"
		"begin 4 flaky {}\n"
		"end 4 flaky - - "
		"{\"count\":99,\"limit\":1,\"__SEQUENCE_ID\":4,\"__PRIOR_STEP\":\"flaky\"}\n");
	assert_string_equal(burr_app_state_json(app), "{\"count\":99,\"limit\":1}");
	burr_app_free(app);
}

static bool is_full(burr_step *step, void *ctx)
{
	(void)ctx;
	return burr_get_int(step, "count") >= 10;
}

static bool writes(burr_step *step, void *ctx)
{
	(void)ctx;
	burr_set_int(step, "count", 1);
	return true;
}

static bool reads_undeclared(burr_step *step, void *ctx)
{
	(void)ctx;
	return burr_get_int(step, "limit") > 0;
}

static void test_no_way_out(void **context)
{
	(void)context;
	burr_error err = BURR_ERROR_INIT;
	burr_builder *b = burr_builder_new();
	burr_with_action(b, &count);
	burr_with_action(b, &done);
	burr_with_transition(b, "count", "count", "count > limit and not ready");
	burr_with_transition_predicate(b, "count", "done", "is_full", "count", is_full, NULL);
	burr_with_entrypoint(b, "count");
	burr_with_state(b, "{\"count\": 0, \"limit\": 3}");
	burr_app *app = must_build(b);
	assert_int_equal(burr_app_run(app, NULL, NULL, &err), BURR_ENOWAY);
	assert_string_equal(err.message,
		"no transition out of \"count\" holds: -> count if count > limit and not ready, saw "
		"{\"count\":1,\"limit\":3,\"ready\":null}; -> done if is_full, saw {\"count\":1}");
	const char *next = "";
	assert_int_equal(burr_app_next_action(app, &next, &err), BURR_ENOWAY);
	assert_int_equal(burr_app_sequence_id(app), 0);
	burr_app_free(app);
}

static void expect_condition_error(burr_builder *b, const char *message)
{
	burr_error err = BURR_ERROR_INIT;
	burr_with_action(b, &count);
	burr_with_entrypoint(b, "count");
	burr_with_state(b, "{\"count\": 0, \"limit\": 3}");
	burr_app *app = must_build(b);
	assert_int_equal(burr_app_run(app, NULL, NULL, &err), BURR_EINVAL);
	assert_string_equal(err.message, message);
	burr_app_free(app);
}

static void test_conditions_that_fail(void **context)
{
	(void)context;
	burr_builder *b = burr_builder_new();
	burr_with_transition(b, "count", "count", "count < missing");
	expect_condition_error(b,
		"transition count -> count: condition \"count < missing\": count (number 1) cannot "
		"be ordered with missing (null)");
	b = burr_builder_new();
	burr_with_transition_predicate(b, "count", "count", "w", "count", writes, NULL);
	expect_condition_error(
		b, "transition count -> count: condition \"w\": a condition cannot write (key \"count\")");
	b = burr_builder_new();
	burr_with_transition_predicate(b, "count", "count", "r", "count", reads_undeclared, NULL);
	expect_condition_error(b,
		"transition count -> count: condition \"r\": key \"limit\" is read but not declared: "
		"reads is \"count\"");
}

/* ---- refusals of burr_build ---- */

static void no_entrypoint(burr_builder *b)
{
	burr_with_action(b, &count);
}

static void unknown_entrypoint(burr_builder *b)
{
	burr_with_action(b, &count);
	burr_with_entrypoint(b, "nope");
}

static void two_of_a_name(burr_builder *b)
{
	burr_with_action(b, &count);
	burr_with_action(b, &count);
}

static void unknown_to(burr_builder *b)
{
	burr_with_action(b, &count);
	burr_with_transition(b, "count", "nope", NULL);
}

static void unknown_in_list(burr_builder *b)
{
	burr_with_action(b, &count);
	burr_with_transition(b, "count nope", "count", NULL);
}

static void bad_condition(burr_builder *b)
{
	burr_with_action(b, &count);
	burr_with_transition(b, "count", "count", "count = 3");
}

static void empty_condition(burr_builder *b)
{
	burr_with_action(b, &count);
	burr_with_transition(b, "count", "count", "");
}

static void no_predicate(burr_builder *b)
{
	burr_with_action(b, &count);
	burr_with_transition_predicate(b, "count", "count", "p", "", NULL, NULL);
}

static void state_is_list(burr_builder *b)
{
	burr_with_state(b, "[1]");
}

static void state_is_null(burr_builder *b)
{
	burr_with_state(b, NULL);
}

static void name_with_space(burr_builder *b)
{
	burr_action action = count;
	action.name = "a b";
	burr_with_action(b, &action);
}

static void no_function(burr_builder *b)
{
	burr_action action = count;
	action.run = NULL;
	burr_with_action(b, &action);
}

static void private_write(burr_builder *b)
{
	burr_action action = count;
	action.writes = "count __PRIOR_STEP";
	burr_with_action(b, &action);
}

static void read_twice(burr_builder *b)
{
	burr_action action = count;
	action.reads = "count limit count";
	burr_with_action(b, &action);
}

static void no_size(burr_builder *b)
{
	burr_action action = {0};
	burr_with_action(b, &action);
}

static void empty_id(burr_builder *b)
{
	burr_with_identifiers(b, "", NULL, BURR_NO_SEQUENCE_ID);
}

static void bad_sequence(burr_builder *b)
{
	burr_with_identifiers(b, "a", NULL, -2);
}

static void no_project(burr_builder *b)
{
	burr_with_tracker(b, NULL);
}

static void nowhere_to_load(burr_builder *b)
{
	burr_initialize_options options = BURR_INITIALIZE_OPTIONS_INIT;
	burr_with_action(b, &count);
	burr_initialize_from(b, &options);
}

static void load_beside_state(burr_builder *b)
{
	burr_initialize_options options = BURR_INITIALIZE_OPTIONS_INIT;
	burr_with_action(b, &count);
	burr_with_state(b, "{}");
	burr_initialize_from(b, &options);
}

static void nothing(burr_builder *b)
{
	(void)b;
}

static void first_sticks(burr_builder *b)
{
	burr_with_entrypoint(b, NULL);
	burr_with_state(b, NULL);
}

static void count_close(void *ctx)
{
	++*(int *)ctx;
}

static void test_build_refusals(void **context)
{
	(void)context;
	static const struct {
		void (*make)(burr_builder *b);
		const char *message;
	} cases[] = {
		{nothing, "burr_build: there are no actions"},
		{no_entrypoint, "burr_build: there is no entrypoint"},
		{unknown_entrypoint, "burr_build: the entrypoint \"nope\" is no action"},
		{two_of_a_name, "action \"count\": there are two of that name"},
		{unknown_to, "transition count -> nope: there is no action \"nope\""},
		{unknown_in_list, "transition nope -> count: there is no action \"nope\""},
		{bad_condition,
			"transition count -> count: condition \"count = 3\": column 7: = does not compare; "
			"write =="},
		{empty_condition,
			"transition count -> count: condition \"\": column 1: empty (NULL or \"default\" is "
			"the default transition)"},
		{no_predicate, "transition count -> count: the function is NULL"},
		{state_is_list, "burr_with_state: the state is no JSON object"},
		{state_is_null, "burr_with_state: the state is NULL"},
		{name_with_space, "action \"a b\": a name is 1 to 128 bytes of UTF-8 without spaces"},
		{no_function, "action \"count\": it has no function to run"},
		{private_write,
			"action \"count\": writes names \"__PRIOR_STEP\": keys that begin with __ are the "
			"library's"},
		{read_twice, "action \"count\": reads names \"count\" twice"},
		{no_size, "burr_with_action: no action, or its size is not set"},
		{empty_id, "burr_with_identifiers: the app_id is empty"},
		{bad_sequence, "burr_with_identifiers: -2 is no sequence id"},
		{no_project, "burr_with_tracker: the options have no size, or name no project"},
		{nowhere_to_load, "initialize_from: there is no tracker, and no project is named"},
		{load_beside_state, "burr_initialize_from takes the place of burr_with_state and "
				    "burr_with_entrypoint; put them into its defaults"},
		{first_sticks, "burr_with_entrypoint: the action is NULL"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		burr_error err = BURR_ERROR_INIT;
		burr_app *app = NULL;
		burr_hooks hooks = BURR_HOOKS_INIT;
		int close_count = 0;
		hooks.close = count_close;
		burr_builder *b = burr_builder_new();
		cases[i].make(b);
		burr_with_hooks(b, &hooks, &close_count); /* a builder that failed takes them too */
		assert_int_equal(burr_build(b, &app, &err), BURR_EINVAL);
		assert_string_equal(err.message, cases[i].message);
		assert_null(app);
		assert_int_equal(close_count, 1);
	}
	burr_app *app = NULL;
	burr_with_entrypoint(NULL, "x");
	assert_int_equal(burr_build(NULL, &app, NULL), BURR_ENOMEM);
	burr_builder_free(burr_builder_new());
	burr_builder_free(NULL);
}

static burr_status refuse(const burr_event *event, void *ctx, burr_error *err)
{
	(void)event;
	(void)ctx;
	err->code = BURR_EPERM;
	snprintf(err->message, sizeof(err->message), "refused");
	return BURR_EPERM;
}

static void test_hook_refuses_application(void **context)
{
	(void)context;
	burr_error err = BURR_ERROR_INIT;
	burr_app *app = NULL;
	burr_hooks hooks = BURR_HOOKS_INIT;
	burr_builder *b = counter("{}", NULL);
	hooks.post_application_create = refuse;
	burr_with_hooks(b, &hooks, NULL);
	assert_int_equal(burr_build(b, &app, &err), BURR_EPERM);
	assert_string_equal(err.message, "refused");
}

/* ---- state and identifiers ---- */

static void test_state_of_a_loaded_step(void **context)
{
	(void)context;
	burr_builder *b = counter(
		"{\"count\": 5, \"__SEQUENCE_ID\": 41, \"__PRIOR_STEP\": \"x\", \"limit\": 1e2}", NULL);
	burr_with_state(b, "{\"limit\": 7, \"a\\nb\": [1 , 2]}");
	burr_app *app = must_build(b);
	assert_string_equal(burr_app_state_json(app), "{\"count\":5,\"limit\":7,\"a\\nb\":[1 , 2]}");
	assert_int_equal(burr_app_sequence_id(app), 41);
	assert_int_equal(burr_app_step(app, NULL, NULL, NULL), BURR_OK);
	assert_int_equal(burr_app_sequence_id(app), 42);
	burr_app_free(app);
	b = counter("{\"count\": 0, \"limit\": 1}", NULL);
	burr_with_identifiers(b, NULL, NULL, 9);
	app = must_build(b);
	assert_int_equal(strlen(burr_app_id(app)), 36);
	assert_int_equal(burr_app_step(app, NULL, NULL, NULL), BURR_OK);
	assert_int_equal(burr_app_sequence_id(app), 10);
	burr_app_free(app);
}

/* ---- one at a time ---- */

static burr_status runs_itself(burr_step *step)
{
	burr_error err = BURR_ERROR_INIT;
	burr_app **app = burr_step_ctx(step);
	burr_status status = burr_app_run(*app, NULL, NULL, &err);
	return burr_step_fail(step, "%s: %s", burr_status_name(status), err.message);
}

static void test_run_inside_run(void **context)
{
	(void)context;
	burr_error err = BURR_ERROR_INIT;
	burr_app *app = NULL;
	burr_action action = {
		sizeof(burr_action), "act", "", "", "", runs_itself, NULL, NULL, 0, NULL, false};
	burr_builder *b = burr_builder_new();
	burr_with_action(b, &action);
	burr_with_entrypoint(b, "act");
	burr_with_identifiers(b, "a", NULL, BURR_NO_SEQUENCE_ID);
	burr_with_ctx(b, &app);
	app = must_build(b);
	assert_int_equal(burr_app_run(app, NULL, NULL, &err), BURR_EACTION);
	assert_string_equal(err.message,
		"action \"act\": BURR_EINVAL: application \"a\" is running already (in another "
		"thread, or this is one of its own actions or hooks)");
	burr_app_free(app);
}

/* ---- source ---- */

static burr_status keep_code(const burr_event *event, void *ctx, burr_error *err)
{
	(void)err;
	for (size_t i = 0; i < event->info->action_count; i++)
		buf_printf(ctx, "%s|", event->info->actions[i].code ? event->info->actions[i].code : "-");
	return BURR_OK;
}

static void test_code(void **context)
{
	(void)context;
	CLEAN(buf_fini) struct buf codes = BUF_INIT;
	burr_hooks hooks = BURR_HOOKS_INIT;
	hooks.post_application_create = keep_code;
	static const char *const names[] = {"given", "embedded", "gone", "unknown"};
	burr_action actions[4] = {count, count, count, count};
	actions[0].source = "int given;";
	actions[1].file = "embedded.c";
	actions[1].line = 2;
	actions[2].file = "/nonexistent/gone.c";
	actions[2].line = 7;
	actions[3].file = NULL;
	burr_builder *b = burr_builder_new();
	for (size_t i = 0; i < 4; i++) {
		actions[i].name = names[i];
		burr_with_action(b, &actions[i]);
	}
	burr_with_action(b, &done);
	burr_with_source(b, "embedded.c", "\nint f(void)\n{\n}\nint g;\n");
	burr_with_entrypoint(b, "done");
	burr_with_hooks(b, &hooks, &codes);
	burr_app_free(must_build(b));
	assert_string_equal(codes.data,
		"int given;|int f(void)\n{\n}|/nonexistent/gone.c:7|-|"
		"BURR_ACTION(done, \"count\", \"\", \"\")\n{\n"
		"\treturn burr_set_result(step, \"count\", burr_get_json(step, \"count\"));\n}|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run_and_hooks),
		cmocka_unit_test(test_halts_steps_and_iteration),
		cmocka_unit_test(test_run_refusals),
		cmocka_unit_test(test_missing_input),
		cmocka_unit_test(test_failing_action_runs_again),
		cmocka_unit_test(test_no_way_out),
		cmocka_unit_test(test_conditions_that_fail),
		cmocka_unit_test(test_build_refusals),
		cmocka_unit_test(test_hook_refuses_application),
		cmocka_unit_test(test_state_of_a_loaded_step),
		cmocka_unit_test(test_run_inside_run),
		cmocka_unit_test(test_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
