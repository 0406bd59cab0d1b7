/* burr/tracker.h: record the steps of an application that has its own loop.
 *
 *     burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
 *     options.project = "my_project";
 *     burr_tracker_open(&options, &tracker, &err);
 *     burr_tracker_create_app(tracker, &info, &app, &err);
 *     burr_tracker_begin_step(app, 0, "think", "{}", NULL);
 *     burr_tracker_end_step(app, 0, "think", NULL, NULL, "{\"n\": 1}");
 *
 * Applications that are built with burr/app.h get all of this from burr_with_tracker.
 *
 * What a record call promises: when it has returned BURR_OK the record lies in a mapped file of the store,
 * survives this process and the collector, and any process can load it; a thread of the library moves it on
 * into the application's log, by way of a collector where one runs. A call costs a copy, about 100 ns: it
 * takes no lock, makes no system call and allocates nothing. When the store takes nothing (a full disk, a
 * stopped collector), records wait in that file and in an overflow of queue_bytes; when that is full too, a
 * call waits, for all calls of one outage together, at most wait_ms; then records are dropped, counted, and
 * their calls return BURR_EDROPPED. Where the store has no room even for the file, records are kept in memory
 * and calls return BURR_ELATER. Nothing is ever printed (but see BURR_LOG), nothing exits, aborts or throws.
 *
 * The results of record calls may be ignored: whatever went wrong is counted, and burr_tracker_flush reports
 * it.
 *
 * A NULL burr_tracker_app is tracking switched off: every call on it returns BURR_OK at once. With
 * BURR_DISABLED=1 in the environment burr_tracker_create_app gives one.
 *
 * Text is UTF-8 and NUL-terminated, borrowed until return. JSON is checked where it is stored: a call itself
 * looks at the first and last byte (BURR_VALIDATE=call: at all of them); a value that turns out not to be
 * JSON is stored as an object that says so and holds the text.
 *
 * Threads: every call from any thread, several at once; the order of two records of an application is the
 * order of their calls where one returned before the other began, also in two processes. Record calls may be
 * made in signal handlers, and left by longjmp. fork: a child may go on with the trackers it inherited; its
 * records are its own. The library's thread takes none of the host's signals and has a table of descriptors
 * of its own.
 *
 * Environment: BURR_STORE or burr_path (where the store is), BURR_DISABLED=1, BURR_LOG=1 (say on stderr what
 * the library does), BURR_VALIDATE=call, BURR_SPOOL_DIR (a folder of another, faster file system of this
 * machine for the mapped files; links in the store lead there). */
#ifndef BURR_TRACKER_H
#define BURR_TRACKER_H

#include <burr/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct burr_tracker burr_tracker;         /* the way to one project of one store */
typedef struct burr_tracker_app burr_tracker_app; /* one application (a run) in it */

/* "No sequence id" in a pointer. */
#define BURR_NO_SEQUENCE_ID (-1)

typedef struct burr_tracker_options {
	size_t size;          /* sizeof(burr_tracker_options); set by the initialiser */
	const char *project;  /* required; 1 to 128 of A-Z a-z 0-9 _ : - */
	const char *store;    /* NULL: BURR_STORE, else burr_path, else ~/.burr */
	uint32_t wait_ms;     /* see above; 1000. 0: drop at once. UINT32_MAX: without end */
	uint64_t queue_bytes; /* of records kept in the overflow during an outage; 256 MiB. One for all
				trackers of a store: the first opened decides */
} burr_tracker_options;

#define BURR_TRACKER_OPTIONS_INIT                                                   \
	{                                                                           \
		sizeof(burr_tracker_options), NULL, NULL, 1000, (uint64_t)256 << 20 \
	}

/* Open the store (it is made where it is missing) and a tracker on it. A collector need not run, now or
 * later.
 *
 * *out_tracker  yours to close
 *
 * Errors: BURR_EINVAL (project name), BURR_EIO and BURR_EPERM (the store cannot be made or written, or
 * belongs to somebody else), BURR_EVERSION (a store of a newer format). */
BURR_MUST_CHECK BURR_API burr_status burr_tracker_open(
	const burr_tracker_options *options, burr_tracker **out_tracker, burr_error *err);

/* Wait until everything that was recorded is stored: BURR_OK; BURR_ETIMEOUT with how much is still waiting
 * and why; BURR_EDROPPED when records were dropped or refused since the last flush, with how many and why. */
