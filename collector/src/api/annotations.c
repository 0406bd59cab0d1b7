/* Annotations: one JSON object a line in <project>/annotations.jsonl. Every change reads the file, makes its
 * new text and replaces it whole, under a lock that all threads and processes of ours take; ids are one more
 * than the largest. Lines that are none of ours to understand are kept as they are. */
#include "api/inside.h"
#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/record.h"
#include "store/create.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

enum {
	ANNOTATIONS_MAX = 64 << 20, /* bytes of a file: hundreds of thousands of notes */
	LOCK_TRIES = 400,           /* times LOCK_PAUSE_NS: two seconds */
};
static const long LOCK_PAUSE_NS = 5000000;
static const char FILE_NAME[] = "annotations.jsonl";

/* ---- one annotation ---- */

/* JSON values as they stand; SLICE_NONE where missing. */
struct annotation {
	int64_t id;
	struct slice span_id, step_name, tags, observations;
	struct slice project_id, app_id, partition_key, step_sequence_id;
	struct slice created, updated;
};

/* False when it is no object with an id. */
static bool annotation_read(struct slice line, struct buf *spare, struct annotation *out)
{
	struct slice object;
	if (!record_read_object(line, spare, &object))
		return false;
	*out = (struct annotation){
		.span_id = json_find(object, "span_id"),
		.step_name = json_find(object, "step_name"),
		.tags = json_find(object, "tags"),
		.observations = json_find(object, "observations"),
		.project_id = json_find(object, "project_id"),
		.app_id = json_find(object, "app_id"),
		.partition_key = json_find(object, "partition_key"),
		.step_sequence_id = json_find(object, "step_sequence_id"),
		.created = json_find(object, "created"),
		.updated = json_find(object, "updated"),
	};
	return json_to_int(json_find(object, "id"), &out->id);
}

static void put_array(struct buf *out, const char *key, struct slice value)
{
	json_put_member_raw(out, key, json_kind_of(value) == JSON_ARRAY ? value : SLICE_LIT("[]"));
}

static void annotation_put(struct buf *out, const struct annotation *a)
{
	json_put_open(out, '{');
	json_put_member_raw(out, "span_id", a->span_id);
	json_put_member_raw(out, "step_name", a->step_name.data ? a->step_name : SLICE_LIT("\"\""));
	put_array(out, "tags", a->tags);
	put_array(out, "observations", a->observations);
	json_put_member_int(out, "id", a->id);
	json_put_member_raw(out, "project_id", a->project_id);
	json_put_member_raw(out, "app_id", a->app_id);
	json_put_member_raw(out, "partition_key", a->partition_key);
	json_put_member_raw(out, "step_sequence_id", a->step_sequence_id);
	json_put_member_raw(out, "created", a->created);
	json_put_member_raw(out, "updated", a->updated);
	json_put_close(out, '}');
}

/* The next line of *rest, without its newline; false at the end. */
static bool next_line(struct slice *rest, struct slice *out_line)
{
	if (!rest->len)
		return false;
	const char *newline = memchr(rest->data, '\n', rest->len);
	size_t len = newline ? (size_t)(newline - rest->data) : rest->len;
	*out_line = (struct slice){rest->data, len};
	len += newline ? 1 : 0;
	*rest = (struct slice){rest->data + len, rest->len - len};
	return true;
}

/* ---- bodies ---- */

/* JSON without the white space between its parts, so that it fits on a line. */
static void put_compact(struct buf *out, struct slice json)
{
	bool in_string = false;
	for (size_t i = 0; i < json.len; i++) {
		char c = json.data[i];
		if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
			continue;
		buf_append_char(out, c);
		if (in_string && c == '\\' && i + 1 < json.len)
			buf_append_char(out, json.data[++i]);
		else if (c == '"')
			in_string = !in_string;
	}
}

static bool refuse(burr_error *err, const char *path, const char *needed)
{
	burr_fail(err, BURR_EINVAL, "%s: %s", path, needed);
	return false;
}

