/* tracker/tracker.h: what the application core asks a tracker beyond its public calls. */
#ifndef TRACKER_TRACKER_H
#define TRACKER_TRACKER_H

#include "store/names.h"

#include <burr/tracker.h>

/* Borrowed for the handle's life; NULL: none. */
const char *tracker_app_partition_key(const burr_tracker_app *app);
burr_tracker *tracker_of_app(const burr_tracker_app *app);

#endif
