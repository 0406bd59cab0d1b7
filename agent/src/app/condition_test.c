#include "app/condition.h"

#include "base/clean.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char state_json[] =
	"{\"count\":3,\"limit\":10,\"big\":9007199254740993,\"near\":9007199254740992.0,\"name\":\"Ann\","
	"\"done\":false,\"ok\":true,\"nothing\":null,\"empty\":\"\",\"none\":[],\"bare\":{},\"zero\":0.0,"
	"\"user\":{\"name\":\"Bo\\u0062\",\"tags\":[\"a\",\"b\"]},\"chat\":[{\"role\":\"user\"},{\"role\":"
	"\"bot\"}],"
	"\"list\":[1,\"two\",3.0],\"same\":[1.0,\"tw\\u006f\",3],\"ü\":1,\"huge\":1e999,\"android\":1,"
	"\"note\":2}";

static struct state make_state(const char *json)
{
	struct state state = STATE_INIT;
	assert_int_equal(state_set_object(&state, slice_of(json), NULL), BURR_OK);
	return state;
}

static void test_holds(void **context)
{
	(void)context;
	static const struct {
		const char *text;
		bool holds;
	} cases[] = {
		{"count < limit", true},
		{"count<limit", true},
		{"count > limit", false},
		{"count <= 3", true},
		{"count >= 3.0", true},
		{"count == 3.0", true},
		{"count != 3", false},
		{"count == -3", false},
		{"count > -1e3", true},
		{"big == 9007199254740993", true},
		{"big == 9007199254740992", false},
		{"big > near", true},
		{"huge > big", true},
		{"big < 9007199254740993.5", true},
		{"-3.5 < -3 and -3 > -3.5 and 0 > -0.5 and 0.5 > 0", true},
		{"9223372036854775807 < 9223372036854775808", true},
		{"-9223372036854775808 > -1e300 and 1e300 > 1", true},
		{"2.5 == 2.50 and 2.5 < 2.6", true},
		{"name == 'Ann'", true},
		{"name == \"Ann\"", true},
		{"name < 'Bob'", true},
		{"'An' in name", true},
		{"'x' not in name", true},
		{"user.name == 'Bob'", true},
		{"user.tags.1 == 'b'", true},
		{"user.tags.7 == null", true},
		{"'b' in user.tags", true},
		{"'name' in user", true},
		{"3 in list", true},
		{"4 in list", false},
		{"1 in missing", false},
		{"chat.1.role == 'bot'", true},
		{"list == same", true},
		{"list != same", false},
		{"user == bare", false},
		{"ok", true},
		{"done", false},
		{"nothing", false},
		{"missing", false},
		{"missing == null", true},
		{"missing.deep.er == None", true},
		{"empty or none or bare or zero", false},
		{"name and user and chat and count", true},
		{"not done", true},
		{"!done && ok", true},
		{"not not done", false},
		{"done or ok and done", false},
		{"(done or ok) and ok", true},
		{"ok || done && done", true},
		{"(count < 5) == true", true},
		{"count == 'Ann'", false},
		{"ok == 1", false},
		{"ok == True and done == False", true},
		{"ü == 1", true},
		{"android and note", true},
		{"name != 'it\\'s \\\"\\n'", true},
		{"true", true},
		{"  count  ", true},
	};
	struct state state = make_state(state_json);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct condition condition;
		burr_error err = BURR_ERROR_INIT;
		bool holds = !cases[i].holds;
		if (condition_compile(&condition, slice_of(cases[i].text), &err) != BURR_OK)
			fail_msg("%s: %s", cases[i].text, err.message);
		if (condition_eval(&condition, &state, &holds, &err) != BURR_OK)
			fail_msg("%s: %s", cases[i].text, err.message);
		if (holds != cases[i].holds)
			fail_msg("%s: wrong answer", cases[i].text);
		condition_fini(&condition);
	}
	state_fini(&state);
}

