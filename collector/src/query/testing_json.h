/* query/testing_json.h: what the tests and the fuzzer hold the difference against: equality, written the slow
 * and plain way, and changes applied. */
#ifndef QUERY_TESTING_JSON_H
#define QUERY_TESTING_JSON_H

#include "base/json.h"
#include "query/diff.h"
#include "query/json_pointer.h"

#include <stdlib.h>

/* Changes kept after the comparison; the paths are copies. */
struct kept_change {
	enum diff_kind kind;
	char *path_before; /* NULL where absent */
	char *path_after;
	struct slice before;
	struct slice after;
};

struct kept_changes {
	struct kept_change *items;
	size_t count;
};

static inline burr_status keep_change(const struct diff_change *change, void *ctx)
{
	struct kept_changes *kept = ctx;
	struct kept_change *items = realloc(kept->items, (kept->count + 1) * sizeof(*items));
	if (!items)
		return BURR_ENOMEM;
	kept->items = items;
	items[kept->count++] = (struct kept_change){change->kind, slice_dup(change->path_before),
		slice_dup(change->path_after), change->before, change->after};
	return BURR_OK;
}

static inline void kept_changes_fini(struct kept_changes *kept)
{
	for (size_t i = 0; i < kept->count; i++) {
		free(kept->items[i].path_before);
		free(kept->items[i].path_after);
	}
	free(kept->items);
	*kept = (struct kept_changes){NULL, 0};
}

/* What a key or string says, for buf_fini. */
static inline struct buf testing_text(struct slice escaped)
{
	struct buf text = BUF_INIT;
	json_unescape(escaped, &text);
	return text;
}

static inline struct slice testing_find(struct slice object, struct slice escaped_key)
{
	struct buf name = testing_text(escaped_key);
	struct slice found = json_find_slice(object, buf_slice(&name));
	buf_fini(&name);
	return found;
}

static inline bool testing_same_object(struct slice a, struct slice b);
static inline bool testing_same_array(struct slice a, struct slice b);

/* Equality as diff.h tells it, except that numbers are compared by text or as doubles: the generated ones
 * have few digits. */
static inline bool testing_same(struct slice a, struct slice b)
{
	double x;
	double y;
	if (!a.data || !b.data || json_kind_of(a) != json_kind_of(b))
		return false;
	switch (json_kind_of(a)) {
	case JSON_OBJECT:
		return testing_same_object(a, b) && testing_same_object(b, a);
	case JSON_ARRAY:
		return testing_same_array(a, b);
	case JSON_STRING: {
		struct buf text = testing_text((struct slice){b.data + 1, b.len - 2});
		bool same = json_text_is(a, buf_slice(&text));
		buf_fini(&text);
		return same;
	}
	case JSON_NUMBER:
		return slice_eq(a, b) || (json_to_double(a, &x) && json_to_double(b, &y) && x == y);
	default:
		return true;
	}
}

/* Whether what a has is in b; twice, once each way, this is equality. */
static inline bool testing_same_object(struct slice a, struct slice b)
{
	struct slice key;
	struct slice value;
	struct json_iter it = json_iter(a);
	while (json_next_member(&it, &key, &value))
		if (!testing_same(testing_find(a, key), testing_find(b, key)))
			return false;
	return true;
}

static inline bool testing_same_array(struct slice a, struct slice b)
{
	struct slice x;
	struct slice y;
	struct json_iter i = json_iter(a);
	struct json_iter j = json_iter(b);
	for (;;) {
		bool more = json_next_element(&i, &x);
		if (more != json_next_element(&j, &y))
			return false;
		if (!more)
			return true;
		if (!testing_same(x, y))
			return false;
	}
}

/* ---- applying ---- */

/* A place in both texts, one buf each. */
struct place {
	struct buf before;
	struct buf after;
};

