/* base/buf.h: a run of bytes: borrowed (slice) or owned and growing (buf).
 *
 * A buf that could not grow remembers it in `failed` and ignores what follows, so a builder checks once, at
 * its end. data is always NUL-terminated after the first append, for the convenience of debuggers and
 * printf; len does not count that byte. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <burr/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *data; /* not NUL-terminated; NULL means absent, which is not the same as empty */
	size_t len;
};

#define SLICE_NONE ((struct slice){NULL, 0})
#define SLICE_LIT(text) ((struct slice){(text), sizeof(text) - 1})
/* For printf's "%.*s". */
#define SLICE_ARG(s) (int)(s).len, ((s).data ? (s).data : "")

static inline struct slice slice_of(const char *text)
{
	return text ? (struct slice){text, strlen(text)} : SLICE_NONE;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
	return slice_eq(a, slice_of(text));
}

static inline bool slice_starts(struct slice a, const char *prefix)
{
	size_t len = strlen(prefix);
	return a.len >= len && memcmp(a.data, prefix, len) == 0;
}

/* A malloc'd, NUL-terminated copy; NULL for an absent slice or without memory. Yours to free. */
char *slice_dup(struct slice s);

struct buf {
	char *data;
	size_t len;
	size_t cap;
	bool failed; /* an allocation failed; the content is incomplete */
};

#define BUF_INIT                  \
	{                         \
		NULL, 0, 0, false \
	}

void buf_fini(struct buf *buf);
/* Forget the content and a failure, keep the memory. */
void buf_clear(struct buf *buf);
/* Room for `more` further bytes; returns where they go, or NULL. The caller then adds to len. */
char *buf_reserve(struct buf *buf, size_t more);
/* Room for `more` further bytes where there is none yet; false without memory. */
bool buf_grow(struct buf *buf, size_t more);

static inline bool buf_has_room(const struct buf *buf, size_t more)
{
	return more < buf->cap - buf->len; /* the NUL */
}

static inline void buf_append(struct buf *buf, const void *data, size_t len)
{
	if (buf->failed || (!buf_has_room(buf, len) && !buf_grow(buf, len)))
		return;
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

static inline void buf_append_slice(struct buf *buf, struct slice s)
{
	buf_append(buf, s.data, s.len);
}

static inline void buf_append_str(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

static inline void buf_append_char(struct buf *buf, char c)
{
	buf_append(buf, &c, 1);
}

/* In decimal. */
void buf_append_uint(struct buf *buf, uint64_t value);
void buf_append_int(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *fmt, ...) BURR_PRINTF(2, 3);
/* The content as a NUL-terminated string that the caller frees; the buf is empty after. NULL if it failed. */
char *buf_take(struct buf *buf);

static inline struct slice buf_slice(const struct buf *buf)
{
	return (struct slice){buf->data ? buf->data : "", buf->len};
}

#endif
