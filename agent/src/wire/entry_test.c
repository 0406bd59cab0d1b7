/* The hand packer and reader against protobuf-c: every record both ways, every message both ways, damage. */
#include "base/testing.h"

#include "base/json.h"
#include "burr/v1/record.pb-c.h"
#include "burr/v1/wire.pb-c.h"
#include "wire/limits.h"
#include "wire/message.h"
#include "wire/testing_entry.h"

static const burr_via_rejected rejected[] = {{"a", "x > 1", "{\"x\":0}"}, {"b", NULL, NULL}};
static const burr_via via = {"from", "x < 1", "{\"x\":0}", rejected, 2};
static const char *const dependencies[] = {"0:0", "0:1"};
static const burr_tag tags[] = {{"unit", "s"}, {"empty", ""}};

static void put_all(struct buf *out, enum record_type type)
{
	static const burr_action_info actions[] = {
		{"count", "a b", "a", "by? step limit?", "code\n\xc3\xa9"}, {"done", NULL, NULL, NULL, NULL}};
	static const burr_transition_info transitions[] = {
		{"count", "count", "a < b"}, {"count", "done", NULL}};
	static const burr_pointer parent = {"parent", 7, "p"};
	static const burr_pointer spawner = {"spawner", BURR_NO_SEQUENCE_ID, NULL};
	burr_app_info info = BURR_APP_INFO_INIT;
	info.entrypoint = "count";
	info.actions = actions;
	info.action_count = 2;
	info.transitions = transitions;
	info.transition_count = 2;
	info.parent = &parent;
	info.spawning_parent = &spawner;
	info.initial_state_json = "{}";
	switch (type) {
	case RECORD_APPLICATION:
		entry_put_application(out, &info);
		break;
	case RECORD_BEGIN_ENTRY:
		entry_put_begin_entry(out, 300, "count", "{\"by\":1}", &via);
		break;
	case RECORD_END_ENTRY:
		entry_put_end_entry(out, 300, "count", NULL, "boom", "{\"a\":1}");
		break;
	case RECORD_BEGIN_SPAN:
		entry_put_begin_span(out, 3, "3:0", "name", NULL, dependencies, 2);
		break;
	case RECORD_END_SPAN:
		entry_put_end_span(out, 3, "3:0");
		break;
	case RECORD_ATTRIBUTE:
		entry_put_attribute(out, 3, "3:0", "key", "[1]", tags, 2);
		break;
	case RECORD_BEGIN_STREAM:
		entry_put_begin_stream(out, 3);
		break;
	case RECORD_FIRST_ITEM_STREAM:
		entry_put_first_item(out, 3);
		break;
	case RECORD_END_STREAM:
		entry_put_end_stream(out, 3, 1000);
		break;
	default:
		entry_put_end_application(out);
		break;
	}
}

/* A large record, so that lengths need more than one byte. */
static void put_large(struct buf *out)
{
	char state[70000];
	memset(state, ' ', sizeof(state));
	memcpy(state, "{}", 2);
	state[sizeof(state) - 1] = '\0';
	entry_put_end_entry(out, INT64_MAX, "count", "{}", NULL, state);
}

static Burr__V1__Entry *unpack(const struct buf *bytes)
{
	return burr__v1__entry__unpack(NULL, bytes->len, (const uint8_t *)bytes->data);
}

/* protobuf-c reads ours and writes the same fields; ours, sorted as it sorts them, are the same bytes. */
static void same_bytes(const struct buf *bytes)
{
	Burr__V1__Entry *entry = unpack(bytes);
	assert_non_null(entry);
	assert_string_equal(entry->project, "project");
	assert_int_equal(entry->n, UINT64_C(1) << 40);
	assert_true(entry->time_ns == 12345678901);
	size_t len = burr__v1__entry__get_packed_size(entry);
	assert_int_equal(len, bytes->len);
	uint8_t *packed = malloc(len);
	burr__v1__entry__pack(entry, packed);
	assert_memory_equal(packed, bytes->data, len);
	free(packed);
	burr__v1__entry__free_unpacked(entry, NULL);
}

static void put_entry_head(struct buf *out, uint64_t log_start)
{
	entry_put_app(out, "project", "app", "key", 0);
	entry_put_identity(out, 3, UINT64_C(1) << 40, 12345678901);
	if (log_start)
		pb_put_uint(out, 7, log_start);
}

static void packs_as_protobuf(void **state)
{
	(void)state;
	for (int type = RECORD_APPLICATION; type <= RECORD_END_APPLICATION; type++) {
		struct buf bytes = BUF_INIT;
		put_entry_head(&bytes, 500);
		put_all(&bytes, (enum record_type)type);
		same_bytes(&bytes);
		struct entry entry;
		assert_int_equal(entry_read(buf_slice(&bytes), &entry, NULL), BURR_OK);
		assert_int_equal(entry.type, type);
		assert_int_equal(entry.lane, 3);
		assert_true(entry.n == UINT64_C(1) << 40 && entry.time_ns == 12345678901);
		assert_int_equal(entry.log_start, 500);
		assert_true(slice_is(entry.app_id, "app") && slice_is(entry.partition_key, "key"));
		buf_fini(&bytes);
	}
	struct buf bytes = BUF_INIT;
	put_entry_head(&bytes, 0);
	put_large(&bytes);
	same_bytes(&bytes);
	buf_fini(&bytes);
}

