/* fuzz/batch.c: any bytes as the entries of a batch that goes into a store: refused with nothing stored, or
 * each application whole; and the same batch again changes nothing. */
#include "folder.h"

#include "base/json.h"
#include "store/append.h"
#include "store/read.h"

#include <ftw.h>

struct found {
	uint64_t bytes;
	size_t logs;
};
static struct found found; /* nftw's callback has no argument */

static int look_at_log(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct log_reader reader;
	struct log_line line;
	if (type != FTW_F || strcmp(path + ftw->base, "log.jsonl") != 0)
		return 0;
	found.logs++;
	found.bytes += (uint64_t)st->st_size;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	log_reader_init(&reader, fd, 0);
	while (log_reader_next(&reader, &line))
		FUZZ_CHECK(json_validate(line.text, NULL, NULL) == BURR_OK);
	FUZZ_CHECK(log_reader_offset(&reader) == (uint64_t)st->st_size);
	log_reader_fini(&reader);
	close(fd);
	return 0;
}

static struct found look_at_logs(const char *store_path)
{
	found = (struct found){0, 0};
	FUZZ_CHECK(nftw(store_path, look_at_log, 8, FTW_PHYS) == 0);
	return found;
}

/* How many of the verdicts are DONE; all others when `done` is false. */
static size_t count_verdicts(const struct buf *reply_bytes, bool done)
{
	struct reply reply;
	struct verdict verdict;
	size_t count = 0;
	FUZZ_CHECK(reply_read(buf_slice(reply_bytes), &reply, NULL) == BURR_OK && reply.status == REPLY_OK);
	struct pb_reader r = pb_reader(reply.bytes);
	while (reply_next_verdict(&r, &verdict)) {
		count += (verdict.kind == VERDICT_DONE) == done;
		FUZZ_CHECK(verdict.kind == VERDICT_DONE || verdict.reason.len);
	}
	return count;
}

static void store_twice(struct store *store, const struct request *request, const char *path)
{
	struct appender_options options = {.log_max = 8, .alone = true};
	struct buf reply = BUF_INIT;
	struct found first = {0, 0};
	burr_status status = BURR_OK;
	for (int i = 0; i < 3; i++) {
		struct appender *appender = appender_new(store, &options);
		burr_error err = BURR_ERROR_INIT;
		FUZZ_CHECK(appender);
		buf_clear(&reply);
		status = appender_store(appender, request, &reply, &err);
		struct found now = look_at_logs(path);
		FUZZ_CHECK(status != BURR_OK ||
			   count_verdicts(&reply, false) + count_verdicts(&reply, true) > 0);
		FUZZ_CHECK(status == BURR_OK || (err.message[0] && now.bytes == 0 && now.logs == 1));
		if (i == 0)
			first = now;
		FUZZ_CHECK(now.bytes == first.bytes && now.logs == first.logs);
		appender_free(appender);
		options.alone = i == 0;
	}
	buf_fini(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[100];
	struct store *store;
	struct request request = {.protocol = 1, .protocol_min = 1, .writer = SLICE_LIT("0123456789abcdef")};
	struct buf bytes = BUF_INIT;
	request_put(&bytes, &request);
	buf_append(&bytes, data, size);
	if (request_read(buf_slice(&bytes), &request, NULL) != BURR_OK || !request.entry_count) {
		buf_fini(&bytes);
		return 0;
	}
	snprintf(path, sizeof(path), "%s/store", fuzz_folder());
	FUZZ_CHECK(store_open(path, STORE_WRITE, &store, NULL) == BURR_OK);
	FUZZ_CHECK(mkdirat(store->dir_fd, "p", 0700) == 0 && mkdirat(store->dir_fd, "p/a", 0700) == 0);
	fuzz_write_file(store->dir_fd, "p/a/log.jsonl", "", 0);
	store_twice(store, &request, path);
	store_close(store);
	remove_tree(path);
	buf_fini(&bytes);
	return 0;
}
