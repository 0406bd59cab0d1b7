/* load/load.c: burr/load.h over the store's files.
 *
 * A record whose call has returned is in a spool or in its log: what spools hold of the application is read
 * first (tail.h), then the log. A collector, where one runs, is asked for the place of a step that is not the
 * newest, because its catalog knows it; its answer is checked against the bytes, and without it the log is
 * read from its end. */
#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"
#include "link/link.h"
#include "load/arena.h"
#include "load/tail.h"
#include "store/read.h"
#include "store/store.h"
#include "wire/limits.h"
#include "wire/message.h"

#include <burr/load.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum {
	LOOKS_MAX = 8, /* at spools that change meanwhile */
	ASK_MS = 2000, /* a collector that is stopped must not stop its readers */
	METADATA_MAX = 64 << 20,
	ASK_FROM_BYTES = 4 << 20, /* shorter logs are read faster than a question is asked */
};

static void close_link(struct link **link)
{
	link_close(*link);
}

/* An end_entry line, copied out of its log. */
struct found_step {
	struct buf line;
	struct line_record record; /* points into line */
};

static void found_fini(struct found_step *found)
{
	buf_fini(&found->line);
}

/* ---- finding a step ---- */

static burr_status keep_line(struct found_step *found, struct slice line, burr_error *err)
{
	buf_clear(&found->line);
	buf_append_slice(&found->line, line);
	if (found->line.failed)
		return burr_fail(err, BURR_ENOMEM, "no memory for a step of %zu bytes", line.len);
	return line_read(buf_slice(&found->line), &found->record)
		       ? BURR_OK
		       : burr_fail(err, BURR_ECORRUPT, "the step's line is damaged");
}

static bool is_whole_end(const struct line_record *record)
{
	return record->type == LINE_END_ENTRY && json_kind_of(record->state) == JSON_OBJECT;
}

/* Whether a line is the step that is searched for, going backwards: the first match is the last finished
 * attempt. BURR_ENOTFOUND: go on. */
static burr_status look_at(
	struct slice line, int64_t sequence_id, int64_t *to_skip, struct found_step *found, burr_error *err)
{
	struct line_record record;
	if (!line_read(line, &record) || !is_whole_end(&record))
		return BURR_ENOTFOUND;
	bool match = sequence_id >= 0 ? record.sequence_id == sequence_id : (*to_skip)-- == 0;
	return match ? keep_line(found, line, err) : BURR_ENOTFOUND;
}

static burr_status search_tail(const struct buf *tail, int64_t sequence_id, int64_t *to_skip,
	struct found_step *found, burr_error *err)
{
	burr_status status = BURR_ENOTFOUND;
	struct slice line;
	size_t end = tail->len;
	while (status == BURR_ENOTFOUND && lines_previous(buf_slice(tail), &end, &line))
		status = look_at(line, sequence_id, to_skip, found, err);
	return status;
}

static burr_status search_log(int log_fd, uint64_t length, int64_t sequence_id, int64_t *to_skip,
	struct found_step *found, burr_error *err)
{
	struct log_reader reader;
	struct log_line line;
	burr_status status = BURR_ENOTFOUND;
	log_reader_init(&reader, log_fd, length);
	while (status == BURR_ENOTFOUND && log_reader_previous(&reader, &line))
		status = look_at(line.text, sequence_id, to_skip, found, err);
	if (reader.status != BURR_OK)
		status = burr_fail(err, reader.status, "read log.jsonl: %s", strerror(errno));
	log_reader_fini(&reader);
	return status;
}

/* Ask the collector where the step's line is, and read it there. False: find out by reading. */
static bool ask_place(
	struct store *store, const struct find_step *wanted, int log_fd, struct found_step *found)
{
	CLEAN(close_link) struct link *link = NULL;
	CLEAN(buf_fini) struct buf message = BUF_INIT;
	CLEAN(buf_fini) struct buf answer = BUF_INIT;
	struct reply reply;
	if (!store_has_collector(store, NULL) || link_open(store, ASK_MS, &link, NULL) != BURR_OK)
		return false;
	struct request request = {.protocol = PROTOCOL_VERSION, .has_find_step = true, .find_step = *wanted};
	request_put(&message, &request);
	if (link_ask(link, buf_slice(&message), ASK_MS, &answer, NULL) != BURR_OK ||
		reply_read(buf_slice(&answer), &reply, NULL) != BURR_OK || !reply.step_found ||
		reply.step_len > MESSAGE_BYTES_MAX)
		return false;
	buf_clear(&found->line);
	char *to = buf_reserve(&found->line, (size_t)reply.step_len);
	if (!to || pread(log_fd, to, (size_t)reply.step_len, (off_t)reply.step_offset) !=
			   (ssize_t)reply.step_len)
		return false;
	found->line.len = (size_t)reply.step_len;
	return line_read(buf_slice(&found->line), &found->record) && is_whole_end(&found->record) &&
	       (wanted->sequence_id < 0 || found->record.sequence_id == wanted->sequence_id);
}

