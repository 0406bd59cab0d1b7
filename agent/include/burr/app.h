/* burr/app.h: applications as state machines: actions, transitions, a state, and a loop that records.
 *
 *     BURR_ACTION(count, "count limit", "count", "")
 *     {
 *             return burr_increment(step, "count", 1);
 *     }
 *     …
 *     burr_with_action(b, &count);
 *     burr_with_transition(b, "count", "count", "count < limit");
 *     burr_with_entrypoint(b, "count");
 *     burr_with_state(b, "{\"count\": 0, \"limit\": 10}");
 *     burr_with_tracker(b, "my_project");
 *     if (burr_build(b, &app, &err) || burr_app_run(app, NULL, NULL, &err))
 *             fprintf(stderr, "%s\n", err.message);
 *
 * The state is a JSON object whose values stay text: numbers keep every digit, keys keep their order, and a
 * step serialises only what it changed. An action reads and writes the keys that it declares, through the
 * step it is given; nothing it wrote counts unless it succeeds.
 *
 * Errors. Inside an action and on a builder, results may be ignored: the first error sticks, what follows
 * does nothing, and the error is reported once: by the step's end (the action fails, its writes are undone)
 * or by burr_build. Everywhere else a burr_status must be looked at.
 *
 * Text is UTF-8 and NUL-terminated. What goes in is copied, unless said otherwise. Lists of names are one
 * text, separated by spaces ("count limit"); NULL is the empty list.
 *
 * Threads: one thread at a time for each application, its steps and its builder; different applications are
 * independent of one another. A run that is started while another run of the same application is going on
 * (from a second thread, or from inside an action) is refused. Actions and hooks must not longjmp or throw
 * through the library. For event loops and coroutines there is burr/tracker.h.
 *
 * Source: the application part of Burr 0.40, with its words (action, reads, writes, halt_after, …). */
#ifndef BURR_APP_H
#define BURR_APP_H

#include <burr/load.h>
#include <burr/status.h>
#include <burr/tracker.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BURR_UNUSED __attribute__((unused))
#else
#define BURR_UNUSED
#endif

typedef struct burr_app burr_app;           /* a state machine with its state: one run */
typedef struct burr_builder burr_builder;   /* an application being put together */
typedef struct burr_step burr_step;         /* an action's view of the application while it runs */
typedef struct burr_iterator burr_iterator; /* a run that is driven step by step */
typedef struct burr_json burr_json;         /* a JSON value being built by calls */

/* ---- actions ---- */

/* What an action does. BURR_OK: its writes become the state. Anything else: they are undone, the message of
 * burr_step_fail (or the code's own text) becomes the step's exception, and the run stops. */
typedef burr_status (*burr_action_fn)(burr_step *step);

/* An action. BURR_ACTION makes one where its code stands; a program that does not like macros fills one in.
 */
typedef struct burr_action {
	size_t size;        /* sizeof(burr_action) */
	const char *name;   /* no spaces */
	const char *reads;  /* keys of the state it may read */
	const char *writes; /* keys it may write */
	const char *inputs; /* inputs that it takes; "by?" is optional */
	burr_action_fn run;
	void *ctx;          /* for burr_step_action_ctx; borrowed as long as the application lives */
	const char *file;   /* where its code stands, for the graph; NULL: not known */
	int line;           /* from 1 */
	const char *source; /* its source text; NULL: read from file when the application is built */
	bool streaming;     /* its step is a stream from its beginning; see burr_step_emit */
} burr_action;

/* Define the action `name_`, a static const burr_action, with the function body that follows:
 *
 *     BURR_ACTION(greet, "user", "greeting", "loud?")
 *     {
 *             return burr_set_text(step, "greeting", burr_get_text(step, "user"));
 *     }
 *
 * Its source, from this line to the closing brace, is shown in the UI: taken from the file if it can be read
 * when the application is built, from burr_with_source otherwise, else only file and line are shown. */
#define BURR_ACTION(name_, reads_, writes_, inputs_) \
	BURR_ACTION_OF_KIND(name_, reads_, writes_, inputs_, false)

/* The same for an action that delivers a stream of items by burr_step_emit. */
#define BURR_STREAMING_ACTION(name_, reads_, writes_, inputs_) \
	BURR_ACTION_OF_KIND(name_, reads_, writes_, inputs_, true)

