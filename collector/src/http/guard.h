/* http/guard.h: which Host and Origin we answer to.
 *
 * A page of any web site can make a browser send requests to 127.0.0.1. Two checks stop it. A name that was
 * rebound to our address still shows in Host, so Host must be a name we know. A form or script of another
 * site may send a POST without reading the answer, so where the browser names an Origin for anything but a
 * read, that must be one of ours, too. Pure after guard_init; any thread. */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include "base/buf.h"

struct guard {
	bool any_address; /* every numeric address is accepted */
	size_t count;
	char **names; /* lower case; "*.example.org" for all below */
};

/* any_address: when we listen beyond loopback. Names are copied. */
burr_status guard_init(
	struct guard *guard, bool any_address, const char *const *names, size_t count, burr_error *err);
void guard_fini(struct guard *guard);

/* authority: "name", "name:port", "1.2.3.4:port", "[::1]:port". */
bool guard_allows_host(const struct guard *guard, struct slice authority);
/* origin: "http://name:port", as browsers send it; "null" is refused. host: this request's own Host. */
bool guard_allows_origin(const struct guard *guard, struct slice origin, struct slice host);

#endif
