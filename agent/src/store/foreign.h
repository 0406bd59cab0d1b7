/* store/foreign.h: records of other writers that nobody has appended yet, as they were found in their spools
 * (spool/held.h), for who appends and who loads. Threads: one at a time per struct. */
#ifndef STORE_FOREIGN_H
#define STORE_FOREIGN_H

#include "wire/entry.h"
#include "wire/limits.h"
#include "wire/message.h"

#include <stdlib.h>

struct foreign_writer {
	char id[WRITER_ID_LEN];
	int64_t pid;
	int64_t clock_offset_ns;
	uint64_t dropped_count;
	char host[256];
	char program[256];
	char library_version[32];
};

struct foreign_entry {
	int64_t time_ns;
	uint64_t n;
	uint32_t lane;
	uint32_t writer; /* its place in `writers` */
	uint32_t hash;   /* of its application's names */
	bool elsewhere;  /* its bytes were left where they are, at `at` there */
	size_t at;       /* its bytes in `bytes`: a field of Request */
	size_t len;
};

/* Read an entry that is elsewhere. *out is good until the next one is read. False: it is not there any more,
 * or cannot be read now. */
typedef bool foreign_fetch_fn(
	void *ctx, const struct foreign_writer *writer, const struct foreign_entry *at, struct slice *out);

struct foreign {
	struct buf bytes;
	foreign_fetch_fn *fetch; /* NULL: none is elsewhere */
	void *fetch_ctx;
	struct foreign_entry *entries; /* in the order of time */
	size_t entry_count;
	size_t entry_cap;
	struct foreign_writer *writers;
	size_t writer_count;
	size_t writer_cap;
};

/* Forget the entries, or all of the content, and keep the memory; or free it. */
static inline void foreign_clear_entries(struct foreign *foreign)
{
	buf_clear(&foreign->bytes);
	foreign->entry_count = 0;
}

static inline void foreign_clear(struct foreign *foreign)
{
	foreign_clear_entries(foreign);
	foreign->writer_count = 0;
}

static inline void foreign_fini(struct foreign *foreign)
{
	buf_fini(&foreign->bytes);
	free(foreign->entries);
	free(foreign->writers);
	*foreign = (struct foreign){0};
}

/* Add a writer, and entries of the last one added (of one that is elsewhere, with its `at`); false without
 * memory. */
bool foreign_add_writer(struct foreign *foreign, const struct foreign_writer *writer);
bool foreign_add_entry(struct foreign *foreign, struct foreign_entry entry, struct slice bytes);

static inline struct writer_about foreign_about(const struct foreign_writer *writer)
{
	return (struct writer_about){slice_of(writer->host), writer->pid, slice_of(writer->program),
		slice_of(writer->library_version)};
}

/* The entry's bytes, good until the next call, as an entry that was read of them is; false as in
 * foreign_fetch_fn. */
static inline bool foreign_bytes(
	const struct foreign *foreign, const struct foreign_entry *at, struct slice *out)
{
	if (at->elsewhere)
		return foreign->fetch(foreign->fetch_ctx, &foreign->writers[at->writer], at, out);
	*out = (struct slice){foreign->bytes.data + at->at, at->len};
	return true;
}

static inline bool foreign_parse(struct slice bytes, struct entry *out)
{
	struct pb_field field;
	struct pb_reader r = pb_reader(bytes);
	return pb_next(&r, &field) && field.type == PB_BYTES && entry_read(field.bytes, out, NULL) == BURR_OK;
}

static inline bool foreign_read(
	const struct foreign *foreign, const struct foreign_entry *at, struct entry *out)
{
	struct slice bytes;
	return foreign_bytes(foreign, at, &bytes) && foreign_parse(bytes, out);
}

/* A batch begins: what find_others_fn gives is as new as this. */
typedef void begin_others_fn(void *others);
/* Find the records of an application that writers other than `writer` hold, with times before before_ns, in
 * order. out is empty. BURR_ELATER: a spool cannot be looked into now. */
typedef burr_status find_others_fn(void *others, struct slice writer, struct slice project,
	struct slice app_id, int64_t before_ns, struct foreign *out, burr_error *err);
/* What it gave for these arguments is in the application's log, and need not be given again. */
typedef void forget_others_fn(
	void *others, struct slice writer, struct slice project, struct slice app_id, int64_t before_ns);
/* The store refused what it gave. Its writer may have been told so and have it no more: look again. */
typedef void doubt_others_fn(void *others, struct slice project, struct slice app_id);

#endif
