/* cli/status.c: burr status: whether a collector runs, and how it is. */
#include "base/clean.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/running.h"
#include "cli/say.h"

#include <stdlib.h>

enum { ASK_MS = 2000 };

static void free_store(struct store **store)
{
	store_close(*store);
}

static uint64_t number(struct slice object, const char *key)
{
	int64_t value = 0;
	return json_to_int(json_find(object, key), &value) && value > 0 ? (uint64_t)value : 0;
}

static void say_field(const char *name, const struct buf *value)
{
	say("  %s%-9s%s%.*s\n", say_style(STYLE_DIM), name, say_plain(), SLICE_ARG(buf_slice(value)));
}

static void say_process(const struct running *running)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	int64_t started_us = running->started.len ? human_time_us(running->started.data) : INT64_MIN;
	if (running->pid)
		buf_printf(&text, "%lld", (long long)running->pid);
	if (started_us > INT64_MIN) {
		buf_append_str(&text, text.len ? ", up " : "up ");
		human_duration(&text, clock_wall_ns() / 1000 - started_us);
	}
	say_field("pid", &text);
}

static void say_spools(struct slice answer)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	uint64_t recovered = number(answer, "recovered");
	uint64_t aside = number(answer, "aside");
	if (number(answer, "spools")) {
		human_count(&text, number(answer, "spools"));
		buf_append_str(&text, " in the store");
	}
	if (recovered) {
		buf_append_str(&text, text.len ? ", " : "");
		human_count(&text, recovered);
		buf_printf(&text, " record%s taken in for programs that had ended or stood still",
			recovered == 1 ? "" : "s");
	}
	if (aside) {
		buf_append_str(&text, text.len ? ", " : "");
		human_count(&text, aside);
		buf_append_str(&text, " set aside");
	}
	if (text.len)
		say_field("spools", &text);
}

/* trouble: the last one; true when it is about one of them. */
static bool say_laters(struct slice answer, struct slice trouble)
{
	struct slice later;
	bool told = false;
	struct json_iter it = json_iter(json_find(answer, "later_apps"));
	while (json_next_element(&it, &later)) {
		CLEAN(buf_fini) struct buf raw = BUF_INIT;
		CLEAN(buf_fini) struct buf since = BUF_INIT;
		CLEAN(buf_fini) struct buf text = BUF_INIT;
		(void)json_to_text(json_find(later, "project"), &raw);
		buf_append_char(&raw, '/');
		(void)json_to_text(json_find(later, "app_id"), &raw);
		buf_append_str(&raw, ": ");
		(void)json_to_text(json_find(later, "reason"), &raw);
		human_text(&text, buf_slice(&raw));
		told = told || slice_eq(buf_slice(&raw), trouble);
		if (json_to_text(json_find(later, "since"), &since)) {
			buf_append_str(&text, ", since ");
			human_time(&text, since.data);
		}
		say_field("waits", &text);
	}
	return told;
}

static void say_index(struct slice index)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf trouble = BUF_INIT;
	uint64_t waiting = number(index, "waiting");
	(void)json_to_text(json_find(index, "trouble"), &trouble);
	if (waiting) {
		human_count(&text, waiting);
		buf_append_str(
			&text, waiting == 1 ? " run still to be indexed" : " runs still to be indexed");
	}
	if (trouble.len) {
		buf_append_str(&text, waiting ? "; " : "");
		human_text(&text, buf_slice(&trouble));
	}
	if (text.len)
		say_field("index", &text);
}

static void say_counters(struct slice answer)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf trouble = BUF_INIT;
	uint64_t bad = number(answer, "never") + number(answer, "refused") + number(answer, "dropped") +
		       number(answer, "lost");
	human_count(&text, number(answer, "records"));
	buf_append_str(&text, " stored (");
	human_bytes(&text, number(answer, "bytes"));
	buf_append_str(&text, ")");
	if (bad) {
		buf_append_str(&text, ", ");
		human_count(&text, bad);
		buf_append_str(&text, " refused or dropped");
	}
	say_field("records", &text);
	buf_clear(&text);
	human_count(&text, number(answer, "writers"));
	buf_append_str(&text, " connected now");
	say_field("writers", &text);
	say_spools(answer);
	buf_clear(&text);
	if (json_to_text(json_find(answer, "durability"), &text))
		say_field("durable", &text);
	say_index(json_find(answer, "index"));
	buf_clear(&text);
	(void)json_to_text(json_find(answer, "trouble"), &trouble);
	if (!say_laters(answer, buf_slice(&trouble)) && trouble.len) {
		human_text(&text, buf_slice(&trouble));
		say_field("trouble", &text);
	}
}

static int print_absent(const char *path, bool json)
{
	if (json) {
		CLEAN(buf_fini) struct buf out = BUF_INIT;
		json_put_open(&out, '{');
		json_put_member_bool(&out, "running", false);
		json_put_member(&out, "store", slice_of(path));
		json_put_close(&out, '}');
		say("%.*s\n", SLICE_ARG(buf_slice(&out)));
		return CLI_ABSENT;
	}
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	human_path(&text, path);
	say("burr is not running on %s.\n", text.data);
	return CLI_ABSENT;
}

static void print_json(const struct store *store, const struct running *running, struct slice answer)
{
	CLEAN(buf_fini) struct buf out = BUF_INIT;
	json_put_open(&out, '{');
	json_put_member_bool(&out, "running", true);
	json_put_member(&out, "store", slice_of(store->path));
	json_put_member_int(&out, "pid", running->pid);
	json_put_member(&out, "url", buf_slice(&running->url));
	json_put_member(&out, "version", buf_slice(&running->version));
	json_put_member(&out, "started", buf_slice(&running->started));
	json_put_member_raw(&out, "status", answer.len ? answer : SLICE_NONE);
	json_put_close(&out, '}');
	say("%.*s\n", SLICE_ARG(buf_slice(&out)));
}

int command_status(const struct options *options)
{
	CLEAN(free_store) struct store *store = NULL;
	CLEAN(running_fini) struct running running = RUNNING_INIT;
	CLEAN(buf_fini) struct buf answer = BUF_INIT;
	CLEAN(buf_fini) struct buf path = BUF_INIT;
	struct slice body = SLICE_NONE;
	bool json = options_has(options, OPTION_JSON);
	/* A store that was never made has no collector either. */
	burr_status status = store_open(options->store, STORE_READ, &store, &(burr_error)BURR_ERROR_INIT);
	if (status == BURR_ENOTFOUND) {
		CLEAN(ptr_free) char *missing = store_find_path(options->store);
		return print_absent(missing ? missing : "", json);
	}
	int code = status == BURR_OK ? CLI_OK : find_store(options->store, &store);
	if (code != CLI_OK)
		return code;
	if (!running_find(store, &running))
		return print_absent(store->path, json);
	burr_error err = BURR_ERROR_INIT;
	status = running_get(&running, "/api/v1/status", ASK_MS, &answer, &err);
	if (status == BURR_OK && json_validate(buf_slice(&answer), &body, NULL) != BURR_OK)
		body = SLICE_NONE;
	if (json) {
		print_json(store, &running, body);
		return CLI_OK;
	}
	human_path(&path, store->path);
	say("%sburr %s is running%s\n", say_style(STYLE_BOLD),
		running.version.len ? running.version.data : "", say_plain());
	say_field("UI", &running.url);
	say_field("store", &path);
	say_process(&running);
	if (body.len) {
		say_counters(body);
		return CLI_OK;
	}
	if (!running.url.len)
		say("  It is just starting.\n");
	else
		say("  It does not answer: %s\n", err.message);
	return CLI_OK;
}
