/* The search in raw JSON: what is a hit and what only looks like one, and that anchors miss nothing. */
#include "query/needle.h"

#include "query/testing_needle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct needle open_needle(struct slice query)
{
	struct needle needle;
	burr_error err = BURR_ERROR_INIT;
	if (needle_open(&needle, query, &err) != BURR_OK)
		fail_msg("%.*s: %s", SLICE_ARG(query), err.message);
	return needle;
}

/* All hits as text, "at+len at+len". */
static void put_hits(struct buf *out, struct slice query, struct slice haystack)
{
	struct needle needle = open_needle(query);
	size_t at;
	size_t len = 0;
	buf_append_str(out, "");
	for (size_t from = 0; needle_find(&needle, haystack, from, &at, &len); from = at + len)
		buf_printf(out, "%s%zu+%zu", out->len ? " " : "", at, len);
}

#define E_ACUTE "\xc3\xa9"
#define GRIN "\xf0\x9f\x98\x80"
#define NIHON "\xe6\x97\xa5\xe6\x9c\xac"

static void finds(void **state)
{
	(void)state;
	static const struct {
		const char *query;
		const char *haystack;
		const char *hits;
	} cases[] = {
		{"abc", "abcabc xabc", "0+3 3+3 8+3"},
		{"aa", "aaaaa", "0+2 2+2"},
		{"Error", "no error, ERROR", "3+5 10+5"},
		{"x", "", ""},
		{"abc", "ab", ""},
		{"@", "`@", "1+1"}, /* a letter's case bit makes the one of the other */
		{"[", "{[", "1+1"},
		{"k", "\x0b", ""},
		/* inside of escapes */
		{"n", "\\n n", "3+1"},
		{"n", "\\\\n", "2+1"},
		{"n", "\\\\\\n", ""},
		{"u00", "\\u00e9 u00", "7+3"},
		{"u00", "\\\\u00e9", "2+3"},
		{"e9", "\\u00e9e9", "6+2"},
		{"9a", "\\u00e9a", ""},
		{"00", "\\ud83d\\ude00 00", "13+2"},
		{"de00", "\\ud83d\\ude00", ""},
		{"nn", "\\nn", ""},
		/* what JSON always escapes */
		{"\"", "\"a\\\"b\\u0022\"", "2+2 5+6"},
		{"\\", "\\\\\\\\ \\u005C", "0+2 2+2 5+6"},
		{"\\n", "\\n \\\\n", "3+3"},
		{"\n", "\n \\n \\\\n \\u000A \\u000a", "2+2 9+6 16+6"},
		{"\x01", "\\u0001\x01", "0+6"},
		{"a\"b", "a\\\"b a\"b A\\u0022B", "0+4 9+8"},
		{"a\\\\b", "a\\\\\\\\b", "0+6"},
		/* what it may escape */
		{"/", "/ \\/ \\u002f \\u002F", "0+1 2+2 5+6 12+6"},
		{"a/b", "a/b a\\/b a\\u002fb", "0+3 4+4 9+8"},
		{"/b", "\\\\/b \\/b", "2+2 5+3"},
		{"<b>", "<b> \\u003cb\\u003E", "0+3 4+13"},
		{"\x7f", "\x7f\\u007f", "0+1 1+6"},
		/* what it never does */
		{"a", "\\u0061", ""},
		{"-", "\\u002d", ""},
		/* beyond ASCII */
		{E_ACUTE, E_ACUTE "\\u00e9\\u00E9", "0+2 2+6 8+6"},
		{"caf" E_ACUTE "s", "caf" E_ACUTE "s CAF\\u00e9s", "0+6 7+10"},
		{E_ACUTE "a", "\\\\u00e9a \\u00e9a", "9+7"},
		{GRIN, GRIN "\\ud83d\\ude00\\uD83D\\uDE00", "0+4 4+12 16+12"},
		{GRIN, "\\ud83d \\ude00\\ud83d\\ude01", ""},
		{NIHON, NIHON "\\u65e5\xe6\x9c\xac\xe6\x97\xa5\\u672C", "0+6 6+9 15+9"},
		{NIHON " 1", "\\u65E5\\u672c 1", "0+14"},
		{E_ACUTE, "\xc3\x89", ""},
		/* half a pair is nothing */
		{"\xef\xbf\xbd", "\\ud83d\\ude00", ""},
		{"\xef\xbf\xbd", "\\ude00\\ud83d\\ud83d\\ude00\xef\xbf\xbd\\uFFFD", "24+3 27+6"},
		/* syntax */
		{"role", "{\"role\":\"user\"}", "2+4"},
		{"role\"", "{\"role\":\"user\"}", ""},
		/* no JSON, but read within its bounds */
		{"\\", "\\", ""},
		{E_ACUTE, "\\u00e", ""},
		{E_ACUTE, "\xc3", ""},
		{"x", "\\", ""},
		{"x", "\\ux", "2+1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf hits = BUF_INIT;
		put_hits(&hits, slice_of(cases[i].query), slice_of(cases[i].haystack));
		if (strcmp(hits.data, cases[i].hits) != 0)
			fail_msg("%s in %s: at %s, not %s", cases[i].query, cases[i].haystack, hits.data,
				cases[i].hits);
		buf_fini(&hits);
	}
}

static void begins_where_told(void **state)
{
	(void)state;
	struct needle needle = open_needle(SLICE_LIT("\"ab"));
	struct slice haystack = SLICE_LIT("\\\"ab \\u0022ab");
	size_t at = 77;
	size_t len = 77;
	assert_true(needle_find(&needle, haystack, 0, &at, &len));
	assert_true(at == 0 && len == 4);
	assert_true(needle_find(&needle, haystack, 4, &at, &len));
	assert_true(at == 5 && len == 8);
	for (size_t from = 13; from < 15; from++)
		assert_false(needle_find(&needle, haystack, from, &at, &len));
	assert_true(at == 5 && len == 8);
}

static void refuses(void **state)
{
	(void)state;
	char text[NEEDLE_MAX_LEN + 1];
	struct needle needle;
	burr_error err = BURR_ERROR_INIT;
	memset(text, 'x', sizeof(text));
	assert_int_equal(needle_open(&needle, (struct slice){text, 0}, &err), BURR_EINVAL);
	assert_non_null(strstr(err.message, "1 to 256 bytes, not 0"));
	assert_int_equal(needle_open(&needle, SLICE_NONE, NULL), BURR_EINVAL);
	assert_int_equal(needle_open(&needle, (struct slice){text, NEEDLE_MAX_LEN + 1}, &err), BURR_EINVAL);
	assert_int_equal(needle_open(&needle, (struct slice){text, NEEDLE_MAX_LEN}, &err), BURR_OK);
	assert_int_equal(needle_open(&needle, SLICE_LIT("a\xc3"), &err), BURR_EINVAL);
	assert_non_null(strstr(err.message, "UTF-8"));
}

/* ---- against the slow way ---- */

static void check_all(struct slice query, struct slice haystack)
{
	struct needle needle = open_needle(query);
	size_t at[3] = {0};
	size_t len[3] = {0};
	bool more = true;
	for (size_t from = 0; more; from = at[0] + len[0]) {
		more = testing_find_needle(query, haystack, from, &at[0], &len[0]);
		bool simd = needle_find(&needle, haystack, from, &at[1], &len[1]);
		bool scalar = needle_find_scalar(&needle, haystack, from, &at[2], &len[2]);
		if (simd != more || scalar != more || at[1] != at[0] || at[2] != at[0] || len[1] != len[0] ||
			len[2] != len[0])
			fail_msg("%.*s in %.*s from %zu: %zu+%zu; vector %zu+%zu, scalar %zu+%zu",
				SLICE_ARG(query), SLICE_ARG(haystack), from, at[0], len[0], at[1], len[1],
				at[2], len[2]);
	}
}

/* At each place of texts of each length, in memory that ends where they do. */
static void finds_at_each_place(void **state)
{
	(void)state;
	static const char *const written[][2] = {
		{"zq", "zq"},
		{"z", "z"},
		{"/", "\\/"},
		{"a fairly long needle", "a fairly long needle"},
		{E_ACUTE, "\\u00e9"},
		{GRIN, "\\ud83d\\ude00"},
		{"\"quoted\"", "\\\"quoted\\\""},
	};
	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++) {
		struct needle needle = open_needle(slice_of(written[i][0]));
		size_t hit_len = strlen(written[i][1]);
		for (size_t len = hit_len; len < 150; len++)
			for (size_t place = 0; place + hit_len <= len; place++) {
				char *text = malloc(len);
				size_t found_at = SIZE_MAX;
				size_t found_len = 0;
				assert_non_null(text);
				memset(text, '.', len);
				memcpy(text + place, written[i][1], hit_len);
				struct slice haystack = {text, len};
				if (!needle_find(&needle, haystack, 0, &found_at, &found_len) ||
					found_at != place || found_len != hit_len)
					fail_msg("%s of %zu bytes at %zu: %zu+%zu", written[i][1], len, place,
						found_at, found_len);
				assert_false(needle_find(
					&needle, haystack, place + hit_len, &found_at, &found_len));
				free(text);
			}
	}
}

