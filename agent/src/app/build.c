/* burr_build: from what was said to a checked application that is recorded. */
#include "app/builder.h"

#include "app/source.h"
#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"

#include <stdlib.h>

/* ---- graph ---- */

static burr_status add_transition(
	struct graph *graph, const struct pending_transition *pending, burr_error *err)
{
	struct transition_spec spec = {.to = slice_of(pending->to),
		.condition = pending->condition,
		.predicate = pending->predicate,
		.predicate_ctx = pending->predicate_ctx,
		.reads = pending->reads};
	for (const char *pos = pending->from; names_next(&pos, &spec.from);) {
		burr_status status = graph_add_transition(graph, &spec, err);
		if (status != BURR_OK)
			return status;
	}
	return BURR_OK;
}

static burr_status compile_graph(burr_builder *builder, burr_app *app, burr_error *err)
{
	app->graph = builder->graph;
	builder->graph = (struct graph){0};
	if (!app->graph.action_count)
		return burr_fail(err, BURR_EINVAL, "burr_build: there are no actions");
	for (size_t i = 0; i < builder->transition_count; i++) {
		burr_status status = add_transition(&app->graph, &builder->transitions[i], err);
		if (status != BURR_OK)
			return status;
	}
	return BURR_OK;
}

static const char *find_source(const burr_builder *builder, const char *file)
{
	for (size_t i = 0; file && i < builder->source_count; i++)
		if (!strcmp(builder->sources[i].file, file))
			return builder->sources[i].text;
	return NULL;
}

/* What was given goes before what is read: the file may have changed since it was compiled. */
static void put_code(const burr_builder *builder, const burr_action *info, struct buf *out)
{
	const char *embedded = find_source(builder, info->file);
	struct slice text = SLICE_NONE;
	if (info->source)
		text = slice_of(info->source);
	else if (embedded)
		text = source_extract(slice_of(embedded), info->line, info->name);
	if (text.data)
		buf_append_slice(out, text);
	else if (info->file && !source_read(info->file, info->line, info->name, out))
		buf_printf(out, "%s:%d", info->file, info->line);
}

static burr_status find_code(const burr_builder *builder, struct graph *graph, burr_error *err)
{
	for (size_t i = 0; i < graph->action_count; i++) {
		CLEAN(buf_fini) struct buf code = BUF_INIT;
		put_code(builder, &graph->actions[i].info, &code);
		graph->actions[i].code = buf_take(&code);
		if (!graph->actions[i].code)
			return burr_fail(err, BURR_ENOMEM, "action \"%s\": out of memory",
				graph->actions[i].info.name);
	}
	return BURR_OK;
}

/* ---- start ---- */

static burr_status start_plain(burr_builder *builder, burr_app *app, burr_error *err)
{
	if (!builder->entrypoint)
		return burr_fail(err, BURR_EINVAL, "burr_build: there is no entrypoint");
	app->forced = graph_find(&app->graph, slice_of(builder->entrypoint));
	if (app->forced == NO_ACTION)
		return burr_fail(err, BURR_EINVAL, "burr_build: the entrypoint \"%.140s\" is no action",
			builder->entrypoint);
	app->state = builder->state;
	builder->state = (struct state)STATE_INIT;
	app->sequence_id = builder->sequence_id != BURR_NO_SEQUENCE_ID ? builder->sequence_id
								       : builder->state_sequence_id;
	return BURR_OK;
}

static burr_status start(burr_builder *builder, burr_app *app, burr_error *err)
{
	char uuid[UUID_LEN + 1];
	if (builder->initialize && (builder->state_given || builder->entrypoint))
		return burr_fail(err, BURR_EINVAL,
			"burr_initialize_from takes the place of burr_with_state and burr_with_entrypoint; "
			"put "
			"them into its defaults");
	burr_status status =
		builder->initialize ? builder_initialize(builder, app, err) : start_plain(builder, app, err);
	if (status != BURR_OK)
		return status;
	random_uuid(uuid);
	app->app_id = builder->app_id ? builder->app_id : slice_dup(slice_of(uuid));
	app->partition_key = builder->partition_key;
	builder->app_id = NULL;
	builder->partition_key = NULL;
	return app->app_id ? BURR_OK : burr_fail(err, BURR_ENOMEM, "burr_build: out of memory");
}

/* ---- tracker ---- */

static burr_status open_tracker(burr_builder *builder, burr_error *err)
{
	burr_tracker *tracker = NULL;
	if (builder->tracker || !builder->tracker_options.project)
		return BURR_OK;
	burr_status status = burr_tracker_open(&builder->tracker_options, &tracker, err);
	if (status != BURR_OK)
		return status;
	builder->tracker = tracker_ref_new(tracker, true);
	if (builder->tracker)
		return BURR_OK;
	(void)burr_tracker_close(tracker, NULL); /* nothing was recorded */
	return burr_fail(err, BURR_ENOMEM, "burr_build: out of memory");
}

