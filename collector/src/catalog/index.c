#include "catalog/index.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/catalog.h"
#include "catalog/facts.h"
#include "catalog/pointer.h"
#include "catalog/record.h"
#include "catalog/times.h"
#include "store/read.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum {
	CHECK_BYTES = 64,        /* before the place reached; a log that differs there is another one */
	PENDING_MAX = 4096,      /* attempts that are held to meet their end before they are written */
	COMMIT_LINES = 100000,   /* a long log is committed in between, so a crash costs no more than that */
	SIDE_FILE_MAX = 64 << 20 /* as in store/create.c */
};

void indexer_init(struct indexer *indexer, const struct store *store, struct db *db)
{
	*indexer = (struct indexer){.store = store, .db = db, .spare = BUF_INIT, .text = BUF_INIT};
}

void indexer_fini(struct indexer *indexer)
{
	buf_fini(&indexer->spare);
	buf_fini(&indexer->text);
}

/* ---- one pass over one application ---- */

struct stamp {
	char text[64];
	size_t len; /* 0: none */
};

struct attempt {
	uint64_t at;
	uint32_t begin_len;
	uint64_t end_at;  /* with end_len */
	uint32_t end_len; /* 0: open */
	int64_t seq;
	size_t action_at; /* in pass.actions */
	size_t action_len;
	int64_t start_us, end_us;
	int flags;
};

struct pass {
	struct indexer *indexer;
	int64_t id;
	struct stamp first, last;
	int64_t last_us, zone_offset_s;
	enum catalog_zone zone;
	bool has_low;
	int64_t low_us;
	int64_t newest_seq, step_count, damaged;
	bool ended;
	int64_t log_dev, log_ino, log_len, log_check, log_mark, side_mark;

	/* The step begun last, for times with a zone inside it. */
	bool has_current;
	int64_t current_seq, current_start_us;

	struct attempt *pending;
	size_t pending_count;
	struct buf actions;
};

