#include "http/events.h"

#include "http/server.h"
#include "http/test_client.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ASK(query) "GET /api/v1/events?" query " HTTP/1.1\r\nHost: localhost\r\n\r\n"

static struct http_server *start(unsigned max_listeners)
{
	struct http_server_options options = HTTP_SERVER_OPTIONS_INIT;
	struct http_server *server = NULL;
	burr_error err = BURR_ERROR_INIT;
	options.port = 0;
	options.version = "1.2.3";
	options.max_listeners = max_listeners;
	if (http_server_open(&options, &server, &err) != BURR_OK ||
		http_server_start(server, &err) != BURR_OK)
		fail_msg("%s", err.message);
	return server;
}

static int setup(void **state)
{
	*state = start(8);
	return 0;
}

static int teardown(void **state)
{
	http_server_close(*state);
	return 0;
}

static uint64_t cursor_of(struct http_server *server)
{
	struct http_stats stats;
	http_server_get_stats(server, &stats);
	return stats.cursor;
}

static void publish(struct http_server *server, const char *topic)
{
	http_publish(server, slice_of(topic));
}

/* The next event that is not a heartbeat. */
static void next(struct stream *stream, struct buf *event)
{
	do {
		assert_true(stream_next(stream, event));
	} while (strncmp(event->data, ":", 1) == 0);
}

static void expect_hello(struct stream *stream, uint64_t cursor)
{
	char text[128];
	struct buf event = BUF_INIT;
	next(stream, &event);
	snprintf(text, sizeof(text),
		"event: hello\ndata: {\"version\":\"1.2.3\",\"cursor\":%" PRIu64 "}\nid: %" PRIu64
		"\nretry: 1000\n",
		cursor, cursor);
	assert_string_equal(event.data, text);
	buf_fini(&event);
}

static void expect_change(struct stream *stream, const char *topic, uint64_t cursor, uint64_t id)
{
	char text[256];
	struct buf event = BUF_INIT;
	next(stream, &event);
	snprintf(text, sizeof(text),
		"event: change\ndata: {\"topic\":\"%s\",\"cursor\":%" PRIu64 "}\nid: %" PRIu64 "\n", topic,
		cursor, id);
	assert_string_equal(event.data, text);
	buf_fini(&event);
}

static void tells_changes(void **state)
{
	struct http_server *server = *state;
	uint64_t cursor = cursor_of(server);
	struct stream stream =
		stream_open(http_server_port(server), ASK("topics=projects,run/p/x%252Fy%2Ca+b,projects,"));
	assert_non_null(strstr(stream.head.data, "content-type: text/event-stream\n"));
	assert_non_null(strstr(stream.head.data, "cache-control: no-store\n"));
	assert_non_null(strstr(stream.head.data, "x-accel-buffering: no\n"));
	expect_hello(&stream, cursor);
	publish(server, "nobody/listens");
	publish(server, "projects");
	expect_change(&stream, "projects", cursor + 2, cursor + 2);
	publish(server, "run/p/x%2Fy");
	expect_change(&stream, "run/p/x%2Fy", cursor + 3, cursor + 3);
	publish(server, "a b");
	expect_change(&stream, "a b", cursor + 4, cursor + 4);
	stream_close(&stream);
}

/* The first is sent at once, what comes within the next 100 ms is merged into one. */
static void merges_changes(void **state)
{
	struct http_server *server = *state;
	struct stream stream = stream_open(http_server_port(server), ASK("topics=a,b"));
	uint64_t cursor = cursor_of(server);
	expect_hello(&stream, cursor);
	publish(server, "a");
	expect_change(&stream, "a", cursor + 1, cursor + 1);
	publish(server, "a");
	publish(server, "a");
	publish(server, "b");
	/* b overtakes a, so the id may not claim that a's changes were delivered. */
	expect_change(&stream, "b", cursor + 4, cursor + 1);
	expect_change(&stream, "a", cursor + 3, cursor + 4);
	stream_close(&stream);
}

static void loses_nothing_over_a_reconnect(void **state)
{
	struct http_server *server = *state;
	char request[256];
	publish(server, "a");
	uint64_t cursor = cursor_of(server);

	/* With the newest id nothing was missed. */
	char header[64];
	snprintf(header, sizeof(header), "Last-Event-ID: %" PRIu64 "\r\n", cursor);
	snprintf(request, sizeof(request),
		"GET /api/v1/events?topics=a,b HTTP/1.1\r\nHost: localhost\r\n%s\r\n", header);
	struct stream stream = stream_open(http_server_port(server), request);
	expect_hello(&stream, cursor);
	publish(server, "b");
	expect_change(&stream, "b", cursor + 1, cursor + 1);
	stream_close(&stream);

	/* With that id now, or nonsense, all topics have changed. */
	const char *const stale[] = {header, "Last-Event-ID: 17\r\n", "Last-Event-ID: nonsense\r\n"};
	cursor++;
	for (size_t i = 0; i < 3; i++) {
		snprintf(request, sizeof(request),
			"GET /api/v1/events?topics=a,b HTTP/1.1\r\nHost: localhost\r\n%s\r\n", stale[i]);
		stream = stream_open(http_server_port(server), request);
		struct buf event = BUF_INIT;
		next(&stream, &event);
		assert_non_null(strstr(event.data, "event: hello"));
		char id[64];
		snprintf(id, sizeof(id), "\nid: %" PRIu64 "\n", cursor - 1);
		assert_non_null(strstr(event.data, id)); /* the changes below are still to come */
		buf_fini(&event);
		expect_change(&stream, "a", cursor, cursor - 1);
		expect_change(&stream, "b", cursor, cursor);
		stream_close(&stream);
	}
}

