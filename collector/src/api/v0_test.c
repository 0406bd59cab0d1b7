/* Version 0 through a real server on loopback, over stores of all kinds. The tests named breaks_N hold the
 * list of Burr's failures: what goes wrong there must not go wrong here. */
#include "api/api.h"
#include "base/clean.h"
#include "base/json.h"
#include "catalog/db.h"
#include "catalog/testing.h"
#include "http/test_client.h"

struct world {
	struct fixture f;
	struct api *api;
	struct http_server *server;
	uint16_t port;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	void *folder = NULL;
	if (!w || testing_make_folder(&folder) < 0)
		return -1;
	w->f.folder = folder;
	*state = w;
	return 0;
}

static void stop(struct world *w)
{
	http_server_close(w->server);
	api_close(w->api);
	fixture_close(&w->f);
	w->server = NULL;
	w->api = NULL;
}

static int teardown(void **state)
{
	struct world *w = *state;
	if (w->server)
		stop(w);
	remove_tree(w->f.folder);
	free(w->f.folder);
	free(w);
	return 0;
}

/* Index what is there, and serve it. */
static void serve(struct world *w)
{
	burr_error err = BURR_ERROR_INIT;
	fixture_open(&w->f);
	fixture_update(&w->f);
	struct api_options options = {.store = w->f.store, .catalog = w->f.catalog, .worker_count = 4};
	struct http_server_options http = HTTP_SERVER_OPTIONS_INIT;
	if (api_open(&options, &w->api, &err) != BURR_OK)
		fail_msg("%s", err.message);
	http.port = 0;
	http.routes = api_v0_routes(&http.route_count);
	http.ctx = w->api;
	http.worker_count = options.worker_count;
	if (http_server_open(&http, &w->server, &err) != BURR_OK ||
		http_server_start(w->server, &err) != BURR_OK)
		fail_msg("%s", err.message);
	w->port = http_server_port(w->server);
}

/* ---- asking ---- */

static void ask_with(struct world *w, const char *method, const char *path, const char *header,
	const char *body, struct answer *out)
{
	CLEAN(buf_fini) struct buf request = BUF_INIT;
	buf_printf(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s", method, path,
		header);
	if (body)
		buf_printf(
			&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
	buf_append_str(&request, "\r\n");
	buf_append_str(&request, body ? body : "");
	client_ask(w->port, request.data, out);
}

/* The body of the answer, for free(); its status must be `status`. */
static char *ask(struct world *w, const char *method, const char *path, const char *body, int status)
{
	struct answer answer;
	ask_with(w, method, path, "", body, &answer);
	buf_append_str(&answer.body, "");
	if (answer.status != status)
		fail_msg("%s %s: %d %s", method, path, answer.status, answer.body.data);
	assert_int_equal(json_validate(buf_slice(&answer.body), NULL, NULL), BURR_OK);
	char *text = buf_take(&answer.body);
	answer_fini(&answer);
	return text;
}

static void expect(struct world *w, const char *path, const char *body)
{
	CLEAN(ptr_free) char *found = ask(w, "GET", path, NULL, 200);
	assert_string_equal(found, body);
}

/* A refusal: JSON with a detail that names `what`. */
static void refused(
	struct world *w, const char *method, const char *path, const char *body, int status, const char *what)
{
	CLEAN(ptr_free) char *found = ask(w, method, path, body, status);
	CLEAN(buf_fini) struct buf detail = BUF_INIT;
	if (!json_to_text(json_find(slice_of(found), "detail"), &detail) || !strstr(detail.data, what))
		fail_msg("%s %s: %s does not name %s", method, path, found, what);
}

static void expect_part(struct world *w, const char *path, const char *dotted, const char *expected)
{
	CLEAN(ptr_free) char *found = ask(w, "GET", path, NULL, 200);
	struct slice part = json_find_path(slice_of(found), slice_of(dotted));
	if (!part.data)
		fail_msg("%s: no %s in %s", path, dotted, found);
	CLEAN(ptr_free) char *text = slice_dup(part);
	assert_string_equal(text, expected);
}

#define RUN(app) "/api/v0/p/" app "/__none__/apps"
#define LIST "/api/v0/p/__none__/apps"

/* ---- the small answers ---- */

static void small_answers(void **state)
{
	struct world *w = *state;
	serve(w);
	refused(w, "GET", "/ready", NULL, 503, "not ready");
	api_set_ready(w->api);
	expect(w, "/ready", "{\"ready\":true}");
	expect(w, "/api/v0/ready", "true");
	expect(w, "/api/v0/version", "{\"version\":\"" BURR_VERSION "\"}");
	expect(w, "/api/v0/metadata/app_spec",
		"{\"indexing\":false,\"snapshotting\":false,\"supports_demos\":false,\"supports_"
		"annotations\":true}");
	refused(w, "GET", "/api/v0/indexing_jobs", NULL, 404, "indexing");
	expect(w, "/api/v0/projects", "[]");
	expect(w, LIST, "{\"applications\":[],\"total\":0,\"has_another_page\":false}");
	expect(w, "/api/v0/p/annotations", "[]");
	refused(w, "GET", RUN("a"), NULL, 404, "no application a in project p");
	refused(w, "POST", "/api/v0/projects", "{}", 405, "");
	refused(w, "GET", "/api/v0/nothing/of/this/kind", NULL, 404, "");
}

/* Ready once is not ready for ever: a damaged index cannot answer until it is made anew. */
static void not_ready_while_the_index_is_damaged(void **state)
{
	struct world *w = *state;
	char noise[8192];
	memset(noise, 'x', sizeof(noise) - 1);
	noise[sizeof(noise) - 1] = '\0';
	serve(w);
	api_set_ready(w->api);
	expect(w, "/ready", "{\"ready\":true}");
	testing_write(w->f.folder, DB_FILE "-wal", noise);
	testing_write(w->f.folder, DB_FILE, noise);
	refused(w, "GET", "/ready", NULL, 503, "index");
}

static void projects_and_pages(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "a", STEP_AT("0", "01"));
	testing_make_app(w->f.folder, "p", "b", STEP_AT("0", "02") STEP_AT("1", "03"));
	testing_write(w->f.folder, "p/b/metadata.json",
		"{\"partition_key\":\"k/"
		"1\",\"parent_pointer\":{\"app_id\":\"a\",\"sequence_id\":0,\"type\":\"x\"}}");
	testing_make_app(w->f.folder, "q", "c", STEP_AT("0", "09"));
	serve(w);
	expect(w, "/api/v0/projects",
		"[{\"name\":\"q\",\"id\":\"q\",\"last_written\":\"2026-01-01T00:00:09.000000Z\",\"created\":"
		"\"2026-01-01T00:00:09.000000Z\",\"num_apps\":1,\"uri\":\"\"},{\"name\":\"p\",\"id\":\"p\","
		"\"last_written\":\"2026-01-01T00:00:03.000000Z\",\"created\":\"2026-01-01T00:00:01."
		"000000Z\","
		"\"num_apps\":2,\"uri\":\"\"}]");
	static const char b[] =
		"{\"app_id\":\"b\",\"partition_key\":\"k/"
		"1\",\"first_written\":\"2026-01-01T00:00:02.000000Z\","
		"\"last_written\":\"2026-01-01T00:00:03.000000Z\",\"num_steps\":2,\"tags\":{},\"parent_"
		"pointer\":"
		"{\"type\":\"pointer_data\",\"app_id\":\"a\",\"sequence_id\":0,\"partition_key\":null},"
		"\"spawning_parent_pointer\":null}";
	char page[1024];
	snprintf(page, sizeof(page), "{\"applications\":[%s],\"total\":2,\"has_another_page\":true}", b);
	expect(w, LIST "?limit=1", page);
	snprintf(page, sizeof(page), "{\"applications\":[%s],\"total\":1,\"has_another_page\":false}", b);
	expect(w, "/api/v0/p/k%2F1/apps", page);
	expect_part(w, LIST "?limit=1&offset=1", "applications.0.app_id", "\"a\"");
	expect_part(w, LIST "?limit=1&offset=1", "has_another_page", "false");
	expect_part(w, LIST "?limit=0", "has_another_page", "true");
	expect_part(w, LIST "?offset=9223372036854775807&limit=9223372036854775807", "total", "2");
	expect_part(w, "/api/v0/p/no%20such/apps", "total", "0");
}

