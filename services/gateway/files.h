/* The pages: small files, read into memory at start, so that an upgrade underneath disturbs nobody and no path from outside
 * ever reaches the disk. */
#pragma once
#include "libbus/base/error.h"
#include "libbus/base/memory.h"

#define FILES_MAX 256 /* further ones are left out, which is logged */
#define FILES_BYTES_MAX ((size_t)16 * 1024 * 1024) /* of all */

struct file {
	char *name; /* "live.js", "assets/logo.svg" */
	const char *type; /* by its ending */
	char etag[20]; /* quoted, of the content */
	char *bytes;
	size_t size;
};

struct files;

struct files *files_new(void);
void files_free(struct files *files);
BX_OWNED_BY(struct files, files_free)

/* Reads a folder with its subfolders; hidden files and links are left out. False: BX_MISSING, there is none. */
bool files_read(struct files *files, const char *folder, struct bx_error *error);
/* Adds one; `bytes` is the files' now. */
void files_add(struct files *files, const char *name, char *bytes, size_t size);
const struct file *files_find(const struct files *files, const char *name); /* NULL: there is none */
const char *files_folder(const struct files *files); /* the last one read, "" */
