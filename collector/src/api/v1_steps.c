/* The steps of a run: in short, one whole, what was recorded within them, and over time. */
#include "api/v1_inside.h"
#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/overview.h"
#include "query/cut.h"
#include "query/fold.h"

#include <stdlib.h>

/* ---- in short ---- */

struct listing {
	const struct catalog_app *app;
	struct v1_steps_wanted wanted;
	int64_t limit, deadline_ns;
	int64_t count;
	bool newest_first;
	int64_t next; /* where to go on, as `from`, or as `to` where the newest comes first; -1: there is no
			 more */
	bool complete;
	struct source *source;
	struct buf *out;
};

static bool take_step(const struct catalog_step *found, void *ctx)
{
	struct listing *listing = ctx;
	listing->complete = clock_mono_ns() < listing->deadline_ns;
	if (listing->count == listing->limit || !listing->complete) {
		listing->next = found->number + listing->newest_first;
		return false;
	}
	if (!v1_step_is_wanted(&listing->wanted, listing->app, found))
		return true;
	listing->count++;
	json_put_open(listing->out, '{');
	v1_put_step(listing->out, listing->app, found, listing->source);
	json_put_close(listing->out, '}');
	return true;
}

/* Whether the answer begins at the range's end. */
static bool read_order(const struct http_request *req, struct http_response *res, bool *out_newest_first)
{
	struct slice text = http_query(req, "order");
	*out_newest_first = slice_is(text, "newest");
	if (!text.data || *out_newest_first || slice_is(text, "oldest"))
		return true;
	http_fail(res, 422, "order: it is neither oldest nor newest");
	return false;
}

static bool read_listing(const struct http_request *req, struct http_response *res, struct listing *out)
{
	struct v1_steps_wanted *wanted = &out->wanted;
	wanted->action = http_query(req, "action");
	wanted->status = http_query(req, "status");
	wanted->changed = http_query(req, "changed");
	if (wanted->status.data && !slice_is(wanted->status, "ok") && !slice_is(wanted->status, "failed") &&
		!slice_is(wanted->status, "open")) {
		http_fail(res, 422, "status: it is none of ok, failed, open");
		return false;
	}
	return v1_number(req, res, "limit", 1, V1_LIMIT_MAX, &out->limit) &&
	       read_order(req, res, &out->newest_first) &&
	       v1_number(req, res, "slower_us", 0, INT64_MAX, &wanted->slower_us) &&
	       v1_number(req, res, "sequence_id", 0, INT64_MAX, &wanted->sequence_id) &&
	       v1_bool(req, res, "superseded", &wanted->superseded);
}

/* Numbers of steps: [from, to). */
static bool read_range(const struct http_request *req, struct http_response *res, int64_t *from, int64_t *to)
{
	return v1_number(req, res, "from", 0, INT64_MAX, from) && v1_number(req, res, "to", 0, INT64_MAX, to);
}

void v1_list_steps(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"from", "to", "limit", "action", "status", "changed", "slower_us",
		"sequence_id", "superseded", "order", NULL};
	CLEAN(buf_fini) struct buf rows = BUF_INIT;
	CLEAN(source_fini) struct source source;
	struct catalog_app app;
	burr_error err = BURR_ERROR_INIT;
	struct steps_request request = {.end = INT64_MAX};
	source_init(&source, v1_reader(req), http_capture(req, "project"));
	struct listing listing = {.wanted = {.slower_us = -1, .sequence_id = -1, .superseded = true},
		.source = &source,
		.limit = V1_LIMIT,
		.next = -1,
		.complete = true,
		.out = &rows};
	if (!v1_only(req, res, names) || !read_listing(req, res, &listing) ||
		!read_range(req, res, &request.from, &request.end) ||
		!v1_find_run(req, res, NULL, NULL, &app))
		return;
	listing.app = &app;
	listing.deadline_ns = v1_deadline_ns();
	request.app = app.id;
	request.newest_first = listing.newest_first;
	request.of_one = listing.wanted.sequence_id >= 0;
	request.sequence_id = listing.wanted.sequence_id;
	json_put_open(&rows, '[');
	burr_status status = catalog_find_steps(v1_reader(req), &request, take_step, &listing, &err);
	json_put_close(&rows, ']');
	if (status != BURR_OK) {
		v1_fail(res, status, &err);
		return;
	}
	struct buf *out = &res->body;
	v1_open(out);
	json_put_member_int(out, "step_count", app.step_count);
	json_put_member_bool(out, "complete", listing.complete);
	v1_put_number(out, "next", listing.next >= 0, listing.next);
	json_put_member_raw(out, "steps", buf_slice(&rows));
	json_put_close(out, '}');
	out->failed = out->failed || rows.failed;
}

