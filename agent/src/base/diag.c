#include "base/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool diag_on(void)
{
	const char *value = getenv("BURR_LOG");
	return value && *value && strcmp(value, "0") != 0;
}

void diag_say(const char *fmt, ...)
{
	int kept = errno;
	char line[700];
	if (!diag_on())
		return;
	int len = snprintf(line, sizeof(line), "burr[%d]: ", (int)getpid());
	va_list args;
	va_start(args, fmt);
	vsnprintf(line + len, sizeof(line) - (size_t)len - 1, fmt, args);
	va_end(args);
	strcat(line, "\n");
	/* There is nobody to tell that stderr is closed. */
	ssize_t put = write(STDERR_FILENO, line, strlen(line));
	(void)put;
	errno = kept;
}
