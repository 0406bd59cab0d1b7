/* ingest/ingest.c: see ingest.h: what is answered, by one thread that also moves the bytes (peers.h).
 *
 * Threads: the append thread owns everything but the statistics and `stopping`, which `lock` guards. */
#include "ingest/ingest.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "ingest/peers.h"
#include "report/report.h"
#include "spool/file.h"
#include "spool/others.h"
#include "spool/recover.h"
#include "wire/limits.h"
#include "wire/message.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	LOGS_OPEN_MAX = 6144, /* reopening a log costs 2.3 times an append to an open one */
	LOCK_AGAIN_MS = 5,
	REPORT_EVERY_MS = 10000,
	LOOK_EVERY_MS = 1000,    /* at the spools: a writer may die without having connected */
	DROPPERS = 256,          /* writers that dropped something, of which the last counts are known */
	LATER_FORGET_MS = 60000, /* a living writer asks again once a second */
};

/* What a writer said last of what it had to drop. */
struct dropper {
	char writer[WRITER_ID_LEN];
	uint64_t count;
};

/* Somebody waits for what spools hold of an application; on his stack, and linked until `answered`. */
struct ask {
	struct slice project, app_id;
	bool answered, taken; /* under lock */
	struct ask *next;     /* under lock */
};

struct ingest {
	struct ingest_options options;     /* constant */
	struct peers *peers;               /* append thread only, but peers_wake */
	struct appender *appender;         /* append thread only */
	struct others *others;             /* append thread only */
	int64_t looked_ns;                 /* append thread only: at the spools; 0: not yet */
	uint32_t peers_seen;               /* append thread only */
	bool appending;                    /* append thread only */
	struct dropper droppers[DROPPERS]; /* append thread only */
	size_t next_dropper;
	pthread_t thread;
	bool started; /* the caller's thread only */
	bool stopped; /* the caller's thread only */

	pthread_mutex_t lock;
	pthread_cond_t asked;      /* one of `asks` was answered */
	struct ask *asks;          /* under lock */
	bool stopping;             /* under lock */
	struct ingest_stats stats; /* under lock; what is LATER is changed by the append thread alone */
};

/* ---- answering; the append thread ---- */

/* Changed by this thread alone, under the lock. */
static struct ingest_later *find_later(struct ingest_stats *stats, struct slice project, struct slice app_id)
{
	for (size_t i = 0; i < stats->later_app_count; i++)
		if (slice_is(app_id, stats->laters[i].app_id) && slice_is(project, stats->laters[i].project))
			return &stats->laters[i];
	return NULL;
}

static void drop_later(struct ingest_stats *stats, struct ingest_later *later)
{
	struct ingest_later *end = stats->laters + stats->later_app_count;
	memmove(later, later + 1, (size_t)(end - later - 1) * sizeof(*later));
	stats->later_app_count--;
}

static void forget_laters(struct ingest_stats *stats)
{
	int64_t before_ns = clock_mono_ns() - LATER_FORGET_MS * INT64_C(1000000);
	for (size_t i = stats->later_app_count; i-- > 0;)
		if (stats->laters[i].asked_ns < before_ns)
			drop_later(stats, &stats->laters[i]);
}

static void put_later(struct ingest_stats *stats, const struct verdict *verdict)
{
	struct ingest_later *later = find_later(stats, verdict->project, verdict->app_id);
	if (!later) {
		forget_laters(stats);
		if (stats->later_app_count == INGEST_LATER_MAX)
			return; /* it asks again, when there may be room */
		later = &stats->laters[stats->later_app_count++];
		snprintf(later->project, sizeof(later->project), "%.*s", SLICE_ARG(verdict->project));
		snprintf(later->app_id, sizeof(later->app_id), "%.*s", SLICE_ARG(verdict->app_id));
		later->since_ns = clock_wall_ns();
	}
	snprintf(later->reason, sizeof(later->reason), "%.*s", SLICE_ARG(verdict->reason));
	later->asked_ns = clock_mono_ns();
}

/* Something of it was stored, or never will be. */
static void leave_laters(struct ingest *in, struct slice project, struct slice app_id)
{
	pthread_mutex_lock(&in->lock);
	struct ingest_later *later = find_later(&in->stats, project, app_id);
	if (later)
		drop_later(&in->stats, later);
	pthread_mutex_unlock(&in->lock);
}

