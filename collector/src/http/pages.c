#include "http/pages.h"

#include "http/assets.h"

#include <ctype.h>

extern const struct http_asset http_pages_assets[];
extern const size_t http_pages_asset_count;

size_t page_depth(struct slice path)
{
	size_t slashes = 0;
	for (size_t i = 0; i < path.len; i++)
		slashes += path.data[i] == '/';
	return slashes ? slashes - 1 : 0;
}

void page_put_base(struct buf *out, size_t depth)
{
	buf_append_str(out, "<base href=\"");
	if (depth == 0)
		buf_append_str(out, "./");
	while (depth--)
		buf_append_str(out, "../");
	buf_append_str(out, "\">");
}

static struct slice find_file(const char *path)
{
	const struct http_asset *file =
		assets_find(http_pages_assets, http_pages_asset_count, slice_of(path));
	return (struct slice){file->body, file->body_len}; /* built in */
}

/* Nothing that HTML, a shell or a header would take for more than a letter. */
static bool is_plain_host(struct slice host)
{
	for (size_t i = 0; i < host.len; i++)
		if (!isalnum((unsigned char)host.data[i]) && !strchr(".-_:[]", host.data[i]))
			return false;
	return host.len > 0 && host.len <= 253;
}

/* Without its port, as --allowed-host wants it. */
static struct slice name_of(struct slice host)
{
	const char *colon = host.len && host.data[0] != '[' ? memchr(host.data, ':', host.len) : NULL;
	return (struct slice){host.data, colon ? (size_t)(colon - host.data) : host.len};
}

static void put_value(struct buf *out, struct slice name, struct slice path, struct slice host)
{
	if (slice_is(name, "style"))
		buf_append_slice(out, find_file("/page.css"));
	else if (slice_is(name, "base"))
		page_put_base(out, page_depth(path));
	else if (slice_is(name, "host"))
		buf_append_slice(out, is_plain_host(host) ? name_of(host) : SLICE_LIT("NAME"));
}

/* The file with its {{name}} marks filled in. */
static void answer_page(const char *file, struct slice path, struct slice host, struct http_response *res)
{
	struct slice rest = find_file(file);
	const char *open, *close;
	res->content_type = "text/html; charset=utf-8";
	while ((open = memmem(rest.data, rest.len, "{{", 2)) &&
		(close = memmem(open, rest.len - (size_t)(open - rest.data), "}}", 2))) {
		buf_append(&res->body, rest.data, (size_t)(open - rest.data));
		put_value(&res->body, (struct slice){open + 2, (size_t)(close - open - 2)}, path, host);
		rest = (struct slice){close + 2, rest.len - (size_t)(close + 2 - rest.data)};
	}
	buf_append_slice(&res->body, rest);
}

void page_answer_token(struct slice path, struct http_response *res)
{
	res->status = 401;
	answer_page("/token.html", path, SLICE_NONE, res);
}

void page_answer_host(struct slice host, struct http_response *res)
{
	res->status = 403;
	answer_page("/host.html", SLICE_NONE, host, res);
}

void page_answer_without_ui(struct slice path, struct http_response *res)
{
	res->cache_control = "no-cache";
	answer_page("/no_ui.html", path, SLICE_NONE, res);
}

bool page_answer_script(struct slice path, bool accepts_gzip, struct http_response *res)
{
	if (!slice_is(path, "/burr-token.js"))
		return false;
	assets_answer_file(assets_find(http_pages_assets, http_pages_asset_count, path), accepts_gzip, res);
	return true;
}
