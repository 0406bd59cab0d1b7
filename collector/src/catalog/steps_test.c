/* What the catalog keeps of a run's steps, however its log grew: held against a simple reading of the same
 * lines. */
#include "catalog/testing.h"

#include "base/json.h"
#include "catalog/runs.h"
#include "catalog/search.h"
#include "catalog/state.h"
#include "store/read.h"

#include <burr/tracker.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

static void keep_app(const struct catalog_app *app, void *ctx)
{
	*(struct catalog_app *)ctx = *app;
}

static struct catalog_app find(struct fixture *f, const char *app_id)
{
	struct catalog_app app;
	burr_error err = BURR_ERROR_INIT;
	if (catalog_find_app(f->reader, SLICE_LIT("p"), slice_of(app_id), keep_app, &app, &err) != BURR_OK)
		fail_msg("%s", err.message);
	return app;
}

/* ---- all that is known of a run, as one text ---- */

static bool put_step(const struct catalog_step *found, void *ctx)
{
	const struct step *s = &found->step;
	buf_printf(ctx,
		"step %lld: seq %lld nth %u at %llu+%u end %llu+%u flags %d parts %u %.*s via %.*s %.*s\n",
		(long long)found->number, (long long)s->seq, s->nth, (unsigned long long)s->at, s->begin_len,
		(unsigned long long)s->end_at, s->end_len, s->flags, s->part_count, SLICE_ARG(found->action),
		SLICE_ARG(found->via), SLICE_ARG(found->keys));
	return true;
}

static bool put_part(const struct part *part, void *ctx)
{
	buf_printf(ctx, "part of %lld: type %d at %llu+%u\n", (long long)part->step, part->type,
		(unsigned long long)part->at, part->len);
	return true;
}

/* Names are numbered as they come, so those of a log that was read at once come in another order. */
static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct sorted {
	char *texts[64];
	size_t count;
};

static void sorted_put(struct sorted *sorted, struct buf *out)
{
	qsort(sorted->texts, sorted->count, sizeof(*sorted->texts), compare_texts);
	for (size_t i = 0; i < sorted->count; i++) {
		buf_append_str(out, sorted->texts[i]);
		free(sorted->texts[i]);
	}
	sorted->count = 0;
}

static void put_use(struct slice name, int64_t count, int64_t failed_count, void *ctx)
{
	struct sorted *sorted = ctx;
	struct buf text = BUF_INIT;
	assert_true(sorted->count < 64);
	buf_printf(&text, "use %.*s: %lld failed %lld\n", SLICE_ARG(name), (long long)count,
		(long long)failed_count);
	sorted->texts[sorted->count++] = buf_take(&text);
}

static void put_edge(struct slice from, struct slice to, int64_t count, void *ctx)
{
	struct sorted *sorted = ctx;
	struct buf text = BUF_INIT;
	assert_true(sorted->count < 64);
	buf_printf(&text, "edge %.*s to %.*s: %lld\n", SLICE_ARG(from), SLICE_ARG(to), (long long)count);
	sorted->texts[sorted->count++] = buf_take(&text);
}

static void put_row(const struct catalog_app *app, void *ctx)
{
	buf_printf(ctx,
		"steps %lld failed %lld parts %lld damaged %lld tokens %lld %lld status %s last %.*s error "
		"%.*s "
		"next %lld ended %d\n",
		(long long)app->step_count, (long long)app->failed_count, (long long)app->part_count,
		(long long)app->damaged, (long long)app->input_tokens, (long long)app->output_tokens,
		catalog_status_name(app->status), SLICE_ARG(app->last_action), SLICE_ARG(app->last_error),
		(long long)app->num_steps, app->ended);
}

static char *all_of(struct fixture *f, const char *app_id)
{
	struct buf out = BUF_INIT;
	struct sorted sorted = {.count = 0};
	burr_error err = BURR_ERROR_INIT;
	int64_t id = find(f, app_id).id;
	assert_int_equal(
		catalog_find_app(f->reader, SLICE_LIT("p"), slice_of(app_id), put_row, &out, &err), BURR_OK);
	assert_int_equal(catalog_list_steps(f->reader, id, 0, INT64_MAX, put_step, &out, &err), BURR_OK);
	assert_int_equal(catalog_list_parts(f->reader, id, -1, INT64_MAX, put_part, &out, &err), BURR_OK);
	assert_int_equal(catalog_list_uses(f->reader, id, USE_ACTION, put_use, &sorted, &err), BURR_OK);
	sorted_put(&sorted, &out);
	assert_int_equal(catalog_list_uses(f->reader, id, USE_ATTRIBUTE, put_use, &sorted, &err), BURR_OK);
	sorted_put(&sorted, &out);
	assert_int_equal(catalog_list_edges(f->reader, id, put_edge, &sorted, &err), BURR_OK);
	sorted_put(&sorted, &out);
	return buf_take(&out);
}

/* ---- logs of all kinds ---- */

static uint64_t seed = 1;

static unsigned draw(unsigned below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((seed >> 33) % below);
}

static void put_begin(struct buf *log, int64_t seq)
{
	static const char *const vias[] = {"", ",\"via\":{\"from\":\"a\",\"condition\":\"n < 3\"}",
		",\"via\":{\"from\":\"b\",\"condition\":\"default\"}", ",\"via\":7"};
	buf_printf(log,
		"{\"type\":\"begin_entry\",\"start_time\":\"2026-01-01T00:00:00.%06uZ\",\"action\":\"%c\","
		"\"inputs\":{},\"sequence_id\":%lld%s}\n",
		draw(1000000), "abcd"[draw(4)], (long long)seq, vias[draw(4)]);
}

