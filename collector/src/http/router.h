/* http/router.h: from a request's target to a handler, by pure functions on bytes.
 *
 * A path is split at '/' first and its pieces are percent-decoded afterwards, so that a captured piece may
 * itself hold a '/'. Routes are told apart by the number of pieces, then by the literal pieces: from the
 * left, a literal wins over a capture. Nothing here allocates but router_open; any thread. */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "http/server.h"

#include <sys/types.h>

enum {
	HTTP_MAX_SEGMENTS = 24, /* the deepest route has 8; the rest is for pages of the UI */
	HTTP_MAX_PARAMS = 64,   /* of a query; our largest uses a dozen */
	HTTP_MAX_ROUTES = 256,  /* a table that is searched from its start should stay short */
};

/* Append the percent-decoded form of `text` to `to`, which has room for text.len bytes; returns the bytes
 * written, or -1 for a broken escape or a NUL. plus_is_space: as in queries. */
ssize_t http_decode(struct slice text, bool plus_is_space, char *to);

struct http_path {
	size_t count;
	struct slice segments[HTTP_MAX_SEGMENTS]; /* decoded, each followed by a NUL */
};
/* raw: what stands before '?', from its first '/' on. room: raw.len bytes, which the segments will point
 * into. */
burr_status http_path_parse(struct slice raw, char *room, struct http_path *out_path, burr_error *err);

struct http_param {
	struct slice name;
	struct slice value;
};
struct http_params {
	size_t count;
	struct http_param items[HTTP_MAX_PARAMS]; /* decoded, each followed by a NUL */
};
/* raw: what stands behind '?'. room: HTTP_QUERY_ROOM(raw.len) bytes. */
#define HTTP_QUERY_ROOM(len) (2 * (len) + 2)
burr_status http_params_parse(struct slice raw, char *room, struct http_params *out_params, burr_error *err);
struct slice http_params_find(const struct http_params *params, struct slice name);

struct router;

/* routes: borrowed until router_free. BURR_EINVAL names a pattern that is none, or comes twice. */
burr_status router_open(
	const struct http_route *routes, size_t route_count, struct router **out_router, burr_error *err);
void router_free(struct router *router);

enum route_kind {
	ROUTE_NONE,   /* no pattern fits the path */
	ROUTE_METHOD, /* some do, for other methods: `allow` lists them */
	ROUTE_FOUND,
};
struct route_match {
	enum route_kind kind;
	http_handler *handler;
	const char *pattern;
	char allow[64]; /* "GET, HEAD, POST" */
};
/* method: HEAD finds what GET does. */
void router_find(const struct router *router, struct slice method, const struct http_path *path,
	struct route_match *out_match);
/* The segment of `path` that {name} in `pattern` stands for, or SLICE_NONE. */
struct slice route_capture(const char *pattern, const struct http_path *path, const char *name);

#endif
