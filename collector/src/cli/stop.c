/* cli/stop.c: burr stop: ask the store's collector to end, and wait until it has. */
#include "base/clean.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/running.h"
#include "cli/say.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>

enum { WAIT_MS = 10000, STARTING_MS = 2000 };

static void free_store(struct store **store)
{
	store_close(*store);
}

static int say_unheld(struct store *store, const burr_error *err)
{
	CLEAN(running_fini) struct running running = RUNNING_INIT;
	if (!running_find(store, &running)) {
		say("burr has just ended.\n");
		return CLI_OK;
	}
	if (running.pid)
		say_error("the collector cannot be reached (%s): kill %lld ends it", err->message,
			(long long)running.pid);
	else
		say_error("the collector cannot be reached: %s", err->message);
	return CLI_ERROR;
}

int command_stop(const struct options *options)
{
	CLEAN(free_store) struct store *store = NULL;
	CLEAN(fd_close) int pidfd = -1;
	CLEAN(buf_fini) struct buf path = BUF_INIT;
	CLEAN(running_fini) struct running running = RUNNING_INIT;
	int64_t pid;
	burr_error err;
	int code = find_store(options->store, &store);
	if (code != CLI_OK)
		return code;
	human_path(&path, store->path);
	if (!running_await(store, STARTING_MS, &running)) {
		say("burr is not running on %s.\n", path.data);
		return CLI_ABSENT;
	}
	if (running_hold(store, &pid, &pidfd, &err) != BURR_OK)
		return say_unheld(store, &err);
	if (pidfd_send_signal(pidfd, SIGTERM, NULL, 0) < 0 && errno != ESRCH) {
		say_error("cannot end process %lld: %s", (long long)pid, strerror(errno));
		return CLI_ERROR;
	}
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	int ready;
	do
		ready = poll(&ended, 1, WAIT_MS);
	while (ready < 0 && errno == EINTR);
	if (ready <= 0) {
		say_error("process %lld has not ended in %d s: kill -9 %lld ends it by force", (long long)pid,
			WAIT_MS / 1000, (long long)pid);
		return CLI_ERROR;
	}
	say("burr has stopped (it was process %lld on %s).\n", (long long)pid, path.data);
	return CLI_OK;
}
