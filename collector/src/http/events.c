/* Threads: events_publish marks topics under the one lock and wakes their loop; everything that touches h2o
 * happens on the loop's thread. Lock order: events.lock, then h2o's queue lock (h2o_multithread_send_message
 * is called under ours, so that a publish cannot meet a hub that is being closed). */
#include "http/events.h"

#include "base/error.h"
#include "base/json.h"
#include "http/loop.h"

#include <inttypes.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <time.h>

struct events {
	char *version;          /* constant */
	unsigned max_listeners; /* constant */
	pthread_mutex_t lock;
	uint64_t cursor;         /* under lock */
	unsigned listener_count; /* under lock */
	unsigned hub_count;      /* under lock */
	struct hub *hubs[HTTP_MAX_LOOPS];
};

struct topic {
	h2o_linklist_t interests; /* loop's thread: struct interest.of_topic; empty, the topic is removed */
	h2o_linklist_t dirty;     /* under lock: in hub->dirty */
	uint64_t first, last;     /* under lock: cursors since it became dirty */
	size_t len;
	char name[];
};

struct hub {
	struct events *events; /* constant */
	h2o_context_t *ctx;    /* constant */
	h2o_multithread_receiver_t inbox;
	void *topics;                   /* under lock: a tree of struct topic, by name */
	h2o_linklist_t dirty;           /* under lock: struct topic.dirty */
	bool waking;                    /* under lock: wake is on its way */
	h2o_multithread_message_t wake; /* the loop's queue, while waking */
	h2o_linklist_t listeners;       /* this and below: the loop's thread */
	h2o_timeout_t beat;
	h2o_timeout_t tick;
};

struct interest {
	h2o_linklist_t of_topic;
	struct topic *topic;
	struct listener *listener;
	bool pending;
	uint64_t first, last; /* cursors of the changes that are pending */
	uint64_t sent_ms;     /* of the loop's clock; 0 never */
};

/* One reader. Lies in its request's memory, whose disposal is its end, whatever brought that about. */
struct listener {
	h2o_generator_t generator; /* first: h2o hands this back */
	struct hub *hub;
	h2o_req_t *req;
	h2o_linklist_t of_hub;
	h2o_timeout_entry_t beat;
	h2o_timeout_entry_t tick; /* linked while a change waits for its time */
	bool ready;               /* h2o takes a further h2o_send: never before it called proceed */
	bool ending;
	bool touched; /* in on_wake's list */
	struct listener *next_touched;
	struct buf out; /* what h2o is sending; left alone until it is ready again */
	uint64_t seen;  /* changes up to here were noted */
	uint64_t told;  /* the last id sent: up to here all were delivered */
	size_t interest_count;
	struct interest *interests;
};

/* ---- topics ---- */

static int compare_topics(const void *a, const void *b)
{
	const struct topic *left = a, *right = b;
	if (left->len != right->len)
		return left->len < right->len ? -1 : 1;
	return memcmp(left->name, right->name, left->len);
}

/* A topic with this name and nothing else. */
static struct topic *new_topic(struct slice name)
{
	struct topic *topic = calloc(1, sizeof(*topic) + name.len + 1);
	if (!topic)
		return NULL;
	h2o_linklist_init_anchor(&topic->interests);
	topic->len = name.len;
	memcpy(topic->name, name.data, name.len);
	return topic;
}

/* The hub's topic of this name, made if need be; NULL without memory. */
static struct topic *get_topic_locked(struct hub *hub, struct slice name)
{
	struct topic *topic = new_topic(name);
	if (!topic)
		return NULL;
	struct topic **found = tsearch(topic, &hub->topics, compare_topics);
	if (!found || *found != topic)
		free(topic);
	return found ? *found : NULL;
}

