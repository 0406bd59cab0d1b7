#include "explore.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NO_STATE = UINT32_MAX };

struct explorer {
	struct packed *states; /* in the order in which they were met, which is the queue as well */
	uint32_t *parents;
	size_t count;
	size_t max;
	uint32_t *table; /* open hash table of state numbers */
	size_t table_size;
	uint32_t at; /* the state whose steps are being told */
	size_t step_count;
	const char *wrong;
	struct packed wrong_state;

	/* Printing a way: the steps of one state, of which one is wanted. */
	const struct packed *wanted;
	bool printed;
	size_t line;
};

static uint64_t hash(const struct packed *state)
{
	uint64_t h = 0;
	for (size_t i = 0; i < STATE_WORDS; i++) {
		h = (h ^ state->words[i]) * UINT64_C(0x9E3779B97F4A7C15);
		h ^= h >> 29;
	}
	return h;
}

static bool is_same(const struct packed *a, const struct packed *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void add(struct explorer *x, const struct packed *state)
{
	size_t at = hash(state) & (x->table_size - 1);
	for (; x->table[at] != NO_STATE; at = (at + 1) & (x->table_size - 1))
		if (is_same(&x->states[x->table[at]], state))
			return;
	if (x->count == x->max) {
		fprintf(stderr, "more than %zu states\n", x->max);
		exit(2);
	}
	x->table[at] = (uint32_t)x->count;
	x->parents[x->count] = x->at;
	x->states[x->count++] = *state;
}

void explore_step(struct explorer *x, const struct packed *to, const char *wrong, const char *text, ...)
{
	if (x->wanted) {
		va_list args;
		if (x->printed || !is_same(to, x->wanted))
			return;
		x->printed = true;
		printf("  %2zu  ", ++x->line);
		va_start(args, text);
		vprintf(text, args);
		va_end(args);
		printf("\n");
		return;
	}
	x->step_count++;
	if (!wrong) {
		add(x, to);
	} else if (!x->wrong) {
		x->wrong = wrong;
		x->wrong_state = *to;
	}
}

static void print_step(struct explorer *x, uint32_t from, const struct packed *to, steps_fn *steps, void *ctx)
{
	x->wanted = to;
	x->printed = false;
	steps(x, &x->states[from], ctx);
	x->wanted = NULL;
}

static void print_way(struct explorer *x, steps_fn *steps, void *ctx)
{
	size_t len = 0;
	for (uint32_t at = x->at; at != NO_STATE; at = x->parents[at])
		len++;
	uint32_t *way = calloc(len + 1, sizeof(*way));
	if (!way)
		return;
	for (uint32_t at = x->at, i = (uint32_t)len; at != NO_STATE; at = x->parents[at])
		way[--i] = at;
	for (size_t i = 1; i < len; i++)
		print_step(x, way[i - 1], &x->states[way[i]], steps, ctx);
	print_step(x, x->at, &x->wrong_state, steps, ctx);
	printf("      %s\n", x->wrong);
	free(way);
}

struct explored explore(const struct packed *first, steps_fn *steps, void *ctx, size_t state_max, bool print)
{
	struct explorer x = {.max = state_max, .table_size = 1, .at = NO_STATE};
	while (x.table_size < 2 * state_max)
		x.table_size *= 2;
	x.states = malloc(state_max * sizeof(*x.states));
	x.parents = malloc(state_max * sizeof(*x.parents));
	x.table = malloc(x.table_size * sizeof(*x.table));
	if (!x.states || !x.parents || !x.table) {
		fprintf(stderr, "no memory for %zu states\n", state_max);
		exit(2);
	}
	memset(x.table, 0xFF, x.table_size * sizeof(*x.table));
	add(&x, first);
	for (x.at = 0; x.at < x.count && !x.wrong; x.at++)
		steps(&x, &x.states[x.at], ctx);
	if (x.wrong) {
		x.at--;
		if (print)
			print_way(&x, steps, ctx);
	}
	struct explored result = {x.count, x.step_count, x.wrong};
	free(x.states);
	free(x.parents);
	free(x.table);
	return result;
}
