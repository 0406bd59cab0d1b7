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

void source_init(struct source *source, struct catalog_reader *reader, struct slice project)
{
	*source = (struct source)SOURCE_INIT;
	source->reader = reader;
	source->project = project;
}

void source_fini(struct source *source)
{
	fd_close(&source->fd);
	buf_fini(&source->line);
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

bool source_read(
	struct source *source, uint64_t at, uint32_t len, enum line_type type, struct line_record *out)
{
	size_t got = 0;
	buf_clear(&source->line);
	char *to = len ? buf_reserve(&source->line, len) : NULL;
	while (to && got < len) {
		ssize_t count = pread(source->fd, to + got, len - got, (off_t)(at + got));
		if (count == 0 || (count < 0 && errno != EINTR))
			return false;
		got += count > 0 ? (size_t)count : 0;
	}
	if (!to)
		return false;
	source->line.len = len;
	return record_read(buf_slice(&source->line), &source->spare, out) && out->type == type;
}

struct slice source_text(const struct source *source)
{
	return buf_slice(&source->line);
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
	struct step_walk steps = {app->id, 0, INT64_MAX, give_begin, &walk};
	bool there;
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
	burr_status status = open_log(source, app->app_id, &there, err);
	return there ? reader_walk_parts(source->reader, &parts, err) : status;
}
