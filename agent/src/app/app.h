/* app/app.h: what an application is made of, for the files of this folder. */
#ifndef APP_APP_H
#define APP_APP_H

#include "app/graph.h"
#include "app/hooks.h"
#include "app/state.h"
#include "app/track.h"

#include <burr/app.h>
#include <stdatomic.h>

/* A burr_pointer with its texts. */
struct place {
	char *app_id; /* NULL: there is none */
	int64_t sequence_id;
	char *partition_key;
};

/* What comes next: the action, by the transition that was taken, after the ones that were rejected. */
struct decision {
	bool made;
	size_t action;     /* NO_ACTION: finished */
	size_t transition; /* NO_ACTION: no transition led here (entrypoint, or an action that runs again) */
};

struct burr_app {
	struct graph graph; /* constant */
	struct state state;
	char *app_id;
	char *partition_key; /* NULL: none */
	char *url;           /* NULL: not asked for yet */
	void *ctx;
	struct hooks hooks;
	struct tracker_ref *tracker; /* NULL: none */
	struct track *track;         /* in hooks, which free it; NULL: none */

	int64_t sequence_id; /* of the last step, BURR_NO_SEQUENCE_ID before the first */
	size_t last;         /* the last action that went well */
	size_t forced;       /* runs next whatever the transitions say; NO_ACTION: they decide */
	struct decision next;

	struct buf state_text; /* the state as users see it … */
	bool state_text_fresh; /* … unless a step has changed it since */
	struct buf record;     /* the state as it is recorded */
	struct buf result;     /* of the last step that went well; empty: none */
	atomic_flag running;   /* a run is going on: another one is refused */
};

/* An event with everything that all events have. */
burr_event app_event(burr_app *app);

/* Look at the transitions once, and remember what comes next until a step has run. */
burr_status app_decide(burr_app *app, burr_error *err);

/* Why app->next comes next, as the record has it. Borrows from the application; NULL when no transition led
 * here. False without memory. */
struct via {
	burr_via via;
	burr_via_rejected *rejected;
	struct buf values; /* all of the objects, each ended by a NUL */
};
bool via_init(struct via *via, const burr_app *app);
void via_fini(struct via *via);

#endif
