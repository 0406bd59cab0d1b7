/* A period p holds as long as each action equals the one p further on. The place where that ends is kept for
 * each p and only ever moves to the right, past every action once. */
#include "query/fold.h"

struct fold_iter fold_iter(const int64_t *actions, size_t count, size_t from)
{
	return (struct fold_iter){.actions = actions, .count = count, .from = from < count ? from : count};
}

/* The number of actions from it->from on that follow this period, its first round included. */
static size_t covered_by(struct fold_iter *it, size_t period)
{
	size_t at = it->holds_to[period];
	/* What stands there is known to differ, so only behind it is anything new. 0: not looked at yet. */
	if (at < it->from || at == 0) {
		at = it->from;
		while (it->count - at > period) {
			it->compared++;
			if (it->actions[at] < 0 || it->actions[at] != it->actions[at + period])
				break;
			at++;
		}
		it->holds_to[period] = at;
	}
	return at - it->from + period;
}

bool fold_next(struct fold_iter *it, struct fold_group *out)
{
	if (it->from == it->count)
		return false;
	struct fold_group best = {it->from, 1, 1};
	for (size_t period = 1; period <= FOLD_MAX_PERIOD; period++) {
		size_t times = covered_by(it, period) / period;
		if (times >= FOLD_MIN_TIMES && times * period > best.times * best.period)
			best = (struct fold_group){it->from, period, times};
	}
	it->from += best.period * best.times;
	*out = best;
	return true;
}
