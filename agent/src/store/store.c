#include "store/store.h"

#include "base/clean.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "store/create.h"
#include "store/names.h"
#include "wire/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORE_FORMAT = 1, STORE_FILE_MAX = 65536 };

static const char STORE_FILE[] = ".burr-store";
static const char APPEND_FILE[] = ".burr-append";
static const char COLLECTOR_FILE[] = ".burr-collector";

/* ---- its place ---- */

static char *home_folder(void)
{
	const char *home = getenv("HOME");
	if (home && *home)
		return strdup(home);
	struct passwd entry;
	struct passwd *found = NULL;
	char text[4096];
	if (getpwuid_r(geteuid(), &entry, text, sizeof(text), &found) == 0 && found)
		return strdup(found->pw_dir);
	return NULL;
}

static char *join(const char *folder, const char *rest)
{
	struct buf path = BUF_INIT;
	buf_printf(&path, "%s%s", folder, rest);
	return buf_take(&path);
}

static char *expand(const char *path)
{
	if (path[0] == '~' && (path[1] == '/' || !path[1])) {
		CLEAN(ptr_free) char *home = home_folder();
		return home ? join(home, path + 1) : NULL;
	}
	if (path[0] == '/')
		return strdup(path);
	CLEAN(ptr_free) char *here = getcwd(NULL, 0);
	CLEAN(ptr_free) char *tail = join("/", path);
	return here && tail ? join(here, tail) : strdup(path);
}

char *store_find_path(const char *option)
{
	static const char *const variables[] = {"BURR_STORE", "burr_path"};
	if (option && *option)
		return expand(option);
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		const char *value = getenv(variables[i]);
		if (value && *value)
			return expand(value);
	}
	return expand("~/.burr");
}

/* ---- opening ---- */

/* Only what says that it stays so is for good: ENOSPC, EIO, a disk that the kernel has made read-only, a
 * limit of this process and whatever a file system may come up with can pass. */
burr_status store_errno_status(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return BURR_ENOTFOUND;
	case EACCES:
	case EPERM:
		return BURR_EPERM;
	case EISDIR:
	case ELOOP:
	case ENAMETOOLONG:
		return BURR_EIO;
	default:
		return BURR_ELATER;
	}
}

/* While a store is opened there is nothing yet that could be tried again later. */
static burr_status fail_open(const char *path, const char *what, burr_error *err)
{
	burr_status status = store_errno_status(errno);
	return burr_fail(err, status == BURR_ELATER ? BURR_EIO : status, "store %s: %s: %s", path, what,
		strerror(errno));
}

static int make_folders(const char *path)
{
	CLEAN(ptr_free) char *copy = strdup(path);
	if (!copy)
		return -1;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return mkdir(copy, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

static burr_status open_folder(struct store *store, enum store_mode mode, burr_error *err)
{
	if (mode == STORE_WRITE && make_folders(store->path) < 0)
		return fail_open(store->path, "cannot make the folder", err);
	store->dir_fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir_fd < 0)
		return fail_open(store->path, "cannot open the folder", err);
	struct stat st;
	if (fstat(store->dir_fd, &st) < 0)
		return fail_open(store->path, "cannot look at the folder", err);
	if (mode == STORE_WRITE && st.st_uid != geteuid())
		return burr_fail(err, BURR_EPERM,
			"store %s belongs to user %u, and this is user %u: choose another with BURR_STORE or "
			"--store",
			store->path, (unsigned)st.st_uid, (unsigned)geteuid());
	return BURR_OK;
}

static const char *const durability_names[] = {"os", "group", "power"};

const char *durability_name(enum durability durability)
{
	return durability_names[durability];
}

bool durability_find(const char *text, enum durability *out)
{
	for (int i = DURABILITY_OS; i <= DURABILITY_POWER; i++) {
		if (strcmp(durability_names[i], text) != 0)
			continue;
		*out = (enum durability)i;
		return true;
	}
	return false;
}

/* A later version may know further ones: what it asks for is met by the strictest of ours. */
static void read_durability(struct store *store, struct slice text)
{
	CLEAN(buf_fini) struct buf name = BUF_INIT;
	struct slice value = json_find(text, "durability");
	store->durability = DURABILITY_OS;
	if (!value.data || (json_to_text(value, &name) && durability_find(name.data, &store->durability)))
		return;
	store->durability = DURABILITY_POWER;
	diag_say("store %s: durability %.*s is not known here: taken as \"power\"", store->path,
		SLICE_ARG(value));
}

static burr_status check_format(struct store *store, burr_error *err)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	burr_status status = file_read(store->dir_fd, STORE_FILE, STORE_FILE_MAX, &text, NULL);
	int64_t format = STORE_FORMAT;
	if (status != BURR_OK)
		return BURR_OK;
	if (json_to_int(json_find(buf_slice(&text), "format"), &format) && format > STORE_FORMAT)
		return burr_fail(err, BURR_EVERSION, "store %s has format %lld, and burr %s knows up to %d",
			store->path, (long long)format, burr_version(), STORE_FORMAT);
	read_durability(store, buf_slice(&text));
	return BURR_OK;
}

