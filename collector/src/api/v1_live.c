/* What has become of a topic that somebody listens to: the rows that changed, as lists have them, as long as
 * they are few. openapi.json has the shapes: RunDelta, ProjectDelta, ProjectsDelta. */
#include "api/v1.h"
#include "api/v1_inside.h"
#include "base/clean.h"
#include "base/json.h"
#include "catalog/runs.h"
#include "http/router.h"

enum {
	STEPS_MAX = 100,  /* in one delta; more are for the reader to ask for */
	NEWEST_STEPS = 60 /* that are told even so: more than a screen shows of a run's end */
};

/* What is being written of a topic. */
struct telling {
	const struct http_changes *changes;
	struct catalog_reader *reader;
	size_t max_len;
	struct buf *out;
	bool whole;
};

/* ---- a run ---- */

struct run {
	struct buf row;
	struct catalog_app app; /* its numbers */
	struct buf steps;
	int64_t count;
	size_t max_len;
	struct source source; /* for actions that the catalog does not keep */
};

static void take_run(const struct catalog_app *app, void *ctx)
{
	struct run *run = ctx;
	v1_put_run_row(app, &run->row);
	run->app = *app;
}

static bool take_step(const struct catalog_step *step, void *ctx)
{
	struct run *run = ctx;
	json_put_open(&run->steps, '{');
	v1_put_step(&run->steps, &run->app, step, &run->source);
	json_put_close(&run->steps, '}');
	run->count++;
	return run->steps.len + run->row.len < run->max_len;
}

/* The attempts that changed, up to the last that there is. */
static struct ranges steps_of(const struct http_changes *changes, int64_t step_count)
{
	struct ranges steps = RANGES_INIT;
	for (size_t i = 0; i < changes->numbers.count; i++) {
		struct range range = changes->numbers.items[i];
		ranges_add(&steps, range.from, range.to < step_count ? range.to : step_count);
	}
	return steps;
}

/* *out_all: they fit. */
static burr_status list_steps(
	struct telling *telling, struct run *run, const struct ranges *steps, bool *out_all)
{
	burr_status status = BURR_OK;
	run->count = 0;
	json_put_open(&run->steps, '[');
	for (size_t i = 0; status == BURR_OK && i < steps->count; i++)
		status = catalog_list_steps(telling->reader, run->app.id, steps->items[i].from,
			steps->items[i].to, take_step, run, NULL);
	json_put_close(&run->steps, ']');
	*out_all = run->count == ranges_size(steps) && run->row.len + run->steps.len < run->max_len;
	return status;
}

/* Those that changed, or where they are too many, the newest. */
static burr_status put_steps(struct telling *telling, struct run *run, const struct ranges *steps)
{
	int64_t count = run->app.step_count;
	struct ranges newest = RANGES_INIT;
	bool fit = false;
	telling->whole = false;
	if (ranges_size(steps) <= STEPS_MAX) {
		burr_status status = list_steps(telling, run, steps, &telling->whole);
		if (status != BURR_OK || telling->whole)
			return status;
	}
	buf_clear(&run->steps);
	ranges_add(&newest, count > NEWEST_STEPS ? count - NEWEST_STEPS : 0, count);
	burr_status status = list_steps(telling, run, &newest, &fit);
	if (!fit) {
		buf_clear(&run->steps);
		buf_append_str(&run->steps, "[]");
	}
	return status;
}

static void put_run(struct telling *telling, struct run *run, const struct ranges *steps)
{
	struct buf *out = telling->out;
	int64_t from = steps->count ? steps->items[0].from : 0;
	int64_t to = steps->count ? steps->items[steps->count - 1].to : 0;
	json_put_open(out, '{');
	json_put_member_raw(out, "run", run->row.len ? buf_slice(&run->row) : SLICE_NONE);
	v1_put_number(out, "from", steps->count > 0, from);
	v1_put_number(out, "to", steps->count > 0, to);
	json_put_member_raw(out, "steps", buf_slice(&run->steps));
	json_put_close(out, '}');
	out->failed = out->failed || run->row.failed || run->steps.failed;
}

static burr_status tell_run(struct telling *telling, struct slice project, struct slice app_id)
{
	/* Row and steps leave room for what is around them. */
	struct run run = {.row = BUF_INIT, .steps = BUF_INIT, .max_len = telling->max_len - 256};
	struct ranges steps = RANGES_INIT;
	source_init(&run.source, telling->reader, project);
	burr_status status = catalog_find_run(telling->reader, project, app_id, take_run, &run, NULL);
	if (status == BURR_OK) {
		steps = steps_of(telling->changes, run.app.step_count);
		status = put_steps(telling, &run, &steps);
	} else if (status == BURR_ENOTFOUND) {
		buf_append_str(&run.steps, "[]");
		status = BURR_OK;
	}
	put_run(telling, &run, &steps);
	source_fini(&run.source);
	buf_fini(&run.row);
	buf_fini(&run.steps);
	return status;
}

