#include "catalog/place.h"

#include "base/clean.h"
#include "base/error.h"
#include "catalog/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/vfs.h>

/* ---- file systems ---- */

#define NO_SHARED_MEMORY "machines that share it do not share memory, which SQLite's WAL needs"
#define NO_KNOWN_LOCKS "whether its locks and its shared memory hold depends on the program behind it"

bool file_system_find(int fd, struct file_system *out)
{
	static const struct file_system known[] = {
		{0xef53, "ext4", FILE_SYSTEM_DISK, NULL},
		{0x58465342, "xfs", FILE_SYSTEM_DISK, NULL},
		{0x9123683e, "btrfs", FILE_SYSTEM_DISK, NULL},
		{0x2fc12fc1, "zfs", FILE_SYSTEM_DISK, NULL},
		{0xf2f52010, "f2fs", FILE_SYSTEM_DISK, NULL},
		{0x794c7630, "overlayfs", FILE_SYSTEM_DISK, NULL},
		{0x01021994, "tmpfs", FILE_SYSTEM_MEMORY, NULL},
		{0x858458f6, "ramfs", FILE_SYSTEM_MEMORY, NULL},
		{0x65735546, "fuse", FILE_SYSTEM_DISK, NO_KNOWN_LOCKS},
		{0x6a656a63, "virtiofs", FILE_SYSTEM_DISK, NO_KNOWN_LOCKS},
		{0x786f4256, "vboxsf", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
		{0x01021997, "9p", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
		{0x6969, "nfs", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
		{0xff534d42, "cifs", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
		{0xfe534d42, "smb", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
		{0x517b, "smbfs", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
		{0x5346414f, "afs", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
		{0x73757245, "coda", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
		{0x00c36400, "ceph", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
		{0x0bd00bd0, "lustre", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
		{0x01161970, "gfs2", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
		{0x7461636f, "ocfs2", FILE_SYSTEM_NETWORK, NO_SHARED_MEMORY},
	};
	struct statfs type;
	if (fstatfs(fd, &type) < 0)
		return false;
	*out = (struct file_system){
		(uint32_t)type.f_type, "a file system of another kind", FILE_SYSTEM_DISK, NULL};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].magic == (uint32_t)type.f_type)
			*out = known[i];
	return true;
}

/* ---- the place ---- */

bool catalog_cache_folder(struct buf *out)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	if (cache && cache[0] == '/')
		buf_printf(out, "%s/burr", cache);
	else if (home && home[0] == '/')
		buf_printf(out, "%s/.cache/burr", home);
	return out->len > 0 && !out->failed;
}

static bool put_cache_place(struct buf *out, const struct store *store)
{
	/* By whatever way it was named: a link to it, or a relative path. */
	CLEAN(ptr_free) char *path = realpath(store->path, NULL);
	const char *name = path ? path : store->path;
	if (!catalog_cache_folder(out))
		return false;
	buf_printf(out, "/%016" PRIx64, bytes_hash(name, strlen(name), 6));
	return true;
}

burr_status catalog_place_find(const struct store *store, struct catalog_place *out, burr_error *err)
{
	const char *wanted = getenv("BURR_CATALOG");
	struct file_system fs = {.name = "a file system that does not tell its kind"};
	bool forced = wanted && (strcmp(wanted, "store") == 0 || strcmp(wanted, "cache") == 0);
	*out = (struct catalog_place){.folder = BUF_INIT, .why = BUF_INIT};
	(void)file_system_find(store->dir_fd, &fs); /* what is not known may hold it */
	out->in_cache = forced ? wanted[0] == 'c' : fs.no_catalog != NULL;
	if (forced)
		buf_printf(&out->why, "as BURR_CATALOG=%s says", wanted);
	else if (fs.no_catalog)
		buf_printf(&out->why, "not in the store, which is on %s: %s", fs.name, fs.no_catalog);
	else
		buf_printf(&out->why, "in the store, which is on %s", fs.name);
	if (!out->in_cache)
		buf_append_str(&out->folder, store->path);
	else if (!put_cache_place(&out->folder, store))
		return burr_fail(err, BURR_ENOTFOUND, "no cache folder for the catalog: HOME is not set");
	return out->folder.failed || out->why.failed ? burr_fail(err, BURR_ENOMEM, "no memory") : BURR_OK;
}

void catalog_place_fini(struct catalog_place *place)
{
	buf_fini(&place->folder);
	buf_fini(&place->why);
}
