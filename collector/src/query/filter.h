/* query/filter.h: which runs of a list are wanted: one small language for GET /api/v1/projects/{project}/runs
 * and `burr ls --filter`.
 *
 *     filter = { term }                      white space between terms; all must hold
 *     term   = [ "-" ] ( text | key ":" value { "," value } )      "-" negates the whole term
 *     text   = a word or "quoted text": in the app id, the partition key, an action's name or the error,
 *              whatever the case of ASCII letters
 *
 *     status:W  is:W                         W one of the words of FILTER_STATUS_LIST, FILTER_IS_LIST
 *     action:T  partition:T  app:T           the whole text, case counts; action: any that the run took
 *     parent:T                               the app id it was forked from or spawned by
 *     error:T                                the last error contains T, whatever the case
 *     steps:N  tokens:N                      N, >N, >=N, <N, <=N or N..M: whole numbers from 0, ends included
 *     duration:N                             likewise, each number with its unit us ms s m h d: 1.5s..2m
 *     after:M  before:M                      the last activity is at M or later; is earlier than M. One M, no
 *                                            list: an age (2h; s m h d w) or a time (2026-11-25,
 *                                            2026-11-25T10:00[:00[.5]] with Z, an offset, or in UTC)
 *     state.PATH:V  input.PATH:V             the value at a dotted path, as json_find_path takes it
 *     attr.KEY:V                             KEY is all up to the colon, dots too
 *
 *     V is   a JSON number, true, false, null    equal to it
 *            >1.5, >=, <, <=, 1..2               a number in that range
 *            nothing, or *                       there is a value, null too
 *            anything else                       a text that is T
 *
 * A list of values means any of them. In T a `*` stands for any bytes, none too. Within double quotes all is
 * text (white space, colon, comma, star, what looks like a number); there \" and \\ are a quote and a
 * backslash. Quotes may stand for a part: action:"my act"*, state."a key".b:1. A `*` is allowed in `text` and
 * after error: too, which search for its pieces in their order.
 *
 * A pure module: bytes in, struct out, no clock, no disk. What a term is about (which column, which record)
 * is for who asks; the functions below decide about one value. A parsed filter never changes and may be read
 * by several threads. */
#ifndef QUERY_FILTER_H
#define QUERY_FILTER_H

#include "base/json.h"

/* A URL's worth of text; as many terms as a question may join; values, which lists have many of. */
enum { FILTER_MAX_LEN = 4096, FILTER_MAX_TERMS = 32, FILTER_MAX_VALUES = 256 };

/* What stands for a wildcard in a value's text: no filter holds a NUL, so it is never meant literally. */
enum { FILTER_STAR = '\0' };

/* name, key; FILTER_FREE is the bare text. */
#define FILTER_KIND_LIST(X)              \
	X(FILTER_FREE, "")               \
	X(FILTER_STATUS, "status")       \
	X(FILTER_IS, "is")               \
	X(FILTER_ACTION, "action")       \
	X(FILTER_PARTITION, "partition") \
	X(FILTER_APP, "app")             \
	X(FILTER_PARENT, "parent")       \
	X(FILTER_ERROR, "error")         \
	X(FILTER_STEPS, "steps")         \
	X(FILTER_DURATION, "duration")   \
	X(FILTER_TOKENS, "tokens")       \
	X(FILTER_AFTER, "after")         \
	X(FILTER_BEFORE, "before")       \
	X(FILTER_STATE, "state")         \
	X(FILTER_INPUT, "input")         \
	X(FILTER_ATTR, "attr")

#define FILTER_STATUS_LIST(X)               \
	X(FILTER_STATUS_RUNNING, "running") \
	X(FILTER_STATUS_LOST, "lost")       \
	X(FILTER_STATUS_UNKNOWN, "unknown") \
	X(FILTER_STATUS_FAILED, "failed")   \
	X(FILTER_STATUS_OK, "ok")           \
	X(FILTER_STATUS_WAITING, "waiting")

