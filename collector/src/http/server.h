/* http/server.h: a small HTTP/1.1 server on h2o that knows nothing of stores or runs.
 *
 * The caller hands in a table of routes; a request that matches one is copied off its connection, waits in a
 * bounded queue and is answered by a handler on a worker thread, where it may take its time with disks and
 * databases. The event loop itself only parses, serves files from memory and pushes events, so it never
 * waits. What the server answers by itself: files of the web UI (http/assets.h), what changes
 * (GET /api/v1/events and /api/v1/changes, http/events.h), the session (/api/v1/session, http/auth.h), and
 * every refusal, as JSON {"detail":"…"} or, to a browser that would show it, as a page (http/pages.h).
 *
 * Bytes that are no request, or one of over 100 headers, h2o refuses by itself, with a 400 of eleven bytes.
 *
 * Only HTTP/1.1 is spoken: h2o's HTTP/2 of 2.2.5 predates the rapid-reset fixes, and browsers use HTTP/2 over
 * TLS only, which is left to a reverse proxy.
 *
 * Threads: http_publish, http_server_port and http_server_get_stats may be called from any thread between
 * open and close; open, start, stop and close from one thread at a time. Handlers run on worker_count
 * threads of ours, which block every signal. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/buf.h"
#include "base/ranges.h"
#include "http/assets.h"

struct http_server;

/* ---- requests ---- */

/* What a handler gets. Valid until the handler returns. */
struct http_request {
	struct slice method; /* "GET" for a HEAD, too: the server leaves the body out */
	struct slice path;   /* as it came: percent-encoded, without the query */
	struct slice body;
	unsigned worker; /* 0 … worker_count - 1: the thread we are on, for state that is kept per thread */
	void *ctx;       /* http_server_options.ctx */
};

/* The part of the path that {name} of the route's pattern stands for, percent-decoded once: never empty, no
 * NUL inside, but anything else ("..", '/', invalid UTF-8). SLICE_NONE when the pattern has no such name. */
struct slice http_capture(const struct http_request *req, const char *name);
/* A query parameter, decoded ('+' is a space); the first of several; SLICE_NONE when absent. */
struct slice http_query(const struct http_request *req, const char *name);
/* The name of the index-th query parameter; SLICE_NONE behind the last. */
struct slice http_query_name(const struct http_request *req, size_t index);
/* A header by its lower-case name; SLICE_NONE when absent. */
struct slice http_header(const struct http_request *req, const char *name);
/* The slices of these are followed by a NUL, so that .data is a C string, too. */

/* ---- responses ---- */

enum { HTTP_ETAG_SIZE = 72 };

/* What follows on `body`, made piece by piece while it is sent, so that an answer of any size is never held.
 * Each piece may be made on another worker, one at a time. */
struct http_rest {
	/* Append the next piece, of some hundred KB. False: it is the last. A failed `out` cuts the
	 * connection, as it is too late for an error. NULL: there is no rest. */
	bool (*next)(void *ctx, struct buf *out);
	void (*close)(void *ctx);
	void *ctx;
};

/* What a handler fills. It comes as 200, application/json, empty. A status of 400 and more with an empty body
 * gets a body that says so. */
struct http_response {
	int status;
	const char *content_type;  /* static text */
	const char *cache_control; /* static text; NULL: no-cache (ask again) for 200, 304, else no-store */
	struct buf body;           /* the server frees it; a failed buf becomes a 500 */
	struct http_rest rest;     /* likewise closed; then the ETag is the handler's to set */

	/* Set through the functions below. */
	char etag[HTTP_ETAG_SIZE];    /* with its quotes; empty: the body's hash for a GET that gives 200 */
	struct buf headers;           /* "name\0value\0" … */
	struct slice borrowed;        /* a body that outlives the server, instead of `body` */
	const char *content_encoding; /* NULL or "gzip" */
	bool vary;                    /* the body depends on Accept-Encoding */
};

