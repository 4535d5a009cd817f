/* A publisher that costs as little as one can, and a subscriber to compare with.
 *
 *	bench-publish SOCKET recorded COUNT WINDOW FIRST_SECOND MEMBERS   records, until storage has acknowledged the last
 *	bench-publish SOCKET plain    COUNT WINDOW FIRST_SECOND MEMBERS   the same messages to a topic that nobody of ours hears
 *	bench-publish SOCKET receive  COUNT                               hears those, QoS 1
 *
 * MEMBERS is a file of lines, the values of a record as JSON members; message i has line i, over and over. At most WINDOW
 * messages are under way. Prints "ready", then CLOCK_MONOTONIC in seconds of the first message's going and the last one's
 * coming. Ends itself after two minutes, whatever happens. */
#include "libbus/base/clock.h"
#include "libbus/contract/payloads.h"
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINES_MAX = 1000, SOURCES = 10, GIVE_UP_S = 120 };

static const char record_topic[] = "bitaxe/home/record/bench",
		  recorded_topic[] = "bitaxe/home/recorded/bench",
		  plain_topic[] = "bitaxe/home/plain./bench"; /* as long as the first */
static const uint64_t session = 0x62656e6368; /* ours is the only one of this name */

struct bench {
	struct mosquitto *mosquitto;
	bool recorded, receiving;
	size_t count, window, sent, done;
	int64_t first_second;
	char *lines[LINES_MAX];
	size_t line_count;
	double began;
};

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(int result, const char *what)
{
	if (result == MOSQ_ERR_SUCCESS)
		return;
	(void)fprintf(stderr, "bench-publish: %s: %s\n", what, mosquitto_strerror(result));
	exit(1);
}

/* Record i is of source i % SOURCES, a minute behind the one before. */
static void publish(struct bench *bench, size_t i)
{
	char payload[8192], topic[64], number[32], session_text[32], time[BX_WALL_SIZE];
	struct bx_wall wall = { (bench->first_second + (int64_t)(i / SOURCES) * 60) * 1000 };
	mosquitto_property *properties = NULL;
	bx_wall_print(wall, time);
	int size = snprintf(
		payload, sizeof payload, "{\"time\":\"%s\",%s}", time, bench->lines[i % bench->line_count]);
	(void)snprintf(topic, sizeof topic, "miner/bench-%zu/telemetry", i % SOURCES);
	(void)snprintf(number, sizeof number, "%zu", i + 1);
	(void)snprintf(session_text, sizeof session_text, "%016llx", (unsigned long long)session);
	const char *const pairs[][2] = { { "topic", topic }, { "session", session_text },
		{ "number", number } };
	for (size_t pair = 0; pair < BX_COUNT(pairs); pair++)
		check(mosquitto_property_add_string_pair(
			      &properties, MQTT_PROP_USER_PROPERTY, pairs[pair][0], pairs[pair][1]),
			"property");
	check(mosquitto_publish_v5(bench->mosquitto, NULL, bench->recorded ? record_topic : plain_topic, size,
		      payload, 1, false, properties),
		"publish");
	mosquitto_property_free_all(&properties);
}

static void go_on(struct bench *bench)
{
	while (bench->sent < bench->count && bench->sent - bench->done < bench->window)
		publish(bench, bench->sent++);
	if (bench->done == bench->count)
		check(mosquitto_disconnect(bench->mosquitto), "disconnect");
}

static void on_connect(struct mosquitto *mosquitto, void *arg, int result)
{
	struct bench *bench = arg;
	check(result, "connect");
	if (bench->recorded || bench->receiving)
		check(mosquitto_subscribe(
			      mosquitto, NULL, bench->receiving ? plain_topic : recorded_topic, 1),
			"subscribe");
	else
		go_on(bench);
}

static void on_subscribe(struct mosquitto *mosquitto, void *arg, int id, int count, const int *qos)
{
	(void)mosquitto, (void)id, (void)count, (void)qos;
	struct bench *bench = arg;
	(void)printf("ready\n");
	(void)fflush(stdout);
	bench->began = now();
	if (!bench->receiving)
		go_on(bench);
}

static void on_publish(struct mosquitto *mosquitto, void *arg, int id)
{
	(void)mosquitto, (void)id;
	struct bench *bench = arg;
	if (bench->recorded)
		return; /* the broker has it; what counts is storage */
	bench->done++;
	go_on(bench);
}

static void on_message(struct mosquitto *mosquitto, void *arg, const struct mosquitto_message *message)
{
	(void)mosquitto;
	struct bench *bench = arg;
	union bx_any any;
	if (bench->receiving) {
		bench->done++;
	} else if (bx_payload_decode(
			   BX_RECORDED, message->payload, (size_t)message->payloadlen, &any, NULL) &&
		any.acknowledged.session == session) {
		for (size_t i = 0; i < any.acknowledged.range_count; i++)
			bench->done += any.acknowledged.ranges[i].last - any.acknowledged.ranges[i].first + 1;
	}
	go_on(bench);
}

static void read_lines(struct bench *bench, const char *path)
{
	FILE *file = fopen(path, "re");
	size_t size = 0;
	while (file && bench->line_count < LINES_MAX &&
		getline(&bench->lines[bench->line_count], &size, file) > 0) {
		bench->lines[bench->line_count][strcspn(bench->lines[bench->line_count], "\n")] = '\0';
		bench->line_count++;
		size = 0;
	}
	if (file)
		(void)fclose(file);
	if (bench->line_count > 0)
		return;
	(void)fprintf(stderr, "bench-publish: there is nothing in %s\n", path);
	exit(1);
}

int main(int argc, char **argv)
{
	struct bench bench = { 0 };
	if (argc != 4 && argc != 7) {
		(void)fprintf(stderr,
			"usage: bench-publish SOCKET recorded|plain|receive COUNT [WINDOW FIRST_SECOND MEMBERS]\n");
		return 2;
	}
	alarm(GIVE_UP_S);
	bench.recorded = strcmp(argv[2], "recorded") == 0;
	bench.receiving = strcmp(argv[2], "receive") == 0;
	bench.count = strtoull(argv[3], NULL, 10);
	if (argc == 7) {
		bench.window = strtoull(argv[4], NULL, 10);
		bench.first_second = strtoll(argv[5], NULL, 10);
		read_lines(&bench, argv[6]);
	} else {
		bench.sent = bench.count;
	}
	mosquitto_lib_init();
	bench.mosquitto = mosquitto_new(bench.receiving ? "bench-receive" : "bench", true, &bench);
	mosquitto_int_option(bench.mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
	mosquitto_connect_callback_set(bench.mosquitto, on_connect);
	mosquitto_subscribe_callback_set(bench.mosquitto, on_subscribe);
	mosquitto_publish_callback_set(bench.mosquitto, on_publish);
	mosquitto_message_callback_set(bench.mosquitto, on_message);
	check(mosquitto_connect(bench.mosquitto, argv[1], 0, 60), "connect");
	bench.began = now();
	check(mosquitto_loop_forever(bench.mosquitto, -1, 1), "loop");
	(void)printf("%.6f %.6f\n", bench.began, now());
	mosquitto_destroy(bench.mosquitto);
	mosquitto_lib_cleanup();
	for (size_t i = 0; i < bench.line_count; i++)
		free(bench.lines[i]);
	return 0;
}