static bool is_text_or_null(struct slice value)
{
	return json_kind_of(value) == JSON_STRING || json_kind_of(value) == JSON_NULL;
}

static bool check_tags(struct slice tags, burr_error *err)
{
	struct slice tag;
	struct json_iter it = json_iter(tags);
	if (json_kind_of(tags) != JSON_ARRAY)
		return refuse(err, "tags", "a list of texts is needed");
	for (size_t i = 0; json_next_element(&it, &tag); i++) {
		char path[48];
		snprintf(path, sizeof(path), "tags.%zu", i);
		if (json_kind_of(tag) != JSON_STRING)
			return refuse(err, path, "a text is needed");
	}
	return true;
}

static bool put_pointer(struct buf *out, struct slice pointer, const char *at, burr_error *err)
{
	char path[128];
	struct slice type = json_find(pointer, "type");
	struct slice field_name = json_find(pointer, "field_name");
	struct slice span_id = json_find(pointer, "span_id");
	if (json_kind_of(pointer) != JSON_OBJECT)
		return refuse(err, at, "an object is needed");
	snprintf(path, sizeof(path), "%s.type", at);
	if (!json_text_is(type, SLICE_LIT("state_field")) && !json_text_is(type, SLICE_LIT("attribute")))
		return refuse(err, path, "\"state_field\" or \"attribute\" is needed");
	snprintf(path, sizeof(path), "%s.field_name", at);
	if (json_kind_of(field_name) != JSON_STRING)
		return refuse(err, path, "a text is needed");
	snprintf(path, sizeof(path), "%s.span_id", at);
	if (!is_text_or_null(span_id))
		return refuse(err, path, "a text or null is needed");
	json_put_open(out, '{');
	json_put_member_raw(out, "type", type);
	json_put_member_raw(out, "field_name", field_name);
	json_put_member_raw(out, "span_id", span_id);
	json_put_close(out, '}');
	return true;
}

static bool put_pointers(struct buf *out, struct slice pointers, const char *at, burr_error *err)
{
	char path[96];
	struct slice pointer;
	struct json_iter it = json_iter(pointers);
	snprintf(path, sizeof(path), "%s.data_pointers", at);
	if (json_kind_of(pointers) != JSON_ARRAY)
		return refuse(err, path, "a list is needed");
	json_put_key(out, SLICE_LIT("data_pointers"));
	json_put_open(out, '[');
	for (size_t i = 0; json_next_element(&it, &pointer); i++) {
		snprintf(path, sizeof(path), "%s.data_pointers.%zu", at, i);
		if (!put_pointer(out, pointer, path, err))
			return false;
	}
	json_put_close(out, ']');
	return true;
}

static bool put_observation(struct buf *out, struct slice observation, const char *at, burr_error *err)
{
	char path[96];
	struct slice data_fields = json_find(observation, "data_fields");
	struct slice thumbs = json_find(observation, "thumbs_up_thumbs_down");
	enum json_kind thumbs_kind = json_kind_of(thumbs);
	if (json_kind_of(observation) != JSON_OBJECT)
		return refuse(err, at, "an object is needed");
	snprintf(path, sizeof(path), "%s.data_fields", at);
	if (json_kind_of(data_fields) != JSON_OBJECT)
		return refuse(err, path, "an object is needed");
	snprintf(path, sizeof(path), "%s.thumbs_up_thumbs_down", at);
	if (thumbs_kind != JSON_TRUE && thumbs_kind != JSON_FALSE && thumbs_kind != JSON_NULL)
		return refuse(err, path, "true, false or null is needed");
	json_put_open(out, '{');
	json_put_member_raw(out, "data_fields", data_fields);
	json_put_member_raw(out, "thumbs_up_thumbs_down", thumbs);
	if (!put_pointers(out, json_find(observation, "data_pointers"), at, err))
		return false;
	json_put_close(out, '}');
	return true;
}

