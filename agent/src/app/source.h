/* app/source.h: an action's source text, for the graph: the function that begins at a line of a file. */
#ifndef APP_SOURCE_H
#define APP_SOURCE_H

#include "base/buf.h"

/* A file larger than this is not read, and a function longer than that is shown by its place only. */
enum { SOURCE_FILE_MAX = 8 << 20, SOURCE_TEXT_MAX = 64 << 10 };

/* The text from `line` (from 1) to the end of the function: the brace that closes the first one opened,
 * with strings, character literals and comments skipped; where those do not balance (macros can do that), to
 * the first line that begins with a closing brace. Begins up to a few lines earlier where BURR_ACTION
 * stands on more than one line. `name` must come in it when it begins with BURR_: else the file is not the
 * one that was compiled. SLICE_NONE when there is no such function. Pure; any bytes. */
struct slice source_extract(struct slice file, int line, const char *name);

/* The same from a file on disk, appended to out. False when it cannot be read or holds no such function. */
bool source_read(const char *path, int line, const char *name, struct buf *out);

#endif
