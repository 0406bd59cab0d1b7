/* Each reader has a connection of its own; when the indexer makes the file anew, the generation rises, and
 * readers open the new one at their next question. */
#include "catalog/reader.h"

#include "base/error.h"
#include "catalog/blocks.h"

#include <stdlib.h>

enum { NAMES_KEPT = 10000 };

static void forget_names(struct catalog_reader *reader)
{
	for (struct table_entry *e = table_next(&reader->names, NULL); e; e = table_next(&reader->names, e))
		free(e->value);
	table_fini(&reader->names);
	reader->names = (struct table)TABLE_INIT;
}

burr_status reader_ask(struct catalog_reader *reader, burr_error *err)
{
	unsigned generation = atomic_load(&reader->catalog->generation);
	burr_status status = catalog_check_store(reader->catalog, err);
	if (status != BURR_OK)
		return status;
	if (reader->open && reader->generation == generation)
		return BURR_OK;
	db_close(&reader->db);
	forget_names(reader);
	status = db_open_reader(reader->catalog->path, &reader->db, err);
	reader->open = status == BURR_OK;
	reader->generation = generation;
	/* Between the old file and the new one there is none to open. */
	return status == BURR_EPERM ? burr_fail_in(err, BURR_ELATER, "ask again") : status;
}

/* On the way out of each question: a damaged file is told to the indexer. */
burr_status reader_answered(struct catalog_reader *reader, burr_status status)
{
	if (status != BURR_ECORRUPT)
		return status;
	db_close(&reader->db);
	reader->open = false;
	atomic_store(&reader->catalog->damaged, true);
	catalog_wake(reader->catalog);
	return status;
}

burr_status catalog_reader_open(struct catalog *catalog, struct catalog_reader **out, burr_error *err)
{
	struct catalog_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return burr_fail(err, BURR_ENOMEM, "no memory for a reader of the catalog");
	reader->catalog = catalog;
	burr_status status = reader_answered(reader, reader_ask(reader, err));
	if (status != BURR_OK && status != BURR_ECORRUPT) {
		catalog_reader_close(reader);
		return status;
	}
	*out = reader; /* with a damaged file, it tries again at each question */
	return BURR_OK;
}

void catalog_reader_close(struct catalog_reader *reader)
{
	if (!reader)
		return;
	db_close(&reader->db);
	forget_names(reader);
	free(reader);
}

/* One moment of the catalog, for a question that asks more than once. */
burr_status reader_begin(struct catalog_reader *reader, burr_error *err)
{
	burr_status status = reader_ask(reader, err);
	if (status == BURR_OK && reader->names.count > NAMES_KEPT)
		forget_names(reader);
	return status == BURR_OK ? db_do(&reader->db, DB_BEGIN_READ, err) : status;
}

burr_status reader_end(struct catalog_reader *reader, burr_status status, burr_error *err)
{
	burr_status ended = db_do(&reader->db, DB_COMMIT, status == BURR_OK ? err : NULL);
	return reader_answered(reader, status == BURR_OK ? ended : status);
}

/* ---- names ---- */

struct name {
	size_t len;
	char text[]; /* a NUL may be in it */
};

static struct name *make_name(struct slice text)
{
	struct name *name = malloc(sizeof(*name) + text.len);
	if (!name)
		return NULL;
	name->len = text.len;
	if (text.len)
		memcpy(name->text, text.data, text.len);
	return name;
}

static burr_status load_name(struct catalog_reader *reader, int64_t id, struct name **out, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(&reader->db, DB_GET_NAME, err);
	bool row;
	*out = NULL;
	if (!stmt)
		return db_status(&reader->db);
	sqlite3_bind_int64(stmt, 1, id);
	burr_status status = db_step(&reader->db, stmt, &row, err);
	if (status != BURR_OK || !row)
		return status != BURR_OK ? status
					 : burr_fail(err, BURR_ECORRUPT, "the catalog: a name is missing");
	*out = make_name(db_text(stmt, 0));
	db_done(stmt);
	return *out ? BURR_OK : burr_fail(err, BURR_ENOMEM, "no memory for a name");
}

