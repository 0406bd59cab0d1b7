/* spool/inside.h: what the parts of a spool share: the calls (spool.c, lane.c), the shipper (ship.c,
 * gather.c, spill.c).
 *
 * Who touches what: a lane of its own is its thread's until that ends, a shared one its caller's between
 * enter and leave (put.c); a lane's tail is the shipper's. `lock` guards applications, waiters and
 * statistics. What stands under "The shipper's own" is that thread's alone (its descriptors are in a table of
 * its own where the kernel allows it, ship.c), but for `spill`, which it changes under `lock` and others read
 * there. */
#ifndef SPOOL_INSIDE_H
#define SPOOL_INSIDE_H

#include "base/futex.h"
#include "base/signals.h"
#include "link/link.h"
#include "spool/file.h"
#include "spool/live.h"
#include "spool/spool.h"
#include "store/append.h"
#include "wire/limits.h"
#include "wire/record.h"

#include <pthread.h>
#include <stdatomic.h>

struct others;

struct spool_app {
	struct slice project; /* these three point into `text` */
	struct slice app_id;
	struct slice partition_key;
	char *text;
	struct buf head; /* the head of its entries */
	uint32_t number; /* its place in spool->apps */
	uint32_t hash;
	/* The burr_status of the last verdict NEVER, until one is better; else BURR_OK. UNMADE in a forked
	 * child that may have to make the application itself. */
	_Atomic int never;
	/* The record that made it, where that is in this process's memory alone. Changed under lock, and
	 * constant once it is there: a child's calls read it without. */
	struct buf making;
	bool making_waits;      /* under lock: what became of it is not known */
	unsigned refs;          /* under lock: handles */
	int64_t closed_ns;      /* under lock: since when there are none; 0 */
	int64_t later_since_ns; /* under lock: the store refuses it since; 0: it does not */
	int64_t retry_at_ns;    /* under lock */
	uint64_t spilled_count; /* under lock: its entries in the spill file */
	uint64_t found_count;   /* under lock: those that a recount found there */
	uint64_t batch_round;   /* under lock: the batch that batch_at is about */
	uint64_t closed_round;  /* under lock: the batch that gets no more of it */
	int batch_at;           /* under lock: its place there; BATCH_LEFT: it has none */
};

enum { BATCH_LEFT = -1, UNMADE = -1 };

/* A thread's way into the spool; the first SPOOL_SHARED_LANES are anybody's for one call. Never freed, so
 * that a thread may look at one that it had in a spool that is closed. */
struct lane {
	_Atomic(struct spool *) spool;
	_Atomic(void *) owner; /* the address of a variable of the thread's own; NULL: free */
	_Atomic bool busy;     /* a call is in it */
	uint32_t number;
	char *ring;
	struct spool_lane_head *shared_head;
	_Atomic uint64_t capacity; /* 0: not to be used (not reserved yet, or the spool ends) */
	uint64_t at;               /* where the next entry goes */
	uint64_t tail_seen;
	_Atomic uint64_t n; /* the last number given */
	int64_t full_since_ns;
	uint64_t full_tail; /* the tail since then */
};

/* Somebody who waits for what becomes of one record. */
struct waiter {
	struct waiter *next;
	uint32_t lane;
	uint64_t n;
	bool done;
	burr_status status;
	char reason[sizeof(((burr_error *)0)->message)];
};

/* One entry of the batch at hand. */
struct item {
	struct spool_app *app;
	uint64_t at; /* in its lane, or in the spill file */
	uint64_t n;
	int64_t time_ns;
	uint32_t lane;
	uint32_t room; /* in the spill file */
	bool spilled;
	bool side;
};

struct judgement {
	bool known;
	enum verdict_kind kind;
	burr_status code;
	char reason[sizeof(((burr_error *)0)->message)];
};

enum { BATCH_ITEMS_MAX = 16384 };

struct batch {
	uint64_t round; /* says whose batch_at counts */
	struct item items[BATCH_ITEMS_MAX];
	size_t item_count;
	struct spool_app *apps[BATCH_APPS_MAX];
	struct judgement judgements[BATCH_APPS_MAX];
	size_t app_count;
	size_t app_max;
	size_t bytes;        /* of entries, and of the side files that they name */
	int64_t retry_at_ns; /* when the first application that was left out may be tried again; INT64_MAX */
	struct buf entries;
	struct buf request;
	struct buf reply;
};

