#include "wire/record.h"

#include "wire/message.h"

/* Each body_… gives its message's length, and writes it where `to` is not NULL. Inlined with a NULL it is
 * mere arithmetic, so length and bytes come from one text and cannot differ. */
#define BODY static inline __attribute__((always_inline)) size_t

static inline size_t varint_len(uint64_t value)
{
	return (size_t)(70 - __builtin_clzll(value | 1)) / 7;
}

static inline char *put_varint(char *to, uint64_t value)
{
	while (value >= 0x80) {
		*to++ = (char)(value | 0x80);
		value >>= 7;
	}
	*to++ = (char)value;
	return to;
}

/* Field numbers here are below 16, but for the records' own, so a tag is mostly one byte. */
BODY put_tag(char *to, size_t at, uint32_t number, enum pb_type type)
{
	uint64_t tag = (uint64_t)number << 3 | type;
	if (to)
		put_varint(to + at, tag);
	return at + varint_len(tag);
}

BODY put_uint(char *to, size_t at, uint32_t number, uint64_t value)
{
	at = put_tag(to, at, number, PB_VARINT);
	if (to)
		put_varint(to + at, value);
	return at + varint_len(value);
}

BODY put_head(char *to, size_t at, uint32_t number, size_t len)
{
	at = put_tag(to, at, number, PB_BYTES);
	if (to)
		put_varint(to + at, len);
	return at + varint_len(len);
}

/* Nothing for an absent text. */
BODY put_slice(char *to, size_t at, uint32_t number, struct slice text)
{
	if (!text.data)
		return at;
	at = put_head(to, at, number, text.len);
	if (to)
		memcpy(to + at, text.data, text.len);
	return at + text.len;
}

BODY put_text(char *to, size_t at, uint32_t number, const char *text)
{
	return put_slice(to, at, number, slice_of(text));
}

/* A nested message by its body's two uses. */
#define PUT_NESTED(to, at, number, body, ...)                      \
	do {                                                       \
		size_t nested_len = body(NULL, __VA_ARGS__);       \
		(at) = put_head((to), (at), (number), nested_len); \
		if (to)                                            \
			body((to) + (at), __VA_ARGS__);            \
		(at) += nested_len;                                \
	} while (0)

/* ---- records ---- */

BODY body_rejected(char *to, const burr_via_rejected *rejected)
{
	size_t at = put_text(to, 0, 1, rejected->to ? rejected->to : "");
	at = put_text(to, at, 2, rejected->condition ? rejected->condition : "default");
	return put_text(to, at, 3, rejected->values_json);
}

static size_t body_via(char *to, const burr_via *via)
{
	size_t at = put_text(to, 0, 1, via->from ? via->from : "");
	at = put_text(to, at, 2, via->condition ? via->condition : "default");
	at = put_text(to, at, 3, via->values_json);
	for (size_t i = 0; i < via->rejected_count; i++)
		PUT_NESTED(to, at, 4, body_rejected, &via->rejected[i]);
	return at;
}

BODY body_begin_entry(char *to, const struct record *r)
{
	size_t at = put_slice(to, 0, 1, r->action);
	at = put_slice(to, at, 2, r->inputs);
	at = put_uint(to, at, 3, (uint64_t)r->sequence_id);
	if (r->via)
		PUT_NESTED(to, at, 4, body_via, r->via);
	return at;
}

BODY body_end_entry(char *to, const struct record *r)
{
	size_t at = put_slice(to, 0, 1, r->action);
	at = put_slice(to, at, 2, r->result);
	at = put_slice(to, at, 3, r->exception);
	at = put_slice(to, at, 4, r->state);
	return put_uint(to, at, 5, (uint64_t)r->sequence_id);
}

BODY body_begin_span(char *to, const struct record *r)
{
	size_t at = put_uint(to, 0, 1, (uint64_t)r->sequence_id);
	at = put_slice(to, at, 2, r->span_id);
	at = put_slice(to, at, 3, r->span_name);
	at = put_slice(to, at, 4, r->parent_span_id);
	for (size_t i = 0; i < r->dependency_count; i++)
		at = put_text(to, at, 5, r->dependencies[i]);
	return at;
}

