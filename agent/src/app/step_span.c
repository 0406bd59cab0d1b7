/* What an action tells on its way: spans, attributes, items of a stream. Each becomes an event of the hooks.
 */
#include "app/step.h"

#include "base/clean.h"
#include "base/json.h"

#include <inttypes.h>
#include <math.h>

static struct span *innermost(burr_step *step)
{
	return step->span_depth ? &step->spans[step->span_depth - 1] : NULL;
}

/* In a predicate, or after an error, nothing is told. */
static bool can_tell(burr_step *step)
{
	if (!step->action)
		step_error(step, BURR_EINVAL, "a condition has no spans, attributes and streams");
	return step->status == BURR_OK;
}

/* "7:0" under the step, "7:0.2" under a span. */
static char *make_span_id(burr_step *step)
{
	CLEAN(buf_fini) struct buf id = BUF_INIT;
	struct span *parent = innermost(step);
	if (parent)
		buf_printf(&id, "%s.%u", parent->id, parent->child_count++);
	else
		buf_printf(&id, "%" PRId64 ":%u", step->app->sequence_id, step->root_span_count++);
	return step_keep(step, buf_take(&id), free);
}

static void tell_span(
	burr_step *step, const char *id, const char *parent_id, const char *name, const struct names *after)
{
	burr_event event = step_event(step);
	event.span_id = id;
	event.span_name = name;
	event.parent_span_id = parent_id;
	event.dependencies = after->items;
	event.dependency_count = after->count;
	hooks_call(&step->app->hooks, offsetof(burr_hooks, pre_start_span), &event);
}

const char *burr_step_begin_span_after(burr_step *step, const char *name, const char *after)
{
	if (!can_tell(step) || !step_check_text(step, "span", name ? name : "NULL", name) ||
		(after && !step_check_text(step, "spans before", name, after)))
		return "";
	if (step->span_depth == STEP_SPAN_DEPTH_MAX) {
		step_error(
			step, BURR_EINVAL, "span \"%s\": more than %d are open", name, STEP_SPAN_DEPTH_MAX);
		return "";
	}
	CLEAN(names_fini) struct names dependencies = NAMES_INIT;
	const char *parent_id = step->span_depth ? innermost(step)->id : NULL;
	char *id = names_init(&dependencies, after) ? make_span_id(step) : NULL;
	if (!id) {
		step_no_memory(step);
		return "";
	}
	step->spans[step->span_depth++] = (struct span){id, 0};
	tell_span(step, id, parent_id, name, &dependencies);
	return id;
}

const char *burr_step_begin_span(burr_step *step, const char *name)
{
	return burr_step_begin_span_after(step, name, NULL);
}

static void end_innermost(burr_step *step)
{
	burr_event event = step_event(step);
	event.span_id = innermost(step)->id;
	step->span_depth--;
	hooks_call(&step->app->hooks, offsetof(burr_hooks, post_end_span), &event);
}

/* Also after an error: the span did end. */
burr_status burr_step_end_span(burr_step *step)
{
	if (step->span_depth)
		end_innermost(step);
	else
		step_error(step, BURR_EINVAL, "burr_step_end_span: no span is open");
	return step->status;
}

/* ---- attributes ---- */

static burr_status tell_attribute(
	burr_step *step, const char *key, const char *value_json, const burr_tag *tags, size_t tag_count)
{
	burr_event event = step_event(step);
	event.span_id = step->span_depth ? innermost(step)->id : NULL;
	event.key = key;
	event.value_json = value_json;
	event.tags = tags;
	event.tag_count = tag_count;
	hooks_call(&step->app->hooks, offsetof(burr_hooks, do_log_attribute), &event);
	return step->status;
}

static bool attribute_fits(burr_step *step, const char *key)
{
	return can_tell(step) && step_check_text(step, "attribute", key ? key : "NULL", key);
}

burr_status burr_step_log_tagged(
	burr_step *step, const char *key, const char *value_json, const burr_tag *tags, size_t tag_count)
{
	struct slice value;
	if (!attribute_fits(step, key) || !step_check_json(step, "attribute", key, value_json, &value))
		return step->status;
	return tell_attribute(step, key, value_json, tags, tags ? tag_count : 0);
}

burr_status burr_step_log_attribute(burr_step *step, const char *key, const char *value_json)
{
	return burr_step_log_tagged(step, key, value_json, NULL, 0);
}

static burr_status tell_buf(burr_step *step, const char *key, const struct buf *value)
{
	return value->failed ? step_no_memory(step) : tell_attribute(step, key, value->data, NULL, 0);
}

burr_status burr_step_log_int(burr_step *step, const char *key, int64_t value)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (!attribute_fits(step, key))
		return step->status;
	json_put_int(&text, value);
	return tell_buf(step, key, &text);
}

burr_status burr_step_log_double(burr_step *step, const char *key, double value)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (!attribute_fits(step, key))
		return step->status;
	if (!isfinite(value))
		return step_error(
			step, BURR_EINVAL, "attribute \"%s\": JSON has no NaN and no infinity", key);
	json_put_double(&text, value);
	return tell_buf(step, key, &text);
}

burr_status burr_step_log_bool(burr_step *step, const char *key, bool value)
{
	if (!attribute_fits(step, key))
		return step->status;
	return tell_attribute(step, key, value ? "true" : "false", NULL, 0);
}

burr_status burr_step_log_text(burr_step *step, const char *key, const char *text)
{
	CLEAN(buf_fini) struct buf json = BUF_INIT;
	if (!attribute_fits(step, key) || !step_check_text(step, "attribute", key, text))
		return step->status;
	json_put_text(&json, slice_of(text));
	return tell_buf(step, key, &json);
}

/* ---- streams ---- */

void step_begin_stream(burr_step *step)
{
	if (step->stream_begun)
		return;
	step->stream_begun = true;
	burr_event event = step_event(step);
	hooks_call(&step->app->hooks, offsetof(burr_hooks, pre_start_stream), &event);
}

burr_status burr_step_emit(burr_step *step, const char *item_json)
{
	struct slice item;
	if (!can_tell(step) || !step_check_json(step, "item", "of the stream", item_json, &item))
		return step->status;
	step_begin_stream(step);
	burr_event event = step_event(step);
	event.item_json = item_json;
	event.item_count = ++step->item_count;
	hooks_call(&step->app->hooks, offsetof(burr_hooks, post_stream_item), &event);
	if (step->on_item && step->on_item(event.action, item_json, step->item_ctx) != BURR_OK)
		return step_error(step, BURR_EACTION,
			"the stream's consumer took item %" PRId64 " and wants no more", step->item_count);
	return step->status;
}

burr_status burr_step_emit_text(burr_step *step, const char *text)
{
	CLEAN(buf_fini) struct buf json = BUF_INIT;
	if (!step_check_text(step, "item", "of the stream", text))
		return step->status;
	json_put_text(&json, slice_of(text));
	return json.failed ? step_no_memory(step) : burr_step_emit(step, json.data);
}

void step_close_open(burr_step *step)
{
	while (step->span_depth)
		end_innermost(step);
	if (!step->stream_begun)
		return;
	burr_event event = step_event(step);
	event.item_count = step->item_count;
	hooks_call(&step->app->hooks, offsetof(burr_hooks, post_end_stream), &event);
}
