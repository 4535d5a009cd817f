/* The commands: a row each, with arguments and help. bxctl's arguments, the gateway's route, ACL and documents derive
 * from here; a service binds a row to its function. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define BX_ARGUMENTS_MAX 6

enum bx_verb {
#define ROW(id, ...) BX_VERB_##id,
#include "libbus/contract/verbs.rows"
#undef ROW
	BX_VERB_COUNT
};

enum bx_effect {
	BX_READS, /* changes nothing */
	BX_ACTS, /* leaves an event command.done or command.failed */
};
enum bx_need { BX_OPTIONAL, BX_NEEDED };

struct bx_verb_row {
	const char *service; /* "*": every service */
	const char *verb;
	enum bx_effect effect;
	const char *help;
	struct bx_verb_argument {
		const char *name; /* NULL: no more */
		enum bx_need need;
		const char *doc;
	} arguments[BX_ARGUMENTS_MAX];
	bool discovered; /* Home Assistant offers it: it may send this one */
};

const struct bx_verb_row *bx_verb_row(enum bx_verb verb);
/* The verb of a service by its word; BX_VERB_COUNT: there is none. */
enum bx_verb bx_verb_find(const char *service, const char *word);
