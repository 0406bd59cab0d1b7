#include "cli/run.h"

#include "cli/cli.h"
#include "cli/find.h"
#include "cli/say.h"

#include <stdlib.h>

/* The texts of a row live as long as its callback: offsets first, as the buffer moves while it grows. */
static void keep_row(const struct catalog_app *app, void *ctx)
{
	struct run *run = ctx;
	struct buf *texts = &run->texts;
	run->app = *app;
	struct slice *const kept[] = {&run->app.app_id, &run->app.partition_key, &run->app.parent,
		&run->app.spawning_parent, &run->app.first_text, &run->app.last_text, &run->app.last_action,
		&run->app.last_error, &run->app.parent_app};
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		buf_append_slice(texts, *kept[i]);
	size_t at = 0;
	for (size_t i = 0; !texts->failed && i < sizeof(kept) / sizeof(*kept); i++) {
		if (kept[i]->data)
			kept[i]->data = kept[i]->len ? texts->data + at : "";
		at += kept[i]->len;
	}
}

int run_open(const struct options *options, struct run *out)
{
	burr_error err;
	out->project = options->args[0];
	int code = index_open(options->store, &out->index);
	if (code == CLI_OK)
		code = find_app(out->index.store, out->project, options->args[1], &out->app_id);
	if (code == CLI_OK)
		code = index_update(&out->index, out->project, out->app_id);
	if (code != CLI_OK)
		return code;
	burr_status status = catalog_find_app(
		out->index.reader, slice_of(out->project), slice_of(out->app_id), keep_row, out, &err);
	if (status != BURR_OK)
		return find_fail(status, &err);
	if (!out->texts.failed)
		return CLI_OK;
	say_error("no memory for run '%s'", out->app_id);
	return CLI_ERROR;
}

void run_close(struct run *run)
{
	index_close(&run->index);
	free(run->app_id);
	buf_fini(&run->texts);
}
