/* JSON text: what is accepted, what is refused and where, what the walkers find, what the writer writes. */
#include "base/testing.h"

#include "base/json.h"

#include <burr/status.h>

static void accepts(void **state)
{
	(void)state;
	static const char *const texts[] = {"{}", "[]", " [ ] ", "null", "true", "false", "0", "-0", "10",
		"-1.5e+10", "0.1", "1E5", "\"\"", "\"\\u00e9\\n\\\"\"", "\"\xc3\xa9\xf0\x9f\x90\xbf\"",
		"{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"\"}", "[[],{},[{}]]", "\t{\"a\" : 1 , \"b\":2}\n",
		"\"\\ud83d\\udc3f\"", "\"\x7f\""};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		burr_error err = BURR_ERROR_INIT;
		if (json_validate(slice_of(texts[i]), NULL, &err) != BURR_OK)
			fail_msg("%s: %s", texts[i], err.message);
	}
}

static void refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{"", "byte 0: the text ends where a value is expected"},
		{"{", "byte 1: expected a key in quotes"},
		{"{\"a\"}", "byte 4: expected ':'"},
		{"{\"a\":1,}", "byte 7: expected a key in quotes"},
		{"{\"a\":1 \"b\":2}", "byte 7: expected ','"},
		{"[1,]", "byte 3: expected a value"},
		{"[1 2]", "byte 3: expected ','"},
		{"[1", "byte 2: the text ends inside"},
		{"01", "byte 1: something follows"},
		{"1.", "byte 2: a digit is missing"},
		{".5", "byte 0: expected a value"},
		{"-", "byte 1: a digit is missing"},
		{"1e", "byte 2: a digit is missing"},
		{"+1", "byte 0: expected a value"},
		{"NaN", "byte 0: expected a value"},
		{"Infinity", "byte 0: expected a value"},
		{"tru", "byte 0: expected a value"},
		{"'a'", "byte 0: expected a value"},
		{"\"a", "byte 2: the text ends inside a string"},
		{"\"\\x\"", "byte 2: unknown escape"},
		{"\"\\u12g4\"", "byte 2: \\u needs four"},
		{"\"\n\"", "byte 1: control character"},
		{"\"\xff\"", "byte 1: invalid UTF-8"},
		{"\"\xc0\x80\"", "byte 1: invalid UTF-8"},
		{"\"\xed\xa0\x80\"", "byte 1: invalid UTF-8"},
		{"\"\xf5\x80\x80\x80\"", "byte 1: invalid UTF-8"},
		{"\"\xe2\x82\"", "byte 1: invalid UTF-8"},
		{"{} {}", "byte 3: something follows"},
		{"{}]", "byte 2: something follows"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		burr_error err = BURR_ERROR_INIT;
		if (json_validate(slice_of(cases[i].text), NULL, &err) != BURR_EINVAL)
			fail_msg("accepted: %s", cases[i].text);
		if (!strstr(err.message, cases[i].message))
			fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].text, err.message, cases[i].message);
	}
}

static void depth_is_bounded(void **state)
{
	(void)state;
	char text[2 * (JSON_MAX_DEPTH + 1) + 1];
	for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		struct slice nested = {text, 2 * (size_t)depth};
		assert_int_equal(
			json_validate(nested, NULL, NULL), depth == JSON_MAX_DEPTH ? BURR_OK : BURR_EINVAL);
	}
}

static void walks_members_and_elements(void **state)
{
	(void)state;
	struct slice object = SLICE_LIT(" {\"a\" : 1, \"b\\\"\": [true, {\"x\":\"}\"}] ,\"c\":\"\\\\\"} ");
	struct slice key;
	struct slice value;
	struct json_iter it = json_iter(object);
	assert_true(json_next_member(&it, &key, &value));
	assert_true(slice_is(key, "a") && slice_is(value, "1"));
	assert_true(json_next_member(&it, &key, &value));
	assert_true(slice_is(key, "b\\\"") && json_key_is(key, SLICE_LIT("b\"")));
	struct slice element;
	struct json_iter inner = json_iter(value);
	assert_true(json_next_element(&inner, &element) && slice_is(element, "true"));
	assert_true(json_next_element(&inner, &element) && slice_is(element, "{\"x\":\"}\"}"));
	assert_false(json_next_element(&inner, &element));
	assert_false(inner.damaged);
	assert_true(json_next_member(&it, &key, &value) && slice_is(value, "\"\\\\\""));
	assert_false(json_next_member(&it, &key, &value));
	assert_false(it.damaged);
}

