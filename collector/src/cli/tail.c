/* cli/tail.c: burr tail PROJECT [APP]: the last steps of a run, and with --follow each further one as it
 * ends.
 *
 * What a program has recorded is in its log within milliseconds, collector or not, so the log is all that is
 * watched: by inotify, and once in WATCH_MS by its length, for file systems that tell nothing, and after what
 * spools hold was taken in. */
#include "base/clean.h"
#include "base/clock.h"
#include "base/json.h"
#include "catalog/runs.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/index.h"
#include "cli/intake.h"
#include "cli/say.h"
#include "store/read.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>

enum {
	STEPS = 10,     /* unless --limit says other */
	BEGINS = 64,    /* steps that may be open at once, of which the time they took is known */
	LOOK_BACK = 64, /* lines before the first end that is shown, for its begin */
	WATCH_MS = 1000,
};

struct begun {
	int64_t sequence_id; /* -1: free */
	int64_t start_us;
};

struct tail {
	struct index index;
	char *app_id;
	int dir_fd, fd, watch_fd;
	ino_t inode;
	uint64_t offset; /* read up to here */
	bool json;
	bool takes_in; /* what spools hold: not any more where that could not be done once */
	struct begun begins[BEGINS];
	size_t next_begin;
	struct buf line;
};

static void tail_fini(struct tail *tail)
{
	index_close(&tail->index);
	free(tail->app_id);
	fd_close(&tail->dir_fd);
	fd_close(&tail->fd);
	fd_close(&tail->watch_fd);
	buf_fini(&tail->line);
}

/* ---- a step ---- */

static bool time_us(struct slice value, int64_t *out)
{
	bool zoned;
	return value.len > 2 && time_parse((struct slice){value.data + 1, value.len - 2}, out, &zoned);
}

static void take_begin(struct tail *tail, const struct line_record *record)
{
	struct begun *begun = &tail->begins[tail->next_begin++ % BEGINS];
	begun->sequence_id = time_us(record->time, &begun->start_us) ? record->sequence_id : -1;
}

static void put_text(struct buf *out, struct slice value)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	(void)json_to_text(value, &text); /* what is no text stays empty */
	human_text(out, buf_slice(&text));
}

static void put_time(struct buf *out, struct slice value)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (json_to_text(value, &text))
		human_time(out, text.data);
	else
		buf_append_char(out, '-');
}

static void put_took(struct tail *tail, struct buf *out, const struct line_record *record)
{
	int64_t end_us;
	for (size_t i = 0; i < BEGINS; i++) {
		struct begun *begun = &tail->begins[i];
		if (begun->sequence_id != record->sequence_id || !time_us(record->time, &end_us))
			continue;
		buf_append_str(out, "  ");
		human_duration(out, end_us - begun->start_us);
		begun->sequence_id = -1;
		return;
	}
}

/* Of an error its last line: of a traceback that is what went wrong. */
static void put_error(struct buf *out, struct slice exception)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (!json_to_text(exception, &text))
		return;
	while (text.len && text.data[text.len - 1] == '\n')
		text.len--;
	const char *newline = text.len ? memrchr(text.data, '\n', text.len) : NULL;
	size_t from = newline ? (size_t)(newline - text.data) + 1 : 0;
	buf_append_str(out, "  ");
	human_text(out, (struct slice){text.data + from, text.len - from});
}

static void print_end(struct tail *tail, const struct line_record *record)
{
	bool failed = json_kind_of(record->exception) == JSON_STRING;
	struct buf *out = &tail->line;
	buf_clear(out);
	buf_printf(out, "#%lld  ", (long long)record->sequence_id);
	put_time(out, record->time);
	buf_printf(out, "  %s", say_style(STYLE_BOLD));
	put_text(out, record->action);
	buf_printf(out, "%s  %s%s%s", say_plain(), say_style(failed ? STYLE_BAD : STYLE_GOOD),
		failed ? "failed" : "ok", say_plain());
	put_took(tail, out, record);
	put_error(out, record->exception);
	buf_append_char(out, '\n');
	say_bytes(buf_slice(out));
}

/* shown: from this place on. */
static void take_line(struct tail *tail, const struct log_line *line, uint64_t shown)
{
	struct line_record record;
	if (tail->json && line->offset >= shown) {
		say_bytes(line->text);
		say("\n");
	}
	if (!line_read(line->text, &record))
		return;
	if (record.type == LINE_BEGIN_ENTRY)
		take_begin(tail, &record);
	else if (record.type == LINE_END_ENTRY && !tail->json && line->offset >= shown)
		print_end(tail, &record);
	else if (record.type == LINE_END_APPLICATION && !tail->json && line->offset >= shown)
		say("%sThe application is finished.%s\n", say_style(STYLE_DIM), say_plain());
}

/* ---- the log ---- */

static int read_on(struct tail *tail, uint64_t shown)
{
	struct log_reader reader;
	struct log_line line;
	log_reader_init(&reader, tail->fd, tail->offset);
	while (log_reader_next(&reader, &line))
		take_line(tail, &line, shown);
	tail->offset = log_reader_offset(&reader);
	burr_status status = reader.status;
	log_reader_fini(&reader);
	if (status == BURR_OK)
		return CLI_OK;
	say_error("log.jsonl cannot be read at byte %llu", (unsigned long long)tail->offset);
	return CLI_ERROR;
}

/* Where the last `count` (0: all) steps begin: *out_shown is the place of the first of their ends,
 * tail->offset some lines before it. */