static void test_mistakes(void **context)
{
	(void)context;
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{"", "column 1: empty"},
		{"   ", "column 4: empty"},
		{"count <", "column 8: a value is missing at the end"},
		{"count = 3", "column 7: = does not compare; write =="},
		{"0 < count < 5", "column 11: comparisons do not chain"},
		{"(count", "column 7: a closing ) is missing"},
		{"count)", "column 6: expected and, or"},
		{"count limit", "column 7: expected and, or"},
		{"'abc", "column 1: text without its closing quote"},
		{"'a\\q'", "column 3: unknown escape"},
		{"user.", "column 5: a name or an index must follow"},
		{"user..name", "column 5: a name or an index must follow"},
		{"len(x) > 1", "column 1: there are no functions"},
		{"1.2.3", "column 1: not a number"},
		{"01", "column 1: not a number"},
		{"-", "column 1: not a number"},
		{"1e999", "column 1: not a number"},
		{"and ok", "column 1: a value is missing here"},
		{"ok and", "column 7: a value is missing at the end"},
		{"ok and or ok", "column 8: a value is missing here"},
		{"a @ b", "column 3: expected and, or"},
		{"@", "column 1: expected a key"},
		{"\xff", "column 1: not valid UTF-8"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct condition condition;
		burr_error err = BURR_ERROR_INIT;
		if (condition_compile(&condition, slice_of(cases[i].text), &err) != BURR_EINVAL)
			fail_msg("%s: was taken", cases[i].text);
		if (strncmp(err.message, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("%s: said \"%s\"", cases[i].text, err.message);
	}
}

static void test_caps(void **context)
{
	(void)context;
	struct condition condition;
	burr_error err = BURR_ERROR_INIT;
	char text[CONDITION_MAX_LEN + 2];
	memset(text, '(', sizeof(text));
	assert_int_equal(condition_compile(&condition, (struct slice){text, 500}, &err), BURR_EINVAL);
	assert_string_equal(err.message, "column 65: nested too deeply");
	memset(text, '!', sizeof(text));
	assert_int_equal(condition_compile(&condition, (struct slice){text, 500}, &err), BURR_EINVAL);
	memset(text, 'a', sizeof(text));
	assert_int_equal(
		condition_compile(&condition, (struct slice){text, sizeof(text)}, &err), BURR_EINVAL);
	assert_string_equal(err.message, "column 4097: longer than 4096 bytes");
	for (size_t i = 0; i + 1 < CONDITION_MAX_LEN; i++)
		text[i] = "a||"[i % 3];
	assert_int_equal(condition_compile(&condition, (struct slice){text, 4096}, &err), BURR_OK);
	struct state state = STATE_INIT;
	bool holds = true;
	assert_int_equal(condition_eval(&condition, &state, &holds, &err), BURR_OK);
	assert_false(holds);
	condition_fini(&condition);
}

static void test_order_of_two_types(void **context)
{
	(void)context;
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{"count < name", "count (number 3) cannot be ordered with name (text \"Ann\")"},
		{"count < missing", "count (number 3) cannot be ordered with missing (null)"},
		{"done >= false", "done (boolean false) cannot be ordered with boolean false"},
		{"count in limit", "count (number 3) cannot be looked for in limit (number 10)"},
		{"1 in name", "number 1 cannot be looked for in name (text \"Ann\")"},
	};
	struct state state = make_state(state_json);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct condition condition;
		burr_error err = BURR_ERROR_INIT;
		bool holds = false;
		assert_int_equal(condition_compile(&condition, slice_of(cases[i].text), &err), BURR_OK);
		assert_int_equal(condition_eval(&condition, &state, &holds, &err), BURR_EINVAL);
		assert_string_equal(err.message, cases[i].message);
		condition_fini(&condition);
	}
	state_fini(&state);
}

static void test_values(void **context)
{
	(void)context;
	char json[400];
	snprintf(json, sizeof(json), "{\"a\":1,\"long\":\"%0250d\",\"o\":{\"k\":[true]}}", 7);
	struct state state = make_state(json);
	struct condition condition;
	CLEAN(buf_fini) struct buf out = BUF_INIT;
	assert_int_equal(condition_compile(&condition,
				 slice_of("a < 2 and a > 0 and (o.k.0 or missing) and long == ''"), NULL),
		BURR_OK);
	condition_put_values(&condition, &state, &out);
	const char *start = "{\"a\":1,\"o.k.0\":true,\"missing\":null,\"long\":\"\\\"000";
	assert_memory_equal(out.data, start, strlen(start));
	/* 200 bytes of the value's text, its opening quote escaped, in quotes */
	assert_int_equal(out.len, strlen("{\"a\":1,\"o.k.0\":true,\"missing\":null,\"long\":}") + 203);
	condition_fini(&condition);
	state_fini(&state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_order_of_two_types),
		cmocka_unit_test(test_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
