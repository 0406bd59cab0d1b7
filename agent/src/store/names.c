#include "store/names.h"

#include "base/error.h"
#include "base/json.h"
#include "wire/limits.h"

/* The name for a message: cut, and without what would garble a terminal. */
static void printable(struct slice name, char out[64])
{
	size_t len = name.len < 60 ? name.len : 60;
	for (size_t i = 0; i < len; i++)
		out[i] = (unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7F ? '?' : name.data[i];
	strcpy(out + len, len < name.len ? "…" : "");
}

static burr_status refuse(struct slice name, const char *what, const char *why, burr_error *err)
{
	char shown[64];
	printable(name, shown);
	return burr_fail(err, BURR_EINVAL, "%s \"%s\": %s", what, shown, why);
}

static bool has_control(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7F)
			return true;
	return false;
}

burr_status name_check_project(struct slice name, burr_error *err)
{
	if (!name.len)
		return burr_fail(err, BURR_EINVAL, "the project name is empty");
	if (name.len > PROJECT_NAME_MAX)
		return refuse(name, "project", "longer than 128 bytes", err);
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			(!c || !strchr("_:-", c)))
			return refuse(name, "project", "only A-Z a-z 0-9 _ : - are allowed", err);
	}
	return BURR_OK;
}

burr_status name_check_app_id(struct slice name, burr_error *err)
{
	if (!name.len)
		return burr_fail(err, BURR_EINVAL, "the app_id is empty");
	if (name.len > APP_ID_MAX)
		return refuse(name, "app_id", "longer than 200 bytes", err);
	if (name.data[0] == '.')
		return refuse(name, "app_id", "begins with a dot", err);
	if (memchr(name.data, '/', name.len))
		return refuse(name, "app_id", "holds a slash", err);
	if (has_control(name))
		return refuse(name, "app_id", "holds a control character", err);
	if (!utf8_valid(name))
		return refuse(name, "app_id", "is not valid UTF-8", err);
	return BURR_OK;
}

burr_status name_check_partition_key(struct slice name, burr_error *err)
{
	if (name.len > PARTITION_KEY_MAX)
		return refuse(name, "partition_key", "longer than 512 bytes", err);
	if (has_control(name))
		return refuse(name, "partition_key", "holds a control character", err);
	if (!utf8_valid(name))
		return refuse(name, "partition_key", "is not valid UTF-8", err);
	return BURR_OK;
}
