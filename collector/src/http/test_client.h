/* http/test_client.h: a plain client for the tests: bytes out, one parsed answer in. Every wait ends after
 * a minute, and then the test fails. */
#ifndef HTTP_TEST_CLIENT_H
#define HTTP_TEST_CLIENT_H

#include "base/buf.h"

#include <pthread.h>

/* A connected socket to 127.0.0.1. */
int client_connect(uint16_t port);
void client_send(int fd, const char *text, size_t len);
void client_say(int fd, const char *text);

struct answer {
	int status;
	struct buf head; /* status line and headers, lines by "\n" */
	struct buf body;
	bool cut; /* a chunked body ended before its last chunk */
};
void answer_fini(struct answer *answer);
/* Read one answer; no_body for those of HEAD. A connection that ends gives status 0. */
void client_read(int fd, bool no_body, struct answer *out_answer);
/* The value of a header by lower-case name, in a static buffer; "" when absent. */
const char *answer_header(const struct answer *answer, const char *name);
/* Send on a new connection, read one answer, close. */
void client_ask(uint16_t port, const char *request, struct answer *out_answer);
/* Whether the other side has closed: waits for it. */
bool client_sees_end(int fd);

/* A stream of events; the first read goes past the answer's head. */
struct stream {
	int fd;
	bool chunked;
	size_t chunk_left;
	struct buf head;
};
struct stream stream_open(uint16_t port, const char *request);
/* The next event (or comment), its lines without the empty one at the end. False at the end of the stream. */
bool stream_next(struct stream *stream, struct buf *out_event);
void stream_close(struct stream *stream);

/* A door that a handler waits at, and a test opens. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int entered; /* under lock: who has come */
	bool open;   /* under lock */
};
void gate_init(struct gate *gate);
void gate_pass(struct gate *gate);
void gate_await(struct gate *gate, int entered);
void gate_open(struct gate *gate);

/* Look every millisecond until `is` holds. For what the server shows in its counts only. */
bool eventually(bool (*is)(void *ctx), void *ctx);

#endif
