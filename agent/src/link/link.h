/* link/link.h: a connection to the collector, asking one thing at a time.
 *
 * It speaks nng's REQ over IPC (proto/WIRE.md) on a plain socket: no threads, nothing that fork could break,
 * and the collector's death is a closed connection, seen at once.
 *
 * Threads: one at a time, but link_interrupt from any. */
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
 * timeout_ms  LINK_FOREVER: until the answer, the connection's end or an interrupt
 *
 * BURR_ECLOSED: the connection ended, the request's fate is open. BURR_ETIMEOUT: the link is of no
 * further use; close it. BURR_ECORRUPT: not nng's bytes. */
enum { LINK_FOREVER = -1 };
burr_status link_ask(
	struct link *link, struct slice request, int timeout_ms, struct buf *out_reply, burr_error *err);

/* End the connection under a thread that waits in link_ask: it returns BURR_ECLOSED. */
void link_interrupt(struct link *link);

/* The socket, for a forked child to close. */
int link_fd(const struct link *link);

/* The socket's address for a store, also for the one who listens: through /proc/self/fd where the path is too
 * long. Returns false when even that does not fit. */
struct sockaddr_un;
bool link_address(const struct store *store, struct sockaddr_un *out);

#endif
