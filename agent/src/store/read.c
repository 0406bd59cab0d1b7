#include "store/read.h"

#include "base/json.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_CHUNK = 256 * 1024 };

void log_reader_init(struct log_reader *r, int fd, uint64_t offset)
{
	*r = (struct log_reader){.fd = fd, .next = offset, .window = BUF_INIT, .status = BURR_OK};
}

void log_reader_fini(struct log_reader *r)
{
	buf_fini(&r->window);
}

static ssize_t read_some(struct log_reader *r, char *to, size_t len, uint64_t offset)
{
	ssize_t got;
	do
		got = pread(r->fd, to, len, (off_t)offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		r->status = BURR_EIO;
	return got;
}

static struct slice skip_blanks(struct slice text)
{
	while (text.len && (text.data[0] == ' ' || text.data[0] == '\r' || text.data[0] == '\t')) {
		text.data++;
		text.len--;
	}
	while (text.len && (text.data[text.len - 1] == '\r' || text.data[text.len - 1] == ' '))
		text.len--;
	return text;
}

/* ---- forward ---- */

/* More bytes behind the window, whose used part makes room. False at the end of the file. */
static bool fill_forward(struct log_reader *r)
{
	struct buf *w = &r->window;
	if (r->pos) {
		memmove(w->data, w->data + r->pos, w->len - r->pos);
		w->len -= r->pos;
		r->pos = 0;
	}
	char *to = buf_reserve(w, READ_CHUNK);
	if (!to) {
		r->status = BURR_ENOMEM;
		return false;
	}
	ssize_t got = read_some(r, to, READ_CHUNK, r->next);
	if (got <= 0)
		return false;
	w->len += (size_t)got;
	r->next += (uint64_t)got;
	return true;
}

uint64_t log_reader_offset(const struct log_reader *r)
{
	return r->next - (r->window.len - r->pos);
}

bool log_reader_next(struct log_reader *r, struct log_line *out)
{
	size_t searched = 0;
	for (;;) {
		const char *start = r->window.data ? r->window.data + r->pos : "";
		size_t len = r->window.len - r->pos;
		const char *newline = len > searched ? memchr(start + searched, '\n', len - searched) : NULL;
		if (!newline) {
			searched = len;
			if (!fill_forward(r))
				return false;
			continue;
		}
		size_t line_len = (size_t)(newline - start);
		out->text = skip_blanks((struct slice){start, line_len});
		out->offset = log_reader_offset(r) + (uint64_t)(out->text.data - start);
		r->pos += line_len + 1;
		if (out->text.len)
			return true;
		searched = 0;
	}
}

/* ---- backward ---- */

/* The log is shorter than its length was: half a line at its end was taken back between that look and this.
 */
static bool was_cut(struct log_reader *r)
{
	struct stat st;
	if (fstat(r->fd, &st) < 0 || (uint64_t)st.st_size >= r->next)
		return false;
	r->next = (uint64_t)st.st_size;
	return true;
}

/* More bytes in front of the window, whose used part behind `pos` goes. False at the file's beginning. */
static bool fill_backward(struct log_reader *r)
{
	struct buf *w = &r->window;
	bool first = !w->data;
	if (r->next == 0)
		return false;
	/* As much again as there is, so that a long line is not moved for each part of it. */
	size_t len = r->pos > READ_CHUNK ? r->pos : READ_CHUNK;
	if (r->next < len)
		len = (size_t)r->next;
	w->len = r->pos;
	if (!buf_reserve(w, len)) {
		r->status = BURR_ENOMEM;
		return false;
	}
	memmove(w->data + len, w->data, w->len);
	for (size_t have = 0; have < len;) {
		ssize_t got = read_some(r, w->data + have, len - have, r->next - len + have);
		if (got == 0 && first && was_cut(r))
			return fill_backward(r);
		if (got <= 0) { /* cut meanwhile: there is nothing here any more */
			r->status = r->status == BURR_OK ? BURR_EIO : r->status;
			return false;
		}
		have += (size_t)got;
	}
	w->len += len;
	r->pos += len;
	r->next -= len;
	return true;
}

/* pos is the end of the part not yet given. Its last byte is the newline of the next line, except at the
 * first call, when a torn tail may follow that newline. */
bool log_reader_previous(struct log_reader *r, struct log_line *out)
{
	for (;;) {
		char *data = r->window.data;
		char *newline = data ? memrchr(data, '\n', r->pos) : NULL;
		char *before =
			newline && newline > data ? memrchr(data, '\n', (size_t)(newline - data)) : NULL;
		if (!newline || (!before && r->next > 0)) {
			if (!fill_backward(r))
				return false;
			continue;
		}
		char *start = before ? before + 1 : data;
		out->text = skip_blanks((struct slice){start, (size_t)(newline - start)});
		out->offset = r->next + (uint64_t)(out->text.data - data);
		r->pos = (size_t)(start - data);
		if (out->text.len)
			return true;
	}
}

/* ---- records ---- */

/* Names with their lengths: each is compared many times a line. */
#define NAME(text)                     \
	{                              \
		text, sizeof(text) - 1 \
	}
struct line_shape {
	struct slice type;
	enum line_type line_type;
	struct slice time_key;
	bool sequenced;
};

static const struct line_shape shapes[] = {
	{NAME("begin_entry"), LINE_BEGIN_ENTRY, NAME("start_time"), true},
	{NAME("end_entry"), LINE_END_ENTRY, NAME("end_time"), true},
	{NAME("begin_span"), LINE_BEGIN_SPAN, NAME("start_time"), true},
	{NAME("end_span"), LINE_END_SPAN, NAME("end_time"), true},
	{NAME("attribute"), LINE_ATTRIBUTE, NAME("time_logged"), true},
	{NAME("begin_stream"), LINE_BEGIN_STREAM, NAME("stream_init_time"), true},
	{NAME("first_item_stream"), LINE_FIRST_ITEM_STREAM, NAME("first_item_time"), true},
	{NAME("end_stream"), LINE_END_STREAM, NAME("end_time"), true},
	{NAME("end_application"), LINE_END_APPLICATION, NAME("time"), false},
};

#define MEMBER(name)                                            \
	{                                                       \
		NAME(#name), offsetof(struct line_record, name) \
	}
static const struct {
	struct slice key;
	size_t offset;
} members[] = {
	MEMBER(action),
	MEMBER(inputs),
	MEMBER(result),
	MEMBER(exception),
	MEMBER(state),
	MEMBER(span_id),
	MEMBER(span_name),
	MEMBER(parent_span_id),
	MEMBER(span_dependencies),
	MEMBER(key),
	MEMBER(value),
	MEMBER(tags),
	MEMBER(items_streamed),
	MEMBER(via),
};
#undef MEMBER
#undef NAME

static const struct line_shape *find_shape(struct slice type)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		if (json_text_is(type, shapes[i].type))
			return &shapes[i];
	return NULL;
}

static void take_member(
	struct line_record *out, const struct line_shape *shape, struct slice key, struct slice value)
{
	if (slice_is(key, "sequence_id") || slice_is(key, "action_sequence_id")) {
		if (!json_to_int(value, &out->sequence_id))
			out->sequence_id = -1;
	} else if (slice_eq(key, shape->time_key)) {
		out->time = value;
	} else {
		for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
			if (slice_eq(key, members[i].key))
				*(struct slice *)((char *)out + members[i].offset) = value;
	}
}

bool line_read(struct slice text, struct line_record *out)
{
	struct slice key;
	struct slice value;
	if (json_kind_of(text) != JSON_OBJECT || text.data[text.len - 1] != '}')
		return false;
	*out = (struct line_record){.type = LINE_UNKNOWN, .sequence_id = -1};
	/* `type` comes first in every line that Burr or we write; elsewhere it is looked for. */
	struct json_iter it = json_iter(text);
	bool first = json_next_member(&it, &key, &value);
	bool known_first = first && slice_is(key, "type");
	const struct line_shape *shape = find_shape(known_first ? value : json_find(text, "type"));
	if (!known_first)
		it = json_iter(text);
	if (!shape) {
		while (json_next_member(&it, &key, &value))
			;
		return !it.damaged;
	}
	out->type = shape->line_type;
	while (json_next_member(&it, &key, &value))
		take_member(out, shape, key, value);
	/* The value that ends the walk must end the line: two lines in one are damage. */
	return !it.damaged && (!shape->sequenced || out->sequence_id >= 0);
}
