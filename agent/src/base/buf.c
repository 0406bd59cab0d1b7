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

char *buf_reserve(struct buf *buf, size_t more)
{
	if (buf->failed)
		return NULL;
	if (more > SIZE_MAX - 1 - buf->len) {
		buf->failed = true;
		return NULL;
	}
	size_t need = buf->len + more + 1; /* the NUL */
	if (need > buf->cap) {
		size_t cap = buf->cap ? buf->cap : BUF_FIRST_CAP;
		while (cap < need)
			cap = cap > SIZE_MAX / 2 ? need : cap * 2;
		char *data = realloc(buf->data, cap);
		if (!data) {
			buf->failed = true;
			return NULL;
		}
		buf->data = data;
		buf->cap = cap;
	}
	return buf->data + buf->len;
}

void buf_append(struct buf *buf, const void *data, size_t len)
{
	char *to = buf_reserve(buf, len);
	if (!to)
		return;
	if (len)
		memcpy(to, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void buf_append_slice(struct buf *buf, struct slice s)
{
	buf_append(buf, s.data, s.len);
}

void buf_append_str(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void buf_append_char(struct buf *buf, char c)
{
	buf_append(buf, &c, 1);
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
