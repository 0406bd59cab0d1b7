/* spool/format.h: the bytes of a spool and of its spill file (proto/DISK.md, The spool). Both belong to one
 * machine and one boot's processes, so numbers are the machine's own.
 *
 * A spool is a header, a table of lane heads, a filter of applications, and the lanes' rings. A ring holds
 * entries; a position in it counts bytes since the lane began and never falls, its place in the ring is that
 * modulo the ring's size. [tail, head) is what is held. */
#ifndef SPOOL_FORMAT_H
#define SPOOL_FORMAT_H

#include "base/checksum.h"
#include "wire/limits.h"

#include <stdatomic.h>
#include <stdint.h>

#define SPOOL_PREFIX ".burr-spool-"
#define SPOOL_SPILL_SUFFIX ".spill"
#define SPOOL_MAGIC "burrspl\n"

enum {
	SPOOL_VERSION = 1,
	SPOOL_SHARED_LANES = 2, /* for calls that find their own lane busy, and threads beyond the rest */
	SPOOL_OWNED_LANES = 32,
	SPOOL_LANES = SPOOL_SHARED_LANES + SPOOL_OWNED_LANES,
	SPOOL_LANE_BYTES = 256 << 10, /* what stays in a second-level cache; at 1 MiB a call takes longer */
	SPOOL_FILTER_BYTES = 8192,    /* 5,000 applications: a wrong hit in 50 questions */
	SPOOL_HEADS_AT = 4096,
	SPOOL_FILTER_AT = SPOOL_HEADS_AT + 8192,
	SPOOL_LANES_AT = SPOOL_FILTER_AT + SPOOL_FILTER_BYTES,
	SPOOL_BYTES = SPOOL_LANES_AT + SPOOL_LANES * SPOOL_LANE_BYTES,
	/* A larger record goes to a side file, which costs ten times as much. An entry of this size, with its
	 * names and what it leaves at the ring's end, has room in an empty lane wherever it begins. */
	SPOOL_INLINE_MAX = SPOOL_LANE_BYTES / 2 - (4 << 10),
	SPOOL_SPILL_MAX = 256 << 20,
};

struct spool_header {
	char magic[8]; /* written last */
	uint32_t version;
	uint32_t lane_count;
	uint32_t lane_bytes;
	uint32_t reserved;
	char writer[WRITER_ID_LEN];
	char boot_id[40];
	int64_t pid;
	char host[256];
	char program[256];
	char library_version[32];
	_Atomic int64_t clock_offset_ns; /* wall minus monotonic; the shipper keeps it fresh */
	_Atomic uint64_t dropped_count;
	_Atomic uint64_t spill_read; /* bytes of the spill file that are dealt with */
	_Atomic uint64_t spill_length;
	_Atomic uint64_t filter_changes; /* rises after each */
};

struct spool_lane_head {
	_Atomic uint64_t head; /* published, by the lane's owner, with a release store */
	char apart[56];
	_Atomic uint64_t tail; /* freed, by the writer's shipper */
	char apart_too[56];
};

/* In front of each entry's bytes, in a ring and in a spill file; 8-aligned. */
struct spool_entry {
	_Atomic uint32_t len_flags; /* the bytes' length, and flags */
	uint32_t checksum;          /* of what follows, and the bytes */
	uint64_t n;
	int64_t time_ns; /* monotonic, at the call's start */
	uint32_t app;    /* the writer's number of the application */
	uint32_t hash;   /* spool_hash of its names */
};

enum {
	SPOOL_PAD = 1u << 31,  /* nothing more until the ring's end; only this word is there */
	SPOOL_DONE = 1u << 30, /* dealt with: in its log, or in the spill file */
	SPOOL_SIDE = 1u << 29, /* its record is in a side file */
	SPOOL_CREATE =
		1u << 28, /* it makes its application, which an earlier record's refusal must not prevent */
	SPOOL_LEN = (1u << 28) - 1,
};

/* A spill file's entries are preceded by their lane. */
struct spool_spilled {
	uint32_t lane;
	uint32_t reserved;
	struct spool_entry entry;
};

static inline uint64_t spool_room(uint64_t len)
{
	return (sizeof(struct spool_entry) + len + 7) & ~(uint64_t)7;
}

static inline uint32_t spool_checksum(const struct spool_entry *entry, size_t len)
{
	return checksum(entry->n, (uint64_t)entry->time_ns ^ ((uint64_t)entry->hash << 32 | entry->app),
		entry + 1, len);
}

#endif
