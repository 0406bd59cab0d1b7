/* cli/doctor_collector.c: burr doctor: the collector, what troubles it, and its socket. */
#include "base/clean.h"
#include "base/json.h"
#include "cli/doctor.h"
#include "cli/human.h"
#include "cli/running.h"
#include "link/link.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { ASK_MS = 2000 };

/* ---- the socket ---- */

static void check_socket(const struct store *store, struct findings *findings)
{
	struct stat st;
	if (fstatat(store->dir_fd, LINK_SOCKET_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			findings_add(findings, LEVEL_PROBLEM, "socket", "", "%s: %s", LINK_SOCKET_FILE,
				strerror(errno));
		else if (findings->has_collector)
			findings_add(findings, LEVEL_PROBLEM, "socket",
				"burr stop and start it again: programs cannot reach it, and wait",
				"the collector's %s is gone", LINK_SOCKET_FILE);
		return;
	}
	const unsigned mode = st.st_mode & 07777;
	if (!S_ISSOCK(st.st_mode))
		findings_add(findings, LEVEL_PROBLEM, "socket", "move it away, and start burr again",
			"%s is not a socket", LINK_SOCKET_FILE);
	else if (st.st_uid != geteuid() || mode & 077)
		findings_add(findings, LEVEL_PROBLEM, "socket", "chmod 600 it",
			"%s has mode %04o: others could write records", LINK_SOCKET_FILE, mode);
	else if (!findings->has_collector)
		findings_add(findings, LEVEL_NOTE, "socket", "the next burr makes it anew",
			"%s is stale, of a collector that was killed", LINK_SOCKET_FILE);
	else
		findings_add(findings, LEVEL_OK, "socket", "", "%s, mode %04o", LINK_SOCKET_FILE, mode);
}

/* ---- what it says ---- */

static uint64_t number(struct slice object, const char *key)
{
	int64_t value = 0;
	return json_to_int(json_find(object, key), &value) && value > 0 ? (uint64_t)value : 0;
}

static void add_count(struct buf *text, struct slice answer, const char *key, const char *what)
{
	if (!number(answer, key))
		return;
	buf_append_str(text, text->len ? ", " : "");
	human_count(text, number(answer, key));
	buf_printf(text, " %s", what);
}

/* What is lost is lost: to be known, and nothing to be done about. */
static void check_losses(struct slice answer, struct findings *findings)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	CLEAN(buf_fini) struct buf trouble = BUF_INIT;
	add_count(&text, answer, "dropped", "records dropped");
	add_count(&text, answer, "lost", "lost with their files");
	add_count(&text, answer, "never", "refusals");
	add_count(&text, answer, "refused", "requests that were none");
	add_count(&text, answer, "invalid", "values that were no JSON");
	if (!text.len)
		return;
	(void)json_to_text(json_find(answer, "trouble"), &trouble);
	findings_add(findings, LEVEL_NOTE, "losses", "", "since the collector started: %s%s%s", text.data,
		trouble.len ? "; last " : "", trouble.len ? trouble.data : "");
}

static void check_laters(struct slice answer, struct findings *findings)
{
	struct slice later;
	struct json_iter it = json_iter(json_find(answer, "later_apps"));
	while (json_next_element(&it, &later)) {
		CLEAN(buf_fini) struct buf text = BUF_INIT;
		CLEAN(buf_fini) struct buf since = BUF_INIT;
		(void)json_to_text(json_find(later, "project"), &text);
		buf_append_char(&text, '/');
		(void)json_to_text(json_find(later, "app_id"), &text);
		buf_append_str(&text, ": ");
		(void)json_to_text(json_find(later, "reason"), &text);
		if (json_to_text(json_find(later, "since"), &since)) {
			buf_append_str(&text, ", since ");
			human_time(&text, since.data);
		}
		findings_add(findings, LEVEL_PROBLEM, "waits",
			"mend that; its records are kept and tried again", "%s", text.data ? text.data : "");
	}
}

static void check_answer(const struct running *running, struct slice answer, struct findings *findings)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	buf_printf(&text, "runs at %s, process %lld, ", running->url.data, (long long)running->pid);
	human_count(&text, number(answer, "writers"));
	buf_printf(&text, " writer%s connected", number(answer, "writers") == 1 ? "" : "s");
	if (json_kind_of(json_find(answer, "appending")) == JSON_TRUE)
		findings_add(findings, LEVEL_OK, "collector", "", "%s, holds the right to append", text.data);
	else
		findings_add(findings, LEVEL_NOTE, "collector",
			"should it last, a program that stands still (stopped by a signal) has it",
			"%s, waits for the right to append", text.data);
	check_laters(answer, findings);
	check_losses(answer, findings);
}

void doctor_check_collector(struct store *store, struct findings *findings)
{
	CLEAN(running_fini) struct running running = RUNNING_INIT;
	CLEAN(buf_fini) struct buf body = BUF_INIT;
	struct slice answer;
	burr_error err = BURR_ERROR_INIT;
	findings->has_collector = running_find(store, &running);
	if (!findings->has_collector)
		findings_add(findings, LEVEL_OK, "collector", "",
			"none runs: programs write the store by themselves");
	else if (!running.url.len)
		findings_add(
			findings, LEVEL_NOTE, "collector", "look again in a moment", "it is just starting");
	else if (running_get(&running, "/api/v1/status", ASK_MS, &body, &err) != BURR_OK)
		findings_add(findings, LEVEL_PROBLEM, "collector", "burr stop ends it, kill -9 if need be",
			"process %lld does not answer (%s)", (long long)running.pid, err.message);
	else if (json_validate(buf_slice(&body), &answer, NULL) != BURR_OK)
		findings_add(findings, LEVEL_PROBLEM, "collector", "burr stop, and start it again",
			"what answers at %s is no collector", running.url.data);
	else
		check_answer(&running, answer, findings);
	check_socket(store, findings);
}
