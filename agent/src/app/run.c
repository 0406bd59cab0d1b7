/* The loop: what comes next, its step, the halts. A run, a single step and an iteration are all an iterator
 * that is driven here or by the caller.
 *
 * Threads: one at a time for each application. `running` is held while the loop is in here, so a second
 * thread, or an action that runs its own application, is refused instead of mixing two steps. */
#include "app/step.h"

#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"

struct burr_iterator {
	burr_app *app;
	struct names halt_before;
	struct names halt_after;
	char *inputs; /* an object; for the first step */
	burr_item_fn on_item;
	void *item_ctx;
	bool begun; /* the hooks know of the run */
	bool ended; /* … and of its end */
	bool halted;
	size_t step_count;
};

static const char no_inputs[] = "{}";

/* ---- one step ---- */

static burr_status check_inputs(const struct graph_action *action, struct slice inputs, burr_error *err)
{
	for (size_t i = 0; i < action->inputs.count; i++) {
		const char *name = action->inputs.items[i];
		if (name[strlen(name) - 1] == '?' || json_find(inputs, name).data)
			continue;
		return burr_fail(err, BURR_EINVAL,
			"action \"%s\": input \"%.140s\" is missing (inputs is \"%.140s\"; a run's inputs "
			"are for "
			"its first step)",
			action->info.name, name, action->info.inputs);
	}
	return BURR_OK;
}

/* The state as it is recorded, with Burr's private keys. */
static void put_record(burr_app *app, size_t prior)
{
	struct buf *out = &app->record;
	buf_clear(out);
	json_put_open(out, '{');
	state_put_members(&app->state, out);
	json_put_member_int(out, "__SEQUENCE_ID", app->sequence_id);
	if (prior != NO_ACTION)
		json_put_member(out, "__PRIOR_STEP", slice_of(graph_name(&app->graph, prior)));
	json_put_close(out, '}');
}

static size_t text_size(const struct state *state)
{
	size_t size = 0;
	for (size_t i = 0; i < state->count; i++)
		size += state->entries[i].text_len + 1;
	return size;
}

/* Room for the record whatever the step's end is, so that it can be written once the state has changed. */
static bool reserve_record(burr_step *step)
{
	enum { PRIVATE_KEYS = 1024 }; /* an action's name, escaped, and a number */
	struct buf *record = &step->app->record;
	buf_clear(record);
	return buf_reserve(record, text_size(&step->app->state) + text_size(&step->changes) + PRIVATE_KEYS);
}

static bool put_result(burr_step *step, struct buf *out)
{
	if (!step->result.count)
		return true;
	json_put_open(out, '{');
	state_put_members(&step->result, out);
	json_put_close(out, '}');
	return !out->failed;
}

/* All that the step did becomes true at once, or nothing does. */
static void settle(burr_step *step)
{
	burr_app *app = step->app;
	size_t action = (size_t)(step->action - app->graph.actions);
	CLEAN(buf_fini) struct buf result = BUF_INIT;
	if (step->status == BURR_OK && (!put_result(step, &result) || !reserve_record(step) ||
					       !state_apply(&app->state, &step->changes)))
		step_no_memory(step);
	app->next.made = false;
	if (step->status != BURR_OK) {
		app->forced = action;
		put_record(app, app->last);
		return;
	}
	app->forced = NO_ACTION;
	app->last = action;
	app->state_text_fresh = false;
	struct buf old = app->result;
	app->result = result;
	result = old;
	put_record(app, action);
}

/* `action "count": by must be positive, not 0 (counter.c:12)` */
static void put_exception(const burr_step *step, struct buf *out)
{
	const burr_action *info = &step->action->info;
	buf_printf(out, "action \"%s\": %s", info->name, step_message(step));
	if (info->file)
		buf_printf(out, " (%s:%d)", info->file, info->line);
}

static burr_status tell_end(burr_step *step, burr_error *err)
{
	burr_app *app = step->app;
	CLEAN(buf_fini) struct buf exception = BUF_INIT;
	burr_event event = step_event(step);
	if (step->status != BURR_OK) {
		put_exception(step, &exception);
		event.exception = exception.failed ? step_message(step) : exception.data;
	} else if (app->result.len) {
		event.result_json = app->result.data;
	}
	event.state_json = app->record.failed ? NULL : app->record.data;
	hooks_call(&app->hooks, offsetof(burr_hooks, post_run_step), &event);
	if (step->status == BURR_OK)
		return BURR_OK;
	return burr_fail(
		err, step->status == BURR_ENOMEM ? BURR_ENOMEM : BURR_EACTION, "%s", event.exception);
}

static void run_action(burr_step *step)
{
	const burr_action *info = &step->action->info;
	if (info->streaming)
		step_begin_stream(step);
	burr_status status = info->run(step);
	if (status != BURR_OK && step->status == BURR_OK)
		step_error(step, status, "it returned %s (%s)", burr_status_name(status),
			burr_status_text(status));
	step_close_open(step);
}

