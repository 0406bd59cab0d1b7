#include "catalog/db.h"

#include "base/error.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
	SCHEMA_VERSION = 1, /* raise it at every change below: older files are made anew */
	BUSY_TIMEOUT_MS = 5000,
	SCHEMA_ID = 0x62757272, /* "burr", SQLite's application_id */
};

/* Times: *_text stands in the log; *_us is microseconds of UTC since 1970, for order. step.start_us and
 * end_us are the text read as UTC, and flags says whether it named its zone, so a better guess of a run's
 * zone changes one row. A step's key is the place of its begin record, or of its end record where that is
 * alone. */
static const char schema[] =
	"CREATE TABLE project("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" made_us INTEGER NOT NULL," /* of the folder, for a project without applications */
	" app_count INTEGER NOT NULL DEFAULT 0);"

	"CREATE TABLE application("
	" id INTEGER PRIMARY KEY,"
	" project INTEGER NOT NULL,"
	" app_id TEXT NOT NULL,"
	" partition_key TEXT,"
	" parent TEXT,"          /* a POINTER with all its keys, or NULL */
	" spawning_parent TEXT," /* likewise */
	" has_graph INTEGER NOT NULL DEFAULT 0,"
	" has_metadata INTEGER NOT NULL DEFAULT 0,"
	" side_mark INTEGER NOT NULL DEFAULT 0," /* of graph.json and metadata.json as they were read */
	" first_text TEXT NOT NULL DEFAULT '',"
	" first_us INTEGER NOT NULL DEFAULT 0,"
	" last_text TEXT NOT NULL DEFAULT '',"
	" last_us INTEGER NOT NULL DEFAULT 0,"
	" zone INTEGER NOT NULL DEFAULT 0," /* enum catalog_zone */
	" zone_offset_s INTEGER NOT NULL DEFAULT 0,"
	" zone_low_us INTEGER," /* the offset is at least this, by the times of steps that hold Z times */
	" newest_seq INTEGER NOT NULL DEFAULT -1," /* of the last begin or end in the log */
	" step_count INTEGER NOT NULL DEFAULT 0,"  /* attempts */
	" damaged INTEGER NOT NULL DEFAULT 0,"     /* lines */
	" ended INTEGER NOT NULL DEFAULT 0,"       /* end_application is its last word */
	" log_dev INTEGER NOT NULL DEFAULT 0,"
	" log_ino INTEGER NOT NULL DEFAULT 0,"
	" log_len INTEGER NOT NULL DEFAULT 0,"   /* indexed up to here */
	" log_check INTEGER NOT NULL DEFAULT 0," /* hash of up to 64 bytes before log_len */
	" log_mark INTEGER NOT NULL DEFAULT 0,"  /* of the log as it was when log_len was reached */
	" UNIQUE(project, app_id));"
	"CREATE INDEX application_newest ON application(project, last_us DESC, id DESC);"
	"CREATE INDEX application_partition ON application(project, partition_key, last_us DESC, id DESC);"
	"CREATE INDEX application_first ON application(project, first_us);"
	"CREATE TRIGGER application_added AFTER INSERT ON application BEGIN"
	" UPDATE project SET app_count = app_count + 1 WHERE id = new.project; END;"
	"CREATE TRIGGER application_removed AFTER DELETE ON application BEGIN"
	" UPDATE project SET app_count = app_count - 1 WHERE id = old.project; END;"

	"CREATE TABLE step("
	" application INTEGER NOT NULL,"
	" at INTEGER NOT NULL,"
	" begin_len INTEGER NOT NULL," /* 0: no begin record */
	" end_at INTEGER,"
	" end_len INTEGER,"
	" seq INTEGER NOT NULL,"
	" action TEXT NOT NULL,"
	" start_us INTEGER,"
	" end_us INTEGER,"
	" flags INTEGER NOT NULL," /* enum catalog_step_flags */
	" PRIMARY KEY(application, at)) WITHOUT ROWID;"
	"CREATE INDEX step_seq ON step(application, seq, at);"
	"CREATE INDEX step_end ON step(application, end_at) WHERE end_at IS NOT NULL;";

#define APP_COLUMNS                                                                                          \
	"id, app_id, partition_key, parent, spawning_parent, has_graph, has_metadata, first_text, first_us," \
	" last_text, last_us, zone, zone_offset_s, newest_seq, step_count, damaged, ended,"                  \
	" log_dev, log_ino, log_len, log_check"

