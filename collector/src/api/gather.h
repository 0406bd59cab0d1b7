/* api/gather.h: the places of a run's records: what is indexed from the catalog, the rest from the log.
 * Private to this folder. */
#ifndef API_GATHER_H
#define API_GATHER_H

#include "api/splice.h"

struct gather_request {
	struct catalog_reader *reader; /* NULL: all from the log */
	struct slice project, app_id;
};

/* Add them all to a splice that was just initialised, and settle it. BURR_EIO, BURR_ENOMEM, BURR_ETOOBIG. */
BURR_MUST_CHECK burr_status gather_places(
	const struct gather_request *request, struct splice *splice, burr_error *err);

#endif
