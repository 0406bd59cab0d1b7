#include "store/log.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "wire/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

enum {
	SCAN_CHUNK = 65536,
	TORN_AGE_NS = 20 * 1000 * 1000, /* a tail that has not grown for this long has no living writer */
};

static const char LOG_FILE[] = "log.jsonl";
static const char TORN_FILE[] = "log.jsonl.torn";

struct log {
	int dir_fd;
	int fd;                /* O_APPEND */
	uint64_t length;       /* when we last looked */
	uint64_t scanned_from; /* numbers are known for [scanned_from, length) */
	bool clean;            /* the bytes before `length` end in a newline, or in mended blanks */
	uint64_t torn_length;  /* the length at which a torn tail was first seen; 0: none */
	int64_t torn_since_ns;
	struct identity *numbers; /* the last n of each writer and lane */
	size_t number_count;
	size_t number_cap;
};

static burr_status fail_errno(const char *what, burr_error *err)
{
	return burr_fail(err, store_errno_status(errno), "%s: %s", what, strerror(errno));
}

burr_status log_open(const struct store *store, struct slice project, struct slice app_id, struct log **out,
	burr_error *err)
{
	struct log *log = calloc(1, sizeof(*log));
	if (!log)
		return burr_fail(err, BURR_ELATER, "no memory to open a log");
	log->fd = log->dir_fd = -1;
	burr_status status = store_open_app(store, project, app_id, &log->dir_fd, err);
	if (status == BURR_OK) {
		/* Burr itself makes folders without a log, so a missing one is made. */
		log->fd = openat(
			log->dir_fd, LOG_FILE, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
		struct stat st;
		if (log->fd < 0 || fstat(log->fd, &st) < 0)
			status = fail_errno("open log.jsonl", err);
		else if (!S_ISREG(st.st_mode))
			status = burr_fail(err, BURR_EIO, "log.jsonl is not a file");
		else
			log->length = log->scanned_from = (uint64_t)st.st_size;
	}
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
	fd_close(&log->dir_fd);
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

static struct identity *find_number(struct log *log, const char *writer, uint32_t lane)
{
	for (size_t i = log->number_count; i-- > 0;) /* the latest writer is the likeliest */
		if (log->numbers[i].lane == lane &&
			memcmp(log->numbers[i].writer, writer, WRITER_ID_LEN) == 0)
			return &log->numbers[i];
	return NULL;
}

/* Numbers of a lane rise along a log, so the highest seen is the last, in whatever order they are met. */
static bool note(struct log *log, const struct identity *identity)
{
	struct identity *known = find_number(log, identity->writer, identity->lane);
	if (known) {
		if (identity->n > known->n)
			known->n = identity->n;
		return true;
	}
	if (log->number_count == log->number_cap) {
		size_t cap = log->number_cap ? log->number_cap * 2 : 8;
		struct identity *numbers = realloc(log->numbers, cap * sizeof(*numbers));
		if (!numbers)
			return false;
		log->numbers = numbers;
		log->number_cap = cap;
	}
	log->numbers[log->number_count++] = *identity;
	return true;
}

void log_note_number(struct log *log, struct slice writer, uint32_t lane, uint64_t n)
{
	struct identity identity = {.lane = lane, .n = n};
	memcpy(identity.writer, writer.data, WRITER_ID_LEN);
	if (!note(log, &identity)) {
		/* Not remembered: known again by reading the log from its end, as on first contact. */
		log->scanned_from = log->length;
		log->number_count = 0;
	}
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

/* Note the identities of all lines whose newline lies in [from, to), at most SCAN_CHUNK bytes. */
static burr_status scan_chunk(struct log *log, uint64_t from, uint64_t to, burr_error *err)
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
	while ((pos = memchr(pos, '\n', (size_t)(end - pos)))) {
		struct identity identity;
		if (line_find_identity((struct slice){bytes, (size_t)(pos - bytes)}, &identity) &&
			!note(log, &identity))
			return burr_fail(err, BURR_ELATER, "no memory for a log's writers");
		pos++;
	}
	return BURR_OK;
}

burr_status log_last_number(struct log *log, struct slice writer, uint32_t lane, uint64_t log_start,
	uint64_t *out_n, burr_error *err)
{
	struct identity *known = find_number(log, writer.data, lane);
	while (!known && log->scanned_from > log_start) {
		uint64_t from = log->scanned_from > SCAN_CHUNK ? log->scanned_from - SCAN_CHUNK : 0;
		burr_status status = scan_chunk(log, from, log->scanned_from, err);
		if (status != BURR_OK)
			return status;
		log->scanned_from = from;
		known = find_number(log, writer.data, lane);
	}
	*out_n = known ? known->n : 0;
	return BURR_OK;
}

/* ---- what became of it ---- */

static void forget(struct log *log, uint64_t length)
{
	log->number_count = 0;
	log->length = log->scanned_from = length;
	log->clean = false;
	log->torn_length = 0;
}

static burr_status scan_new(struct log *log, uint64_t length, burr_error *err)
{
	while (log->length < length) {
		uint64_t to = length - log->length > SCAN_CHUNK ? log->length + SCAN_CHUNK : length;
		burr_status status = scan_chunk(log, log->length, to, err);
		if (status != BURR_OK)
			return status;
		log->length = to;
	}
	return BURR_OK;
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
		if (put <= 0)
			return fail_errno("write", err);
		from += put;
		len -= (size_t)put;
		offset += (uint64_t)put;
	}
	return BURR_OK;
}

/* Save the torn bytes, then blank them in place: what a foreign writer may append meanwhile stays. */
static burr_status mend(struct log *log, uint64_t start, burr_error *err)
{
	char bytes[4096];
	/* Without O_APPEND, with which Linux would write at the end whatever the offset. */
	CLEAN(fd_close) int blank_fd = openat(log->dir_fd, LOG_FILE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	CLEAN(fd_close)
	int torn_fd = openat(log->dir_fd, TORN_FILE, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (blank_fd < 0 || torn_fd < 0)
		return fail_errno("open log.jsonl.torn", err);
	for (uint64_t at = start; at < log->length;) {
		size_t len = log->length - at < sizeof(bytes) ? (size_t)(log->length - at) : sizeof(bytes);
		burr_status status = read_at(log->fd, at, bytes, len, err);
		if (status != BURR_OK)
			return status;
		if (write(torn_fd, bytes, len) != (ssize_t)len)
			return fail_errno("write log.jsonl.torn", err);
		at += len;
	}
	if (write(torn_fd, "\n", 1) != 1)
		return fail_errno("write log.jsonl.torn", err);
	memset(bytes, ' ', sizeof(bytes));
	for (uint64_t at = start; at < log->length;) {
		size_t len = log->length - at < sizeof(bytes) ? (size_t)(log->length - at) : sizeof(bytes);
		burr_status status = write_at(blank_fd, at, bytes, len, err);
		if (status != BURR_OK)
			return status;
		at += len;
	}
	return BURR_OK;
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

burr_status log_refresh(struct log *log, burr_error *err)
{
	struct stat st;
	if (fstat(log->fd, &st) < 0)
		return fail_errno("look at log.jsonl", err);
	if (st.st_nlink == 0)
		return burr_fail(err, BURR_ENOTFOUND, "log.jsonl was deleted");
	uint64_t length = (uint64_t)st.st_size;
	if (length < log->length) {
		forget(log, length);
	} else if (length > log->length) {
		log->clean = false;
		burr_status status = scan_new(log, length, err);
		if (status != BURR_OK)
			return status;
	}
	return log->clean ? BURR_OK : check_tail(log, err);
}

/* ---- appending ---- */

/* After a write that stopped in the middle: cut our part off again, unless somebody has appended behind it;
 * then a newline ends the torn line, and readers leave it out. */
static void undo_append(struct log *log, size_t written)
{
	struct stat st;
	log->clean = false;
	if (!written || fstat(log->fd, &st) < 0)
		return;
	if ((uint64_t)st.st_size == log->length + written && ftruncate(log->fd, (off_t)log->length) == 0) {
		log->clean = true;
		return;
	}
	/* Nothing more can be done if this fails: the tail rule mends it when the disk takes bytes again. */
	ssize_t ended = write(log->fd, "\n", 1);
	(void)ended;
}

burr_status log_append(struct log *log, struct slice lines, burr_error *err)
{
	size_t written = 0;
	while (written < lines.len) {
		ssize_t put = write(log->fd, lines.data + written, lines.len - written);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0) {
			int error = put < 0 ? errno : ENOSPC;
			undo_append(log, written);
			return burr_fail(
				err, store_errno_status(error), "append to log.jsonl: %s", strerror(error));
		}
		written += (size_t)put;
	}
	log->length += lines.len;
	return BURR_OK;
}
