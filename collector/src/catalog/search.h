/* catalog/search.h: a text in what a run's steps were given, gave and changed.
 *
 * Looked through are action, inputs, result, exception, the state's values that a step changed (all of them
 * where that is not known), and attributes, in the order of the log. Lines are searched as bytes and only
 * those with a hit are read as records. */
#ifndef CATALOG_SEARCH_H
#define CATALOG_SEARCH_H

#include "catalog/catalog.h"
#include "query/needle.h"

enum { SEARCH_STEP_HITS = 1000 }; /* a step may have any number of attributes: then no more are looked for */

/* One hit a field and step: the first. Borrowed until return. */
struct search_hit {
	const struct catalog_step *step;
	const char *field;  /* "action", "inputs", "result", "exception", "state", "attribute" */
	struct slice key;   /* state, attribute: which, as plain text; else SLICE_NONE */
	struct slice value; /* JSON */
	size_t at, len;     /* in value */
};
typedef void search_fn(const struct search_hit *hit, void *ctx);

struct search_request {
	struct slice project, app_id;
	const struct needle *needle;
	int64_t from;        /* number of a step */
	int64_t limit;       /* of hits; those of a last step may be some more */
	int64_t deadline_ns; /* clock_mono_ns */
};

/* *out_next: the step to go on at; -1: all was looked through. *out_complete: false when the time was over. A
 * run without a log has no hits. BURR_ENOTFOUND: there is no such run. */
BURR_MUST_CHECK burr_status catalog_search_run(struct catalog_reader *reader,
	const struct search_request *request, search_fn *each, void *ctx, int64_t *out_next,
	bool *out_complete, burr_error *err);

#endif
