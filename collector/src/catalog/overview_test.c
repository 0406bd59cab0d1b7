/* The overview by blocks, held against one that looks at each step. */
#include "catalog/testing.h"

#include "base/clean.h"
#include "base/clock.h"
#include "catalog/overview.h"

enum { STEPS = 3000, BUCKETS = 40 };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *folder = NULL;
	if (!f || testing_make_folder(&folder) < 0)
		return -1;
	f->folder = folder;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	void *folder = f->folder;
	fixture_close(f);
	free(f);
	return testing_remove_folder(&folder);
}

/* ---- stores ---- */

struct kind {
	const char *app_id;
	bool mixed;   /* some times name no zone */
	bool untimed; /* some steps have no time */
	bool back;    /* the clock is set back in the middle */
};

static void put_time(struct buf *out, const char *key, int ms, bool zoned)
{
	buf_printf(out, "\"%s\":\"2026-01-01T%02d:%02d:%02d.%03d000%s\",", key, ms / 3600000, ms / 60000 % 60,
		ms / 1000 % 60, ms % 1000, zoned ? "Z" : "");
}

static void put_log(struct buf *out, const struct kind *kind)
{
	for (int i = 0; i < STEPS; i++) {
		bool timed = !kind->untimed || i % 500 != 499;
		bool zoned = !kind->mixed || i % 700;
		int ms = (kind->back && i > STEPS / 2 ? i - STEPS / 4 : i) * 1000 + i * i % 777;
		buf_append_str(out, "{\"type\":\"begin_entry\",");
		if (timed)
			put_time(out, "start_time", ms, zoned);
		buf_printf(out, "\"action\":\"a\",\"inputs\":{},\"sequence_id\":%d}\n", i);
		if (i % 91 == 90)
			continue;
		buf_append_str(out, "{\"type\":\"end_entry\",");
		if (timed)
			put_time(out, "end_time", ms + i % 1500, zoned);
		buf_printf(out,
			"\"action\":\"a\",\"result\":null,\"exception\":%s,\"state\":{},\"sequence_id\":%d}"
			"\n",
			i % 37 ? "null" : "\"no\"", i);
	}
}

/* ---- step by step ---- */

struct plain {
	const struct catalog_app *app;
	struct bucket buckets[BUCKETS];
	int64_t from_us, width_us;
};

static bool add_plain(int64_t number, const struct step *step, void *ctx)
{
	struct plain *plain = ctx;
	int64_t offset_us = plain->app->zone_offset_s * 1000000;
	if (!(step->flags & STEP_HAS_START))
		return true;
	int64_t start = step->start_us - (step->flags & STEP_START_ZONED ? 0 : offset_us);
	int64_t end = step->end_us - (step->flags & STEP_END_ZONED ? 0 : offset_us);
	int64_t took = step->flags & STEP_HAS_END ? end - start : 0;
	int64_t at = (start - plain->from_us) / plain->width_us;
	struct bucket *bucket = &plain->buckets[at < 0 ? 0 : at < BUCKETS ? at : BUCKETS - 1];
	bucket->first = bucket->count++ ? bucket->first : number;
	bucket->failed += step->flags & STEP_FAILED ? 1 : 0;
	bucket->open += step->end_len ? 0 : 1;
	bucket->busy_us += took;
	bucket->longest_us = took > bucket->longest_us ? took : bucket->longest_us;
	return true;
}

static void keep_app(const struct catalog_app *app, void *ctx)
{
	*(struct catalog_app *)ctx = *app;
}

static struct catalog_app find(struct fixture *f, const char *app_id)
{
	struct catalog_app app;
	burr_error err = BURR_ERROR_INIT;
	if (catalog_find_app(f->reader, SLICE_LIT("p"), slice_of(app_id), keep_app, &app, &err) != BURR_OK)
		fail_msg("%s", err.message);
	return app;
}

/* All of it, as often as its time is over. */
static int take_overview(
	struct fixture *f, const struct catalog_app *app, int64_t deadline_ns, struct overview *out)
{
	struct overview_request request = {.app = app, .deadline_ns = deadline_ns};
	int64_t next = 0;
	int asked = 0;
	for (; next >= 0; asked++) {
		request.from = next;
		assert_int_equal(catalog_overview(f->reader, &request, out, &next, NULL), BURR_OK);
		assert_true(next < 0 || next > request.from);
	}
	return asked;
}

static void compare(struct fixture *f, const char *app_id, int64_t width_us)
{
	struct catalog_app app = find(f, app_id);
	struct bucket buckets[BUCKETS] = {{0}};
	struct bucket cut[BUCKETS] = {{0}};
	struct plain plain = {.app = &app, .from_us = app.first_us, .width_us = width_us};
	struct overview overview = {app.first_us, width_us, BUCKETS, buckets};
	struct steps_request all = {.app = app.id, .end = INT64_MAX};
	assert_int_equal(catalog_list_bare_steps(f->reader, &all, add_plain, &plain, NULL), BURR_OK);
	assert_int_equal(take_overview(f, &app, clock_mono_ns() + INT64_C(60000000000), &overview), 1);
	overview.buckets = cut;
	assert_true(take_overview(f, &app, 0, &overview) > STEPS / 200);
	for (int i = 0; i < BUCKETS; i++) {
		if (!plain.buckets[i].count)
			plain.buckets[i].first = buckets[i].first;
		if (memcmp(&buckets[i], &plain.buckets[i], sizeof(*buckets)) != 0 ||
			memcmp(&cut[i], &buckets[i], sizeof(*buckets)) != 0)
			fail_msg("%s, width %lld: bucket %d has %lld steps, not %lld", app_id,
				(long long)width_us, i, (long long)buckets[i].count,
				(long long)plain.buckets[i].count);
	}
}

static void blocks_say_what_their_steps_do(void **state)
{
	static const struct kind kinds[] = {
		{"plain", false, false, false},
		{"mixed", true, false, false},
		{"untimed", false, true, false},
		{"back", false, false, true},
		{"all", true, true, true},
	};
	static const int64_t widths_us[] = {1, 7000000, 90000000, 1000000000};
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		CLEAN(buf_fini) struct buf log = BUF_INIT;
		put_log(&log, &kinds[i]);
		testing_make_app(f->folder, "p", kinds[i].app_id, log.data);
	}
	fixture_open(f);
	fixture_update(f);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		for (size_t j = 0; j < sizeof(widths_us) / sizeof(*widths_us); j++)
			compare(f, kinds[i].app_id, widths_us[j]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(blocks_say_what_their_steps_do, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
