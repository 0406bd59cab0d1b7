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
	char **names;     /* lower case, the port filled in; one '*' in a name stands for anything */
	char *proxied_at; /* NULL, or the path prefix that a trusted proxy tells us, see guard_knows_proxy */
};

struct guard_options {
	bool any_address; /* when we listen beyond loopback */
	uint16_t port;    /* stands for {port} in names and proxied_at */
	/* "name", or with one '*' that stands for anything but nothing: "*.example.org" is all below. */
	const char *const *names;
	size_t name_count;
	const char *proxied_at; /* NULL: no such proxy */
};

/* All is copied. BURR_EINVAL: a name is no host name. */
burr_status guard_init(struct guard *guard, const struct guard_options *options, burr_error *err);
void guard_fini(struct guard *guard);

/* authority: "name", "name:port", "1.2.3.4:port", "[::1]:port". */
bool guard_allows_host(const struct guard *guard, struct slice authority);
/* origin: "http://name:port", as browsers send it; "null" is refused. host: this request's own Host. */
bool guard_allows_origin(const struct guard *guard, struct slice origin, struct slice host);
/* Whether a request's X-Forwarded-Prefix (or what else a proxy says where it has mounted us) is the prefix we
 * were told of. Such a request may bear any Host: the proxy passes on the browser's, which we cannot know.
 * A page of a rebound name could send the header, too, but would have to know the path, and to run in a
 * browser of this very machine: so only for prefixes that hold a secret or a user's name on a machine for
 * servers. */
bool guard_knows_proxy(const struct guard *guard, struct slice prefix);

/* The host of "host:port" in lower case, brackets of an IPv6 address left out; false when it is none. */
enum { GUARD_HOST_MAX = 253 }; /* of a name in DNS */
bool guard_split_host(struct slice authority, char host[GUARD_HOST_MAX + 1]);

#endif
