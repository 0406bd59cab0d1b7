/* app/graph.h: the actions and transitions of an application, copied and compiled. Constant once built. */
#ifndef APP_GRAPH_H
#define APP_GRAPH_H

#include "app/condition.h"
#include "app/names.h"

#include <burr/app.h>

/* "No action": before the first step, and behind the last. */
#define NO_ACTION SIZE_MAX

struct graph_action {
	burr_action info; /* its texts are copies, owned here */
	struct names reads;
	struct names writes;
	struct names inputs; /* an optional one keeps its '?' */
	char *code;          /* what the graph shows */
	bool has_way_out;
};

struct graph_transition {
	size_t from; /* indexes of actions */
	size_t to;
	char *text; /* of the condition, as shown */
	bool is_default;
	struct condition condition; /* empty for the default and for predicates */
	burr_predicate predicate;
	void *predicate_ctx;
	struct names reads; /* the predicate's */
	char *reads_text;
};

struct graph {
	struct graph_action *actions;
	size_t action_count;
	struct graph_transition *transitions; /* in the order they were added */
	size_t transition_count;
};

void graph_fini(struct graph *graph);

/* NO_ACTION when there is none of that name. */
size_t graph_find(const struct graph *graph, struct slice name);

static inline const char *graph_name(const struct graph *graph, size_t action)
{
	return action == NO_ACTION ? NULL : graph->actions[action].info.name;
}

/* Append a checked copy. Errors name what is wrong. */
burr_status graph_add_action(struct graph *graph, const burr_action *action, burr_error *err);

/* What a transition is made of; to and from are single names here. */
struct transition_spec {
	struct slice from;
	struct slice to;
	const char *condition; /* or the predicate's name */
	burr_predicate predicate;
	void *predicate_ctx;
	const char *reads;
};
burr_status graph_add_transition(struct graph *graph, const struct transition_spec *spec, burr_error *err);

/* Whether the action takes an input of that name, and whether it can do without. */
bool graph_takes_input(const struct graph_action *action, struct slice name, bool *out_optional);

#endif
