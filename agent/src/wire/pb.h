/* wire/pb.h: protobuf's bytes by hand: a packer that appends to a buf and a reader that copies nothing.
 *
 * The messages are those of proto/burr/v1; tests prove the bytes equal to protobuf-c's. Reading is by field
 * number: struct pb_field f; struct pb_reader r = pb_reader(bytes); while (pb_next(&r, &f)) switch (f.number)
 * … if (r.damaged) … Unknown fields are skipped. Pure; any thread. */
#ifndef WIRE_PB_H
#define WIRE_PB_H

#include "base/buf.h"

enum pb_type { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

struct pb_field {
	uint32_t number;
	enum pb_type type;
	uint64_t value;     /* varint and fixed */
	struct slice bytes; /* PB_BYTES; never NULL then */
};

struct pb_reader {
	const uint8_t *pos;
	const uint8_t *end;
	bool damaged;
};

struct pb_reader pb_reader(struct slice bytes);
/* The next field; false at the end, and on damage, which leaves `damaged` true. */
bool pb_next(struct pb_reader *r, struct pb_field *out);

/* All fields of a small message by number: the last of each number below `count`, type 0 with `set` false
 * where there is none. Returns false when the bytes are damaged. Repeated fields are walked with pb_next
 * instead. */
struct pb_slot {
	bool set;
	enum pb_type type;
	uint64_t value;
	struct slice bytes;
};
bool pb_slots(struct slice message, struct pb_slot *slots, uint32_t count);

/* A slot as text or number; absent, or of another type: SLICE_NONE, 0. */
struct slice pb_text(const struct pb_slot *slot);
uint64_t pb_uint(const struct pb_slot *slot);
static inline int64_t pb_int(const struct pb_slot *slot)
{
	return (int64_t)pb_uint(slot);
}
int64_t pb_sint(const struct pb_slot *slot); /* zigzag */

void pb_put_varint(struct buf *out, uint64_t value);
void pb_put_uint(struct buf *out, uint32_t number, uint64_t value);
void pb_put_int(struct buf *out, uint32_t number, int64_t value);
void pb_put_sint(struct buf *out, uint32_t number, int64_t value);
void pb_put_fixed64(struct buf *out, uint32_t number, uint64_t value);
/* Nothing is written for an absent slice. */
void pb_put_bytes(struct buf *out, uint32_t number, struct slice bytes);
/* Tag and length of a bytes field whose content the caller appends next. */
void pb_put_head(struct buf *out, uint32_t number, size_t len);
/* A nested message in place: begin, put its fields, end. The length is written when it is known, so the
 * content moves by the bytes that its length needs. */
size_t pb_begin(struct buf *out, uint32_t number);
void pb_end(struct buf *out, size_t began);

#endif