/* Keys that only a later version knows stay. */
static void put_store_file(struct buf *out, struct slice before, enum durability durability)
{
	struct slice key;
	struct slice value;
	struct json_iter it = json_iter(before);
	json_put_open(out, '{');
	json_put_member_int(out, "format", STORE_FORMAT);
	json_put_member(out, "durability", slice_of(durability_name(durability)));
	while (json_next_member(&it, &key, &value)) {
		if (slice_is(key, "format") || slice_is(key, "durability"))
			continue;
		json_put_key(out, SLICE_NONE);
		out->len -= 2; /* the key comes as it is escaped already: between these quotes */
		buf_append_slice(out, key);
		buf_append_str(out, "\":");
		json_put_raw(out, value);
	}
	json_put_close(out, '}');
	buf_append_char(out, '\n');
}

burr_status store_set_durability(struct store *store, enum durability durability, burr_error *err)
{
	CLEAN(buf_fini) struct buf before = BUF_INIT;
	CLEAN(buf_fini) struct buf after = BUF_INIT;
	if (file_read(store->dir_fd, STORE_FILE, STORE_FILE_MAX, &before, NULL) != BURR_OK ||
		json_validate(buf_slice(&before), NULL, NULL) != BURR_OK)
		buf_clear(&before);
	put_store_file(&after, buf_slice(&before), durability);
	if (after.failed)
		return burr_fail(err, BURR_ENOMEM, "no memory to write %s", STORE_FILE);
	burr_status status = file_replace(store->dir_fd, STORE_FILE, buf_slice(&after), err);
	if (status != BURR_OK)
		return burr_fail_in(err, BURR_EIO, "store %s", store->path);
	store->durability = durability;
	return BURR_OK;
}

/* The first libburr here leaves the format's version. Written aside and linked, so nobody reads half of it.
 */
