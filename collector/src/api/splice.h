/* api/splice.h: the steps of a run, from the lines of its log to the JSON of version 0.
 *
 * Each record is written once, as Burr's server does: Burr's keys in its order, what an old log lacks filled
 * in, what is ours left out, every value as it stands in the log. splice_put then lays the pieces out by
 * step. Of several begins or ends of one sequence id the last wins; attributes and streams of all attempts
 * stay. Source: proto/DISK.md, Lines; Burr's steps are put together by the same rules. Pure. */
#ifndef API_SPLICE_H
#define API_SPLICE_H

#include "catalog/table.h"
#include "store/read.h"

/* A stretch of splice.text; len 0: none. */
struct piece {
	size_t at;
	size_t len;
};

struct splice_item;
struct splice_span;
struct splice_step;

struct splice {
	struct buf text;
	struct splice_step *steps;
	size_t step_count, step_cap;
	size_t last_step; /* most records belong to the step before theirs */
	struct table steps_by_id;
	struct splice_item *items; /* attributes and streams */
	size_t item_count, item_cap;
	struct splice_span *spans;
	size_t span_count, span_cap;
	struct table spans_by_id;
	bool failed; /* no memory */
};

void splice_init(struct splice *splice);
void splice_fini(struct splice *splice);
/* Room for a log of this many bytes. */
void splice_reserve(struct splice *splice, size_t log_len);
void splice_add(struct splice *splice, const struct line_record *record);
/* Append the array of steps, by sequence id. Once. False without memory. */
bool splice_put(struct splice *splice, struct buf *out);

#endif
