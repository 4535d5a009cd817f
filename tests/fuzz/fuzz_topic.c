/* Topics and filters as any text; a line break parts the two. What matches a row prints as itself, and our filter says what
 * Mosquitto's says wherever a broker would take filter and topic. */
#include "libbus/base/memory.h"
#include "libbus/contract/topics.h"
#include "tests/fuzz/fuzz.h"
#include <mosquitto.h>
#include <string.h>

static void check_row(const char *text)
{
	enum bx_topic topic, again;
	char name[BX_NAME_SIZE], name_again[BX_NAME_SIZE], printed[BX_TOPIC_SIZE], source[BX_NAME_SIZE];
	bool has_row = bx_topic_match(text, &topic, name);
	if (bx_topic_source(text, source))
		FUZZ_REQUIRE(has_row && strncmp(text, source, strlen(source)) == 0);
	if (!has_row || strpbrk(text, "+#"))
		return;
	FUZZ_REQUIRE(bx_topic_print(topic, name, printed) && strcmp(printed, text) == 0);
	FUZZ_REQUIRE(bx_topic_match(printed, &again, name_again) && again == topic &&
		strcmp(name, name_again) == 0);
	FUZZ_REQUIRE(bx_topic_filter(bx_topic_row(topic)->pattern, text));
	FUZZ_REQUIRE(strlen(bx_name_last(name)) <= strlen(name));
}

/* Any text as a name: it is refused, or the topic finds its row and name again. */
static void check_name(enum bx_topic topic, const char *name)
{
	enum bx_topic again;
	char printed[BX_TOPIC_SIZE], name_again[BX_NAME_SIZE];
	if (!bx_topic_print(topic, name, printed))
		return;
	FUZZ_REQUIRE(strlen(printed) < BX_TOPIC_SIZE && !strpbrk(printed, "+#"));
	FUZZ_REQUIRE(bx_topic_match(printed, &again, name_again) && again == topic &&
		strcmp(name, name_again) == 0);
}

static void check_filter(const char *filter, const char *text)
{
	bool matches = bx_topic_filter(filter, text), theirs;
	if (mosquitto_sub_topic_check(filter) != MOSQ_ERR_SUCCESS ||
		mosquitto_pub_topic_check(text) != MOSQ_ERR_SUCCESS)
		return;
	if (mosquitto_topic_matches_sub(filter, text, &theirs) != MOSQ_ERR_SUCCESS)
		return;
	if (matches != theirs)
		(void)fprintf(stderr, "filter '%s', topic '%s': ours says %d\n", filter, text, matches);
	FUZZ_REQUIRE(matches == theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BX_OWNED(free) char *filter = bx_copy_bytes(data, size);
	char *text = strchr(filter, '\n');
	if (text)
		*text++ = '\0';
	else
		text = filter;
	check_row(text);
	for (int topic = 0; topic < BX_TOPIC_COUNT; topic++)
		check_name((enum bx_topic)topic, text);
	check_filter(filter, text);
	return 0;
}