static burr_status tell_begin(burr_step *step, burr_error *err)
{
	burr_app *app = step->app;
	CLEAN(via_fini) struct via via;
	if (!via_init(&via, app))
		return burr_fail(err, BURR_ENOMEM, "action \"%s\": out of memory", step->action->info.name);
	app->sequence_id++;
	burr_event event = step_event(step);
	event.inputs_json = step->inputs.data;
	event.via = app->next.transition == NO_ACTION ? NULL : &via.via;
	hooks_call(&app->hooks, offsetof(burr_hooks, pre_run_step), &event);
	return BURR_OK;
}

static burr_status run_step(burr_iterator *it, burr_error *err)
{
	burr_app *app = it->app;
	const struct graph_action *action = &app->graph.actions[app->next.action];
	const char *inputs = it->step_count ? no_inputs : it->inputs;
	burr_status status = check_inputs(action, slice_of(inputs), err);
	if (status != BURR_OK)
		return status;
	burr_step step;
	step_init(&step, app, &action->reads, action->info.reads);
	step.action = action;
	step.inputs = slice_of(inputs);
	step.on_item = it->on_item;
	step.item_ctx = it->item_ctx;
	status = tell_begin(&step, err);
	if (status == BURR_OK) {
		it->step_count++;
		run_action(&step);
		settle(&step);
		status = tell_end(&step, err);
	}
	step_fini(&step);
	return status;
}

/* ---- a run ---- */

static burr_status check_halts(
	const burr_app *app, const char *what, const struct names *names, burr_error *err)
{
	for (size_t i = 0; i < names->count; i++)
		if (graph_find(&app->graph, slice_of(names->items[i])) == NO_ACTION)
			return burr_fail(
				err, BURR_EINVAL, "%s: there is no action \"%.140s\"", what, names->items[i]);
	return BURR_OK;
}

static bool is_input_of_any(const burr_app *app, struct slice name)
{
	for (size_t i = 0; i < app->graph.action_count; i++)
		if (graph_takes_input(&app->graph.actions[i], name, NULL))
			return true;
	return false;
}

/* An input that nothing declares is a slip of the pen: an optional one would be missed silently. */
static burr_status check_declared(const burr_app *app, struct slice inputs, burr_error *err)
{
	CLEAN(buf_fini) struct buf key = BUF_INIT;
	struct slice escaped;
	struct slice value;
	struct json_iter it = json_iter(inputs);
	while (json_next_member(&it, &escaped, &value)) {
		buf_clear(&key);
		if (!json_unescape(escaped, &key))
			return burr_fail(err, BURR_ENOMEM, "inputs: out of memory");
		if (!is_input_of_any(app, buf_slice(&key)))
			return burr_fail(err, BURR_EINVAL, "input \"%.140s\" is declared by no action",
				key.data ? key.data : "");
	}
	return BURR_OK;
}

static burr_status take_inputs(burr_iterator *it, const char *inputs_json, burr_error *err)
{
	struct slice inputs;
	burr_status status = json_validate(slice_of(inputs_json ? inputs_json : no_inputs), &inputs, err);
	if (status != BURR_OK)
		return burr_fail_in(err, status, "inputs");
	if (json_kind_of(inputs) != JSON_OBJECT)
		return burr_fail(err, BURR_EINVAL, "inputs: no JSON object");
	it->inputs = slice_dup(inputs);
	if (!it->inputs)
		return burr_fail(err, BURR_ENOMEM, "inputs: out of memory");
	return check_declared(it->app, inputs, err);
}

static void copy_options(burr_run_options *out, const burr_run_options *options)
{
	*out = (burr_run_options)BURR_RUN_OPTIONS_INIT;
	if (options)
		memcpy(out, options, options->size < sizeof(*out) ? options->size : sizeof(*out));
}

static burr_status iterator_init(
	burr_iterator *it, burr_app *app, const burr_run_options *given, burr_error *err)
{
	burr_run_options options;
	*it = (burr_iterator){.app = app};
	if (!app)
		return burr_fail(err, BURR_EINVAL, "there is no application to run (NULL)");
	if (given && given->size < sizeof(given->size))
		return burr_fail(err, BURR_EINVAL, "burr_run_options: the size is not set");
	copy_options(&options, given);
	it->on_item = options.on_item;
	it->item_ctx = options.item_ctx;
	if (!names_init(&it->halt_before, options.halt_before) ||
		!names_init(&it->halt_after, options.halt_after))
		return burr_fail(err, BURR_ENOMEM, "out of memory");
	burr_status status = check_halts(app, "halt_before", &it->halt_before, err);
	if (status == BURR_OK)
		status = check_halts(app, "halt_after", &it->halt_after, err);
	return status == BURR_OK ? take_inputs(it, options.inputs_json, err) : status;
}

