/* wire/record.h: a record on its way in: measured first, then written straight to where it stays.
 *
 * A record call knows its texts' lengths once, so a lane's room can be taken exactly and each byte is written
 * once, without a buffer between. The bytes are those of proto/burr/v1/record.proto, proven equal to
 * protobuf-c's by wire/record_test.c. Pure; any thread, signal handlers. */
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include "wire/entry.h"

#include <burr/tracker.h>

/* What a record call was given; all borrowed. Which fields count depends on the type. */
struct record {
	enum record_type type;
	int64_t sequence_id;
	struct slice action; /* begin_entry, end_entry */
	struct slice inputs; /* begin_entry; SLICE_NONE: {} */
	struct slice result; /* end_entry */
	struct slice exception;
	struct slice state;
	struct slice span_id; /* spans, attribute */
	struct slice span_name;
	struct slice parent_span_id;
	struct slice key; /* attribute */
	struct slice value;
	int64_t items_streamed;
	const burr_via *via;
	const char *const *dependencies;
	size_t dependency_count;
	const burr_tag *tags;
	size_t tag_count;
	const burr_app_info *info; /* application */
	struct slice body;         /* instead of info: what record_put_body made of it */
	size_t side_len;           /* not 0: its bytes, so many, lie in its side file */
};

/* How many bytes record_write writes: the field of Entry that holds the record, with tag and length. */
size_t record_measure(const struct record *record);
/* Returns the end of what was written. */
char *record_write(char *to, const struct record *record);
/* The record's message alone, of an application: to write it again when what info points to is gone. */
void record_put_body(struct buf *out, const struct record *record);

/* The head of an application's entries, made once: its names, and how long which log was (store/log.h). */
void record_put_app(struct buf *out, const char *project, const char *app_id, const char *partition_key,
	uint64_t log_start, uint64_t log_token);

/* A whole entry as a field of Request, as a batch holds it: head, identity, and rest (the record's bytes, or
 * the field that says how long its side file is). */
struct record_identity {
	uint32_t lane;
	uint64_t n;
	uint64_t time_ns;
};
size_t record_measure_entry(struct slice head, const struct record_identity *identity, size_t rest_len);
/* Writes all but the rest, which the caller writes next. */
char *record_begin_entry(
	char *to, struct slice head, const struct record_identity *identity, size_t rest_len);

/* The rest of an entry whose record's bytes, len of them, lie in its side file. */
enum { RECORD_SIDE_MAX = 12 };
size_t record_measure_side(size_t len);
char *record_write_side(char *to, size_t len);

#endif
