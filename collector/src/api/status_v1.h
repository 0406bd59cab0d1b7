/* api/status_v1.h: how the collector is: GET /api/v1/status, GET /healthz and GET
 * /metrics (api/metrics.h).
 *
 *     {"version","pid","store","url","durability","started","uptime_s","appending","writers","batches",
 *      "records","bytes","invalid","lost","later","never","refused","dropped","spools","recovered","aside",
 *      "trouble","later_apps":[{"project","app_id","reason","since"}],
 *      "http":{"clients","listeners","queued","requests","refused","denied","cut","deltas","told","refetches",
 *      "kept_bytes"},
 *      "index":{"ready","indexed","waiting","failed"}}
 *
 * `started` and `since` are UTC; counts are since the start, but "writers" and "spools", which are now.
 * "later_apps": those that nothing can be stored of at the moment, at most INGEST_LATER_MAX of them.
 * "indexed" counts lines. /healthz answers {"ok":true}: the program lives and takes requests; whether
 * everything is indexed is /ready's. */
#ifndef API_STATUS_V1_H
#define API_STATUS_V1_H

#include "catalog/catalog.h"
#include "http/server.h"
#include "ingest/ingest.h"

struct status_v1 {
	const char *store;
	const char *url;
	const char *durability; /* the store's: "os", "group" or "power" */
	int64_t started_ns;     /* wall clock */
	struct http_server *http;
	struct ingest *ingest;
	struct catalog *catalog;
};

/* Whom the routes speak of: once, before the server starts; there is one collector in a program. Borrowed
 * until the server has stopped. */
void status_v1_attach(const struct status_v1 *status);

extern const struct http_route status_v1_routes[];
extern const size_t status_v1_route_count;

#endif
