/* spool/file.h: a spool's file: made, mapped and locked by its writer; looked at by everybody else.
 *
 * The file is the writer's for as long as the writer's mapping lives: the mapping keeps the file's lock, so
 * neither a host that closes all its descriptors nor a forked child (which does not get the mapping) can
 * break it, and the kernel gives it back at the process's end, however that comes.
 *
 * Threads: made under the spool's lock, settled by the shipper under it; spool_file_reserve and the filter
 * any; the rest any, each on its own descriptor. */
#ifndef SPOOL_FILE_H
#define SPOOL_FILE_H

#include "base/buf.h"
#include "spool/format.h"

#include <dirent.h>
#include <sys/types.h>

struct spool_file {
	char *map; /* SPOOL_BYTES; NULL: none */
	_Atomic bool is_private;
	int lock_fd; /* kept only where a mapping does not hold a lock (overlayfs); else -1 */
	dev_t dev;   /* which file it is: the host may close lock_fd and open its own under the number */
	ino_t ino;
	char writer[WRITER_ID_LEN + 1];
	char path[4096]; /* absolute, where the store's is */
};

#define SPOOL_FILE_INIT                       \
	{                                     \
		NULL, false, -1, 0, 0, "", "" \
	}

/* Make the spool of a new writer in the store's folder, with room for the shared lanes. Where the store has
 * no room or right for it, a private mapping of the same form takes its place (is_private; why is in *err).
 * BURR_ENOMEM: not even that. */
burr_status spool_file_make(const char *store_path, struct spool_file *out, burr_error *err);
/* The store has room again: give a private spool its file, with all that is in it, at the same address.
 * Nobody may write into a lane meanwhile; in_use says which lanes keep their place. False: there is no room
 * yet. */
bool spool_file_settle(struct spool_file *file, const char *store_path, const bool in_use[SPOOL_LANES]);
/* Take its name away: nothing is left in it. */
void spool_file_unlink(const struct spool_file *file, const char *store_path);
void spool_file_close(struct spool_file *file);
/* In a forked child: the parent's lock is the parent's alone. */
void spool_file_leave(struct spool_file *file);

static inline struct spool_header *spool_file_header(const struct spool_file *file)
{
	return (struct spool_header *)(void *)file->map;
}

static inline struct spool_lane_head *spool_file_lane_head(const struct spool_file *file, uint32_t lane)
{
	return (struct spool_lane_head *)(void *)(file->map + SPOOL_HEADS_AT) + lane;
}

static inline char *spool_file_ring(const struct spool_file *file, uint32_t lane)
{
	return file->map + SPOOL_LANES_AT + (size_t)lane * SPOOL_LANE_BYTES;
}

/* Give the lane's ring its place on the disk: before it is, a write to it could be a SIGBUS. */
bool spool_file_reserve(const struct spool_file *file, uint32_t lane);

/* ---- applications ---- */

/* A hash of an application's names, and the filter that says which ones a writer may record for. */
uint32_t spool_hash(struct slice project, struct slice app_id);
void spool_filter_add(char *map, uint32_t hash); /* map: the spool's */
bool spool_filter_has(const char *filter, uint32_t hash);

/* ---- somebody else's ---- */

/* The name of a spool in a store's folder: SPOOL_PREFIX and 16 hex digits. */
bool spool_name_is(const char *name);
/* To list a store's folder with; closedir's. NULL and errno. */
DIR *spool_list(int store_fd);
/* Open a spool by name; flags are open's. -1 and errno. */
int spool_open(int store_fd, const char *name, int flags);
/* Whether its writer lives: nobody else can have its lock. False leaves the lock with the descriptor. */
bool spool_is_locked(int fd);

/* A valid header of this version: BURR_OK; BURR_EVERSION; BURR_ECORRUPT. */
burr_status spool_read_header(int fd, struct spool_header *out, burr_error *err);

/* This boot's id, NUL-terminated; "" when the kernel does not tell. */
void spool_boot_id(char out[40]);
/* Whether its times are an earlier boot's. One that does not tell (its maker had no descriptor to ask with)
 * counts as this boot's: nobody waits for its writer's end. */
bool spool_is_of_old_boot(const struct spool_header *header);

#endif
