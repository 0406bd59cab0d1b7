/* Readers of topics: what each has not had yet. */
#include "base/error.h"
#include "base/json.h"
#include "http/topics_inside.h"

#include <stdlib.h>

/* ---- opening and closing ---- */

static struct slice next_name(struct slice *rest)
{
	const char *comma = memchr(rest->data, ',', rest->len);
	struct slice name = {rest->data, comma ? (size_t)(comma - rest->data) : rest->len};
	size_t taken = name.len + (comma ? 1 : 0);
	*rest = (struct slice){rest->data + taken, rest->len - taken};
	return name;
}

static burr_status check_names(struct slice names, size_t *out_count, burr_error *err)
{
	size_t count = 0;
	while (names.len) {
		struct slice name = next_name(&names);
		if (name.len == 0)
			continue;
		if (name.len > TOPICS_NAME_MAX)
			return burr_fail(err, BURR_EINVAL, "topics: number %zu is over %d bytes", count + 1,
				TOPICS_NAME_MAX);
		if (++count > TOPICS_PER_READER)
			return burr_fail(err, BURR_EINVAL, "topics: over %d of them", TOPICS_PER_READER);
	}
	if (count == 0)
		return burr_fail(err, BURR_EINVAL, "topics: what to listen to is missing; by commas");
	*out_count = count;
	return BURR_OK;
}

static bool has_seat(const struct reader *reader, const struct topic *topic)
{
	for (size_t i = 0; i < reader->seat_count; i++)
		if (reader->seats[i].topic == topic)
			return true;
	return false;
}

static bool take_seat_locked(struct reader *reader, struct slice name)
{
	struct topics *topics = reader->topics;
	struct topic *topic = topics_get_locked(topics, name);
	if (!topic || has_seat(reader, topic))
		return topic != NULL;
	if (h2o_linklist_is_linked(&topic->of_idle)) {
		h2o_linklist_unlink(&topic->of_idle);
		topics->idle_count--;
	}
	struct seat *seat = &reader->seats[reader->seat_count++];
	*seat = (struct seat){.topic = topic, .reader = reader, .done = reader->told};
	h2o_linklist_insert(&topic->seats, &seat->of_topic);
	return true;
}

/* 0, before all, for what is no number of ours. */
static uint64_t place_of(const struct topics *topics, struct slice last)
{
	int64_t number = 0;
	if (!last.len)
		return topics->stats.cursor;
	if (!json_to_int(last, &number) || number < 0 || (uint64_t)number > topics->stats.cursor)
		return 0;
	return (uint64_t)number;
}

burr_status reader_open(struct reader *reader, struct topics *topics, struct slice names, struct slice last,
	h2o_linklist_t *fresh, burr_error *err)
{
	size_t count = 0;
	burr_status status = check_names(names, &count, err);
	if (status != BURR_OK)
		return status;
	reader->seats = calloc(count, sizeof(*reader->seats));
	if (!reader->seats)
		return burr_fail(err, BURR_ENOMEM, "no memory for %zu topics", count);
	reader->topics = topics;
	reader->fresh = fresh;
	bool all = true;
	pthread_mutex_lock(&topics->lock);
	reader->told = place_of(topics, last);
	while (all && names.len) {
		struct slice name = next_name(&names);
		all = !name.len || take_seat_locked(reader, name);
	}
	pthread_mutex_unlock(&topics->lock);
	if (all)
		return BURR_OK;
	reader_close(reader);
	return burr_fail(err, BURR_ENOMEM, "no memory for %zu topics", count);
}

void reader_close(struct reader *reader)
{
	struct topics *topics = reader->topics;
	if (!topics)
		return;
	pthread_mutex_lock(&topics->lock);
	if (h2o_linklist_is_linked(&reader->of_fresh))
		h2o_linklist_unlink(&reader->of_fresh);
	for (size_t i = 0; i < reader->seat_count; i++) {
		struct seat *seat = &reader->seats[i];
		h2o_linklist_unlink(&seat->of_topic);
		if (h2o_linklist_is_empty(&seat->topic->seats))
			topics_idle_locked(topics, seat->topic);
	}
	pthread_mutex_unlock(&topics->lock);
	free(reader->seats);
	*reader = (struct reader){.topics = NULL};
}

