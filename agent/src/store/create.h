/* store/create.h: making an application's folder. Threads: any, with the right to
 * append; no log's lock is held, so two makers may meet, and link decides. Source: proto/DISK.md, Making an
 * application. */
#ifndef STORE_CREATE_H
#define STORE_CREATE_H

#include "store/line.h"
#include "store/store.h"

/* Make what is missing of the application that a RECORD_APPLICATION entry describes; what is there stays. The
 * caller has the right to append. With durability `power` all of it is on the disk on return.
 *
 * BURR_EEXIST: it exists under another partition key. BURR_EINVAL: a name. BURR_ELATER, BURR_EPERM, BURR_EIO.
 */
burr_status store_create_app(const struct store *store, const struct entry *entry,
	const struct line_context *context, burr_error *err);

/* Publish a small file in a folder, whole or not at all. One that is there already stays, unless it is empty
 * or no JSON object. *out_made (may be NULL): whether this call did it. */
burr_status file_publish(int dir_fd, const char *name, struct slice text, bool *out_made, burr_error *err);

/* Replace a small file whole: written aside, synced, renamed over it. */
burr_status file_replace(int dir_fd, const char *name, struct slice text, burr_error *err);

#endif
