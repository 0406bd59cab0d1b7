/* catalog/testing.h: what the tests of the catalog and the API share: stores made of texts, and a place where
 * the catalog's callbacks meet a test that waits for them. */
#ifndef CATALOG_TESTING_H
#define CATALOG_TESTING_H

#include "base/testing.h"
#include "catalog/catalog.h"
#include "catalog/db.h"

#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

#define TESTING_GRAPH                                                                                      \
	"{\"type\":\"application\",\"entrypoint\":\"a\",\"actions\":[{\"type\":\"action\",\"name\":\"a\"," \
	"\"reads\":[\"n\"],\"writes\":[\"n\"],\"code\":\"text\"}],\"transitions\":[{\"type\":"             \
	"\"transition\","                                                                                  \
	"\"from_\":\"a\",\"to\":\"a\",\"condition\":\"default\"}]}"
#define TESTING_METADATA                                                                     \
	"{\"type\":\"application_metadata\",\"partition_key\":null,\"parent_pointer\":null," \
	"\"spawning_parent_pointer\":null}"

/* One line each; s is the second of 2026-01-01T00:00 in UTC. */
#define BEGIN_AT(seq, s)                                                               \
	"{\"type\":\"begin_entry\",\"start_time\":\"2026-01-01T00:00:" s ".000000Z\"," \
	"\"action\":\"a\",\"inputs\":{},\"sequence_id\":" seq "}\n"
#define END_AT(seq, s)                                                                              \
	"{\"type\":\"end_entry\",\"end_time\":\"2026-01-01T00:00:" s ".000000Z\",\"action\":\"a\"," \
	"\"sequence_id\":" seq ",\"exception\":null,\"result\":null,\"state\":{\"n\":" seq "}}\n"
#define STEP_AT(seq, s) BEGIN_AT(seq, s) END_AT(seq, s)

static inline void testing_make_dir(const char *folder, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		fail_msg("cannot make %s", path);
}

static inline void testing_make_log(const char *folder, const char *project, const char *app, const char *log)
{
	char name[1024];
	testing_make_dir(folder, project);
	snprintf(name, sizeof(name), "%s/%s", project, app);
	testing_make_dir(folder, name);
	snprintf(name, sizeof(name), "%s/%s/log.jsonl", project, app);
	if (log)
		testing_write(folder, name, log);
}

/* An application as a tracker makes it. */
static inline void testing_make_app(const char *folder, const char *project, const char *app, const char *log)
{
	char name[1024];
	testing_make_log(folder, project, app, NULL);
	snprintf(name, sizeof(name), "%s/%s/metadata.json", project, app);
	testing_write(folder, name, TESTING_METADATA);
	snprintf(name, sizeof(name), "%s/%s/graph.json", project, app);
	testing_write(folder, name, TESTING_GRAPH);
	testing_make_log(folder, project, app, log);
}

/* ---- what the catalog told ---- */

struct told {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct buf topics;   /* under lock; each between two newlines */
	struct buf messages; /* under lock; likewise */
	size_t topic_count;  /* under lock; since the start */
	size_t progress;     /* under lock; calls */
	bool ready;          /* under lock; done == total was told */
};

static inline void told_init(struct told *told)
{
	*told = (struct told){.topics = BUF_INIT};
	pthread_mutex_init(&told->lock, NULL);
	pthread_cond_init(&told->changed, NULL);
	buf_append_char(&told->topics, '\n');
}

static inline void told_fini(struct told *told)
{
	buf_fini(&told->topics);
	buf_fini(&told->messages);
	pthread_cond_destroy(&told->changed);
	pthread_mutex_destroy(&told->lock);
}

/* "topic", "topic member" and "topic from-to …" are lines of told->topics. */
static inline void told_change(const struct catalog_change *change, void *ctx)
{
	struct told *told = ctx;
	pthread_mutex_lock(&told->lock);
	buf_append_slice(&told->topics, change->topic);
	buf_append_char(&told->topics, '\n');
	if (change->member.data)
		buf_printf(&told->topics, "%.*s %.*s\n", SLICE_ARG(change->topic), SLICE_ARG(change->member));
	if (change->steps) {
		buf_append_slice(&told->topics, change->topic);
		for (size_t i = 0; i < change->steps->count; i++)
			buf_printf(&told->topics, " %lld-%lld", (long long)change->steps->items[i].from,
				(long long)change->steps->items[i].to);
		buf_append_char(&told->topics, '\n');
	}
	told->topic_count++;
	pthread_cond_broadcast(&told->changed);
	pthread_mutex_unlock(&told->lock);
}

static inline void told_progress(size_t done, size_t total, void *ctx)
{
	struct told *told = ctx;
	pthread_mutex_lock(&told->lock);
	told->progress++;
	told->ready = done == total;
	pthread_cond_broadcast(&told->changed);
	pthread_mutex_unlock(&told->lock);
}

static inline void told_message(const char *text, void *ctx)
{
	struct told *told = ctx;
	pthread_mutex_lock(&told->lock);
	buf_append_str(&told->messages, text);
	buf_append_char(&told->messages, '\n');
	pthread_cond_broadcast(&told->changed);
	pthread_mutex_unlock(&told->lock);
}

/* Returns how often progress was told until now. */
static inline size_t told_forget(struct told *told)
{
	pthread_mutex_lock(&told->lock);
	buf_clear(&told->topics);
	buf_append_char(&told->topics, '\n');
	told->ready = false;
	size_t progress = told->progress;
	pthread_mutex_unlock(&told->lock);
	return progress;
}

