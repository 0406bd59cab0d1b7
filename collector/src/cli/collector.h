/* cli/collector.h: the collector as one thing: the modules that make it up, started and stopped in order.
 *
 *     writers ──socket──▶ ingest ──▶ store ──note──▶ catalog ──change──▶ http ──events──▶ browsers
 *                                                       ▲ questions ── api ◀── requests ──┘
 *
 * Threads: open and close from the main thread, with the signals blocked that it waits for: all threads of
 * the modules inherit that. */
#ifndef CLI_COLLECTOR_H
#define CLI_COLLECTOR_H

#include "cli/edge.h"
#include "cli/running.h"
#include "store/store.h"

struct collector;

/* store: STORE_WRITE and claimed; borrowed until close, as is edge.
 * Errors: BURR_EEXIST the port is taken; BURR_EPERM, BURR_EINVAL, BURR_EIO, BURR_ENOMEM. */
burr_status collector_open(struct edge *edge, struct store *store, struct collector **out, burr_error *err);
/* What others read about it; borrowed until close. */
const struct running *collector_running(const struct collector *collector);
/* Its server; borrowed until close. */
struct http_server *collector_http(struct collector *collector);
/* Records taken since it was opened. */
uint64_t collector_record_count(struct collector *collector);

/* Four steps: refuse new work, let what runs end (up to a deadline), join, free. Writers keep what was not
 * acknowledged and append it themselves when the store's lock is free. Accepts NULL. */
void collector_close(struct collector *collector);

#endif
