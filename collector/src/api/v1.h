/* api/v1.h: version 1 of the HTTP API: what the web UI, the commands and other tools ask. openapi.json,
 * which is served at /api/openapi.json, says what each answer holds. All of it comes from the catalog, and
 * where a log must be read, from the places that it gives.
 *
 * Handlers run on the server's workers; http_server_options.ctx is the api. */
#ifndef API_V1_H
#define API_V1_H

#include "http/server.h"

/* Static. */
const struct http_route *api_v1_routes(size_t *out_count);

/* For http_server_options.make_delta: what has become of the catalog's topics. */
http_delta_fn v1_make_delta;

#endif
