/* GET /api/v0/{project}/{app_id}/{partition_key}/apps: one run, whole. Burr's UI asks for it twice a second,
 * so an ETag from what stat tells comes first, and a run that did not change is not read. Where its records
 * lie the catalog tells, so what is indexed is read once, while it is sent. */
#include "api/gather.h"
#include "api/inside.h"
#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/facts.h"
#include "catalog/pointer.h"
#include "catalog/record.h"
#include "http/respond.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SMALL_FILE_MAX = 64 << 20, /* as in store/create.c */
	RUN_FORM = 1,              /* raise it when the answer for the same files changes */
	PIECE_BYTES = 256 << 10,   /* of an answer, made and sent at a time: what a processor's cache holds */
	RUNS_BYTES_MAX = 2 * SPLICE_BYTES_MAX, /* of places, of all runs whose answers are being sent */
};

/* ---- the graph ---- */

static void put_action(struct buf *out, struct slice action)
{
	static const struct {
		const char *key;
		struct slice missing;
	} fields[] = {
		{"name", {"\"\"", 2}},
		{"reads", {"[]", 2}},
		{"writes", {"[]", 2}},
		{"code", {"\"\"", 2}},
		{"inputs", {"[]", 2}},
		{"optional_inputs", {"[]", 2}},
	};
	json_put_open(out, '{');
	json_put_member(out, "type", SLICE_LIT("action"));
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct slice value = json_find(action, fields[i].key);
		bool missing = !value.data || json_kind_of(value) == JSON_NULL;
		json_put_member_raw(out, fields[i].key, missing ? fields[i].missing : value);
	}
	json_put_close(out, '}');
}

static void put_transition(struct buf *out, struct slice transition)
{
	static const char *const keys[] = {"from_", "to", "condition"};
	json_put_open(out, '{');
	json_put_member(out, "type", SLICE_LIT("transition"));
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct slice value = json_find(transition, keys[i]);
		json_put_member_raw(out, keys[i], value.data ? value : SLICE_LIT("\"\""));
	}
	json_put_close(out, '}');
}

static void put_each(
	struct buf *out, const char *key, struct slice array, void (*put)(struct buf *, struct slice))
{
	struct slice element;
	struct json_iter it = json_iter(array);
	json_put_key(out, slice_of(key));
	json_put_open(out, '[');
	while (json_next_element(&it, &element)) {
		if (json_kind_of(element) == JSON_OBJECT)
			put(out, element);
	}
	json_put_close(out, ']');
}

static bool put_graph(struct buf *out, int app_fd)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	struct slice graph;
	if (file_read(app_fd, "graph.json", SMALL_FILE_MAX, &text, NULL) != BURR_OK ||
		!record_read_object(buf_slice(&text), &spare, &graph))
		return false;
	struct slice entrypoint = json_find(graph, "entrypoint");
	struct slice actions = json_find(graph, "actions");
	struct slice transitions = json_find(graph, "transitions");
	if (json_kind_of(entrypoint) != JSON_STRING || json_kind_of(actions) != JSON_ARRAY ||
		json_kind_of(transitions) != JSON_ARRAY)
		return false;
	json_put_open(out, '{');
	json_put_member(out, "type", SLICE_LIT("application"));
	json_put_member_raw(out, "entrypoint", entrypoint);
	put_each(out, "actions", actions, put_action);
	put_each(out, "transitions", transitions, put_transition);
	json_put_close(out, '}');
	return true;
}

/* ---- links ---- */

static void put_child(struct buf *out, struct slice line)
{
	CLEAN(buf_fini) struct buf pointer = BUF_INIT;
	if (!pointer_put(&pointer, json_find(line, "child")))
		return;
	struct slice event_type = json_find(line, "event_type");
	json_put_open(out, '{');
	json_put_member(out, "type", SLICE_LIT("child_application_data"));
	json_put_member_raw(out, "child", buf_slice(&pointer));
	json_put_member_raw(out, "event_time", json_find(line, "event_time"));
	json_put_member_raw(out, "event_type", event_type.data ? event_type : SLICE_LIT("\"fork\""));
	json_put_member_raw(out, "sequence_id", json_find(line, "sequence_id"));
	json_put_close(out, '}');
}

/* What is no JSON object is left out, the last line too, where it is torn. */
static void put_children(struct buf *out, int app_fd)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	json_put_key(out, SLICE_LIT("children"));
	json_put_open(out, '[');
	if (file_read(app_fd, "children.jsonl", SMALL_FILE_MAX, &text, NULL) == BURR_OK) {
		struct slice rest = buf_slice(&text);
		while (rest.len) {
			const char *newline = memchr(rest.data, '\n', rest.len);
			size_t len = newline ? (size_t)(newline - rest.data) : rest.len;
			struct slice line;
			if (record_read_object((struct slice){rest.data, len}, &spare, &line))
				put_child(out, line);
			len += newline ? 1 : 0;
			rest = (struct slice){rest.data + len, rest.len - len};
		}
	}
	json_put_close(out, ']');
}

/* Behind the steps. */
static void put_parents(struct buf *out, int app_fd)
{
	static const char *const keys[] = {"parent_pointer", "spawning_parent_pointer"};
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	struct slice metadata = SLICE_LIT("{}");
	if (file_read(app_fd, "metadata.json", SMALL_FILE_MAX, &text, NULL) == BURR_OK)
		record_read_object(buf_slice(&text), &spare, &metadata); /* else it has none */
	buf_append_char(out, ',');
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		json_put_key(out, slice_of(keys[i]));
		if (!pointer_put(out, json_find(metadata, keys[i])))
			json_put_null(out);
	}
}

