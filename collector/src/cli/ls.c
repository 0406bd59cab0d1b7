/* cli/ls.c: burr ls: the projects of the store, or the runs of one project. */
#include "base/clean.h"
#include "base/clock.h"
#include "base/json.h"
#include "catalog/runs.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/index.h"
#include "cli/life.h"
#include "cli/say.h"
#include "load/tail.h"

#include <burr/load.h>
#include <stdlib.h>

enum { LIMIT_TEXT = 30 }; /* lines that a person reads; a program asks for JSON and gets all */

static void free_list(void *pointer_to_list)
{
	burr_free(*(void **)pointer_to_list);
}

static void free_store(struct store **store)
{
	store_close(*store);
}

static size_t limit_of(const struct options *options, size_t count)
{
	size_t limit = options->limit > 0                                         ? (size_t)options->limit
		       : options->limit == 0 || options_has(options, OPTION_JSON) ? count
										  : LIMIT_TEXT;
	return limit < count ? limit : count;
}

static void say_rest(size_t shown, size_t count)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (shown == count)
		return;
	buf_append_str(&text, "… and ");
	human_count(&text, count - shown);
	buf_append_str(&text, " more: --limit 0 shows all");
	say("%s%.*s%s\n", say_style(STYLE_DIM), SLICE_ARG(buf_slice(&text)), say_plain());
}

static void add_count(struct columns *table, uint64_t count)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	human_count(&text, count);
	columns_add(table, buf_slice(&text), STYLE_NONE);
}

static void add_time(struct columns *table, const char *time)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	human_time(&text, time);
	columns_add(table, buf_slice(&text), STYLE_NONE);
}

/* ---- projects ---- */

struct project {
	const char *name;
	uint64_t app_count;
	char *last_written; /* NULL: nothing was recorded */
	int64_t last_us;
};

static int compare_projects(const void *a, const void *b)
{
	const struct project *left = a;
	const struct project *right = b;
	if (left->last_us != right->last_us)
		return left->last_us < right->last_us ? 1 : -1;
	return strcmp(left->name, right->name);
}

static void find_last(const struct store *store, struct project *project)
{
	CLEAN(free_list) burr_app_item *apps = NULL;
	size_t count = 0;
	/* A project that goes away meanwhile, or cannot be read, is listed without its time. */
	if (burr_list_apps(store->path, project->name, &apps, &count, NULL) == BURR_OK && count &&
		apps[0].last_written)
		project->last_written = strdup(apps[0].last_written);
	project->last_us = human_time_us(project->last_written);
}

static void print_projects(const struct project *projects, size_t shown, size_t count)
{
	struct columns table;
	columns_init(&table, (const char *const[]){"PROJECT", ">RUNS", "LAST STEP", NULL});
	for (size_t i = 0; i < shown; i++) {
		columns_add(&table, slice_of(projects[i].name), STYLE_BOLD);
		add_count(&table, projects[i].app_count);
		add_time(&table, projects[i].last_written);
	}
	columns_print(&table);
	say_rest(shown, count);
	columns_fini(&table);
}

static void print_projects_json(
	const struct store *store, const struct project *projects, size_t shown, size_t count)
{
	CLEAN(buf_fini) struct buf out = BUF_INIT;
	json_put_open(&out, '{');
	json_put_member(&out, "store", slice_of(store->path));
	json_put_member_int(&out, "total", (int64_t)count);
	json_put_key(&out, SLICE_LIT("projects"));
	json_put_open(&out, '[');
	for (size_t i = 0; i < shown; i++) {
		json_put_open(&out, '{');
		json_put_member(&out, "name", slice_of(projects[i].name));
		json_put_member_int(&out, "run_count", (int64_t)projects[i].app_count);
		json_put_member(&out, "last_written", slice_of(projects[i].last_written));
		json_put_close(&out, '}');
	}
	json_put_close(&out, ']');
	json_put_close(&out, '}');
	buf_append_char(&out, '\n');
	say_bytes(buf_slice(&out));
}

static int list_projects(const struct store *store, const struct options *options)
{
	CLEAN(free_list) burr_project_item *items = NULL;
	size_t count = 0;
	burr_error err;
	burr_status status = burr_list_projects(store->path, &items, &count, &err);
	if (status != BURR_OK)
		return find_fail(status, &err);
	CLEAN(ptr_free) struct project *projects = calloc(count + 1, sizeof(*projects));
	if (!projects)
		return find_fail(BURR_ENOMEM, &(burr_error){BURR_ENOMEM, "no memory for the projects"});
	for (size_t i = 0; i < count; i++) {
		projects[i] = (struct project){.name = items[i].name, .app_count = items[i].app_count};
		find_last(store, &projects[i]);
	}
	qsort(projects, count, sizeof(*projects), compare_projects);
	size_t shown = limit_of(options, count);
	if (options_has(options, OPTION_JSON))
		print_projects_json(store, projects, shown, count);
	else if (count)
		print_projects(projects, shown, count);
	else
		say("The store is empty: no program has recorded anything yet. burr demo runs samples.\n");
	for (size_t i = 0; i < count; i++)
		free(projects[i].last_written);
	return CLI_OK;
}

