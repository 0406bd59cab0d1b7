/* Topics, their changes, the maker and the rings. Lock order: topics.lock, then what wake takes. */
#include "http/topics.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "http/hash.h"
#include "http/topics_inside.h"

#include <search.h>
#include <stdlib.h>

enum {
	MAKES_A_JOB = 8, /* then requests that wait for a worker have their turn */
};

static int64_t now_ms(void)
{
	return clock_mono_ns() / 1000000;
}

/* ---- by name ---- */

static int compare_topics(const void *a, const void *b)
{
	const struct topic *left = a, *right = b;
	if (left->len != right->len)
		return left->len < right->len ? -1 : 1;
	return memcmp(left->name, right->name, left->len);
}

static uint64_t *slot_of(struct topics *topics, struct slice name)
{
	return &topics->last[http_hash(name.data, name.len) % TOPICS_SLOTS];
}

static struct topic *find_locked(struct topics *topics, struct slice name)
{
	/* The key for looking it up, made here as a publish happens a thousand times a second. */
	union {
		struct topic topic;
		char room[sizeof(struct topic) + TOPICS_NAME_MAX + 1];
	} key;
	key.topic.len = name.len;
	memcpy(key.room + offsetof(struct topic, name), name.data, name.len);
	struct topic **found = tfind(&key, &topics->by_name, compare_topics);
	return found ? *found : NULL;
}

struct topic *topics_get_locked(struct topics *topics, struct slice name)
{
	struct topic *topic = find_locked(topics, name);
	if (topic)
		return topic;
	topic = calloc(1, sizeof(*topic) + name.len + 1);
	if (!topic)
		return NULL;
	h2o_linklist_init_anchor(&topic->seats);
	h2o_linklist_init_anchor(&topic->deltas);
	topic->len = name.len;
	memcpy(topic->name, name.data, name.len);
	topic->lost = *slot_of(topics, name);
	if (tsearch(topic, &topics->by_name, compare_topics))
		return topic;
	free(topic);
	return NULL;
}

/* ---- changes ---- */

static void freshen_locked(struct topic *topic)
{
	h2o_linklist_t *node;
	for (node = topic->seats.next; node != &topic->seats; node = node->next) {
		struct seat *seat = H2O_STRUCT_FROM_MEMBER(struct seat, of_topic, node);
		if (!h2o_linklist_is_linked(&seat->reader->of_fresh))
			h2o_linklist_insert(seat->reader->fresh, &seat->reader->of_fresh);
	}
}

static void free_changes(struct http_changes *changes)
{
	for (size_t i = 0; changes && i < changes->member_count; i++)
		free((char *)changes->members[i].data);
	free(changes);
}

static bool has_member(const struct http_changes *changes, struct slice member)
{
	for (size_t i = changes->member_count; i > 0; i--)
		if (slice_eq(changes->members[i - 1], member))
			return true;
	return false;
}

static void add_member(struct http_changes *changes, struct slice member)
{
	if (!member.data || changes->more_members || has_member(changes, member))
		return;
	char *copy = changes->member_count < HTTP_MEMBERS_MAX ? slice_dup(member) : NULL;
	if (copy)
		changes->members[changes->member_count++] = (struct slice){copy, member.len};
	else
		changes->more_members = true;
}

static void add_change_locked(struct topics *topics, struct topic *topic, const struct http_change *change)
{
	if (!topic->changes)
		topic->changes = calloc(1, sizeof(*topic->changes));
	if (!topic->changes) { /* without memory nobody knows what changed */
		topic->lost = topics->stats.cursor;
		freshen_locked(topic);
		topics->wake(topics->wake_ctx);
		return;
	}
	add_member(topic->changes, change->member);
	if (change->numbers)
		ranges_add_all(&topic->changes->numbers, change->numbers);
	if (h2o_linklist_is_linked(&topic->of_pending))
		return;
	h2o_linklist_insert(&topics->waiting, &topic->of_pending);
	topics->wake(topics->wake_ctx);
}

void topics_publish(struct topics *topics, const struct http_change *change)
{
	struct slice name = change->topic;
	pthread_mutex_lock(&topics->lock);
	uint64_t number = ++topics->stats.cursor;
	if (name.data && name.len <= TOPICS_NAME_MAX) { /* longer ones cannot be listened to */
		struct topic *topic = find_locked(topics, name);
		if (topic)
			add_change_locked(topics, topic, change);
		else
			*slot_of(topics, name) = number;
	}
	pthread_mutex_unlock(&topics->lock);
}

