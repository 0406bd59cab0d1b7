/* model/append.c: the append protocol (proto/DISK.md) small enough that everything which can happen to it is
 * looked at: two writers, a collector, one application.
 *
 * Writer A records with two threads, a1 in lane 1 and a2 in lane 2; writer B with one, b1 and b2 in lane 3. A
 * call begins, which gives its record the time, and returns, which publishes it. Each writer's shipper, and
 * the collector, are sequences of steps between which anything else may happen, and each process may be
 * stopped and killed between any two. What takes one system call under a lock, or one store, is one step.
 *
 * In every state: no record stands twice in the log; if one call returned before another began, its record
 * stands first; a returned record is in the log, or in a spool or spill file that somebody can find. Where
 * nothing can happen any more, what living writers recorded is in the log. README.md has the rest. */
#include "explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { A, B, COLLECTOR, ACTORS, WRITERS = COLLECTOR };
enum { RECORDS = 4, LOG_MAX = RECORDS, STATES_MAX = 6000000 };

/* ---- rules that can be left out ---- */

enum rule {
	RULE_NUMBERS,
	RULE_LOCK,
	RULE_OTHERS,
	RULE_TAIL,
	RULE_DEAD,
	RULE_TIME,
	RULE_STALLED,
	RULE_READ_ORDER,
	RULE_SPILL_FIRST,
	RULE_LOG_LOCK,
	RULE_DRAINED,
	RULE_COUNT,
	RULE_NONE = RULE_COUNT,
};

/* ---- the state ---- */

struct record {
	uint8_t time; /* of its call's begin, from 1; 0: it has not begun */
	uint8_t published;
	uint8_t freed;   /* its lane's tail is past it */
	uint8_t spilled; /* it is in the spill file, or was */
	uint8_t drained; /* the spill file is read past it */
	uint8_t before;  /* the records whose calls had returned when its call began */
};

enum phase {
	IDLE,
	GATHER_FIRST,  /* the time is read; the first lane is next */
	GATHER_SECOND, /* the second lane is next */
	WAITS,         /* the collector has the batch */
	SOURCE_FIRST,  /* reading the spool that the work is about: its first lane */
	SOURCE_SECOND,
	SOURCE_SPILL,
	OTHER_FIRST, /* from here on it has the right to append: reading the other spool */
	OTHER_SECOND,
	OTHER_SPILL,
	LOOKS,   /* at the log, whose lock it takes */
	APPENDS, /* knows what is new */
	CUTS,    /* its write was short */
	ENDS,    /* all is written: acknowledge, or unlink */
};

enum kind { BATCH, RECOVERY, STALLED };

/* A writer's shipper, or the collector's append thread. */
struct actor {
	uint8_t phase;
	uint8_t kind;
	uint8_t source;        /* whose records it is about */
	uint8_t from_spill;    /* its own batch: from there, not from the lanes */
	uint8_t time;          /* later records are left out */
	uint8_t batch;         /* records */
	uint8_t others;        /* records of the other spool */
	uint8_t spill_part;    /* of batch and others: read in a spill file */
	uint8_t plan[RECORDS]; /* what is appended, in order: record + 1 */
};

enum life { ALIVE, STOPPED, DEAD };
enum presence { ABSENT, STARTS, RUNS }; /* STARTS: holds .burr-collector and waits for the right to append */
enum connection { CLOSED, SENT, NOT_YET, ANSWERED };

struct state {
	struct record records[RECORDS];
	struct actor actors[ACTORS];
	uint8_t life[WRITERS];
	uint8_t unlinked[WRITERS]; /* the spool's name is gone */
	uint8_t connection[WRITERS];
	uint8_t sent[WRITERS]; /* the batch in it */
	uint8_t collector;
	uint8_t collector_stopped;
	uint8_t log[LOG_MAX]; /* record + 1 */
	uint8_t torn;         /* bytes without a newline at its end */
	/* What may still happen. */
	uint8_t kills;
	uint8_t stops;
	uint8_t starts;
	uint8_t spills;
	uint8_t shorts;
};

/* Every field and its width once, for both directions. */
typedef void field_fn(void *ctx, uint8_t *field, unsigned bits);

static void visit_actor(struct actor *a, field_fn *visit, void *ctx)
{
	visit(ctx, &a->phase, 4);
	visit(ctx, &a->kind, 2);
	visit(ctx, &a->source, 1);
	visit(ctx, &a->from_spill, 1);
	visit(ctx, &a->time, 3);
	visit(ctx, &a->batch, RECORDS);
	visit(ctx, &a->others, RECORDS);
	visit(ctx, &a->spill_part, RECORDS);
	for (int i = 0; i < RECORDS; i++)
		visit(ctx, &a->plan[i], 3);
}

