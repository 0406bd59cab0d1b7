#include "cli/listing.h"

#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/source.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/say.h"
#include "query/fold.h"

enum {
	PAGE = 4096, /* attempts that are read at one moment of the catalog */
	CHANGED_COLUMNS = 28,
};

struct print {
	struct listing *listing;
	struct source source; /* for what went wrong */
	bool has_log;
	struct columns table;
	bool attempts;    /* there is a column for them */
	struct buf *json; /* an array that is open; NULL: a table is made */
	struct buf text;
};

static void print_fini(struct print *print)
{
	source_fini(&print->source);
	columns_fini(&print->table);
	buf_fini(&print->text);
}

static bool fits(const struct listing *listing, const struct catalog_step *found)
{
	return found->step.seq >= listing->from && found->step.seq <= listing->to &&
	       v1_step_is_wanted(&listing->wanted, listing->app, found);
}

/* ---- a step ---- */

/* The text of what went wrong; false where nothing did. */
static bool read_exception(struct print *print, const struct step *step)
{
	struct line_record record;
	buf_clear(&print->text);
	return print->has_log && (step->flags & STEP_FAILED) &&
	       source_read(&print->source, step->end_at, step->end_len, LINE_END_ENTRY, &record) &&
	       json_to_text(record.exception, &print->text);
}

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

static void add_number(struct print *print, int64_t number, enum style style)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	buf_printf(&text, "%lld", (long long)number);
	columns_add(&print->table, buf_slice(&text), style);
}

static void add_started(struct print *print, const struct step *step)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (step->flags & STEP_HAS_START)
		human_moment(&text,
			v1_step_us(print->listing->app, step->start_us, step->flags & STEP_START_ZONED));
	columns_add(&print->table, buf_slice(&text), STYLE_NONE);
}

/* An open step is lost with its run. */
static void add_status(struct print *print, const struct catalog_step *found)
{
	const struct catalog_app *app = print->listing->app;
	const char *status = v1_step_status(&found->step);
	bool open = !found->step.end_len;
	if (open && found->number + 1 == app->step_count && app->status == STATUS_LOST)
		columns_add(&print->table, SLICE_LIT("lost"), STYLE_BAD);
	else
		columns_add(&print->table, slice_of(status),
			open                              ? STYLE_NONE
			: found->step.flags & STEP_FAILED ? STYLE_BAD
							  : STYLE_GOOD);
}

static void add_took(struct print *print, const struct step *step)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	int64_t took_us;
	if (v1_step_took(print->listing->app, step, &took_us))
		human_duration(&text, took_us);
	columns_add(&print->table, buf_slice(&text), STYLE_NONE);
}

/* ["a","b"] as a, b. */
static void add_changed(struct print *print, struct slice keys)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf clean = BUF_INIT;
	struct slice key;
	struct json_iter it = json_iter(keys);
	while (keys.data && json_next_element(&it, &key)) {
		buf_append_str(&text, text.len ? ", " : "");
		(void)json_to_text(key, &text); /* they are texts */
	}
	human_text(&clean, buf_slice(&text));
	if (human_width(buf_slice(&clean)) > CHANGED_COLUMNS) {
		clean.len = human_fit(buf_slice(&clean), CHANGED_COLUMNS - 1);
		buf_append_str(&clean, "…");
	}
	columns_add(&print->table, buf_slice(&clean), STYLE_NONE);
}

static void add_row(struct print *print, const struct catalog_step *found)
{
	const struct step *step = &found->step;
	bool marked = step->seq == print->listing->mark;
	add_number(print, step->seq, marked ? STYLE_LINK : STYLE_DIM);
	if (print->attempts)
		add_number(print, step->nth, step->flags & STEP_SUPERSEDED ? STYLE_DIM : STYLE_NONE);
	add_started(print, step);
	columns_add(&print->table, found->action, STYLE_BOLD);
	add_status(print, found);
	add_took(print, step);
	add_changed(print, found->keys);
	bool failed = read_exception(print, step);
	columns_add(&print->table, failed ? main_line(buf_slice(&print->text)) : SLICE_LIT(""), STYLE_BAD);
}