static void put_end(struct buf *log, int64_t seq)
{
	buf_printf(log,
		"{\"type\":\"end_entry\",\"end_time\":\"2026-01-01T00:00:01.%06uZ\",\"action\":\"%c\","
		"\"result\":"
		"null,\"exception\":%s,\"sequence_id\":%lld,\"state\":{\"__SEQUENCE_ID\":%lld,\"x\":%u,\"y\":"
		"%u%s}}\n",
		draw(1000000), "abcd"[draw(4)], draw(8) ? "null" : "\"it broke\"", (long long)seq,
		(long long)seq, draw(2), draw(3), draw(3) ? "" : ",\"z\":1");
}

static void put_other(struct buf *log, int64_t seq)
{
	switch (draw(6)) {
	case 0:
		buf_printf(log,
			"{\"type\":\"attribute\",\"action_sequence_id\":%lld,\"key\":\"gen_ai.usage.input_"
			"tokens\",\"value\":%u}\n",
			(long long)seq, draw(100));
		break;
	case 1:
		buf_printf(log,
			"{\"type\":\"attribute\",\"action_sequence_id\":%lld,\"key\":\"k%u\",\"value\":1}\n",
			(long long)seq, draw(5));
		break;
	case 2:
		buf_printf(log, "{\"type\":\"begin_span\",\"action_sequence_id\":%lld,\"span_id\":\"s\"}\n",
			(long long)seq);
		break;
	case 3:
		buf_append_str(log, "{\"type\":\"end_application\"}\n");
		break;
	case 4:
		buf_append_str(log, "this is no record\n");
		break;
	default:
		buf_printf(log,
			"{\"type\":\"end_stream\",\"action_sequence_id\":%lld,\"items_streamed\":3}\n",
			(long long)seq);
		break;
	}
}

/* Steps that overlap, end twice, never end or never began, and are rewound. */
static void put_log(struct buf *log, unsigned lines)
{
	int64_t seq = 0;
	for (unsigned i = 0; i < lines; i++) {
		switch (draw(12)) {
		case 0:
			put_other(log, seq ? (int64_t)draw((unsigned)seq + 3) : 0);
			break;
		case 1:
			seq = seq > 20 && !draw(8) ? seq - draw(20) : seq;
			break;
		case 2:
			put_end(log, seq ? (int64_t)draw((unsigned)seq) : 0);
			break;
		default:
			put_begin(log, seq);
			if (draw(20))
				put_end(log, seq);
			seq++;
			break;
		}
	}
}

static void write_log(struct fixture *f, const char *app_id, const char *text, size_t len)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/p/%s/log.jsonl", f->folder, app_id);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

/* In one go, and in pieces cut anywhere with a pass of the indexer after each: the same is known. */
static void however_a_log_grows(void **state)
{
	struct fixture *f = *state;
	fixture_open(f);
	for (int round = 0; round < 12; round++) {
		struct buf log = BUF_INIT;
		char whole[32];
		char grown[32];
		snprintf(whole, sizeof(whole), "whole%d", round);
		snprintf(grown, sizeof(grown), "grown%d", round);
		put_log(&log, 20 + draw(900));
		testing_make_app(f->folder, "p", whole, log.data);
		testing_make_app(f->folder, "p", grown, "");
		for (size_t at = 0; at < log.len;) {
			size_t piece = 1 + draw(round % 3 ? 9000 : 400);
			piece = piece < log.len - at ? piece : log.len - at;
			write_log(f, grown, log.data + at, piece);
			at += piece;
			fixture_update(f);
		}
		char *at_once = all_of(f, whole);
		char *in_pieces = all_of(f, grown);
		assert_string_equal(in_pieces, at_once);
		free(at_once);
		free(in_pieces);
		buf_fini(&log);
	}
}

/* ---- against a simple reading ---- */

struct ends {
	int64_t seq[4096];
	uint64_t at[4096];
	size_t count;
};

static void read_ends(const struct buf *log, struct ends *out)
{
	struct line_record record;
	out->count = 0;
	for (size_t at = 0; at < log->len;) {
		const char *newline = memchr(log->data + at, '\n', log->len - at);
		size_t len = (size_t)(newline - log->data) - at;
		if (line_read((struct slice){log->data + at, len}, &record) &&
			record.type == LINE_END_ENTRY) {
			out->seq[out->count] = record.sequence_id;
			out->at[out->count++] = at;
		}
		at += len + 1;
	}
}

static void ends_are_found_from_both_sides(void **state)
{
	struct fixture *f = *state;
	struct ends *ends = calloc(1, sizeof(*ends));
	struct buf log = BUF_INIT;
	uint64_t at;
	uint64_t len;
	assert_non_null(ends);
	/* All of 300 steps are open before the first ends; then they end from the last to the first. */
	for (int i = 0; i < 300; i++)
		put_begin(&log, i);
	for (int i = 299; i >= 0; i--)
		put_end(&log, i);
	put_log(&log, 1500);
	read_ends(&log, ends);
	testing_make_app(f->folder, "p", "a", log.data);
	fixture_open(f);
	fixture_update(f);
	for (size_t i = 0; i < ends->count; i++) {
		int64_t back = (int64_t)i - (int64_t)ends->count;
		assert_int_equal(
			catalog_find_end(f->reader, SLICE_LIT("p"), SLICE_LIT("a"), back, &at, &len, NULL),
			BURR_OK);
		assert_int_equal(at, ends->at[i]);
		size_t last = i; /* of this number */
		for (size_t j = i; j < ends->count; j++)
			last = ends->seq[j] == ends->seq[i] ? j : last;
		assert_int_equal(catalog_find_end(f->reader, SLICE_LIT("p"), SLICE_LIT("a"), ends->seq[i],
					 &at, &len, NULL),
			BURR_OK);
		assert_int_equal(at, ends->at[last]);
	}
	assert_int_equal(catalog_find_end(f->reader, SLICE_LIT("p"), SLICE_LIT("a"),
				 -(int64_t)ends->count - 1, &at, &len, NULL),
		BURR_ENOTFOUND);
	assert_int_equal(
		catalog_find_end(f->reader, SLICE_LIT("p"), SLICE_LIT("a"), 1000000, &at, &len, NULL),
		BURR_ENOTFOUND);
	buf_fini(&log);
	free(ends);
}

