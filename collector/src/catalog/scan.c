#include "catalog/scan.h"

#include "base/clean.h"
#include "base/error.h"
#include "catalog/facts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void folder_close(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

/* A stream of its own for the folder of dir_fd. */
static DIR *open_folder(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	if (!folder && fd >= 0)
		close(fd);
	return folder;
}

/* Whether it can be a folder; links are followed later, by stat. */
static bool may_be_folder(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN);
}

struct marks {
	uint64_t log_mark;
	uint64_t side_mark;
	bool seen;
};

static void known_fini(struct table *known)
{
	for (struct table_entry *e = table_next(known, NULL); e; e = table_next(known, e))
		free(e->value);
	table_fini(known);
}

/* What the catalog has of a project: app_id → struct marks. */
static burr_status load_known(struct scan *scan, struct slice project, struct table *out, burr_error *err)
{
	struct db *db = scan->indexer->db;
	sqlite3_stmt *stmt = db_get(db, DB_LIST_MARKS, err);
	bool row = false;
	if (!stmt)
		return db_status(db);
	db_bind_text(stmt, 1, project);
	burr_status status;
	while ((status = db_step(db, stmt, &row, err)) == BURR_OK && row) {
		struct table_entry *entry = table_put(out, db_text(stmt, 0), NULL);
		struct marks *marks = entry ? malloc(sizeof(*marks)) : NULL;
		if (!marks) {
			if (entry)
				table_remove(out, entry);
			db_done(stmt);
			return burr_fail(err, BURR_ENOMEM, "no memory to scan the store");
		}
		*marks = (struct marks){(uint64_t)sqlite3_column_int64(stmt, 1),
			(uint64_t)sqlite3_column_int64(stmt, 2), false};
		free(entry->value);
		entry->value = marks;
	}
	return status;
}

static void scan_app(
	struct scan *scan, int project_fd, const struct app_name *name, const struct table *known)
{
	struct slice app_id = app_name_app_id(name);
	struct table_entry *entry = table_find(known, app_id);
	struct marks *marks = entry ? entry->value : NULL;
	struct facts facts;
	if (marks)
		marks->seen = true;
	if (scan->only_unwatched && marks && watch_has(scan->watch, name))
		return;
	/* First the watch, then the look, so that nothing happens unseen between them. */
	if (scan->watch)
		watch_add(scan->watch, name);
	bool there = facts_read(project_fd, app_id.data, &facts);
	if (!there && marks)
		marks->seen = false;
	if (!there && scan->watch)
		watch_drop(scan->watch, name);
	if (there && (!marks || marks->log_mark != facts.log_mark || marks->side_mark != facts.side_mark))
		notes_put(scan->notes, name, scan->lane, NULL);
}

static void note_missing(struct scan *scan, struct slice project, const struct table *known)
{
	struct app_name name;
	for (struct table_entry *e = table_next(known, NULL); e; e = table_next(known, e)) {
		const struct marks *marks = e->value;
		if (marks->seen || !app_name_make(&name, project, table_key(e)))
			continue;
		notes_put(scan->notes, &name, scan->lane, NULL);
		if (scan->watch)
			watch_drop(scan->watch, &name);
	}
}

static void tell_gone(struct scan *scan, struct slice project, const struct table *known)
{
	struct app_name name;
	for (struct table_entry *e = table_next(known, NULL); e; e = table_next(known, e))
		if (app_name_make(&name, project, table_key(e)))
			scan->on_change(&name, scan->ctx);
}

static burr_status project_gone(struct scan *scan, const struct app_name *project, burr_error *err)
{
	CLEAN(known_fini) struct table known = TABLE_INIT;
	bool removed = false;
	if (scan->watch)
		watch_drop(scan->watch, project);
	burr_status status = load_known(scan, app_name_project(project), &known, err);
	if (status == BURR_OK)
		status = index_project_gone(scan->indexer, app_name_project(project), &removed, err);
	if (removed) {
		tell_gone(scan, app_name_project(project), &known);
		scan->on_change(project, scan->ctx);
	}
	return status;
}

