#include "http/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKEN "0123456789abcdef.token"

static struct auth auth;

static int setup(void **state)
{
	(void)state;
	return auth_init(&auth, TOKEN, 7241, NULL) == BURR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	auth_fini(&auth);
	return 0;
}

static void knows_tokens(void **state)
{
	(void)state;
	char longest[AUTH_TOKEN_MAX + 1];
	memset(longest, 'x', sizeof(longest));
	assert_true(auth_is_token(SLICE_LIT("0123456789abcdef")));
	assert_true(auth_is_token(SLICE_LIT("aA0-._~+/=aA0-._~+/=")));
	assert_true(auth_is_token((struct slice){longest, AUTH_TOKEN_MAX}));
	assert_false(auth_is_token((struct slice){longest, AUTH_TOKEN_MAX + 1}));
	static const char *const bad[] = {"", "0123456789abcde", "0123456789 abcdef", "0123456789;abcdef",
		"0123456789abcd\xc3\xa4\xc3\xa4", "0123456789abcdef\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(auth_is_token(slice_of(bad[i])));
	assert_false(auth_is_token(SLICE_LIT("0123456789abcdef\0")));
}

static void makes_tokens(void **state)
{
	(void)state;
	char a[AUTH_MADE_LEN + 1], b[AUTH_MADE_LEN + 1];
	assert_int_equal(auth_make_token(a, NULL), BURR_OK);
	assert_int_equal(auth_make_token(b, NULL), BURR_OK);
	assert_true(auth_is_token(slice_of(a)));
	assert_string_not_equal(a, b);
}

static void takes_bearers(void **state)
{
	(void)state;
	assert_true(auth_allows_bearer(&auth, SLICE_LIT("Bearer " TOKEN)));
	assert_true(auth_allows_bearer(&auth, SLICE_LIT("bearer   " TOKEN " ")));
	static const char *const bad[] = {"", "Bearer", "Bearer ", "Bearer " TOKEN "x", "Bearer x" TOKEN,
		"Bearer 0123456789abcdef.tokem", "Basic " TOKEN, TOKEN, "Bearer" TOKEN,
		"Bearer " TOKEN ", x"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(auth_allows_bearer(&auth, slice_of(bad[i])));
	assert_false(auth_allows_bearer(&auth, SLICE_NONE));
}

static void takes_cookies(void **state)
{
	(void)state;
#define COOKIE "burr-token-7241=" TOKEN
	static const char *const good[] = {COOKIE, " " COOKIE " ", "a=1; " COOKIE, COOKIE "; b=2",
		"a; " COOKIE ";", "burr-token-7241=old; " COOKIE, ";;; " COOKIE};
	static const char *const bad[] = {"", "burr-token-7241", "burr-token-7241=", "burr-token-7242=" TOKEN,
		"x" COOKIE, COOKIE "x", "a=" COOKIE, "burr-token-7241 =" TOKEN, "a=1, " COOKIE};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(auth_allows_cookies(&auth, slice_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(auth_allows_cookies(&auth, slice_of(bad[i])));
	assert_false(auth_allows_cookies(&auth, SLICE_NONE));
}

static void asks_for_nothing_without_a_token(void **state)
{
	(void)state;
	struct auth open;
	assert_int_equal(auth_init(&open, NULL, 1, NULL), BURR_OK);
	assert_true(auth_allows_bearer(&open, SLICE_NONE));
	assert_true(auth_allows_cookies(&open, SLICE_NONE));
	auth_fini(&open);
	assert_int_equal(auth_init(&open, "short", 1, NULL), BURR_EINVAL);
}

static void puts_cookies(void **state)
{
	(void)state;
	static const struct {
		const char *path, *attribute;
	} cases[] = {
		{"/user/ada/proxy/7241/", "; Path=/user/ada/proxy/7241/;"},
		{"/", "; Path=/;"},
		{"", "; Path=/;"},
		{"user", "; Path=/;"},
		{"/a; Domain=evil.net", "; Path=/;"},
		{"/a\r\nSet-Cookie: x=y", "; Path=/;"},
		{"/\xff", "; Path=/;"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out = BUF_INIT;
		auth_put_cookie(&auth, slice_of(cases[i].path), i == 0, &out);
		assert_non_null(strstr(out.data, "burr-token-7241=" TOKEN "; "));
		assert_non_null(strstr(out.data, cases[i].attribute));
		assert_non_null(strstr(out.data, "; HttpOnly; SameSite=Lax"));
		assert_int_equal(strstr(out.data, "; Secure") != NULL, i == 0);
		buf_fini(&out);
	}
}

static void reads_files(void **state)
{
	(void)state;
	char path[] = "/tmp/burr-token-XXXXXX";
	int fd = mkstemp(path);
	struct buf token = BUF_INIT;
	bool open = true;
	burr_error err = BURR_ERROR_INIT;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, " " TOKEN "\n", strlen(TOKEN) + 2), (ssize_t)strlen(TOKEN) + 2);
	assert_int_equal(auth_read_token(path, &token, &open, &err), BURR_OK);
	assert_string_equal(token.data, TOKEN);
	assert_false(open);
	buf_clear(&token);
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(auth_read_token(path, &token, &open, &err), BURR_OK);
	assert_true(open);
	buf_clear(&token);
	assert_int_equal(ftruncate(fd, 5), 0);
	assert_int_equal(auth_read_token(path, &token, &open, &err), BURR_EINVAL);
	assert_non_null(strstr(err.message, "openssl rand"));
	close(fd);
	unlink(path);
	assert_int_equal(auth_read_token(path, &token, &open, &err), BURR_ENOTFOUND);
	assert_non_null(strstr(err.message, path));
	assert_int_equal(auth_read_token("/", &token, &open, &err), BURR_EIO);
	buf_fini(&token);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_tokens),
		cmocka_unit_test(makes_tokens),
		cmocka_unit_test(takes_bearers),
		cmocka_unit_test(takes_cookies),
		cmocka_unit_test(asks_for_nothing_without_a_token),
		cmocka_unit_test(puts_cookies),
		cmocka_unit_test(reads_files),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
