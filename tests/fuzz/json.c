/* fuzz/json.c: validator, walkers and writer agree with each other on any bytes. */
#include "fuzz.h"

#include "base/json.h"

/* Walk everything; the count keeps the compiler from leaving it out. */
static size_t walk(struct slice value, int depth)
{
	size_t count = 1;
	struct slice key;
	struct slice inner;
	struct json_iter it = json_iter(value);
	if (depth > JSON_MAX_DEPTH)
		return count;
	if (json_kind_of(value) == JSON_OBJECT)
		while (json_next_member(&it, &key, &inner))
			count += walk(inner, depth + 1) + json_key_is(key, SLICE_LIT("a"));
	else if (json_kind_of(value) == JSON_ARRAY)
		while (json_next_element(&it, &inner))
			count += walk(inner, depth + 1);
	return count;
}

static void check_valid(struct slice value)
{
	struct slice key;
	struct slice inner;
	struct buf text = BUF_INIT;
	struct json_iter it = json_iter(value);
	int64_t number;
	double real;
	FUZZ_CHECK(utf8_valid(value));
	if (json_kind_of(value) == JSON_OBJECT) {
		while (json_next_member(&it, &key, &inner))
			FUZZ_CHECK(json_validate(inner, NULL, NULL) == BURR_OK && json_unescape(key, &text));
		FUZZ_CHECK(!it.damaged);
	}
	if (json_kind_of(value) == JSON_STRING) {
		FUZZ_CHECK(json_to_text(value, &text));
		struct buf again = BUF_INIT;
		struct buf back = BUF_INIT;
		json_put_text(&again, buf_slice(&text));
		FUZZ_CHECK(json_validate(buf_slice(&again), NULL, NULL) == BURR_OK);
		FUZZ_CHECK(json_to_text(buf_slice(&again), &back));
		FUZZ_CHECK(slice_eq(buf_slice(&text), buf_slice(&back)));
		buf_fini(&again);
		buf_fini(&back);
	}
	json_to_int(value, &number);
	json_to_double(value, &real);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct slice value;
	burr_error err = BURR_ERROR_INIT;
	struct buf escaped = BUF_INIT;
	struct json_checked fast = {SLICE_NONE, false};
	struct json_checked slow = {SLICE_NONE, false};
	burr_error slow_err = BURR_ERROR_INIT;
	burr_status status = json_check(text, &fast, &err);
	FUZZ_CHECK(status == json_check_scalar(text, &slow, &slow_err));
	FUZZ_CHECK(strcmp(err.message, slow_err.message) == 0 && fast.has_breaks == slow.has_breaks);
	FUZZ_CHECK(fast.value.data == slow.value.data && fast.value.len == slow.value.len);
	err = (burr_error)BURR_ERROR_INIT;
	walk(text, 0);
	json_find_path(text, SLICE_LIT("a.0.b"));
	if (json_validate(text, &value, &err) == BURR_OK)
		check_valid(value);
	else
		FUZZ_CHECK(err.message[0]);
	json_put_text(&escaped, text);
	FUZZ_CHECK(json_validate(buf_slice(&escaped), NULL, NULL) == BURR_OK);
	buf_fini(&escaped);
	return 0;
}
