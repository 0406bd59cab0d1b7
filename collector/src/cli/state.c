/* cli/state.c: burr state PROJECT APP: the state after a step, as JSON. */
#include "base/clean.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/pretty.h"
#include "cli/say.h"

#include <burr/load.h>

static void free_store(struct store **store)
{
	store_close(*store);
}

static void free_loaded(burr_loaded **loaded)
{
	burr_free(*loaded);
}

static void put_loaded(struct buf *out, const char *project, const burr_loaded *loaded)
{
	json_put_open(out, '{');
	json_put_member(out, "project", slice_of(project));
	json_put_member(out, "app_id", slice_of(loaded->app_id));
	json_put_member(out, "partition_key", slice_of(loaded->partition_key));
	json_put_member_int(out, "sequence_id", loaded->sequence_id);
	json_put_member(out, "position", slice_of(loaded->position));
	json_put_member(out, "status",
		loaded->status == BURR_STEP_FAILED ? SLICE_LIT("failed") : SLICE_LIT("completed"));
	json_put_member(out, "created_at", slice_of(loaded->created_at));
	json_put_member_raw(out, "state", slice_of(loaded->state_json));
	json_put_close(out, '}');
}

int command_state(const struct options *options)
{
	CLEAN(free_store) struct store *store = NULL;
	CLEAN(free_loaded) burr_loaded *loaded = NULL;
	CLEAN(ptr_free) char *app_id = NULL;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf out = BUF_INIT;
	burr_error err;
	if (options_has(options, OPTION_PRETTY) && options_has(options, OPTION_RAW)) {
		say_error("--pretty and --raw exclude each other");
		return CLI_USAGE;
	}
	int code = find_store(options->store, &store);
	if (code == CLI_OK)
		code = find_app(store, options->args[0], options->args[1], &app_id);
	if (code != CLI_OK)
		return code;
	burr_status status =
		burr_load(store->path, options->args[0], app_id, NULL, options->sequence_id, &loaded, &err);
	if (status == BURR_ENOTFOUND) {
		say_error("%s: burr show %s %s lists its steps", err.message, options->args[0], app_id);
		return CLI_ABSENT;
	}
	if (status != BURR_OK)
		return find_fail(status, &err);
	if (options_has(options, OPTION_JSON))
		put_loaded(&text, options->args[0], loaded);
	else
		buf_append_str(&text, loaded->state_json);
	bool pretty = options_has(options, OPTION_PRETTY) ||
		      (!options_has(options, OPTION_RAW) && isatty(STDOUT_FILENO));
	if (pretty)
		pretty_put(&out, buf_slice(&text));
	else
		buf_append_slice(&out, buf_slice(&text));
	buf_append_char(&out, '\n');
	if (out.failed || text.failed) {
		say_error("no memory to show a state of %zu bytes", strlen(loaded->state_json));
		return CLI_ERROR;
	}
	say_bytes(buf_slice(&out));
	return CLI_OK;
}
