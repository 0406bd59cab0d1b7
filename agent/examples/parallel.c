/* parallel.c: a research coordinator that gives each topic to an application of its own, all at once.
 *
 *     cc -pthread parallel.c $(pkg-config --cflags --libs burr)
 *
 * Shows burr_step_spawn: applications that know the step which spawned them, run by threads, and their
 * results joined in the coordinator's state.
 *
 * In the UI: project demo_parallel, run research-tea. Its step `research` leads to four spawned runs, and
 * each of these back to it. Their times overlap. */
#include "sample.h"

#include <burr/burr.h>
#include <pthread.h>
#include <stdio.h>

enum { TOPIC_COUNT = 4 };

static const char project[] = "demo_parallel";
static const struct topic {
	const char *name;
	const char *state_json;
} topics[TOPIC_COUNT] = {
	{"history", "{\"topic\": \"history\", \"sources\": 0, \"wanted\": 3}"},
	{"farming", "{\"topic\": \"farming\", \"sources\": 0, \"wanted\": 2}"},
	{"chemistry", "{\"topic\": \"chemistry\", \"sources\": 0, \"wanted\": 4}"},
	{"customs", "{\"topic\": \"customs\", \"sources\": 0, \"wanted\": 1}"},
};

/* ---- the application of one topic ---- */

BURR_ACTION(read_source, "sources", "sources", "")
{
	burr_step_begin_span(step, "fetch");
	sample_pause_ms(25);
	burr_step_end_span(step);
	burr_step_begin_span(step, "call_model");
	sample_pause_ms(45);
	burr_step_log_text(step, "gen_ai.request.model", "canned-small");
	burr_step_log_int(step, "gen_ai.usage.output_tokens", 20 + burr_get_int(step, "sources"));
	burr_step_end_span(step);
	return burr_increment(step, "sources", 1);
}

BURR_ACTION(write_up, "topic sources", "", "")
{
	char text[100];
	sample_pause_ms(40);
	snprintf(text, sizeof(text), "what %lld sources say about the %s of tea",
		(long long)burr_get_int(step, "sources"), burr_get_text(step, "topic"));
	return burr_set_result_text(step, "finding", text);
}

/* ---- the coordinator ---- */

struct job {
	pthread_t thread;
	bool started;
	burr_app *app;
	burr_status status;
	burr_error err;
};

/* An application belongs to one thread at a time; different ones have nothing to do with each other. */
static void *run_job(void *arg)
{
	struct job *job = (struct job *)arg;
	job->status = burr_app_run(job->app, NULL, NULL, &job->err);
	return NULL;
}

/* The spawned application has this step's partition key and tracker already. */
static burr_status build_job(burr_step *step, const struct topic *topic, struct job *job)
{
	char app_id[SAMPLE_ID_SIZE + 40];
	burr_builder *b = burr_step_spawn(step);
	snprintf(app_id, sizeof(app_id), "%s:%s", burr_step_app_id(step), topic->name);
	burr_with_action(b, &read_source);
	burr_with_action(b, &write_up);
	burr_with_transition(b, "read_source", "read_source", "sources < wanted");
	burr_with_transition(b, "read_source", "write_up", NULL);
	burr_with_entrypoint(b, "read_source");
	burr_with_state(b, topic->state_json);
	burr_with_identifiers(b, app_id, burr_step_partition_key(step), BURR_NO_SEQUENCE_ID);
	return burr_build(b, &job->app, &job->err);
}

BURR_ACTION(research, "", "findings", "")
{
	struct job jobs[TOPIC_COUNT] = {0};

	for (int i = 0; i < TOPIC_COUNT; i++) {
		struct job *job = &jobs[i];
		job->status = build_job(step, &topics[i], job);
		if (job->status != BURR_OK)
			continue;
		job->started = !pthread_create(&job->thread, NULL, run_job, job);
		if (!job->started)
			run_job(job); /* no thread to be had: it is done here */
	}
	for (int i = 0; i < TOPIC_COUNT; i++) {
		struct job *job = &jobs[i];
		if (job->started)
			pthread_join(job->thread, NULL);
		if (job->status != BURR_OK)
			burr_step_fail(step, "topic %s: %s", topics[i].name, job->err.message);
		else
			burr_append_json(step, "findings", burr_app_result_json(job->app));
		burr_app_free(job->app);
	}
	return burr_step_check(step);
}

BURR_ACTION(conclude, "findings", "conclusion", "")
{
	sample_pause_ms(90);
	burr_set_result(step, "based_on", burr_get_json(step, "findings"));
	return burr_set_text(step, "conclusion", "Tea is worth a book.");
}

int main(void)
{
	burr_error err = BURR_ERROR_INIT;
	char app_id[SAMPLE_ID_SIZE];
	burr_app *app = NULL;
	burr_builder *b = burr_builder_new();

	sample_new_id(project, "research-tea", app_id);
	burr_with_action(b, &research);
	burr_with_action(b, &conclude);
	burr_with_transition(b, "research", "conclude", NULL);
	burr_with_entrypoint(b, "research");
	burr_with_state(b, "{\"findings\": []}");
	burr_with_identifiers(b, app_id, "library", BURR_NO_SEQUENCE_ID);
	burr_with_tracker(b, project);
	if (burr_build(b, &app, &err) || burr_app_run(app, NULL, NULL, &err))
		fprintf(stderr, "parallel: %s\n", err.message);
	else
		printf("%s: %s\n  %s\n", app_id, burr_app_state_json(app), burr_app_url(app));
	burr_app_free(app);
	return err.code ? 1 : 0;
}
