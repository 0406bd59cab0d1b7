#include "cli/human.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wchar.h>

void human_count(struct buf *out, uint64_t count)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf_append_char(out, ',');
		buf_append_char(out, digits[i]);
	}
}

void human_bytes(struct buf *out, uint64_t bytes)
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	if (bytes < 1000) {
		buf_printf(out, "%u B", (unsigned)bytes);
		return;
	}
	double size = (double)bytes / 1000;
	size_t unit = 0;
	for (; size >= 999.5 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
		size /= 1000;
	buf_printf(out, "%.*f %s", size < 9.95 ? 1 : 0, size, units[unit]);
}

void human_duration(struct buf *out, int64_t us)
{
	if (us < 0)
		us = 0;
	int64_t s = us / 1000000;
	if (us < 1000)
		buf_printf(out, "%d µs", (int)us);
	else if (us < 1000000)
		buf_printf(out, "%.*f ms", us < 100000 ? 1 : 0, (double)us / 1000);
	else if (s < 60)
		buf_printf(out, "%.1f s", (double)us / 1000000);
	else if (s < 3600)
		buf_printf(out, "%d min %d s", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		buf_printf(out, "%d h %d min", (int)(s / 3600), (int)(s / 60 % 60));
	else
		buf_printf(out, "%lld d %d h", (long long)(s / 86400), (int)(s / 3600 % 24));
}

static time_t floor_seconds(int64_t us)
{
	return (time_t)(us >= 0 ? us / 1000000 : (us - 999999) / 1000000);
}

void human_moment(struct buf *out, int64_t us)
{
	struct tm tm;
	struct tm now_tm;
	char text[64];
	time_t seconds = floor_seconds(us);
	time_t now = time(NULL);
	if (!localtime_r(&seconds, &tm))
		return; /* a year that no calendar has */
	localtime_r(&now, &now_tm);
	size_t len;
	if (tm.tm_year != now_tm.tm_year)
		len = strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
	else if (tm.tm_yday != now_tm.tm_yday)
		len = strftime(text, sizeof(text), "%b %e %H:%M", &tm);
	else
		len = strftime(text, sizeof(text), "%H:%M:%S", &tm);
	buf_append(out, text, len);
}

int64_t human_time_us(const char *log_time)
{
	struct tm tm;
	int64_t us;
	bool zoned;
	if (!time_parse(slice_of(log_time), &us, &zoned))
		return INT64_MIN;
	if (zoned)
		return us;
	/* The number is that of the text read as UTC: take it apart and read it as local. */
	time_t seconds = floor_seconds(us);
	gmtime_r(&seconds, &tm);
	tm.tm_isdst = -1;
	return us + (int64_t)(mktime(&tm) - seconds) * 1000000;
}

void human_time(struct buf *out, const char *log_time)
{
	int64_t us = human_time_us(log_time);
	if (us == INT64_MIN)
		human_text(out, slice_of(log_time));
	else
		human_moment(out, us);
}

void human_path(struct buf *out, const char *path)
{
	const char *home = getenv("HOME");
	size_t len = home ? strlen(home) : 0;
	if (len > 1 && strncmp(path, home, len) == 0 && (path[len] == '/' || !path[len])) {
		buf_append_char(out, '~');
		path += len;
	}
	human_text(out, slice_of(path));
}

/* ---- text on a terminal ---- */

/* The code point at text[0], its length in *out_len; -1 for a byte that begins none. */
static int32_t decode(struct slice text, size_t *out_len)
{
	const unsigned char *b = (const unsigned char *)text.data;
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = b[0] < 0x80 ? 1 : b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : b[0] >= 0xc0 ? 2 : 0;
	*out_len = 1;
	if (len == 0 || len > text.len || b[0] > 0xf4)
		return -1;
	uint32_t code = len == 1 ? b[0] : b[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return -1;
		code = code << 6 | (b[i] & 0x3fu);
	}
	if (code < smallest[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return -1;
	*out_len = len;
	return (int32_t)code;
}

static bool is_steering(int32_t code)
{
	return code < ' ' || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

void human_text(struct buf *out, struct slice text)
{
	size_t len;
	for (size_t i = 0; i < text.len; i += len) {
		int32_t code = decode((struct slice){text.data + i, text.len - i}, &len);
		if (code == '\n' || code == '\t' || code == '\r')
			buf_append_char(out, ' ');
		else if (is_steering(code))
			buf_append_str(out, "\xef\xbf\xbd");
		else
			buf_append(out, text.data + i, len);
	}
}

static size_t columns_of(int32_t code)
{
	int width = wcwidth((wchar_t)code);
	return width < 0 ? 1 : (size_t)width;
}

size_t human_width(struct slice text)
{
	size_t columns = 0;
	size_t len;
	for (size_t i = 0; i < text.len; i += len)
		columns += columns_of(decode((struct slice){text.data + i, text.len - i}, &len));
	return columns;
}

size_t human_fit(struct slice text, size_t columns)
{
	size_t len;
	size_t i = 0;
	for (size_t used = 0; i < text.len; i += len) {
		used += columns_of(decode((struct slice){text.data + i, text.len - i}, &len));
		if (used > columns)
			break;
	}
	return i;
}