static void visit_state(struct state *s, field_fn *visit, void *ctx)
{
	for (int i = 0; i < RECORDS; i++) {
		struct record *r = &s->records[i];
		visit(ctx, &r->time, 3);
		visit(ctx, &r->published, 1);
		visit(ctx, &r->freed, 1);
		visit(ctx, &r->spilled, 1);
		visit(ctx, &r->drained, 1);
		visit(ctx, &r->before, RECORDS);
		visit(ctx, &s->log[i], 3);
	}
	for (int i = 0; i < ACTORS; i++)
		visit_actor(&s->actors[i], visit, ctx);
	for (int i = 0; i < WRITERS; i++) {
		visit(ctx, &s->life[i], 2);
		visit(ctx, &s->unlinked[i], 1);
		visit(ctx, &s->connection[i], 2);
		visit(ctx, &s->sent[i], RECORDS);
	}
	visit(ctx, &s->collector, 2);
	visit(ctx, &s->collector_stopped, 1);
	visit(ctx, &s->torn, 1);
	visit(ctx, &s->kills, 2);
	visit(ctx, &s->stops, 2);
	visit(ctx, &s->starts, 2);
	visit(ctx, &s->spills, 2);
	visit(ctx, &s->shorts, 2);
}

struct cursor {
	struct packed *packed;
	unsigned at;
};

static void pack_field(void *ctx, uint8_t *field, unsigned bits)
{
	struct cursor *c = ctx;
	for (unsigned i = 0; i < bits; i++, c->at++)
		c->packed->words[c->at / 64] |= (uint64_t)(*field >> i & 1) << c->at % 64;
}

static void unpack_field(void *ctx, uint8_t *field, unsigned bits)
{
	struct cursor *c = ctx;
	*field = 0;
	for (unsigned i = 0; i < bits; i++, c->at++)
		*field |= (uint8_t)((c->packed->words[c->at / 64] >> c->at % 64 & 1) << i);
}

static struct packed pack(const struct state *s)
{
	struct packed packed = {{0}};
	struct cursor c = {&packed, 0};
	visit_state((struct state *)(uintptr_t)s, pack_field, &c);
	return packed;
}

static struct state unpack(const struct packed *packed)
{
	struct state s = {0};
	struct cursor c = {(struct packed *)(uintptr_t)packed, 0};
	visit_state(&s, unpack_field, &c);
	return s;
}

/* ---- what is looked at ---- */

/* All of it at once is hundreds of millions of states, so each scene has its own troubles. */
struct scene {
	const char *text;
	bool two_lanes; /* of A: a1 and a2 come from two threads */
	uint8_t records[WRITERS];
	uint8_t kills;
	uint8_t stops;
	uint8_t starts; /* of a collector */
	uint8_t spills;
	uint8_t shorts; /* writes that are cut short */
};

enum {
	KILLED,
	KILLED_TWICE,
	STOPPED_PROCESS,
	SPILLED,
	SPILLED_ALONE,
	DISK_FULL,
	THREADS,
	THREADS_SPILL,
	SCENES
};

static const struct scene scenes[SCENES] = {
	[KILLED] = {"one is killed", false, {2, 2}, 1, 0, 1, 0, 0},
	[KILLED_TWICE] = {"two are killed", false, {2, 1}, 2, 0, 2, 0, 0},
	[STOPPED_PROCESS] = {"one is stopped and one killed", false, {2, 1}, 1, 1, 1, 0, 0},
	[SPILLED] = {"one spills, one is killed", false, {2, 1}, 1, 0, 1, 1, 0},
	[SPILLED_ALONE] = {"two spill, one is stopped and one killed, no collector", false, {2, 2}, 1, 1, 0,
		2, 0},
	[DISK_FULL] = {"a write is cut short, one is killed", false, {2, 1}, 1, 0, 1, 0, 1},
	[THREADS] = {"two threads, one is stopped", true, {2, 1}, 0, 1, 1, 0, 0},
	[THREADS_SPILL] = {"two threads that spill, one is killed", true, {2, 1}, 1, 0, 0, 1, 0},
};

static const struct scene *scene;

