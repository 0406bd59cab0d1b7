#include "cli/edge.h"

#include "base/error.h"
#include "cli/port.h"
#include "cli/say.h"
#include "http/auth.h"

#include <stdio.h>
#include <stdlib.h>

static burr_status find_token(struct edge *edge, burr_error *err)
{
	char made[AUTH_MADE_LEN + 1];
	if (edge->options->token_file)
		return auth_read_token(edge->options->token_file, &edge->token, &edge->token_is_open, err);
	if (edge->loopback)
		return BURR_OK;
	burr_status status = auth_make_token(made, err);
	if (status != BURR_OK)
		return status;
	buf_append_str(&edge->token, made);
	return edge->token.failed ? burr_fail(err, BURR_ENOMEM, "no memory for a token") : BURR_OK;
}

static const char *get_variable(const char *name)
{
	return getenv(name);
}

burr_status edge_check(const struct options *options, burr_error *err)
{
	if (!port_is_known(options->host))
		return burr_fail(err, BURR_EINVAL, "--host: there is no address '%s'", options->host);
	if (!options->tls_cert != !options->tls_key)
		return burr_fail(err, BURR_EINVAL, "%s is there without %s",
			options->tls_cert ? "--tls-cert" : "--tls-key",
			options->tls_cert ? "--tls-key" : "--tls-cert");
	return BURR_OK;
}

burr_status edge_init(struct edge *edge, const struct options *options, burr_error *err)
{
	*edge = (struct edge){.options = options, .loopback = port_is_loopback(options->host)};
	environment_find(get_variable, &edge->environment);
	return find_token(edge, err);
}

void edge_fini(struct edge *edge)
{
	environment_fini(&edge->environment);
	buf_fini(&edge->token);
}

void edge_put_options(struct edge *edge, struct http_server_options *out)
{
	const struct options *options = edge->options;
	const struct environment *environment = &edge->environment;
	size_t count = 0;
	for (size_t i = 0; i < options->allowed_host_count; i++)
		edge->hosts[count++] = options->allowed_hosts[i];
	for (size_t i = 0; i < environment->host_count; i++)
		edge->hosts[count++] = environment->hosts[i];
	out->host = options->host;
	out->port = options->port;
	out->allowed_hosts = edge->hosts;
	out->allowed_host_count = count;
	out->proxied_at = environment->proxied_at.len ? environment->proxied_at.data : NULL;
	out->frame_ancestors = environment->ancestors.len ? environment->ancestors.data : NULL;
	out->token = edge->token.len ? edge->token.data : NULL;
	out->tls_cert = options->tls_cert;
	out->tls_key = options->tls_key;
}

/* ---- what is said ---- */

static void say_filled(const char *text, uint16_t port)
{
	struct buf filled = BUF_INIT;
	environment_put(&filled, text, port);
	say("%s", filled.data ? filled.data : "");
	buf_fini(&filled);
}

static void say_environment(const struct environment *environment, uint16_t port)
{
	const char *at = environment->ways.data;
	const char *end = at ? at + environment->ways.len : NULL;
	while (at < end) {
		const char *how = at + strlen(at) + 1;
		say("  %s: ", at);
		say_filled(how, port);
		say("\n");
		at = how + strlen(how) + 1;
	}
	for (size_t i = 0; i < environment->host_count; i++) {
		say("%s", i ? ", " : "    answers to ");
		say_filled(environment->hosts[i], port);
	}
	if (environment->proxied_at.len) {
		say("%s", environment->host_count ? ", " : "    answers to ");
		say("any name at ");
		say_filled(environment->proxied_at.data, port);
	}
	if (environment->host_count || environment->proxied_at.len)
		say("\n");
	if (environment->ancestors.len)
		say("    may be framed by %s\n", environment->ancestors.data);
}

void edge_say(const struct edge *edge, uint16_t port, bool key_is_open)
{
	say_environment(&edge->environment, port);
	fflush(stdout);
	if (edge->token_is_open)
		say_error("others may read the token in %s: chmod 600 it", edge->options->token_file);
	if (key_is_open)
		say_error("others may read the key in %s: chmod 600 it", edge->options->tls_key);
	if (!edge->loopback && !edge->options->tls_cert)
		say_error("without --tls-cert and --tls-key whoever is on the way can read all of it, the "
			  "token too; "
			  "ssh -L %u:localhost:%u hides it",
			(unsigned)port, (unsigned)port);
}
