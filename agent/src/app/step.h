/* app/step.h: one step: an action while it runs, with what it has changed so far. */
#ifndef APP_STEP_H
#define APP_STEP_H

#include "app/app.h"

/* Nobody nests spans deeper by hand; it bounds the ids. */
enum { STEP_SPAN_DEPTH_MAX = 64 };

struct span {
	char *id; /* kept until the step ends */
	unsigned child_count;
};

/* Something that is freed when the step ends. */
struct kept {
	void *memory;
	void (*destroy)(void *memory);
};

struct burr_step {
	burr_app *app;
	const struct graph_action *action; /* NULL in a predicate */
	const struct names *reads;
	const char *reads_text; /* for messages; may be NULL */
	struct slice inputs;    /* a validated object */
	struct state changes;
	struct state result;
	burr_status status; /* the first error sticks, with its message */
	struct buf message;
	struct span spans[STEP_SPAN_DEPTH_MAX];
	size_t span_depth;
	unsigned root_span_count;
	bool stream_begun;
	int64_t item_count;
	burr_item_fn on_item;
	void *item_ctx;
	struct kept *kept;
	size_t kept_count;
	size_t kept_cap;
};

void step_init(burr_step *step, burr_app *app, const struct names *reads, const char *reads_text);
void step_fini(burr_step *step);

/* Note an error, if it is the first. Returns the one that sticks. */
burr_status step_error(burr_step *step, burr_status code, const char *fmt, ...) BURR_PRINTF(3, 4);
burr_status step_no_memory(burr_step *step);
/* The message of the error that sticks; never NULL. */
const char *step_message(const burr_step *step);

/* Free memory by destroy when the step ends. Without memory for that it is destroyed at once, the error
 * sticks, and NULL comes back. */
void *step_keep(burr_step *step, void *memory, void (*destroy)(void *memory));

/* A value given as text: checked, without the space around it. False (the error sticks) when it is none.
 * what and key name it in the message. */
bool step_check_json(
	burr_step *step, const char *what, const char *key, const char *json, struct slice *out_value);
bool step_check_text(burr_step *step, const char *what, const char *key, const char *text);

/* "text \"abc\"", for messages: what a value is, its beginning. */
void step_describe(struct slice value, char *out, size_t size);

/* What the step reads a key as, its own changes first; SLICE_NONE when it is not there. */
struct slice step_find(const burr_step *step, struct slice key);

/* An event about this step. */
burr_event step_event(burr_step *step);

/* ---- around the action ---- */
void step_begin_stream(burr_step *step);
/* End what the action left open: spans, the stream. */
void step_close_open(burr_step *step);

#endif
