#include "http/server.h"

#include "base/json.h"
#include "http/test_client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define HOST "Host: localhost\r\n"

static struct gate gate;

/* ---- handlers ---- */

static void echo(const struct http_request *req, struct http_response *res)
{
	struct buf *out = &res->body;
	json_put_open(out, '{');
	json_put_member(out, "method", req->method);
	json_put_member(out, "project", http_capture(req, "project"));
	json_put_member(out, "limit", http_query(req, "limit"));
	json_put_member(out, "agent", http_header(req, "user-agent"));
	json_put_member(out, "body", req->body);
	json_put_close(out, '}');
	http_reply_json(res, 200);
}

static void large(const struct http_request *req, struct http_response *res)
{
	(void)req;
	for (int i = 0; i < 20000; i++)
		buf_printf(&res->body, "line %d of a large answer\n", i);
	res->content_type = "text/plain; charset=utf-8";
}

/* A body in pieces: so many, the last one broken if that is asked for. */
struct pieces {
	int left;
	bool breaks;
};
static _Atomic int open_pieces;

enum { PIECES = 40, PIECE_LINES = 20000 };

static bool put_piece(void *ctx, struct buf *out)
{
	struct pieces *pieces = ctx;
	pieces->left--;
	for (int i = 0; i < PIECE_LINES; i++)
		buf_append_str(out, "a line of a piece\n");
	out->failed = pieces->breaks && !pieces->left;
	return pieces->left > 0;
}

static void close_pieces(void *ctx)
{
	atomic_fetch_sub(&open_pieces, 1);
	free(ctx);
}

static void in_pieces(const struct http_request *req, struct http_response *res)
{
	struct pieces *pieces = malloc(sizeof(*pieces));
	assert_non_null(pieces);
	*pieces = (struct pieces){PIECES, http_query(req, "breaks").data != NULL};
	atomic_fetch_add(&open_pieces, 1);
	(void)put_piece(pieces, &res->body);
	res->content_type = "text/plain; charset=utf-8";
	res->rest = (struct http_rest){put_piece, close_pieces, pieces};
	if (http_query(req, "tag").data)
		http_set_etag(res, http_query(req, "tag"));
	if (http_query(req, "fails").data)
		http_fail(res, 503, "no, after all");
}

static void missing(const struct http_request *req, struct http_response *res)
{
	http_fail(res, 404, "no application '%.*s'", SLICE_ARG(http_capture(req, "project")));
}

static void wait_at_gate(const struct http_request *req, struct http_response *res)
{
	gate_pass(req->ctx);
	buf_append_str(&res->body, "{\"waited\":true}");
}

static const struct http_route routes[] = {
	{"GET", "/api/v0/{project}/echo", echo},
	{"POST", "/api/v0/{project}/echo", echo},
	{"GET", "/api/v0/large", large},
	{"GET", "/api/v0/pieces", in_pieces},
	{"GET", "/api/v0/{project}/missing", missing},
	{"GET", "/api/v0/wait", wait_at_gate},
};

static const char index_html[] = "<base href=\"./\">the page";
static const char script[] = "a script";
static const struct http_asset assets[] = {
	{"/assets/app.js", "text/javascript; charset=utf-8", "e2", script, sizeof(script) - 1, NULL, 0},
	{"/index.html", "text/html; charset=utf-8", "e1", index_html, sizeof(index_html) - 1, NULL, 0},
};

static const char *const allowed[] = {"*.lab.example.org"};

static struct http_server_options test_options(void)
{
	struct http_server_options options = HTTP_SERVER_OPTIONS_INIT;
	options.port = 0;
	options.routes = routes;
	options.route_count = sizeof(routes) / sizeof(routes[0]);
	options.assets = assets;
	options.asset_count = sizeof(assets) / sizeof(assets[0]);
	options.frame_ancestors = "https://frames.example.org";
	options.allowed_hosts = allowed;
	options.allowed_host_count = 1;
	options.worker_count = 2;
	options.max_body_bytes = 1000;
	options.ctx = &gate;
	return options;
}

static struct http_server *start(const struct http_server_options *options)
{
	struct http_server *server = NULL;
	burr_error err = BURR_ERROR_INIT;
	if (http_server_open(options, &server, &err) != BURR_OK || http_server_start(server, &err) != BURR_OK)
		fail_msg("%s", err.message);
	return server;
}

static int setup(void **state)
{
	gate_init(&gate);
	struct http_server_options options = test_options();
	*state = start(&options);
	return 0;
}

static int teardown(void **state)
{
	http_server_close(*state);
	return 0;
}

/* ---- one request, one answer ---- */

struct exchange {
	const char *request;
	int status;
	const char *header, *value; /* NULL: not looked at */
	const char *body;           /* found inside; NULL: not looked at */
};

static void check(uint16_t port, const struct exchange *exchange)
{
	struct answer answer;
	client_ask(port, exchange->request, &answer);
	if (answer.status != exchange->status)
		fail_msg("%s\n-> %d, not %d: %s", exchange->request, answer.status, exchange->status,
			buf_slice(&answer.body).data);
	if (exchange->header)
		assert_string_equal(answer_header(&answer, exchange->header), exchange->value);
	if (exchange->body && !strstr(buf_slice(&answer.body).data, exchange->body))
		fail_msg("%s\n-> %s", exchange->request, buf_slice(&answer.body).data);
	answer_fini(&answer);
}

