/* States: at a step, what changed between two, and the history of one of their values. */
#include "api/v1_inside.h"
#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/record.h"
#include "query/cut.h"
#include "query/diff.h"
#include "query/json_pointer.h"

#include <fcntl.h>

enum {
	CHANGES_MAX = 10000,
	SMALL_FILE_MAX = 64 << 20, /* as in store/create.c */
};

/* ---- a state and the one before it ---- */

/* A state, and the text it lies in. */
struct held {
	struct buf text;
	struct slice state; /* SLICE_NONE: there is none */
};

static void held_fini(struct held *held)
{
	buf_fini(&held->text);
}

static void hold(struct held *held, struct slice state)
{
	buf_clear(&held->text);
	buf_append_slice(&held->text, state);
	held->state = state.data ? buf_slice(&held->text) : SLICE_NONE;
}

static bool read_state(struct source *source, const struct step *step, struct held *out)
{
	struct line_record record;
	if (!step->end_len || !source_read(source, step->end_at, step->end_len, LINE_END_ENTRY, &record))
		return false;
	hold(out, record.state);
	return out->state.data != NULL;
}

/* Which step's state a step began with: of the newest that ended before it in the log at the number before
 * its own, else (a fork's first step, a gap) of the newest that ended. */
struct before {
	int64_t seq;
	bool found, exact;
	struct catalog_step step;
};

static bool take_before(const struct catalog_step *found, void *ctx)
{
	struct before *before = ctx;
	bool exact = found->step.seq == before->seq - 1;
	if (!found->step.end_len || (before->exact && !exact))
		return true;
	before->found = true;
	before->exact = exact;
	before->step = *found;
	return true;
}

enum { LOOK_BACK = 1024 }; /* steps; a rewound run's state may be that of one far back */

static burr_status find_before(struct catalog_reader *reader, const struct catalog_app *app,
	const struct catalog_step *step, struct before *out, burr_error *err)
{
	int64_t from = step->number > LOOK_BACK ? step->number - LOOK_BACK : 0;
	*out = (struct before){.seq = step->step.seq};
	burr_status status = catalog_list_steps(reader, app->id, from, step->number, take_before, out, err);
	if (status == BURR_OK && !out->exact && from > 0)
		status = catalog_list_steps(reader, app->id, 0, step->number, take_before, out, err);
	return status;
}

/* The newest step that ended. */
static burr_status find_last(
	struct catalog_reader *reader, const struct catalog_app *app, struct before *out, burr_error *err)
{
	burr_status status = BURR_OK;
	int64_t from = app->step_count;
	*out = (struct before){.seq = INT64_MIN + 1}; /* of no number in particular */
	while (status == BURR_OK && !out->found && from > 0) {
		const int64_t end = from;
		from = end > LOOK_BACK ? end - LOOK_BACK : 0;
		status = catalog_list_steps(reader, app->id, from, end, take_before, out, err);
	}
	return status;
}

/* What metadata.json has of the state before the first step. */
static void read_initial(
	const struct http_request *req, struct slice project, struct slice app_id, struct held *out)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	CLEAN(fd_close) int app_fd = -1;
	struct slice object;
	const struct store *store = ((struct api *)req->ctx)->store;
	if (store_open_app(store, project, app_id, &app_fd, NULL) == BURR_OK &&
		file_read(app_fd, "metadata.json", SMALL_FILE_MAX, &text, NULL) == BURR_OK &&
		record_read_object(buf_slice(&text), &spare, &object))
		hold(out, json_find(object, "initial_state"));
}

/* Grammar alone: whether there is such a value is another question. */
static bool is_pointer(struct http_response *res, struct slice pointer)
{
	struct slice ignored;
	burr_error err = BURR_ERROR_INIT;
	if (json_pointer_find(SLICE_LIT("{}"), pointer, &ignored, &err) != BURR_EINVAL)
		return true;
	http_fail(res, 422, "pointer: %s", err.message);
	return false;
}

/* ---- at a step ---- */

void v1_get_state(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"pointer", "cut", NULL};
	CLEAN(source_fini) struct source source;
	CLEAN(held_fini) struct held held = {.text = BUF_INIT};
	struct catalog_app app;
	struct catalog_step step;
	struct slice value;
	struct slice pointer = http_query(req, "pointer");
	int64_t number = 0;
	int64_t cut = 0;
	burr_error err = BURR_ERROR_INIT;
	source_init(&source, v1_reader(req), http_capture(req, "project"));
	if (!v1_only(req, res, names) ||
		!api_number(res, "number", http_capture(req, "number"), 0, INT64_MAX, &number) ||
		!v1_number(req, res, "cut", 128, INT32_MAX, &cut) || !is_pointer(res, pointer) ||
		!v1_find_run(req, res, NULL, NULL, &app) || !v1_find_step(req, res, &app, number, &step))
		return;
	burr_status status = source_open(&source, app.app_id, &err);
	if (status == BURR_OK && !read_state(&source, &step.step, &held))
		status = burr_fail(&err, BURR_ENOTFOUND, "step number %lld has no state: it has not ended",
			(long long)number);
	if (status == BURR_OK)
		status = json_pointer_find(held.state, pointer, &value, &err);
	if (status != BURR_OK) {
		v1_fail(res, status, &err);
		return;
	}
	/* The value itself is the answer, so that it can be saved as it is. */
	if (cut)
		json_put_cut(&res->body, value, (size_t)cut, pointer);
	else
		buf_append_slice(&res->body, value);
}

