#include "store/create.h"

#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "store/names.h"
#include "wire/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { SMALL_FILE_MAX = 64 << 20 }; /* a graph with its sources, an initial state */

static burr_status fail_errno(const char *what, const char *name, burr_error *err)
{
	return burr_fail(err, store_errno_status(errno), "%s %s: %s", what, name, strerror(errno));
}

/* ---- files, whole or not at all ---- */

struct temp {
	int dir_fd;
	char name[64];
	int fd;
};

static void temp_close(struct temp *temp)
{
	if (temp->fd < 0)
		return;
	close(temp->fd);
	unlinkat(temp->dir_fd, temp->name, 0); /* gone already where it was renamed */
}

static burr_status temp_write(struct temp *temp, int dir_fd, struct slice text, burr_error *err)
{
	char token[RANDOM_HEX_LEN + 1];
	random_hex(token);
	temp->dir_fd = dir_fd;
	snprintf(temp->name, sizeof(temp->name), ".new-%s", token);
	temp->fd = openat(dir_fd, temp->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (temp->fd < 0)
		return fail_errno("make", temp->name, err);
	while (text.len) {
		ssize_t put = write(temp->fd, text.data, text.len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return fail_errno("write", temp->name, err);
		text.data += put;
		text.len -= (size_t)put;
	}
	return BURR_OK;
}

/* Whether a whole file of this name is there. One that cannot be read now is not taken for a broken one,
 * which would be replaced. */
static burr_status look_for_object(int dir_fd, const char *name, bool *out_there, burr_error *err)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	struct slice value;
	burr_status status = file_read(dir_fd, name, SMALL_FILE_MAX, &text, err);
	*out_there = status == BURR_OK && json_validate(buf_slice(&text), &value, NULL) == BURR_OK &&
		     json_kind_of(value) == JSON_OBJECT;
	return status == BURR_ENOTFOUND || status == BURR_ETOOBIG ? BURR_OK : status;
}

/* synced: the content is on the disk before the name is there, so that a sync that fails leaves nothing which
 * a second attempt would take for whole. */
static burr_status publish(
	int dir_fd, const char *name, struct slice text, bool synced, bool *out_made, burr_error *err)
{
	CLEAN(temp_close) struct temp temp = {.fd = -1};
	bool made = false;
	bool there;
	burr_status status = look_for_object(dir_fd, name, &there, err);
	if (status != BURR_OK)
		return status;
	if (!there) {
		status = temp_write(&temp, dir_fd, text, err);
		if (status != BURR_OK)
			return status;
		if (synced && fdatasync(temp.fd) < 0)
			return fail_errno("sync", name, err);
		made = linkat(dir_fd, temp.name, dir_fd, name, 0) == 0;
		if (!made && errno != EEXIST)
			return fail_errno("publish", name, err);
		status = made ? BURR_OK : look_for_object(dir_fd, name, &there, err);
		if (status != BURR_OK)
			return status;
		if (!made && !there) {
			made = renameat(dir_fd, temp.name, dir_fd, name) == 0;
			if (!made)
				return fail_errno("publish", name, err);
		}
	}
	if (out_made)
		*out_made = made;
	return BURR_OK;
}

burr_status file_publish(int dir_fd, const char *name, struct slice text, bool *out_made, burr_error *err)
{
	return publish(dir_fd, name, text, false, out_made, err);
}

burr_status file_replace(int dir_fd, const char *name, struct slice text, burr_error *err)
{
	CLEAN(temp_close) struct temp temp = {.fd = -1};
	burr_status status = temp_write(&temp, dir_fd, text, err);
	if (status != BURR_OK)
		return status;
	if (fsync(temp.fd) < 0 || renameat(dir_fd, temp.name, dir_fd, name) < 0)
		return fail_errno("replace", name, err);
	return BURR_OK;
}

/* ---- the application ---- */

/* With durability `group` the appender's next sync takes all of the file system. */
static bool syncs_now(const struct store *store)
{
	return store->durability == DURABILITY_POWER;
}

static burr_status make_folder(int dir_fd, struct slice name, int *out_fd, burr_error *err)
{
	char path[APP_ID_MAX + 1];
	memcpy(path, name.data, name.len);
	path[name.len] = '\0';
	if (mkdirat(dir_fd, path, 0700) < 0 && errno != EEXIST)
		return fail_errno("make the folder", path, err);
	int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno("open the folder", path, err);
	*out_fd = fd;
	return BURR_OK;
}

static burr_status make_folders(
	const struct store *store, const struct entry *entry, int *project_fd, int *app_fd, burr_error *err)
{
	burr_status status = name_check_project(entry->project, err);
	if (status == BURR_OK)
		status = name_check_app_id(entry->app_id, err);
	if (status == BURR_OK && entry->partition_key.data)
		status = name_check_partition_key(entry->partition_key, err);
	if (status == BURR_OK)
		status = make_folder(store->dir_fd, entry->project, project_fd, err);
	if (status == BURR_OK)
		status = make_folder(*project_fd, entry->app_id, app_fd, err);
	return status;
}

static burr_status make_log(int app_fd, burr_error *err)
{
	CLEAN(fd_close) int fd = openat(app_fd, "log.jsonl", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return fd < 0 ? fail_errno("make", "log.jsonl", err) : BURR_OK;
}

/* metadata.json that was there already must name the same partition. */
static burr_status check_partition(int app_fd, const struct entry *entry, burr_error *err)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf key = BUF_INIT;
	burr_status status = file_read(app_fd, "metadata.json", SMALL_FILE_MAX, &text, err);
	if (status != BURR_OK)
		return status;
	struct slice value = json_find(buf_slice(&text), "partition_key");
	bool has_key = json_to_text(value, &key);
	if (has_key == (entry->partition_key.data != NULL) &&
		(!has_key || slice_eq(buf_slice(&key), entry->partition_key)))
		return BURR_OK;
	return burr_fail(err, BURR_EEXIST,
		"application %.*s exists under partition key %s%.*s%s, not %s%.*s%s",
		SLICE_ARG(entry->app_id), has_key ? "\"" : "", has_key ? (int)key.len : 4,
		has_key ? key.data : "none", has_key ? "\"" : "", entry->partition_key.data ? "\"" : "",
		entry->partition_key.data ? (int)entry->partition_key.len : 4,
		entry->partition_key.data ? entry->partition_key.data : "none",
		entry->partition_key.data ? "\"" : "");
}

/* ---- links from parents ---- */

static bool lists_child(struct slice text, struct slice app_id, const char *event_type)
{
	while (text.len) {
		const char *newline = memchr(text.data, '\n', text.len);
		size_t len = newline ? (size_t)(newline - text.data) : text.len;
		struct slice line = {text.data, len};
		if (json_text_is(json_find(json_find(line, "child"), "app_id"), app_id) &&
			json_text_is(json_find(line, "event_type"), slice_of(event_type)))
			return true;
		text.data += newline ? len + 1 : len;
		text.len -= newline ? len + 1 : len;
	}
	return false;
}

/* Half a line goes again, unless somebody has appended behind it; then the next one ends it. */
static void cut_back(int fd, off_t length, ssize_t written)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && st.st_size == length + written && ftruncate(fd, length) < 0)
		return; /* the next line ends it */
}

