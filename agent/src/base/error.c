#include "base/error.h"

#include <stdio.h>
#include <string.h>

burr_status burr_vfail(burr_error *err, burr_status code, const char *fmt, va_list args)
{
	if (!err)
		return code;
	err->code = code;
	vsnprintf(err->message, sizeof(err->message), fmt, args);
	return code;
}

burr_status burr_fail(burr_error *err, burr_status code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	burr_vfail(err, code, fmt, args);
	va_end(args);
	return code;
}

burr_status burr_fail_in(burr_error *err, burr_status code, const char *fmt, ...)
{
	if (!err)
		return code;
	char inner[sizeof(err->message)];
	memcpy(inner, err->message, sizeof(inner));
	va_list args;
	va_start(args, fmt);
	burr_vfail(err, code, fmt, args);
	va_end(args);
	size_t len = strlen(err->message);
	snprintf(err->message + len, sizeof(err->message) - len, ": %s", inner);
	return code;
}

const char *burr_status_name(burr_status status)
{
	switch (status) {
#define STATUS_NAME(name, value, text) \
	case name:                     \
		return #name;
		BURR_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
	default:
		return "BURR_?";
	}
}

const char *burr_status_text(burr_status status)
{
	switch (status) {
#define STATUS_TEXT(name, value, text) \
	case name:                     \
		return text;
		BURR_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
	default:
		return "unknown status";
	}
}

const char *burr_version(void)
{
	return BURR_VERSION;
}
