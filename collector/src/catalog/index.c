#include "catalog/index.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/blocks.h"
#include "catalog/catalog.h"
#include "catalog/facts.h"
#include "catalog/graph.h"
#include "catalog/keys.h"
#include "catalog/pointer.h"
#include "catalog/record.h"
#include "catalog/tally.h"
#include "catalog/times.h"
#include "store/line.h"
#include "store/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
	CHECK_BYTES = 64,         /* before the place reached; a log that differs there is another one */
	COMMIT_MS = 500,          /* a long log is committed in between, so a crash costs no more than that */
	LOOK_LINES = 64,          /* how often to look at the time */
	SIDE_FILE_MAX = 64 << 20, /* as in store/create.c */
	ERROR_MAX = 300,          /* bytes of an exception that lists show; the line has it all */
	STRANGER_S = 60,          /* so long after its last record one without a spool is taken to live */
};

void indexer_init(struct indexer *indexer, const struct store *store, struct db *db)
{
	*indexer = (struct indexer){.store = store, .db = db, .spare = BUF_INIT, .text = BUF_INIT};
	names_init(&indexer->names, db);
	alive_init(&indexer->alive, store);
}

void indexer_fini(struct indexer *indexer)
{
	names_fini(&indexer->names);
	alive_fini(&indexer->alive);
	buf_fini(&indexer->spare);
	buf_fini(&indexer->text);
}

void indexer_forget(struct indexer *indexer)
{
	names_forget(&indexer->names);
}

/* ---- one pass over one application ---- */

struct stamp {
	char text[64];
	size_t len; /* 0: none */
};

/* What a row holds of the log, up to the place reached. */
struct progress {
	struct stamp first, last;
	int64_t last_us, zone_offset_s;
	enum catalog_zone zone;
	bool has_low;
	int64_t low_us;
	int64_t newest_seq, failed_count, damaged;
	int64_t input_tokens, output_tokens;
	bool ended;
	int64_t last_end_at, last_end_len, last_end_seq;
	char writer[WRITER_ID_LEN + 1]; /* of the last step begun; empty: it did not say */
	enum catalog_status status;
	int64_t log_dev, log_ino, log_len, log_check, log_mark;
};

struct pass {
	struct indexer *indexer;
	int64_t id, project;
	int64_t side_mark;
	struct progress at;
	struct blocks blocks;
	struct keys keys; /* of the states up to the last end */
	struct tally uses, edges;
	struct buf last_action, last_error, finals;
	struct buf parent; /* app_id; empty: none */

	/* The step begun last, for times with a zone inside it, and the action before the next. */
	bool has_current;
	int64_t current_seq, current_start_us;
	int64_t last_action_name;
};

static void pass_init(struct pass *pass, struct indexer *indexer)
{
	*pass = (struct pass){.indexer = indexer};
	pass->at.newest_seq = pass->at.last_end_seq = -1;
	pass->at.status = STATUS_WAITING;
	pass->blocks.db = indexer->db;
	pass->blocks.max_seq = -1;
}

static void pass_fini(struct pass *pass)
{
	blocks_fini(&pass->blocks);
	keys_fini(&pass->keys);
	tally_fini(&pass->uses);
	tally_fini(&pass->edges);
	buf_fini(&pass->last_action);
	buf_fini(&pass->last_error);
	buf_fini(&pass->finals);
	buf_fini(&pass->parent);
}

static struct slice stamp_text(const struct stamp *stamp)
{
	return (struct slice){stamp->text, stamp->len};
}

static void stamp_set(struct stamp *stamp, struct slice text)
{
	stamp->len = text.len < sizeof(stamp->text) ? text.len : 0;
	if (stamp->len)
		memcpy(stamp->text, text.data, stamp->len);
}

/* ---- rows ---- */

static burr_status find_project(
	struct indexer *indexer, struct slice project, int64_t *out_id, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(indexer->db, DB_FIND_PROJECT, err);
	*out_id = 0;
	if (!stmt)
		return db_status(indexer->db);
	bool row;
	db_bind_text(stmt, 1, project);
	burr_status status = db_step(indexer->db, stmt, &row, err);
	if (row) {
		*out_id = sqlite3_column_int64(stmt, 0);
		db_done(stmt);
	}
	return status;
}

burr_status index_project(
	struct indexer *indexer, struct slice project, int64_t made_us, bool *out_added, burr_error *err)
{
	int64_t id;
	burr_status status = find_project(indexer, project, &id, err);
	*out_added = false;
	if (status != BURR_OK || id)
		return status;
	sqlite3_stmt *stmt = db_get(indexer->db, DB_ADD_PROJECT, err);
	if (!stmt)
		return db_status(indexer->db);
	db_bind_text(stmt, 1, project);
	sqlite3_bind_int64(stmt, 2, made_us);
	status = db_run(indexer->db, stmt, err);
	*out_added = status == BURR_OK;
	return status;
}

static burr_status run_with_id(struct db *db, enum db_statement which, int64_t id, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, which, err);
	if (!stmt)
		return db_status(db);
	sqlite3_bind_int64(stmt, 1, id);
	return db_run(db, stmt, err);
}

static burr_status remove_log_rows(struct db *db, int64_t app, burr_error *err)
{
	static const enum db_statement which[] = {
		DB_REMOVE_BLOCKS, DB_REMOVE_PARTS, DB_REMOVE_USES, DB_REMOVE_EDGES};
	burr_status status = BURR_OK;
	for (size_t i = 0; status == BURR_OK && i < sizeof(which) / sizeof(*which); i++)
		status = run_with_id(db, which[i], app, err);
	return status;
}

static burr_status remove_app_rows(struct db *db, int64_t app, burr_error *err)
{
	burr_status status = remove_log_rows(db, app, err);
	return status == BURR_OK ? run_with_id(db, DB_REMOVE_APP, app, err) : status;
}