/* ---- rings ---- */

static void drop_delta_locked(struct topics *topics, struct delta *delta)
{
	delta->topic->lost = delta->number;
	topics->stats.kept_bytes -= delta->len;
	h2o_linklist_unlink(&delta->of_all);
	h2o_linklist_unlink(&delta->of_topic);
	free(delta);
}

/* {"topic":…,"cursor":…,"refetch":…,"delta":…} */
static struct delta *new_delta(struct topic *topic, uint64_t number, bool whole, struct slice body)
{
	struct buf text = BUF_INIT;
	json_put_open(&text, '{');
	json_put_member(&text, "topic", (struct slice){topic->name, topic->len});
	json_put_key(&text, SLICE_LIT("cursor"));
	json_put_uint(&text, number);
	json_put_member_bool(&text, "refetch", !whole);
	json_put_member_raw(&text, "delta", body);
	json_put_close(&text, '}');
	struct delta *delta = text.failed ? NULL : calloc(1, sizeof(*delta) + text.len);
	if (delta) {
		delta->topic = topic;
		delta->number = number;
		delta->whole = whole;
		delta->len = text.len;
		memcpy(delta->text, text.data, text.len);
	}
	buf_fini(&text);
	return delta;
}

static void keep_delta_locked(struct topics *topics, struct topic *topic, bool whole, struct slice body)
{
	uint64_t number = ++topics->stats.cursor;
	struct delta *delta = new_delta(topic, number, whole, body);
	topics->stats.deltas++;
	topic->newest = number;
	if (delta) {
		h2o_linklist_insert(&topics->deltas, &delta->of_all);
		h2o_linklist_insert(&topic->deltas, &delta->of_topic);
		topics->stats.kept_bytes += delta->len;
	} else {
		topic->lost = number;
	}
	while (topics->stats.kept_bytes > TOPICS_KEPT_BYTES)
		drop_delta_locked(topics, H2O_STRUCT_FROM_MEMBER(struct delta, of_all, topics->deltas.next));
	freshen_locked(topic);
}

/* ---- those that nobody listens to ---- */

static void drop_topic_locked(struct topics *topics, struct topic *topic)
{
	struct slice name = {topic->name, topic->len};
	uint64_t *slot = slot_of(topics, name);
	uint64_t last = topic->changes || topic->lost > topic->newest ? topics->stats.cursor : topic->newest;
	*slot = *slot > last ? *slot : last;
	while (!h2o_linklist_is_empty(&topic->deltas))
		drop_delta_locked(topics, H2O_STRUCT_FROM_MEMBER(struct delta, of_topic, topic->deltas.next));
	if (h2o_linklist_is_linked(&topic->of_pending))
		h2o_linklist_unlink(&topic->of_pending);
	if (h2o_linklist_is_linked(&topic->of_idle)) {
		h2o_linklist_unlink(&topic->of_idle);
		topics->idle_count--;
	}
	tdelete(topic, &topics->by_name, compare_topics);
	free_changes(topic->changes);
	free(topic);
}

/* The oldest first; one that is being made something of goes the next time. */
static void drop_idle_locked(struct topics *topics, int64_t now)
{
	while (!h2o_linklist_is_empty(&topics->idle)) {
		struct topic *topic = H2O_STRUCT_FROM_MEMBER(struct topic, of_idle, topics->idle.next);
		bool old = now - topic->idle_ms >= TOPICS_LINGER_MS || topics->idle_count > TOPICS_IDLE_MAX;
		if (!old || topic->making)
			return;
		drop_topic_locked(topics, topic);
	}
}

void topics_idle_locked(struct topics *topics, struct topic *topic)
{
	topic->idle_ms = now_ms();
	h2o_linklist_insert(&topics->idle, &topic->of_idle);
	topics->idle_count++;
	drop_idle_locked(topics, topic->idle_ms);
}

/* ---- making ---- */

/* TOPICS_MERGE_MS are to be waited for each delta, but the last few of these may be owed. */
static bool may_make(const struct topic *topic, int64_t now)
{
	return topic->calm_ms <= now + (TOPICS_BURST - 1) * TOPICS_MERGE_MS;
}

