/* Threads: see loop.h. What other threads want of a loop they say through server->stage and a wake-up;
 * answered requests and publishes come through h2o's message queue. */
#include "http/loop.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

static void on_client_close(void *data)
{
	struct loop *loop = data;
	atomic_fetch_sub(&loop->clients, 1);
	if (!h2o_timeout_is_linked(&loop->retry_entry))
		listen_again(loop);
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
		atomic_fetch_add(&loop->clients, 1);
		sock->on_close.cb = on_client_close;
		sock->on_close.data = loop;
		h2o_accept(&loop->accept, sock);
	}
	if (is_full(loop))
		h2o_socket_read_stop(listener); /* the next to close starts it again */
}

/* ---- leaving ---- */

static int each_connection(struct loop *loop, int (*cb)(h2o_req_t *req, void *ctx))
{
	return loop->ctx.globalconf->http1.callbacks.foreach_request(&loop->ctx, cb, NULL);
}

/* shutdown, not close: h2o finds the end of the stream in its own time and tidies up. */
static int cut(h2o_req_t *req, void *ctx)
{
	(void)ctx;
	h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
	if (sock)
		shutdown(h2o_socket_get_fd(sock), SHUT_RDWR);
	return 0;
}

/* h2o reads from a connection only while it waits for a request to be complete. */
static int cut_idle(h2o_req_t *req, void *ctx)
{
	h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
	return sock && h2o_socket_is_reading(sock) ? cut(req, ctx) : 0;
}

static void begin_drain(struct loop *loop)
{
	loop->draining = true;
	h2o_socket_t *listener = loop->listener;
	loop->listener = NULL;
	if (listener) {
		h2o_socket_read_stop(listener);
		h2o_socket_close(listener);
	}
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
	each_connection(loop, cut_idle);
	if (stage != STAGE_LEAVE)
		return false;
	if (monotonic_ms() >= atomic_load(&loop->server->cut_at_ms))
		each_connection(loop, cut);
	return atomic_load(&loop->clients) == 0;
}

static void *run(void *arg)
{
	struct loop *loop = arg;
	for (;;) {
		int stage = atomic_load(&loop->server->stage);
		if (stage != STAGE_RUN && drain(loop, stage))
			return NULL;
		h2o_evloop_run(loop->ctx.loop, stage == STAGE_RUN ? INT32_MAX : DRAIN_TURN_MS);
	}
}

/* ---- making and unmaking ---- */

burr_status loop_init(struct loop *loop, struct http_server *server, unsigned index, burr_error *err)
{
	int fd = fcntl(server->listen_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return burr_fail(err, BURR_EIO, "duplicate the listening socket: %s", strerror(errno));
	loop->server = server;
	loop->index = index;
	h2o_context_init(&loop->ctx, h2o_evloop_create(), &server->config);
	loop->accept = (h2o_accept_ctx_t){.ctx = &loop->ctx, .hosts = server->config.hosts};
	h2o_timeout_init(loop->ctx.loop, &loop->retry, ACCEPT_RETRY_MS);
	loop->retry_entry.cb = on_retry;
	h2o_multithread_register_receiver(loop->ctx.queue, &loop->done, dispatch_done);
	loop->listener = h2o_evloop_socket_create(loop->ctx.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
	loop->listener->data = loop;
	burr_status status = hub_open(server->events, &loop->ctx, &loop->hub, err);
	if (status != BURR_OK) {
		loop_fini(loop);
		return status;
	}
	h2o_socket_read_start(loop->listener, on_accept);
	return BURR_OK;
}

burr_status loop_start(struct loop *loop, burr_error *err)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&loop->thread, NULL, run, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return burr_fail(err, BURR_ENOMEM, "start event loop %u: %s", loop->index, strerror(rc));
	loop->started = true;
	return BURR_OK;
}

void loop_wake(struct loop *loop)
{
	h2o_multithread_send_message(&loop->done, NULL);
}

void loop_join(struct loop *loop)
{
	if (loop->started)
		pthread_join(loop->thread, NULL);
	loop->started = false;
}

void loop_fini(struct loop *loop)
{
	if (!loop->server)
		return;
	h2o_loop_t *evloop = loop->ctx.loop;
	if (loop->listener)
		h2o_socket_close(loop->listener);
	loop->listener = NULL;
	hub_close(loop->hub);
	loop->hub = NULL;
	h2o_multithread_unregister_receiver(loop->ctx.queue, &loop->done);
	h2o_timeout_dispose(evloop, &loop->retry);
	h2o_context_dispose(&loop->ctx);
	h2o_evloop_destroy(evloop);
	loop->server = NULL;
}
