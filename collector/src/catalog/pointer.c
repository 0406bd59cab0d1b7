#include "catalog/pointer.h"

#include "base/json.h"

bool pointer_put(struct buf *out, struct slice value)
{
	struct slice app_id = json_find(value, "app_id");
	if (json_kind_of(app_id) != JSON_STRING)
		return false;
	json_put_open(out, '{');
	json_put_member(out, "type", SLICE_LIT("pointer_data"));
	json_put_member_raw(out, "app_id", app_id);
	json_put_member_raw(out, "sequence_id", json_find(value, "sequence_id"));
	json_put_member_raw(out, "partition_key", json_find(value, "partition_key"));
	json_put_close(out, '}');
	return true;
}
