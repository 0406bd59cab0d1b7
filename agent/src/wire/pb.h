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

static inline struct pb_reader pb_reader(struct slice bytes)
{
	const uint8_t *data = (const uint8_t *)(bytes.data ? bytes.data : "");
	return (struct pb_reader){data, data + bytes.len, false};
}

/* What pb_next is made of. A value of more than one byte, and the rare types, are calls. */
bool pb_read_long_varint(struct pb_reader *r, uint64_t *out);
bool pb_read_other(struct pb_reader *r, struct pb_field *out);

static inline bool pb_read_varint(struct pb_reader *r, uint64_t *out)
{
	if (r->pos == r->end || *r->pos >= 0x80)
		return pb_read_long_varint(r, out);
	*out = *r->pos++;
	return true;
}

static inline bool pb_read_bytes(struct pb_reader *r, struct slice *out)
{
	uint64_t len;
	if (!pb_read_varint(r, &len) || len > (uint64_t)(r->end - r->pos))
		return false;
	*out = (struct slice){(const char *)r->pos, (size_t)len};
	r->pos += len;
	return true;
}

static inline bool pb_read_fixed64(struct pb_reader *r, uint64_t *out)
{
	if (r->end - r->pos < 8)
		return false;
	uint64_t value = 0;
	for (size_t i = 0; i < 8; i++)
		value |= (uint64_t)r->pos[i] << (8 * i);
	r->pos += 8;
	*out = value;
	return true;
}

static inline bool pb_read_field(struct pb_reader *r, struct pb_field *out)
{
	uint64_t tag;
	if (!pb_read_varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF)
		return false;
	*out = (struct pb_field){(uint32_t)(tag >> 3), (enum pb_type)(tag & 7), 0, SLICE_NONE};
	if (out->type == PB_VARINT)
		return pb_read_varint(r, &out->value);
	if (out->type == PB_BYTES)
		return pb_read_bytes(r, &out->bytes);
	return pb_read_other(r, out);
}

/* The next field; false at the end, and on damage, which leaves `damaged` true. Inline, as each field of each
 * record comes through here. */
static inline bool pb_next(struct pb_reader *r, struct pb_field *out)
{
	if (r->pos == r->end || r->damaged)
		return false;
	if (pb_read_field(r, out))
		return true;
	r->damaged = true;
	return false;
}

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
