/* http/assets.h: the web UI's files, in memory.
 *
 * embed.c makes the table at build time from the folder that BURR_WEBUI_DIST names. index.html stands for
 * every page, so that a link to any of them works: the base element in it is rewritten to as many "../" as
 * the path is deep, and with that all its links are relative, under whatever prefix a proxy may serve us. */
#ifndef HTTP_ASSETS_H
#define HTTP_ASSETS_H

#include "base/buf.h"

struct http_asset {
	const char *path; /* "/index.html", "/assets/index-1a2b3c.js" */
	const char *content_type;
	const char *etag; /* without quotes */
	const char *body;
	size_t body_len;
	const char *gzip_body; /* NULL where gzip did not make it smaller */
	size_t gzip_len;
};

/* What was built in, sorted by path; none when the UI was not built. */
extern const struct http_asset http_embedded_assets[];
extern const size_t http_embedded_asset_count;

struct http_response;

/* The file of this path in a table sorted by path; NULL when there is none. */
const struct http_asset *assets_find(const struct http_asset *assets, size_t count, struct slice path);

/* Answer with one file, whose body is borrowed. */
void assets_answer_file(const struct http_asset *asset, bool accepts_gzip, struct http_response *res);

/* Answer a GET for `path` (percent-decoded segments joined again would not do: the depth is that of the raw
 * path, so this takes the path as it came) with a file, with index.html, or with a page that says what is
 * missing. Gives 404 for what is not there under /assets/, as a page instead of a script helps nobody.
 * Pure: touches only res. Bodies are borrowed from the table where they can be. */
void assets_answer(const struct http_asset *assets, size_t asset_count, struct slice path, bool accepts_gzip,
	struct http_response *res);

#endif
