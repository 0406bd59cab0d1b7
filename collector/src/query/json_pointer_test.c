/* Pointers: the examples of RFC 6901, what is none, and what a message says is missing. */
#include "base/testing.h"

#include "base/json.h"
#include "query/json_pointer.h"

static const struct slice example =
	SLICE_LIT("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
		  "\"k\\\"l\":6,\" \":7,\"m~n\":8,\"~1\":9,\"\\u0041\":10,\"twice\":1,\"twice\":2,"
		  "\"deep\":[[],{\"x\":[null, {\"y\":true}]}]}");

static void finds(void **state)
{
	(void)state;
	static const struct {
		const char *pointer;
		const char *value;
	} cases[] = {
		{"/foo", "[\"bar\",\"baz\"]"},
		{"/foo/0", "\"bar\""},
		{"/foo/1", "\"baz\""},
		{"/", "0"},
		{"/a~1b", "1"},
		{"/c%d", "2"},
		{"/e^f", "3"},
		{"/g|h", "4"},
		{"/i\\j", "5"},
		{"/k\"l", "6"},
		{"/ ", "7"},
		{"/m~0n", "8"},
		{"/~01", "9"},
		{"/A", "10"},
		{"/twice", "2"},
		{"/deep/1/x/1/y", "true"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice found = SLICE_NONE;
		burr_error err = BURR_ERROR_INIT;
		if (json_pointer_find(example, slice_of(cases[i].pointer), &found, &err) != BURR_OK)
			fail_msg("%s: %s", cases[i].pointer, err.message);
		if (!slice_is(found, cases[i].value))
			fail_msg("%s: %.*s", cases[i].pointer, SLICE_ARG(found));
	}
	struct slice whole = SLICE_NONE;
	assert_int_equal(json_pointer_find(example, SLICE_LIT(""), &whole, NULL), BURR_OK);
	assert_true(whole.data == example.data && whole.len == example.len);
	assert_int_equal(json_pointer_find(SLICE_LIT("7"), SLICE_NONE, &whole, NULL), BURR_OK);
	assert_true(slice_is(whole, "7"));
}

static void refuses_and_names(void **state)
{
	(void)state;
	static const struct {
		const char *pointer;
		burr_status status;
		const char *message;
	} cases[] = {
		{"foo", BURR_EINVAL, "byte 0: expected '/'"},
		{"~0", BURR_EINVAL, "byte 0: expected '/'"},
		{"/a~", BURR_EINVAL, "byte 2: '~'"},
		{"/nothing/a~2", BURR_EINVAL, "byte 10: '~'"},
		{"/\xff", BURR_EINVAL, "invalid UTF-8"},
		{"/fo", BURR_ENOTFOUND, "the object at \"\" has no \"fo\""},
		{"/foo/2", BURR_ENOTFOUND, "the array at \"/foo\" has 2 elements and no \"2\""},
		{"/foo/-", BURR_ENOTFOUND, "no \"-\""},
		{"/foo/01", BURR_ENOTFOUND, "no \"01\""},
		{"/foo/", BURR_ENOTFOUND, "no \"\""},
		{"/foo/+1", BURR_ENOTFOUND, "no \"+1\""},
		{"/foo/18446744073709551616", BURR_ENOTFOUND, "no \"18446744073709551616\""},
		{"/deep/1/x/9/y/z", BURR_ENOTFOUND, "the array at \"/deep/1/x\" has 2 elements and no \"9\""},
		{"/a~1b/c", BURR_ENOTFOUND, "what is at \"/a~1b\" is no object or array, and has no \"c\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice found = SLICE_NONE;
		burr_error err = BURR_ERROR_INIT;
		burr_status status = json_pointer_find(example, slice_of(cases[i].pointer), &found, &err);
		if (status != cases[i].status || found.data)
			fail_msg("%s: %s", cases[i].pointer, burr_status_name(status));
		if (!strstr(err.message, cases[i].message))
			fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].pointer, err.message, cases[i].message);
	}
}

/* A message shows characters, not halves of them, of a name that is too long for it. */
static void cuts_long_names(void **state)
{
	(void)state;
	struct buf pointer = BUF_INIT;
	struct slice found;
	burr_error err = BURR_ERROR_INIT;
	buf_append_char(&pointer, '/');
	buf_append_char(&pointer, 'x');
	for (int i = 0; i < 1000; i++)
		buf_append_str(&pointer, "\xc3\xa9");
	assert_int_equal(json_pointer_find(example, buf_slice(&pointer), &found, &err), BURR_ENOTFOUND);
	assert_true(utf8_valid(slice_of(err.message)) && strlen(err.message) < 200);
	buf_fini(&pointer);
}

static void writes_parts(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	json_pointer_put_key(&out, SLICE_LIT("a/b~c"));
	json_pointer_put_index(&out, 12);
	json_pointer_put_key(&out, SLICE_LIT(""));
	json_pointer_put_key(&out, SLICE_LIT("~"));
	json_pointer_put_key(&out, SLICE_LIT("plain"));
	assert_string_equal(out.data, "/a~1b~0c/12//~0/plain");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(refuses_and_names),
		cmocka_unit_test(cuts_long_names),
		cmocka_unit_test(writes_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
