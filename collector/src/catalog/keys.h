/* catalog/keys.h: which keys of the state a step changed, by comparing the texts of their values with those
 * of the state before. Values that were not touched are written again as the same text, by us and by Burr, so
 * bytes tell; what they mean exactly is query/diff.h's to say. Threads: the owner's. */
#ifndef CATALOG_KEYS_H
#define CATALOG_KEYS_H

#include "base/buf.h"

struct keys_member {
	struct slice key; /* as it stands in the text */
	struct slice value;
};

struct keys_state {
	struct buf text;             /* a copy of the state */
	struct keys_member *members; /* into text */
	size_t count, cap;
};

struct keys {
	struct keys_state before, now;
	bool known; /* before is a state */
};

void keys_fini(struct keys *keys);
/* There is none before the next. */
void keys_forget(struct keys *keys);
/* Take a state as the one before the next, and put into *out (cleared) the array of the keys that are added,
 * other or gone, in their order; those that begin with "__" are the library's. False: it cannot be said, as
 * there is none before, or too many keys are in one of them. */
bool keys_take(struct keys *keys, struct slice state, struct buf *out);

#endif
