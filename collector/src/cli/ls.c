/* cli/ls.c: burr ls: the projects of the store, or the runs of one project. */
#include "api/v1_rows.h"
#include "base/clean.h"
#include "base/clock.h"
#include "base/json.h"
#include "catalog/runs.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/index.h"
#include "cli/say.h"

enum {
	LIMIT_TEXT = 30, /* lines that a person reads; a program asks for JSON and gets all */
	PAGE = 1000,
};

struct list {
	struct index index;
	struct filter *filter;
	struct columns table;
	struct buf out; /* of --json: the elements of an array that is open */
	bool json;
	int64_t limit, count;
	int64_t total; /* -1: not known */
};

static void list_fini(struct list *list)
{
	index_close(&list->index);
	filter_free(list->filter);
	columns_fini(&list->table);
	buf_fini(&list->out);
}

static void add_count(struct columns *table, int64_t count)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	human_count(&text, (uint64_t)count);
	columns_add(table, buf_slice(&text), STYLE_NONE);
}

/* known: a record tells it; else there is none yet. */
static void add_moment(struct columns *table, bool known, int64_t us)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (known)
		human_moment(&text, us);
	columns_add(table, known ? buf_slice(&text) : SLICE_LIT("-"), STYLE_NONE);
}

static void say_rest(const struct list *list, bool more)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (!more)
		return;
	buf_append_str(&text, "… and ");
	if (list->total > list->count)
		human_count(&text, (uint64_t)(list->total - list->count));
	buf_append_str(&text, list->total > list->count ? " more" : "more");
	say("%s%.*s: --limit 0 shows all%s\n", say_style(STYLE_DIM), SLICE_ARG(buf_slice(&text)),
		say_plain());
}

/* array: its elements are in list->out. */
static void say_json(struct list *list, const char *project, const char *array)
{
	CLEAN(buf_fini) struct buf out = BUF_INIT;
	json_put_close(&list->out, ']');
	json_put_open(&out, '{');
	json_put_member(&out, "store", slice_of(list->index.store->path));
	if (project)
		json_put_member(&out, "project", slice_of(project));
	v1_put_number(&out, "total", list->total >= 0, list->total);
	json_put_key(&out, slice_of(array));
	say_bytes(buf_slice(&out));
	say_bytes(buf_slice(&list->out));
	say("}\n");
}

/* ---- projects ---- */

static void take_project(const struct catalog_project *project, void *ctx)
{
	struct list *list = ctx;
	list->total++;
	if (list->count == list->limit)
		return;
	list->count++;
	if (list->json) {
		json_put_open(&list->out, '{');
		v1_put_project(&list->out, project);
		json_put_close(&list->out, '}');
		return;
	}
	columns_add(&list->table, project->name, STYLE_BOLD);
	add_count(&list->table, project->app_count);
	add_moment(&list->table, project->app_count > 0, project->last_us);
}

static int list_projects(struct list *list)
{
	burr_error err;
	int code = index_update(&list->index, NULL, NULL);
	if (code != CLI_OK)
		return code;
	columns_init(&list->table, (const char *const[]){"PROJECT", ">RUNS", "LAST ACTIVE", NULL});
	list->total = 0;
	burr_status status = catalog_list_projects(list->index.reader, take_project, list, &err);
	if (status != BURR_OK)
		return find_fail(status, &err);
	if (list->json) {
		say_json(list, NULL, "projects");
		return CLI_OK;
	}
	if (list->count)
		columns_print(&list->table);
	else
		say("The store is empty: no program has recorded anything yet. burr demo runs samples.\n");
	say_rest(list, list->count < list->total);
	return CLI_OK;
}

/* ---- runs ---- */

static enum style status_style(enum catalog_status status)
{
	if (status == STATUS_FAILED || status == STATUS_LOST)
		return STYLE_BAD;
	return status == STATUS_OK ? STYLE_GOOD : STYLE_NONE;
}