static burr_status fail_not_found(
	const char *project, const char *app_id, int64_t sequence_id, burr_error *err)
{
	if (sequence_id < 0)
		return burr_fail(err, BURR_ENOTFOUND, "application %s of project %s has %s", app_id, project,
			sequence_id == BURR_LAST_STEP ? "no finished step" : "not so many finished steps");
	return burr_fail(err, BURR_ENOTFOUND,
		"application %s of project %s has no finished step with sequence_id %lld", app_id, project,
		(long long)sequence_id);
}

/* What is looked at for one question: the application's folder, and what spools hold of it, read before. */
struct source {
	struct store *store;
	const char *project;
	const char *app_id;
	int app_fd; /* -1: its making is still in a spool */
	struct foreign held;
};

static void source_fini(struct source *source)
{
	foreign_fini(&source->held);
	fd_close(&source->app_fd);
	store_close(source->store);
}

/* Records move from spools to logs: looked at in this order none is missed. */
static burr_status open_source(struct source *source, const char *store_path, burr_error *err)
{
	if (!source->project || !source->app_id)
		return burr_fail(err, BURR_EINVAL, "a project and an app_id are needed");
	burr_status status = store_open(store_path, STORE_READ, &source->store, err);
	if (status == BURR_OK)
		status = tail_read(source->store, slice_of(source->project), slice_of(source->app_id),
			&source->held, err);
	if (status != BURR_OK)
		return status;
	status = store_open_app(
		source->store, slice_of(source->project), slice_of(source->app_id), &source->app_fd, err);
	if (status == BURR_ENOTFOUND && source->held.entry_count)
		return BURR_OK;
	return status == BURR_OK ? status : burr_fail_in(err, status, "store %s", source->store->path);
}

static burr_status read_again(struct source *source, burr_error *err)
{
	foreign_clear(&source->held);
	return tail_read(
		source->store, slice_of(source->project), slice_of(source->app_id), &source->held, err);
}

/* *out_moved: nothing was looked for, a record went from a spool into the log meanwhile. With NULL such a
 * record is lost: it is left out. */
static burr_status look_for_step(struct source *source, int64_t sequence_id, struct found_step *found,
	bool *out_moved, burr_error *err)
{
	CLEAN(buf_fini) struct buf tail = BUF_INIT;
	CLEAN(fd_close) int log_fd = -1;
	struct stat st = {.st_size = 0};
	bool moved = false;
	if (source->app_fd >= 0)
		log_fd = openat(source->app_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (source->app_fd >= 0 &&
		((log_fd < 0 && errno != ENOENT) || (log_fd >= 0 && fstat(log_fd, &st) < 0)))
		return burr_fail(err, store_errno_status(errno), "open log.jsonl: %s", strerror(errno));
	if (log_fd >= 0 && !S_ISREG(st.st_mode))
		return burr_fail(err, BURR_EIO, "log.jsonl is not a file");
	const uint64_t length = (uint64_t)st.st_size;
	burr_status status = held_put_lines(
		source->store, &source->held, slice_of(source->app_id), log_fd, length, &tail, &moved, err);
	if (out_moved)
		*out_moved = moved;
	if (status != BURR_OK || (moved && out_moved))
		return status;
	int64_t to_skip = sequence_id < 0 ? -1 - sequence_id : 0;
	status = search_tail(&tail, sequence_id, &to_skip, found, err);
	if (status != BURR_ENOTFOUND)
		return status;
	struct find_step wanted = {slice_of(source->project), slice_of(source->app_id), sequence_id};
	if (sequence_id >= 0 && st.st_size >= ASK_FROM_BYTES &&
		ask_place(source->store, &wanted, log_fd, found))
		return BURR_OK;
	if (log_fd >= 0)
		status = search_log(log_fd, length, sequence_id, &to_skip, found, err);
	return status == BURR_ENOTFOUND ? fail_not_found(source->project, source->app_id, sequence_id, err)
					: status;
}

static burr_status find_step(
	struct source *source, int64_t sequence_id, struct found_step *found, burr_error *err)
{
	for (int look = 0; look < LOOKS_MAX; look++) {
		bool moved = false;
		burr_status status = look_for_step(source, sequence_id, found, &moved, err);
		if (status != BURR_OK || !moved)
			return status;
		status = read_again(source, err);
		if (status != BURR_OK)
			return status;
	}
	return look_for_step(source, sequence_id, found, NULL, err);
}

/* ---- giving it ---- */

/* The state without the keys that are hidden, and, unless negative, with "__SEQUENCE_ID". */
static void put_state(struct buf *out, struct slice state, int64_t sequence_id)
{
	struct slice key;
	struct slice value;
	struct json_iter it = json_iter(state);
	json_put_open(out, '{');
	while (json_next_member(&it, &key, &value)) {
		if (slice_starts(key, "__"))
			continue;
		if (out->len > 1)
			buf_append_char(out, ',');
		buf_append_char(out, '"');
		buf_append_slice(out, key);
		buf_append(out, "\":", 2);
		buf_append_slice(out, value);
	}
	if (sequence_id >= 0)
		json_put_member_int(out, "__SEQUENCE_ID", sequence_id);
	json_put_close(out, '}');
}

/* The partition key as text, of metadata.json or of the records that say what will be in it; *out_has says
 * whether there is one. */
static burr_status read_partition_key(const struct source *source, struct buf *out, bool *out_has)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	struct entry entry;
	if (source->app_fd < 0) {
		*out_has =
			foreign_read(&source->held, source->held.entries, &entry) && entry.partition_key.data;
		if (*out_has)
			buf_append_slice(out, entry.partition_key);
		return BURR_OK;
	}
	burr_status status = file_read(source->app_fd, "metadata.json", METADATA_MAX, &text, NULL);
	*out_has = status == BURR_OK && json_to_text(json_find(buf_slice(&text), "partition_key"), out);
	return status == BURR_ENOTFOUND ? BURR_OK : status;
}

