/* spool/ship.c: the shipper: the one thread that takes records out of the queue and gets them into their
 * logs.
 *
 * A round: pick a batch (oldest first, leaving out applications that the store refuses at the moment), write
 * it as a Request, get a Reply for it, and go by its verdicts. The Reply comes from the collector, or from
 * our own appender when there is none and we hold the right to append; what follows is the same. A round that
 * fails changes nothing: the records stay in the queue and the next round asks again, by whichever way is
 * open then.
 *
 * Which way is open is decided by locks alone (proto/DISK.md, Who may append). */
#include "base/clock.h"
#include "base/diag.h"
#include "base/error.h"
#include "spool/queue.h"
#include "wire/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	CONNECT_MS = 1000,   /* to greet a collector that listens */
	ASK_AGAIN_MS = 20,   /* while a collector starts */
	LOCK_AGAIN_MS = 5,   /* while the right to append changes hands */
	LATER_AGAIN_MS = 50, /* before an application that the store refused is tried again, at first */
	LATER_AGAIN_MAX_MS = 1000,
	PAUSE_MAX_MS = 1000,
	COLLECTOR_GRACE_MS = 1000, /* no pass of our own for this long after a collector was seen to start */
	BETWEEN_PASSES_MS = 100,   /* and this long between passes after that */
	IDLE_LINK_MS = 10000,      /* without a record, before the connection is closed */
	OWN_LOGS_MAX = 32,         /* descriptors that a host process lends us */
};

static const int64_t MS = 1000000;

/* What becomes of an application's records; one that the reply does not speak of is not known, and they stay.
 */
struct judgement {
	bool known;
	enum verdict_kind kind;
	burr_status code;
};

/* The batch at hand; the shipper's alone. */
struct batch {
	struct node *nodes[4096];
	size_t node_count;
	struct spool_app *apps[BATCH_APPS_MAX];
	struct judgement judgements[BATCH_APPS_MAX];
	size_t app_count;
	size_t bytes;
	struct buf request;
	struct buf reply;
	struct batch *next; /* left behind */
};

static struct batch *left_behind; /* by forks; a child has one thread when it adds to it */

/* ---- picking ---- */

static bool add_node(struct batch *batch, struct node *node, size_t app_max)
{
	if (batch->node_count == sizeof(batch->nodes) / sizeof(*batch->nodes) ||
		(batch->node_count && batch->bytes + node->len > BATCH_BYTES))
		return false;
	if (node->app->batch_at < 0) {
		if (batch->app_count == app_max)
			return false;
		node->app->batch_at = (int)batch->app_count;
		batch->apps[batch->app_count++] = node->app;
	}
	batch->nodes[batch->node_count++] = node;
	batch->bytes += node->len;
	return true;
}

/* Returns when the first application that is left out may be tried again; INT64_MAX when there is none. */
static int64_t pick_locked(struct spool *spool, struct batch *batch)
{
	/* A pass of our own has all logs of its batch open at once. */
	size_t app_max = spool->collector_seen_ns ? BATCH_APPS_MAX : OWN_LOGS_MAX;
	int64_t now = clock_mono_ns();
	int64_t retry_at = INT64_MAX;
	for (size_t i = 0; i < batch->app_count; i++)
		batch->apps[i]->batch_at = -1;
	batch->node_count = batch->app_count = batch->bytes = 0;
	for (struct node *node = spool->first; node; node = node->next) {
		if (node->app->retry_at_ns > now) {
			if (node->app->retry_at_ns < retry_at)
				retry_at = node->app->retry_at_ns;
		} else if (!add_node(batch, node, app_max)) {
			break;
		}
	}
	return retry_at;
}

