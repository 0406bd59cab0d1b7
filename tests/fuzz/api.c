/* fuzz/api.c: any bytes as the target of a GET that a whole collector answers, over a connection: never a
 * crash, never a 500, and what is called JSON is JSON.
 *
 * The store has one run of some steps, with spans, an attribute, a stream, a failure and a damaged line, and
 * a child of it. An input is the target behind "/api/"; with a first byte below ' ' it is the whole request
 * instead. */
#include "folder.h"

#include "base/buf.h"
#include "base/json.h"
#include "cli/collector.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <strings.h>
#include <sys/socket.h>

enum { ANSWER_WAIT_MS = 10000 };

static struct collector *collector;
static struct edge edge;
static struct store *store;
static uint16_t port;

/* ---- the store ---- */

static const char metadata[] =
	"{\"type\":\"application_metadata\",\"partition_key\":\"user 1\",\"parent_pointer\":null,"
	"\"spawning_parent_pointer\":null}";
static const char graph[] =
	"{\"type\":\"application\",\"entrypoint\":\"a\",\"actions\":[{\"type\":\"action\",\"name\":\"a\","
	"\"reads\":[\"n\"],\"writes\":[\"n\"],\"code\":\"text\"}],\"transitions\":[{\"type\":\"transition\","
	"\"from_\":\"a\",\"to\":\"a\",\"condition\":\"default\"}]}";

static void put_step(struct buf *log, int n)
{
	buf_printf(log,
		"{\"type\":\"begin_entry\",\"start_time\":\"2026-01-01T00:00:%02d.000000Z\",\"action\":\"a\","
		"\"inputs\":{\"question\":\"what is %d?\"},\"sequence_id\":%d}\n"
		"{\"type\":\"begin_span\",\"start_time\":\"2026-01-01T00:00:%02d.100000Z\",\"action_sequence_"
		"id\":%d,"
		"\"span_id\":\"%d:0\",\"span_name\":\"ask\",\"parent_span_id\":null,\"span_dependencies\":[]}"
		"\n"
		"{\"type\":\"attribute\",\"key\":\"gen_ai.usage.input_tokens\",\"action_sequence_id\":%d,"
		"\"span_id\":\"%d:0\",\"value\":%d,\"tags\":{},\"time_logged\":\"2026-01-01T00:00:%02d."
		"150000Z\"}\n"
		"{\"type\":\"end_span\",\"end_time\":\"2026-01-01T00:00:%02d.200000Z\",\"action_sequence_"
		"id\":%d,"
		"\"span_id\":\"%d:0\"}\n",
		n, n, n, n, n, n, n, n, n, n, n, n, n);
	buf_printf(log,
		"{\"type\":\"end_entry\",\"end_time\":\"2026-01-01T00:00:%02d.500000Z\",\"action\":\"a\","
		"\"sequence_id\":%d,\"exception\":%s,\"result\":{\"r\":[1,2.50,\"\\u00e9\"]},"
		"\"state\":{\"n\":%d,\"list\":[%d,{\"deep\":{\"er\":[null,true]}}],\"text\":\"words %d\"}}\n",
		n, n, n == 5 ? "\"Traceback\\nValueError: 5\"" : "null", n, n, n);
}

