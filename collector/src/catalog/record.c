#include "catalog/record.h"

#include "base/json.h"

/* The length of a word at pos that Python writes for a float, 0 for anything else. */
static size_t float_word(const char *pos, const char *end)
{
	static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
	struct slice rest = {pos, (size_t)(end - pos)};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (slice_starts(rest, words[i]))
			return strlen(words[i]);
	}
	return 0;
}

/* A copy with null for the words, outside of strings. */
static void put_right(struct slice text, struct buf *out)
{
	const char *pos = text.data;
	const char *end = pos + text.len;
	bool in_string = false;
	buf_clear(out);
	while (pos < end) {
		size_t word = in_string ? 0 : float_word(pos, end);
		if (word) {
			buf_append_str(out, "null");
			pos += word;
			continue;
		}
		if (in_string && *pos == '\\' && pos + 1 < end)
			buf_append_char(out, *pos++);
		else if (*pos == '"')
			in_string = !in_string;
		buf_append_char(out, *pos++);
	}
}

bool record_read_object(struct slice text, struct buf *spare, struct slice *out_value)
{
	struct slice value;
	if (json_validate(text, &value, NULL) != BURR_OK) {
		if (!memmem(text.data, text.len, "NaN", 3) && !memmem(text.data, text.len, "Infinity", 8))
			return false;
		put_right(text, spare);
		if (spare->failed || json_validate(buf_slice(spare), &value, NULL) != BURR_OK)
			return false;
	}
	if (json_kind_of(value) != JSON_OBJECT)
		return false;
	*out_value = value;
	return true;
}

bool record_read(struct slice text, struct buf *spare, struct line_record *out)
{
	struct slice value;
	return record_read_object(text, spare, &value) && line_read(value, out);
}

const char *record_explain_damage(struct slice text, burr_error *err)
{
	struct slice value;
	if (json_validate(text, &value, err) != BURR_OK)
		return err->message;
	return json_kind_of(value) == JSON_OBJECT ? "an object that lacks what its type needs"
						  : "JSON, but no object";
}
