/* http/pages.h: the few pages that are the server's own, not the web UI's: files of the folder pages/, built
 * in by embed.c. They need nothing but themselves, as a refused name is refused for styles and scripts, too;
 * only the page that asks for the token has a script, as our Content-Security-Policy lets none stand in a
 * page.
 *
 * Pure: they touch only res. */
#ifndef HTTP_PAGES_H
#define HTTP_PAGES_H

#include "http/server.h"

/* How many "../" lead from a page at this path (raw, as it came) to where we are mounted. */
size_t page_depth(struct slice path);
void page_put_base(struct buf *out, size_t depth);

/* 401: asks for the token, wherever in the UI `path` is. */
void page_answer_token(struct slice path, struct http_response *res);
/* 403: host, as in the request, is none of ours. */
void page_answer_host(struct slice host, struct http_response *res);
/* 200, where the UI was not built in. */
void page_answer_without_ui(struct slice path, struct http_response *res);
/* The token page's script, if that is what path names; else false. */
bool page_answer_script(struct slice path, bool accepts_gzip, struct http_response *res);

#endif