/* ---- runs ---- */

static bool has_partition(const burr_app_item *apps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (apps[i].partition_key)
			return true;
	return false;
}

/* Of each of the runs that are shown; NULL without memory. Yours to free. */
static enum life *find_lives(
	const struct store *store, const char *project, const burr_app_item *apps, size_t count)
{
	CLEAN(foreign_fini) struct foreign held = {0};
	enum life *lives = calloc(count + 1, sizeof(*lives));
	/* Without what spools hold the logs alone tell. */
	(void)tail_read(store, slice_of(project), SLICE_NONE, &held, NULL);
	for (size_t i = 0; lives && i < count; i++)
		lives[i] = life_find(store, &held, project, apps[i].app_id, NULL);
	return lives;
}

static bool has_life(const enum life *lives, size_t count)
{
	for (size_t i = 0; lives && i < count; i++)
		if (lives[i] != LIFE_RESTS)
			return true;
	return false;
}

/* Columns that would be empty are left out. */
static void print_runs(const burr_app_item *apps, const enum life *lives, size_t shown, size_t count)
{
	const char *titles[COLUMNS_MAX] = {"RUN"};
	size_t title_count = 1;
	struct columns table;
	bool partition = has_partition(apps, shown);
	bool life = has_life(lives, shown);
	if (partition)
		titles[title_count++] = "PARTITION";
	titles[title_count++] = ">STEPS";
	titles[title_count++] = "STARTED";
	titles[title_count++] = "LAST STEP";
	if (life)
		titles[title_count++] = "STATUS";
	columns_init(&table, titles);
	for (size_t i = 0; i < shown; i++) {
		columns_add(&table, slice_of(apps[i].app_id), STYLE_BOLD);
		if (partition)
			columns_add(&table, slice_of(apps[i].partition_key), STYLE_NONE);
		add_count(&table, (uint64_t)apps[i].step_count);
		add_time(&table, apps[i].first_written);
		add_time(&table, apps[i].last_written);
		if (life)
			columns_add(&table, slice_of(life_name(lives[i])),
				lives[i] == LIFE_LOST ? STYLE_BAD : STYLE_NONE);
	}
	columns_print(&table);
	say_rest(shown, count);
	columns_fini(&table);
}

static void print_runs_json(const struct store *store, const char *project, const burr_app_item *apps,
	const enum life *lives, size_t shown, size_t count)
{
	CLEAN(buf_fini) struct buf out = BUF_INIT;
	json_put_open(&out, '{');
	json_put_member(&out, "store", slice_of(store->path));
	json_put_member(&out, "project", slice_of(project));
	json_put_member_int(&out, "total", (int64_t)count);
	json_put_key(&out, SLICE_LIT("runs"));
	json_put_open(&out, '[');
	for (size_t i = 0; i < shown; i++) {
		const char *status = lives && lives[i] != LIFE_RESTS ? life_name(lives[i]) : NULL;
		json_put_open(&out, '{');
		json_put_member(&out, "app_id", slice_of(apps[i].app_id));
		json_put_member(&out, "partition_key", slice_of(apps[i].partition_key));
		json_put_member_int(&out, "step_count", apps[i].step_count);
		json_put_member(&out, "first_written", slice_of(apps[i].first_written));
		json_put_member(&out, "last_written", slice_of(apps[i].last_written));
		json_put_member(&out, "status", slice_of(status));
		json_put_close(&out, '}');
	}
	json_put_close(&out, ']');
	json_put_close(&out, '}');
	buf_append_char(&out, '\n');
	say_bytes(buf_slice(&out));
}

static int list_runs(const struct store *store, const char *project, const struct options *options)
{
	CLEAN(free_list) burr_app_item *apps = NULL;
	size_t count = 0;
	burr_error err;
	int code = find_project(store, project);
	if (code != CLI_OK)
		return code;
	burr_status status = burr_list_apps(store->path, project, &apps, &count, &err);
	if (status != BURR_OK)
		return find_fail(status, &err);
	size_t shown = limit_of(options, count);
	CLEAN(ptr_free) enum life *lives = find_lives(store, project, apps, shown);
	if (options_has(options, OPTION_JSON))
		print_runs_json(store, project, apps, lives, shown, count);
	else if (count)
		print_runs(apps, lives, shown, count);
	else
		say("Project %s has no runs.\n", project);
	return CLI_OK;
}

/* ---- runs that fit, by the catalog ---- */

enum { PAGE = 1000 };

struct fitting {
	struct index index;
	struct filter *filter;
	struct columns table;
	struct buf out; /* of --json */
	bool json;
	int64_t limit, count;
	bool more;
};

static void fitting_fini(struct fitting *fitting)
{
	index_close(&fitting->index);
	filter_free(fitting->filter);
	buf_fini(&fitting->out);
}

static enum style status_style(enum catalog_status status)
{
	if (status == STATUS_FAILED || status == STATUS_LOST)
		return STYLE_BAD;
	return status == STATUS_OK ? STYLE_GOOD : STYLE_NONE;
}

