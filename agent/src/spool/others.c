#include "spool/others.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "spool/held.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* A folder's time moves in ticks: a change in the same tick as the last look does not show in it. */
enum { TICK_NS = 20 * 1000 * 1000 };

static const uint64_t NOTHING_READ = UINT64_MAX;

enum { OPEN_MAX = 32 }; /* spools: more programs than that seldom record into one store at a time */

/* What a spool's lanes have got and given, in bytes. */
struct sums {
	uint64_t published;
	uint64_t freed;
	bool holds; /* there is something in it, or in its spill file */
};

/* Another writer's spool. It is read, never mapped: whoever cuts it would end us by a SIGBUS. */
struct other {
	char name[64];
	int fd; /* -1: it is opened for each look */
	bool seen;
	bool headless; /* its header cannot be read just now: it may hold anybody's records */
	bool old_boot;
	bool passed; /* its boot's spools were recovered before those of the boot that is passing, and it
			stayed */
	char boot_id[40];
	uint64_t filter_changes; /* what `filter` is as new as */
	char filter[SPOOL_FILTER_BYTES];
	int64_t unreadable_since_ns; /* for recovery; 0: it is not */
	/* At the last others_each_stalled: */
	struct sums sums;
	bool held;   /* it held records */
	bool stored; /* all of them, up to sums.published, are in their logs */
	/* In this batch: */
	bool asked; /* the filter is as new as the batch */
	bool read;
	/* What was read last, by their hashes: all that it holds, as long as no more is published and the
	 * store refuses none of it. */
	struct foreign entries;
	uint64_t read_published; /* NOTHING_READ: there is none */
};

struct others {
	const struct store *store;
	char own_name[64];
	struct other *list;
	size_t count;
	size_t cap;
	size_t open_count;
	size_t open_max; /* falls where descriptors are short, for good: a look costs a few microseconds more
			  */
	struct timespec changed; /* the folder's time at the last look */
	int64_t looked_ns;       /* the wall's time then; 0: look again whatever the folder says */
	bool incomplete;         /* there is one that could not be opened */
	char passing[40];        /* the earlier boot whose spools are being recovered; "": none */
	struct held_spill spill; /* open while an application's entries are read out of it */
};

struct others *others_new(const struct store *store, struct slice own_writer)
{
	struct others *o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->store = store;
	o->open_max = OPEN_MAX;
	o->spill = (struct held_spill){.store = store, .fd = -1};
	if (own_writer.len)
		snprintf(o->own_name, sizeof(o->own_name), "%s%.*s", SPOOL_PREFIX, SLICE_ARG(own_writer));
	return o;
}

static void leave_open(struct others *o, struct other *other)
{
	o->open_count -= other->fd >= 0;
	fd_close(&other->fd);
}

static void close_other(struct others *o, struct other *other)
{
	leave_open(o, other);
	foreign_fini(&other->entries);
}

void others_free(struct others *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->count; i++)
		close_other(o, &o->list[i]);
	held_spill_close(&o->spill);
	free(o->list);
	free(o);
}

/* ---- descriptors ---- */

/* After a failure for want of a descriptor: give one back. False: none is kept, or it was not that. */
static bool give_one_back(struct others *o)
{
	if (errno != EMFILE && errno != ENFILE)
		return false;
	for (size_t i = 0; i < o->count; i++) {
		if (o->list[i].fd < 0)
			continue;
		leave_open(o, &o->list[i]);
		o->open_max = o->open_count;
		return true;
	}
	return false;
}

static int open_spool(struct others *o, const char *name)
{
	int fd;
	do
		fd = spool_open(o->store->dir_fd, name, O_RDONLY);
	while (fd < 0 && give_one_back(o));
	return fd;
}

static DIR *open_folder(struct others *o)
{
	DIR *dir;
	do
		dir = spool_list(o->store->dir_fd);
	while (!dir && give_one_back(o));
	return dir;
}

