/* The collector's end with real writers: records through the socket, changing over, peers that are broken,
 * newer, or nng's own. */
#include "base/testing.h"

#include "base/json.h"
#include "ingest/ingest.h"
#include "link/link.h"
#include "wire/limits.h"
#include "wire/message.h"
#include "wire/testing_entry.h"

#include <burr/load.h>
#include <burr/tracker.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

/* ld --wrap: how often something was synced. */
static atomic_int sync_count;

int __real_syncfs(int fd);
int __wrap_syncfs(int fd);
int __wrap_syncfs(int fd)
{
	int status = __real_syncfs(fd);
	sync_count++;
	return status;
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	int status = __real_fdatasync(fd);
	sync_count++;
	return status;
}

struct fixture {
	char *folder;
	struct store *store;
	struct ingest *ingest;
	pthread_mutex_t lock;
	int appended; /* under lock: calls of on_appended */
};

static void on_appended(void *ctx, struct slice project, struct slice app_id)
{
	struct fixture *f = ctx;
	(void)project;
	(void)app_id;
	pthread_mutex_lock(&f->lock);
	f->appended++;
	pthread_mutex_unlock(&f->lock);
}

static bool find_place(void *ctx, struct slice project, struct slice app_id, int64_t sequence_id,
	uint64_t *out_offset, uint64_t *out_len)
{
	(void)ctx;
	*out_offset = 11;
	*out_len = 22;
	return slice_is(project, "project") && slice_is(app_id, "app") && sequence_id == 5;
}

static void start(struct fixture *f)
{
	burr_error err = BURR_ERROR_INIT;
	if (store_open(f->folder, STORE_WRITE, &f->store, &err) != BURR_OK)
		fail_msg("%s", err.message);
	assert_true(store_claim_collector(f->store));
	struct ingest_options options = {f->store, "http://127.0.0.1:1", on_appended, find_place, f};
	if (ingest_open(&options, &f->ingest, &err) != BURR_OK)
		fail_msg("%s", err.message);
}

static void stop(struct fixture *f)
{
	ingest_close(f->ingest);
	store_close(f->store);
	f->ingest = NULL;
	f->store = NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *folder = NULL;
	if (!f || testing_make_folder(&folder) != 0)
		return -1;
	f->folder = folder;
	pthread_mutex_init(&f->lock, NULL);
	*state = f;
	start(f);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	void *folder = f->folder;
	stop(f);
	testing_remove_folder(&folder);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return 0;
}

static burr_tracker *open_tracker(struct fixture *f)
{
	burr_tracker *tracker = NULL;
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	options.project = "project";
	options.store = f->folder;
	options.wait_ms = 20000;
	assert_int_equal(burr_tracker_open(&options, &tracker, NULL), BURR_OK);
	return tracker;
}

static burr_tracker_app *create_app(burr_tracker *tracker, const char *app_id)
{
	burr_tracker_app *app = NULL;
	burr_app_info info = BURR_APP_INFO_INIT;
	burr_error err = BURR_ERROR_INIT;
	info.app_id = app_id;
	if (burr_tracker_create_app(tracker, &info, &app, &err) != BURR_OK)
		fail_msg("%s", err.message);
	return app;
}

static burr_route route_of(burr_tracker *tracker)
{
	burr_tracker_stats stats = {.size = sizeof(stats)};
	burr_tracker_get_stats(tracker, &stats);
	return stats.route;
}

static void settle(burr_tracker *tracker)
{
	assert_int_equal(burr_tracker_flush(tracker, 5000, NULL), BURR_OK);
}