static void wrong_parameters_are_named(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "a", STEP_AT("0", "01"));
	serve(w);
	static const char *const wrong[] = {"x", "", "1.5", "-1", "99999999999999999999999", "1e3", "0x10",
		"%20", "1%00", "%FF", "[1]", "null"};
	static const char *const names[] = {"limit", "offset"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		char path[256];
		int status = strcmp(wrong[i], "1%00") == 0 ? 400 : 422;
		for (size_t name = 0; name < 2; name++) {
			snprintf(path, sizeof(path), LIST "?%s=%s", names[name], wrong[i]);
			refused(w, "GET", path, NULL, status, status == 422 ? names[name] : "");
		}
		if (strcmp(wrong[i], "-1") == 0)
			continue;
		snprintf(path, sizeof(path), "/api/v0/p/annotations?step_sequence_id=%s", wrong[i]);
		refused(w, "GET", path, NULL, status, status == 422 ? "step_sequence_id" : "");
	}
	refused(w, "POST", "/api/v0/p/a/__none__/x/annotations", "{}", 422, "sequence_id");
	refused(w, "PUT", "/api/v0/p/x/update_annotations", "{}", 422, "annotation_id");
}

/* ---- runs ---- */

static void values_pass_unaltered(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "a",
		"{\"type\":\"begin_entry\",\"start_time\":\"2026-01-01T00:00:00.1\",\"action\":\"\\u0061\","
		"\"inputs\":"
		"{\"z\":1.10,\"a\":12345678901234567890123456789, "
		"\"e\":1E400},\"sequence_id\":0,\"via\":{\"from\":null},"
		"\"_rec\":\"w.0.1\"}\n"
		"{\"type\":\"end_entry\",\"end_time\":\"2026-01-01T00:00:01Z\",\"action\":\"a\",\"sequence_"
		"id\":0,"
		"\"exception\":null,\"result\":{\"r\":-0.0},\"state\":{\"b\":\"\\ud83d\\ude00\\/\",\"a\":[ 1 "
		", 2]},"
		"\"_rec\":\"w.0.2\"}\n");
	serve(w);
	expect_part(w, RUN("a"), "steps",
		"[{\"step_start_log\":{\"type\":\"begin_entry\",\"start_time\":\"2026-01-01T00:00:00.1\","
		"\"action\":"
		"\"\\u0061\",\"inputs\":{\"z\":1.10,\"a\":12345678901234567890123456789, "
		"\"e\":1E400},\"sequence_id\":0},"
		"\"step_end_log\":{\"type\":\"end_entry\",\"end_time\":\"2026-01-01T00:00:01Z\",\"action\":"
		"\"a\","
		"\"result\":{\"r\":-0.0},\"exception\":null,\"state\":{\"b\":\"\\ud83d\\ude00\\/\",\"a\":[ 1 "
		", 2]},"
		"\"sequence_id\":0},\"spans\":[],\"attributes\":[],\"streaming_events\":[]}]");
}

