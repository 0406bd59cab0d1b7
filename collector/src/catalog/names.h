/* catalog/names.h: texts that come again and again (actions, conditions, sets of keys, attributes), kept once
 * a project and spoken of by number. Private to this folder. Threads: the indexer's. */
#ifndef CATALOG_NAMES_H
#define CATALOG_NAMES_H

#include "catalog/db.h"
#include "catalog/table.h"

/* Kept in the catalog: numbers stay. */
enum name_kind {
	NAME_ACTION = 1,
	NAME_CONDITION = 2,
	NAME_KEYS = 3, /* a JSON array of a state's keys */
	NAME_ATTRIBUTE = 4,
};

struct names {
	struct db *db;      /* borrowed */
	struct table cache; /* project, kind and text → number; project and kind → how many */
};

void names_init(struct names *names, struct db *db);
void names_fini(struct names *names);
/* What was rolled back, or is in a file that is gone, must not be remembered. */
void names_forget(struct names *names);
/* The number of a text, made where it is new. 0 for what is not kept: an empty or long text, and one more
 * where a project has NAMES_MAX of its kind already. */
burr_status names_get(struct names *names, int64_t project, enum name_kind kind, struct slice text,
	int64_t *out_id, burr_error *err);

#endif
