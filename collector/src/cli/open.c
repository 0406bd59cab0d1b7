/* cli/open.c: burr open [PROJECT [APP]]: the page of a project or run, in the browser. */
#include "app/page.h"
#include "base/clean.h"
#include "base/json.h"
#include "cli/browser.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/running.h"
#include "cli/say.h"

enum { STARTING_MS = 2000, FILE_MAX = 64 << 20 };

static void free_store(struct store **store)
{
	store_close(*store);
}

/* The page's address in *out_url, for free(). */
static int find_page(const struct store *store, const struct options *options, const struct running *running,
	char **out_url)
{
	CLEAN(buf_fini) struct buf url = BUF_INIT;
	CLEAN(ptr_free) char *app_id = NULL;
	CLEAN(buf_fini) struct buf metadata = BUF_INIT;
	CLEAN(buf_fini) struct buf partition = BUF_INIT;
	CLEAN(fd_close) int app_fd = -1;
	int code = CLI_OK;
	buf_append_slice(&url, buf_slice(&running->url));
	if (options->arg_count == 1) {
		code = find_project(store, options->args[0]);
		buf_printf(&url, "/p/%s", options->args[0]); /* a project's name needs no escapes */
	}
	if (options->arg_count < 2) {
		*out_url = code == CLI_OK ? buf_take(&url) : NULL;
		return code;
	}
	const char *project = options->args[0];
	code = find_app(store, project, options->args[1], &app_id);
	if (code != CLI_OK)
		return code;
	if (store_open_app(store, slice_of(project), slice_of(app_id), &app_fd, NULL) == BURR_OK &&
		file_read(app_fd, "metadata.json", FILE_MAX, &metadata, NULL) == BURR_OK)
		(void)json_to_text(json_find(buf_slice(&metadata), "partition_key"), &partition);
	*out_url = page_url(store->path, project, app_id, partition.len ? partition.data : NULL);
	return CLI_OK;
}

int command_open(const struct options *options)
{
	CLEAN(free_store) struct store *store = NULL;
	CLEAN(running_fini) struct running running = RUNNING_INIT;
	CLEAN(ptr_free) char *url = NULL;
	int code = find_store(options->store, &store);
	if (code != CLI_OK)
		return code;
	if (!running_await(store, STARTING_MS, &running) || !running.url.len) {
		CLEAN(buf_fini) struct buf path = BUF_INIT;
		human_path(&path, store->path);
		say_error("no collector runs on %s: start it with burr", path.data);
		return CLI_ABSENT;
	}
	code = find_page(store, options, &running, &url);
	if (code != CLI_OK)
		return code;
	if (!url) {
		say_error("no memory for an address");
		return CLI_ERROR;
	}
	if (running.token.len)
		say("%s%s#token=%s\n", url, options->arg_count ? "" : "/", running.token.data);
	else
		say("%s\n", url);
	if (!options_has(options, OPTION_NO_OPEN))
		browser_open(url);
	return CLI_OK;
}
