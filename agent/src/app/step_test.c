/* What an action can do with its step: read, write, fail, tell. */
#include "app/testing.h"
#include "base/clean.h"

#include <math.h>

/* An action whose body is a function of the test: name, what it declares, what it does. */
static burr_action action_of(burr_action_fn run)
{
	burr_action action = {sizeof(burr_action), "act", "n d t s o l missing", "n new l big s", "who by?",
		run, NULL, "act.c", 12, "source", false};
	return action;
}

static const char state_json[] =
	"{\"n\": 41, \"d\":1.50, \"t\":true, \"s\":\"a\\u00e9\\\"\", \"o\":{ \"k\":1},"
	"\"l\":[1 ], \"big\":12345678901234567890123, \"hidden\":1}";

/* Run it once; the status and message are the run's, the state afterwards is compared. */
static void expect(burr_action_fn run, burr_status status, const char *message, const char *state)
{
	burr_error err = BURR_ERROR_INIT;
	burr_action action = action_of(run);
	burr_app *app = build_one(&action, state_json, NULL);
	burr_status got = burr_app_run(app, NULL, "{\"who\": \"Ann\"}", &err);
	if (got != status)
		fail_msg("%s: %s", burr_status_name(got), err.message);
	assert_string_equal(err.message, message);
	if (state)
		assert_string_equal(burr_app_state_json(app), state);
	burr_app_free(app);
}

#define UNCHANGED                                                                             \
	"{\"n\":41,\"d\":1.50,\"t\":true,\"s\":\"a\\u00e9\\\"\",\"o\":{ \"k\":1},\"l\":[1 ]," \
	"\"big\":12345678901234567890123,\"hidden\":1}"

static burr_status reads_all(burr_step *step)
{
	assert_int_equal(burr_get_int(step, "n"), 41);
	assert_true(burr_get_double(step, "d") == 1.5);
	assert_true(burr_get_double(step, "n") == 41);
	assert_true(burr_get_bool(step, "t"));
	assert_string_equal(burr_get_text(step, "s"), "a\xc3\xa9\"");
	assert_string_equal(burr_get_json(step, "o"), "{ \"k\":1}");
	assert_string_equal(burr_get_json(step, "d"), "1.50");
	assert_true(burr_has(step, "n"));
	assert_false(burr_has(step, "missing"));
	assert_string_equal(burr_input_text(step, "who", "?"), "Ann");
	assert_string_equal(burr_input_json(step, "who", "?"), "\"Ann\"");
	assert_int_equal(burr_input_int(step, "by", 7), 7);
	assert_true(burr_input_double(step, "by", 0.5) == 0.5);
	assert_true(burr_input_bool(step, "by", true));
	assert_true(burr_has_input(step, "who"));
	assert_false(burr_has_input(step, "by"));
	assert_string_equal(burr_step_app_id(step), "one");
	assert_null(burr_step_partition_key(step));
	assert_string_equal(burr_step_action(step), "act");
	assert_int_equal(burr_step_sequence_id(step), 0);
	assert_null(burr_step_ctx(step));
	assert_string_equal(burr_step_state_json(step),
		"{\"n\":41,\"d\":1.50,\"t\":true,\"s\":\"a\\u00e9\\\"\",\"o\":{ \"k\":1},\"l\":[1 ]}");
	return burr_step_check(step);
}

static void test_reading(void **context)
{
	(void)context;
	expect(reads_all, BURR_OK, "", UNCHANGED);
}

