/* burr/load.h: read what was recorded: a step's state to go on from, and what there is.
 *
 * Any process can load what any other has recorded, with or without a collector, as soon as the record call
 * has returned; stores that Burr's own tracker wrote load the same way. Damaged lines are left out.
 *
 * store is a folder, or NULL for the usual place (BURR_STORE, else burr_path, else ~/.burr). */
#ifndef BURR_LOAD_H
#define BURR_LOAD_H

#include <burr/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The last finished step. Other negative numbers count from the end: -2 is the one before. */
#define BURR_LAST_STEP (-1)

/* How the loaded step ended. */
typedef enum burr_step_status {
	BURR_STEP_COMPLETED = 0,
	BURR_STEP_FAILED = 1, /* its action failed: going on runs it again */
	BURR_STEP_OPEN = 2    /* in lists only: begun and not ended */
} burr_step_status;

/* One finished step, ready to go on from. All strings belong to it. */
typedef struct burr_loaded {
	const char *app_id;
	const char *partition_key; /* NULL: none */
	int64_t sequence_id;       /* the step's own */
	const char *position;      /* its action */
	const char *state_json;    /* the state after it, without the keys that begin with "__" */
	const char *created_at;    /* when it ended, as the log has it */
	burr_step_status status;
} burr_loaded;

/* Load the state after a step, as Burr's load does.
 *
 * partition_key  NULL: not checked; else it must be the application's
 * sequence_id    or BURR_LAST_STEP and below
 * *out_loaded    free it with burr_free
 *
 * Errors: BURR_ENOTFOUND (no such project, application or finished step: the message says which),
 * BURR_EINVAL, BURR_EIO. */
BURR_MUST_CHECK BURR_API burr_status burr_load(const char *store, const char *project, const char *app_id,
	const char *partition_key, int64_t sequence_id, burr_loaded **out_loaded, burr_error *err);

/* The state after a step with "__SEQUENCE_ID" in it, and the step's action as entry point: running from these
 * runs that action once more, on the state that it left. It is for looking into a step, as Burr's load_state
 * is; to go on with a run use burr_load, or burr_initialize_from of burr/app.h.
 *
 * *out_state_json, *out_entry_point  free each with burr_free */
BURR_MUST_CHECK BURR_API burr_status burr_load_state(const char *store, const char *project,
	const char *app_id, int64_t sequence_id, char **out_state_json, char **out_entry_point,
	burr_error *err);

typedef struct burr_project_item {
	const char *name;
	uint64_t app_count;
} burr_project_item;

typedef struct burr_app_item {
	const char *app_id;
	const char *partition_key; /* NULL: none */
	const char *first_written; /* time of its first record, as the log has it; NULL: none yet */
	const char *last_written;
	int64_t step_count; /* the newest sequence id + 1 */
} burr_app_item;

typedef struct burr_step_item {
	int64_t sequence_id;
	const char *action;
	const char *start_time;
	const char *end_time; /* NULL while it is open */
	burr_step_status status;
} burr_step_item;

/* What there is: projects by name, applications by their last record (newest first), steps by sequence id
 * (the last attempt of each). *out_items is one block with its strings; free it with burr_free. Reading a
 * project's applications reads the ends of their logs, reading the steps all of one log. */
BURR_MUST_CHECK BURR_API burr_status burr_list_projects(
	const char *store, burr_project_item **out_items, size_t *out_count, burr_error *err);
BURR_MUST_CHECK BURR_API burr_status burr_list_apps(const char *store, const char *project,
	burr_app_item **out_items, size_t *out_count, burr_error *err);
BURR_MUST_CHECK BURR_API burr_status burr_list_steps(const char *store, const char *project,
	const char *app_id, burr_step_item **out_items, size_t *out_count, burr_error *err);

/* Free what a call of the library gave for freeing. NULL is fine. */
BURR_API void burr_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
