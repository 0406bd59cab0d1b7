/* store/append.c: see append.h.
 *
 * A batch is taken in three sweeps: read all entries (a damaged one refuses the batch before anything is
 * written) and string them up by application; then, one application after the other, make its lines and write
 * them at once, so that one buffer serves all and is still in the processor's cache when the kernel copies
 * it; then sync what the store's durability wants synced. What an application's trouble is stays its own: its
 * verdict says LATER or NEVER and the others go on. */
#include "store/append.h"

#include "base/clock.h"
#include "base/error.h"
#include "store/create.h"
#include "store/log.h"
#include "store/side.h"
#include "wire/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A log in the cache: a hash chain to find it, and a list to find one that was not used for long. Use alone
 * only sets a flag; who is the oldest and was used gets a second chance as the newest. (To move a log in the
 * list each time would touch its neighbours', too, which are not in the processor's cache.) */
struct cached {
	char *key; /* "project/app_id" */
	size_t key_len;
	struct log *log;
	uint64_t hash;
	uint64_t batch; /* the last one that it was of */
	bool used;
	bool acknowledged; /* durability `group`: since its last sync */
	struct cached *chain;
	struct cached *newer;
	struct cached *older;
};

enum {
	BUCKETS = 4096,
	LINES_KEPT =
		2 << 20, /* the lines of a full batch; one large record must not hold its memory for ever */
	LINES_AT_ONCE =
		8 << 20, /* lines of side files are many times a batch: written in parts of this size */
	SIDE_KEPT = 256 << 10,
	OTHERS_KEPT = 256 << 10,
	SYNC_ALL_FROM = 17, /* logs: one syncfs costs less than so many fdatasyncs */
	GROUP_WINDOW_NS = 100 * 1000 * 1000,
	SYNC_AGAIN_NS = 1000 * 1000 * 1000,
};

static const uint32_t NO_ENTRY = UINT32_MAX; /* ends an application's string of entries */

/* What one application has in the batch. */
struct slot {
	struct slice project;
	struct slice app_id;
	uint64_t hash;  /* of both */
	uint32_t first; /* its entries, each naming the next */
	uint32_t last;
	struct log *log; /* NULL until a line needs it */
	bool locked;
	bool touched; /* files changed */
	struct verdict verdict;
	char reason[sizeof(((burr_error *)0)->message)];
};

struct appender {
	struct store *store;
	struct appender_options options;
	size_t log_max;   /* what has room of options.log_max */
	bool lacked_room; /* in this batch: for a descriptor */
	uint64_t batch;   /* the number of the one at hand */
	struct cached *buckets[BUCKETS];
	struct cached *newest;
	struct cached *oldest;
	size_t cached_count;
	bool sync_first;    /* still to be done */
	int64_t sync_due;   /* INT64_MAX: nothing to sync */
	bool tree_unsynced; /* group: folders and small files were made */

	/* Of the batch at hand; kept for the next one's sake. */
	struct entry *entries;
	uint32_t *next_of; /* the application's next entry */
	size_t entry_cap;
	struct slot *slots;
	size_t slot_count;
	size_t slot_cap;
	uint32_t *slot_index; /* hash table of slot numbers + 1, sized for BATCH_APPS_MAX */
	struct buf lines;
	struct buf side;
	struct foreign others; /* what other writers hold of the application at hand */
	size_t next_other;
	uint64_t lost_count;
	char lost_text[200];
};

enum { SLOT_INDEX = 2 * BATCH_APPS_MAX };

struct appender *appender_new(struct store *store, const struct appender_options *options)
{
	struct appender *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->store = store;
	a->options = *options;
	if (!a->options.log_max)
		a->options.log_max = 1;
	a->log_max = a->options.log_max;
	a->sync_first = options->sync_first;
	a->sync_due = INT64_MAX;
	a->slot_index = calloc(SLOT_INDEX, sizeof(*a->slot_index));
	if (a->slot_index)
		return a;
	free(a);
	return NULL;
}

size_t appender_log_max(const struct appender *a)
{
	return a->log_max;
}

/* ---- cache of logs ---- */

