/* base/json.c: a JSON scanner and writer over text.
 *
 * One validator with an explicit depth, and a skipper for text that is known to be whole: it looks only for
 * quotes, brackets and escapes. Strings are most of a state's bytes, so the validator runs through them 16
 * bytes at a time where the machine has SSE2, which every x86-64 has. It is compiled a second time without,
 * for the other machines and for the test that holds the two equal. */
#include "base/json.h"

#include "base/error.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __SSE2__
#define JSON_SSE2
#include <emmintrin.h>
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* ---- bytes ---- */

static inline bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline bool is_digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

static inline const char *skip_space(const char *pos, const char *end)
{
	while (pos < end && is_space(*pos))
		pos++;
	return pos;
}

/* The length of the valid UTF-8 sequence at pos, 0 when there is none. Table 3-7 of the Unicode standard. */
static size_t utf8_sequence(const unsigned char *pos, size_t left)
{
	unsigned char c = pos[0];
	if (c < 0x80)
		return 1;
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	size_t len = 0;
	if (c >= 0xC2 && c <= 0xDF)
		len = 2;
	else if (c >= 0xE0 && c <= 0xEF)
		len = 3;
	else if (c >= 0xF0 && c <= 0xF4)
		len = 4;
	else
		return 0;
	if (c == 0xE0)
		low = 0xA0;
	else if (c == 0xED)
		high = 0x9F;
	else if (c == 0xF0)
		low = 0x90;
	else if (c == 0xF4)
		high = 0x8F;
	if (left < len || pos[1] < low || pos[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (pos[i] < 0x80 || pos[i] > 0xBF)
			return 0;
	return len;
}

/* Behind the bytes from pos on that stand in a string as they are: no quote, no backslash, no control
 * character, and nothing above ASCII, which is looked at by sequences. */
static inline const char *skip_plain_scalar(const char *pos, const char *end)
{
	while (pos < end) {
		unsigned char c = (unsigned char)*pos;
		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
		pos++;
	}
	return pos;
}

#ifdef JSON_SSE2
/* 0xFF for each of 16 bytes that ends a plain run. */
static inline __m128i find_stops(const char *pos)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)pos);
	__m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
	__m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
	/* Signed: what is below a space is a control character or not ASCII. */
	__m128i others = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));
	return _mm_or_si128(_mm_or_si128(quotes, backslashes), others);
}

/* begin: where the text begins; bytes from there on may be looked at again. */
static ALWAYS_INLINE const char *skip_plain(const char *begin, const char *pos, const char *end)
{
	for (; end - pos >= 16; pos += 16) {
		unsigned stops = (unsigned)_mm_movemask_epi8(find_stops(pos));
		if (stops)
			return pos + __builtin_ctz(stops);
		/* It is a long one: two at once, and the loop above finds the place. */
		while (end - pos >= 48 &&
			!_mm_movemask_epi8(_mm_or_si128(find_stops(pos + 16), find_stops(pos + 32))))
			pos += 32;
	}
	if (end - begin < 16)
		return skip_plain_scalar(pos, end);
	unsigned done = 16 - (unsigned)(end - pos);
	unsigned stops = (unsigned)_mm_movemask_epi8(find_stops(end - 16)) >> done;
	return stops ? pos + __builtin_ctz(stops) : end;
}
#else
static inline const char *skip_plain(const char *begin, const char *pos, const char *end)
{
	(void)begin;
	return skip_plain_scalar(pos, end);
}
#endif

