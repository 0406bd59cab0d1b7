/* base/signals.h: keeping the host's signals out of a few instructions, and its file size limit from killing
 * it.
 *
 * Between hold and release the calling thread runs no handler of the host, so that none can record in the
 * middle, or leave by siglongjmp with what was held. Faults (SIGSEGV and the like) come through: they are the
 * thread's own. May be used in a signal handler; errno is kept. */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct held_signals {
	sigset_t before;
	bool xfsz_waited; /* SIGXFSZ was pending before, and is not ours to take */
};

void signals_hold(struct held_signals *held);
void signals_release(const struct held_signals *held);

/* The same around calls that make a file longer: beyond RLIMIT_FSIZE the kernel sends SIGXFSZ, which ends a
 * process that knows nothing of our files. It is taken away again; the call fails with EFBIG all the same.
 * The caller cannot be cancelled. */
void signals_hold_writing(struct held_signals *held);
void signals_release_writing(const struct held_signals *held);

#endif