static const struct {
	const char *name;
	const char *text;
	int scene; /* where it is missed at once */
} rules[RULE_COUNT] = {
	[RULE_NUMBERS] = {"numbers", "records are appended without a look at the last number in the log",
		KILLED},
	[RULE_LOCK] = {"lock", "a writer whose batch is not answered appends itself, without the lock",
		STOPPED_PROCESS},
	[RULE_OTHERS] = {"others", "who appends does not take in what the other spool holds",
		STOPPED_PROCESS},
	[RULE_TAIL] = {"tail",
		"a lane's tail moves when its records are sent, not when they are acknowledged", KILLED},
	[RULE_DEAD] = {"dead", "a spool is recovered without its lock", STOPPED_PROCESS},
	[RULE_TIME] = {"time", "a shipper takes all that it finds in its lanes, whatever its time", THREADS},
	[RULE_STALLED] = {"stalled", "the collector takes all that it finds in a living writer's lanes",
		THREADS},
	[RULE_READ_ORDER] = {"read-order", "another's spill file is read before its lanes", SPILLED},
	[RULE_SPILL_FIRST] = {"spill-first", "a spool's spilled records are put behind those of its lanes",
		SPILLED},
	[RULE_LOG_LOCK] = {"log-lock", "writers that share the right to append do not lock the log", KILLED},
	[RULE_DRAINED] = {"drained", "lanes are shipped while the spill file still holds records", SPILLED},
};

/* ---- records ---- */

static const char *const record_names[RECORDS] = {"a1", "a2", "b1", "b2"};
static const char *const actor_names[ACTORS] = {"A", "B", "the collector"};

static int owner_of(int r)
{
	return r / 2;
}

static int lane_of(int r)
{
	return scene->two_lanes ? (r < 2 ? r : 2) : owner_of(r);
}

static int number_of(int r)
{
	return r % 2 && lane_of(r) == lane_of(r - 1) ? 2 : 1;
}

static unsigned records_of(int writer)
{
	return 3u << 2 * writer;
}

static bool has_second_lane(int writer)
{
	return scene->two_lanes && writer == A;
}

/* Those of a writer's first lane, or its second. */
static unsigned lane_records(int writer, int lane)
{
	if (!has_second_lane(writer))
		return lane == 0 ? records_of(writer) : 0;
	return 1u << lane;
}

static bool has(unsigned mask, int r)
{
	return mask >> r & 1;
}

static bool in_lane(const struct state *s, int r)
{
	return s->records[r].published && !s->records[r].freed && !s->unlinked[owner_of(r)];
}

static bool in_spill(const struct state *s, int r)
{
	return s->records[r].spilled && !s->records[r].drained && !s->unlinked[owner_of(r)];
}

static bool in_log(const struct state *s, int r)
{
	for (int i = 0; i < LOG_MAX; i++)
		if (s->log[i] == r + 1)
			return true;
	return false;
}

static unsigned laned(const struct state *s, unsigned among)
{
	unsigned mask = 0;
	for (int r = 0; r < RECORDS; r++)
		mask |= has(among, r) && in_lane(s, r) ? 1u << r : 0;
	return mask;
}

static unsigned spilled(const struct state *s, unsigned among)
{
	unsigned mask = 0;
	for (int r = 0; r < RECORDS; r++)
		mask |= has(among, r) && in_spill(s, r) ? 1u << r : 0;
	return mask;
}

/* Those that began at that time or before. */
static unsigned until(const struct state *s, unsigned mask, unsigned time)
{
	for (int r = 0; r < RECORDS; r++)
		if (s->records[r].time > time)
			mask &= ~(1u << r);
	return mask;
}

static unsigned last_time(const struct state *s, unsigned mask)
{
	unsigned time = 0;
	for (int r = 0; r < RECORDS; r++)
		if (has(mask, r) && s->records[r].time > time)
			time = s->records[r].time;
	return time;
}

static unsigned now(const struct state *s)
{
	return last_time(s, (1u << RECORDS) - 1);
}

/* ---- what must hold ---- */

static const char *check(const struct state *s)
{
	for (int r = 0; r < RECORDS; r++)
		if (s->records[r].published && !in_log(s, r) && !in_lane(s, r) && !in_spill(s, r))
			return "a returned record is lost";
	return NULL;
}

/* Nothing can happen any more. */
static const char *check_end(const struct state *s)
{
	for (int r = 0; r < RECORDS; r++)
		if (s->records[r].published && s->life[owner_of(r)] != DEAD && !in_log(s, r))
			return "nothing goes on, and a living writer's record is not in the log";
	return NULL;
}

static const char *append_line(struct state *s, int r)
{
	int len = 0;
	if (in_log(s, r))
		return "a record stands twice in the log";
	for (; len < LOG_MAX && s->log[len]; len++)
		if (has(s->records[s->log[len] - 1].before, r))
			return "a record stands behind one whose call began after its own had returned";
	s->log[len] = (uint8_t)(r + 1);
	return NULL;
}

