/* What the targets share. The input is libFuzzer's: exactly `size` bytes on the heap, without a NUL behind them. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of the parser's header. It is no assert, since what is fuzzed is built with NDEBUG. */
#define FUZZ_REQUIRE(promise) \
	do { \
		if (!(promise)) { \
			(void)fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise); \
			abort(); \
		} \
	} while (0)
