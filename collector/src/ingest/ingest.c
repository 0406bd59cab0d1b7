/* ingest/ingest.c: see ingest.h.
 *
 * A context (nng's state of one request) is always in one of three places: with nng, receiving or sending; in
 * the inbox; with the append thread. Only its holder touches it, so contexts need no lock; the inbox has one.
 *
 *     receive ──callback──▶ inbox ──append thread──▶ answer: send ──callback──▶ receive …
 *
 * Lock order: `lock` alone; nothing is called with it held but pthread functions. */
#include "ingest/ingest.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "link/link.h"
#include "report/report.h"
#include "wire/limits.h"
#include "wire/message.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/transport/ipc/ipc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
	/* Requests in hand at once. One thread appends, so more would only hold memory: further ones wait in
	 * their connections. */
	CONTEXTS = 32,
	WRITERS_MAX = 256, /* connections; what is over it is closed at once and tries again */
	LOGS_OPEN = 2048,  /* reopening a log costs 2.3 times an append to an open one */
	LOCK_AGAIN_NS = 5 * 1000 * 1000,
	REPORT_EVERY_MS = 10000,
};

struct context {
	struct ingest *ingest;
	nng_ctx ctx;
	nng_aio *aio;
	bool sending;
	struct context *next; /* in the inbox */
};

struct ingest {
	struct ingest_options options; /* constant */
	nng_socket sock;               /* constant after open */
	struct appender *appender;     /* append thread only */
	struct context contexts[CONTEXTS];
	pthread_t thread;
	bool started;
	bool stopped; /* the caller's thread only */

	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;                 /* under lock */
	uint32_t writers[WRITERS_MAX]; /* ids of connections, 0: free; under lock */
	struct context *first;         /* the inbox; under lock */
	struct context **last;         /* under lock */
	struct ingest_stats stats;     /* under lock */
};

/* ---- nng's side ---- */

static void receive(struct context *c)
{
	c->sending = false;
	nng_ctx_recv(c->ctx, c->aio);
}

static void put_inbox(struct context *c)
{
	struct ingest *in = c->ingest;
	pthread_mutex_lock(&in->lock);
	c->next = NULL;
	*in->last = c;
	in->last = &c->next;
	pthread_cond_signal(&in->wake);
	pthread_mutex_unlock(&in->lock);
}

/* nng's thread: a request has come, or an answer has gone. */
static void on_aio(void *arg)
{
	struct context *c = arg;
	int result = nng_aio_result(c->aio);
	if (result == NNG_ECLOSED || result == NNG_ECANCELED)
		return; /* the socket is closed: this context rests */
	if (c->sending) {
		if (result != 0)
			nng_msg_free(nng_aio_get_msg(c->aio)); /* the asker has gone */
		receive(c);
	} else if (result != 0) {
		receive(c);
	} else {
		put_inbox(c);
	}
}

/* Before a connection is used: is there room, and is it the owner of the store? */
static bool welcome(struct ingest *in, nng_pipe pipe)
{
	uint64_t uid;
	struct ingest_stats stats;
	ingest_get_stats(in, &stats);
	if (stats.writer_count >= WRITERS_MAX) {
		report_seldom(REPORT_EVERY_MS, "refused a connection: %d writers are connected", WRITERS_MAX);
		return false;
	}
	if (nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) == 0 && uid != geteuid() && uid != 0) {
		report_seldom(REPORT_EVERY_MS, "refused a connection of user %llu: the store is not theirs",
			(unsigned long long)uid);
		return false;
	}
	return true;
}

