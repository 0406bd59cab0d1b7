/* app/builder.h: what has been said to a builder so far. */
#ifndef APP_BUILDER_H
#define APP_BUILDER_H

#include "app/app.h"

struct pending_transition {
	char *from; /* a list */
	char *to;
	char *condition;
	char *reads;
	burr_predicate predicate;
	void *predicate_ctx;
};

struct source_file {
	char *file;
	char *text;
};

struct burr_builder {
	struct graph graph; /* actions only; transitions are compiled when all actions are known */
	struct pending_transition *transitions;
	size_t transition_count;
	struct source_file *sources;
	size_t source_count;

	struct state state;
	bool state_given;
	int64_t state_sequence_id; /* "__SEQUENCE_ID" of the state */
	char *entrypoint;
	char *app_id;
	char *partition_key;
	int64_t sequence_id;
	struct place parent; /* set by initialize_from when it forks */
	struct place spawning_parent;

	burr_tracker_options tracker_options; /* texts owned; project NULL: none given */
	struct tracker_ref *tracker;
	struct hooks hooks;
	void *ctx;

	bool initialize;
	burr_initialize_options initialize_from; /* texts owned */

	burr_error err; /* the first error sticks */
};

/* Share a tracker that another application uses already. */
void builder_share_tracker(burr_builder *builder, struct tracker_ref *ref);

void place_fini(struct place *place);
/* False without memory. */
bool place_set(struct place *place, const char *app_id, int64_t sequence_id, const char *partition_key);

/* app/resume.c: where an application starts: its state, numbering and next action, as burr_initialize_from
 * says. */
burr_status builder_initialize(burr_builder *builder, burr_app *app, burr_error *err);

#endif