BODY body_end_span(char *to, const struct record *r)
{
	size_t at = put_uint(to, 0, 1, (uint64_t)r->sequence_id);
	return put_slice(to, at, 2, r->span_id);
}

BODY body_tag(char *to, const burr_tag *tag)
{
	return put_text(to, put_text(to, 0, 1, tag->key), 2, tag->value);
}

BODY body_attribute(char *to, const struct record *r)
{
	size_t at = put_slice(to, 0, 1, r->key);
	at = put_uint(to, at, 2, (uint64_t)r->sequence_id);
	at = put_slice(to, at, 3, r->span_id);
	at = put_slice(to, at, 4, r->value);
	for (size_t i = 0; i < r->tag_count; i++)
		PUT_NESTED(to, at, 5, body_tag, &r->tags[i]);
	return at;
}

BODY body_stream(char *to, const struct record *r)
{
	return put_uint(to, 0, 1, (uint64_t)r->sequence_id);
}

BODY body_end_stream(char *to, const struct record *r)
{
	size_t at = put_uint(to, 0, 1, (uint64_t)r->sequence_id);
	return put_uint(to, at, 2, (uint64_t)r->items_streamed);
}

/* ---- the application ---- */

/* Names in one text, as in "count limit". */
struct names {
	const char *list; /* what is left of it; NULL: nothing */
	const char *separators;
};

static bool next_name(struct names *names, struct slice *out)
{
	const char *pos = names->list;
	if (!pos)
		return false;
	pos += strspn(pos, names->separators);
	*out = (struct slice){pos, strcspn(pos, names->separators)};
	names->list = pos + out->len;
	return out->len > 0;
}

static size_t put_names(char *to, size_t at, uint32_t number, struct names names)
{
	struct slice name;
	while (next_name(&names, &name))
		at = put_slice(to, at, number, name);
	return at;
}

/* Inputs of one kind: optional ones end in '?'. */
static size_t put_inputs(char *to, size_t at, uint32_t number, struct names names, bool wanted_optional)
{
	struct slice name;
	while (next_name(&names, &name)) {
		bool optional = name.data[name.len - 1] == '?';
		if (optional == wanted_optional)
			at = put_slice(to, at, number, (struct slice){name.data, name.len - optional});
	}
	return at;
}

static size_t body_action(char *to, const burr_action_info *action, const char *separators)
{
	const struct names inputs = {action->inputs, separators};
	size_t at = put_text(to, 0, 1, action->name);
	at = put_names(to, at, 2, (struct names){action->reads, separators});
	at = put_names(to, at, 3, (struct names){action->writes, separators});
	at = put_text(to, at, 4, action->code);
	at = put_inputs(to, at, 5, inputs, false);
	return put_inputs(to, at, 6, inputs, true);
}

static size_t body_transition(char *to, const burr_transition_info *transition)
{
	size_t at = put_text(to, 0, 1, transition->from);
	at = put_text(to, at, 2, transition->to);
	return put_text(to, at, 3, transition->condition ? transition->condition : "default");
}

static size_t body_pointer(char *to, const burr_pointer *pointer)
{
	size_t at = put_text(to, 0, 1, pointer->app_id);
	if (pointer->sequence_id >= 0)
		at = put_uint(to, at, 2, (uint64_t)pointer->sequence_id);
	return put_text(to, at, 3, pointer->partition_key);
}