/* A run begun again at a number: the first attempt gives way, its state is not the one before the next. */
static void rewound_steps_are_attempts(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a",
		STEP_AT("0", "00") STEP_AT("1", "01") BEGIN_AT("2", "02") STEP_AT("1", "03")
			STEP_AT("2", "04"));
	fixture_open(f);
	fixture_update(f);
	struct buf out = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(catalog_list_steps(f->reader, find(f, "a").id, 1, 5, put_step, &out, &err), BURR_OK);
	assert_non_null(strstr(out.data, "step 1: seq 1 nth 1"));
	assert_non_null(strstr(out.data, "step 2: seq 2 nth 1"));
	assert_non_null(strstr(out.data, "step 3: seq 1 nth 2"));
	assert_non_null(strstr(out.data, "step 4: seq 2 nth 2"));
	/* has start, zoned, has end, zoned: 30; superseded: 32 */
	assert_non_null(strstr(out.data, "flags 62 parts 0 a via  [\"n\"]\nstep 2:"));
	assert_non_null(strstr(out.data, "end 0+0 flags 38 parts 0 a via  \nstep 3:"));
	assert_non_null(
		strstr(out.data, "flags 30 parts 0 a via  \nstep 4:")); /* after 0's state, not after 1's */
	assert_non_null(strstr(out.data, "flags 30 parts 0 a via  [\"n\"]\n"));
	buf_fini(&out);
}

static void the_first_step_is_held_against_the_initial_state(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a", BEGIN_AT("0", "00"));
	testing_write(f->folder, "p/a/metadata.json",
		"{\"type\":\"application_metadata\",\"partition_key\":null,\"parent_pointer\":null,"
		"\"spawning_parent_pointer\":null,\"initial_state\":{\"n\":0,\"kept\":1}}");
	fixture_open(f);
	fixture_update(f);
	static const char end[] =
		"{\"type\":\"end_entry\",\"action\":\"a\",\"sequence_id\":0,\"exception\":null,"
		"\"result\":null,\"state\":{\"n\":1,\"kept\":1}}\n";
	write_log(f, "a", end, sizeof(end) - 1);
	fixture_update(f);
	char *all = all_of(f, "a");
	assert_non_null(strstr(all, " a via  [\"n\"]\n"));
	free(all);
}

/* ---- status ---- */

#define FAILED_AT(seq, s)                                                                           \
	BEGIN_AT(seq, s)                                                                            \
	"{\"type\":\"end_entry\",\"end_time\":\"2026-01-01T00:00:" s ".000000Z\",\"action\":\"a\"," \
	"\"sequence_id\":" seq ",\"exception\":\"no\\nluck\",\"result\":null,\"state\":{}}\n"
#define OPEN_BY(writer)                                                                              \
	"{\"type\":\"begin_entry\",\"start_time\":\"2026-01-01T00:00:09.000000Z\",\"action\":\"a\"," \
	"\"inputs\":{},\"sequence_id\":9,\"_rec\":\"" writer ".0.1\"}\n"

struct attempts {
	int64_t count, second, superseded;
};

static bool count_attempt(const struct catalog_step *found, void *ctx)
{
	struct attempts *attempts = ctx;
	bool again = found->number >= 600;
	bool gave_way = !again && found->step.seq >= 50 && found->step.seq < 450;
	attempts->count++;
	attempts->second += found->step.nth == 2;
	attempts->superseded += (found->step.flags & STEP_SUPERSEDED) != 0;
	assert_int_equal(found->step.nth, again ? 2 : 1);
	assert_int_equal((found->step.flags & STEP_SUPERSEDED) != 0, gave_way);
	return true;
}

struct stretch {
	int64_t from, end, count;
};

static bool keep_stretch(int64_t from, int64_t end, void *ctx)
{
	*(struct stretch *)ctx = (struct stretch){from, end, ((struct stretch *)ctx)->count + 1};
	return true;
}

/* The attempts of 50 to 449 gave way. */
static void assert_one_stretch(struct fixture *f, int64_t app)
{
	static const int64_t froms[] = {0, 200, 449, 450};
	for (size_t i = 0; i < sizeof(froms) / sizeof(*froms); i++) {
		struct stretch found = {0, 0, 0};
		assert_int_equal(
			catalog_list_superseded(f->reader, app, froms[i], keep_stretch, &found, NULL),
			BURR_OK);
		assert_int_equal(found.count, froms[i] < 450);
		if (!found.count)
			continue;
		assert_int_equal(found.from, froms[i] < 50 ? 50 : froms[i]);
		assert_int_equal(found.end, 450);
	}
}

struct numbers {
	int64_t count, seen[1000];
};

static bool keep_number(const struct catalog_step *found, void *ctx)
{
	struct numbers *numbers = ctx;
	numbers->seen[numbers->count++] = found->number;
	return numbers->count < 1000;
}

