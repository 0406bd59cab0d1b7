#include "spool/file.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
	NAME_LEN = sizeof(SPOOL_PREFIX) - 1 + WRITER_ID_LEN,
	PATH_LEN = 4096,
	MAKE_ATTEMPTS = 8,
	LEFT_FOR_LOGS = 1 << 20,  /* that a spool leaves free when it is made */
	LEFT_BY_LANES = 64 << 20, /* that a thread's own lane leaves; with less there are the shared ones */
};

static void read_boot_id(char out[40])
{
	memset(out, 0, 40);
	CLEAN(fd_close) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, 36);
	if (got != 36)
		memset(out, 0, 40);
}

/* Read once: at another time there may be no descriptor for it, and a spool without it says nothing. */
void spool_boot_id(char out[40])
{
	enum { UNKNOWN, BEING_KEPT, KNOWN };
	static _Atomic int state;
	static char kept[40]; /* written by who has moved the state to BEING_KEPT, then constant */
	int unknown = UNKNOWN;
	if (atomic_load(&state) == KNOWN) {
		memcpy(out, kept, sizeof(kept));
		return;
	}
	read_boot_id(out);
	if (out[0] && atomic_compare_exchange_strong(&state, &unknown, BEING_KEPT)) {
		memcpy(kept, out, sizeof(kept));
		atomic_store(&state, KNOWN);
	}
}

bool spool_is_of_old_boot(const struct spool_header *header)
{
	char now[40];
	spool_boot_id(now);
	return now[0] && header->boot_id[0] && strcmp(now, header->boot_id) != 0;
}

/* ---- making one ---- */

/* BURR_SPOOL_DIR moves spools to another file system; a symbolic link in the store leads there. */
static bool put_path(struct spool_file *file, const char *store_path)
{
	const char *moved = getenv("BURR_SPOOL_DIR");
	CLEAN(ptr_free) char *folder = moved && *moved ? realpath(moved, NULL) : strdup(store_path);
	if (!folder)
		return false;
	int len = snprintf(file->path, sizeof(file->path), "%s/%s%s", folder, SPOOL_PREFIX, file->writer);
	if (len > 0 && (size_t)len < sizeof(file->path))
		return true;
	errno = ENAMETOOLONG;
	return false;
}

static bool put_link_path(char link[PATH_LEN], const struct spool_file *file, const char *store_path)
{
	int len = snprintf(link, PATH_LEN, "%s/%s%s", store_path, SPOOL_PREFIX, file->writer);
	return len > 0 && len < PATH_LEN && strcmp(link, file->path) != 0;
}

static bool link_in_store(const struct spool_file *file, const char *store_path)
{
	char link[PATH_LEN];
	return !put_link_path(link, file, store_path) || symlink(file->path, link) == 0;
}

/* What a spool takes the logs cannot have: on a small or nearly full disk it keeps to what it needs. */
static bool reserve(int fd, off_t from, off_t len, uint64_t left_min)
{
	int error;
	struct statvfs fs;
	if (fstatvfs(fd, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < (uint64_t)len + left_min) {
		errno = ENOSPC;
		return false;
	}
	do
		error = posix_fallocate(fd, from, len);
	while (error == EINTR);
	errno = error;
	return error == 0;
}

/* The lock belongs to the open file, and a mapping keeps that open; not on overlayfs, where what is mapped is
 * another file below. Asking by a second open tells. */
static bool keep_lock(struct spool_file *file, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0) {
		file->dev = st.st_dev;
		file->ino = st.st_ino;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return true;
	}
	if (fd <= STDERR_FILENO) { /* the host's messages would go into it */
		file->lock_fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(fd);
		return file->lock_fd >= 0;
	}
	file->lock_fd = fd;
	return true;
}

/* The number may be the host's by now. */
static void close_lock(struct spool_file *file)
{
	struct stat st;
	if (file->lock_fd >= 0 && fstat(file->lock_fd, &st) == 0 && st.st_dev == file->dev &&
		st.st_ino == file->ino)
		close(file->lock_fd);
	file->lock_fd = -1;
}

static void write_header(struct spool_file *file)
{
	struct spool_header *h = spool_file_header(file);
	h->version = SPOOL_VERSION;
	h->lane_count = SPOOL_LANES;
	h->lane_bytes = SPOOL_LANE_BYTES;
	memcpy(h->writer, file->writer, WRITER_ID_LEN);
	spool_boot_id(h->boot_id);
	h->pid = getpid();
	gethostname(h->host, sizeof(h->host) - 1);
	snprintf(h->program, sizeof(h->program), "%s", program_invocation_short_name);
	snprintf(h->library_version, sizeof(h->library_version), "%s", burr_version());
	atomic_store(&h->clock_offset_ns, clock_offset_ns());
	memcpy(h->magic, SPOOL_MAGIC, sizeof(h->magic));
}

