/* spool/ship.c: the shipper: the one thread that takes records out of the lanes and gets them into their
 * logs.
 *
 * A round: gather a batch (of the spill file, or of the lanes where that has nothing for now, oldest first,
 * leaving out applications that the store refuses at the moment), write it as a Request, get a Reply for it,
 * and go by its verdicts. The Reply comes from the collector, or from our own appender when there is none and
 * we hold the right to append; what follows is the same. A round that fails changes nothing: the records stay
 * where they are and the next round asks again, by whichever way is open then.
 *
 * Which way is open is decided by locks alone (proto/DISK.md, Who may append).
 *
 * The thread has a table of descriptors of its own, where the kernel allows that: the host may close all of
 * its own (closefrom) and harms nothing, and a forked child gets none of the locks that are held through
 * ours. What the host had open when the thread began is closed in that table, so that a pipe's end is not
 * kept open here.
 *
 * Locks: `lock` to gather, to spill and to go by verdicts; `pass_lock` for a pass or a recovery, and `lock`
 * inside it, never the other way. ship_leave runs in a forked child, ship_fini in whoever closes.
 */
#include "base/clean.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/error.h"
#include "spool/inside.h"
#include "spool/others.h"
#include "spool/recover.h"
#include "store/side.h"
#include "wire/message.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	CONNECT_MS = 1000,    /* to greet a collector that listens */
	ANSWER_LOOK_MS = 5,   /* while it has not answered: calls may be waiting for room */
	ANSWER_LATE_MS = 100, /* then it counts as an outage, and full lanes are spilled */
	ASK_AGAIN_MS = 20,    /* while a collector starts */
	LOCK_AGAIN_MS = 5,    /* while the right to append changes hands */
	LATER_AGAIN_MS = 2,   /* before an application that the store refused is tried again, at first */
	LATER_AGAIN_MAX_MS = 1000,
	PAUSE_MAX_MS = 1000,
	COLLECTOR_GRACE_MS = 1000, /* no pass of our own for this long after a collector was seen to start */
	BETWEEN_PASSES_MS = 100,   /* and this long between passes after that */
	RECOVER_AGAIN_MS = 1000,   /* while there are other spools, and records flow or some were kept */
	RECOVER_SOON_MS = 25,      /* the first time: a log that ends inside a line can be mended then */
	SETTLE_AGAIN_MS = 1000,    /* a spool without a file */
	POLL_MS = 5,               /* while records flow: a wake-up for each would cost a call 4.6 us */
	POLL_SLOWER_MS = 20,       /* after 100 ms without one */
	POLL_FOR_MS = 1000,        /* then the thread sleeps until a call wakes it */
	IDLE_LINK_MS = 10000,      /* without a record, before the connection is closed */
	OWN_LOGS_MAX = 32,         /* descriptors that a host process lends us, where it must */
	ISOLATED_LOGS_MAX = 4096,  /* of a table of our own, as far as the process's limit goes */
	OTHER_FILES = 64,          /* that the table has room for besides */
	SPILL_FROM = 50,           /* percent of a lane */
};

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define UNSHARE_FLAG 2u /* CLOSE_RANGE_UNSHARE */

static const int64_t MS = 1000000;

/* ---- descriptors ---- */

/* The thread sanitizer takes equal numbers of two tables for one descriptor. */
#if defined(__SANITIZE_THREAD__)
enum { MAY_UNSHARE = false, REPORTS_ON_STDERR = true };
#elif defined(__SANITIZE_ADDRESS__)
enum { MAY_UNSHARE = true, REPORTS_ON_STDERR = true };
#else
enum { MAY_UNSHARE = true, REPORTS_ON_STDERR = false };
#endif

enum { CLOSED_UP_TO = 65536 };

/* What the host has open beyond 2 is closed in the table that becomes ours, but for the spool's lock, where a
 * descriptor holds it: so the host cannot give it back by closing all of its own. */
