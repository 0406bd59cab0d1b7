/* bench/ask.h: HTTP as a client of one connection asks it, and how long answers take.
 *
 * Bodies are read and thrown away, chunked ones too, so a figure is what a reader waits for and no more. */
#ifndef BENCH_ASK_H
#define BENCH_ASK_H

#include "bench/bench.h"

#include <netinet/in.h>

struct asker {
	in_port_t port;
	int fd; /* -1: not connected */
	char bytes[1 << 16];
	size_t len, at;
};

/* The port of the collector of a store, once it has said it. */
in_port_t ask_port(const char *store);
/* A connection to a port of this machine; -1: none. */
int ask_connect(in_port_t port);
void ask_open(struct asker *asker, in_port_t port);
void ask_close(struct asker *asker);
/* One GET on a connection that is kept; connects anew where the other side ended it. The bytes of the body;
 * ends the bench when the answer is not 200. */
size_t ask_get(struct asker *asker, const char *path);
/* Until a server answers 200 to this path. */
void ask_until_ready(in_port_t port, const char *path);

struct timing {
	double cold_us; /* of the first */
	double median_us, p99_us;
	double bytes;
};
/* Ask so often, or for so long, whatever comes first, and once at least. */
struct timing ask_time(in_port_t port, const char *path, int count, double most_s);

#endif