static burr_status find_some_app(struct db *db, int64_t project, int64_t *out_id, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, DB_LIST_PROJECT_APPS, err);
	bool row;
	if (!stmt)
		return db_status(db);
	sqlite3_bind_int64(stmt, 1, project);
	burr_status status = db_step(db, stmt, &row, err);
	*out_id = row ? sqlite3_column_int64(stmt, 0) : 0;
	if (row)
		db_done(stmt);
	return status;
}

burr_status index_project_gone(
	struct indexer *indexer, struct slice project, bool *out_removed, burr_error *err)
{
	int64_t id;
	int64_t app = 1;
	burr_status status = find_project(indexer, project, &id, err);
	*out_removed = false;
	if (status != BURR_OK || !id)
		return status;
	while (status == BURR_OK && app) {
		status = find_some_app(indexer->db, id, &app, err);
		if (status == BURR_OK && app)
			status = remove_app_rows(indexer->db, app, err);
	}
	if (status == BURR_OK)
		status = run_with_id(indexer->db, DB_REMOVE_NAMES, id, err);
	if (status == BURR_OK)
		status = run_with_id(indexer->db, DB_REMOVE_TALLY, id, err);
	if (status == BURR_OK)
		status = run_with_id(indexer->db, DB_REMOVE_PROJECT, id, err);
	names_forget(&indexer->names);
	*out_removed = status == BURR_OK;
	return status;
}

/* pass->id is 0 when there is no row. */
static burr_status load_pass(struct pass *pass, int64_t project, struct slice app_id, burr_error *err)
{
	struct db *db = pass->indexer->db;
	sqlite3_stmt *stmt = db_get(db, DB_FIND_PROGRESS, err);
	if (!stmt)
		return db_status(db);
	bool row;
	sqlite3_bind_int64(stmt, 1, project);
	db_bind_text(stmt, 2, app_id);
	burr_status status = db_step(db, stmt, &row, err);
	if (status != BURR_OK || !row)
		return status;
	struct progress *at = &pass->at;
	pass->id = sqlite3_column_int64(stmt, 0);
	pass->side_mark = sqlite3_column_int64(stmt, 1);
	at->zone = sqlite3_column_int(stmt, 4);
	if (at->zone != ZONE_NONE) { /* else the texts are those of files */
		stamp_set(&at->first, db_text(stmt, 2));
		stamp_set(&at->last, db_text(stmt, 3));
	}
	at->has_low = sqlite3_column_type(stmt, 5) != SQLITE_NULL;
	at->low_us = sqlite3_column_int64(stmt, 5);
	at->newest_seq = sqlite3_column_int64(stmt, 6);
	at->damaged = sqlite3_column_int64(stmt, 8);
	at->ended = sqlite3_column_int(stmt, 9) != 0;
	at->log_dev = sqlite3_column_int64(stmt, 10);
	at->log_ino = sqlite3_column_int64(stmt, 11);
	at->log_len = sqlite3_column_int64(stmt, 12);
	at->log_check = sqlite3_column_int64(stmt, 13);
	at->log_mark = sqlite3_column_int64(stmt, 14);
	at->last_us = sqlite3_column_int64(stmt, 15);
	at->zone_offset_s = sqlite3_column_int64(stmt, 16);
	at->failed_count = sqlite3_column_int64(stmt, 18);
	at->input_tokens = sqlite3_column_int64(stmt, 20);
	at->output_tokens = sqlite3_column_int64(stmt, 21);
	at->last_end_at = sqlite3_column_int64(stmt, 22);
	at->last_end_len = sqlite3_column_int64(stmt, 23);
	at->last_end_seq = sqlite3_column_int64(stmt, 24);
	at->status = sqlite3_column_int(stmt, 25);
	snprintf(at->writer, sizeof(at->writer), "%.*s", SLICE_ARG(db_text(stmt, 26)));
	buf_append_slice(&pass->finals, db_text(stmt, 27));
	buf_append_slice(&pass->last_action, db_text(stmt, 28));
	buf_append_slice(&pass->last_error, db_text(stmt, 29));
	buf_append_slice(&pass->parent, db_text(stmt, 30));
	pass->blocks.app = pass->id;
	pass->blocks.step_count = sqlite3_column_int64(stmt, 7);
	pass->blocks.max_seq = sqlite3_column_int64(stmt, 17);
	pass->blocks.part_count = sqlite3_column_int64(stmt, 19);
	pass->blocks.superseded_count = sqlite3_column_int64(stmt, 31);
	db_done(stmt);
	return pass->finals.failed || pass->last_action.failed || pass->last_error.failed ||
			       pass->parent.failed
		       ? burr_fail(err, BURR_ENOMEM, "no memory to index")
		       : BURR_OK;
}

static burr_status add_app(struct pass *pass, int64_t project, struct slice app_id, burr_error *err)
{
	struct db *db = pass->indexer->db;
	sqlite3_stmt *stmt = db_get(db, DB_ADD_APP, err);
	if (!stmt)
		return db_status(db);
	sqlite3_bind_int64(stmt, 1, project);
	db_bind_text(stmt, 2, app_id);
	burr_status status = db_run(db, stmt, err);
	pass->id = pass->blocks.app = sqlite3_last_insert_rowid(db->conn);
	return status;
}

/* What the log told goes, rows included. */
static burr_status forget_log(struct pass *pass, burr_error *err)
{
	burr_status status = remove_log_rows(pass->indexer->db, pass->id, err);
	struct pass fresh;
	pass_init(&fresh, pass->indexer);
	fresh.id = fresh.blocks.app = pass->id;
	fresh.project = pass->project;
	fresh.side_mark = pass->side_mark;
	fresh.finals = pass->finals;
	fresh.parent = pass->parent;
	pass->finals = pass->parent = (struct buf)BUF_INIT;
	ranges_add(&fresh.blocks.changed, 0, INT64_MAX);
	pass_fini(pass);
	*pass = fresh;
	return status;
}

