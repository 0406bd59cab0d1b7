#include "http/events.h"

#include "base/clock.h"
#include "http/server.h"
#include "http/test_client.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ASK(query) "GET /api/v1/events?" query " HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define POLL(query) "GET /api/v1/changes?" query " HTTP/1.1\r\nHost: localhost\r\n\r\n"

/* ---- a server whose deltas say what they were made of ---- */

struct source {
	_Atomic unsigned calls;
	_Atomic size_t pad_len; /* bytes that each delta has more */
	_Atomic bool fails, partial;
	struct gate *gate; /* NULL: none */
};

static bool make_delta(const struct http_changes *changes, size_t max_len, unsigned worker, void *ctx,
	struct buf *out, bool *out_whole)
{
	struct source *source = ctx;
	(void)max_len;
	(void)worker;
	atomic_fetch_add(&source->calls, 1);
	if (source->gate)
		gate_pass(source->gate);
	buf_append_str(out, "\"");
	for (size_t i = 0; i < changes->member_count; i++)
		buf_printf(out, "%.*s ", SLICE_ARG(changes->members[i]));
	for (size_t i = 0; i < changes->numbers.count; i++)
		buf_printf(out, "%d-%d ", (int)changes->numbers.items[i].from,
			(int)changes->numbers.items[i].to);
	buf_append_str(out, changes->more_members ? "more" : "");
	for (size_t i = atomic_load(&source->pad_len); i > 0; i--)
		buf_append_char(out, 'x');
	buf_append_str(out, "\"");
	*out_whole = !atomic_load(&source->partial);
	return !atomic_load(&source->fails);
}

static void answer(const struct http_request *req, struct http_response *res)
{
	(void)req;
	buf_append_str(&res->body, "{}");
}

static const struct http_route routes[] = {{"GET", "/here", answer}};

static struct http_server *start(struct source *source, unsigned max_listeners)
{
	struct http_server_options options = HTTP_SERVER_OPTIONS_INIT;
	struct http_server *server = NULL;
	burr_error err = BURR_ERROR_INIT;
	options.port = 0;
	options.version = "1.2.3";
	options.max_listeners = max_listeners;
	options.stall_timeout_ms = 600000; /* who does not read is to stay */
	options.routes = routes;
	options.route_count = 1;
	options.make_delta = make_delta;
	options.ctx = source;
	if (http_server_open(&options, &server, &err) != BURR_OK ||
		http_server_start(server, &err) != BURR_OK)
		fail_msg("%s", err.message);
	return server;
}

struct fixture {
	struct source source;
	struct http_server *server;
	uint16_t port;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->server = start(&f->source, 8);
	f->port = http_server_port(f->server);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	http_server_close(f->server);
	free(f);
	return 0;
}

static struct http_stats stats_of(struct http_server *server)
{
	struct http_stats stats;
	http_server_get_stats(server, &stats);
	return stats;
}

static uint64_t cursor_of(struct http_server *server)
{
	return stats_of(server).cursor;
}

static void publish_part(struct http_server *server, const char *topic, const char *member, int64_t from)
{
	struct ranges numbers = RANGES_INIT;
	ranges_add(&numbers, from, from + 1);
	http_publish(
		server, &(struct http_change){slice_of(topic), slice_of(member), from < 0 ? NULL : &numbers});
}

static void publish(struct http_server *server, const char *topic)
{
	publish_part(server, topic, NULL, -1);
}

/* ---- what comes ---- */

struct event {
	char name[16];
	char topic[64];
	uint64_t cursor, id;
	bool refetch;
	char delta[256]; /* its beginning */
};

static uint64_t number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void text_after(const char *text, const char *key, char end, char *out, size_t size)
{
	const char *at = strstr(text, key);
	at = at ? at + strlen(key) : "";
	const char *stop = strchr(at, end);
	snprintf(out, size, "%.*s", (int)(stop ? stop - at : 0), at);
}

static void read_change(const char *text, struct event *out)
{
	text_after(text, "{\"topic\":\"", '"', out->topic, sizeof(out->topic));
	out->cursor = number_after(text, "\"cursor\":");
	out->refetch = strstr(text, "\"refetch\":true") != NULL;
	text_after(text, "\"delta\":", '}', out->delta, sizeof(out->delta));
}