/* Connections that were let in, by their id: nng also reports the end of those that were not. */
static void set_writer(struct ingest *in, uint32_t from, uint32_t to)
{
	pthread_mutex_lock(&in->lock);
	for (size_t i = 0; i < WRITERS_MAX; i++) {
		if (in->writers[i] != from)
			continue;
		in->writers[i] = to;
		in->stats.writer_count += to ? 1 : -1u;
		break;
	}
	pthread_mutex_unlock(&in->lock);
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	uint32_t id = (uint32_t)nng_pipe_id(pipe);
	switch (event) {
	case NNG_PIPE_EV_ADD_PRE:
		if (!welcome(arg, pipe))
			nng_pipe_close(pipe);
		break;
	case NNG_PIPE_EV_ADD_POST:
		set_writer(arg, 0, id);
		break;
	case NNG_PIPE_EV_REM_POST:
		set_writer(arg, id, 0);
		break;
	default:
		break;
	}
}

/* ---- answering; the append thread ---- */

static void note_trouble(struct ingest *in, const struct buf *bytes)
{
	struct verdict verdict;
	struct pb_reader r = pb_reader(buf_slice(bytes));
	while (reply_next_verdict(&r, &verdict)) {
		if (verdict.kind == VERDICT_DONE)
			continue;
		bool later = verdict.kind == VERDICT_LATER;
		pthread_mutex_lock(&in->lock);
		in->stats.later_count += later;
		in->stats.never_count += !later;
		snprintf(in->stats.trouble, sizeof(in->stats.trouble), "%.*s/%.*s: %.*s",
			SLICE_ARG(verdict.project), SLICE_ARG(verdict.app_id), SLICE_ARG(verdict.reason));
		pthread_mutex_unlock(&in->lock);
		report_seldom(REPORT_EVERY_MS, "%s %.*s/%.*s: %.*s", later ? "cannot store now" : "refused",
			SLICE_ARG(verdict.project), SLICE_ARG(verdict.app_id), SLICE_ARG(verdict.reason));
	}
}

static void put_status(struct buf *out, enum reply_status status, const char *message)
{
	struct reply reply = {.protocol = PROTOCOL_VERSION, .status = status, .message = slice_of(message)};
	buf_clear(out);
	reply_put(out, &reply);
}

static void answer_question(struct ingest *in, const struct request *request, struct buf *out)
{
	struct reply reply = {.protocol = PROTOCOL_VERSION,
		.status = REPLY_OK,
		.has_collector = true,
		.version = slice_of(burr_version()),
		.url = slice_of(in->options.url),
		.pid = getpid()};
	if (request->has_find_step) {
		const struct find_step *wanted = &request->find_step;
		reply.has_step_place = true;
		reply.step_found = in->options.find_place &&
				   in->options.find_place(in->options.ctx, wanted->project, wanted->app_id,
					   wanted->sequence_id, &reply.step_offset, &reply.step_len);
	}
	reply_put(out, &reply);
}

static void store_batch(struct ingest *in, const struct request *request, struct buf *out)
{
	burr_error why = BURR_ERROR_INIT;
	struct reply reply;
	burr_status status = appender_store(in->appender, request, out, &why);
	if (status == BURR_ENOMEM) {
		put_status(out, REPLY_NOT_YET, why.message);
		return;
	}
	if (status != BURR_OK) {
		report_seldom(REPORT_EVERY_MS, "refused a batch: %s", why.message);
		put_status(out, REPLY_BAD_REQUEST, why.message);
		return;
	}
	pthread_mutex_lock(&in->lock);
	in->stats.batch_count++;
	in->stats.record_count += request->entry_count;
	if (reply_read(buf_slice(out), &reply, NULL) == BURR_OK)
		in->stats.invalid_count += reply.invalid_count;
	pthread_mutex_unlock(&in->lock);
	note_trouble(in, out);
}

static void answer(struct ingest *in, struct slice bytes, bool appending, struct buf *out)
{
	struct request request;
	burr_error why = BURR_ERROR_INIT;
	buf_clear(out);
	burr_status status = request_read(bytes, &request, &why);
	pthread_mutex_lock(&in->lock);
	in->stats.byte_count += bytes.len;
	in->stats.refused_count += status != BURR_OK;
	pthread_mutex_unlock(&in->lock);
	if (status != BURR_OK) {
		report_seldom(REPORT_EVERY_MS, "refused a request: %s", why.message);
		put_status(out, REPLY_BAD_REQUEST, why.message);
	} else if (request.protocol > PROTOCOL_VERSION) {
		put_status(out, REPLY_UNKNOWN_PROTOCOL, "this collector is older than the library that asks");
	} else if (!request.entry_count) {
		answer_question(in, &request, out);
	} else if (!appending) {
		put_status(out, REPLY_NOT_YET, "the collector waits for the right to append");
	} else {
		store_batch(in, &request, out);
	}
}

