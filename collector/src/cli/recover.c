/* cli/recover.c: burr recover: take in what ended programs left in their spools.
 *
 * With a collector that is the collector's work, which alone may append; then this waits until it is done.
 * Several at once do no harm: a spool is done by who gets its lock. */
#include "spool/recover.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/say.h"
#include "spool/inspect.h"
#include "spool/others.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>

enum {
	WAIT_MS = 10000, /* for the collector */
	LOGS_OPEN_MAX = 128,
	PASSES_MAX = 5,          /* a spool that somebody looked at just then was passed over */
	BETWEEN_PASSES_MS = 25,  /* then half a line at a log's end is old enough to be mended */
	PROGRESS_AFTER_MS = 300, /* what is done sooner needs none */
	PROGRESS_EVERY_MS = 100,
};

struct recovery {
	struct store *store;
	bool by_collector;
	struct buf busy;      /* names of spools whose lock is held, and not by their writer, which is gone */
	struct buf left;      /* names of spools that nobody living has, each with its NUL */
	struct buf strange;   /* of them those that are none, or of another version */
	uint64_t full_count;  /* spools done that held something */
	uint64_t empty_count; /* and those that did not */
	uint64_t record_count; /* in spools that are done with */
	uint64_t lost_count;
	uint64_t dropped_count; /* by the programs themselves */
	uint64_t kept_count;
	struct buf aside; /* names of what was set aside, each with its NUL */
	char trouble[256];
	const struct recovered *got; /* of the pass at hand */
	uint64_t got_lost_count;     /* its losses up to the last spool */
	int64_t began_ns;
	int64_t told_ns; /* of the last line of progress; 0: none yet */
};

static void recovery_fini(struct recovery *r)
{
	store_close(r->store);
	buf_fini(&r->busy);
	buf_fini(&r->left);
	buf_fini(&r->strange);
	buf_fini(&r->aside);
}

/* ---- what there is ---- */

/* As far as can be seen from here: in a container processes have other numbers, and mostly another host's
 * name. */
static bool is_writer_gone(const struct spool_header *header)
{
	char host[sizeof(header->host)] = "";
	if (spool_is_of_old_boot(header))
		return true;
	return gethostname(host, sizeof(host) - 1) == 0 && strcmp(host, header->host) == 0 &&
	       header->pid > 0 && kill((pid_t)header->pid, 0) < 0 && errno == ESRCH;
}

static void note_left(void *ctx, const struct spool_report *report)
{
	struct recovery *r = ctx;
	if (report->state == SPOOL_LIVES && report->is_known && is_writer_gone(&report->header))
		buf_append(&r->busy, report->name, strlen(report->name) + 1);
	if (report->state != SPOOL_LEFT && report->state != SPOOL_STRANGE)
		return;
	buf_append(&r->left, report->name, strlen(report->name) + 1);
	if (report->state == SPOOL_STRANGE)
		buf_append(&r->strange, report->name, strlen(report->name) + 1);
}

static burr_status look(struct recovery *r, burr_error *err)
{
	buf_clear(&r->busy);
	buf_clear(&r->left);
	buf_clear(&r->strange);
	return spool_inspect_all(r->store, note_left, r, err);
}

static size_t count_names(const struct buf *names)
{
	size_t count = 0;
	for (size_t i = 0; i < names->len; i++)
		count += names->data[i] == '\0';
	return count;
}