static unsigned draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

/* Needles and haystacks of the same few characters, in all the ways to write them. */
static void agrees_with_the_slow_way(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *written[4];
	} chars[] = {
		{"a", {"a", "A", "\\u0061", "a"}},
		{"n", {"n", "N", "n", "n"}},
		{"u", {"u", "u", "U", "u"}},
		{"0", {"0", "0", "\\u0030", "0"}},
		{"\n", {"\\n", "\\u000a", "\\u000A", "\n"}},
		{"\\", {"\\\\", "\\\\", "\\u005c", "\\u005C"}},
		{"\"", {"\\\"", "\\\"", "\\u0022", "\""}},
		{"/", {"/", "\\/", "\\u002f", "\\u002F"}},
		{"<", {"<", "<", "\\u003c", "\\u003C"}},
		{E_ACUTE, {E_ACUTE, "\\u00e9", "\\u00E9", "\xc3\x89"}},
		{GRIN, {GRIN, "\\ud83d\\ude00", "\\uD83D\\ude00", "\\ude00"}},
		{"\xef\xbf\xbd", {"\xef\xbf\xbd", "\\ufffd", "\\ud83d", "\\ude00"}},
	};
	unsigned seed = 1;
	for (int round = 0; round < 20000; round++) {
		struct buf query = BUF_INIT;
		struct buf haystack = BUF_INIT;
		/* Few kinds of characters a round, so that there are hits. */
		unsigned first = draw(&seed, sizeof(chars) / sizeof(*chars));
		unsigned kinds = 1 + draw(&seed, 4);
		for (unsigned i = 0, count = 1 + draw(&seed, 4); i < count; i++)
			buf_append_str(&query,
				chars[(first + draw(&seed, kinds)) % (sizeof(chars) / sizeof(*chars))].text);
		for (unsigned i = 0, count = draw(&seed, 80); i < count; i++) {
			unsigned kind = (first + draw(&seed, kinds)) % (sizeof(chars) / sizeof(*chars));
			buf_append_str(&haystack, chars[kind].written[draw(&seed, 4)]);
		}
		check_all(buf_slice(&query), buf_slice(&haystack));
		buf_fini(&query);
		buf_fini(&haystack);
	}
}

