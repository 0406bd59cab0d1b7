#include "cli/fetch.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/take.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { ANSWER_MAX = 65536 };

struct wire {
	int fd;
	SSL_CTX *ctx; /* NULL, as ssl, for plain HTTP */
	SSL *ssl;
};

static void wire_close(struct wire *wire)
{
	SSL_free(wire->ssl);
	SSL_CTX_free(wire->ctx);
	fd_close(&wire->fd);
}

static void free_addresses(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

static bool wait_for(int fd, short events, int64_t deadline_ns)
{
	struct pollfd p = {.fd = fd, .events = events};
	for (;;) {
		int64_t left = (deadline_ns - clock_mono_ns() + 999999) / 1000000;
		int ready = poll(&p, 1, left > 0 ? (int)left : 0);
		if (ready >= 0 || errno != EINTR)
			return ready > 0;
	}
}

static int connect_one(const struct addrinfo *address, int64_t deadline_ns)
{
	CLEAN(fd_close) int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;
	socklen_t len = sizeof(error);
	if (fd < 0)
		return -1;
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			return -1;
		if (!wait_for(fd, POLLOUT, deadline_ns)) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error) {
			errno = error;
			return -1;
		}
	}
	return take_fd(&fd);
}

static burr_status connect_any(
	const char *host, const char *port, int64_t deadline_ns, int *out_fd, burr_error *err)
{
	CLEAN(free_addresses) struct addrinfo *list = NULL;
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	int problem = getaddrinfo(host, port, &hints, &list);
	if (problem)
		return burr_fail(err, BURR_EIO, "%s: %s", host, gai_strerror(problem));
	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		*out_fd = connect_one(a, deadline_ns);
		if (*out_fd >= 0)
			return BURR_OK;
	}
	burr_status status = errno == ECONNREFUSED ? BURR_ENOTFOUND
			     : errno == ETIMEDOUT  ? BURR_ETIMEOUT
						   : BURR_EIO;
	return burr_fail(err, status, "connect to %s port %s: %s", host, port, strerror(errno));
}

/* ---- TLS ---- */

/* Wait for what the last call on ssl wanted; false when it failed, or the time is over. */
static bool wait_for_ssl(const struct wire *wire, int result, int64_t deadline_ns)
{
	int wants = SSL_get_error(wire->ssl, result);
	if (wants != SSL_ERROR_WANT_READ && wants != SSL_ERROR_WANT_WRITE)
		return false;
	return wait_for(wire->fd, wants == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ns);
}

