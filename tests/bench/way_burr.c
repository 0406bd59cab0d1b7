/* bench/way_burr.c: burr's own way from many writers into many logs: through the collector, or by itself. */
#include "bench/peers.h"

#include <burr/tracker.h>
#include <stdio.h>
#include <stdlib.h>

enum { WAIT_MS = 20000, FLUSH_MS = 60000 };

struct burr_writer {
	burr_tracker *tracker;
	burr_tracker_app *apps[]; /* by number; made at their first record */
};

static pid_t start_collector(const char *folder, const struct load *load)
{
	(void)load;
	return bench_start_collector(folder);
}

static void *open_writer(const char *folder, const struct load *load)
{
	size_t apps_size = (size_t)load->apps * sizeof(burr_tracker_app *);
	struct burr_writer *writer = calloc(1, sizeof(*writer) + apps_size);
	bench_check(writer != NULL, "memory");
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "bench";
	options.store = folder;
	options.wait_ms = WAIT_MS;
	bench_check(burr_tracker_open(&options, &writer->tracker, NULL) == BURR_OK, "open a tracker");
	return writer;
}

static burr_tracker_app *create(burr_tracker *tracker, int number)
{
	char app_id[24];
	burr_app_info info = BURR_APP_INFO_INIT;
	burr_tracker_app *app;
	snprintf(app_id, sizeof(app_id), "app-%d", number);
	info.app_id = app_id;
	bench_check(burr_tracker_create_app(tracker, &info, &app, NULL) == BURR_OK, "create an application");
	return app;
}

static void put(void *ctx, int app, int64_t number, const struct payload *payload)
{
	struct burr_writer *writer = ctx;
	if (!writer->apps[app])
		writer->apps[app] = create(writer->tracker, app);
	burr_status status =
		burr_tracker_end_step(writer->apps[app], number, "a", NULL, NULL, payload->state);
	bench_check(status == BURR_OK, "record a step");
}

static void drain(void *ctx)
{
	struct burr_writer *writer = ctx;
	bench_check(burr_tracker_flush(writer->tracker, FLUSH_MS, NULL) == BURR_OK, "flush");
}

static void close_writer(void *ctx)
{
	struct burr_writer *writer = ctx;
	bench_check(burr_tracker_close(writer->tracker, NULL) == BURR_OK, "close a tracker");
	free(writer);
}

const struct way burr_way = {"burr", NULL, start_collector, open_writer, put, drain, close_writer, true};
const struct way burr_store_way = {
	"burr, no collector", NULL, NULL, open_writer, put, drain, close_writer, true};