static inline const struct kept_change *testing_change_at(
	const struct kept_changes *changes, enum diff_kind kind, const struct place *place)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct kept_change *change = &changes->items[i];
		if (change->kind == kind &&
			(kind == DIFF_ADDED || slice_is(buf_slice(&place->before), change->path_before)) &&
			(kind == DIFF_REMOVED || slice_is(buf_slice(&place->after), change->path_after)))
			return change;
	}
	return NULL;
}

static inline void testing_apply(
	struct slice value, const struct kept_changes *changes, struct place *place, struct buf *out);

static inline void testing_apply_object(
	struct slice object, const struct kept_changes *changes, struct place *place, struct buf *out)
{
	struct slice key;
	struct slice value;
	size_t len_before = place->before.len;
	size_t len_after = place->after.len;
	struct json_iter it = json_iter(object);
	json_put_open(out, '{');
	while (json_next_member(&it, &key, &value)) {
		struct buf name = testing_text(key);
		json_pointer_put_key(&place->before, buf_slice(&name));
		json_pointer_put_key(&place->after, buf_slice(&name));
		if (json_find_slice(object, buf_slice(&name)).data == value.data &&
			!testing_change_at(changes, DIFF_REMOVED, place)) {
			json_put_key(out, buf_slice(&name));
			testing_apply(value, changes, place, out);
		}
		place->before.len = len_before;
		place->after.len = len_after;
		buf_fini(&name);
	}
	for (size_t i = 0; i < changes->count; i++) {
		const struct kept_change *change = &changes->items[i];
		const char *slash = change->kind == DIFF_ADDED ? strrchr(change->path_after, '/') : NULL;
		if (!slash ||
			!slice_eq((struct slice){change->path_after, (size_t)(slash - change->path_after)},
				buf_slice(&place->after)))
			continue;
		struct buf name = BUF_INIT;
		for (const char *c = slash + 1; *c; c++)
			buf_append_char(&name, *c != '~' ? *c : *++c == '0' ? '~' : '/');
		json_put_key(out, buf_slice(&name));
		json_put_raw(out, change->after);
		buf_fini(&name);
	}
	json_put_close(out, '}');
}

static inline void testing_apply_array(
	struct slice array, const struct kept_changes *changes, struct place *place, struct buf *out)
{
	struct slice value;
	size_t len_before = place->before.len;
	size_t len_after = place->after.len;
	size_t index_before = 0;
	struct json_iter it = json_iter(array);
	bool more = json_next_element(&it, &value);
	json_put_open(out, '[');
	for (size_t index_after = 0;; place->before.len = len_before, place->after.len = len_after) {
		json_pointer_put_index(&place->before, index_before);
		json_pointer_put_index(&place->after, index_after);
		const struct kept_change *added = testing_change_at(changes, DIFF_ADDED, place);
		bool removed = more && testing_change_at(changes, DIFF_REMOVED, place);
		if (!added && !more)
			break;
		if (added)
			json_put_raw(out, added->after);
		else if (!removed)
			testing_apply(value, changes, place, out);
		index_after += added || !removed;
		if (!added) {
			index_before++;
			more = json_next_element(&it, &value);
		}
	}
	place->before.len = len_before;
	place->after.len = len_after;
	json_put_close(out, ']');
}

static inline void testing_apply(
	struct slice value, const struct kept_changes *changes, struct place *place, struct buf *out)
{
	const struct kept_change *changed = testing_change_at(changes, DIFF_CHANGED, place);
	if (changed)
		json_put_raw(out, changed->after);
	else if (json_kind_of(value) == JSON_OBJECT)
		testing_apply_object(value, changes, place, out);
	else if (json_kind_of(value) == JSON_ARRAY)
		testing_apply_array(value, changes, place, out);
	else
		json_put_raw(out, value);
}

/* What before becomes by the changes, appended to out. */
static inline void testing_apply_all(struct slice before, const struct kept_changes *changes, struct buf *out)
{
	struct place place = {BUF_INIT, BUF_INIT};
	buf_append_str(&place.before, "");
	buf_append_str(&place.after, "");
	testing_apply(before, changes, &place, out);
	buf_fini(&place.before);
	buf_fini(&place.after);
}

#endif
