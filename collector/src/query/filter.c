/* Reading a filter: one pass over the bytes, no tokens kept. The filter, its values and their texts are one
 * piece of memory: no text grows when its quotes go, and each comma brings one value more at most. */
#include "query/filter.h"

#include "base/error.h"
#include "query/amount.h"

#include <math.h>
#include <stdlib.h>

struct reader {
	const char *start;
	const char *pos;
	const char *end;
	int64_t now_us;
	struct filter *out;
	struct filter_value *values; /* behind out; value_count of them are taken */
	size_t value_count;
	char *pool; /* the next free byte for texts */
	burr_error *err;
	burr_status status;
};

/* A text as it was written, and unquoted: FILTER_STAR for each star outside quotes. */
struct word {
	const char *at;
	struct slice raw;
	struct slice text;
	bool quoted; /* a part of it, or all */
	bool has_wildcard;
};

typedef void read_value_fn(struct reader *r, const struct word *word, struct filter_value *value);

/* False, so that a failure is one line; the first one stays. */
static bool BURR_PRINTF(3, 4) wrong_at(struct reader *r, const char *pos, const char *fmt, ...)
{
	if (r->status != BURR_OK)
		return false;
	va_list args;
	va_start(args, fmt);
	burr_vfail(r->err, BURR_EINVAL, fmt, args);
	va_end(args);
	r->status = burr_fail_in(r->err, BURR_EINVAL, "byte %zu", (size_t)(pos - r->start));
	return false;
}

#define FILTER_STRING(name, text) text,
static const char *const keys[] = {FILTER_KIND_LIST(FILTER_STRING) NULL};
static const char *const status_words[] = {FILTER_STATUS_LIST(FILTER_STRING) NULL};
static const char *const is_words[] = {FILTER_IS_LIST(FILTER_STRING) NULL};
#undef FILTER_STRING

const char *filter_key(enum filter_kind kind)
{
	return keys[kind];
}

const char *filter_status_word(enum filter_status status)
{
	return status_words[status];
}

const char *filter_is_word(enum filter_is is)
{
	return is_words[is];
}

/* ---- bytes ---- */

/* The beginning of what is quoted in a message: whole characters, at most 40 bytes. */
static struct slice shown(struct slice raw)
{
	if (raw.len > 40)
		raw.len = 40;
	while (raw.len && !utf8_valid(raw))
		raw.len--;
	return raw;
}

