#include "spool/inspect.h"

#include "base/clean.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* What [tail, head) of all lanes is. The writer may be moving both; a figure for people. */
static uint64_t count_lane_bytes(int fd)
{
	struct spool_lane_head heads[SPOOL_LANES];
	uint64_t bytes = 0;
	if (pread(fd, heads, sizeof(heads), SPOOL_HEADS_AT) != (ssize_t)sizeof(heads))
		return 0;
	for (size_t i = 0; i < SPOOL_LANES; i++) {
		uint64_t head = atomic_load(&heads[i].head);
		uint64_t tail = atomic_load(&heads[i].tail);
		if (head > tail && head - tail <= SPOOL_LANE_BYTES)
			bytes += head - tail;
	}
	return bytes;
}

static void inspect(int fd, struct spool_report *report)
{
	burr_error why = BURR_ERROR_INIT;
	struct stat st;
	bool locked = spool_is_locked(fd);
	burr_status status = spool_read_header(fd, &report->header, &why);
	if (status == BURR_OK && fstat(fd, &st) == 0 && st.st_size < SPOOL_LANES_AT)
		status = burr_fail(&why, BURR_ECORRUPT, "cut off at %lld bytes", (long long)st.st_size);
	report->is_known = status == BURR_OK;
	if (!report->is_known)
		snprintf(report->why, sizeof(report->why), "%.199s", why.message);
	if (locked)
		report->state = SPOOL_LIVES;
	else if (report->is_known)
		report->state = SPOOL_LEFT;
	else
		report->state = status == BURR_EIO ? SPOOL_UNOPENED : SPOOL_STRANGE;
	if (!report->is_known)
		return;
	uint64_t length = atomic_load(&report->header.spill_length);
	uint64_t read = atomic_load(&report->header.spill_read);
	report->lane_bytes = count_lane_bytes(fd);
	report->spill_bytes = length > read ? length - read : 0;
}

burr_status spool_inspect_all(const struct store *store, spool_report_fn *visit, void *ctx, burr_error *err)
{
	struct dirent *file;
	DIR *dir = spool_list(store->dir_fd);
	if (!dir)
		return burr_fail(err, BURR_EIO, "list the store: %s", strerror(errno));
	while ((file = readdir(dir))) {
		struct spool_report report = {.name = file->d_name, .state = SPOOL_UNOPENED};
		if (!spool_name_is(file->d_name))
			continue;
		CLEAN(fd_close) int fd = spool_open(store->dir_fd, file->d_name, O_RDONLY);
		if (fd >= 0)
			inspect(fd, &report);
		else
			snprintf(report.why, sizeof(report.why), "%s", strerror(errno));
		/* One that went away meanwhile leaves nothing to tell of; a link that leads nowhere does. */
		if (fd >= 0 || faccessat(store->dir_fd, file->d_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			visit(ctx, &report);
	}
	closedir(dir);
	return BURR_OK;
}

enum spool_writer spool_find_writer(const struct store *store, const char *writer)
{
	char name[sizeof(SPOOL_PREFIX) + WRITER_ID_LEN];
	snprintf(name, sizeof(name), "%s%.*s", SPOOL_PREFIX, WRITER_ID_LEN, writer);
	CLEAN(fd_close) int fd = spool_name_is(name) ? spool_open(store->dir_fd, name, O_RDONLY) : -1;
	if (fd < 0)
		return SPOOL_WRITER_GONE;
	return spool_is_locked(fd) ? SPOOL_WRITER_LIVES : SPOOL_WRITER_LEFT;
}