static burr_status leave_format(struct store *store, burr_error *err)
{
	if (faccessat(store->dir_fd, STORE_FILE, F_OK, 0) == 0)
		return BURR_OK;
	char temp[64];
	char token[RANDOM_HEX_LEN + 1];
	random_hex(token);
	snprintf(temp, sizeof(temp), "%s.%s", STORE_FILE, token);
	CLEAN(fd_close) int fd = openat(store->dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_open(store->path, "cannot write in the folder", err);
	static const char text[] = "{\"format\":1,\"durability\":\"os\"}\n";
	bool ok = write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1 &&
		  (linkat(store->dir_fd, temp, store->dir_fd, STORE_FILE, 0) == 0 || errno == EEXIST);
	burr_status status = ok ? BURR_OK : fail_open(store->path, "cannot write .burr-store", err);
	unlinkat(store->dir_fd, temp, 0);
	return status;
}

static burr_status open_locks(struct store *store, burr_error *err)
{
	store->append_fd = openat(store->dir_fd, APPEND_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->append_fd < 0)
		return fail_open(store->path, "cannot open .burr-append", err);
	store->collector_fd = openat(store->dir_fd, COLLECTOR_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->collector_fd < 0)
		return fail_open(store->path, "cannot open .burr-collector", err);
	return BURR_OK;
}

static burr_status open_all(struct store *store, enum store_mode mode, burr_error *err)
{
	burr_status status = open_folder(store, mode, err);
	if (status == BURR_OK)
		status = check_format(store, err);
	if (status != BURR_OK)
		return status;
	if (mode == STORE_READ) {
		store->collector_fd = openat(store->dir_fd, COLLECTOR_FILE, O_RDONLY | O_CLOEXEC);
		return BURR_OK;
	}
	status = leave_format(store, err);
	return status == BURR_OK ? open_locks(store, err) : status;
}

burr_status store_open(const char *option, enum store_mode mode, struct store **out, burr_error *err)
{
	struct store *store = calloc(1, sizeof(*store));
	if (!store)
		return burr_fail(err, BURR_ENOMEM, "no memory to open a store");
	store->dir_fd = store->append_fd = store->collector_fd = -1;
	store->path = store_find_path(option);
	burr_status status =
		store->path ? open_all(store, mode, err)
			    : burr_fail(err, BURR_ENOTFOUND, "no store: HOME is not set, nor is BURR_STORE");
	if (status != BURR_OK) {
		store_close(store);
		return status;
	}
	*out = store;
	return BURR_OK;
}

bool store_is_in_place(const struct store *store)
{
	struct stat ours;
	struct stat there;
	return fstat(store->dir_fd, &ours) == 0 && stat(store->path, &there) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

void store_reopen_locks(struct store *store)
{
	fd_close(&store->append_fd);
	fd_close(&store->collector_fd);
	/* Without them every lock attempt fails, and records wait and are counted as in any outage. */
	if (open_locks(store, NULL) != BURR_OK)
		fd_close(&store->append_fd);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	fd_close(&store->append_fd);
	fd_close(&store->collector_fd);
	fd_close(&store->dir_fd);
	free(store->path);
	free(store);
}

/* ---- locks ---- */

bool store_lock_append_shared(struct store *store)
{
	return flock(store->append_fd, LOCK_SH | LOCK_NB) == 0;
}

bool store_lock_append_exclusive(struct store *store)
{
	return flock(store->append_fd, LOCK_EX | LOCK_NB) == 0;
}

void store_unlock_append(struct store *store)
{
	flock(store->append_fd, LOCK_UN);
}

bool store_has_collector(struct store *store, int64_t *out_pid)
{
	if (store->collector_fd < 0) /* opened for reading before there was one */
		store->collector_fd = openat(store->dir_fd, COLLECTOR_FILE, O_RDONLY | O_CLOEXEC);
	if (store->collector_fd < 0)
		return false;
	/* A read lock may be asked about through a read-only descriptor, and collides with the writer's. */
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	if (fcntl(store->collector_fd, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return false;
	if (out_pid)
		*out_pid = lock.l_pid > 0 ? lock.l_pid : 0;
	return true;
}

bool store_claim_collector(struct store *store)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	return fcntl(store->collector_fd, F_OFD_SETLK, &lock) == 0;
}

burr_status store_write_collector(struct store *store, struct slice text, burr_error *err)
{
	if (ftruncate(store->collector_fd, 0) < 0 ||
		pwrite(store->collector_fd, text.data, text.len, 0) != (ssize_t)text.len)
		return fail_open(store->path, "cannot write .burr-collector", err);
	return BURR_OK;
}

void store_read_collector(struct store *store, struct buf *out)
{
	buf_clear(out);
	if (!store_has_collector(store, NULL))
		return;
	if (file_read(store->dir_fd, COLLECTOR_FILE, STORE_FILE_MAX, out, NULL) != BURR_OK)
		buf_clear(out);
}

/* ---- folders and files ---- */

static burr_status open_below(int dir_fd, struct slice name, const char *what, int *out_fd, burr_error *err)
{
	char path[APP_ID_MAX + PROJECT_NAME_MAX];
	memcpy(path, name.data, name.len);
	path[name.len] = '\0';
	int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		burr_status status = store_errno_status(errno);
		if (status == BURR_ENOTFOUND)
			return burr_fail(err, status, "no %s %s in the store", what, path);
		return burr_fail(err, status, "%s %s: %s", what, path, strerror(errno));
	}
	*out_fd = fd;
	return BURR_OK;
}

burr_status store_open_project(const struct store *store, struct slice project, int *out_fd, burr_error *err)
{
	burr_status status = name_check_project(project, err);
	if (status != BURR_OK)
		return status;
	return open_below(store->dir_fd, project, "project", out_fd, err);
}

burr_status store_open_app(
	const struct store *store, struct slice project, struct slice app_id, int *out_fd, burr_error *err)
{
	CLEAN(fd_close) int project_fd = -1;
	burr_status status = name_check_app_id(app_id, err);
	if (status == BURR_OK)
		status = store_open_project(store, project, &project_fd, err);
	if (status != BURR_OK)
		return status;
	status = open_below(project_fd, app_id, "application", out_fd, err);
	return status == BURR_OK ? BURR_OK : burr_fail_in(err, status, "project %.*s", SLICE_ARG(project));
}

burr_status file_read(int dir_fd, const char *name, size_t max, struct buf *out, burr_error *err)
{
	CLEAN(fd_close) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0) {
		burr_status status = store_errno_status(errno);
		return burr_fail(err, status, "open %s: %s", name, strerror(errno));
	}
	if (!S_ISREG(st.st_mode))
		return burr_fail(err, BURR_EIO, "%s is not a file", name);
	buf_clear(out);
	for (;;) {
		char *to = buf_reserve(out, 65536);
		if (!to)
			return burr_fail(err, BURR_ENOMEM, "no memory to read %s", name);
		ssize_t got = read(fd, to, 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return burr_fail(
				err, store_errno_status(errno), "read %s: %s", name, strerror(errno));
		out->len += (size_t)got;
		out->data[out->len] = '\0';
		if (got == 0)
			return BURR_OK;
		if (out->len > max)
			return burr_fail(err, BURR_ETOOBIG, "%s is larger than %zu bytes", name, max);
	}
}
