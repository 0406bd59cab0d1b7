/* Connections that cost more than they should, looked at once in a while.
 *
 * h2o ends a request that does not arrive in time, and the kernel a connection that takes nothing at all. In
 * between are clients that take an answer byte by byte, for which we would hold it for ever, and many at once
 * that have sent the largest part of a request that h2o lets them. Threads: the loop's. */
#include "http/loop.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum {
	MAX_PERIOD_MS = 1000,
};

uint64_t sweep_period_ms(const struct http_server *server)
{
	uint64_t period = server->options.stall_timeout_ms / 4 + 1;
	return period < MAX_PERIOD_MS ? period : MAX_PERIOD_MS;
}

void client_cut(struct client *client)
{
	shutdown(h2o_socket_get_fd(client->sock), SHUT_RDWR);
}

/* By a reset, or the kernel would go on feeding it what was sent so far. */
static void cut_for_cause(struct client *client)
{
	const struct linger reset = {.l_onoff = 1};
	setsockopt(h2o_socket_get_fd(client->sock), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	atomic_fetch_add(&client->loop->server->cut, 1);
	client_cut(client);
}

/* What the client's side has acknowledged. */
static uint64_t bytes_taken(const struct client *client)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	getsockopt(h2o_socket_get_fd(client->sock), IPPROTO_TCP, TCP_INFO, &info, &len);
	return info.tcpi_bytes_acked;
}

static void cut_if_slow(struct client *client, uint64_t now_ms)
{
	const struct http_server_options *options = &client->loop->server->options;
	uint64_t window_ms = options->stall_timeout_ms;
	if (!h2o_socket_is_writing(client->sock)) {
		client->sending_since_ms = 0;
		return;
	}
	if (client->sending_since_ms && now_ms - client->sending_since_ms < window_ms)
		return;
	uint64_t taken = bytes_taken(client);
	uint64_t wanted = options->min_bytes_per_s * window_ms / 1000;
	if (client->sending_since_ms && taken - client->taken < wanted)
		cut_for_cause(client);
	client->sending_since_ms = now_ms;
	client->taken = taken;
}

static size_t waiting_bytes(const struct client *client)
{
	return client->sock->input ? client->sock->input->size : 0;
}

void sweep_clients(struct loop *loop)
{
	const struct http_server_options *options = &loop->server->options;
	size_t max_bytes = options->max_waiting_bytes / options->loop_count;
	size_t total = 0, fair = max_bytes / (atomic_load(&loop->clients) + 1);
	uint64_t now_ms = monotonic_ms();
	h2o_linklist_t *node;
	for (node = loop->connected.next; node != &loop->connected; node = node->next) {
		struct client *client = H2O_STRUCT_FROM_MEMBER(struct client, of_loop, node);
		cut_if_slow(client, now_ms);
		total += waiting_bytes(client);
	}
	for (node = loop->connected.next; total > max_bytes && node != &loop->connected; node = node->next) {
		struct client *client = H2O_STRUCT_FROM_MEMBER(struct client, of_loop, node);
		if (waiting_bytes(client) > fair)
			cut_for_cause(client);
	}
}