static uint64_t hash_text(uint64_t hash, struct slice text)
{
	const uint64_t factor = UINT64_C(0x9E3779B97F4A7C15);
	uint64_t eight;
	for (; text.len >= sizeof(eight); text.data += sizeof(eight), text.len -= sizeof(eight)) {
		memcpy(&eight, text.data, sizeof(eight));
		hash = (hash ^ eight) * factor;
		hash ^= hash >> 32;
	}
	eight = text.len;
	for (size_t i = 0; i < text.len; i++)
		eight = eight << 8 | (unsigned char)text.data[i];
	hash = (hash ^ eight) * factor;
	return hash ^ hash >> 32;
}

static uint64_t hash_name(struct slice project, struct slice app_id)
{
	return hash_text(hash_text(0, project), app_id);
}

static bool key_is(const struct cached *c, struct slice project, struct slice app_id)
{
	return c->key_len == project.len + 1 + app_id.len && memcmp(c->key, project.data, project.len) == 0 &&
	       memcmp(c->key + project.len + 1, app_id.data, app_id.len) == 0;
}

/* Its place in its chain, NULL in it where there is none. */
static struct cached **find_cached(
	struct appender *a, uint64_t hash, struct slice project, struct slice app_id)
{
	struct cached **at = &a->buckets[hash % BUCKETS];
	while (*at && !((*at)->hash == hash && key_is(*at, project, app_id)))
		at = &(*at)->chain;
	return at;
}

