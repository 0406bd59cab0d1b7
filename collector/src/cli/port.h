/* cli/port.h: addresses to listen on: which may be used, who has one, which is free. */
#ifndef CLI_PORT_H
#define CLI_PORT_H

#include "base/buf.h"

/* Whether everything that the name or address stands for is this machine's loopback. False also for a name
 * that nobody knows. */
bool port_is_loopback(const char *host);
/* Whether it is an address, or a name that somebody knows. */
bool port_is_known(const char *host);
/* "http://localhost:7241", without a slash at the end, for people: by this machine's name where host stands
 * for all of its addresses. */
void port_put_url(struct buf *out, const char *host, uint16_t port, bool tls);
/* The same for programs of this machine: "http://127.0.0.1:7241". */
void port_put_local_url(struct buf *out, const char *host, uint16_t port, bool tls);

/* Ask whoever listens who it is, and append that: "Burr's own server (version 0.40.2)", "burr 0.1.0 (store
 * ~/x, process 17)", "another program (python3, process 17)". */
void port_describe_holder(struct buf *out, const char *host, uint16_t port);
/* A port above `port` that is free now; 0 when none was found. */
uint16_t port_find_free(const char *host, uint16_t port);

#endif
