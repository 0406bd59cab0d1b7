#include "wire/pb.h"

bool pb_read_long_varint(struct pb_reader *r, uint64_t *out)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (r->pos == r->end)
			return false;
		uint8_t byte = *r->pos++;
		value |= (uint64_t)(byte & 0x7F) << shift;
		if (byte < 0x80) {
			*out = value;
			return true;
		}
	}
	return false;
}

bool pb_read_other(struct pb_reader *r, struct pb_field *out)
{
	if (out->type == PB_FIXED64)
		return pb_read_fixed64(r, &out->value);
	if (out->type != PB_FIXED32 || r->end - r->pos < 4)
		return false; /* groups and types that do not exist */
	for (size_t i = 0; i < 4; i++)
		out->value |= (uint64_t)r->pos[i] << (8 * i);
	r->pos += 4;
	return true;
}

static bool read_slot(struct pb_reader *r, struct pb_slot *slots, uint32_t count)
{
	uint64_t tag;
	struct pb_slot other;
	if (!pb_read_varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF)
		return false;
	struct pb_slot *slot = tag >> 3 < count ? &slots[tag >> 3] : &other;
	struct pb_field rest = {.type = (enum pb_type)(tag & 7)};
	slot->type = rest.type;
	if (slot->type == PB_VARINT) {
		slot->set = pb_read_varint(r, &slot->value);
	} else if (slot->type == PB_BYTES) {
		slot->set = pb_read_bytes(r, &slot->bytes);
	} else {
		slot->set = pb_read_other(r, &rest);
		slot->value = rest.value;
	}
	return slot->set; /* so a message that ends early leaves no slot set without its value */
}

/* Straight into the slots: each record comes through here. */
bool pb_slots(struct slice message, struct pb_slot *slots, uint32_t count)
{
	struct pb_reader r = pb_reader(message);
	for (uint32_t i = 0; i < count; i++)
		slots[i].set = false; /* nobody looks at the rest then */
	while (r.pos != r.end)
		if (!read_slot(&r, slots, count))
			return false;
	return true;
}

struct slice pb_text(const struct pb_slot *slot)
{
	return slot->set && slot->type == PB_BYTES ? slot->bytes : SLICE_NONE;
}

uint64_t pb_uint(const struct pb_slot *slot)
{
	return slot->set && slot->type != PB_BYTES ? slot->value : 0;
}

int64_t pb_sint(const struct pb_slot *slot)
{
	uint64_t value = pb_uint(slot);
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static size_t varint_bytes(uint64_t value, uint8_t out[10])
{
	size_t len = 0;
	while (value >= 0x80) {
		out[len++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	out[len++] = (uint8_t)value;
	return len;
}

void pb_put_varint(struct buf *out, uint64_t value)
{
	uint8_t bytes[10];
	buf_append(out, bytes, varint_bytes(value, bytes));
}

void pb_put_uint(struct buf *out, uint32_t number, uint64_t value)
{
	pb_put_varint(out, (uint64_t)number << 3 | PB_VARINT);
	pb_put_varint(out, value);
}

void pb_put_int(struct buf *out, uint32_t number, int64_t value)
{
	pb_put_uint(out, number, (uint64_t)value);
}

void pb_put_sint(struct buf *out, uint32_t number, int64_t value)
{
	pb_put_uint(out, number, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void pb_put_fixed64(struct buf *out, uint32_t number, uint64_t value)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	pb_put_varint(out, (uint64_t)number << 3 | PB_FIXED64);
	buf_append(out, bytes, sizeof(bytes));
}

void pb_put_head(struct buf *out, uint32_t number, size_t len)
{
	pb_put_varint(out, (uint64_t)number << 3 | PB_BYTES);
	pb_put_varint(out, len);
}

void pb_put_bytes(struct buf *out, uint32_t number, struct slice bytes)
{
	if (!bytes.data)
		return;
	pb_put_head(out, number, bytes.len);
	buf_append_slice(out, bytes);
}

size_t pb_begin(struct buf *out, uint32_t number)
{
	pb_put_varint(out, (uint64_t)number << 3 | PB_BYTES);
	return out->len;
}

void pb_end(struct buf *out, size_t began)
{
	uint8_t head[10];
	if (out->failed)
		return;
	size_t len = out->len - began;
	size_t head_len = varint_bytes(len, head);
	if (!buf_reserve(out, head_len))
		return;
	memmove(out->data + began + head_len, out->data + began, len);
	memcpy(out->data + began, head, head_len);
	out->len += head_len;
	out->data[out->len] = '\0';
}
