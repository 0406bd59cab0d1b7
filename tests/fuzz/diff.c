/* fuzz/diff.c: two texts with a NUL between them: their difference applied to the first gives the second,
 * each path leads to its value, and the first one cut is valid and tells the truth. */
#include "fuzz.h"

#include "query/cut.h"
#include "query/diff.h"
#include "query/json_pointer.h"
#include "query/testing_cut.h"
#include "query/testing_json.h"

/* Paths with a NUL in a key are no C strings; such texts are compared, not applied. */
static burr_status find_nul(const struct diff_change *change, void *ctx)
{
	bool *found = ctx;
	*found = *found || memchr(diff_path(change).data, '\0', diff_path(change).len);
	return BURR_OK;
}

static void check_change(struct slice before, struct slice after, const struct kept_change *change)
{
	struct slice found;
	FUZZ_CHECK((change->path_before == NULL) == (change->kind == DIFF_ADDED));
	FUZZ_CHECK((change->path_after == NULL) == (change->kind == DIFF_REMOVED));
	if (change->path_before) {
		FUZZ_CHECK(json_pointer_find(before, slice_of(change->path_before), &found, NULL) == BURR_OK);
		FUZZ_CHECK(found.data == change->before.data && found.len == change->before.len);
	}
	if (change->path_after) {
		FUZZ_CHECK(json_pointer_find(after, slice_of(change->path_after), &found, NULL) == BURR_OK);
		FUZZ_CHECK(found.data == change->after.data && found.len == change->after.len);
	}
}

static void check_diff(struct slice before, struct slice after)
{
	struct kept_changes kept = {NULL, 0};
	struct diff_result result;
	struct diff_result few;
	struct diff_result back;
	struct diff_options options = {.max_changes = 1};
	bool has_nul = false;
	FUZZ_CHECK(diff_json(before, after, NULL, find_nul, &has_nul, &result) == BURR_OK);
	FUZZ_CHECK(result.told == result.added + result.changed + result.removed && !result.truncated);
	FUZZ_CHECK(diff_json(before, after, &options, NULL, NULL, &few) == BURR_OK);
	FUZZ_CHECK(few.told == (result.told > 0) && few.truncated == (result.told > 1));
	FUZZ_CHECK(few.added == result.added && few.removed == result.removed);
	FUZZ_CHECK(diff_json(after, before, NULL, NULL, NULL, &back) == BURR_OK);
	FUZZ_CHECK((back.told == 0) == (result.told == 0));
	options = (struct diff_options){.ignore_private = true};
	FUZZ_CHECK(diff_json(before, after, &options, NULL, NULL, &few) == BURR_OK);
	FUZZ_CHECK(few.told <= result.told);
	FUZZ_CHECK(diff_changed_keys(before, after, NULL, NULL, NULL, &few) == BURR_OK);
	FUZZ_CHECK(few.told <= result.told && (few.told == 0) == (result.told == 0));
	if (has_nul)
		return;
	struct buf applied = BUF_INIT;
	FUZZ_CHECK(diff_json(before, after, NULL, keep_change, &kept, &result) == BURR_OK);
	for (size_t i = 0; i < kept.count; i++)
		check_change(before, after, &kept.items[i]);
	testing_apply_all(before, &kept, &applied);
	FUZZ_CHECK(json_validate(buf_slice(&applied), NULL, NULL) == BURR_OK);
	/* By the slow way where its numbers are exact; a second comparison holds for all. */
	FUZZ_CHECK(diff_json(buf_slice(&applied), after, NULL, NULL, NULL, &back) == BURR_OK);
	FUZZ_CHECK(back.told == 0);
	FUZZ_CHECK(result.told || memchr(before.data, 'e', before.len) ||
		   memchr(before.data, 'E', before.len) || testing_same(before, after));
	buf_fini(&applied);
	kept_changes_fini(&kept);
}

static void check_cut(struct slice value, size_t max_bytes)
{
	struct buf out = BUF_INIT;
	bool left_out = json_put_cut(&out, value, max_bytes, SLICE_LIT("/p"));
	FUZZ_CHECK(left_out == testing_check_cut(value, buf_slice(&out), SLICE_LIT("/p")));
	size_t bound = max_bytes > CUT_MARKER_MAX + 2 ? max_bytes : CUT_MARKER_MAX + 2;
	FUZZ_CHECK(out.len <= 2 * bound);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	if (!nul)
		return 0;
	struct slice before = {(const char *)data, (size_t)(nul - data)};
	struct slice after = {(const char *)nul + 1, size - before.len - 1};
	struct slice found;
	struct diff_result result;
	burr_error err = BURR_ERROR_INIT;
	/* The second text as a pointer into the first one. */
	struct slice pointer = after;
	burr_status before_status = json_validate(before, &before, NULL);
	if (before_status == BURR_OK && json_pointer_find(before, pointer, &found, &err) != BURR_OK)
		FUZZ_CHECK(err.message[0]);
	if (json_validate(after, &after, NULL) == BURR_OK && before_status == BURR_OK) {
		check_diff(before, after);
		check_cut(before, after.len);
		check_cut(after, after.len / 2);
	} else if (diff_json(before, after, NULL, NULL, NULL, &result) == BURR_OK) {
		/* Damaged texts may be taken for whole ones, but are read within their bounds. */
		FUZZ_CHECK(!result.truncated);
	}
	return 0;
}
