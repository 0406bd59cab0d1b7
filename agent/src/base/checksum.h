/* base/checksum.h: a checksum for bytes that only this machine reads: crc32c over three interleaved streams
 * of 8-byte words, because one stream waits for itself (75 ns for 600 bytes against 25). Every implementation
 * gives the same number. Pure; any thread, signal handlers. */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The seeds are covered as if they stood before the bytes. */
uint32_t checksum(uint64_t seed_a, uint64_t seed_b, const void *data, size_t len);
/* Without the processor's instruction; what the other must equal. */
uint32_t checksum_portable(uint64_t seed_a, uint64_t seed_b, const void *data, size_t len);

#endif
