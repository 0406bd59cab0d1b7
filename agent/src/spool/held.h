/* spool/held.h: what spools hold that may not be in its log yet: read out of somebody else's spool, dead or
 * alive, without a mapping and without a word to its writer.
 *
 * A writer's records move from its lanes to its spill file to their logs. Who reads in that order meets each
 * at least once; a record's identity tells which were met twice. Threads: one at a time per struct foreign.
 */
#ifndef SPOOL_HELD_H
#define SPOOL_HELD_H

#include "spool/file.h"
#include "store/foreign.h"
#include "store/store.h"

/* One application, all of a project (no app_id), or all (no project). */
struct held_filter {
	struct slice project;
	struct slice app_id;
	uint32_t hash;
	int64_t before_ns;   /* only entries whose time is before this */
	bool own_times;      /* an earlier boot's stay as they are, for who compares them with that boot's;
			      * else they come out as before all of this one's */
	bool leaves_spilled; /* of what a spill file holds, which may be hundreds of megabytes, only the
			      * places are kept: `elsewhere`, for held_fetch */
};

/* What is wrong with a spool. */
struct held_damage {
	uint64_t lost_bytes; /* that should have been entries and are none: a machine that lost its power
			      * leaves them */
	bool unreadable;     /* the disk does not give some of it (EIO) */
};

/* Add what the spool in `fd`, of this name in the store, holds. out_damage may be NULL. BURR_EIO,
 * BURR_ENOMEM, BURR_ECORRUPT, BURR_EVERSION. */
burr_status held_read(const struct store *store, int fd, const char *name, const struct held_filter *filter,
	struct foreign *out, struct held_damage *out_damage, burr_error *err);
/* The same of a dead writer's spool, all of it, in pieces of a few megabytes, in the order in which they go
 * into the logs: what its spill file holds as it stands there, then its lanes in the order of time. Between
 * pieces *piece is emptied of its entries. A visitor that fails ends it; its status is what is returned.
 * salvages: what the disk does not give of lanes and spill file is lost, and the rest is read. */
typedef burr_status held_visit_fn(void *ctx, const struct foreign *piece);
burr_status held_read_pieces(const struct store *store, int fd, const char *name, bool salvages,
	held_visit_fn *visit, void *ctx, struct held_damage *out_damage, burr_error *err);
/* A spill file out of which entries are read one by one. */
struct held_spill {
	const struct store *store; /* borrowed */
	char writer[WRITER_ID_LEN];
	int fd;      /* -1: none is open */
	uint64_t at; /* in the file, of `bytes`: mostly the next entry is there, too */
	struct buf bytes;
};

/* A foreign_fetch_fn; its first argument is a struct held_spill. An entry that has moved since its place was
 * read is not found. */
bool held_fetch(
	void *spill, const struct foreign_writer *writer, const struct foreign_entry *at, struct slice *out);
/* Close the file. Begin anew, or end, with it. */
void held_spill_close(struct held_spill *spill);

/* In the order of time; a lane's in its own. */
void held_sort(struct foreign *held);

/* Add what all spools of the store hold of an application, sorted. BURR_EIO: one cannot be read. What is
 * none, or of another version, is left out. */
burr_status held_read_all(
	const struct store *store, const struct held_filter *filter, struct foreign *out, burr_error *err);

/* What of it is an application's, as the lines that its log will get, without those that the log (log_fd, -1:
 * none) has already in its first log_len bytes.
 *
 * *out_moved: a side file has gone since the spool was read, and with it a record into the log, behind
 * log_len perhaps: read both again. If it is still so then, the record is lost. */
burr_status held_put_lines(const struct store *store, const struct foreign *held, struct slice app_id,
	int log_fd, uint64_t log_len, struct buf *out, bool *out_moved, burr_error *err);

#endif
