/* The processor's way and the portable way give one number, and every byte, seed and the length count. */
#include "base/testing.h"

#include "base/checksum.h"

enum { LEN_MAX = 300, ALIGNMENTS = 16 };

static void fill(char *bytes, size_t len)
{
	uint32_t value = 1;
	for (size_t i = 0; i < len; i++) {
		value = value * 1664525 + 1013904223;
		bytes[i] = (char)(value >> 24);
	}
}

/* Copies of the exact size, so that a sanitizer sees a read past the end. */
static void both_ways_are_equal(void **state)
{
	(void)state;
	char bytes[LEN_MAX];
	fill(bytes, sizeof(bytes));
	for (size_t len = 0; len <= LEN_MAX; len++) {
		for (size_t shift = 0; shift < ALIGNMENTS; shift++) {
			char *copy = malloc(shift + len + 1);
			assert_non_null(copy);
			char *end = copy + shift + len + 1;
			char *at = end - len;
			memcpy(at, bytes, len);
			assert_int_equal(
				checksum(len, shift, at, len), checksum_portable(len, shift, at, len));
			assert_int_equal(checksum(len, shift, at, len), checksum(len, shift, bytes, len));
			free(copy);
		}
	}
	assert_int_equal(checksum(UINT64_MAX, UINT64_MAX, bytes, LEN_MAX),
		checksum_portable(UINT64_MAX, UINT64_MAX, bytes, LEN_MAX));
}

/* One flipped bit anywhere is another number; so is a length that zeros make. */
static void every_bit_counts(void **state)
{
	(void)state;
	char bytes[LEN_MAX];
	fill(bytes, sizeof(bytes));
	for (size_t len = 1; len <= LEN_MAX; len += len < 60 ? 1 : 37) {
		const uint32_t before = checksum(1, 2, bytes, len);
		for (size_t bit = 0; bit < len * 8; bit++) {
			bytes[bit / 8] ^= (char)(1 << bit % 8);
			assert_int_not_equal(checksum(1, 2, bytes, len), before);
			bytes[bit / 8] ^= (char)(1 << bit % 8);
		}
		for (unsigned bit = 0; bit < 64; bit++) {
			assert_int_not_equal(checksum(1 ^ UINT64_C(1) << bit, 2, bytes, len), before);
			assert_int_not_equal(checksum(1, 2 ^ UINT64_C(1) << bit, bytes, len), before);
		}
	}
	memset(bytes, 0, sizeof(bytes));
	for (size_t len = 0; len < LEN_MAX; len++)
		assert_int_not_equal(checksum(0, 0, bytes, len), checksum(0, 0, bytes, len + 1));
}

/* The bytes of a spool outlive the program that wrote them, so the numbers must not change. */
static void numbers_stay(void **state)
{
	(void)state;
	char bytes[61];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	assert_int_equal(checksum_portable(0, 0, "", 0), 0xf81b3174);
	assert_int_equal(checksum_portable(1, 2, "burr", 4), 0xdafaa072);
	assert_int_equal(checksum_portable(3, 4, bytes, sizeof(bytes)), 0x1b9d1daa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways_are_equal),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(numbers_stay),
	};
	return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
