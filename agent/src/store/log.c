#include "store/log.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "store/names.h"
#include "wire/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

enum {
	SCAN_CHUNK = 65536,
	SCAN_FIRST = 4096, /* who looks for a writer's last number mostly finds it in the last lines */
	TORN_AGE_NS = 20 * 1000 * 1000, /* a tail that has not grown for this long has no living writer */
	TORN_AGAIN_S = 5,
	NUMBERS_FIRST = 8,
	NUMBERS_MAX = 2048, /* places for writers and lanes, 80 KB: what does not fit is read again */
	PATH_SIZE = PROJECT_NAME_MAX + APP_ID_MAX + 32,
};

static const char LOG_FILE[] = "log.jsonl";
static const char TORN_FILE[] = "log.jsonl.torn";

/* The last number of a writer's lane, in a hash table with open places. staged: of the lines that wait for
 * log_append. n 0: it is known that the lane has no line. */
struct number {
	uint64_t writer[2]; /* its 16 digits */
	uint32_t lane;
	bool used; /* false: a free place */
	uint64_t n;
	uint64_t staged;
};

struct log {
	const struct store *store;
	int fd;                /* O_APPEND; the only one that is kept, so that thousands of logs can be */
	uint64_t token;        /* log_token's */
	uint64_t length;       /* when we last looked */
	uint64_t scanned_from; /* a number that is not in the table is not in [scanned_from, length) either */
	bool clean;            /* the bytes before `length` end in a newline, or in mended blanks */
	uint64_t torn_length;  /* the length at which a torn tail was first seen; 0: none */
	int64_t torn_since_ns;

	struct number *numbers;
	size_t number_cap; /* a power of two */
	size_t number_count;
	size_t last_place;    /* where the last one was found: mostly the next one's too */
	bool has_staged;      /* since the last log_append */
	bool staged_was_lost; /* the table was emptied while lines waited */

	bool unsynced;       /* bytes may be in the kernel's memory alone */
	bool entry_unsynced; /* the file is ours and new, so its folder is to be synced too */
	bool sync_failed;    /* the bytes from synced_length on must be written again */
	uint64_t synced_length;

	char path[]; /* below the store: "<project>/<app_id>" */
};

static burr_status fail_errno(const char *what, burr_error *err)
{
	return burr_fail(err, store_errno_status(errno), "%s: %s", what, strerror(errno));
}

static int open_file(const struct log *log, const char *name, int flags)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), "%s/%s", log->path, name);
	return openat(log->store->dir_fd, path, flags | O_CLOEXEC | O_NONBLOCK, 0600);
}

uint64_t log_token(int fd)
{
	struct statx st;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) < 0 || !(st.stx_mask & STATX_BTIME))
		return 0;
	return (st.stx_ino * UINT64_C(0x9E3779B97F4A7C15)) ^
	       ((uint64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec);
}

