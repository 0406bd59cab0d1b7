/* catalog/place.h: where the catalog of a store lies.
 *
 * In the store, where its file system can hold one. SQLite's WAL needs memory that all processes of the file
 * share, and locks that hold: network file systems have neither, and of FUSE nobody knows. There the catalog
 * lies in the user's cache folder, which is of this machine: $XDG_CACHE_HOME/burr/<hash of the store's path>,
 * with the store's path in the file `store` beside it. BURR_CATALOG=store or =cache decides it otherwise. Any
 * thread. */
#ifndef CATALOG_PLACE_H
#define CATALOG_PLACE_H

#include "base/buf.h"
#include "store/store.h"

enum file_system_kind { FILE_SYSTEM_DISK, FILE_SYSTEM_MEMORY, FILE_SYSTEM_NETWORK };

struct file_system {
	uint32_t magic; /* statfs's f_type */
	const char *name;
	enum file_system_kind kind;
	const char *no_catalog; /* why no catalog may lie there; NULL: it may */
};

/* What fd lies on. False: it does not tell. */
bool file_system_find(int fd, struct file_system *out);

struct catalog_place {
	bool in_cache;
	struct buf folder;
	struct buf why; /* for people */
};

/* out: freed by catalog_place_fini. BURR_ENOTFOUND: it belongs in the cache folder, and there is none, as
 * HOME is not set. */
burr_status catalog_place_find(const struct store *store, struct catalog_place *out, burr_error *err);
void catalog_place_fini(struct catalog_place *place);
/* The cache folder of all stores, $XDG_CACHE_HOME/burr; false where there is none. */
bool catalog_cache_folder(struct buf *out);

#endif
