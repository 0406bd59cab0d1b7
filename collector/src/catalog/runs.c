#include "catalog/runs.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/names.h"
#include "catalog/reader.h"
#include "catalog/source.h"

#include <inttypes.h>
#include <stdio.h>

static const char *sort_word(enum run_sort sort)
{
#define RUN_SORT_WORD(name, text, sql) text,
	static const char *const words[] = {RUN_SORT_LIST(RUN_SORT_WORD)};
#undef RUN_SORT_WORD
	return words[sort];
}

bool run_sort_of(struct slice word, enum run_sort *out)
{
	for (size_t i = 0; i < RUN_SORT_COUNT; i++) {
		if (!slice_is(word, sort_word(i)))
			continue;
		*out = i;
		return true;
	}
	return false;
}

static const char *sort_sql(enum run_sort sort)
{
#define RUN_SORT_SQL(name, word, text) text,
	static const char *const texts[] = {RUN_SORT_LIST(RUN_SORT_SQL)};
#undef RUN_SORT_SQL
	return texts[sort];
}

/* ---- the statement ---- */

struct bound {
	struct slice text; /* SLICE_NONE: number */
	int64_t number;
};

enum { BOUND_MAX = FILTER_MAX_VALUES * 2 + 16 };

/* WHERE, as text and what is bound in it. All that a request holds is bound; the text is made of ours alone.
 */
struct where {
	struct buf sql;
	struct bound bound[BOUND_MAX];
	int count;
};

static void put_number(struct where *where, int64_t number)
{
	where->bound[where->count++] = (struct bound){SLICE_NONE, number};
	buf_append_str(&where->sql, "?");
}

static void put_text(struct where *where, struct slice text)
{
	where->bound[where->count++] = (struct bound){text.data ? text : SLICE_LIT(""), 0};
	buf_append_str(&where->sql, "?");
}

static void put_range(struct where *where, const char *column, const struct filter_value *value)
{
	buf_printf(&where->sql, "%s BETWEEN ", column);
	put_number(where, value->low);
	buf_append_str(&where->sql, " AND ");
	put_number(where, value->high);
}

static void put_status(struct where *where, const struct filter_value *value)
{
	static const enum catalog_status statuses[] = {
		[FILTER_STATUS_RUNNING] = STATUS_RUNNING,
		[FILTER_STATUS_LOST] = STATUS_LOST,
		[FILTER_STATUS_UNKNOWN] = STATUS_UNKNOWN,
		[FILTER_STATUS_FAILED] = STATUS_FAILED,
		[FILTER_STATUS_OK] = STATUS_OK,
		[FILTER_STATUS_WAITING] = STATUS_WAITING,
	};
	buf_append_str(&where->sql, "status = ");
	put_number(where, statuses[value->word]);
}

static void put_is(struct where *where, const struct filter_value *value)
{
	static const char *const texts[] = {
		[FILTER_IS_ROOT] = "parent_app IS NULL",
		[FILTER_IS_FORKED] = "parent IS NOT NULL",
		[FILTER_IS_SPAWNED] = "spawning_parent IS NOT NULL",
		[FILTER_IS_DAMAGED] = "damaged > 0",
	};
	buf_append_str(&where->sql, texts[value->word]);
}

static void put_used(struct where *where, enum name_kind kind, struct slice name)
{
	buf_append_str(&where->sql,
		"EXISTS(SELECT 1 FROM name n JOIN use u ON u.name = n.id WHERE n.project ="
		" application.project AND n.kind = ");
	put_number(where, kind);
	buf_append_str(&where->sql, " AND n.text = ");
	put_text(where, name);
	buf_append_str(&where->sql, " AND u.application = application.id)");
}

/* What is absent is nobody's equal, and so a negated term holds for it. */
static void put_equal(struct where *where, const char *column, struct slice text)
{
	buf_printf(&where->sql, "%s IS ", column);
	put_text(where, text);
}

/* One value of a term that SQLite can decide. A + keeps it from an index of runs of which most may fit, as it
 * would have to sort them for each page. */