static burr_status writes_all(burr_step *step)
{
	const char *before = burr_get_json(step, "n");
	burr_set_int(step, "n", INT64_MAX);
	assert_string_equal(before, "41"); /* borrowed until the step ends */
	assert_int_equal(burr_get_int(step, "n"), INT64_MAX);
	burr_set_double(step, "n", 0.1);
	burr_set_bool(step, "n", false);
	assert_false(burr_get_bool(step, "n"));
	burr_set_null(step, "n");
	assert_string_equal(burr_get_json(step, "n"), "null");
	burr_unset(step, "n");
	assert_false(burr_has(step, "n"));
	burr_increment(step, "n", 2);
	burr_increment(step, "n", 40);
	assert_int_equal(burr_get_int(step, "n"), 42);
	burr_set_text(step, "s", "x\n");
	burr_append_text(step, "l", "y");
	burr_append_json(step, "l", "{}");
	burr_append_json(step, "new", "1");
	assert_string_equal(burr_get_json(step, "new"), "[1]"); /* what it wrote itself it may read */
	burr_unset(step, "big");
	assert_string_equal(burr_step_state_json(step), "{\"n\":42,\"d\":1.50,\"t\":true,\"s\":\"x\\n\","
							"\"o\":{ \"k\":1},\"l\":[1,\"y\",{}],\"new\":[1]}");
	return BURR_OK;
}

static void test_writing(void **context)
{
	(void)context;
	expect(writes_all, BURR_OK, "",
		"{\"n\":42,\"d\":1.50,\"t\":true,\"s\":\"x\\n\",\"o\":{ "
		"\"k\":1},\"l\":[1,\"y\",{}],\"hidden\":1,"
		"\"new\":[1]}");
}

#define ACT(name, statement)                       \
	static burr_status name(burr_step *step)   \
	{                                          \
		burr_set_int(step, "n", 0);        \
		statement;                         \
		burr_set_text(step, "s", "after"); \
		return BURR_OK;                    \
	}

ACT(undeclared_read, burr_get_int(step, "hidden"))
ACT(undeclared_read_of_written, burr_get_json(step, "big"))
ACT(undeclared_write, burr_set_int(step, "d", 1))
ACT(missing_key, assert_int_equal(burr_get_int(step, "missing"), 0))
ACT(text_as_int, burr_get_int(step, "s"))
ACT(fraction_as_int, burr_get_int(step, "d"))
ACT(int_as_text, assert_string_equal(burr_get_text(step, "d"), ""))
ACT(int_as_bool, burr_get_bool(step, "d"))
ACT(object_as_double, burr_get_double(step, "o"))
ACT(bad_json, burr_set_json(step, "n", "{'a'}"))
ACT(null_json, burr_set_json(step, "n", NULL))
ACT(unfinished_json, burr_set_json(step, "n", burr_json_str(burr_step_json(step))))
ACT(bad_text, burr_set_text(step, "n", "\xff"))
ACT(null_text, burr_set_text(step, "n", NULL))
ACT(not_a_number, burr_set_double(step, "n", (double)NAN))
ACT(private_key, burr_set_int(step, "__SEQUENCE_ID", 1))
ACT(null_key, burr_get_int(step, NULL))
ACT(sum_too_big, (burr_set_int(step, "n", INT64_MAX), burr_increment(step, "n", 1)))
ACT(text_plus_one, burr_increment(step, "s", 1))
ACT(append_to_text, burr_append_json(step, "s", "1"))
ACT(undeclared_input, burr_input_int(step, "whom", 1))
ACT(input_type, burr_input_int(step, "who", 1))
ACT(end_without_span, burr_step_end_span(step))
ACT(two_errors, (burr_step_fail(step, "first %d", 1), burr_step_fail(step, "second")))
ACT(bad_attribute, burr_step_log_attribute(step, "k", "nope"))
ACT(bad_item, burr_step_emit(step, "nope"))

static burr_status returns_code(burr_step *step)
{
	burr_set_int(step, "n", 0);
	return BURR_EIO;
}

static burr_status nests(burr_step *step)
{
	char deep[300] = "";
	memset(deep, '[', 125);
	memset(deep + 125, ']', 125);
	return burr_set_json(step, "n", deep);
}

static burr_status opens_spans(burr_step *step)
{
	for (int i = 0; i < 65; i++)
		burr_step_begin_span(step, "s");
	return BURR_OK;
}

