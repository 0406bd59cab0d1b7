/* fuzz/spill.c: any bytes as a spill file, read from any place on. */
#include "spool_image.h"

#include <stddef.h>

enum { OTHER_BOOT = 1, MEND = 2, BY_NAME = 4, LEAVE = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const unsigned flags = (unsigned)fuzz_take(&in, 1);
	const uint64_t spill_read = fuzz_take(&in, 8);
	struct held_filter filter = {.before_ns = INT64_MAX};
	struct held_spill spill = {.fd = -1};
	struct foreign held = {.fetch = held_fetch, .fetch_ctx = &spill};
	struct held_damage damage = {0};
	const int dir_fd = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct store store = {.dir_fd = dir_fd, .append_fd = -1, .collector_fd = -1};
	const int fd = spool_image(!(flags & OTHER_BOOT), spill_read, in.size);
	char *bytes = malloc(in.size + 1);
	FUZZ_CHECK(dir_fd >= 0 && bytes);
	memcpy(bytes, in.data, in.size);
	if (flags & MEND && spill_read < in.size)
		mend_checksums(
			bytes + spill_read, in.size - spill_read, offsetof(struct spool_spilled, entry));
	if (flags & BY_NAME) {
		filter.project = SLICE_LIT("p");
		filter.app_id = SLICE_LIT("a");
		filter.hash = spool_hash(filter.project, filter.app_id);
	}
	filter.leaves_spilled = flags & LEAVE;
	spill.store = &store;
	fuzz_write_file(dir_fd, SPOOL_IMAGE_NAME SPOOL_SPILL_SUFFIX, bytes, in.size);
	burr_status status = held_read(&store, fd, SPOOL_IMAGE_NAME, &filter, &held, &damage, NULL);
	FUZZ_CHECK(status == BURR_OK && damage.lost_bytes <= in.size);
	check_held(&store, &held);
	held_spill_close(&spill);
	foreign_fini(&held);
	free(bytes);
	close(fd);
	close(dir_fd);
	return 0;
}