static const char *const statement_texts[DB_STATEMENT_COUNT] = {
	[DB_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[DB_BEGIN_READ] = "BEGIN",
	[DB_COMMIT] = "COMMIT",
	[DB_ROLLBACK] = "ROLLBACK",
	[DB_FIND_PROJECT] = "SELECT id, app_count FROM project WHERE name = ?1",
	[DB_ADD_PROJECT] = "INSERT INTO project(name, made_us) VALUES(?1, ?2)",
	[DB_REMOVE_PROJECT] = "DELETE FROM project WHERE id = ?1",
	[DB_REMOVE_PROJECT_APPS] = "DELETE FROM application WHERE project = ?1",
	[DB_REMOVE_PROJECT_STEPS] =
		"DELETE FROM step WHERE application IN (SELECT id FROM application WHERE project = ?1)",
	[DB_LIST_PROJECT_NAMES] = "SELECT name FROM project",
	[DB_LIST_MARKS] = "SELECT a.app_id, a.log_mark, a.side_mark FROM application a"
			  " JOIN project p ON p.id = a.project WHERE p.name = ?1",
	[DB_FIND_PROGRESS] = "SELECT id, side_mark, first_text, last_text, zone, zone_low_us, newest_seq,"
			     " step_count, damaged, ended, log_dev, log_ino, log_len, log_check, log_mark,"
			     " last_us, zone_offset_s FROM application WHERE project = ?1 AND app_id = ?2",
	[DB_ADD_APP] = "INSERT INTO application(project, app_id) VALUES(?1, ?2)",
	[DB_SAVE_SIDE] = "UPDATE application SET partition_key = ?2, parent = ?3, spawning_parent = ?4,"
			 " has_graph = ?5, has_metadata = ?6, side_mark = ?7 WHERE id = ?1",
	[DB_SAVE_PROGRESS] =
		"UPDATE application SET first_text = ?2, first_us = ?3, last_text = ?4, last_us = ?5,"
		" zone = ?6, zone_offset_s = ?7, zone_low_us = ?8, newest_seq = ?9, step_count = ?10,"
		" damaged = ?11, ended = ?12, log_dev = ?13, log_ino = ?14, log_len = ?15, log_check = ?16,"
		" log_mark = ?17 WHERE id = ?1",
	[DB_REMOVE_APP] = "DELETE FROM application WHERE id = ?1",
	[DB_REMOVE_STEPS] = "DELETE FROM step WHERE application = ?1",
	[DB_ADD_STEP] =
		"INSERT OR REPLACE INTO step(application, at, begin_len, end_at, end_len, seq, action,"
		" start_us, end_us, flags) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	/* Left to itself the planner walks the whole run by its primary key, whose order it wants. */
	[DB_FIND_ATTEMPT] = "SELECT at, begin_len, end_at, flags FROM step INDEXED BY step_seq"
			    " WHERE application = ?1 AND seq = ?2 ORDER BY at DESC LIMIT 1",
	[DB_END_ATTEMPT] = "UPDATE step SET end_at = ?3, end_len = ?4, end_us = ?5, flags = ?6"
			   " WHERE application = ?1 AND at = ?2",
	/* Ends without a begin may follow, but where there are that many of them no begin is looked for. */
	[DB_LAST_ATTEMPT] = "SELECT seq, start_us, flags FROM"
			    " (SELECT * FROM step WHERE application = ?1 ORDER BY at DESC LIMIT 64)"
			    " WHERE begin_len > 0 LIMIT 1",
	[DB_COUNT_APPS] = "SELECT ifnull(sum(app_count), 0) FROM project",
	[DB_LIST_PROJECTS] =
		"SELECT p.name, p.app_count, p.made_us,"
		" (SELECT first_text FROM application WHERE project = p.id ORDER BY first_us LIMIT 1),"
		" (SELECT last_text FROM application WHERE project = p.id ORDER BY last_us DESC LIMIT 1),"
		" ifnull((SELECT max(last_us) FROM application WHERE project = p.id), p.made_us) AS newest"
		" FROM project p ORDER BY newest DESC, p.name",
	[DB_COUNT_PARTITION] = "SELECT count(*) FROM application WHERE project = ?1 AND partition_key = ?2",
	[DB_LIST_APPS] = "SELECT " APP_COLUMNS " FROM application WHERE project = ?1"
			 " ORDER BY last_us DESC, id DESC LIMIT ?2 OFFSET ?3",
	[DB_LIST_PARTITION] = "SELECT " APP_COLUMNS " FROM application WHERE project = ?1"
			      " AND partition_key = ?4 ORDER BY last_us DESC, id DESC LIMIT ?2 OFFSET ?3",
	[DB_FIND_APP] = "SELECT " APP_COLUMNS " FROM application WHERE project ="
			" (SELECT id FROM project WHERE name = ?1) AND app_id = ?2",
	[DB_LIST_STEPS] = "SELECT at, begin_len, end_at, end_len, seq, action, start_us, end_us, flags"
			  " FROM step WHERE application = ?1 AND at > ?2 ORDER BY at LIMIT ?3",
	[DB_FIND_END] = "SELECT end_at, end_len FROM step INDEXED BY step_seq"
			" WHERE application = ?1 AND seq = ?2 AND end_at IS NOT NULL"
			" ORDER BY end_at DESC LIMIT 1",
	[DB_FIND_END_FROM_LAST] = "SELECT end_at, end_len FROM step WHERE application = ?1"
				  " AND end_at IS NOT NULL ORDER BY end_at DESC LIMIT 1 OFFSET ?2",
};

burr_status db_fail(struct db *db, const char *what, burr_error *err)
{
	int code = db->conn ? sqlite3_errcode(db->conn) & 0xFF : SQLITE_NOMEM;
	const char *text = db->conn ? sqlite3_errmsg(db->conn) : "no memory";
	burr_status status;
	switch (code) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH:
	case SQLITE_ERROR: /* a table is missing: somebody else's file, or half of ours */
		status = BURR_ECORRUPT;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
		status = BURR_ELATER;
		break;
	case SQLITE_NOMEM:
		status = BURR_ENOMEM;
		break;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		status = BURR_EPERM;
		break;
	default:
		status = BURR_EIO;
		break;
	}
	return burr_fail(err, status, "the catalog: %s: %s", what, text);
}

