#include "libbus/contract/verbs.h"

#include "libbus/base/memory.h"
#include "libbus/base/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void finds_each_verb_by_its_service_and_word(void **state)
{
	(void)state;
	for (int i = 0; i < BX_VERB_COUNT; i++) {
		const struct bx_verb_row *row = bx_verb_row((enum bx_verb)i);
		const char *service = strcmp(row->service, "*") == 0 ? "collector" : row->service;
		if (bx_verb_find(service, row->verb) != (enum bx_verb)i)
			fail_msg("%s %s comes twice", service, row->verb);
	}
}

static void finds_a_verb_of_every_service_at_each(void **state)
{
	(void)state;
	static const char *const services[] = { "collector", "storage", "health", "gateway",
		"one-of-tomorrow" };
	for (size_t i = 0; i < BX_COUNT(services); i++)
		if (bx_verb_find(services[i], "ping") != BX_VERB_PING)
			fail_msg("%s", services[i]);
}

static void finds_no_verb_by_a_wrong_word_or_service(void **state)
{
	(void)state;
	static const struct {
		const char *service, *word;
	} cases[] = { { "storage", "miner-add" }, { "collector", "" }, { "", "miner-add" },
		{ "collector", "Miner-add" }, { "collector", "miner-add " }, { "collector", "miner" },
		{ "collector", "\xFF" }, { "*", "miner-add" } };
	for (size_t i = 0; i < BX_COUNT(cases); i++)
		if (bx_verb_find(cases[i].service, cases[i].word) != BX_VERB_COUNT)
			fail_msg("'%s' '%s'", cases[i].service, cases[i].word);
}

static void no_row_is_without_what_every_row_has(void **state)
{
	(void)state;
	for (int i = 0; i < BX_VERB_COUNT; i++) {
		const struct bx_verb_row *row = bx_verb_row((enum bx_verb)i);
		if (!row->verb || !bx_is_slug(row->verb) || !row->service || !row->help || !row->help[0])
			fail_msg("row %d", i);
		if (strcmp(row->service, "*") != 0 && !bx_is_slug(row->service))
			fail_msg("'%s' is no service", row->service);
		for (size_t n = 0; n < BX_ARGUMENTS_MAX && row->arguments[n].name; n++) {
			if (!row->arguments[n].doc || !row->arguments[n].name[0])
				fail_msg("argument %zu of %s", n, row->verb);
			for (size_t before = 0; before < n; before++)
				if (strcmp(row->arguments[n].name, row->arguments[before].name) == 0)
					fail_msg("%s has '%s' twice", row->verb, row->arguments[n].name);
		}
	}
}

static void what_home_assistant_may_send_needs_no_argument(void **state)
{
	(void)state;
	/* a button has none to give */
	for (int i = 0; i < BX_VERB_COUNT; i++) {
		const struct bx_verb_row *row = bx_verb_row((enum bx_verb)i);
		for (size_t n = 0; row->discovered && n < BX_ARGUMENTS_MAX && row->arguments[n].name; n++)
			if (row->arguments[n].need == BX_NEEDED)
				fail_msg("%s needs '%s'", row->verb, row->arguments[n].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_each_verb_by_its_service_and_word),
		cmocka_unit_test(finds_a_verb_of_every_service_at_each),
		cmocka_unit_test(finds_no_verb_by_a_wrong_word_or_service),
		cmocka_unit_test(no_row_is_without_what_every_row_has),
		cmocka_unit_test(what_home_assistant_may_send_needs_no_argument),
	};
	return cmocka_run_group_tests_name("contract/verbs", tests, NULL, NULL);
}
