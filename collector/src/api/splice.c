#include "api/splice.h"

#include "base/json.h"

#include <stdlib.h>

/* What a step has, in the order in which it is written. */
enum section {
	SECTION_NONE = -1,
	SECTION_BEGIN,
	SECTION_END,
	SECTION_SPANS,
	SECTION_ATTRIBUTES,
	SECTION_STREAMS,
	SECTION_COUNT,
};

struct splice_entry {
	int64_t seq;
	uint64_t at;  /* of a span: where its id first came */
	uint32_t len; /* of a span: its index */
	uint8_t section;
	uint8_t type; /* enum line_type */
};

struct splice_span {
	uint64_t first_at, begin_at, end_at;
	int64_t seq;                 /* of its begin */
	uint32_t begin_len, end_len; /* 0: none */
};

void splice_init(struct splice *splice, int log_fd)
{
	*splice = (struct splice){.seq = -1, .section = SECTION_NONE};
	source_init(&splice->lines, NULL, SLICE_NONE);
	splice->lines.fd = log_fd;
	splice->lines.reads_ahead = true;
}

void splice_fini(struct splice *splice)
{
	source_fini(&splice->lines);
	free(splice->entries);
	free(splice->spans);
	table_fini(&splice->spans_by_id);
}

/* ---- places ---- */

/* What an id of a span takes in its table. */
enum { SPAN_ID_BYTES = sizeof(struct table_entry) + 48 };

size_t splice_bytes(const struct splice *splice)
{
	return splice->entry_cap * sizeof(*splice->entries) +
	       splice->span_cap * (sizeof(*splice->spans) + SPAN_ID_BYTES);
}

/* Room for one more element of an array; NULL without memory. */
static void *grow(struct splice *splice, void *array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return array;
	size_t before = *cap;
	size_t more = before ? before * 2 : 64;
	*cap = more;
	bool fits = splice_bytes(splice) <= SPLICE_BYTES_MAX;
	void *grown = fits ? realloc(array, more * size) : NULL;
	if (grown)
		return grown;
	*cap = before;
	splice->status = fits ? BURR_ENOMEM : BURR_ETOOBIG;
	return NULL;
}

static void add_entry(struct splice *splice, const struct splice_entry *entry)
{
	struct splice_entry *entries =
		grow(splice, splice->entries, splice->entry_count, &splice->entry_cap, sizeof(*entries));
	if (!entries)
		return;
	splice->entries = entries;
	entries[splice->entry_count++] = *entry;
}

/* The span of an id, made where it is new. */
static struct splice_span *find_span(struct splice *splice, struct slice id, uint64_t at)
{
	struct splice_span *spans =
		grow(splice, splice->spans, splice->span_count, &splice->span_cap, sizeof(*spans));
	bool added;
	if (!spans)
		return NULL;
	splice->spans = spans;
	struct table_entry *entry = table_put(&splice->spans_by_id, id, &added);
	if (!entry) {
		splice->status = BURR_ENOMEM;
		return NULL;
	}
	if (added) {
		spans[splice->span_count] = (struct splice_span){.first_at = at};
		entry->value = (void *)(uintptr_t)splice->span_count++;
	}
	return &spans[(uintptr_t)entry->value];
}

/* A second begin starts the span anew. */
static void add_span(struct splice *splice, const struct splice_place *place, struct slice id)
{
	struct splice_span *span = find_span(splice, id, place->at);
	if (!span)
		return;
	if (place->type == LINE_END_SPAN) {
		span->end_at = place->at;
		span->end_len = place->len;
		return;
	}
	*span = (struct splice_span){.first_at = span->first_at,
		.begin_at = place->at,
		.seq = place->seq,
		.begin_len = place->len};
}

static enum section section_of(enum line_type type)
{
	switch (type) {
	case LINE_BEGIN_ENTRY:
		return SECTION_BEGIN;
	case LINE_END_ENTRY:
		return SECTION_END;
	case LINE_BEGIN_SPAN:
	case LINE_END_SPAN:
		return SECTION_SPANS;
	case LINE_ATTRIBUTE:
		return SECTION_ATTRIBUTES;
	case LINE_BEGIN_STREAM:
	case LINE_FIRST_ITEM_STREAM:
	case LINE_END_STREAM:
		return SECTION_STREAMS;
	default:
		return SECTION_NONE;
	}
}

void splice_add(struct splice *splice, const struct splice_place *place)
{
	enum section section = section_of(place->type);
	struct line_record record = {.sequence_id = place->seq};
	bool is_span = section == SECTION_SPANS;
	if (section == SECTION_NONE || splice->status != BURR_OK)
		return;
	if ((is_span || place->seq < 0) &&
		!source_read(&splice->lines, place->at, place->len, place->type, &record)) {
		splice->missed = true;
		return;
	}
	struct splice_place found = {place->at, place->len, place->type, record.sequence_id};
	struct splice_entry entry = {found.seq, found.at, found.len, (uint8_t)section, (uint8_t)found.type};
	if (is_span)
		add_span(splice, &found, record.span_id.data ? record.span_id : SLICE_LIT(""));
	else
		add_entry(splice, &entry);
}