static void pass_fini(struct pass *pass)
{
	free(pass->pending);
	buf_fini(&pass->actions);
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

static void forget_log(struct pass *pass)
{
	pass->first.len = pass->last.len = 0;
	pass->zone = ZONE_NONE;
	pass->zone_offset_s = 0;
	pass->has_low = pass->ended = pass->has_current = false;
	pass->newest_seq = -1;
	pass->step_count = pass->damaged = 0;
	pass->log_dev = pass->log_ino = pass->log_len = pass->log_check = pass->log_mark = 0;
}

/* ---- rows ---- */

static burr_status find_project(
	struct indexer *indexer, struct slice project, int64_t *out_id, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(indexer->db, DB_FIND_PROJECT, err);
	if (!stmt)
		return BURR_ECORRUPT;
	bool row;
	db_bind_text(stmt, 1, project);
	burr_status status = db_step(indexer->db, stmt, &row, err);
	*out_id = 0;
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
		return BURR_ECORRUPT;
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
		return BURR_ECORRUPT;
	sqlite3_bind_int64(stmt, 1, id);
	return db_run(db, stmt, err);
}

burr_status index_project_gone(
	struct indexer *indexer, struct slice project, bool *out_removed, burr_error *err)
{
	int64_t id;
	burr_status status = find_project(indexer, project, &id, err);
	*out_removed = false;
	if (status != BURR_OK || !id)
		return status;
	status = run_with_id(indexer->db, DB_REMOVE_PROJECT_STEPS, id, err);
	if (status == BURR_OK)
		status = run_with_id(indexer->db, DB_REMOVE_PROJECT_APPS, id, err);
	if (status == BURR_OK)
		status = run_with_id(indexer->db, DB_REMOVE_PROJECT, id, err);
	*out_removed = status == BURR_OK;
	return status;
}

/* pass->id is 0 when there is no row. */
static burr_status load_pass(struct pass *pass, int64_t project, struct slice app_id, burr_error *err)
{
	struct db *db = pass->indexer->db;
	sqlite3_stmt *stmt = db_get(db, DB_FIND_PROGRESS, err);
	if (!stmt)
		return BURR_ECORRUPT;
	bool row;
	sqlite3_bind_int64(stmt, 1, project);
	db_bind_text(stmt, 2, app_id);
	burr_status status = db_step(db, stmt, &row, err);
	if (status != BURR_OK || !row)
		return status;
	pass->id = sqlite3_column_int64(stmt, 0);
	pass->side_mark = sqlite3_column_int64(stmt, 1);
	pass->zone = sqlite3_column_int(stmt, 4);
	if (pass->zone != ZONE_NONE) { /* else the texts are those of files */
		stamp_set(&pass->first, db_text(stmt, 2));
		stamp_set(&pass->last, db_text(stmt, 3));
	}
	pass->has_low = sqlite3_column_type(stmt, 5) != SQLITE_NULL;
	pass->low_us = sqlite3_column_int64(stmt, 5);
	pass->newest_seq = sqlite3_column_int64(stmt, 6);
	pass->step_count = sqlite3_column_int64(stmt, 7);
	pass->damaged = sqlite3_column_int64(stmt, 8);
	pass->ended = sqlite3_column_int(stmt, 9) != 0;
	pass->log_dev = sqlite3_column_int64(stmt, 10);
	pass->log_ino = sqlite3_column_int64(stmt, 11);
	pass->log_len = sqlite3_column_int64(stmt, 12);
	pass->log_check = sqlite3_column_int64(stmt, 13);
	pass->log_mark = sqlite3_column_int64(stmt, 14);
	pass->last_us = sqlite3_column_int64(stmt, 15);
	pass->zone_offset_s = sqlite3_column_int64(stmt, 16);
	db_done(stmt);
	return BURR_OK;
}

static burr_status add_app(struct pass *pass, int64_t project, struct slice app_id, burr_error *err)
{
	struct db *db = pass->indexer->db;
	sqlite3_stmt *stmt = db_get(db, DB_ADD_APP, err);
	if (!stmt)
		return BURR_ECORRUPT;
	sqlite3_bind_int64(stmt, 1, project);
	db_bind_text(stmt, 2, app_id);
	burr_status status = db_run(db, stmt, err);
	pass->id = sqlite3_last_insert_rowid(db->conn);
	return status;
}

/* ---- times ---- */

static int64_t moment_of(const struct pass *pass, const struct stamp *stamp)
{
	int64_t us = 0;
	bool zoned = false;
	if (!time_parse(stamp_text(stamp), &us, &zoned))
		return 0;
	return zoned ? us : us - pass->zone_offset_s * 1000000;
}

/* What is known of the zone by now, as columns. */
static void settle_zone(struct pass *pass)
{
	int64_t us = 0;
	bool zoned;
	if (pass->zone == ZONE_NONE || pass->zone == ZONE_EXACT || !pass->last.len) {
		pass->zone_offset_s = 0;
	} else if (pass->has_low) {
		pass->zone = ZONE_INFERRED;
		pass->zone_offset_s = zone_offset_from_low(pass->low_us);
	} else if (time_parse(stamp_text(&pass->last), &us, &zoned)) {
		pass->zone = ZONE_ASSUMED;
		pass->zone_offset_s = zone_offset_of_machine(us);
	}
}

static burr_status save_pass(struct pass *pass, const struct facts *facts, burr_error *err)
{
	struct db *db = pass->indexer->db;
	sqlite3_stmt *stmt = db_get(db, DB_SAVE_PROGRESS, err);
	if (!stmt)
		return BURR_ECORRUPT;
	char made[TIME_TEXT_LEN + 1];
	time_text(facts->made_us * 1000, made);
	bool timed = pass->first.len > 0;
	settle_zone(pass);
	sqlite3_bind_int64(stmt, 1, pass->id);
	db_bind_text(stmt, 2, timed ? stamp_text(&pass->first) : slice_of(made));
	sqlite3_bind_int64(stmt, 3, timed ? moment_of(pass, &pass->first) : facts->made_us);
	db_bind_text(stmt, 4, timed ? stamp_text(&pass->last) : slice_of(made));
	sqlite3_bind_int64(stmt, 5, timed ? moment_of(pass, &pass->last) : facts->made_us);
	sqlite3_bind_int(stmt, 6, pass->zone);
	sqlite3_bind_int64(stmt, 7, pass->zone_offset_s);
	if (pass->has_low)
		sqlite3_bind_int64(stmt, 8, pass->low_us);
	else
		sqlite3_bind_null(stmt, 8);
	sqlite3_bind_int64(stmt, 9, pass->newest_seq);
	sqlite3_bind_int64(stmt, 10, pass->step_count);
	sqlite3_bind_int64(stmt, 11, pass->damaged);
	sqlite3_bind_int(stmt, 12, pass->ended);
	sqlite3_bind_int64(stmt, 13, pass->log_dev);
	sqlite3_bind_int64(stmt, 14, pass->log_ino);
	sqlite3_bind_int64(stmt, 15, pass->log_len);
	sqlite3_bind_int64(stmt, 16, pass->log_check);
	sqlite3_bind_int64(stmt, 17, pass->log_mark);
	return db_run(db, stmt, err);
}

/* ---- steps ---- */

static burr_status add_attempt(struct pass *pass, const struct attempt *attempt, burr_error *err)
{
	struct db *db = pass->indexer->db;
	sqlite3_stmt *stmt = db_get(db, DB_ADD_STEP, err);
	if (!stmt)
		return BURR_ECORRUPT;
	const char *actions = pass->actions.data ? pass->actions.data : "";
	struct slice action = {actions + attempt->action_at, attempt->action_len};
	sqlite3_bind_int64(stmt, 1, pass->id);
	sqlite3_bind_int64(stmt, 2, (int64_t)attempt->at);
	sqlite3_bind_int64(stmt, 3, attempt->begin_len);
	if (attempt->end_len) {
		sqlite3_bind_int64(stmt, 4, (int64_t)attempt->end_at);
		sqlite3_bind_int64(stmt, 5, attempt->end_len);
	}
	sqlite3_bind_int64(stmt, 6, attempt->seq);
	db_bind_text(stmt, 7, action);
	if (attempt->flags & STEP_HAS_START)
		sqlite3_bind_int64(stmt, 8, attempt->start_us);
	if (attempt->flags & STEP_HAS_END)
		sqlite3_bind_int64(stmt, 9, attempt->end_us);
	sqlite3_bind_int(stmt, 10, attempt->flags);
	return db_run(db, stmt, err);
}

static burr_status flush_pending(struct pass *pass, burr_error *err)
{
	burr_status status = BURR_OK;
	for (size_t i = 0; status == BURR_OK && i < pass->pending_count; i++)
		status = add_attempt(pass, &pass->pending[i], err);
	pass->pending_count = 0;
	buf_clear(&pass->actions);
	return status;
}

/* Room for one more attempt, which is cleared and at the end of the pending ones. */
static burr_status new_attempt(
	struct pass *pass, const struct line_record *record, struct attempt **out, burr_error *err)
{
	if (pass->pending_count == PENDING_MAX) {
		burr_status status = flush_pending(pass, err);
		if (status != BURR_OK)
			return status;
	}
	if (!pass->pending)
		pass->pending = malloc(PENDING_MAX * sizeof(*pass->pending));
	if (!pass->pending)
		return burr_fail(err, BURR_ENOMEM, "no memory to index");
	struct attempt *attempt = &pass->pending[pass->pending_count];
	*attempt = (struct attempt){.seq = record->sequence_id, .action_at = pass->actions.len};
	if (record->action.data)
		json_to_text(record->action, &pass->actions); /* what is no text leaves it empty */
	if (pass->actions.failed)
		return burr_fail(err, BURR_ENOMEM, "no memory to index");
	attempt->action_len = pass->actions.len - attempt->action_at;
	pass->pending_count++;
	pass->step_count++;
	*out = attempt;
	return BURR_OK;
}

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

static burr_status take_begin(
	struct pass *pass, const struct log_line *line, const struct line_record *record, burr_error *err)
{
	struct attempt *attempt;
	burr_status status = new_attempt(pass, record, &attempt, err);
	if (status != BURR_OK)
		return status;
	struct slice text;
	bool zoned = false;
	bool timed = time_of(record, &text, &attempt->start_us, &zoned);
	attempt->at = line->offset;
	attempt->begin_len = (uint32_t)line->text.len;
	attempt->flags = time_flags(timed, zoned, STEP_HAS_START, STEP_START_ZONED);
	pass->has_current = timed && !zoned;
	pass->current_seq = record->sequence_id;
	pass->current_start_us = attempt->start_us;
	pass->newest_seq = record->sequence_id;
	pass->ended = false;
	return BURR_OK;
}

/* The end of an attempt that is written already. *out_found: there was an open one. */
static burr_status end_written(struct pass *pass, const struct log_line *line,
	const struct line_record *record, int64_t end_us, int flags, bool *out_found, burr_error *err)
{
	struct db *db = pass->indexer->db;
	bool row;
	sqlite3_stmt *stmt = db_get(db, DB_FIND_ATTEMPT, err);
	*out_found = false;
	if (!stmt)
		return BURR_ECORRUPT;
	sqlite3_bind_int64(stmt, 1, pass->id);
	sqlite3_bind_int64(stmt, 2, record->sequence_id);
	burr_status status = db_step(db, stmt, &row, err);
	if (status != BURR_OK || !row)
		return status;
	int64_t at = sqlite3_column_int64(stmt, 0);
	bool open = sqlite3_column_int64(stmt, 1) > 0 && sqlite3_column_type(stmt, 2) == SQLITE_NULL;
	flags |= sqlite3_column_int(stmt, 3);
	db_done(stmt);
	if (!open)
		return BURR_OK;
	stmt = db_get(db, DB_END_ATTEMPT, err);
	if (!stmt)
		return BURR_ECORRUPT;
	*out_found = true;
	sqlite3_bind_int64(stmt, 1, pass->id);
	sqlite3_bind_int64(stmt, 2, at);
	sqlite3_bind_int64(stmt, 3, (int64_t)line->offset);
	sqlite3_bind_int64(stmt, 4, (int64_t)line->text.len);
	if (flags & STEP_HAS_END)
		sqlite3_bind_int64(stmt, 5, end_us);
	sqlite3_bind_int(stmt, 6, flags);
	return db_run(db, stmt, err);
}

static struct attempt *find_pending(struct pass *pass, int64_t seq)
{
	for (size_t i = pass->pending_count; i > 0; i--) {
		if (pass->pending[i - 1].seq == seq)
			return &pass->pending[i - 1];
	}
	return NULL;
}

/* An end belongs to the newest begin of its number, if that has none yet; else it stands alone. */
static burr_status take_end(
	struct pass *pass, const struct log_line *line, const struct line_record *record, burr_error *err)
{
	struct slice text;
	int64_t end_us = 0;
	bool zoned = false;
	bool timed = time_of(record, &text, &end_us, &zoned);
	int flags = time_flags(timed, zoned, STEP_HAS_END, STEP_END_ZONED);
	if (json_kind_of(record->exception) == JSON_STRING)
		flags |= STEP_FAILED;
	pass->newest_seq = record->sequence_id;
	struct attempt *attempt = find_pending(pass, record->sequence_id);
	if (!attempt) {
		bool found;
		burr_status status = end_written(pass, line, record, end_us, flags, &found, err);
		if (status != BURR_OK || found)
			return status;
	}
	if (!attempt || attempt->end_len || !attempt->begin_len) {
		burr_status status = new_attempt(pass, record, &attempt, err);
		if (status != BURR_OK)
			return status;
		attempt->at = line->offset;
	}
	attempt->end_at = line->offset;
	attempt->end_len = (uint32_t)line->text.len;
	attempt->end_us = end_us;
	attempt->flags |= flags;
	return BURR_OK;
}

static void take_time(struct pass *pass, const struct line_record *record)
{
	struct slice text;
	int64_t us;
	bool zoned;
	if (!time_of(record, &text, &us, &zoned) || text.len >= sizeof(pass->last.text))
		return;
	if (!pass->first.len)
		stamp_set(&pass->first, text);
	stamp_set(&pass->last, text);
	if (!zoned && pass->zone < ZONE_INFERRED)
		pass->zone = ZONE_ASSUMED;
	else if (pass->zone == ZONE_NONE)
		pass->zone = ZONE_EXACT;
	int64_t low;
	if (zoned && pass->has_current && record->sequence_id == pass->current_seq &&
		zone_bound(pass->current_start_us, us, &low) && (!pass->has_low || low > pass->low_us)) {
		pass->has_low = true;
		pass->low_us = low;
	}
}

static burr_status take_line(struct pass *pass, const struct log_line *line, burr_error *err)
{
	struct line_record record;
	pass->indexer->line_count++;
	/* A line of 4 GiB would not fit the columns; no writer makes one of more than 16 MiB. */
	if (line->text.len > UINT32_MAX || !record_read(line->text, &pass->indexer->spare, &record)) {
		pass->damaged++;
		return BURR_OK;
	}
	burr_status status = BURR_OK;
	if (record.type == LINE_BEGIN_ENTRY)
		status = take_begin(pass, line, &record, err);
	else if (record.type == LINE_END_ENTRY)
		status = take_end(pass, line, &record, err);
	else if (record.type == LINE_END_APPLICATION)
		pass->ended = true;
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
	if (pass->log_dev != (int64_t)st->st_dev || pass->log_ino != (int64_t)st->st_ino ||
		pass->log_len > st->st_size)
		return false;
	return log_check_read(fd, (uint64_t)pass->log_len, &check) && check == pass->log_check;
}

static burr_status load_current(struct pass *pass, burr_error *err)
{
	struct db *db = pass->indexer->db;
	sqlite3_stmt *stmt = db_get(db, DB_LAST_ATTEMPT, err);
	if (!stmt)
		return BURR_ECORRUPT;
	bool row;
	sqlite3_bind_int64(stmt, 1, pass->id);
	burr_status status = db_step(db, stmt, &row, err);
	if (status != BURR_OK || !row)
		return status;
	int flags = sqlite3_column_int(stmt, 2);
	pass->has_current = (flags & STEP_HAS_START) && !(flags & STEP_START_ZONED);
	pass->current_seq = sqlite3_column_int64(stmt, 0);
	pass->current_start_us = sqlite3_column_int64(stmt, 1);
	db_done(stmt);
	return BURR_OK;
}

static burr_status save_place(
	struct pass *pass, int fd, uint64_t offset, const struct facts *facts, burr_error *err)
{
	burr_status status = flush_pending(pass, err);
	if (status != BURR_OK)
		return status;
	pass->log_len = (int64_t)offset;
	if (!log_check_read(fd, offset, &pass->log_check))
		pass->log_check = 0; /* cut meanwhile: the next pass sees another log */
	return save_pass(pass, facts, err);
}

static burr_status read_lines(struct pass *pass, int fd, const struct facts *facts, burr_error *err)
{
	CLEAN(log_reader_fini) struct log_reader reader;
	struct log_line line;
	burr_status status = BURR_OK;
	uint64_t uncommitted = 0;
	log_reader_init(&reader, fd, (uint64_t)pass->log_len);
	while (status == BURR_OK && log_reader_next(&reader, &line)) {
		status = take_line(pass, &line, err);
		if (status != BURR_OK || ++uncommitted < COMMIT_LINES)
			continue;
		uncommitted = 0;
		status = save_place(pass, fd, log_reader_offset(&reader), facts, err);
		if (status == BURR_OK)
			status = db_do(pass->indexer->db, DB_COMMIT, err);
		if (status == BURR_OK)
			status = db_do(pass->indexer->db, DB_BEGIN_WRITE, err);
	}
	if (status == BURR_OK && reader.status == BURR_OK)
		pass->log_mark = (int64_t)facts->log_mark;
	if (status == BURR_OK)
		status = save_place(pass, fd, log_reader_offset(&reader), facts, err);
	if (status == BURR_OK && reader.status != BURR_OK)
		status = burr_fail(err, reader.status, "log.jsonl: reading at byte %llu failed",
			(unsigned long long)log_reader_offset(&reader));
	return status;
}

static burr_status without_log(struct pass *pass, const struct facts *facts, burr_error *err)
{
	burr_status status = run_with_id(pass->indexer->db, DB_REMOVE_STEPS, pass->id, err);
	forget_log(pass);
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
		status = run_with_id(pass->indexer->db, DB_REMOVE_STEPS, pass->id, err);
		forget_log(pass);
		pass->log_dev = (int64_t)st.st_dev;
		pass->log_ino = (int64_t)st.st_ino;
	} else if (pass->log_len > 0) {
		status = load_current(pass, err);
	}
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
	sqlite3_stmt *stmt = db_get(indexer->db, DB_SAVE_SIDE, err);
	if (!stmt)
		return BURR_ECORRUPT;
	sqlite3_bind_int64(stmt, 1, pass->id);
	db_bind_text(stmt, 2, has_partition ? buf_slice(&partition) : SLICE_NONE);
	db_bind_text(stmt, 3, has_parent ? buf_slice(&parent) : SLICE_NONE);
	db_bind_text(stmt, 4, has_spawning ? buf_slice(&spawning) : SLICE_NONE);
	sqlite3_bind_int(stmt, 5, facts->has_graph);
	sqlite3_bind_int(stmt, 6, readable);
	sqlite3_bind_int64(stmt, 7, (int64_t)facts->side_mark);
	return db_run(indexer->db, stmt, err);
}

