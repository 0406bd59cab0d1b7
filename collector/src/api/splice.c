#include "api/splice.h"

#include "base/json.h"

#include <stdlib.h>

/* Indices into the arrays, plus one: 0 is none. */
struct list {
	size_t first;
	size_t last;
};

struct splice_step {
	int64_t seq;
	struct piece begin;
	struct piece end;
	struct list attributes;
	struct list streams;
	struct list spans;
};

struct splice_item {
	struct piece piece;
	size_t next;
};

struct splice_span {
	struct piece begin;
	struct piece end;
	int64_t seq; /* of its begin */
	size_t next; /* in its step */
};

void splice_init(struct splice *splice)
{
	*splice = (struct splice){.text = BUF_INIT};
}

void splice_fini(struct splice *splice)
{
	buf_fini(&splice->text);
	free(splice->steps);
	free(splice->items);
	free(splice->spans);
	table_fini(&splice->steps_by_id);
	table_fini(&splice->spans_by_id);
}

void splice_reserve(struct splice *splice, size_t log_len)
{
	buf_reserve(&splice->text, log_len + log_len / 8);
}

/* Room for one more element of an array; NULL without memory. */
static void *grow(struct splice *splice, void *array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return array;
	size_t more = *cap ? *cap * 2 : 64;
	void *grown = realloc(array, more * size);
	if (!grown) {
		splice->failed = true;
		return NULL;
	}
	*cap = more;
	return grown;
}

/* ---- records to text ---- */

static void put_or(struct buf *out, const char *key, struct slice value, const char *missing)
{
	json_put_member_raw(out, key, value.data ? value : slice_of(missing));
}

/* For what has to be an object, an array or a text: null counts as missing. */
static void put_needed(struct buf *out, const char *key, struct slice value, const char *missing)
{
	put_or(out, key, json_kind_of(value) == JSON_NULL ? SLICE_NONE : value, missing);
}

static void put_step_fields(struct buf *out, const struct line_record *r)
{
	if (r->type == LINE_BEGIN_ENTRY) {
		json_put_member(out, "type", SLICE_LIT("begin_entry"));
		put_or(out, "start_time", r->time, "null");
		put_needed(out, "action", r->action, "\"\"");
		put_needed(out, "inputs", r->inputs, "{}");
	} else {
		json_put_member(out, "type", SLICE_LIT("end_entry"));
		put_or(out, "end_time", r->time, "null");
		put_needed(out, "action", r->action, "\"\"");
		put_or(out, "result", r->result, "null");
		put_or(out, "exception", r->exception, "null");
		put_needed(out, "state", r->state, "{}");
	}
	json_put_member_int(out, "sequence_id", r->sequence_id);
}

static void put_span_fields(struct buf *out, const struct line_record *r)
{
	bool begins = r->type == LINE_BEGIN_SPAN;
	json_put_member(out, "type", begins ? SLICE_LIT("begin_span") : SLICE_LIT("end_span"));
	put_or(out, begins ? "start_time" : "end_time", r->time, "null");
	json_put_member_int(out, "action_sequence_id", r->sequence_id);
	put_needed(out, "span_id", r->span_id, "\"\"");
	if (!begins)
		return;
	put_needed(out, "span_name", r->span_name, "\"\"");
	put_or(out, "parent_span_id", r->parent_span_id, "null");
	put_needed(out, "span_dependencies", r->span_dependencies, "[]");
}

static void put_attribute_fields(struct buf *out, const struct line_record *r)
{
	json_put_member(out, "type", SLICE_LIT("attribute"));
	put_needed(out, "key", r->key, "\"\"");
	json_put_member_int(out, "action_sequence_id", r->sequence_id);
	put_or(out, "span_id", r->span_id, "null");
	put_or(out, "value", r->value, "null");
	put_needed(out, "tags", r->tags, "{}");
	put_or(out, "time_logged", r->time, "null");
}

static void put_stream_fields(struct buf *out, const struct line_record *r)
{
	const char *type = r->type == LINE_BEGIN_STREAM        ? "begin_stream"
			   : r->type == LINE_FIRST_ITEM_STREAM ? "first_item_stream"
							       : "end_stream";
	const char *time_key = r->type == LINE_BEGIN_STREAM        ? "stream_init_time"
			       : r->type == LINE_FIRST_ITEM_STREAM ? "first_item_time"
								   : "end_time";
	json_put_member(out, "type", slice_of(type));
	json_put_member_int(out, "action_sequence_id", r->sequence_id);
	put_or(out, "span_id", r->span_id, "null");
	put_or(out, time_key, r->time, "null");
	if (r->type == LINE_END_STREAM)
		put_or(out, "items_streamed", r->items_streamed, "null");
}

static struct piece put_record(struct splice *splice, const struct line_record *r,
	void (*fields)(struct buf *, const struct line_record *))
{
	struct buf *out = &splice->text;
	buf_append_char(out, '\n'); /* so that no comma goes in front */
	struct piece piece = {.at = out->len};
	json_put_open(out, '{');
	fields(out, r);
	json_put_close(out, '}');
	piece.len = out->len - piece.at;
	return piece;
}

/* ---- putting them together ---- */

static struct splice_step *find_step(struct splice *splice, int64_t seq)
{
	if (splice->last_step < splice->step_count && splice->steps[splice->last_step].seq == seq)
		return &splice->steps[splice->last_step];
	bool added;
	struct slice key = {(const char *)&seq, sizeof(seq)};
	struct table_entry *entry = table_put(&splice->steps_by_id, key, &added);
	if (!entry) {
		splice->failed = true;
		return NULL;
	}
	if (added) {
		struct splice_step *steps =
			grow(splice, splice->steps, splice->step_count, &splice->step_cap, sizeof(*steps));
		if (!steps)
			return NULL;
		splice->steps = steps;
		steps[splice->step_count] = (struct splice_step){.seq = seq};
		entry->value = (void *)(uintptr_t)splice->step_count++;
	}
	splice->last_step = (size_t)(uintptr_t)entry->value;
	return &splice->steps[splice->last_step];
}

