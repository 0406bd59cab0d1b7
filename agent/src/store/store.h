/* store/store.h: the folder that holds everything: where it is, whether we may use it, and its two locks.
 *
 * Threads: store_open's result is read-only afterwards (but for store_set_durability and, with STORE_READ,
 * store_has_collector) and may be shared; each lock file's calls are made by one thread at a time (the
 * shipper; in a collector the main thread claims, the append thread has the right to append). Source:
 * proto/DISK.md. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"

enum store_mode {
	STORE_READ,  /* must exist; nothing is made or changed */
	STORE_WRITE, /* made where it is missing; must be ours */
};

/* What a power loss may take of what was acknowledged; a property of the store, in its .burr-store. Rising.
 */
enum durability {
	DURABILITY_OS,    /* what the kernel has not written yet */
	DURABILITY_GROUP, /* the last 100 ms */
	DURABILITY_POWER, /* nothing */
};

struct store {
	char *path;       /* absolute where the current folder could be read; for messages and children */
	int dir_fd;       /* the folder itself: all paths are relative to it */
	int append_fd;    /* .burr-append; -1 in STORE_READ */
	int collector_fd; /* .burr-collector, for asking; -1 in STORE_READ where there is none */
	enum durability durability;
};

/* The store's place: `option`, else BURR_STORE, else burr_path, else ~/.burr; "~" is expanded. This is the
 * one function that decides it. The result is yours to free; NULL without memory or without any home. */
char *store_find_path(const char *option);

/* Open the store at store_find_path(option).
 *
 * Errors: BURR_ENOTFOUND (STORE_READ and no such folder), BURR_EIO, BURR_EPERM (not writable, or somebody
 * else's), BURR_EVERSION (a newer format). Each names the folder. */
burr_status store_open(const char *option, enum store_mode mode, struct store **out, burr_error *err);
void store_close(struct store *store);

/* "os", "group", "power"; false when text is none of them. */
const char *durability_name(enum durability durability);
bool durability_find(const char *text, enum durability *out);
/* Write it into .burr-store, from which whoever opens the store later takes it. Not while others of our
 * threads use the store. BURR_EIO, BURR_EPERM. */
burr_status store_set_durability(struct store *store, enum durability durability, burr_error *err);

/* For a forked child: close the descriptors that hold the parent's locks and open others. */
void store_reopen_locks(struct store *store);

/* ---- the right to append ---- */

/* Without waiting: true when we now hold it together with other writers. */
bool store_lock_append_shared(struct store *store);
/* The collector's: without waiting; true when we now hold it alone. */
bool store_lock_append_exclusive(struct store *store);
void store_unlock_append(struct store *store);

/* Whether a collector is there: somebody holds .burr-collector. *out_pid (may be NULL): its process, 0 if the
 * kernel does not tell. */
bool store_has_collector(struct store *store, int64_t *out_pid);
/* Become the store's collector: hold .burr-collector until the store is closed or this process ends. False:
 * another one does. */
bool store_claim_collector(struct store *store);
/* The claimant's note about itself, for store_read_collector. */
burr_status store_write_collector(struct store *store, struct slice text, burr_error *err);
/* What the collector wrote about itself, one JSON object: {"pid","url","version"}; empty when there is none.
 */
void store_read_collector(struct store *store, struct buf *out);

/* ---- folders ---- */

/* The folder of a project or an application, opened for openat. BURR_ENOTFOUND, BURR_EIO, BURR_EPERM. Names
 * are checked here too. Closed by the caller. */
/* Whether the folder that was opened is still what lies at its path: a store may be moved or removed under
 * us. */
bool store_is_in_place(const struct store *store);
burr_status store_open_project(const struct store *store, struct slice project, int *out_fd, burr_error *err);
burr_status store_open_app(
	const struct store *store, struct slice project, struct slice app_id, int *out_fd, burr_error *err);

/* A whole small file below dir_fd, at most max bytes. BURR_ENOTFOUND, BURR_ETOOBIG, BURR_ELATER (it cannot be
 * read now), BURR_EIO (not a file), BURR_EPERM, BURR_ENOMEM. */
burr_status file_read(int dir_fd, const char *name, size_t max, struct buf *out, burr_error *err);

/* The code for an errno of the file system: what can pass is BURR_ELATER (no space, quota, descriptors, EIO),
 * what stays is BURR_ENOTFOUND, BURR_EPERM, BURR_EIO. */
burr_status store_errno_status(int error);

#endif