static void send_answer(struct context *c, const struct buf *out)
{
	nng_msg *msg = NULL;
	if (out->failed || nng_msg_alloc(&msg, 0) != 0 || nng_msg_append(msg, out->data, out->len) != 0) {
		/* Without memory for an answer the asker's connection would wait for ever: it asks again. */
		nng_msg_free(msg);
		report_seldom(REPORT_EVERY_MS, "no memory to answer a writer, which will ask again");
		receive(c);
		return;
	}
	c->sending = true;
	nng_aio_set_msg(c->aio, msg);
	nng_ctx_send(c->ctx, c->aio);
}

/* The next context of the inbox; NULL when there is none and either the time is up or the end has come. */
static struct context *take_inbox(struct ingest *in, bool appending)
{
	struct timespec until;
	pthread_mutex_lock(&in->lock);
	int64_t deadline_ns = clock_mono_ns() + LOCK_AGAIN_NS;
	until = (struct timespec){deadline_ns / 1000000000, deadline_ns % 1000000000};
	while (!in->first && !in->stopping) {
		if (appending)
			pthread_cond_wait(&in->wake, &in->lock);
		else if (pthread_cond_timedwait(&in->wake, &in->lock, &until) != 0)
			break;
	}
	struct context *c = in->first;
	if (c) {
		in->first = c->next;
		if (!in->first)
			in->last = &in->first;
	}
	pthread_mutex_unlock(&in->lock);
	return c;
}

static bool is_stopping(struct ingest *in)
{
	pthread_mutex_lock(&in->lock);
	bool stopping = in->stopping;
	pthread_mutex_unlock(&in->lock);
	return stopping;
}

/* The right to append cannot be waited for together with the inbox: a lock is no event. So while it is
 * missing it is asked for every 5 ms. */
static bool claim_append(struct ingest *in)
{
	if (!store_lock_append_exclusive(in->options.store))
		return false;
	pthread_mutex_lock(&in->lock);
	in->stats.appending = true;
	pthread_mutex_unlock(&in->lock);
	return true;
}

static void *append_run(void *arg)
{
	struct ingest *in = arg;
	bool appending = false;
	struct buf out = BUF_INIT;
	for (;;) {
		if (!appending)
			appending = claim_append(in);
		struct context *c = take_inbox(in, appending);
		if (!c && is_stopping(in))
			break;
		if (!c)
			continue;
		nng_msg *msg = nng_aio_get_msg(c->aio);
		answer(in, (struct slice){nng_msg_body(msg), nng_msg_len(msg)}, appending, &out);
		nng_msg_free(msg);
		send_answer(c, &out);
	}
	if (appending)
		store_unlock_append(in->options.store);
	buf_fini(&out);
	return NULL;
}

/* ---- life ---- */

static burr_status fail_nng(const char *what, int error, burr_error *err)
{
	burr_status status = error == NNG_EADDRINUSE ? BURR_EEXIST
			     : error == NNG_ENOMEM   ? BURR_ENOMEM
						     : BURR_EIO;
	return burr_fail(err, status, "%s: %s", what, nng_strerror(error));
}

static burr_status open_contexts(struct ingest *in, burr_error *err)
{
	for (size_t i = 0; i < CONTEXTS; i++) {
		struct context *c = &in->contexts[i];
		c->ingest = in;
		int error = nng_ctx_open(&c->ctx, in->sock);
		if (error == 0)
			error = nng_aio_alloc(&c->aio, on_aio, c);
		if (error != 0)
			return fail_nng("make a context of the socket", error, err);
	}
	return BURR_OK;
}