/* ---- the rows of a list ---- */

struct rows {
	struct buf there, gone; /* elements of arrays */
};

typedef burr_status find_row_fn(
	struct telling *telling, struct slice project, struct slice member, struct buf *out);

static burr_status find_run_row(
	struct telling *telling, struct slice project, struct slice member, struct buf *out)
{
	return catalog_find_run(telling->reader, project, member, v1_put_run_row, out, NULL);
}

static burr_status find_project_row(
	struct telling *telling, struct slice project, struct slice member, struct buf *out)
{
	(void)project;
	return catalog_find_project(telling->reader, member, v1_put_project_row, out, NULL);
}

/* Arrays of the members that changed: `key` of those that there are, "gone" of the others. */
static burr_status put_rows(struct telling *telling, const char *key, struct slice project, find_row_fn *find)
{
	const struct http_changes *changes = telling->changes;
	CLEAN(buf_fini) struct buf there = BUF_INIT;
	CLEAN(buf_fini) struct buf gone = BUF_INIT;
	burr_status status = BURR_OK;
	telling->whole = !changes->more_members;
	json_put_open(&there, '[');
	json_put_open(&gone, '[');
	for (size_t i = 0; telling->whole && status == BURR_OK && i < changes->member_count; i++) {
		status = find(telling, project, changes->members[i], &there);
		if (status == BURR_ENOTFOUND) {
			json_put_text(&gone, changes->members[i]);
			status = BURR_OK;
		}
		telling->whole = telling->out->len + there.len + gone.len + 256 < telling->max_len;
	}
	json_put_close(&there, ']');
	json_put_close(&gone, ']');
	json_put_member_raw(telling->out, key, telling->whole ? buf_slice(&there) : SLICE_LIT("[]"));
	json_put_member_raw(telling->out, "gone", telling->whole ? buf_slice(&gone) : SLICE_LIT("[]"));
	telling->out->failed = telling->out->failed || there.failed || gone.failed;
	return status;
}

static burr_status tell_project(struct telling *telling, struct slice project)
{
	struct buf *out = telling->out;
	json_put_open(out, '{');
	json_put_key(out, SLICE_LIT("project"));
	burr_status status = catalog_find_project(telling->reader, project, v1_put_project_row, out, NULL);
	if (status == BURR_ENOTFOUND) {
		json_put_null(out);
		status = BURR_OK;
	}
	if (status == BURR_OK)
		status = put_rows(telling, "runs", project, find_run_row);
	json_put_close(out, '}');
	return status;
}

static burr_status tell_projects(struct telling *telling)
{
	json_put_open(telling->out, '{');
	burr_status status = put_rows(telling, "projects", SLICE_NONE, find_project_row);
	json_put_close(telling->out, '}');
	return status;
}

/* ---- any topic ---- */

static burr_status tell(struct telling *telling)
{
	CLEAN(buf_fini) struct buf path = BUF_INIT;
	CLEAN(buf_fini) struct buf room = BUF_INIT;
	struct http_path pieces;
	buf_append_char(&path, '/');
	buf_append_slice(&path, telling->changes->topic);
	if (path.failed || !buf_reserve(&room, path.len) ||
		http_path_parse(buf_slice(&path), room.data, &pieces, NULL) != BURR_OK)
		return BURR_EINVAL;
	const struct slice *names = pieces.segments;
	if (pieces.count == 1 && slice_is(names[0], "projects"))
		return tell_projects(telling);
	if (pieces.count == 2 && slice_is(names[0], "project"))
		return tell_project(telling, names[1]);
	if (pieces.count == 3 && slice_is(names[0], "run"))
		return tell_run(telling, names[1], names[2]);
	return BURR_EINVAL;
}

bool v1_make_delta(const struct http_changes *changes, size_t max_len, unsigned worker, void *ctx,
	struct buf *out, bool *out_whole)
{
	struct telling telling = {changes, ((struct api *)ctx)->readers[worker], max_len, out, true};
	/* What fails now is asked for by the reader, and then told. */
	burr_status status = tell(&telling);
	*out_whole = telling.whole;
	return status == BURR_OK;
}
