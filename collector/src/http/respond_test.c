#include "http/respond.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>

static struct respond_wishes wishes(const char *method, const char *none_match, const char *encoding)
{
	return (struct respond_wishes){slice_of(method), slice_of(none_match), slice_of(encoding)};
}

static void knows_who_takes_gzip(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		bool accepts;
	} cases[] = {
		{"gzip", true},
		{"deflate, GZip;q=0.5, br", true},
		{"br;q=1.0 , gzip ; q=1", true},
		{"gzip;q=0", false},
		{"gzip; q=0.000", false},
		{"br, deflate", false},
		{"xgzip", false},
		{"", false},
		{",,;,", false},
		{NULL, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(respond_accepts_gzip(slice_of(cases[i].header)), cases[i].accepts);
}

static void fails_in_json(void **state)
{
	(void)state;
	struct http_response res;
	respond_init(&res);
	buf_append_str(&res.body, "half an answer");
	http_fail(&res, 404, "no application '%s'", "a\"b");
	struct respond_wishes plain = wishes("GET", NULL, NULL);
	respond_finish(&res, &plain);
	assert_int_equal(res.status, 404);
	assert_string_equal(res.body.data, "{\"detail\":\"no application 'a\\\"b'\"}");
	assert_string_equal(res.cache_control, "no-store");
	assert_string_equal(res.etag, "");
	respond_fini(&res);

	respond_init(&res);
	res.status = 409;
	respond_finish(&res, &plain);
	assert_string_equal(res.body.data, "{\"detail\":\"Conflict\"}");
	respond_fini(&res);

	respond_init(&res);
	res.body.failed = true;
	respond_finish(&res, &plain);
	assert_int_equal(res.status, 500);
	respond_fini(&res);
}

static void revalidates(void **state)
{
	(void)state;
	static const struct {
		const char *method, *none_match;
		int status;
	} cases[] = {
		{"GET", "\"v1\"", 304},
		{"HEAD", "\"v0\", W/\"v1\"", 304},
		{"GET", "*", 304},
		{"GET", "\"v2\"", 200},
		{"GET", "v1", 200},
		{"GET", "", 200},
		{"GET", NULL, 200},
		{"POST", "\"v1\"", 200},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_response res;
		respond_init(&res);
		buf_append_str(&res.body, "{}");
		http_set_etag(&res, SLICE_LIT("v1"));
		struct respond_wishes asked = wishes(cases[i].method, cases[i].none_match, NULL);
		respond_finish(&res, &asked);
		assert_int_equal(res.status, cases[i].status);
		assert_int_equal(res.body.len, cases[i].status == 304 ? 0 : 2);
		assert_string_equal(res.cache_control, "no-cache");
		respond_fini(&res);
	}
}

/* A handler that asks by itself, before it makes a body: with no-store a browser would forget what it has. */
static void keeps_what_was_revalidated(void **state)
{
	(void)state;
	struct http_response res;
	respond_init(&res);
	http_set_etag(&res, SLICE_LIT("v1"));
	respond_revalidate(&res, SLICE_LIT("\"v1\""));
	struct respond_wishes asked = wishes("GET", "\"v1\"", NULL);
	respond_finish(&res, &asked);
	assert_int_equal(res.status, 304);
	assert_string_equal(res.cache_control, "no-cache");
	assert_string_equal(res.etag, "\"v1\"");
	respond_fini(&res);
}

static void hashes_bodies(void **state)
{
	(void)state;
	struct http_response a, b;
	respond_init(&a);
	respond_init(&b);
	struct respond_wishes plain = wishes("GET", NULL, NULL);
	buf_append_str(&a.body, "{\"count\":1}");
	buf_append_str(&b.body, "{\"count\":2}");
	respond_finish(&a, &plain);
	respond_finish(&b, &plain);
	assert_int_equal(strlen(a.etag), 18);
	assert_string_not_equal(a.etag, b.etag);
	respond_fini(&a);
	respond_fini(&b);
}

static void packs(void **state)
{
	(void)state;
	struct http_response res;
	respond_init(&res);
	struct buf text = BUF_INIT;
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "{\"step\":%d},", i);
	buf_append_slice(&res.body, buf_slice(&text));
	struct respond_wishes gzip = wishes("GET", NULL, "gzip");
	respond_finish(&res, &gzip);
	assert_string_equal(res.content_encoding, "gzip");
	assert_true(res.vary);
	assert_true(res.body.len < text.len / 3);
	assert_memory_equal(res.etag, "W/\"", 3);

	char *back = malloc(text.len + 1);
	z_stream z = {.next_in = (Bytef *)res.body.data, .avail_in = (uInt)res.body.len};
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_out = (Bytef *)back;
	z.avail_out = (uInt)text.len + 1;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, text.len);
	assert_memory_equal(back, text.data, text.len);
	inflateEnd(&z);
	free(back);
	buf_fini(&text);
	respond_fini(&res);
}

static void leaves_small_and_binary_alone(void **state)
{
	(void)state;
	struct respond_wishes gzip = wishes("GET", NULL, "gzip");
	struct http_response res;
	respond_init(&res);
	buf_append_str(&res.body, "{}");
	respond_finish(&res, &gzip);
	assert_null(res.content_encoding);
	respond_fini(&res);

	respond_init(&res);
	res.content_type = "image/png";
	for (int i = 0; i < 5000; i++)
		buf_append_char(&res.body, 'a');
	respond_finish(&res, &gzip);
	assert_null(res.content_encoding);
	respond_fini(&res);
}

static void keeps_headers_clean(void **state)
{
	(void)state;
	struct http_response res;
	respond_init(&res);
	http_add_header(&res, "x-good", SLICE_LIT("yes"));
	http_add_header(&res, "x-bad", SLICE_LIT("a\r\nset-cookie: b"));
	assert_int_equal(res.headers.len, sizeof("x-good") + sizeof("yes"));
	http_set_etag(&res, SLICE_LIT("a\"b\r\nc"));
	assert_string_equal(res.etag, "\"a_b__c\"");
	char longer[200];
	memset(longer, 'x', sizeof(longer));
	http_set_etag(&res, (struct slice){longer, sizeof(longer)});
	assert_int_equal(strlen(res.etag), HTTP_ETAG_SIZE - 1);
	respond_fini(&res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_who_takes_gzip),
		cmocka_unit_test(fails_in_json),
		cmocka_unit_test(revalidates),
		cmocka_unit_test(keeps_what_was_revalidated),
		cmocka_unit_test(hashes_bodies),
		cmocka_unit_test(packs),
		cmocka_unit_test(leaves_small_and_binary_alone),
		cmocka_unit_test(keeps_headers_clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
