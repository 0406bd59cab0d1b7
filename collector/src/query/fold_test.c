/* Folding: which cycles, in which order, at what cost. */
#include "query/fold.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Groups as text: "a" a plain action, "abc*3" a cycle, one after another with spaces. */
static void put_groups(struct buf *out, const int64_t *actions, size_t count)
{
	struct fold_group group;
	struct fold_iter it = fold_iter(actions, count, 0);
	buf_append_str(out, "");
	while (fold_next(&it, &group)) {
		if (out->len)
			buf_append_char(out, ' ');
		for (size_t i = 0; i < group.period; i++)
			buf_append_char(
				out, actions[group.from + i] < 0 ? '!' : (char)actions[group.from + i]);
		if (group.times > 1)
			buf_printf(out, "*%zu", group.times);
	}
}

static size_t read_actions(const char *text, int64_t *out)
{
	size_t count = 0;
	for (; *text; text++)
		out[count++] = *text == '!' ? -1 : *text;
	return count;
}

static void folds(void **state)
{
	(void)state;
	static const struct {
		const char *actions; /* a letter each; ! is negative */
		const char *groups;
	} cases[] = {
		{"", ""},
		{"a", "a"},
		{"aa", "a a"},
		{"aaa", "a*3"},
		{"abcabcabcd", "abc*3 d"},
		{"abcabcab", "a b c a b c a b"},
		{"xababab", "x ab*3"},
		{"abababa", "ab*3 a"},
		{"aaaaaaa", "a*7"},
		{"aaabaaabaaab", "aaab*3"}, /* covers more than a*3 */
		{"aaabaaab", "a*3 b a*3 b"},
		{"abababcabababcabababc", "abababc*3"},
		{"abcabcabcabcabcabc", "abc*6"}, /* and not abcabc*3 */
		/* the longest period, and one beyond */
		{"abcdefghijklmnopabcdefghijklmnopabcdefghijklmnop", "abcdefghijklmnop*3"},
		{"abcdefghijklmnopqabcdefghijklmnopqabcdefghijklmnopq",
			"a b c d e f g h i j k l m n o p q a b c d e f g h i j k l m n o p q a b c d e f g h "
			"i j k l "
			"m n o p q"},
		/* breaks */
		{"!!!!", "! ! ! !"},
		{"aaa!aaa", "a*3 ! a*3"},
		{"ab!ab!ab!", "a b ! a b ! a b !"},
		{"ababab!b", "ab*3 ! b"},
		{"aa!a", "a a ! a"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t actions[64];
		struct buf groups = BUF_INIT;
		put_groups(&groups, actions, read_actions(cases[i].actions, actions));
		if (strcmp(groups.data, cases[i].groups) != 0)
			fail_msg("%s: %s, not %s", cases[i].actions, groups.data, cases[i].groups);
		buf_fini(&groups);
	}
}

static void begins_where_told(void **state)
{
	(void)state;
	int64_t actions[16];
	struct fold_group group;
	size_t count = read_actions("abababc", actions);
	struct fold_iter it = fold_iter(actions, count, 1);
	assert_true(fold_next(&it, &group));
	assert_true(group.from == 1 && group.period == 1 && group.times == 1);
	it = fold_iter(actions, count, 7);
	assert_false(fold_next(&it, &group));
	it = fold_iter(actions, count, 8);
	assert_false(fold_next(&it, &group));
	it = fold_iter(NULL, 0, 0);
	assert_false(fold_next(&it, &group));
}

/* ---- drawn sequences ---- */

static unsigned draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

/* Cycles that come a few times, with now and then another action or a break. */
static size_t draw_actions(unsigned *seed, int64_t *out, size_t count)
{
	int64_t cycle[20];
	unsigned period = 1;
	unsigned pos = 0;
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || draw(seed, 40) == 0) {
			period = 1 + draw(seed, 18);
			pos = 0;
			for (unsigned j = 0; j < period; j++)
				cycle[j] = draw(seed, 3);
		}
		out[i] = draw(seed, 60) == 0 ? (int64_t)draw(seed, 3) - 1 : cycle[pos];
		pos = (pos + 1) % period;
	}
	return count;
}

