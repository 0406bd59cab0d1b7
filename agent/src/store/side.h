/* store/side.h: the records that are too large for a message: each in a hidden file of its own at the top of
 * the store, written by the writer before the entry that names it, removed by the writer, or by who recovers
 * its spool, once the entry is acknowledged. Threads: one at a time per `out`.
 * Source: proto/DISK.md, Side files. */
#ifndef STORE_SIDE_H
#define STORE_SIDE_H

#include "store/store.h"
#include "wire/entry.h"

enum { SIDE_NAME_SIZE = 64 }; /* ".burr-spool-" + 16 + 1 + 10 + 1 + 20 and the NUL */

/* ".burr-spool-<writer>.<lane>.<n>"; size at least SIDE_NAME_SIZE. */
void side_file_name(char *out, size_t size, struct slice writer, uint32_t lane, uint64_t n);

/* The content of an entry's side file, into out, which is cleared before.
 *
 * BURR_ENOTFOUND: it is not there, is no file, or is not as long as the entry says: the record is lost.
 * BURR_ETOOBIG: longer than a record may be. BURR_EPERM: it may not be read. BURR_ELATER: it cannot be read
 * now. */
burr_status side_read(const struct store *store, struct slice writer, const struct entry *entry,
	struct buf *out, burr_error *err);

#endif
