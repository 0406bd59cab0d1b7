/* bench/stores.h: stores of a given shape, written as plain files. */
#ifndef BENCH_STORES_H
#define BENCH_STORES_H

#include "bench/bench.h"

struct shape {
	const char *title;
	int runs, steps, state_len;
};

/* Runs run-000000 … of project bench; their bytes. */
double stores_make(const char *store, const struct shape *shape);
/* Have the kernel forget what it holds of a store's files in memory. */
void stores_evict(const char *store);
/* A further step of run-000000, as another process would write it. */
void stores_add_step(const char *store, const struct shape *shape, int step);

#endif
