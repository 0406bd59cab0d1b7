#include "catalog/db.h"

#include "base/error.h"
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum {
	BUSY_TIMEOUT_MS = 5000,
	SCHEMA_ID = 0x62757272, /* "burr", SQLite's application_id */
};

/* Times: *_text stands in the log; *_us is microseconds of UTC since 1970, for order. Those in blocks are the
 * text read as UTC, and a flag says whether it named its zone, so a better guess of a run's zone changes one
 * row. */
static const char schema[] =
	"CREATE TABLE project("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" name TEXT NOT NULL UNIQUE,"
	" made_us INTEGER NOT NULL," /* of the folder, for a project without applications */
	" app_count INTEGER NOT NULL DEFAULT 0,"
	" root_count INTEGER NOT NULL DEFAULT 0);"

	"CREATE TABLE application("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" project INTEGER NOT NULL,"
	" app_id TEXT NOT NULL,"
	" partition_key TEXT,"
	" parent TEXT,"          /* a POINTER with all its keys, or NULL */
	" spawning_parent TEXT," /* likewise */
	" parent_app TEXT,"      /* the app_id in either, the spawning one first; NULL: it has none */
	" root INTEGER NOT NULL DEFAULT 1," /* no parent of it is in the project */
	" has_graph INTEGER NOT NULL DEFAULT 0,"
	" has_metadata INTEGER NOT NULL DEFAULT 0,"
	" finals TEXT," /* a JSON array of the actions that no transition leads on from */
	" side_mark INTEGER NOT NULL DEFAULT 0," /* of graph.json and metadata.json as they were read */
	" first_text TEXT NOT NULL DEFAULT '',"
	" first_us INTEGER NOT NULL DEFAULT 0,"
	" last_text TEXT NOT NULL DEFAULT '',"
	" last_us INTEGER NOT NULL DEFAULT 0,"
	" zone INTEGER NOT NULL DEFAULT 0," /* enum catalog_zone */
	" zone_offset_s INTEGER NOT NULL DEFAULT 0,"
	" zone_low_us INTEGER," /* the offset is at least this, by the times of steps that hold Z times */
	" status INTEGER NOT NULL DEFAULT 6,"      /* enum catalog_status */
	" writer TEXT,"                            /* of the last step begun, where it named itself */
	" newest_seq INTEGER NOT NULL DEFAULT -1," /* of the last begin or end in the log */
	" max_seq INTEGER NOT NULL DEFAULT -1,"
	" step_count INTEGER NOT NULL DEFAULT 0," /* attempts */
	" failed_count INTEGER NOT NULL DEFAULT 0,"
	" superseded_count INTEGER NOT NULL DEFAULT 0,"
	" part_count INTEGER NOT NULL DEFAULT 0,"
	" input_tokens INTEGER NOT NULL DEFAULT 0,"
	" output_tokens INTEGER NOT NULL DEFAULT 0,"
	" last_action TEXT,"
	" last_error TEXT,"                    /* of the last attempt that failed, its beginning */
	" damaged INTEGER NOT NULL DEFAULT 0," /* lines */
	" ended INTEGER NOT NULL DEFAULT 0,"   /* end_application is its last word */
	" last_end_at INTEGER NOT NULL DEFAULT 0,"
	" last_end_len INTEGER NOT NULL DEFAULT 0,"
	" last_end_seq INTEGER NOT NULL DEFAULT -1,"
	" log_dev INTEGER NOT NULL DEFAULT 0,"
	" log_ino INTEGER NOT NULL DEFAULT 0,"
	" log_len INTEGER NOT NULL DEFAULT 0,"          /* indexed up to here */
	" log_check INTEGER NOT NULL DEFAULT 0,"        /* hash of up to 64 bytes before log_len */
	" log_mark INTEGER NOT NULL DEFAULT 0,"         /* of the log as it was when log_len was reached */
	" duration_us INTEGER AS (last_us - first_us)," /* these two are made when they are asked for */
	" tokens INTEGER AS (input_tokens + output_tokens),"
	" UNIQUE(project, app_id));"
	/* One for each order of runs.h: a page must not cost what its project has. */
	"CREATE INDEX application_newest ON application(project, last_us DESC, id DESC);"
	"CREATE INDEX application_recent ON application(last_us DESC, id DESC);"
	"CREATE INDEX application_partition ON application(project, partition_key, last_us DESC, id DESC);"
	"CREATE INDEX application_status ON application(project, status, last_us DESC, id DESC);"
	"CREATE INDEX application_root ON application(project, root, last_us DESC, id DESC);"
	"CREATE INDEX application_parent ON application(project, parent_app, last_us DESC, id DESC);"
	"CREATE INDEX application_first ON application(project, first_us);"
	"CREATE INDEX application_duration ON application(project, duration_us);"
	"CREATE INDEX application_steps ON application(project, step_count);"
	"CREATE INDEX application_failed ON application(project, failed_count);"
	"CREATE INDEX application_tokens ON application(project, tokens);"
	"CREATE INDEX application_live ON application(status) WHERE status = 1;"
	"CREATE TABLE tally(" /* how many runs of a project are at a status */
	" project INTEGER NOT NULL,"
	" status INTEGER NOT NULL,"
	" count INTEGER NOT NULL,"
	" PRIMARY KEY(project, status)) WITHOUT ROWID;"
	"CREATE TRIGGER application_added AFTER INSERT ON application BEGIN"
	" UPDATE application SET root = 0 WHERE project = new.project AND parent_app = new.app_id;"
	" UPDATE project SET app_count = app_count + 1, root_count = root_count + new.root"
	"  WHERE id = new.project;"
	" INSERT INTO tally VALUES(new.project, new.status, 1) ON CONFLICT DO UPDATE SET count = count + 1;"
	" END;"
	"CREATE TRIGGER application_removed AFTER DELETE ON application BEGIN"
	" UPDATE application SET root = 1 WHERE project = old.project AND parent_app = old.app_id;"
	" UPDATE project SET app_count = app_count - 1, root_count = root_count - old.root"
	"  WHERE id = old.project;"
	" UPDATE tally SET count = count - 1 WHERE project = old.project AND status = old.status; END;"
	"CREATE TRIGGER application_rooted AFTER UPDATE OF root ON application"
	" WHEN old.root <> new.root BEGIN"
	" UPDATE project SET root_count = root_count + new.root - old.root WHERE id = new.project; END;"
	"CREATE TRIGGER application_settled AFTER UPDATE OF status ON application"
	" WHEN old.status <> new.status BEGIN"
	" UPDATE tally SET count = count - 1 WHERE project = old.project AND status = old.status;"
	" INSERT INTO tally VALUES(new.project, new.status, 1) ON CONFLICT DO UPDATE SET count = count + 1;"
	" END;"

	"CREATE TABLE name(" /* names.h */
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" project INTEGER NOT NULL,"
	" kind INTEGER NOT NULL," /* enum name_kind */
	" text TEXT NOT NULL,"
	" UNIQUE(project, kind, text));"

	"CREATE TABLE use(" /* how often a run has an action or an attribute */
	" application INTEGER NOT NULL,"
	" name INTEGER NOT NULL,"
	" count INTEGER NOT NULL,"
	" failed_count INTEGER NOT NULL,"
	" PRIMARY KEY(application, name)) WITHOUT ROWID;"
	"CREATE INDEX use_name ON use(name, application);"

	"CREATE TABLE edge(" /* how often one action came after another; 0: after none */
	" application INTEGER NOT NULL,"
	" source INTEGER NOT NULL,"
	" target INTEGER NOT NULL,"
	" count INTEGER NOT NULL,"
	" PRIMARY KEY(application, source, target)) WITHOUT ROWID;"

	"CREATE TABLE block(" /* step.h */
	" id INTEGER PRIMARY KEY,"
	" application INTEGER NOT NULL,"
	" min_seq INTEGER NOT NULL,"
	" max_seq INTEGER NOT NULL,"
	" max_end INTEGER NOT NULL," /* the largest place of an end; -1: none has ended */
	/* struct step_times; low_us is NULL where they do not tell of all its steps, or zones are mixed */
	" low_us INTEGER,"
	" high_us INTEGER NOT NULL,"
	" zoned INTEGER NOT NULL,"
	" step_count INTEGER NOT NULL,"
	" failed_count INTEGER NOT NULL,"
	" open_count INTEGER NOT NULL,"
	" busy_us INTEGER NOT NULL,"
	" longest_us INTEGER NOT NULL,"
	" superseded_count INTEGER NOT NULL,"
	" bytes BLOB NOT NULL);"
	"CREATE INDEX block_seq ON block(application, max_seq, min_seq);"
	"CREATE INDEX block_end ON block(application, max_end);"
	"CREATE INDEX block_times ON block(application, id, low_us, high_us, zoned, step_count, failed_count,"
	" open_count, busy_us, longest_us);" /* all that an overview asks */
	"CREATE INDEX block_superseded ON block(application, id, superseded_count) WHERE superseded_count > "
	"0;"

	"CREATE TABLE part("
	" id INTEGER PRIMARY KEY,"
	" application INTEGER NOT NULL,"
	" min_step INTEGER NOT NULL,"
	" max_step INTEGER NOT NULL,"
	" bytes BLOB NOT NULL);"
	"CREATE INDEX part_step ON part(application, max_step, min_step);";

