/* Answers from the catalog. */
#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "catalog/blocks.h"
#include "catalog/reader.h"
#include "catalog/record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- projects ---- */

static burr_status load_statuses(struct db *db, struct catalog_project *project, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, DB_LIST_TALLY, err);
	bool row = false;
	burr_status status;
	if (!stmt)
		return db_status(db);
	db_bind_text(stmt, 1, project->name);
	while ((status = db_step(db, stmt, &row, err)) == BURR_OK && row) {
		int64_t which = sqlite3_column_int64(stmt, 0);
		if (which > 0 && which < STATUS_COUNT)
			project->statuses[which] = sqlite3_column_int64(stmt, 1);
	}
	return status;
}

static burr_status give_project(
	struct db *db, sqlite3_stmt *stmt, catalog_project_fn *each, void *ctx, burr_error *err)
{
	int64_t made_us = sqlite3_column_int64(stmt, 2);
	struct catalog_project project = {
		.name = db_text(stmt, 0),
		.app_count = sqlite3_column_int64(stmt, 1),
		.root_count = sqlite3_column_int64(stmt, 7),
		.created = db_text(stmt, 3),
		.last_written = db_text(stmt, 4),
		.last_us = sqlite3_column_int64(stmt, 5),
		.first_us = made_us,
	};
	char made[TIME_TEXT_LEN + 1];
	time_text(made_us * 1000, made);
	if (sqlite3_column_type(stmt, 6) != SQLITE_NULL)
		project.first_us = sqlite3_column_int64(stmt, 6);
	if (!project.created.len)
		project.created = slice_of(made);
	if (!project.last_written.len)
		project.last_written = slice_of(made);
	burr_status status = load_statuses(db, &project, err);
	if (status == BURR_OK)
		each(&project, ctx);
	return status;
}

static burr_status list_projects(struct db *db, catalog_project_fn *each, void *ctx, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, DB_LIST_PROJECTS, err);
	bool row = false;
	burr_status status;
	if (!stmt)
		return db_status(db);
	while ((status = db_step(db, stmt, &row, err)) == BURR_OK && row) {
		status = give_project(db, stmt, each, ctx, err);
		if (status != BURR_OK) {
			db_done(stmt);
			return status;
		}
	}
	return status;
}

burr_status catalog_list_projects(
	struct catalog_reader *reader, catalog_project_fn *each, void *ctx, burr_error *err)
{
	burr_status status = reader_begin(reader, err);
	if (status != BURR_OK)
		return reader_answered(reader, status);
	return reader_end(reader, list_projects(&reader->db, each, ctx, err), err);
}

static burr_status find_project(
	struct db *db, struct slice name, catalog_project_fn *found, void *ctx, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, DB_FIND_PROJECT_ROW, err);
	bool row;
	if (!stmt)
		return BURR_ECORRUPT;
	db_bind_text(stmt, 1, name);
	burr_status status = db_step(db, stmt, &row, err);
	if (status != BURR_OK)
		return status;
	if (!row)
		return burr_fail(err, BURR_ENOTFOUND, "no project %.*s", SLICE_ARG(name));
	status = give_project(db, stmt, found, ctx, err);
	db_done(stmt);
	return status;
}

burr_status catalog_find_project(struct catalog_reader *reader, struct slice name, catalog_project_fn *found,
	void *ctx, burr_error *err)
{
	burr_status status = reader_begin(reader, err);
	if (status != BURR_OK)
		return reader_answered(reader, status);
	return reader_end(reader, find_project(&reader->db, name, found, ctx, err), err);
}

burr_status catalog_list_activity(struct catalog_reader *reader, int64_t from_us, int64_t hours,
	catalog_hour_fn *each, void *ctx, burr_error *err)
{
	burr_status status = reader_ask(reader, err);
	sqlite3_stmt *stmt = status == BURR_OK ? db_get(&reader->db, DB_LIST_ACTIVITY, err) : NULL;
	bool row = false;
	if (!stmt)
		return reader_answered(reader, status == BURR_OK ? db_status(&reader->db) : status);
	sqlite3_bind_int64(stmt, 1, from_us);
	sqlite3_bind_int64(stmt, 2, hours);
	while ((status = db_step(&reader->db, stmt, &row, err)) == BURR_OK && row) {
		struct catalog_hour hour = {
			.project = db_text(stmt, 0),
			.hour = sqlite3_column_int64(stmt, 1),
			.run_count = sqlite3_column_int64(stmt, 2),
			.failed_count = sqlite3_column_int64(stmt, 3),
		};
		each(&hour, ctx);
	}
	return reader_answered(reader, status);
}

