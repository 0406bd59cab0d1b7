/* cli/demo.c: burr demo: run the sample programs, one after the other, and say where to look. */
#include "base/clean.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/nearest.h"
#include "cli/running.h"
#include "cli/samples.h"
#include "cli/say.h"
#include "cli/spawn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { OUTPUT_TAIL = 4096 };

static void free_store(struct store **store)
{
	store_close(*store);
}

static int fail_missing(const struct samples *samples)
{
	const char *variable = getenv("BURR_EXAMPLES_DIR");
	if (variable && *variable)
		say_error("there are no sample programs in %s (BURR_EXAMPLES_DIR)", variable);
	else if (samples->folder)
		say_error("there are no sample programs in %s: BURR_EXAMPLES_DIR names another folder",
			samples->folder);
	else
		say_error("the sample programs are not installed (%s): BURR_EXAMPLES_DIR names their folder",
			BURR_INSTALLED_EXAMPLES);
	return CLI_ERROR;
}

static int list(const struct samples *samples)
{
	struct columns table;
	columns_init(&table, (const char *const[]){"SAMPLE", "SHOWS", NULL});
	for (size_t i = 0; i < samples->count; i++) {
		columns_add(&table, slice_of(samples->items[i].name), STYLE_BOLD);
		columns_add(&table, slice_of(samples->items[i].title), STYLE_NONE);
	}
	columns_print(&table);
	columns_fini(&table);
	return CLI_OK;
}

/* "counter" may stand for demo_counter. */
static bool is_called(const struct sample *sample, const char *name)
{
	static const char prefix[] = "demo_";
	const size_t len = sizeof(prefix) - 1;
	return strcmp(sample->name, name) == 0 || strcmp(strrchr(sample->program, '/') + 1, name) == 0 ||
	       (strncmp(sample->name, prefix, len) == 0 && strcmp(sample->name + len, name) == 0);
}

static const struct sample *find_sample(const struct samples *samples, const char *name)
{
	for (size_t i = 0; i < samples->count; i++)
		if (is_called(&samples->items[i], name))
			return &samples->items[i];
	CLEAN(buf_fini) struct buf hint = BUF_INIT;
	struct nearest nearest = NEAREST_INIT;
	for (size_t i = 0; i < samples->count; i++)
		nearest_offer(&nearest, name, samples->items[i].name);
	nearest_put(&nearest, &hint);
	if (!hint.len)
		buf_append_str(&hint, ": burr demo --list names them");
	say_error("there is no sample '%s'%.*s", name, SLICE_ARG(buf_slice(&hint)));
	return NULL;
}

/* The last line of what the program printed. */
static void last_line(int fd, struct buf *out)
{
	char text[OUTPUT_TAIL];
	off_t length = lseek(fd, 0, SEEK_END);
	off_t from = length > OUTPUT_TAIL ? length - OUTPUT_TAIL : 0;
	ssize_t got = pread(fd, text, sizeof(text), from);
	while (got > 0 && (text[got - 1] == '\n' || text[got - 1] == ' '))
		got--;
	ssize_t begin = got > 0 ? got : 0;
	while (begin > 0 && text[begin - 1] != '\n')
		begin--;
	if (got > begin)
		human_text(out, (struct slice){text + begin, (size_t)(got - begin)});
}

/* The sample's own project; NULL when there is none of its name. */
static const char *find_own_project(const struct store *store, const struct sample *sample)
{
	CLEAN(fd_close) int fd = -1;
	const char *name = sample->project ? sample->project : sample->name;
	bool there = store_open_project(store, slice_of(name), &fd, NULL) == BURR_OK;
	return there ? name : NULL;
}

static bool say_result(const struct store *store, const struct sample *sample, int wait_status,
	int64_t took_us, int output_fd)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
		const char *project = find_own_project(store, sample);
		human_duration(&text, took_us);
		say("  %sdone%s in %.*s%s%s\n", say_style(STYLE_GOOD), say_plain(),
			SLICE_ARG(buf_slice(&text)), project ? ", project " : "", project ? project : "");
		return true;
	}
	last_line(output_fd, &text);
	if (WIFSIGNALED(wait_status))
		say("  %sfailed%s: killed by signal %d", say_style(STYLE_BAD), say_plain(),
			WTERMSIG(wait_status));
	else
		say("  %sfailed%s: exit code %d", say_style(STYLE_BAD), say_plain(),
			WEXITSTATUS(wait_status));
	say("%s%.*s\n", text.len ? ": " : "", SLICE_ARG(buf_slice(&text)));
	return false;
}

static bool run_one(const struct store *store, const struct sample *sample)
{
	CLEAN(fd_close) int output_fd = memfd_create("burr-demo", MFD_CLOEXEC);
	int wait_status = 0;
	say("%s%s%s%s%s\n", say_style(STYLE_BOLD), sample->name, say_plain(), sample->title ? "  " : "",
		sample->title ? sample->title : "");
	fflush(stdout);
	int64_t start_ns = clock_mono_ns();
	pid_t pid = spawn_child((char *const[]){sample->program, NULL}, output_fd);
	if (pid < 0) {
		say_error("cannot start %s: %s", sample->program, strerror(errno));
		return false;
	}
	while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	return say_result(store, sample, wait_status, (clock_mono_ns() - start_ns) / 1000, output_fd);
}

/* The samples open it themselves; doing it first gives one clear error in place of many. */
static int prepare_store(const struct options *options, struct store **out_store)
{
	burr_error err;
	burr_status status = store_open(options->store, STORE_WRITE, out_store, &err);
	if (status != BURR_OK)
		return find_fail(status, &err);
	if (setenv("BURR_STORE", (*out_store)->path, 1) == 0)
		return CLI_OK;
	say_error("cannot set BURR_STORE: %s", strerror(errno));
	return CLI_ERROR;
}

static void say_where(struct store *store)
{
	CLEAN(running_fini) struct running running = RUNNING_INIT;
	if (running_find(store, &running) && running.url.len)
		say("\nLook at them: %s, or burr ls\n", running.url.data);
	else
		say("\nLook at them: burr (starts the UI), or burr ls\n");
}

static int run(const struct options *options, const struct samples *samples)
{
	CLEAN(free_store) struct store *store = NULL;
	bool failed = false;
	/* All names first: nothing runs when one of them is wrong. */
	for (int i = 0; i < options->arg_count; i++)
		if (!find_sample(samples, options->args[i]))
			return CLI_ABSENT;
	int code = prepare_store(options, &store);
	if (code != CLI_OK)
		return code;
	if (options->arg_count)
		for (int i = 0; i < options->arg_count; i++)
			failed |= !run_one(store, find_sample(samples, options->args[i]));
	else
		for (size_t i = 0; i < samples->count; i++)
			failed |= !run_one(store, &samples->items[i]);
	say_where(store);
	return failed ? CLI_ERROR : CLI_OK;
}

int command_demo(const struct options *options)
{
	CLEAN(samples_fini) struct samples samples = SAMPLES_INIT;
	samples_find(&samples);
	if (!samples.count)
		return fail_missing(&samples);
	return options_has(options, OPTION_LIST) ? list(&samples) : run(options, &samples);
}
