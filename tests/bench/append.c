/* bench/append.c: what it costs to store a batch: from a request's bytes in memory to lines in logs. */
#include "bench/bench.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/testing_tree.h"
#include "store/append.h"
#include "store/line.h"
#include "wire/limits.h"
#include "wire/testing_entry.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char about[] =
	"Batches of 1 MiB given to the appender, compared with write(2) of as many bytes in the same "
	"pattern:\n"
	"one write for each application and batch, the descriptors open. Higher is better.";

enum { APPS_MAX = 5000, STATE_MAX = 64 << 10, ROUND_BYTES = 32 << 20 };

/* Processor time: nothing here waits, and the turns of other programs would count otherwise. */
static int64_t spent_ns(void)
{
	return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

static const char writer[] = "0123456789abcdef";
static char text_state[STATE_MAX + 1];
static char mixed_state[STATE_MAX + 1];

/* What an assistant keeps: mostly text. */
static void fill_text(char *to, size_t len)
{
	static const char head[] =
		"{\"prompt\":\"What is the capital of France?\",\"turn\":17,\"safe\":true,"
		"\"mode\":\"answer_question\",\"history\":[{\"role\":\"user\",\"content\":\"";
	static const char words[] = "It depends on what you mean by that, the answer said; then it went on. ";
	memcpy(to, head, sizeof(head) - 1);
	for (size_t i = sizeof(head) - 1; i < len - 4; i++)
		to[i] = words[i % (sizeof(words) - 1)];
	memcpy(to + len - 4, "\"}]}", 5);
}

/* Numbers, short names and brackets. */
static void fill_mixed(char *to, size_t len)
{
	static const char head[] = "{\"samples\":[";
	static const char item[] = "{\"x\":12.5,\"y\":-3,\"ok\":true,\"id\":\"a1\"},";
	size_t at = sizeof(head) - 1;
	memcpy(to, head, at);
	for (; at + sizeof(item) + 2 < len; at += sizeof(item) - 1)
		memcpy(to + at, item, sizeof(item) - 1);
	memset(to + at, ' ', len - at);
	memcpy(to + at, "0]}", 3);
	to[len] = '\0';
}

/* ---- the store's side ---- */

struct batches {
	struct buf *each;
	size_t count;
	size_t record_count;
	size_t *records; /* of each batch */
};

static void put_name(char out[32], size_t app)
{
	snprintf(out, 32, "run-%zu", app);
}

static void put_entry(struct buf *out, size_t app, uint64_t n, const char *state)
{
	char name[32];
	struct buf entry = BUF_INIT;
	burr_app_info info = BURR_APP_INFO_INIT;
	put_name(name, app);
	entry_put_app(&entry, "bench", name, NULL, 0);
	entry_put_identity(&entry, 0, n, n);
	if (state)
		entry_put_end_entry(&entry, (int64_t)n, "answer", NULL, NULL, state);
	else
		entry_put_application(&entry, &info);
	request_put_entry_head(out, entry.len);
	buf_append_slice(out, buf_slice(&entry));
	buf_fini(&entry);
}

static void begin_request(struct buf *out)
{
	struct request request = {.protocol = PROTOCOL_VERSION,
		.writer = slice_of(writer),
		.clock_offset_ns = clock_offset_ns()};
	buf_clear(out);
	request_put(out, &request);
}

/* Entries of all applications in turn, as many as make a round. */
static void make_batches(struct batches *out, size_t apps, uint64_t *n, const char *state)
{
	out->count = ROUND_BYTES / BATCH_BYTES;
	out->record_count = 0;
	out->each = calloc(out->count, sizeof(*out->each));
	out->records = calloc(out->count, sizeof(*out->records));
	bench_check(out->each && out->records, "memory");
	for (size_t i = 0; i < out->count; i++) {
		begin_request(&out->each[i]);
		while (out->each[i].len + strlen(state) + 100 < BATCH_BYTES) {
			++*n;
			put_entry(&out->each[i], *n % apps, *n, state);
			out->records[i]++;
		}
		out->record_count += out->records[i];
	}
}

static void free_batches(struct batches *batches)
{
	for (size_t i = 0; i < batches->count; i++)
		buf_fini(&batches->each[i]);
	free(batches->each);
	free(batches->records);
}

/* Returns the time of the storing alone. */
static int64_t store(struct appender *appender, const struct buf *bytes)
{
	static struct buf reply;
	struct request request;
	struct verdict verdict;
	burr_error err = BURR_ERROR_INIT;
	buf_clear(&reply);
	int64_t began = spent_ns();
	bool ok = request_read(buf_slice(bytes), &request, &err) == BURR_OK &&
		  appender_store(appender, &request, &reply, &err) == BURR_OK;
	int64_t ns = spent_ns() - began;
	struct pb_reader r = pb_reader(buf_slice(&reply));
	while (ok && reply_next_verdict(&r, &verdict))
		ok = verdict.kind == VERDICT_DONE;
	bench_check(ok, err.message[0] ? err.message : "a verdict");
	return ns;
}

static void make_apps(struct appender *appender, size_t apps, uint64_t *n, const char *state)
{
	struct buf request = BUF_INIT;
	for (size_t app = 0; app < apps; app++) {
		begin_request(&request);
		put_entry(&request, app, ++*n, NULL);
		store(appender, &request);
		begin_request(&request);
		put_entry(&request, app, ++*n, state); /* opens the log */
		store(appender, &request);
	}
	buf_fini(&request);
}

static uint64_t logs_length(const char *folder, size_t apps)
{
	uint64_t length = 0;
	for (size_t app = 0; app < apps; app++) {
		char name[32];
		char path[400];
		struct stat st;
		put_name(name, app);
		snprintf(path, sizeof(path), "%s/bench/%s/log.jsonl", folder, name);
		bench_check(stat(path, &st) == 0, path);
		length += (uint64_t)st.st_size;
	}
	return length;
}

/* One number of applications: their logs and as many files for the peer, made once and emptied for each
 * round, so that no round waits for the disk with what the last one left. */
struct field {
	size_t apps;
	const char *state;
	char store_folder[300];
	char raw_folder[300];
	struct store *store;
	struct appender *appender;
	uint64_t n;
	int fds[APPS_MAX];
};

struct round {
	struct batches batches;
	double seconds;     /* the appender's */
	uint64_t bytes;     /* of lines that it appended */
	double raw_seconds; /* write(2)'s */
};

static void open_field(struct field *field, struct bench *bench)
{
	snprintf(field->store_folder, sizeof(field->store_folder), "%s/store", bench->folder);
	snprintf(field->raw_folder, sizeof(field->raw_folder), "%s/raw", bench->folder);
	bench_check(
		store_open(field->store_folder, STORE_WRITE, &field->store, NULL) == BURR_OK, "open a store");
	struct appender_options options = {.log_max = APPS_MAX, .alone = true};
	field->appender = appender_new(field->store, &options);
	make_apps(field->appender, field->apps, &field->n, field->state);
	bench_check(mkdir(field->raw_folder, 0700) == 0, field->raw_folder);
	for (size_t app = 0; app < field->apps; app++) {
		char path[400];
		snprintf(path, sizeof(path), "%s/run-%zu", field->raw_folder, app);
		field->fds[app] = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		bench_check(field->fds[app] >= 0, path);
	}
}

static void close_field(struct field *field)
{
	appender_free(field->appender);
	store_close(field->store);
	for (size_t app = 0; app < field->apps; app++)
		close(field->fds[app]);
	remove_tree(field->store_folder);
	remove_tree(field->raw_folder);
}

static void empty_field(struct field *field)
{
	for (size_t app = 0; app < field->apps; app++) {
		char path[400];
		snprintf(path, sizeof(path), "%s/bench/run-%zu/log.jsonl", field->store_folder, app);
		bench_check(truncate(path, 0) == 0 && ftruncate(field->fds[app], 0) == 0, path);
	}
}

/* Each batch is copied first, outside of the time: so it lies in the processor's cache, as it does when it
 * has just come from a socket, and as the peer's bytes do. */
static void run_store(struct field *field, struct round *round)
{
	struct buf arrived = BUF_INIT;
	int64_t ns = 0;
	for (size_t i = 0; i < round->batches.count; i++) {
		buf_clear(&arrived);
		buf_append_slice(&arrived, buf_slice(&round->batches.each[i]));
		ns += store(field->appender, &arrived);
	}
	buf_fini(&arrived);
	round->seconds = (double)ns / 1e9;
	round->bytes = logs_length(field->store_folder, field->apps);
}

static void run_writes(struct field *field, struct round *round)
{
	size_t line_len = round->bytes / round->batches.record_count;
	char *bytes = malloc(BATCH_BYTES * 2);
	bench_check(bytes != NULL, "memory");
	memset(bytes, 'x', BATCH_BYTES * 2);
	int64_t began = spent_ns();
	size_t first = 0;
	for (size_t i = 0; i < round->batches.count; i++) {
		size_t records = round->batches.records[i];
		size_t apps = records < field->apps ? records : field->apps;
		for (size_t k = 0; k < apps; k++) {
			size_t len = line_len * (records / apps + (k < records % apps));
			bench_check(write(field->fds[(first + k) % field->apps], bytes, len) == (ssize_t)len,
				"write");
		}
		first += records;
	}
	round->raw_seconds = (double)(spent_ns() - began) / 1e9;
	free(bytes);
}

static void bench_apps(struct bench *bench, size_t apps, const char *state)
{
	static struct field field;
	double rate[BENCH_ROUNDS];
	double raw_rate[BENCH_ROUNDS];
	double record_ns[BENCH_ROUNDS];
	char text[100];
	field = (struct field){.apps = apps, .state = state};
	open_field(&field, bench);
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		struct round round;
		make_batches(&round.batches, apps, &field.n, state);
		empty_field(&field);
		run_store(&field, &round);
		run_writes(&field, &round);
		rate[i] = (double)round.bytes / round.seconds / 1e6;
		raw_rate[i] = (double)round.bytes / round.raw_seconds / 1e6;
		record_ns[i] = round.seconds * 1e9 / (double)round.batches.record_count;
		free_batches(&round.batches);
	}
	close_field(&field);
	double raw = bench_median(raw_rate, BENCH_ROUNDS);
	snprintf(text, sizeof(text), "%zu application%s, write(2)", apps, apps > 1 ? "s" : "");
	bench_row(bench, text, raw, "MB/s", NAN, NULL);
	snprintf(text, sizeof(text), "%zu application%s, appender", apps, apps > 1 ? "s" : "");
	bench_row(bench, text, bench_median(rate, BENCH_ROUNDS), "MB/s", raw, "write(2)");
	snprintf(text, sizeof(text), "%zu application%s, a record", apps, apps > 1 ? "s" : "");
	bench_row(bench, text, bench_median(record_ns, BENCH_ROUNDS), "ns", NAN, NULL);
}

