/* cli/doctor_logs.c: burr doctor: the ends of logs, where a writer that was killed leaves its traces. */
#include "base/clean.h"
#include "cli/doctor.h"
#include "cli/human.h"
#include "store/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum {
	LOGS_MAX = 5000, /* of them the ends are read: under a second */
	TAIL_BYTES = 4096,
	NAMED_MAX = 3, /* torn ones that are named */
};

struct logs {
	uint64_t count;
	uint64_t torn_count;  /* end in half a line */
	uint64_t saved_count; /* have a log.jsonl.torn */
	uint64_t unreadable_count;
	struct buf torn; /* the first names */
	struct buf unreadable;
	bool capped;
};

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static DIR *open_dir(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static void add_name(struct buf *names, uint64_t already, const char *project, const char *app_id)
{
	if (already < NAMED_MAX)
		buf_printf(names, "%s%s/%s", names->len ? ", " : "", project, app_id);
	else if (already == NAMED_MAX)
		buf_append_str(names, ", …");
}

/* Something other than spaces after the last newline; a tail that was blanked is none. -1: unreadable. */
static int is_torn(int fd)
{
	char tail[TAIL_BYTES];
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	off_t at = st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;
	ssize_t got = S_ISREG(st.st_mode) ? pread(fd, tail, sizeof(tail), at) : -1;
	if (got < 0)
		return -1;
	while (got && tail[got - 1] == ' ')
		got--;
	return got && tail[got - 1] != '\n';
}

static void look_at(struct logs *logs, int project_fd, const char *project, const char *app_id)
{
	CLEAN(fd_close) int app_fd = openat(project_fd, app_id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (app_fd < 0)
		return; /* no folder, or deleted meanwhile */
	CLEAN(fd_close) int fd = openat(app_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	logs->saved_count += faccessat(app_fd, "log.jsonl.torn", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if (fd < 0 && errno == ENOENT)
		return;
	logs->count++;
	int torn = is_torn(fd);
	if (torn > 0)
		add_name(&logs->torn, logs->torn_count++, project, app_id);
	else if (torn < 0)
		add_name(&logs->unreadable, logs->unreadable_count++, project, app_id);
}

static void look_at_project(struct logs *logs, int store_fd, const char *project)
{
	struct dirent *entry;
	CLEAN(close_dir) DIR *dir = open_dir(store_fd, project);
	while (dir && !logs->capped && (entry = readdir(dir))) {
		if (name_check_app_id(slice_of(entry->d_name), NULL) != BURR_OK)
			continue;
		logs->capped = logs->count == LOGS_MAX;
		if (!logs->capped)
			look_at(logs, dirfd(dir), project, entry->d_name);
	}
}

static void add_logs(const struct logs *logs, struct findings *findings)
{
	CLEAN(buf_fini) struct buf count = BUF_INIT;
	human_count(&count, logs->count);
	if (logs->torn_count)
		findings_add(findings, LEVEL_NOTE, "logs",
			"the next record's writer mends it; that line alone is lost",
			"%llu end%s in half a line (%s)", (unsigned long long)logs->torn_count,
			logs->torn_count == 1 ? "s" : "", logs->torn.data ? logs->torn.data : "");
	if (logs->saved_count)
		findings_add(findings, LEVEL_NOTE, "logs", "remove log.jsonl.torn when you have seen it",
			"%llu had half a line, which is saved in log.jsonl.torn",
			(unsigned long long)logs->saved_count);
	if (logs->unreadable_count)
		findings_add(findings, LEVEL_PROBLEM, "logs", "see to their owner and mode, or to the disk",
			"%llu cannot be read (%s)", (unsigned long long)logs->unreadable_count,
			logs->unreadable.data ? logs->unreadable.data : "");
	if (logs->capped)
		findings_add(findings, LEVEL_NOTE, "logs", "burr verify reads all of them",
			"looked at the ends of %s only", count.data);
	else if (!logs->count)
		findings_add(findings, LEVEL_OK, "logs", "", "none yet");
	else if (!logs->torn_count && !logs->unreadable_count)
		findings_add(findings, LEVEL_OK, "logs", "", "%s, %s whole", count.data,
			logs->count == 1 ? "ends" : "all end");
}

void doctor_check_logs(const struct store *store, struct findings *findings)
{
	struct logs logs = {.torn = BUF_INIT, .unreadable = BUF_INIT};
	struct dirent *entry;
	CLEAN(close_dir) DIR *dir = open_dir(store->dir_fd, ".");
	if (!dir) {
		findings_add(findings, LEVEL_PROBLEM, "logs", "", "the folder: %s", strerror(errno));
		return;
	}
	while (!logs.capped && (entry = readdir(dir)))
		if (name_check_project(slice_of(entry->d_name), NULL) == BURR_OK)
			look_at_project(&logs, dirfd(dir), entry->d_name);
	findings->partial = logs.capped;
	add_logs(&logs, findings);
	buf_fini(&logs.torn);
	buf_fini(&logs.unreadable);
}