static void walkers_stop_at_damage(void **state)
{
	(void)state;
	static const char *const texts[] = {"{\"a\":", "{\"a\":{\"b\":1", "{\"a\":1}{\"b\":2}", "{\"a\" 1}",
		"{a:1}", "{\"a\":\"x", "{\"a\":1,}", "{", "[1}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct slice key;
		struct slice value;
		struct json_iter it = json_iter(slice_of(texts[i]));
		while (json_next_member(&it, &key, &value))
			;
		if (!it.damaged)
			fail_msg("taken as whole: %s", texts[i]);
	}
}

static void finds_by_path(void **state)
{
	(void)state;
	struct slice value = SLICE_LIT("{\"user\":{\"names\":[\"a\",\"b\"],\"n\":1,\"n\":2}}");
	assert_true(slice_is(json_find_path(value, SLICE_LIT("user.names.1")), "\"b\""));
	assert_true(slice_is(json_find_path(value, SLICE_LIT("user.n")), "2"));
	assert_null(json_find_path(value, SLICE_LIT("user.names.2")).data);
	assert_null(json_find_path(value, SLICE_LIT("user.names.x")).data);
	assert_null(json_find_path(value, SLICE_LIT("user.n.x")).data);
	assert_null(json_find(SLICE_LIT("[1]"), "a").data);
}

static void converts_values(void **state)
{
	(void)state;
	int64_t number = 7;
	double real = 0;
	assert_true(json_to_int(SLICE_LIT("-9223372036854775808"), &number));
	assert_true(number == INT64_MIN);
	assert_false(json_to_int(SLICE_LIT("9223372036854775808"), &number));
	assert_false(json_to_int(SLICE_LIT("1.5"), &number));
	assert_false(json_to_int(SLICE_LIT("\"1\""), &number));
	assert_true(json_to_double(SLICE_LIT("-1.25e2"), &real));
	assert_true(real == -125.0);
	assert_false(json_to_double(SLICE_LIT("1e999"), &real));
	struct buf text = BUF_INIT;
	assert_true(json_to_text(SLICE_LIT("\"a\\u00e9\\ud83d\\udc3f\\ud800x\\/\\t\""), &text));
	assert_string_equal(text.data, "a\xc3\xa9\xf0\x9f\x90\xbf\xef\xbf\xbdx/\t");
	buf_fini(&text);
	assert_true(json_text_is(SLICE_LIT("\"\\u0061b\""), SLICE_LIT("ab")));
	assert_false(json_text_is(SLICE_LIT("1"), SLICE_LIT("1")));
}

static void writes(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	json_put_open(&out, '{');
	json_put_member(&out, "text", SLICE_LIT("a\"\\\n\x01\xff\xc3\xa9"));
	json_put_member(&out, "absent", SLICE_NONE);
	json_put_member_int(&out, "int", INT64_MIN);
	json_put_key(&out, SLICE_LIT("list"));
	json_put_open(&out, '[');
	json_put_double(&out, 0.1);
	json_put_double(&out, 1e300 * 1e300);
	json_put_uint(&out, UINT64_MAX);
	json_put_open(&out, '{');
	json_put_close(&out, '}');
	json_put_bool(&out, true);
	json_put_close(&out, ']');
	json_put_member_raw(&out, "raw", SLICE_LIT("{\"x\":1}"));
	json_put_close(&out, '}');
	assert_string_equal(out.data,
		"{\"text\":\"a\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9\",\"absent\":null,"
		"\"int\":-9223372036854775808,\"list\":[0.1,null,18446744073709551615,{},true],"
		"\"raw\":{\"x\":1}}");
	assert_int_equal(json_validate(buf_slice(&out), NULL, NULL), BURR_OK);
	buf_fini(&out);
}

static void doubles_read_back(void **state)
{
	(void)state;
	static const double values[] = {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, 123456789.125, -2.5e-7};
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct buf out = BUF_INIT;
		double back = 0;
		json_put_double(&out, values[i]);
		assert_true(json_to_double(buf_slice(&out), &back));
		assert_true(back == values[i]);
		buf_fini(&out);
	}
}

static void every_status_has_a_name(void **state)
{
	(void)state;
#define CHECK(name, value, text)                            \
	assert_string_equal(burr_status_name(name), #name); \
	assert_string_equal(burr_status_text(name), text);
	BURR_STATUS_LIST(CHECK)
#undef CHECK
	assert_string_equal(burr_status_name((burr_status)12345), "BURR_?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(walks_members_and_elements),
		cmocka_unit_test(walkers_stop_at_damage),
		cmocka_unit_test(finds_by_path),
		cmocka_unit_test(converts_values),
		cmocka_unit_test(writes),
		cmocka_unit_test(doubles_read_back),
		cmocka_unit_test(every_status_has_a_name),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