static void assert_found(struct fixture *f, int64_t app)
{
	struct numbers numbers = {0};
	struct steps_request request = {.app = app, .from = 100, .end = 900, .newest_first = true};
	assert_int_equal(catalog_find_steps(f->reader, &request, keep_number, &numbers, NULL), BURR_OK);
	assert_int_equal(numbers.count, 800);
	for (int64_t i = 0; i < 800; i++)
		assert_int_equal(numbers.seen[i], 899 - i);
	/* Of the blocks that may hold it alone. */
	request = (struct steps_request){.app = app, .end = 1000, .of_one = true, .sequence_id = 400};
	numbers.count = 0;
	assert_int_equal(catalog_find_steps(f->reader, &request, keep_number, &numbers, NULL), BURR_OK);
	assert_true(numbers.count <= 3 * 128);
	for (int64_t i = 1; i < numbers.count; i++)
		assert_true(numbers.seen[i] > numbers.seen[i - 1]);
}

/* Over several blocks, and so that the indexer begins anew in between. */
static void a_long_run_is_taken_back(void **state)
{
	struct fixture *f = *state;
	struct attempts attempts = {0, 0, 0};
	struct buf log = BUF_INIT;
	uint64_t at;
	uint64_t len;
	fixture_open(f);
	testing_make_app(f->folder, "p", "a", "");
	for (int i = 0; i < 1000; i++) {
		put_begin(&log, i < 600 ? i : i - 550);
		put_end(&log, i < 600 ? i : i - 550);
		if (i != 620 && i != 800 && i != 999)
			continue;
		write_log(f, "a", log.data, log.len);
		buf_clear(&log);
		fixture_update(f);
	}
	assert_int_equal(
		catalog_list_steps(f->reader, find(f, "a").id, 0, 2000, count_attempt, &attempts, NULL),
		BURR_OK);
	assert_int_equal(attempts.count, 1000);
	assert_int_equal(attempts.second, 400);
	assert_int_equal(attempts.superseded, 400);
	assert_int_equal(find(f, "a").superseded_count, 400);
	assert_one_stretch(f, find(f, "a").id);
	assert_found(f, find(f, "a").id);
	assert_int_equal(
		catalog_find_end(f->reader, SLICE_LIT("p"), SLICE_LIT("a"), 10, &at, &len, NULL), BURR_OK);
	buf_fini(&log);
}

static void assert_status(struct fixture *f, const char *app_id, enum catalog_status expected)
{
	enum catalog_status status = find(f, app_id).status;
	if (status != expected)
		fail_msg("%s is %s, not %s", app_id, catalog_status_name(status),
			catalog_status_name(expected));
}

static void status_is_what_the_last_step_says(void **state)
{
	struct fixture *f = *state;
	static const char final_graph[] =
		"{\"type\":\"application\",\"entrypoint\":\"a\",\"actions\":[{\"name\":\"b\"},{\"name\":"
		"\"a\"}],"
		"\"transitions\":[{\"from_\":\"b\",\"to\":\"a\",\"condition\":\"default\"}]}";
	testing_make_app(f->folder, "p", "empty", "");
	testing_make_app(f->folder, "p", "waiting", STEP_AT("0", "00"));
	testing_make_app(f->folder, "p", "failed", STEP_AT("0", "00") FAILED_AT("1", "01"));
	testing_make_app(f->folder, "p", "silent",
		"{\"type\":\"end_entry\",\"action\":\"a\",\"sequence_id\":0,\"exception\":\"\",\"state\":{}}"
		"\n");
	testing_make_app(f->folder, "p", "mended", FAILED_AT("0", "00") STEP_AT("0", "01"));
	testing_make_app(f->folder, "p", "finished", STEP_AT("0", "00") "{\"type\":\"end_application\"}\n");
	testing_make_app(f->folder, "p", "again",
		STEP_AT("0", "00") "{\"type\":\"end_application\"}\n" STEP_AT("1", "01"));
	testing_make_app(f->folder, "p", "final", STEP_AT("0", "00"));
	testing_write(f->folder, "p/final/graph.json", final_graph);
	testing_make_app(f->folder, "p", "lost", OPEN_BY("0123456789abcdef"));
	testing_make_app(f->folder, "p", "unknown", BEGIN_AT("0", "00"));
	testing_make_app(f->folder, "p", "future",
		"{\"type\":\"begin_entry\",\"start_time\":\"2999-01-01T00:00:00.000000Z\",\"action\":\"a\","
		"\"inputs\":{},\"sequence_id\":0}\n");
	fixture_open(f);
	fixture_update(f);
	assert_status(f, "empty", STATUS_WAITING);
	assert_status(f, "waiting", STATUS_WAITING);
	assert_status(f, "failed", STATUS_FAILED);
	assert_status(f, "silent", STATUS_FAILED);
	assert_status(f, "mended", STATUS_WAITING);
	assert_status(f, "finished", STATUS_OK);
	assert_status(f, "again", STATUS_WAITING);
	assert_status(f, "final", STATUS_OK);
	assert_status(f, "lost", STATUS_LOST);
	assert_status(f, "unknown", STATUS_UNKNOWN);
	assert_status(f, "future", STATUS_UNKNOWN);
	/* Burr's client keeps its log open. */
	char path[4096];
	snprintf(path, sizeof(path), "%s/p/unknown/log.jsonl", f->folder);
	char *arguments[] = {(char *)"sleep", (char *)"60", NULL};
	posix_spawn_file_actions_t actions;
	pid_t holder;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 9, path, O_WRONLY | O_APPEND, 0);
	assert_int_equal(posix_spawnp(&holder, "sleep", &actions, NULL, arguments, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	fixture_close(f);
	fixture_open(f);
	write_log(f, "unknown", "\n", 1);
	fixture_update(f);
	assert_status(f, "unknown", STATUS_RUNNING);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
}

/* In a process of its own: a step begun, and nothing more until it is killed. Its log holds it when a byte
 * comes. */
static pid_t start_writer(struct fixture *f, int said_fd)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	burr_tracker *tracker = NULL;
	burr_tracker_app *app = NULL;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	burr_app_info info = BURR_APP_INFO_INIT;
	options.project = "p";
	options.store = f->folder;
	info.app_id = "dies";
	bool ok = burr_tracker_open(&options, &tracker, NULL) == BURR_OK &&
		  burr_tracker_create_app(tracker, &info, &app, NULL) == BURR_OK &&
		  burr_tracker_begin_step(app, 0, "think", NULL, NULL) == BURR_OK &&
		  burr_tracker_flush(tracker, 10000, NULL) == BURR_OK;
	if (ok && write(said_fd, "x", 1) == 1)
		for (;;)
			pause();
	_exit(1);
}

