/* query/diff.c: two JSON texts walked side by side, down to where they differ.
 *
 * No tree is built. A container's entries are listed on a stack of the walk, matched, and only the matched
 * ones that are not the same bytes are gone into. There is no test for equality apart from the walk itself: a
 * value is equal when the walk of it tells nothing. So no value is walked once to learn that it differs and
 * again to learn where, which on every level would add up. */
#include "query/diff.h"

#include "base/clean.h"
#include "base/json.h"
#include "query/json_pointer.h"

#include <stdlib.h>

enum {
	/* Of more members that differ under the same keys in the same order, the keys are sorted. */
	FEW_UNLIKE = 8,
	/* Elements on a side where a moved window is still looked for, at four bytes of memory each. */
	WINDOW_MAX = 1 << 16,
};

/* What a member's match says beside an index. */
#define UNMATCHED UINT32_MAX
#define HIDDEN (UINT32_MAX - 1) /* a later member has the same key */

struct member {
	struct slice key; /* as written, or unescaped by unescape_keys */
	struct slice value;
	uint64_t hash;
	uint32_t match; /* the other side's member */
};

struct walk {
	struct diff_options options;
	diff_fn *each;
	void *ctx;
	bool keys_only;
	bool probing; /* the first difference is enough, and is not told */
	bool found;
	struct diff_result result;
	struct buf path_before;
	struct buf path_after;
	struct buf text_before; /* for unescaping */
	struct buf text_after;
	/* Two stacks: a container's entries lie above those of what it is in. Moved by what is pushed. */
	struct buf members;
	struct buf elements;
};

/* A container's entries on a stack. */
struct range {
	size_t first;
	size_t count;
};

static struct member *member_at(const struct walk *walk, size_t index)
{
	return (struct member *)(void *)walk->members.data + index;
}

static struct slice element_at(const struct walk *walk, size_t index)
{
	return ((struct slice *)(void *)walk->elements.data)[index];
}

/* ---- telling ---- */

static burr_status tell(struct walk *walk, enum diff_kind kind, struct slice before, struct slice after)
{
	struct diff_result *result = &walk->result;
	if (walk->probing) {
		walk->found = true;
		return BURR_EEXIST; /* for is_unlike alone */
	}
	if (walk->path_before.failed || walk->path_after.failed)
		return BURR_ENOMEM;
	if (kind == DIFF_ADDED)
		result->added++;
	else if (kind == DIFF_REMOVED)
		result->removed++;
	else
		result->changed++;
	if (walk->options.max_changes && result->told == walk->options.max_changes) {
		result->truncated = true;
		return BURR_OK;
	}
	struct diff_change change = {kind, SLICE_NONE, SLICE_NONE, before, after};
	if (kind != DIFF_ADDED)
		change.path_before = buf_slice(&walk->path_before);
	if (kind != DIFF_REMOVED)
		change.path_after = buf_slice(&walk->path_after);
	result->told++;
	return walk->each ? walk->each(&change, walk->ctx) : BURR_OK;
}

/* ---- scalars ---- */

/* A number's exact value: its digits as an integer, times ten to the exponent. */
struct decimal {
	bool negative;
	const char *
		first; /* from the first digit that is not 0 to behind the last one; a point may be between */
	const char *end; /* the same as first for 0 */
	int64_t exponent;
};

static const int64_t exponent_max = 1000000000000000;

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* False when the exponent is out of bounds. */
static bool read_exponent(const char *pos, const char *end, int64_t *out)
{
	bool negative = *pos == '-';
	int64_t exponent = 0;
	if (*pos == '-' || *pos == '+')
		pos++;
	for (; pos < end; pos++) {
		exponent = exponent * 10 + (*pos - '0');
		if (exponent > exponent_max)
			return false;
	}
	*out += negative ? -exponent : exponent;
	return true;
}

