#include "base/ranges.h"

#include "base/testing.h"

#include <stdbool.h>

static void expect(const struct ranges *ranges, const struct range *items, size_t count)
{
	assert_int_equal(ranges->count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(ranges->items[i].from, items[i].from);
		assert_int_equal(ranges->items[i].to, items[i].to);
	}
}

static void joins_what_touches(void **state)
{
	(void)state;
	struct ranges ranges = RANGES_INIT;
	ranges_add(&ranges, 5, 5);
	ranges_add(&ranges, 7, 5);
	assert_int_equal(ranges.count, 0);
	ranges_add(&ranges, 10, 12);
	ranges_add(&ranges, 20, 22);
	ranges_add(&ranges, 1, 3);
	ranges_add(&ranges, 12, 13);
	ranges_add(&ranges, 19, 20);
	expect(&ranges, (struct range[]){{1, 3}, {10, 13}, {19, 22}}, 3);
	assert_int_equal(ranges_size(&ranges), 8);
	ranges_add(&ranges, 2, 19);
	expect(&ranges, (struct range[]){{1, 22}}, 1);
	ranges_add(&ranges, INT64_MIN, INT64_MAX);
	expect(&ranges, (struct range[]){{INT64_MIN, INT64_MAX}}, 1);
	assert_int_equal(ranges_size(&ranges), INT64_MAX);
}

static void joins_the_nearest_when_full(void **state)
{
	(void)state;
	struct ranges ranges = RANGES_INIT;
	for (int64_t i = 0; i < RANGES_MAX; i++)
		ranges_add(&ranges, i * 100, i * 100 + 1);
	ranges_add(&ranges, 305, 306);
	assert_int_equal(ranges.count, RANGES_MAX);
	assert_int_equal(ranges.items[3].from, 300);
	assert_int_equal(ranges.items[3].to, 306);
}

/* Against a table of which numbers were added. */
static void holds_what_was_added(void **state)
{
	(void)state;
	enum { NUMBERS = 200, ROUNDS = 300 };
	uint32_t value = 1;
	for (int round = 0; round < ROUNDS; round++) {
		struct ranges ranges = RANGES_INIT;
		bool added[NUMBERS] = {false};
		for (int i = 0; i < round % 40; i++) {
			value = value * 1664525 + 1013904223;
			int64_t from = (value >> 8) % (NUMBERS - 10);
			int64_t to = from + (value >> 24) % 10;
			ranges_add(&ranges, from, to);
			for (int64_t n = from; n < to; n++)
				added[n] = true;
		}
		assert_true(ranges.count <= RANGES_MAX);
		for (size_t i = 1; i < ranges.count; i++)
			assert_true(ranges.items[i - 1].to < ranges.items[i].from);
		for (int64_t n = 0; n < NUMBERS; n++) {
			bool held = false;
			for (size_t i = 0; i < ranges.count; i++)
				held = held || (ranges.items[i].from <= n && n < ranges.items[i].to);
			assert_true(held || !added[n]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_what_touches),
		cmocka_unit_test(joins_the_nearest_when_full),
		cmocka_unit_test(holds_what_was_added),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
