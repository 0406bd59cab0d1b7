#include "http/auth.h"

#include "base/clean.h"
#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>

/* Some 100 days, as browsers keep them no longer than 400: the token of a running collector does not change.
 */
static const char max_age[] = "8640000";

static bool is_token_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("-._~+/=", c));
}

bool auth_is_token(struct slice text)
{
	if (text.len < AUTH_TOKEN_MIN || text.len > AUTH_TOKEN_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!is_token_char(text.data[i]))
			return false;
	return true;
}

burr_status auth_make_token(char out_token[AUTH_MADE_LEN + 1], burr_error *err)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char random[AUTH_MADE_LEN];
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return burr_fail(err, BURR_EIO, "random bytes for a token: %s", strerror(errno));
	for (size_t i = 0; i < AUTH_MADE_LEN; i++)
		out_token[i] = digits[random[i] % 64];
	out_token[AUTH_MADE_LEN] = '\0';
	OPENSSL_cleanse(random, sizeof(random));
	return BURR_OK;
}

static struct slice trim(struct slice text)
{
	while (text.len && isspace((unsigned char)text.data[0]))
		text = (struct slice){text.data + 1, text.len - 1};
	while (text.len && isspace((unsigned char)text.data[text.len - 1]))
		text.len--;
	return text;
}

static burr_status fail_file(const char *path, int error, burr_error *err)
{
	burr_status status = error == ENOENT ? BURR_ENOTFOUND : error == EACCES ? BURR_EPERM : BURR_EIO;
	return burr_fail(err, status, "token file %s: %s", path, strerror(error));
}

burr_status auth_read_token(const char *path, struct buf *out_token, bool *out_open, burr_error *err)
{
	char text[AUTH_TOKEN_MAX + 64]; /* blanks around it */
	struct stat st;
	CLEAN(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (len < 0 || fstat(fd, &st) < 0)
		return fail_file(path, errno, err);
	struct slice token = trim((struct slice){text, (size_t)len});
	if (!auth_is_token(token))
		return burr_fail(err, BURR_EINVAL,
			"token file %s: a token is %d to %d letters, digits and -._~+/=; openssl rand -hex "
			"32 makes "
			"one",
			path, AUTH_TOKEN_MIN, AUTH_TOKEN_MAX);
	buf_append_slice(out_token, token);
	OPENSSL_cleanse(text, sizeof(text));
	*out_open = (st.st_mode & (S_IRGRP | S_IROTH)) != 0;
	return out_token->failed ? burr_fail(err, BURR_ENOMEM, "no memory for a token") : BURR_OK;
}

burr_status auth_init(struct auth *auth, const char *token, uint16_t port, burr_error *err)
{
	*auth = (struct auth){0};
	snprintf(auth->cookie_name, sizeof(auth->cookie_name), "burr-token-%u", (unsigned)port);
	if (!token)
		return BURR_OK;
	if (!auth_is_token(slice_of(token)))
		return burr_fail(err, BURR_EINVAL, "the token is none");
	auth->token = strdup(token);
	return auth->token ? BURR_OK : burr_fail(err, BURR_ENOMEM, "no memory for a token");
}

void auth_fini(struct auth *auth)
{
	if (auth->token)
		OPENSSL_cleanse(auth->token, strlen(auth->token));
	free(auth->token);
	*auth = (struct auth){0};
}

bool auth_allows_token(const struct auth *auth, struct slice token)
{
	if (!auth->token)
		return true;
	return token.len == strlen(auth->token) && CRYPTO_memcmp(token.data, auth->token, token.len) == 0;
}

bool auth_allows_bearer(const struct auth *auth, struct slice authorization)
{
	static const char scheme[] = "bearer ";
	size_t len = strlen(scheme);
	if (authorization.len < len || strncasecmp(authorization.data, scheme, len) != 0)
		return !auth->token;
	return auth_allows_token(
		auth, trim((struct slice){authorization.data + len, authorization.len - len}));
}

/* The next "name=value" of a Cookie header, blanks around it left out; false at its end. */
static bool next_cookie(struct slice *cookies, struct slice *out_cookie)
{
	if (cookies->len == 0)
		return false;
	const char *end = memchr(cookies->data, ';', cookies->len);
	size_t len = end ? (size_t)(end - cookies->data) : cookies->len;
	*out_cookie = trim((struct slice){cookies->data, len});
	len += end ? 1 : 0;
	*cookies = (struct slice){cookies->data + len, cookies->len - len};
	return true;
}

bool auth_allows_cookies(const struct auth *auth, struct slice cookies)
{
	struct slice cookie;
	size_t name_len = strlen(auth->cookie_name);
	while (next_cookie(&cookies, &cookie)) {
		if (cookie.len <= name_len || memcmp(cookie.data, auth->cookie_name, name_len) != 0 ||
			cookie.data[name_len] != '=')
			continue;
		if (auth_allows_token(
			    auth, (struct slice){cookie.data + name_len + 1, cookie.len - name_len - 1}))
			return true;
	}
	return !auth->token;
}

static bool is_path(struct slice path)
{
	if (path.len == 0 || path.len > AUTH_PATH_MAX || path.data[0] != '/')
		return false;
	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.data[i];
		if (c <= ' ' || c >= 0x7f || c == ';' || c == ',' || c == '"' || c == '\\')
			return false;
	}
	return true;
}

void auth_put_cookie(const struct auth *auth, struct slice path, bool secure, struct buf *out)
{
	if (!is_path(path))
		path = SLICE_LIT("/");
	buf_printf(out, "%s=%s; Path=%.*s; Max-Age=%s; HttpOnly; SameSite=Lax%s", auth->cookie_name,
		auth->token, SLICE_ARG(path), max_age, secure ? "; Secure" : "");
}