/* ---- the application ---- */

static burr_status remove_app(
	struct indexer *indexer, const struct app_name *name, enum index_change *out_change, burr_error *err)
{
	struct pass pass = {.indexer = indexer, .newest_seq = -1};
	int64_t project;
	burr_status status = find_project(indexer, app_name_project(name), &project, err);
	if (status == BURR_OK && project)
		status = load_pass(&pass, project, app_name_app_id(name), err);
	if (status != BURR_OK || !pass.id)
		return status;
	status = run_with_id(indexer->db, DB_REMOVE_STEPS, pass.id, err);
	if (status == BURR_OK)
		status = run_with_id(indexer->db, DB_REMOVE_APP, pass.id, err);
	if (status == BURR_OK)
		*out_change = INDEX_GONE;
	return status;
}

static burr_status index_files(struct pass *pass, int app_fd, const struct facts *facts, bool is_new,
	enum index_change *out_change, burr_error *err)
{
	bool side_changed = is_new || pass->side_mark != (int64_t)facts->side_mark;
	bool log_changed = is_new || pass->log_mark != (int64_t)facts->log_mark;
	burr_status status = BURR_OK;
	if (side_changed)
		status = index_side(pass, app_fd, facts, err);
	if (status == BURR_OK && (log_changed || (side_changed && !pass->first.len)))
		status = index_log(pass, app_fd, facts, err);
	if (side_changed || log_changed)
		*out_change = INDEX_CHANGED;
	return status;
}

