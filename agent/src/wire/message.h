/* wire/message.h: Request and Reply (proto/burr/v1/wire.proto), written and read without copies. */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include "wire/pb.h"

enum { REQUEST_ENTRIES = 15 }; /* the field of Request that holds an Entry */

struct writer_about {
	struct slice host;
	int64_t pid;
	struct slice program;
	struct slice library_version;
};

struct find_step {
	struct slice project;
	struct slice app_id;
	int64_t sequence_id;
};

/* Everything of a Request but its entries, which stay where they are. */
struct request {
	uint32_t protocol;
	uint32_t protocol_min;
	struct slice writer; /* 16 hex digits; SLICE_NONE */
	bool has_about;
	struct writer_about about;
	int64_t clock_offset_ns;
	uint64_t dropped_count;
	bool has_find_step;
	struct find_step find_step;
	bool take_in;
	size_t entry_count;
	struct slice bytes; /* the whole message; request_next_entry walks it */
};

/* Append the header; the caller appends entries (each with request_put_entry_head) after it. */
void request_put(struct buf *out, const struct request *request);
void request_put_entry_head(struct buf *out, size_t entry_len);
burr_status request_read(struct slice bytes, struct request *out, burr_error *err);
/* The entries one after the other: start with pb_reader(request->bytes). */
bool request_next_entry(struct pb_reader *r, struct slice *out_entry);

enum reply_status {
	REPLY_OK = 0,
	REPLY_NOT_YET = 1,
	REPLY_BAD_REQUEST = 2,
	REPLY_UNKNOWN_PROTOCOL = 3,
};

enum verdict_kind {
	VERDICT_DONE = 0,
	VERDICT_LATER = 1,
	VERDICT_NEVER = 2,
};

struct verdict {
	struct slice project;
	struct slice app_id;
	enum verdict_kind kind;
	burr_status code; /* BURR_OK when done */
	struct slice reason;
};

struct reply {
	uint32_t protocol;
	enum reply_status status;
	struct slice message;
	bool has_collector;
	struct slice version;
	struct slice url;
	int64_t pid;
	uint64_t invalid_count;
	struct slice invalid_text;
	uint64_t lost_count;
	struct slice lost_text;
	bool has_step_place;
	bool step_found;
	uint64_t step_offset;
	uint64_t step_len;
	struct slice bytes; /* the whole message; reply_next_verdict walks it */
};

/* Append everything but the verdicts; they follow, each with reply_put_verdict. */
void reply_put(struct buf *out, const struct reply *reply);
void reply_put_verdict(struct buf *out, const struct verdict *verdict);
burr_status reply_read(struct slice bytes, struct reply *out, burr_error *err);
bool reply_next_verdict(struct pb_reader *r, struct verdict *out);

#endif