/* ---- times ---- */

static int64_t moment_of(const struct pass *pass, const struct stamp *stamp)
{
	int64_t us = 0;
	bool zoned = false;
	if (!time_parse(stamp_text(stamp), &us, &zoned))
		return 0;
	return zoned ? us : us - pass->at.zone_offset_s * 1000000;
}

/* What is known of the zone by now, as columns. */
static void settle_zone(struct pass *pass)
{
	int64_t us = 0;
	bool zoned;
	if (pass->at.zone == ZONE_NONE || pass->at.zone == ZONE_EXACT || !pass->at.last.len) {
		pass->at.zone_offset_s = 0;
	} else if (pass->at.has_low) {
		pass->at.zone = ZONE_INFERRED;
		pass->at.zone_offset_s = zone_offset_from_low(pass->at.low_us);
	} else if (time_parse(stamp_text(&pass->at.last), &us, &zoned)) {
		pass->at.zone = ZONE_ASSUMED;
		pass->at.zone_offset_s = zone_offset_of_machine(us);
	}
}

/* ---- what became of it ---- */

static bool is_final(const struct pass *pass, struct slice action)
{
	struct slice name;
	struct json_iter it = json_iter(buf_slice(&pass->finals));
	while (pass->finals.len && json_next_element(&it, &name))
		if (json_text_is(name, action))
			return true;
	return false;
}

/* A last record that is far in the future tells no more than one that is long ago: clocks are set back, and
 * of times without a zone it is not always known. */
static bool is_fresh(int64_t last_us)
{
	return llabs(clock_wall_ns() / 1000 - last_us) < (int64_t)STRANGER_S * 1000000;
}

static bool writer_lives(struct pass *pass)
{
	const struct progress *at = &pass->at;
	if (at->writer[0])
		return alive_has_writer(&pass->indexer->alive, at->writer);
	return is_fresh(at->last_us) ||
	       alive_holds_log(&pass->indexer->alive, (dev_t)at->log_dev, (ino_t)at->log_ino);
}

/* The contract's table, by the last attempt. */
static burr_status settle_status(struct pass *pass, burr_error *err)
{
	struct progress *at = &pass->at;
	struct step *last;
	if (!pass->blocks.step_count) {
		at->status = at->ended ? STATUS_OK : STATUS_WAITING;
		return BURR_OK;
	}
	burr_status status = blocks_get(&pass->blocks, pass->blocks.step_count - 1, &last, err);
	if (status != BURR_OK)
		return status;
	if (!last->end_len && writer_lives(pass))
		at->status = STATUS_RUNNING;
	else if (!last->end_len)
		at->status = at->writer[0] ? STATUS_LOST : STATUS_UNKNOWN;
	else if (last->flags & STEP_FAILED)
		at->status = STATUS_FAILED;
	else if (at->ended || is_final(pass, buf_slice(&pass->last_action)))
		at->status = STATUS_OK;
	else
		at->status = STATUS_WAITING;
	return BURR_OK;
}

/* ---- the row ---- */

static void bind_progress(sqlite3_stmt *stmt, const struct pass *pass, const struct facts *facts, char *made)
{
	const struct progress *at = &pass->at;
	bool timed = at->first.len > 0;
	time_text(facts->made_us * 1000, made);
	sqlite3_bind_int64(stmt, 1, pass->id);
	db_bind_text(stmt, 2, timed ? stamp_text(&at->first) : slice_of(made));
	sqlite3_bind_int64(stmt, 3, timed ? moment_of(pass, &at->first) : facts->made_us);
	db_bind_text(stmt, 4, timed ? stamp_text(&at->last) : slice_of(made));
	sqlite3_bind_int64(stmt, 5, timed ? at->last_us : facts->made_us);
	sqlite3_bind_int(stmt, 6, at->zone);
	sqlite3_bind_int64(stmt, 7, at->zone_offset_s);
	if (at->has_low)
		sqlite3_bind_int64(stmt, 8, at->low_us);
	sqlite3_bind_int64(stmt, 9, at->newest_seq);
	sqlite3_bind_int64(stmt, 10, pass->blocks.step_count);
	sqlite3_bind_int64(stmt, 11, at->damaged);
	sqlite3_bind_int(stmt, 12, at->ended);
	sqlite3_bind_int64(stmt, 13, at->log_dev);
	sqlite3_bind_int64(stmt, 14, at->log_ino);
	sqlite3_bind_int64(stmt, 15, at->log_len);
	sqlite3_bind_int64(stmt, 16, at->log_check);
	sqlite3_bind_int64(stmt, 17, at->log_mark);
	sqlite3_bind_int64(stmt, 18, pass->blocks.max_seq);
	sqlite3_bind_int64(stmt, 19, at->failed_count);
	sqlite3_bind_int64(stmt, 20, pass->blocks.part_count);
	sqlite3_bind_int64(stmt, 21, at->input_tokens);
	sqlite3_bind_int64(stmt, 22, at->output_tokens);
	sqlite3_bind_int64(stmt, 23, at->last_end_at);
	sqlite3_bind_int64(stmt, 24, at->last_end_len);
	sqlite3_bind_int64(stmt, 25, at->last_end_seq);
	sqlite3_bind_int(stmt, 26, at->status);
	db_bind_text(stmt, 27, at->writer[0] ? slice_of(at->writer) : SLICE_NONE);
	db_bind_text(stmt, 28, pass->last_action.len ? buf_slice(&pass->last_action) : SLICE_NONE);
	db_bind_text(stmt, 29, pass->last_error.len ? buf_slice(&pass->last_error) : SLICE_NONE);
	sqlite3_bind_int64(stmt, 30, pass->blocks.superseded_count);
}

