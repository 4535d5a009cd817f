/* Files: read with a bound, replaced as a whole or not at all, locked against a second process. */
#pragma once
#include "libbus/base/error.h"
#include <stddef.h>
#include <sys/types.h>

/* The whole file, NUL-terminated behind *size bytes; the caller's, free. NULL: error BX_MISSING where there is none,
 * BX_INVALID where it is over `max`, BX_FAILED for the rest. */
char *bx_file_read(const char *path, size_t max, size_t *size, struct bx_error *error);

/* Replaces the file by `bytes`: written beside it, fsync, rename, fsync of the folder. After a power cut the old or the
 * new content is there. It blocks for the disk: for what is small, rare and must be there before the next step. */
bool bx_file_replace(const char *path, const void *bytes, size_t size, mode_t mode, struct bx_error *error);

/* Makes the folder with its parents; fine if it is there. */
bool bx_folder_make(const char *path, mode_t mode, struct bx_error *error);

/* Takes the lock file `path` until the process ends or the descriptor is closed. -1: BX_CONFLICT with the other's pid. */
int bx_file_lock(const char *path, struct bx_error *error);