/* The rules of fold.h, word by word. */
static struct fold_group fold_slowly(const int64_t *actions, size_t count, size_t from)
{
	struct fold_group best = {from, 1, 1};
	for (size_t period = 1; period <= FOLD_MAX_PERIOD; period++) {
		size_t len = period;
		while (from + len < count && actions[from + len] >= 0 &&
			actions[from + len] == actions[from + len - period])
			len++;
		if (len / period >= FOLD_MIN_TIMES && len / period * period > best.period * best.times)
			best = (struct fold_group){from, period, len / period};
	}
	return best;
}

static bool same_group(struct fold_group a, struct fold_group b)
{
	return a.from == b.from && a.period == b.period && a.times == b.times;
}

static void agrees_with_the_slow_way(void **state)
{
	(void)state;
	enum { COUNT = 300 };
	unsigned seed = 7;
	size_t folded = 0;
	for (int round = 0; round < 3000; round++) {
		int64_t actions[COUNT];
		size_t count = draw_actions(&seed, actions, 1 + draw(&seed, COUNT));
		struct fold_group group;
		struct fold_iter it = fold_iter(actions, count, 0);
		size_t from = 0;
		while (fold_next(&it, &group)) {
			assert_true(same_group(group, fold_slowly(actions, count, from)));
			/* A walk that begins here goes the same way. */
			struct fold_group again;
			struct fold_iter other = fold_iter(actions, count, from);
			assert_true(fold_next(&other, &again) && same_group(group, again));
			from += group.period * group.times;
			folded += group.times > 1;
		}
		assert_int_equal(from, count);
	}
	assert_true(folded > 3000);
}

static void stays_as_more_come(void **state)
{
	(void)state;
	enum { COUNT = 200 };
	unsigned seed = 3;
	for (int round = 0; round < 2000; round++) {
		int64_t actions[COUNT];
		draw_actions(&seed, actions, COUNT);
		size_t known = draw(&seed, COUNT + 1);
		struct fold_group early;
		struct fold_group late;
		struct fold_iter few = fold_iter(actions, known, 0);
		struct fold_iter all = fold_iter(actions, COUNT, 0);
		while (fold_next(&few, &early) &&
			early.from + early.period * early.times + FOLD_REACH <= known)
			assert_true(fold_next(&all, &late) && same_group(early, late));
	}
}

/* ---- cost ---- */

/* Near-periodic sequences, which make a walk that forgets look at the same actions over and over. */
static int64_t hostile_action(int kind, size_t i)
{
	switch (kind) {
	case 0:
		return 1; /* one cycle of each period */
	case 1:
		return i % 32 == 31 ? -1 : (int64_t)(i % 16); /* two rounds of 16, then a break */
	case 2:
		return i % 47 == 46 ? 99 : (int64_t)(i % 47 % 16); /* all but three rounds */
	case 3:
		return i % 3 == 2 && i % 9 != 8 ? 2 : 1;
	case 4: /* the Thue-Morse sequence: no cycle comes three times */
		return __builtin_popcountll(i) % 2;
	case 5:
		return i % 31 == 30; /* runs of one action, of 30 */
	default:
		return (int64_t)(i * i % 7);
	}
}

static void stays_linear(void **state)
{
	(void)state;
	enum { COUNT = 100000, KINDS = 7 };
	int64_t *actions = malloc(COUNT * sizeof(*actions));
	bool are_hostile = false;
	assert_non_null(actions);
	for (int kind = 0; kind < KINDS; kind++) {
		struct fold_group group;
		size_t compared_slowly = 0;
		for (size_t i = 0; i < COUNT; i++)
			actions[i] = hostile_action(kind, i);
		struct fold_iter it = fold_iter(actions, COUNT, 0);
		while (fold_next(&it, &group)) {
			/* What a walk costs that keeps nothing from one group to the next. */
			struct fold_iter fresh = fold_iter(actions, COUNT, group.from);
			assert_true(fold_next(&fresh, &group));
			compared_slowly += fresh.compared;
		}
		if (!it.compared || it.compared > (size_t)FOLD_MAX_PERIOD * COUNT)
			fail_msg("kind %d: %zu comparisons", kind, it.compared);
		are_hostile = are_hostile || compared_slowly > 3 * it.compared / 2;
	}
	assert_true(are_hostile);
	free(actions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds),
		cmocka_unit_test(begins_where_told),
		cmocka_unit_test(agrees_with_the_slow_way),
		cmocka_unit_test(stays_as_more_come),
		cmocka_unit_test(stays_linear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
