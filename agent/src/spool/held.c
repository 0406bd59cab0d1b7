#include "spool/held.h"

#include "base/checksum.h"
#include "base/clean.h"
#include "base/error.h"
#include "spool/inside.h"
#include "store/line.h"
#include "store/log.h"
#include "store/read.h"
#include "store/side.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- one spool ---- */

/* What is behind the file's end reads as zeros, which are no entries. */
static bool read_fully(int fd, char *to, size_t len, uint64_t offset)
{
	while (len) {
		ssize_t got = pread(fd, to, len, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0) {
			memset(to, 0, len);
			return true;
		}
		to += got;
		len -= (size_t)got;
		offset += (uint64_t)got;
	}
	return true;
}

static bool add_writer(struct foreign *out, const struct spool_header *header)
{
	struct foreign_writer w = {.pid = header->pid,
		.clock_offset_ns = atomic_load(&header->clock_offset_ns),
		.dropped_count = atomic_load(&header->dropped_count)};
	memcpy(w.id, header->writer, sizeof(w.id));
	snprintf(w.host, sizeof(w.host), "%s", header->host);
	snprintf(w.program, sizeof(w.program), "%s", header->program);
	snprintf(w.library_version, sizeof(w.library_version), "%s", header->library_version);
	return foreign_add_writer(out, &w);
}

struct reading {
	const struct held_filter *filter;
	struct foreign *out;
	struct held_damage damage;
	size_t lane_began;   /* the number of entries before the lane at hand */
	const char *spilled; /* the bytes at hand of the spill file; NULL: they are a lane's */
	uint64_t spilled_at; /* their place in it */
	bool rebooted;       /* times are another boot's */
	bool salvages;
	bool failed;
	held_visit_fn *visit; /* NULL: all is kept in `out` */
	void *ctx;
	burr_status visited;
};

/* Where it salvages, the sectors that the disk does not give are zeros, too. */
static bool read_bytes(struct reading *r, int fd, char *to, size_t len, uint64_t offset)
{
	enum { SECTOR = 4096 };
	if (read_fully(fd, to, len, offset))
		return true;
	r->damage.unreadable = r->damage.unreadable || errno == EIO;
	if (!r->salvages || errno != EIO)
		return false;
	while (len) {
		const size_t left = SECTOR - offset % SECTOR;
		const size_t piece = left < len ? left : len;
		if (!read_fully(fd, to, piece, offset)) {
			memset(to, 0, piece);
			r->damage.lost_bytes += piece;
		}
		to += piece;
		len -= piece;
		offset += piece;
	}
	return true;
}

/* What was read so far goes on. False: it did not, and no more is wanted. */
static bool give_piece(struct reading *r)
{
	if (!r->visit || r->failed || r->visited != BURR_OK)
		return !r->failed && r->visited == BURR_OK;
	r->visited = r->visit(r->ctx, r->out);
	foreign_clear_entries(r->out);
	return r->visited == BURR_OK;
}

static bool names_match(const struct held_filter *filter, struct slice field, bool *out_side)
{
	struct pb_field f;
	struct entry entry;
	struct pb_reader r = pb_reader(field);
	if (!pb_next(&r, &f) || f.type != PB_BYTES || entry_read(f.bytes, &entry, NULL) != BURR_OK)
		return false;
	*out_side = entry.side_len > 0;
	return (!filter->project.data || slice_eq(entry.project, filter->project)) &&
	       (!filter->app_id.data || slice_eq(entry.app_id, filter->app_id));
}

