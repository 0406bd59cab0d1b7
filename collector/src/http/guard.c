#include "http/guard.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

enum { HOST_MAX = 253 }; /* of a name in DNS */

void guard_fini(struct guard *guard)
{
	for (size_t i = 0; i < guard->count; i++)
		free(guard->names[i]);
	free(guard->names);
	*guard = (struct guard){0};
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

burr_status guard_init(
	struct guard *guard, bool any_address, const char *const *names, size_t count, burr_error *err)
{
	*guard = (struct guard){.any_address = any_address};
	guard->names = calloc(count + 1, sizeof(*guard->names));
	if (!guard->names)
		return burr_fail(err, BURR_ENOMEM, "no memory for %zu allowed hosts", count);
	for (size_t i = 0; i < count; i++) {
		const char *name = names[i];
		size_t len = strlen(name);
		if (len == 0 || len > HOST_MAX || strpbrk(name, "/ @"))
			return burr_fail(err, BURR_EINVAL, "allowed host '%s' is no host name", name);
		char *copy = strdup(name);
		if (!copy)
			return burr_fail(err, BURR_ENOMEM, "no memory for %zu allowed hosts", count);
		lower(copy);
		guard->names[guard->count++] = copy;
	}
	return BURR_OK;
}

/* The host of "host:port" in lower case, brackets of an IPv6 address left out. */
static bool split_host(struct slice authority, char host[HOST_MAX + 1])
{
	const char *data = authority.data;
	size_t len = authority.len, tail;
	if (len > 0 && data[0] == '[') {
		const char *close = memchr(data, ']', len);
		if (!close)
			return false;
		tail = len - (size_t)(close + 1 - data);
		data++;
		len = (size_t)(close - data);
		authority.data = close + 1;
	} else {
		const char *colon = len ? memchr(data, ':', len) : NULL;
		size_t host_len = colon ? (size_t)(colon - data) : len;
		tail = len - host_len;
		authority.data = data + host_len;
		len = host_len;
	}
	if (len == 0 || len > HOST_MAX || memchr(data, '\0', len))
		return false;
	if (tail > 6 || (tail > 0 && authority.data[0] != ':')) /* ":65535" */
		return false;
	for (size_t i = 1; i < tail; i++) {
		if (!isdigit((unsigned char)authority.data[i]))
			return false;
	}
	memcpy(host, data, len);
	host[len] = '\0';
	lower(host);
	return true;
}

static bool is_address(const char *host)
{
	struct in6_addr address;
	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static bool name_fits(const char *allowed, const char *host)
{
	if (strncmp(allowed, "*.", 2) != 0)
		return strcmp(allowed, host) == 0;
	const char *suffix = allowed + 1;
	size_t host_len = strlen(host), suffix_len = strlen(suffix);
	return host_len > suffix_len && strcmp(host + host_len - suffix_len, suffix) == 0;
}

bool guard_allows_host(const struct guard *guard, struct slice authority)
{
	char host[HOST_MAX + 1];
	if (!split_host(authority, host))
		return false;
	if (strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0)
		return true;
	if (guard->any_address && is_address(host))
		return true;
	for (size_t i = 0; i < guard->count; i++) {
		if (name_fits(guard->names[i], host))
			return true;
	}
	return false;
}

bool guard_allows_origin(const struct guard *guard, struct slice origin, struct slice host)
{
	static const char *const schemes[] = {"http://", "https://"};
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!slice_starts(origin, schemes[i]))
			continue;
		size_t skip = strlen(schemes[i]);
		struct slice authority = {origin.data + skip, origin.len - skip};
		return slice_eq(authority, host) || guard_allows_host(guard, authority);
	}
	return false;
}
