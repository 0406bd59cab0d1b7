#include "http/test_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what)                                                                                     \
	do {                                                                                            \
		if (!(what)) {                                                                          \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #what, strerror(errno)); \
			abort();                                                                        \
		}                                                                                       \
	} while (0)

/* h2o 2.2.5 keeps free buffers a thread and does not let go of them when the thread ends, and forgets its
 * message queue. Both are a few KB an event loop, once. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:h2o_mem_alloc_recycle\nleak:h2o_multithread_create_queue\n";
}

int client_connect(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	struct timeval limit = {.tv_sec = 60}; /* valgrind, beside other tests */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	return fd;
}

void client_send(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
			return; /* refused before all of it was sent */
		CHECK(sent > 0);
		text += sent;
		len -= (size_t)sent;
	}
}

void client_say(int fd, const char *text)
{
	client_send(fd, text, strlen(text));
}

/* One byte, or -1 at the end. */
static int read_byte(int fd)
{
	unsigned char byte;
	ssize_t got = recv(fd, &byte, 1, 0);
	CHECK(got >= 0 || errno == ECONNRESET);
	return got == 1 ? byte : -1;
}

static bool read_line(int fd, struct buf *out)
{
	for (int c; (c = read_byte(fd)) != -1;) {
		if (c == '\n')
			return true;
		if (c != '\r')
			buf_append_char(out, (char)c);
	}
	return false;
}

static void read_head(int fd, struct buf *head)
{
	for (;;) {
		size_t before = head->len;
		if (!read_line(fd, head) || head->len == before)
			return;
		buf_append_char(head, '\n');
	}
}

static void read_len(int fd, size_t len, struct buf *out)
{
	while (len > 0) {
		char *to = buf_reserve(out, len);
		ssize_t got = recv(fd, to, len, 0);
		CHECK(got > 0);
		out->len += (size_t)got;
		out->data[out->len] = '\0';
		len -= (size_t)got;
	}
}

/* False where the connection ends before the last chunk. */
static bool read_chunks(int fd, struct buf *out)
{
	struct buf line = BUF_INIT;
	size_t len = 1;
	bool whole = true;
	while (whole && len > 0) {
		buf_clear(&line);
		whole = read_line(fd, &line) && line.len > 0;
		len = whole ? strtoul(line.data, NULL, 16) : 0;
		for (size_t left = len; whole && left;) {
			char *to = buf_reserve(out, left);
			ssize_t got = recv(fd, to, left, 0);
			whole = got > 0;
			out->len += whole ? (size_t)got : 0;
			left -= whole ? (size_t)got : 0;
		}
		whole = whole && read_line(fd, &line);
	}
	buf_fini(&line);
	return whole;
}

static bool find_header(const struct buf *head, const char *name, char *value, size_t size)
{
	size_t name_len = strlen(name);
	const char *line = head->len ? head->data : "";
	for (; *line; line = strchr(line, '\n') + 1) {
		if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
			continue;
		const char *from = line + name_len + 2;
		snprintf(value, size, "%.*s", (int)strcspn(from, "\n"), from);
		return true;
	}
	snprintf(value, size, "%s", "");
	return false;
}

void client_read(int fd, bool no_body, struct answer *out)
{
	*out = (struct answer){0};
	read_head(fd, &out->head);
	if (out->head.len == 0)
		return;
	out->status = atoi(out->head.data + strlen("HTTP/1.1 "));
	char length[32];
	if (!no_body && find_header(&out->head, "content-length", length, sizeof(length)))
		read_len(fd, strtoul(length, NULL, 10), &out->body);
	else if (!no_body && find_header(&out->head, "transfer-encoding", length, sizeof(length)))
		out->cut = !read_chunks(fd, &out->body);
}

void answer_fini(struct answer *answer)
{
	buf_fini(&answer->head);
	buf_fini(&answer->body);
}

const char *answer_header(const struct answer *answer, const char *name)
{
	static char value[1024];
	find_header(&answer->head, name, value, sizeof(value));
	return value;
}

void client_ask(uint16_t port, const char *request, struct answer *out)
{
	int fd = client_connect(port);
	client_say(fd, request);
	client_read(fd, strncmp(request, "HEAD", 4) == 0, out);
	close(fd);
}

bool client_sees_end(int fd)
{
	char rest[4096];
	ssize_t got;
	while ((got = recv(fd, rest, sizeof(rest), 0)) > 0)
		;
	return got == 0 || errno == ECONNRESET;
}

struct stream stream_open(uint16_t port, const char *request)
{
	struct stream stream = {.fd = client_connect(port)};
	client_say(stream.fd, request);
	read_head(stream.fd, &stream.head);
	char encoding[32];
	stream.chunked = find_header(&stream.head, "transfer-encoding", encoding, sizeof(encoding));
	return stream;
}

static int stream_byte(struct stream *stream)
{
	if (stream->chunked && stream->chunk_left == 0) {
		struct buf line = BUF_INIT;
		while (line.len == 0 && read_line(stream->fd, &line))
			;
		stream->chunk_left = strtoul(line.len ? line.data : "0", NULL, 16);
		buf_fini(&line);
		if (stream->chunk_left == 0)
			return -1;
	}
	stream->chunk_left -= stream->chunked;
	return read_byte(stream->fd);
}

bool stream_next(struct stream *stream, struct buf *out)
{
	buf_clear(out);
	for (int c; (c = stream_byte(stream)) != -1;) {
		if (c == '\n' && out->len && out->data[out->len - 1] == '\n')
			return true;
		buf_append_char(out, (char)c);
	}
	return false;
}

void stream_close(struct stream *stream)
{
	close(stream->fd);
	buf_fini(&stream->head);
}

void gate_init(struct gate *gate)
{
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->changed, NULL);
	gate->entered = 0;
	gate->open = false;
}

void gate_pass(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->entered++;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

void gate_await(struct gate *gate, int entered)
{
	pthread_mutex_lock(&gate->lock);
	while (gate->entered < entered)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

bool eventually(bool (*is)(void *ctx), void *ctx)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	for (int i = 0; i < 10000; i++) {
		if (is(ctx))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}
