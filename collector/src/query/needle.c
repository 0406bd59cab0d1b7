/* query/needle.c: two passes: anchors, which are bytes at a fixed distance, then characters.
 *
 * An anchor says where a hit may begin only as a range, because each character in front of it may be written
 * short or long: [anchor - lead_max, anchor - lead_min]. Anchors come in order, so their ranges do too, and
 * each place is tried once. Places inside of escapes are never tried: the walk over a range goes from one
 * whole character or escape to the next, and begins where the bytes in front hold no backslash. */
#include "query/needle.h"

#include "base/error.h"
#include "base/json.h"

#include <limits.h>
#include <stdio.h>

#ifdef __SSE2__
#define NEEDLE_SSE2
#include <emmintrin.h>
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

enum {
	ESCAPE_LEN = 6,          /* \u00e9 */
	UNIT_MAX = 12,           /* \ud83d\ude00 */
	FIRST_BEYOND = 0x10000u, /* what is written as a pair */
};

/* How a character may be written. */
enum form {
	FORM_RAW,   /* as itself */
	FORM_SHORT, /* a backslash and one byte */
	FORM_LONG,  /* a backslash, u and hexadecimal digits, once or twice */
	FORM_COUNT,
};

static const char short_chars[] = "\"\\/\b\f\n\r\t";
static const char short_letters[] = "\"\\/bfnrt";

/* ---- characters ---- */

