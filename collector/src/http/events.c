/* Threads: events_publish marks a topic under the topics' lock and wakes the loops; everything that touches
 * h2o happens on a loop's thread. Lock order: the topics', events.lock, then h2o's queue lock
 * (h2o_multithread_send_message is called under ours, so that a wake cannot meet a hub that is being closed).
 */
#include "http/events.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "http/loop.h"
#include "http/respond.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

struct events {
	char *version;          /* constant */
	unsigned max_listeners; /* constant */
	struct topics *topics;  /* constant; locks itself */
	struct job maker;       /* the workers', from topics_schedule's true to topics_make's false */
	pthread_mutex_t lock;
	unsigned listener_count; /* under lock */
	unsigned hub_count;      /* under lock */
	struct hub *hubs[HTTP_MAX_LOOPS];
};

struct hub {
	struct events *events;   /* constant */
	h2o_context_t *ctx;      /* constant */
	struct workers *workers; /* constant */
	h2o_multithread_receiver_t inbox;
	bool waking;                    /* under lock: wake is on its way */
	h2o_multithread_message_t wake; /* the loop's queue, while waking */
	h2o_linklist_t fresh;           /* under the topics' lock: struct reader.of_fresh */
	h2o_linklist_t listeners;       /* this and below: the loop's thread */
	h2o_timeout_t beat, tick, wait_tick;
	h2o_timeout_entry_t tick_entry; /* linked while changes wait for their time */
};

/* Whoever waits for changes, by a stream or a poll. Lies in its request's memory, whose disposal is its end,
 * whatever brought that about. */
struct listener {
	h2o_generator_t generator; /* first: h2o hands this back */
	struct hub *hub;
	h2o_req_t *req;
	struct reader reader;
	h2o_linklist_t of_hub;
	h2o_timeout_entry_t timer; /* a stream's beat, a poll's look at the clock */
	bool ending;
	struct buf out; /* a stream's: what h2o is sending; empty while it is ready */

	bool ready; /* a stream's: h2o takes a further h2o_send, never before it called proceed */

	bool polls;
	uint64_t until_ms; /* a poll's end, of the loop's clock */
};

/* ---- waking the loops ---- */

static void wake(void *ctx)
{
	struct events *events = ctx;
	pthread_mutex_lock(&events->lock);
	for (unsigned i = 0; i < events->hub_count; i++) {
		struct hub *hub = events->hubs[i];
		if (hub->waking)
			continue;
		hub->waking = true;
		h2o_multithread_send_message(&hub->inbox, &hub->wake);
	}
	pthread_mutex_unlock(&events->lock);
}

void events_publish(struct events *events, const struct http_change *change)
{
	topics_publish(events->topics, change);
}

uint64_t events_cursor(struct events *events)
{
	return topics_cursor(events->topics);
}

/* ---- making deltas ---- */

static void run_maker(struct job *job, unsigned worker, bool drop)
{
	struct events *events = H2O_STRUCT_FROM_MEMBER(struct events, maker, job);
	if (!drop && !topics_make(events->topics, worker))
		return;
	topics_give_up(events->topics);
	wake(events); /* a loop submits it again, behind the requests that wait */
}

static void schedule(struct hub *hub)
{
	struct events *events = hub->events;
	bool waits = false;
	if (topics_schedule(events->topics, &waits) && !workers_submit(hub->workers, &events->maker)) {
		topics_give_up(events->topics);
		waits = true;
	}
	if (waits && !h2o_timeout_is_linked(&hub->tick_entry))
		h2o_timeout_link(hub->ctx->loop, &hub->tick, &hub->tick_entry);
}

static void on_tick(h2o_timeout_entry_t *entry)
{
	schedule(H2O_STRUCT_FROM_MEMBER(struct hub, tick_entry, entry));
}

/* ---- a stream ---- */

