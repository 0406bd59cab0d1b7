#include "base/clock.h"

static const int64_t WALL_MIN_S = -62167219200; /* year 0 */
static const int64_t WALL_MAX_S = 253402300799; /* year 9999 */

/* Days since 1970-01-01 of a date of the Gregorian calendar, by counting from March so that the leap day
 * comes last. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

struct date {
	unsigned year;
	unsigned month;
	unsigned day;
};

/* The way back, for the years 0 to 9999. Both: http://howardhinnant.github.io/date_algorithms.html */
static struct date date_from_days(int64_t days)
{
	unsigned since = (unsigned)(days + 719468 + 146097); /* 0000-03-01, one era further back */
	unsigned day_of_era = since % 146097;
	unsigned year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned march_month = (5 * day_of_year + 2) / 153;
	unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
	unsigned year = year_of_era + since / 146097 * 400 + (month <= 2) - 400;
	return (struct date){year, month, day_of_year - (153 * march_month + 2) / 5 + 1};
}

static void put_two(char *to, unsigned value)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	memcpy(to, pairs + value * 2, 2);
}

/* By hand: each record has a time, and snprintf with gmtime_r costs more than all the rest of its line. */
void time_text(int64_t wall_ns, char out[TIME_TEXT_LEN + 1])
{
	int64_t seconds = wall_ns / 1000000000;
	int64_t rest = wall_ns % 1000000000;
	if (rest < 0) {
		rest += 1000000000;
		seconds--;
	}
	if (seconds < WALL_MIN_S)
		seconds = WALL_MIN_S;
	if (seconds > WALL_MAX_S)
		seconds = WALL_MAX_S;
	int64_t since = seconds - WALL_MIN_S;
	unsigned second_of_day = (unsigned)(since % 86400);
	unsigned us = (unsigned)rest / 1000;
	struct date date = date_from_days(since / 86400 + WALL_MIN_S / 86400);
	memcpy(out, "0000-00-00T00:00:00.000000Z", TIME_TEXT_LEN + 1);
	put_two(out, date.year / 100);
	put_two(out + 2, date.year % 100);
	put_two(out + 5, date.month);
	put_two(out + 8, date.day);
	put_two(out + 11, second_of_day / 3600);
	put_two(out + 14, second_of_day / 60 % 60);
	put_two(out + 17, second_of_day % 60);
	put_two(out + 20, us / 10000);
	put_two(out + 22, us / 100 % 100);
	put_two(out + 24, us % 100);
}

struct cursor {
	const char *pos;
	const char *end;
};

static bool take_digits(struct cursor *c, int count, int64_t low, int64_t high, int64_t *out)
{
	int64_t value = 0;
	if (c->end - c->pos < count)
		return false;
	for (int i = 0; i < count; i++) {
		char digit = *c->pos++;
		if (digit < '0' || digit > '9')
			return false;
		value = value * 10 + (digit - '0');
	}
	*out = value;
	return value >= low && value <= high;
}

static bool take_char(struct cursor *c, const char *any_of)
{
	if (c->pos == c->end || !*c->pos || !strchr(any_of, *c->pos))
		return false;
	c->pos++;
	return true;
}

static int64_t take_fraction_us(struct cursor *c)
{
	int64_t us = 0;
	int64_t unit = 100000;
	while (c->pos < c->end && *c->pos >= '0' && *c->pos <= '9') {
		us += (*c->pos++ - '0') * unit;
		unit /= 10;
	}
	return us;
}

static bool take_zone(struct cursor *c, int64_t *out_offset_s, bool *out_zoned)
{
	int64_t hours;
	int64_t minutes;
	*out_offset_s = 0;
	*out_zoned = c->pos != c->end;
	if (c->pos == c->end)
		return true;
	if (take_char(c, "Zz"))
		return c->pos == c->end;
	int64_t sign = *c->pos == '-' ? -1 : 1;
	if (!take_char(c, "+-") || !take_digits(c, 2, 0, 23, &hours))
		return false;
	take_char(c, ":");
	if (!take_digits(c, 2, 0, 59, &minutes))
		return false;
	*out_offset_s = sign * (hours * 3600 + minutes * 60);
	return c->pos == c->end;
}

bool time_parse(struct slice text, int64_t *out_us, bool *out_zoned)
{
	struct cursor c = {text.data, text.data + text.len};
	int64_t year, month, day, hour, minute, second, offset_s;
	bool zoned;
	if (!text.data || !take_digits(&c, 4, 0, 9999, &year) || !take_char(&c, "-") ||
		!take_digits(&c, 2, 1, 12, &month) || !take_char(&c, "-") ||
		!take_digits(&c, 2, 1, 31, &day) || !take_char(&c, "T ") ||
		!take_digits(&c, 2, 0, 23, &hour) || !take_char(&c, ":") ||
		!take_digits(&c, 2, 0, 59, &minute) || !take_char(&c, ":") ||
		!take_digits(&c, 2, 0, 60, &second))
		return false;
	int64_t us = take_char(&c, ".,") ? take_fraction_us(&c) : 0;
	if (!take_zone(&c, &offset_s, &zoned))
		return false;
	int64_t seconds = days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	*out_us = (seconds - offset_s) * 1000000 + us;
	*out_zoned = zoned;
	return true;
}
