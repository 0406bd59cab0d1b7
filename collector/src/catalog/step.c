#include "catalog/step.h"

/* ---- numbers ---- */

static void put_number(struct buf *out, uint64_t value)
{
	char bytes[10];
	size_t len = 0;
	for (; value >= 0x80; value >>= 7)
		bytes[len++] = (char)(value | 0x80);
	bytes[len++] = (char)value;
	buf_append(out, bytes, len);
}

/* Differences wrap around, so any two numbers have one. */
static void put_change(struct buf *out, uint64_t from, uint64_t to)
{
	int64_t change = (int64_t)(to - from);
	put_number(out, ((uint64_t)change << 1) ^ (uint64_t)(change >> 63));
}

struct cursor {
	const unsigned char *pos;
	const unsigned char *end;
	bool failed;
};

static uint64_t get_number(struct cursor *in)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64 && in->pos < in->end; shift += 7) {
		unsigned char byte = *in->pos++;
		value |= (uint64_t)(byte & 0x7F) << shift;
		if (byte < 0x80)
			return value;
	}
	in->failed = true;
	return 0;
}

static uint64_t get_change(struct cursor *in, uint64_t from)
{
	uint64_t number = get_number(in);
	return from + ((number >> 1) ^ (0 - (number & 1)));
}

static uint32_t get_small(struct cursor *in)
{
	uint64_t number = get_number(in);
	in->failed = in->failed || number > UINT32_MAX;
	return (uint32_t)number;
}

static struct cursor cursor_of(struct slice bytes)
{
	const unsigned char *data = (const unsigned char *)bytes.data;
	return (struct cursor){data, data + bytes.len, false};
}

/* ---- steps ---- */

/* What the next step is told by: in a plain run all differences are one byte. */
struct before {
	uint64_t place;
	uint64_t seq;
	uint64_t time;
};

static void step_passed(struct before *before, const struct step *step)
{
	before->place = step->end_len ? step->end_at + step->end_len : step->at + step->begin_len;
	before->seq = (uint64_t)step->seq + 1;
	if (step->flags & (STEP_HAS_START | STEP_HAS_END))
		before->time = (uint64_t)(step->flags & STEP_HAS_END ? step->end_us : step->start_us);
}

/* False: it has none. */
static bool zone_of(const struct step *step, bool *out_zoned, bool *out_mixed)
{
	bool has_start = step->flags & STEP_HAS_START;
	bool has_end = step->flags & STEP_HAS_END;
	bool start_zoned = step->flags & STEP_START_ZONED;
	bool end_zoned = step->flags & STEP_END_ZONED;
	*out_zoned = has_start ? start_zoned : end_zoned;
	*out_mixed = has_start && has_end && start_zoned != end_zoned;
	return has_start || has_end;
}

void step_times_add(struct step_times *times, const struct step *step)
{
	bool zoned;
	bool mixed;
	if (!zone_of(step, &zoned, &mixed))
		return;
	int64_t at = step->flags & STEP_HAS_START ? step->start_us : step->end_us;
	int64_t took = 0;
	if ((step->flags & STEP_HAS_END) && step->end_us > at &&
		__builtin_sub_overflow(step->end_us, at, &took))
		took = INT64_MAX;
	times->mixed = times->mixed || mixed || (times->count && zoned != times->zoned);
	times->zoned = zoned;
	times->low_us = at < times->low_us ? at : times->low_us;
	times->high_us = at > times->high_us ? at : times->high_us;
	times->count++;
	times->failed_count += step->flags & STEP_FAILED ? 1 : 0;
	times->open_count += step->end_len ? 0 : 1;
	if (__builtin_add_overflow(times->busy_us, took, &times->busy_us))
		times->busy_us = INT64_MAX;
	times->longest_us = took > times->longest_us ? took : times->longest_us;
}

void steps_encode(const struct step *steps, size_t count, struct buf *out)
{
	struct before before = {0, 0, 0};
	for (size_t i = 0; i < count; i++) {
		const struct step *step = &steps[i];
		put_number(out, (uint64_t)step->flags);
		put_change(out, before.place, step->at);
		put_number(out, step->begin_len);
		put_number(out, step->end_len);
		if (step->end_len)
			put_change(out, step->at + step->begin_len, step->end_at);
		put_change(out, before.seq, (uint64_t)step->seq);
		put_number(out, (uint64_t)step->action);
		put_number(out, (uint64_t)step->via);
		put_number(out, (uint64_t)step->keys);
		if (step->flags & STEP_HAS_START)
			put_change(out, before.time, (uint64_t)step->start_us);
		if (step->flags & STEP_HAS_END)
			put_change(out, step->flags & STEP_HAS_START ? (uint64_t)step->start_us : before.time,
				(uint64_t)step->end_us);
		put_number(out, step->nth);
		put_number(out, step->part_count);
		step_passed(&before, step);
	}
}

static struct step get_step(struct cursor *in, const struct before *before)
{
	struct step step = {.flags = (int)(get_number(in) & 0xFF)};
	step.at = get_change(in, before->place);
	step.begin_len = get_small(in);
	step.end_len = get_small(in);
	if (step.end_len)
		step.end_at = get_change(in, step.at + step.begin_len);
	step.seq = (int64_t)get_change(in, before->seq);
	step.action = (int64_t)get_number(in);
	step.via = (int64_t)get_number(in);
	step.keys = (int64_t)get_number(in);
	if (step.flags & STEP_HAS_START)
		step.start_us = (int64_t)get_change(in, before->time);
	if (step.flags & STEP_HAS_END)
		step.end_us = (int64_t)get_change(
			in, step.flags & STEP_HAS_START ? (uint64_t)step.start_us : before->time);
	step.nth = get_small(in);
	step.part_count = get_small(in);
	return step;
}

bool steps_decode(struct slice bytes, size_t count, struct step *out)
{
	struct cursor in = cursor_of(bytes);
	struct before before = {0, 0, 0};
	for (size_t i = 0; i < count && !in.failed; i++) {
		out[i] = get_step(&in, &before);
		step_passed(&before, &out[i]);
	}
	return !in.failed && in.pos == in.end;
}

/* ---- parts ---- */

void parts_encode(const struct part *parts, size_t count, struct buf *out)
{
	uint64_t place = 0;
	uint64_t step = 0;
	for (size_t i = 0; i < count; i++) {
		put_change(out, place, parts[i].at);
		put_number(out, parts[i].len);
		put_number(out, (uint64_t)parts[i].type);
		put_change(out, step, (uint64_t)parts[i].step);
		place = parts[i].at + parts[i].len;
		step = (uint64_t)parts[i].step;
	}
}

bool parts_decode(struct slice bytes, struct part *out, size_t *out_count)
{
	struct cursor in = cursor_of(bytes);
	uint64_t place = 0;
	uint64_t step = 0;
	size_t count = 0;
	for (; in.pos < in.end && !in.failed && count < BLOCK_PARTS; count++) {
		out[count].at = get_change(&in, place);
		out[count].len = get_small(&in);
		out[count].type = (int)(get_number(&in) & 0xFF);
		out[count].step = (int64_t)get_change(&in, step);
		place = out[count].at + out[count].len;
		step = (uint64_t)out[count].step;
	}
	*out_count = count;
	return !in.failed && in.pos == in.end;
}
