/* cli/listing.h: steps of a run as a table or as JSON: for burr show and burr steps.
 *
 * What is long is read and printed in pieces, so that the catalog is not held at one moment for as long as a
 * pager's reader reads. */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "api/v1_rows.h"
#include "cli/index.h"

struct listing {
	struct catalog_reader *reader; /* borrowed, as all else */
	const char *project;
	const struct catalog_app *app;
	struct v1_steps_wanted wanted;
	int64_t from, to; /* sequence ids, both within */
	int64_t limit;    /* of steps, or of groups */
	bool last;        /* the last ones of those that fit; else the first */
	bool folded;      /* repeated cycles as one */
	int64_t mark;     /* the sequence id that is pointed out; -1: none */

	/* What has come of it: of the steps, or groups, that fit, those before what was printed, and so on.
	 */
	int64_t before, shown, behind;
	int64_t next; /* the sequence id of the first that stands behind; -1: none */
	bool marked;  /* the one that is pointed out is among them */
};

#define LISTING_INIT                                                                                 \
	{                                                                                            \
		.wanted = {.slower_us = -1, .sequence_id = -1}, .to = INT64_MAX, .limit = INT64_MAX, \
		.next = -1, .mark = -1                                                               \
	}

/* CLI_OK, or the exit code after having said why not. Of nothing that fits no table is printed. */
int listing_print_table(struct listing *listing);
/* As an array. */
int listing_print_json(struct listing *listing);

#endif
