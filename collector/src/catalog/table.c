#include "catalog/table.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

enum { FIRST_BUCKETS = 64 };

static uint64_t process_seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
	/* Without random bytes the table still works; only its defence against chosen keys is weaker. */
	if (getrandom(&process_seed, sizeof(process_seed), GRND_NONBLOCK) != (ssize_t)sizeof(process_seed))
		process_seed = (uint64_t)(uintptr_t)&process_seed;
}

static uint64_t mix(uint64_t word)
{
	word ^= word >> 32;
	word *= 0xd6e8feb86659fd93u;
	word ^= word >> 32;
	word *= 0xd6e8feb86659fd93u;
	return word ^ word >> 32;
}

uint64_t bytes_hash(const void *data, size_t len, uint64_t seed)
{
	const char *pos = data;
	uint64_t hash = mix(seed ^ len);
	for (; len >= 8; pos += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, pos, 8);
		hash = mix(hash ^ word) + 0x9e3779b97f4a7c15u;
	}
	uint64_t tail = 0;
	if (len)
		memcpy(&tail, pos, len);
	return mix(hash ^ tail);
}

static uint64_t hash_key(struct slice key)
{
	pthread_once(&seed_once, make_seed);
	return bytes_hash(key.data, key.len, process_seed);
}

void table_fini(struct table *table)
{
	for (size_t i = 0; i < table->bucket_count; i++) {
		struct table_entry *entry = table->buckets[i];
		while (entry) {
			struct table_entry *next = entry->next;
			free(entry);
			entry = next;
		}
	}
	free(table->buckets);
	*table = (struct table)TABLE_INIT;
}

static struct table_entry *find_hashed(const struct table *table, struct slice key, uint64_t hash)
{
	if (!table->bucket_count)
		return NULL;
	struct table_entry *entry = table->buckets[hash & (table->bucket_count - 1)];
	while (entry && (entry->hash != hash || !slice_eq(table_key(entry), key)))
		entry = entry->next;
	return entry;
}

struct table_entry *table_find(const struct table *table, struct slice key)
{
	return table->count ? find_hashed(table, key, hash_key(key)) : NULL;
}

static bool grow(struct table *table)
{
	size_t bucket_count = table->bucket_count ? table->bucket_count * 2 : FIRST_BUCKETS;
	struct table_entry **buckets = calloc(bucket_count, sizeof(struct table_entry *));
	if (!buckets)
		return table->bucket_count > 0; /* a fuller table is slower, and still right */
	for (size_t i = 0; i < table->bucket_count; i++) {
		struct table_entry *entry = table->buckets[i];
		while (entry) {
			struct table_entry *next = entry->next;
			struct table_entry **bucket = &buckets[entry->hash & (bucket_count - 1)];
			entry->next = *bucket;
			*bucket = entry;
			entry = next;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->bucket_count = bucket_count;
	return true;
}

struct table_entry *table_put(struct table *table, struct slice key, bool *out_added)
{
	uint64_t hash = hash_key(key);
	struct table_entry *entry = find_hashed(table, key, hash);
	if (out_added)
		*out_added = !entry;
	if (entry)
		return entry;
	if (table->count >= table->bucket_count && !grow(table))
		return NULL;
	entry = malloc(sizeof(*entry) + key.len + 1);
	if (!entry)
		return NULL;
	*entry = (struct table_entry){.hash = hash, .key_len = key.len};
	if (key.len)
		memcpy(entry->key, key.data, key.len);
	entry->key[key.len] = '\0';
	struct table_entry **bucket = &table->buckets[hash & (table->bucket_count - 1)];
	entry->next = *bucket;
	*bucket = entry;
	table->count++;
	return entry;
}

void table_remove(struct table *table, struct table_entry *entry)
{
	struct table_entry **link = &table->buckets[entry->hash & (table->bucket_count - 1)];
	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	table->count--;
	free(entry);
}

struct table_entry *table_next(const struct table *table, const struct table_entry *after)
{
	if (after && after->next)
		return after->next;
	size_t i = after ? (after->hash & (table->bucket_count - 1)) + 1 : 0;
	for (; i < table->bucket_count; i++) {
		if (table->buckets[i])
			return table->buckets[i];
	}
	return NULL;
}