typedef void http_handler(const struct http_request *req, struct http_response *res);

/* JSON is in the body: set the type and the status. */
void http_reply_json(struct http_response *res, int status);
/* Replace the body by {"detail":"…"} and set the status. */
void http_fail(struct http_response *res, int status, const char *fmt, ...) BURR_PRINTF(3, 4);
/* tag: without quotes, of ASCII letters, digits and "-_.:"; what does not fit is cut at the end. */
void http_set_etag(struct http_response *res, struct slice tag);
/* name: lower case. Both are copied; a control character in the value drops the header. */
void http_add_header(struct http_response *res, const char *name, struct slice value);

/* ---- routes ---- */

struct http_route {
	const char *method;  /* "GET", "POST", … A GET route answers HEAD as well */
	const char *pattern; /* "/api/v0/{project}/{app_id}/annotations" */
	http_handler *handler;
};

/* ---- what changes ---- */

enum { HTTP_MEMBERS_MAX = 64 };

/* A change of a topic, which is an opaque text, and of which part of it. */
struct http_change {
	struct slice topic;
	struct slice member;          /* SLICE_NONE: of none of them */
	const struct ranges *numbers; /* NULL: none */
};

/* What changed of a topic since its last delta. */
struct http_changes {
	struct slice topic;
	size_t member_count;
	struct slice members[HTTP_MEMBERS_MAX];
	bool more_members; /* than there is room for */
	struct ranges numbers;
};

/* Write what a reader of the topic needs to know now, as JSON, in at most max_len bytes; what is longer is
 * thrown away. *out_whole false: with that, and what it reads besides. False: nothing can be told. A worker's
 * thread, one at a time in all. It must read what changed after it was called. */
typedef bool http_delta_fn(const struct http_changes *changes, size_t max_len, unsigned worker, void *ctx,
	struct buf *out, bool *out_whole);

/* ---- the server ---- */

struct http_server_options {
	const char *host; /* an address or name to listen on */
	uint16_t port;    /* 0: any that is free */

	const struct http_route *routes; /* borrowed until close */
	size_t route_count;
	void *ctx;                 /* for handlers: http_request.ctx; and for make_delta */
	http_delta_fn *make_delta; /* NULL: readers are told to read again */

	const struct http_asset *assets; /* the web UI; borrowed until close */
	size_t asset_count;

	/* Further values of Host to accept, beside localhost and the loopback addresses: names, in which one
	 * '*' stands for anything ("*.example.org") and {port} for our port. Copied. Where host is not a
	 * loopback address, this machine's name and every numeric address are accepted as well (that cannot
	 * be the work of a rebound name), and with TLS whatever the certificate is for. */
	const char *const *allowed_hosts;
	size_t allowed_host_count;
	/* The path prefix at which a trusted proxy says that it shows us (X-Forwarded-Prefix and its like;
	 * {port} stands for our port): its requests may bear any Host. NULL: there is none. See
	 * guard_knows_proxy. */
	const char *proxied_at;
	/* Sources that may show us in a frame, as Content-Security-Policy writes them, beside ourselves and,
	 * where host is a loopback address, pages of this machine. NULL: none. */
	const char *frame_ancestors;

	const char *token;              /* NULL: none is asked for; see http/auth.h. Copied */
	const char *tls_cert, *tls_key; /* PEM files; NULL: plain HTTP */

	const char *version;    /* told to event subscribers; copied */
	unsigned loop_count;    /* event loops, a thread each */
	unsigned worker_count;  /* threads for handlers */
	size_t max_body_bytes;  /* of a request; beyond it 413 */
	unsigned max_queued;    /* requests that wait for a worker; beyond it 503 */
	unsigned max_clients;   /* connections; further ones wait in the kernel's backlog. At most three
				 * quarters of the process's descriptors, whatever is asked for */
	unsigned max_listeners; /* event streams and waiting polls; beyond it 503. At most three quarters of
				 * max_clients */
	unsigned request_timeout_ms; /* for a whole request to arrive, and for an idle connection */
	/* Who takes none of an answer for so long, or less than min_bytes_per_s, is cut. */
	unsigned stall_timeout_ms;
	unsigned min_bytes_per_s;
	size_t max_waiting_bytes; /* of requests that are not whole yet, all together; when they are more,
				   * those with the largest share are cut within a second */
};

