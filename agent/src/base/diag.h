/* base/diag.h: what the library says when it is asked to (BURR_LOG=1): one line on stderr, never otherwise.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <burr/status.h>
#include <stdbool.h>

bool diag_on(void);
/* "burr[pid]: …" and a newline, in one write. Errno is kept. Any thread. */
void diag_say(const char *fmt, ...) BURR_PRINTF(1, 2);

#endif
