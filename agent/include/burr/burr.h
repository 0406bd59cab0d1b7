/* burr/burr.h: all of libburr. */
#ifndef BURR_BURR_H
#define BURR_BURR_H

#include <burr/app.h>
#include <burr/load.h>
#include <burr/status.h>
#include <burr/tracker.h>

#endif
