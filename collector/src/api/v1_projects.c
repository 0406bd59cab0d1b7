/* Projects: which there are, when they were active, which names their runs have. */
#include "api/v1_inside.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"

enum { HOURS = 24, HOURS_MAX = 168, NAMES = 50, NAMES_MAX = 1000 };
static const int64_t HOUR_US = 3600000000;

/* ---- which there are ---- */

void v1_put_project_row(const struct catalog_project *project, void *ctx)
{
	struct buf *out = ctx;
	json_put_open(out, '{');
	v1_put_project(out, project);
	json_put_close(out, '}');
}

void v1_list_projects(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {NULL};
	burr_error err = BURR_ERROR_INIT;
	if (!v1_only(req, res, names))
		return;
	v1_open(&res->body);
	v1_put_indexing(&res->body, req); /* before the rows are read: they have at least so many */
	json_put_key(&res->body, SLICE_LIT("projects"));
	json_put_open(&res->body, '[');
	burr_status status = catalog_list_projects(v1_reader(req), v1_put_project_row, &res->body, &err);
	json_put_close(&res->body, ']');
	json_put_close(&res->body, '}');
	if (status == BURR_OK)
		v1_set_tag(res);
	else
		v1_fail(res, status, &err);
}

/* ---- activity ---- */

struct activity {
	struct buf *out;
	int64_t from_us;
};

static void put_hour(const struct catalog_hour *hour, void *ctx)
{
	struct activity *activity = ctx;
	struct buf *out = activity->out;
	json_put_open(out, '{');
	json_put_member(out, "project", hour->project);
	v1_put_time(out, "from", true, activity->from_us + hour->hour * HOUR_US);
	json_put_member_int(out, "run_count", hour->run_count);
	json_put_member_int(out, "failed_count", hour->failed_count);
	json_put_close(out, '}');
}

void v1_list_activity(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"hours", NULL};
	burr_error err = BURR_ERROR_INIT;
	int64_t hours = HOURS;
	if (!v1_only(req, res, names) || !v1_number(req, res, "hours", 1, HOURS_MAX, &hours))
		return;
	/* Whole hours, so that the answer stands until something happens or the next one begins. */
	int64_t now_us = clock_wall_ns() / 1000;
	struct activity activity = {&res->body, now_us - now_us % HOUR_US - (hours - 1) * HOUR_US};
	v1_open(&res->body);
	v1_put_time(&res->body, "from", true, activity.from_us);
	json_put_key(&res->body, SLICE_LIT("hours"));
	json_put_open(&res->body, '[');
	burr_status status =
		catalog_list_activity(v1_reader(req), activity.from_us, hours, put_hour, &activity, &err);
	json_put_close(&res->body, ']');
	json_put_close(&res->body, '}');
	if (status == BURR_OK)
		v1_set_tag(res);
	else
		v1_fail(res, status, &err);
}

/* ---- names ---- */

struct name_list {
	struct buf *out;
	int64_t left;
	bool more;
};

static void put_name(struct slice name, void *ctx)
{
	struct name_list *list = ctx;
	if (list->left-- > 0)
		json_put_text(list->out, name);
	else
		list->more = true;
}

/* False: the answer is made. */
static bool read_kind(const struct http_request *req, struct http_response *res, enum catalog_name *out)
{
	static const struct {
		const char *word;
		enum catalog_name kind;
	} kinds[] = {{"action", CATALOG_ACTION}, {"attribute", CATALOG_ATTRIBUTE},
		{"partition", CATALOG_PARTITION}};
	struct slice text = http_query(req, "kind");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		*out = kinds[i].kind;
		if (slice_is(text, kinds[i].word))
			return true;
	}
	http_fail(res, 422, "kind: expected action, attribute or partition");
	return false;
}

void v1_list_names(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"kind", "holds", "limit", NULL};
	burr_error err = BURR_ERROR_INIT;
	struct names_request request = {
		.project = http_capture(req, "project"),
		.text = http_query(req, "holds"),
		.limit = NAMES,
	};
	if (!v1_only(req, res, names) || !read_kind(req, res, &request.kind) ||
		!v1_number(req, res, "limit", 1, NAMES_MAX, &request.limit))
		return;
	struct name_list list = {&res->body, request.limit, false};
	request.limit++; /* one more tells whether there are more */
	v1_open(&res->body);
	json_put_key(&res->body, SLICE_LIT("names"));
	json_put_open(&res->body, '[');
	burr_status status = catalog_list_names(v1_reader(req), &request, put_name, &list, &err);
	json_put_close(&res->body, ']');
	json_put_member_bool(&res->body, "complete", !list.more);
	json_put_close(&res->body, '}');
	if (status == BURR_OK)
		v1_set_tag(res);
	else
		v1_fail(res, status, &err);
}