static void drop_topic_locked(struct hub *hub, struct topic *topic)
{
	if (!h2o_linklist_is_empty(&topic->interests))
		return;
	if (h2o_linklist_is_linked(&topic->dirty))
		h2o_linklist_unlink(&topic->dirty);
	tdelete(topic, &hub->topics, compare_topics);
	free(topic);
}

/* ---- publishing ---- */

static void mark_locked(struct hub *hub, const struct topic *key, uint64_t cursor)
{
	struct topic **found = tfind(key, &hub->topics, compare_topics);
	if (!found)
		return;
	struct topic *topic = *found;
	topic->last = cursor;
	if (!h2o_linklist_is_linked(&topic->dirty)) {
		topic->first = cursor;
		h2o_linklist_insert(&hub->dirty, &topic->dirty);
	}
	if (!hub->waking) {
		hub->waking = true;
		h2o_multithread_send_message(&hub->inbox, &hub->wake);
	}
}

void events_publish(struct events *events, struct slice name)
{
	/* The key for looking it up, made here as a publish happens a thousand times a second. */
	union {
		struct topic topic;
		char room[sizeof(struct topic) + EVENTS_MAX_TOPIC_LEN + 1];
	} key;
	bool known = name.data && name.len <= EVENTS_MAX_TOPIC_LEN; /* longer ones cannot be subscribed to */
	if (known) {
		key.topic.len = name.len;
		memcpy(key.room + offsetof(struct topic, name), name.data, name.len);
	}
	pthread_mutex_lock(&events->lock);
	uint64_t cursor = ++events->cursor;
	for (unsigned i = 0; known && i < events->hub_count; i++)
		mark_locked(events->hubs[i], &key.topic, cursor);
	pthread_mutex_unlock(&events->lock);
}

/* ---- sending ---- */

/* Every change up to the result has been sent, or is in what is being put together. */
static uint64_t delivered_to(const struct listener *listener)
{
	uint64_t upto = listener->seen;
	for (size_t i = 0; i < listener->interest_count; i++) {
		const struct interest *interest = &listener->interests[i];
		if (interest->pending && interest->first <= upto)
			upto = interest->first - 1;
	}
	return upto;
}

/* One event of the stream; data is what it says, moved in. */
static void append_event(struct listener *listener, const char *name, struct buf *data, uint64_t id)
{
	struct buf *out = &listener->out;
	buf_printf(out, "event: %s\ndata: ", name);
	buf_append_slice(out, buf_slice(data));
	buf_printf(out, "\nid: %" PRIu64 "\n", id);
	out->failed |= data->failed;
	buf_fini(data);
}

static void append_change(struct listener *listener, const struct interest *interest, uint64_t id)
{
	struct buf data = BUF_INIT;
	json_put_open(&data, '{');
	json_put_member(&data, "topic", (struct slice){interest->topic->name, interest->topic->len});
	json_put_key(&data, SLICE_LIT("cursor"));
	json_put_uint(&data, interest->last);
	json_put_close(&data, '}');
	append_event(listener, "change", &data, id);
	buf_append_char(&listener->out, '\n');
}

/* Put the changes whose time has come into out. The whole of it may get lost halfway, so only the last event
 * carries the new id; those before it repeat the old one. */
static void append_changes(struct listener *listener, uint64_t now_ms)
{
	struct interest *held = NULL;
	for (size_t i = 0; i < listener->interest_count; i++) {
		struct interest *interest = &listener->interests[i];
		bool due = interest->sent_ms == 0 || now_ms - interest->sent_ms >= EVENTS_MERGE_MS;
		if (!interest->pending || !due)
			continue;
		if (held)
			append_change(listener, held, listener->told);
		held = interest;
		interest->pending = false;
		interest->sent_ms = now_ms;
	}
	if (!held)
		return;
	listener->told = delivered_to(listener);
	append_change(listener, held, listener->told);
}

static bool has_pending(const struct listener *listener)
{
	for (size_t i = 0; i < listener->interest_count; i++) {
		if (listener->interests[i].pending)
			return true;
	}
	return false;
}

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