/* Without the disk: every record is there already but for the making of its line. */
static void bench_lines(struct bench *bench, const char *what, const char *state)
{
	enum { TIMES = 100000 };
	double ns[BENCH_ROUNDS];
	char text[100];
	struct entry entry;
	struct buf bytes = BUF_INIT;
	struct buf line = BUF_INIT;
	struct line_context context = {.writer = slice_of(writer)};
	entry_put_app(&bytes, "bench", "run-1", NULL, 0);
	entry_put_identity(&bytes, 0, 4711, 1);
	entry_put_end_entry(&bytes, 4711, "answer", NULL, NULL, state);
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		int64_t began = spent_ns();
		for (int k = 0; k < TIMES; k++) {
			buf_clear(&line);
			context.clock_offset_ns += 100000;
			bench_check(entry_read(buf_slice(&bytes), &entry, NULL) == BURR_OK &&
					    line_put(&line, &entry, &context, NULL) == BURR_OK,
				"a line");
		}
		ns[i] = (double)(spent_ns() - began) / TIMES;
	}
	snprintf(text, sizeof(text), "entry of %zu B read and made a line, %s", bytes.len, what);
	bench_row(bench, text, bench_median(ns, BENCH_ROUNDS), "ns", NAN, NULL);
	buf_fini(&bytes);
	buf_fini(&line);
}

