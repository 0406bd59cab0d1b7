/* cli/verify.c: burr verify [PROJECT [APP]]: read every byte of runs, and list what is no record. */
#include "base/clean.h"
#include "base/clock.h"
#include "base/json.h"
#include "catalog/record.h"
#include "cli/cli.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/say.h"

#include <burr/load.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SMALL_FILE_MAX = 64 << 20, PROGRESS_MS = 500 };

struct verification {
	struct store *store;
	bool json;
	uint64_t run_count, line_count, byte_count, damage_count;
	uint64_t total_bytes; /* of all logs, as they were at the start; for progress */
	int64_t told_ns;
	bool progress_shown;
	struct buf spare;
	struct buf out; /* of --json */

	/* what is being read */
	const char *project;
	const char *app_id;
};

static void verification_fini(struct verification *v)
{
	store_close(v->store);
	buf_fini(&v->spare);
	buf_fini(&v->out);
}

static void free_list(void *pointer_to_list)
{
	burr_free(*(void **)pointer_to_list);
}

/* ---- telling ---- */

static void clear_progress(struct verification *v)
{
	if (v->progress_shown)
		fprintf(stderr, "\r\033[K");
	v->progress_shown = false;
}

static void show_progress(struct verification *v)
{
	int64_t now = clock_mono_ns();
	if (now - v->told_ns < PROGRESS_MS * INT64_C(1000000) || !isatty(STDERR_FILENO) || !v->total_bytes)
		return;
	uint64_t percent = v->byte_count * 100 / v->total_bytes;
	v->told_ns = now;
	v->progress_shown = true;
	fprintf(stderr, "\rverifying: %llu %% ", (unsigned long long)(percent < 100 ? percent : 100));
}

/* line: from 1; 0: the file as a whole. */
static void tell_damage(
	struct verification *v, const char *file, uint64_t offset, uint64_t line, const char *why)
{
	v->damage_count++;
	if (v->json) {
		json_put_open(&v->out, '{');
		json_put_member(&v->out, "project", slice_of(v->project));
		json_put_member(&v->out, "app_id", slice_of(v->app_id));
		json_put_member(&v->out, "file", slice_of(file));
		json_put_member_int(&v->out, "offset", (int64_t)offset);
		json_put_member_int(&v->out, "line", (int64_t)line);
		json_put_member(&v->out, "reason", slice_of(why));
		json_put_close(&v->out, '}');
		return;
	}
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	clear_progress(v);
	buf_printf(&text, "%s / ", v->project);
	human_text(&text, slice_of(v->app_id));
	buf_printf(&text, "  %s", file);
	if (line)
		buf_printf(
			&text, " line %llu, byte %llu", (unsigned long long)line, (unsigned long long)offset);
	buf_append_str(&text, ": ");
	human_text(&text, slice_of(why));
	buf_append_char(&text, '\n');
	say_bytes(buf_slice(&text));
}

/* ---- a run ---- */

static void verify_line(struct verification *v, const struct log_line *line, uint64_t number)
{
	struct line_record record;
	burr_error err = BURR_ERROR_INIT;
	v->line_count++;
	if (line->text.len && !record_read(line->text, &v->spare, &record))
		tell_damage(v, "log.jsonl", line->offset, number, record_explain_damage(line->text, &err));
}

static void verify_log(struct verification *v, int app_fd)
{
	CLEAN(fd_close) int fd = openat(app_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct log_reader reader;
	struct log_line line;
	struct stat st;
	uint64_t number = 0;
	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		tell_damage(v, "log.jsonl", 0, 0, fd < 0 ? strerror(errno) : "no plain file");
		return;
	}
	const uint64_t before = v->byte_count;
	log_reader_init(&reader, fd, 0);
	while (log_reader_next(&reader, &line)) {
		verify_line(v, &line, ++number);
		v->byte_count = before + log_reader_offset(&reader);
		show_progress(v);
	}
	uint64_t end = log_reader_offset(&reader);
	v->byte_count = before + end;
	if (reader.status != BURR_OK)
		tell_damage(v, "log.jsonl", end, number + 1, "it cannot be read");
	else if (fstat(fd, &st) == 0 && (uint64_t)st.st_size > end)
		tell_damage(v, "log.jsonl", end, number + 1,
			"the last line does not end: it is being written, or its writer died in the middle");
	log_reader_fini(&reader);
}

static void verify_object(struct verification *v, int app_fd, const char *name)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	struct slice object;
	burr_error err = BURR_ERROR_INIT;
	burr_status status = file_read(app_fd, name, SMALL_FILE_MAX, &text, &err);
	if (status == BURR_ENOTFOUND)
		return;
	if (status != BURR_OK)
		tell_damage(v, name, 0, 0, err.message);
	else if (!record_read_object(buf_slice(&text), &v->spare, &object))
		tell_damage(v, name, 0, 0,
			json_validate(buf_slice(&text), NULL, &err) == BURR_OK ? "JSON, but no object"
									       : err.message);
	v->byte_count += text.len;
}

