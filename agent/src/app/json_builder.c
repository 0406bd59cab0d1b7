/* burr_json: a JSON value built by calls. A buf and one bit a level (object or array); every call checks that
 * a key comes exactly where one belongs, so what burr_json_str gives is always valid. */
#include "base/error.h"
#include "base/json.h"

#include <burr/app.h>
#include <math.h>
#include <stdlib.h>

struct burr_json {
	struct buf text;
	unsigned depth;
	char open[JSON_MAX_DEPTH]; /* '{' or '[' of each level */
	burr_error err;            /* the first mistake */
};

burr_json *burr_json_new(void)
{
	return calloc(1, sizeof(burr_json));
}

void burr_json_free(burr_json *json)
{
	if (json)
		buf_fini(&json->text);
	free(json);
}

void burr_json_clear(burr_json *json)
{
	if (!json)
		return;
	buf_clear(&json->text);
	json->depth = 0;
	json->err = (burr_error)BURR_ERROR_INIT;
}

static void mistake(burr_json *json, const char *what, const char *key)
{
	if (json->err.code != BURR_OK)
		return;
	if (key)
		burr_fail(&json->err, BURR_EINVAL, "JSON builder: %s (key \"%.80s\")", what, key);
	else
		burr_fail(&json->err, BURR_EINVAL, "JSON builder: %s", what);
}

/* Whether a value may come here; its key is written then. */
static bool begin_value(burr_json *json, const char *key)
{
	if (!json || json->err.code != BURR_OK)
		return false;
	if (!json->depth && json->text.len)
		mistake(json, "a second value behind the first", key);
	else if (json->depth && json->open[json->depth - 1] == '{' && !key)
		mistake(json, "a value in an object needs a key", NULL);
	else if (key && (!json->depth || json->open[json->depth - 1] == '['))
		mistake(json, "a key outside an object", key);
	else if (key && !utf8_valid(slice_of(key)))
		mistake(json, "a key that is not UTF-8", NULL);
	if (json->err.code != BURR_OK)
		return false;
	if (key)
		json_put_key(&json->text, slice_of(key));
	return true;
}

static void open_level(burr_json *json, const char *key, char bracket)
{
	if (!begin_value(json, key))
		return;
	if (json->depth == JSON_MAX_DEPTH) {
		mistake(json, "nested too deeply", key);
		return;
	}
	json->open[json->depth++] = bracket;
	json_put_open(&json->text, bracket);
}

void burr_json_object(burr_json *json, const char *key)
{
	open_level(json, key, '{');
}

void burr_json_array(burr_json *json, const char *key)
{
	open_level(json, key, '[');
}

void burr_json_end(burr_json *json)
{
	if (!json || json->err.code != BURR_OK)
		return;
	if (!json->depth) {
		mistake(json, "an end without a beginning", NULL);
		return;
	}
	json_put_close(&json->text, json->open[--json->depth] == '{' ? '}' : ']');
}

void burr_json_int(burr_json *json, const char *key, int64_t value)
{
	if (begin_value(json, key))
		json_put_int(&json->text, value);
}

void burr_json_double(burr_json *json, const char *key, double value)
{
	if (!begin_value(json, key))
		return;
	if (isfinite(value))
		json_put_double(&json->text, value);
	else
		mistake(json, "JSON has no NaN and no infinity", key);
}

void burr_json_bool(burr_json *json, const char *key, bool value)
{
	if (begin_value(json, key))
		json_put_bool(&json->text, value);
}

void burr_json_text(burr_json *json, const char *key, const char *text)
{
	if (!begin_value(json, key))
		return;
	if (text && !utf8_valid(slice_of(text)))
		mistake(json, "text that is not UTF-8", key);
	else
		json_put_text(&json->text, slice_of(text));
}

void burr_json_null(burr_json *json, const char *key)
{
	if (begin_value(json, key))
		json_put_null(&json->text);
}

void burr_json_raw(burr_json *json, const char *key, const char *value_json)
{
	struct slice value = SLICE_NONE;
	if (!begin_value(json, key))
		return;
	if (!value_json || json_validate(slice_of(value_json), &value, NULL) != BURR_OK)
		mistake(json, "not JSON", key);
	else
		json_put_raw(&json->text, value);
}

burr_status burr_json_error(burr_json *json, burr_error *err)
{
	if (!json || json->text.failed)
		return burr_fail(err, BURR_ENOMEM, "JSON builder: out of memory");
	if (json->err.code != BURR_OK)
		return burr_fail(err, json->err.code, "%s", json->err.message);
	if (json->depth)
		return burr_fail(err, BURR_EINVAL, "JSON builder: an object or array is not ended");
	if (!json->text.len)
		return burr_fail(err, BURR_EINVAL, "JSON builder: nothing in it");
	return BURR_OK;
}

const char *burr_json_str(burr_json *json)
{
	return burr_json_error(json, NULL) == BURR_OK ? json->text.data : NULL;
}
