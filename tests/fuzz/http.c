/* fuzz/http.c: any bytes as a path and as a query. */
#include "fuzz.h"

#include "http/guard.h"
#include "http/router.h"

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
	return 0;
}
