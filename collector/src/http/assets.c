#include "http/assets.h"

#include "http/respond.h"

#include <stdio.h>
#include <stdlib.h>

static const char base_marker[] = "<base href=\"./\">";

/* Everything from ourselves; styles may be inline, as component libraries set them; images may be data of a
 * run. No frame-ancestors: notebooks show us in a frame. */
static const char page_policy[] =
	"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'";

static const char no_ui_page[] =
	"<!doctype html>\n"
	"<html lang=\"en\"><head><meta charset=\"utf-8\"><title>burr</title><style>\n"
	"body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;"
	"color-scheme:light dark}\n"
	"code{font-family:ui-monospace,monospace}\n"
	"</style></head><body>\n"
	"<h1>The collector runs, without its web UI</h1>\n"
	"<p>This <code>burr</code> was built without the UI, because <code>node</code> and <code>npm</code> "
	"were not there or <code>BURR_WEBUI</code> was off. Install both and run <code>./dev build</code>, "
	"then "
	"start <code>burr</code> again.</p>\n"
	"<p>Recording works all the same, and so does the API: "
	"<a href=\"/api/v0/projects\">/api/v0/projects</a>.</p>\n"
	"</body></html>\n";

static int compare_asset(const void *key, const void *element)
{
	const struct slice *path = key;
	const char *name = ((const struct http_asset *)element)->path;
	size_t len = strlen(name);
	int order = memcmp(path->data, name, path->len < len ? path->len : len);
	return order ? order : (path->len > len) - (path->len < len);
}

static const struct http_asset *find(const struct http_asset *assets, size_t count, struct slice path)
{
	return count ? bsearch(&path, assets, count, sizeof(*assets), compare_asset) : NULL;
}

void assets_answer_file(const struct http_asset *asset, bool accepts_gzip, struct http_response *res)
{
	bool hashed = strncmp(asset->path, "/assets/", 8) == 0;
	bool gzip = accepts_gzip && asset->gzip_body;
	res->content_type = asset->content_type;
	res->cache_control = hashed ? "public, max-age=31536000, immutable" : "no-cache";
	res->borrowed = (struct slice){
		gzip ? asset->gzip_body : asset->body, gzip ? asset->gzip_len : asset->body_len};
	res->content_encoding = gzip ? "gzip" : NULL;
	res->vary = asset->gzip_body != NULL;
	char tag[HTTP_ETAG_SIZE];
	snprintf(tag, sizeof(tag), "%s%s", asset->etag, gzip ? "-gz" : "");
	http_set_etag(res, slice_of(tag));
}

static size_t depth_of(struct slice path)
{
	size_t slashes = 0;
	for (size_t i = 0; i < path.len; i++)
		slashes += path.data[i] == '/';
	return slashes ? slashes - 1 : 0;
}

static void append_base(struct buf *out, size_t depth)
{
	buf_append_str(out, "<base href=\"");
	if (depth == 0)
		buf_append_str(out, "./");
	while (depth--)
		buf_append_str(out, "../");
	buf_append_str(out, "\">");
}

static void answer_page(const struct http_asset *index, struct slice path, struct http_response *res)
{
	size_t depth = depth_of(path);
	size_t marker_len = sizeof(base_marker) - 1;
	const char *marker = memmem(index->body, index->body_len, base_marker, marker_len);
	size_t before = marker ? (size_t)(marker - index->body) : index->body_len;
	buf_append(&res->body, index->body, before);
	if (marker) {
		append_base(&res->body, depth);
		buf_append(&res->body, marker + marker_len, index->body_len - before - marker_len);
	}
	res->content_type = "text/html; charset=utf-8";
	res->cache_control = "no-cache";
	char tag[HTTP_ETAG_SIZE];
	snprintf(tag, sizeof(tag), "%s-%zu", index->etag, depth);
	http_set_etag(res, slice_of(tag));
	http_add_header(res, "content-security-policy", slice_of(page_policy));
}

static void answer_without_ui(struct http_response *res)
{
	res->content_type = "text/html; charset=utf-8";
	res->cache_control = "no-cache";
	res->borrowed = slice_of(no_ui_page);
	http_add_header(res, "content-security-policy", slice_of(page_policy));
}

void assets_answer(const struct http_asset *assets, size_t asset_count, struct slice path, bool accepts_gzip,
	struct http_response *res)
{
	const struct http_asset *index = find(assets, asset_count, SLICE_LIT("/index.html"));
	const struct http_asset *asset = find(assets, asset_count, path);
	if (asset && asset != index)
		assets_answer_file(asset, accepts_gzip, res);
	else if (slice_starts(path, "/assets/"))
		http_fail(res, 404, "no such file: the page may be of another version of burr, reload it");
	else if (index)
		answer_page(index, path, res);
	else
		answer_without_ui(res);
}
