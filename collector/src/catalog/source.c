#include "catalog/source.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "catalog/reader.h"
#include "catalog/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READ_AHEAD = 256 << 10,
	GAP = 16 << 10, /* what may be left out of a walk through the log; behind it the walk is none */
};

void source_init(struct source *source, struct catalog_reader *reader, struct slice project)
{
	*source = (struct source)SOURCE_INIT;
	source->reader = reader;
	source->project = project;
}

void source_fini(struct source *source)
{
	fd_close(&source->fd);
	buf_fini(&source->window);
	buf_fini(&source->spare);
}

burr_status source_open(struct source *source, struct slice app_id, burr_error *err)
{
	CLEAN(fd_close) int app_fd = -1;
	struct stat st;
	const struct store *store = source->reader->catalog->options.store;
	burr_status status = store_open_app(store, source->project, app_id, &app_fd, err);
	if (status != BURR_OK)
		return status;
	source->fd = openat(app_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (source->fd < 0 && errno != ENOENT)
		return burr_fail(err, BURR_EIO, "open log.jsonl: %s", strerror(errno));
	if (source->fd >= 0 && (fstat(source->fd, &st) < 0 || !S_ISREG(st.st_mode)))
		fd_close(&source->fd);
	return source->fd >= 0
		       ? BURR_OK
		       : burr_fail(err, BURR_ENOTFOUND, "application %.*s has no log", SLICE_ARG(app_id));
}

/* Bytes of the log from `at` on, `want` or more: as many as there are. */
static void fill_window(struct source *source, uint64_t at, size_t want)
{
	struct buf *window = &source->window;
	buf_clear(window);
	source->window_at = at;
	char *to = buf_reserve(window, want);
	while (to && window->len < want) {
		ssize_t got =
			pread(source->fd, to + window->len, want - window->len, (off_t)(at + window->len));
		if (got == 0 || (got < 0 && errno != EINTR))
			return;
		window->len += got > 0 ? (size_t)got : 0;
	}
}

static bool has_bytes(const struct source *source, uint64_t at, size_t len)
{
	return at >= source->window_at && at - source->window_at <= source->window.len &&
	       source->window.len - (at - source->window_at) >= len;
}

/* Lines of steps that overlap lie far apart: each would be read with all that is around it. */
static bool goes_through(const struct source *source, uint64_t at)
{
	return source->reads_ahead && at >= source->window_at &&
	       at - source->window_at <= source->window.len + GAP;
}

bool source_bytes(struct source *source, uint64_t at, uint32_t len, struct slice *out)
{
	if (!len)
		return false;
	if (!has_bytes(source, at, len))
		fill_window(source, at, len < READ_AHEAD && goes_through(source, at) ? READ_AHEAD : len);
	if (!has_bytes(source, at, len))
		return false;
	*out = (struct slice){source->window.data + (at - source->window_at), len};
	return true;
}

bool source_read(
	struct source *source, uint64_t at, uint32_t len, enum line_type type, struct line_record *out)
{
	struct slice text;
	return source_bytes(source, at, len, &text) && record_read(text, &source->spare, out) &&
	       out->type == type;
}

/* ---- walks ---- */

struct walk {
	struct source *source;
	source_fn *each;
	void *ctx;
};

/* Whether a walk that wants to go on may. */
static bool goes_on(struct source *source, bool on)
{
	bool over = on && source->deadline_ns && clock_mono_ns() >= source->deadline_ns;
	source->cut = source->cut || over;
	return on && !over;
}

/* Where a walk needs the log: *out_there is false for a run that has none. */
static burr_status open_log(struct source *source, struct slice app_id, bool *out_there, burr_error *err)
{
	burr_status status = source->fd >= 0 ? BURR_OK : source_open(source, app_id, err);
	*out_there = status == BURR_OK;
	return status == BURR_ENOTFOUND ? BURR_OK : status;
}

burr_status source_last_end(
	struct source *source, const struct catalog_app *app, source_fn *each, void *ctx, burr_error *err)
{
	struct line_record record;
	bool there;
	if (!app->last_end_len)
		return BURR_OK;
	burr_status status = open_log(source, app->app_id, &there, err);
	if (there && source_read(source, (uint64_t)app->last_end_at, (uint32_t)app->last_end_len,
			     LINE_END_ENTRY, &record))
		each(&record, ctx);
	return status;
}

static burr_status give_begin(int64_t number, const struct step *step, void *ctx, bool *on, burr_error *err)
{
	struct walk *walk = ctx;
	struct line_record record;
	(void)number;
	(void)err;
	if (step->begin_len &&
		source_read(walk->source, step->at, step->begin_len, LINE_BEGIN_ENTRY, &record))
		*on = walk->each(&record, walk->ctx);
	*on = goes_on(walk->source, *on);
	return BURR_OK;
}

burr_status source_begins(
	struct source *source, const struct catalog_app *app, source_fn *each, void *ctx, burr_error *err)
{
	struct walk walk = {source, each, ctx};
	struct step_walk steps = {.app = app->id, .end = INT64_MAX, .each = give_begin, .ctx = &walk};
	bool there;
	source->reads_ahead = true;
	burr_status status = open_log(source, app->app_id, &there, err);
	return there ? reader_walk_steps(source->reader, &steps, err) : status;
}

static burr_status give_attribute(const struct part *part, void *ctx, bool *on, burr_error *err)
{
	struct walk *walk = ctx;
	struct line_record record;
	(void)err;
	if (part->type == LINE_ATTRIBUTE &&
		source_read(walk->source, part->at, part->len, LINE_ATTRIBUTE, &record))
		*on = walk->each(&record, walk->ctx);
	*on = goes_on(walk->source, *on);
	return BURR_OK;
}

burr_status source_attributes(
	struct source *source, const struct catalog_app *app, source_fn *each, void *ctx, burr_error *err)
{
	struct walk walk = {source, each, ctx};
	struct part_walk parts = {app->id, 0, INT64_MAX, give_attribute, &walk};
	bool there;
	source->reads_ahead = true;
	burr_status status = open_log(source, app->app_id, &there, err);
	return there ? reader_walk_parts(source->reader, &parts, err) : status;
}
