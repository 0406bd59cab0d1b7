/* bench/bench.h: what the benches share: a temporary folder, processes, time, medians, and tables or JSON of
 * the results.
 *
 * Each figure is the median of BENCH_ROUNDS rounds, taken alternately with its peers' in one run, because two
 * runs on a shared machine differ by more than most changes do. Read the ratios; the absolute numbers are
 * this machine's at this minute.
 *
 * A bench is two processes: bench_init forks, the child goes on as the bench, and the parent waits for its
 * end, whatever that is (a result, a failed check, a signal), then ends every process that is left of it,
 * daemons too, and removes the folder. So a bench may end anywhere. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "base/buf.h"

#include <sys/types.h>

enum { BENCH_ROUNDS = 5, BENCH_COLUMNS = 8, BENCH_PATH = 400, BENCH_EXTRA = 8 };

struct bench {
	const char *name; /* of the program, for JSON */
	bool json;
	bool long_ones;            /* --long: those that take minutes, too, where there are any */
	struct buf rows;           /* JSON rows so far */
	struct buf skipped;        /* JSON of what was left out */
	char (*extra)[BENCH_PATH]; /* shared with the process that clears up; the first "" ends it */
	char folder[256];          /* new; a store, or for what the bench likes; removed at the end */
	/* the table begun last */
	const char *title;
	const char *unit;
	const char *base_name;
	const char *const *columns;
	size_t column_count;
};

/* Parse --json, --long and --help (which prints `about` and ends), make the folder. Ends the program on a
 * wrong option. */
void bench_init(struct bench *bench, const char *name, const char *about, int argc, char **argv);
/* Print what is left to print. */
void bench_fini(struct bench *bench);

/* A line of explanation above the rows that follow; not in JSON. */
void bench_say(struct bench *bench, const char *text);
/* One result: value with its unit, and how many times its peer's value it is (peer NAN: no peer). */
void bench_row(struct bench *bench, const char *what, double value, const char *unit, double peer,
	const char *peer_name);
/* A table: its rows have a value for each column, and how many times base_name's value that is. All borrowed
 * until the next table. */
void bench_table(struct bench *bench, const char *title, const char *unit, const char *base_name,
	const char *const *columns, size_t column_count);
/* One row; base NULL: without ratios. A value that is NAN is printed as "-". */
void bench_table_row(struct bench *bench, const char *what, const double *values, const double *base);
/* A peer, or another part, is left out, and why. */
void bench_skip(struct bench *bench, const char *what, const char *why);

/* Whether PATH has a program of this name. */
bool bench_has_program(const char *name);

int64_t bench_now_ns(void);
/* Sorts in place. */
double bench_median(double *values, size_t count);
double bench_quantile(double *values, size_t count, double q);
/* End the program with a message when ok is false. */
void bench_check(bool ok, const char *what);

/* fork, with what was printed so far flushed. 0 in the child, which must end by _exit. */
pid_t bench_fork(void);
/* Wait for a child; end the program when it failed. */
void bench_join(pid_t pid, const char *what);
/* The processor time that a process has used, in ns. */
double bench_cpu_ns(pid_t pid);
/* Wait until a process does next to nothing. */
void bench_wait_quiet(pid_t pid);
/* Start a program with its output thrown away, found by PATH. */
pid_t bench_spawn(const char *const *args);
/* Ask a child to end, wait at most 5 s, then kill it. */
void bench_stop(pid_t pid);
/* The path of a program of this build. */
void bench_program(const char *name, char out[BENCH_PATH]);
/* Zeroed memory that forked children share with the bench. */
void *bench_share(size_t len);
/* bench->folder/name, newly made, for a round. */
void bench_folder(struct bench *bench, const char *name, char out[BENCH_PATH]);
void bench_remove(const char *folder);
/* A file or folder elsewhere to remove at the end, whatever the end. */
void bench_also_remove(struct bench *bench, const char *path);

/* {"text":"xxx…"} of that length, yours to free. At least 16 bytes. */
char *bench_state(size_t len);
/* How many bytes a step's line in a log has beside its state. */
size_t bench_line_overhead(struct bench *bench);

/* The collector `burr` of this build, started on a store; stopped by bench_stop. Returns when it has the
 * right to append. */
pid_t bench_start_collector(const char *store);

#endif