/* The next event that is not a heartbeat. */
static struct event next(struct stream *stream)
{
	struct event event = {.name = ""};
	struct buf text = BUF_INIT;
	do
		assert_true(stream_next(stream, &text));
	while (text.data[0] == ':');
	text_after(text.data, "event: ", '\n', event.name, sizeof(event.name));
	read_change(text.data, &event);
	event.id = number_after(text.data, "\nid: ");
	buf_fini(&text);
	return event;
}

static struct event expect_hello(struct stream *stream)
{
	struct event event = next(stream);
	assert_string_equal(event.name, "hello");
	return event;
}

static struct event expect_change(struct stream *stream, const char *topic, const char *delta)
{
	struct event event = next(stream);
	assert_string_equal(event.name, "change");
	assert_string_equal(event.topic, topic);
	assert_string_equal(event.delta, delta);
	assert_int_equal(event.id, event.refetch ? event.id : event.cursor);
	return event;
}

static struct stream resume(uint16_t port, const char *topics, const char *last_id)
{
	char request[512];
	snprintf(request, sizeof(request),
		"GET /api/v1/events?topics=%s HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: %s\r\n\r\n",
		topics, last_id);
	return stream_open(port, request);
}

static struct stream resume_at(uint16_t port, const char *topics, uint64_t last_id)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, last_id);
	return resume(port, topics, text);
}

/* ---- streams ---- */

static void tells_changes(void **state)
{
	struct fixture *f = *state;
	uint64_t cursor = cursor_of(f->server);
	struct stream stream = stream_open(f->port, ASK("topics=projects,run/p/x%252Fy%2Ca+b,projects,"));
	assert_non_null(strstr(stream.head.data, "content-type: text/event-stream\n"));
	assert_non_null(strstr(stream.head.data, "cache-control: no-store\n"));
	assert_non_null(strstr(stream.head.data, "x-accel-buffering: no\n"));
	struct event hello = expect_hello(&stream);
	assert_int_equal(hello.cursor, cursor);
	assert_int_equal(hello.id, cursor);
	publish(f->server, "nobody/listens");
	publish_part(f->server, "projects", "one", -1);
	struct event event = expect_change(&stream, "projects", "\"one \"");
	assert_true(event.cursor > cursor + 1 && !event.refetch);
	publish_part(f->server, "run/p/x%2Fy", NULL, 7);
	assert_true(expect_change(&stream, "run/p/x%2Fy", "\"7-8 \"").cursor > event.cursor);
	publish(f->server, "a b");
	expect_change(&stream, "a b", "\"\"");
	stream_close(&stream);
}

/* Once for all readers, and not at all where there is none. */
static void makes_a_delta_once(void **state)
{
	struct fixture *f = *state;
	struct stream streams[5];
	publish(f->server, "a");
	for (int i = 0; i < 5; i++) {
		streams[i] = stream_open(f->port, ASK("topics=a"));
		expect_hello(&streams[i]);
	}
	publish_part(f->server, "b", "x", -1);
	publish_part(f->server, "a", "y", -1);
	uint64_t cursor = expect_change(&streams[0], "a", "\"y \"").cursor;
	for (int i = 1; i < 5; i++)
		assert_int_equal(expect_change(&streams[i], "a", "\"y \"").cursor, cursor);
	assert_int_equal(atomic_load(&f->source.calls), 1);
	struct http_stats stats = stats_of(f->server);
	assert_int_equal(stats.deltas, 1);
	assert_int_equal(stats.told, 5);
	assert_int_equal(stats.refetches, 0);
	assert_int_equal(stats.listeners, 5);
	for (int i = 0; i < 5; i++)
		stream_close(&streams[i]);
}

/* The first is sent at once; what comes while it is made, and until its time is over, is merged into one. */
static void merges_changes(void **state)
{
	struct fixture *f = *state;
	struct gate gate;
	gate_init(&gate);
	f->source.gate = &gate;
	struct stream stream = stream_open(f->port, ASK("topics=a,b"));
	expect_hello(&stream);
	publish_part(f->server, "a", "one", 3);
	gate_await(&gate, 1);
	publish_part(f->server, "a", "two", 5);
	publish_part(f->server, "a", "two", 4);
	publish_part(f->server, "a", "three", 9);
	for (int i = 0; i <= HTTP_MEMBERS_MAX; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%d", i);
		publish_part(f->server, "b", name, -1);
	}
	gate_open(&gate);
	expect_change(&stream, "a", "\"one 3-4 \"");
	for (int i = 0; i < 2; i++) { /* "a" comes behind "b", unless the wait was its pace already */
		struct event event = next(&stream);
		if (strcmp(event.topic, "b") != 0)
			assert_string_equal(event.delta, "\"two three 4-6 9-10 \"");
	}
	assert_int_equal(atomic_load(&f->source.calls), 3);
	stream_close(&stream);
}

