/* cli/grep.c: burr grep TEXT PROJECT [APP]: where a text stands in what runs were given, gave and changed. */
#include "base/clean.h"
#include "base/json.h"
#include "catalog/runs.h"
#include "catalog/search.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/index.h"
#include "cli/say.h"

enum { LIMIT_TEXT = 100, CONTEXT_BYTES = 60, PAGE = 1000 };

struct grep {
	struct index index;
	struct needle needle;
	const char *project;
	const char *app_id; /* of the run that is looked through */
	bool json;
	int64_t limit, count;
	bool more;       /* than the limit */
	struct buf apps; /* each followed by a NUL */
	struct buf out;  /* of a page of hits; of --json: of all */
};

static void grep_fini(struct grep *grep)
{
	index_close(&grep->index);
	buf_fini(&grep->apps);
	buf_fini(&grep->out);
}

/* ---- a hit ---- */

static void put_json(struct grep *grep, const struct search_hit *hit)
{
	struct buf *out = &grep->out;
	json_put_open(out, '{');
	json_put_member(out, "project", slice_of(grep->project));
	json_put_member(out, "app_id", slice_of(grep->app_id));
	json_put_member_int(out, "sequence_id", hit->step->step.seq);
	json_put_member_int(out, "number", hit->step->number);
	json_put_member(out, "action", hit->step->action);
	json_put_member(out, "field", slice_of(hit->field));
	json_put_member(out, "key", hit->key);
	json_put_key(out, SLICE_LIT("context"));
	needle_put_context(out, hit->value, hit->at, hit->len, CONTEXT_BYTES);
	json_put_close(out, '}');
}

static void put_part(struct grep *grep, struct slice context, const char *key)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	(void)json_to_text(json_find(context, key), &text); /* it is always there */
	human_text(&grep->out, buf_slice(&text));
}

static void put_line(struct grep *grep, const struct search_hit *hit)
{
	CLEAN(buf_fini) struct buf context = BUF_INIT;
	struct buf *line = &grep->out;
	needle_put_context(&context, hit->value, hit->at, hit->len, CONTEXT_BYTES);
	buf_append_str(line, say_style(STYLE_BOLD));
	human_text(line, slice_of(grep->app_id));
	buf_printf(line, "%s #%lld ", say_plain(), (long long)hit->step->step.seq);
	human_text(line, hit->step->action);
	buf_printf(line, " %s%s%s", say_style(STYLE_DIM), hit->field, hit->key.data ? "." : "");
	human_text(line, hit->key.data ? hit->key : SLICE_LIT(""));
	buf_printf(line, ":%s ", say_plain());
	put_part(grep, buf_slice(&context), "before");
	buf_append_str(line, say_style(STYLE_BAD));
	put_part(grep, buf_slice(&context), "hit");
	buf_append_str(line, say_plain());
	put_part(grep, buf_slice(&context), "after");
	buf_append_char(line, '\n');
}

static void take_hit(const struct search_hit *hit, void *ctx)
{
	struct grep *grep = ctx;
	if (grep->count++ >= grep->limit)
		return;
	if (grep->json)
		put_json(grep, hit);
	else
		put_line(grep, hit);
}

/* ---- runs ---- */

/* Printed between two questions: the catalog must not be held at one moment for as long as a pager's reader
 * reads. */
static int look_in_run(struct grep *grep, const char *app_id)
{
	struct search_request request = {.project = slice_of(grep->project),
		.app_id = slice_of(app_id),
		.needle = &grep->needle,
		.deadline_ns = INT64_MAX};
	int64_t next = 0;
	bool complete;
	burr_error err;
	burr_status status = BURR_OK;
	grep->app_id = app_id;
	while (status == BURR_OK && next >= 0 && grep->count < grep->limit) {
		int64_t left = grep->limit - grep->count;
		request.from = next;
		request.limit = left < PAGE ? left : PAGE;
		status = catalog_search_run(
			grep->index.reader, &request, take_hit, grep, &next, &complete, &err);
		if (grep->json)
			continue;
		say_bytes(buf_slice(&grep->out));
		buf_clear(&grep->out);
	}
	grep->more = grep->count > grep->limit || (status == BURR_OK && next >= 0);
	return status == BURR_OK || status == BURR_ENOTFOUND ? CLI_OK : find_fail(status, &err);
}

static void take_app(const struct catalog_app *app, void *ctx)
{
	struct grep *grep = ctx;
	buf_append_slice(&grep->apps, app->app_id);
	buf_append_char(&grep->apps, '\0');
}

static int list_apps(struct grep *grep)
{
	struct runs_page page = {.cursor = BUF_INIT};
	CLEAN(buf_fini) struct buf cursor = BUF_INIT;
	burr_error err;
	burr_status status;
	do {
		struct runs_request request = {.project = slice_of(grep->project),
			.cursor = buf_slice(&cursor),
			.limit = PAGE,
			.deadline_ns = INT64_MAX};
		status = catalog_list_runs(grep->index.reader, &request, take_app, grep, &page, &err);
		buf_clear(&cursor);
		buf_append_slice(&cursor, buf_slice(&page.cursor));
	} while (status == BURR_OK && cursor.len);
	buf_fini(&page.cursor);
	return status == BURR_OK ? CLI_OK : find_fail(status, &err);
}

static int look_in_project(struct grep *grep)
{
	int code = list_apps(grep);
	const char *end = grep->apps.data + grep->apps.len;
	const char *app = grep->apps.data;
	for (; code == CLI_OK && app < end && grep->count < grep->limit; app += strlen(app) + 1)
		code = look_in_run(grep, app);
	grep->more = grep->more || app < end;
	return code;
}

static int say_count(const struct grep *grep)
{
	if (grep->json)
		return CLI_OK;
	if (grep->more)
		say("%s… there may be more: --limit 0 shows all%s\n", say_style(STYLE_DIM), say_plain());
	return grep->count ? CLI_OK : CLI_ABSENT;
}

int command_grep(const struct options *options)
{
	CLEAN(grep_fini) struct grep grep = {.index = INDEX_INIT, .project = options->args[1]};
	CLEAN(ptr_free) char *app_id = NULL;
	burr_error err;
	grep.json = options_has(options, OPTION_JSON);
	grep.limit = options->limit > 0                 ? options->limit
		     : options->limit == 0 || grep.json ? INT64_MAX
							: LIMIT_TEXT;
	if (needle_open(&grep.needle, slice_of(options->args[0]), &err) != BURR_OK) {
		say_error("%s", err.message);
		return CLI_USAGE;
	}
	int code = index_open(options->store, &grep.index);
	if (code == CLI_OK)
		code = options->arg_count > 2
			       ? find_app(grep.index.store, grep.project, options->args[2], &app_id)
			       : find_project(grep.index.store, grep.project);
	if (code == CLI_OK)
		code = index_update(&grep.index, grep.project, app_id);
	if (code != CLI_OK)
		return code;
	if (grep.json)
		json_put_open(&grep.out, '[');
	code = app_id ? look_in_run(&grep, app_id) : look_in_project(&grep);
	if (code == CLI_OK && grep.json) {
		json_put_close(&grep.out, ']');
		buf_append_char(&grep.out, '\n');
		say_bytes(buf_slice(&grep.out));
	}
	return code == CLI_OK ? say_count(&grep) : code;
}