static void answers(void **state)
{
	static const struct exchange exchanges[] = {
		{"GET /api/v0/de%20mo/echo?x=1&limit=7 HTTP/1.1\r\n" HOST "User-Agent: test\r\n\r\n", 200,
			"content-type", "application/json",
			"{\"method\":\"GET\",\"project\":\"de "
			"mo\",\"limit\":\"7\",\"agent\":\"test\",\"body\":\"\"}"},
		{"POST /api/v0/a%2Fb/echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", 200,
			"cache-control", "no-cache",
			"\"project\":\"a/b\",\"limit\":null,\"agent\":null,\"body\":\"hello\""},
		{"POST /api/v0/a/echo HTTP/1.1\r\n" HOST
		 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
			200, NULL, NULL, "\"body\":\"abcde\""},
		{"HEAD /api/v0/x/echo HTTP/1.1\r\n" HOST "\r\n", 200, "content-length", "66", NULL},
		{"GET /api/v0/nobody/missing HTTP/1.1\r\n" HOST "\r\n", 404, "cache-control", "no-store",
			"{\"detail\":\"no application 'nobody'\"}"},
		{"GET /api/v0/nothing HTTP/1.1\r\n" HOST "\r\n", 404, "content-type", "application/json",
			"{\"detail\":\"Not Found\"}"},
		{"GET /metrics HTTP/1.1\r\n" HOST "\r\n", 404, NULL, NULL, "{\"detail\":\"Not Found\"}"},
		{"DELETE /api/v0/x/echo HTTP/1.1\r\n" HOST "\r\n", 405, "allow", "GET, HEAD, POST",
			"\"detail\""},
		{"OPTIONS /api/v0/x/echo HTTP/1.1\r\n" HOST "\r\n", 204, "allow", "GET, HEAD, POST", NULL},
		{"POST /p/x HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 405, "allow", "GET, HEAD", NULL},
		{"GET /api/v0/%zz/echo HTTP/1.1\r\n" HOST "\r\n", 400, NULL, NULL, "\"detail\""},
		{"GET /api/v0/a%00b/echo HTTP/1.1\r\n" HOST "\r\n", 400, NULL, NULL, "\"detail\""},
		{"GET /api/v0/a/echo?limit=%f HTTP/1.1\r\n" HOST "\r\n", 400, NULL, NULL, "\"detail\""},
		{"GET /api/v0/x/echo HTTP/1.1\r\n" HOST
		 "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
		 "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
			200, "upgrade", "", "\"project\":\"x\""},
		{"GET /p/x/run/y HTTP/1.1\r\n" HOST "\r\n", 200, "content-type", "text/html; charset=utf-8",
			"<base href=\"../../../\">the page"},
		{"GET / HTTP/1.1\r\n" HOST "\r\n", 200, "x-content-type-options", "nosniff",
			"<base href=\"./\">the page"},
		{"GET / HTTP/1.1\r\n" HOST "If-None-Match: \"e1-0\"\r\n\r\n", 304, "etag", "\"e1-0\"", ""},
	};
	uint16_t port = http_server_port(*state);
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++)
		check(port, &exchanges[i]);
}

static void guards_host_and_origin(void **state)
{
	static const struct exchange exchanges[] = {
		{"GET /api/v0/x/echo HTTP/1.1\r\nHost: evil.net\r\n\r\n", 403, NULL, NULL, "--allowed-host"},
		{"GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.net\r\n\r\n", 403, NULL, NULL, "--allowed-host"},
		{"GET /api/v0/x/echo HTTP/1.1\r\nHost: a.lab.example.org\r\n\r\n", 200, NULL, NULL, NULL},
		{"GET /api/v0/x/echo HTTP/1.1\r\nHost: [::1]:7241\r\n\r\n", 200, NULL, NULL, NULL},
		{"GET /api/v0/x/echo HTTP/1.1\r\n\r\n", 400, NULL, NULL, "Host"},
		{"GET /api/v0/x/echo HTTP/1.0\r\n\r\n", 400, NULL, NULL, "Host"},
		{"GET /api/v0/x/echo HTTP/1.1\r\nHost: \r\n\r\n", 400, NULL, NULL, "Host"},
		{"POST /api/v0/x/echo HTTP/1.1\r\n" HOST
		 "Origin: http://evil.net\r\nContent-Length: 0\r\n\r\n",
			403, NULL, NULL, "another site"},
		{"POST /api/v0/x/echo HTTP/1.1\r\n" HOST "Origin: null\r\nContent-Length: 0\r\n\r\n", 403,
			NULL, NULL, NULL},
		{"POST /api/v0/x/echo HTTP/1.1\r\n" HOST
		 "Origin: http://localhost:3000\r\nContent-Length: 0\r\n\r\n",
			200, NULL, NULL, NULL},
		{"GET /api/v0/x/echo HTTP/1.1\r\n" HOST "Origin: http://evil.net\r\n\r\n", 200, NULL, NULL,
			NULL},
		{"POST /api/v0/x/echo HTTP/1.1\r\n" HOST
		 "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
			415, NULL, NULL, "Content-Encoding: gzip"},
		{"POST /api/v0/x/echo HTTP/1.1\r\n" HOST
		 "Content-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
			200, NULL, NULL, NULL},
	};
	uint16_t port = http_server_port(*state);
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++)
		check(port, &exchanges[i]);
}

static void says_not_modified(void **state)
{
	uint16_t port = http_server_port(*state);
	struct answer first, second;
	client_ask(port, "GET /api/v0/x/echo HTTP/1.1\r\n" HOST "\r\n", &first);
	assert_int_equal(first.status, 200);
	assert_memory_equal(answer_header(&first, "server-timing"), "handler;dur=", 12);
	char request[256];
	snprintf(request, sizeof(request), "GET /api/v0/x/echo HTTP/1.1\r\n" HOST "If-None-Match: %s\r\n\r\n",
		answer_header(&first, "etag"));
	client_ask(port, request, &second);
	assert_int_equal(second.status, 304);
	assert_int_equal(second.body.len, 0);
	assert_string_equal(answer_header(&second, "content-length"), "");
	answer_fini(&first);
	answer_fini(&second);
}

