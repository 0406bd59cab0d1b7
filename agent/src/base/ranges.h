/* base/ranges.h: a small set of whole numbers, kept as a few ranges.
 *
 * Of numbers that lie apart it keeps RANGES_MAX ranges; beyond that the two that are nearest become one, so
 * the set holds what was added and perhaps more, never less. */
#ifndef BASE_RANGES_H
#define BASE_RANGES_H

#include <stddef.h>
#include <stdint.h>

enum { RANGES_MAX = 16 };

struct range {
	int64_t from, to; /* without `to` */
};

struct ranges {
	size_t count;
	struct range items[RANGES_MAX + 1]; /* by number, with a gap between each two; one is room to work */
};

#define RANGES_INIT        \
	{                  \
		.count = 0 \
	}

/* An empty one adds nothing. */
void ranges_add(struct ranges *ranges, int64_t from, int64_t to);
void ranges_add_all(struct ranges *ranges, const struct ranges *more);
/* How many numbers there are; INT64_MAX where that is too many to count. */
int64_t ranges_size(const struct ranges *ranges);

#endif
