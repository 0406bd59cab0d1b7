#include "link/link.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "wire/limits.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char SOCKET_FILE[] = ".burr-socket";
static const uint8_t GREETING_REQ[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
static const uint8_t GREETING_REP[8] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

enum {
	FRAME_HEAD = 9, /* 0x01 and the message's length */
	ID_LEN = 4,     /* the request id in front of the body */
};

struct link {
	int fd;
	uint32_t id;
};

bool link_address(const struct store *store, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	const size_t room = sizeof(out->sun_path);
	int len = snprintf(out->sun_path, room, "%s/%s", store->path, SOCKET_FILE);
	if (len > 0 && (size_t)len < room)
		return true;
	len = snprintf(out->sun_path, room, "/proc/self/fd/%d/%s", store->dir_fd, SOCKET_FILE);
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

static burr_status connect_to(struct link *link, struct store *store, burr_error *err)
{
	struct sockaddr_un address;
	if (!link_address(store, &address))
		return burr_fail(err, BURR_EIO, "the path of the store's socket is too long");
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return burr_fail(err, BURR_EIO, "make a socket: %s", strerror(errno));
	/* A Unix socket connects at once or not at all, unless the listener's queue is full: then it is busy.
	 */
	if (connect(link->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return BURR_OK;
	bool nobody = errno == ENOENT || errno == ECONNREFUSED;
	return burr_fail(err, nobody ? BURR_ENOTFOUND : store_errno_status(errno), "connect to %s: %s",
		address.sun_path, strerror(errno));
}

static burr_status greet(struct link *link, int64_t deadline_ns, burr_error *err)
{
	uint8_t theirs[sizeof(GREETING_REP)];
	struct iovec part = {(void *)(uintptr_t)GREETING_REQ, sizeof(GREETING_REQ)};
	burr_status status = send_all(link, &part, 1, deadline_ns, err);
	if (status == BURR_OK)
		status = receive_all(link, theirs, sizeof(theirs), deadline_ns, err);
	if (status == BURR_OK && memcmp(theirs, GREETING_REP, sizeof(theirs)) != 0)
		return burr_fail(err, BURR_ECORRUPT, "the store's socket is not a collector's");
	return status;
}

burr_status link_open(struct store *store, uint32_t timeout_ms, struct link **out, burr_error *err)
{
	struct link *link = calloc(1, sizeof(*link));
	if (!link)
		return burr_fail(err, BURR_ENOMEM, "no memory for a connection");
	link->fd = -1;
	burr_status status = connect_to(link, store, err);
	if (status == BURR_OK)
		status = greet(link, clock_mono_ns() + (int64_t)timeout_ms * 1000000, err);
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

static void put_big_endian(uint8_t *to, uint64_t value, int len)
{
	for (int i = 0; i < len; i++)
		to[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
}

static uint64_t get_big_endian(const uint8_t *from, int len)
{
	uint64_t value = 0;
	for (int i = 0; i < len; i++)
		value = value << 8 | from[i];
	return value;
}

static burr_status receive_reply(
	struct link *link, int64_t deadline_ns, uint32_t *out_id, struct buf *out, burr_error *err)
{
	uint8_t head[FRAME_HEAD + ID_LEN];
	burr_status status = receive_all(link, head, sizeof(head), deadline_ns, err);
	if (status != BURR_OK)
		return status;
	uint64_t len = get_big_endian(head + 1, 8);
	if (head[0] != 1 || len < ID_LEN || len > MESSAGE_BYTES_MAX)
		return burr_fail(err, BURR_ECORRUPT, "a frame that is not nng's");
	*out_id = (uint32_t)get_big_endian(head + FRAME_HEAD, ID_LEN);
	len -= ID_LEN;
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
	uint8_t head[FRAME_HEAD + ID_LEN] = {1};
	int64_t deadline_ns = timeout_ms < 0 ? -1 : clock_mono_ns() + (int64_t)timeout_ms * 1000000;
	uint32_t id = UINT32_C(0x80000000) | ++link->id;
	put_big_endian(head + 1, ID_LEN + request.len, 8);
	put_big_endian(head + FRAME_HEAD, id, ID_LEN);
	struct iovec parts[] = {{head, sizeof(head)}, {(void *)(uintptr_t)request.data, request.len}};
	burr_status status = send_all(link, parts, 2, deadline_ns, err);
	uint32_t got_id = 0;
	while (status == BURR_OK && got_id != id) /* an older answer is nobody's any more */
		status = receive_reply(link, deadline_ns, &got_id, out_reply, err);
	return status;
}