burr_status index_app(
	struct indexer *indexer, const struct app_name *name, enum index_change *out_change, burr_error *err)
{
	struct slice project = app_name_project(name);
	struct slice app_id = app_name_app_id(name);
	CLEAN(pass_fini) struct pass pass = {.indexer = indexer, .newest_seq = -1};
	CLEAN(fd_close) int app_fd = -1;
	struct facts facts;
	bool added;
	*out_change = INDEX_NOTHING;
	burr_status status = store_open_app(indexer->store, project, app_id, &app_fd, err);
	if (status == BURR_ENOTFOUND || (status == BURR_OK && !facts_read(app_fd, ".", &facts)))
		return remove_app(indexer, name, out_change, err);
	if (status != BURR_OK)
		return status;
	int64_t project_id;
	status = index_project(indexer, project, facts.made_us, &added, err);
	if (status == BURR_OK)
		status = find_project(indexer, project, &project_id, err);
	if (status == BURR_OK)
		status = load_pass(&pass, project_id, app_id, err);
	bool is_new = !pass.id;
	if (status == BURR_OK && is_new)
		status = add_app(&pass, project_id, app_id, err);
	if (status == BURR_OK)
		status = index_files(&pass, app_fd, &facts, is_new, out_change, err);
	return status == BURR_OK ? BURR_OK : burr_fail_in(err, status, "%s", name->text);
}
