/* bench/peer_lttng_event.c: the module with LTTng-UST in it. It is loaded by the recording process alone,
 * because the library starts threads and registers in whatever process it is loaded into. */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "bench/peer_lttng_event.h"

__attribute__((visibility("default"))) void peer_lttng_step(int64_t sequence_id, const char *state);

void peer_lttng_step(int64_t sequence_id, const char *state)
{
	lttng_ust_tracepoint(
		burr_bench, step, "d2f1a7c4-6f2b-4f0e-9c35-0a7f5be1c0de", sequence_id, "a", state);
}
