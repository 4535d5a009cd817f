/* gateway: what people see. It hears all state, the records on their way to storage, and answers over HTTP and WebSocket; it
 * reads the database and never writes it. */
#include "libbus/base/log.h"
#include "libbus/contract/print.h"
#include "services/gateway/gateway.h"
#include <stdio.h>

static void on_record(void *state, const struct bx_message *message)
{
	struct gateway *gateway = state;
	struct bx_record_label label;
	if (bx_record_label(message, &label))
		tail_put(gateway->tail, label.topic, label.session, label.number, message->bytes,
			message->size);
}

static void on_recorded(void *state, const struct bx_message *message)
{
	struct gateway *gateway = state;
	tail_acknowledge(gateway->tail, &message->payload->acknowledged);
}

static struct bx_mirror *mirror_all(struct bx_bus *bus)
{
	enum bx_topic topics[BX_TOPIC_COUNT];
	size_t count = 0;
	for (int topic = 0; topic < BX_TOPIC_COUNT; topic++)
		if (bx_topic_row((enum bx_topic)topic)->retention != BX_PASSING)
			topics[count++] = (enum bx_topic)topic;
	return bx_mirror_new(bus, topics, count, GATEWAY_STATES_MAX);
}

static void print_contract(struct files *printed)
{
	struct bx_text text;
	bx_text_init(&text, FILES_BYTES_MAX);
	bx_print_catalog(&text);
	files_add(printed, "catalog.json", text.data, text.length);
}

/* No pages are no reason not to start: the API serves other programs. */
static void read_pages(struct files *files)
{
	const char *folder = getenv("BITAXE_WEB"); /* a checkout's, for `up` and tests */
	struct bx_error error;
	if (!files_read(files, folder && folder[0] ? folder : GATEWAY_WEB_FOLDER, &error))
		bx_log(BX_WARNING, "there is no dashboard, only the API",
			BX_F("why", (const char *)error.message));
}

static bool open_server(struct gateway *gateway, struct bx_error *error)
{
	const struct bx_config *config = gateway->service->config;
	struct listen_at at;
	if (!listen_read(bx_config_text(config, BX_KEY_WEB_LISTEN), &at, error) ||
		!listen_may(&at, bx_config_text(config, BX_KEY_WEB_ANONYMOUS), error))
		return false;
	if (bx_loop_is_simulated(gateway->service->loop))
		return true;
	gateway->server = server_new(gateway, &at, bx_config_text(config, BX_KEY_WEB_BASE_PATH), error);
	if (gateway->server)
		bx_log(BX_INFO, "listens", BX_F("url", server_url(gateway->server)));
	return gateway->server != NULL;
}

static bool gateway_open(void *state, struct bx_service *service, struct bx_error *error)
{
	struct gateway *gateway = state;
	gateway->service = service;
	gateway->mirror = mirror_all(service->bus);
	gateway->tail = tail_new(TAIL_BYTES_MAX);
	gateway->metrics = metrics_new(service, gateway->tail);
	gateway->live = live_new(service->bus, gateway->mirror);
	gateway->files = files_new();
	gateway->printed = files_new();
	(void)snprintf(gateway->home, sizeof gateway->home, "%s/monitoring",
		bx_config_text(
			service->config, BX_KEY_WEB_BASE_PATH)); /* its length is judged by the server */
	print_contract(gateway->printed);
	read_pages(gateway->files);
	return open_server(gateway, error);
}

static void gateway_finish(void *state, void (*finished)(void *arg), void *arg)
{
	struct gateway *gateway = state;
	if (gateway->server)
		server_stop(gateway->server, finished, arg);
	else
		finished(arg);
}

static void gateway_close(void *state)
{
	struct gateway *gateway = state;
	metrics_free(gateway->metrics); /* first: what is still being read answers nobody */
	server_free(gateway->server);
	live_free(gateway->live);
	tail_free(gateway->tail);
	bx_mirror_free(gateway->mirror);
	files_free(gateway->files);
	files_free(gateway->printed);
}

static void cmd_history(void *state, bx_call call)
{
	metrics_call(((struct gateway *)state)->metrics, call);
}

static const struct bx_command commands[] = {
	{ BX_VERB_HISTORY, cmd_history },
	{ 0 },
};
static const struct bx_listen listen_to[] = {
	{ BX_RECORDS, on_record },
	{ BX_RECORDED, on_recorded },
	{ 0 },
};
const struct bx_spec bx_service_spec = {
	.name = "gateway",
	.role = "gateway",
	.state_size = sizeof(struct gateway),
	.listen = listen_to,
	.commands = commands,
	.open = gateway_open,
	.finish = gateway_finish,
	.close = gateway_close,
};

int main(int argc, char **argv)
{
	return bx_service_main(argc, argv, &bx_service_spec);
}
