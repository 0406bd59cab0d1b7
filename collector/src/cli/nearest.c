#include "cli/nearest.h"

#include <ctype.h>
#include <stdlib.h>

enum { NAME_MAX_LEN = 200, NOT_LIKE = 1000 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits from a to b, a swap of neighbours being one; case is no difference. */
static unsigned distance(struct slice a, struct slice b)
{
	unsigned rows[3][NAME_MAX_LEN + 1];
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *above = rows[(i + 2) % 3];
		const unsigned *above2 = rows[(i + 1) % 3];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			int ca = tolower((unsigned char)a.data[i - 1]);
			int cb = tolower((unsigned char)b.data[j - 1]);
			row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == tolower((unsigned char)b.data[j - 2]) &&
				tolower((unsigned char)a.data[i - 2]) == cb)
				row[j] = least(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a.len % 3][b.len];
}

static unsigned score(const char *wanted, const char *name)
{
	struct slice a = slice_of(wanted);
	struct slice b = slice_of(name);
	if (!a.len || a.len > NAME_MAX_LEN || b.len > NAME_MAX_LEN)
		return NOT_LIKE;
	if (strncasecmp(wanted, name, a.len) == 0)
		return 0;
	unsigned edits = distance(a, b);
	if (edits <= 1 + a.len / 5)
		return edits;
	return a.len >= 3 && strcasestr(name, wanted) ? 50 : NOT_LIKE;
}

void nearest_offer(struct nearest *nearest, const char *wanted, const char *name)
{
	unsigned points = score(wanted, name);
	size_t at = nearest->count;
	if (points == NOT_LIKE)
		return;
	while (at > 0 && points < nearest->scores[at - 1])
		at--;
	if (at == NEAREST_MAX)
		return;
	if (nearest->count < NEAREST_MAX)
		nearest->count++;
	for (size_t i = nearest->count - 1; i > at; i--) {
		nearest->names[i] = nearest->names[i - 1];
		nearest->scores[i] = nearest->scores[i - 1];
	}
	nearest->names[at] = name;
	nearest->scores[at] = points;
}

void nearest_put(const struct nearest *nearest, struct buf *out)
{
	for (size_t i = 0; i < nearest->count; i++) {
		const char *before = i == 0 ? "; did you mean " : i + 1 == nearest->count ? " or " : ", ";
		buf_printf(out, "%s%s", before, nearest->names[i]);
	}
	if (nearest->count)
		buf_append_char(out, '?');
}