static void note_trouble(struct ingest *in, const struct verdict *verdict)
{
	bool later = verdict->kind == VERDICT_LATER;
	if (!later)
		leave_laters(in, verdict->project, verdict->app_id);
	pthread_mutex_lock(&in->lock);
	if (later)
		put_later(&in->stats, verdict);
	in->stats.later_count += later;
	in->stats.never_count += !later;
	snprintf(in->stats.trouble, sizeof(in->stats.trouble), "%.*s/%.*s: %.*s", SLICE_ARG(verdict->project),
		SLICE_ARG(verdict->app_id), SLICE_ARG(verdict->reason));
	pthread_mutex_unlock(&in->lock);
	report_seldom(REPORT_EVERY_MS, "%s %.*s/%.*s: %.*s", later ? "cannot store now" : "refused",
		SLICE_ARG(verdict->project), SLICE_ARG(verdict->app_id), SLICE_ARG(verdict->reason));
}

static void note_verdicts(struct ingest *in, const struct buf *bytes)
{
	struct verdict verdict;
	struct pb_reader r = pb_reader(buf_slice(bytes));
	const bool any_later = in->stats.later_app_count > 0;
	while (reply_next_verdict(&r, &verdict)) {
		if (verdict.kind != VERDICT_DONE)
			note_trouble(in, &verdict);
		else if (any_later)
			leave_laters(in, verdict.project, verdict.app_id);
	}
}

/* Also of records that were found in spools. */
static void on_appended(void *ctx, struct slice project, struct slice app_id)
{
	struct ingest *in = ctx;
	if (in->stats.later_app_count > 0)
		leave_laters(in, project, app_id);
	if (in->options.on_appended)
		in->options.on_appended(in->options.ctx, project, app_id);
}

static void put_status(struct buf *out, enum reply_status status, const char *message)
{
	struct reply reply = {.protocol = PROTOCOL_VERSION, .status = status, .message = slice_of(message)};
	buf_clear(out);
	reply_put(out, &reply);
}

/* Durability `group`: what was acknowledged is synced in time, under load as well as when idle. */
static void sync_when_due(struct ingest *in)
{
	burr_error why;
	if (appender_sync_due(in->appender) > clock_mono_ns())
		return;
	if (appender_sync(in->appender, &why) != BURR_OK)
		report_seldom(REPORT_EVERY_MS, "%s, trying again", why.message);
}

static void sync_meanwhile(void *in)
{
	sync_when_due(in);
}

/* A writer tells all that it dropped since it began; what is new of it counts. */
static void note_dropped(struct ingest *in, struct slice writer, uint64_t dropped_count, const char *whose)
{
	struct dropper *dropper = in->droppers;
	if (!dropped_count)
		return;
	while (dropper < in->droppers + DROPPERS && memcmp(dropper->writer, writer.data, WRITER_ID_LEN) != 0)
		dropper++;
	if (dropper == in->droppers + DROPPERS) {
		dropper = &in->droppers[in->next_dropper++ % DROPPERS];
		memcpy(dropper->writer, writer.data, WRITER_ID_LEN);
		dropper->count = 0;
	}
	if (dropped_count <= dropper->count)
		return;
	pthread_mutex_lock(&in->lock);
	in->stats.dropped_count += dropped_count - dropper->count;
	pthread_mutex_unlock(&in->lock);
	report_seldom(REPORT_EVERY_MS, "%s had to drop %llu records", whose,
		(unsigned long long)(dropped_count - dropper->count));
	dropper->count = dropped_count;
}

static void note_request_dropped(struct ingest *in, const struct request *request)
{
	char whose[128];
	snprintf(whose, sizeof(whose), "%.*s (process %lld)", SLICE_ARG(request->about.program),
		(long long)request->about.pid);
	note_dropped(in, request->writer, request->dropped_count, whose);
}

/* A dead writer's own count may be newer than what it told. */
static void on_spool(void *ctx, const char *name, uint64_t record_count, uint64_t dropped_count)
{
	(void)record_count;
	const struct slice writer = {name + sizeof(SPOOL_PREFIX) - 1, WRITER_ID_LEN};
	note_dropped(ctx, writer, dropped_count, "a program that has ended");
}

/* What dead writers left, and what stopped ones hold: at the start, when a connection ends, and once a
 * second. */