static void flush(struct listener *listener)
{
	if (!listener->ready)
		return;
	h2o_loop_t *loop = listener->hub->ctx->loop;
	buf_clear(&listener->out);
	append_changes(listener, h2o_now(loop));
	if (has_pending(listener) && !h2o_timeout_is_linked(&listener->tick))
		h2o_timeout_link(loop, &listener->hub->tick, &listener->tick);
	if (listener->out.len || listener->ending)
		send_out(listener);
}

static void on_tick(h2o_timeout_entry_t *entry)
{
	flush(H2O_STRUCT_FROM_MEMBER(struct listener, tick, entry));
}

static void on_beat(h2o_timeout_entry_t *entry)
{
	struct listener *listener = H2O_STRUCT_FROM_MEMBER(struct listener, beat, entry);
	struct hub *hub = listener->hub;
	h2o_timeout_link(hub->ctx->loop, &hub->beat, &listener->beat);
	if (!listener->ready || listener->ending)
		return;
	buf_clear(&listener->out);
	buf_append_str(&listener->out, ": hb\n\n");
	send_out(listener);
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
	(void)req;
	struct listener *listener = (struct listener *)generator;
	listener->ready = true;
	flush(listener);
}

/* ---- the loop takes in what was published ---- */

static struct listener *touch(struct listener *listener, uint64_t seen, struct listener *list)
{
	listener->seen = seen;
	if (listener->touched)
		return list;
	listener->touched = true;
	listener->next_touched = list;
	return listener;
}

static void note(struct interest *interest, const struct topic *topic)
{
	if (!interest->pending)
		interest->first = topic->first;
	interest->pending = true;
	interest->last = topic->last;
}

/* Whoever is interested in a dirty topic, as a list; their changes are noted. */
static struct listener *take_dirty(struct hub *hub)
{
	struct listener *list = NULL;
	struct events *events = hub->events;
	pthread_mutex_lock(&events->lock);
	hub->waking = false;
	while (!h2o_linklist_is_empty(&hub->dirty)) {
		struct topic *topic = H2O_STRUCT_FROM_MEMBER(struct topic, dirty, hub->dirty.next);
		h2o_linklist_unlink(&topic->dirty);
		h2o_linklist_t *node;
		for (node = topic->interests.next; node != &topic->interests; node = node->next) {
			struct interest *interest = H2O_STRUCT_FROM_MEMBER(struct interest, of_topic, node);
			note(interest, topic);
			list = touch(interest->listener, events->cursor, list);
		}
	}
	pthread_mutex_unlock(&events->lock);
	return list;
}

static void on_wake(h2o_multithread_receiver_t *inbox, h2o_linklist_t *messages)
{
	struct hub *hub = H2O_STRUCT_FROM_MEMBER(struct hub, inbox, inbox);
	while (!h2o_linklist_is_empty(messages))
		h2o_linklist_unlink(messages->next);
	struct listener *next;
	for (struct listener *listener = take_dirty(hub); listener; listener = next) {
		next = listener->next_touched;
		listener->touched = false;
		flush(listener); /* may end it, and no other */
	}
}

/* ---- a reader comes and goes ---- */

static void stop_timers(struct listener *listener)
{
	if (h2o_timeout_is_linked(&listener->beat))
		h2o_timeout_unlink(&listener->beat);
	if (h2o_timeout_is_linked(&listener->tick))
		h2o_timeout_unlink(&listener->tick);
}

static void on_stop(h2o_generator_t *generator, h2o_req_t *req)
{
	(void)req;
	struct listener *listener = (struct listener *)generator;
	listener->ready = false;
	stop_timers(listener);
}

static void forget_interests(struct listener *listener)
{
	struct hub *hub = listener->hub;
	pthread_mutex_lock(&hub->events->lock);
	for (size_t i = 0; i < listener->interest_count; i++) {
		h2o_linklist_unlink(&listener->interests[i].of_topic);
		drop_topic_locked(hub, listener->interests[i].topic);
	}
	hub->events->listener_count--;
	pthread_mutex_unlock(&hub->events->lock);
	listener->interest_count = 0;
}

