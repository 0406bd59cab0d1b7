#include "wire/entry.h"

#include "base/error.h"

/* The first byte or bytes of a field, as a number. */
#define TAG(number, type) ((number) << 3 | (type))

static burr_status read_record(const struct pb_field *f, struct entry *entry, burr_error *err)
{
	if (f->number == ENTRY_LOG_TOKEN && f->type == PB_FIXED64)
		entry->log_token = f->value;
	if (f->type != PB_BYTES || f->number < RECORD_APPLICATION || f->number > RECORD_END_APPLICATION)
		return BURR_OK;
	if (entry->type != RECORD_NONE && entry->type != (enum record_type)f->number)
		return burr_fail(err, BURR_ECORRUPT, "an entry holds two records");
	entry->type = (enum record_type)f->number;
	entry->record = f->bytes;
	return BURR_OK;
}

/* What can be read without building a pb_field: each entry of each batch comes through here. False: another
 * field, and *r stands before it again, or damage. */
static inline bool read_known(struct pb_reader *r, struct entry *entry, bool *has_lane, bool *has_time)
{
	uint64_t value;
	struct pb_reader before = *r;
	bool known = true;
	switch (*r->pos++) {
	case TAG(ENTRY_PROJECT, PB_BYTES):
		known = pb_read_bytes(r, &entry->project);
		break;
	case TAG(ENTRY_APP_ID, PB_BYTES):
		known = pb_read_bytes(r, &entry->app_id);
		break;
	case TAG(ENTRY_PARTITION_KEY, PB_BYTES):
		known = pb_read_bytes(r, &entry->partition_key);
		break;
	case TAG(ENTRY_LANE, PB_VARINT):
		known = pb_read_varint(r, &value);
		if (known) {
			*has_lane = value <= UINT32_MAX;
			entry->lane = (uint32_t)value;
		}
		break;
	case TAG(ENTRY_N, PB_VARINT):
		known = pb_read_varint(r, &entry->n);
		break;
	case TAG(ENTRY_TIME_NS, PB_FIXED64):
		known = pb_read_fixed64(r, &entry->time_ns);
		*has_time = *has_time || known;
		break;
	case TAG(ENTRY_LOG_START, PB_VARINT):
		known = pb_read_varint(r, &entry->log_start);
		break;
	case TAG(ENTRY_SIDE_LEN, PB_VARINT):
		known = pb_read_varint(r, &entry->side_len);
		break;
	default:
		known = false;
	}
	if (!known)
		*r = before;
	return known;
}

/* A field of another type than its own is left out, as protobuf leaves out what it does not know. */
burr_status entry_read(struct slice bytes, struct entry *out, burr_error *err)
{
	struct pb_field f;
	struct pb_reader r = pb_reader(bytes);
	bool has_lane = false;
	bool has_time = false;
	*out = (struct entry){.type = RECORD_NONE};
	while (r.pos != r.end) {
		if (read_known(&r, out, &has_lane, &has_time))
			continue;
		if (!pb_next(&r, &f))
			return burr_fail(err, BURR_ECORRUPT, "an entry's bytes are not protobuf");
		burr_status status = read_record(&f, out, err);
		if (status != BURR_OK)
			return status;
	}
	if (!out->project.data || !out->app_id.data)
		return burr_fail(err, BURR_ECORRUPT, "an entry does not name its application");
	if (!has_lane || out->n == 0 || !has_time)
		return burr_fail(err, BURR_ECORRUPT, "an entry has no identity");
	if (out->side_len && out->type != RECORD_NONE)
		return burr_fail(err, BURR_ECORRUPT, "an entry holds a record and names a side file");
	return BURR_OK;
}

burr_status entry_read_side(struct slice bytes, struct entry *entry, burr_error *err)
{
	struct pb_field f;
	struct pb_reader r = pb_reader(bytes);
	if (!pb_next(&r, &f) || r.pos != r.end || f.type != PB_BYTES || f.number < RECORD_APPLICATION ||
		f.number > RECORD_END_APPLICATION)
		return burr_fail(err, BURR_ECORRUPT, "a side file does not hold one record");
	entry->type = (enum record_type)f.number;
	entry->record = f.bytes;
	return BURR_OK;
}
