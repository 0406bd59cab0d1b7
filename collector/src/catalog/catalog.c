/* The indexer: what wakes it, in which order it works, and what it does when the database fails.
 *
 * Work is done in batches of one transaction: live notes first, then what a scan found, until BATCH_NS have
 * passed or nothing waits; then the batch is committed and its topics are told. A commit waits for no disk.
 */
#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "catalog/place.h"
#include "catalog/scan.h"
#include "catalog/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const int64_t BATCH_NS = 50000000;   /* a live change waits at most that long for a backlog */
static const int64_t LIVE_NS = 10000000;    /* and that long for others that came before it */
static const int64_t LOOK_NS = 1000000000;  /* how often to ask whether writers live */
static const int64_t RETRY_NS = 2000000000; /* after a failure of the database */
enum { NICE = 5 };

static void say(struct catalog *catalog, const char *fmt, ...) BURR_PRINTF(2, 3);
static void say(struct catalog *catalog, const char *fmt, ...)
{
	char text[700];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (catalog->options.on_message)
		catalog->options.on_message(text, catalog->options.ctx);
}

/* ---- topics ---- */

static void put_component(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			     (c && strchr("-_.!~*'()", c));
		if (plain)
			buf_append_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void forget_topics(struct catalog *catalog)
{
	for (struct table_entry *e = table_next(&catalog->topics, NULL); e;
		e = table_next(&catalog->topics, e))
		free(e->value);
	table_fini(&catalog->topics);
	catalog->topics = (struct table)TABLE_INIT;
}

/* Topics wait in a table for the commit, each with its member behind a newline, which no topic has. Without
 * memory one is lost, and who listens sees the change with the next one. */
static struct table_entry *add_change(struct catalog *catalog, struct buf *topic, struct slice member)
{
	if (member.data) {
		buf_append_char(topic, '\n');
		buf_append_slice(topic, member);
	}
	return topic->failed ? NULL : table_put(&catalog->topics, buf_slice(topic), NULL);
}

/* steps: NULL for none. */
static void run_changed(struct catalog *catalog, const struct app_name *name, const struct ranges *steps)
{
	CLEAN(buf_fini) struct buf topic = BUF_INIT;
	buf_append_str(&topic, "run/");
	put_component(&topic, app_name_project(name));
	buf_append_char(&topic, '/');
	put_component(&topic, app_name_app_id(name));
	struct table_entry *entry = add_change(catalog, &topic, SLICE_NONE);
	if (!entry || !steps || !steps->count)
		return;
	if (!entry->value)
		entry->value = calloc(1, sizeof(struct ranges));
	if (entry->value)
		ranges_add_all(entry->value, steps);
}

/* The project, and of it the run that is named. */
static void project_changed(struct catalog *catalog, const struct app_name *name)
{
	CLEAN(buf_fini) struct buf project = BUF_INIT;
	CLEAN(buf_fini) struct buf projects = BUF_INIT;
	buf_append_str(&project, "project/");
	put_component(&project, app_name_project(name));
	add_change(catalog, &project, name->app_id_len ? app_name_app_id(name) : SLICE_NONE);
	buf_append_str(&projects, "projects");
	add_change(catalog, &projects, app_name_project(name));
}

static void app_changed(struct catalog *catalog, const struct app_name *name, const struct ranges *steps)
{
	run_changed(catalog, name, steps);
	project_changed(catalog, name);
}

static void tell_topics(struct catalog *catalog)
{
	for (struct table_entry *e = table_next(&catalog->topics, NULL); e;
		e = table_next(&catalog->topics, e)) {
		struct slice key = table_key(e);
		const char *newline = memchr(key.data, '\n', key.len);
		size_t len = newline ? (size_t)(newline - key.data) : key.len;
		struct catalog_change change = {
			.topic = {key.data, len}, .member = SLICE_NONE, .steps = e->value};
		if (newline)
			change.member = (struct slice){newline + 1, key.len - len - 1};
		if (catalog->options.on_change)
			catalog->options.on_change(&change, catalog->options.ctx);
	}
	forget_topics(catalog);
}

/* ---- transactions ---- */

burr_status catalog_check_store(const struct catalog *catalog, burr_error *err)
{
	const struct store *store = catalog->options.store;
	return store_is_in_place(store) ? BURR_OK
					: burr_fail(err, BURR_ELATER,
						  "the store %s was moved or removed: put it back, or end "
						  "burr and start it anew",
						  store->path);
}

static burr_status begin(struct catalog *catalog, burr_error *err)
{
	burr_status status = catalog_check_store(catalog, err);
	if (status != BURR_OK)
		return status;
	if (!catalog->db.conn)
		return burr_fail(err, BURR_ECORRUPT, "the catalog is not open");
	return db_do(&catalog->db, DB_BEGIN_WRITE, err);
}

static burr_status commit(struct catalog *catalog, burr_error *err)
{
	burr_status status = db_do(&catalog->db, DB_COMMIT, err);
	atomic_store(&catalog->line_count, catalog->indexer.line_count);
	if (status == BURR_OK)
		tell_topics(catalog);
	return status;
}

static void roll_back(struct catalog *catalog)
{
	/* A transaction that SQLite ended by itself needs none, and says so. */
	if (catalog->db.conn && !sqlite3_get_autocommit(catalog->db.conn))
		(void)db_do(&catalog->db, DB_ROLLBACK, NULL);
	/* The topics stay for the next commit: a part of a long log may be committed that they tell of. */
	indexer_forget(&catalog->indexer);
}

static burr_status rebuild(struct catalog *catalog, burr_error *err)
{
	bool fresh;
	roll_back(catalog);
	db_close(&catalog->db);
	db_delete(catalog->path);
	burr_status status = db_open_writer(catalog->path, &catalog->db, &fresh, err);
	atomic_fetch_add(&catalog->generation, 1); /* readers open the new file, or find none */
	return status;
}

/* ---- indexing ---- */

static burr_status index_one(struct catalog *catalog, const struct app_name *name, burr_error *err)
{
	struct index_change change;
	burr_status status = index_app(&catalog->indexer, name, &change, err);
	if (change.any)
		app_changed(catalog, name, &change.steps);
	for (size_t i = 0; change.any && i < change.parent_count; i++)
		app_changed(catalog, &change.parents[i], NULL);
	return status;
}

/* Whether an error is about the database, not about this application's files. */
static bool is_database_error(struct catalog *catalog, burr_status status)
{
	if (status == BURR_ECORRUPT || !catalog->db.conn)
		return true;
	int code = sqlite3_errcode(catalog->db.conn) & 0xFF;
	return code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE;
}

static void count_start(struct catalog *catalog, enum note_lane lane)
{
	if (lane != NOTE_BACKLOG || atomic_load(&catalog->ready))
		return;
	catalog->start_done++;
	if (catalog->options.on_progress && catalog->start_done < catalog->start_total)
		catalog->options.on_progress(catalog->start_done, catalog->start_total, catalog->options.ctx);
}

static burr_status work_on(struct catalog *catalog, bool *out_more, burr_error *err)
{
	struct app_name name;
	enum note_lane lane;
	int64_t start = clock_mono_ns();
	*out_more = false;
	if (!notes_count(&catalog->notes))
		return BURR_OK;
	burr_status status = begin(catalog, err);
	if (status != BURR_OK)
		return status;
	while (!atomic_load(&catalog->stopping) && notes_take(&catalog->notes, &name, &lane)) {
		status = index_one(catalog, &name, err);
		if (status != BURR_OK && is_database_error(catalog, status)) {
			notes_put(&catalog->notes, &name, lane, NULL);
			return status;
		}
		if (status != BURR_OK) {
			atomic_fetch_add(&catalog->failed_count, 1);
			say(catalog, "%s, leaving it as it was", err->message);
		}
		count_start(catalog, lane);
		if (clock_mono_ns() >= start + (lane == NOTE_LIVE ? LIVE_NS : BATCH_NS)) {
			*out_more = true;
			break;
		}
	}
	return commit(catalog, err);
}

/* One batch. *out_more: something still waits. */
static burr_status work(struct catalog *catalog, bool *out_more, burr_error *err)
{
	atomic_store(&catalog->working, 1);
	burr_status status = work_on(catalog, out_more, err);
	atomic_store(&catalog->working, 0);
	return status;
}

/* ---- those that run ---- */

static void on_status(const struct app_name *name, void *ctx)
{
	app_changed(ctx, name, NULL);
}

/* A run whose writer is gone changes by itself. */
static burr_status look_at_running(struct catalog *catalog, burr_error *err)
{
	burr_status status = begin(catalog, err);
	if (status == BURR_OK)
		status = index_status(&catalog->indexer, on_status, catalog, err);
	return status == BURR_OK ? commit(catalog, err) : status;
}

/* ---- scanning ---- */

static void on_scan_change(const struct app_name *name, void *ctx)
{
	static const struct ranges all_steps = {.count = 1, .items = {{0, INT64_MAX}}};
	if (name->app_id_len)
		run_changed(ctx, name, &all_steps);
	else
		project_changed(ctx, name);
}

static struct scan make_scan(struct catalog *catalog, enum note_lane lane)
{
	return (struct scan){
		.indexer = &catalog->indexer,
		.watch = catalog->watching ? &catalog->watch : NULL,
		.notes = &catalog->notes,
		.lane = lane,
		.on_change = on_scan_change,
		.ctx = catalog,
	};
}

static burr_status scan_all(struct catalog *catalog, bool only_unwatched, burr_error *err)
{
	struct scan scan = make_scan(catalog, NOTE_BACKLOG);
	scan.only_unwatched = only_unwatched && catalog->watching;
	burr_status status = begin(catalog, err);
	if (status == BURR_OK)
		status = scan_store(&scan, err);
	if (status == BURR_OK)
		status = commit(catalog, err);
	else
		roll_back(catalog);
	return status;
}

static burr_status scan_one(
	struct catalog *catalog, const struct app_name *project, enum note_lane lane, burr_error *err)
{
	struct scan scan = make_scan(catalog, lane);
	burr_status status = begin(catalog, err);
	if (status == BURR_OK)
		status = scan_project(&scan, project, err);
	if (status == BURR_OK)
		status = commit(catalog, err);
	else
		roll_back(catalog);
	return status;
}

/* ---- the thread ---- */

struct turn {
	struct catalog *catalog;
	bool rescan;
	burr_status status;
	burr_error err;
};

static void on_event(enum watch_event event, const struct app_name *name, void *ctx)
{
	struct turn *turn = ctx;
	struct catalog *catalog = turn->catalog;
	switch (event) {
	case WATCH_PROJECT_NEW:
	case WATCH_PROJECT_GONE:
		if (event == WATCH_PROJECT_GONE)
			watch_drop(&catalog->watch, name); /* it may live on under another name */
		if (turn->status == BURR_OK)
			turn->status = scan_one(catalog, name, NOTE_LIVE, &turn->err);
		break;
	case WATCH_PROJECT_TOUCHED:
		project_changed(catalog, name);
		tell_topics(catalog);
		break;
	case WATCH_APP_NEW:
		watch_add(&catalog->watch, name);
		notes_put(&catalog->notes, name, NOTE_LIVE, NULL);
		break;
	case WATCH_APP_GONE:
		watch_drop(&catalog->watch, name);
		notes_put(&catalog->notes, name, NOTE_LIVE, NULL);
		break;
	case WATCH_APP_TOUCHED:
		notes_put(&catalog->notes, name, NOTE_LIVE, NULL);
		break;
	case WATCH_CATALOG_GONE:
		/* Our own rebuild deletes it as well, and by then there is a new one. */
		if (access(catalog->path, F_OK) < 0)
			atomic_store(&catalog->damaged, true);
		break;
	case WATCH_OVERFLOW:
		turn->rescan = true;
		break;
	}
}

static bool must_poll(const struct catalog *catalog)
{
	return catalog->watch.unwatched_count > 0 || !catalog->watch.store_watched;
}

static void tell_unwatched(struct catalog *catalog)
{
	atomic_store(&catalog->watched, catalog->watch.by_id.count);
	atomic_store(&catalog->unwatched, catalog->watch.unwatched_count);
	if (!catalog->watch.failed_errno || catalog->told_unwatched)
		return;
	catalog->told_unwatched = true;
	say(catalog,
		"the kernel watches no more folders (%s; fs.inotify.max_user_watches sets how many), looking "
		"every %u ms at the rest",
		strerror(catalog->watch.failed_errno), catalog->options.poll_ms);
}

/* What a scan of all noted. Live notes that came beside it are not its. */
static void count_backlog(struct catalog *catalog)
{
	catalog->start_total = catalog->start_done + notes_count_lane(&catalog->notes, NOTE_BACKLOG);
}

/* The scan at the start is through when its backlog is. */
static void check_ready(struct catalog *catalog)
{
	if (atomic_load(&catalog->ready) || notes_count_lane(&catalog->notes, NOTE_BACKLOG))
		return;
	atomic_store(&catalog->ready, true);
	if (catalog->options.on_progress)
		catalog->options.on_progress(
			catalog->start_total, catalog->start_total, catalog->options.ctx);
}

static void set_trouble(struct catalog *catalog, const char *text)
{
	pthread_mutex_lock(&catalog->lock);
	snprintf(catalog->trouble, sizeof(catalog->trouble), "%s", text);
	pthread_mutex_unlock(&catalog->lock);
}

/* Returns whether there is more to do at once. */
static bool one_turn(struct catalog *catalog, bool poll_now, bool *rescan, burr_error *err)
{
	struct turn turn = {.catalog = catalog};
	bool more = false;
	bool look = clock_mono_ns() >= catalog->look_at_ns;
	if (look && catalog->db.conn &&
		access(catalog->path, F_OK) < 0) /* where inotify does not look, too */
		atomic_store(&catalog->damaged, true);
	turn.status = catalog_check_store(catalog, &turn.err);
	if (turn.status == BURR_OK && (atomic_exchange(&catalog->damaged, false) || !catalog->db.conn)) {
		if (catalog->db.conn)
			say(catalog, "the catalog was damaged or deleted, making it anew");
		turn.status = rebuild(catalog, &turn.err);
		turn.rescan = true;
		catalog->start_done = 0;
		catalog->start_total = 0;
		atomic_store(&catalog->ready, false);
	}
	if (turn.status == BURR_OK)
		watch_read(&catalog->watch, on_event, &turn);
	*rescan = *rescan || turn.rescan || notes_take_lost(&catalog->notes);
	if (turn.status == BURR_OK && (*rescan || poll_now)) {
		turn.status = scan_all(catalog, !*rescan, &turn.err);
		if (turn.status == BURR_OK)
			*rescan = false;
		count_backlog(catalog);
	}
	tell_unwatched(catalog);
	if (turn.status == BURR_OK)
		turn.status = work(catalog, &more, &turn.err);
	if (turn.status == BURR_OK && look) {
		turn.status = look_at_running(catalog, &turn.err);
		catalog->look_at_ns = clock_mono_ns() + LOOK_NS;
	}
	set_trouble(catalog, turn.status == BURR_OK ? "" : turn.err.message);
	if (turn.status == BURR_OK) {
		check_ready(catalog);
		return more || atomic_load(&catalog->damaged); /* an event may have told so just now */
	}
	*err = turn.err;
	roll_back(catalog);
	if (turn.status == BURR_ECORRUPT)
		atomic_store(&catalog->damaged, true);
	*rescan = true;
	catalog->retry_at_ns = clock_mono_ns() + RETRY_NS;
	return false;
}

static void wait_for_work(struct catalog *catalog, int timeout_ms)
{
	struct pollfd fds[] = {
		{.fd = catalog->wake_fd, .events = POLLIN},
		{.fd = catalog->retry_at_ns ? -1 : catalog->watch.fd, .events = POLLIN},
	};
	uint64_t woken;
	if (poll(fds, 2, timeout_ms) > 0 && (fds[0].revents & POLLIN)) {
		/* Only to empty it; EAGAIN means that it is. */
		if (read(catalog->wake_fd, &woken, sizeof(woken)) < 0)
			return;
	}
}

static int ms_until(int64_t at_ns)
{
	int64_t left = (at_ns - clock_mono_ns()) / 1000000 + 1;
	return left < 0 ? 0 : (int)left;
}

static void *run(void *arg)
{
	struct catalog *catalog = arg;
	/* On Linux a thread's own. Where cores are short, records go first and the catalog falls behind a
	 * while. */
	setpriority(PRIO_PROCESS, 0, NICE);
	bool rescan = false;
	bool more = true;
	int64_t poll_at_ns = 0;
	const int64_t poll_ns = (int64_t)catalog->options.poll_ms * 1000000;
	burr_error err = BURR_ERROR_INIT;
	if (scan_all(catalog, false, &err) != BURR_OK) {
		say(catalog, "%s, trying again", err.message);
		rescan = true;
	}
	count_backlog(catalog);
	poll_at_ns = clock_mono_ns() + poll_ns;
	while (!atomic_load(&catalog->stopping)) {
		bool polls = must_poll(catalog);
		int timeout_ms = more ? 0 : ms_until(catalog->look_at_ns);
		if (polls && ms_until(poll_at_ns) < timeout_ms)
			timeout_ms = ms_until(poll_at_ns);
		if (catalog->retry_at_ns)
			timeout_ms = ms_until(catalog->retry_at_ns);
		wait_for_work(catalog, timeout_ms);
		if (atomic_load(&catalog->stopping) ||
			(catalog->retry_at_ns && clock_mono_ns() < catalog->retry_at_ns))
			continue;
		bool failing = catalog->retry_at_ns != 0;
		bool poll_now = polls && clock_mono_ns() >= poll_at_ns;
		catalog->retry_at_ns = 0;
		more = one_turn(catalog, poll_now, &rescan, &err);
		if (poll_now)
			poll_at_ns = clock_mono_ns() + poll_ns;
		if (catalog->retry_at_ns && !failing)
			say(catalog, "%s, trying again every %d s", err.message,
				(int)(RETRY_NS / 1000000000));
	}
	return NULL;
}

/* ---- from outside ---- */

const char *catalog_status_name(enum catalog_status status)
{
	static const char *const names[] = {
		[STATUS_RUNNING] = "running",
		[STATUS_UNKNOWN] = "unknown",
		[STATUS_LOST] = "lost",
		[STATUS_FAILED] = "failed",
		[STATUS_OK] = "ok",
		[STATUS_WAITING] = "waiting",
	};
	return names[status >= STATUS_RUNNING && status <= STATUS_WAITING ? status : STATUS_WAITING];
}

void catalog_wake(struct catalog *catalog)
{
	const uint64_t one = 1;
	/* It fails only when it is full, and then the indexer is awake. */
	if (write(catalog->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void catalog_note(struct catalog *catalog, struct slice project, struct slice app_id)
{
	struct app_name name;
	bool first = false;
	if (!app_id.len || !app_name_make(&name, project, app_id))
		return;
	notes_put(&catalog->notes, &name, NOTE_LIVE, &first);
	if (first)
		catalog_wake(catalog);
}

bool catalog_is_ready(struct catalog *catalog)
{
	return atomic_load(&catalog->ready);
}

bool catalog_is_indexing(struct catalog *catalog, size_t *out_done, size_t *out_total)
{
	if (catalog_is_ready(catalog))
		return false;
	*out_total = atomic_load(&catalog->start_total);
	*out_done = atomic_load(&catalog->start_done);
	return true;
}

const char *catalog_path(const struct catalog *catalog)
{
	return catalog->path;
}

void catalog_get_stats(struct catalog *catalog, struct catalog_stats *out)
{
	const size_t noted = notes_count(&catalog->notes); /* first: what goes from here is being worked on */
	*out = (struct catalog_stats){
		.waiting = noted + atomic_load(&catalog->working),
		.watched = atomic_load(&catalog->watched),
		.unwatched = atomic_load(&catalog->unwatched),
		.line_count = atomic_load(&catalog->line_count),
		.failed_count = atomic_load(&catalog->failed_count),
		.generation = atomic_load(&catalog->generation),
	};
	pthread_mutex_lock(&catalog->lock);
	memcpy(out->trouble, catalog->trouble, sizeof(out->trouble));
	pthread_mutex_unlock(&catalog->lock);
}

static burr_status join_path(char **out, const char *folder, burr_error *err)
{
	struct buf path = BUF_INIT;
	buf_printf(&path, "%s/%s", folder, DB_FILE);
	*out = buf_take(&path);
	return *out ? BURR_OK : burr_fail(err, BURR_ENOMEM, "no memory to open the catalog");
}

/* Its place cannot be written, or is not to be: a folder of our own, gone with us. */
static burr_status open_elsewhere(struct catalog *catalog, bool *out_fresh, burr_error *err)
{
	const char *base = getenv("TMPDIR");
	struct buf folder = BUF_INIT;
	buf_printf(&folder, "%s/burr-catalog-XXXXXX", base && *base ? base : "/tmp");
	catalog->temp_folder = buf_take(&folder);
	if (!catalog->temp_folder || !mkdtemp(catalog->temp_folder)) {
		free(catalog->temp_folder);
		catalog->temp_folder = NULL;
		return burr_fail(err, BURR_EIO, "no folder for the catalog: %s", strerror(errno));
	}
	free(catalog->path);
	burr_status status = join_path(&catalog->path, catalog->temp_folder, err);
	return status == BURR_OK ? db_open_writer(catalog->path, &catalog->db, out_fresh, err) : status;
}

static burr_status make_folders(const char *path, burr_error *err)
{
	CLEAN(ptr_free) char *part = strdup(path);
	if (!part)
		return burr_fail(err, BURR_ENOMEM, "no memory to open the catalog");
	for (char *slash = part + 1; slash; *slash++ = '/') {
		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return burr_fail(err, errno == ENOSPC ? BURR_ELATER : BURR_EPERM, "make %s: %s", part,
				strerror(errno));
		if (!slash)
			break;
	}
	return BURR_OK;
}

/* A folder of a store's own in the cache: the file `store` says whose, for burr doctor. */
static burr_status make_cache_place(const struct store *store, const char *folder, burr_error *err)
{
	CLEAN(buf_fini) struct buf path = BUF_INIT;
	CLEAN(fd_close) int fd = -1;
	size_t len = strlen(store->path);
	burr_status status = make_folders(folder, err);
	buf_printf(&path, "%s/store", folder);
	if (status != BURR_OK || path.failed)
		return status != BURR_OK ? status : burr_fail(err, BURR_ENOMEM, "no memory");
	fd = open(path.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, store->path, len) != (ssize_t)len)
		return burr_fail(err, errno == ENOSPC ? BURR_ELATER : BURR_EPERM, "write %s: %s", path.data,
			strerror(errno));
	return BURR_OK;
}

static burr_status open_in_place(struct catalog *catalog, bool *out_fresh, burr_error *err)
{
	CLEAN(catalog_place_fini) struct catalog_place place;
	const struct store *store = catalog->options.store;
	burr_status status = catalog_place_find(store, &place, err);
	if (status == BURR_OK && place.in_cache)
		status = make_cache_place(store, place.folder.data, err);
	if (status == BURR_OK)
		status = join_path(&catalog->path, place.folder.data, err);
	return status == BURR_OK ? db_open_writer(catalog->path, &catalog->db, out_fresh, err) : status;
}

burr_status catalog_open(const struct catalog_options *options, struct catalog **out, burr_error *err)
{
	struct catalog *catalog = calloc(1, sizeof(*catalog));
	if (!catalog)
		return burr_fail(err, BURR_ENOMEM, "no memory to open the catalog");
	catalog->options = *options;
	catalog->watch.fd = -1;
	pthread_mutex_init(&catalog->lock, NULL);
	notes_init(&catalog->notes);
	indexer_init(&catalog->indexer, options->store, &catalog->db);
	catalog->indexer.stopping = &catalog->stopping;
	catalog->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	bool fresh = false;
	burr_status status =
		catalog->wake_fd < 0 ? burr_fail(err, BURR_EIO, "eventfd: %s", strerror(errno)) : BURR_OK;
	if (status == BURR_OK)
		status = options->apart ? BURR_EPERM : open_in_place(catalog, &fresh, err);
	if (status == BURR_EPERM || status == BURR_ENOTFOUND)
		status = open_elsewhere(catalog, &fresh, err);
	if (status != BURR_OK) {
		catalog_close(catalog);
		return burr_fail_in(err, status, "store %s", options->store->path);
	}
	*out = catalog;
	return BURR_OK;
}

burr_status catalog_start(struct catalog *catalog, burr_error *err)
{
	burr_status status =
		watch_open(catalog->options.store->path, catalog->options.max_watches, &catalog->watch, err);
	if (status != BURR_OK)
		return status;
	catalog->watching = true;
	sigset_t all;
	sigset_t before;
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(&catalog->thread, NULL, run, catalog);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return burr_fail(err, BURR_ENOMEM, "no thread for the catalog: %s", strerror(failed));
	catalog->started = true;
	return BURR_OK;
}

void catalog_close(struct catalog *catalog)
{
	if (!catalog)
		return;
	atomic_store(&catalog->stopping, true);
	if (catalog->started) {
		catalog_wake(catalog);
		pthread_join(catalog->thread, NULL);
	}
	watch_close(&catalog->watch);
	roll_back(catalog);
	forget_topics(catalog);
	indexer_fini(&catalog->indexer);
	db_close(&catalog->db);
	if (catalog->temp_folder) {
		db_delete(catalog->path);
		rmdir(catalog->temp_folder);
	}
	notes_fini(&catalog->notes);
	fd_close(&catalog->wake_fd);
	pthread_mutex_destroy(&catalog->lock);
	free(catalog->temp_folder);
	free(catalog->path);
	free(catalog);
}

/* ---- without the thread ---- */

/* Another command may be at a long log; there is nothing else to do meanwhile. */
static void be_patient(struct catalog *catalog)
{
	if (catalog->db.conn)
		sqlite3_busy_timeout(catalog->db.conn, (int)catalog->options.patience_ms);
}

/* project: NULL for all. */
static burr_status update_once(struct catalog *catalog, const struct app_name *project, burr_error *err)
{
	bool more = true;
	be_patient(catalog);
	burr_status status =
		project ? scan_one(catalog, project, NOTE_BACKLOG, err) : scan_all(catalog, false, err);
	catalog->start_done = 0;
	count_backlog(catalog);
	while (status == BURR_OK && (more || notes_count(&catalog->notes)))
		status = work(catalog, &more, err);
	if (status == BURR_OK)
		status = look_at_running(catalog, err);
	if (status != BURR_OK)
		roll_back(catalog);
	return status;
}

/* Once more on a new file when the old one turns out to be damaged. */
static burr_status update(struct catalog *catalog, const struct app_name *project, burr_error *err)
{
	burr_error own = BURR_ERROR_INIT;
	err = err ? err : &own;
	burr_status status = update_once(catalog, project, err);
	if (status == BURR_ECORRUPT) {
		say(catalog, "the catalog was damaged, making it anew");
		status = rebuild(catalog, err);
		if (status == BURR_OK)
			status = update_once(catalog, project, err);
	}
	if (status == BURR_OK)
		check_ready(catalog);
	return status;
}

burr_status catalog_update_all(struct catalog *catalog, burr_error *err)
{
	return update(catalog, NULL, err);
}

burr_status catalog_update_project(struct catalog *catalog, struct slice project, burr_error *err)
{
	struct app_name name;
	if (!app_name_make(&name, project, SLICE_NONE))
		return burr_fail(err, BURR_EINVAL, "no project can have the name %.*s", SLICE_ARG(project));
	return update(catalog, &name, err);
}

static burr_status update_app_once(struct catalog *catalog, const struct app_name *name, burr_error *err)
{
	be_patient(catalog);
	burr_status status = begin(catalog, err);
	if (status != BURR_OK)
		return status;
	status = index_one(catalog, name, err);
	if (status == BURR_OK)
		status = commit(catalog, err);
	if (status == BURR_OK)
		status = look_at_running(catalog, err);
	if (status != BURR_OK)
		roll_back(catalog);
	return status;
}

burr_status catalog_update_app(
	struct catalog *catalog, struct slice project, struct slice app_id, burr_error *err)
{
	struct app_name name;
	if (!app_id.len || !app_name_make(&name, project, app_id))
		return burr_fail(err, BURR_EINVAL, "no application can have the name %.*s/%.*s",
			SLICE_ARG(project), SLICE_ARG(app_id));
	burr_status status = update_app_once(catalog, &name, err);
	if (status == BURR_ECORRUPT && rebuild(catalog, err) == BURR_OK)
		status = update_app_once(catalog, &name, err);
	return status;
}
