/* The lines of a run's log that are no records: where they are, what they begin with, why. */
#include "api/v1_inside.h"
#include "base/clean.h"
#include "base/clock.h"
#include "base/json.h"
#include "catalog/record.h"

#include <fcntl.h>

enum {
	LINES_TOLD = 100,
	HEAD_BYTES = 200, /* of a line */
	LINES_A_LOOK = 64 /* at the clock */
};

static const int64_t LINES_MOST =
	INT64_C(1000000000000); /* more than a disk holds, and far from an overflow */

struct damage {
	int64_t from, line; /* where reading begins: a byte, and the number of the line there, from 1 */
	bool complete;
	int64_t count;
	struct buf rows;
};

static void put_line(struct damage *damage, const struct log_line *line)
{
	burr_error err = BURR_ERROR_INIT;
	size_t head = line->text.len < HEAD_BYTES ? line->text.len : HEAD_BYTES;
	json_put_open(&damage->rows, '{');
	json_put_member_int(&damage->rows, "line", damage->line);
	json_put_member_int(&damage->rows, "offset", (int64_t)line->offset);
	json_put_member_int(&damage->rows, "bytes", (int64_t)line->text.len);
	json_put_member(&damage->rows, "head", (struct slice){line->text.data, head});
	json_put_member(&damage->rows, "reason", slice_of(record_explain_damage(line->text, &err)));
	json_put_close(&damage->rows, '}');
	damage->count++;
}

static burr_status read_log(int fd, int64_t deadline_ns, struct damage *damage)
{
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	struct line_record record;
	struct log_reader reader;
	struct log_line line;
	log_reader_init(&reader, fd, (uint64_t)damage->from);
	for (; damage->complete && log_reader_next(&reader, &line); damage->line++) {
		if (line.text.len && !record_read(line.text, &spare, &record))
			put_line(damage, &line);
		damage->complete = damage->count < LINES_TOLD &&
				   (damage->line % LINES_A_LOOK || clock_mono_ns() < deadline_ns);
	}
	damage->from = (int64_t)log_reader_offset(&reader);
	burr_status status = reader.status;
	log_reader_fini(&reader);
	return status;
}

static burr_status read_run(const struct http_request *req, struct damage *damage, burr_error *err)
{
	CLEAN(fd_close) int app_fd = -1;
	CLEAN(fd_close) int fd = -1;
	const struct store *store = ((struct api *)req->ctx)->store;
	burr_status status = store_open_app(
		store, http_capture(req, "project"), http_capture(req, "app_id"), &app_fd, err);
	if (status != BURR_OK)
		return status;
	fd = openat(app_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) /* a run that has recorded nothing yet */
		return BURR_OK;
	return read_log(fd, v1_deadline_ns(), damage);
}

void v1_list_damage(const struct http_request *req, struct http_response *res)
{
	static const char *const names[] = {"from", "line", NULL};
	struct damage damage = {.line = 1, .complete = true, .rows = BUF_INIT};
	struct catalog_app app;
	burr_error err = BURR_ERROR_INIT;
	if (!v1_only(req, res, names) || !v1_number(req, res, "from", 0, INT64_MAX, &damage.from) ||
		!v1_number(req, res, "line", 1, LINES_MOST, &damage.line) ||
		!v1_find_run(req, res, NULL, NULL, &app))
		return;
	if (damage.from > app.log_len) /* the log has been cut */
		damage.from = app.log_len;
	json_put_open(&damage.rows, '[');
	burr_status status = read_run(req, &damage, &err);
	json_put_close(&damage.rows, ']');
	if (status == BURR_OK) {
		struct buf *out = &res->body;
		v1_open(out);
		json_put_member_bool(out, "complete", damage.complete);
		v1_put_number(out, "next", !damage.complete, damage.from);
		v1_put_number(out, "next_line", !damage.complete, damage.line);
		json_put_member_raw(out, "lines", buf_slice(&damage.rows));
		json_put_close(out, '}');
		out->failed = out->failed || damage.rows.failed;
	} else {
		v1_fail(res, status, &err);
	}
	buf_fini(&damage.rows);
}
