#include "app/source.h"

#include "base/clean.h"
#include "base/json.h"

#include <fcntl.h>
#include <sys/stat.h>

/* A macro call may spread over some lines, and compilers differ in which of them is __LINE__. */
enum { LINES_BACK = 8 };

static struct slice tail_from(struct slice text, size_t at)
{
	return (struct slice){text.data + at, text.len - at};
}

/* Where a line begins; text.len + 1 when there are fewer lines. */
static size_t line_start(struct slice text, int line)
{
	size_t at = 0;
	for (int i = 1; i < line; i++) {
		const char *end = memchr(text.data + at, '\n', text.len - at);
		if (!end)
			return text.len + 1;
		at = (size_t)(end - text.data) + 1;
	}
	return at;
}

static bool line_has_macro(struct slice text, size_t at)
{
	static const char macro[] = "BURR_";
	struct slice rest = tail_from(text, at);
	const char *end = memchr(rest.data, '\n', rest.len);
	size_t len = end ? (size_t)(end - rest.data) : rest.len;
	return memmem(rest.data, len, macro, sizeof(macro) - 1) != NULL;
}

/* The line where the macro call begins, or the line itself. */
static size_t macro_start(struct slice text, int line)
{
	size_t given = line_start(text, line);
	for (int back = 0; back <= LINES_BACK && back < line; back++) {
		size_t at = line_start(text, line - back);
		if (at >= text.len)
			break;
		if (line_has_macro(text, at))
			return at;
		if (back && (text.data[at] == '}' || text.data[at] == '{'))
			break;
	}
	return given;
}

/* Behind a string or character literal that begins at pos; a line's end ends it too. */
static const char *skip_literal(const char *pos, const char *end)
{
	char quote = *pos++;
	while (pos < end && *pos != quote && *pos != '\n')
		pos += *pos == '\\' && pos + 1 < end ? 2 : 1;
	return pos < end ? pos + 1 : end;
}

static const char *skip_comment(const char *pos, const char *end)
{
	const char *stop = pos[1] == '/' ? memchr(pos, '\n', (size_t)(end - pos))
					 : memmem(pos + 2, (size_t)(end - pos - 2), "*/", 2);
	if (!stop)
		return end;
	return stop + (pos[1] == '/' ? 0 : 2);
}

static bool is_comment(const char *pos, const char *end)
{
	return pos + 1 < end && *pos == '/' && (pos[1] == '/' || pos[1] == '*');
}

/* Whether a quote at pos opens a character literal: C++14 writes 1'000'000. */
static bool is_literal(const char *start, const char *pos)
{
	if (*pos == '"')
		return true;
	return *pos == '\'' && (pos == start || !strchr("0123456789abcdefABCDEF", pos[-1]) || !pos[-1]);
}

/* Bytes up to and with the brace that closes the first one opened; 0 when it does not come. */
static size_t balanced_len(struct slice text)
{
	const char *end = text.data + text.len;
	size_t depth = 0;
	for (const char *pos = text.data; pos < end;) {
		if (is_comment(pos, end)) {
			pos = skip_comment(pos, end);
			continue;
		}
		if (is_literal(text.data, pos)) {
			pos = skip_literal(pos, end);
			continue;
		}
		if (*pos == '{')
			depth++;
		if (*pos == '}' && !depth)
			return 0;
		if (*pos == '}' && --depth == 0)
			return (size_t)(pos - text.data) + 1;
		if (*pos == ';' && !depth)
			return 0; /* a declaration, not a function */
		pos++;
	}
	return 0;
}

/* Bytes up to and with the first closing brace in column 0. */
static size_t column_len(struct slice text)
{
	if (!text.data)
		return 0;
	const char *close = memmem(text.data, text.len, "\n}", 2);
	const char *open = memchr(text.data, '{', text.len);
	return close && open && open < close ? (size_t)(close - text.data) + 2 : 0;
}

/* An #if with two openings of one block leaves braces open: the function then seems to swallow its
 * neighbours, which a closing brace in column 0 followed by more gives away. */
static size_t function_len(struct slice text)
{
	size_t balanced = balanced_len(text);
	size_t column = column_len(text);
	return balanced && (!column || balanced <= column) ? balanced : column;
}

struct slice source_extract(struct slice file, int line, const char *name)
{
	if (line < 1 || !file.len || !file.data)
		return SLICE_NONE;
	size_t start = macro_start(file, line);
	if (start >= file.len)
		return SLICE_NONE;
	struct slice text = tail_from(file, start);
	text.len = function_len(text);
	if (!text.len || text.len > SOURCE_TEXT_MAX)
		return SLICE_NONE;
	if (line_has_macro(text, 0) && !memmem(text.data, text.len, name, strlen(name)))
		return SLICE_NONE;
	return text;
}

static bool read_whole(const char *path, struct buf *out)
{
	CLEAN(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > SOURCE_FILE_MAX)
		return false;
	for (;;) {
		char *to = buf_reserve(out, 1 << 16);
		ssize_t got = to ? read(fd, to, 1 << 16) : -1;
		if (got < 0 || out->len > SOURCE_FILE_MAX)
			return false;
		if (got == 0)
			return true;
		out->len += (size_t)got;
	}
}

bool source_read(const char *path, int line, const char *name, struct buf *out)
{
	CLEAN(buf_fini) struct buf file = BUF_INIT;
	if (!read_whole(path, &file))
		return false;
	struct slice text = source_extract(buf_slice(&file), line, name);
	if (!text.data || !utf8_valid(text))
		return false;
	buf_append_slice(out, text);
	return !out->failed;
}
