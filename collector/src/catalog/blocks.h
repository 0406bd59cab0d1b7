/* catalog/blocks.h: writing a run's attempts and parts: the last block of each grows, any other is changed in
 * place. Private to this folder. Threads: the indexer's, within its transaction. */
#ifndef CATALOG_BLOCKS_H
#define CATALOG_BLOCKS_H

#include "base/ranges.h"
#include "catalog/db.h"
#include "catalog/step.h"

enum { BLOCKS_MAX = 1 << 24 }; /* of a run: block_id */

struct step_block {
	bool loaded, dirty;
	int64_t n;
	size_t count;
	struct step steps[BLOCK_STEPS];
};

struct part_block {
	bool loaded, dirty;
	int64_t n;
	size_t count;
	struct part parts[BLOCK_PARTS];
};

/* The sequence ids in a block: those of a full one never change. */
struct block_range {
	int64_t low, high;
};

struct blocks {
	struct db *db; /* borrowed */
	int64_t app;
	int64_t step_count, part_count, superseded_count; /* of the whole run */
	int64_t max_seq;                                  /* of all its attempts; -1: none */
	struct step_block *last;                          /* allocated at first use */
	struct step_block *other;                         /* one of the others, where it was asked for */
	struct part_block *parts;
	struct buf bytes;
	struct buf ranges;     /* struct block_range of each block before the last */
	bool ranges_known;     /* from the first question that needs them on */
	struct ranges changed; /* numbers of the attempts that were added or changed */
};

void blocks_fini(struct blocks *blocks);
/* Add an attempt: *out is cleared but for its sequence id and its place, and the newest one's flags say that
 * it is superseded where it is. Valid until the next call. BURR_ENOMEM, BURR_ETOOBIG, or the database's. */
burr_status blocks_add(struct blocks *blocks, int64_t seq, uint64_t at, struct step **out, burr_error *err);
/* The newest attempt at a number, and which it is; NULL where there is none within FIND_BLOCKS blocks that
 * might hold it. Valid until the next call; blocks_touch after it was changed. */
burr_status blocks_find(
	struct blocks *blocks, int64_t seq, struct step **out, int64_t *out_number, burr_error *err);
void blocks_touch(struct blocks *blocks, int64_t number);
/* One that is given by its number. */
burr_status blocks_get(struct blocks *blocks, int64_t number, struct step **out, burr_error *err);
burr_status blocks_add_part(struct blocks *blocks, const struct part *part, burr_error *err);
burr_status blocks_flush(struct blocks *blocks, burr_error *err);

/* The row of a block. */
static inline int64_t block_id(int64_t app, int64_t n)
{
	return (int64_t)((uint64_t)app << 24) + n;
}

#endif