/* h2o is told to send out, and for a stream that ends, that this was all. The listener may be gone after. */
static void send_out(struct listener *listener)
{
	h2o_iovec_t bytes = h2o_iovec_init(listener->out.data, listener->out.len);
	h2o_send_state_t state = H2O_SEND_STATE_IN_PROGRESS;
	if (listener->ending || listener->out.failed)
		state = H2O_SEND_STATE_FINAL; /* without memory: the reader comes back with its last id */
	listener->ready = false;
	h2o_send(listener->req, &bytes, bytes.len ? 1 : 0, state);
}

static void put_event(struct slice data, uint64_t id, void *ctx)
{
	struct buf *out = ctx;
	buf_append_str(out, "event: change\ndata: ");
	buf_append_slice(out, data);
	buf_printf(out, "\nid: %" PRIu64 "\n\n", id);
}

static void flush(struct listener *listener)
{
	if (!listener->ready)
		return;
	reader_take(&listener->reader, put_event, &listener->out);
	if (listener->out.len || listener->ending)
		send_out(listener);
}

static void on_beat(h2o_timeout_entry_t *entry)
{
	struct listener *listener = H2O_STRUCT_FROM_MEMBER(struct listener, timer, entry);
	struct hub *hub = listener->hub;
	h2o_timeout_link(hub->ctx->loop, &hub->beat, &listener->timer);
	if (!listener->ready || listener->ending)
		return;
	reader_take(&listener->reader, put_event, &listener->out);
	buf_printf(&listener->out, ": hb\nid: %" PRIu64 "\n\n", listener->reader.told);
	send_out(listener);
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
	(void)req;
	struct listener *listener = (struct listener *)generator;
	listener->ready = true;
	buf_fini(&listener->out); /* it is sent; a stream at rest holds nothing */
	flush(listener);
}

static void on_stop(h2o_generator_t *generator, h2o_req_t *req)
{
	(void)req;
	struct listener *listener = (struct listener *)generator;
	listener->ready = false;
	if (h2o_timeout_is_linked(&listener->timer))
		h2o_timeout_unlink(&listener->timer);
}

static void put_now(struct buf *out)
{
	char now[TIME_TEXT_LEN + 1];
	time_text(clock_wall_ns(), now);
	json_put_member(out, "now", slice_of(now));
}

static void put_hello(struct listener *listener)
{
	struct events *events = listener->hub->events;
	struct buf *out = &listener->out;
	struct buf data = BUF_INIT;
	json_put_open(&data, '{');
	put_now(&data);
	json_put_member(&data, "version", slice_of(events->version));
	json_put_key(&data, SLICE_LIT("cursor"));
	json_put_uint(&data, topics_cursor(events->topics));
	json_put_close(&data, '}');
	buf_append_str(out, "event: hello\ndata: ");
	buf_append_slice(out, buf_slice(&data));
	out->failed = out->failed || data.failed;
	buf_fini(&data);
	/* A second between attempts: a collector is back soon after an update. */
	buf_printf(out, "\nid: %" PRIu64 "\nretry: 1000\n\n", listener->reader.told);
}

static void add_stream_headers(h2o_req_t *req)
{
	static const struct {
		const char *name, *value;
	} headers[] = {
		{"content-type", "text/event-stream"},
		{"cache-control", "no-store"},
		{"x-accel-buffering", "no"},
	};
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		h2o_add_header_by_str(&req->pool, &req->res.headers, headers[i].name, strlen(headers[i].name),
			1, NULL, headers[i].value, strlen(headers[i].value));
	send_common_headers(req);
}

static void start_stream(struct listener *listener)
{
	struct hub *hub = listener->hub;
	h2o_req_t *req = listener->req;
	req->res.status = 200;
	req->res.reason = "OK";
	req->compress_hint = H2O_COMPRESS_HINT_DISABLE;
	req->http1_is_persistent = 0; /* the connection ends with the stream */
	add_stream_headers(req);
	listener->generator = (h2o_generator_t){on_proceed, on_stop};
	h2o_start_response(req, &listener->generator);
	put_hello(listener);
	reader_take(&listener->reader, put_event, &listener->out);
	listener->timer.cb = on_beat;
	h2o_timeout_link(hub->ctx->loop, &hub->beat, &listener->timer);
	send_out(listener);
}

