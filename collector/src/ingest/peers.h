/* ingest/peers.h: the writers' connections: nng's REP over IPC, spoken on plain sockets by one thread.
 *
 * Why not nng's own: the packaged 1.5.2 goes deaf for good when peers leave while they are greeted (./dev
 * bench wire counts them; a test here does that 2,000 times), and takes 13 threads. The bytes are nng's
 * (proto/WIRE.md), and nng's REQ is a peer in the tests.
 *
 * A peer is greeted, asks, is answered, asks again: one request at a time. What it can make us hold is
 * bounded: a message by MESSAGE_BYTES_MAX, all unfinished messages together by PEERS_BYTES_MAX (the others
 * wait in their sockets), a message that stops in the middle by PEERS_STALL_MS.
 *
 * Threads: one at a time, but peers_wake from any. */
#ifndef INGEST_PEERS_H
#define INGEST_PEERS_H

#include "base/buf.h"
#include "store/store.h"

enum {
	PEERS_MAX = 256, /* connections; further ones wait in the socket's queue */
	PEERS_BYTES_MAX =
		64 << 20,       /* of unfinished messages above PEERS_SMALL; more than three of the largest */
	PEERS_SMALL = 64 << 10, /* a message of this size is always let in */
	PEERS_STALL_MS = 10000, /* without a byte of a message that has begun */
	PEERS_FOREVER = -1,
};

struct peers;

/* A whole request: append the reply to out_reply, which is empty. */
typedef void peers_request_fn(void *ctx, struct slice request, struct buf *out_reply);

/* Listen on the store's socket, for its owner alone. The caller is the store's collector, so a socket file
 * that is there is a dead one's and is replaced. The store is borrowed until peers_close. BURR_EIO,
 * BURR_ENOMEM, BURR_EPERM. */
burr_status peers_open(const struct store *store, peers_request_fn *on_request, void *ctx, struct peers **out,
	burr_error *err);
/* Close all connections and the socket. Accepts NULL. */
void peers_close(struct peers *peers);

/* Wait for something to do, at most timeout_ms (PEERS_FOREVER), and do what there is. */
void peers_serve(struct peers *peers, int timeout_ms);
/* Accept nobody any more. */
void peers_refuse(struct peers *peers);
/* Make a peers_serve that waits return. */
void peers_wake(struct peers *peers);

uint32_t peers_count(const struct peers *peers);

#endif
