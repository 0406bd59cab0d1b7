/* cli/show.c: burr show PROJECT APP: one run, its links and its steps. */
#include "app/page.h"
#include "base/clean.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/life.h"
#include "cli/running.h"
#include "cli/say.h"
#include "load/tail.h"
#include "store/read.h"

#include <burr/load.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum { FILE_MAX = 64 << 20 };

/* A step's error, found in the log beside the library's list of steps. */
struct failure {
	int64_t sequence_id;
	size_t offset; /* of the whole text in run.text */
	size_t len;
};

struct run {
	const struct store *store;
	const char *project;
	char *app_id;
	int dir_fd;
	struct buf metadata; /* metadata.json, or empty */
	struct buf children; /* children.jsonl, or empty */
	burr_step_item *steps;
	size_t step_count;
	struct buf failures;    /* struct failure …, in the order of the log */
	uint64_t damaged_count; /* lines of the log that are no records */
	struct buf text;
	struct buf partition_key;
	enum life life;
	struct buf seen; /* the time of its last record, or empty */
};

static void run_fini(struct run *run)
{
	free(run->app_id);
	fd_close(&run->dir_fd);
	buf_fini(&run->metadata);
	buf_fini(&run->children);
	burr_free(run->steps);
	buf_fini(&run->failures);
	buf_fini(&run->text);
	buf_fini(&run->partition_key);
	buf_fini(&run->seen);
}

static void free_store(struct store **store)
{
	store_close(*store);
}

/* ---- reading ---- */

