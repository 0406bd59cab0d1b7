/* processes.c: one project written by four processes at once, each with a run of its own.
 *
 *     cc processes.c $(pkg-config --cflags --libs burr)
 *
 * Shows that processes need not know of each other to record into one project, and that a tracker may be
 * opened before fork(): the child simply goes on with it.
 *
 * In the UI: project demo_processes, while it runs: four runs that grow at the same time. */
#include "sample.h"

#include <burr/burr.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKER_COUNT = 4 };

static const char project[] = "demo_processes";

/* A worker takes parcels from a belt and weighs them; one that is too heavy goes aside. */
BURR_ACTION(take, "parcel", "parcel weight", "")
{
	int64_t parcel = burr_get_int(step, "parcel") + 1;
	sample_pause_ms(3);
	burr_set_int(step, "parcel", parcel);
	return burr_set_int(step, "weight", parcel * 13 % 30 + 1);
}

BURR_ACTION(pack, "", "packed", "")
{
	sample_pause_ms(5);
	return burr_increment(step, "packed", 1);
}

BURR_ACTION(put_aside, "weight", "aside", "")
{
	sample_pause_ms(2);
	return burr_append_json(step, "aside", burr_get_json(step, "weight"));
}

BURR_ACTION(close_shift, "packed aside", "", "")
{
	burr_set_result(step, "packed", burr_get_json(step, "packed"));
	return burr_set_result(step, "aside", burr_get_json(step, "aside"));
}

/* About 50 steps.
 *
 * tracker  of the process that forked this one; NULL: the worker opens its own */
static burr_status work(const char *app_id, burr_tracker *tracker, burr_error *err)
{
	burr_app *app = NULL;
	burr_builder *b = burr_builder_new();
	burr_with_action(b, &take);
	burr_with_action(b, &pack);
	burr_with_action(b, &put_aside);
	burr_with_action(b, &close_shift);
	burr_with_transition(b, "take", "put_aside", "weight > 25");
	burr_with_transition(b, "take", "pack", NULL);
	burr_with_transition(b, "pack put_aside", "take", "parcel < parcels");
	burr_with_transition(b, "pack put_aside", "close_shift", NULL);
	burr_with_entrypoint(b, "take");
	burr_with_state(b, "{\"parcel\": 0, \"parcels\": 24, \"packed\": 0, \"aside\": []}");
	burr_with_identifiers(b, app_id, "hall_1", BURR_NO_SEQUENCE_ID);
	if (tracker)
		burr_with_shared_tracker(b, tracker);
	else
		burr_with_tracker(b, project);

	burr_status status = burr_build(b, &app, err);
	if (status == BURR_OK)
		status = burr_app_run(app, NULL, NULL, err);
	if (status == BURR_OK)
		printf("%s, process %ld: %s\n  %s\n", app_id, (long)getpid(), burr_app_state_json(app),
			burr_app_url(app));
	burr_app_free(app);
	return status;
}

/* A worker in a process of its own. Its tracker is a copy, so it is the child's to close. */
static pid_t start_worker(const char *app_id, burr_tracker *tracker)
{
	burr_error err = BURR_ERROR_INIT;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid != 0)
		return pid;
	if (work(app_id, tracker, &err))
		fprintf(stderr, "processes: %s: %s\n", app_id, err.message);
	burr_tracker_close(tracker, NULL);
	exit(err.code ? 1 : 0);
}

static burr_status open_tracker(burr_tracker **out_tracker, burr_error *err)
{
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = project;
	return burr_tracker_open(&options, out_tracker, err);
}

int main(void)
{
	burr_error err = BURR_ERROR_INIT;
	char app_ids[WORKER_COUNT][SAMPLE_ID_SIZE];
	burr_tracker *tracker = NULL;
	pid_t pids[WORKER_COUNT];
	int failed = 0;

	for (int i = 0; i < WORKER_COUNT; i++) {
		char name[32];
		snprintf(name, sizeof(name), "worker-%d", i + 1);
		sample_new_id(project, name, app_ids[i]);
	}

	/* Two begin before this process has anything open, two when it has. */
	pids[0] = start_worker(app_ids[0], NULL);
	pids[1] = start_worker(app_ids[1], NULL);
	if (open_tracker(&tracker, &err)) {
		fprintf(stderr, "processes: %s\n", err.message);
		failed++;
	}
	pids[2] = start_worker(app_ids[2], tracker);
	pids[3] = start_worker(app_ids[3], tracker);

	for (int i = 0; i < WORKER_COUNT; i++) {
		int ended = 0;
		if (pids[i] < 0 || waitpid(pids[i], &ended, 0) < 0 || ended != 0)
			failed++;
	}
	burr_tracker_close(tracker, NULL);
	return failed ? 1 : 0;
}
