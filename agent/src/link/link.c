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
	/* The request that is under way, and as much of its answer as there is. */
	uint8_t head[FRAME_HEAD];
	struct slice request;
	size_t sent;
	uint8_t reply_head[FRAME_HEAD];
	uint64_t reply_len;
	size_t received;
};

bool link_address(const struct store *store, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	const size_t room = sizeof(out->sun_path);
	int len = snprintf(out->sun_path, room, "%s/%s", store->path, LINK_SOCKET_FILE);
	if (len > 0 && (size_t)len < room)
		return true;
	len = snprintf(out->sun_path, room, "/proc/thread-self/fd/%d/%s", store->dir_fd, LINK_SOCKET_FILE);
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

/* ---- asking ---- */

void link_begin(struct link *link, struct slice request)
{
	link->request = request;
	link->sent = link->received = 0;
	frame_write(link->head, UINT32_C(0x80000000) | ++link->id, request.len);
}

/* What is left of head and request, as far as the socket takes it. */
static burr_status send_some(struct link *link, burr_error *err)
{
	const size_t all = FRAME_HEAD + link->request.len;
	while (link->sent < all) {
		struct iovec parts[2];
		struct msghdr message = {.msg_iov = parts};
		if (link->sent < FRAME_HEAD)
			parts[message.msg_iovlen++] =
				(struct iovec){link->head + link->sent, FRAME_HEAD - link->sent};
		size_t body = link->sent > FRAME_HEAD ? link->sent - FRAME_HEAD : 0;
		parts[message.msg_iovlen++] = (struct iovec){
			(void *)(uintptr_t)(link->request.data + body), link->request.len - body};
		ssize_t sent = sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent >= 0)
			link->sent += (size_t)sent;
		else if (errno == EAGAIN)
			return BURR_OK;
		else if (errno != EINTR)
			return fail_io("send to", err);
	}
	return BURR_OK;
}

/* What is there of the reply; *out_done when it is whole. An older request's is nobody's any more. */
static burr_status receive_some(struct link *link, struct buf *out, bool *out_done, burr_error *err)
{
	for (;;) {
		bool in_head = link->received < FRAME_HEAD;
		size_t want = in_head ? FRAME_HEAD - link->received
				      : (size_t)link->reply_len + FRAME_HEAD - link->received;
		if (!in_head && !want) {
			*out_done = frame_id(link->reply_head) == frame_id(link->head);
			if (*out_done)
				return BURR_OK;
			link->received = 0;
			buf_clear(out);
			continue;
		}
		char *to = in_head ? (char *)link->reply_head + link->received : buf_reserve(out, want);
		if (!to)
			return burr_fail(err, BURR_ENOMEM, "no memory for a reply");
		ssize_t got = recv(link->fd, to, want, MSG_DONTWAIT);
		if (got == 0)
			return burr_fail(err, BURR_ECLOSED, "the collector has gone");
		if (got < 0 && errno == EAGAIN)
			return BURR_OK;
		if (got < 0 && errno != EINTR)
			return fail_io("receive from", err);
		if (got < 0)
			continue;
		link->received += (size_t)got;
		out->len += in_head ? 0 : (size_t)got;
		if (in_head && link->received == FRAME_HEAD &&
			(!frame_read(link->reply_head, &link->reply_len) ||
				link->reply_len > MESSAGE_BYTES_MAX))
			return burr_fail(err, BURR_ECORRUPT, "a frame that is not nng's");
	}
}

burr_status link_wait(struct link *link, int timeout_ms, struct buf *out_reply, burr_error *err)
{
	int64_t deadline_ns = clock_mono_ns() + (int64_t)timeout_ms * 1000000;
	bool done = false;
	if (!link->received)
		buf_clear(out_reply);
	for (;;) {
		burr_status status = send_some(link, err);
		if (status == BURR_OK)
			status = receive_some(link, out_reply, &done, err);
		if (status != BURR_OK || done)
			return status;
		bool sending = link->sent < FRAME_HEAD + link->request.len;
		status = wait_for(link, (short)(POLLIN | (sending ? POLLOUT : 0)), deadline_ns, err);
		if (status != BURR_OK)
			return status;
	}
}

burr_status link_ask(
	struct link *link, struct slice request, int timeout_ms, struct buf *out_reply, burr_error *err)
{
	link_begin(link, request);
	return link_wait(link, timeout_ms, out_reply, err);
}
