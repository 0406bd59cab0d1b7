/* query/testing_needle.h: what the tests and the fuzzer hold the search against: each escape unescaped by
 * itself and compared with the needle, at every place, the slow and plain way. */
#ifndef QUERY_TESTING_NEEDLE_H
#define QUERY_TESTING_NEEDLE_H

#include "base/json.h"

/* The escape or character at the front of a text. */
static inline size_t testing_unit_len(struct slice text)
{
	unsigned char c = (unsigned char)text.data[0];
	if (c != '\\')
		return c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
	if (text.data[1] != 'u')
		return 2;
	/* It is a pair when both halves together are one character, of four bytes. */
	struct buf plain = BUF_INIT;
	bool pair = text.len >= 12 && text.data[6] == '\\' && text.data[7] == 'u' &&
		    json_unescape((struct slice){text.data, 12}, &plain) &&
		    (unsigned char)plain.data[0] >= 0xF0;
	buf_fini(&plain);
	return pair ? 12 : 6;
}

static inline bool testing_is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr(" !#$%()*,-.:;?@[]^_{|}~", c));
}

static inline char testing_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* How many bytes of query the unit says at its front; 0 when it says something else. */
static inline size_t testing_says(struct slice unit, struct slice query)
{
	struct buf plain = BUF_INIT;
	bool escaped = unit.data[0] == '\\';
	bool syntax = unit.data[0] == '"' || (unsigned char)unit.data[0] < ' ';
	bool same = json_unescape(unit, &plain) && plain.len <= query.len && !syntax;
	if (same && escaped && plain.len == 1 && testing_is_plain(plain.data[0]))
		same = false;
	/* Half a pair is unescaped to U+FFFD, but is none. */
	if (same && escaped && slice_is(buf_slice(&plain), "\xef\xbf\xbd") &&
		testing_lower(unit.data[2]) != 'f')
		same = false;
	for (size_t i = 0; same && i < plain.len; i++)
		same = testing_lower(plain.data[i]) == testing_lower(query.data[i]);
	size_t len = same ? plain.len : 0;
	buf_fini(&plain);
	return len;
}

/* The bytes of the hit at the front of text; 0 when there is none. */
static inline size_t testing_hit_len(struct slice text, struct slice query)
{
	size_t len = 0;
	while (query.len) {
		if (len == text.len)
			return 0;
		struct slice unit = {text.data + len, text.len - len};
		unit.len = testing_unit_len(unit);
		size_t said = testing_says(unit, query);
		if (!said)
			return 0;
		query.data += said;
		query.len -= said;
		len += unit.len;
	}
	return len;
}

/* As needle_find, in a validated text. */
static inline bool testing_find_needle(
	struct slice query, struct slice haystack, size_t from, size_t *out_at, size_t *out_len)
{
	while (from < haystack.len) {
		struct slice rest = {haystack.data + from, haystack.len - from};
		size_t len = testing_hit_len(rest, query);
		if (len) {
			*out_at = from;
			*out_len = len;
			return true;
		}
		from += testing_unit_len(rest);
	}
	return false;
}

#endif
