#include "catalog/blocks.h"

#include "base/error.h"

#include <stdlib.h>

enum {
	/* A log may be made so that every block might hold every number: no search goes through all of them.
	 * In one whose numbers rise and are taken back, the first that might hold one does. */
	FIND_BLOCKS = 8,
};

void blocks_fini(struct blocks *blocks)
{
	free(blocks->last);
	free(blocks->other);
	free(blocks->parts);
	buf_fini(&blocks->bytes);
	buf_fini(&blocks->ranges);
}

static burr_status no_memory(burr_error *err)
{
	return burr_fail(err, BURR_ENOMEM, "no memory to index");
}

static burr_status damaged(burr_error *err)
{
	return burr_fail(err, BURR_ECORRUPT, "the catalog: a block is damaged");
}

/* ---- rows ---- */

struct bounds {
	int64_t low, high;
	/* Of steps alone. */
	int64_t end, superseded_count;
	struct step_times times;
	bool all_timed;
};

static void widen(struct bounds *bounds, int64_t value)
{
	bounds->low = value < bounds->low ? value : bounds->low;
	bounds->high = value > bounds->high ? value : bounds->high;
}

static void bind_times(sqlite3_stmt *stmt, const struct bounds *bounds)
{
	const struct step_times *times = &bounds->times;
	sqlite3_bind_int64(stmt, 6, bounds->end);
	if (bounds->all_timed && !times->mixed)
		sqlite3_bind_int64(stmt, 7, times->low_us);
	sqlite3_bind_int64(stmt, 8, times->high_us);
	sqlite3_bind_int(stmt, 9, times->zoned);
	sqlite3_bind_int64(stmt, 10, times->count);
	sqlite3_bind_int64(stmt, 11, times->failed_count);
	sqlite3_bind_int64(stmt, 12, times->open_count);
	sqlite3_bind_int64(stmt, 13, times->busy_us);
	sqlite3_bind_int64(stmt, 14, times->longest_us);
	sqlite3_bind_int64(stmt, 15, bounds->superseded_count);
}

static burr_status save_bytes(struct blocks *blocks, enum db_statement which, int64_t n,
	const struct bounds *bounds, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(blocks->db, which, err);
	if (!stmt)
		return db_status(blocks->db);
	if (blocks->bytes.failed)
		return no_memory(err);
	sqlite3_bind_int64(stmt, 1, block_id(blocks->app, n));
	sqlite3_bind_int64(stmt, 2, blocks->app);
	sqlite3_bind_int64(stmt, 3, bounds->low);
	sqlite3_bind_int64(stmt, 4, bounds->high);
	sqlite3_bind_blob(stmt, 5, blocks->bytes.data, (int)blocks->bytes.len, SQLITE_STATIC);
	if (which == DB_SAVE_BLOCK)
		bind_times(stmt, bounds);
	return db_run(blocks->db, stmt, err);
}

static burr_status save_steps(struct blocks *blocks, struct step_block *block, burr_error *err)
{
	if (!block || !block->dirty)
		return BURR_OK;
	struct bounds bounds = {.low = INT64_MAX, .high = INT64_MIN, .end = -1, .times = STEP_TIMES_INIT};
	for (size_t i = 0; i < block->count; i++) {
		const struct step *step = &block->steps[i];
		widen(&bounds, step->seq);
		step_times_add(&bounds.times, step);
		bounds.superseded_count += (step->flags & STEP_SUPERSEDED) != 0;
		if (step->end_len && (int64_t)step->end_at > bounds.end)
			bounds.end = (int64_t)step->end_at;
	}
	bounds.all_timed = bounds.times.count == (int64_t)block->count;
	buf_clear(&blocks->bytes);
	steps_encode(block->steps, block->count, &blocks->bytes);
	burr_status status = save_bytes(blocks, DB_SAVE_BLOCK, block->n, &bounds, err);
	block->dirty = status != BURR_OK;
	return status;
}

static burr_status save_parts(struct blocks *blocks, burr_error *err)
{
	struct part_block *block = blocks->parts;
	if (!block || !block->dirty)
		return BURR_OK;
	struct bounds bounds = {.low = INT64_MAX, .high = INT64_MIN};
	for (size_t i = 0; i < block->count; i++)
		widen(&bounds, block->parts[i].step);
	buf_clear(&blocks->bytes);
	parts_encode(block->parts, block->count, &blocks->bytes);
	burr_status status = save_bytes(blocks, DB_SAVE_PARTS, block->n, &bounds, err);
	block->dirty = status != BURR_OK;
	return status;
}

/* Its bytes; valid until the statement is given back, which the caller does. */
static burr_status load_bytes(struct blocks *blocks, enum db_statement which, int64_t n, sqlite3_stmt **out,
	struct slice *out_bytes, burr_error *err)
{
	bool row;
	sqlite3_stmt *stmt = db_get(blocks->db, which, err);
	if (!stmt)
		return db_status(blocks->db);
	sqlite3_bind_int64(stmt, 1, block_id(blocks->app, n));
	burr_status status = db_step(blocks->db, stmt, &row, err);
	if (status != BURR_OK || !row)
		return status != BURR_OK ? status : damaged(err);
	*out = stmt;
	out_bytes->data = sqlite3_column_blob(stmt, 0);
	out_bytes->len = (size_t)sqlite3_column_bytes(stmt, 0);
	return BURR_OK;
}

