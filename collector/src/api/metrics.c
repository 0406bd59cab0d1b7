#include "api/metrics.h"

static void put(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	buf_printf(out, "# HELP burr_%s %s\n# TYPE burr_%s %s\nburr_%s ", name, help, name, type, name);
	buf_append_uint(out, value);
	buf_append_char(out, '\n');
}

static void put_counter(struct buf *out, const char *name, const char *help, uint64_t value)
{
	put(out, name, "counter", help, value);
}

static void put_gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
	put(out, name, "gauge", help, value);
}

static void put_ingest(struct buf *out, const struct ingest_stats *stats)
{
	put_gauge(out, "appending", "1 where this collector has the right to append.", stats->appending);
	put_gauge(out, "writers", "Connected writers.", stats->writer_count);
	put_gauge(out, "spools", "Spools in the store.", stats->spool_count);
	put_gauge(out, "later_applications", "Applications that nothing can be stored of at the moment.",
		stats->later_app_count);
	put_counter(out, "batches_total", "Batches taken from writers.", stats->batch_count);
	put_counter(out, "records_total", "Records in them.", stats->record_count);
	put_counter(out, "received_bytes_total", "Bytes of them.", stats->byte_count);
	put_counter(out, "invalid_records_total", "Records with a value that was not JSON.",
		stats->invalid_count);
	put_counter(out, "lost_records_total", "Records whose side file was gone.", stats->lost_count);
	put_counter(out, "dropped_records_total", "Records that writers had to drop.", stats->dropped_count);
	put_counter(out, "later_verdicts_total", "Verdicts that something cannot be stored now.",
		stats->later_count);
	put_counter(
		out, "never_verdicts_total", "Verdicts that something cannot be stored.", stats->never_count);
	put_counter(out, "refused_requests_total", "Requests on the store's socket that were none.",
		stats->refused_count);
	put_counter(out, "recovered_records_total", "Records taken out of spools that writers left.",
		stats->recovered_count);
	put_counter(out, "spools_aside_total", "Spools set aside, as they were none or of another version.",
		stats->aside_count);
}

static void put_http(struct buf *out, const struct http_stats *stats)
{
	put_gauge(out, "http_clients", "Connections.", stats->clients);
	put_gauge(out, "http_listeners", "Event streams and waiting polls.", stats->listeners);
	put_gauge(out, "http_queued_requests", "Requests that wait for a worker.", stats->queued);
	put_counter(out, "http_requests_total", "Requests.", stats->requests);
	put_counter(out, "http_refused_requests_total", "Requests that were refused for want of room.",
		stats->refused);
	put_counter(out, "http_denied_requests_total",
		"Requests without the token, or with a Host or Origin that is none of ours.", stats->denied);
	put_counter(out, "http_cut_connections_total",
		"Connections that were cut for taking or giving too slowly or too much.", stats->cut);
	buf_append_str(out, "# HELP burr_http_responses_total Answers, by the class of their status.\n"
			    "# TYPE burr_http_responses_total counter\n");
	for (unsigned class = 2; class < HTTP_STATUS_CLASSES; class ++)
		buf_printf(out, "burr_http_responses_total{class=\"%uxx\"} %llu\n", class,
			(unsigned long long)stats->answered[class]);
}

static void put_live(struct buf *out, const struct http_stats *stats)
{
	put_counter(
		out, "live_deltas_total", "Deltas made of topics that somebody listens to.", stats->deltas);
	put_counter(out, "live_told_total", "Changes that were given to readers.", stats->told);
	put_counter(out, "live_refetches_total", "Of these, such that told to read again.", stats->refetches);
	put_gauge(out, "live_kept_bytes", "Deltas kept for readers that come back.", stats->kept_bytes);
}

void metrics_put(struct buf *out, const struct metrics *metrics)
{
	put_gauge(out, "uptime_seconds", "Since the collector's start.", (uint64_t)metrics->uptime_s);
	put_ingest(out, &metrics->ingest);
	put_gauge(out, "index_ready", "1 when all that was there at the start is indexed.", metrics->ready);
	put_gauge(out, "index_waiting_applications", "Applications that the index is behind with.",
		metrics->catalog.waiting);
	put_counter(
		out, "index_lines_total", "Lines of logs that were indexed.", metrics->catalog.line_count);
	put_counter(
		out, "index_failures_total", "Logs that could not be read.", metrics->catalog.failed_count);
	put_counter(out, "index_rebuilds_total", "How often the index was damaged and made anew.",
		metrics->catalog.generation);
	put_http(out, &metrics->http);
	put_live(out, &metrics->http);
}
