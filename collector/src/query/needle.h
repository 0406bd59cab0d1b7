/* query/needle.h: plain text searched in raw JSON, at the speed of memory.
 *
 * What is compared are characters, as the text says them, not as it is written: `é` is found as itself and as
 * \u00e9 or \u00E9, `😀` also as \ud83d\ude00, a quote as \" or \u0022, a line feed as \n or \u000a, each
 * character of a needle in either form. ASCII letters are found in either case, others as they are. A hit
 * begins and ends at whole characters, never inside an escape: "n" is not in `\n`, "u00" not in `\u00e9`.
 *
 *   - A letter or digit of ASCII, a space, or one of !#$%()*,-.:;?@[]^_{|}~ is found as itself only, because
 *     no JSON writer escapes it. All others may be escaped, also < > & ' + = `, as some do for HTML's sake.
 *   - The quotes around JSON's strings and the line feeds between its tokens are no text: a quote is found
 *     where a string has one. Other syntax may be hit; who does not want that passes single strings.
 *   - Half a surrogate pair is no character, and is never found.
 *
 * A first pass looks for two anchors, the rarest two bytes that have a fixed distance, 16 places at a time.
 * They are in a run of characters that are found as themselves only, where it has rare ones. Else, and always
 * where a needle has no such run, a character that may be escaped is taken with the runs beside it: each way
 * to write it (at most three: `/`, `\/`, \u002f) has anchors of its own, and all are looked for at once. Only
 * around anchors is anything compared by characters.
 *
 * Cost: each place is compared with the needle at most once, from hit to hit too. Pure functions, no
 * allocation, any thread; an opened needle never changes and holds nothing to be closed. */
#ifndef QUERY_NEEDLE_H
#define QUERY_NEEDLE_H

#include "base/buf.h"

/* Bytes of UTF-8: what a person types or pastes into a search field. */
enum { NEEDLE_MAX_LEN = 256, NEEDLE_MAX_PROBES = 3 };

struct needle_char {
	uint32_t code; /* A..Z as a..z */
	uint8_t at;    /* its bytes in text */
	uint8_t len;
	bool plain; /* found as itself only */
};

/* One way to write a part of the needle: its two anchors. */
struct needle_probe {
	uint8_t first; /* letters in lower case */
	uint8_t second;
	uint8_t first_case; /* 0x20 for a letter, which is set in a byte before it is compared; else 0 */
	uint8_t second_case;
	size_t gap; /* from first to second; 0 when there is but one byte */
};

struct needle {
	char text[NEEDLE_MAX_LEN]; /* copied */
	struct needle_char chars[NEEDLE_MAX_LEN];
	size_t char_count;
	struct needle_probe probes[NEEDLE_MAX_PROBES];
	size_t probe_count;
	size_t gap_min; /* of the probes */
	size_t gap_max;
	size_t lead_min; /* from a hit's begin to its first anchor */
	size_t lead_max;
};

/* Errors: BURR_EINVAL when query is empty, longer than NEEDLE_MAX_LEN or not UTF-8. */
burr_status needle_open(struct needle *needle, struct slice query, burr_error *err) BURR_MUST_CHECK;

/* The first hit that begins at `from` or behind: its place and length in haystack, in raw bytes.
 *
 * haystack  JSON text or a piece of it that begins outside of an escape. In a damaged one some hits may be
 *           missed; it is read within its bounds
 * from      0, or where a hit ended; anywhere outside of an escape will do */
bool needle_find(
	const struct needle *needle, struct slice haystack, size_t from, size_t *out_at, size_t *out_len);
/* The same without the machine's vector instructions, for the test that holds the two equal. */
bool needle_find_scalar(
	const struct needle *needle, struct slice haystack, size_t from, size_t *out_at, size_t *out_len);

/* Append {"before":"…","hit":"…","after":"…"}: what stands in front of a hit, the hit, and what follows, as
 * plain text without the value's escapes. Before and after are whole characters, `around` bytes of UTF-8 at
 * most each. Of a value that is a string the quotes are left out; in an object or array the text goes on over
 * the ends of strings, with the syntax between them. Without memory out->failed is set.
 *
 * haystack_value  the whole JSON value that the hit is in
 * at, len         from needle_find, relative to haystack_value */
void needle_put_context(struct buf *out, struct slice haystack_value, size_t at, size_t len, size_t around);

#endif
