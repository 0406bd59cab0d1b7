#include "cli/samples.h"

#include "base/clean.h"
#include "cli/spawn.h"
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char PREFIX[] = "burr-demo-";
static const char TITLES_FILE[] = "samples.txt";
enum { TITLES_MAX = 65536 };

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static char *join(const char *folder, const char *rest)
{
	struct buf path = BUF_INIT;
	buf_printf(&path, "%s/%s", folder, rest);
	return buf_take(&path);
}

static char *folder_of_program(void)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (len <= 0)
		return NULL;
	path[len] = '\0';
	char *slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return strdup(path);
}

static bool is_folder(const char *path)
{
	struct stat st;
	return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static char *find_folder(void)
{
	const char *variable = getenv("BURR_EXAMPLES_DIR");
	if (variable && *variable)
		return is_folder(variable) ? strdup(variable) : NULL;
	CLEAN(ptr_free) char *here = folder_of_program();
	CLEAN(ptr_free) char *joined = here ? join(here, "../libexec/burr/examples") : NULL;
	char *beside = joined ? realpath(joined, NULL) : NULL;
	if (is_folder(beside))
		return beside;
	free(beside);
	return is_folder(BURR_INSTALLED_EXAMPLES) ? strdup(BURR_INSTALLED_EXAMPLES) : NULL;
}

static int compare_samples(const void *a, const void *b)
{
	const struct sample *left = a;
	const struct sample *right = b;
	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	return strcmp(left->program, right->program);
}

/* The tab-separated field after *rest, for free(); NULL for none. */
static char *take_field(struct slice *rest)
{
	const char *tab = memchr(rest->data, '\t', rest->len);
	struct slice field = {rest->data, tab ? (size_t)(tab - rest->data) : rest->len};
	size_t used = field.len + (tab != NULL);
	*rest = (struct slice){rest->data + used, rest->len - used};
	return field.len ? slice_dup(field) : NULL;
}

static void take_title(struct samples *samples, size_t rank, struct slice line)
{
	CLEAN(ptr_free) char *program = take_field(&line);
	for (size_t i = 0; program && i < samples->count; i++) {
		struct sample *sample = &samples->items[i];
		if (strcmp(strrchr(sample->program, '/') + 1, program) != 0 || sample->title)
			continue;
		sample->rank = rank;
		sample->title = take_field(&line);
		sample->project = take_field(&line);
	}
}

static void read_titles(struct samples *samples, int dir_fd)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (file_read(dir_fd, TITLES_FILE, TITLES_MAX, &text, NULL) != BURR_OK)
		return;
	struct slice rest = buf_slice(&text);
	for (size_t rank = 0; rest.len; rank++) {
		const char *end = memchr(rest.data, '\n', rest.len);
		struct slice line = {rest.data, end ? (size_t)(end - rest.data) : rest.len};
		size_t used = line.len + (end != NULL);
		rest = (struct slice){rest.data + used, rest.len - used};
		take_title(samples, rank, line);
	}
}

static bool is_sample(int dir_fd, const char *name)
{
	struct stat st;
	return name[0] != '.' && fstatat(dir_fd, name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
	       faccessat(dir_fd, name, X_OK, AT_EACCESS) == 0 && (st.st_mode & 0111);
}

static void add_sample(struct samples *samples, const char *name)
{
	struct sample *items = realloc(samples->items, (samples->count + 1) * sizeof(*items));
	size_t skip = strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0 ? sizeof(PREFIX) - 1 : 0;
	if (!items)
		return;
	samples->items = items;
	struct sample sample = {
		.program = join(samples->folder, name), .rank = SIZE_MAX, .name = strdup(name + skip)};
	items[samples->count] = sample;
	if (sample.program && sample.name) {
		samples->count++;
	} else {
		free(sample.program);
		free(sample.name);
	}
}

void samples_find(struct samples *out)
{
	struct dirent *entry;
	*out = (struct samples)SAMPLES_INIT;
	out->folder = find_folder();
	CLEAN(close_dir) DIR *dir = out->folder ? opendir(out->folder) : NULL;
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (is_sample(dirfd(dir), entry->d_name))
			add_sample(out, entry->d_name);
	read_titles(out, dirfd(dir));
	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), compare_samples);
}

void samples_fini(struct samples *samples)
{
	for (size_t i = 0; i < samples->count; i++) {
		free(samples->items[i].program);
		free(samples->items[i].name);
		free(samples->items[i].title);
		free(samples->items[i].project);
	}
	free(samples->items);
	free(samples->folder);
}

size_t samples_start(const struct samples *samples)
{
	size_t started = 0;
	for (size_t i = 0; i < samples->count; i++)
		started += spawn_detached((char *const[]){samples->items[i].program, NULL});
	return started;
}
