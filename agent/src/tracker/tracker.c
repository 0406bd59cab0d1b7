/* tracker/tracker.c: the calls of burr/tracker.h: check the arguments, say what the record is, put it into
 * the store's spool.
 *
 * Threads: a tracker's list of applications has its lock; a record call touches nothing that is shared but
 * the spool, which locks itself. */
#include "tracker/tracker.h"
#include "base/clean.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "spool/spool.h"
#include "wire/limits.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	CLOSE_WAIT_MS = 5000,
};

struct burr_tracker {
	struct spool *spool;
	char *project;
	uint32_t wait_ms;
	bool validate;          /* BURR_VALIDATE=call */
	burr_tracker_app *apps; /* under the spool's lock, which a fork finds free */
};

struct burr_tracker_app {
	burr_tracker *tracker;
	struct spool_app *app;
	char *app_id;
	char *partition_key;
	burr_tracker_app *next; /* under the spool's lock */
};

static bool env_is_on(const char *name)
{
	const char *value = getenv(name);
	return value && *value && strcmp(value, "0") != 0;
}

/* ---- the tracker ---- */

/* Options of a caller that was compiled with an older header end earlier: what it does not know has its
 * default. */
static burr_tracker_options known_options(const burr_tracker_options *options)
{
	burr_tracker_options known = BURR_TRACKER_OPTIONS_INIT;
	memcpy(&known, options, options->size < sizeof(known) ? options->size : sizeof(known));
	return known;
}

static void free_tracker(burr_tracker *tracker)
{
	free(tracker->project);
	free(tracker);
}

burr_status burr_tracker_open(const burr_tracker_options *given, burr_tracker **out_tracker, burr_error *err)
{
	if (!given || !given->project)
		return burr_fail(err, BURR_EINVAL, "a tracker needs a project");
	burr_tracker_options options = known_options(given);
	burr_status status = name_check_project(slice_of(options.project), err);
	if (status != BURR_OK)
		return status;
	burr_tracker *tracker = calloc(1, sizeof(*tracker));
	if (!tracker)
		return burr_fail(err, BURR_ENOMEM, "no memory for a tracker");
	tracker->project = strdup(options.project);
	tracker->wait_ms = options.wait_ms;
	const char *validate = getenv("BURR_VALIDATE");
	tracker->validate = validate && strcmp(validate, "call") == 0;
	status = tracker->project ? BURR_OK : burr_fail(err, BURR_ENOMEM, "no memory for a tracker");
	if (status == BURR_OK && !env_is_on("BURR_DISABLED"))
		status = spool_ref(options.store, options.queue_bytes, &tracker->spool, err);
	if (status != BURR_OK) {
		free_tracker(tracker);
		return status;
	}
	*out_tracker = tracker;
	return BURR_OK;
}

burr_status burr_tracker_flush(burr_tracker *tracker, uint32_t timeout_ms, burr_error *err)
{
	if (!tracker || !tracker->spool)
		return BURR_OK;
	return spool_flush(tracker->spool, timeout_ms, err);
}

static void free_app(burr_tracker_app *app)
{
	spool_app_unref(app->tracker->spool, app->app);
	free(app->app_id);
	free(app->partition_key);
	free(app);
}

burr_status burr_tracker_close(burr_tracker *tracker, burr_error *err)
{
	burr_status status = BURR_OK;
	if (!tracker)
		return status;
	while (tracker->apps) {
		burr_tracker_app *app = tracker->apps;
		tracker->apps = app->next;
		free_app(app);
	}
	if (tracker->spool)
		status = spool_unref(tracker->spool, CLOSE_WAIT_MS, err);
	free_tracker(tracker);
	return status;
}

void burr_tracker_get_stats(burr_tracker *tracker, burr_tracker_stats *out_stats)
{
	size_t size = out_stats->size;
	memset(out_stats, 0, size);
	out_stats->size = size;
	if (tracker && tracker->spool)
		spool_get_stats(tracker->spool, out_stats);
}