/* fd: children.jsonl */
static burr_status append_child(int fd, struct slice line, burr_error *err)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	struct stat st;
	char last = '\n';
	if (fstat(fd, &st) < 0)
		return fail_errno("look at", "children.jsonl", err);
	if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1)
		return fail_errno("read", "children.jsonl", err);
	if (last != '\n') /* a torn line ends here and costs itself alone */
		buf_append_char(&text, '\n');
	buf_append_slice(&text, line);
	if (text.failed)
		return burr_fail(err, BURR_ELATER, "no memory for children.jsonl");
	ssize_t put = write(fd, text.data, text.len);
	if (put == (ssize_t)text.len)
		return BURR_OK;
	if (put >= 0) {
		cut_back(fd, st.st_size, put);
		errno = ENOSPC;
	}
	return fail_errno("append to", "children.jsonl", err);
}

/* BURR_ENOTFOUND: it is not listed. Damaged, or closed to us: the parent's trouble, not the child's. */
static burr_status find_child(int parent_fd, struct slice app_id, const char *event_type, burr_error *err)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	burr_status status = file_read(parent_fd, "children.jsonl", SMALL_FILE_MAX, &text, err);
	if (status == BURR_ENOTFOUND || status == BURR_ELATER)
		return status;
	return status != BURR_OK || lists_child(buf_slice(&text), app_id, event_type) ? BURR_OK
										      : BURR_ENOTFOUND;
}

