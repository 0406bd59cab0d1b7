/* http/topics_inside.h: what topics.c and reader.c share. */
#ifndef HTTP_TOPICS_INSIDE_H
#define HTTP_TOPICS_INSIDE_H

#include "http/topics.h"

#include <h2o/memory.h>
#include <pthread.h>

enum { TOPICS_SLOTS = 4096 };

struct delta {
	h2o_linklist_t of_all;   /* topics->deltas */
	h2o_linklist_t of_topic; /* topic->deltas */
	struct topic *topic;
	uint64_t number;
	bool whole; /* else the reader must fetch, too */
	size_t len;
	char text[];
};

struct topic {
	h2o_linklist_t seats;         /* struct seat.of_topic */
	h2o_linklist_t deltas;        /* by number */
	h2o_linklist_t of_pending;    /* in topics->waiting or topics->due, while there are changes */
	h2o_linklist_t of_idle;       /* in topics->idle, while it has no seats */
	struct http_changes *changes; /* NULL: none; its members are malloc'd */
	bool making;                  /* the maker has it: it is not dropped */
	int64_t calm_ms;              /* when it has waited for all its deltas so far; past: it is calm */
	int64_t idle_ms;              /* since when it is idle */
	uint64_t newest;              /* number of its newest delta; 0: none was made */
	uint64_t lost; /* what was published before this number may be in no delta that is kept */
	size_t len;
	char name[];
};

struct topics {
	http_delta_fn *make_delta; /* constant, as the next three */
	void *make_ctx;
	void (*wake)(void *ctx);
	void *wake_ctx;
	pthread_mutex_t lock; /* of all below, and of what hangs on it */
	void *by_name;        /* a tree of struct topic */
	h2o_linklist_t waiting, due, idle;
	h2o_linklist_t deltas; /* of all topics, by number */
	size_t idle_count;
	bool maker_runs;
	struct topics_stats stats;
	/* By the hash of a topic that is not here: a number behind the last publish of it, and of others. */
	uint64_t last[TOPICS_SLOTS];
};

/* One of a reader's topics. */
struct seat {
	h2o_linklist_t of_topic;
	struct topic *topic;
	struct reader *reader;
	uint64_t done; /* what has a number up to this is not for it */
};

/* The topic, made where it is missing; NULL without memory. */
struct topic *topics_get_locked(struct topics *topics, struct slice name);
/* The last of its seats went. */
void topics_idle_locked(struct topics *topics, struct topic *topic);

#endif