/* However much changes, a reader gets some ten deltas a second. */
static void keeps_a_pace(void **state)
{
	struct fixture *f = *state;
	struct stream stream = stream_open(f->port, ASK("topics=a"));
	expect_hello(&stream);
	int64_t began_ns = clock_mono_ns();
	int64_t took_ns = 0;
	for (int i = 0; took_ns < 600000000; i++) {
		publish_part(f->server, "a", NULL, i);
		took_ns = clock_mono_ns() - began_ns;
	}
	uint64_t deltas = stats_of(f->server).deltas;
	assert_true(deltas > 0 && deltas <= TOPICS_BURST + (uint64_t)took_ns / (TOPICS_MERGE_MS * 1000000));
	stream_close(&stream);
}

/* What cannot be told, or only in part, or is too large, is for the reader to fetch. */
static void tells_to_refetch(void **state)
{
	struct fixture *f = *state;
	struct stream stream = stream_open(f->port, ASK("topics=a,b,c"));
	expect_hello(&stream);
	atomic_store(&f->source.partial, true);
	publish_part(f->server, "a", "x", -1);
	assert_true(expect_change(&stream, "a", "\"x \"").refetch);
	atomic_store(&f->source.fails, true);
	publish_part(f->server, "b", "x", -1);
	assert_true(expect_change(&stream, "b", "null").refetch);
	atomic_store(&f->source.fails, false);
	atomic_store(&f->source.pad_len, 32 << 10);
	publish_part(f->server, "c", "x", -1);
	assert_true(expect_change(&stream, "c", "null").refetch);
	assert_int_equal(stats_of(f->server).refetches, 3);
	stream_close(&stream);
}

/* ---- coming back ---- */

static void resumes_where_it_was(void **state)
{
	struct fixture *f = *state;
	struct stream stream = stream_open(f->port, ASK("topics=a,b"));
	uint64_t hello = expect_hello(&stream).id;
	uint64_t ids[6];
	for (int i = 0; i < 6; i++) {
		publish_part(f->server, i % 2 ? "b" : "a", NULL, i);
		ids[i] = next(&stream).id;
		assert_true(ids[i] > (i ? ids[i - 1] : hello));
	}
	stream_close(&stream);
	publish_part(f->server, "b", NULL, 6); /* nobody listens just now */
	for (int from = 0; from <= 6; from++) {
		uint64_t place = from ? ids[from - 1] : hello;
		stream = resume_at(f->port, "a,b", place);
		assert_int_equal(expect_hello(&stream).id, place);
		for (int i = from; i <= 6; i++) {
			char delta[32];
			snprintf(delta, sizeof(delta), "\"%d-%d \"", i, i + 1);
			struct event event = expect_change(&stream, i % 2 || i == 6 ? "b" : "a", delta);
			assert_true(i == 6 ? event.id > ids[5] : event.id == ids[i]);
		}
		stream_close(&stream);
	}
	stream = resume_at(f->port, "a,b", cursor_of(f->server));
	expect_hello(&stream);
	publish_part(f->server, "a", NULL, 7);
	expect_change(&stream, "a", "\"7-8 \""); /* and nothing before it */
	stream_close(&stream);
}

static void tells_who_missed_something(void **state)
{
	struct fixture *f = *state;
	publish(f->server, "a");
	uint64_t cursor = cursor_of(f->server);

	/* Nothing happened since; of what nobody listened to it is known as well. */
	struct stream stream = resume_at(f->port, "a,b", cursor);
	assert_int_equal(expect_hello(&stream).id, cursor);
	publish(f->server, "b");
	assert_false(expect_change(&stream, "b", "\"\"").refetch);
	stream_close(&stream);

	/* Older than that, of another run of the program, nonsense: all that may be lost is to be fetched,
	 * and only the stream that said so goes on. */
	publish(f->server, "x");
	char before[24], future[24];
	snprintf(before, sizeof(before), "%" PRIu64, cursor - 1);
	snprintf(future, sizeof(future), "%" PRIu64, cursor + 1000000);
	const char *const lost[] = {before, "17", future, "nonsense", "-1", "99999999999999999999"};
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		stream = resume(f->port, "x,y", lost[i]);
		uint64_t id = expect_hello(&stream).id;
		assert_true(id < cursor);
		struct event event = expect_change(&stream, "x", "null");
		assert_true(event.refetch && event.id == id && event.cursor >= cursor);
		if (i > 0) /* nothing is known of before the start */
			assert_true(expect_change(&stream, "y", "null").refetch);
		publish_part(f->server, "x", "more", -1);
		assert_false(expect_change(&stream, "x", "\"more \"").refetch);
		stream_close(&stream);
	}
}

