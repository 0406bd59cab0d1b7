/* cli/doctor_catalog.c: burr doctor: where the catalog lies, and what is left of others. */
#include "base/clean.h"
#include "catalog/db.h"
#include "catalog/place.h"
#include "cli/doctor.h"
#include "cli/human.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum { STORE_PATH_MAX = 64 << 10 };

/* Files that are left over, in a folder. */
struct leftovers {
	int count;
	uint64_t bytes;
	struct buf first; /* path of one of them */
};

static void add_leftover(struct leftovers *leftovers, const char *folder, const char *name, uint64_t bytes)
{
	if (!leftovers->count++) {
		human_path(&leftovers->first, folder);
		buf_printf(&leftovers->first, "/%s", name);
	}
	leftovers->bytes += bytes;
}

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

/* A file of SQLite's beside one of ours has its name and a word. */
static bool is_other_version(const char *name)
{
	size_t len = strlen(DB_FILE);
	bool ours = strncmp(name, DB_FILE, len) == 0 && (!name[len] || name[len] == '-');
	return strncmp(name, ".burr-catalog", strlen(".burr-catalog")) == 0 && !ours;
}

static void find_other_versions(const char *path, struct leftovers *out)
{
	CLEAN(close_folder) DIR *folder = opendir(path);
	struct dirent *entry;
	struct stat st;
	while (folder && (entry = readdir(folder)))
		if (is_other_version(entry->d_name) &&
			fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			add_leftover(out, path, entry->d_name, (uint64_t)st.st_size);
}

/* All that is in a folder of the cache whose store is not there any more. */
static void look_at_cached(int cache_fd, const char *path, const char *name, struct leftovers *out)
{
	CLEAN(buf_fini) struct buf store = BUF_INIT;
	int fd = openat(cache_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEAN(close_folder) DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	struct stat st;
	uint64_t bytes = 0;
	if (!folder || file_read(fd, "store", STORE_PATH_MAX, &store, NULL) != BURR_OK || !store.len ||
		stat(store.data, &st) == 0 || errno != ENOENT)
		return;
	while ((entry = readdir(folder)))
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_size;
	add_leftover(out, path, name, bytes);
}

static void find_cached(struct leftovers *out)
{
	CLEAN(buf_fini) struct buf path = BUF_INIT;
	CLEAN(close_folder) DIR *folder = catalog_cache_folder(&path) ? opendir(path.data) : NULL;
	struct dirent *entry;
	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			look_at_cached(dirfd(folder), path.data, entry->d_name, out);
}

static void tell(
	struct findings *findings, struct leftovers *leftovers, const char *advice, const char *of_what)
{
	struct buf *text = &leftovers->first;
	if (leftovers->count > 1)
		buf_printf(text, " and %d more", leftovers->count - 1);
	buf_append_str(text, ", ");
	human_bytes(text, leftovers->bytes);
	if (leftovers->count && !text->failed)
		findings_add(findings, LEVEL_NOTE, "catalog", advice, "%s: %s", of_what, text->data);
	buf_fini(text);
}

void doctor_check_catalog(const struct store *store, struct findings *findings)
{
	CLEAN(catalog_place_fini) struct catalog_place place;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf file = BUF_INIT;
	struct leftovers versions = {.first = BUF_INIT};
	struct leftovers cached = {.first = BUF_INIT};
	struct stat st;
	burr_error err = BURR_ERROR_INIT;
	if (catalog_place_find(store, &place, &err) != BURR_OK) {
		findings_add(findings, LEVEL_NOTE, "catalog",
			"set it: each command makes a catalog of its own until then", "%s", err.message);
		return;
	}
	buf_printf(&file, "%s/%s", place.folder.data, DB_FILE);
	human_path(&text, file.data ? file.data : "");
	if (file.data && stat(file.data, &st) == 0) {
		buf_append_str(&text, ", ");
		human_bytes(&text, (uint64_t)st.st_size);
	} else {
		buf_append_str(&text, ", not made yet");
	}
	findings_add(findings, LEVEL_OK, "catalog", "", "%s, %s", text.data ? text.data : "", place.why.data);
	find_other_versions(place.folder.data, &versions);
	if (place.in_cache)
		find_other_versions(store->path, &versions);
	tell(findings, &versions, "delete them if no other version of burr uses the store",
		"catalogs of other versions of burr");
	find_cached(&cached);
	tell(findings, &cached, "delete them: their stores are gone", "catalogs of other stores");
}