static burr_status give_loaded(const struct found_step *found, const char *app_id, struct slice partition_key,
	burr_loaded **out, burr_error *err)
{
	CLEAN(buf_fini) struct buf state = BUF_INIT;
	CLEAN(buf_fini) struct buf position = BUF_INIT;
	CLEAN(buf_fini) struct buf created_at = BUF_INIT;
	const struct line_record *record = &found->record;
	put_state(&state, record->state, -1);
	json_to_text(record->action, &position);
	json_to_text(record->time, &created_at);
	struct arena arena = ARENA_INIT;
	size_t at = arena_add(&arena, NULL, sizeof(burr_loaded));
	size_t app_id_at = arena_add_text(&arena, slice_of(app_id));
	size_t key_at = arena_add_text(&arena, partition_key);
	size_t position_at = arena_add_text(&arena, buf_slice(&position));
	size_t state_at = arena_add_text(&arena, buf_slice(&state));
	size_t created_at_at = arena_add_text(&arena, buf_slice(&created_at));
	char *block = state.failed || position.failed || created_at.failed ? NULL : arena_take(&arena);
	if (!block) {
		arena_fini(&arena);
		return burr_fail(err, BURR_ENOMEM, "no memory for a loaded step");
	}
	burr_loaded *loaded = (burr_loaded *)(void *)(block + at);
	*loaded = (burr_loaded){
		.app_id = block + app_id_at,
		.partition_key = partition_key.data ? block + key_at : NULL,
		.sequence_id = record->sequence_id,
		.position = block + position_at,
		.state_json = block + state_at,
		.created_at = block + created_at_at,
		.status = json_kind_of(record->exception) == JSON_STRING ? BURR_STEP_FAILED
									 : BURR_STEP_COMPLETED,
	};
	*out = loaded;
	return BURR_OK;
}

burr_status burr_load(const char *store_path, const char *project, const char *app_id,
	const char *partition_key, int64_t sequence_id, burr_loaded **out_loaded, burr_error *err)
{
	CLEAN(source_fini) struct source source = {.project = project, .app_id = app_id, .app_fd = -1};
	CLEAN(found_fini) struct found_step found = {.line = BUF_INIT};
	CLEAN(buf_fini) struct buf key = BUF_INIT;
	bool has_key = false;
	burr_status status = open_source(&source, store_path, err);
	if (status == BURR_OK && read_partition_key(&source, &key, &has_key) != BURR_OK)
		status = burr_fail(err, BURR_EIO, "application %s: metadata.json cannot be read", app_id);
	if (status == BURR_OK && partition_key && !(has_key && slice_is(buf_slice(&key), partition_key)))
		status = burr_fail(err, BURR_ENOTFOUND,
			"application %s has partition key %s%.*s%s, not \"%s\"", app_id, has_key ? "\"" : "",
			has_key ? (int)key.len : 4, has_key ? key.data : "none", has_key ? "\"" : "",
			partition_key);
	if (status == BURR_OK)
		status = find_step(&source, sequence_id, &found, err);
	if (status == BURR_OK)
		status = give_loaded(&found, app_id, has_key ? buf_slice(&key) : SLICE_NONE, out_loaded, err);
	return status;
}

burr_status burr_load_state(const char *store_path, const char *project, const char *app_id,
	int64_t sequence_id, char **out_state_json, char **out_entry_point, burr_error *err)
{
	CLEAN(source_fini) struct source source = {.project = project, .app_id = app_id, .app_fd = -1};
	CLEAN(found_fini) struct found_step found = {.line = BUF_INIT};
	struct buf state = BUF_INIT;
	struct buf action = BUF_INIT;
	burr_status status = open_source(&source, store_path, err);
	if (status == BURR_OK)
		status = find_step(&source, sequence_id, &found, err);
	if (status != BURR_OK)
		return status;
	put_state(&state, found.record.state, found.record.sequence_id);
	json_to_text(found.record.action, &action);
	char *state_text = buf_take(&state);
	char *action_text = buf_take(&action);
	if (!state_text || !action_text) {
		free(state_text);
		free(action_text);
		return burr_fail(err, BURR_ENOMEM, "no memory for a loaded state");
	}
	*out_state_json = state_text;
	*out_entry_point = action_text;
	return BURR_OK;
}

void burr_free(void *memory)
{
	free(memory);
}
