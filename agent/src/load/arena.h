/* load/arena.h: a result and its strings in one block, so that the caller frees one pointer.
 *
 * Pieces are added by offset while the block may still move; pointers are made from the offsets when it is
 * taken. */
#ifndef LOAD_ARENA_H
#define LOAD_ARENA_H

#include "base/buf.h"

struct arena {
	struct buf block;
};

#define ARENA_INIT       \
	{                \
		BUF_INIT \
	}

/* Add bytes (NULL: zeros), aligned for any type; returns their offset. A failure shows in arena_take. */
static inline size_t arena_add(struct arena *arena, const void *bytes, size_t len)
{
	static const char zeros[16];
	buf_append(&arena->block, zeros, (16 - arena->block.len % 16) % 16);
	size_t at = arena->block.len;
	if (bytes) {
		buf_append(&arena->block, bytes, len);
	} else if (buf_reserve(&arena->block, len)) {
		memset(arena->block.data + at, 0, len + 1);
		arena->block.len += len;
	}
	return at;
}

/* Add text with its NUL. An absent text adds nothing. */
static inline size_t arena_add_text(struct arena *arena, struct slice text)
{
	size_t at = arena->block.len;
	if (!text.data)
		return at;
	buf_append_slice(&arena->block, text);
	buf_append_char(&arena->block, '\0');
	return at;
}

static inline void arena_fini(struct arena *arena)
{
	buf_fini(&arena->block);
}

/* The block, for free(); NULL when memory was short. */
static inline char *arena_take(struct arena *arena)
{
	return buf_take(&arena->block);
}

#endif
