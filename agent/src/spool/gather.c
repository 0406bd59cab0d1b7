/* spool/gather.c: the lanes from the shipper's side: what is in them, in the order of time, and what is dealt
 * with.
 *
 * The order: if one call returned before another began, its entry was published before the other's time was
 * read. So who reads the time first and the lanes' heads after it has every entry that comes before any that
 * it has; entries that are younger than that time are left for the next look. Threads: the shipper, under the
 * spool's lock; gather_heads and gather_populate also without it, gather_bytes and gather_is_empty from any.
 */
#include "base/clock.h"
#include "spool/inside.h"

#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { POPULATE_BYTES = 64 << 10 };

/* A walk through one lane: at its next entry that is not dealt with. */
struct cursor {
	uint32_t lane;
	char *ring;
	uint64_t at;
	uint64_t head;
	struct spool_entry *entry;
};

static struct spool_entry *entry_at(char *ring, uint64_t at)
{
	return (struct spool_entry *)(void *)(ring + at % SPOOL_LANE_BYTES);
}

static uint32_t flags_of(const struct spool_entry *entry)
{
	return atomic_load_explicit(&entry->len_flags, memory_order_relaxed);
}

/* How far the next entry is; 0 when what is there is no entry (the host wrote over it). */
static uint64_t step_len(const struct cursor *c, uint32_t flags)
{
	uint64_t to_end = SPOOL_LANE_BYTES - c->at % SPOOL_LANE_BYTES;
	uint64_t step = flags & SPOOL_PAD ? to_end : spool_room(flags & SPOOL_LEN);
	return step <= to_end && step <= c->head - c->at ? step : 0;
}

/* To the first entry at or behind `at` that is not dealt with; false at the lane's head. */
static bool seek(struct cursor *c)
{
	while (c->at < c->head) {
		c->entry = entry_at(c->ring, c->at);
		uint32_t flags = flags_of(c->entry);
		uint64_t step = step_len(c, flags);
		if (!step)
			return false;
		if (!(flags & (SPOOL_PAD | SPOOL_DONE)))
			return true;
		c->at += step;
	}
	return false;
}

static bool next(struct cursor *c)
{
	c->at += step_len(c, flags_of(c->entry));
	return seek(c);
}

/* Cursors of all lanes that hold anything undone. */
static size_t open_cursors(const struct spool *spool, struct cursor *cursors)
{
	size_t count = 0;
	for (uint32_t i = 0; i < SPOOL_LANES; i++) {
		const struct spool_lane_head *lane = spool_file_lane_head(&spool->file, i);
		struct cursor *c = &cursors[count];
		*c = (struct cursor){
			.lane = i,
			.ring = spool_file_ring(&spool->file, i),
			.head = atomic_load_explicit(&lane->head, memory_order_acquire),
			.at = atomic_load_explicit(&lane->tail, memory_order_relaxed),
		};
		count += c->at < c->head && seek(c);
	}
	return count;
}

static struct cursor *oldest(struct cursor *cursors, size_t count)
{
	struct cursor *first = cursors;
	for (size_t i = 1; i < count; i++)
		if (cursors[i].entry->time_ns < first->entry->time_ns)
			first = &cursors[i];
	return first;
}

/* Visit the undone entries in the order of time, until there are none or the visitor has enough. */
typedef bool visit_fn(struct spool *spool, const struct cursor *at, void *ctx);

static void walk(struct spool *spool, visit_fn *visit, void *ctx)
{
	struct cursor cursors[SPOOL_LANES];
	spool->gathered_ns = clock_mono_ns();
	atomic_thread_fence(memory_order_seq_cst);
#if defined(__x86_64__)
	__builtin_ia32_lfence(); /* reading the clock is no load: only this keeps the loads behind it */
#endif
	size_t count = open_cursors(spool, cursors);
	while (count) {
		struct cursor *c = oldest(cursors, count);
		if (c->entry->time_ns > spool->gathered_ns || !visit(spool, c, ctx))
			return;
		if (!next(c))
			*c = cursors[--count];
	}
}

static struct item item_of(struct spool *spool, const struct cursor *c)
{
	return (struct item){
		.app = c->entry->app < spool->app_count ? spool->apps[c->entry->app] : NULL,
		.at = c->at,
		.n = c->entry->n,
		.time_ns = c->entry->time_ns,
		.lane = c->lane,
		.side = flags_of(c->entry) & SPOOL_SIDE,
	};
}

bool gather_is_blocked(const struct spool_app *app, int64_t now)
{
	return app->retry_at_ns > now || app->spilled_count > 0;
}

