/* api/api.h: version 0 of the HTTP API: Burr's own, so that its UI and scripts work against us.
 *
 * Lists come from the catalog. A run is spliced from the bytes of its log, so raw JSON values pass as they
 * stand. Source: what the server of Burr 0.40 answers.
 *
 *     api_open, http_server_open with ctx = the api and its routes, … http_server_close, api_close
 *
 * Threads: handlers run on the server's workers; each has a reader of the catalog of its own. */
#ifndef API_API_H
#define API_API_H

#include "catalog/catalog.h"
#include "http/server.h"

struct api;

struct api_options {
	const struct store *store; /* borrowed until close */
	struct catalog *catalog;   /* likewise */
	unsigned worker_count;     /* of the server */
};

BURR_MUST_CHECK burr_status api_open(const struct api_options *options, struct api **out, burr_error *err);
/* After the server, before the catalog. Accepts NULL. */
void api_close(struct api *api);

/* From now on, before a run is read, what spools hold of it goes into its log: true when something did. Once;
 * callbacks come from the workers. */
typedef bool api_take_in_fn(void *ctx, struct slice project, struct slice app_id);
void api_set_take_in(struct api *api, api_take_in_fn *take_in, void *ctx);

/* From now on GET /ready answers 200, before it 503. Any thread. */
void api_set_ready(struct api *api);

/* Static. Their handlers expect http_server_options.ctx to be the api. */
const struct http_route *api_v0_routes(size_t *out_count);

#endif
