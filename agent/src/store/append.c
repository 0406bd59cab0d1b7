/* store/append.c: see append.h.
 *
 * A batch is taken in three sweeps: read all entries (a damaged one refuses the batch before anything is
 * written), make each application's lines, write each application once. What an application's trouble is
 * stays its own: its verdict says LATER or NEVER and the others go on. */
#include "store/append.h"

#include "base/error.h"
#include "store/create.h"
#include "store/log.h"
#include "store/names.h"
#include "wire/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A log in the cache: a hash chain to find it, a ring to find the one that was used longest ago. */
struct cached {
	char *key; /* "project/app_id" */
	size_t key_len;
	struct log *log;
	struct cached *chain;
	struct cached *newer;
	struct cached *older;
};

enum { BUCKETS = 1024, LINES_KEPT = 64 * 1024 };

/* What one application has in the batch. */
struct slot {
	struct slice project;
	struct slice app_id;
	struct log *log; /* NULL until a line needs it */
	bool locked;
	bool touched; /* files changed */
	struct buf lines;
	struct verdict verdict;
	char reason[sizeof(((burr_error *)0)->message)];
};

struct appender {
	struct store *store;
	struct appender_options options;
	struct cached *buckets[BUCKETS];
	struct cached *newest;
	struct cached *oldest;
	size_t cached_count;

	/* Of the batch at hand; kept for the next one's sake. */
	struct entry *entries;
	uint32_t *slot_of;
	size_t entry_cap;
	struct slot *slots;
	size_t slot_count;
	size_t slot_cap;
	uint32_t *slot_index; /* hash table of slot numbers + 1, sized for BATCH_APPS_MAX */
};

enum { SLOT_INDEX = 2 * BATCH_APPS_MAX };

struct appender *appender_new(struct store *store, const struct appender_options *options)
{
	struct appender *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->store = store;
	a->options = *options;
	a->slot_index = calloc(SLOT_INDEX, sizeof(*a->slot_index));
	if (a->slot_index)
		return a;
	free(a);
	return NULL;
}

/* ---- cache of logs ---- */

static uint64_t hash_name(struct slice project, struct slice app_id)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	for (size_t i = 0; i < project.len; i++)
		hash = (hash ^ (unsigned char)project.data[i]) * UINT64_C(1099511628211);
	hash = (hash ^ '/') * UINT64_C(1099511628211);
	for (size_t i = 0; i < app_id.len; i++)
		hash = (hash ^ (unsigned char)app_id.data[i]) * UINT64_C(1099511628211);
	return hash;
}

static bool key_is(const struct cached *c, struct slice project, struct slice app_id)
{
	return c->key_len == project.len + 1 + app_id.len && memcmp(c->key, project.data, project.len) == 0 &&
	       memcmp(c->key + project.len + 1, app_id.data, app_id.len) == 0;
}

static struct cached **find_cached(struct appender *a, struct slice project, struct slice app_id)
{
	struct cached **at = &a->buckets[hash_name(project, app_id) % BUCKETS];
	while (*at && !key_is(*at, project, app_id))
		at = &(*at)->chain;
	return at;
}

static void unlink_age(struct appender *a, struct cached *c)
{
	*(c->newer ? &c->newer->older : &a->newest) = c->older;
	*(c->older ? &c->older->newer : &a->oldest) = c->newer;
	c->newer = c->older = NULL;
}

static void link_newest(struct appender *a, struct cached *c)
{
	c->older = a->newest;
	*(a->newest ? &a->newest->newer : &a->oldest) = c;
	a->newest = c;
}

static void drop_cached(struct appender *a, struct cached **at)
{
	struct cached *c = *at;
	*at = c->chain;
	unlink_age(a, c);
	log_close(c->log);
	free(c->key);
	free(c);
	a->cached_count--;
}

static void drop_oldest(struct appender *a)
{
	const char *slash = memchr(a->oldest->key, '/', a->oldest->key_len);
	struct slice project = {a->oldest->key, (size_t)(slash - a->oldest->key)};
	struct slice app_id = {slash + 1, a->oldest->key_len - project.len - 1};
	drop_cached(a, find_cached(a, project, app_id));
}

static struct cached *add_cached(
	struct appender *a, struct slice project, struct slice app_id, struct log *log)
{
	struct cached *c = calloc(1, sizeof(*c));
	struct buf key = BUF_INIT;
	buf_append_slice(&key, project);
	buf_append_char(&key, '/');
	buf_append_slice(&key, app_id);
	size_t key_len = key.len;
	char *text = buf_take(&key);
	if (!c || !text) {
		free(c);
		free(text);
		return NULL;
	}
	*c = (struct cached){.key = text, .key_len = key_len, .log = log};
	struct cached **bucket = &a->buckets[hash_name(project, app_id) % BUCKETS];
	c->chain = *bucket;
	*bucket = c;
	link_newest(a, c);
	a->cached_count++;
	return c;
}

