/* spool/spill.c: where records go when the lanes fill up and the store takes nothing: a file beside the
 * spool, drained before the lanes. Its entries are the lanes', each with its lane's number before it.
 *
 * Threads: the shipper, under the spool's lock. Per application the file is always older than the lanes: an
 * application that has entries here gets none past it. */
#include "base/clean.h"
#include "spool/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>

enum { NEARLY_EMPTY = 25 };

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

static bool append(struct spool *spool)
{
	struct spill *s = &spool->spill;
	size_t done = 0;
	while (done < s->window.len) {
		ssize_t put =
			pwrite(s->fd, s->window.data + done, s->window.len - done, (off_t)(s->length + done));
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			break;
		done += (size_t)put;
	}
	if (done == s->window.len) {
		set_length(spool, s->length + done);
		return true;
	}
	/* What could not be cut off again is written over by the next try. */
	if (done && ftruncate(s->fd, (off_t)s->length) < 0)
		return false;
	return false;
}

/* One batch's worth. *out_count: how many went. */
static bool take_some(struct spool *spool, bool all, size_t *out_count)
{
	struct spill *s = &spool->spill;
	buf_clear(&s->window);
	*out_count = gather_spilled(spool, all, s->items, BATCH_ITEMS_MAX, &s->window);
	if (!*out_count)
		return true;
	if (s->length + s->window.len > spool->spill_max || !append(spool))
		return false;
	for (size_t i = 0; i < *out_count; i++) {
		struct item *item = &s->items[i];
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
	size_t count = 1;
	if (!open_file(spool))
		return false;
	while (count && gather_fullness(spool) > NEARLY_EMPTY)
		if (!take_some(spool, all, &count))
			return false;
	return true;
}

/* ---- draining it ---- */

/* Bytes [at, at + len) through the window; NULL when they are not to be had. */
static const char *peek(struct spill *s, uint64_t at, size_t len, uint64_t *window_at)
{
	if (at >= *window_at && at + len <= *window_at + s->window.len)
		return s->window.data + (at - *window_at);
	size_t want = len > BATCH_BYTES ? len : BATCH_BYTES;
	buf_clear(&s->window);
	char *to = buf_reserve(&s->window, want);
	while (to && s->window.len < want) {
		ssize_t got =
			pread(s->fd, to + s->window.len, want - s->window.len, (off_t)(at + s->window.len));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		s->window.len += (size_t)got;
	}
	*window_at = at;
	return len <= s->window.len ? s->window.data : NULL;
}

/* Take one entry into the batch. False: the batch is full. */
static bool add(struct spool *spool, struct batch *batch, const struct spool_spilled *spilled, uint64_t at)
{
	const struct spool_entry *entry = &spilled->entry;
	uint32_t flags = atomic_load_explicit(&entry->len_flags, memory_order_relaxed);
	struct spool_app *app = entry->app < spool->app_count ? spool->apps[entry->app] : NULL;
	if (flags & SPOOL_DONE || !app)
		return true;
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
		batch->items[batch->item_count++] = (struct item){
			app, at, entry->n, entry->time_ns, spilled->lane, .spilled = true, .side = side};
		batch->bytes += cost;
		buf_append_slice(&batch->entries, bytes);
		return true;
	}
	if (at < batch->spill_kept_at)
		batch->spill_kept_at = at;
	return true;
}

/* The disk gave back other bytes than it took: what is left in the file is lost, and counted. */
static void give_up(struct spool *spool)
{
	struct spill *s = &spool->spill;
	atomic_fetch_add(&spool_file_header(&spool->file)->dropped_count, s->entry_count);
	spool->refused_count += s->entry_count;
	spool_set_trouble_locked(spool, SLICE_NONE, SLICE_LIT("the spill file is damaged"));
	for (uint32_t i = 0; i < spool->app_count; i++)
		if (spool->apps[i])
			spool->apps[i]->spilled_count = 0;
	s->entry_count = s->walked_to = 0;
	s->first_ns = INT64_MAX;
	if (ftruncate(s->fd, 0) == 0)
		set_length(spool, 0);
	atomic_store(&spool_file_header(&spool->file)->spill_read, s->length);
}

void spill_gather(struct spool *spool, struct batch *batch)
{
	struct spill *s = &spool->spill;
	uint64_t window_at = 0;
	uint64_t at = atomic_load(&spool_file_header(&spool->file)->spill_read);
	batch->spill_kept_at = UINT64_MAX;
	batch->spill_end = at;
	if (!s->entry_count)
		return;
	if (s->walked_to > at && spool->gathered_ns < s->walked_until_ns) {
		batch->spill_kept_at = at; /* what is before walked_to stays */
		batch->retry_at_ns = s->walked_until_ns;
		at = s->walked_to;
	}
	buf_clear(&s->window);
	while (at < s->length) {
		const char *bytes = peek(s, at, sizeof(struct spool_spilled), &window_at);
		if (!bytes)
			return give_up(spool);
		const size_t before = offsetof(struct spool_spilled, entry);
		const struct spool_spilled *head = (const struct spool_spilled *)(const void *)bytes;
		size_t room = spool_room(atomic_load(&head->entry.len_flags) & SPOOL_LEN);
		bytes = peek(s, at, before + room, &window_at);
		if (!bytes)
			return give_up(spool);
		if (!add(spool, batch, (const struct spool_spilled *)(const void *)bytes, at))
			break;
		at += before + room;
		if (!batch->item_count) { /* nothing up to here is for now */
			s->walked_to = at;
			s->walked_until_ns = batch->retry_at_ns;
		}
	}
	batch->spill_end = at;
}

static bool is_decided(const struct batch *batch, const struct item *item)
{
	const struct judgement *judgement = &batch->judgements[item->app->batch_at];
	return judgement->known && judgement->kind != VERDICT_LATER;
}

/* Behind an entry that stays, an entry that is dealt with is marked in the file, so that nobody takes it
 * again after this process's end; should that fail, its identity tells. */
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

void spill_free_done(struct spool *spool, struct batch *batch)
{
	struct spill *s = &spool->spill;
	uint64_t read = batch->spill_kept_at < batch->spill_end ? batch->spill_kept_at : batch->spill_end;
	for (size_t i = 0; i < batch->item_count; i++)
		if (batch->items[i].spilled && !is_decided(batch, &batch->items[i]) &&
			batch->items[i].at < read)
			read = batch->items[i].at;
	for (size_t i = 0; i < batch->item_count; i++) {
		struct item *item = &batch->items[i];
		if (!item->spilled || !is_decided(batch, item))
			continue;
		item->app->spilled_count--;
		s->entry_count--;
		if (item->at > read)
			mark_in_file(s, item);
	}
	atomic_store(&spool_file_header(&spool->file)->spill_read, read);
	if (s->entry_count)
		return;
	s->first_ns = INT64_MAX;
	s->walked_to = 0;
	if (ftruncate(s->fd, 0) < 0)
		return; /* it goes on being read from where it was read to */
	set_length(spool, 0);
	atomic_store(&spool_file_header(&spool->file)->spill_read, 0);
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
	free(s->items);
	s->items = NULL;
}
