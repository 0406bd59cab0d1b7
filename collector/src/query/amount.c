#include "query/amount.h"

#include "base/clock.h"
#include "base/json.h"

struct unit {
	const char *name;
	int64_t us;
};

/* Numbers of one sort. */
struct measure {
	const struct unit *units; /* to the one without a name; NULL: whole numbers */
	const char *expected;
};

static const struct unit duration_units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000},
	{"h", INT64_C(3600000000)}, {"d", INT64_C(86400000000)}, {NULL, 0}};
static const struct unit age_units[] = {{"s", 1000000}, {"m", 60000000}, {"h", INT64_C(3600000000)},
	{"d", INT64_C(86400000000)}, {"w", INT64_C(604800000000)}, {NULL, 0}};

static const struct measure counts = {NULL, "a whole number from 0 (7, >100, <=5, 10..20)"};
static const struct measure durations = {
	duration_units, "a number with its unit, us ms s m h d (>5s, <=1.5h, 100ms..2s)"};
static const struct measure ages = {age_units,
	"an age (2h; units s m h d w) or a time (2026-11-25, 2026-11-25T10:00, 2026-11-25T10:00:00Z)"};

static const char TOO_LARGE[] = "a number that 64 bits can hold";
static const char TOO_FINE[] = "whole microseconds, and at most 6 digits behind the point";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct slice take_front(struct slice *text, size_t len)
{
	struct slice front = {text->data, len};
	text->data += len;
	text->len -= len;
	return front;
}

static struct slice take_digits(struct slice *text)
{
	size_t len = 0;
	while (len < text->len && is_digit(text->data[len]))
		len++;
	return take_front(text, len);
}

static bool take_literal(struct slice *text, const char *literal)
{
	if (!slice_starts(*text, literal))
		return false;
	take_front(text, strlen(literal));
	return true;
}

/* The letters behind a number are its unit: 0 when they are none. */
static int64_t take_unit(struct slice *text, const struct unit *units)
{
	size_t len = 0;
	while (len < text->len && text->data[len] >= 'a' && text->data[len] <= 'z')
		len++;
	struct slice name = take_front(text, len);
	for (; units->name; units++)
		if (slice_is(name, units->name))
			return units->us;
	return 0;
}

/* digits/10^len of a unit, in whole microseconds; false when there is no such number of them. */
static bool fraction_of(struct slice digits, int64_t unit, int64_t *out)
{
	int64_t value = 0;
	int64_t scale = 1;
	if (digits.len > 6) /* so that nothing overflows */
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		value = value * 10 + (digits.data[i] - '0');
		scale *= 10;
	}
	*out = value * unit / scale;
	return value * unit % scale == 0;
}

/* 12, or with units 1.5h, off the front of text. */
static const char *take_amount(struct slice *text, const struct measure *measure, int64_t *out)
{
	struct slice digits = take_digits(text);
	struct slice fraction = SLICE_NONE;
	int64_t part = 0;
	if (!digits.len)
		return measure->expected;
	if (!json_to_int(digits, out))
		return TOO_LARGE;
	if (!measure->units)
		return NULL;
	if (text->len > 1 && text->data[0] == '.' && is_digit(text->data[1])) {
		take_front(text, 1);
		fraction = take_digits(text);
	}
	int64_t unit = take_unit(text, measure->units);
	if (!unit)
		return measure->expected;
	if (!fraction_of(fraction, unit, &part))
		return TOO_FINE;
	if (__builtin_mul_overflow(*out, unit, out) || __builtin_add_overflow(*out, part, out))
		return TOO_LARGE;
	return NULL;
}

struct range {
	int64_t low;
	int64_t high;
};

static const char *take_between(struct slice *text, const struct measure *measure, struct range *out)
{
	const char *expected = take_amount(text, measure, &out->low);
	out->high = out->low;
	if (expected || !take_literal(text, ".."))
		return expected;
	expected = take_amount(text, measure, &out->high);
	if (!expected && out->high < out->low)
		expected = "the larger end of the range last";
	return expected;
}

static const char *take_range(struct slice *text, const struct measure *measure, struct range *out)
{
	const char *expected;
	*out = (struct range){INT64_MIN, INT64_MAX};
	if (take_literal(text, ">="))
		return take_amount(text, measure, &out->low);
	if (take_literal(text, "<="))
		return take_amount(text, measure, &out->high);
	if (take_literal(text, ">")) {
		expected = take_amount(text, measure, &out->low);
		if (!expected && __builtin_add_overflow(out->low, 1, &out->low))
			expected = "a number that has a larger one";
		return expected;
	}
	if (take_literal(text, "<")) {
		expected = take_amount(text, measure, &out->high);
		out->high -= !expected; /* amounts start at 0 */
		return expected;
	}
	return take_between(text, measure, out);
}

static const char *read_range(
	struct slice text, const struct measure *measure, int64_t *out_low, int64_t *out_high)
{
	struct range range;
	const char *expected = take_range(&text, measure, &range);
	if (expected || text.len)
		return expected ? expected : measure->expected;
	*out_low = range.low;
	*out_high = range.high;
	return NULL;
}

const char *amount_read_counts(struct slice text, int64_t *out_low, int64_t *out_high)
{
	return read_range(text, &counts, out_low, out_high);
}

const char *amount_read_durations(struct slice text, int64_t *out_low, int64_t *out_high)
{
	return read_range(text, &durations, out_low, out_high);
}

/* ---- times ---- */

static const int64_t TIME_MIN_US = -INT64_C(9214560000000000); /* 1678-01-01 */
static const int64_t TIME_END_US = INT64_C(9214646400000000);  /* 2262-01-01 */

static bool in_range(int64_t us)
{
	return us >= TIME_MIN_US && us < TIME_END_US;
}

/* time_parse takes day 31 for any month; the day that it means is written otherwise then. */
static bool day_exists(struct slice time, int64_t day_us)
{
	char text[TIME_TEXT_LEN + 1];
	if (!in_range(day_us))
		return true; /* and refused for that */
	time_text(day_us * 1000, text);
	return memcmp(text, time.data, strlen("2026-11-25")) == 0;
}

/* A day, a minute of it, or all that time_parse takes. */
static bool parse_date(struct slice text, int64_t *out_us)
{
	char whole[] = "2026-11-25T00:00:00";
	const struct slice filled = {whole, sizeof(whole) - 1};
	int64_t day_us;
	bool zoned;
	if (text.len < strlen("2026-11-25"))
		return false;
	memcpy(whole, text.data, strlen("2026-11-25"));
	if (!time_parse(filled, &day_us, &zoned) || !day_exists(text, day_us))
		return false;
	if (text.len != strlen("2026-11-25") && text.len != strlen("2026-11-25T10:00"))
		return time_parse(text, out_us, &zoned);
	memcpy(whole, text.data, text.len);
	return time_parse(filled, out_us, &zoned);
}

/* Whether text is an age; *out_us is out of range when it is too long ago. */
static bool parse_age(struct slice text, int64_t now_us, int64_t *out_us)
{
	int64_t age = 0;
	const char *expected = take_amount(&text, &ages, &age);
	if (text.len || (expected && expected != TOO_LARGE))
		return false;
	if (expected || __builtin_sub_overflow(now_us, age, out_us))
		*out_us = INT64_MIN;
	return true;
}

const char *amount_read_moment(struct slice text, int64_t now_us, int64_t *out_us)
{
	int64_t us;
	if (!parse_age(text, now_us, &us) && !parse_date(text, &us))
		return ages.expected;
	if (!in_range(us))
		return "a time of the years 1678 to 2261";
	*out_us = us;
	return NULL;
}
