/* Who may ask, by Host and Origin. */
#include "services/gateway/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct guard box = { .listen = "0.0.0.0", .arrived = "192.168.1.5", .host_name = "raspi" };

static const struct {
	const char *host;
	bool may;
} hosts[] = {
	{ "localhost", true }, { "localhost:5000", true },
	{ "LOCALHOST:8080", true }, /* forwarded by ssh -L */
	{ "localhost.", true }, { "127.0.0.1:5000", true }, { "127.3.2.1", true }, { "[::1]:5000", true },
	{ "[::1]", true }, { "192.168.1.5", true }, /* the address it came in on */
	{ "192.168.1.5:5000", true }, { "raspi:5000", true }, { "raspi.local", true },
	{ "RasPi.Local:80", true }, { "192.168.1.6", false },
	{ "raspi.example.com", false }, /* anyone may have this name point here */
	{ "raspi2", false }, { "evil.example", false }, { "evil.example:5000", false },
	{ "localhost.evil.example", false }, { "127.0.0.1.evil.example", false },
	{ "localhost,evil.example", false }, /* two Host headers */
	{ "localhost:", false }, { "localhost:5000:5000", false }, { "localhost:x", false },
	{ "user@localhost", false }, { "", false }, { ":5000", false }, { "[]", false },
	{ "[::1", true }, /* no browser sends it, and it is ours all the same */
};

static void lets_our_names_in_and_no_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		if (guard_host(&box, hosts[i].host) != hosts[i].may)
			fail_msg("Host '%s'", hosts[i].host);
}

static void an_unknown_own_name_lets_nobody_in(void **state)
{
	(void)state;
	struct guard nameless = { .listen = "127.0.0.1", .arrived = "", .host_name = "" };
	assert_false(guard_host(&nameless, ""));
	assert_false(guard_host(&nameless, ".local"));
	assert_true(guard_host(&nameless, "127.0.0.1"));
}

static const struct {
	const char *origin, *host;
	bool may;
} origins[] = {
	{ "", "localhost:5000", true }, /* no browser's page */
	{ "http://localhost:5000", "localhost:5000", true },
	{ "https://Localhost:5000", "localhost:5000", true }, /* behind a proxy that speaks TLS */
	{ "http://raspi.local", "raspi.local", true },
	{ "http://localhost:5001", "localhost:5000", false }, /* another program of this machine */
	{ "http://evil.example", "localhost:5000", false },
	{ "null", "localhost:5000", false },
	{ "file://", "localhost:5000", false },
	{ "http://localhost:5000.evil.example", "localhost:5000", false },
};

static void only_our_own_pages_listen(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof origins / sizeof *origins; i++)
		if (guard_origin(origins[i].origin, origins[i].host) != origins[i].may)
			fail_msg("Origin '%s' at '%s'", origins[i].origin, origins[i].host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lets_our_names_in_and_no_others),
		cmocka_unit_test(an_unknown_own_name_lets_nobody_in),
		cmocka_unit_test(only_our_own_pages_listen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
