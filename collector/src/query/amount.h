/* query/amount.h: the numbers, durations and times of a filter, as query/filter.h writes them down.
 *
 * Each reads all of text and returns NULL, or static text that says what was expected, fit for "expected %s";
 * the outputs are touched on success only. Pure; any thread. */
#ifndef QUERY_AMOUNT_H
#define QUERY_AMOUNT_H

#include "base/buf.h"

/* 7, >100, <=5, 10..20: both ends are in the range, INT64_MIN and INT64_MAX where it has none. */
const char *amount_read_counts(struct slice text, int64_t *out_low, int64_t *out_high);
/* The same of numbers with a unit, 1.5s, in microseconds. */
const char *amount_read_durations(struct slice text, int64_t *out_low, int64_t *out_high);
/* An age, 2h, before now_us, or a time, in microseconds since 1970, UTC. Of the years 1678 to 2261, which 64
 * bits of nanoseconds can hold. */
const char *amount_read_moment(struct slice text, int64_t now_us, int64_t *out_us);

#endif
