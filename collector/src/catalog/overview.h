/* catalog/overview.h: a run over time, in buckets.
 *
 * Where all steps of a block began in one bucket, what the block's row says of them is enough; the others'
 * steps are looked at. So the overview of a million steps reads some eighty pages of an index and a block or
 * two for each bucket. */
#ifndef CATALOG_OVERVIEW_H
#define CATALOG_OVERVIEW_H

#include "catalog/catalog.h"

struct bucket {
	int64_t first; /* number of its first step; -1: none */
	int64_t count, failed, open;
	int64_t busy_us, longest_us;
};

struct overview {
	int64_t from_us, width_us; /* UTC, of the first bucket and of each */
	int64_t bucket_count;
	struct bucket *buckets; /* the caller's */
};

struct overview_request {
	const struct catalog_app *app;
	int64_t from;        /* number of a step */
	int64_t deadline_ns; /* clock_mono_ns */
};

/* Add the run's steps to the buckets, each to the one that it began in; those outside of all to the nearest
 * one. *out_next: the step to go on at when the time was over; -1: all are in. */
BURR_MUST_CHECK burr_status catalog_overview(struct catalog_reader *reader,
	const struct overview_request *request, struct overview *overview, int64_t *out_next,
	burr_error *err);

#endif