static void put_value(struct where *where, const struct filter_term *term, const struct filter_value *value)
{
	switch (term->kind) {
	case FILTER_STATUS:
		put_status(where, value);
		break;
	case FILTER_IS:
		put_is(where, value);
		break;
	case FILTER_ACTION:
		put_used(where, NAME_ACTION, value->text);
		break;
	case FILTER_PARTITION:
		put_equal(where, "partition_key", value->text);
		break;
	case FILTER_APP:
		put_equal(where, "app_id", value->text);
		break;
	case FILTER_PARENT:
		put_equal(where, "parent_app", value->text);
		break;
	case FILTER_STEPS:
		put_range(where, "+step_count", value);
		break;
	case FILTER_TOKENS:
		put_range(where, "+tokens", value);
		break;
	case FILTER_DURATION:
		put_range(where, "+duration_us", value);
		break;
	default: /* after, before; and attributes, by their name */
		if (term->kind == FILTER_ATTR)
			put_used(where, NAME_ATTRIBUTE, term->path);
		else
			put_range(where, "last_us", value);
		break;
	}
}

/* Whether rows alone tell. */
static bool rows_decide(const struct filter_term *term)
{
	switch (term->kind) {
	case FILTER_FREE:
	case FILTER_ERROR:
	case FILTER_STATE:
	case FILTER_INPUT:
		return false;
	default:
		break;
	}
	for (size_t i = 0; i < term->value_count; i++) {
		if (term->values[i].has_wildcard ||
			(term->kind == FILTER_ATTR && term->values[i].form != FILTER_EXISTS))
			return false;
	}
	return true;
}

static bool all_rows_decide(const struct filter *filter)
{
	for (size_t i = 0; filter && i < filter->term_count; i++)
		if (!rows_decide(&filter->terms[i]))
			return false;
	return true;
}

static void put_terms(struct where *where, const struct filter *filter)
{
	for (size_t i = 0; filter && i < filter->term_count; i++) {
		const struct filter_term *term = &filter->terms[i];
		if (!rows_decide(term))
			continue;
		buf_append_str(&where->sql, term->negated ? " AND NOT (" : " AND (");
		for (size_t j = 0; j < term->value_count; j++) {
			buf_append_str(&where->sql, j ? " OR " : "");
			put_value(where, term, &term->values[j]);
		}
		buf_append_str(&where->sql, ")");
	}
}

/* project: 0 for all. */
static void put_where(struct where *where, int64_t project, const struct runs_request *request)
{
	buf_append_str(
		&where->sql, project ? " FROM application WHERE project = " : " FROM application WHERE 1");
	if (project)
		put_number(where, project);
	if (request->parent.data) {
		buf_append_str(&where->sql, " AND parent_app = ");
		put_text(where, request->parent);
	} else if (request->roots_only) {
		buf_append_str(&where->sql, " AND root = 1");
	}
	put_terms(where, request->filter);
}

static burr_status prepare(struct db *db, const struct where *where, sqlite3_stmt **out, burr_error *err)
{
	if (where->sql.failed)
		return burr_fail(err, BURR_ENOMEM, "no memory to list runs");
	*out = db_get_text(db, where->sql.data, err);
	if (!*out)
		return db_status(db);
	for (int i = 0; i < where->count; i++) {
		if (where->bound[i].text.data)
			db_bind_text(*out, i + 1, where->bound[i].text);
		else
			sqlite3_bind_int64(*out, i + 1, where->bound[i].number);
	}
	return BURR_OK;
}

