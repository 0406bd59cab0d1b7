#include "cli/find.h"

#include "base/clean.h"
#include "cli/human.h"
#include "cli/nearest.h"
#include "cli/say.h"
#include "store/names.h"

#include <burr/load.h>
#include <dirent.h>
#include <sys/stat.h>

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int find_fail(burr_status status, const burr_error *err)
{
	say_error("%s", err->message);
	return status == BURR_ENOTFOUND ? CLI_ABSENT : CLI_ERROR;
}

int find_store(const char *option, struct store **out_store)
{
	burr_error err;
	burr_status status = store_open(option, STORE_READ, out_store, &err);
	if (status == BURR_OK)
		return CLI_OK;
	CLEAN(ptr_free) char *path = store_find_path(option);
	if (status != BURR_ENOTFOUND || !path)
		return find_fail(status, &err);
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	struct stat st;
	human_path(&text, path);
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		say_error("%.*s is not a folder, and a store is one", SLICE_ARG(buf_slice(&text)));
		return CLI_ERROR;
	}
	say_error("there is no store at %.*s yet: burr makes it, or the first program that is tracked",
		SLICE_ARG(buf_slice(&text)));
	return CLI_ABSENT;
}

int find_project(const struct store *store, const char *project)
{
	CLEAN(fd_close) int fd = -1;
	burr_error err;
	burr_status status = store_open_project(store, slice_of(project), &fd, &err);
	if (status == BURR_OK)
		return CLI_OK;
	if (status != BURR_ENOTFOUND && status != BURR_EINVAL)
		return find_fail(status, &err);
	burr_project_item *items = NULL;
	size_t count = 0;
	struct nearest nearest = NEAREST_INIT;
	CLEAN(buf_fini) struct buf hint = BUF_INIT;
	if (burr_list_projects(store->path, &items, &count, NULL) == BURR_OK)
		for (size_t i = 0; i < count; i++)
			nearest_offer(&nearest, project, items[i].name);
	nearest_put(&nearest, &hint);
	if (!hint.len)
		buf_append_str(&hint, count ? ": burr ls lists them" : ": the store is empty");
	say_error("there is no project '%s'%.*s", project, SLICE_ARG(buf_slice(&hint)));
	burr_free(items);
	return CLI_ABSENT;
}

/* What a project's folder has that begins like wanted, and what is like it. */
struct candidates {
	struct nearest nearest;
	struct buf names; /* NUL-terminated, one after the other */
	size_t begin_count;
	char *begin; /* one that begins like wanted */
};

void find_app_names(const struct store *store, const char *project, struct buf *out)
{
	int project_fd;
	struct dirent *entry;
	if (store_open_project(store, slice_of(project), &project_fd, NULL) != BURR_OK)
		return;
	CLEAN(close_dir) DIR *dir = fdopendir(project_fd);
	if (!dir)
		close(project_fd);
	while (dir && (entry = readdir(dir)))
		if (name_check_app_id(slice_of(entry->d_name), NULL) == BURR_OK)
			buf_append(out, entry->d_name, strlen(entry->d_name) + 1);
}

static void weigh_names(struct candidates *c, const char *wanted)
{
	const struct slice names = buf_slice(&c->names);
	const size_t len = strlen(wanted);
	if (c->names.failed)
		return;
	for (const char *name = names.data; name < names.data + names.len; name += strlen(name) + 1) {
		nearest_offer(&c->nearest, wanted, name);
		if (len && strncmp(name, wanted, len) == 0 && c->begin_count++ == 0)
			c->begin = strdup(name);
	}
}

int find_app(const struct store *store, const char *project, const char *app_id, char **out_app_id)
{
	CLEAN(fd_close) int app_fd = -1;
	burr_error err;
	int code = find_project(store, project);
	if (code != CLI_OK)
		return code;
	burr_status status = store_open_app(store, slice_of(project), slice_of(app_id), &app_fd, &err);
	if (status == BURR_OK) {
		*out_app_id = strdup(app_id);
		return *out_app_id ? CLI_OK : CLI_ERROR;
	}
	if (status != BURR_ENOTFOUND && status != BURR_EINVAL)
		return find_fail(status, &err);
	CLEAN(buf_fini) struct buf hint = BUF_INIT;
	struct candidates c = {.nearest = NEAREST_INIT, .names = BUF_INIT};
	find_app_names(store, project, &c.names);
	weigh_names(&c, app_id);
	if (c.begin_count == 1 && c.begin) {
		*out_app_id = c.begin;
		buf_fini(&c.names);
		return CLI_OK;
	}
	nearest_put(&c.nearest, &hint);
	if (!hint.len)
		buf_printf(&hint, ": burr ls %s lists them", project);
	if (c.begin_count > 1)
		say_error("%zu runs of project '%s' begin with '%s'%.*s", c.begin_count, project, app_id,
			SLICE_ARG(buf_slice(&hint)));
	else
		say_error("there is no run '%s' in project '%s'%.*s", app_id, project,
			SLICE_ARG(buf_slice(&hint)));
	buf_fini(&c.names);
	free(c.begin);
	return CLI_ABSENT;
}