/* The sequence ids of the log's steps must be 0, 1, 2, … */
static int count_steps(struct fixture *f, const char *app_id)
{
	burr_step_item *steps = NULL;
	size_t count = 0;
	char name[300];
	assert_int_equal(burr_list_steps(f->folder, "project", app_id, &steps, &count, NULL), BURR_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(steps[i].sequence_id, i);
	burr_free(steps);
	snprintf(name, sizeof(name), "project/%s/log.jsonl", app_id);
	char *log = testing_read(f->folder, name);
	size_t lines = 0;
	for (const char *c = log; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, count);
	free(log);
	return (int)count;
}

static void records_go_through_the_collector_and_around_it(void **state)
{
	struct fixture *f = *state;
	burr_tracker *tracker = open_tracker(f);
	burr_tracker_app *app = create_app(tracker, "app");
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", NULL, NULL), BURR_OK);
	settle(tracker);
	assert_int_equal(route_of(tracker), BURR_ROUTE_COLLECTOR);
	assert_int_equal(count_steps(f, "app"), 1);
	struct ingest_stats stats;
	ingest_get_stats(f->ingest, &stats);
	assert_true(stats.appending);
	assert_int_equal(stats.writer_count, 1);
	assert_int_equal(stats.record_count, 2);
	pthread_mutex_lock(&f->lock);
	assert_int_equal(f->appended, 2);
	pthread_mutex_unlock(&f->lock);

	stop(f);
	assert_int_equal(burr_tracker_begin_step(app, 1, "a", NULL, NULL), BURR_OK);
	settle(tracker);
	assert_int_equal(route_of(tracker), BURR_ROUTE_STORE);
	assert_int_equal(count_steps(f, "app"), 2);

	start(f);
	assert_int_equal(burr_tracker_begin_step(app, 2, "a", NULL, NULL), BURR_OK);
	settle(tracker);
	assert_int_equal(route_of(tracker), BURR_ROUTE_COLLECTOR);
	assert_int_equal(count_steps(f, "app"), 3);
	assert_int_equal(burr_tracker_close(tracker, NULL), BURR_OK);
}

enum { WRITERS = 4, STEPS = 400 };

struct writer {
	struct fixture *fixture;
	int number;
	int failed;
};

static void *write_steps(void *arg)
{
	struct writer *w = arg;
	char app_id[16];
	burr_tracker *tracker = open_tracker(w->fixture);
	snprintf(app_id, sizeof(app_id), "app%d", w->number);
	burr_tracker_app *app = create_app(tracker, app_id);
	for (int i = 0; i < STEPS; i++)
		w->failed += burr_tracker_begin_step(app, i, "a", NULL, NULL) != BURR_OK;
	burr_tracker_close(tracker, NULL);
	return NULL;
}

static void a_collector_that_comes_and_goes_loses_nothing(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[WRITERS];
	struct writer writers[WRITERS];
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){f, i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, write_steps, &writers[i]), 0);
	}
	for (int i = 0; i < 5; i++) {
		stop(f);
		start(f);
	}
	for (int i = 0; i < WRITERS; i++) {
		char app_id[16];
		pthread_join(threads[i], NULL);
		assert_int_equal(writers[i].failed, 0);
		snprintf(app_id, sizeof(app_id), "app%d", i);
		assert_int_equal(count_steps(f, app_id), STEPS);
	}
}

static void a_second_collector_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *other = NULL;
	assert_int_equal(store_open(f->folder, STORE_WRITE, &other, NULL), BURR_OK);
	assert_true(store_has_collector(other, NULL));
	assert_false(store_claim_collector(other));
	store_close(other);
}

/* ---- peers of all kinds ---- */

static void ask(struct fixture *f, struct slice request, struct buf *bytes, struct reply *out)
{
	struct link *link = NULL;
	burr_error err = BURR_ERROR_INIT;
	if (link_open(f->store, 5000, &link, &err) != BURR_OK ||
		link_ask(link, request, 5000, bytes, &err) != BURR_OK)
		fail_msg("%s", err.message);
	assert_int_equal(reply_read(buf_slice(bytes), out, NULL), BURR_OK);
	link_close(link);
}

static void put_entry(struct buf *out, const char *project, const char *app_id, uint64_t n)
{
	struct buf entry = BUF_INIT;
	entry_put_app(&entry, project, app_id, NULL, 0);
	entry_put_identity(&entry, 0, n, 1000);
	entry_put_begin_entry(&entry, (int64_t)n, "a", "{}", NULL);
	request_put_entry_head(out, entry.len);
	buf_append_slice(out, buf_slice(&entry));
	buf_fini(&entry);
}

static void put_header(struct buf *out, uint32_t protocol)
{
	struct request request = {.protocol = protocol, .writer = SLICE_LIT("00000000000000aa")};
	buf_clear(out);
	request_put(out, &request);
}

