#include "api/v1_rows.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/json.h"
#include "catalog/search.h"

/* Logs may name any year; ours are those that nanoseconds in 64 bits can hold, and others become the nearest
 * of them. */
static void put_us(struct buf *out, const char *key, int64_t us)
{
	char text[TIME_TEXT_LEN + 1];
	int64_t ns;
	if (__builtin_mul_overflow(us, 1000, &ns))
		ns = us < 0 ? INT64_MIN : INT64_MAX;
	time_text(ns, text);
	json_put_member(out, key, slice_of(text));
}

void v1_put_time(struct buf *out, const char *key, bool known, int64_t us)
{
	if (known)
		put_us(out, key, us);
	else
		json_put_member_raw(out, key, SLICE_NONE);
}

void v1_put_number(struct buf *out, const char *key, bool known, int64_t number)
{
	if (known)
		json_put_member_int(out, key, number);
	else
		json_put_member_raw(out, key, SLICE_NONE);
}

/* ---- projects and runs ---- */

static void put_statuses(struct buf *out, const int64_t counts[STATUS_COUNT])
{
	json_put_key(out, SLICE_LIT("statuses"));
	json_put_open(out, '{');
	for (int i = STATUS_RUNNING; i < STATUS_COUNT; i++)
		json_put_member_int(out, catalog_status_name(i), counts[i]);
	json_put_close(out, '}');
}

void v1_put_project(struct buf *out, const struct catalog_project *project)
{
	json_put_member(out, "name", project->name);
	json_put_member_int(out, "run_count", project->app_count);
	json_put_member_int(out, "root_count", project->root_count);
	v1_put_time(out, "started", project->app_count > 0, project->first_us);
	put_us(out, "last_activity", project->last_us);
	put_statuses(out, project->statuses);
}

void v1_put_run(struct buf *out, const struct catalog_app *app)
{
	static const char *const zones[] = {
		[ZONE_NONE] = "none",
		[ZONE_EXACT] = "exact",
		[ZONE_INFERRED] = "inferred",
		[ZONE_ASSUMED] = "assumed",
	};
	json_put_member(out, "app_id", app->app_id);
	json_put_member(out, "partition_key", app->partition_key);
	json_put_member(out, "status", slice_of(catalog_status_name(app->status)));
	put_us(out, "started", app->first_us);
	put_us(out, "last_activity", app->last_us);
	json_put_member_int(out, "duration_us", app->last_us - app->first_us);
	json_put_member(out, "time_zone", slice_of(zones[app->zone <= ZONE_ASSUMED ? app->zone : ZONE_NONE]));
	json_put_member_int(out, "step_count", app->step_count);
	json_put_member_int(out, "failed_count", app->failed_count);
	json_put_member_int(out, "superseded_count", app->superseded_count);
	json_put_member_int(out, "next_sequence_id", app->num_steps);
	json_put_member_int(out, "record_count", app->part_count);
	json_put_member_int(out, "damaged_count", app->damaged);
	json_put_member_int(out, "input_tokens", app->input_tokens);
	json_put_member_int(out, "output_tokens", app->output_tokens);
	json_put_member(out, "last_action", app->last_action);
	json_put_member(out, "last_error", app->last_error);
	json_put_member_raw(out, "parent", app->parent);
	json_put_member_raw(out, "spawning_parent", app->spawning_parent);
	json_put_member_int(out, "log_bytes", app->log_len);
}

/* ---- steps ---- */

int64_t v1_step_us(const struct catalog_app *app, int64_t us, bool zoned)
{
	return zoned ? us : us - app->zone_offset_s * 1000000;
}

bool v1_step_took(const struct catalog_app *app, const struct step *step, int64_t *out_us)
{
	if (!(step->flags & STEP_HAS_START) || !(step->flags & STEP_HAS_END))
		return false;
	*out_us = v1_step_us(app, step->end_us, step->flags & STEP_END_ZONED) -
		  v1_step_us(app, step->start_us, step->flags & STEP_START_ZONED);
	return true;
}

const char *v1_step_status(const struct step *step)
{
	if (!step->end_len)
		return "open";
	return step->flags & STEP_FAILED ? "failed" : "ok";
}