/* Until records come, or the time has. Who has nothing to say for a while hangs up: connections are few. */
static void wait_wake_locked(struct spool *spool, int64_t until_ns)
{
	int64_t idle_ns = clock_mono_ns() + IDLE_LINK_MS * MS;
	bool hang_up = spool->link && idle_ns < until_ns;
	struct timespec until = queue_time(hang_up ? idle_ns : until_ns);
	if (until_ns == INT64_MAX && !spool->link) {
		pthread_cond_wait(&spool->wake, &spool->lock);
	} else if (pthread_cond_timedwait(&spool->wake, &spool->lock, &until) == ETIMEDOUT && hang_up &&
		   !spool->first) {
		link_close(spool->link);
		spool->link = NULL;
	}
}

/* Wait until there is a batch; false when the spool ends. */
static bool wait_batch(struct spool *spool, struct batch *batch)
{
	pthread_mutex_lock(&spool->lock);
	while (!spool->stopping) {
		int64_t retry_at = pick_locked(spool, batch);
		if (batch->node_count)
			break;
		wait_wake_locked(spool, retry_at);
	}
	bool stopping = spool->stopping;
	pthread_mutex_unlock(&spool->lock);
	return !stopping;
}

static void write_request(struct spool *spool, struct batch *batch)
{
	char host[256] = "";
	gethostname(host, sizeof(host) - 1);
	pthread_mutex_lock(&spool->lock);
	uint64_t dropped = spool->stats.dropped_count;
	pthread_mutex_unlock(&spool->lock);
	struct request request = {
		.protocol = PROTOCOL_VERSION,
		.protocol_min = PROTOCOL_VERSION,
		.writer = {spool->writer, WRITER_ID_LEN},
		.has_about = true,
		.about = {slice_of(host), getpid(), slice_of(program_invocation_short_name),
			slice_of(burr_version())},
		.clock_offset_ns = clock_offset_ns(),
		.dropped_count = dropped,
	};
	buf_clear(&batch->request);
	request_put(&batch->request, &request);
	for (size_t i = 0; i < batch->node_count; i++) {
		request_put_entry_head(&batch->request, batch->nodes[i]->len);
		buf_append(&batch->request, batch->nodes[i]->bytes, batch->nodes[i]->len);
	}
}

/* ---- delivering ---- */

static void set_link(struct spool *spool, struct link *link)
{
	pthread_mutex_lock(&spool->lock);
	struct link *old = spool->link;
	spool->link = link;
	pthread_mutex_unlock(&spool->lock);
	link_close(old);
}

static void set_asked(struct spool *spool, int64_t since_ns)
{
	pthread_mutex_lock(&spool->lock);
	spool->asked_since_ns = since_ns;
	pthread_mutex_unlock(&spool->lock);
}

/* Bytes that are no collector's leave the batch's fate open, as the end of a connection does: only a reply
 * that says so refuses a batch. */
static burr_status keep_batch(burr_status status)
{
	return status == BURR_ECORRUPT ? BURR_EIO : status;
}

static burr_status judge_reply(struct spool *spool, struct batch *batch, burr_error *err)
{
	struct reply reply;
	burr_status status = reply_read(buf_slice(&batch->reply), &reply, err);
	if (status != BURR_OK) {
		set_link(spool, NULL);
		return keep_batch(status);
	}
	switch (reply.status) {
	case REPLY_OK:
		return BURR_OK;
	case REPLY_NOT_YET:
		return burr_fail(err, BURR_ELATER, "the collector is starting");
	case REPLY_UNKNOWN_PROTOCOL:
		set_link(spool, NULL);
		return burr_fail(err, BURR_EVERSION,
			"the collector speaks protocol %u, and this library (burr %s) %d: update the older "
			"one",
			reply.protocol, burr_version(), PROTOCOL_VERSION);
	default:
		set_link(spool, NULL);
		return burr_fail(err, BURR_ECORRUPT, "the collector refuses the batch: %.*s",
			SLICE_ARG(reply.message));
	}
}

static bool is_stopping(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	bool stopping = spool->stopping;
	pthread_mutex_unlock(&spool->lock);
	return stopping;
}

