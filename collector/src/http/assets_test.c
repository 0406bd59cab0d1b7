#include "http/assets.h"

#include "http/respond.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char index_html[] = "<!doctype html><head><base href=\"./\"><title>burr</title>";

static const struct http_asset assets[] = {
	{"/assets/app-1.js", "text/javascript; charset=utf-8", "e1", "let a", 5, "PACKED", 6},
	{"/favicon.svg", "image/svg+xml", "e2", "<svg/>", 6, NULL, 0},
	{"/index.html", "text/html; charset=utf-8", "e3", index_html, sizeof(index_html) - 1, NULL, 0},
};

static void answer(const char *path, bool gzip, struct http_response *res)
{
	respond_init(res);
	assets_answer(assets, 3, slice_of(path), gzip, res);
}

static void serves_files(void **state)
{
	(void)state;
	struct http_response res;
	answer("/assets/app-1.js", false, &res);
	assert_true(slice_is(respond_body(&res), "let a"));
	assert_string_equal(res.cache_control, "public, max-age=31536000, immutable");
	assert_string_equal(res.etag, "\"e1\"");
	assert_true(res.vary);
	respond_fini(&res);

	answer("/assets/app-1.js", true, &res);
	assert_true(slice_is(respond_body(&res), "PACKED"));
	assert_string_equal(res.content_encoding, "gzip");
	assert_string_equal(res.etag, "\"e1-gz\"");
	respond_fini(&res);

	answer("/favicon.svg", true, &res);
	assert_true(slice_is(respond_body(&res), "<svg/>"));
	assert_null(res.content_encoding);
	assert_string_equal(res.cache_control, "no-cache");
	respond_fini(&res);

	answer("/assets/gone-2.js", true, &res);
	assert_int_equal(res.status, 404);
	respond_fini(&res);
}

static void writes_the_base(void **state)
{
	(void)state;
	static const struct {
		const char *path, *base;
	} cases[] = {
		{"/", "<base href=\"./\">"},
		{"/index.html", "<base href=\"./\">"},
		{"/p", "<base href=\"./\">"},
		{"/p/", "<base href=\"../\">"},
		{"/p/x", "<base href=\"../\">"},
		{"/p/x/run/y", "<base href=\"../../../\">"},
		{"/p/a%2Fb/run/y", "<base href=\"../../../\">"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_response res;
		answer(cases[i].path, false, &res);
		assert_int_equal(res.status, 200);
		assert_non_null(strstr(res.body.data, cases[i].base));
		assert_non_null(strstr(res.body.data, "<title>burr</title>"));
		assert_string_equal(res.cache_control, "no-cache");
		respond_fini(&res);
	}
	struct http_response a, b;
	answer("/p/x", false, &a);
	answer("/p/x/run/y", false, &b);
	assert_string_not_equal(a.etag, b.etag);
	respond_fini(&a);
	respond_fini(&b);
}

static void says_that_there_is_no_ui(void **state)
{
	(void)state;
	struct http_response res;
	respond_init(&res);
	assets_answer(NULL, 0, SLICE_LIT("/"), false, &res);
	assert_int_equal(res.status, 200);
	assert_non_null(strstr(respond_body(&res).data, "./dev build"));
	respond_fini(&res);
}

static void finds_what_is_built_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < http_embedded_asset_count; i++) {
		const struct http_asset *asset = &http_embedded_assets[i];
		if (i > 0)
			assert_true(strcmp(asset[-1].path, asset->path) < 0);
		struct http_response res;
		respond_init(&res);
		assets_answer(
			http_embedded_assets, http_embedded_asset_count, slice_of(asset->path), true, &res);
		assert_int_equal(res.status, 200);
		assert_string_equal(res.content_type, asset->content_type);
		respond_fini(&res);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_files),
		cmocka_unit_test(writes_the_base),
		cmocka_unit_test(says_that_there_is_no_ui),
		cmocka_unit_test(finds_what_is_built_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
