/* cli/test_case.c: burr test-case create: a recorded step as a test case, with Burr's options and in the form
 * of Burr's fixtures, and a program to test its action with. */
#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/source.h"
#include "cli/before.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/pretty.h"
#include "cli/run.h"
#include "cli/say.h"
#include "cli/test_template.h"
#include "store/read.h"

#include <burr/load.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FIXTURE_MAX = 256 << 20, ID_CHARACTERS = 8 /* of the app_id in a test case's name, as Burr takes */ };

#define TO_DO "{\"TODO:\":\"fill this in\"}"

struct test_case {
	struct run run;
	burr_loaded *after;
	struct before before;
	struct slice action;
	struct buf inputs;
	struct slice input_state, expected_state;
	struct buf json; /* the case itself */
};

static void test_case_fini(struct test_case *c)
{
	run_close(&c->run);
	burr_free(c->after);
	before_fini(&c->before);
	buf_fini(&c->inputs);
	buf_fini(&c->json);
}

/* ---- what was recorded ---- */

/* What the action was given, without what Burr gives it by itself. */
static void put_inputs(struct buf *out, struct slice inputs)
{
	struct slice key;
	struct slice value;
	struct json_iter it = json_iter(inputs);
	json_put_open(out, '{');
	while (inputs.data && json_next_member(&it, &key, &value)) {
		if (slice_starts(key, "__"))
			continue;
		buf_append_str(out, out->len > 1 ? ",\"" : "\"");
		buf_append_slice(out, key);
		buf_append_str(out, "\":");
		buf_append_slice(out, value);
	}
	json_put_close(out, '}');
}

struct search {
	int64_t sequence_id;
	struct step step; /* the last attempt at it */
};

static bool take_step(const struct catalog_step *found, void *ctx)
{
	struct search *search = ctx;
	if (found->step.seq == search->sequence_id && found->step.begin_len)
		search->step = found->step;
	return true;
}

/* A step without a begin record has none. */
static int read_inputs(struct test_case *c)
{
	CLEAN(source_fini) struct source source;
	struct search search = {.sequence_id = c->after->sequence_id};
	struct line_record record = {.type = LINE_UNKNOWN};
	burr_error err;
	source_init(&source, c->run.index.reader, slice_of(c->run.project));
	burr_status status = catalog_list_steps(
		c->run.index.reader, c->run.app.id, 0, INT64_MAX, take_step, &search, &err);
	if (status == BURR_OK)
		status = source_open(&source, c->run.app.app_id, &err);
	if (status != BURR_OK)
		return find_fail(status, &err);
	bool there = source_read(&source, search.step.at, search.step.begin_len, LINE_BEGIN_ENTRY, &record);
	put_inputs(&c->inputs, there ? record.inputs : SLICE_NONE);
	return CLI_OK;
}

/* A failed step's state is that before it. */
static int read_states(struct test_case *c)
{
	if (c->after->status == BURR_STEP_FAILED) {
		c->input_state = slice_of(c->after->state_json);
		c->expected_state = SLICE_LIT(TO_DO);
		say_error("the step failed, so what its state should be is to be filled in");
		return CLI_OK;
	}
	int code = before_load(
		c->run.index.store, c->run.project, c->run.app_id, c->after->sequence_id, &c->before);
	if (code != CLI_OK)
		return code;
	if (!c->before.state.data)
		say_error("the state before step %lld is not recorded, so it is to be filled in",
			(long long)c->after->sequence_id);
	c->input_state = c->before.state.data ? c->before.state : SLICE_LIT(TO_DO);
	c->expected_state = slice_of(c->after->state_json);
	return CLI_OK;
}

static int load(struct test_case *c, const struct options *options)
{
	burr_error err;
	int code = run_open(options, &c->run);
	if (code != CLI_OK)
		return code;
	burr_status status = burr_load(c->run.index.store->path, c->run.project, c->run.app_id,
		options->partition_key, options->sequence_id, &c->after, &err);
	if (status != BURR_OK)
		return find_fail(status, &err);
	c->action = slice_of(options->action ? options->action : c->after->position);
	code = read_states(c);
	return code == CLI_OK ? read_inputs(c) : code;
}

/* ---- the fixture ---- */

static size_t first_characters(const char *text, size_t count)
{
	size_t len = 0;
	while (text[len] && (count || ((unsigned char)text[len] & 0xC0) == 0x80))
		count -= ((unsigned char)text[len++] & 0xC0) != 0x80;
	return len;
}

static void put_case(struct test_case *c)
{
	CLEAN(buf_fini) struct buf name = BUF_INIT;
	struct buf *out = &c->json;
	buf_append_slice(&name, c->action);
	buf_printf(&name, "_%.*s_%lld", (int)first_characters(c->run.app_id, ID_CHARACTERS), c->run.app_id,
		(long long)c->after->sequence_id);
	json_put_open(out, '{');
	json_put_member(out, "action", c->action);
	json_put_member(out, "name", buf_slice(&name));
	json_put_member_raw(out, "input_state", c->input_state);
	json_put_member_raw(out, "expected_state", c->expected_state);
	json_put_close(out, '}');
}

