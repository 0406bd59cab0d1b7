/* store/read.h: reading logs, whoever wrote them.
 *
 * A reader gives whole lines: what follows the last newline is "not yet". It never maps a file, because a log
 * may be cut under it. A line that is no record is the caller's to count as damaged; it costs itself alone.
 * Threads: one at a time per reader. */
#ifndef STORE_READ_H
#define STORE_READ_H

#include "base/buf.h"

/* A line: its place, and its text without leading spaces and the newline; valid until the next call. */
struct log_line {
	uint64_t offset; /* of the text's first byte */
	struct slice text;
};

struct log_reader {
	int fd;        /* borrowed */
	uint64_t next; /* offset of the byte after the window (forward), or of its first byte (backward) */
	struct buf window;
	size_t pos; /* forward: where the next line begins; backward: where the last one given began */
	burr_status status; /* why it ended: BURR_OK at the end of the lines, else BURR_EIO, BURR_ENOMEM */
};

/* Forward from an offset that begins a line; backward from an offset that ends one (the length of the log, or
 * the offset of a line). */
void log_reader_init(struct log_reader *r, int fd, uint64_t offset);
void log_reader_fini(struct log_reader *r);
bool log_reader_next(struct log_reader *r, struct log_line *out);
bool log_reader_previous(struct log_reader *r, struct log_line *out);
/* Forward only: the offset behind the last line given, where a later reader goes on. */
uint64_t log_reader_offset(const struct log_reader *r);

/* Whole lines that lie in memory, from their end (*end, at first their length) to their beginning. */
static inline bool lines_previous(struct slice lines, size_t *end, struct slice *out)
{
	if (!*end)
		return false;
	const char *newline = memrchr(lines.data, '\n', *end - 1);
	size_t start = newline ? (size_t)(newline - lines.data) + 1 : 0;
	*out = (struct slice){lines.data + start, *end - 1 - start};
	*end = start;
	return true;
}

/* The record of a line; slices are JSON values as they stand in it, SLICE_NONE where the key is missing. */
enum line_type {
	LINE_UNKNOWN, /* an object of another type: ignored */
	LINE_BEGIN_ENTRY,
	LINE_END_ENTRY,
	LINE_BEGIN_SPAN,
	LINE_END_SPAN,
	LINE_ATTRIBUTE,
	LINE_BEGIN_STREAM,
	LINE_FIRST_ITEM_STREAM,
	LINE_END_STREAM,
	LINE_END_APPLICATION,
};

struct line_record {
	enum line_type type;
	int64_t sequence_id; /* sequence_id or action_sequence_id; -1 where it is missing or no number */
	struct slice time;   /* start_time, end_time, time_logged, …: the record's one time */
	struct slice action;
	struct slice inputs;
	struct slice result;
	struct slice exception;
	struct slice state;
	struct slice span_id;
	struct slice span_name;
	struct slice parent_span_id;
	struct slice span_dependencies;
	struct slice key;
	struct slice value;
	struct slice tags;
	struct slice items_streamed;
	struct slice via;
};

/* False when the line is no JSON object, or a record of a known type that lacks its sequence id. Only the
 * outline is checked: values are walked over, not validated. */
bool line_read(struct slice text, struct line_record *out);

#endif
