/* cli/say.h: what commands print: results on stdout, troubles on stderr, decoration only for a terminal. */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include "base/buf.h"

/* "burr: …" and a newline, on stderr. One line: what went wrong and what to do about it. */
void say_error(const char *fmt, ...) BURR_PRINTF(1, 2);

/* How a piece of text looks on a terminal that may be decorated. */
enum style {
	STYLE_NONE,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_BAD,
	STYLE_LINK,
};
/* The bytes that begin a style, "" where stdout is no terminal, for NO_COLOR and for TERM=dumb; say_plain
 * ends it. */
const char *say_style(enum style style);
const char *say_plain(void);
/* Columns of the terminal that stdout is; 0: it is none, and lines may be of any length. */
size_t say_width(void);

/* Write to stdout. The result is looked at once, by say_finish. */
void say_bytes(struct slice text);
void say(const char *fmt, ...) BURR_PRINTF(1, 2);
/* Flush stdout: false, after having said so, when it could not be written. */
bool say_finish(void);

#endif