/* The list with one more. False: what is there is no list. */
static bool put_list(struct buf *out, struct slice list, const struct buf *one)
{
	struct slice whole;
	struct slice element;
	json_put_open(out, '[');
	if (list.len) {
		if (json_validate(list, &whole, NULL) != BURR_OK || json_kind_of(whole) != JSON_ARRAY)
			return false;
		struct json_iter it = json_iter(whole);
		while (json_next_element(&it, &element))
			json_put_raw(out, element);
	}
	json_put_raw(out, buf_slice(one));
	json_put_close(out, ']');
	return true;
}

/* All of it, or the file stays as it is. */
static int write_file(const char *path, struct slice text)
{
	CLEAN(buf_fini) struct buf temporary = BUF_INIT;
	buf_printf(&temporary, "%s.XXXXXX", path);
	int fd = temporary.failed ? -1 : mkstemp(temporary.data);
	struct stat st;
	mode_t mode = stat(path, &st) == 0 ? st.st_mode & 0777 : 0644;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool ok = file && fchmod(fd, mode) == 0 && fwrite(text.data, 1, text.len, file) == text.len;
	if (file && fclose(file) != 0)
		ok = false;
	if (ok && rename(temporary.data, path) == 0)
		return CLI_OK;
	say_error("cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		unlink(temporary.data);
	return CLI_ERROR;
}

static int add_to_fixture(const struct test_case *c, const char *path)
{
	CLEAN(buf_fini) struct buf old = BUF_INIT;
	CLEAN(buf_fini) struct buf list = BUF_INIT;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	burr_status status = file_read(AT_FDCWD, path, FIXTURE_MAX, &old, &err);
	if (status != BURR_OK && status != BURR_ENOTFOUND)
		return find_fail(status, &err);
	if (!put_list(&list, buf_slice(&old), &c->json)) {
		say_error("%s is no list of test cases", path);
		return CLI_ERROR;
	}
	pretty_put_indented(&text, buf_slice(&list));
	buf_append_char(&text, '\n');
	if (text.failed || list.failed) {
		say_error("no memory for the test cases");
		return CLI_ERROR;
	}
	return write_file(path, buf_slice(&text));
}

/* ---- the command ---- */

static void say_template(const struct test_case *c, const struct options *options)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	const struct test_template template = {
		.action = c->action,
		.fixture = options->target_file ? options->target_file : "test_cases.json",
		.serde_module = options->serde_module,
		.inputs = buf_slice(&c->inputs),
		.input_state = c->input_state,
		.expected_state = c->expected_state,
	};
	if (options->template && strcmp(options->template, "c") == 0)
		test_template_put_c(&template, &text);
	else
		test_template_put_pytest(&template, &text);
	say_bytes(buf_slice(&text));
}

static void say_case(const struct test_case *c)
{
	CLEAN(buf_fini) struct buf list = BUF_INIT;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	(void)put_list(&list, SLICE_NONE, &c->json); /* of nothing a list can be made */
	pretty_put_indented(&text, buf_slice(&list));
	buf_append_char(&text, '\n');
	say_bytes(buf_slice(&text));
}

static bool read_options(const struct options *options, struct options *out, char *names[2])
{
	*out = *options;
	names[0] = (char *)(options->project         ? options->project
			    : options->arg_count > 1 ? options->args[1]
						     : NULL);
	names[1] = (char *)(options->app_id          ? options->app_id
			    : options->arg_count > 2 ? options->args[2]
						     : NULL);
	out->args = names;
	out->arg_count = 2;
	if (strcmp(options->args[0], "create") != 0)
		say_error("burr test-case knows create, not '%s'", options->args[0]);
	else if (!names[0] || !names[1] || !options_has(options, OPTION_SEQUENCE_ID))
		say_error("burr test-case create needs --project-name, --app-id and --sequence-id");
	else if (options->template && strcmp(options->template, "c") != 0 &&
		 strcmp(options->template, "pytest") != 0)
		say_error("--template is pytest or c, not '%s'", options->template);
	else
		return true;
	return false;
}

int command_test_case(const struct options *options)
{
	CLEAN(test_case_fini) struct test_case c = {.run = RUN_INIT, .before = BEFORE_INIT};
	struct options named;
	char *names[2];
	if (!read_options(options, &named, names))
		return CLI_USAGE;
	int code = load(&c, &named);
	if (code != CLI_OK)
		return code;
	put_case(&c);
	if (options->target_file)
		code = add_to_fixture(&c, options->target_file);
	if (code != CLI_OK)
		return code;
	if (options->target_file || options->template)
		say_template(&c, options);
	else
		say_case(&c);
	return CLI_OK;
}