static burr_status count_first(
	struct db *db, int64_t project, const struct runs_request *request, int64_t *out, burr_error *err)
{
	struct where where = {.sql = BUF_INIT};
	sqlite3_stmt *stmt = NULL;
	buf_append_str(&where.sql, "SELECT count(*) FROM (SELECT 1");
	put_where(&where, project, request);
	buf_append_str(&where.sql, " LIMIT ");
	put_number(&where, RUNS_COUNTED_MAX + 1);
	buf_append_str(&where.sql, ")");
	burr_status status = prepare(db, &where, &stmt, err);
	if (status == BURR_OK && sqlite3_step(stmt) == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	else if (status == BURR_OK)
		status = db_fail(db, "count runs", err);
	db_done(stmt);
	buf_fini(&where.sql);
	return status;
}

static burr_status count_roots(struct db *db, int64_t project, int64_t *out, burr_error *err)
{
	bool row;
	sqlite3_stmt *stmt = db_get(db, DB_COUNT_ROOTS, err);
	if (!stmt)
		return db_status(db);
	sqlite3_bind_int64(stmt, 1, project);
	burr_status status = db_step(db, stmt, &row, err);
	if (row) {
		*out = sqlite3_column_int64(stmt, 0);
		db_done(stmt);
	}
	return status;
}

/* all: how many the project has. */
static burr_status count_runs(struct db *db, int64_t project, int64_t all, const struct runs_request *request,
	int64_t *out, burr_error *err)
{
	bool any = request->filter && request->filter->term_count;
	if (!any && !request->parent.data && request->project.data) {
		*out = all;
		return request->roots_only ? count_roots(db, project, out, err) : BURR_OK;
	}
	if (!all_rows_decide(request->filter))
		return BURR_OK;
	burr_status status = count_first(db, project, request, out, err);
	if (status == BURR_OK && *out > RUNS_COUNTED_MAX)
		*out = -1;
	return status;
}

/* ---- what only logs tell ---- */

struct match {
	struct catalog_reader *reader;
	const struct catalog_app *app;
	struct source source; /* its log, opened when it is asked for */
	burr_status status;
	burr_error *err;
};

struct uses {
	const struct filter_value *value;
	bool anywhere; /* as free text: a part of a name will do */
	bool found;
};

static burr_status match_uses(struct match *match, struct uses *uses)
{
	struct db *db = &match->reader->db;
	sqlite3_stmt *stmt = db_get(db, DB_LIST_USES, match->err);
	bool row = false;
	burr_status status;
	if (!stmt)
		return db_status(db);
	sqlite3_bind_int64(stmt, 1, match->app->id);
	sqlite3_bind_int(stmt, 2, NAME_ACTION);
	while ((status = db_step(db, stmt, &row, match->err)) == BURR_OK && row) {
		struct slice name = db_text(stmt, 0);
		if (uses->anywhere ? filter_contains(name, uses->value->text)
				   : filter_text_matches(uses->value, name)) {
			uses->found = true;
			db_done(stmt);
			return BURR_OK;
		}
	}
	return status;
}

static bool match_action(struct match *match, const struct filter_value *value, bool anywhere)
{
	struct uses uses = {value, anywhere, false};
	match->status = match_uses(match, &uses);
	return uses.found;
}

static bool match_free(struct match *match, const struct filter_value *value)
{
	const struct catalog_app *app = match->app;
	return filter_contains(app->app_id, value->text) ||
	       filter_contains(app->partition_key, value->text) ||
	       filter_contains(app->last_error, value->text) || match_action(match, value, true);
}

struct look {
	const struct filter_term *term;
	const struct filter_value *value;
	bool found;
};

/* A line of the run: the state after its last step, a step's inputs, an attribute. */
static bool look_at_line(const struct line_record *record, void *ctx)
{
	struct look *look = ctx;
	struct slice value = SLICE_NONE;
	if (look->term->kind == FILTER_STATE)
		value = json_find_path(record->state, look->term->path);
	else if (look->term->kind == FILTER_INPUT)
		value = json_find_path(record->inputs, look->term->path);
	else if (json_text_is(record->key, look->term->path))
		value = record->value;
	look->found = value.data && filter_json_matches(look->value, value);
	return !look->found;
}

static bool match_lines(struct match *match, const struct filter_term *term, const struct filter_value *value)
{
	struct look look = {term, value, false};
	if (term->kind == FILTER_STATE)
		match->status = source_last_end(&match->source, match->app, look_at_line, &look, match->err);
	else if (term->kind == FILTER_INPUT)
		match->status = source_begins(&match->source, match->app, look_at_line, &look, match->err);
	else
		match->status =
			source_attributes(&match->source, match->app, look_at_line, &look, match->err);
	return look.found;
}

static bool match_value(struct match *match, const struct filter_term *term, const struct filter_value *value)
{
	switch (term->kind) {
	case FILTER_FREE:
		return match_free(match, value);
	case FILTER_ERROR:
		return filter_contains(match->app->last_error, value->text);
	case FILTER_ACTION:
		return match_action(match, value, false);
	case FILTER_PARTITION:
		return filter_text_matches(value, match->app->partition_key);
	case FILTER_APP:
		return filter_text_matches(value, match->app->app_id);
	case FILTER_PARENT:
		return filter_text_matches(value, match->app->parent_app);
	default:
		return match_lines(match, term, value);
	}
}

static bool match_run(struct match *match, const struct filter *filter)
{
	bool all = true;
	for (size_t i = 0; filter && all && match->status == BURR_OK && i < filter->term_count; i++) {
		const struct filter_term *term = &filter->terms[i];
		bool any = false;
		if (rows_decide(term))
			continue;
		for (size_t j = 0; !any && match->status == BURR_OK && j < term->value_count; j++)
			any = match_value(match, term, &term->values[j]);
		all = any != term->negated;
	}
	return all && match->status == BURR_OK;
}

/* ---- pages ---- */

struct place {
	int64_t value; /* what is sorted by */
	int64_t id;
};

/* The sort as it is asked for, then the place: "-last_1764547200000000_17". A place of one order is none of
 * another. */
static burr_status read_cursor(
	struct slice text, const struct runs_request *request, struct place *out, burr_error *err)
{
	const char *start = text.data ? text.data : "";
	const char *last = memrchr(start, '_', text.len);
	const char *first = last ? memrchr(start, '_', (size_t)(last - start)) : NULL;
	if (!first || !json_to_int((struct slice){first + 1, (size_t)(last - first - 1)}, &out->value) ||
		!json_to_int((struct slice){last + 1, text.len - (size_t)(last + 1 - text.data)}, &out->id))
		return burr_fail(err, BURR_EINVAL, "cursor: it is none that a page gave");
	struct slice word = {text.data, (size_t)(first - text.data)};
	bool descending = slice_starts(word, "-");
	struct slice name = {word.data + descending, word.len - descending};
	enum run_sort sort;
	if (!run_sort_of(name, &sort))
		return burr_fail(err, BURR_EINVAL, "cursor: it is none that a page gave");
	if (sort != request->sort || descending == request->ascending)
		return burr_fail(err, BURR_EINVAL, "cursor: it is of a page by sort=%.*s, not by sort=%s%s",
			SLICE_ARG(word), request->ascending ? "" : "-", sort_word(request->sort));
	return BURR_OK;
}

static void put_cursor(struct buf *out, const struct runs_request *request, const struct place *place)
{
	buf_clear(out);
	buf_printf(out, "%s%s_%" PRId64 "_%" PRId64, request->ascending ? "" : "-", sort_word(request->sort),
		place->value, place->id);
}

static void put_page(
	struct where *where, int64_t project, const struct runs_request *request, const struct place *after)
{
	const char *column = sort_sql(request->sort);
	/* Children are few: they are found by their parent's index, which has the last ones first. */
	const char *plus = request->parent.data && request->sort != RUN_BY_LAST ? "+" : "";
	const char *order = request->ascending ? "ASC" : "DESC";
	buf_printf(&where->sql,
		"SELECT " DB_APP_COLUMNS ", %s, project, (SELECT name FROM project p WHERE p.id ="
		" application.project)",
		column);
	put_where(where, project, request);
	if (after) {
		buf_printf(&where->sql, " AND (%s%s, id) %s (", plus, column, request->ascending ? ">" : "<");
		put_number(where, after->value);
		buf_append_str(&where->sql, ", ");
		put_number(where, after->id);
		buf_append_str(&where->sql, ")");
	}
	buf_printf(&where->sql, " ORDER BY %s%s %s, id %s", plus, column, order, order);
}

static burr_status count_children(struct db *db, int64_t project, struct catalog_app *app, burr_error *err)
{
	bool row;
	sqlite3_stmt *stmt = db_get(db, DB_COUNT_CHILDREN, err);
	if (!stmt)
		return db_status(db);
	sqlite3_bind_int64(stmt, 1, project);
	db_bind_text(stmt, 2, app->app_id);
	burr_status status = db_step(db, stmt, &row, err);
	if (row) {
		app->child_count = sqlite3_column_int64(stmt, 0);
		db_done(stmt);
	}
	return status;
}

struct row {
	int64_t deadline_ns; /* 0: it gets all the time that it needs */
	bool fits;
	bool cut; /* there was no time to tell */
};

static burr_status take_row(struct catalog_reader *reader, const struct runs_request *request,
	int64_t project, struct catalog_app *app, struct row *row, burr_error *err)
{
	struct match match = {reader, app, SOURCE_INIT, BURR_OK, err};
	source_init(&match.source, reader, app->project);
	match.source.deadline_ns = row->deadline_ns;
	row->fits = match_run(&match, request->filter);
	row->cut = match.source.cut;
	source_fini(&match.source);
	if (match.status == BURR_OK && row->fits && !row->cut)
		match.status = count_children(&reader->db, project, app, err);
	return match.status;
}

/* The first run of a page is looked at to its end, however long its log is, so that each page gets on. */
static burr_status take_rows(struct catalog_reader *reader, const struct runs_request *request,
	sqlite3_stmt *stmt, catalog_app_fn *each, void *ctx, struct runs_page *out, burr_error *err)
{
	int64_t count = 0;
	struct place last = {0, 0};
	struct row row = {.deadline_ns = 0};
	int code;
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (count == request->limit || !out->complete) {
			put_cursor(&out->cursor, request, &last);
			return BURR_OK;
		}
		struct catalog_app app = reader_app_of(stmt);
		app.project = db_text(stmt, DB_APP_COLUMN_COUNT + 2);
		burr_status status = take_row(reader, request,
			sqlite3_column_int64(stmt, DB_APP_COLUMN_COUNT + 1), &app, &row, err);
		if (status != BURR_OK)
			return status;
		if (row.cut) {
			out->complete = false;
			put_cursor(&out->cursor, request, &last);
			return BURR_OK;
		}
		if (row.fits) {
			each(&app, ctx);
			count++;
		}
		last = (struct place){sqlite3_column_int64(stmt, DB_APP_COLUMN_COUNT), app.id};
		out->complete = clock_mono_ns() < request->deadline_ns;
		row.deadline_ns = request->deadline_ns;
	}
	out->complete = true; /* whatever the time, that was all */
	return code == SQLITE_DONE ? BURR_OK : db_fail(&reader->db, "list runs", err);
}

