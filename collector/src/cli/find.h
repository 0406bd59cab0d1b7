/* cli/find.h: from the names on a command line to what is in the store, or to an error that helps.
 *
 * An app_id may be shortened to any beginning that only one application of the project has. */
#ifndef CLI_FIND_H
#define CLI_FIND_H

#include "cli/cli.h"
#include "store/store.h"

/* Open the store for reading; CLI_OK, or the exit code after having said why not. */
int find_store(const char *option, struct store **out_store);
/* CLI_OK when the project is there. */
int find_project(const struct store *store, const char *project);
/* *out_app_id: the whole name; yours to free. */
int find_app(const struct store *store, const char *project, const char *app_id, char **out_app_id);

/* The names of a project's runs in no order, each followed by a NUL; none where it cannot be read. */
void find_app_names(const struct store *store, const char *project, struct buf *out);

/* Say what a call of the library reported, and give the exit code for it. */
int find_fail(burr_status status, const burr_error *err);

#endif