burr_status scan_project(struct scan *scan, const struct app_name *project, burr_error *err)
{
	struct slice project_name = app_name_project(project);
	CLEAN(known_fini) struct table known = TABLE_INIT;
	CLEAN(folder_close) DIR *folder = NULL;
	struct stat st;
	bool added = false;
	if (scan->watch)
		watch_add(scan->watch, project);
	folder = open_folder(scan->indexer->store->dir_fd, project->text);
	if (!folder)
		return errno == ENOENT || errno == ENOTDIR ? project_gone(scan, project, err) : BURR_OK;
	if (fstat(dirfd(folder), &st) < 0)
		return BURR_OK;
	int64_t made_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
	burr_status status = index_project(scan->indexer, project_name, made_us, &added, err);
	if (status == BURR_OK && added)
		scan->on_change(project, scan->ctx);
	if (status == BURR_OK)
		status = load_known(scan, project_name, &known, err);
	if (status != BURR_OK)
		return status;
	struct dirent *entry;
	struct app_name name;
	errno = 0;
	while ((entry = readdir(folder))) {
		if (may_be_folder(entry) && app_name_make(&name, project_name, slice_of(entry->d_name)))
			scan_app(scan, dirfd(folder), &name, &known);
		errno = 0;
	}
	if (errno == 0) /* all of it was read */
		note_missing(scan, project_name, &known);
	return BURR_OK;
}

/* Projects that the catalog has and the store has not. */
static burr_status drop_projects(struct scan *scan, const struct table *there, burr_error *err)
{
	struct db *db = scan->indexer->db;
	CLEAN(known_fini) struct table gone = TABLE_INIT;
	sqlite3_stmt *stmt = db_get(db, DB_LIST_PROJECT_NAMES, err);
	bool row = false;
	if (!stmt)
		return db_status(db);
	burr_status status;
	while ((status = db_step(db, stmt, &row, err)) == BURR_OK && row) {
		struct slice name = db_text(stmt, 0);
		if (!table_find(there, name) && !table_put(&gone, name, NULL)) {
			db_done(stmt);
			return burr_fail(err, BURR_ENOMEM, "no memory to scan the store");
		}
	}
	struct app_name name;
	for (struct table_entry *e = table_next(&gone, NULL); status == BURR_OK && e;
		e = table_next(&gone, e)) {
		if (app_name_make(&name, table_key(e), SLICE_NONE))
			status = project_gone(scan, &name, err);
	}
	return status;
}

burr_status scan_store(struct scan *scan, burr_error *err)
{
	CLEAN(known_fini) struct table there = TABLE_INIT;
	CLEAN(folder_close) DIR *folder = NULL;
	if (scan->watch && !scan->watch->store_watched)
		watch_add_store(scan->watch);
	folder = open_folder(scan->indexer->store->dir_fd, ".");
	if (!folder)
		return burr_fail(err, BURR_EIO, "store %s: cannot list the folder: %s",
			scan->indexer->store->path, strerror(errno));
	struct dirent *entry;
	struct app_name name;
	burr_status status = BURR_OK;
	errno = 0;
	while (status == BURR_OK && (entry = readdir(folder))) {
		struct stat st;
		if (may_be_folder(entry) && app_name_make(&name, slice_of(entry->d_name), SLICE_NONE) &&
			fstatat(dirfd(folder), entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode)) {
			if (!table_put(&there, slice_of(entry->d_name), NULL))
				return burr_fail(err, BURR_ENOMEM, "no memory to scan the store");
			status = scan_project(scan, &name, err);
		}
		errno = 0;
	}
	if (status == BURR_OK && errno == 0)
		status = drop_projects(scan, &there, err);
	return status;
}