static void broken_peers_are_refused_and_harm_nobody(void **state)
{
	struct fixture *f = *state;
	struct buf request = BUF_INIT;
	struct buf bytes = BUF_INIT;
	struct reply reply;
	burr_tracker *tracker = open_tracker(f);
	burr_tracker_app *app = create_app(tracker, "app");
	unsigned seed = 7;
	for (int i = 0; i < 300; i++) {
		buf_clear(&request);
		for (int len = rand_r(&seed) % 200; len >= 0; len--)
			buf_append_char(&request, (char)rand_r(&seed));
		ask(f, buf_slice(&request), &bytes, &reply);
		assert_int_equal(reply.status, REPLY_BAD_REQUEST);
	}
	put_header(&request, 1);
	request_put_entry_head(&request, 3);
	buf_append_str(&request, "abc");
	ask(f, buf_slice(&request), &bytes, &reply);
	assert_int_equal(reply.status, REPLY_BAD_REQUEST);
	assert_non_null(memmem(reply.message.data, reply.message.len, "entry 0", 7));
	put_header(&request, 2);
	put_entry(&request, "project", "app", 1);
	ask(f, buf_slice(&request), &bytes, &reply);
	assert_int_equal(reply.status, REPLY_UNKNOWN_PROTOCOL);
	assert_int_equal(reply.protocol, PROTOCOL_VERSION);
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", NULL, NULL), BURR_OK);
	settle(tracker);
	assert_int_equal(count_steps(f, "app"), 1);
	burr_tracker_close(tracker, NULL);
	buf_fini(&request);
	buf_fini(&bytes);
}

static int connect_raw(struct fixture *f)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(link_address(f->store, &address));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Not even the greeting, or half a frame, or a frame that says it is larger than memory. */
static void raw_garbage_on_the_socket_is_closed(void **state)
{
	struct fixture *f = *state;
	static const char huge[] = "\0SP\0\0\x30\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\x80\0\0\1";
	static const struct slice garbage[] = {SLICE_LIT("GET / HTTP/1.1\r\n\r\n"), SLICE_LIT(huge)};
	for (size_t i = 0; i < 2; i++) {
		char answer[64];
		int fd = connect_raw(f);
		assert_true(write(fd, garbage[i].data, garbage[i].len) > 0);
		while (read(fd, answer, sizeof(answer)) > 0)
			; /* its greeting, then the end */
		close(fd);
	}
	burr_tracker *tracker = open_tracker(f);
	create_app(tracker, "app");
	burr_tracker_close(tracker, NULL);
}

/* nng 1.5.2's own listener goes deaf at this. */
static void peers_that_leave_while_they_are_greeted_harm_nobody(void **state)
{
	struct fixture *f = *state;
	burr_tracker *tracker = open_tracker(f);
	burr_tracker_app *app = create_app(tracker, "app");
	for (int i = 0; i < 2000; i++) {
		int fd = connect_raw(f);
		if (i % 3 == 1)
			assert_int_equal(write(fd, "\0SP\0", 4), 4);
		close(fd);
	}
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", NULL, NULL), BURR_OK);
	assert_int_equal(route_of(tracker), BURR_ROUTE_COLLECTOR);
	burr_tracker_close(tracker, NULL);
}

/* More connections than are served at once, each inside a large message: the others wait, a writer with small
 * ones goes on. */
static void a_crowd_in_the_middle_of_large_messages(void **state)
{
	enum { CROWD = 40 };
	static const char begin[] = "\0SP\0\0\x30\0\0\x01\0\0\0\0\x00\xff\0\0\x80\0\0\x01 and some bytes";
	struct fixture *f = *state;
	int fds[CROWD];
	burr_tracker *tracker = open_tracker(f);
	burr_tracker_app *app = create_app(tracker, "app");
	for (int i = 0; i < CROWD; i++) {
		fds[i] = connect_raw(f);
		assert_int_equal(write(fds[i], begin, sizeof(begin)), (ssize_t)sizeof(begin));
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(burr_tracker_begin_step(app, i, "a", NULL, NULL), BURR_OK);
	for (int i = 0; i < CROWD; i++)
		close(fds[i]);
	size_t len = (size_t)9 << 20;
	char *json = malloc(len + 1);
	memset(json, ' ', len);
	memcpy(json, "{}", 2);
	json[len] = '\0';
	assert_int_equal(burr_tracker_end_step(app, 100, "a", NULL, NULL, json), BURR_OK);
	free(json);
	burr_tracker_close(tracker, NULL);
}

static void verdicts_are_each_applications_own(void **state)
{
	struct fixture *f = *state;
	struct buf request = BUF_INIT;
	struct buf bytes = BUF_INIT;
	struct reply reply;
	struct verdict verdict;
	burr_tracker *tracker = open_tracker(f);
	create_app(tracker, "app");
	burr_tracker_close(tracker, NULL);
	static const char *const names[][2] = {{"project", "app"}, {"project", "none"},
		{"project", "../project"}, {"..", "app"}, {"project", "app"}};
	put_header(&request, 1);
	for (size_t i = 0; i < 5; i++)
		put_entry(&request, names[i][0], names[i][1], i + 1);
	for (int times = 0; times < 2; times++) { /* sent again, nothing is stored twice */
		ask(f, buf_slice(&request), &bytes, &reply);
		assert_int_equal(reply.status, REPLY_OK);
		struct pb_reader r = pb_reader(buf_slice(&bytes));
		static const burr_status codes[] = {BURR_OK, BURR_ENOTFOUND, BURR_EINVAL, BURR_EINVAL};
		for (size_t i = 0; i < 4; i++) {
			assert_true(reply_next_verdict(&r, &verdict));
			assert_int_equal(verdict.kind, i ? VERDICT_NEVER : VERDICT_DONE);
			assert_int_equal(verdict.code, codes[i]);
		}
		assert_false(reply_next_verdict(&r, &verdict));
	}
	char *log = testing_read(f->folder, "project/app/log.jsonl");
	assert_non_null(strstr(log, "00000000000000aa.0.1\"}\n"));
	assert_non_null(strstr(log, "00000000000000aa.0.5\"}\n"));
	assert_null(strstr(strstr(log, "0.1\"}\n") + 1, "0.1\"}\n"));
	free(log);
	buf_fini(&request);
	buf_fini(&bytes);
}

/* Half a line, which somebody may still be writing: for 20 ms the application is LATER. */
static void tear_log(struct fixture *f)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/project/app/log.jsonl", f->folder);
	FILE *log = fopen(path, "a");
	assert_non_null(log);
	fputs("{\"type\":", log);
	assert_int_equal(fclose(log), 0);
}

