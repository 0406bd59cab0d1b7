#include "catalog/tally.h"

#include <stdlib.h>

void tally_fini(struct tally *tally)
{
	for (struct table_entry *e = table_next(&tally->counts, NULL); e; e = table_next(&tally->counts, e))
		free(e->value);
	table_fini(&tally->counts);
}

bool tally_add(struct tally *tally, int64_t first, int64_t second, int64_t count, int64_t failed_count)
{
	const int64_t key[2] = {first, second};
	struct table_entry *entry =
		table_put(&tally->counts, (struct slice){(const char *)key, sizeof(key)}, NULL);
	if (!entry)
		return false;
	if (!entry->value)
		entry->value = calloc(1, sizeof(struct tally_count));
	struct tally_count *found = entry->value;
	if (!found) {
		table_remove(&tally->counts, entry);
		return false;
	}
	found->first = first;
	found->second = second;
	found->count += count;
	found->failed_count += failed_count;
	return true;
}

const struct tally_count *tally_next(const struct tally *tally, struct table_entry **entry)
{
	*entry = table_next(&tally->counts, *entry);
	return *entry ? (*entry)->value : NULL;
}
