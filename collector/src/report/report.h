/* report/report.h: what the collector says to its owner: lines on stderr, with the time.
 *
 * Threads: any. A line is one write. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <burr/status.h>

/* "12:03:04 text\n" in the machine's zone. */
void report(const char *fmt, ...) BURR_PRINTF(1, 2);

/* The same at most once in every_ms for each place of the program (each fmt), with how many were left out:
 * what a broken or hostile peer can cause costs no disk and no attention. */
void report_seldom(int every_ms, const char *fmt, ...) BURR_PRINTF(2, 3);

#endif