void appender_free(struct appender *a)
{
	if (!a)
		return;
	while (a->oldest)
		drop_oldest(a);
	for (size_t i = 0; i < a->slot_cap; i++)
		buf_fini(&a->slots[i].lines);
	free(a->slots);
	free(a->slot_index);
	free(a->slot_of);
	free(a->entries);
	free(a);
}

/* The application's log, looked at afresh. One that was deleted or replaced is opened by path once more. */
static burr_status use_log(struct appender *a, struct slot *slot, burr_error *err)
{
	burr_status status;
	for (int attempt = 0; attempt < 2; attempt++) {
		struct cached **at = find_cached(a, slot->project, slot->app_id);
		struct cached *c = *at;
		if (c) {
			unlink_age(a, c);
			link_newest(a, c);
		} else {
			struct log *log;
			status = log_open(a->store, slot->project, slot->app_id, &log, err);
			if (status != BURR_OK)
				return status;
			c = add_cached(a, slot->project, slot->app_id, log);
			if (!c) {
				log_close(log);
				return burr_fail(err, BURR_ELATER, "no memory to keep a log");
			}
		}
		if (!a->options.alone && !log_try_lock(c->log))
			return burr_fail(err, BURR_ELATER, "another process is appending to it");
		slot->locked = !a->options.alone;
		slot->log = c->log;
		status = log_refresh(c->log, err);
		if (status != BURR_ENOTFOUND)
			return status;
		if (slot->locked)
			log_unlock(c->log);
		slot->log = NULL;
		slot->locked = false;
		drop_cached(a, find_cached(a, slot->project, slot->app_id));
	}
	return status;
}

/* ---- the batch ---- */

static void fail_slot(struct slot *slot, burr_status status, const burr_error *why)
{
	slot->verdict.kind = status == BURR_ELATER || status == BURR_ENOMEM ? VERDICT_LATER : VERDICT_NEVER;
	slot->verdict.code = status;
	snprintf(slot->reason, sizeof(slot->reason), "%s", why->message);
	slot->verdict.reason = slice_of(slot->reason);
}

static bool grow_entries(struct appender *a, size_t count)
{
	if (count <= a->entry_cap)
		return true;
	struct entry *entries = realloc(a->entries, count * sizeof(*entries));
	if (entries)
		a->entries = entries;
	uint32_t *slot_of = realloc(a->slot_of, count * sizeof(*slot_of));
	if (slot_of)
		a->slot_of = slot_of;
	if (!entries || !slot_of)
		return false;
	a->entry_cap = count;
	return true;
}

static struct slot *add_slot(struct appender *a)
{
	if (a->slot_count == a->slot_cap) {
		size_t cap = a->slot_cap ? a->slot_cap * 2 : 16;
		struct slot *slots = realloc(a->slots, cap * sizeof(*slots));
		if (!slots)
			return NULL;
		memset(slots + a->slot_cap, 0, (cap - a->slot_cap) * sizeof(*slots));
		a->slots = slots;
		a->slot_cap = cap;
	}
	struct slot *slot = &a->slots[a->slot_count++];
	struct buf lines = slot->lines;
	buf_clear(&lines);
	*slot = (struct slot){.lines = lines};
	return slot;
}

static burr_status find_slot(struct appender *a, const struct entry *entry, uint32_t *out, burr_error *err)
{
	size_t at = hash_name(entry->project, entry->app_id) % SLOT_INDEX;
	for (; a->slot_index[at]; at = (at + 1) % SLOT_INDEX) {
		struct slot *slot = &a->slots[a->slot_index[at] - 1];
		if (slice_eq(slot->project, entry->project) && slice_eq(slot->app_id, entry->app_id)) {
			*out = a->slot_index[at] - 1;
			return BURR_OK;
		}
	}
	if (a->slot_count == BATCH_APPS_MAX)
		return burr_fail(err, BURR_ETOOBIG, "a batch of more than %d applications", BATCH_APPS_MAX);
	struct slot *slot = add_slot(a);
	if (!slot)
		return burr_fail(err, BURR_ENOMEM, "no memory for a batch");
	slot->project = slot->verdict.project = entry->project;
	slot->app_id = slot->verdict.app_id = entry->app_id;
	a->slot_index[at] = (uint32_t)a->slot_count;
	*out = (uint32_t)(a->slot_count - 1);
	return BURR_OK;
}

