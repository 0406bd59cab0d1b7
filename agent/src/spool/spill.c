/* spool/spill.c: where records go when the lanes fill up and the store takes nothing: a file beside the
 * spool, drained before the lanes. Its entries are the lanes', each with its lane's number before it.
 *
 * What is live in it is kept in memory (live.h), so neither a mark that the disk does not take nor bytes that
 * it gives back changed ever count twice.
 *
 * Threads: the shipper, under the spool's lock. Per application the file is always older than the lanes: an
 * application that has entries here gets none past it. */
#include "base/clean.h"
#include "spool/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>

enum { NEARLY_EMPTY = 25, PAGE = 4096 };

static const int64_t READ_AGAIN_NS = 100000000;     /* a disk that failed is asked again */
static const int64_t COMPACT_AGAIN_NS = 1000000000; /* half the cap was copied in vain, perhaps */

void spill_name(char name[SPILL_NAME_MAX], const char *writer)
{
	snprintf(name, SPILL_NAME_MAX, "%s%.16s%s", SPOOL_PREFIX, writer, SPOOL_SPILL_SUFFIX);
}

static bool open_file(struct spool *spool)
{
	char name[SPILL_NAME_MAX];
	struct spill *s = &spool->spill;
	if (s->fd >= 0)
		return true;
	if (spool->file.is_private || !spool->store)
		return false;
	if (!s->items)
		s->items = calloc(BATCH_ITEMS_MAX, sizeof(*s->items));
	spill_name(name, spool->file.writer);
	if (s->items)
		s->fd = openat(spool->store->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return s->fd >= 0;
}

static void set_length(struct spool *spool, uint64_t length)
{
	spool->spill.length = length;
	atomic_store(&spool_file_header(&spool->file)->spill_length, length);
}

static bool append(struct spool *spool, const struct buf *bytes)
{
	struct spill *s = &spool->spill;
	size_t done = 0;
	while (done < bytes->len) {
		ssize_t put = pwrite(s->fd, bytes->data + done, bytes->len - done, (off_t)(s->length + done));
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			break;
		done += (size_t)put;
	}
	if (done == bytes->len) {
		set_length(spool, s->length + done);
		return true;
	}
	/* What could not be cut off again is written over by the next try. */
	if (done && ftruncate(s->fd, (off_t)s->length) < 0)
		return false;
	return false;
}

/* The bytes that an entry takes in the file. */
static uint64_t room_of(const struct spool_spilled *spilled)
{
	const uint32_t flags = atomic_load_explicit(&spilled->entry.len_flags, memory_order_relaxed);
	return offsetof(struct spool_spilled, entry) + spool_room(flags & SPOOL_LEN);
}

/* All that was in it is decided. */
static void empty_file(struct spool *spool)
{
	struct spill *s = &spool->spill;
	_Atomic uint64_t *spill_read = &spool_file_header(&spool->file)->spill_read;
	s->first_ns = INT64_MAX;
	s->walked_to = s->live_bytes = 0;
	atomic_store(spill_read, s->length);
	if (ftruncate(s->fd, 0) < 0)
		return; /* it goes on being read from where it was read to */
	set_length(spool, 0);
	s->freed_to = 0;
	live_fini(&s->live);
	atomic_store(spill_read, 0);
}

/* ---- reading it ---- */

enum seen {
	SEEN,
	SEEN_NOT_NOW, /* the disk or the memory does not give it at the moment: nothing is known of it */
	SEEN_DAMAGED, /* what is there, or the file's end, is no entry */
};

static void forget_window(struct spill *s)
{
	buf_clear(&s->window);
	s->window_at = 0;
}

/* Read what comes from `at` on into the window. False: with an error, after the bytes that it has then. */
static bool fill_window(struct spill *s, uint64_t at, size_t want)
{
	forget_window(s);
	s->window_at = at;
	char *to = buf_reserve(&s->window, want);
	errno = to ? 0 : ENOMEM;
	while (to && s->window.len < want) {
		ssize_t got =
			pread(s->fd, to + s->window.len, want - s->window.len, (off_t)(at + s->window.len));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		s->window.len += (size_t)got;
	}
	return to != NULL;
}

/* Bytes [at, at + len) through the window. */
static enum seen peek(struct spill *s, uint64_t at, size_t len, const char **out_bytes)
{
	if (at < s->window_at || at + len > s->window_at + s->window.len) {
		const bool ok = fill_window(s, at, len > BATCH_BYTES ? len : BATCH_BYTES);
		if (len > s->window.len)
			return ok ? SEEN_DAMAGED : SEEN_NOT_NOW;
	}
	*out_bytes = s->window.data + (at - s->window_at);
	return SEEN;
}

static struct spool_app *app_of(const struct spool *spool, const struct spool_entry *entry)
{
	struct spool_app *app = entry->app < spool->app_count ? spool->apps[entry->app] : NULL;
	return app && app->hash == entry->hash ? app : NULL;
}

static enum seen read_entry(struct spool *spool, uint64_t at, const struct spool_spilled **out)
{
	struct spill *s = &spool->spill;
	const char *bytes = NULL;
	enum seen seen = peek(s, at, sizeof(**out), &bytes);
	if (seen != SEEN)
		return seen;
	const uint64_t room = room_of((const struct spool_spilled *)(const void *)bytes);
	if (room > SPOOL_LANE_BYTES || at + room > s->length)
		return SEEN_DAMAGED;
	seen = peek(s, at, (size_t)room, &bytes);
	if (seen != SEEN)
		return seen;
	*out = (const struct spool_spilled *)(const void *)bytes;
	const struct spool_entry *entry = &(*out)->entry;
	const uint32_t flags = atomic_load_explicit(&entry->len_flags, memory_order_relaxed);
	const bool valid = !(flags & SPOOL_PAD) && (*out)->lane < SPOOL_LANES && app_of(spool, entry) &&
			   entry->checksum == spool_checksum(entry, flags & SPOOL_LEN);
	return valid ? SEEN : SEEN_DAMAGED;
}

/* Take one entry into the batch. False: the batch is full. */
static bool add(struct spool *spool, struct batch *batch, const struct spool_spilled *spilled, uint64_t at)
{
	const struct spool_entry *entry = &spilled->entry;
	uint32_t flags = atomic_load_explicit(&entry->len_flags, memory_order_relaxed);
	struct spool_app *app = app_of(spool, entry);
	const struct slice bytes = {(const char *)(entry + 1), flags & SPOOL_LEN};
	bool side = flags & SPOOL_SIDE;
	size_t cost = bytes.len + (side ? gather_side_len(bytes) : 0);
	if (app->retry_at_ns > spool->gathered_ns) {
		if (app->retry_at_ns < batch->retry_at_ns)
			batch->retry_at_ns = app->retry_at_ns;
	} else if (batch->item_count == BATCH_ITEMS_MAX ||
		   (batch->item_count && batch->bytes + cost > BATCH_BYTES)) {
		return false;
	} else if (gather_admit(batch, app, flags)) {
		batch->items[batch->item_count++] = (struct item){app, at, entry->n, entry->time_ns,
			spilled->lane, (uint32_t)room_of(spilled), .spilled = true, .side = side};
		batch->bytes += cost;
		buf_append_slice(&batch->entries, bytes);
	}
	return true;
}

/* The disk gave back other bytes than it took: that entry is lost, and counted. Whose it was cannot be told
 * from it. */
static void lose(struct spool *spool, uint64_t at)
{
	struct spill *s = &spool->spill;
	if (!live_take(&s->live, at))
		return;
	s->entry_count--;
	s->miscounted = true;
	atomic_fetch_add(&spool_file_header(&spool->file)->dropped_count, 1);
	spool->refused_count++;
	spool_set_trouble_locked(spool, SLICE_NONE, SLICE_LIT("the spill file is damaged"));
}

static uint64_t next_live(const struct spill *s, uint64_t from)
{
	const uint64_t at = live_find(&s->live, from);
	return at < s->length ? at : s->length;
}

/* Find out how many each application has there: by reading all of it, once after entries were lost. False:
 * not now, and the counts are still none too low. */
static bool recount(struct spool *spool)
{
	struct spill *s = &spool->spill;
	const struct spool_spilled *spilled = NULL;
	uint64_t live_bytes = 0;
	for (uint32_t i = 0; i < spool->app_count; i++)
		if (spool->apps[i])
			spool->apps[i]->found_count = 0;
	for (uint64_t at = next_live(s, 0); at < s->length; at = next_live(s, at + 1)) {
		const enum seen seen = read_entry(spool, at, &spilled);
		if (seen == SEEN_NOT_NOW)
			return false;
		if (seen == SEEN) {
			app_of(spool, &spilled->entry)->found_count++;
			live_bytes += room_of(spilled);
		} else {
			lose(spool, at);
		}
	}
	s->live_bytes = live_bytes;
	for (uint32_t i = 0; i < spool->app_count; i++)
		if (spool->apps[i])
			spool->apps[i]->spilled_count = spool->apps[i]->found_count;
	s->miscounted = false;
	return true;
}

/* Whoever has entries behind this place waits; other applications' records go past it. */
static void read_later(struct spool *spool)
{
	char text[100];
	snprintf(text, sizeof(text), "the spill file cannot be read now: %s", strerror(errno));
	spool_set_trouble_locked(spool, SLICE_NONE, slice_of(text));
	spool->spill.read_again_ns = spool->gathered_ns + READ_AGAIN_NS;
}

/* Go on with the batch from `at`. False: that is all for now. */
static bool gather_one(struct spool *spool, struct batch *batch, uint64_t at)
{
	const struct spool_spilled *spilled = NULL;
	switch (read_entry(spool, at, &spilled)) {
	case SEEN:
		return add(spool, batch, spilled, at);
	case SEEN_DAMAGED:
		lose(spool, at);
		if (recount(spool))
			return true;
		break;
	case SEEN_NOT_NOW:
		break;
	}
	read_later(spool);
	return false;
}

static void gather_all(struct spool *spool, struct batch *batch)
{
	struct spill *s = &spool->spill;
	uint64_t at = atomic_load(&spool_file_header(&spool->file)->spill_read);
	if (s->walked_to > at && spool->gathered_ns < s->walked_until_ns) {
		batch->retry_at_ns = s->walked_until_ns;
		at = s->walked_to;
	}
	for (at = next_live(s, at); at < s->length; at = next_live(s, at + 1)) {
		if (!gather_one(spool, batch, at))
			return;
		if (!batch->item_count) { /* nothing up to here is for now */
			s->walked_to = at + 1;
			s->walked_until_ns = batch->retry_at_ns;
		}
	}
}

void spill_gather(struct spool *spool, struct batch *batch)
{
	struct spill *s = &spool->spill;
	_Atomic uint64_t *spill_read = &spool_file_header(&spool->file)->spill_read;
	if (!s->entry_count)
		return;
	forget_window(s);
	if (spool->gathered_ns >= s->read_again_ns) {
		if (s->miscounted && !recount(spool))
			read_later(spool);
		else
			gather_all(spool, batch);
	}
	/* Past what was lost, so that nobody else meets it. */
	atomic_store(spill_read, next_live(s, atomic_load(spill_read)));
	if (!batch->item_count && !s->entry_count)
		empty_file(spool);
	if (spool->gathered_ns < s->read_again_ns && s->read_again_ns < batch->retry_at_ns)
		batch->retry_at_ns = s->read_again_ns;
}

/* ---- making room in it ---- */

/* The disk gets back what is in front of spill_read: nobody reads there. False: it cannot do that. */
static bool free_front(struct spool *spool)
{
	struct spill *s = &spool->spill;
	const uint64_t read = atomic_load(&spool_file_header(&spool->file)->spill_read);
	const uint64_t to = read / PAGE * PAGE;
	if (to > s->freed_to && fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)s->freed_to, (off_t)(to - s->freed_to)) < 0)
		return false;
	s->freed_to = to > s->freed_to ? to : s->freed_to;
	live_forget(&s->live, to);
	return true;
}

