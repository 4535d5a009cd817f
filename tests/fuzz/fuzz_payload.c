/* A payload as any bytes; the first line is its topic, so that a corpus file means the same when a row is added. What was decoded, encoded and decoded again is the same.
 * BX_OPAQUE is handed on as it came: of that only that it is read without harm. */
#include "libbus/contract/payloads.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union bx_any payload, again;
	struct bx_error error;
	enum bx_topic topic;
	char line[BX_TOPIC_SIZE] = "", name[BX_NAME_SIZE];
	const uint8_t *bytes = memchr(data, '\n', size < sizeof line ? size : sizeof line);
	if (!bytes)
		return 0;
	memcpy(line, data, (size_t)(bytes++ - data));
	if (!bx_topic_match(line, &topic, name))
		return 0;
	size -= (size_t)(bytes - data);
	memset(&payload, 0xA5,
		sizeof payload); /* who reads what was not decoded reads nonsense, not a lucky zero */
	memset(&again, 0x5A, sizeof again);
	if (!bx_payload_decode(topic, (const char *)bytes, size, &payload, &error)) {
		FUZZ_REQUIRE(error.code == BX_INVALID && error.message[0] != '\0');
		return 0;
	}
	if (bx_topic_row(topic)->payload == BX_OPAQUE)
		return 0;
	BX_TEXT_OWNED struct bx_text first;
	BX_TEXT_OWNED struct bx_text second;
	bx_text_init(&first, BX_VALUES_JSON_MAX);
	bx_text_init(&second, BX_VALUES_JSON_MAX);
	bx_payload_encode(topic, &payload, &first);
	FUZZ_REQUIRE(!first.cut);
	bool decoded = bx_payload_decode(topic, first.data, first.length, &again, &error);
	if (!decoded)
		(void)fprintf(stderr, "%s: %s\n", error.message, first.data);
	FUZZ_REQUIRE(decoded);
	bx_payload_encode(topic, &again, &second);
	if (strcmp(first.data, second.data) != 0)
		(void)fprintf(stderr, "%s\n%s\n", first.data, second.data);
	FUZZ_REQUIRE(strcmp(first.data, second.data) == 0);
	return 0;
}
