#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_FIRST_CAP = 256 };

char *slice_dup(struct slice s)
{
	if (!s.data)
		return NULL;
	char *copy = malloc(s.len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, s.data, s.len);
	copy[s.len] = '\0';
	return copy;
}

void buf_fini(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf)BUF_INIT;
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

bool buf_grow(struct buf *buf, size_t more)
{
	if (buf->failed || more > SIZE_MAX - 1 - buf->len) {
		buf->failed = true;
		return false;
	}
	size_t need = buf->len + more + 1; /* the NUL */
	size_t cap = buf->cap ? buf->cap : BUF_FIRST_CAP;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	char *data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

char *buf_reserve(struct buf *buf, size_t more)
{
	if (buf->failed || (!buf_has_room(buf, more) && !buf_grow(buf, more)))
		return NULL;
	return buf->data + buf->len;
}

void buf_append_uint(struct buf *buf, uint64_t value)
{
	char digits[20];
	char *pos = digits + sizeof(digits);
	for (; value > UINT32_MAX; value /= 10)
		*--pos = (char)('0' + value % 10);
	uint32_t small = (uint32_t)value; /* whose division is the cheaper one */
	do
		*--pos = (char)('0' + small % 10);
	while (small /= 10);
	buf_append(buf, pos, (size_t)(digits + sizeof(digits) - pos));
}

void buf_append_int(struct buf *buf, int64_t value)
{
	if (value < 0)
		buf_append_char(buf, '-');
	buf_append_uint(buf, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	char *to = len < 0 ? NULL : buf_reserve(buf, (size_t)len);
	if (!to) {
		buf->failed = true;
		return;
	}
	va_start(args, fmt);
	vsnprintf(to, (size_t)len + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)len;
}

char *buf_take(struct buf *buf)
{
	if (!buf->data && !buf->failed)
		buf_append(buf, "", 0);
	char *data = buf->failed ? NULL : buf->data;
	if (!data)
		free(buf->data);
	*buf = (struct buf)BUF_INIT;
	return data;
}