static void a_run_is_lost_when_its_writer_dies(void **state)
{
	struct fixture *f = *state;
	int said[2];
	char byte;
	assert_int_equal(pipe(said), 0);
	pid_t writer = start_writer(f, said[1]);
	assert_true(writer > 0);
	close(said[1]);
	assert_int_equal(read(said[0], &byte, 1), 1);
	close(said[0]);
	burr_error err = BURR_ERROR_INIT;
	fixture_open(f);
	assert_int_equal(catalog_start(f->catalog, &err), BURR_OK);
	told_await(&f->told, NULL);
	assert_status(f, "dies", STATUS_RUNNING);
	told_forget(&f->told);
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	told_await(&f->told, "run/p/dies"); /* by itself: nobody writes */
	assert_status(f, "dies", STATUS_LOST);
}

static void of_a_traceback_the_error_is_kept(void **state)
{
	struct fixture *f = *state;
	static const char end[] =
		"{\"type\":\"end_entry\",\"action\":\"a\",\"sequence_id\":0,\"exception\":\"Traceback "
		"(most recent call last):\\n  File \\\"a.py\\\", line 1\\n    f()\\nValueError: "
		"no\\nluck\\n\",\"result\":null,\"state\":{}}\n";
	testing_make_app(f->folder, "p", "a", end);
	fixture_open(f);
	fixture_update(f);
	char *all = all_of(f, "a");
	assert_non_null(strstr(all, " error ValueError: no\nluck\n next"));
	free(all);
}

/* ---- pages of runs ---- */

struct page_text {
	struct buf ids;
};

static void put_id(const struct catalog_app *app, void *ctx)
{
	buf_printf(ctx, "%.*s ", SLICE_ARG(app->app_id));
}

static char *list(struct fixture *f, const char *filter_text, enum run_sort sort, bool ascending,
	int64_t limit, struct buf *cursor, int64_t *out_total)
{
	struct buf ids = BUF_INIT;
	struct filter *filter = NULL;
	struct runs_page page = {.cursor = BUF_INIT};
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(filter_parse(slice_of(filter_text), 1767225700000000, &filter, &err), BURR_OK);
	struct runs_request request = {.project = SLICE_LIT("p"),
		.filter = filter,
		.sort = sort,
		.ascending = ascending,
		.limit = limit,
		.cursor = buf_slice(cursor),
		.deadline_ns = INT64_MAX};
	if (catalog_list_runs(f->reader, &request, put_id, &ids, &page, &err) != BURR_OK)
		fail_msg("%s", err.message);
	filter_free(filter);
	assert_true(page.complete);
	buf_clear(cursor);
	buf_append_slice(cursor, buf_slice(&page.cursor));
	*out_total = page.total;
	buf_fini(&page.cursor);
	buf_append_str(&ids, "");
	return buf_take(&ids);
}

static void assert_filter(struct fixture *f, const char *filter, const char *expected, int64_t expected_total)
{
	struct buf cursor = BUF_INIT;
	int64_t total;
	char *ids = list(f, filter, RUN_BY_LAST, true, 100, &cursor, &total);
	if (strcmp(ids, expected) != 0 || total != expected_total)
		fail_msg("%s gives %s (%lld), not %s (%lld)", filter, ids, (long long)total, expected,
			(long long)expected_total);
	free(ids);
	buf_fini(&cursor);
}

static void make_runs(struct fixture *f)
{
	testing_make_app(f->folder, "p", "one", STEP_AT("0", "01"));
	testing_make_app(f->folder, "p", "two", STEP_AT("0", "00") FAILED_AT("1", "02"));
	testing_make_app(f->folder, "p", "three",
		STEP_AT("0", "00")
			STEP_AT("1", "01") "{\"type\":\"attribute\",\"action_sequence_id\":1,\"key\":\"user."
					   "name\",\"value\":\"Ann\",\"time_logged\":"
					   "\"2026-01-01T00:00:03.000000Z\"}\n");
	testing_write(f->folder, "p/three/metadata.json",
		"{\"type\":\"application_metadata\",\"partition_key\":\"it's\",\"parent_pointer\":{\"type\":"
		"\"pointer_"
		"data\",\"app_id\":\"one\",\"sequence_id\":0,\"partition_key\":null},\"spawning_parent_"
		"pointer\":null}");
	fixture_open(f);
	fixture_update(f);
}

