/* cli/diff.c: burr diff PROJECT APP STEP [STEP]: what a step changed in the state, or what changed between
 * two. */
#include "query/diff.h"
#include "base/clean.h"
#include "base/json.h"
#include "cli/before.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/say.h"

#include <burr/load.h>
#include <errno.h>
#include <stdlib.h>

enum { VALUE_COLUMNS = 60 };

struct difference {
	struct store *store;
	char *app_id;
	struct before before;
	burr_loaded *after;
	bool json;
	struct buf out;
};

static void difference_fini(struct difference *d)
{
	store_close(d->store);
	free(d->app_id);
	before_fini(&d->before);
	burr_free(d->after);
	buf_fini(&d->out);
}

static bool read_step(const char *text, int64_t *out)
{
	char *end;
	if (strcmp(text, "last") == 0) {
		*out = BURR_LAST_STEP;
		return true;
	}
	errno = 0;
	*out = strtoll(text, &end, 10);
	if (*text && !*end && !errno && *out >= 0)
		return true;
	say_error("'%s' is neither the number of a step nor 'last'", text);
	return false;
}

/* ---- the states ---- */

static int load(struct difference *d, const char *project, int64_t step, burr_loaded **out)
{
	burr_error err;
	burr_status status = burr_load(d->store->path, project, d->app_id, NULL, step, out, &err);
	if (status == BURR_OK)
		return CLI_OK;
	if (status == BURR_ENOTFOUND)
		say_error("%s: burr show %s %s lists its steps", err.message, project, d->app_id);
	else
		say_error("%s", err.message);
	return status == BURR_ENOTFOUND ? CLI_ABSENT : CLI_ERROR;
}

/* ---- printing ---- */

static burr_status put_json(const struct diff_change *change, void *ctx)
{
	static const char *const kinds[] = {
		[DIFF_ADDED] = "added", [DIFF_CHANGED] = "changed", [DIFF_REMOVED] = "removed"};
	struct difference *d = ctx;
	json_put_open(&d->out, '{');
	json_put_member(&d->out, "kind", slice_of(kinds[change->kind]));
	json_put_member(&d->out, "path", diff_path(change));
	if (change->before.data)
		json_put_member_raw(&d->out, "before", change->before);
	if (change->after.data)
		json_put_member_raw(&d->out, "after", change->after);
	json_put_close(&d->out, '}');
	return BURR_OK;
}

/* As much of a value as a line takes; a program asks for --json and gets all. */
static void put_value(struct buf *out, struct slice value)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	const size_t looked_at =
		VALUE_COLUMNS * 8; /* no character is longer, so what is cut off is not seen */
	human_text(&text, (struct slice){value.data, value.len < looked_at ? value.len : looked_at});
	size_t fits = human_fit(buf_slice(&text), VALUE_COLUMNS);
	buf_append(out, text.data, fits);
	if (fits < text.len || value.len > looked_at)
		buf_append_str(out, "…");
}

static burr_status print_change(const struct diff_change *change, void *ctx)
{
	static const char signs[] = {[DIFF_ADDED] = '+', [DIFF_CHANGED] = '~', [DIFF_REMOVED] = '-'};
	static const enum style styles[] = {
		[DIFF_ADDED] = STYLE_GOOD, [DIFF_CHANGED] = STYLE_BOLD, [DIFF_REMOVED] = STYLE_BAD};
	struct difference *d = ctx;
	struct buf *out = &d->out;
	buf_printf(out, "%s%c ", say_style(styles[change->kind]), signs[change->kind]);
	human_text(out, diff_path(change).len ? diff_path(change) : SLICE_LIT("(the state)"));
	buf_printf(out, "%s  ", say_plain());
	if (change->before.data)
		put_value(out, change->before);
	if (change->kind == DIFF_CHANGED)
		buf_append_str(out, " → ");
	if (change->after.data)
		put_value(out, change->after);
	buf_append_char(out, '\n');
	return BURR_OK;
}

static void say_heading(const struct difference *d, bool of_a_step)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (of_a_step) {
		buf_printf(&text, "What step %lld (", (long long)d->after->sequence_id);
		human_text(&text, slice_of(d->after->position));
		buf_append_str(&text,
			d->before.state.data ? ") changed:" : ") left; what was before it is not recorded:");
	} else {
		buf_printf(&text, "From the state after step %lld to that after step %lld:",
			(long long)d->before.loaded->sequence_id, (long long)d->after->sequence_id);
	}
	say("%s%.*s%s\n", say_style(STYLE_DIM), SLICE_ARG(buf_slice(&text)), say_plain());
}

static void put_head(struct difference *d, bool known)
{
	json_put_open(&d->out, '{');
	json_put_key(&d->out, SLICE_LIT("from"));
	if (d->before.loaded)
		json_put_int(&d->out, d->before.loaded->sequence_id);
	else
		json_put_null(&d->out);
	json_put_member_int(&d->out, "to", d->after->sequence_id);
	json_put_member_bool(&d->out, "before_known", known);
	json_put_key(&d->out, SLICE_LIT("changes"));
	json_put_open(&d->out, '[');
}

static int print(struct difference *d, bool of_a_step)
{
	struct diff_options options = {.ignore_private = true};
	struct diff_result result;
	if (d->json)
		put_head(d, d->before.state.data != NULL);
	burr_status status = diff_json(d->before.state, slice_of(d->after->state_json), &options,
		d->json ? put_json : print_change, d, &result);
	if (d->json) {
		json_put_close(&d->out, ']');
		json_put_close(&d->out, '}');
		buf_append_char(&d->out, '\n');
	}
	if (status != BURR_OK || d->out.failed) {
		say_error("the states cannot be compared: %s",
			status == BURR_EINVAL ? "one of them is damaged" : "no memory");
		return CLI_ERROR;
	}
	if (!d->json)
		say_heading(d, of_a_step);
	if (!d->json && !result.told)
		say("nothing\n");
	say_bytes(buf_slice(&d->out));
	return CLI_OK;
}

int command_diff(const struct options *options)
{
	CLEAN(difference_fini)
	struct difference d = {.before = BEFORE_INIT, .json = options_has(options, OPTION_JSON)};
	const char *project = options->args[0];
	const bool of_a_step = options->arg_count == 3;
	int64_t steps[2] = {0, 0};
	if (!read_step(options->args[2], &steps[0]) ||
		(!of_a_step && !read_step(options->args[3], &steps[1])))
		return CLI_USAGE;
	int code = find_store(options->store, &d.store);
	if (code == CLI_OK)
		code = find_app(d.store, project, options->args[1], &d.app_id);
	if (code == CLI_OK)
		code = load(&d, project, steps[of_a_step ? 0 : 1], &d.after);
	if (code == CLI_OK && of_a_step)
		code = before_load(d.store, project, d.app_id, d.after->sequence_id, &d.before);
	if (code == CLI_OK && !of_a_step) {
		code = load(&d, project, steps[0], &d.before.loaded);
		if (code == CLI_OK)
			d.before.state = slice_of(d.before.loaded->state_json);
	}
	return code == CLI_OK ? print(&d, of_a_step) : code;
}
