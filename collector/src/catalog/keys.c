#include "catalog/keys.h"

#include "base/json.h"

#include <stdlib.h>

enum { MEMBERS_MAX = 512 }; /* beyond it a state is a table, and comparing would be quadratic */

static void state_fini(struct keys_state *state)
{
	buf_fini(&state->text);
	free(state->members);
}

void keys_fini(struct keys *keys)
{
	state_fini(&keys->before);
	state_fini(&keys->now);
}

void keys_forget(struct keys *keys)
{
	keys->known = false;
}

static bool add_member(struct keys_state *state, struct slice key, struct slice value)
{
	if (state->count == MEMBERS_MAX)
		return false;
	if (state->count == state->cap) {
		size_t cap = state->cap ? state->cap * 2 : 16;
		struct keys_member *members = realloc(state->members, cap * sizeof(*members));
		if (!members)
			return false;
		state->members = members;
		state->cap = cap;
	}
	state->members[state->count++] = (struct keys_member){key, value};
	return true;
}

static bool state_read(struct keys_state *state, struct slice text)
{
	struct slice key;
	struct slice value;
	buf_clear(&state->text);
	buf_append_slice(&state->text, text);
	state->count = 0;
	if (state->text.failed || json_kind_of(text) != JSON_OBJECT)
		return false;
	struct json_iter it = json_iter(buf_slice(&state->text));
	while (json_next_member(&it, &key, &value))
		if (!slice_starts(key, "__") && !add_member(state, key, value))
			return false;
	return !it.damaged;
}

/* guess: where it would be if nothing was added or removed. */
static const struct keys_member *find(const struct keys_state *state, struct slice key, size_t guess)
{
	if (guess < state->count && slice_eq(state->members[guess].key, key))
		return &state->members[guess];
	for (size_t i = 0; i < state->count; i++)
		if (slice_eq(state->members[i].key, key))
			return &state->members[i];
	return NULL;
}

static void put_key(struct buf *out, struct slice key)
{
	buf_append_str(out, out->len ? ",\"" : "[\"");
	buf_append_slice(out, key);
	buf_append_char(out, '"');
}

static void put_changes(const struct keys *keys, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < keys->now.count; i++) {
		const struct keys_member *now = &keys->now.members[i];
		const struct keys_member *before = find(&keys->before, now->key, i);
		if (!before || !slice_eq(before->value, now->value))
			put_key(out, now->key);
	}
	for (size_t i = 0; i < keys->before.count; i++)
		if (!find(&keys->now, keys->before.members[i].key, i))
			put_key(out, keys->before.members[i].key);
	buf_append_str(out, out->len ? "]" : "[]");
}

bool keys_take(struct keys *keys, struct slice state, struct buf *out)
{
	bool known = keys->known;
	keys->known = state_read(&keys->now, state);
	known = known && keys->known;
	if (known)
		put_changes(keys, out);
	struct keys_state before = keys->before;
	keys->before = keys->now;
	keys->now = before;
	return known;
}
