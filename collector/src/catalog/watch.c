#include "catalog/watch.h"

#include "base/error.h"
#include "catalog/db.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

struct watched {
	int id; /* the kernel's; -1: none */
	size_t project_len;
};

static const uint32_t FOLDER_EVENTS = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR;

burr_status watch_open(const char *store_path, size_t max_count, struct watch *out, burr_error *err)
{
	*out = (struct watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .max_count = max_count};
	if (out->fd < 0)
		out->failed_errno = errno;
	out->store_path = strdup(store_path);
	return out->store_path ? BURR_OK : burr_fail(err, BURR_ENOMEM, "no memory to watch the store");
}

void watch_close(struct watch *watch)
{
	for (struct table_entry *e = table_next(&watch->by_name, NULL); e; e = table_next(&watch->by_name, e))
		free(e->value);
	table_fini(&watch->by_name);
	table_fini(&watch->by_id);
	free(watch->store_path);
	if (watch->fd >= 0)
		close(watch->fd);
	*watch = (struct watch){.fd = -1};
}

static struct slice id_key(const int *id)
{
	return (struct slice){(const char *)id, sizeof(*id)};
}

/* The kernel's number for a folder below the store, or -1. */
static int add_path(struct watch *watch, struct slice name, uint32_t events)
{
	struct buf path = BUF_INIT;
	int id = -1;
	if (watch->fd < 0)
		return -1;
	errno = ENOSPC;
	if (watch->by_id.count >= watch->max_count)
		goto out;
	buf_printf(&path, "%s/%.*s", watch->store_path, SLICE_ARG(name));
	if (!path.failed)
		id = inotify_add_watch(watch->fd, path.data, events);
out:
	if (id < 0 && errno != ENOENT && errno != ENOTDIR && !watch->failed_errno)
		watch->failed_errno = errno;
	buf_fini(&path);
	return id;
}

static bool remember(struct watch *watch, int id, struct table_entry *entry)
{
	struct table_entry *known = id >= 0 ? table_put(&watch->by_id, id_key(&id), NULL) : NULL;
	if (known)
		known->value = entry;
	else if (id >= 0)
		inotify_rm_watch(watch->fd, id);
	return known != NULL;
}

void watch_add_store(struct watch *watch)
{
	int id = add_path(watch, SLICE_LIT("."), FOLDER_EVENTS);
	watch->store_watched = remember(watch, id, NULL);
}

bool watch_has(const struct watch *watch, const struct app_name *name)
{
	struct table_entry *entry = table_find(&watch->by_name, app_name_both(name));
	const struct watched *watched = entry ? entry->value : NULL;
	return watched && watched->id >= 0;
}

bool watch_add(struct watch *watch, const struct app_name *name)
{
	struct table_entry *entry = table_put(&watch->by_name, app_name_both(name), NULL);
	if (!entry)
		return false;
	struct watched *watched = entry->value;
	if (watched && watched->id >= 0)
		return true;
	if (!watched) {
		watched = malloc(sizeof(*watched));
		if (!watched) {
			table_remove(&watch->by_name, entry);
			return false;
		}
		*watched = (struct watched){.id = -1, .project_len = name->project_len};
		entry->value = watched;
		watch->unwatched_count++;
	}
	uint32_t events = FOLDER_EVENTS | (name->app_id_len ? IN_MODIFY : 0);
	int id = add_path(watch, app_name_both(name), events);
	if (!remember(watch, id, entry))
		return false;
	watched->id = id;
	watch->unwatched_count--;
	return true;
}

static void drop_entry(struct watch *watch, struct table_entry *entry)
{
	struct watched *watched = entry->value;
	struct table_entry *known = watched->id >= 0 ? table_find(&watch->by_id, id_key(&watched->id)) : NULL;
	if (known && known->value == entry) {
		inotify_rm_watch(watch->fd, watched->id); /* gone already where the folder is */
		table_remove(&watch->by_id, known);
	}
	if (watched->id < 0)
		watch->unwatched_count--;
	free(watched);
	table_remove(&watch->by_name, entry);
}

