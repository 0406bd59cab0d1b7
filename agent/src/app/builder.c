/* The burr_with_* calls: each copies what it is told, and notes the first mistake. */
#include "app/builder.h"

#include "app/step.h"

#include "base/error.h"
#include "base/json.h"

#include <stdlib.h>

burr_builder *burr_builder_new(void)
{
	burr_builder *builder = calloc(1, sizeof(*builder));
	if (!builder)
		return NULL;
	builder->state_sequence_id = BURR_NO_SEQUENCE_ID;
	builder->sequence_id = BURR_NO_SEQUENCE_ID;
	return builder;
}

void place_fini(struct place *place)
{
	free(place->app_id);
	free(place->partition_key);
	*place = (struct place){NULL, 0, NULL};
}

bool place_set(struct place *place, const char *app_id, int64_t sequence_id, const char *partition_key)
{
	place_fini(place);
	place->app_id = slice_dup(slice_of(app_id));
	place->sequence_id = sequence_id;
	place->partition_key = slice_dup(slice_of(partition_key));
	return place->app_id && (place->partition_key || !partition_key);
}

static void free_pending(struct pending_transition *pending)
{
	free(pending->from);
	free(pending->to);
	free(pending->condition);
	free(pending->reads);
}

static void free_initialize_texts(burr_initialize_options *options)
{
	free((char *)options->store);
	free((char *)options->project);
	free((char *)options->default_state_json);
	free((char *)options->default_entrypoint);
	free((char *)options->fork_from_app_id);
	free((char *)options->fork_from_partition_key);
}

static void free_tracker_texts(burr_tracker_options *options)
{
	free((char *)options->project);
	free((char *)options->store);
	options->project = NULL;
	options->store = NULL;
}

void burr_builder_free(burr_builder *builder)
{
	if (!builder)
		return;
	graph_fini(&builder->graph);
	for (size_t i = 0; i < builder->transition_count; i++)
		free_pending(&builder->transitions[i]);
	free(builder->transitions);
	for (size_t i = 0; i < builder->source_count; i++) {
		free(builder->sources[i].file);
		free(builder->sources[i].text);
	}
	free(builder->sources);
	state_fini(&builder->state);
	free(builder->entrypoint);
	free(builder->app_id);
	free(builder->partition_key);
	place_fini(&builder->parent);
	place_fini(&builder->spawning_parent);
	free_tracker_texts(&builder->tracker_options);
	tracker_ref_put(builder->tracker);
	hooks_fini(&builder->hooks);
	free_initialize_texts(&builder->initialize_from);
	free(builder);
}

static bool is_open(const burr_builder *builder)
{
	return builder && builder->err.code == BURR_OK;
}

static void no_memory(burr_builder *builder)
{
	burr_fail(&builder->err, BURR_ENOMEM, "building an application: out of memory");
}

/* Replace an owned text; NULL stays NULL. */
static void replace(burr_builder *builder, char **field, const char *text)
{
	char *copy = slice_dup(slice_of(text));
	if (text && !copy)
		no_memory(builder);
	free(*field);
	*field = copy;
}

/* A text of an options struct becomes an owned copy. */
static void own(burr_builder *builder, const char **field)
{
	const char *text = *field;
	*field = slice_dup(slice_of(text));
	if (text && !*field)
		no_memory(builder);
}

/* ---- graph ---- */

void burr_with_action(burr_builder *builder, const burr_action *action)
{
	if (is_open(builder))
		(void)graph_add_action(&builder->graph, action, &builder->err); /* sticks in err */
}

void burr_with_source(burr_builder *builder, const char *file, const char *text)
{
	if (!is_open(builder))
		return;
	if (!file || !text || !utf8_valid(slice_of(text))) {
		burr_fail(&builder->err, BURR_EINVAL, "burr_with_source: no file, or no text in UTF-8");
		return;
	}
	struct source_file *sources =
		realloc(builder->sources, (builder->source_count + 1) * sizeof(*sources));
	if (!sources) {
		no_memory(builder);
		return;
	}
	builder->sources = sources;
	struct source_file *source = &sources[builder->source_count++];
	*source = (struct source_file){NULL, NULL};
	replace(builder, &source->file, file);
	replace(builder, &source->text, text);
}