/* ---- a reader comes and goes ---- */

/* Count a further reader, if there may be one. */
static burr_status take_place(struct events *events, burr_error *err)
{
	pthread_mutex_lock(&events->lock);
	bool room = events->listener_count < events->max_listeners;
	events->listener_count += room;
	pthread_mutex_unlock(&events->lock);
	if (!room)
		return burr_fail(err, BURR_ELATER,
			"%u event streams and waiting polls are open already, and more are not allowed",
			events->max_listeners);
	return BURR_OK;
}

static void leave_place(struct events *events)
{
	pthread_mutex_lock(&events->lock);
	events->listener_count--;
	pthread_mutex_unlock(&events->lock);
}

/* It listens no more; what is being sent to it stays. */
static void leave(struct listener *listener)
{
	if (h2o_timeout_is_linked(&listener->timer))
		h2o_timeout_unlink(&listener->timer);
	if (!h2o_linklist_is_linked(&listener->of_hub))
		return;
	h2o_linklist_unlink(&listener->of_hub);
	reader_close(&listener->reader);
	leave_place(listener->hub->events);
}

static void on_dispose(void *memory)
{
	struct listener *listener = memory;
	leave(listener);
	buf_fini(&listener->out);
}

/* A listener of the request, that has its place. */
static burr_status join(struct hub *hub, h2o_req_t *req, struct slice topics, struct slice last,
	struct listener **out, burr_error *err)
{
	burr_status status = take_place(hub->events, err);
	if (status != BURR_OK)
		return status;
	struct listener *listener = h2o_mem_alloc_shared(&req->pool, sizeof(*listener), on_dispose);
	*listener = (struct listener){.hub = hub, .req = req};
	status = reader_open(&listener->reader, hub->events->topics, topics, last, &hub->fresh, err);
	if (status != BURR_OK) {
		leave_place(hub->events);
		return status;
	}
	h2o_linklist_insert(&hub->listeners, &listener->of_hub);
	*out = listener;
	return BURR_OK;
}

burr_status hub_subscribe(
	struct hub *hub, h2o_req_t *req, struct slice topics, struct slice last_id, burr_error *err)
{
	struct listener *listener;
	burr_status status = join(hub, req, topics, last_id, &listener, err);
	if (status == BURR_OK)
		start_stream(listener);
	return status;
}

/* ---- a poll ---- */

static void put_change(struct slice data, uint64_t id, void *ctx)
{
	(void)id;
	json_put_raw(ctx, data);
}

static void answer_poll(struct listener *listener, struct buf *changes)
{
	struct http_response res;
	respond_init(&res);
	json_put_open(&res.body, '{');
	put_now(&res.body);
	json_put_member(&res.body, "version", slice_of(listener->hub->events->version));
	json_put_key(&res.body, SLICE_LIT("cursor"));
	json_put_uint(&res.body, listener->reader.told);
	json_put_close(changes, ']');
	json_put_member_raw(&res.body, "changes", buf_slice(changes));
	json_put_close(&res.body, '}');
	res.cache_control = "no-store";
	if (res.body.failed || changes->failed)
		http_fail(&res, 503, "no memory for the answer");
	leave(listener);
	send_response(listener->req, &res, NULL, !loop_of(listener->req)->draining);
}

/* Answer it if there is something to tell, or its time is over. */
static void look_at_poll(struct listener *listener)
{
	struct hub *hub = listener->hub;
	struct buf changes = BUF_INIT;
	json_put_open(&changes, '[');
	reader_take(&listener->reader, put_change, &changes);
	if (changes.len > 1 || changes.failed || listener->ending ||
		h2o_now(hub->ctx->loop) >= listener->until_ms)
		answer_poll(listener, &changes);
	buf_fini(&changes);
}

