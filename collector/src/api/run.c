/* GET /api/v0/{project}/{app_id}/{partition_key}/apps: one run, whole. Burr's UI asks for it twice a second,
 * so an ETag from what stat tells comes first, and a run that did not change is not read. */
#include "api/inside.h"
#include "api/splice.h"
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

enum {
	SMALL_FILE_MAX = 64 << 20, /* as in store/create.c */
	RUN_FORM = 1,              /* raise it when the answer for the same files changes */
};
/* The answer is made in memory, twice as large as the log while it is. */
static const off_t LOG_MAX = (off_t)1 << 30;

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

static void put_parents(struct buf *out, int app_fd)
{
	static const char *const keys[] = {"parent_pointer", "spawning_parent_pointer"};
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	struct slice metadata = SLICE_LIT("{}");
	if (file_read(app_fd, "metadata.json", SMALL_FILE_MAX, &text, NULL) == BURR_OK)
		record_read_object(buf_slice(&text), &spare, &metadata); /* else it has none */
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		json_put_key(out, slice_of(keys[i]));
		if (!pointer_put(out, json_find(metadata, keys[i])))
			json_put_null(out);
	}
}

/* ---- the log ---- */

static burr_status put_steps(struct buf *out, int app_fd, burr_error *err)
{
	CLEAN(splice_fini) struct splice splice;
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	CLEAN(fd_close) int fd = openat(app_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	json_put_key(out, SLICE_LIT("steps"));
	splice_init(&splice);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		json_put_raw(out, SLICE_LIT("[]"));
		return BURR_OK;
	}
	if (st.st_size > LOG_MAX)
		return burr_fail(err, BURR_ETOOBIG,
			"log.jsonl has %lld bytes, and a whole run is answered up to %lld",
			(long long)st.st_size, (long long)LOG_MAX);
	splice_reserve(&splice, (size_t)st.st_size);
	CLEAN(log_reader_fini) struct log_reader reader;
	struct log_line line;
	struct line_record record;
	log_reader_init(&reader, fd, 0);
	while (!splice.failed && log_reader_next(&reader, &line)) {
		if (record_read(line.text, &spare, &record))
			splice_add(&splice, &record);
	}
	if (reader.status != BURR_OK)
		return burr_fail(err, reader.status, "log.jsonl: reading failed");
	buf_reserve(out, splice.text.len + splice.text.len / 8);
	return splice_put(&splice, out) ? BURR_OK : burr_fail(err, BURR_ENOMEM, "no memory for this run");
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
	burr_status status = store_open_app(api->store, project, app_id, &app_fd, &err);
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
	status = put_steps(out, app_fd, &err);
	if (status != BURR_OK) {
		api_fail(res, status, &err);
		return;
	}
	put_parents(out, app_fd);
	json_put_close(out, '}');
}