/* ---- the body ---- */

struct run {
	struct api *api;
	struct splice splice;
	struct buf end;  /* what follows on the steps */
	size_t reserved; /* of api->run_bytes */
};

static void free_run(void *ctx)
{
	struct run *run = ctx;
	if (!run)
		return;
	atomic_fetch_sub(&run->api->run_bytes, run->reserved);
	splice_fini(&run->splice);
	buf_fini(&run->end);
	free(run);
}

static void drop_run(struct run **run)
{
	free_run(*run);
	*run = NULL;
}

static bool put_piece(void *ctx, struct buf *out)
{
	struct run *run = ctx;
	if (splice_put(&run->splice, out, PIECE_BYTES))
		return true;
	buf_append_slice(out, buf_slice(&run->end));
	out->failed = out->failed || run->end.failed;
	return false;
}

/* The run and the first piece of its body, behind what is in `out`. reader: as in gather.h. */
static burr_status open_run(const struct http_request *req, int app_fd, struct catalog_reader *reader,
	struct run **out_run, struct buf *out, bool *out_more, burr_error *err)
{
	struct run *run = calloc(1, sizeof(*run));
	struct stat st;
	if (!run)
		return burr_fail(err, BURR_ENOMEM, "no memory for this run");
	*out_run = run;
	run->api = req->ctx;
	int fd = openat(app_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
		fd_close(&fd);
	splice_init(&run->splice, fd);
	put_parents(&run->end, app_fd);
	json_put_close(&run->end, '}');
	const struct gather_request request = {
		reader, http_capture(req, "project"), http_capture(req, "app_id")};
	burr_status status = gather_places(&request, &run->splice, err);
	if (status != BURR_OK)
		return status;
	json_put_key(out, SLICE_LIT("steps"));
	*out_more = put_piece(run, out);
	return BURR_OK;
}

/* The places of many long runs at once must fit, too. */
static bool reserve(struct run *run)
{
	size_t bytes = splice_bytes(&run->splice);
	size_t before = atomic_fetch_add(&run->api->run_bytes, bytes);
	run->reserved = bytes;
	return before + bytes <= RUNS_BYTES_MAX;
}

/* Places in the catalog may be those of a log that was changed in place since: then the log is asked itself.
 */
static void put_run(const struct http_request *req, struct http_response *res, int app_fd)
{
	CLEAN(drop_run) struct run *run = NULL;
	struct api *api = req->ctx;
	struct buf *out = &res->body;
	const size_t head_len = out->len;
	bool more = false;
	burr_error err = BURR_ERROR_INIT;
	burr_status status = open_run(req, app_fd, api->readers[req->worker], &run, out, &more, &err);
	if (status == BURR_OK && run->splice.missed) {
		out->len = head_len;
		drop_run(&run);
		status = open_run(req, app_fd, NULL, &run, out, &more, &err);
	}
	if (status != BURR_OK) {
		api_fail(res, status, &err);
	} else if (more && !reserve(run)) {
		http_fail(res, 503, "too many long runs are being sent already; ask again");
	} else if (more) {
		res->rest = (struct http_rest){put_piece, free_run, run};
		run = NULL;
	}
}

/* ---- the answer ---- */

static void set_tag(struct http_response *res, const struct facts *facts)
{
	char tag[64];
	const uint64_t parts[] = {facts->side_mark, facts->children_mark, RUN_FORM,
		bytes_hash(BURR_VERSION, sizeof(BURR_VERSION) - 1, 4)};
	snprintf(tag, sizeof(tag), "%016" PRIx64 "-%016" PRIx64, facts->log_mark,
		bytes_hash(parts, sizeof(parts), 5));
	http_set_etag(res, slice_of(tag));
}

void api_get_run(const struct http_request *req, struct http_response *res)
{
	struct api *api = req->ctx;
	struct slice project = http_capture(req, "project");
	struct slice app_id = http_capture(req, "app_id");
	CLEAN(fd_close) int app_fd = -1;
	struct facts facts;
	burr_error err = BURR_ERROR_INIT;
	api_take_in(req);
	burr_status status = api_open_app(api, project, app_id, &app_fd, &err);
	if (status == BURR_OK && !facts_read(app_fd, ".", &facts))
		status = BURR_ENOTFOUND; /* deleted just now */
	if (status == BURR_EINVAL || status == BURR_ENOTFOUND) {
		http_fail(res, 404, "no application %.*s in project %.*s", SLICE_ARG(app_id),
			SLICE_ARG(project));
		return;
	}
	if (status != BURR_OK) {
		api_fail(res, status, &err);
		return;
	}
	if (!facts.has_graph) {
		http_fail(res, 404, "application %.*s of project %.*s has no graph.json", SLICE_ARG(app_id),
			SLICE_ARG(project));
		return;
	}
	set_tag(res, &facts);
	respond_revalidate(res, http_header(req, "if-none-match"));
	if (res->status == 304)
		return;
	struct buf *out = &res->body;
	json_put_open(out, '{');
	json_put_key(out, SLICE_LIT("application"));
	if (!put_graph(out, app_fd)) {
		http_fail(res, 404, "graph.json of application %.*s of project %.*s is damaged",
			SLICE_ARG(app_id), SLICE_ARG(project));
		return;
	}
	put_children(out, app_fd);
	put_run(req, res, app_fd);
}
