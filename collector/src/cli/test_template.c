#include "cli/test_template.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LITERAL_COLUMNS = 96 };

/* Whether C11 or Python has the word for itself, or the template (main). */
static bool is_keyword(struct slice text)
{
	static const char words[] =
		" False None True _Alignas _Alignof _Atomic _Bool _Complex _Generic _Imaginary "
		"_Noreturn _Static_assert _Thread_local and as assert async auto await break case "
		"char class const continue def default del do double elif else enum except extern "
		"finally float for from global goto if import in inline int is lambda long main "
		"nonlocal not or pass raise register restrict return short signed sizeof static "
		"struct switch try typedef union unsigned void volatile while with yield ";
	char word[32];
	if (text.len + 3 > sizeof(word))
		return false;
	snprintf(word, sizeof(word), " %.*s ", (int)text.len, text.data);
	return strstr(words, word) != NULL;
}

/* A name that C and Python take: other bytes become underscores, and a keyword gets one. */
static void put_name(struct buf *out, struct slice text)
{
	if (!text.len || isdigit((unsigned char)text.data[0]))
		buf_append_char(out, '_');
	for (size_t i = 0; i < text.len; i++)
		buf_append_char(out, isalnum((unsigned char)text.data[i]) ? text.data[i] : '_');
	if (is_keyword(text))
		buf_append_char(out, '_');
}

/* A literal's inside, of C or Python. */
static void put_escaped(struct buf *out, char c)
{
	if (c == '"' || c == '\\')
		buf_append_char(out, '\\');
	buf_append_char(out, c);
}

static void put_quoted(struct buf *out, struct slice text)
{
	buf_append_char(out, '"');
	for (size_t i = 0; i < text.len; i++)
		put_escaped(out, text.data[i]);
	buf_append_char(out, '"');
}

static bool is_path(const char *module)
{
	size_t len = strlen(module);
	return strchr(module, '/') || (len > 3 && strcmp(module + len - 3, ".py") == 0);
}

/* A module by its name, or a file by its path. */
static void put_serde(struct buf *out, const char *module)
{
	if (!module)
		return;
	if (!is_path(module)) {
		buf_printf(
			out, "import %s  # noqa: F401  registers how values are written and read\n", module);
		return;
	}
	buf_append_str(out, "import runpy\n\nrunpy.run_path(");
	put_quoted(out, slice_of(module));
	buf_append_str(out, ")  # registers how values are written and read\n");
}

void test_template_put_pytest(const struct test_template *template, struct buf *out)
{
	buf_append_str(out, "import json\nimport pathlib\n\nimport pytest\nfrom burr.core import State\n");
	put_serde(out, template->serde_module);
	buf_append_str(out, "\nfrom application import ");
	put_name(out, template->action);
	buf_append_str(out,
		"  # TODO: the module that has the action\n\nFIXTURE = pathlib.Path(__file__).parent / ");
	put_quoted(out, slice_of(template->fixture));
	buf_append_str(out, "\nINPUTS = json.loads(");
	put_quoted(out, template->inputs);
	buf_append_str(out,
		")  # of the step that the test case is of\n\n\n@pytest.mark.parametrize(\"case\", "
		"json.loads(FIXTURE.read_text(encoding=\"utf-8\")), ids=lambda case: case[\"name\"])\n"
		"def test_");
	put_name(out, template->action);
	buf_append_str(out, "(case):\n    returned = ");
	put_name(out, template->action);
	buf_append_str(out,
		"(State.deserialize(case[\"input_state\"]), **INPUTS)\n"
		"    state = returned[-1] if isinstance(returned, tuple) else returned  # an action may "
		"return its "
		"result, too\n"
		"    # TODO: compare what matters; this wants every value to be as it was recorded\n"
		"    assert state.serialize() == case[\"expected_state\"]\n");
}

/* JSON as a C literal, a line for each LITERAL_COLUMNS bytes. */
static void put_literal(struct buf *out, const char *name, struct slice json)
{
	buf_printf(out, "static const char %s[] =\n\t\"", name);
	size_t columns = 0;
	for (size_t i = 0; i < json.len; i++) {
		bool begins = ((unsigned char)json.data[i] & 0xC0) != 0x80;
		if (columns >= LITERAL_COLUMNS && begins) {
			buf_append_str(out, "\"\n\t\"");
			columns = 0;
		}
		put_escaped(out, json.data[i]);
		columns++;
	}
	buf_append_str(out, "\";\n");
}

void test_template_put_c(const struct test_template *template, struct buf *out)
{
	struct buf name = BUF_INIT;
	put_name(&name, template->action);
	const char *action = name.data ? name.data : "";
	buf_printf(out,
		"/* The action %s with a recorded step's states.\n"
		" *\n"
		" *     cc test_%s.c $(pkg-config --cflags --libs burr) -o test_%s && ./test_%s */\n"
		"#include <burr/burr.h>\n"
		"#include <stdio.h>\n"
		"#include <string.h>\n"
		"\n"
		"#include \"%s.c\" /* TODO: the file with BURR_ACTION(%s, ...), without its main */\n"
		"\n",
		action, action, action, action, action, action);
	put_literal(out, "inputs", template->inputs);
	put_literal(out, "input_state", template->input_state);
	put_literal(out, "expected_state", template->expected_state);
	buf_printf(out,
		"\n"
		"int main(void)\n"
		"{\n"
		"\tburr_error err = BURR_ERROR_INIT;\n"
		"\tburr_app *app = NULL;\n"
		"\tburr_builder *builder = burr_builder_new();\n"
		"\tburr_with_action(builder, &%s);\n"
		"\tburr_with_entrypoint(builder, %s.name);\n"
		"\tburr_with_state(builder, input_state);\n"
		"\tburr_status status = burr_build(builder, &app, &err);\n"
		"\tif (status == BURR_OK)\n"
		"\t\tstatus = burr_app_step(app, inputs, NULL, &err);\n"
		"\tif (status != BURR_OK) {\n"
		"\t\tfprintf(stderr, \"%s: %%s\\n\", err.message);\n"
		"\t\tburr_app_free(app);\n"
		"\t\treturn 1;\n"
		"\t}\n"
		"\t/* TODO: compare what matters; this wants every byte to be as it was recorded. */\n"
		"\tint differs = strcmp(burr_app_state_json(app), expected_state) != 0;\n"
		"\tif (differs)\n"
		"\t\tfprintf(stderr, \"%s: expected %%s\\n  but the state is %%s\\n\", expected_state,\n"
		"\t\t\tburr_app_state_json(app));\n"
		"\tburr_app_free(app);\n"
		"\treturn differs;\n"
		"}\n",
		action, action, action, action);
	buf_fini(&name);
}
