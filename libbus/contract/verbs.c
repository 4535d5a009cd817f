#include "libbus/contract/verbs.h"

#include "libbus/base/memory.h"
#include <string.h>

/* clang-format off */
#define ARGUMENTS(...) .arguments = { __VA_ARGS__ }
#define ARGUMENT(name_, need_, doc_) { .name = name_, .need = need_, .doc = doc_ }
#define ROW(id, service_, verb_, effect_, help_, ...) \
	[BX_VERB_##id] = { .service = service_, .verb = verb_, .effect = effect_, .help = help_, __VA_ARGS__ },
static const struct bx_verb_row rows[] = {
#include "libbus/contract/verbs.rows"
};
#undef ROW
/* clang-format on */

const struct bx_verb_row *bx_verb_row(enum bx_verb verb)
{
	return &rows[verb];
}

enum bx_verb bx_verb_find(const char *service, const char *word)
{
	for (size_t i = 0; i < BX_COUNT(rows); i++) {
		bool has = strcmp(rows[i].service, "*") == 0 || strcmp(rows[i].service, service) == 0;
		if (has && strcmp(rows[i].verb, word) == 0)
			return (enum bx_verb)i;
	}
	return BX_VERB_COUNT;
}
