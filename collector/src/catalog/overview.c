#include "catalog/overview.h"

#include "base/clock.h"
#include "catalog/blocks.h"
#include "catalog/reader.h"

#include <stdlib.h>

struct overviewing {
	struct catalog_reader *reader;
	const struct overview_request *request;
	struct overview *overview;
	int64_t next;
};

static int64_t utc_of(const struct overviewing *o, int64_t us, bool zoned)
{
	return zoned ? us : us - o->request->app->zone_offset_s * 1000000;
}

static struct bucket *bucket_at(const struct overview *overview, int64_t us)
{
	int64_t at = us < overview->from_us ? 0 : (us - overview->from_us) / overview->width_us;
	return &overview->buckets[at < overview->bucket_count ? at : overview->bucket_count - 1];
}

static void add(struct bucket *bucket, int64_t number, const struct step_times *times)
{
	if (!bucket->count)
		bucket->first = number;
	bucket->count += times->count;
	bucket->failed += times->failed_count;
	bucket->open += times->open_count;
	if (__builtin_add_overflow(bucket->busy_us, times->busy_us, &bucket->busy_us))
		bucket->busy_us = INT64_MAX;
	if (times->longest_us > bucket->longest_us)
		bucket->longest_us = times->longest_us;
}

static burr_status add_step(int64_t number, const struct step *step, void *ctx, bool *on, burr_error *err)
{
	struct overviewing *o = ctx;
	struct step_times times = STEP_TIMES_INIT;
	struct step utc = *step;
	(void)on;
	(void)err;
	utc.start_us = utc_of(o, step->start_us, step->flags & STEP_START_ZONED);
	utc.end_us = utc_of(o, step->end_us, step->flags & STEP_END_ZONED);
	step_times_add(&times, &utc);
	if (times.count)
		add(bucket_at(o->overview, times.low_us), number, &times);
	return BURR_OK;
}

/* What the row of a block says of its steps; false when they have to be looked at. */
static bool read_times(const struct overviewing *o, sqlite3_stmt *stmt, struct step_times *out)
{
	if (sqlite3_column_type(stmt, 1) == SQLITE_NULL)
		return false;
	bool zoned = sqlite3_column_int(stmt, 3) != 0;
	*out = (struct step_times){
		.low_us = utc_of(o, sqlite3_column_int64(stmt, 1), zoned),
		.high_us = utc_of(o, sqlite3_column_int64(stmt, 2), zoned),
		.count = sqlite3_column_int64(stmt, 4),
		.failed_count = sqlite3_column_int64(stmt, 5),
		.open_count = sqlite3_column_int64(stmt, 6),
		.busy_us = sqlite3_column_int64(stmt, 7),
		.longest_us = sqlite3_column_int64(stmt, 8),
	};
	return true;
}

static burr_status add_block(struct overviewing *o, sqlite3_stmt *stmt, burr_error *err)
{
	struct step_times times;
	int64_t app = o->request->app->id;
	int64_t first = (sqlite3_column_int64(stmt, 0) - block_id(app, 0)) * BLOCK_STEPS;
	if (first > o->request->from && clock_mono_ns() >= o->request->deadline_ns) {
		o->next = first;
		return BURR_OK;
	}
	if (first >= o->request->from && read_times(o, stmt, &times)) {
		struct bucket *bucket = bucket_at(o->overview, times.low_us);
		if (bucket == bucket_at(o->overview, times.high_us)) {
			add(bucket, first, &times);
			return BURR_OK;
		}
	}
	int64_t from = first > o->request->from ? first : o->request->from;
	struct step_walk walk = {
		.app = app, .from = from, .end = first + BLOCK_STEPS, .each = add_step, .ctx = o};
	return reader_walk_steps(o->reader, &walk, err);
}

static burr_status add_blocks(struct overviewing *o, burr_error *err)
{
	struct db *db = &o->reader->db;
	sqlite3_stmt *stmt = db_get(db, DB_LIST_TIMES, err);
	bool row = false;
	burr_status status;
	if (!stmt)
		return db_status(db);
	int64_t app = o->request->app->id;
	int64_t first = o->request->from / BLOCK_STEPS;
	sqlite3_bind_int64(stmt, 1, app);
	sqlite3_bind_int64(stmt, 2, first < BLOCKS_MAX ? block_id(app, first) : INT64_MAX);
	while ((status = db_step(db, stmt, &row, err)) == BURR_OK && row) {
		status = add_block(o, stmt, err);
		if (status == BURR_OK && o->next < 0)
			continue;
		db_done(stmt);
		return status;
	}
	return status;
}

burr_status catalog_overview(struct catalog_reader *reader, const struct overview_request *request,
	struct overview *overview, int64_t *out_next, burr_error *err)
{
	struct overviewing o = {reader, request, overview, -1};
	burr_status status = reader_begin(reader, err);
	if (status != BURR_OK)
		return reader_answered(reader, status);
	status = reader_end(reader, add_blocks(&o, err), err);
	*out_next = o.next;
	return status;
}