/* ---- locks, all of which follow from who is where ---- */

static bool has_right(const struct state *s, int actor)
{
	return actor == COLLECTOR ? s->collector == RUNS : s->actors[actor].phase >= OTHER_FIRST;
}

static bool has_log_lock(const struct state *s, int writer)
{
	return s->actors[writer].phase >= APPENDS;
}

static bool has_spool_lock(const struct state *s, int actor, int writer)
{
	const struct actor *a = &s->actors[actor];
	return a->phase != IDLE && a->kind == RECOVERY && a->source == writer;
}

static bool is_recovered(const struct state *s, int writer)
{
	for (int i = 0; i < ACTORS; i++)
		if (has_spool_lock(s, i, writer))
			return true;
	return false;
}

/* ---- steps ---- */

struct run {
	struct explorer *x;
	enum rule without;
	const struct state *s; /* whose steps are told */
	size_t told;
};

#define TELL(run, next, ...) tell((run), (next), NULL, __VA_ARGS__)

#define tell(run, next, wrong_, ...)                                                      \
	do {                                                                              \
		struct packed packed_ = pack(next);                                       \
		const char *bad_ = (wrong_);                                              \
		(run)->told++;                                                            \
		explore_step((run)->x, &packed_, bad_ ? bad_ : check(next), __VA_ARGS__); \
	} while (0)

static void begin_calls(struct run *run)
{
	for (int r = 0; r < RECORDS; r++) {
		const struct state *s = run->s;
		if (s->records[r].time || s->life[owner_of(r)] != ALIVE ||
			r % 2 >= scene->records[owner_of(r)] ||
			(number_of(r) == 2 && !s->records[r - 1].published))
			continue;
		struct state next = *s;
		next.records[r].time = (uint8_t)(now(s) + 1);
		for (int q = 0; q < RECORDS; q++)
			next.records[r].before |= (uint8_t)(s->records[q].published << q);
		TELL(run, &next, "%s begins to record %s", actor_names[owner_of(r)], record_names[r]);
	}
}

static void return_calls(struct run *run)
{
	for (int r = 0; r < RECORDS; r++) {
		const struct state *s = run->s;
		if (!s->records[r].time || s->records[r].published || s->life[owner_of(r)] != ALIVE)
			continue;
		struct state next = *s;
		next.records[r].published = 1;
		TELL(run, &next, "the call returns: %s is in its lane", record_names[r]);
	}
}

static void reset(struct actor *a)
{
	memset(a, 0, sizeof(*a));
}

/* ---- a writer's shipper ---- */

static void spill_some(struct run *run, int w)
{
	const struct state *s = run->s;
	const unsigned lanes = laned(s, records_of(w));
	const uint8_t phase = s->actors[w].phase;
	struct state next = *s;
	unsigned fresh = 0;
	unsigned both = 0;
	for (int r = 0; r < RECORDS; r++) {
		fresh |= has(lanes, r) && !s->records[r].spilled ? 1u << r : 0;
		both |= has(lanes, r) && s->records[r].spilled ? 1u << r : 0;
	}
	if (both) {
		for (int r = 0; r < RECORDS; r++)
			if (has(both, r))
				next.records[r].freed = 1;
		TELL(run, &next, "%s frees its lanes of what it spilled", actor_names[w]);
		return;
	}
	if (!fresh || !s->spills || (phase != IDLE && phase != WAITS))
		return;
	next.spills--;
	for (int r = 0; r < RECORDS; r++)
		if (has(fresh, r))
			next.records[r].spilled = 1;
	TELL(run, &next, "%s spills what its lanes hold", actor_names[w]);
}

/* What it spilled and has not freed yet: the shipper does nothing else before. */
static bool is_spilling(const struct state *s, int w)
{
	for (int r = 0; r < RECORDS; r++)
		if (has(records_of(w), r) && in_lane(s, r) && s->records[r].spilled)
			return true;
	return false;
}

static void free_batch(struct state *s, int w)
{
	const struct actor *a = &s->actors[w];
	for (int r = 0; r < RECORDS; r++) {
		if (!has(a->batch, r))
			continue;
		if (a->from_spill)
			s->records[r].drained = 1;
		else if (!s->records[r].spilled) /* else it comes again from there */
			s->records[r].freed = 1;
	}
}

/* By which way it goes is decided by locks alone. Nothing that comes between the looks would change more than
 * what comes before or after both, so all is one step. */