/* ---- taking ---- */

struct taking {
	reader_put_fn *put;
	void *ctx;
	size_t bytes;
};

static void give_locked(struct reader *reader, struct taking *taking, struct slice data, bool whole)
{
	reader->topics->stats.told++;
	reader->topics->stats.refetches += !whole;
	taking->bytes += data.len;
	taking->put(data, reader->told, taking->ctx);
}

/* What is lost to this seat is for the reader to fetch, and with that it has all until now. */
static void give_refetch_locked(struct seat *seat, struct taking *taking)
{
	struct reader *reader = seat->reader;
	struct buf data = BUF_INIT;
	seat->done = reader->topics->stats.cursor;
	json_put_open(&data, '{');
	json_put_member(&data, "topic", (struct slice){seat->topic->name, seat->topic->len});
	json_put_key(&data, SLICE_LIT("cursor"));
	json_put_uint(&data, seat->done);
	json_put_member_bool(&data, "refetch", true);
	json_put_member_raw(&data, "delta", SLICE_NONE);
	json_put_close(&data, '}');
	give_locked(reader, taking, buf_slice(&data), false);
	buf_fini(&data);
}

/* The first of the seat's deltas that it has not had; NULL: none. */
static struct delta *next_of(const struct seat *seat)
{
	struct delta *next = NULL;
	h2o_linklist_t *node = seat->topic->deltas.prev;
	if (seat->topic->newest <= seat->done)
		return NULL;
	for (; node != &seat->topic->deltas; node = node->prev) {
		struct delta *delta = H2O_STRUCT_FROM_MEMBER(struct delta, of_topic, node);
		if (delta->number <= seat->done)
			break;
		next = delta;
	}
	return next;
}

static struct delta *next_locked(const struct reader *reader, struct seat **out_seat)
{
	struct delta *next = NULL;
	for (size_t i = 0; i < reader->seat_count; i++) {
		struct delta *delta = next_of(&reader->seats[i]);
		if (!delta || (next && next->number < delta->number))
			continue;
		next = delta;
		*out_seat = &reader->seats[i];
	}
	return next;
}

void reader_take(struct reader *reader, reader_put_fn *put, void *ctx)
{
	struct topics *topics = reader->topics;
	struct taking taking = {put, ctx, 0};
	struct seat *seat = NULL;
	struct delta *delta;
	pthread_mutex_lock(&topics->lock);
	if (h2o_linklist_is_linked(&reader->of_fresh))
		h2o_linklist_unlink(&reader->of_fresh);
	for (size_t i = 0; i < reader->seat_count; i++)
		if (reader->seats[i].topic->lost > reader->seats[i].done)
			give_refetch_locked(&reader->seats[i], &taking);
	while ((delta = next_locked(reader, &seat)) && taking.bytes < TOPICS_DELTA_MAX) {
		seat->done = reader->told = delta->number;
		give_locked(reader, &taking, (struct slice){delta->text, delta->len}, delta->whole);
	}
	/* What changed and is in no delta yet will be in one with a higher number. */
	if (!delta)
		reader->told = topics->stats.cursor;
	pthread_mutex_unlock(&topics->lock);
}

struct reader *reader_next_fresh(struct topics *topics, h2o_linklist_t *fresh)
{
	struct reader *reader = NULL;
	pthread_mutex_lock(&topics->lock);
	if (!h2o_linklist_is_empty(fresh)) {
		reader = H2O_STRUCT_FROM_MEMBER(struct reader, of_fresh, fresh->next);
		h2o_linklist_unlink(fresh->next);
	}
	pthread_mutex_unlock(&topics->lock);
	return reader;
}
