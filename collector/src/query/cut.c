/* query/cut.c: a budget in bytes, handed down a JSON value.
 *
 * A budget is what may be written for a value with everything that is put around it. A container's is shared
 * before anything is written: each entry first gets its floor (itself when it is small, else a marker and a
 * little of a head), for as many entries as that lasts, and the rest lifts the entries' shares to one level,
 * as water does. Whoever gets at least his length is copied. */
#include "query/cut.h"

#include "base/clean.h"
#include "base/json.h"
#include "query/json_pointer.h"

/* What of a head is worth its marker, where the budget allows. */
enum { PREVIEW_MAX = 256 };

struct cut {
	struct buf *out;
	struct buf path; /* the pointer as JSON text, escaped, without quotes */
	struct buf plain;
	bool quotes; /* the text has "$cut" for a key somewhere */
	bool left_out;
};

struct entry {
	struct slice key; /* as written; absent in an array */
	struct slice value;
	size_t fixed; /* what its key, colon and comma take */
	size_t floor;
};

/* A container's entries that could be shown. */
struct entries {
	struct buf list;
	size_t listed;
	size_t taken;     /* by the listed ones, at their floors */
	size_t count;     /* all there are */
	bool has_cut_key; /* among the listed ones or not */
};

static const struct slice cut_key = {"$cut", 4};

/* ---- the user's own "$cut" ---- */

static bool has_cut_key(struct slice value, int depth)
{
	struct slice key;
	struct slice inner;
	struct json_iter it = json_iter(value);
	if (depth > JSON_MAX_DEPTH)
		return false;
	if (json_kind_of(value) == JSON_OBJECT) {
		while (json_next_member(&it, &key, &inner))
			if (json_key_is(key, cut_key) || has_cut_key(inner, depth + 1))
				return true;
	} else if (json_kind_of(value) == JSON_ARRAY) {
		while (json_next_element(&it, &inner))
			if (has_cut_key(inner, depth + 1))
				return true;
	}
	return false;
}

/* Looks at the keys only where the bytes allow one: spelled out, or with its letters as \u00.. */
static bool needs_quotes(struct slice value)
{
	if (!value.data || !value.len ||
		(!memmem(value.data, value.len, "$cut", 4) && !memmem(value.data, value.len, "\\u00", 4)))
		return false;
	return has_cut_key(value, 0);
}

/* ---- paths ---- */

static void push_part(struct cut *cut, struct slice key, size_t index)
{
	struct buf part = BUF_INIT;
	if (!key.data) {
		json_pointer_put_index(&cut->path, index);
		return;
	}
	buf_clear(&cut->plain);
	json_unescape(key, &cut->plain);
	json_pointer_put_key(&part, buf_slice(&cut->plain));
	json_escape(&cut->path, buf_slice(&part));
	if (part.failed || cut->plain.failed)
		cut->path.failed = true;
	buf_fini(&part);
}

/* ---- markers ---- */

static void open_marker(struct cut *cut, const char *kind)
{
	json_put_open(cut->out, '{');
	json_put_member(cut->out, "$cut", slice_of(kind));
}

static void put_count(struct cut *cut, const char *key, size_t count)
{
	json_put_key(cut->out, slice_of(key));
	json_put_uint(cut->out, count);
}

static void put_pointer_and_head(struct cut *cut)
{
	json_put_key(cut->out, SLICE_LIT("pointer"));
	buf_append_char(cut->out, '"');
	buf_append_slice(cut->out, buf_slice(&cut->path));
	buf_append_char(cut->out, '"');
	json_put_key(cut->out, SLICE_LIT("head"));
}

/* What is left of a budget for a head; a budget below its floor leaves nothing. */
static size_t head_room(const struct cut *cut, size_t budget)
{
	size_t taken = CUT_MARKER_MAX + cut->path.len;
	return budget > taken ? budget - taken : 0;
}

/* ---- scalars ---- */

