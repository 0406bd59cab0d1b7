/* app/track.h: the tracker as a set of hooks. Nothing else in app/ makes records. */
#ifndef APP_TRACK_H
#define APP_TRACK_H

#include "app/hooks.h"

#include <stdatomic.h>

/* A tracker and who uses it: an application and those that its steps spawned, which may outlive it. */
struct tracker_ref {
	atomic_uint refs;
	burr_tracker *tracker;
	bool owned; /* closed with the last user */
};

/* NULL without memory; the tracker is the caller's then. */
struct tracker_ref *tracker_ref_new(burr_tracker *tracker, bool owned);
struct tracker_ref *tracker_ref_get(struct tracker_ref *ref); /* NULL is fine */
void tracker_ref_put(struct tracker_ref *ref);                /* NULL is fine */

struct track {
	struct tracker_ref *ref;
	burr_tracker_app *app; /* NULL until the application is created, and when tracking is disabled */
};

/* Fill hooks; their ctx is the track, which close frees. The reference is moved in. */
struct track *track_new(struct tracker_ref *ref, burr_hooks *out_hooks);

#endif