static void old_logs_get_defaults(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "a",
		"{\"sequence_id\":0,\"type\":\"begin_entry\",\"start_time\":\"2024-01-01T00:00:00\","
		"\"action\":\"a\"}\n"
		"{\"type\":\"begin_span\",\"start_time\":\"2024-01-01T00:00:00\",\"action_sequence_id\":0,"
		"\"span_id\":"
		"\"0:0\",\"span_name\":\"s\"}\n"
		"{\"type\":\"attribute\",\"key\":\"k\",\"action_sequence_id\":0,\"value\":null}\n"
		"{\"type\":\"begin_stream\",\"action_sequence_id\":0,\"stream_init_time\":\"2024-01-01T00:00:"
		"00Z\"}\n"
		"{\"type\":\"end_entry\",\"end_time\":\"2024-01-01T00:00:00\",\"action\":\"a\",\"sequence_"
		"id\":0}\n");
	testing_write(w->f.folder, "p/a/graph.json",
		"{\"entrypoint\":\"a\",\"transitions\":[],\"actions\":[{\"name\":\"a\",\"reads\":[],"
		"\"writes\":[],"
		"\"code\":\"c\",\"ours\":1}],\"ours\":2}");
	serve(w);
	CLEAN(ptr_free) char *found = ask(w, "GET", RUN("a"), NULL, 200);
	assert_string_equal(found,
		"{\"application\":{\"type\":\"application\",\"entrypoint\":\"a\",\"actions\":[{\"type\":"
		"\"action\","
		"\"name\":\"a\",\"reads\":[],\"writes\":[],\"code\":\"c\",\"inputs\":[],\"optional_inputs\":["
		"]}],"
		"\"transitions\":[]},\"children\":[],\"steps\":[{\"step_start_log\":{\"type\":\"begin_"
		"entry\","
		"\"start_time\":\"2024-01-01T00:00:00\",\"action\":\"a\",\"inputs\":{},\"sequence_id\":0},"
		"\"step_end_log\":{\"type\":\"end_entry\",\"end_time\":\"2024-01-01T00:00:00\",\"action\":"
		"\"a\","
		"\"result\":null,\"exception\":null,\"state\":{},\"sequence_id\":0},\"spans\":[{\"begin_"
		"entry\":"
		"{\"type\":\"begin_span\",\"start_time\":\"2024-01-01T00:00:00\",\"action_sequence_id\":0,"
		"\"span_id\":"
		"\"0:0\",\"span_name\":\"s\",\"parent_span_id\":null,\"span_dependencies\":[]},\"end_entry\":"
		"null}],"
		"\"attributes\":[{\"type\":\"attribute\",\"key\":\"k\",\"action_sequence_id\":0,\"span_id\":"
		"null,"
		"\"value\":null,\"tags\":{},\"time_logged\":null}],\"streaming_events\":[{\"type\":\"begin_"
		"stream\","
		"\"action_sequence_id\":0,\"span_id\":null,\"stream_init_time\":\"2024-01-01T00:00:00Z\"}]}],"
		"\"parent_pointer\":null,\"spawning_parent_pointer\":null}");
}

static void the_last_attempt_wins(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "a",
		BEGIN_AT("12", "01") STEP_AT("3", "02") END_AT("9", "03") BEGIN_AT("3", "04")
			STEP_AT("3", "05") BEGIN_AT("2", "06"));
	serve(w);
	expect_part(w, RUN("a"), "steps.0.step_start_log.sequence_id", "2");
	expect_part(w, RUN("a"), "steps.0.step_end_log", "null");
	expect_part(w, RUN("a"), "steps.1.step_start_log.start_time", "\"2026-01-01T00:00:05.000000Z\"");
	expect_part(w, RUN("a"), "steps.1.step_end_log.end_time", "\"2026-01-01T00:00:05.000000Z\"");
	expect_part(w, RUN("a"), "steps.2.step_start_log.sequence_id", "12");
	CLEAN(ptr_free) char *found = ask(w, "GET", RUN("a"), NULL, 200);
	assert_null(json_find_path(slice_of(found), SLICE_LIT("steps.3")).data); /* 9 never began */
	expect_part(w, LIST, "applications.0.num_steps", "3");
}

