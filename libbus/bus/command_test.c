/* Both ends of a command: a collector that answers, a bxctl that asks, the broker in memory between them. */
#include "libbus/bus/command.h"

#include "libbus/base/log.h"
#include "libbus/bus/memory.h"
#include "libbus/test/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct scene {
	struct bx_test_clock clock;
	struct bx_loop *loop;
	struct bx_memory *broker;
	struct bx_bus *bus, *asking_bus;
	struct bx_commands *commands, *asking;
	bx_call calls[64]; /* as they came to the handler */
	size_t call_count;
	struct bx_text answers; /* as they came to the asker, a line each */
	uint64_t ask;
	bool cancels; /* the asker, at a progress */
};

static void pass(struct scene *scene, int64_t ms)
{
	bx_test_pass(&scene->clock, scene->loop, ms);
}

/* --- the answering end: every verb is kept open --- */

static void take_call(void *state, bx_call call)
{
	struct scene *scene = state;
	if (scene->call_count < BX_COUNT(scene->calls))
		scene->calls[scene->call_count++] = call;
}

static void answer_at_once(void *state, bx_call call)
{
	bx_ok(((struct scene *)state)->commands, call, BX_FIELDS(BX_F("version", "0.1.0")));
}

static const struct bx_command table[] = { { BX_VERB_MINER_ADD, take_call }, { BX_VERB_MINER_SET, take_call },
	{ BX_VERB_MINER_REMOVE, take_call }, { BX_VERB_COLLECT, take_call }, { BX_VERB_RELOAD, take_call },
	{ BX_VERB_LOG_LEVEL, take_call }, { BX_VERB_PING, answer_at_once }, { 0 } };

/* --- the asking end --- */

static void note_answer(void *arg, const struct bx_answer *answer)
{
	struct scene *scene = arg;
	if (!answer->ended)
		bx_text_print(&scene->answers, "%d%% %s\n", answer->percent, answer->words);
	else if (answer->ok)
		bx_text_print(&scene->answers, "ok %s\n", answer->result);
	else
		bx_text_print(
			&scene->answers, "%s: %s\n", bx_code_word(answer->error.code), answer->error.message);
	if (scene->cancels && !answer->ended)
		bx_ask_cancel(scene->asking, scene->ask);
}

static struct bx_bus *bus_of(struct scene *scene, const char *client, bool is_service)
{
	struct bx_bus_options options = { .site = "home",
		.client = client,
		.role = is_service ? "suite" : "bxctl",
		.is_service = is_service,
		.outbox_max = 1 << 20,
		.again_ms = 600000 };
	return bx_bus_new(scene->loop, &options, bx_memory_join(scene->broker, scene->loop));
}

static int set_up(void **state)
{
	struct scene *scene = bx_alloc(1, sizeof *scene);
	struct bx_error error = { 0 };
	bx_test_clock_init(&scene->clock);
	scene->loop = bx_loop_new_simulated(&scene->clock.clock);
	scene->broker = bx_memory_new(1);
	bx_text_init(&scene->answers, 1 << 20);
	bx_log_to("test", BX_ERROR + 1);
	scene->bus = bus_of(scene, "collector", true);
	scene->commands = bx_commands_new(scene->bus, &(struct bx_commands_table){ table, scene }, 1, &error);
	scene->asking_bus = bus_of(scene, "bxctl-7", false);
	scene->asking = bx_commands_new(scene->asking_bus, NULL, 0, &error);
	if (!scene->commands || !scene->asking)
		return -1;
	bx_bus_open(scene->bus);
	bx_bus_open(scene->asking_bus);
	pass(scene, 0);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	bx_commands_free(scene->commands);
	bx_commands_free(scene->asking);
	bx_bus_free(scene->bus);
	bx_bus_free(scene->asking_bus);
	bx_loop_free(scene->loop);
	bx_memory_free(scene->broker);
	bx_text_done(&scene->answers);
	free(scene);
	return 0;
}

