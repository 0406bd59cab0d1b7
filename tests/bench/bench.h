/* bench/bench.h: what the benches share: a temporary store, time, medians, and a table or JSON of the
 * results.
 *
 * Each figure is the median of BENCH_ROUNDS rounds, taken alternately with its peer's in one run, because two
 * runs on a shared machine differ by more than most changes do. Read the ratios; the absolute numbers are
 * this machine's at this minute. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "base/buf.h"

enum { BENCH_ROUNDS = 5 };

struct bench {
	const char *name; /* of the program, for JSON */
	bool json;
	struct buf rows;  /* JSON rows so far */
	char folder[256]; /* a new store; removed at the end */
};

/* Parse --json and --help (which prints `about` and ends), make the folder. Ends the program on a wrong
 * option. */
void bench_init(struct bench *bench, const char *name, const char *about, int argc, char **argv);
/* Print what is left to print, remove the folder. */
void bench_fini(struct bench *bench);

/* A line of explanation above the rows that follow; not in JSON. */
void bench_say(struct bench *bench, const char *text);
/* One result: value with its unit, and how many times its peer's value it is (peer NAN: no peer). */
void bench_row(struct bench *bench, const char *what, double value, const char *unit, double peer,
	const char *peer_name);

int64_t bench_now_ns(void);
/* Sorts in place. */
double bench_median(double *values, size_t count);
double bench_quantile(double *values, size_t count, double q);
/* End the program with a message when ok is false. */
void bench_check(bool ok, const char *what);

/* The collector `burr` beside this program, started on the bench's store; stopped by bench_stop_collector.
 * Returns when it has the right to append. */
int bench_start_collector(struct bench *bench);
void bench_stop_collector(int pid);

#endif