const char *burr_tracker_store(const burr_tracker *tracker)
{
	return tracker && tracker->spool ? spool_store_path(tracker->spool) : "";
}

const char *burr_tracker_project(const burr_tracker *tracker)
{
	return tracker ? tracker->project : "";
}

/* ---- applications ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without `whole` only its ends are looked at: all of it is checked where it is stored. */
static burr_status check_object(const char *what, struct slice value, bool whole, burr_error *err)
{
	if (!value.data)
		return BURR_OK;
	if (whole) {
		burr_status status = json_validate(value, &value, err);
		if (status != BURR_OK)
			return burr_fail_in(err, status, "%s", what);
	}
	while (value.len && is_blank(value.data[value.len - 1]))
		value.len--;
	while (value.len && is_blank(value.data[0])) {
		value.data++;
		value.len--;
	}
	if (value.len >= 2 && value.data[0] == '{' && value.data[value.len - 1] == '}')
		return BURR_OK;
	return burr_fail(err, BURR_EINVAL, "%s is not a JSON object", what);
}

static burr_status check_pointer(const burr_pointer *pointer, burr_error *err)
{
	if (!pointer)
		return BURR_OK;
	burr_status status = name_check_app_id(slice_of(pointer->app_id), err);
	if (status == BURR_OK && pointer->partition_key)
		status = name_check_partition_key(slice_of(pointer->partition_key), err);
	return status == BURR_OK ? status : burr_fail_in(err, status, "parent");
}

static burr_status check_info(const burr_app_info *info, burr_error *err)
{
	for (size_t i = 0; i < info->action_count; i++)
		if (!info->actions[i].name || !*info->actions[i].name)
			return burr_fail(err, BURR_EINVAL, "action %zu has no name", i);
	for (size_t i = 0; i < info->transition_count; i++)
		if (!info->transitions[i].from || !info->transitions[i].to)
			return burr_fail(err, BURR_EINVAL, "transition %zu has no end", i);
	burr_status status = check_pointer(info->parent, err);
	if (status == BURR_OK)
		status = check_pointer(info->spawning_parent, err);
	if (status == BURR_OK)
		status = check_object("the initial state", slice_of(info->initial_state_json), true, err);
	return status;
}

static burr_status new_app(
	burr_tracker *tracker, const burr_app_info *info, burr_tracker_app **out, burr_error *err)
{
	char uuid[UUID_LEN + 1];
	random_uuid(uuid);
	const char *app_id = info->app_id ? info->app_id : uuid;
	burr_tracker_app *app = calloc(1, sizeof(*app));
	if (!app)
		return burr_fail(err, BURR_ENOMEM, "no memory for an application");
	app->tracker = tracker;
	burr_status status =
		spool_app_ref(tracker->spool, tracker->project, app_id, info->partition_key, &app->app, err);
	if (status != BURR_OK) {
		free(app);
		return status;
	}
	app->app_id = strdup(app_id);
	app->partition_key = info->partition_key ? strdup(info->partition_key) : NULL;
	if (!app->app_id || (info->partition_key && !app->partition_key)) {
		free_app(app);
		return burr_fail(err, BURR_ENOMEM, "no memory for an application");
	}
	*out = app;
	return BURR_OK;
}

static void add_app(burr_tracker_app *app)
{
	spool_lock(app->tracker->spool);
	app->next = app->tracker->apps;
	app->tracker->apps = app;
	spool_unlock(app->tracker->spool);
}

