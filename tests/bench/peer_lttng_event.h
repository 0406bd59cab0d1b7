/* bench/peer_lttng_event.h: the tracepoint that carries what burr_tracker_end_step carries. LTTng reads this
 * file several times over. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER burr_bench
#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "bench/peer_lttng_event.h"

#if !defined(BENCH_PEER_LTTNG_EVENT_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define BENCH_PEER_LTTNG_EVENT_H

#include <lttng/tracepoint.h>
#include <stdint.h>

/* clang-format off */
LTTNG_UST_TRACEPOINT_EVENT(burr_bench, step,
	LTTNG_UST_TP_ARGS(const char *, app_id, int64_t, sequence_id, const char *, action, const char *, state),
	LTTNG_UST_TP_FIELDS(
		lttng_ust_field_string(app_id, app_id)
		lttng_ust_field_integer(int64_t, sequence_id, sequence_id)
		lttng_ust_field_string(action, action)
		lttng_ust_field_string(state, state)))
/* clang-format on */

#endif

#include <lttng/tracepoint-event.h>