bool utf8_valid(struct slice text)
{
	const char *pos = text.data;
	const char *end = pos + text.len;
	while (pos < end) {
		if ((unsigned char)*pos < 0x80) {
			const char *next = skip_plain(text.data, pos, end);
			pos = next > pos ? next : pos + 1;
			continue;
		}
		size_t len = utf8_sequence((const unsigned char *)pos, (size_t)(end - pos));
		if (!len)
			return false;
		pos += len;
	}
	return true;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four hex digits after "\u"; -1 when they are not there. */
static int hex4(const char *pos, const char *end)
{
	if (end - pos < 4)
		return -1;
	int value = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(pos[i]);
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* ---- validating ---- */

struct check {
	const char *begin;
	const char *pos; /* where it failed; while it goes on, `pos` is a local variable */
	const char *end;
	const char *wrong; /* what is wrong at pos; NULL while all is well */
	bool breaks;       /* a line break stands between two tokens */
};

/* Always NULL, for `return check_fail(…)`. */
static const char *check_fail(struct check *c, const char *pos, const char *wrong)
{
	c->pos = pos;
	c->wrong = wrong;
	return NULL;
}

static const char *check_breaks(struct check *c, const char *pos)
{
	while (pos < c->end && is_space(*pos)) {
		c->breaks = c->breaks || *pos == '\n' || *pos == '\r';
		pos++;
	}
	return pos;
}

/* Over white space to the first byte of a token. That byte, or NUL at the end of the text: neither it nor any
 * other byte below a space begins a token, so whoever asks for a certain one asks once. */
static ALWAYS_INLINE char check_next(struct check *c, const char **pos)
{
	char next = *pos < c->end ? **pos : '\0';
	if ((unsigned char)next > ' ')
		return next;
	*pos = check_breaks(c, *pos);
	return *pos < c->end ? **pos : '\0';
}

/* Each check_… takes the first byte of its token and returns the one behind it, NULL when it is wrong. */

static const char *check_escape(struct check *c, const char *pos)
{
	pos++; /* the backslash */
	if (pos >= c->end)
		return check_fail(c, pos, "the text ends inside an escape");
	switch (*pos) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return pos + 1;
	case 'u':
		if (hex4(pos + 1, c->end) < 0)
			return check_fail(c, pos, "\\u needs four hexadecimal digits");
		return pos + 5;
	default:
		return check_fail(c, pos, "unknown escape in a string");
	}
}

static ALWAYS_INLINE const char *check_string(struct check *c, const char *pos, bool simd)
{
	pos++; /* the quote */
	for (;;) {
		pos = simd ? skip_plain(c->begin, pos, c->end) : skip_plain_scalar(pos, c->end);
		if (pos >= c->end)
			return check_fail(c, pos, "the text ends inside a string");
		if (*pos == '"')
			return pos + 1;
		if (*pos == '\\') {
			pos = check_escape(c, pos);
			if (!pos)
				return NULL;
			continue;
		}
		if ((unsigned char)*pos < 0x20)
			return check_fail(c, pos, "control character in a string");
		/* In many scripts another such sequence follows, so plain runs wait until there is none. */
		do {
			size_t len = utf8_sequence((const unsigned char *)pos, (size_t)(c->end - pos));
			if (!len)
				return check_fail(c, pos, "invalid UTF-8");
			pos += len;
		} while (pos < c->end && (unsigned char)*pos >= 0x80);
	}
}

static ALWAYS_INLINE const char *check_digits(struct check *c, const char *pos)
{
	if (pos >= c->end || !is_digit(*pos))
		return check_fail(c, pos, "a digit is missing in a number");
	do
		pos++;
	while (pos < c->end && is_digit(*pos));
	return pos;
}

static ALWAYS_INLINE const char *check_number(struct check *c, const char *pos)
{
	if (*pos == '-')
		pos++;
	if (pos < c->end && *pos == '0')
		pos++;
	else if (!(pos = check_digits(c, pos)))
		return NULL;
	if (pos < c->end && *pos == '.' && !(pos = check_digits(c, pos + 1)))
		return NULL;
	if (pos < c->end && (*pos == 'e' || *pos == 'E')) {
		pos++;
		if (pos < c->end && (*pos == '+' || *pos == '-'))
			pos++;
		return check_digits(c, pos);
	}
	return pos;
}

static ALWAYS_INLINE const char *check_word(struct check *c, const char *pos, const char *word, size_t len)
{
	if ((size_t)(c->end - pos) < len || memcmp(pos, word, len) != 0)
		return check_fail(c, pos, "expected a value");
	return pos + len;
}

static ALWAYS_INLINE const char *check_scalar(struct check *c, const char *pos, char first, bool simd)
{
	switch (first) {
	case '"':
		return check_string(c, pos, simd);
	case 't':
		return check_word(c, pos, "true", 4);
	case 'f':
		return check_word(c, pos, "false", 5);
	case 'n':
		return check_word(c, pos, "null", 4);
	default:
		if (first == '-' || is_digit(first))
			return check_number(c, pos);
		return check_fail(c, pos,
			pos < c->end ? "expected a value" : "the text ends where a value is expected");
	}
}

/* A key and its colon, with the white space in front of both. */
static ALWAYS_INLINE const char *check_key(struct check *c, const char *pos, bool simd)
{
	if (check_next(c, &pos) != '"')
		return check_fail(c, pos, "expected a key in quotes");
	pos = check_string(c, pos, simd);
	if (!pos)
		return NULL;
	if (check_next(c, &pos) != ':')
		return check_fail(c, pos, "expected ':' after a key");
	return pos + 1;
}

/* Containers are kept on a stack of flags (1 = object), not on C's: a hostile depth costs nothing. */
static ALWAYS_INLINE const char *check_value(struct check *c, const char *pos, bool simd)
{
	bool object_at[JSON_MAX_DEPTH];
	bool object = false; /* what we are in */
	int depth = 0;
	for (;;) {
		char next = check_next(c, &pos);
		if (next == '{' || next == '[') {
			if (depth == JSON_MAX_DEPTH)
				return check_fail(c, pos, "nested deeper than 128 levels");
			object = next == '{';
			object_at[depth++] = object;
			pos++;
			next = check_next(c, &pos);
			if (next != (object ? '}' : ']')) {
				if (object && !(pos = check_key(c, pos, simd)))
					return NULL;
				continue;
			}
			/* It is empty: closed below. */
		} else {
			pos = check_scalar(c, pos, next, simd);
			if (!pos)
				return NULL;
			if (depth == 0)
				return pos;
			next = check_next(c, &pos);
		}
		/* A value has ended: close what ends here, then go on behind a comma. */
		while (next != ',') {
			if (next != (object ? '}' : ']'))
				return check_fail(c, pos,
					pos < c->end ? "expected ',' or the end of the object or array"
						     : "the text ends inside an object or array");
			pos++;
			if (--depth == 0)
				return pos;
			object = object_at[depth - 1];
			next = check_next(c, &pos);
		}
		pos++;
		if (object && !(pos = check_key(c, pos, simd)))
			return NULL;
	}
}

static ALWAYS_INLINE burr_status check_text(
	struct slice text, struct json_checked *out, burr_error *err, bool simd)
{
	if (!text.data)
		return burr_fail(err, BURR_EINVAL, "no JSON text");
	struct check c = {.begin = text.data, .end = text.data + text.len};
	const char *start = skip_space(text.data, c.end);
	const char *stop = check_value(&c, start, simd);
	if (stop) {
		const char *rest = skip_space(stop, c.end);
		if (rest == c.end) {
			*out = (struct json_checked){{start, (size_t)(stop - start)}, c.breaks};
			return BURR_OK;
		}
		check_fail(&c, rest, "something follows the value");
	}
	return burr_fail(err, BURR_EINVAL, "not JSON at byte %zu: %s", (size_t)(c.pos - text.data), c.wrong);
}

burr_status json_check(struct slice text, struct json_checked *out, burr_error *err)
{
	return check_text(text, out, err, true);
}

burr_status json_check_scalar(struct slice text, struct json_checked *out, burr_error *err)
{
	return check_text(text, out, err, false);
}

burr_status json_validate(struct slice text, struct slice *out_value, burr_error *err)
{
	struct json_checked checked;
	burr_status status = json_check(text, &checked, err);
	if (status == BURR_OK && out_value)
		*out_value = checked.value;
	return status;
}

enum json_kind json_kind_of(struct slice value)
{
	if (!value.len)
		return JSON_INVALID;
	switch (value.data[0]) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	default:
		return value.data[0] == '-' || is_digit(value.data[0]) ? JSON_NUMBER : JSON_INVALID;
	}
}