static void put_object(struct print *print, const struct catalog_step *found)
{
	struct buf *out = print->json;
	json_put_open(out, '{');
	v1_put_step(out, print->listing->app, found, &print->source);
	bool failed = read_exception(print, &found->step);
	json_put_member(out, "exception", failed ? buf_slice(&print->text) : SLICE_NONE);
	json_put_close(out, '}');
}

static bool take_step(const struct catalog_step *found, void *ctx)
{
	struct print *print = ctx;
	if (!fits(print->listing, found))
		return true;
	if (print->json)
		put_object(print, found);
	else
		add_row(print, found);
	return true;
}

/* ---- a cycle ---- */

/* Actions of one round as "a → b", and when the first of them began, or the last ended. */
struct round {
	struct print *print;
	struct buf actions;
	int64_t first_seq, last_seq;
	bool timed; /* there is a start and an end */
	int64_t start_us, end_us;
};

static bool take_first_round(const struct catalog_step *found, void *ctx)
{
	struct round *round = ctx;
	struct print *print = round->print;
	if (!fits(print->listing, found))
		return true;
	if (print->json)
		json_put_text(print->json, found->action);
	buf_append_str(&round->actions, round->actions.len ? " → " : "");
	buf_append_slice(&round->actions, found->action);
	if (round->first_seq < 0) {
		round->first_seq = found->step.seq;
		round->timed = found->step.flags & STEP_HAS_START;
		round->start_us = v1_step_us(
			print->listing->app, found->step.start_us, found->step.flags & STEP_START_ZONED);
	}
	return true;
}

static bool take_last_step(const struct catalog_step *found, void *ctx)
{
	struct round *round = ctx;
	round->last_seq = found->step.seq;
	round->timed = round->timed && (found->step.flags & STEP_HAS_END);
	round->end_us = v1_step_us(
		round->print->listing->app, found->step.end_us, found->step.flags & STEP_END_ZONED);
	return true;
}

static void add_cycle(struct print *print, const struct round *round, size_t times)
{
	CLEAN(buf_fini) struct buf steps = BUF_INIT;
	CLEAN(buf_fini) struct buf count = BUF_INIT;
	CLEAN(buf_fini) struct buf started = BUF_INIT;
	CLEAN(buf_fini) struct buf took = BUF_INIT;
	buf_printf(&steps, "%lld..%lld", (long long)round->first_seq, (long long)round->last_seq);
	buf_append_str(&count, "×");
	human_count(&count, times);
	if (round->timed) {
		human_moment(&started, round->start_us);
		human_duration(&took, round->end_us - round->start_us);
	}
	columns_add(&print->table, buf_slice(&steps), STYLE_DIM);
	if (print->attempts)
		columns_add(&print->table, SLICE_LIT(""), STYLE_NONE);
	columns_add(&print->table, buf_slice(&started), STYLE_NONE);
	columns_add(&print->table, buf_slice(&round->actions), STYLE_BOLD);
	columns_add(&print->table, buf_slice(&count), STYLE_NONE);
	columns_add(&print->table, buf_slice(&took), STYLE_NONE);
	columns_add(&print->table, SLICE_LIT(""), STYLE_NONE);
	columns_add(&print->table, SLICE_LIT(""), STYLE_NONE);
}

/* ---- which ---- */

/* One that fits. */
struct seen {
	int64_t number, seq;
};

struct gathering {
	struct listing *listing;
	struct buf seen;    /* struct seen … */
	struct buf actions; /* int64_t of each, for folding */
};

static void gathering_fini(struct gathering *gathering)
{
	buf_fini(&gathering->seen);
	buf_fini(&gathering->actions);
}