static void on_dispose(void *memory)
{
	struct listener *listener = memory;
	stop_timers(listener);
	h2o_linklist_unlink(&listener->of_hub);
	forget_interests(listener);
	free(listener->interests);
	buf_fini(&listener->out);
}

static bool has_interest(const struct listener *listener, const struct topic *topic)
{
	for (size_t i = 0; i < listener->interest_count; i++) {
		if (listener->interests[i].topic == topic)
			return true;
	}
	return false;
}

static void add_interest_locked(struct listener *listener, struct slice name)
{
	struct topic *topic = get_topic_locked(listener->hub, name);
	if (!topic) {
		listener->out.failed = true;
		return;
	}
	if (has_interest(listener, topic))
		return;
	struct interest *interest = &listener->interests[listener->interest_count++];
	*interest = (struct interest){.topic = topic, .listener = listener};
	h2o_linklist_insert(&topic->interests, &interest->of_topic);
}

static struct slice next_topic(struct slice *rest)
{
	const char *comma = memchr(rest->data, ',', rest->len);
	struct slice name = {rest->data, comma ? (size_t)(comma - rest->data) : rest->len};
	size_t taken = name.len + (comma ? 1 : 0);
	*rest = (struct slice){rest->data + taken, rest->len - taken};
	return name;
}

static burr_status check_topics(struct slice topics, size_t *out_count, burr_error *err)
{
	size_t count = 0;
	while (topics.len) {
		struct slice name = next_topic(&topics);
		if (name.len == 0)
			continue;
		if (name.len > EVENTS_MAX_TOPIC_LEN)
			return burr_fail(err, BURR_EINVAL, "topic %zu is over %d bytes", count + 1,
				EVENTS_MAX_TOPIC_LEN);
		if (++count > EVENTS_MAX_TOPICS)
			return burr_fail(err, BURR_EINVAL, "over %d topics", EVENTS_MAX_TOPICS);
	}
	if (count == 0)
		return burr_fail(err, BURR_EINVAL, "topics=… is missing: what to listen to, by commas");
	*out_count = count;
	return BURR_OK;
}

/* Whether the reader has missed something since this id. What is no number says so as well. */
static bool is_behind(struct slice last_id, uint64_t cursor)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRIu64, cursor);
	return last_id.len && !slice_eq(last_id, (struct slice){text, (size_t)len});
}

/* Count a further reader, if there may be one. */
static burr_status take_place(struct events *events, burr_error *err)
{
	pthread_mutex_lock(&events->lock);
	bool room = events->listener_count < events->max_listeners;
	events->listener_count += room;
	pthread_mutex_unlock(&events->lock);
	if (!room)
		return burr_fail(
			err, BURR_ELATER, "%u event streams are open already", events->max_listeners);
	return BURR_OK;
}

static void listen_to(struct listener *listener, struct slice topics, struct slice last_id)
{
	struct events *events = listener->hub->events;
	pthread_mutex_lock(&events->lock);
	while (topics.len) {
		struct slice name = next_topic(&topics);
		if (name.len)
			add_interest_locked(listener, name);
	}
	uint64_t cursor = events->cursor;
	pthread_mutex_unlock(&events->lock);

	listener->seen = cursor;
	for (size_t i = 0; is_behind(last_id, cursor) && i < listener->interest_count; i++) {
		struct interest *interest = &listener->interests[i];
		interest->pending = true;
		interest->first = interest->last = cursor;
	}
}