/* Valid until names are forgotten, which is before a question. */
burr_status reader_get_name(struct catalog_reader *reader, int64_t id, struct slice *out, burr_error *err)
{
	bool added;
	*out = SLICE_NONE;
	if (!id)
		return BURR_OK;
	struct table_entry *entry =
		table_put(&reader->names, (struct slice){(const char *)&id, sizeof(id)}, &added);
	if (!entry)
		return burr_fail(err, BURR_ENOMEM, "no memory for a name");
	struct name *name = entry->value;
	burr_status status = name ? BURR_OK : load_name(reader, id, &name, err);
	entry->value = name;
	if (status != BURR_OK)
		table_remove(&reader->names, entry);
	else
		*out = (struct slice){name->text, name->len};
	return status;
}

/* ---- rows ---- */

static int64_t after(int64_t seq)
{
	return seq < INT64_MAX ? seq + 1 : seq;
}

struct catalog_app reader_app_of(sqlite3_stmt *stmt)
{
	return (struct catalog_app){
		.id = sqlite3_column_int64(stmt, 0),
		.app_id = db_text(stmt, 1),
		.partition_key = db_text(stmt, 2),
		.parent = db_text(stmt, 3),
		.spawning_parent = db_text(stmt, 4),
		.has_graph = sqlite3_column_int(stmt, 5) != 0,
		.has_metadata = sqlite3_column_int(stmt, 6) != 0,
		.first_text = db_text(stmt, 7),
		.first_us = sqlite3_column_int64(stmt, 8),
		.last_text = db_text(stmt, 9),
		.last_us = sqlite3_column_int64(stmt, 10),
		.zone = sqlite3_column_int(stmt, 11),
		.zone_offset_s = sqlite3_column_int64(stmt, 12),
		.num_steps = after(sqlite3_column_int64(stmt, 13)),
		.step_count = sqlite3_column_int64(stmt, 14),
		.damaged = sqlite3_column_int64(stmt, 15),
		.ended = sqlite3_column_int(stmt, 16) != 0,
		.log_dev = sqlite3_column_int64(stmt, 17),
		.log_ino = sqlite3_column_int64(stmt, 18),
		.log_len = sqlite3_column_int64(stmt, 19),
		.log_check = sqlite3_column_int64(stmt, 20),
		.status = sqlite3_column_int(stmt, 21),
		.failed_count = sqlite3_column_int64(stmt, 22),
		.part_count = sqlite3_column_int64(stmt, 23),
		.input_tokens = sqlite3_column_int64(stmt, 24),
		.output_tokens = sqlite3_column_int64(stmt, 25),
		.last_action = db_text(stmt, 26),
		.last_error = db_text(stmt, 27),
		.parent_app = db_text(stmt, 28),
		.last_end_at = sqlite3_column_int64(stmt, 29),
		.last_end_len = sqlite3_column_int64(stmt, 30),
		.side_mark = sqlite3_column_int64(stmt, 31),
		.superseded_count = sqlite3_column_int64(stmt, 32),
	};
}

/* *out_id is 0 for an unknown one. */
burr_status reader_find_project(
	struct db *db, struct slice project, int64_t *out_id, int64_t *out_count, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, DB_FIND_PROJECT, err);
	bool row;
	if (!stmt)
		return db_status(db);
	db_bind_text(stmt, 1, project);
	burr_status status = db_step(db, stmt, &row, err);
	*out_id = *out_count = 0;
	if (row) {
		*out_id = sqlite3_column_int64(stmt, 0);
		*out_count = sqlite3_column_int64(stmt, 1);
		db_done(stmt);
	}
	return status;
}

/* The attempts of a row of DB_LIST_BLOCKS. total: of the run. */
burr_status reader_read_block(sqlite3_stmt *stmt, int64_t app, int64_t total, struct step *out,
	int64_t *out_first, size_t *out_count, burr_error *err)
{
	int64_t first = (sqlite3_column_int64(stmt, 0) - block_id(app, 0)) * BLOCK_STEPS;
	struct slice bytes = {sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1)};
	int64_t count = total - first < BLOCK_STEPS ? total - first : BLOCK_STEPS;
	*out_first = first;
	*out_count = count > 0 ? (size_t)count : 0;
	return steps_decode(bytes, *out_count, out)
		       ? BURR_OK
		       : burr_fail(err, BURR_ECORRUPT, "the catalog: a block is damaged");
}

/* ---- steps and parts ---- */

