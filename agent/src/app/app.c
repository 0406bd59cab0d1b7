/* Asking an application, and its end. */
#include "app/app.h"

#include "app/page.h"
#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"

burr_event app_event(burr_app *app)
{
	burr_event event;
	memset(&event, 0, sizeof(event));
	event.size = sizeof(event);
	event.app = app;
	event.app_id = app->app_id;
	event.partition_key = app->partition_key;
	event.sequence_id = app->sequence_id;
	return event;
}

void burr_app_free(burr_app *app)
{
	if (!app)
		return;
	hooks_fini(&app->hooks);
	tracker_ref_put(app->tracker);
	graph_fini(&app->graph);
	state_fini(&app->state);
	buf_fini(&app->state_text);
	buf_fini(&app->record);
	buf_fini(&app->result);
	free(app->app_id);
	free(app->partition_key);
	free(app->url);
	free(app);
}

const char *burr_app_state_json(burr_app *app)
{
	if (app->state_text_fresh)
		return app->state_text.data;
	buf_clear(&app->state_text);
	json_put_open(&app->state_text, '{');
	state_put_members(&app->state, &app->state_text);
	json_put_close(&app->state_text, '}');
	if (app->state_text.failed)
		return "";
	app->state_text_fresh = true;
	return app->state_text.data;
}

const char *burr_app_result_json(const burr_app *app)
{
	return app->result.len ? app->result.data : "null";
}

const char *burr_app_id(const burr_app *app)
{
	return app->app_id;
}

const char *burr_app_partition_key(const burr_app *app)
{
	return app->partition_key;
}

const char *burr_app_url(burr_app *app)
{
	if (!burr_app_tracker_app(app))
		return "";
	const burr_tracker *tracker = app->tracker->tracker;
	if (!app->url)
		app->url = page_url(burr_tracker_store(tracker), burr_tracker_project(tracker), app->app_id,
			app->partition_key);
	return app->url ? app->url : "";
}

int64_t burr_app_sequence_id(const burr_app *app)
{
	return app->sequence_id;
}

const char *burr_app_last_action(const burr_app *app)
{
	return graph_name(&app->graph, app->last);
}

burr_status burr_app_next_action(burr_app *app, const char **out_action, burr_error *err)
{
	burr_status status = app_decide(app, err);
	if (status == BURR_OK)
		*out_action = graph_name(&app->graph, app->next.action);
	return status;
}

bool burr_app_finished(const burr_app *app)
{
	return app->forced == NO_ACTION &&
	       (app->last == NO_ACTION || !app->graph.actions[app->last].has_way_out);
}

burr_tracker_app *burr_app_tracker_app(const burr_app *app)
{
	return app->track ? app->track->app : NULL;
}

burr_status burr_app_end(burr_app *app, burr_error *err)
{
	burr_status status = burr_tracker_end_app(burr_app_tracker_app(app));
	if (status != BURR_OK)
		burr_fail(err, status, "recording the end of \"%.200s\": %s", app->app_id,
			burr_status_text(status));
	return status;
}