#define PROJECT_COLUMNS                                                                              \
	"p.name, p.app_count, p.made_us,"                                                            \
	" (SELECT first_text FROM application WHERE project = p.id ORDER BY first_us LIMIT 1),"      \
	" (SELECT last_text FROM application WHERE project = p.id ORDER BY last_us DESC LIMIT 1),"   \
	" ifnull((SELECT max(last_us) FROM application WHERE project = p.id), p.made_us) AS newest," \
	" (SELECT min(first_us) FROM application WHERE project = p.id), p.root_count"

static const char *const statement_texts[DB_STATEMENT_COUNT] = {
	[DB_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[DB_BEGIN_READ] = "BEGIN",
	[DB_COMMIT] = "COMMIT",
	[DB_ROLLBACK] = "ROLLBACK",
	[DB_FIND_PROJECT] = "SELECT id, app_count FROM project WHERE name = ?1",
	[DB_ADD_PROJECT] = "INSERT INTO project(name, made_us) VALUES(?1, ?2)",
	[DB_REMOVE_PROJECT] = "DELETE FROM project WHERE id = ?1",
	[DB_LIST_PROJECT_NAMES] = "SELECT name FROM project",
	[DB_LIST_PROJECT_APPS] = "SELECT id FROM application WHERE project = ?1 LIMIT 1",
	[DB_LIST_MARKS] = "SELECT a.app_id, a.log_mark, a.side_mark FROM application a"
			  " JOIN project p ON p.id = a.project WHERE p.name = ?1",
	[DB_FIND_PROGRESS] =
		"SELECT id, side_mark, first_text, last_text, zone, zone_low_us, newest_seq, step_count, "
		"damaged,"
		" ended, log_dev, log_ino, log_len, log_check, log_mark, last_us, zone_offset_s, max_seq,"
		" failed_count, part_count, input_tokens, output_tokens, last_end_at, last_end_len, "
		"last_end_seq,"
		" status, writer, finals, last_action, last_error, parent_app, superseded_count FROM "
		"application"
		" WHERE project = ?1 AND app_id = ?2",
	[DB_ADD_APP] = "INSERT INTO application(project, app_id) VALUES(?1, ?2)",
	[DB_SAVE_SIDE] = "UPDATE application SET partition_key = ?2, parent = ?3, spawning_parent = ?4,"
			 " parent_app = ?5, has_graph = ?6, has_metadata = ?7, finals = ?8, side_mark = ?9,"
			 " root = NOT EXISTS(SELECT 1 FROM application p WHERE p.project ="
			 " application.project AND p.app_id = ?5) WHERE id = ?1",
	[DB_SAVE_PROGRESS] =
		"UPDATE application SET first_text = ?2, first_us = ?3, last_text = ?4, last_us = ?5,"
		" zone = ?6, zone_offset_s = ?7, zone_low_us = ?8, newest_seq = ?9, step_count = ?10,"
		" damaged = ?11, ended = ?12, log_dev = ?13, log_ino = ?14, log_len = ?15, log_check = ?16,"
		" log_mark = ?17, max_seq = ?18, failed_count = ?19, part_count = ?20, input_tokens = ?21,"
		" output_tokens = ?22, last_end_at = ?23, last_end_len = ?24, last_end_seq = ?25, status = "
		"?26,"
		" writer = ?27, last_action = ?28, last_error = ?29, superseded_count = ?30 WHERE id = ?1",
	[DB_SAVE_STATUS] = "UPDATE application SET status = ?2 WHERE id = ?1",
	[DB_LIST_LIVE] = "SELECT a.id, p.name, a.app_id, a.writer, a.last_us, a.log_dev, a.log_ino"
			 " FROM application a INDEXED BY application_live JOIN project p ON p.id = a.project"
			 " WHERE a.status = 1",
	[DB_REMOVE_APP] = "DELETE FROM application WHERE id = ?1",
	[DB_REMOVE_BLOCKS] = "DELETE FROM block WHERE application = ?1",
	[DB_REMOVE_PARTS] = "DELETE FROM part WHERE application = ?1",
	[DB_REMOVE_USES] = "DELETE FROM use WHERE application = ?1",
	[DB_REMOVE_EDGES] = "DELETE FROM edge WHERE application = ?1",
	[DB_REMOVE_TALLY] = "DELETE FROM tally WHERE project = ?1",
	[DB_REMOVE_NAMES] = "DELETE FROM name WHERE project = ?1",
	[DB_FIND_NAME] = "SELECT id FROM name WHERE project = ?1 AND kind = ?2 AND text = ?3",
	[DB_ADD_NAME] = "INSERT INTO name(project, kind, text) VALUES(?1, ?2, ?3)",
	[DB_COUNT_NAMES] = "SELECT count(*) FROM name WHERE project = ?1 AND kind = ?2",
	[DB_GET_NAME] = "SELECT text FROM name WHERE id = ?1",
	[DB_ADD_USE] = "INSERT INTO use(application, name, count, failed_count) VALUES(?1, ?2, ?3, ?4)"
		       " ON CONFLICT DO UPDATE SET count = count + ?3, failed_count = failed_count + ?4",
	[DB_ADD_EDGE] = "INSERT INTO edge(application, source, target, count) VALUES(?1, ?2, ?3, ?4)"
			" ON CONFLICT DO UPDATE SET count = count + ?4",
	[DB_LIST_USES] = "SELECT n.text, u.count, u.failed_count FROM use u JOIN name n ON n.id = u.name"
			 " WHERE u.application = ?1 AND n.kind = ?2 ORDER BY u.name",
	[DB_LIST_EDGES] = "SELECT s.text, t.text, e.count FROM edge e LEFT JOIN name s ON s.id = e.source"
			  " JOIN name t ON t.id = e.target WHERE e.application = ?1",
	[DB_SAVE_BLOCK] =
		"INSERT OR REPLACE INTO block(id, application, min_seq, max_seq, bytes, max_end,"
		" low_us, high_us, zoned, step_count, failed_count, open_count, busy_us, longest_us,"
		" superseded_count)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
	[DB_LOAD_BLOCK] = "SELECT bytes FROM block WHERE id = ?1",
	[DB_LIST_RANGES] = "SELECT id, min_seq, max_seq FROM block INDEXED BY block_seq"
			   " WHERE application = ?1",
	[DB_LIST_BLOCKS_BY_SEQ] = "SELECT id, bytes FROM block WHERE id IN (SELECT id FROM block"
				  " INDEXED BY block_seq WHERE application = ?1 AND max_seq >= ?2 AND"
				  " min_seq <= ?2) ORDER BY id DESC",
	[DB_LIST_BLOCKS] = "SELECT id, bytes FROM block WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
	[DB_LIST_BLOCKS_BACK] = "SELECT id, bytes FROM block WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC",
	[DB_LIST_ATTEMPTS] = "SELECT id, bytes FROM block WHERE id IN (SELECT id FROM block"
			     " INDEXED BY block_seq WHERE application = ?3 AND max_seq >= ?4 AND"
			     " min_seq <= ?4) AND id BETWEEN ?1 AND ?2 ORDER BY id",
	[DB_LIST_SUPERSEDED] = "SELECT id, bytes, superseded_count FROM block INDEXED BY block_superseded"
			       " WHERE application = ?1 AND superseded_count > 0 AND id >= ?2 ORDER BY id",
	[DB_LIST_BLOCKS_BY_END] = "SELECT id, bytes, max_end FROM block INDEXED BY block_end"
				  " WHERE application = ?1 ORDER BY max_end DESC",
	[DB_LIST_TIMES] = "SELECT id, low_us, high_us, zoned, step_count, failed_count, open_count, busy_us,"
			  " longest_us FROM block INDEXED BY block_times WHERE application = ?1 AND id >= ?2"
			  " ORDER BY id",
	[DB_COUNT_STEPS] = "SELECT step_count FROM application WHERE id = ?1",
	[DB_SAVE_PARTS] = "INSERT OR REPLACE INTO part(id, application, min_step, max_step, bytes)"
			  " VALUES(?1, ?2, ?3, ?4, ?5)",
	[DB_LOAD_PARTS] = "SELECT bytes FROM part WHERE id = ?1",
	[DB_LIST_PARTS] = "SELECT id, bytes FROM part WHERE id IN (SELECT id FROM part INDEXED BY part_step"
			  " WHERE application = ?1 AND max_step >= ?2 AND min_step <= ?3) ORDER BY id",
	[DB_LIST_PART_RANGES] = "SELECT id, min_step, max_step FROM part INDEXED BY part_step"
				" WHERE application = ?1",
	[DB_COUNT_ROOTS] = "SELECT root_count FROM project WHERE id = ?1",
	[DB_COUNT_APPS] = "SELECT ifnull(sum(app_count), 0) FROM project",
	[DB_LIST_PROJECTS] = "SELECT " PROJECT_COLUMNS " FROM project p ORDER BY newest DESC, p.name",
	[DB_FIND_PROJECT_ROW] = "SELECT " PROJECT_COLUMNS " FROM project p WHERE p.name = ?1",
	[DB_LIST_TALLY] = "SELECT t.status, t.count FROM tally t JOIN project p ON p.id = t.project"
			  " WHERE p.name = ?1",
	/* One range of the index for each status that there is. 3 and 4: lost and failed. */
	[DB_LIST_ACTIVITY] =
		"SELECT p.name, min((a.last_us - ?1) / 3600000000, ?2 - 1) AS hour, count(*),"
		" sum(a.status IN (3, 4))"
		" FROM project p CROSS JOIN application a INDEXED BY application_status ON a.project = p.id"
		" WHERE a.status IN (0, 1, 2, 3, 4, 5, 6) AND a.last_us >= ?1"
		" GROUP BY p.name, hour ORDER BY p.name, hour",
	[DB_SEARCH_NAMES] = "SELECT n.text FROM name n JOIN project p ON p.id = n.project"
			    " WHERE p.name = ?1 AND n.kind = ?4 AND instr(lower(n.text), lower(?2))"
			    " ORDER BY n.text LIMIT ?3",
	[DB_SEARCH_PARTITIONS] =
		"SELECT DISTINCT a.partition_key FROM project p JOIN application a"
		" INDEXED BY application_partition ON a.project = p.id WHERE p.name = ?1"
		" AND a.partition_key IS NOT NULL AND instr(lower(a.partition_key), lower(?2))"
		" ORDER BY a.partition_key LIMIT ?3",
	[DB_COUNT_CHILDREN] = "SELECT count(*) FROM application WHERE project = ?1 AND parent_app = ?2",
	[DB_COUNT_PARTITION] = "SELECT count(*) FROM application WHERE project = ?1 AND partition_key = ?2",
	[DB_LIST_APPS] = "SELECT " DB_APP_COLUMNS " FROM application WHERE project = ?1"
			 " ORDER BY last_us DESC, id DESC LIMIT ?2 OFFSET ?3",
	[DB_LIST_PARTITION] = "SELECT " DB_APP_COLUMNS " FROM application WHERE project = ?1"
			      " AND partition_key = ?4 ORDER BY last_us DESC, id DESC LIMIT ?2 OFFSET ?3",
	[DB_FIND_APP] = "SELECT " DB_APP_COLUMNS " FROM application WHERE project ="
			" (SELECT id FROM project WHERE name = ?1) AND app_id = ?2",
};

burr_status db_status(const struct db *db)
{
	switch (db->conn ? sqlite3_errcode(db->conn) & 0xFF : SQLITE_NOMEM) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH:
	case SQLITE_ERROR: /* a table is missing: somebody else's file, or half of ours */
		return BURR_ECORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
		return BURR_ELATER;
	case SQLITE_NOMEM:
		return BURR_ENOMEM;
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return BURR_EPERM;
	default:
		return BURR_EIO;
	}
}

