#include "app/graph.h"

#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"

enum { NAME_MAX_BYTES = 128 };

static void action_fini(struct graph_action *action)
{
	free((char *)action->info.name);
	free((char *)action->info.reads);
	free((char *)action->info.writes);
	free((char *)action->info.inputs);
	free((char *)action->info.file);
	free((char *)action->info.source);
	names_fini(&action->reads);
	names_fini(&action->writes);
	names_fini(&action->inputs);
	free(action->code);
}

static void transition_fini(struct graph_transition *transition)
{
	free(transition->text);
	free(transition->reads_text);
	condition_fini(&transition->condition);
	names_fini(&transition->reads);
}

void graph_fini(struct graph *graph)
{
	for (size_t i = 0; i < graph->action_count; i++)
		action_fini(&graph->actions[i]);
	for (size_t i = 0; i < graph->transition_count; i++)
		transition_fini(&graph->transitions[i]);
	free(graph->actions);
	free(graph->transitions);
	*graph = (struct graph){0};
}

size_t graph_find(const struct graph *graph, struct slice name)
{
	for (size_t i = 0; i < graph->action_count; i++)
		if (slice_is(name, graph->actions[i].info.name))
			return i;
	return NO_ACTION;
}

static bool name_is_plain(const char *name)
{
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7F)
			return false;
	return *name && strlen(name) <= NAME_MAX_BYTES && utf8_valid(slice_of(name));
}

static burr_status check_action(const struct graph *graph, const burr_action *action, burr_error *err)
{
	if (!action || action->size < sizeof(action->size))
		return burr_fail(err, BURR_EINVAL, "burr_with_action: no action, or its size is not set");
	if (!action->name || !name_is_plain(action->name))
		return burr_fail(err, BURR_EINVAL,
			"action \"%.140s\": a name is 1 to %d bytes of UTF-8 without spaces",
			action->name ? action->name : "", NAME_MAX_BYTES);
	if (!action->run)
		return burr_fail(err, BURR_EINVAL, "action \"%s\": it has no function to run", action->name);
	if (graph_find(graph, slice_of(action->name)) != NO_ACTION)
		return burr_fail(err, BURR_EINVAL, "action \"%s\": there are two of that name", action->name);
	return BURR_OK;
}

static burr_status check_list(
	const char *action, const char *what, const struct names *names, burr_error *err)
{
	const char *repeated = names_find_repeated(names);
	if (repeated)
		return burr_fail(
			err, BURR_EINVAL, "action \"%s\": %s names \"%.140s\" twice", action, what, repeated);
	for (size_t i = 0; i < names->count; i++) {
		if (state_key_is_private(slice_of(names->items[i])))
			return burr_fail(err, BURR_EINVAL,
				"action \"%s\": %s names \"%.140s\": keys that begin with __ are the "
				"library's",
				action, what, names->items[i]);
		if (!utf8_valid(slice_of(names->items[i])))
			return burr_fail(
				err, BURR_EINVAL, "action \"%s\": %s is not valid UTF-8", action, what);
	}
	return BURR_OK;
}

static bool copy_text(const char **field)
{
	const char *text = *field;
	*field = slice_dup(slice_of(text));
	return *field || !text;
}

/* Copies every text; on failure the copy holds only its own, and is ready for action_fini. */
static bool copy_action(struct graph_action *copy, const burr_action *action)
{
	size_t size = action->size < sizeof(*action) ? action->size : sizeof(*action);
	memset(copy, 0, sizeof(*copy));
	memcpy(&copy->info, action, size);
	copy->info.size = sizeof(copy->info);
	bool ok = copy_text(&copy->info.name);
	ok = copy_text(&copy->info.reads) && ok;
	ok = copy_text(&copy->info.writes) && ok;
	ok = copy_text(&copy->info.inputs) && ok;
	ok = copy_text(&copy->info.file) && ok;
	ok = copy_text(&copy->info.source) && ok;
	ok = ok && names_init(&copy->reads, copy->info.reads);
	ok = ok && names_init(&copy->writes, copy->info.writes);
	return ok && names_init(&copy->inputs, copy->info.inputs);
}

