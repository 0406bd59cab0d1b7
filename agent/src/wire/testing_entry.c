#include "wire/testing_entry.h"

static void put_text(struct buf *out, uint32_t number, const char *text)
{
	pb_put_bytes(out, number, slice_of(text));
}

void entry_put_app(struct buf *out, const char *project, const char *app_id, const char *partition_key,
	uint64_t log_start)
{
	put_text(out, ENTRY_PROJECT, project);
	put_text(out, ENTRY_APP_ID, app_id);
	put_text(out, ENTRY_PARTITION_KEY, partition_key);
	if (!log_start)
		return;
	pb_put_uint(out, ENTRY_LOG_START, log_start);
	pb_put_fixed64(out, ENTRY_LOG_TOKEN, UINT64_C(0x1122334455667788));
}

void entry_put_identity(struct buf *out, uint32_t lane, uint64_t n, uint64_t time_ns)
{
	pb_put_uint(out, ENTRY_LANE, lane);
	pb_put_uint(out, ENTRY_N, n);
	pb_put_fixed64(out, ENTRY_TIME_NS, time_ns);
}

void entry_put_side(struct buf *out, uint64_t side_len)
{
	pb_put_uint(out, ENTRY_SIDE_LEN, side_len);
}

static void put_pointer(struct buf *out, uint32_t number, const burr_pointer *pointer)
{
	if (!pointer)
		return;
	size_t began = pb_begin(out, number);
	put_text(out, 1, pointer->app_id);
	if (pointer->sequence_id >= 0)
		pb_put_int(out, 2, pointer->sequence_id);
	put_text(out, 3, pointer->partition_key);
	pb_end(out, began);
}

/* The next name of a list such as "count limit"; false at its end. */
static bool next_name(const char **list, struct slice *out)
{
	const char *pos = *list;
	if (!pos)
		return false;
	pos += strspn(pos, " ,\t\n");
	*out = (struct slice){pos, strcspn(pos, " ,\t\n")};
	*list = pos + out->len;
	return out->len > 0;
}

static void put_names(struct buf *out, uint32_t number, const char *list)
{
	struct slice name;
	while (next_name(&list, &name))
		pb_put_bytes(out, number, name);
}

/* Inputs of one kind: optional ones end in '?'. */
static void put_inputs(struct buf *out, uint32_t number, const char *list, bool wanted_optional)
{
	struct slice name;
	while (next_name(&list, &name)) {
		bool optional = name.data[name.len - 1] == '?';
		if (optional == wanted_optional)
			pb_put_bytes(out, number, (struct slice){name.data, name.len - optional});
	}
}

static void put_action(struct buf *out, const burr_action_info *action)
{
	size_t began = pb_begin(out, 2);
	put_text(out, 1, action->name);
	put_names(out, 2, action->reads);
	put_names(out, 3, action->writes);
	put_text(out, 4, action->code);
	put_inputs(out, 5, action->inputs, false);
	put_inputs(out, 6, action->inputs, true);
	pb_end(out, began);
}

static void put_transition(struct buf *out, const burr_transition_info *transition)
{
	size_t began = pb_begin(out, 3);
	put_text(out, 1, transition->from);
	put_text(out, 2, transition->to);
	put_text(out, 3, transition->condition ? transition->condition : "default");
	pb_end(out, began);
}

void entry_put_application(struct buf *out, const burr_app_info *info)
{
	size_t began = pb_begin(out, RECORD_APPLICATION);
	put_text(out, 1, info->entrypoint ? info->entrypoint : "");
	for (size_t i = 0; i < info->action_count; i++)
		put_action(out, &info->actions[i]);
	for (size_t i = 0; i < info->transition_count; i++)
		put_transition(out, &info->transitions[i]);
	put_pointer(out, 4, info->parent);
	put_pointer(out, 5, info->spawning_parent);
	put_text(out, 6, info->initial_state_json);
	pb_end(out, began);
}