static bool read_decimal(struct slice text, struct decimal *out)
{
	const char *pos = text.data;
	const char *end = pos + text.len;
	int64_t places = 0; /* digits behind the point so far */
	int64_t zeros = 0;  /* digits since the last one that is not 0 */
	bool fraction = false;
	*out = (struct decimal){.negative = *pos == '-', .first = end, .end = end};
	if (*pos == '-')
		pos++;
	for (; pos < end && (is_digit(*pos) || *pos == '.'); pos++) {
		if (*pos == '.') {
			fraction = true;
			continue;
		}
		places += fraction;
		zeros++;
		if (*pos == '0')
			continue;
		zeros = 0;
		if (out->first == end)
			out->first = pos;
		out->end = pos + 1;
	}
	if (out->first == end) {
		out->negative = false;
		return true;
	}
	out->exponent = zeros - places;
	return pos + 1 >= end || read_exponent(pos + 1, end, &out->exponent);
}

static bool same_number(struct slice a, struct slice b)
{
	struct decimal x;
	struct decimal y;
	if (!read_decimal(a, &x) || !read_decimal(b, &y) || x.negative != y.negative ||
		x.exponent != y.exponent)
		return false;
	while (x.first < x.end && y.first < y.end) {
		x.first += *x.first == '.';
		y.first += *y.first == '.';
		if (*x.first++ != *y.first++)
			return false;
	}
	return x.first == x.end && y.first == y.end;
}

static bool has_escape(struct slice text)
{
	return text.len && memchr(text.data, '\\', text.len);
}

static burr_status compare_strings(struct walk *walk, struct slice before, struct slice after)
{
	if (has_escape(before) || has_escape(after)) {
		buf_clear(&walk->text_before);
		buf_clear(&walk->text_after);
		if (!json_to_text(before, &walk->text_before) || !json_to_text(after, &walk->text_after))
			return walk->text_before.failed || walk->text_after.failed ? BURR_ENOMEM
										   : BURR_EINVAL;
		if (slice_eq(buf_slice(&walk->text_before), buf_slice(&walk->text_after)))
			return BURR_OK;
	}
	return tell(walk, DIFF_CHANGED, before, after);
}

/* ---- objects ---- */

static burr_status compare(struct walk *walk, struct slice before, struct slice after, int depth);

static bool is_private(struct walk *walk, struct slice key)
{
	if (!has_escape(key))
		return slice_starts(key, "__");
	buf_clear(&walk->text_before);
	json_unescape(key, &walk->text_before);
	if (walk->text_before.failed)
		walk->members.failed = true; /* which list_members looks at */
	return slice_starts(buf_slice(&walk->text_before), "__");
}

/* Push an object's members. *out_escaped becomes true when a key has an escape. */
static burr_status list_members(
	struct walk *walk, struct slice object, int depth, struct range *out, bool *out_escaped)
{
	struct member member = {.match = UNMATCHED};
	struct json_iter it = json_iter(object);
	*out = (struct range){walk->members.len / sizeof(member), 0};
	while (json_next_member(&it, &member.key, &member.value)) {
		walk->result.work++;
		if (depth == 0 && walk->options.ignore_private && is_private(walk, member.key))
			continue;
		*out_escaped = *out_escaped || has_escape(member.key);
		buf_append(&walk->members, &member, sizeof(member));
		out->count++;
	}
	if (it.damaged || out->count >= HIDDEN)
		return BURR_EINVAL;
	return walk->members.failed ? BURR_ENOMEM : BURR_OK;
}

static bool hidden_later(struct walk *walk, struct range range, size_t index)
{
	struct slice key = member_at(walk, range.first + index)->key;
	for (size_t i = index + 1; i < range.count; i++)
		if (slice_eq(member_at(walk, range.first + i)->key, key))
			return true;
	return false;
}

/* The usual case: the same keys in the same order, and few values that differ. False, nothing matched, in any
 * other. Equal values need no look at later members: these are matched with each other too. */
