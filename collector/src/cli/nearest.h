/* cli/nearest.h: what somebody may have meant: the names most like a misspelt one. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include "base/buf.h"

enum { NEAREST_MAX = 3 };

struct nearest {
	const char *names[NEAREST_MAX]; /* best first; borrowed */
	unsigned scores[NEAREST_MAX];
	size_t count;
};

#define NEAREST_INIT       \
	{                  \
		.count = 0 \
	}

/* Offer one name that exists; it is kept when it is like `wanted` and among the best. */
void nearest_offer(struct nearest *nearest, const char *wanted, const char *name);
/* Append "; did you mean A, B or C?", or nothing. */
void nearest_put(const struct nearest *nearest, struct buf *out);

#endif
