/* cli/fetch.h: one small GET from a server on this machine, for asking who it is. Not a web client: HTTP/1.0,
 * one deadline for all of it, at most 64 KB, no redirects. */
#ifndef CLI_FETCH_H
#define CLI_FETCH_H

#include "base/buf.h"

/* The answer's body where the status is 200.
 *
 * host  a numeric address or name of this machine
 *
 * BURR_ENOTFOUND: nobody listens there. BURR_ETIMEOUT: it does not answer. BURR_ECORRUPT: it answers, but not
 * with a 200 of HTTP. BURR_EIO. */
burr_status fetch_get(const char *host, uint16_t port, const char *path, int timeout_ms, struct buf *out_body,
	burr_error *err);
/* The same at "http://host:port/…": path is put behind url. */
burr_status fetch_get_below(
	const char *url, const char *path, int timeout_ms, struct buf *out_body, burr_error *err);

#endif
