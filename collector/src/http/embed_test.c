/* What embed makes of testdata/, byte for byte. The build links this test with a table made from there. */
#include "http/assets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>

static char *read_file(const char *path, size_t *out_len)
{
	char full[4096];
	snprintf(full, sizeof(full), "%s%s", HTTP_TESTDATA, path);
	FILE *in = fopen(full, "rb");
	assert_non_null(in);
	char *data = malloc(65536);
	*out_len = fread(data, 1, 65536, in);
	fclose(in);
	return data;
}

static void holds_every_file(void **state)
{
	(void)state;
	static const struct {
		const char *path, *type;
		bool packed;
	} expected[] = {
		{"/assets/app-0123.js", "text/javascript; charset=utf-8", true},
		{"/empty.txt", "text/plain; charset=utf-8", false},
		{"/index.html", "text/html; charset=utf-8", false},
		{"/odd.bin", "application/octet-stream", false},
	};
	size_t count = sizeof(expected) / sizeof(expected[0]);
	assert_int_equal(http_embedded_asset_count, count);
	for (size_t i = 0; i < count; i++) {
		const struct http_asset *asset = &http_embedded_assets[i];
		assert_string_equal(asset->path, expected[i].path);
		assert_string_equal(asset->content_type, expected[i].type);
		assert_int_equal(strlen(asset->etag), 16);
		assert_int_equal(asset->gzip_body != NULL, expected[i].packed);
		size_t len;
		char *file = read_file(asset->path, &len);
		assert_int_equal(asset->body_len, len);
		assert_memory_equal(asset->body, file, len);
		free(file);
	}
}

static void packs_losslessly(void **state)
{
	(void)state;
	const struct http_asset *asset = &http_embedded_assets[0];
	char *back = malloc(asset->body_len + 1);
	z_stream z = {.next_in = (Bytef *)asset->gzip_body, .avail_in = (uInt)asset->gzip_len};
	z.next_out = (Bytef *)back;
	z.avail_out = (uInt)asset->body_len + 1;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	inflateEnd(&z);
	assert_int_equal(z.total_out, asset->body_len);
	assert_memory_equal(back, asset->body, asset->body_len);
	free(back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_every_file),
		cmocka_unit_test(packs_losslessly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
