/* bench/peer_spdlog.cc: spdlog's asynchronous logger over a file sink: one thread writes, the queue holds
 * 65,536 messages, and a call waits when it is full (spdlog's default policy, `block`). The caller formats
 * the line, as users do. */
extern "C" {
#include "bench/peers.h"
}

#include <memory>
#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <string>
#include <unistd.h>

namespace
{

const size_t QUEUE_LEN = 65536;

std::shared_ptr<spdlog::logger> logger;

void *open_logger(const char *folder, int)
{
	spdlog::init_thread_pool(QUEUE_LEN, 1);
	logger = spdlog::basic_logger_mt<spdlog::async_factory>("bench", std::string(folder) + "/log");
	logger->set_pattern("{\"time\":\"%Y-%m-%dT%H:%M:%S.%f\",%v}");
	return logger.get();
}

void record_line(void *, int, int64_t number, const struct payload *payload)
{
	logger->info("\"app_id\":\"{}\",\"sequence_id\":{},\"action\":\"{}\",\"state\":{}",
		"d2f1a7c4-6f2b-4f0e-9c35-0a7f5be1c0de", number, "a", payload->state);
}

void drain_queue(void *)
{
	while (spdlog::thread_pool()->queue_size() > 0)
		usleep(100);
	usleep(1000);
}

void close_logger(void *)
{
	logger.reset();
	spdlog::shutdown();
}

} // namespace

extern "C" const struct recorder spdlog_recorder = {
	"spdlog async", nullptr, nullptr, nullptr, open_logger, record_line, drain_queue, close_logger};
