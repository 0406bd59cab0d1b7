/* A text in a run, and in the runs of a project or of all, newest first. */
#include "api/v1_inside.h"
#include "base/clean.h"
#include "base/clock.h"
#include "base/json.h"
#include "catalog/runs.h"
#include "catalog/search.h"

enum {
	CONTEXT_BYTES = 80,
	HITS = 50,
	HITS_OF_RUN = 3, /* where runs are searched: the run's own search has the rest */
	RUNS_FOUND = 20,
};

static void put_hit(const struct search_hit *hit, void *ctx)
{
	struct buf *out = ctx;
	json_put_open(out, '{');
	v1_put_hit(out, hit, CONTEXT_BYTES);
	json_put_close(out, '}');
}

static bool read_needle(const struct http_request *req, struct http_response *res, struct needle *out)
{
	burr_error err = BURR_ERROR_INIT;
	struct slice text = http_query(req, "q");
	if (!text.data)
		http_fail(res, 422, "q: the text to look for is missing");
	else if (needle_open(out, text, &err) != BURR_OK)
		http_fail(res, 422, "q: %s", err.message);
	else
		return true;
	return false;
}

void v1_search_run(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"q", "from", "limit", NULL};
	CLEAN(buf_fini) struct buf hits = BUF_INIT;
	struct catalog_app app;
	struct needle needle;
	burr_error err = BURR_ERROR_INIT;
	struct search_request request = {.project = http_capture(req, "project"),
		.app_id = http_capture(req, "app_id"),
		.needle = &needle,
		.limit = HITS,
		.deadline_ns = v1_deadline_ns()};
	int64_t next;
	bool complete;
	if (!v1_only(req, res, names) || !read_needle(req, res, &needle) ||
		!v1_number(req, res, "from", 0, INT64_MAX, &request.from) ||
		!v1_number(req, res, "limit", 1, V1_LIMIT_MAX, &request.limit) ||
		!v1_find_run(req, res, NULL, NULL, &app))
		return;
	json_put_open(&hits, '[');
	burr_status status =
		catalog_search_run(v1_reader(req), &request, put_hit, &hits, &next, &complete, &err);
	json_put_close(&hits, ']');
	if (status != BURR_OK) {
		v1_fail(res, status, &err);
		return;
	}
	struct buf *out = &res->body;
	v1_open(out);
	json_put_member_bool(out, "complete", complete);
	v1_put_number(out, "next", next >= 0, next);
	json_put_member_raw(out, "hits", buf_slice(&hits));
	json_put_close(out, '}');
	out->failed = out->failed || hits.failed;
}

/* ---- runs ---- */

struct found {
	struct catalog_reader *reader;
	struct search_request request;
	struct buf project, app_id; /* of the run at hand; empty: there is none */
	struct buf *out;
	int64_t count;
};

static void take_id(const struct catalog_app *app, void *ctx)
{
	struct found *found = ctx;
	buf_append_slice(&found->project, app->project);
	buf_append_slice(&found->app_id, app->app_id);
}

static burr_status search_one(struct found *found, burr_error *err)
{
	CLEAN(buf_fini) struct buf hits = BUF_INIT;
	int64_t next = -1;
	bool complete = true;
	found->request.project = buf_slice(&found->project);
	found->request.app_id = buf_slice(&found->app_id);
	json_put_open(&hits, '[');
	burr_status status =
		catalog_search_run(found->reader, &found->request, put_hit, &hits, &next, &complete, err);
	json_put_close(&hits, ']');
	if (status == BURR_ENOTFOUND) /* deleted meanwhile */
		return BURR_OK;
	if (status != BURR_OK || (hits.len == 2 && next < 0))
		return status;
	json_put_open(found->out, '{');
	json_put_member(found->out, "project", buf_slice(&found->project));
	json_put_member(found->out, "app_id", buf_slice(&found->app_id));
	json_put_member_bool(found->out, "complete", complete);
	v1_put_number(found->out, "next", next >= 0, next);
	json_put_member_raw(found->out, "hits", buf_slice(&hits));
	json_put_close(found->out, '}');
	found->out->failed = found->out->failed || hits.failed;
	found->count++;
	return BURR_OK;
}

/* Run by run, until there are enough or the time is over; the page's cursor goes on behind the last one. */
static burr_status search_runs(
	struct found *found, struct runs_request *list, struct runs_page *page, burr_error *err)
{
	CLEAN(buf_fini) struct buf cursor = BUF_INIT;
	buf_append_slice(&cursor, list->cursor.data ? list->cursor : SLICE_LIT(""));
	for (;;) {
		buf_clear(&found->project);
		buf_clear(&found->app_id);
		list->cursor = buf_slice(&cursor);
		burr_status status = catalog_list_runs(found->reader, list, take_id, found, page, err);
		if (status == BURR_OK && found->app_id.len)
			status = search_one(found, err);
		if (status != BURR_OK || !page->cursor.len || found->count == RUNS_FOUND ||
			clock_mono_ns() >= found->request.deadline_ns)
			return status;
		buf_clear(&cursor);
		buf_append_slice(&cursor, buf_slice(&page->cursor));
	}
}

/* project: SLICE_NONE for all. */
static void answer_runs(const struct http_request *req, struct slice project, struct http_response *res)
{
	static const char *const names[] = {"q", "cursor", NULL};
	CLEAN(buf_fini) struct buf rows = BUF_INIT;
	struct needle needle;
	burr_error err = BURR_ERROR_INIT;
	struct runs_page page = {.cursor = BUF_INIT};
	struct runs_request list = {.project = project,
		.cursor = http_query(req, "cursor"),
		.limit = 1,
		.deadline_ns = INT64_MAX};
	struct found found = {.reader = v1_reader(req),
		.request = {.needle = &needle, .limit = HITS_OF_RUN, .deadline_ns = v1_deadline_ns()},
		.out = &rows};
	if (!v1_only(req, res, names) || !read_needle(req, res, &needle))
		return;
	json_put_open(&rows, '[');
	burr_status status = search_runs(&found, &list, &page, &err);
	json_put_close(&rows, ']');
	if (status == BURR_OK) {
		struct buf *out = &res->body;
		v1_open(out);
		json_put_member_bool(out, "complete", !page.cursor.len);
		json_put_member(out, "next", page.cursor.len ? buf_slice(&page.cursor) : SLICE_NONE);
		json_put_member_raw(out, "runs", buf_slice(&rows));
		json_put_close(out, '}');
		out->failed = out->failed || rows.failed;
		v1_set_tag(res);
	} else {
		v1_fail(res, status, &err);
	}
	buf_fini(&page.cursor);
	buf_fini(&found.project);
	buf_fini(&found.app_id);
}

void v1_search_runs(const struct http_request *req, struct http_response *res)
{
	answer_runs(req, http_capture(req, "project"), res);
}

void v1_search_store(const struct http_request *req, struct http_response *res)
{
	answer_runs(req, SLICE_NONE, res);
}