/* Annotations are a few KB, so 1 MiB of body is generous. 1,024 queued requests are seconds of work. Ten
 * seconds is h2o's own choice. A thousand event streams are a thousand browsers. The slowest
 * links at which somebody still waits give more than 1 KB/s, and no honest requests wait in 64 MiB. */
#define HTTP_SERVER_OPTIONS_INIT                                                                       \
	{                                                                                              \
		.host = "127.0.0.1", .port = 7241, .version = BURR_VERSION, .loop_count = 1,           \
		.worker_count = 4, .max_body_bytes = 1 << 20, .max_queued = 1024, .max_clients = 4096, \
		.max_listeners = 1024, .request_timeout_ms = 10000, .stall_timeout_ms = 30000,         \
		.min_bytes_per_s = 1024, .max_waiting_bytes = 64 << 20,                                \
	}

/* Bind and listen; nothing is accepted before http_server_start. Yours to close.
 * Errors: BURR_EEXIST the port is taken; BURR_EPERM the port is not ours to bind; BURR_EINVAL an option, a
 * route or the address is no good; BURR_EIO, BURR_ENOMEM. */
BURR_MUST_CHECK burr_status http_server_open(
	const struct http_server_options *options, struct http_server **out_server, burr_error *err);
/* The port that is listened on. */
uint16_t http_server_port(const struct http_server *server);
/* Start the threads. Once a server. */
BURR_MUST_CHECK burr_status http_server_start(struct http_server *server, burr_error *err);
/* Refuse new connections and requests, end event streams and idle connections; let running and queued
 * requests finish until deadline_ms have passed, then answer the queued ones with 503 and cut the
 * connections; join. A handler that runs is waited for in any case, as a thread cannot be taken away. Safe to
 * call twice. */
void http_server_stop(struct http_server *server, unsigned deadline_ms);
/* Stop, if that was not done, and free. Accepts NULL. */
void http_server_close(struct http_server *server);

/* Tell whoever listens to this topic that it changed. What changed can be read already. Cheap where nobody
 * listens, never blocks for long, keeps nothing of `change`. Threads: any; a handler as well. */
void http_publish(struct http_server *server, const struct http_change *change);

/* Read certificate and key again where their files changed; see tls_refresh. Without TLS nothing. */
BURR_MUST_CHECK burr_status http_server_refresh_tls(
	struct http_server *server, bool *out_changed, burr_error *err);
/* Whether others than its owner may read the key's file. */
bool http_server_key_is_open(const struct http_server *server);

enum { HTTP_STATUS_CLASSES = 6 }; /* 1xx … 5xx, by their first digit */

struct http_stats {
	unsigned clients;   /* connections now */
	unsigned listeners; /* event streams and waiting polls now */
	unsigned queued;    /* requests that wait for a worker now */
	uint64_t requests;  /* since start */
	uint64_t refused;   /* of these, for want of room: 503 */
	uint64_t denied;    /* of these, for want of the token, or for their Host or Origin: 401, 403 */
	uint64_t cut;       /* connections that took or gave too slowly or too much */
	uint64_t answered[HTTP_STATUS_CLASSES]; /* [2]: those with 2xx, … */
	uint64_t cursor;                        /* what Burr-Cursor says now */
	uint64_t deltas;                        /* made since start, of topics that somebody listens to */
	uint64_t told;                          /* changes that were given to readers */
	uint64_t refetches;                     /* of these, such that say to read again */
	size_t kept_bytes;                      /* of deltas, for who comes back */
};
void http_server_get_stats(struct http_server *server, struct http_stats *out_stats);

#endif
