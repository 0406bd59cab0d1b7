#include "app/step.h"

#include "base/clean.h"
#include "base/error.h"
#include "base/json.h"

#include <stdarg.h>

/* An exception's text longer than this is cut: it goes into every record of the failing step. */
enum { MESSAGE_MAX = 16 << 10 };

void step_init(burr_step *step, burr_app *app, const struct names *reads, const char *reads_text)
{
	memset(step, 0, sizeof(*step));
	step->app = app;
	step->reads = reads;
	step->reads_text = reads_text;
	step->inputs = SLICE_LIT("{}");
}

void step_fini(burr_step *step)
{
	for (size_t i = 0; i < step->kept_count; i++)
		step->kept[i].destroy(step->kept[i].memory);
	free(step->kept);
	state_fini(&step->changes);
	state_fini(&step->result);
	buf_fini(&step->message);
}

BURR_PRINTF(2, 0) static void put_message(struct buf *message, const char *fmt, va_list args)
{
	char *to = buf_reserve(message, MESSAGE_MAX);
	int len = to ? vsnprintf(to, MESSAGE_MAX, fmt, args) : -1;
	if (len >= 0)
		message->len += len < MESSAGE_MAX ? (size_t)len : MESSAGE_MAX - 1;
}

BURR_PRINTF(3, 0)
static burr_status step_verror(burr_step *step, burr_status code, const char *fmt, va_list args)
{
	if (step->status == BURR_OK) {
		step->status = code;
		put_message(&step->message, fmt, args);
	}
	return step->status;
}

burr_status step_error(burr_step *step, burr_status code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	burr_status status = step_verror(step, code, fmt, args);
	va_end(args);
	return status;
}

burr_status step_no_memory(burr_step *step)
{
	if (step->status == BURR_OK)
		step->status = BURR_ENOMEM;
	return step->status;
}

const char *step_message(const burr_step *step)
{
	return step->message.len ? step->message.data : burr_status_text(step->status);
}

burr_status burr_step_fail(burr_step *step, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	step_verror(step, BURR_EACTION, fmt, args);
	va_end(args);
	return BURR_EACTION;
}

burr_status burr_step_check(const burr_step *step)
{
	return step->status;
}

static bool reserve_kept(burr_step *step)
{
	if (step->kept_count < step->kept_cap)
		return true;
	size_t cap = step->kept_cap ? step->kept_cap * 2 : 8;
	struct kept *kept = realloc(step->kept, cap * sizeof(*kept));
	if (!kept)
		return false;
	step->kept = kept;
	step->kept_cap = cap;
	return true;
}

void *step_keep(burr_step *step, void *memory, void (*destroy)(void *memory))
{
	if (!memory || !reserve_kept(step)) {
		if (memory)
			destroy(memory);
		step_no_memory(step);
		return NULL;
	}
	step->kept[step->kept_count++] = (struct kept){memory, destroy};
	return memory;
}

/* How deep a value may be: a record puts it into an object of an object, and the sum has to stay within
 * what every reader takes. */
enum { VALUE_MAX_DEPTH = JSON_MAX_DEPTH - 8 };

static bool is_too_deep(struct slice value)
{
	size_t depth = 0;
	bool in_text = false;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];
		if (in_text && c == '\\')
			i++;
		else if (c == '"')
			in_text = !in_text;
		else if (!in_text && (c == '{' || c == '['))
			depth++;
		else if (!in_text && (c == '}' || c == ']'))
			depth--;
		if (depth > VALUE_MAX_DEPTH)
			return true;
	}
	return false;
}

static void destroy_json(void *json)
{
	burr_json_free(json);
}

/* A NULL where JSON should be is what burr_json_str gave; what is wrong with one of the step's builders is
 * then the error. */
static burr_status no_value(burr_step *step, const char *what, const char *key)
{
	burr_error err = BURR_ERROR_INIT;
	for (size_t i = step->kept_count; i-- > 0;)
		if (step->kept[i].destroy == destroy_json &&
			burr_json_error(step->kept[i].memory, &err) != BURR_OK)
			return step_error(step, err.code, "%s \"%s\": %s", what, key, err.message);
	return step_error(step, BURR_EINVAL, "%s \"%s\": there is no value (NULL)", what, key);
}