/* ---- memory ---- */

enum { MANY = 200 };

static struct stream open_many(struct fixture *f, const char *last_id)
{
	struct buf topics = BUF_INIT;
	for (int i = 0; i < MANY; i++)
		buf_printf(&topics, "t%d,", i);
	buf_append_str(&topics, "last");
	struct buf request = BUF_INIT;
	buf_printf(&request, "GET /api/v1/events?topics=%s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n",
		topics.data, last_id ? "Last-Event-ID: " : "", last_id ? last_id : "", last_id ? "\r\n" : "");
	struct stream stream = stream_open(f->port, request.data);
	buf_fini(&topics);
	buf_fini(&request);
	return stream;
}

static size_t resident_kb(void)
{
	size_t pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*s %zu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static bool has_made(void *ctx)
{
	struct fixture *f = ctx;
	/* More than all rings hold, several times. */
	for (int i = 0; i < MANY; i++) {
		char topic[16];
		snprintf(topic, sizeof(topic), "t%d", i);
		for (int j = 0; j < 20; j++)
			publish_part(f->server, topic, "x", j);
	}
	assert_true(stats_of(f->server).kept_bytes <= 16 << 20);
	return stats_of(f->server).deltas * (30 << 10) >= 3u * (16 << 20);
}

/* How often `what` comes in what a stream holds until `end` does. Each comes in one piece, as it was sent. */
static size_t count_until(int fd, const char *what, const char *end)
{
	struct buf in = BUF_INIT;
	size_t count = 0;
	for (size_t seen = 0; !in.len || !strstr(in.data + seen, end);) {
		seen = in.len > 100 ? in.len - 100 : 0; /* an `end` of which a part has come */
		char *to = buf_reserve(&in, 1 << 20);
		assert_non_null(to);
		ssize_t got = recv(fd, to, 1 << 20, 0);
		assert_true(got > 0);
		in.len += (size_t)got;
		in.data[in.len] = '\0';
	}
	for (const char *at = in.data; (at = strstr(at, what)); at++)
		count++;
	buf_fini(&in);
	return count;
}

/* It holds what is being sent to it, and when it reads again, it is told to fetch what is gone meanwhile. */
static void holds_little_for_who_does_not_read(void **state)
{
	struct fixture *f = *state;
	atomic_store(&f->source.pad_len, 30 << 10);
	struct stream stream = open_many(f, NULL);
	expect_hello(&stream);
	assert_true(eventually(has_made, f)); /* warm: the rings are full */
	size_t before_kb = resident_kb();
	uint64_t deltas = stats_of(f->server).deltas;
	assert_true(eventually(has_made, f));
	while (stats_of(f->server).deltas < deltas + 2000)
		has_made(f);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(resident_kb() < before_kb + (24 << 10));
#else
	(void)before_kb;
#endif
	atomic_store(&f->source.pad_len, 0);
	publish_part(f->server, "last", "x", -1);
	size_t refetches = count_until(stream.fd, "\"refetch\":true", "{\"topic\":\"last\"");
	assert_true(refetches > 0);
	assert_true(refetches <= MANY);
	stream_close(&stream);
	stream = open_many(f, "1"); /* the same for who comes back too late */
	expect_hello(&stream);
	assert_true(next(&stream).refetch);
	stream_close(&stream);
}

/* ---- polls ---- */

struct poll {
	int status;
	uint64_t cursor;
	int changes;
	struct event last;
};

static struct poll read_poll(const struct answer *answer)
{
	struct poll poll = {.status = answer->status};
	const char *at = answer->body.data;
	poll.cursor = number_after(at, "\"cursor\":");
	while ((at = strstr(at, "{\"topic\""))) {
		read_change(at++, &poll.last);
		poll.changes++;
	}
	return poll;
}

static void ask_poll(char *out, size_t size, const char *topics, uint64_t after, unsigned wait_ms)
{
	snprintf(out, size,
		"GET /api/v1/changes?topics=%s&after=%" PRIu64
		"&wait_ms=%u HTTP/1.1\r\nHost: localhost\r\n\r\n",
		topics, after, wait_ms);
}

static struct poll poll_now(uint16_t port, const char *topics, uint64_t after, unsigned wait_ms)
{
	char request[256];
	struct answer answer;
	ask_poll(request, sizeof(request), topics, after, wait_ms);
	client_ask(port, request, &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer_header(&answer, "cache-control"), "no-store");
	struct poll poll = read_poll(&answer);
	answer_fini(&answer);
	return poll;
}

static struct poll await_poll(int fd)
{
	struct answer answer;
	client_read(fd, false, &answer);
	assert_int_equal(answer.status, 200);
	struct poll poll = read_poll(&answer);
	answer_fini(&answer);
	return poll;
}

static bool has_listener(void *server)
{
	return stats_of(server).listeners == 1;
}

static void polls(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	char request[256];
	client_ask(f->port, POLL("topics=a,b"), &answer); /* without a place it is told one, at once */
	struct poll poll = read_poll(&answer);
	answer_fini(&answer);
	assert_true(poll.status == 200 && poll.changes == 0 && poll.cursor == cursor_of(f->server));
	uint64_t start = poll.cursor;

	int fd = client_connect(f->port);
	ask_poll(request, sizeof(request), "a,b", poll.cursor, 60000);
	client_say(fd, request);
	assert_true(eventually(has_listener, f->server));
	assert_int_equal(stats_of(f->server).queued, 0);
	publish_part(f->server, "b", "x", -1);
	poll = await_poll(fd);
	assert_true(poll.changes == 1 && poll.cursor >= poll.last.cursor);
	assert_string_equal(poll.last.topic, "b");
	assert_string_equal(poll.last.delta, "\"x \"");
	assert_int_equal(stats_of(f->server).listeners, 0);

	client_say(fd, request); /* on the same connection, from the same place: it is there already */
	struct poll again = await_poll(fd);
	assert_true(again.changes == 1 && again.last.cursor == poll.last.cursor);
	publish_part(f->server, "a", "y", -1); /* while nobody waits */
	ask_poll(request, sizeof(request), "a,b", poll.cursor, 60000);
	client_say(fd, request);
	poll = await_poll(fd);
	assert_true(poll.changes == 1 && !poll.last.refetch);
	assert_string_equal(poll.last.delta, "\"y \"");
	close(fd);

	again = poll_now(f->port, "a,b", poll.cursor, 0); /* no time, and nothing new */
	assert_true(again.changes == 0 && again.cursor >= poll.cursor);
	again = poll_now(f->port, "a,b", again.cursor, 200);
	assert_int_equal(again.changes, 0);
	assert_int_equal(poll_now(f->port, "a,b", start, 0).changes, 2);
	again = poll_now(f->port, "a,b", 5, 60000);
	assert_true(again.changes == 2 && again.last.refetch);
	assert_int_equal(poll_now(f->port, "a,b", again.cursor, 0).changes, 0);
}

static void names_what_is_wrong_with_a_poll(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *request, *detail;
	} cases[] = {
		{POLL(""), "{\"detail\":\"topics: "},
		{POLL("topics=,"), "{\"detail\":\"topics: "},
		{POLL("topics=a&after=x"), "{\"detail\":\"after: "},
		{POLL("topics=a&after=-1"), "{\"detail\":\"after: "},
		{POLL("topics=a&after="), "{\"detail\":\"after: "},
		{POLL("topics=a&after=9223372036854775808"), "{\"detail\":\"after: "},
		{POLL("topics=a&wait_ms=60001"), "{\"detail\":\"wait_ms: "},
		{POLL("topics=a&wait_ms=1.5"), "{\"detail\":\"wait_ms: "},
		{POLL("topics=a&topics=b"), "{\"detail\":\"topics: "},
		{POLL("topics=a&wait=5"), "{\"detail\":\"wait: "},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer answer;
		client_ask(f->port, cases[i].request, &answer);
		assert_int_equal(answer.status, 422);
		assert_ptr_equal(strstr(answer.body.data, cases[i].detail), answer.body.data);
		answer_fini(&answer);
	}
}

