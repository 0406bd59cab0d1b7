/* base/error.h: filling a burr_error. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <burr/status.h>
#include <stdarg.h>

/* Set code and message; returns code, so that a failure is one line: return burr_fail(err, BURR_EIO, "…").
 * err may be NULL. */
burr_status burr_fail(burr_error *err, burr_status code, const char *fmt, ...) BURR_PRINTF(3, 4);
burr_status burr_vfail(burr_error *err, burr_status code, const char *fmt, va_list args) BURR_PRINTF(3, 0);

/* Put "prefix: " in front of the message that is there, and pass the code up unchanged: each layer adds what
 * only it knows. */
burr_status burr_fail_in(burr_error *err, burr_status code, const char *fmt, ...) BURR_PRINTF(3, 4);

#endif
