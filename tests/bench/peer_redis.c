/* bench/peer_redis.c: Redis streams. A server of its own for each round: the append-only file is on and
 * synced every second, which is what burr's --durability=os comes close to; snapshots and rewrites are off,
 * in its favour. */
#include "bench/peers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "Redis streams"

#ifdef BENCH_HIREDIS

#include <hiredis.h>

enum { PIPELINE = 100 };

struct redis_peer {
	redisContext *context;
	int due;
};

static const char *redis_missing(void)
{
	return bench_has_program("redis-server") ? NULL : "redis-server is not installed";
}

static redisContext *dial(const char *folder)
{
	char path[BENCH_PATH + 20];
	snprintf(path, sizeof(path), "%s/redis.sock", folder);
	redisContext *context = redisConnectUnix(path);
	if (context && !context->err)
		return context;
	if (context)
		redisFree(context);
	return NULL;
}

static pid_t redis_start(const char *folder, const struct load *load)
{
	(void)load;
	char path[BENCH_PATH + 20];
	snprintf(path, sizeof(path), "%s/redis.sock", folder);
	const char *args[] = {"redis-server", "--port", "0", "--unixsocket", path, "--dir", folder,
		"--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0",
		"--save", "", "--daemonize", "no", NULL};
	pid_t pid = bench_spawn(args);
	redisContext *context = NULL;
	while (!context) {
		bench_check(waitpid(pid, NULL, WNOHANG) == 0, "redis-server ended");
		usleep(1000);
		context = dial(folder);
	}
	redisFree(context);
	return pid;
}

static void *redis_open(const char *folder, const struct load *load)
{
	(void)load;
	struct redis_peer *redis = calloc(1, sizeof(*redis));
	bench_check(redis != NULL, "memory");
	redis->context = dial(folder);
	bench_check(redis->context != NULL, "connect to redis-server");
	return redis;
}

static void redis_close(void *ctx)
{
	struct redis_peer *redis = ctx;
	redisFree(redis->context);
	free(redis);
}

static void redis_drain(void *ctx)
{
	struct redis_peer *redis = ctx;
	for (; redis->due > 0; redis->due--) {
		redisReply *reply = NULL;
		bool ok = redisGetReply(redis->context, (void **)&reply) == REDIS_OK &&
			  reply->type != REDIS_REPLY_ERROR;
		bench_check(ok, "XADD");
		freeReplyObject(reply);
	}
}

static void redis_put(void *ctx, int app, int64_t number, const struct payload *payload)
{
	(void)number;
	struct redis_peer *redis = ctx;
	char key[24];
	size_t key_len = (size_t)snprintf(key, sizeof(key), "app:%d", app);
	const char *args[] = {"XADD", key, "*", "r", payload->line};
	const size_t lens[] = {4, key_len, 1, 1, payload->line_len};
	redisAppendCommandArgv(redis->context, 5, args, lens);
	if (++redis->due == PIPELINE)
		redis_drain(redis);
}

const struct way redis_way = {
	NAME, redis_missing, redis_start, redis_open, redis_put, redis_drain, redis_close, false};

#else

static const char *redis_missing(void)
{
	return "libhiredis-dev is not installed";
}

const struct way redis_way = {.name = NAME, .missing = redis_missing};

#endif
