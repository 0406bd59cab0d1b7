/* Each hook is one record call. Their results are ignored throughout: what went wrong is counted by the
 * tracker and reported by burr_tracker_flush, and tracking never stops an application. */
#include "app/track.h"

#include <stdlib.h>

struct tracker_ref *tracker_ref_new(burr_tracker *tracker, bool owned)
{
	struct tracker_ref *ref = calloc(1, sizeof(*ref));
	if (!ref)
		return NULL;
	atomic_init(&ref->refs, 1);
	ref->tracker = tracker;
	ref->owned = owned;
	return ref;
}

struct tracker_ref *tracker_ref_get(struct tracker_ref *ref)
{
	if (ref)
		atomic_fetch_add(&ref->refs, 1);
	return ref;
}

void tracker_ref_put(struct tracker_ref *ref)
{
	if (!ref || atomic_fetch_sub(&ref->refs, 1) != 1)
		return;
	if (ref->owned)
		(void)burr_tracker_close(ref->tracker, NULL); /* freeing: there is nobody left to tell */
	free(ref);
}

static burr_status on_created(const burr_event *event, void *ctx, burr_error *err)
{
	struct track *track = ctx;
	burr_status status = burr_tracker_create_app(track->ref->tracker, event->info, &track->app, err);
	return status == BURR_ELATER ? BURR_OK : status; /* made when the store comes back */
}

static void on_step_begin(const burr_event *event, void *ctx)
{
	struct track *track = ctx;
	(void)burr_tracker_begin_step(
		track->app, event->sequence_id, event->action, event->inputs_json, event->via);
}

static void on_step_end(const burr_event *event, void *ctx)
{
	struct track *track = ctx;
	(void)burr_tracker_end_step(track->app, event->sequence_id, event->action, event->result_json,
		event->exception, event->state_json);
}

static void on_span_begin(const burr_event *event, void *ctx)
{
	struct track *track = ctx;
	(void)burr_tracker_begin_span(track->app, event->sequence_id, event->span_id, event->span_name,
		event->parent_span_id, event->dependencies, event->dependency_count);
}

static void on_span_end(const burr_event *event, void *ctx)
{
	struct track *track = ctx;
	(void)burr_tracker_end_span(track->app, event->sequence_id, event->span_id);
}

static void on_attribute(const burr_event *event, void *ctx)
{
	struct track *track = ctx;
	(void)burr_tracker_log_attribute(track->app, event->sequence_id, event->span_id, event->key,
		event->value_json, event->tags, event->tag_count);
}

static void on_stream_begin(const burr_event *event, void *ctx)
{
	struct track *track = ctx;
	(void)burr_tracker_begin_stream(track->app, event->sequence_id);
}

static void on_item(const burr_event *event, void *ctx)
{
	struct track *track = ctx;
	if (event->item_count == 1)
		(void)burr_tracker_first_item(track->app, event->sequence_id);
}

static void on_stream_end(const burr_event *event, void *ctx)
{
	struct track *track = ctx;
	(void)burr_tracker_end_stream(track->app, event->sequence_id, event->item_count);
}

static void on_close(void *ctx)
{
	struct track *track = ctx;
	if (track->app)
		burr_tracker_close_app(track->app);
	tracker_ref_put(track->ref);
	free(track);
}

struct track *track_new(struct tracker_ref *ref, burr_hooks *out_hooks)
{
	struct track *track = calloc(1, sizeof(*track));
	if (!track)
		return NULL;
	track->ref = ref;
	*out_hooks = (burr_hooks)BURR_HOOKS_INIT;
	out_hooks->post_application_create = on_created;
	out_hooks->pre_run_step = on_step_begin;
	out_hooks->post_run_step = on_step_end;
	out_hooks->pre_start_span = on_span_begin;
	out_hooks->post_end_span = on_span_end;
	out_hooks->do_log_attribute = on_attribute;
	out_hooks->pre_start_stream = on_stream_begin;
	out_hooks->post_stream_item = on_item;
	out_hooks->post_end_stream = on_stream_end;
	out_hooks->close = on_close;
	return track;
}
