#include "catalog/alive.h"

#include "base/clock.h"
#include "spool/inspect.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t KEEP_NS = (int64_t)ALIVE_KEEP_MS * 1000000;
static const int64_t LEFT_NS = (int64_t)ALIVE_LEFT_MS * 1000000;

void alive_init(struct alive *alive, const struct store *store)
{
	*alive = (struct alive){.store = store};
}

void alive_fini(struct alive *alive)
{
	table_fini(&alive->writers);
	table_fini(&alive->logs);
	table_fini(&alive->left);
}

static void forget(struct table *table)
{
	table_fini(table);
	*table = (struct table)TABLE_INIT;
}

/* ---- our writers ---- */

/* Its collector, or the next program that opens the store, takes in what it left; that takes a moment. */
static bool may_still_come(struct alive *alive, struct slice id, int64_t now_ns)
{
	bool added = false;
	struct table_entry *entry = table_put(&alive->left, id, &added);
	if (!entry)
		return false;
	if (added)
		entry->value = (void *)(uintptr_t)now_ns;
	return now_ns - (int64_t)(uintptr_t)entry->value < LEFT_NS;
}

static bool look_for_writer(struct alive *alive, struct slice id, int64_t now_ns)
{
	struct table_entry *left;
	switch (spool_find_writer(alive->store, id.data)) {
	case SPOOL_WRITER_LIVES:
		return true;
	case SPOOL_WRITER_LEFT:
		return may_still_come(alive, id, now_ns);
	default:
		left = table_find(&alive->left, id);
		if (left)
			table_remove(&alive->left, left);
		return false;
	}
}

bool alive_has_writer(struct alive *alive, const char *writer)
{
	int64_t now_ns = clock_mono_ns();
	struct slice id = slice_of(writer);
	bool added = false;
	if (now_ns - alive->writers_at_ns > KEEP_NS) {
		forget(&alive->writers);
		alive->writers_at_ns = now_ns;
	}
	struct table_entry *entry = table_put(&alive->writers, id, &added);
	if (!entry)
		return look_for_writer(alive, id, now_ns);
	if (added)
		entry->value = look_for_writer(alive, id, now_ns) ? entry : NULL;
	return entry->value != NULL;
}

/* ---- those of others ---- */

static void put_log(struct alive *alive, int fd_dir, const char *name)
{
	static const char ending[] = "/log.jsonl";
	char target[4096];
	ssize_t len = readlinkat(fd_dir, name, target, sizeof(target));
	struct stat st;
	if (len < (ssize_t)sizeof(ending) || len == sizeof(target) ||
		memcmp(target + len - (ssize_t)sizeof(ending) + 1, ending, sizeof(ending) - 1) != 0 ||
		fstatat(fd_dir, name, &st, 0) < 0)
		return;
	const uint64_t key[2] = {st.st_dev, st.st_ino};
	table_put(&alive->logs, (struct slice){(const char *)key, sizeof(key)}, NULL);
}

static void look_at_process(struct alive *alive, const char *pid)
{
	char path[300];
	struct dirent *entry;
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *dir =
		opendir(path); /* that of another user's process, or of one that is gone, cannot be opened */
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			put_log(alive, dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
}

static void look_at_processes(struct alive *alive)
{
	struct dirent *entry;
	char own[16];
	snprintf(
		own, sizeof(own), "%ld", (long)getpid()); /* it has logs open to read and to append to them */
	forget(&alive->logs);
	DIR *dir = opendir("/proc");
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && strcmp(entry->d_name, own) != 0)
			look_at_process(alive, entry->d_name);
	if (dir)
		closedir(dir);
}

bool alive_holds_log(struct alive *alive, dev_t dev, ino_t ino)
{
	int64_t now_ns = clock_mono_ns();
	const uint64_t key[2] = {dev, ino};
	if (!alive->logs_at_ns || now_ns - alive->logs_at_ns > KEEP_NS) {
		look_at_processes(alive);
		alive->logs_at_ns = clock_mono_ns();
	}
	return table_find(&alive->logs, (struct slice){(const char *)key, sizeof(key)}) != NULL;
}
