/* The command line: rows of subcommands, and the request that argv makes of one.
 *
 * A subcommand that asks a service has no arguments of its own: they are its verb's (verbs.rows), the needed ones by place,
 * the others as --NAME VALUE. Options may stand anywhere; --config, --json, --help, --version are every command's. */
#pragma once
#include "libbus/base/error.h"
#include "libbus/contract/verbs.h"

/* What bxctl ends with. */
enum exit_code { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE, EXIT_TIMED_OUT };
int exit_code_of(enum bx_code code);

enum { ARGUMENTS_MAX = 8 };

enum argument_kind {
	ARGUMENT_NEEDED, /* by its place */
	ARGUMENT_BY_PLACE, /* the same, may be left out */
	ARGUMENT_OPTION, /* --name VALUE */
	ARGUMENT_FLAG, /* --name */
};
struct argument {
	const char *name; /* NULL: no more */
	enum argument_kind kind;
	const char *doc;
};

struct request;
struct subcommand {
	const char *words; /* "miner add" */
	const char *help; /* NULL: the verb's */
	int (*run)(const struct request *request); /* its exit code */
	enum bx_verb verb; /* of one that asks a service: `answer` is set */
	const char *answer; /* its answer as a sentence: {name} is a member of the result */
	struct argument arguments[ARGUMENTS_MAX];
};

struct request {
	const struct subcommand *subcommand;
	const char *config; /* --config; NULL: not given */
	bool json, help, version;
	const char *values[ARGUMENTS_MAX]; /* by the row's arguments; NULL: not given; a flag's is "" */
};

/* The row's arguments, its own or its verb's. Returns how many. */
size_t arguments_of(const struct subcommand *subcommand, struct argument arguments[ARGUMENTS_MAX]);
/* `subcommands` end with a row without words. Texts of argv are borrowed. False: *error is for who typed it. */
bool arguments_read(int argc, char *const *argv, const struct subcommand *subcommands,
	struct request *request, struct bx_error *error);
/* The value of an argument by its name; NULL: not given. */
const char *request_value(const struct request *request, const char *name);

/* All subcommands in a line each; and one with its arguments. */
void arguments_print(const struct subcommand *subcommands);
void arguments_print_one(const struct subcommand *subcommand);