static burr_status give_block(
	sqlite3_stmt *stmt, const struct step_walk *walk, int64_t total, bool *out_on, burr_error *err)
{
	struct step steps[BLOCK_STEPS];
	int64_t first = 0;
	size_t count = 0;
	burr_status status = reader_read_block(stmt, walk->app, total, steps, &first, &count, err);
	for (size_t i = 0; status == BURR_OK && *out_on && i < count; i++) {
		size_t at = walk->back ? count - 1 - i : i;
		int64_t number = first + (int64_t)at;
		if (number >= walk->from && number < walk->end)
			status = walk->each(number, &steps[at], walk->ctx, out_on, err);
	}
	return status;
}

/* The blocks of a walk, bound. */
static sqlite3_stmt *list_blocks(struct db *db, const struct step_walk *walk, int64_t end, burr_error *err)
{
	enum db_statement which = walk->of     ? DB_LIST_ATTEMPTS
				  : walk->back ? DB_LIST_BLOCKS_BACK
					       : DB_LIST_BLOCKS;
	sqlite3_stmt *stmt = db_get(db, which, err);
	if (!stmt)
		return NULL;
	sqlite3_bind_int64(stmt, 1, block_id(walk->app, walk->from / BLOCK_STEPS));
	sqlite3_bind_int64(stmt, 2, block_id(walk->app, (end - 1) / BLOCK_STEPS));
	if (walk->of) {
		sqlite3_bind_int64(stmt, 3, walk->app);
		sqlite3_bind_int64(stmt, 4, *walk->of);
	}
	return stmt;
}

burr_status reader_count_steps(struct db *db, int64_t app, int64_t *out, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, DB_COUNT_STEPS, err);
	bool row;
	*out = 0;
	if (!stmt)
		return db_status(db);
	sqlite3_bind_int64(stmt, 1, app);
	burr_status status = db_step(db, stmt, &row, err);
	if (row) {
		*out = sqlite3_column_int64(stmt, 0);
		db_done(stmt);
	}
	return status;
}

burr_status reader_walk_steps(struct catalog_reader *reader, const struct step_walk *walk, burr_error *err)
{
	int64_t total;
	bool on = true;
	bool row = false;
	burr_status status = reader_count_steps(&reader->db, walk->app, &total, err);
	int64_t end = walk->end < total ? walk->end : total;
	if (status != BURR_OK || walk->from >= end)
		return status;
	sqlite3_stmt *stmt = list_blocks(&reader->db, walk, end, err);
	if (!stmt)
		return db_status(&reader->db);
	while ((status = db_step(&reader->db, stmt, &row, err)) == BURR_OK && row) {
		status = give_block(stmt, walk, total, &on, err);
		if (status == BURR_OK && on)
			continue;
		db_done(stmt);
		return status;
	}
	return status;
}

/* The walk's among those of a block. */
static burr_status give_parts(struct slice bytes, const struct part_walk *walk, bool *out_on, burr_error *err)
{
	struct part parts[BLOCK_PARTS];
	size_t count = 0;
	burr_status status = BURR_OK;
	if (!parts_decode(bytes, parts, &count))
		return burr_fail(err, BURR_ECORRUPT, "the catalog: a block is damaged");
	for (size_t i = 0; status == BURR_OK && *out_on && i < count; i++)
		if (parts[i].step >= walk->from && parts[i].step < walk->end)
			status = walk->each(&parts[i], walk->ctx, out_on, err);
	return status;
}

static struct slice blob_of(sqlite3_stmt *stmt, int column)
{
	const char *bytes = sqlite3_column_blob(stmt, column);
	return (struct slice){bytes, (size_t)sqlite3_column_bytes(stmt, column)};
}

burr_status reader_walk_parts(struct catalog_reader *reader, const struct part_walk *walk, burr_error *err)
{
	bool on = true;
	bool row = false;
	burr_status status;
	sqlite3_stmt *stmt = db_get(&reader->db, DB_LIST_PARTS, err);
	if (!stmt)
		return db_status(&reader->db);
	sqlite3_bind_int64(stmt, 1, walk->app);
	sqlite3_bind_int64(stmt, 2, walk->from);
	sqlite3_bind_int64(stmt, 3, walk->end - 1);
	while ((status = db_step(&reader->db, stmt, &row, err)) == BURR_OK && row) {
		status = give_parts(blob_of(stmt, 1), walk, &on, err);
		if (status == BURR_OK && on)
			continue;
		db_done(stmt);
		return status;
	}
	return status;
}