/* What only the log's lines tell: errors, and damage. */
static void read_log(struct run *run)
{
	struct log_reader reader;
	struct log_line line;
	struct line_record record;
	CLEAN(fd_close) int fd = openat(run->dir_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	log_reader_init(&reader, fd, 0);
	while (log_reader_next(&reader, &line)) {
		struct failure failure = {.offset = run->text.len};
		if (!line_read(line.text, &record)) {
			run->damaged_count++;
			continue;
		}
		if (record.type != LINE_END_ENTRY || !json_to_text(record.exception, &run->text))
			continue;
		failure.sequence_id = record.sequence_id;
		failure.len = run->text.len - failure.offset;
		buf_append(&run->failures, &failure, sizeof(failure));
	}
	log_reader_fini(&reader);
}

static struct slice find_failure(const struct run *run, const burr_step_item *step)
{
	const struct failure *failures = (const struct failure *)(const void *)run->failures.data;
	if (step->status != BURR_STEP_FAILED || run->failures.failed || run->text.failed)
		return SLICE_NONE;
	for (size_t i = run->failures.len / sizeof(*failures); i > 0; i--)
		if (failures[i - 1].sequence_id == step->sequence_id)
			return (struct slice){run->text.data + failures[i - 1].offset, failures[i - 1].len};
	return SLICE_NONE;
}

static void read_life(struct run *run)
{
	CLEAN(foreign_fini) struct foreign held = {0};
	/* Without what spools hold the log alone tells. */
	(void)tail_read(run->store, slice_of(run->project), slice_of(run->app_id), &held, NULL);
	run->life = life_find(run->store, &held, run->project, run->app_id, &run->seen);
}

static int read_run(const struct options *options, const struct store *store, struct run *run)
{
	burr_error err;
	run->store = store;
	run->project = options->args[0];
	int code = find_app(store, run->project, options->args[1], &run->app_id);
	if (code != CLI_OK)
		return code;
	burr_status status =
		store_open_app(store, slice_of(run->project), slice_of(run->app_id), &run->dir_fd, &err);
	if (status == BURR_OK)
		status = burr_list_steps(
			store->path, run->project, run->app_id, &run->steps, &run->step_count, &err);
	if (status != BURR_OK)
		return find_fail(status, &err);
	/* A run without these is shown without what they hold. */
	if (file_read(run->dir_fd, "metadata.json", FILE_MAX, &run->metadata, NULL) != BURR_OK)
		buf_clear(&run->metadata);
	if (file_read(run->dir_fd, "children.jsonl", FILE_MAX, &run->children, NULL) != BURR_OK)
		buf_clear(&run->children);
	(void)json_to_text(json_find(buf_slice(&run->metadata), "partition_key"), &run->partition_key);
	read_log(run);
	read_life(run);
	return CLI_OK;
}

/* The next object among the lines of children.jsonl. */
static bool next_child(struct slice *lines, struct slice *out_child)
{
	while (lines->len) {
		const char *end = memchr(lines->data, '\n', lines->len);
		if (!end)
			return false; /* not yet whole */
		struct slice line = {lines->data, (size_t)(end - lines->data)};
		*lines = (struct slice){end + 1, lines->len - line.len - 1};
		if (json_validate(line, out_child, NULL) == BURR_OK &&
			json_kind_of(*out_child) == JSON_OBJECT &&
			json_kind_of(json_find(*out_child, "child")) == JSON_OBJECT)
			return true;
	}
	return false;
}

/* ---- as text ---- */

/* The line of an error that says most: the last one of a Python traceback, else the first. */
static struct slice main_line(struct slice text)
{
	while (text.len && strchr(" \r\n\t", text.data[text.len - 1]))
		text.len--;
	if (!text.len)
		return SLICE_LIT("(no text)");
	if (slice_starts(text, "Traceback (most recent call last)")) {
		const char *end = memrchr(text.data, '\n', text.len);
		size_t skip = end ? (size_t)(end + 1 - text.data) : 0;
		return (struct slice){text.data + skip, text.len - skip};
	}
	const char *end = memchr(text.data, '\n', text.len);
	return (struct slice){text.data, end ? (size_t)(end - text.data) : text.len};
}

static void say_field(const char *name, const struct buf *value)
{
	say("  %s%-12s%s%.*s\n", say_style(STYLE_DIM), name, say_plain(), SLICE_ARG(buf_slice(value)));
}

/* child: the line about a child of this run, which says at what step of this run it began; SLICE_NONE. */
static void say_pointer(const char *name, struct slice pointer, struct slice child)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf app_id = BUF_INIT;
	int64_t sequence_id;
	if (!json_to_text(json_find(pointer, "app_id"), &app_id))
		return;
	human_text(&text, buf_slice(&app_id));
	if (json_to_int(json_find(pointer, "sequence_id"), &sequence_id))
		buf_printf(&text, ", step %lld", (long long)sequence_id);
	else if (json_to_int(json_find(child, "sequence_id"), &sequence_id))
		buf_printf(&text, ", from step %lld", (long long)sequence_id);
	say_field(name, &text);
}

static void say_children(const struct run *run)
{
	enum { SHOWN = 5 };
	struct slice lines = buf_slice(&run->children);
	struct slice child;
	size_t count = 0;
	for (; next_child(&lines, &child); count++)
		if (count < SHOWN)
			say_pointer(json_text_is(json_find(child, "event_type"), SLICE_LIT("fork"))
					    ? "fork"
					    : "spawned",
				json_find(child, "child"), child);
	if (count > SHOWN)
		say("  %12s… and %zu more\n", "", count - SHOWN);
}

static void say_times(const struct run *run)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	const char *first = NULL;
	const char *last = NULL;
	for (size_t i = 0; i < run->step_count; i++) {
		const burr_step_item *step = &run->steps[i];
		const char *end = step->end_time ? step->end_time : step->start_time;
		if (!first || human_time_us(step->start_time) < human_time_us(first))
			first = step->start_time;
		if (!last || human_time_us(end) > human_time_us(last))
			last = end;
	}
	if (!first)
		return;
	human_time(&text, first);
	/* One step that is open has no time to tell of. */
	if (last != first && human_time_us(last) > INT64_MIN && human_time_us(first) > INT64_MIN) {
		buf_append_str(&text, ", over ");
		human_duration(&text, human_time_us(last) - human_time_us(first));
	}
	say_field("started", &text);
}

