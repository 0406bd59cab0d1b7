#include "http/router.h"

#include "base/error.h"

#include <stdlib.h>

enum { ROUTE_MAX_SEGMENTS = 12 };

struct compiled {
	const struct http_route *route;
	size_t count;
	struct slice segments[ROUTE_MAX_SEGMENTS]; /* of the pattern, braces and all */
};

struct router {
	size_t count;
	struct compiled routes[]; /* literals before captures, see compare_routes */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

ssize_t http_decode(struct slice text, bool plus_is_space, char *to)
{
	char *start = to;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (c == '%') {
			int high = i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
			int low = i + 2 < text.len ? hex_digit(text.data[i + 2]) : -1;
			if (high < 0 || low < 0)
				return -1;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c == '\0')
			return -1;
		*to++ = c;
	}
	return to - start;
}

/* Cut what stands before `mark` off *rest; the whole rest when there is no mark. */
static struct slice cut_at(struct slice *rest, char mark)
{
	const char *at = rest->len ? memchr(rest->data, mark, rest->len) : NULL;
	struct slice piece = {rest->data, at ? (size_t)(at - rest->data) : rest->len};
	size_t taken = piece.len + (at ? 1 : 0);
	*rest = (struct slice){rest->data + taken, rest->len - taken};
	return piece;
}

burr_status http_path_parse(struct slice raw, char *room, struct http_path *out_path, burr_error *err)
{
	if (raw.len == 0 || raw.data[0] != '/')
		return burr_fail(err, BURR_EINVAL, "the path does not start with '/'");
	struct http_path path = {0};
	const char *end = raw.data + raw.len;
	const char *pos = raw.data;
	while (pos < end) { /* at a '/' */
		struct slice rest = {pos + 1, (size_t)(end - pos - 1)};
		struct slice piece = cut_at(&rest, '/');
		if (path.count == HTTP_MAX_SEGMENTS)
			return burr_fail(err, BURR_EINVAL, "the path has over %d parts", HTTP_MAX_SEGMENTS);
		ssize_t len = http_decode(piece, false, room);
		if (len < 0)
			return burr_fail(err, BURR_EINVAL,
				"part %zu of the path is not percent-encoded properly", path.count + 1);
		path.segments[path.count++] = (struct slice){room, (size_t)len};
		room[len] = '\0'; /* fits: the '/' was left out */
		room += len + 1;
		pos = piece.data + piece.len;
	}
	*out_path = path;
	return BURR_OK;
}

static struct slice decode_to(struct slice text, char **room, bool *failed)
{
	char *start = *room;
	ssize_t len = http_decode(text, true, start);
	if (len < 0) {
		*failed = true;
		return SLICE_NONE;
	}
	start[len] = '\0';
	*room += len + 1;
	return (struct slice){start, (size_t)len};
}

burr_status http_params_parse(struct slice raw, char *room, struct http_params *out_params, burr_error *err)
{
	out_params->count = 0;
	struct slice rest = raw;
	while (rest.len) {
		struct slice value = cut_at(&rest, '&');
		if (value.len == 0)
			continue;
		if (out_params->count == HTTP_MAX_PARAMS)
			return burr_fail(
				err, BURR_EINVAL, "the query has over %d parameters", HTTP_MAX_PARAMS);
		struct slice name = cut_at(&value, '=');
		bool failed = false;
		struct http_param *param = &out_params->items[out_params->count++];
		param->name = decode_to(name, &room, &failed);
		if (!failed)
			param->value = decode_to(value, &room, &failed);
		if (failed && param->name.data)
			return burr_fail(err, BURR_EINVAL, "%.*s: it is not percent-encoded properly",
				param->name.len < 60 ? (int)param->name.len : 60, param->name.data);
		if (failed)
			return burr_fail(err, BURR_EINVAL,
				"parameter %zu of the query is not percent-encoded properly",
				out_params->count);
	}
	return BURR_OK;
}

struct slice http_params_find(const struct http_params *params, struct slice name)
{
	for (size_t i = 0; i < params->count; i++) {
		if (slice_eq(params->items[i].name, name))
			return params->items[i].value;
	}
	return SLICE_NONE;
}

static bool is_capture(struct slice segment)
{
	return segment.len > 2 && segment.data[0] == '{' && segment.data[segment.len - 1] == '}';
}

static burr_status compile(const struct http_route *route, struct compiled *out, burr_error *err)
{
	struct slice rest = slice_of(route->pattern);
	if (rest.len == 0 || rest.data[0] != '/')
		return burr_fail(err, BURR_EINVAL, "route %s: does not start with '/'", route->pattern);
	cut_at(&rest, '/');
	out->route = route;
	out->count = 0;
	do {
		if (out->count == ROUTE_MAX_SEGMENTS)
			return burr_fail(err, BURR_EINVAL, "route %s: over %d parts", route->pattern,
				ROUTE_MAX_SEGMENTS);
		struct slice segment = cut_at(&rest, '/');
		if (segment.len == 0 || (segment.data[0] == '{' && !is_capture(segment)))
			return burr_fail(err, BURR_EINVAL, "route %s: part %zu is neither a name nor {name}",
				route->pattern, out->count + 1);
		out->segments[out->count++] = segment;
	} while (rest.len);
	return BURR_OK;
}

