/* api/v1_rows.h: rows of the catalog as version 1 writes them, and which steps a list of them wants: shared
 * by the API and the commands, so that both tell the same by the same names. Threads: any, one at a time a
 * source. */
#ifndef API_V1_ROWS_H
#define API_V1_ROWS_H

#include "catalog/catalog.h"
#include "catalog/source.h"

enum { V1_ACTION_BYTES = 1024 }; /* of an action's name: longer ones are cut, with an ellipsis */

/* Members: a moment as UTC; a number, or null where it is not known. */
void v1_put_time(struct buf *out, const char *key, bool known, int64_t us);
void v1_put_number(struct buf *out, const char *key, bool known, int64_t number);

/* The members of an object that is open. */
void v1_put_project(struct buf *out, const struct catalog_project *project);
void v1_put_run(struct buf *out, const struct catalog_app *app);
void v1_put_step(struct buf *out, const struct catalog_app *app, const struct catalog_step *step,
	struct source *source);
/* Of one hit of a search; `context_bytes` of the value stand on each side of it. */
struct search_hit;
void v1_put_hit(struct buf *out, const struct search_hit *hit, size_t context_bytes);

/* The text of a step's action. One that the catalog does not keep (too long, or of too many) is read from its
 * line, and cut; source: of the run's project, opened where it is needed. Null where the line does not say,
 * either. */
void v1_put_action(struct buf *out, const struct catalog_app *app, const struct catalog_step *step,
	struct source *source);
/* The same with the line's `action`, where that is at hand. */
void v1_put_action_of(struct buf *out, const struct catalog_step *step, struct slice in_line);

/* "ok", "failed" or "open". */
const char *v1_step_status(const struct step *step);
/* The moment of a step's time, in UTC. */
int64_t v1_step_us(const struct catalog_app *app, int64_t us, bool zoned);
/* How long it took, in microseconds; false where that is not known. */
bool v1_step_took(const struct catalog_app *app, const struct step *step, int64_t *out_us);

struct v1_steps_wanted {
	struct slice action, status, changed; /* SLICE_NONE: any */
	int64_t slower_us;                    /* took so long at least; -1: any */
	bool superseded;                      /* attempts that gave way to later ones, too */
};
bool v1_step_is_wanted(
	const struct v1_steps_wanted *wanted, const struct catalog_app *app, const struct catalog_step *step);

/* For fold_iter: the name of the step's action; -1 for what is to be seen by itself, a step that failed, is
 * open or gave way, and one whose action has no name. */
int64_t v1_fold_action(const struct step *step);

#endif