BURR_API burr_status burr_tracker_flush(burr_tracker *tracker, uint32_t timeout_ms, burr_error *err);

/* Flush (5 s at most) and free the tracker; its applications are closed with it. NULL is fine. What could not
 * be stored by then stays in the store's files for whoever opens it next (BURR_ELATER, with how much), or was
 * only in memory and is lost (BURR_EDROPPED). */
BURR_API burr_status burr_tracker_close(burr_tracker *tracker, burr_error *err);

/* Where a store's records go at the moment. */
typedef enum burr_route {
	BURR_ROUTE_NONE = 0,      /* nowhere: disabled, or nothing can be stored just now */
	BURR_ROUTE_COLLECTOR = 1, /* to a collector */
	BURR_ROUTE_STORE = 2      /* this process writes the store itself */
} burr_route;

/* Counts since the first tracker of this store was opened in this process. */
typedef struct burr_tracker_stats {
	size_t size;            /* sizeof(burr_tracker_stats), set by the caller */
	uint64_t record_count;  /* taken by record calls */
	uint64_t stored_count;  /* acknowledged or appended */
	uint64_t waiting_count; /* on their way at the moment */
	uint64_t waiting_bytes; /* that they take, side files of large ones included */
	uint64_t dropped_count; /* by the policy, or refused for ever by the store */
	uint64_t invalid_count; /* stored, but with a value that was not JSON */
	burr_route route;
	char store[512];   /* the store's folder; cut if longer */
	char trouble[256]; /* why records wait or were dropped, last time it happened; "" */
} burr_tracker_stats;

BURR_API void burr_tracker_get_stats(burr_tracker *tracker, burr_tracker_stats *out_stats);

/* The store's folder and the project, borrowed until the tracker is closed. */
BURR_API const char *burr_tracker_store(const burr_tracker *tracker);
BURR_API const char *burr_tracker_project(const burr_tracker *tracker);

/* ---- applications ---- */

/* A place in an application: of which it is a fork, by which step it was spawned. */
typedef struct burr_pointer {
	const char *app_id;
	int64_t sequence_id;       /* BURR_NO_SEQUENCE_ID where there is none */
	const char *partition_key; /* NULL: none */
} burr_pointer;

/* Lists of names are one text, separated by spaces ("count limit") or by what burr_app_info says. An input
 * that ends in '?' is optional. */
typedef struct burr_action_info {
	const char *name;
	const char *reads;
	const char *writes;
	const char *inputs;
	const char *code; /* source text to show, or where it is ("file.c:12"); NULL: nothing */
} burr_action_info;

typedef struct burr_transition_info {
	const char *from;
	const char *to;
	const char *condition; /* text to show; NULL: "default" */
} burr_transition_info;

typedef struct burr_app_info {
	size_t size;
	const char
		*app_id; /* NULL: a UUID is made. 1 to 200 bytes, no '/', control characters or leading '.' */
	const char *partition_key; /* NULL: none; at most 512 bytes */
	const char *entrypoint;
	const burr_action_info *actions;
	size_t action_count;
	const burr_transition_info *transitions;
	size_t transition_count;
	const char *initial_state_json;      /* NULL: not recorded */
	const burr_pointer *parent;          /* forked from; NULL */
	const burr_pointer *spawning_parent; /* spawned by; NULL */
	const char *name_separators;         /* characters between names of a list; NULL: blanks and commas */
} burr_app_info;

#define BURR_APP_INFO_INIT                                                                        \
	{                                                                                         \
		sizeof(burr_app_info), NULL, NULL, NULL, NULL, 0, NULL, 0, NULL, NULL, NULL, NULL \
	}

/* Make the application in the store, with its graph and links, or go on with the one that is there: what it
 * has stays as it is.
 *
 * *out_app  close it with burr_tracker_close_app, or with the tracker; NULL when tracking is disabled
 *
 * Errors: BURR_EINVAL (an id or name outside the limits, no JSON object), BURR_EEXIST (it exists under
 * another partition key; both are named), BURR_EIO, BURR_EPERM, BURR_ELATER (the store takes nothing at the
 * moment: the handle is good, and the application is made when the store comes back). */
