/* Memory and clean-up. No memory is not an error that anybody handles: the process says one line and aborts, systemd
 * starts it anew, and nothing recorded is lost; so there are no half-tested recovery paths.
 *
 * BX_OWNED marks a local that owns something: it is freed on every way out of its scope. To give it away, set it to
 * NULL and say to whom:
 *
 *	BX_OWNED(miner_free) struct miner *miner = miner_new(url);
 *	...
 *	roster_add(roster, miner);
 *	miner = NULL; // the roster's now
 *
 * A type earns BX_OWNED by BX_OWNED_BY(struct miner, miner_free) behind the declaration of its free function. */
#pragma once
#include <stddef.h>
#include <stdlib.h>

#define BX_OWNED(free_function) __attribute__((cleanup(bx_owned_##free_function)))
#define BX_OWNED_BY(type, free_function) \
	static inline void bx_owned_##free_function(type **owned) \
	{ \
		if (*owned) \
			free_function(*owned); \
	}

static inline void bx_owned_free(void *owned)
{
	free(*(void **)owned);
}

/* `count` zeroed elements; never NULL. */
__attribute__((returns_nonnull, malloc, alloc_size(1, 2))) void *bx_alloc(size_t count, size_t size);
/* As realloc for `count` elements, never NULL; new bytes are not zeroed. */
__attribute__((returns_nonnull, alloc_size(2, 3))) void *bx_grow(void *memory, size_t count, size_t size);
/* Copies, never NULL. bx_copy_bytes puts a NUL behind the bytes. */
__attribute__((returns_nonnull)) char *bx_copy(const char *text);
__attribute__((returns_nonnull)) void *bx_copy_bytes(const void *bytes, size_t size);

#define BX_COUNT(array) (sizeof(array) / sizeof *(array))