static burr_status save_pass(struct pass *pass, const struct facts *facts, burr_error *err)
{
	struct db *db = pass->indexer->db;
	char made[TIME_TEXT_LEN + 1];
	int64_t offset_before_s = pass->at.zone_offset_s;
	settle_zone(pass);
	if (pass->at.zone_offset_s != offset_before_s) /* the times of all steps, as they are told */
		ranges_add(&pass->blocks.changed, 0, INT64_MAX);
	pass->at.last_us = pass->at.last.len ? moment_of(pass, &pass->at.last) : facts->made_us;
	burr_status status = settle_status(pass, err);
	if (status != BURR_OK)
		return status;
	sqlite3_stmt *stmt = db_get(db, DB_SAVE_PROGRESS, err);
	if (!stmt)
		return db_status(db);
	bind_progress(stmt, pass, facts, made);
	return db_run(db, stmt, err);
}

static burr_status save_tally(
	struct pass *pass, enum db_statement which, struct tally *tally, bool failures, burr_error *err)
{
	struct table_entry *entry = NULL;
	const struct tally_count *count;
	burr_status status = BURR_OK;
	while (status == BURR_OK && (count = tally_next(tally, &entry))) {
		sqlite3_stmt *stmt = db_get(pass->indexer->db, which, err);
		if (!stmt)
			return db_status(pass->indexer->db);
		sqlite3_bind_int64(stmt, 1, pass->id);
		sqlite3_bind_int64(stmt, 2, count->first);
		sqlite3_bind_int64(stmt, 3, failures ? count->count : count->second);
		sqlite3_bind_int64(stmt, 4, failures ? count->failed_count : count->count);
		status = db_run(pass->indexer->db, stmt, err);
	}
	tally_fini(tally);
	*tally = (struct tally)TALLY_INIT;
	return status;
}

/* ---- names ---- */

static burr_status name_of(
	struct pass *pass, enum name_kind kind, struct slice text, int64_t *out, burr_error *err)
{
	return names_get(&pass->indexer->names, pass->project, kind, text, out, err);
}

/* A JSON string's; what is none has no name. */
static burr_status name_of_value(
	struct pass *pass, enum name_kind kind, struct slice value, int64_t *out, burr_error *err)
{
	struct buf *text = &pass->indexer->text;
	*out = 0;
	buf_clear(text);
	if (!value.data || !json_to_text(value, text))
		return BURR_OK;
	return name_of(pass, kind, buf_slice(text), out, err);
}

static burr_status count_use(struct pass *pass, int64_t name, int64_t count, bool failed, burr_error *err)
{
	if (!name || tally_add(&pass->uses, name, 0, count, failed))
		return BURR_OK;
	return burr_fail(err, BURR_ENOMEM, "no memory to index");
}

/* ---- steps ---- */

/* A record's time: false where there is none. */
static bool time_of(
	const struct line_record *record, struct slice *out_text, int64_t *out_us, bool *out_zoned)
{
	if (record->time.len < 2 || record->time.data[0] != '"')
		return false;
	*out_text = (struct slice){record->time.data + 1, record->time.len - 2};
	return time_parse(*out_text, out_us, out_zoned);
}

static int time_flags(bool has, bool zoned, int has_flag, int zoned_flag)
{
	return has ? has_flag | (zoned ? zoned_flag : 0) : 0;
}

/* The action of a step that is new, and how it came. */
static burr_status take_action(
	struct pass *pass, const struct line_record *record, struct step *step, burr_error *err)
{
	burr_status status = name_of_value(pass, NAME_ACTION, record->action, &step->action, err);
	buf_clear(&pass->last_action);
	buf_append_slice(&pass->last_action, buf_slice(&pass->indexer->text));
	if (status == BURR_OK)
		status = count_use(pass, step->action, 1, false, err);
	if (status != BURR_OK)
		return status;
	/* Behind one without a name it does not come first. */
	bool known = step->action && (pass->last_action_name || pass->blocks.step_count == 1);
	bool counted = !known || tally_add(&pass->edges, pass->last_action_name, step->action, 1, 0);
	pass->last_action_name = step->action;
	return counted && !pass->last_action.failed ? BURR_OK
						    : burr_fail(err, BURR_ENOMEM, "no memory to index");
}

static void take_writer(struct pass *pass, struct slice line)
{
	struct identity identity;
	pass->at.writer[0] = '\0';
	if (line_find_identity(line, &identity))
		snprintf(pass->at.writer, sizeof(pass->at.writer), "%.*s", WRITER_ID_LEN, identity.writer);
}

static burr_status take_begin(
	struct pass *pass, const struct log_line *line, const struct line_record *record, burr_error *err)
{
	struct step *step;
	burr_status status = blocks_add(&pass->blocks, record->sequence_id, line->offset, &step, err);
	if (status != BURR_OK)
		return status;
	struct slice text;
	bool zoned = false;
	bool timed = time_of(record, &text, &step->start_us, &zoned);
	step->begin_len = (uint32_t)line->text.len;
	step->flags = time_flags(timed, zoned, STEP_HAS_START, STEP_START_ZONED);
	pass->has_current = timed && !zoned;
	pass->current_seq = record->sequence_id;
	pass->current_start_us = step->start_us;
	pass->at.newest_seq = record->sequence_id;
	pass->at.ended = false;
	take_writer(pass, line->text);
	if (record->via.data)
		status = name_of_value(
			pass, NAME_CONDITION, json_find(record->via, "condition"), &step->via, err);
	return status == BURR_OK ? take_action(pass, record, step, err) : status;
}

