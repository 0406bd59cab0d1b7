/* What comes next: the transitions out of the last action, in order, and why the one that holds was taken. */
#include "app/step.h"

#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"

static burr_status ask_predicate(
	burr_app *app, const struct graph_transition *transition, bool *out_holds, burr_error *err)
{
	burr_step view;
	step_init(&view, app, &transition->reads, transition->reads_text);
	bool holds = transition->predicate(&view, transition->predicate_ctx);
	burr_status status = view.status;
	if (status == BURR_OK)
		*out_holds = holds;
	else
		burr_fail(err, status, "%s", step_message(&view));
	step_fini(&view);
	return status;
}

static burr_status holds(
	burr_app *app, const struct graph_transition *transition, bool *out_holds, burr_error *err)
{
	burr_status status = BURR_OK;
	*out_holds = true;
	if (transition->is_default)
		return BURR_OK;
	status = transition->predicate ? ask_predicate(app, transition, out_holds, err)
				       : condition_eval(&transition->condition, &app->state, out_holds, err);
	if (status != BURR_OK)
		burr_fail_in(err, status, "transition %s -> %s: condition \"%.120s\"",
			graph_name(&app->graph, transition->from), graph_name(&app->graph, transition->to),
			transition->text);
	return status;
}

/* The values that a condition saw; {} for one that reads nothing. */
static void put_values(const burr_app *app, const struct graph_transition *transition, struct buf *out)
{
	if (!transition->predicate && !transition->is_default) {
		condition_put_values(&transition->condition, &app->state, out);
		return;
	}
	json_put_open(out, '{');
	for (size_t i = 0; i < transition->reads.count; i++)
		condition_put_value(&app->state, slice_of(transition->reads.items[i]), out);
	json_put_close(out, '}');
}

static burr_status no_way(const burr_app *app, burr_error *err)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf values = BUF_INIT;
	buf_printf(&text, "no transition out of \"%s\" holds", graph_name(&app->graph, app->last));
	const char *separator = ": ";
	for (size_t i = 0; i < app->graph.transition_count; i++) {
		const struct graph_transition *transition = &app->graph.transitions[i];
		if (transition->from != app->last)
			continue;
		buf_clear(&values);
		put_values(app, transition, &values);
		buf_printf(&text, "%s-> %s if %s, saw %.*s", separator,
			graph_name(&app->graph, transition->to), transition->text,
			SLICE_ARG(buf_slice(&values)));
		separator = "; ";
	}
	if (text.failed || values.failed)
		return burr_fail(err, BURR_ENOMEM, "out of memory");
	return burr_fail(err, BURR_ENOWAY, "%s", text.data);
}

static burr_status follow(burr_app *app, struct decision *out, burr_error *err)
{
	for (size_t i = 0; i < app->graph.transition_count; i++) {
		const struct graph_transition *transition = &app->graph.transitions[i];
		bool found = false;
		if (transition->from != app->last)
			continue;
		burr_status status = holds(app, transition, &found, err);
		if (status != BURR_OK)
			return status;
		if (found) {
			*out = (struct decision){true, transition->to, i};
			return BURR_OK;
		}
	}
	return no_way(app, err);
}

burr_status app_decide(burr_app *app, burr_error *err)
{
	if (app->next.made)
		return BURR_OK;
	if (app->forced != NO_ACTION) {
		app->next = (struct decision){true, app->forced, NO_ACTION};
		return BURR_OK;
	}
	if (app->last == NO_ACTION || !app->graph.actions[app->last].has_way_out) {
		app->next = (struct decision){true, NO_ACTION, NO_ACTION};
		return BURR_OK;
	}
	return follow(app, &app->next, err);
}

/* ---- why ---- */

void via_fini(struct via *via)
{
	free(via->rejected);
	buf_fini(&via->values);
}

/* The objects were appended one behind the other; now that the buf stays where it is, find them again. */
static void point_at_values(struct via *via)
{
	const char *pos = via->values.data;
	for (size_t i = 0; i < via->via.rejected_count; i++) {
		via->rejected[i].values_json = pos;
		pos += strlen(pos) + 1;
	}
	via->via.values_json = pos;
	via->via.rejected = via->rejected;
}

static void add_rejected(struct via *via, const burr_app *app, const struct graph_transition *transition)
{
	burr_via_rejected *rejected = &via->rejected[via->via.rejected_count++];
	rejected->to = graph_name(&app->graph, transition->to);
	rejected->condition = transition->text;
	put_values(app, transition, &via->values);
	buf_append_char(&via->values, '\0');
}

bool via_init(struct via *via, const burr_app *app)
{
	const struct graph *graph = &app->graph;
	*via = (struct via){.values = BUF_INIT};
	if (app->next.transition == NO_ACTION)
		return true;
	const struct graph_transition *taken = &graph->transitions[app->next.transition];
	via->rejected = calloc(app->next.transition + 1, sizeof(*via->rejected));
	if (!via->rejected)
		return false;
	via->via.from = graph_name(graph, taken->from);
	via->via.condition = taken->text;
	for (size_t i = 0; i < app->next.transition; i++)
		if (graph->transitions[i].from == taken->from)
			add_rejected(via, app, &graph->transitions[i]);
	put_values(app, taken, &via->values);
	if (via->values.failed)
		return false;
	point_at_values(via);
	return true;
}
