/* catalog/step.h: an attempt at a step, and how blocks of them are kept as bytes.
 *
 * A run's attempts are numbered from 0 in the order in which the log first names them, and kept in blocks of
 * BLOCK_STEPS: row n of a run holds those from n * BLOCK_STEPS on. So any range of a run is a few rows, and a
 * whole run of a million steps is read at the speed of a copy; a row for each step was measured at three
 * times the room and five times the time. Numbers are LEB128, differences zigzag. Pure. */
#ifndef CATALOG_STEP_H
#define CATALOG_STEP_H

#include "base/buf.h"

enum {
	BLOCK_STEPS =
		128, /* an encoded block is about half a page of SQLite, so a live run rewrites little */
	BLOCK_PARTS = 256,
};

enum catalog_step_flags {
	STEP_FAILED = 1,
	STEP_HAS_START = 2,
	STEP_START_ZONED = 4,
	STEP_HAS_END = 8,
	STEP_END_ZONED = 16,
	STEP_SUPERSEDED = 32, /* a later attempt has the same sequence id */
};

/* Places are offsets and lengths of lines in log.jsonl, without the newline. Names are rows of the table
 * name; 0: not kept there, the line says it. */
struct step {
	uint64_t at;        /* of its begin record; of its end record where that is alone */
	uint32_t begin_len; /* 0: no begin record */
	uint64_t end_at;
	uint32_t end_len; /* 0: not ended */
	int64_t seq;
	int64_t action;      /* name */
	int64_t via;         /* name of the condition that led here */
	int64_t keys;        /* name of the set of state keys that the step changed, a JSON array */
	int64_t start_us;    /* the text read as UTC; take the run's zone_offset_s off what names no zone */
	int64_t end_us;      /* likewise */
	uint32_t nth;        /* 1 for the first attempt at its sequence id */
	uint32_t part_count; /* spans begun, attributes and streams begun */
	int flags;           /* enum catalog_step_flags */
};

/* A record inside a step: of a span, an attribute, a stream. */
struct part {
	uint64_t at;
	uint32_t len;
	int type;     /* enum line_type */
	int64_t step; /* number of the attempt it belongs to; -1: to none */
};

/* When steps began and how long they took, for overviews. Of times with a zone and times without, nothing can
 * be said before the run's zone is known: `mixed`. */
struct step_times {
	int64_t low_us,
		high_us; /* of their beginnings, or of the end where that is all; of the texts, as in step */
	int64_t count;   /* those that have such a time */
	int64_t failed_count, open_count;
	int64_t busy_us, longest_us;
	bool mixed;
	bool zoned;
};
#define STEP_TIMES_INIT                                                   \
	{                                                                 \
		.low_us = INT64_MAX, .high_us = INT64_MIN, .mixed = false \
	}
void step_times_add(struct step_times *times, const struct step *step);

void steps_encode(const struct step *steps, size_t count, struct buf *out);
/* False: these bytes are no block of `count` steps. */
bool steps_decode(struct slice bytes, size_t count, struct step *out);
void parts_encode(const struct part *parts, size_t count, struct buf *out);
/* At most BLOCK_PARTS. */
bool parts_decode(struct slice bytes, struct part *out, size_t *out_count);

#endif
