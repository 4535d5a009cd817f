#include "libbus/bus/command.h"

#include "libbus/base/log.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct call {
	bx_call number; /* 0: free */
	enum bx_verb verb;
	char reply[BX_NAME_SIZE]; /* name of the asker's reply topic; "": nobody listens */
	char correlation[64];
	size_t correlation_size;
	char *arguments_json; /* as they came: the same twice at once is refused */
	struct argument {
		char *name, *value;
	} arguments[BX_ARGUMENTS_MAX];
	uint64_t deadline;
	struct bx_commands *commands;
};

struct ask {
	uint64_t number; /* 0: free */
	uint64_t deadline;
	void (*answer)(void *arg, const struct bx_answer *answer);
	void *arg;
	struct bx_commands *commands;
};

struct bx_commands {
	struct bx_bus *bus;
	struct {
		void (*run)(void *state, bx_call call);
		void *state;
	} bound[BX_VERB_COUNT];
	bool stopped;
	uint64_t last;
	struct call calls[BX_CALLS_MAX];
	struct ask asks[BX_CALLS_MAX];
};

/* --- answering --- */

static struct call *find_call(struct bx_commands *commands, bx_call number)
{
	for (size_t i = 0; number != 0 && i < BX_CALLS_MAX; i++)
		if (commands->calls[i].number == number)
			return &commands->calls[i];
	return NULL;
}

static void reply(struct bx_commands *commands, const struct call *call, const struct bx_text *text)
{
	if (call->reply[0] == '\0')
		return;
	struct bx_packet properties = { 0 };
	if (call->correlation_size > 0) {
		properties.correlation = call->correlation;
		properties.correlation_size = call->correlation_size;
	}
	bx_pass(commands->bus, BX_REPLY, call->reply, text->data, text->length, &properties);
}

static void say_error(const struct bx_error *error, struct bx_text *text)
{
	struct bx_json json = { .text = text };
	bx_json_object(&json, NULL);
	bx_json_yes_no(&json, "ok", false);
	bx_json_object(&json, "error");
	bx_json_text(&json, "code", bx_code_word(error->code));
	bx_json_text(&json, "message", error->message);
	bx_json_end_object(&json);
	bx_json_end_object(&json);
}

static void release(struct bx_commands *commands, struct call *call)
{
	bx_cancel(bx_bus_loop(commands->bus), call->deadline);
	for (size_t i = 0; i < BX_ARGUMENTS_MAX; i++) {
		free(call->arguments[i].name);
		free(call->arguments[i].value);
	}
	free(call->arguments_json);
	*call = (struct call){ 0 };
}

static void end_call(
	struct bx_commands *commands, struct call *call, const struct bx_text *text, const char *failure)
{
	const struct bx_verb_row *row = bx_verb_row(call->verb);
	reply(commands, call, text);
	if (row->effect == BX_ACTS) {
		char target[BX_NAME_SIZE];
		bx_target(BX_SERVICE, bx_bus_client(commands->bus), target);
		bx_event(commands->bus, failure ? "command.failed" : "command.done", target,
			BX_FIELDS(BX_F("verb", row->verb),
				BX_F("arguments", (const char *)call->arguments_json),
				BX_F("claimed_by", call->reply[0] ? (const char *)call->reply : "unknown"),
				BX_F("why", failure)));
	}
	release(commands, call);
}

void bx_ok_json(struct bx_commands *commands, bx_call number, const char *object)
{
	enum { AROUND = 32 };
	struct call *call = find_call(commands, number);
	size_t size = strlen(object);
	assert(size <= BX_RESULT_BYTES_MAX);
	if (!call)
		return;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_RESULT_BYTES_MAX + AROUND);
	struct bx_json json = { .text = &text };
	bx_json_object(&json, NULL);
	bx_json_yes_no(&json, "ok", true);
	bx_json_raw(&json, "result", object, size);
	bx_json_end_object(&json);
	end_call(commands, call, &text, NULL);
}

void bx_ok(struct bx_commands *commands, bx_call number, const struct bx_field *fields)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	struct bx_json json = { .text = &text };
	bx_json_object(&json, NULL);
	bx_json_fields(&json, fields);
	bx_json_end_object(&json);
	bx_ok_json(commands, number, text.data);
}

void bx_refuse(struct bx_commands *commands, bx_call number, const struct bx_error *error)
{
	struct call *call = find_call(commands, number);
	if (!call)
		return;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	say_error(error, &text);
	end_call(commands, call, &text, error->message);
}

