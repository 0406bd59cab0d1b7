/* One request's way: checks of Host, target and Origin; then the event stream, a route, or a file of the UI.
 *
 * Threads: everything here runs on a loop's thread, but work(), which is on a worker's. A routed request is
 * copied into a struct request, since the connection may die while the worker is at it. Who tells the
 * worker's answer that its connection is gone is the tether, a piece of the connection's own memory whose
 * disposal clears request->req. Both ends of the tether are of the loop's thread, so it needs no lock. */
#include "http/loop.h"
#include "http/pages.h"
#include "http/respond.h"
#include "http/rest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	/* h2o itself stops at 400 KB. A request that waits keeps a copy of its headers, and no browser sends
	   more. */
	MAX_HEADER_BYTES = 32 * 1024,
};

struct request {
	struct job job;
	struct loop_message message; /* to loop->done */
	struct loop *loop;
	h2o_req_t *req; /* loop's thread; NULL when the connection is gone */
	struct tether *tether;
	http_handler *handler;
	const char *pattern;
	struct slice method; /* as sent: HEAD, too */
	struct http_request public;
	struct http_response res; /* the worker's, then the loop's */
	struct rest *rest;        /* likewise; NULL: none */
	struct http_path path;
	struct http_params params;
	size_t header_count;
	struct http_param headers[H2O_MAX_HEADERS];
	char room[];
};

struct tether {
	struct request *request; /* NULL once answered */
};

static const struct request *request_of(const struct http_request *public)
{
	return (const struct request *)((const char *)public - offsetof(struct request, public));
}

struct slice http_capture(const struct http_request *public, const char *name)
{
	const struct request *request = request_of(public);
	return route_capture(request->pattern, &request->path, name);
}

struct slice http_query(const struct http_request *public, const char *name)
{
	return http_params_find(&request_of(public)->params, slice_of(name));
}

struct slice http_query_name(const struct http_request *public, size_t index)
{
	const struct http_params *params = &request_of(public)->params;
	return index < params->count ? params->items[index].name : SLICE_NONE;
}

struct slice http_header(const struct http_request *public, const char *name)
{
	const struct request *request = request_of(public);
	for (size_t i = 0; i < request->header_count; i++) {
		if (slice_is(request->headers[i].name, name))
			return request->headers[i].value;
	}
	return SLICE_NONE;
}

/* ---- small views of h2o's request ---- */

static struct slice of_iovec(h2o_iovec_t v)
{
	return (struct slice){v.base, v.len};
}

static struct slice header_of(h2o_req_t *req, const h2o_token_t *token)
{
	ssize_t at = h2o_find_header(&req->headers, token, -1);
	return at < 0 ? SLICE_NONE : of_iovec(req->headers.entries[at].value);
}

static struct slice header_named(h2o_req_t *req, const char *name)
{
	ssize_t at = h2o_find_header_by_str(&req->headers, name, strlen(name), -1);
	return at < 0 ? SLICE_NONE : of_iovec(req->headers.entries[at].value);
}

static struct slice path_of(h2o_req_t *req)
{
	struct slice target = of_iovec(req->input.path);
	const char *mark = target.len ? memchr(target.data, '?', target.len) : NULL;
	return (struct slice){target.data, mark ? (size_t)(mark - target.data) : target.len};
}

static struct slice query_of(h2o_req_t *req)
{
	struct slice path = path_of(req);
	size_t skip = path.len < req->input.path.len ? path.len + 1 : path.len;
	return (struct slice){path.data + skip, req->input.path.len - skip};
}

static size_t header_bytes(h2o_req_t *req)
{
	size_t bytes = req->input.path.len;
	for (size_t i = 0; i < req->headers.size; i++)
		bytes += req->headers.entries[i].name->len + req->headers.entries[i].value.len;
	return bytes;
}

static bool keeps_alive(h2o_req_t *req)
{
	return !loop_of(req)->draining;
}

static struct respond_wishes wishes_of(h2o_req_t *req)
{
	return (struct respond_wishes){
		.method = of_iovec(req->input.method),
		.if_none_match = header_of(req, H2O_TOKEN_IF_NONE_MATCH),
		.accept_encoding = header_of(req, H2O_TOKEN_ACCEPT_ENCODING),
	};
}

/* ---- answers from the loop itself ---- */

