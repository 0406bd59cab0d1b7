/* http/events.h: server-sent events that say which topics have changed.
 *
 *     GET /api/v1/events?topics=projects,project/demo,run/demo/a%252Fb      Last-Event-ID: 1700000000000042
 *
 * Topics are opaque texts, separated by commas after one decoding of the query. The stream begins with
 * `hello` and goes on with `change` events, each naming a topic and the cursor of its newest change:
 *
 *     event: hello                                     event: change
 *     data: {"version":"0.1.0","cursor":1700…041}      data: {"topic":"project/demo","cursor":1700…042}
 *     id: 1700…041                                     id: 1700…042
 *
 * What changed is not sent; the reader asks for what it shows. So a slow reader costs nothing: its unsent
 * changes are one flag a topic. Per topic and reader a change goes out at once, the next ones merged every
 * EVENTS_MERGE_MS. A comment is sent every EVENTS_BEAT_MS, by which the reader knows that the stream lives
 * and we notice that the reader does not.
 *
 * Cursors count publishes, from the clock's microseconds at start, so they also rise from one run of the
 * program to the next. `id` is a promise: all up to it was delivered. A reader that comes back with another
 * id than the newest cursor has missed something, and is told that all of its topics changed.
 *
 * Threads: events_publish from any; what takes a hub, from its loop's thread alone. */
#ifndef HTTP_EVENTS_H
#define HTTP_EVENTS_H

#include "base/buf.h"

#include <h2o.h>

enum {
	EVENTS_MERGE_MS = 100,      /* ten updates a second look live */
	EVENTS_TICK_MS = 10,        /* how late a merged one may be */
	EVENTS_BEAT_MS = 2000,      /* readers take five seconds of silence for a broken stream */
	EVENTS_MAX_TOPICS = 256,    /* of one reader; a screen shows a few dozen things */
	EVENTS_MAX_TOPIC_LEN = 900, /* project, app id and a partition key, all at their longest */
};

struct events; /* one a server: the cursor, and the hubs */
struct hub;    /* one a loop: its readers and their topics */

BURR_MUST_CHECK burr_status events_open(
	const char *version, unsigned max_listeners, struct events **out_events, burr_error *err);
/* After all hubs were closed. Accepts NULL. */
void events_free(struct events *events);
void events_publish(struct events *events, struct slice topic);
void events_get_counts(struct events *events, unsigned *out_listeners, uint64_t *out_cursor);

/* ctx: borrowed until hub_close. version: see events_open. */
BURR_MUST_CHECK burr_status hub_open(
	struct events *events, h2o_context_t *ctx, struct hub **out_hub, burr_error *err);
/* Answer req with a stream, and return BURR_OK; else the request is still to be answered: BURR_EINVAL for
 * topics that are none, BURR_ELATER for too many readers, BURR_ENOMEM. */
BURR_MUST_CHECK burr_status hub_subscribe(
	struct hub *hub, h2o_req_t *req, struct slice topics, struct slice last_id, burr_error *err);
/* End all streams, each after what is being sent to it. */
void hub_end(struct hub *hub);
/* When no stream is left. Accepts NULL. */
void hub_close(struct hub *hub);

#endif
