/* api/inside.h: what the handlers of this folder share. Private to it. */
#ifndef API_INSIDE_H
#define API_INSIDE_H

#include "api/api.h"

#include <pthread.h>
#include <stdatomic.h>

struct api {
	const struct store *store;         /* constant */
	struct catalog *catalog;           /* constant */
	unsigned reader_count;             /* constant */
	struct catalog_reader **readers;   /* one a worker, used by that worker alone */
	pthread_mutex_t annotations;       /* held while an annotations.jsonl is read and replaced */
	_Atomic size_t run_bytes;          /* of places, of runs whose answers are being sent (run.c) */
	void *take_in_ctx;                 /* set before take_in */
	_Atomic(api_take_in_fn *) take_in; /* NULL: nothing is taken in */
	_Atomic bool ready;
};

/* Burr's word for "no partition" in a path or query. */
#define NO_PARTITION "__none__"

/* The answer for what failed below us: 503 for what passes, 500 for the rest. */
void api_fail(struct http_response *res, burr_status status, const burr_error *err);
/* A whole number in [low, high]; else 422 that names it, and false. */
bool api_number(struct http_response *res, const char *name, struct slice text, int64_t low, int64_t high,
	int64_t *out);

/* Folders of the store, while that is in its place. */
burr_status api_open_project(const struct api *api, struct slice project, int *out_fd, burr_error *err);
burr_status api_open_app(
	const struct api *api, struct slice project, struct slice app_id, int *out_fd, burr_error *err);
/* The run of the path is going to be read: take in what spools hold of it, and wait, for a moment, until the
 * catalog has that. */
void api_take_in(const struct http_request *req);

/* run.c, annotations.c */
void api_get_run(const struct http_request *req, struct http_response *res);
void api_list_annotations(const struct http_request *req, struct http_response *res);
void api_create_annotation(const struct http_request *req, struct http_response *res);
void api_update_annotation(const struct http_request *req, struct http_response *res);

#endif