static bool put_observations(struct buf *out, struct slice observations, burr_error *err)
{
	struct slice observation;
	struct json_iter it = json_iter(observations);
	if (json_kind_of(observations) != JSON_ARRAY)
		return refuse(err, "observations", "a list is needed");
	json_put_open(out, '[');
	for (size_t i = 0; json_next_element(&it, &observation); i++) {
		char path[48];
		snprintf(path, sizeof(path), "observations.%zu", i);
		if (!put_observation(out, observation, path, err))
			return false;
	}
	json_put_close(out, ']');
	return true;
}

/* What a caller may set of an annotation. */
struct body {
	struct buf text;         /* compact */
	struct buf observations; /* with their known keys alone */
};

static void body_fini(struct body *body)
{
	buf_fini(&body->text);
	buf_fini(&body->observations);
}

/* updates: span_id and tags may be missing, as in Burr's model. */
static bool body_read(
	struct slice json, bool updates, struct body *body, struct annotation *out, burr_error *err)
{
	struct slice value;
	if (json_validate(json, &value, err) != BURR_OK) {
		burr_fail_in(err, BURR_EINVAL, "body");
		return false;
	}
	if (json_kind_of(value) != JSON_OBJECT)
		return refuse(err, "body", "an object is needed");
	put_compact(&body->text, value);
	struct slice object = buf_slice(&body->text);
	out->span_id = json_find(object, "span_id");
	out->step_name = json_find(object, "step_name");
	out->tags = json_find(object, "tags");
	if (updates && !out->span_id.data)
		out->span_id = SLICE_LIT("null");
	if (updates && (!out->tags.data || json_kind_of(out->tags) == JSON_NULL))
		out->tags = SLICE_LIT("[]");
	if (!is_text_or_null(out->span_id))
		return refuse(err, "span_id", "a text or null is needed");
	if (json_kind_of(out->step_name) != JSON_STRING)
		return refuse(err, "step_name", "a text is needed");
	if (!check_tags(out->tags, err) ||
		!put_observations(&body->observations, json_find(object, "observations"), err))
		return false;
	out->observations = buf_slice(&body->observations);
	return true;
}

/* ---- the file ---- */

/* Between processes the project's folder is the lock; flock there is nobody else's. */
static burr_status lock_folder(int project_fd, burr_error *err)
{
	const struct timespec pause = {0, LOCK_PAUSE_NS};
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(project_fd, LOCK_EX | LOCK_NB) == 0)
			return BURR_OK;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return burr_fail(err, BURR_EIO, "lock the project's folder: %s", strerror(errno));
		nanosleep(&pause, NULL);
	}
	return burr_fail(err, BURR_ETIMEOUT, "another process holds the project's annotations");
}

static burr_status read_file(int project_fd, struct buf *out, burr_error *err)
{
	burr_status status = file_read(project_fd, FILE_NAME, ANNOTATIONS_MAX, out, err);
	if (status != BURR_ENOTFOUND)
		return status;
	buf_clear(out);
	return BURR_OK;
}

static void put_text_line(struct buf *out, struct slice line)
{
	buf_append_slice(out, line);
	buf_append_char(out, '\n');
}

/* The line of an annotation, newline included. */
static void put_annotation_line(struct buf *out, const struct annotation *annotation)
{
	annotation_put(out, annotation);
	buf_append_char(out, '\n');
}

static int64_t next_id(struct slice text)
{
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	struct annotation annotation;
	struct slice line;
	int64_t largest = -1;
	while (next_line(&text, &line)) {
		if (annotation_read(line, &spare, &annotation) && annotation.id > largest)
			largest = annotation.id;
	}
	return largest < INT64_MAX ? largest + 1 : largest;
}

/* Add the annotation, whose id is given here. */
static burr_status add_locked(int project_fd, struct annotation *annotation, burr_error *err)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	burr_status status = read_file(project_fd, &text, err);
	if (status != BURR_OK)
		return status;
	annotation->id = next_id(buf_slice(&text));
	if (text.len && text.data[text.len - 1] != '\n')
		buf_append_char(&text, '\n'); /* a torn line costs itself alone */
	put_annotation_line(&text, annotation);
	if (text.failed)
		return burr_fail(err, BURR_ENOMEM, "no memory for the annotations");
	return file_replace(project_fd, FILE_NAME, buf_slice(&text), err);
}