static size_t body_application(char *to, const struct record *r)
{
	const burr_app_info *info = r->info;
	if (r->body.data) {
		if (to)
			memcpy(to, r->body.data, r->body.len);
		return r->body.len;
	}
	const char *separators = info->name_separators ? info->name_separators : " ,\t\n";
	size_t at = put_text(to, 0, 1, info->entrypoint ? info->entrypoint : "");
	for (size_t i = 0; i < info->action_count; i++)
		PUT_NESTED(to, at, 2, body_action, &info->actions[i], separators);
	for (size_t i = 0; i < info->transition_count; i++)
		PUT_NESTED(to, at, 3, body_transition, &info->transitions[i]);
	if (info->parent)
		PUT_NESTED(to, at, 4, body_pointer, info->parent);
	if (info->spawning_parent)
		PUT_NESTED(to, at, 5, body_pointer, info->spawning_parent);
	return put_text(to, at, 6, info->initial_state_json);
}

/* ---- all of them ---- */

BODY body(char *to, const struct record *r)
{
	switch (r->type) {
	case RECORD_END_ENTRY:
		return body_end_entry(to, r);
	case RECORD_BEGIN_ENTRY:
		return body_begin_entry(to, r);
	case RECORD_BEGIN_SPAN:
		return body_begin_span(to, r);
	case RECORD_END_SPAN:
		return body_end_span(to, r);
	case RECORD_ATTRIBUTE:
		return body_attribute(to, r);
	case RECORD_BEGIN_STREAM:
	case RECORD_FIRST_ITEM_STREAM:
		return body_stream(to, r);
	case RECORD_END_STREAM:
		return body_end_stream(to, r);
	case RECORD_APPLICATION:
		return body_application(to, r);
	case RECORD_END_APPLICATION:
	case RECORD_NONE:
		break;
	}
	return 0;
}

size_t record_measure(const struct record *record)
{
	size_t len = body(NULL, record);
	return put_head(NULL, 0, record->type, len) + len;
}

char *record_write(char *to, const struct record *record)
{
	to += put_head(to, 0, record->type, body(NULL, record));
	return to + body(to, record);
}

void record_put_body(struct buf *out, const struct record *record)
{
	const size_t len = body(NULL, record);
	char *to = buf_reserve(out, len);
	if (to)
		out->len += body(to, record);
}

/* ---- the entry around it ---- */

void record_put_app(struct buf *out, const char *project, const char *app_id, const char *partition_key,
	uint64_t log_start, uint64_t log_token)
{
	pb_put_bytes(out, ENTRY_PROJECT, slice_of(project));
	pb_put_bytes(out, ENTRY_APP_ID, slice_of(app_id));
	pb_put_bytes(out, ENTRY_PARTITION_KEY, slice_of(partition_key));
	if (!log_start || !log_token)
		return;
	pb_put_uint(out, ENTRY_LOG_START, log_start);
	pb_put_fixed64(out, ENTRY_LOG_TOKEN, log_token);
}

static inline size_t entry_len(struct slice head, const struct record_identity *identity, size_t rest_len)
{
	return head.len + 2 + varint_len(identity->lane) + varint_len(identity->n) + 9 + rest_len;
}

size_t record_measure_entry(struct slice head, const struct record_identity *identity, size_t rest_len)
{
	size_t len = entry_len(head, identity, rest_len);
	return put_head(NULL, 0, REQUEST_ENTRIES, len) + len;
}

char *record_begin_entry(char *to, struct slice head, const struct record_identity *identity, size_t rest_len)
{
	to += put_head(to, 0, REQUEST_ENTRIES, entry_len(head, identity, rest_len));
	memcpy(to, head.data, head.len);
	to += head.len;
	to += put_uint(to, 0, ENTRY_LANE, identity->lane);
	to += put_uint(to, 0, ENTRY_N, identity->n);
	to += put_tag(to, 0, ENTRY_TIME_NS, PB_FIXED64);
	for (size_t i = 0; i < sizeof(identity->time_ns); i++)
		*to++ = (char)(identity->time_ns >> (8 * i));
	return to;
}

size_t record_measure_side(size_t len)
{
	return put_uint(NULL, 0, ENTRY_SIDE_LEN, len);
}

char *record_write_side(char *to, size_t len)
{
	return to + put_uint(to, 0, ENTRY_SIDE_LEN, len);
}
