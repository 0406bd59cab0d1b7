/* Pages of runs, one run. */
#include "api/v1_inside.h"
#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/record.h"
#include "catalog/runs.h"

#include <fcntl.h>

enum { SMALL_FILE_MAX = 64 << 20 }; /* as in store/create.c */

/* ---- runs ---- */

void v1_put_run_row(const struct catalog_app *app, void *ctx)
{
	struct buf *out = ctx;
	json_put_open(out, '{');
	v1_put_run(out, app);
	json_put_member_int(out, "child_count", app->child_count);
	json_put_close(out, '}');
}

/* "last", or "-last" for the largest first, which is what an absent one means. */
static bool read_sort(struct http_response *res, struct slice text, struct runs_request *request)
{
	request->sort = RUN_BY_LAST;
	request->ascending = false;
	if (!text.data)
		return true;
	struct slice word = text;
	request->ascending = !slice_starts(text, "-");
	if (!request->ascending)
		word = (struct slice){text.data + 1, text.len - 1};
	if (run_sort_of(word, &request->sort))
		return true;
	http_fail(res, 422,
		"sort: \"%.*s\" is none of last, first, duration, steps, failed, tokens, or one of these "
		"behind a -",
		text.len < 60 ? (int)text.len : 60, text.data);
	return false;
}

static bool read_filter(struct http_response *res, struct slice text, struct filter **out)
{
	burr_error err = BURR_ERROR_INIT;
	if (!text.data)
		return true;
	burr_status status = filter_parse(text, clock_wall_ns() / 1000, out, &err);
	if (status == BURR_EINVAL)
		http_fail(res, 422, "filter: %s", err.message);
	else if (status != BURR_OK)
		v1_fail(res, status, &err);
	return status == BURR_OK;
}

static void free_filter(struct filter **filter)
{
	filter_free(*filter);
}

static void list_runs(
	const struct http_request *req, struct http_response *res, const struct runs_request *request)
{
	CLEAN(buf_fini) struct buf rows = BUF_INIT;
	struct runs_page page = {.cursor = BUF_INIT};
	burr_error err = BURR_ERROR_INIT;
	v1_open(&res->body);
	v1_put_indexing(&res->body, req); /* before the rows are read: they have at least so many */
	json_put_open(&rows, '[');
	burr_status status = catalog_list_runs(v1_reader(req), request, v1_put_run_row, &rows, &page, &err);
	json_put_close(&rows, ']');
	if (status == BURR_OK) {
		struct buf *out = &res->body;
		v1_put_number(out, "total", page.total >= 0, page.total);
		json_put_member_bool(out, "complete", page.complete);
		json_put_member(out, "next", page.cursor.len ? buf_slice(&page.cursor) : SLICE_NONE);
		json_put_member_raw(out, "runs", buf_slice(&rows));
		json_put_close(out, '}');
		res->body.failed = res->body.failed || rows.failed;
		v1_set_tag(res);
	} else {
		v1_fail(res, status, &err);
	}
	buf_fini(&page.cursor);
}

void v1_list_runs(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"filter", "sort", "limit", "cursor", "roots", "parent", NULL};
	CLEAN(free_filter) struct filter *filter = NULL;
	struct runs_request request = {
		.project = http_capture(req, "project"),
		.parent = http_query(req, "parent"),
		.cursor = http_query(req, "cursor"),
		.limit = V1_LIMIT,
		.deadline_ns = v1_deadline_ns(),
	};
	if (!v1_only(req, res, names) || !v1_number(req, res, "limit", 1, V1_LIMIT_MAX, &request.limit) ||
		!v1_bool(req, res, "roots", &request.roots_only) ||
		!read_sort(res, http_query(req, "sort"), &request) ||
		!read_filter(res, http_query(req, "filter"), &filter))
		return;
	request.filter = filter;
	list_runs(req, res, &request);
}

/* ---- one run ---- */

static void put_use(struct slice name, int64_t count, int64_t failed_count, void *ctx)
{
	struct buf *out = ctx;
	json_put_open(out, '{');
	json_put_member(out, "name", name);
	json_put_member_int(out, "count", count);
	json_put_member_int(out, "failed_count", failed_count);
	json_put_close(out, '}');
}

static void put_edge(struct slice from, struct slice to, int64_t count, void *ctx)
{
	struct buf *out = ctx;
	json_put_open(out, '{');
	json_put_member(out, "from", from);
	json_put_member(out, "to", to);
	json_put_member_int(out, "count", count);
	json_put_close(out, '}');
}

static burr_status put_counts(struct buf *out, struct catalog_reader *reader, int64_t app, burr_error *err)
{
	json_put_key(out, SLICE_LIT("actions"));
	json_put_open(out, '[');
	burr_status status = catalog_list_uses(reader, app, USE_ACTION, put_use, out, err);
	json_put_close(out, ']');
	json_put_key(out, SLICE_LIT("attributes"));
	json_put_open(out, '[');
	if (status == BURR_OK)
		status = catalog_list_uses(reader, app, USE_ATTRIBUTE, put_use, out, err);
	json_put_close(out, ']');
	json_put_key(out, SLICE_LIT("edges"));
	json_put_open(out, '[');
	if (status == BURR_OK)
		status = catalog_list_edges(reader, app, put_edge, out, err);
	json_put_close(out, ']');
	return status;
}

/* As it stands in the file; null where there is none, or none that can be read. */
static void put_file(struct buf *out, int app_fd, const char *key, const char *name)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	struct slice object = SLICE_NONE;
	if (file_read(app_fd, name, SMALL_FILE_MAX, &text, NULL) == BURR_OK &&
		!record_read_object(buf_slice(&text), &spare, &object))
		object = SLICE_NONE;
	json_put_member_raw(out, key, object);
}

static void put_children(struct buf *out, int app_fd)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	struct slice line;
	json_put_key(out, SLICE_LIT("children"));
	json_put_open(out, '[');
	if (file_read(app_fd, "children.jsonl", SMALL_FILE_MAX, &text, NULL) == BURR_OK) {
		const char *end = text.data + text.len;
		for (const char *at = text.data; at < end;) {
			const char *newline = memchr(at, '\n', (size_t)(end - at));
			const char *stop = newline ? newline : end;
			if (record_read_object((struct slice){at, (size_t)(stop - at)}, &spare, &line))
				json_put_raw(out, line);
			at = stop + 1;
		}
	}
	json_put_close(out, ']');
}

static void put_found(const struct catalog_app *app, void *ctx)
{
	v1_put_run(ctx, app);
}

void v1_get_run(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {NULL};
	CLEAN(fd_close) int app_fd = -1;
	struct catalog_app app;
	burr_error err = BURR_ERROR_INIT;
	struct buf *out = &res->body;
	if (!v1_only(req, res, names))
		return;
	v1_open(out);
	json_put_member(out, "project", http_capture(req, "project"));
	if (!v1_find_run(req, res, put_found, out, &app))
		return;
	burr_status status = put_counts(out, v1_reader(req), app.id, &err);
	if (status == BURR_OK)
		status = store_open_app(((struct api *)req->ctx)->store, http_capture(req, "project"),
			app.app_id, &app_fd, &err);
	if (status != BURR_OK) {
		v1_fail(res, status, &err);
		return;
	}
	put_file(out, app_fd, "graph", "graph.json");
	put_file(out, app_fd, "metadata", "metadata.json");
	put_children(out, app_fd);
	json_put_close(out, '}');
}
