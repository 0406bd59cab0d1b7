/* query/fold.h: repeated cycles in a run's actions, so that a loop of a thousand rounds shows as one line.
 *
 *     a b c a b c a b c d  ->  period 3, 3 times, from 0;  then d
 *
 * A cycle is folded when it comes FOLD_MIN_TIMES times in a row or more. From left to right, each group is
 * that of the period, FOLD_MAX_PERIOD at most, whose whole rounds cover most; of equals the shortest. One
 * action many times over is a cycle of period 1. What begins no cycle is a group of one action once.
 *
 * An action is a number, of its name for instance. A negative one equals nothing, itself neither: it is never
 * folded, which marks what has to be seen, as a failed step.
 *
 * Cost: each action is compared at most once for each period, whatever the actions are, because the iterator
 * keeps how far each period is known to hold. Pure functions, no allocation, any thread. */
#ifndef QUERY_FOLD_H
#define QUERY_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two rounds are no loop yet. Longer cycles than 16 are more than an eye takes for one. */
enum { FOLD_MIN_TIMES = 3, FOLD_MAX_PERIOD = 16 };

/* How many actions behind a group can change it: as more actions come, a group that ends this far in front of
 * their end stays as it is. */
enum { FOLD_REACH = FOLD_MIN_TIMES * FOLD_MAX_PERIOD };

struct fold_group {
	size_t from;   /* index of its first action */
	size_t period; /* actions of one round */
	size_t times;  /* rounds, one after another; 1, with a period of 1, for a plain action */
};

/* Walk the groups of a sequence, from the action `from` on:
 *     struct fold_iter it = fold_iter(actions, count, from);
 *     while (fold_next(&it, &group)) …
 * The groups follow one another without a gap. A walk that begins where one of them does gives the same
 * groups from there on. */
struct fold_iter {
	const int64_t *actions; /* borrowed until the walk ends */
	size_t count;
	size_t from;                          /* what is next */
	size_t holds_to[FOLD_MAX_PERIOD + 1]; /* by period: the first that is not the same a round on */
	size_t compared;                      /* pairs of actions looked at: for tests */
};

struct fold_iter fold_iter(const int64_t *actions, size_t count, size_t from);
bool fold_next(struct fold_iter *it, struct fold_group *out);

#endif