static void on_wait_tick(h2o_timeout_entry_t *entry)
{
	struct listener *listener = H2O_STRUCT_FROM_MEMBER(struct listener, timer, entry);
	struct hub *hub = listener->hub;
	if (h2o_now(hub->ctx->loop) >= listener->until_ms)
		look_at_poll(listener);
	else
		h2o_timeout_link(hub->ctx->loop, &hub->wait_tick, &listener->timer);
}

static burr_status read_number(
	const struct http_params *params, const char *name, int64_t high, int64_t *out, burr_error *err)
{
	struct slice text = http_params_find(params, slice_of(name));
	if (!text.data || (json_to_int(text, out) && *out >= 0 && *out <= high))
		return BURR_OK;
	return burr_fail(err, BURR_EINVAL, "%s: \"%.*s\" is not a whole number between 0 and %" PRId64, name,
		text.len < 60 ? (int)text.len : 60, text.data, high);
}

static burr_status check_names(const struct http_params *params, burr_error *err)
{
	for (size_t i = 0; i < params->count; i++) {
		struct slice name = params->items[i].name;
		int len = name.len < 60 ? (int)name.len : 60;
		if (!slice_is(name, "topics") && !slice_is(name, "after") && !slice_is(name, "wait_ms"))
			return burr_fail(
				err, BURR_EINVAL, "%.*s: there is no such parameter here", len, name.data);
		for (size_t j = 0; j < i; j++)
			if (slice_eq(params->items[j].name, name))
				return burr_fail(err, BURR_EINVAL, "%.*s: it is given twice", len, name.data);
	}
	return BURR_OK;
}

burr_status hub_poll(struct hub *hub, h2o_req_t *req, const struct http_params *params, burr_error *err)
{
	struct listener *listener;
	int64_t after = 0;
	int64_t wait_ms = EVENTS_WAIT_MS;
	burr_status status = check_names(params, err);
	if (status == BURR_OK)
		status = read_number(params, "after", INT64_MAX, &after, err);
	if (status == BURR_OK)
		status = read_number(params, "wait_ms", EVENTS_WAIT_MAX_MS, &wait_ms, err);
	struct slice last = http_params_find(params, SLICE_LIT("after"));
	if (status == BURR_OK)
		status = join(hub, req, http_params_find(params, SLICE_LIT("topics")), last, &listener, err);
	if (status != BURR_OK)
		return status;
	listener->polls = true;
	listener->ending = !last.data || loop_of(req)->draining; /* who begins is told where it stands */
	listener->until_ms = h2o_now(hub->ctx->loop) + (uint64_t)wait_ms;
	listener->timer.cb = on_wait_tick;
	h2o_timeout_link(hub->ctx->loop, &hub->wait_tick, &listener->timer);
	look_at_poll(listener);
	return BURR_OK;
}

/* ---- all readers of a loop ---- */

static void deliver(struct listener *listener)
{
	if (listener->polls)
		look_at_poll(listener);
	else
		flush(listener);
}

static void on_wake(h2o_multithread_receiver_t *inbox, h2o_linklist_t *messages)
{
	struct hub *hub = H2O_STRUCT_FROM_MEMBER(struct hub, inbox, inbox);
	struct reader *reader;
	while (!h2o_linklist_is_empty(messages))
		h2o_linklist_unlink(messages->next);
	pthread_mutex_lock(&hub->events->lock);
	hub->waking = false;
	pthread_mutex_unlock(&hub->events->lock);
	schedule(hub);
	while ((reader = reader_next_fresh(hub->events->topics, &hub->fresh)))
		deliver(H2O_STRUCT_FROM_MEMBER(
			struct listener, reader, reader)); /* may end it, and no other */
}

