/* Opening, starting and stopping a server. Threads: the functions of http/server.h say who may call them; the
 * work itself is in loop.c (events) and worker.c (handlers). */
#include "http/server.h"

#include "base/clean.h"
#include "base/error.h"
#include "http/loop.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { LISTEN_BACKLOG = 512 };

/* What h2o calls a request that names no host, and no client can: see dispatch.c. */
static const char no_host_name[] = "no host given";

/* ---- the listening socket ---- */

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)address;
		return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
	}
	const struct sockaddr_in6 *v6 = (const void *)address;
	return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static burr_status fail_bind(const struct http_server_options *options, int error, burr_error *err)
{
	if (error == EADDRINUSE)
		return burr_fail(err, BURR_EEXIST, "port %u of %s is taken by another program", options->port,
			options->host);
	burr_status status = error == EACCES ? BURR_EPERM : error == EADDRNOTAVAIL ? BURR_EINVAL : BURR_EIO;
	return burr_fail(
		err, status, "listen on %s, port %u: %s", options->host, options->port, strerror(error));
}

/* A client that takes no byte for the stall timeout is cut by the kernel; accepted sockets inherit it. */
static int bind_socket(const struct http_server_options *options, const struct addrinfo *address)
{
	int on = 1;
	int stall_ms = (int)options->stall_timeout_ms;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &stall_ms, sizeof(stall_ms)) == 0 &&
		bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static uint16_t bound_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
	socklen_t len = sizeof(address);
	if (getsockname(fd, &address.any, &len) < 0)
		return 0;
	return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static burr_status open_socket(struct http_server *server, const struct http_server_options *options,
	bool *out_loopback, burr_error *err)
{
	char service[8];
	snprintf(service, sizeof(service), "%u", options->port);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	int rc = getaddrinfo(options->host, service, &hints, &found);
	if (rc != 0)
		return burr_fail(err, BURR_EINVAL, "address to listen on, '%s': %s", options->host,
			rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	server->listen_fd = bind_socket(options, found);
	int error = errno;
	*out_loopback = is_loopback(found->ai_addr);
	freeaddrinfo(found);
	if (server->listen_fd < 0)
		return fail_bind(options, error, err);
	server->port = bound_port(server->listen_fd);
	return BURR_OK;
}

/* ---- open ---- */

static burr_status check_options(const struct http_server_options *options, burr_error *err)
{
	if (!options->host || !options->version)
		return burr_fail(err, BURR_EINVAL, "host or version is missing");
	if (options->loop_count == 0 || options->loop_count > HTTP_MAX_LOOPS)
		return burr_fail(
			err, BURR_EINVAL, "%u event loops; 1 to %d", options->loop_count, HTTP_MAX_LOOPS);
	if (options->max_clients < options->loop_count || options->max_listeners == 0)
		return burr_fail(err, BURR_EINVAL, "room for %u connections and %u event streams",
			options->max_clients, options->max_listeners);
	return BURR_OK;
}

static unsigned three_quarters(rlim_t of)
{
	return of > UINT32_MAX ? UINT32_MAX : (unsigned)(of - of / 4);
}

/* Connections must leave descriptors to the rest of the process, and event streams connections to requests.
 */
static void fit_limits(struct http_server *server)
{
	struct http_server_options *options = &server->options;
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && options->max_clients > three_quarters(files.rlim_cur))
		options->max_clients = three_quarters(files.rlim_cur);
	if (options->max_listeners > three_quarters(options->max_clients))
		options->max_listeners = three_quarters(options->max_clients);
	server->clients_per_loop = (options->max_clients + options->loop_count - 1) / options->loop_count;
}

static void configure(struct http_server *server)
{
	h2o_globalconf_t *config = &server->config;
	h2o_config_init(config);
	config->server_name = h2o_iovec_init(H2O_STRLIT("burr"));
	config->max_request_entity_size = server->options.max_body_bytes;
	config->http1.req_timeout = server->options.request_timeout_ms;
	config->handshake_timeout = server->options.request_timeout_ms;
	config->http1.upgrade_to_http2 = 0;
	h2o_hostconf_t *host =
		h2o_config_register_host(config, h2o_iovec_init(no_host_name, strlen(no_host_name)), 65535);
	h2o_pathconf_t *all = h2o_config_register_path(host, "/", 0);
	h2o_handler_t *handler = h2o_create_handler(all, sizeof(*handler));
	handler->on_req = dispatch_request;
	send_register_refusals(&host->fallback_path);
}

/* Everything from ourselves; styles may be inline, as component libraries set them; images may be data of a
 * run. */
static burr_status make_policy(
	struct http_server *server, const struct http_server_options *options, bool loopback, burr_error *err)
{
	buf_append_str(&server->policy, "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src "
					"'self' data:; object-src 'none'; "
					"base-uri 'self'; form-action 'self'; frame-ancestors 'self'");
	if (loopback)
		buf_append_str(&server->policy,
			" http://localhost:* https://localhost:* http://127.0.0.1:* https://127.0.0.1:*");
	if (options->frame_ancestors)
		buf_printf(&server->policy, " %s", options->frame_ancestors);
	return server->policy.failed ? burr_fail(err, BURR_ENOMEM, "no memory for a server") : BURR_OK;
}