static void tell_run_begin(burr_iterator *it)
{
	burr_event event = app_event(it->app);
	event.inputs_json = it->inputs;
	it->begun = true;
	hooks_call(&it->app->hooks, offsetof(burr_hooks, pre_run_execute_call), &event);
}

static void tell_run_end(burr_iterator *it, const char *exception)
{
	bool told = !it->begun || it->ended;
	it->ended = true;
	if (told)
		return;
	burr_event event = app_event(it->app);
	event.action = burr_app_last_action(it->app);
	event.exception = exception;
	hooks_call(&it->app->hooks, offsetof(burr_hooks, post_run_execute_call), &event);
}

static void iterator_fini(burr_iterator *it)
{
	tell_run_end(it, NULL);
	names_fini(&it->halt_before);
	names_fini(&it->halt_after);
	free(it->inputs);
}

/* Run one step unless the run is over; *out_action is NULL then. Halting before an action is looked at after
 * a first step only, as in Burr: a run that halts before the action it stands at would never move. */
static burr_status advance(burr_iterator *it, const char **out_action, burr_error *err)
{
	burr_app *app = it->app;
	*out_action = NULL;
	if (it->halted)
		return BURR_OK;
	burr_status status = app_decide(app, err);
	if (status != BURR_OK)
		return status;
	const char *name = graph_name(&app->graph, app->next.action);
	if (!name || (it->step_count && names_have(&it->halt_before, slice_of(name)))) {
		it->halted = true;
		return BURR_OK;
	}
	status = run_step(it, err);
	if (status != BURR_OK)
		return status;
	it->halted = names_have(&it->halt_after, slice_of(name));
	*out_action = name;
	return BURR_OK;
}

static burr_status advance_alone(burr_iterator *it, const char **out_action, burr_error *err)
{
	burr_error local = BURR_ERROR_INIT;
	burr_error *out_err = err ? err : &local;
	if (atomic_flag_test_and_set(&it->app->running))
		return burr_fail(err, BURR_EINVAL,
			"application \"%.200s\" is running already (in another thread, or this is one of its "
			"own "
			"actions or hooks)",
			it->app->app_id);
	if (!it->begun)
		tell_run_begin(it);
	burr_status status = advance(it, out_action, out_err);
	if (status != BURR_OK || !*out_action)
		tell_run_end(it, status == BURR_OK ? NULL : out_err->message);
	atomic_flag_clear(&it->app->running);
	return status;
}

burr_status burr_iterator_next(burr_iterator *it, const char **out_action, burr_error *err)
{
	const char *action = NULL;
	if (!it)
		return burr_fail(err, BURR_EINVAL, "burr_iterator_next: the iterator is NULL");
	burr_status status = it->ended ? BURR_OK : advance_alone(it, &action, err);
	if (status == BURR_OK && out_action)
		*out_action = action;
	return status;
}

burr_status burr_app_iterate(
	burr_app *app, const burr_run_options *options, burr_iterator **out_iterator, burr_error *err)
{
	burr_iterator *it = malloc(sizeof(*it));
	if (!it)
		return burr_fail(err, BURR_ENOMEM, "out of memory");
	burr_status status = iterator_init(it, app, options, err);
	if (status == BURR_OK)
		*out_iterator = it;
	else
		burr_iterator_free(it);
	return status;
}

void burr_iterator_free(burr_iterator *it)
{
	if (it)
		iterator_fini(it);
	free(it);
}

static burr_status run_to_halt(burr_iterator *it, burr_error *err)
{
	const char *action = NULL;
	burr_status status;
	do
		status = advance_alone(it, &action, err);
	while (status == BURR_OK && action);
	return status;
}

burr_status burr_app_run_until(burr_app *app, const burr_run_options *options, burr_error *err)
{
	burr_iterator it;
	burr_status status = iterator_init(&it, app, options, err);
	if (status == BURR_OK)
		status = run_to_halt(&it, err);
	iterator_fini(&it);
	return status;
}

burr_status burr_app_run(burr_app *app, const char *halt_after, const char *inputs_json, burr_error *err)
{
	burr_run_options options = BURR_RUN_OPTIONS_INIT;
	options.halt_after = halt_after;
	options.inputs_json = inputs_json;
	return burr_app_run_until(app, &options, err);
}

burr_status burr_app_step(burr_app *app, const char *inputs_json, const char **out_action, burr_error *err)
{
	burr_iterator it;
	const char *action = NULL;
	burr_run_options options = BURR_RUN_OPTIONS_INIT;
	options.inputs_json = inputs_json;
	burr_status status = iterator_init(&it, app, &options, err);
	if (status == BURR_OK)
		status = advance_alone(&it, &action, err);
	if (status == BURR_OK && out_action)
		*out_action = action;
	iterator_fini(&it);
	return status;
}