burr_status catalog_list_names(struct catalog_reader *reader, const struct names_request *request,
	catalog_name_fn *each, void *ctx, burr_error *err)
{
	bool partitions = request->kind == CATALOG_PARTITION;
	burr_status status = reader_ask(reader, err);
	sqlite3_stmt *stmt = NULL;
	bool row = false;
	if (status == BURR_OK)
		stmt = db_get(&reader->db, partitions ? DB_SEARCH_PARTITIONS : DB_SEARCH_NAMES, err);
	if (!stmt)
		return reader_answered(reader, status == BURR_OK ? db_status(&reader->db) : status);
	db_bind_text(stmt, 1, request->project);
	db_bind_text(stmt, 2, request->text.data ? request->text : SLICE_LIT(""));
	sqlite3_bind_int64(stmt, 3, request->limit);
	if (!partitions)
		sqlite3_bind_int(stmt, 4, request->kind);
	while ((status = db_step(&reader->db, stmt, &row, err)) == BURR_OK && row)
		each(db_text(stmt, 0), ctx);
	return reader_answered(reader, status);
}

/* ---- applications ---- */

static burr_status count_partition(
	struct db *db, int64_t project, struct slice partition_key, int64_t *out_count, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, DB_COUNT_PARTITION, err);
	bool row;
	if (!stmt)
		return db_status(db);
	sqlite3_bind_int64(stmt, 1, project);
	db_bind_text(stmt, 2, partition_key);
	burr_status status = db_step(db, stmt, &row, err);
	if (row) {
		*out_count = sqlite3_column_int64(stmt, 0);
		db_done(stmt);
	}
	return status;
}

struct app_page {
	struct slice project;
	struct slice partition_key;
	int64_t limit;
	int64_t offset;
};

static burr_status list_apps(struct db *db, const struct app_page *page, int64_t *out_total,
	catalog_app_fn *each, void *ctx, burr_error *err)
{
	int64_t project;
	burr_status status = reader_find_project(db, page->project, &project, out_total, err);
	if (status != BURR_OK || !project)
		return status;
	bool filtered = page->partition_key.data != NULL;
	if (filtered)
		status = count_partition(db, project, page->partition_key, out_total, err);
	if (status != BURR_OK)
		return status;
	sqlite3_stmt *stmt = db_get(db, filtered ? DB_LIST_PARTITION : DB_LIST_APPS, err);
	bool row = false;
	if (!stmt)
		return db_status(db);
	sqlite3_bind_int64(stmt, 1, project);
	sqlite3_bind_int64(stmt, 2, page->limit);
	sqlite3_bind_int64(stmt, 3, page->offset);
	if (filtered)
		db_bind_text(stmt, 4, page->partition_key);
	while ((status = db_step(db, stmt, &row, err)) == BURR_OK && row) {
		struct catalog_app app = reader_app_of(stmt);
		each(&app, ctx);
	}
	return status;
}

burr_status catalog_list_apps(struct catalog_reader *reader, struct slice project, struct slice partition_key,
	int64_t limit, int64_t offset, int64_t *out_total, catalog_app_fn *each, void *ctx, burr_error *err)
{
	struct app_page page = {project, partition_key, limit, offset};
	burr_status status = reader_begin(reader, err);
	if (status != BURR_OK)
		return reader_answered(reader, status);
	return reader_end(reader, list_apps(&reader->db, &page, out_total, each, ctx, err), err);
}

static burr_status find_app(struct db *db, struct slice project, struct slice app_id, catalog_app_fn *found,
	void *ctx, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, DB_FIND_APP, err);
	bool row;
	if (!stmt)
		return db_status(db);
	db_bind_text(stmt, 1, project);
	db_bind_text(stmt, 2, app_id);
	burr_status status = db_step(db, stmt, &row, err);
	if (status != BURR_OK)
		return status;
	if (!row)
		return burr_fail(err, BURR_ENOTFOUND, "no application %.*s in project %.*s",
			SLICE_ARG(app_id), SLICE_ARG(project));
	struct catalog_app app = reader_app_of(stmt);
	found(&app, ctx);
	db_done(stmt);
	return BURR_OK;
}

