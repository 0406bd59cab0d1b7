#include "cli/running.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "link/link.h"
#include "wire/limits.h"
#include "wire/message.h"

#include <errno.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

enum { ASK_MS = 2000, LOOK_AGAIN_MS = 20 };

static void close_link(struct link **link)
{
	link_close(*link);
}

void running_fini(struct running *running)
{
	buf_fini(&running->url);
	buf_fini(&running->version);
	buf_fini(&running->started);
}

void running_put_note(struct buf *out, const char *url, const char *store, const char *started)
{
	json_put_open(out, '{');
	json_put_member_int(out, "pid", getpid());
	json_put_member(out, "url", slice_of(url));
	json_put_member(out, "version", slice_of(burr_version()));
	json_put_member(out, "store", slice_of(store));
	json_put_member(out, "started", slice_of(started));
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
	buf_clear(&out->url);
	buf_clear(&out->version);
	buf_clear(&out->started);
	out->pid = 0;
	/* A collector that has only just begun may not have written it: what is missing stays empty. */
	(void)json_to_int(json_find(object, "pid"), &out->pid);
	(void)json_to_text(json_find(object, "url"), &out->url);
	(void)json_to_text(json_find(object, "version"), &out->version);
	(void)json_to_text(json_find(object, "started"), &out->started);
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

/* The process that listens on the socket, by the kernel's word. */
static pid_t peer_pid(const struct link *link)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	return getsockopt(link_fd(link), SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
}

static burr_status greet(struct link *link, burr_error *err)
{
	CLEAN(buf_fini) struct buf message = BUF_INIT;
	CLEAN(buf_fini) struct buf answer = BUF_INIT;
	struct request request = {.protocol = PROTOCOL_VERSION};
	struct reply reply;
	request_put(&message, &request);
	burr_status status = link_ask(link, buf_slice(&message), ASK_MS, &answer, err);
	return status == BURR_OK ? reply_read(buf_slice(&answer), &reply, err) : status;
}

burr_status running_hold(struct store *store, int64_t *out_pid, int *out_pidfd, burr_error *err)
{
	CLEAN(close_link) struct link *link = NULL;
	burr_status status = link_open(store, ASK_MS, &link, err);
	if (status != BURR_OK)
		return status;
	pid_t pid = peer_pid(link);
	if (pid <= 0)
		return burr_fail(err, BURR_EPERM, "it runs where its process cannot be seen from here");
	CLEAN(fd_close) int fd = pidfd_open(pid, 0);
	if (fd < 0)
		return burr_fail(err, BURR_EIO, "process %d: %s", (int)pid, strerror(errno));
	/* It answers after the descriptor was made, so that is of the process that answers. */
	status = greet(link, err);
	if (status != BURR_OK)
		return status;
	*out_pid = pid;
	*out_pidfd = fd;
	fd = -1;
	return BURR_OK;
}