static void packs_large_answers(void **state)
{
	uint16_t port = http_server_port(*state);
	struct answer plain, packed;
	client_ask(port, "GET /api/v0/large HTTP/1.1\r\n" HOST "\r\n", &plain);
	client_ask(port, "GET /api/v0/large HTTP/1.1\r\n" HOST "Accept-Encoding: gzip\r\n\r\n", &packed);
	assert_string_equal(answer_header(&plain, "content-encoding"), "");
	assert_string_equal(answer_header(&plain, "vary"), "accept-encoding");
	assert_string_equal(answer_header(&packed, "content-encoding"), "gzip");
	assert_true(packed.body.len < plain.body.len / 4);
	answer_fini(&plain);
	answer_fini(&packed);
}

/* Every answer says what a browser may do with it, whoever makes it: a handler, we, or h2o. */
static void says_what_browsers_may_do(void **state)
{
	static const char *const requests[] = {
		"GET /api/v0/x/echo HTTP/1.1\r\n" HOST "\r\n",
		"GET / HTTP/1.1\r\n" HOST "\r\n",
		"GET /burr-token.js HTTP/1.1\r\n" HOST "\r\n",
		"GET /api/nothing HTTP/1.1\r\n" HOST "\r\n",
		"DELETE / HTTP/1.1\r\n" HOST "\r\n",
		"OPTIONS / HTTP/1.1\r\n" HOST "\r\n",
		"GET /api/%zz HTTP/1.1\r\n" HOST "\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: evil.net\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: evil.net\r\nAccept: text/html\r\n\r\n",
		"POST / HTTP/1.1\r\n" HOST "Content-Length: 9999999\r\n\r\n",
		"POST / HTTP/1.1\r\n" HOST "Content-Length: x\r\n\r\n",
		"POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nExpect: x\r\n\r\n",
	};
	static const struct {
		const char *name, *value;
	} headers[] = {
		{"x-content-type-options", "nosniff"},
		{"referrer-policy", "same-origin"},
		{"cross-origin-opener-policy", "same-origin"},
		{"cross-origin-resource-policy", "same-origin"},
		{"content-security-policy",
			"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
			"object-src 'none'; "
			"base-uri 'self'; form-action 'self'; frame-ancestors 'self' http://localhost:* "
			"https://localhost:* http://127.0.0.1:* https://127.0.0.1:* "
			"https://frames.example.org"},
	};
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct answer answer;
		client_ask(http_server_port(*state), requests[i], &answer);
		assert_true(answer.status >= 200);
		for (size_t h = 0; h < sizeof(headers) / sizeof(headers[0]); h++)
			assert_string_equal(answer_header(&answer, headers[h].name), headers[h].value);
		if (answer.status >= 400)
			assert_string_equal(answer_header(&answer, "cache-control"), "no-store");
		answer_fini(&answer);
	}
}

static void shows_refused_hosts_a_page(void **state)
{
	static const struct exchange exchanges[] = {
		{"GET /p/x HTTP/1.1\r\nHost: Burr.Lab.example.com:80\r\nAccept: text/html,*/*\r\n\r\n", 403,
			"content-type", "text/html; charset=utf-8",
			"burr --allowed-host Burr.Lab.example.com</pre>"},
		{"GET / HTTP/1.1\r\nHost: <script>x\r\nAccept: text/html\r\n\r\n", 403, NULL, NULL,
			"burr --allowed-host NAME</pre>"},
		{"GET / HTTP/1.1\r\nHost: evil.net\r\nAccept: application/json\r\n\r\n", 403, "content-type",
			"application/json", "{\"detail\":\"this burr does not answer to the name 'evil.net'"},
	};
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++)
		check(http_server_port(*state), &exchanges[i]);
}

#define TOKEN "0123456789abcdef.token"

static void asks_for_the_token(void **state)
{
	static const struct exchange exchanges[] = {
		{"GET /api/v0/x/echo HTTP/1.1\r\n" HOST "\r\n", 401, "www-authenticate",
			"Bearer realm=\"burr\"", "{\"detail\":\"this burr asks for its token"},
		{"GET /api/nothing HTTP/1.1\r\n" HOST "Accept: text/html\r\n\r\n", 401, "content-type",
			"application/json", NULL},
		{"GET /api/v1/events?topics=a HTTP/1.1\r\n" HOST "\r\n", 401, NULL, NULL, NULL},
		{"GET /metrics HTTP/1.1\r\n" HOST "\r\n", 401, NULL, NULL, NULL},
		{"GET /p/x HTTP/1.1\r\n" HOST "Accept: text/html\r\n\r\n", 401, "content-type",
			"text/html; charset=utf-8", "<base href=\"../\">"},
		{"GET /index.html HTTP/1.1\r\n" HOST "\r\n", 401, NULL, NULL, NULL},
		{"GET / HTTP/1.1\r\nHost: evil.net\r\n\r\n", 403, NULL, NULL, NULL},
		{"GET /burr-token.js HTTP/1.1\r\n" HOST "\r\n", 200, "content-type",
			"text/javascript; charset=utf-8", "sessionStorage"},
		{"GET /assets/app.js HTTP/1.1\r\n" HOST "\r\n", 200, NULL, NULL, "script"},
		{"GET /api/v0/x/echo HTTP/1.1\r\n" HOST "Authorization: Bearer " TOKEN "\r\n\r\n", 200, NULL,
			NULL, NULL},
		{"GET /api/v0/x/echo HTTP/1.1\r\n" HOST "Authorization: Bearer " TOKEN "x\r\n\r\n", 401, NULL,
			NULL, NULL},
		{"GET /p/x HTTP/1.1\r\n" HOST "Authorization: Bearer " TOKEN "\r\n\r\n", 200, NULL, NULL,
			"the page"},
		{"GET /api/v1/session HTTP/1.1\r\n" HOST "\r\n", 401, NULL, NULL, NULL},
		{"GET /api/v1/session HTTP/1.1\r\n" HOST "Authorization: Bearer " TOKEN "\r\n\r\n", 204,
			"set-cookie", "", NULL},
		{"PUT /api/v1/session HTTP/1.1\r\n" HOST "Authorization: Bearer " TOKEN
		 "\r\nContent-Length: 0\r\n\r\n",
			405, "allow", "GET, HEAD, POST", NULL},
		{"POST /api/v1/session HTTP/1.1\r\n" HOST
		 "Origin: http://evil.net\r\nAuthorization: Bearer " TOKEN "\r\nContent-Length: 0\r\n\r\n",
			403, NULL, NULL, NULL},
	};
	(void)state;
	struct http_server_options options = test_options();
	options.token = TOKEN;
	struct http_server *server = start(&options);
	uint16_t port = http_server_port(server);
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++)
		check(port, &exchanges[i]);
	struct http_stats stats;
	http_server_get_stats(server, &stats);
	assert_int_equal(stats.denied, 10);
	assert_int_equal(stats.answered[4], 11);
	http_server_close(server);
}