/* ---- walking ---- */

/* Behind the string that begins at pos; NULL when it does not end. */
static const char *skip_string(const char *pos, const char *end)
{
	for (pos++; pos < end; pos++) {
		pos = memchr(pos, '"', (size_t)(end - pos));
		if (!pos)
			return NULL;
		size_t backslashes = 0;
		while (pos[-1 - (ptrdiff_t)backslashes] == '\\')
			backslashes++;
		if (backslashes % 2 == 0)
			return pos + 1;
	}
	return NULL;
}

static const char *skip_container(const char *pos, const char *end)
{
	size_t depth = 0;
	while (pos < end) {
		switch (*pos) {
		case '"':
			pos = skip_string(pos, end);
			if (!pos)
				return NULL;
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (--depth == 0)
				return pos + 1;
			break;
		default:
			break;
		}
		pos++;
	}
	return NULL;
}

/* Behind the value that begins at pos; NULL when it does not end in the text. */
static const char *skip_value(const char *pos, const char *end)
{
	if (pos >= end)
		return NULL;
	if (*pos == '"')
		return skip_string(pos, end);
	if (*pos == '{' || *pos == '[')
		return skip_container(pos, end);
	const char *start = pos;
	while (pos < end && !is_space(*pos) && *pos != ',' && *pos != '}' && *pos != ']' && *pos != ':')
		pos++;
	return pos == start ? NULL : pos;
}

