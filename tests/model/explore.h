/* model/explore.h: every state that a model can come to, breadth first, so that the first fault that is found
 * has a shortest way to it.
 *
 * A model packs its state into a few words and tells, for a state, all that can happen next. Threads: one. */
#ifndef MODEL_EXPLORE_H
#define MODEL_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STATE_WORDS = 4 };

struct packed {
	uint64_t words[STATE_WORDS];
};

struct explorer;

/* Call explore_step for all that can happen in `from`. */
typedef void steps_fn(struct explorer *x, const struct packed *from, void *ctx);

/* Something that can happen: the state that it leads to, what is wrong there (NULL: nothing), and its text.
 */
__attribute__((format(printf, 4, 5))) void explore_step(
	struct explorer *x, const struct packed *to, const char *wrong, const char *text, ...);

struct explored {
	size_t state_count;
	size_t step_count;
	const char *wrong; /* NULL: nothing is, in any state */
};

/* All states from `first` on, at most state_max; beyond that, or without memory, it says so and exits with 2.
 * A fault ends it, and its way is printed where `print` is. */
struct explored explore(const struct packed *first, steps_fn *steps, void *ctx, size_t state_max, bool print);

#endif
