/* cli/run.h: the run that a command names, by its row of the catalog. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/index.h"
#include "cli/options.h"

struct run {
	struct index index;
	const char *project;    /* as the command line has it */
	char *app_id;           /* whole */
	struct catalog_app app; /* texts are in `texts` */
	struct buf texts;
};

#define RUN_INIT                                       \
	{                                              \
		.index = INDEX_INIT, .texts = BUF_INIT \
	}

/* Open the run of the arguments PROJECT APP. CLI_OK, or the exit code after having said why not. */
int run_open(const struct options *options, struct run *out);
void run_close(struct run *run);

#endif