static void take_run(const struct catalog_app *app, void *ctx)
{
	struct list *list = ctx;
	struct columns *table = &list->table;
	list->count++;
	if (list->json) {
		json_put_open(&list->out, '{');
		v1_put_run(&list->out, app);
		json_put_close(&list->out, '}');
		return;
	}
	columns_add(table, app->app_id, STYLE_BOLD);
	columns_add(table, app->partition_key.data ? app->partition_key : SLICE_LIT(""), STYLE_NONE);
	add_count(table, app->step_count);
	add_moment(table, app->zone != ZONE_NONE, app->first_us);
	add_moment(table, app->zone != ZONE_NONE, app->last_us);
	columns_add(table, slice_of(catalog_status_name(app->status)), status_style(app->status));
	columns_add(table, app->status == STATUS_FAILED ? app->last_error : SLICE_LIT(""), STYLE_NONE);
}

/* Page after page, as far as the limit goes; *out_more: there are more. */
static int take_pages(struct list *list, struct runs_request *request, bool *out_more)
{
	CLEAN(buf_fini) struct buf cursor = BUF_INIT;
	struct runs_page page = {.cursor = BUF_INIT};
	burr_error err;
	burr_status status;
	list->total = -1;
	do {
		bool first = !cursor.len;
		int64_t left = list->limit - list->count;
		request->limit = left < PAGE ? left : PAGE;
		request->cursor = buf_slice(&cursor);
		status = catalog_list_runs(list->index.reader, request, take_run, list, &page, &err);
		list->total = first && status == BURR_OK ? page.total : list->total;
		buf_clear(&cursor);
		buf_append_slice(&cursor, buf_slice(&page.cursor));
	} while (status == BURR_OK && cursor.len && list->count < list->limit);
	*out_more = cursor.len > 0;
	buf_fini(&page.cursor);
	return status == BURR_OK ? CLI_OK : find_fail(status, &err);
}

static bool read_request(const struct options *options, struct list *list, struct runs_request *out)
{
	burr_error err;
	const char *sort = options->sort;
	out->ascending = sort && *sort != '-';
	if (sort && !run_sort_of(slice_of(sort + (*sort == '-')), &out->sort)) {
		say_error("--sort is last, first, duration, steps, failed or tokens, or one of them behind a "
			  "-, not '%s'",
			sort);
		return false;
	}
	if (options->filter && filter_parse(slice_of(options->filter), clock_wall_ns() / 1000, &list->filter,
				       &err) != BURR_OK) {
		say_error("--filter: %s", err.message);
		return false;
	}
	out->filter = list->filter;
	return true;
}

static int list_runs(struct list *list, const struct options *options)
{
	static const char *const titles[] = {
		"RUN", "PARTITION", ">STEPS", "STARTED", "LAST ACTIVE", "STATUS", "ERROR", NULL};
	const char *project = options->args[0];
	struct runs_request request = {.project = slice_of(project), .deadline_ns = INT64_MAX};
	bool more = false;
	if (!read_request(options, list, &request))
		return CLI_USAGE;
	int code = find_project(list->index.store, project);
	if (code == CLI_OK)
		code = index_update(&list->index, project, NULL);
	if (code != CLI_OK)
		return code;
	columns_init(&list->table, titles);
	code = take_pages(list, &request, &more);
	if (code != CLI_OK)
		return code;
	if (list->json) {
		say_json(list, project, "runs");
		return CLI_OK;
	}
	if (list->count)
		columns_print(&list->table);
	else if (options->filter)
		say("No run fits.\n");
	else
		say("Project %s has no runs.\n", project);
	say_rest(list, more);
	return CLI_OK;
}

int command_ls(const struct options *options)
{
	CLEAN(list_fini) struct list list = {.index = INDEX_INIT, .limit = INT64_MAX};
	list.json = options_has(options, OPTION_JSON);
	if (options->limit > 0 || (options->limit < 0 && !list.json))
		list.limit = options->limit > 0 ? options->limit : LIMIT_TEXT;
	if (!options->arg_count && (options->filter || options->sort)) {
		say_error("--filter and --sort are for the runs of a project: burr ls PROJECT");
		return CLI_USAGE;
	}
	json_put_open(&list.out, '[');
	int code = index_open(options->store, &list.index);
	if (code != CLI_OK)
		return code;
	return options->arg_count ? list_runs(&list, options) : list_projects(&list);
}
