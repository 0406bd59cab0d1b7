/* cli/test_template.h: programs that test an action with the states before and after a step: a beginning to
 * be finished, that compiles and runs once the action stands where it says. */
#ifndef CLI_TEST_TEMPLATE_H
#define CLI_TEST_TEMPLATE_H

#include "base/buf.h"

struct test_template {
	struct slice action;
	const char *fixture;      /* name of the file with the test cases, as it was given */
	const char *serde_module; /* of Python, imported first; NULL */
	struct slice inputs;      /* JSON objects */
	struct slice input_state, expected_state;
};

/* For pytest, with all test cases of the fixture. */
void test_template_put_pytest(const struct test_template *template, struct buf *out);
/* For libburr, with this one's states in its text. */
void test_template_put_c(const struct test_template *template, struct buf *out);

#endif
