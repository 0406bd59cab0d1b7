#include "http/respond.h"

#include "base/json.h"
#include "http/hash.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>

void respond_init(struct http_response *res)
{
	*res = (struct http_response){
		.status = 200,
		.content_type = "application/json",
		.body = BUF_INIT,
		.headers = BUF_INIT,
	};
}

/* The body goes, with its rest. */
static void drop_body(struct http_response *res)
{
	if (res->rest.next)
		res->rest.close(res->rest.ctx);
	res->rest = (struct http_rest){NULL, NULL, NULL};
	res->borrowed = SLICE_NONE;
	res->content_encoding = NULL;
	buf_clear(&res->body);
}

void respond_fini(struct http_response *res)
{
	drop_body(res);
	buf_fini(&res->body);
	buf_fini(&res->headers);
}

const char *respond_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{409, "Conflict"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{503, "Service Unavailable"},
	};
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Other";
}

void http_reply_json(struct http_response *res, int status)
{
	res->status = status;
	res->content_type = "application/json";
}

void http_fail(struct http_response *res, int status, const char *fmt, ...)
{
	char text[512]; /* as long as a burr_error's message, which is what is usually passed on */
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	drop_body(res);
	http_reply_json(res, status);
	res->cache_control = NULL;
	res->etag[0] = '\0';
	json_put_open(&res->body, '{');
	json_put_member(&res->body, "detail", slice_of(text));
	json_put_close(&res->body, '}');
}

static bool is_tag_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("-_.:", c));
}

void http_set_etag(struct http_response *res, struct slice tag)
{
	char *to = res->etag;
	char *end = res->etag + sizeof(res->etag) - 2; /* the last quote, the NUL */
	*to++ = '"';
	for (size_t i = 0; i < tag.len && to < end; i++)
		*to++ = is_tag_char(tag.data[i]) ? tag.data[i] : '_';
	*to++ = '"';
	*to = '\0';
}

void http_add_header(struct http_response *res, const char *name, struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		if ((unsigned char)value.data[i] < 0x20 || value.data[i] == 0x7f)
			return;
	}
	buf_append(&res->headers, name, strlen(name) + 1);
	buf_append_slice(&res->headers, value);
	buf_append_char(&res->headers, '\0');
}

struct slice respond_body(const struct http_response *res)
{
	return res->borrowed.data ? res->borrowed : buf_slice(&res->body);
}

static struct slice trim(struct slice text)
{
	while (text.len && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = (struct slice){text.data + 1, text.len - 1};
	while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* The next element of a comma-separated list, trimmed; false at its end. */
static bool next_element(struct slice *list, struct slice *out_element)
{
	if (list->len == 0)
		return false;
	const char *comma = memchr(list->data, ',', list->len);
	size_t len = comma ? (size_t)(comma - list->data) : list->len;
	*out_element = trim((struct slice){list->data, len});
	len += comma ? 1 : 0;
	*list = (struct slice){list->data + len, list->len - len};
	return true;
}

/* Whether the parameters of a coding say "q=0". */
static bool is_refused(struct slice params)
{
	const char *q = params.len ? memchr(params.data, '=', params.len) : NULL;
	if (!q)
		return false;
	struct slice value = trim((struct slice){q + 1, params.len - (size_t)(q + 1 - params.data)});
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] != '0' && value.data[i] != '.')
			return false;
	}
	return value.len > 0;
}

bool respond_accepts_gzip(struct slice accept_encoding)
{
	struct slice element;
	while (next_element(&accept_encoding, &element)) {
		const char *semicolon = element.len ? memchr(element.data, ';', element.len) : NULL;
		size_t len = semicolon ? (size_t)(semicolon - element.data) : element.len;
		struct slice coding = trim((struct slice){element.data, len});
		struct slice params = {element.data + len, element.len - len};
		if (coding.len == 4 && strncasecmp(coding.data, "gzip", 4) == 0)
			return !is_refused(params);
	}
	return false;
}

