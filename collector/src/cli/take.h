/* cli/take.h: give away what a CLEAN local holds. */
#ifndef CLI_TAKE_H
#define CLI_TAKE_H

/* The descriptor, which *fd holds no more. */
static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

#endif