static void ask(struct scene *scene, enum bx_verb verb, const char *arguments, int64_t deadline_ms)
{
	scene->ask = bx_ask(scene->asking, verb, "collector", arguments, deadline_ms, note_answer, scene);
	assert_true(scene->ask != 0);
	assert_string_equal(scene->answers.data, ""); /* never before bx_ask returns */
	pass(scene, 0);
}

/* As any client would, without our asking end. */
static void send(struct scene *scene, const char *verb, const char *arguments, const char *response)
{
	char topic[BX_TOPIC_SIZE];
	(void)snprintf(topic, sizeof topic, "bitaxe/home/cmd/collector/%s", verb);
	struct bx_packet packet = { .topic = topic,
		.bytes = arguments,
		.size = strlen(arguments),
		.qos = 1,
		.response_topic = response,
		.correlation = "c",
		.correlation_size = 1 };
	bx_memory_say(scene->broker, &packet);
	pass(scene, 0);
}

static const char *newest(const struct scene *scene, const char *topic)
{
	const char *bytes = bx_memory_newest(scene->broker, topic, NULL);
	return bytes ? bytes : "";
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static const char event_topic[] = "bitaxe/home/event/service/collector",
		  reply_topic[] = "bitaxe/home/reply/test/x";

/* --- --- */

static void an_answer_comes_back_to_who_asked(void **state)
{
	struct scene *scene = *state;
	ask(scene, BX_VERB_MINER_ADD, "{\"url\":\"10.0.0.7\",\"name\":\"Kitchen\"}", 5000);
	assert_int_equal(scene->call_count, 1);
	assert_string_equal(bx_argument(scene->commands, scene->calls[0], "url"), "10.0.0.7");
	assert_string_equal(bx_argument(scene->commands, scene->calls[0], "name"), "Kitchen");
	assert_null(bx_argument(scene->commands, scene->calls[0], "group"));

	bool yes = true;
	bx_ok(scene->commands, scene->calls[0],
		BX_FIELDS(BX_F("id", "kitchen"), BX_F("n", 3), BX_F("x", 0.5), BX_F("yes", yes),
			BX_F("none", (const char *)NULL)));
	pass(scene, 10000);

	assert_string_equal(scene->answers.data, "ok {\"id\":\"kitchen\",\"n\":3,\"x\":0.5,\"yes\":true}\n");
	assert_null(bx_argument(scene->commands, scene->calls[0], "url")); /* gone with the call */
}

static void a_large_result_comes_whole(void **state)
{
	struct scene *scene = *state;
	BX_OWNED(free) char *object = bx_alloc(BX_RESULT_BYTES_MAX + 1, 1);
	memset(object, 'x', BX_RESULT_BYTES_MAX);
	memcpy(object, "{\"a\":\"", 6);
	memcpy(object + BX_RESULT_BYTES_MAX - 2, "\"}", 2);
	ask(scene, BX_VERB_COLLECT, NULL, 5000);
	bx_ok_json(scene->commands, scene->calls[0], object);
	bx_ok_json(scene->commands, scene->calls[0], "{}"); /* ended already */
	pass(scene, 0);
	assert_int_equal(strncmp(scene->answers.data, "ok {", 4), 0);
	assert_int_equal(strncmp(scene->answers.data + 3, object, BX_RESULT_BYTES_MAX), 0);
	assert_string_equal(scene->answers.data + 3 + BX_RESULT_BYTES_MAX, "\n");
}

static void a_refusal_keeps_its_code_and_words(void **state)
{
	struct scene *scene = *state;
	struct bx_error error;
	ask(scene, BX_VERB_COLLECT, NULL, 5000);
	bx_fail(&error, BX_CONFLICT, "it is \"another's\"");
	bx_refuse(scene->commands, scene->calls[0], &error);
	pass(scene, 10000);
	assert_string_equal(scene->answers.data, "conflict: it is \"another's\"\n");
}

static void progress_comes_before_the_end(void **state)
{
	struct scene *scene = *state;
	ask(scene, BX_VERB_COLLECT, NULL, 50000);
	bx_progress(scene->commands, scene->calls[0], "half of it", 50);
	pass(scene, 1000);
	bx_progress(scene->commands, scene->calls[0], "odd", 4000);
	pass(scene, 1000);
	bx_ok(scene->commands, scene->calls[0], NULL);
	pass(scene, 0);
	bx_progress(scene->commands, scene->calls[0], "too late", 100);
	pass(scene, 0);
	assert_string_equal(scene->answers.data, "50% half of it\n0% odd\nok {}\n");
}

static void a_call_ends_once(void **state)
{
	struct scene *scene = *state;
	struct bx_error error;
	size_t replies, events;
	send(scene, "collect", "", reply_topic);
	bx_fail(&error, BX_FAILED, "no");
	bx_ok(scene->commands, scene->calls[0], NULL);
	bx_ok(scene->commands, scene->calls[0], NULL);
	bx_refuse(scene->commands, scene->calls[0], &error);
	bx_ok(scene->commands, 0, NULL);
	bx_refuse(scene->commands, 12345, &error);
	pass(scene, 100000);
	bx_memory_newest(scene->broker, reply_topic, &replies);
	bx_memory_newest(scene->broker, event_topic, &events);
	assert_int_equal(replies, 1);
	assert_int_equal(events, 1);
}

static void a_call_that_is_forgotten_ends_by_its_deadline(void **state)
{
	struct scene *scene = *state;
	send(scene, "collect", "", reply_topic);
	pass(scene, BX_CALL_DEADLINE_MS - 1);
	assert_string_equal(newest(scene, reply_topic), "");
	pass(scene, 1);
	assert_has(newest(scene, reply_topic), "\"code\":\"timed_out\"");
	assert_has(newest(scene, event_topic), "command.failed");
	bx_ok(scene->commands, scene->calls[0], NULL); /* its handler wakes up at last */
	pass(scene, 0);
	assert_has(newest(scene, reply_topic), "timed_out");
}

static void the_asker_waits_so_long_and_no_longer(void **state)
{
	struct scene *scene = *state;
	ask(scene, BX_VERB_COLLECT, NULL, 5000);
	pass(scene, 4999);
	assert_string_equal(scene->answers.data, "");
	pass(scene, 1);
	assert_has(scene->answers.data, "timed_out: ");
	size_t length = scene->answers.length;
	bx_ok(scene->commands, scene->calls[0], NULL); /* late: who asked has been told so */
	pass(scene, 10000);
	assert_int_equal(scene->answers.length, length);
}

static void asking_without_a_broker_fails_soon(void **state)
{
	struct scene *scene = *state;
	bx_memory_die(scene->broker);
	pass(scene, 0);
	ask(scene, BX_VERB_COLLECT, NULL, 5000);
	assert_has(scene->answers.data, "unreachable: ");
	assert_int_equal(scene->call_count, 0);
}

static void a_cancelled_ask_calls_back_no_more(void **state)
{
	struct scene *scene = *state;
	ask(scene, BX_VERB_COLLECT, NULL, 5000);
	bx_ask_cancel(scene->asking, scene->ask);
	bx_ask_cancel(scene->asking, scene->ask);
	bx_ask_cancel(scene->asking, 0);
	bx_ok(scene->commands, scene->calls[0], NULL);
	pass(scene, 10000);
	assert_string_equal(scene->answers.data, "");

	scene->cancels = true; /* from within its own callback */
	ask(scene, BX_VERB_COLLECT, NULL, 5000);
	bx_progress(scene->commands, scene->calls[1], "half", 50);
	bx_ok(scene->commands, scene->calls[1], NULL);
	pass(scene, 10000);
	assert_string_equal(scene->answers.data, "50% half\n");
}

static void many_may_be_asked_at_once(void **state)
{
	struct scene *scene = *state;
	for (int i = 0; i < BX_CALLS_MAX; i++) {
		char arguments[40];
		(void)snprintf(arguments, sizeof arguments, "{\"url\":\"m%d\"}", i);
		assert_true(bx_ask(scene->asking, BX_VERB_MINER_ADD, "collector", arguments, 5000,
				    note_answer, scene) != 0);
	}
	assert_int_equal(bx_ask(scene->asking, BX_VERB_PING, "collector", NULL, 5000, note_answer, scene), 0);
	pass(scene, 0);
	assert_int_equal(scene->call_count, BX_CALLS_MAX);

	send(scene, "miner-add", "{\"url\":\"one-more\"}", reply_topic);
	assert_has(newest(scene, reply_topic), "\"code\":\"busy\"");
	assert_int_equal(scene->call_count, BX_CALLS_MAX);
	for (size_t i = 0; i < BX_CALLS_MAX; i++)
		bx_ok(scene->commands, scene->calls[i], NULL);
	pass(scene, 10000);
	assert_int_equal(scene->answers.length, BX_CALLS_MAX * strlen("ok {}\n"));
}

static void the_same_twice_at_once_is_busy(void **state)
{
	struct scene *scene = *state;
	send(scene, "miner-add", "{\"url\":\"a\"}", reply_topic);
	send(scene, "miner-add", "{\"url\":\"a\"}", reply_topic);
	assert_int_equal(scene->call_count, 1);
	assert_has(newest(scene, reply_topic), "\"code\":\"busy\"");
	send(scene, "miner-add", "{\"url\":\"b\"}", reply_topic); /* another thing */
	send(scene, "miner-set", "{\"id\":\"a\"}", reply_topic);
	assert_int_equal(scene->call_count, 3);
	bx_ok(scene->commands, scene->calls[0], NULL);
	send(scene, "miner-add", "{\"url\":\"a\"}", reply_topic); /* may be done again */
	assert_int_equal(scene->call_count, 4);
}

static void arguments_are_checked_before_anything_is_done(void **state)
{
	static const struct {
		const char *verb, *arguments, *code, *words; /* code NULL: it is done */
	} cases[] = {
		{ "miner-add", "{\"url\":\"a\"}", NULL, "" },
		{ "miner-add", "{\"url\":7}", NULL, "" },
		{ "miner-set", "{\"id\":\"a\",\"enabled\":true}", NULL, "" },
		{ "collect", "", NULL, "" },
		{ "collect", "{}", NULL, "" },
		{ "miner-add", "{}", "invalid", "needs 'url'" },
		{ "miner-add", "", "invalid", "needs 'url'" },
		{ "miner-add", "{\"url\":\"a\",\"colour\":\"red\"}", "invalid", "no argument 'colour'" },
		{ "miner-add", "{\"URL\":\"a\"}", "invalid", "no argument 'URL'" },
		{ "miner-add", "{\"url\":null}", "invalid", "argument 'url' is neither" },
		{ "miner-add", "{\"url\":[\"a\"]}", "invalid", "argument 'url' is neither" },
		{ "collect", "{\"all\":true}", "invalid", "no argument 'all'" },
		{ "no-such-verb", "{}", "missing", "no command 'no-such-verb'" },
	};
	struct scene *scene = *state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char code[40];
		size_t before = scene->call_count;
		send(scene, cases[i].verb, cases[i].arguments, reply_topic);
		assert_int_equal(scene->call_count - before, cases[i].code == NULL);
		if (cases[i].code) {
			(void)snprintf(code, sizeof code, "\"code\":\"%s\"", cases[i].code);
			assert_has(newest(scene, reply_topic), code);
			assert_has(newest(scene, reply_topic), cases[i].words);
		}
	}
}

