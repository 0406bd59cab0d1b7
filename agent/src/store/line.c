#include "store/line.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "wire/limits.h"

#include <stdio.h>

/* ---- values ---- */

/* A constant piece of a line, its comma and quotes included: what the json_put_… would find out anew for each
 * record. */
#define PUT_LIT(out, text) buf_append((out), (text), sizeof(text) - 1)

/* A line is ended by its newline alone, so white space between a value's tokens must not be one. */
static void put_on_one_line(struct buf *out, const struct json_checked *json)
{
	size_t began = out->len;
	buf_append_slice(out, json->value);
	if (!json->has_breaks || out->failed)
		return;
	for (size_t i = began; i < out->len; i++)
		if (out->data[i] == '\n' || out->data[i] == '\r')
			out->data[i] = ' ';
}

static void put_invalid(struct buf *out, const char *key, struct slice text, const char *why,
	const struct line_context *context)
{
	if (context->faults && context->faults->count++ == 0)
		snprintf(context->faults->text, sizeof(context->faults->text), "%s: %s", key, why);
	json_put_open(out, '{');
	json_put_key(out, SLICE_LIT("__burr_invalid"));
	json_put_open(out, '{');
	json_put_member(out, "error", slice_of(why));
	json_put_member(out, "text", text);
	json_put_close(out, '}');
	json_put_close(out, '}');
}

/* The application's JSON behind its key. What is none is stored as an object that says so. */
static void put_checked(struct buf *out, const char *key, struct slice json, bool must_be_object,
	const struct line_context *context)
{
	struct json_checked checked;
	if (json_check(json, &checked, NULL) != BURR_OK) {
		burr_error why;
		json_validate(json, NULL, &why); /* again, for the message: seldom */
		put_invalid(out, key, json, why.message, context);
	} else if (must_be_object && json_kind_of(checked.value) != JSON_OBJECT) {
		put_invalid(out, key, json, "not a JSON object", context);
	} else {
		put_on_one_line(out, &checked);
	}
}

static void put_value(struct buf *out, const char *key, struct slice json, bool must_be_object,
	const struct line_context *context)
{
	json_put_key(out, slice_of(key));
	put_checked(out, key, json, must_be_object, context);
}

static void put_object_or(struct buf *out, const char *key, struct slice json, const char *if_absent,
	const struct line_context *context)
{
	if (json.data)
		put_value(out, key, json, true, context);
	else
		json_put_member_raw(out, key, slice_of(if_absent));
}

static void put_time_text(struct buf *out, const struct entry *entry, const struct line_context *context)
{
	char text[TIME_TEXT_LEN + 1];
	time_text((int64_t)(entry->time_ns + (uint64_t)context->clock_offset_ns), text);
	buf_append(out, text, TIME_TEXT_LEN);
}

static void put_time(
	struct buf *out, const char *key, const struct entry *entry, const struct line_context *context)
{
	json_put_key(out, slice_of(key));
	buf_append_char(out, '"');
	put_time_text(out, entry, context);
	buf_append_char(out, '"');
}

static void put_identity(struct buf *out, const struct entry *entry, const struct line_context *context)
{
	PUT_LIT(out, ",\"_rec\":\"");
	buf_append(out, context->writer.data, WRITER_ID_LEN);
	buf_append_char(out, '.');
	buf_append_uint(out, entry->lane);
	buf_append_char(out, '.');
	buf_append_uint(out, entry->n);
	buf_append_char(out, '"');
}

/* All text fields of one number, as an array. */
static void put_names(struct buf *out, const char *key, struct slice message, uint32_t number)
{
	struct pb_field f;
	struct pb_reader r = pb_reader(message);
	json_put_key(out, slice_of(key));
	json_put_open(out, '[');
	while (pb_next(&r, &f))
		if (f.number == number && f.type == PB_BYTES)
			json_put_text(out, f.bytes);
	json_put_close(out, ']');
}

/* ---- log records; slot numbers are the field numbers of proto/burr/v1/record.proto ---- */