static bool gather_step(const struct catalog_step *found, void *ctx)
{
	struct gathering *gathering = ctx;
	struct listing *listing = gathering->listing;
	const struct seen seen = {found->number, found->step.seq};
	const int64_t action = v1_fold_action(&found->step);
	if (!fits(listing, found))
		return true;
	listing->marked = listing->marked || seen.seq == listing->mark;
	buf_append(&gathering->seen, &seen, sizeof(seen));
	if (listing->folded)
		buf_append(&gathering->actions, &action, sizeof(action));
	return !gathering->seen.failed && !gathering->actions.failed;
}

static burr_status gather(struct gathering *gathering, burr_error *err)
{
	const struct listing *listing = gathering->listing;
	burr_status status = BURR_OK;
	for (int64_t from = 0; status == BURR_OK && from < listing->app->step_count; from += PAGE)
		status = catalog_list_steps(
			listing->reader, listing->app->id, from, from + PAGE, gather_step, gathering, err);
	if (status == BURR_OK && (gathering->seen.failed || gathering->actions.failed))
		return burr_fail(err, BURR_ENOMEM, "no memory for so many steps");
	return status;
}

static const struct seen *seen_of(const struct gathering *gathering, size_t *out_count)
{
	*out_count = gathering->seen.len / sizeof(struct seen);
	return (const struct seen *)(const void *)gathering->seen.data;
}

/* Which of `count` are printed, and what is told of the others. */
static size_t choose(struct listing *listing, size_t count, size_t *out_from)
{
	size_t shown = (uint64_t)listing->limit < count ? (size_t)listing->limit : count;
	*out_from = listing->last ? count - shown : 0;
	listing->before = (int64_t)*out_from;
	listing->shown = (int64_t)shown;
	listing->behind = (int64_t)(count - *out_from - shown);
	return shown;
}

/* ---- printing ---- */

static void say_earlier(const struct listing *listing)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (!listing->before)
		return;
	human_count(&text, (uint64_t)listing->before);
	say("%s… %.*s earlier %s: --limit 0 shows all%s\n", say_style(STYLE_DIM), SLICE_ARG(buf_slice(&text)),
		listing->folded ? "lines" : "steps", say_plain());
}

/* What was put of a page goes out. *first: nothing was printed before. */
static void print_page(struct print *print, bool *first)
{
	if (!print->json && print->listing->shown) {
		if (*first)
			say_earlier(print->listing);
		*first = false;
		columns_print(&print->table);
		columns_clear(&print->table);
	}
	if (!print->json)
		return;
	const struct buf *page = print->json;
	if (page->len > 1 && !*first)
		say(",");
	if (page->len > 1) /* behind the bracket that opens it */
		say_bytes((struct slice){page->data + 1, page->len - 1});
	*first = *first && page->len == 1;
	buf_clear(print->json);
	json_put_open(print->json, '[');
}

static burr_status print_steps(struct print *print, const struct gathering *gathering, burr_error *err)
{
	struct listing *listing = print->listing;
	size_t count;
	size_t from;
	bool first = true;
	burr_status status = BURR_OK;
	const struct seen *seen = seen_of(gathering, &count);
	size_t shown = choose(listing, count, &from);
	if (listing->behind)
		listing->next = seen[from + shown].seq;
	for (size_t i = from; status == BURR_OK && i < from + shown; i += PAGE) {
		size_t last = i + PAGE < from + shown ? i + PAGE - 1 : from + shown - 1;
		status = catalog_list_steps(listing->reader, listing->app->id, seen[i].number,
			seen[last].number + 1, take_step, print, err);
		print_page(print, &first);
	}
	return status;
}