static burr_status check_lists(const struct graph_action *copy, burr_error *err)
{
	const char *name = copy->info.name;
	burr_status status = check_list(name, "reads", &copy->reads, err);
	if (status == BURR_OK)
		status = check_list(name, "writes", &copy->writes, err);
	if (status == BURR_OK)
		status = check_list(name, "inputs", &copy->inputs, err);
	return status;
}

burr_status graph_add_action(struct graph *graph, const burr_action *action, burr_error *err)
{
	struct graph_action copy;
	burr_status status = check_action(graph, action, err);
	if (status != BURR_OK)
		return status;
	struct graph_action *actions =
		realloc(graph->actions, (graph->action_count + 1) * sizeof(*graph->actions));
	if (!actions)
		return burr_fail(err, BURR_ENOMEM, "action \"%s\": out of memory", action->name);
	graph->actions = actions;
	if (!copy_action(&copy, action))
		status = burr_fail(err, BURR_ENOMEM, "action \"%s\": out of memory", action->name);
	else
		status = check_lists(&copy, err);
	if (status == BURR_OK)
		actions[graph->action_count++] = copy;
	else
		action_fini(&copy);
	return status;
}

static burr_status find_end(const struct graph *graph, const struct transition_spec *spec, struct slice name,
	size_t *out, burr_error *err)
{
	*out = graph_find(graph, name);
	if (*out != NO_ACTION)
		return BURR_OK;
	return burr_fail(err, BURR_EINVAL, "transition %.*s -> %.*s: there is no action \"%.*s\"",
		SLICE_ARG(spec->from), SLICE_ARG(spec->to), SLICE_ARG(name));
}

static burr_status compile(
	struct graph_transition *transition, const struct transition_spec *spec, burr_error *err)
{
	burr_status status = BURR_OK;
	const char *text = spec->condition && *spec->condition ? spec->condition : "";
	transition->is_default = !spec->predicate && (!spec->condition || !strcmp(text, "default"));
	transition->text = slice_dup(slice_of(transition->is_default ? "default" : text));
	transition->predicate = spec->predicate;
	transition->predicate_ctx = spec->predicate_ctx;
	transition->reads_text = slice_dup(slice_of(spec->reads));
	if (!transition->text || (spec->reads && !transition->reads_text) ||
		!names_init(&transition->reads, spec->reads))
		return burr_fail(err, BURR_ENOMEM, "transition: out of memory");
	if (spec->predicate && (!*text || !utf8_valid(slice_of(text))))
		return burr_fail(err, BURR_EINVAL,
			"transition %.*s -> %.*s: a function needs a name to be shown", SLICE_ARG(spec->from),
			SLICE_ARG(spec->to));
	if (!spec->predicate && !transition->is_default)
		status = condition_compile(&transition->condition, slice_of(text), err);
	if (status != BURR_OK)
		burr_fail_in(err, status, "transition %.*s -> %.*s: condition \"%.120s\"",
			SLICE_ARG(spec->from), SLICE_ARG(spec->to), text);
	return status;
}

burr_status graph_add_transition(struct graph *graph, const struct transition_spec *spec, burr_error *err)
{
	struct graph_transition made = {0};
	burr_status status = find_end(graph, spec, spec->from, &made.from, err);
	if (status == BURR_OK)
		status = find_end(graph, spec, spec->to, &made.to, err);
	if (status != BURR_OK)
		return status;
	struct graph_transition *transitions =
		realloc(graph->transitions, (graph->transition_count + 1) * sizeof(*transitions));
	if (!transitions)
		return burr_fail(err, BURR_ENOMEM, "transition: out of memory");
	graph->transitions = transitions;
	status = compile(&made, spec, err);
	if (status != BURR_OK) {
		transition_fini(&made);
		return status;
	}
	transitions[graph->transition_count++] = made;
	graph->actions[made.from].has_way_out = true;
	return BURR_OK;
}

bool graph_takes_input(const struct graph_action *action, struct slice name, bool *out_optional)
{
	for (size_t i = 0; i < action->inputs.count; i++) {
		struct slice item = slice_of(action->inputs.items[i]);
		bool optional = item.len > 1 && item.data[item.len - 1] == '?';
		item.len -= optional;
		if (!slice_eq(item, name))
			continue;
		if (out_optional)
			*out_optional = optional;
		return true;
	}
	return false;
}
