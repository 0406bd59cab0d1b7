/* Blocks of attempts and parts as bytes: whatever is in them comes back, and what is none is refused. */
#include "catalog/step.h"

#include "base/testing.h"

#include <stdlib.h>

static uint64_t seed = 1;

static uint64_t next(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 11;
}

/* Small numbers mostly, and now and then any. */
static uint64_t some(uint64_t below)
{
	return next() % 16 ? next() % below : next() << 11 | next();
}

static struct step any_step(void)
{
	struct step step = {
		.at = some(100000),
		.begin_len = (uint32_t)some(500),
		.end_len = (uint32_t)some(500),
		.seq = (int64_t)some(1000),
		.action = (int64_t)some(20),
		.via = (int64_t)some(20),
		.keys = (int64_t)some(20),
		.nth = (uint32_t)some(3),
		.part_count = (uint32_t)some(9),
		.flags = (int)(next() % 64),
	};
	step.end_at = step.end_len ? some(100000) : 0;
	step.start_us = step.flags & STEP_HAS_START ? (int64_t)some(1u << 30) : 0;
	step.end_us = step.flags & STEP_HAS_END ? (int64_t)some(1u << 30) : 0;
	return step;
}

static void assert_same(const struct step *a, const struct step *b)
{
	assert_true(a->at == b->at && a->begin_len == b->begin_len);
	assert_true(a->end_at == b->end_at && a->end_len == b->end_len);
	assert_true(a->seq == b->seq && a->action == b->action && a->via == b->via && a->keys == b->keys);
	assert_true(a->start_us == b->start_us && a->end_us == b->end_us);
	assert_true(a->nth == b->nth && a->part_count == b->part_count && a->flags == b->flags);
}

static void steps_come_back(void **state)
{
	(void)state;
	struct buf bytes = BUF_INIT;
	struct step steps[BLOCK_STEPS];
	struct step back[BLOCK_STEPS + 1];
	for (int round = 0; round < 300; round++) {
		size_t count = next() % (BLOCK_STEPS + 1);
		for (size_t i = 0; i < count; i++)
			steps[i] = any_step();
		buf_clear(&bytes);
		steps_encode(steps, count, &bytes);
		assert_true(steps_decode(buf_slice(&bytes), count, back));
		for (size_t i = 0; i < count; i++)
			assert_same(&steps[i], &back[i]);
		assert_false(steps_decode(buf_slice(&bytes), count + 1, back));
		if (count)
			assert_false(steps_decode(buf_slice(&bytes), count - 1, back));
	}
	buf_fini(&bytes);
}

/* A plain run's steps, 12 to 20 bytes each: what a catalog of millions of them weighs. */
static void a_plain_step_is_small(void **state)
{
	(void)state;
	struct buf bytes = BUF_INIT;
	struct step steps[BLOCK_STEPS];
	for (int i = 0; i < BLOCK_STEPS; i++)
		steps[i] = (struct step){.at = 700000 + (uint64_t)i * 700,
			.begin_len = 150,
			.end_at = 700151 + (uint64_t)i * 700,
			.end_len = 548,
			.seq = 1000 + i,
			.action = 3,
			.keys = 7,
			.start_us = 1767225600000000 + i * 1500,
			.end_us = 1767225600001000 + i * 1500,
			.nth = 1,
			.flags = STEP_HAS_START | STEP_START_ZONED | STEP_HAS_END | STEP_END_ZONED};
	steps_encode(steps, BLOCK_STEPS, &bytes);
	assert_in_range(bytes.len / BLOCK_STEPS, 12, 20);
	buf_fini(&bytes);
}

static void parts_come_back(void **state)
{
	(void)state;
	struct buf bytes = BUF_INIT;
	struct part parts[BLOCK_PARTS];
	struct part back[BLOCK_PARTS];
	size_t count = 0;
	for (int round = 0; round < 100; round++) {
		size_t want = next() % (BLOCK_PARTS + 1);
		for (size_t i = 0; i < want; i++)
			parts[i] = (struct part){
				some(100000), (uint32_t)some(400), (int)(next() % 10), (int64_t)some(50) - 1};
		buf_clear(&bytes);
		parts_encode(parts, want, &bytes);
		assert_true(parts_decode(buf_slice(&bytes), back, &count));
		assert_int_equal(count, want);
		for (size_t i = 0; i < want; i++)
			assert_true(parts[i].at == back[i].at && parts[i].len == back[i].len &&
				    parts[i].type == back[i].type && parts[i].step == back[i].step);
	}
	buf_fini(&bytes);
}

/* Any bytes: an answer, and nothing read or written beside them. */
static void junk_is_refused_or_read(void **state)
{
	(void)state;
	struct step steps[BLOCK_STEPS];
	struct part parts[BLOCK_PARTS];
	size_t refused = 0;
	size_t count;
	for (int round = 0; round < 20000; round++) {
		size_t len = next() % 60;
		char *junk = malloc(len + 1); /* of just that size, for the address sanitizer */
		assert_non_null(junk);
		for (size_t i = 0; i < len; i++)
			junk[i] = (char)next();
		refused += !steps_decode((struct slice){junk, len}, next() % 4, steps);
		refused += !parts_decode((struct slice){junk, len}, parts, &count);
		free(junk);
	}
	assert_in_range(refused, 10000, 39999);
	count = 0;
	char many[BLOCK_PARTS * 4 + 4] = {0}; /* one part more than a block holds */
	assert_false(parts_decode((struct slice){many, sizeof(many)}, parts, &count));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_come_back),
		cmocka_unit_test(a_plain_step_is_small),
		cmocka_unit_test(parts_come_back),
		cmocka_unit_test(junk_is_refused_or_read),
	};
	return cmocka_run_group_tests_name("step", tests, NULL, NULL);
}
