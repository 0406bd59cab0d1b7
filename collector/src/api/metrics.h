/* api/metrics.h: GET /metrics: the collector's counters in Prometheus's text format, version 0.0.4.
 *
 * Names end in their unit, counters in _total. All is since the collector's start, but gauges, which are now.
 */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "base/buf.h"
#include "catalog/catalog.h"
#include "http/server.h"
#include "ingest/ingest.h"

struct metrics {
	struct ingest_stats ingest;
	struct http_stats http;
	struct catalog_stats catalog;
	bool ready;
	int64_t uptime_s;
};

void metrics_put(struct buf *out, const struct metrics *metrics);

#endif