static void finish_and_send(h2o_req_t *req, struct http_response *res)
{
	struct respond_wishes wishes = wishes_of(req);
	respond_finish(res, &wishes);
	send_response(req, res, NULL, keeps_alive(req));
}

BURR_PRINTF(3, 4) static void refuse(h2o_req_t *req, int status, const char *fmt, ...)
{
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	struct http_response res;
	respond_init(&res);
	http_fail(&res, status, "%s", text);
	if (status == 503)
		http_add_header(&res, "retry-after", SLICE_LIT("1"));
	finish_and_send(req, &res);
}

/* A browser that wants to show what it gets, rather than a program. */
static bool wants_page(h2o_req_t *req)
{
	struct slice accept = header_of(req, H2O_TOKEN_ACCEPT);
	return accept.len && memmem(accept.data, accept.len, "text/html", strlen("text/html"));
}

static void answer_methods(h2o_req_t *req, const char *allow)
{
	bool asks = slice_is(of_iovec(req->input.method), "OPTIONS");
	struct http_response res;
	respond_init(&res);
	if (asks)
		res.status = 204;
	else
		http_fail(&res, 405, "Method Not Allowed: this path takes %s", allow);
	http_add_header(&res, "allow", slice_of(allow));
	finish_and_send(req, &res);
}

static void answer_events(h2o_req_t *req, const struct http_params *params)
{
	struct slice last_id = header_named(req, "last-event-id");
	if (!last_id.data)
		last_id = http_params_find(params, SLICE_LIT("last_event_id"));
	burr_error err = BURR_ERROR_INIT;
	struct slice topics = http_params_find(params, SLICE_LIT("topics"));
	burr_status status = hub_subscribe(loop_of(req)->hub, req, topics, last_id, &err);
	if (status == BURR_OK)
		return;
	if (status != BURR_EINVAL)
		atomic_fetch_add(&loop_of(req)->server->refused, 1);
	refuse(req, status == BURR_EINVAL ? 400 : 503, "%s", err.message);
}

static void answer_changes(h2o_req_t *req, const struct http_params *params)
{
	burr_error err = BURR_ERROR_INIT;
	burr_status status = hub_poll(loop_of(req)->hub, req, params, &err);
	if (status == BURR_OK)
		return;
	if (status != BURR_EINVAL)
		atomic_fetch_add(&loop_of(req)->server->refused, 1);
	refuse(req, status == BURR_EINVAL ? 422 : 503, "%s", err.message);
}

static void answer_asset(h2o_req_t *req)
{
	struct http_server *server = loop_of(req)->server;
	struct slice method = of_iovec(req->input.method);
	if (!slice_is(method, "GET") && !slice_is(method, "HEAD")) {
		answer_methods(req, "GET, HEAD");
		return;
	}
	struct http_response res;
	respond_init(&res);
	bool gzip = respond_accepts_gzip(header_of(req, H2O_TOKEN_ACCEPT_ENCODING));
	if (!page_answer_script(path_of(req), gzip, &res))
		assets_answer(server->options.assets, server->options.asset_count, path_of(req), gzip, &res);
	finish_and_send(req, &res);
}

/* ---- requests for workers ---- */

static struct slice keep(char **room, struct slice text)
{
	char *at = *room;
	if (text.len)
		memcpy(at, text.data, text.len);
	at[text.len] = '\0';
	*room += text.len + 1;
	return (struct slice){at, text.len};
}

static void keep_headers(struct request *request, h2o_req_t *req, char **room)
{
	for (size_t i = 0; i < req->headers.size && i < H2O_MAX_HEADERS; i++) {
		struct http_param *header = &request->headers[request->header_count++];
		header->name = keep(room, of_iovec(*req->headers.entries[i].name));
		header->value = keep(room, of_iovec(req->headers.entries[i].value));
	}
}

static size_t room_for(h2o_req_t *req)
{
	size_t terminators = 2 * req->headers.size + 8;
	return 2 * req->input.path.len + HTTP_QUERY_ROOM(req->input.path.len) + req->input.method.len +
	       header_bytes(req) + req->entity.len + terminators;
}