/* All that was published before a request is in its answer, says its head. */
static void answers_name_their_cursor(void **state)
{
	struct fixture *f = *state;
	static const char request[] = "GET /here HTTP/1.1\r\nHost: localhost\r\n";
	struct answer answer;
	publish(f->server, "a");
	char told[24];
	snprintf(told, sizeof(told), "%" PRIu64, cursor_of(f->server));
	client_ask(f->port, "GET /here HTTP/1.1\r\nHost: localhost\r\n\r\n", &answer);
	assert_string_equal(answer_header(&answer, "burr-cursor"), told);
	char again[256];
	snprintf(
		again, sizeof(again), "%sIf-None-Match: %s\r\n\r\n", request, answer_header(&answer, "etag"));
	answer_fini(&answer);
	publish(f->server, "a");
	client_ask(f->port, again, &answer);
	assert_int_equal(answer.status, 304);
	snprintf(told, sizeof(told), "%" PRIu64, cursor_of(f->server));
	assert_string_equal(answer_header(&answer, "burr-cursor"), told);
	answer_fini(&answer);
}

static void speaks_http_1_0(void **state)
{
	struct fixture *f = *state;
	struct stream stream =
		stream_open(f->port, "GET /api/v1/events?topics=a HTTP/1.0\r\nHost: localhost\r\n\r\n");
	assert_false(stream.chunked);
	expect_hello(&stream);
	publish(f->server, "a");
	expect_change(&stream, "a", "\"\"");
	http_server_stop(f->server, 1000);
	assert_true(client_sees_end(stream.fd));
	stream_close(&stream);
}

