/* fuzz/needle.c: a text to search for, a NUL, and where to search: hits are those of the slow way when that
 * is a JSON value, and within bounds whatever it is; each hit's context is JSON with the hit in it. */
#include "fuzz.h"

#include "query/needle.h"
#include "query/testing_needle.h"

static void check_context(struct slice query, struct slice value, size_t at, size_t len, size_t around)
{
	struct buf out = BUF_INIT;
	struct buf side = BUF_INIT;
	size_t hit_at = 0;
	size_t hit_len = 0;
	needle_put_context(&out, value, at, len, around);
	struct slice context;
	FUZZ_CHECK(json_validate(buf_slice(&out), &context, NULL) == BURR_OK);
	FUZZ_CHECK(json_to_text(json_find(context, "before"), &side) && side.len <= around);
	buf_clear(&side);
	FUZZ_CHECK(json_to_text(json_find(context, "after"), &side) && side.len <= around);
	struct slice hit = json_find(context, "hit");
	hit = (struct slice){hit.data + 1, hit.len - 2};
	FUZZ_CHECK(testing_find_needle(query, hit, 0, &hit_at, &hit_len));
	FUZZ_CHECK(hit_at == 0 && hit_len == hit.len);
	buf_fini(&side);
	buf_fini(&out);
}

static void check_hits(const struct needle *needle, struct slice query, struct slice haystack)
{
	struct slice value;
	bool is_json = json_validate(haystack, &value, NULL) == BURR_OK && value.len == haystack.len;
	size_t from = 0;
	for (size_t hits = 0;; hits++) {
		size_t at[3] = {0};
		size_t len[3] = {0};
		bool found = needle_find(needle, haystack, from, &at[0], &len[0]);
		FUZZ_CHECK(needle_find_scalar(needle, haystack, from, &at[1], &len[1]) == found);
		FUZZ_CHECK(at[0] == at[1] && len[0] == len[1]);
		if (is_json) {
			FUZZ_CHECK(testing_find_needle(query, haystack, from, &at[2], &len[2]) == found);
			FUZZ_CHECK(at[0] == at[2] && len[0] == len[2]);
		}
		if (!found)
			return;
		FUZZ_CHECK(at[0] >= from && len[0] && len[0] <= haystack.len - at[0]);
		/* Damaged text is read within its bounds. */
		struct buf out = BUF_INIT;
		needle_put_context(&out, haystack, at[0], len[0], query.len + hits);
		FUZZ_CHECK(json_validate(buf_slice(&out), NULL, NULL) == BURR_OK);
		buf_fini(&out);
		if (is_json)
			check_context(query, haystack, at[0], len[0], query.len + hits);
		from = at[0] + len[0];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	if (!nul)
		return 0;
	struct slice query = {(const char *)data, (size_t)(nul - data)};
	struct slice haystack = {(const char *)nul + 1, size - query.len - 1};
	struct needle needle;
	burr_error err = BURR_ERROR_INIT;
	if (needle_open(&needle, query, &err) != BURR_OK) {
		FUZZ_CHECK(err.code == BURR_EINVAL && err.message[0]);
		return 0;
	}
	check_hits(&needle, query, haystack);
	return 0;
}
