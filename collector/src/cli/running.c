#include "cli/running.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/fetch.h"
#include "cli/take.h"
#include "link/link.h"

#include <errno.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { LOOK_AGAIN_MS = 20 };

void running_fini(struct running *running)
{
	buf_fini(&running->url);
	buf_fini(&running->version);
	buf_fini(&running->started);
	buf_fini(&running->local_url);
	buf_fini(&running->token);
	buf_fini(&running->cert);
}

void running_put_note(struct buf *out, const struct running *running, const char *store)
{
	json_put_open(out, '{');
	json_put_member_int(out, "pid", getpid());
	json_put_member(out, "url", buf_slice(&running->url));
	json_put_member(out, "version", slice_of(burr_version()));
	json_put_member(out, "store", slice_of(store));
	json_put_member(out, "started", buf_slice(&running->started));
	json_put_member(out, "local_url", buf_slice(&running->local_url));
	json_put_member(out, "token", buf_slice(&running->token));
	json_put_member(out, "cert", buf_slice(&running->cert));
	json_put_close(out, '}');
	buf_append_char(out, '\n');
}

bool running_find(struct store *store, struct running *out)
{
	CLEAN(buf_fini) struct buf note = BUF_INIT;
	if (!store_has_collector(store, NULL))
		return false;
	store_read_collector(store, &note);
	struct slice object = buf_slice(&note);
	const struct {
		const char *name;
		struct buf *text;
	} texts[] = {
		{"url", &out->url},
		{"version", &out->version},
		{"started", &out->started},
		{"local_url", &out->local_url},
		{"token", &out->token},
		{"cert", &out->cert},
	};
	/* A collector that has only just begun may not have written it: what is missing stays empty. */
	out->pid = 0;
	(void)json_to_int(json_find(object, "pid"), &out->pid);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		buf_clear(texts[i].text);
		(void)json_to_text(json_find(object, texts[i].name), texts[i].text);
	}
	return true;
}

bool running_await(struct store *store, int wait_ms, struct running *out)
{
	int64_t deadline_ns = clock_mono_ns() + (int64_t)wait_ms * 1000000;
	while (running_find(store, out)) {
		if (out->url.len || clock_mono_ns() >= deadline_ns)
			return true;
		usleep(LOOK_AGAIN_MS * 1000);
	}
	return false;
}

burr_status running_get(const struct running *running, const char *path, int timeout_ms, struct buf *out_body,
	burr_error *err)
{
	const struct fetch fetch = {
		.url = running->local_url.data,
		.token = running->token.len ? running->token.data : NULL,
		.cert = running->cert.len ? running->cert.data : NULL,
	};
	if (!running->local_url.len)
		return burr_fail(err, BURR_ENOTFOUND, "it has no address yet");
	return fetch_get(&fetch, path, timeout_ms, out_body, err);
}

void running_put_link(const struct running *running, const char *path, struct buf *out)
{
	buf_append_slice(out, buf_slice(&running->url));
	if (running->token.len)
		buf_printf(out, "%s#token=%s", path, running->token.data);
	else if (strcmp(path, "/") != 0)
		buf_append_str(out, path);
}

/* Connect to the store's socket. No greeting: a collector that is too busy to answer can be held, too. */
static burr_status connect_to(const struct store *store, int *out_fd, burr_error *err)
{
	struct sockaddr_un address;
	if (!link_address(store, &address))
		return burr_fail(err, BURR_EIO, "the path of the store's socket is too long");
	CLEAN(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return burr_fail(err, BURR_EIO, "make a socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return burr_fail(err, errno == EAGAIN ? BURR_ETIMEOUT : store_errno_status(errno),
			"connect to its socket: %s", strerror(errno));
	*out_fd = take_fd(&fd);
	return BURR_OK;
}

burr_status running_hold(struct store *store, int64_t *out_pid, int *out_pidfd, burr_error *err)
{
	CLEAN(fd_close) int fd = -1;
	CLEAN(fd_close) int pidfd = -1;
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	burr_status status = connect_to(store, &fd, err);
	if (status != BURR_OK)
		return status;
	/* For one who connected the kernel names the process that listens. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.pid <= 0)
		return burr_fail(err, BURR_EPERM, "it runs where its process cannot be seen from here");
	pidfd = pidfd_open(peer.pid, 0);
	if (pidfd < 0)
		return burr_fail(err, BURR_EIO, "process %d: %s", (int)peer.pid, strerror(errno));
	/* Still connected after the descriptor was made: the process lives, so the descriptor is its. */
	struct pollfd p = {.fd = fd};
	if (poll(&p, 1, 0) > 0)
		return burr_fail(err, BURR_ECLOSED, "it is just ending");
	*out_pid = peer.pid;
	*out_pidfd = take_fd(&pidfd);
	return BURR_OK;
}
