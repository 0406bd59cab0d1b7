/* cli/edge.h: whom the collector's server answers: what the command line, the token's file and the place
 * where we run (cli/environment.h) make of that, put together before it opens and told to the user when it
 * has. */
#ifndef CLI_EDGE_H
#define CLI_EDGE_H

#include "cli/environment.h"
#include "cli/options.h"
#include "http/server.h"

struct edge {
	const struct options *options; /* borrowed */
	bool loopback;                 /* only this machine may connect */
	struct buf token;              /* empty: none is asked for */
	bool token_is_open;            /* others may read its file */
	struct environment environment;
	const char *hosts[ALLOWED_HOSTS_MAX + ENVIRONMENT_HOSTS_MAX];
};

/* Whether the options make sense together. Errors: BURR_EINVAL an address that nobody knows, or half of what
 * TLS needs. */
BURR_MUST_CHECK burr_status edge_check(const struct options *options, burr_error *err);
/* Beyond loopback there is a token in any case: that of --token-file, or one made here. Errors: those of
 * auth_read_token. */
BURR_MUST_CHECK burr_status edge_init(struct edge *edge, const struct options *options, burr_error *err);
void edge_fini(struct edge *edge);
/* What of http's options is edge's to say; borrowed from edge. */
void edge_put_options(struct edge *edge, struct http_server_options *out);
/* The lines under the address: how to get here from elsewhere, and what is less safe than it could be. */
void edge_say(const struct edge *edge, uint16_t port, bool key_is_open);

#endif
