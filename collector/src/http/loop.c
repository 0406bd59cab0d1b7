/* Threads: see loop.h. What other threads want of a loop they say through server->stage and a wake-up;
 * answered requests and publishes come through h2o's message queue. */
#include "http/loop.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	ACCEPTS_A_TURN = 16,   /* enough to keep up, few enough that the other connections get their turn */
	ACCEPT_RETRY_MS = 500, /* out of descriptors: others must close some first */
	DRAIN_TURN_MS = 20,    /* while draining, how often to look who has become idle */
};

uint64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct loop *loop_of(h2o_req_t *req)
{
	return H2O_STRUCT_FROM_MEMBER(struct loop, ctx, req->conn->ctx);
}

/* ---- accepting ---- */

static void on_accept(h2o_socket_t *listener, const char *err);

static bool is_full(const struct loop *loop)
{
	return atomic_load(&loop->clients) >= loop->server->clients_per_loop;
}

static void listen_again(struct loop *loop)
{
	if (loop->listener && !h2o_socket_is_reading(loop->listener) && !is_full(loop))
		h2o_socket_read_start(loop->listener, on_accept);
}

static void on_retry(h2o_timeout_entry_t *entry)
{
	listen_again(H2O_STRUCT_FROM_MEMBER(struct loop, retry_entry, entry));
}

/* ---- connections ---- */

static void on_sweep(h2o_timeout_entry_t *entry)
{
	struct loop *loop = H2O_STRUCT_FROM_MEMBER(struct loop, sweep_entry, entry);
	sweep_clients(loop);
	if (!h2o_linklist_is_empty(&loop->connected))
		h2o_timeout_link(loop->ctx.loop, &loop->sweep, &loop->sweep_entry);
}

static void on_client_close(void *data)
{
	struct client *client = data;
	struct loop *loop = client->loop;
	h2o_linklist_unlink(&client->of_loop);
	free(client);
	atomic_fetch_sub(&loop->clients, 1);
	if (!h2o_timeout_is_linked(&loop->retry_entry))
		listen_again(loop);
}

static bool add_client(struct loop *loop, h2o_socket_t *sock)
{
	struct client *client = calloc(1, sizeof(*client));
	if (!client)
		return false;
	client->loop = loop;
	client->sock = sock;
	sock->on_close.cb = on_client_close;
	sock->on_close.data = client;
	h2o_linklist_insert(&loop->connected, &client->of_loop);
	atomic_fetch_add(&loop->clients, 1);
	if (!h2o_timeout_is_linked(&loop->sweep_entry))
		h2o_timeout_link(loop->ctx.loop, &loop->sweep, &loop->sweep_entry);
	return true;
}

static void pause_listening(struct loop *loop)
{
	h2o_socket_read_stop(loop->listener);
	if (!h2o_timeout_is_linked(&loop->retry_entry))
		h2o_timeout_link(loop->ctx.loop, &loop->retry, &loop->retry_entry);
}

static void on_accept(h2o_socket_t *listener, const char *err)
{
	struct loop *loop = listener->data;
	if (err)
		return;
	for (int i = 0; i < ACCEPTS_A_TURN && !is_full(loop); i++) {
		errno = 0;
		h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
		if (!sock) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				pause_listening(loop);
			return;
		}
		if (add_client(loop, sock))
			h2o_accept(&loop->accept, sock);
		else
			h2o_socket_close(sock);
	}
	if (is_full(loop))
		h2o_socket_read_stop(listener); /* the next to close starts it again */
}

/* ---- leaving ---- */

static void cut_each(struct loop *loop, bool only_idle)
{
	h2o_linklist_t *node;
	for (node = loop->connected.next; node != &loop->connected; node = node->next) {
		struct client *client = H2O_STRUCT_FROM_MEMBER(struct client, of_loop, node);
		/* h2o reads from a connection only while it waits for a request, or a handshake, to be
		 * complete. */
		if (!only_idle || h2o_socket_is_reading(client->sock))
			client_cut(client);
	}
}

static void close_listener(struct loop *loop)
{
	h2o_socket_t *listener = loop->listener;
	loop->listener = NULL;
	if (!listener)
		return;
	h2o_socket_read_stop(listener);
	h2o_socket_close(listener);
}

static void begin_drain(struct loop *loop)
{
	loop->draining = true;
	close_listener(loop);
	if (h2o_timeout_is_linked(&loop->retry_entry))
		h2o_timeout_unlink(&loop->retry_entry);
	/* All that h2o_context_request_shutdown does for HTTP/1; for HTTP/2 it leaves a timer behind, at
	 * which h2o_context_dispose asserts. */
	loop->ctx.shutdown_requested = 1;
	hub_end(loop->hub);
}