static char *map_file(int fd)
{
	char *map = mmap(NULL, SPOOL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	/* A child that had the mapping would keep the lock after its parent's end. */
	if (madvise(map, SPOOL_BYTES, MADV_DONTFORK) == 0)
		return map;
	munmap(map, SPOOL_BYTES);
	return NULL;
}

/* What a private spool holds, into the file that takes its place. */
static bool take_over(struct spool_file *file, int fd, const struct spool_file *from, const bool *in_use)
{
	memcpy(file->map, from->map, SPOOL_LANES_AT);
	for (uint32_t i = 0; i < SPOOL_LANES; i++) {
		if (!in_use[i])
			continue;
		if (i >= SPOOL_SHARED_LANES && !reserve(fd, SPOOL_LANES_AT + (off_t)i * SPOOL_LANE_BYTES,
						       SPOOL_LANE_BYTES, LEFT_BY_LANES))
			return false;
		memcpy(spool_file_ring(file, i), spool_file_ring(from, i), SPOOL_LANE_BYTES);
	}
	return true;
}

/* `from`: a private spool to take over; NULL: an empty one. */
static bool make_shared(
	struct spool_file *file, const char *store_path, const struct spool_file *from, const bool *in_use)
{
	char temp[PATH_LEN + 8];
	if (!put_path(file, store_path))
		return false;
	snprintf(temp, sizeof(temp), "%s.new", file->path);
	CLEAN(fd_close) int fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && ftruncate(fd, SPOOL_BYTES) == 0 &&
		reserve(fd, 0, SPOOL_LANES_AT + SPOOL_SHARED_LANES * SPOOL_LANE_BYTES, LEFT_FOR_LOGS))
		file->map = map_file(fd);
	bool ok = false;
	if (file->map && from && !take_over(file, fd, from, in_use)) {
		munmap(file->map, SPOOL_BYTES);
		file->map = NULL;
	}
	if (file->map) {
		if (!from)
			write_header(file);
		fd_close(&fd);
		ok = keep_lock(file, temp) && rename(temp, file->path) == 0;
		if (ok && !link_in_store(file, store_path)) {
			int error = errno;
			unlink(file->path);
			errno = error;
			ok = false;
		}
	}
	if (ok)
		return true;
	int error = errno;
	unlink(temp);
	spool_file_close(file);
	errno = error;
	return false;
}

static bool make_shared_quietly(
	struct spool_file *file, const char *store_path, const struct spool_file *from, const bool *in_use)
{
	struct held_signals signals;
	signals_hold_writing(&signals);
	bool made = make_shared(file, store_path, from, in_use);
	signals_release_writing(&signals);
	return made;
}