static void beats(void **state)
{
	struct fixture *f = *state;
	struct stream stream = stream_open(f->port, ASK("topics=a"));
	expect_hello(&stream);
	publish(f->server, "b"); /* which moves the reader's place on */
	struct buf event = BUF_INIT;
	char beat[64];
	assert_true(stream_next(&stream, &event));
	snprintf(beat, sizeof(beat), ": hb\nid: %" PRIu64 "\n", cursor_of(f->server));
	assert_string_equal(event.data, beat);
	buf_fini(&event);
	stream_close(&stream);
}

static void refuses(void **state)
{
	struct fixture *f = *state;
	struct buf many = BUF_INIT, longer = BUF_INIT;
	buf_append_str(&many, "GET /api/v1/events?topics=0");
	for (int i = 1; i <= TOPICS_PER_READER; i++)
		buf_printf(&many, ",%d", i);
	buf_append_str(&many, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
	buf_append_str(&longer, "GET /api/v1/events?topics=");
	for (int i = 0; i <= TOPICS_NAME_MAX; i++)
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
		{"POST /api/v1/changes?topics=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
			405},
		{"GET /api/v1/changes?topics=a HTTP/1.1\r\nHost: evil.net\r\n\r\n", 403},
		{"POST /api/v1/events?topics=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
			405},
		{"GET /api/v1/events?topics=a HTTP/1.1\r\nHost: evil.net\r\n\r\n", 403},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer answer;
		client_ask(f->port, cases[i].request, &answer);
		assert_int_equal(answer.status, cases[i].status);
		assert_non_null(strstr(answer.body.data, "\"detail\""));
		answer_fini(&answer);
	}
	buf_fini(&many);
	buf_fini(&longer);
}

static bool has_room(void *server)
{
	publish(server, "a"); /* what is written to a lost reader shows that it is lost */
	return stats_of(server).listeners == 2;
}

