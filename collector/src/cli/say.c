#include "cli/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 4096 };

void say_error(const char *fmt, ...)
{
	char line[LINE_MAX_LEN] = "burr: ";
	const size_t head = sizeof("burr: ") - 1;
	const size_t room = sizeof(line) - head - 1;
	va_list args;
	va_start(args, fmt);
	int put = vsnprintf(line + head, room, fmt, args);
	va_end(args);
	size_t len = head + (put < 0 ? 0 : (size_t)put < room ? (size_t)put : room - 1);
	/* A name in a message may hold anything; it must neither break the line nor steer the terminal. */
	for (size_t i = head; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	fflush(stdout);
	ssize_t written = write(STDERR_FILENO, line, len);
	(void)written; /* a stderr that is closed leaves nobody to tell */
}

static bool is_decorated(void)
{
	static int answer = -1; /* main thread only */
	if (answer < 0) {
		const char *no_color = getenv("NO_COLOR");
		const char *term = getenv("TERM");
		answer = isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && *term &&
			 strcmp(term, "dumb") != 0;
	}
	return answer;
}

const char *say_style(enum style style)
{
	static const char *const codes[] = {
		[STYLE_NONE] = "",
		[STYLE_BOLD] = "\033[1m",
		[STYLE_DIM] = "\033[2m",
		[STYLE_GOOD] = "\033[32m",
		[STYLE_BAD] = "\033[31m",
		[STYLE_LINK] = "\033[4m",
	};
	return is_decorated() ? codes[style] : "";
}

const char *say_plain(void)
{
	return is_decorated() ? "\033[0m" : "";
}

size_t say_width(void)
{
	struct winsize size;
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		return 0;
	return size.ws_col;
}

void say_bytes(struct slice text)
{
	fwrite(text.data ? text.data : "", 1, text.len, stdout);
}

void say(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

bool say_finish(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	if (errno != EPIPE) /* a reader that has gone has seen what it wanted */
		say_error("cannot write the output: %s", strerror(errno));
	return false;
}
