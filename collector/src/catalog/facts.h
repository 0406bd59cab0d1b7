/* catalog/facts.h: what stat tells about an application's files. Cheap enough to ask for every application at
 * a start, and at every poll of a run. */
#ifndef CATALOG_FACTS_H
#define CATALOG_FACTS_H

#include "base/buf.h"

#include <sys/stat.h>

struct facts {
	bool has_log;
	bool has_graph;
	bool has_metadata;
	struct stat log;        /* where has_log */
	uint64_t log_mark;      /* one number for which file, its length and its time; 0 without one */
	uint64_t side_mark;     /* the same for graph.json and metadata.json together */
	uint64_t children_mark; /* the same for children.jsonl */
	int64_t made_us;        /* for an application whose log holds no time: when its files were written */
};

/* Look at the files of the application in dir_fd, or in the folder `name` below it. What is no plain file
 * counts as missing. False when there is no such folder. */
bool facts_read(int dir_fd, const char *name, struct facts *out);

#endif
