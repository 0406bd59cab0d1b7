/* load/list.c: what there is in a store: projects, applications, steps. */
#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "load/arena.h"
#include "load/tail.h"
#include "store/names.h"
#include "store/read.h"
#include "store/store.h"

#include <burr/load.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { METADATA_MAX = 64 << 20 };

static void free_store(struct store **store)
{
	store_close(*store);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* A list while it grows. Strings are offsets into the arena, kept in the items' pointers until it is done. */
struct list {
	struct arena text;
	struct buf items;
	size_t count;
};

static void list_fini(struct list *list)
{
	arena_fini(&list->text);
	buf_fini(&list->items);
}

static const char *as_pointer(size_t offset)
{
	return (const char *)(uintptr_t)(offset + 1); /* NULL stays absent */
}

static const char *add_text(struct list *list, struct slice text)
{
	return text.data ? as_pointer(arena_add_text(&list->text, text)) : NULL;
}

/* A JSON string's text; anything else is absent. */
static const char *add_json_text(struct list *list, struct slice value)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	return json_to_text(value, &text) ? add_text(list, buf_slice(&text)) : NULL;
}

static void add_item(struct list *list, const void *item, size_t size)
{
	buf_append(&list->items, item, size);
	list->count++;
}

static void settle(const char **text, const char *base)
{
	if (*text)
		*text = base + ((uintptr_t)*text - 1);
}

/* Items and strings in one block. *out_base is what settle adds to. */
static void *take_list(struct list *list, const char **out_base, burr_error *err)
{
	struct buf block = BUF_INIT;
	buf_append_slice(&block, buf_slice(&list->items));
	buf_append_slice(&block, buf_slice(&list->text.block));
	if (list->items.failed || list->text.block.failed || block.failed) {
		buf_fini(&block);
		burr_fail(err, BURR_ENOMEM, "no memory for a list");
		return NULL;
	}
	char *data = buf_take(&block);
	if (data)
		*out_base = data + list->items.len;
	else
		burr_fail(err, BURR_ENOMEM, "no memory for a list");
	return data;
}

/* ---- folders ---- */

