#include "catalog/search.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/json.h"
#include "catalog/reader.h"
#include "catalog/source.h"

struct search {
	struct catalog_reader *reader;
	const struct search_request *request;
	struct source lines, parts; /* each with a window of its own: both go through the log */
	struct part_ranges ranges;
	search_fn *each;
	void *ctx;
	int64_t app;
	int64_t count, next;
	int64_t most; /* hits, with those of this step */
	bool complete;
	struct buf key;
};

static void search_fini(struct search *search)
{
	source_fini(&search->lines);
	source_fini(&search->parts);
	part_ranges_fini(&search->ranges);
	buf_fini(&search->key);
}

static void look_in(struct search *search, const struct catalog_step *step, const char *field,
	struct slice key, struct slice value)
{
	struct search_hit hit = {step, field, key, value, 0, 0};
	if (!value.data || !needle_find(search->request->needle, value, 0, &hit.at, &hit.len))
		return;
	search->count++;
	search->each(&hit, search->ctx);
}

/* Whether a line holds the text anywhere: most do not, and are not read further. */
static bool may_hold(struct search *search, struct source *source, uint64_t at, uint32_t len)
{
	struct slice text;
	size_t found_at;
	size_t found_len;
	return source_bytes(source, at, len, &text) &&
	       needle_find(search->request->needle, text, 0, &found_at, &found_len);
}

/* ---- a step ---- */

static bool has_key(struct slice keys, struct slice key)
{
	struct slice element;
	struct json_iter it = json_iter(keys);
	while (json_next_element(&it, &element))
		if (json_text_is(element, key))
			return true;
	return false;
}

static void look_in_state(struct search *search, const struct catalog_step *step, struct slice state)
{
	struct slice key;
	struct slice value;
	struct json_iter it = json_iter(state);
	while (json_next_member(&it, &key, &value)) {
		buf_clear(&search->key);
		if (search->count >= search->most || slice_starts(key, "__") ||
			!json_unescape(key, &search->key) ||
			(step->keys.data && !has_key(step->keys, buf_slice(&search->key))))
			continue;
		look_in(search, step, "state", buf_slice(&search->key), value);
	}
}

static void look_in_begin(struct search *search, const struct catalog_step *found)
{
	const struct step *step = &found->step;
	struct line_record record;
	if (!step->begin_len || !may_hold(search, &search->lines, step->at, step->begin_len) ||
		!source_read(&search->lines, step->at, step->begin_len, LINE_BEGIN_ENTRY, &record))
		return;
	look_in(search, found, "action", SLICE_NONE, record.action);
	look_in(search, found, "inputs", SLICE_NONE, record.inputs);
}

static void look_in_end(struct search *search, const struct catalog_step *found)
{
	const struct step *step = &found->step;
	struct line_record record;
	if (!step->end_len || !may_hold(search, &search->lines, step->end_at, step->end_len) ||
		!source_read(&search->lines, step->end_at, step->end_len, LINE_END_ENTRY, &record))
		return;
	if (!step->begin_len)
		look_in(search, found, "action", SLICE_NONE, record.action);
	look_in(search, found, "result", SLICE_NONE, record.result);
	look_in(search, found, "exception", SLICE_NONE, record.exception);
	look_in_state(search, found, record.state);
}

struct looking {
	struct search *search;
	const struct catalog_step *step;
};

static burr_status look_in_part(const struct part *part, void *ctx, bool *on, burr_error *err)
{
	struct looking *looking = ctx;
	struct search *search = looking->search;
	struct line_record record;
	(void)err;
	*on = search->count < search->most;
	if (!*on || part->type != LINE_ATTRIBUTE || !may_hold(search, &search->parts, part->at, part->len) ||
		!source_read(&search->parts, part->at, part->len, LINE_ATTRIBUTE, &record))
		return BURR_OK;
	buf_clear(&search->key);
	json_to_text(record.key, &search->key);
	look_in(search, looking->step, "attribute", buf_slice(&search->key), record.value);
	return BURR_OK;
}

static burr_status name_step(
	struct catalog_reader *reader, const struct step *step, struct catalog_step *out, burr_error *err)
{
	burr_status status = reader_get_name(reader, step->action, &out->action, err);
	return status == BURR_OK ? reader_get_name(reader, step->keys, &out->keys, err) : status;
}

static burr_status look_in_step(int64_t number, const struct step *step, void *ctx, bool *on, burr_error *err)
{
	struct search *search = ctx;
	struct catalog_step found = {.number = number, .step = *step};
	search->complete = clock_mono_ns() < search->request->deadline_ns;
	if (search->count >= search->request->limit || !search->complete) {
		search->next = number;
		*on = false;
		return BURR_OK;
	}
	burr_status status = name_step(search->reader, step, &found, err);
	if (status != BURR_OK)
		return status;
	search->most = search->count + SEARCH_STEP_HITS;
	look_in_begin(search, &found);
	look_in_end(search, &found);
	if (!step->part_count)
		return BURR_OK;
	struct looking looking = {search, &found};
	struct part_walk walk = {search->app, number, number + 1, look_in_part, &looking};
	return reader_walk_parts_of(search->reader, &search->ranges, &walk, err);
}

/* ---- a run ---- */

static void take_app(const struct catalog_app *app, void *ctx)
{
	struct search *search = ctx;
	search->app = app->id;
}

static burr_status open_logs(struct search *search, bool *out_there, burr_error *err)
{
	const struct search_request *request = search->request;
	burr_status status = source_open(&search->lines, request->app_id, err);
	if (status == BURR_OK)
		status = source_open(&search->parts, request->app_id, err);
	*out_there = status == BURR_OK;
	return status == BURR_ENOTFOUND ? BURR_OK : status;
}

static burr_status search_run(struct search *search, burr_error *err)
{
	bool there;
	burr_status status = open_logs(search, &there, err);
	if (status != BURR_OK || !there)
		return status;
	struct step_walk walk = {.app = search->app,
		.from = search->request->from,
		.end = INT64_MAX,
		.each = look_in_step,
		.ctx = search};
	return reader_walk_steps(search->reader, &walk, err);
}

burr_status catalog_search_run(struct catalog_reader *reader, const struct search_request *request,
	search_fn *each, void *ctx, int64_t *out_next, bool *out_complete, burr_error *err)
{
	CLEAN(search_fini)
	struct search search = {
		.reader = reader, .request = request, .each = each, .ctx = ctx, .next = -1, .complete = true};
	source_init(&search.lines, reader, request->project);
	source_init(&search.parts, reader, request->project);
	search.lines.reads_ahead = search.parts.reads_ahead = true;
	burr_status status =
		catalog_find_app(reader, request->project, request->app_id, take_app, &search, err);
	if (status != BURR_OK)
		return status;
	status = reader_begin(reader, err);
	if (status != BURR_OK)
		return reader_answered(reader, status);
	status = reader_end(reader, search_run(&search, err), err);
	*out_next = search.next;
	*out_complete = search.complete;
	return status;
}