static void trades_the_token_for_a_cookie(void **state)
{
	(void)state;
	struct http_server_options options = test_options();
	options.token = TOKEN;
	struct http_server *server = start(&options);
	uint16_t port = http_server_port(server);
	struct answer answer;
	char wanted[256], request[256];
	client_ask(port,
		"POST /api/v1/session?path=%2Fuser%2Fada%2F HTTP/1.1\r\n" HOST "Authorization: Bearer " TOKEN
		"\r\nX-Forwarded-Proto: https\r\nContent-Length: 0\r\n\r\n",
		&answer);
	assert_int_equal(answer.status, 204);
	snprintf(wanted, sizeof(wanted),
		"burr-token-%u=" TOKEN "; Path=/user/ada/; Max-Age=8640000; HttpOnly; SameSite=Lax; Secure",
		port);
	assert_string_equal(answer_header(&answer, "set-cookie"), wanted);
	answer_fini(&answer);
	snprintf(request, sizeof(request),
		"GET /api/v1/session HTTP/1.1\r\n" HOST "Cookie: a=1; burr-token-%u=" TOKEN "\r\n\r\n", port);
	check(port, &(struct exchange){request, 204, NULL, NULL, NULL});
	snprintf(request, sizeof(request),
		"GET /api/v1/session HTTP/1.1\r\n" HOST "Cookie: a=1\r\nCookie: burr-token-%u=" TOKEN
		"\r\n\r\n",
		port);
	check(port, &(struct exchange){request, 204, NULL, NULL, NULL});
	snprintf(request, sizeof(request),
		"GET /api/v1/session HTTP/1.1\r\n" HOST "Cookie: burr-token-%u=" TOKEN "\r\n\r\n", port + 1u);
	check(port, &(struct exchange){request, 401, NULL, NULL, NULL});
	http_server_close(server);
}

/* A proxy that we know by the path at which it shows us may pass on any Host, and pages of that name may
 * post. */
static void knows_its_proxy(void **state)
{
	(void)state;
	struct http_server_options options = test_options();
	options.proxied_at = "/user/ada/proxy/{port}";
	struct http_server *server = start(&options);
	uint16_t port = http_server_port(server);
	static const char *const marks[] = {
		"X-Forwarded-Prefix", "X-Forwarded-Context", "X-ProxyContextPath"};
	char request[512];
	for (size_t i = 0; i < 3; i++) {
		snprintf(request, sizeof(request),
			"POST /api/v0/x/echo HTTP/1.1\r\nHost: hub.example.net\r\nOrigin: "
			"https://hub.example.net\r\n"
			"%s: /user/ada/proxy/%u\r\nContent-Length: 0\r\n\r\n",
			marks[i], port);
		check(port, &(struct exchange){request, 200, NULL, NULL, NULL});
	}
	snprintf(request, sizeof(request),
		"GET / HTTP/1.1\r\nHost: hub.example.net\r\nX-Forwarded-Prefix: /user/eve/proxy/%u\r\n\r\n",
		port);
	check(port, &(struct exchange){request, 403, NULL, NULL, NULL});
	snprintf(request, sizeof(request),
		"POST /api/v0/x/echo HTTP/1.1\r\nHost: hub.example.net\r\nOrigin: https://evil.net\r\n"
		"X-Forwarded-Prefix: /user/ada/proxy/%u\r\nContent-Length: 0\r\n\r\n",
		port);
	check(port, &(struct exchange){request, 403, NULL, NULL, NULL});
	http_server_close(server);
}

/* ---- bodies that are made while they are sent ---- */

static void unpack(const struct buf *packed, struct buf *out)
{
	z_stream z = {.next_in = (Bytef *)packed->data, .avail_in = (uInt)packed->len};
	int code = inflateInit2(&z, 15 + 16);
	while (code == Z_OK) {
		char *to = buf_reserve(out, 1 << 20);
		assert_non_null(to);
		z.next_out = (Bytef *)to;
		z.avail_out = 1 << 20;
		code = inflate(&z, Z_NO_FLUSH);
		out->len += (1 << 20) - z.avail_out;
	}
	assert_int_equal(code, Z_STREAM_END);
	inflateEnd(&z);
}

static bool pieces_are_closed(void *ctx)
{
	(void)ctx;
	return atomic_load(&open_pieces) == 0;
}