void v1_put_action_of(struct buf *out, const struct catalog_step *step, struct slice in_line)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (step->action.data || !in_line.data || !json_to_text(in_line, &text)) {
		json_put_text(out, step->action);
		return;
	}
	struct slice cut = {text.data, text.len < V1_ACTION_BYTES ? text.len : V1_ACTION_BYTES};
	while (cut.len < text.len && cut.len && (text.data[cut.len] & 0xC0) == 0x80)
		cut.len--; /* within a character */
	if (cut.len < text.len) {
		text.len = cut.len;
		buf_append_str(&text, "\u2026");
	}
	json_put_text(out, buf_slice(&text));
}

void v1_put_action(struct buf *out, const struct catalog_app *app, const struct catalog_step *found,
	struct source *source)
{
	const struct step *step = &found->step;
	struct line_record record = {.type = LINE_UNKNOWN};
	if (!found->action.data && (source->fd >= 0 || source_open(source, app->app_id, NULL) == BURR_OK) &&
		(step->begin_len
				? !source_read(source, step->at, step->begin_len, LINE_BEGIN_ENTRY, &record)
				: !source_read(source, step->end_at, step->end_len, LINE_END_ENTRY, &record)))
		record.action = SLICE_NONE;
	v1_put_action_of(out, found, record.action);
}

void v1_put_step(struct buf *out, const struct catalog_app *app, const struct catalog_step *found,
	struct source *source)
{
	const struct step *step = &found->step;
	int64_t took_us = 0;
	bool took = v1_step_took(app, step, &took_us);
	json_put_member_int(out, "number", found->number);
	json_put_member_int(out, "sequence_id", step->seq);
	json_put_member_int(out, "attempt", step->nth);
	json_put_member_bool(out, "superseded", step->flags & STEP_SUPERSEDED);
	json_put_key(out, SLICE_LIT("action"));
	v1_put_action(out, app, found, source);
	json_put_member(out, "condition", found->via);
	json_put_member_raw(out, "changed", found->keys);
	json_put_member(out, "status", slice_of(v1_step_status(step)));
	v1_put_time(out, "started", step->flags & STEP_HAS_START,
		v1_step_us(app, step->start_us, step->flags & STEP_START_ZONED));
	v1_put_time(out, "ended", step->flags & STEP_HAS_END,
		v1_step_us(app, step->end_us, step->flags & STEP_END_ZONED));
	v1_put_number(out, "duration_us", took, took_us);
	json_put_member_int(out, "record_count", step->part_count);
}

static bool has_key(struct slice keys, struct slice key)
{
	struct slice element;
	struct json_iter it = json_iter(keys);
	while (keys.data && json_next_element(&it, &element))
		if (json_text_is(element, key))
			return true;
	return false;
}

bool v1_step_is_wanted(
	const struct v1_steps_wanted *wanted, const struct catalog_app *app, const struct catalog_step *found)
{
	const struct step *step = &found->step;
	int64_t took_us;
	return (!wanted->action.data || slice_eq(found->action, wanted->action)) &&
	       (!wanted->status.data || slice_is(wanted->status, v1_step_status(step))) &&
	       (!wanted->changed.data || has_key(found->keys, wanted->changed)) &&
	       (wanted->slower_us < 0 ||
		       (v1_step_took(app, step, &took_us) && took_us >= wanted->slower_us)) &&
	       (wanted->sequence_id < 0 || step->seq == wanted->sequence_id) &&
	       (wanted->superseded || !(step->flags & STEP_SUPERSEDED));
}

int64_t v1_fold_action(const struct step *step)
{
	bool plain = step->action && step->end_len && !(step->flags & (STEP_FAILED | STEP_SUPERSEDED));
	return plain ? step->action : -1;
}

/* ---- hits ---- */

void v1_put_hit(struct buf *out, const struct search_hit *hit, size_t context_bytes)
{
	json_put_member_int(out, "number", hit->step->number);
	json_put_member_int(out, "sequence_id", hit->step->step.seq);
	json_put_member(out, "action", hit->step->action);
	json_put_member(out, "field", slice_of(hit->field));
	json_put_member(out, "key", hit->key);
	json_put_member_int(out, "offset", (int64_t)hit->at);
	json_put_key(out, SLICE_LIT("context"));
	needle_put_context(out, hit->value, hit->at, hit->len, context_bytes);
}
