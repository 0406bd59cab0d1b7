/* query/cut.h: a JSON value for a reader who can show only so much, with the way to the rest.
 *
 * What fits is written as it stands, byte for byte. What does not is written as a marker, which is always an
 * object with the key "$cut" in front:
 *     {"$cut":"string","bytes":12345,"pointer":"/a/b","head":"the first of it"}
 *     {"$cut":"array","bytes":99999,"count":1000,"shown":12,"pointer":"/a","head":[…]}
 *     {"$cut":"object",… as for an array …,"head":{…}}
 *     {"$cut":"number","bytes":5000,"pointer":"/n","head":"31415"}
 *     {"$cut":"none","head":{"$cut":…}}
 *   bytes    the length of the value's JSON text
 *   count    its elements or members; the first `shown` of them are in head
 *   pointer  where it is (query/json_pointer.h), which is where to ask for all of it
 *   head     the front of the value, of its own kind (of a number: its text), and itself valid JSON
 *
 * A reader decides by one rule: an object with the key "$cut" is a marker, and the value is its head. The
 * head itself is never a marker, though what is inside it can be. So that no data passes for a marker, an
 * object of the user's that has the key "$cut" is always written as a head, in a marker of kind "none" when
 * nothing of it is left out.
 */
#ifndef QUERY_CUT_H
#define QUERY_CUT_H

#include "base/buf.h"

/* Bytes of a marker without its pointer and its head, at most. What is no longer than that is never cut. */
enum { CUT_MARKER_MAX = 128 };

/* Append a validated value as an element or member's value is appended (base/json.h), cut to max_bytes. True
 * when something was left out. pointer_prefix is the JSON pointer of the value, plain text, copied; absent
 * is "".
 *
 * The budget goes to as many of a container's entries as can have something worth seeing of them; these get
 * equal shares, and what the small ones leave of theirs goes to the others. Where the entries of an array or
 * object stand whole but some inside are cut, it has no marker of its own.
 *
 * What is appended is valid JSON and at most the larger of max_bytes and CUT_MARKER_MAX plus the pointer as
 * JSON text; at most twice that when the user's own keys are "$cut". Such a value is cut from half of
 * max_bytes on, and white space between its tokens goes. Each byte is read a few times for each level that is
 * cut. Without memory out->failed is set. Any thread. */
bool json_put_cut(struct buf *out, struct slice value, size_t max_bytes, struct slice pointer_prefix);

#endif
