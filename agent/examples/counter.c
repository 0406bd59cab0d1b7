/* counter.c: the smallest application. It counts to a limit and stops.
 *
 *     cc counter.c $(pkg-config --cflags --libs burr)
 *
 * Shows an action with what it reads and writes, a condition, a state, a tracker, and what to do with an
 * error.
 *
 * In the UI: project demo_counter, run count-to-10. Walk through its steps and watch `count` in the state.
 * The graph shows the loop, and each step says why it came: `count < limit`. */
#include "sample.h"

#include <burr/burr.h>
#include <stdio.h>

static const char project[] = "demo_counter";

/*          name   reads    writes   inputs */
BURR_ACTION(count, "count", "count", "")
{
	burr_set_int(step, "count", burr_get_int(step, "count") + 1);
	return BURR_OK;
}

BURR_ACTION(done, "count", "", "")
{
	return burr_set_result(step, "counted", burr_get_json(step, "count"));
}

static burr_status run(const char *name, const char *state_json, burr_error *err)
{
	char app_id[SAMPLE_ID_SIZE];
	burr_app *app = NULL;
	burr_builder *b = burr_builder_new();

	sample_new_id(project, name, app_id);
	burr_with_action(b, &count);
	burr_with_action(b, &done);
	burr_with_transition(b, "count", "count", "count < limit");
	burr_with_transition(b, "count", "done", NULL); /* else */
	burr_with_entrypoint(b, "count");
	burr_with_state(b, state_json);
	burr_with_identifiers(b, app_id, "user_1", BURR_NO_SEQUENCE_ID);
	burr_with_tracker(b, project);

	/* A store that cannot be reached is an error here, and only here: once the application is built,
	 * tracking never stops it. A program that would rather go on untracked builds again without
	 * burr_with_tracker. */
	burr_status status = burr_build(b, &app, err);
	if (status == BURR_OK)
		status = burr_app_run(app, "done", NULL, err);
	if (status == BURR_OK)
		printf("%s: %s\n  %s\n", app_id, burr_app_state_json(app), burr_app_url(app));
	burr_app_free(app);
	return status;
}

int main(void)
{
	burr_error err = BURR_ERROR_INIT;

	if (run("count-to-1", "{\"count\": 0, \"limit\": 1}", &err) ||
		run("count-to-10", "{\"count\": 0, \"limit\": 10}", &err) ||
		run("count-to-100", "{\"count\": 0, \"limit\": 100}", &err)) {
		fprintf(stderr, "counter: %s\n", err.message);
		return 1;
	}
	return 0;
}
