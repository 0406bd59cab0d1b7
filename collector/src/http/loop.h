/* http/loop.h: one event loop of the server, and what is inside a server. Private to this folder.
 *
 * Each loop is a thread with its own h2o context, its own descriptor of the shared listening socket and its
 * own hub of event streams; nothing of it is touched by other threads but where said. */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include "http/auth.h"
#include "http/events.h"
#include "http/guard.h"
#include "http/router.h"
#include "http/tls.h"
#include "http/worker.h"

#include <h2o.h>
#include <pthread.h>
#include <stdatomic.h>

enum { HTTP_MAX_LOOPS = 64 };

/* What comes to a loop from a worker. */
struct loop_message {
	h2o_multithread_message_t message;
	void (*arrive)(struct loop_message *message); /* on the loop's thread */
};

/* A server's life goes one way through these. */
enum stage {
	STAGE_RUN,
	STAGE_DRAIN, /* no new connections or requests; idle connections are ended */
	STAGE_LEAVE, /* all handlers are done: leave when the last connection is gone; cut them at cut_at_ms
		      */
};

/* A connection, from being accepted to its end. The loop's thread alone. */
struct client {
	h2o_linklist_t of_loop;
	struct loop *loop;
	h2o_socket_t *sock;
	uint64_t sending_since_ms; /* 0: it was not being sent to when sweep looked last */
	uint64_t taken;            /* bytes it had taken then */
};

struct loop {
	struct http_server *server; /* constant */
	unsigned index;             /* constant */
	pthread_t thread;           /* of http_server_start and _stop */
	bool started;               /* likewise */
	_Atomic unsigned clients;   /* written by the loop, read by stats */

	pthread_mutex_t lock;
	pthread_cond_t opened;
	enum { LOOP_OPENING, LOOP_OPEN, LOOP_FAILED, LOOP_CLOSED } state; /* under lock */
	burr_error error;                                                 /* under lock; of LOOP_FAILED */

	/* Below: the loop's thread alone, from making to unmaking: h2o keeps free buffers a thread, and a
	 * socket gives its buffers back to those of the thread that made it. */
	h2o_context_t ctx;
	h2o_accept_ctx_t accept;
	h2o_socket_t *listener; /* NULL once draining */
	h2o_timeout_t retry;    /* for a listener that has paused for want of descriptors */
	h2o_timeout_entry_t retry_entry;
	h2o_linklist_t connected; /* struct client.of_loop */
	h2o_timeout_t sweep;      /* runs while somebody is connected */
	h2o_timeout_entry_t sweep_entry;
	bool draining;
	struct hub *hub;
	h2o_multithread_receiver_t done; /* struct loop_message, from workers */
};

struct http_server {
	/* Set in http_server_open, then constant. */
	struct http_server_options options; /* its strings are not to be used: what matters is copied below */
	char *version;
	struct guard guard;
	struct auth auth;
	struct tls *tls;   /* NULL: plain HTTP */
	struct buf policy; /* the Content-Security-Policy of every answer */
	struct router *router;
	int listen_fd; /* -1 after stop */
	uint16_t port;
	unsigned clients_per_loop;
	h2o_globalconf_t config;
	struct events *events;

	/* Of http_server_start and _stop. */
	struct workers *workers;
	bool started, stopped;

	_Atomic int stage;
	_Atomic uint64_t cut_at_ms; /* on the monotonic clock; set before STAGE_LEAVE */
	_Atomic uint64_t requests;
	_Atomic uint64_t refused;
	_Atomic uint64_t denied;
	_Atomic uint64_t cut;
	_Atomic uint64_t answered[HTTP_STATUS_CLASSES];
	struct loop loops[HTTP_MAX_LOOPS];
};

void loop_init(struct loop *loop, struct http_server *server, unsigned index);
void loop_fini(struct loop *loop);
/* Start the thread, and wait until it listens. */
BURR_MUST_CHECK burr_status loop_start(struct loop *loop, burr_error *err);
/* Have it look at server->stage. Any thread, between init and fini. */
void loop_wake(struct loop *loop);
/* It leaves in STAGE_LEAVE. */
void loop_join(struct loop *loop);

uint64_t monotonic_ms(void);

/* dispatch.c: what happens to one request. */
int dispatch_request(h2o_handler_t *handler, h2o_req_t *req);
/* The receiver of loop->done. */
void dispatch_done(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages);

/* sweep.c: how often to look at a server's connections, and the look: who takes too little of an answer, or
 * has sent too much of a request that is not whole, is cut. */
uint64_t sweep_period_ms(const struct http_server *server);
void sweep_clients(struct loop *loop);
/* shutdown, not close: h2o finds the end of the stream in its own time and tidies up. */
void client_cut(struct client *client);

struct rest;

/* send.c: hand a finished response to h2o, rest and all (NULL: it has none; moved in). Moves the body and the
 * headers out of res, which is empty after. */
void send_response(h2o_req_t *req, struct http_response *res, struct rest *rest, bool keep_alive);
/* The headers that every answer carries, and its count by status. Once an answer, when its status is set. */
void send_common_headers(h2o_req_t *req);
/* A filter that adds them to the refusals that h2o makes by itself, before a request gets to us. */
void send_register_refusals(h2o_pathconf_t *path);

/* The loop that a request belongs to. */
struct loop *loop_of(h2o_req_t *req);

#endif
