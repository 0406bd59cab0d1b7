#include "spool/recover.h"

#include "base/clean.h"
#include "base/clock.h"
#include "base/error.h"
#include "spool/held.h"
#include "spool/inside.h"
#include "spool/others.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum {
	OWN_LOGS_MAX = 128,
	UNBORN_AGE_S = 60,
	UNREADABLE_AGE_S = 60, /* a disk that is to come back has come by then */
};

struct recovery {
	struct store *store;
	struct appender *appender;
	struct others *others; /* the appender's */
	bool alone;            /* the right to append is held for good */
	struct recovered *out;
};

static void note(struct recovery *r, const char *name, const char *why)
{
	snprintf(r->out->trouble, sizeof(r->out->trouble), "%.60s: %.180s", name, why);
}

/* ---- one spool's records ---- */

/* Applications, a bit for each value of their hash: one may be taken for another. */
struct app_set {
	unsigned char bits[8192];
	size_t count;
};

static bool has_app(const struct app_set *set, uint32_t hash)
{
	const uint32_t bit = hash % (8 * sizeof(set->bits));
	return set->bits[bit / 8] & 1u << bit % 8;
}

static void add_app(struct app_set *set, uint32_t hash)
{
	const uint32_t bit = hash % (8 * sizeof(set->bits));
	set->count += !has_app(set, hash);
	set->bits[bit / 8] |= (unsigned char)(1u << bit % 8);
}

/* One spool's records on their way, and what became of them. */
struct passage {
	struct recovery *r;
	const char *name;
	uint64_t record_count;
	uint64_t lost_count;
	uint64_t dropped_count;
	bool kept;     /* some must be tried again */
	bool salvaged; /* the disk does not give some of it, and that was given up */
	/* Applications of which some wait: of those nothing more is taken, because a later record in the log
	 * would say that the earlier ones are there. */
	struct app_set waiting;
	struct app_set batch; /* those of the one at hand */
};

static void make_wait(struct passage *p, const struct verdict *verdict)
{
	add_app(&p->waiting, spool_hash(verdict->project, verdict->app_id));
	p->kept = true;
}

/* How many of the entries are the application's. */
static uint64_t count_entries(
	const struct foreign *held, size_t from, size_t to, struct slice project, struct slice app_id)
{
	struct entry entry;
	uint64_t count = 0;
	for (; from < to; from++)
		count += foreign_read(held, &held->entries[from], &entry) && slice_eq(entry.app_id, app_id) &&
			 slice_eq(entry.project, project);
	return count;
}

/* Records whose side file was gone: the store says so once. */
static uint64_t count_unreadable(struct passage *p, const struct buf *reply_bytes)
{
	struct reply reply;
	char text[300];
	if (reply_read(buf_slice(reply_bytes), &reply, NULL) != BURR_OK || !reply.lost_count)
		return 0;
	snprintf(text, sizeof(text), "%.*s", SLICE_ARG(reply.lost_text));
	note(p->r, p->name, text);
	return reply.lost_count;
}

/* What was answered for the entries of [from, to) that were put, so many. */
static void count_verdicts(struct passage *p, const struct foreign *held, size_t from, size_t to,
	uint64_t put, const struct buf *bytes)
{
	struct verdict verdict;
	struct pb_reader pb = pb_reader(buf_slice(bytes));
	uint64_t lost = 0;
	uint64_t later = 0;
	char text[256];
	while (reply_next_verdict(&pb, &verdict)) {
		if (verdict.kind == VERDICT_DONE)
			continue;
		uint64_t count = count_entries(held, from, to, verdict.project, verdict.app_id);
		if (verdict.kind == VERDICT_LATER) {
			later += count;
			make_wait(p, &verdict);
		} else {
			lost += count;
		}
		snprintf(text, sizeof(text), "%.*s/%.*s: %.*s", SLICE_ARG(verdict.project),
			SLICE_ARG(verdict.app_id), SLICE_ARG(verdict.reason));
		note(p->r, p->name, text);
	}
	lost += count_unreadable(p, bytes);
	p->lost_count += lost;
	p->record_count += put > lost + later ? put - lost - later : 0;
}

