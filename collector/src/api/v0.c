#include "api/inside.h"
#include "base/error.h"
#include "base/json.h"
#include "store/names.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	LIST_LIMIT = 100,       /* Burr's default */
	LIST_LIMIT_MAX = 10000, /* a larger one is cut to it, and has_another_page says so */
	TAKEN_IN_MS = 100,      /* how long an answer waits for what was taken in to be indexed */
};

void api_fail(struct http_response *res, burr_status status, const burr_error *err)
{
	if (status == BURR_ECORRUPT)
		http_fail(res, 503, "the catalog is being made anew, ask again");
	else if (status == BURR_ELATER || status == BURR_ENOMEM || status == BURR_ETIMEOUT)
		http_fail(res, 503, "%s", err->message);
	else if (status == BURR_EPERM)
		http_fail(res, 403, "%s", err->message);
	else if (status == BURR_ETOOBIG)
		http_fail(res, 413, "%s", err->message);
	else
		http_fail(res, 500, "%s", err->message);
}

bool api_number(struct http_response *res, const char *name, struct slice text, int64_t low, int64_t high,
	int64_t *out)
{
	int64_t number;
	struct slice digits = text;
	if (digits.len > 1 && digits.data[0] == '+') { /* as Python reads it */
		digits.data++;
		digits.len--;
	}
	if (digits.len > 20 || !json_to_int(digits, &number)) {
		http_fail(res, 422, "%s: \"%.*s\" is no whole number", name,
			(int)(text.len < 60 ? text.len : 60), text.data ? text.data : "");
		return false;
	}
	if (number < low || number > high) {
		http_fail(res, 422, "%s: %lld is not between %lld and %lld", name, (long long)number,
			(long long)low, (long long)high);
		return false;
	}
	*out = number;
	return true;
}

burr_status api_open_project(const struct api *api, struct slice project, int *out_fd, burr_error *err)
{
	burr_status status = catalog_check_store(api->catalog, err);
	return status == BURR_OK ? store_open_project(api->store, project, out_fd, err) : status;
}

burr_status api_open_app(
	const struct api *api, struct slice project, struct slice app_id, int *out_fd, burr_error *err)
{
	burr_status status = catalog_check_store(api->catalog, err);
	return status == BURR_OK ? store_open_app(api->store, project, app_id, out_fd, err) : status;
}

/* ---- small answers ---- */

static void ignore_app(const struct catalog_app *app, void *ctx)
{
	(void)app, (void)ctx;
}

/* Indexed once, and the index answers now: asked for a run that no store has, it says so. */
static void get_ready(const struct http_request *req, struct http_response *res)
{
	struct api *api = req->ctx;
	burr_error err = BURR_ERROR_INIT;
	res->cache_control = "no-store";
	if (!atomic_load(&api->ready)) {
		http_fail(res, 503, "burr is not ready yet");
		return;
	}
	burr_status status = catalog_find_app(
		api->readers[req->worker], SLICE_LIT("-"), SLICE_LIT("-"), ignore_app, NULL, &err);
	if (status == BURR_OK || status == BURR_ENOTFOUND)
		buf_append_str(&res->body, "{\"ready\":true}");
	else
		http_fail(res, 503, "the index does not answer: %s", err.message);
}

static void get_true(const struct http_request *req, struct http_response *res)
{
	(void)req;
	buf_append_str(&res->body, "true");
}

static void get_version(const struct http_request *req, struct http_response *res)
{
	(void)req;
	json_put_open(&res->body, '{');
	json_put_member(&res->body, "version", slice_of(burr_version()));
	json_put_close(&res->body, '}');
}

/* "supports_demos" would make Burr's UI show demo pages that do not exist here. */
static void get_app_spec(const struct http_request *req, struct http_response *res)
{
	(void)req;
	buf_append_str(&res->body, "{\"indexing\":false,\"snapshotting\":false,\"supports_demos\":false,"
				   "\"supports_annotations\":true}");
}

static void get_indexing_jobs(const struct http_request *req, struct http_response *res)
{
	(void)req;
	http_fail(res, 404, "there are no indexing jobs: this server has no indexing backend");
}

/* ---- lists ---- */

static void put_project(const struct catalog_project *project, void *ctx)
{
	struct buf *out = ctx;
	json_put_open(out, '{');
	json_put_member(out, "name", project->name);
	json_put_member(out, "id", project->name);
	json_put_member(out, "last_written", project->last_written);
	json_put_member(out, "created", project->created);
	json_put_member_int(out, "num_apps", project->app_count);
	json_put_member(out, "uri", SLICE_LIT(""));
	json_put_close(out, '}');
}

static void get_projects(const struct http_request *req, struct http_response *res)
{
	struct api *api = req->ctx;
	burr_error err = BURR_ERROR_INIT;
	json_put_open(&res->body, '[');
	burr_status status = catalog_list_projects(api->readers[req->worker], put_project, &res->body, &err);
	json_put_close(&res->body, ']');
	if (status != BURR_OK)
		api_fail(res, status, &err);
}

