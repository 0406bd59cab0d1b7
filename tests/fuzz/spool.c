/* fuzz/spool.c: any bytes as a lane's head and ring, behind a header that is valid: read without a fault,
 * numbers rising, nothing of the filter's other side. */
#include "spool_image.h"

enum { OTHER_BOOT = 1, MEND = 2, BY_NAME = 4, BEFORE = 8 };

static void write_ring(int fd, uint64_t ring_at, uint64_t at, const char *bytes, size_t len)
{
	while (len) {
		size_t room = SPOOL_LANE_BYTES - at % SPOOL_LANE_BYTES;
		room = room < len ? room : len;
		FUZZ_CHECK(
			pwrite(fd, bytes, room, (off_t)(ring_at + at % SPOOL_LANE_BYTES)) == (ssize_t)room);
		bytes += room;
		len -= room;
		at += room;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const unsigned flags = (unsigned)fuzz_take(&in, 1);
	const uint32_t lane = (uint32_t)fuzz_take(&in, 1) % SPOOL_LANES;
	struct spool_lane_head head = {.tail = fuzz_take(&in, 8)};
	const uint64_t len = fuzz_take(&in, 8);
	struct held_filter filter = {.before_ns = flags & BEFORE ? 1000 : INT64_MAX};
	struct foreign held = {0};
	struct held_damage damage = {0};
	const int dir_fd = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct store store = {.dir_fd = dir_fd, .append_fd = -1, .collector_fd = -1};
	const int fd = spool_image(!(flags & OTHER_BOOT), 0, 0);
	char *bytes = malloc(in.size + 1);
	FUZZ_CHECK(dir_fd >= 0 && bytes);
	memcpy(bytes, in.data, in.size);
	if (flags & MEND) {
		head.tail &= ~UINT64_C(7);
		mend_checksums(bytes, in.size, 0);
	}
	head.head = head.tail + (flags & MEND && len > in.size ? in.size & ~(size_t)7 : len);
	if (flags & BY_NAME) {
		filter.project = SLICE_LIT("p");
		filter.app_id = SLICE_LIT("a");
		filter.hash = spool_hash(filter.project, filter.app_id);
	}
	write_ring(fd, SPOOL_LANES_AT + (uint64_t)lane * SPOOL_LANE_BYTES, head.tail, bytes, in.size);
	FUZZ_CHECK(pwrite(fd, &head, sizeof(head), (off_t)(SPOOL_HEADS_AT + lane * sizeof(head))) ==
		   sizeof(head));
	burr_status status = held_read(&store, fd, SPOOL_IMAGE_NAME, &filter, &held, &damage, NULL);
	FUZZ_CHECK(status == BURR_OK && damage.lost_bytes <= SPOOL_LANE_BYTES);
	check_held(&store, &held);
	for (size_t i = 0; i < held.entry_count; i++) {
		struct entry entry;
		FUZZ_CHECK(i == 0 || held.entries[i - 1].n < held.entries[i].n);
		FUZZ_CHECK(foreign_read(&held, &held.entries[i], &entry));
		FUZZ_CHECK(
			!(flags & BY_NAME) || (slice_is(entry.project, "p") && slice_is(entry.app_id, "a")));
	}
	foreign_fini(&held);
	free(bytes);
	close(fd);
	close(dir_fd);
	return 0;
}
