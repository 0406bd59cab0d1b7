/* catalog/catalog.h: an index of the store, made from the store alone, that may be deleted at any time.
 *
 * It lies in a hidden file at the store's top (SQLite, WAL), .burr-catalog- and the version of its tables,
 * or, on a network file system, in the cache folder (catalog/place.h), or, where neither can be written, in a
 * temporary folder for as long as it is open. One indexer feeds it by reading the new bytes of logs, whoever
 * wrote them. It learns of them by catalog_note, by inotify, by a scan at its start, and, where the kernel
 * gives no more watches, by looking every poll_ms.
 *
 *     collector:  catalog_open, catalog_reader_open for each worker, catalog_start, … catalog_close
 *     a command:  catalog_open, catalog_update_all, _project or _app, catalog_reader_open, … catalog_close
 *
 * Threads: catalog_note, catalog_get_stats and catalog_is_ready from any. Callbacks come from the indexer's
 * thread (or the caller's, in catalog_update_*), with no lock held; they must not call catalog_close. A
 * reader is one thread's at a time; any number of readers work beside the indexer and never wait for it. */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "base/ranges.h"
#include "catalog/step.h"
#include "catalog/times.h"
#include "store/store.h"

struct catalog;

/* ---- the catalog ---- */

/* A topic that changed, and what of it. All borrowed until the callback returns. */
struct catalog_change {
	/* `projects`, `project/<project>` or `run/<project>/<app_id>`, each piece percent-encoded as
	 * JavaScript's encodeURIComponent does. */
	struct slice topic;
	/* Of `projects` the name of one, of a project the app_id of a run, whose row came, changed or went.
	 * SLICE_NONE: of a project, that its own row did. */
	struct slice member;
	/* Of a run: numbers of attempts that came or changed, or whose records did, perhaps beyond the last.
	 * NULL: only its row did. */
	const struct ranges *steps;
};

struct catalog_options {
	const struct store *store; /* borrowed until close */

	/* Something changed. Comes after the rows can be read. */
	void (*on_change)(const struct catalog_change *change, void *ctx);
	/* The scan at the start, or of a file that was made anew: `done` of `total` applications that had to
	 * be read; done == total at its end, and then no more. */
	void (*on_progress)(size_t done, size_t total, void *ctx);
	/* A sentence for the log: what is wrong, and what is done about it. */
	void (*on_message)(const char *text, void *ctx);
	void *ctx;

	unsigned poll_ms;     /* how often to look at what has no watch */
	unsigned max_watches; /* at most, beside the kernel's own limit */
	unsigned patience_ms; /* how long catalog_update_* waits for another process that writes it */
	bool apart;           /* in a temporary folder, though the store can be written */
};

#define CATALOG_OPTIONS_INIT                                                  \
	{                                                                     \
		.poll_ms = 2000, .max_watches = 1000000, .patience_ms = 60000 \
	}

/* BURR_EIO, BURR_ELATER (full disk), BURR_ENOMEM. A file of another version or a damaged one is made anew. */
BURR_MUST_CHECK burr_status catalog_open(
	const struct catalog_options *options, struct catalog **out, burr_error *err);
/* Start the indexer's thread, once: watch, scan, index, and go on with what comes. */
BURR_MUST_CHECK burr_status catalog_start(struct catalog *catalog, burr_error *err);
/* Stop the thread after the line it is at; what is not indexed yet will be at the next start. Readers must
 * be closed before. Accepts NULL. */
void catalog_close(struct catalog *catalog);

/* The log or a small file of this application was written: look at it soon. Never blocks for long, never
 * fails: names that are none are ignored, and without memory everything is looked at again. */
void catalog_note(struct catalog *catalog, struct slice project, struct slice app_id);

/* Without the thread: bring all, a project or one application up to date now. A log that cannot be read is
 * skipped and told to on_message. BURR_ELATER: another process writes the catalog for longer than
 * patience_ms, or its disk is full. */
BURR_MUST_CHECK burr_status catalog_update_all(struct catalog *catalog, burr_error *err);
BURR_MUST_CHECK burr_status catalog_update_project(
	struct catalog *catalog, struct slice project, burr_error *err);
BURR_MUST_CHECK burr_status catalog_update_app(
	struct catalog *catalog, struct slice project, struct slice app_id, burr_error *err);

/* BURR_ELATER while the store is not where it was opened (moved, removed, another in its place): nothing that
 * lies there now is asked or changed, and every question below answers the same. */
BURR_MUST_CHECK burr_status catalog_check_store(const struct catalog *catalog, burr_error *err);

/* Whether the scan at the start is through, or that of a file that was made anew. */
bool catalog_is_ready(struct catalog *catalog);

/* How far that scan is: *out_done of *out_total applications (0: they are still being counted). False: it is
 * through, and both are untouched. */
bool catalog_is_indexing(struct catalog *catalog, size_t *out_done, size_t *out_total);

/* Of its file. Valid until close. */
const char *catalog_path(const struct catalog *catalog);

enum { CATALOG_TROUBLE_SIZE = 512 };

