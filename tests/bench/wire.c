/* bench/wire.c: a question and its answer over the collector's wire: libburr's own client beside nng's REQ,
 * both against nng's REP in another process; and what each costs its host in threads. */
#include "bench/bench.h"
#include "link/link.h"

#include <dirent.h>
#include <math.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char about[] = "One request and its answer, of 600 B and of 256 KiB: lower is better.";

static void serve_echo(const char *url, int ready_fd)
{
	nng_socket sock;
	bench_check(nng_rep0_open(&sock) == 0 && nng_listen(sock, url, NULL, 0) == 0, "listen");
	bench_check(write(ready_fd, "r", 1) == 1, "tell");
	for (;;) {
		nng_msg *msg;
		if (nng_recvmsg(sock, &msg, 0) != 0)
			_exit(1);
		nng_msg_clear(msg); /* an acknowledgement is small */
		nng_msg_append(msg, "ok", 2);
		nng_sendmsg(sock, msg, 0);
	}
}

static double ask_link(struct link *link, struct slice request, int times)
{
	struct buf reply = BUF_INIT;
	int64_t began = bench_now_ns();
	for (int i = 0; i < times; i++)
		bench_check(link_ask(link, request, 60000, &reply, NULL) == BURR_OK, "ask");
	double ns = (double)(bench_now_ns() - began) / times;
	buf_fini(&reply);
	return ns;
}

static double ask_nng(nng_socket sock, struct slice request, int times)
{
	int64_t began = bench_now_ns();
	for (int i = 0; i < times; i++) {
		nng_msg *msg;
		bench_check(nng_msg_alloc(&msg, 0) == 0, "message");
		nng_msg_append(msg, request.data, request.len);
		bench_check(nng_sendmsg(sock, msg, 0) == 0 && nng_recvmsg(sock, &msg, 0) == 0, "ask");
		nng_msg_free(msg);
	}
	return (double)(bench_now_ns() - began) / times;
}

static int count_threads(void)
{
	int count = -2; /* . and .. */
	DIR *dir = opendir("/proc/self/task");
	while (dir && readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Peers that leave while they are greeted, as killed writers do; then one that stays. How many until it is
 * not answered any more; GREETED_MAX: it always is. */
enum { GREETED_MAX = 2000, GREETED_ROUND = 50, ANSWER_MS = 2000 };

static int count_greetings(struct store *store, const struct sockaddr_un *address)
{
	struct buf reply = BUF_INIT;
	int count = 0;
	bool answered = true;
	while (answered && count < GREETED_MAX) {
		for (int i = 0; i < GREETED_ROUND; i++, count++) {
			int fd = socket(AF_UNIX, SOCK_STREAM, 0);
			bench_check(fd >= 0, "socket");
			bench_check(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0,
				"connect");
			close(fd);
		}
		struct link *link = NULL;
		answered = link_open(store, ANSWER_MS, &link, NULL) == BURR_OK &&
			   link_ask(link, SLICE_LIT("x"), ANSWER_MS, &reply, NULL) == BURR_OK;
		link_close(link);
	}
	buf_fini(&reply);
	return count;
}

int main(int argc, char **argv)
{
	struct bench bench;
	struct store *store;
	struct sockaddr_un address;
	char url[200];
	char ready;
	int ready_fds[2];
	bench_init(&bench, "wire", about, argc, argv);
	bench_check(store_open(bench.folder, STORE_WRITE, &store, NULL) == BURR_OK, "open a store");
	bench_check(link_address(store, &address), "address");
	snprintf(url, sizeof(url), "ipc://%s", address.sun_path);
	bench_check(pipe(ready_fds) == 0, "pipe");
	pid_t server = fork();
	if (server == 0)
		serve_echo(url, ready_fds[1]);
	bench_check(read(ready_fds[0], &ready, 1) == 1, "wait for the server");

	int threads_before = count_threads();
	struct link *link;
	bench_check(link_open(store, 5000, &link, NULL) == BURR_OK, "connect");
	int threads_link = count_threads();
	nng_socket sock;
	bench_check(nng_req0_open(&sock) == 0 && nng_dial(sock, url, NULL, 0) == 0, "dial");
	int threads_nng = count_threads();

	static const struct {
		const char *name;
		size_t len;
		int times;
	} sizes[] = {{"600 B", 600, 5000}, {"256 KiB", 256 << 10, 500}};
	for (size_t i = 0; i < 2; i++) {
		double ours[BENCH_ROUNDS];
		double theirs[BENCH_ROUNDS];
		char what[80];
		char *bytes = calloc(1, sizes[i].len);
		struct slice request = {bytes, sizes[i].len};
		for (int round = 0; round < BENCH_ROUNDS; round++) {
			ours[round] = ask_link(link, request, sizes[i].times);
			theirs[round] = ask_nng(sock, request, sizes[i].times);
		}
		free(bytes);
		double peer = bench_median(theirs, BENCH_ROUNDS);
		snprintf(what, sizeof(what), "%s, libburr", sizes[i].name);
		bench_row(
			&bench, what, bench_median(ours, BENCH_ROUNDS) / 1000, "us", peer / 1000, "nng REQ");
		snprintf(what, sizeof(what), "%s, nng REQ", sizes[i].name);
		bench_row(&bench, what, peer / 1000, "us", NAN, NULL);
	}
	bench_row(&bench, "threads in the host, libburr's link", threads_link - threads_before, "threads",
		NAN, NULL);
	bench_row(&bench, "threads in the host, nng", threads_nng - threads_link, "threads", NAN, NULL);
	bench_row(&bench, "peers that left in the greeting until nng's end is deaf",
		count_greetings(store, &address), "of 2000", NAN, NULL);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	link_close(link);
	nng_close(sock);
	store_close(store);
	bench_fini(&bench);
	return 0;
}
