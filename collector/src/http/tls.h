/* http/tls.h: the certificate that we show, and how TLS is spoken: version 1.2 and later, HTTP/1.1 inside.
 *
 * A certificate lasts some weeks and a collector may run longer, so tls_refresh looks whether the files are
 * others by now; handshakes take whatever was read last.
 *
 * Threads: all but open and free from any. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "base/buf.h"

#include <openssl/ssl.h>

struct tls;

/* cert_path: PEM, our certificate first, then those of who signed it. key_path: PEM, without a passphrase; it
 * may be the same file. Errors name the file: BURR_ENOTFOUND, BURR_EPERM, BURR_EIO it cannot be read;
 * BURR_EINVAL what is in it is no certificate or key, both do not belong together, or its time is over or
 * has not come. */
BURR_MUST_CHECK burr_status tls_open(
	const char *cert_path, const char *key_path, struct tls **out_tls, burr_error *err);
/* Accepts NULL. */
void tls_free(struct tls *tls);

/* For the connections of all loops; borrowed until tls_free. */
SSL_CTX *tls_context(struct tls *tls);
/* Whether others than its owner may read the key's file. */
bool tls_key_is_open(const struct tls *tls);
/* Read the files again where they changed. Whatever fails, the certificate so far stays. out_changed: a new
 * one is in use. */
BURR_MUST_CHECK burr_status tls_refresh(struct tls *tls, bool *out_changed, burr_error *err);
/* Whether the certificate is for this host name or address (RFC 6125). */
bool tls_names_host(struct tls *tls, const char *host);

#endif