static void add_entry(struct reading *r, uint32_t lane, const struct spool_entry *entry, struct slice bytes)
{
	struct foreign *out = r->out;
	bool side;
	if (r->filter->app_id.data && entry->hash != r->filter->hash)
		return;
	if (entry->time_ns >= r->filter->before_ns || !names_match(r->filter, bytes, &side))
		return;
	/* Another boot's clock began elsewhere; all of that is older than anything of this one. */
	int64_t time_ns = entry->time_ns < 0 ? 0 : entry->time_ns;
	time_ns -= r->rebooted && !r->filter->own_times ? INT64_MAX / 2 : 0;
	/* A lane's order is its numbers', whatever its times say. */
	if (out->entry_count > r->lane_began && out->entries[out->entry_count - 1].time_ns > time_ns)
		time_ns = out->entries[out->entry_count - 1].time_ns;
	struct foreign_entry added = {.time_ns = time_ns, .n = entry->n, .lane = lane, .hash = entry->hash};
	if (r->spilled && r->filter->leaves_spilled) {
		added.elsewhere = true;
		added.at = r->spilled_at + (size_t)((const char *)entry - r->spilled);
	}
	r->failed = r->failed || !foreign_add_entry(out, added, bytes);
}

/* The entry at the start of `bytes`: its length with all, 0: there is none that is whole. */
static size_t check_entry(struct slice bytes, uint32_t *out_flags)
{
	if (bytes.len < sizeof(uint32_t))
		return 0;
	const struct spool_entry *entry = (const struct spool_entry *)(const void *)bytes.data;
	uint32_t flags = atomic_load_explicit(&entry->len_flags, memory_order_relaxed);
	uint64_t room = spool_room(flags & SPOOL_LEN);
	*out_flags = flags;
	if (flags & SPOOL_PAD)
		return bytes.len;
	if (room > bytes.len || !(flags & SPOOL_LEN) ||
		entry->checksum != spool_checksum(entry, flags & SPOOL_LEN))
		return 0;
	return room;
}

/* The entries of [at, head) of a ring whose bytes from `from` on are at `ring_bytes`. */
static void take_lane(
	struct reading *r, uint32_t lane, const char *ring_bytes, uint64_t from, uint64_t at, uint64_t head)
{
	uint64_t last_n = 0;
	r->lane_began = r->out->entry_count;
	while (at < head) {
		uint64_t to_end = SPOOL_LANE_BYTES - at % SPOOL_LANE_BYTES;
		const char *pos = ring_bytes + (at - from);
		struct slice left = {pos, (size_t)(to_end < head - at ? to_end : head - at)};
		uint32_t flags;
		size_t step = check_entry(left, &flags);
		const struct spool_entry *entry = (const struct spool_entry *)(const void *)pos;
		if (!step || (!(flags & SPOOL_PAD) && entry->n <= last_n)) {
			r->damage.lost_bytes += head - at;
			return;
		}
		if (!(flags & SPOOL_PAD))
			last_n = entry->n;
		if (!(flags & (SPOOL_PAD | SPOOL_DONE)))
			add_entry(
				r, lane, entry, (struct slice){(const char *)(entry + 1), flags & SPOOL_LEN});
		at += step;
	}
}

/* The tail is read again after the bytes: what it has passed meanwhile is in its log, and may be overwritten.
 */
static bool read_lane(struct reading *r, int fd, uint32_t lane, struct buf *window)
{
	const uint64_t head_at = SPOOL_HEADS_AT + lane * sizeof(struct spool_lane_head);
	const uint64_t ring_at = SPOOL_LANES_AT + (uint64_t)lane * SPOOL_LANE_BYTES;
	struct spool_lane_head head;
	uint64_t tail;
	if (!read_bytes(r, fd, (char *)&head, sizeof(head), head_at))
		return false;
	const uint64_t from = atomic_load(&head.tail);
	const uint64_t to = atomic_load(&head.head);
	if (from == to)
		return true;
	if (to < from || to - from > SPOOL_LANE_BYTES || from % 8) {
		r->damage.lost_bytes += SPOOL_LANE_BYTES;
		return true;
	}
	buf_clear(window);
	size_t len = (size_t)(to - from);
	size_t first = SPOOL_LANE_BYTES - from % SPOOL_LANE_BYTES;
	first = first < len ? first : len;
	char *bytes = buf_reserve(window, len);
	if (!bytes || !read_bytes(r, fd, bytes, first, ring_at + from % SPOOL_LANE_BYTES) ||
		!read_bytes(r, fd, bytes + first, len - first, ring_at) ||
		!read_bytes(
			r, fd, (char *)&tail, sizeof(tail), head_at + offsetof(struct spool_lane_head, tail)))
		return false;
	if (tail < to)
		take_lane(r, lane, bytes, from, tail > from ? tail : from, to);
	return true;
}

