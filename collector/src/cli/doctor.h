/* cli/doctor.h: what burr doctor finds, and who looks for it.
 *
 * A check looks at one thing and adds a finding for it: well, worth knowing, or a problem that somebody has
 * to do something about. It changes nothing, and what it cannot look at is a finding too. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "store/store.h"

enum level {
	LEVEL_OK,
	LEVEL_NOTE,
	LEVEL_PROBLEM,
};

struct findings {
	struct buf list; /* struct finding … */
	struct buf text;
	bool has_collector; /* who runs the store's spools and socket */
	bool partial;       /* something was not looked at */
};

/* check: a literal of at most 9 characters; several findings may have the same. advice: a clause that says
 * what to do; "" for none. */
void findings_add(struct findings *findings, enum level level, const char *check, const char *advice,
	const char *fmt, ...) BURR_PRINTF(5, 6);

/* The folder: place, owner, mode, format; and its file system (doctor_store.c). */
void doctor_check_folder(const struct store *store, struct findings *findings);
void doctor_check_disk(const struct store *store, struct findings *findings);
void doctor_check_catalog(const struct store *store, struct findings *findings);
/* The collector and its socket; sets has_collector (doctor_collector.c). */
void doctor_check_collector(struct store *store, struct findings *findings);
/* Spools, and the files beside them (doctor_spools.c). */
void doctor_check_spools(const struct store *store, struct findings *findings);
/* The ends of the logs, of so many; sets partial (doctor_logs.c). */
void doctor_check_logs(const struct store *store, struct findings *findings);

#endif