/* An entry whose record lies in a side file, and the file's content, which is what the entry would have held.
 */
static void side_files_both_ways(void **state)
{
	(void)state;
	struct buf bytes = BUF_INIT;
	struct buf record = BUF_INIT;
	struct entry entry;
	put_entry_head(&bytes, 500);
	entry_put_side(&bytes, UINT64_C(1) << 20);
	same_bytes(&bytes);
	assert_int_equal(entry_read(buf_slice(&bytes), &entry, NULL), BURR_OK);
	assert_true(entry.side_len == UINT64_C(1) << 20 && entry.type == RECORD_NONE);
	for (int type = RECORD_APPLICATION; type <= RECORD_END_APPLICATION; type++) {
		buf_clear(&record);
		put_all(&record, (enum record_type)type);
		assert_int_equal(entry_read_side(buf_slice(&record), &entry, NULL), BURR_OK);
		assert_int_equal(entry.type, type);
		struct slice more = {record.data, record.len - 1};
		assert_int_equal(entry_read_side(more, &entry, NULL), BURR_ECORRUPT);
		put_all(&record, (enum record_type)type);
		assert_int_equal(entry_read_side(buf_slice(&record), &entry, NULL), BURR_ECORRUPT);
	}
	assert_int_equal(entry_read_side(SLICE_LIT(""), &entry, NULL), BURR_ECORRUPT);
	assert_int_equal(entry_read_side(SLICE_LIT("\x08\x01"), &entry, NULL), BURR_ECORRUPT);
	put_all(&bytes, RECORD_END_STREAM); /* one or the other */
	assert_int_equal(entry_read(buf_slice(&bytes), &entry, NULL), BURR_ECORRUPT);
	buf_fini(&bytes);
	buf_fini(&record);
}

static void values_survive(void **state)
{
	(void)state;
	struct buf bytes = BUF_INIT;
	put_entry_head(&bytes, 0);
	put_all(&bytes, RECORD_APPLICATION);
	Burr__V1__Entry *entry = unpack(&bytes);
	assert_non_null(entry);
	Burr__V1__Application *app = entry->application;
	assert_int_equal(app->n_actions, 2);
	assert_int_equal(app->actions[0]->n_reads, 2);
	assert_string_equal(app->actions[0]->reads[1], "b");
	assert_int_equal(app->actions[0]->n_inputs, 1);
	assert_string_equal(app->actions[0]->inputs[0], "step");
	assert_int_equal(app->actions[0]->n_optional_inputs, 2);
	assert_string_equal(app->actions[0]->optional_inputs[1], "limit");
	assert_string_equal(app->transitions[1]->condition, "default");
	assert_true(app->parent_pointer->has_sequence_id);
	assert_false(app->spawning_parent_pointer->has_sequence_id);
	burr__v1__entry__free_unpacked(entry, NULL);
	buf_fini(&bytes);
}

/* Every prefix and every single flipped bit: never a read past the end (the sanitizers look), and a prefix
 * that cuts a field is refused. */