/* ---- parts of one step after another ---- */

struct part_range {
	int64_t low, high; /* steps */
	int64_t lowest;    /* of this block and all behind it */
	int64_t highest;   /* of this block and all before it */
};

void part_ranges_fini(struct part_ranges *ranges)
{
	buf_fini(&ranges->ranges);
}

static struct part_range *ranges_of(const struct part_ranges *ranges, size_t *out_count)
{
	*out_count = ranges->ranges.len / sizeof(struct part_range);
	return (struct part_range *)(void *)ranges->ranges.data;
}

static void settle_ranges(struct part_ranges *ranges)
{
	size_t count;
	struct part_range *all = ranges_of(ranges, &count);
	int64_t highest = INT64_MIN;
	int64_t lowest = INT64_MAX;
	for (size_t i = 0; i < count; i++) {
		highest = all[i].high > highest ? all[i].high : highest;
		all[i].highest = highest;
	}
	for (size_t i = count; i > 0; i--) {
		lowest = all[i - 1].low < lowest ? all[i - 1].low : lowest;
		all[i - 1].lowest = lowest;
	}
}

static burr_status load_ranges(
	struct catalog_reader *reader, int64_t app, struct part_ranges *out, burr_error *err)
{
	static const struct part_range none = {INT64_MAX, INT64_MIN, 0, 0};
	bool row = false;
	size_t count;
	burr_status status;
	sqlite3_stmt *stmt = db_get(&reader->db, DB_LIST_PART_RANGES, err);
	if (!stmt)
		return db_status(&reader->db);
	sqlite3_bind_int64(stmt, 1, app);
	while ((status = db_step(&reader->db, stmt, &row, err)) == BURR_OK && row) {
		int64_t n = sqlite3_column_int64(stmt, 0) - block_id(app, 0);
		if (n < 0 || n >= BLOCKS_MAX) {
			db_done(stmt);
			return burr_fail(err, BURR_ECORRUPT, "the catalog: a block is damaged");
		}
		for (ranges_of(out, &count); (int64_t)count <= n && !out->ranges.failed; count++)
			buf_append(&out->ranges, &none, sizeof(none));
		if (out->ranges.failed) {
			db_done(stmt);
			return burr_fail(err, BURR_ENOMEM, "no memory for a question");
		}
		struct part_range *all = ranges_of(out, &count);
		all[n].low = sqlite3_column_int64(stmt, 1);
		all[n].high = sqlite3_column_int64(stmt, 2);
	}
	settle_ranges(out);
	out->known = status == BURR_OK;
	return status;
}

static burr_status walk_block(
	struct catalog_reader *reader, int64_t n, const struct part_walk *walk, bool *out_on, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(&reader->db, DB_LOAD_PARTS, err);
	bool row;
	if (!stmt)
		return db_status(&reader->db);
	sqlite3_bind_int64(stmt, 1, block_id(walk->app, n));
	burr_status status = db_step(&reader->db, stmt, &row, err);
	if (status != BURR_OK || !row)
		return status;
	status = give_parts(blob_of(stmt, 0), walk, out_on, err);
	db_done(stmt);
	return status;
}

/* The first block behind which, with it, all that the walk wants lies. */
static size_t first_block(const struct part_range *all, size_t count, int64_t from)
{
	size_t low = 0;
	size_t high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (all[middle].highest < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

burr_status reader_walk_parts_of(struct catalog_reader *reader, struct part_ranges *ranges,
	const struct part_walk *walk, burr_error *err)
{
	burr_status status = ranges->known ? BURR_OK : load_ranges(reader, walk->app, ranges, err);
	size_t count;
	const struct part_range *all = ranges_of(ranges, &count);
	bool on = true;
	if (status != BURR_OK)
		return status;
	for (size_t i = first_block(all, count, walk->from);
		status == BURR_OK && on && i < count && all[i].lowest < walk->end; i++)
		if (all[i].high >= walk->from && all[i].low < walk->end)
			status = walk_block(reader, (int64_t)i, walk, &on, err);
	return status;
}
