/* wire/entry.h: one record as the bytes of an `Entry` (proto/burr/v1/record.proto), and back.
 *
 * An entry is composed of three runs of bytes: the head that names the application (made once per
 * application), the identity (given by the spool), and the record (made by the call). protobuf allows fields
 * in any order and concatenation, so composing is copying. */
#ifndef WIRE_ENTRY_H
#define WIRE_ENTRY_H

#include "wire/pb.h"

#include <burr/tracker.h>

/* The field numbers of Entry's records. */
enum record_type {
	RECORD_NONE = 0,
	RECORD_APPLICATION = 9,
	RECORD_BEGIN_ENTRY = 10,
	RECORD_END_ENTRY = 11,
	RECORD_BEGIN_SPAN = 12,
	RECORD_END_SPAN = 13,
	RECORD_ATTRIBUTE = 14,
	RECORD_BEGIN_STREAM = 15,
	RECORD_FIRST_ITEM_STREAM = 16,
	RECORD_END_STREAM = 17,
	RECORD_END_APPLICATION = 18,
};

/* An entry that was read; slices point into the bytes it was read from. */
struct entry {
	struct slice project;
	struct slice app_id;
	struct slice partition_key; /* SLICE_NONE: none */
	uint32_t lane;
	uint64_t n;
	uint64_t time_ns;
	uint64_t log_start;
	uint64_t side_len; /* the record is in a side file of this length (store/side.h); 0: in the entry */
	enum record_type type; /* RECORD_NONE with a side file: its bytes say */
	struct slice record;   /* the bytes of the record's own message */
};

/* BURR_ECORRUPT when a required field is missing, of a wrong type, or the bytes end too soon; *out is of no
 * use then. Names are checked by the store, not here. */
burr_status entry_read(struct slice bytes, struct entry *out, burr_error *err);
/* Give an entry the record that its side file holds: exactly what one of the entry_put_… below appended. */
burr_status entry_read_side(struct slice bytes, struct entry *entry, burr_error *err);

/* The head of an application's entries. partition_key may be NULL. */
void entry_put_app(struct buf *out, const char *project, const char *app_id, const char *partition_key,
	uint64_t log_start);
/* The identity and time. */
void entry_put_identity(struct buf *out, uint32_t lane, uint64_t n, uint64_t time_ns);

/* In place of a record: it is the content, side_len bytes, of the entry's side file. */
void entry_put_side(struct buf *out, uint64_t side_len);

/* The records: tag, length and fields. Arguments are those of burr/tracker.h, checked by the caller. */
void entry_put_application(struct buf *out, const burr_app_info *info);
void entry_put_begin_entry(struct buf *out, int64_t sequence_id, const char *action, const char *inputs_json,
	const burr_via *via);
void entry_put_end_entry(struct buf *out, int64_t sequence_id, const char *action, const char *result_json,
	const char *exception, const char *state_json);
void entry_put_begin_span(struct buf *out, int64_t sequence_id, const char *span_id, const char *span_name,
	const char *parent_span_id, const char *const *dependencies, size_t dependency_count);
void entry_put_end_span(struct buf *out, int64_t sequence_id, const char *span_id);
void entry_put_attribute(struct buf *out, int64_t sequence_id, const char *span_id, const char *key,
	const char *value_json, const burr_tag *tags, size_t tag_count);
void entry_put_begin_stream(struct buf *out, int64_t sequence_id);
void entry_put_first_item(struct buf *out, int64_t sequence_id);
void entry_put_end_stream(struct buf *out, int64_t sequence_id, int64_t items_streamed);
void entry_put_end_application(struct buf *out);

#endif
