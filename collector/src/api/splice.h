/* api/splice.h: the steps of a run, from the lines of its log to the JSON of version 0.
 *
 * First the places of its records are taken, 24 bytes each: from the catalog, and from the log where that
 * goes on. Then the lines are read by step and written piece by piece, so that a run of any size is never
 * held. Each record is written as Burr's server does: Burr's keys in its order, what an old log lacks filled
 * in, what is ours left out, every value as it stands in the log. Of several begins or ends of one sequence
 * id the last wins; attributes and streams of all attempts stay. Source: proto/DISK.md, Lines; Burr's steps
 * are put together by the same rules. Threads: one at a time. */
#ifndef API_SPLICE_H
#define API_SPLICE_H

#include "catalog/source.h"
#include "catalog/table.h"

struct splice_entry;
struct splice_span;

struct splice {
	struct source lines;
	struct splice_entry *entries;
	size_t entry_count, entry_cap;
	struct splice_span *spans;
	size_t span_count, span_cap;
	struct table spans_by_id;
	burr_status status; /* what became of adding: BURR_ENOMEM, BURR_ETOOBIG */

	/* Where writing has got to. */
	size_t next;
	int64_t seq; /* of the step that is open, or else of the one before */
	int section; /* the one that is open */
	char held;   /* the last byte written, which tells of commas; 0: none yet */

	bool missed; /* a record was not where it was said to be, and is left out */
};

/* Of places, a run. That is four million records; beyond, version 1 has pages. */
enum { SPLICE_BYTES_MAX = 128 << 20 };

/* log_fd: moved in; -1: there is no log, and no steps. */
void splice_init(struct splice *splice, int log_fd);
void splice_fini(struct splice *splice);

/* A record in the log. Records come in any order, and those of one kind and step, or of one span, in that of
 * the log. */
struct splice_place {
	uint64_t at;
	uint32_t len;
	enum line_type type;
	int64_t seq; /* -1: the line says */
};
void splice_add(struct splice *splice, const struct splice_place *place);
/* All are added: once, before splice_put. Returns splice->status. */
burr_status splice_settle(struct splice *splice);
/* What the places take. */
size_t splice_bytes(const struct splice *splice);
/* Append the array of steps to `out`, or the next piece of it, which ends behind the record with which `out`
 * holds so many bytes. True: there is more, and the piece's last byte comes with the next one. */
bool splice_put(struct splice *splice, struct buf *out, size_t enough);

#endif
