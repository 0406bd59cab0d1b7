#include "store/foreign.h"

static bool grow(void **items, size_t size, size_t count, size_t *cap)
{
	if (count < *cap)
		return true;
	size_t more = *cap ? *cap * 2 : 16;
	void *grown = realloc(*items, more * size);
	if (!grown)
		return false;
	*items = grown;
	*cap = more;
	return true;
}

bool foreign_add_writer(struct foreign *f, const struct foreign_writer *writer)
{
	if (!grow((void **)&f->writers, sizeof(*f->writers), f->writer_count, &f->writer_cap))
		return false;
	f->writers[f->writer_count++] = *writer;
	return true;
}

bool foreign_add_entry(struct foreign *f, struct foreign_entry entry, struct slice bytes)
{
	if (!grow((void **)&f->entries, sizeof(*f->entries), f->entry_count, &f->entry_cap))
		return false;
	entry.writer = (uint32_t)f->writer_count - 1;
	entry.len = bytes.len;
	if (!entry.elsewhere) {
		entry.at = f->bytes.len;
		buf_append_slice(&f->bytes, bytes);
	}
	f->entries[f->entry_count++] = entry;
	return !f->bytes.failed;
}
