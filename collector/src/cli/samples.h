/* cli/samples.h: the sample programs that come with burr: where they are, what they show, running them.
 *
 * A sample is an executable file of the samples' folder: it takes no arguments, records into BURR_STORE and
 * ends. samples.txt beside them says a line about each: program, title, and, where it has one of its own, the
 * project to look at, separated by tabs. */
#ifndef CLI_SAMPLES_H
#define CLI_SAMPLES_H

#include "base/buf.h"

struct sample {
	char *program; /* path */
	size_t rank;   /* its line in samples.txt; SIZE_MAX: none */
	char *name;    /* the file's name without "burr-demo-" */
	char *title;   /* NULL: samples.txt does not know it */
	char *project; /* NULL */
};

struct samples {
	char *folder; /* NULL: none was found */
	struct sample *items;
	size_t count;
};
#define SAMPLES_INIT          \
	{                     \
		NULL, NULL, 0 \
	}

/* Look in $BURR_EXAMPLES_DIR, or, where that is not set, beside the program (../libexec/burr/examples), then
 * where it was to be installed. In the order of samples.txt, the rest by name. count is 0 where there are
 * none. */
void samples_find(struct samples *out);
void samples_fini(struct samples *samples);

/* Start all of them, each on its own; how many could be started. */
size_t samples_start(const struct samples *samples);

#endif
