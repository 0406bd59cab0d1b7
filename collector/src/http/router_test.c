#include "http/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void decodes(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		bool plus;
		const char *out; /* NULL: refused */
	} cases[] = {
		{"", false, ""},
		{"plain", false, "plain"},
		{"a%20b", false, "a b"},
		{"a%2Fb%2fc", false, "a/b/c"},
		{"%e4%BD%a0", false, "\xe4\xbd\xa0"},
		{"%2525", false, "%25"},
		{"a+b", false, "a+b"},
		{"a+b", true, "a b"},
		{"a%2Bb", true, "a+b"},
		{"%ff", false, "\xff"},
		{"%", false, NULL},
		{"%4", false, NULL},
		{"a%zz", false, NULL},
		{"%-1", false, NULL},
		{"% 1", false, NULL},
		{"%00", false, NULL},
		{"a%00b", true, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice in = slice_of(cases[i].in);
		char *out = malloc(in.len + 1); /* exact, for the sanitizer's sake */
		ssize_t len = http_decode(in, cases[i].plus, out);
		if (!cases[i].out) {
			assert_int_equal(len, -1);
		} else {
			assert_int_equal(len, strlen(cases[i].out));
			assert_memory_equal(out, cases[i].out, (size_t)len);
		}
		free(out);
	}
	char out[4];
	assert_int_equal(http_decode((struct slice){"a\0b", 3}, false, out), -1);
}

