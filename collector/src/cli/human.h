/* cli/human.h: numbers, times and paths as people read them. Each appends to a buf. */
#ifndef CLI_HUMAN_H
#define CLI_HUMAN_H

#include "base/buf.h"

/* 1234567 → "1,234,567". */
void human_count(struct buf *out, uint64_t count);
/* 4567890 → "4.6 MB"; powers of ten. */
void human_bytes(struct buf *out, uint64_t bytes);
/* A duration from a microsecond to days: "310 µs", "1.8 s", "3 min 20 s", "2 d 4 h". */
void human_duration(struct buf *out, int64_t us);
/* A moment (microseconds since 1970) in the machine's zone: "14:03:12" for today, "Nov 20 14:03", "2024-08-27
 * 11:58". */
void human_moment(struct buf *out, int64_t us);
/* A time as a log has it, likewise. A time that names no zone is taken as the machine's; what is no time
 * comes as it stands. */
void human_time(struct buf *out, const char *log_time);
/* As a moment; INT64_MIN for what is no time. */
int64_t human_time_us(const char *log_time);
/* A path below the home folder begins with "~". */
void human_path(struct buf *out, const char *path);

/* Append text so that it can neither break a line nor steer a terminal: control characters and what is no
 * UTF-8 become U+FFFD, line ends a space. */
void human_text(struct buf *out, struct slice text);
/* The columns that text (already clean) takes on a terminal. */
size_t human_width(struct slice text);
/* The longest part of text, in bytes, that takes at most `columns`. */
size_t human_fit(struct slice text, size_t columns);

#endif
