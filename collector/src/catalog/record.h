/* catalog/record.h: a line of a log as a record that may be trusted: all of it checked, UTF-8 included.
 *
 * Python writes the floats that JSON does not have as NaN, Infinity and -Infinity, so such lines are in real
 * logs. They become null, as in a browser's own JSON; everything else that is not JSON makes a line damaged.
 * Pure. */
#ifndef CATALOG_RECORD_H
#define CATALOG_RECORD_H

#include "store/read.h"

/* False: the line is damaged. spare: where a line is put right; the record points into it or into text. */
bool record_read(struct slice text, struct buf *spare, struct line_record *out);
/* Why it is, in words: valid until *err, where they may lie, goes. */
const char *record_explain_damage(struct slice text, burr_error *err);
/* record_read for a small file's text, or a line of it: *out_value is its object. */
bool record_read_object(struct slice text, struct buf *spare, struct slice *out_value);

#endif