static bool match_in_order(struct walk *walk, struct range before, struct range after)
{
	size_t unlike[FEW_UNLIKE];
	size_t unlike_count = 0;
	if (before.count != after.count)
		return false;
	for (size_t i = 0; i < before.count; i++) {
		const struct member *a = member_at(walk, before.first + i);
		const struct member *b = member_at(walk, after.first + i);
		if (!slice_eq(a->key, b->key))
			return false;
		if (slice_eq(a->value, b->value))
			continue;
		if (unlike_count == FEW_UNLIKE)
			return false;
		unlike[unlike_count++] = i;
	}
	for (size_t i = 0; i < before.count; i++) {
		member_at(walk, before.first + i)->match = (uint32_t)i;
		member_at(walk, after.first + i)->match = (uint32_t)i;
	}
	for (size_t i = 0; i < unlike_count; i++) {
		if (!hidden_later(walk, before, unlike[i]))
			continue;
		member_at(walk, before.first + unlike[i])->match = HIDDEN;
		member_at(walk, after.first + unlike[i])->match = HIDDEN;
	}
	return true;
}

static burr_status unescape_keys(struct walk *walk, struct range range, struct buf *names)
{
	/* A text never grows by being unescaped, so with this room the names stay where they are. */
	size_t room = 0;
	for (size_t i = 0; i < range.count; i++)
		room += member_at(walk, range.first + i)->key.len;
	if (!buf_reserve(names, room))
		return BURR_ENOMEM;
	for (size_t i = 0; i < range.count; i++) {
		struct member *member = member_at(walk, range.first + i);
		size_t at = names->len;
		if (!has_escape(member->key))
			continue;
		if (!json_unescape(member->key, names))
			return BURR_EINVAL;
		member->key = (struct slice){names->data + at, names->len - at};
	}
	return BURR_OK;
}

/* It only makes the sort's comparisons cheap: keys that collide are compared as text. */
static uint64_t hash_key(struct slice key)
{
	uint64_t hash = key.len;
	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ (unsigned char)key.data[i]) * 0x100000001b3;
	return hash;
}

static int compare_keys(const struct member *a, const struct member *b)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->key.len != b->key.len)
		return a->key.len < b->key.len ? -1 : 1;
	return a->key.len ? memcmp(a->key.data, b->key.data, a->key.len) : 0;
}

static int compare_members(const void *a, const void *b)
{
	const struct member *x = *(struct member *const *)a;
	const struct member *y = *(struct member *const *)b;
	int order = compare_keys(x, y);
	return order ? order : (x > y) - (x < y);
}

/* The members by key, of each key only the last; the others are marked hidden. The caller frees. */
static struct member **sort_members(struct walk *walk, struct range *range)
{
	struct member **sorted = malloc((range->count + 1) * sizeof(*sorted));
	size_t kept = 0;
	if (!sorted)
		return NULL;
	for (size_t i = 0; i < range->count; i++) {
		sorted[i] = member_at(walk, range->first + i);
		sorted[i]->hash = hash_key(sorted[i]->key);
	}
	qsort(sorted, range->count, sizeof(*sorted), compare_members);
	for (size_t i = 0; i < range->count; i++) {
		if (i + 1 < range->count && compare_keys(sorted[i], sorted[i + 1]) == 0)
			sorted[i]->match = HIDDEN;
		else
			sorted[kept++] = sorted[i];
	}
	range->count = kept;
	return sorted;
}

static burr_status match_by_key(struct walk *walk, struct range before, struct range after)
{
	const struct member *first_before = member_at(walk, before.first);
	const struct member *first_after = member_at(walk, after.first);
	CLEAN(ptr_free) struct member **a = sort_members(walk, &before);
	CLEAN(ptr_free) struct member **b = sort_members(walk, &after);
	if (!a || !b)
		return BURR_ENOMEM;
	for (size_t i = 0, j = 0; i < before.count && j < after.count;) {
		int order = compare_keys(a[i], b[j]);
		walk->result.work++;
		if (order == 0) {
			a[i]->match = (uint32_t)(b[j] - first_after);
			b[j]->match = (uint32_t)(a[i] - first_before);
		}
		i += order <= 0;
		j += order >= 0;
	}
	return BURR_OK;
}

/* A probe's end is no failure: whether it found something is in `found`. */
static burr_status is_unlike(
	struct walk *walk, struct slice before, struct slice after, int depth, bool *out_unlike)
{
	walk->probing = true;
	walk->found = false;
	burr_status status = compare(walk, before, after, depth);
	walk->probing = false;
	*out_unlike = walk->found;
	return walk->found ? BURR_OK : status;
}

