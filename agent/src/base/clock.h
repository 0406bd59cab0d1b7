/* base/clock.h: the two clocks, and the one way a time is written. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/buf.h"

#include <time.h>

enum { TIME_TEXT_LEN = 27 }; /* 2026-01-02T03:04:05.678901Z */

static inline int64_t clock_read_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* For order and time-outs: never jumps. */
static inline int64_t clock_mono_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

/* UTC, since 1970. */
static inline int64_t clock_wall_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

/* What to add to a monotonic time to get the wall's, now. */
static inline int64_t clock_offset_ns(void)
{
	return clock_wall_ns() - clock_mono_ns();
}

/* UTC with microseconds and Z; out has room for TIME_TEXT_LEN + 1. Times outside the years 0 to 9999 give the
 * nearest end. */
void time_text(int64_t wall_ns, char out[TIME_TEXT_LEN + 1]);

/* A time as Burr or we write it (with or without fraction; 'Z', an offset, or no zone at all), in
 * microseconds since 1970; *out_zoned says whether the text named its zone. Without one the number is that of
 * the text read as UTC. False when it is no time. */
bool time_parse(struct slice text, int64_t *out_us, bool *out_zoned);

#endif
