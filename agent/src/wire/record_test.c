/* What a record call writes into its lane, against protobuf-c and against the packer of wire/entry.c: every
 * type, every choice of optional fields, measured and written alike, and whole as a field of Request. */
#include "base/testing.h"

#include "burr/v1/record.pb-c.h"
#include "burr/v1/wire.pb-c.h"
#include "wire/limits.h"
#include "wire/message.h"
#include "wire/record.h"
#include "wire/testing_entry.h"

static const burr_via_rejected rejected[] = {
	{"a", "x > 1", "{\"x\":0}"}, {"b", NULL, NULL}, {NULL, NULL, "{}"}};
static const burr_via vias[] = {
	{"from", "x < 1", "{\"x\":0}", rejected, 3},
	{"from", NULL, NULL, NULL, 0},
	{NULL, "x", NULL, rejected + 1, 1},
};
static const char *const dependencies[] = {"0:0", "0:1", ""};
static const burr_tag tags[] = {{"unit", "s"}, {"empty", ""}};
static const int64_t sequence_ids[] = {0, 1, 127, 128, 300, INT64_C(1) << 40, INT64_MAX, -1};

enum { SEQUENCE_IDS = sizeof(sequence_ids) / sizeof(sequence_ids[0]), FLAGS = 64 };

/* Longer than a length of one byte, and of two, can say. */
static char medium[200];
static char large[70000];

static int make_texts(void **state)
{
	(void)state;
	memset(medium, 'm', sizeof(medium) - 1);
	memset(large, ' ', sizeof(large) - 1);
	memcpy(large, "{}", 2);
	return 0;
}

/* Writes into a room of the measured size exactly, so that a sanitizer sees one byte too many. */
static void write_record(const struct record *record, struct buf *out)
{
	const size_t len = record_measure(record);
	char *room = malloc(len);
	assert_non_null(room);
	assert_ptr_equal(record_write(room, record), room + len);
	buf_clear(out);
	buf_append(out, room, len);
	free(room);
}

/* Unpacked and packed again by protobuf-c it is the same bytes, as fields stand in the order of their
 * numbers. */
static void assert_packs_as_protobuf(const struct buf *record)
{
	struct buf bytes = BUF_INIT;
	entry_put_app(&bytes, "project", "app", "key", 0);
	entry_put_identity(&bytes, 3, UINT64_C(1) << 40, 12345678901);
	buf_append_slice(&bytes, buf_slice(record));
	Burr__V1__Entry *entry = burr__v1__entry__unpack(NULL, bytes.len, (const uint8_t *)bytes.data);
	assert_non_null(entry);
	const size_t len = burr__v1__entry__get_packed_size(entry);
	assert_int_equal(len, bytes.len);
	uint8_t *packed = malloc(len);
	assert_non_null(packed);
	burr__v1__entry__pack(entry, packed);
	assert_memory_equal(packed, bytes.data, len);
	free(packed);
	burr__v1__entry__free_unpacked(entry, NULL);
	buf_fini(&bytes);
}

static void check(const struct record *record, const struct buf *expected)
{
	struct buf bytes = BUF_INIT;
	write_record(record, &bytes);
	assert_int_equal(bytes.len, expected->len);
	assert_memory_equal(bytes.data, expected->data, bytes.len);
	assert_packs_as_protobuf(&bytes);
	buf_fini(&bytes);
}

static const char *text_if(unsigned flags, unsigned bit, const char *text)
{
	return flags & 1u << bit ? text : NULL;
}

static void begin_entries(const char *text)
{
	struct buf expected = BUF_INIT;
	for (size_t i = 0; i < SEQUENCE_IDS; i++) {
		for (unsigned flags = 0; flags < 8; flags++) {
			const char *inputs = text_if(flags, 0, text);
			const burr_via *via = flags >> 1 ? &vias[(flags >> 1) - 1] : NULL;
			const struct record record = {.type = RECORD_BEGIN_ENTRY,
				.sequence_id = sequence_ids[i],
				.action = SLICE_LIT("count"),
				.inputs = slice_of(inputs),
				.via = via};
			buf_clear(&expected);
			entry_put_begin_entry(&expected, sequence_ids[i], "count", inputs, via);
			check(&record, &expected);
		}
	}
	buf_fini(&expected);
}

static void end_entries(const char *text)
{
	struct buf expected = BUF_INIT;
	for (size_t i = 0; i < SEQUENCE_IDS; i++) {
		for (unsigned flags = 0; flags < 8; flags++) {
			const char *result = text_if(flags, 0, "{\"r\":1}");
			const char *exception = text_if(flags, 1, "");
			const char *state = flags & 4 ? text : "{}";
			const struct record record = {.type = RECORD_END_ENTRY,
				.sequence_id = sequence_ids[i],
				.action = SLICE_LIT("count"),
				.result = slice_of(result),
				.exception = slice_of(exception),
				.state = slice_of(state)};
			buf_clear(&expected);
			entry_put_end_entry(&expected, sequence_ids[i], "count", result, exception, state);
			check(&record, &expected);
		}
	}
	buf_fini(&expected);
}

