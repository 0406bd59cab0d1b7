/* cli/steps.c: burr steps PROJECT APP [STEP | FROM..TO]: the steps of a run. */
#include "base/clean.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/run.h"
#include "cli/say.h"
#include "query/amount.h"

#include <errno.h>
#include <stdlib.h>

enum { LIMIT_TEXT = 20, AROUND = 5 /* steps on each side of one that is asked for */ };

/* A sequence id that ends at `end`. */
static bool read_id(const char *text, const char *end, int64_t *out)
{
	char *stop;
	errno = 0;
	*out = strtoll(text, &stop, 10);
	return stop == end && text != end && !errno && *out >= 0;
}

/* 4317, 4300..4320, 4300.. or ..4320. */
static bool read_range(const char *text, struct listing *listing)
{
	const char *dots = strstr(text, "..");
	const char *end = text + strlen(text);
	bool ok;
	if (!dots) {
		ok = read_id(text, end, &listing->mark);
		listing->from = listing->mark > AROUND ? listing->mark - AROUND : 0;
		listing->to = listing->mark < INT64_MAX - AROUND ? listing->mark + AROUND : INT64_MAX;
	} else {
		ok = (dots == text || read_id(text, dots, &listing->from)) &&
		     (dots + 2 == end || read_id(dots + 2, end, &listing->to)) &&
		     listing->from <= listing->to && (dots != text || dots + 2 != end);
	}
	if (!ok)
		say_error("'%s' is neither the number of a step nor a range like 10..20, 10.. or ..20", text);
	return ok;
}

static bool read_wanted(const struct options *options, struct v1_steps_wanted *out)
{
	int64_t high;
	CLEAN(buf_fini) struct buf least = BUF_INIT;
	const char *status = options->status;
	out->superseded = options_has(options, OPTION_ATTEMPTS);
	out->action = options->action ? slice_of(options->action) : SLICE_NONE;
	out->changed = options->changed ? slice_of(options->changed) : SLICE_NONE;
	out->status = status ? slice_of(status) : SLICE_NONE;
	if (status && strcmp(status, "ok") != 0 && strcmp(status, "failed") != 0 &&
		strcmp(status, "open") != 0) {
		say_error("--status is ok, failed or open, not '%s'", status);
		return false;
	}
	if (!options->slower)
		return true;
	buf_printf(&least, ">=%s", options->slower);
	if (!amount_read_durations(buf_slice(&least), &out->slower_us, &high) && out->slower_us >= 0)
		return true;
	say_error("--slower is a time like 250ms, 1.5s or 2m, not '%s'", options->slower);
	return false;
}

static bool read_listing(const struct options *options, struct listing *out)
{
	bool ranged = options->arg_count > 2;
	out->last = !ranged;
	out->folded = options_has(options, OPTION_FOLD);
	if (options->limit > 0)
		out->limit = options->limit;
	else if (options->limit < 0 && !options_has(options, OPTION_JSON))
		out->limit = LIMIT_TEXT;
	return read_wanted(options, &out->wanted) && (!ranged || read_range(options->args[2], out));
}

/* ---- printing ---- */

static int fail_absent(const struct listing *listing)
{
	say_error("run '%.*s' has no step %lld%s", SLICE_ARG(listing->app->app_id), (long long)listing->mark,
		listing->shown ? " that fits" : "");
	return CLI_ABSENT;
}

static void say_behind(const struct listing *listing)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (!listing->behind)
		return;
	human_count(&text, (uint64_t)listing->behind);
	say("%s… %.*s more %s: %lld.. goes on%s\n", say_style(STYLE_DIM), SLICE_ARG(buf_slice(&text)),
		listing->folded ? "lines" : "steps", (long long)listing->next, say_plain());
}

static int print_table(struct listing *listing)
{
	int code = listing_print_table(listing);
	if (code == CLI_OK && !listing->shown && listing->mark < 0)
		say("%s\n", listing->app->step_count ? "No step fits." : "No step was recorded.");
	say_behind(listing);
	return code;
}

static int print_json(struct listing *listing)
{
	CLEAN(buf_fini) struct buf head = BUF_INIT;
	CLEAN(buf_fini) struct buf tail = BUF_INIT;
	json_put_open(&head, '{');
	json_put_member(&head, "project", slice_of(listing->project));
	json_put_member(&head, "app_id", listing->app->app_id);
	json_put_member_int(&head, "step_count", listing->app->step_count);
	json_put_key(&head, slice_of(listing->folded ? "groups" : "steps"));
	say_bytes(buf_slice(&head));
	int code = listing_print_json(listing);
	json_put_open(&tail, '{');
	json_put_member_int(&tail, "before", listing->before);
	json_put_member_int(&tail, "behind", listing->behind);
	v1_put_number(&tail, "next", listing->next >= 0, listing->next);
	json_put_close(&tail, '}');
	buf_append_char(&tail, '\n');
	if (tail.len > 1)
		tail.data[0] = ',';
	say_bytes(buf_slice(&tail));
	return code;
}

int command_steps(const struct options *options)
{
	CLEAN(run_close) struct run run = RUN_INIT;
	struct listing listing = LISTING_INIT;
	if (!read_listing(options, &listing))
		return CLI_USAGE;
	int code = run_open(options, &run);
	if (code != CLI_OK)
		return code;
	listing.reader = run.index.reader;
	listing.project = run.project;
	listing.app = &run.app;
	code = options_has(options, OPTION_JSON) ? print_json(&listing) : print_table(&listing);
	return code == CLI_OK && listing.mark >= 0 && !listing.marked ? fail_absent(&listing) : code;
}