/* Keep its descriptor, which is moved in, if there are not too many. */
static void keep_open(struct others *o, struct other *other, int *fd)
{
	if (o->open_count >= o->open_max)
		return;
	other->fd = fd_take(fd);
	o->open_count++;
}

/* A descriptor of the spool to look through, in *fd where it is not kept; -1 and errno. */
static int look_into(struct others *o, struct other *other, int *fd)
{
	if (other->fd >= 0)
		return other->fd;
	*fd = open_spool(o, other->name);
	if (*fd < 0)
		return -1;
	keep_open(o, other, fd);
	return other->fd >= 0 ? other->fd : *fd;
}

/* Why a spool cannot be opened: it has gone, so what it held is in the logs; or it is none; or another
 * user's, for which nobody can wait, as it may stay for ever. */
static bool is_gone(int error)
{
	return error == ENOENT || error == EINVAL || error == ELOOP || error == EACCES;
}

/* ---- which there are ---- */

/* False: it is no spool of ours. */
static bool read_head(struct other *other, int fd)
{
	struct spool_header header;
	const burr_status status = spool_read_header(fd, &header, NULL);
	other->headless = status == BURR_EIO;
	if (status != BURR_OK)
		return other->headless;
	other->old_boot = spool_is_of_old_boot(&header);
	memcpy(other->boot_id, header.boot_id, sizeof(other->boot_id));
	return true;
}

static void add(struct others *o, const char *name)
{
	if (o->count == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : 8;
		struct other *list = realloc(o->list, cap * sizeof(*list));
		if (!list) {
			o->incomplete = true;
			return;
		}
		o->list = list;
		o->cap = cap;
	}
	CLEAN(fd_close) int fd = open_spool(o, name);
	o->incomplete = o->incomplete || (fd < 0 && !is_gone(errno));
	struct other *other = &o->list[o->count];
	memset(other, 0, sizeof(*other));
	if (fd < 0 || !read_head(other, fd))
		return;
	o->count++;
	other->fd = -1;
	keep_open(o, other, &fd);
	other->seen = true;
	other->filter_changes = UINT64_MAX;
	other->read_published = NOTHING_READ;
	memcpy(other->name, name, strlen(name) + 1); /* spool_name_is says how long it is */
}

static struct other *find(struct others *o, const char *name)
{
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->list[i].name, name) == 0)
			return &o->list[i];
	return NULL;
}

static void list_again(struct others *o)
{
	struct dirent *file;
	DIR *dir = open_folder(o);
	if (!dir) {
		o->incomplete = true;
		return;
	}
	for (size_t i = 0; i < o->count; i++)
		o->list[i].seen = false;
	while ((file = readdir(dir))) {
		if (!spool_name_is(file->d_name) || strcmp(file->d_name, o->own_name) == 0)
			continue;
		struct other *known = find(o, file->d_name);
		if (known)
			known->seen = true;
		else
			add(o, file->d_name);
	}
	closedir(dir);
	for (size_t i = o->count; i-- > 0;) {
		if (o->list[i].seen)
			continue;
		close_other(o, &o->list[i]);
		o->list[i] = o->list[--o->count];
	}
}

static void refresh(struct others *o)
{
	struct stat st;
	if (fstat(o->store->dir_fd, &st) < 0)
		return;
	int64_t changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	if (o->looked_ns && o->looked_ns - changed_ns > TICK_NS && st.st_mtim.tv_sec == o->changed.tv_sec &&
		st.st_mtim.tv_nsec == o->changed.tv_nsec)
		return;
	o->changed = st.st_mtim;
	o->looked_ns = clock_wall_ns();
	o->incomplete = false;
	list_again(o);
	if (o->incomplete)
		o->looked_ns = 0;
}