/* The paths are at the member. */
static burr_status compare_member(
	struct walk *walk, const struct member *before, const struct member *after, int depth)
{
	if (!before)
		return tell(walk, DIFF_ADDED, SLICE_NONE, after->value);
	if (!after)
		return tell(walk, DIFF_REMOVED, before->value, SLICE_NONE);
	if (!walk->keys_only || depth > 0)
		return compare(walk, before->value, after->value, depth + 1);
	bool unlike = false;
	burr_status status = is_unlike(walk, before->value, after->value, depth + 1, &unlike);
	return status == BURR_OK && unlike ? tell(walk, DIFF_CHANGED, before->value, after->value) : status;
}

static burr_status tell_member(
	struct walk *walk, const struct member *before, const struct member *after, int depth)
{
	struct slice key = before ? before->key : after->key;
	size_t len_before = walk->path_before.len;
	size_t len_after = walk->path_after.len;
	json_pointer_put_key(&walk->path_before, key);
	json_pointer_put_key(&walk->path_after, key);
	burr_status status = compare_member(walk, before, after, depth);
	walk->path_before.len = len_before;
	walk->path_after.len = len_after;
	return status;
}

static burr_status tell_members(struct walk *walk, struct range before, struct range after, int depth)
{
	burr_status status = BURR_OK;
	for (size_t i = 0; i < before.count && status == BURR_OK; i++) {
		struct member member = *member_at(walk, before.first + i);
		if (member.match == UNMATCHED)
			status = tell_member(walk, &member, NULL, depth);
	}
	for (size_t i = 0; i < after.count && status == BURR_OK; i++) {
		/* Copies: the stack moves below. */
		struct member member = *member_at(walk, after.first + i);
		if (member.match == HIDDEN)
			continue;
		if (member.match == UNMATCHED) {
			status = tell_member(walk, NULL, &member, depth);
			continue;
		}
		struct member other = *member_at(walk, before.first + member.match);
		if (!slice_eq(member.value, other.value))
			status = tell_member(walk, &other, &member, depth);
	}
	return status;
}

static burr_status compare_objects(struct walk *walk, struct slice before, struct slice after, int depth)
{
	CLEAN(buf_fini) struct buf names_before = BUF_INIT;
	CLEAN(buf_fini) struct buf names_after = BUF_INIT;
	struct range a;
	struct range b;
	bool escaped = false;
	size_t members_len = walk->members.len;
	burr_status status = list_members(walk, before, depth, &a, &escaped);
	if (status == BURR_OK)
		status = list_members(walk, after, depth, &b, &escaped);
	if (status == BURR_OK && escaped) {
		status = unescape_keys(walk, a, &names_before);
		if (status == BURR_OK)
			status = unescape_keys(walk, b, &names_after);
	}
	if (status == BURR_OK && !match_in_order(walk, a, b))
		status = match_by_key(walk, a, b);
	if (status == BURR_OK)
		status = tell_members(walk, a, b, depth);
	walk->members.len = members_len;
	return status;
}

/* ---- arrays ---- */

/* The paths are at the array; the element's index is put behind them, for one side or both. */
static burr_status tell_element(struct walk *walk, enum diff_kind kind, size_t index_before,
	size_t index_after, struct slice before, struct slice after, int depth)
{
	size_t len_before = walk->path_before.len;
	size_t len_after = walk->path_after.len;
	burr_status status;
	if (kind != DIFF_ADDED)
		json_pointer_put_index(&walk->path_before, index_before);
	if (kind != DIFF_REMOVED)
		json_pointer_put_index(&walk->path_after, index_after);
	if (kind == DIFF_CHANGED)
		status = compare(walk, before, after, depth + 1);
	else
		status = tell(walk, kind, before, after);
	walk->path_before.len = len_before;
	walk->path_after.len = len_after;
	return status;
}