/* ---- superseded ---- */

enum { STRETCHES_MAX = 10 * V1_LIMIT_MAX };

struct ranging {
	struct buf *out;
	int64_t limit, deadline_ns;
	int64_t count;
	int64_t next; /* the step to go on at; -1: there is no more */
	bool complete;
};

static bool take_range(int64_t from, int64_t end, void *ctx)
{
	struct ranging *ranging = ctx;
	ranging->complete = ranging->count == 0 || clock_mono_ns() < ranging->deadline_ns;
	if (ranging->count == ranging->limit || !ranging->complete) {
		ranging->next = from;
		return false;
	}
	ranging->count++;
	json_put_open(ranging->out, '{');
	json_put_member_int(ranging->out, "from", from);
	json_put_member_int(ranging->out, "to", end);
	json_put_close(ranging->out, '}');
	return true;
}

void v1_list_superseded(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"from", "limit", NULL};
	CLEAN(buf_fini) struct buf rows = BUF_INIT;
	struct catalog_app app;
	burr_error err = BURR_ERROR_INIT;
	int64_t from = 0;
	struct ranging ranging = {.out = &rows,
		.limit = V1_LIMIT_MAX,
		.deadline_ns = v1_deadline_ns(),
		.next = -1,
		.complete = true};
	if (!v1_only(req, res, names) || !v1_number(req, res, "from", 0, INT64_MAX, &from) ||
		!v1_number(req, res, "limit", 1, STRETCHES_MAX, &ranging.limit) ||
		!v1_find_run(req, res, NULL, NULL, &app))
		return;
	json_put_open(&rows, '[');
	burr_status status =
		catalog_list_superseded(v1_reader(req), app.id, from, take_range, &ranging, &err);
	json_put_close(&rows, ']');
	if (status != BURR_OK) {
		v1_fail(res, status, &err);
		return;
	}
	struct buf *out = &res->body;
	v1_open(out);
	json_put_member_bool(out, "complete", ranging.complete);
	v1_put_number(out, "next", ranging.next >= 0, ranging.next);
	json_put_member_raw(out, "ranges", buf_slice(&rows));
	json_put_close(out, '}');
	out->failed = out->failed || rows.failed;
}

/* ---- one whole ---- */

/* A record's value, absent where it has none; cut to `max` bytes with the way to the rest. */
static void put_value(struct buf *out, const char *key, struct slice value, size_t max, struct slice pointer)
{
	json_put_key(out, slice_of(key));
	if (value.data)
		json_put_cut(out, value, max, pointer);
	else
		json_put_null(out);
}

static bool read_number(const struct http_request *req, struct http_response *res, int64_t *out)
{
	return api_number(res, "number", http_capture(req, "number"), 0, INT64_MAX, out);
}

static void put_begin(struct buf *out, struct source *source, const struct step *step, size_t max)
{
	struct line_record record = {.type = LINE_UNKNOWN};
	bool there =
		step->begin_len && source_read(source, step->at, step->begin_len, LINE_BEGIN_ENTRY, &record);
	put_value(out, "inputs", there ? record.inputs : SLICE_NONE, max, SLICE_LIT("/inputs"));
	put_value(out, "via", there ? record.via : SLICE_NONE, max, SLICE_LIT("/via"));
}

static void put_end(struct buf *out, struct source *source, const struct step *step, size_t max)
{
	struct line_record record = {.type = LINE_UNKNOWN};
	bool there =
		step->end_len && source_read(source, step->end_at, step->end_len, LINE_END_ENTRY, &record);
	put_value(out, "result", there ? record.result : SLICE_NONE, max, SLICE_LIT("/result"));
	put_value(out, "exception", there ? record.exception : SLICE_NONE, max, SLICE_LIT("/exception"));
	put_value(out, "state", there ? record.state : SLICE_NONE, max, SLICE_LIT("/state"));
}

