/* A real socket at both ends, on one loop: the server is a few callbacks, so that nothing waits for a thread. */
#define _GNU_SOURCE
#include "libbus/run/fetch.h"

#include "libbus/base/text.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { CLIENTS_MAX = 200, PATIENCE_MS = 20000 };

struct scene;

struct client {
	struct scene *scene;
	int fd;
	struct bx_watch *watch;
	struct bx_text request;
};

struct scene {
	struct bx_loop *loop;
	struct bx_fetch *fetch;
	int fd, port;
	struct bx_watch *watch;
	const char *answer; /* NULL: none, and the connection stays open */
	size_t answer_size;
	struct client clients[CLIENTS_MAX];
	size_t client_count, request_count, expected, open_most;
	char last_request[4096];
	uint64_t patience;
	bool impatient;

	size_t responses;
	struct bx_response response; /* the last; its body is the copy below */
	struct bx_text body;
};

static void drop_client(struct client *client)
{
	if (!client->watch)
		return;
	bx_unwatch(client->watch);
	client->watch = NULL;
	(void)close(client->fd);
}

static void on_request(void *arg, unsigned ready)
{
	(void)ready;
	struct client *client = arg;
	struct scene *scene = client->scene;
	char bytes[4096];
	ssize_t size = recv(client->fd, bytes, sizeof bytes, 0);
	if (size <= 0) {
		drop_client(client);
		return;
	}
	bx_text_add(&client->request, bytes, (size_t)size);
	if (!strstr(client->request.data, "\r\n\r\n"))
		return;
	(void)bx_text_copy(scene->last_request, sizeof scene->last_request, client->request.data);
	bx_text_clear(&client->request);
	scene->request_count++;
	if (!scene->answer)
		return;
	for (size_t sent = 0; sent < scene->answer_size;) {
		ssize_t went = send(client->fd, scene->answer + sent, scene->answer_size - sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (went <= 0)
			break; /* the other end hung up, or its buffer is full: enough was sent */
		sent += (size_t)went;
	}
	if (!strstr(scene->answer, "keep-alive"))
		drop_client(client);
}

static void on_knock(void *arg, unsigned ready)
{
	(void)ready;
	struct scene *scene = arg;
	int fd = accept4(scene->fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0 && scene->client_count < CLIENTS_MAX);
	struct client *client = &scene->clients[scene->client_count++];
	*client = (struct client){ .scene = scene, .fd = fd };
	bx_text_init(&client->request, 8192);
	client->watch = bx_watch(scene->loop, fd, BX_READABLE, on_request, client);
	size_t open = 0;
	for (size_t i = 0; i < scene->client_count; i++)
		open += scene->clients[i].watch != NULL;
	scene->open_most = open > scene->open_most ? open : scene->open_most;
}

static int set_up(void **state)
{
	struct scene *scene = bx_alloc(1, sizeof *scene);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	scene->loop = bx_loop_new();
	scene->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (scene->fd < 0 || bind(scene->fd, (struct sockaddr *)&address, size) != 0 ||
		listen(scene->fd, 64) != 0 || getsockname(scene->fd, (struct sockaddr *)&address, &size) != 0)
		return -1;
	scene->port = ntohs(address.sin_port);
	scene->watch = bx_watch(scene->loop, scene->fd, BX_READABLE, on_knock, scene);
	scene->fetch = bx_fetch_new(scene->loop, 8);
	bx_text_init(&scene->body, 1 << 22);
	*state = scene;
	return 0;
}

static void stop_listening(struct scene *scene)
{
	bx_unwatch(scene->watch);
	scene->watch = NULL;
	(void)close(scene->fd);
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	bx_fetch_free(scene->fetch);
	for (size_t i = 0; i < scene->client_count; i++) {
		drop_client(&scene->clients[i]);
		bx_text_done(&scene->clients[i].request);
	}
	if (scene->watch)
		stop_listening(scene);
	bx_cancel(scene->loop, scene->patience);
	bx_loop_free(scene->loop);
	bx_text_done(&scene->body);
	free(scene);
	return 0;
}

static void answer(struct scene *scene, const char *text)
{
	scene->answer = text;
	scene->answer_size = text ? strlen(text) : 0;
}

static void on_response(void *arg, const struct bx_response *response)
{
	struct scene *scene = arg;
	scene->response = *response;
	bx_text_clear(&scene->body);
	bx_text_add(&scene->body, response->body, response->size);
	assert_int_equal(response->body[response->size], '\0');
	scene->response.body = scene->body.data;
	if (++scene->responses == scene->expected)
		bx_loop_stop(scene->loop);
}

static void on_patience(void *arg)
{
	struct scene *scene = arg;
	scene->patience = 0;
	scene->impatient = true;
	bx_loop_stop(scene->loop);
}

/* Runs until so many responses have come. */
static void run_for(struct scene *scene, size_t responses, int64_t patience_ms)
{
	scene->expected = responses;
	scene->impatient = false;
	scene->patience = bx_after(scene->loop, patience_ms, on_patience, scene);
	bx_loop_run(scene->loop);
	bx_cancel(scene->loop, scene->patience);
	scene->patience = 0;
}

static struct bx_request request_of(const struct scene *scene, char url[64])
{
	(void)snprintf(url, 64, "http://127.0.0.1:%d/api/system/info", scene->port);
	return (struct bx_request){
		.url = url, .connect_ms = 3000, .total_ms = 5000, .bytes_max = 1000, .close = true
	};
}

static const struct bx_response *fetch(struct scene *scene, const struct bx_request *request)
{
	size_t before = scene->responses;
	assert_true(bx_fetch_start(scene->fetch, request, on_response, scene) != 0);
	assert_int_equal(scene->responses, before); /* never within the call */
	run_for(scene, before + 1, PATIENCE_MS);
	assert_false(scene->impatient);
	return &scene->response;
}

/* --- --- */

static void brings_an_answer(void **state)
{
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	answer(scene, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	const struct bx_response *response = fetch(scene, &request);
	assert_true(response->answered);
	assert_int_equal(response->status, 200);
	assert_string_equal(response->body, "hello");
	assert_int_equal(response->size, 5);
	assert_in_range(response->took_ms, 0, 5000);
}

static void any_status_is_an_answer_and_no_redirect_is_followed(void **state)
{
	static const struct {
		const char *answer;
		int status;
	} cases[] = {
		{ "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", 404 },
		{ "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", 500 },
		{ "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWWW-Authenticate: Basic\r\n\r\n", 401 },
		{ "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", 302 },
		{ "HTTP/1.0 200 OK\r\n\r\nuntil the end", 200 },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200 },
	};
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		answer(scene, cases[i].answer);
		const struct bx_response *response = fetch(scene, &request);
		assert_true(response->answered);
		assert_int_equal(response->status, cases[i].status);
		assert_int_equal(scene->request_count, i + 1);
	}
}

