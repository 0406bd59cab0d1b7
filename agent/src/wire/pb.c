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

bool pb_slots(struct slice message, struct pb_slot *slots, uint32_t count)
{
	struct pb_field f;
	struct pb_reader r = pb_reader(message);
	for (uint32_t i = 0; i < count; i++)
		slots[i].set = false; /* nobody looks at the rest then */
	while (pb_next(&r, &f))
		if (f.number < count)
			slots[f.number] = (struct pb_slot){true, f.type, f.value, f.bytes};
	return !r.damaged;
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