static void sends_a_body_in_pieces(void **state)
{
	uint16_t port = http_server_port(*state);
	const size_t whole = (size_t)PIECES * PIECE_LINES * strlen("a line of a piece\n");
	struct answer plain;
	struct answer packed;
	struct buf unpacked = BUF_INIT;
	client_ask(port, "GET /api/v0/pieces HTTP/1.1\r\n" HOST "\r\n", &plain);
	assert_string_equal(answer_header(&plain, "transfer-encoding"), "chunked");
	assert_string_equal(answer_header(&plain, "etag"), "");
	assert_false(plain.cut);
	assert_int_equal(plain.body.len, whole);
	client_ask(
		port, "GET /api/v0/pieces?tag=t HTTP/1.1\r\n" HOST "Accept-Encoding: gzip\r\n\r\n", &packed);
	assert_string_equal(answer_header(&packed, "content-encoding"), "gzip");
	assert_string_equal(answer_header(&packed, "etag"), "W/\"t\"");
	assert_true(packed.body.len < whole / 50);
	unpack(&packed.body, &unpacked);
	assert_true(slice_eq(buf_slice(&unpacked), buf_slice(&plain.body)));
	buf_fini(&unpacked);
	answer_fini(&plain);
	answer_fini(&packed);
	assert_true(eventually(pieces_are_closed, NULL));
}

/* A connection lives on behind such a body, and without one. */
static void sends_pieces_or_none(void **state)
{
	static const char *const none[][2] = {
		{"HEAD /api/v0/pieces HTTP/1.1\r\n" HOST "\r\n", "200"},
		{"GET /api/v0/pieces?tag=t HTTP/1.1\r\n" HOST "If-None-Match: \"t\"\r\n\r\n", "304"},
		{"GET /api/v0/pieces?fails=1 HTTP/1.1\r\n" HOST "\r\n", "503"},
		{"GET /api/v0/pieces HTTP/1.1\r\n" HOST "\r\n", "200"},
	};
	int fd = client_connect(http_server_port(*state));
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		struct answer answer;
		client_say(fd, none[i][0]);
		client_read(fd, i == 0, &answer);
		assert_int_equal(answer.status, atoi(none[i][1]));
		answer_fini(&answer);
	}
	close(fd);
	assert_true(eventually(pieces_are_closed, NULL));
}

static void cuts_a_body_that_breaks(void **state)
{
	struct answer answer;
	client_ask(http_server_port(*state), "GET /api/v0/pieces?breaks=1 HTTP/1.1\r\n" HOST "\r\n", &answer);
	assert_int_equal(answer.status, 200);
	assert_true(answer.cut);
	answer_fini(&answer);
	assert_true(eventually(pieces_are_closed, NULL));
}

/* Clients that hang up in the middle, and a server that stops: nothing is left, and nobody waits. */
static void forgets_pieces_that_nobody_takes(void **state)
{
	enum { CLIENTS = 8 };
	int fds[CLIENTS];
	char first;
	for (int i = 0; i < CLIENTS; i++) {
		int small = 2048;
		fds[i] = client_connect(http_server_port(*state));
		setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
		client_say(fds[i], "GET /api/v0/pieces HTTP/1.1\r\n" HOST "\r\n");
	}
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(recv(fds[i], &first, 1, 0), 1);
	check(http_server_port(*state),
		&(struct exchange){"GET /api/v0/x/echo HTTP/1.1\r\n" HOST "\r\n", 200, NULL, NULL, NULL});
	for (int i = 0; i < CLIENTS / 2; i++)
		close(fds[i]);
	http_server_stop(*state, 20);
	assert_true(pieces_are_closed(NULL));
	for (int i = CLIENTS / 2; i < CLIENTS; i++)
		close(fds[i]);
}

/* ---- limits and nonsense ---- */

static void refuses_what_is_too_much(void **state)
{
	uint16_t port = http_server_port(*state);
	check(port, &(struct exchange){"POST /api/v0/x/echo HTTP/1.1\r\n" HOST "Content-Length: 1001\r\n\r\n",
			    413, NULL, NULL, NULL});

	struct buf request = BUF_INIT;
	buf_append_str(&request,
		"POST /api/v0/x/echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n600\r\n");
	for (int i = 0; i < 0x600; i++)
		buf_append_char(&request, 'x');
	buf_append_str(&request, "\r\n0\r\n\r\n");
	check(port, &(struct exchange){request.data, 413, NULL, NULL, NULL});

	buf_clear(&request);
	buf_append_str(&request, "GET /api/v0/x/echo HTTP/1.1\r\n" HOST "X-Long: ");
	for (int i = 0; i < 40000; i++)
		buf_append_char(&request, 'x');
	buf_append_str(&request, "\r\n\r\n");
	check(port, &(struct exchange){request.data, 431, NULL, NULL, "\"detail\""});
	buf_fini(&request);
}