bool gather_holds(const struct spool *spool, const struct spool_app *app)
{
	struct cursor cursors[SPOOL_LANES];
	const size_t count = open_cursors(spool, cursors);
	for (size_t i = 0; i < count; i++)
		do
			if (cursors[i].entry->app == app->number)
				return true;
		while (next(&cursors[i]));
	return app->spilled_count > 0;
}

/* ---- a batch ---- */

/* A verdict is for all of an application's records in a batch; so what makes the application comes first in
 * its. */
bool gather_admit(struct batch *batch, struct spool_app *app, uint32_t flags)
{
	bool first = app->batch_round != batch->round;
	if (first) {
		app->batch_round = batch->round;
		app->batch_at = BATCH_LEFT;
		if (batch->app_count < batch->app_max) {
			app->batch_at = (int)batch->app_count;
			batch->judgements[batch->app_count].known = false;
			batch->apps[batch->app_count++] = app;
		}
	} else if (flags & SPOOL_CREATE) {
		app->closed_round = batch->round;
	}
	return app->batch_at != BATCH_LEFT && app->closed_round != batch->round;
}

size_t gather_side_len(struct slice bytes)
{
	struct entry entry;
	struct pb_field field;
	struct pb_reader r = pb_reader(bytes);
	return pb_next(&r, &field) && field.type == PB_BYTES &&
			       entry_read(field.bytes, &entry, NULL) == BURR_OK
		       ? (size_t)entry.side_len
		       : 0;
}

/* False when the host wrote over the entry; then it is lost, and counted. */
static bool check(struct spool *spool, const struct cursor *c, const struct item *item)
{
	if (item->app && c->entry->checksum == spool_checksum(c->entry, flags_of(c->entry) & SPOOL_LEN))
		return true;
	atomic_fetch_or(&c->entry->len_flags, SPOOL_DONE);
	atomic_fetch_add(&spool_file_header(&spool->file)->dropped_count, 1);
	spool->refused_count++;
	spool_set_trouble_locked(spool, SLICE_NONE, SLICE_LIT("the program wrote over its own records"));
	return false;
}

static bool add_to_batch(struct spool *spool, const struct cursor *c, void *ctx)
{
	struct batch *batch = ctx;
	struct item item = item_of(spool, c);
	if (!check(spool, c, &item))
		return true;
	if (item.app->spilled_count)
		return true; /* those in the spill file come first */
	if (item.app->retry_at_ns > spool->gathered_ns) {
		if (item.app->retry_at_ns < batch->retry_at_ns)
			batch->retry_at_ns = item.app->retry_at_ns;
		return true;
	}
	const struct slice bytes = {(const char *)(c->entry + 1), flags_of(c->entry) & SPOOL_LEN};
	size_t cost = bytes.len + (item.side ? gather_side_len(bytes) : 0);
	if (batch->item_count == BATCH_ITEMS_MAX || (batch->item_count && batch->bytes + cost > BATCH_BYTES))
		return false;
	if (!gather_admit(batch, item.app, flags_of(c->entry)))
		return true; /* all of it waits for the next batch */
	batch->items[batch->item_count++] = item;
	batch->bytes += cost;
	buf_append_slice(&batch->entries, bytes);
	return true;
}

void gather_batch(struct spool *spool, struct batch *batch)
{
	spool->heads_seen = gather_heads(spool);
	walk(spool, add_to_batch, batch);
}

/* ---- for the spill file ---- */

struct spilling {
	bool all;
	struct item *items;
	size_t count;
	size_t max;
	struct buf *out;
};

static bool add_to_spill(struct spool *spool, const struct cursor *c, void *ctx)
{
	struct spilling *s = ctx;
	struct item item = item_of(spool, c);
	if (!check(spool, c, &item) || (!s->all && !gather_is_blocked(item.app, spool->gathered_ns)))
		return true;
	uint64_t room = spool_room(flags_of(c->entry) & SPOOL_LEN);
	if (s->count == s->max || (s->count && s->out->len + room > BATCH_BYTES))
		return false;
	const uint32_t before[2] = {c->lane, 0};
	buf_append(s->out, before, sizeof(before));
	buf_append(s->out, c->entry, room);
	s->items[s->count++] = item;
	return true;
}

size_t gather_spilled(struct spool *spool, bool all, struct item *items, size_t item_max, struct buf *out)
{
	struct spilling s = {all, items, 0, item_max, out};
	walk(spool, add_to_spill, &s);
	return out->failed ? 0 : s.count;
}