/* The entry at the start of `bytes`, as a spill file has it, with its lane before it. */
static size_t check_spilled(struct slice bytes, uint32_t *out_flags)
{
	const size_t before = offsetof(struct spool_spilled, entry);
	if (bytes.len < sizeof(struct spool_spilled))
		return 0;
	const size_t step = check_entry((struct slice){bytes.data + before, bytes.len - before}, out_flags);
	return step && !(*out_flags & SPOOL_PAD) ? before + step : 0;
}

/* Add the entries that stand one behind the other; returns the bytes that they take. */
static size_t take_spilled(struct reading *r, struct slice bytes)
{
	size_t pos = 0;
	uint32_t flags = 0;
	for (size_t step;; pos += step) {
		const struct spool_spilled *s =
			(const struct spool_spilled *)(const void *)(bytes.data + pos);
		step = check_spilled((struct slice){bytes.data + pos, bytes.len - pos}, &flags);
		if (!step)
			return pos;
		if (!(flags & SPOOL_DONE))
			add_entry(r, s->lane, &s->entry,
				(struct slice){(const char *)(&s->entry + 1), flags & SPOOL_LEN});
	}
}

/* Whether an entry begins there. The words before it, which no text has, spare most checksums. */
static bool begins_entry(struct slice bytes)
{
	uint32_t flags;
	const struct spool_spilled *s = (const struct spool_spilled *)(const void *)bytes.data;
	return bytes.len >= sizeof(*s) && s->lane < SPOOL_LANES && !s->reserved &&
	       check_spilled(bytes, &flags);
}

/* Behind a damaged entry: how far it is to the next one, or to where one may begin that is not read to its
 * end yet. */
static size_t skip_damaged(struct slice bytes, bool is_last)
{
	const size_t room_max = is_last ? 0 : SPOOL_LANE_BYTES + sizeof(struct spool_spilled);
	size_t pos = 8;
	while (pos + room_max < bytes.len && !begins_entry((struct slice){bytes.data + pos, bytes.len - pos}))
		pos += 8;
	return pos < bytes.len ? pos : bytes.len;
}

/* Behind the length that its writer noted lies a write that it did not finish: all of that is in the lanes,
 * and what stood there before it may be younger than what is in them. After a power loss the length may be
 * older than the file. */
static uint64_t spill_end(const struct reading *r, const struct stat *st, uint64_t spill_length)
{
	const uint64_t size = (uint64_t)st->st_size;
	return r->rebooted || size < spill_length ? size : spill_length;
}

static bool read_spill_from(
	struct reading *r, int store_fd, const char *writer, uint64_t spill_read, uint64_t spill_length)
{
	char name[SPILL_NAME_MAX];
	struct stat st;
	spill_name(name, writer);
	CLEAN(fd_close) int fd = spool_open(store_fd, name, O_RDONLY);
	CLEAN(buf_fini) struct buf window = BUF_INIT;
	if (fd < 0)
		return errno == ENOENT;
	if (fstat(fd, &st) < 0)
		return false;
	const uint64_t end = spill_end(r, &st, spill_length);
	uint64_t at = spill_read;
	while (at < end && give_piece(r)) {
		const size_t want = end - at < 2 * BATCH_BYTES ? (size_t)(end - at) : 2 * BATCH_BYTES;
		buf_clear(&window);
		char *bytes = buf_reserve(&window, want);
		if (!bytes || !read_bytes(r, fd, bytes, want, at))
			return false;
		r->spilled = bytes;
		r->spilled_at = at;
		size_t step = take_spilled(r, (struct slice){bytes, want});
		r->spilled = NULL;
		if (!step) {
			step = skip_damaged((struct slice){bytes, want}, at + want == end);
			r->damage.lost_bytes += at < spill_length ? step : 0;
		}
		at += step;
	}
	if (at >= end && at < spill_length) /* it was cut */
		r->damage.lost_bytes += spill_length - at;
	return true;
}

