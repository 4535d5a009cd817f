/* libcurl's multi interface: it says which sockets and which time to wait for, we tell it what came. It may not be called
 * from its own callbacks, so answers are handed out by a deadline of the loop. */
#include "libbus/run/fetch.h"

#include "libbus/base/text.h"
#include <curl/curl.h>
#include <string.h>
#include <sys/queue.h>

struct transfer {
	LIST_ENTRY(transfer) link;
	struct bx_fetch *fetch;
	uint64_t number;
	CURL *easy; /* NULL: simulated */
	struct curl_slist *headers;
	bx_responded *responded;
	void *arg;
	size_t bytes_max;
	bool too_large;
	struct bx_text body;
	struct bx_mono started;
	uint64_t timer; /* simulated */
	struct bx_response played;
	char why[CURL_ERROR_SIZE];
};

struct bx_fetch {
	struct bx_loop *loop;
	CURLM *multi; /* NULL: simulated */
	uint64_t timer, check_timer, last;
	LIST_HEAD(, transfer) transfers;
};

static struct {
	bx_fetch_player *player;
	void *arg;
} play; /* set by tests alone */

void bx_fetch_play(bx_fetch_player *player, void *arg)
{
	play.player = player;
	play.arg = arg;
}

static void free_transfer(struct transfer *transfer)
{
	LIST_REMOVE(transfer, link);
	if (transfer->easy) {
		curl_multi_remove_handle(transfer->fetch->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
	}
	curl_slist_free_all(transfer->headers);
	bx_cancel(transfer->fetch->loop, transfer->timer);
	bx_text_done(&transfer->body);
	free(transfer);
}

/* --- curl's callbacks --- */

static size_t on_body(char *bytes, size_t one, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t size = one * count;
	bx_text_add(&transfer->body, bytes, size);
	transfer->too_large = transfer->body.cut;
	return transfer->too_large ? 0 : size;
}

static void on_ready(void *arg, unsigned ready);

struct socket {
	struct bx_fetch *fetch;
	curl_socket_t fd;
	struct bx_watch *watch;
};

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	(void)easy;
	struct bx_fetch *fetch = arg;
	struct socket *socket = assigned;
	if (what == CURL_POLL_REMOVE) {
		if (socket)
			bx_unwatch(socket->watch);
		free(socket);
		curl_multi_assign(fetch->multi, fd, NULL);
		return 0;
	}
	unsigned interest =
		(what & CURL_POLL_IN ? BX_READABLE : 0U) | (what & CURL_POLL_OUT ? BX_WRITABLE : 0U);
	if (socket) {
		bx_watch_for(socket->watch, interest);
		return 0;
	}
	socket = bx_alloc(1, sizeof *socket);
	*socket = (struct socket){ .fetch = fetch, .fd = fd };
	socket->watch = bx_watch(fetch->loop, fd, interest, on_ready, socket);
	curl_multi_assign(fetch->multi, fd, socket);
	return 0;
}

static void on_timeout(void *arg);

static int on_timer(CURLM *multi, long wait_ms, void *arg)
{
	(void)multi;
	struct bx_fetch *fetch = arg;
	bx_cancel(fetch->loop, fetch->timer);
	fetch->timer = wait_ms < 0 ? 0 : bx_after(fetch->loop, wait_ms, on_timeout, fetch);
	return 0;
}

/* --- what came --- */

static void fill_failure(const struct transfer *transfer, CURLcode code, struct bx_error *error)
{
	const char *why = transfer->why[0] ? transfer->why : curl_easy_strerror(code);
	if (transfer->too_large)
		bx_fail(error, BX_INVALID, "the answer is larger than %zu bytes", transfer->bytes_max);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		bx_fail(error, BX_TIMED_OUT, "%s", why);
	else if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
		code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR)
		bx_fail(error, BX_UNREACHABLE, "%s", why);
	else
		bx_fail(error, BX_INVALID, "%s", why);
}

static void hand_out(struct transfer *transfer, CURLcode code)
{
	struct bx_response response = { .answered = code == CURLE_OK,
		.body = transfer->body.data,
		.size = transfer->body.length,
		.took_ms = bx_now(transfer->fetch->loop).ms - transfer->started.ms };
	long status = 0;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	response.status = (int)status;
	if (!response.answered)
		fill_failure(transfer, code, &response.error);
	transfer->responded(transfer->arg, &response);
}

static void check_done(void *arg)
{
	struct bx_fetch *fetch = arg;
	int left;
	fetch->check_timer = 0;
	for (CURLMsg *message; (message = curl_multi_info_read(fetch->multi, &left));) {
		struct transfer *transfer;
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		struct transfer ended = *transfer;
		hand_out(&ended, code);
		/* the callback may have cancelled it */
		LIST_FOREACH (transfer, &fetch->transfers, link)
			if (transfer->number == ended.number)
				break;
		if (transfer)
			free_transfer(transfer);
	}
}