static void splits_before_decoding(void **state)
{
	(void)state;
	static const struct {
		const char *raw;
		const char *parts; /* by '|'; NULL: refused */
	} cases[] = {
		{"/", ""},
		{"/a", "a"},
		{"/a/", "a|"},
		{"//", "|"},
		{"/a%2Fb/c", "a/b|c"},
		{"/p/..%2f../x", "p|../..|x"},
		{"/../a", "..|a"},
		{"", NULL},
		{"a/b", NULL},
		{"*", NULL},
		{"/a/%", NULL},
		{"/a/%00", NULL},
		{"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice raw = slice_of(cases[i].raw);
		char *room = malloc(raw.len + 1);
		struct http_path path;
		burr_error err = BURR_ERROR_INIT;
		burr_status status = http_path_parse(raw, room, &path, &err);
		if (!cases[i].parts) {
			assert_int_equal(status, BURR_EINVAL);
			assert_string_not_equal(err.message, "");
			free(room);
			continue;
		}
		assert_int_equal(status, BURR_OK);
		struct buf joined = BUF_INIT;
		for (size_t j = 0; j < path.count; j++) {
			buf_append_str(&joined, j ? "|" : "");
			buf_append_slice(&joined, path.segments[j]);
			assert_int_equal(path.segments[j].data[path.segments[j].len], '\0');
		}
		assert_string_equal(buf_slice(&joined).data, cases[i].parts);
		buf_fini(&joined);
		free(room);
	}
}

static void parses_queries(void **state)
{
	(void)state;
	static const struct {
		const char *raw;
		size_t count; /* SIZE_MAX: refused */
		const char *name, *value;
	} cases[] = {
		{"", 0, "a", NULL},
		{"&&", 0, "a", NULL},
		{"a=1", 1, "a", "1"},
		{"a=1&a=2", 2, "a", "1"},
		{"a", 1, "a", ""},
		{"a=", 1, "a", ""},
		{"=b", 1, "", "b"},
		{"a=b=c", 1, "a", "b=c"},
		{"x&a=%26%3D+%2B&y", 3, "a", "&= +"},
		{"topics=a,run%2Fp%2Fx%252Fy", 1, "topics", "a,run/p/x%2Fy"},
		{"%61=1", 1, "a", "1"},
		{"a=%", SIZE_MAX, NULL, NULL},
		{"%0=1", SIZE_MAX, NULL, NULL},
		{"a=%00", SIZE_MAX, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice raw = slice_of(cases[i].raw);
		char *room = malloc(HTTP_QUERY_ROOM(raw.len));
		struct http_params params;
		burr_status status = http_params_parse(raw, room, &params, NULL);
		assert_int_equal(status, cases[i].count == SIZE_MAX ? BURR_EINVAL : BURR_OK);
		if (status == BURR_OK) {
			assert_int_equal(params.count, cases[i].count);
			struct slice value = http_params_find(&params, slice_of(cases[i].name));
			if (cases[i].value)
				assert_string_equal(value.data, cases[i].value);
			else
				assert_null(value.data);
		}
		free(room);
	}
	struct buf many = BUF_INIT;
	for (int i = 0; i <= HTTP_MAX_PARAMS; i++)
		buf_append_str(&many, "a&");
	char *room = malloc(HTTP_QUERY_ROOM(many.len));
	struct http_params params;
	assert_int_equal(http_params_parse(buf_slice(&many), room, &params, NULL), BURR_EINVAL);
	free(room);
	buf_fini(&many);
}

/* Handlers that are only told apart. */
#define HANDLER(name)                                                               \
	static void name(const struct http_request *req, struct http_response *res) \
	{                                                                           \
		(void)req;                                                          \
		(void)res;                                                          \
	}
HANDLER(list_apps)
HANDLER(one_app)
HANDLER(projects)
HANDLER(annotate)
HANDLER(annotations)
HANDLER(capture_wins_never)
HANDLER(deep_literal)

static const struct http_route routes[] = {
	{"GET", "/api/v0/{project}/{partition_key}/apps", list_apps},
	{"GET", "/api/v0/{project}/{app_id}/{partition_key}/apps", one_app},
	{"GET", "/api/v0/{any}", capture_wins_never},
	{"GET", "/api/v0/projects", projects},
	{"POST", "/api/v0/{project}/{app_id}/{partition_key}/{sequence_id}/annotations", annotate},
	{"PUT", "/api/v0/{project}/{annotation_id}/update_annotations", annotate},
	{"GET", "/api/v0/{project}/annotations", annotations},
	{"GET", "/api/v0/{project}/{partition_key}/apps/deep", deep_literal},
};

static void routes_requests(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path;
		enum route_kind kind;
		http_handler *handler;
		const char *name, *value; /* a capture, or "allow" */
	} cases[] = {
		{"GET", "/api/v0/demo/__none__/apps", ROUTE_FOUND, list_apps, "partition_key", "__none__"},
		{"HEAD", "/api/v0/demo/__none__/apps", ROUTE_FOUND, list_apps, "project", "demo"},
		{"GET", "/api/v0/demo/a%2Fb/apps", ROUTE_FOUND, list_apps, "partition_key", "a/b"},
		{"GET", "/api/v0/demo/app/key/apps", ROUTE_FOUND, one_app, "app_id", "app"},
		{"GET", "/api/v0/projects", ROUTE_FOUND, projects, "project", NULL},
		{"GET", "/api/v0/%70rojects", ROUTE_FOUND, projects, "project", NULL},
		{"GET", "/api/v0/other", ROUTE_FOUND, capture_wins_never, "any", "other"},
		{"GET", "/api/v0/demo/annotations", ROUTE_FOUND, annotations, "project", "demo"},
		{"PUT", "/api/v0/p/7/update_annotations", ROUTE_FOUND, annotate, "annotation_id", "7"},
		{"GET", "/api/v0/p/k/apps/deep", ROUTE_FOUND, deep_literal, "partition_key", "k"},
		{"POST", "/api/v0/projects", ROUTE_METHOD, NULL, "allow", "GET, HEAD"},
		{"GET", "/api/v0/p/a/k/3/annotations", ROUTE_METHOD, NULL, "allow", "POST"},
		{"GET", "/api/v0/demo//apps", ROUTE_NONE, NULL, NULL, NULL},
		{"GET", "/api/v0/projects/", ROUTE_NONE, NULL, NULL, NULL},
		{"GET", "/", ROUTE_NONE, NULL, NULL, NULL},
		{"GET", "/api", ROUTE_NONE, NULL, NULL, NULL},
		{"get", "/api/v0/projects", ROUTE_METHOD, NULL, "allow", "GET, HEAD"},
	};
	struct router *router;
	assert_int_equal(router_open(routes, sizeof(routes) / sizeof(routes[0]), &router, NULL), BURR_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice raw = slice_of(cases[i].path);
		char room[256];
		struct http_path path;
		assert_int_equal(http_path_parse(raw, room, &path, NULL), BURR_OK);
		struct route_match match;
		router_find(router, slice_of(cases[i].method), &path, &match);
		assert_int_equal(match.kind, cases[i].kind);
		assert_ptr_equal(match.handler, cases[i].handler);
		if (match.kind == ROUTE_METHOD)
			assert_string_equal(match.allow, cases[i].value);
		if (match.kind != ROUTE_FOUND)
			continue;
		struct slice value = route_capture(match.pattern, &path, cases[i].name);
		assert_true(slice_eq(value, slice_of(cases[i].value)));
	}
	router_free(router);
}

static void refuses_bad_tables(void **state)
{
	(void)state;
	static const struct http_route tables[][2] = {
		{{"GET", "no-slash", projects}, {"GET", "/a", projects}},
		{{"GET", "/a//b", projects}, {"GET", "/a", projects}},
		{{"GET", "/{", projects}, {"GET", "/a", projects}},
		{{"GET", "/{}", projects}, {"GET", "/a", projects}},
		{{"GET", "/{a", projects}, {"GET", "/a", projects}},
		{{"GET", "/x/{a}", projects}, {"GET", "/x/{b}", projects}},
		{{"GET", "/x", projects}, {"GET", "/x", projects}},
		{{"GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13", projects}, {"GET", "/x", projects}},
	};
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct router *router = NULL;
		burr_error err = BURR_ERROR_INIT;
		assert_int_equal(router_open(tables[i], 2, &router, &err), BURR_EINVAL);
		assert_non_null(strstr(err.message, "route"));
		assert_null(router);
	}
	struct router *router;
	assert_int_equal(router_open(NULL, 0, &router, NULL), BURR_OK);
	router_free(router);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes),
		cmocka_unit_test(splits_before_decoding),
		cmocka_unit_test(parses_queries),
		cmocka_unit_test(routes_requests),
		cmocka_unit_test(refuses_bad_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