/* Copy what is live behind all else, in its order. False: the disk did not do it, or other bytes are there.
 */
static bool copy_live(struct spool *spool, uint64_t end, struct buf *out)
{
	struct spill *s = &spool->spill;
	const struct spool_spilled *spilled = NULL;
	uint64_t at = next_live(s, 0);
	while (at < end) {
		const enum seen seen = read_entry(spool, at, &spilled);
		if (seen == SEEN_DAMAGED)
			lose(spool, at);
		if (seen != SEEN)
			return false;
		const uint64_t room = room_of(spilled);
		if (!live_reserve(&s->live, s->length + out->len + room))
			return false;
		live_add(&s->live, s->length + out->len);
		buf_append(out, spilled, room);
		at = live_find(&s->live, at + room);
		if (out->failed || ((at >= end || out->len >= BATCH_BYTES) && !append(spool, out)))
			return false;
		if (out->len >= BATCH_BYTES)
			buf_clear(out);
	}
	return true;
}

static void take_between(struct live *live, uint64_t from, uint64_t end)
{
	for (uint64_t at = live_find(live, from); at < end; at = live_find(live, at + 1))
		live_take(live, at);
}

/* Entries that stay keep the dead ones behind them in the file: copies of what is live take their place.
 * Until spill_read moves over the old ones in one store a reader meets both, and an identity twice is
 * harmless. */