bool topics_schedule(struct topics *topics, bool *out_waits)
{
	int64_t now = now_ms();
	h2o_linklist_t *node, *next;
	pthread_mutex_lock(&topics->lock);
	drop_idle_locked(topics, now);
	for (node = topics->waiting.next; node != &topics->waiting; node = next) {
		next = node->next;
		struct topic *topic = H2O_STRUCT_FROM_MEMBER(struct topic, of_pending, node);
		if (topic->making || !may_make(topic, now))
			continue;
		h2o_linklist_unlink(node);
		h2o_linklist_insert(&topics->due, node);
	}
	bool submit = !topics->maker_runs && !h2o_linklist_is_empty(&topics->due);
	topics->maker_runs = topics->maker_runs || submit;
	*out_waits = !h2o_linklist_is_empty(&topics->waiting);
	pthread_mutex_unlock(&topics->lock);
	return submit;
}

void topics_give_up(struct topics *topics)
{
	pthread_mutex_lock(&topics->lock);
	topics->maker_runs = false;
	pthread_mutex_unlock(&topics->lock);
}

/* The next that is due, with its changes; NULL: there is none, and the maker's work is over. */
static struct topic *take_due(struct topics *topics, struct http_changes **out_changes)
{
	struct topic *topic = NULL;
	pthread_mutex_lock(&topics->lock);
	if (h2o_linklist_is_empty(&topics->due)) {
		topics->maker_runs = false;
	} else {
		topic = H2O_STRUCT_FROM_MEMBER(struct topic, of_pending, topics->due.next);
		h2o_linklist_unlink(&topic->of_pending);
		*out_changes = topic->changes;
		topic->changes = NULL;
		topic->making = true;
		int64_t now = now_ms();
		topic->calm_ms = (topic->calm_ms > now ? topic->calm_ms : now) + TOPICS_MERGE_MS;
	}
	pthread_mutex_unlock(&topics->lock);
	return topic;
}

static void make_one(
	struct topics *topics, struct topic *topic, struct http_changes *changes, unsigned worker)
{
	struct buf body = BUF_INIT;
	bool whole = true;
	changes->topic = (struct slice){topic->name, topic->len};
	bool made = topics->make_delta &&
		    topics->make_delta(changes, TOPICS_DELTA_MAX, worker, topics->make_ctx, &body, &whole);
	made = made && !body.failed && body.len <= TOPICS_DELTA_MAX;
	pthread_mutex_lock(&topics->lock);
	keep_delta_locked(topics, topic, made && whole, made ? buf_slice(&body) : SLICE_NONE);
	topic->making = false;
	topics->wake(topics->wake_ctx);
	pthread_mutex_unlock(&topics->lock);
	buf_fini(&body);
	free_changes(changes);
}

bool topics_make(struct topics *topics, unsigned worker)
{
	for (int i = 0; i < MAKES_A_JOB; i++) {
		struct http_changes *changes = NULL;
		struct topic *topic = take_due(topics, &changes);
		if (!topic)
			return false;
		make_one(topics, topic, changes, worker);
	}
	return true;
}

/* ---- opening and closing ---- */

burr_status topics_open(http_delta_fn *make_delta, void *make_ctx, void (*wake)(void *ctx), void *wake_ctx,
	struct topics **out_topics, burr_error *err)
{
	struct topics *topics = calloc(1, sizeof(*topics));
	if (!topics)
		return burr_fail(err, BURR_ENOMEM, "no memory for topics");
	topics->make_delta = make_delta;
	topics->make_ctx = make_ctx;
	topics->wake = wake;
	topics->wake_ctx = wake_ctx;
	pthread_mutex_init(&topics->lock, NULL);
	h2o_linklist_init_anchor(&topics->waiting);
	h2o_linklist_init_anchor(&topics->due);
	h2o_linklist_init_anchor(&topics->idle);
	h2o_linklist_init_anchor(&topics->deltas);
	topics->stats.cursor = (uint64_t)(clock_wall_ns() / 1000);
	for (size_t i = 0; i < TOPICS_SLOTS; i++)
		topics->last[i] = topics->stats.cursor; /* what was before is not known */
	*out_topics = topics;
	return BURR_OK;
}

void topics_free(struct topics *topics)
{
	if (!topics)
		return;
	while (topics->by_name)
		drop_topic_locked(topics, *(struct topic **)topics->by_name); /* the root's */
	pthread_mutex_destroy(&topics->lock);
	free(topics);
}

uint64_t topics_cursor(struct topics *topics)
{
	pthread_mutex_lock(&topics->lock);
	uint64_t cursor = topics->stats.cursor;
	pthread_mutex_unlock(&topics->lock);
	return cursor;
}

void topics_get_stats(struct topics *topics, struct topics_stats *out)
{
	pthread_mutex_lock(&topics->lock);
	*out = topics->stats;
	pthread_mutex_unlock(&topics->lock);
}