static int compare(const void *a, const void *b)
{
	const struct splice_entry *left = a;
	const struct splice_entry *right = b;
	if (left->seq != right->seq)
		return left->seq < right->seq ? -1 : 1;
	if (left->section != right->section)
		return left->section < right->section ? -1 : 1;
	return left->at < right->at ? -1 : left->at > right->at;
}

burr_status splice_settle(struct splice *splice)
{
	for (size_t i = 0; i < splice->span_count; i++) {
		const struct splice_span *span = &splice->spans[i];
		struct splice_entry entry = {
			span->seq, span->first_at, (uint32_t)i, SECTION_SPANS, LINE_BEGIN_SPAN};
		if (span->begin_len)
			add_entry(splice, &entry);
	}
	table_fini(&splice->spans_by_id);
	splice->spans_by_id = (struct table)TABLE_INIT;
	size_t sorted = 1;
	while (sorted < splice->entry_count &&
		compare(&splice->entries[sorted - 1], &splice->entries[sorted]) <= 0)
		sorted++;
	if (sorted < splice->entry_count)
		qsort(splice->entries, splice->entry_count, sizeof(*splice->entries), compare);
	return splice->status;
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

static void put_record(struct buf *out, const struct line_record *r)
{
	json_put_open(out, '{');
	switch (section_of(r->type)) {
	case SECTION_SPANS:
		put_span_fields(out, r);
		break;
	case SECTION_ATTRIBUTES:
		put_attribute_fields(out, r);
		break;
	case SECTION_STREAMS:
		put_stream_fields(out, r);
		break;
	default:
		put_step_fields(out, r);
		break;
	}
	json_put_close(out, '}');
}

/* ---- laying them out ---- */

/* False where the line is not there, or another. */
static bool read_line(struct splice *splice, uint64_t at, uint32_t len, enum line_type type, int64_t seq,
	struct line_record *out)
{
	bool there = source_read(&splice->lines, at, len, type, out) && (seq < 0 || out->sequence_id == seq);
	splice->missed = splice->missed || !there;
	return there;
}

/* On to a section of the open step, past those that it does not have; SECTION_COUNT ends the step. */
static void go_to(struct splice *splice, struct buf *out, int section)
{
	static const char *const keys[] = {
		"step_start_log", "step_end_log", "spans", "attributes", "streaming_events"};
	while (splice->section < section) {
		if (splice->section >= SECTION_SPANS)
			json_put_close(out, ']');
		if (++splice->section == SECTION_COUNT) {
			json_put_close(out, '}');
			return;
		}
		json_put_key(out, slice_of(keys[splice->section]));
		if (splice->section >= SECTION_SPANS)
			json_put_open(out, '[');
		else if (splice->section < section)
			json_put_null(out);
	}
}

static void end_step(struct splice *splice, struct buf *out)
{
	if (splice->section != SECTION_NONE)
		go_to(splice, out, SECTION_COUNT);
	splice->section = SECTION_NONE;
}

static void put_span(struct splice *splice, struct buf *out, const struct splice_span *span)
{
	struct line_record record;
	if (!read_line(splice, span->begin_at, span->begin_len, LINE_BEGIN_SPAN, span->seq, &record))
		return;
	json_put_open(out, '{');
	json_put_key(out, SLICE_LIT("begin_entry"));
	put_record(out, &record);
	json_put_key(out, SLICE_LIT("end_entry"));
	if (span->end_len && read_line(splice, span->end_at, span->end_len, LINE_END_SPAN, -1, &record))
		put_record(out, &record);
	else
		json_put_null(out);
	json_put_close(out, '}');
}

/* Whether the entry behind it takes its place. */
static bool gives_way(const struct splice *splice, const struct splice_entry *entry)
{
	const struct splice_entry *after = entry + 1;
	return entry->section <= SECTION_END && splice->next < splice->entry_count &&
	       after->seq == entry->seq && after->section == entry->section;
}

/* A step begins with its begin record; without one, all of it is left out. */
static void put_entry(struct splice *splice, struct buf *out, const struct splice_entry *entry)
{
	struct line_record record;
	if (entry->seq != splice->seq || entry == splice->entries) {
		end_step(splice, out);
		splice->seq = entry->seq;
	}
	bool begins = entry->section == SECTION_BEGIN;
	if (gives_way(splice, entry) || (!begins && splice->section == SECTION_NONE))
		return;
	if (entry->section == SECTION_SPANS) {
		go_to(splice, out, SECTION_SPANS);
		put_span(splice, out, &splice->spans[entry->len]);
		return;
	}
	if (!read_line(splice, entry->at, entry->len, (enum line_type)entry->type, entry->seq, &record))
		return;
	if (begins)
		json_put_open(out, '{');
	go_to(splice, out, entry->section);
	put_record(out, &record);
}

bool splice_put(struct splice *splice, struct buf *out, size_t enough)
{
	if (splice->held)
		buf_append_char(out, splice->held);
	else
		json_put_open(out, '[');
	while (splice->next < splice->entry_count && !out->failed) {
		const struct splice_entry *entry = &splice->entries[splice->next++];
		put_entry(splice, out, entry);
		if (out->len >= enough)
			break;
	}
	if (splice->next < splice->entry_count && !out->failed) {
		splice->held = out->data[--out->len];
		return true;
	}
	end_step(splice, out);
	json_put_close(out, ']');
	return false;
}