struct json_iter json_iter(struct slice container)
{
	struct json_iter it = {container.data, container.data + container.len, false, false};
	if (!container.len)
		it.end = it.pos;
	return it;
}

static bool iter_stop(struct json_iter *it, bool damaged)
{
	it->pos = it->end;
	it->damaged = it->damaged || damaged;
	return false;
}

/* To the first byte of the next entry: over the opening bracket or a comma. */
static bool iter_step(struct json_iter *it, char open, char close)
{
	if (it->pos == it->end)
		return false;
	const char *pos = skip_space(it->pos, it->end);
	if (pos == it->end)
		return iter_stop(it, true);
	if (it->started && *pos == close)
		return iter_stop(it, skip_space(pos + 1, it->end) != it->end);
	if (*pos != (it->started ? ',' : open))
		return iter_stop(it, true);
	pos = skip_space(pos + 1, it->end);
	if (pos == it->end)
		return iter_stop(it, true);
	if (!it->started && *pos == close)
		return iter_stop(it, skip_space(pos + 1, it->end) != it->end);
	it->started = true;
	it->pos = pos;
	return true;
}

static bool iter_value(struct json_iter *it, struct slice *out_value)
{
	const char *stop = skip_value(it->pos, it->end);
	if (!stop)
		return iter_stop(it, true);
	*out_value = (struct slice){it->pos, (size_t)(stop - it->pos)};
	it->pos = stop;
	return true;
}

bool json_next_member(struct json_iter *it, struct slice *out_key, struct slice *out_value)
{
	if (!iter_step(it, '{', '}'))
		return false;
	const char *stop = *it->pos == '"' ? skip_string(it->pos, it->end) : NULL;
	if (!stop)
		return iter_stop(it, true);
	struct slice key = {it->pos + 1, (size_t)(stop - it->pos - 2)};
	it->pos = skip_space(stop, it->end);
	if (it->pos == it->end || *it->pos != ':')
		return iter_stop(it, true);
	it->pos = skip_space(it->pos + 1, it->end);
	if (!iter_value(it, out_value))
		return false;
	*out_key = key;
	return true;
}

bool json_next_element(struct json_iter *it, struct slice *out_value)
{
	return iter_step(it, '[', ']') && iter_value(it, out_value);
}

