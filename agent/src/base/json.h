/* base/json.h: reading JSON without a tree, writing it without a mistake.
 *
 * Values stay what they are in the store: text. A reader gets slices of that text (numbers to the last digit,
 * keys in their order), never a converted copy; a writer appends to a buf, and the commas are put by looking
 * at the last byte written, so there is no writer object to keep in step.
 *
 * Reading has two depths. json_validate checks all of a text (grammar of RFC 8259, UTF-8 without surrogates
 * or overlong forms, at most JSON_MAX_DEPTH levels); bytes from outside go through it once, where they enter.
 * The iterators afterwards skip over values quickly; on text that was not validated they stop rather than
 * overrun. Pure functions, no allocation, any thread. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

enum { JSON_MAX_DEPTH = 128 };

enum json_kind {
	JSON_INVALID,
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

/* ---- reading ---- */

/* BURR_OK when text, white space around it allowed, is exactly one JSON value; else BURR_EINVAL with "byte
 * 17: …". *out_value (may be NULL) is the value without the white space around it. */
burr_status json_validate(struct slice text, struct slice *out_value, burr_error *err);

/* The same, and whether a line break stands between two of the value's tokens: a line of a log has none. */
struct json_checked {
	struct slice value;
	bool has_breaks;
};
burr_status json_check(struct slice text, struct json_checked *out, burr_error *err);
/* The same again without the machine's vector instructions, for the test that holds the two equal. */
burr_status json_check_scalar(struct slice text, struct json_checked *out, burr_error *err);

/* What the value is, by its first byte. */
enum json_kind json_kind_of(struct slice value);

/* Walk the members of an object, or the elements of an array:
 *     struct json_iter it = json_iter(object);
 *     while (json_next_member(&it, &key, &value)) …
 * key is the text between the quotes, escapes untouched. A walk that ends on damage leaves it.damaged true.
 */
struct json_iter {
	const char *pos;
	const char *end;
	bool started;
	bool damaged;
};
struct json_iter json_iter(struct slice container);
bool json_next_member(struct json_iter *it, struct slice *out_key, struct slice *out_value);
bool json_next_element(struct json_iter *it, struct slice *out_value);

/* The value of a key of an object (the last of several, as parsers do), SLICE_NONE when there is none. The
 * key is compared unescaped. */
struct slice json_find(struct slice object, const char *key);
struct slice json_find_slice(struct slice object, struct slice key);
/* The value at a dotted path, "user.name.0": a key of an object, or an index of an array. */
struct slice json_find_path(struct slice value, struct slice path);

/* Whole JSON value → C. False, *out untouched, when the value is of another kind or out of range. */
bool json_to_int(struct slice value, int64_t *out);
bool json_to_double(struct slice value, double *out);
/* A number to be put in order: an integer of 64 bits keeps its last digit, all else is a double, and what is
 * beyond a double counts as infinite. json_number_order gives -1, 0 or 1. */
struct json_number {
	bool is_integer;
	int64_t integer;
	double fraction; /* when it is no integer */
};
struct json_number json_number_of(struct slice value);
int json_number_order(struct json_number a, struct json_number b);
/* Append the unescaped text of a string value (quotes included in `value`) to out. */
bool json_to_text(struct slice value, struct buf *out);
/* The same for the bare text between the quotes, as the iterators give keys. */
bool json_unescape(struct slice escaped, struct buf *out);
/* Whether a string value (or the escaped text of a key) says exactly `text`. */
bool json_text_is(struct slice string_value, struct slice text);
bool json_key_is(struct slice escaped_key, struct slice text);

/* Whether text is valid UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(struct slice text);

/* ---- writing ---- */

void json_put_open(struct buf *out, char bracket);  /* '{' or '[' */
void json_put_close(struct buf *out, char bracket); /* '}' or ']' */
void json_put_key(struct buf *out, struct slice key);
void json_put_text(
	struct buf *out, struct slice text); /* invalid UTF-8 becomes U+FFFD; absent becomes null */
void json_put_int(struct buf *out, int64_t value);
void json_put_uint(struct buf *out, uint64_t value);
void json_put_double(
	struct buf *out, double value); /* shortest text that reads back; NaN and infinities: null */
void json_put_bool(struct buf *out, bool value);
void json_put_null(struct buf *out);
void json_put_raw(
	struct buf *out, struct slice json); /* trusted JSON text as it stands; absent becomes null */

/* Member shorthands, key a plain C string that needs no escape. */
void json_put_member(struct buf *out, const char *key, struct slice text);
void json_put_member_raw(struct buf *out, const char *key, struct slice json);
void json_put_member_int(struct buf *out, const char *key, int64_t value);
void json_put_member_bool(struct buf *out, const char *key, bool value);

/* Append the escaped form of text, without quotes. */
void json_escape(struct buf *out, struct slice text);

#endif