/* By length; then, at the first place where one has a literal and the other a capture, the literal first. Of
 * all routes that fit a path, the first in this order is the one with the leftmost literals. */
static int compare_routes(const void *a, const void *b)
{
	const struct compiled *left = a, *right = b;
	if (left->count != right->count)
		return left->count < right->count ? -1 : 1;
	for (size_t i = 0; i < left->count; i++) {
		int order = is_capture(left->segments[i]) - is_capture(right->segments[i]);
		if (order)
			return order;
	}
	return 0;
}

static bool same_route(const struct compiled *a, const struct compiled *b)
{
	if (a->count != b->count || strcmp(a->route->method, b->route->method) != 0)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		bool capture = is_capture(a->segments[i]);
		if (capture != is_capture(b->segments[i]))
			return false;
		if (!capture && !slice_eq(a->segments[i], b->segments[i]))
			return false;
	}
	return true;
}

static burr_status refuse_twins(const struct router *router, burr_error *err)
{
	for (size_t i = 0; i < router->count; i++) {
		for (size_t j = i + 1; j < router->count; j++) {
			const struct compiled *a = &router->routes[i], *b = &router->routes[j];
			if (same_route(a, b))
				return burr_fail(err, BURR_EINVAL, "routes %s and %s fit the same paths",
					a->route->pattern, b->route->pattern);
		}
	}
	return BURR_OK;
}

burr_status router_open(
	const struct http_route *routes, size_t route_count, struct router **out_router, burr_error *err)
{
	if (route_count > HTTP_MAX_ROUTES)
		return burr_fail(err, BURR_EINVAL, "%zu routes, over %d", route_count, HTTP_MAX_ROUTES);
	struct router *router = calloc(1, sizeof(*router) + route_count * sizeof(router->routes[0]));
	if (!router)
		return burr_fail(err, BURR_ENOMEM, "no memory for %zu routes", route_count);
	burr_status status = BURR_OK;
	for (size_t i = 0; status == BURR_OK && i < route_count; i++)
		status = compile(&routes[i], &router->routes[router->count++], err);
	if (status == BURR_OK)
		status = refuse_twins(router, err);
	if (status != BURR_OK) {
		router_free(router);
		return status;
	}
	if (route_count)
		qsort(router->routes, route_count, sizeof(router->routes[0]), compare_routes);
	*out_router = router;
	return BURR_OK;
}

void router_free(struct router *router)
{
	free(router);
}

static bool fits(const struct compiled *route, const struct http_path *path)
{
	if (route->count != path->count)
		return false;
	for (size_t i = 0; i < route->count; i++) {
		if (is_capture(route->segments[i]) ? path->segments[i].len == 0
						   : !slice_eq(route->segments[i], path->segments[i]))
			return false;
	}
	return true;
}

static void allow_method(struct route_match *match, const char *method)
{
	size_t used = strlen(match->allow);
	size_t len = strlen(method);
	const char *had = strstr(match->allow, method);
	if (had && (had[len] == ',' || had[len] == '\0'))
		return;
	if (used + len + 3 > sizeof(match->allow))
		return;
	if (used) {
		memcpy(match->allow + used, ", ", 2);
		used += 2;
	}
	memcpy(match->allow + used, method, len + 1);
}

void router_find(const struct router *router, struct slice method, const struct http_path *path,
	struct route_match *out_match)
{
	struct slice wanted = slice_is(method, "HEAD") ? SLICE_LIT("GET") : method;
	*out_match = (struct route_match){.kind = ROUTE_NONE};
	for (size_t i = 0; i < router->count; i++) {
		const struct compiled *compiled = &router->routes[i];
		if (!fits(compiled, path))
			continue;
		if (slice_is(wanted, compiled->route->method)) {
			out_match->kind = ROUTE_FOUND;
			out_match->handler = compiled->route->handler;
			out_match->pattern = compiled->route->pattern;
			return;
		}
		out_match->kind = ROUTE_METHOD;
		allow_method(out_match, compiled->route->method);
		if (strcmp(compiled->route->method, "GET") == 0)
			allow_method(out_match, "HEAD");
	}
}

struct slice route_capture(const char *pattern, const struct http_path *path, const char *name)
{
	size_t name_len = strlen(name);
	struct slice rest = slice_of(pattern);
	cut_at(&rest, '/');
	for (size_t i = 0; rest.len && i < path->count; i++) {
		struct slice segment = cut_at(&rest, '/');
		if (is_capture(segment) && segment.len == name_len + 2 &&
			memcmp(segment.data + 1, name, name_len) == 0)
			return path->segments[i];
	}
	return SLICE_NONE;
}
