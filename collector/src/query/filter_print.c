/* Writing a filter as text again, and telling people how to. */
#include "query/filter.h"

#include "base/clock.h"

const char *filter_help(void)
{
	return "terms, separated by spaces, must all hold; -term negates; a,b means any of them\n"
	       "  words or \"quoted text\"  in the app id, partition key, an action's name or the error\n"
	       "  status:failed,lost      running, lost, unknown, failed, ok, waiting\n"
	       "  action:NAME             the run took that action\n"
	       "  partition:KEY  app:ID  parent:ID\n"
	       "                          the whole name; * stands for any text: app:chat-*\n"
	       "  error:TEXT              the last error contains it, in any case\n"
	       "  steps:>100              also >= < <= 7 10..20; likewise tokens:>1000\n"
	       "  duration:>1.5s          units us ms s m h d; 100ms..2s\n"
	       "  after:2h  before:7d     last activity, by age: s m h d w\n"
	       "  after:2026-11-25  before:2026-11-25T10:00:00Z\n"
	       "                          by time, UTC unless it names its zone\n"
	       "  state.PATH:VALUE        the value at a dotted path of the state: state.user.name:ann\n"
	       "  input.PATH:VALUE        of an input\n"
	       "  attr.KEY:VALUE          of an attribute; its key may have dots\n"
	       "                          VALUE: a number, true, false, null, >1.5, 1..2, text, te*t;\n"
	       "                          \"5\" is the text 5; none or * means that there is one\n"
	       "  is:root                 root, forked, spawned, damaged\n"
	       "within quotes all is text, with \\\" and \\\\; quotes may stand for a part: action:\"my "
	       "act\"*\n";
}

/* Would a reader take these bytes, outside quotes, for anything but themselves? stop is what ends the text.
 */
static bool needs_quotes(struct slice piece, char stop)
{
	for (size_t i = 0; i < piece.len; i++) {
		unsigned char c = (unsigned char)piece.data[i];
		if (c <= ' ' || c == 0x7F || c == '"' || c == '*' || c == (unsigned char)stop)
			return true;
	}
	return false;
}

static void put_quoted(struct buf *out, struct slice piece)
{
	buf_append_char(out, '"');
	for (size_t i = 0; i < piece.len; i++) {
		if (piece.data[i] == '"' || piece.data[i] == '\\')
			buf_append_char(out, '\\');
		buf_append_char(out, piece.data[i]);
	}
	buf_append_char(out, '"');
}

static void put_piece(struct buf *out, struct slice piece, bool quoted)
{
	if (quoted)
		put_quoted(out, piece);
	else
		buf_append_slice(out, piece);
}

/* The pieces between the stars, each in quotes if it must be; quote_first: the first in any case, also the
 * empty one in front of a lone star. */
static void put_text(struct buf *out, struct slice text, char stop, bool quote_first)
{
	bool first = true;
	for (;; first = false) {
		const char *star = text.len ? memchr(text.data, FILTER_STAR, text.len) : NULL;
		struct slice piece = {text.data, star ? (size_t)(star - text.data) : text.len};
		bool whole = first && !star;
		put_piece(out, piece,
			needs_quotes(piece, stop) || (whole && !piece.len) ||
				(first && quote_first && (piece.len || text.len == 1)));
		if (!star)
			return;
		buf_append_char(out, '*');
		text.len -= piece.len + 1;
		text.data = star + 1;
	}
}

/* What begins like this and is no literal is read as text by state, input and attr. */
static bool reads_as_text(struct slice text)
{
	unsigned char c = (unsigned char)(text.len ? text.data[0] : '0');
	bool starts = c >= 0x80 || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	return starts && !slice_is(text, "true") && !slice_is(text, "false") && !slice_is(text, "null");
}

static bool is_json_kind(enum filter_kind kind)
{
	return kind == FILTER_STATE || kind == FILTER_INPUT || kind == FILTER_ATTR;
}

static void put_pattern(struct buf *out, const struct filter_term *term, struct slice text)
{
	if (term->kind == FILTER_FREE)
		put_text(out, text, ':', text.len && text.data[0] == '-');
	else
		put_text(out, text, ',', is_json_kind(term->kind) && !reads_as_text(text));
}

static void put_time(struct buf *out, int64_t us)
{
	char text[TIME_TEXT_LEN + 1];
	time_text(us * 1000, text);
	buf_append_str(out, text);
}

static void put_value(struct buf *out, const struct filter_term *term, const struct filter_value *value)
{
	if (value->form == FILTER_PATTERN)
		put_pattern(out, term, value->text);
	else if (value->form == FILTER_EXISTS)
		buf_append_char(out, '*');
	else if (term->kind == FILTER_AFTER)
		put_time(out, value->low);
	else if (term->kind == FILTER_BEFORE)
		put_time(out, value->high + 1);
	else
		buf_append_slice(out, value->text);
}

static void put_term(struct buf *out, const struct filter_term *term)
{
	buf_append_str(out, term->negated ? "-" : "");
	buf_append_str(out, filter_key(term->kind));
	if (term->path.data) {
		buf_append_char(out, '.');
		put_text(out, term->path, ':', false);
	}
	if (term->kind != FILTER_FREE)
		buf_append_char(out, ':');
	for (size_t i = 0; i < term->value_count; i++) {
		if (i)
			buf_append_char(out, ',');
		put_value(out, term, &term->values[i]);
	}
}

void filter_print(const struct filter *filter, struct buf *out)
{
	for (size_t i = 0; i < filter->term_count; i++) {
		if (i)
			buf_append_char(out, ' ');
		put_term(out, &filter->terms[i]);
	}
}