/* Steps with all that they may have, two begun before either ends, and one that is taken back. */
static void put_long_log(struct buf *out, int from, int count)
{
	for (int i = from; i < from + count; i++) {
		int seq = i % 2 ? i - 1 : i + 1;
		buf_printf(out,
			"{\"type\":\"begin_entry\",\"start_time\":\"2026-01-01T00:00:00Z\",\"action\":\"a\","
			"\"inputs\":{},\"sequence_id\":%d,\"via\":{\"from\":null},\"_rec\":\"w.0.%d\"}\n"
			"{\"type\":\"attribute\",\"key\":\"k\",\"action_sequence_id\":%d,\"value\":NaN}\n"
			"{\"type\":\"begin_span\",\"start_time\":\"t\",\"action_sequence_id\":%d,\"span_id\":"
			"\"%d:0\",\"span_name\":\"s\"}\n"
			"{\"type\":\"attribute\",\"key\":\"early\",\"action_sequence_id\":%d,\"value\":1}\n"
			"{\"type\":\"first_item_stream\",\"action_sequence_id\":%d,\"first_item_time\":\"t\"}"
			"\n"
			"{\"type\":\"end_entry\",\"end_time\":\"2026-01-01T00:00:01Z\",\"action\":\"a\","
			"\"sequence_id\":%d,\"exception\":null,\"result\":null,\"state\":{\"n\":\"%0200d\"}}"
			"\n"
			"{\"type\":\"end_span\",\"end_time\":\"t\",\"action_sequence_id\":%d,\"span_id\":\"%"
			"d:0\"}\n",
			seq, i, seq, seq, seq, i + 1000000 + from, seq, i, i, seq, seq);
	}
}

/* What is in the catalog, what is behind it, and a run that it does not know give the same bytes; packed,
 * too.
 */
static void a_long_run_comes_in_pieces(void **state)
{
	struct world *w = *state;
	CLEAN(buf_fini) struct buf log = BUF_INIT;
	struct answer answer;
	put_long_log(&log, 0, 2000);
	testing_make_app(w->f.folder, "p", "part", log.data);
	size_t len = log.len;
	put_long_log(&log, 1990, 500);
	testing_make_app(w->f.folder, "p", "whole", log.data);
	serve(w);
	testing_make_app(w->f.folder, "p", "none", log.data);
	testing_append(w->f.folder, "p/part/log.jsonl", log.data + len);
	CLEAN(ptr_free) char *none = ask(w, "GET", RUN("none"), NULL, 200);
	CLEAN(ptr_free) char *part = ask(w, "GET", RUN("part"), NULL, 200);
	CLEAN(ptr_free) char *whole = ask(w, "GET", RUN("whole"), NULL, 200);
	assert_true(strlen(none) > 1 << 20);
	assert_string_equal(part, none);
	assert_string_equal(whole, none);
	expect_part(w, RUN("whole"), "steps.1234.attributes.0.value", "null");
	expect_part(w, RUN("whole"), "steps.1995.spans.0.end_entry.span_id", "\"1995:0\"");
	struct slice steps = json_find(slice_of(none), "steps");
	assert_null(json_find_path(steps, SLICE_LIT("2490")).data);
	ask_with(w, "GET", RUN("whole"), "", NULL, &answer);
	assert_string_equal(answer_header(&answer, "transfer-encoding"), "chunked");
	answer_fini(&answer);
}

/* The places in the catalog are those of a log that is another one by now, of the same length and end. */
static void a_log_that_was_changed_in_place(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "a", STEP_AT("0", "01") STEP_AT("1", "02") STEP_AT("2", "03"));
	serve(w);
	CLEAN(ptr_free) char *log = testing_read(w->f.folder, "p/a/log.jsonl");
	char *at = strstr(log, "\"sequence_id\":1}");
	assert_non_null(at);
	memcpy(at, "\"sequence_id\":7}", 16);
	CLEAN(buf_fini) struct buf path = BUF_INIT;
	buf_printf(&path, "%s/p/a/log.jsonl", w->f.folder);
	int fd = open(path.data, O_WRONLY);
	assert_true(fd >= 0 && write(fd, log, strlen(log)) == (ssize_t)strlen(log));
	close(fd);
	expect_part(w, RUN("a"), "steps.1.step_start_log.sequence_id", "2");
	expect_part(w, RUN("a"), "steps.2.step_start_log.sequence_id", "7");
}

static void children_and_parents(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "a", STEP_AT("0", "01"));
	testing_write(w->f.folder, "p/a/children.jsonl",
		"{\"type\":\"child_application_data\",\"child\":{\"app_id\":\"b\"},\"event_time\":\"2024-01-"
		"01T00:00:00\","
		"\"event_type\":\"fork\",\"sequence_id\":3,\"_rec\":\"x\"}\ngarbage\n{\"no\":\"child\"}\n{"
		"\"child\":{\"app");
	testing_write(w->f.folder, "p/a/metadata.json",
		"{\"spawning_parent_pointer\":{\"app_id\":\"r\",\"sequence_id\":1,\"partition_key\":\"k\"}}");
	serve(w);
	expect_part(w, RUN("a"), "children",
		"[{\"type\":\"child_application_data\",\"child\":{\"type\":\"pointer_data\",\"app_id\":\"b\","
		"\"sequence_id\":"
		"null,\"partition_key\":null},\"event_time\":\"2024-01-01T00:00:00\",\"event_type\":\"fork\","
		"\"sequence_id\":3}]");
	expect_part(w, RUN("a"), "parent_pointer", "null");
	expect_part(w, RUN("a"), "spawning_parent_pointer",
		"{\"type\":\"pointer_data\",\"app_id\":\"r\",\"sequence_id\":1,\"partition_key\":\"k\"}");
}