static void find_last(struct tail *tail, int64_t count, uint64_t *out_shown)
{
	struct log_reader reader;
	struct log_line line;
	struct line_record record;
	struct stat st;
	int back = 0;
	*out_shown = 0;
	tail->offset = 0;
	if (!count || fstat(tail->fd, &st) < 0)
		return;
	*out_shown = (uint64_t)st.st_size;
	log_reader_init(&reader, tail->fd, (uint64_t)st.st_size);
	while (back < LOOK_BACK && log_reader_previous(&reader, &line)) {
		bool end = line_read(line.text, &record) && record.type == LINE_END_ENTRY;
		if (end && count > 0)
			*out_shown = line.offset;
		count -= end;
		back += count <= 0;
		tail->offset = line.offset;
	}
	log_reader_fini(&reader);
}

static int open_log(struct tail *tail, const char *project)
{
	struct stat st;
	burr_error err;
	fd_close(&tail->dir_fd);
	fd_close(&tail->fd);
	burr_status status = store_open_app(
		tail->index.store, slice_of(project), slice_of(tail->app_id), &tail->dir_fd, &err);
	if (status != BURR_OK)
		return find_fail(status, &err);
	tail->fd = openat(tail->dir_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (tail->fd < 0 || fstat(tail->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		say_error("run '%s' has recorded nothing yet", tail->app_id);
		return CLI_ABSENT;
	}
	tail->inode = st.st_ino;
	return CLI_OK;
}

/* ---- following ---- */

static void watch(struct tail *tail)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", tail->fd);
	fd_close(&tail->watch_fd);
	tail->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* Without it the length is looked at often enough. */
	if (tail->watch_fd >= 0 && inotify_add_watch(tail->watch_fd, path, IN_MODIFY | IN_ATTRIB) < 0)
		fd_close(&tail->watch_fd);
}

/* Of a program that stands still nobody appends but a collector, or who looks. */
static void await_change(struct tail *tail)
{
	char events[4096];
	struct pollfd fd = {.fd = tail->watch_fd, .events = POLLIN};
	if (poll(&fd, 1, WATCH_MS) > 0)
		while (read(tail->watch_fd, events, sizeof(events)) > 0)
			;
	else
		tail->takes_in = tail->takes_in && intake_run(tail->index.store);
}

/* Whether the run's log is another file by now, or was cut. *out_gone: there is none. */
static bool is_another(const struct tail *tail, bool *out_gone)
{
	struct stat st;
	*out_gone = fstatat(tail->dir_fd, "log.jsonl", &st, 0) < 0;
	return *out_gone || st.st_ino != tail->inode || (uint64_t)st.st_size < tail->offset;
}

static int follow(struct tail *tail, const char *project)
{
	int code = CLI_OK;
	bool gone;
	watch(tail);
	while (code == CLI_OK && say_finish()) {
		await_change(tail);
		if (!is_another(tail, &gone)) {
			code = read_on(tail, tail->offset);
			continue;
		}
		if (gone) {
			say_error("run '%s' was deleted", tail->app_id);
			return CLI_ABSENT;
		}
		code = open_log(tail, project);
		tail->offset = 0;
		watch(tail);
	}
	return code;
}

/* ---- the command ---- */

static void keep_newest(const struct catalog_app *app, void *ctx)
{
	struct tail *tail = ctx;
	tail->app_id = slice_dup(app->app_id);
}

/* The run whose last record is the newest. */
static int find_newest(struct tail *tail, const char *project)
{
	struct runs_page page = {.cursor = BUF_INIT};
	const struct runs_request request = {
		.project = slice_of(project), .limit = 1, .deadline_ns = INT64_MAX};
	burr_error err;
	int code = find_project(tail->index.store, project);
	if (code == CLI_OK)
		code = index_update(&tail->index, project, NULL);
	if (code != CLI_OK)
		return code;
	burr_status status = catalog_list_runs(tail->index.reader, &request, keep_newest, tail, &page, &err);
	buf_fini(&page.cursor);
	if (status != BURR_OK)
		return find_fail(status, &err);
	if (tail->app_id)
		return CLI_OK;
	say_error("project '%s' has no runs", project);
	return CLI_ABSENT;
}

int command_tail(const struct options *options)
{
	CLEAN(tail_fini)
	struct tail tail = {.index = INDEX_INIT, .takes_in = true, .dir_fd = -1, .fd = -1, .watch_fd = -1};
	const char *project = options->args[0];
	uint64_t shown;
	tail.json = options_has(options, OPTION_JSON);
	for (size_t i = 0; i < BEGINS; i++)
		tail.begins[i].sequence_id = -1;
	int code = index_open(options->store, &tail.index);
	if (code == CLI_OK)
		code = options->arg_count > 1
			       ? find_app(tail.index.store, project, options->args[1], &tail.app_id)
			       : find_newest(&tail, project);
	if (code == CLI_OK)
		code = open_log(&tail, project);
	if (code != CLI_OK)
		return code;
	if (!tail.json && options->arg_count < 2)
		say("%s%s / %s%s\n", say_style(STYLE_DIM), project, tail.app_id, say_plain());
	find_last(&tail, options->limit < 0 ? STEPS : options->limit, &shown);
	code = read_on(&tail, shown);
	return code == CLI_OK && options_has(options, OPTION_FOLLOW) ? follow(&tail, project) : code;
}
