#define _GNU_SOURCE
#include "libbus/base/file.h"

#include "libbus/base/memory.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* what mattered was fsynced before */
}
#define FD_OWNED __attribute__((cleanup(close_fd)))

char *bx_file_read(const char *path, size_t max, size_t *size, struct bx_error *error)
{
	FD_OWNED int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		bx_fail(error, errno == ENOENT ? BX_MISSING : BX_FAILED, "%s: %s", path, strerror(errno));
		return NULL;
	}
	BX_OWNED(free) char *bytes = NULL;
	size_t used = 0, room = 0;
	for (;;) {
		if (used == room) {
			room = room ? room * 2 : 4096;
			bytes = bx_grow(bytes, room + 1, 1);
		}
		ssize_t got = read(fd, bytes + used, room - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			bx_fail(error, BX_FAILED, "reading %s: %s", path, strerror(errno));
			return NULL;
		}
		used += (size_t)got;
		if (used > max) {
			bx_fail(error, BX_INVALID, "%s is larger than %zu bytes", path, max);
			return NULL;
		}
		if (got == 0)
			break;
	}
	bytes[used] = '\0';
	*size = used;
	char *result = bytes;
	bytes = NULL; /* the caller's */
	return result;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t put = write(fd, bytes, size);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		bytes += put;
		size -= (size_t)put;
	}
	return true;
}

static bool sync_folder_of(const char *path)
{
	BX_OWNED(free) char *folder = bx_copy(path);
	char *slash = strrchr(folder, '/');
	if (slash == folder)
		slash[1] = '\0';
	else if (slash)
		*slash = '\0';
	FD_OWNED int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fsync(fd) == 0;
}

bool bx_file_replace(const char *path, const void *bytes, size_t size, mode_t mode, struct bx_error *error)
{
	BX_OWNED(free) char *aside = bx_alloc(strlen(path) + 5, 1);
	(void)sprintf(aside, "%s.new", path);
	(void)unlink(aside); /* a leftover of a power cut, perhaps with another mode */

	FD_OWNED int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return bx_fail(error, BX_FAILED, "making %s: %s", aside, strerror(errno));
	if (!write_all(fd, bytes, size) || fsync(fd) != 0 || rename(aside, path) != 0 ||
		!sync_folder_of(path)) {
		int why = errno;
		(void)unlink(aside);
		return bx_fail(error, BX_FAILED, "writing %s: %s", path, strerror(why));
	}
	return true;
}

bool bx_folder_make(const char *path, mode_t mode, struct bx_error *error)
{
	BX_OWNED(free) char *part = bx_copy(path);
	for (char *slash = part + 1; *part; slash++) {
		char kept = *slash;
		if (kept != '/' && kept != '\0')
			continue;
		*slash = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return bx_fail(error, BX_FAILED, "making folder %s: %s", part, strerror(errno));
		*slash = kept;
		if (kept == '\0')
			break;
	}
	struct stat seen;
	if (stat(path, &seen) != 0 || !S_ISDIR(seen.st_mode))
		return bx_fail(error, BX_FAILED, "%s is no folder", path);
	return true;
}

int bx_file_lock(const char *path, struct bx_error *error)
{
	FD_OWNED int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		bx_fail(error, BX_FAILED, "lock file %s: %s", path, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		char pid[16] = "";
		ssize_t got = read(fd, pid, sizeof pid - 1);
		pid[got > 0 ? strcspn(pid, "\n") : 0] = '\0';
		bx_fail(error, BX_CONFLICT, "another one runs already (process %s holds %s)",
			pid[0] ? pid : "unknown", path);
		return -1;
	}
	char pid[16];
	int length = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) != 0 || !write_all(fd, pid, (size_t)length)) {
		bx_fail(error, BX_FAILED, "lock file %s: %s", path, strerror(errno));
		return -1;
	}
	int taken = fd;
	fd = -1; /* the caller's, till the process ends */
	return taken;
}
