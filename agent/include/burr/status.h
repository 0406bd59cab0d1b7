/* burr/status.h: what went wrong, as a code to act on and a sentence to show.
 *
 * A function that can fail returns a burr_status and, where the caller passed one, fills a burr_error. The
 * code has few values because a program can act on few; the message holds the rest: what was tried, on what,
 * where. No message is kept anywhere else: there is no thread-local "last error". */
#ifndef BURR_STATUS_H
#define BURR_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(BURR_STATIC)
#define BURR_API
#elif defined(__GNUC__)
#define BURR_API __attribute__((visibility("default")))
#else
#define BURR_API
#endif

#if defined(__GNUC__)
#define BURR_MUST_CHECK __attribute__((warn_unused_result))
#define BURR_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define BURR_MUST_CHECK
#define BURR_PRINTF(fmt, first)
#endif

/* code, value, text. burr_status_name and burr_status_text are made from this list. */
#define BURR_STATUS_LIST(X)                                                    \
	X(BURR_OK, 0, "success")                                               \
	X(BURR_EINVAL, -1, "argument out of range")                            \
	X(BURR_ENOTFOUND, -2, "no such thing")                                 \
	X(BURR_EIO, -3, "read or write failed")                                \
	X(BURR_ECORRUPT, -4, "stored bytes failed their check")                \
	X(BURR_ETOOBIG, -5, "over a stated limit")                             \
	X(BURR_EEXIST, -6, "exists already and differs")                       \
	X(BURR_ENOMEM, -7, "out of memory")                                    \
	X(BURR_EPERM, -8, "not permitted")                                     \
	X(BURR_ELATER, -9, "not stored yet: kept and tried again")             \
	X(BURR_EDROPPED, -10, "dropped by the policy and counted")             \
	X(BURR_ETIMEOUT, -11, "time ran out")                                  \
	X(BURR_EVERSION, -12, "made by a version that this one does not know") \
	X(BURR_ECLOSED, -13, "closed or finished")                             \
	X(BURR_EACTION, -14, "an action failed")                               \
	X(BURR_ENOWAY, -15, "no transition out of the action holds")

typedef enum burr_status {
#define BURR_STATUS_ENUM(name, value, text) name = value,
	BURR_STATUS_LIST(BURR_STATUS_ENUM)
#undef BURR_STATUS_ENUM
		BURR_STATUS_FORCE_INT = 0x7fffffff
} burr_status;

/* The caller's place for an error. Every function that takes one accepts NULL. It is written on failure only.
 * Holds no memory of its own. */
typedef struct burr_error {
	burr_status code;
	char message[512]; /* UTF-8, NUL-terminated, cut at the end if longer */
} burr_error;

#define BURR_ERROR_INIT     \
	{                   \
		BURR_OK, "" \
	}

/* The name of a code ("BURR_EIO") and its text ("read or write failed"). Static strings, never NULL: an
 * unknown code gives "BURR_?" and "unknown status". Threads: any. */
BURR_API const char *burr_status_name(burr_status status);
BURR_API const char *burr_status_text(burr_status status);

/* The library's version, as in "0.1.0". Static. */
BURR_API const char *burr_version(void);

#ifdef __cplusplus
}
#endif

#endif
