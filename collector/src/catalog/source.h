/* catalog/source.h: the lines of a run's log, at the places that the catalog has of them.
 *
 * The log may have been replaced since it was indexed; then what is read there is no record, or one of
 * another kind, and is passed over: the next pass of the indexer puts the catalog right. Threads: one at a
 * time per source, which is its reader's. */
#ifndef CATALOG_SOURCE_H
#define CATALOG_SOURCE_H

#include "catalog/catalog.h"
#include "store/read.h"

struct source {
	struct catalog_reader *reader; /* borrowed */
	struct slice project;          /* borrowed */
	int fd;                        /* -1: not open */
	int64_t deadline_ns;           /* clock_mono_ns; walks end there. 0: none */
	bool cut;                      /* one did: what it did not find may be there */
	bool reads_ahead;              /* what is asked for comes in the order of the log */
	struct buf window;             /* bytes of the log from window_at on */
	uint64_t window_at;
	struct buf spare;
};

#define SOURCE_INIT       \
	{                 \
		.fd = -1, \
	}

void source_init(struct source *source, struct catalog_reader *reader, struct slice project);
void source_fini(struct source *source);
/* Open the log of an application. BURR_ENOTFOUND: it has none; BURR_EIO. */
burr_status source_open(struct source *source, struct slice app_id, burr_error *err);
/* The record of type `type` at a place; false: there is none. Valid until the next call. */
bool source_read(
	struct source *source, uint64_t at, uint32_t len, enum line_type type, struct line_record *out);
/* The bytes at a place; false: the log has none there. Valid until the next call. */
bool source_bytes(struct source *source, uint64_t at, uint32_t len, struct slice *out);

/* Within a question (reader_begin): records of a run, until `each` returns false. A run without a log has
 * none. */
typedef bool source_fn(const struct line_record *record, void *ctx);
burr_status source_last_end(
	struct source *source, const struct catalog_app *app, source_fn *each, void *ctx, burr_error *err);
burr_status source_begins(
	struct source *source, const struct catalog_app *app, source_fn *each, void *ctx, burr_error *err);
burr_status source_attributes(
	struct source *source, const struct catalog_app *app, source_fn *each, void *ctx, burr_error *err);

#endif
