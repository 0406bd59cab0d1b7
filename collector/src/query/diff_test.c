/* Differences: what is told of pairs of texts, that applying it gives the second, and that no input makes it
 * quadratic. */
#include "base/testing.h"

#include "base/json.h"
#include "query/diff.h"
#include "query/json_pointer.h"
#include "query/testing_json.h"

/* ---- a table of pairs ---- */

/* "+/a=1" added, "-/a=1" removed, "~/a=1>2" changed, "~/1<0=…" changed at /1 which was /0; ';' between. */
static burr_status describe(const struct diff_change *change, void *ctx)
{
	struct buf *out = ctx;
	if (out->len)
		buf_append_str(out, "; ");
	buf_append_char(out, "+~-"[change->kind]);
	buf_append_slice(out, diff_path(change));
	if (change->kind == DIFF_CHANGED && !slice_eq(change->path_before, change->path_after))
		buf_printf(out, "<%.*s", SLICE_ARG(change->path_before));
	buf_append_char(out, '=');
	buf_append_slice(out, change->before);
	if (change->kind == DIFF_CHANGED)
		buf_append_char(out, '>');
	buf_append_slice(out, change->after);
	return BURR_OK;
}

typedef burr_status run_fn(struct slice before, struct slice after, const struct diff_options *options,
	diff_fn *each, void *ctx, struct diff_result *out);

static void expect(run_fn *run, const char *before, const char *after, const struct diff_options *options,
	const char *expected)
{
	struct buf told = BUF_INIT;
	struct diff_result result = {0};
	buf_append_str(&told, "");
	assert_int_equal(run(slice_of(before), slice_of(after), options, describe, &told, &result), BURR_OK);
	if (strcmp(told.data, expected) != 0)
		fail_msg("%s -> %s:\n%s\ninstead of\n%s", before ? before : "none", after ? after : "none",
			told.data, expected);
	assert_int_equal(result.added + result.changed + result.removed, result.told);
	buf_fini(&told);
}