/* The elements that stand behind the common front of both arrays, pushed. */
struct lists {
	size_t prefix; /* how many elements the common front has */
	struct range before;
	struct range after;
};

static void push_rest(struct walk *walk, struct json_iter *it, struct slice first, struct range *out)
{
	*out = (struct range){walk->elements.len / sizeof(first), 0};
	if (!first.data)
		return;
	do {
		walk->result.work++;
		buf_append(&walk->elements, &first, sizeof(first));
		out->count++;
	} while (json_next_element(it, &first));
}

static burr_status list_elements(
	struct walk *walk, struct slice before, struct slice after, struct lists *out)
{
	struct json_iter a = json_iter(before);
	struct json_iter b = json_iter(after);
	struct slice x = SLICE_NONE;
	struct slice y = SLICE_NONE;
	for (out->prefix = 0;; out->prefix++) {
		bool more_a = json_next_element(&a, &x);
		bool more_b = json_next_element(&b, &y);
		walk->result.work += 2;
		if (!more_a)
			x = SLICE_NONE;
		if (!more_b)
			y = SLICE_NONE;
		if (!more_a || !more_b || !slice_eq(x, y))
			break;
	}
	push_rest(walk, &a, x, &out->before);
	push_rest(walk, &b, y, &out->after);
	if (a.damaged || b.damaged)
		return BURR_EINVAL;
	return walk->elements.failed ? BURR_ENOMEM : BURR_OK;
}

static void drop_common_end(struct walk *walk, struct range *before, struct range *after)
{
	while (before->count && after->count &&
		slice_eq(element_at(walk, before->first + before->count - 1),
			element_at(walk, after->first + after->count - 1))) {
		walk->result.work++;
		before->count--;
		after->count--;
	}
}

/* How many of before's last elements are after's first: Knuth, Morris and Pratt's search for after in before,
 * where the text's end is what it is about. edge[j] is how many elements, fewer than j + 1, both begin and
 * end after's first j + 1. */
static burr_status find_window(
	struct walk *walk, struct range before, struct range after, size_t *out_overlap)
{
	size_t least = before.count < after.count ? before.count : after.count;
	*out_overlap = 0;
	if (!least || before.count > WINDOW_MAX || after.count > WINDOW_MAX)
		return BURR_OK;
	CLEAN(ptr_free) uint32_t *edge = malloc(after.count * sizeof(*edge));
	if (!edge)
		return BURR_ENOMEM;
	uint32_t len = 0;
	edge[0] = 0;
	for (size_t i = 1; i < after.count; i++) {
		struct slice next = element_at(walk, after.first + i);
		while (len && !slice_eq(next, element_at(walk, after.first + len))) {
			walk->result.work++;
			len = edge[len - 1];
		}
		walk->result.work++;
		len += slice_eq(next, element_at(walk, after.first + len));
		edge[i] = len;
	}
	len = 0;
	for (size_t i = 0; i < before.count; i++) {
		struct slice next = element_at(walk, before.first + i);
		while (len && (len == after.count || !slice_eq(next, element_at(walk, after.first + len)))) {
			walk->result.work++;
			len = edge[len - 1];
		}
		walk->result.work++;
		len += slice_eq(next, element_at(walk, after.first + len));
	}
	if (len >= least - least / 2)
		*out_overlap = len;
	return BURR_OK;
}

/* Of what lies between the common ends: `shared` elements of before, from `gone` on, are after's front, which
 * is compared with them; what is in front of or behind them was removed or added. */