static void add_pending(burr_builder *builder, const char *from, const char *to, const char *condition,
	const char *reads, burr_predicate predicate, void *ctx)
{
	struct slice name;
	const char *pos = from;
	if (!is_open(builder))
		return;
	if (!from || !to || !names_next(&pos, &name)) {
		burr_fail(&builder->err, BURR_EINVAL,
			"transition \"%.140s\" -> \"%.140s\": an end is missing", from ? from : "",
			to ? to : "");
		return;
	}
	struct pending_transition *all =
		realloc(builder->transitions, (builder->transition_count + 1) * sizeof(*all));
	if (!all) {
		no_memory(builder);
		return;
	}
	builder->transitions = all;
	struct pending_transition *pending = &all[builder->transition_count++];
	*pending = (struct pending_transition){.predicate = predicate, .predicate_ctx = ctx};
	replace(builder, &pending->from, from);
	replace(builder, &pending->to, to);
	replace(builder, &pending->condition, condition);
	replace(builder, &pending->reads, reads);
}

void burr_with_transition(burr_builder *builder, const char *from, const char *to, const char *condition)
{
	add_pending(builder, from, to, condition, NULL, NULL, NULL);
}

void burr_with_transition_predicate(burr_builder *builder, const char *from, const char *to, const char *name,
	const char *reads, burr_predicate predicate, void *ctx)
{
	if (is_open(builder) && !predicate)
		burr_fail(&builder->err, BURR_EINVAL, "transition %.140s -> %.140s: the function is NULL",
			from ? from : "", to ? to : "");
	add_pending(builder, from, to, name, reads, predicate, ctx);
}

/* ---- start ---- */

static bool take_sequence_id(burr_builder *builder, struct slice object)
{
	struct slice value = json_find(object, "__SEQUENCE_ID");
	int64_t id = BURR_NO_SEQUENCE_ID;
	if (!value.data || json_kind_of(value) == JSON_NULL)
		return true;
	if (!json_to_int(value, &id) || id < BURR_NO_SEQUENCE_ID || id == INT64_MAX)
		return false;
	builder->state_sequence_id = id;
	return true;
}

void burr_with_state(burr_builder *builder, const char *state_json)
{
	struct slice object;
	if (!is_open(builder))
		return;
	builder->state_given = true;
	if (!state_json)
		burr_fail(&builder->err, BURR_EINVAL, "burr_with_state: the state is NULL");
	else if (json_validate(slice_of(state_json), &object, &builder->err) != BURR_OK)
		burr_fail_in(&builder->err, BURR_EINVAL, "burr_with_state");
	else if (json_kind_of(object) != JSON_OBJECT)
		burr_fail(&builder->err, BURR_EINVAL, "burr_with_state: the state is no JSON object");
	else if (!take_sequence_id(builder, object))
		burr_fail(&builder->err, BURR_EINVAL, "burr_with_state: __SEQUENCE_ID is no sequence id");
	else
		(void)state_set_object(&builder->state, object, &builder->err); /* sticks in err */
}

void burr_with_entrypoint(burr_builder *builder, const char *action)
{
	if (!is_open(builder))
		return;
	if (!action)
		burr_fail(&builder->err, BURR_EINVAL, "burr_with_entrypoint: the action is NULL");
	replace(builder, &builder->entrypoint, action);
}

void burr_with_identifiers(
	burr_builder *builder, const char *app_id, const char *partition_key, int64_t sequence_id)
{
	if (!is_open(builder))
		return;
	if (app_id && !*app_id)
		burr_fail(&builder->err, BURR_EINVAL, "burr_with_identifiers: the app_id is empty");
	else if ((app_id && !utf8_valid(slice_of(app_id))) ||
		 (partition_key && !utf8_valid(slice_of(partition_key))))
		burr_fail(&builder->err, BURR_EINVAL, "burr_with_identifiers: not valid UTF-8");
	else if (sequence_id < BURR_NO_SEQUENCE_ID || sequence_id == INT64_MAX)
		burr_fail(&builder->err, BURR_EINVAL, "burr_with_identifiers: %lld is no sequence id",
			(long long)sequence_id);
	replace(builder, &builder->app_id, app_id);
	replace(builder, &builder->partition_key, partition_key);
	builder->sequence_id = sequence_id;
}