/* True when the loop's work is over. */
static bool drain(struct loop *loop, int stage)
{
	if (!loop->draining)
		begin_drain(loop);
	cut_each(loop, true);
	if (stage != STAGE_LEAVE)
		return false;
	if (monotonic_ms() >= atomic_load(&loop->server->cut_at_ms))
		cut_each(loop, false);
	return atomic_load(&loop->clients) == 0;
}

/* ---- the thread ---- */

static burr_status open_loop(struct loop *loop, burr_error *err)
{
	struct http_server *server = loop->server;
	int fd = fcntl(server->listen_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return burr_fail(err, BURR_EIO, "duplicate the listening socket: %s", strerror(errno));
	h2o_context_init(&loop->ctx, h2o_evloop_create(), &server->config);
	loop->accept = (h2o_accept_ctx_t){.ctx = &loop->ctx, .hosts = server->config.hosts};
	loop->accept.ssl_ctx = server->tls ? tls_context(server->tls) : NULL;
	h2o_linklist_init_anchor(&loop->connected);
	h2o_timeout_init(loop->ctx.loop, &loop->sweep, sweep_period_ms(server));
	loop->sweep_entry.cb = on_sweep;
	h2o_timeout_init(loop->ctx.loop, &loop->retry, ACCEPT_RETRY_MS);
	loop->retry_entry.cb = on_retry;
	h2o_multithread_register_receiver(loop->ctx.queue, &loop->done, dispatch_done);
	loop->listener = h2o_evloop_socket_create(loop->ctx.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
	loop->listener->data = loop;
	burr_status status = hub_open(server->events, &loop->ctx, server->workers, &loop->hub, err);
	if (status == BURR_OK)
		h2o_socket_read_start(loop->listener, on_accept);
	return status;
}

static void close_loop(struct loop *loop)
{
	h2o_loop_t *evloop = loop->ctx.loop;
	if (!evloop)
		return;
	close_listener(loop);
	hub_close(loop->hub);
	h2o_multithread_unregister_receiver(loop->ctx.queue, &loop->done);
	if (h2o_timeout_is_linked(&loop->sweep_entry))
		h2o_timeout_unlink(&loop->sweep_entry);
	h2o_timeout_dispose(evloop, &loop->retry);
	h2o_timeout_dispose(evloop, &loop->sweep);
	h2o_context_dispose(&loop->ctx);
	h2o_evloop_destroy(evloop);
}

static void run(struct loop *loop)
{
	for (;;) {
		int stage = atomic_load(&loop->server->stage);
		if (stage != STAGE_RUN && drain(loop, stage))
			return;
		h2o_evloop_run(loop->ctx.loop, stage == STAGE_RUN ? INT32_MAX : DRAIN_TURN_MS);
	}
}

static void enter(struct loop *loop, int state, const burr_error *err)
{
	pthread_mutex_lock(&loop->lock);
	loop->state = state;
	loop->error = *err;
	pthread_cond_broadcast(&loop->opened);
	pthread_mutex_unlock(&loop->lock);
}

static void *thread_main(void *arg)
{
	struct loop *loop = arg;
	burr_error err = BURR_ERROR_INIT;
	if (open_loop(loop, &err) == BURR_OK) {
		enter(loop, LOOP_OPEN, &err);
		run(loop);
		enter(loop, LOOP_CLOSED, &err); /* nobody wakes us any more */
	} else {
		enter(loop, LOOP_FAILED, &err);
	}
	close_loop(loop);
	return NULL;
}

void loop_init(struct loop *loop, struct http_server *server, unsigned index)
{
	loop->server = server;
	loop->index = index;
	pthread_mutex_init(&loop->lock, NULL);
	pthread_cond_init(&loop->opened, NULL);
}

void loop_fini(struct loop *loop)
{
	pthread_cond_destroy(&loop->opened);
	pthread_mutex_destroy(&loop->lock);
}

burr_status loop_start(struct loop *loop, burr_error *err)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&loop->thread, NULL, thread_main, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return burr_fail(err, BURR_ENOMEM, "start event loop %u: %s", loop->index, strerror(rc));
	loop->started = true;
	pthread_mutex_lock(&loop->lock);
	while (loop->state == LOOP_OPENING)
		pthread_cond_wait(&loop->opened, &loop->lock);
	burr_error failure = loop->error;
	pthread_mutex_unlock(&loop->lock);
	if (failure.code == BURR_OK)
		return BURR_OK;
	return burr_fail(err, failure.code, "event loop %u: %s", loop->index, failure.message);
}

void loop_wake(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	if (loop->state == LOOP_OPEN)
		h2o_multithread_send_message(&loop->done, NULL);
	pthread_mutex_unlock(&loop->lock);
}

void loop_join(struct loop *loop)
{
	if (loop->started)
		pthread_join(loop->thread, NULL);
	loop->started = false;
}
