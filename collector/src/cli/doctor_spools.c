/* cli/doctor_spools.c: burr doctor: spools, living and left, and the files that lie beside them. */
#include "base/clean.h"
#include "cli/doctor.h"
#include "cli/human.h"
#include "spool/inspect.h"
#include "spool/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { SHOWN_MAX = 12 }; /* of the living, of those that are left, and of the strange ones */

/* ---- spools ---- */

struct spools {
	struct findings *findings;
	size_t living;
	size_t left;
	size_t strange;
};

static void put_holder(struct buf *out, const struct spool_report *report)
{
	if (!report->is_known) {
		buf_printf(out, "%s (%s)", report->name, report->why);
		return;
	}
	buf_printf(out, "%s, process %lld on %s", report->header.program, (long long)report->header.pid,
		report->header.host);
}

static void put_held(struct buf *out, const struct spool_report *report)
{
	uint64_t bytes = report->lane_bytes + report->spill_bytes;
	if (!bytes) {
		buf_append_str(out, "nothing");
		return;
	}
	human_bytes(out, bytes);
	if (!report->spill_bytes)
		return;
	buf_append_str(out, " (");
	human_bytes(out, report->spill_bytes);
	buf_append_str(out, " spilled)");
}

static void add_living(struct spools *s, const struct spool_report *report)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	uint64_t dropped = report->is_known ? atomic_load(&report->header.dropped_count) : 0;
	if (s->living++ >= SHOWN_MAX && !dropped)
		return;
	put_holder(&text, report);
	if (!report->is_known) {
		findings_add(s->findings, LEVEL_NOTE, "writers", "", "%s", text.data);
		return;
	}
	buf_append_str(&text, ", holds ");
	put_held(&text, report);
	if (dropped) {
		buf_append_str(&text, ", dropped ");
		human_count(&text, dropped);
		buf_printf(&text, " record%s", dropped == 1 ? "" : "s");
	}
	findings_add(s->findings, dropped ? LEVEL_PROBLEM : LEVEL_OK, "writers",
		dropped ? "they are lost; BURR_LOG=1 makes it say why" : "", "%s", text.data);
}

static void add_left(struct spools *s, const struct spool_report *report)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	uint64_t bytes = report->lane_bytes + report->spill_bytes;
	if (s->left++ >= SHOWN_MAX)
		return;
	put_holder(&text, report);
	buf_append_str(&text, " ended and left ");
	put_held(&text, report);
	if (s->findings->has_collector)
		findings_add(s->findings, LEVEL_NOTE, "spools", "the collector takes it in within seconds",
			"%s", text.data);
	else if (bytes)
		findings_add(
			s->findings, LEVEL_PROBLEM, "spools", "burr recover takes it in", "%s", text.data);
	else
		findings_add(s->findings, LEVEL_NOTE, "spools", "burr recover removes it", "%s", text.data);
}

static void add_spool(void *ctx, const struct spool_report *report)
{
	struct spools *s = ctx;
	switch (report->state) {
	case SPOOL_LIVES:
		add_living(s, report);
		break;
	case SPOOL_LEFT:
		add_left(s, report);
		break;
	case SPOOL_STRANGE:
		if (s->strange++ >= SHOWN_MAX)
			break;
		findings_add(s->findings, LEVEL_NOTE, "spools", "burr recover sets it aside", "%s: %s",
			report->name, report->why);
		break;
	case SPOOL_UNOPENED:
		findings_add(s->findings, LEVEL_PROBLEM, "spools",
			"what it holds cannot be taken in until it can be opened", "%s: %s", report->name,
			report->why);
		break;
	}
}

static void add_rest(struct spools *s)
{
	if (!s->living)
		findings_add(s->findings, LEVEL_OK, "writers", "",
			"no program records now (one that could get no spool cannot be seen)");
	if (s->living > SHOWN_MAX)
		findings_add(
			s->findings, LEVEL_OK, "writers", "", "%zu more that record", s->living - SHOWN_MAX);
	if (s->left > SHOWN_MAX)
		findings_add(s->findings, s->findings->has_collector ? LEVEL_NOTE : LEVEL_PROBLEM, "spools",
			"burr recover takes them in", "%zu more that programs left", s->left - SHOWN_MAX);
	if (s->strange > SHOWN_MAX)
		findings_add(s->findings, LEVEL_NOTE, "spools", "burr recover sets them aside",
			"%zu more that this burr does not know", s->strange - SHOWN_MAX);
}

/* ---- what lies beside them ---- */