static void numbers_and_truths_are_text_to_the_handler(void **state)
{
	struct scene *scene = *state;
	send(scene, "miner-set", "{\"id\":7,\"name\":0.5,\"enabled\":false,\"group\":\"a\\tb\\u0007 \"}",
		NULL);
	bx_call call = scene->calls[0];
	assert_string_equal(bx_argument(scene->commands, call, "id"), "7");
	assert_string_equal(bx_argument(scene->commands, call, "name"), "0.5");
	assert_string_equal(bx_argument(scene->commands, call, "enabled"), "false");
	assert_string_equal(bx_argument(scene->commands, call, "group"), "a b"); /* cleaned */
}

static void what_is_no_object_is_not_done(void **state)
{
	static const char *const bad[] = { "x", "[]", "7", "{\"url\":\"a\"", "{\"url\":\"a\",\"url\":\"b\"}",
		"\xff" };
	struct scene *scene = *state;
	for (size_t i = 0; i < BX_COUNT(bad); i++) {
		send(scene, "miner-add", bad[i], NULL);
		send(scene, "collect", bad[i], NULL); /* needs no argument, and is not done all the same */
	}
	assert_int_equal(scene->call_count, 0);
}

static void too_many_bytes_are_refused(void **state)
{
	struct scene *scene = *state;
	char arguments[BX_ARGUMENT_BYTES_MAX + 40];
	(void)snprintf(arguments, sizeof arguments, "{\"url\":\"%*s\"}", BX_ARGUMENT_BYTES_MAX, "a");
	send(scene, "miner-add", arguments, reply_topic);
	assert_int_equal(scene->call_count, 0);
	assert_has(newest(scene, reply_topic), "over 4096 bytes");
}