static void bench_validate(struct bench *bench, const char *what, const char *state)
{
	double rate[BENCH_ROUNDS];
	char text[100];
	struct slice json = slice_of(state);
	size_t times = (64 << 20) / json.len;
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		int64_t began = spent_ns();
		for (size_t k = 0; k < times; k++)
			bench_check(json_validate(json, NULL, NULL) == BURR_OK, "validate");
		rate[i] = (double)(times * json.len) / (double)(spent_ns() - began);
	}
	snprintf(text, sizeof(text), "JSON of %zu B validated, %s", json.len, what);
	bench_row(bench, text, bench_median(rate, BENCH_ROUNDS), "GB/s", NAN, NULL);
}

static void raise_limit(void)
{
	struct rlimit limit;
	bench_check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "limits");
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	static const size_t apps[] = {1, 4, 100, APPS_MAX};
	struct bench bench;
	bench_init(&bench, "append", about, argc, argv);
	raise_limit();
	bench_say(&bench, "In memory:");
	fill_text(text_state, STATE_MAX);
	fill_mixed(mixed_state, STATE_MAX);
	bench_validate(&bench, "mostly text", text_state);
	bench_validate(&bench, "numbers and names", mixed_state);
	fill_text(text_state, 512);
	fill_mixed(mixed_state, 512);
	bench_validate(&bench, "mostly text", text_state);
	bench_validate(&bench, "numbers and names", mixed_state);
	bench_lines(&bench, "mostly text", text_state);
	bench_lines(&bench, "numbers and names", mixed_state);
	bench_say(&bench, "States of 512 B, mostly text:");
	for (size_t i = 0; i < sizeof(apps) / sizeof(*apps); i++)
		bench_apps(&bench, apps[i], text_state);
	bench_say(&bench, "States of 512 B, numbers and names:");
	bench_apps(&bench, 100, mixed_state);
	bench_say(&bench, "States of 64 KB, mostly text:");
	fill_text(text_state, STATE_MAX);
	bench_apps(&bench, 1, text_state);
	bench_apps(&bench, 100, text_state);
	bench_fini(&bench);
	return 0;
}
