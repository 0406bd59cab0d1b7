#include "cli/columns.h"

#include "base/clean.h"
#include "cli/human.h"

enum {
	GAP = 2,
	WIDEST = 48, /* a longer cell moves the rest of its own line, and no other's */
};

struct cell {
	size_t offset; /* in columns.text */
	size_t len;
	size_t width;
	enum style style;
};

void columns_init(struct columns *columns, const char *const *titles)
{
	*columns = (struct columns){.cells = BUF_INIT, .text = BUF_INIT};
	while (titles[columns->count])
		columns->count++;
	for (size_t i = 0; i < columns->count; i++) {
		const char *title = titles[i];
		columns->align[i] = title[0] == '>' ? ALIGN_RIGHT : ALIGN_LEFT;
		columns_add(columns, slice_of(title + (title[0] == '>')), STYLE_DIM);
	}
	memset(columns->filled, 0, sizeof(columns->filled)); /* but for titles */
}

void columns_fini(struct columns *columns)
{
	buf_fini(&columns->cells);
	buf_fini(&columns->text);
}

void columns_add(struct columns *columns, struct slice text, enum style style)
{
	struct cell cell = {.offset = columns->text.len, .style = style};
	human_text(&columns->text, text);
	if (columns->text.failed || columns->cells.failed)
		return;
	cell.len = columns->text.len - cell.offset;
	struct slice clean = {columns->text.data ? columns->text.data + cell.offset : "", cell.len};
	cell.width = human_width(clean);
	size_t column = columns->cells.len / sizeof(cell) % columns->count;
	size_t width = cell.width < WIDEST ? cell.width : WIDEST;
	if (width > columns->width[column])
		columns->width[column] = width;
	columns->filled[column] = columns->filled[column] || cell.len > 0;
	buf_append(&columns->cells, &cell, sizeof(cell));
}

void columns_clear(struct columns *columns)
{
	buf_clear(&columns->cells);
	buf_clear(&columns->text);
}

static void pad(struct buf *out, size_t columns)
{
	while (columns--)
		buf_append_char(out, ' ');
}

static size_t less(size_t from, size_t what)
{
	return from > what ? from - what : 0;
}

static void put_cell(const struct columns *columns, const struct cell *cell, size_t column, bool last,
	size_t left_over, struct buf *line)
{
	struct slice text = {columns->text.data + cell->offset, cell->len};
	bool cut = last && left_over && cell->width > left_over;
	if (cut)
		text.len = human_fit(text, left_over - 1);
	size_t gap = less(columns->width[column], cut ? 0 : cell->width);
	if (columns->align[column] == ALIGN_RIGHT)
		pad(line, gap);
	buf_append_str(line, cell->len ? say_style(cell->style) : "");
	buf_append_slice(line, text);
	buf_append_str(line, cut ? "…" : "");
	buf_append_str(line, cell->len && cell->style != STYLE_NONE ? say_plain() : "");
	if (last)
		return;
	pad(line, GAP + (columns->align[column] == ALIGN_LEFT ? gap : 0));
}

/* The last column that is printed. */
static size_t last_column(const struct columns *columns)
{
	size_t last = columns->count - 1;
	while (last > 0 && !columns->filled[last])
		last--;
	return last;
}

void columns_print(const struct columns *columns)
{
	CLEAN(buf_fini) struct buf line = BUF_INIT;
	const struct cell *cells = (const struct cell *)(const void *)columns->cells.data;
	size_t count = columns->cells.len / sizeof(*cells);
	size_t before_last = 0;
	size_t width = say_width();
	const size_t last = last_column(columns);
	for (size_t i = 0; i < last; i++)
		before_last += columns->filled[i] ? columns->width[i] + GAP : 0;
	size_t moved = 0;
	for (size_t i = 0; i < count; i++) {
		size_t column = i % columns->count;
		moved = (column ? moved : 0) +
			(column < last ? less(cells[i].width, columns->width[column]) : 0);
		/* A terminal too narrow for a useful last column gets lines that it wraps itself. */
		size_t left_over = less(width, before_last + moved);
		if (columns->filled[column])
			put_cell(columns, &cells[i], column, column == last, left_over > 8 ? left_over : 0,
				&line);
		if (column + 1 < columns->count)
			continue;
		while (line.len && line.data[line.len - 1] == ' ')
			line.len--;
		buf_append_char(&line, '\n');
		say_bytes(buf_slice(&line));
		buf_clear(&line);
	}
}