burr_status catalog_find_app(struct catalog_reader *reader, struct slice project, struct slice app_id,
	catalog_app_fn *found, void *ctx, burr_error *err)
{
	burr_status status = reader_ask(reader, err);
	if (status == BURR_OK)
		status = find_app(&reader->db, project, app_id, found, ctx, err);
	return reader_answered(reader, status);
}

/* ---- steps ---- */

struct giving {
	struct catalog_reader *reader;
	catalog_step_fn *each;
	void *ctx;
};

static burr_status give_step(int64_t number, const struct step *step, void *ctx, bool *on, burr_error *err)
{
	const struct giving *giving = ctx;
	struct catalog_step found = {.number = number, .step = *step};
	burr_status status = reader_get_name(giving->reader, step->action, &found.action, err);
	if (status == BURR_OK)
		status = reader_get_name(giving->reader, step->via, &found.via, err);
	if (status == BURR_OK)
		status = reader_get_name(giving->reader, step->keys, &found.keys, err);
	if (status == BURR_OK)
		*on = giving->each(&found, giving->ctx);
	return status;
}

static burr_status walk_steps(struct catalog_reader *reader, const struct steps_request *request,
	step_walk_fn *each, void *ctx, burr_error *err)
{
	struct step_walk walk = {.app = request->app,
		.from = request->from,
		.end = request->end,
		.each = each,
		.ctx = ctx,
		.back = request->newest_first,
		.of = request->of_one ? &request->sequence_id : NULL};
	burr_status status = reader_begin(reader, err);
	if (status != BURR_OK)
		return reader_answered(reader, status);
	return reader_end(reader, reader_walk_steps(reader, &walk, err), err);
}

burr_status catalog_find_steps(struct catalog_reader *reader, const struct steps_request *request,
	catalog_step_fn *each, void *ctx, burr_error *err)
{
	struct giving giving = {reader, each, ctx};
	return walk_steps(reader, request, give_step, &giving, err);
}

burr_status catalog_list_steps(struct catalog_reader *reader, int64_t app, int64_t from, int64_t end,
	catalog_step_fn *each, void *ctx, burr_error *err)
{
	struct steps_request request = {.app = app, .from = from, .end = end};
	return catalog_find_steps(reader, &request, each, ctx, err);
}

struct bare_giving {
	catalog_bare_step_fn *each;
	void *ctx;
};

static burr_status give_bare(int64_t number, const struct step *step, void *ctx, bool *on, burr_error *err)
{
	const struct bare_giving *giving = ctx;
	(void)err;
	*on = giving->each(number, step, giving->ctx);
	return BURR_OK;
}

burr_status catalog_list_bare_steps(struct catalog_reader *reader, const struct steps_request *request,
	catalog_bare_step_fn *each, void *ctx, burr_error *err)
{
	struct bare_giving giving = {each, ctx};
	return walk_steps(reader, request, give_bare, &giving, err);
}

struct parting {
	catalog_part_fn *each;
	void *ctx;
};

static burr_status give_part(const struct part *part, void *ctx, bool *on, burr_error *err)
{
	const struct parting *parting = ctx;
	(void)err;
	*on = parting->each(part, parting->ctx);
	return BURR_OK;
}

burr_status catalog_list_parts(struct catalog_reader *reader, int64_t app, int64_t from, int64_t end,
	catalog_part_fn *each, void *ctx, burr_error *err)
{
	struct parting parting = {each, ctx};
	struct part_walk walk = {app, from, end, give_part, &parting};
	burr_status status = reader_begin(reader, err);
	if (status != BURR_OK)
		return reader_answered(reader, status);
	return reader_end(reader, reader_walk_parts(reader, &walk, err), err);
}

/* ---- superseded ---- */

struct superseded {
	int64_t app, from;
	catalog_range_fn *each;
	void *ctx;
	int64_t begin, end; /* the stretch that may go on; begin < 0: none */
	bool on;
};

static void give_superseded(struct superseded *s)
{
	if (s->begin >= 0 && s->on)
		s->on = s->each(s->begin, s->end, s->ctx);
	s->begin = -1;
}

