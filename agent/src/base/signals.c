#include "base/signals.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

void signals_hold(struct held_signals *held)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT};
	sigset_t set;
	sigfillset(&set);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigdelset(&set, faults[i]);
	pthread_sigmask(SIG_BLOCK, &set, &held->before);
	held->xfsz_waited = true;
}

void signals_release(const struct held_signals *held)
{
	pthread_sigmask(SIG_SETMASK, &held->before, NULL);
}

static bool xfsz_waits(void)
{
	sigset_t waiting;
	return sigpending(&waiting) == 0 && sigismember(&waiting, SIGXFSZ) == 1;
}

void signals_hold_writing(struct held_signals *held)
{
	int error = errno;
	signals_hold(held);
	held->xfsz_waited = xfsz_waits();
	errno = error;
}

void signals_release_writing(const struct held_signals *held)
{
	int error = errno;
	if (!held->xfsz_waited && xfsz_waits()) {
		const struct timespec now = {0, 0};
		sigset_t xfsz;
		sigemptyset(&xfsz);
		sigaddset(&xfsz, SIGXFSZ);
		sigtimedwait(&xfsz, NULL, &now);
	}
	signals_release(held);
	errno = error;
}
