/* What is cut: small values byte for byte, large ones with a marker, never too long, never to be mistaken. */
#include "base/testing.h"

#include "base/json.h"
#include "query/cut.h"
#include "query/json_pointer.h"
#include "query/testing_cut.h"

static void small_stands_as_it_is(void **state)
{
	(void)state;
	static const char *const texts[] = {"0", "true", "null", "\"\\u0041\\/\"", "{ \"a\" : [ 1 ,\t2 ] }",
		"[]", "{}", "{\"cut\":1,\"$cutter\":2}", "\"$cut\"", "[\"$cut\",\"\\u0024cut\"]"};
	struct buf out = BUF_INIT;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		buf_clear(&out);
		assert_false(json_put_cut(&out, slice_of(texts[i]), 1000, SLICE_NONE));
		assert_string_equal(out.data, texts[i]);
	}
	buf_fini(&out);
}

/* As an element or member among others. */
static void stands_among_others(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	json_put_open(&out, '[');
	json_put_cut(&out, SLICE_LIT("1"), 10, SLICE_NONE);
	json_put_cut(&out, SLICE_LIT("{\"$cut\":2}"), 1000, SLICE_NONE);
	json_put_cut(&out, SLICE_LIT("3"), 10, SLICE_NONE);
	json_put_close(&out, ']');
	assert_string_equal(out.data, "[1,{\"$cut\":\"none\",\"head\":{\"$cut\":2}},3]");
	buf_fini(&out);
}

static void repeat(struct buf *out, const char *before, const char *each, size_t count, const char *after)
{
	buf_clear(out);
	buf_append_str(out, before);
	for (size_t i = 0; i < count; i++)
		buf_append_str(out, each);
	buf_append_str(out, after);
}

static void expect(struct buf *value, size_t max_bytes, const char *prefix, const char *expected)
{
	struct buf out = BUF_INIT;
	assert_true(json_put_cut(&out, buf_slice(value), max_bytes, slice_of(prefix)));
	assert_int_equal(json_validate(buf_slice(&out), NULL, NULL), BURR_OK);
	assert_true(out.len <= max_bytes);
	assert_string_equal(out.data, expected);
	buf_fini(&out);
}

static void large_gets_a_marker(void **state)
{
	(void)state;
	struct buf value = BUF_INIT;
	repeat(&value, "\"", "a", 1000, "\"");
	expect(&value, 140, "/a/b",
		"{\"$cut\":\"string\",\"bytes\":1002,\"pointer\":\"/a/b\",\"head\":\"aaaaaaaa\"}");
	/* Not between the bytes of a character, an escape or the halves of a pair. */
	repeat(&value, "\"a", "\xc3\xa9", 1000, "\"");
	expect(&value, 132, "",
		"{\"$cut\":\"string\",\"bytes\":2003,\"pointer\":\"\",\"head\":\"a\xc3\xa9\"}");
	repeat(&value, "\"", "\\u00e9", 1000, "\"");
	expect(&value, 139, "", "{\"$cut\":\"string\",\"bytes\":6002,\"pointer\":\"\",\"head\":\"\\u00e9\"}");
	repeat(&value, "\"", "\\ud83d\\udc3f", 1000, "\"");
	expect(&value, 151, "",
		"{\"$cut\":\"string\",\"bytes\":12002,\"pointer\":\"\",\"head\":\"\\ud83d\\udc3f\"}");
	expect(&value, 139, "", "{\"$cut\":\"string\",\"bytes\":12002,\"pointer\":\"\",\"head\":\"\"}");
	repeat(&value, "3.", "14", 1000, "");
	expect(&value, 132, "/\"",
		"{\"$cut\":\"number\",\"bytes\":2002,\"pointer\":\"/\\\"\",\"head\":\"3\"}");
	repeat(&value, "[1", ",1", 999, "]");
	expect(&value, 140, "/a",
		"{\"$cut\":\"array\",\"bytes\":2001,\"count\":1000,\"shown\":4,\"pointer\":\"/a\","
		"\"head\":[1,1,1,1]}");
	repeat(&value, "{\"\":1", ",\"a\":1", 999, "}");
	expect(&value, 144, "",
		"{\"$cut\":\"object\",\"bytes\":6000,\"count\":1000,\"shown\":2,\"pointer\":\"\","
		"\"head\":{\"\":1,\"a\":1}}");
	/* A container that has room for all its entries is none that was cut. */
	repeat(&value, "{\"small\":[1, 2],\"a\\u002fb\":\"", "x", 1000, "\"}");
	expect(&value, 180, "/p",
		"{\"small\":[1, 2],\"a\\u002fb\":{\"$cut\":\"string\",\"bytes\":1002,\"pointer\":\"/p/a~1b\","
		"\"head\":\"xxxxxxxxxxxxxxxxx\"}}");
	buf_fini(&value);
}

