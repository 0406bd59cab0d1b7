/* fuzz/line.c: any bytes as a log's text: the readers of both directions see the same lines, and parse them
 * safely. */
#include "fuzz.h"

#include "base/clock.h"
#include "store/line.h"
#include "store/read.h"

#include <sys/mman.h>
#include <unistd.h>

enum { LINES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t offsets[LINES_MAX];
	size_t count = 0;
	struct log_reader reader;
	struct log_line line;
	struct line_record record;
	struct identity identity;
	int64_t time_us;
	bool zoned;
	int fd = memfd_create("log", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	log_reader_init(&reader, fd, 0);
	while (count < LINES_MAX && log_reader_next(&reader, &line)) {
		offsets[count++] = line.offset;
		FUZZ_CHECK(line.text.len && line.offset + line.text.len < size);
		if (line_read(line.text, &record))
			time_parse(record.time, &time_us, &zoned);
		line_find_identity(line.text, &identity);
	}
	bool all = count < LINES_MAX;
	log_reader_fini(&reader);
	log_reader_init(&reader, fd, size);
	while (all && log_reader_previous(&reader, &line))
		FUZZ_CHECK(count && line.offset == offsets[--count]);
	FUZZ_CHECK(!all || count == 0);
	log_reader_fini(&reader);
	close(fd);
	return 0;
}