static void make_run(int project_fd, const char *app_id, int steps)
{
	struct buf log = BUF_INIT;
	FUZZ_CHECK(mkdirat(project_fd, app_id, 0700) == 0);
	int fd = openat(project_fd, app_id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	for (int n = 0; n < steps; n++) {
		put_step(&log, n);
		if (n == 3)
			buf_append_str(&log, "{\"type\":\"end_entry\",\"seq\n");
	}
	fuzz_write_file(fd, "metadata.json", metadata, sizeof(metadata) - 1);
	fuzz_write_file(fd, "graph.json", graph, sizeof(graph) - 1);
	fuzz_write_file(fd, "log.jsonl", log.data, log.len);
	buf_fini(&log);
	close(fd);
}

static void make_store(void)
{
	int store_fd = open(fuzz_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(store_fd >= 0 && mkdirat(store_fd, "p", 0700) == 0);
	int project_fd = openat(store_fd, "p", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(project_fd >= 0);
	make_run(project_fd, "a", 12);
	make_run(project_fd, "b", 1);
	close(project_fd);
	close(store_fd);
}

/* ---- asking ---- */

static int connect_to_it(void)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FUZZ_CHECK(fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0);
	return fd;
}

/* What the server refuses it may refuse before it has read all. */
static void say(int fd, struct slice text)
{
	while (text.len) {
		ssize_t put = send(fd, text.data, text.len, MSG_NOSIGNAL);
		if (put <= 0)
			return;
		text.data += put;
		text.len -= (size_t)put;
	}
	shutdown(fd, SHUT_WR);
}

static bool is_stream(const struct buf *answer)
{
	return answer->len && strstr(answer->data, "content-type: text/event-stream");
}

static void await_bytes(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int count;
	do
		count = poll(&ready, 1, ANSWER_WAIT_MS);
	while (count < 0 && errno == EINTR); /* libFuzzer has timers */
	FUZZ_CHECK(count == 1);
}

/* All until the server closes, or the head of an answer that does not end. */
static void hear(int fd, struct buf *out)
{
	for (;;) {
		await_bytes(fd);
		char *to = buf_reserve(out, 65536);
		FUZZ_CHECK(to);
		ssize_t got = recv(fd, to, 65536, 0);
		if (got <= 0)
			return;
		out->len += (size_t)got;
		out->data[out->len] = '\0';
		if (is_stream(out))
			return;
	}
}

/* ---- what it said ---- */

/* The pieces of a chunked body in one. */
static struct slice join(char *body, size_t len)
{
	size_t from = 0;
	size_t to = 0;
	while (from < len) {
		char *end;
		const size_t piece = strtoull(body + from, &end, 16);
		from = (size_t)(end - body) + 2;
		if (!piece || from + piece > len)
			break;
		memmove(body + to, body + from, piece);
		to += piece;
		from += piece + 2;
	}
	return (struct slice){body, to};
}

static void check_answer(struct buf *answer)
{
	int status = 0;
	if (!answer->len || sscanf(answer->data, "HTTP/1.1 %d", &status) != 1)
		return; /* it was no request at all */
	FUZZ_CHECK((status >= 200 && status < 500) || status == 503);
	char *blank = strstr(answer->data, "\r\n\r\n");
	FUZZ_CHECK(blank);
	char *body = blank + 4;
	const size_t len = (size_t)(answer->data + answer->len - body);
	*blank = '\0';
	if (!strstr(answer->data, "content-type: application/json") || !len ||
		strstr(answer->data, "content-encoding"))
		return;
	const bool chunked = strstr(answer->data, "transfer-encoding: chunked");
	struct slice text = chunked ? join(body, len) : (struct slice){body, len};
	if (strstr(body, "HTTP/1.1 ")) /* the input was two requests */
		return;
	FUZZ_CHECK(json_validate(text, NULL, NULL) == BURR_OK);
}

/* ---- the target ---- */

static void stop(void)
{
	collector_close(collector);
	edge_fini(&edge);
	store_close(store);
}

static bool is_ready(void)
{
	struct buf answer = BUF_INIT;
	int fd = connect_to_it();
	say(fd, SLICE_LIT("GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
	hear(fd, &answer);
	close(fd);
	const bool ready = answer.len > 12 && strncmp(answer.data + 9, "200", 3) == 0;
	buf_fini(&answer);
	return ready;
}

static void start(void)
{
	static const struct options options = {.host = "127.0.0.1", .limit = -1};
	burr_error err = BURR_ERROR_INIT;
	make_store();
	FUZZ_CHECK(store_open(fuzz_folder(), STORE_WRITE, &store, &err) == BURR_OK);
	FUZZ_CHECK(store_claim_collector(store));
	FUZZ_CHECK(edge_init(&edge, &options, &err) == BURR_OK);
	if (collector_open(&edge, store, &collector, &err) != BURR_OK)
		fprintf(stderr, "%s\n", err.message);
	FUZZ_CHECK(collector);
	port = http_server_port(collector_http(collector));
	atexit(stop);
	while (!is_ready())
		continue;
}

static void put_request(struct buf *out, struct slice input)
{
	if (input.len && (unsigned char)input.data[0] < ' ') {
		buf_append(out, input.data + 1, input.len - 1);
		return;
	}
	buf_append_str(out, "GET /api/");
	buf_append_slice(out, input);
	buf_append_str(out, " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf request = BUF_INIT;
	struct buf answer = BUF_INIT;
	if (!collector)
		start();
	put_request(&request, (struct slice){(const char *)data, size});
	int fd = connect_to_it();
	say(fd, buf_slice(&request));
	hear(fd, &answer);
	close(fd);
	check_answer(&answer);
	buf_fini(&request);
	buf_fini(&answer);
	return 0;
}