void burr_with_ctx(burr_builder *builder, void *ctx)
{
	if (builder)
		builder->ctx = ctx;
}

void burr_with_spawning_parent(
	burr_builder *builder, const char *app_id, int64_t sequence_id, const char *partition_key)
{
	if (!is_open(builder))
		return;
	if (!app_id || !*app_id)
		burr_fail(&builder->err, BURR_EINVAL, "burr_with_spawning_parent: the app_id is missing");
	else if (!place_set(&builder->spawning_parent, app_id, sequence_id, partition_key))
		no_memory(builder);
}

void burr_initialize_from(burr_builder *builder, const burr_initialize_options *options)
{
	if (!is_open(builder))
		return;
	if (!options || options->size < sizeof(options->size)) {
		burr_fail(&builder->err, BURR_EINVAL,
			"burr_initialize_from: no options, or their size is not set");
		return;
	}
	free_initialize_texts(&builder->initialize_from);
	burr_initialize_options *copy = &builder->initialize_from;
	*copy = (burr_initialize_options)BURR_INITIALIZE_OPTIONS_INIT;
	memcpy(copy, options, options->size < sizeof(*copy) ? options->size : sizeof(*copy));
	copy->size = sizeof(*copy);
	own(builder, &copy->store);
	own(builder, &copy->project);
	own(builder, &copy->default_state_json);
	own(builder, &copy->default_entrypoint);
	own(builder, &copy->fork_from_app_id);
	own(builder, &copy->fork_from_partition_key);
	builder->initialize = true;
}

/* ---- tracker and hooks ---- */

static void forget_tracker(burr_builder *builder)
{
	tracker_ref_put(builder->tracker);
	builder->tracker = NULL;
	free_tracker_texts(&builder->tracker_options);
}

void burr_with_tracker_options(burr_builder *builder, const burr_tracker_options *options)
{
	if (!is_open(builder))
		return;
	if (!options || options->size < sizeof(options->size) || !options->project) {
		burr_fail(&builder->err, BURR_EINVAL,
			"burr_with_tracker: the options have no size, or name no project");
		return;
	}
	forget_tracker(builder);
	burr_tracker_options *copy = &builder->tracker_options;
	*copy = (burr_tracker_options)BURR_TRACKER_OPTIONS_INIT;
	memcpy(copy, options, options->size < sizeof(*copy) ? options->size : sizeof(*copy));
	copy->size = sizeof(*copy);
	own(builder, &copy->project);
	own(builder, &copy->store);
}

void burr_with_tracker(burr_builder *builder, const char *project)
{
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = project;
	burr_with_tracker_options(builder, &options);
}

void builder_share_tracker(burr_builder *builder, struct tracker_ref *ref)
{
	if (!is_open(builder))
		return;
	forget_tracker(builder);
	builder->tracker = tracker_ref_get(ref);
}

void burr_with_shared_tracker(burr_builder *builder, burr_tracker *tracker)
{
	if (!is_open(builder))
		return;
	forget_tracker(builder);
	builder->tracker = tracker ? tracker_ref_new(tracker, false) : NULL;
	if (tracker && !builder->tracker)
		no_memory(builder);
}

/* Even a builder that has failed takes the hooks, so that close is called exactly once in every case. */
void burr_with_hooks(burr_builder *builder, const burr_hooks *hooks, void *ctx)
{
	burr_error err = BURR_ERROR_INIT;
	if (builder && hooks_add(&builder->hooks, hooks, ctx, &err) == BURR_OK)
		return;
	if (is_open(builder))
		builder->err = err;
	if (hooks && hooks->size >= sizeof(*hooks) && hooks->close)
		hooks->close(ctx);
}

burr_builder *burr_step_spawn(burr_step *step)
{
	burr_builder *builder = burr_builder_new();
	if (!builder) {
		step_no_memory(step);
		return NULL;
	}
	burr_with_spawning_parent(
		builder, step->app->app_id, step->app->sequence_id, step->app->partition_key);
	burr_with_identifiers(builder, NULL, step->app->partition_key, BURR_NO_SEQUENCE_ID);
	builder_share_tracker(builder, step->app->tracker);
	return builder;
}
