/* catalog/tally.h: counts by a pair of numbers, gathered while a log is read and added to a table at its end.
 * Threads: the owner's. */
#ifndef CATALOG_TALLY_H
#define CATALOG_TALLY_H

#include "catalog/table.h"

struct tally_count {
	int64_t first, second;
	int64_t count, failed_count;
};

struct tally {
	struct table counts; /* values are struct tally_count */
};

#define TALLY_INIT         \
	{                  \
		TABLE_INIT \
	}

void tally_fini(struct tally *tally);
/* False without memory. */
bool tally_add(struct tally *tally, int64_t first, int64_t second, int64_t count, int64_t failed_count);
/* All of them, in no order: NULL gives the first; NULL comes after the last. */
const struct tally_count *tally_next(const struct tally *tally, struct table_entry **entry);

#endif