struct catalog_stats {
	size_t waiting;                     /* applications still to be looked at: how far it is behind */
	size_t watched;                     /* folders */
	size_t unwatched;                   /* folders that are polled instead */
	uint64_t line_count;                /* indexed since open */
	uint64_t failed_count;              /* applications whose log could not be read, since open */
	unsigned generation;                /* how often the file was made anew while open */
	char trouble[CATALOG_TROUBLE_SIZE]; /* why nothing is indexed at the moment; "": it works */
};
void catalog_get_stats(struct catalog *catalog, struct catalog_stats *out);

/* ---- questions ---- */

struct catalog_reader;

/* Every question may answer BURR_ECORRUPT, when the file was found damaged: it is being made anew, so ask
 * again soon; or BURR_ENOMEM, BURR_EIO. Slices in rows are valid until the callback returns. */
BURR_MUST_CHECK burr_status catalog_reader_open(
	struct catalog *catalog, struct catalog_reader **out, burr_error *err);
void catalog_reader_close(struct catalog_reader *reader);

/* What a run is at, by its last step and its writer. Kept in the catalog: numbers stay. */
enum catalog_status {
	STATUS_RUNNING = 1, /* a step is open, and its writer lives */
	STATUS_UNKNOWN = 2, /* a step is open; whether its writer lives cannot be known */
	STATUS_LOST = 3,    /* a step is open, and its writer is gone */
	STATUS_FAILED = 4,  /* the last step ended with an exception */
	STATUS_OK = 5,      /* the last action has no way out, or the application said that it is finished */
	STATUS_WAITING = 6, /* otherwise: a chat waits for its user */
	STATUS_COUNT,
};
/* "running", "unknown", "lost", "failed", "ok", "waiting". */
const char *catalog_status_name(enum catalog_status status);

struct catalog_project {
	struct slice name;
	struct slice created;      /* first time of its first application, as its log has it */
	struct slice last_written; /* last time of its newest application */
	int64_t app_count;
	int64_t root_count;             /* of these, without those whose parent is in the project */
	int64_t first_us, last_us;      /* the same as UTC; of the folder where there is no application */
	int64_t statuses[STATUS_COUNT]; /* how many applications are at each */
};
typedef void catalog_project_fn(const struct catalog_project *project, void *ctx);

/* Newest first. */
BURR_MUST_CHECK burr_status catalog_list_projects(
	struct catalog_reader *reader, catalog_project_fn *each, void *ctx, burr_error *err);
/* BURR_ENOTFOUND when it does not exist. */
BURR_MUST_CHECK burr_status catalog_find_project(struct catalog_reader *reader, struct slice name,
	catalog_project_fn *found, void *ctx, burr_error *err);

/* An hour in which runs of a project were last active. */
struct catalog_hour {
	struct slice project;
	int64_t hour;         /* from 0: how many hours behind the start */
	int64_t run_count;    /* runs whose last activity it saw */
	int64_t failed_count; /* of these, failed or lost */
};
typedef void catalog_hour_fn(const struct catalog_hour *hour, void *ctx);

/* Of the `hours` behind from_us, by project and time; those without a run are left out. What is later still
 * counts for the last one. */
BURR_MUST_CHECK burr_status catalog_list_activity(struct catalog_reader *reader, int64_t from_us,
	int64_t hours, catalog_hour_fn *each, void *ctx, burr_error *err);

/* Names that a project's runs have, in the order of their bytes, `limit` of them at most: those that hold
 * `text`, whatever the case of its ASCII letters. An unknown project has none. */
enum catalog_name {
	CATALOG_ACTION = 1, /* as enum name_kind */
	CATALOG_ATTRIBUTE = 4,
	CATALOG_PARTITION = 0,
};
typedef void catalog_name_fn(struct slice name, void *ctx);
struct names_request {
	struct slice project;
	enum catalog_name kind;
	struct slice text; /* empty or SLICE_NONE: all of them */
	int64_t limit;
};
BURR_MUST_CHECK burr_status catalog_list_names(struct catalog_reader *reader,
	const struct names_request *request, catalog_name_fn *each, void *ctx, burr_error *err);

struct catalog_app {
	int64_t id;           /* for catalog_list_steps; another one after the catalog was made anew */
	struct slice project; /* of catalog_list_runs alone */
	struct slice app_id;
	struct slice partition_key;   /* SLICE_NONE: none */
	struct slice parent;          /* POINTER as JSON, or SLICE_NONE */
	struct slice spawning_parent; /* likewise */
	bool has_graph, has_metadata;
	struct slice first_text, last_text; /* times of the first and last record as they stand; of the files
					     * where no record has one (zone is ZONE_NONE) */
	int64_t first_us, last_us;          /* the same as UTC */
	enum catalog_zone zone;
	int64_t zone_offset_s;                        /* of times without a zone */
	int64_t num_steps;                            /* the newest sequence id + 1 */
	int64_t step_count;                           /* attempts: those of catalog_list_steps */
	int64_t damaged;                              /* lines of the log that are no records */
	bool ended;                                   /* an end_application was the last word */
	int64_t log_dev, log_ino, log_len, log_check; /* the log as far as it is indexed */
	int64_t side_mark;                            /* of graph.json and metadata.json as they were read */
	enum catalog_status status;
	int64_t failed_count;     /* attempts */
	int64_t superseded_count; /* attempts that a later one replaced */
	int64_t part_count;       /* records within steps */
	int64_t input_tokens, output_tokens;
	struct slice last_action;          /* SLICE_NONE: no step yet */
	struct slice last_error;           /* what the last exception says, cut; SLICE_NONE */
	int64_t last_end_at, last_end_len; /* the place of the last end; len 0: none */
	struct slice parent_app;           /* the run that it was spawned by or forked from; SLICE_NONE */
	int64_t child_count; /* runs that were spawned by or forked from this one; of runs.h alone */
};
typedef void catalog_app_fn(const struct catalog_app *app, void *ctx);

