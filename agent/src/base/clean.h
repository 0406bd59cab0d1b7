/* base/clean.h: locals that clean up after themselves on every way out of a function.
 *
 *     CLEAN(fd_close) int fd = open(…);
 *     CLEAN(buf_fini) struct buf text = BUF_INIT;
 */
#ifndef BASE_CLEAN_H
#define BASE_CLEAN_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEAN(destroy) __attribute__((cleanup(destroy)))

/* For plain malloc'd pointers of any type: CLEAN(ptr_free) char *text = strdup(…). */
static inline void ptr_free(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

static inline void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Move a descriptor out of a CLEAN(fd_close) local. */
static inline int fd_take(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

static inline void file_close(FILE **file)
{
	if (*file)
		fclose(*file);
	*file = NULL;
}

#endif