BURR_MUST_CHECK BURR_API burr_status burr_tracker_create_app(
	burr_tracker *tracker, const burr_app_info *info, burr_tracker_app **out_app, burr_error *err);

/* Free the handle. The run itself stays open: somebody may go on with it. */
BURR_API void burr_tracker_close_app(burr_tracker_app *app);

BURR_API const char *burr_tracker_app_id(const burr_tracker_app *app); /* "" for NULL */

/* ---- records: Burr's, one call each ---- */

/* A transition that was looked at and did not hold. */
typedef struct burr_via_rejected {
	const char *to;
	const char *condition;
	const char *values_json; /* what the condition read, as an object; NULL */
} burr_via_rejected;

/* Why this step came: the transition that led to it. */
typedef struct burr_via {
	const char *from;
	const char *condition;
	const char *values_json;
	const burr_via_rejected *rejected;
	size_t rejected_count;
} burr_via;

/* Whether a record call of this thread might have to wait: for room in an outage; for the disk, with the
 * first one in a forked child; for a lane, where there are more threads than lanes. For those who must not
 * wait, as an event loop, or who hold what others want, as an interpreter's lock: they make a call that might
 * wait elsewhere. When it says no, this thread's next call does not wait; one of more than about 120 KiB
 * still takes the time of writing a file.
 *
 * text_len  bytes of the record's texts, together
 *
 * Threads: any. Costs a few ns; a yes wakes the library's thread, so that there is room soon. */
BURR_API bool burr_tracker_would_wait(burr_tracker_app *app, size_t text_len);

/* A step begins.
 *
 * sequence_id  its number in the application, from 0, rising by 1; a repeated number is a new attempt
 * action       a name of the graph
 * inputs_json  an object; NULL stands for {}
 * via          NULL: not known
 *
 * Errors of all record calls: BURR_EINVAL, BURR_ETOOBIG (over 16 MiB), BURR_ELATER (kept in memory only),
 * BURR_EDROPPED. BURR_ENOTFOUND and other refusals of the store: the record was taken, but the application's
 * earlier ones were refused lately (it was deleted), and so will this one be unless that changes.
 * BURR_EEXIST: it is another partition's, the record is gone. Source: Burr's begin_entry; the bytes are in
 * proto/DISK.md. */
BURR_API burr_status burr_tracker_begin_step(burr_tracker_app *app, int64_t sequence_id, const char *action,
	const char *inputs_json, const burr_via *via);

/* The step has ended.
 *
 * result_json  an object; NULL stands for null
 * exception    the error's text (for Python a traceback); NULL: it went well
 * state_json   the whole state after the step, an object */
BURR_API burr_status burr_tracker_end_step(burr_tracker_app *app, int64_t sequence_id, const char *action,
	const char *result_json, const char *exception, const char *state_json);

/* A span inside a step. span_id is "<sequence id>:<a>.<b>.<c>": one more dot a level.
 *
 * parent_span_id  NULL: directly under the step
 * dependencies    span ids it waited for; may be NULL when dependency_count is 0 */
BURR_API burr_status burr_tracker_begin_span(burr_tracker_app *app, int64_t sequence_id, const char *span_id,
	const char *span_name, const char *parent_span_id, const char *const *dependencies,
	size_t dependency_count);
BURR_API burr_status burr_tracker_end_span(burr_tracker_app *app, int64_t sequence_id, const char *span_id);

typedef struct burr_tag {
	const char *key;
	const char *value;
} burr_tag;

/* Something worth keeping about a step or a span (span_id NULL: the step): any JSON value. */
BURR_API burr_status burr_tracker_log_attribute(burr_tracker_app *app, int64_t sequence_id,
	const char *span_id, const char *key, const char *value_json, const burr_tag *tags, size_t tag_count);

/* A streaming step: when the stream was set up, when its first item came, when it ended with how many. */
BURR_API burr_status burr_tracker_begin_stream(burr_tracker_app *app, int64_t sequence_id);
BURR_API burr_status burr_tracker_first_item(burr_tracker_app *app, int64_t sequence_id);
BURR_API burr_status burr_tracker_end_stream(
	burr_tracker_app *app, int64_t sequence_id, int64_t items_streamed);

/* The application says that it is finished, so that it is shown as such wherever its last step was. */
BURR_API burr_status burr_tracker_end_app(burr_tracker_app *app);

#ifdef __cplusplus
}
#endif

#endif