/* ---- what is dealt with ---- */

bool gather_mark_done(struct spool *spool, const struct item *item)
{
	const struct spool_lane_head *lane = spool_file_lane_head(&spool->file, item->lane);
	if (item->at < atomic_load_explicit(&lane->tail, memory_order_relaxed))
		return false;
	struct spool_entry *entry = entry_at(spool_file_ring(&spool->file, item->lane), item->at);
	return !(atomic_fetch_or(&entry->len_flags, SPOOL_DONE) & SPOOL_DONE);
}

/* What is no entry was written over by the host: all that is behind it in the lane is lost, and counted. */
static void give_up_lane(struct spool *spool, struct cursor *c)
{
	struct spool_lane_head *lane = spool_file_lane_head(&spool->file, c->lane);
	atomic_fetch_add(&spool_file_header(&spool->file)->dropped_count, 1);
	spool_set_trouble_locked(spool, SLICE_NONE, SLICE_LIT("the program wrote over its own records"));
	atomic_store_explicit(&lane->tail, c->head, memory_order_release);
}

void gather_free_done(struct spool *spool)
{
	bool moved = false;
	for (uint32_t i = 0; i < SPOOL_LANES; i++) {
		struct spool_lane_head *lane = spool_file_lane_head(&spool->file, i);
		struct cursor c = {.lane = i, .ring = spool_file_ring(&spool->file, i)};
		c.head = atomic_load_explicit(&lane->head, memory_order_acquire);
		uint64_t tail = c.at = atomic_load_explicit(&lane->tail, memory_order_relaxed);
		bool undone = seek(&c);
		if (!undone && c.at < c.head) {
			give_up_lane(spool, &c);
			moved = true;
		} else if (c.at != tail) {
			atomic_store_explicit(&lane->tail, c.at, memory_order_release);
			moved = true;
		}
	}
	if (!moved)
		return;
	atomic_fetch_add(&spool->room_word, 1);
	if (atomic_load(&spool->room_waiters))
		futex_wake(&spool->room_word);
}

int64_t gather_drained_ns(struct spool *spool)
{
	struct cursor cursors[SPOOL_LANES];
	size_t count = open_cursors(spool, cursors);
	int64_t drained = spool->gathered_ns;
	if (count && oldest(cursors, count)->entry->time_ns < drained)
		drained = oldest(cursors, count)->entry->time_ns;
	return spool->spill.first_ns < drained ? spool->spill.first_ns : drained;
}

static uint64_t held(const struct spool *spool, uint32_t i)
{
	const struct spool_lane_head *lane = spool_file_lane_head(&spool->file, i);
	uint64_t tail = atomic_load(&lane->tail); /* before the head, which it never passes */
	return atomic_load(&lane->head) - tail;
}

unsigned gather_fullness(const struct spool *spool)
{
	uint64_t most = 0;
	for (uint32_t i = 0; i < SPOOL_LANES; i++)
		if (held(spool, i) > most)
			most = held(spool, i);
	return (unsigned)(most * 100 / SPOOL_LANE_BYTES);
}

uint64_t gather_bytes(const struct spool *spool)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < SPOOL_LANES; i++)
		bytes += held(spool, i);
	return bytes;
}

bool gather_is_empty(const struct spool *spool)
{
	return gather_bytes(spool) == 0;
}

uint64_t gather_heads(const struct spool *spool)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < SPOOL_LANES; i++)
		sum += atomic_load(&spool_file_lane_head(&spool->file, i)->head);
	return sum;
}

/* After the kernel has written a page back, the next write to it is a fault of 1 to 5 microseconds: the pages
 * that come next are written to (as far as the kernel is concerned) from here. */
void gather_populate(struct spool *spool)
{
	for (uint32_t i = 0; i < SPOOL_LANES; i++) {
		uint64_t head = atomic_load(&spool_file_lane_head(&spool->file, i)->head);
		if (head == spool->populated_at[i])
			continue;
		spool->populated_at[i] = head;
		uint64_t from = head % SPOOL_LANE_BYTES / 4096 * 4096;
		uint64_t len =
			SPOOL_LANE_BYTES - from < POPULATE_BYTES ? SPOOL_LANE_BYTES - from : POPULATE_BYTES;
		char *ring = spool_file_ring(&spool->file, i);
		madvise(ring + from, len,
			MADV_POPULATE_WRITE); /* older kernels cannot: then calls meet the faults */
		if (len < POPULATE_BYTES)
			madvise(ring, POPULATE_BYTES - len, MADV_POPULATE_WRITE);
	}
}
