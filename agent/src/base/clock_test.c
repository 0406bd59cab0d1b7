/* Times as text: written by hand, so held against the C library's over all years. */
#include "base/testing.h"

#include "base/clock.h"

static void assert_as_library(int64_t wall_ns, int64_t seconds, int us)
{
	char ours[TIME_TEXT_LEN + 1];
	char theirs[64];
	time_t when = (time_t)seconds;
	struct tm tm;
	gmtime_r(&when, &tm);
	snprintf(theirs, sizeof(theirs), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, us);
	time_text(wall_ns, ours);
	assert_string_equal(ours, theirs);
}

/* What an int64_t of nanoseconds reaches: 1677 to 2262. Each day of it, at another time of the day. */
static void writes_each_day_as_the_library(void **state)
{
	(void)state;
	enum { FIRST_DAY = -106000, LAST_DAY = 106000 };
	for (int64_t day = FIRST_DAY; day <= LAST_DAY; day++) {
		int64_t seconds = day * 86400 + (day * 7919 % 86400 + 86400) % 86400;
		int us = (int)((day * 104729 % 1000000 + 1000000) % 1000000);
		assert_as_library(seconds * 1000000000 + us * INT64_C(1000) + 999, seconds, us);
	}
}

static void reads_back_what_it_wrote(void **state)
{
	(void)state;
	static const int64_t times_ns[] = {
		0, -1, 1, 999, 1000, -1000000000, 951782400000000000, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < sizeof(times_ns) / sizeof(*times_ns); i++) {
		char text[TIME_TEXT_LEN + 1];
		int64_t us;
		bool zoned;
		time_text(times_ns[i], text);
		assert_int_equal(strlen(text), TIME_TEXT_LEN);
		assert_true(time_parse(slice_of(text), &us, &zoned) && zoned);
		int64_t floor_us = times_ns[i] / 1000 - (times_ns[i] % 1000 < 0);
		assert_true(us == floor_us);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_each_day_as_the_library),
		cmocka_unit_test(reads_back_what_it_wrote),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