static burr_status store_batch(
	struct recovery *r, const struct buf *request_bytes, struct buf *reply, burr_error *err)
{
	struct request request;
	burr_status status = request_read(buf_slice(request_bytes), &request, err);
	if (status != BURR_OK)
		return status;
	/* A collector that starts waits for the right to append, and goes on with this. */
	if (!r->alone && (store_has_collector(r->store, NULL) || !store_lock_append_shared(r->store)))
		return BURR_ELATER;
	buf_clear(reply);
	status = appender_store(r->appender, &request, reply, err);
	if (!r->alone)
		store_unlock_append(r->store);
	return status;
}

/* It comes first in its batch, as an earlier record's refusal must not prevent it. */
static bool makes_application(struct slice bytes)
{
	struct entry entry;
	return foreign_parse(bytes, &entry) && entry.type == RECORD_APPLICATION;
}

/* Of how many applications a batch may be: each needs its log, and those of the batch before are open still.
 */
static size_t apps_max(const struct recovery *r)
{
	const size_t half = appender_log_max(r->appender) / 2;
	return half > 1 ? half : 1;
}

/* Put a batch's entries from *at on, which is moved behind them; returns how many. */
static uint64_t put_batch(struct passage *p, const struct foreign *held, size_t *at, struct buf *request)
{
	const size_t app_max = apps_max(p->r);
	uint64_t count = 0;
	size_t bytes = 0;
	memset(&p->batch, 0, sizeof(p->batch));
	for (; *at < held->entry_count && count < BATCH_APPS_MAX; ++*at) { /* each may be another's */
		struct slice entry;
		const uint32_t hash = held->entries[*at].hash;
		if (has_app(&p->waiting, hash))
			continue;
		if (!foreign_bytes(held, &held->entries[*at], &entry)) {
			request->failed = true; /* its place is looked for again */
			break;
		}
		size_t cost = entry.len + gather_side_len(entry);
		if (count && (bytes + cost > BATCH_BYTES || makes_application(entry)))
			break;
		if (p->batch.count == app_max && !has_app(&p->batch, hash))
			break;
		add_app(&p->batch, hash);
		bytes += cost;
		count++;
		buf_append_slice(request, entry);
	}
	return count;
}

/* Put the entries from *at on as one batch, and store it. Where there were not descriptors enough for it, *at
 * stays, and the next one is smaller: else the same applications would lack them with each recovery. */
static burr_status store_some(
	struct passage *p, const struct foreign *held, size_t *at, struct buf *request, struct buf *reply)
{
	const size_t from = *at;
	const size_t log_max = appender_log_max(p->r->appender);
	const uint64_t put = put_batch(p, held, at, request);
	if (!put && !request->failed)
		return BURR_OK;
	burr_error why = BURR_ERROR_INIT;
	burr_status status = request->failed ? BURR_ENOMEM : store_batch(p->r, request, reply, &why);
	if (status == BURR_ETOOBIG ||
		status == BURR_ECORRUPT) { /* so it is each time: a batch of one record */
		p->lost_count += put;
		note(p->r, p->name, why.message);
		return BURR_OK;
	}
	if (status != BURR_OK)
		return status;
	if (appender_log_max(p->r->appender) < log_max) {
		p->lost_count += count_unreadable(p, reply);
		*at = from;
	} else {
		count_verdicts(p, held, from, *at, put, reply);
	}
	return BURR_OK;
}

/* Batches as its writer would have sent them: it left off in the middle, and its records' identities say what
 * is there already. */