static void tells(void **state)
{
	(void)state;
	static const struct {
		const char *before;
		const char *after;
		const char *told;
	} cases[] = {
		{"{}", "{}", ""},
		{"{}", "{ }", ""},
		{"[]", "[\n]", ""},
		{"1", "2", "~=1>2"},
		{"{}", "[]", "~={}>[]"},
		{"null", "false", "~=null>false"},
		{"true", "false", "~=true>false"},
		{"\"1\"", "1", "~=\"1\">1"},
		/* objects */
		{"{\"a\":1}", "{\"a\":1,\"b\":2}", "+/b=2"},
		{"{\"a\":1,\"b\":2}", "{\"b\":2}", "-/a=1"},
		{"{\"a\":1,\"b\":2}", "{\"b\":3,\"c\":4}", "-/a=1; ~/b=2>3; +/c=4"},
		{"{\"a\":1,\"b\":2}", "{\"b\":2, \"a\":1}", ""},
		{"{\"a\":1}", "{\"\\u0061\":1}", ""},
		{"{\"a\":1}", "{\"\\u0061\":2}", "~/a=1>2"},
		{"{\"a/b\":{\"~\":1}}", "{\"a/b\":{\"~\":2}}", "~/a~1b/~0=1>2"},
		{"{\"\":1}", "{\"\":2}", "~/=1>2"},
		{"{\"a\":{\"b\":{\"c\":1}}}", "{\"a\":{\"b\":{\"c\":1,\"d\":{}}}}", "+/a/b/d={}"},
		{"{\"a\":{\"b\":1}}", "{\"a\":[1]}", "~/a={\"b\":1}>[1]"},
		{"{\"a\":null}", "{}", "-/a=null"},
		/* of the same keys the last counts */
		{"{\"a\":1,\"a\":2}", "{\"a\":2}", ""},
		{"{\"a\":1,\"a\":2}", "{\"a\":3,\"a\":2}", ""},
		{"{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":3}", "~/a=2>3"},
		{"{\"a\":1,\"\\u0061\":2}", "{\"a\":3,\"\\u0061\":4}", "~/a=2>4"},
		{"{\"a\":2}", "{\"a\":1,\"a\":2,\"b\":0,\"b\":1}", "+/b=1"},
		{"{\"b\":0,\"a\":1,\"b\":2}", "{\"a\":1}", "-/b=2"},
		/* strings */
		{"\"\\u00e9\\/\"", "\"\xc3\xa9/\"", ""},
		{"\"\\ud83d\\udc3f\"", "\"\xf0\x9f\x90\xbf\"", ""},
		{"\"a\\n\"", "\"a\\t\"", "~=\"a\\n\">\"a\\t\""},
		/* numbers */
		{"[1,1,1,1,0,100]", "[1.0,1e0,10e-1,0.01E+2,-0.0e5,1e2]", ""},
		{"9007199254740992", "9007199254740993", "~=9007199254740992>9007199254740993"},
		{"0.1", "0.10000000000000001", "~=0.1>0.10000000000000001"},
		{"1e400", "10e399", ""},
		{"1e400", "1e401", "~=1e400>1e401"},
		{"1", "-1", "~=1>-1"},
		{"10", "1", "~=10>1"},
		{"12.34", "1.234e1", ""},
		{"1.5", "15", "~=1.5>15"},
		{"1e99999999999999999999", "10e99999999999999999998",
			"~=1e99999999999999999999>10e99999999999999999998"},
		{"0e99999999999999999999", "0", ""},
		/* arrays */
		{"[1,2]", "[1,2,3]", "+/2=3"},
		{"[]", "[1,2]", "+/0=1; +/1=2"},
		{"[1,2]", "[]", "-/0=1; -/1=2"},
		{"[1,2,3]", "[1,3]", "-/1=2"},
		{"[1,2,3]", "[2,3]", "-/0=1"},
		{"[1,2,3]", "[1,8,9,2,3]", "+/1=8; +/2=9"},
		{"[1,2,3,4]", "[3,4,5,6]", "-/0=1; -/1=2; +/2=5; +/3=6"},
		{"[0,1,2,3,4]", "[0,2,3,4,5]", "-/1=1; +/4=5"},
		{"[1,2,3,4,5]", "[5,6,7,8,9]", "~/0=1>5; ~/1=2>6; ~/2=3>7; ~/3=4>8; ~/4=5>9"},
		{"[1,2,3]", "[1,4,3]", "~/1=2>4"},
		{"[1,2,3,9]", "[1,4,5,6,9]", "~/1=2>4; ~/2=3>5; +/3=6"},
		{"[1,2,3,4,9]", "[1,5,9]", "~/1=2>5; -/2=3; -/3=4"},
		{"[7,7,7,1]", "[7,7,7,7,1]", "+/3=7"},
		{"[1,1,2,1,1,2,1]", "[1,2,1,1,2,1,1,3]", "-/1=1; +/6=1; +/7=3"},
		{"[9,5,5,5,6]", "[5,5,6,8]", "-/0=9; -/1=5; +/3=8"},
		{"[0,1,2,2,1]", "[1,2,1,3]", "~/0=0>1; ~/1=1>2; ~/2=2>1; ~/3=2>3; -/4=1"},
		{"[[1],[2]]", "[[1],[2,3]]", "+/1/1=3"},
		{"[{\"a\":1},{\"b\":1}]", "[{\"a\":2},{\"b\":1}]", "~/0/a=1>2"},
		{"[1, {\"a\":1,\"b\":2}]", "[1,{\"b\":2,\"a\":1}]", ""},
		/* absent */
		{NULL, NULL, ""},
		{NULL, "{\"a\":1,\"b\":{\"c\":2}}", "+/a=1; +/b={\"c\":2}"},
		{"{\"a\":1}", NULL, "-/a=1"},
		{NULL, "[1]", "+=[1]"},
		{"1", NULL, "-=1"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect(diff_json, cases[i].before, cases[i].after, NULL, cases[i].told);
}

static void tells_keys(void **state)
{
	(void)state;
	static const struct {
		const char *before;
		const char *after;
		const char *told;
	} cases[] = {
		{"{\"a\":[1,2],\"b\":{\"c\":1}}", "{\"a\":[1,2,3],\"b\":{\"c\":1}}", "~/a=[1,2]>[1,2,3]"},
		{"{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"y\":2,\"x\":1.0}}", ""},
		{"{\"a\":{\"x\":1},\"b\":1,\"c\":[{}]}", "{\"c\":[{ }],\"d\":1,\"a\":{\"z\":1}}",
			"-/b=1; +/d=1; ~/a={\"x\":1}>{\"z\":1}"},
		{NULL, "{\"a\":{\"x\":1}}", "+/a={\"x\":1}"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect(diff_changed_keys, cases[i].before, cases[i].after, NULL, cases[i].told);
}

static void leaves_out_private_keys(void **state)
{
	(void)state;
	struct diff_options options = {.ignore_private = true};
	const char *before = "{\"__a\":1,\"_b\":1,\"\\u005f_c\":1,\"d\":{\"__e\":1}}";
	const char *after = "{\"__a\":2,\"_b\":2,\"\\u005f_c\":2,\"d\":{\"__e\":2},\"__f\":1}";
	expect(diff_json, before, after, &options, "~/_b=1>2; ~/d/__e=1>2");
	expect(diff_json, before, after, NULL, "~/__a=1>2; ~/_b=1>2; ~/__c=1>2; ~/d/__e=1>2; +/__f=1");
	expect(diff_changed_keys, before, after, &options, "~/_b=1>2; ~/d={\"__e\":1}>{\"__e\":2}");
}

static void counts_what_it_does_not_tell(void **state)
{
	(void)state;
	struct buf told = BUF_INIT;
	struct diff_options options = {.max_changes = 2};
	struct diff_result result = {0};
	struct slice before = SLICE_LIT("{\"a\":1,\"b\":2,\"c\":3,\"d\":[1]}");
	struct slice after = SLICE_LIT("{\"b\":3,\"c\":3,\"d\":[1,2],\"e\":[]}");
	assert_int_equal(diff_json(before, after, &options, describe, &told, &result), BURR_OK);
	assert_string_equal(told.data, "-/a=1; ~/b=2>3");
	assert_true(result.truncated && result.told == 2);
	assert_true(result.added == 2 && result.changed == 1 && result.removed == 1);
	options.max_changes = 4;
	buf_clear(&told);
	assert_int_equal(diff_json(before, after, &options, NULL, NULL, &result), BURR_OK);
	assert_true(!result.truncated && result.told == 4);
	buf_fini(&told);
}

static burr_status refuse_second(const struct diff_change *change, void *ctx)
{
	(void)change;
	return ++*(int *)ctx == 2 ? BURR_ECLOSED : BURR_OK;
}

static void stops_when_told_so(void **state)
{
	(void)state;
	int calls = 0;
	struct diff_result result = {.told = 77};
	assert_int_equal(
		diff_json(SLICE_LIT("[1,2,3]"), SLICE_LIT("[4,5,6]"), NULL, refuse_second, &calls, &result),
		BURR_ECLOSED);
	assert_int_equal(calls, 2);
	assert_int_equal(result.told, 77);
}

static void refuses_damage(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "{", "{\"a\":", "[1,", "[1}", "x", "tru", "{\"a\" 1}"};
	struct diff_result result;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		const char *other = texts[i][0] == '[' ? "[2]" : texts[i][0] == 't' ? "true" : "{\"b\":1}";
		if (diff_json(slice_of(texts[i]), slice_of(other), NULL, NULL, NULL, &result) !=
				BURR_EINVAL ||
			diff_json(slice_of(other), slice_of(texts[i]), NULL, NULL, NULL, &result) !=
				BURR_EINVAL)
			fail_msg("taken as whole: %s", texts[i]);
	}
}

static void put_nested(struct buf *out, size_t depth, const char *leaf)
{
	buf_clear(out);
	for (size_t i = 0; i < depth; i++)
		buf_append_char(out, '[');
	buf_append_str(out, leaf);
	for (size_t i = 0; i < depth; i++)
		buf_append_char(out, ']');
}

static void depth_is_bounded(void **state)
{
	(void)state;
	struct buf before = BUF_INIT;
	struct buf after = BUF_INIT;
	struct diff_result result;
	for (size_t depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
		put_nested(&before, depth, "1");
		put_nested(&after, depth, "2");
		assert_int_equal(diff_json(buf_slice(&before), buf_slice(&after), NULL, NULL, NULL, &result),
			depth == JSON_MAX_DEPTH ? BURR_OK : BURR_EINVAL);
	}
	assert_int_equal(result.changed, 1);
	buf_fini(&before);
	buf_fini(&after);
}

/* ---- applying the changes gives the second ---- */

static unsigned long seed = 20240229;

static size_t draw(size_t below)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (size_t)(seed >> 33) % below;
}

static const char *const keys[] = {
	"a", "b", "\\u0061", "a/b", "~", "", "\\n", "__p", "c", "d", "e", "f", "g", "h", "i", "j"};
static const char *const scalars[] = {"0", "1", "1.0", "-1", "2e1", "20", "true", "false", "null", "\"\"",
	"\"x\"", "\"\\u0078\"", "\"~/\\\"\"", "\"\xc3\xa9\""};

static void put_drawn(struct buf *out, int depth)
{
	size_t kind = depth ? draw(4) : 2 + draw(2);
	size_t count = draw(12);
	const char *space = draw(8) ? "" : " ";
	if (kind == 0) {
		buf_append_str(out, scalars[draw(sizeof(scalars) / sizeof(*scalars))]);
		return;
	}
	if (depth == 3) {
		buf_append_str(out, scalars[draw(4)]);
		return;
	}
	buf_append_char(out, kind == 1 ? '[' : '{');
	for (size_t i = 0; i < count; i++) {
		buf_append_str(out, i ? "," : "");
		if (kind != 1)
			buf_printf(out, "\"%s\":%s", keys[draw(sizeof(keys) / sizeof(*keys))], space);
		put_drawn(out, depth + 1);
	}
	buf_append_str(out, space);
	buf_append_char(out, kind == 1 ? ']' : '}');
}

/* A copy with some of it drawn anew, left out or put in. */
static void put_altered(struct buf *out, struct slice value, int depth)
{
	struct slice key;
	struct slice inner;
	struct json_iter it = json_iter(value);
	bool object = json_kind_of(value) == JSON_OBJECT;
	if (draw(12) == 0 || (!object && json_kind_of(value) != JSON_ARRAY)) {
		if (draw(3))
			json_put_raw(out, value);
		else
			put_drawn(out, depth ? 3 : 0);
		return;
	}
	size_t skipped = draw(4) ? 0 : draw(4);
	buf_append_char(out, object ? '{' : '[');
	while (object ? json_next_member(&it, &key, &inner) : json_next_element(&it, &inner)) {
		if (skipped && skipped--)
			continue;
		size_t copies = draw(12) ? 1 : draw(3);
		for (size_t i = 0; i < copies; i++) {
			char last = out->data[out->len - 1];
			buf_append_str(out, last == '{' || last == '[' ? "" : ",");
			struct slice name = object && draw(16) ? key : slice_of(keys[draw(16)]);
			if (object)
				buf_printf(out, "\"%.*s\":", SLICE_ARG(name));
			if (draw(4))
				buf_append_slice(out, inner);
			else
				put_altered(out, inner, depth + 1);
		}
	}
	buf_append_char(out, object ? '}' : ']');
}

/* The slices of a change are what its paths lead to. */
static void check_paths(struct slice before, struct slice after, const struct kept_changes *kept)
{
	for (size_t i = 0; i < kept->count; i++) {
		const struct kept_change *change = &kept->items[i];
		struct slice found = SLICE_NONE;
		burr_error err = BURR_ERROR_INIT;
		assert_int_equal(change->path_before == NULL, change->kind == DIFF_ADDED);
		assert_int_equal(change->path_after == NULL, change->kind == DIFF_REMOVED);
		if (change->path_before) {
			if (json_pointer_find(before, slice_of(change->path_before), &found, &err) != BURR_OK)
				fail_msg("%s", err.message);
			assert_ptr_equal(found.data, change->before.data);
		}
		if (change->path_after) {
			if (json_pointer_find(after, slice_of(change->path_after), &found, &err) != BURR_OK)
				fail_msg("%s", err.message);
			assert_ptr_equal(found.data, change->after.data);
		}
	}
}

static void applied_gives_the_second(void **state)
{
	(void)state;
	struct buf before = BUF_INIT;
	struct buf after = BUF_INIT;
	struct buf applied = BUF_INIT;
	size_t equal = 0;
	for (int round = 0; round < 1000; round++) {
		struct kept_changes kept = {NULL, 0};
		struct diff_result result;
		buf_clear(&before);
		buf_clear(&after);
		buf_clear(&applied);
		put_drawn(&before, 0);
		if (draw(10))
			put_altered(&after, buf_slice(&before), 0);
		else
			put_drawn(&after, 0);
		struct slice a = buf_slice(&before);
		struct slice b = buf_slice(&after);
		assert_int_equal(json_validate(b, NULL, NULL), BURR_OK);
		assert_int_equal(diff_json(a, b, NULL, keep_change, &kept, &result), BURR_OK);
		assert_int_equal(kept.count, result.told);
		check_paths(a, b, &kept);
		testing_apply_all(a, &kept, &applied);
		if (!testing_same(buf_slice(&applied), b))
			fail_msg("round %d:\n%s\n%s\napplied:\n%s", round, before.data, after.data,
				applied.data);
		assert_int_equal(result.told == 0, testing_same(a, b));
		equal += result.told == 0;
		kept_changes_fini(&kept);
	}
	/* Neither kind of pair is rare. */
	assert_in_range(equal, 50, 750);
	buf_fini(&before);
	buf_fini(&after);
	buf_fini(&applied);
}

/* ---- work ---- */

/* In reverse order and all values changed, so that nothing is matched by chance. */
static void put_many_keys(struct buf *out, size_t count, bool reverse)
{
	buf_clear(out);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s\"k%zu\":%d", i ? "," : "{", reverse ? count - 1 - i : i, reverse);
	buf_append_char(out, '}');
}