/* What the step changed, against the state after the one before it; a rewound run's is not the last one. */
static burr_status take_state(
	struct pass *pass, const struct line_record *record, struct step *step, burr_error *err)
{
	struct buf *text = &pass->indexer->text;
	int64_t before = pass->at.last_end_seq;
	bool follows = !pass->at.last_end_len || (before < INT64_MAX && record->sequence_id == before + 1);
	if (!follows)
		keys_forget(&pass->keys);
	if (!record->state.data || !keys_take(&pass->keys, record->state, text))
		return BURR_OK;
	return text->failed ? burr_fail(err, BURR_ENOMEM, "no memory to index")
			    : name_of(pass, NAME_KEYS, buf_slice(text), &step->keys, err);
}

/* Where what went wrong is said: in a traceback of Python's behind its last indented line, else at the
 * beginning. */
static size_t gist_of(struct slice text)
{
	size_t gist = 0;
	if (!slice_starts(text, "Traceback (most recent call last)"))
		return 0;
	for (size_t at = 0; at + 1 < text.len; at++) {
		bool begins = at == 0 || text.data[at - 1] == '\n';
		if (begins && text.data[at] == ' ')
			gist = 0;
		else if (begins && at > 0 && !gist)
			gist = at;
	}
	return gist;
}

static burr_status take_exception(
	struct pass *pass, const struct line_record *record, struct step *step, burr_error *err)
{
	if (json_kind_of(record->exception) != JSON_STRING)
		return BURR_OK;
	struct buf *text = &pass->last_error;
	step->flags |= STEP_FAILED;
	pass->at.failed_count++;
	buf_clear(text);
	json_to_text(record->exception, text);
	size_t from = gist_of(buf_slice(text));
	if (from)
		memmove(text->data, text->data + from, text->len - from);
	text->len -= from;
	text->len = text->len < ERROR_MAX ? text->len : ERROR_MAX;
	while (text->len && !utf8_valid(buf_slice(text)))
		text->len--; /* cut within a character */
	return count_use(pass, step->action, 0, true, err);
}

/* An end belongs to the newest begin of its number, if that has none yet; else it stands alone. */
static burr_status find_open(struct pass *pass, const struct log_line *line, const struct line_record *record,
	struct step **out, burr_error *err)
{
	int64_t number;
	burr_status status = blocks_find(&pass->blocks, record->sequence_id, out, &number, err);
	if (status != BURR_OK)
		return status;
	if (*out && (*out)->begin_len && !(*out)->end_len) {
		blocks_touch(&pass->blocks, number);
		return BURR_OK;
	}
	status = blocks_add(&pass->blocks, record->sequence_id, line->offset, out, err);
	return status == BURR_OK ? take_action(pass, record, *out, err) : status;
}

static burr_status take_end(
	struct pass *pass, const struct log_line *line, const struct line_record *record, burr_error *err)
{
	struct slice text;
	struct step *step = NULL;
	bool zoned = false;
	burr_status status = find_open(pass, line, record, &step, err);
	if (status != BURR_OK)
		return status;
	bool timed = time_of(record, &text, &step->end_us, &zoned);
	step->end_at = line->offset;
	step->end_len = (uint32_t)line->text.len;
	step->flags |= time_flags(timed, zoned, STEP_HAS_END, STEP_END_ZONED);
	status = take_exception(pass, record, step, err);
	if (status == BURR_OK)
		status = take_state(pass, record, step, err);
	pass->at.newest_seq = record->sequence_id;
	pass->at.last_end_at = (int64_t)step->end_at;
	pass->at.last_end_len = step->end_len;
	pass->at.last_end_seq = record->sequence_id;
	return status;
}

/* ---- parts of steps ---- */

/* OpenTelemetry's names for what a model was given and gave, and those it had before. */
static void take_tokens(struct pass *pass, struct slice key, struct slice value)
{
	static const char *const inputs[] = {"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"};
	static const char *const outputs[] = {"gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"};
	int64_t count;
	if (!slice_starts(key, "gen_ai.usage.") || !json_to_int(value, &count) || count < 0 ||
		count > INT32_MAX)
		return;
	for (size_t i = 0; i < sizeof(inputs) / sizeof(*inputs); i++) {
		pass->at.input_tokens += slice_is(key, inputs[i]) ? count : 0;
		pass->at.output_tokens += slice_is(key, outputs[i]) ? count : 0;
	}
}

static burr_status take_attribute(struct pass *pass, const struct line_record *record, burr_error *err)
{
	int64_t name;
	burr_status status = name_of_value(pass, NAME_ATTRIBUTE, record->key, &name, err);
	if (status == BURR_OK && name) {
		take_tokens(pass, buf_slice(&pass->indexer->text), record->value);
		status = count_use(pass, name, 1, false, err);
	}
	return status;
}

static burr_status take_part(
	struct pass *pass, const struct log_line *line, const struct line_record *record, burr_error *err)
{
	struct part part = {line->offset, (uint32_t)line->text.len, record->type, -1};
	struct step *step;
	burr_status status = blocks_find(&pass->blocks, record->sequence_id, &step, &part.step, err);
	if (status == BURR_OK && !step)
		part.step = -1;
	bool begins = record->type == LINE_BEGIN_SPAN || record->type == LINE_ATTRIBUTE ||
		      record->type == LINE_BEGIN_STREAM;
	if (status == BURR_OK && step && begins) {
		step->part_count++;
		blocks_touch(&pass->blocks, part.step);
	}
	ranges_add(&pass->blocks.changed, part.step, part.step < 0 ? part.step : part.step + 1);
	if (status == BURR_OK && record->type == LINE_ATTRIBUTE)
		status = take_attribute(pass, record, err);
	return status == BURR_OK ? blocks_add_part(&pass->blocks, &part, err) : status;
}

