#include "services/bxctl/arguments.h"

#include "libbus/base/memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int run_nothing(const struct request *request)
{
	(void)request;
	return EXIT_DONE;
}

static const struct subcommand subcommands[] = {
	{ "up", "starts", run_nothing,
		.arguments = { { "demo", ARGUMENT_FLAG, "simulated" },
			{ "libexec", ARGUMENT_OPTION, "folder" } } },
	{ "watch", "looks", run_nothing, .arguments = { { "filter", ARGUMENT_BY_PLACE, "what of it" } } },
	{ "health", "judges", run_nothing },
	{ "health run", .verb = BX_VERB_CHECK_NOW, .answer = "{sentence}" },
	{ "miner add", .verb = BX_VERB_MINER_ADD, .answer = "{id}" },
	{ 0 },
};

/* The request as one line: its command, then "name=value" for each argument given, "+json" and the like. */
static void describe(const struct request *request, char *text, size_t size)
{
	struct argument arguments[ARGUMENTS_MAX];
	size_t count = request->subcommand ? arguments_of(request->subcommand, arguments) : 0;
	int used = snprintf(text, size, "%s", request->subcommand ? request->subcommand->words : "-");
	for (size_t i = 0; i < count; i++)
		if (request->values[i])
			used += snprintf(text + used, size - (size_t)used, " %s=%s", arguments[i].name,
				request->values[i]);
	if (request->config)
		used += snprintf(text + used, size - (size_t)used, " config=%s", request->config);
	(void)snprintf(text + used, size - (size_t)used, "%s%s%s", request->json ? " +json" : "",
		request->help ? " +help" : "", request->version ? " +version" : "");
}

static const struct {
	const char *line; /* words, separated by blanks */
	const char *request, *complaint; /* one of them */
} cases[] = {
	{ "up", "up", NULL },
	{ "up --demo", "up demo=", NULL },
	{ "up --libexec /x --demo --json", "up demo= libexec=/x +json", NULL },
	{ "up --libexec=/x", "up libexec=/x", NULL },
	{ "--config /etc/x up", "up config=/etc/x", NULL },
	{ "--json health", "health +json", NULL },
	{ "health run", "health run", NULL },
	{ "health --json run", NULL, "'run' is too much for 'health'" },
	{ "health run --target miner/gamma", "health run target=miner/gamma", NULL },
	{ "watch", "watch", NULL },
	{ "watch miner/#", "watch filter=miner/#", NULL },
	{ "watch -- --x", "watch filter=--x", NULL },
	{ "miner add 10.0.0.7 --name Gamma", "miner add url=10.0.0.7 name=Gamma", NULL },
	{ "miner add --name Gamma 10.0.0.7", "miner add url=10.0.0.7 name=Gamma", NULL },
	{ "miner add --help", "miner add +help", NULL },
	{ "--help", "- +help", NULL },
	{ "--version", "- +version", NULL },
	{ "", NULL, "which command?" },
	{ "--json", NULL, "which command?" },
	{ "helth", NULL, "there is no command 'helth'; did you mean 'health'?" },
	{ "frobnicate", NULL, "there is no command 'frobnicate'" },
	{ "miner", NULL, "there is no command 'miner'" },
	{ "miner ad 1", NULL, "there is no command 'miner'; did you mean 'miner add'?" },
	{ "miner add", NULL, "'miner add' needs its url: http://HOST[:PORT], or the host alone" },
	{ "miner add 1 2", NULL, "'2' is too much for 'miner add'" },
	{ "miner add 1 --nam x", NULL, "'miner add' has no option --nam; did you mean --name?" },
	{ "miner add 1 --frobnicate", NULL, "'miner add' has no option --frobnicate" },
	{ "miner add 1 --name", NULL, "--name needs a value behind it" },
	{ "up --demo=yes", NULL, "--demo takes no value" },
	{ "--demo up", NULL, "--demo stands before its command; put it behind" },
	{ "watch 1 2 3 4 5 6 7 8 9", NULL, "too many arguments" },
};

static void reads_every_line_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < BX_COUNT(cases); i++) {
		char line[200], program[] = "bxctl", got[300], *argv[16] = { program }, *kept;
		int argc = 1;
		(void)snprintf(line, sizeof line, "%s", cases[i].line);
		for (char *word = strtok_r(line, " ", &kept); word; word = strtok_r(NULL, " ", &kept))
			argv[argc++] = word;
		struct request request;
		struct bx_error error = { 0 };
		bool read = arguments_read(argc, argv, subcommands, &request, &error);
		describe(&request, got, sizeof got);
		if (read != (cases[i].request != NULL))
			fail_msg("'%s': %s", cases[i].line, read ? got : error.message);
		if (strcmp(read ? got : error.message, read ? cases[i].request : cases[i].complaint) != 0)
			fail_msg("'%s': %s", cases[i].line, read ? got : error.message);
	}
}

static void an_error_has_its_exit_code(void **state)
{
	(void)state;
	static const struct {
		enum bx_code code;
		int status;
	} codes[] = { { BX_OK, 0 }, { BX_INVALID, 1 }, { BX_MISSING, 1 }, { BX_CONFLICT, 1 }, { BX_BUSY, 1 },
		{ BX_FULL, 1 }, { BX_DENIED, 1 }, { BX_FAILED, 1 }, { BX_UNREACHABLE, 3 },
		{ BX_TIMED_OUT, 4 }, { BX_LATE, 4 } };
	for (size_t i = 0; i < BX_COUNT(codes); i++)
		assert_int_equal(exit_code_of(codes[i].code), codes[i].status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_line_of_the_table),
		cmocka_unit_test(an_error_has_its_exit_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
