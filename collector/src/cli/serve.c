/* cli/serve.c: burr: start the collector, say where it is, wait until it is to end.
 *
 * The signals that end it are blocked before any thread exists, so that they come to this thread alone, as
 * bytes of a descriptor. While it is stopping a second SIGINT ends it at once: nothing is lost by that, as
 * what was not acknowledged is still with the writers. */
#include "base/clean.h"
#include "base/clock.h"
#include "cli/browser.h"
#include "cli/cli.h"
#include "cli/collector.h"
#include "cli/edge.h"
#include "cli/find.h"
#include "cli/human.h"
#include "cli/port.h"
#include "cli/running.h"
#include "cli/samples.h"
#include "cli/say.h"
#include "report/report.h"
#include "store/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

enum {
	STARTING_MS = 3000,        /* how long a second burr waits for the first to say where it is */
	CLAIM_TRIES = 5,           /* of a store whose collector ends each time before it has said so */
	DESCRIPTORS_WANTED = 8192, /* open logs, connections and files of the catalog */
	LOOK_AT_TLS_MS = 10000,    /* how soon a renewed certificate is taken up */
	REPORT_TLS_MS = 3600000,   /* one that is no good is told of once an hour */
};

static void free_store(struct store **store)
{
	store_close(*store);
}

/* ---- a store that does not exist yet ---- */

static bool has_project(DIR *dir)
{
	struct dirent *entry;
	struct stat st;
	while ((entry = readdir(dir)))
		if (name_check_project(slice_of(entry->d_name), NULL) == BURR_OK &&
			fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode))
			return true;
	return false;
}

static bool is_fresh(const char *path)
{
	DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT;
	bool fresh = faccessat(dirfd(dir), ".burr-store", F_OK, 0) < 0 && !has_project(dir);
	closedir(dir);
	return fresh;
}

/* A start that failed leaves the store as new as it was, so that the next one runs the samples. */
static void make_fresh_again(const struct store *store)
{
	unlinkat(store->dir_fd, ".burr-store", 0);
}

/* ---- what is said ---- */

static void say_ssh(const char *url)
{
	char server[128];
	unsigned port;
	const char *connection = getenv("SSH_CONNECTION");
	const struct passwd *user = getpwuid(geteuid());
	const char *colon = strrchr(url, ':');
	if (!connection || !colon || sscanf(connection, "%*s %*s %127s %u", server, &port) != 2)
		return;
	say("  from your own machine: ssh -L %s:localhost:%s ", colon + 1, colon + 1);
	if (port != 22)
		say("-p %u ", port);
	say("%s@%s\n", user ? user->pw_name : "user", server);
}

static void say_address(const struct store *store, const struct running *running, bool started)
{
	CLEAN(buf_fini) struct buf path = BUF_INIT;
	CLEAN(buf_fini) struct buf link = BUF_INIT;
	human_path(&path, store->path);
	running_put_link(running, "/", &link);
	if (started)
		say("%sburr %s%s · store %s\n", say_style(STYLE_BOLD), burr_version(), say_plain(),
			path.data);
	say("  UI  %s%s%s\n", say_style(STYLE_LINK), link.data ? link.data : "", say_plain());
	say_ssh(running->url.data);
}

static void say_how_to_end(void)
{
	bool foreground = isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
	say("  %s\n", foreground ? "Ctrl-C ends it" : "burr stop ends it");
}

/* ---- when it cannot start ---- */

static int fail_store(burr_status status, const burr_error *err)
{
	bool says_how = strstr(err->message, "--store") || status == BURR_EVERSION;
	say_error("%s%s", err->message, says_how ? "" : ": choose another with --store or BURR_STORE");
	return CLI_ERROR;
}

static int fail_port(const struct options *options)
{
	CLEAN(buf_fini) struct buf holder = BUF_INIT;
	uint16_t other = port_find_free(options->host, options->port);
	port_describe_holder(&holder, options->host, options->port);
	if (other)
		say_error("port %u is taken by %s: choose another with --port %u", (unsigned)options->port,
			holder.data, (unsigned)other);
	else
		say_error("port %u is taken by %s: choose another with --port 0", (unsigned)options->port,
			holder.data);
	return CLI_ERROR;
}

/* True: the store is ours to collect for. False: it has a collector, which `out_first` tells. One that ends
 * while it is asked where it is (it was told to stop, or found its port taken) leaves the store to us. */
static bool claim(struct store *store, struct running *out_first)
{
	for (int i = 0; i < CLAIM_TRIES; i++)
		if (store_claim_collector(store))
			return true;
		else if (running_await(store, STARTING_MS, out_first))
			return false;
	return false;
}

/* The store has a collector: say where that is, and show it. */
static int join_first(struct store *store, const struct running *first, const struct options *options)
{
	CLEAN(buf_fini) struct buf path = BUF_INIT;
	human_path(&path, store->path);
	if (!first->url.len) {
		say_error("another burr is starting on %s and has no address yet: try again", path.data);
		return CLI_ERROR;
	}
	say("burr is already running on %s (process %lld)\n", path.data, (long long)first->pid);
	say_address(store, first, false);
	if (options_has(options, OPTION_PORT) || options_has(options, OPTION_HOST))
		say("  burr stop ends it; then it can start at another address\n");
	if (options_has(options, OPTION_DURABILITY) && options->durability != store->durability)
		say("  burr stop ends it; then it can start with another durability than %s\n",
			durability_name(store->durability));
	fflush(stdout);
	if (!options_has(options, OPTION_NO_OPEN))
		browser_open(first->url.data);
	return CLI_OK;
}