static const char *send_batch(const struct run *run, struct state *s, int w)
{
	struct actor *a = &s->actors[w];
	a->time = 0;
	if (s->collector == ABSENT) {
		a->phase = OTHER_FIRST;
		return "sees no collector and gets the right to append";
	}
	a->phase = WAITS;
	s->connection[w] = SENT;
	s->sent[w] = a->batch;
	if (run->without == RULE_TAIL)
		free_batch(s, w);
	return "sends it to the collector";
}

static void gather(struct run *run, int w)
{
	const struct state *s = run->s;
	struct state next = *s;
	struct actor *a = &next.actors[w];
	const unsigned own = records_of(w);
	const unsigned in_file = spilled(s, own);
	if (a->phase == IDLE) {
		/* What else there is may be what two threads record in the meantime. */
		if (!in_file && !laned(s, own) && !has_second_lane(w))
			return;
		reset(a);
		a->source = (uint8_t)w;
		if (in_file && run->without != RULE_DRAINED) {
			a->from_spill = 1;
			a->batch = (uint8_t)in_file;
			const char *way = send_batch(run, &next, w);
			TELL(run, &next, "%s makes a batch of its spill file and %s", actor_names[w], way);
			return;
		}
		a->time = (uint8_t)(run->without == RULE_TIME ? 7 : now(s));
		a->phase = GATHER_FIRST;
		if (has_second_lane(w)) {
			TELL(run, &next, "%s begins a batch", actor_names[w]);
			return;
		}
	}
	const int lane = a->phase == GATHER_SECOND;
	const char *way = "";
	a->batch |= (uint8_t)until(s, laned(s, lane_records(w, lane)), a->time);
	a->phase = GATHER_SECOND;
	if (lane == 1 || !has_second_lane(w)) {
		way = a->batch ? send_batch(run, &next, w) : "finds nothing";
		if (!a->batch)
			reset(a);
	}
	TELL(run, &next, "%s looks into its %s lane%s%s", actor_names[w], lane ? "second" : "first",
		*way ? " and " : "", way);
}

static void wait_for_answer(struct run *run, int w)
{
	const struct state *s = run->s;
	struct state next = *s;
	struct actor *a = &next.actors[w];
	switch (s->connection[w]) {
	case SENT:
		if (run->without != RULE_LOCK || !s->collector_stopped)
			return;
		a->phase = OTHER_FIRST;
		TELL(run, &next, "%s has waited long enough and appends itself", actor_names[w]);
		return;
	case NOT_YET:
		next.connection[w] = CLOSED;
		next.sent[w] = 0;
		if (s->collector == RUNS) {
			reset(a);
			TELL(run, &next, "%s reads: not yet, and does not get the right to append",
				actor_names[w]);
			return;
		}
		a->phase = OTHER_FIRST;
		TELL(run, &next, "%s reads: not yet, and gets the right to append", actor_names[w]);
		return;
	case ANSWERED:
		free_batch(&next, w);
		next.connection[w] = CLOSED;
		next.sent[w] = 0;
		reset(a);
		TELL(run, &next, "%s reads the acknowledgement", actor_names[w]);
		return;
	default:
		reset(a);
		TELL(run, &next, "%s sees its connection closed", actor_names[w]);
	}
}

/* ---- whoever appends ---- */

static void begin_recovery(struct run *run, int actor)
{
	for (int w = 0; w < WRITERS; w++) {
		const struct state *s = run->s;
		bool dead = s->life[w] == DEAD;
		if (w == actor || s->unlinked[w] || is_recovered(s, w) ||
			(!dead && run->without != RULE_DEAD))
			continue;
		if (!dead && s->life[w] != STOPPED) /* what breaks with a stopped one would with any */
			continue;
		struct state next = *s;
		struct actor *a = &next.actors[actor];
		reset(a);
		a->kind = RECOVERY;
		a->source = (uint8_t)w;
		a->batch = (uint8_t)(laned(s, records_of(w)) | spilled(s, records_of(w)));
		a->spill_part = (uint8_t)spilled(s, records_of(w));
		a->phase = OTHER_FIRST;
		TELL(run, &next, "%s recovers the spool of %s: locks it and reads it", actor_names[actor],
			actor_names[w]);
	}
}

static void begin_stalled(struct run *run)
{
	for (int w = 0; w < WRITERS; w++) {
		const struct state *s = run->s;
		unsigned held = laned(s, records_of(w)) | spilled(s, records_of(w));
		for (int r = 0; r < RECORDS; r++)
			if (in_log(s, r))
				held &= ~(1u << r);
		if ((!held && !has_second_lane(w)) || s->life[w] == DEAD)
			continue;
		struct state next = *s;
		struct actor *a = &next.actors[COLLECTOR];
		reset(a);
		a->kind = STALLED;
		a->source = (uint8_t)w;
		a->time = (uint8_t)(run->without == RULE_STALLED ? 7 : now(s));
		a->phase = SOURCE_FIRST;
		TELL(run, &next, "the collector takes in what %s has not moved", actor_names[w]);
	}
}