static burr_status ask_collector(struct spool *spool, struct batch *batch, burr_error *err)
{
	if (!spool->link) {
		struct link *link;
		burr_status status = link_open(spool->store, CONNECT_MS, &link, err);
		if (status != BURR_OK)
			return keep_batch(status);
		set_link(spool, link);
		if (is_stopping(spool)) /* perhaps since before there was a link to interrupt */
			return burr_fail(err, BURR_ECLOSED, "the tracker is closed");
		diag_say("records go to the collector of %s", spool->store->path);
	}
	set_asked(spool, clock_mono_ns());
	burr_status status =
		link_ask(spool->link, buf_slice(&batch->request), LINK_FOREVER, &batch->reply, err);
	set_asked(spool, 0);
	if (status == BURR_OK)
		return judge_reply(spool, batch, err);
	set_link(spool, NULL);
	return keep_batch(status);
}

/* The caller holds the right to append. */
static burr_status append_ourselves(struct spool *spool, struct batch *batch, burr_error *err)
{
	struct request request;
	burr_status status = request_read(buf_slice(&batch->request), &request, err);
	if (!spool->appender) {
		struct appender_options options = {.log_max = OWN_LOGS_MAX, .alone = false};
		spool->appender = appender_new(spool->store, &options);
		diag_say("records are written to %s by this process", spool->store->path);
	}
	if (!spool->appender)
		return burr_fail(err, BURR_ELATER, "no memory to append");
	buf_clear(&batch->reply);
	return status == BURR_OK ? appender_store(spool->appender, &request, &batch->reply, err) : status;
}

static burr_status make_pass(struct spool *spool, struct batch *batch, burr_error *err)
{
	burr_status status;
	pthread_mutex_lock(&spool->pass_lock);
	if (store_lock_append_shared(spool->store)) {
		status = append_ourselves(spool, batch, err);
		store_unlock_append(spool->store);
		spool->last_pass_ns = clock_mono_ns();
	} else {
		status = burr_fail(err, BURR_ELATER, "a collector that does not answer holds the store");
	}
	pthread_mutex_unlock(&spool->pass_lock);
	return status;
}

/* While a collector is there, a pass of our own is for the time in which it waits for the right to append:
 * after a second, and seldom, so that it gets its turn. */
static bool may_pass(struct spool *spool)
{
	int64_t now = clock_mono_ns();
	if (!store_has_collector(spool->store, NULL)) {
		spool->collector_seen_ns = 0;
		return true;
	}
	if (!spool->collector_seen_ns)
		spool->collector_seen_ns = now;
	return now - spool->collector_seen_ns >= COLLECTOR_GRACE_MS * MS &&
	       now - spool->last_pass_ns >= BETWEEN_PASSES_MS * MS;
}

/* A Reply for the batch, or why there is none. *out_route tells by which way. */
static burr_status deliver(struct spool *spool, struct batch *batch, burr_route *out_route, burr_error *err)
{
	bool pass = may_pass(spool);
	if (spool->collector_seen_ns) {
		*out_route = BURR_ROUTE_COLLECTOR;
		burr_status status = ask_collector(spool, batch, err);
		if (status != BURR_ELATER && status != BURR_ENOTFOUND)
			return status;
		if (!pass)
			return BURR_ELATER;
	} else if (spool->link) {
		set_link(spool, NULL);
	}
	*out_route = BURR_ROUTE_STORE;
	return make_pass(spool, batch, err);
}

/* ---- verdicts ---- */

static struct spool_app *app_of_verdict(struct batch *batch, const struct verdict *verdict, size_t at)
{
	for (size_t i = 0; i < batch->app_count; i++) {
		/* Verdicts come in the batch's order, so the first look hits. */
		struct spool_app *app = batch->apps[(at + i) % batch->app_count];
		if (slice_eq(app->app_id, verdict->app_id) && slice_eq(app->project, verdict->project))
			return app;
	}
	return NULL;
}

static void set_trouble_locked(struct spool *spool, struct slice app_id, struct slice reason)
{
	snprintf(spool->stats.trouble, sizeof(spool->stats.trouble), "%s%.*s%s%.*s",
		app_id.len ? "application " : "", SLICE_ARG(app_id), app_id.len ? ": " : "",
		SLICE_ARG(reason));
}

