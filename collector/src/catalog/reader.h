/* catalog/reader.h: what questions share: a connection, one moment of the catalog, names, rows. Private to
 * this folder. Threads: one at a time per reader. */
#ifndef CATALOG_READER_H
#define CATALOG_READER_H

#include "catalog/state.h"

struct catalog_reader {
	struct catalog *catalog; /* borrowed */
	struct db db;
	bool open;
	unsigned generation; /* of the file that is open */
	struct table names;  /* number → struct name, of this generation: a number is never used again */
};

/* A question: reader_ask opens what is to be read, reader_answered passes its status on and tells the indexer
 * of a damaged file. One that asks more than once, of one moment: reader_begin, then reader_end with the
 * status so far. */
burr_status reader_ask(struct catalog_reader *reader, burr_error *err);
burr_status reader_answered(struct catalog_reader *reader, burr_status status);
burr_status reader_begin(struct catalog_reader *reader, burr_error *err);
burr_status reader_end(struct catalog_reader *reader, burr_status status, burr_error *err);

/* A name's text, SLICE_NONE for 0. Valid until the next reader_begin. */
burr_status reader_get_name(struct catalog_reader *reader, int64_t id, struct slice *out, burr_error *err);
/* *out_id is 0 for an unknown one. */
burr_status reader_find_project(
	struct db *db, struct slice project, int64_t *out_id, int64_t *out_count, burr_error *err);
/* The row of a statement that selects DB_APP_COLUMNS. */
struct catalog_app reader_app_of(sqlite3_stmt *stmt);
/* Attempts of a run; 0 for an unknown one. */
burr_status reader_count_steps(struct db *db, int64_t app, int64_t *out, burr_error *err);
/* The attempts of a row (id, bytes) of the table block. total: of the run. out: room for BLOCK_STEPS. */
burr_status reader_read_block(sqlite3_stmt *stmt, int64_t app, int64_t total, struct step *out,
	int64_t *out_first, size_t *out_count, burr_error *err);

/* Attempts of a run from a number on, before another; until `each` sets *on to false. */
typedef burr_status step_walk_fn(
	int64_t number, const struct step *step, void *ctx, bool *on, burr_error *err);
struct step_walk {
	int64_t app, from, end;
	step_walk_fn *each;
	void *ctx;
	bool back;         /* from the last to the first */
	const int64_t *of; /* only blocks that may hold this sequence id, by number; NULL: all */
};
burr_status reader_walk_steps(struct catalog_reader *reader, const struct step_walk *walk, burr_error *err);

/* Records within those attempts, in the order of the log. */
typedef burr_status part_walk_fn(const struct part *part, void *ctx, bool *on, burr_error *err);
struct part_walk {
	int64_t app, from, end;
	part_walk_fn *each;
	void *ctx;
};
burr_status reader_walk_parts(struct catalog_reader *reader, const struct part_walk *walk, burr_error *err);

/* For who walks the parts of one step after another within a question: which blocks hold some of which steps,
 * loaded at the first walk, so that a walk does not look at the index of all that come behind. */
struct part_ranges {
	bool known;
	struct buf ranges; /* struct part_range of each block */
};
void part_ranges_fini(struct part_ranges *ranges);
burr_status reader_walk_parts_of(struct catalog_reader *reader, struct part_ranges *ranges,
	const struct part_walk *walk, burr_error *err);

#endif