static burr_status store_all(void *passage, const struct foreign *held)
{
	struct passage *p = passage;
	CLEAN(buf_fini) struct buf request = BUF_INIT;
	CLEAN(buf_fini) struct buf reply = BUF_INIT;
	const struct foreign_writer *writer = &held->writers[0];
	p->dropped_count = writer->dropped_count;
	for (size_t i = 0; i < held->entry_count;) {
		struct request head = {
			.protocol = PROTOCOL_VERSION,
			.protocol_min = PROTOCOL_VERSION,
			.writer = {writer->id, WRITER_ID_LEN},
			.has_about = true,
			.about = foreign_about(writer),
			.clock_offset_ns = writer->clock_offset_ns,
		};
		buf_clear(&request);
		request_put(&request, &head);
		burr_status status = store_some(p, held, &i, &request, &reply);
		if (status != BURR_OK)
			return status;
		if (p->r->out->on_batch)
			p->r->out->on_batch(p->r->out->ctx);
	}
	return BURR_OK;
}

/* ---- its files ---- */

/* Spill and side files first: without the spool nobody would find them. */
static void remove_files(struct recovery *r, const char *name)
{
	struct dirent *file;
	char target[PATH_MAX];
	DIR *dir = spool_list(r->store->dir_fd);
	if (!dir)
		return;
	const size_t len = strlen(name);
	while ((file = readdir(dir)))
		if (strncmp(file->d_name, name, len) == 0 && file->d_name[len] == '.')
			unlinkat(r->store->dir_fd, file->d_name, 0);
	closedir(dir);
	ssize_t target_len = readlinkat(r->store->dir_fd, name, target, sizeof(target) - 1);
	if (target_len > 0) { /* BURR_SPOOL_DIR */
		target[target_len] = '\0';
		unlinkat(r->store->dir_fd, target, 0);
	}
	unlinkat(r->store->dir_fd, name, 0);
}

static void set_aside(struct recovery *r, const char *name, const burr_error *why)
{
	char aside[80];
	char text[300];
	snprintf(aside, sizeof(aside), "%s%s", SPOOL_ASIDE_PREFIX, name + sizeof(SPOOL_PREFIX) - 1);
	if (renameat(r->store->dir_fd, name, r->store->dir_fd, aside) < 0)
		return;
	r->out->aside_count++;
	snprintf(text, sizeof(text), "set aside as %s: %.180s", aside, why->message);
	note(r, name, text);
}

/* The file may have been done with and removed between its name and its lock. */
static bool leads_to(const struct store *store, const char *name, int fd)
{
	struct stat by_name;
	struct stat by_fd;
	return fstatat(store->dir_fd, name, &by_name, 0) == 0 && fstat(fd, &by_fd) == 0 &&
	       by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino;
}

static void set_salvaged_aside(const struct passage *p)
{
	burr_error why;
	burr_fail(&why, BURR_EIO,
		"the disk does not give all of it; %llu of its records were new and are stored",
		(unsigned long long)p->record_count);
	set_aside(p->r, p->name, &why);
}

/* All of it is in the logs, or lost. */
static void finish_spool(struct passage *p)
{
	struct recovered *out = p->r->out;
	burr_error why = BURR_ERROR_INIT;
	out->dropped_count += p->dropped_count;
	if (p->r->store->durability != DURABILITY_OS && appender_sync(p->r->appender, &why) != BURR_OK) {
		out->kept_count++;
		note(p->r, p->name, why.message);
		return;
	}
	if (p->salvaged)
		set_salvaged_aside(p);
	else
		remove_files(p->r, p->name);
	out->record_count += p->record_count;
	out->lost_count += p->lost_count;
	out->spool_count++;
	if (out->on_spool)
		out->on_spool(out->ctx, p->name, p->record_count, p->dropped_count);
}

