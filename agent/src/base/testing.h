/* base/testing.h: what the C tests share: cmocka's includes in its order, and a temporary store. */
#ifndef BASE_TESTING_H
#define BASE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include "base/buf.h"
#include "base/testing_tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka's setup and teardown: *state is the path of a new, empty folder. */
static inline int testing_make_folder(void **state)
{
	const char *base = getenv("TMPDIR");
	struct buf path = BUF_INIT;
	buf_printf(&path, "%s/burr-test-XXXXXX", base && *base ? base : "/tmp");
	*state = buf_take(&path);
	return *state && mkdtemp(*state) ? 0 : -1;
}

static inline int testing_remove_folder(void **state)
{
	remove_tree(*state);
	free(*state);
	return 0;
}

/* A file's whole text, for free(). Fails the test when it cannot be read. */
static inline char *testing_read(const char *folder, const char *name)
{
	char path[4096];
	struct buf text = BUF_INIT;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("cannot open %s", path);
	for (;;) {
		char *to = buf_reserve(&text, 65536);
		assert_non_null(to);
		size_t got = fread(to, 1, 65536, file);
		text.len += got;
		text.data[text.len] = '\0';
		if (!got)
			break;
	}
	fclose(file);
	return buf_take(&text);
}

static inline void testing_write(const char *folder, const char *name, const char *text)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "wb");
	if (!file)
		fail_msg("cannot write %s", path);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static inline void testing_append(const char *folder, const char *name, const char *text)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

#endif
