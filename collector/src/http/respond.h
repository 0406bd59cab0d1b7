/* http/respond.h: what happens to a response between its handler and the connection.
 *
 * All that costs time (hashing for the ETag, gzip) is done by respond_finish on the worker's thread, so that
 * the event loop only has to send. Pure: no sockets, no clock. */
#ifndef HTTP_RESPOND_H
#define HTTP_RESPOND_H

#include "http/server.h"

enum {
	RESPOND_GZIP_MIN = 1024, /* below one packet there is nothing to win */
};

void respond_init(struct http_response *res);
void respond_fini(struct http_response *res);

/* What the request says about the form of its answer. */
struct respond_wishes {
	struct slice method;        /* as sent: HEAD, too */
	struct slice if_none_match; /* SLICE_NONE when absent */
	struct slice accept_encoding;
};
/* Fill in what the handler left open: a body for a bare refusal, Cache-Control, the ETag, 304, gzip. */
void respond_finish(struct http_response *res, const struct respond_wishes *wishes);
/* Turn it into an empty 304 when the client has the body of this ETag. */
void respond_revalidate(struct http_response *res, struct slice if_none_match);

bool respond_accepts_gzip(struct slice accept_encoding);
/* The body, wherever it lies. */
struct slice respond_body(const struct http_response *res);
const char *respond_reason(int status);

#endif
