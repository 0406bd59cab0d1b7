#include "api/v1.h"

#include "api/v1_inside.h"
#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/facts.h"
#include "catalog/table.h"
#include "http/respond.h"

#include <inttypes.h>
#include <stdio.h>

enum { V1_FORM = 1 }; /* raise it when the answer for the same files changes */

static const int64_t PATIENCE_NS = 200000000;

int64_t v1_deadline_ns(void)
{
	return clock_mono_ns() + PATIENCE_NS;
}

/* ---- writing ---- */

void v1_open(struct buf *out)
{
	json_put_open(out, '{');
	v1_put_time(out, "now", true, clock_wall_ns() / 1000);
}

void v1_put_indexing(struct buf *out, const struct http_request *req)
{
	size_t done;
	size_t total;
	json_put_key(out, SLICE_LIT("indexing"));
	if (!catalog_is_indexing(((struct api *)req->ctx)->catalog, &done, &total)) {
		json_put_null(out);
		return;
	}
	json_put_open(out, '{');
	json_put_member_int(out, "done", (int64_t)done);
	json_put_member_int(out, "total", (int64_t)total);
	json_put_close(out, '}');
}

void v1_set_tag(struct http_response *res)
{
	char tag[32];
	const char *comma = res->body.len ? memchr(res->body.data, ',', res->body.len) : NULL;
	if (res->body.failed || res->status != 200 || !comma)
		return;
	size_t len = res->body.len - (size_t)(comma - res->body.data);
	snprintf(tag, sizeof(tag), "%016" PRIx64, bytes_hash(comma, len, V1_FORM));
	http_set_etag(res, slice_of(tag));
}

/* ---- parameters ---- */

bool v1_number(const struct http_request *req, struct http_response *res, const char *name, int64_t low,
	int64_t high, int64_t *out)
{
	struct slice text = http_query(req, name);
	return !text.data || api_number(res, name, text, low, high, out);
}

bool v1_bool(const struct http_request *req, struct http_response *res, const char *name, bool *out)
{
	struct slice text = http_query(req, name);
	if (!text.data)
		return true;
	*out = slice_is(text, "true") || slice_is(text, "1");
	if (*out || slice_is(text, "false") || slice_is(text, "0"))
		return true;
	http_fail(res, 422, "%s: \"%.*s\" is neither true nor false", name,
		text.len < 60 ? (int)text.len : 60, text.data);
	return false;
}

static bool is_one_of(struct slice name, const char *const *names)
{
	for (; *names; names++)
		if (slice_is(name, *names))
			return true;
	return false;
}

static bool came_before(const struct http_request *req, size_t index, struct slice name)
{
	while (index-- > 0)
		if (slice_eq(http_query_name(req, index), name))
			return true;
	return false;
}

bool v1_only(const struct http_request *req, struct http_response *res, const char *const *names)
{
	struct slice name;
	for (size_t i = 0; (name = http_query_name(req, i)).data; i++) {
		bool known = is_one_of(name, names);
		if (known && !came_before(req, i, name))
			continue;
		http_fail(res, 422,
			known ? "%.*s: it is given twice" : "%.*s: there is no such parameter here",
			name.len < 60 ? (int)name.len : 60, name.data);
		return false;
	}
	return true;
}

/* ---- runs and steps by their names ---- */

void v1_fail(struct http_response *res, burr_status status, const burr_error *err)
{
	if (status == BURR_EINVAL)
		http_fail(res, 422, "%s", err->message);
	else if (status == BURR_ENOTFOUND)
		http_fail(res, 404, "%s", err->message);
	else
		api_fail(res, status, err);
}

struct finding {
	catalog_app_fn *put;
	void *ctx;
	struct catalog_app *out;
};

static void take_run(const struct catalog_app *app, void *ctx)
{
	struct finding *finding = ctx;
	*finding->out = *app;
	if (finding->put)
		finding->put(app, finding->ctx);
	/* The texts are the row's. */
	finding->out->app_id = finding->out->partition_key = finding->out->parent = SLICE_NONE;
	finding->out->spawning_parent = finding->out->last_action = finding->out->last_error = SLICE_NONE;
	finding->out->first_text = finding->out->last_text = finding->out->parent_app = SLICE_NONE;
}

/* The answer changes when the run's files or what is known of them do, and not with the time in it: who has
 * it is told so. */
static bool has_answer(
	const struct http_request *req, struct http_response *res, const struct catalog_app *app)
{
	CLEAN(fd_close) int app_fd = -1;
	struct facts facts = {.has_log = false};
	char tag[64];
	const struct store *store = ((struct api *)req->ctx)->store;
	if (store_open_app(store, http_capture(req, "project"), app->app_id, &app_fd, NULL) == BURR_OK)
		facts_read(app_fd, ".", &facts);
	const uint64_t parts[] = {(uint64_t)app->id, (uint64_t)app->log_ino, (uint64_t)app->log_len,
		(uint64_t)app->log_check, (uint64_t)app->side_mark, (uint64_t)app->zone_offset_s,
		(uint64_t)app->last_us, app->status, facts.log_mark, facts.side_mark, facts.children_mark,
		bytes_hash(BURR_VERSION, sizeof(BURR_VERSION) - 1, 4)};
	snprintf(tag, sizeof(tag), "%016" PRIx64 "-%d", bytes_hash(parts, sizeof(parts), 5), V1_FORM);
	http_set_etag(res, slice_of(tag));
	respond_revalidate(res, http_header(req, "if-none-match"));
	return res->status == 304;
}

