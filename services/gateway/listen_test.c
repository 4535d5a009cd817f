/* Where we may listen, and who has a taken port. */
#include "services/gateway/listen.h"

#include "libbus/base/text.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
	const char *text, *address, *url;
	uint16_t port;
	bool is_six, is_any, is_loopback, with_anonymous;
} places[] = {
	{ "127.0.0.1:5000", "127.0.0.1", "http://127.0.0.1:5000", 5000, false, false, true, false },
	{ "localhost:80", "127.0.0.1", "http://127.0.0.1:80", 80, false, false, true, false },
	{ "127.9.9.9:0", "127.9.9.9", "http://127.9.9.9:0", 0, false, false, true, false },
	{ "[::1]:5000", "::1", "http://[::1]:5000", 5000, true, false, true, false },
	{ "::1:5000", "::1", "http://[::1]:5000", 5000, true, false, true, false },
	{ "0.0.0.0:5000", "0.0.0.0", "http://127.0.0.1:5000", 5000, false, true, false, true },
	{ "[::]:5000", "::", "http://[::1]:5000", 5000, true, true, false, true },
	{ "192.168.1.5:65535", "192.168.1.5", "http://192.168.1.5:65535", 65535, false, false, false, true },
};

static void reads_addresses_and_knows_which_are_loopback(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(places); i++) {
		struct listen_at at;
		char url[80];
		assert_true(listen_read(places[i].text, &at, NULL));
		listen_url(&at, url, sizeof url);
		assert_string_equal(at.address, places[i].address);
		assert_string_equal(url, places[i].url);
		assert_int_equal(at.port, places[i].port);
		assert_int_equal(at.is_six, places[i].is_six);
		assert_int_equal(at.is_any, places[i].is_any);
		assert_int_equal(at.is_loopback, places[i].is_loopback);
		assert_int_equal(listen_may(&at, "no", NULL), !places[i].with_anonymous);
		assert_true(listen_may(&at, "read", NULL));
	}
}

static void refuses_what_is_no_address(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "5000", ":5000", "raspi:5000", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+5", "300.0.0.1:80",
		"[127.0.0.1:80", "*:80",
		"1111111111111111111111111111111111111111111111111111111111111111:80" };
	for (size_t i = 0; i < BX_COUNT(bad); i++) {
		struct listen_at at;
		struct bx_error error;
		if (listen_read(bad[i], &at, &error))
			fail_msg("took '%s'", bad[i]);
		assert_int_equal(error.code, BX_INVALID);
	}
}

static void says_how_to_be_seen_from_elsewhere(void **state)
{
	(void)state;
	struct listen_at at;
	struct bx_error error;
	assert_true(listen_read("0.0.0.0:5000", &at, NULL));
	assert_false(listen_may(&at, "no", &error));
	assert_int_equal(error.code, BX_DENIED);
	assert_non_null(strstr(error.message, "WEB_ANONYMOUS=read"));
	assert_non_null(strstr(error.message, "WEB_PASSWORD_FILE"));
}

static const char table[] =
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	"   0: 0100007F:1388 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 111 1 0 20 4 30 10 -1\n"
	"   1: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 222 1 0 100 0 0 10 0\n"
	"   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0\n"
	"   3: 00000000000000000000000000000000:1389 00000000000000000000000000000000:0000 0A 00000000:00000000 "
	"00:00000000 00000000     0        0 444 1 0 100 0 0 10 0\n";

static void finds_who_listens_and_not_who_is_connected(void **state)
{
	(void)state;
	assert_int_equal(listen_find_inode(table, 5000), 222);
	assert_int_equal(listen_find_inode(table, 22), 333);
	assert_int_equal(listen_find_inode(table, 5001), 444);
	assert_int_equal(listen_find_inode(table, 40000), 0);
	assert_int_equal(listen_find_inode("", 22), 0);
	assert_int_equal(listen_find_inode("head\n  junk", 22), 0);
}

static void names_the_owner_of_a_taken_port_and_a_free_one(void **state)
{
	(void)state;
	struct sockaddr_in taken = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof taken;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&taken, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&taken, &size), 0);
	struct listen_at at = { .address = "127.0.0.1", .port = ntohs(taken.sin_port), .is_loopback = true };
	struct bx_error error;
	char pid[32];
	(void)snprintf(pid, sizeof pid, "(pid %d)", (int)getpid());

	assert_false(listen_try(&at, &error));
	close(fd);

	assert_int_equal(error.code, BX_CONFLICT);
	assert_non_null(strstr(error.message, pid));
	assert_non_null(strstr(error.message, "free is WEB_LISTEN=127.0.0.1:"));
	assert_true(listen_try(&at, &error));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_addresses_and_knows_which_are_loopback),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(says_how_to_be_seen_from_elsewhere),
		cmocka_unit_test(finds_who_listens_and_not_who_is_connected),
		cmocka_unit_test(names_the_owner_of_a_taken_port_and_a_free_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