static struct cached *slot_cached(struct appender *a, const struct slot *slot)
{
	return *find_cached(a, slot->hash, slot->project, slot->app_id);
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

static void drop_log(struct appender *a, struct cached *c)
{
	struct cached **at = &a->buckets[c->hash % BUCKETS];
	while (*at != c)
		at = &(*at)->chain;
	*at = c->chain;
	unlink_age(a, c);
	log_close(c->log);
	free(c->key);
	free(c);
	a->cached_count--;
}

static bool is_due(const struct cached *c)
{
	return c->acknowledged && log_needs_sync(c->log);
}

static bool waits_for_sync(const struct cached *c)
{
	return is_due(c) || log_sync_failed(c->log);
}

/* A log that waits for its sync, or for another after one that failed, or for its torn tail to grow old,
 * stays open until then: opened anew it would not know. */
static bool must_stay(const struct cached *c)
{
	return waits_for_sync(c) || log_waits_for_tail(c->log);
}

static void make_newest(struct appender *a, struct cached *c)
{
	unlink_age(a, c);
	link_newest(a, c);
}

static size_t count_tails(const struct appender *a)
{
	size_t count = 0;
	for (const struct cached *c = a->newest; c; c = c->older)
		count += log_waits_for_tail(c->log);
	return count;
}

/* Of logs that wait for their tails no more stay than the cache is for: the last ones' turn comes when the
 * first are mended. */
static bool may_go(const struct appender *a, const struct cached *c, size_t tail_count)
{
	if (c->used || waits_for_sync(c))
		return false;
	return !log_waits_for_tail(c->log) || (tail_count > a->log_max && c->batch == a->batch);
}

static void drop_exceeding(struct appender *a)
{
	size_t tail_count = a->cached_count > a->log_max ? count_tails(a) : 0;
	if (a->cached_count > a->log_max && waits_for_sync(a->oldest))
		(void)appender_sync(a, NULL); /* what it could not sync stays */
	for (size_t tries = 2 * a->cached_count; tries && a->cached_count > a->log_max; tries--) {
		struct cached *c = a->oldest;
		if (may_go(a, c, tail_count)) {
			tail_count -= log_waits_for_tail(c->log) && tail_count;
			drop_log(a, c);
			continue;
		}
		c->used = false;
		make_newest(a, c);
	}
}

static bool is_without_descriptors(burr_status status)
{
	return status == BURR_ELATER && (errno == EMFILE || errno == ENFILE);
}

/* In the middle of a batch only what is not of it can go. False: there is none. */
static bool drop_one(struct appender *a)
{
	for (size_t tries = a->cached_count; tries; tries--) {
		struct cached *c = a->oldest;
		if (c->batch != a->batch && !must_stay(c)) {
			drop_log(a, c);
			return true;
		}
		make_newest(a, c);
	}
	return false;
}

/* An application's turn comes when others are closed. */
static void note_lack(struct appender *a)
{
	const size_t open = a->cached_count < a->log_max ? a->cached_count : a->log_max;
	a->log_max = open > 1 ? open / 2 : 1;
	a->lacked_room = true;
}

bool appender_close_some(struct appender *a)
{
	const size_t before = a->cached_count;
	note_lack(a);
	if (before <= 1 && a->oldest && !must_stay(a->oldest))
		drop_log(a, a->oldest);
	drop_exceeding(a);
	return a->cached_count < before;
}

/* Who had the descriptors may have given them back: one more with each batch that did not lack any. */
static void begin_batch(struct appender *a)
{
	if (!a->lacked_room && a->log_max < a->options.log_max)
		a->log_max++;
	a->lacked_room = false;
	a->batch++;
}

static struct cached *add_cached(struct appender *a, const struct slot *slot, struct log *log)
{
	struct cached *c = calloc(1, sizeof(*c));
	struct buf key = BUF_INIT;
	buf_append_slice(&key, slot->project);
	buf_append_char(&key, '/');
	buf_append_slice(&key, slot->app_id);
	size_t key_len = key.len;
	char *text = buf_take(&key);
	if (!c || !text) {
		free(c);
		free(text);
		return NULL;
	}
	*c = (struct cached){.key = text, .key_len = key_len, .log = log, .hash = slot->hash};
	struct cached **bucket = &a->buckets[slot->hash % BUCKETS];
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
	if (a->sync_due != INT64_MAX)
		(void)appender_sync(a, NULL); /* the last attempt: the kernel goes on by itself */
	while (a->oldest)
		drop_log(a, a->oldest);
	buf_fini(&a->lines);
	buf_fini(&a->side);
	foreign_fini(&a->others);
	free(a->slots);
	free(a->slot_index);
	free(a->next_of);
	free(a->entries);
	free(a);
}

static burr_status open_log(struct appender *a, const struct slot *slot, struct log **out, burr_error *err)
{
	burr_status status;
	do {
		errno = 0;
		status = log_open(a->store, slot->project, slot->app_id, out, err);
	} while (is_without_descriptors(status) && drop_one(a));
	return status;
}

/* The application's log, looked at afresh. One that was deleted or replaced is opened by path once more. */
static burr_status use_log(struct appender *a, struct slot *slot, burr_error *err)
{
	burr_status status;
	for (int attempt = 0; attempt < 2; attempt++) {
		struct cached *c = slot_cached(a, slot);
		if (!c) {
			struct log *log;
			status = open_log(a, slot, &log, err);
			if (status != BURR_OK)
				return status;
			c = add_cached(a, slot, log);
			if (!c) {
				log_close(log);
				return burr_fail(err, BURR_ELATER, "no memory to keep a log");
			}
		}
		c->used = true;
		c->batch = a->batch;
		if (!a->options.alone && !log_try_lock(c->log))
			return burr_fail(err, BURR_ELATER, "another process is appending to it");
		slot->locked = !a->options.alone;
		slot->log = c->log;
		status = log_refresh(c->log, err);
		if (status == BURR_OK && log_sync_failed(c->log))
			status = log_sync(c->log, err);
		if (status != BURR_ENOTFOUND)
			return status;
		if (slot->locked)
			log_unlock(c->log);
		slot->log = NULL;
		slot->locked = false;
		drop_log(a, c);
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
	uint32_t *next_of = realloc(a->next_of, count * sizeof(*next_of));
	if (next_of)
		a->next_of = next_of;
	if (!entries || !next_of)
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
		a->slots = slots;
		a->slot_cap = cap;
	}
	return &a->slots[a->slot_count++];
}

static void init_slot(struct slot *slot, const struct entry *entry, uint64_t hash)
{
	slot->hash = hash;
	slot->project = entry->project;
	slot->app_id = entry->app_id;
	slot->verdict = (struct verdict){.project = entry->project, .app_id = entry->app_id};
	slot->first = slot->last = NO_ENTRY;
	slot->log = NULL;
	slot->locked = slot->touched = false;
}

static bool slot_is(const struct slot *slot, const struct entry *entry)
{
	return slice_eq(slot->app_id, entry->app_id) && slice_eq(slot->project, entry->project);
}

static burr_status find_slot(
	struct appender *a, const struct entry *entry, struct slot **out, burr_error *err)
{
	uint64_t hash = hash_name(entry->project, entry->app_id);
	size_t at = hash % SLOT_INDEX;
	for (; a->slot_index[at]; at = (at + 1) % SLOT_INDEX) {
		*out = &a->slots[a->slot_index[at] - 1];
		if (slot_is(*out, entry))
			return BURR_OK;
	}
	if (a->slot_count == BATCH_APPS_MAX)
		return burr_fail(err, BURR_ETOOBIG, "a batch of more than %d applications", BATCH_APPS_MAX);
	*out = add_slot(a);
	if (!*out)
		return burr_fail(err, BURR_ENOMEM, "no memory for a batch");
	init_slot(*out, entry, hash);
	a->slot_index[at] = (uint32_t)a->slot_count;
	return BURR_OK;
}

static burr_status read_entry(
	struct appender *a, struct slice bytes, uint32_t at, struct slot **slot, burr_error *err)
{
	struct entry *entry = &a->entries[at];
	burr_status status = entry_read(bytes, entry, err);
	/* Mostly the same application as the one before. */
	if (status == BURR_OK && !(*slot && slot_is(*slot, entry)))
		status = find_slot(a, entry, slot, err);
	if (status != BURR_OK)
		return status;
	*((*slot)->last == NO_ENTRY ? &(*slot)->first : &a->next_of[(*slot)->last]) = at;
	(*slot)->last = at;
	a->next_of[at] = NO_ENTRY;
	return BURR_OK;
}

static burr_status read_entries(struct appender *a, const struct request *request, burr_error *err)
{
	struct slice bytes;
	struct slot *slot = NULL;
	uint32_t count = 0;
	uint64_t side_bytes = 0;
	a->slot_count = 0;
	memset(a->slot_index, 0, SLOT_INDEX * sizeof(*a->slot_index));
	if (!grow_entries(a, request->entry_count))
		return burr_fail(err, BURR_ENOMEM, "no memory for %zu entries", request->entry_count);
	struct pb_reader r = pb_reader(request->bytes);
	while (request_next_entry(&r, &bytes)) {
		burr_status status = read_entry(a, bytes, count, &slot, err);
		if (status != BURR_OK)
			return burr_fail_in(err, status, "entry %u", count);
		side_bytes += a->entries[count].side_len;
		if (side_bytes > BATCH_SIDE_BYTES)
			return burr_fail(err, BURR_ETOOBIG, "side files of more than %d bytes in one batch",
				BATCH_SIDE_BYTES);
		count++;
	}
	return BURR_OK;
}

/* ---- one application ---- */

static burr_status write_lines(struct appender *a, struct slot *slot, burr_error *err)
{
	if (!a->lines.len) {
		if (slot->log) /* nothing but lost records */
			log_keep_staged(slot->log);
		return BURR_OK;
	}
	burr_status status = log_append(slot->log, buf_slice(&a->lines), err);
	slot->touched = slot->touched || status == BURR_OK;
	buf_clear(&a->lines);
	return status;
}

static burr_status stage(struct appender *a, struct slot *slot, const struct entry *entry,
	const struct line_context *context, bool *out_is_new, burr_error *err)
{
	if (!slot->log) {
		burr_status status = use_log(a, slot, err);
		if (status != BURR_OK)
			return status;
	}
	return log_stage(slot->log, context->writer, entry->lane, entry->n, entry->log_start,
		entry->log_token, out_is_new, err);
}

static burr_status take_record(struct appender *a, struct slot *slot, const struct entry *entry,
	const struct line_context *context, burr_error *err)
{
	bool is_new;
	if (entry->type == RECORD_APPLICATION) {
		burr_status status = store_create_app(a->store, entry, context, err);
		slot->touched = slot->touched || status == BURR_OK;
		a->tree_unsynced = a->tree_unsynced || status == BURR_OK;
		return status;
	}
	burr_status status = stage(a, slot, entry, context, &is_new, err);
	if (status != BURR_OK || !is_new)
		return status;
	if (entry->record.len > RECORD_BYTES_MAX)
		return burr_fail(err, BURR_ETOOBIG, "a record of %zu bytes; at most %d", entry->record.len,
			RECORD_BYTES_MAX);
	status = line_put(&a->lines, entry, context, err);
	if (status == BURR_OK && a->lines.len > LINES_AT_ONCE)
		status = write_lines(a, slot, err);
	return status;
}

/* Its side file is not there: the record is in the log already, or it is lost. That costs nothing but itself.
 */
static burr_status note_lost(struct appender *a, struct slot *slot, const struct entry *entry,
	const struct line_context *context, const burr_error *why, burr_error *err)
{
	bool is_new = true;
	burr_status status = stage(a, slot, entry, context, &is_new, err);
	if (status == BURR_ELATER || (status == BURR_OK && !is_new))
		return status;
	if (a->lost_count++ == 0)
		snprintf(a->lost_text, sizeof(a->lost_text), "%.*s", (int)sizeof(a->lost_text) - 1,
			why->message);
	return BURR_OK;
}

static burr_status take_side(struct appender *a, struct slot *slot, const struct entry *entry,
	const struct line_context *context, burr_error *err)
{
	struct entry whole = *entry;
	burr_error why;
	burr_status status = side_read(a->store, context->writer, entry, &a->side, &why);
	if (status == BURR_OK)
		status = entry_read_side(buf_slice(&a->side), &whole, &why);
	if (status == BURR_OK)
		return take_record(a, slot, &whole, context, err);
	if (status == BURR_ENOTFOUND || status == BURR_ECORRUPT)
		return note_lost(a, slot, entry, context, &why, err);
	return burr_fail(err, status, "%s", why.message);
}

/* A record that another writer holds, and will send as well. What the store refuses for good its writer is to
 * be told, so here it is tried later: passed over, it would count as there once a younger one of its lane is.
 * The making of an application has no place in the log, and holds nothing up. One that is lost is counted
 * here, as it counts as there from now on. */
static burr_status take_other(struct appender *a, struct slot *slot, const struct foreign_entry *at,
	struct line_faults *faults, burr_error *err)
{
	const struct foreign_writer *writer = &a->others.writers[at->writer];
	const struct line_context context = {
		{writer->id, WRITER_ID_LEN}, writer->clock_offset_ns, foreign_about(writer), faults};
	struct slice bytes;
	struct entry entry;
	burr_status status;
	if (!foreign_bytes(&a->others, at, &bytes))
		return burr_fail(err, BURR_ELATER, "an earlier record of another process is on its way");
	if (!foreign_parse(bytes, &entry))
		return BURR_OK;
	if (entry.side_len)
		status = take_side(a, slot, &entry, &context, err);
	else
		status = take_record(a, slot, &entry, &context, err);
	if (status == BURR_OK || status == BURR_ELATER || status == BURR_ENOMEM)
		return status;
	if (entry.type == RECORD_APPLICATION && !entry.side_len)
		return BURR_OK;
	if (a->options.doubt_others)
		a->options.doubt_others(a->options.others, slot->project, slot->app_id);
	return burr_fail_in(err, BURR_ELATER, "an earlier record of another process");
}

/* Others' records that are older than the next one of ours. */
static burr_status take_others(struct appender *a, struct slot *slot, uint64_t before_ns,
	const struct line_context *context, burr_error *err)
{
	burr_status status = BURR_OK;
	while (status == BURR_OK && a->next_other < a->others.entry_count) {
		const struct foreign_entry *at = &a->others.entries[a->next_other];
		if (at->time_ns >= (int64_t)before_ns)
			break;
		a->next_other++;
		status = take_other(a, slot, at, context->faults, err);
	}
	return status;
}

/* Before the log is looked at: what has left a spool by then is in it. */
static burr_status find_others(
	struct appender *a, const struct slot *slot, const struct line_context *context, burr_error *err)
{
	foreign_clear(&a->others);
	a->next_other = 0;
	if (!a->options.find_others)
		return BURR_OK;
	return a->options.find_others(a->options.others, context->writer, slot->project, slot->app_id,
		(int64_t)a->entries[slot->last].time_ns, &a->others, err);
}

static void forget_others(struct appender *a, const struct slot *slot, const struct line_context *context)
{
	if (a->others.entry_count && a->options.forget_others)
		a->options.forget_others(a->options.others, context->writer, slot->project, slot->app_id,
			(int64_t)a->entries[slot->last].time_ns);
}

/* An application's next record lies somewhere else in the batch, and the processor cannot guess where:
 * without this, reading it from memory takes as long as making its line. */
static void prefetch(const struct appender *a, uint32_t at)
{
	enum { LINE = 64, AHEAD_MAX = 1024 };
	if (at == NO_ENTRY)
		return;
	struct slice record = a->entries[at].record;
	for (size_t i = 0; i < record.len && i < AHEAD_MAX; i += LINE)
		__builtin_prefetch(record.data + i);
}

static burr_status take_entries(
	struct appender *a, struct slot *slot, const struct line_context *context, burr_error *err)
{
	burr_status status = BURR_OK;
	for (uint32_t at = slot->first; at != NO_ENTRY && status == BURR_OK; at = a->next_of[at]) {
		const struct entry *entry = &a->entries[at];
		prefetch(a, a->next_of[at]);
		errno = 0;
		status = take_others(a, slot, entry->time_ns, context, err);
		if (status == BURR_OK)
			status = entry->side_len ? take_side(a, slot, entry, context, err)
						 : take_record(a, slot, entry, context, err);
	}
	return status;
}

/* With thousands of logs nothing of one is in the processor's cache when its turn comes: what the next ones
 * need is asked for ahead, each thing once the one that leads to it has come. */
static void look_ahead(struct appender *a, size_t at)
{
	enum { BUCKET = 6, CACHED = 4, LOG = 2 };
	if (at + BUCKET < a->slot_count)
		__builtin_prefetch(&a->buckets[a->slots[at + BUCKET].hash % BUCKETS]);
	if (at + CACHED < a->slot_count)
		__builtin_prefetch(a->buckets[a->slots[at + CACHED].hash % BUCKETS]);
	if (at + LOG < a->slot_count) {
		struct slot *slot = &a->slots[at + LOG];
		struct cached *c = slot_cached(a, slot);
		if (c)
			log_prefetch(c->log);
		prefetch(a, slot->first);
	}
}

static void store_slot(struct appender *a, struct slot *slot, const struct line_context *context)
{
	burr_error why;
	buf_clear(&a->lines);
	errno = 0;
	burr_status status = find_others(a, slot, context, &why);
	if (status == BURR_OK)
		status = take_entries(a, slot, context, &why);
	if (is_without_descriptors(status))
		note_lack(a);
	if (status == BURR_OK)
		status = write_lines(a, slot, &why);
	else if (slot->log)
		log_unstage(slot->log);
	if (status != BURR_OK)
		fail_slot(slot, status, &why);
	else
		forget_others(a, slot, context);
	if (slot->touched && a->options.on_appended)
		a->options.on_appended(a->options.ctx, slot->project, slot->app_id);
}

/* ---- durability ---- */

static burr_status sync_all(struct appender *a, burr_error *err)
{
	if (syncfs(a->store->dir_fd) == 0)
		return BURR_OK;
	return burr_fail(err, BURR_ELATER, "sync the store's file system: %s", strerror(errno));
}

/* What a holder of the right to append left when it died is acknowledged by the numbers alone. */
static bool sync_before(struct appender *a)
{
	burr_error why;
	if (!a->sync_first || a->store->durability == DURABILITY_OS)
		return true;
	burr_status status = sync_all(a, &why);
	a->sync_first = status != BURR_OK;
	for (size_t i = 0; i < a->slot_count && status != BURR_OK; i++)
		fail_slot(&a->slots[i], status, &why);
	return status == BURR_OK;
}

static bool slot_waits(const struct slot *slot)
{
	return slot->verdict.kind == VERDICT_DONE && slot->log && log_needs_sync(slot->log);
}

/* `power`: what is DONE is on the disk, what was there already included. (Created applications: create.c.) */
static void sync_slots(struct appender *a)
{
	burr_error why;
	size_t count = 0;
	for (size_t i = 0; i < a->slot_count; i++)
		count += slot_waits(&a->slots[i]);
	bool at_once = count >= SYNC_ALL_FROM;
	burr_status all = at_once ? sync_all(a, &why) : BURR_OK;
	for (size_t i = 0; i < a->slot_count; i++) {
		struct slot *slot = &a->slots[i];
		if (!slot_waits(slot))
			continue;
		burr_status status = at_once ? all : log_sync(slot->log, &why);
		if (at_once)
			log_note_sync(slot->log, status == BURR_OK);
		if (status != BURR_OK)
			fail_slot(slot, status, &why);
	}
}

/* `group`: the acknowledgement goes out, the sync follows. */
static void note_due(struct appender *a)
{
	bool due = a->tree_unsynced;
	for (size_t i = 0; i < a->slot_count; i++) {
		struct slot *slot = &a->slots[i];
		if (!slot_waits(slot))
			continue;
		slot_cached(a, slot)->acknowledged = true;
		due = true;
	}
	if (due && a->sync_due == INT64_MAX)
		a->sync_due = clock_mono_ns() + GROUP_WINDOW_NS;
}

static void make_durable(struct appender *a)
{
	if (a->store->durability == DURABILITY_POWER)
		sync_slots(a);
	else if (a->store->durability == DURABILITY_GROUP)
		note_due(a);
}

int64_t appender_sync_due(const struct appender *a)
{
	return a->sync_due;
}

static size_t count_due(const struct appender *a)
{
	size_t count = 0;
	for (const struct cached *c = a->newest; c; c = c->older)
		count += is_due(c);
	return count;
}

burr_status appender_sync(struct appender *a, burr_error *err)
{
	burr_status first = BURR_OK;
	bool at_once = a->tree_unsynced || count_due(a) >= SYNC_ALL_FROM;
	burr_status all = at_once ? sync_all(a, err) : BURR_OK;
	if (all == BURR_OK)
		a->tree_unsynced = false;
	for (struct cached *c = a->newest; c; c = c->older) {
		if (!is_due(c))
			continue;
		burr_status status = all;
		if (at_once && !log_sync_failed(c->log))
			log_note_sync(c->log, all == BURR_OK);
		else
			status = log_sync(c->log, first == BURR_OK ? err : NULL);
		c->acknowledged = status != BURR_OK;
		first = first == BURR_OK ? status : first;
	}
	first = all == BURR_OK ? first : all;
	a->sync_due = first == BURR_OK ? INT64_MAX : clock_mono_ns() + SYNC_AGAIN_NS;
	return first;
}

/* ---- the batch ---- */

/* Give the locks back, and close what exceeds the cache: a slot's log may be any of it, so only now. */
static void leave_logs(struct appender *a)
{
	for (size_t i = 0; i < a->slot_count; i++)
		if (a->slots[i].log && a->slots[i].locked)
			log_unlock(a->slots[i].log);
	drop_exceeding(a);
	if (a->lines.cap > LINES_KEPT)
		buf_fini(&a->lines);
	if (a->side.cap > SIDE_KEPT)
		buf_fini(&a->side);
	if (a->others.bytes.cap + a->others.entry_cap * sizeof(*a->others.entries) > OTHERS_KEPT)
		foreign_fini(&a->others);
}

static void put_reply(struct appender *a, const struct line_faults *faults, struct buf *out)
{
	struct reply reply = {
		.protocol = PROTOCOL_VERSION,
		.status = REPLY_OK,
		.invalid_count = faults->count,
		.invalid_text = faults->count ? slice_of(faults->text) : SLICE_NONE,
		.lost_count = a->lost_count,
		.lost_text = a->lost_count ? slice_of(a->lost_text) : SLICE_NONE,
	};
	reply_put(out, &reply);
	for (size_t i = 0; i < a->slot_count; i++)
		reply_put_verdict(out, &a->slots[i].verdict);
}

burr_status appender_store(
	struct appender *a, const struct request *request, struct buf *out_reply, burr_error *err)
{
	struct line_faults faults;
	struct line_context context = {request->writer, request->clock_offset_ns, request->about, &faults};
	faults.count = 0;
	a->lost_count = 0;
	begin_batch(a);
	burr_status status = read_entries(a, request, err);
	if (status != BURR_OK)
		return status;
	if (a->options.begin_others)
		a->options.begin_others(a->options.others);
	if (sync_before(a)) {
		for (size_t i = 0; i < a->slot_count; i++) {
			look_ahead(a, i);
			store_slot(a, &a->slots[i], &context);
		}
		make_durable(a);
	}
	leave_logs(a);
	put_reply(a, &faults, out_reply);
	return out_reply->failed ? burr_fail(err, BURR_ENOMEM, "no memory for a reply") : BURR_OK;
}
