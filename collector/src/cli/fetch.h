/* cli/fetch.h: one small GET from a server on this machine, for asking who it is. Not a web client: HTTP/1.0,
 * one deadline for all of it, at most 64 KB, no redirects. Over TLS it trusts one certificate, that in a file
 * of the collector's, and for it neither name nor time counts. */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "base/buf.h"

struct fetch {
	const char
		*url; /* "http://127.0.0.1:7241", "https://[::1]:7241": numeric, or a name of this machine */
	const char *token; /* NULL: none to show */
	const char *cert;  /* PEM; needed for https */
};

/* The answer's body where the status is 200. path: what is put behind the url.
 *
 * BURR_ENOTFOUND: nobody listens there. BURR_ETIMEOUT: it does not answer. BURR_EPERM: it shows another
 * certificate. BURR_ECORRUPT: it answers, but not with a 200 of HTTP. BURR_EINVAL: url is none. BURR_EIO. */
BURR_MUST_CHECK burr_status fetch_get(
	const struct fetch *fetch, const char *path, int timeout_ms, struct buf *out_body, burr_error *err);

#endif
