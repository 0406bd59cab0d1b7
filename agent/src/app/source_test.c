#include "app/source.h"

#include "base/clean.h"

#include <burr/app.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The subject of test_macro: what the graph shows must be this text. */
BURR_ACTION(sample, "", "a", "")
{
	// }
	const char *braces = "}{";
	char brace = '}';
	/* } */
	return burr_step_fail(step, "%s%c", braces, brace);
}
static const int behind_sample = 1;

static void test_macro(void **context)
{
	(void)context;
	CLEAN(buf_fini) struct buf code = BUF_INIT;
	assert_int_equal(behind_sample, 1);
	assert_true(source_read(sample.file, sample.line, sample.name, &code));
	assert_string_equal(code.data, "BURR_ACTION(sample, \"\", \"a\", \"\")\n{\n"
				       "\t// }\n\tconst char *braces = \"}{\";\n"
				       "\tchar brace = '}';\n\t/* } */\n"
				       "\treturn burr_step_fail(step, \"%s%c\", braces, brace);\n}");
	assert_false(source_read("/nonexistent/file.c", 1, "sample", &code));
	assert_false(source_read("/", 1, "sample", &code));
}

static void test_extract(void **context)
{
	(void)context;
	static const struct {
		const char *file;
		int line;
		const char *found; /* NULL: nothing */
	} cases[] = {
		{"int f(void)\n{\n\treturn 1;\n}\nint g;\n", 1, "int f(void)\n{\n\treturn 1;\n}"},
		{"x\nint f(void) { if (1) { } }\ny", 2, "int f(void) { if (1) { } }"},
		{"BURR_ACTION(f,\n\t\"a\",\n\t\"\", \"\")\n{\n}\n", 3,
			"BURR_ACTION(f,\n\t\"a\",\n\t\"\", \"\")\n{\n}"},
		{"f() {\n#if A\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t}\n}\ng() { }\n", 1,
			"f() {\n#if A\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t}\n}"},
		{"f() { g('\\'', '{', \"\\\"{\"); } /* } */", 1, "f() { g('\\'', '{', \"\\\"{\"); }"},
		{"f() { int n = 1'000'000; }", 1, "f() { int n = 1'000'000; }"},
		{"f() { // it's }\n}\n", 1, "f() { // it's }\n}"},
		{"int f(void);\nint g(void) { }\n", 1, NULL},
		{"f() {", 1, NULL},
		{"}", 1, NULL},
		{"f() { }", 2, NULL},
		{"f() { }", 0, NULL},
		{"", 1, NULL},
		{"BURR_ACTION(other, \"\", \"\", \"\")\n{\n}\n", 1, NULL},
		{"f() { /*", 1, NULL},
		{"f() { \"", 1, NULL},
		{"f() { '", 1, NULL},
		{"f() { \"\\", 1, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice found = source_extract(slice_of(cases[i].file), cases[i].line, "f");
		if (strstr(cases[i].file, "other"))
			found = source_extract(slice_of(cases[i].file), cases[i].line, "mine");
		if (!slice_eq(found, slice_of(cases[i].found)) || !found.data != !cases[i].found)
			fail_msg("case %zu: %.*s", i, SLICE_ARG(found));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_macro),
		cmocka_unit_test(test_extract),
	};
	(void)sample;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