/* A living writer's spool, in three looks: its lanes, then its spill file. */
static void read_spool(struct run *run, int actor, int writer, bool is_source)
{
	const struct state *s = run->s;
	struct state next = *s;
	struct actor *a = &next.actors[actor];
	const int first = is_source ? SOURCE_FIRST : OTHER_FIRST;
	int look = a->phase - first;
	const unsigned last = last_time(s, a->batch);
	const unsigned time = is_source ? a->time : last ? last - 1 : 0;
	unsigned found;
	if (run->without == RULE_READ_ORDER) /* spill, first lane, second lane */
		look = look == 0 ? 2 : look - 1;
	if (look == 2) {
		found = until(s, spilled(s, records_of(writer)), time);
		a->spill_part |= (uint8_t)found;
	} else {
		found = until(s, laned(s, lane_records(writer, look)), time);
	}
	*(is_source ? &a->batch : &a->others) |= (uint8_t)found;
	a->phase++;
	if (a->phase == first + 1 && !has_second_lane(writer) && run->without != RULE_READ_ORDER)
		a->phase++;
	if (is_source && a->phase == OTHER_FIRST && !a->batch)
		reset(a);
	TELL(run, &next, "%s reads the %s of %s", actor_names[actor],
		look == 2   ? "spill file"
		: look == 1 ? "second lane"
			    : "first lane",
		actor_names[writer]);
}

/* The log knows a later number of its lane, or the same. */
static bool is_known(const uint8_t *lines, int r)
{
	for (int i = 0; i < RECORDS; i++)
		if (lines[i] && lane_of(lines[i] - 1) == lane_of(r) &&
			number_of(lines[i] - 1) >= number_of(r))
			return true;
	return false;
}

static unsigned place_of(const struct run *run, const struct actor *a, int r)
{
	unsigned place = run->s->records[r].time;
	if (run->without == RULE_SPILL_FIRST && has(a->spill_part, r))
		place += 8;
	return place;
}

static void make_plan(const struct run *run, struct actor *a)
{
	unsigned left = a->batch | a->others;
	int len = 0;
	while (left) {
		int oldest = -1;
		for (int r = 0; r < RECORDS; r++)
			if (has(left, r) && (oldest < 0 || place_of(run, a, r) < place_of(run, a, oldest)))
				oldest = r;
		left &= ~(1u << oldest);
		bool known = is_known(run->s->log, oldest) || is_known(a->plan, oldest);
		if (!known || run->without == RULE_NUMBERS)
			a->plan[len++] = (uint8_t)(oldest + 1);
	}
}

static void look_at_log(struct run *run, int actor)
{
	struct state next = *run->s;
	struct actor *a = &next.actors[actor];
	const int other = actor == A ? B : A;
	if (actor != COLLECTOR && run->without != RULE_LOG_LOCK && has_log_lock(&next, other)) {
		reset(a);
		TELL(run, &next, "%s finds the log locked: later", actor_names[actor]);
		return;
	}
	next.torn = 0;
	make_plan(run, a);
	a->batch = a->kind == BATCH ? a->batch : 0;
	a->others = a->spill_part = 0;
	a->time = 0;
	a->phase = a->plan[0] ? APPENDS : ENDS;
	TELL(run, &next, "%s looks at the log%s", actor_names[actor],
		run->s->torn ? " and mends its tail" : "");
}

static void append(struct run *run, int actor)
{
	struct state next = *run->s;
	const char *wrong = NULL;
	int len = 0;
	for (; len < RECORDS && next.actors[actor].plan[len]; len++)
		if (!wrong)
			wrong = append_line(&next, next.actors[actor].plan[len] - 1);
	next.actors[actor].phase = ENDS;
	memset(next.actors[actor].plan, 0, sizeof(next.actors[actor].plan));
	tell(run, &next, wrong, "%s appends %d line%s", actor_names[actor], len, len == 1 ? "" : "s");
	if (!run->s->shorts)
		return;
	for (int part = 0; part < len; part++) {
		next = *run->s;
		struct actor *a = &next.actors[actor];
		wrong = NULL;
		for (int i = 0; i < part && !wrong; i++)
			wrong = append_line(&next, a->plan[i] - 1);
		next.shorts--;
		next.torn = 1;
		memset(a->plan, 0, sizeof(a->plan));
		a->phase = CUTS;
		tell(run, &next, wrong, "%s appends %d of %d lines and a half: the disk is full",
			actor_names[actor], part, len);
	}
}

