/* fuzz/splice.c: any bytes as a run's log: version 0's steps of it are JSON, and the same bytes whether they
 * are made at once or in the smallest pieces. */
#include "fuzz.h"

#include "api/gather.h"
#include "base/json.h"

#include <sys/mman.h>
#include <unistd.h>

static void put_steps(int fd, size_t enough, struct buf *out)
{
	const struct gather_request request = {.reader = NULL};
	struct splice splice;
	struct buf piece = BUF_INIT;
	bool more = true;
	splice_init(&splice, dup(fd));
	FUZZ_CHECK(gather_places(&request, &splice, NULL) == BURR_OK);
	while (more) {
		buf_clear(&piece);
		more = splice_put(&splice, &piece, enough);
		buf_append_slice(out, buf_slice(&piece));
	}
	FUZZ_CHECK(!splice.missed && !piece.failed && !out->failed);
	buf_fini(&piece);
	splice_fini(&splice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT;
	struct buf pieces = BUF_INIT;
	struct slice value;
	int fd = memfd_create("log", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	put_steps(fd, SIZE_MAX, &whole);
	put_steps(fd, 1, &pieces);
	FUZZ_CHECK(slice_eq(buf_slice(&whole), buf_slice(&pieces)));
	FUZZ_CHECK(json_validate(buf_slice(&whole), &value, NULL) == BURR_OK &&
		   json_kind_of(value) == JSON_ARRAY);
	buf_fini(&whole);
	buf_fini(&pieces);
	close(fd);
	return 0;
}