static void filters_find_their_runs(void **state)
{
	struct fixture *f = *state;
	make_runs(f);
	assert_filter(f, "", "one two three ", 3);
	assert_filter(f, "status:failed", "two ", 1);
	assert_filter(f, "-status:failed,lost", "one three ", 2);
	assert_filter(f, "steps:2", "two three ", 2);
	assert_filter(f, "steps:>2", "", 0);
	assert_filter(f, "action:a", "one two three ", 3);
	assert_filter(f, "action:\"a' OR 1=1 --\"", "", 0);
	assert_filter(f, "action:*", "one two three ", -1);
	assert_filter(f, "partition:\"it's\"", "three ", 1);
	assert_filter(f, "app:t*", "two three ", -1);
	assert_filter(f, "parent:one", "three ", 1);
	assert_filter(f, "is:root", "one two ", 2);
	assert_filter(f, "is:forked", "three ", 1);
	assert_filter(f, "error:LUCK", "two ", -1);
	assert_filter(f, "luck", "two ", -1);
	assert_filter(f, "-luck", "one three ", -1);
	assert_filter(f, "attr.user.name:", "three ", 1);
	assert_filter(f, "attr.user.name:Ann", "three ", -1);
	assert_filter(f, "attr.user.name:Bob", "", -1);
	assert_filter(f, "state.n:1", "three ", -1); /* the last state: two's is empty */
	assert_filter(f, "state.n:", "one three ", -1);
	assert_filter(f, "after:2026-01-01T00:00:02", "two three ", 2);
	assert_filter(f, "before:2026-01-01T00:00:02", "one ", 1);
	assert_filter(f, "duration:>=2s", "two three ", 2);
}

static void pages_visit_each_run_once(void **state)
{
	struct fixture *f = *state;
	make_runs(f);
	for (enum run_sort sort = 0; sort < RUN_SORT_COUNT; sort++) {
		for (int ascending = 0; ascending < 2; ascending++) {
			struct buf cursor = BUF_INIT;
			struct buf pages = BUF_INIT;
			int64_t total;
			char *all = list(f, "", sort, ascending, 100, &cursor, &total);
			assert_int_equal(cursor.len, 0);
			do {
				char *page = list(f, "", sort, ascending, 1, &cursor, &total);
				buf_append_str(&pages, page);
				free(page);
			} while (cursor.len);
			assert_string_equal(pages.data, all);
			assert_int_equal(strlen(all), strlen("one two three "));
			free(all);
			buf_fini(&pages);
			buf_fini(&cursor);
		}
	}
}

/* ---- search ---- */

static void put_hit(const struct search_hit *hit, void *ctx)
{
	buf_printf(ctx, "%lld %s %.*s: %.*s; ", (long long)hit->step->number, hit->field, SLICE_ARG(hit->key),
		(int)hit->len, hit->value.data + hit->at);
}

static void assert_search(struct fixture *f, const char *text, int64_t from, int64_t limit,
	const char *expected, int64_t expected_next)
{
	struct needle needle;
	struct buf hits = BUF_INIT;
	burr_error err = BURR_ERROR_INIT;
	int64_t next = -2;
	bool complete = false;
	assert_int_equal(needle_open(&needle, slice_of(text), &err), BURR_OK);
	struct search_request request = {.project = SLICE_LIT("p"),
		.app_id = SLICE_LIT("a"),
		.needle = &needle,
		.from = from,
		.limit = limit,
		.deadline_ns = INT64_MAX};
	assert_int_equal(
		catalog_search_run(f->reader, &request, put_hit, &hits, &next, &complete, &err), BURR_OK);
	buf_append_str(&hits, "");
	assert_string_equal(hits.data, expected);
	assert_int_equal(next, expected_next);
	assert_true(complete);
	buf_fini(&hits);
}

static void a_text_is_found_in_every_field(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a",
		"{\"type\":\"begin_entry\",\"action\":\"Ask "
		"Zoe\",\"inputs\":{\"who\":\"zoe\"},\"sequence_id\":0}\n"
		"{\"type\":\"attribute\",\"action_sequence_id\":0,\"key\":\"user\",\"value\":[\"Zo\\u0065\"]}"
		"\n"
		"{\"type\":\"attribute\",\"action_sequence_id\":0,\"key\":\"user\",\"value\":[\"ZOE\"]}\n"
		"{\"type\":\"end_entry\",\"action\":\"Ask "
		"Zoe\",\"result\":{\"to\":\"zoe\"},\"exception\":\"no zoe\","
		"\"sequence_id\":0,\"state\":{\"kept\":\"zoe\",\"n\":1,\"__PRIOR_STEP\":\"zoe\"}}\n"
		"{\"type\":\"begin_entry\",\"action\":\"b\",\"inputs\":{},\"sequence_id\":1}\n"
		"{\"type\":\"end_entry\",\"action\":\"b\",\"result\":null,\"exception\":null,"
		"\"sequence_id\":1,\"state\":{\"kept\":\"zoe\",\"n\":2}}\n"
		"{\"type\":\"begin_entry\",\"action\":\"b\",\"inputs\":{},\"sequence_id\":2}\n"
		"{\"type\":\"end_entry\",\"action\":\"b\",\"result\":null,\"exception\":null,"
		"\"sequence_id\":2,\"state\":{\"kept\":\"Zoe?\",\"n\":2}}\n");
	fixture_open(f);
	fixture_update(f);
	static const char first[] =
		"0 action : Zoe; 0 inputs : zoe; 0 result : zoe; 0 exception : zoe; 0 state kept: zoe; "
		"0 attribute user: ZOE; ";
	char all[400];
	snprintf(all, sizeof(all), "%s%s", first, "2 state kept: Zoe; "); /* 1 did not change it */
	assert_search(f, "zoe", 0, 100, all, -1);
	assert_search(f, "zoe", 0, 1, first, 1);
	assert_search(f, "zoe", 1, 1, "2 state kept: Zoe; ", -1);
	assert_search(f, "zoe", 3, 1, "", -1);
	assert_search(f, "begin_entry", 0, 100, "", -1);
	assert_search(f, "sequence", 0, 100, "", -1);
}

