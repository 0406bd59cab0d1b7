#include "wire/message.h"

#include "base/error.h"
#include "wire/limits.h"

enum {
	REQUEST_PROTOCOL = 1,
	REQUEST_PROTOCOL_MIN = 2,
	REQUEST_WRITER = 3,
	REQUEST_ABOUT = 4,
	REQUEST_CLOCK_OFFSET_NS = 5,
	REQUEST_DROPPED_COUNT = 6,
	REQUEST_FIND_STEP = 7,
	REQUEST_TAKE_IN = 8,
	REPLY_PROTOCOL = 1,
	REPLY_STATUS = 2,
	REPLY_MESSAGE = 3,
	REPLY_COLLECTOR = 4,
	REPLY_VERDICTS = 5,
	REPLY_INVALID_COUNT = 6,
	REPLY_INVALID_TEXT = 7,
	REPLY_STEP_PLACE = 8,
	REPLY_LOST_COUNT = 9,
	REPLY_LOST_TEXT = 10,
	REPLY_FIELDS,
};

void request_put(struct buf *out, const struct request *request)
{
	pb_put_uint(out, REQUEST_PROTOCOL, request->protocol);
	if (request->protocol_min)
		pb_put_uint(out, REQUEST_PROTOCOL_MIN, request->protocol_min);
	pb_put_bytes(out, REQUEST_WRITER, request->writer);
	if (request->has_about) {
		size_t began = pb_begin(out, REQUEST_ABOUT);
		pb_put_bytes(out, 1, request->about.host);
		pb_put_int(out, 2, request->about.pid);
		pb_put_bytes(out, 3, request->about.program);
		pb_put_bytes(out, 4, request->about.library_version);
		pb_end(out, began);
	}
	pb_put_fixed64(out, REQUEST_CLOCK_OFFSET_NS, (uint64_t)request->clock_offset_ns);
	if (request->dropped_count)
		pb_put_uint(out, REQUEST_DROPPED_COUNT, request->dropped_count);
	if (request->has_find_step) {
		size_t began = pb_begin(out, REQUEST_FIND_STEP);
		pb_put_bytes(out, 1, request->find_step.project);
		pb_put_bytes(out, 2, request->find_step.app_id);
		pb_put_int(out, 3, request->find_step.sequence_id);
		pb_end(out, began);
	}
	if (request->take_in)
		pb_put_uint(out, REQUEST_TAKE_IN, 1);
}

void request_put_entry_head(struct buf *out, size_t entry_len)
{
	pb_put_head(out, REQUEST_ENTRIES, entry_len);
}

static bool read_about(struct slice bytes, struct writer_about *out)
{
	struct pb_slot slots[5];
	if (!pb_slots(bytes, slots, 5))
		return false;
	*out = (struct writer_about){
		pb_text(&slots[1]), pb_int(&slots[2]), pb_text(&slots[3]), pb_text(&slots[4])};
	return true;
}

static bool read_find_step(struct slice bytes, struct find_step *out)
{
	struct pb_slot slots[4];
	if (!pb_slots(bytes, slots, 4))
		return false;
	*out = (struct find_step){pb_text(&slots[1]), pb_text(&slots[2]), pb_int(&slots[3])};
	return out->project.data && out->app_id.data && slots[3].set;
}

static bool read_request_field(const struct pb_field *f, struct request *out)
{
	switch (f->number) {
	case REQUEST_PROTOCOL:
		out->protocol = (uint32_t)f->value;
		return f->type == PB_VARINT;
	case REQUEST_PROTOCOL_MIN:
		out->protocol_min = (uint32_t)f->value;
		return f->type == PB_VARINT;
	case REQUEST_WRITER:
		out->writer = f->bytes;
		return f->type == PB_BYTES;
	case REQUEST_ABOUT:
		out->has_about = true;
		return f->type == PB_BYTES && read_about(f->bytes, &out->about);
	case REQUEST_CLOCK_OFFSET_NS:
		out->clock_offset_ns = (int64_t)f->value;
		return f->type == PB_FIXED64;
	case REQUEST_DROPPED_COUNT:
		out->dropped_count = f->value;
		return f->type == PB_VARINT;
	case REQUEST_FIND_STEP:
		out->has_find_step = true;
		return f->type == PB_BYTES && read_find_step(f->bytes, &out->find_step);
	case REQUEST_TAKE_IN:
		out->take_in = f->value != 0;
		return f->type == PB_VARINT;
	case REQUEST_ENTRIES:
		return false; /* of another type than bytes */
	default:
		return true;
	}
}

static bool is_writer_id(struct slice id)
{
	if (id.len != WRITER_ID_LEN)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (!strchr("0123456789abcdef", id.data[i]) || !id.data[i])
			return false;
	return true;
}

burr_status request_read(struct slice bytes, struct request *out, burr_error *err)
{
	struct request request = {.bytes = bytes};
	struct pb_field f;
	struct pb_reader r = pb_reader(bytes);
	while (pb_next(&r, &f))
		if (f.number == REQUEST_ENTRIES && f.type == PB_BYTES)
			request.entry_count++;
		else if (!read_request_field(&f, &request))
			return burr_fail(err, BURR_ECORRUPT, "field %u of the request is damaged", f.number);
	if (r.damaged || !request.protocol)
		return burr_fail(err, BURR_ECORRUPT, "not a burr request");
	if (request.writer.data && !is_writer_id(request.writer))
		return burr_fail(err, BURR_ECORRUPT, "a writer is 16 hexadecimal digits");
	if (request.entry_count && !request.writer.data)
		return burr_fail(err, BURR_ECORRUPT, "a batch without its writer");
	if (request.entry_count > BATCH_ENTRIES_MAX)
		return burr_fail(err, BURR_ETOOBIG, "a batch of %zu entries; at most %d", request.entry_count,
			BATCH_ENTRIES_MAX);
	*out = request;
	return BURR_OK;
}

