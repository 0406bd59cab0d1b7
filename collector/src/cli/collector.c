#include "cli/collector.h"

#include "api/api.h"
#include "api/status_v1.h"
#include "api/v1.h"
#include "base/clock.h"
#include "base/error.h"
#include "catalog/catalog.h"
#include "cli/port.h"
#include "cli/running.h"
#include "http/assets.h"
#include "http/server.h"
#include "ingest/ingest.h"
#include "report/report.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	STOP_MS = 2000,           /* for answers that are under way */
	REPORT_EVERY_MS = 5000,   /* progress of the first scan */
	REPORT_FROM_APPS = 10000, /* smaller stores are indexed before anybody wonders */
};

struct collector {
	struct store *store;
	struct running running; /* all but its pid */
	int64_t started_ns;
	struct http_server *http;
	struct catalog *catalog;
	struct catalog_reader *reader; /* the append thread's, for questions of writers */
	pthread_mutex_t lock;
	struct api *api; /* set before the indexer starts; cleared under lock, as the indexer looks */
	struct http_route *routes; /* those of both versions and the status's */
	size_t route_count;
	unsigned worker_count;
	struct ingest *ingest;
	struct status_v1 status;
};

/* ---- from one module to the next ---- */

static void on_appended(void *ctx, struct slice project, struct slice app_id)
{
	struct collector *c = ctx;
	catalog_note(c->catalog, project, app_id);
}

static bool take_in(void *ctx, struct slice project, struct slice app_id)
{
	struct collector *c = ctx;
	return ingest_take_in(c->ingest, project, app_id);
}

static bool find_place(void *ctx, struct slice project, struct slice app_id, int64_t sequence_id,
	uint64_t *out_offset, uint64_t *out_len)
{
	struct collector *c = ctx;
	return catalog_find_end(c->reader, project, app_id, sequence_id, out_offset, out_len, NULL) ==
	       BURR_OK;
}

static void on_change(const struct catalog_change *change, void *ctx)
{
	struct collector *c = ctx;
	const struct http_change told = {change->topic, change->member, change->steps};
	http_publish(c->http, &told);
}

static void on_progress(size_t done, size_t total, void *ctx)
{
	struct collector *c = ctx;
	if (done == total) {
		pthread_mutex_lock(&c->lock);
		if (c->api)
			api_set_ready(c->api);
		pthread_mutex_unlock(&c->lock);
	}
	if (total >= REPORT_FROM_APPS && done < total)
		report_seldom(REPORT_EVERY_MS, "indexing: %zu of %zu runs", done, total);
	else if (total >= REPORT_FROM_APPS)
		report("indexing: done, %zu runs", total);
}

static void on_message(const char *text, void *ctx)
{
	(void)ctx;
	report("%s", text);
}

/* ---- opening ---- */

static unsigned count_workers(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores < 2 ? 2 : cores > 8 ? 8 : (unsigned)cores;
}

static burr_status open_catalog(struct collector *c, burr_error *err)
{
	struct catalog_options options = CATALOG_OPTIONS_INIT;
	options.store = c->store;
	options.on_change = on_change;
	options.on_progress = on_progress;
	options.on_message = on_message;
	options.ctx = c;
	burr_status status = catalog_open(&options, &c->catalog, err);
	return status == BURR_OK ? catalog_reader_open(c->catalog, &c->reader, err) : status;
}

/* One table of the tables of api/. */
static burr_status join_routes(struct collector *c, burr_error *err)
{
	size_t v0_count;
	size_t v1_count;
	const struct http_route *v0 = api_v0_routes(&v0_count);
	const struct http_route *v1 = api_v1_routes(&v1_count);
	c->routes = calloc(v0_count + v1_count + status_v1_route_count, sizeof(*c->routes));
	if (!c->routes)
		return burr_fail(err, BURR_ENOMEM, "no memory for the routes");
	memcpy(c->routes, v0, v0_count * sizeof(*v0));
	memcpy(c->routes + v0_count, v1, v1_count * sizeof(*v1));
	memcpy(c->routes + v0_count + v1_count, status_v1_routes, status_v1_route_count * sizeof(*c->routes));
	c->route_count = v0_count + v1_count + status_v1_route_count;
	return BURR_OK;
}

static burr_status open_api(struct collector *c, burr_error *err)
{
	const struct api_options options = {
		.store = c->store, .catalog = c->catalog, .worker_count = c->worker_count};
	burr_status status = api_open(&options, &c->api, err);
	return status == BURR_OK ? join_routes(c, err) : status;
}