static inline uint8_t to_lower(uint8_t c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static inline bool is_lower(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_plain(uint32_t code)
{
	return code >= ' ' && code < 0x7F && !strchr("\"\\/<>&'+=`", (int)code);
}

/* What follows the backslash; 0 when the character has no short form. */
static char short_letter(uint32_t code)
{
	const char *at = code && code < 0x80 ? strchr(short_chars, (int)code) : NULL;
	return at ? short_letters[at - short_chars] : '\0';
}

/* The character of valid UTF-8 at pos. */
static struct needle_char read_char(const char *text, size_t at)
{
	const unsigned char *pos = (const unsigned char *)text + at;
	unsigned c = pos[0];
	if (c < 0x80)
		return (struct needle_char){to_lower((uint8_t)c), (uint8_t)at, 1, is_plain(c)};
	size_t len = c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
	uint32_t code = c & (0x7Fu >> len);
	for (size_t i = 1; i < len; i++)
		code = code << 6 | (pos[i] & 0x3Fu);
	return (struct needle_char){code, (uint8_t)at, (uint8_t)len, false};
}

/* ---- escapes ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	uint8_t lower = to_lower((uint8_t)c);
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The value of a \uXXXX at pos; -1 when there is none. */
static int read_long(const char *pos, const char *end)
{
	if (end - pos < ESCAPE_LEN || pos[0] != '\\' || pos[1] != 'u')
		return -1;
	int value = 0;
	for (int i = 2; i < ESCAPE_LEN; i++) {
		int digit = hex_digit(pos[i]);
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* The bytes of the escape whose backslash is at pos, and the character it stands for: none (UINT32_MAX) for
 * half a pair, and for what is no escape. */
static size_t read_escape(const char *pos, const char *end, uint32_t *out_code)
{
	*out_code = UINT32_MAX;
	if (end - pos < 2)
		return 1;
	if (pos[1] != 'u') {
		const char *at = pos[1] ? strchr(short_letters, pos[1]) : NULL;
		if (at)
			*out_code = (uint32_t)short_chars[at - short_letters];
		return 2;
	}
	int high = read_long(pos, end);
	if (high < 0)
		return 2;
	if (high < 0xD800 || high > 0xDFFF) {
		*out_code = (uint32_t)high;
		return ESCAPE_LEN;
	}
	int low = high <= 0xDBFF ? read_long(pos + ESCAPE_LEN, end) : -1;
	if (low < 0xDC00 || low > 0xDFFF)
		return ESCAPE_LEN;
	*out_code = FIRST_BEYOND + (((uint32_t)high - 0xD800u) << 10) + ((uint32_t)low - 0xDC00u);
	return UNIT_MAX;
}

/* Behind the escape or byte at pos. */
static inline const char *next_unit(const char *pos, const char *end)
{
	uint32_t code;
	return *pos == '\\' ? pos + read_escape(pos, end, &code) : pos + 1;
}

/* A place at `at` or in front of it that is outside of every escape: one that has no backslash close in front
 * of it, or begin, which is such a place. */
static const char *find_outside(const char *begin, const char *at)
{
	while (at > begin) {
		const char *low = at - begin > ESCAPE_LEN ? at - ESCAPE_LEN : begin;
		const char *slash = memchr(low, '\\', (size_t)(at - low));
		if (!slash)
			return at;
		at = slash;
	}
	return begin;
}

/* ---- opening ---- */

/* How often a byte is met, as a guess: what is not listed is rare. */
static unsigned weight_of(uint8_t byte)
{
	/* Of logs and prose in JSON, the commonest first. */
	static const char order[] = " e\"taoinsru0l\\,c:dhpm1_2fgbywv.k5-346789x{}j/()z[]q'=";
	const char *at = byte ? strchr(order, to_lower(byte)) : NULL;
	if (at)
		return 1000u / (unsigned)(at - order + 1);
	/* A script's characters begin alike, and end as they like. */
	return byte >= 0xC0 ? 60 : byte >= 0x80 ? 15 : 10;
}

/* A piece of the needle as bytes, one way of writing it. */
struct piece {
	uint8_t bytes[NEEDLE_MAX_LEN + UNIT_MAX];
	unsigned weights[NEEDLE_MAX_LEN + UNIT_MAX];
	size_t len;
};

static void piece_add(struct piece *piece, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		piece->bytes[piece->len] = (uint8_t)bytes[i];
		piece->weights[piece->len++] = weight_of((uint8_t)bytes[i]);
	}
}

/* A text that has one such escape often has nothing but them: what tells one from another is their end. */
static void piece_add_unit(struct piece *piece, unsigned unit)
{
	static const unsigned weights[ESCAPE_LEN] = {1000, 1000, 300, 300, 50, 40};
	char escape[ESCAPE_LEN + 1];
	snprintf(escape, sizeof(escape), "\\u%04x", unit & 0xFFFF);
	piece_add(piece, escape, ESCAPE_LEN);
	memcpy(piece->weights + piece->len - ESCAPE_LEN, weights, sizeof(weights));
}

/* False when the character is never written in this form. */
static bool piece_add_char(
	struct piece *piece, const struct needle *needle, const struct needle_char *c, enum form form)
{
	char letter = short_letter(c->code);
	switch (form) {
	case FORM_RAW:
		if (c->code < ' ' || c->code == '"' || c->code == '\\')
			return false;
		piece_add(piece, needle->text + c->at, c->len);
		return true;
	case FORM_SHORT:
		if (letter)
			piece_add(piece, (const char[]){'\\', letter}, 2);
		return letter != '\0';
	default:
		if (c->plain)
			return false;
		if (c->code >= FIRST_BEYOND) {
			piece_add_unit(piece, 0xD800u + ((c->code - FIRST_BEYOND) >> 10));
			piece_add_unit(piece, 0xDC00u + (c->code & 0x3FF));
		} else {
			piece_add_unit(piece, c->code);
		}
		return true;
	}
}

/* The bytes a character takes at least and at most. */
static void len_of_char(const struct needle *needle, const struct needle_char *c, size_t *min, size_t *max)
{
	*min = SIZE_MAX;
	*max = 0;
	for (enum form form = FORM_RAW; form < FORM_COUNT; form++) {
		struct piece piece = {.len = 0};
		if (!piece_add_char(&piece, needle, c, form))
			continue;
		*min = piece.len < *min ? piece.len : *min;
		*max = piece.len > *max ? piece.len : *max;
	}
}

/* Anchors under choice: the parts of a needle that differ, and how many places they may stop at. */
struct choice {
	struct needle_probe probes[NEEDLE_MAX_PROBES];
	size_t first_at[NEEDLE_MAX_PROBES]; /* in the piece */
	size_t count;
	size_t begin; /* the piece's first character */
	unsigned long cost;
};

/* What one more way to look for costs, as a number of places stopped at. */
enum { PROBE_COST = 500 };

static void choice_add(struct choice *choice, const struct piece *piece)
{
	size_t best = 0;
	size_t next = 0;
	for (size_t i = 1; i < piece->len; i++) {
		unsigned weight = piece->weights[i];
		if (weight < piece->weights[best]) {
			next = best;
			best = i;
		} else if (next == best || weight < piece->weights[next]) {
			next = i;
		}
	}
	unsigned long cost = piece->weights[best];
	cost *= next == best ? 1000 : piece->weights[next];
	size_t first = best < next ? best : next;
	size_t second = best < next ? next : best;
	uint8_t a = to_lower(piece->bytes[first]);
	uint8_t b = to_lower(piece->bytes[second]);
	choice->probes[choice->count] =
		(struct needle_probe){a, b, is_lower(a) ? 0x20 : 0, is_lower(b) ? 0x20 : 0, second - first};
	choice->first_at[choice->count++] = first;
	choice->cost += cost + PROBE_COST;
}

/* The anchors of the characters [begin, end), of which one at most, `varied`, is not plain. */
static struct choice choose(const struct needle *needle, size_t begin, size_t end, size_t varied)
{
	struct choice choice = {.begin = begin};
	for (enum form form = FORM_RAW; form < FORM_COUNT; form++) {
		struct piece piece = {.len = 0};
		bool is_written = true;
		for (size_t i = begin; i < end && is_written; i++)
			is_written = piece_add_char(
				&piece, needle, &needle->chars[i], i == varied ? form : FORM_RAW);
		if (is_written)
			choice_add(&choice, &piece);
		if (varied >= end)
			break;
	}
	return choice;
}

static size_t plain_from(const struct needle *needle, size_t begin)
{
	while (begin < needle->char_count && needle->chars[begin].plain)
		begin++;
	return begin;
}

/* The best anchors: of each run of plain characters, and of each other character with the runs beside it. */
static struct choice choose_best(const struct needle *needle)
{
	struct choice best = {.cost = ULONG_MAX};
	size_t run = 0; /* where the plain characters in front of i begin */
	for (size_t i = plain_from(needle, 0);; i = plain_from(needle, run)) {
		struct choice choice;
		if (i > run) {
			choice = choose(needle, run, i, SIZE_MAX);
			best = choice.cost < best.cost ? choice : best;
		}
		if (i == needle->char_count)
			return best;
		choice = choose(needle, run, plain_from(needle, i + 1), i);
		best = choice.cost < best.cost ? choice : best;
		run = i + 1;
	}
}

static void set_anchors(struct needle *needle, const struct choice *choice)
{
	size_t lead_min = 0;
	size_t lead_max = 0;
	for (size_t i = 0; i < choice->begin; i++) {
		size_t min;
		size_t max;
		len_of_char(needle, &needle->chars[i], &min, &max);
		lead_min += min;
		lead_max += max;
	}
	size_t first_min = SIZE_MAX;
	size_t first_max = 0;
	for (size_t i = 0; i < choice->count; i++) {
		size_t at = choice->first_at[i];
		needle->probes[i] = choice->probes[i];
		first_min = at < first_min ? at : first_min;
		first_max = at > first_max ? at : first_max;
		if (choice->probes[i].gap > needle->gap_max)
			needle->gap_max = choice->probes[i].gap;
		if (i == 0 || choice->probes[i].gap < needle->gap_min)
			needle->gap_min = choice->probes[i].gap;
	}
	needle->probe_count = choice->count;
	needle->lead_min = lead_min + first_min;
	needle->lead_max = lead_max + first_max;
}

burr_status needle_open(struct needle *needle, struct slice query, burr_error *err)
{
	if (!query.len || query.len > NEEDLE_MAX_LEN)
		return burr_fail(err, BURR_EINVAL, "a text to search for has 1 to %d bytes, not %zu",
			NEEDLE_MAX_LEN, query.len);
	if (!utf8_valid(query))
		return burr_fail(err, BURR_EINVAL, "the text to search for is not UTF-8");
	memset(needle, 0, sizeof(*needle));
	memcpy(needle->text, query.data, query.len);
	for (size_t at = 0; at < query.len; at += needle->chars[needle->char_count++].len)
		needle->chars[needle->char_count] = read_char(needle->text, at);
	struct choice choice = choose_best(needle);
	set_anchors(needle, &choice);
	return BURR_OK;
}

/* ---- the first pass ---- */

static inline bool stands_at(const struct needle_probe *probe, const char *pos)
{
	return ((uint8_t)pos[0] | probe->first_case) == probe->first &&
	       ((uint8_t)pos[probe->gap] | probe->second_case) == probe->second;
}

/* The first place from pos on where a probe's anchors stand; NULL when there is none. */
static const char *find_anchor_scalar(const struct needle *needle, const char *pos, const char *end)
{
	for (; pos < end && (size_t)(end - pos) > needle->gap_min; pos++)
		for (size_t i = 0; i < needle->probe_count; i++)
			if (needle->probes[i].gap < (size_t)(end - pos) && stands_at(&needle->probes[i], pos))
				return pos;
	return NULL;
}

#ifdef NEEDLE_SSE2
/* 0xFF for each of 16 places from pos on where the probe's anchors stand. */
static ALWAYS_INLINE __m128i match_block(const struct needle_probe *probe, const char *pos)
{
	__m128i first = _mm_loadu_si128((const __m128i *)pos);
	__m128i second = _mm_loadu_si128((const __m128i *)(pos + probe->gap));
	first = _mm_or_si128(first, _mm_set1_epi8((char)probe->first_case));
	second = _mm_or_si128(second, _mm_set1_epi8((char)probe->second_case));
	return _mm_and_si128(_mm_cmpeq_epi8(first, _mm_set1_epi8((char)probe->first)),
		_mm_cmpeq_epi8(second, _mm_set1_epi8((char)probe->second)));
}

static ALWAYS_INLINE __m128i match_any(const struct needle_probe *probes, size_t count, const char *pos)
{
	__m128i found = match_block(&probes[0], pos);
	for (size_t i = 1; i < count; i++)
		found = _mm_or_si128(found, match_block(&probes[i], pos));
	return found;
}

/* count is the needle's; given as a constant it leaves no loop over the probes. begin: where the haystack
 * begins; bytes from there on may be looked at again. */
static ALWAYS_INLINE const char *find_anchor_in_blocks(
	const struct needle *needle, size_t count, const char *begin, const char *pos, const char *end)
{
	struct needle_probe probes[NEEDLE_MAX_PROBES];
	memcpy(probes, needle->probes, sizeof(probes));
	size_t reach = needle->gap_max + 16;
	for (; (size_t)(end - pos) >= reach; pos += 16) {
		unsigned found = (unsigned)_mm_movemask_epi8(match_any(probes, count, pos));
		if (found)
			return pos + __builtin_ctz(found);
		/* Four at once while there is nothing, and the loop above finds the place. */
		while ((size_t)(end - pos) >= reach + 64) {
			__m128i low = _mm_or_si128(
				match_any(probes, count, pos + 16), match_any(probes, count, pos + 32));
			__m128i high = _mm_or_si128(
				match_any(probes, count, pos + 48), match_any(probes, count, pos + 64));
			if (_mm_movemask_epi8(_mm_or_si128(low, high)))
				break;
			pos += 64;
		}
	}
	size_t left = (size_t)(end - pos);
	if ((size_t)(end - begin) >= reach && left > needle->gap_max) {
		const char *block = end - reach;
		unsigned found = (unsigned)_mm_movemask_epi8(match_any(probes, count, block));
		found &= ~0u << (pos - block);
		if (found)
			return block + __builtin_ctz(found);
		pos = end - needle->gap_max;
	}
	return find_anchor_scalar(needle, pos, end);
}

static const char *find_anchor(
	const struct needle *needle, const char *begin, const char *pos, const char *end)
{
	switch (needle->probe_count) {
	case 1:
		return find_anchor_in_blocks(needle, 1, begin, pos, end);
	case 2:
		return find_anchor_in_blocks(needle, 2, begin, pos, end);
	default:
		return find_anchor_in_blocks(needle, NEEDLE_MAX_PROBES, begin, pos, end);
	}
}
#else
static const char *find_anchor(
	const struct needle *needle, const char *begin, const char *pos, const char *end)
{
	(void)begin;
	return find_anchor_scalar(needle, pos, end);
}
#endif

/* ---- the second pass ---- */

/* Behind the character c when it stands at pos, in whatever form; else NULL. */
static inline const char *match_char(
	const struct needle *needle, const struct needle_char *c, const char *pos, const char *end)
{
	if (pos == end)
		return NULL;
	if (*pos == '\\') {
		uint32_t code;
		size_t len = c->plain ? 0 : read_escape(pos, end, &code);
		return len && code == c->code ? pos + len : NULL;
	}
	if (c->code < 0x80)
		return c->code >= ' ' && c->code != '"' && to_lower((uint8_t)*pos) == c->code ? pos + 1
											      : NULL;
	if ((size_t)(end - pos) < c->len || memcmp(pos, needle->text + c->at, c->len) != 0)
		return NULL;
	return pos + c->len;
}

/* Behind the needle when it stands at pos; else NULL. */
static const char *match_at(const struct needle *needle, const char *pos, const char *end)
{
	for (size_t i = 0; i < needle->char_count && pos; i++)
		pos = match_char(needle, &needle->chars[i], pos, end);
	return pos;
}

static ALWAYS_INLINE bool find(const struct needle *needle, struct slice haystack, size_t from,
	size_t *out_at, size_t *out_len, bool simd)
{
	if (from >= haystack.len || haystack.len - from <= needle->lead_min)
		return false;
	const char *end = haystack.data + haystack.len;
	const char *outside = haystack.data + from; /* no escape reaches over this place */
	const char *untried = outside;              /* no hit begins before */
	const char *anchor = outside + needle->lead_min;
	while ((anchor = simd ? find_anchor(needle, haystack.data, anchor, end)
			      : find_anchor_scalar(needle, anchor, end))) {
		const char *last = anchor - needle->lead_min;
		/* Where there is one place only, most are turned down before anything else is asked. */
		if (needle->lead_min == needle->lead_max && !match_at(needle, last, end)) {
			anchor++;
			continue;
		}
		if ((size_t)(anchor - untried) > needle->lead_max)
			untried = anchor - needle->lead_max;
		for (outside = find_outside(outside, untried); outside <= last;
			outside = next_unit(outside, end)) {
			const char *stop = outside < untried ? NULL : match_at(needle, outside, end);
			if (!stop)
				continue;
			*out_at = (size_t)(outside - haystack.data);
			*out_len = (size_t)(stop - outside);
			return true;
		}
		untried = last + 1;
		anchor++;
	}
	return false;
}

bool needle_find(
	const struct needle *needle, struct slice haystack, size_t from, size_t *out_at, size_t *out_len)
{
	return find(needle, haystack, from, out_at, out_len, true);
}

bool needle_find_scalar(
	const struct needle *needle, struct slice haystack, size_t from, size_t *out_at, size_t *out_len)
{
	return find(needle, haystack, from, out_at, out_len, false);
}

/* ---- context ---- */

static inline bool is_inside_char(char c)
{
	return ((uint8_t)c & 0xC0) == 0x80;
}

/* The last max_bytes of text, or less, by whole characters. */
static struct slice tail_of(struct slice text, size_t max_bytes)
{
	size_t cut = text.len > max_bytes ? text.len - max_bytes : 0;
	while (cut && cut < text.len && is_inside_char(text.data[cut]))
		cut++;
	return (struct slice){text.data + cut, text.len - cut};
}

static struct slice head_of(struct slice text, size_t max_bytes)
{
	size_t len = text.len;
	if (len > max_bytes)
		for (len = max_bytes; len && is_inside_char(text.data[len]);)
			len--;
	return (struct slice){text.data, len};
}

/* What [begin, end) says, in plain. Of a damaged text it is what can be read. */
static struct slice say(struct buf *plain, const char *begin, const char *end)
{
	plain->len = 0;
	(void)json_unescape((struct slice){begin, (size_t)(end - begin)}, plain);
	return buf_slice(plain);
}

void needle_put_context(struct buf *out, struct slice haystack_value, size_t at, size_t len, size_t around)
{
	const char *begin = haystack_value.data;
	const char *end = begin + haystack_value.len;
	const char *hit = begin + at;
	const char *stop = hit + len;
	struct buf plain = BUF_INIT;
	if (*begin == '"' && end - begin > 1 && end[-1] == '"' && hit > begin && stop < end) {
		begin++;
		end--;
	}
	/* An escape says at least a sixth of its bytes. What is read beyond `around`, and with it an escape
	 * that is cut in two here, is cut off as text. */
	size_t reach = haystack_value.len;
	if (around < reach / ESCAPE_LEN)
		reach = around * ESCAPE_LEN + UNIT_MAX;
	const char *low = (size_t)(hit - begin) > reach ? find_outside(begin, hit - reach) : begin;
	const char *high = (size_t)(end - stop) > reach ? stop + reach : end;
	json_put_open(out, '{');
	json_put_member(out, "before", tail_of(say(&plain, low, hit), around));
	json_put_member(out, "hit", say(&plain, hit, stop));
	json_put_member(out, "after", head_of(say(&plain, stop, high), around));
	json_put_close(out, '}');
	if (plain.failed)
		out->failed = true;
	buf_fini(&plain);
}
