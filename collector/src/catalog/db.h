/* catalog/db.h: the SQLite file behind the catalog: opening it, its statements, its errors. Private to this
 * folder.
 *
 * The file is a cache. One of another version, or one that SQLite finds damaged, is deleted and made anew;
 * nobody migrates it. Threads: one at a time per struct db. */
#ifndef CATALOG_DB_H
#define CATALOG_DB_H

#include "base/buf.h"

#include <sqlite3.h>

/* Raised at every change of the tables. Each version has a file of its own, so that two versions of burr on
 * one store leave each other's alone; burr doctor names those that are left over. */
#define DB_VERSION 6
#define DB_FILE_OF(version) DB_FILE_JOINED(version)
#define DB_FILE_JOINED(version) ".burr-catalog-" #version
#define DB_FILE DB_FILE_OF(DB_VERSION)

enum db_statement {
	DB_BEGIN_WRITE,
	DB_BEGIN_READ,
	DB_COMMIT,
	DB_ROLLBACK,
	DB_FIND_PROJECT,
	DB_ADD_PROJECT,
	DB_REMOVE_PROJECT,
	DB_LIST_PROJECT_NAMES,
	DB_LIST_PROJECT_APPS,
	DB_LIST_MARKS,
	DB_FIND_PROGRESS,
	DB_ADD_APP,
	DB_SAVE_SIDE,
	DB_SAVE_PROGRESS,
	DB_SAVE_STATUS,
	DB_LIST_LIVE,
	DB_REMOVE_APP,
	DB_REMOVE_BLOCKS,
	DB_REMOVE_PARTS,
	DB_REMOVE_USES,
	DB_REMOVE_EDGES,
	DB_REMOVE_NAMES,
	DB_REMOVE_TALLY,
	DB_FIND_NAME,
	DB_ADD_NAME,
	DB_COUNT_NAMES,
	DB_GET_NAME,
	DB_ADD_USE,
	DB_ADD_EDGE,
	DB_LIST_USES,
	DB_LIST_EDGES,
	DB_SAVE_BLOCK,
	DB_LOAD_BLOCK,
	DB_LIST_RANGES,
	DB_LIST_BLOCKS_BY_SEQ,
	DB_LIST_BLOCKS,
	DB_LIST_BLOCKS_BACK,
	DB_LIST_ATTEMPTS,
	DB_LIST_SUPERSEDED,
	DB_LIST_BLOCKS_BY_END,
	DB_LIST_TIMES,
	DB_COUNT_STEPS,
	DB_SAVE_PARTS,
	DB_LOAD_PARTS,
	DB_LIST_PARTS,
	DB_LIST_PART_RANGES,
	DB_COUNT_APPS,
	DB_COUNT_ROOTS,
	DB_LIST_PROJECTS,
	DB_FIND_PROJECT_ROW,
	DB_LIST_TALLY,
	DB_LIST_ACTIVITY,
	DB_SEARCH_NAMES,
	DB_SEARCH_PARTITIONS,
	DB_COUNT_CHILDREN,
	DB_COUNT_PARTITION,
	DB_LIST_APPS,
	DB_LIST_PARTITION,
	DB_FIND_APP,
	DB_STATEMENT_COUNT,
};

/* Of a struct catalog_app, in its order (query.c). */
#define DB_APP_COLUMNS                                                                                       \
	"id, app_id, partition_key, parent, spawning_parent, has_graph, has_metadata, first_text, first_us," \
	" last_text, last_us, zone, zone_offset_s, newest_seq, step_count, damaged, ended,"                  \
	" log_dev, log_ino, log_len, log_check, status, failed_count, part_count, input_tokens,"             \
	" output_tokens, last_action, last_error, parent_app, last_end_at, last_end_len, side_mark,"         \
	" superseded_count"
enum { DB_APP_COLUMN_COUNT = 33 };

enum { DB_RECENT = 8 };

struct db {
	sqlite3 *conn;
	sqlite3_stmt *statements[DB_STATEMENT_COUNT]; /* prepared at first use */
	sqlite3_stmt *recent[DB_RECENT];              /* of texts that questions made up; NULL: none */
	unsigned replaced;                            /* of these, counted up */
};

#define DB_INIT              \
	{                    \
		.conn = NULL \
	}

/* Open for writing; *out_fresh: the file was made now, or made anew.
 * BURR_EPERM (read-only place), BURR_ELATER (full disk, another process writes), BURR_EIO. */
burr_status db_open_writer(const char *path, struct db *out, bool *out_fresh, burr_error *err);
/* Open a file that a writer has opened before. BURR_ECORRUPT, BURR_EIO. */
burr_status db_open_reader(const char *path, struct db *out, burr_error *err);
void db_close(struct db *db);
/* Delete the file and what SQLite keeps beside it. */
void db_delete(const char *path);

/* The statement, ready to bind; NULL with err filled, and db_status says what it is. A statement that was
 * stepped is given back by db_done.
 */
sqlite3_stmt *db_get(struct db *db, enum db_statement which, burr_error *err);
void db_done(sqlite3_stmt *stmt);
/* The same for a text that a question made up, with all that a request holds bound, so that questions of one
 * kind have one text: preparing a page of runs takes three times as long as running it. */
sqlite3_stmt *db_get_text(struct db *db, const char *text, burr_error *err);
/* Step a statement that gives no rows, and give it back. */
burr_status db_run(struct db *db, sqlite3_stmt *stmt, burr_error *err);
/* db_get and db_run of a statement without parameters. */
burr_status db_do(struct db *db, enum db_statement which, burr_error *err);
/* Step: *out_row whether there is a row; at the end or on failure the statement is given back. */
burr_status db_step(struct db *db, sqlite3_stmt *stmt, bool *out_row, burr_error *err);
/* What SQLite's last error is. BURR_ECORRUPT means: the file must be made anew; BURR_ELATER: the disk is
 * full, or another process is at it; BURR_EPERM: it cannot be written, or not opened; BURR_ENOMEM, BURR_EIO.
 */
burr_status db_status(const struct db *db);
/* The same, and err filled. */
burr_status db_fail(struct db *db, const char *what, burr_error *err);

/* Copied when the statement is stepped at the latest: text must live until then. */
static inline void db_bind_text(sqlite3_stmt *stmt, int index, struct slice text)
{
	if (text.data)
		sqlite3_bind_text(stmt, index, text.data, (int)text.len, SQLITE_STATIC);
	else
		sqlite3_bind_null(stmt, index);
}

/* Valid until the next step. SLICE_NONE for NULL. */
static inline struct slice db_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	return text ? (struct slice){text, (size_t)sqlite3_column_bytes(stmt, column)} : SLICE_NONE;
}

#endif
