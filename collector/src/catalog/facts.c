#include "catalog/facts.h"

#include "catalog/table.h"
#include "wire/limits.h"

#include <fcntl.h>
#include <stdio.h>

static int64_t written_us(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000;
}

/* Never 0 for a file that is there. */
static uint64_t mark_of(const struct stat *st)
{
	const uint64_t parts[] = {(uint64_t)st->st_dev, (uint64_t)st->st_ino, (uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec};
	return bytes_hash(parts, sizeof(parts), 1) | 1;
}

static bool look(int dir_fd, const char *folder, const char *file, struct stat *out)
{
	char path[APP_ID_MAX + 32];
	int len = snprintf(path, sizeof(path), "%s/%s", folder, file);
	return len < (int)sizeof(path) && fstatat(dir_fd, path, out, 0) == 0 && S_ISREG(out->st_mode);
}

bool facts_read(int dir_fd, const char *name, struct facts *out)
{
	struct stat folder;
	struct stat graph;
	struct stat metadata;
	struct stat children;
	*out = (struct facts){.has_log = false};
	if (fstatat(dir_fd, name, &folder, 0) < 0 || !S_ISDIR(folder.st_mode))
		return false;
	out->has_log = look(dir_fd, name, "log.jsonl", &out->log);
	out->has_graph = look(dir_fd, name, "graph.json", &graph);
	out->has_metadata = look(dir_fd, name, "metadata.json", &metadata);
	bool has_children = look(dir_fd, name, "children.jsonl", &children);
	if (out->has_log)
		out->log_mark = mark_of(&out->log);
	const uint64_t sides[] = {
		out->has_graph ? mark_of(&graph) : 0, out->has_metadata ? mark_of(&metadata) : 0};
	out->side_mark = bytes_hash(sides, sizeof(sides), 2) | 1;
	out->children_mark = has_children ? mark_of(&children) : 0;
	if (out->has_metadata)
		out->made_us = written_us(&metadata);
	else if (out->has_graph)
		out->made_us = written_us(&graph);
	else if (has_children)
		out->made_us = written_us(&children);
	else
		out->made_us = written_us(out->has_log ? &out->log : &folder);
	return true;
}
