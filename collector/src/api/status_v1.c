#include "api/status_v1.h"

#include "api/metrics.h"
#include "base/clock.h"
#include "base/json.h"

#include <unistd.h>

static const struct status_v1 *attached; /* set before the workers start, then constant */

void status_v1_attach(const struct status_v1 *status)
{
	attached = status;
}

static void put_uint(struct buf *out, const char *key, uint64_t value)
{
	json_put_key(out, slice_of(key));
	json_put_uint(out, value);
}

static void put_about(struct buf *out)
{
	char started[TIME_TEXT_LEN + 1];
	time_text(attached->started_ns, started);
	json_put_member(out, "version", slice_of(burr_version()));
	json_put_member_int(out, "pid", getpid());
	json_put_member(out, "store", slice_of(attached->store));
	json_put_member(out, "url", slice_of(attached->url));
	json_put_member(out, "durability", slice_of(attached->durability));
	json_put_member(out, "started", slice_of(started));
	json_put_member_int(out, "uptime_s", (clock_wall_ns() - attached->started_ns) / 1000000000);
}

static void put_laters(struct buf *out, const struct ingest_stats *stats)
{
	json_put_key(out, SLICE_LIT("later_apps"));
	json_put_open(out, '[');
	for (size_t i = 0; i < stats->later_app_count; i++) {
		const struct ingest_later *later = &stats->laters[i];
		char since[TIME_TEXT_LEN + 1];
		time_text(later->since_ns, since);
		json_put_open(out, '{');
		json_put_member(out, "project", slice_of(later->project));
		json_put_member(out, "app_id", slice_of(later->app_id));
		json_put_member(out, "reason", slice_of(later->reason));
		json_put_member(out, "since", slice_of(since));
		json_put_close(out, '}');
	}
	json_put_close(out, ']');
}

static void put_ingest(struct buf *out)
{
	struct ingest_stats stats;
	ingest_get_stats(attached->ingest, &stats);
	json_put_member_bool(out, "appending", stats.appending);
	put_uint(out, "writers", stats.writer_count);
	put_uint(out, "batches", stats.batch_count);
	put_uint(out, "records", stats.record_count);
	put_uint(out, "bytes", stats.byte_count);
	put_uint(out, "invalid", stats.invalid_count);
	put_uint(out, "lost", stats.lost_count);
	put_uint(out, "later", stats.later_count);
	put_uint(out, "never", stats.never_count);
	put_uint(out, "refused", stats.refused_count);
	put_uint(out, "dropped", stats.dropped_count);
	put_uint(out, "spools", stats.spool_count);
	put_uint(out, "recovered", stats.recovered_count);
	put_uint(out, "aside", stats.aside_count);
	json_put_member(out, "trouble", slice_of(stats.trouble));
	put_laters(out, &stats);
}

static void put_http(struct buf *out)
{
	struct http_stats stats;
	http_server_get_stats(attached->http, &stats);
	json_put_key(out, SLICE_LIT("http"));
	json_put_open(out, '{');
	put_uint(out, "clients", stats.clients);
	put_uint(out, "listeners", stats.listeners);
	put_uint(out, "queued", stats.queued);
	put_uint(out, "requests", stats.requests);
	put_uint(out, "refused", stats.refused);
	put_uint(out, "denied", stats.denied);
	put_uint(out, "cut", stats.cut);
	put_uint(out, "deltas", stats.deltas);
	put_uint(out, "told", stats.told);
	put_uint(out, "refetches", stats.refetches);
	put_uint(out, "kept_bytes", stats.kept_bytes);
	json_put_close(out, '}');
}

static void put_index(struct buf *out)
{
	struct catalog_stats stats;
	catalog_get_stats(attached->catalog, &stats);
	json_put_key(out, SLICE_LIT("index"));
	json_put_open(out, '{');
	json_put_member_bool(out, "ready", catalog_is_ready(attached->catalog));
	json_put_member(out, "path", slice_of(catalog_path(attached->catalog)));
	put_uint(out, "indexed", stats.line_count);
	put_uint(out, "waiting", stats.waiting);
	put_uint(out, "failed", stats.failed_count);
	json_put_member(out, "trouble", slice_of(stats.trouble));
	json_put_close(out, '}');
}

static void answer_status(const struct http_request *req, struct http_response *res)
{
	(void)req;
	json_put_open(&res->body, '{');
	put_about(&res->body);
	put_ingest(&res->body);
	put_http(&res->body);
	put_index(&res->body);
	json_put_close(&res->body, '}');
	res->cache_control = "no-store";
}

static void answer_health(const struct http_request *req, struct http_response *res)
{
	(void)req;
	buf_append_str(&res->body, "{\"ok\":true}");
	res->cache_control = "no-store";
}

static void answer_metrics(const struct http_request *req, struct http_response *res)
{
	struct metrics metrics = {
		.ready = catalog_is_ready(attached->catalog),
		.uptime_s = (clock_wall_ns() - attached->started_ns) / 1000000000,
	};
	(void)req;
	ingest_get_stats(attached->ingest, &metrics.ingest);
	http_server_get_stats(attached->http, &metrics.http);
	catalog_get_stats(attached->catalog, &metrics.catalog);
	metrics_put(&res->body, &metrics);
	res->content_type = "text/plain; version=0.0.4; charset=utf-8";
	res->cache_control = "no-store";
}

const struct http_route status_v1_routes[] = {
	{"GET", "/api/v1/status", answer_status},
	{"GET", "/healthz", answer_health},
	{"GET", "/metrics", answer_metrics},
};
const size_t status_v1_route_count = sizeof(status_v1_routes) / sizeof(*status_v1_routes);