void bx_progress(struct bx_commands *commands, bx_call number, const char *words, int percent)
{
	const struct call *call = find_call(commands, number);
	if (!call)
		return;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_VALUES_JSON_MAX);
	struct bx_json json = { .text = &text };
	bx_json_object(&json, NULL);
	bx_json_object(&json, "progress");
	bx_json_text(&json, "words", words);
	bx_json_integer(&json, "percent", percent);
	bx_json_end_object(&json);
	bx_json_end_object(&json);
	reply(commands, call, &text);
}

const char *bx_argument(struct bx_commands *commands, bx_call number, const char *name)
{
	const struct call *call = find_call(commands, number);
	for (size_t i = 0; call && i < BX_ARGUMENTS_MAX && call->arguments[i].name; i++)
		if (strcmp(call->arguments[i].name, name) == 0)
			return call->arguments[i].value;
	return NULL;
}

static void on_call_deadline(void *arg)
{
	struct call *call = arg;
	struct bx_error error;
	call->deadline = 0;
	bx_fail(&error, BX_TIMED_OUT, "'%s' was not done within %d s", bx_verb_row(call->verb)->verb,
		BX_CALL_DEADLINE_MS / 1000);
	bx_refuse(call->commands, call->number, &error);
}

static bool knows_argument(const struct bx_verb_row *row, const char *name)
{
	for (size_t i = 0; i < BX_ARGUMENTS_MAX && row->arguments[i].name; i++)
		if (strcmp(row->arguments[i].name, name) == 0)
			return true;
	return false;
}

/* Text, numbers and truth values, each as text; what a row does not name is refused, not skipped: it was meant. */
static bool take_arguments(struct call *call, const struct bx_verb_row *row, const struct bx_message *message,
	struct bx_error *error)
{
	json_auto_t *object = message->size == 0
		? json_object()
		: bx_json_read(message->bytes, message->size, BX_JSON_OURS, error);
	const char *name;
	json_t *value;
	size_t count = 0;
	json_object_foreach (object, name, value) {
		char number[BX_NUMBER_SIZE];
		const char *text = json_is_string(value) ? json_string_value(value)
			: json_is_true(value)            ? "true"
			: json_is_false(value)           ? "false"
							 : NULL;
		if (json_is_number(value)) {
			bx_number_print(json_number_value(value), number);
			text = number;
		}
		if (!knows_argument(row, name))
			return bx_fail(error, BX_INVALID, "'%s' has no argument '%.40s'", row->verb, name);
		if (!text)
			return bx_fail(error, BX_INVALID,
				"argument '%s' is neither text nor number nor true or false", name);
		size_t size = strlen(text) + 1;
		call->arguments[count].name = bx_copy(name);
		call->arguments[count].value = bx_alloc(size, 1);
		bx_clean(call->arguments[count++].value, size, text);
	}
	for (size_t i = 0; i < BX_ARGUMENTS_MAX && row->arguments[i].name; i++)
		if (row->arguments[i].need == BX_NEEDED && !json_object_get(object, row->arguments[i].name))
			return bx_fail(error, BX_INVALID, "'%s' needs '%s': %s", row->verb,
				row->arguments[i].name, row->arguments[i].doc);
	return true;
}

static bool is_late(const struct bx_commands *commands, const struct bx_packet *packet)
{
	const char *expires = bx_packet_property(packet, "expires");
	struct bx_wall until, now = bx_wall_now(bx_bus_loop(commands->bus));
	return expires && now.ms != 0 && (!bx_wall_parse(expires, &until) || until.ms < now.ms);
}

static bool may_run(const struct bx_commands *commands, const struct bx_message *message, enum bx_verb *verb,
	struct bx_error *error)
{
	*verb = bx_verb_find(bx_bus_client(commands->bus), bx_name_last(message->name));
	if (*verb == BX_VERB_COUNT)
		return bx_fail(error, BX_MISSING, "%s has no command '%.60s'", bx_bus_client(commands->bus),
			bx_name_last(message->name));
	if (message->size > BX_ARGUMENT_BYTES_MAX)
		return bx_fail(error, BX_INVALID, "arguments of over %d bytes", BX_ARGUMENT_BYTES_MAX);
	if (is_late(commands, message->packet))
		return bx_fail(error, BX_LATE, "the command came after its deadline and was not done");
	if (commands->stopped)
		return bx_fail(error, BX_BUSY, "%s is stopping", bx_bus_client(commands->bus));
	for (size_t i = 0; i < BX_CALLS_MAX; i++) {
		const struct call *call = &commands->calls[i];
		if (call->number != 0 && call->verb == *verb &&
			strlen(call->arguments_json) == message->size &&
			memcmp(call->arguments_json, message->bytes, message->size) == 0)
			return bx_fail(error, BX_BUSY, "the same command is being done now");
	}
	return true;
}