burr_status burr_tracker_create_app(
	burr_tracker *tracker, const burr_app_info *given, burr_tracker_app **out_app, burr_error *err)
{
	if (!tracker || !given)
		return burr_fail(err, BURR_EINVAL, "no tracker, or no application");
	burr_app_info info = BURR_APP_INFO_INIT;
	memcpy(&info, given, given->size < sizeof(info) ? given->size : sizeof(info));
	burr_status status = check_info(&info, err);
	if (status != BURR_OK)
		return status;
	if (!tracker->spool) { /* BURR_DISABLED */
		*out_app = NULL;
		return BURR_OK;
	}
	burr_tracker_app *app = NULL;
	status = new_app(tracker, &info, &app, err);
	if (status != BURR_OK)
		return status;
	const struct record record = {.type = RECORD_APPLICATION, .info = &info};
	status = spool_put_wait(tracker->spool, app->app, &record, tracker->wait_ms, err);
	if (status != BURR_OK && status != BURR_ELATER) {
		free_app(app);
		return burr_fail_in(err, status, "application %s in %s", info.app_id ? info.app_id : "",
			burr_tracker_store(tracker));
	}
	add_app(app);
	*out_app = app;
	return status;
}

void burr_tracker_close_app(burr_tracker_app *app)
{
	if (!app)
		return;
	spool_lock(app->tracker->spool);
	burr_tracker_app **at = &app->tracker->apps;
	while (*at != app)
		at = &(*at)->next;
	*at = app->next;
	spool_unlock(app->tracker->spool);
	free_app(app);
}

const char *burr_tracker_app_id(const burr_tracker_app *app)
{
	return app ? app->app_id : "";
}

/* ---- records ---- */

/* A refusal that the store never hears of is counted as well, so that flush tells. */
static burr_status refuse(burr_tracker_app *app, burr_status status, const burr_error *why)
{
	spool_count_refusal(app->tracker->spool, why->message);
	diag_say("record refused: %s", why->message);
	return status;
}

static burr_status put_record(burr_tracker_app *app, const struct record *record)
{
	return spool_put(app->tracker->spool, app->app, record, app->tracker->wait_ms);
}

static burr_status check_step(int64_t sequence_id, const char *name, const char *what, burr_error *err)
{
	if (sequence_id < 0)
		return burr_fail(err, BURR_EINVAL, "sequence_id %lld is negative", (long long)sequence_id);
	if (!name || !*name)
		return burr_fail(err, BURR_EINVAL, "the %s is empty", what);
	return BURR_OK;
}

bool burr_tracker_would_wait(burr_tracker_app *app, size_t text_len)
{
	return app && spool_would_wait(app->tracker->spool, app->app, text_len);
}

burr_status burr_tracker_begin_step(burr_tracker_app *app, int64_t sequence_id, const char *action,
	const char *inputs_json, const burr_via *via)
{
	if (!app)
		return BURR_OK;
	burr_error why;
	const struct record record = {
		.type = RECORD_BEGIN_ENTRY,
		.sequence_id = sequence_id,
		.action = slice_of(action),
		.inputs = slice_of(inputs_json),
		.via = via,
	};
	burr_status status = check_step(sequence_id, action, "action", &why);
	if (status == BURR_OK)
		status = check_object("inputs", record.inputs, app->tracker->validate, &why);
	return status == BURR_OK ? put_record(app, &record) : refuse(app, status, &why);
}

burr_status burr_tracker_end_step(burr_tracker_app *app, int64_t sequence_id, const char *action,
	const char *result_json, const char *exception, const char *state_json)
{
	if (!app)
		return BURR_OK;
	burr_error why;
	const struct record record = {
		.type = RECORD_END_ENTRY,
		.sequence_id = sequence_id,
		.action = slice_of(action),
		.result = slice_of(result_json),
		.exception = slice_of(exception),
		.state = slice_of(state_json ? state_json : ""),
	};
	burr_status status = check_step(sequence_id, action, "action", &why);
	if (status == BURR_OK)
		status = check_object("the result", record.result, app->tracker->validate, &why);
	if (status == BURR_OK)
		status = check_object("the state", record.state, app->tracker->validate, &why);
	return status == BURR_OK ? put_record(app, &record) : refuse(app, status, &why);
}

