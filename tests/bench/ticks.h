/* bench/ticks.h: time for single calls.
 *
 * On x86-64 with a constant TSC this is rdtsc between two fences, so that neither the call before nor the one
 * after leaks into what is timed; calibrated against CLOCK_MONOTONIC. Elsewhere it is clock_gettime. Either
 * way the benches time an empty loop too and subtract its median. */
#ifndef BENCH_TICKS_H
#define BENCH_TICKS_H

#include "bench/bench.h"

#ifdef __x86_64__
#include <x86intrin.h>
#endif

extern bool ticks_are_tsc;
extern double ticks_per_ns;

/* Choose and calibrate, once; takes 50 ms. Returns the clock's name, to print. */
const char *ticks_init(void);

static inline uint64_t ticks_now(void)
{
#ifdef __x86_64__
	if (ticks_are_tsc) {
		_mm_lfence();
		uint64_t now = __rdtsc();
		_mm_lfence();
		return now;
	}
#endif
	return (uint64_t)bench_now_ns();
}

#endif