struct slice json_find_slice(struct slice object, struct slice key)
{
	struct slice found = SLICE_NONE;
	struct slice name;
	struct slice value;
	if (json_kind_of(object) != JSON_OBJECT)
		return found;
	struct json_iter it = json_iter(object);
	while (json_next_member(&it, &name, &value))
		if (json_key_is(name, key))
			found = value;
	return found;
}

struct slice json_find(struct slice object, const char *key)
{
	return json_find_slice(object, slice_of(key));
}

static struct slice find_element(struct slice array, struct slice index_text)
{
	size_t index = 0;
	if (!index_text.len || index_text.len > 9)
		return SLICE_NONE;
	for (size_t i = 0; i < index_text.len; i++) {
		if (!is_digit(index_text.data[i]))
			return SLICE_NONE;
		index = index * 10 + (size_t)(index_text.data[i] - '0');
	}
	struct slice value;
	struct json_iter it = json_iter(array);
	while (json_next_element(&it, &value))
		if (index-- == 0)
			return value;
	return SLICE_NONE;
}

struct slice json_find_path(struct slice value, struct slice path)
{
	while (value.data) {
		const char *dot = memchr(path.data, '.', path.len);
		struct slice part = {path.data, dot ? (size_t)(dot - path.data) : path.len};
		value = json_kind_of(value) == JSON_ARRAY ? find_element(value, part)
							  : json_find_slice(value, part);
		if (!dot)
			return value;
		path.len -= part.len + 1;
		path.data = dot + 1;
	}
	return SLICE_NONE;
}

/* ---- values to C ---- */

/* Long enough for every number whose digits matter to a double or an int64_t, with its terminator. */
enum { NUMBER_TEXT_MAX = 400 };

static bool number_text(struct slice value, char out[NUMBER_TEXT_MAX])
{
	if (json_kind_of(value) != JSON_NUMBER || value.len >= NUMBER_TEXT_MAX)
		return false;
	memcpy(out, value.data, value.len);
	out[value.len] = '\0';
	return true;
}

bool json_to_int(struct slice value, int64_t *out)
{
	char text[NUMBER_TEXT_MAX];
	if (!number_text(value, text))
		return false;
	char *end = NULL;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (errno || *end)
		return false;
	*out = number;
	return true;
}

/* JSON's point is '.', whatever the host's locale says: strtod is given the locale's own. */
static void point_to_locale(char *text)
{
	char *point = strchr(text, '.');
	char sample[8];
	if (point && snprintf(sample, sizeof(sample), "%.1f", 0.5) == 3)
		*point = sample[1];
}

bool json_to_double(struct slice value, double *out)
{
	char text[NUMBER_TEXT_MAX];
	if (!number_text(value, text))
		return false;
	point_to_locale(text);
	char *end = NULL;
	double number = strtod(text, &end);
	if (*end || !isfinite(number))
		return false;
	*out = number;
	return true;
}

struct json_number json_number_of(struct slice value)
{
	struct json_number number = {false, 0, 0};
	number.is_integer = json_to_int(value, &number.integer);
	if (!number.is_integer && !json_to_double(value, &number.fraction))
		number.fraction = value.data[0] == '-' ? -HUGE_VAL : HUGE_VAL;
	return number;
}

/* An integer against a fraction, without rounding the integer to a double. */
static int order_mixed(int64_t integer, double fraction)
{
	if (fraction >= 0x1p63)
		return -1;
	if (fraction < -0x1p63)
		return 1;
	int64_t whole = (int64_t)fraction;
	if (integer != whole)
		return integer < whole ? -1 : 1;
	double rest = fraction - (double)whole;
	return rest > 0 ? -1 : rest < 0;
}

int json_number_order(struct json_number a, struct json_number b)
{
	if (a.is_integer && b.is_integer)
		return a.integer < b.integer ? -1 : a.integer > b.integer;
	if (a.is_integer)
		return order_mixed(a.integer, b.fraction);
	if (b.is_integer)
		return -order_mixed(b.integer, a.fraction);
	return a.fraction < b.fraction ? -1 : a.fraction > b.fraction;
}