static void check_edge(struct slice from, struct slice to, int64_t count, void *ctx)
{
	assert_int_equal(count, 1);
	assert_true(from.data || slice_eq(to, (struct slice){"a\0b", 3}));
	++*(int *)ctx;
}

static bool take_action(const struct catalog_step *found, void *ctx)
{
	*(bool *)ctx = slice_eq(found->action, (struct slice){"a\0b", 3});
	return false;
}

static void strange_names_and_numbers_stay_what_they_are(void **state)
{
	struct fixture *f = *state;
	struct buf log = BUF_INIT;
	int edges = 0;
	bool whole = false;
	static const char *const actions[] = {"a\\u0000b", "", "c", "d"};
	static const int64_t numbers[] = {3, 5, INT64_MAX, INT64_MAX};
	for (int i = 0; i < 4; i++) {
		buf_append_str(&log, "{\"type\":\"begin_entry\",\"action\":\"");
		for (int j = 0; i == 1 && j < 2000; j++)
			buf_append_char(&log, 'x');
		buf_printf(&log, "%s\",\"sequence_id\":%lld}\n", actions[i], (long long)numbers[i]);
		buf_printf(&log,
			"{\"type\":\"end_entry\",\"action\":\"%s\",\"sequence_id\":%lld,\"state\":{}}\n",
			actions[i], (long long)numbers[i]);
	}
	testing_make_app(f->folder, "p", "a", log.data);
	buf_fini(&log);
	fixture_open(f);
	fixture_update(f);
	struct catalog_app app = find(f, "a");
	assert_int_equal(app.step_count, 4);
	assert_int_equal(app.num_steps, INT64_MAX);
	assert_int_equal(catalog_list_steps(f->reader, app.id, 0, 1, take_action, &whole, NULL), BURR_OK);
	assert_true(whole);
	assert_int_equal(catalog_list_edges(f->reader, app.id, check_edge, &edges, NULL), BURR_OK);
	assert_int_equal(edges, 2); /* none from or to the long one */
}

/* Who ends the collector does not wait for it; the next pass goes on. */
static void a_long_log_is_left_and_gone_on_with(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01") STEP_AT("1", "02") STEP_AT("2", "03"));
	testing_make_app(f->folder, "p", "b", STEP_AT("0", "01") STEP_AT("1", "02") STEP_AT("2", "03"));
	fixture_open(f);
	for (int64_t count = 1; count <= 2; count++) {
		burr_error err = BURR_ERROR_INIT;
		atomic_store(&f->catalog->stopping, true);
		assert_int_equal(
			catalog_update_app(f->catalog, SLICE_LIT("p"), SLICE_LIT("a"), &err), BURR_OK);
		assert_int_equal(find(f, "a").step_count, 1);
		assert_int_equal(find(f, "a").last_end_len > 0, count == 2);
	}
	atomic_store(&f->catalog->stopping, false);
	fixture_update(f);
	char *left = all_of(f, "a");
	char *whole = all_of(f, "b");
	assert_string_equal(left, whole);
	free(left);
	free(whole);
}

struct found {
	int64_t last, count, late;
};

static void take_found(const struct search_hit *hit, void *ctx)
{
	struct found *found = ctx;
	assert_true(hit->step->number >= found->last);
	found->last = hit->step->number;
	found->count++;
	found->late += slice_is(hit->value, "\"needle, late\"");
}

/* Attributes in many blocks, and some that came long after their steps. */
static void attributes_are_found_wherever_they_are(void **state)
{
	static const char attribute[] =
		"{\"type\":\"attribute\",\"key\":\"k\",\"action_sequence_id\":%d,\"value\":\"needle%s\"}\n";
	struct fixture *f = *state;
	struct buf log = BUF_INIT;
	struct needle needle;
	struct found found = {0, 0, 0};
	struct search_request request = {.project = SLICE_LIT("p"),
		.app_id = SLICE_LIT("a"),
		.needle = &needle,
		.limit = 50,
		.deadline_ns = INT64_MAX};
	bool complete;
	assert_int_equal(needle_open(&needle, SLICE_LIT("needle"), NULL), BURR_OK);
	for (int i = 0; i < 600; i++) {
		put_begin(&log, i);
		for (int j = 0; j < 2 && i % 3; j++)
			buf_printf(&log, attribute, i, "");
		put_end(&log, i);
	}
	buf_printf(&log, attribute, 300, ", late");
	buf_printf(&log, attribute, 0, ", late");
	testing_make_app(f->folder, "p", "a", log.data);
	buf_fini(&log);
	fixture_open(f);
	fixture_update(f);
	for (int64_t next = 0; next >= 0;) {
		request.from = next;
		assert_int_equal(
			catalog_search_run(f->reader, &request, take_found, &found, &next, &complete, NULL),
			BURR_OK);
	}
	assert_int_equal(found.count, 802);
	assert_int_equal(found.late, 2);
}