static void add_item(struct splice *splice, struct list *list, struct piece piece)
{
	struct splice_item *items =
		grow(splice, splice->items, splice->item_count, &splice->item_cap, sizeof(*items));
	if (!items)
		return;
	splice->items = items;
	items[splice->item_count++] = (struct splice_item){.piece = piece};
	if (list->last)
		items[list->last - 1].next = splice->item_count;
	else
		list->first = splice->item_count;
	list->last = splice->item_count;
}

/* In the order in which their ids first appear. A second begin starts the span anew. */
static void add_span(struct splice *splice, const struct line_record *r)
{
	bool added;
	struct piece piece = put_record(splice, r, put_span_fields);
	struct table_entry *entry = table_put(&splice->spans_by_id, r->span_id, &added);
	struct splice_span *spans =
		entry ? grow(splice, splice->spans, splice->span_count, &splice->span_cap, sizeof(*spans))
		      : NULL;
	if (!spans) {
		splice->failed = true;
		return;
	}
	splice->spans = spans;
	if (added) {
		spans[splice->span_count] = (struct splice_span){.seq = -1};
		entry->value = (void *)(uintptr_t)splice->span_count++;
	}
	struct splice_span *span = &spans[(uintptr_t)entry->value];
	if (r->type == LINE_BEGIN_SPAN)
		*span = (struct splice_span){.begin = piece, .seq = r->sequence_id};
	else
		span->end = piece;
}

void splice_add(struct splice *splice, const struct line_record *r)
{
	struct splice_step *step = NULL;
	switch (r->type) {
	case LINE_BEGIN_ENTRY:
	case LINE_END_ENTRY:
		step = find_step(splice, r->sequence_id);
		if (step && r->type == LINE_BEGIN_ENTRY)
			step->begin = put_record(splice, r, put_step_fields);
		else if (step)
			step->end = put_record(splice, r, put_step_fields);
		break;
	case LINE_ATTRIBUTE:
		step = find_step(splice, r->sequence_id);
		if (step)
			add_item(splice, &step->attributes, put_record(splice, r, put_attribute_fields));
		break;
	case LINE_BEGIN_STREAM:
	case LINE_FIRST_ITEM_STREAM:
	case LINE_END_STREAM:
		step = find_step(splice, r->sequence_id);
		if (step)
			add_item(splice, &step->streams, put_record(splice, r, put_stream_fields));
		break;
	case LINE_BEGIN_SPAN:
	case LINE_END_SPAN:
		add_span(splice, r);
		break;
	case LINE_END_APPLICATION:
	case LINE_UNKNOWN:
		break;
	}
}

/* ---- laying them out ---- */

static void attach_spans(struct splice *splice)
{
	for (size_t i = 0; i < splice->span_count; i++) {
		struct splice_span *span = &splice->spans[i];
		if (!span->begin.len)
			continue;
		struct slice key = {(const char *)&span->seq, sizeof(span->seq)};
		struct table_entry *entry = table_find(&splice->steps_by_id, key);
		if (!entry)
			continue;
		struct list *list = &splice->steps[(uintptr_t)entry->value].spans;
		if (list->last)
			splice->spans[list->last - 1].next = i + 1;
		else
			list->first = i + 1;
		list->last = i + 1;
	}
}

static int compare_steps(const void *a, const void *b)
{
	const struct splice_step *left = a;
	const struct splice_step *right = b;
	return left->seq < right->seq ? -1 : left->seq > right->seq;
}

static void put_piece(const struct splice *splice, struct buf *out, const char *key, struct piece piece)
{
	struct slice text = piece.len ? (struct slice){splice->text.data + piece.at, piece.len} : SLICE_NONE;
	if (key)
		json_put_key(out, slice_of(key));
	json_put_raw(out, text);
}

static void put_items(const struct splice *splice, struct buf *out, const char *key, struct list list)
{
	json_put_key(out, slice_of(key));
	json_put_open(out, '[');
	for (size_t i = list.first; i; i = splice->items[i - 1].next)
		put_piece(splice, out, NULL, splice->items[i - 1].piece);
	json_put_close(out, ']');
}

static void put_spans(const struct splice *splice, struct buf *out, struct list list)
{
	json_put_key(out, SLICE_LIT("spans"));
	json_put_open(out, '[');
	for (size_t i = list.first; i; i = splice->spans[i - 1].next) {
		json_put_open(out, '{');
		put_piece(splice, out, "begin_entry", splice->spans[i - 1].begin);
		put_piece(splice, out, "end_entry", splice->spans[i - 1].end);
		json_put_close(out, '}');
	}
	json_put_close(out, ']');
}

bool splice_put(struct splice *splice, struct buf *out)
{
	attach_spans(splice);
	if (splice->step_count)
		qsort(splice->steps, splice->step_count, sizeof(*splice->steps), compare_steps);
	json_put_open(out, '[');
	for (size_t i = 0; i < splice->step_count; i++) {
		const struct splice_step *step = &splice->steps[i];
		if (!step->begin.len)
			continue;
		json_put_open(out, '{');
		put_piece(splice, out, "step_start_log", step->begin);
		put_piece(splice, out, "step_end_log", step->end);
		put_spans(splice, out, step->spans);
		put_items(splice, out, "attributes", step->attributes);
		put_items(splice, out, "streaming_events", step->streams);
		json_put_close(out, '}');
	}
	json_put_close(out, ']');
	return !splice->failed && !splice->text.failed && !out->failed;
}