static void test_errors(void **context)
{
	(void)context;
	static const struct {
		burr_action_fn run;
		const char *message;
	} cases[] = {
		{undeclared_read,
			"key \"hidden\" is read but not declared: reads is \"n d t s o l missing\""},
		{undeclared_read_of_written,
			"key \"big\" is read but not declared: reads is \"n d t s o l missing\""},
		{undeclared_write, "key \"d\" is written but not declared: writes is \"n new l big s\""},
		{missing_key, "key \"missing\" is not in the state"},
		{text_as_int, "key \"s\" is text \"a\\u00e9\\\"\", not an integer of 64 bits"},
		{fraction_as_int, "key \"d\" is number 1.50, not an integer of 64 bits"},
		{int_as_text, "key \"d\" is number 1.50, not text"},
		{int_as_bool, "key \"d\" is number 1.50, not true or false"},
		{object_as_double, "key \"o\" is an object, not a number"},
		{null_json, "key \"n\": there is no value (NULL)"},
		{unfinished_json, "key \"n\": JSON builder: nothing in it"},
		{bad_text, "key \"n\": the text is not valid UTF-8"},
		{null_text, "key \"n\": there is no text (NULL)"},
		{not_a_number, "key \"n\": JSON has no NaN and no infinity"},
		{private_key, "key \"__SEQUENCE_ID\": keys that begin with __ are the library's"},
		{null_key, "reading the state: the key is NULL"},
		{sum_too_big, "key \"n\": the sum is beyond 64 bits"},
		{text_plus_one, "key \"s\" is text \"a\\u00e9\\\"\", not an integer to add to"},
		{append_to_text, "key \"s\" is text \"a\\u00e9\\\"\", not a list to append to"},
		{undeclared_input, "input \"whom\" is read but not declared: inputs is \"who by?\""},
		{input_type, "input \"who\" is text \"Ann\", not an integer of 64 bits"},
		{end_without_span, "burr_step_end_span: no span is open"},
		{two_errors, "first 1"},
		{returns_code, "it returned BURR_EIO (read or write failed)"},
		{nests, "key \"n\": nested deeper than 120 levels"},
		{opens_spans, "span \"s\": more than 64 are open"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char message[512];
		snprintf(message, sizeof(message), "action \"act\": %s (act.c:12)", cases[i].message);
		expect(cases[i].run, BURR_EACTION, message, UNCHANGED);
	}
}

static void test_bad_json(void **context)
{
	(void)context;
	static const burr_action_fn runs[] = {bad_json, bad_attribute, bad_item};
	for (size_t i = 0; i < 3; i++) {
		burr_error err = BURR_ERROR_INIT;
		burr_action action = action_of(runs[i]);
		burr_app *app = build_one(&action, state_json, NULL);
		assert_int_equal(burr_app_run(app, NULL, "{\"who\":1}", &err), BURR_EACTION);
		if (!strstr(err.message, "\": not JSON at byte "))
			fail_msg("%s", err.message);
		burr_app_free(app);
	}
}

/* ---- telling ---- */

BURR_ACTION(spans, "", "", "")
{
	static const burr_tag tags[] = {{"unit", "tokens"}};
	const char *first = burr_step_begin_span(step, "first");
	assert_string_equal(first, "0:0");
	burr_step_log_int(step, "n", 3);
	burr_step_begin_span(step, "inner");
	burr_step_end_span(step);
	burr_step_begin_span(step, "inner2");
	burr_step_log_text(step, "t", "\"");
	burr_step_begin_span(step, "innermost");
	burr_step_end_span(step);
	burr_step_end_span(step);
	burr_step_end_span(step);
	burr_step_log_tagged(step, "k", "[1]", tags, 1);
	burr_step_begin_span_after(step, "second", "0:0 0:0.1");
	burr_step_log_double(step, "d", 0.5);
	burr_step_log_bool(step, "b", true);
	return burr_set_result_text(step, "said", first);
}

static void test_spans(void **context)
{
	(void)context;
	CLEAN(buf_fini) struct buf log = BUF_INIT;
	burr_app *app = build_one(&spans, "{}", &log);
	assert_int_equal(burr_app_run(app, NULL, NULL, NULL), BURR_OK);
	assert_string_equal(log.data,
		"begin 0 spans {}\n"
		"span 0:0 first in -\n"
		"attribute 0:0 n=3 tags=0\n"
		"span 0:0.0 inner in 0:0\n"
		"span-end 0:0.0\n"
		"span 0:0.1 inner2 in 0:0\n"
		"attribute 0:0.1 t=\"\\\"\" tags=0\n"
		"span 0:0.1.0 innermost in 0:0.1\n"
		"span-end 0:0.1.0\n"
		"span-end 0:0.1\n"
		"span-end 0:0\n"
		"attribute - k=[1] tags=1\n"
		"span 0:1 second in - after 0:0 after 0:0.1\n"
		"attribute 0:1 d=0.5 tags=0\n"
		"attribute 0:1 b=true tags=0\n"
		"span-end 0:1\n"
		"end 0 spans {\"said\":\"0:0\"} - {\"__SEQUENCE_ID\":0,\"__PRIOR_STEP\":\"spans\"}\n");
	assert_string_equal(burr_app_result_json(app), "{\"said\":\"0:0\"}");
	burr_app_free(app);
}

BURR_STREAMING_ACTION(streams, "", "text", "")
{
	burr_step_emit_text(step, "a");
	burr_step_emit(step, "{\"n\":1}");
	burr_set_text(step, "text", "a1");
	return burr_step_check(step);
}

BURR_ACTION(emits, "", "text", "")
{
	burr_step_log_int(step, "before", 1);
	burr_set_result_int(step, "i", 1);
	burr_set_result_bool(step, "b", true);
	burr_set_result_double(step, "d", 2);
	burr_set_result(step, "j", "[]");
	burr_set_result_int(step, "i", 2);
	return burr_step_emit_text(step, "a");
}

static burr_status collect(const char *action, const char *item_json, void *ctx)
{
	buf_printf(ctx, "%s gave %s\n", action, item_json);
	return strstr(item_json, "n") ? BURR_ECLOSED : BURR_OK;
}

static void test_streams(void **context)
{
	(void)context;
	CLEAN(buf_fini) struct buf log = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	burr_run_options options = BURR_RUN_OPTIONS_INIT;
	burr_app *app = build_one(&streams, "{}", &log);
	assert_int_equal(burr_app_run(app, NULL, NULL, NULL), BURR_OK);
	assert_string_equal(log.data, "begin 0 streams {}\nstream streams\nitem 1 \"a\"\nitem 2 {\"n\":1}\n"
				      "stream-end 2\nend 0 streams - - {\"text\":\"a1\",\"__SEQUENCE_ID\":0,"
				      "\"__PRIOR_STEP\":\"streams\"}\n");
	burr_app_free(app);
	buf_clear(&log);
	app = build_one(&emits, "{}", &log);
	options.on_item = collect;
	options.item_ctx = &log;
	assert_int_equal(burr_app_run_until(app, &options, NULL), BURR_OK);
	assert_string_equal(log.data,
		"begin 0 emits {}\nattribute - before=1 tags=0\nstream emits\nitem 1 \"a\"\n"
		"emits gave \"a\"\nstream-end 1\nend 0 emits "
		"{\"i\":2,\"b\":true,\"d\":2,\"j\":[]} - "
		"{\"__SEQUENCE_ID\":0,\"__PRIOR_STEP\":\"emits\"}\n");
	burr_app_free(app);
	buf_clear(&log);
	app = build_one(&streams, "{}", &log);
	assert_int_equal(burr_app_run_until(app, &options, &err), BURR_EACTION);
	assert_non_null(strstr(err.message, "the stream's consumer took item 2 and wants no more"));
	assert_string_equal(burr_app_state_json(app), "{}");
	burr_app_free(app);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_bad_json),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_streams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
