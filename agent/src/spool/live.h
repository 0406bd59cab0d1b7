/* spool/live.h: which entries of a spill file are still to be decided: a set of places in a file that only
 * grows, a bit for each 8 bytes. It alone says what is live, whatever became of the bytes themselves, so that
 * each entry is counted once. Threads: one at a time. */
#ifndef SPOOL_LIVE_H
#define SPOOL_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live {
	uint64_t *words;
	size_t word_count;
	uint64_t from; /* the place of the first bit; nothing is before it */
};

#define LIVE_NONE UINT64_MAX

/* Memory for places before `end`: then live_add cannot fail for them. False: there is none. */
bool live_reserve(struct live *live, uint64_t end);
void live_add(struct live *live, uint64_t at);
/* Take it out; false: it is not in it. */
bool live_take(struct live *live, uint64_t at);
/* The first at or behind `from`; LIVE_NONE. */
uint64_t live_find(const struct live *live, uint64_t from);
/* Nothing is before this place, nor will be: its memory serves for others. */
void live_forget(struct live *live, uint64_t before);
/* Free the memory of a set that is empty, or of no use any more. */
void live_fini(struct live *live);

#endif
