#include "base/json.h"

#include <burr/app.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_build(void **context)
{
	(void)context;
	burr_json *j = burr_json_new();
	burr_json_object(j, NULL);
	burr_json_text(j, "role\n", "say \"hi\"");
	burr_json_int(j, "n", INT64_MIN);
	burr_json_double(j, "d", 0.5);
	burr_json_array(j, "list");
	burr_json_bool(j, NULL, true);
	burr_json_null(j, NULL);
	burr_json_text(j, NULL, NULL);
	burr_json_raw(j, NULL, " {\"a\": 1} ");
	burr_json_object(j, NULL);
	burr_json_end(j);
	burr_json_end(j);
	assert_null(burr_json_str(j)); /* not ended yet, which is no mistake */
	burr_json_end(j);
	assert_string_equal(burr_json_str(j), "{\"role\\n\":\"say \\\"hi\\\"\",\"n\":-9223372036854775808,"
					      "\"d\":0.5,\"list\":[true,null,null,{\"a\": 1},{}]}");
	burr_json_clear(j);
	burr_json_int(j, NULL, 7);
	assert_string_equal(burr_json_str(j), "7");
	burr_json_free(j);
}

static void value_without_key(burr_json *j)
{
	burr_json_object(j, NULL);
	burr_json_int(j, NULL, 1);
}

static void key_in_list(burr_json *j)
{
	burr_json_array(j, NULL);
	burr_json_int(j, "k", 1);
}

static void key_at_top(burr_json *j)
{
	burr_json_int(j, "k", 1);
}

static void two_values(burr_json *j)
{
	burr_json_int(j, NULL, 1);
	burr_json_int(j, NULL, 2);
}

static void one_end_more(burr_json *j)
{
	burr_json_array(j, NULL);
	burr_json_end(j);
	burr_json_end(j);
}

static void not_a_number(burr_json *j)
{
	burr_json_double(j, NULL, (double)NAN);
}

static void not_json(burr_json *j)
{
	burr_json_raw(j, NULL, "{");
}

static void not_utf8(burr_json *j)
{
	burr_json_text(j, NULL, "\xff");
}

static void too_deep(burr_json *j)
{
	for (int i = 0; i <= JSON_MAX_DEPTH; i++)
		burr_json_array(j, NULL);
}

static void nothing(burr_json *j)
{
	(void)j;
}

static void test_mistakes(void **context)
{
	(void)context;
	static const struct {
		void (*make)(burr_json *j);
		const char *message;
	} cases[] = {
		{value_without_key, "JSON builder: a value in an object needs a key"},
		{key_in_list, "JSON builder: a key outside an object (key \"k\")"},
		{key_at_top, "JSON builder: a key outside an object (key \"k\")"},
		{two_values, "JSON builder: a second value behind the first"},
		{one_end_more, "JSON builder: an end without a beginning"},
		{not_a_number, "JSON builder: JSON has no NaN and no infinity"},
		{not_json, "JSON builder: not JSON"},
		{not_utf8, "JSON builder: text that is not UTF-8"},
		{too_deep, "JSON builder: nested too deeply"},
		{nothing, "JSON builder: nothing in it"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		burr_error err = BURR_ERROR_INIT;
		burr_json *j = burr_json_new();
		cases[i].make(j);
		burr_json_end(j); /* what follows a mistake changes nothing */
		if (cases[i].make != nothing) {
			assert_null(burr_json_str(j));
			assert_int_equal(burr_json_error(j, &err), BURR_EINVAL);
			assert_string_equal(err.message, cases[i].message);
		}
		burr_json_free(j);
	}
	assert_null(burr_json_str(NULL));
	assert_int_equal(burr_json_error(NULL, NULL), BURR_ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_mistakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
