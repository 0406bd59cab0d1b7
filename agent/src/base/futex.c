#include "base/futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns)
{
	struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	int error = errno;
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout_ns == INT64_MAX ? NULL : &timeout, NULL,
		0);
	errno = error;
}

void futex_wake(_Atomic uint32_t *word)
{
	int error = errno;
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
	errno = error;
}

static bool can_barrier;

static void init_barrier(void)
{
	can_barrier = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

bool full_barrier(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int error = errno;
	pthread_once(&once, init_barrier);
	bool done = can_barrier && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
	errno = error;
	return done;
}
