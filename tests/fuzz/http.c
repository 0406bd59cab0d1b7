/* fuzz/http.c: any bytes as a path, as a query, and as what a reader of changes asks for. */
#include "fuzz.h"

#include "http/guard.h"
#include "http/router.h"
#include "http/topics.h"

static void ignore(void *ctx)
{
	(void)ctx;
}

/* As topics to listen to, and as the place to go on from. */
static void open_readers(struct slice raw)
{
	struct topics *topics;
	h2o_linklist_t fresh;
	h2o_linklist_init_anchor(&fresh);
	FUZZ_CHECK(topics_open(NULL, NULL, ignore, NULL, &topics, NULL) == BURR_OK);
	for (int i = 0; i < 2; i++) {
		struct reader reader = {.topics = NULL};
		struct slice names = i ? SLICE_LIT("a") : raw;
		if (reader_open(&reader, topics, names, i ? raw : SLICE_NONE, &fresh, NULL) == BURR_OK)
			FUZZ_CHECK(reader.seat_count > 0 && reader.told <= topics_cursor(topics));
		reader_close(&reader);
	}
	topics_free(topics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice raw = {(const char *)data, size};
	struct http_path path;
	struct http_params params;
	char *room = malloc(HTTP_QUERY_ROOM(size) + size + 1);
	FUZZ_CHECK(room);
	http_decode(raw, true, room);
	if (http_path_parse(raw, room, &path, NULL) == BURR_OK) {
		route_capture("/api/v0/{project}/{app_id}", &path, "app_id");
		route_capture("/{a}", &path, "a");
	}
	if (http_params_parse(raw, room, &params, NULL) == BURR_OK)
		http_params_find(&params, SLICE_LIT("limit"));
	free(room);
	open_readers(raw);
	return 0;
}