static burr_status put_group(
	struct print *print, const struct seen *seen, const struct fold_group *group, burr_error *err)
{
	const struct listing *listing = print->listing;
	const struct seen *last = &seen[group->from + group->period * group->times - 1];
	struct round round = {.print = print, .actions = BUF_INIT, .first_seq = -1};
	if (group->times == 1)
		return catalog_list_steps(listing->reader, listing->app->id, last->number, last->number + 1,
			take_step, print, err);
	if (print->json) {
		json_put_open(print->json, '{');
		json_put_member_int(print->json, "from", seen[group->from].seq);
		json_put_member_int(print->json, "to", last->seq);
		json_put_member_int(print->json, "times", (int64_t)group->times);
		json_put_key(print->json, SLICE_LIT("actions"));
		json_put_open(print->json, '[');
	}
	burr_status status = catalog_list_steps(listing->reader, listing->app->id, seen[group->from].number,
		seen[group->from + group->period - 1].number + 1, take_first_round, &round, err);
	if (status == BURR_OK)
		status = catalog_list_steps(listing->reader, listing->app->id, last->number, last->number + 1,
			take_last_step, &round, err);
	if (print->json) {
		json_put_close(print->json, ']');
		json_put_close(print->json, '}');
	} else {
		add_cycle(print, &round, group->times);
	}
	buf_fini(&round.actions);
	return status;
}

static burr_status print_groups(struct print *print, const struct gathering *gathering, burr_error *err)
{
	struct listing *listing = print->listing;
	const int64_t *actions = (const int64_t *)(const void *)gathering->actions.data;
	size_t count;
	size_t from;
	size_t group_count = 0;
	bool first = true;
	struct fold_group group;
	burr_status status = BURR_OK;
	const struct seen *seen = seen_of(gathering, &count);
	struct fold_iter it = fold_iter(actions, count, 0);
	while (fold_next(&it, &group))
		group_count++;
	size_t shown = choose(listing, group_count, &from);
	it = fold_iter(actions, count, 0);
	for (size_t i = 0; status == BURR_OK && fold_next(&it, &group); i++) {
		if (i == from + shown)
			listing->next = seen[group.from].seq;
		if (i < from || i >= from + shown)
			continue;
		status = put_group(print, seen, &group, err);
		if (i % PAGE == PAGE - 1)
			print_page(print, &first);
	}
	print_page(print, &first);
	return status;
}

static burr_status print_all(struct print *print, burr_error *err)
{
	CLEAN(gathering_fini) struct gathering gathering = {.listing = print->listing};
	struct listing *listing = print->listing;
	source_init(&print->source, listing->reader, slice_of(listing->project));
	burr_status status = source_open(&print->source, listing->app->app_id, err);
	print->has_log = status == BURR_OK;
	if (status == BURR_OK || status == BURR_ENOTFOUND)
		status = gather(&gathering, err);
	if (status != BURR_OK)
		return status;
	return listing->folded ? print_groups(print, &gathering, err) : print_steps(print, &gathering, err);
}

int listing_print_table(struct listing *listing)
{
	static const char *const titles[] = {
		">STEP", "STARTED", "ACTION", "STATUS", ">TOOK", "CHANGED", "ERROR", NULL};
	static const char *const attempt_titles[] = {
		">STEP", ">ATTEMPT", "STARTED", "ACTION", "STATUS", ">TOOK", "CHANGED", "ERROR", NULL};
	CLEAN(print_fini) struct print print = {.listing = listing, .attempts = listing->wanted.superseded};
	burr_error err;
	columns_init(&print.table, print.attempts ? attempt_titles : titles);
	burr_status status = print_all(&print, &err);
	return status == BURR_OK ? CLI_OK : find_fail(status, &err);
}

int listing_print_json(struct listing *listing)
{
	CLEAN(buf_fini) struct buf page = BUF_INIT;
	CLEAN(print_fini) struct print print = {.listing = listing, .json = &page};
	burr_error err;
	json_put_open(&page, '[');
	say("[");
	burr_status status = print_all(&print, &err);
	say("]");
	return status == BURR_OK ? CLI_OK : find_fail(status, &err);
}