static void put_via(struct buf *out, const burr_via *via)
{
	if (!via)
		return;
	size_t began = pb_begin(out, 4);
	put_text(out, 1, via->from ? via->from : "");
	put_text(out, 2, via->condition ? via->condition : "default");
	put_text(out, 3, via->values_json);
	for (size_t i = 0; i < via->rejected_count; i++) {
		const burr_via_rejected *rejected = &via->rejected[i];
		size_t inner = pb_begin(out, 4);
		put_text(out, 1, rejected->to ? rejected->to : "");
		put_text(out, 2, rejected->condition ? rejected->condition : "default");
		put_text(out, 3, rejected->values_json);
		pb_end(out, inner);
	}
	pb_end(out, began);
}

void entry_put_begin_entry(struct buf *out, int64_t sequence_id, const char *action, const char *inputs_json,
	const burr_via *via)
{
	size_t began = pb_begin(out, RECORD_BEGIN_ENTRY);
	put_text(out, 1, action);
	put_text(out, 2, inputs_json);
	pb_put_int(out, 3, sequence_id);
	put_via(out, via);
	pb_end(out, began);
}

void entry_put_end_entry(struct buf *out, int64_t sequence_id, const char *action, const char *result_json,
	const char *exception, const char *state_json)
{
	size_t began = pb_begin(out, RECORD_END_ENTRY);
	put_text(out, 1, action);
	put_text(out, 2, result_json);
	put_text(out, 3, exception);
	put_text(out, 4, state_json);
	pb_put_int(out, 5, sequence_id);
	pb_end(out, began);
}

void entry_put_begin_span(struct buf *out, int64_t sequence_id, const char *span_id, const char *span_name,
	const char *parent_span_id, const char *const *dependencies, size_t dependency_count)
{
	size_t began = pb_begin(out, RECORD_BEGIN_SPAN);
	pb_put_int(out, 1, sequence_id);
	put_text(out, 2, span_id);
	put_text(out, 3, span_name);
	put_text(out, 4, parent_span_id);
	for (size_t i = 0; i < dependency_count; i++)
		put_text(out, 5, dependencies[i]);
	pb_end(out, began);
}

void entry_put_end_span(struct buf *out, int64_t sequence_id, const char *span_id)
{
	size_t began = pb_begin(out, RECORD_END_SPAN);
	pb_put_int(out, 1, sequence_id);
	put_text(out, 2, span_id);
	pb_end(out, began);
}

void entry_put_attribute(struct buf *out, int64_t sequence_id, const char *span_id, const char *key,
	const char *value_json, const burr_tag *tags, size_t tag_count)
{
	size_t began = pb_begin(out, RECORD_ATTRIBUTE);
	put_text(out, 1, key);
	pb_put_int(out, 2, sequence_id);
	put_text(out, 3, span_id);
	put_text(out, 4, value_json);
	for (size_t i = 0; i < tag_count; i++) {
		size_t inner = pb_begin(out, 5);
		put_text(out, 1, tags[i].key);
		put_text(out, 2, tags[i].value);
		pb_end(out, inner);
	}
	pb_end(out, began);
}

static void put_stream_record(struct buf *out, enum record_type type, int64_t sequence_id)
{
	size_t began = pb_begin(out, type);
	pb_put_int(out, 1, sequence_id);
	pb_end(out, began);
}

void entry_put_begin_stream(struct buf *out, int64_t sequence_id)
{
	put_stream_record(out, RECORD_BEGIN_STREAM, sequence_id);
}

void entry_put_first_item(struct buf *out, int64_t sequence_id)
{
	put_stream_record(out, RECORD_FIRST_ITEM_STREAM, sequence_id);
}

void entry_put_end_stream(struct buf *out, int64_t sequence_id, int64_t items_streamed)
{
	size_t began = pb_begin(out, RECORD_END_STREAM);
	pb_put_int(out, 1, sequence_id);
	pb_put_int(out, 2, items_streamed);
	pb_end(out, began);
}

void entry_put_end_application(struct buf *out)
{
	pb_end(out, pb_begin(out, RECORD_END_APPLICATION));
}