static struct call *free_call(struct bx_commands *commands)
{
	for (size_t i = 0; i < BX_CALLS_MAX; i++)
		if (commands->calls[i].number == 0)
			return &commands->calls[i];
	return NULL;
}

/* Where answers go: only below reply/ of this site, whatever the asker wrote. */
static void take_return_address(
	struct bx_commands *commands, struct call *call, const struct bx_packet *packet)
{
	const char *under =
		packet->response_topic ? bx_bus_under_root(commands->bus, packet->response_topic) : NULL;
	enum bx_topic topic;
	if (!under || !bx_topic_match(under, &topic, call->reply) || topic != BX_REPLY)
		call->reply[0] = '\0';
	if (packet->correlation_size <= sizeof call->correlation) {
		call->correlation_size = packet->correlation_size;
		if (packet->correlation_size > 0)
			memcpy(call->correlation, packet->correlation, packet->correlation_size);
	}
}

static void on_command(void *arg, const struct bx_message *message)
{
	struct bx_commands *commands = arg;
	struct bx_error error = { 0 };
	struct call refused = { 0 }, *call = free_call(commands);
	enum bx_verb verb;
	if (message->replay)
		return; /* a retained command is nobody's wish of now */
	bool may = may_run(commands, message, &verb, &error);
	if (may && !call)
		may = bx_fail(&error, BX_BUSY, "too many commands at once");
	if (!call || !may)
		call = &refused;
	take_return_address(commands, call, message->packet);
	if (!may) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, BX_VALUES_JSON_MAX);
		say_error(&error, &text);
		reply(commands, call, &text);
		return;
	}
	call->number = ++commands->last;
	call->verb = verb;
	call->commands = commands;
	call->arguments_json = bx_copy_bytes(message->bytes, message->size);
	call->deadline = bx_after(bx_bus_loop(commands->bus), BX_CALL_DEADLINE_MS, on_call_deadline, call);
	if (!take_arguments(call, bx_verb_row(verb), message, &error))
		bx_refuse(commands, call->number, &error);
	else
		commands->bound[verb].run(commands->bound[verb].state, call->number);
}

/* --- asking --- */

static struct ask *find_ask(struct bx_commands *commands, uint64_t number)
{
	for (size_t i = 0; i < BX_CALLS_MAX; i++)
		if (commands->asks[i].number == number)
			return &commands->asks[i];
	return NULL;
}

static void end_ask(struct ask *ask, const struct bx_answer *answer)
{
	struct ask ended = *ask;
	bx_cancel(bx_bus_loop(ask->commands->bus), ask->deadline);
	*ask = (struct ask){ 0 };
	ended.answer(ended.arg, answer);
}

static void on_ask_deadline(void *arg)
{
	struct ask *ask = arg;
	struct bx_answer answer = { .ended = true };
	bx_fail(&answer.error, BX_TIMED_OUT, "no answer in time");
	ask->deadline = 0;
	end_ask(ask, &answer);
}

static void on_unreachable(void *arg)
{
	struct ask *ask = arg;
	struct bx_answer answer = { .ended = true };
	bx_fail(&answer.error, BX_UNREACHABLE,
		"the broker does not answer; is the suite running? See: bxctl status");
	ask->deadline = 0;
	end_ask(ask, &answer);
}

uint64_t bx_ask(struct bx_commands *commands, enum bx_verb verb, const char *service, const char *arguments,
	int64_t deadline_ms, void (*answer)(void *arg, const struct bx_answer *answer), void *arg)
{
	struct bx_loop *loop = bx_bus_loop(commands->bus);
	struct ask *ask = find_ask(commands, 0);
	if (!ask)
		return 0; /* more than BX_CALLS_MAX at once: our own bug, and no answer comes */
	*ask = (struct ask){ .number = ++commands->last, .answer = answer, .arg = arg, .commands = commands };
	if (!bx_bus_is_connected(commands->bus)) {
		ask->deadline = bx_after(loop, 0, on_unreachable, ask);
		return ask->number;
	}
	ask->deadline = bx_after(loop, deadline_ms, on_ask_deadline, ask);
	char correlation[24], expires[BX_WALL_SIZE], name[BX_NAME_SIZE];
	struct bx_packet packet = { .response_topic = bx_bus_reply_topic(commands->bus),
		.correlation = correlation };
	packet.correlation_size = (size_t)snprintf(correlation, sizeof correlation, "%" PRIu64, ask->number);
	struct bx_wall now = bx_wall_now(loop);
	if (now.ms != 0) {
		bx_wall_print((struct bx_wall){ now.ms + deadline_ms }, expires);
		packet.properties[packet.property_count++] = (struct bx_property){ "expires", expires };
	}
	(void)snprintf(name, sizeof name, "%s/%s", service, bx_verb_row(verb)->verb);
	bx_pass(commands->bus, BX_COMMAND, name, arguments ? arguments : "{}",
		strlen(arguments ? arguments : "{}"), &packet);
	return ask->number;
}

