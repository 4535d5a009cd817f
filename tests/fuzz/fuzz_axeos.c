/* A device's answer as any bytes: what is read from it can be told on the bus, and is understood there as it was meant. */
#include "services/collector/axeos.h"
#include "tests/fuzz/fuzz.h"
#include <math.h>
#include <string.h>

static void check_value(void *arg, enum bx_metric metric, const char *series, double value)
{
	(void)arg, (void)series;
	FUZZ_REQUIRE(isfinite(value) && value >= 0); /* no miner has a negative quantity */
	FUZZ_REQUIRE(bx_catalog_row(metric)->scopes & BX_MINER);
}

static void tell(enum bx_topic topic, const void *payload)
{
	union bx_any told;
	BX_TEXT_OWNED struct bx_text first;
	BX_TEXT_OWNED struct bx_text second;
	bx_text_init(&first, BX_VALUES_JSON_MAX);
	bx_text_init(&second, BX_VALUES_JSON_MAX);
	bx_payload_encode(topic, payload, &first);
	FUZZ_REQUIRE(!first.cut);
	FUZZ_REQUIRE(bx_payload_decode(topic, first.data, first.length, &told, NULL));
	bx_payload_encode(topic, &told, &second);
	if (strcmp(first.data, second.data) != 0)
		(void)fprintf(stderr, "%s\n%s\n", first.data, second.data);
	FUZZ_REQUIRE(strcmp(first.data, second.data) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct axeos_reading reading;
	struct bx_error error;
	memset(&reading, 0xA5, sizeof reading);
	if (!axeos_read((const char *)data, size, &reading, &error)) {
		FUZZ_REQUIRE(error.code == BX_INVALID && error.message[0] != '\0');
		return 0;
	}
	bx_values_each(&reading.values, check_value, NULL);
	tell(BX_MINER_TELEMETRY, &reading.values);
	tell(BX_MINER_INFO, &reading.facts);
	return 0;
}