static void put_utf8(struct buf *out, unsigned code)
{
	char bytes[4];
	size_t len = 0;
	if (code < 0x80) {
		bytes[len++] = (char)code;
	} else if (code < 0x800) {
		bytes[len++] = (char)(0xC0 | (code >> 6));
		bytes[len++] = (char)(0x80 | (code & 0x3F));
	} else if (code < 0x10000) {
		bytes[len++] = (char)(0xE0 | (code >> 12));
		bytes[len++] = (char)(0x80 | ((code >> 6) & 0x3F));
		bytes[len++] = (char)(0x80 | (code & 0x3F));
	} else {
		bytes[len++] = (char)(0xF0 | (code >> 18));
		bytes[len++] = (char)(0x80 | ((code >> 12) & 0x3F));
		bytes[len++] = (char)(0x80 | ((code >> 6) & 0x3F));
		bytes[len++] = (char)(0x80 | (code & 0x3F));
	}
	buf_append(out, bytes, len);
}

enum { REPLACEMENT = 0xFFFD };

/* The \uXXXX at pos (behind the 'u'), with its low half where it is a pair; a lone half becomes U+FFFD.
 * Returns the bytes used behind the 'u', 0 when the digits are missing. */
static size_t unescape_unicode(const char *pos, const char *end, struct buf *out)
{
	int high = hex4(pos, end);
	if (high < 0)
		return 0;
	if (high < 0xD800 || high > 0xDFFF) {
		put_utf8(out, (unsigned)high);
		return 4;
	}
	int low = end - pos >= 10 && pos[4] == '\\' && pos[5] == 'u' ? hex4(pos + 6, end) : -1;
	if (high > 0xDBFF || low < 0xDC00 || low > 0xDFFF) {
		put_utf8(out, REPLACEMENT);
		return 4;
	}
	put_utf8(out, 0x10000u + (((unsigned)high - 0xD800u) << 10) + ((unsigned)low - 0xDC00u));
	return 10;
}

bool json_unescape(struct slice escaped, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *pos = escaped.data;
	const char *end = pos + escaped.len;
	while (pos < end) {
		const char *slash = memchr(pos, '\\', (size_t)(end - pos));
		buf_append(out, pos, (size_t)((slash ? slash : end) - pos));
		if (!slash)
			break;
		pos = slash + 1;
		if (pos == end)
			return false;
		if (*pos == 'u') {
			size_t used = unescape_unicode(pos + 1, end, out);
			if (!used)
				return false;
			pos += 1 + used;
			continue;
		}
		const char *at = *pos ? strchr(from, *pos) : NULL;
		if (!at)
			return false;
		buf_append_char(out, to[at - from]);
		pos++;
	}
	return !out->failed;
}

static bool string_body(struct slice value, struct slice *out)
{
	if (value.len < 2 || value.data[0] != '"')
		return false;
	*out = (struct slice){value.data + 1, value.len - 2};
	return true;
}

bool json_to_text(struct slice value, struct buf *out)
{
	struct slice body;
	return string_body(value, &body) && json_unescape(body, out);
}

bool json_key_is(struct slice escaped_key, struct slice text)
{
	if (!escaped_key.len || !memchr(escaped_key.data, '\\', escaped_key.len))
		return slice_eq(escaped_key, text);
	struct buf plain = BUF_INIT;
	bool same = json_unescape(escaped_key, &plain) && slice_eq(buf_slice(&plain), text);
	buf_fini(&plain);
	return same;
}

bool json_text_is(struct slice string_value, struct slice text)
{
	struct slice body;
	return string_body(string_value, &body) && json_key_is(body, text);
}

/* ---- writing ---- */

/* A comma goes in front unless a container, a key, a line or (behind a NUL) another text has just begun. */
static void put_separator(struct buf *out)
{
	char last = out->len ? out->data[out->len - 1] : '\n';
	if (last != '{' && last != '[' && last != ':' && last != ',' && last != '\n' && last)
		buf_append_char(out, ',');
}

