/* fuzz/filter.c: any text as a filter: refused with its place, or read; what is read prints as a text that
 * reads the same, and every value can be asked. */
#include "fuzz.h"

#include "query/filter.h"

static const int64_t NOW_US = INT64_C(1764064800000000); /* 2025-11-25T10:00:00Z */

static bool same_number(struct json_number a, struct json_number b)
{
	return a.is_integer == b.is_integer && json_number_order(a, b) == 0;
}

static void check_same_value(const struct filter_value *a, const struct filter_value *b)
{
	FUZZ_CHECK(a->form == b->form);
	FUZZ_CHECK(a->low == b->low && a->high == b->high);
	FUZZ_CHECK(a->form != FILTER_WORD || a->word == b->word);
	FUZZ_CHECK(same_number(a->from, b->from) && same_number(a->to, b->to));
	FUZZ_CHECK(a->from_open == b->from_open && a->to_open == b->to_open);
	if (a->form == FILTER_PATTERN)
		FUZZ_CHECK(slice_eq(a->text, b->text) && a->has_wildcard == b->has_wildcard);
}

static void check_same_term(const struct filter_term *a, const struct filter_term *b)
{
	FUZZ_CHECK(a->kind == b->kind && a->negated == b->negated && slice_eq(a->path, b->path));
	FUZZ_CHECK(a->value_count == b->value_count && a->value_count > 0);
	for (size_t i = 0; i < a->value_count; i++)
		check_same_value(&a->values[i], &b->values[i]);
}

static void check_prints_back(const struct filter *filter)
{
	struct buf text = BUF_INIT;
	struct buf again = BUF_INIT;
	struct filter *other = NULL;
	filter_print(filter, &text);
	FUZZ_CHECK(!text.failed);
	if (text.len <= FILTER_MAX_LEN) {
		/* Another now: no age is left in what is printed. */
		FUZZ_CHECK(filter_parse(buf_slice(&text), 0, &other, NULL) == BURR_OK);
		FUZZ_CHECK(other->term_count == filter->term_count);
		for (size_t i = 0; i < filter->term_count; i++)
			check_same_term(&filter->terms[i], &other->terms[i]);
		filter_print(other, &again);
		FUZZ_CHECK(slice_eq(buf_slice(&text), buf_slice(&again)));
	}
	filter_free(other);
	buf_fini(&text);
	buf_fini(&again);
}

static void ask(const struct filter_term *term, struct slice input)
{
	static const char *const json[] = {
		"null", "true", "7", "-1.5", "1e999", "\"a\"", "\"\\u0061\\n\"", "[1]"};
	for (size_t i = 0; i < term->value_count; i++) {
		const struct filter_value *value = &term->values[i];
		FUZZ_CHECK(value->form != FILTER_RANGE || filter_number_matches(value, value->high));
		for (size_t j = 0; j < sizeof(json) / sizeof(*json); j++)
			filter_json_matches(value, slice_of(json[j]));
		if (value->form != FILTER_PATTERN)
			continue;
		filter_text_matches(value, input);
		FUZZ_CHECK(value->has_wildcard || filter_text_matches(value, value->text));
		FUZZ_CHECK(value->has_wildcard || filter_contains(input, value->text) ||
			   !filter_text_matches(value, input));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct filter *filter = NULL;
	burr_error err = BURR_ERROR_INIT;
	if (filter_parse(text, NOW_US, &filter, &err) != BURR_OK) {
		FUZZ_CHECK(err.code == BURR_EINVAL && strncmp(err.message, "byte ", 5) == 0);
		FUZZ_CHECK(utf8_valid(slice_of(err.message)));
		FUZZ_CHECK(!filter);
		return 0;
	}
	for (size_t i = 0; i < filter->term_count; i++)
		ask(&filter->terms[i], text);
	check_prints_back(filter);
	filter_free(filter);
	return 0;
}