/* ---- between two ---- */

struct changes {
	struct buf *out;
	size_t cut;
};

static burr_status put_change(const struct diff_change *change, void *ctx)
{
	static const char *const kinds[] = {
		[DIFF_ADDED] = "added", [DIFF_CHANGED] = "changed", [DIFF_REMOVED] = "removed"};
	const struct changes *changes = ctx;
	struct buf *out = changes->out;
	json_put_open(out, '{');
	json_put_member(out, "kind", slice_of(kinds[change->kind]));
	json_put_member(out, "path", diff_path(change));
	if (change->before.data) {
		json_put_key(out, SLICE_LIT("before"));
		json_put_cut(out, change->before, changes->cut, change->path_before);
	}
	if (change->after.data) {
		json_put_key(out, SLICE_LIT("after"));
		json_put_cut(out, change->after, changes->cut, change->path_after);
	}
	json_put_close(out, '}');
	return BURR_OK;
}

/* Of a step of `app`, and of one of `from_app`, which may be another run. */
struct difference {
	struct catalog_app app;
	struct catalog_step to;
	struct slice from_project;
	struct catalog_app from_app;
	bool is_of_two;
	int64_t from; /* number; -1: what `to` began with, or the newest of another run */
	struct held before, after;
};

static void difference_fini(struct difference *difference)
{
	held_fini(&difference->before);
	held_fini(&difference->after);
}

/* The state after a step of a run. False: the answer is made. */
static bool load_state(const struct http_request *req, struct http_response *res, struct slice project,
	const struct catalog_app *app, int64_t number, struct catalog_step *out_step, struct held *out)
{
	CLEAN(source_fini) struct source source;
	burr_error err = BURR_ERROR_INIT;
	source_init(&source, v1_reader(req), project);
	if (!v1_find_step(req, res, app, number, out_step))
		return false;
	burr_status status = source_open(&source, app->app_id, &err);
	if (status == BURR_OK && !read_state(&source, &out_step->step, out))
		status = burr_fail(&err, BURR_ENOTFOUND, "step number %lld has no state", (long long)number);
	if (status != BURR_OK)
		v1_fail(res, status, &err);
	return status == BURR_OK;
}

/* The state to compare with where no step was named. False: the answer is made. */
static bool load_before(
	const struct http_request *req, struct http_response *res, struct difference *difference)
{
	CLEAN(source_fini) struct source source;
	burr_error err = BURR_ERROR_INIT;
	struct before before;
	struct catalog_reader *reader = v1_reader(req);
	const struct catalog_app *app = &difference->from_app;
	source_init(&source, reader, difference->from_project);
	burr_status status = difference->is_of_two ? find_last(reader, app, &before, &err)
						   : find_before(reader, app, &difference->to, &before, &err);
	if (status == BURR_OK)
		status = source_open(&source, app->app_id, &err);
	if (status != BURR_OK) {
		v1_fail(res, status, &err);
		return false;
	}
	if (before.found && read_state(&source, &before.step.step, &difference->before))
		difference->from = before.step.number;
	else
		read_initial(req, difference->from_project, app->app_id, &difference->before);
	return true;
}

static void put_difference(
	struct http_response *res, const struct difference *difference, size_t max, size_t cut)
{
	CLEAN(buf_fini) struct buf rows = BUF_INIT;
	struct changes changes = {&rows, cut};
	struct diff_options options = {.max_changes = max, .ignore_private = true};
	struct diff_result result;
	burr_error err = BURR_ERROR_INIT;
	json_put_open(&rows, '[');
	burr_status status = diff_json(
		difference->before.state, difference->after.state, &options, put_change, &changes, &result);
	json_put_close(&rows, ']');
	if (status != BURR_OK) {
		burr_fail(&err, status, "the states cannot be compared");
		api_fail(res, status, &err);
		return;
	}
	struct buf *out = &res->body;
	v1_open(out);
	v1_put_number(out, "from", difference->from >= 0, difference->from);
	json_put_member_int(out, "to", difference->to.number);
	json_put_member_bool(out, "before_known", difference->before.state.data != NULL);
	json_put_member_int(out, "added", (int64_t)result.added);
	json_put_member_int(out, "changed", (int64_t)result.changed);
	json_put_member_int(out, "removed", (int64_t)result.removed);
	json_put_member_bool(out, "complete", !result.truncated);
	json_put_member_raw(out, "changes", buf_slice(&rows));
	json_put_close(out, '}');
	out->failed = out->failed || rows.failed;
}

