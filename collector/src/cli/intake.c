#include "cli/intake.h"

#include "base/clean.h"
#include "base/error.h"
#include "cli/say.h"
#include "link/link.h"
#include "spool/inspect.h"
#include "spool/recover.h"
#include "wire/message.h"

#include <unistd.h>

enum {
	ASK_MS = 1000,
	PASSES_MAX = 5,         /* a log that somebody else is just writing is passed over */
	BETWEEN_PASSES_MS = 25, /* then half a line at a log's end is old enough to be mended, too */
};

static void close_link(struct link **link)
{
	link_close(*link);
}

static void count_holding(void *ctx, const struct spool_report *report)
{
	bool holds = report->lane_bytes || report->spill_bytes;
	*(size_t *)ctx += report->state == SPOOL_LEFT || (report->state == SPOOL_LIVES && holds);
}

static burr_status ask_collector(struct store *store, burr_error *err)
{
	CLEAN(close_link) struct link *link = NULL;
	CLEAN(buf_fini) struct buf message = BUF_INIT;
	CLEAN(buf_fini) struct buf answer = BUF_INIT;
	struct reply reply;
	const struct request request = {.protocol = PROTOCOL_VERSION, .take_in = true};
	request_put(&message, &request);
	burr_status status = link_open(store, ASK_MS, &link, err);
	if (status == BURR_OK)
		status = link_ask(link, buf_slice(&message), ASK_MS, &answer, err);
	if (status == BURR_OK)
		status = reply_read(buf_slice(&answer), &reply, err);
	if (status != BURR_OK)
		return burr_fail_in(err, status, "its collector");
	return reply.status == REPLY_OK
		       ? BURR_OK
		       : burr_fail(err, BURR_ELATER, "its collector: %.*s", SLICE_ARG(reply.message));
}

/* BURR_ELATER: another pass may do it. */
static burr_status make_pass(struct recoverer *recoverer, burr_error *err)
{
	struct recovered got = {0};
	recoverer_run(recoverer, false, &got);
	recoverer_run_living(recoverer, &got);
	if (!got.kept_count)
		return BURR_OK;
	return burr_fail(err, BURR_ELATER, "%s",
		got.trouble[0] ? got.trouble : "somebody else has the right to append");
}

static burr_status take_in(const char *path, burr_error *err)
{
	struct store *store = NULL;
	burr_status status = store_open(path, STORE_WRITE, &store, err);
	if (status != BURR_OK)
		return status;
	struct recoverer *recoverer = recoverer_new(store);
	status = recoverer ? make_pass(recoverer, err) : burr_fail(err, BURR_ENOMEM, "no memory to append");
	for (int pass = 1; status == BURR_ELATER && pass < PASSES_MAX && !store_has_collector(store, NULL);
		pass++) {
		usleep(BETWEEN_PASSES_MS * 1000);
		status = make_pass(recoverer, err);
	}
	recoverer_free(recoverer);
	store_close(store);
	return status;
}

bool intake_run(struct store *store)
{
	size_t holding = 0;
	burr_error err = BURR_ERROR_INIT;
	/* A store whose folder cannot be read is told of by who reads it next. */
	if (spool_inspect_all(store, count_holding, &holding, NULL) != BURR_OK || !holding)
		return true;
	burr_status status;
	bool by_collector;
	do {
		by_collector = store_has_collector(store, NULL);
		status = by_collector ? ask_collector(store, &err) : take_in(store->path, &err);
	} while (status != BURR_OK &&
		 by_collector != store_has_collector(store, NULL)); /* it began, or ended */
	if (status != BURR_OK)
		say_error(
			"the last records of running programs are not in their logs yet, so this may not be "
			"all: %s",
			err.message);
	return status == BURR_OK;
}