static void set_later_locked(struct spool_app *app)
{
	int64_t now = clock_mono_ns();
	if (!app->later_since_ns)
		app->later_since_ns = now;
	int64_t pause = (now - app->later_since_ns) / 4;
	if (pause < LATER_AGAIN_MS * MS)
		pause = LATER_AGAIN_MS * MS;
	if (pause > LATER_AGAIN_MAX_MS * MS)
		pause = LATER_AGAIN_MAX_MS * MS;
	app->retry_at_ns = now + pause;
}

static void take_verdicts_locked(struct spool *spool, struct batch *batch)
{
	struct verdict verdict;
	struct pb_reader r = pb_reader(buf_slice(&batch->reply));
	for (size_t at = 0; reply_next_verdict(&r, &verdict); at++) {
		struct spool_app *app = batch->app_count ? app_of_verdict(batch, &verdict, at) : NULL;
		if (!app)
			continue;
		batch->judgements[app->batch_at] = (struct judgement){true, verdict.kind, verdict.code};
		if (verdict.kind == VERDICT_LATER) {
			set_later_locked(app);
			set_trouble_locked(spool, app->app_id, verdict.reason);
		} else {
			app->later_since_ns = app->retry_at_ns = 0;
			app->refused = app->refused || verdict.code == BURR_EEXIST;
			if (verdict.kind == VERDICT_NEVER)
				set_trouble_locked(spool, app->app_id, verdict.reason);
		}
	}
}

static void finish_node_locked(struct spool *spool, struct node *node, const struct judgement *judgement)
{
	node->done = true;
	node->status = judgement->kind == VERDICT_DONE ? BURR_OK
		       : judgement->code == BURR_OK    ? BURR_EIO
						       : judgement->code;
	spool->stats.waiting_count--;
	spool->stats.waiting_bytes -= node->len;
	if (node->status == BURR_OK)
		spool->stats.stored_count++;
	else
		spool->stats.dropped_count++;
	if (!node->left)
		return; /* its call frees it */
	struct spool_app *app = node->app;
	free(node);
	app->refs--; /* swept below when it was the last: the batch still names it */
}

/* Take the finished nodes out of the queue; the batch's are its oldest, in its order. */
static void sweep_locked(struct spool *spool, struct batch *batch)
{
	struct node **at = &spool->first;
	for (size_t i = 0; i < batch->node_count; i++) {
		struct node *node = batch->nodes[i];
		const struct judgement *judgement = &batch->judgements[node->app->batch_at];
		while (*at != node)
			at = &(*at)->next;
		if (!judgement->known || judgement->kind == VERDICT_LATER) {
			at = &node->next;
			continue;
		}
		*at = node->next;
		if (spool->last == &node->next)
			spool->last = at;
		finish_node_locked(spool, node, judgement);
	}
}

static void free_unused_apps_locked(struct spool *spool)
{
	struct spool_app **at = &spool->apps;
	while (*at) {
		struct spool_app *app = *at;
		if (app->refs) {
			at = &app->next;
			continue;
		}
		*at = app->next;
		buf_fini(&app->head);
		free(app->text);
		free(app);
	}
}

static void apply(struct spool *spool, struct batch *batch, burr_route route)
{
	struct reply reply;
	if (reply_read(buf_slice(&batch->reply), &reply, NULL) != BURR_OK)
		return; /* asked again: what was stored is recognised by its identity */
	pthread_mutex_lock(&spool->lock);
	memset(batch->judgements, 0, batch->app_count * sizeof(*batch->judgements));
	take_verdicts_locked(spool, batch);
	sweep_locked(spool, batch);
	for (size_t i = 0; i < batch->app_count; i++)
		batch->apps[i]->batch_at = -1;
	batch->app_count = batch->node_count = 0;
	free_unused_apps_locked(spool);
	spool->stats.invalid_count += reply.invalid_count;
	spool->stats.route = route;
	spool->stuck_since_ns = 0;
	pthread_cond_broadcast(&spool->changed);
	pthread_mutex_unlock(&spool->lock);
}

