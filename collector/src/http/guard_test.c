#include "http/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const names[] = {"Burr.example.org", "*.lab.example.org"};

static void knows_hosts(void **state)
{
	(void)state;
	static const struct {
		const char *host;
		bool at_home; /* listening on loopback */
		bool beyond;  /* listening on any address */
	} cases[] = {
		{"localhost", true, true},
		{"LocalHost:7241", true, true},
		{"127.0.0.1:1", true, true},
		{"[::1]", true, true},
		{"[::1]:65535", true, true},
		{"burr.example.org:80", true, true},
		{"a.lab.example.org", true, true},
		{"a.b.lab.EXAMPLE.org", true, true},
		{"192.168.1.5:7241", false, true},
		{"[fe80::1]:7241", false, true},
		{"lab.example.org", false, false},
		{"evillab.example.org", false, false},
		{"burr.example.org.evil.net", false, false},
		{"localhost.evil.net", false, false},
		{"127.0.0.1.evil.net", false, false},
		{"localhost:", true, true},
		{"localhost:x", false, false},
		{"localhost:123456", false, false},
		{"localhost:1:2", false, false},
		{"user@localhost", false, false},
		{"[::1", false, false},
		{"[::1]x", false, false},
		{"::1", false, false},
		{"[]", false, false},
		{":7241", false, false},
		{"", false, false},
	};
	struct guard home, beyond;
	assert_int_equal(guard_init(&home, false, names, 2, NULL), BURR_OK);
	assert_int_equal(guard_init(&beyond, true, names, 2, NULL), BURR_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice host = slice_of(cases[i].host);
		assert_int_equal(guard_allows_host(&home, host), cases[i].at_home);
		assert_int_equal(guard_allows_host(&beyond, host), cases[i].beyond);
	}
	guard_fini(&home);
	guard_fini(&beyond);
}

static void knows_origins(void **state)
{
	(void)state;
	static const struct {
		const char *origin, *host;
		bool allowed;
	} cases[] = {
		{"http://localhost:7241", "127.0.0.1:7241", true},
		{"https://burr.example.org", "localhost", true},
		{"http://proxy.example.net", "proxy.example.net", true},
		{"http://evil.net", "localhost:7241", false},
		{"http://localhost.evil.net", "localhost:7241", false},
		{"null", "localhost", false},
		{"", "localhost", false},
		{"file://localhost", "localhost", false},
		{"http://", "localhost", false},
	};
	struct guard guard;
	assert_int_equal(guard_init(&guard, false, names, 2, NULL), BURR_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			guard_allows_origin(&guard, slice_of(cases[i].origin), slice_of(cases[i].host)),
			cases[i].allowed);
	guard_fini(&guard);
}

static void refuses_bad_names(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "http://a", "a b", "a@b"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guard guard;
		assert_int_equal(guard_init(&guard, false, &bad[i], 1, NULL), BURR_EINVAL);
		guard_fini(&guard);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_hosts),
		cmocka_unit_test(knows_origins),
		cmocka_unit_test(refuses_bad_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
