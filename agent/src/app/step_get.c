/* What an action reads: keys of the state, inputs of the run. */
#include "app/step.h"

#include "base/clean.h"
#include "base/json.h"

/* The value of a declared key, or SLICE_NONE. An undeclared one is an error; one that is missing is an error
 * when it is required. */
static struct slice readable(burr_step *step, const char *key, bool required)
{
	if (step->status != BURR_OK)
		return SLICE_NONE;
	if (!key) {
		step_error(step, BURR_EINVAL, "reading the state: the key is NULL");
		return SLICE_NONE;
	}
	struct slice name = slice_of(key);
	if (!names_have(step->reads, name) && !state_find(&step->changes, name)) {
		step_error(step, BURR_EINVAL, "key \"%s\" is read but not declared: reads is \"%s\"", key,
			step->reads_text ? step->reads_text : "");
		return SLICE_NONE;
	}
	struct slice value = step_find(step, name);
	if (!value.data && required)
		step_error(step, BURR_EINVAL, "key \"%s\" is not in the state", key);
	return value;
}

static void wrong_type(
	burr_step *step, const char *what, const char *key, struct slice value, const char *wanted)
{
	char text[96];
	step_describe(value, text, sizeof(text));
	step_error(step, BURR_EINVAL, "%s \"%s\" is %s, not %s", what, key, text, wanted);
}

static int64_t as_int(burr_step *step, const char *what, const char *key, struct slice value)
{
	int64_t number = 0;
	if (!json_to_int(value, &number))
		wrong_type(step, what, key, value, "an integer of 64 bits");
	return number;
}

static double as_double(burr_step *step, const char *what, const char *key, struct slice value)
{
	double number = 0;
	if (!json_to_double(value, &number))
		wrong_type(step, what, key, value, "a number");
	return number;
}

static bool as_bool(burr_step *step, const char *what, const char *key, struct slice value)
{
	enum json_kind kind = json_kind_of(value);
	if (kind != JSON_TRUE && kind != JSON_FALSE)
		wrong_type(step, what, key, value, "true or false");
	return kind == JSON_TRUE;
}

static const char *as_text(burr_step *step, const char *what, const char *key, struct slice value)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (json_kind_of(value) != JSON_STRING) {
		wrong_type(step, what, key, value, "text");
		return "";
	}
	json_to_text(value, &text);
	const char *made = step_keep(step, buf_take(&text), free);
	return made ? made : "";
}

static const char *as_json(burr_step *step, struct slice value)
{
	const char *made = step_keep(step, slice_dup(value), free);
	return made ? made : "";
}

/* ---- state ---- */

int64_t burr_get_int(burr_step *step, const char *key)
{
	struct slice value = readable(step, key, true);
	return value.data ? as_int(step, "key", key, value) : 0;
}

double burr_get_double(burr_step *step, const char *key)
{
	struct slice value = readable(step, key, true);
	return value.data ? as_double(step, "key", key, value) : 0;
}

bool burr_get_bool(burr_step *step, const char *key)
{
	struct slice value = readable(step, key, true);
	return value.data && as_bool(step, "key", key, value);
}

const char *burr_get_text(burr_step *step, const char *key)
{
	struct slice value = readable(step, key, true);
	return value.data ? as_text(step, "key", key, value) : "";
}

/* An entry's text ends in a NUL behind its value, and neither the state nor a replaced change is freed
 * before the step ends, so nothing needs to be copied. */
const char *burr_get_json(burr_step *step, const char *key)
{
	struct slice value = readable(step, key, true);
	return value.data ? value.data : "";
}

bool burr_has(burr_step *step, const char *key)
{
	return readable(step, key, false).data != NULL;
}

/* ---- inputs ---- */

static struct slice input(burr_step *step, const char *key)
{
	if (step->status != BURR_OK)
		return SLICE_NONE;
	if (!step->action) {
		step_error(step, BURR_EINVAL, "a condition has no inputs");
		return SLICE_NONE;
	}
	if (!key || !graph_takes_input(step->action, slice_of(key), NULL)) {
		step_error(step, BURR_EINVAL, "input \"%s\" is read but not declared: inputs is \"%s\"",
			key ? key : "NULL", step->action->info.inputs ? step->action->info.inputs : "");
		return SLICE_NONE;
	}
	return json_find(step->inputs, key);
}

int64_t burr_input_int(burr_step *step, const char *key, int64_t fallback)
{
	struct slice value = input(step, key);
	return value.data ? as_int(step, "input", key, value) : fallback;
}

double burr_input_double(burr_step *step, const char *key, double fallback)
{
	struct slice value = input(step, key);
	return value.data ? as_double(step, "input", key, value) : fallback;
}

bool burr_input_bool(burr_step *step, const char *key, bool fallback)
{
	struct slice value = input(step, key);
	return value.data ? as_bool(step, "input", key, value) : fallback;
}

const char *burr_input_text(burr_step *step, const char *key, const char *fallback)
{
	struct slice value = input(step, key);
	return value.data ? as_text(step, "input", key, value) : fallback;
}

const char *burr_input_json(burr_step *step, const char *key, const char *fallback)
{
	struct slice value = input(step, key);
	return value.data ? as_json(step, value) : fallback;
}

bool burr_has_input(burr_step *step, const char *key)
{
	return input(step, key).data != NULL;
}
