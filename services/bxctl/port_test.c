#include "services/bxctl/port.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int listen_somewhere(int *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void a_taken_port_is_told_with_its_owner_and_the_next_free_one(void **state)
{
	(void)state;
	int port;
	char owner[96], wanted[96];
	int fd = listen_somewhere(&port);
	assert_false(port_is_free("127.0.0.1", port));
	assert_true(port_next_free("127.0.0.1", port) > port || port == 65535);
	assert_true(port_is_free("127.0.9.9", port)); /* another address is another place */
	port_owner(port, owner, sizeof owner);
	(void)snprintf(wanted, sizeof wanted, "(process %d)", (int)getpid());
	assert_non_null(strstr(owner, wanted));
	assert_int_equal(close(fd), 0);
	assert_true(port_is_free("127.0.0.1", port));
	assert_int_equal(port_next_free("127.0.0.1", port), port);
}

static void who_has_a_free_port_is_nobody(void **state)
{
	(void)state;
	int port;
	char owner[96];
	assert_int_equal(close(listen_somewhere(&port)), 0);
	port_owner(port, owner, sizeof owner);
	assert_string_equal(owner, "another program");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_taken_port_is_told_with_its_owner_and_the_next_free_one),
		cmocka_unit_test(who_has_a_free_port_is_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