static enum verdict_kind ask_verdict(struct fixture *f, struct slice request)
{
	struct buf bytes = BUF_INIT;
	struct reply reply;
	struct verdict verdict;
	ask(f, request, &bytes, &reply);
	struct pb_reader r = pb_reader(buf_slice(&bytes));
	assert_true(reply_next_verdict(&r, &verdict));
	enum verdict_kind kind = verdict.kind;
	buf_fini(&bytes);
	return kind;
}

static void what_waits_is_listed_until_it_is_stored_or_never_will_be(void **state)
{
	struct fixture *f = *state;
	struct buf request = BUF_INIT;
	struct ingest_stats stats;
	char path[300];
	burr_tracker *tracker = open_tracker(f);
	create_app(tracker, "app");
	burr_tracker_close(tracker, NULL);
	for (uint64_t times = 1; times <= 2; times++) {
		tear_log(f);
		buf_clear(&request);
		put_header(&request, 1);
		put_entry(&request, "project", "app", times);
		assert_int_equal(ask_verdict(f, buf_slice(&request)), VERDICT_LATER);
		ingest_get_stats(f->ingest, &stats);
		assert_int_equal(stats.later_app_count, 1);
		assert_string_equal(stats.laters[0].project, "project");
		assert_string_equal(stats.laters[0].app_id, "app");
		assert_true(stats.laters[0].reason[0] && stats.laters[0].since_ns > 0);
		if (times == 1)
			while (ask_verdict(f, buf_slice(&request)) == VERDICT_LATER)
				;
		snprintf(path, sizeof(path), "%s/project/app", f->folder);
		if (times == 2) {
			remove_tree(path);
			assert_int_equal(ask_verdict(f, buf_slice(&request)), VERDICT_NEVER);
		}
		ingest_get_stats(f->ingest, &stats);
		assert_int_equal(stats.later_app_count, 0);
	}
	buf_fini(&request);
}

static void what_writers_dropped_is_counted_once(void **state)
{
	struct fixture *f = *state;
	static const uint64_t said[] = {3, 3, 5};
	struct buf bytes = BUF_INIT;
	struct buf message = BUF_INIT;
	struct reply reply;
	struct ingest_stats stats;
	for (size_t i = 0; i < 3; i++) {
		struct request request = {
			.protocol = 1, .writer = SLICE_LIT("00000000000000aa"), .dropped_count = said[i]};
		buf_clear(&message);
		request_put(&message, &request);
		put_entry(&message, "project", "none", i + 1);
		ask(f, buf_slice(&message), &bytes, &reply);
	}
	ingest_get_stats(f->ingest, &stats);
	assert_int_equal(stats.dropped_count, 5);
	buf_fini(&bytes);
	buf_fini(&message);
}

