#include "app/state.h"

#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"

enum { STATE_FIRST_CAP = 8 };

void state_fini(struct state *state)
{
	for (size_t i = 0; i < state->count; i++)
		free(state->entries[i].text);
	free(state->entries);
	*state = (struct state)STATE_INIT;
}

bool state_key_is_private(struct slice key)
{
	return slice_starts(key, "__");
}

/* FNV-1a: keys are short, and a collision only costs a comparison. */
static uint32_t key_hash(struct slice key)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ (unsigned char)key.data[i]) * 16777619u;
	return hash;
}

static struct state_entry *find_hashed(const struct state *state, struct slice key, uint32_t hash)
{
	for (size_t i = 0; i < state->count; i++) {
		struct state_entry *entry = &state->entries[i];
		if (entry->hash == hash && entry->key_len == key.len &&
			(!key.len || !memcmp(entry->key, key.data, key.len)))
			return entry;
	}
	return NULL;
}

const struct state_entry *state_find(const struct state *state, struct slice key)
{
	return find_hashed(state, key, key_hash(key));
}

static bool reserve(struct state *state, size_t count)
{
	if (count <= state->cap)
		return true;
	size_t cap = state->cap ? state->cap : STATE_FIRST_CAP;
	while (cap < count)
		cap *= 2;
	struct state_entry *entries = realloc(state->entries, cap * sizeof(*entries));
	if (!entries)
		return false;
	state->entries = entries;
	state->cap = cap;
	return true;
}

/* One block: `"key":value`, NUL, key. */
static bool entry_make(struct state_entry *entry, struct slice key, struct slice value_json)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	json_put_key(&text, key);
	entry->value_at = text.len;
	buf_append_slice(&text, value_json);
	entry->text_len = text.len;
	buf_append_char(&text, '\0');
	size_t key_at = text.len;
	buf_append_slice(&text, key);
	entry->key_len = key.len;
	entry->hash = key_hash(key);
	entry->removed = false;
	entry->text = buf_take(&text);
	entry->key = entry->text ? entry->text + key_at : NULL;
	return entry->text != NULL;
}

/* Put an entry in, its block replacing the one of the same key. */
static void put_entry(struct state *state, const struct state_entry *entry, char **out_old)
{
	struct slice key = {entry->key, entry->key_len};
	struct state_entry *old = find_hashed(state, key, entry->hash);
	char *old_text = old ? old->text : NULL;
	if (!old)
		old = &state->entries[state->count++];
	*old = *entry;
	if (out_old)
		*out_old = old_text;
	else
		free(old_text);
}

static bool set_entry(
	struct state *state, struct slice key, struct slice value_json, bool removed, char **out_old)
{
	struct state_entry entry;
	if (!reserve(state, state->count + 1) || !entry_make(&entry, key, value_json))
		return false;
	entry.removed = removed;
	put_entry(state, &entry, out_old);
	return true;
}

bool state_set(struct state *state, struct slice key, struct slice value_json, char **out_old)
{
	return set_entry(state, key, value_json, false, out_old);
}

bool state_set_removed(struct state *state, struct slice key, char **out_old)
{
	return set_entry(state, key, (struct slice){"", 0}, true, out_old);
}

static void remove_key(struct state *state, struct slice key, uint32_t hash)
{
	struct state_entry *entry = find_hashed(state, key, hash);
	if (!entry)
		return;
	free(entry->text);
	size_t at = (size_t)(entry - state->entries);
	memmove(entry, entry + 1, (state->count - at - 1) * sizeof(*entry));
	state->count--;
}

bool state_apply(struct state *state, struct state *changes)
{
	if (!reserve(state, state->count + changes->count))
		return false;
	for (size_t i = 0; i < changes->count; i++) {
		struct state_entry *entry = &changes->entries[i];
		if (!entry->removed) {
			put_entry(state, entry, NULL);
			continue;
		}
		remove_key(state, (struct slice){entry->key, entry->key_len}, entry->hash);
		free(entry->text);
	}
	changes->count = 0;
	return true;
}

void state_put_members(const struct state *state, struct buf *out)
{
	for (size_t i = 0; i < state->count; i++) {
		const struct state_entry *entry = &state->entries[i];
		json_put_raw(out, (struct slice){entry->text, entry->text_len});
	}
}

burr_status state_set_object(struct state *state, struct slice object, burr_error *err)
{
	CLEAN(buf_fini) struct buf key = BUF_INIT;
	struct slice escaped;
	struct slice value;
	struct json_iter it = json_iter(object);
	while (json_next_member(&it, &escaped, &value)) {
		buf_clear(&key);
		if (!json_unescape(escaped, &key))
			return burr_fail(err, BURR_ENOMEM, "state: out of memory");
		if (state_key_is_private(buf_slice(&key)))
			continue;
		if (!state_set(state, buf_slice(&key), value, NULL))
			return burr_fail(err, BURR_ENOMEM, "state: out of memory");
	}
	return BURR_OK;
}