#define BURR_ACTION_OF_KIND(name_, reads_, writes_, inputs_, streaming_)                         \
	static burr_status burr_run_##name_(burr_step *step);                                    \
	static const burr_action name_ = {sizeof(burr_action), #name_, reads_, writes_, inputs_, \
		burr_run_##name_, NULL, __FILE__, __LINE__, NULL, streaming_};                   \
	static burr_status burr_run_##name_(burr_step *step BURR_UNUSED)

/* ---- inside an action: reading ----
 *
 * Each gives the value of a key that the action declares in reads, or has itself written in this step. A
 * key that is not declared, not in the state, or of another type is an error that sticks to the step; the
 * getter then gives 0, false or "". Pointers are borrowed until the step ends. */

BURR_API int64_t burr_get_int(burr_step *step, const char *key);
BURR_API double burr_get_double(burr_step *step, const char *key); /* any number */
BURR_API bool burr_get_bool(burr_step *step, const char *key);
BURR_API const char *burr_get_text(burr_step *step, const char *key); /* ends at a \u0000, if it holds one */
BURR_API const char *burr_get_json(burr_step *step, const char *key); /* the value's JSON text */
BURR_API bool burr_has(burr_step *step, const char *key);             /* a missing key is no error here */

/* Inputs of the run, for its first step. Asking for one that the action does not declare, or that has another
 * type, is an error; a missing optional one gives fallback (which is passed back as it is, not copied). */
BURR_API int64_t burr_input_int(burr_step *step, const char *key, int64_t fallback);
BURR_API double burr_input_double(burr_step *step, const char *key, double fallback);
BURR_API bool burr_input_bool(burr_step *step, const char *key, bool fallback);
BURR_API const char *burr_input_text(burr_step *step, const char *key, const char *fallback);
BURR_API const char *burr_input_json(burr_step *step, const char *key, const char *fallback);
BURR_API bool burr_has_input(burr_step *step, const char *key);

/* ---- inside an action: writing ----
 *
 * Keys that the action declares in writes. The status may be ignored. Errors, all of which stick: BURR_EINVAL
 * (not declared; a key that begins with "__"; not JSON; a NULL value; invalid UTF-8), BURR_ENOMEM. */

BURR_API burr_status burr_set_int(burr_step *step, const char *key, int64_t value);
BURR_API burr_status burr_set_double(burr_step *step, const char *key, double value); /* NaN: an error */
BURR_API burr_status burr_set_bool(burr_step *step, const char *key, bool value);
BURR_API burr_status burr_set_text(burr_step *step, const char *key, const char *value);
BURR_API burr_status burr_set_json(burr_step *step, const char *key, const char *json);
BURR_API burr_status burr_set_null(burr_step *step, const char *key);
/* Take a key out of the state; one that is not there is fine. */
BURR_API burr_status burr_unset(burr_step *step, const char *key);
/* Add to an integer, or add an element to a list; a missing key counts as 0, or as the empty list. */
BURR_API burr_status burr_increment(burr_step *step, const char *key, int64_t by);
BURR_API burr_status burr_append_json(burr_step *step, const char *key, const char *element_json);
BURR_API burr_status burr_append_text(burr_step *step, const char *key, const char *text);

/* Build the step's result, an object that is recorded beside the state. No declaration needed. */
BURR_API burr_status burr_set_result(burr_step *step, const char *key, const char *json);
BURR_API burr_status burr_set_result_int(burr_step *step, const char *key, int64_t value);
BURR_API burr_status burr_set_result_double(burr_step *step, const char *key, double value);
BURR_API burr_status burr_set_result_bool(burr_step *step, const char *key, bool value);
BURR_API burr_status burr_set_result_text(burr_step *step, const char *key, const char *text);

/* Fail the step: "return burr_step_fail(step, "…", …);". Keeps the first error where there is one already.
 * Returns BURR_EACTION. */
BURR_API burr_status burr_step_fail(burr_step *step, const char *fmt, ...) BURR_PRINTF(2, 3);

/* ---- inside an action: about the step ---- */

/* What sticks to the step so far: BURR_OK while all is well. For leaving a long action early. */
BURR_API burr_status burr_step_check(const burr_step *step);
BURR_API int64_t burr_step_sequence_id(const burr_step *step);
BURR_API const char *burr_step_app_id(const burr_step *step);
BURR_API const char *burr_step_partition_key(const burr_step *step); /* NULL: none */
BURR_API const char *burr_step_action(const burr_step *step);
BURR_API void *burr_step_ctx(const burr_step *step);        /* of burr_with_ctx */
BURR_API void *burr_step_action_ctx(const burr_step *step); /* of burr_action */
/* All the keys that the step may read at the moment, as one object; borrowed until the step ends, "" when
 * memory ran out. */
BURR_API const char *burr_step_state_json(burr_step *step);
/* An empty JSON builder that is freed with the step; never NULL but when memory ran out (the burr_json_*
 * calls take a NULL, and burr_set_json then reports it). */
BURR_API burr_json *burr_step_json(burr_step *step);

/* Spans nest: one that begins inside another is its child. What is still open when the action returns is
 * ended then. The id ("7:0.2": step 7, its first span, that one's third child) is borrowed until the step
 * ends.
 *
 * after  ids of spans that this one waited for; NULL */
BURR_API const char *burr_step_begin_span(burr_step *step, const char *name);
BURR_API const char *burr_step_begin_span_after(burr_step *step, const char *name, const char *after);
BURR_API burr_status burr_step_end_span(burr_step *step); /* the innermost; none open is an error */

/* Something worth keeping about the innermost span, or about the step where none is open. */
BURR_API burr_status burr_step_log_attribute(burr_step *step, const char *key, const char *value_json);
BURR_API burr_status burr_step_log_int(burr_step *step, const char *key, int64_t value);
BURR_API burr_status burr_step_log_double(burr_step *step, const char *key, double value);
BURR_API burr_status burr_step_log_bool(burr_step *step, const char *key, bool value);
BURR_API burr_status burr_step_log_text(burr_step *step, const char *key, const char *text);
BURR_API burr_status burr_step_log_tagged(
	burr_step *step, const char *key, const char *value_json, const burr_tag *tags, size_t tag_count);

/* Deliver one item of a stream (any JSON value) to the run's on_item. The step's stream begins with the
 * step for an action that is marked streaming, with the first item for any other, and ends with the step.
 * An on_item that does not return BURR_OK fails the step. */
BURR_API burr_status burr_step_emit(burr_step *step, const char *item_json);
BURR_API burr_status burr_step_emit_text(burr_step *step, const char *text);

/* A builder for an application that this step spawns: its spawning parent is this step, its tracker and
 * partition key are this application's. Build it inside the action; run it there, in a thread of its own, or
 * later: it holds the shared tracker by itself. */
BURR_API burr_builder *burr_step_spawn(burr_step *step);

/* ---- JSON by calls ----
 *
 *     burr_json *j = burr_step_json(step);
 *     burr_json_object(j, NULL);
 *     burr_json_text(j, "role", "user");
 *     burr_json_text(j, "content", prompt);
 *     burr_json_end(j);
 *     burr_append_json(step, "chat", burr_json_str(j));
 *
 * key is a member's key inside an object, and NULL everywhere else. The first mistake sticks: burr_json_str
 * gives NULL then. Every call takes a NULL burr_json and does nothing. */

BURR_API burr_json *burr_json_new(void); /* NULL without memory */
BURR_API void burr_json_free(burr_json *json);
BURR_API void burr_json_clear(burr_json *json); /* begin anew */
BURR_API void burr_json_object(burr_json *json, const char *key);
BURR_API void burr_json_array(burr_json *json, const char *key);
BURR_API void burr_json_end(burr_json *json); /* of the innermost object or array */
BURR_API void burr_json_int(burr_json *json, const char *key, int64_t value);
BURR_API void burr_json_double(burr_json *json, const char *key, double value); /* not finite: a mistake */
BURR_API void burr_json_bool(burr_json *json, const char *key, bool value);
BURR_API void burr_json_text(burr_json *json, const char *key, const char *text); /* NULL: null */
BURR_API void burr_json_null(burr_json *json, const char *key);
BURR_API void burr_json_raw(burr_json *json, const char *key, const char *value_json); /* checked */
/* The finished text, borrowed until the next call on it; NULL when it is not one whole value, and then
 * burr_json_error says why (BURR_OK otherwise). */
BURR_API const char *burr_json_str(burr_json *json);
BURR_API burr_status burr_json_error(burr_json *json, burr_error *err);

/* ---- hooks ---- */

/* What a hook is told. Everything is borrowed until the hook returns; what an event has no use for is NULL or
 * 0. The state is burr_app_state_json(app). */
typedef struct burr_event {
	size_t size;
	burr_app *app;
	const char *app_id;
	const char *partition_key;
	int64_t sequence_id;
	const char *action;
	const burr_app_info *info; /* post_application_create: graph, state, parents */
	const char *inputs_json;   /* pre_run_execute_call, pre_run_step */
	const burr_via *via;       /* pre_run_step: why this action; NULL at an entrypoint */
	const char *result_json;   /* post_run_step; NULL: none */
	const char *exception;     /* post_run_step, post_run_execute_call; NULL: it went well */
	const char *state_json;    /* post_run_step: as recorded, with __SEQUENCE_ID and __PRIOR_STEP */
	const char *span_id;       /* spans; attributes (NULL: of the step) */
	const char *span_name;
	const char *parent_span_id;
	const char *const *dependencies;
	size_t dependency_count;
	const char *key; /* do_log_attribute */
	const char *value_json;
	const burr_tag *tags;
	size_t tag_count;
	const char *item_json; /* post_stream_item */
	int64_t item_count;    /* post_stream_item: with this one; post_end_stream: all */
} burr_event;

typedef void (*burr_hook)(const burr_event *event, void *ctx);

/* Callbacks along an application's life, named as Burr's. Any may be NULL. Sets are called in the order they
 * were added, the tracker first. A hook may read the application, not run it. */
typedef struct burr_hooks {
	size_t size; /* sizeof(burr_hooks); set by the initialiser */
	/* The application is built. A failure makes burr_build fail. */
	burr_status (*post_application_create)(const burr_event *event, void *ctx, burr_error *err);
	burr_hook pre_run_execute_call;  /* run, step or an iteration begins … */
	burr_hook post_run_execute_call; /* … and has ended */
	burr_hook pre_run_step;
	burr_hook post_run_step;
	burr_hook pre_start_span;
	burr_hook post_end_span;
	burr_hook do_log_attribute;
	burr_hook pre_start_stream;
	burr_hook post_stream_item;
	burr_hook post_end_stream;
	void (*close)(void *ctx); /* the application is freed, or was never built */
} burr_hooks;

#define BURR_HOOKS_INIT                                                                                    \
	{                                                                                                  \
		sizeof(burr_hooks), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL \
	}

/* ---- building ----
 *
 * Every burr_with_* copies what it is given and returns nothing; the first error sticks and burr_build
 * reports it. A NULL builder (no memory) is taken, and reported by burr_build as BURR_ENOMEM. */

BURR_API burr_builder *burr_builder_new(void);
/* For a builder that is not going to be built. NULL is fine. */
BURR_API void burr_builder_free(burr_builder *builder);

BURR_API void burr_with_action(burr_builder *builder, const burr_action *action);

/* The text of the source file `file` (as __FILE__ gives it), for programs that run where their sources are
 * not: actions of that file take their source from it. */
BURR_API void burr_with_source(burr_builder *builder, const char *file, const char *text);

/* From one or more actions (a list) to another, when the condition holds. Transitions out of an action are
 * looked at in the order they were added; the first that holds is taken.
 *
 * condition  NULL or "default": always. Else, compiled by burr_build:
 *              count < limit            < <= > >= == !=, "x" in list, "x" not in list; not chained
 *              a and not (b or c)       also && || !
 *              user.name == "Ann"       a path into objects, and lists by index (chat.0.role)
 *              done                     by itself: true unless null, false, 0, "", [] or {}
 *            with numbers, text in single or double quotes, true, false, null (True, False and None too).
 *            A key that is not there counts as null. Integers compare exactly, text by its bytes; values of
 * two types are never equal, and ordering them is an error. */
BURR_API void burr_with_transition(
	burr_builder *builder, const char *from, const char *to, const char *condition);

/* The same with a function for a condition. It reads the state by burr_get_* on the step it is given, the
 * keys in `reads` only; an error that sticks stops the run.
 *
 * name   shown as the condition
 * ctx    borrowed as long as the application lives */
typedef bool (*burr_predicate)(burr_step *step, void *ctx);
BURR_API void burr_with_transition_predicate(burr_builder *builder, const char *from, const char *to,
	const char *name, const char *reads, burr_predicate predicate, void *ctx);

/* The initial state, an object. Called again it adds and replaces keys. "__SEQUENCE_ID" in it
 * (burr_load_state puts it there) sets where numbering goes on; other keys that begin with "__" are left out.
 */
BURR_API void burr_with_state(burr_builder *builder, const char *state_json);
BURR_API void burr_with_entrypoint(burr_builder *builder, const char *action);

/* app_id         NULL: a UUID is made
 * partition_key  NULL: none
 * sequence_id    of the step that the state is from: numbering goes on behind it; BURR_NO_SEQUENCE_ID: the
 *                first step is 0 */
BURR_API void burr_with_identifiers(
	burr_builder *builder, const char *app_id, const char *partition_key, int64_t sequence_id);

/* Record into a project of the usual store; or as the options say; or through a tracker that is the caller's,
 * borrowed as long as the application (and what it spawned) lives. */
BURR_API void burr_with_tracker(burr_builder *builder, const char *project);
BURR_API void burr_with_tracker_options(burr_builder *builder, const burr_tracker_options *options);
BURR_API void burr_with_shared_tracker(burr_builder *builder, burr_tracker *tracker);

/* ctx is borrowed until hooks->close(ctx) is called. */
BURR_API void burr_with_hooks(burr_builder *builder, const burr_hooks *hooks, void *ctx);

/* For burr_step_ctx; borrowed as long as the application lives. */
BURR_API void burr_with_ctx(burr_builder *builder, void *ctx);

/* The step of another application that spawns this one. burr_step_spawn sets it by itself. */
BURR_API void burr_with_spawning_parent(
	burr_builder *builder, const char *app_id, int64_t sequence_id, const char *partition_key);

/* Go on with what is recorded.
 *
 * Without fork_from_app_id the application of burr_with_identifiers is resumed: after the step `sequence_id`
 * (BURR_LAST_STEP: its last finished one). With it, that application is forked: this one, under its own id,
 * goes on from that step and records where it came from.
 *
 * After a step that completed the transitions decide what comes next; one that failed runs again. With
 * resume_at_next_action false only the state is taken, and default_entrypoint begins. Steps are numbered on
 * from the loaded one. Where nothing is recorded the defaults are used; without a default_entrypoint that is
 * an error. A step that is asked for by number must exist. */
typedef struct burr_initialize_options {
	size_t size;         /* sizeof(burr_initialize_options); set by the initialiser */
	const char *store;   /* NULL: the tracker's */
	const char *project; /* NULL: the tracker's */
	int64_t sequence_id; /* BURR_LAST_STEP; other negative numbers count from the end */
	bool resume_at_next_action;
	const char *default_state_json; /* NULL: {} */
	const char *default_entrypoint;
	const char *fork_from_app_id; /* NULL: resume */
	const char *fork_from_partition_key;
	int64_t fork_from_sequence_id; /* as sequence_id */
} burr_initialize_options;

#define BURR_INITIALIZE_OPTIONS_INIT                                                                       \
	{                                                                                                  \
		sizeof(burr_initialize_options), NULL, NULL, BURR_LAST_STEP, true, NULL, NULL, NULL, NULL, \
			BURR_LAST_STEP                                                                     \
	}

/* Takes the place of burr_with_state and burr_with_entrypoint, which are errors beside it. */
BURR_API void burr_initialize_from(burr_builder *builder, const burr_initialize_options *options);

/* Check everything, make the application, record it. The builder is freed in every case.
 *
 * *out_app  yours to free; touched on success only
 *
 * Errors: BURR_EINVAL (names what is wrong: an unknown action, a name given twice, a condition with the
 * column of its mistake, no entrypoint, a state that is no object, …), BURR_ENOTFOUND (initialize_from), and
 * those of burr_tracker_open, burr_tracker_create_app and the hooks. */
BURR_MUST_CHECK BURR_API burr_status burr_build(burr_builder *builder, burr_app **out_app, burr_error *err);

/* ---- running ---- */

/* An item of a stream. Anything but BURR_OK fails the step: the consumer is gone. */
typedef burr_status (*burr_item_fn)(const char *action, const char *item_json, void *ctx);

typedef struct burr_run_options {
	size_t size;             /* sizeof(burr_run_options); set by the initialiser */
	const char *halt_before; /* actions: stop when one of them comes next (after at least one step) */
	const char *halt_after;  /* actions: stop when one of them has run */
	const char *inputs_json; /* an object, for the first step; NULL: {} */
	burr_item_fn on_item;    /* for streams; may be NULL */
	void *item_ctx;
} burr_run_options;

#define BURR_RUN_OPTIONS_INIT                                          \
	{                                                              \
		sizeof(burr_run_options), NULL, NULL, NULL, NULL, NULL \
	}

/* Run until an action of halt_after has run, or one of halt_before comes next, or an action has no way out:
 * then the application is finished. Called again it goes on from there; a finished one stays as it is
 * (BURR_OK).
 *
 * Errors: BURR_EACTION (an action failed: err and the record hold the action, its message and its place; the
 * state is as before the step, and the next call runs the action again), BURR_ENOWAY (none of the transitions
 * out of the last action holds: each is named with the values it saw), BURR_EINVAL (unknown names, inputs
 * that are missing or that no action declares, a condition that orders values of two types, a run inside a
 * run), BURR_ENOMEM. */
BURR_MUST_CHECK BURR_API burr_status burr_app_run_until(
	burr_app *app, const burr_run_options *options, burr_error *err);
BURR_MUST_CHECK BURR_API burr_status burr_app_run(
	burr_app *app, const char *halt_after, const char *inputs_json, burr_error *err);

/* One step. *out_action (may be NULL) is the action that ran, NULL when the application is finished; borrowed
 * as long as the application lives. */
BURR_MUST_CHECK BURR_API burr_status burr_app_step(
	burr_app *app, const char *inputs_json, const char **out_action, burr_error *err);

/* A run in the caller's own loop; halts, inputs and errors as in burr_app_run_until:
 *
 *     const char *action = NULL;
 *     while (!(status = burr_iterator_next(it, &action, &err)) && action)
 *             …
 *
 * An error ends the iteration.
 *
 * *out_iterator  yours to free, before the application */
BURR_MUST_CHECK BURR_API burr_status burr_app_iterate(
	burr_app *app, const burr_run_options *options, burr_iterator **out_iterator, burr_error *err);
/* *out_action: the action that ran; NULL at the end. */
BURR_MUST_CHECK BURR_API burr_status burr_iterator_next(
	burr_iterator *iterator, const char **out_action, burr_error *err);
BURR_API void burr_iterator_free(burr_iterator *iterator);

/* The application says that it is finished wherever it stands, and that is recorded. It can still go on. */
BURR_API burr_status burr_app_end(burr_app *app, burr_error *err);

/* ---- asking ---- borrowed; texts last until the next step or the application's end */

BURR_API const char *burr_app_state_json(burr_app *app); /* "" when memory ran out */
/* The result of the last step that went well; "null" for none. */
BURR_API const char *burr_app_result_json(const burr_app *app);
BURR_API const char *burr_app_id(const burr_app *app);
BURR_API const char *burr_app_partition_key(const burr_app *app); /* NULL: none */
/* The run's page in the UI, at the collector that serves the store, or at its usual address where none runs
 * yet (looked up by the first call). "" without a tracker. */
BURR_API const char *burr_app_url(burr_app *app);
/* Of the last step, BURR_NO_SEQUENCE_ID before the first. */
BURR_API int64_t burr_app_sequence_id(const burr_app *app);
/* The last action that went well; NULL before the first. */
BURR_API const char *burr_app_last_action(const burr_app *app);
/* What would run next: *out_action is NULL when the application is finished. Looks at the conditions, so it
 * has their errors (BURR_ENOWAY, BURR_EINVAL). */
BURR_MUST_CHECK BURR_API burr_status burr_app_next_action(
	burr_app *app, const char **out_action, burr_error *err);
/* The last action has no way out. */
BURR_API bool burr_app_finished(const burr_app *app);
/* For records of one's own; NULL without a tracker, which all burr_tracker_* record calls take. */
BURR_API burr_tracker_app *burr_app_tracker_app(const burr_app *app);

/* NULL is fine. Not from inside an action. The run itself stays as it is recorded: it can be resumed. */
BURR_API void burr_app_free(burr_app *app);

#ifdef __cplusplus
}
#endif

#endif