/* The overflow (spill.c). */
struct spill {
	int fd; /* -1: none */
	uint64_t length;
	struct live live;     /* where the entries are that are not decided */
	uint64_t entry_count; /* of live */
	uint64_t live_bytes;  /* which they take */
	uint64_t freed_to;    /* what is before it takes no place on the disk */
	bool miscounted;      /* one was lost, of an application that is not known: no count is too low */
	int64_t first_ns;     /* nothing in it is older; INT64_MAX: it is empty */
	/* Up to walked_to all is dealt with or refused at the moment, and need not be looked at again before
	 * then. */
	uint64_t walked_to;
	int64_t walked_until_ns;
	int64_t read_again_ns; /* the disk did not give it: not before then */
	int64_t compact_at_ns; /* compacting it failed: not before then */
	struct item *items;
	struct buf window;
	uint64_t window_at; /* the place in the file that the window begins with, while it is read */
};

enum ship_state { SHIP_RUNS, SHIP_WAITS, SHIP_SLEEPS };

struct spool {
	struct spool *next; /* under the registry's lock */
	unsigned refs;      /* under the registry's lock */
	char *store_path;   /* constant */
	uint64_t store_dev; /* constant; with store_ino, which store it is */
	uint64_t store_ino;
	uint64_t spill_max; /* constant */
	bool isolated;      /* under lock; set by the shipper before it opens anything */
	bool fork_waits;    /* a fork has pass_lock, as the descriptors are not isolated */

	struct spool_file file; /* made under lock, then constant until the spool ends */
	struct lane lanes[SPOOL_LANES];

	_Atomic uint32_t ship_state; /* a futex: the shipper waits on it */
	_Atomic uint32_t room_word;  /* a futex: calls that want room wait on it */
	_Atomic uint32_t room_waiters;
	_Atomic bool pressure;         /* a call waits for room */
	_Atomic uint64_t side_bytes;   /* in side files */
	_Atomic int64_t reserve_at_ns; /* when a lane's place on the disk is asked for again; 0: at once */

	pthread_mutex_t lock;
	struct held_signals lock_signals; /* spool_lock's */
	pthread_cond_t changed; /* for flush and waiters: something was decided, or the shipper got stuck */
	pthread_t thread;
	_Atomic bool started;
	_Atomic bool stopping;
	_Atomic bool retired;     /* takes no record any more */
	_Atomic bool holds_lanes; /* no lane is taken just now */
	struct spool_app **apps;  /* by number; NULL where none is */
	uint32_t *hashes;         /* of apps */
	uint32_t app_count;
	uint32_t app_cap;
	struct waiter *waiters;
	burr_tracker_stats stats;       /* under lock; what is counted elsewhere is filled in when asked */
	_Atomic uint64_t dropped_early; /* before there was a file to count them in */
	uint64_t dropped_reported;
	uint64_t refused_count; /* under lock: by verdicts NEVER; in dropped_count too */
	int64_t drained_ns;     /* under lock: every record older than this is decided */
	int64_t stuck_since_ns; /* under lock: nothing can be delivered since; 0: it can */
	int64_t asked_since_ns; /* under lock: the collector has not answered since; 0 */
	int64_t wanted_ns;      /* under lock: somebody waits until all older than this is decided */

	/* The shipper's own. */
	struct store *store;
	struct link *link;
	struct appender *appender;
	struct others *others;
	struct recoverer *recoverer; /* while dead writers left what could not be stored yet; else NULL */
	struct batch *batch;
	struct spill spill;
	int64_t gathered_ns;       /* the T of the last gathering */
	int64_t recorded_ns;       /* when a record was there last */
	int64_t collector_seen_ns; /* a collector is there since; 0: none */
	int64_t last_pass_ns;
	int64_t settle_at_ns;  /* when a private spool tries for a file again */
	int64_t recover_at_ns; /* when dead writers' spools are looked for again */
	uint64_t populated_at[SPOOL_LANES];
	uint64_t heads_seen; /* gather_heads at the last gathering */
	uint64_t rounds;
	pthread_mutex_t
		pass_lock; /* held for a pass, where the descriptors are not isolated: fork waits for it */
};

/* ---- lane.c ---- */

/* The calling thread's lane, taken where it has none; NULL: there is none to be had. */
struct lane *lane_own(struct spool *spool);
/* The lane that the calling thread used last, of whatever spool. */
struct lane *lane_last(void);
/* Write the record into the lane, which the caller is in. False: no room now. */
bool lane_put(struct lane *lane, const struct spool_app *app, const struct record *record, size_t rest_len,
	int64_t time_ns);
/* Whether lane_put would find room. */
bool lane_has_room(struct lane *lane, const struct spool_app *app, size_t rest_len, int64_t time_ns);
/* Make the lanes those of the spool's file. */
void lanes_init(struct spool *spool);
/* No further record goes in; returns when no call is in a lane any more, or after a while. */
void lanes_retire(struct spool *spool);
/* No call writes into a lane until lanes_release; in_use says which ones may hold records. False: a call
 * would not leave its lane. */