enum { RECORD_FIELDS = 8 };

static void put_condition(struct buf *out, const struct pb_slot *slots, const struct line_context *context)
{
	json_put_member(out, "condition", pb_text(&slots[2]));
	put_object_or(out, "values", pb_text(&slots[3]), "{}", context);
}

static void put_rejected(struct buf *out, struct slice via, const struct line_context *context)
{
	struct pb_field f;
	struct pb_slot slots[4];
	struct pb_reader r = pb_reader(via);
	json_put_key(out, SLICE_LIT("rejected"));
	json_put_open(out, '[');
	while (pb_next(&r, &f)) {
		if (f.number != 4 || f.type != PB_BYTES || !pb_slots(f.bytes, slots, 4))
			continue;
		json_put_open(out, '{');
		json_put_member(out, "to", pb_text(&slots[1]));
		put_condition(out, slots, context);
		json_put_close(out, '}');
	}
	json_put_close(out, ']');
}

static void put_via(struct buf *out, struct slice via, const struct line_context *context)
{
	struct pb_slot slots[4];
	if (!via.data || !pb_slots(via, slots, 4))
		return;
	json_put_key(out, SLICE_LIT("via"));
	json_put_open(out, '{');
	json_put_member(out, "from", pb_text(&slots[1]));
	put_condition(out, slots, context);
	put_rejected(out, via, context);
	json_put_close(out, '}');
}

/* The two records of each step are written piece by piece; the others are rare enough for the general calls.
 */
static void put_begin_entry(struct buf *out, const struct entry *entry, const struct pb_slot *f,
	const struct line_context *context)
{
	PUT_LIT(out, ",\"start_time\":\"");
	put_time_text(out, entry, context);
	PUT_LIT(out, "\",\"action\":");
	json_put_text(out, pb_text(&f[1]));
	PUT_LIT(out, ",\"inputs\":");
	struct slice inputs = pb_text(&f[2]);
	if (inputs.data)
		put_checked(out, "inputs", inputs, true, context);
	else
		PUT_LIT(out, "{}");
	PUT_LIT(out, ",\"sequence_id\":");
	buf_append_int(out, pb_int(&f[3]));
	put_via(out, pb_text(&f[4]), context);
}

static void put_end_entry(struct buf *out, const struct entry *entry, const struct pb_slot *f,
	const struct line_context *context)
{
	PUT_LIT(out, ",\"end_time\":\"");
	put_time_text(out, entry, context);
	PUT_LIT(out, "\",\"action\":");
	json_put_text(out, pb_text(&f[1]));
	PUT_LIT(out, ",\"sequence_id\":");
	buf_append_int(out, pb_int(&f[5]));
	PUT_LIT(out, ",\"exception\":");
	json_put_text(out, pb_text(&f[3]));
	PUT_LIT(out, ",\"result\":");
	struct slice result = pb_text(&f[2]);
	if (result.data)
		put_checked(out, "result", result, true, context);
	else
		PUT_LIT(out, "null");
	PUT_LIT(out, ",\"state\":");
	put_checked(out, "state", pb_text(&f[4]), true, context);
}

static void put_begin_span(struct buf *out, const struct entry *entry, const struct pb_slot *f,
	const struct line_context *context)
{
	put_time(out, "start_time", entry, context);
	json_put_member_int(out, "action_sequence_id", pb_int(&f[1]));
	json_put_member(out, "span_id", pb_text(&f[2]));
	json_put_member(out, "span_name", pb_text(&f[3]));
	json_put_member(out, "parent_span_id", pb_text(&f[4]));
	put_names(out, "span_dependencies", entry->record, 5);
}

static void put_end_span(struct buf *out, const struct entry *entry, const struct pb_slot *f,
	const struct line_context *context)
{
	put_time(out, "end_time", entry, context);
	json_put_member_int(out, "action_sequence_id", pb_int(&f[1]));
	json_put_member(out, "span_id", pb_text(&f[2]));
}