/* For a spool, its spill file, a side file and another's spool. */
static void make_room(struct recovery *r)
{
	enum { NEEDED = 4 };
	int fds[NEEDED];
	for (size_t i = 0; i < NEEDED; i++)
		do
			fds[i] = fcntl(r->store->dir_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		while (fds[i] < 0 && errno == EMFILE && appender_close_some(r->appender));
	for (size_t i = 0; i < NEEDED; i++)
		fd_close(&fds[i]);
}

static bool lacks_descriptors(int fd)
{
	return fd < 0 && (errno == EMFILE || errno == ENFILE);
}

/* A bad sector stays, and its applications would wait for it for ever. */
static bool is_unreadable_for_long(struct recovery *r, const char *name)
{
	const int64_t since_ns = others_unreadable_since(r->others, name);
	return since_ns && clock_mono_ns() - since_ns >= UNREADABLE_AGE_S * INT64_C(1000000000);
}

/* False: nobody else has the right to append, or no memory; there is no use in going on. */
static bool recover_spool(struct recovery *r, const char *name)
{
	struct passage p = {.r = r, .name = name};
	const bool salvages = is_unreadable_for_long(r, name);
	struct held_damage damage = {0};
	burr_error why = BURR_ERROR_INIT;
	make_room(r);
	CLEAN(fd_close) int fd = spool_open(r->store->dir_fd, name, O_RDWR);
	if (lacks_descriptors(fd)) {
		r->out->kept_count++;
		note(r, name, strerror(errno));
	}
	if (fd < 0 || spool_is_locked(fd) || !leads_to(r->store, name, fd))
		return true;
	burr_status status = held_read_pieces(r->store, fd, name, salvages, store_all, &p, &damage, &why);
	others_note_read(r->others, name, damage.unreadable);
	if (status == BURR_ECORRUPT || status == BURR_EVERSION || (status == BURR_EIO && salvages)) {
		set_aside(r, name, &why);
		return true;
	}
	if (damage.lost_bytes) {
		p.lost_count++;
		note(r, name,
			damage.unreadable ? "the disk does not give all of its records"
					  : "the machine stopped before all of its records were on the disk");
	}
	p.salvaged = salvages && damage.unreadable;
	if (status == BURR_OK && !p.kept) {
		finish_spool(&p);
		return true;
	}
	r->out->kept_count++; /* all of it comes again, and is counted then */
	if (why.message[0])
		note(r, name, why.message);
	return status != BURR_ELATER && status != BURR_ENOMEM;
}

/* ---- all of them ---- */

/* One that its maker had no time to give its name: nothing is in it. Between the making and the locking of a
 * file its maker lives too, and would have no spool: so only an old one. */
static void remove_unborn(struct recovery *r, const char *name)
{
	struct stat st;
	CLEAN(fd_close) int fd = spool_open(r->store->dir_fd, name, O_RDWR);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_mtim.tv_sec < time(NULL) - UNBORN_AGE_S &&
		!spool_is_locked(fd) && leads_to(r->store, name, fd))
		unlinkat(r->store->dir_fd, name, 0);
}

static bool is_unborn(const char *name)
{
	const size_t len = sizeof(SPOOL_PREFIX) - 1 + WRITER_ID_LEN;
	return strncmp(name, SPOOL_PREFIX, sizeof(SPOOL_PREFIX) - 1) == 0 && strlen(name) == len + 4 &&
	       strcmp(name + len, ".new") == 0;
}

/* A spool by name, and whose time its records' times are. */
struct listed {
	char name[64];
	char boot_id[40];      /* "": this boot's, or what is no spool of ours */
	int64_t boot_began_ns; /* on the wall's clock, as its writers saw it; INT64_MAX: this boot */
};

struct listing {
	struct listed *spools;
	size_t count;
	size_t cap;
};

static void listing_fini(struct listing *listing)
{
	free(listing->spools);
}

static struct listed *add_listed(struct listing *listing)
{
	if (listing->count == listing->cap) {
		size_t cap = listing->cap ? listing->cap * 2 : 16;
		struct listed *spools = realloc(listing->spools, cap * sizeof(*spools));
		if (!spools)
			return NULL;
		listing->spools = spools;
		listing->cap = cap;
	}
	return &listing->spools[listing->count++];
}