static void check_soon(struct bx_fetch *fetch)
{
	if (!fetch->check_timer)
		fetch->check_timer = bx_after(fetch->loop, 0, check_done, fetch);
}

static void on_ready(void *arg, unsigned ready)
{
	const struct socket *socket = arg;
	struct bx_fetch *fetch = socket->fetch;
	int running;
	int what = (ready & BX_READABLE ? CURL_CSELECT_IN : 0) | (ready & BX_WRITABLE ? CURL_CSELECT_OUT : 0);
	curl_multi_socket_action(fetch->multi, socket->fd, what, &running);
	check_soon(fetch);
}

static void on_timeout(void *arg)
{
	struct bx_fetch *fetch = arg;
	int running;
	fetch->timer = 0;
	curl_multi_socket_action(fetch->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	check_soon(fetch);
}

static void on_played(void *arg)
{
	struct transfer *transfer = arg;
	bx_responded *responded = transfer->responded;
	void *responded_arg = transfer->arg;
	struct bx_response response = transfer->played;
	BX_OWNED(free) char *body = bx_copy_bytes(transfer->body.data, transfer->body.length);
	response.body = body;
	response.size = transfer->body.length;
	transfer->timer = 0;
	free_transfer(transfer);
	responded(responded_arg, &response);
}

/* --- called by services --- */

static void set_up(struct transfer *transfer, const struct bx_request *request, struct bx_fetch *fetch)
{
	CURL *easy = transfer->easy;
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->why);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(
		easy, CURLOPT_PROXY, ""); /* an http_proxy of the environment would see every miner */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* else a dead resolver blocks the loop for seconds */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->total_ms);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 16384L);
	if (request->close) {
		transfer->headers = curl_slist_append(NULL, "Connection: close");
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	}
	if (request->method)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (request->body)
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body);
	curl_multi_add_handle(fetch->multi, easy);
}

uint64_t bx_fetch_start(
	struct bx_fetch *fetch, const struct bx_request *request, bx_responded *responded, void *arg)
{
	struct transfer *transfer = bx_alloc(1, sizeof *transfer);
	*transfer = (struct transfer){ .fetch = fetch,
		.number = ++fetch->last,
		.responded = responded,
		.arg = arg,
		.bytes_max = request->bytes_max,
		.started = bx_now(fetch->loop) };
	bx_text_init(&transfer->body, request->bytes_max);
	LIST_INSERT_HEAD(&fetch->transfers, transfer, link);
	if (!fetch->multi) {
		int64_t delay_ms = 0;
		bx_fail(&transfer->played.error, BX_UNREACHABLE, "nobody plays this address");
		if (play.player)
			delay_ms = play.player(play.arg, request->method ? request->method : "GET",
				request->url, &transfer->played);
		transfer->played.took_ms = delay_ms;
		if (transfer->played.answered && delay_ms > request->total_ms) {
			transfer->played.answered = false;
			delay_ms = request->total_ms;
			bx_fail(&transfer->played.error, BX_TIMED_OUT, "no answer in time");
		}
		if (transfer->played.answered)
			bx_text_say(&transfer->body, transfer->played.body);
		transfer->timer = bx_after(fetch->loop, delay_ms, on_played, transfer);
		return transfer->number;
	}
	transfer->easy = curl_easy_init();
	if (!transfer->easy)
		abort(); /* no memory */
	set_up(transfer, request, fetch);
	return transfer->number;
}

void bx_fetch_cancel(struct bx_fetch *fetch, uint64_t number)
{
	struct transfer *transfer;
	LIST_FOREACH (transfer, &fetch->transfers, link) {
		if (transfer->number == number) {
			free_transfer(transfer);
			return;
		}
	}
}

struct bx_fetch *bx_fetch_new(struct bx_loop *loop, unsigned connections_max)
{
	struct bx_fetch *fetch = bx_alloc(1, sizeof *fetch);
	fetch->loop = loop;
	LIST_INIT(&fetch->transfers);
	if (bx_loop_is_simulated(loop))
		return fetch;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	fetch->multi = curl_multi_init();
	if (!fetch->multi)
		abort(); /* no memory */
	curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETDATA, fetch);
	curl_multi_setopt(fetch->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(fetch->multi, CURLMOPT_TIMERDATA, fetch);
	curl_multi_setopt(fetch->multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
	curl_multi_setopt(fetch->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections_max);
	return fetch;
}

void bx_fetch_free(struct bx_fetch *fetch)
{
	if (!fetch)
		return;
	for (struct transfer *transfer; (transfer = LIST_FIRST(&fetch->transfers));)
		free_transfer(transfer);
	if (fetch->multi) {
		curl_multi_cleanup(fetch->multi);
		curl_global_cleanup();
	}
	bx_cancel(fetch->loop, fetch->timer);
	bx_cancel(fetch->loop, fetch->check_timer);
	free(fetch);
}