static void graphs_that_cannot_be_read(void **state)
{
	struct world *w = *state;
	static const char *const graphs[] = {"", "{", "[]", "{}",
		"{\"entrypoint\":1,\"actions\":[],\"transitions\":[]}",
		"{\"entrypoint\":\"a\",\"actions\":{},\"transitions\":[]}", "{\"entrypoint\":\"\xff\"}"};
	for (size_t i = 0; i < sizeof(graphs) / sizeof(*graphs); i++) {
		char name[64];
		snprintf(name, sizeof(name), "app-%zu", i);
		testing_make_app(w->f.folder, "p", name, STEP_AT("0", "01"));
		snprintf(name, sizeof(name), "p/app-%zu/graph.json", i);
		testing_write(w->f.folder, name, graphs[i]);
	}
	testing_make_log(w->f.folder, "p", "none", STEP_AT("0", "01"));
	serve(w);
	for (size_t i = 0; i < sizeof(graphs) / sizeof(*graphs); i++) {
		char path[96];
		snprintf(path, sizeof(path), "/api/v0/p/app-%zu/__none__/apps", i);
		refused(w, "GET", path, NULL, 404, "graph.json");
	}
	refused(w, "GET", RUN("none"), NULL, 404, "graph.json");
}

static void a_store_that_burr_wrote(void **state)
{
	struct world *w = *state;
	if (!testing_copy_real_store(w->f.folder))
		return;
	serve(w);
	CLEAN(ptr_free) char *projects = ask(w, "GET", "/api/v0/projects", NULL, 200);
	struct slice project;
	struct slice app;
	size_t runs = 0;
	struct json_iter it = json_iter(slice_of(projects));
	while (json_next_element(&it, &project)) {
		CLEAN(buf_fini) struct buf name = BUF_INIT;
		char path[512];
		json_to_text(json_find(project, "id"), &name);
		snprintf(path, sizeof(path), "/api/v0/%s/__none__/apps", name.data);
		CLEAN(ptr_free) char *page = ask(w, "GET", path, NULL, 200);
		struct json_iter apps = json_iter(json_find(slice_of(page), "applications"));
		while (json_next_element(&apps, &app)) {
			CLEAN(buf_fini) struct buf app_id = BUF_INIT;
			int64_t num_steps = 0;
			int64_t steps = 0;
			struct slice step;
			json_to_text(json_find(app, "app_id"), &app_id);
			json_to_int(json_find(app, "num_steps"), &num_steps);
			snprintf(path, sizeof(path), "/api/v0/%s/%s/__none__/apps", name.data, app_id.data);
			CLEAN(ptr_free) char *run = ask(w, "GET", path, NULL, 200);
			struct json_iter each = json_iter(json_find(slice_of(run), "steps"));
			while (json_next_element(&each, &step))
				steps += json_kind_of(json_find(step, "step_end_log")) == JSON_OBJECT;
			assert_int_equal(steps, num_steps);
			runs++;
		}
	}
	assert_int_equal(runs, 11);
}

/* ---- where Burr breaks ---- */

static void breaks_1_torn_last_line(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "torn", STEP_AT("0", "01") "{\"type\":\"end_ent");
	testing_make_app(w->f.folder, "p", "whole", STEP_AT("0", "02"));
	serve(w);
	expect_part(w, LIST, "total", "2");
	expect_part(w, RUN("torn"), "steps.0.step_end_log.sequence_id", "0");
	/* Merged with what was appended behind it: that line is damaged, and no other. */
	testing_append(w->f.folder, "p/torn/log.jsonl", BEGIN_AT("1", "03") STEP_AT("2", "04"));
	fixture_update(&w->f);
	expect_part(w, RUN("torn"), "steps.1.step_start_log.sequence_id", "2");
	expect_part(w, LIST, "applications.0.num_steps", "3");
}

static void breaks_2_folders_without_log_or_graph(void **state)
{
	struct world *w = *state;
	testing_make_log(w->f.folder, "p", "parent", NULL);
	testing_write(w->f.folder, "p/parent/children.jsonl",
		"{\"type\":\"child_application_data\",\"child\":{\"app_id\":\"a\"}}\n");
	testing_make_app(w->f.folder, "p", "no-log", NULL);
	testing_make_app(w->f.folder, "p", "a", STEP_AT("0", "01"));
	serve(w);
	expect_part(w, LIST, "total", "3");
	expect_part(w, "/api/v0/projects", "0.num_apps", "3");
	expect_part(w, RUN("no-log"), "steps", "[]");
	refused(w, "GET", RUN("parent"), NULL, 404, "graph.json");
}

static void breaks_3_last_run_by_its_last_record(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "old", STEP_AT("0", "01"));
	testing_make_app(w->f.folder, "p", "new", STEP_AT("0", "02"));
	serve(w);
	expect_part(w, LIST, "applications.0.app_id", "\"new\"");
	testing_append(w->f.folder, "p/old/log.jsonl", STEP_AT("1", "03"));
	fixture_update(&w->f);
	expect_part(w, LIST, "applications.0.app_id", "\"old\"");
	expect_part(w, LIST, "applications.0.last_written", "\"2026-01-01T00:00:03.000000Z\"");
	expect_part(w, LIST, "applications.0.first_written", "\"2026-01-01T00:00:01.000000Z\"");
}

static void breaks_4_a_list_reads_no_log(void **state)
{
	struct world *w = *state;
	char path[512];
	testing_make_app(w->f.folder, "p", "a", STEP_AT("0", "01") STEP_AT("1", "02"));
	serve(w);
	snprintf(path, sizeof(path), "%s/p/a/log.jsonl", w->f.folder);
	assert_int_equal(unlink(path), 0);
	expect_part(w, LIST, "applications.0.num_steps", "2"); /* it could not have read one */
}