static burr_status read_entries(struct appender *a, const struct request *request, burr_error *err)
{
	struct slice bytes;
	size_t count = 0;
	a->slot_count = 0;
	memset(a->slot_index, 0, SLOT_INDEX * sizeof(*a->slot_index));
	if (!grow_entries(a, request->entry_count))
		return burr_fail(err, BURR_ENOMEM, "no memory for %zu entries", request->entry_count);
	struct pb_reader r = pb_reader(request->bytes);
	while (request_next_entry(&r, &bytes)) {
		burr_status status = entry_read(bytes, &a->entries[count], err);
		if (status == BURR_OK)
			status = find_slot(a, &a->entries[count], &a->slot_of[count], err);
		if (status != BURR_OK)
			return burr_fail_in(err, status, "entry %zu", count);
		count++;
	}
	return BURR_OK;
}

static burr_status take_line(struct appender *a, struct slot *slot, const struct entry *entry,
	const struct line_context *context, burr_error *err)
{
	if (!slot->log) {
		burr_status status = use_log(a, slot, err);
		if (status != BURR_OK)
			return status;
	}
	uint64_t last;
	burr_status status =
		log_last_number(slot->log, context->writer, entry->lane, entry->log_start, &last, err);
	if (status != BURR_OK || entry->n <= last)
		return status;
	if (entry->record.len > RECORD_BYTES_MAX)
		return burr_fail(err, BURR_ETOOBIG, "a record of %zu bytes; at most %d", entry->record.len,
			RECORD_BYTES_MAX);
	return line_put(&slot->lines, entry, context, err);
}

static void take_entry(
	struct appender *a, struct slot *slot, const struct entry *entry, const struct line_context *context)
{
	burr_error why = BURR_ERROR_INIT;
	burr_status status;
	if (slot->verdict.kind != VERDICT_DONE)
		return;
	errno = 0;
	if (entry->type == RECORD_APPLICATION) {
		status = store_create_app(a->store, entry, context, &why);
		slot->touched = slot->touched || status == BURR_OK;
	} else {
		status = take_line(a, slot, entry, context, &why);
	}
	if (status == BURR_ELATER && (errno == EMFILE || errno == ENFILE))
		a->options.log_max = a->cached_count / 2; /* this one's turn comes when others are closed */
	if (status != BURR_OK)
		fail_slot(slot, status, &why);
}

static void write_slot(struct appender *a, struct slot *slot)
{
	burr_error why = BURR_ERROR_INIT;
	if (slot->verdict.kind == VERDICT_DONE && slot->lines.len) {
		burr_status status = log_append(slot->log, buf_slice(&slot->lines), &why);
		if (status != BURR_OK)
			fail_slot(slot, status, &why);
		slot->touched = slot->touched || status == BURR_OK;
	}
	if (slot->touched && a->options.on_appended)
		a->options.on_appended(a->options.ctx, slot->project, slot->app_id);
}

static void note_numbers(struct appender *a, const struct request *request)
{
	for (size_t i = 0; i < request->entry_count; i++) {
		struct slot *slot = &a->slots[a->slot_of[i]];
		if (slot->log && slot->verdict.kind == VERDICT_DONE &&
			a->entries[i].type != RECORD_APPLICATION)
			log_note_number(slot->log, request->writer, a->entries[i].lane, a->entries[i].n);
	}
}

/* Give the locks back, and close what exceeds the cache: a slot's log may be any of it, so only now. */
static void leave_logs(struct appender *a)
{
	for (size_t i = 0; i < a->slot_count; i++)
		if (a->slots[i].log && a->slots[i].locked)
			log_unlock(a->slots[i].log);
	while (a->cached_count > a->options.log_max)
		drop_oldest(a);
	/* One large record must not hold its memory for ever in each place that it once had. */
	for (size_t i = 0; i < a->slot_count; i++)
		if (a->slots[i].lines.cap > LINES_KEPT)
			buf_fini(&a->slots[i].lines);
}

burr_status appender_store(
	struct appender *a, const struct request *request, struct buf *out_reply, burr_error *err)
{
	struct line_faults faults = {0};
	struct line_context context = {request->writer, request->clock_offset_ns, request->about, &faults};
	burr_status status = read_entries(a, request, err);
	if (status != BURR_OK)
		return status;
	for (size_t i = 0; i < request->entry_count; i++)
		take_entry(a, &a->slots[a->slot_of[i]], &a->entries[i], &context);
	for (size_t i = 0; i < a->slot_count; i++)
		write_slot(a, &a->slots[i]);
	note_numbers(a, request);
	leave_logs(a);
	struct reply reply = {
		.protocol = PROTOCOL_VERSION,
		.status = REPLY_OK,
		.invalid_count = faults.count,
		.invalid_text = faults.count ? slice_of(faults.text) : SLICE_NONE,
	};
	reply_put(out_reply, &reply);
	for (size_t i = 0; i < a->slot_count; i++)
		reply_put_verdict(out_reply, &a->slots[i].verdict);
	return out_reply->failed ? burr_fail(err, BURR_ENOMEM, "no memory for a reply") : BURR_OK;
}
