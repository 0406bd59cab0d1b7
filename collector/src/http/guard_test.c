#include "http/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const names[] = {
	"Burr.example.org", "*.lab.example.org", "*-{port}-colab.example.com", "{port}-*.prod.example.dev"};

static void init(struct guard *guard, bool any_address)
{
	const struct guard_options options = {
		.any_address = any_address,
		.port = 7241,
		.names = names,
		.name_count = sizeof(names) / sizeof(*names),
		.proxied_at = "/user/ada/proxy/{port}",
	};
	assert_int_equal(guard_init(guard, &options, NULL), BURR_OK);
}

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
		{"x1-496f-7241-colab.example.com", true, true},
		{"7241-gpu-t4-s.us-west4-1.prod.example.dev", true, true},
		{"x1-496f-8000-colab.example.com", false, false},
		{"-7241-colab.example.com", false, false},
		{"7241-colab.example.com", false, false},
		{"8000-gpu-t4-s.us-west4-1.prod.example.dev", false, false},
		{"7241-.prod.example.dev", false, false},
		{"7241-a.prod.example.dev.evil.net", false, false},
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
	init(&home, false);
	init(&beyond, true);
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
	init(&guard, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			guard_allows_origin(&guard, slice_of(cases[i].origin), slice_of(cases[i].host)),
			cases[i].allowed);
	guard_fini(&guard);
}

static void knows_its_proxy(void **state)
{
	(void)state;
	struct guard guard;
	init(&guard, false);
	assert_true(guard_knows_proxy(&guard, SLICE_LIT("/user/ada/proxy/7241")));
	assert_true(guard_knows_proxy(&guard, SLICE_LIT("/user/ada/proxy/7241/")));
	assert_false(guard_knows_proxy(&guard, SLICE_LIT("/user/eve/proxy/7241")));
	assert_false(guard_knows_proxy(&guard, SLICE_LIT("/user/ada/proxy/7241/x")));
	assert_false(guard_knows_proxy(&guard, SLICE_LIT("/")));
	assert_false(guard_knows_proxy(&guard, SLICE_LIT("")));
	assert_false(guard_knows_proxy(&guard, SLICE_NONE));
	guard_fini(&guard);
	assert_int_equal(guard_init(&guard, &(struct guard_options){0}, NULL), BURR_OK);
	assert_false(guard_knows_proxy(&guard, SLICE_LIT("")));
	guard_fini(&guard);
}

static void refuses_bad_names(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "http://a", "a b", "a@b", "*", "*.org", "*org", "*.*.example.org", "a.*"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guard guard;
		const struct guard_options options = {.names = &bad[i], .name_count = 1};
		assert_int_equal(guard_init(&guard, &options, NULL), BURR_EINVAL);
		guard_fini(&guard);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_hosts),
		cmocka_unit_test(knows_origins),
		cmocka_unit_test(knows_its_proxy),
		cmocka_unit_test(refuses_bad_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