void v1_get_step(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"cut", NULL};
	CLEAN(source_fini) struct source source;
	struct catalog_app app;
	struct catalog_step step;
	int64_t number = 0;
	int64_t cut = V1_CUT_BYTES;
	burr_error err = BURR_ERROR_INIT;
	source_init(&source, v1_reader(req), http_capture(req, "project"));
	if (!v1_only(req, res, names) || !read_number(req, res, &number) ||
		!v1_number(req, res, "cut", 128, INT32_MAX, &cut) ||
		!v1_find_run(req, res, NULL, NULL, &app) || !v1_find_step(req, res, &app, number, &step))
		return;
	burr_status status = source_open(&source, app.app_id, &err);
	if (status != BURR_OK) {
		v1_fail(res, status, &err);
		return;
	}
	struct buf *out = &res->body;
	v1_open(out);
	v1_put_step(out, &app, &step, &source);
	put_begin(out, &source, &step.step, (size_t)cut);
	put_end(out, &source, &step.step, (size_t)cut);
	json_put_close(out, '}');
}

/* ---- spans, attributes, streams ---- */

enum {
	RECORDS_MAX = 10 * V1_LIMIT_MAX,
	RECORDS_BYTES = 32 << 20, /* an answer is made in memory */
	RECORDS_EACH = 3, /* at most as many lines come of one that is counted: a stream's, its first item's,
			     its end */
};

struct records {
	const struct catalog_app *app;
	struct source *source;
	struct buf *out;
	size_t cut;
	int64_t limit, count;
	int64_t left_out;
	int64_t next; /* the step to go on at; -1: there is no more */
};

static const char *type_name(int type)
{
	static const char *const names[] = {
		[LINE_BEGIN_SPAN] = "begin_span",
		[LINE_END_SPAN] = "end_span",
		[LINE_ATTRIBUTE] = "attribute",
		[LINE_BEGIN_STREAM] = "begin_stream",
		[LINE_FIRST_ITEM_STREAM] = "first_item_stream",
		[LINE_END_STREAM] = "end_stream",
	};
	return type >= LINE_BEGIN_SPAN && type <= LINE_END_STREAM ? names[type] : "";
}

static void put_known(struct buf *out, const char *key, struct slice value)
{
	if (value.data)
		json_put_member_raw(out, key, value);
}

static void put_record_time(struct buf *out, const struct catalog_app *app, struct slice time)
{
	int64_t us = 0;
	bool zoned = false;
	bool known = time.len > 2 && time_parse((struct slice){time.data + 1, time.len - 2}, &us, &zoned);
	v1_put_time(out, "time", known, v1_step_us(app, us, zoned));
}

static void put_record(struct records *records, const struct part *part, const struct line_record *record)
{
	struct buf *out = records->out;
	json_put_open(out, '{');
	json_put_member(out, "type", slice_of(type_name(part->type)));
	json_put_member_int(out, "step", part->step);
	put_record_time(out, records->app, record->time);
	put_known(out, "span_id", record->span_id);
	put_known(out, "span_name", record->span_name);
	put_known(out, "parent_span_id", record->parent_span_id);
	put_known(out, "span_dependencies", record->span_dependencies);
	put_known(out, "key", record->key);
	if (record->value.data)
		put_value(out, "value", record->value, records->cut, SLICE_LIT("/value"));
	put_known(out, "tags", record->tags);
	put_known(out, "items_streamed", record->items_streamed);
	json_put_close(out, '}');
}

static bool take_record(const struct part *part, void *ctx)
{
	struct records *records = ctx;
	struct line_record record;
	if (records->count == RECORDS_MAX || records->out->len >= RECORDS_BYTES) {
		records->left_out++;
		return true;
	}
	records->count++;
	if (source_read(records->source, part->at, part->len, (enum line_type)part->type, &record))
		put_record(records, part, &record);
	return true;
}

/* A page ends between two steps, so that none is shown in part. Which, their own counts tell: in the log,
 * records of steps that overlap come mixed. */
static bool take_counted(const struct catalog_step *found, void *ctx)
{
	struct records *records = ctx;
	/* One more: a span may end that never began. */
	int64_t count = 1 + (int64_t)found->step.part_count * RECORDS_EACH;
	if (records->count && records->count + count > records->limit) {
		records->next = found->number;
		return false;
	}
	records->count += count;
	return true;
}

static burr_status list_records(
	struct catalog_reader *reader, struct records *records, int64_t from, int64_t to, burr_error *err)
{
	burr_status status = BURR_OK;
	if (records->app->part_count)
		status = catalog_list_steps(reader, records->app->id, from, to, take_counted, records, err);
	int64_t end = records->next >= 0 ? records->next : to;
	records->count = 0;
	return status == BURR_OK
		       ? catalog_list_parts(reader, records->app->id, from, end, take_record, records, err)
		       : status;
}

