/* sample.h: two helpers that the samples share. A program of your own hardly needs either.
 *
 * Include it first: it asks the C library for nanosleep, which plain C99 leaves out. */
#ifndef BURR_SAMPLE_H
#define BURR_SAMPLE_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <burr/load.h>
#include <stdio.h>
#include <time.h>

#define SAMPLE_ID_SIZE 100

/* Writes an app_id that a reader can tell: the name itself the first time, then "name-run-2", "name-run-3", …
 * An application that begins under an app_id that exists goes on with that run, and a sample should begin a
 * new one. (Without an app_id the library makes a UUID, which is always new.) */
static inline void sample_new_id(const char *project, const char *name, char out[SAMPLE_ID_SIZE])
{
	burr_loaded *last_step = NULL;
	int number = 1;

	snprintf(out, SAMPLE_ID_SIZE, "%s", name);
	while (burr_load(NULL, project, out, NULL, BURR_LAST_STEP, &last_step, NULL) == BURR_OK) {
		burr_free(last_step);
		snprintf(out, SAMPLE_ID_SIZE, "%s-run-%d", name, ++number);
	}
}

/* What a model or a server on the network would take. */
static inline void sample_pause_ms(int pause_ms)
{
	struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1000000L};
	nanosleep(&pause, NULL);
}

#endif