static bool read_word(struct reading *r, int fd, size_t at, uint64_t *out)
{
	return read_bytes(r, fd, (char *)out, sizeof(*out), at);
}

/* When the file was emptied and begun anew under our eyes, what was read is thrown away and read again. */
static bool read_spill(struct reading *r, int store_fd, int fd, const char *writer)
{
	enum { ATTEMPTS = 8 };
	const size_t read_at = offsetof(struct spool_header, spill_read);
	const size_t entry_count = r->out->entry_count;
	uint64_t before;
	uint64_t length;
	uint64_t after;
	r->lane_began = SIZE_MAX; /* of many lanes */
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		uint64_t lost_bytes = r->damage.lost_bytes;
		if (!read_word(r, fd, read_at, &before) ||
			!read_word(r, fd, offsetof(struct spool_header, spill_length), &length) ||
			!read_spill_from(r, store_fd, writer, before, length) ||
			!read_word(r, fd, read_at, &after))
			return false;
		/* A hole in place of entries that were moved or decided meanwhile is no damage. */
		if (after >= before && (after == before || r->damage.lost_bytes == lost_bytes))
			return true;
		r->out->entry_count = entry_count;
		r->damage.lost_bytes = lost_bytes;
	}
	return true; /* it is drained faster than it is read: all of that is in the logs */
}

/* Check whose it is and begin. */
static burr_status begin_reading(
	struct reading *r, int fd, const char *name, struct spool_header *out_header, burr_error *err)
{
	struct stat st;
	burr_status status = spool_read_header(fd, out_header, err);
	r->damage.unreadable = status == BURR_EIO;
	if (status == BURR_OK && fstat(fd, &st) == 0 && st.st_size < SPOOL_LANES_AT)
		status = burr_fail(err, BURR_ECORRUPT, "cut off at %lld bytes", (long long)st.st_size);
	if (status != BURR_OK)
		return burr_fail_in(err, status, "%s", name);
	if (memcmp(out_header->writer, name + sizeof(SPOOL_PREFIX) - 1, WRITER_ID_LEN) != 0)
		return burr_fail(err, BURR_ECORRUPT, "%s says that it is another writer's", name);
	r->rebooted = spool_is_of_old_boot(out_header);
	return add_writer(r->out, out_header) ? BURR_OK
					      : burr_fail(err, BURR_ENOMEM, "no memory to read a spool");
}

static bool read_lanes(struct reading *r, int fd)
{
	CLEAN(buf_fini) struct buf window = BUF_INIT;
	bool ok = true;
	for (uint32_t i = 0; i < SPOOL_LANES && ok; i++)
		ok = read_lane(r, fd, i, &window);
	r->failed = r->failed || window.failed;
	return ok;
}

static burr_status end_reading(const struct reading *r, bool ok, const char *name, burr_error *err)
{
	if (r->failed)
		return burr_fail(err, BURR_ENOMEM, "no memory to read a spool");
	return ok ? BURR_OK : burr_fail(err, BURR_EIO, "read %s: %s", name, strerror(errno));
}

burr_status held_read(const struct store *store, int fd, const char *name, const struct held_filter *filter,
	struct foreign *out, struct held_damage *out_damage, burr_error *err)
{
	struct spool_header header;
	struct reading r = {.filter = filter, .out = out};
	burr_status status = begin_reading(&r, fd, name, &header, err);
	if (status == BURR_OK) {
		bool ok = read_lanes(&r, fd) && read_spill(&r, store->dir_fd, fd, header.writer);
		status = end_reading(&r, ok, name, err);
	}
	if (out_damage)
		*out_damage = r.damage;
	return status;
}

