#include "link/link.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "link/frame.h"
#include "wire/limits.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { CONNECT_AGAIN_MS = 10 }; /* the listener's queue is full: no event tells when it is not */

struct link {
	int fd;
	uint32_t id;
};

bool link_address(const struct store *store, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	const size_t room = sizeof(out->sun_path);
	int len = snprintf(out->sun_path, room, "%s/%s", store->path, LINK_SOCKET_FILE);
	if (len > 0 && (size_t)len < room)
		return true;
	len = snprintf(out->sun_path, room, "/proc/self/fd/%d/%s", store->dir_fd, LINK_SOCKET_FILE);
	return len > 0 && (size_t)len < room;
}

/* ---- bytes with a deadline ---- */

static int left_ms(int64_t deadline_ns)
{
	if (deadline_ns < 0)
		return -1;
	int64_t left = (deadline_ns - clock_mono_ns() + 999999) / 1000000;
	return left > 0 ? (int)(left < INT32_MAX ? left : INT32_MAX) : 0;
}

static burr_status wait_for(struct link *link, short events, int64_t deadline_ns, burr_error *err)
{
	struct pollfd p = {.fd = link->fd, .events = events};
	for (;;) {
		int ready = poll(&p, 1, left_ms(deadline_ns));
		if (ready > 0)
			return BURR_OK;
		if (ready == 0)
			return burr_fail(err, BURR_ETIMEOUT, "the collector does not answer");
		if (errno != EINTR)
			return burr_fail(err, BURR_EIO, "wait for the collector: %s", strerror(errno));
	}
}

static burr_status fail_io(const char *what, burr_error *err)
{
	if (errno == EPIPE || errno == ECONNRESET)
		return burr_fail(err, BURR_ECLOSED, "the collector has gone");
	return burr_fail(err, BURR_EIO, "%s the collector: %s", what, strerror(errno));
}

static burr_status send_all(
	struct link *link, struct iovec *parts, int count, int64_t deadline_ns, burr_error *err)
{
	while (count) {
		struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
		ssize_t sent = sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			burr_status status = wait_for(link, POLLOUT, deadline_ns, err);
			if (status != BURR_OK)
				return status;
			continue;
		}
		if (sent < 0)
			return fail_io("send to", err);
		while (count && (size_t)sent >= parts->iov_len) {
			sent -= (ssize_t)parts->iov_len;
			parts++;
			count--;
		}
		if (count) {
			parts->iov_base = (char *)parts->iov_base + sent;
			parts->iov_len -= (size_t)sent;
		}
	}
	return BURR_OK;
}

static burr_status receive_all(struct link *link, void *to, size_t len, int64_t deadline_ns, burr_error *err)
{
	char *pos = to;
	while (len) {
		ssize_t got = recv(link->fd, pos, len, MSG_DONTWAIT);
		if (got > 0) {
			pos += got;
			len -= (size_t)got;
			continue;
		}
		if (got == 0)
			return burr_fail(err, BURR_ECLOSED, "the collector has gone");
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return fail_io("receive from", err);
		burr_status status = wait_for(link, POLLIN, deadline_ns, err);
		if (status != BURR_OK)
			return status;
	}
	return BURR_OK;
}

/* ---- connecting ---- */

static burr_status fail_connect(const struct sockaddr_un *address, burr_error *err)
{
	bool nobody = errno == ENOENT || errno == ECONNREFUSED;
	return burr_fail(err, nobody ? BURR_ENOTFOUND : store_errno_status(errno), "connect to %s: %s",
		address->sun_path, strerror(errno));
}

/* A Unix socket connects at once or not at all, unless the listener's queue is full, which is how a collector
 * that is stopped ends up: then connect would wait without end. */
static burr_status connect_to(struct link *link, struct store *store, int64_t deadline_ns, burr_error *err)
{
	struct sockaddr_un address;
	if (!link_address(store, &address))
		return burr_fail(err, BURR_EIO, "the path of the store's socket is too long");
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (link->fd < 0)
		return burr_fail(err, BURR_EIO, "make a socket: %s", strerror(errno));
	while (connect(link->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EAGAIN)
			return fail_connect(&address, err);
		if (!left_ms(deadline_ns))
			return burr_fail(err, BURR_ETIMEOUT, "the collector does not answer");
		poll(NULL, 0, CONNECT_AGAIN_MS);
	}
	return BURR_OK;
}

static burr_status greet(struct link *link, int64_t deadline_ns, burr_error *err)
{
	uint8_t theirs[sizeof(FRAME_GREETING_REP)];
	struct iovec part = {(void *)(uintptr_t)FRAME_GREETING_REQ, sizeof(FRAME_GREETING_REQ)};
	burr_status status = send_all(link, &part, 1, deadline_ns, err);
	if (status == BURR_OK)
		status = receive_all(link, theirs, sizeof(theirs), deadline_ns, err);
	if (status == BURR_OK && memcmp(theirs, FRAME_GREETING_REP, sizeof(theirs)) != 0)
		return burr_fail(err, BURR_ECORRUPT, "the store's socket is not a collector's");
	return status;
}

burr_status link_open(struct store *store, uint32_t timeout_ms, struct link **out, burr_error *err)
{
	struct link *link = calloc(1, sizeof(*link));
	if (!link)
		return burr_fail(err, BURR_ENOMEM, "no memory for a connection");
	link->fd = -1;
	int64_t deadline_ns = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
	burr_status status = connect_to(link, store, deadline_ns, err);
	if (status == BURR_OK)
		status = greet(link, deadline_ns, err);
	if (status != BURR_OK) {
		link_close(link);
		return status;
	}
	*out = link;
	return BURR_OK;
}

void link_close(struct link *link)
{
	if (!link)
		return;
	fd_close(&link->fd);
	free(link);
}

int link_fd(const struct link *link)
{
	return link->fd;
}

void link_interrupt(struct link *link)
{
	shutdown(link->fd, SHUT_RDWR);
}

/* ---- asking ---- */

static burr_status receive_reply(
	struct link *link, int64_t deadline_ns, uint32_t *out_id, struct buf *out, burr_error *err)
{
	uint8_t head[FRAME_HEAD];
	uint64_t len;
	burr_status status = receive_all(link, head, sizeof(head), deadline_ns, err);
	if (status != BURR_OK)
		return status;
	if (!frame_read(head, &len) || len > MESSAGE_BYTES_MAX)
		return burr_fail(err, BURR_ECORRUPT, "a frame that is not nng's");
	*out_id = frame_id(head);
	buf_clear(out);
	char *to = buf_reserve(out, (size_t)len);
	if (!to)
		return burr_fail(err, BURR_ENOMEM, "no memory for a reply");
	status = receive_all(link, to, (size_t)len, deadline_ns, err);
	out->len = status == BURR_OK ? (size_t)len : 0;
	return status;
}

burr_status link_ask(
	struct link *link, struct slice request, int timeout_ms, struct buf *out_reply, burr_error *err)
{
	uint8_t head[FRAME_HEAD];
	int64_t deadline_ns = timeout_ms < 0 ? -1 : clock_mono_ns() + (int64_t)timeout_ms * 1000000;
	uint32_t id = UINT32_C(0x80000000) | ++link->id;
	frame_write(head, id, request.len);
	struct iovec parts[] = {{head, sizeof(head)}, {(void *)(uintptr_t)request.data, request.len}};
	burr_status status = send_all(link, parts, 2, deadline_ns, err);
	uint32_t got_id = 0;
	while (status == BURR_OK && got_id != id) /* an older answer is nobody's any more */
		status = receive_reply(link, deadline_ns, &got_id, out_reply, err);
	return status;
}
