/* cli/show.c: burr show PROJECT APP: one run, its links and its last steps. */
#include "app/page.h"
#include "base/clean.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/listing.h"
#include "cli/run.h"
#include "cli/say.h"
#include "store/read.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILE_MAX = 64 << 20, LIMIT_TEXT = 20 };

struct show {
	struct run run;
	int dir_fd;
	struct buf metadata; /* metadata.json, or empty */
	struct buf children; /* children.jsonl, or empty */
};

static void show_fini(struct show *show)
{
	run_close(&show->run);
	fd_close(&show->dir_fd);
	buf_fini(&show->metadata);
	buf_fini(&show->children);
}

/* ---- reading ---- */

static int open_show(const struct options *options, struct show *show)
{
	burr_error err;
	struct run *run = &show->run;
	int code = run_open(options, run);
	if (code != CLI_OK)
		return code;
	burr_status status = store_open_app(
		run->index.store, slice_of(run->project), slice_of(run->app_id), &show->dir_fd, &err);
	if (status != BURR_OK)
		return find_fail(status, &err);
	/* A run without these is shown without what they hold. */
	if (file_read(show->dir_fd, "metadata.json", FILE_MAX, &show->metadata, NULL) != BURR_OK)
		buf_clear(&show->metadata);
	if (file_read(show->dir_fd, "children.jsonl", FILE_MAX, &show->children, NULL) != BURR_OK)
		buf_clear(&show->children);
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

static void say_children(const struct show *show)
{
	enum { SHOWN = 5 };
	struct slice lines = buf_slice(&show->children);
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

static void say_times(const struct catalog_app *app)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (app->zone == ZONE_NONE)
		return;
	human_moment(&text, app->first_us);
	if (app->last_us > app->first_us) {
		buf_append_str(&text, ", over ");
		human_duration(&text, app->last_us - app->first_us);
	}
	say_field("started", &text);
}

static void say_status(const struct catalog_app *app)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	bool bad = app->status == STATUS_FAILED || app->status == STATUS_LOST;
	buf_append_str(&text, say_style(bad ? STYLE_BAD : STYLE_NONE));
	buf_append_str(&text, catalog_status_name(app->status));
	buf_append_str(&text, bad ? say_plain() : "");
	if (app->status == STATUS_LOST || app->status == STATUS_UNKNOWN) {
		buf_append_str(&text, ", last seen ");
		human_moment(&text, app->last_us);
	}
	if (app->failed_count) {
		buf_append_str(&text, ", ");
		human_count(&text, (uint64_t)app->failed_count);
		buf_append_str(&text, app->failed_count == 1 ? " failed step" : " failed steps");
	}
	say_field("status", &text);
}

static void say_error_text(const struct catalog_app *app)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (app->status != STATUS_FAILED || !app->last_error.data)
		return;
	human_text(&text, app->last_error);
	say_field("error", &text);
}

static void say_tokens(const struct catalog_app *app)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (!app->input_tokens && !app->output_tokens)
		return;
	human_count(&text, (uint64_t)app->input_tokens);
	buf_append_str(&text, " in, ");
	human_count(&text, (uint64_t)app->output_tokens);
	buf_append_str(&text, " out");
	say_field("tokens", &text);
}

static void add_damage(struct buf *text, const char *file, const struct buf *content)
{
	struct slice whole;
	if (json_validate(buf_slice(content), &whole, NULL) != BURR_OK || json_kind_of(whole) != JSON_OBJECT)
		buf_printf(text, "%s%s", text->len ? ", " : "", file);
}

/* Damage costs what is damaged and nothing else, so nothing else would tell of it. */
static void say_damage(const struct show *show)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf graph = BUF_INIT;
	struct stat log;
	const int64_t lines = show->run.app.damaged;
	if (fstatat(show->dir_fd, "log.jsonl", &log, 0) == 0 && !S_ISREG(log.st_mode))
		buf_append_str(&text, "log.jsonl");
	if (lines) {
		human_count(&text, (uint64_t)lines);
		buf_printf(&text, " line%s of log.jsonl", lines == 1 ? "" : "s");
	}
	if (file_read(show->dir_fd, "graph.json", FILE_MAX, &graph, NULL) == BURR_OK)
		add_damage(&text, "graph.json", &graph);
	if (faccessat(show->dir_fd, "metadata.json", F_OK, 0) == 0)
		add_damage(&text, "metadata.json", &show->metadata);
	if (text.len)
		say_field("damaged", &text);
}

static void say_page(const struct show *show)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(ptr_free) char *partition_key = slice_dup(show->run.app.partition_key);
	if (!store_has_collector(show->run.index.store, NULL))
		return;
	CLEAN(ptr_free)
	char *url = page_url(show->run.index.store->path, show->run.project, show->run.app_id,
		show->run.app.partition_key.len ? partition_key : NULL);
	if (url)
		buf_append_str(&text, url);
	say_field("page", &text);
}

static int print_text(const struct show *show, struct listing *listing)
{
	CLEAN(buf_fini) struct buf title = BUF_INIT;
	CLEAN(buf_fini) struct buf partition = BUF_INIT;
	const struct catalog_app *app = &show->run.app;
	human_text(&title, slice_of(show->run.project));
	buf_append_str(&title, " / ");
	human_text(&title, app->app_id);
	say("%s%.*s%s\n", say_style(STYLE_BOLD), SLICE_ARG(buf_slice(&title)), say_plain());
	human_text(&partition, app->partition_key.data ? app->partition_key : SLICE_LIT(""));
	if (partition.len)
		say_field("partition", &partition);
	say_times(app);
	say_status(app);
	say_error_text(app);
	say_tokens(app);
	say_pointer("forked from", app->parent, SLICE_NONE);
	say_pointer("spawned by", app->spawning_parent, SLICE_NONE);
	say_children(show);
	say_damage(show);
	say_page(show);
	say("\n");
	if (app->step_count)
		return listing_print_table(listing);
	say("No step was recorded.\n");
	return CLI_OK;
}

/* ---- as JSON ---- */

static int print_json(const struct show *show, struct listing *listing)
{
	CLEAN(buf_fini) struct buf head = BUF_INIT;
	struct slice lines = buf_slice(&show->children);
	struct slice child;
	json_put_open(&head, '{');
	json_put_member(&head, "store", slice_of(show->run.index.store->path));
	json_put_member(&head, "project", slice_of(show->run.project));
	v1_put_run(&head, &show->run.app);
	json_put_key(&head, SLICE_LIT("children"));
	json_put_open(&head, '[');
	while (next_child(&lines, &child))
		json_put_raw(&head, child);
	json_put_close(&head, ']');
	json_put_key(&head, SLICE_LIT("steps"));
	say_bytes(buf_slice(&head));
	int code = listing_print_json(listing);
	say("}\n");
	return code;
}

int command_show(const struct options *options)
{
	CLEAN(show_fini) struct show show = {.run = RUN_INIT, .dir_fd = -1};
	struct listing listing = LISTING_INIT;
	const bool json = options_has(options, OPTION_JSON);
	int code = open_show(options, &show);
	if (code != CLI_OK)
		return code;
	listing.reader = show.run.index.reader;
	listing.project = show.run.project;
	listing.app = &show.run.app;
	listing.last = true;
	if (options->limit > 0 || (options->limit < 0 && !json))
		listing.limit = options->limit > 0 ? options->limit : LIMIT_TEXT;
	return json ? print_json(&show, &listing) : print_text(&show, &listing);
}