static void add_superseded(struct superseded *s, int64_t begin, int64_t end)
{
	begin = begin < s->from ? s->from : begin;
	if (begin >= end)
		return;
	if (s->begin >= 0 && s->end == begin) {
		s->end = end;
		return;
	}
	give_superseded(s);
	s->begin = begin;
	s->end = end;
}

static burr_status add_superseded_block(
	struct superseded *s, sqlite3_stmt *stmt, int64_t total, burr_error *err)
{
	struct step steps[BLOCK_STEPS];
	int64_t first = (sqlite3_column_int64(stmt, 0) - block_id(s->app, 0)) * BLOCK_STEPS;
	size_t count = 0;
	if (sqlite3_column_int64(stmt, 2) == BLOCK_STEPS) {
		add_superseded(s, first, first + BLOCK_STEPS);
		return BURR_OK;
	}
	burr_status status = reader_read_block(stmt, s->app, total, steps, &first, &count, err);
	for (size_t i = 0; status == BURR_OK && i < count; i++)
		if (steps[i].flags & STEP_SUPERSEDED)
			add_superseded(s, first + (int64_t)i, first + (int64_t)i + 1);
	return status;
}

static burr_status list_superseded(struct db *db, struct superseded *s, burr_error *err)
{
	int64_t total;
	int64_t first = s->from / BLOCK_STEPS;
	bool row = false;
	burr_status status = reader_count_steps(db, s->app, &total, err);
	sqlite3_stmt *stmt = status == BURR_OK ? db_get(db, DB_LIST_SUPERSEDED, err) : NULL;
	if (!stmt)
		return status == BURR_OK ? db_status(db) : status;
	sqlite3_bind_int64(stmt, 1, s->app);
	sqlite3_bind_int64(stmt, 2, first < BLOCKS_MAX ? block_id(s->app, first) : INT64_MAX);
	while ((status = db_step(db, stmt, &row, err)) == BURR_OK && row) {
		status = add_superseded_block(s, stmt, total, err);
		if (status == BURR_OK && s->on)
			continue;
		db_done(stmt);
		return status;
	}
	if (status == BURR_OK)
		give_superseded(s);
	return status;
}

burr_status catalog_list_superseded(struct catalog_reader *reader, int64_t app, int64_t from,
	catalog_range_fn *each, void *ctx, burr_error *err)
{
	struct superseded s = {.app = app, .from = from, .each = each, .ctx = ctx, .begin = -1, .on = true};
	burr_status status = reader_begin(reader, err);
	if (status != BURR_OK)
		return reader_answered(reader, status);
	return reader_end(reader, list_superseded(&reader->db, &s, err), err);
}

/* ---- counts ---- */

burr_status catalog_list_uses(struct catalog_reader *reader, int64_t app, enum catalog_use kind,
	catalog_use_fn *each, void *ctx, burr_error *err)
{
	burr_status status = reader_ask(reader, err);
	sqlite3_stmt *stmt = status == BURR_OK ? db_get(&reader->db, DB_LIST_USES, err) : NULL;
	bool row = false;
	if (!stmt)
		return reader_answered(reader, status == BURR_OK ? db_status(&reader->db) : status);
	sqlite3_bind_int64(stmt, 1, app);
	sqlite3_bind_int(stmt, 2, kind);
	while ((status = db_step(&reader->db, stmt, &row, err)) == BURR_OK && row)
		each(db_text(stmt, 0), sqlite3_column_int64(stmt, 1), sqlite3_column_int64(stmt, 2), ctx);
	return reader_answered(reader, status);
}

burr_status catalog_list_edges(
	struct catalog_reader *reader, int64_t app, catalog_edge_fn *each, void *ctx, burr_error *err)
{
	burr_status status = reader_ask(reader, err);
	sqlite3_stmt *stmt = status == BURR_OK ? db_get(&reader->db, DB_LIST_EDGES, err) : NULL;
	bool row = false;
	if (!stmt)
		return reader_answered(reader, status == BURR_OK ? db_status(&reader->db) : status);
	sqlite3_bind_int64(stmt, 1, app);
	while ((status = db_step(&reader->db, stmt, &row, err)) == BURR_OK && row)
		each(db_text(stmt, 0), db_text(stmt, 1), sqlite3_column_int64(stmt, 2), ctx);
	return reader_answered(reader, status);
}