void v1_list_records(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"from", "to", "limit", "cut", NULL};
	CLEAN(buf_fini) struct buf rows = BUF_INIT;
	CLEAN(source_fini) struct source source;
	struct catalog_app app;
	burr_error err = BURR_ERROR_INIT;
	int64_t from = 0;
	int64_t to = INT64_MAX;
	int64_t cut = 4096;
	struct records records = {
		.app = &app, .source = &source, .out = &rows, .limit = V1_LIMIT_MAX, .next = -1};
	source_init(&source, v1_reader(req), http_capture(req, "project"));
	if (!v1_only(req, res, names) || !read_range(req, res, &from, &to) ||
		!v1_number(req, res, "limit", 1, RECORDS_MAX, &records.limit) ||
		!v1_number(req, res, "cut", 128, INT32_MAX, &cut) || !v1_find_run(req, res, NULL, NULL, &app))
		return;
	records.cut = (size_t)cut;
	burr_status status = source_open(&source, app.app_id, &err);
	json_put_open(&rows, '[');
	if (status == BURR_OK)
		status = list_records(v1_reader(req), &records, from, to, &err);
	json_put_close(&rows, ']');
	if (status != BURR_OK) {
		v1_fail(res, status, &err);
		return;
	}
	struct buf *out = &res->body;
	v1_open(out);
	v1_put_number(out, "next", records.next >= 0, records.next);
	json_put_member_int(out, "left_out", records.left_out);
	json_put_member_raw(out, "records", buf_slice(&rows));
	json_put_close(out, '}');
	out->failed = out->failed || rows.failed;
}

/* ---- over time ---- */

static void put_buckets(struct buf *out, const struct overview *overview)
{
	json_put_key(out, SLICE_LIT("buckets"));
	json_put_open(out, '[');
	for (int64_t i = 0; i < overview->bucket_count; i++) {
		const struct bucket *bucket = &overview->buckets[i];
		json_put_open(out, '{');
		v1_put_time(out, "from", true, overview->from_us + i * overview->width_us);
		v1_put_number(out, "first_number", bucket->count > 0, bucket->first);
		json_put_member_int(out, "step_count", bucket->count);
		json_put_member_int(out, "failed_count", bucket->failed);
		json_put_member_int(out, "open_count", bucket->open);
		json_put_member_int(out, "busy_us", bucket->busy_us);
		json_put_member_int(out, "longest_us", bucket->longest_us);
		json_put_close(out, '}');
	}
	json_put_close(out, ']');
}

void v1_get_overview(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"from", "buckets", NULL};
	struct catalog_app app;
	struct overview overview = {.bucket_count = 200};
	struct overview_request request = {.app = &app, .deadline_ns = v1_deadline_ns()};
	int64_t next;
	burr_error err = BURR_ERROR_INIT;
	if (!v1_only(req, res, names) || !v1_number(req, res, "buckets", 1, 2000, &overview.bucket_count) ||
		!v1_number(req, res, "from", 0, INT64_MAX, &request.from) ||
		!v1_find_run(req, res, NULL, NULL, &app))
		return;
	CLEAN(ptr_free) struct bucket *buckets = calloc((size_t)overview.bucket_count, sizeof(*buckets));
	if (!buckets) {
		http_fail(res, 503, "no memory for an overview");
		return;
	}
	overview.buckets = buckets;
	/* A clock that was set back can have the last record before the first. */
	overview.from_us = app.first_us < app.last_us ? app.first_us : app.last_us;
	overview.width_us = llabs(app.last_us - app.first_us) / overview.bucket_count + 1;
	burr_status status = catalog_overview(v1_reader(req), &request, &overview, &next, &err);
	if (status != BURR_OK) {
		v1_fail(res, status, &err);
		return;
	}
	struct buf *out = &res->body;
	v1_open(out);
	json_put_member_bool(out, "complete", next < 0);
	v1_put_number(out, "next", next >= 0, next);
	json_put_member_int(out, "bucket_us", overview.width_us);
	put_buckets(out, &overview);
	json_put_close(out, '}');
}

/* ---- folded ---- */

enum {
	FOLD_STEPS = 16 << 10, /* looked at first; then four times as many, until there are enough groups */
	FOLD_STEPS_MAX = 4 << 20, /* a longer cycle is given in parts */
};

enum { ACTION_LEFT_OUT = -2 }; /* of a step that is not asked for; -1 is for what is to be seen */