static burr_status tell_elements(struct walk *walk, const struct lists *lists, size_t overlap, int depth)
{
	struct range before = lists->before;
	struct range after = lists->after;
	size_t gone = overlap ? before.count - overlap : 0;
	size_t shared = overlap ? overlap : before.count < after.count ? before.count : after.count;
	burr_status status = BURR_OK;
	for (size_t i = 0; i < gone && status == BURR_OK; i++)
		status = tell_element(walk, DIFF_REMOVED, lists->prefix + i, 0,
			element_at(walk, before.first + i), SLICE_NONE, depth);
	/* A window's shared elements are the same bytes. */
	for (size_t i = 0; !overlap && i < shared && status == BURR_OK; i++)
		status = tell_element(walk, DIFF_CHANGED, lists->prefix + i, lists->prefix + i,
			element_at(walk, before.first + i), element_at(walk, after.first + i), depth);
	for (size_t i = gone + shared; i < before.count && status == BURR_OK; i++)
		status = tell_element(walk, DIFF_REMOVED, lists->prefix + i, 0,
			element_at(walk, before.first + i), SLICE_NONE, depth);
	for (size_t i = shared; i < after.count && status == BURR_OK; i++)
		status = tell_element(walk, DIFF_ADDED, 0, lists->prefix + i, SLICE_NONE,
			element_at(walk, after.first + i), depth);
	return status;
}

static burr_status compare_arrays(struct walk *walk, struct slice before, struct slice after, int depth)
{
	struct lists lists;
	size_t elements_len = walk->elements.len;
	size_t overlap = 0;
	burr_status status = list_elements(walk, before, after, &lists);
	if (status == BURR_OK) {
		drop_common_end(walk, &lists.before, &lists.after);
		status = find_window(walk, lists.before, lists.after, &overlap);
	}
	if (status == BURR_OK)
		status = tell_elements(walk, &lists, overlap, depth);
	walk->elements.len = elements_len;
	return status;
}

/* ---- values ---- */

static burr_status compare(struct walk *walk, struct slice before, struct slice after, int depth)
{
	enum json_kind kind = json_kind_of(before);
	if (slice_eq(before, after))
		return BURR_OK;
	if (kind == JSON_INVALID || json_kind_of(after) == JSON_INVALID)
		return BURR_EINVAL;
	if (kind != json_kind_of(after))
		return tell(walk, DIFF_CHANGED, before, after);
	switch (kind) {
	case JSON_OBJECT:
		return depth < JSON_MAX_DEPTH ? compare_objects(walk, before, after, depth) : BURR_EINVAL;
	case JSON_ARRAY:
		return depth < JSON_MAX_DEPTH ? compare_arrays(walk, before, after, depth) : BURR_EINVAL;
	case JSON_STRING:
		return compare_strings(walk, before, after);
	case JSON_NUMBER:
		return same_number(before, after) ? BURR_OK : tell(walk, DIFF_CHANGED, before, after);
	default:
		return BURR_EINVAL; /* the same word in other bytes: damaged */
	}
}

static burr_status compare_texts(struct walk *walk, struct slice before, struct slice after)
{
	if (before.data && after.data)
		return compare(walk, before, after, 0);
	if (json_kind_of(before) == JSON_OBJECT)
		return compare_objects(walk, before, SLICE_LIT("{}"), 0);
	if (json_kind_of(after) == JSON_OBJECT)
		return compare_objects(walk, SLICE_LIT("{}"), after, 0);
	if (before.data || after.data)
		return tell(walk, before.data ? DIFF_REMOVED : DIFF_ADDED, before, after);
	return BURR_OK;
}

static burr_status diff_run(struct walk *walk, struct slice before, struct slice after,
	const struct diff_options *options, struct diff_result *out)
{
	if (options)
		walk->options = *options;
	burr_status status = compare_texts(walk, before, after);
	if (status == BURR_OK)
		*out = walk->result;
	buf_fini(&walk->path_before);
	buf_fini(&walk->path_after);
	buf_fini(&walk->text_before);
	buf_fini(&walk->text_after);
	buf_fini(&walk->members);
	buf_fini(&walk->elements);
	return status;
}

burr_status diff_json(struct slice before, struct slice after, const struct diff_options *options,
	diff_fn *each, void *ctx, struct diff_result *out)
{
	struct walk walk = {.each = each, .ctx = ctx};
	return diff_run(&walk, before, after, options, out);
}

burr_status diff_changed_keys(struct slice before, struct slice after, const struct diff_options *options,
	diff_fn *each, void *ctx, struct diff_result *out)
{
	struct walk walk = {.each = each, .ctx = ctx, .keys_only = true};
	return diff_run(&walk, before, after, options, out);
}