static void compact(struct spool *spool)
{
	struct spill *s = &spool->spill;
	const uint64_t end = s->length;
	CLEAN(buf_fini) struct buf out = BUF_INIT;
	if (s->miscounted || spool->gathered_ns < s->compact_at_ns || !free_front(spool) ||
		s->live_bytes > (end - s->freed_to) / 2)
		return;
	forget_window(s);
	if (!copy_live(spool, end, &out)) {
		take_between(&s->live, end, LIVE_NONE);
		set_length(spool, end);
		s->compact_at_ns = spool->gathered_ns + COMPACT_AGAIN_NS;
		if (ftruncate(s->fd, (off_t)end) < 0)
			return; /* the next append writes over it */
		return;
	}
	take_between(&s->live, 0, end);
	s->walked_to = 0;
	atomic_store(&spool_file_header(&spool->file)->spill_read, end);
	if (!free_front(spool))
		return; /* it takes more of the disk for now */
}

/* ---- filling it ---- */

/* One batch's worth. *out_count: how many went. */
static bool take_some(struct spool *spool, bool all, size_t *out_count)
{
	struct spill *s = &spool->spill;
	if (s->length - s->freed_to + BATCH_BYTES > spool->spill_max)
		compact(spool);
	buf_clear(&s->window);
	*out_count = gather_spilled(spool, all, s->items, BATCH_ITEMS_MAX, &s->window);
	if (!*out_count)
		return true;
	uint64_t at = s->length;
	const uint64_t end = at + s->window.len;
	if (end - s->freed_to > spool->spill_max || !live_reserve(&s->live, end) ||
		!append(spool, &s->window))
		return false;
	const char *bytes = s->window.data;
	s->live_bytes += s->window.len;
	for (size_t i = 0; i < *out_count; i++) {
		struct item *item = &s->items[i];
		const uint64_t room = room_of((const struct spool_spilled *)(const void *)bytes);
		live_add(&s->live, at);
		at += room;
		bytes += room;
		if (item->time_ns < s->first_ns)
			s->first_ns = item->time_ns;
		item->app->spilled_count++;
		s->entry_count++;
		gather_mark_done(spool, item);
	}
	gather_free_done(spool);
	return true;
}

