/* query/testing_cut.h: a reader of cut values, as the UI is one, that holds each against the whole value. For
 * the tests and the fuzzer; what does not hold ends the program. */
#ifndef QUERY_TESTING_CUT_H
#define QUERY_TESTING_CUT_H

#include "base/json.h"
#include "query/json_pointer.h"

#include <stdio.h>
#include <stdlib.h>

#define CUT_CHECK(holds)                                                                           \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds); \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct cut_reader {
	struct buf path; /* of the value at hand */
	bool left_out;
};

static inline void testing_check_value(struct cut_reader *reader, struct slice value, struct slice shown);

/* The first entries of value are those of head, all of them when it is not cut. */
static inline void testing_check_entries(struct cut_reader *reader, struct slice value, struct slice head,
	size_t *out_count, size_t *out_shown)
{
	struct slice key;
	struct slice inner;
	struct slice head_key;
	struct slice head_inner;
	struct json_iter it = json_iter(value);
	struct json_iter head_it = json_iter(head);
	bool object = json_kind_of(value) == JSON_OBJECT;
	bool more = true;
	*out_count = *out_shown = 0;
	CUT_CHECK(json_kind_of(head) == json_kind_of(value));
	while (object ? json_next_member(&it, &key, &inner) : json_next_element(&it, &inner)) {
		size_t index = (*out_count)++;
		size_t path_len = reader->path.len;
		more = more && (object ? json_next_member(&head_it, &head_key, &head_inner)
				       : json_next_element(&head_it, &head_inner));
		if (!more)
			continue;
		++*out_shown;
		if (object) {
			struct buf name = BUF_INIT;
			CUT_CHECK(slice_eq(key, head_key) && json_unescape(key, &name));
			json_pointer_put_key(&reader->path, buf_slice(&name));
			buf_fini(&name);
		} else {
			json_pointer_put_index(&reader->path, index);
		}
		testing_check_value(reader, inner, head_inner);
		reader->path.len = path_len;
	}
	CUT_CHECK(object ? !json_next_member(&head_it, &head_key, &head_inner)
			 : !json_next_element(&head_it, &head_inner));
}

static inline void testing_check_marker(struct cut_reader *reader, struct slice value, struct slice shown)
{
	struct slice kind = json_find(shown, "$cut");
	struct slice head = json_find(shown, "head");
	bool container = json_kind_of(value) == JSON_OBJECT || json_kind_of(value) == JSON_ARRAY;
	size_t count;
	size_t head_count;
	int64_t number;
	if (slice_is(kind, "\"none\"")) {
		CUT_CHECK(json_kind_of(value) == JSON_OBJECT && json_find(value, "$cut").data);
		testing_check_entries(reader, value, head, &count, &head_count);
		CUT_CHECK(count == head_count);
		return;
	}
	reader->left_out = true;
	CUT_CHECK(json_to_int(json_find(shown, "bytes"), &number) && (size_t)number == value.len);
	CUT_CHECK(json_text_is(json_find(shown, "pointer"), buf_slice(&reader->path)));
	if (container) {
		CUT_CHECK(slice_is(kind, json_kind_of(value) == JSON_OBJECT ? "\"object\"" : "\"array\""));
		testing_check_entries(reader, value, head, &count, &head_count);
		CUT_CHECK(head_count < count);
		CUT_CHECK(json_to_int(json_find(shown, "count"), &number) && (size_t)number == count);
		CUT_CHECK(json_to_int(json_find(shown, "shown"), &number) && (size_t)number == head_count);
		return;
	}
	struct slice text = {head.data + 1, head.len - 2};
	bool string = json_kind_of(value) == JSON_STRING;
	CUT_CHECK(slice_is(kind, string ? "\"string\"" : "\"number\"") && json_kind_of(head) == JSON_STRING);
	CUT_CHECK(text.len < value.len && memcmp(text.data, value.data + string, text.len) == 0);
}

static inline void testing_check_value(struct cut_reader *reader, struct slice value, struct slice shown)
{
	size_t count;
	size_t head_count;
	if (json_kind_of(shown) == JSON_OBJECT && json_find(shown, "$cut").data) {
		testing_check_marker(reader, value, shown);
	} else if (json_kind_of(shown) == JSON_OBJECT || json_kind_of(shown) == JSON_ARRAY) {
		testing_check_entries(reader, value, shown, &count, &head_count);
		CUT_CHECK(count == head_count);
	} else {
		CUT_CHECK(slice_eq(value, shown));
	}
}

/* Whether anything is left out. */
static inline bool testing_check_cut(struct slice value, struct slice shown, struct slice prefix)
{
	struct cut_reader reader = {.path = BUF_INIT};
	CUT_CHECK(json_validate(shown, NULL, NULL) == BURR_OK);
	buf_append_slice(&reader.path, prefix);
	testing_check_value(&reader, value, shown);
	buf_fini(&reader.path);
	return reader.left_out;
}

#endif
