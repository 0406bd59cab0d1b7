/* cli/doctor_store.c: burr doctor: the store's folder, and the file system that it is on. */
#include "base/clean.h"
#include "base/json.h"
#include "catalog/place.h"
#include "cli/doctor.h"
#include "cli/human.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { STORE_FILE_MAX = 65536 };

/* ---- the folder ---- */

static void check_format(const struct store *store, struct findings *findings)
{
	CLEAN(buf_fini) struct buf path = BUF_INIT;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	int64_t format = 0;
	human_path(&path, store->path);
	burr_status status = file_read(store->dir_fd, ".burr-store", STORE_FILE_MAX, &text, NULL);
	if (status == BURR_ENOTFOUND)
		findings_add(findings, LEVEL_NOTE, "store",
			"burr or the first program that is tracked makes it one", "%s is not burr's yet",
			path.data);
	else if (status != BURR_OK || !json_to_int(json_find(buf_slice(&text), "format"), &format))
		findings_add(findings, LEVEL_PROBLEM, "store",
			"remove it, and burr serve --durability writes it anew",
			"%s: .burr-store cannot be read", path.data);
	else
		findings_add(findings, LEVEL_OK, "store", "", "%s, format %lld, durability %s", path.data,
			(long long)format, durability_name(store->durability));
}

void doctor_check_folder(const struct store *store, struct findings *findings)
{
	struct stat st;
	check_format(store, findings);
	if (fstat(store->dir_fd, &st) < 0) {
		findings_add(findings, LEVEL_PROBLEM, "access", "", "the folder: %s", strerror(errno));
		return;
	}
	const struct passwd *owner = getpwuid(st.st_uid);
	char user[64];
	if (owner)
		snprintf(user, sizeof(user), "%s", owner->pw_name);
	else
		snprintf(user, sizeof(user), "user %u", (unsigned)st.st_uid);
	const unsigned mode = st.st_mode & 07777;
	if (st.st_uid != geteuid())
		findings_add(findings, LEVEL_PROBLEM, "access",
			"be that user, or take another store with --store or BURR_STORE",
			"belongs to %s, who alone may write it", user);
	else if (mode & 022)
		findings_add(findings, LEVEL_PROBLEM, "access", "chmod 700 it",
			"belongs to %s, mode %04o: others can write it", user, mode);
	else if ((mode & 0700) != 0700)
		findings_add(findings, LEVEL_PROBLEM, "access", "chmod 700 it",
			"belongs to %s, mode %04o: its owner cannot use it", user, mode);
	else if (mode & 055)
		findings_add(findings, LEVEL_NOTE, "access", "chmod 700 it if they should not",
			"belongs to %s, mode %04o: others can look into it", user, mode);
	else
		findings_add(findings, LEVEL_OK, "access", "", "belongs to %s, mode %04o", user, mode);
}

/* ---- its file system ---- */

/* Below the first a program finds no room for a spool soon, below the second for what it spills. */
static const uint64_t SPACE_NEEDED = 64 << 20;
static const uint64_t SPACE_WANTED = 512 << 20;
enum { INODES_NEEDED = 1000 }; /* a run is a folder and four files */

static void put_room(struct buf *out, const struct statvfs *room, const char *name)
{
	uint64_t free_bytes = (uint64_t)room->f_bavail * room->f_frsize;
	buf_printf(out, "%s, ", name);
	human_bytes(out, free_bytes);
	buf_append_str(out, " free");
	if (room->f_blocks)
		buf_printf(out, " (%d %%)", (int)(100 * room->f_bavail / room->f_blocks));
	if (room->f_files) { /* btrfs and others have as many as they need */
		buf_append_str(out, ", ");
		human_count(out, room->f_favail);
		buf_append_str(out, " inodes free");
	}
}

void doctor_check_disk(const struct store *store, struct findings *findings)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	struct statvfs room;
	struct file_system fs;
	if (fstatvfs(store->dir_fd, &room) < 0 || !file_system_find(store->dir_fd, &fs)) {
		findings_add(findings, LEVEL_PROBLEM, "disk", "", "the file system: %s", strerror(errno));
		return;
	}
	uint64_t free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
	put_room(&text, &room, fs.name);
	enum level level = LEVEL_OK;
	const char *advice = "";
	if (room.f_flag & ST_RDONLY) {
		level = LEVEL_PROBLEM;
		advice = "it is mounted read-only: nothing can be recorded until it is mounted for writing";
	} else if (free_bytes < SPACE_NEEDED || (room.f_files && room.f_favail < INODES_NEEDED)) {
		level = LEVEL_PROBLEM;
		advice = "free some: without room records wait, and are dropped in the end";
	} else if (free_bytes < SPACE_WANTED) {
		level = LEVEL_NOTE;
		advice = "free some before it is full";
	} else if (fs.kind == FILE_SYSTEM_NETWORK) {
		level = LEVEL_NOTE;
		advice = "use the store from one machine at a time";
	} else if (fs.kind == FILE_SYSTEM_MEMORY) {
		level = LEVEL_NOTE;
		advice = "it is in memory, and gone when the machine starts anew";
	}
	findings_add(findings, level, "disk", advice, "%s", text.data ? text.data : "");
}
