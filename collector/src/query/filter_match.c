/* Asking a filter's values about what a run has. */
#include "query/filter.h"

#include "base/clean.h"

/* A star takes no byte at first and one more each time what follows it fails. Only the last star met is tried
 * again: what stands before it has matched as early as it can, so no other choice there would help. */
static bool wild_matches(struct slice pattern, struct slice text)
{
	size_t star = SIZE_MAX;
	size_t taken_to = 0; /* where the star ends in text */
	size_t p = 0;
	size_t t = 0;
	while (t < text.len) {
		if (p < pattern.len && pattern.data[p] == FILTER_STAR) {
			star = p++;
			taken_to = t;
		} else if (p < pattern.len && pattern.data[p] == text.data[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++taken_to;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.data[p] == FILTER_STAR)
		p++;
	return p == pattern.len;
}

bool filter_text_matches(const struct filter_value *value, struct slice text)
{
	if (!text.data)
		return false;
	return value->has_wildcard ? wild_matches(value->text, text) : slice_eq(value->text, text);
}

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool starts_folded(const char *text, struct slice piece)
{
	for (size_t i = 0; i < piece.len; i++)
		if (fold(text[i]) != fold(piece.data[i]))
			return false;
	return true;
}

/* Move text behind the first place where piece stands. */
static bool skip_past(struct slice *text, struct slice piece)
{
	for (; text->len >= piece.len; text->data++, text->len--)
		if (starts_folded(text->data, piece)) {
			text->data += piece.len;
			text->len -= piece.len;
			return true;
		}
	return false;
}

bool filter_contains(struct slice haystack, struct slice needle)
{
	while (haystack.data && needle.len) {
		const char *star = memchr(needle.data, FILTER_STAR, needle.len);
		struct slice piece = {needle.data, star ? (size_t)(star - needle.data) : needle.len};
		if (!skip_past(&haystack, piece))
			return false;
		size_t used = piece.len + (star ? 1 : 0);
		needle.data += used;
		needle.len -= used;
	}
	return haystack.data != NULL;
}

bool filter_number_matches(const struct filter_value *value, int64_t number)
{
	return value->low <= number && number <= value->high;
}

static bool json_string_matches(const struct filter_value *value, struct slice json)
{
	if (json_kind_of(json) != JSON_STRING || json.len < 2)
		return false;
	if (!memchr(json.data, '\\', json.len))
		return filter_text_matches(value, (struct slice){json.data + 1, json.len - 2});
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	return json_to_text(json, &text) && filter_text_matches(value, buf_slice(&text));
}

static bool json_number_matches(const struct filter_value *value, struct slice json)
{
	if (json_kind_of(json) != JSON_NUMBER)
		return false;
	struct json_number number = json_number_of(json);
	int from = json_number_order(number, value->from);
	int to = json_number_order(number, value->to);
	return from >= (value->from_open ? 1 : 0) && to <= (value->to_open ? -1 : 0);
}

bool filter_json_matches(const struct filter_value *value, struct slice json)
{
	if (!json.data)
		return false;
	switch (value->form) {
	case FILTER_EXISTS:
		return true;
	case FILTER_NUMBER:
		return json_number_matches(value, json);
	case FILTER_LITERAL:
		return slice_eq(value->text, json);
	case FILTER_PATTERN:
		return json_string_matches(value, json);
	default:
		return false;
	}
}