static void take_time(struct pass *pass, const struct line_record *record)
{
	struct slice text;
	int64_t us;
	bool zoned;
	if (!time_of(record, &text, &us, &zoned) || text.len >= sizeof(pass->at.last.text))
		return;
	if (!pass->at.first.len)
		stamp_set(&pass->at.first, text);
	stamp_set(&pass->at.last, text);
	if (!zoned && pass->at.zone < ZONE_INFERRED)
		pass->at.zone = ZONE_ASSUMED;
	else if (pass->at.zone == ZONE_NONE)
		pass->at.zone = ZONE_EXACT;
	int64_t low;
	if (zoned && pass->has_current && record->sequence_id == pass->current_seq &&
		zone_bound(pass->current_start_us, us, &low) &&
		(!pass->at.has_low || low > pass->at.low_us)) {
		pass->at.has_low = true;
		pass->at.low_us = low;
	}
}

static burr_status take_line(struct pass *pass, const struct log_line *line, burr_error *err)
{
	struct line_record record;
	pass->indexer->line_count++;
	/* A line of 4 GiB would not fit the columns; no writer makes one of more than 16 MiB. */
	if (line->text.len > UINT32_MAX || !record_read(line->text, &pass->indexer->spare, &record)) {
		pass->at.damaged++;
		return BURR_OK;
	}
	burr_status status = BURR_OK;
	if (record.type == LINE_BEGIN_ENTRY)
		status = take_begin(pass, line, &record, err);
	else if (record.type == LINE_END_ENTRY)
		status = take_end(pass, line, &record, err);
	else if (record.type == LINE_END_APPLICATION)
		pass->at.ended = true;
	else if (record.type != LINE_UNKNOWN)
		status = take_part(pass, line, &record, err);
	if (record.type != LINE_UNKNOWN)
		take_time(pass, &record);
	return status;
}

/* ---- the log ---- */

bool log_check_read(int fd, uint64_t len, int64_t *out_check)
{
	char bytes[CHECK_BYTES];
	size_t want = len < CHECK_BYTES ? (size_t)len : CHECK_BYTES;
	ssize_t got;
	do
		got = pread(fd, bytes, want, (off_t)(len - want));
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)want)
		return false;
	*out_check = (int64_t)bytes_hash(bytes, want, 3);
	return true;
}

static bool is_same_log(const struct pass *pass, int fd, const struct stat *st)
{
	int64_t check;
	if (pass->at.log_dev != (int64_t)st->st_dev || pass->at.log_ino != (int64_t)st->st_ino ||
		pass->at.log_len > st->st_size)
		return false;
	return log_check_read(fd, (uint64_t)pass->at.log_len, &check) && check == pass->at.log_check;
}

/* The state before the first end is in metadata.json, where it was recorded. */
static void load_initial(struct pass *pass, int app_fd)
{
	struct indexer *indexer = pass->indexer;
	struct slice metadata;
	struct buf unused = BUF_INIT;
	if (file_read(app_fd, "metadata.json", SIDE_FILE_MAX, &indexer->text, NULL) != BURR_OK ||
		!record_read_object(buf_slice(&indexer->text), &indexer->spare, &metadata))
		return;
	struct slice state = json_find(metadata, "initial_state");
	if (state.data)
		keys_take(&pass->keys, state, &unused); /* only taken as the one before */
	buf_fini(&unused);
}

/* The state before the next end is in the log. Where it cannot be read, what the next step changed is not
 * known. */
static void load_state(struct pass *pass, int fd)
{
	struct buf *text = &pass->indexer->text;
	struct line_record record;
	size_t len = (size_t)pass->at.last_end_len;
	buf_clear(text);
	char *to = len ? buf_reserve(text, len) : NULL;
	if (!to || pread(fd, to, len, (off_t)pass->at.last_end_at) != (ssize_t)len)
		return;
	struct buf unused = BUF_INIT;
	if (record_read((struct slice){to, len}, &pass->indexer->spare, &record) && record.state.data)
		keys_take(&pass->keys, record.state, &unused); /* only taken as the one before */
	buf_fini(&unused);
}

static burr_status load_current(struct pass *pass, burr_error *err)
{
	struct step *step;
	if (!pass->blocks.step_count)
		return BURR_OK;
	burr_status status = blocks_get(&pass->blocks, pass->blocks.step_count - 1, &step, err);
	if (status != BURR_OK)
		return status;
	pass->has_current = (step->flags & STEP_HAS_START) && !(step->flags & STEP_START_ZONED);
	pass->current_seq = step->seq;
	pass->current_start_us = step->start_us;
	pass->last_action_name = step->action;
	return BURR_OK;
}

static burr_status save_place(
	struct pass *pass, int fd, uint64_t offset, const struct facts *facts, burr_error *err)
{
	burr_status status = blocks_flush(&pass->blocks, err);
	if (status == BURR_OK)
		status = save_tally(pass, DB_ADD_USE, &pass->uses, true, err);
	if (status == BURR_OK)
		status = save_tally(pass, DB_ADD_EDGE, &pass->edges, false, err);
	if (status != BURR_OK)
		return status;
	pass->at.log_len = (int64_t)offset;
	if (!log_check_read(fd, offset, &pass->at.log_check))
		pass->at.log_check = 0; /* cut meanwhile: the next pass sees another log */
	return save_pass(pass, facts, err);
}

static bool is_stopping(const struct indexer *indexer)
{
	return indexer->stopping && atomic_load(indexer->stopping);
}

static burr_status commit_place(
	struct pass *pass, int fd, uint64_t offset, const struct facts *facts, burr_error *err)
{
	burr_status status = save_place(pass, fd, offset, facts, err);
	if (status == BURR_OK)
		status = db_do(pass->indexer->db, DB_COMMIT, err);
	return status == BURR_OK ? db_do(pass->indexer->db, DB_BEGIN_WRITE, err) : status;
}

