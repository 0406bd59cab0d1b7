/* cli/doctor.c: burr doctor: is the store well, and what to do where it is not. */
#include "cli/doctor.h"

#include "base/clean.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>

struct finding {
	enum level level;
	const char *check;
	const char *advice;
	size_t offset; /* of its text in findings.text */
	size_t len;
};

enum { INDENT = 20, NARROW = 60 };

static const char *const level_names[] = {"ok", "note", "problem"};

static void free_store(struct store **store)
{
	store_close(*store);
}

static void findings_fini(struct findings *findings)
{
	buf_fini(&findings->list);
	buf_fini(&findings->text);
}

void findings_add(struct findings *findings, enum level level, const char *check, const char *advice,
	const char *fmt, ...)
{
	char text[1024];
	struct finding finding = {level, check, advice, findings->text.len, 0};
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	human_text(&findings->text, slice_of(text));
	finding.len = findings->text.len - finding.offset;
	buf_append(&findings->list, &finding, sizeof(finding));
}

static const struct finding *get_findings(const struct findings *findings, size_t *out_count)
{
	*out_count = findings->list.len / sizeof(struct finding);
	return (const struct finding *)(const void *)findings->list.data;
}

static struct slice text_of(const struct findings *findings, const struct finding *finding)
{
	return (struct slice){findings->text.data + finding->offset, finding->len};
}

/* ---- as text ---- */

/* As many words as fit; a longer word goes over the edge. */
static size_t fit_words(struct slice text, size_t columns)
{
	size_t fit = human_fit(text, columns);
	if (fit == text.len)
		return fit;
	size_t end = fit;
	while (end && text.data[end] != ' ')
		end--;
	if (end)
		return end;
	const char *space = memchr(text.data + fit, ' ', text.len - fit);
	return space ? (size_t)(space - text.data) : text.len;
}

/* A terminal gets its lines broken between words, and set in. */
static void say_wrapped(struct slice text)
{
	size_t width = say_width();
	size_t columns = width < NARROW ? SIZE_MAX : width - INDENT;
	while (text.len) {
		size_t len = fit_words(text, columns);
		say("%.*s\n", (int)len, text.data);
		text = (struct slice){text.data + len, text.len - len};
		if (text.len && text.data[0] == ' ')
			text = (struct slice){text.data + 1, text.len - 1};
		if (text.len)
			say("%*s", INDENT, "");
	}
}

static void say_finding(const struct findings *findings, const struct finding *finding)
{
	static const enum style styles[] = {STYLE_GOOD, STYLE_BOLD, STYLE_BAD};
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	buf_append_slice(&text, text_of(findings, finding));
	if (*finding->advice)
		buf_printf(&text, "; %s", finding->advice);
	say("%s%-7s%s  %-9s  ", say_style(styles[finding->level]), level_names[finding->level], say_plain(),
		finding->check);
	say_wrapped(buf_slice(&text));
}

static void print_text(const struct findings *findings, size_t problem_count)
{
	size_t count;
	const struct finding *list = get_findings(findings, &count);
	for (size_t i = 0; i < count; i++)
		say_finding(findings, &list[i]);
	if (problem_count)
		say("\n%zu problem%s.\n", problem_count, problem_count == 1 ? "" : "s");
	else
		say(findings->partial ? "\nNothing is wrong with what was looked at.\n"
				      : "\nThe store is well.\n");
}

/* ---- as JSON ---- */

static void print_json(const struct store *store, const struct findings *findings, size_t problem_count)
{
	CLEAN(buf_fini) struct buf out = BUF_INIT;
	size_t count;
	const struct finding *list = get_findings(findings, &count);
	json_put_open(&out, '{');
	json_put_member(&out, "store", slice_of(store->path));
	json_put_member_int(&out, "problem_count", (int64_t)problem_count);
	json_put_key(&out, SLICE_LIT("findings"));
	json_put_open(&out, '[');
	for (size_t i = 0; i < count; i++) {
		json_put_open(&out, '{');
		json_put_member(&out, "level", slice_of(level_names[list[i].level]));
		json_put_member(&out, "check", slice_of(list[i].check));
		json_put_member(&out, "text", text_of(findings, &list[i]));
		json_put_member(&out, "advice", *list[i].advice ? slice_of(list[i].advice) : SLICE_NONE);
		json_put_close(&out, '}');
	}
	json_put_close(&out, ']');
	json_put_close(&out, '}');
	buf_append_char(&out, '\n');
	say_bytes(buf_slice(&out));
}

int command_doctor(const struct options *options)
{
	CLEAN(free_store) struct store *store = NULL;
	CLEAN(findings_fini) struct findings findings = {.list = BUF_INIT, .text = BUF_INIT};
	size_t count;
	size_t problem_count = 0;
	int code = find_store(options->store, &store);
	if (code != CLI_OK)
		return code;
	doctor_check_folder(store, &findings);
	doctor_check_disk(store, &findings);
	doctor_check_catalog(store, &findings);
	doctor_check_collector(store, &findings);
	doctor_check_spools(store, &findings);
	doctor_check_logs(store, &findings);
	if (findings.list.failed || findings.text.failed) {
		say_error("no memory for what was found");
		return CLI_ERROR;
	}
	const struct finding *list = get_findings(&findings, &count);
	for (size_t i = 0; i < count; i++)
		problem_count += list[i].level == LEVEL_PROBLEM;
	if (options_has(options, OPTION_JSON))
		print_json(store, &findings, problem_count);
	else
		print_text(&findings, problem_count);
	return problem_count ? CLI_ERROR : CLI_OK;
}