burr_status held_read_pieces(const struct store *store, int fd, const char *name, bool salvages,
	held_visit_fn *visit, void *ctx, struct held_damage *out_damage, burr_error *err)
{
	const struct held_filter all = {.before_ns = INT64_MAX};
	struct foreign piece = {0};
	struct spool_header header;
	struct reading r = {.filter = &all, .out = &piece, .salvages = salvages, .visit = visit, .ctx = ctx};
	burr_status status = begin_reading(&r, fd, name, &header, err);
	if (status == BURR_OK) {
		bool ok = read_spill(&r, store->dir_fd, fd, header.writer) && give_piece(&r) &&
			  read_lanes(&r, fd);
		held_sort(&piece);
		ok = ok && give_piece(&r);
		status = r.visited != BURR_OK ? r.visited : end_reading(&r, ok, name, err);
	}
	if (out_damage)
		*out_damage = r.damage;
	foreign_fini(&piece);
	return status;
}

/* ---- one of its entries ---- */

static bool open_spill(struct held_spill *s, const char *writer)
{
	char name[SPILL_NAME_MAX];
	if (s->fd >= 0 && memcmp(s->writer, writer, sizeof(s->writer)) == 0)
		return true;
	fd_close(&s->fd);
	buf_clear(&s->bytes);
	spill_name(name, writer);
	memcpy(s->writer, writer, sizeof(s->writer));
	s->fd = spool_open(s->store->dir_fd, name, O_RDONLY);
	return s->fd >= 0;
}

static const char *read_spilled(struct held_spill *s, uint64_t at, size_t len)
{
	enum { AHEAD = 64 << 10 };
	if (at >= s->at && at + len <= s->at + s->bytes.len)
		return s->bytes.data + (at - s->at);
	const size_t want = len > AHEAD ? len : AHEAD;
	buf_clear(&s->bytes);
	char *bytes = buf_reserve(&s->bytes, want);
	if (!bytes || !read_fully(s->fd, bytes, want, at))
		return NULL;
	s->at = at;
	s->bytes.len = want;
	return bytes;
}

bool held_fetch(
	void *ctx, const struct foreign_writer *writer, const struct foreign_entry *at, struct slice *out)
{
	struct held_spill *s = ctx;
	const size_t before = offsetof(struct spool_spilled, entry);
	const size_t room = before + spool_room(at->len);
	uint32_t flags;
	const char *bytes = open_spill(s, writer->id) ? read_spilled(s, at->at - before, room) : NULL;
	if (!bytes)
		return false;
	const struct spool_spilled *found = (const struct spool_spilled *)(const void *)bytes;
	if (check_spilled((struct slice){bytes, room}, &flags) != room || found->lane != at->lane ||
		found->entry.n != at->n || found->entry.hash != at->hash)
		return false;
	*out = (struct slice){(const char *)(&found->entry + 1), at->len};
	return true;
}

void held_spill_close(struct held_spill *s)
{
	fd_close(&s->fd);
	buf_fini(&s->bytes);
}

/* ---- all of them ---- */

static int compare(const void *left, const void *right)
{
	const struct foreign_entry *a = left;
	const struct foreign_entry *b = right;
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	if (a->writer != b->writer)
		return a->writer < b->writer ? -1 : 1;
	if (a->lane != b->lane)
		return a->lane < b->lane ? -1 : 1;
	return (a->n > b->n) - (a->n < b->n);
}

void held_sort(struct foreign *held)
{
	if (held->entry_count)
		qsort(held->entries, held->entry_count, sizeof(*held->entries), compare);
}

static burr_status read_one(const struct store *store, const char *name, const struct held_filter *filter,
	struct foreign *out, burr_error *err)
{
	char bits[SPOOL_FILTER_BYTES];
	CLEAN(fd_close) int fd = spool_open(store->dir_fd, name, O_RDONLY);
	if (fd < 0 &&
		(errno == ENOENT || errno == EINVAL || errno == ELOOP)) /* gone: into the logs; or no spool */
		return BURR_OK;
	if (fd < 0 || !read_fully(fd, bits, sizeof(bits), SPOOL_FILTER_AT))
		return burr_fail(err, BURR_EIO, "look into %s: %s", name, strerror(errno));
	if (filter->app_id.data && !spool_filter_has(bits, filter->hash))
		return BURR_OK;
	burr_status status = held_read(store, fd, name, filter, out, NULL, err);
	return status == BURR_ECORRUPT || status == BURR_EVERSION ? BURR_OK : status;
}

