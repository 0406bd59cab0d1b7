/* base/futex.h: waiting for a word of this process to change, and the barrier that lets the many do without
 * one.
 *
 * Neither call is a cancellation point, and both may be used in a signal handler. Errno is kept. */
#ifndef BASE_FUTEX_H
#define BASE_FUTEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Until the word differs from `value`, somebody wakes it, or the time is up (INT64_MAX: never). May return
 * early. */
void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns);
/* Wake all who wait on the word. */
void futex_wake(_Atomic uint32_t *word);

/* Every running thread of the process has passed a full memory barrier when this returns: what they stored
 * before is seen after, what was stored here before they see after. So a thread that stores and then loads
 * needs none of its own (20 ns). False: the kernel cannot. */
bool full_barrier(void);

#endif
