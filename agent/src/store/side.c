#include "store/side.h"

#include "base/clean.h"
#include "base/error.h"
#include "wire/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { SIDE_BYTES_MAX = RECORD_BYTES_MAX + 16 }; /* the record's tag and length come with it */

void side_file_name(char *out, size_t size, struct slice writer, uint32_t lane, uint64_t n)
{
	snprintf(out, size, ".burr-spool-%.*s.%u.%llu", SLICE_ARG(writer), lane, (unsigned long long)n);
}

static burr_status fail_errno(const char *name, burr_error *err)
{
	if (errno == ENOENT || errno == ELOOP) /* a link is none of ours */
		return burr_fail(err, BURR_ENOTFOUND, "side file %s is not there", name);
	burr_status status = store_errno_status(errno);
	return burr_fail(err, status, "side file %s: %s", name, strerror(errno));
}

/* Read, not mapped: a mapped file that is cut short kills its reader. */
static burr_status read_whole(int fd, const char *name, size_t len, struct buf *out, burr_error *err)
{
	if (!buf_reserve(out, len))
		return burr_fail(err, BURR_ELATER, "no memory for %zu bytes of %s", len, name);
	while (out->len < len) {
		ssize_t got = pread(fd, out->data + out->len, len - out->len, (off_t)out->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(name, err);
		if (got == 0)
			return burr_fail(err, BURR_ENOTFOUND, "side file %s became shorter", name);
		out->len += (size_t)got;
		out->data[out->len] = '\0';
	}
	return BURR_OK;
}

burr_status side_read(const struct store *store, struct slice writer, const struct entry *entry,
	struct buf *out, burr_error *err)
{
	char name[SIDE_NAME_SIZE];
	struct stat st;
	side_file_name(name, sizeof(name), writer, entry->lane, entry->n);
	buf_clear(out);
	if (entry->side_len > SIDE_BYTES_MAX)
		return burr_fail(err, BURR_ETOOBIG, "a record of %llu bytes; at most %d",
			(unsigned long long)entry->side_len, RECORD_BYTES_MAX);
	CLEAN(fd_close) int fd = openat(store->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_errno(name, err);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != entry->side_len)
		return burr_fail(err, BURR_ENOTFOUND, "side file %s does not have its %llu bytes", name,
			(unsigned long long)entry->side_len);
	return read_whole(fd, name, (size_t)entry->side_len, out, err);
}
