/* cli/pretty.h: JSON laid out for reading. */
#ifndef CLI_PRETTY_H
#define CLI_PRETTY_H

#include "base/buf.h"

/* Append a JSON value (trusted) with a member or element a line, indented by two spaces a level; what is
 * short and holds nothing nested stays on its line. Numbers and texts stay as they are written. */
void pretty_put(struct buf *out, struct slice value);
/* The same, with each member and element on a line of its own, as Python's json.dumps(indent=2) lays it out.
 */
void pretty_put_indented(struct buf *out, struct slice value);

#endif