/* The length of the escape or character at the front of a string's text. A pair of \u halves is one. */
static size_t unit_len(struct slice text)
{
	unsigned char c = (unsigned char)text.data[0];
	if (c == '\\' && text.len >= 2) {
		if (text.data[1] != 'u')
			return 2;
		bool high = text.len >= 12 && (text.data[2] == 'd' || text.data[2] == 'D') &&
			    strchr("89abAB", text.data[3]) && text.data[6] == '\\' && text.data[7] == 'u';
		return high ? 12 : 6;
	}
	return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* As much of a string's text, escapes untouched, as has room; a character is whole or not there. */
static struct slice head_of(struct slice text, size_t room)
{
	size_t len = 0;
	while (len < text.len) {
		size_t unit = unit_len((struct slice){text.data + len, text.len - len});
		if (unit > room - len)
			break;
		len += unit;
	}
	return (struct slice){text.data, len};
}

/* A string, or a number whose text is one. */
static void cut_scalar(struct cut *cut, struct slice value, size_t budget)
{
	bool string = json_kind_of(value) == JSON_STRING;
	struct slice text = string ? (struct slice){value.data + 1, value.len - 2} : value;
	open_marker(cut, string ? "string" : "number");
	put_count(cut, "bytes", value.len);
	put_pointer_and_head(cut);
	buf_append_char(cut->out, '"');
	buf_append_slice(cut->out, head_of(text, head_room(cut, budget)));
	buf_append_char(cut->out, '"');
	json_put_close(cut->out, '}');
	cut->left_out = true;
}

/* ---- containers ---- */

static void put_value(struct cut *cut, struct slice value, size_t budget);

static struct entry *entry_at(const struct entries *entries, size_t index)
{
	return (struct entry *)(void *)entries->list.data + index;
}

/* The least that is written of an entry: itself or a marker, and `preview` of its head. */
static size_t floor_of(struct cut *cut, const struct entry *entry, size_t index, size_t preview)
{
	enum json_kind kind = json_kind_of(entry->value);
	size_t path_len = cut->path.len;
	size_t len = entry->value.len;
	if (len <= CUT_MARKER_MAX ||
		(kind != JSON_OBJECT && kind != JSON_ARRAY && kind != JSON_STRING && kind != JSON_NUMBER))
		return len;
	push_part(cut, entry->key, index);
	size_t floor = CUT_MARKER_MAX + cut->path.len + preview;
	cut->path.len = path_len;
	return floor < len ? floor : len;
}

/* List entries as long as their floors have room, count the others. */
static void list_entries(
	struct cut *cut, struct slice container, size_t room, size_t preview, struct entries *out)
{
	struct entry entry = {.key = SLICE_NONE};
	struct json_iter it = json_iter(container);
	bool object = json_kind_of(container) == JSON_OBJECT;
	while (object ? json_next_member(&it, &entry.key, &entry.value)
		      : json_next_element(&it, &entry.value)) {
		size_t index = out->count++;
		if (cut->quotes && object && json_key_is(entry.key, cut_key))
			out->has_cut_key = true;
		if (out->listed < index)
			continue;
		entry.fixed = (object ? entry.key.len + 3 : 0) + (index > 0);
		if (entry.fixed > room - out->taken)
			continue;
		entry.floor = floor_of(cut, &entry, index, preview);
		if (entry.fixed + entry.floor > room - out->taken)
			continue;
		buf_append(&out->list, &entry, sizeof(entry));
		out->taken += entry.fixed + entry.floor;
		out->listed++;
	}
}

/* Take back the last ones until there is room for what is left. */
static void unlist_entries(struct entries *entries, size_t room)
{
	while (entries->listed && entries->taken > room) {
		const struct entry *last = entry_at(entries, --entries->listed);
		entries->taken -= last->fixed + last->floor;
	}
}

static size_t share_of(const struct entry *entry, size_t level)
{
	size_t len = entry->value.len < level ? entry->value.len : level;
	return len > entry->floor ? len : entry->floor;
}

static size_t taken_at(const struct entries *entries, size_t level)
{
	size_t taken = 0;
	for (size_t i = 0; i < entries->listed; i++) {
		const struct entry *entry = entry_at(entries, i);
		taken += entry->fixed + share_of(entry, level);
	}
	return taken;
}

/* The highest level to which all listed entries' shares can be lifted. */
static size_t find_level(const struct entries *entries, size_t room)
{
	size_t low = 0;
	size_t high = room;
	while (low < high) {
		size_t middle = high - (high - low) / 2;
		if (taken_at(entries, middle) <= room)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static void put_entries(struct cut *cut, const struct entries *entries, bool object, size_t room)
{
	size_t level = find_level(entries, room);
	size_t path_len = cut->path.len;
	json_put_open(cut->out, object ? '{' : '[');
	for (size_t i = 0; i < entries->listed; i++) {
		const struct entry *entry = entry_at(entries, i);
		if (object) {
			/* As it was written: its escapes are not ours to change. */
			if (i)
				buf_append_char(cut->out, ',');
			buf_append_char(cut->out, '"');
			buf_append_slice(cut->out, entry->key);
			buf_append_str(cut->out, "\":");
		}
		size_t share = share_of(entry, level);
		if (share < entry->value.len || cut->quotes)
			push_part(cut, entry->key, i);
		put_value(cut, entry->value, share);
		cut->path.len = path_len;
	}
	json_put_close(cut->out, object ? '}' : ']');
}

static void cut_container(struct cut *cut, struct slice value, size_t budget)
{
	bool object = json_kind_of(value) == JSON_OBJECT;
	struct entries entries = {.list = BUF_INIT};
	size_t room = budget > 2 ? budget - 2 : 0;
	size_t preview = room / 16 < PREVIEW_MAX ? room / 16 : PREVIEW_MAX;
	list_entries(cut, value, room, preview, &entries);
	if (entries.listed < entries.count) {
		room = head_room(cut, budget);
		room = room > 2 ? room - 2 : 0;
		unlist_entries(&entries, room);
		open_marker(cut, object ? "object" : "array");
		put_count(cut, "bytes", value.len);
		put_count(cut, "count", entries.count);
		put_count(cut, "shown", entries.listed);
		put_pointer_and_head(cut);
		put_entries(cut, &entries, object, room);
		json_put_close(cut->out, '}');
		cut->left_out = true;
	} else if (entries.has_cut_key) {
		open_marker(cut, "none");
		json_put_key(cut->out, SLICE_LIT("head"));
		put_entries(cut, &entries, object, room);
		json_put_close(cut->out, '}');
	} else {
		put_entries(cut, &entries, object, room);
	}
	if (entries.list.failed)
		cut->out->failed = true;
	buf_fini(&entries.list);
}

static void put_value(struct cut *cut, struct slice value, size_t budget)
{
	enum json_kind kind = json_kind_of(value);
	bool container = kind == JSON_OBJECT || kind == JSON_ARRAY;
	if (cut->quotes && container)
		cut_container(cut, value, budget);
	else if (value.len <= budget || (!container && kind != JSON_STRING && kind != JSON_NUMBER))
		json_put_raw(cut->out, value);
	else if (container)
		cut_container(cut, value, budget);
	else
		cut_scalar(cut, value, budget);
}

bool json_put_cut(struct buf *out, struct slice value, size_t max_bytes, struct slice pointer_prefix)
{
	struct cut cut = {.out = out, .path = BUF_INIT, .plain = BUF_INIT, .quotes = needs_quotes(value)};
	/* `{"$cut":X}` becomes 3.7 times as long by its quotes. */
	size_t budget = cut.quotes ? max_bytes / 2 : max_bytes;
	json_escape(&cut.path, pointer_prefix);
	put_value(&cut, value, budget < CUT_MARKER_MAX ? CUT_MARKER_MAX : budget);
	if (cut.path.failed || cut.plain.failed)
		out->failed = true;
	buf_fini(&cut.path);
	buf_fini(&cut.plain);
	return cut.left_out;
}