/* The weak comparison of RFC 9110, which If-None-Match asks for: "W/" does not count. */
static bool same_tag(struct slice a, struct slice b)
{
	if (slice_starts(a, "W/"))
		a = (struct slice){a.data + 2, a.len - 2};
	if (slice_starts(b, "W/"))
		b = (struct slice){b.data + 2, b.len - 2};
	return slice_eq(a, b);
}

void respond_revalidate(struct http_response *res, struct slice if_none_match)
{
	if (res->status != 200 || !res->etag[0])
		return;
	struct slice element;
	while (next_element(&if_none_match, &element)) {
		if (!slice_is(element, "*") && !same_tag(element, slice_of(res->etag)))
			continue;
		res->status = 304;
		drop_body(res);
		return;
	}
}

static bool is_text(const char *content_type)
{
	return strncmp(content_type, "text/", 5) == 0 || strncmp(content_type, "application/json", 16) == 0 ||
	       strncmp(content_type, "application/x-ndjson", 20) == 0;
}

/* Level 1: a page of a long run is megabytes, made while someone waits; the next levels cost three times the
 * time for a tenth less. On failure the body stays as it is. */
static void gzip_body(struct http_response *res)
{
	z_stream z = {0};
	if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	struct buf packed = BUF_INIT;
	uLong room = deflateBound(&z, res->body.len);
	char *to = res->body.len <= UINT32_MAX / 2 ? buf_reserve(&packed, room) : NULL;
	if (to) {
		z.next_in = (Bytef *)res->body.data;
		z.avail_in = (uInt)res->body.len;
		z.next_out = (Bytef *)to;
		z.avail_out = (uInt)room;
		if (deflate(&z, Z_FINISH) == Z_STREAM_END) {
			packed.len = z.total_out;
			buf_fini(&res->body);
			res->body = packed;
			packed = (struct buf)BUF_INIT;
			res->content_encoding = "gzip";
		}
	}
	buf_fini(&packed);
	deflateEnd(&z);
}

/* The packed body is another sequence of bytes, so its tag may only be a weak one. */
static void weaken_etag(struct http_response *res)
{
	size_t len = strlen(res->etag);
	if (len == 0 || res->etag[0] == 'W' || len + 3 > sizeof(res->etag))
		return;
	memmove(res->etag + 2, res->etag, len + 1);
	memcpy(res->etag, "W/", 2);
}

static void set_hash_etag(struct http_response *res)
{
	struct slice body = respond_body(res);
	snprintf(res->etag, sizeof(res->etag), "\"%016" PRIx64 "\"", http_hash(body.data, body.len));
}

void respond_finish(struct http_response *res, const struct respond_wishes *wishes)
{
	if (res->body.failed || res->headers.failed) {
		buf_fini(&res->headers);
		http_fail(res, 500, "no memory for the answer");
	}
	if (res->status >= 400 && respond_body(res).len == 0)
		http_fail(res, res->status, "%s", respond_reason(res->status));
	if (!res->cache_control)
		res->cache_control = res->status == 200 || res->status == 304 ? "no-cache" : "no-store";
	bool reads = slice_is(wishes->method, "GET") || slice_is(wishes->method, "HEAD");
	if (reads && res->status == 200) {
		if (!res->etag[0] && !res->rest.next)
			set_hash_etag(res);
		respond_revalidate(res, wishes->if_none_match);
	}
	if (res->borrowed.data || res->content_encoding || !is_text(res->content_type))
		return;
	res->vary = true;
	if (!respond_accepts_gzip(wishes->accept_encoding))
		return;
	if (res->rest.next)
		res->content_encoding = "gzip"; /* rest.c packs each piece */
	else if (res->body.len >= RESPOND_GZIP_MIN)
		gzip_body(res);
	if (res->content_encoding)
		weaken_etag(res);
}
