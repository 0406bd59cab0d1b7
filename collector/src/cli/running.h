/* cli/running.h: the collector that runs on a store, as a command sees it.
 *
 * That one runs is the kernel's word (it holds .burr-collector). What it says about itself comes from that
 * file; who it really is, from the kernel's knowledge of its socket. */
#ifndef CLI_RUNNING_H
#define CLI_RUNNING_H

#include "store/store.h"

struct running {
	int64_t pid;    /* 0: not known */
	struct buf url; /* for people and browsers */
	struct buf version;
	struct buf started;   /* UTC, as logs have it */
	struct buf local_url; /* for programs of this machine */
	struct buf token;     /* empty: it asks for none */
	struct buf cert;      /* the file with its certificate; empty: it speaks plain HTTP */
};
#define RUNNING_INIT                                                          \
	{                                                                     \
		0, BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT \
	}
void running_fini(struct running *running);

/* The note about a collector that we are, for store_write_collector; its pid and version are ours. Only the
 * store's owner can read it, so it may hold the token. store: the store's path. */
void running_put_note(struct buf *out, const struct running *running, const char *store);

/* False when no collector runs. Fields that it has not told stay empty. */
bool running_find(struct store *store, struct running *out);
/* The same, but wait (at most wait_ms) until a collector that is just starting has told its url, or is gone.
 */
bool running_await(struct store *store, int wait_ms, struct running *out);

/* GET of the collector's own server; as fetch_get, and BURR_ENOTFOUND while it has not told its url. */
burr_status running_get(const struct running *running, const char *path, int timeout_ms, struct buf *out_body,
	burr_error *err);
/* Its url with the token in it, for the owner: "http://host:7241/#token=…". path: "/", or below. */
void running_put_link(const struct running *running, const char *path, struct buf *out);

/* Hold on to the collector's process: *out_pid and *out_pidfd (yours to close) are of the very process that
 * listens on the store's socket, by the kernel's word, so neither can be somebody else's.
 * BURR_ENOTFOUND, BURR_ETIMEOUT, BURR_ECLOSED: it does not listen yet, or no more. BURR_EPERM, BURR_EIO. */
burr_status running_hold(struct store *store, int64_t *out_pid, int *out_pidfd, burr_error *err);

#endif