static void steps(void **state)
{
	(void)state;
	begin_entries("{\"by\":1}");
	begin_entries("");
	begin_entries(medium);
	end_entries("{\"a\":1}");
	end_entries(medium);
	end_entries(large);
}

static void spans(void **state)
{
	(void)state;
	struct buf expected = BUF_INIT;
	for (size_t i = 0; i < SEQUENCE_IDS; i++) {
		for (unsigned flags = 0; flags < 8; flags++) {
			const char *parent = text_if(flags, 0, "3");
			const size_t count = flags >> 1;
			struct record record = {.type = RECORD_BEGIN_SPAN,
				.sequence_id = sequence_ids[i],
				.span_id = SLICE_LIT("3:0"),
				.span_name = slice_of(flags & 1 ? medium : ""),
				.parent_span_id = slice_of(parent),
				.dependencies = dependencies,
				.dependency_count = count};
			buf_clear(&expected);
			entry_put_begin_span(&expected, sequence_ids[i], "3:0", flags & 1 ? medium : "",
				parent, dependencies, count);
			check(&record, &expected);
		}
		const struct record end = {
			.type = RECORD_END_SPAN, .sequence_id = sequence_ids[i], .span_id = SLICE_LIT("3:0")};
		buf_clear(&expected);
		entry_put_end_span(&expected, sequence_ids[i], "3:0");
		check(&end, &expected);
	}
	buf_fini(&expected);
}

static void attributes(void **state)
{
	(void)state;
	static const char *const values[] = {"1", "", medium, large};
	struct buf expected = BUF_INIT;
	for (size_t i = 0; i < SEQUENCE_IDS; i++) {
		for (unsigned flags = 0; flags < 24; flags++) {
			const char *span_id = text_if(flags, 0, "3:0");
			const char *value = values[flags >> 1 & 3];
			const size_t count = flags >> 3;
			const struct record record = {.type = RECORD_ATTRIBUTE,
				.sequence_id = sequence_ids[i],
				.span_id = slice_of(span_id),
				.key = SLICE_LIT("key"),
				.value = slice_of(value),
				.tags = tags,
				.tag_count = count};
			buf_clear(&expected);
			entry_put_attribute(&expected, sequence_ids[i], span_id, "key", value, tags, count);
			check(&record, &expected);
		}
	}
	buf_fini(&expected);
}

static void streams(void **state)
{
	(void)state;
	struct buf expected = BUF_INIT;
	for (size_t i = 0; i < SEQUENCE_IDS; i++) {
		struct record record = {.type = RECORD_BEGIN_STREAM, .sequence_id = sequence_ids[i]};
		buf_clear(&expected);
		entry_put_begin_stream(&expected, sequence_ids[i]);
		check(&record, &expected);
		record.type = RECORD_FIRST_ITEM_STREAM;
		buf_clear(&expected);
		entry_put_first_item(&expected, sequence_ids[i]);
		check(&record, &expected);
		record.type = RECORD_END_STREAM;
		record.items_streamed = sequence_ids[SEQUENCE_IDS - 1 - i];
		buf_clear(&expected);
		entry_put_end_stream(&expected, sequence_ids[i], record.items_streamed);
		check(&record, &expected);
	}
	const struct record end = {.type = RECORD_END_APPLICATION};
	buf_clear(&expected);
	entry_put_end_application(&expected);
	check(&end, &expected);
	buf_fini(&expected);
}

static void applications(void **state)
{
	(void)state;
	static const burr_action_info actions[] = {
		{"count", "a b", "a", "by? step  limit?", "code\n\xc3\xa9"}, {"done", NULL, NULL, NULL, NULL},
		{"odd", "", " ,a,", "?", ""}};
	static const burr_transition_info transitions[] = {
		{"count", "count", "a < b"}, {"count", "done", NULL}};
	static const burr_pointer pointers[] = {
		{"parent", 7, "p"}, {"spawner", BURR_NO_SEQUENCE_ID, NULL}, {"p", 0, ""}};
	struct buf expected = BUF_INIT;
	for (unsigned flags = 0; flags < FLAGS; flags++) {
		for (size_t i = 0; i < 3; i++) {
			burr_app_info info = BURR_APP_INFO_INIT;
			info.entrypoint = text_if(flags, 0, "count");
			info.actions = actions;
			info.action_count = flags & 2 ? i + 1 : 0;
			info.transitions = transitions;
			info.transition_count = flags & 4 ? i : 0;
			info.parent = flags & 8 ? &pointers[i] : NULL;
			info.spawning_parent = flags & 16 ? &pointers[2 - i] : NULL;
			info.initial_state_json = text_if(flags, 5, i == 2 ? large : "{}");
			const struct record record = {.type = RECORD_APPLICATION, .info = &info};
			buf_clear(&expected);
			entry_put_application(&expected, &info);
			check(&record, &expected);
		}
	}
	buf_fini(&expected);
}

