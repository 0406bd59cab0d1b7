/* query/json_pointer.c: RFC 6901, found by walking and written part by part. */
#include "query/json_pointer.h"

#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"

/* What of a pointer is shown in a message: enough to know it again, and the message keeps its end. */
enum { SHOWN_MAX = 120 };

static struct slice shown(struct slice text)
{
	while (text.len > SHOWN_MAX || !utf8_valid(text))
		text.len = text.len > SHOWN_MAX ? SHOWN_MAX : text.len - 1;
	return text;
}

/* Grammar alone, so that a pointer is refused or not whatever the text. */
static burr_status check_pointer(struct slice pointer, burr_error *err)
{
	if (pointer.len && pointer.data[0] != '/')
		return burr_fail(err, BURR_EINVAL, "JSON pointer at byte 0: expected '/'");
	for (size_t i = 0; i < pointer.len; i++) {
		if (pointer.data[i] != '~')
			continue;
		char next = i + 1 < pointer.len ? pointer.data[i + 1] : '\0';
		if (next != '0' && next != '1')
			return burr_fail(err, BURR_EINVAL,
				"JSON pointer at byte %zu: '~' stands for nothing without a 0 or 1 behind it",
				i);
	}
	if (pointer.len && !utf8_valid(pointer))
		return burr_fail(err, BURR_EINVAL, "JSON pointer: invalid UTF-8");
	return BURR_OK;
}

static void unescape_part(struct slice part, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < part.len; i++) {
		char c = part.data[i];
		if (c == '~')
			c = part.data[++i] == '0' ? '~' : '/';
		buf_append_char(out, c);
	}
}

/* False also for an index that no text is long enough for. */
static bool to_index(struct slice part, size_t *out)
{
	size_t index = 0;
	if (!part.len || part.len > 18 || (part.len > 1 && part.data[0] == '0'))
		return false;
	for (size_t i = 0; i < part.len; i++) {
		if (part.data[i] < '0' || part.data[i] > '9')
			return false;
		index = index * 10 + (size_t)(part.data[i] - '0');
	}
	*out = index;
	return true;
}

static struct slice find_element(struct slice array, struct slice part, size_t *out_count)
{
	size_t index = 0;
	struct slice value;
	bool is_index = to_index(part, &index);
	struct json_iter it = json_iter(array);
	for (*out_count = 0; json_next_element(&it, &value); ++*out_count)
		if (is_index && *out_count == index)
			return value;
	return SLICE_NONE;
}

burr_status json_pointer_find(
	struct slice value, struct slice pointer, struct slice *out_value, burr_error *err)
{
	CLEAN(buf_fini) struct buf name = BUF_INIT;
	burr_status status = check_pointer(pointer, err);
	size_t at = 0; /* of the '/' in front of the next part */
	while (status == BURR_OK && at < pointer.len) {
		const char *start = pointer.data + at + 1;
		const char *slash = memchr(start, '/', pointer.len - at - 1);
		struct slice part = {start, slash ? (size_t)(slash - start) : pointer.len - at - 1};
		struct slice parent = shown((struct slice){pointer.data, at});
		struct slice missing = shown(part);
		struct slice found = SLICE_NONE;
		size_t count = 0;
		enum json_kind kind = json_kind_of(value);
		unescape_part(part, &name);
		if (name.failed)
			return burr_fail(
				err, BURR_ENOMEM, "find a JSON pointer's part of %zu bytes", part.len);
		if (kind == JSON_OBJECT)
			found = json_find_slice(value, buf_slice(&name));
		else if (kind == JSON_ARRAY)
			found = find_element(value, part, &count);
		if (found.data) {
			value = found;
			at += part.len + 1;
		} else if (kind == JSON_OBJECT) {
			status = burr_fail(err, BURR_ENOTFOUND, "the object at \"%.*s\" has no \"%.*s\"",
				SLICE_ARG(parent), SLICE_ARG(missing));
		} else if (kind == JSON_ARRAY) {
			status = burr_fail(err, BURR_ENOTFOUND,
				"the array at \"%.*s\" has %zu elements and no \"%.*s\"", SLICE_ARG(parent),
				count, SLICE_ARG(missing));
		} else {
			status = burr_fail(err, BURR_ENOTFOUND,
				"what is at \"%.*s\" is no object or array, and has no \"%.*s\"",
				SLICE_ARG(parent), SLICE_ARG(missing));
		}
	}
	if (status == BURR_OK)
		*out_value = value;
	return status;
}

void json_pointer_put_key(struct buf *out, struct slice key)
{
	buf_append_char(out, '/');
	for (size_t from = 0; from < key.len;) {
		size_t to = from;
		while (to < key.len && key.data[to] != '~' && key.data[to] != '/')
			to++;
		buf_append(out, key.data + from, to - from);
		if (to < key.len)
			buf_append_str(out, key.data[to] == '~' ? "~0" : "~1");
		from = to + 1;
	}
}

void json_pointer_put_index(struct buf *out, size_t index)
{
	buf_append_char(out, '/');
	buf_append_uint(out, index);
}