/* Two processes may make the same child, one of them for the other: so it is looked for again under the
 * file's lock. */
static burr_status add_child(
	int parent_fd, struct slice line, struct slice app_id, const char *event_type, burr_error *err)
{
	burr_status status = find_child(parent_fd, app_id, event_type, err);
	if (status != BURR_ENOTFOUND)
		return status;
	CLEAN(fd_close)
	int fd = openat(parent_fd, "children.jsonl", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_errno("open", "children.jsonl", err);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return burr_fail(err, BURR_ELATER, "another process is writing children.jsonl");
	status = find_child(parent_fd, app_id, event_type, err);
	if (status == BURR_ENOTFOUND)
		status = append_child(fd, line, err);
	flock(fd, LOCK_UN); /* a forked child may have got the descriptor */
	return status;
}

static burr_status sync_children(int parent_fd, burr_error *err)
{
	CLEAN(fd_close) int fd = openat(parent_fd, "children.jsonl", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fdatasync(fd) < 0 || fsync(parent_fd) < 0)
		return fail_errno("sync", "children.jsonl", err);
	return BURR_OK;
}

/* One line in the parent's children.jsonl, unless it stands there. A parent without a folder gets none: the
 * child's own metadata names it. */
static burr_status link_parent(const struct store *store, const struct entry *entry,
	const struct line_context *context, struct slice pointer, const char *event_type, burr_error *err)
{
	struct pb_slot slots[4];
	if (!pointer.data || !pb_slots(pointer, slots, 4))
		return BURR_OK;
	CLEAN(fd_close) int parent_fd = -1;
	burr_status status = store_open_app(store, entry->project, pb_text(&slots[1]), &parent_fd, err);
	if (status == BURR_ENOTFOUND)
		return BURR_OK;
	if (status != BURR_OK)
		return burr_fail_in(err, status, "the parent");
	CLEAN(buf_fini) struct buf line = BUF_INIT;
	line_put_child(&line, entry, context, pointer, event_type);
	status = add_child(parent_fd, buf_slice(&line), entry->app_id, event_type, err);
	if (status != BURR_OK)
		return status;
	return syncs_now(store) ? sync_children(parent_fd, err) : BURR_OK;
}

static burr_status make_files(const struct store *store, int app_fd, const struct entry *entry,
	const struct line_context *context, burr_error *err)
{
	CLEAN(buf_fini) struct buf metadata = BUF_INIT;
	CLEAN(buf_fini) struct buf graph = BUF_INIT;
	struct pb_slot slots[APPLICATION_FIELDS];
	bool made = false;
	if (!pb_slots(entry->record, slots, APPLICATION_FIELDS))
		return burr_fail(err, BURR_ECORRUPT, "the bytes of an application are damaged");
	line_put_metadata(&metadata, entry, context);
	line_put_graph(&graph, entry);
	if (metadata.failed || graph.failed)
		return burr_fail(err, BURR_ELATER, "no memory to make an application");
	burr_status status = make_log(app_fd, err);
	if (status == BURR_OK)
		status = publish(app_fd, "metadata.json", buf_slice(&metadata), syncs_now(store), &made, err);
	if (status == BURR_OK && !made)
		status = check_partition(app_fd, entry, err);
	if (status == BURR_OK)
		status = publish(app_fd, "graph.json", buf_slice(&graph), syncs_now(store), NULL, err);
	if (status == BURR_OK)
		status = link_parent(store, entry, context, pb_text(&slots[APPLICATION_PARENT]), "fork", err);
	if (status == BURR_OK)
		status = link_parent(store, entry, context, pb_text(&slots[APPLICATION_SPAWNING_PARENT]),
			"spawn_start", err);
	return status;
}

burr_status store_create_app(const struct store *store, const struct entry *entry,
	const struct line_context *context, burr_error *err)
{
	CLEAN(fd_close) int project_fd = -1;
	CLEAN(fd_close) int app_fd = -1;
	burr_status status = make_folders(store, entry, &project_fd, &app_fd, err);
	if (status == BURR_OK)
		status = make_files(store, app_fd, entry, context, err);
	/* Also where all was there: it may have been made by somebody who died before this. */
	if (status == BURR_OK && syncs_now(store) &&
		(fsync(app_fd) < 0 || fsync(project_fd) < 0 || fsync(store->dir_fd) < 0))
		return fail_errno("sync the folders of", "an application", err);
	return status;
}