static int verify_run(struct verification *v, const char *project, const char *app_id)
{
	CLEAN(fd_close) int app_fd = -1;
	burr_error err;
	v->project = project;
	v->app_id = app_id;
	burr_status status = store_open_app(v->store, slice_of(project), slice_of(app_id), &app_fd, &err);
	if (status == BURR_ENOTFOUND) /* deleted meanwhile */
		return CLI_OK;
	if (status != BURR_OK)
		return find_fail(status, &err);
	v->run_count++;
	verify_log(v, app_fd);
	verify_object(v, app_fd, "graph.json");
	verify_object(v, app_fd, "metadata.json");
	return CLI_OK;
}

/* ---- all of them ---- */

typedef int each_run_fn(struct verification *v, const char *project, const char *app_id);

static int add_size(struct verification *v, const char *project, const char *app_id)
{
	CLEAN(fd_close) int app_fd = -1;
	struct stat st;
	if (store_open_app(v->store, slice_of(project), slice_of(app_id), &app_fd, NULL) == BURR_OK &&
		fstatat(app_fd, "log.jsonl", &st, 0) == 0)
		v->total_bytes += (uint64_t)st.st_size;
	return CLI_OK;
}

static int each_run(struct verification *v, const char *project, each_run_fn *each)
{
	CLEAN(free_list) burr_app_item *apps = NULL;
	size_t count = 0;
	burr_error err;
	burr_status status = burr_list_apps(v->store->path, project, &apps, &count, &err);
	int code = status == BURR_OK ? CLI_OK : find_fail(status, &err);
	for (size_t i = 0; code == CLI_OK && i < count; i++)
		code = each(v, project, apps[i].app_id);
	return code;
}

static int each_project(struct verification *v, each_run_fn *each)
{
	CLEAN(free_list) burr_project_item *projects = NULL;
	size_t count = 0;
	burr_error err;
	burr_status status = burr_list_projects(v->store->path, &projects, &count, &err);
	int code = status == BURR_OK ? CLI_OK : find_fail(status, &err);
	for (size_t i = 0; code == CLI_OK && i < count; i++)
		code = each_run(v, projects[i].name, each);
	return code;
}

static int verify_all(struct verification *v, const struct options *options)
{
	CLEAN(ptr_free) char *app_id = NULL;
	const char *project = options->arg_count ? options->args[0] : NULL;
	int code = project ? find_project(v->store, project) : CLI_OK;
	if (code == CLI_OK && options->arg_count > 1)
		code = find_app(v->store, project, options->args[1], &app_id);
	if (code != CLI_OK || app_id)
		return code == CLI_OK ? verify_run(v, project, app_id) : code;
	code = project ? each_run(v, project, add_size) : each_project(v, add_size);
	if (code != CLI_OK)
		return code;
	return project ? each_run(v, project, verify_run) : each_project(v, verify_run);
}

static void put_count(struct buf *out, uint64_t count, const char *one, const char *many)
{
	human_count(out, count);
	buf_printf(out, " %s", count == 1 ? one : many);
}

static void say_sum(const struct verification *v)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	buf_append_str(&text, "Read ");
	put_count(&text, v->line_count, "line", "lines");
	buf_append_str(&text, " (");
	human_bytes(&text, v->byte_count);
	buf_append_str(&text, ") of ");
	put_count(&text, v->run_count, "run", "runs");
	buf_append_str(&text, ": ");
	if (v->damage_count)
		put_count(&text, v->damage_count, "place is damaged", "places are damaged");
	else
		buf_append_str(&text, "all is well");
	say("%.*s.\n", SLICE_ARG(buf_slice(&text)));
}

static void say_json(struct verification *v, struct buf *out)
{
	json_put_open(out, '{');
	json_put_member_int(out, "run_count", (int64_t)v->run_count);
	json_put_member_int(out, "line_count", (int64_t)v->line_count);
	json_put_member_int(out, "byte_count", (int64_t)v->byte_count);
	json_put_member_int(out, "damage_count", (int64_t)v->damage_count);
	json_put_member_raw(out, "damage", buf_slice(&v->out));
	json_put_close(out, '}');
	buf_append_char(out, '\n');
	say_bytes(buf_slice(out));
}

int command_verify(const struct options *options)
{
	CLEAN(verification_fini) struct verification v = {.json = options_has(options, OPTION_JSON)};
	CLEAN(buf_fini) struct buf out = BUF_INIT;
	int code = find_store(options->store, &v.store);
	if (code != CLI_OK)
		return code;
	json_put_open(&v.out, '[');
	code = verify_all(&v, options);
	json_put_close(&v.out, ']');
	clear_progress(&v);
	if (code != CLI_OK)
		return code;
	if (v.json)
		say_json(&v, &out);
	else
		say_sum(&v);
	return v.damage_count ? CLI_ERROR : CLI_OK;
}