/* Nothing, or a failure that quotes the word. */
static void expect(struct reader *r, const struct word *word, const char *expected)
{
	if (expected)
		wrong_at(r, word->at, "expected %s, not \"%.*s\"", expected, SLICE_ARG(shown(word->raw)));
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_spaces(struct reader *r)
{
	while (r->pos < r->end && is_space(*r->pos))
		r->pos++;
}

/* What is between the quotes goes to the pool; pos is at the opening one. */
static void take_quoted(struct reader *r)
{
	const char *open = r->pos++;
	while (r->pos < r->end && *r->pos != '"') {
		if (*r->pos == '\\') {
			if (r->pos + 1 < r->end && r->pos[1] != '"' && r->pos[1] != '\\') {
				wrong_at(r, r->pos, "unknown escape within quotes (there are \\\" and \\\\)");
				return;
			}
			r->pos++;
		}
		if (r->pos < r->end)
			*r->pool++ = *r->pos++;
	}
	if (r->pos == r->end)
		wrong_at(r, open, "a quote without its closing quote");
	else
		r->pos++;
}

static void take_star(struct reader *r, struct word *word)
{
	if (r->pool == word->text.data || r->pool[-1] != FILTER_STAR) /* two in a row say what one says */
		*r->pool++ = FILTER_STAR;
	word->has_wildcard = true;
	r->pos++;
}

/* All up to white space, the end, or `stop` outside quotes. */
static struct word take_word(struct reader *r, char stop)
{
	struct word word = {.at = r->pos, .text = {r->pool, 0}};
	while (r->pos < r->end && !is_space(*r->pos) && *r->pos != stop && r->status == BURR_OK) {
		if (*r->pos == '"') {
			word.quoted = true;
			take_quoted(r);
		} else if (*r->pos == '*') {
			take_star(r, &word);
		} else {
			*r->pool++ = *r->pos++;
		}
	}
	word.raw = (struct slice){word.at, (size_t)(r->pos - word.at)};
	word.text.len = (size_t)(r->pool - word.text.data);
	return word;
}

/* ---- numbers and times ---- */

static void read_count(struct reader *r, const struct word *word, struct filter_value *value)
{
	value->form = FILTER_RANGE;
	expect(r, word, amount_read_counts(word->text, &value->low, &value->high));
}

static void read_duration(struct reader *r, const struct word *word, struct filter_value *value)
{
	value->form = FILTER_RANGE;
	expect(r, word, amount_read_durations(word->text, &value->low, &value->high));
}

static void read_after(struct reader *r, const struct word *word, struct filter_value *value)
{
	value->form = FILTER_RANGE;
	value->high = INT64_MAX;
	expect(r, word, amount_read_moment(word->text, r->now_us, &value->low));
}

static void read_before(struct reader *r, const struct word *word, struct filter_value *value)
{
	int64_t moment = 0;
	value->form = FILTER_RANGE;
	value->low = INT64_MIN;
	expect(r, word, amount_read_moment(word->text, r->now_us, &moment));
	value->high = moment - 1;
}

/* ---- words and texts ---- */

static void read_one_of(
	struct reader *r, const struct word *word, const char *const *names, struct filter_value *value)
{
	value->form = FILTER_WORD;
	for (value->word = 0; names[value->word]; value->word++)
		if (slice_is(word->text, names[value->word]))
			return;
	struct buf list = BUF_INIT;
	for (size_t i = 0; names[i]; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
	wrong_at(r, word->at, "expected %.*s, not \"%.*s\"", SLICE_ARG(buf_slice(&list)),
		SLICE_ARG(shown(word->raw)));
	buf_fini(&list);
}

static void read_status(struct reader *r, const struct word *word, struct filter_value *value)
{
	read_one_of(r, word, status_words, value);
}

static void read_is(struct reader *r, const struct word *word, struct filter_value *value)
{
	read_one_of(r, word, is_words, value);
}

static void read_text(struct reader *r, const struct word *word, struct filter_value *value)
{
	(void)r;
	(void)word;
	value->form = FILTER_PATTERN;
}

/* What is searched for: nothing would be found everywhere. */
static void read_needle(struct reader *r, const struct word *word, struct filter_value *value)
{
	value->form = FILTER_PATTERN;
	if (!word->text.len)
		wrong_at(r, word->at, "expected a text to look for between the quotes");
}

/* ---- JSON values ---- */

static bool is_number(struct slice text)
{
	return text.len && json_kind_of(text) == JSON_NUMBER && json_validate(text, NULL, NULL) == BURR_OK;
}

static const struct json_number no_low_end = {false, 0, -HUGE_VAL};
static const struct json_number no_high_end = {false, 0, HUGE_VAL};

/* >1.5, >=, <, <=; false when it is none. */
static bool read_compared(struct reader *r, const struct word *word, struct filter_value *value)
{
	struct slice text = word->text;
	if (!slice_starts(text, ">") && !slice_starts(text, "<"))
		return false;
	size_t sign_len = text.len > 1 && text.data[1] == '=' ? 2 : 1;
	struct slice number = {text.data + sign_len, text.len - sign_len};
	value->form = FILTER_NUMBER;
	if (!is_number(number))
		return wrong_at(r, word->at + sign_len,
			"expected a number behind %.*s; a text that begins so needs quotes", (int)sign_len,
			text.data);
	bool is_low = text.data[0] == '>';
	value->from = is_low ? json_number_of(number) : no_low_end;
	value->to = is_low ? no_high_end : json_number_of(number);
	value->from_open = is_low && sign_len == 1;
	value->to_open = !is_low && sign_len == 1;
	return true;
}

/* 7, or 1..2; else it stays a text. */
static void read_between(struct reader *r, const struct word *word, struct filter_value *value)
{
	const char *dots = word->text.len ? memmem(word->text.data, word->text.len, "..", 2) : NULL;
	struct slice low = word->text;
	struct slice high = word->text;
	if (dots) {
		low.len = (size_t)(dots - low.data);
		high = (struct slice){dots + 2, word->text.len - low.len - 2};
	}
	if (!is_number(low) || !is_number(high))
		return;
	value->form = FILTER_NUMBER;
	value->from = json_number_of(low);
	value->to = json_number_of(high);
	if (json_number_order(value->from, value->to) > 0)
		expect(r, word, "the larger end of the range last");
}

static void read_json(struct reader *r, const struct word *word, struct filter_value *value)
{
	struct slice text = word->text;
	value->form = FILTER_PATTERN;
	if (word->quoted)
		return;
	if (!text.len || (text.len == 1 && word->has_wildcard))
		value->form = FILTER_EXISTS;
	else if (slice_is(text, "true") || slice_is(text, "false") || slice_is(text, "null"))
		value->form = FILTER_LITERAL;
	else if (!read_compared(r, word, value) && r->status == BURR_OK)
		read_between(r, word, value);
}

/* ---- terms ---- */

static const struct {
	read_value_fn *read_value;
	char stop;         /* what ends a value, apart from white space; 0 where there is no list */
	bool has_path;     /* behind the key and a dot */
	bool may_be_empty; /* a single value with nothing written */
} kinds[] = {
	[FILTER_FREE] = {read_needle, ':', false, false},
	[FILTER_STATUS] = {read_status, ',', false, false},
	[FILTER_IS] = {read_is, ',', false, false},
	[FILTER_ACTION] = {read_text, ',', false, false},
	[FILTER_PARTITION] = {read_text, ',', false, false},
	[FILTER_APP] = {read_text, ',', false, false},
	[FILTER_PARENT] = {read_text, ',', false, false},
	[FILTER_ERROR] = {read_needle, ',', false, false},
	[FILTER_STEPS] = {read_count, ',', false, false},
	[FILTER_DURATION] = {read_duration, ',', false, false},
	[FILTER_TOKENS] = {read_count, ',', false, false},
	[FILTER_AFTER] = {read_after, 0, false, false},
	[FILTER_BEFORE] = {read_before, 0, false, false},
	[FILTER_STATE] = {read_json, ',', true, true},
	[FILTER_INPUT] = {read_json, ',', true, true},
	[FILTER_ATTR] = {read_json, ',', true, true},
};
enum { KIND_COUNT = sizeof(kinds) / sizeof(*kinds) };

static bool add_value(struct reader *r, struct filter_term *term, const struct word *word)
{
	if (r->status != BURR_OK)
		return false;
	if (r->value_count == FILTER_MAX_VALUES)
		return wrong_at(r, word->at, "more than %d values", FILTER_MAX_VALUES);
	struct filter_value *value = &r->values[r->value_count++];
	*value = (struct filter_value){.text = word->text, .has_wildcard = word->has_wildcard};
	kinds[term->kind].read_value(r, word, value);
	term->value_count++;
	return r->status == BURR_OK;
}

static bool read_values(struct reader *r, struct filter_term *term)
{
	bool more = true;
	term->values = &r->values[r->value_count];
	while (more) {
		struct word word = take_word(r, kinds[term->kind].stop);
		more = r->pos < r->end && *r->pos == ',' && kinds[term->kind].stop == ',';
		bool lone = !more && !term->value_count;
		if (!word.raw.len && !(lone && kinds[term->kind].may_be_empty))
			return wrong_at(r, word.at, "expected a value%s",
				term->value_count ? " behind the comma"
				: more            ? " in front of the comma"
						  : "");
		if (!add_value(r, term, &word))
			return false;
		if (more)
			r->pos++;
	}
	return true;
}

static bool read_free(struct reader *r, struct filter_term *term)
{
	term->values = &r->values[r->value_count];
	struct word word = take_word(r, kinds[FILTER_FREE].stop);
	if (r->pos < r->end && *r->pos == ':')
		return wrong_at(r, r->pos, "expected white space behind a quoted text; a colon goes within");
	return add_value(r, term, &word);
}

/* The colon behind a key, NULL for a term that is free text. */
static const char *find_colon(const struct reader *r)
{
	bool quoted = false;
	if (r->pos < r->end && *r->pos == '"')
		return NULL;
	for (const char *pos = r->pos; pos < r->end && (quoted || !is_space(*pos)); pos++) {
		if (*pos == ':' && !quoted)
			return pos;
		if (*pos == '"')
			quoted = !quoted;
		if (*pos == '\\' && quoted)
			pos++;
	}
	return NULL;
}

static bool unknown_key(struct reader *r, struct slice key)
{
	struct buf list = BUF_INIT;
	for (size_t i = FILTER_FREE + 1; i < KIND_COUNT; i++)
		buf_printf(&list, "%s%s%s", list.len ? ", " : "", keys[i], kinds[i].has_path ? ".PATH" : "");
	wrong_at(r, key.data, "expected a key, one of %.*s, not \"%.*s\"; a text with a colon needs quotes",
		SLICE_ARG(buf_slice(&list)), SLICE_ARG(shown(key)));
	buf_fini(&list);
	return false;
}

static bool find_kind(struct slice key, enum filter_kind *out)
{
	const char *dot = key.len ? memchr(key.data, '.', key.len) : NULL;
	struct slice head = {key.data, dot ? (size_t)(dot - key.data) : key.len};
	for (size_t i = FILTER_FREE + 1; i < KIND_COUNT; i++)
		if (slice_is(kinds[i].has_path ? head : key, keys[i])) {
			*out = (enum filter_kind)i;
			return true;
		}
	return false;
}

static bool has_empty_part(struct slice path)
{
	return path.data[0] == '.' || path.data[path.len - 1] == '.' || memmem(path.data, path.len, "..", 2);
}

/* pos is behind "state", "input" or "attr". */
static bool read_path(struct reader *r, struct filter_term *term)
{
	const char *key = keys[term->kind];
	const char *part = term->kind == FILTER_ATTR ? "key" : "path";
	if (*r->pos != '.')
		return wrong_at(r, r->pos, "expected a dot and a %s, as in %s.some.name:VALUE", part, key);
	r->pos++;
	struct word word = take_word(r, ':');
	term->path = word.text;
	if (r->status != BURR_OK)
		return false;
	if (!word.text.len)
		return wrong_at(r, word.at, "expected a %s, as in %s.some.name:VALUE", part, key);
	if (word.has_wildcard)
		return wrong_at(
			r, word.at, "expected a %s without wildcards; a * that is meant needs quotes", part);
	if (term->kind != FILTER_ATTR && has_empty_part(word.text))
		return wrong_at(r, word.at, "expected a name or an index on both sides of each dot");
	return true;
}

static bool read_keyed(struct reader *r, struct filter_term *term, const char *colon)
{
	struct slice key = {r->pos, (size_t)(colon - r->pos)};
	if (!find_kind(key, &term->kind))
		return unknown_key(r, key);
	r->pos += strlen(keys[term->kind]);
	if (kinds[term->kind].has_path && !read_path(r, term))
		return false;
	r->pos = colon + 1;
	return read_values(r, term);
}

static bool read_term(struct reader *r)
{
	if (r->out->term_count == FILTER_MAX_TERMS)
		return wrong_at(r, r->pos, "more than %d terms", FILTER_MAX_TERMS);
	struct filter_term *term = &r->out->terms[r->out->term_count++];
	*term = (struct filter_term){.kind = FILTER_FREE, .negated = *r->pos == '-'};
	if (term->negated) {
		r->pos++;
		if (r->pos == r->end || is_space(*r->pos) || *r->pos == '-')
			return wrong_at(r, r->pos,
				"expected a term behind the -; a text that begins so needs quotes");
	}
	const char *colon = find_colon(r);
	return colon ? read_keyed(r, term, colon) : read_free(r, term);
}

/* ---- the whole ---- */

/* The first byte that belongs to no character. */
static const char *find_bad_utf8(struct slice text)
{
	const char *end = text.data + text.len;
	const char *pos = text.data;
	while (pos < end) {
		size_t len = 1;
		while (len <= 4 && len <= (size_t)(end - pos) && !utf8_valid((struct slice){pos, len}))
			len++;
		if (len > 4 || len > (size_t)(end - pos))
			break;
		pos += len;
	}
	return pos;
}

static bool check_text(struct reader *r, struct slice text)
{
	if (text.len > FILTER_MAX_LEN)
		return wrong_at(r, r->start + FILTER_MAX_LEN, "longer than %d bytes", FILTER_MAX_LEN);
	if (!utf8_valid(text))
		return wrong_at(r, find_bad_utf8(text), "not valid UTF-8");
	const char *nul = memchr(r->start, '\0', text.len);
	return !nul || wrong_at(r, nul, "a NUL");
}

static bool make_room(struct reader *r, struct slice text)
{
	size_t value_count = FILTER_MAX_TERMS;
	for (size_t i = 0; i < text.len && value_count < FILTER_MAX_VALUES; i++)
		value_count += text.data[i] == ',';
	r->out = malloc(sizeof(*r->out) + value_count * sizeof(*r->values) + text.len);
	if (!r->out) {
		r->status = burr_fail(r->err, BURR_ENOMEM, "no memory for a filter of %zu bytes", text.len);
		return false;
	}
	r->out->term_count = 0;
	r->values = (struct filter_value *)(r->out + 1);
	r->pool = (char *)(r->values + value_count);
	return true;
}

burr_status filter_parse(struct slice text, int64_t now_us, struct filter **out, burr_error *err)
{
	if (!text.data)
		text = SLICE_LIT("");
	struct reader r = {.start = text.data,
		.pos = text.data,
		.end = text.data + text.len,
		.now_us = now_us,
		.err = err,
		.status = BURR_OK};
	if (!check_text(&r, text) || !make_room(&r, text))
		return r.status;
	for (skip_spaces(&r); r.pos < r.end && read_term(&r);)
		skip_spaces(&r);
	if (r.status != BURR_OK) {
		filter_free(r.out);
		return r.status;
	}
	*out = r.out;
	return BURR_OK;
}

void filter_free(struct filter *filter)
{
	free(filter);
}