/* Give `change` to the first annotation with its id; *out_json is what it is now. BURR_ENOTFOUND. */
static burr_status change_locked(
	int project_fd, const struct annotation *change, struct buf *out_json, burr_error *err)
{
	CLEAN(buf_fini) struct buf before = BUF_INIT;
	CLEAN(buf_fini) struct buf after = BUF_INIT;
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	struct slice line;
	bool found = false;
	burr_status status = read_file(project_fd, &before, err);
	struct slice rest = buf_slice(&before);
	while (status == BURR_OK && next_line(&rest, &line)) {
		struct annotation annotation;
		if (found || !annotation_read(line, &spare, &annotation) || annotation.id != change->id) {
			put_text_line(&after, line);
			continue;
		}
		found = true;
		annotation.span_id = change->span_id;
		annotation.step_name = change->step_name;
		annotation.tags = change->tags;
		annotation.observations = change->observations;
		annotation.updated = change->updated;
		annotation_put(out_json, &annotation);
		put_annotation_line(&after, &annotation);
	}
	if (status != BURR_OK)
		return status;
	if (!found)
		return burr_fail(err, BURR_ENOTFOUND, "no annotation %lld", (long long)change->id);
	if (after.failed || out_json->failed)
		return burr_fail(err, BURR_ENOMEM, "no memory for the annotations");
	return file_replace(project_fd, FILE_NAME, buf_slice(&after), err);
}

/* ---- handlers ---- */

static void put_now(struct buf *out)
{
	char now[TIME_TEXT_LEN + 1];
	time_text(clock_wall_ns(), now);
	json_put_text(out, slice_of(now));
}

/* What the path says, as JSON values. */
struct path_values {
	struct buf project_id, app_id, partition_key, step_sequence_id, now;
};

static void path_values_fini(struct path_values *values)
{
	buf_fini(&values->project_id);
	buf_fini(&values->app_id);
	buf_fini(&values->partition_key);
	buf_fini(&values->step_sequence_id);
	buf_fini(&values->now);
}

static void take_path(const struct http_request *req, int64_t sequence_id, struct path_values *values,
	struct annotation *out)
{
	struct slice partition_key = http_capture(req, "partition_key");
	json_put_text(&values->project_id, http_capture(req, "project"));
	json_put_text(&values->app_id, http_capture(req, "app_id"));
	json_put_text(
		&values->partition_key, slice_is(partition_key, NO_PARTITION) ? SLICE_NONE : partition_key);
	json_put_int(&values->step_sequence_id, sequence_id);
	put_now(&values->now);
	out->project_id = buf_slice(&values->project_id);
	out->app_id = buf_slice(&values->app_id);
	out->partition_key = buf_slice(&values->partition_key);
	out->step_sequence_id = buf_slice(&values->step_sequence_id);
	out->created = out->updated = buf_slice(&values->now);
}

void api_create_annotation(const struct http_request *req, struct http_response *res)
{
	struct api *api = req->ctx;
	struct slice project = http_capture(req, "project");
	struct slice app_id = http_capture(req, "app_id");
	CLEAN(fd_close) int app_fd = -1;
	CLEAN(fd_close) int project_fd = -1;
	CLEAN(body_fini) struct body body = {.text = BUF_INIT, .observations = BUF_INIT};
	CLEAN(path_values_fini) struct path_values values = {.now = BUF_INIT};
	struct annotation annotation = {.id = 0};
	int64_t sequence_id;
	burr_error err = BURR_ERROR_INIT;
	if (!api_number(res, "sequence_id", http_capture(req, "sequence_id"), 0, INT64_MAX, &sequence_id))
		return;
	burr_status status = api_open_app(api, project, app_id, &app_fd, &err);
	if (status == BURR_ENOTFOUND || status == BURR_EINVAL) {
		http_fail(res, 404, "no application %.*s in project %.*s", SLICE_ARG(app_id),
			SLICE_ARG(project));
		return;
	}
	if (status == BURR_OK && !body_read(req->body, false, &body, &annotation, &err)) {
		http_fail(res, 422, "%s", err.message);
		return;
	}
	if (status == BURR_OK)
		status = api_open_project(api, project, &project_fd, &err);
	take_path(req, sequence_id, &values, &annotation);
	if (status == BURR_OK) {
		pthread_mutex_lock(&api->annotations);
		status = lock_folder(project_fd, &err);
		if (status == BURR_OK)
			status = add_locked(project_fd, &annotation, &err);
		pthread_mutex_unlock(&api->annotations);
	}
	if (status == BURR_OK)
		annotation_put(&res->body, &annotation);
	else
		api_fail(res, status, &err);
}

