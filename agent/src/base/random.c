#include "base/random.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

/* splitmix64's finisher: every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t random_bits(void)
{
	static _Atomic uint64_t calls;
	uint64_t bits;
	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) == (ssize_t)sizeof(bits))
		return bits;
	return mix((uint64_t)clock_wall_ns() ^ mix((uint64_t)getpid()) ^ mix((uint64_t)(uintptr_t)&bits) ^
		   mix((uint64_t)clock_mono_ns() + atomic_fetch_add(&calls, 1)));
}

void random_hex(char out[RANDOM_HEX_LEN + 1])
{
	snprintf(out, RANDOM_HEX_LEN + 1, "%016llx", (unsigned long long)random_bits());
}

void random_uuid(char out[UUID_LEN + 1])
{
	uint64_t high = random_bits();
	uint64_t low = random_bits();
	snprintf(out, UUID_LEN + 1, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(high >> 32),
		(unsigned)(high >> 16) & 0xFFFF, (unsigned)high & 0xFFF,
		(unsigned)((low >> 48) & 0x3FFF) | 0x8000, (unsigned long long)(low & 0xFFFFFFFFFFFF));
}