static burr_status open_guard(
	struct http_server *server, const struct http_server_options *options, bool loopback, burr_error *err)
{
	char self[HOST_NAME_MAX + 1] = "";
	size_t count = options->allowed_host_count;
	const char **names = calloc(count + 1, sizeof(*names));
	if (!names)
		return burr_fail(err, BURR_ENOMEM, "no memory for %zu allowed hosts", count);
	if (count)
		memcpy(names, options->allowed_hosts, count * sizeof(*names));
	if (!loopback && gethostname(self, sizeof(self)) == 0)
		names[count++] = self;
	const struct guard_options guard = {
		.any_address = !loopback,
		.port = server->port,
		.names = names,
		.name_count = count,
		.proxied_at = options->proxied_at,
	};
	burr_status status = guard_init(&server->guard, &guard, err);
	free(names);
	return status;
}

static burr_status open_parts(
	struct http_server *server, const struct http_server_options *options, burr_error *err)
{
	bool loopback = false;
	server->version = strdup(options->version);
	if (!server->version)
		return burr_fail(err, BURR_ENOMEM, "no memory for a server");
	burr_status status = router_open(options->routes, options->route_count, &server->router, err);
	if (status == BURR_OK)
		status = events_open(&server->options, server->version, &server->events, err);
	if (status == BURR_OK && options->tls_cert)
		status = tls_open(options->tls_cert, options->tls_key, &server->tls, err);
	if (status == BURR_OK)
		status = open_socket(server, options, &loopback, err);
	if (status == BURR_OK)
		status = make_policy(server, options, loopback, err);
	if (status == BURR_OK)
		status = open_guard(server, options, loopback, err);
	if (status == BURR_OK)
		status = auth_init(&server->auth, options->token, server->port, err);
	return status;
}

burr_status http_server_open(
	const struct http_server_options *options, struct http_server **out_server, burr_error *err)
{
	burr_status status = check_options(options, err);
	if (status != BURR_OK)
		return status;
	struct http_server *server = calloc(1, sizeof(*server));
	if (!server)
		return burr_fail(err, BURR_ENOMEM, "no memory for a server");
	server->options = *options;
	server->listen_fd = -1;
	fit_limits(server);
	configure(server);
	for (unsigned i = 0; i < server->options.loop_count; i++)
		loop_init(&server->loops[i], server, i);
	status = open_parts(server, options, err);
	if (status != BURR_OK) {
		http_server_close(server);
		return status;
	}
	*out_server = server;
	return BURR_OK;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

/* ---- start and stop ---- */

burr_status http_server_start(struct http_server *server, burr_error *err)
{
	if (server->started || server->stopped)
		return burr_fail(err, BURR_EINVAL, "the server was started before");
	server->started = true;
	burr_status status =
		workers_open(server->options.worker_count, server->options.max_queued, &server->workers, err);
	for (unsigned i = 0; status == BURR_OK && i < server->options.loop_count; i++)
		status = loop_start(&server->loops[i], err);
	if (status != BURR_OK)
		http_server_stop(server, 0);
	return status;
}

static void enter_stage(struct http_server *server, enum stage stage)
{
	atomic_store(&server->stage, (int)stage);
	for (unsigned i = 0; i < server->options.loop_count; i++)
		loop_wake(&server->loops[i]);
}

void http_server_stop(struct http_server *server, unsigned deadline_ms)
{
	if (server->stopped)
		return;
	server->stopped = true;
	atomic_store(&server->cut_at_ms, monotonic_ms() + deadline_ms);
	fd_close(&server->listen_fd);

	enter_stage(server, STAGE_DRAIN); /* refuse */
	if (server->workers)
		workers_stop(server->workers, deadline_ms); /* drain */
	enter_stage(server, STAGE_LEAVE);
	for (unsigned i = 0; i < server->options.loop_count; i++)
		loop_join(&server->loops[i]);
}

void http_server_close(struct http_server *server)
{
	if (!server)
		return;
	http_server_stop(server, 0);
	workers_close(server->workers);
	for (unsigned i = 0; i < server->options.loop_count; i++)
		loop_fini(&server->loops[i]);
	h2o_config_dispose(&server->config);
	events_free(server->events);
	guard_fini(&server->guard);
	auth_fini(&server->auth);
	tls_free(server->tls);
	buf_fini(&server->policy);
	router_free(server->router);
	free(server->version);
	free(server);
}

/* ---- what may be called from anywhere ---- */

void http_publish(struct http_server *server, const struct http_change *change)
{
	events_publish(server->events, change);
}

burr_status http_server_refresh_tls(struct http_server *server, bool *out_changed, burr_error *err)
{
	*out_changed = false;
	return server->tls ? tls_refresh(server->tls, out_changed, err) : BURR_OK;
}

bool http_server_key_is_open(const struct http_server *server)
{
	return server->tls && tls_key_is_open(server->tls);
}

void http_server_get_stats(struct http_server *server, struct http_stats *out_stats)
{
	*out_stats = (struct http_stats){
		.requests = atomic_load(&server->requests),
		.refused = atomic_load(&server->refused),
		.denied = atomic_load(&server->denied),
		.cut = atomic_load(&server->cut),
	};
	for (size_t i = 0; i < HTTP_STATUS_CLASSES; i++)
		out_stats->answered[i] = atomic_load(&server->answered[i]);
	for (unsigned i = 0; i < server->options.loop_count; i++)
		out_stats->clients += atomic_load(&server->loops[i].clients);
	events_get_stats(server->events, out_stats);
	if (server->workers)
		out_stats->queued = workers_queued(server->workers);
}
