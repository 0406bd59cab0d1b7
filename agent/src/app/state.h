/* app/state.h: a state: the members of a JSON object in their order, each as its finished text.
 *
 * An entry is one block, `"key":value`, made once when the key is set, so the state's whole text is a copy of
 * the entries with commas between, and what a step left alone is never serialised again. A step collects what
 * it sets in a second, small state of the same type (removals included) and state_apply moves the blocks over
 * when it has succeeded; until then nothing of the first has changed, so there is nothing to undo.
 *
 * One thread at a time. Values are whole, valid JSON: whoever sets one has checked it. */
#ifndef APP_STATE_H
#define APP_STATE_H

#include "base/buf.h"

struct state_entry {
	char *text; /* `"key":value` and a NUL; yours with the entry */
	size_t text_len;
	size_t value_at; /* where the value begins in text */
	char *key;       /* unescaped, not NUL-terminated; inside the block behind text */
	size_t key_len;
	uint32_t hash;
	bool removed; /* in a change set: the key goes; value_at is text_len */
};

struct state {
	struct state_entry *entries;
	size_t count;
	size_t cap;
};

#define STATE_INIT         \
	{                  \
		NULL, 0, 0 \
	}

void state_fini(struct state *state);

/* Replace or append. False without memory; the state is unchanged then. *out_old (may be NULL) receives the
 * block that was replaced, for the caller to free (NULL: none); without it the block is freed at once. */
bool state_set(struct state *state, struct slice key, struct slice value_json, char **out_old);
/* Note in a change set that a key goes. */
bool state_set_removed(struct state *state, struct slice key, char **out_old);

/* The entry of a key, NULL when there is none. */
const struct state_entry *state_find(const struct state *state, struct slice key);

static inline struct slice state_value(const struct state_entry *entry)
{
	return (struct slice){entry->text + entry->value_at, entry->text_len - entry->value_at};
}

/* Move all of changes into state. False, with both unchanged, without memory; else changes is empty. */
bool state_apply(struct state *state, struct state *changes);

/* Append the members, commas between, without braces. */
void state_put_members(const struct state *state, struct buf *out);

/* Set every member of a validated object. Keys that begin with "__" are left out. */
burr_status state_set_object(struct state *state, struct slice object, burr_error *err);

bool state_key_is_private(struct slice key);

#endif
