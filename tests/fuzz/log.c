/* fuzz/log.c: any bytes as a log that somebody is to append to: the last number of each writer's lane is what
 * a reader of the whole log finds, and a torn tail keeps the appender off. */
#include "folder.h"

#include "store/log.h"
#include "store/read.h"

enum { LANES_MAX = 32, SHIFT_MAX = 70000 };

struct lane_seen {
	struct identity last;
	bool falls; /* its numbers do not rise along the log: not one of ours */
};

static size_t note(struct lane_seen *lanes, size_t count, const struct identity *identity)
{
	for (size_t i = 0; i < count; i++) {
		struct lane_seen *lane = &lanes[i];
		if (memcmp(lane->last.writer, identity->writer, sizeof(identity->writer)) != 0 ||
			lane->last.lane != identity->lane)
			continue;
		lane->falls = lane->falls || identity->n <= lane->last.n;
		lane->last.n = identity->n;
		return count;
	}
	if (count < LANES_MAX)
		lanes[count++] = (struct lane_seen){*identity, identity->n == 0};
	return count;
}

static size_t read_log(int fd, struct lane_seen *lanes)
{
	struct log_reader reader;
	struct log_line line;
	struct identity identity;
	size_t count = 0;
	log_reader_init(&reader, fd, 0);
	while (log_reader_next(&reader, &line))
		/* Readers take blanks off a line's end, who appends does not. */
		if (line.offset + line.text.len + 1 == log_reader_offset(&reader) &&
			line_find_identity(line.text, &identity))
			count = note(lanes, count, &identity);
	log_reader_fini(&reader);
	return count;
}

static bool is_new(struct log *log, const struct identity *identity, uint64_t n)
{
	bool new;
	const struct slice writer = {identity->writer, sizeof(identity->writer)};
	FUZZ_CHECK(log_stage(log, writer, identity->lane, n, 0, 0, &new, NULL) == BURR_OK);
	return new;
}

static void check_numbers(struct log *log, int fd)
{
	struct lane_seen lanes[LANES_MAX];
	const size_t count = read_log(fd, lanes);
	for (size_t i = count; i-- > 0;) {
		const struct identity *last = &lanes[i].last;
		if (lanes[i].falls)
			continue;
		FUZZ_CHECK(!is_new(log, last, last->n) && !is_new(log, last, 1));
		if (last->n == UINT64_MAX)
			continue;
		FUZZ_CHECK(is_new(log, last, last->n + 1) && !is_new(log, last, last->n + 1));
		log_unstage(log);
		FUZZ_CHECK(is_new(log, last, last->n + 1));
		log_unstage(log);
	}
}

static void append_one(struct log *log, int fd)
{
	static const char line[] = "{\"_rec\":\"ffffffffffffffff.9.9\"}\n";
	const struct identity ours = {"fffffffffffffff", 9, 9};
	struct identity identity = ours;
	struct lane_seen lanes[LANES_MAX];
	memset(identity.writer, 'f', sizeof(identity.writer));
	if (!is_new(log, &identity, 9))
		return;
	FUZZ_CHECK(log_append(log, (struct slice){line, sizeof(line) - 1}, NULL) == BURR_OK);
	FUZZ_CHECK(!is_new(log, &identity, 9) && log_refresh(log, NULL) == BURR_OK);
	const size_t count = read_log(fd, lanes);
	FUZZ_CHECK(count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char blanks[SHIFT_MAX];
	struct fuzz_input in = {data, size};
	struct log *log;
	const size_t shift = (size_t)fuzz_take(&in, 3) % SHIFT_MAX;
	const int dir_fd = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct store store = {.dir_fd = dir_fd, .append_fd = -1, .collector_fd = -1};
	mkdirat(dir_fd, "p", 0700);
	mkdirat(dir_fd, "p/a", 0700);
	/* A line of blanks before it, so that lines lie across the edges of what is read at once. */
	memset(blanks, ' ', sizeof(blanks));
	blanks[shift ? shift - 1 : 0] = '\n';
	fuzz_write_file(dir_fd, "p/a/log.jsonl", blanks, shift);
	const int fd = openat(dir_fd, "p/a/log.jsonl", O_RDWR | O_APPEND | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && write(fd, in.data, in.size) == (ssize_t)in.size);
	FUZZ_CHECK(log_open(&store, SLICE_LIT("p"), SLICE_LIT("a"), &log, NULL) == BURR_OK);
	FUZZ_CHECK(log_try_lock(log));
	burr_status status = log_refresh(log, NULL);
	const bool torn = in.size && in.data[in.size - 1] != '\n';
	FUZZ_CHECK(status == BURR_OK || (torn && status == BURR_ELATER));
	if (status == BURR_OK) {
		check_numbers(log, fd);
		append_one(log, fd);
	}
	log_unlock(log);
	log_close(log);
	close(fd);
	close(dir_fd);
	return 0;
}