burr_status db_fail(struct db *db, const char *what, burr_error *err)
{
	const char *text = db->conn ? sqlite3_errmsg(db->conn) : "no memory";
	return burr_fail(err, db_status(db), "the catalog: %s: %s", what, text);
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

sqlite3_stmt *db_get_text(struct db *db, const char *text, burr_error *err)
{
	sqlite3_stmt *stmt = NULL;
	for (int i = 0; i < DB_RECENT; i++) {
		sqlite3_stmt *recent = db->recent[i];
		if (recent && !sqlite3_stmt_busy(recent) && strcmp(sqlite3_sql(recent), text) == 0)
			return recent;
	}
	if (sqlite3_prepare_v3(db->conn, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK) {
		db_fail(db, "a question", err);
		return NULL;
	}
	sqlite3_stmt **place;
	do /* few are in use: who lists runs asks one thing after another */
		place = &db->recent[db->replaced++ % DB_RECENT];
	while (sqlite3_stmt_busy(*place));
	sqlite3_finalize(*place);
	*place = stmt;
	return stmt;
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
	return stmt ? db_run(db, stmt, err) : db_status(db);
}

/* ---- opening ---- */

void db_close(struct db *db)
{
	for (int i = 0; i < DB_STATEMENT_COUNT; i++)
		sqlite3_finalize(db->statements[i]);
	for (int i = 0; i < DB_RECENT; i++)
		sqlite3_finalize(db->recent[i]);
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

/* SQLite counts what it allocates under one lock for all threads, which is most of what small answers wait
 * for. */
static void stop_counting(void)
{
	sqlite3_config(
		SQLITE_CONFIG_MEMSTATUS, 0); /* refused where somebody uses it already, and then it counts */
}

static burr_status connect(const char *path, struct db *out, int flags, burr_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, stop_counting);
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
	/* In this order: another process may make them just now, all in one commit. */
	burr_status status = read_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (status == BURR_OK)
		status = read_number(db, "PRAGMA user_version", &version, err);
	if (status == BURR_OK)
		status = read_number(db, "PRAGMA application_id", &owner, err);
	if (status != BURR_OK)
		return status;
	*out_empty = tables == 0;
	if (tables && (version != DB_VERSION || owner != SCHEMA_ID))
		return burr_fail(err, BURR_ECORRUPT, "the catalog has version %lld, not %d",
			(long long)version, DB_VERSION);
	return BURR_OK;
}

static burr_status make_tables(struct db *db, burr_error *err)
{
	char version[96];
	snprintf(version, sizeof(version), "PRAGMA application_id = %d; PRAGMA user_version = %d", SCHEMA_ID,
		DB_VERSION);
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

/* Of several that make the file at once SQLite lets one go on, and tells the others so at once. */
static burr_status use_wal(struct db *db, burr_error *err)
{
	enum { LOOK_AGAIN_MS = 10 };
	burr_status status = BURR_ELATER;
	for (int waited_ms = 0; status == BURR_ELATER && waited_ms < BUSY_TIMEOUT_MS;
		waited_ms += LOOK_AGAIN_MS) {
		if (waited_ms)
			usleep(LOOK_AGAIN_MS * 1000);
		status = run_text(db, "PRAGMA journal_mode = WAL", err);
	}
	return status;
}

/* Losing the last commits with the power costs reading a few logs again, so no commit waits for the disk. */
static burr_status open_once(const char *path, struct db *out, bool *out_fresh, burr_error *err)
{
	burr_status status = connect(path, out, SQLITE_OPEN_CREATE, err);
	if (status == BURR_OK && sqlite3_db_readonly(out->conn, "main") == 1) /* SQLite says so late */
		status = burr_fail(err, BURR_EPERM, "the catalog: %s may not be written", path);
	if (status == BURR_OK)
		status = use_wal(out, err);
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
	/* Preparing them shows whether the tables are what we think. */
	for (int i = 0; status == BURR_OK && i < DB_STATEMENT_COUNT; i++)
		status = db_get(out, i, err) ? BURR_OK : db_status(out);
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
