#include "http/assets.h"

#include "http/pages.h"
#include "http/respond.h"

#include <stdio.h>
#include <stdlib.h>

static const char base_marker[] = "<base href=\"./\">";

static int compare_asset(const void *key, const void *element)
{
	const struct slice *path = key;
	const char *name = ((const struct http_asset *)element)->path;
	size_t len = strlen(name);
	int order = memcmp(path->data, name, path->len < len ? path->len : len);
	return order ? order : (path->len > len) - (path->len < len);
}

const struct http_asset *assets_find(const struct http_asset *assets, size_t count, struct slice path)
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

static void answer_page(const struct http_asset *index, struct slice path, struct http_response *res)
{
	size_t depth = page_depth(path);
	size_t marker_len = sizeof(base_marker) - 1;
	const char *marker = memmem(index->body, index->body_len, base_marker, marker_len);
	size_t before = marker ? (size_t)(marker - index->body) : index->body_len;
	buf_append(&res->body, index->body, before);
	if (marker) {
		page_put_base(&res->body, depth);
		buf_append(&res->body, marker + marker_len, index->body_len - before - marker_len);
	}
	res->content_type = "text/html; charset=utf-8";
	res->cache_control = "no-cache";
	char tag[HTTP_ETAG_SIZE];
	snprintf(tag, sizeof(tag), "%s-%zu", index->etag, depth);
	http_set_etag(res, slice_of(tag));
}

void assets_answer(const struct http_asset *assets, size_t asset_count, struct slice path, bool accepts_gzip,
	struct http_response *res)
{
	const struct http_asset *index = assets_find(assets, asset_count, SLICE_LIT("/index.html"));
	const struct http_asset *asset = assets_find(assets, asset_count, path);
	if (asset && asset != index)
		assets_answer_file(asset, accepts_gzip, res);
	else if (slice_starts(path, "/assets/"))
		http_fail(res, 404, "no such file: the page may be of another version of burr, reload it");
	else if (index)
		answer_page(index, path, res);
	else
		page_answer_without_ui(path, res);
}