static bool unshare_descriptors(int kept)
{
	const int first = kept < 0 ? 3 : kept + 1;
	if (!MAY_UNSHARE)
		return false;
	if (syscall(SYS_close_range, (unsigned)first, ~0u, UNSHARE_FLAG) < 0) {
		if (unshare(CLONE_FILES) < 0) /* what there is before Linux 5.9 */
			return false;
		for (int fd = first; fd < CLOSED_UP_TO; fd++)
			close(fd);
	}
	for (int fd = 3; fd < kept; fd++)
		close(fd);
	return true;
}

/* Nothing of ours may come to be number 0 to 2: somebody's message would go into it. */
static void isolate(struct spool *spool)
{
	bool done = unshare_descriptors(spool->file.lock_fd);
	int null = done ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
	int last = diag_on() || REPORTS_ON_STDERR ? STDOUT_FILENO : STDERR_FILENO;
	for (int fd = 0; null >= 0 && fd <= last; fd++)
		dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
	pthread_mutex_lock(&spool->lock);
	spool->isolated = done;
	pthread_mutex_unlock(&spool->lock);
}

/* How many logs are open at once. */
static size_t logs_max(const struct spool *spool)
{
	struct rlimit limit;
	if (!spool->isolated || getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
		limit.rlim_cur < OTHER_FILES + OWN_LOGS_MAX)
		return OWN_LOGS_MAX;
	rlim_t count = limit.rlim_cur - OTHER_FILES;
	return count < ISOLATED_LOGS_MAX ? (size_t)count : ISOLATED_LOGS_MAX;
}

/* ---- the request ---- */

static void write_request(struct spool *spool, struct batch *batch)
{
	const struct spool_header *h = spool_file_header(&spool->file);
	struct request request = {
		.protocol = PROTOCOL_VERSION,
		.protocol_min = PROTOCOL_VERSION,
		.writer = {spool->file.writer, WRITER_ID_LEN},
		.has_about = true,
		.about = {slice_of(h->host), h->pid, slice_of(h->program), slice_of(h->library_version)},
		.clock_offset_ns = atomic_load(&h->clock_offset_ns),
		.dropped_count = atomic_load(&h->dropped_count),
	};
	buf_clear(&batch->request);
	request_put(&batch->request, &request);
	buf_append_slice(&batch->request, buf_slice(&batch->entries));
	batch->request.failed = batch->request.failed || batch->entries.failed;
}

static void reset_batch(struct spool *spool, struct batch *batch)
{
	batch->round = ++spool->rounds;
	batch->item_count = batch->app_count = batch->bytes = 0;
	batch->app_max = spool->collector_seen_ns ? BATCH_APPS_MAX : logs_max(spool);
	batch->retry_at_ns = INT64_MAX;
	buf_clear(&batch->entries);
}

/* After a batch of the spill file's the lanes that are filling up have their turn: what waits in the file may
 * take seconds, and others' calls would wait for it. */
static bool lanes_come_first(const struct spool *spool, const struct batch *last)
{
	return last->item_count && last->items[0].spilled && gather_fullness(spool) >= SPILL_FROM;
}

/* True when there is something to deliver. */
static bool gather(struct spool *spool, struct batch *batch)
{
	pthread_mutex_lock(&spool->lock);
	const bool lanes_first = lanes_come_first(spool, batch);
	reset_batch(spool, batch);
	atomic_store(&spool_file_header(&spool->file)->clock_offset_ns, clock_offset_ns());
	uint64_t heads = gather_heads(spool);
	if (heads != spool->heads_seen)
		spool->recorded_ns = clock_mono_ns();
	spool->gathered_ns = clock_mono_ns();
	if (lanes_first)
		gather_batch(spool, batch);
	if (!batch->item_count)
		spill_gather(spool, batch);
	if (!batch->item_count)
		gather_batch(spool, batch);
	else
		spool->heads_seen = heads;
	pthread_mutex_unlock(&spool->lock);
	return batch->item_count > 0;
}

/* ---- full lanes ---- */

