#include "ingest/peers.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "link/frame.h"
#include "link/link.h"
#include "report/report.h"
#include "wire/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum {
	EVENTS = 64, /* at once: a round through all busy peers */
	BACKLOG = 128,
	REPORT_EVERY_MS = 10000,
	ACCEPT_AGAIN_MS = 100, /* when no descriptor was to be had */
};

/* What a peer is doing. Each state ends when its bytes are there, or have gone. */
enum peer_state {
	PEER_GREETS, /* its greeting comes */
	PEER_IDLE,   /* the head of its next request comes */
	PEER_WAITS,  /* the head is there, and no room for the rest yet */
	PEER_ASKS,   /* the rest comes */
	PEER_HEARS,  /* our answer goes */
};

struct peer {
	struct peer *next; /* all, or the closed ones of a round */
	struct peer **at;
	int fd;
	enum peer_state state;
	uint8_t head[FRAME_HEAD];
	size_t have;      /* bytes of greeting, head or body so far; of the answer sent */
	size_t want;      /* the body's length */
	struct buf bytes; /* the body, then the answer */
	int64_t moved_ns; /* when a byte of the message came last */
};

struct peers {
	const struct store *store;
	peers_request_fn *on_request;
	void *ctx;
	int epoll_fd;
	int listen_fd;
	int wake_fd;
	bool listening; /* listen_fd is in the epoll set */
	bool refusing;
	bool no_descriptors; /* accept failed for want of them; tried again in a while */
	struct peer *first;
	struct peer *closed; /* freed after the round: an event of it may still come */
	uint32_t count;
	size_t held_bytes; /* of bodies that are coming, beyond PEERS_SMALL each */
	uint32_t waiting;  /* peers in PEER_WAITS */
	struct buf reply;
};

/* ---- the set of descriptors ---- */

static bool watch(struct peers *p, int op, int fd, uint32_t events, void *of)
{
	struct epoll_event event = {.events = events, .data.ptr = of};
	return epoll_ctl(p->epoll_fd, op, fd, &event) == 0;
}

/* Listen while there is room. */
static void set_listening(struct peers *p, bool on)
{
	if (on != p->listening &&
		watch(p, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, p->listen_fd, EPOLLIN, &p->listen_fd))
		p->listening = on;
}

static void drop(struct peers *p, struct peer *peer)
{
	if (peer->fd < 0)
		return;
	epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, peer->fd, NULL);
	fd_close(&peer->fd);
	if (peer->state == PEER_ASKS && peer->want > PEERS_SMALL)
		p->held_bytes -= peer->want;
	p->waiting -= peer->state == PEER_WAITS;
	*peer->at = peer->next;
	if (peer->next)
		peer->next->at = peer->at;
	peer->next = p->closed;
	p->closed = peer;
	p->count--;
}

static void free_closed(struct peers *p)
{
	while (p->closed) {
		struct peer *peer = p->closed;
		p->closed = peer->next;
		buf_fini(&peer->bytes);
		free(peer);
	}
}

/* ---- accepting ---- */

static bool is_owner(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
		(who.uid == geteuid() || who.uid == 0))
		return true;
	report_seldom(REPORT_EVERY_MS, "refused a connection of another user: the store is not theirs");
	return false;
}

static void add_peer(struct peers *p, int fd)
{
	struct peer *peer = is_owner(fd) ? calloc(1, sizeof(*peer)) : NULL;
	/* Eight bytes fit into an empty socket. */
	if (!peer || send(fd, FRAME_GREETING_REP, sizeof(FRAME_GREETING_REP), MSG_NOSIGNAL) < 0 ||
		!watch(p, EPOLL_CTL_ADD, fd, EPOLLIN, peer)) {
		free(peer);
		close(fd);
		return;
	}
	peer->fd = fd;
	peer->moved_ns = clock_mono_ns();
	peer->next = p->first;
	peer->at = &p->first;
	if (peer->next)
		peer->next->at = &peer->next;
	p->first = peer;
	p->count++;
}