static void put_tags(struct buf *out, struct slice record)
{
	struct pb_field f;
	struct pb_slot slots[3];
	struct pb_reader r = pb_reader(record);
	json_put_key(out, SLICE_LIT("tags"));
	json_put_open(out, '{');
	while (pb_next(&r, &f)) {
		if (f.number != 5 || f.type != PB_BYTES || !pb_slots(f.bytes, slots, 3))
			continue;
		json_put_key(out, pb_text(&slots[1]));
		struct slice value = pb_text(&slots[2]);
		json_put_text(out, value.data ? value : SLICE_LIT(""));
	}
	json_put_close(out, '}');
}

static void put_attribute(struct buf *out, const struct entry *entry, const struct pb_slot *f,
	const struct line_context *context)
{
	json_put_member(out, "key", pb_text(&f[1]));
	json_put_member_int(out, "action_sequence_id", pb_int(&f[2]));
	json_put_member(out, "span_id", pb_text(&f[3]));
	put_value(out, "value", pb_text(&f[4]), false, context);
	put_tags(out, entry->record);
	put_time(out, "time_logged", entry, context);
}

static void put_stream(struct buf *out, const char *time_key, const struct entry *entry,
	const struct pb_slot *f, const struct line_context *context)
{
	json_put_member_int(out, "action_sequence_id", pb_int(&f[1]));
	json_put_member(out, "span_id", SLICE_NONE);
	put_time(out, time_key, entry, context);
}

static void put_begin_stream(struct buf *out, const struct entry *entry, const struct pb_slot *f,
	const struct line_context *context)
{
	put_stream(out, "stream_init_time", entry, f, context);
}

static void put_first_item(struct buf *out, const struct entry *entry, const struct pb_slot *f,
	const struct line_context *context)
{
	put_stream(out, "first_item_time", entry, f, context);
}

static void put_end_stream(struct buf *out, const struct entry *entry, const struct pb_slot *f,
	const struct line_context *context)
{
	put_stream(out, "end_time", entry, f, context);
	json_put_member_int(out, "items_streamed", pb_int(&f[2]));
}

static void put_end_application(struct buf *out, const struct entry *entry, const struct pb_slot *f,
	const struct line_context *context)
{
	(void)f;
	put_time(out, "time", entry, context);
}

/* Which fields a record cannot do without, and how its line is made. */
static const struct line_kind {
	const char *type;
	unsigned required; /* bit n: field n */
	void (*put)(struct buf *out, const struct entry *entry, const struct pb_slot *f,
		const struct line_context *context);
} line_kinds[] = {
	[RECORD_BEGIN_ENTRY] = {"begin_entry", 1 << 1 | 1 << 3, put_begin_entry},
	[RECORD_END_ENTRY] = {"end_entry", 1 << 1 | 1 << 4 | 1 << 5, put_end_entry},
	[RECORD_BEGIN_SPAN] = {"begin_span", 1 << 1 | 1 << 2 | 1 << 3, put_begin_span},
	[RECORD_END_SPAN] = {"end_span", 1 << 1 | 1 << 2, put_end_span},
	[RECORD_ATTRIBUTE] = {"attribute", 1 << 1 | 1 << 2 | 1 << 4, put_attribute},
	[RECORD_BEGIN_STREAM] = {"begin_stream", 1 << 1, put_begin_stream},
	[RECORD_FIRST_ITEM_STREAM] = {"first_item_stream", 1 << 1, put_first_item},
	[RECORD_END_STREAM] = {"end_stream", 1 << 1 | 1 << 2, put_end_stream},
	[RECORD_END_APPLICATION] = {"end_application", 0, put_end_application},
};

