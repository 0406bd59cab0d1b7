/* What an action writes: keys of the state, its result. */
#include "app/step.h"

#include "base/clean.h"
#include "base/json.h"

#include <math.h>

static bool writable(burr_step *step, const char *key)
{
	if (step->status != BURR_OK)
		return false;
	if (!step->action)
		step_error(step, BURR_EINVAL, "a condition cannot write (key \"%s\")", key ? key : "NULL");
	else if (!key)
		step_error(step, BURR_EINVAL, "writing the state: the key is NULL");
	else if (state_key_is_private(slice_of(key)))
		step_error(step, BURR_EINVAL, "key \"%s\": keys that begin with __ are the library's", key);
	else if (!names_have(&step->action->writes, slice_of(key)))
		step_error(step, BURR_EINVAL, "key \"%s\" is written but not declared: writes is \"%s\"", key,
			step->action->info.writes ? step->action->info.writes : "");
	return step->status == BURR_OK;
}

/* The result's keys need no declaration. */
static bool result_key_fits(burr_step *step, const char *key)
{
	if (step->status != BURR_OK)
		return false;
	if (!step->action)
		step_error(step, BURR_EINVAL, "a condition has no result");
	else if (!key || !utf8_valid(slice_of(key)))
		step_error(step, BURR_EINVAL, "result: the key is NULL or not valid UTF-8");
	return step->status == BURR_OK;
}

/* What a getter may have handed out is kept until the step ends. */
static burr_status put(burr_step *step, struct state *to, const char *key, struct slice json)
{
	char *old = NULL;
	if (!state_set(to, slice_of(key), json, &old))
		return step_no_memory(step);
	if (old)
		step_keep(step, old, free);
	return step->status;
}

/* The value was written into text by json_put_*. */
static burr_status put_buf(burr_step *step, struct state *to, const char *key, const struct buf *text)
{
	return text->failed ? step_no_memory(step) : put(step, to, key, buf_slice(text));
}

static burr_status put_int(burr_step *step, struct state *to, const char *key, int64_t value)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	json_put_int(&text, value);
	return put_buf(step, to, key, &text);
}

static burr_status put_double(burr_step *step, struct state *to, const char *key, double value)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (!isfinite(value))
		return step_error(step, BURR_EINVAL, "key \"%s\": JSON has no NaN and no infinity", key);
	json_put_double(&text, value);
	return put_buf(step, to, key, &text);
}

static burr_status put_bool(burr_step *step, struct state *to, const char *key, bool value)
{
	return put(step, to, key, value ? SLICE_LIT("true") : SLICE_LIT("false"));
}

static burr_status put_text(burr_step *step, struct state *to, const char *key, const char *value)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	if (!step_check_text(step, "key", key, value))
		return step->status;
	json_put_text(&text, slice_of(value));
	return put_buf(step, to, key, &text);
}

static burr_status put_json(burr_step *step, struct state *to, const char *key, const char *json)
{
	struct slice value;
	if (!step_check_json(step, "key", key, json, &value))
		return step->status;
	return put(step, to, key, value);
}

/* ---- state ---- */

burr_status burr_set_int(burr_step *step, const char *key, int64_t value)
{
	return writable(step, key) ? put_int(step, &step->changes, key, value) : step->status;
}

burr_status burr_set_double(burr_step *step, const char *key, double value)
{
	return writable(step, key) ? put_double(step, &step->changes, key, value) : step->status;
}

burr_status burr_set_bool(burr_step *step, const char *key, bool value)
{
	return writable(step, key) ? put_bool(step, &step->changes, key, value) : step->status;
}

burr_status burr_set_text(burr_step *step, const char *key, const char *value)
{
	return writable(step, key) ? put_text(step, &step->changes, key, value) : step->status;
}

burr_status burr_set_json(burr_step *step, const char *key, const char *json)
{
	return writable(step, key) ? put_json(step, &step->changes, key, json) : step->status;
}

burr_status burr_set_null(burr_step *step, const char *key)
{
	return writable(step, key) ? put(step, &step->changes, key, SLICE_LIT("null")) : step->status;
}

burr_status burr_unset(burr_step *step, const char *key)
{
	char *old = NULL;
	if (!writable(step, key))
		return step->status;
	if (!state_set_removed(&step->changes, slice_of(key), &old))
		return step_no_memory(step);
	if (old)
		step_keep(step, old, free);
	return step->status;
}

burr_status burr_increment(burr_step *step, const char *key, int64_t by)
{
	int64_t number = 0;
	char text[96];
	if (!writable(step, key))
		return step->status;
	struct slice value = step_find(step, slice_of(key));
	if (value.data && !json_to_int(value, &number)) {
		step_describe(value, text, sizeof(text));
		return step_error(step, BURR_EINVAL, "key \"%s\" is %s, not an integer to add to", key, text);
	}
	if (__builtin_add_overflow(number, by, &number))
		return step_error(step, BURR_EINVAL, "key \"%s\": the sum is beyond 64 bits", key);
	return put_int(step, &step->changes, key, number);
}

/* The list's text without its bracket, the element, the bracket: the elements are not looked at again. */
static burr_status append_element(burr_step *step, const char *key, struct slice element)
{
	CLEAN(buf_fini) struct buf text = BUF_INIT;
	char described[96];
	struct slice list = step_find(step, slice_of(key));
	if (!list.data)
		list = SLICE_LIT("[]");
	if (json_kind_of(list) != JSON_ARRAY) {
		step_describe(list, described, sizeof(described));
		return step_error(
			step, BURR_EINVAL, "key \"%s\" is %s, not a list to append to", key, described);
	}
	size_t len = list.len - 1;
	while (strchr(" \t\r\n", list.data[len - 1]))
		len--;
	buf_append(&text, list.data, len);
	json_put_raw(&text, element);
	json_put_close(&text, ']');
	return put_buf(step, &step->changes, key, &text);
}

burr_status burr_append_json(burr_step *step, const char *key, const char *element_json)
{
	struct slice element;
	if (!writable(step, key) || !step_check_json(step, "key", key, element_json, &element))
		return step->status;
	return append_element(step, key, element);
}

burr_status burr_append_text(burr_step *step, const char *key, const char *text)
{
	CLEAN(buf_fini) struct buf element = BUF_INIT;
	if (!writable(step, key) || !step_check_text(step, "key", key, text))
		return step->status;
	json_put_text(&element, slice_of(text));
	return element.failed ? step_no_memory(step) : append_element(step, key, buf_slice(&element));
}

/* ---- result ---- */

burr_status burr_set_result(burr_step *step, const char *key, const char *json)
{
	return result_key_fits(step, key) ? put_json(step, &step->result, key, json) : step->status;
}

burr_status burr_set_result_int(burr_step *step, const char *key, int64_t value)
{
	return result_key_fits(step, key) ? put_int(step, &step->result, key, value) : step->status;
}

burr_status burr_set_result_double(burr_step *step, const char *key, double value)
{
	return result_key_fits(step, key) ? put_double(step, &step->result, key, value) : step->status;
}

burr_status burr_set_result_bool(burr_step *step, const char *key, bool value)
{
	return result_key_fits(step, key) ? put_bool(step, &step->result, key, value) : step->status;
}

burr_status burr_set_result_text(burr_step *step, const char *key, const char *text)
{
	return result_key_fits(step, key) ? put_text(step, &step->result, key, text) : step->status;
}