/* False: the answer is made. */
static bool find_runs(
	const struct http_request *req, struct http_response *res, struct difference *difference)
{
	struct slice project = http_capture(req, "project");
	struct slice from_project = http_query(req, "from_project");
	struct slice from_app_id = http_query(req, "from_app_id");
	difference->is_of_two = from_project.data || from_app_id.data;
	difference->from_project = from_project.data ? from_project : project;
	if (!difference->is_of_two) {
		bool found = v1_find_run(req, res, NULL, NULL, &difference->app);
		difference->from_app = difference->app;
		return found;
	}
	struct slice app_id = http_capture(req, "app_id");
	return v1_find_other_run(req, res, project, app_id, &difference->app) &&
	       v1_find_other_run(req, res, difference->from_project, from_app_id.data ? from_app_id : app_id,
		       &difference->from_app);
}

void v1_get_difference(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {
		"from", "to", "from_app_id", "from_project", "limit", "cut", NULL};
	CLEAN(difference_fini) struct difference difference = {.from = -1};
	struct catalog_step from;
	int64_t to = -1;
	int64_t limit = V1_LIMIT_MAX;
	int64_t cut = 4096;
	if (!v1_only(req, res, names) || !v1_number(req, res, "from", 0, INT64_MAX, &difference.from) ||
		!v1_number(req, res, "to", 0, INT64_MAX, &to) ||
		!v1_number(req, res, "limit", 1, CHANGES_MAX, &limit) ||
		!v1_number(req, res, "cut", 128, INT32_MAX, &cut))
		return;
	if (to < 0) {
		http_fail(res, 422, "to: the number of a step is missing");
		return;
	}
	if (!find_runs(req, res, &difference) ||
		!load_state(req, res, http_capture(req, "project"), &difference.app, to, &difference.to,
			&difference.after))
		return;
	if (difference.from < 0 ? !load_before(req, res, &difference)
				: !load_state(req, res, difference.from_project, &difference.from_app,
					  difference.from, &from, &difference.before))
		return;
	put_difference(res, &difference, (size_t)limit, (size_t)cut);
	if (difference.is_of_two)
		v1_set_tag(res);
}

/* ---- the history of one value ---- */

struct history {
	const struct catalog_app *app;
	struct source *source;
	struct slice pointer;
	struct buf key; /* the top-level key, by which steps that did not change it are passed over */
	struct buf last;
	bool has_last, has_any;
	int64_t samples; /* 0: every step is looked at */
	int64_t limit, count, next, deadline_ns;
	bool complete;
	struct buf *out;
	burr_status status;
};

static bool may_have_changed(const struct history *history, const struct catalog_step *found)
{
	struct slice element;
	struct json_iter it = json_iter(found->keys);
	/* Between two samples, others may have. */
	if (history->samples || !history->has_any || !found->keys.data || !history->key.len)
		return true;
	while (json_next_element(&it, &element))
		if (json_text_is(element, buf_slice(&history->key)))
			return true;
	return false;
}

static void put_moment(
	struct history *history, const struct catalog_step *found, struct slice action, struct slice value)
{
	struct buf *out = history->out;
	const struct step *step = &found->step;
	json_put_open(out, '{');
	json_put_member_int(out, "number", found->number);
	json_put_member_int(out, "sequence_id", step->seq);
	json_put_key(out, SLICE_LIT("action"));
	v1_put_action_of(out, found, action);
	v1_put_time(out, "ended", step->flags & STEP_HAS_END,
		v1_step_us(history->app, step->end_us, step->flags & STEP_END_ZONED));
	json_put_member_bool(out, "present", value.data != NULL);
	json_put_key(out, SLICE_LIT("value"));
	if (value.data)
		json_put_cut(out, value, 1024, history->pointer);
	else
		json_put_null(out);
	json_put_close(out, '}');
	history->count++;
}

static bool take_value(
	struct history *history, const struct catalog_step *found, const struct line_record *record)
{
	struct slice value = SLICE_NONE;
	burr_status status = json_pointer_find(record->state, history->pointer, &value, NULL);
	if (status != BURR_OK && status != BURR_ENOTFOUND) {
		history->status = status;
		return false;
	}
	bool present = status == BURR_OK;
	bool same = history->has_any && present == history->has_last &&
		    (!present || slice_eq(value, buf_slice(&history->last)));
	if (same)
		return true;
	if (history->count == history->limit) {
		history->next = found->number;
		return false;
	}
	history->has_any = true;
	history->has_last = present;
	buf_clear(&history->last);
	buf_append_slice(&history->last, present ? value : SLICE_LIT(""));
	put_moment(history, found, record->action, present ? value : SLICE_NONE);
	return true;
}