/* Where it is, for people, programs and the note. */
static burr_status describe(struct collector *c, const struct edge *edge, burr_error *err)
{
	struct running *running = &c->running;
	uint16_t port = http_server_port(c->http);
	const char *cert = edge->options->tls_cert;
	char started[TIME_TEXT_LEN + 1];
	time_text(c->started_ns, started);
	buf_append_str(&running->started, started);
	port_put_url(&running->url, edge->options->host, port, cert);
	port_put_local_url(&running->local_url, edge->options->host, port, cert);
	buf_append_slice(&running->token, buf_slice(&edge->token));
	char *path = cert ? realpath(cert, NULL) : NULL; /* for commands that run in other folders */
	buf_append_str(&running->cert, path ? path : "");
	free(path);
	bool failed = running->started.failed || running->url.failed || running->local_url.failed ||
		      running->token.failed || running->cert.failed;
	return failed ? burr_fail(err, BURR_ENOMEM, "no memory for an address") : BURR_OK;
}

static burr_status open_http(struct collector *c, struct edge *edge, burr_error *err)
{
	struct http_server_options http = HTTP_SERVER_OPTIONS_INIT;
	edge_put_options(edge, &http);
	http.routes = c->routes;
	http.route_count = c->route_count;
	http.ctx = c->api;
	http.make_delta = v1_make_delta;
	http.assets = http_embedded_assets;
	http.asset_count = http_embedded_asset_count;
	http.worker_count = c->worker_count;
	burr_status status = http_server_open(&http, &c->http, err);
	return status == BURR_OK ? describe(c, edge, err) : status;
}

static burr_status open_ingest(struct collector *c, burr_error *err)
{
	struct ingest_options options = {
		.store = c->store,
		.url = c->running.url.data,
		.on_appended = on_appended,
		.find_place = find_place,
		.ctx = c,
	};
	burr_status status = ingest_open(&options, &c->ingest, err);
	if (status == BURR_OK)
		api_set_take_in(c->api, take_in, c);
	return status;
}

static burr_status write_note(const struct collector *c, burr_error *err)
{
	struct buf note = BUF_INIT;
	running_put_note(&note, &c->running, c->store->path);
	burr_status status = store_write_collector(c->store, buf_slice(&note), err);
	buf_fini(&note);
	return status;
}

static burr_status start(struct collector *c, burr_error *err)
{
	c->status = (struct status_v1){
		.store = c->store->path,
		.url = c->running.url.data,
		.durability = durability_name(c->store->durability),
		.started_ns = c->started_ns,
		.http = c->http,
		.ingest = c->ingest,
		.catalog = c->catalog,
	};
	status_v1_attach(&c->status);
	burr_status status = catalog_start(c->catalog, err);
	if (status == BURR_OK)
		status = http_server_start(c->http, err);
	return status == BURR_OK ? write_note(c, err) : status;
}

burr_status collector_open(struct edge *edge, struct store *store, struct collector **out, burr_error *err)
{
	struct collector *c = calloc(1, sizeof(*c));
	if (!c)
		return burr_fail(err, BURR_ENOMEM, "no memory for a collector");
	pthread_mutex_init(&c->lock, NULL);
	c->store = store;
	c->started_ns = clock_wall_ns();
	c->worker_count = count_workers();
	burr_status status = open_catalog(c, err);
	if (status == BURR_OK)
		status = open_api(c, err);
	if (status == BURR_OK)
		status = open_http(c, edge, err);
	if (status == BURR_OK)
		status = open_ingest(c, err);
	if (status == BURR_OK)
		status = start(c, err);
	if (status != BURR_OK) {
		collector_close(c);
		return status;
	}
	*out = c;
	return BURR_OK;
}

const struct running *collector_running(const struct collector *collector)
{
	return &collector->running;
}

struct http_server *collector_http(struct collector *collector)
{
	return collector->http;
}

uint64_t collector_record_count(struct collector *collector)
{
	struct ingest_stats stats;
	ingest_get_stats(collector->ingest, &stats);
	return stats.record_count;
}

/* Before the catalog, whose readers it has; the indexer may be at the end of its first scan. */
static void close_api(struct collector *c)
{
	pthread_mutex_lock(&c->lock);
	struct api *api = c->api;
	c->api = NULL;
	pthread_mutex_unlock(&c->lock);
	api_close(api);
}

void collector_close(struct collector *c)
{
	if (!c)
		return;
	/* Refuse and drain: requests first, as they ask the others; records until the very end. */
	if (c->http)
		http_server_stop(c->http, STOP_MS);
	if (c->ingest)
		ingest_stop(c->ingest);
	/* Join and free. The server's threads have ended, so nobody asks any more; its memory goes last, as
	 * the catalog tells it of changes until the end. */
	ingest_close(c->ingest);
	catalog_reader_close(c->reader);
	close_api(c);
	catalog_close(c->catalog);
	http_server_close(c->http);
	pthread_mutex_destroy(&c->lock);
	free(c->routes);
	running_fini(&c->running);
	free(c);
}
