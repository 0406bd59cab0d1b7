/* cli/running.h: the collector that runs on a store, as a command sees it.
 *
 * That one runs is the kernel's word (it holds .burr-collector). What it says about itself comes from that
 * file; who it really is, from the kernel's knowledge of its socket. */
#ifndef CLI_RUNNING_H
#define CLI_RUNNING_H

#include "store/store.h"

struct running {
	int64_t pid; /* 0: not known */
	struct buf url;
	struct buf version;
	struct buf started; /* UTC, as logs have it */
};
#define RUNNING_INIT                            \
	{                                       \
		0, BUF_INIT, BUF_INIT, BUF_INIT \
	}
void running_fini(struct running *running);

/* The note about a collector, for store_write_collector. url: "" while it is not known yet. */
void running_put_note(struct buf *out, const char *url, const char *store, const char *started);

/* False when no collector runs. Fields that it has not told stay empty. */
bool running_find(struct store *store, struct running *out);
/* The same, but wait (at most wait_ms) until a collector that is just starting has told its url, or is gone.
 */
bool running_await(struct store *store, int wait_ms, struct running *out);

/* Hold on to the collector's process: *out_pid and *out_pidfd (yours to close) are of the very process that
 * listens on the store's socket, by the kernel's word, so neither can be somebody else's.
 * BURR_ENOTFOUND, BURR_ETIMEOUT, BURR_ECLOSED: it does not listen yet, or no more. BURR_EPERM, BURR_EIO. */
burr_status running_hold(struct store *store, int64_t *out_pid, int *out_pidfd, burr_error *err);

#endif