static bool take_moment(const struct catalog_step *found, void *ctx)
{
	struct history *history = ctx;
	struct line_record record;
	history->complete = clock_mono_ns() < history->deadline_ns;
	if (!history->complete) {
		history->next = found->number;
		return false;
	}
	if (!found->step.end_len || !may_have_changed(history, found) ||
		!source_read(
			history->source, found->step.end_at, found->step.end_len, LINE_END_ENTRY, &record) ||
		!record.state.data)
		return true;
	return take_value(history, found, &record);
}

static bool first_part(struct slice pointer, struct buf *out)
{
	if (!pointer.len)
		return true;
	for (size_t i = 1; i < pointer.len && pointer.data[i] != '/'; i++) {
		bool escaped = pointer.data[i] == '~' && i + 1 < pointer.len;
		char c = escaped ? (pointer.data[++i] == '1' ? '/' : '~') : pointer.data[i];
		buf_append_char(out, c);
	}
	return !out->failed;
}

/* Looks at `samples` of the steps, the first and the last among them. A picture of a million values needs no
 * more, and who reads a million states does not answer soon. */
static burr_status take_samples(
	struct catalog_reader *reader, struct history *history, int64_t from, int64_t to, burr_error *err)
{
	burr_status status = BURR_OK;
	int64_t last = to - 1 - from;
	for (int64_t i = 0; status == BURR_OK && history->next < 0 && i < history->samples; i++) {
		int64_t number = from + (int64_t)((double)last * (double)i / (double)(history->samples - 1));
		status = catalog_list_steps(
			reader, history->app->id, number, number + 1, take_moment, history, err);
	}
	return status;
}

static burr_status take_moments(
	struct catalog_reader *reader, struct history *history, int64_t from, int64_t to, burr_error *err)
{
	int64_t end = to < history->app->step_count ? to : history->app->step_count;
	if (history->samples && from < end && end - from > history->samples)
		return take_samples(reader, history, from, end, err);
	history->samples = 0;
	return catalog_list_steps(reader, history->app->id, from, to, take_moment, history, err);
}

void v1_get_history(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"pointer", "from", "to", "limit", "samples", NULL};
	CLEAN(source_fini) struct source source;
	CLEAN(buf_fini) struct buf rows = BUF_INIT;
	struct catalog_app app;
	int64_t from = 0;
	int64_t to = INT64_MAX;
	burr_error err = BURR_ERROR_INIT;
	struct history history = {.app = &app,
		.source = &source,
		.pointer = http_query(req, "pointer"),
		.limit = V1_LIMIT_MAX,
		.next = -1,
		.complete = true,
		.out = &rows};
	source_init(&source, v1_reader(req), http_capture(req, "project"));
	if (!v1_only(req, res, names) || !v1_number(req, res, "from", 0, INT64_MAX, &from) ||
		!v1_number(req, res, "to", 0, INT64_MAX, &to) ||
		!v1_number(req, res, "limit", 1, V1_LIMIT_MAX, &history.limit) ||
		!v1_number(req, res, "samples", 2, V1_LIMIT_MAX, &history.samples))
		return;
	if (!history.pointer.data) {
		http_fail(res, 422, "pointer: it is missing");
		return;
	}
	if (!is_pointer(res, history.pointer) || !v1_find_run(req, res, NULL, NULL, &app))
		return;
	history.deadline_ns = v1_deadline_ns();
	burr_status status = first_part(history.pointer, &history.key)
				     ? source_open(&source, app.app_id, &err)
				     : burr_fail(&err, BURR_ENOMEM, "no memory");
	json_put_open(&rows, '[');
	if (status == BURR_OK)
		status = take_moments(v1_reader(req), &history, from, to, &err);
	json_put_close(&rows, ']');
	buf_fini(&history.key);
	buf_fini(&history.last);
	if (status == BURR_OK && history.status != BURR_OK)
		status = burr_fail(&err, history.status, "no memory for a history");
	if (status != BURR_OK) {
		v1_fail(res, status, &err);
		return;
	}
	struct buf *out = &res->body;
	v1_open(out);
	json_put_member_bool(out, "complete", history.complete);
	v1_put_number(out, "next", history.next >= 0, history.next);
	json_put_member_raw(out, "values", buf_slice(&rows));
	json_put_close(out, '}');
	out->failed = out->failed || rows.failed;
}