static void breaks_5_an_unchanged_run_is_not_read(void **state)
{
	struct world *w = *state;
	char path[512];
	char header[256];
	struct answer first;
	struct answer second;
	struct stat before;
	testing_make_app(w->f.folder, "p", "a", STEP_AT("0", "01"));
	serve(w);
	ask_with(w, "GET", RUN("a"), "", NULL, &first);
	assert_int_equal(first.status, 200);
	snprintf(header, sizeof(header), "If-None-Match: %s\r\n", answer_header(&first, "etag"));
	/* Other bytes, same length, same time, same file: whoever read them would see a change. */
	snprintf(path, sizeof(path), "%s/p/a/log.jsonl", w->f.folder);
	assert_int_equal(stat(path, &before), 0);
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "garbage", 7, 0), 7);
	const struct timespec times[] = {before.st_atim, before.st_mtim};
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	ask_with(w, "GET", RUN("a"), header, NULL, &second);
	assert_int_equal(second.status, 304);
	answer_fini(&second);
	/* Each of its files changes the tag. */
	testing_append(w->f.folder, "p/a/log.jsonl", STEP_AT("1", "02"));
	ask_with(w, "GET", RUN("a"), header, NULL, &second);
	assert_int_equal(second.status, 200);
	snprintf(header, sizeof(header), "If-None-Match: %s\r\n", answer_header(&second, "etag"));
	answer_fini(&second);
	testing_write(w->f.folder, "p/a/children.jsonl", "{\"child\":{\"app_id\":\"b\"}}\n");
	ask_with(w, "GET", RUN("a"), header, NULL, &second);
	assert_int_equal(second.status, 200);
	answer_fini(&first);
	answer_fini(&second);
}

#define OBSERVATION(note)                                                  \
	"{\"data_fields\":{\"note\":\"" note                               \
	"\"},\"thumbs_up_thumbs_down\":null,\"data_pointers\":[{\"type\":" \
	"\"attribute\",\"field_name\":\"k\",\"span_id\":null}]}"
#define NOTE(note)                                                                                     \
	"{ \"span_id\" : null,\n \"step_name\":\"a\",\"tags\":[\"t\"],\"observations\":[" OBSERVATION( \
		note) "],\"ours\":1}"
#define POST_TO "/api/v0/p/a/__none__/3/annotations"

struct poster {
	struct world *w;
	char ids[20][16];
};

static void *post_twenty(void *arg)
{
	struct poster *poster = arg;
	for (int i = 0; i < 20; i++) {
		struct answer answer;
		ask_with(poster->w, "POST", POST_TO, "", NOTE("n"), &answer);
		struct slice id = json_find(buf_slice(&answer.body), "id");
		snprintf(poster->ids[i], sizeof(poster->ids[i]), "%.*s", SLICE_ARG(id));
		answer_fini(&answer);
	}
	return NULL;
}

