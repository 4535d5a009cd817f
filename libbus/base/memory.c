#include "libbus/base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void *or_abort(void *memory, size_t count, size_t size)
{
	if (memory)
		return memory;
	(void)fprintf(stderr, "out of memory: %zu x %zu bytes\n", count, size);
	abort();
}

void *bx_alloc(size_t count, size_t size)
{
	return or_abort(calloc(count ? count : 1, size ? size : 1), count, size);
}

void *bx_grow(void *memory, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return or_abort(NULL, count, size);
	return or_abort(realloc(memory, count && size ? count * size : 1), count, size);
}

char *bx_copy(const char *text)
{
	return bx_copy_bytes(text, strlen(text));
}

void *bx_copy_bytes(const void *bytes, size_t size)
{
	char *copy = bx_alloc(size + 1, 1);
	if (size)
		memcpy(copy, bytes, size);
	return copy;
}
