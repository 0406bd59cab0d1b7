/* bench/peers.h: what burr's record path is measured beside, each in a file of its own. A peer comes from its
 * Debian package, is looked for when the build is configured, and may be absent. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "bench/bench.h"

/* What one call records: burr and LTTng take the state, write(2) and spdlog the line that the log gets. */
struct payload {
	const char *state; /* JSON text */
	const char *line;  /* of a log, its newline at the end */
	size_t line_len;
};

enum { RECORDER_THREADS_MAX = 4 };

/* Something that records single calls. */
struct recorder {
	const char *name;
	/* Why it cannot run here; NULL: it can. NULL function: always. */
	const char *(*missing)(void);
	/* In the bench, before and after the process that records: its daemon. The folder is the round's. */
	void (*begin)(struct bench *bench, const char *folder);
	void (*end)(struct bench *bench);
	/* In a process of its own. */
	void *(*open)(const char *folder, int threads);
	void (*record)(void *ctx, int thread, int64_t number, const struct payload *payload);
	void (*drain)(void *ctx);
	void (*close)(void *ctx);
};

/* A tracepoint; its session daemon is started for the bench alone. */
extern const struct recorder lttng_recorder;
/* How many events its buffers had no room for, so far. */
uint64_t lttng_discarded(void);
/* End the daemon, if there is one. */
void lttng_stop(void);

/* An asynchronous logger with a file below it. */
extern const struct recorder spdlog_recorder;

/* A way for many records from many processes into many logs. */
struct load {
	int writers;
	int apps;
	size_t line_len;  /* of a record as it is stored, in bytes */
	size_t state_len; /* of the state in it */
};

struct way {
	const char *name;
	const char *(*missing)(void); /* as in struct recorder */
	/* Start its server for a round in a new folder; its pid, to be ended by bench_stop. NULL: it has
	 * none. */
	pid_t (*start)(const char *folder, const struct load *load);
	/* In each writer's process. */
	void *(*open)(const char *folder, const struct load *load);
	void (*put)(void *ctx, int app, int64_t number, const struct payload *payload);
	/* Wait until all that was put is in its log. */
	void (*drain)(void *ctx);
	void (*close)(void *ctx);
	bool lasting; /* a later round may go on in the folder of an earlier one, at no cost */
};

/* With a collector, and with the writers storing by themselves. */
extern const struct way burr_way;
extern const struct way burr_store_way;
/* Redis streams, appended to a file that is synced every second; pipelined by 100. */
extern const struct way redis_way;
/* A Unix stream socket to a process that writes each application's bytes of a batch of 1 MiB by one write(2).
 */
extern const struct way socket_way;

#endif
