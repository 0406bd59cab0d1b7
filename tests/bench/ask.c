#include "bench/ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ASKED_MAX = 1000 };
static const int64_t READY_NS = INT64_C(60000000000);

in_port_t ask_port(const char *store)
{
	char name[2 * BENCH_PATH];
	char text[4096];
	long port = 0;
	snprintf(name, sizeof(name), "%s/.burr-collector", store);
	while (!port) { /* the note comes with the address */
		int fd = open(name, O_RDONLY);
		ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
		close(fd);
		text[len > 0 ? len : 0] = '\0';
		const char *at = strstr(text, "\"url\":\"http://localhost:");
		port = at ? strtol(at + strlen("\"url\":\"http://localhost:"), NULL, 10) : 0;
	}
	return (in_port_t)port;
}

/* ---- a connection ---- */

int ask_connect(in_port_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

void ask_open(struct asker *asker, in_port_t port)
{
	asker->port = port;
	asker->fd = -1;
	asker->len = asker->at = 0;
}

void ask_close(struct asker *asker)
{
	if (asker->fd >= 0)
		close(asker->fd);
	asker->fd = -1;
	asker->len = asker->at = 0;
}

static bool connect_anew(struct asker *asker)
{
	ask_close(asker);
	asker->fd = ask_connect(asker->port);
	return asker->fd >= 0;
}

static bool fill(struct asker *asker)
{
	ssize_t got = read(asker->fd, asker->bytes, sizeof(asker->bytes));
	asker->at = 0;
	asker->len = got > 0 ? (size_t)got : 0;
	return got > 0;
}

/* Without its end; false where the connection ends. */
static bool read_line(struct asker *asker, char *out, size_t size)
{
	size_t len = 0;
	for (;;) {
		if (asker->at == asker->len && !fill(asker))
			return false;
		char c = asker->bytes[asker->at++];
		if (c == '\n')
			break;
		if (c != '\r' && len + 1 < size)
			out[len++] = c;
	}
	out[len] = '\0';
	return true;
}

static void skip(struct asker *asker, size_t len)
{
	while (len) {
		bench_check(asker->at < asker->len || fill(asker), "read an answer");
		size_t some = asker->len - asker->at < len ? asker->len - asker->at : len;
		asker->at += some;
		len -= some;
	}
}

static size_t skip_chunks(struct asker *asker)
{
	char line[64];
	size_t total = 0;
	for (;;) {
		bench_check(read_line(asker, line, sizeof(line)), "read an answer");
		size_t len = strtoul(line, NULL, 16);
		total += len;
		skip(asker, len);
		bench_check(read_line(asker, line, sizeof(line)), "read an answer");
		if (!len)
			return total;
	}
}

/* ---- questions ---- */

/* The status; 0 where the connection has ended. */
static int ask_once(struct asker *asker, const char *path, size_t *out_len)
{
	char line[1024];
	size_t len = 0;
	bool chunked = false;
	int sent = snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	if (asker->fd < 0 || write(asker->fd, line, (size_t)sent) != sent ||
		!read_line(asker, line, sizeof(line)) || strncmp(line, "HTTP/1.1 ", 9) != 0)
		return 0;
	int status = (int)strtol(line + 9, NULL, 10);
	while (read_line(asker, line, sizeof(line)) && line[0]) {
		if (strncasecmp(line, "content-length:", 15) == 0)
			len = strtoul(line + 15, NULL, 10);
		else if (strncasecmp(line, "transfer-encoding:", 18) == 0)
			chunked = true;
	}
	if (chunked)
		len = skip_chunks(asker);
	else
		skip(asker, len);
	*out_len = len;
	return status;
}

size_t ask_get(struct asker *asker, const char *path)
{
	size_t len = 0;
	int status = ask_once(asker, path, &len);
	if (!status) {
		bench_check(connect_anew(asker), "connect");
		status = ask_once(asker, path, &len);
	}
	bench_check(status == 200, path);
	return len;
}

void ask_until_ready(in_port_t port, const char *path)
{
	struct asker asker;
	size_t len;
	ask_open(&asker, port);
	int64_t until_ns = bench_now_ns() + READY_NS;
	while (!connect_anew(&asker) || ask_once(&asker, path, &len) != 200) {
		bench_check(bench_now_ns() < until_ns, "a server that is ready");
		usleep(1000); /* what another program does is no event here */
	}
	ask_close(&asker);
}

struct timing ask_time(in_port_t port, const char *path, int count, double most_s)
{
	double times[ASKED_MAX] = {0};
	struct asker asker;
	struct timing out = {0};
	int n = 0;
	int64_t began = bench_now_ns();
	ask_open(&asker, port);
	while (n < count && n < ASKED_MAX && (n == 0 || (double)(bench_now_ns() - began) < most_s * 1e9)) {
		int64_t start = bench_now_ns();
		out.bytes = (double)ask_get(&asker, path);
		times[n++] = (double)(bench_now_ns() - start) / 1000;
	}
	ask_close(&asker);
	out.cold_us = times[0];
	out.p99_us = bench_quantile(times, (size_t)n, 0.99);
	out.median_us = bench_median(times, (size_t)n);
	return out;
}