/* ---- the end of a step ---- */

struct place {
	uint64_t offset;
	uint64_t len;
};

/* The ends behind the indexed part: all of them, as negative numbers count in the order of the log. */
struct tail {
	struct place *ends;
	size_t count;
	size_t cap;
	bool has_match; /* of the number asked for: the last one */
	struct place match;
};

static bool tail_add(struct tail *tail, struct place place)
{
	if (tail->count == tail->cap) {
		size_t cap = tail->cap ? tail->cap * 2 : 64;
		struct place *ends = realloc(tail->ends, cap * sizeof(*ends));
		if (!ends)
			return false;
		tail->ends = ends;
		tail->cap = cap;
	}
	tail->ends[tail->count++] = place;
	return true;
}

static burr_status read_tail(int fd, uint64_t from, int64_t seq, struct tail *out, burr_error *err)
{
	CLEAN(log_reader_fini) struct log_reader reader;
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	struct log_line line;
	struct line_record record;
	log_reader_init(&reader, fd, from);
	while (log_reader_next(&reader, &line)) {
		if (!record_read(line.text, &spare, &record) || record.type != LINE_END_ENTRY)
			continue;
		struct place place = {line.offset, line.text.len};
		if (seq < 0 && !tail_add(out, place))
			return burr_fail(err, BURR_ENOMEM, "no memory to read log.jsonl");
		if (record.sequence_id == seq) {
			out->has_match = true;
			out->match = place;
		}
	}
	return reader.status == BURR_OK ? BURR_OK
					: burr_fail(err, reader.status, "log.jsonl: reading failed");
}

static void keep_app(const struct catalog_app *app, void *ctx)
{
	*(struct catalog_app *)ctx = *app; /* only its numbers are used, its texts are gone */
}

/* Its last finished attempt at the number, if there is a later one than *out. */
static void take_ends(const struct step *steps, size_t count, int64_t seq, struct place *out, bool *out_found)
{
	for (size_t i = 0; i < count; i++) {
		if (steps[i].seq != seq || !steps[i].end_len || steps[i].end_at < out->offset)
			continue;
		*out = (struct place){steps[i].end_at, steps[i].end_len};
		*out_found = true;
	}
}

static burr_status find_by_seq(struct db *db, const struct catalog_app *app, int64_t seq, struct place *out,
	bool *out_found, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, DB_LIST_BLOCKS_BY_SEQ, err);
	struct step steps[BLOCK_STEPS];
	int64_t first = 0;
	size_t count = 0;
	bool row = false;
	burr_status status;
	if (!stmt)
		return db_status(db);
	sqlite3_bind_int64(stmt, 1, app->id);
	sqlite3_bind_int64(stmt, 2, seq);
	while ((status = db_step(db, stmt, &row, err)) == BURR_OK && row) {
		status = reader_read_block(stmt, app->id, app->step_count, steps, &first, &count, err);
		if (status == BURR_OK)
			take_ends(steps, count, seq, out, out_found);
		if (status == BURR_OK && !*out_found)
			continue;
		db_done(stmt);
		return status;
	}
	return status;
}

static int compare_back(const void *a, const void *b)
{
	uint64_t left = ((const struct place *)a)->offset;
	uint64_t right = ((const struct place *)b)->offset;
	return left < right ? 1 : left > right ? -1 : 0;
}

/* Whether the one asked for is among those found, given that all others end at or before `rest`. */
static bool is_settled(struct tail *found, uint64_t skip, int64_t rest)
{
	if (found->count <= skip)
		return false;
	qsort(found->ends, found->count, sizeof(*found->ends), compare_back);
	return (int64_t)found->ends[skip].offset > rest;
}

/* Counted from the last end of the log: blocks come by their last end, as steps that overlap end in any
 * order. */
