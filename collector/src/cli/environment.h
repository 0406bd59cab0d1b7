/* cli/environment.h: where we run, if that is a place whose own proxy shows our port to a browser elsewhere.
 *
 * Known by their environment variables: Google Colab, GitHub Codespaces, VS Code (remote, in a browser,
 * code-server, Coder) and Jupyter (alone and under JupyterHub, through jupyter-server-proxy). Several may
 * hold at once: Colab is a Jupyter, too. For each we learn by which names its proxy asks, which pages may
 * show us in a frame, and how the user gets to us. In all of these the proxy asks who it is before it lets
 * anybody through.
 *
 * In texts {port} stands for our port, which is known only later. Pure but for the variables. */
#ifndef CLI_ENVIRONMENT_H
#define CLI_ENVIRONMENT_H

#include "base/buf.h"

enum { ENVIRONMENT_HOSTS_MAX = 16 };

struct environment {
	char *hosts[ENVIRONMENT_HOSTS_MAX]; /* as http_server_options.allowed_hosts; owned */
	size_t host_count;
	struct buf ancestors;  /* as http_server_options.frame_ancestors; empty: none */
	struct buf proxied_at; /* as http_server_options.proxied_at; empty: none */
	struct buf ways;       /* "name\0how to get to us\0" … */
};

#define ENVIRONMENT_INIT                             \
	{                                            \
		{0}, 0, BUF_INIT, BUF_INIT, BUF_INIT \
	}

typedef const char *environment_get(const char *name);

/* get: getenv, or a test's. A value that makes no sense is passed over. */
void environment_find(environment_get *get, struct environment *out);
void environment_fini(struct environment *environment);
/* text with the port in the place of each {port}. */
void environment_put(struct buf *out, const char *text, uint16_t port);

#endif