static void accept_all(struct peers *p)
{
	p->no_descriptors = false;
	while (p->count < PEERS_MAX) {
		int fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			add_peer(p, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			report_seldom(REPORT_EVERY_MS, "cannot accept a writer now: %s", strerror(errno));
			p->no_descriptors = true;
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

/* ---- one peer ---- */

/* Bytes up to `len` of what is awaited: 1 all there, 0 not yet, -1 the peer has gone. */
static int receive(struct peer *peer, void *to, size_t len)
{
	while (peer->have < len) {
		ssize_t got = recv(peer->fd, (char *)to + peer->have, len - peer->have, 0);
		if (got > 0) {
			peer->have += (size_t)got;
			peer->moved_ns = clock_mono_ns();
		} else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
			return -1;
		} else if (errno == EAGAIN) {
			return 0;
		}
	}
	return 1;
}

static int send_rest(struct peer *peer)
{
	while (peer->have < peer->bytes.len) {
		ssize_t sent = send(
			peer->fd, peer->bytes.data + peer->have, peer->bytes.len - peer->have, MSG_NOSIGNAL);
		if (sent >= 0)
			peer->have += (size_t)sent;
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return -1;
	}
	return 1;
}

static void enter(struct peer *peer, enum peer_state state)
{
	peer->state = state;
	peer->have = 0;
}

/* Room for the body, or the peer waits for it: its bytes stay in the socket. */
static bool take_room(struct peers *p, struct peer *peer)
{
	bool large = peer->want > PEERS_SMALL;
	bool was_waiting = peer->state == PEER_WAITS;
	if (large && p->held_bytes && p->held_bytes + peer->want > PEERS_BYTES_MAX) {
		p->waiting += !was_waiting;
		peer->state = PEER_WAITS;
		watch(p, EPOLL_CTL_MOD, peer->fd, 0, peer);
		return false;
	}
	if (was_waiting) {
		p->waiting--;
		watch(p, EPOLL_CTL_MOD, peer->fd, EPOLLIN, peer);
	}
	p->held_bytes += large ? peer->want : 0;
	enter(peer, PEER_ASKS);
	buf_clear(&peer->bytes);
	return true;
}

/* The head says how long the rest is. False: not nng's bytes, or over the limit. */
static bool read_head(struct peer *peer)
{
	uint64_t len;
	if (!frame_read(peer->head, &len) || len > MESSAGE_BYTES_MAX) {
		report_seldom(REPORT_EVERY_MS, "refused a connection: not the bytes of a writer");
		return false;
	}
	peer->want = (size_t)len;
	return true;
}

static void answer(struct peers *p, struct peer *peer)
{
	if (peer->want > PEERS_SMALL)
		p->held_bytes -= peer->want;
	buf_clear(&p->reply);
	p->on_request(p->ctx, (struct slice){peer->bytes.data, peer->want}, &p->reply);
	/* A large request's memory goes back at once: most are small. */
	if (peer->bytes.cap > PEERS_SMALL)
		buf_fini(&peer->bytes);
	buf_clear(&peer->bytes);
	uint8_t head[FRAME_HEAD];
	frame_write(head, frame_id(peer->head), p->reply.len);
	buf_append(&peer->bytes, head, sizeof(head));
	buf_append_slice(&peer->bytes, buf_slice(&p->reply));
	peer->bytes.failed = peer->bytes.failed || p->reply.failed;
	enter(peer, PEER_HEARS);
}

/* One step of a peer's way: true to go on with the next, false to wait for its socket. A peer that is no
 * longer of use is dropped. */
static bool step(struct peers *p, struct peer *peer)
{
	uint8_t *greeting = peer->head;
	int done = -1;
	switch (peer->state) {
	case PEER_GREETS:
		done = receive(peer, greeting, sizeof(FRAME_GREETING_REQ));
		if (done > 0 && memcmp(greeting, FRAME_GREETING_REQ, sizeof(FRAME_GREETING_REQ)) != 0)
			done = -1;
		if (done > 0)
			enter(peer, PEER_IDLE);
		break;
	case PEER_IDLE:
		done = receive(peer, peer->head, FRAME_HEAD);
		if (done > 0 && !read_head(peer))
			done = -1;
		if (done > 0)
			return take_room(p, peer);
		break;
	case PEER_WAITS:
		return take_room(p, peer);
	case PEER_ASKS:
		done = buf_reserve(&peer->bytes, peer->want) ? receive(peer, peer->bytes.data, peer->want)
							     : -1;
		if (done > 0)
			answer(p, peer);
		break;
	case PEER_HEARS:
		done = peer->bytes.failed ? -1 : send_rest(peer);
		if (done >= 0)
			watch(p, EPOLL_CTL_MOD, peer->fd, done ? EPOLLIN : EPOLLOUT, peer);
		if (done > 0)
			enter(peer, PEER_IDLE);
		/* One request a turn, so that a busy peer does not starve the others. */
		if (done > 0)
			return false;
		break;
	}
	if (done < 0)
		drop(p, peer);
	return done > 0;
}

/* ---- rounds ---- */

static bool is_unfinished(const struct peer *peer)
{
	return peer->state == PEER_GREETS || peer->state == PEER_ASKS ||
	       (peer->state == PEER_IDLE && peer->have > 0);
}

/* Peers that stopped in the middle of a message are let go; those that waited for room get it. Returns in how
 * many ms to look again, PEERS_FOREVER when nobody is in the middle of one. */
static int look_after(struct peers *p)
{
	int64_t now = clock_mono_ns();
	int again_ms = p->no_descriptors ? ACCEPT_AGAIN_MS : PEERS_FOREVER;
	struct peer *next;
	for (struct peer *peer = p->first; peer; peer = next) {
		next = peer->next;
		if (peer->state == PEER_WAITS)
			while (step(p, peer))
				;
		if (peer->fd < 0 || !is_unfinished(peer))
			continue;
		int64_t left_ms = PEERS_STALL_MS - (now - peer->moved_ns) / 1000000;
		if (left_ms <= 0) {
			report_seldom(REPORT_EVERY_MS, "let go of a writer that stopped inside a message");
			drop(p, peer);
		} else if (again_ms < 0 || left_ms < again_ms) {
			again_ms = (int)left_ms;
		}
	}
	return again_ms;
}

static void serve_event(struct peers *p, const struct epoll_event *event)
{
	uint64_t count;
	if (event->data.ptr == &p->listen_fd) {
		accept_all(p);
	} else if (event->data.ptr == &p->wake_fd) {
		ssize_t got = read(p->wake_fd, &count, sizeof(count)); /* only to make it quiet again */
		(void)got;
	} else {
		struct peer *peer = event->data.ptr;
		if (peer->fd >= 0 && peer->state == PEER_WAITS) /* hung up: nothing else is watched then */
			drop(p, peer);
		while (peer->fd >= 0 && step(p, peer))
			;
	}
}

static int earlier_ms(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

void peers_serve(struct peers *p, int timeout_ms)
{
	struct epoll_event events[EVENTS];
	if (p->no_descriptors && !p->refusing)
		accept_all(p);
	int again_ms = look_after(p);
	set_listening(p, p->count < PEERS_MAX && !p->no_descriptors && !p->refusing);
	int count = epoll_wait(p->epoll_fd, events, EVENTS, earlier_ms(again_ms, timeout_ms));
	for (int i = 0; i < count; i++)
		serve_event(p, &events[i]);
	free_closed(p);
}

void peers_refuse(struct peers *p)
{
	p->refusing = true;
}

void peers_wake(struct peers *p)
{
	uint64_t one = 1;
	/* Can fail only when it is awake 2^64 times over. */
	ssize_t put = write(p->wake_fd, &one, sizeof(one));
	(void)put;
}

uint32_t peers_count(const struct peers *p)
{
	return p->count;
}

/* ---- life ---- */

static burr_status fail_errno(const char *what, burr_error *err)
{
	return burr_fail(err, store_errno_status(errno) == BURR_EPERM ? BURR_EPERM : BURR_EIO, "%s: %s", what,
		strerror(errno));
}

static burr_status listen_on(struct peers *p, burr_error *err)
{
	struct sockaddr_un address;
	if (!link_address(p->store, &address))
		return burr_fail(err, BURR_EIO, "the path of the store's socket is too long");
	p->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->listen_fd < 0)
		return fail_errno("make a socket", err);
	if (unlinkat(p->store->dir_fd, LINK_SOCKET_FILE, 0) < 0 && errno != ENOENT)
		return fail_errno("remove the old socket", err);
	/* Before anybody can connect, nobody else may: the mode is set between bind and listen. */
	if (bind(p->listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		fchmodat(p->store->dir_fd, LINK_SOCKET_FILE, 0600, 0) < 0 ||
		listen(p->listen_fd, BACKLOG) < 0)
		return fail_errno(address.sun_path, err);
	return BURR_OK;
}

burr_status peers_open(const struct store *store, peers_request_fn *on_request, void *ctx, struct peers **out,
	burr_error *err)
{
	struct peers *p = calloc(1, sizeof(*p));
	if (!p)
		return burr_fail(err, BURR_ENOMEM, "no memory for connections");
	*p = (struct peers){.store = store, .on_request = on_request, .ctx = ctx, .listen_fd = -1};
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	burr_status status = BURR_OK;
	if (p->epoll_fd < 0 || p->wake_fd < 0 || !watch(p, EPOLL_CTL_ADD, p->wake_fd, EPOLLIN, &p->wake_fd))
		status = fail_errno("wait for connections", err);
	if (status == BURR_OK)
		status = listen_on(p, err);
	if (status != BURR_OK) {
		peers_close(p);
		return status;
	}
	*out = p;
	return BURR_OK;
}

void peers_close(struct peers *p)
{
	if (!p)
		return;
	if (p->listen_fd >= 0)
		unlinkat(p->store->dir_fd, LINK_SOCKET_FILE, 0);
	while (p->first)
		drop(p, p->first);
	free_closed(p);
	fd_close(&p->listen_fd);
	fd_close(&p->wake_fd);
	fd_close(&p->epoll_fd);
	buf_fini(&p->reply);
	free(p);
}