/* NULL without memory. Path and query were parsed before and cannot fail now. */
static struct request *copy_request(h2o_req_t *req, const struct route_match *match)
{
	struct loop *loop = loop_of(req);
	size_t room_len = room_for(req);
	struct request *request = malloc(sizeof(*request) + room_len);
	if (!request)
		return NULL;
	memset(request, 0, offsetof(struct request, path));
	request->header_count = 0;
	request->loop = loop;
	request->req = req;
	request->handler = match->handler;
	request->pattern = match->pattern;
	request->job.size = sizeof(*request) + room_len;
	char *room = request->room;
	request->method = keep(&room, of_iovec(req->input.method));
	request->public.method = slice_is(request->method, "HEAD") ? SLICE_LIT("GET") : request->method;
	request->public.path = keep(&room, path_of(req));
	request->public.body = keep(&room, of_iovec(req->entity));
	request->public.ctx = loop->server->options.ctx;
	keep_headers(request, req, &room);
	char *query_room = room + request->public.path.len;
	if (http_path_parse(request->public.path, room, &request->path, NULL) != BURR_OK ||
		http_params_parse(query_of(req), query_room, &request->params, NULL) != BURR_OK) {
		free(request);
		return NULL;
	}
	respond_init(&request->res);
	return request;
}

static void request_free(struct request *request)
{
	respond_fini(&request->res);
	free(request);
}

static void add_timing(struct http_response *res, const struct timespec *from, const struct timespec *to)
{
	double ms = (double)(to->tv_sec - from->tv_sec) * 1e3 + (double)(to->tv_nsec - from->tv_nsec) / 1e6;
	char text[48];
	snprintf(text, sizeof(text), "handler;dur=%.3f", ms);
	http_add_header(res, "server-timing", slice_of(text));
}

/* Before the handler reads: all that was published up to the cursor is in its answer. */
static void add_cursor(struct http_response *res, const struct http_server *server)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)events_cursor(server->events));
	http_add_header(res, "burr-cursor", slice_of(text));
}

static void work(struct job *job, unsigned worker, bool drop)
{
	struct request *request = (struct request *)((char *)job - offsetof(struct request, job));
	struct http_response *res = &request->res;
	request->public.worker = worker;
	if (drop) {
		http_fail(res, 503, "the server is stopping");
	} else {
		struct timespec from, to;
		add_cursor(res, request->loop->server);
		clock_gettime(CLOCK_MONOTONIC, &from);
		request->handler(&request->public, res);
		clock_gettime(CLOCK_MONOTONIC, &to);
		add_timing(res, &from, &to);
	}
	struct respond_wishes wishes = {
		.method = request->method,
		.if_none_match = http_header(&request->public, "if-none-match"),
		.accept_encoding = http_header(&request->public, "accept-encoding"),
	};
	respond_finish(res, &wishes);
	if (res->rest.next && !(request->rest = rest_open(request->loop, res)))
		http_fail(res, 503, "no memory for the answer");
	h2o_multithread_send_message(&request->loop->done, &request->message.message);
}

static void on_answered(struct loop_message *message)
{
	struct request *request = H2O_STRUCT_FROM_MEMBER(struct request, message, message);
	if (request->req) {
		request->tether->request = NULL;
		send_response(request->req, &request->res, request->rest, keeps_alive(request->req));
	} else if (request->rest) {
		rest_free(request->rest);
	}
	request_free(request);
}

void dispatch_done(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
	(void)receiver;
	while (!h2o_linklist_is_empty(messages)) {
		h2o_linklist_t *node = messages->next;
		h2o_linklist_unlink(node);
		struct loop_message *message =
			H2O_STRUCT_FROM_MEMBER(struct loop_message, message.link, node);
		message->arrive(message);
	}
}

static void on_connection_gone(void *memory)
{
	struct tether *tether = memory;
	if (tether->request)
		tether->request->req = NULL;
}

static void hand_to_worker(h2o_req_t *req, const struct route_match *match)
{
	struct http_server *server = loop_of(req)->server;
	struct request *request = copy_request(req, match);
	if (!request) {
		refuse(req, 503, "no memory for the request");
		return;
	}
	request->job.run = work;
	request->message.arrive = on_answered;
	struct tether *tether = h2o_mem_alloc_shared(&req->pool, sizeof(*tether), on_connection_gone);
	tether->request = request;
	request->tether = tether;
	if (workers_submit(server->workers, &request->job))
		return;
	tether->request = NULL;
	request_free(request);
	atomic_fetch_add(&server->refused, 1);
	refuse(req, 503, "too many requests wait already; try again in a second");
}

/* ---- checks ---- */