burr_status line_put(
	struct buf *out, const struct entry *entry, const struct line_context *context, burr_error *err)
{
	struct pb_slot slots[RECORD_FIELDS];
	if (entry->type <= RECORD_APPLICATION || entry->type > RECORD_END_APPLICATION)
		return burr_fail(err, BURR_ECORRUPT, "a record of no known type");
	const struct line_kind *kind = &line_kinds[entry->type];
	if (!pb_slots(entry->record, slots, RECORD_FIELDS))
		return burr_fail(err, BURR_ECORRUPT, "the bytes of a %s are damaged", kind->type);
	for (unsigned number = 1; number < RECORD_FIELDS; number++)
		if (kind->required & 1u << number && !slots[number].set)
			return burr_fail(err, BURR_ECORRUPT, "a %s lacks its field %u", kind->type, number);
	PUT_LIT(out, "{\"type\":\"");
	buf_append_str(out, kind->type);
	buf_append_char(out, '"');
	kind->put(out, entry, slots, context);
	put_identity(out, entry, context);
	PUT_LIT(out, "}\n");
	return out->failed ? burr_fail(err, BURR_ENOMEM, "no memory for a line") : BURR_OK;
}

/* ---- the application ---- */

static void put_action(struct buf *out, struct slice action)
{
	struct pb_slot slots[5];
	if (!pb_slots(action, slots, 5))
		return;
	json_put_open(out, '{');
	json_put_member(out, "type", SLICE_LIT("action"));
	json_put_member(out, "name", pb_text(&slots[1]));
	put_names(out, "reads", action, 2);
	put_names(out, "writes", action, 3);
	struct slice code = pb_text(&slots[4]);
	json_put_member(out, "code", code.data ? code : SLICE_LIT(""));
	put_names(out, "inputs", action, 5);
	put_names(out, "optional_inputs", action, 6);
	json_put_close(out, '}');
}

static void put_transition(struct buf *out, struct slice transition)
{
	struct pb_slot slots[4];
	if (!pb_slots(transition, slots, 4))
		return;
	json_put_open(out, '{');
	json_put_member(out, "type", SLICE_LIT("transition"));
	json_put_member(out, "from_", pb_text(&slots[1]));
	json_put_member(out, "to", pb_text(&slots[2]));
	json_put_member(out, "condition", pb_text(&slots[3]));
	json_put_close(out, '}');
}

static void put_messages(struct buf *out, const char *key, struct slice record, uint32_t number,
	void (*put)(struct buf *out, struct slice message))
{
	struct pb_field f;
	struct pb_reader r = pb_reader(record);
	json_put_key(out, slice_of(key));
	json_put_open(out, '[');
	while (pb_next(&r, &f))
		if (f.number == number && f.type == PB_BYTES)
			put(out, f.bytes);
	json_put_close(out, ']');
}

void line_put_graph(struct buf *out, const struct entry *entry)
{
	struct pb_slot slots[APPLICATION_FIELDS];
	pb_slots(entry->record, slots, APPLICATION_FIELDS);
	struct slice entrypoint = pb_text(&slots[APPLICATION_ENTRYPOINT]);
	json_put_open(out, '{');
	json_put_member(out, "type", SLICE_LIT("application"));
	json_put_member(out, "entrypoint", entrypoint.data ? entrypoint : SLICE_LIT(""));
	put_messages(out, "actions", entry->record, APPLICATION_ACTION, put_action);
	put_messages(out, "transitions", entry->record, APPLICATION_TRANSITION, put_transition);
	json_put_close(out, '}');
	buf_append_char(out, '\n');
}

static void put_pointer_of(
	struct buf *out, struct slice app_id, const struct pb_slot *sequence_id, struct slice partition_key)
{
	json_put_open(out, '{');
	json_put_member(out, "type", SLICE_LIT("pointer_data"));
	json_put_member(out, "app_id", app_id);
	json_put_key(out, SLICE_LIT("sequence_id"));
	if (sequence_id && sequence_id->set)
		json_put_int(out, pb_int(sequence_id));
	else
		json_put_null(out);
	json_put_member(out, "partition_key", partition_key);
	json_put_close(out, '}');
}