void json_put_open(struct buf *out, char bracket)
{
	put_separator(out);
	buf_append_char(out, bracket);
}

void json_put_close(struct buf *out, char bracket)
{
	buf_append_char(out, bracket);
}

/* How many bytes from pos on need no escape. */
static size_t plain_run(const unsigned char *pos, size_t left)
{
	size_t len = 0;
	while (len < left) {
		unsigned char c = pos[len];
		if (c < 0x20 || c == '"' || c == '\\' || c == 0x7F)
			break;
		if (c < 0x80) {
			len++;
			continue;
		}
		size_t sequence = utf8_sequence(pos + len, left - len);
		if (!sequence)
			break;
		len += sequence;
	}
	return len;
}

void json_escape(struct buf *out, struct slice text)
{
	static const char from[] = "\"\\\b\f\n\r\t";
	static const char to[] = "\"\\bfnrt";
	const unsigned char *pos = (const unsigned char *)text.data;
	size_t left = text.len;
	while (left) {
		size_t run = plain_run(pos, left);
		buf_append(out, pos, run);
		pos += run;
		left -= run;
		if (!left)
			break;
		const char *at = *pos ? strchr(from, *pos) : NULL;
		if (at) {
			char escape[2] = {'\\', to[at - from]};
			buf_append(out, escape, sizeof(escape));
		} else if (*pos < 0x20 || *pos == 0x7F) {
			buf_printf(out, "\\u%04x", *pos);
		} else {
			put_utf8(out, REPLACEMENT);
		}
		pos++;
		left--;
	}
}

void json_put_key(struct buf *out, struct slice key)
{
	put_separator(out);
	buf_append_char(out, '"');
	json_escape(out, key);
	buf_append(out, "\":", 2);
}

void json_put_text(struct buf *out, struct slice text)
{
	if (!text.data) {
		json_put_null(out);
		return;
	}
	put_separator(out);
	buf_append_char(out, '"');
	json_escape(out, text);
	buf_append_char(out, '"');
}

void json_put_raw(struct buf *out, struct slice json)
{
	put_separator(out);
	if (json.data)
		buf_append_slice(out, json);
	else
		buf_append_str(out, "null");
}

void json_put_int(struct buf *out, int64_t value)
{
	put_separator(out);
	buf_append_int(out, value);
}

void json_put_uint(struct buf *out, uint64_t value)
{
	put_separator(out);
	buf_append_uint(out, value);
}

void json_put_double(struct buf *out, double value)
{
	char text[40];
	if (!isfinite(value)) {
		json_put_null(out);
		return;
	}
	/* The shortest of the precisions that reads back as the same number; 17 always does. */
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, value);
		if (strtod(text, NULL) == value)
			break;
	}
	for (char *c = text; *c; c++) /* the locale's point */
		if (!is_digit(*c) && !strchr("-+eE", *c))
			*c = '.';
	json_put_raw(out, slice_of(text));
}

void json_put_bool(struct buf *out, bool value)
{
	json_put_raw(out, value ? SLICE_LIT("true") : SLICE_LIT("false"));
}

void json_put_null(struct buf *out)
{
	json_put_raw(out, SLICE_LIT("null"));
}

static void put_plain_key(struct buf *out, const char *key)
{
	put_separator(out);
	buf_append_char(out, '"');
	buf_append_str(out, key);
	buf_append(out, "\":", 2);
}

void json_put_member(struct buf *out, const char *key, struct slice text)
{
	put_plain_key(out, key);
	json_put_text(out, text);
}

void json_put_member_raw(struct buf *out, const char *key, struct slice json)
{
	put_plain_key(out, key);
	json_put_raw(out, json);
}

void json_put_member_int(struct buf *out, const char *key, int64_t value)
{
	put_plain_key(out, key);
	json_put_int(out, value);
}

void json_put_member_bool(struct buf *out, const char *key, bool value)
{
	put_plain_key(out, key);
	json_put_bool(out, value);
}