static burr_status find_back(
	struct db *db, const struct catalog_app *app, uint64_t skip, struct tail *found, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, DB_LIST_BLOCKS_BY_END, err);
	struct step steps[BLOCK_STEPS];
	int64_t first = 0;
	size_t count = 0;
	bool row = false;
	burr_status status;
	if (!stmt)
		return db_status(db);
	sqlite3_bind_int64(stmt, 1, app->id);
	while ((status = db_step(db, stmt, &row, err)) == BURR_OK && row) {
		if (is_settled(found, skip, sqlite3_column_int64(stmt, 2))) {
			db_done(stmt);
			return BURR_OK;
		}
		status = reader_read_block(stmt, app->id, app->step_count, steps, &first, &count, err);
		for (size_t i = 0; status == BURR_OK && i < count; i++)
			if (steps[i].end_len &&
				!tail_add(found, (struct place){steps[i].end_at, steps[i].end_len}))
				status = burr_fail(err, BURR_ENOMEM, "no memory to find a step");
		if (status != BURR_OK) {
			db_done(stmt);
			return status;
		}
	}
	(void)is_settled(found, skip, -1); /* sorts them */
	return status;
}

static burr_status find_indexed(struct db *db, const struct catalog_app *app, int64_t seq, uint64_t skip,
	struct place *out, bool *out_found, burr_error *err)
{
	if (seq >= 0)
		return find_by_seq(db, app, seq, out, out_found, err);
	struct tail found = {.ends = NULL};
	burr_status status = find_back(db, app, skip, &found, err);
	*out_found = status == BURR_OK && skip < found.count;
	if (*out_found)
		*out = found.ends[skip];
	free(found.ends);
	return status;
}

uint64_t catalog_indexed_part(const struct catalog_app *app, int fd)
{
	struct stat st;
	int64_t check;
	if (fstat(fd, &st) < 0 || (int64_t)st.st_dev != app->log_dev || (int64_t)st.st_ino != app->log_ino ||
		st.st_size < app->log_len || !log_check_read(fd, (uint64_t)app->log_len, &check) ||
		check != app->log_check)
		return 0;
	return (uint64_t)app->log_len;
}

/* In a read transaction: the row and its steps are of one moment. */
static burr_status find_end(struct db *db, int fd, struct slice project, struct slice app_id, int64_t seq,
	struct tail *tail, struct place *out, bool *out_found, burr_error *err)
{
	struct catalog_app app = {.id = 0};
	burr_status status = find_app(db, project, app_id, keep_app, &app, NULL);
	if (status != BURR_OK && status != BURR_ENOTFOUND)
		return burr_fail(err, status, "the catalog cannot be read");
	uint64_t indexed = status == BURR_OK ? catalog_indexed_part(&app, fd) : 0;
	status = read_tail(fd, indexed, seq, tail, err);
	if (status != BURR_OK)
		return status;
	uint64_t back = seq < 0 ? (uint64_t) - (seq + 1) : 0; /* how many ends come behind it */
	*out_found = seq < 0 ? back < tail->count : tail->has_match;
	if (*out_found)
		*out = seq < 0 ? tail->ends[tail->count - 1 - back] : tail->match;
	else if (indexed)
		status = find_indexed(db, &app, seq, back - tail->count, out, out_found, err);
	return status;
}

burr_status catalog_find_end(struct catalog_reader *reader, struct slice project, struct slice app_id,
	int64_t sequence_id, uint64_t *out_offset, uint64_t *out_len, burr_error *err)
{
	CLEAN(fd_close) int app_fd = -1;
	CLEAN(fd_close) int fd = -1;
	burr_status status = store_open_app(reader->catalog->options.store, project, app_id, &app_fd, err);
	if (status != BURR_OK)
		return status;
	fd = openat(app_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return burr_fail(err, BURR_ENOTFOUND, "application %.*s has no log", SLICE_ARG(app_id));
	status = reader_begin(reader, err);
	if (status != BURR_OK)
		return reader_answered(reader, status);
	struct tail tail = {.ends = NULL};
	struct place place = {0, 0};
	bool found = false;
	status = find_end(&reader->db, fd, project, app_id, sequence_id, &tail, &place, &found, err);
	free(tail.ends);
	status = reader_end(reader, status, err);
	if (status != BURR_OK)
		return status;
	if (!found && sequence_id < 0)
		return burr_fail(err, BURR_ENOTFOUND,
			"application %.*s has no finished step %lld, counted from its end", SLICE_ARG(app_id),
			(long long)sequence_id);
	if (!found)
		return burr_fail(err, BURR_ENOTFOUND, "application %.*s has no finished step %lld",
			SLICE_ARG(app_id), (long long)sequence_id);
	*out_offset = place.offset;
	*out_len = place.len;
	return BURR_OK;
}