static void questions_are_answered(void **state)
{
	struct fixture *f = *state;
	struct buf request = BUF_INIT;
	struct buf bytes = BUF_INIT;
	struct reply reply;
	struct request question = {.protocol = 1,
		.has_find_step = true,
		.find_step = {SLICE_LIT("project"), SLICE_LIT("app"), 5}};
	request_put(&request, &question);
	ask(f, buf_slice(&request), &bytes, &reply);
	assert_true(reply.step_found && reply.step_offset == 11 && reply.step_len == 22);
	assert_true(slice_is(reply.url, "http://127.0.0.1:1"));
	assert_int_equal(reply.pid, getpid());
	buf_clear(&request);
	question.find_step.sequence_id = 6;
	request_put(&request, &question);
	ask(f, buf_slice(&request), &bytes, &reply);
	assert_true(reply.has_step_place && !reply.step_found);
	buf_fini(&request);
	buf_fini(&bytes);
}

/* The wire is nng's: nng's own REQ is a peer like any other. */
static void nng_itself_can_ask(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address;
	struct buf request = BUF_INIT;
	struct reply reply;
	char url[200];
	nng_socket sock;
	nng_msg *msg = NULL;
	assert_true(link_address(f->store, &address));
	snprintf(url, sizeof(url), "ipc://%s", address.sun_path);
	assert_int_equal(nng_req0_open(&sock), 0);
	assert_int_equal(nng_dial(sock, url, NULL, 0), 0);
	struct request greeting = {.protocol = 1};
	request_put(&request, &greeting);
	assert_int_equal(nng_send(sock, request.data, request.len, 0), 0);
	assert_int_equal(nng_recvmsg(sock, &msg, 0), 0);
	struct slice bytes = {nng_msg_body(msg), nng_msg_len(msg)};
	assert_int_equal(reply_read(bytes, &reply, NULL), BURR_OK);
	assert_true(reply.has_collector && slice_is(reply.version, burr_version()));
	nng_msg_free(msg);
	nng_close(sock);
	buf_fini(&request);
}

static void restart_with(struct fixture *f, enum durability durability)
{
	assert_int_equal(store_set_durability(f->store, durability, NULL), BURR_OK);
	stop(f);
	start(f);
	sync_count = 0;
}

/* Nobody says anything after the record: the append thread wakes for the sync by itself, and then sleeps. */
static void an_idle_collector_syncs_what_it_acknowledged(void **state)
{
	struct fixture *f = *state;
	restart_with(f, DURABILITY_GROUP);
	burr_tracker *tracker = open_tracker(f);
	burr_tracker_app *app = create_app(tracker, "app");
	for (int waited_ms = 0; sync_count < 2 && waited_ms < 10000; waited_ms++)
		usleep(1000);            /* a sync is no event */
	assert_int_equal(sync_count, 2); /* the first of all, and that of the new folders */
	assert_int_equal(burr_tracker_begin_step(app, 0, "a", NULL, NULL), BURR_OK);
	for (int waited_ms = 0; sync_count < 3 && waited_ms < 10000; waited_ms++)
		usleep(1000);
	assert_int_equal(sync_count, 3);
	assert_int_equal(burr_tracker_close(tracker, NULL), BURR_OK);
	stop(f);
	assert_int_equal(sync_count, 3);
	start(f);
}

static void what_is_acknowledged_waits_for_the_disk_where_power_may_fail(void **state)
{
	struct fixture *f = *state;
	restart_with(f, DURABILITY_POWER);
	burr_tracker *tracker = open_tracker(f);
	burr_tracker_app *app = create_app(tracker, "app");
	for (int i = 0; i < 3; i++) {
		int before = sync_count;
		assert_int_equal(burr_tracker_begin_step(app, i, "a", NULL, NULL), BURR_OK);
		settle(tracker); /* acknowledged: synced */
		assert_int_equal(sync_count, before + 1);
	}
	assert_int_equal(burr_tracker_close(tracker, NULL), BURR_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_go_through_the_collector_and_around_it),
		TEST(a_collector_that_comes_and_goes_loses_nothing),
		TEST(a_second_collector_is_refused),
		TEST(broken_peers_are_refused_and_harm_nobody),
		TEST(raw_garbage_on_the_socket_is_closed),
		TEST(peers_that_leave_while_they_are_greeted_harm_nobody),
		TEST(a_crowd_in_the_middle_of_large_messages),
		TEST(verdicts_are_each_applications_own),
		TEST(what_waits_is_listed_until_it_is_stored_or_never_will_be),
		TEST(what_writers_dropped_is_counted_once),
		TEST(questions_are_answered),
		TEST(nng_itself_can_ask),
		TEST(an_idle_collector_syncs_what_it_acknowledged),
		TEST(what_is_acknowledged_waits_for_the_disk_where_power_may_fail),
	};
	return cmocka_run_group_tests_name("ingest", tests, NULL, NULL);
}
