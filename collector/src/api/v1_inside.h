/* api/v1_inside.h: what the handlers of version 1 share. Private to this folder. */
#ifndef API_V1_INSIDE_H
#define API_V1_INSIDE_H

#include "api/inside.h"
#include "api/v1_rows.h"

enum {
	V1_LIMIT = 100,
	V1_LIMIT_MAX = 1000,
	V1_CUT_BYTES = 64 << 10, /* of a value in an answer, unless it is asked for whole */
};

/* A question is given so long before it answers with what it has. */
int64_t v1_deadline_ns(void);

/* Each answer is an object that begins with "now", the server's time. */
void v1_open(struct buf *out);
/* "indexing" of a list: how far the store is indexed, or null when all that was there at the start is. */
void v1_put_indexing(struct buf *out, const struct http_request *req);
/* An ETag of all but that time, for an answer that is whole. */
void v1_set_tag(struct http_response *res);
/* Whole objects, as lists have them; out: a struct buf. */
void v1_put_project_row(const struct catalog_project *project, void *out);
void v1_put_run_row(const struct catalog_app *app, void *out);

/* Parameters. False: the answer is made, a 422 that names the parameter. An absent one leaves *out as it is.
 */
bool v1_number(const struct http_request *req, struct http_response *res, const char *name, int64_t low,
	int64_t high, int64_t *out);
bool v1_bool(const struct http_request *req, struct http_response *res, const char *name, bool *out);
/* What the request does not know, or is given twice, is a mistake of the caller's, and said: names, ending
 * with NULL. */
bool v1_only(const struct http_request *req, struct http_response *res, const char *const *names);

/* The run of the path. False: the answer is made (404, 503, or 304 for who has it). put (may be NULL) is
 * called with its row; *out has the numbers. */
bool v1_find_run(const struct http_request *req, struct http_response *res, catalog_app_fn *put, void *ctx,
	struct catalog_app *out);
/* Any run, for an answer that is about more than that of the path and so has a tag of its own (v1_set_tag).
 * False: the answer is made (404 or 503). */
bool v1_find_other_run(const struct http_request *req, struct http_response *res, struct slice project,
	struct slice app_id, struct catalog_app *out);
/* Answer for what failed below. */
void v1_fail(struct http_response *res, burr_status status, const burr_error *err);

static inline struct catalog_reader *v1_reader(const struct http_request *req)
{
	return ((struct api *)req->ctx)->readers[req->worker];
}

/* An attempt by its number. false: the answer is made. */
bool v1_find_step(const struct http_request *req, struct http_response *res, const struct catalog_app *app,
	int64_t number, struct catalog_step *out);

/* Handlers. */
void v1_list_projects(const struct http_request *req, struct http_response *res);
void v1_list_activity(const struct http_request *req, struct http_response *res);
void v1_list_names(const struct http_request *req, struct http_response *res);
void v1_list_runs(const struct http_request *req, struct http_response *res);
void v1_get_run(const struct http_request *req, struct http_response *res);
void v1_list_steps(const struct http_request *req, struct http_response *res);
void v1_get_step(const struct http_request *req, struct http_response *res);
void v1_list_superseded(const struct http_request *req, struct http_response *res);
void v1_list_folded(const struct http_request *req, struct http_response *res);
void v1_list_records(const struct http_request *req, struct http_response *res);
void v1_get_overview(const struct http_request *req, struct http_response *res);
void v1_get_state(const struct http_request *req, struct http_response *res);
void v1_get_difference(const struct http_request *req, struct http_response *res);
void v1_get_history(const struct http_request *req, struct http_response *res);
void v1_list_damage(const struct http_request *req, struct http_response *res);
void v1_search_run(const struct http_request *req, struct http_response *res);
void v1_search_runs(const struct http_request *req, struct http_response *res);
void v1_search_store(const struct http_request *req, struct http_response *res);

#endif
