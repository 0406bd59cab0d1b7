/* query/json_pointer.h: RFC 6901, the path of a value inside a JSON text: "/messages/3/role".
 *
 * A part is a key, unescaped, with '~' written ~0 and '/' written ~1, or the index of an array's element. ""
 * is the whole text. Pure functions, any thread. */
#ifndef QUERY_JSON_POINTER_H
#define QUERY_JSON_POINTER_H

#include "base/buf.h"

/* The value at pointer (an absent one is "") in a validated text, as a slice of it. Of several members with
 * the same key it is the last. An index has no leading zeros; "-", the place behind an array's last element,
 * is never found.
 *
 * Errors: BURR_EINVAL when pointer is none, with the byte; BURR_ENOTFOUND, with the first part that is not
 * there and where it was looked for; BURR_ENOMEM. */
burr_status json_pointer_find(
	struct slice value, struct slice pointer, struct slice *out_value, burr_error *err) BURR_MUST_CHECK;

/* Append one part and the '/' in front of it: a key as plain text, or an index. */
void json_pointer_put_key(struct buf *out, struct slice key);
void json_pointer_put_index(struct buf *out, size_t index);

#endif