static void append_hello(struct listener *listener)
{
	struct buf data = BUF_INIT;
	json_put_open(&data, '{');
	json_put_member(&data, "version", slice_of(listener->hub->events->version));
	json_put_key(&data, SLICE_LIT("cursor"));
	json_put_uint(&data, listener->seen);
	json_put_close(&data, '}');
	listener->told = delivered_to(listener);
	append_event(listener, "hello", &data, listener->told);
	/* A second between attempts: a collector is back soon after an update. */
	buf_append_str(&listener->out, "retry: 1000\n\n");
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
	h2o_start_response(req, &listener->generator);
	append_hello(listener);
	append_changes(listener, h2o_now(hub->ctx->loop));
	h2o_timeout_link(hub->ctx->loop, &hub->beat, &listener->beat);
	send_out(listener);
}

burr_status hub_subscribe(
	struct hub *hub, h2o_req_t *req, struct slice topics, struct slice last_id, burr_error *err)
{
	size_t count = 0;
	burr_status status = check_topics(topics, &count, err);
	if (status != BURR_OK)
		return status;
	struct interest *interests = calloc(count, sizeof(*interests));
	if (!interests)
		return burr_fail(err, BURR_ENOMEM, "no memory for %zu topics", count);
	status = take_place(hub->events, err);
	if (status != BURR_OK) {
		free(interests);
		return status;
	}
	struct listener *listener = h2o_mem_alloc_shared(&req->pool, sizeof(*listener), on_dispose);
	*listener = (struct listener){
		.generator = {on_proceed, on_stop},
		.hub = hub,
		.req = req,
		.beat.cb = on_beat,
		.tick.cb = on_tick,
		.interests = interests,
	};
	h2o_linklist_insert(&hub->listeners, &listener->of_hub);
	listen_to(listener, topics, last_id);
	start_stream(listener);
	return BURR_OK;
}

void hub_end(struct hub *hub)
{
	h2o_linklist_t *node, *next;
	for (node = hub->listeners.next; node != &hub->listeners; node = next) {
		next = node->next; /* flush may end this one */
		struct listener *listener = H2O_STRUCT_FROM_MEMBER(struct listener, of_hub, node);
		listener->ending = true;
		flush(listener);
	}
}

/* ---- opening and closing ---- */

burr_status events_open(
	const char *version, unsigned max_listeners, struct events **out_events, burr_error *err)
{
	struct events *events = calloc(1, sizeof(*events));
	char *copy = strdup(version);
	if (!events || !copy) {
		free(events);
		free(copy);
		return burr_fail(err, BURR_ENOMEM, "no memory for the event hub");
	}
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	events->version = copy;
	events->max_listeners = max_listeners;
	events->cursor = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	pthread_mutex_init(&events->lock, NULL);
	*out_events = events;
	return BURR_OK;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	pthread_mutex_destroy(&events->lock);
	free(events->version);
	free(events);
}

void events_get_counts(struct events *events, unsigned *out_listeners, uint64_t *out_cursor)
{
	pthread_mutex_lock(&events->lock);
	*out_listeners = events->listener_count;
	*out_cursor = events->cursor;
	pthread_mutex_unlock(&events->lock);
}

burr_status hub_open(struct events *events, h2o_context_t *ctx, struct hub **out_hub, burr_error *err)
{
	struct hub *hub = calloc(1, sizeof(*hub));
	if (!hub)
		return burr_fail(err, BURR_ENOMEM, "no memory for the event hub");
	hub->events = events;
	hub->ctx = ctx;
	h2o_linklist_init_anchor(&hub->dirty);
	h2o_linklist_init_anchor(&hub->listeners);
	h2o_timeout_init(ctx->loop, &hub->beat, EVENTS_BEAT_MS);
	h2o_timeout_init(ctx->loop, &hub->tick, EVENTS_TICK_MS);
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
	h2o_multithread_unregister_receiver(hub->ctx->queue, &hub->inbox);
	h2o_timeout_dispose(hub->ctx->loop, &hub->beat);
	h2o_timeout_dispose(hub->ctx->loop, &hub->tick);
	free(hub);
}