/* Make room where the store takes nothing (all), or nothing of some applications. */
static void relieve(struct spool *spool, bool all)
{
	pthread_mutex_lock(&spool->lock);
	bool full = atomic_exchange(&spool->pressure, false) || gather_fullness(spool) >= SPILL_FROM;
	if (full && gather_fullness(spool) >= SPILL_FROM && !spill_take(spool, all) &&
		!spool->stats.trouble[0])
		spool_set_trouble_locked(spool, SLICE_NONE, SLICE_LIT("there is no room to keep records"));
	pthread_mutex_unlock(&spool->lock);
}

/* ---- delivering ---- */

static void set_link(struct spool *spool, struct link *link)
{
	link_close(spool->link);
	spool->link = link;
}

static void set_asked(struct spool *spool, int64_t since_ns)
{
	pthread_mutex_lock(&spool->lock);
	spool->asked_since_ns = since_ns;
	if (since_ns)
		pthread_cond_broadcast(&spool->changed);
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

/* The answer may take as long as the disk does. Only the collector itself may still write what it has been
 * given, and a stopped one will when it goes on: so nothing but its end or its answer ends the wait. */
static burr_status wait_answer(struct spool *spool, struct batch *batch, burr_error *err)
{
	const int64_t asked_ns = clock_mono_ns();
	bool late = false;
	burr_status status;
	link_begin(spool->link, buf_slice(&batch->request));
	do {
		status = link_wait(spool->link, ANSWER_LOOK_MS, &batch->reply, err);
		if (status != BURR_ETIMEOUT)
			break;
		if (!late && clock_mono_ns() - asked_ns >= ANSWER_LATE_MS * MS) {
			late = true;
			set_asked(spool, asked_ns);
		}
		if (late)
			relieve(spool, true);
	} while (!atomic_load(&spool->stopping));
	if (late)
		set_asked(spool, 0);
	return status == BURR_ETIMEOUT ? burr_fail(err, BURR_ECLOSED, "the tracker is closed") : status;
}

static burr_status ask_collector(struct spool *spool, struct batch *batch, burr_error *err)
{
	if (!spool->link) {
		struct link *link;
		burr_status status = link_open(spool->store, CONNECT_MS, &link, err);
		if (status != BURR_OK)
			return keep_batch(status);
		set_link(spool, link);
		diag_say("records go to the collector of %s", spool->store->path);
	}
	burr_status status = wait_answer(spool, batch, err);
	if (status == BURR_OK)
		return judge_reply(spool, batch, err);
	set_link(spool, NULL);
	return keep_batch(status);
}

static bool open_appender(struct spool *spool)
{
	if (spool->appender)
		return true;
	struct appender_options options = {
		.log_max = logs_max(spool),
		.sync_first = true,
		.begin_others = others_begin,
		.find_others = others_find,
		.forget_others = others_forget,
		.doubt_others = others_doubt,
		.others = spool->others,
	};
	spool->appender = appender_new(spool->store, &options);
	diag_say("records are written to %s by this process", spool->store->path);
	return spool->appender != NULL;
}

/* The caller holds the right to append. */
static burr_status append_ourselves(struct spool *spool, struct batch *batch, burr_error *err)
{
	struct request request;
	burr_status status = request_read(buf_slice(&batch->request), &request, err);
	if (!open_appender(spool))
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
		/* How it ended is not known: what it left is synced before anything is acknowledged
		 * (sync_first). */
		if (spool->collector_seen_ns && spool->store->durability != DURABILITY_OS) {
			appender_free(spool->appender);
			recoverer_free(spool->recoverer);
			spool->appender = NULL;
			spool->recoverer = NULL;
		}
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

/* ---- verdicts; under the lock ---- */

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

static void set_later(struct spool_app *app)
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

static void take_verdict(struct spool *spool, struct spool_app *app, struct judgement *judgement,
	const struct verdict *verdict)
{
	judgement->known = true;
	judgement->kind = verdict->kind;
	judgement->code = verdict->code;
	snprintf(judgement->reason, sizeof(judgement->reason), "%.*s", SLICE_ARG(verdict->reason));
	if (verdict->kind != VERDICT_DONE)
		spool_set_trouble_locked(spool, app->app_id, verdict->reason);
	if (verdict->kind == VERDICT_LATER) {
		set_later(app);
		return;
	}
	app->later_since_ns = app->retry_at_ns = 0;
	app->making_waits = false;
	if (atomic_load(&app->never) != BURR_EEXIST) /* that one stays: another run has the name */
		atomic_store(&app->never, verdict->kind == VERDICT_NEVER
						  ? (verdict->code ? (int)verdict->code : BURR_EIO)
						  : BURR_OK);
}

static void tell_waiters(struct spool *spool, const struct item *item, const struct judgement *judgement)
{
	for (struct waiter *w = spool->waiters; w; w = w->next) {
		if (w->lane != item->lane || w->n != item->n)
			continue;
		w->done = true;
		w->status = judgement->kind == VERDICT_DONE ? BURR_OK
			    : judgement->code               ? judgement->code
							    : BURR_EIO;
		snprintf(w->reason, sizeof(w->reason), "%s", judgement->reason);
	}
}

static void unlink_side(struct spool *spool, const struct item *item)
{
	char name[SIDE_NAME_SIZE];
	struct stat st;
	side_file_name(name, sizeof(name), slice_of(spool->file.writer), item->lane, item->n);
	if (fstatat(spool->store->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		unlinkat(spool->store->dir_fd, name, 0) < 0)
		return;
	atomic_fetch_sub(&spool->side_bytes, (uint64_t)st.st_size);
}

static void finish_item(struct spool *spool, const struct batch *batch, const struct item *item)
{
	const struct judgement *judgement = &batch->judgements[item->app->batch_at];
	if (!judgement->known || judgement->kind == VERDICT_LATER)
		return;
	if (spool->waiters)
		tell_waiters(spool, item, judgement);
	/* What was spilled while the answer was awaited is sent again from there, and counted then. */
	if (!(item->spilled ? spill_mark_done(spool, item) : gather_mark_done(spool, item)))
		return;
	if (item->side)
		unlink_side(spool, item);
	if (judgement->kind == VERDICT_DONE) {
		spool->stats.stored_count++;
	} else {
		spool->refused_count++;
		atomic_fetch_add(&spool_file_header(&spool->file)->dropped_count, 1);
	}
}

static void take_verdicts(struct spool *spool, struct batch *batch)
{
	struct verdict verdict;
	struct pb_reader r = pb_reader(buf_slice(&batch->reply));
	for (size_t at = 0; reply_next_verdict(&r, &verdict); at++) {
		struct spool_app *app = batch->app_count ? app_of_verdict(batch, &verdict, at) : NULL;
		if (app)
			take_verdict(spool, app, &batch->judgements[app->batch_at], &verdict);
	}
}

static void note_lost(struct spool *spool, const struct reply *reply)
{
	spool->stats.invalid_count += reply->invalid_count;
	if (!reply->lost_count)
		return;
	atomic_fetch_add(&spool_file_header(&spool->file)->dropped_count, reply->lost_count);
	spool_set_trouble_locked(spool, SLICE_NONE, reply->lost_text);
}

static void note_drained(struct spool *spool)
{
	spool->drained_ns = gather_drained_ns(spool);
	spool_free_closed_apps_locked(spool);
	pthread_cond_broadcast(&spool->changed);
}

static void apply(struct spool *spool, struct batch *batch, burr_route route)
{
	struct reply reply;
	if (reply_read(buf_slice(&batch->reply), &reply, NULL) != BURR_OK)
		return; /* asked again: what was stored is recognised by its identity */
	pthread_mutex_lock(&spool->lock);
	take_verdicts(spool, batch);
	for (size_t i = 0; i < batch->item_count; i++)
		finish_item(spool, batch, &batch->items[i]);
	if (batch->items[0].spilled)
		spill_free_done(spool, batch);
	gather_free_done(spool);
	note_lost(spool, &reply);
	spool->stats.route = route;
	spool->stuck_since_ns = 0;
	note_drained(spool);
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

/* Until then, or until a call wakes the thread. */
static void wait_word(struct spool *spool, enum ship_state state, int64_t until_ns)
{
	int64_t left_ns = until_ns == INT64_MAX ? INT64_MAX : until_ns - clock_mono_ns();
	if (left_ns <= 0)
		return;
	atomic_store(&spool->ship_state, state);
	bool fenced = full_barrier();
	/* Without the kernel's barrier a call's look at the state may miss it: then nothing is slept through.
	 */
	if (state == SHIP_SLEEPS && !fenced && left_ns > POLL_SLOWER_MS * MS)
		left_ns = POLL_SLOWER_MS * MS;
	bool news = atomic_load(&spool->stopping) || atomic_load(&spool->pressure) ||
		    (state == SHIP_SLEEPS && gather_heads(spool) != spool->heads_seen);
	if (!news)
		futex_wait(&spool->ship_state, state, left_ns);
	atomic_store(&spool->ship_state, SHIP_RUNS);
}

static int pause_ms(const struct spool *spool, burr_status status, bool began)
{
	/* A connection that ended is made again at once; one that ends each time, seldom. */
	if (status == BURR_ECLOSED)
		return began ? 0 : ASK_AGAIN_MS;
	if (status == BURR_ELATER)
		return spool->collector_seen_ns ? ASK_AGAIN_MS : LOCK_AGAIN_MS;
	return PAUSE_MAX_MS;
}

/* A spool that the store had no room for is tried for again: then a kill loses nothing any more, and records
 * that are too large for memory have their side files. */
static void settle(struct spool *spool)
{
	bool in_use[SPOOL_LANES];
	if (!spool->file.is_private || clock_mono_ns() < spool->settle_at_ns)
		return;
	spool->settle_at_ns = clock_mono_ns() + SETTLE_AGAIN_MS * MS;
	pthread_mutex_lock(&spool->lock);
	if (!atomic_load(&spool->retired)) {
		if (lanes_hold(spool, in_use) && spool_file_settle(&spool->file, spool->store_path, in_use))
			diag_say("records are kept in %s again", spool->store_path);
		lanes_release(spool, in_use);
	}
	pthread_mutex_unlock(&spool->lock);
}

/* Nothing can be delivered: wait a while, and keep the lanes from filling up meanwhile. */
static void pause_after(struct spool *spool, burr_status status, const burr_error *why)
{
	pthread_mutex_lock(&spool->lock);
	int64_t now = clock_mono_ns();
	bool began = !spool->stuck_since_ns;
	if (began)
		spool->stuck_since_ns = now;
	spool_set_trouble_locked(spool, SLICE_NONE, slice_of(why->message));
	spool->stats.route = BURR_ROUTE_NONE;
	pthread_cond_broadcast(&spool->changed);
	pthread_mutex_unlock(&spool->lock);
	if (began && status != BURR_ECLOSED)
		diag_say("records wait: %s", why->message);
	int64_t until_ns = now + pause_ms(spool, status, began) * MS;
	do {
		settle(spool);
		relieve(spool, true);
		wait_word(spool, SHIP_WAITS, until_ns);
	} while (!atomic_load(&spool->stopping) && clock_mono_ns() < until_ns);
}

/* True when something was moved on, and there may be more. */
static bool ship_round(struct spool *spool, struct batch *batch)
{
	burr_error why = BURR_ERROR_INIT;
	burr_route route = BURR_ROUTE_NONE;
	settle(spool);
	gather_populate(spool);
	if (!gather(spool, batch)) {
		pthread_mutex_lock(&spool->lock);
		note_drained(spool);
		pthread_mutex_unlock(&spool->lock);
		relieve(spool, false);
		return false;
	}
	write_request(spool, batch);
	burr_status status = batch->request.failed ? burr_fail(&why, BURR_ENOMEM, "no memory for a batch")
						   : deliver(spool, batch, &route, &why);
	if (status == BURR_OK)
		apply(spool, batch, route);
	else if (status == BURR_ECORRUPT || status == BURR_ETOOBIG)
		refuse_batch(spool, batch, status, &why);
	else
		pause_after(spool, status, &why);
	if (status != BURR_OK)
		batch->retry_at_ns = 0; /* that was the pause: it is not to be slept over */
	relieve(spool, false);
	return status == BURR_OK;
}

/* Somebody waits for what was recorded since the last look. */
static bool is_wanted(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	bool wanted = spool->wanted_ns >= spool->gathered_ns;
	pthread_mutex_unlock(&spool->lock);
	return wanted;
}

static void sync_logs(struct spool *spool)
{
	burr_error why = BURR_ERROR_INIT;
	if (spool->appender && appender_sync_due(spool->appender) <= clock_mono_ns() &&
		appender_sync(spool->appender, &why) != BURR_OK)
		diag_say("sync: %s", why.message);
}

/* Nothing to do: look again soon while records flow, sleep when they do not. */
static void idle(struct spool *spool, const struct batch *batch)
{
	int64_t now = clock_mono_ns();
	int64_t quiet_ns = now - spool->recorded_ns;
	sync_logs(spool);
	if (spool->link && quiet_ns > IDLE_LINK_MS * MS)
		set_link(spool, NULL);
	int64_t until_ns = batch->retry_at_ns;
	if (spool->appender && appender_sync_due(spool->appender) < until_ns)
		until_ns = appender_sync_due(spool->appender);
	if (spool->file.is_private && spool->settle_at_ns < until_ns)
		until_ns = spool->settle_at_ns;
	if (spool->recoverer && spool->recover_at_ns < until_ns)
		until_ns = spool->recover_at_ns;
	if (quiet_ns < POLL_FOR_MS * MS) {
		int64_t poll_ns = (quiet_ns < POLL_FOR_MS * MS / 10 ? POLL_MS : POLL_SLOWER_MS) * MS;
		wait_word(spool, SHIP_WAITS, now + poll_ns < until_ns ? now + poll_ns : until_ns);
		return;
	}
	if (spool->link && spool->recorded_ns + (IDLE_LINK_MS + 1) * MS < until_ns)
		until_ns = spool->recorded_ns + (IDLE_LINK_MS + 1) * MS;
	wait_word(spool, SHIP_SLEEPS, until_ns);
}

/* What the thread needs; without it calls time out and count meanwhile. False when the spool ends. */
static bool prepare(struct spool *spool)
{
	do {
		burr_error why = BURR_ERROR_INIT;
		burr_status status = BURR_OK;
		if (!spool->batch)
			spool->batch = calloc(1, sizeof(*spool->batch));
		if (!spool->store)
			status = store_open(spool->store_path, STORE_WRITE, &spool->store, &why);
		if (status == BURR_OK && !spool->others)
			spool->others = others_new(spool->store, slice_of(spool->file.writer));
		if (status == BURR_OK && spool->batch && spool->others)
			return true;
		if (status == BURR_OK)
			status = burr_fail(&why, BURR_EIO, "no memory");
		pause_after(spool, status, &why);
	} while (!atomic_load(&spool->stopping));
	return false;
}

static void end_recovery(struct spool *spool)
{
	recoverer_free(spool->recoverer);
	spool->recoverer = NULL;
}

/* Calls go on meanwhile, and what was acknowledged is to be synced. */
static void keep_up(void *ctx)
{
	struct spool *spool = ctx;
	relieve(spool, true);
	sync_logs(spool);
}

static void recover_some(struct spool *spool, bool old_only, struct recovered *recovered)
{
	const bool again = spool->recoverer;
	if (!again)
		spool->recoverer = recoverer_new(spool->store);
	if (spool->recoverer)
		recoverer_run(spool->recoverer, old_only, recovered);
	if (!recovered->kept_count)
		end_recovery(spool);
	else if (!again)
		spool->recover_at_ns = clock_mono_ns() + RECOVER_SOON_MS * MS;
}

/* What dead processes left in the store, where no collector does it. A spool whose lock somebody had for a
 * moment, or whose log ended inside a line, is looked at again. */
static void recover(struct spool *spool, bool old_only)
{
	struct recovered recovered = {.on_batch = keep_up, .ctx = spool};
	spool->recover_at_ns = clock_mono_ns() + RECOVER_AGAIN_MS * MS;
	pthread_mutex_lock(&spool->pass_lock);
	if (store_has_collector(spool->store, NULL))
		end_recovery(spool);
	else
		recover_some(spool, old_only, &recovered);
	pthread_mutex_unlock(&spool->pass_lock);
	if (recovered.record_count || recovered.lost_count)
		diag_say("took %llu records out of %llu spools that processes left, %llu of them lost",
			(unsigned long long)recovered.record_count, (unsigned long long)recovered.spool_count,
			(unsigned long long)recovered.lost_count);
}

static bool may_recover(struct spool *spool)
{
	return clock_mono_ns() >= spool->recover_at_ns &&
	       (spool->recoverer || others_count(spool->others).spools);
}

/* On this thread, whose table of descriptors it is. */
static void tear_down(struct spool *spool)
{
	burr_error why = BURR_ERROR_INIT;
	if (spool->appender && appender_sync(spool->appender, &why) != BURR_OK)
		diag_say("sync: %s", why.message);
	spill_close(spool);
	link_close(spool->link);
	appender_free(spool->appender);
	end_recovery(spool);
	others_free(spool->others);
	store_close(spool->store);
	spool->link = NULL;
	spool->appender = NULL;
	spool->others = NULL;
	spool->store = NULL;
}

void *ship_run(void *arg)
{
	struct spool *spool = arg;
	isolate(spool);
	if (prepare(spool)) {
		recover(spool, true);
		bool moved = ship_round(spool, spool->batch);
		recover(spool, false);
		while (moved || !atomic_load(&spool->stopping)) {
			if (!moved && !is_wanted(spool))
				idle(spool, spool->batch);
			moved = ship_round(spool, spool->batch);
			if (moved)
				sync_logs(spool);
			if (may_recover(spool))
				recover(spool, false);
		}
	}
	tear_down(spool);
	return NULL;
}

/* ---- its end ---- */

/* What the parent's shipper had, in a child: the memory may be half changed, so it is put aside. */
struct left {
	struct left *next;
	struct store *store;
	struct link *link;
	struct appender *appender;
	struct others *others;
	struct recoverer *recoverer;
	struct batch *batch;
	struct spill spill;
};
static struct left *left_behind; /* a child has one thread when it adds to it */

/* Descriptors of a table that the child does not have must not be closed by number; those of a shared one
 * hold the parent's locks. */
static void leave_descriptors(struct spool *spool)
{
	store_close(spool->store);
	link_close(spool->link);
	appender_free(spool->appender);
	end_recovery(spool);
	others_free(spool->others);
	fd_close(&spool->spill.fd);
	spool->store = NULL;
	spool->link = NULL;
	spool->appender = NULL;
	spool->others = NULL;
}

void ship_leave(struct spool *spool)
{
	if (!spool->isolated)
		leave_descriptors(spool);
	struct left *left = malloc(sizeof(*left));
	if (left) {
		*left = (struct left){left_behind, spool->store, spool->link, spool->appender, spool->others,
			spool->recoverer, spool->batch, spool->spill};
		left_behind = left;
	}
	spool->store = NULL;
	spool->link = NULL;
	spool->appender = NULL;
	spool->others = NULL;
	spool->recoverer = NULL;
	spool->batch = NULL;
	spool->isolated = false;
	spool->spill = (struct spill){.fd = -1, .first_ns = INT64_MAX};
}

void ship_fini(struct spool *spool)
{
	if (spool->batch) {
		buf_fini(&spool->batch->entries);
		buf_fini(&spool->batch->request);
		buf_fini(&spool->batch->reply);
		free(spool->batch);
	}
	spool->batch = NULL;
}