/* What a name is spoken of by must not outlive the transaction that made it, nor the file. */
static void names_survive_a_new_catalog(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "01") STEP_AT("1", "02"));
	fixture_open(f);
	fixture_update(f);
	char *before = all_of(f, "a");
	fixture_close(f);
	testing_damage_catalog(f->folder);
	fixture_open(f);
	fixture_update(f);
	char *after = all_of(f, "a");
	assert_string_equal(before, after);
	assert_non_null(strstr(after, "[\"n\"]"));
	free(before);
	free(after);
}

/* ---- what is told of a change ---- */

/* What update tells of the change that was just made must have these lines; one that begins with "-": none
 * that begins so. */
static void expect_told(struct fixture *f, const char *const *lines)
{
	fixture_update(f);
	for (; *lines; lines++) {
		char line[256];
		bool absent = **lines == '-';
		snprintf(line, sizeof(line), absent ? "\n%s" : "\n%s\n", *lines + absent);
		if (told_has(&f->told.topics, line) == absent)
			fail_msg("%s: told were %s", *lines, f->told.topics.data);
	}
	told_forget(&f->told);
}
#define EXPECT_TOLD(f, ...) expect_told(f, (const char *const[]){__VA_ARGS__, NULL})

static void it_is_told_what_changed(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "a", STEP_AT("0", "00") STEP_AT("1", "01") BEGIN_AT("2", "02"));
	fixture_open(f);
	EXPECT_TOLD(f, "run/p/a 0-9223372036854775807", "project/p a", "projects p");
	write_log(
		f, "a", END_AT("2", "03") BEGIN_AT("3", "04"), strlen(END_AT("2", "03") BEGIN_AT("3", "04")));
	EXPECT_TOLD(f, "run/p/a 2-4", "project/p a", "projects p");
	/* Back to 1, whose first attempt gives way. */
	write_log(f, "a", STEP_AT("1", "05"), strlen(STEP_AT("1", "05")));
	EXPECT_TOLD(f, "run/p/a 1-2 4-5");
	/* The end of a step that is not the last, and a record that ends within another. */
	static const char more[] = END_AT("3", "06") "{\"type\":\"end_span\",\"action_sequence_id\":0}\n";
	write_log(f, "a", more, sizeof(more) - 1);
	EXPECT_TOLD(f, "run/p/a 0-1 3-4");
	testing_write(f->folder, "p/a/log.jsonl", STEP_AT("0", "00")); /* another log */
	EXPECT_TOLD(f, "run/p/a 0-9223372036854775807");
}

static void a_better_zone_changes_all_steps(void **state)
{
	struct fixture *f = *state;
	static const char local[] =
		"{\"type\":\"begin_entry\",\"start_time\":\"2026-01-01T00:00:00.000000\",\"action\":\"a\","
		"\"inputs\":{},\"sequence_id\":0}\n";
	static const char zoned[] = "{\"type\":\"attribute\",\"time_logged\":\"2025-12-31T18:30:01.000000Z\","
				    "\"action_sequence_id\":0,\"key\":\"k\",\"value\":1,\"tags\":{}}\n";
	testing_make_app(f->folder, "p", "a", local);
	fixture_open(f);
	fixture_update(f);
	told_forget(&f->told);
	write_log(f, "a", zoned, sizeof(zoned) - 1);
	EXPECT_TOLD(f, "run/p/a 0-9223372036854775807");
	assert_int_equal(find(f, "a").zone, ZONE_INFERRED);
	assert_int_equal(find(f, "a").zone_offset_s, 19800);
}

/* Whose children a run is among changes the rows of those, too. */
static void parents_are_told_of_children(void **state)
{
	struct fixture *f = *state;
	testing_make_app(f->folder, "p", "one", STEP_AT("0", "00"));
	testing_make_app(f->folder, "p", "two", STEP_AT("0", "00"));
	fixture_open(f);
	fixture_update(f);
	told_forget(&f->told);
	testing_make_app(f->folder, "p", "child", STEP_AT("0", "00"));
	testing_write(f->folder, "p/child/metadata.json", "{\"parent_pointer\":{\"app_id\":\"one\"}}");
	EXPECT_TOLD(f, "run/p/child 0-9223372036854775807", "project/p child", "run/p/one", "project/p one",
		"-run/p/one ", "-run/p/two");
	testing_write(
		f->folder, "p/child/metadata.json", "{\"parent_pointer\":{\"app_id\":\"two\"}, \"x\":1}");
	EXPECT_TOLD(f, "project/p one", "project/p two", "project/p child");
	char path[4096];
	snprintf(path, sizeof(path), "%s/p/child", f->folder);
	remove_tree(path);
	EXPECT_TOLD(
		f, "run/p/child 0-9223372036854775807", "project/p child", "project/p two", "-project/p one");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(however_a_log_grows),
		TEST(ends_are_found_from_both_sides),
		TEST(rewound_steps_are_attempts),
		TEST(the_first_step_is_held_against_the_initial_state),
		TEST(a_long_run_is_taken_back),
		TEST(status_is_what_the_last_step_says),
		TEST(of_a_traceback_the_error_is_kept),
		TEST(a_run_is_lost_when_its_writer_dies),
		TEST(filters_find_their_runs),
		TEST(pages_visit_each_run_once),
		TEST(a_text_is_found_in_every_field),
		TEST(strange_names_and_numbers_stay_what_they_are),
		TEST(attributes_are_found_wherever_they_are),
		TEST(a_long_log_is_left_and_gone_on_with),
		TEST(names_survive_a_new_catalog),
		TEST(it_is_told_what_changed),
		TEST(a_better_zone_changes_all_steps),
		TEST(parents_are_told_of_children),
	};
#undef TEST
	return cmocka_run_group_tests_name("catalog steps", tests, NULL, NULL);
}
