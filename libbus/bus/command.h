/* Commands, both ends.
 *
 * A call is a number, never a pointer that may outlive its owner. Arguments were checked against verbs.rows before the
 * handler runs; retained, late and doubled ones never reach it. Exactly one of bx_ok and bx_refuse ends a call; the deadline,
 * or the service stopping, ends it for those who forget. A call that acts leaves an event command.done or command.failed. */
#pragma once
#include "libbus/bus/bus.h"
#include "libbus/contract/verbs.h"

#define BX_CALLS_MAX 32 /* open at once; more are refused as busy */
#define BX_CALL_DEADLINE_MS 60000
#define BX_ARGUMENT_BYTES_MAX 4096 /* of all arguments of a call */
#define BX_RESULT_BYTES_MAX \
	(200 * 1024) /* of a result; with all around it, it is read within BX_JSON_BYTES_MAX */

typedef uint64_t bx_call; /* 0: nobody waits; every function here takes it */

struct bx_command {
	enum bx_verb verb;
	void (*run)(void *state, bx_call call);
};

/* Commands (ended by a row without a function) and the state that their functions are given. */
struct bx_commands_table {
	const struct bx_command *commands; /* NULL: none */
	void *state;
};

struct bx_commands;

/* Answers this service's verbs. A verb of the service without a row in the tables is our bug: NULL, and *error names it.
 * A client that only asks has no table. */
struct bx_commands *bx_commands_new(struct bx_bus *bus, const struct bx_commands_table *tables,
	size_t table_count, struct bx_error *error);
/* Ends open calls ("the service stops") and takes no new ones. */
void bx_commands_stop(struct bx_commands *commands);
void bx_commands_free(struct bx_commands *commands);
BX_OWNED_BY(struct bx_commands, bx_commands_free)

/* NULL: not given. Good until the call ends. */
const char *bx_argument(struct bx_commands *commands, bx_call number, const char *name);
void bx_progress(struct bx_commands *commands, bx_call number, const char *words, int percent);
/* `fields` by BX_FIELDS(...) become members of the result. */
void bx_ok(struct bx_commands *commands, bx_call number, const struct bx_field *fields);
/* The same with a result that is a JSON object already, of at most BX_RESULT_BYTES_MAX. */
void bx_ok_json(struct bx_commands *commands, bx_call number, const char *object);
void bx_refuse(struct bx_commands *commands, bx_call number, const struct bx_error *error);

struct bx_answer {
	bool ended, ok; /* not ended: a progress, with words and percent */
	int percent;
	const char *words;
	const char *result; /* of ok: a JSON object */
	struct bx_error error;
};
/* Asks a service; `arguments` is a JSON object or NULL. Calls back for each answer, the last one `ended`; after
 * `deadline_ms` with BX_TIMED_OUT, when not connected with BX_UNREACHABLE. Returns the ask's number. */
uint64_t bx_ask(struct bx_commands *commands, enum bx_verb verb, const char *service, const char *arguments,
	int64_t deadline_ms, void (*answer)(void *arg, const struct bx_answer *answer), void *arg);
void bx_ask_cancel(struct bx_commands *commands, uint64_t number); /* calls back no more */
