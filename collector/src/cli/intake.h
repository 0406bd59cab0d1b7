/* cli/intake.h: what programs recorded and their spools still hold goes into the logs, before a command reads
 * them: so the logs, and the catalog that is made of them, are all that a command has to look at.
 *
 * A collector is asked to do it; without one it is done here, as a writer of the store would. Mostly no spool
 * holds anything, and that is all that is looked at. */
#ifndef CLI_INTAKE_H
#define CLI_INTAKE_H

#include "store/store.h"

/* False: not all could be taken in (the store can only be read, its collector stands still). It is said on
 * stderr, as the command shows less without it. */
bool intake_run(struct store *store);

#endif
