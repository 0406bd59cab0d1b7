/* catalog/times.h: which moment a time without a zone means. Pure but for the machine's zone.
 *
 * Burr's client writes local times without saying which zone's, beside UTC times with 'Z' for attributes and
 * streams. A run's offset is the multiple of 15 minutes that puts the latter inside their steps: an attribute
 * that was logged at `z` in a step that began at `local` gives offset >= local - z, and the largest such
 * bound rounded up is the offset, as some attribute comes early in its step. Source: Burr's tracking client.
 */
#ifndef CATALOG_TIMES_H
#define CATALOG_TIMES_H

#include "base/buf.h"

/* Kept in the catalog: numbers stay. */
enum catalog_zone {
	ZONE_NONE = 0,     /* no time was recorded */
	ZONE_EXACT = 1,    /* all times name their zone */
	ZONE_INFERRED = 2, /* from the run's own times */
	ZONE_ASSUMED = 3,  /* the machine's */
};

/* A bound from one record: false when it is out of what clocks on earth can differ by. */
bool zone_bound(int64_t local_us, int64_t z_us, int64_t *out_low_us);
/* The offset in seconds for the largest bound. */
int64_t zone_offset_from_low(int64_t low_us);
/* The machine's offset at a local time, given as microseconds of the text read as UTC. */
int64_t zone_offset_of_machine(int64_t local_us);

#endif
