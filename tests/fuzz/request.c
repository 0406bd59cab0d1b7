/* fuzz/request.c: any bytes as a request from the socket, up to the lines that it would become. */
#include "fuzz.h"

#include "base/json.h"
#include "store/line.h"
#include "store/names.h"
#include "wire/message.h"

static void check_entry(const struct entry *entry, const struct line_context *context)
{
	struct buf out = BUF_INIT;
	name_check_project(entry->project, NULL);
	name_check_app_id(entry->app_id, NULL);
	if (entry->type == RECORD_APPLICATION) {
		line_put_graph(&out, entry);
		FUZZ_CHECK(json_validate(buf_slice(&out), NULL, NULL) == BURR_OK);
		buf_clear(&out);
		line_put_metadata(&out, entry, context);
		FUZZ_CHECK(json_validate(buf_slice(&out), NULL, NULL) == BURR_OK);
		buf_clear(&out);
		line_put_child(&out, entry, context, entry->record, "fork");
	} else if (line_put(&out, entry, context, NULL) != BURR_OK) {
		FUZZ_CHECK(out.len == 0);
		buf_fini(&out);
		return;
	}
	/* One line, whole, valid, and with the identity where readers look for it. */
	FUZZ_CHECK(out.len && memchr(out.data, '\n', out.len) == out.data + out.len - 1);
	struct identity identity;
	FUZZ_CHECK(line_find_identity((struct slice){out.data, out.len - 1}, &identity));
	FUZZ_CHECK(identity.lane == entry->lane && identity.n == entry->n);
	FUZZ_CHECK(json_validate(buf_slice(&out), NULL, NULL) == BURR_OK);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = {(const char *)data, size};
	struct slice entry_bytes;
	struct request request;
	struct reply reply;
	struct verdict verdict;
	struct entry entry;
	struct line_faults faults = {0};
	if (reply_read(bytes, &reply, NULL) == BURR_OK) {
		struct pb_reader verdicts = pb_reader(bytes);
		while (reply_next_verdict(&verdicts, &verdict))
			;
	}
	/* As the content of a side file. */
	struct line_context side_context = {SLICE_LIT("0123456789abcdef"), 0, {.pid = 1}, &faults};
	entry = (struct entry){.project = SLICE_LIT("p"), .app_id = SLICE_LIT("a"), .lane = 1, .n = 1};
	if (entry_read_side(bytes, &entry, NULL) == BURR_OK)
		check_entry(&entry, &side_context);
	if (request_read(bytes, &request, NULL) != BURR_OK)
		return 0;
	struct slice writer = request.writer.data ? request.writer : SLICE_LIT("0123456789abcdef");
	struct line_context context = {writer, request.clock_offset_ns, request.about, &faults};
	struct pb_reader r = pb_reader(request.bytes);
	while (request_next_entry(&r, &entry_bytes))
		if (entry_read(entry_bytes, &entry, NULL) == BURR_OK)
			check_entry(&entry, &context);
	return 0;
}