bool spill_take(struct spool *spool, bool all)
{
	const struct spill *s = &spool->spill;
	size_t count = 1;
	if (!open_file(spool))
		return false;
	/* Which the disk refused before. Not while a batch is out: its places in the file would be others'.
	 */
	if (!s->entry_count && s->length && !spool->batch->item_count)
		empty_file(spool);
	while (count && gather_fullness(spool) > NEARLY_EMPTY)
		if (!take_some(spool, all, &count))
			return false;
	return true;
}

/* ---- what is decided ---- */

static bool is_decided(const struct batch *batch, const struct item *item)
{
	const struct judgement *judgement = &batch->judgements[item->app->batch_at];
	return judgement->known && judgement->kind != VERDICT_LATER;
}

/* Behind an entry that stays, an entry that is dealt with is marked in the file, so that nobody takes it
 * again after this process's end; should that fail, its identity tells. This process goes by `live`. */
static void mark_in_file(const struct spill *s, const struct item *item)
{
	uint32_t flags = 0;
	const off_t at = (off_t)(item->at + offsetof(struct spool_spilled, entry.len_flags));
	if (pread(s->fd, &flags, sizeof(flags), at) != sizeof(flags))
		return;
	flags |= SPOOL_DONE;
	if (pwrite(s->fd, &flags, sizeof(flags), at) != sizeof(flags))
		return;
}

bool spill_mark_done(struct spool *spool, const struct item *item)
{
	struct spill *s = &spool->spill;
	if (!live_take(&s->live, item->at))
		return false;
	item->app->spilled_count--;
	s->entry_count--;
	s->live_bytes -= item->room;
	return true;
}

void spill_free_done(struct spool *spool, struct batch *batch)
{
	struct spill *s = &spool->spill;
	_Atomic uint64_t *spill_read = &spool_file_header(&spool->file)->spill_read;
	const uint64_t read = next_live(s, atomic_load(spill_read));
	for (size_t i = 0; i < batch->item_count; i++)
		if (batch->items[i].spilled && is_decided(batch, &batch->items[i]) &&
			batch->items[i].at > read)
			mark_in_file(s, &batch->items[i]);
	atomic_store(spill_read, read);
	if (!s->entry_count)
		empty_file(spool);
}

void spill_close(struct spool *spool)
{
	char name[SPILL_NAME_MAX];
	struct spill *s = &spool->spill;
	if (s->fd >= 0 && !s->entry_count) {
		spill_name(name, spool->file.writer);
		unlinkat(spool->store->dir_fd, name, 0);
	}
	fd_close(&s->fd);
	buf_fini(&s->window);
	live_fini(&s->live);
	free(s->items);
	s->items = NULL;
}