static void limits_readers(void **state)
{
	(void)state;
	struct source source = {.gate = NULL};
	struct http_server *server = start(&source, 3);
	uint16_t port = http_server_port(server);
	struct stream streams[3];
	for (int i = 0; i < 3; i++) {
		streams[i] = stream_open(port, ASK("topics=a"));
		expect_hello(&streams[i]);
	}
	static const char *const further[] = {ASK("topics=a"), POLL("topics=a")};
	for (size_t i = 0; i < 2; i++) {
		struct answer answer;
		client_ask(port, further[i], &answer);
		assert_int_equal(answer.status, 503);
		assert_string_equal(answer_header(&answer, "retry-after"), "1");
		assert_non_null(
			strstr(answer.body.data, "3 event streams and waiting polls are open already"));
		answer_fini(&answer);
	}

	/* One goes without a word, and is noticed; the others are not touched by it. */
	struct linger reset = {.l_onoff = 1};
	setsockopt(streams[1].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	stream_close(&streams[1]);
	assert_true(eventually(has_room, server));
	next(&streams[0]);
	next(&streams[2]);
	stream_close(&streams[0]);
	stream_close(&streams[2]);
	http_server_close(server);
}

static void *stop(void *server)
{
	http_server_stop(server, 5000);
	return NULL;
}

static bool has_both(void *server)
{
	return stats_of(server).listeners == 2;
}

static void ends_streams(void **state)
{
	struct fixture *f = *state;
	struct http_server *server = f->server;
	struct stream stream = stream_open(f->port, ASK("topics=a"));
	expect_hello(&stream);
	int fd = client_connect(f->port);
	char request[256];
	ask_poll(request, sizeof(request), "b", cursor_of(server), 60000);
	client_say(fd, request);
	assert_true(eventually(has_both, server));
	pthread_t stopper;
	assert_int_equal(pthread_create(&stopper, NULL, stop, server), 0);
	assert_int_equal(await_poll(fd).changes, 0);
	close(fd);
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
	struct source source = {.gate = NULL};
	struct crowd crowd = {.server = start(&source, 64)};
	pthread_t publishers[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&publishers[i], NULL, publish_on, &crowd), 0);
	for (int i = 0; i < 40; i++) {
		struct stream stream = stream_open(http_server_port(crowd.server), ASK("topics=a,b,c"));
		for (int j = 0; j < i % 4; j++)
			next(&stream);
		if (i % 2)
			poll_now(http_server_port(crowd.server), "a,d", cursor_of(crowd.server), 5000);
		stream_close(&stream);
	}
	http_server_stop(crowd.server, 1000); /* under fire */
	atomic_store(&crowd.enough, true);
	for (int i = 0; i < 2; i++)
		pthread_join(publishers[i], NULL);
	http_server_close(crowd.server);
}

/* ---- a thousand ---- */

enum { THOUSAND = 1024 };

static bool are_gone(void *server)
{
	return stats_of(server).listeners == 0;
}

static void serves_a_thousand(void **state)
{
	(void)state;
	struct rlimit files;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_cur < 3 * THOUSAND)
		skip();
	struct source source = {.gate = NULL};
	struct http_server *server = start(&source, THOUSAND);
	uint16_t port = http_server_port(server);
	static struct stream streams[THOUSAND];
	char request[256];
	for (int i = 0; i < THOUSAND; i++) { /* half of them poll */
		if (i % 2) {
			streams[i] = (struct stream){.fd = client_connect(port)};
			ask_poll(request, sizeof(request), "a,b", cursor_of(server), 60000);
			client_say(streams[i].fd, request);
		} else {
			streams[i] = stream_open(port, ASK("topics=a,b"));
			expect_hello(&streams[i]);
		}
	}
	while (stats_of(server).listeners < THOUSAND)
		;
	struct answer answer;
	client_ask(port, ASK("topics=a"), &answer);
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.body.data, "1024 event streams and waiting polls are open already"));
	answer_fini(&answer);
	client_ask(port, "GET /here HTTP/1.1\r\nHost: localhost\r\n\r\n", &answer);
	assert_int_equal(answer.status, 200);
	answer_fini(&answer);
	publish_part(server, "b", "x", -1);
	for (int i = 0; i < THOUSAND; i++) {
		if (i % 2)
			assert_int_equal(await_poll(streams[i].fd).changes, 1);
		else
			expect_change(&streams[i], "b", "\"x \"");
	}
	assert_int_equal(atomic_load(&source.calls), 1);
	http_server_stop(server, 5000);
	assert_true(are_gone(server));
	for (int i = 0; i < THOUSAND; i++)
		stream_close(&streams[i]);
	http_server_close(server);
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		SERVED(tells_changes),
		SERVED(makes_a_delta_once),
		SERVED(merges_changes),
		SERVED(keeps_a_pace),
		SERVED(tells_to_refetch),
		SERVED(resumes_where_it_was),
		SERVED(tells_who_missed_something),
		SERVED(holds_little_for_who_does_not_read),
		SERVED(polls),
		SERVED(names_what_is_wrong_with_a_poll),
		SERVED(answers_name_their_cursor),
		SERVED(speaks_http_1_0),
		SERVED(beats),
		SERVED(refuses),
		cmocka_unit_test(limits_readers),
		SERVED(ends_streams),
		cmocka_unit_test(bears_a_crowd),
		cmocka_unit_test(serves_a_thousand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
