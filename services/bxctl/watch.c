/* By the link itself, not by the bus: what is malformed is shown, too, and what no row knows. */
#include "services/bxctl/watch.h"

#include "libbus/base/json.h"
#include "services/bxctl/client.h"
#include "services/bxctl/show.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SHOWN_MAX = 8192, JSON_MAX = 2 * 1024 * 1024 };

struct watching {
	const struct request *request;
	struct bx_loop *loop;
	struct bx_link *link;
	const char *filter, *broker;
	char root[BX_TOPIC_SIZE];
	bool connected; /* once */
	int status;
};

static void on_connected(void *arg)
{
	struct watching *watching = arg;
	char filter[BX_TOPIC_SIZE];
	watching->connected = true;
	(void)snprintf(filter, sizeof filter, "%s%s", watching->root, watching->filter);
	watching->link->type->subscribe(watching->link, filter);
}

static void on_disconnected(void *arg, const char *why)
{
	(void)arg;
	(void)fprintf(stderr, "bxctl: the broker is gone (%s); waiting for it\n", why);
}

static void print_time(char text[16])
{
	struct bx_wall now = bx_clock_kernel.wall(&bx_clock_kernel);
	time_t seconds = (time_t)(now.ms / 1000);
	struct tm local;
	char second[12] = "";
	if (localtime_r(&seconds, &local))
		(void)strftime(second, sizeof second, "%H:%M:%S", &local); /* fits */
	(void)snprintf(text, 16, "%s.%03d", second, (int)(now.ms % 1000));
}

static void print_json(const struct bx_packet *packet, const char *topic)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, JSON_MAX);
	struct bx_json json = { .text = &text };
	char now[BX_WALL_SIZE];
	bx_wall_print(bx_clock_kernel.wall(&bx_clock_kernel), now);
	json_auto_t *payload = bx_json_read(packet->bytes, packet->size, BX_JSON_FOREIGN, NULL);
	BX_OWNED(free) char *bytes = bx_copy_bytes(packet->bytes, packet->size);
	BX_OWNED(free)
	char *compact = payload ? json_dumps(payload, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
	bx_json_object(&json, NULL);
	bx_json_text(&json, "time", now);
	bx_json_text(&json, "topic", topic);
	bx_json_yes_no(&json, "retained", packet->retain);
	if (compact)
		bx_json_raw(&json, "payload", compact, strlen(compact));
	else
		bx_json_text(&json, "text", bytes);
	bx_json_end_object(&json);
	(void)show_json(&text); /* a packet is smaller than JSON_MAX */
}

static void print_line(const struct bx_packet *packet, const char *topic)
{
	char now[16], name[BX_TOPIC_SIZE], shown[SHOWN_MAX];
	BX_OWNED(free) char *bytes = bx_copy_bytes(packet->bytes, packet->size);
	for (size_t i = 0; i < packet->size; i++)
		if (bytes[i] == '\0')
			bytes[i] = ' ';
	print_time(now);
	bx_clean(name, sizeof name, topic);
	bx_clean(shown, sizeof shown, bytes);
	const char *strong = show_colour(stdout, SHOW_STRONG), *faint = show_colour(stdout, SHOW_FAINT),
		   *plain = show_colour(stdout, SHOW_PLAIN);
	(void)printf("%s%s%s %s%s%s %s%s\n", faint, now, plain, strong, name, plain,
		packet->size ? shown : "(ended)", packet->size >= SHOWN_MAX ? "..." : "");
}

static void on_received(void *arg, const struct bx_packet *packet)
{
	struct watching *watching = arg;
	size_t root = strlen(watching->root);
	const char *topic =
		strncmp(packet->topic, watching->root, root) == 0 ? packet->topic + root : packet->topic;
	if (watching->request->json)
		print_json(packet, topic);
	else
		print_line(packet, topic);
	if (fflush(stdout) != 0)
		bx_loop_stop(watching->loop); /* whoever read us is gone */
}

static void on_acknowledged(void *arg, int id, bool accepted)
{
	(void)arg, (void)id, (void)accepted; /* nothing is said here */
}

static void on_late(void *arg)
{
	struct watching *watching = arg;
	struct bx_error error;
	if (watching->connected)
		return;
	bx_fail(&error, BX_UNREACHABLE, "no broker answers at %s; is the suite running? Start it: bxctl up",
		watching->broker);
	watching->status = client_fail(watching->request, &error);
	bx_loop_stop(watching->loop);
}

static void on_signal(void *arg)
{
	bx_loop_stop(((struct watching *)arg)->loop);
}

/* '+' and '#' as whole levels, '#' at the end. */
static bool is_filter(const char *filter)
{
	for (const char *level = filter;;) {
		size_t length = strcspn(level, "/");
		bool wild = memchr(level, '+', length) || memchr(level, '#', length);
		if ((wild && length != 1) || (level[0] == '#' && level[length] != '\0'))
			return false;
		if (level[length] == '\0')
			return filter[0] != '\0' && strlen(filter) < BX_TOPIC_SIZE / 2;
		level += length + 1;
	}
}

int watch_run(const struct request *request)
{
	const char *given = request_value(request, "filter");
	struct watching watching = { .request = request, .filter = given ? given : "#" };
	struct bx_error error;
	if (!is_filter(watching.filter)) {
		(void)fprintf(stderr,
			"bxctl: '%s' is no filter; write levels such as miner/+/telemetry or event/#\n",
			watching.filter);
		return EXIT_USAGE;
	}
	BX_OWNED(bx_config_free) struct bx_config *config = client_config(request);
	if (!config)
		return EXIT_FAILED;
	BX_OWNED(bx_loop_free) struct bx_loop *loop = bx_loop_new();
	watching.loop = loop;
	watching.broker = bx_config_text(config, BX_KEY_BUS);
	bx_bus_root(bx_config_text(config, BX_KEY_SITE), watching.root);
	watching.link = client_link(loop, config, "watch", &error);
	if (!watching.link)
		return client_fail(request, &error);
	const struct bx_link_events events = { &watching, on_connected, on_disconnected, on_received,
		on_acknowledged };
	watching.link->type->open(watching.link, &events, NULL);
	bx_on_signal(loop, SIGINT, on_signal, &watching);
	bx_on_signal(loop, SIGTERM, on_signal, &watching);
	bx_after(loop, CLIENT_SETTLE_MS, on_late, &watching);
	bx_loop_run(loop);
	watching.link->type->close(watching.link);
	watching.link->type->free(watching.link);
	return watching.status;
}