#define FILTER_IS_LIST(X)               \
	X(FILTER_IS_ROOT, "root")       \
	X(FILTER_IS_FORKED, "forked")   \
	X(FILTER_IS_SPAWNED, "spawned") \
	X(FILTER_IS_DAMAGED, "damaged")

#define FILTER_ENUM(name, text) name,
enum filter_kind { FILTER_KIND_LIST(FILTER_ENUM) };
enum filter_status { FILTER_STATUS_LIST(FILTER_ENUM) };
enum filter_is { FILTER_IS_LIST(FILTER_ENUM) };
#undef FILTER_ENUM

enum filter_form {
	FILTER_WORD,    /* status, is: word */
	FILTER_PATTERN, /* free text, action, partition, app, parent, error; state, input, attr: text */
	FILTER_RANGE,   /* steps, tokens, duration, after, before: low, high */
	FILTER_NUMBER,  /* state, input, attr: from, to */
	FILTER_LITERAL, /* state, input, attr: text is true, false or null */
	FILTER_EXISTS,  /* state, input, attr */
};

struct filter_value {
	enum filter_form form;
	/* FILTER_PATTERN: unquoted, FILTER_STAR for each wildcard. Other forms: as it was written. */
	struct slice text;
	bool has_wildcard; /* text holds a FILTER_STAR */
	bool from_open;    /* FILTER_NUMBER: from, to themselves are not in the range */
	bool to_open;
	unsigned word; /* enum filter_status or filter_is */
	/* FILTER_RANGE: both ends are in it; INT64_MIN and INT64_MAX where it has none. duration in
	 * microseconds, after and before in microseconds since 1970, UTC. */
	int64_t low;
	int64_t high;
	struct json_number from; /* an infinity where it has no end */
	struct json_number to;
};

struct filter_term {
	enum filter_kind kind;
	bool negated;
	struct slice path; /* state, input: without that word; attr: the key. SLICE_NONE for other kinds */
	const struct filter_value *values; /* any of them */
	size_t value_count;                /* at least 1; just 1 for free text, after, before */
};

struct filter {
	size_t term_count; /* 0: every run */
	struct filter_term terms[FILTER_MAX_TERMS];
	/* values and their texts follow in the same piece of memory */
};

/* Read a filter. *out is yours to free by filter_free and borrows nothing from text. now_us, since 1970, is
 * what ages count back from.
 *
 * Errors: BURR_EINVAL "byte 17: …", from 0, with what was expected there; BURR_ENOMEM. Threads: any. */
burr_status filter_parse(struct slice text, int64_t now_us, struct filter **out, burr_error *err);
void filter_free(struct filter *filter);

/* Append the filter's text with single spaces, with quotes only where they are needed and with ages as times.
 * It parses to the same filter, unless it has become longer than FILTER_MAX_LEN (times and escapes grow). */
void filter_print(const struct filter *filter, struct buf *out);

/* The language in at most 25 lines, for commands and documentation. Static. */
const char *filter_help(void);
/* "status" for FILTER_STATUS, "" for FILTER_FREE. Static; likewise the words. */
const char *filter_key(enum filter_kind kind);
const char *filter_status_word(enum filter_status status);
const char *filter_is_word(enum filter_is is);

/* Does one value hold? None of these allocates but filter_json_matches, for a text with escapes: without
 * memory it gives false. What is absent (SLICE_NONE) never matches. Time is at most the product of both
 * lengths.
 *
 * filter_text_matches     FILTER_PATTERN: all of text, case counts
 * filter_contains         text anywhere in haystack, whatever the case of ASCII letters; needle is a value's
 *                         text, so that a FILTER_STAR stands for any bytes
 * filter_number_matches   FILTER_RANGE
 * filter_json_matches     the values of state, input and attr; json is one valid JSON value. A
 *                         FILTER_PATTERN is compared with strings only: "5" is not the number 5, and no
 *                         list is searched */
bool filter_text_matches(const struct filter_value *value, struct slice text);
bool filter_contains(struct slice haystack, struct slice needle);
bool filter_number_matches(const struct filter_value *value, int64_t number);
bool filter_json_matches(const struct filter_value *value, struct slice json);

#endif
