/* bench/peer_spdlog_missing.c: takes peer_spdlog.cc's place where spdlog is not installed. */
#include "bench/peers.h"

static const char *spdlog_missing(void)
{
	return "libspdlog-dev is not installed";
}

const struct recorder spdlog_recorder = {.name = "spdlog async", .missing = spdlog_missing};