static void put_app(const struct catalog_app *app, void *ctx)
{
	struct buf *out = ctx;
	json_put_open(out, '{');
	json_put_member(out, "app_id", app->app_id);
	json_put_member(out, "partition_key", app->partition_key);
	json_put_member(out, "first_written", app->first_text);
	json_put_member(out, "last_written", app->last_text);
	json_put_member_int(out, "num_steps", app->num_steps);
	json_put_member_raw(out, "tags", SLICE_LIT("{}"));
	json_put_member_raw(out, "parent_pointer", app->parent);
	json_put_member_raw(out, "spawning_parent_pointer", app->spawning_parent);
	json_put_close(out, '}');
}

static void get_apps(const struct http_request *req, struct http_response *res)
{
	struct api *api = req->ctx;
	struct slice project = http_capture(req, "project");
	struct slice partition_key = http_capture(req, "partition_key");
	struct slice limit_text = http_query(req, "limit");
	struct slice offset_text = http_query(req, "offset");
	int64_t limit = LIST_LIMIT;
	int64_t offset = 0;
	int64_t total = 0;
	if (limit_text.data && !api_number(res, "limit", limit_text, 0, INT64_MAX, &limit))
		return;
	if (offset_text.data && !api_number(res, "offset", offset_text, 0, INT64_MAX, &offset))
		return;
	limit = limit < LIST_LIMIT_MAX ? limit : LIST_LIMIT_MAX;
	if (slice_is(partition_key, NO_PARTITION))
		partition_key = SLICE_NONE;
	burr_error err = BURR_ERROR_INIT;
	struct buf *out = &res->body;
	json_put_open(out, '{');
	json_put_key(out, SLICE_LIT("applications"));
	json_put_open(out, '[');
	burr_status status = catalog_list_apps(
		api->readers[req->worker], project, partition_key, limit, offset, &total, put_app, out, &err);
	json_put_close(out, ']');
	json_put_member_int(out, "total", total);
	json_put_member_bool(out, "has_another_page", offset < total && limit < total - offset);
	json_put_close(out, '}');
	if (status != BURR_OK)
		api_fail(res, status, &err);
}

/* ---- the table ---- */

#define APP "/api/v0/{project}/{app_id}/{partition_key}"

const struct http_route *api_v0_routes(size_t *out_count)
{
	static const struct http_route routes[] = {
		{"GET", "/ready", get_ready},
		{"GET", "/api/v0/ready", get_true},
		{"GET", "/api/v0/version", get_version},
		{"GET", "/api/v0/metadata/app_spec", get_app_spec},
		{"GET", "/api/v0/indexing_jobs", get_indexing_jobs},
		{"GET", "/api/v0/projects", get_projects},
		{"GET", "/api/v0/{project}/{partition_key}/apps", get_apps},
		{"GET", APP "/apps", api_get_run},
		{"POST", APP "/{sequence_id}/annotations", api_create_annotation},
		{"PUT", "/api/v0/{project}/{annotation_id}/update_annotations", api_update_annotation},
		{"GET", "/api/v0/{project}/annotations", api_list_annotations},
	};
	*out_count = sizeof(routes) / sizeof(*routes);
	return routes;
}

/* ---- open and close ---- */

void api_set_take_in(struct api *api, api_take_in_fn *take_in, void *ctx)
{
	api->take_in_ctx = ctx;
	atomic_store(&api->take_in, take_in);
}

void api_take_in(const struct http_request *req)
{
	struct api *api = req->ctx;
	struct catalog_stats stats;
	api_take_in_fn *take_in = atomic_load(&api->take_in);
	if (!take_in || !take_in(api->take_in_ctx, http_capture(req, "project"), http_capture(req, "app_id")))
		return;
	for (int waited_ms = 0; waited_ms < TAKEN_IN_MS; waited_ms++) {
		catalog_get_stats(api->catalog, &stats);
		if (!stats.waiting)
			return;
		usleep(1000); /* it tells of topics, not of having caught up */
	}
}

burr_status api_open(const struct api_options *options, struct api **out, burr_error *err)
{
	struct api *api = calloc(1, sizeof(*api));
	if (!api)
		return burr_fail(err, BURR_ENOMEM, "no memory for the API");
	api->store = options->store;
	api->catalog = options->catalog;
	pthread_mutex_init(&api->annotations, NULL);
	api->readers = calloc(options->worker_count ? options->worker_count : 1, sizeof(*api->readers));
	burr_status status = api->readers ? BURR_OK : burr_fail(err, BURR_ENOMEM, "no memory for the API");
	while (status == BURR_OK && api->reader_count < options->worker_count) {
		status = catalog_reader_open(api->catalog, &api->readers[api->reader_count], err);
		api->reader_count += status == BURR_OK;
	}
	if (status != BURR_OK) {
		api_close(api);
		return status;
	}
	*out = api;
	return BURR_OK;
}

void api_close(struct api *api)
{
	if (!api)
		return;
	for (unsigned i = 0; i < api->reader_count; i++)
		catalog_reader_close(api->readers[i]);
	free(api->readers);
	pthread_mutex_destroy(&api->annotations);
	free(api);
}

void api_set_ready(struct api *api)
{
	atomic_store(&api->ready, true);
}