sqlite3_stmt *db_get(struct db *db, enum db_statement which, burr_error *err)
{
	sqlite3_stmt **stmt = &db->statements[which];
	if (!*stmt && sqlite3_prepare_v3(db->conn, statement_texts[which], -1, SQLITE_PREPARE_PERSISTENT,
			      stmt, NULL) != SQLITE_OK) {
		db_fail(db, statement_texts[which], err);
		return NULL;
	}
	return *stmt;
}

void db_done(sqlite3_stmt *stmt)
{
	if (!stmt)
		return;
	sqlite3_reset(stmt); /* repeats the code of the last step, which was looked at there */
	sqlite3_clear_bindings(stmt);
}

burr_status db_step(struct db *db, sqlite3_stmt *stmt, bool *out_row, burr_error *err)
{
	int code = sqlite3_step(stmt);
	*out_row = code == SQLITE_ROW;
	if (code == SQLITE_ROW)
		return BURR_OK;
	burr_status status = code == SQLITE_DONE ? BURR_OK : db_fail(db, sqlite3_sql(stmt), err);
	db_done(stmt);
	return status;
}

burr_status db_run(struct db *db, sqlite3_stmt *stmt, burr_error *err)
{
	bool row;
	burr_status status = db_step(db, stmt, &row, err);
	if (row)
		db_done(stmt);
	return status;
}

burr_status db_do(struct db *db, enum db_statement which, burr_error *err)
{
	sqlite3_stmt *stmt = db_get(db, which, err);
	return stmt ? db_run(db, stmt, err) : err ? err->code : BURR_ECORRUPT;
}

/* ---- opening ---- */

void db_close(struct db *db)
{
	for (int i = 0; i < DB_STATEMENT_COUNT; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->conn);
	*db = (struct db)DB_INIT;
}

void db_delete(const char *path)
{
	static const char *const endings[] = {"-wal", "-shm", "-journal", ""};
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		struct buf name = BUF_INIT;
		buf_printf(&name, "%s%s", path, endings[i]);
		if (!name.failed)
			unlink(name.data); /* what is not there need not go */
		buf_fini(&name);
	}
}

static burr_status run_text(struct db *db, const char *text, burr_error *err)
{
	return sqlite3_exec(db->conn, text, NULL, NULL, NULL) == SQLITE_OK ? BURR_OK : db_fail(db, text, err);
}