static void late_ones_are_refused(void **state)
{
	static const struct {
		const char *expires;
		bool is_late;
	} cases[] = { { "2026-01-01T00:00:01.000Z", false }, { "2025-12-31T23:59:59.999Z", true },
		{ "soon", true }, { "", true } };
	struct scene *scene = *state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		size_t before = scene->call_count;
		char url[24];
		(void)snprintf(url, sizeof url, "{\"url\":\"%zu\"}", i);
		struct bx_packet packet = { .topic = "bitaxe/home/cmd/collector/miner-add",
			.bytes = url,
			.size = strlen(url),
			.qos = 1,
			.response_topic = reply_topic,
			.property_count = 1,
			.properties = { { "expires", cases[i].expires } } };
		bx_memory_say(scene->broker, &packet);
		pass(scene, 0);
		assert_int_equal(scene->call_count - before, !cases[i].is_late);
		if (cases[i].is_late)
			assert_has(newest(scene, reply_topic), "\"code\":\"late\"");
	}
}

static void our_own_asks_expire(void **state)
{
	struct scene *scene = *state;
	bx_memory_fault(scene->broker, 0, 0, 100); /* up to three seconds on the way */
	int done = 0;
	for (int i = 0; i < 20; i++) {
		char url[24];
		(void)snprintf(url, sizeof url, "{\"url\":\"%d\"}", i);
		bx_ask(scene->asking, BX_VERB_MINER_ADD, "collector", url, 1000, note_answer, scene);
		pass(scene, 3000);
		done += (int)scene->call_count;
		for (size_t j = 0; j < scene->call_count; j++)
			bx_ok(scene->commands, scene->calls[j], NULL);
		scene->call_count = 0;
	}
	assert_in_range(done, 1, 15); /* those that came within their second, and no other */
}