static burr_status start_tls(struct wire *wire, const char *cert, int64_t deadline_ns, burr_error *err)
{
	int result;
	wire->ctx = SSL_CTX_new(TLS_client_method());
	if (!wire->ctx || !cert || SSL_CTX_load_verify_file(wire->ctx, cert) != 1)
		return burr_fail(
			err, BURR_EPERM, "its certificate cannot be read: %s", cert ? cert : "no file");
	X509_VERIFY_PARAM_set_flags(
		SSL_CTX_get0_param(wire->ctx), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
	SSL_CTX_set_verify(wire->ctx, SSL_VERIFY_PEER, NULL);
	wire->ssl = SSL_new(wire->ctx);
	if (!wire->ssl || !SSL_set_fd(wire->ssl, wire->fd))
		return burr_fail(err, BURR_ENOMEM, "no memory for TLS");
	while ((result = SSL_connect(wire->ssl)) != 1)
		if (!wait_for_ssl(wire, result, deadline_ns))
			break;
	if (result == 1)
		return BURR_OK;
	if (SSL_get_verify_result(wire->ssl) != X509_V_OK)
		return burr_fail(err, BURR_EPERM, "it shows another certificate than that in %s", cert);
	return burr_fail(err, BURR_ETIMEOUT, "no TLS with it");
}

/* ---- sending and receiving ---- */

/* As send and recv: bytes, 0 at the end, or -1; false in *out_again when there is no going on. */
static ssize_t wire_send(const struct wire *wire, struct slice text, int64_t deadline_ns, bool *out_again)
{
	if (wire->ssl) {
		int sent = SSL_write(wire->ssl, text.data, (int)text.len);
		*out_again = sent <= 0 && wait_for_ssl(wire, sent, deadline_ns);
		return sent > 0 ? sent : -1;
	}
	ssize_t sent = send(wire->fd, text.data, text.len, MSG_NOSIGNAL);
	*out_again =
		sent < 0 && (errno == EAGAIN || errno == EINTR) && wait_for(wire->fd, POLLOUT, deadline_ns);
	return sent;
}

static ssize_t wire_receive(
	const struct wire *wire, char *to, size_t room, int64_t deadline_ns, bool *out_again)
{
	if (wire->ssl) {
		int got = SSL_read(wire->ssl, to, (int)room);
		bool ended = got <= 0 && SSL_get_error(wire->ssl, got) == SSL_ERROR_ZERO_RETURN;
		*out_again = got <= 0 && !ended && wait_for_ssl(wire, got, deadline_ns);
		return got > 0 ? got : ended ? 0 : -1;
	}
	ssize_t got = recv(wire->fd, to, room, 0);
	*out_again =
		got < 0 && (errno == EAGAIN || errno == EINTR) && wait_for(wire->fd, POLLIN, deadline_ns);
	return got;
}

static burr_status fail_wire(int64_t deadline_ns, burr_error *err)
{
	if (clock_mono_ns() >= deadline_ns)
		return burr_fail(err, BURR_ETIMEOUT, "no answer");
	return burr_fail(err, BURR_EIO, "the connection broke: %s", strerror(errno));
}

static burr_status send_all(const struct wire *wire, struct slice text, int64_t deadline_ns, burr_error *err)
{
	while (text.len) {
		bool again = false;
		ssize_t sent = wire_send(wire, text, deadline_ns, &again);
		if (sent > 0)
			text = (struct slice){text.data + sent, text.len - (size_t)sent};
		else if (!again)
			return fail_wire(deadline_ns, err);
	}
	return BURR_OK;
}

static burr_status read_all(const struct wire *wire, struct buf *out, int64_t deadline_ns, burr_error *err)
{
	for (;;) {
		bool again = false;
		char *to = buf_reserve(out, 4096);
		if (!to)
			return burr_fail(err, BURR_ENOMEM, "no memory for an answer");
		ssize_t got = wire_receive(wire, to, 4096, deadline_ns, &again);
		if (got == 0)
			return BURR_OK;
		if (got < 0 && !again)
			return fail_wire(deadline_ns, err);
		out->len += got > 0 ? (size_t)got : 0;
		if (out->len > ANSWER_MAX)
			return burr_fail(err, BURR_ECORRUPT, "the answer is too long");
	}
}

static burr_status take_body(const struct buf *answer, struct buf *out_body, burr_error *err)
{
	struct slice all = buf_slice(answer);
	if (all.len < 12 || memcmp(all.data, "HTTP/1.", 7) != 0 || memcmp(all.data + 8, " 200", 4) != 0)
		return burr_fail(err, BURR_ECORRUPT, "the answer is no 200 of HTTP");
	const char *end = memmem(all.data, all.len, "\r\n\r\n", 4);
	if (!end)
		return burr_fail(err, BURR_ECORRUPT, "the answer has no end of its head");
	buf_clear(out_body);
	buf_append(out_body, end + 4, all.len - (size_t)(end + 4 - all.data));
	return out_body->failed ? burr_fail(err, BURR_ENOMEM, "no memory for an answer") : BURR_OK;
}

/* ---- the whole ---- */

struct place {
	bool tls;
	char host[256];
	char port[8];
};

static bool read_url(const char *url, struct place *out)
{
	out->tls = strncmp(url, "https://", 8) == 0;
	const char *first = out->tls ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
	const char *colon = first ? strrchr(first, ':') : NULL;
	const char *last = colon;
	if (colon && *first == '[' && last[-1] == ']') { /* an IPv6 address */
		first++;
		last--;
	}
	if (!colon || last <= first || (size_t)(last - first) >= sizeof(out->host))
		return false;
	snprintf(out->host, sizeof(out->host), "%.*s", (int)(last - first), first);
	snprintf(out->port, sizeof(out->port), "%u", (unsigned)strtoul(colon + 1, NULL, 10));
	return true;
}

/* Host: localhost is a name that every burr answers to. */
static void put_request(
	const struct fetch *fetch, const struct place *place, const char *path, struct buf *out)
{
	buf_printf(out, "GET %s HTTP/1.0\r\nHost: localhost:%s\r\nConnection: close\r\n", path, place->port);
	if (fetch->token)
		buf_printf(out, "Authorization: Bearer %s\r\n", fetch->token);
	buf_append_str(out, "\r\n");
}

burr_status fetch_get(
	const struct fetch *fetch, const char *path, int timeout_ms, struct buf *out_body, burr_error *err)
{
	CLEAN(wire_close) struct wire wire = {.fd = -1};
	CLEAN(buf_fini) struct buf request = BUF_INIT;
	CLEAN(buf_fini) struct buf answer = BUF_INIT;
	struct place place;
	int64_t deadline_ns = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
	if (!read_url(fetch->url, &place))
		return burr_fail(err, BURR_EINVAL, "%s is no address of a collector", fetch->url);
	burr_status status = connect_any(place.host, place.port, deadline_ns, &wire.fd, err);
	if (status == BURR_OK && place.tls)
		status = start_tls(&wire, fetch->cert, deadline_ns, err);
	if (status != BURR_OK)
		return status;
	put_request(fetch, &place, path, &request);
	status = send_all(&wire, buf_slice(&request), deadline_ns, err);
	if (status == BURR_OK)
		status = read_all(&wire, &answer, deadline_ns, err);
	return status == BURR_OK ? take_body(&answer, out_body, err) : status;
}
