/* app/testing.h: what the tests of this folder share: applications in one call, and hooks that write down
 * what they are told. Included by one test program each. */
#ifndef APP_TESTING_H
#define APP_TESTING_H

#include "base/buf.h"

#include <burr/app.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static inline const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static inline burr_status log_created(const burr_event *event, void *ctx, burr_error *err)
{
	(void)err;
	buf_printf(ctx, "created %s actions=%zu transitions=%zu state=%s\n", event->info->entrypoint,
		event->info->action_count, event->info->transition_count, event->info->initial_state_json);
	return BURR_OK;
}

static inline void log_run(const burr_event *event, void *ctx)
{
	buf_printf(ctx, "run %s\n", event->inputs_json);
}

static inline void log_run_end(const burr_event *event, void *ctx)
{
	buf_printf(ctx, "ran %s %s\n", or_dash(event->action), or_dash(event->exception));
}

static inline void log_begin(const burr_event *event, void *ctx)
{
	buf_printf(ctx, "begin %" PRId64 " %s %s", event->sequence_id, event->action, event->inputs_json);
	if (event->via)
		buf_printf(ctx, " via %s if %s %s", event->via->from, event->via->condition,
			event->via->values_json);
	for (size_t i = 0; event->via && i < event->via->rejected_count; i++)
		buf_printf(ctx, " not %s if %s %s", event->via->rejected[i].to,
			event->via->rejected[i].condition, event->via->rejected[i].values_json);
	buf_append_char(ctx, '\n');
}

static inline void log_end(const burr_event *event, void *ctx)
{
	buf_printf(ctx, "end %" PRId64 " %s %s %s %s\n", event->sequence_id, event->action,
		or_dash(event->result_json), or_dash(event->exception), event->state_json);
}

static inline void log_span(const burr_event *event, void *ctx)
{
	buf_printf(ctx, "span %s %s in %s", event->span_id, event->span_name, or_dash(event->parent_span_id));
	for (size_t i = 0; i < event->dependency_count; i++)
		buf_printf(ctx, " after %s", event->dependencies[i]);
	buf_append_char(ctx, '\n');
}

static inline void log_span_end(const burr_event *event, void *ctx)
{
	buf_printf(ctx, "span-end %s\n", event->span_id);
}

static inline void log_attribute(const burr_event *event, void *ctx)
{
	buf_printf(ctx, "attribute %s %s=%s tags=%zu\n", or_dash(event->span_id), event->key,
		event->value_json, event->tag_count);
}

static inline void log_stream(const burr_event *event, void *ctx)
{
	buf_printf(ctx, "stream %s\n", event->action);
}

static inline void log_item(const burr_event *event, void *ctx)
{
	buf_printf(ctx, "item %" PRId64 " %s\n", event->item_count, event->item_json);
}

static inline void log_stream_end(const burr_event *event, void *ctx)
{
	buf_printf(ctx, "stream-end %" PRId64 "\n", event->item_count);
}

/* Steps, spans, attributes and streams; log_all adds the rest. */
static inline burr_hooks log_hooks(void)
{
	burr_hooks hooks = BURR_HOOKS_INIT;
	hooks.pre_run_step = log_begin;
	hooks.post_run_step = log_end;
	hooks.pre_start_span = log_span;
	hooks.post_end_span = log_span_end;
	hooks.do_log_attribute = log_attribute;
	hooks.pre_start_stream = log_stream;
	hooks.post_stream_item = log_item;
	hooks.post_end_stream = log_stream_end;
	return hooks;
}

static inline burr_app *must_build(burr_builder *builder)
{
	burr_error err = BURR_ERROR_INIT;
	burr_app *app = NULL;
	if (burr_build(builder, &app, &err) != BURR_OK)
		fail_msg("burr_build: %s", err.message);
	return app;
}

/* An application of one action, which begins with it; log may be NULL. */
static inline burr_app *build_one(const burr_action *action, const char *state_json, struct buf *log)
{
	burr_builder *builder = burr_builder_new();
	burr_hooks hooks = log_hooks();
	burr_with_action(builder, action);
	burr_with_entrypoint(builder, action->name);
	burr_with_state(builder, state_json);
	burr_with_identifiers(builder, "one", NULL, BURR_NO_SEQUENCE_ID);
	if (log)
		burr_with_hooks(builder, &hooks, log);
	return must_build(builder);
}

#endif