static burr_status list_runs(struct catalog_reader *reader, const struct runs_request *request,
	const struct place *after, catalog_app_fn *each, void *ctx, struct runs_page *out, burr_error *err)
{
	int64_t project = 0;
	int64_t count = 0;
	burr_status status = BURR_OK;
	if (request->project.data)
		status = reader_find_project(&reader->db, request->project, &project, &count, err);
	if (status != BURR_OK || (request->project.data && !project)) {
		out->total = 0;
		return status;
	}
	if (!after)
		status = count_runs(&reader->db, project, count, request, &out->total, err);
	if (status != BURR_OK)
		return status;
	struct where where = {.sql = BUF_INIT};
	sqlite3_stmt *stmt = NULL;
	put_page(&where, project, request, after);
	status = prepare(&reader->db, &where, &stmt, err);
	if (status == BURR_OK)
		status = take_rows(reader, request, stmt, each, ctx, out, err);
	db_done(stmt);
	buf_fini(&where.sql);
	return status;
}

burr_status catalog_list_runs(struct catalog_reader *reader, const struct runs_request *request,
	catalog_app_fn *each, void *ctx, struct runs_page *out, burr_error *err)
{
	struct place after;
	bool goes_on = request->cursor.len > 0;
	if (goes_on) {
		burr_status status = read_cursor(request->cursor, request, &after, err);
		if (status != BURR_OK)
			return status;
	}
	out->total = -1;
	out->complete = true;
	buf_clear(&out->cursor);
	burr_status status = reader_begin(reader, err);
	if (status != BURR_OK)
		return reader_answered(reader, status);
	return reader_end(
		reader, list_runs(reader, request, goes_on ? &after : NULL, each, ctx, out, err), err);
}