static void a_retained_command_is_nobodys_wish(void **state)
{
	struct scene *scene = *state;
	struct bx_packet packet = { .topic = "bitaxe/home/cmd/collector/collect",
		.bytes = "{}",
		.size = 2,
		.qos = 1,
		.retain = true };
	bx_memory_say(scene->broker, &packet);
	pass(scene, 0);
	size_t before = scene->call_count; /* live it was a wish */
	struct bx_bus *later = bus_of(scene, "collector", true);
	struct bx_commands *commands =
		bx_commands_new(later, &(struct bx_commands_table){ table, scene }, 1, NULL);
	assert_non_null(commands);
	bx_bus_open(later);
	pass(scene, 1000);
	assert_int_equal(before, 1);
	assert_int_equal(scene->call_count, before);
	bx_commands_free(commands);
	bx_bus_free(later);
}

static void without_a_return_address_it_is_done_and_told_as_an_event(void **state)
{
	static const char *const addresses[] = { NULL, "", "bitaxe/home/miner/a/config",
		"bitaxe/other/reply/test/x", "reply/test/x", "bitaxe/home/reply/test",
		"bitaxe/home/reply/+/+", "bitaxe/home/cmd/restarter/restart", "#" };
	struct scene *scene = *state;
	for (size_t i = 0; i < BX_COUNT(addresses); i++) {
		size_t events, before;
		bx_memory_newest(scene->broker, event_topic, &before);
		send(scene, "collect", "{}", addresses[i]);
		assert_int_equal(scene->call_count, i + 1);
		bx_ok(scene->commands, scene->calls[i], NULL);
		pass(scene, 0);
		if (addresses[i] && addresses[i][0])
			assert_string_equal(newest(scene, addresses[i]), ""); /* nothing was said there */
		assert_string_equal(newest(scene, "bitaxe/home/reply/restarter/restart"), "");
		assert_has(newest(scene, event_topic), "\"type\":\"command.done\"");
		bx_memory_newest(scene->broker, event_topic, &events);
		assert_int_equal(events, before + 1);
	}
}

