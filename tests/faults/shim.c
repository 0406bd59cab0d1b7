/* faults/shim.c: a library for LD_PRELOAD that stands between a program and a store's disk, and its clock.
 *
 * The driver holds the other end of a shared page, the file $FAULTS_CONTROL (struct control), and may change
 * it at any time. Only files below $FAULTS_STORE are concerned: never a socket, a pipe, or what is told to
 * the referee. As a disk does, a full one refuses what needs room (writes, reservations, new names), after
 * cutting the first write short; a failing one refuses every call that is here.
 *
 * The calls are the ones that the program makes through libc; the 64-bit names are the same calls. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum op { OP_ANY, OP_WRITE, OP_SYNC, OP_OPEN, OP_LINK, OP_MAP, OP_TRUNCATE, OP_ALLOCATE };
enum mode { MODE_WHOLE, MODE_FULL, MODE_FAILING };
/* FAIL: with an error. SHORT: only half is written. CUT: so, and the next call of its kind fails. DIE: the
 * call is made, and kills the process before it returns. TEAR: if it writes, half is
 * written, and the process dies. */
enum fate { PASS, FAIL, SHORT, CUT, DIE, TEAR };

/* drive.py writes it by the same layout. */
struct control {
	_Atomic uint32_t mode;
	_Atomic uint32_t countdown; /* the call that brings it to 0 meets its fate; 0: none */
	_Atomic uint32_t only;      /* calls that count down: an op, or OP_ANY */
	_Atomic uint32_t fate;      /* of that call; what cannot be cut short fails */
	_Atomic int32_t error;      /* what it fails with */
	_Atomic int32_t clock_ms;   /* added to the wall clock */
	_Atomic uint32_t cut;       /* calls that were cut short since the mode was set */
	char part[36];              /* of the path of a file whose calls count down; "": any */
};

static struct control *control;
static char store[PATH_MAX];
static size_t store_len;

#define REAL(name) ((__typeof__(&name))find_real(&real_##name, #name))
#define REAL_OF(name) static void *real_##name

REAL_OF(write);
REAL_OF(pwrite);
REAL_OF(writev);
REAL_OF(pwritev);
REAL_OF(fsync);
REAL_OF(fdatasync);
REAL_OF(syncfs);
REAL_OF(openat);
REAL_OF(linkat);
REAL_OF(mmap);
REAL_OF(ftruncate);
REAL_OF(posix_fallocate);
REAL_OF(clock_gettime);

static void *find_real(void **known, const char *name)
{
	if (!*known)
		*known = dlsym(RTLD_NEXT, name);
	return *known;
}

__attribute__((constructor)) static void init(void)
{
	const char *path = getenv("FAULTS_CONTROL");
	const char *folder = getenv("FAULTS_STORE");
	if (!path || !folder)
		return;
	store_len = (size_t)snprintf(store, sizeof(store), "%s", folder);
	int fd = REAL(openat)(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	void *page = REAL(mmap)(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (page != MAP_FAILED)
		control = page;
}

/* ---- which calls, and what becomes of them ---- */

static bool is_armed(void)
{
	return control && (control->mode != MODE_WHOLE || control->countdown != 0);
}

static void find_path(int fd, char path[PATH_MAX])
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, PATH_MAX - 1);
	path[len < 0 ? 0 : len] = '\0';
}

static void find_path_at(int dir_fd, const char *name, char path[PATH_MAX])
{
	path[0] = '\0';
	if (name[0] != '/')
		find_path(dir_fd, path);
	size_t len = strlen(path);
	snprintf(path + len, PATH_MAX - len, "/%s", name + (name[0] == '/'));
}

static bool is_below_store(const char *path)
{
	return strncmp(path, store, store_len) == 0 && (path[store_len] == '/' || !path[store_len]);
}

static bool counts_down(enum op op, const char *path)
{
	if ((control->only != OP_ANY && control->only != op) || !strstr(path, control->part))
		return false;
	uint32_t left = control->countdown;
	while (left && !atomic_compare_exchange_weak(&control->countdown, &left, left - 1)) {
	}
	return left == 1;
}

