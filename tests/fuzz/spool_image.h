/* fuzz/spool_image.h: a spool with a header that is valid, for what is behind it to be read. */
#ifndef FUZZ_SPOOL_IMAGE_H
#define FUZZ_SPOOL_IMAGE_H

#include "folder.h"

#include "base/checksum.h"
#include "spool/held.h"

#include <sys/mman.h>

#define SPOOL_IMAGE_WRITER "0123456789abcdef"
#define SPOOL_IMAGE_NAME SPOOL_PREFIX SPOOL_IMAGE_WRITER

static inline int spool_image(bool this_boot, uint64_t spill_read, uint64_t spill_length)
{
	struct spool_header header = {
		.magic = SPOOL_MAGIC,
		.version = SPOOL_VERSION,
		.lane_count = SPOOL_LANES,
		.lane_bytes = SPOOL_LANE_BYTES,
		.pid = 1,
		.spill_read = spill_read,
		.spill_length = spill_length,
	};
	memcpy(header.magic, SPOOL_MAGIC, sizeof(header.magic));
	memcpy(header.writer, SPOOL_IMAGE_WRITER, sizeof(header.writer));
	if (this_boot)
		spool_boot_id(header.boot_id);
	int fd = memfd_create("spool", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && ftruncate(fd, SPOOL_BYTES) == 0 &&
		   pwrite(fd, &header, sizeof(header), 0) == sizeof(header));
	return fd;
}

/* Give entries that follow one another their checksums, which no fuzzer finds by itself. `before` bytes stand
 * in front of each. */
static inline void mend_checksums(char *bytes, size_t len, size_t before)
{
	for (size_t at = 0; len - at >= before + sizeof(struct spool_entry);) {
		struct spool_entry entry;
		char *pos = bytes + at + before;
		memcpy(&entry, pos, sizeof(entry));
		const size_t body = entry.len_flags & SPOOL_LEN;
		if (entry.len_flags & SPOOL_PAD || body > len || spool_room(body) > len - at - before)
			return;
		entry.checksum =
			checksum(entry.n, (uint64_t)entry.time_ns ^ ((uint64_t)entry.hash << 32 | entry.app),
				pos + sizeof(entry), body);
		memcpy(pos, &entry, sizeof(entry));
		at += before + spool_room(body);
	}
}

/* Everything of what was read is whole, and becomes lines. */
static inline void check_held(const struct store *store, struct foreign *held)
{
	held_sort(held);
	for (size_t i = 0; i < held->entry_count; i++) {
		struct entry entry;
		FUZZ_CHECK(held->entries[i].writer < held->writer_count);
		FUZZ_CHECK(foreign_read(held, &held->entries[i], &entry));
		FUZZ_CHECK(i == 0 || held->entries[i - 1].time_ns <= held->entries[i].time_ns);
		struct buf lines = BUF_INIT;
		bool moved = false;
		if (i < 4) {
			(void)!held_put_lines(store, held, entry.app_id, -1, 0, &lines, &moved, NULL);
			FUZZ_CHECK(!lines.len || lines.data[lines.len - 1] == '\n');
		}
		buf_fini(&lines);
	}
}

#endif
