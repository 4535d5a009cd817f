/* Values of a source as any JSON; the first byte chooses the scope. What was decoded, encoded and decoded again is the same,
 * and nothing of it is left out then. */
#include "libbus/contract/values.h"
#include "tests/fuzz/fuzz.h"
#include <math.h>
#include <string.h>

static void check_value(void *arg, enum bx_metric metric, const char *series, double value)
{
	FUZZ_REQUIRE(isfinite(value) && value == bx_round(value, bx_catalog_row(metric)->decimals));
	FUZZ_REQUIRE(bx_catalog_row(metric)->scopes & ((const struct bx_values *)arg)->scope);
	FUZZ_REQUIRE(strlen(series) < BX_SERIES_SIZE && strpbrk(series, "*?\"'\\ ") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bx_values values, again;
	struct bx_error error;
	if (size == 0)
		return 0;
	enum bx_scope scope = (enum bx_scope)(1U << data[0] % 8);
	if (!bx_values_decode(&values, scope, (const char *)data + 1, size - 1, &error)) {
		FUZZ_REQUIRE(error.code == BX_INVALID && error.message[0] != '\0');
		return 0;
	}
	bx_values_each(&values, check_value, &values);

	BX_TEXT_OWNED struct bx_text first;
	BX_TEXT_OWNED struct bx_text second;
	bx_text_init(&first, BX_VALUES_JSON_MAX);
	bx_text_init(&second, BX_VALUES_JSON_MAX);
	bx_values_encode(&values, &first);
	FUZZ_REQUIRE(!first.cut);
	FUZZ_REQUIRE(bx_values_decode(&again, scope, first.data, first.length, NULL));
	FUZZ_REQUIRE(again.left_out == 0);
	bx_values_encode(&again, &second);
	FUZZ_REQUIRE(strcmp(first.data, second.data) == 0);
	FUZZ_REQUIRE(again.time.ms == values.time.ms);
	FUZZ_REQUIRE(memcmp(again.known, values.known, sizeof values.known) == 0);
	FUZZ_REQUIRE(again.part_count == values.part_count);
	return 0;
}
