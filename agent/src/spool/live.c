#include "spool/live.h"

#include <stdlib.h>
#include <string.h>

enum { UNIT = 8, WORD_BITS = 64, WORD_BYTES = UNIT * WORD_BITS, FIRST_WORDS = 1024 };

static uint64_t bit_of(uint64_t at)
{
	return (uint64_t)1 << at / UNIT % WORD_BITS;
}

bool live_reserve(struct live *live, uint64_t end)
{
	size_t count = live->word_count ? live->word_count : FIRST_WORDS;
	while (count < (end - live->from) / WORD_BYTES + 1)
		count *= 2;
	if (count == live->word_count)
		return true;
	uint64_t *words = realloc(live->words, count * sizeof(*words));
	if (!words)
		return false;
	memset(words + live->word_count, 0, (count - live->word_count) * sizeof(*words));
	live->words = words;
	live->word_count = count;
	return true;
}

static uint64_t *word_of(const struct live *live, uint64_t at)
{
	const uint64_t i = (at - live->from) / WORD_BYTES;
	return at >= live->from && i < live->word_count ? &live->words[i] : NULL;
}

void live_add(struct live *live, uint64_t at)
{
	*word_of(live, at) |= bit_of(at);
}

bool live_take(struct live *live, uint64_t at)
{
	uint64_t *word = word_of(live, at);
	if (!word || !(*word & bit_of(at)))
		return false;
	*word &= ~bit_of(at);
	return true;
}

uint64_t live_find(const struct live *live, uint64_t from)
{
	const uint64_t unit = from > live->from ? (from - live->from + UNIT - 1) / UNIT : 0;
	uint64_t mask = ~(uint64_t)0 << unit % WORD_BITS;
	for (uint64_t i = unit / WORD_BITS; i < live->word_count; i++) {
		const uint64_t word = live->words[i] & mask;
		if (word)
			return live->from + i * WORD_BYTES + (uint64_t)__builtin_ctzll(word) * UNIT;
		mask = ~(uint64_t)0;
	}
	return LIVE_NONE;
}

void live_forget(struct live *live, uint64_t before)
{
	if (before < live->from + WORD_BYTES)
		return;
	uint64_t count = (before - live->from) / WORD_BYTES;
	live->from += count * WORD_BYTES;
	if (count > live->word_count)
		count = live->word_count;
	const size_t kept = live->word_count - (size_t)count;
	memmove(live->words, live->words + count, kept * sizeof(*live->words));
	memset(live->words + kept, 0, (size_t)count * sizeof(*live->words));
}

void live_fini(struct live *live)
{
	free(live->words);
	*live = (struct live){0};
}
