/* spool/inspect.h: which spools there are in a store, whose, and what they hold: for people who ask. Nothing
 * of a spool is changed.
 *
 * That a writer lives is known by trying its spool's lock, and a lock that is free is held for that moment:
 * who wants to recover the spool just then passes it over until its next look.
 *
 * Threads: any. */
#ifndef SPOOL_INSPECT_H
#define SPOOL_INSPECT_H

#include "spool/file.h"
#include "store/store.h"

enum spool_state {
	SPOOL_LIVES,    /* its writer does */
	SPOOL_LEFT,     /* nobody has its lock */
	SPOOL_STRANGE,  /* the same, and it is none, or of another version */
	SPOOL_UNOPENED, /* it cannot be looked at */
};

struct spool_report {
	const char *name; /* in the store's folder */
	enum spool_state state;
	bool is_known; /* header is valid; so it is in SPOOL_LEFT */
	struct spool_header header;
	uint64_t lane_bytes;  /* not stored yet, in its lanes */
	uint64_t spill_bytes; /* and in its spill file */
	char why[200];        /* SPOOL_STRANGE, SPOOL_UNOPENED */
};

/* Visit each, in no order. BURR_EIO: the store's folder cannot be read. The report is borrowed until return.
 */
typedef void spool_report_fn(void *ctx, const struct spool_report *report);
burr_status spool_inspect_all(const struct store *store, spool_report_fn *visit, void *ctx, burr_error *err);

/* What has become of the writer of this id (WRITER_ID_LEN hex digits), by its spool in the store. */
enum spool_writer {
	SPOOL_WRITER_LIVES,
	SPOOL_WRITER_LEFT, /* it is gone, and its spool, which may hold records, is still there */
	SPOOL_WRITER_GONE, /* so is its spool */
};
enum spool_writer spool_find_writer(const struct store *store, const char *writer);

#endif
