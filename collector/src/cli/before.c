#include "cli/before.h"

#include "base/clean.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/find.h"

#include <fcntl.h>

enum { METADATA_MAX = 64 << 20 };

void before_fini(struct before *before)
{
	burr_free(before->loaded);
	buf_fini(&before->metadata);
}

static struct slice read_metadata(
	const struct store *store, const char *project, const char *app_id, struct buf *text)
{
	struct slice metadata;
	CLEAN(fd_close) int app_fd = -1;
	if (store_open_app(store, slice_of(project), slice_of(app_id), &app_fd, NULL) == BURR_OK &&
		file_read(app_fd, "metadata.json", METADATA_MAX, text, NULL) == BURR_OK &&
		json_validate(buf_slice(text), &metadata, NULL) == BURR_OK)
		return metadata;
	return SLICE_NONE;
}

/* A fork's first step goes on from a step of another run. BURR_ENOTFOUND: it is none. */
static burr_status load_parent(const struct store *store, const char *project, struct slice pointer,
	int64_t sequence_id, burr_loaded **out, burr_error *err)
{
	CLEAN(buf_fini) struct buf app_id = BUF_INIT;
	int64_t at;
	if (!json_to_text(json_find(pointer, "app_id"), &app_id) ||
		!json_to_int(json_find(pointer, "sequence_id"), &at) || at != sequence_id)
		return BURR_ENOTFOUND;
	return burr_load(store->path, project, app_id.data, NULL, sequence_id, out, err);
}

int before_load(const struct store *store, const char *project, const char *app_id, int64_t sequence_id,
	struct before *out)
{
	burr_error err;
	const int64_t at = sequence_id - 1;
	burr_status status = at < 0 ? BURR_ENOTFOUND
				    : burr_load(store->path, project, app_id, NULL, at, &out->loaded, &err);
	if (status == BURR_ENOTFOUND) {
		struct slice metadata = read_metadata(store, project, app_id, &out->metadata);
		out->state = json_find(metadata, "initial_state");
		if (!out->state.data && at >= 0)
			status = load_parent(store, project, json_find(metadata, "parent_pointer"), at,
				&out->loaded, &err);
	}
	if (status != BURR_OK && status != BURR_ENOTFOUND)
		return find_fail(status, &err);
	if (out->loaded)
		out->state = slice_of(out->loaded->state_json);
	return CLI_OK;
}