struct folding {
	const struct catalog_app *app;
	struct buf actions; /* int64_t: the name of each step's action, in the order in which they are read */
	int64_t from, to;   /* of the steps */
	bool newest_first;  /* read, and folded, from the range's end */
	bool superseded;    /* attempts that gave way to later ones, too */
	int64_t limit, deadline_ns;
	bool over;        /* the deadline is */
	struct step last; /* of the group that is being written */
	struct source *source;
	struct buf *out;
};

static size_t count_actions(const struct folding *folding)
{
	return folding->actions.len / sizeof(int64_t);
}

static struct fold_iter iter_actions(const struct folding *folding)
{
	return fold_iter((const int64_t *)(const void *)folding->actions.data, count_actions(folding), 0);
}

static size_t group_len(const struct fold_group *group)
{
	return group->period * group->times;
}

static bool is_left_out(const struct folding *folding, const struct fold_group *group)
{
	return ((const int64_t *)(const void *)folding->actions.data)[group->from] == ACTION_LEFT_OUT;
}

/* The step to go on at when `read` of them have been, as `from` or as `to`. */
static int64_t place_behind(const struct folding *folding, size_t read)
{
	return folding->newest_first ? folding->to - (int64_t)read : folding->from + (int64_t)read;
}

static bool take_action(int64_t number, const struct step *step, void *ctx)
{
	struct folding *folding = ctx;
	bool left_out = !folding->superseded && (step->flags & STEP_SUPERSEDED);
	const int64_t action = left_out ? ACTION_LEFT_OUT : v1_fold_action(step);
	buf_append(&folding->actions, &action, sizeof(action));
	folding->over = number % BLOCK_STEPS == 0 && clock_mono_ns() >= folding->deadline_ns;
	return !folding->actions.failed && !folding->over;
}

/* Whether what comes behind the actions that were looked at may still change the group. */
static bool is_settled(const struct folding *folding, const struct fold_group *group, bool all)
{
	return all || group->from + group_len(group) + FOLD_REACH <= count_actions(folding);
}

static bool has_enough(const struct folding *folding)
{
	struct fold_iter it = iter_actions(folding);
	struct fold_group group;
	int64_t count = 0;
	while (count < folding->limit && fold_next(&it, &group) && is_settled(folding, &group, false))
		count += !is_left_out(folding, &group);
	return count == folding->limit;
}

/* So many actions that all groups asked for are among them, if there is the time. *out_all: up to the last.
 */
static burr_status take_actions(
	struct catalog_reader *reader, struct folding *folding, bool *out_all, burr_error *err)
{
	burr_status status = BURR_OK;
	int64_t total = folding->to - folding->from;
	*out_all = total <= 0;
	for (int64_t want = FOLD_STEPS; !*out_all && want <= FOLD_STEPS_MAX; want *= 4) {
		int64_t at = place_behind(folding, count_actions(folding));
		int64_t end = place_behind(folding, (size_t)(want < total ? want : total));
		struct steps_request request = {.app = folding->app->id,
			.from = folding->newest_first ? end : at,
			.end = folding->newest_first ? at : end,
			.newest_first = folding->newest_first};
		status = catalog_list_bare_steps(reader, &request, take_action, folding, err);
		if (status != BURR_OK)
			return status;
		if (folding->actions.failed)
			return burr_fail(err, BURR_ENOMEM, "no memory to fold steps");
		int64_t count = (int64_t)count_actions(folding);
		*out_all = !folding->over && (count < want || count == total);
		if (folding->over || has_enough(folding))
			break;
	}
	return BURR_OK;
}

static bool take_last(int64_t number, const struct step *step, void *ctx)
{
	struct folding *folding = ctx;
	(void)number;
	folding->last = *step;
	return true;
}

/* The first begins the group, and says so in front of its actions. */
static bool put_first(const struct catalog_step *found, void *ctx)
{
	struct folding *folding = ctx;
	const struct step *step = &found->step;
	const struct step *last = &folding->last;
	struct buf *out = folding->out;
	json_put_member_int(out, "first_sequence_id", step->seq);
	json_put_member_int(out, "last_sequence_id", last->seq);
	v1_put_time(out, "started", step->flags & STEP_HAS_START,
		v1_step_us(folding->app, step->start_us, step->flags & STEP_START_ZONED));
	v1_put_time(out, "ended", last->flags & STEP_HAS_END,
		v1_step_us(folding->app, last->end_us, last->flags & STEP_END_ZONED));
	return false;
}