static void tells_data_from_markers(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		const char *out;
	} cases[] = {
		{"{\"$cut\":\"string\",\"head\":\"\"}",
			"{\"$cut\":\"none\",\"head\":{\"$cut\":\"string\",\"head\":\"\"}}"},
		{"[0,{\"\\u0024c\\u0075t\":1}]", "[0,{\"$cut\":\"none\",\"head\":{\"\\u0024c\\u0075t\":1}}]"},
		{"{\"$cut\":{\"$cut\":[]}}",
			"{\"$cut\":\"none\",\"head\":{\"$cut\":{\"$cut\":\"none\",\"head\":{\"$cut\":[]}}}}"},
		{"{\"a\":1,\"$cut\":2}", "{\"$cut\":\"none\",\"head\":{\"a\":1,\"$cut\":2}}"},
	};
	struct buf out = BUF_INIT;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_clear(&out);
		assert_false(json_put_cut(&out, slice_of(cases[i].value), 1000, SLICE_NONE));
		assert_string_equal(out.data, cases[i].out);
	}
	/* Behind what is shown, too: a reader must not be told that there is no such key. */
	struct buf value = BUF_INIT;
	buf_clear(&out);
	repeat(&value, "{\"a\":1", ",\"b\":\"xxxxxxxxxxxxxxx\"", 1000, ",\"$cut\":1}");
	assert_true(json_put_cut(&out, buf_slice(&value), 200, SLICE_NONE));
	assert_true(slice_starts(buf_slice(&out), "{\"$cut\":\"object\","));
	testing_check_cut(buf_slice(&value), buf_slice(&out), SLICE_NONE);
	/* Where nothing but such keys is quoted. */
	buf_clear(&out);
	repeat(&value, "[{\"$cut\":1}", ",{\"$cut\":1}", 999, "]");
	json_put_cut(&out, buf_slice(&value), value.len, SLICE_NONE);
	assert_in_range(out.len, value.len, 2 * value.len);
	testing_check_cut(buf_slice(&value), buf_slice(&out), SLICE_NONE);
	buf_fini(&value);
	buf_fini(&out);
}

/* A large sibling takes nothing from small ones, and what they leave goes to it. */
static void shares_fairly(void **state)
{
	(void)state;
	struct buf value = BUF_INIT;
	struct buf out = BUF_INIT;
	repeat(&value, "{\"first\":\"", "x", 100000, "\",\"second\":\"");
	for (int i = 0; i < 3000; i++)
		buf_append_char(&value, 'y');
	buf_append_str(&value, "\",\"third\":[1,2,3]}");
	assert_true(json_put_cut(&out, buf_slice(&value), 10000, SLICE_NONE));
	assert_in_range(out.len, 9800, 10000);
	assert_int_equal(json_find(buf_slice(&out), "second").len, 3002);
	assert_true(slice_is(json_find(buf_slice(&out), "third"), "[1,2,3]"));
	buf_fini(&value);
	buf_fini(&out);
}

static unsigned long seed = 42;

static size_t draw(size_t below)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (size_t)(seed >> 33) % below;
}

static void put_drawn(struct buf *out, int depth, bool own_keys)
{
	static const char *const keys[] = {
		"a", "$cut", "\\u0024cut", "~/\\\"", "a long key, long enough to count"};
	size_t kind = depth < 5 ? draw(5) : 4;
	size_t count = draw(depth ? 6 : 30);
	if (kind >= 3) {
		buf_append_char(out, '"');
		for (size_t i = draw(4) ? 2 : draw(1000); i > 0; i--)
			buf_append_str(out, draw(3) ? "x" : draw(2) ? "\\n" : "\xe2\x82\xac");
		buf_append_char(out, '"');
		return;
	}
	buf_append_char(out, kind ? '{' : '[');
	for (size_t i = 0; i < count; i++) {
		buf_append_str(out, i ? "," : "");
		if (kind && own_keys && draw(3) == 0)
			buf_printf(out, "\"%s\":", keys[1 + draw(2)]);
		else if (kind)
			buf_printf(out, "\"%s%zu\":", keys[draw(5)], i);
		put_drawn(out, depth + 1, own_keys);
	}
	buf_append_char(out, kind ? '}' : ']');
}

static void drawn_values_keep_the_rules(void **state)
{
	(void)state;
	struct buf value = BUF_INIT;
	struct buf out = BUF_INIT;
	size_t cut = 0;
	for (int round = 0; round < 2000; round++) {
		bool own_keys = draw(2);
		size_t max_bytes = draw(3) ? draw(1000) : draw(20000);
		buf_clear(&value);
		buf_clear(&out);
		put_drawn(&value, 0, own_keys);
		if (json_validate(buf_slice(&value), NULL, NULL) != BURR_OK)
			fail_msg("drawn: %s", value.data);
		bool left_out = json_put_cut(&out, buf_slice(&value), max_bytes, SLICE_LIT("/p"));
		size_t bound = max_bytes > CUT_MARKER_MAX + 2 ? max_bytes : CUT_MARKER_MAX + 2;
		if (out.len > (own_keys ? 2 * bound : bound))
			fail_msg("%zu bytes for %zu:\n%s\n%s", out.len, max_bytes, value.data, out.data);
		if (!own_keys && value.len <= max_bytes)
			assert_string_equal(out.data, value.data);
		if (left_out != testing_check_cut(buf_slice(&value), buf_slice(&out), SLICE_LIT("/p")))
			fail_msg("left out, or not:\n%s\n%s", value.data, out.data);
		cut += left_out;
	}
	assert_in_range(cut, 500, 1900);
	buf_fini(&value);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_stands_as_it_is),
		cmocka_unit_test(stands_among_others),
		cmocka_unit_test(large_gets_a_marker),
		cmocka_unit_test(tells_data_from_markers),
		cmocka_unit_test(shares_fairly),
		cmocka_unit_test(drawn_values_keep_the_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
