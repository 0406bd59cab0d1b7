/* spool/apps.c: the applications that a spool records for. See spool.h for threads. */
#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/signals.h"
#include "spool/inside.h"
#include "store/log.h"
#include "store/names.h"

#include <stdlib.h>

static bool has_partition(const struct spool_app *app, const char *partition_key)
{
	return (app->partition_key.data != NULL) == (partition_key != NULL) &&
	       slice_eq(app->partition_key, slice_of(partition_key));
}

/* One that is closed is there for its records' sake: once they are stored, it is another one under another
 * partition. */
static struct spool_app *find_app(struct spool *spool, uint32_t hash, struct slice project,
	struct slice app_id, const char *partition_key)
{
	for (uint32_t i = 0; i < spool->app_count; i++) {
		struct spool_app *app = spool->hashes[i] == hash ? spool->apps[i] : NULL;
		if (app && slice_eq(app->app_id, app_id) && slice_eq(app->project, project) &&
			(app->refs || has_partition(app, partition_key) || gather_holds(spool, app)))
			return app;
	}
	return NULL;
}

static burr_status fail_partition(const struct spool_app *app, const char *wanted, burr_error *err)
{
	const struct slice there = app->partition_key.data ? app->partition_key : SLICE_LIT("none");
	const char *there_quote = app->partition_key.data ? "\"" : "";
	const char *wanted_quote = wanted ? "\"" : "";
	return burr_fail(err, BURR_EEXIST, "application %.*s exists under partition key %s%.*s%s, not %s%s%s",
		SLICE_ARG(app->app_id), there_quote, SLICE_ARG(there), there_quote, wanted_quote,
		wanted ? wanted : "none", wanted_quote);
}

/* Where the application's log ends now, and which file it is: none of this writer's records is before that.
 */
static uint64_t look_at_log(
	const struct spool *spool, const char *project, const char *app_id, uint64_t *out_token)
{
	uint64_t end = 0;
	struct buf path = BUF_INIT;
	buf_printf(&path, "%s/%s/%s/log.jsonl", spool->store_path, project, app_id);
	*out_token = path.failed ? 0 : log_token_at(path.data, &end);
	buf_fini(&path);
	return end;
}

static struct spool_app *new_app(
	struct spool *spool, const char *project, const char *app_id, const char *partition_key)
{
	struct spool_app *app = calloc(1, sizeof(*app));
	struct buf text = BUF_INIT;
	buf_printf(&text, "%s/%s/%s", project, app_id, partition_key ? partition_key : "");
	char *names = buf_take(&text);
	uint64_t token;
	const uint64_t log_start = look_at_log(spool, project, app_id, &token);
	if (app)
		record_put_app(&app->head, project, app_id, partition_key, log_start, token);
	if (!app || !names || app->head.failed) {
		spool_free_app(app);
		free(names);
		return NULL;
	}
	size_t project_len = strlen(project);
	size_t app_id_len = strlen(app_id);
	app->text = names;
	app->project = (struct slice){names, project_len};
	app->app_id = (struct slice){names + project_len + 1, app_id_len};
	if (partition_key)
		app->partition_key =
			(struct slice){names + project_len + app_id_len + 2, strlen(partition_key)};
	app->hash = spool_hash(app->project, app->app_id);
	return app;
}

static bool add_app_locked(struct spool *spool, struct spool_app *app)
{
	uint32_t number = 0;
	while (number < spool->app_count && spool->apps[number])
		number++;
	if (number == spool->app_cap) {
		uint32_t cap = number ? number * 2 : 16;
		struct spool_app **apps = realloc(spool->apps, cap * sizeof(struct spool_app *));
		if (apps)
			spool->apps = apps;
		uint32_t *hashes = realloc(spool->hashes, cap * sizeof(*hashes));
		if (hashes)
			spool->hashes = hashes;
		if (!apps || !hashes)
			return false;
		spool->app_cap = cap;
	}
	app->number = number;
	spool->apps[number] = app;
	spool->hashes[number] = app->hash;
	if (number == spool->app_count)
		spool->app_count++;
	spool_filter_add(spool->file.map, app->hash);
	return true;
}

static burr_status ref_app_locked(struct spool *spool, const char *project, const char *app_id,
	const char *partition_key, struct spool_app **out, burr_error *err)
{
	burr_status status = spool_start_locked(spool, err);
	if (status != BURR_OK && !spool->file.map) /* else records wait there for a thread */
		return status;
	uint32_t hash = spool_hash(slice_of(project), slice_of(app_id));
	struct spool_app *app = find_app(spool, hash, slice_of(project), slice_of(app_id), partition_key);
	if (!app) {
		app = new_app(spool, project, app_id, partition_key);
		if (!app || !add_app_locked(spool, app)) {
			spool_free_app(app);
			return burr_fail(err, BURR_ENOMEM, "no memory for an application");
		}
	} else if (!has_partition(app, partition_key)) {
		return fail_partition(app, partition_key, err);
	}
	app->refs++;
	app->closed_ns = 0;
	*out = app;
	return BURR_OK;
}

burr_status spool_app_ref(struct spool *spool, const char *project, const char *app_id,
	const char *partition_key, struct spool_app **out, burr_error *err)
{
	burr_status status = name_check_project(slice_of(project), err);
	if (status == BURR_OK)
		status = name_check_app_id(slice_of(app_id), err);
	if (status == BURR_OK && partition_key)
		status = name_check_partition_key(slice_of(partition_key), err);
	if (status != BURR_OK)
		return status;
	struct held_signals signals;
	int cancelable;
	spool_look_for_fork();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
	spool_lock_quietly(spool, &signals);
	status = ref_app_locked(spool, project, app_id, partition_key, out, err);
	spool_unlock_quietly(spool, &signals);
	pthread_setcancelstate(cancelable, NULL);
	return status;
}

/* Its records may still be on their way; the shipper frees it when they have arrived. */
void spool_app_unref(struct spool *spool, struct spool_app *app)
{
	struct held_signals signals;
	spool_look_for_fork();
	spool_lock_quietly(spool, &signals);
	if (--app->refs == 0)
		app->closed_ns = clock_mono_ns();
	spool_unlock_quietly(spool, &signals);
}

void spool_free_closed_apps_locked(struct spool *spool)
{
	for (uint32_t i = 0; i < spool->app_count; i++) {
		struct spool_app *app = spool->apps[i];
		if (!app || app->refs || app->spilled_count || app->closed_ns >= spool->drained_ns)
			continue;
		spool->apps[i] = NULL;
		spool_free_app(app);
	}
	while (spool->app_count && !spool->apps[spool->app_count - 1])
		spool->app_count--;
}