bool lanes_hold(struct spool *spool, bool in_use[SPOOL_LANES]);
void lanes_release(struct spool *spool, const bool in_use[SPOOL_LANES]);
/* Nobody has them any more; or one thread has none. */
void lanes_leave(struct spool *spool);
void lanes_leave_thread(struct spool *spool, void *self);
/* In a forked child: the calling thread has no lane. */
void lanes_forget(void);
void lanes_init_process(void);
void *lane_self(void);

/* ---- gather.c: the lanes from the shipper's side; under the spool's lock ---- */

/* Fill the batch from the lanes, in the order of time: what may be tried now. */
void gather_batch(struct spool *spool, struct batch *batch);
/* A place for the application's entry in the batch; false: it, and all that follow it, are left for the next.
 */
bool gather_admit(struct batch *batch, struct spool_app *app, uint32_t flags);
/* Copy entries as a spill file has them, in the order of time: all, or those that must not be tried now. At
 * most item_max and about a batch's bytes. Returns how many. */
size_t gather_spilled(struct spool *spool, bool all, struct item *items, size_t item_max, struct buf *out);
/* Whether anything of the application is there that is not dealt with, spilled entries included. */
bool gather_holds(const struct spool *spool, const struct spool_app *app);
bool gather_is_blocked(const struct spool_app *app, int64_t now);
/* The length of the side file that an entry (a field of Request) names; 0: none. */
size_t gather_side_len(struct slice bytes);

/* Mark an entry as dealt with; false when it was already. */
bool gather_mark_done(struct spool *spool, const struct item *item);
/* Free what is dealt with at the front of the lanes. */
void gather_free_done(struct spool *spool);
/* Everything older than this has been dealt with. */
int64_t gather_drained_ns(struct spool *spool);
/* The fullest lane's share, in percent. */
unsigned gather_fullness(const struct spool *spool);
bool gather_is_empty(const struct spool *spool);
uint64_t gather_bytes(const struct spool *spool);
/* All that was ever published, in bytes: tells whether something came. */
uint64_t gather_heads(const struct spool *spool);
/* Make the pages ahead of the writers writable, so that no call meets a page fault. */
void gather_populate(struct spool *spool);

/* ---- spill.c: under the spool's lock, by the shipper ---- */

/* Move what waits in the lanes there until they are nearly empty: all of it, or what must not be tried now.
 * False when the disk takes nothing or the cap is reached. */
bool spill_take(struct spool *spool, bool all);
/* Fill the batch from it. */
void spill_gather(struct spool *spool, struct batch *batch);
/* A spilled entry is decided; false when it was already, or is sent again from another place. */
bool spill_mark_done(struct spool *spool, const struct item *item);
/* The batch's spilled entries were judged: give what is decided back. */
void spill_free_done(struct spool *spool, struct batch *batch);
/* By the shipper at its end; unlinks it when it is empty. */
void spill_close(struct spool *spool);
/* The name of a writer's spill file. */
enum { SPILL_NAME_MAX = 64 };
void spill_name(char name[SPILL_NAME_MAX], const char *writer);

/* ---- spool.c ---- */

/* A child of any kind finds out that it is one, also where pthread_atfork was not told: first of all in every
 * call. */
enum { SPOOL_KNOWN = 1 };
extern _Atomic uint32_t *spool_fork_mark;
void spool_notice_child(void);
static inline void spool_look_for_fork(void)
{
	if (spool_fork_mark && atomic_load_explicit(spool_fork_mark, memory_order_relaxed) != SPOOL_KNOWN)
		spool_notice_child();
}

/* The lock, where a handler of the host may interrupt its holder and want it too. */
struct held_signals;
void spool_lock_quietly(struct spool *spool, struct held_signals *out);
void spool_unlock_quietly(struct spool *spool, const struct held_signals *held);

/* Its file and its thread, where it has not got them: in a forked child's first call. */
bool spool_is_started(const struct spool *spool);
burr_status spool_start(struct spool *spool, burr_error *err);
burr_status spool_start_patiently(struct spool *spool, uint32_t wait_ms, burr_error *err);
void spool_wake(struct spool *spool);
void spool_free_app(struct spool_app *app);

void spool_each(void (*visit)(struct spool *spool, void *ctx), void *ctx);
/* Make the spool's file and start its shipper, where that has not been done. */
burr_status spool_start_locked(struct spool *spool, burr_error *err);
void spool_free_closed_apps_locked(struct spool *spool);
/* Keep why records wait or were dropped, for people. */
void spool_set_trouble_locked(struct spool *spool, struct slice app_id, struct slice reason);

/* ---- ship.c ---- */

/* The shipper's thread; its argument is the spool. */
void *ship_run(void *spool);
/* In a forked child: what the parent's shipper had is left behind, never touched. */
void ship_leave(struct spool *spool);
void ship_fini(struct spool *spool);

#endif