/* ---- running ---- */

/* What ends us: not what whoever started us has ruled out (nohup, a shell's background job). */
static void block_signals(sigset_t *out_set)
{
	static const int ending[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction now;
	sigemptyset(out_set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		if (sigaction(ending[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(out_set, ending[i]);
	pthread_sigmask(SIG_BLOCK, out_set, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* In the background a line on a terminal that wants none (stty tostop) must not stop us. */
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
}

static void raise_limits(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
	setrlimit(RLIMIT_NOFILE, &limit); /* with fewer it keeps fewer open */
}

/* A certificate that was renewed is taken up by and by. */
static void refresh_tls(struct http_server *http)
{
	bool changed;
	burr_error err = BURR_ERROR_INIT;
	if (http_server_refresh_tls(http, &changed, &err) != BURR_OK)
		report_seldom(REPORT_TLS_MS, "%s, keeping the certificate so far", err.message);
	else if (changed)
		report("the new certificate is in use");
}

static void wait_for_end(int signal_fd, struct http_server *http, bool tls)
{
	struct pollfd p = {.fd = signal_fd, .events = POLLIN};
	while (poll(&p, 1, tls ? LOOK_AT_TLS_MS : -1) <= 0)
		refresh_tls(http);
	struct signalfd_siginfo info;
	while (read(signal_fd, &info, sizeof(info)) < 0 && errno == EINTR)
		;
}

static void end_at_once(int number)
{
	_exit(128 + number);
}

static void let_interrupt_end_at_once(void)
{
	sigset_t set;
	const struct sigaction action = {.sa_handler = end_at_once};
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaction(SIGINT, &action, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void run_samples(void)
{
	CLEAN(samples_fini) struct samples samples = SAMPLES_INIT;
	samples_find(&samples);
	size_t started = samples_start(&samples);
	if (started)
		say("  This store is new: %zu sample programs run now and fill the projects demo_…\n",
			started);
}

static void say_end(struct collector *collector)
{
	CLEAN(buf_fini) struct buf count = BUF_INIT;
	human_count(&count, collector_record_count(collector));
	say("burr ends: %s records were stored\n", count.data);
	fflush(stdout);
}

static int serve(struct edge *edge, struct store *store, bool fresh, const sigset_t *signals)
{
	const struct options *options = edge->options;
	struct collector *collector = NULL;
	burr_error err;
	CLEAN(fd_close) int signal_fd = signalfd(-1, signals, SFD_CLOEXEC);
	burr_status status = collector_open(edge, store, &collector, &err);
	if (status != BURR_OK) {
		if (fresh)
			make_fresh_again(store);
		if (status == BURR_EEXIST && options->port)
			return fail_port(options);
		say_error("%s", err.message);
		return CLI_ERROR;
	}
	struct http_server *http = collector_http(collector);
	const struct running *running = collector_running(collector);
	say_address(store, running, true);
	edge_say(edge, http_server_port(http), http_server_key_is_open(http));
	if (fresh && !options_has(options, OPTION_NO_DEMO))
		run_samples();
	say_how_to_end();
	fflush(stdout);
	if (!options_has(options, OPTION_NO_OPEN))
		browser_open(running->url.data); /* without the token: others see the command line */
	wait_for_end(signal_fd, http, options->tls_cert);
	let_interrupt_end_at_once();
	say_end(collector);
	collector_close(collector);
	return CLI_OK;
}

int command_serve(const struct options *options)
{
	CLEAN(free_store) struct store *store = NULL;
	CLEAN(running_fini) struct running first = RUNNING_INIT;
	CLEAN(buf_fini) struct buf note = BUF_INIT;
	CLEAN(ptr_free) char *path = store_find_path(options->store);
	sigset_t signals;
	burr_error err;
	CLEAN(edge_fini) struct edge edge = {0};
	if (edge_check(options, &err) != BURR_OK) {
		say_error("%s", err.message);
		return CLI_USAGE;
	}
	if (edge_init(&edge, options, &err) != BURR_OK) {
		say_error("%s", err.message);
		return CLI_ERROR;
	}
	bool fresh = path && is_fresh(path);
	burr_status status = store_open(options->store, STORE_WRITE, &store, &err);
	if (status != BURR_OK)
		return fail_store(status, &err);
	if (!claim(store, &first))
		return join_first(store, &first, options);
	/* Until the address is known the last collector's must not be read as ours. */
	running_put_note(&note, &(struct running)RUNNING_INIT, store->path);
	status = store_write_collector(store, buf_slice(&note), &err);
	if (status == BURR_OK && options_has(options, OPTION_DURABILITY) &&
		options->durability != store->durability)
		status = store_set_durability(store, options->durability, &err);
	if (status != BURR_OK)
		return fail_store(status, &err);
	setenv("BURR_STORE", store->path, 1); /* the samples' */
	umask(077);
	block_signals(&signals);
	raise_limits();
	int code = serve(&edge, store, fresh, &signals);
	/* The token does not stay behind. A failure changes nothing: only the owner reads it there, too. */
	(void)store_write_collector(store, buf_slice(&note), NULL);
	return code;
}