void hub_end(struct hub *hub)
{
	h2o_linklist_t *node, *next;
	for (node = hub->listeners.next; node != &hub->listeners; node = next) {
		next = node->next; /* deliver may end this one */
		struct listener *listener = H2O_STRUCT_FROM_MEMBER(struct listener, of_hub, node);
		listener->ending = true;
		deliver(listener);
	}
}

/* ---- opening and closing ---- */

burr_status events_open(const struct http_server_options *options, const char *version,
	struct events **out_events, burr_error *err)
{
	struct events *events = calloc(1, sizeof(*events));
	if (!events)
		return burr_fail(err, BURR_ENOMEM, "no memory for the event hub");
	pthread_mutex_init(&events->lock, NULL);
	events->max_listeners = options->max_listeners;
	events->maker.run = run_maker;
	events->version = strdup(version);
	burr_status status =
		events->version ? BURR_OK : burr_fail(err, BURR_ENOMEM, "no memory for the event hub");
	if (status == BURR_OK)
		status = topics_open(options->make_delta, options->ctx, wake, events, &events->topics, err);
	if (status != BURR_OK) {
		events_free(events);
		return status;
	}
	*out_events = events;
	return BURR_OK;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	topics_free(events->topics);
	pthread_mutex_destroy(&events->lock);
	free(events->version);
	free(events);
}

void events_get_stats(struct events *events, struct http_stats *out)
{
	struct topics_stats stats;
	topics_get_stats(events->topics, &stats);
	out->cursor = stats.cursor;
	out->deltas = stats.deltas;
	out->told = stats.told;
	out->refetches = stats.refetches;
	out->kept_bytes = stats.kept_bytes;
	pthread_mutex_lock(&events->lock);
	out->listeners = events->listener_count;
	pthread_mutex_unlock(&events->lock);
}

burr_status hub_open(struct events *events, h2o_context_t *ctx, struct workers *workers, struct hub **out_hub,
	burr_error *err)
{
	struct hub *hub = calloc(1, sizeof(*hub));
	if (!hub)
		return burr_fail(err, BURR_ENOMEM, "no memory for the event hub");
	hub->events = events;
	hub->ctx = ctx;
	hub->workers = workers;
	hub->tick_entry.cb = on_tick;
	h2o_linklist_init_anchor(&hub->fresh);
	h2o_linklist_init_anchor(&hub->listeners);
	h2o_timeout_init(ctx->loop, &hub->beat, EVENTS_BEAT_MS);
	h2o_timeout_init(ctx->loop, &hub->tick, EVENTS_TICK_MS);
	h2o_timeout_init(ctx->loop, &hub->wait_tick, EVENTS_WAIT_TICK_MS);
	h2o_multithread_register_receiver(ctx->queue, &hub->inbox, on_wake);
	pthread_mutex_lock(&events->lock);
	events->hubs[events->hub_count++] = hub;
	pthread_mutex_unlock(&events->lock);
	*out_hub = hub;
	return BURR_OK;
}

static void remove_hub(struct hub *hub)
{
	struct events *events = hub->events;
	pthread_mutex_lock(&events->lock);
	for (unsigned i = 0; i < events->hub_count; i++) {
		if (events->hubs[i] == hub) {
			events->hubs[i] = events->hubs[--events->hub_count];
			break;
		}
	}
	pthread_mutex_unlock(&events->lock);
}

void hub_close(struct hub *hub)
{
	if (!hub)
		return;
	remove_hub(hub); /* no further wake is sent */
	while (hub->waking && h2o_evloop_run(hub->ctx->loop, 0) == 0)
		; /* h2o wants an empty inbox */
	if (h2o_timeout_is_linked(&hub->tick_entry))
		h2o_timeout_unlink(&hub->tick_entry);
	h2o_multithread_unregister_receiver(hub->ctx->queue, &hub->inbox);
	h2o_timeout_dispose(hub->ctx->loop, &hub->beat);
	h2o_timeout_dispose(hub->ctx->loop, &hub->tick);
	h2o_timeout_dispose(hub->ctx->loop, &hub->wait_tick);
	free(hub);
}
