#include "services/bxctl/client.h"

#include "libbus/base/json.h"
#include "libbus/bus/mosquitto.h"
#include "libbus/run/secret.h"
#include "services/bxctl/place.h"
#include "services/bxctl/show.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char role[] = "bxctl";

/* The embedded run's configuration: of the one that runs, the real one before the demo; else of a real one that ran. */
static const char *embedded_path(char *path, size_t size)
{
	BX_TEXT_OWNED struct bx_text ignored;
	bx_text_init(&ignored, 1000);
	struct place real, demo;
	if (!place_find(&real, NULL, false, &ignored) || !place_find(&demo, NULL, true, &ignored))
		return NULL;
	bool is_demo = place_runner(real.folder) == 0 && place_runner(demo.folder) != 0;
	(void)snprintf(path, size, "%s", is_demo ? demo.config : real.config);
	return access(path, F_OK) == 0 ? path : NULL;
}

const char *client_config_path(const struct request *request, char *path, size_t size)
{
	static const char installed[] = "/etc/bitaxe/monitoring.conf";
	if (request->config)
		return request->config;
	if (getenv("BITAXE_CONFIG"))
		return getenv("BITAXE_CONFIG");
	return access(installed, F_OK) == 0 ? installed : embedded_path(path, size);
}

struct bx_config *client_config(const struct request *request)
{
	char path[PLACE_PATH_SIZE + 32];
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 64 * 1024);
	struct bx_config *config = bx_config_read(client_config_path(request, path, sizeof path), &problems);
	if (!config)
		(void)fputs(problems.data, stderr);
	return config;
}

struct bx_link *client_link(
	struct bx_loop *loop, const struct bx_config *config, const char *what, struct bx_error *error)
{
	char name[BX_ID_SIZE], password[BX_SECRET_SIZE];
	if (!bx_secret_read(config, role, password, error))
		return NULL;
	(void)snprintf(name, sizeof name, "bxctl-%d%s%s", (int)getpid(), what[0] ? "-" : "", what);
	struct bx_broker broker = { .address = bx_config_text(config, BX_KEY_BUS),
		.client = name,
		.user = password[0] ? role : NULL,
		.password = password };
	struct bx_link *link = bx_mosquitto_new(loop, &broker);
	explicit_bzero(password, sizeof password);
	return link;
}

/* --- opening --- */

static void on_settled(void *arg)
{
	struct client *client = arg;
	client->settled = true;
	bx_loop_stop(client->loop);
}

static void on_late(void *arg)
{
	bx_loop_stop(((struct client *)arg)->loop);
}

bool client_open_with(struct client *client, struct bx_config *config, const enum bx_topic *topics,
	size_t count, struct bx_error *error)
{
	char name[BX_ID_SIZE];
	*client = (struct client){ .config = config, .loop = bx_loop_new() };
	struct bx_link *link = client_link(client->loop, config, "", error);
	if (!link)
		return false;
	(void)snprintf(name, sizeof name, "bxctl-%d", (int)getpid());
	struct bx_bus_options options = {
		.site = bx_config_text(config, BX_KEY_SITE), .client = name, .role = role
	};
	client->bus = bx_bus_new(client->loop, &options, link);
	client->commands = bx_commands_new(client->bus, NULL, 0, error); /* without tables nothing can fail */
	client->mirror = bx_mirror_new(client->bus, topics, count, CLIENT_ENTRIES_MAX);
	bx_bus_open(client->bus);
	bx_when_settled(client->bus, on_settled, client);
	uint64_t late = bx_after(client->loop, CLIENT_SETTLE_MS, on_late, client);
	bx_loop_run(client->loop);
	bx_cancel(client->loop, late);
	if (client->settled)
		return true;
	if (bx_bus_is_connected(client->bus))
		return bx_fail(error, BX_TIMED_OUT, "the broker at %s did not tell all it knows within %d s",
			bx_config_text(config, BX_KEY_BUS), CLIENT_SETTLE_MS / 1000);
	return bx_fail(error, BX_UNREACHABLE,
		"no broker answers at %s; is the suite running? Start it: bxctl up",
		bx_config_text(config, BX_KEY_BUS));
}