static enum fate fail(int error)
{
	errno = error;
	return FAIL;
}

static enum fate nth_fate(bool can_cut)
{
	enum fate fate = control->fate;
	if (!can_cut && fate != DIE && fate != TEAR)
		return fail(control->error);
	if (fate == CUT) {
		control->fate = FAIL;
		control->countdown = 1;
	}
	return fate == FAIL ? fail(control->error) : fate;
}

/* needs_room: on a full disk it fails. Sets errno where it says FAIL, and leaves it alone otherwise. */
static enum fate fate_of(enum op op, const char *path, bool needs_room, size_t len)
{
	bool can_cut = op == OP_WRITE && len > 1;
	if (!is_below_store(path))
		return PASS;
	switch (atomic_load(&control->mode)) {
	case MODE_FULL:
		if (!needs_room)
			return PASS;
		return can_cut && control->cut++ == 0 ? SHORT : fail(ENOSPC);
	case MODE_FAILING:
		return fail(EIO);
	default:
		return counts_down(op, path) ? nth_fate(can_cut) : PASS;
	}
}

static enum fate fate_of_fd(enum op op, int fd, bool needs_room, size_t len)
{
	char path[PATH_MAX];
	if (!is_armed())
		return PASS;
	int before = errno;
	find_path(fd, path);
	errno = before;
	return fate_of(op, path, needs_room, len);
}

/* What a call returns, unless its fate is to die. */
#define RETURN(fate, made)                           \
	do {                                         \
		__typeof__(made) result = made;      \
		if ((fate) == DIE || (fate) == TEAR) \
			kill(getpid(), SIGKILL);     \
		return result;                       \
	} while (0)

static size_t part_of(size_t len, enum fate fate)
{
	return fate == SHORT || fate == CUT || fate == TEAR ? len / 2 : len;
}

/* ---- the calls ---- */

ssize_t write(int fd, const void *bytes, size_t len)
{
	enum fate fate = fate_of_fd(OP_WRITE, fd, true, len);
	if (fate == FAIL)
		return -1;
	RETURN(fate, REAL(write)(fd, bytes, part_of(len, fate)));
}

/* What is there already is written over on a full disk, too. */
static bool grows(int fd, size_t len, off_t at)
{
	struct stat st;
	int before = errno;
	bool within = fstat(fd, &st) == 0 && at + (off_t)len <= st.st_size;
	errno = before;
	return !within;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	enum fate fate = fate_of_fd(OP_WRITE, fd, grows(fd, len, at), len);
	if (fate == FAIL)
		return -1;
	RETURN(fate, REAL(pwrite)(fd, bytes, part_of(len, fate), at));
}

/* Of several pieces, the part is half of the first. */
static size_t first_len(const struct iovec *pieces, int count)
{
	return count > 0 ? pieces[0].iov_len : 0;
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
	enum fate fate = fate_of_fd(OP_WRITE, fd, true, first_len(pieces, count));
	if (fate == FAIL)
		return -1;
	if (fate == PASS || fate == DIE)
		RETURN(fate, REAL(writev)(fd, pieces, count));
	RETURN(fate, REAL(write)(fd, pieces[0].iov_base, part_of(pieces[0].iov_len, fate)));
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at)
{
	enum fate fate = fate_of_fd(OP_WRITE, fd, true, first_len(pieces, count));
	if (fate == FAIL)
		return -1;
	if (fate == PASS || fate == DIE)
		RETURN(fate, REAL(pwritev)(fd, pieces, count, at));
	RETURN(fate, REAL(pwrite)(fd, pieces[0].iov_base, part_of(pieces[0].iov_len, fate), at));
}

int fsync(int fd)
{
	enum fate fate = fate_of_fd(OP_SYNC, fd, false, 0);
	if (fate == FAIL)
		return -1;
	RETURN(fate, REAL(fsync)(fd));
}

int fdatasync(int fd)
{
	enum fate fate = fate_of_fd(OP_SYNC, fd, false, 0);
	if (fate == FAIL)
		return -1;
	RETURN(fate, REAL(fdatasync)(fd));
}