/* Whether it comes by a proxy whose mark we know. */
static bool is_proxied(h2o_req_t *req)
{
	static const char *const marks[] = {
		"x-forwarded-prefix", "x-forwarded-context", "x-proxycontextpath"};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (guard_knows_proxy(&loop_of(req)->server->guard, header_named(req, marks[i])))
			return true;
	return false;
}

static bool is_certified(struct http_server *server, struct slice authority)
{
	char host[GUARD_HOST_MAX + 1];
	return server->tls && guard_split_host(authority, host) && tls_names_host(server->tls, host);
}

static void deny_host(h2o_req_t *req, struct slice host)
{
	struct http_response res;
	int len = host.len > GUARD_HOST_MAX ? GUARD_HOST_MAX : (int)host.len;
	respond_init(&res);
	if (wants_page(req))
		page_answer_host(host, &res);
	else
		http_fail(&res, 403,
			"this burr does not answer to the name '%.*s'; start it with --allowed-host to allow "
			"it",
			len, host.data);
	finish_and_send(req, &res);
}

/* Whether Host and Origin are ours to answer; if not, the answer has gone out. */
static bool admit_source(h2o_req_t *req)
{
	struct http_server *server = loop_of(req)->server;
	struct slice host = of_iovec(req->input.authority);
	struct slice method = of_iovec(req->input.method);
	/* h2o fills in the configured name where the client sent none. */
	if (host.len == 0 || h2o_memis(host.data, host.len, server->config.hosts[0]->authority.hostport.base,
				     server->config.hosts[0]->authority.hostport.len)) {
		refuse(req, 400, "the request has no Host header");
		return false;
	}
	bool known = guard_allows_host(&server->guard, host) || is_certified(server, host) || is_proxied(req);
	struct slice origin = header_named(req, "origin");
	bool reads = slice_is(method, "GET") || slice_is(method, "HEAD") || slice_is(method, "OPTIONS");
	if (known && (reads || !origin.data || guard_allows_origin(&server->guard, origin, host)))
		return true;
	atomic_fetch_add(&server->denied, 1);
	if (!known)
		deny_host(req, host);
	else
		refuse(req, 403, "pages of another site may not change anything here");
	return false;
}

/* A line that goes on with the one before, as old rules had it: h2o gives it as a header without a name. Not
 * all proxies read it so, and then what they have let through is not what we see. */
static bool has_folded_line(h2o_req_t *req)
{
	for (size_t i = 0; i < req->headers.size; i++)
		if (req->headers.entries[i].name->len == 0)
			return true;
	return false;
}

/* Whether it is of a form that we read; if not, the answer has gone out. */
static bool admit_form(h2o_req_t *req)
{
	struct slice encoding = header_named(req, "content-encoding");
	if (has_folded_line(req)) {
		req->http1_is_persistent = 0;
		refuse(req, 400, "a header goes on in a second line");
		return false;
	}
	if (header_bytes(req) > MAX_HEADER_BYTES) {
		refuse(req, 431, "the request's target and headers are over %d bytes", MAX_HEADER_BYTES);
		return false;
	}
	if (encoding.data && !slice_is(encoding, "identity")) {
		refuse(req, 415, "the body is sent with Content-Encoding: %.*s, and is only read as it is",
			(int)(encoding.len > 64 ? 64 : encoding.len), encoding.data);
		return false;
	}
	return true;
}

/* ---- the token ---- */

static bool shows_token(h2o_req_t *req)
{
	const struct auth *auth = &loop_of(req)->server->auth;
	if (auth_allows_bearer(auth, header_of(req, H2O_TOKEN_AUTHORIZATION)))
		return true;
	ssize_t at = -1;
	while ((at = h2o_find_header(&req->headers, H2O_TOKEN_COOKIE, at)) >= 0)
		if (auth_allows_cookies(auth, of_iovec(req->headers.entries[at].value)))
			return true;
	return false;
}

/* Probes of whether we live tell nothing of the store; neither do the UI's files, which a page that shows its
 * token in headers could not fetch otherwise. Its pages are asked for the token nevertheless: that is where
 * people come in. */
static bool is_open_to_all(h2o_req_t *req)
{
	const struct http_server_options *options = &loop_of(req)->server->options;
	struct slice path = path_of(req);
	return slice_is(path, "/healthz") || slice_is(path, "/ready") || slice_is(path, "/burr-token.js") ||
	       (!slice_is(path, "/index.html") && assets_find(options->assets, options->asset_count, path));
}

