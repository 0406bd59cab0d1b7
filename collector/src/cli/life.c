#include "cli/life.h"

#include "base/clean.h"
#include "base/json.h"
#include "load/tail.h"
#include "spool/inspect.h"
#include "store/line.h"
#include "store/read.h"

#include <fcntl.h>
#include <sys/stat.h>

struct look {
	const struct store *store;
	struct buf *seen; /* NULL: not asked for */
	bool decided;
	enum life life;
};

static enum life life_of_writer(const struct store *store, struct slice line)
{
	struct identity identity;
	if (!line_find_identity(line, &identity))
		return LIFE_UNKNOWN;
	return spool_find_writer(store, identity.writer) == SPOOL_WRITER_LIVES ? LIFE_RUNS : LIFE_LOST;
}

/* Lines come newest first; true when this one and those before it tell all. */
static bool take_line(struct look *look, struct slice text)
{
	struct line_record record;
	if (!line_read(text, &record))
		return false;
	if (look->seen && !look->seen->len)
		(void)json_to_text(record.time, look->seen);
	if (!look->decided && record.type == LINE_BEGIN_ENTRY)
		look->life = life_of_writer(look->store, text);
	look->decided = look->decided || record.type == LINE_BEGIN_ENTRY || record.type == LINE_END_ENTRY;
	return look->decided && (!look->seen || look->seen->len);
}

static bool take_held(struct look *look, const struct buf *lines)
{
	bool done = false;
	for (size_t end = lines->len; end && !done;) {
		const char *newline = memrchr(lines->data, '\n', end - 1);
		size_t start = newline ? (size_t)(newline - lines->data) + 1 : 0;
		done = take_line(look, (struct slice){lines->data + start, end - 1 - start});
		end = start;
	}
	return done;
}

static enum life look_once(const struct store *store, const struct foreign *held, const char *project,
	const char *app_id, struct buf *out_seen)
{
	CLEAN(fd_close) int dir_fd = -1;
	CLEAN(buf_fini) struct buf lines = BUF_INIT;
	struct look look = {store, out_seen, false, LIFE_RESTS};
	bool moved = false; /* a record that went to the log meanwhile is found there, or at the next look */
	struct stat st = {.st_size = 0};
	struct log_reader reader;
	struct log_line line;
	if (out_seen)
		buf_clear(out_seen);
	if (store_open_app(store, slice_of(project), slice_of(app_id), &dir_fd, NULL) != BURR_OK)
		return LIFE_RESTS;
	CLEAN(fd_close) int log_fd = openat(dir_fd, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (log_fd >= 0 && (fstat(log_fd, &st) < 0 || !S_ISREG(st.st_mode)))
		fd_close(&log_fd);
	if (held_put_lines(store, held, slice_of(app_id), log_fd, (uint64_t)st.st_size, &lines, &moved,
		    NULL) == BURR_OK &&
		take_held(&look, &lines))
		return look.life;
	if (log_fd < 0)
		return look.life;
	log_reader_init(&reader, log_fd, (uint64_t)st.st_size);
	while (log_reader_previous(&reader, &line) && !take_line(&look, line.text))
		;
	log_reader_fini(&reader);
	return look.life;
}

enum life life_find(const struct store *store, const struct foreign *held, const char *project,
	const char *app_id, struct buf *out_seen)
{
	CLEAN(foreign_fini) struct foreign again = {0};
	enum life life = look_once(store, held, project, app_id, out_seen);
	if (life != LIFE_LOST)
		return life;
	/* It may have ended the step, and then itself, after its records were read: now it writes no more. */
	if (tail_read(store, slice_of(project), slice_of(app_id), &again, NULL) != BURR_OK)
		return life;
	return look_once(store, &again, project, app_id, out_seen);
}

const char *life_name(enum life life)
{
	static const char *const names[] = {[LIFE_RESTS] = "",
		[LIFE_RUNS] = "running",
		[LIFE_LOST] = "lost",
		[LIFE_UNKNOWN] = "running?"};
	return names[life];
}
