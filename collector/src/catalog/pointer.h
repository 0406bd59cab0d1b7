/* catalog/pointer.h: Burr's POINTER, with all its keys and none of ours. Pure. */
#ifndef CATALOG_POINTER_H
#define CATALOG_POINTER_H

#include "base/buf.h"

/* Append {"type","app_id","sequence_id","partition_key"}; false, nothing appended, when the value is no
 * object with an app_id. */
bool pointer_put(struct buf *out, struct slice value);

#endif