static bool put_action(const struct catalog_step *found, void *ctx)
{
	struct folding *folding = ctx;
	v1_put_action(folding->out, folding->app, found, folding->source);
	return true;
}

static burr_status put_group(struct catalog_reader *reader, struct folding *folding,
	const struct fold_group *group, burr_error *err)
{
	struct buf *out = folding->out;
	int64_t len = (int64_t)group_len(group);
	int64_t at = place_behind(folding, group->from);
	int64_t from = folding->newest_first ? at - len : at;
	json_put_open(out, '{');
	json_put_member_int(out, "from", from);
	json_put_member_int(out, "to", from + len);
	json_put_member_int(out, "times", (int64_t)group->times);
	struct steps_request last = {.app = folding->app->id, .from = from + len - 1, .end = from + len};
	burr_status status = catalog_list_bare_steps(reader, &last, take_last, folding, err);
	if (status == BURR_OK)
		status =
			catalog_list_steps(reader, folding->app->id, from, from + 1, put_first, folding, err);
	json_put_key(out, SLICE_LIT("actions"));
	json_put_open(out, '[');
	if (status == BURR_OK)
		status = catalog_list_steps(reader, folding->app->id, from, from + (int64_t)group->period,
			put_action, folding, err);
	json_put_close(out, ']');
	json_put_close(out, '}');
	return status;
}

/* Groups from the first on; *out_next: the step to go on at, -1 behind the last; *out_complete: false when it
 * was the time that ended them. A first group that is not settled is given as far as it was seen. */
static burr_status put_groups(struct catalog_reader *reader, struct folding *folding, bool all,
	int64_t *out_next, bool *out_complete, burr_error *err)
{
	struct fold_iter it = iter_actions(folding);
	struct fold_group group;
	burr_status status = BURR_OK;
	int64_t count = 0;
	*out_next = -1;
	*out_complete = true;
	while (status == BURR_OK && fold_next(&it, &group)) {
		*out_complete = is_settled(folding, &group, all);
		if (is_left_out(folding, &group))
			continue;
		if (count == folding->limit || (count > 0 && !*out_complete)) {
			*out_next = place_behind(folding, group.from);
			*out_complete = *out_complete || count == folding->limit;
			return BURR_OK;
		}
		status = put_group(reader, folding, &group, err);
		count++;
	}
	if (!all)
		*out_next = place_behind(folding, count_actions(folding));
	*out_complete = all;
	return status;
}

void v1_list_folded(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"from", "to", "limit", "order", "superseded", NULL};
	CLEAN(buf_fini) struct buf rows = BUF_INIT;
	CLEAN(source_fini) struct source source;
	struct catalog_app app;
	source_init(&source, v1_reader(req), http_capture(req, "project"));
	struct folding folding = {.app = &app,
		.source = &source,
		.actions = BUF_INIT,
		.to = INT64_MAX,
		.superseded = true,
		.limit = V1_LIMIT,
		.deadline_ns = v1_deadline_ns(),
		.out = &rows};
	int64_t next = -1;
	bool all;
	bool complete = true;
	burr_error err = BURR_ERROR_INIT;
	if (!v1_only(req, res, names) || !read_range(req, res, &folding.from, &folding.to) ||
		!v1_number(req, res, "limit", 1, V1_LIMIT_MAX, &folding.limit) ||
		!read_order(req, res, &folding.newest_first) ||
		!v1_bool(req, res, "superseded", &folding.superseded) ||
		!v1_find_run(req, res, NULL, NULL, &app))
		return;
	folding.to = folding.to < app.step_count ? folding.to : app.step_count;
	struct catalog_reader *reader = v1_reader(req);
	burr_status status = take_actions(reader, &folding, &all, &err);
	json_put_open(&rows, '[');
	if (status == BURR_OK)
		status = put_groups(reader, &folding, all, &next, &complete, &err);
	json_put_close(&rows, ']');
	buf_fini(&folding.actions);
	if (status != BURR_OK) {
		v1_fail(res, status, &err);
		return;
	}
	struct buf *out = &res->body;
	v1_open(out);
	json_put_member_int(out, "step_count", app.step_count);
	json_put_member_bool(out, "complete", complete);
	v1_put_number(out, "next", next >= 0, next);
	json_put_member_raw(out, "groups", buf_slice(&rows));
	json_put_close(out, '}');
	out->failed = out->failed || rows.failed;
}