/* How many of the names are still in the store. Somebody may be at work on one, so its lock tells nothing. */
static size_t count_present(const struct recovery *r, const struct buf *names)
{
	size_t count = 0;
	for (size_t at = 0; at < names->len; at += strlen(names->data + at) + 1)
		count += faccessat(r->store->dir_fd, names->data + at, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return count;
}

/* Those of the strange ones that have another name now. */
static void note_aside(struct recovery *r, const struct buf *strange)
{
	for (size_t at = 0; at < strange->len; at += strlen(strange->data + at) + 1) {
		char aside[80];
		snprintf(aside, sizeof(aside), "%s%s", SPOOL_ASIDE_PREFIX,
			strange->data + at + sizeof(SPOOL_PREFIX) - 1);
		if (faccessat(r->store->dir_fd, aside, F_OK, 0) == 0)
			buf_append(&r->aside, aside, strlen(aside) + 1);
	}
}

/* ---- by ourselves ---- */

static void clear_progress(const struct recovery *r)
{
	if (r->told_ns)
		fputs("\r\033[K", stderr);
}

static void on_spool(void *ctx, const char *name, uint64_t record_count, uint64_t dropped_count)
{
	struct recovery *r = ctx;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	int64_t now = clock_mono_ns();
	(void)name;
	bool held = record_count || r->got->lost_count > r->got_lost_count;
	r->got_lost_count = r->got->lost_count;
	r->full_count += held;
	r->empty_count += !held;
	r->record_count += record_count;
	r->dropped_count += dropped_count;
	if (!isatty(STDERR_FILENO) || now - r->began_ns < PROGRESS_AFTER_MS * INT64_C(1000000) ||
		now - r->told_ns < PROGRESS_EVERY_MS * INT64_C(1000000))
		return;
	r->told_ns = now;
	human_count(&text, r->record_count);
	const unsigned long long done = r->full_count + r->empty_count;
	fprintf(stderr, "\r\033[K%s records of %llu spools, %zu to go", text.data, done,
		count_present(r, &r->left));
	fflush(stderr);
}

/* True when there may be something left that another pass could take in. */
static bool make_pass(struct recovery *r, struct appender *appender, struct others *others)
{
	struct recovered got = {.on_spool = on_spool, .ctx = r};
	r->got = &got;
	r->got_lost_count = 0;
	recover_shared(r->store, appender, others, &got);
	r->got = NULL;
	r->lost_count += got.lost_count;
	r->kept_count = got.kept_count;
	if (got.trouble[0])
		snprintf(r->trouble, sizeof(r->trouble), "%s", got.trouble);
	return look(r, NULL) == BURR_OK && r->left.len && !store_has_collector(r->store, NULL);
}

static burr_status recover(struct recovery *r, burr_error *err)
{
	CLEAN(buf_fini) struct buf strange = BUF_INIT;
	struct others *others = others_new(r->store, SLICE_NONE);
	struct appender_options options = {
		.log_max = LOGS_OPEN_MAX,
		.sync_first = true,
		.begin_others = others_begin,
		.find_others = others_find,
		.forget_others = others_forget,
		.doubt_others = others_doubt,
		.others = others,
	};
	struct appender *appender = others ? appender_new(r->store, &options) : NULL;
	buf_append_slice(&strange, buf_slice(&r->strange));
	r->began_ns = clock_mono_ns();
	for (int pass = 1; appender && make_pass(r, appender, others) && pass < PASSES_MAX; pass++)
		usleep(BETWEEN_PASSES_MS * 1000);
	clear_progress(r);
	note_aside(r, &strange);
	/* One that cannot be opened is not even tried. */
	if (count_names(&r->left) > r->kept_count)
		r->kept_count = count_names(&r->left);
	if (!r->kept_count && !r->lost_count)
		r->trouble[0] = '\0'; /* it has passed */
	bool ok = appender != NULL;
	appender_free(appender);
	others_free(others);
	return ok ? BURR_OK : burr_fail(err, BURR_ENOMEM, "no memory to append");
}

/* ---- by the collector ---- */

/* Wait for an event in the store's folder. False: the time is up. */
static bool await_change(int inotify_fd, int64_t deadline_ns)
{
	char events[4096];
	struct pollfd changed = {.fd = inotify_fd, .events = POLLIN};
	int64_t left_ms = (deadline_ns - clock_mono_ns()) / 1000000;
	if (left_ms <= 0)
		return false;
	if (poll(&changed, 1, (int)left_ms) > 0)
		while (read(inotify_fd, events, sizeof(events)) > 0)
			;
	return true;
}

/* A spool that is done with loses its name: that is what is waited for. */
static burr_status await_collector(struct recovery *r, burr_error *err)
{
	const size_t before = count_names(&r->left) + count_names(&r->busy);
	size_t busy_count;
	const int64_t deadline_ns = clock_mono_ns() + WAIT_MS * INT64_C(1000000);
	CLEAN(fd_close) int inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (inotify_fd < 0 || inotify_add_watch(inotify_fd, r->store->path, IN_DELETE | IN_MOVED_FROM) < 0)
		return burr_fail(err, BURR_EIO, "watch %s: %s", r->store->path, strerror(errno));
	do {
		r->kept_count = count_present(r, &r->left);
		busy_count = count_present(r, &r->busy);
	} while ((r->kept_count || busy_count) && await_change(inotify_fd, deadline_ns));
	note_aside(r, &r->strange);
	const size_t others = r->kept_count + busy_count + count_names(&r->aside);
	r->full_count = before > others ? before - others : 0;
	return BURR_OK;
}

/* ---- what is said ---- */

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void say_taken(const struct recovery *r)
{
	CLEAN(buf_fini) struct buf records = BUF_INIT;
	CLEAN(buf_fini) struct buf spools = BUF_INIT;
	human_count(&records, r->record_count);
	human_count(&spools, r->full_count);
	if (r->by_collector && r->full_count)
		say("The collector has done with what %s ended program%s had left.\n", spools.data,
			plural(r->full_count));
	else if (r->full_count)
		say("Took in %s record%s that %s ended program%s had left.\n", records.data,
			plural(r->record_count), spools.data, plural(r->full_count));
	if (!r->empty_count)
		return;
	buf_clear(&spools);
	human_count(&spools, r->empty_count);
	say("Removed %s spool%s of ended programs: nothing was left in %s.\n", spools.data,
		plural(r->empty_count), r->empty_count == 1 ? "it" : "them");
}

static void say_aside(const struct recovery *r)
{
	for (size_t at = 0; at < r->aside.len; at += strlen(r->aside.data + at) + 1)
		say("Set aside as %s in the store: it is no spool that this burr knows.\n",
			r->aside.data + at);
}

static int finish(const struct recovery *r)
{
	CLEAN(buf_fini) struct buf path = BUF_INIT;
	human_path(&path, r->store->path);
	say_taken(r);
	say_aside(r);
	if (!r->full_count && !r->empty_count && !r->aside.len && !r->kept_count && !r->lost_count)
		say("There is nothing to recover on %s%s.\n", path.data,
			r->by_collector ? ": its collector takes in what programs leave" : "");
	if (r->dropped_count)
		say("%llu record%s had been dropped by the programs that left them, for want of room\n",
			(unsigned long long)r->dropped_count, plural(r->dropped_count));
	if (r->lost_count)
		say_error("%llu record%s could not be taken in and %s lost: %s",
			(unsigned long long)r->lost_count, plural(r->lost_count),
			r->lost_count == 1 ? "is" : "are", r->trouble);
	if (r->kept_count && r->by_collector)
		say_error(
			"the collector has not taken in %llu spool%s in %d s: burr status tells its trouble",
			(unsigned long long)r->kept_count, plural(r->kept_count), WAIT_MS / 1000);
	else if (r->kept_count)
		say_error("%llu spool%s to be tried again: %s", (unsigned long long)r->kept_count,
			r->kept_count == 1 ? " stays" : "s stay",
			r->trouble[0] ? r->trouble : "somebody else has the right to append");
	return r->lost_count || r->kept_count ? CLI_ERROR : CLI_OK;
}

static int finish_json(const struct recovery *r)
{
	CLEAN(buf_fini) struct buf out = BUF_INIT;
	json_put_open(&out, '{');
	json_put_member(&out, "store", slice_of(r->store->path));
	json_put_member_bool(&out, "by_collector", r->by_collector);
	json_put_member_int(&out, "spool_count", (int64_t)(r->full_count + r->empty_count));
	if (r->by_collector)
		json_put_member_raw(&out, "record_count", SLICE_NONE); /* its status counts them */
	else
		json_put_member_int(&out, "record_count", (int64_t)r->record_count);
	json_put_member_int(&out, "lost_count", (int64_t)r->lost_count);
	json_put_member_int(&out, "dropped_count", (int64_t)r->dropped_count);
	json_put_member_int(&out, "kept_count", (int64_t)r->kept_count);
	json_put_key(&out, SLICE_LIT("aside"));
	json_put_open(&out, '[');
	for (size_t at = 0; at < r->aside.len; at += strlen(r->aside.data + at) + 1)
		json_put_text(&out, slice_of(r->aside.data + at));
	json_put_close(&out, ']');
	json_put_member(&out, "trouble", r->trouble[0] ? slice_of(r->trouble) : SLICE_NONE);
	json_put_close(&out, '}');
	buf_append_char(&out, '\n');
	say_bytes(buf_slice(&out));
	return r->lost_count || r->kept_count ? CLI_ERROR : CLI_OK;
}

static void say_waiting(const struct recovery *r)
{
	CLEAN(buf_fini) struct buf path = BUF_INIT;
	human_path(&path, r->store->path);
	say("The collector of %s takes in what programs leave; waiting for it.\n", path.data);
	fflush(stdout);
}

int command_recover(const struct options *options)
{
	CLEAN(recovery_fini)
	struct recovery r = {.busy = BUF_INIT, .left = BUF_INIT, .strange = BUF_INIT, .aside = BUF_INIT};
	const bool json = options_has(options, OPTION_JSON);
	burr_error err = BURR_ERROR_INIT;
	int code = find_store(options->store, &r.store); /* a store that is not there is not made */
	if (code != CLI_OK)
		return code;
	burr_status status = look(&r, &err);
	if (status == BURR_OK && r.left.len && !store_has_collector(r.store, NULL)) {
		store_close(r.store);
		r.store = NULL;
		status = store_open(options->store, STORE_WRITE, &r.store, &err);
		if (status == BURR_OK)
			status = recover(&r, &err);
	}
	if (status != BURR_OK)
		return find_fail(status, &err);
	r.by_collector = store_has_collector(r.store, NULL);
	if (r.by_collector && (r.left.len || r.busy.len)) {
		if (!json)
			say_waiting(&r);
		status = await_collector(&r, &err);
	}
	if (status != BURR_OK)
		return find_fail(status, &err);
	return json ? finish_json(&r) : finish(&r);
}