static void give_up(struct state *s, int actor)
{
	struct actor *a = &s->actors[actor];
	if (actor == COLLECTOR && a->kind == BATCH && s->life[a->source] != DEAD)
		s->connection[a->source] = NOT_YET;
	reset(a);
}

/* Whole lines stay in the log and are found there when they are sent again. */
static void blank_half(struct run *run, int actor)
{
	struct state next = *run->s;
	next.torn = 0;
	give_up(&next, actor);
	TELL(run, &next, "%s blanks the half: later", actor_names[actor]);
}

static void end_work(struct run *run, int actor)
{
	struct state next = *run->s;
	struct actor *a = &next.actors[actor];
	const int source = a->source;
	const char *what = "acknowledges";
	if (a->kind == RECOVERY) {
		next.unlinked[source] = 1;
		what = "unlinks the spool";
	} else if (a->kind == STALLED) {
		what = "is done";
	} else if (actor == COLLECTOR) {
		next.connection[source] = next.life[source] == DEAD ? CLOSED : ANSWERED;
	} else {
		free_batch(&next, actor);
		what = "frees its batch";
	}
	reset(a);
	TELL(run, &next, "%s %s", actor_names[actor], what);
}

static void do_work(struct run *run, int actor)
{
	const struct actor *a = &run->s->actors[actor];
	switch (a->phase) {
	case SOURCE_FIRST:
	case SOURCE_SECOND:
	case SOURCE_SPILL:
		read_spool(run, actor, a->source, true);
		break;
	case OTHER_FIRST:
	case OTHER_SECOND:
	case OTHER_SPILL:
		if (run->without == RULE_OTHERS) {
			struct state next = *run->s;
			next.actors[actor].phase = LOOKS;
			TELL(run, &next, "%s does not look at the other spool", actor_names[actor]);
			break;
		}
		read_spool(run, actor, !a->source, false);
		break;
	case LOOKS:
		look_at_log(run, actor);
		break;
	case APPENDS:
		append(run, actor);
		break;
	case CUTS:
		blank_half(run, actor);
		break;
	default:
		end_work(run, actor);
	}
}

static void ship(struct run *run, int w)
{
	const struct state *s = run->s;
	if (s->life[w] != ALIVE)
		return;
	spill_some(run, w);
	if (is_spilling(s, w))
		return;
	switch (s->actors[w].phase) {
	case IDLE:
		if (s->collector == ABSENT)
			begin_recovery(run, w);
		gather(run, w);
		break;
	case GATHER_FIRST:
	case GATHER_SECOND:
		gather(run, w);
		break;
	case WAITS:
		wait_for_answer(run, w);
		break;
	default:
		do_work(run, w);
	}
}

/* ---- the collector ---- */

static void receive(struct run *run)
{
	for (int w = 0; w < WRITERS; w++) {
		const struct state *s = run->s;
		struct state next = *s;
		if (s->connection[w] != SENT)
			continue;
		if (s->collector == STARTS) {
			next.connection[w] = s->life[w] == DEAD ? CLOSED : NOT_YET;
			next.sent[w] = 0;
			TELL(run, &next, "the collector answers %s: not yet", actor_names[w]);
			continue;
		}
		struct actor *a = &next.actors[COLLECTOR];
		reset(a);
		a->source = (uint8_t)w;
		a->batch = s->sent[w];
		a->phase = OTHER_FIRST;
		next.sent[w] = 0;
		if (s->life[w] == DEAD)
			next.connection[w] = CLOSED;
		TELL(run, &next, "the collector takes the batch of %s", actor_names[w]);
	}
}

static void collect(struct run *run)
{
	const struct state *s = run->s;
	struct state next = *s;
	if (s->collector_stopped)
		return;
	if (s->collector == ABSENT) {
		if (!s->starts)
			return;
		next.starts--;
		next.collector = STARTS;
		TELL(run, &next, "a collector starts");
		return;
	}
	if (s->actors[COLLECTOR].phase != IDLE) {
		do_work(run, COLLECTOR);
		return;
	}
	if (s->collector == STARTS && !has_right(s, A) && !has_right(s, B)) {
		next.collector = RUNS;
		TELL(run, &next, "the collector gets the right to append");
	}
	receive(run);
	if (s->collector == RUNS) {
		begin_recovery(run, COLLECTOR);
		begin_stalled(run);
	}
}