static burr_status attach_tracker(burr_builder *builder, burr_app *app, burr_error *err)
{
	burr_hooks hooks;
	if (!builder->tracker)
		return BURR_OK;
	app->tracker = tracker_ref_get(builder->tracker);
	app->track = track_new(tracker_ref_get(app->tracker), &hooks);
	if (!app->track) {
		tracker_ref_put(app->tracker);
		return burr_fail(err, BURR_ENOMEM, "burr_build: out of memory");
	}
	burr_status status = hooks_add_first(&app->hooks, &hooks, app->track, err);
	if (status != BURR_OK) {
		hooks.close(app->track);
		app->track = NULL;
	}
	return status;
}

/* ---- telling the hooks ---- */

static void describe_actions(const struct graph *graph, burr_action_info *out)
{
	for (size_t i = 0; i < graph->action_count; i++) {
		const struct graph_action *action = &graph->actions[i];
		const char *code = action->code && *action->code ? action->code : NULL;
		out[i] = (burr_action_info){action->info.name, action->info.reads, action->info.writes,
			action->info.inputs, code};
	}
}

static void describe_transitions(const struct graph *graph, burr_transition_info *out)
{
	for (size_t i = 0; i < graph->transition_count; i++) {
		const struct graph_transition *transition = &graph->transitions[i];
		out[i] = (burr_transition_info){graph_name(graph, transition->from),
			graph_name(graph, transition->to), transition->text};
	}
}

static burr_pointer pointer_to(const struct place *place)
{
	return (burr_pointer){place->app_id, place->sequence_id, place->partition_key};
}

/* Where the graph begins: what runs first, or for a run that is gone on with, what it went on from. */
static const char *entrypoint_of(const burr_builder *builder, const burr_app *app)
{
	const char *fallback = builder->initialize_from.default_entrypoint;
	if (app->forced != NO_ACTION)
		return graph_name(&app->graph, app->forced);
	return fallback ? fallback : graph_name(&app->graph, app->last);
}

static burr_status tell_created(const burr_builder *builder, burr_app *app, burr_error *err)
{
	const struct graph *graph = &app->graph;
	CLEAN(ptr_free) burr_action_info *actions = calloc(graph->action_count + 1, sizeof(*actions));
	CLEAN(ptr_free)
	burr_transition_info *transitions = calloc(graph->transition_count + 1, sizeof(*transitions));
	const char *state_json = burr_app_state_json(app);
	if (!actions || !transitions || !*state_json)
		return burr_fail(err, BURR_ENOMEM, "burr_build: out of memory");
	describe_actions(graph, actions);
	describe_transitions(graph, transitions);
	burr_pointer parent = pointer_to(&builder->parent);
	burr_pointer spawning_parent = pointer_to(&builder->spawning_parent);
	burr_app_info info = BURR_APP_INFO_INIT;
	info.app_id = app->app_id;
	info.partition_key = app->partition_key;
	info.entrypoint = entrypoint_of(builder, app);
	info.actions = actions;
	info.action_count = graph->action_count;
	info.transitions = transitions;
	info.transition_count = graph->transition_count;
	info.initial_state_json = state_json;
	info.parent = parent.app_id ? &parent : NULL;
	info.spawning_parent = spawning_parent.app_id ? &spawning_parent : NULL;
	burr_event event = app_event(app);
	event.info = &info;
	return hooks_created(&app->hooks, &event, err);
}

static burr_status fill(burr_builder *builder, burr_app *app, burr_error *err)
{
	app->hooks = builder->hooks;
	builder->hooks = (struct hooks){NULL, 0};
	app->ctx = builder->ctx;
	burr_status status = compile_graph(builder, app, err);
	if (status == BURR_OK)
		status = open_tracker(builder, err);
	if (status == BURR_OK)
		status = start(builder, app, err);
	if (status == BURR_OK)
		status = find_code(builder, &app->graph, err);
	if (status == BURR_OK)
		status = attach_tracker(builder, app, err);
	return status == BURR_OK ? tell_created(builder, app, err) : status;
}

static burr_app *app_new(void)
{
	burr_app *app = calloc(1, sizeof(*app));
	if (!app)
		return NULL;
	app->sequence_id = BURR_NO_SEQUENCE_ID;
	app->last = NO_ACTION;
	app->forced = NO_ACTION;
	atomic_flag_clear(&app->running);
	return app;
}

static burr_status build(burr_builder *builder, burr_app **out_app, burr_error *err)
{
	if (!builder)
		return burr_fail(err, BURR_ENOMEM, "building an application: out of memory");
	if (builder->err.code != BURR_OK)
		return burr_fail(err, builder->err.code, "%s", builder->err.message);
	if (!out_app)
		return burr_fail(err, BURR_EINVAL, "burr_build: out_app is NULL");
	burr_app *app = app_new();
	if (!app)
		return burr_fail(err, BURR_ENOMEM, "burr_build: out of memory");
	burr_status status = fill(builder, app, err);
	if (status == BURR_OK)
		*out_app = app;
	else
		burr_app_free(app);
	return status;
}

burr_status burr_build(burr_builder *builder, burr_app **out_app, burr_error *err)
{
	burr_status status = build(builder, out_app, err);
	burr_builder_free(builder);
	return status;
}
