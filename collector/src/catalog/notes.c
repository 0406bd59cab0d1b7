/* Met by ingest's threads, the HTTP workers and the indexer: everything is under one lock, held for a hash
 * and a few pointers. */
#include "catalog/notes.h"

#include "store/names.h"

#include <stdlib.h>

struct note {
	struct note *next;
	struct table_entry *entry; /* its key is app_name.text */
	size_t project_len;
};

bool app_name_make(struct app_name *out, struct slice project, struct slice app_id)
{
	if (name_check_project(project, NULL) != BURR_OK ||
		(app_id.len && name_check_app_id(app_id, NULL) != BURR_OK))
		return false;
	out->project_len = project.len;
	out->app_id_len = app_id.len;
	memcpy(out->text, project.data, project.len);
	out->text[project.len] = app_id.len ? '/' : '\0';
	if (app_id.len)
		memcpy(out->text + project.len + 1, app_id.data, app_id.len);
	out->text[project.len + 1 + app_id.len] = '\0';
	return true;
}

void notes_init(struct notes *notes)
{
	*notes = (struct notes){.lost = false};
	pthread_mutex_init(&notes->lock, NULL);
}

void notes_fini(struct notes *notes)
{
	for (int lane = 0; lane < NOTE_LANES; lane++) {
		struct note *note = notes->lanes[lane].first;
		while (note) {
			struct note *next = note->next;
			free(note);
			note = next;
		}
		table_fini(&notes->lanes[lane].waiting);
	}
	pthread_mutex_destroy(&notes->lock);
}

static void put_locked(struct notes *notes, const struct app_name *name, enum note_lane lane)
{
	bool added = false;
	struct table *waiting = &notes->lanes[lane].waiting;
	struct table_entry *entry = table_put(waiting, app_name_both(name), &added);
	if (entry && !added)
		return;
	struct note *note = entry ? malloc(sizeof(*note)) : NULL;
	if (!note) {
		if (entry)
			table_remove(waiting, entry);
		notes->lost = true;
		return;
	}
	*note = (struct note){.entry = entry, .project_len = name->project_len};
	entry->value = note;
	if (notes->lanes[lane].last)
		notes->lanes[lane].last->next = note;
	else
		notes->lanes[lane].first = note;
	notes->lanes[lane].last = note;
}

static size_t count_locked(const struct notes *notes)
{
	return notes->lanes[NOTE_LIVE].waiting.count + notes->lanes[NOTE_BACKLOG].waiting.count;
}

void notes_put(struct notes *notes, const struct app_name *name, enum note_lane lane, bool *out_first)
{
	pthread_mutex_lock(&notes->lock);
	bool first = count_locked(notes) == 0;
	put_locked(notes, name, lane);
	pthread_mutex_unlock(&notes->lock);
	if (out_first)
		*out_first = first;
}

static bool take_locked(struct notes *notes, enum note_lane lane, struct app_name *out_name)
{
	struct note *note = notes->lanes[lane].first;
	if (!note)
		return false;
	notes->lanes[lane].first = note->next;
	if (!note->next)
		notes->lanes[lane].last = NULL;
	size_t len = note->entry->key_len;
	memcpy(out_name->text, note->entry->key, len + 1);
	out_name->project_len = note->project_len;
	out_name->app_id_len = len > note->project_len ? len - note->project_len - 1 : 0;
	table_remove(&notes->lanes[lane].waiting, note->entry);
	free(note);
	return true;
}

bool notes_take(struct notes *notes, struct app_name *out_name, enum note_lane *out_lane)
{
	pthread_mutex_lock(&notes->lock);
	bool found = false;
	for (int lane = 0; !found && lane < NOTE_LANES; lane++) {
		found = take_locked(notes, lane, out_name);
		if (found)
			*out_lane = lane;
	}
	pthread_mutex_unlock(&notes->lock);
	return found;
}

bool notes_take_lost(struct notes *notes)
{
	pthread_mutex_lock(&notes->lock);
	bool lost = notes->lost;
	notes->lost = false;
	pthread_mutex_unlock(&notes->lock);
	return lost;
}

size_t notes_count(struct notes *notes)
{
	pthread_mutex_lock(&notes->lock);
	size_t count = count_locked(notes);
	pthread_mutex_unlock(&notes->lock);
	return count;
}

size_t notes_count_lane(struct notes *notes, enum note_lane lane)
{
	pthread_mutex_lock(&notes->lock);
	size_t count = notes->lanes[lane].waiting.count;
	pthread_mutex_unlock(&notes->lock);
	return count;
}