int client_open(
	struct client *client, const struct request *request, const enum bx_topic *topics, size_t count)
{
	struct bx_error error;
	*client = (struct client){ 0 };
	struct bx_config *config = client_config(request);
	if (!config)
		return EXIT_FAILED;
	if (client_open_with(client, config, topics, count, &error))
		return EXIT_DONE;
	return client_fail(request, &error);
}

static void on_closed(void *arg)
{
	bx_loop_stop(((struct client *)arg)->loop);
}

void client_close(struct client *client)
{
	enum { LEAVE_MS = 500 };
	if (client->bus) {
		bx_bus_close(client->bus, LEAVE_MS, on_closed, client);
		bx_loop_run(client->loop);
	}
	bx_mirror_free(client->mirror);
	bx_commands_free(client->commands);
	bx_bus_free(client->bus);
	bx_loop_free(client->loop);
	bx_config_free(client->config);
}

/* --- asking --- */

struct asking {
	struct client *client;
	bool ended, ok, has_progress;
	char *result;
	struct bx_error *error;
};

static void on_answer(void *arg, const struct bx_answer *answer)
{
	struct asking *asking = arg;
	if (!answer->ended) {
		char words[SHOW_CELL_SIZE];
		bx_clean(words, sizeof words, answer->words);
		asking->has_progress = show_is_terminal(stderr);
		if (asking->has_progress)
			(void)fprintf(stderr, "\r\033[K%3d %%  %s", answer->percent, words);
		return;
	}
	asking->ended = true;
	asking->ok = answer->ok;
	if (answer->ok)
		asking->result = bx_copy(answer->result);
	else if (asking->error)
		*asking->error = answer->error;
	bx_loop_stop(asking->client->loop);
}

bool client_ask(struct client *client, enum bx_verb verb, const char *service, const char *arguments,
	int64_t deadline_ms, char **result, struct bx_error *error)
{
	struct asking asking = { .client = client, .error = error };
	struct bx_mono began = bx_now(client->loop);
	bx_ask(client->commands, verb, service, arguments, deadline_ms, on_answer, &asking);
	while (!asking.ended)
		bx_loop_run(client->loop); /* ends by the deadline at the latest */
	if (asking.has_progress)
		(void)fputs("\r\033[K", stderr);
	if (asking.ok)
		*result = asking.result;
	if (asking.ok || !error)
		return asking.ok;
	/* What a service says of others (a miner that is unreachable) is not said of it, or of the broker. */
	bool waited = bx_now(client->loop).ms - began.ms >= deadline_ms;
	if (error->code == BX_TIMED_OUT && waited)
		bx_fail(error, BX_TIMED_OUT,
			"%s did not answer within %lld s; is it running? See: bxctl status", service,
			(long long)(deadline_ms / 1000));
	else if (bx_bus_is_connected(client->bus) &&
		(error->code == BX_UNREACHABLE || error->code == BX_TIMED_OUT))
		error->code = BX_FAILED;
	return false;
}

int client_fail(const struct request *request, const struct bx_error *error)
{
	if (request->json) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, 4096);
		struct bx_json json = { .text = &text };
		bx_json_object(&json, NULL);
		bx_json_object(&json, "error");
		bx_json_text(&json, "code", bx_code_word(error->code));
		bx_json_text(&json, "message", error->message);
		bx_json_end_object(&json);
		bx_json_end_object(&json);
		(void)show_json(&text); /* messages are bounded */
	}
	(void)fprintf(stderr, "bxctl: %s\n", error->message);
	return exit_code_of(error->code);
}

int client_run(const struct request *request, const enum bx_topic *topics, size_t count,
	int (*run)(const struct client *client, const struct request *request))
{
	struct client client;
	int status = client_open(&client, request, topics, count);
	if (status == EXIT_DONE)
		status = run(&client, request);
	client_close(&client);
	return status;
}

int client_finish(const struct request *request, const struct bx_text *json)
{
	struct bx_error error;
	if (show_json(json))
		return EXIT_DONE;
	bx_fail(&error, BX_FULL, "the answer is larger than %d bytes", CLIENT_JSON_MAX);
	return client_fail(request, &error);
}
