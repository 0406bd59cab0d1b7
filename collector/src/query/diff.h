/* query/diff.h: what changed from one JSON value to another, as a list of places.
 *
 * Values are compared by what they mean, not by how they are written. Values of different kinds have changed
 * as a whole.
 *
 * Objects: by key, unescaped. Order does not matter; of several members with the same key the last counts.
 *
 * Arrays: by element, in three steps. Elements written the same at both ends belong together. Of what is left
 * between, a window that moved on is recognised: when the last elements of before are the first ones of
 * after, written the same, and are at least half of the shorter side (of at most 65,536 elements on a side),
 * then what stands in front of them was removed and what stands behind them was added. Otherwise the rest is
 * compared from its front, element with element, and the longer side's surplus was added or removed. So an
 * append, an insertion in one place and a window that drops its oldest are told as just that.
 *
 * Strings: unescaped. Half a surrogate pair reads as U+FFFD, as everywhere in burr.
 *
 * Numbers: by exact decimal value. 1, 1.0 and 10e-1 are equal, 0.1 and 0.10000000000000001 are not, and no
 * digit of a large number is lost. -0 equals 0. Exponents beyond 10^15 are compared as text.
 *
 * Cost: equal bytes are passed over by memcmp, and what differs is walked down to the difference. Each byte
 * is read at most a few times for each level above it (at most JSON_MAX_DEPTH), keys are matched by sorting,
 * so no input makes it quadratic; memory is at most some ten times the texts, for texts of nothing but small
 * elements. Pure functions, any thread. */
#ifndef QUERY_DIFF_H
#define QUERY_DIFF_H

#include "base/buf.h"

enum diff_kind {
	DIFF_ADDED,
	DIFF_CHANGED,
	DIFF_REMOVED,
};

/* All borrowed until the callback returns. The paths are JSON pointers (query/json_pointer.h) into the two
 * texts. They differ where elements in front were added or removed: message 4 is message 3 now. A path of a
 * hostile text can be as long as the text. */
struct diff_change {
	enum diff_kind kind;
	struct slice path_before; /* SLICE_NONE when added */
	struct slice path_after;  /* SLICE_NONE when removed */
	struct slice before;      /* the value, a slice of the text; SLICE_NONE when added */
	struct slice after;       /* SLICE_NONE when removed */
};

/* The path to show: where the value is now, or was when it is gone. */
static inline struct slice diff_path(const struct diff_change *change)
{
	return change->kind == DIFF_REMOVED ? change->path_before : change->path_after;
}

struct diff_options {
	size_t max_changes;  /* how many are told; 0: all */
	bool ignore_private; /* leave out top-level keys that start with "__" */
};

#define DIFF_OPTIONS_INIT \
	{                 \
		0, false  \
	}

struct diff_result {
	size_t added; /* these three count all, told or not */
	size_t changed;
	size_t removed;
	size_t told;
	bool truncated; /* there were more than max_changes */
	size_t work;    /* members and elements looked at: for tests */
};

/* Told in order: of an object first what was removed, in the order of before, then the rest in the order of
 * after; of an array by index. Anything but BURR_OK ends the comparison, which returns it. */
typedef burr_status diff_fn(const struct diff_change *change, void *ctx);

/* The difference between two validated texts without white space around them. SLICE_NONE for one of them: the
 * other one's members were all added (or removed), each as a whole; when it is no object, it was itself, at
 * "". options may be NULL, and each may be NULL to count only. *out is set on success.
 *
 * Errors: BURR_EINVAL (a text was not validated), BURR_ENOMEM, or what the callback returned. */
burr_status diff_json(struct slice before, struct slice after, const struct diff_options *options,
	diff_fn *each, void *ctx, struct diff_result *out) BURR_MUST_CHECK;

/* The same, but of two objects only which top-level keys were added, changed or removed, with their whole
 * values: what a step did, in short. */
burr_status diff_changed_keys(struct slice before, struct slice after, const struct diff_options *options,
	diff_fn *each, void *ctx, struct diff_result *out) BURR_MUST_CHECK;

#endif
