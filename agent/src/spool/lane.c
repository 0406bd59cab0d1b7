/* spool/lane.c: the lanes from the callers' side: who has which, and how a record gets in.
 *
 * Threads: lane_put and lane_has_room any, also in signal handlers, without a lock or a wait. lane_own may
 * wait for the disk, and a thread's end takes the registry's lock; lanes_hold (the shipper) and lanes_retire
 * (who closes) wait up to 100 ms for calls. `owner`, `busy`, `capacity` and `n` are atomic, the rest of a
 * lane is its owner's. What a killed or cancelled owner leaves behind is whole: an entry counts once `head`
 * is past it, and that is one store. */
#include "spool/inside.h"

#include "base/clock.h"
#include "wire/record.h"

#include <sched.h>
#include <unistd.h>

#define TLS __thread __attribute__((tls_model("initial-exec")))

static TLS struct lane *last_lane; /* its address is the thread's name as well */
static pthread_key_t thread_key;   /* its destructor gives lanes back */

enum { QUIET_WAIT_MS = 100, RESERVE_AGAIN_MS = 100 };

void *lane_self(void)
{
	return &last_lane;
}

struct lane *lane_last(void)
{
	return last_lane;
}

/* ---- owners ---- */

static void set_free(struct lane *lane)
{
	atomic_store_explicit(&lane->busy, false, memory_order_relaxed);
	atomic_store_explicit(&lane->owner, NULL, memory_order_release);
}

/* A thread ends; its lanes are other threads', whatever it was doing. */
static void end_thread(void *self)
{
	spool_each(lanes_leave_thread, self);
}

void lanes_leave_thread(struct spool *spool, void *self)
{
	for (uint32_t i = 0; i < SPOOL_LANES; i++)
		if (atomic_load(&spool->lanes[i].owner) == self)
			set_free(&spool->lanes[i]);
}

void lanes_init_process(void)
{
	pthread_key_create(&thread_key, end_thread);
}

void lanes_forget(void)
{
	last_lane = NULL;
}

static void begin(struct lane *lane)
{
	atomic_store_explicit(&lane->busy, false, memory_order_relaxed);
	lane->at = atomic_load(&lane->shared_head->head);
	lane->tail_seen = atomic_load(&lane->shared_head->tail);
	lane->full_since_ns = 0;
}

/* Its place on the disk. Where that has none, a thread without a lane would ask with each record. */
static bool try_reserve(struct spool *spool, struct lane *lane)
{
	const int64_t now = clock_mono_ns();
	if (atomic_load(&spool->retired) || now < atomic_load(&spool->reserve_at_ns))
		return false;
	if (!spool_file_reserve(&spool->file, lane->number)) {
		atomic_store(&spool->reserve_at_ns, now + RESERVE_AGAIN_MS * INT64_C(1000000));
		return false;
	}
	atomic_store(&lane->capacity, SPOOL_LANE_BYTES);
	if (!atomic_load(&spool->retired)) /* else it ended while the disk was asked */
		return true;
	atomic_store(&lane->capacity, 0);
	return false;
}

/* While lanes are held none is taken: who holds them has seen which ones are in use. */
static bool try_take(struct spool *spool, struct lane *lane, void *self)
{
	void *nobody = NULL;
	if (!atomic_compare_exchange_strong(&lane->owner, &nobody, self))
		return false;
	if (atomic_load(&spool->holds_lanes) ||
		(!atomic_load(&lane->capacity) && !try_reserve(spool, lane))) {
		set_free(lane);
		return false;
	}
	begin(lane);
	return true;
}

/* One that was used before rather than one that needs its place on the disk first. */
static struct lane *take_free(struct spool *spool, void *self, bool reserved)
{
	for (uint32_t i = SPOOL_SHARED_LANES; i < SPOOL_LANES; i++) {
		struct lane *lane = &spool->lanes[i];
		if ((atomic_load(&lane->capacity) != 0) == reserved && !atomic_load(&lane->owner) &&
			try_take(spool, lane, self))
			return lane;
		if (!reserved && !atomic_load(&lane->capacity) && !atomic_load(&lane->owner))
			return NULL; /* the disk has no place for it, so for none */
	}
	return NULL;
}

struct lane *lane_own(struct spool *spool)
{
	void *self = lane_self();
	struct lane *lane = NULL;
	for (uint32_t i = SPOOL_SHARED_LANES; i < SPOOL_LANES && !lane; i++)
		if (atomic_load(&spool->lanes[i].owner) == self)
			lane = &spool->lanes[i];
	if (!lane)
		lane = take_free(spool, self, true);
	if (!lane)
		lane = take_free(spool, self, false);
	if (!lane)
		return NULL;
	if (pthread_setspecific(thread_key, self) != 0) { /* nobody would give it back */
		set_free(lane);
		return NULL;
	}
	last_lane = lane;
	return lane;
}

/* ---- records ---- */

static inline bool has_room(struct lane *lane, uint64_t end)
{
	if (__builtin_expect(
		    end - lane->tail_seen <= atomic_load_explicit(&lane->capacity, memory_order_relaxed), 1))
		return true;
	lane->tail_seen = atomic_load_explicit(&lane->shared_head->tail, memory_order_acquire);
	return end - lane->tail_seen <= atomic_load_explicit(&lane->capacity, memory_order_relaxed);
}

/* An entry is one run of bytes: where what is left of the ring does not suffice, it begins at the ring's
 * start. */