static burr_status read_lines(struct pass *pass, int fd, const struct facts *facts, burr_error *err)
{
	CLEAN(log_reader_fini) struct log_reader reader;
	struct log_line line;
	burr_status status = BURR_OK;
	const int64_t commit_ns = (int64_t)COMMIT_MS * 1000000;
	int64_t commit_at_ns = clock_mono_ns() + commit_ns;
	bool stopped = false;
	log_reader_init(&reader, fd, (uint64_t)pass->at.log_len);
	for (uint64_t n = 1; status == BURR_OK && !stopped && log_reader_next(&reader, &line); n++) {
		status = take_line(pass, &line, err);
		stopped = is_stopping(pass->indexer);
		if (status != BURR_OK || n % LOOK_LINES || clock_mono_ns() < commit_at_ns)
			continue;
		status = commit_place(pass, fd, log_reader_offset(&reader), facts, err);
		commit_at_ns = clock_mono_ns() + commit_ns;
	}
	/* What was not read to its end looks as it did before: the next pass goes on. */
	if (status == BURR_OK && reader.status == BURR_OK && !stopped)
		pass->at.log_mark = (int64_t)facts->log_mark;
	if (status == BURR_OK)
		status = save_place(pass, fd, log_reader_offset(&reader), facts, err);
	if (status == BURR_OK && reader.status != BURR_OK)
		status = burr_fail(err, reader.status, "log.jsonl: reading at byte %llu failed",
			(unsigned long long)log_reader_offset(&reader));
	return status;
}

static burr_status without_log(struct pass *pass, const struct facts *facts, burr_error *err)
{
	burr_status status = forget_log(pass, err);
	return status == BURR_OK ? save_pass(pass, facts, err) : status;
}

static burr_status index_log(struct pass *pass, int app_fd, const struct facts *facts, burr_error *err)
{
	CLEAN(fd_close) int fd = -1;
	struct stat st;
	if (facts->has_log)
		fd = openat(app_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (facts->has_log && errno != ENOENT)
			return burr_fail(err, BURR_EIO, "open log.jsonl: %s", strerror(errno));
		return without_log(pass, facts, err);
	}
	burr_status status = BURR_OK;
	if (!is_same_log(pass, fd, &st)) {
		status = forget_log(pass, err);
		pass->at.log_dev = (int64_t)st.st_dev;
		pass->at.log_ino = (int64_t)st.st_ino;
	} else if (pass->at.log_len > 0) {
		status = load_current(pass, err);
		load_state(pass, fd);
	}
	if (!pass->at.last_end_len)
		load_initial(pass, app_fd);
	return status == BURR_OK ? read_lines(pass, fd, facts, err) : status;
}

/* ---- the small files ---- */

static burr_status index_side(struct pass *pass, int app_fd, const struct facts *facts, burr_error *err)
{
	struct indexer *indexer = pass->indexer;
	CLEAN(buf_fini) struct buf partition = BUF_INIT;
	CLEAN(buf_fini) struct buf parent = BUF_INIT;
	CLEAN(buf_fini) struct buf spawning = BUF_INIT;
	struct slice metadata = SLICE_NONE;
	bool readable = facts->has_metadata &&
			file_read(app_fd, "metadata.json", SIDE_FILE_MAX, &indexer->text, NULL) == BURR_OK &&
			record_read_object(buf_slice(&indexer->text), &indexer->spare, &metadata);
	bool has_partition = readable && json_to_text(json_find(metadata, "partition_key"), &partition);
	bool has_parent = readable && pointer_put(&parent, json_find(metadata, "parent_pointer"));
	bool has_spawning =
		readable && pointer_put(&spawning, json_find(metadata, "spawning_parent_pointer"));
	CLEAN(buf_fini) struct buf above = BUF_INIT;
	if (has_parent || has_spawning)
		(void)json_to_text(
			json_find(buf_slice(has_spawning ? &spawning : &parent), "app_id"), &above);
	buf_clear(&pass->parent);
	buf_append_slice(&pass->parent, buf_slice(&above));
	buf_clear(&pass->finals);
	if (facts->has_graph &&
		file_read(app_fd, "graph.json", SIDE_FILE_MAX, &indexer->text, NULL) == BURR_OK)
		graph_put_finals(buf_slice(&indexer->text), &indexer->spare, &pass->finals);
	sqlite3_stmt *stmt = db_get(indexer->db, DB_SAVE_SIDE, err);
	if (!stmt)
		return db_status(indexer->db);
	sqlite3_bind_int64(stmt, 1, pass->id);
	db_bind_text(stmt, 2, has_partition ? buf_slice(&partition) : SLICE_NONE);
	db_bind_text(stmt, 3, has_parent ? buf_slice(&parent) : SLICE_NONE);
	db_bind_text(stmt, 4, has_spawning ? buf_slice(&spawning) : SLICE_NONE);
	db_bind_text(stmt, 5, above.len ? buf_slice(&above) : SLICE_NONE);
	sqlite3_bind_int(stmt, 6, facts->has_graph);
	sqlite3_bind_int(stmt, 7, readable);
	db_bind_text(stmt, 8, pass->finals.len ? buf_slice(&pass->finals) : SLICE_NONE);
	sqlite3_bind_int64(stmt, 9, (int64_t)facts->side_mark);
	return db_run(indexer->db, stmt, err);
}

/* ---- the application ---- */

static void add_parent(struct index_change *change, struct slice project, const struct buf *app_id)
{
	/* What is no name is nobody's. */
	if (app_id->len && app_name_make(&change->parents[change->parent_count], project, buf_slice(app_id)))
		change->parent_count++;
}

