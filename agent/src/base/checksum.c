#include "base/checksum.h"

#include <string.h>

static const uint32_t POLYNOMIAL = 0x82F63B78; /* Castagnoli, reflected */

static uint32_t rotate(uint32_t value, unsigned bits)
{
	return value << bits | value >> (32 - bits);
}

static uint32_t fold(uint32_t a, uint32_t b, uint32_t c)
{
	return a ^ rotate(b, 11) ^ rotate(c, 22);
}

/* The last words, and the bytes after them as one word with their number above: the caller's part is whole
 * words by three. */
static uint64_t last_word(const char *pos, size_t len)
{
	uint64_t word = 0;
	memcpy(&word, pos, len);
	return word | (uint64_t)len << 56;
}

/* ---- by hand ---- */

static uint32_t step_portable(uint32_t crc, uint64_t word)
{
	for (int byte = 0; byte < 8; byte++) {
		crc ^= (uint32_t)(word >> (8 * byte)) & 0xFF;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (POLYNOMIAL & -(crc & 1));
	}
	return crc;
}

uint32_t checksum_portable(uint64_t seed_a, uint64_t seed_b, const void *data, size_t len)
{
	const char *pos = data;
	uint32_t part[3] = {step_portable(~0u, seed_a), step_portable(~0u, seed_b), ~0u};
	size_t i = 0;
	for (; len >= 8; pos += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, pos, 8);
		part[i] = step_portable(part[i], word);
		i = i == 2 ? 0 : i + 1;
	}
	part[i] = step_portable(part[i], last_word(pos, len));
	return fold(part[0], part[1], part[2]);
}

/* ---- by the processor ---- */

#if defined(__x86_64__)

#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t checksum_sse42(
	uint64_t seed_a, uint64_t seed_b, const void *data, size_t len)
{
	const char *pos = data;
	uint64_t a = _mm_crc32_u64(~0u, seed_a);
	uint64_t b = _mm_crc32_u64(~0u, seed_b);
	uint64_t c = ~0u;
	uint64_t word[3];
	for (; len >= 24; pos += 24, len -= 24) {
		memcpy(word, pos, 24);
		a = _mm_crc32_u64(a, word[0]);
		b = _mm_crc32_u64(b, word[1]);
		c = _mm_crc32_u64(c, word[2]);
	}
	uint64_t *part[3] = {&a, &b, &c};
	size_t i = 0;
	for (; len >= 8; pos += 8, len -= 8, i++) {
		memcpy(word, pos, 8);
		*part[i] = _mm_crc32_u64(*part[i], word[0]);
	}
	*part[i] = _mm_crc32_u64(*part[i], last_word(pos, len));
	return fold((uint32_t)a, (uint32_t)b, (uint32_t)c);
}

uint32_t checksum(uint64_t seed_a, uint64_t seed_b, const void *data, size_t len)
{
	return __builtin_cpu_supports("sse4.2") ? checksum_sse42(seed_a, seed_b, data, len)
						: checksum_portable(seed_a, seed_b, data, len);
}

#elif defined(__ARM_FEATURE_CRC32)

#include <arm_acle.h>

uint32_t checksum(uint64_t seed_a, uint64_t seed_b, const void *data, size_t len)
{
	const char *pos = data;
	uint32_t part[3] = {__crc32cd(~0u, seed_a), __crc32cd(~0u, seed_b), ~0u};
	size_t i = 0;
	for (; len >= 8; pos += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, pos, 8);
		part[i] = __crc32cd(part[i], word);
		i = i == 2 ? 0 : i + 1;
	}
	part[i] = __crc32cd(part[i], last_word(pos, len));
	return fold(part[0], part[1], part[2]);
}

#else

uint32_t checksum(uint64_t seed_a, uint64_t seed_b, const void *data, size_t len)
{
	return checksum_portable(seed_a, seed_b, data, len);
}

#endif
