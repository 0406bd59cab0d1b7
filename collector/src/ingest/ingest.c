/* ingest/ingest.c: see ingest.h: what is answered, by one thread that also moves the bytes (peers.h).
 *
 * Threads: the append thread owns everything but the statistics, which `lock` guards. */
#include "ingest/ingest.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "ingest/peers.h"
#include "report/report.h"
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
	DROPPERS = 256, /* writers that dropped something, of which the last counts are known */
};

/* What a writer said last of what it had to drop. */
struct dropper {
	char writer[WRITER_ID_LEN];
	uint64_t count;
};

struct ingest {
	struct ingest_options options;     /* constant */
	struct peers *peers;               /* append thread only, but peers_wake */
	struct appender *appender;         /* append thread only */
	bool appending;                    /* append thread only */
	struct dropper droppers[DROPPERS]; /* append thread only */
	size_t next_dropper;
	pthread_t thread;
	bool started; /* the caller's thread only */
	bool stopped; /* the caller's thread only */

	pthread_mutex_t lock;
	bool stopping;             /* under lock */
	struct ingest_stats stats; /* under lock */
};

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

/* A writer tells all that it dropped since it began; what is new of it counts. */
static void note_dropped(struct ingest *in, const struct request *request)
{
	struct dropper *dropper = in->droppers;
	if (!request->dropped_count)
		return;
	while (dropper < in->droppers + DROPPERS &&
		memcmp(dropper->writer, request->writer.data, WRITER_ID_LEN) != 0)
		dropper++;
	if (dropper == in->droppers + DROPPERS) {
		dropper = &in->droppers[in->next_dropper++ % DROPPERS];
		memcpy(dropper->writer, request->writer.data, WRITER_ID_LEN);
		dropper->count = 0;
	}
	if (request->dropped_count <= dropper->count)
		return;
	pthread_mutex_lock(&in->lock);
	in->stats.dropped_count += request->dropped_count - dropper->count;
	pthread_mutex_unlock(&in->lock);
	report_seldom(REPORT_EVERY_MS, "%.*s (process %lld) had to drop %llu records",
		SLICE_ARG(request->about.program), (long long)request->about.pid,
		(unsigned long long)(request->dropped_count - dropper->count));
	dropper->count = request->dropped_count;
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
		note_dropped(in, &request);
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
	int64_t due = in->appending ? appender_sync_due(in->appender) : INT64_MAX;
	if (due == INT64_MAX)
		return in->appending ? PEERS_FOREVER : LOCK_AGAIN_MS;
	int64_t left_ns = due - clock_mono_ns();
	return left_ns <= 0 ? 0 : (int)(left_ns / 1000000 + 1);
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

/* The right to append cannot be waited for together with sockets: a lock is no event. So while it is missing
 * it is asked for every 5 ms; with it, an idle collector sleeps. */
static void *append_run(void *arg)
{
	struct ingest *in = arg;
	while (!is_stopping(in)) {
		if (!in->appending)
			in->appending = store_lock_append_exclusive(in->options.store);
		peers_serve(in->peers, next_timeout(in));
		sync_when_due(in);
		note_peers(in);
	}
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

/* Three of four descriptors that this process may have: the rest is for connections, files and the catalog. */
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
		.on_appended = in->options.on_appended,
		.ctx = in->options.ctx,
	};
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
	pthread_mutex_destroy(&in->lock);
	free(in);
}

void ingest_get_stats(struct ingest *in, struct ingest_stats *out)
{
	pthread_mutex_lock(&in->lock);
	*out = in->stats;
	pthread_mutex_unlock(&in->lock);
}
