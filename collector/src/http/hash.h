/* http/hash.h: a 64-bit hash of bytes, for ETags and tables of trusted size.
 *
 * Eight bytes a step (the mixing of MurmurHash64A), as an ETag is made of every answer and FNV's byte a step
 * would cost as much as sending it. Not for keys that a stranger chooses to collide. */
#ifndef HTTP_HASH_H
#define HTTP_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t http_hash(const char *data, size_t len)
{
	const uint64_t factor = 0xc6a4a7935bd1e995u;
	uint64_t hash = 0x9e3779b97f4a7c15u ^ (len * factor);
	for (; len >= 8; data += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, data, 8);
		word *= factor;
		word ^= word >> 47;
		hash = (hash ^ word * factor) * factor;
	}
	uint64_t tail = 0;
	if (len)
		memcpy(&tail, data, len);
	hash = (hash ^ tail) * factor;
	hash ^= hash >> 47;
	hash *= factor;
	return hash ^ hash >> 47;
}

#endif