bool step_check_json(
	burr_step *step, const char *what, const char *key, const char *json, struct slice *out_value)
{
	burr_error err = BURR_ERROR_INIT;
	if (step->status != BURR_OK)
		return false;
	if (!json)
		no_value(step, what, key);
	else if (json_validate(slice_of(json), out_value, &err) != BURR_OK)
		step_error(step, BURR_EINVAL, "%s \"%s\": %s", what, key, err.message);
	else if (is_too_deep(*out_value))
		step_error(step, BURR_EINVAL, "%s \"%s\": nested deeper than %d levels", what, key,
			VALUE_MAX_DEPTH);
	return step->status == BURR_OK;
}

bool step_check_text(burr_step *step, const char *what, const char *key, const char *text)
{
	if (step->status != BURR_OK)
		return false;
	if (!text)
		step_error(step, BURR_EINVAL, "%s \"%s\": there is no text (NULL)", what, key);
	else if (!utf8_valid(slice_of(text)))
		step_error(step, BURR_EINVAL, "%s \"%s\": the text is not valid UTF-8", what, key);
	return step->status == BURR_OK;
}

void step_describe(struct slice value, char *out, size_t size)
{
	static const char *const names[] = {
		"nothing", "an object", "a list", "text", "number", "true", "false", "null"};
	enum { SHOWN = 40 };
	enum json_kind kind = json_kind_of(value);
	if (kind == JSON_STRING || kind == JSON_NUMBER)
		snprintf(out, size, "%s %.*s%s", names[kind], (int)(value.len < SHOWN ? value.len : SHOWN),
			value.data, value.len < SHOWN ? "" : "…");
	else
		snprintf(out, size, "%s", names[kind]);
}

struct slice step_find(const burr_step *step, struct slice key)
{
	const struct state_entry *entry = state_find(&step->changes, key);
	if (!entry)
		entry = state_find(&step->app->state, key);
	return !entry || entry->removed ? SLICE_NONE : state_value(entry);
}

burr_event step_event(burr_step *step)
{
	burr_event event = app_event(step->app);
	event.action = step->action ? step->action->info.name : NULL;
	return event;
}

/* ---- about the step ---- */

int64_t burr_step_sequence_id(const burr_step *step)
{
	return step->app->sequence_id;
}

const char *burr_step_app_id(const burr_step *step)
{
	return step->app->app_id;
}

const char *burr_step_partition_key(const burr_step *step)
{
	return step->app->partition_key;
}

const char *burr_step_action(const burr_step *step)
{
	return step->action ? step->action->info.name : "";
}

void *burr_step_ctx(const burr_step *step)
{
	return step->app->ctx;
}

void *burr_step_action_ctx(const burr_step *step)
{
	return step->action ? step->action->info.ctx : NULL;
}

burr_json *burr_step_json(burr_step *step)
{
	return step_keep(step, burr_json_new(), destroy_json);
}

/* Keys in the state's order, then those that the step added. */
const char *burr_step_state_json(burr_step *step)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	const struct state *state = &step->app->state;
	json_put_open(&text, '{');
	for (size_t i = 0; i < state->count; i++) {
		struct slice key = {state->entries[i].key, state->entries[i].key_len};
		struct slice value = step_find(step, key);
		if (!value.data || (!names_have(step->reads, key) && !state_find(&step->changes, key)))
			continue;
		json_put_key(&text, key);
		json_put_raw(&text, value);
	}
	for (size_t i = 0; i < step->changes.count; i++) {
		const struct state_entry *entry = &step->changes.entries[i];
		if (!entry->removed && !state_find(state, (struct slice){entry->key, entry->key_len}))
			json_put_raw(&text, (struct slice){entry->text, entry->text_len});
	}
	json_put_close(&text, '}');
	char *made = step_keep(step, buf_take(&text), free);
	return made ? made : "";
}