/* In the store and not in the catalog, as while a large store is indexed: it is next, so who asks again soon
 * has it. */
static burr_status find_later(struct api *api, struct slice project, struct slice app_id, burr_error *err)
{
	CLEAN(fd_close) int app_fd = -1;
	if (store_open_app(api->store, project, app_id, &app_fd, NULL) != BURR_OK)
		return BURR_ENOTFOUND;
	catalog_note(api->catalog, project, app_id);
	return burr_fail(
		err, BURR_ELATER, "application %.*s is not indexed yet, ask again", SLICE_ARG(app_id));
}

static burr_status find_run(const struct http_request *req, struct slice project, struct slice app_id,
	struct finding *finding, burr_error *err)
{
	api_take_in(req);
	burr_status status = catalog_find_app(v1_reader(req), project, app_id, take_run, finding, err);
	if (status == BURR_ENOTFOUND)
		status = find_later(req->ctx, project, app_id, err);
	finding->out->app_id = app_id; /* which lives as long as the request */
	return status;
}

bool v1_find_run(const struct http_request *req, struct http_response *res, catalog_app_fn *put, void *ctx,
	struct catalog_app *out)
{
	burr_error err = BURR_ERROR_INIT;
	struct finding finding = {put, ctx, out};
	burr_status status =
		find_run(req, http_capture(req, "project"), http_capture(req, "app_id"), &finding, &err);
	if (status != BURR_OK)
		v1_fail(res, status, &err);
	return status == BURR_OK && !has_answer(req, res, out);
}

bool v1_find_other_run(const struct http_request *req, struct http_response *res, struct slice project,
	struct slice app_id, struct catalog_app *out)
{
	burr_error err = BURR_ERROR_INIT;
	struct finding finding = {.out = out};
	burr_status status = find_run(req, project, app_id, &finding, &err);
	if (status != BURR_OK)
		v1_fail(res, status, &err);
	return status == BURR_OK;
}

static bool take_step(const struct catalog_step *step, void *ctx)
{
	*(struct catalog_step *)ctx = *step;
	return false;
}

bool v1_find_step(const struct http_request *req, struct http_response *res, const struct catalog_app *app,
	int64_t number, struct catalog_step *out)
{
	burr_error err = BURR_ERROR_INIT;
	int64_t end = number < INT64_MAX ? number + 1 : number;
	out->number = -1;
	burr_status status = catalog_list_steps(v1_reader(req), app->id, number, end, take_step, out, &err);
	if (status != BURR_OK)
		v1_fail(res, status, &err);
	else if (out->number < 0)
		http_fail(res, 404, "application %.*s has no step number %lld: it has %lld",
			SLICE_ARG(app->app_id), (long long)number, (long long)app->step_count);
	return status == BURR_OK && out->number >= 0;
}

/* ---- what is written of all this ---- */

extern const struct http_asset api_openapi_assets[]; /* openapi.json alone, by embed.c */

static void get_document(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {NULL};
	if (v1_only(req, res, names))
		assets_answer_file(
			api_openapi_assets, respond_accepts_gzip(http_header(req, "accept-encoding")), res);
}

/* ---- the table ---- */

#define RUNS "/api/v1/projects/{project}/runs"
#define RUN RUNS "/{app_id}"

const struct http_route *api_v1_routes(size_t *out_count)
{
	static const struct http_route routes[] = {
		{"GET", "/api/openapi.json", get_document},
		{"GET", "/api/v1/projects", v1_list_projects},
		{"GET", "/api/v1/activity", v1_list_activity},
		{"GET", "/api/v1/projects/{project}/names", v1_list_names},
		{"GET", RUNS, v1_list_runs},
		{"GET", RUN, v1_get_run},
		{"GET", RUN "/steps", v1_list_steps},
		{"GET", RUN "/steps/{number}", v1_get_step},
		{"GET", RUN "/steps/{number}/state", v1_get_state},
		{"GET", RUN "/superseded", v1_list_superseded},
		{"GET", RUN "/folded", v1_list_folded},
		{"GET", RUN "/records", v1_list_records},
		{"GET", RUN "/overview", v1_get_overview},
		{"GET", RUN "/difference", v1_get_difference},
		{"GET", RUN "/history", v1_get_history},
		{"GET", RUN "/damage", v1_list_damage},
		{"GET", RUN "/search", v1_search_run},
		{"GET", "/api/v1/projects/{project}/search", v1_search_runs},
		{"GET", "/api/v1/search", v1_search_store},
	};
	*out_count = sizeof(routes) / sizeof(*routes);
	return routes;
}