uint64_t log_token_at(const char *path, uint64_t *out_start)
{
	char bytes[SCAN_FIRST];
	struct stat st;
	CLEAN(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	*out_start = 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	const off_t from = st.st_size > SCAN_FIRST ? st.st_size - SCAN_FIRST : 0;
	const ssize_t got = pread(fd, bytes, sizeof(bytes), from);
	const char *newline = got > 0 ? memrchr(bytes, '\n', (size_t)got) : NULL;
	if (newline)
		*out_start = (uint64_t)from + (uint64_t)(newline + 1 - bytes);
	return log_token(fd);
}

/* Burr itself makes folders without a log, so a missing one is made. */
static burr_status open_log_file(struct log *log, burr_error *err)
{
	struct stat st;
	log->fd = open_file(log, LOG_FILE, O_RDWR | O_APPEND);
	if (log->fd < 0 && errno == ENOENT) {
		log->fd = open_file(log, LOG_FILE, O_RDWR | O_APPEND | O_CREAT);
		log->entry_unsynced = true;
	}
	if (log->fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return burr_fail(err, BURR_ENOTFOUND, "no application %s in the store: project %.*s",
			strchr(log->path, '/') + 1, (int)strcspn(log->path, "/"), log->path);
	if (log->fd < 0 || fstat(log->fd, &st) < 0)
		return fail_errno("open log.jsonl", err);
	if (!S_ISREG(st.st_mode))
		return burr_fail(err, BURR_EIO, "log.jsonl is not a file");
	log->token = log_token(log->fd);
	log->length = log->scanned_from = (uint64_t)st.st_size;
	return BURR_OK;
}

burr_status log_open(const struct store *store, struct slice project, struct slice app_id, struct log **out,
	burr_error *err)
{
	burr_status status = name_check_project(project, err);
	if (status == BURR_OK)
		status = name_check_app_id(app_id, err);
	if (status != BURR_OK)
		return status;
	struct log *log = calloc(1, sizeof(*log) + project.len + 1 + app_id.len + 1);
	if (!log)
		return burr_fail(err, BURR_ELATER, "no memory to open a log");
	log->store = store;
	log->unsynced = true; /* whoever wrote it may not have */
	memcpy(log->path, project.data, project.len);
	log->path[project.len] = '/';
	memcpy(log->path + project.len + 1, app_id.data, app_id.len);
	status = open_log_file(log, err);
	if (status != BURR_OK) {
		log_close(log);
		return status;
	}
	*out = log;
	return BURR_OK;
}

void log_close(struct log *log)
{
	if (!log)
		return;
	fd_close(&log->fd);
	free(log->numbers);
	free(log);
}

bool log_try_lock(struct log *log)
{
	return flock(log->fd, LOCK_EX | LOCK_NB) == 0;
}

void log_unlock(struct log *log)
{
	flock(log->fd, LOCK_UN);
}

/* ---- the last numbers ---- */

static struct number number_of(const char *writer, uint32_t lane, uint64_t n)
{
	struct number number = {.lane = lane, .used = true, .n = n};
	memcpy(number.writer, writer, WRITER_ID_LEN);
	return number;
}

static bool is_same(const struct number *a, const struct number *b)
{
	return a->writer[0] == b->writer[0] && a->writer[1] == b->writer[1] && a->lane == b->lane;
}

/* Its place, or the free one where it belongs. */
static struct number *find_place(struct number *numbers, size_t cap, const struct number *wanted)
{
	uint64_t hash =
		(wanted->writer[0] ^ wanted->writer[1] * 31 ^ wanted->lane) * UINT64_C(0x9E3779B97F4A7C15);
	size_t at = (size_t)(hash >> 32) & (cap - 1);
	while (numbers[at].used && !is_same(&numbers[at], wanted))
		at = (at + 1) & (cap - 1);
	return &numbers[at];
}

static struct number *find_number(struct log *log, const struct number *wanted)
{
	if (!log->number_count)
		return NULL;
	struct number *last = &log->numbers[log->last_place];
	if (last->used && is_same(last, wanted))
		return last;
	struct number *at = find_place(log->numbers, log->number_cap, wanted);
	log->last_place = (size_t)(at - log->numbers);
	return at->used ? at : NULL;
}

/* What the table knows is true, but that a number is not in it says nothing any more. */
static void empty_numbers(struct log *log)
{
	if (log->numbers)
		memset(log->numbers, 0, log->number_cap * sizeof(*log->numbers));
	log->number_count = 0;
	log->scanned_from = log->length;
	log->staged_was_lost = log->has_staged;
}

static bool grow_numbers(struct log *log)
{
	size_t cap = log->number_cap ? log->number_cap * 2 : NUMBERS_FIRST;
	struct number *numbers = calloc(cap, sizeof(*numbers));
	if (!numbers)
		return false;
	for (size_t i = 0; i < log->number_cap; i++)
		if (log->numbers[i].used)
			*find_place(numbers, cap, &log->numbers[i]) = log->numbers[i];
	free(log->numbers);
	log->numbers = numbers;
	log->number_cap = cap;
	log->last_place = 0;
	return true;
}

/* Room for one more number. A table at its limit, or without memory, is emptied; *emptied says so. */
static bool make_room(struct log *log, bool *emptied)
{
	if (log->number_count * 4 < log->number_cap * 3)
		return true;
	if (log->number_cap < NUMBERS_MAX && grow_numbers(log))
		return true;
	empty_numbers(log);
	*emptied = true;
	return log->number_cap > 0;
}

/* Numbers of a lane rise along a log, so the highest seen is the last, in whatever order they are met. */
static bool note(struct log *log, const struct number *number, bool *emptied)
{
	struct number *known = find_number(log, number);
	if (!number->n)
		return true;
	if (!known) {
		if (!make_room(log, emptied))
			return false;
		known = find_place(log->numbers, log->number_cap, number);
		*known = *number;
		log->number_count++;
	}
	if (number->n > known->n)
		known->n = number->n;
	return true;
}

static burr_status read_at(int fd, uint64_t offset, char *to, size_t len, burr_error *err)
{
	while (len) {
		ssize_t got = pread(fd, to, len, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno("read log.jsonl", err);
		if (got == 0)
			return burr_fail(err, BURR_ELATER, "log.jsonl became shorter while it was read");
		to += got;
		len -= (size_t)got;
		offset += (uint64_t)got;
	}
	return BURR_OK;
}

/* What a scan looks for besides noting all that it meets: the table may be emptied on the way. */
struct scan {
	const struct number *wanted; /* NULL: nothing */
	uint64_t found_n;            /* of the wanted; 0: not met */
	bool emptied;
};

/* Note the identities of all lines whose newline lies in [from, to), at most SCAN_CHUNK bytes. */
static burr_status scan_chunk(struct log *log, uint64_t from, uint64_t to, struct scan *scan, burr_error *err)
{
	char bytes[IDENTITY_TAIL + SCAN_CHUNK];
	uint64_t start = from > IDENTITY_TAIL ? from - IDENTITY_TAIL : 0;
	size_t before = (size_t)(from - start);
	size_t len = (size_t)(to - start);
	burr_status status = read_at(log->fd, start, bytes, len, err);
	if (status != BURR_OK)
		return status;
	const char *pos = bytes + before;
	const char *end = bytes + len;
	for (; (pos = memchr(pos, '\n', (size_t)(end - pos))); pos++) {
		struct identity identity;
		if (!line_find_identity((struct slice){bytes, (size_t)(pos - bytes)}, &identity))
			continue;
		struct number number = number_of(identity.writer, identity.lane, identity.n);
		if (scan->wanted && is_same(scan->wanted, &number) && number.n > scan->found_n)
			scan->found_n = number.n;
		if (!note(log, &number, &scan->emptied))
			return burr_fail(err, BURR_ELATER, "no memory for a log's writers");
	}
	return BURR_OK;
}

/* The last number of a lane that the table does not know: read backwards until it is met. */
static burr_status scan_back(
	struct log *log, const struct number *wanted, uint64_t log_start, uint64_t *out_n, burr_error *err)
{
	struct scan scan = {.wanted = wanted};
	burr_status status = BURR_OK;
	uint64_t at = log->scanned_from;
	uint64_t chunk = SCAN_FIRST;
	while (!scan.found_n && at > log_start && status == BURR_OK) {
		uint64_t from = at > chunk ? at - chunk : 0;
		status = scan_chunk(log, from, at, &scan, err);
		at = status == BURR_OK ? from : at;
		chunk = SCAN_CHUNK;
	}
	log->scanned_from = scan.emptied ? log->length : at;
	*out_n = scan.found_n;
	return status;
}

burr_status log_stage(struct log *log, struct slice writer, uint32_t lane, uint64_t n, uint64_t log_start,
	uint64_t start_token, bool *out_is_new, burr_error *err)
{
	struct number wanted = number_of(writer.data, lane, 0);
	struct number *known = find_number(log, &wanted);
	bool emptied = false;
	if (start_token != log->token)
		log_start = 0; /* it is about another file */
	if (!known && log->scanned_from > log_start) {
		burr_status status = scan_back(log, &wanted, log_start, &wanted.n, err);
		if (status != BURR_OK)
			return status;
		known = find_number(log, &wanted);
	}
	uint64_t last = known ? (known->n > known->staged ? known->n : known->staged) : wanted.n;
	*out_is_new = n > last;
	if (!*out_is_new)
		return BURR_OK;
	if (!known) {
		if (!make_room(log, &emptied))
			return burr_fail(err, BURR_ELATER, "no memory for a log's writers");
		known = find_place(log->numbers, log->number_cap, &wanted);
		*known = wanted;
		log->number_count++;
	}
	known->staged = n;
	log->has_staged = true;
	return BURR_OK;
}

void log_unstage(struct log *log)
{
	if (!log->has_staged)
		return;
	log->has_staged = log->staged_was_lost = false;
	for (size_t i = 0; i < log->number_cap; i++)
		log->numbers[i].staged = 0;
}

void log_keep_staged(struct log *log)
{
	if (!log->has_staged)
		return;
	for (size_t i = 0; i < log->number_cap; i++) {
		if (log->numbers[i].staged)
			log->numbers[i].n = log->numbers[i].staged;
		log->numbers[i].staged = 0;
	}
	if (log->staged_was_lost)
		log->scanned_from = log->length;
	log->has_staged = log->staged_was_lost = false;
}

/* ---- what became of it ---- */

static void forget(struct log *log, uint64_t length)
{
	log->length = length;
	empty_numbers(log);
	log->clean = false;
	log->torn_length = 0;
	if (log->synced_length > length)
		log->synced_length = length;
}

static burr_status scan_new(struct log *log, uint64_t length, burr_error *err)
{
	struct scan scan = {.wanted = NULL};
	burr_status status = BURR_OK;
	while (log->length < length && status == BURR_OK) {
		uint64_t to = length - log->length > SCAN_CHUNK ? log->length + SCAN_CHUNK : length;
		status = scan_chunk(log, log->length, to, &scan, err);
		if (status == BURR_OK)
			log->length = to;
	}
	if (scan.emptied)
		log->scanned_from = log->length;
	return status;
}

/* Where the bytes after the last newline begin, and whether they are anything but blanks. */
static burr_status find_tail(struct log *log, uint64_t *out_start, bool *out_blank, burr_error *err)
{
	char bytes[4096];
	uint64_t end = log->length;
	*out_blank = true;
	while (end > 0) {
		uint64_t start = end > sizeof(bytes) ? end - sizeof(bytes) : 0;
		size_t len = (size_t)(end - start);
		burr_status status = read_at(log->fd, start, bytes, len, err);
		if (status != BURR_OK)
			return status;
		for (size_t i = len; i-- > 0;) {
			if (bytes[i] == '\n') {
				*out_start = start + i + 1;
				return BURR_OK;
			}
			*out_blank = *out_blank && bytes[i] == ' ';
		}
		end = start;
	}
	*out_start = 0;
	return BURR_OK;
}

static burr_status write_at(int fd, uint64_t offset, const char *from, size_t len, burr_error *err)
{
	while (len) {
		ssize_t put = pwrite(fd, from, len, (off_t)offset);
		if (put < 0 && errno == EINTR)
			continue;
		if (put == 0)
			errno = ENOSPC;
		if (put <= 0)
			return fail_errno("write", err);
		from += put;
		len -= (size_t)put;
		offset += (uint64_t)put;
	}
	return BURR_OK;
}

static burr_status save_torn(int torn_fd, const char *from, size_t len, burr_error *err)
{
	while (len) {
		ssize_t put = write(torn_fd, from, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put == 0)
			errno = ENOSPC;
		if (put <= 0)
			return fail_errno("write log.jsonl.torn", err);
		from += put;
		len -= (size_t)put;
	}
	return BURR_OK;
}

/* The same file through a descriptor without O_APPEND, with which Linux would write at the end whatever the
 * offset. */
static burr_status open_in_place(const struct log *log, int *out_fd, burr_error *err)
{
	struct stat ours;
	struct stat named;
	CLEAN(fd_close) int fd = open_file(log, LOG_FILE, O_RDWR);
	if (fd < 0 || fstat(fd, &named) < 0 || fstat(log->fd, &ours) < 0)
		return fail_errno("open log.jsonl in place", err);
	if (named.st_ino != ours.st_ino || named.st_dev != ours.st_dev)
		return burr_fail(err, BURR_ENOTFOUND, "log.jsonl was replaced");
	*out_fd = fd_take(&fd);
	return BURR_OK;
}

static burr_status write_blanks(int fd, uint64_t from, uint64_t to, burr_error *err)
{
	char blanks[4096];
	burr_status status = BURR_OK;
	memset(blanks, ' ', sizeof(blanks));
	while (from < to && status == BURR_OK) {
		size_t len = to - from < sizeof(blanks) ? (size_t)(to - from) : sizeof(blanks);
		status = write_at(fd, from, blanks, len, err);
		from += len;
	}
	return status;
}

/* Save the torn bytes, then blank them in place: what a foreign writer may append meanwhile stays. */
static burr_status mend(struct log *log, uint64_t start, burr_error *err)
{
	char bytes[4096];
	CLEAN(fd_close) int blank_fd = -1;
	log->unsynced = true;
	if (log->synced_length > start)
		log->synced_length = start;
	burr_status status = open_in_place(log, &blank_fd, err);
	if (status != BURR_OK)
		return status;
	CLEAN(fd_close) int torn_fd = open_file(log, TORN_FILE, O_WRONLY | O_CREAT | O_APPEND);
	if (torn_fd < 0)
		return fail_errno("open log.jsonl.torn", err);
	for (uint64_t at = start; at < log->length;) {
		size_t len = log->length - at < sizeof(bytes) ? (size_t)(log->length - at) : sizeof(bytes);
		status = read_at(log->fd, at, bytes, len, err);
		if (status == BURR_OK)
			status = save_torn(torn_fd, bytes, len, err);
		if (status != BURR_OK)
			return status;
		at += len;
	}
	status = save_torn(torn_fd, "\n", 1, err);
	if (status != BURR_OK)
		return status;
	return write_blanks(blank_fd, start, log->length, err);
}

static burr_status check_tail(struct log *log, burr_error *err)
{
	uint64_t start;
	bool blank;
	burr_status status = find_tail(log, &start, &blank, err);
	if (status != BURR_OK)
		return status;
	if (!blank) {
		int64_t now = clock_mono_ns();
		if (log->torn_length != log->length) {
			log->torn_length = log->length;
			log->torn_since_ns = now;
		}
		if (now - log->torn_since_ns < TORN_AGE_NS)
			return burr_fail(
				err, BURR_ELATER, "log.jsonl ends inside a line that may still be written");
		status = mend(log, start, err);
		if (status != BURR_OK)
			return status;
	}
	log->torn_length = 0;
	log->clean = true;
	return BURR_OK;
}

bool log_waits_for_tail(const struct log *log)
{
	return log->torn_length && clock_mono_ns() - log->torn_since_ns < TORN_AGAIN_S * INT64_C(1000000000);
}

burr_status log_refresh(struct log *log, burr_error *err)
{
	struct stat st;
	if (fstat(log->fd, &st) < 0)
		return fail_errno("look at log.jsonl", err);
	if (st.st_nlink == 0)
		return burr_fail(err, BURR_ENOTFOUND, "log.jsonl was deleted");
	uint64_t length = (uint64_t)st.st_size;
	if (length == log->length)
		return log->clean ? BURR_OK : check_tail(log, err);
	log->unsynced = true;
	if (length < log->length) {
		forget(log, length);
	} else {
		log->clean = false;
		burr_status status = scan_new(log, length, err);
		if (status != BURR_OK)
			return status;
	}
	return check_tail(log, err);
}

/* ---- appending ---- */

/* Whether these bytes stand at this place. */
static bool stands_at(int fd, uint64_t at, struct slice bytes)
{
	char read[4096];
	while (bytes.len) {
		size_t len = bytes.len < sizeof(read) ? bytes.len : sizeof(read);
		if (read_at(fd, at, read, len, NULL) != BURR_OK || memcmp(read, bytes.data, len) != 0)
			return false;
		at += len;
		bytes.data += len;
		bytes.len -= len;
	}
	return true;
}

/* A write stopped in the middle. Its whole lines stay: sent again, they will be found. What it has of one
 * more is blanked in place, for a foreign writer may have appended behind it by now, whose line is to stay
 * whole. Blanks that nobody has come behind are cut off, because Burr does not load a log that ends in them.
 * If this fails, the tail rule mends it later. */
static void take_back_cut(struct log *log, struct slice put)
{
	struct stat st;
	CLEAN(fd_close) int fd = -1;
	off_t end = lseek(log->fd, 0, SEEK_CUR); /* where our write ended, whoever has appended since */
	const char *newline = memrchr(put.data, '\n', put.len);
	struct slice cut = put;
	if (newline)
		cut = (struct slice){newline + 1, put.len - (size_t)(newline + 1 - put.data)};
	log->clean = false;
	if (end < 0 || (uint64_t)end < cut.len)
		return;
	/* What fails is tried once more: somebody may come behind the half at any moment. */
	if (open_in_place(log, &fd, NULL) != BURR_OK && open_in_place(log, &fd, NULL) != BURR_OK)
		return;
	uint64_t start = (uint64_t)end - cut.len;
	if (!stands_at(fd, start, cut))
		return;
	if (write_blanks(fd, start, (uint64_t)end, NULL) != BURR_OK)
		(void)write_blanks(fd, start, (uint64_t)end, NULL);
	log->clean = fstat(fd, &st) == 0 && st.st_size == end && ftruncate(fd, (off_t)start) == 0;
}

burr_status log_append(struct log *log, struct slice lines, burr_error *err)
{
	ssize_t put;
	log->unsynced = true;
	do
		put = write(log->fd, lines.data, lines.len);
	while (put < 0 && errno == EINTR);
	if (put == (ssize_t)lines.len) {
		log->length += lines.len;
		log_keep_staged(log);
		return BURR_OK;
	}
	int error = put < 0 ? errno : ENOSPC; /* which of its reasons a short write has, only another tells */
	if (put > 0)
		take_back_cut(log, (struct slice){lines.data, (size_t)put});
	log_unstage(log);
	return burr_fail(err, store_errno_status(error), "append to log.jsonl: %s", strerror(error));
}

/* ---- syncing ---- */

bool log_needs_sync(const struct log *log)
{
	return log->unsynced;
}

bool log_sync_failed(const struct log *log)
{
	return log->sync_failed;
}

void log_note_sync(struct log *log, bool ok)
{
	log->sync_failed = !ok;
	log->unsynced = !ok;
	if (ok) {
		log->entry_unsynced = false;
		log->synced_length = log->length;
	}
}

/* The kernel reports a failed write-back once and then takes the pages for clean, so a second sync alone
 * would say nothing: the bytes are made dirty again first. Not by another file, into which Burr's open client
 * would not follow. */
static burr_status write_again(struct log *log, burr_error *err)
{
	char bytes[4096];
	CLEAN(fd_close) int fd = -1;
	burr_status status = open_in_place(log, &fd, err);
	for (uint64_t at = log->synced_length; status == BURR_OK && at < log->length;) {
		size_t len = log->length - at < sizeof(bytes) ? (size_t)(log->length - at) : sizeof(bytes);
		status = read_at(log->fd, at, bytes, len, err);
		if (status == BURR_OK)
			status = write_at(fd, at, bytes, len, err);
		at += len;
	}
	return status;
}

static int sync_folder(const struct log *log)
{
	CLEAN(fd_close) int fd = openat(log->store->dir_fd, log->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

burr_status log_sync(struct log *log, burr_error *err)
{
	if (log->sync_failed) {
		burr_status status = write_again(log, err);
		if (status != BURR_OK)
			return status;
	}
	bool ok = fdatasync(log->fd) == 0 && (!log->entry_unsynced || sync_folder(log) == 0);
	int error = errno;
	log_note_sync(log, ok);
	if (ok)
		return BURR_OK;
	return burr_fail(err, BURR_ELATER, "sync log.jsonl: %s", strerror(error));
}