static burr_status listen_on(struct ingest *in, burr_error *err)
{
	struct sockaddr_un address;
	char url[sizeof(address.sun_path) + sizeof("ipc://")];
	nng_listener listener;
	if (!link_address(in->options.store, &address))
		return burr_fail(err, BURR_EIO, "the path of the store's socket is too long");
	snprintf(url, sizeof(url), "ipc://%s", address.sun_path);
	int error = nng_listener_create(&listener, in->sock, url);
	if (error == 0)
		error = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600);
	if (error == 0)
		error = nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, MESSAGE_BYTES_MAX);
	if (error == 0)
		error = nng_listener_start(listener, 0);
	return error == 0 ? BURR_OK : fail_nng(address.sun_path, error, err);
}

static burr_status open_socket(struct ingest *in, burr_error *err)
{
	int error = nng_rep0_open(&in->sock);
	if (error != 0)
		return fail_nng("open a socket", error, err);
	for (nng_pipe_ev event = NNG_PIPE_EV_ADD_PRE; event <= NNG_PIPE_EV_REM_POST; event++) {
		error = nng_pipe_notify(in->sock, event, on_pipe, in);
		if (error != 0)
			return fail_nng("watch connections", error, err);
	}
	return open_contexts(in, err);
}

static burr_status start_thread(struct ingest *in, burr_error *err)
{
	int error = pthread_create(&in->thread, NULL, append_run, in);
	if (error != 0)
		return burr_fail(err, BURR_ENOMEM, "start the append thread: %s", strerror(error));
	in->started = true;
	return BURR_OK;
}

static burr_status open_all(struct ingest *in, burr_error *err)
{
	struct appender_options options = {LOGS_OPEN, true, in->options.on_appended, in->options.ctx};
	in->appender = appender_new(in->options.store, &options);
	if (!in->appender)
		return burr_fail(err, BURR_ENOMEM, "no memory to append");
	burr_status status = open_socket(in, err);
	if (status == BURR_OK)
		status = listen_on(in, err);
	if (status == BURR_OK)
		status = start_thread(in, err);
	for (size_t i = 0; status == BURR_OK && i < CONTEXTS; i++)
		receive(&in->contexts[i]);
	return status;
}

burr_status ingest_open(const struct ingest_options *options, struct ingest **out, burr_error *err)
{
	struct ingest *in = calloc(1, sizeof(*in));
	sigset_t all;
	sigset_t before;
	if (!in)
		return burr_fail(err, BURR_ENOMEM, "no memory for ingest");
	in->options = *options;
	in->sock = (nng_socket)NNG_SOCKET_INITIALIZER;
	in->last = &in->first;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->wake, &attr);
	pthread_condattr_destroy(&attr);
	/* nng's threads and ours take none of the program's signals. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	burr_status status = open_all(in, err);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != BURR_OK) {
		ingest_close(in);
		return burr_fail_in(err, status, "the collector's socket");
	}
	*out = in;
	return BURR_OK;
}

void ingest_stop(struct ingest *in)
{
	if (in->stopped)
		return;
	in->stopped = true;
	pthread_mutex_lock(&in->lock);
	in->stopping = true;
	pthread_cond_signal(&in->wake);
	pthread_mutex_unlock(&in->lock);
	if (in->started)
		pthread_join(in->thread, NULL);
	if (nng_socket_id(in->sock) > 0)
		nng_close(in->sock);
	for (size_t i = 0; i < CONTEXTS; i++) {
		if (!in->contexts[i].aio)
			continue;
		nng_aio_stop(in->contexts[i].aio);
		nng_aio_free(in->contexts[i].aio);
	}
}

void ingest_close(struct ingest *in)
{
	if (!in)
		return;
	ingest_stop(in);
	appender_free(in->appender);
	pthread_cond_destroy(&in->wake);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

void ingest_get_stats(struct ingest *in, struct ingest_stats *out)
{
	pthread_mutex_lock(&in->lock);
	*out = in->stats;
	pthread_mutex_unlock(&in->lock);
}