static burr_status find_run(struct db *db, struct slice project, struct slice app_id, catalog_app_fn *found,
	void *ctx, burr_error *err)
{
	int64_t project_id;
	int64_t count;
	bool row = false;
	burr_status status = reader_find_project(db, project, &project_id, &count, err);
	if (status != BURR_OK)
		return status;
	sqlite3_stmt *stmt = db_get(db, DB_FIND_APP, err);
	if (!stmt)
		return BURR_ECORRUPT;
	db_bind_text(stmt, 1, project);
	db_bind_text(stmt, 2, app_id);
	status = db_step(db, stmt, &row, err);
	if (status != BURR_OK)
		return status;
	if (!row)
		return burr_fail(err, BURR_ENOTFOUND, "no application %.*s in project %.*s",
			SLICE_ARG(app_id), SLICE_ARG(project));
	struct catalog_app app = reader_app_of(stmt);
	status = count_children(db, project_id, &app, err);
	if (status == BURR_OK)
		found(&app, ctx);
	db_done(stmt);
	return status;
}

burr_status catalog_find_run(struct catalog_reader *reader, struct slice project, struct slice app_id,
	catalog_app_fn *found, void *ctx, burr_error *err)
{
	burr_status status = reader_begin(reader, err);
	if (status != BURR_OK)
		return reader_answered(reader, status);
	return reader_end(reader, find_run(&reader->db, project, app_id, found, ctx, err), err);
}
