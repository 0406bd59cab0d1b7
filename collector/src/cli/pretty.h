/* cli/pretty.h: JSON laid out for reading. */
#ifndef CLI_PRETTY_H
#define CLI_PRETTY_H

#include "base/buf.h"

/* Append a JSON value (trusted) with a member or element a line, indented by two spaces a level; what is
 * short and holds nothing nested stays on its line. Numbers and texts stay as they are written. */
void pretty_put(struct buf *out, struct slice value);

#endif
