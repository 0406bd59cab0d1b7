#include "cli/index.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/intake.h"
#include "cli/running.h"
#include "cli/say.h"

#include <stdio.h>
#include <unistd.h>

enum {
	INDEX_WAIT_MS = 2000,
	ASK_AGAIN_MS = 10,
	ASK_MS = 1000,
	QUIET_MS = 500, /* before progress is shown */
};

/* ---- progress ---- */

static void on_progress(size_t done, size_t total, void *ctx)
{
	const struct index *index = ctx;
	if (!isatty(STDERR_FILENO) || clock_mono_ns() - index->began_ns < QUIET_MS * INT64_C(1000000))
		return;
	if (done < total)
		fprintf(stderr, "\rindexing: %zu of %zu runs ", done, total);
	else
		fprintf(stderr, "\r\033[K");
}

static void on_message(const char *text, void *ctx)
{
	(void)ctx;
	say_error("%s", text);
}

/* ---- a collector's ---- */

/* How many runs it is behind with; -1: it does not say, or its catalog is in another place than ours (it is
 * another version, or may not write where we may). */
static int64_t ask_waiting(const struct running *running, const char *path)
{
	CLEAN(buf_fini) struct buf body = BUF_INIT;
	int64_t waiting = -1;
	if (running_get(running, "/api/v1/status", ASK_MS, &body, NULL) != BURR_OK)
		return -1;
	struct slice index = json_find(buf_slice(&body), "index");
	if (!json_text_is(json_find(index, "path"), slice_of(path)) ||
		!json_to_int(json_find(index, "waiting"), &waiting))
		return -1;
	return waiting || json_kind_of(json_find(index, "ready")) == JSON_TRUE ? waiting : 1;
}

/* False: it does not say how far its index is: it is only beginning, or ending, or stopped. */
static bool await_collector(const struct running *running, const char *path)
{
	int64_t until_ns = clock_mono_ns() + INDEX_WAIT_MS * INT64_C(1000000);
	int64_t waiting;
	while ((waiting = ask_waiting(running, path)) > 0 && clock_mono_ns() < until_ns)
		usleep(ASK_AGAIN_MS *
			1000); /* it tells by events only what changed, not that it has caught up */
	if (waiting > 0)
		say_error("the collector's index is behind with %lld runs, so this may not be all",
			(long long)waiting);
	return waiting >= 0;
}

/* ---- opening ---- */

int index_open(const char *store_option, struct index *out)
{
	int code = find_store(store_option, &out->store);
	if (code == CLI_OK)
		(void)intake_run(out->store); /* without it there is less to show, as was said */
	return code;
}

static burr_status update(struct index *index, const char *project, const char *app_id, burr_error *err)
{
	if (app_id)
		return catalog_update_app(index->catalog, slice_of(project), slice_of(app_id), err);
	return project ? catalog_update_project(index->catalog, slice_of(project), err)
		       : catalog_update_all(index->catalog, err);
}

int index_update(struct index *index, const char *project, const char *app_id)
{
	CLEAN(running_fini) struct running running = RUNNING_INIT;
	struct catalog_options options = CATALOG_OPTIONS_INIT;
	burr_error err;
	const bool has_collector = running_find(index->store, &running);
	index->began_ns = clock_mono_ns();
	options.store = index->store;
	options.on_progress = on_progress;
	options.on_message = on_message;
	options.ctx = index;
	options.patience_ms = has_collector ? INDEX_WAIT_MS : options.patience_ms;
	burr_status status = catalog_open(&options, &index->catalog, &err);
	if (status == BURR_OK && !(has_collector && await_collector(&running, catalog_path(index->catalog))))
		status = update(index, project, app_id, &err);
	if (status == BURR_ELATER) { /* a collector stands still while it writes it, or the disk is full */
		catalog_close(index->catalog);
		index->catalog = NULL;
		options.apart = true;
		status = catalog_open(&options, &index->catalog, &err);
		if (status == BURR_OK)
			status = update(index, project, app_id, &err);
	}
	if (status == BURR_OK)
		status = catalog_reader_open(index->catalog, &index->reader, &err);
	return status == BURR_OK ? CLI_OK : find_fail(status, &err);
}

void index_close(struct index *index)
{
	catalog_reader_close(index->reader);
	catalog_close(index->catalog);
	store_close(index->store);
	*index = (struct index)INDEX_INIT;
}