/* ---- signals ---- */

static void stop_and_kill_writers(struct run *run)
{
	for (int w = 0; w < WRITERS; w++) {
		const struct state *s = run->s;
		struct state next = *s;
		if (s->life[w] == STOPPED) {
			next.life[w] = ALIVE;
			TELL(run, &next, "SIGCONT to %s", actor_names[w]);
		}
		if (s->life[w] == ALIVE && s->stops) {
			next = *s;
			next.life[w] = STOPPED;
			next.stops--;
			TELL(run, &next, "SIGSTOP to %s", actor_names[w]);
		}
		if (s->life[w] != DEAD && s->kills) {
			next = *s;
			next.life[w] = DEAD;
			next.kills--;
			reset(&next.actors[w]);
			if (next.connection[w] != SENT) /* what it sent can still be read */
				next.connection[w] = CLOSED;
			TELL(run, &next, "SIGKILL to %s", actor_names[w]);
		}
	}
}

static void stop_and_kill_collector(struct run *run)
{
	const struct state *s = run->s;
	struct state next = *s;
	if (s->collector == ABSENT)
		return;
	if (s->collector_stopped) {
		next.collector_stopped = 0;
		TELL(run, &next, "SIGCONT to the collector");
	} else if (s->stops) {
		next.collector_stopped = 1;
		next.stops--;
		TELL(run, &next, "SIGSTOP to the collector");
	}
	if (!s->kills)
		return;
	next = *s;
	next.kills--;
	next.collector = ABSENT;
	next.collector_stopped = 0;
	reset(&next.actors[COLLECTOR]);
	for (int w = 0; w < WRITERS; w++)
		next.connection[w] = CLOSED, next.sent[w] = 0;
	TELL(run, &next, "SIGKILL to the collector");
}

static void steps(struct explorer *x, const struct packed *from, void *ctx)
{
	const struct state s = unpack(from);
	struct run run = {x, *(const enum rule *)ctx, &s, 0};
	return_calls(&run);
	for (int w = 0; w < WRITERS; w++)
		ship(&run, w);
	collect(&run);
	stop_and_kill_collector(&run);
	stop_and_kill_writers(&run);
	begin_calls(&run);
	if (!run.told && check_end(&s)) {
		struct state end = s;
		end.torn = !end.torn; /* a state of its own */
		struct packed packed = pack(&end);
		explore_step(x, &packed, check_end(&s), "nothing can happen any more");
	}
}

/* ---- the program ---- */

static struct explored run_scene(const struct scene *which, enum rule rule, bool print)
{
	struct state first = {
		.kills = which->kills,
		.stops = which->stops,
		.starts = which->starts,
		.spills = which->spills,
		.shorts = which->shorts,
	};
	scene = which;
	const struct packed packed = pack(&first);
	return explore(&packed, steps, &rule, STATES_MAX, print);
}

static bool run_whole(void)
{
	bool ok = true;
	for (int i = 0; i < SCENES; i++) {
		struct explored got = run_scene(&scenes[i], RULE_NONE, true);
		printf("%-60s %8zu states, %8zu steps: %s\n", scenes[i].text, got.state_count, got.step_count,
			got.wrong ? got.wrong : "all is well");
		ok = ok && !got.wrong;
	}
	return ok;
}

static bool run_rule(enum rule rule, bool print)
{
	if (print)
		printf("%s: %s\n", rules[rule].name, rules[rule].text);
	struct explored got = run_scene(&scenes[rules[rule].scene], rule, print);
	printf("without %-12s %8zu states: %s\n", rules[rule].name, got.state_count,
		got.wrong ? got.wrong : "NOTHING WAS FOUND");
	return got.wrong != NULL;
}

int main(int argc, char **argv)
{
	bool ok = true;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 1) {
		for (int rule = 0; rule < RULE_COUNT; rule++)
			ok = run_rule((enum rule)rule, false) && ok;
		return run_whole() && ok ? 0 : 1;
	}
	if (argc == 2 && strcmp(argv[1], "whole") == 0)
		return run_whole() ? 0 : 1;
	for (int rule = 0; argc == 2 && rule < RULE_COUNT; rule++)
		if (strcmp(argv[1], rules[rule].name) == 0)
			return run_rule((enum rule)rule, true) ? 0 : 1;
	fprintf(stderr, "usage: %s [whole | RULE], the rules being\n", argv[0]);
	for (int rule = 0; rule < RULE_COUNT; rule++)
		fprintf(stderr, "  %-12s %s\n", rules[rule].name, rules[rule].text);
	return 2;
}