static void survives_nonsense(void **state)
{
	static const struct slice cases[] = {
		SLICE_LIT("\r\n\r\n"),
		SLICE_LIT("\0\0\0\0\0\0"),
		SLICE_LIT("GET\r\n\r\n"),
		SLICE_LIT("GET / HTTP/9.9\r\n\r\n"),
		SLICE_LIT("GET  / HTTP/1.1\r\n" HOST "\r\n"),
		SLICE_LIT("GET no-slash HTTP/1.1\r\n" HOST "\r\n"),
		SLICE_LIT("GET http://localhost/ HTTP/1.1\r\n" HOST "\r\n"),
		SLICE_LIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
		SLICE_LIT("CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n"),
		SLICE_LIT("GET / HTTP/1.1\r\nHost : localhost\r\n\r\n"),
		SLICE_LIT("GET / HTTP/1.1\r\nHo\0st: localhost\r\n\r\n"),
		SLICE_LIT("GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n"),
		SLICE_LIT("GET /\xff\xfe HTTP/1.1\r\n" HOST "\r\n"),
		SLICE_LIT("GET /?\xff=%ff HTTP/1.1\r\n" HOST "\r\n"),
		SLICE_LIT("POST /api/v0/x/echo HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n"),
		SLICE_LIT("POST /api/v0/x/echo HTTP/1.1\r\n" HOST
			  "Content-Length: 99999999999999999999\r\n\r\n"),
		SLICE_LIT("POST /api/v0/x/echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
		SLICE_LIT("POST /api/v0/x/echo HTTP/1.1\r\n" HOST "Transfer-Encoding: rot13\r\n\r\n"),
		SLICE_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
		SLICE_LIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
	};
	uint16_t port = http_server_port(*state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = client_connect(port);
		client_send(fd, cases[i].data, cases[i].len);
		shutdown(fd, SHUT_WR);
		struct answer answer;
		client_read(fd, false, &answer);
		if (answer.status != 0 && answer.status / 100 != 4 && answer.status != 200)
			fail_msg("case %zu: %d", i, answer.status);
		answer_fini(&answer);
		close(fd);
	}
	check(port, &(struct exchange){"GET /api/v0/x/echo HTTP/1.1\r\n" HOST "\r\n", 200, NULL, NULL, NULL});
}

static void keeps_connections(void **state)
{
	int fd = client_connect(http_server_port(*state));
	client_say(
		fd, "GET /api/v0/a/echo HTTP/1.1\r\n" HOST "\r\nGET /api/v0/b/echo HTTP/1.1\r\n" HOST "\r\n");
	struct answer a, b;
	client_read(fd, false, &a);
	client_read(fd, false, &b);
	assert_non_null(strstr(a.body.data, "\"a\""));
	assert_non_null(strstr(b.body.data, "\"b\""));
	answer_fini(&a);
	answer_fini(&b);
	close(fd);
}

/* A proxy may count a request's body otherwise than we do, and what is hidden in it would be the next
 * request: so none is read behind a body. */
static void reads_nothing_behind_a_body(void **state)
{
	static const char hidden[] = "GET /api/v0/hidden/echo HTTP/1.1\r\n" HOST "\r\n";
	static const char *const lengths[][2] = {
		{"Content-Length: 0\r\nContent-Length: 9\r\n\r\n", "200"},
		{"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "200"},
		{"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n0\r\n\r\n", "200"},
		{"Content-Length: 2\r\n\r\nhi", "200"},
		{"X: a\r\n Content-Length: 9\r\n\r\n", "400"},
	};
	static const char *const methods[] = {"GET", "POST"};
	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		char request[512];
		struct answer answer;
		int fd = client_connect(http_server_port(*state));
		snprintf(request, sizeof(request), "%s /api/v0/a/echo HTTP/1.1\r\n" HOST "%s%s",
			methods[i % 2], lengths[i / 2][0], hidden);
		client_say(fd, request);
		client_read(fd, false, &answer);
		assert_int_equal(answer.status, atoi(lengths[i / 2][1]));
		assert_true(client_sees_end(fd));
		answer_fini(&answer);
		close(fd);
	}
}

/* Says the text byte by byte, for as long as it is listened to; whether it was cut before the end of it. */
static bool drip(uint16_t port, const char *text)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	int fd = client_connect(port);
	char byte;
	ssize_t got = -1;
	for (; *text && got < 0; text++) {
		send(fd, text, 1, MSG_NOSIGNAL);
		nanosleep(&pause, NULL);
		got = recv(fd, &byte, 1, MSG_DONTWAIT);
		if (got < 0 && errno == ECONNRESET)
			got = 0;
	}
	close(fd);
	return got == 0;
}

/* Those that say nothing, too little of the headers or of the body, and those that go on, byte by byte. */
static void ends_slow_requests(void **state)
{
	(void)state;
	static const char *const beginnings[] = {
		"",
		"GET /api/v0/a/echo HTTP/1.1\r\nHost: loc",
		"POST /api/v0/a/echo HTTP/1.1\r\n" HOST "Content-Length: 900\r\n\r\nabc",
		"POST /api/v0/a/echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
	};
	struct http_server_options options = test_options();
	options.request_timeout_ms = 50;
	struct http_server *server = start(&options);
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		int fd = client_connect(http_server_port(server));
		client_say(fd, beginnings[i]);
		assert_true(client_sees_end(fd));
		close(fd);
	}
	char rest[2000];
	memset(rest, 'x', sizeof(rest) - 1);
	rest[sizeof(rest) - 1] = '\0';
	struct buf text = BUF_INIT;
	buf_printf(&text, "GET /api/v0/a/echo HTTP/1.1\r\n" HOST "X: %s", rest);
	assert_true(drip(http_server_port(server), text.data));
	buf_clear(&text);
	buf_printf(&text, "POST /api/v0/a/echo HTTP/1.1\r\n" HOST "Content-Length: 999\r\n\r\n%s", rest);
	assert_true(drip(http_server_port(server), text.data));
	buf_fini(&text);
	http_server_close(server);
}

static bool has_cut(void *server)
{
	struct http_stats stats;
	http_server_get_stats(server, &stats);
	return stats.cut > 0;
}

/* Someone who takes a little of an answer now and then: for the kernel it moves on. */
static void ends_slow_readers(void **state)
{
	(void)state;
	const struct timespec pause = {.tv_nsec = 50000000}; /* far less than the kernel waits for */
	struct http_server_options options = test_options();
	options.stall_timeout_ms = 1000;
	options.min_bytes_per_s = 1 << 20;
	struct http_server *server = start(&options);
	int fd = client_connect(http_server_port(server));
	int small = 2048;
	char bytes[4096];
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (int i = 0; i < 20; i++)
		client_say(fd, "GET /api/v0/large HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 200 && !has_cut(server); i++) {
		while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
		nanosleep(&pause, NULL);
	}
	assert_true(has_cut(server));
	assert_true(client_sees_end(fd));
	close(fd);
	http_server_close(server);
}

/* Many that each send a good part of a request are cut when all of them together hold too much; who sends
 * little is not. */
