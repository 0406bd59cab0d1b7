#include "base/ranges.h"

#include <string.h>

static void remove_items(struct ranges *ranges, size_t at, size_t count)
{
	memmove(&ranges->items[at], &ranges->items[at + count],
		(ranges->count - at - count) * sizeof(ranges->items[0]));
	ranges->count -= count;
}

static uint64_t gap_after(const struct ranges *ranges, size_t at)
{
	return (uint64_t)ranges->items[at + 1].from - (uint64_t)ranges->items[at].to;
}

static void join_nearest(struct ranges *ranges)
{
	size_t nearest = 0;
	for (size_t i = 1; i + 1 < ranges->count; i++)
		if (gap_after(ranges, i) < gap_after(ranges, nearest))
			nearest = i;
	ranges->items[nearest].to = ranges->items[nearest + 1].to;
	remove_items(ranges, nearest + 1, 1);
}

void ranges_add(struct ranges *ranges, int64_t from, int64_t to)
{
	if (from >= to)
		return;
	size_t at = ranges->count; /* most come behind all others */
	while (at > 0 && ranges->items[at - 1].to >= from)
		at--;
	size_t end = at;
	while (end < ranges->count && ranges->items[end].from <= to)
		end++;
	if (at == end) {
		memmove(&ranges->items[at + 1], &ranges->items[at],
			(ranges->count - at) * sizeof(ranges->items[0]));
		ranges->items[at] = (struct range){from, to};
		ranges->count++;
		if (ranges->count > RANGES_MAX)
			join_nearest(ranges);
		return;
	}
	struct range *first = &ranges->items[at];
	const struct range *last = &ranges->items[end - 1];
	first->to = last->to > to ? last->to : to;
	first->from = first->from < from ? first->from : from;
	remove_items(ranges, at + 1, end - at - 1);
}

void ranges_add_all(struct ranges *ranges, const struct ranges *more)
{
	for (size_t i = 0; i < more->count; i++)
		ranges_add(ranges, more->items[i].from, more->items[i].to);
}

int64_t ranges_size(const struct ranges *ranges)
{
	int64_t size = 0;
	for (size_t i = 0; i < ranges->count; i++) {
		int64_t count;
		if (__builtin_sub_overflow(ranges->items[i].to, ranges->items[i].from, &count) ||
			__builtin_add_overflow(size, count, &size))
			return INT64_MAX;
	}
	return size;
}
