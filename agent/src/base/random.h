/* base/random.h: names that nobody else has. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

enum { RANDOM_HEX_LEN = 16, UUID_LEN = 36 };

/* 64 random bits as 16 lower-case hex digits and a NUL. From the kernel; without it (a seccomp filter), from
 * clocks, addresses and the process id, which still differ between processes and calls. Any thread. */
void random_hex(char out[RANDOM_HEX_LEN + 1]);

/* A random UUID (version 4) as text and a NUL. */
void random_uuid(char out[UUID_LEN + 1]);

#endif
