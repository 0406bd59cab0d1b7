/* http/events.h: readers of what changes, over an event stream or by polls that wait.
 *
 *     GET /api/v1/events?topics=projects,project/demo,run/demo/a%252Fb      Last-Event-ID: 1700000000000042
 *     GET /api/v1/changes?topics=project/demo&after=1700000000000042&wait_ms=25000
 *
 * Topics are opaque texts, separated by commas after one decoding of the query; topics.h says what becomes of
 * a change, and what cursors promise. The stream begins with `hello` and goes on with `change` events; an
 * event's id says that all up to it was sent:
 *
 *     event: hello
 *     data: {"now":…,"version":…,"cursor":1700…041}
 *     id: 1700…041
 *
 *     event: change
 *     data: {"topic":…,"cursor":1700…042,"refetch":…,"delta":…}
 *     id: 1700…042
 *
 * A comment is sent every EVENTS_BEAT_MS, by which the reader knows that the stream lives and we notice that
 * the reader does not; the id behind it moves the reader on over changes of other topics. A reader that takes
 * no bytes holds what is being sent to it, and no more: when it takes some again it gets what the rings still
 * have, and is told to read again what they have not.
 *
 * A poll is answered with the changes after its cursor as soon as there is one, or with none when its time is
 * over; while it waits it holds its connection alone.
 *
 * Threads: events_publish and the numbers from any; what takes a hub, from its loop's thread alone. */
#ifndef HTTP_EVENTS_H
#define HTTP_EVENTS_H

#include "http/router.h"
#include "http/topics.h"
#include "http/worker.h"

#include <h2o.h>

enum {
	EVENTS_TICK_MS = 5,     /* how late a merged change may be */
	EVENTS_BEAT_MS = 2000,  /* readers take five seconds of silence for a broken stream */
	EVENTS_WAIT_MS = 25000, /* of a poll; proxies give up after 30 s or more */
	EVENTS_WAIT_MAX_MS = 60000,
	EVENTS_WAIT_TICK_MS = 100, /* how late a poll may end */
};

struct events; /* one a server: its topics, and the hubs */
struct hub;    /* one a loop: its readers */

/* version: copied. */
BURR_MUST_CHECK burr_status events_open(const struct http_server_options *options, const char *version,
	struct events **out_events, burr_error *err);
/* After all hubs were closed, and the workers. Accepts NULL. */
void events_free(struct events *events);
void events_publish(struct events *events, const struct http_change *change);
/* See topics.h: a request that is handled after this call reads all that was published before. */
uint64_t events_cursor(struct events *events);
/* What it knows of *out. */
void events_get_stats(struct events *events, struct http_stats *out);

/* ctx, workers: borrowed until hub_close. */
BURR_MUST_CHECK burr_status hub_open(struct events *events, h2o_context_t *ctx, struct workers *workers,
	struct hub **out_hub, burr_error *err);
/* Answer req, at once or later, and return BURR_OK; else the request is still to be answered: BURR_EINVAL for
 * a parameter, which err names, BURR_ELATER for too many readers, BURR_ENOMEM. */
BURR_MUST_CHECK burr_status hub_subscribe(
	struct hub *hub, h2o_req_t *req, struct slice topics, struct slice last_id, burr_error *err);
BURR_MUST_CHECK burr_status hub_poll(
	struct hub *hub, h2o_req_t *req, const struct http_params *params, burr_error *err);
/* End all streams, each after what is being sent to it, and answer all polls. */
void hub_end(struct hub *hub);
/* When no reader is left. Accepts NULL. */
void hub_close(struct hub *hub);

#endif