/* ---- the entry around it ---- */

static const struct record_identity identities[] = {
	{0, 1, 0},
	{33, 127, 1},
	{127, 128, UINT64_C(12345678901)},
	{128, UINT64_C(1) << 40, UINT64_MAX},
	{UINT32_MAX, UINT64_MAX, UINT64_C(0x0102030405060708)},
};

/* A whole field of Request: the head, the identity and the rest in one room of the measured size. */
static void write_entry(struct slice head, const struct record_identity *identity,
	const struct record *record, size_t side_len, struct buf *out)
{
	const size_t rest = side_len ? record_measure_side(side_len) : record_measure(record);
	const size_t len = record_measure_entry(head, identity, rest);
	char *room = malloc(len);
	assert_non_null(room);
	char *end = record_begin_entry(room, head, identity, rest);
	end = side_len ? record_write_side(end, side_len) : record_write(end, record);
	assert_ptr_equal(end, room + len);
	buf_append(out, room, len);
	free(room);
}

static void check_entry(const struct buf *field, const struct record_identity *identity,
	const char *partition_key, uint64_t log_start, size_t side_len)
{
	struct buf bytes = BUF_INIT;
	struct request request = {.protocol = PROTOCOL_VERSION, .writer = SLICE_LIT("0123456789abcdef")};
	struct slice entry_bytes;
	struct entry entry;
	request_put(&bytes, &request);
	buf_append_slice(&bytes, buf_slice(field));
	buf_append_slice(&bytes, buf_slice(field));

	Burr__V1__Request *other = burr__v1__request__unpack(NULL, bytes.len, (const uint8_t *)bytes.data);
	assert_non_null(other);
	assert_int_equal(other->n_entries, 2);
	const Burr__V1__Entry *first = other->entries[0];
	assert_string_equal(first->project, "project");
	assert_string_equal(first->app_id, "app");
	assert_true(first->lane == identity->lane && first->n == identity->n &&
		    first->time_ns == identity->time_ns);
	assert_int_equal(first->has_log_start, log_start != 0);
	assert_true(!log_start || first->log_start == log_start);
	assert_true(side_len ? first->has_side_len && first->side_len == side_len
			     : first->record_case == BURR__V1__ENTRY__RECORD_END_STREAM);
	burr__v1__request__free_unpacked(other, NULL);

	assert_int_equal(request_read(buf_slice(&bytes), &request, NULL), BURR_OK);
	assert_int_equal(request.entry_count, 2);
	struct pb_reader r = pb_reader(request.bytes);
	while (request_next_entry(&r, &entry_bytes)) {
		assert_int_equal(entry_read(entry_bytes, &entry, NULL), BURR_OK);
		assert_true(entry.lane == identity->lane && entry.n == identity->n &&
			    entry.time_ns == identity->time_ns);
		assert_true(entry.log_start == log_start && entry.side_len == side_len);
		assert_true(slice_eq(entry.partition_key, slice_of(partition_key)));
		assert_int_equal(entry.type, side_len ? RECORD_NONE : RECORD_END_STREAM);
	}
	buf_fini(&bytes);
}

static void entries_are_fields_of_a_request(void **state)
{
	(void)state;
	static const size_t side_lens[] = {0, 1, 127, 128, RECORD_BYTES_MAX, SIZE_MAX};
	const struct record record = {.type = RECORD_END_STREAM, .sequence_id = 3, .items_streamed = 1000};
	for (unsigned flags = 0; flags < 4; flags++) {
		const char *partition_key = text_if(flags, 0, "key");
		const uint64_t log_start = flags & 2 ? UINT64_C(1) << 33 : 0;
		struct buf head = BUF_INIT;
		record_put_app(
			&head, "project", "app", partition_key, log_start, UINT64_C(0x1122334455667788));
		for (size_t i = 0; i < sizeof(identities) / sizeof(identities[0]); i++) {
			for (size_t j = 0; j < sizeof(side_lens) / sizeof(side_lens[0]); j++) {
				struct buf field = BUF_INIT;
				assert_true(record_measure_side(side_lens[j]) <= RECORD_SIDE_MAX);
				write_entry(buf_slice(&head), &identities[i], &record, side_lens[j], &field);
				check_entry(&field, &identities[i], partition_key, log_start, side_lens[j]);
				buf_fini(&field);
			}
		}
		buf_fini(&head);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps),
		cmocka_unit_test(spans),
		cmocka_unit_test(attributes),
		cmocka_unit_test(streams),
		cmocka_unit_test(applications),
		cmocka_unit_test(entries_are_fields_of_a_request),
	};
	return cmocka_run_group_tests_name("record", tests, make_texts, NULL);
}
