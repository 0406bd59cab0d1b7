/* burr_initialize_from: where an application starts that goes on with what is recorded. */
#include "app/builder.h"

#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"

/* Which recorded step is wanted. */
struct wanted {
	const char *store;
	const char *project;
	const char *app_id;
	const char *partition_key;
	int64_t sequence_id;
};

static void loaded_free(burr_loaded **loaded)
{
	burr_free(*loaded);
}

static burr_status find_wanted(const burr_builder *builder, struct wanted *out, burr_error *err)
{
	const burr_initialize_options *options = &builder->initialize_from;
	const burr_tracker *tracker = builder->tracker ? builder->tracker->tracker : NULL;
	bool fork = options->fork_from_app_id != NULL;
	out->store = options->store || !tracker ? options->store : burr_tracker_store(tracker);
	out->project = options->project || !tracker ? options->project : burr_tracker_project(tracker);
	out->app_id = fork ? options->fork_from_app_id : builder->app_id;
	out->partition_key = fork ? options->fork_from_partition_key : builder->partition_key;
	out->sequence_id = fork ? options->fork_from_sequence_id : options->sequence_id;
	if (!out->project)
		return burr_fail(
			err, BURR_EINVAL, "initialize_from: there is no tracker, and no project is named");
	if (fork && builder->app_id && !strcmp(builder->app_id, options->fork_from_app_id))
		return burr_fail(err, BURR_EINVAL,
			"initialize_from: application \"%.200s\" cannot be forked under its own app_id",
			builder->app_id);
	return BURR_OK;
}

static burr_status load(
	const struct wanted *wanted, int64_t sequence_id, burr_loaded **out_loaded, burr_error *err)
{
	return burr_load(wanted->store, wanted->project, wanted->app_id, wanted->partition_key, sequence_id,
		out_loaded, err);
}

static bool has_any_step(const struct wanted *wanted)
{
	CLEAN(loaded_free) burr_loaded *last = NULL;
	return load(wanted, BURR_LAST_STEP, &last, NULL) == BURR_OK;
}

/* *out_loaded stays NULL where nothing is recorded. A step that was asked for by number and is missing from
 * an application that has others is an error. */
static burr_status load_wanted(const struct wanted *wanted, burr_loaded **out_loaded, burr_error *err)
{
	burr_error load_err = BURR_ERROR_INIT;
	if (!wanted->app_id)
		return BURR_OK; /* an id that is yet to be made */
	burr_status status = load(wanted, wanted->sequence_id, out_loaded, &load_err);
	if (status == BURR_ENOTFOUND && (wanted->sequence_id == BURR_LAST_STEP || !has_any_step(wanted)))
		return BURR_OK;
	if (status != BURR_OK)
		return burr_fail(err, status, "initialize_from: %s", load_err.message);
	return BURR_OK;
}

static burr_status set_state(burr_app *app, const char *state_json, burr_error *err)
{
	struct slice object;
	burr_status status = json_validate(slice_of(state_json), &object, err);
	if (status != BURR_OK)
		return burr_fail_in(err, status, "initialize_from: the state");
	if (json_kind_of(object) != JSON_OBJECT)
		return burr_fail(err, BURR_EINVAL, "initialize_from: the state is no JSON object");
	return state_set_object(&app->state, object, err);
}

static burr_status begin_at(burr_app *app, const char *action, const char *why, burr_error *err)
{
	if (!action)
		return burr_fail(
			err, BURR_EINVAL, "initialize_from: %s, and there is no default_entrypoint", why);
	app->forced = graph_find(&app->graph, slice_of(action));
	if (app->forced == NO_ACTION)
		return burr_fail(err, BURR_EINVAL,
			"initialize_from: the default_entrypoint \"%.140s\" is no action", action);
	return BURR_OK;
}

static burr_status begin_with_defaults(
	const burr_builder *builder, const struct wanted *wanted, burr_app *app, burr_error *err)
{
	const burr_initialize_options *options = &builder->initialize_from;
	const char *state_json = options->default_state_json;
	char why[300];
	snprintf(why, sizeof(why), "nothing is recorded of application \"%.200s\"",
		wanted->app_id ? wanted->app_id : "(a new one)");
	burr_status status = begin_at(app, options->default_entrypoint, why, err);
	if (status != BURR_OK)
		return status;
	app->sequence_id = builder->sequence_id;
	return set_state(app, state_json ? state_json : "{}", err);
}

/* Behind a step that completed the transitions decide; one that failed runs again. */
static burr_status go_on_from(const burr_loaded *loaded, burr_app *app, burr_error *err)
{
	size_t position = graph_find(&app->graph, slice_of(loaded->position));
	if (position == NO_ACTION)
		return burr_fail(err, BURR_EINVAL,
			"initialize_from: step %lld of \"%.200s\" is at action \"%.140s\", which this "
			"application does not have",
			(long long)loaded->sequence_id, loaded->app_id, loaded->position);
	if (loaded->status == BURR_STEP_FAILED)
		app->forced = position;
	else
		app->last = position;
	return BURR_OK;
}

static burr_status begin_with_loaded(
	burr_builder *builder, const burr_loaded *loaded, burr_app *app, burr_error *err)
{
	const burr_initialize_options *options = &builder->initialize_from;
	burr_status status = options->resume_at_next_action
				     ? go_on_from(loaded, app, err)
				     : begin_at(app, options->default_entrypoint,
					       "the run is not resumed at its next action", err);
	if (status != BURR_OK)
		return status;
	if (loaded->sequence_id == INT64_MAX)
		return burr_fail(err, BURR_ETOOBIG, "initialize_from: no number is left after step %lld",
			(long long)loaded->sequence_id);
	app->sequence_id = loaded->sequence_id;
	if (!options->fork_from_app_id && !builder->partition_key)
		builder->partition_key = slice_dup(slice_of(loaded->partition_key));
	if (options->fork_from_app_id &&
		!place_set(&builder->parent, loaded->app_id, loaded->sequence_id, loaded->partition_key))
		return burr_fail(err, BURR_ENOMEM, "initialize_from: out of memory");
	return set_state(app, loaded->state_json, err);
}

burr_status builder_initialize(burr_builder *builder, burr_app *app, burr_error *err)
{
	struct wanted wanted;
	CLEAN(loaded_free) burr_loaded *loaded = NULL;
	burr_status status = find_wanted(builder, &wanted, err);
	if (status == BURR_OK)
		status = load_wanted(&wanted, &loaded, err);
	if (status != BURR_OK)
		return status;
	return loaded ? begin_with_loaded(builder, loaded, app, err)
		      : begin_with_defaults(builder, &wanted, app, err);
}
