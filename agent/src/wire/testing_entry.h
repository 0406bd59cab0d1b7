/* wire/testing_entry.h: entries by the general packer (wire/pb.h), for tests and benches: a second opinion
 * about what wire/record.c writes, and the short way to an entry where no call made one. */
#ifndef WIRE_TESTING_ENTRY_H
#define WIRE_TESTING_ENTRY_H

#include "wire/entry.h"

#include <burr/tracker.h>

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
