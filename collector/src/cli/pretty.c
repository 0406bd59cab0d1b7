#include "cli/pretty.h"

#include "base/json.h"

enum { SHORT_LEN = 60, INDENT = 2 };

/* flat_len: what is as short and holds nothing nested stays on its line. */
static void put_value(struct buf *out, struct slice value, size_t depth, size_t flat_len);

static void new_line(struct buf *out, size_t depth)
{
	buf_append_char(out, '\n');
	for (size_t i = 0; i < depth * INDENT; i++)
		buf_append_char(out, ' ');
}

static bool is_container(struct slice value)
{
	enum json_kind kind = json_kind_of(value);
	return kind == JSON_OBJECT || kind == JSON_ARRAY;
}

/* Step over the next member or element; key is SLICE_NONE in an array. */
static bool next(struct json_iter *it, bool object, struct slice *key, struct slice *value)
{
	*key = SLICE_NONE;
	return object ? json_next_member(it, key, value) : json_next_element(it, value);
}

static bool is_flat(struct slice container, bool object, size_t flat_len)
{
	struct json_iter it = json_iter(container);
	struct slice key;
	struct slice value;
	if (container.len > flat_len)
		return false;
	while (next(&it, object, &key, &value))
		if (is_container(value))
			return false;
	return true;
}

static void put_container(struct buf *out, struct slice container, size_t depth, size_t flat_len)
{
	bool object = json_kind_of(container) == JSON_OBJECT;
	bool flat = is_flat(container, object, flat_len) && (depth > 0 || !object);
	struct json_iter it = json_iter(container);
	struct slice key;
	struct slice value;
	size_t count = 0;
	buf_append_char(out, object ? '{' : '[');
	for (; next(&it, object, &key, &value); count++) {
		if (count)
			buf_append_str(out, flat ? ", " : ",");
		if (!flat)
			new_line(out, depth + 1);
		if (object)
			buf_printf(out, "\"%.*s\": ", SLICE_ARG(key));
		put_value(out, value, depth + 1, flat_len);
	}
	if (count && !flat)
		new_line(out, depth);
	buf_append_char(out, object ? '}' : ']');
}

static void put_value(struct buf *out, struct slice value, size_t depth, size_t flat_len)
{
	if (is_container(value) && depth < JSON_MAX_DEPTH)
		put_container(out, value, depth, flat_len);
	else
		buf_append_slice(out, value);
}

void pretty_put(struct buf *out, struct slice value)
{
	put_value(out, value, 0, SHORT_LEN);
}

void pretty_put_indented(struct buf *out, struct slice value)
{
	put_value(out, value, 0, 0);
}