void bx_ask_cancel(struct bx_commands *commands, uint64_t number)
{
	struct ask *ask = number ? find_ask(commands, number) : NULL;
	if (!ask)
		return;
	bx_cancel(bx_bus_loop(commands->bus), ask->deadline);
	*ask = (struct ask){ 0 };
}

static void on_reply(void *arg, const struct bx_message *message)
{
	struct bx_commands *commands = arg;
	char correlation[24] = "";
	int64_t number;
	if (message->packet->correlation_size < sizeof correlation && message->packet->correlation_size > 0)
		memcpy(correlation, message->packet->correlation, message->packet->correlation_size);
	if (!bx_parse_integer(correlation, 1, INT64_MAX, &number))
		return;
	struct ask *ask = find_ask(commands, (uint64_t)number);
	if (!ask)
		return; /* late: whoever asked has been told so */
	json_auto_t *object = bx_json_read(message->bytes, message->size, BX_JSON_OURS, NULL);
	json_t *progress = json_object_get(object, "progress"), *result = json_object_get(object, "result");
	if (progress) {
		const char *words = json_string_value(json_object_get(progress, "words"));
		double percent = json_number_value(json_object_get(progress, "percent"));
		struct bx_answer answer = { .percent = percent >= 0 && percent <= 100 ? (int)percent : 0,
			.words = words ? words : "" };
		ask->answer(ask->arg, &answer);
		return;
	}
	struct bx_answer answer = { .ended = true, .ok = json_is_true(json_object_get(object, "ok")) };
	json_t *error = json_object_get(object, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *words = json_string_value(json_object_get(error, "message"));
	if (!answer.ok)
		bx_fail(&answer.error, code ? bx_code_of(code) : BX_FAILED, "%s",
			words ? words : "refused without a reason");
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 8 * BX_JSON_BYTES_MAX); /* what grows most is 1e20, to 21 digits */
	struct bx_json json = { .text = &text };
	if (json_is_object(result))
		bx_json_copy(&json, NULL, result);
	answer.result = text.length > 0 && !text.cut ? text.data : "{}";
	end_ask(ask, &answer);
}

/* --- life --- */

struct bx_commands *bx_commands_new(struct bx_bus *bus, const struct bx_commands_table *tables,
	size_t table_count, struct bx_error *error)
{
	BX_OWNED(bx_commands_free) struct bx_commands *commands = bx_alloc(1, sizeof *commands);
	commands->bus = bus;
	for (size_t i = 0; i < table_count; i++) {
		for (const struct bx_command *command = tables[i].commands; command && command->run;
			command++) {
			commands->bound[command->verb].run = command->run;
			commands->bound[command->verb].state = tables[i].state;
		}
	}
	for (int verb = 0; table_count > 0 && verb < BX_VERB_COUNT; verb++) {
		const struct bx_verb_row *row = bx_verb_row((enum bx_verb)verb);
		bool is_ours =
			strcmp(row->service, "*") == 0 || strcmp(row->service, bx_bus_client(bus)) == 0;
		if (is_ours != (commands->bound[verb].run != NULL)) {
			bx_fail(error, BX_FAILED,
				"the command '%s' of %s and its row in verbs.rows do not match", row->verb,
				bx_bus_client(bus));
			return NULL;
		}
	}
	bx_hear(bus, BX_REPLY, bx_bus_reply_name(bus), on_reply, commands);
	if (table_count > 0) {
		char name[BX_NAME_SIZE];
		(void)snprintf(name, sizeof name, "%s/+", bx_bus_client(bus));
		bx_hear(bus, BX_COMMAND, name, on_command, commands);
	}
	struct bx_commands *made = commands;
	commands = NULL; /* the caller's */
	return made;
}

void bx_commands_stop(struct bx_commands *commands)
{
	struct bx_error error;
	commands->stopped = true;
	bx_fail(&error, BX_FAILED, "%s stops; it was not finished", bx_bus_client(commands->bus));
	for (size_t i = 0; i < BX_CALLS_MAX; i++)
		bx_refuse(commands, commands->calls[i].number, &error);
}

void bx_commands_free(struct bx_commands *commands)
{
	if (!commands)
		return;
	for (size_t i = 0; i < BX_CALLS_MAX; i++) {
		release(commands, &commands->calls[i]);
		bx_ask_cancel(commands, commands->asks[i].number);
	}
	free(commands);
}