burr_status burr_tracker_begin_span(burr_tracker_app *app, int64_t sequence_id, const char *span_id,
	const char *span_name, const char *parent_span_id, const char *const *dependencies,
	size_t dependency_count)
{
	if (!app)
		return BURR_OK;
	burr_error why;
	const struct record record = {
		.type = RECORD_BEGIN_SPAN,
		.sequence_id = sequence_id,
		.span_id = slice_of(span_id),
		.span_name = slice_of(span_name),
		.parent_span_id = slice_of(parent_span_id),
		.dependencies = dependencies,
		.dependency_count = dependency_count,
	};
	burr_status status = check_step(sequence_id, span_id, "span id", &why);
	if (status == BURR_OK)
		status = check_step(sequence_id, span_name, "span name", &why);
	return status == BURR_OK ? put_record(app, &record) : refuse(app, status, &why);
}

burr_status burr_tracker_end_span(burr_tracker_app *app, int64_t sequence_id, const char *span_id)
{
	if (!app)
		return BURR_OK;
	burr_error why;
	const struct record record = {
		.type = RECORD_END_SPAN, .sequence_id = sequence_id, .span_id = slice_of(span_id)};
	burr_status status = check_step(sequence_id, span_id, "span id", &why);
	return status == BURR_OK ? put_record(app, &record) : refuse(app, status, &why);
}

burr_status burr_tracker_log_attribute(burr_tracker_app *app, int64_t sequence_id, const char *span_id,
	const char *key, const char *value_json, const burr_tag *tags, size_t tag_count)
{
	if (!app)
		return BURR_OK;
	burr_error why;
	const struct record record = {
		.type = RECORD_ATTRIBUTE,
		.sequence_id = sequence_id,
		.span_id = slice_of(span_id),
		.key = slice_of(key),
		.value = slice_of(value_json),
		.tags = tags,
		.tag_count = tag_count,
	};
	burr_status status = check_step(sequence_id, key, "key", &why);
	if (status == BURR_OK && !record.value.len)
		status = burr_fail(&why, BURR_EINVAL, "attribute %s has no value", key);
	if (status == BURR_OK && app->tracker->validate)
		status = json_validate(record.value, NULL, &why);
	return status == BURR_OK ? put_record(app, &record) : refuse(app, status, &why);
}

/* The records that hold nothing but numbers. */
static burr_status put_stream_record(
	burr_tracker_app *app, enum record_type type, int64_t sequence_id, int64_t items_streamed)
{
	if (!app)
		return BURR_OK;
	burr_error why;
	const struct record record = {
		.type = type, .sequence_id = sequence_id, .items_streamed = items_streamed};
	burr_status status = check_step(sequence_id, "stream", "stream", &why);
	if (status == BURR_OK && items_streamed < 0)
		status = burr_fail(&why, BURR_EINVAL, "%lld items streamed", (long long)items_streamed);
	return status == BURR_OK ? put_record(app, &record) : refuse(app, status, &why);
}

burr_status burr_tracker_begin_stream(burr_tracker_app *app, int64_t sequence_id)
{
	return put_stream_record(app, RECORD_BEGIN_STREAM, sequence_id, 0);
}

burr_status burr_tracker_first_item(burr_tracker_app *app, int64_t sequence_id)
{
	return put_stream_record(app, RECORD_FIRST_ITEM_STREAM, sequence_id, 0);
}

burr_status burr_tracker_end_stream(burr_tracker_app *app, int64_t sequence_id, int64_t items_streamed)
{
	return put_stream_record(app, RECORD_END_STREAM, sequence_id, items_streamed);
}

burr_status burr_tracker_end_app(burr_tracker_app *app)
{
	const struct record record = {.type = RECORD_END_APPLICATION};
	return app ? put_record(app, &record) : BURR_OK;
}

/* ---- for the library's other parts ---- */

const char *tracker_app_partition_key(const burr_tracker_app *app)
{
	return app ? app->partition_key : NULL;
}

burr_tracker *tracker_of_app(const burr_tracker_app *app)
{
	return app ? app->tracker : NULL;
}
