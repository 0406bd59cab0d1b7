/* catalog/runs.h: pages of runs, of a project or of all: filtered, sorted, with a place to go on from.
 *
 * What rows tell is asked of SQLite; what only logs tell (a value of a state, an input, an attribute) is read
 * from them, run by run in the page's order, until the page is full or its time is over: then it is
 * incomplete, and its cursor goes on behind the last run that was looked at. */
#ifndef CATALOG_RUNS_H
#define CATALOG_RUNS_H

#include "catalog/catalog.h"
#include "query/filter.h"

#define RUN_SORT_LIST(X)                              \
	X(RUN_BY_LAST, "last", "last_us")             \
	X(RUN_BY_FIRST, "first", "first_us")          \
	X(RUN_BY_DURATION, "duration", "duration_us") \
	X(RUN_BY_STEPS, "steps", "step_count")        \
	X(RUN_BY_FAILED, "failed", "failed_count")    \
	X(RUN_BY_TOKENS, "tokens", "tokens")

#define RUN_SORT_ENUM(name, word, sql) name,
enum run_sort { RUN_SORT_LIST(RUN_SORT_ENUM) RUN_SORT_COUNT };
#undef RUN_SORT_ENUM

struct runs_request {
	struct slice project;        /* SLICE_NONE: runs of all projects */
	const struct filter *filter; /* borrowed; NULL: all */
	bool roots_only;             /* without those whose parent is in the project */
	struct slice parent;         /* only the children of this run; SLICE_NONE */
	enum run_sort sort;
	bool ascending;
	int64_t limit;
	struct slice cursor; /* of the page before; SLICE_NONE or empty: the first page */
	int64_t deadline_ns; /* clock_mono_ns */
};

enum { RUNS_COUNTED_MAX = 1000 }; /* counting costs what is counted: a page must not */

struct runs_page {
	/* Of all that fit, on the first page. -1: more than RUNS_COUNTED_MAX of a filter's or of all
	 * projects, or unknown without reading their logs. */
	int64_t total;
	bool complete;     /* the time was enough */
	struct buf cursor; /* empty: there is no more */
};

/* BURR_EINVAL: the cursor is none of ours, or of another sort. An unknown project has no runs. out:
 * initialised, freed by the caller. */
BURR_MUST_CHECK burr_status catalog_list_runs(struct catalog_reader *reader,
	const struct runs_request *request, catalog_app_fn *each, void *ctx, struct runs_page *out,
	burr_error *err);

/* One run, as a page has it. BURR_ENOTFOUND when it does not exist. */
BURR_MUST_CHECK burr_status catalog_find_run(struct catalog_reader *reader, struct slice project,
	struct slice app_id, catalog_app_fn *found, void *ctx, burr_error *err);

/* "last"; false for a word that is none. */
bool run_sort_of(struct slice word, enum run_sort *out);

#endif