static void say_life(const struct run *run)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (run->life == LIFE_RESTS)
		return;
	buf_append_str(&text, life_name(run->life));
	if (run->life != LIFE_RUNS && run->seen.len) {
		buf_append_str(&text, run->life == LIFE_LOST ? ", last seen " : " last seen ");
		human_time(&text, run->seen.data);
	}
	say_field("status", &text);
}

static void add_damage(struct buf *text, const char *file, const struct buf *content)
{
	struct slice whole;
	if (json_validate(buf_slice(content), &whole, NULL) != BURR_OK || json_kind_of(whole) != JSON_OBJECT)
		buf_printf(text, "%s%s", text->len ? ", " : "", file);
}

/* Damage costs what is damaged and nothing else, so nothing else would tell of it. */
static void say_damage(const struct run *run)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf graph = BUF_INIT;
	CLEAN(buf_fini) struct buf metadata = BUF_INIT;
	if (run->damaged_count) {
		human_count(&text, run->damaged_count);
		buf_printf(&text, " line%s of log.jsonl", run->damaged_count == 1 ? "" : "s");
	}
	if (file_read(run->dir_fd, "graph.json", FILE_MAX, &graph, NULL) == BURR_OK)
		add_damage(&text, "graph.json", &graph);
	if (file_read(run->dir_fd, "metadata.json", FILE_MAX, &metadata, NULL) == BURR_OK)
		add_damage(&text, "metadata.json", &metadata);
	if (text.len)
		say_field("damaged", &text);
}

static void say_page(const struct run *run, struct store *store)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (!store_has_collector(store, NULL))
		return;
	CLEAN(ptr_free)
	char *url = page_url(run->store->path, run->project, run->app_id,
		run->partition_key.len ? run->partition_key.data : NULL);
	if (url)
		buf_append_str(&text, url);
	say_field("page", &text);
}

static void add_duration(struct columns *table, const burr_step_item *step)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	int64_t start = human_time_us(step->start_time);
	int64_t end = human_time_us(step->end_time);
	if (step->end_time && start > INT64_MIN && end > INT64_MIN)
		human_duration(&text, end - start);
	columns_add(table, buf_slice(&text), STYLE_NONE);
}

static const char *status_name(burr_step_status status)
{
	return status == BURR_STEP_COMPLETED ? "completed" : status == BURR_STEP_FAILED ? "failed" : "open";
}

static void say_steps(const struct run *run, size_t shown)
{
	static const char *const titles[] = {">STEP", "ACTION", "STATUS", ">TOOK", "ERROR", NULL};
	struct columns table;
	if (!run->step_count) {
		say("No step was recorded.\n");
		return;
	}
	columns_init(&table, titles);
	for (size_t i = run->step_count - shown; i < run->step_count; i++) {
		const burr_step_item *step = &run->steps[i];
		CLEAN(buf_fini) struct buf number = BUF_INIT;
		buf_printf(&number, "%lld", (long long)step->sequence_id);
		struct slice failure = find_failure(run, step);
		columns_add(&table, buf_slice(&number), STYLE_DIM);
		columns_add(&table, slice_of(step->action), STYLE_BOLD);
		bool lost =
			step->status == BURR_STEP_OPEN && i + 1 == run->step_count && run->life == LIFE_LOST;
		columns_add(&table, slice_of(lost ? life_name(LIFE_LOST) : status_name(step->status)),
			step->status == BURR_STEP_COMPLETED        ? STYLE_GOOD
			: step->status == BURR_STEP_FAILED || lost ? STYLE_BAD
								   : STYLE_NONE);
		add_duration(&table, step);
		columns_add(&table, failure.data ? main_line(failure) : SLICE_LIT(""), STYLE_BAD);
	}
	if (shown < run->step_count) {
		CLEAN(buf_fini) struct buf earlier = BUF_INIT;
		human_count(&earlier, run->step_count - shown);
		say("%s… %s earlier steps: --limit 0 shows all%s\n", say_style(STYLE_DIM), earlier.data,
			say_plain());
	}
	columns_print(&table);
	columns_fini(&table);
}