static void an_event_says_what_was_done_and_who_claims_it(void **state)
{
	struct scene *scene = *state;
	struct bx_error error;
	ask(scene, BX_VERB_MINER_ADD, "{\"url\":\"a\"}", 5000);
	bx_ok(scene->commands, scene->calls[0], NULL);
	pass(scene, 0);
	assert_has(newest(scene, event_topic), "\"type\":\"command.done\"");
	assert_has(newest(scene, event_topic), "\"verb\":\"miner-add\"");
	assert_has(newest(scene, event_topic), "\"arguments\":\"{\\\"url\\\":\\\"a\\\"}\"");
	assert_has(newest(scene, event_topic), "\"claimed_by\":\"bxctl/bxctl-7\"");
	send(scene, "collect", "", NULL);
	bx_fail(&error, BX_FAILED, "because");
	bx_refuse(scene->commands, scene->calls[1], &error);
	pass(scene, 0);
	assert_has(newest(scene, event_topic), "\"type\":\"command.failed\"");
	assert_has(newest(scene, event_topic), "\"why\":\"because\"");
	assert_has(newest(scene, event_topic), "\"claimed_by\":\"unknown\"");
}

static void a_verb_that_only_reads_leaves_no_event(void **state)
{
	struct scene *scene = *state;
	size_t events;
	ask(scene, BX_VERB_PING, NULL, 5000);
	assert_string_equal(scene->answers.data, "ok {\"version\":\"0.1.0\"}\n");
	bx_memory_newest(scene->broker, event_topic, &events);
	assert_int_equal(events, 0);
}

static void stopping_ends_open_calls_and_takes_no_new_ones(void **state)
{
	struct scene *scene = *state;
	ask(scene, BX_VERB_COLLECT, NULL, 50000);
	bx_commands_stop(scene->commands);
	pass(scene, 0);
	assert_has(scene->answers.data, "failed: collector stops");
	send(scene, "ping", "", reply_topic);
	assert_has(newest(scene, reply_topic), "\"code\":\"busy\"");
	bx_ok(scene->commands, scene->calls[0], NULL);
	bx_commands_stop(scene->commands);
}

