/* cli/before.h: the state that a step began with. */
#ifndef CLI_BEFORE_H
#define CLI_BEFORE_H

#include "store/store.h"

#include <burr/load.h>

struct before {
	struct slice state;  /* an object; SLICE_NONE: it is not recorded. Points into what follows */
	burr_loaded *loaded; /* the step before; NULL: there is none */
	struct buf metadata;
};

#define BEFORE_INIT                   \
	{                             \
		.metadata = BUF_INIT, \
	}

/* Of the step before, in this run or in the one that it was forked from; else what the application began
 * with. CLI_OK, or the exit code after having said why not. */
int before_load(const struct store *store, const char *project, const char *app_id, int64_t sequence_id,
	struct before *out);
void before_fini(struct before *before);

#endif
