#include "api/gather.h"

#include "base/clean.h"
#include "base/error.h"
#include "catalog/record.h"

struct gathering {
	struct splice *splice;
	uint64_t indexed; /* of the log, in bytes: what is behind it is read there */
	struct buf seqs;  /* int64_t of each step, for its parts */
};

static void add_place(
	struct gathering *gathering, uint64_t at, uint32_t len, enum line_type type, int64_t seq)
{
	struct splice_place place = {at, len, type, seq};
	if (len && at + len <= gathering->indexed)
		splice_add(gathering->splice, &place);
}

static bool take_step(int64_t number, const struct step *step, void *ctx)
{
	struct gathering *gathering = ctx;
	(void)number;
	add_place(gathering, step->at, step->begin_len, LINE_BEGIN_ENTRY, step->seq);
	add_place(gathering, step->end_at, step->end_len, LINE_END_ENTRY, step->seq);
	buf_append(&gathering->seqs, &step->seq, sizeof(step->seq));
	return gathering->splice->status == BURR_OK;
}

static bool take_part(const struct part *part, void *ctx)
{
	struct gathering *gathering = ctx;
	const int64_t *seqs = (const int64_t *)(const void *)gathering->seqs.data;
	bool known = part->step >= 0 && (size_t)part->step < gathering->seqs.len / sizeof(*seqs);
	add_place(gathering, part->at, part->len, (enum line_type)part->type, known ? seqs[part->step] : -1);
	return gathering->splice->status == BURR_OK;
}

static void keep_app(const struct catalog_app *app, void *ctx)
{
	*(struct catalog_app *)ctx = *app; /* only its numbers are used, its texts are gone */
}

/* What the catalog knows of the log. */
static burr_status gather_indexed(
	const struct gather_request *request, struct gathering *gathering, burr_error *err)
{
	struct catalog_reader *reader = request->reader;
	struct catalog_app app;
	burr_status status = catalog_find_app(reader, request->project, request->app_id, keep_app, &app, err);
	if (status != BURR_OK)
		return status;
	gathering->indexed = catalog_indexed_part(&app, gathering->splice->lines.fd);
	struct steps_request all = {.app = app.id, .end = INT64_MAX};
	status = catalog_list_bare_steps(reader, &all, take_step, gathering, err);
	if (status == BURR_OK && app.part_count)
		status = catalog_list_parts(reader, app.id, -1, INT64_MAX, take_part, gathering, err);
	return status == BURR_OK && gathering->seqs.failed ? BURR_ENOMEM : status;
}

static burr_status gather_tail(struct gathering *gathering, burr_error *err)
{
	CLEAN(buf_fini) struct buf spare = BUF_INIT;
	CLEAN(log_reader_fini) struct log_reader reader;
	struct log_line line;
	struct line_record record;
	struct splice *splice = gathering->splice;
	log_reader_init(&reader, splice->lines.fd, gathering->indexed);
	while (splice->status == BURR_OK && log_reader_next(&reader, &line)) {
		if (line.text.len > UINT32_MAX || !record_read(line.text, &spare, &record))
			continue;
		struct splice_place place = {
			line.offset, (uint32_t)line.text.len, record.type, record.sequence_id};
		splice_add(splice, &place);
	}
	return reader.status == BURR_OK ? BURR_OK
					: burr_fail(err, reader.status, "log.jsonl: reading failed");
}

/* A catalog that cannot answer, or does not know the run yet, is done without. */
static void try_catalog(const struct gather_request *request, struct gathering *gathering)
{
	struct splice *splice = gathering->splice;
	if (gather_indexed(request, gathering, NULL) == BURR_OK)
		return;
	int fd = splice->lines.fd;
	splice->lines.fd = -1;
	splice_fini(splice);
	splice_init(splice, fd);
	gathering->indexed = 0;
}

burr_status gather_places(const struct gather_request *request, struct splice *splice, burr_error *err)
{
	struct gathering gathering = {.splice = splice, .seqs = BUF_INIT};
	if (splice->lines.fd < 0)
		return BURR_OK;
	if (request->reader)
		try_catalog(request, &gathering);
	buf_fini(&gathering.seqs);
	burr_status status = gather_tail(&gathering, err);
	if (status != BURR_OK)
		return status;
	status = splice_settle(splice);
	if (status == BURR_ETOOBIG)
		return burr_fail(err, status,
			"log.jsonl has more records than a whole run is answered with; "
			"/api/v1/projects/{project}/runs/{app_id}/steps has pages of it");
	return status == BURR_OK ? BURR_OK : burr_fail(err, status, "no memory for this run");
}