struct beside {
	uint64_t spill_count;
	uint64_t spill_bytes;
	uint64_t lone_spill_count; /* without a spool: nobody will read it */
	uint64_t side_count;
	uint64_t side_bytes;
	uint64_t lone_side_count;
	uint64_t aside_count;
	uint64_t aside_bytes;
};

static bool exists(int dir_fd, const char *name)
{
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The spool that the file belongs to, also one that was set aside. */
static bool has_spool(int dir_fd, const char *name)
{
	char own[80];
	char aside[80];
	const int digits = WRITER_ID_LEN;
	const char *writer = name + sizeof(SPOOL_PREFIX) - 1;
	snprintf(own, sizeof(own), "%s%.*s", SPOOL_PREFIX, digits, writer);
	snprintf(aside, sizeof(aside), "%s%.*s", SPOOL_ASIDE_PREFIX, digits, writer);
	return exists(dir_fd, own) || exists(dir_fd, aside);
}

static void take_file(struct beside *b, int dir_fd, const char *name)
{
	const size_t own_len = sizeof(SPOOL_PREFIX) - 1 + WRITER_ID_LEN;
	struct stat st;
	bool aside = strncmp(name, SPOOL_ASIDE_PREFIX, sizeof(SPOOL_ASIDE_PREFIX) - 1) == 0;
	bool beside = strncmp(name, SPOOL_PREFIX, sizeof(SPOOL_PREFIX) - 1) == 0 && strlen(name) > own_len &&
		      name[own_len] == '.';
	if ((!aside && !beside) || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	const char *suffix = beside ? name + own_len : "";
	if (aside) {
		b->aside_count++;
		b->aside_bytes += (uint64_t)st.st_blocks * 512;
	} else if (strcmp(suffix, SPOOL_SPILL_SUFFIX) == 0) {
		b->spill_count++;
		b->spill_bytes += (uint64_t)st.st_size;
		b->lone_spill_count += st.st_size > 0 && !has_spool(dir_fd, name);
	} else if (strcmp(suffix, ".new") != 0) { /* that one is a spool that is being made */
		b->side_count++;
		b->side_bytes += (uint64_t)st.st_size;
		b->lone_side_count += !has_spool(dir_fd, name);
	}
}

static void add_files(
	struct findings *findings, const char *check, uint64_t count, uint64_t bytes, const char *what)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (!count)
		return;
	human_count(&text, count);
	buf_printf(&text, " file%s %s, ", count == 1 ? "" : "s", what);
	human_bytes(&text, bytes);
	findings_add(findings, LEVEL_OK, check, "", "%s", text.data);
}

static void add_beside(const struct beside *b, struct findings *findings)
{
	add_files(findings, "spill", b->spill_count, b->spill_bytes, "of records that wait for the store");
	add_files(findings, "side", b->side_count, b->side_bytes, "of large records");
	if (b->lone_spill_count)
		findings_add(findings, LEVEL_PROBLEM, "spill",
			"they are lost; remove " SPOOL_PREFIX "*" SPOOL_SPILL_SUFFIX
			" when no program records",
			"%llu spilled without a spool to tell what of it is stored",
			(unsigned long long)b->lone_spill_count);
	if (b->lone_side_count)
		findings_add(findings, LEVEL_NOTE, "side", "remove them when no program records",
			"%llu without a spool that names them", (unsigned long long)b->lone_side_count);
	if (b->aside_count) {
		CLEAN(buf_fini) struct buf bytes = BUF_INIT;
		human_bytes(&bytes, b->aside_bytes);
		findings_add(findings, LEVEL_NOTE, "aside",
			"rename to " SPOOL_PREFIX "… for the burr that made them, or remove them",
			"%llu set aside as " SPOOL_ASIDE_PREFIX "…, %s", (unsigned long long)b->aside_count,
			bytes.data);
	}
}

void doctor_check_spools(const struct store *store, struct findings *findings)
{
	struct spools spools = {.findings = findings};
	struct beside beside = {0};
	struct dirent *file;
	burr_error err = BURR_ERROR_INIT;
	if (spool_inspect_all(store, add_spool, &spools, &err) != BURR_OK) {
		findings_add(findings, LEVEL_PROBLEM, "spools", "", "%s", err.message);
		return;
	}
	add_rest(&spools);
	int dir_fd = openat(store->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = dir_fd < 0 ? NULL : fdopendir(dir_fd);
	if (!dir) {
		fd_close(&dir_fd);
		findings_add(findings, LEVEL_PROBLEM, "spools", "", "the folder: %s", strerror(errno));
		return;
	}
	while ((file = readdir(dir)))
		take_file(&beside, store->dir_fd, file->d_name);
	closedir(dir);
	add_beside(&beside, findings);
}
