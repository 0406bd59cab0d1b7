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

static void orders_numbers(void **state)
{
	(void)state;
	static const char *const rising[] = {"-1e999", "-1e300", "-9223372036854775809",
		"-9223372036854775808", "-1.5", "-1", "-0.5", "0", "0.5", "1", "1.5", "9007199254740992",
		"9007199254740993", "9223372036854775807", "9223372036854775808", "1e300", "1e999"};
	size_t count = sizeof(rising) / sizeof(*rising);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++) {
			int wanted = i < j ? -1 : i > j;
			if ((i == 2 && j == 3) || (i == 3 && j == 2))
				wanted = 0; /* as a double it is the smallest integer */
			if (json_number_order(json_number_of(slice_of(rising[i])),
				    json_number_of(slice_of(rising[j]))) != wanted)
				fail_msg("%s and %s", rising[i], rising[j]);
		}
	assert_int_equal(
		json_number_order(json_number_of(SLICE_LIT("3.0")), json_number_of(SLICE_LIT("3"))), 0);
	assert_int_equal(
		json_number_order(json_number_of(SLICE_LIT("-0.0")), json_number_of(SLICE_LIT("0"))), 0);
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

/* Several texts in one buffer, as the run loop keeps what conditions read. */
static void a_text_behind_a_nul_has_no_comma(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	json_put_open(&out, '{');
	json_put_close(&out, '}');
	buf_append_char(&out, '\0');
	json_put_open(&out, '{');
	json_put_close(&out, '}');
	assert_true(slice_eq(buf_slice(&out), SLICE_LIT("{}\0{}")));
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

/* ---- with and without vector instructions ---- */

static uint64_t random_state = 88172645463325252u;

static unsigned random_below(unsigned limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return limit ? (unsigned)(random_state >> 33) % limit : 0;
}

static void put_random_string(struct buf *out)
{
	static const char *const pieces[] = {"a", "word ", "\\n", "\\u00e9", "\\\"", "\xc3\xa9",
		"\xe2\x82\xac", "\xf0\x9f\x90\xbf", "\x7f", "0123456789abcdef",
		"0123456789abcdef0123456789abcdef01234567"};
	buf_append_char(out, '"');
	for (unsigned i = random_below(6); i > 0; i--)
		buf_append_str(out, pieces[random_below(sizeof(pieces) / sizeof(*pieces))]);
	buf_append_char(out, '"');
}

static void put_random_value(struct buf *out, int depth)
{
	static const char *const scalars[] = {
		"0", "-1.5e+10", "1E5", "true", "false", "null", "12345678901234567890"};
	static const char *const spaces[] = {"", "", "", " ", "\n", "\r\n\t "};
	unsigned kind = random_below(depth > 4 ? 2 : 4);
	if (kind == 0)
		buf_append_str(out, scalars[random_below(sizeof(scalars) / sizeof(*scalars))]);
	if (kind == 1)
		put_random_string(out);
	if (kind < 2)
		return;
	buf_append_char(out, kind == 2 ? '{' : '[');
	for (unsigned i = 0, count = random_below(5); i < count; i++) {
		buf_append_str(out, i ? "," : "");
		buf_append_str(out, spaces[random_below(6)]);
		if (kind == 2) {
			put_random_string(out);
			buf_append_char(out, ':');
			buf_append_str(out, spaces[random_below(6)]);
		}
		put_random_value(out, depth + 1);
		buf_append_str(out, spaces[random_below(6)]);
	}
	buf_append_char(out, kind == 2 ? '}' : ']');
}

/* On a copy of its own length, so that the sanitizers see a read past the end. */
static burr_status check_both(const struct buf *text)
{
	struct json_checked fast = {SLICE_NONE, false};
	struct json_checked slow = {SLICE_NONE, false};
	burr_error fast_err = BURR_ERROR_INIT;
	burr_error slow_err = BURR_ERROR_INIT;
	char *copy = malloc(text->len ? text->len : 1);
	assert_non_null(copy);
	memcpy(copy, text->data, text->len);
	struct slice json = {copy, text->len};
	burr_status status = json_check(json, &fast, &fast_err);
	assert_int_equal(status, json_check_scalar(json, &slow, &slow_err));
	assert_string_equal(fast_err.message, slow_err.message);
	assert_ptr_equal(fast.value.data, slow.value.data);
	assert_int_equal(fast.value.len, slow.value.len);
	assert_int_equal(fast.has_breaks, slow.has_breaks);
	bool valid = utf8_valid(json);
	assert_true(status != BURR_OK || valid);
	free(copy);
	return status;
}

static void is_the_same_with_and_without_vectors(void **state)
{
	(void)state;
	size_t accepted = 0;
	size_t refused = 0;
	struct buf text = BUF_INIT;
	for (int i = 0; i < 20000; i++) {
		buf_clear(&text);
		put_random_value(&text, 0);
		assert_int_equal(check_both(&text), BURR_OK);
		for (int k = 0; k < 4; k++) {
			size_t at = random_below((unsigned)text.len);
			char before = text.data[at];
			size_t len = text.len;
			if (k < 3)
				text.data[at] = (char)random_below(256);
			else
				text.len = at;
			bool ok = check_both(&text) == BURR_OK;
			accepted += ok;
			refused += !ok;
			text.data[at] = before;
			text.len = len;
		}
	}
	assert_true(accepted > 1000 && refused > 1000);
	buf_fini(&text);
}

/* A byte that ends a plain run, at each place of blocks of 16 and at each distance from the end. */
static void each_place_of_a_block_is_looked_at(void **state)
{
	(void)state;
	static const char *const stops[] = {
		"\\", "\x1f", "\xff", "\xc3\xa9", "\"", "\x80", "\\q", "\xe2\x82"};
	struct buf text = BUF_INIT;
	for (size_t stop = 0; stop < sizeof(stops) / sizeof(*stops); stop++) {
		for (int before = 0; before < 70; before++) {
			for (int after = 0; after < 40; after++) {
				buf_clear(&text);
				buf_append_char(&text, '"');
				for (int i = 0; i < before; i++)
					buf_append_char(&text, 'x');
				buf_append_str(&text, stops[stop]);
				for (int i = 0; i < after; i++)
					buf_append_char(&text, 'x');
				buf_append_char(&text, '"');
				bool ok = check_both(&text) == BURR_OK;
				/* A letter behind a backslash is wrong, the closing quote is eaten by it. */
				assert_int_equal(ok, strcmp(stops[stop], "\xc3\xa9") == 0);
			}
		}
	}
	buf_fini(&text);
}

static void line_breaks_between_tokens_are_seen(void **state)
{
	(void)state;
	struct json_checked checked;
	assert_int_equal(json_check(SLICE_LIT("{\"a\": [1, 2]}"), &checked, NULL), BURR_OK);
	assert_false(checked.has_breaks);
	assert_int_equal(json_check(SLICE_LIT("\n{\"a\":\"\\n\"}\r\n"), &checked, NULL), BURR_OK);
	assert_false(checked.has_breaks); /* around the value, and as an escape */
	static const char *const texts[] = {
		"{\n}", "[1\r]", "[1,\n2]", "{\"a\"\n:1}", "{\"a\":\n1}", "[[]\n]"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(json_check(slice_of(texts[i]), &checked, NULL), BURR_OK);
		if (!checked.has_breaks)
			fail_msg("not seen in %s", texts[i]);
	}
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
		cmocka_unit_test(orders_numbers),
		cmocka_unit_test(writes),
		cmocka_unit_test(a_text_behind_a_nul_has_no_comma),
		cmocka_unit_test(doubles_read_back),
		cmocka_unit_test(every_status_has_a_name),
		cmocka_unit_test(is_the_same_with_and_without_vectors),
		cmocka_unit_test(each_place_of_a_block_is_looked_at),
		cmocka_unit_test(line_breaks_between_tokens_are_seen),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
