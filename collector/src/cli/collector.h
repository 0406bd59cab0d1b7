/* cli/collector.h: the collector as one thing: the modules that make it up, started and stopped in order.
 *
 *     writers ──socket──▶ ingest ──▶ store ──note──▶ catalog ──change──▶ http ──events──▶ browsers
 *                                                       ▲ questions ── api ◀── requests ──┘
 *
 * Threads: open and close from the main thread, with the signals blocked that it waits for: all threads of
 * the modules inherit that. */
#ifndef CLI_COLLECTOR_H
#define CLI_COLLECTOR_H

#include "cli/options.h"
#include "store/store.h"

struct collector;

/* store: STORE_WRITE and claimed; borrowed until close.
 * Errors: BURR_EEXIST the port is taken; BURR_EPERM, BURR_EINVAL, BURR_EIO, BURR_ENOMEM. */
burr_status collector_open(
	const struct options *options, struct store *store, struct collector **out, burr_error *err);
/* "http://localhost:7241", borrowed until close. */
const char *collector_url(const struct collector *collector);
/* Records taken since it was opened. */
uint64_t collector_record_count(struct collector *collector);

/* Four steps: refuse new work, let what runs end (up to a deadline), join, free. Writers keep what was not
 * acknowledged and append it themselves when the store's lock is free. Accepts NULL. */
void collector_close(struct collector *collector);

#endif