static inline uint64_t pad_before(uint64_t place, uint64_t need)
{
	return need > SPOOL_LANE_BYTES - place ? SPOOL_LANE_BYTES - place : 0;
}

bool lane_has_room(struct lane *lane, const struct spool_app *app, size_t rest_len, int64_t time_ns)
{
	const struct record_identity identity = {
		lane->number, atomic_load_explicit(&lane->n, memory_order_relaxed) + 1, (uint64_t)time_ns};
	const uint64_t need = spool_room(record_measure_entry(buf_slice(&app->head), &identity, rest_len));
	return has_room(lane, lane->at + pad_before(lane->at % SPOOL_LANE_BYTES, need) + need);
}

bool lane_put(struct lane *lane, const struct spool_app *app, const struct record *record, size_t rest_len,
	int64_t time_ns)
{
	const struct record_identity identity = {
		lane->number, atomic_load_explicit(&lane->n, memory_order_relaxed) + 1, (uint64_t)time_ns};
	const size_t len = record_measure_entry(buf_slice(&app->head), &identity, rest_len);
	const uint64_t need = spool_room(len);
	uint64_t place = lane->at % SPOOL_LANE_BYTES;
	const uint64_t pad = pad_before(place, need);
	const uint64_t end = lane->at + pad + need;
	if (!has_room(lane, end))
		return false;
	if (pad) {
		struct spool_entry *rest = (struct spool_entry *)(void *)(lane->ring + place);
		atomic_store_explicit(&rest->len_flags, SPOOL_PAD, memory_order_relaxed);
		place = 0;
	}
	struct spool_entry *entry = (struct spool_entry *)(void *)(lane->ring + place);
	char *bytes = (char *)(entry + 1);
	char *rest = record_begin_entry(bytes, buf_slice(&app->head), &identity, rest_len);
	uint32_t flags = record->type == RECORD_APPLICATION ? SPOOL_CREATE : 0;
	if (record->side_len) {
		record_write_side(rest, record->side_len);
		flags |= SPOOL_SIDE;
	} else {
		record_write(rest, record);
	}
	entry->n = identity.n;
	entry->time_ns = time_ns;
	entry->app = app->number;
	entry->hash = app->hash;
	entry->checksum = spool_checksum(entry, len);
	atomic_store_explicit(&entry->len_flags, (uint32_t)len | flags, memory_order_relaxed);
	atomic_store_explicit(&lane->n, identity.n, memory_order_relaxed);
	lane->at = end;
	atomic_store_explicit(&lane->shared_head->head, end, memory_order_release);
	return true;
}

/* ---- life ---- */

void lanes_init(struct spool *spool)
{
	for (uint32_t i = 0; i < SPOOL_LANES; i++) {
		struct lane *lane = &spool->lanes[i];
		lane->number = i;
		lane->ring = spool_file_ring(&spool->file, i);
		lane->shared_head = spool_file_lane_head(&spool->file, i);
		atomic_store(&lane->n, 0);
		begin(lane);
		atomic_store(&lane->capacity,
			i < SPOOL_SHARED_LANES || spool->file.is_private ? SPOOL_LANE_BYTES : 0);
		atomic_store(&lane->owner, NULL);
		atomic_store(&lane->spool, spool);
	}
}

static bool any_writes(const struct spool *spool)
{
	for (uint32_t i = 0; i < SPOOL_LANES; i++)
		if (atomic_load(&spool->lanes[i].busy))
			return true;
	return false;
}

/* With no lane having room, a call that is in one is out of it in less than a microsecond: none waits in it.
 */
static bool wait_quiet(struct spool *spool)
{
	int64_t until_ns = clock_mono_ns() + QUIET_WAIT_MS * INT64_C(1000000);
	for (uint32_t i = 0; i < SPOOL_LANES; i++)
		atomic_store(&spool->lanes[i].capacity, 0);
	if (!full_barrier())
		return false;
	while (any_writes(spool)) {
		if (clock_mono_ns() >= until_ns)
			return false;
		sched_yield();
	}
	return true;
}

void lanes_retire(struct spool *spool)
{
	atomic_store(&spool->retired, true);
	wait_quiet(spool); /* who is not out by then has left its lane by a longjmp */
	atomic_fetch_add(&spool->room_word, 1);
	futex_wake(&spool->room_word);
}

bool lanes_hold(struct spool *spool, bool in_use[SPOOL_LANES])
{
	atomic_store(&spool->holds_lanes, true);
	bool quiet = wait_quiet(spool);
	for (uint32_t i = 0; i < SPOOL_LANES; i++) {
		const struct lane *lane = &spool->lanes[i];
		in_use[i] = i < SPOOL_SHARED_LANES || atomic_load(&lane->owner) ||
			    atomic_load(&lane->shared_head->head) != atomic_load(&lane->shared_head->tail);
	}
	return quiet;
}

void lanes_release(struct spool *spool, const bool in_use[SPOOL_LANES])
{
	for (uint32_t i = 0; i < SPOOL_LANES; i++)
		if (in_use[i] || spool->file.is_private)
			atomic_store(&spool->lanes[i].capacity, SPOOL_LANE_BYTES);
	atomic_store(&spool->holds_lanes, false);
	atomic_fetch_add(&spool->room_word, 1);
	futex_wake(&spool->room_word);
}

void lanes_leave(struct spool *spool)
{
	for (uint32_t i = 0; i < SPOOL_LANES; i++) {
		atomic_store(&spool->lanes[i].spool, NULL);
		set_free(&spool->lanes[i]);
	}
}