static void deny_token(h2o_req_t *req, bool is_page)
{
	struct http_response res;
	respond_init(&res);
	if (is_page && wants_page(req))
		page_answer_token(path_of(req), &res);
	else
		http_fail(&res, 401, "this burr asks for its token, as Authorization: Bearer TOKEN");
	http_add_header(&res, "www-authenticate", SLICE_LIT("Bearer realm=\"burr\""));
	atomic_fetch_add(&loop_of(req)->server->denied, 1);
	finish_and_send(req, &res);
}

/* GET: is the token known of whoever asks? POST: and remember it, in a cookie. Both were let in by it. */
static void answer_session(h2o_req_t *req, const struct http_params *params)
{
	const struct http_server *server = loop_of(req)->server;
	struct slice method = of_iovec(req->input.method);
	bool remembers = slice_is(method, "POST");
	if (!remembers && !slice_is(method, "GET") && !slice_is(method, "HEAD")) {
		answer_methods(req, "GET, HEAD, POST");
		return;
	}
	struct http_response res;
	respond_init(&res);
	res.status = 204;
	if (remembers && server->auth.token) {
		struct buf cookie = BUF_INIT;
		bool secure = server->tls || slice_is(header_named(req, "x-forwarded-proto"), "https");
		auth_put_cookie(&server->auth, http_params_find(params, SLICE_LIT("path")), secure, &cookie);
		http_add_header(&res, "set-cookie", buf_slice(&cookie));
		buf_fini(&cookie);
	}
	finish_and_send(req, &res);
}

/* ---- the way ---- */

static bool is_ui_path(const struct http_path *path)
{
	static const char *const not_pages[] = {"api", "ready", "healthz", "metrics"};
	for (size_t i = 0; i < sizeof(not_pages) / sizeof(not_pages[0]); i++) {
		if (slice_is(path->segments[0], not_pages[i]))
			return false;
	}
	return true;
}

/* Of version 1, and answered here. */
static bool is_own_path(const struct http_path *path, const char *name)
{
	return path->count == 3 && slice_is(path->segments[0], "api") && slice_is(path->segments[1], "v1") &&
	       slice_is(path->segments[2], name);
}

static void route(h2o_req_t *req, const struct http_path *path, const struct http_params *params)
{
	struct slice method = of_iovec(req->input.method);
	if (!is_open_to_all(req) && !shows_token(req)) {
		deny_token(req, is_ui_path(path));
		return;
	}
	if (is_own_path(path, "session")) {
		answer_session(req, params);
		return;
	}
	bool streams = is_own_path(path, "events");
	if (streams || is_own_path(path, "changes")) {
		if (!slice_is(method, "GET"))
			answer_methods(req, "GET");
		else if (streams)
			answer_events(req, params);
		else
			answer_changes(req, params);
		return;
	}
	struct route_match match;
	router_find(loop_of(req)->server->router, method, path, &match);
	if (match.kind == ROUTE_FOUND)
		hand_to_worker(req, &match);
	else if (match.kind == ROUTE_METHOD)
		answer_methods(req, match.allow);
	else if (is_ui_path(path))
		answer_asset(req);
	else
		refuse(req, 404, "Not Found");
}

int dispatch_request(h2o_handler_t *handler, h2o_req_t *req)
{
	(void)handler;
	atomic_fetch_add(&loop_of(req)->server->requests, 1);
	/* Of two lengths h2o takes the first and does not tell; a proxy that took the other sees more or less
	 * of what follows as the next request. So nothing follows a body. */
	if (req->entity.base)
		req->http1_is_persistent = 0;
	if (!admit_source(req) || !admit_form(req))
		return 0;
	struct http_path path;
	struct http_params params;
	struct slice raw = path_of(req), query = query_of(req);
	char *room = h2o_mem_alloc_pool(&req->pool, raw.len + HTTP_QUERY_ROOM(query.len));
	burr_error err = BURR_ERROR_INIT;
	if (http_path_parse(raw, room, &path, &err) != BURR_OK ||
		http_params_parse(query, room + raw.len, &params, &err) != BURR_OK) {
		refuse(req, 400, "%s", err.message);
		return 0;
	}
	route(req, &path, &params);
	return 0;
}