void others_pass_boot(struct others *o, const char *boot_id)
{
	const char *next = boot_id ? boot_id : "";
	if (strcmp(next, o->passing) == 0)
		return;
	refresh(o);
	for (size_t i = 0; i < o->count; i++) {
		struct other *other = &o->list[i];
		const bool was_passing = o->passing[0] && strcmp(other->boot_id, o->passing) == 0;
		other->passed = boot_id && (other->passed || was_passing);
	}
	snprintf(o->passing, sizeof(o->passing), "%s", next);
}

/* ---- what they hold ---- */

static bool is_writers(const struct other *other, struct slice writer)
{
	return writer.len == WRITER_ID_LEN &&
	       memcmp(other->name + sizeof(SPOOL_PREFIX) - 1, writer.data, WRITER_ID_LEN) == 0;
}

static bool read_at(int fd, void *to, size_t len, uint64_t at)
{
	return pread(fd, to, len, (off_t)at) == (ssize_t)len;
}

/* False when it cannot be read. */
static bool sum_lanes(int fd, struct sums *out)
{
	struct spool_lane_head lanes[SPOOL_LANES];
	uint64_t spill_length;
	*out = (struct sums){0, 0, false};
	if (!read_at(fd, lanes, sizeof(lanes), SPOOL_HEADS_AT) ||
		!read_at(
			fd, &spill_length, sizeof(spill_length), offsetof(struct spool_header, spill_length)))
		return false;
	for (uint32_t i = 0; i < SPOOL_LANES; i++) {
		out->freed += atomic_load(&lanes[i].tail);
		out->published += atomic_load(&lanes[i].head);
		out->holds = out->holds || atomic_load(&lanes[i].tail) != atomic_load(&lanes[i].head);
	}
	out->holds = out->holds || spill_length > 0;
	return true;
}

void others_begin(void *ctx)
{
	struct others *o = ctx;
	held_spill_close(&o->spill);
	refresh(o);
	for (size_t i = 0; i < o->count; i++)
		o->list[i].read = o->list[i].asked = false;
}

/* The number of changes is read before the filter: one that is missed shows in it at the next look. */
static bool read_filter(struct other *other, int fd)
{
	uint64_t changes;
	if (!read_at(fd, &changes, sizeof(changes), offsetof(struct spool_header, filter_changes)))
		return false;
	if (changes != other->filter_changes &&
		!read_at(fd, other->filter, sizeof(other->filter), SPOOL_FILTER_AT))
		return false;
	other->filter_changes = changes;
	return true;
}

/* Once a batch. */
static bool refresh_filter(struct others *o, struct other *other)
{
	CLEAN(fd_close) int temporary = -1;
	if (other->asked)
		return true;
	int fd = look_into(o, other, &temporary);
	if (fd < 0 && is_gone(errno))
		memset(other->filter, 0, sizeof(other->filter));
	else if (fd < 0 || (other->headless && (!read_head(other, fd) || other->headless)) ||
		 !read_filter(other, fd))
		return false;
	other->asked = true;
	return true;
}

static int compare_hashes(const void *left, const void *right)
{
	const struct foreign_entry *a = left;
	const struct foreign_entry *b = right;
	return (a->hash > b->hash) - (a->hash < b->hash);
}