static void breaks_6_annotations_at_once(void **state)
{
	struct world *w = *state;
	struct poster posters[4];
	pthread_t threads[4];
	bool seen[80] = {false};
	testing_make_app(w->f.folder, "p", "a", STEP_AT("3", "01"));
	serve(w);
	for (int i = 0; i < 4; i++) {
		posters[i] = (struct poster){.w = w};
		assert_int_equal(pthread_create(&threads[i], NULL, post_twenty, &posters[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < 80; i++) {
		char *end;
		long id = strtol(posters[i / 20].ids[i % 20], &end, 10);
		assert_true(*end == '\0' && id >= 0 && id < 80 && !seen[id]);
		seen[id] = true;
	}
	/* The answer to a change is what it is now, and so is the list. */
	CLEAN(ptr_free)
	char *changed = ask(w, "PUT", "/api/v0/p/7/update_annotations",
		"{\"step_name\":\"other\",\"observations\":[]}", 200);
	assert_true(slice_is(json_find(slice_of(changed), "step_name"), "\"other\""));
	assert_true(slice_is(json_find(slice_of(changed), "tags"), "[]"));
	CLEAN(ptr_free) char *all = ask(w, "GET", "/api/v0/p/annotations", NULL, 200);
	CLEAN(ptr_free) char *listed = slice_dup(json_find_path(slice_of(all), SLICE_LIT("7")));
	assert_string_equal(listed, changed);
	assert_non_null(json_find_path(slice_of(all), SLICE_LIT("79")).data);
	assert_null(json_find_path(slice_of(all), SLICE_LIT("80")).data);
}

static void breaks_7_names_stay_in_the_store(void **state)
{
	struct world *w = *state;
	testing_make_dir(w->f.folder, "store");
	testing_make_app(w->f.folder, "outside", "a", STEP_AT("0", "01"));
	testing_write(w->f.folder, "outside/annotations.jsonl", "{\"id\":0}\n");
	CLEAN(ptr_free) char *outer = strdup(w->f.folder);
	char *inner = malloc(strlen(outer) + 16);
	sprintf(inner, "%s/store", outer);
	free(w->f.folder);
	w->f.folder = inner;
	testing_make_app(inner, "p", "a", STEP_AT("0", "01"));
	serve(w);
	static const char *const names[] = {"..", "..%2Foutside", "%2e%2e%2foutside", ".", "%2F", "p%2Fa",
		"p%2F..%2F..%2Foutside", "%C3%28", "a%0Ab", "....", ".burr-store",
		"%27%3B%20DROP%20TABLE%20step"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[256];
		snprintf(path, sizeof(path), "/api/v0/%s/__none__/apps", names[i]);
		expect_part(w, path, "total", "0");
		snprintf(path, sizeof(path), "/api/v0/%s/annotations", names[i]);
		expect(w, path, "[]");
		snprintf(path, sizeof(path), "/api/v0/%s/a/__none__/apps", names[i]);
		refused(w, "GET", path, NULL, 404, "no application");
		snprintf(path, sizeof(path), "/api/v0/p/%s/__none__/apps", names[i]);
		refused(w, "GET", path, NULL, 404, "no application");
		snprintf(path, sizeof(path), "/api/v0/p/%s/__none__/0/annotations", names[i]);
		refused(w, "POST", path, NOTE("x"), 404, "no application");
		snprintf(path, sizeof(path), "/api/v0/%s/0/update_annotations", names[i]);
		refused(w, "PUT", path, NOTE("x"), 404, "no annotation");
	}
	stop(w);
	w->f.folder = strdup(outer);
	free(inner);
	CLEAN(ptr_free) char *untouched = testing_read(outer, "outside/annotations.jsonl");
	assert_string_equal(untouched, "{\"id\":0}\n");
}

static void breaks_8_invalid_utf8_is_no_text(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "a",
		STEP_AT("0", "01") "{\"type\":\"begin_entry\",\"action\":\"\xc3\x28\",\"sequence_id\":1}\n"
				   "{\"type\":\"attribute\",\"key\":\"\xed\xa0\x80\",\"action_sequence_id\":"
				   "0,\"value\":1}\n" STEP_AT("2", "03"));
	serve(w);
	expect_part(w, RUN("a"), "steps.0.attributes", "[]");
	expect_part(w, RUN("a"), "steps.1.step_start_log.sequence_id", "2");
	CLEAN(ptr_free) char *run = ask(w, "GET", RUN("a"), NULL, 200);
	assert_true(utf8_valid(slice_of(run)));
}

static void python_floats_are_null(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "a",
		BEGIN_AT("0", "01") "{\"type\":\"end_entry\",\"action\":\"a\",\"sequence_id\":0,\"state\":"
				    "{\"x\":NaN,\"y\":[-Infinity,Infinity],\"z\":\"NaN \\\" NaN\"}}\n");
	serve(w);
	expect_part(w, RUN("a"), "steps.0.step_end_log.state",
		"{\"x\":null,\"y\":[null,null],\"z\":\"NaN \\\" NaN\"}");
}

/* ---- annotations ---- */

static void annotations_of_burr_load(void **state)
{
	struct world *w = *state;
	static const char old[] = "{\"span_id\":null,\"step_name\":\"s\",\"tags\":[],\"observations\":[],"
				  "\"id\":4,\"project_id\":\"p\","
				  "\"app_id\":\"a\",\"partition_key\":\"k\",\"step_sequence_id\":2,"
				  "\"created\":\"2024-01-01T00:00:00.5\","
				  "\"updated\":\"2024-01-01T00:00:00.5\"}";
	char file[1024];
	char list[1024];
	testing_make_app(w->f.folder, "p", "a", STEP_AT("0", "01"));
	snprintf(file, sizeof(file), "%s\ngarbage\n{\"id\":\"no\"}\n{\"torn", old);
	testing_write(w->f.folder, "p/annotations.jsonl", file);
	serve(w);
	snprintf(list, sizeof(list), "[%s]", old);
	expect(w, "/api/v0/p/annotations", list);
	expect(w, "/api/v0/p/annotations?app_id=a&partition_key=k&step_sequence_id=2", list);
	expect(w, "/api/v0/p/annotations?partition_key=__none__", list);
	expect(w, "/api/v0/p/annotations?step_sequence_id=3", "[]");
	expect(w, "/api/v0/p/annotations?app_id=b", "[]");
	expect(w, "/api/v0/p/annotations?app_id=", "[]");
	CLEAN(ptr_free) char *made = ask(w, "POST", POST_TO, NOTE("x\\n"), 200);
	struct slice answer = slice_of(made);
	assert_true(slice_is(json_find(answer, "id"), "5"));
	assert_true(slice_is(json_find(answer, "project_id"), "\"p\""));
	assert_true(slice_is(json_find(answer, "app_id"), "\"a\""));
	assert_true(slice_is(json_find(answer, "partition_key"), "null"));
	assert_true(slice_is(json_find(answer, "step_sequence_id"), "3"));
	assert_true(slice_is(json_find(answer, "observations"), "[" OBSERVATION("x\\n") "]"));
	assert_false(json_find(answer, "ours").data);
	/* Lines that are no annotations stay, each on its own line. */
	CLEAN(ptr_free) char *text = testing_read(w->f.folder, "p/annotations.jsonl");
	snprintf(file, sizeof(file), "%s\ngarbage\n{\"id\":\"no\"}\n{\"torn\n%s\n", old, made);
	assert_string_equal(text, file);
}

static void bodies_that_are_wrong(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *body;
		const char *names;
	} cases[] = {
		{"", "body"},
		{"{", "body"},
		{"[]", "body"},
		{"\"x\"", "body"},
		{"{\"span_id\":\"\xff\"}", "body"},
		{"{}", "span_id"},
		{"{\"span_id\":1}", "span_id"},
		{"{\"span_id\":null}", "step_name"},
		{"{\"span_id\":null,\"step_name\":null}", "step_name"},
		{"{\"span_id\":null,\"step_name\":\"a\"}", "tags"},
		{"{\"span_id\":null,\"step_name\":\"a\",\"tags\":\"t\"}", "tags"},
		{"{\"span_id\":null,\"step_name\":\"a\",\"tags\":[\"t\",1]}", "tags.1"},
		{"{\"span_id\":null,\"step_name\":\"a\",\"tags\":[]}", "observations"},
		{"{\"span_id\":null,\"step_name\":\"a\",\"tags\":[],\"observations\":{}}", "observations"},
		{"{\"span_id\":null,\"step_name\":\"a\",\"tags\":[],\"observations\":[1]}", "observations.0"},
		{"{\"span_id\":null,\"step_name\":\"a\",\"tags\":[],\"observations\":[{}]}",
			"observations.0.data_fields"},
		{"{\"span_id\":null,\"step_name\":\"a\",\"tags\":[],\"observations\":[{\"data_fields\":{}}]}",
			"observations.0.thumbs_up_thumbs_down"},
		{"{\"span_id\":null,\"step_name\":\"a\",\"tags\":[],\"observations\":[{\"data_fields\":{},"
		 "\"thumbs_up_thumbs_down\":true}]}",
			"observations.0.data_pointers"},
		{"{\"span_id\":null,\"step_name\":\"a\",\"tags\":[],\"observations\":[{\"data_fields\":{},"
		 "\"thumbs_up_thumbs_down\":true,\"data_pointers\":[{\"type\":\"x\"}]}]}",
			"observations.0.data_pointers.0.type"},
		{"{\"span_id\":null,\"step_name\":\"a\",\"tags\":[],\"observations\":[{\"data_fields\":{},"
		 "\"thumbs_up_thumbs_down\":true,\"data_pointers\":[{\"type\":\"attribute\"}]}]}",
			"observations.0.data_pointers.0.field_name"},
		{"{\"span_id\":null,\"step_name\":\"a\",\"tags\":[],\"observations\":[{\"data_fields\":{},"
		 "\"thumbs_up_thumbs_down\":true,\"data_pointers\":[{\"type\":\"attribute\",\"field_name\":"
		 "\"f\"}]}]}",
			"observations.0.data_pointers.0.span_id"},
	};
	testing_make_app(w->f.folder, "p", "a", STEP_AT("0", "01"));
	serve(w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		refused(w, "POST", POST_TO, cases[i].body, 422, cases[i].names);
	refused(w, "POST", "/api/v0/p/none/__none__/3/annotations", NOTE("x"), 404, "no application");
	refused(w, "PUT", "/api/v0/p/0/update_annotations", NOTE("x"), 404, "no annotation 0");
	refused(w, "PUT", "/api/v0/none/0/update_annotations", NOTE("x"), 404, "no annotation 0");
	refused(w, "PUT", "/api/v0/p/0/update_annotations", "{\"step_name\":\"a\"}", 422, "observations");
	expect(w, "/api/v0/p/annotations", "[]");
}

static void a_damaged_catalog_is_said_and_mended(void **state)
{
	struct world *w = *state;
	testing_make_app(w->f.folder, "p", "a", STEP_AT("0", "01"));
	serve(w);
	stop(w);
	testing_damage_catalog(w->f.folder); /* which shows at a question only */
	burr_error err = BURR_ERROR_INIT;
	fixture_open(&w->f);
	struct api_options options = {.store = w->f.store, .catalog = w->f.catalog, .worker_count = 1};
	struct http_server_options http = HTTP_SERVER_OPTIONS_INIT;
	assert_int_equal(api_open(&options, &w->api, &err), BURR_OK);
	http.port = 0;
	http.routes = api_v0_routes(&http.route_count);
	http.ctx = w->api;
	http.worker_count = 1;
	assert_int_equal(http_server_open(&http, &w->server, &err), BURR_OK);
	assert_int_equal(http_server_start(w->server, &err), BURR_OK);
	w->port = http_server_port(w->server);
	refused(w, "GET", LIST, NULL, 503, "anew");
	expect_part(w, RUN("a"), "steps.0.step_end_log.sequence_id", "0"); /* runs need no catalog */
	assert_int_equal(catalog_start(w->f.catalog, &err), BURR_OK);
	told_await(&w->f.told, "run/p/a");
	expect_part(w, LIST, "total", "1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(small_answers),
		TEST(not_ready_while_the_index_is_damaged),
		TEST(projects_and_pages),
		TEST(wrong_parameters_are_named),
		TEST(values_pass_unaltered),
		TEST(old_logs_get_defaults),
		TEST(the_last_attempt_wins),
		TEST(a_long_run_comes_in_pieces),
		TEST(a_log_that_was_changed_in_place),
		TEST(children_and_parents),
		TEST(graphs_that_cannot_be_read),
		TEST(a_store_that_burr_wrote),
		TEST(breaks_1_torn_last_line),
		TEST(breaks_2_folders_without_log_or_graph),
		TEST(breaks_3_last_run_by_its_last_record),
		TEST(breaks_4_a_list_reads_no_log),
		TEST(breaks_5_an_unchanged_run_is_not_read),
		TEST(breaks_6_annotations_at_once),
		TEST(breaks_7_names_stay_in_the_store),
		TEST(breaks_8_invalid_utf8_is_no_text),
		TEST(python_floats_are_null),
		TEST(annotations_of_burr_load),
		TEST(bodies_that_are_wrong),
		TEST(a_damaged_catalog_is_said_and_mended),
	};
#undef TEST
	return cmocka_run_group_tests(tests, NULL, NULL);
}
