/* wire/entry.h: one record as the bytes of an `Entry` (proto/burr/v1/record.proto), and back.
 *
 * An entry is composed of three runs of bytes: the head that names the application (made once per
 * application), the identity (given by the spool), and the record (made by the call). protobuf allows fields
 * in any order and concatenation, so composing is copying (wire/record.h). */
#ifndef WIRE_ENTRY_H
#define WIRE_ENTRY_H

#include "wire/pb.h"

#include <burr/tracker.h>

/* The field numbers of Entry's records. */
enum record_type {
	RECORD_NONE = 0,
	RECORD_APPLICATION = 9,
	RECORD_BEGIN_ENTRY = 10,
	RECORD_END_ENTRY = 11,
	RECORD_BEGIN_SPAN = 12,
	RECORD_END_SPAN = 13,
	RECORD_ATTRIBUTE = 14,
	RECORD_BEGIN_STREAM = 15,
	RECORD_FIRST_ITEM_STREAM = 16,
	RECORD_END_STREAM = 17,
	RECORD_END_APPLICATION = 18,
};

/* An entry that was read; slices point into the bytes it was read from. */
struct entry {
	struct slice project;
	struct slice app_id;
	struct slice partition_key; /* SLICE_NONE: none */
	uint32_t lane;
	uint64_t n;
	uint64_t time_ns;
	uint64_t log_start;
	uint64_t log_token; /* 0: none */
	uint64_t side_len;  /* the record is in a side file of this length (store/side.h); 0: in the entry */
	enum record_type type; /* RECORD_NONE with a side file: its bytes say */
	struct slice record;   /* the bytes of the record's own message */
};

/* BURR_ECORRUPT when a required field is missing, of a wrong type, or the bytes end too soon; *out is of no
 * use then. Names are checked by the store, not here. */
burr_status entry_read(struct slice bytes, struct entry *out, burr_error *err);
/* Give an entry the record that its side file holds: exactly what record_write (wire/record.h) wrote. */
burr_status entry_read_side(struct slice bytes, struct entry *entry, burr_error *err);

/* Entry's fields in front of its record. */
enum {
	ENTRY_PROJECT = 1,
	ENTRY_APP_ID = 2,
	ENTRY_PARTITION_KEY = 3,
	ENTRY_LANE = 4,
	ENTRY_N = 5,
	ENTRY_TIME_NS = 6,
	ENTRY_LOG_START = 7,
	ENTRY_SIDE_LEN = 8,
	ENTRY_LOG_TOKEN = 19,
};

#endif
