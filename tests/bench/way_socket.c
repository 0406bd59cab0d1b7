/* bench/way_socket.c: the least that the whole way can cost: the same bytes over a Unix stream socket to one
 * process that writes them. A writer sends a batch of up to 1 MiB, each line behind its application and
 * length; the server puts a batch's lines of an application together, writes them by one write(2), and
 * answers the batch with a byte. Nothing is checked, named, ordered or counted. */
#include "bench/peers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BATCH_BYTES = 1 << 20, PEERS_MAX = 16 };

struct head {
	uint32_t app;
	uint32_t len;
};

static void address(const char *folder, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	int len = snprintf(out->sun_path, sizeof(out->sun_path), "%s/socket", folder);
	errno = ENAMETOOLONG;
	bench_check(len < (int)sizeof(out->sun_path), folder);
}

static bool read_all(int fd, void *bytes, size_t len)
{
	for (size_t got = 0; got < len;) {
		ssize_t more = read(fd, (char *)bytes + got, len - got);
		if (more <= 0)
			return false;
		got += (size_t)more;
	}
	return true;
}

static void write_all(int fd, const void *bytes, size_t len)
{
	for (size_t put = 0; put < len;) {
		ssize_t more = write(fd, (const char *)bytes + put, len - put);
		bench_check(more > 0, "write");
		put += (size_t)more;
	}
}

/* ---- the server ---- */

struct server {
	const char *folder;
	int apps;
	int *fds;      /* of the logs, -1: not open yet */
	size_t *sizes; /* of a batch's lines, by application */
	char *batch;
	char *sorted;
};

static int log_of(struct server *server, int app)
{
	char path[BENCH_PATH + 30];
	if (server->fds[app] >= 0)
		return server->fds[app];
	snprintf(path, sizeof(path), "%s/%d.log", server->folder, app);
	server->fds[app] = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	bench_check(server->fds[app] >= 0, path);
	return server->fds[app];
}

static void store_batch(struct server *server, size_t len)
{
	struct head head;
	size_t *ends = server->sizes;
	memset(ends, 0, (size_t)server->apps * sizeof(*ends));
	for (size_t at = 0; at < len; at += sizeof(head) + head.len) {
		memcpy(&head, server->batch + at, sizeof(head));
		ends[head.app] += head.len;
	}
	size_t sum = 0;
	for (int app = 0; app < server->apps; app++) {
		size_t size = ends[app];
		ends[app] = sum; /* where it begins; moved to its end below */
		sum += size;
	}
	for (size_t at = 0; at < len; at += sizeof(head) + head.len) {
		memcpy(&head, server->batch + at, sizeof(head));
		memcpy(server->sorted + ends[head.app], server->batch + at + sizeof(head), head.len);
		ends[head.app] += head.len;
	}
	size_t start = 0;
	for (int app = 0; app < server->apps; app++) {
		if (ends[app] > start)
			write_all(log_of(server, app), server->sorted + start, ends[app] - start);
		start = ends[app];
	}
}

/* False at the writer's end. */
static bool serve_batch(struct server *server, int fd)
{
	uint32_t len;
	if (!read_all(fd, &len, sizeof(len)) || !read_all(fd, server->batch, len))
		return false;
	store_batch(server, len);
	return write(fd, "k", 1) == 1;
}

static void serve(struct server *server, int listener)
{
	struct pollfd fds[PEERS_MAX + 1] = {{.fd = listener, .events = POLLIN}};
	nfds_t count = 1;
	for (;;) {
		bench_check(poll(fds, count, -1) > 0, "poll");
		for (nfds_t i = 1; i < count; i++) {
			if (fds[i].revents && !serve_batch(server, fds[i].fd)) {
				close(fds[i].fd);
				fds[i] = fds[--count];
				fds[i--].revents = 0;
			}
		}
		if (fds[0].revents && count <= PEERS_MAX)
			fds[count++] = (struct pollfd){
				.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), .events = POLLIN};
	}
}

static pid_t start_server(const char *folder, const struct load *load)
{
	struct sockaddr_un at;
	struct rlimit files = {(rlim_t)load->apps + 100, (rlim_t)load->apps + 100};
	address(folder, &at);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(at.sun_path); /* an earlier round's */
	bench_check(listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
			    listen(listener, PEERS_MAX) == 0,
		at.sun_path);
	pid_t pid = bench_fork();
	if (pid > 0) {
		close(listener);
		return pid;
	}
	struct rlimit had;
	if (getrlimit(RLIMIT_NOFILE, &had) == 0 && had.rlim_cur < files.rlim_cur)
		bench_check(setrlimit(RLIMIT_NOFILE, &files) == 0, "more open files");
	struct server server = {folder, load->apps, calloc((size_t)load->apps, sizeof(int)),
		calloc((size_t)load->apps, sizeof(size_t)), malloc(BATCH_BYTES), malloc(BATCH_BYTES)};
	bench_check(server.fds && server.sizes && server.batch && server.sorted, "memory");
	memset(server.fds, -1, (size_t)load->apps * sizeof(int));
	serve(&server, listener);
	_exit(0);
}

/* ---- a writer ---- */

struct writer {
	int fd;
	uint32_t due; /* answers */
	uint32_t len;
	char batch[BATCH_BYTES];
};

static void *open_writer(const char *folder, const struct load *load)
{
	(void)load;
	struct sockaddr_un at;
	struct writer *writer = malloc(sizeof(*writer));
	address(folder, &at);
	bench_check(writer != NULL, "memory");
	writer->due = 0;
	writer->len = 0;
	writer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bench_check(
		writer->fd >= 0 && connect(writer->fd, (struct sockaddr *)&at, sizeof(at)) == 0, "connect");
	return writer;
}

static void send_batch(struct writer *writer)
{
	write_all(writer->fd, &writer->len, sizeof(writer->len));
	write_all(writer->fd, writer->batch, writer->len);
	writer->due++;
	writer->len = 0;
}

static void put(void *ctx, int app, int64_t number, const struct payload *payload)
{
	(void)number;
	struct writer *writer = ctx;
	struct head head = {(uint32_t)app, (uint32_t)payload->line_len};
	if (writer->len + sizeof(head) + head.len > sizeof(writer->batch))
		send_batch(writer);
	memcpy(writer->batch + writer->len, &head, sizeof(head));
	memcpy(writer->batch + writer->len + sizeof(head), payload->line, head.len);
	writer->len += (uint32_t)sizeof(head) + head.len;
}

static void drain(void *ctx)
{
	struct writer *writer = ctx;
	char answer;
	if (writer->len > 0)
		send_batch(writer);
	for (; writer->due > 0; writer->due--)
		bench_check(read(writer->fd, &answer, 1) == 1, "the server's answer");
}

static void close_writer(void *ctx)
{
	struct writer *writer = ctx;
	close(writer->fd);
	free(writer);
}

const struct way socket_way = {
	"socket and write(2)", NULL, start_server, open_writer, put, drain, close_writer, true};