static void speaks_http_1_0(void **state)
{
	struct http_server *server = *state;
	struct stream stream = stream_open(
		http_server_port(server), "GET /api/v1/events?topics=a HTTP/1.0\r\nHost: localhost\r\n\r\n");
	assert_false(stream.chunked);
	uint64_t cursor = cursor_of(server);
	expect_hello(&stream, cursor);
	publish(server, "a");
	expect_change(&stream, "a", cursor + 1, cursor + 1);
	http_server_stop(server, 1000);
	assert_true(client_sees_end(stream.fd));
	stream_close(&stream);
}

static void beats(void **state)
{
	struct stream stream = stream_open(http_server_port(*state), ASK("topics=a"));
	expect_hello(&stream, cursor_of(*state));
	struct buf event = BUF_INIT;
	assert_true(stream_next(&stream, &event));
	assert_string_equal(event.data, ": hb\n");
	buf_fini(&event);
	stream_close(&stream);
}

static void refuses(void **state)
{
	struct buf many = BUF_INIT, longer = BUF_INIT;
	buf_append_str(&many, "GET /api/v1/events?topics=0");
	for (int i = 1; i <= EVENTS_MAX_TOPICS; i++)
		buf_printf(&many, ",%d", i);
	buf_append_str(&many, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
	buf_append_str(&longer, "GET /api/v1/events?topics=");
	for (int i = 0; i <= EVENTS_MAX_TOPIC_LEN; i++)
		buf_append_char(&longer, 'x');
	buf_append_str(&longer, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
	const struct {
		const char *request;
		int status;
	} cases[] = {
		{ASK(""), 400},
		{ASK("topics="), 400},
		{ASK("topics=,,"), 400},
		{many.data, 400},
		{longer.data, 400},
		{"POST /api/v1/events?topics=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
			405},
		{"GET /api/v1/events?topics=a HTTP/1.1\r\nHost: evil.net\r\n\r\n", 403},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer answer;
		client_ask(http_server_port(*state), cases[i].request, &answer);
		assert_int_equal(answer.status, cases[i].status);
		assert_non_null(strstr(answer.body.data, "\"detail\""));
		answer_fini(&answer);
	}
	buf_fini(&many);
	buf_fini(&longer);
}

static bool has_room(void *server)
{
	struct http_stats stats;
	http_server_get_stats(server, &stats);
	publish(server, "a"); /* what is written to a lost reader shows that it is lost */
	return stats.listeners == 2;
}

static void limits_readers(void **state)
{
	(void)state;
	struct http_server *server = start(3);
	uint16_t port = http_server_port(server);
	struct stream streams[3];
	for (int i = 0; i < 3; i++) {
		streams[i] = stream_open(port, ASK("topics=a"));
		expect_hello(&streams[i], cursor_of(server));
	}
	struct answer answer;
	client_ask(port, ASK("topics=a"), &answer);
	assert_int_equal(answer.status, 503);
	assert_string_equal(answer_header(&answer, "retry-after"), "1");
	answer_fini(&answer);

	/* One goes without a word, and is noticed; the others are not touched by it. */
	struct linger reset = {.l_onoff = 1};
	setsockopt(streams[1].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	stream_close(&streams[1]);
	assert_true(eventually(has_room, server));
	struct buf event = BUF_INIT;
	next(&streams[0], &event);
	next(&streams[2], &event);
	buf_fini(&event);
	stream_close(&streams[0]);
	stream_close(&streams[2]);
	http_server_close(server);
}

static void *stop(void *server)
{
	http_server_stop(server, 5000);
	return NULL;
}

static void ends_streams(void **state)
{
	struct http_server *server = *state;
	struct stream stream = stream_open(http_server_port(server), ASK("topics=a"));
	expect_hello(&stream, cursor_of(server));
	pthread_t stopper;
	assert_int_equal(pthread_create(&stopper, NULL, stop, server), 0);
	struct buf event = BUF_INIT;
	while (stream_next(&stream, &event))
		;
	assert_true(stream.chunked && stream.chunk_left == 0); /* a proper end, not a cut */
	pthread_join(stopper, NULL);
	publish(server, "a"); /* allowed until close */
	buf_fini(&event);
	stream_close(&stream);
}

/* Threads publish without a pause while readers come, go and never read. */
struct crowd {
	struct http_server *server;
	_Atomic bool enough;
};

static void *publish_on(void *arg)
{
	struct crowd *crowd = arg;
	while (!atomic_load(&crowd->enough)) {
		publish(crowd->server, "a");
		publish(crowd->server, "b");
		publish(crowd->server, "d");
	}
	return NULL;
}

static void bears_a_crowd(void **state)
{
	(void)state;
	struct crowd crowd = {.server = start(64)};
	pthread_t publishers[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&publishers[i], NULL, publish_on, &crowd), 0);
	for (int i = 0; i < 40; i++) {
		struct stream stream = stream_open(http_server_port(crowd.server), ASK("topics=a,b,c"));
		struct buf event = BUF_INIT;
		for (int j = 0; j < i % 4; j++)
			next(&stream, &event);
		buf_fini(&event);
		stream_close(&stream);
	}
	http_server_stop(crowd.server, 1000); /* under fire */
	atomic_store(&crowd.enough, true);
	for (int i = 0; i < 2; i++)
		pthread_join(publishers[i], NULL);
	http_server_close(crowd.server);
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		SERVED(tells_changes),
		SERVED(merges_changes),
		SERVED(loses_nothing_over_a_reconnect),
		SERVED(speaks_http_1_0),
		SERVED(beats),
		SERVED(refuses),
		cmocka_unit_test(limits_readers),
		SERVED(ends_streams),
		cmocka_unit_test(bears_a_crowd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