static burr_status load_steps(
	struct blocks *blocks, struct step_block *block, int64_t n, size_t count, burr_error *err)
{
	sqlite3_stmt *stmt = NULL;
	struct slice bytes = SLICE_LIT("");
	burr_status status = count ? load_bytes(blocks, DB_LOAD_BLOCK, n, &stmt, &bytes, err) : BURR_OK;
	if (status == BURR_OK && !steps_decode(bytes, count, block->steps))
		status = damaged(err);
	db_done(stmt);
	block->loaded = status == BURR_OK;
	block->dirty = false;
	block->n = n;
	block->count = count;
	return status;
}

/* ---- which block ---- */

static burr_status use_last(struct blocks *blocks, burr_error *err)
{
	if (!blocks->last)
		blocks->last = calloc(1, sizeof(*blocks->last));
	if (!blocks->last)
		return no_memory(err);
	if (blocks->last->loaded)
		return BURR_OK;
	int64_t n = blocks->step_count ? (blocks->step_count - 1) / BLOCK_STEPS : 0;
	return load_steps(blocks, blocks->last, n, (size_t)(blocks->step_count - n * BLOCK_STEPS), err);
}

static burr_status use_other(struct blocks *blocks, int64_t n, burr_error *err)
{
	if (!blocks->other)
		blocks->other = calloc(1, sizeof(*blocks->other));
	if (!blocks->other)
		return no_memory(err);
	if (blocks->other->loaded && blocks->other->n == n)
		return BURR_OK;
	burr_status status = save_steps(blocks, blocks->other, err);
	return status == BURR_OK ? load_steps(blocks, blocks->other, n, BLOCK_STEPS, err) : status;
}

static struct step *find_in(const struct step_block *block, int64_t seq, int64_t *out_number)
{
	for (size_t i = block->count; i > 0; i--) {
		if (block->steps[i - 1].seq != seq)
			continue;
		*out_number = block->n * BLOCK_STEPS + (int64_t)i - 1;
		return (struct step *)&block->steps[i - 1];
	}
	return NULL;
}

static const struct block_range NO_RANGE = {INT64_MAX, INT64_MIN};

static struct block_range *ranges_of(const struct blocks *blocks)
{
	return (struct block_range *)(void *)blocks->ranges.data;
}

/* Asking SQLite for each number takes as long as there are blocks: a run of a million steps that was taken
 * back is asked so once a step. */
static burr_status load_ranges(struct blocks *blocks, int64_t count, burr_error *err)
{
	bool row = false;
	burr_status status;
	sqlite3_stmt *stmt = db_get(blocks->db, DB_LIST_RANGES, err);
	if (!stmt)
		return db_status(blocks->db);
	for (int64_t n = 0; n < count; n++)
		buf_append(&blocks->ranges, &NO_RANGE, sizeof(NO_RANGE));
	if (blocks->ranges.failed)
		return no_memory(err);
	sqlite3_bind_int64(stmt, 1, blocks->app);
	while ((status = db_step(blocks->db, stmt, &row, err)) == BURR_OK && row) {
		int64_t n = sqlite3_column_int64(stmt, 0) - block_id(blocks->app, 0);
		if (n >= 0 && n < count)
			ranges_of(blocks)[n] = (struct block_range){
				sqlite3_column_int64(stmt, 1), sqlite3_column_int64(stmt, 2)};
	}
	blocks->ranges_known = status == BURR_OK;
	return status;
}

/* The next block before `before` that might hold the number; -1: none. */
static burr_status next_candidate(
	struct blocks *blocks, int64_t seq, int64_t before, int64_t *out_n, burr_error *err)
{
	burr_status status = blocks->ranges_known ? BURR_OK : load_ranges(blocks, blocks->last->n, err);
	const struct block_range *ranges = ranges_of(blocks);
	int64_t n = before - 1;
	while (status == BURR_OK && n >= 0 && (seq < ranges[n].low || seq > ranges[n].high))
		n--;
	*out_n = n;
	return status;
}

burr_status blocks_find(
	struct blocks *blocks, int64_t seq, struct step **out, int64_t *out_number, burr_error *err)
{
	*out = NULL;
	if (!blocks->step_count || seq > blocks->max_seq)
		return BURR_OK;
	burr_status status = use_last(blocks, err);
	if (status == BURR_OK)
		*out = find_in(blocks->last, seq, out_number);
	int64_t n = blocks->last ? blocks->last->n : 0;
	for (int i = 0; status == BURR_OK && !*out && n > 0 && i < FIND_BLOCKS; i++) {
		status = next_candidate(blocks, seq, n, &n, err);
		if (status != BURR_OK || n < 0)
			return status;
		status = use_other(blocks, n, err);
		if (status == BURR_OK)
			*out = find_in(blocks->other, seq, out_number);
	}
	return status;
}

