/* catalog/table.h: a hash table whose keys are bytes.
 *
 * Keys come from names and logs, so whoever writes a log chooses them: the hash is seeded anew in each
 * process, and no order may be expected of a walk. Threads: the owner's lock. */
#ifndef CATALOG_TABLE_H
#define CATALOG_TABLE_H

#include "base/buf.h"

struct table_entry {
	struct table_entry *next; /* in its bucket */
	uint64_t hash;
	void *value; /* the user's; NULL when the entry is new */
	size_t key_len;
	char key[]; /* followed by a NUL */
};

struct table {
	struct table_entry **buckets;
	size_t bucket_count; /* 0, or a power of two */
	size_t count;
};

#define TABLE_INIT         \
	{                  \
		NULL, 0, 0 \
	}

/* Frees the entries, not what their values point to. */
void table_fini(struct table *table);
/* NULL when it is not there. */
struct table_entry *table_find(const struct table *table, struct slice key);
/* The entry of the key, made where it is missing; the key is copied. NULL without memory. */
struct table_entry *table_put(struct table *table, struct slice key, bool *out_added);
void table_remove(struct table *table, struct table_entry *entry);
/* Walk all entries: NULL gives the first; NULL comes after the last. Removing the entry that was given is
 * allowed once its successor was asked for. */
struct table_entry *table_next(const struct table *table, const struct table_entry *after);

static inline struct slice table_key(const struct table_entry *entry)
{
	return (struct slice){entry->key, entry->key_len};
}

/* The hash without the process's seed: the same in every run, for what is written down. */
uint64_t bytes_hash(const void *data, size_t len, uint64_t seed);

#endif