void watch_drop(struct watch *watch, const struct app_name *name)
{
	struct table_entry *entry = table_find(&watch->by_name, app_name_both(name));
	if (entry)
		drop_entry(watch, entry);
	if (name->app_id_len)
		return;
	entry = table_next(&watch->by_name, NULL);
	while (entry) {
		struct table_entry *next = table_next(&watch->by_name, entry);
		const struct watched *watched = entry->value;
		if (watched->project_len == name->project_len &&
			memcmp(entry->key, name->text, name->project_len) == 0)
			drop_entry(watch, entry);
		entry = next;
	}
}

/* ---- events ---- */

static void store_event(const struct inotify_event *event, struct slice file, watch_fn *each, void *ctx)
{
	struct app_name name;
	bool gone = event->mask & (IN_DELETE | IN_MOVED_FROM);
	if (slice_is(file, DB_FILE) && gone)
		each(WATCH_CATALOG_GONE, NULL, ctx);
	else if ((event->mask & IN_ISDIR) && app_name_make(&name, file, SLICE_NONE))
		each(gone ? WATCH_PROJECT_GONE : WATCH_PROJECT_NEW, &name, ctx);
}

static void project_event(
	const struct inotify_event *event, struct slice project, struct slice file, watch_fn *each, void *ctx)
{
	struct app_name name;
	bool gone = event->mask & (IN_DELETE | IN_MOVED_FROM);
	if ((event->mask & IN_ISDIR) && app_name_make(&name, project, file))
		each(gone ? WATCH_APP_GONE : WATCH_APP_NEW, &name, ctx);
	else if (slice_is(file, "annotations.jsonl") && app_name_make(&name, project, SLICE_NONE))
		each(WATCH_PROJECT_TOUCHED, &name, ctx);
}

static void one_event(struct watch *watch, const struct inotify_event *event, watch_fn *each, void *ctx)
{
	if (event->mask & IN_Q_OVERFLOW) {
		each(WATCH_OVERFLOW, NULL, ctx);
		return;
	}
	struct table_entry *known = table_find(&watch->by_id, id_key(&event->wd));
	if (!known)
		return; /* dropped while the event was under way */
	struct table_entry *entry = known->value;
	if (event->mask & IN_IGNORED) { /* the folder is gone; its parent's event tells the rest */
		table_remove(&watch->by_id, known);
		if (entry) {
			((struct watched *)entry->value)->id = -1;
			watch->unwatched_count++;
		} else {
			watch->store_watched = false;
		}
		return;
	}
	struct slice file = slice_of(event->len ? event->name : "");
	if (!entry) {
		store_event(event, file, each, ctx);
		return;
	}
	struct slice both = table_key(entry);
	size_t project_len = ((struct watched *)entry->value)->project_len;
	struct slice project = {both.data, project_len};
	if (both.len == project_len) {
		project_event(event, project, file, each, ctx);
		return;
	}
	struct app_name name;
	struct slice app_id = {both.data + project_len + 1, both.len - project_len - 1};
	/* Files written aside are renamed in a moment, and that is an event, too. */
	if (!slice_starts(file, ".") && app_name_make(&name, project, app_id))
		each(WATCH_APP_TOUCHED, &name, ctx);
}

void watch_read(struct watch *watch, watch_fn *each, void *ctx)
{
	_Alignas(struct inotify_event) char bytes[16384];
	for (;;) {
		ssize_t got = watch->fd >= 0 ? read(watch->fd, bytes, sizeof(bytes)) : -1;
		if (got < 0 && errno == EINTR && watch->fd >= 0)
			continue;
		if (got <= 0)
			return;
		for (ssize_t at = 0; at < got;) {
			const struct inotify_event *event = (const struct inotify_event *)(bytes + at);
			at += (ssize_t)(sizeof(*event) + event->len);
			one_event(watch, event, each, ctx);
		}
	}
}