int syncfs(int fd)
{
	enum fate fate = fate_of_fd(OP_SYNC, fd, false, 0);
	if (fate == FAIL)
		return -1;
	RETURN(fate, REAL(syncfs)(fd));
}

static int open_any(int dir_fd, const char *name, int flags, mode_t mode)
{
	enum fate fate = PASS;
	if (is_armed()) {
		char path[PATH_MAX];
		int before = errno;
		find_path_at(dir_fd, name, path);
		bool makes = (flags & O_CREAT) && faccessat(dir_fd, name, F_OK, 0) != 0;
		errno = before;
		fate = fate_of(OP_OPEN, path, makes || (flags & O_TMPFILE) == O_TMPFILE, 0);
	}
	if (fate == FAIL)
		return -1;
	RETURN(fate, REAL(openat)(dir_fd, name, flags, mode));
}

#define MODE_OF(flags, mode)                                         \
	mode_t mode = 0;                                             \
	if (((flags)&O_CREAT) || ((flags)&O_TMPFILE) == O_TMPFILE) { \
		va_list args;                                        \
		va_start(args, flags);                               \
		mode = va_arg(args, mode_t);                         \
		va_end(args);                                        \
	}

int openat(int dir_fd, const char *name, int flags, ...)
{
	MODE_OF(flags, mode)
	return open_any(dir_fd, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
	MODE_OF(flags, mode)
	return open_any(AT_FDCWD, name, flags, mode);
}

int linkat(int old_dir_fd, const char *old_name, int dir_fd, const char *name, int flags)
{
	enum fate fate = PASS;
	if (is_armed()) {
		char path[PATH_MAX];
		int before = errno;
		find_path_at(dir_fd, name, path);
		errno = before;
		fate = fate_of(OP_LINK, path, true, 0);
	}
	if (fate == FAIL)
		return -1;
	RETURN(fate, REAL(linkat)(old_dir_fd, old_name, dir_fd, name, flags));
}

int link(const char *old_name, const char *name)
{
	return linkat(AT_FDCWD, old_name, AT_FDCWD, name, 0);
}

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	enum fate fate = fd < 0 ? PASS : fate_of_fd(OP_MAP, fd, false, 0);
	if (fate == FAIL)
		return MAP_FAILED;
	RETURN(fate, REAL(mmap)(at, len, protection, flags, fd, offset));
}

int ftruncate(int fd, off_t len)
{
	enum fate fate = fate_of_fd(OP_TRUNCATE, fd, false, 0);
	if (fate == FAIL)
		return -1;
	RETURN(fate, REAL(ftruncate)(fd, len));
}

/* It returns its error and leaves errno alone. */
int posix_fallocate(int fd, off_t at, off_t len)
{
	int before = errno;
	enum fate fate = fate_of_fd(OP_ALLOCATE, fd, true, 0);
	int error = errno;
	errno = before;
	if (fate == FAIL)
		return error;
	RETURN(fate, REAL(posix_fallocate)(fd, at, len));
}

/* ---- the wall clock ---- */

int clock_gettime(clockid_t clock, struct timespec *out)
{
	int result = REAL(clock_gettime)(clock, out);
	if (result == 0 && control && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
		long long ns = out->tv_sec * 1000000000LL + out->tv_nsec + control->clock_ms * 1000000LL;
		*out = (struct timespec){ns / 1000000000, ns % 1000000000};
	}
	return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

/* ---- the 64-bit names: on 64-bit machines the same calls ---- */

#define ALSO(type, name, ...) type name##64(__VA_ARGS__) __attribute__((alias(#name)))

ALSO(ssize_t, pwrite, int fd, const void *bytes, size_t len, off_t at);
ALSO(ssize_t, pwritev, int fd, const struct iovec *pieces, int count, off_t at);
ALSO(int, openat, int dir_fd, const char *name, int flags, ...);
ALSO(int, open, const char *name, int flags, ...);
ALSO(void *, mmap, void *at, size_t len, int protection, int flags, int fd, off_t offset);
ALSO(int, ftruncate, int fd, off_t len);
ALSO(int, posix_fallocate, int fd, off_t at, off_t len);