static burr_status connect(const char *path, struct db *out, int flags, burr_error *err)
{
	*out = (struct db)DB_INIT;
	flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	if (sqlite3_open_v2(path, &out->conn, flags, NULL) != SQLITE_OK)
		return db_fail(out, path, err);
	sqlite3_busy_timeout(out->conn, BUSY_TIMEOUT_MS);
	sqlite3_db_config(out->conn, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_extended_result_codes(out->conn, 1);
	return BURR_OK;
}

static burr_status read_number(struct db *db, const char *text, int64_t *out, burr_error *err)
{
	sqlite3_stmt *stmt = NULL;
	bool ok = sqlite3_prepare_v2(db->conn, text, -1, &stmt, NULL) == SQLITE_OK &&
		  sqlite3_step(stmt) == SQLITE_ROW;
	if (ok)
		*out = sqlite3_column_int64(stmt, 0);
	burr_status status = ok ? BURR_OK : db_fail(db, text, err);
	sqlite3_finalize(stmt);
	return status;
}

/* BURR_ECORRUPT where the file is not ours or of another version. *out_empty: it has no tables yet. */
static burr_status check_version(struct db *db, bool *out_empty, burr_error *err)
{
	int64_t version = 0;
	int64_t tables = 0;
	int64_t owner = 0;
	burr_status status = read_number(db, "PRAGMA user_version", &version, err);
	if (status == BURR_OK)
		status = read_number(db, "PRAGMA application_id", &owner, err);
	if (status == BURR_OK)
		status = read_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (status != BURR_OK)
		return status;
	*out_empty = tables == 0;
	if (tables && (version != SCHEMA_VERSION || owner != SCHEMA_ID))
		return burr_fail(err, BURR_ECORRUPT, "the catalog has version %lld, not %d",
			(long long)version, SCHEMA_VERSION);
	return BURR_OK;
}

static burr_status make_tables(struct db *db, burr_error *err)
{
	char version[96];
	snprintf(version, sizeof(version), "PRAGMA application_id = %d; PRAGMA user_version = %d", SCHEMA_ID,
		SCHEMA_VERSION);
	burr_status status = run_text(db, "BEGIN IMMEDIATE", err);
	bool empty = true; /* another process may have been faster */
	if (status == BURR_OK)
		status = check_version(db, &empty, err);
	if (status == BURR_OK && empty)
		status = run_text(db, schema, err);
	if (status == BURR_OK && empty)
		status = run_text(db, version, err);
	if (status == BURR_OK)
		status = run_text(db, "COMMIT", err);
	return status;
}

/* Losing the last commits with the power costs reading a few logs again, so no commit waits for the disk. */
static burr_status open_once(const char *path, struct db *out, bool *out_fresh, burr_error *err)
{
	burr_status status = connect(path, out, SQLITE_OPEN_CREATE, err);
	if (status == BURR_OK)
		status = run_text(out, "PRAGMA journal_mode = WAL", err);
	if (status == BURR_OK)
		status = run_text(out,
			"PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864;"
			"PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY",
			err);
	bool empty = false;
	if (status == BURR_OK)
		status = check_version(out, &empty, err);
	if (status == BURR_OK && empty)
		status = make_tables(out, err);
	/* A first statement per table shows whether they are what we think. */
	if (status == BURR_OK && (!db_get(out, DB_LIST_APPS, err) || !db_get(out, DB_LIST_STEPS, err) ||
					 !db_get(out, DB_LIST_PROJECTS, err)))
		status = BURR_ECORRUPT;
	if (status != BURR_OK)
		db_close(out);
	*out_fresh = empty;
	return status;
}

burr_status db_open_writer(const char *path, struct db *out, bool *out_fresh, burr_error *err)
{
	burr_status status = open_once(path, out, out_fresh, err);
	if (status != BURR_ECORRUPT)
		return status;
	db_delete(path);
	return open_once(path, out, out_fresh, err);
}

burr_status db_open_reader(const char *path, struct db *out, burr_error *err)
{
	burr_status status = connect(path, out, 0, err);
	if (status == BURR_OK) {
		/* Who only reads leaves the clearing up to the writer, also when it is the last to go. */
		sqlite3_db_config(out->conn, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		status = run_text(out, "PRAGMA query_only = 1; PRAGMA cache_size = -4096", err);
	}
	bool empty = false;
	if (status == BURR_OK)
		status = check_version(out, &empty, err);
	if (status == BURR_OK && empty)
		status = burr_fail(err, BURR_ECORRUPT, "the catalog is empty");
	if (status != BURR_OK)
		db_close(out);
	return status;
}
