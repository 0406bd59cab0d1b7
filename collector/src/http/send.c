#include "http/loop.h"
#include "http/respond.h"
#include "http/rest.h"

/* What an answer's bytes lie in, freed with the request: h2o sends from where they are. */
struct kept {
	struct buf body;
	struct buf headers;
};

static void free_kept(void *memory)
{
	struct kept *kept = memory;
	buf_fini(&kept->body);
	buf_fini(&kept->headers);
}

static void add_header(h2o_req_t *req, const char *name, const char *value)
{
	h2o_add_header_by_str(
		&req->pool, &req->res.headers, name, strlen(name), 1, NULL, value, strlen(value));
}

static void add_extra_headers(h2o_req_t *req, const struct buf *headers)
{
	const char *pos = headers->data;
	const char *end = pos ? pos + headers->len : NULL;
	while (pos < end) {
		const char *value = pos + strlen(pos) + 1;
		add_header(req, pos, value);
		pos = value + strlen(value) + 1;
	}
}

void send_common_headers(h2o_req_t *req)
{
	struct http_server *server = loop_of(req)->server;
	unsigned class = (unsigned)req->res.status / 100;
	if (class < HTTP_STATUS_CLASSES)
		atomic_fetch_add(&server->answered[class], 1);
	add_header(req, "x-content-type-options", "nosniff");
	add_header(req, "referrer-policy", "same-origin");
	add_header(req, "content-security-policy", server->policy.data);
	add_header(req, "cross-origin-opener-policy", "same-origin");
	add_header(req, "cross-origin-resource-policy", "same-origin");
}

static void on_refusal(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot)
{
	(void)filter;
	add_header(req, "cache-control", "no-store");
	send_common_headers(req);
	h2o_setup_next_ostream(req, slot);
}

void send_register_refusals(h2o_pathconf_t *path)
{
	h2o_filter_t *filter = h2o_create_filter(path, sizeof(*filter));
	filter->on_setup_ostream = on_refusal;
}

static void add_headers(h2o_req_t *req, const struct http_response *res, const struct buf *extra)
{
	bool has_body = res->status != 304 && res->status != 204;
	if (has_body)
		add_header(req, "content-type", res->content_type);
	if (res->cache_control)
		add_header(req, "cache-control", res->cache_control);
	if (res->etag[0])
		add_header(req, "etag", h2o_strdup(&req->pool, res->etag, SIZE_MAX).base);
	if (res->content_encoding)
		add_header(req, "content-encoding", res->content_encoding);
	if (res->vary)
		add_header(req, "vary", "accept-encoding");
	send_common_headers(req);
	add_extra_headers(req, extra);
}

void send_response(h2o_req_t *req, struct http_response *res, struct rest *rest, bool keep_alive)
{
	static h2o_generator_t generator = {NULL, NULL};
	struct kept *kept = h2o_mem_alloc_shared(&req->pool, sizeof(*kept), free_kept);
	kept->body = res->body;
	kept->headers = res->headers;
	res->body = (struct buf)BUF_INIT;
	res->headers = (struct buf)BUF_INIT;

	struct slice body = res->borrowed.data ? res->borrowed : buf_slice(&kept->body);
	bool head = h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD"));
	bool has_body = res->status != 304 && res->status != 204;
	req->res.status = res->status;
	req->res.reason = respond_reason(res->status);
	if (has_body && !rest)
		req->res.content_length = body.len;
	if (!keep_alive)
		req->http1_is_persistent = 0;
	add_headers(req, res, &kept->headers);
	if (rest) {
		rest_send(rest, req);
		return;
	}

	h2o_iovec_t bytes = h2o_iovec_init(body.data, body.len);
	h2o_start_response(req, &generator);
	h2o_send(req, &bytes, has_body && !head && body.len ? 1 : 0, H2O_SEND_STATE_FINAL);
}
