#include "cli/port.h"

#include "base/clean.h"
#include "base/json.h"
#include "cli/fetch.h"
#include "cli/human.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { ASK_MS = 700, FREE_TRIES = 50 };

static void free_addresses(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static bool is_loopback_address(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof(in));
		return ntohl(in.sin_addr.s_addr) >> 24 == 127;
	}
	struct sockaddr_in6 in6;
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&in6, address, sizeof(in6));
	return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

static struct addrinfo *find_addresses(const char *host)
{
	struct addrinfo *list = NULL;
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	return getaddrinfo(host, NULL, &hints, &list) == 0 ? list : NULL;
}

bool port_is_known(const char *host)
{
	CLEAN(free_addresses) struct addrinfo *list = find_addresses(host);
	return list != NULL;
}

bool port_is_loopback(const char *host)
{
	CLEAN(free_addresses) struct addrinfo *list = find_addresses(host);
	if (!list)
		return false;
	for (const struct addrinfo *a = list; a; a = a->ai_next)
		if (!is_loopback_address(a->ai_addr))
			return false;
	return true;
}

static void put_url(struct buf *out, const char *host, uint16_t port, bool tls)
{
	bool six = strchr(host, ':') != NULL;
	buf_printf(out, "%s://%s%s%s:%u", tls ? "https" : "http", six ? "[" : "", host, six ? "]" : "",
		(unsigned)port);
}

static bool is_any_address(const char *host)
{
	return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

void port_put_url(struct buf *out, const char *host, uint16_t port, bool tls)
{
	char self[256] = "";
	if (strcmp(host, "127.0.0.1") == 0)
		host = "localhost"; /* what browsers treat as secure, and what every setup forwards */
	else if (is_any_address(host) && gethostname(self, sizeof(self) - 1) == 0 && *self)
		host = self;
	put_url(out, host, port, tls);
}

void port_put_local_url(struct buf *out, const char *host, uint16_t port, bool tls)
{
	put_url(out, strcmp(host, "::") == 0 ? "::1" : is_any_address(host) ? "127.0.0.1" : host, port, tls);
}

/* ---- who has it ---- */

static burr_status ask(const char *host, uint16_t port, const char *path, struct buf *out_answer)
{
	CLEAN(buf_fini) struct buf url = BUF_INIT;
	port_put_local_url(&url, host, port, false);
	const struct fetch fetch = {.url = url.data ? url.data : ""};
	return fetch_get(&fetch, path, ASK_MS, out_answer, NULL);
}

static bool describe_burr(struct buf *out, const char *host, uint16_t port)
{
	CLEAN(buf_fini) struct buf answer = BUF_INIT;
	CLEAN(buf_fini) struct buf version = BUF_INIT;
	CLEAN(buf_fini) struct buf store = BUF_INIT;
	int64_t pid = 0;
	if (ask(host, port, "/api/v1/status", &answer) != BURR_OK ||
		!json_to_text(json_find(buf_slice(&answer), "store"), &store) ||
		!json_to_text(json_find(buf_slice(&answer), "version"), &version) || !store.len)
		return false;
	buf_append_str(out, "burr ");
	human_text(out, buf_slice(&version));
	buf_append_str(out, " on another store, ");
	human_path(out, store.data);
	if (json_to_int(json_find(buf_slice(&answer), "pid"), &pid))
		buf_printf(out, " (process %lld)", (long long)pid);
	return true;
}

static bool describe_burr_python(struct buf *out, const char *host, uint16_t port)
{
	CLEAN(buf_fini) struct buf answer = BUF_INIT;
	CLEAN(buf_fini) struct buf version = BUF_INIT;
	if (ask(host, port, "/api/v0/version", &answer) != BURR_OK ||
		!json_to_text(json_find(buf_slice(&answer), "version"), &version))
		return false;
	buf_append_str(out, "Burr's own server (version ");
	human_text(out, buf_slice(&version));
	buf_append_char(out, ')');
	return true;
}

/* The inode of the socket that listens on the port, by the kernel's table; 0: not found. */
static unsigned long find_listener(const char *table, uint16_t port)
{
	CLEAN(file_close) FILE *file = fopen(table, "re");
	char line[512];
	enum { TCP_STATE_LISTEN = 0x0a };
	while (file && fgets(line, sizeof(line), file)) {
		unsigned local_port;
		unsigned state;
		unsigned long inode;
		if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu",
			    &local_port, &state, &inode) == 3 &&
			local_port == port && state == TCP_STATE_LISTEN)
			return inode;
	}
	return 0;
}

static bool holds_socket(const char *pid, unsigned long inode)
{
	char path[64];
	char wanted[64];
	char target[64];
	struct dirent *entry;
	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	CLEAN(close_dir) DIR *dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (len > 0 && (size_t)len == strlen(wanted) && memcmp(target, wanted, (size_t)len) == 0)
			return true;
	}
	return false;
}

/* "python3, process 17", where the process may be looked at. */
static bool describe_process(struct buf *out, uint16_t port)
{
	unsigned long inode = find_listener("/proc/net/tcp", port);
	struct dirent *entry;
	char path[64];
	char name[64] = "";
	if (!inode)
		inode = find_listener("/proc/net/tcp6", port);
	CLEAN(close_dir) DIR *dir = inode ? opendir("/proc") : NULL;
	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]) || !holds_socket(entry->d_name, inode))
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/comm", entry->d_name);
		CLEAN(file_close) FILE *file = fopen(path, "re");
		if (file && fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		human_text(out, slice_of(name));
		buf_printf(out, "%sprocess %s", *name ? ", " : "", entry->d_name);
		return true;
	}
	return false;
}

void port_describe_holder(struct buf *out, const char *host, uint16_t port)
{
	CLEAN(buf_fini) struct buf process = BUF_INIT;
	if (describe_burr(out, host, port) || describe_burr_python(out, host, port))
		return;
	buf_append_str(out, "another program");
	if (describe_process(&process, port))
		buf_printf(out, " (%s)", process.data);
}

/* ---- a free one ---- */

static bool is_free(const char *host, uint16_t port)
{
	CLEAN(free_addresses) struct addrinfo *list = NULL;
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	char text[8];
	int on = 1;
	snprintf(text, sizeof(text), "%u", (unsigned)port);
	if (getaddrinfo(host, text, &hints, &list) != 0 || !list)
		return false;
	CLEAN(fd_close) int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	       bind(fd, list->ai_addr, list->ai_addrlen) == 0 && listen(fd, 1) == 0;
}

uint16_t port_find_free(const char *host, uint16_t port)
{
	for (unsigned next = port + 1u; next <= port + (unsigned)FREE_TRIES && next <= UINT16_MAX; next++)
		if (is_free(host, (uint16_t)next))
			return (uint16_t)next;
	return 0;
}