void api_update_annotation(const struct http_request *req, struct http_response *res)
{
	struct api *api = req->ctx;
	struct slice project = http_capture(req, "project");
	CLEAN(fd_close) int project_fd = -1;
	CLEAN(body_fini) struct body body = {.text = BUF_INIT, .observations = BUF_INIT};
	CLEAN(buf_fini) struct buf now = BUF_INIT;
	struct annotation change = {.id = 0};
	burr_error err = BURR_ERROR_INIT;
	if (!api_number(res, "annotation_id", http_capture(req, "annotation_id"), INT64_MIN, INT64_MAX,
		    &change.id))
		return;
	if (!body_read(req->body, true, &body, &change, &err)) {
		http_fail(res, 422, "%s", err.message);
		return;
	}
	put_now(&now);
	change.updated = buf_slice(&now);
	burr_status status = api_open_project(api, project, &project_fd, &err);
	if (status == BURR_OK) {
		pthread_mutex_lock(&api->annotations);
		status = lock_folder(project_fd, &err);
		if (status == BURR_OK)
			status = change_locked(project_fd, &change, &res->body, &err);
		pthread_mutex_unlock(&api->annotations);
	}
	if (status == BURR_ENOTFOUND || status == BURR_EINVAL)
		http_fail(res, 404, "no annotation %lld in project %.*s", (long long)change.id,
			SLICE_ARG(project));
	else if (status != BURR_OK)
		api_fail(res, status, &err);
}

struct filter {
	struct slice app_id, partition_key; /* SLICE_NONE: all */
	bool has_step;
	int64_t step;
};

static bool passes(const struct filter *filter, const struct annotation *a)
{
	int64_t step;
	return (!filter->app_id.data || json_text_is(a->app_id, filter->app_id)) &&
	       (!filter->partition_key.data || json_text_is(a->partition_key, filter->partition_key)) &&
	       (!filter->has_step || (json_to_int(a->step_sequence_id, &step) && step == filter->step));
}

void api_list_annotations(const struct http_request *req, struct http_response *res)
{
	struct api *api = req->ctx;
	CLEAN(fd_close) int project_fd = -1;
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	struct slice step = http_query(req, "step_sequence_id");
	struct filter filter = {
		.app_id = http_query(req, "app_id"),
		.partition_key = http_query(req, "partition_key"),
		.has_step = step.data != NULL,
	};
	burr_error err = BURR_ERROR_INIT;
	if (filter.has_step && !api_number(res, "step_sequence_id", step, INT64_MIN, INT64_MAX, &filter.step))
		return;
	if (filter.partition_key.data && slice_is(filter.partition_key, NO_PARTITION))
		filter.partition_key = SLICE_NONE;
	burr_status status = api_open_project(api, http_capture(req, "project"), &project_fd, &err);
	if (status == BURR_OK)
		status = read_file(project_fd, &text, &err);
	if (status != BURR_OK && status != BURR_ENOTFOUND && status != BURR_EINVAL) {
		api_fail(res, status, &err);
		return;
	}
	struct slice rest = buf_slice(&text); /* empty for an unknown project */
	struct slice line;
	json_put_open(&res->body, '[');
	while (next_line(&rest, &line)) {
		struct annotation annotation;
		if (annotation_read(line, &spare, &annotation) && passes(&filter, &annotation))
			annotation_put(&res->body, &annotation);
	}
	json_put_close(&res->body, ']');
}
