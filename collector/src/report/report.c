#include "report/report.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 1024, PLACES = 64 };

/* When each place spoke last; a place is its format's address. */
static struct place {
	const char *fmt;
	int64_t spoke_ns;
	uint64_t left_out;
} places[PLACES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards places */

BURR_PRINTF(2, 0) static void say(uint64_t left_out, const char *fmt, va_list args)
{
	char line[LINE_MAX_LEN];
	time_t now = time(NULL);
	struct tm tm;
	localtime_r(&now, &tm);
	size_t room = sizeof(line) - 64; /* for the count and the newline */
	size_t len = strftime(line, room, "%H:%M:%S ", &tm);
	int put = vsnprintf(line + len, room - len, fmt, args);
	len += put < 0 ? 0 : (size_t)put < room - len ? (size_t)put : room - len - 1;
	if (left_out)
		len += (size_t)snprintf(line + len, 48, " (and %llu like it)", (unsigned long long)left_out);
	line[len++] = '\n';
	/* A stderr that is closed leaves nobody to tell. */
	ssize_t written = write(STDERR_FILENO, line, len);
	(void)written;
}

void report(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	say(0, fmt, args);
	va_end(args);
}

/* Whether this place may speak now. With more places than room the last one stands for all others. */
static bool may_speak(const char *fmt, int64_t every_ns, uint64_t *out_left_out)
{
	int64_t now = clock_mono_ns();
	pthread_mutex_lock(&lock);
	struct place *place = places;
	while (place < places + PLACES - 1 && place->fmt && place->fmt != fmt)
		place++;
	bool first = place->fmt != fmt && !place->fmt;
	place->fmt = fmt;
	bool may = first || now - place->spoke_ns >= every_ns;
	*out_left_out = may ? place->left_out : 0;
	place->left_out = may ? 0 : place->left_out + 1;
	if (may)
		place->spoke_ns = now;
	pthread_mutex_unlock(&lock);
	return may;
}

void report_seldom(int every_ms, const char *fmt, ...)
{
	uint64_t left_out;
	if (!may_speak(fmt, (int64_t)every_ms * 1000000, &left_out))
		return;
	va_list args;
	va_start(args, fmt);
	say(left_out, fmt, args);
	va_end(args);
}