bool request_next_entry(struct pb_reader *r, struct slice *out_entry)
{
	struct pb_field f;
	while (pb_next(r, &f)) {
		if (f.number != REQUEST_ENTRIES || f.type != PB_BYTES)
			continue;
		*out_entry = f.bytes;
		return true;
	}
	return false;
}

void reply_put(struct buf *out, const struct reply *reply)
{
	pb_put_uint(out, REPLY_PROTOCOL, reply->protocol);
	pb_put_uint(out, REPLY_STATUS, reply->status);
	pb_put_bytes(out, REPLY_MESSAGE, reply->message);
	if (reply->has_collector) {
		size_t began = pb_begin(out, REPLY_COLLECTOR);
		pb_put_bytes(out, 1, reply->version);
		pb_put_bytes(out, 2, reply->url);
		pb_put_int(out, 3, reply->pid);
		pb_end(out, began);
	}
	if (reply->invalid_count)
		pb_put_uint(out, REPLY_INVALID_COUNT, reply->invalid_count);
	pb_put_bytes(out, REPLY_INVALID_TEXT, reply->invalid_text);
	if (reply->has_step_place) {
		size_t began = pb_begin(out, REPLY_STEP_PLACE);
		if (reply->step_found) {
			pb_put_uint(out, 1, reply->step_offset);
			pb_put_uint(out, 2, reply->step_len);
		}
		pb_end(out, began);
	}
	if (reply->lost_count)
		pb_put_uint(out, REPLY_LOST_COUNT, reply->lost_count);
	pb_put_bytes(out, REPLY_LOST_TEXT, reply->lost_text);
}

void reply_put_verdict(struct buf *out, const struct verdict *verdict)
{
	size_t began = pb_begin(out, REPLY_VERDICTS);
	pb_put_bytes(out, 1, verdict->project);
	pb_put_bytes(out, 2, verdict->app_id);
	pb_put_uint(out, 3, verdict->kind);
	if (verdict->code)
		pb_put_sint(out, 4, verdict->code);
	pb_put_bytes(out, 5, verdict->reason);
	pb_end(out, began);
}

static bool read_collector(struct slice bytes, struct reply *out)
{
	struct pb_slot slots[4];
	if (!pb_slots(bytes, slots, 4))
		return false;
	out->has_collector = true;
	out->version = pb_text(&slots[1]);
	out->url = pb_text(&slots[2]);
	out->pid = pb_int(&slots[3]);
	return true;
}

static bool read_step_place(struct slice bytes, struct reply *out)
{
	struct pb_slot slots[3];
	if (!pb_slots(bytes, slots, 3))
		return false;
	out->has_step_place = true;
	out->step_found = slots[1].set && slots[2].set;
	out->step_offset = pb_uint(&slots[1]);
	out->step_len = pb_uint(&slots[2]);
	return true;
}

burr_status reply_read(struct slice bytes, struct reply *out, burr_error *err)
{
	struct pb_slot slots[REPLY_FIELDS];
	struct reply reply = {.bytes = bytes};
	if (!pb_slots(bytes, slots, REPLY_FIELDS) || !slots[REPLY_PROTOCOL].set || !slots[REPLY_STATUS].set)
		return burr_fail(err, BURR_ECORRUPT, "not a collector's reply");
	reply.protocol = (uint32_t)pb_uint(&slots[REPLY_PROTOCOL]);
	reply.status = (enum reply_status)pb_uint(&slots[REPLY_STATUS]);
	reply.message = pb_text(&slots[REPLY_MESSAGE]);
	reply.invalid_count = pb_uint(&slots[REPLY_INVALID_COUNT]);
	reply.invalid_text = pb_text(&slots[REPLY_INVALID_TEXT]);
	reply.lost_count = pb_uint(&slots[REPLY_LOST_COUNT]);
	reply.lost_text = pb_text(&slots[REPLY_LOST_TEXT]);
	struct slice collector = pb_text(&slots[REPLY_COLLECTOR]);
	struct slice place = pb_text(&slots[REPLY_STEP_PLACE]);
	if ((collector.data && !read_collector(collector, &reply)) ||
		(place.data && !read_step_place(place, &reply)))
		return burr_fail(err, BURR_ECORRUPT, "a collector's reply is damaged");
	*out = reply;
	return BURR_OK;
}

bool reply_next_verdict(struct pb_reader *r, struct verdict *out)
{
	struct pb_field f;
	struct pb_slot slots[6];
	while (pb_next(r, &f)) {
		if (f.number != REPLY_VERDICTS || f.type != PB_BYTES || !pb_slots(f.bytes, slots, 6))
			continue;
		*out = (struct verdict){pb_text(&slots[1]), pb_text(&slots[2]),
			(enum verdict_kind)pb_uint(&slots[3]), (burr_status)pb_sint(&slots[4]),
			pb_text(&slots[5])};
		return true;
	}
	return false;
}
