/* fuzz/folder.h: a folder for the targets whose code wants files: in memory where that is possible, removed
 * at the process's end. */
#ifndef FUZZ_FOLDER_H
#define FUZZ_FOLDER_H

#include "fuzz.h"

#include "base/testing_tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char fuzz_folder_path[64];

static void fuzz_folder_remove(void)
{
	remove_tree(fuzz_folder_path);
}

/* Its path; the same in each call. */
static inline const char *fuzz_folder(void)
{
	if (fuzz_folder_path[0])
		return fuzz_folder_path;
	snprintf(fuzz_folder_path, sizeof(fuzz_folder_path), "%s/burr-fuzz-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	FUZZ_CHECK(mkdtemp(fuzz_folder_path));
	atexit(fuzz_folder_remove);
	return fuzz_folder_path;
}

static inline void fuzz_write_file(int dir_fd, const char *name, const void *bytes, size_t len)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	close(fd);
}

/* Numbers off the front of an input; zeros behind its end. */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

static inline uint64_t fuzz_take(struct fuzz_input *in, size_t bytes)
{
	uint64_t value = 0;
	size_t len = bytes < in->size ? bytes : in->size;
	memcpy(&value, in->data, len);
	in->data += len;
	in->size -= len;
	return value;
}

#endif