/* Without knowing its boot nothing of it can be put in its place: then it waits. */
static void list_spool(struct recovery *r, struct listing *listing, const char *name)
{
	struct spool_header header;
	CLEAN(fd_close) int fd = spool_open(r->store->dir_fd, name, O_RDONLY);
	if (fd < 0 && errno == EACCES) /* another user's, who may come to it */
		note(r, name, strerror(errno));
	if (fd < 0 && (errno == ENOENT || errno == EINVAL || errno == ELOOP || errno == EACCES))
		return;
	struct listed *spool = fd < 0 ? NULL : add_listed(listing);
	if (!spool) {
		r->out->kept_count++;
		note(r, name, strerror(errno));
		return;
	}
	*spool = (struct listed){.boot_began_ns = INT64_MAX};
	memcpy(spool->name, name, strlen(name) + 1); /* spool_name_is says how long it is */
	if (spool_read_header(fd, &header, NULL) != BURR_OK || !spool_is_of_old_boot(&header))
		return;
	memcpy(spool->boot_id, header.boot_id, sizeof(spool->boot_id));
	spool->boot_began_ns = atomic_load(&header.clock_offset_ns);
}

/* Earlier boots first, this one last; one boot's stand together. */
static int compare_listed(const void *left, const void *right)
{
	const struct listed *a = left;
	const struct listed *b = right;
	if (a->boot_began_ns != b->boot_began_ns)
		return a->boot_began_ns < b->boot_began_ns ? -1 : 1;
	return strcmp(a->boot_id, b->boot_id);
}

static void sort_listing(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++) {
		struct listed *a = &listing->spools[i];
		for (size_t j = 0; a->boot_id[0] && j < listing->count; j++) {
			const struct listed *b = &listing->spools[j];
			if (strcmp(a->boot_id, b->boot_id) == 0 && b->boot_began_ns < a->boot_began_ns)
				a->boot_began_ns = b->boot_began_ns;
		}
	}
	if (listing->count)
		qsort(listing->spools, listing->count, sizeof(*listing->spools), compare_listed);
}

static bool list_spools(struct recovery *r, struct listing *listing)
{
	struct dirent *file;
	make_room(r);
	DIR *dir = spool_list(r->store->dir_fd);
	if (!dir) {
		r->out->kept_count++; /* at least: none was seen */
		snprintf(r->out->trouble, sizeof(r->out->trouble), "list the store: %s", strerror(errno));
		return false;
	}
	while ((file = readdir(dir))) {
		if (is_unborn(file->d_name))
			remove_unborn(r, file->d_name);
		else if (spool_name_is(file->d_name))
			list_spool(r, listing, file->d_name);
	}
	closedir(dir);
	sort_listing(listing);
	return true;
}

/* Those of an earlier boot first: all that is in them is older. */
static void recover_all(struct recovery *r, bool old_only)
{
	CLEAN(listing_fini) struct listing listing = {0};
	bool going_on = list_spools(r, &listing);
	for (size_t i = 0; going_on && i < listing.count; i++) {
		const struct listed *spool = &listing.spools[i];
		if (old_only && !spool->boot_id[0])
			break;
		others_pass_boot(r->others, spool->boot_id[0] ? spool->boot_id : NULL);
		going_on = recover_spool(r, spool->name);
	}
	others_pass_boot(r->others, NULL);
}

void recover_with(
	struct store *store, struct appender *appender, struct others *others, struct recovered *out)
{
	struct recovery r = {store, appender, others, true, out};
	recover_all(&r, false);
}