static void bounds_what_has_not_arrived(void **state)
{
	(void)state;
	struct http_server_options options = test_options();
	options.max_body_bytes = 1 << 20;
	options.max_waiting_bytes = 300000;
	struct http_server *server = start(&options);
	uint16_t port = http_server_port(server);
	struct buf request = BUF_INIT;
	buf_append_str(&request, "POST /api/v0/a/echo HTTP/1.1\r\n" HOST "Content-Length: 900000\r\n\r\n");
	for (int i = 0; i < 200000; i++)
		buf_append_char(&request, 'x');
	int modest = client_connect(port);
	client_say(modest, "POST /api/v0/a/echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhel");
	int fds[3];
	for (int i = 0; i < 3; i++) {
		fds[i] = client_connect(port);
		client_send(fds[i], request.data, request.len);
	}
	assert_true(eventually(has_cut, server));
	for (int i = 0; i < 3; i++) {
		assert_true(client_sees_end(fds[i]));
		close(fds[i]);
	}
	struct answer answer;
	client_say(modest, "lo");
	client_read(modest, false, &answer);
	assert_int_equal(answer.status, 200);
	answer_fini(&answer);
	close(modest);
	buf_fini(&request);
	http_server_close(server);
}

static void refuses_too_many_headers(void **state)
{
	uint16_t port = http_server_port(*state);
	struct buf request = BUF_INIT;
	for (int count = 90; count <= 110; count += 20) {
		buf_clear(&request);
		buf_append_str(&request, "GET /api/v0/x/echo HTTP/1.1\r\n" HOST);
		for (int i = 0; i < count; i++)
			buf_printf(&request, "X-%d: y\r\n", i);
		buf_append_str(&request, "\r\n");
		check(port, &(struct exchange){request.data, count < 100 ? 200 : 400, NULL, NULL, NULL});
	}
	/* A line that never ends: h2o hangs up at its own limit, and its answer may get lost in that. */
	buf_clear(&request);
	buf_append_str(&request, "GET /");
	for (int i = 0; i < 500000; i++)
		buf_append_char(&request, 'x');
	int fd = client_connect(port);
	client_send(fd, request.data, request.len);
	assert_true(client_sees_end(fd));
	close(fd);
	buf_clear(&request);
	buf_append_str(&request, "GET /?");
	for (int i = 0; i < 40000; i++)
		buf_append_char(&request, 'x');
	buf_append_str(&request, " HTTP/1.1\r\n" HOST "\r\n");
	check(port, &(struct exchange){request.data, 431, NULL, NULL, "over 32768 bytes"});
	buf_fini(&request);
}

/* However many requests come at once on a connection, one is worked on, and the rest wait where the client
 * feels it. */
static void takes_pipelines_one_by_one(void **state)
{
	enum { COUNT = 2000 };
	int fd = client_connect(http_server_port(*state));
	struct buf requests = BUF_INIT;
	for (int i = 0; i < COUNT; i++)
		buf_printf(&requests, "GET /api/v0/p%d/echo HTTP/1.1\r\n" HOST "\r\n", i);
	client_send(fd, requests.data, requests.len);
	for (int i = 0; i < COUNT; i++) {
		struct answer answer;
		struct http_stats stats;
		char wanted[32];
		client_read(fd, false, &answer);
		snprintf(wanted, sizeof(wanted), "\"p%d\"", i);
		assert_non_null(strstr(answer.body.data, wanted));
		http_server_get_stats(*state, &stats);
		assert_true(stats.queued <= 1);
		answer_fini(&answer);
	}
	buf_fini(&requests);
	close(fd);
}

static void queues_no_more_than_it_may(void **state)
{
	(void)state;
	struct gate here;
	gate_init(&here);
	struct http_server_options options = test_options();
	options.worker_count = 1;
	options.max_queued = 1;
	options.ctx = &here;
	struct http_server *server = start(&options);
	static const char ask[] = "GET /api/v0/wait HTTP/1.1\r\n" HOST "\r\n";
	int running = client_connect(http_server_port(server));
	client_say(running, ask);
	gate_await(&here, 1);

	/* Of two more one is queued, and the other refused; which one is up to their arrival. */
	int second = client_connect(http_server_port(server)),
	    third = client_connect(http_server_port(server));
	client_say(second, ask);
	client_say(third, ask);
	struct http_stats stats;
	do {
		http_server_get_stats(server, &stats);
	} while (stats.refused == 0);
	assert_int_equal(stats.queued, 1);
	gate_open(&here);
	struct answer answers[3];
	client_read(running, false, &answers[0]);
	client_read(second, false, &answers[1]);
	client_read(third, false, &answers[2]);
	assert_int_equal(answers[0].status, 200);
	assert_int_equal(answers[1].status + answers[2].status, 200 + 503);
	const struct answer *refused = answers[1].status == 503 ? &answers[1] : &answers[2];
	assert_string_equal(answer_header(refused, "retry-after"), "1");
	for (int i = 0; i < 3; i++)
		answer_fini(&answers[i]);
	close(running);
	close(second);
	close(third);
	http_server_close(server);
}

static void lets_connections_wait(void **state)
{
	(void)state;
	struct http_server_options options = test_options();
	options.max_clients = 2;
	struct http_server *server = start(&options);
	uint16_t port = http_server_port(server);
	int fds[4];
	for (int i = 0; i < 4; i++) {
		fds[i] = client_connect(port);
		client_say(fds[i], "GET /api/v0/a/echo HTTP/1.1\r\n" HOST "\r\n");
	}
	struct answer answer;
	for (int i = 0; i < 4; i++) {
		client_read(fds[i], false, &answer);
		assert_int_equal(answer.status, 200);
		answer_fini(&answer);
		struct http_stats stats;
		http_server_get_stats(server, &stats);
		assert_true(stats.clients <= 2);
		close(fds[i]);
	}
	http_server_close(server);
}

/* ---- ends ---- */

static bool is_idle(void *server)
{
	struct http_stats stats;
	http_server_get_stats(server, &stats);
	return stats.clients == 0;
}