/* The first entry whose hash is not less. */
static size_t find_hash(const struct foreign *held, uint32_t hash)
{
	size_t from = 0;
	size_t to = held->entry_count;
	while (from < to) {
		const size_t middle = from + (to - from) / 2;
		if (held->entries[middle].hash < hash)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void forget_entries(struct other *other)
{
	foreign_fini(&other->entries);
	other->read_published = NOTHING_READ;
}

/* A foreign_fetch_fn. Entries that are not where they were make their spool be read again. */
static bool fetch(
	void *ctx, const struct foreign_writer *writer, const struct foreign_entry *at, struct slice *out)
{
	struct others *o = ctx;
	if (held_fetch(&o->spill, writer, at, out))
		return true;
	for (size_t i = 0; i < o->count; i++)
		if (is_writers(&o->list[i], (struct slice){writer->id, WRITER_ID_LEN}))
			o->list[i].read_published = NOTHING_READ;
	return false;
}

/* All that it holds, once a batch. What has left it since it was read is in its log, as the identities tell:
 * so a dead writer's, which may be hundreds of megabytes, is read once. */
static burr_status read_other(struct others *o, struct other *other, burr_error *err)
{
	const struct held_filter all = {.before_ns = INT64_MAX, .own_times = true, .leaves_spilled = true};
	struct sums sums;
	CLEAN(fd_close) int temporary = -1;
	if (other->read)
		return BURR_OK;
	int fd = look_into(o, other, &temporary);
	if (fd < 0 && is_gone(errno)) {
		forget_entries(other);
		other->read = true;
		return BURR_OK;
	}
	if (fd < 0 || !sum_lanes(fd, &sums))
		return burr_fail(err, BURR_ELATER, "%s cannot be read", other->name);
	if (!sums.holds || (other->stored && sums.published == other->sums.published)) {
		forget_entries(other);
	} else if (sums.published != other->read_published) {
		foreign_clear(&other->entries);
		other->entries.fetch = fetch;
		other->entries.fetch_ctx = o;
		other->read_published = NOTHING_READ;
		burr_status status = held_read(o->store, fd, other->name, &all, &other->entries, NULL, err);
		if (status != BURR_OK && status != BURR_ECORRUPT)
			return status;
		if (other->entries.entry_count)
			qsort(other->entries.entries, other->entries.entry_count,
				sizeof(*other->entries.entries), compare_hashes);
		other->read_published = sums.published;
	}
	other->read = true;
	return BURR_OK;
}

static bool is_wanted(struct slice bytes, const struct held_filter *filter)
{
	struct entry entry;
	return foreign_parse(bytes, &entry) && slice_eq(entry.app_id, filter->app_id) &&
	       slice_eq(entry.project, filter->project);
}

static burr_status take_wanted(
	const struct foreign *from, const struct held_filter *filter, struct foreign *out, burr_error *err)
{
	bool has_writer = false;
	for (size_t i = find_hash(from, filter->hash);
		i < from->entry_count && from->entries[i].hash == filter->hash; i++) {
		const struct foreign_entry *at = &from->entries[i];
		struct slice bytes;
		if (at->time_ns >= filter->before_ns)
			continue;
		if (!foreign_bytes(from, at, &bytes))
			return burr_fail(err, BURR_ELATER, "another writer's records are on their way");
		if (!is_wanted(bytes, filter))
			continue;
		if ((!has_writer && !foreign_add_writer(out, &from->writers[0])) ||
			!foreign_add_entry(out, *at, bytes))
			return burr_fail(err, BURR_ELATER, "no memory for other writers' records");
		has_writer = true;
	}
	return BURR_OK;
}

burr_status others_find(void *ctx, struct slice writer, struct slice project, struct slice app_id,
	int64_t before_ns, struct foreign *out, burr_error *err)
{
	struct others *o = ctx;
	struct held_filter filter = {
		.project = project,
		.app_id = app_id,
		.hash = spool_hash(project, app_id),
		.before_ns = before_ns,
	};
	if (o->incomplete)
		return burr_fail(err, BURR_ELATER, "another writer's spool cannot be opened");
	out->fetch = fetch;
	out->fetch_ctx = o;
	for (size_t i = 0; i < o->count; i++) {
		struct other *other = &o->list[i];
		const bool passing = o->passing[0] && strcmp(other->boot_id, o->passing) == 0;
		if (is_writers(other, writer) || (o->passing[0] && !passing && !other->passed))
			continue;
		if (!refresh_filter(o, other))
			return burr_fail(err, BURR_ELATER, "%s cannot be read", other->name);
		if (!spool_filter_has(other->filter, filter.hash))
			continue;
		if (other->old_boot && !passing)
			return burr_fail(err, BURR_ELATER, "%s, of before the machine's start, comes first",
				other->name);
		if (read_other(o, other, err) != BURR_OK)
			return BURR_ELATER;
		burr_status status = take_wanted(&other->entries, &filter, out, err);
		if (status != BURR_OK)
			return status;
	}
	held_sort(out);
	return BURR_OK;
}

/* They stay where they are, behind all that anybody asks for. */
static void forget_wanted(const struct foreign *from, const struct held_filter *filter)
{
	for (size_t i = find_hash(from, filter->hash);
		i < from->entry_count && from->entries[i].hash == filter->hash; i++) {
		struct slice bytes;
		if (from->entries[i].time_ns < filter->before_ns &&
			foreign_bytes(from, &from->entries[i], &bytes) && is_wanted(bytes, filter))
			from->entries[i].time_ns = INT64_MAX;
	}
}

void others_doubt(void *ctx, struct slice project, struct slice app_id)
{
	struct others *o = ctx;
	const uint64_t hash = spool_hash(project, app_id);
	for (size_t i = 0; i < o->count; i++)
		if (spool_filter_has(o->list[i].filter, hash))
			o->list[i].read_published = NOTHING_READ;
}

void others_forget(
	void *ctx, struct slice writer, struct slice project, struct slice app_id, int64_t before_ns)
{
	struct others *o = ctx;
	const struct held_filter filter = {
		.project = project,
		.app_id = app_id,
		.hash = spool_hash(project, app_id),
		.before_ns = before_ns,
	};
	for (size_t i = 0; i < o->count; i++) {
		struct other *other = &o->list[i];
		/* Else it was not asked: what it holds may have come between its filter and its entries. */
		if (other->read && spool_filter_has(other->filter, filter.hash) && !is_writers(other, writer))
			forget_wanted(&other->entries, &filter);
	}
	held_spill_close(&o->spill);
}

void others_note_read(struct others *o, const char *name, bool unreadable)
{
	refresh(o);
	struct other *other = find(o, name);
	if (!other)
		return;
	if (!unreadable)
		other->unreadable_since_ns = 0;
	else if (!other->unreadable_since_ns)
		other->unreadable_since_ns = clock_mono_ns();
}

int64_t others_unreadable_since(struct others *o, const char *name)
{
	const struct other *other = find(o, name);
	return other ? other->unreadable_since_ns : 0;
}

struct others_count others_count(struct others *o)
{
	struct others_count count = {0, 0};
	struct sums sums;
	refresh(o);
	for (size_t i = 0; i < o->count; i++) {
		CLEAN(fd_close) int temporary = -1;
		int fd = look_into(o, &o->list[i], &temporary);
		count.spools++;
		count.holding += fd >= 0 && sum_lanes(fd, &sums) && sums.holds;
	}
	return count;
}

/* What is told of it now is compared with what was told at the last call. */
static bool is_stalled(struct other *other, const struct sums *sums)
{
	const bool stalled = sums->holds && other->held && other->sums.freed == sums->freed;
	const bool known = other->stored && other->sums.published == sums->published;
	other->held = sums->holds;
	other->sums = *sums;
	other->stored = other->stored && stalled;
	return stalled && !known;
}

void others_each_stalled(struct others *o, others_visit_fn *visit, void *ctx)
{
	refresh(o);
	for (size_t i = 0; i < o->count; i++) {
		struct other *other = &o->list[i];
		struct sums sums;
		char name[sizeof(other->name)];
		CLEAN(fd_close) int temporary = -1;
		int fd = other->old_boot ? -1 : look_into(o, other, &temporary);
		if (fd < 0 || !sum_lanes(fd, &sums) || !is_stalled(other, &sums))
			continue;
		memcpy(name, other->name, sizeof(name));
		const bool stored = visit(ctx, fd, name);
		other = find(o, name); /* the visitor's batches have looked at the folder again */
		if (other)
			other->stored = stored;
	}
}
