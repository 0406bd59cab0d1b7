/* fuzz/condition.c: any text as a condition: compiled or refused with a column, and then evaluated. */
#include "fuzz.h"

#include "app/condition.h"
#include "app/source.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	struct condition condition = CONDITION_INIT;
	burr_error err = BURR_ERROR_INIT;
	source_extract(text, 1, "BURR_ACTION");
	if (condition_compile(&condition, text, &err) != BURR_OK) {
		FUZZ_CHECK(err.message[0]);
		return 0;
	}
	struct state state = STATE_INIT;
	FUZZ_CHECK(
		state_set_object(&state, SLICE_LIT("{\"a\":1,\"b\":\"x\",\"c\":[1,{\"d\":null}],\"e\":true}"),
			&err) == BURR_OK);
	bool holds;
	burr_status status = condition_eval(&condition, &state, &holds, &err);
	FUZZ_CHECK(status == BURR_OK || err.message[0]);
	struct buf values = BUF_INIT;
	condition_put_values(&condition, &state, &values);
	FUZZ_CHECK(json_validate(buf_slice(&values), NULL, NULL) == BURR_OK);
	buf_fini(&values);
	state_fini(&state);
	condition_fini(&condition);
	return 0;
}