static void put_pointer(struct buf *out, const char *key, struct slice pointer)
{
	struct pb_slot slots[4];
	json_put_key(out, slice_of(key));
	if (!pointer.data || !pb_slots(pointer, slots, 4))
		json_put_null(out);
	else
		put_pointer_of(out, pb_text(&slots[1]), &slots[2], pb_text(&slots[3]));
}

void line_put_metadata(struct buf *out, const struct entry *entry, const struct line_context *context)
{
	struct pb_slot slots[APPLICATION_FIELDS];
	pb_slots(entry->record, slots, APPLICATION_FIELDS);
	json_put_open(out, '{');
	json_put_member(out, "type", SLICE_LIT("application_metadata"));
	json_put_member(out, "partition_key", entry->partition_key);
	put_pointer(out, "parent_pointer", pb_text(&slots[APPLICATION_PARENT]));
	put_pointer(out, "spawning_parent_pointer", pb_text(&slots[APPLICATION_SPAWNING_PARENT]));
	if (slots[APPLICATION_INITIAL_STATE].set)
		put_value(out, "initial_state", pb_text(&slots[APPLICATION_INITIAL_STATE]), true, context);
	json_put_key(out, SLICE_LIT("writer"));
	json_put_open(out, '{');
	json_put_member(out, "host", context->about.host);
	json_put_member_int(out, "pid", context->about.pid);
	json_put_member(out, "program", context->about.program);
	json_put_member(out, "library_version", context->about.library_version);
	json_put_close(out, '}');
	put_time(out, "created", entry, context);
	json_put_close(out, '}');
	buf_append_char(out, '\n');
}

void line_put_child(struct buf *out, const struct entry *entry, const struct line_context *context,
	struct slice parent_pointer, const char *event_type)
{
	struct pb_slot parent[4];
	json_put_open(out, '{');
	json_put_member(out, "type", SLICE_LIT("child_application_data"));
	json_put_key(out, SLICE_LIT("child"));
	put_pointer_of(out, entry->app_id, NULL, entry->partition_key);
	put_time(out, "event_time", entry, context);
	json_put_member(out, "event_type", slice_of(event_type));
	json_put_key(out, SLICE_LIT("sequence_id"));
	if (pb_slots(parent_pointer, parent, 4) && parent[2].set)
		json_put_int(out, pb_int(&parent[2]));
	else
		json_put_null(out);
	put_identity(out, entry, context);
	json_put_close(out, '}');
	buf_append_char(out, '\n');
}

/* ---- identity ---- */

static bool take_number(const char **pos, const char *end, char stop, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	const char *start = *pos;
	for (; *pos < end && **pos != stop; (*pos)++) {
		if (**pos < '0' || **pos > '9' || value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(**pos - '0');
	}
	if (*pos == start || *pos == end || value > max)
		return false;
	(*pos)++;
	*out = value;
	return true;
}

bool line_find_identity(struct slice line, struct identity *out)
{
	static const char key[] = "\"_rec\":\"";
	const size_t key_len = sizeof(key) - 1;
	size_t tail = line.len < IDENTITY_TAIL ? line.len : IDENTITY_TAIL;
	const char *end = line.data + line.len;
	const char *pos = NULL;
	/* The last one: a state may have such a key as well. */
	for (const char *at = end - tail; (at = memmem(at, (size_t)(end - at), key, key_len)); at += key_len)
		pos = at;
	uint64_t lane;
	uint64_t n;
	if (!pos || end - (pos + key_len) < WRITER_ID_LEN + 1)
		return false;
	pos += key_len;
	const char *writer = pos;
	pos += WRITER_ID_LEN;
	if (*pos++ != '.' || !take_number(&pos, end, '.', UINT32_MAX, &lane) ||
		!take_number(&pos, end, '"', UINT64_MAX, &n) || pos + 1 != end || *pos != '}')
		return false;
	memcpy(out->writer, writer, WRITER_ID_LEN);
	out->lane = (uint32_t)lane;
	out->n = n;
	return true;
}
