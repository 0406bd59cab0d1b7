/* link/link.h: a connection to the collector, asking one thing at a time.
 *
 * It speaks nng's REQ over IPC (proto/WIRE.md) on a plain socket: no threads, nothing that fork could break,
 * and the collector's death is a closed connection, seen at once.
 *
 * Threads: one at a time. */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include "base/buf.h"
#include "store/store.h"

#define LINK_SOCKET_FILE ".burr-socket"

struct link;

/* Connect to the store's collector and exchange greetings.
 * BURR_ENOTFOUND: nobody listens. BURR_ETIMEOUT, BURR_EIO, BURR_EPERM. The store is borrowed until return. */
burr_status link_open(struct store *store, uint32_t timeout_ms, struct link **out, burr_error *err);
void link_close(struct link *link);

/* Ask and wait for the answer. request and reply are messages' bytes; out_reply is cleared first.
 *
 * BURR_ECLOSED: the connection ended, the request's fate is open. BURR_ETIMEOUT: the link is of no
 * further use; close it. BURR_ECORRUPT: not nng's bytes. */
burr_status link_ask(
	struct link *link, struct slice request, int timeout_ms, struct buf *out_reply, burr_error *err);

/* The same for who has other things to do meanwhile: begin with a request, whose bytes are borrowed until the
 * answer, then wait, again and again while it gives BURR_ETIMEOUT. */
void link_begin(struct link *link, struct slice request);
burr_status link_wait(struct link *link, int timeout_ms, struct buf *out_reply, burr_error *err);

/* The socket's address for a store, also for the one who listens: through the calling thread's descriptors
 * where the path is too long. Returns false when even that does not fit. */
struct sockaddr_un;
bool link_address(const struct store *store, struct sockaddr_un *out);

#endif