static void print_text(const struct run *run, struct store *store, size_t shown)
{
	CLEAN(buf_fini) struct buf partition = BUF_INIT;
	struct slice metadata = buf_slice(&run->metadata);
	say("%s%s / %s%s\n", say_style(STYLE_BOLD), run->project, run->app_id, say_plain());
	human_text(&partition, buf_slice(&run->partition_key));
	if (partition.len)
		say_field("partition", &partition);
	say_times(run);
	say_life(run);
	say_pointer("forked from", json_find(metadata, "parent_pointer"), SLICE_NONE);
	say_pointer("spawned by", json_find(metadata, "spawning_parent_pointer"), SLICE_NONE);
	say_children(run);
	say_damage(run);
	say_page(run, store);
	say("\n");
	say_steps(run, shown);
}

/* ---- as JSON ---- */

/* What the store holds goes in only where it is JSON. */
static void put_member_checked(struct buf *out, const char *key, struct slice value)
{
	struct slice whole = SLICE_NONE;
	if (value.data && json_validate(value, &whole, NULL) != BURR_OK)
		whole = SLICE_NONE;
	json_put_member_raw(out, key, whole);
}

static void put_step(struct buf *out, const struct run *run, const burr_step_item *step)
{
	json_put_open(out, '{');
	json_put_member_int(out, "sequence_id", step->sequence_id);
	json_put_member(out, "action", slice_of(step->action));
	json_put_member(out, "status", slice_of(status_name(step->status)));
	json_put_member(out, "start_time", slice_of(step->start_time));
	json_put_member(out, "end_time", slice_of(step->end_time));
	json_put_member(out, "exception", find_failure(run, step));
	json_put_close(out, '}');
}

static void print_json(const struct run *run, size_t shown)
{
	CLEAN(buf_fini) struct buf out = BUF_INIT;
	struct slice metadata = buf_slice(&run->metadata);
	struct slice lines = buf_slice(&run->children);
	struct slice child;
	json_put_open(&out, '{');
	json_put_member(&out, "store", slice_of(run->store->path));
	json_put_member(&out, "project", slice_of(run->project));
	json_put_member(&out, "app_id", slice_of(run->app_id));
	put_member_checked(&out, "partition_key", json_find(metadata, "partition_key"));
	put_member_checked(&out, "parent_pointer", json_find(metadata, "parent_pointer"));
	put_member_checked(&out, "spawning_parent_pointer", json_find(metadata, "spawning_parent_pointer"));
	json_put_key(&out, SLICE_LIT("children"));
	json_put_open(&out, '[');
	while (next_child(&lines, &child))
		json_put_raw(&out, child);
	json_put_close(&out, ']');
	json_put_member(
		&out, "status", run->life == LIFE_RESTS ? SLICE_NONE : slice_of(life_name(run->life)));
	json_put_member(&out, "last_seen", run->seen.len ? buf_slice(&run->seen) : SLICE_NONE);
	json_put_member_int(&out, "damaged_line_count", (int64_t)run->damaged_count);
	json_put_member_int(&out, "step_count", (int64_t)run->step_count);
	json_put_key(&out, SLICE_LIT("steps"));
	json_put_open(&out, '[');
	for (size_t i = run->step_count - shown; i < run->step_count; i++)
		put_step(&out, run, &run->steps[i]);
	json_put_close(&out, ']');
	json_put_close(&out, '}');
	buf_append_char(&out, '\n');
	say_bytes(buf_slice(&out));
}

int command_show(const struct options *options)
{
	CLEAN(free_store) struct store *store = NULL;
	CLEAN(run_fini) struct run run = {.dir_fd = -1};
	int code = find_store(options->store, &store);
	if (code == CLI_OK)
		code = read_run(options, store, &run);
	if (code != CLI_OK)
		return code;
	size_t shown = options->limit > 0 && (size_t)options->limit < run.step_count ? (size_t)options->limit
										     : run.step_count;
	if (options_has(options, OPTION_JSON))
		print_json(&run, shown);
	else
		print_text(&run, store, shown);
	return CLI_OK;
}