/* Applications of a project by their last record, newest first. partition_key: SLICE_NONE for all. *out_total
 * counts all that fit. An unknown project has none. */
BURR_MUST_CHECK burr_status catalog_list_apps(struct catalog_reader *reader, struct slice project,
	struct slice partition_key, int64_t limit, int64_t offset, int64_t *out_total, catalog_app_fn *each,
	void *ctx, burr_error *err);
/* BURR_ENOTFOUND when it does not exist. */
BURR_MUST_CHECK burr_status catalog_find_app(struct catalog_reader *reader, struct slice project,
	struct slice app_id, catalog_app_fn *found, void *ctx, burr_error *err);

/* How many bytes of the log in fd the row describes: none, when it is another log by now. */
uint64_t catalog_indexed_part(const struct catalog_app *app, int fd);

/* An attempt, and its names as texts (SLICE_NONE: the line must be asked). number: from 0 in the order of the
 * log. */
struct catalog_step {
	int64_t number;
	struct step step;
	struct slice action, via, keys;
};
typedef bool catalog_step_fn(const struct catalog_step *step, void *ctx); /* false: no more */

/* Attempts of an application from a number on, before another. An unknown application has none. */
BURR_MUST_CHECK burr_status catalog_list_steps(struct catalog_reader *reader, int64_t app, int64_t from,
	int64_t end, catalog_step_fn *each, void *ctx, burr_error *err);

/* The same, the newest first, or those at one sequence id alone, by number, which costs what blocks they are
 * in. */
struct steps_request {
	int64_t app, from, end;
	bool newest_first;
	bool of_one; /* only of this one */
	int64_t sequence_id;
};
BURR_MUST_CHECK burr_status catalog_find_steps(struct catalog_reader *reader,
	const struct steps_request *request, catalog_step_fn *each, void *ctx, burr_error *err);

/* Stretches [from, end) of attempts that later ones replaced, by number, none touching the next; those
 * before `from` are left out. A block of which all were replaced is not read. */
typedef bool catalog_range_fn(int64_t from, int64_t end, void *ctx); /* false: no more */
BURR_MUST_CHECK burr_status catalog_list_superseded(struct catalog_reader *reader, int64_t app, int64_t from,
	catalog_range_fn *each, void *ctx, burr_error *err);

/* catalog_list_steps without the texts: for all the steps of a long run, a tenth of the time. */
typedef bool catalog_bare_step_fn(int64_t number, const struct step *step, void *ctx); /* false: no more */
BURR_MUST_CHECK burr_status catalog_list_bare_steps(struct catalog_reader *reader,
	const struct steps_request *request, catalog_bare_step_fn *each, void *ctx, burr_error *err);

/* The records of spans, attributes and streams within these attempts, in the order of the log. */
typedef bool catalog_part_fn(const struct part *part, void *ctx); /* false: no more */
BURR_MUST_CHECK burr_status catalog_list_parts(struct catalog_reader *reader, int64_t app, int64_t from,
	int64_t end, catalog_part_fn *each, void *ctx, burr_error *err);

/* How often a run took an action, or logged an attribute. */
enum catalog_use {
	USE_ACTION = 1, /* as enum name_kind */
	USE_ATTRIBUTE = 4,
};
typedef void catalog_use_fn(struct slice name, int64_t count, int64_t failed_count, void *ctx);
BURR_MUST_CHECK burr_status catalog_list_uses(struct catalog_reader *reader, int64_t app,
	enum catalog_use kind, catalog_use_fn *each, void *ctx, burr_error *err);
/* And one action after another. from: SLICE_NONE for the first action of the log. */
typedef void catalog_edge_fn(struct slice from, struct slice to, int64_t count, void *ctx);
BURR_MUST_CHECK burr_status catalog_list_edges(
	struct catalog_reader *reader, int64_t app, catalog_edge_fn *each, void *ctx, burr_error *err);
/* Where the end_entry line of a step is: of the last finished attempt at sequence_id, or, for negative
 * numbers, counted from the last end_entry of the log (-1). What the log holds beyond the catalog is read
 * from it, so the answer is right however far the catalog is behind. BURR_ENOTFOUND names what is missing. */
BURR_MUST_CHECK burr_status catalog_find_end(struct catalog_reader *reader, struct slice project,
	struct slice app_id, int64_t sequence_id, uint64_t *out_offset, uint64_t *out_len, burr_error *err);

#endif