/* Would never end if each hit or each false anchor looked back over all that is in front of it. */
static void stays_linear(void **state)
{
	(void)state;
	enum { LEN = 1 << 20 };
	static const struct {
		const char *query;
		const char *unit; /* of the haystack */
		size_t hits;
	} cases[] = {
		{"\\", "\\\\", LEN / 2},
		{"\\x", "\\\\", 0},
		{"n", "\\\\\\n", 0},
		{E_ACUTE "\\", "\\\\", 0},
		{GRIN, "\\ud83d", 0},
		{"\xef\xbf\xbd", "\\ufffd", LEN / 6},
		{E_ACUTE E_ACUTE "0", "\\u00e9", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct needle needle = open_needle(slice_of(cases[i].query));
		struct buf haystack = BUF_INIT;
		size_t hits = 0;
		size_t at;
		size_t len = 0;
		while (haystack.len + strlen(cases[i].unit) <= LEN)
			buf_append_str(&haystack, cases[i].unit);
		for (size_t from = 0; needle_find(&needle, buf_slice(&haystack), from, &at, &len);
			from = at + len)
			hits++;
		assert_int_equal(hits, cases[i].hits);
		buf_fini(&haystack);
	}
}

/* Anchors are what is rare and written in one way; an escape's own letters only when all may be escaped. */
static void chooses_anchors(void **state)
{
	(void)state;
	static const struct {
		const char *query;
		const char *anchors;
	} cases[] = {
		{"see Zebra", "zb"},
		{E_ACUTE E_ACUTE " vxz", "xz"},
		{"q", "qq"},
		{"\"k\"j", "kj kj"}, /* at two distances, as \" and \u0022 are of two lengths */
		{E_ACUTE, "\xc3\xa9 e9"},
		{"/", "// \\/ 2f"},
		{"\n", "\\n 0a"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct needle needle = open_needle(slice_of(cases[i].query));
		struct buf anchors = BUF_INIT;
		for (size_t j = 0; j < needle.probe_count; j++)
			buf_printf(&anchors, "%s%c%c", j ? " " : "", needle.probes[j].first,
				needle.probes[j].second);
		assert_string_equal(anchors.data, cases[i].anchors);
		buf_fini(&anchors);
	}
}

/* ---- context ---- */

static void puts_context(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		const char *query;
		size_t around;
		const char *context;
	} cases[] = {
		{"\"one two three\"", "two", 100,
			"{\"before\":\"one \",\"hit\":\"two\",\"after\":\" three\"}"},
		{"\"one two three\"", "two", 3, "{\"before\":\"ne \",\"hit\":\"two\",\"after\":\" th\"}"},
		{"\"one two three\"", "TWO", 0, "{\"before\":\"\",\"hit\":\"two\",\"after\":\"\"}"},
		{"\"one, and one more, two, and then three\"", "two", SIZE_MAX,
			"{\"before\":\"one, and one more, \",\"hit\":\"two\",\"after\":\", and then "
			"three\"}"},
		{"\"two\"", "two", 9, "{\"before\":\"\",\"hit\":\"two\",\"after\":\"\"}"},
		/* a character is whole or not there */
		{"\"" E_ACUTE "two" E_ACUTE "\"", "two", 1,
			"{\"before\":\"\",\"hit\":\"two\",\"after\":\"\"}"},
		{"\"a" E_ACUTE "two" E_ACUTE "a\"", "two", 2,
			"{\"before\":\"" E_ACUTE "\",\"hit\":\"two\",\"after\":\"" E_ACUTE "\"}"},
		{"\"\\ud83d\\ude00two\\ud83d\\ude00\"", "two", 3,
			"{\"before\":\"\",\"hit\":\"two\",\"after\":\"\"}"},
		{"\"\\ud83d\\ude00two\\ud83d\\ude00\"", "two", 4,
			"{\"before\":\"" GRIN "\",\"hit\":\"two\",\"after\":\"" GRIN "\"}"},
		/* an escape is one byte of text */
		{"\"\\u0061\\u0062two\\u0063\\u0064\"", "two", 1,
			"{\"before\":\"b\",\"hit\":\"two\",\"after\":\"c\"}"},
		{"\"\\\\\\\\ntwo\\n\\n\"", "two", 2,
			"{\"before\":\"\\\\n\",\"hit\":\"two\",\"after\":\"\\n\\n\"}"},
		{"\"say \\u0022two\\\" now\"", "\"two\"", 2,
			"{\"before\":\"y \",\"hit\":\"\\\"two\\\"\",\"after\":\" n\"}"},
		/* syntax */
		{"{\"a\":\"two\"}", "two", 100,
			"{\"before\":\"{\\\"a\\\":\\\"\",\"hit\":\"two\",\"after\":\"\\\"}\"}"},
		{"42", "2", 5, "{\"before\":\"4\",\"hit\":\"2\",\"after\":\"\"}"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct needle needle = open_needle(slice_of(cases[i].query));
		struct slice value = slice_of(cases[i].value);
		struct buf out = BUF_INIT;
		size_t at = 0;
		size_t len = 0;
		assert_true(needle_find(&needle, value, 0, &at, &len));
		needle_put_context(&out, value, at, len, cases[i].around);
		if (!slice_is(buf_slice(&out), cases[i].context))
			fail_msg("%s: %.*s", cases[i].value, SLICE_ARG(buf_slice(&out)));
		buf_fini(&out);
	}
}

/* Far from the value's ends, whatever is around: as much as fits, and always whole characters. */
static void check_sides(const struct needle *needle, struct slice value, const char *text, size_t around)
{
	struct buf out = BUF_INIT;
	struct buf side = BUF_INIT;
	size_t at = 0;
	size_t len = 0;
	assert_true(needle_find(needle, value, 0, &at, &len));
	needle_put_context(&out, value, at, len, around);
	for (size_t i = 0; i < (around ? around - 1 : 0) / strlen(text); i++)
		buf_append_str(&side, text);
	if (around)
		buf_append_char(&side, '.');
	assert_true(json_text_is(json_find(buf_slice(&out), "before"), buf_slice(&side)));
	buf_clear(&side);
	if (around)
		buf_append_char(&side, '.');
	for (size_t i = 0; i < (around ? around - 1 : 0) / strlen(text); i++)
		buf_append_str(&side, text);
	assert_true(json_text_is(json_find(buf_slice(&out), "after"), buf_slice(&side)));
	assert_true(json_text_is(json_find(buf_slice(&out), "hit"), SLICE_LIT("Hit")));
	buf_fini(&out);
	buf_fini(&side);
}

static void fills_the_context(void **state)
{
	(void)state;
	static const struct {
		const char *written;
		const char *text;
	} units[] = {
		{"x", "x"},
		{"\\\\", "\\"},
		{"\\u0001", "\x01"},
		{E_ACUTE, E_ACUTE},
		{"\\u65e5", "\xe6\x97\xa5"},
		{"\\ud83d\\ude00", GRIN},
		{GRIN, GRIN},
	};
	struct needle needle = open_needle(SLICE_LIT("Hit"));
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		struct buf value = BUF_INIT;
		buf_append_char(&value, '"');
		for (int j = 0; j < 401; j++)
			buf_append_str(&value, j == 200 ? ".Hit." : units[i].written);
		buf_append_char(&value, '"');
		for (size_t around = 0; around < 30; around++)
			check_sides(&needle, buf_slice(&value), units[i].text, around);
		buf_fini(&value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(begins_where_told),
		cmocka_unit_test(refuses),
		cmocka_unit_test(finds_at_each_place),
		cmocka_unit_test(agrees_with_the_slow_way),
		cmocka_unit_test(stays_linear),
		cmocka_unit_test(chooses_anchors),
		cmocka_unit_test(puts_context),
		cmocka_unit_test(fills_the_context),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