static void look_at_spools(struct ingest *in)
{
	struct recovered got = {0};
	const int64_t now = clock_mono_ns();
	const uint32_t peers = peers_count(in->peers);
	bool gone = peers < in->peers_seen;
	in->peers_seen = peers;
	if (!in->appending ||
		(in->looked_ns && !gone && now - in->looked_ns < LOOK_EVERY_MS * INT64_C(1000000)))
		return;
	in->looked_ns = now;
	got.on_spool = on_spool;
	got.on_batch = sync_meanwhile;
	got.ctx = in;
	recover_with(in->options.store, in->appender, in->others, &got);
	if (got.spool_count && got.record_count)
		report("took in %llu record%s that %llu ended program%s had left",
			(unsigned long long)got.record_count, got.record_count == 1 ? "" : "s",
			(unsigned long long)got.spool_count, got.spool_count == 1 ? "" : "s");
	if (!gone)
		recover_stalled(in->options.store, in->appender, in->others, &got);
	if (got.trouble[0])
		report_seldom(REPORT_EVERY_MS, "%s", got.trouble);
	struct others_count others = others_count(in->others);
	pthread_mutex_lock(&in->lock);
	in->stats.recovered_count += got.record_count;
	in->stats.aside_count += got.aside_count;
	in->stats.dropped_count += got.lost_count;
	in->stats.spool_count = others.spools;
	if (got.trouble[0])
		snprintf(in->stats.trouble, sizeof(in->stats.trouble), "%s", got.trouble);
	pthread_mutex_unlock(&in->lock);
}

/* Who asks reads the logs next, and may miss nothing that was recorded before. */
static void take_in(struct ingest *in)
{
	struct recovered got = {.on_batch = sync_meanwhile, .ctx = in};
	in->looked_ns = 0;
	look_at_spools(in);
	recover_living(in->options.store, in->appender, in->others, &got);
	if (got.trouble[0])
		report_seldom(REPORT_EVERY_MS, "%s", got.trouble);
}

/* What is younger its writer brings by itself. */
static bool holds(struct ingest *in, const struct ask *ask)
{
	struct foreign held = {0};
	const int64_t before_ns = clock_mono_ns() - INGEST_HELD_MS * INT64_C(1000000);
	others_begin(in->others);
	/* A spool that cannot be looked into now is looked into with the next batch. */
	burr_status status =
		others_find(in->others, SLICE_NONE, ask->project, ask->app_id, before_ns, &held, NULL);
	const bool found = status == BURR_OK && held.entry_count > 0;
	foreign_fini(&held);
	return found;
}

static void answer_asks(struct ingest *in)
{
	pthread_mutex_lock(&in->lock);
	for (struct ask *ask; (ask = in->asks);) {
		in->asks = ask->next;
		pthread_mutex_unlock(&in->lock);
		const bool taken = in->appending && holds(in, ask);
		if (taken)
			take_in(in);
		pthread_mutex_lock(&in->lock);
		ask->taken = taken;
		ask->answered = true;
		pthread_cond_broadcast(&in->asked);
	}
	pthread_mutex_unlock(&in->lock);
}

/* False: it is being answered. */
static bool unlink_ask_locked(struct ingest *in, const struct ask *ask)
{
	for (struct ask **at = &in->asks; *at; at = &(*at)->next) {
		if (*at != ask)
			continue;
		*at = ask->next;
		return true;
	}
	return false;
}

bool ingest_take_in(struct ingest *in, struct slice project, struct slice app_id)
{
	struct ask ask = {.project = project, .app_id = app_id};
	struct timespec until;
	bool waits = true;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += INGEST_ASK_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&in->lock);
	ask.answered = in->stopping;
	if (!ask.answered) {
		ask.next = in->asks;
		in->asks = &ask;
		peers_wake(in->peers);
	}
	while (!ask.answered) {
		int failed = waits ? pthread_cond_timedwait(&in->asked, &in->lock, &until)
				   : pthread_cond_wait(&in->asked, &in->lock);
		if (failed && unlink_ask_locked(in, &ask))
			break;
		waits = waits && !failed; /* one that is being answered must be waited for */
	}
	pthread_mutex_unlock(&in->lock);
	return ask.taken;
}

static void answer_question(struct ingest *in, const struct request *request, struct buf *out)
{
	struct reply reply = {.protocol = PROTOCOL_VERSION,
		.status = REPLY_OK,
		.has_collector = true,
		.version = slice_of(burr_version()),
		.url = slice_of(in->options.url),
		.pid = getpid()};
	if (request->take_in)
		take_in(in);
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
	if (reply_read(buf_slice(out), &reply, NULL) == BURR_OK) {
		in->stats.invalid_count += reply.invalid_count;
		in->stats.lost_count += reply.lost_count;
	} else {
		reply.lost_count = 0;
	}
	pthread_mutex_unlock(&in->lock);
	if (reply.lost_count)
		report_seldom(REPORT_EVERY_MS, "%llu records are lost: %.*s",
			(unsigned long long)reply.lost_count, SLICE_ARG(reply.lost_text));
	note_verdicts(in, out);
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
	} else if (!request.entry_count && (appending || !request.take_in)) {
		answer_question(in, &request, out);
	} else if (!appending) {
		put_status(out, REPLY_NOT_YET, "the collector waits for the right to append");
	} else {
		note_request_dropped(in, &request);
		store_batch(in, &request, out);
	}
}

