/* catalog/notes.h: which applications are to be looked at, each at most once.
 *
 * Two lanes: what has just changed goes before what a scan found. A note that is taken may be left again at
 * once, so a change that comes while its application is being indexed is not lost.
 * Threads: notes_put from any; notes_take from one. */
#ifndef CATALOG_NOTES_H
#define CATALOG_NOTES_H

#include "catalog/table.h"
#include "wire/limits.h"

#include <pthread.h>

/* An application's full name; the project alone where app_id is empty. */
struct app_name {
	size_t project_len;
	size_t app_id_len;
	char text[PROJECT_NAME_MAX + 1 + APP_ID_MAX + 1]; /* "project/app_id" */
};

/* False when the names are no names (store/names.h), which includes everything too long. */
bool app_name_make(struct app_name *out, struct slice project, struct slice app_id);
static inline struct slice app_name_project(const struct app_name *name)
{
	return (struct slice){name->text, name->project_len};
}
static inline struct slice app_name_app_id(const struct app_name *name)
{
	return (struct slice){name->text + name->project_len + 1, name->app_id_len};
}
static inline struct slice app_name_both(const struct app_name *name)
{
	return (struct slice){name->text, name->project_len + (name->app_id_len ? 1 + name->app_id_len : 0)};
}

enum note_lane {
	NOTE_LIVE,
	NOTE_BACKLOG,
	NOTE_LANES,
};

struct note;

struct notes {
	pthread_mutex_t lock;
	struct {
		struct table waiting; /* under lock; value: struct note */
		struct note *first;   /* under lock */
		struct note *last;    /* under lock */
	} lanes[NOTE_LANES];
	bool lost; /* under lock; a note found no memory: everything is to be looked at */
};

void notes_init(struct notes *notes);
void notes_fini(struct notes *notes);
/* *out_first (may be NULL): whether nothing waited before, so that the taker must be woken. */
void notes_put(struct notes *notes, const struct app_name *name, enum note_lane lane, bool *out_first);
/* False when nothing waits. */
bool notes_take(struct notes *notes, struct app_name *out_name, enum note_lane *out_lane);
/* Whether a note was lost since the last call. */
bool notes_take_lost(struct notes *notes);
size_t notes_count(struct notes *notes);
size_t notes_count_lane(struct notes *notes, enum note_lane lane);

#endif
