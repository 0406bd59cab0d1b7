/* own_loop.c: several downloads in one thread, driven by an event loop of its own.
 *
 *     cc own_loop.c $(pkg-config --cflags --libs burr)
 *
 * Shows the tracker alone: the loop decides what comes next and says so, one call a record, and steps of
 * several applications are open at the same time.
 *
 * In the UI: project demo_own_loop, three runs whose steps lie between each other's in time. Each
 * `read_piece` has its bytes as an attribute. */
#include "sample.h"

#include <burr/burr.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char project[] = "demo_own_loop";

/* The runs' graph. Who has a loop of his own only describes it. */
static const burr_action_info actions[] = {
	{"connect", "", "server", "", "begin() in own_loop.c"},
	{"read_piece", "pieces", "pieces_read", "", "on_ready() in own_loop.c"},
	{"close", "pieces_read", "", "", "on_ready() in own_loop.c"},
};
enum { TO_FIRST_PIECE, TO_NEXT_PIECE, TO_CLOSE, TRANSITION_COUNT };
static const burr_transition_info transitions[TRANSITION_COUNT] = {
	{"connect", "read_piece", NULL},
	{"read_piece", "read_piece", "pieces_read < pieces"},
	{"read_piece", "close", NULL},
};

struct download {
	const char *name;
	int pieces;   /* that the file has */
	int piece_ms; /* that one takes to arrive */

	char app_id[SAMPLE_ID_SIZE];
	burr_tracker_app *app;
	int pieces_read;
	const char *action;  /* of the step that is open */
	int64_t sequence_id; /* and its number */
	int64_t due_ms;      /* when what it waits for is there; 0: it is finished */
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Begin a step, which stays open while the loop turns to the other downloads. */
static void begin(struct download *d, const char *action, const burr_via *via, int takes_ms)
{
	d->action = action;
	d->due_ms = now_ms() + takes_ms;
	burr_tracker_begin_step(d->app, d->sequence_id, action, NULL, via);
}

/* Begin the step that a transition leads to, and say that it was this one. */
static void go_on(struct download *d, int transition, int takes_ms)
{
	const burr_transition_info *way = &transitions[transition];
	burr_via via = {way->from, way->condition, NULL, NULL, 0};
	begin(d, way->to, &via, takes_ms);
}

static void end(struct download *d)
{
	burr_json *state = burr_json_new();
	burr_json_object(state, NULL);
	burr_json_text(state, "server", "files.example.org");
	burr_json_int(state, "pieces", d->pieces);
	burr_json_int(state, "pieces_read", d->pieces_read);
	burr_json_end(state);
	burr_tracker_end_step(d->app, d->sequence_id, d->action, NULL, NULL, burr_json_str(state));
	burr_json_free(state);
	d->sequence_id++;
}

/* What the download waited for is there: end that step, begin the next. */
static void on_ready(struct download *d)
{
	if (!strcmp(d->action, "connect")) {
		end(d);
		go_on(d, TO_FIRST_PIECE, d->piece_ms);
	} else if (!strcmp(d->action, "read_piece")) {
		d->pieces_read++;
		burr_tracker_log_attribute(d->app, d->sequence_id, NULL, "bytes", "65536", NULL, 0);
		end(d);
		if (d->pieces_read < d->pieces)
			go_on(d, TO_NEXT_PIECE, d->piece_ms);
		else
			go_on(d, TO_CLOSE, 5);
	} else {
		end(d);
		burr_tracker_end_app(d->app);
		d->due_ms = 0;
	}
}

static struct download *find_next_due(struct download *downloads, int count)
{
	struct download *next = NULL;
	for (int i = 0; i < count; i++) {
		struct download *d = &downloads[i];
		if (d->due_ms && (!next || d->due_ms < next->due_ms))
			next = d;
	}
	return next;
}

/* poll() with nothing but a time limit: a real loop would have its sockets in it. */
static void run_loop(struct download *downloads, int count)
{
	struct download *next;
	while ((next = find_next_due(downloads, count)) != NULL) {
		int64_t wait_ms = next->due_ms - now_ms();
		if (wait_ms > 0)
			poll(NULL, 0, (int)wait_ms);
		else
			on_ready(next);
	}
}

static burr_status create(burr_tracker *tracker, struct download *d, burr_error *err)
{
	burr_app_info info = BURR_APP_INFO_INIT;
	sample_new_id(project, d->name, d->app_id);
	info.app_id = d->app_id;
	info.partition_key = "user_1";
	info.entrypoint = "connect";
	info.actions = actions;
	info.action_count = sizeof(actions) / sizeof(actions[0]);
	info.transitions = transitions;
	info.transition_count = TRANSITION_COUNT;
	return burr_tracker_create_app(tracker, &info, &d->app, err);
}

int main(void)
{
	enum { COUNT = 3 };
	struct download downloads[COUNT] = {
		{.name = "download-maps", .pieces = 20, .piece_ms = 30},
		{.name = "download-music", .pieces = 8, .piece_ms = 70},
		{.name = "download-photos", .pieces = 12, .piece_ms = 45},
	};
	burr_tracker_options options = BURR_TRACKER_OPTIONS_INIT;
	burr_error err = BURR_ERROR_INIT;
	burr_tracker *tracker = NULL;

	options.project = project;
	burr_status status = burr_tracker_open(&options, &tracker, &err);
	for (int i = 0; i < COUNT && status == BURR_OK; i++)
		status = create(tracker, &downloads[i], &err);
	if (status == BURR_OK) {
		for (int i = 0; i < COUNT; i++)
			begin(&downloads[i], "connect", NULL, 10 + 15 * i);
		run_loop(downloads, COUNT);
		/* The loop looked at no result: what could not be stored was counted, and is told here. */
		status = burr_tracker_flush(tracker, 1000, &err);
	}
	for (int i = 0; i < COUNT && status == BURR_OK; i++)
		printf("%s: %d pieces\n  burr open %s %s\n", downloads[i].app_id, downloads[i].pieces_read,
			project, downloads[i].app_id);
	if (status != BURR_OK)
		fprintf(stderr, "own_loop: %s\n", err.message);
	burr_tracker_close(tracker, NULL); /* and the applications with it */
	return status == BURR_OK ? 0 : 1;
}
