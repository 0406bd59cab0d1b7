#include "cli/fetch.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/take.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { ANSWER_MAX = 65536 };

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

static burr_status send_all(int fd, struct slice text, int64_t deadline_ns, burr_error *err)
{
	while (text.len) {
		ssize_t sent = send(fd, text.data, text.len, MSG_NOSIGNAL);
		if (sent > 0) {
			text = (struct slice){text.data + sent, text.len - (size_t)sent};
			continue;
		}
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return burr_fail(err, BURR_EIO, "send: %s", strerror(errno));
		if (!wait_for(fd, POLLOUT, deadline_ns))
			return burr_fail(err, BURR_ETIMEOUT, "no answer");
	}
	return BURR_OK;
}

static burr_status read_all(int fd, struct buf *out, int64_t deadline_ns, burr_error *err)
{
	for (;;) {
		char *to = buf_reserve(out, 4096);
		if (!to)
			return burr_fail(err, BURR_ENOMEM, "no memory for an answer");
		ssize_t got = recv(fd, to, 4096, 0);
		if (got == 0)
			return BURR_OK;
		if (got > 0) {
			out->len += (size_t)got;
			if (out->len > ANSWER_MAX)
				return burr_fail(err, BURR_ECORRUPT, "the answer is too long");
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return burr_fail(err, BURR_EIO, "receive: %s", strerror(errno));
		if (!wait_for(fd, POLLIN, deadline_ns))
			return burr_fail(err, BURR_ETIMEOUT, "no answer");
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

burr_status fetch_get(const char *host, uint16_t port, const char *path, int timeout_ms, struct buf *out_body,
	burr_error *err)
{
	CLEAN(fd_close) int fd = -1;
	CLEAN(buf_fini) struct buf request = BUF_INIT;
	CLEAN(buf_fini) struct buf answer = BUF_INIT;
	char port_text[8];
	int64_t deadline_ns = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
	snprintf(port_text, sizeof(port_text), "%u", (unsigned)port);
	burr_status status = connect_any(host, port_text, deadline_ns, &fd, err);
	if (status != BURR_OK)
		return status;
	buf_printf(&request, "GET %s HTTP/1.0\r\nHost: localhost:%s\r\nConnection: close\r\n\r\n", path,
		port_text);
	status = send_all(fd, buf_slice(&request), deadline_ns, err);
	if (status == BURR_OK)
		status = read_all(fd, &answer, deadline_ns, err);
	return status == BURR_OK ? take_body(&answer, out_body, err) : status;
}

burr_status fetch_get_below(
	const char *url, const char *path, int timeout_ms, struct buf *out_body, burr_error *err)
{
	char host[256];
	const char *rest = strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
	const char *colon = rest ? strrchr(rest, ':') : NULL;
	const char *first = rest;
	const char *last = colon;
	if (colon && *first == '[' && last[-1] == ']') { /* an IPv6 address */
		first++;
		last--;
	}
	if (!colon || last <= first || (size_t)(last - first) >= sizeof(host))
		return burr_fail(err, BURR_EINVAL, "%s is no address of a collector", url);
	memcpy(host, first, (size_t)(last - first));
	host[last - first] = '\0';
	return fetch_get(host, (uint16_t)strtoul(colon + 1, NULL, 10), path, timeout_ms, out_body, err);
}