static void on_request(void *ctx, struct slice request, struct buf *out_reply)
{
	struct ingest *in = ctx;
	answer(in, request, in->appending, out_reply);
}

static void note_peers(struct ingest *in)
{
	pthread_mutex_lock(&in->lock);
	in->stats.writer_count = peers_count(in->peers);
	in->stats.appending = in->appending;
	pthread_mutex_unlock(&in->lock);
}

static bool is_stopping(struct ingest *in)
{
	pthread_mutex_lock(&in->lock);
	bool stopping = in->stopping;
	pthread_mutex_unlock(&in->lock);
	return stopping;
}

/* In how many ms at the latest something is to be done besides serving. */
static int next_timeout(const struct ingest *in)
{
	if (!in->appending)
		return LOCK_AGAIN_MS;
	int64_t due = appender_sync_due(in->appender);
	int64_t look = in->looked_ns + LOOK_EVERY_MS * INT64_C(1000000);
	int64_t left_ns = (due < look ? due : look) - clock_mono_ns();
	return left_ns <= 0 ? 0 : (int)(left_ns / 1000000 + 1);
}

/* The right to append cannot be waited for together with sockets: a lock is no event. So while it is missing
 * it is asked for every 5 ms; with it, an idle collector wakes once a second. */
static void *append_run(void *arg)
{
	struct ingest *in = arg;
	while (!is_stopping(in)) {
		if (!in->appending)
			in->appending = store_lock_append_exclusive(in->options.store);
		look_at_spools(in);
		answer_asks(in);
		peers_serve(in->peers, next_timeout(in));
		sync_when_due(in);
		note_peers(in);
	}
	answer_asks(in); /* from now on nobody asks */
	/* What has come in whole is still answered. */
	peers_refuse(in->peers);
	peers_serve(in->peers, 0);
	if (appender_sync_due(in->appender) != INT64_MAX)
		(void)appender_sync(in->appender, NULL); /* the kernel goes on by itself */
	if (in->appending)
		store_unlock_append(in->options.store);
	return NULL;
}

/* ---- life ---- */

/* Three of four descriptors that this process may have: the rest is for connections, files and the catalog.
 */
static size_t count_logs(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return LOGS_OPEN_MAX / 8;
	rlim_t count = limit.rlim_cur / 4 * 3;
	return count < LOGS_OPEN_MAX ? (size_t)count : LOGS_OPEN_MAX;
}

static burr_status open_all(struct ingest *in, burr_error *err)
{
	struct appender_options options = {
		.log_max = count_logs(),
		.alone = true,
		.sync_first = true, /* whoever had the right before: how it ended is not known */
		.on_appended = on_appended,
		.ctx = in,
		.begin_others = others_begin,
		.find_others = others_find,
		.forget_others = others_forget,
		.doubt_others = others_doubt,
	};
	in->others = others_new(in->options.store, SLICE_NONE);
	if (!in->others)
		return burr_fail(err, BURR_ENOMEM, "no memory to append");
	options.others = in->others;
	in->appender = appender_new(in->options.store, &options);
	if (!in->appender)
		return burr_fail(err, BURR_ENOMEM, "no memory to append");
	burr_status status = peers_open(in->options.store, on_request, in, &in->peers, err);
	if (status != BURR_OK)
		return status;
	int error = pthread_create(&in->thread, NULL, append_run, in);
	if (error != 0)
		return burr_fail(err, BURR_ENOMEM, "start the append thread: %s", strerror(error));
	in->started = true;
	return BURR_OK;
}

burr_status ingest_open(const struct ingest_options *options, struct ingest **out, burr_error *err)
{
	struct ingest *in = calloc(1, sizeof(*in));
	sigset_t all;
	sigset_t before;
	if (!in)
		return burr_fail(err, BURR_ENOMEM, "no memory for ingest");
	in->options = *options;
	pthread_mutex_init(&in->lock, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&in->asked, &monotonic);
	pthread_condattr_destroy(&monotonic);
	/* The thread takes none of the program's signals. */
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
	pthread_mutex_unlock(&in->lock);
	if (in->peers)
		peers_wake(in->peers);
	if (in->started)
		pthread_join(in->thread, NULL);
	peers_close(in->peers);
	in->peers = NULL;
}

void ingest_close(struct ingest *in)
{
	if (!in)
		return;
	ingest_stop(in);
	appender_free(in->appender);
	others_free(in->others);
	pthread_cond_destroy(&in->asked);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

void ingest_get_stats(struct ingest *in, struct ingest_stats *out)
{
	pthread_mutex_lock(&in->lock);
	*out = in->stats;
	pthread_mutex_unlock(&in->lock);
	forget_laters(out);
}