static inline bool told_has(const struct buf *texts, const char *text)
{
	return texts->len && strstr(texts->data, text);
}

/* Wait until the topic was told since the last told_forget; ten seconds at most, then the test fails. NULL:
 * until the scan at the start is through. */
static inline void told_await(struct told *told, const char *topic)
{
	char line[512];
	struct timespec until;
	snprintf(line, sizeof(line), "\n%s\n", topic ? topic : "");
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	int failed = 0;
	pthread_mutex_lock(&told->lock);
	while (!failed && !(topic ? told_has(&told->topics, line) : told->ready))
		failed = pthread_cond_timedwait(&told->changed, &told->lock, &until);
	char *topics = failed ? slice_dup(buf_slice(&told->topics)) : NULL;
	pthread_mutex_unlock(&told->lock);
	if (failed)
		fail_msg("never told: %s; told were: %s", topic ? topic : "ready", topics ? topics : "");
}

/* Wait until anything was told beyond the first *seen topics; *seen (0 at first) is how many there are now.
 */
static inline void told_await_any(struct told *told, size_t *seen)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	int failed = 0;
	pthread_mutex_lock(&told->lock);
	while (!failed && told->topic_count <= *seen)
		failed = pthread_cond_timedwait(&told->changed, &told->lock, &until);
	*seen = told->topic_count;
	pthread_mutex_unlock(&told->lock);
	if (failed)
		fail_msg("nothing more was told");
}

/* ---- a catalog over a folder ---- */

struct fixture {
	char *folder;
	struct store *store;
	struct catalog *catalog;
	struct catalog_reader *reader;
	struct told told;
};

static inline void fixture_open_with(struct fixture *f, unsigned poll_ms, unsigned max_watches)
{
	burr_error err = BURR_ERROR_INIT;
	struct catalog_options options = CATALOG_OPTIONS_INIT;
	if (store_open(f->folder, STORE_WRITE, &f->store, &err) != BURR_OK)
		fail_msg("%s", err.message);
	told_init(&f->told);
	options.store = f->store;
	options.on_change = told_change;
	options.on_progress = told_progress;
	options.on_message = told_message;
	options.ctx = &f->told;
	options.poll_ms = poll_ms;
	options.max_watches = max_watches;
	if (catalog_open(&options, &f->catalog, &err) != BURR_OK ||
		catalog_reader_open(f->catalog, &f->reader, &err) != BURR_OK)
		fail_msg("%s", err.message);
}

static inline void fixture_open(struct fixture *f)
{
	fixture_open_with(f, 2000, 100000);
}

static inline void fixture_close(struct fixture *f)
{
	catalog_reader_close(f->reader);
	catalog_close(f->catalog);
	store_close(f->store);
	told_fini(&f->told);
	f->reader = NULL;
	f->catalog = NULL;
	f->store = NULL;
}

/* Before and after each test: an empty folder; the test opens a catalog over it when it has made its store.
 */
static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *folder = NULL;
	if (!f || testing_make_folder(&folder) < 0)
		return -1;
	f->folder = folder;
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	void *folder = f->folder;
	if (f->catalog)
		fixture_close(f);
	free(f);
	return testing_remove_folder(&folder);
}

static inline void fixture_update(struct fixture *f)
{
	burr_error err = BURR_ERROR_INIT;
	if (catalog_update_all(f->catalog, &err) != BURR_OK)
		fail_msg("%s", err.message);
}

/* Junk over the first page of each table and index: the schema can be read, and no question be answered. */
static inline void testing_damage_catalog(const char *folder)
{
	char path[512];
	char junk[4096];
	sqlite3 *db;
	sqlite3_stmt *stmt;
	off_t roots[64];
	int count = 0;
	snprintf(path, sizeof(path), "%s/" DB_FILE, folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE rootpage > 1", -1,
				 &stmt, NULL),
		SQLITE_OK);
	while (count < 64 && sqlite3_step(stmt) == SQLITE_ROW)
		roots[count++] = sqlite3_column_int64(stmt, 0) - 1;
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	memset(junk, 0xA5, sizeof(junk));
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0 && count > 10);
	for (int i = 0; i < count; i++)
		assert_int_equal(
			pwrite(fd, junk, sizeof(junk), roots[i] * (off_t)sizeof(junk)), sizeof(junk));
	close(fd);
}

/* Where a copy of a store that Burr itself wrote lies: $BURR_REAL_STORE, else beside the sources. NULL, and a
 * line that says so, where there is none. */
static inline const char *testing_real_store(void)
{
	const char *path = getenv("BURR_REAL_STORE");
	if (!path || !*path)
		path = BURR_SOURCE_DIR "/../shared/real-burr";
	if (access(path, R_OK) == 0)
		return path;
	print_message("SKIP: no store written by Burr at %s (BURR_REAL_STORE)\n", path);
	return NULL;
}

/* Copy it into the folder. False when there is none. */
static inline bool testing_copy_real_store(const char *folder)
{
	const char *real = testing_real_store();
	if (!real)
		return false;
	char from[4096];
	char to[4096];
	snprintf(from, sizeof(from), "%s/.", real);
	snprintf(to, sizeof(to), "%s", folder);
	char program[] = "cp";
	char recursive[] = "-r";
	char *arguments[] = {program, recursive, from, to, NULL};
	pid_t pid;
	int status = -1;
	return posix_spawnp(&pid, program, NULL, NULL, arguments, environ) == 0 &&
	       waitpid(pid, &status, 0) == pid && status == 0;
}

#endif