/* What a spool holds goes into the logs, and stays in it. */
static bool take_held(void *ctx, int fd, const char *name)
{
	struct recovery *r = ctx;
	struct held_spill spill = {.store = r->store, .fd = -1};
	struct foreign held = {.fetch = held_fetch, .fetch_ctx = &spill};
	struct passage p = {.r = r, .name = name};
	/* Its lanes are not read at one moment: an older record may come into one that was read already, and
	 * must not be passed by a younger one. */
	const struct held_filter all = {.before_ns = clock_mono_ns(), .leaves_spilled = true};
	burr_status status = held_read(r->store, fd, name, &all, &held, NULL, NULL);
	held_sort(&held);
	if (status == BURR_OK)
		status = store_all(&p, &held); /* what is not stored now its writer sends again */
	r->out->record_count += p.record_count;
	held_spill_close(&spill);
	foreign_fini(&held);
	return status == BURR_OK && !p.kept;
}

void recover_stalled(
	struct store *store, struct appender *appender, struct others *others, struct recovered *out)
{
	struct recovery r = {store, appender, others, true, out};
	others_each_stalled(others, take_held, &r);
}

/* Of an earlier boot there are no living writers, and what is no spool holds nothing. */
static bool is_of_this_boot(int fd)
{
	struct spool_header header;
	return spool_read_header(fd, &header, NULL) == BURR_OK && !spool_is_of_old_boot(&header);
}

static void take_living(struct recovery *r)
{
	struct dirent *file;
	make_room(r);
	DIR *dir = spool_list(r->store->dir_fd);
	if (!dir) {
		r->out->kept_count++; /* at least: none was seen */
		note(r, "the store", strerror(errno));
		return;
	}
	while ((file = readdir(dir))) {
		if (!spool_name_is(file->d_name))
			continue;
		CLEAN(fd_close) int fd = spool_open(r->store->dir_fd, file->d_name, O_RDONLY);
		if (fd >= 0 && is_of_this_boot(fd) && !take_held(r, fd, file->d_name))
			r->out->kept_count++;
	}
	closedir(dir);
}

void recover_living(
	struct store *store, struct appender *appender, struct others *others, struct recovered *out)
{
	struct recovery r = {store, appender, others, true, out};
	take_living(&r);
}

void recover_shared(
	struct store *store, struct appender *appender, struct others *others, struct recovered *out)
{
	struct recovery r = {store, appender, others, false, out};
	recover_all(&r, false);
	appender_sync(appender, NULL);
}

struct recoverer {
	struct store *store;
	struct others *others;
	struct appender *appender;
};

struct recoverer *recoverer_new(struct store *store)
{
	struct recoverer *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->store = store;
	r->others = others_new(store, SLICE_NONE);
	struct appender_options options = {
		.log_max = OWN_LOGS_MAX,
		.sync_first = true,
		.begin_others = others_begin,
		.find_others = others_find,
		.forget_others = others_forget,
		.doubt_others = others_doubt,
		.others = r->others,
	};
	r->appender = r->others ? appender_new(store, &options) : NULL;
	if (r->appender)
		return r;
	recoverer_free(r);
	return NULL;
}

void recoverer_free(struct recoverer *r)
{
	if (!r)
		return;
	appender_free(r->appender);
	others_free(r->others);
	free(r);
}

void recoverer_run(struct recoverer *recoverer, bool old_only, struct recovered *out)
{
	struct recovery r = {recoverer->store, recoverer->appender, recoverer->others, false, out};
	recover_all(&r, old_only);
	appender_sync(recoverer->appender, NULL); /* the kernel goes on by itself */
}

void recoverer_run_living(struct recoverer *recoverer, struct recovered *out)
{
	struct recovery r = {recoverer->store, recoverer->appender, recoverer->others, false, out};
	take_living(&r);
	appender_sync(recoverer->appender, NULL); /* the kernel goes on by itself */
}

void recover_store(struct store *store, struct recovered *out)
{
	struct recoverer *recoverer = recoverer_new(store);
	if (recoverer)
		recoverer_run(recoverer, false, out);
	recoverer_free(recoverer);
}