burr_status spool_file_make(const char *store_path, struct spool_file *out, burr_error *err)
{
	/* Before it is locked, a new file looks like one whose maker died, and somebody may take it away. */
	for (int attempt = 0; attempt < MAKE_ATTEMPTS; attempt++) {
		*out = (struct spool_file)SPOOL_FILE_INIT;
		random_hex(out->writer);
		if (make_shared_quietly(out, store_path, NULL, NULL))
			return BURR_OK;
		if (errno != ENOENT && errno != EWOULDBLOCK)
			break;
	}
	burr_fail(err, BURR_EIO, "no spool in %s: %s", store_path, strerror(errno));
	char *map = mmap(NULL, SPOOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return burr_fail(err, BURR_ENOMEM, "no memory for a spool");
	madvise(map, SPOOL_BYTES, MADV_DONTFORK); /* saves memory only: it holds no lock */
	out->map = map;
	out->is_private = true;
	write_header(out);
	return BURR_OK;
}

bool spool_file_settle(struct spool_file *file, const char *store_path, const bool in_use[SPOOL_LANES])
{
	struct spool_file made = SPOOL_FILE_INIT;
	memcpy(made.writer, file->writer, sizeof(made.writer));
	if (!make_shared_quietly(&made, store_path, file, in_use))
		return false;
	void *at = mremap(made.map, SPOOL_BYTES, SPOOL_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, file->map);
	if (at == MAP_FAILED) {
		spool_file_unlink(&made, store_path);
		spool_file_close(&made);
		return false;
	}
	madvise(at, SPOOL_BYTES, MADV_DONTFORK);
	file->lock_fd = made.lock_fd;
	file->dev = made.dev;
	file->ino = made.ino;
	file->is_private = false;
	return true;
}

bool spool_file_reserve(const struct spool_file *file, uint32_t lane)
{
	if (file->is_private)
		return true;
	struct held_signals signals;
	signals_hold_writing(&signals);
	CLEAN(fd_close) int fd = open(file->path, O_RDWR | O_CLOEXEC);
	bool done = fd >= 0 && reserve(fd, SPOOL_LANES_AT + (off_t)lane * SPOOL_LANE_BYTES, SPOOL_LANE_BYTES,
				       LEFT_BY_LANES);
	signals_release_writing(&signals);
	return done;
}

void spool_file_unlink(const struct spool_file *file, const char *store_path)
{
	char path[PATH_LEN];
	if (file->is_private)
		return;
	if (snprintf(path, sizeof(path), "%s/%s%s%s", store_path, SPOOL_PREFIX, file->writer,
		    SPOOL_SPILL_SUFFIX) < PATH_LEN)
		unlink(path);
	unlink(file->path);
	if (put_link_path(path, file, store_path))
		unlink(path);
}

void spool_file_close(struct spool_file *file)
{
	if (file->map)
		munmap(file->map, SPOOL_BYTES);
	file->map = NULL;
	close_lock(file);
}

void spool_file_leave(struct spool_file *file)
{
	close_lock(file);
}

/* ---- applications ---- */

uint32_t spool_hash(struct slice project, struct slice app_id)
{
	uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
	for (size_t i = 0; i < project.len; i++)
		hash = (hash ^ (unsigned char)project.data[i]) * UINT64_C(1099511628211);
	hash = (hash ^ '/') * UINT64_C(1099511628211);
	for (size_t i = 0; i < app_id.len; i++)
		hash = (hash ^ (unsigned char)app_id.data[i]) * UINT64_C(1099511628211);
	return (uint32_t)(hash ^ hash >> 32);
}

/* Two bits of an application. */
static uint32_t first_bit(uint32_t hash)
{
	return hash % (SPOOL_FILTER_BYTES * 8);
}

static uint32_t second_bit(uint32_t hash)
{
	return (hash >> 16) * 40503u % (SPOOL_FILTER_BYTES * 8);
}

static _Atomic unsigned char *byte_of(const char *filter, uint32_t bit)
{
	return (_Atomic unsigned char *)(void *)(uintptr_t)(filter + bit / 8);
}

void spool_filter_add(char *map, uint32_t hash)
{
	char *filter = map + SPOOL_FILTER_AT;
	struct spool_header *header = (struct spool_header *)(void *)map;
	atomic_fetch_or(byte_of(filter, first_bit(hash)), (unsigned char)(1u << first_bit(hash) % 8));
	atomic_fetch_or(byte_of(filter, second_bit(hash)), (unsigned char)(1u << second_bit(hash) % 8));
	atomic_fetch_add(&header->filter_changes, 1);
}

static bool has_bit(const char *filter, uint32_t bit)
{
	return atomic_load_explicit(byte_of(filter, bit), memory_order_relaxed) & 1u << bit % 8;
}

bool spool_filter_has(const char *filter, uint32_t hash)
{
	return has_bit(filter, first_bit(hash)) && has_bit(filter, second_bit(hash));
}

/* ---- somebody else's ---- */

bool spool_name_is(const char *name)
{
	const size_t prefix = sizeof(SPOOL_PREFIX) - 1;
	return strlen(name) == NAME_LEN && memcmp(name, SPOOL_PREFIX, prefix) == 0 &&
	       strspn(name + prefix, "0123456789abcdef") == WRITER_ID_LEN;
}

DIR *spool_list(int store_fd)
{
	int fd = openat(store_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		fd_close(&fd); /* keeps errno */
	return dir;
}

int spool_open(int store_fd, const char *name, int flags)
{
	int fd = openat(store_fd, name, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

bool spool_is_locked(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) < 0;
}

burr_status spool_read_header(int fd, struct spool_header *out, burr_error *err)
{
	ssize_t got = pread(fd, out, sizeof(*out), 0);
	if (got < 0)
		return burr_fail(err, BURR_EIO, "read a spool: %s", strerror(errno));
	if (got != sizeof(*out) || memcmp(out->magic, SPOOL_MAGIC, sizeof(out->magic)) != 0)
		return burr_fail(err, BURR_ECORRUPT, "not a spool's header");
	if (out->version != SPOOL_VERSION)
		return burr_fail(err, BURR_EVERSION, "a spool of version %u; this is burr %s with version %d",
			out->version, burr_version(), SPOOL_VERSION);
	if (out->lane_count != SPOOL_LANES || out->lane_bytes != SPOOL_LANE_BYTES)
		return burr_fail(err, BURR_ECORRUPT, "a spool of %u lanes of %u bytes", out->lane_count,
			out->lane_bytes);
	out->boot_id[sizeof(out->boot_id) - 1] = '\0';
	out->host[sizeof(out->host) - 1] = '\0';
	out->program[sizeof(out->program) - 1] = '\0';
	out->library_version[sizeof(out->library_version) - 1] = '\0';
	return BURR_OK;
}