static void asks_as_miners_want_to_be_asked(void **state)
{
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	answer(scene, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	fetch(scene, &request);
	assert_int_equal(strncmp(scene->last_request, "GET /api/system/info HTTP/1.1\r\n", 31), 0);
	assert_non_null(strcasestr(scene->last_request, "\r\nConnection: close\r\n"));
	assert_null(strcasestr(scene->last_request, "\r\nOrigin:"));
	assert_null(strcasestr(scene->last_request, "\r\nAccept-Encoding:"));
	assert_true(strlen(scene->last_request) < 512); /* all the room that ESP-IDF gives headers */
}

static void posts_a_body(void **state)
{
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	request.method = "POST";
	request.body = "{\"a\":1}";
	answer(scene, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	fetch(scene, &request);
	assert_int_equal(strncmp(scene->last_request, "POST ", 5), 0);
	assert_non_null(strcasestr(scene->last_request, "\r\nContent-Length: 7\r\n"));
}

static void an_answer_is_bounded(void **state)
{
	static const struct {
		size_t size;
		const char *head;
		bool answered;
	} cases[] = { { 1000, "HTTP/1.1 200 OK\r\n\r\n", true }, { 1001, "HTTP/1.1 200 OK\r\n\r\n", false },
		{ 1000000, "HTTP/1.1 200 OK\r\n\r\n", false },
		{ 1000000, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", false } };
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	BX_OWNED(free) char *text = bx_alloc(1100000, 1);
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		size_t head = strlen(cases[i].head);
		memcpy(text, cases[i].head, head);
		memset(text + head, 'x', cases[i].size);
		text[head + cases[i].size] = '\0';
		answer(scene, text);
		const struct bx_response *response = fetch(scene, &request);
		assert_int_equal(response->answered, cases[i].answered);
		if (!cases[i].answered) {
			assert_int_equal(response->error.code, BX_INVALID);
			assert_non_null(strstr(response->error.message, "larger than 1000 bytes"));
		}
	}
}

static void what_is_no_whole_answer_is_none(void **state)
{
	static const char *const broken[] = { "", "garbage without a head",
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut", "\x16\x03\x01 TLS",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc" };
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	for (size_t i = 0; i < BX_COUNT(broken); i++) {
		answer(scene, broken[i]);
		const struct bx_response *response = fetch(scene, &request);
		if (response->answered)
			fail_msg("'%s' is taken for an answer", broken[i]);
		assert_true(response->error.code == BX_INVALID || response->error.code == BX_UNREACHABLE);
		assert_true(response->error.message[0] != '\0');
	}
}

static void silence_ends_in_time(void **state)
{
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	request.total_ms = 300;
	answer(scene, NULL);
	const struct bx_response *response = fetch(scene, &request);
	assert_false(response->answered);
	assert_int_equal(response->error.code, BX_TIMED_OUT);
	assert_in_range(response->took_ms, 300, 5000);
	assert_int_equal(scene->request_count, 1);
}

static void a_refused_connection_is_unreachable(void **state)
{
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	stop_listening(scene);
	const struct bx_response *response = fetch(scene, &request);
	assert_false(response->answered);
	assert_int_equal(response->error.code, BX_UNREACHABLE);
}

static void what_is_no_url_is_invalid(void **state)
{
	static const char *const bad[] = { "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/",
		"http://", "nonsense://x" };
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	for (size_t i = 0; i < BX_COUNT(bad); i++) {
		request.url = bad[i];
		const struct bx_response *response = fetch(scene, &request);
		assert_false(response->answered);
		assert_int_equal(response->error.code, BX_INVALID);
	}
}

static void the_environments_proxy_sees_nothing(void **state)
{
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	answer(scene, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	const struct bx_response *response = fetch(scene, &request);
	assert_int_equal(unsetenv("http_proxy"), 0);
	assert_true(response->answered);
}

static void a_cancelled_one_calls_back_no_more(void **state)
{
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	request.total_ms = 200;
	answer(scene, NULL);
	uint64_t one = bx_fetch_start(scene->fetch, &request, on_response, scene);
	uint64_t other = bx_fetch_start(scene->fetch, &request, on_response, scene);
	assert_true(one != other);
	bx_fetch_cancel(scene->fetch, one); /* before it began */
	bx_fetch_cancel(scene->fetch, one);
	bx_fetch_cancel(scene->fetch, 12345);
	run_for(scene, 2, 500);
	assert_int_equal(scene->responses, 1);
}

static void cancel_from_response(void *arg, const struct bx_response *response)
{
	struct scene *scene = arg;
	(void)response;
	scene->responses++;
	for (uint64_t number = 1; number < 10; number++)
		bx_fetch_cancel(scene->fetch, number); /* itself, and all others */
	bx_loop_stop(scene->loop);
}

static void one_may_cancel_all_from_its_callback(void **state)
{
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	answer(scene, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	for (int i = 0; i < 5; i++)
		bx_fetch_start(scene->fetch, &request, cancel_from_response, scene);
	run_for(scene, 99, 500);
	assert_int_equal(scene->responses, 1);
}

static void freeing_ends_those_under_way(void **state)
{
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	request.total_ms = 200;
	answer(scene, NULL);
	for (int i = 0; i < 5; i++)
		bx_fetch_start(scene->fetch, &request, on_response, scene);
	run_for(scene, 99, 50);
	bx_fetch_free(scene->fetch);
	scene->fetch = NULL;
	run_for(scene, 99, 400);
	assert_int_equal(scene->responses, 0);
}

static void many_at_once_share_the_bound_of_connections(void **state)
{
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	answer(scene, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	for (int i = 0; i < 100; i++)
		bx_fetch_start(scene->fetch, &request, on_response, scene);
	run_for(scene, 100, PATIENCE_MS);
	assert_int_equal(scene->responses, 100);
	assert_int_equal(scene->request_count, 100);

	answer(scene, NULL); /* each keeps its connection until its time is over */
	request.total_ms = 500;
	for (int i = 0; i < 100; i++)
		bx_fetch_start(scene->fetch, &request, on_response, scene);
	run_for(scene, 200, PATIENCE_MS);
	assert_int_equal(scene->responses, 200);
	assert_int_equal(scene->open_most, 8);
}

static void a_connection_that_is_to_be_closed_is_not_used_again(void **state)
{
	struct scene *scene = *state;
	char url[64];
	struct bx_request request = request_of(scene, url);
	answer(scene, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
	for (size_t i = 1; i <= 3; i++) {
		fetch(scene, &request);
		assert_int_equal(scene->client_count, i);
	}
	request.close = false;
	for (size_t i = 1; i <= 3; i++)
		fetch(scene, &request);
	assert_int_equal(scene->client_count, 4);
	assert_int_equal(scene->request_count, 6);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(brings_an_answer),
		TEST(any_status_is_an_answer_and_no_redirect_is_followed),
		TEST(asks_as_miners_want_to_be_asked),
		TEST(posts_a_body),
		TEST(an_answer_is_bounded),
		TEST(what_is_no_whole_answer_is_none),
		TEST(silence_ends_in_time),
		TEST(a_refused_connection_is_unreachable),
		TEST(what_is_no_url_is_invalid),
		TEST(the_environments_proxy_sees_nothing),
		TEST(a_cancelled_one_calls_back_no_more),
		TEST(one_may_cancel_all_from_its_callback),
		TEST(freeing_ends_those_under_way),
		TEST(many_at_once_share_the_bound_of_connections),
		TEST(a_connection_that_is_to_be_closed_is_not_used_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
