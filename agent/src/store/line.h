/* store/line.h: one record as the line that stands in log.jsonl. Pure: bytes in, bytes out.
 * Source: proto/DISK.md, Lines. */
#ifndef STORE_LINE_H
#define STORE_LINE_H

#include "wire/entry.h"
#include "wire/message.h"

/* Values of a line that were not JSON: how many, and about the first. */
struct line_faults {
	uint64_t count;
	char text[200];
};

/* What all lines of a request share. */
struct line_context {
	struct slice writer;     /* 16 hex digits */
	int64_t clock_offset_ns; /* wall minus monotonic */
	struct writer_about about;
	struct line_faults *faults;
};

/* Append the line of a log record, newline included. Not for RECORD_APPLICATION.
 * BURR_ECORRUPT, nothing appended, when a required field is missing or the type is unknown. */
burr_status line_put(
	struct buf *out, const struct entry *entry, const struct line_context *context, burr_error *err);

/* The three texts of an application (RECORD_APPLICATION): graph.json, metadata.json, and the line for a
 * parent's children.jsonl (event_type "fork" or "spawn_start"; newline included). */
void line_put_graph(struct buf *out, const struct entry *entry);
void line_put_metadata(struct buf *out, const struct entry *entry, const struct line_context *context);
void line_put_child(struct buf *out, const struct entry *entry, const struct line_context *context,
	struct slice parent_pointer, const char *event_type);

/* The fields of an Application record. */
enum {
	APPLICATION_ENTRYPOINT = 1,
	APPLICATION_ACTION = 2,
	APPLICATION_TRANSITION = 3,
	APPLICATION_PARENT = 4,
	APPLICATION_SPAWNING_PARENT = 5,
	APPLICATION_INITIAL_STATE = 6,
	APPLICATION_FIELDS,
};

/* "<writer>.<lane>.<n>" at the end of a line (of which the last IDENTITY_TAIL bytes suffice); false when the
 * line carries none. */
struct identity {
	char writer[16];
	uint32_t lane;
	uint64_t n;
};
bool line_find_identity(struct slice line, struct identity *out);

#endif