static void add_slice_time(struct columns *table, struct slice time)
{
	CLEAN(ptr_free) char *text = slice_dup(time);
	add_time(table, text);
}

static void add_run(struct columns *table, const struct catalog_app *app)
{
	columns_add(table, app->app_id, STYLE_BOLD);
	columns_add(table, app->partition_key, STYLE_NONE);
	add_count(table, (uint64_t)app->step_count);
	add_slice_time(table, app->first_text);
	add_slice_time(table, app->last_text);
	columns_add(table, slice_of(catalog_status_name(app->status)), status_style(app->status));
	columns_add(table, app->status == STATUS_FAILED ? app->last_error : SLICE_NONE, STYLE_NONE);
}

static void put_run(struct buf *out, const struct catalog_app *app)
{
	json_put_open(out, '{');
	json_put_member(out, "app_id", app->app_id);
	json_put_member(out, "partition_key", app->partition_key);
	json_put_member_int(out, "step_count", app->step_count);
	json_put_member(out, "first_written", app->first_text);
	json_put_member(out, "last_written", app->last_text);
	json_put_member(out, "status", slice_of(catalog_status_name(app->status)));
	json_put_member(out, "last_error", app->last_error);
	json_put_close(out, '}');
}

static void take_run(const struct catalog_app *app, void *ctx)
{
	struct fitting *fitting = ctx;
	fitting->count++;
	if (fitting->json)
		put_run(&fitting->out, app);
	else
		add_run(&fitting->table, app);
}

/* Page after page, as far as the limit goes. */
static int list_fitting(struct fitting *fitting, struct runs_request *request)
{
	CLEAN(buf_fini) struct buf cursor = BUF_INIT;
	struct runs_page page = {.cursor = BUF_INIT};
	burr_error err;
	burr_status status;
	do {
		int64_t left = fitting->limit - fitting->count;
		request->limit = left < PAGE ? left : PAGE;
		request->cursor = buf_slice(&cursor);
		status = catalog_list_runs(fitting->index.reader, request, take_run, fitting, &page, &err);
		buf_clear(&cursor);
		buf_append_slice(&cursor, buf_slice(&page.cursor));
	} while (status == BURR_OK && cursor.len && fitting->count < fitting->limit);
	fitting->more = cursor.len > 0;
	buf_fini(&page.cursor);
	return status == BURR_OK ? CLI_OK : find_fail(status, &err);
}

static bool read_sort(const char *text, struct runs_request *request)
{
	request->ascending = text && *text != '-';
	if (!text || run_sort_of(slice_of(text + (*text == '-')), &request->sort))
		return true;
	say_error("--sort is last, first, duration, steps, failed or tokens, or one of them behind a -, not "
		  "'%s'",
		text);
	return false;
}

static void print_fitting(const struct fitting *fitting)
{
	if (fitting->json)
		say_bytes(buf_slice(&fitting->out));
	else if (fitting->count)
		columns_print(&fitting->table);
	else
		say("No run fits.\n");
	if (!fitting->json && fitting->more)
		say("%s… and more: --limit 0 shows all%s\n", say_style(STYLE_DIM), say_plain());
}

static int list_filtered(const char *project, const struct options *options)
{
	static const char *const titles[] = {
		"RUN", "PARTITION", ">STEPS", "STARTED", "LAST STEP", "STATUS", "ERROR", NULL};
	CLEAN(fitting_fini)
	struct fitting fitting = {
		.index = INDEX_INIT, .json = options_has(options, OPTION_JSON), .limit = INT64_MAX};
	struct runs_request request = {.project = slice_of(project), .deadline_ns = INT64_MAX};
	burr_error err;
	if (options->limit > 0 || (options->limit < 0 && !fitting.json))
		fitting.limit = options->limit > 0 ? options->limit : LIMIT_TEXT;
	if (!read_sort(options->sort, &request))
		return CLI_USAGE;
	if (options->filter && filter_parse(slice_of(options->filter), clock_wall_ns() / 1000,
				       &fitting.filter, &err) != BURR_OK) {
		say_error("--filter: %s", err.message);
		return CLI_USAGE;
	}
	request.filter = fitting.filter;
	int code = index_open(options->store, &fitting.index);
	if (code == CLI_OK)
		code = find_project(fitting.index.store, project);
	if (code != CLI_OK)
		return code;
	columns_init(&fitting.table, titles);
	json_put_open(&fitting.out, '[');
	code = list_fitting(&fitting, &request);
	json_put_close(&fitting.out, ']');
	buf_append_char(&fitting.out, '\n');
	if (code == CLI_OK)
		print_fitting(&fitting);
	columns_fini(&fitting.table);
	return code;
}

int command_ls(const struct options *options)
{
	CLEAN(free_store) struct store *store = NULL;
	if (options->filter || options->sort) {
		if (options->arg_count)
			return list_filtered(options->args[0], options);
		say_error("--filter and --sort are for the runs of a project: burr ls PROJECT");
		return CLI_USAGE;
	}
	int code = find_store(options->store, &store);
	if (code != CLI_OK)
		return code;
	return options->arg_count ? list_runs(store, options->args[0], options)
				  : list_projects(store, options);
}