burr_status held_read_all(
	const struct store *store, const struct held_filter *filter, struct foreign *out, burr_error *err)
{
	struct dirent *file;
	DIR *dir = spool_list(store->dir_fd);
	if (!dir)
		return burr_fail(err, BURR_EIO, "list the store: %s", strerror(errno));
	burr_status status = BURR_OK;
	while (status == BURR_OK && (file = readdir(dir)))
		if (spool_name_is(file->d_name))
			status = read_one(store, file->d_name, filter, out, err);
	closedir(dir);
	held_sort(out);
	return status;
}

/* ---- as lines ---- */

/* The last number that a writer's lane has in the log; what is before `from` cannot be its. */
static uint64_t last_number(int log_fd, uint64_t log_len, const char *writer, uint32_t lane, uint64_t from)
{
	struct log_reader reader;
	struct log_line line;
	uint64_t n = 0;
	log_reader_init(&reader, log_fd, log_len);
	while (!n && log_reader_previous(&reader, &line) && line.offset >= from) {
		struct identity identity;
		if (line_find_identity(line.text, &identity) && identity.lane == lane &&
			memcmp(identity.writer, writer, WRITER_ID_LEN) == 0)
			n = identity.n;
	}
	log_reader_fini(&reader);
	return n;
}

static burr_status put_line(const struct store *store, const struct foreign_writer *writer,
	struct entry *entry, struct buf *out, burr_error *err)
{
	CLEAN(buf_fini) struct buf side = BUF_INIT;
	struct slice id = {writer->id, WRITER_ID_LEN};
	if (entry->side_len) {
		burr_status status = side_read(store, id, entry, &side, err);
		if (status == BURR_OK)
			status = entry_read_side(buf_slice(&side), entry, err);
		if (status != BURR_OK)
			return status;
	}
	struct line_context context = {
		.writer = id,
		.clock_offset_ns = writer->clock_offset_ns,
		.about = foreign_about(writer),
	};
	return line_put(out, entry, &context, err);
}

burr_status held_put_lines(const struct store *store, const struct foreign *held, struct slice app_id,
	int log_fd, uint64_t log_len, struct buf *out, bool *out_moved, burr_error *err)
{
	const size_t lane_count = held->writer_count * SPOOL_LANES;
	CLEAN(ptr_free) uint64_t *last = malloc((lane_count + 1) * sizeof(*last));
	if (!last)
		return burr_fail(err, BURR_ENOMEM, "no memory for records");
	const uint64_t token = log_fd < 0 ? 0 : log_token(log_fd);
	for (size_t i = 0; i < lane_count; i++)
		last[i] = UINT64_MAX;
	for (size_t i = 0; i < held->entry_count; i++) {
		const struct foreign_entry *f = &held->entries[i];
		const struct foreign_writer *writer = &held->writers[f->writer];
		struct entry entry;
		if (!foreign_read(held, f, &entry) || entry.type == RECORD_APPLICATION ||
			!slice_eq(entry.app_id, app_id) || f->lane >= SPOOL_LANES)
			continue;
		uint64_t *lane_last = &last[f->writer * SPOOL_LANES + f->lane];
		if (*lane_last == UINT64_MAX)
			*lane_last = log_fd < 0 ? 0
						: last_number(log_fd, log_len, writer->id, f->lane,
							  entry.log_token == token ? entry.log_start : 0);
		if (f->n <= *lane_last)
			continue;
		*lane_last = f->n; /* it may have been met twice, on its way into the spill file */
		burr_status status = put_line(store, writer, &entry, out, NULL);
		if (status == BURR_ENOMEM)
			return burr_fail(err, status, "no memory for records");
		*out_moved = *out_moved || (status != BURR_OK && entry.side_len);
	}
	return out->failed ? burr_fail(err, BURR_ENOMEM, "no memory for records") : BURR_OK;
}