burr_status blocks_get(struct blocks *blocks, int64_t number, struct step **out, burr_error *err)
{
	burr_status status = use_last(blocks, err);
	if (status != BURR_OK)
		return status;
	int64_t n = number / BLOCK_STEPS;
	struct step_block *block = blocks->last;
	if (n != block->n) {
		status = use_other(blocks, n, err);
		block = blocks->other;
	}
	if (status == BURR_OK)
		*out = &block->steps[number % BLOCK_STEPS];
	return status;
}

void blocks_touch(struct blocks *blocks, int64_t number)
{
	ranges_add(&blocks->changed, number, number + 1);
	if (number / BLOCK_STEPS == blocks->last->n)
		blocks->last->dirty = true;
	else
		blocks->other->dirty = true;
}

/* ---- adding ---- */

/* The attempt before at the same number gives way. */
static burr_status supersede(struct blocks *blocks, int64_t seq, uint32_t *out_nth, burr_error *err)
{
	struct step *earlier;
	int64_t number;
	burr_status status = blocks_find(blocks, seq, &earlier, &number, err);
	*out_nth = 1;
	if (status != BURR_OK || !earlier)
		return status;
	*out_nth = earlier->nth + 1;
	earlier->flags |= STEP_SUPERSEDED;
	blocks->superseded_count++;
	blocks_touch(blocks, number);
	return BURR_OK;
}

/* Of a block that is full. */
static bool add_range(struct blocks *blocks, const struct step_block *block)
{
	struct block_range range = NO_RANGE;
	for (size_t i = 0; i < block->count; i++) {
		int64_t seq = block->steps[i].seq;
		range.low = seq < range.low ? seq : range.low;
		range.high = seq > range.high ? seq : range.high;
	}
	if (blocks->ranges_known)
		buf_append(&blocks->ranges, &range, sizeof(range));
	return !blocks->ranges.failed;
}

burr_status blocks_add(struct blocks *blocks, int64_t seq, uint64_t at, struct step **out, burr_error *err)
{
	uint32_t nth;
	burr_status status = supersede(blocks, seq, &nth, err);
	if (status == BURR_OK)
		status = use_last(blocks, err);
	if (status != BURR_OK)
		return status;
	struct step_block *last = blocks->last;
	if (last->count == BLOCK_STEPS) {
		status = save_steps(blocks, last, err);
		if (status != BURR_OK)
			return status;
		if (last->n + 1 == BLOCKS_MAX)
			return burr_fail(err, BURR_ETOOBIG, "more steps than a catalog holds");
		if (!add_range(blocks, last))
			return no_memory(err);
		last->n++;
		last->count = 0;
	}
	*out = &last->steps[last->count++];
	**out = (struct step){.seq = seq, .at = at, .nth = nth};
	last->dirty = true;
	ranges_add(&blocks->changed, blocks->step_count, blocks->step_count + 1);
	blocks->step_count++;
	blocks->max_seq = seq > blocks->max_seq ? seq : blocks->max_seq;
	return BURR_OK;
}

static burr_status load_parts(struct blocks *blocks, burr_error *err)
{
	if (!blocks->parts)
		blocks->parts = calloc(1, sizeof(*blocks->parts));
	struct part_block *block = blocks->parts;
	if (!block)
		return no_memory(err);
	if (block->loaded)
		return BURR_OK;
	sqlite3_stmt *stmt = NULL;
	struct slice bytes = SLICE_LIT("");
	block->n = blocks->part_count ? (blocks->part_count - 1) / BLOCK_PARTS : 0;
	block->count = (size_t)(blocks->part_count - block->n * BLOCK_PARTS);
	burr_status status =
		block->count ? load_bytes(blocks, DB_LOAD_PARTS, block->n, &stmt, &bytes, err) : BURR_OK;
	size_t count = 0;
	if (status == BURR_OK && (!parts_decode(bytes, block->parts, &count) || count != block->count))
		status = damaged(err);
	db_done(stmt);
	block->loaded = status == BURR_OK;
	return status;
}

burr_status blocks_add_part(struct blocks *blocks, const struct part *part, burr_error *err)
{
	burr_status status = load_parts(blocks, err);
	if (status != BURR_OK)
		return status;
	struct part_block *block = blocks->parts;
	if (block->count == BLOCK_PARTS) {
		status = save_parts(blocks, err);
		if (status != BURR_OK)
			return status;
		if (block->n + 1 == BLOCKS_MAX)
			return burr_fail(err, BURR_ETOOBIG, "more records than a catalog holds");
		block->n++;
		block->count = 0;
	}
	block->parts[block->count++] = *part;
	block->dirty = true;
	blocks->part_count++;
	return BURR_OK;
}

burr_status blocks_flush(struct blocks *blocks, burr_error *err)
{
	burr_status status = save_steps(blocks, blocks->last, err);
	if (status == BURR_OK)
		status = save_steps(blocks, blocks->other, err);
	return status == BURR_OK ? save_parts(blocks, err) : status;
}