static DIR *open_dir(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static bool is_folder(DIR *dir, const struct dirent *entry)
{
	struct stat st;
	if (entry->d_name[0] == '.')
		return false;
	if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
		return entry->d_type == DT_DIR;
	return fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* The next folder in dir whose name passes the check; NULL at the end. */
static const char *next_folder(DIR *dir, burr_status (*check)(struct slice name, burr_error *err))
{
	struct dirent *entry;
	while ((entry = readdir(dir)))
		if (is_folder(dir, entry) && check(slice_of(entry->d_name), NULL) == BURR_OK)
			return entry->d_name;
	return NULL;
}

static int compare_names(const void *a, const void *b)
{
	const burr_project_item *left = a;
	const burr_project_item *right = b;
	return strcmp(left->name, right->name);
}

static uint64_t count_apps(DIR *store_dir, const char *project)
{
	uint64_t count = 0;
	CLEAN(close_dir) DIR *dir = open_dir(dirfd(store_dir), project);
	while (dir && next_folder(dir, name_check_app_id))
		count++;
	return count;
}

burr_status burr_list_projects(
	const char *store_path, burr_project_item **out_items, size_t *out_count, burr_error *err)
{
	CLEAN(free_store) struct store *store = NULL;
	CLEAN(list_fini) struct list list = {.items = BUF_INIT};
	const char *name;
	const char *base;
	burr_status status = store_open(store_path, STORE_READ, &store, err);
	if (status != BURR_OK)
		return status;
	CLEAN(close_dir) DIR *dir = open_dir(store->dir_fd, ".");
	if (!dir)
		return burr_fail(err, BURR_EIO, "read %s: %s", store->path, strerror(errno));
	while ((name = next_folder(dir, name_check_project))) {
		burr_project_item item = {add_text(&list, slice_of(name)), count_apps(dir, name)};
		add_item(&list, &item, sizeof(item));
	}
	burr_project_item *items = take_list(&list, &base, err);
	if (!items)
		return BURR_ENOMEM;
	for (size_t i = 0; i < list.count; i++)
		settle(&items[i].name, base);
	qsort(items, list.count, sizeof(*items), compare_names);
	*out_items = items;
	*out_count = list.count;
	return BURR_OK;
}

/* ---- applications ---- */

/* The newest time and sequence id that a line tells; true when both are known. */
static bool take_last(struct slice text, struct list *list, burr_app_item *item)
{
	struct line_record record;
	if (!line_read(text, &record))
		return false;
	if (!item->last_written)
		item->last_written = add_json_text(list, record.time);
	if (record.sequence_id >= 0 && !item->step_count)
		item->step_count = record.sequence_id + (record.sequence_id < INT64_MAX);
	return item->last_written && item->step_count;
}

static void take_first(struct slice text, struct list *list, burr_app_item *item)
{
	struct line_record record;
	if (line_read(text, &record))
		item->first_written = add_json_text(list, record.time);
}

/* The lines that are still in spools, newest first. */
static bool read_tail_end(const struct buf *tail, struct list *list, burr_app_item *item)
{
	struct slice line;
	size_t end = tail->len;
	bool done = false;
	while (!done && lines_previous(buf_slice(tail), &end, &line))
		done = take_last(line, list, item);
	return done;
}

/* The first record that has a time; the newest time and sequence id are in the last lines. */
static void read_ends(
	int log_fd, uint64_t length, const struct buf *tail, struct list *list, burr_app_item *item)
{
	struct log_reader reader;
	struct log_line line;
	if (log_fd >= 0) {
		log_reader_init(&reader, log_fd, 0);
		while (!item->first_written && log_reader_next(&reader, &line))
			take_first(line.text, list, item);
		log_reader_fini(&reader);
	}
	if (!item->first_written && tail->len)
		take_first((struct slice){tail->data,
				   (size_t)((const char *)memchr(tail->data, '\n', tail->len) - tail->data)},
			list, item);
	if (read_tail_end(tail, list, item) || log_fd < 0)
		return;
	log_reader_init(&reader, log_fd, length);
	while (log_reader_previous(&reader, &line) && !take_last(line.text, list, item))
		;
	log_reader_fini(&reader);
}

static void list_app(const struct store *store, DIR *project_dir, const char *app_id,
	const struct foreign *held, struct list *list)
{
	CLEAN(buf_fini) struct buf metadata = BUF_INIT;
	CLEAN(buf_fini) struct buf tail = BUF_INIT;
	CLEAN(fd_close) int app_fd = openat(dirfd(project_dir), app_id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st = {.st_size = 0};
	bool moved = false; /* then it is the log's end that is listed */
	if (app_fd < 0)
		return; /* deleted meanwhile */
	burr_app_item item = {.app_id = add_text(list, slice_of(app_id))};
	if (file_read(app_fd, "metadata.json", METADATA_MAX, &metadata, NULL) == BURR_OK)
		item.partition_key = add_json_text(list, json_find(buf_slice(&metadata), "partition_key"));
	CLEAN(fd_close) int log_fd = openat(app_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (log_fd >= 0 && (fstat(log_fd, &st) < 0 || !S_ISREG(st.st_mode)))
		fd_close(&log_fd);
	if (held->entry_count && held_put_lines(store, held, slice_of(app_id), log_fd, (uint64_t)st.st_size,
					 &tail, &moved, NULL) != BURR_OK)
		list->items.failed = true;
	read_ends(log_fd, (uint64_t)st.st_size, &tail, list, &item);
	add_item(list, &item, sizeof(item));
}

static int compare_newest(const void *a, const void *b)
{
	const burr_app_item *left = a;
	const burr_app_item *right = b;
	int64_t left_us = INT64_MIN;
	int64_t right_us = INT64_MIN;
	bool zoned;
	if (left->last_written)
		time_parse(slice_of(left->last_written), &left_us, &zoned);
	if (right->last_written)
		time_parse(slice_of(right->last_written), &right_us, &zoned);
	if (left_us != right_us)
		return left_us < right_us ? 1 : -1;
	return strcmp(left->app_id, right->app_id);
}

burr_status burr_list_apps(const char *store_path, const char *project, burr_app_item **out_items,
	size_t *out_count, burr_error *err)
{
	CLEAN(free_store) struct store *store = NULL;
	CLEAN(list_fini) struct list list = {.items = BUF_INIT};
	CLEAN(foreign_fini) struct foreign held = {0};
	const char *name;
	const char *base;
	int fd = -1;
	burr_status status = store_open(store_path, STORE_READ, &store, err);
	if (status == BURR_OK)
		status = tail_read(store, slice_of(project), SLICE_NONE, &held, err);
	if (status == BURR_OK)
		status = store_open_project(store, slice_of(project), &fd, err);
	if (status != BURR_OK)
		return status;
	CLEAN(close_dir) DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return burr_fail(err, BURR_EIO, "read project %s: %s", project, strerror(errno));
	}
	while ((name = next_folder(dir, name_check_app_id)))
		list_app(store, dir, name, &held, &list);
	burr_app_item *items = take_list(&list, &base, err);
	if (!items)
		return BURR_ENOMEM;
	for (size_t i = 0; i < list.count; i++) {
		settle(&items[i].app_id, base);
		settle(&items[i].partition_key, base);
		settle(&items[i].first_written, base);
		settle(&items[i].last_written, base);
	}
	qsort(items, list.count, sizeof(*items), compare_newest);
	*out_items = items;
	*out_count = list.count;
	return BURR_OK;
}

/* ---- steps ---- */

/* Lines in the order of the log, stably sorted by sequence id; the last attempt of each is kept. */
struct step_line {
	burr_step_item item;
	size_t at;
};

static int compare_steps(const void *a, const void *b)
{
	const struct step_line *left = a;
	const struct step_line *right = b;
	if (left->item.sequence_id != right->item.sequence_id)
		return left->item.sequence_id < right->item.sequence_id ? -1 : 1;
	return left->at < right->at ? -1 : 1;
}

static void take_step(struct slice text, struct list *list)
{
	struct line_record record;
	if (!line_read(text, &record) || (record.type != LINE_BEGIN_ENTRY && record.type != LINE_END_ENTRY))
		return;
	bool begin = record.type == LINE_BEGIN_ENTRY;
	const char *time = add_json_text(list, record.time);
	struct step_line step = {
		.item = {.sequence_id = record.sequence_id,
			.action = add_json_text(list, record.action),
			.start_time = begin ? time : NULL,
			.end_time = begin ? NULL : time,
			.status = begin                                           ? BURR_STEP_OPEN
				  : json_kind_of(record.exception) == JSON_STRING ? BURR_STEP_FAILED
										  : BURR_STEP_COMPLETED},
		.at = list->count,
	};
	add_item(list, &step, sizeof(step));
}

static burr_status read_steps(int log_fd, struct list *list)
{
	struct log_reader reader;
	struct log_line line;
	log_reader_init(&reader, log_fd, 0);
	while (log_reader_next(&reader, &line))
		take_step(line.text, list);
	burr_status status = reader.status;
	log_reader_fini(&reader);
	return status;
}

static void take_tail_steps(const struct buf *tail, struct list *list)
{
	const char *end = tail->data + tail->len;
	for (const char *pos = tail->data; tail->len && pos < end;) {
		const char *newline = memchr(pos, '\n', (size_t)(end - pos));
		take_step((struct slice){pos, (size_t)(newline - pos)}, list);
		pos = newline + 1;
	}
}

/* The log's, then those that are still in spools. */
static burr_status read_all_steps(struct store *store, const char *project, const char *app_id, int app_fd,
	struct list *list, burr_error *err)
{
	CLEAN(foreign_fini) struct foreign held = {0};
	CLEAN(buf_fini) struct buf tail = BUF_INIT;
	struct stat st = {.st_size = 0};
	bool moved = false;
	burr_status status = tail_read(store, slice_of(project), slice_of(app_id), &held, err);
	if (status != BURR_OK)
		return status;
	CLEAN(fd_close) int log_fd = openat(app_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if ((log_fd < 0 && errno != ENOENT) || (log_fd >= 0 && fstat(log_fd, &st) < 0))
		status = BURR_EIO;
	if (status == BURR_OK && log_fd >= 0)
		status = read_steps(log_fd, list);
	if (status != BURR_OK)
		return burr_fail(
			err, status, "read log.jsonl of application %s: %s", app_id, strerror(errno));
	status = held_put_lines(
		store, &held, slice_of(app_id), log_fd, (uint64_t)st.st_size, &tail, &moved, err);
	if (status == BURR_OK)
		take_tail_steps(&tail, list);
	return status;
}

/* Begins and ends to steps, in place of the sorted lines: a begin starts an attempt, an end closes it. */
static void join_steps(struct list *list)
{
	struct step_line *lines = (struct step_line *)(void *)list->items.data;
	struct buf joined = BUF_INIT;
	size_t count = 0;
	for (size_t i = 0; i < list->count;) {
		burr_step_item step = lines[i].item;
		bool begun = step.start_time != NULL;
		size_t next = i + 1;
		for (; next < list->count && lines[next].item.sequence_id == step.sequence_id; next++) {
			burr_step_item later = lines[next].item;
			if (later.start_time) {
				step = later;
				begun = true;
			} else {
				step.end_time = later.end_time;
				step.status = later.status;
			}
		}
		if (begun) {
			buf_append(&joined, &step, sizeof(step));
			count++;
		}
		i = next;
	}
	joined.failed = joined.failed || list->items.failed;
	buf_fini(&list->items);
	list->items = joined;
	list->count = count;
}

burr_status burr_list_steps(const char *store_path, const char *project, const char *app_id,
	burr_step_item **out_items, size_t *out_count, burr_error *err)
{
	CLEAN(free_store) struct store *store = NULL;
	CLEAN(list_fini) struct list list = {.items = BUF_INIT};
	CLEAN(fd_close) int app_fd = -1;
	const char *base;
	burr_status status = store_open(store_path, STORE_READ, &store, err);
	if (status == BURR_OK)
		status = store_open_app(store, slice_of(project), slice_of(app_id), &app_fd, err);
	if (status == BURR_OK)
		status = read_all_steps(store, project, app_id, app_fd, &list, err);
	if (status != BURR_OK)
		return status;
	if (!list.items.failed && list.count)
		qsort(list.items.data, list.count, sizeof(struct step_line), compare_steps);
	if (!list.items.failed)
		join_steps(&list);
	burr_step_item *items = take_list(&list, &base, err);
	if (!items)
		return BURR_ENOMEM;
	for (size_t i = 0; i < list.count; i++) {
		settle(&items[i].action, base);
		settle(&items[i].start_time, base);
		settle(&items[i].end_time, base);
	}
	*out_items = items;
	*out_count = list.count;
	return BURR_OK;
}
