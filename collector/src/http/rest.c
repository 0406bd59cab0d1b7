/* Threads: a rest is a worker's while `working`, else its loop's. The loop hears that the connection is gone
 * by the disposal of a piece of the connection's own memory, as in dispatch.c. */
#include "http/rest.h"

#include "http/respond.h"

#include <stdlib.h>
#include <zlib.h>

struct rest {
	struct loop_message message; /* a piece is made */
	struct job job;              /* make one */
	struct loop *loop;           /* constant */
	struct http_rest body;
	bool packs;
	z_stream z;
	struct buf made;
	bool ended; /* `made` is the last piece */

	/* The loop's alone. */
	h2o_generator_t generator;
	h2o_req_t *req; /* NULL: the connection is gone */
	struct buf sent;
	bool working;
	bool ready;   /* `made` waits for the client */
	bool wanting; /* the client waits for it */
};

struct rest_tether {
	struct rest *rest;
};

void rest_free(struct rest *rest)
{
	if (rest->packs)
		deflateEnd(&rest->z);
	rest->body.close(rest->body.ctx);
	buf_fini(&rest->made);
	buf_fini(&rest->sent);
	free(rest);
}

/* ---- making, on a worker ---- */

/* Replace `made` by its packed form; level 1, as in respond.c. Between two pieces nothing is flushed. */
static void pack(struct rest *rest)
{
	z_stream *z = &rest->z;
	struct buf packed = BUF_INIT;
	char *to = buf_reserve(&packed, deflateBound(z, rest->made.len) + RESPOND_GZIP_MIN);
	if (to) {
		z->next_in = (Bytef *)rest->made.data;
		z->avail_in = (uInt)rest->made.len;
		z->next_out = (Bytef *)to;
		z->avail_out = (uInt)(packed.cap - 1);
		int code = deflate(z, rest->ended ? Z_FINISH : Z_NO_FLUSH);
		packed.failed = z->avail_in || code != (rest->ended ? Z_STREAM_END : Z_OK);
		packed.len = packed.cap - 1 - z->avail_out;
	}
	packed.failed = packed.failed || rest->made.failed;
	buf_fini(&rest->made);
	rest->made = packed;
}

/* What packs well may give nothing to send for many pieces. */
static void make(struct rest *rest)
{
	do {
		buf_clear(&rest->made);
		rest->ended = !rest->body.next(rest->body.ctx, &rest->made);
		if (rest->packs)
			pack(rest);
	} while (!rest->made.len && !rest->ended && !rest->made.failed);
}

static void on_job(struct job *job, unsigned worker, bool drop)
{
	struct rest *rest = H2O_STRUCT_FROM_MEMBER(struct rest, job, job);
	(void)worker;
	if (drop)
		rest->made.failed = true;
	else
		make(rest);
	h2o_multithread_send_message(&rest->loop->done, &rest->message.message);
}

static void on_made(struct loop_message *message);

struct rest *rest_open(struct loop *loop, struct http_response *res)
{
	struct rest *rest = calloc(1, sizeof(*rest));
	if (!rest)
		return NULL;
	rest->packs = res->content_encoding != NULL;
	if (rest->packs && deflateInit2(&rest->z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(rest);
		return NULL;
	}
	rest->loop = loop;
	rest->message.arrive = on_made;
	rest->job.run = on_job;
	rest->job.goes_on = true;
	rest->body = res->rest;
	rest->made = res->body;
	res->rest = (struct http_rest){NULL, NULL, NULL};
	res->body = (struct buf)BUF_INIT;
	if (rest->packs)
		pack(rest);
	return rest;
}

/* ---- sending, on the loop ---- */

/* What is made goes out, and the next piece is asked for. Last of all: h2o may end the request within. */
static void send_piece(struct rest *rest)
{
	struct buf sent = rest->sent;
	rest->sent = rest->made;
	rest->made = sent;
	bool failed = rest->sent.failed;
	bool ended = rest->ended;
	rest->ready = rest->wanting = false;
	if (!failed && !ended) {
		rest->made.failed = false;
		rest->working = workers_submit(rest->loop->server->workers, &rest->job);
		failed = !rest->working;
	}
	h2o_iovec_t bytes = h2o_iovec_init(rest->sent.data, rest->sent.len);
	if (failed)
		h2o_send(rest->req, NULL, 0, H2O_SEND_STATE_ERROR);
	else
		h2o_send(rest->req, &bytes, bytes.len ? 1 : 0,
			ended ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
}

static void on_made(struct loop_message *message)
{
	struct rest *rest = H2O_STRUCT_FROM_MEMBER(struct rest, message, message);
	rest->working = false;
	rest->ready = true;
	if (!rest->req)
		rest_free(rest);
	else if (rest->wanting)
		send_piece(rest);
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
	struct rest *rest = H2O_STRUCT_FROM_MEMBER(struct rest, generator, generator);
	(void)req;
	rest->wanting = true;
	if (rest->ready)
		send_piece(rest);
}

static void on_request_gone(void *memory)
{
	struct rest *rest = ((struct rest_tether *)memory)->rest;
	rest->req = NULL;
	if (!rest->working)
		rest_free(rest);
}

void rest_send(struct rest *rest, h2o_req_t *req)
{
	struct rest_tether *tether = h2o_mem_alloc_shared(&req->pool, sizeof(*tether), on_request_gone);
	tether->rest = rest;
	rest->req = req;
	rest->generator = (h2o_generator_t){on_proceed, NULL};
	h2o_start_response(req, &rest->generator);
	if (h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD")))
		h2o_send(req, NULL, 0, H2O_SEND_STATE_FINAL);
	else
		send_piece(rest);
}