/* ---- the thread ---- */

/* The batch can never be stored (a peer that refuses it): its records are dropped and counted. */
static void refuse_batch(struct spool *spool, struct batch *batch, burr_status status, const burr_error *why)
{
	struct reply reply = {.protocol = PROTOCOL_VERSION, .status = REPLY_OK};
	buf_clear(&batch->reply);
	reply_put(&batch->reply, &reply);
	for (size_t i = 0; i < batch->app_count; i++) {
		struct verdict verdict = {batch->apps[i]->project, batch->apps[i]->app_id, VERDICT_NEVER,
			status, slice_of(why->message)};
		reply_put_verdict(&batch->reply, &verdict);
	}
	apply(spool, batch, BURR_ROUTE_NONE);
}

static void pause_after(struct spool *spool, burr_status status, const burr_error *why)
{
	pthread_mutex_lock(&spool->lock);
	int64_t now = clock_mono_ns();
	bool began = !spool->stuck_since_ns;
	if (began)
		spool->stuck_since_ns = now;
	set_trouble_locked(spool, SLICE_NONE, slice_of(why->message));
	spool->stats.route = BURR_ROUTE_NONE;
	/* A connection that ended is made again at once; one that ends each time, seldom. */
	int pause_ms = status == BURR_ECLOSED  ? (began ? 0 : ASK_AGAIN_MS)
		       : status == BURR_ELATER ? (spool->collector_seen_ns ? ASK_AGAIN_MS : LOCK_AGAIN_MS)
					       : PAUSE_MAX_MS;
	struct timespec until = queue_time(now + pause_ms * MS);
	pthread_cond_broadcast(&spool->changed);
	while (pause_ms && !spool->stopping &&
		pthread_cond_timedwait(&spool->wake, &spool->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&spool->lock);
	if (began && status != BURR_ECLOSED)
		diag_say("records wait: %s", why->message);
}

static void ship_round(struct spool *spool, struct batch *batch)
{
	burr_error why = BURR_ERROR_INIT;
	burr_route route = BURR_ROUTE_NONE;
	write_request(spool, batch);
	burr_status status = batch->request.failed ? burr_fail(&why, BURR_ENOMEM, "no memory for a batch")
						   : deliver(spool, batch, &route, &why);
	if (status == BURR_OK)
		apply(spool, batch, route);
	else if (status == BURR_ECORRUPT || status == BURR_ETOOBIG)
		refuse_batch(spool, batch, status, &why);
	else
		pause_after(spool, status, &why);
}

void ship_leave_batch(struct spool *spool)
{
	if (!spool->batch)
		return;
	spool->batch->next = left_behind;
	left_behind = spool->batch;
	spool->batch = NULL;
}

void ship_free_batch(struct spool *spool)
{
	if (!spool->batch)
		return;
	buf_fini(&spool->batch->request);
	buf_fini(&spool->batch->reply);
	free(spool->batch);
	spool->batch = NULL;
}

/* Without memory calls time out and count meanwhile. False when the spool ends. */
static bool make_batch(struct spool *spool)
{
	bool stopping = false;
	while (!stopping && !spool->batch) {
		spool->batch = calloc(1, sizeof(*spool->batch));
		pthread_mutex_lock(&spool->lock);
		stopping = spool->stopping;
		if (!spool->batch && !spool->stuck_since_ns)
			spool->stuck_since_ns = clock_mono_ns();
		struct timespec until = queue_time(clock_mono_ns() + PAUSE_MAX_MS * MS);
		if (!stopping && !spool->batch)
			pthread_cond_timedwait(&spool->wake, &spool->lock, &until);
		pthread_mutex_unlock(&spool->lock);
	}
	return spool->batch != NULL;
}

void *ship_run(void *arg)
{
	struct spool *spool = arg;
	if (!make_batch(spool))
		return NULL;
	while (wait_batch(spool, spool->batch))
		ship_round(spool, spool->batch);
	return NULL;
}