static void damage_is_refused_or_read(void **state)
{
	(void)state;
	struct buf bytes = BUF_INIT;
	struct entry entry;
	put_entry_head(&bytes, 0);
	put_all(&bytes, RECORD_BEGIN_ENTRY);
	for (size_t len = 0; len < bytes.len; len++) {
		char *copy = malloc(len ? len : 1);
		memcpy(copy, bytes.data, len);
		burr_status status = entry_read((struct slice){copy, len}, &entry, NULL);
		assert_true(status == BURR_ECORRUPT || entry.type == RECORD_NONE);
		free(copy);
	}
	size_t refused = 0;
	for (size_t bit = 0; bit < bytes.len * 8; bit++) {
		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
		refused += entry_read(buf_slice(&bytes), &entry, NULL) != BURR_OK;
		bytes.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_true(refused > 0);
	buf_fini(&bytes);
}

static void request_both_ways(void **state)
{
	(void)state;
	struct buf bytes = BUF_INIT;
	struct buf entry = BUF_INIT;
	put_entry_head(&entry, 0);
	put_all(&entry, RECORD_END_STREAM);
	struct request request = {
		.protocol = 1,
		.protocol_min = 1,
		.writer = SLICE_LIT("0123456789abcdef"),
		.has_about = true,
		.about = {SLICE_LIT("host"), 42, SLICE_LIT("prog"), SLICE_LIT("0.1.0")},
		.clock_offset_ns = -5,
		.dropped_count = 9,
		.has_find_step = true,
		.find_step = {SLICE_LIT("p"), SLICE_LIT("a"), -2},
		.take_in = true,
	};
	request_put(&bytes, &request);
	for (int i = 0; i < 2; i++) {
		request_put_entry_head(&bytes, entry.len);
		buf_append_slice(&bytes, buf_slice(&entry));
	}
	Burr__V1__Request *other = burr__v1__request__unpack(NULL, bytes.len, (const uint8_t *)bytes.data);
	assert_non_null(other);
	assert_int_equal(other->n_entries, 2);
	assert_true(other->clock_offset_ns == -5 && other->about->pid == 42);
	assert_true(other->find_step->sequence_id == -2 && other->take_in);
	size_t len = burr__v1__request__get_packed_size(other);
	assert_int_equal(len, bytes.len);
	uint8_t *packed = malloc(len);
	burr__v1__request__pack(other, packed);
	assert_memory_equal(packed, bytes.data, len);
	free(packed);
	burr__v1__request__free_unpacked(other, NULL);

	struct request back;
	assert_int_equal(request_read(buf_slice(&bytes), &back, NULL), BURR_OK);
	assert_int_equal(back.entry_count, 2);
	assert_true(back.clock_offset_ns == -5 && back.dropped_count == 9 && back.about.pid == 42);
	assert_true(back.find_step.sequence_id == -2 && back.take_in && slice_is(back.about.program, "prog"));
	buf_fini(&bytes);
	buf_fini(&entry);
}

static void bad_requests_are_refused(void **state)
{
	(void)state;
	struct buf bytes = BUF_INIT;
	struct request request = {.protocol = 1, .writer = SLICE_LIT("not hexadecimal!")};
	request_put(&bytes, &request);
	assert_int_equal(request_read(buf_slice(&bytes), &request, NULL), BURR_ECORRUPT);
	buf_clear(&bytes);
	request = (struct request){.protocol = 1};
	request_put(&bytes, &request);
	request_put_entry_head(&bytes, 0);
	assert_int_equal(request_read(buf_slice(&bytes), &request, NULL), BURR_ECORRUPT);
	assert_int_equal(request_read(SLICE_LIT("\xff\xff\xff"), &request, NULL), BURR_ECORRUPT);
	assert_int_equal(request_read(SLICE_LIT(""), &request, NULL), BURR_ECORRUPT);
	buf_fini(&bytes);
}

static void reply_both_ways(void **state)
{
	(void)state;
	struct buf bytes = BUF_INIT;
	struct reply reply = {
		.protocol = 1,
		.status = REPLY_OK,
		.message = SLICE_LIT("m"),
		.has_collector = true,
		.version = SLICE_LIT("0.1.0"),
		.url = SLICE_LIT("http://127.0.0.1:7241"),
		.pid = 77,
		.invalid_count = 3,
		.invalid_text = SLICE_LIT("state"),
		.lost_count = 300,
		.lost_text = SLICE_LIT("side file"),
		.has_step_place = true,
		.step_found = true,
		.step_offset = UINT64_C(1) << 33,
		.step_len = 100,
	};
	struct verdict done = {SLICE_LIT("p"), SLICE_LIT("a"), VERDICT_DONE, BURR_OK, SLICE_NONE};
	struct verdict never = {SLICE_LIT("p"), SLICE_LIT("b"), VERDICT_NEVER, BURR_EEXIST, SLICE_LIT("why")};
	reply_put(&bytes, &reply);
	reply_put_verdict(&bytes, &done);
	reply_put_verdict(&bytes, &never);

	Burr__V1__Reply *other = burr__v1__reply__unpack(NULL, bytes.len, (const uint8_t *)bytes.data);
	assert_non_null(other);
	assert_int_equal(other->n_verdicts, 2);
	assert_int_equal(other->verdicts[1]->code, BURR_EEXIST);
	assert_int_equal(other->verdicts[1]->kind, BURR__V1__VERDICT__KIND__NEVER);
	assert_true(other->step_place->offset == UINT64_C(1) << 33);
	assert_string_equal(other->collector->url, "http://127.0.0.1:7241");
	assert_true(other->lost_count == 300 && strcmp(other->lost_text, "side file") == 0);
	burr__v1__reply__free_unpacked(other, NULL);

	struct reply back;
	struct verdict verdict;
	assert_int_equal(reply_read(buf_slice(&bytes), &back, NULL), BURR_OK);
	assert_true(back.step_found && back.step_offset == UINT64_C(1) << 33 && back.pid == 77);
	assert_int_equal(back.invalid_count, 3);
	assert_true(back.lost_count == 300 && slice_is(back.lost_text, "side file"));
	struct pb_reader r = pb_reader(buf_slice(&bytes));
	assert_true(reply_next_verdict(&r, &verdict) && verdict.kind == VERDICT_DONE);
	assert_true(reply_next_verdict(&r, &verdict));
	assert_true(verdict.code == BURR_EEXIST && slice_is(verdict.reason, "why"));
	assert_false(reply_next_verdict(&r, &verdict));
	buf_fini(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs_as_protobuf),
		cmocka_unit_test(side_files_both_ways),
		cmocka_unit_test(values_survive),
		cmocka_unit_test(damage_is_refused_or_read),
		cmocka_unit_test(request_both_ways),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(reply_both_ways),
	};
	return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