static void a_table_that_does_not_match_the_contract_is_our_bug(void **state)
{
	static const struct bx_command lacks[] = { { BX_VERB_MINER_ADD, take_call },
		{ BX_VERB_MINER_SET, take_call }, { BX_VERB_COLLECT, take_call },
		{ BX_VERB_RELOAD, take_call }, { BX_VERB_LOG_LEVEL, take_call }, { BX_VERB_PING, take_call },
		{ 0 } };
	static const struct bx_command anothers[] = { { BX_VERB_COMMIT, take_call }, { 0 } };
	struct scene *scene = *state;
	struct bx_error error = { 0 };
	assert_null(bx_commands_new(scene->bus, &(struct bx_commands_table){ lacks, scene }, 1, &error));
	assert_has(error.message, "miner-remove");
	const struct bx_commands_table both[] = { { table, scene }, { anothers, scene } };
	assert_null(bx_commands_new(scene->bus, both, 2, &error));
	assert_has(error.message, "commit");
}

static void odd_answers_hurt_nobody(void **state)
{
	static const char *const odd[] = { "", "x", "[]", "{}", "{\"ok\":\"yes\"}", "{\"ok\":false}",
		"{\"ok\":false,\"error\":7}",
		"{\"ok\":false,\"error\":{\"code\":\"brand_new\",\"message\":7}}", "{\"progress\":7}",
		"{\"progress\":{\"words\":7,\"percent\":\"x\"}}", "{\"ok\":true,\"result\":7}" };
	struct scene *scene = *state;
	for (size_t i = 0; i < BX_COUNT(odd); i++) {
		char correlation[24];
		bx_text_clear(&scene->answers);
		ask(scene, BX_VERB_COLLECT, NULL, 1000);
		int length =
			snprintf(correlation, sizeof correlation, "%llu", (unsigned long long)scene->ask);
		struct bx_packet packet = { .topic = "bitaxe/home/reply/bxctl/bxctl-7",
			.bytes = odd[i],
			.size = strlen(odd[i]),
			.qos = 1,
			.correlation = correlation,
			.correlation_size = (size_t)length };
		bx_memory_say(scene->broker, &packet);
		packet.correlation = "999999999999999999999999999999999999";
		packet.correlation_size = 36;
		bx_memory_say(scene->broker, &packet);
		packet.correlation_size = 0;
		bx_memory_say(scene->broker, &packet);
		pass(scene, 1000);
		size_t ends = 0;
		for (const char *at = scene->answers.data; *at; at += strcspn(at, "\n") + 1)
			ends += strchr("0123456789", *at) == NULL;
		assert_int_equal(ends, 1); /* by that answer, or by the deadline */
		bx_ok(scene->commands, scene->calls[scene->call_count - 1], NULL);
		pass(scene, 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_comes_back_to_who_asked),
		TEST(a_large_result_comes_whole),
		TEST(a_refusal_keeps_its_code_and_words),
		TEST(progress_comes_before_the_end),
		TEST(a_call_ends_once),
		TEST(a_call_that_is_forgotten_ends_by_its_deadline),
		TEST(the_asker_waits_so_long_and_no_longer),
		TEST(asking_without_a_broker_fails_soon),
		TEST(a_cancelled_ask_calls_back_no_more),
		TEST(many_may_be_asked_at_once),
		TEST(the_same_twice_at_once_is_busy),
		TEST(arguments_are_checked_before_anything_is_done),
		TEST(numbers_and_truths_are_text_to_the_handler),
		TEST(what_is_no_object_is_not_done),
		TEST(too_many_bytes_are_refused),
		TEST(late_ones_are_refused),
		TEST(our_own_asks_expire),
		TEST(a_retained_command_is_nobodys_wish),
		TEST(without_a_return_address_it_is_done_and_told_as_an_event),
		TEST(an_event_says_what_was_done_and_who_claims_it),
		TEST(a_verb_that_only_reads_leaves_no_event),
		TEST(stopping_ends_open_calls_and_takes_no_new_ones),
		TEST(a_table_that_does_not_match_the_contract_is_our_bug),
		TEST(odd_answers_hurt_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
