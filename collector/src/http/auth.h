/* http/auth.h: the token that whoever asks must show, where one is asked for.
 *
 * A request shows it in one of two ways. `Authorization: Bearer TOKEN` is for programs, and for the page
 * where a browser keeps no cookies for us (an iframe of another site): there the page keeps the token itself
 * (http/pages/token.js). Everywhere else the page trades it in, once, for a cookie that no script can read
 * and that the browser sends only to us (HttpOnly, SameSite=Lax).
 *
 * Cookies do not tell ports apart, so the cookie's name holds ours; nor do we know below which path a proxy
 * shows us, so the page says for which path it is to be. Pure but for auth_make_token and auth_read_token;
 * any thread. */
#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

#include "base/buf.h"

enum {
	AUTH_TOKEN_MIN = 16, /* shorter ones can be guessed */
	AUTH_TOKEN_MAX = 256,
	AUTH_MADE_LEN = 43, /* 256 random bits in base64url */
	AUTH_PATH_MAX = 1024,
};

/* Of letters, digits and "-._~+/=", which neither a header, a cookie nor a link has to escape. */
bool auth_is_token(struct slice text);
BURR_MUST_CHECK burr_status auth_make_token(char out_token[AUTH_MADE_LEN + 1], burr_error *err);
/* The token in a file, blanks around it left out. BURR_EINVAL: what is in it is no token; BURR_ENOTFOUND,
 * BURR_EPERM, BURR_EIO. out_open: others than its owner may read the file, too. */
BURR_MUST_CHECK burr_status auth_read_token(
	const char *path, struct buf *out_token, bool *out_open, burr_error *err);

struct auth {
	char *token; /* NULL: none is asked for */
	char cookie_name[24];
};
/* token: copied. port: ours. */
BURR_MUST_CHECK burr_status auth_init(struct auth *auth, const char *token, uint16_t port, burr_error *err);
void auth_fini(struct auth *auth);

/* In constant time for texts of the token's length. */
bool auth_allows_token(const struct auth *auth, struct slice token);
/* authorization: the header's value. */
bool auth_allows_bearer(const struct auth *auth, struct slice authorization);
/* cookies: the value of a Cookie header: "a=1; b=2". Any of several with our name may fit. */
bool auth_allows_cookies(const struct auth *auth, struct slice cookies);

/* The value of a Set-Cookie header that hands the token to the browser. path: where the browser sees us,
 * "/user/ada/proxy/7241/"; anything that is no path stands for "/". secure: only over TLS from now on. */
void auth_put_cookie(const struct auth *auth, struct slice path, bool secure, struct buf *out);

#endif
