#include "query/filter.h"

#include "base/clean.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const int64_t HOUR_US = INT64_C(3600000000);
static const int64_t NOW_US = INT64_C(1795600800000000); /* 2026-11-25T10:00:00Z */

static struct filter *parse_slice(struct slice text)
{
	struct filter *filter = NULL;
	burr_error err = BURR_ERROR_INIT;
	if (filter_parse(text, NOW_US, &filter, &err) != BURR_OK)
		fail_msg("%.*s: %s", SLICE_ARG(text), err.message);
	return filter;
}

static struct filter *parse(const char *text)
{
	return parse_slice(slice_of(text));
}

/* The only value of a filter's only term. */
static const struct filter_value *only_value(const struct filter *filter)
{
	assert_int_equal(filter->term_count, 1);
	assert_int_equal(filter->terms[0].value_count, 1);
	return &filter->terms[0].values[0];
}

/* Text in, the same or normalised text out, and that once more. */
static void test_prints(void **context)
{
	(void)context;
	static const struct {
		const char *text;
		const char *printed;
	} cases[] = {
		{"", ""},
		{" \t\r\n ", ""},
		{"status:failed", "status:failed"},
		{" status:failed,lost\t-is:root,forked,spawned,damaged ",
			"status:failed,lost -is:root,forked,spawned,damaged"},
		{"status:running,lost,unknown,failed,ok,waiting",
			"status:running,lost,unknown,failed,ok,waiting"},
		{"status:\"ok\"", "status:ok"},
		{"action:query_llm -action:a,b", "action:query_llm -action:a,b"},
		{"action:\"my action\"", "action:\"my action\""},
		{"action:my\" \"action", "action:\"my action\""},
		{"action:\"plain\"", "action:plain"},
		{"action:\"a,b\",c", "action:\"a,b\",c"},
		{"action:\"\"", "action:\"\""},
		{"action:\"\",x", "action:\"\",x"},
		{"action:\"say \\\"hi\\\" \\\\ now\"", "action:\"say \\\"hi\\\" \\\\ now\""},
		{"action:a\\b", "action:a\\b"},
		{"action:>5", "action:>5"},
		{"action:-x", "action:-x"},
		{"partition:user:1 partition:ü", "partition:user:1 partition:ü"},
		{"app:chat-*,*-7,a*b*c,*", "app:chat-*,*-7,a*b*c,*"},
		{"app:**a**", "app:*a*"},
		{"app:\"a*b\"", "app:\"a*b\""},
		{"app:\"my app\"*", "app:\"my app\"*"},
		{"app:\"*\"*", "app:\"*\"*"},
		{"parent:a", "parent:a"},
		{"error:timeout,\"no route\",a*b", "error:timeout,\"no route\",a*b"},
		{"steps:7 steps:>100 steps:>=100 steps:<5 steps:<=5 steps:10..20",
			"steps:7 steps:>100 steps:>=100 steps:<5 steps:<=5 steps:10..20"},
		{"steps:\"7\",8..9", "steps:7,8..9"},
		{"tokens:>1000 duration:>5s,1.5s..2m", "tokens:>1000 duration:>5s,1.5s..2m"},
		{"after:2h", "after:2026-11-25T08:00:00.000000Z"},
		{"-before:2026-11-25", "-before:2026-11-25T00:00:00.000000Z"},
		{"state.user.name:ann", "state.user.name:ann"},
		{"state.a:1 state.a:-1.5e3 state.a:true,false,null",
			"state.a:1 state.a:-1.5e3 state.a:true,false,null"},
		{"state.a:>1 state.a:>=1.5 state.a:<-2 state.a:<=1e9 state.a:-1..2.5",
			"state.a:>1 state.a:>=1.5 state.a:<-2 state.a:<=1e9 state.a:-1..2.5"},
		{"state.a:", "state.a:*"},
		{"state.a:* b", "state.a:* b"},
		{"state.a:*,5", "state.a:*,5"},
		{"state.a:\"*\"", "state.a:\"*\""},
		{"state.a:\"\"", "state.a:\"\""},
		{"state.a:\"\"*", "state.a:\"\"*"},
		{"state.a:*x", "state.a:*x"},
		{"state.a:\"5\" state.a:\"true\" state.a:tr\"ue\"",
			"state.a:\"5\" state.a:\"true\" state.a:\"true\""},
		{"state.a:\">5\"", "state.a:\">5\""},
		{"state.a:05 state.a:1.2.3 state.a:1..x state.a:True",
			"state.a:\"05\" state.a:\"1.2.3\" state.a:\"1..x\" state.a:True"},
		{"state.a:5* state.a:nul*", "state.a:\"5\"* state.a:nul*"},
		{"state.\"a key\".b:x", "state.\"a key.b\":x"},
		{"state.0.b:x", "state.0.b:x"},
		{"input.n:3", "input.n:3"},
		{"attr.gen_ai.usage.total:>5", "attr.gen_ai.usage.total:>5"},
		{"attr.\"k:v\":x attr..a.:y", "attr.\"k:v\":x attr..a.:y"},
		{"foo", "foo"},
		{"foo bar", "foo bar"},
		{"\"foo bar\" -\"baz\"", "\"foo bar\" -baz"},
		{"\"status:failed\"", "\"status:failed\""},
		{"status\":\"failed", "\"status:failed\""},
		{"a*b,c", "a*b,c"},
		{"\"-x\"", "\"-x\""},
		{"-\"-x\"", "-\"-x\""},
		{"a-b state.x status", "a-b state.x status"},
		{"\"two\nlines\"", "\"two\nlines\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter *filter = parse(cases[i].text);
		CLEAN(buf_fini) struct buf out = BUF_INIT;
		filter_print(filter, &out);
		if (!slice_is(buf_slice(&out), cases[i].printed))
			fail_msg("%s: printed %.*s", cases[i].text, SLICE_ARG(buf_slice(&out)));
		filter_free(filter);
		filter = parse(cases[i].printed);
		buf_clear(&out);
		filter_print(filter, &out);
		if (!slice_is(buf_slice(&out), cases[i].printed))
			fail_msg("%s: printed again %.*s", cases[i].printed, SLICE_ARG(buf_slice(&out)));
		filter_free(filter);
	}
}

static void test_mistakes(void **context)
{
	(void)context;
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{"foo:bar", "byte 0: expected a key, one of status, is, action, partition, app, parent, "
			    "error, steps, "
			    "duration, tokens, after, before, state.PATH, input.PATH, attr.PATH, not "
			    "\"foo\"; a text "
			    "with a colon needs quotes"},
		{"a -foo:bar", "byte 3: expected a key"},
		{":x", "byte 0: expected a key"},
		{"Status:failed", "byte 0: expected a key"},
		{"status.x:failed", "byte 0: expected a key"},
		{"a\"b\":c", "byte 0: expected a key"},
		{"states.x:1", "byte 0: expected a key"},
		{"status:failed,bad",
			"byte 14: expected running, lost, unknown, failed, ok, waiting, not \"bad\""},
		{"status:fail*", "byte 7: expected running"},
		{"is:leaf", "byte 3: expected root, forked, spawned, damaged, not \"leaf\""},
		{"status:", "byte 7: expected a value"},
		{"app: x", "byte 4: expected a value"},
		{"app:,a", "byte 4: expected a value in front of the comma"},
		{"app:a,", "byte 6: expected a value behind the comma"},
		{"app:a,,b", "byte 6: expected a value behind the comma"},
		{"state.a:1,", "byte 10: expected a value behind the comma"},
		{"state.a:,1", "byte 8: expected a value in front of the comma"},
		{"error:\"\"", "byte 6: expected a text to look for"},
		{"\"\"", "byte 0: expected a text to look for"},
		{"a \"b", "byte 2: a quote without its closing quote"},
		{"action:\"b", "byte 7: a quote without its closing quote"},
		{"\"b\\", "byte 0: a quote without its closing quote"},
		{"\"b\\\"", "byte 0: a quote without its closing quote"},
		{"state.\"a:1", "byte 6: a quote without its closing quote"},
		{"\"a\\n\"", "byte 2: unknown escape within quotes"},
		{"\"a\":b", "byte 3: expected white space behind a quoted text"},
		{"-", "byte 1: expected a term behind the -"},
		{"- a", "byte 1: expected a term behind the -"},
		{"--a", "byte 1: expected a term behind the -"},
		{"steps:", "byte 6: expected a value"},
		{"steps:x", "byte 6: expected a whole number from 0 (7, >100, <=5, 10..20), not \"x\""},
		{"steps:-1", "byte 6: expected a whole number"},
		{"steps:1.5", "byte 6: expected a whole number"},
		{"steps:5s", "byte 6: expected a whole number"},
		{"steps:>", "byte 6: expected a whole number"},
		{"steps:=5", "byte 6: expected a whole number"},
		{"steps:5..", "byte 6: expected a whole number"},
		{"steps:..5", "byte 6: expected a whole number"},
		{"steps:>5..6", "byte 6: expected a whole number"},
		{"steps:20..10", "byte 6: expected the larger end of the range last, not \"20..10\""},
		{"steps:9223372036854775808", "byte 6: expected a number that 64 bits can hold"},
		{"steps:>9223372036854775807", "byte 6: expected a number that has a larger one"},
		{"tokens:1,x", "byte 9: expected a whole number"},
		{"duration:5", "byte 9: expected a number with its unit, us ms s m h d"},
		{"duration:5w", "byte 9: expected a number with its unit"},
		{"duration:5sm", "byte 9: expected a number with its unit"},
		{"duration:5.s", "byte 9: expected a number with its unit"},
		{"duration:5s6", "byte 9: expected a number with its unit"},
		{"duration:0.5us", "byte 9: expected whole microseconds"},
		{"duration:0.0000001h", "byte 9: expected whole microseconds"},
		{"duration:2m..1s", "byte 9: expected the larger end"},
		{"duration:106751992d", "byte 9: expected a number that 64 bits can hold"},
		{"duration:9223372036854775807.5s", "byte 9: expected a number that 64 bits can hold"},
		{"after:", "byte 6: expected a value"},
		{"after:x", "byte 6: expected an age (2h; units s m h d w) or a time"},
		{"after:2", "byte 6: expected an age"},
		{"after:2us", "byte 6: expected an age"},
		{"after:1h,2h", "byte 6: expected an age"},
		{"after:2026-02-29", "byte 6: expected an age"},
		{"after:2026-13-01", "byte 6: expected an age"},
		{"after:2026-11-25T", "byte 6: expected an age"},
		{"after:2026-11-25T25:00", "byte 6: expected an age"},
		{"after:2026-11-25x", "byte 6: expected an age"},
		{"after:2026-11-2", "byte 6: expected an age"},
		{"before:1677-12-31",
			"byte 7: expected a time of the years 1678 to 2261, not \"1677-12-31\""},
		{"before:2262-01-01", "byte 7: expected a time of the years"},
		{"before:20000w", "byte 7: expected a time of the years"},
		{"before:99999999999999w", "byte 7: expected a time of the years"},
		{"state:5", "byte 5: expected a dot and a path, as in state.some.name:VALUE"},
		{"state.:5", "byte 6: expected a path"},
		{"attr.:5", "byte 5: expected a key, as in attr.some.name:VALUE"},
		{"state.a.:5", "byte 6: expected a name or an index"},
		{"state..a:5", "byte 6: expected a name or an index"},
		{"input.a..b:5", "byte 6: expected a name or an index"},
		{"state.a.*.b:5", "byte 6: expected a path without wildcards"},
		{"state.a:>x", "byte 9: expected a number behind >;"},
		{"state.a:<=", "byte 10: expected a number behind <=;"},
		{"state.a:>1..2", "byte 9: expected a number behind >;"},
		{"state.a:2..1", "byte 8: expected the larger end of the range last, not \"2..1\""},
		{"a \xff", "byte 2: not valid UTF-8"},
		{"\xc3\xbc\xe2\x82", "byte 2: not valid UTF-8"},
		{"is:\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		 "z\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
			"byte 3: expected root, forked, spawned, damaged, not \""
			"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
			"z\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter *filter = NULL;
		burr_error err = BURR_ERROR_INIT;
		if (filter_parse(slice_of(cases[i].text), NOW_US, &filter, &err) != BURR_EINVAL)
			fail_msg("%s: was taken", cases[i].text);
		if (strncmp(err.message, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("%s: said \"%s\"", cases[i].text, err.message);
		assert_null(filter);
		assert_int_equal(filter_parse(slice_of(cases[i].text), NOW_US, &filter, NULL), BURR_EINVAL);
	}
}

static void refuse(struct slice text, const char *message)
{
	struct filter *filter = NULL;
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(filter_parse(text, NOW_US, &filter, &err), BURR_EINVAL);
	assert_string_equal(err.message, message);
}

static void test_caps(void **context)
{
	(void)context;
	char text[FILTER_MAX_LEN + 1];
	memset(text, 'a', sizeof(text));
	refuse((struct slice){text, sizeof(text)}, "byte 4096: longer than 4096 bytes");
	struct filter *filter = parse_slice((struct slice){text, FILTER_MAX_LEN});
	assert_int_equal(only_value(filter)->text.len, FILTER_MAX_LEN);
	filter_free(filter);
	refuse((struct slice){"a\0b", 3}, "byte 1: a NUL");
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "a "[i % 2];
	filter = parse_slice((struct slice){text, (size_t)2 * FILTER_MAX_TERMS});
	assert_int_equal(filter->term_count, FILTER_MAX_TERMS);
	filter_free(filter);
	refuse((struct slice){text, (size_t)2 * FILTER_MAX_TERMS + 1}, "byte 64: more than 32 terms");
	memcpy(text, "app:", 4);
	for (size_t i = 4; i < sizeof(text); i++)
		text[i] = "a,"[i % 2];
	filter = parse_slice((struct slice){text, 4 + (size_t)2 * FILTER_MAX_VALUES - 1});
	assert_int_equal(filter->terms[0].value_count, FILTER_MAX_VALUES);
	filter_free(filter);
	refuse((struct slice){text, 4 + (size_t)2 * FILTER_MAX_VALUES + 1}, "byte 516: more than 256 values");
	filter = parse_slice(SLICE_NONE);
	assert_int_equal(filter->term_count, 0);
	filter_free(filter);
	filter_free(NULL);
}

static void test_terms(void **context)
{
	(void)context;
	struct filter *filter = parse("-status:ok,waiting attr.a.b:x* is:damaged word");
	const struct filter_term *terms = filter->terms;
	assert_int_equal(filter->term_count, 4);
	assert_int_equal(terms[0].kind, FILTER_STATUS);
	assert_true(terms[0].negated);
	assert_null(terms[0].path.data);
	assert_int_equal(terms[0].value_count, 2);
	assert_int_equal(terms[0].values[0].word, FILTER_STATUS_OK);
	assert_int_equal(terms[0].values[1].word, FILTER_STATUS_WAITING);
	assert_int_equal(terms[1].kind, FILTER_ATTR);
	assert_false(terms[1].negated);
	assert_true(slice_is(terms[1].path, "a.b"));
	assert_true(terms[1].values[0].has_wildcard);
	assert_true(slice_eq(terms[1].values[0].text, (struct slice){"x\0", 2}));
	assert_int_equal(terms[2].values[0].word, FILTER_IS_DAMAGED);
	assert_int_equal(terms[3].kind, FILTER_FREE);
	assert_int_equal(terms[3].values[0].form, FILTER_PATTERN);
	filter_free(filter);
	assert_string_equal(filter_key(FILTER_ATTR), "attr");
	assert_string_equal(filter_key(FILTER_FREE), "");
	assert_string_equal(filter_status_word(FILTER_STATUS_WAITING), "waiting");
	assert_string_equal(filter_is_word(FILTER_IS_SPAWNED), "spawned");
}

static void test_ranges(void **context)
{
	(void)context;
	static const struct {
		const char *text;
		int64_t low;
		int64_t high;
	} cases[] = {
		{"steps:7", 7, 7},
		{"steps:>100", 101, INT64_MAX},
		{"steps:>=100", 100, INT64_MAX},
		{"steps:<5", INT64_MIN, 4},
		{"steps:<=5", INT64_MIN, 5},
		{"steps:<0", INT64_MIN, -1},
		{"steps:10..20", 10, 20},
		{"steps:3..3", 3, 3},
		{"steps:007", 7, 7},
		{"tokens:9223372036854775807", INT64_MAX, INT64_MAX},
		{"tokens:>9223372036854775806", INT64_MAX, INT64_MAX},
		{"tokens:>=9223372036854775807", INT64_MAX, INT64_MAX},
		{"tokens:<9223372036854775807", INT64_MIN, INT64_MAX - 1},
		{"tokens:0..9223372036854775807", 0, INT64_MAX},
		{"duration:9223372036854775807us", INT64_MAX, INT64_MAX},
		{"duration:>5s", 5000001, INT64_MAX},
		{"duration:1us..1ms", 1, 1000},
		{"duration:<=1.5s", INT64_MIN, 1500000},
		{"duration:0.000001s", 1, 1},
		{"duration:2m..1.25h", 120000000, INT64_C(4500000000)},
		{"duration:1d", INT64_C(86400000000), INT64_C(86400000000)},
		{"duration:106751991d", INT64_C(9223372022400000000), INT64_C(9223372022400000000)},
		{"after:2h", NOW_US - 2 * HOUR_US, INT64_MAX},
		{"after:90s", NOW_US - 90000000, INT64_MAX},
		{"after:3m", NOW_US - 180000000, INT64_MAX},
		{"after:1.5d", NOW_US - 36 * HOUR_US, INT64_MAX},
		{"before:1w", INT64_MIN, NOW_US - 168 * HOUR_US - 1},
		{"after:2026-11-25", NOW_US - 10 * HOUR_US, INT64_MAX},
		{"before:2026-11-25", INT64_MIN, NOW_US - 10 * HOUR_US - 1},
		{"after:2026-11-25T10:00", NOW_US, INT64_MAX},
		{"after:2026-11-25T10:00:00", NOW_US, INT64_MAX},
		{"after:\"2026-11-25 10:00:00\"", NOW_US, INT64_MAX},
		{"after:2026-11-25T10:00:00Z", NOW_US, INT64_MAX},
		{"after:2026-11-25T10:00:00.25Z", NOW_US + 250000, INT64_MAX},
		{"after:2026-11-25T10:00:00+02:00", NOW_US - 2 * HOUR_US, INT64_MAX},
		{"after:2024-02-29", INT64_C(1709164800000000), INT64_MAX},
		{"after:1678-01-01", -INT64_C(9214560000000000), INT64_MAX},
		{"before:2261-12-31T23:59:59.999999", INT64_MIN, INT64_C(9214646399999998)},
		{"after:1960-01-01", -INT64_C(315619200000000), INT64_MAX},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter *filter = parse(cases[i].text);
		const struct filter_value *value = only_value(filter);
		assert_int_equal(value->form, FILTER_RANGE);
		if (value->low != cases[i].low || value->high != cases[i].high)
			fail_msg("%s: %lld..%lld", cases[i].text, (long long)value->low,
				(long long)value->high);
		if (!filter_number_matches(value, cases[i].low) ||
			!filter_number_matches(value, cases[i].high))
			fail_msg("%s: leaves its ends out", cases[i].text);
		if (cases[i].low > INT64_MIN && filter_number_matches(value, cases[i].low - 1))
			fail_msg("%s: takes what is below", cases[i].text);
		if (cases[i].high < INT64_MAX && filter_number_matches(value, cases[i].high + 1))
			fail_msg("%s: takes what is above", cases[i].text);
		filter_free(filter);
	}
}

/* A time that is printed is the same moment, whenever it is read. */
static void test_moments_stay(void **context)
{
	(void)context;
	static const char *const texts[] = {
		"after:1678-01-01", "before:2261-12-31T23:59:59.999999", "after:5h"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct filter *filter = parse(texts[i]);
		struct filter *later = NULL;
		CLEAN(buf_fini) struct buf out = BUF_INIT;
		filter_print(filter, &out);
		assert_int_equal(filter_parse(buf_slice(&out), 0, &later, NULL), BURR_OK);
		assert_true(only_value(later)->low == only_value(filter)->low);
		assert_true(only_value(later)->high == only_value(filter)->high);
		filter_free(filter);
		filter_free(later);
	}
}

static void test_text_matches(void **context)
{
	(void)context;
	static const struct {
		const char *filter;
		const char *text;
		bool matches;
	} cases[] = {
		{"app:chat", "chat", true},
		{"app:chat", "Chat", false},
		{"app:chat", "chat1", false},
		{"app:chat", "", false},
		{"app:\"\"", "", true},
		{"app:\"\"", "a", false},
		{"app:chat*", "chat", true},
		{"app:chat*", "chat-7", true},
		{"app:chat*", "achat", false},
		{"app:*chat", "my chat", true},
		{"app:*chat", "chats", false},
		{"app:*ha*", "chat", true},
		{"app:a*b", "ab", true},
		{"app:a*b", "axxbxb", true},
		{"app:a*b", "axxbx", false},
		{"app:a*a", "a", false},
		{"app:*", "", true},
		{"app:\"a*b\"", "a*b", true},
		{"app:\"a*b\"", "axb", false},
		{"app:\"a*\"*", "a*b", true},
		{"app:\"a*\"*", "ab", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter *filter = parse(cases[i].filter);
		if (filter_text_matches(only_value(filter), slice_of(cases[i].text)) != cases[i].matches)
			fail_msg("%s on \"%s\"", cases[i].filter, cases[i].text);
		assert_false(filter_text_matches(only_value(filter), SLICE_NONE));
		filter_free(filter);
	}
}

/* What a wildcard means, without a thought for time. */
static bool plainly_matches(const char *pattern, const char *text)
{
	if (*pattern == '*')
		return plainly_matches(pattern + 1, text) || (*text && plainly_matches(pattern, text + 1));
	if (!*pattern || !*text)
		return !*pattern && !*text;
	return *pattern == *text && plainly_matches(pattern + 1, text + 1);
}

/* The n-th word over the letters, of up to 5. */
static void nth_word(size_t n, const char *letters, char out[6])
{
	size_t len = 0;
	for (; n; n = (n - 1) / strlen(letters))
		out[len++] = letters[(n - 1) % strlen(letters)];
	out[len] = '\0';
}

static void test_wildcards_against_their_meaning(void **context)
{
	(void)context;
	char source[10] = "app:";
	char text[6];
	for (size_t i = 1; i < 364; i++) { /* 3 + 9 + 27 + 81 + 243 */
		nth_word(i, "ab*", source + 4);
		struct filter *filter = parse(source);
		for (size_t j = 0; j < 63; j++) {
			nth_word(j, "ab", text);
			if (filter_text_matches(only_value(filter), slice_of(text)) !=
				plainly_matches(source + 4, text))
				fail_msg("%s on \"%s\"", source, text);
			char around[10];
			snprintf(around, sizeof(around), "*%s*", source + 4);
			if (filter_contains(slice_of(text), only_value(filter)->text) !=
				plainly_matches(around, text))
				fail_msg("%s in \"%s\"", source, text);
		}
		filter_free(filter);
	}
}

/* Each star tried at each place would take longer than the sun shines. */
static void test_many_stars(void **context)
{
	(void)context;
	char pattern[200] = "app:";
	char text[2000];
	for (size_t i = 4; i + 1 < sizeof(pattern); i++)
		pattern[i] = "a*"[i % 2];
	pattern[sizeof(pattern) - 2] = 'b';
	memset(text, 'a', sizeof(text));
	struct filter *filter = parse(pattern);
	assert_false(filter_text_matches(only_value(filter), (struct slice){text, sizeof(text)}));
	assert_false(filter_contains((struct slice){text, sizeof(text)}, only_value(filter)->text));
	text[sizeof(text) - 1] = 'b';
	assert_true(filter_text_matches(only_value(filter), (struct slice){text, sizeof(text)}));
	filter_free(filter);
}

static void test_contains(void **context)
{
	(void)context;
	assert_true(filter_contains(SLICE_LIT("Connection Timeout"), SLICE_LIT("timeOUT")));
	assert_true(filter_contains(SLICE_LIT("aab"), SLICE_LIT("ab")));
	assert_false(filter_contains(SLICE_LIT("time"), SLICE_LIT("timeout")));
	assert_false(filter_contains(SLICE_LIT("a@b"), SLICE_LIT("a`b"))); /* 32 apart, and no letters */
	assert_false(filter_contains(SLICE_LIT("Ü"), SLICE_LIT("ü")));
	assert_true(filter_contains(SLICE_LIT("xÜ"), SLICE_LIT("Ü")));
	assert_true(filter_contains(SLICE_LIT("time is out"), SLICE_LIT("time\0out")));
	assert_false(filter_contains(SLICE_LIT("out of time"), SLICE_LIT("time\0out")));
	assert_true(filter_contains(SLICE_LIT(""), SLICE_LIT("\0")));
	assert_false(filter_contains(SLICE_NONE, SLICE_LIT("\0")));
	assert_false(filter_contains(SLICE_NONE, SLICE_LIT("")));
}

static void test_json_matches(void **context)
{
	(void)context;
	static const struct {
		const char *filter;
		const char *json;
		bool matches;
	} cases[] = {
		{"state.a:5", "5", true},
		{"state.a:5", "5.0", true},
		{"state.a:5", "5.5", false},
		{"state.a:5", "\"5\"", false},
		{"state.a:\"5\"", "\"5\"", true},
		{"state.a:\"5\"", "5", false},
		{"state.a:9007199254740993", "9007199254740993", true},
		{"state.a:9007199254740993", "9007199254740992", false},
		{"state.a:-9223372036854775808", "-9223372036854775808", true},
		{"state.a:9223372036854775807", "9223372036854775806", false},
		{"state.a:>9223372036854775807", "9223372036854775808", true},
		{"state.a:1e2", "100", true},
		{"state.a:true", "true", true},
		{"state.a:true", "\"true\"", false},
		{"state.a:true", "false", false},
		{"state.a:\"true\"", "\"true\"", true},
		{"state.a:null", "null", true},
		{"state.a:null", "0", false},
		{"state.a:>1.5", "1.5", false},
		{"state.a:>1.5", "1.50001", true},
		{"state.a:>=1.5", "1.5", true},
		{"state.a:>=1.5", "1", false},
		{"state.a:<2", "2", false},
		{"state.a:<2", "1.9", true},
		{"state.a:<2", "-1e999", true},
		{"state.a:<=2", "2", true},
		{"state.a:<=2", "2.1", false},
		{"state.a:>1", "\"2\"", false},
		{"state.a:>1", "null", false},
		{"state.a:1..2", "1", true},
		{"state.a:1..2", "2", true},
		{"state.a:1..2", "0.9", false},
		{"state.a:1..2", "2.1", false},
		{"state.a:-2..-1.5", "-1.75", true},
		{"state.a:", "null", true},
		{"state.a:*", "[]", true},
		{"state.a:\"\"*", "\"x\"", true},
		{"state.a:\"\"*", "1", false},
		{"state.a:\"\"", "\"\"", true},
		{"state.a:\"\"", "null", false},
		{"state.a:ann", "\"ann\"", true},
		{"state.a:ann", "\"Ann\"", false},
		{"state.a:ann", "\"a\\u006en\"", true},
		{"state.a:a*", "\"a\\nb\"", true},
		{"state.a:a*", "[\"a\"]", false},
		{"state.a:a*", "\"b\"", false},
		{"state.a:\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\"", true},
		{"state.a:True", "true", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter *filter = parse(cases[i].filter);
		if (filter_json_matches(only_value(filter), slice_of(cases[i].json)) != cases[i].matches)
			fail_msg("%s on %s", cases[i].filter, cases[i].json);
		assert_false(filter_json_matches(only_value(filter), SLICE_NONE));
		filter_free(filter);
	}
	struct filter *filter = parse("steps:7");
	assert_false(filter_json_matches(only_value(filter), SLICE_LIT("7")));
	filter_free(filter);
}

/* Each key and word is told of, in few lines that fit a terminal. */
static void test_help(void **context)
{
	(void)context;
	const char *help = filter_help();
	size_t lines = 0;
	for (const char *at = help; *at; lines++) {
		size_t len = strcspn(at, "\n");
		if (len > 100)
			fail_msg("too long: %.*s", (int)len, at);
		at += len;
		assert_int_equal(*at++, '\n');
	}
	assert_in_range(lines, 10, 25);
#define MENTIONED(name, text) assert_non_null(strstr(help, text));
	FILTER_KIND_LIST(MENTIONED)
	FILTER_STATUS_LIST(MENTIONED)
	FILTER_IS_LIST(MENTIONED)
#undef MENTIONED
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prints),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_terms),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_moments_stay),
		cmocka_unit_test(test_text_matches),
		cmocka_unit_test(test_wildcards_against_their_meaning),
		cmocka_unit_test(test_many_stars),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_json_matches),
		cmocka_unit_test(test_help),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