/* The client hangs up, by a reset, while its request is with a worker. */
static void bears_lost_clients(void **state)
{
	int fd = client_connect(http_server_port(*state));
	client_say(fd, "GET /api/v0/wait HTTP/1.1\r\n" HOST "\r\n");
	gate_await(&gate, 1);
	struct linger reset = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	gate_open(&gate);
	assert_true(eventually(is_idle, *state));
	check(http_server_port(*state),
		&(struct exchange){"GET /api/v0/x/echo HTTP/1.1\r\n" HOST "\r\n", 200, NULL, NULL, NULL});
}

static void *stop(void *server)
{
	http_server_stop(server, 5000);
	return NULL;
}

/* A request that is with a worker is answered although the server stops; idle connections are ended at once.
 */
static void drains(void **state)
{
	uint16_t port = http_server_port(*state);
	int busy = client_connect(port), idle = client_connect(port);
	client_say(busy, "GET /api/v0/wait HTTP/1.1\r\n" HOST "\r\n");
	client_say(idle, "GET /api/v0/x/echo HTTP/1.1\r\n" HOST "\r\n");
	struct answer answer;
	client_read(idle, false, &answer);
	answer_fini(&answer);
	gate_await(&gate, 1);
	pthread_t stopper;
	assert_int_equal(pthread_create(&stopper, NULL, stop, *state), 0);
	assert_true(client_sees_end(idle));
	gate_open(&gate);
	client_read(busy, false, &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer_header(&answer, "connection"), "close");
	assert_true(client_sees_end(busy));
	pthread_join(stopper, NULL);
	answer_fini(&answer);
	close(busy);
	close(idle);
}

/* Someone who never reads a large answer is cut when the deadline has passed. */
static void cuts_at_the_deadline(void **state)
{
	int fd = client_connect(http_server_port(*state));
	int small = 2048;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	struct buf requests = BUF_INIT;
	for (int i = 0; i < 40; i++)
		buf_append_str(&requests, "GET /api/v0/large HTTP/1.1\r\n" HOST "\r\n");
	client_send(fd, requests.data, requests.len);
	buf_fini(&requests);
	char first;
	assert_int_equal(recv(fd, &first, 1, 0), 1);
	http_server_stop(*state, 20);
	close(fd);
}

/* The same without a stop: the kernel gives up on whoever takes nothing for the stall timeout. */
static void gives_up_on_who_reads_nothing(void **state)
{
	(void)state;
	struct http_server_options options = test_options();
	options.stall_timeout_ms = 100;
	struct http_server *server = start(&options);
	int fd = client_connect(http_server_port(server));
	int small = 2048;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	struct buf requests = BUF_INIT;
	for (int i = 0; i < 40; i++)
		buf_append_str(&requests, "GET /api/v0/large HTTP/1.1\r\n" HOST "\r\n");
	client_send(fd, requests.data, requests.len);
	buf_fini(&requests);
	char first;
	assert_int_equal(recv(fd, &first, 1, 0), 1);
	assert_true(eventually(is_idle, server));
	close(fd);
	http_server_close(server);
}

static void says_who_has_the_port(void **state)
{
	struct http_server_options options = test_options();
	options.port = http_server_port(*state);
	struct http_server *second = NULL;
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(http_server_open(&options, &second, &err), BURR_EEXIST);
	assert_non_null(strstr(err.message, "taken"));
	assert_null(second);
	options.host = "no such host.";
	assert_int_equal(http_server_open(&options, &second, &err), BURR_EINVAL);
	options = test_options();
	options.worker_count = 0;
	assert_int_equal(http_server_open(&options, &second, &err), BURR_OK);
	assert_int_equal(http_server_start(second, &err), BURR_EINVAL);
	http_server_close(second);
	http_server_close(NULL);
}

/* Several loops share the port; opening and closing leaves no descriptor behind. */
static void runs_several_loops(void **state)
{
	(void)state;
	int before = dup(0);
	close(before);
	for (int round = 0; round < 3; round++) {
		struct http_server_options options = test_options();
		options.loop_count = 3;
		struct http_server *server = start(&options);
		for (int i = 0; i < 20; i++)
			check(http_server_port(server),
				&(struct exchange){"GET /api/v0/x/echo HTTP/1.1\r\n" HOST "\r\n", 200, NULL,
					NULL, NULL});
		http_server_close(server);
	}
	int after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		SERVED(answers),
		SERVED(guards_host_and_origin),
		SERVED(says_not_modified),
		SERVED(packs_large_answers),
		SERVED(says_what_browsers_may_do),
		SERVED(shows_refused_hosts_a_page),
		cmocka_unit_test(asks_for_the_token),
		cmocka_unit_test(trades_the_token_for_a_cookie),
		cmocka_unit_test(knows_its_proxy),
		SERVED(sends_a_body_in_pieces),
		SERVED(sends_pieces_or_none),
		SERVED(cuts_a_body_that_breaks),
		SERVED(forgets_pieces_that_nobody_takes),
		SERVED(refuses_what_is_too_much),
		SERVED(refuses_too_many_headers),
		SERVED(takes_pipelines_one_by_one),
		SERVED(survives_nonsense),
		SERVED(keeps_connections),
		SERVED(reads_nothing_behind_a_body),
		cmocka_unit_test(ends_slow_requests),
		cmocka_unit_test(ends_slow_readers),
		cmocka_unit_test(bounds_what_has_not_arrived),
		cmocka_unit_test(queues_no_more_than_it_may),
		cmocka_unit_test(lets_connections_wait),
		SERVED(bears_lost_clients),
		SERVED(drains),
		SERVED(cuts_at_the_deadline),
		cmocka_unit_test(gives_up_on_who_reads_nothing),
		SERVED(says_who_has_the_port),
		cmocka_unit_test(runs_several_loops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
