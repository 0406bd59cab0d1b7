#include "app/names.h"

#include <stdlib.h>

static const char spaces[] = " \t\r\n";

bool names_next(const char **pos, struct slice *out_name)
{
	const char *start = *pos + strspn(*pos, spaces);
	size_t len = strcspn(start, spaces);
	*pos = start + len;
	*out_name = (struct slice){start, len};
	return len > 0;
}

bool names_init(struct names *names, const char *list)
{
	struct slice name;
	*names = (struct names)NAMES_INIT;
	list = list ? list : "";
	for (const char *pos = list; names_next(&pos, &name);)
		names->count++;
	names->text = slice_dup(slice_of(list));
	names->items = calloc(names->count + 1, sizeof(*names->items));
	if (!names->text || !names->items) {
		names_fini(names);
		return false;
	}
	size_t at = 0;
	for (const char *pos = names->text; names_next(&pos, &name);) {
		names->items[at++] = name.data;
		if (*pos)
			names->text[pos++ - names->text] = '\0';
	}
	return true;
}

void names_fini(struct names *names)
{
	free(names->text);
	free(names->items);
	*names = (struct names)NAMES_INIT;
}

bool names_have(const struct names *names, struct slice name)
{
	for (size_t i = 0; i < names->count; i++)
		if (slice_is(name, names->items[i]))
			return true;
	return false;
}

const char *names_find_repeated(const struct names *names)
{
	for (size_t i = 1; i < names->count; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(names->items[i], names->items[k]))
				return names->items[i];
	return NULL;
}
