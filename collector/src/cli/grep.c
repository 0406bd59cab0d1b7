/* cli/grep.c: burr grep TEXT [PROJECT [APP]]: where a text stands in what runs were given, gave and changed.
 */
#include "api/v1_rows.h"
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
	const char *project, *app_id; /* of the run that is looked through */
	bool several;                 /* projects are, so each line says which */
	bool json;
	int64_t limit, count;
	bool more;        /* than the limit */
	struct buf names; /* project and app_id of a page of runs, each followed by a NUL */
	struct buf cursor;
	struct buf out; /* of a page of hits; of --json: of all */
};

static void grep_fini(struct grep *grep)
{
	index_close(&grep->index);
	buf_fini(&grep->names);
	buf_fini(&grep->cursor);
	buf_fini(&grep->out);
}

/* ---- a hit ---- */

static void put_json(struct grep *grep, const struct search_hit *hit)
{
	struct buf *out = &grep->out;
	json_put_open(out, '{');
	json_put_member(out, "project", slice_of(grep->project));
	json_put_member(out, "app_id", slice_of(grep->app_id));
	v1_put_hit(out, hit, CONTEXT_BYTES);
	json_put_close(out, '}');
}

/* skip: characters that are left out where it begins with them. */
static void put_part(struct grep *grep, struct slice context, const char *key, const char *skip)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	(void)json_to_text(json_find(context, key), &text); /* it is always there */
	struct slice part = buf_slice(&text);
	while (part.len && memchr(skip, part.data[0], strlen(skip)))
		part = (struct slice){part.data + 1, part.len - 1};
	human_text(&grep->out, part);
}

static void put_line(struct grep *grep, const struct search_hit *hit)
{
	CLEAN(buf_fini) struct buf context = BUF_INIT;
	struct buf *line = &grep->out;
	needle_put_context(&context, hit->value, hit->at, hit->len, CONTEXT_BYTES);
	buf_append_str(line, say_style(STYLE_BOLD));
	if (grep->several) {
		human_text(line, slice_of(grep->project));
		buf_append_str(line, " / ");
	}
	human_text(line, slice_of(grep->app_id));
	buf_printf(line, "%s #%lld ", say_plain(), (long long)hit->step->step.seq);
	human_text(line, hit->step->action);
	buf_printf(line, " %s%s%s", say_style(STYLE_DIM), hit->field, hit->key.data ? "." : "");
	human_text(line, hit->key.data ? hit->key : SLICE_LIT(""));
	buf_printf(line, ":%s ", say_plain());
	put_part(grep, buf_slice(&context), "before", " \n"); /* cut anywhere */
	buf_append_str(line, say_style(STYLE_BAD));
	put_part(grep, buf_slice(&context), "hit", "");
	buf_append_str(line, say_plain());
	put_part(grep, buf_slice(&context), "after", "");
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
static int look_in_run(struct grep *grep, const char *project, const char *app_id)
{
	struct search_request request = {.project = slice_of(project),
		.app_id = slice_of(app_id),
		.needle = &grep->needle,
		.deadline_ns = INT64_MAX};
	int64_t next = 0;
	bool complete;
	burr_error err;
	burr_status status = BURR_OK;
	grep->project = project;
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
	buf_append_slice(&grep->names, app->project);
	buf_append_char(&grep->names, '\0');
	buf_append_slice(&grep->names, app->app_id);
	buf_append_char(&grep->names, '\0');
}

/* The next page of runs, newest first. project: SLICE_NONE for all. */
static int list_page(struct grep *grep, struct slice project)
{
	struct runs_page page = {.cursor = BUF_INIT};
	burr_error err;
	const struct runs_request request = {.project = project,
		.cursor = buf_slice(&grep->cursor),
		.limit = PAGE,
		.deadline_ns = INT64_MAX};
	buf_clear(&grep->names);
	burr_status status = catalog_list_runs(grep->index.reader, &request, take_app, grep, &page, &err);
	buf_clear(&grep->cursor);
	buf_append_slice(&grep->cursor, buf_slice(&page.cursor));
	buf_fini(&page.cursor);
	if (status != BURR_OK)
		return find_fail(status, &err);
	if (!grep->names.failed)
		return CLI_OK;
	say_error("no memory for the names of runs");
	return CLI_ERROR;
}

static int look_in_all(struct grep *grep, struct slice project)
{
	int code;
	bool stopped = false;
	do {
		code = list_page(grep, project);
		const char *end = grep->names.data + grep->names.len;
		for (const char *name = grep->names.data; code == CLI_OK && !stopped && name < end;) {
			const char *app_id = name + strlen(name) + 1;
			code = look_in_run(grep, name, app_id);
			name = app_id + strlen(app_id) + 1;
			stopped = grep->count >= grep->limit;
			grep->more = grep->more || (stopped && name < end);
		}
	} while (code == CLI_OK && !stopped && grep->cursor.len);
	grep->more = grep->more || (stopped && grep->cursor.len);
	return code;
}

static int say_count(const struct grep *grep)
{
	if (grep->more && !grep->json)
		say("%s… there may be more: --limit 0 shows all%s\n", say_style(STYLE_DIM), say_plain());
	return grep->count ? CLI_OK : CLI_ABSENT;
}

/* The run, the project or the whole store that is named. */
static int look(struct grep *grep, const struct options *options)
{
	CLEAN(ptr_free) char *app_id = NULL;
	const int app_at = options->project ? 1 : 2;
	const char *project = options->project         ? options->project
			      : options->arg_count > 1 ? options->args[1]
						       : NULL;
	const char *app = options->arg_count > app_at ? options->args[app_at] : NULL;
	int code = index_open(options->store, &grep->index);
	if (code == CLI_OK && project)
		code = app ? find_app(grep->index.store, project, app, &app_id)
			   : find_project(grep->index.store, project);
	if (code == CLI_OK)
		code = index_update(&grep->index, project, app_id);
	if (code != CLI_OK)
		return code;
	if (grep->json)
		json_put_open(&grep->out, '[');
	grep->several = !project;
	code = app_id ? look_in_run(grep, project, app_id)
		      : look_in_all(grep, project ? slice_of(project) : SLICE_NONE);
	if (code != CLI_OK || !grep->json)
		return code;
	json_put_close(&grep->out, ']');
	buf_append_char(&grep->out, '\n');
	say_bytes(buf_slice(&grep->out));
	return CLI_OK;
}

int command_grep(const struct options *options)
{
	CLEAN(grep_fini) struct grep grep = {.index = INDEX_INIT};
	burr_error err;
	grep.json = options_has(options, OPTION_JSON);
	grep.limit = options->limit > 0                 ? options->limit
		     : options->limit == 0 || grep.json ? INT64_MAX
							: LIMIT_TEXT;
	if (needle_open(&grep.needle, slice_of(options->args[0]), &err) != BURR_OK) {
		say_error("%s", err.message);
		return CLI_USAGE;
	}
	if (options->project && options->arg_count > 2) {
		say_error("the project is named twice");
		return CLI_USAGE;
	}
	int code = look(&grep, options);
	return code == CLI_OK ? say_count(&grep) : code;
}
