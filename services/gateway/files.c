#define _GNU_SOURCE
#include "services/gateway/files.h"

#include "libbus/base/file.h"
#include "libbus/base/log.h"
#include "libbus/base/text.h"
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 4 };

struct files {
	char folder[512];
	struct file files[FILES_MAX];
	size_t count, bytes;
};

static const struct {
	const char *ending, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".json", "application/json" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".ico", "image/x-icon" },
	{ ".woff2", "font/woff2" },
	{ ".webmanifest", "application/manifest+json" },
	{ ".txt", "text/plain; charset=utf-8" },
};

static const char *type_of(const char *name)
{
	const char *ending = strrchr(name, '.');
	for (size_t i = 0; ending && i < BX_COUNT(types); i++)
		if (strcmp(types[i].ending, ending) == 0)
			return types[i].type;
	return "application/octet-stream";
}

/* FNV-1a: it has to tell versions of our own files apart, not to withstand anyone. */
static uint64_t hash(const char *bytes, size_t size)
{
	uint64_t sum = 0xcbf29ce484222325U;
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3U;
	return sum;
}

struct files *files_new(void)
{
	return bx_alloc(1, sizeof(struct files));
}

void files_free(struct files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->count; i++) {
		free(files->files[i].name);
		free(files->files[i].bytes);
	}
	free(files);
}

void files_add(struct files *files, const char *name, char *bytes, size_t size)
{
	if (files->count == FILES_MAX || files->bytes + size > FILES_BYTES_MAX) {
		bx_log(BX_WARNING, "more pages than are kept; one is left out", BX_F("file", name));
		free(bytes);
		return;
	}
	struct file *file = &files->files[files->count++];
	*file = (struct file){ .name = bx_copy(name), .type = type_of(name), .bytes = bytes, .size = size };
	(void)snprintf(file->etag, sizeof file->etag, "\"%016" PRIx64 "\"", hash(bytes, size));
	files->bytes += size;
}

static void read_folder(struct files *files, const char *under, unsigned depth);

static void read_entry(struct files *files, const char *under, const struct dirent *entry, unsigned depth)
{
	char name[256], path[800];
	struct bx_error error;
	size_t size;
	int length = snprintf(name, sizeof name, "%s%s%s", under, under[0] ? "/" : "", entry->d_name);
	if (length < 0 || (size_t)length >= sizeof name)
		return;
	if (entry->d_type == DT_DIR && depth < DEPTH_MAX)
		read_folder(files, name, depth + 1);
	if (entry->d_type != DT_REG)
		return;
	(void)snprintf(path, sizeof path, "%s/%s", files->folder, name); /* both are bounded */
	char *bytes = bx_file_read(path, FILES_BYTES_MAX, &size, &error);
	if (bytes)
		files_add(files, name, bytes, size);
	else
		bx_log(BX_WARNING, "a page cannot be read", BX_F("why", error.message));
}

static void read_folder(struct files *files, const char *under, unsigned depth)
{
	char path[800];
	(void)snprintf(path, sizeof path, "%s/%s", files->folder, under);
	DIR *folder = opendir(path);
	for (struct dirent *entry; folder && (entry = readdir(folder));)
		if (entry->d_name[0] != '.')
			read_entry(files, under, entry, depth);
	if (folder)
		(void)closedir(folder);
}

bool files_read(struct files *files, const char *folder, struct bx_error *error)
{
	if (!bx_text_copy(files->folder, sizeof files->folder, folder))
		return bx_fail(error, BX_INVALID, "the pages' folder has too long a path");
	DIR *there = opendir(folder);
	if (!there)
		return bx_fail(error, BX_MISSING, "the pages' folder %s is not there", folder);
	(void)closedir(there);
	read_folder(files, "", 0);
	return true;
}

const struct file *files_find(const struct files *files, const char *name)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->files[i].name, name) == 0)
			return &files->files[i];
	return NULL;
}

const char *files_folder(const struct files *files)
{
	return files->folder;
}
