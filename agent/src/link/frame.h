/* link/frame.h: nng's bytes on a stream socket: SP over IPC, REQ and REP. Source: proto/WIRE.md, Transport.
 * Pure. */
#ifndef LINK_FRAME_H
#define LINK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_ID_LEN = 4,              /* the request id in front of the body, part of the message */
	FRAME_HEAD = 9 + FRAME_ID_LEN, /* 0x01, the message's length, the id */
};

static const uint8_t FRAME_GREETING_REQ[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
static const uint8_t FRAME_GREETING_REP[8] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

static inline void frame_put_big_endian(uint8_t *to, uint64_t value, int len)
{
	for (int i = 0; i < len; i++)
		to[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
}

static inline uint64_t frame_get_big_endian(const uint8_t *from, int len)
{
	uint64_t value = 0;
	for (int i = 0; i < len; i++)
		value = value << 8 | from[i];
	return value;
}

static inline void frame_write(uint8_t head[FRAME_HEAD], uint32_t id, uint64_t body_len)
{
	head[0] = 1;
	frame_put_big_endian(head + 1, FRAME_ID_LEN + body_len, 8);
	frame_put_big_endian(head + 9, id, FRAME_ID_LEN);
}

static inline uint32_t frame_id(const uint8_t head[FRAME_HEAD])
{
	return (uint32_t)frame_get_big_endian(head + 9, FRAME_ID_LEN);
}

/* False when it is not the head of a message with a request id. */
static inline bool frame_read(const uint8_t head[FRAME_HEAD], uint64_t *out_body_len)
{
	uint64_t len = frame_get_big_endian(head + 1, 8);
	if (head[0] != 1 || len < FRAME_ID_LEN || !(frame_id(head) & UINT32_C(0x80000000)))
		return false;
	*out_body_len = len - FRAME_ID_LEN;
	return true;
}

#endif