static burr_status remove_app(
	struct indexer *indexer, const struct app_name *name, struct index_change *out, burr_error *err)
{
	CLEAN(pass_fini) struct pass pass;
	int64_t project;
	pass_init(&pass, indexer);
	burr_status status = find_project(indexer, app_name_project(name), &project, err);
	if (status == BURR_OK && project)
		status = load_pass(&pass, project, app_name_app_id(name), err);
	if (status != BURR_OK || !pass.id)
		return status;
	status = remove_app_rows(indexer->db, pass.id, err);
	out->any = status == BURR_OK;
	ranges_add(&out->steps, 0, INT64_MAX);
	add_parent(out, app_name_project(name), &pass.parent);
	return status;
}

/* The small files; and whose child the run has become. */
static burr_status index_family(struct pass *pass, struct slice project, int app_fd,
	const struct facts *facts, struct index_change *out, burr_error *err)
{
	CLEAN(buf_fini) struct buf before = pass->parent;
	pass->parent = (struct buf)BUF_INIT;
	burr_status status = index_side(pass, app_fd, facts, err);
	if (!slice_eq(buf_slice(&before), buf_slice(&pass->parent))) {
		add_parent(out, project, &before);
		add_parent(out, project, &pass->parent);
	}
	return status;
}

static burr_status index_files(struct pass *pass, struct slice project, int app_fd, const struct facts *facts,
	bool is_new, struct index_change *out, burr_error *err)
{
	bool side_changed = is_new || pass->side_mark != (int64_t)facts->side_mark;
	bool log_changed = is_new || pass->at.log_mark != (int64_t)facts->log_mark;
	burr_status status = BURR_OK;
	if (side_changed)
		status = index_family(pass, project, app_fd, facts, out, err);
	/* The graph decides, too, whether a run has come to its end. */
	if (status == BURR_OK && (log_changed || side_changed))
		status = index_log(pass, app_fd, facts, err);
	out->any = side_changed || log_changed;
	out->steps = pass->blocks.changed;
	return status;
}

burr_status index_app(
	struct indexer *indexer, const struct app_name *name, struct index_change *out, burr_error *err)
{
	struct slice project = app_name_project(name);
	struct slice app_id = app_name_app_id(name);
	CLEAN(pass_fini) struct pass pass;
	CLEAN(fd_close) int app_fd = -1;
	struct facts facts;
	pass_init(&pass, indexer);
	bool added;
	*out = (struct index_change){.any = false};
	burr_status status = store_open_app(indexer->store, project, app_id, &app_fd, err);
	if (status == BURR_ENOTFOUND || (status == BURR_OK && !facts_read(app_fd, ".", &facts)))
		return remove_app(indexer, name, out, err);
	if (status != BURR_OK)
		return status;
	status = index_project(indexer, project, facts.made_us, &added, err);
	if (status == BURR_OK)
		status = find_project(indexer, project, &pass.project, err);
	if (status == BURR_OK)
		status = load_pass(&pass, pass.project, app_id, err);
	bool is_new = !pass.id;
	if (status == BURR_OK && is_new)
		status = add_app(&pass, pass.project, app_id, err);
	if (status == BURR_OK)
		status = index_files(&pass, project, app_fd, &facts, is_new, out, err);
	return status == BURR_OK ? BURR_OK : burr_fail_in(err, status, "%s", name->text);
}

/* ---- those that run ---- */

struct live {
	int64_t id;
	enum catalog_status status;
	struct app_name name;
};

/* What a running one has become; STATUS_RUNNING where it still is. */
static enum catalog_status look_at_live(struct indexer *indexer, sqlite3_stmt *stmt)
{
	char writer[WRITER_ID_LEN + 1];
	snprintf(writer, sizeof(writer), "%.*s", SLICE_ARG(db_text(stmt, 3)));
	if (writer[0])
		return alive_has_writer(&indexer->alive, writer) ? STATUS_RUNNING : STATUS_LOST;
	bool held = is_fresh(sqlite3_column_int64(stmt, 4)) ||
		    alive_holds_log(&indexer->alive, (dev_t)sqlite3_column_int64(stmt, 5),
			    (ino_t)sqlite3_column_int64(stmt, 6));
	return held ? STATUS_RUNNING : STATUS_UNKNOWN;
}

static burr_status list_changed(
	struct indexer *indexer, struct live **out, size_t *out_count, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(indexer->db, DB_LIST_LIVE, err);
	bool row = false;
	size_t cap = 0;
	burr_status status;
	if (!stmt)
		return db_status(indexer->db);
	while ((status = db_step(indexer->db, stmt, &row, err)) == BURR_OK && row) {
		struct live live = {sqlite3_column_int64(stmt, 0), look_at_live(indexer, stmt), {0}};
		if (live.status == STATUS_RUNNING ||
			!app_name_make(&live.name, db_text(stmt, 1), db_text(stmt, 2)))
			continue;
		if (*out_count == cap) {
			cap = cap ? cap * 2 : 16;
			struct live *grown = realloc(*out, cap * sizeof(*grown));
			if (!grown) { /* the rest changes at the next look */
				db_done(stmt);
				return BURR_OK;
			}
			*out = grown;
		}
		(*out)[(*out_count)++] = live;
	}
	return status;
}

burr_status index_status(struct indexer *indexer, index_changed_fn *changed, void *ctx, burr_error *err)
{
	CLEAN(ptr_free) struct live *lives = NULL;
	size_t count = 0;
	burr_status status = list_changed(indexer, &lives, &count, err);
	for (size_t i = 0; status == BURR_OK && i < count; i++) {
		sqlite3_stmt *stmt = db_get(indexer->db, DB_SAVE_STATUS, err);
		if (!stmt)
			return db_status(indexer->db);
		sqlite3_bind_int64(stmt, 1, lives[i].id);
		sqlite3_bind_int(stmt, 2, lives[i].status);
		status = db_run(indexer->db, stmt, err);
		if (status == BURR_OK)
			changed(&lives[i].name, ctx);
	}
	return status;
}
