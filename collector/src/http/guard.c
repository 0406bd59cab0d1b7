#include "http/guard.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

void guard_fini(struct guard *guard)
{
	for (size_t i = 0; i < guard->count; i++)
		free(guard->names[i]);
	free(guard->names);
	free(guard->proxied_at);
	*guard = (struct guard){0};
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* A copy with the port in place of {port}; NULL without memory. */
static char *fill_in_port(const char *text, uint16_t port)
{
	static const char mark[] = "{port}";
	const char *at = strstr(text, mark);
	struct buf out = BUF_INIT;
	buf_append(&out, text, at ? (size_t)(at - text) : strlen(text));
	if (at) {
		buf_append_uint(&out, port);
		buf_append_str(&out, at + strlen(mark));
	}
	return buf_take(&out);
}

/* What stands behind a '*' must still name a domain: "*" or "*.com" would let in everyone. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);
	const char *star = strchr(name, '*');
	if (len == 0 || len > GUARD_HOST_MAX || strpbrk(name, "/ @"))
		return false;
	const char *dot = star ? strchr(star, '.') : NULL;
	return !star || (dot && strchr(dot + 1, '.') && !strchr(star + 1, '*'));
}

static burr_status add_name(struct guard *guard, const char *text, uint16_t port, burr_error *err)
{
	char *name = fill_in_port(text, port);
	if (!name)
		return burr_fail(err, BURR_ENOMEM, "no memory for an allowed host");
	lower(name);
	guard->names[guard->count++] = name;
	if (!is_name(name))
		return burr_fail(err, BURR_EINVAL,
			"allowed host '%s' is no host name, nor *.example.org for all below one", text);
	return BURR_OK;
}

burr_status guard_init(struct guard *guard, const struct guard_options *options, burr_error *err)
{
	*guard = (struct guard){.any_address = options->any_address};
	guard->names = calloc(options->name_count + 1, sizeof(*guard->names));
	if (!guard->names)
		return burr_fail(err, BURR_ENOMEM, "no memory for %zu allowed hosts", options->name_count);
	burr_status status = BURR_OK;
	for (size_t i = 0; status == BURR_OK && i < options->name_count; i++)
		status = add_name(guard, options->names[i], options->port, err);
	if (status != BURR_OK || !options->proxied_at)
		return status;
	guard->proxied_at = fill_in_port(options->proxied_at, options->port);
	return guard->proxied_at ? BURR_OK : burr_fail(err, BURR_ENOMEM, "no memory for a path");
}

bool guard_split_host(struct slice authority, char host[GUARD_HOST_MAX + 1])
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
	if (len == 0 || len > GUARD_HOST_MAX || memchr(data, '\0', len))
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
	const char *star = strchr(allowed, '*');
	if (!star)
		return strcmp(allowed, host) == 0;
	size_t before = (size_t)(star - allowed), after = strlen(star + 1), len = strlen(host);
	return len > before + after && memcmp(host, allowed, before) == 0 &&
	       strcmp(host + len - after, star + 1) == 0;
}

bool guard_allows_host(const struct guard *guard, struct slice authority)
{
	char host[GUARD_HOST_MAX + 1];
	if (!guard_split_host(authority, host))
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

bool guard_knows_proxy(const struct guard *guard, struct slice prefix)
{
	if (!guard->proxied_at || prefix.len == 0)
		return false;
	if (prefix.data[prefix.len - 1] == '/')
		prefix.len--;
	return slice_is(prefix, guard->proxied_at);
}
