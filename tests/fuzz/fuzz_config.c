/* monitoring.conf as any text: it is read or refused with a reason, and what was read, written down again in quotes, reads as
 * the same. */
#include "libbus/run/config.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

enum { PROBLEMS_MAX = 1024 * 1024, PRINTED_MAX = 4 * 1024 * 1024 };

/* 'it'\''s' is how a shell writes it's. */
static void print_quoted(struct bx_text *text, const char *value)
{
	bx_text_say(text, "'");
	for (; *value; value++)
		if (*value == '\'')
			bx_text_say(text, "'\\''");
		else
			bx_text_add(text, value, 1);
	bx_text_say(text, "'\n");
}

static void read_again(const struct bx_config *config)
{
	BX_TEXT_OWNED struct bx_text printed;
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&printed, PRINTED_MAX);
	bx_text_init(&problems, PROBLEMS_MAX);
	for (int key = 0; key < BX_KEY_COUNT; key++) {
		bx_text_print(&printed, "%s=", bx_key_row((enum bx_key)key)->name);
		print_quoted(&printed, bx_config_text(config, (enum bx_key)key));
	}
	BX_OWNED(bx_config_free)
	struct bx_config *again = bx_config_parse("again", printed.data, printed.length, &problems);
	if (!again)
		(void)fputs(problems.data, stderr);
	FUZZ_REQUIRE(again);
	for (int key = 0; key < BX_KEY_COUNT; key++)
		FUZZ_REQUIRE(strcmp(bx_config_text(config, (enum bx_key)key),
				     bx_config_text(again, (enum bx_key)key)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BX_OWNED(free) char *text = bx_copy_bytes(data, size);
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, PROBLEMS_MAX);
	if (strstr(text, "_FILE")) /* the fuzzer is not to open files of its own choice */
		return 0;
	BX_OWNED(bx_config_free)
	struct bx_config *config = bx_config_parse("fuzz.conf", text, size, &problems);
	FUZZ_REQUIRE((config != NULL) == (problems.length == 0));
	if (config)
		read_again(config);
	return 0;
}
