#include "cli/browser.h"

#include "base/buf.h"
#include "base/clean.h"
#include "cli/spawn.h"

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);
	return value && *value;
}

/* One entry of $BROWSER: a command, in which %s stands for the address, else that follows it. */
static bool try_command(struct slice command, const char *url)
{
	CLEAN(buf_fini) struct buf words = BUF_INIT;
	char *argv[16];
	size_t count = 0;
	bool placed = false;
	buf_append_slice(&words, command);
	CLEAN(ptr_free) char *text = buf_take(&words);
	char *rest;
	for (char *word = text ? strtok_r(text, " \t", &rest) : NULL; word && count < 14;
		word = strtok_r(NULL, " \t", &rest)) {
		bool here = strcmp(word, "%s") == 0;
		argv[count++] = here ? (char *)url : word;
		placed = placed || here;
	}
	if (!count)
		return false;
	if (!placed)
		argv[count++] = (char *)url;
	argv[count] = NULL;
	return spawn_detached(argv);
}

/* $BROWSER: commands separated by colons, the first that starts. */
static bool try_variable(const char *url)
{
	const char *list = getenv("BROWSER");
	while (list && *list) {
		size_t len = strcspn(list, ":");
		if (try_command((struct slice){list, len}, url))
			return true;
		list += len + (list[len] == ':');
	}
	return false;
}

bool browser_open(const char *url)
{
	static const char *const openers[] = {"xdg-open", "gio open", "sensible-browser", "x-www-browser"};
	/* Without a display xdg-open falls back to text browsers, which would take over the terminal. */
	if (!is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY"))
		return false;
	if (is_set("BROWSER"))
		return try_variable(url);
	for (size_t i = 0; i < sizeof(openers) / sizeof(*openers); i++)
		if (try_command(slice_of(openers[i]), url))
			return true;
	return false;
}