static void put_same_keys(struct buf *out, size_t count, bool other)
{
	buf_clear(out);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s\"\":%zu", i ? "," : "{", i + other);
	buf_append_char(out, '}');
}

/* Long runs that nearly match: what a search for a window finds hardest. */
static void put_runs(struct buf *out, size_t count, bool other)
{
	buf_clear(out);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s%d", i ? "," : "[", other ? i % 100 == 99 : i % 101 == 100);
	buf_append_str(out, other ? ",2]" : ",3]");
}

static void work_is_linear(void **state)
{
	(void)state;
	static void (*const makers[])(struct buf *, size_t, bool) = {put_many_keys, put_same_keys, put_runs};
	struct buf before = BUF_INIT;
	struct buf after = BUF_INIT;
	for (size_t maker = 0; maker < sizeof(makers) / sizeof(*makers); maker++) {
		for (size_t count = 1000; count <= 100000; count *= 10) {
			struct diff_result result;
			makers[maker](&before, count, false);
			makers[maker](&after, count, true);
			assert_int_equal(
				diff_json(buf_slice(&before), buf_slice(&after), NULL, NULL, NULL, &result),
				BURR_OK);
			if (result.work > 8 * count + 16)
				fail_msg("maker %zu: %zu entries cost %zu looks", maker, count, result.work);
			if (makers[maker] == put_many_keys)
				assert_int_equal(result.changed, count);
			else if (makers[maker] == put_same_keys)
				assert_int_equal(result.changed, 1);
			else
				assert_true(result.changed > 0);
		}
	}
	buf_fini(&before);
	buf_fini(&after);
}

/* Every level has a sibling that differs too: a walk that compared first and looked for the place after would
 * look at the lower levels again for each one above. */
static void work_does_not_grow_with_depth(void **state)
{
	(void)state;
	struct buf before = BUF_INIT;
	struct buf after = BUF_INIT;
	struct diff_result result;
	const size_t depth = JSON_MAX_DEPTH;
	for (size_t i = 0; i < depth; i++) {
		buf_append_str(&before, "[1,");
		buf_append_str(&after, "[2,");
	}
	buf_append_char(&before, '1');
	buf_append_char(&after, '2');
	for (size_t i = 0; i < depth; i++) {
		buf_append_str(&before, ",1]");
		buf_append_str(&after, ",2]");
	}
	assert_int_equal(
		diff_json(buf_slice(&before), buf_slice(&after), NULL, NULL, NULL, &result), BURR_OK);
	assert_int_equal(result.changed, 2 * depth + 1);
	assert_true(result.work < 32 * depth);
	buf_fini(&before);
	buf_fini(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells),
		cmocka_unit_test(tells_keys),
		cmocka_unit_test(leaves_out_private_keys),
		cmocka_unit_test(counts_what_it_does_not_tell),
		cmocka_unit_test(stops_when_told_so),
		cmocka_unit_test(refuses_damage),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(applied_gives_the_second),
		cmocka_unit_test(work_is_linear),
		cmocka_unit_test(work_does_not_grow_with_depth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
