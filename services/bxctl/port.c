#define _GNU_SOURCE
#include "services/bxctl/port.h"

#include "libbus/base/file.h"
#include "libbus/base/memory.h"
#include "libbus/base/text.h"
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool port_is_free(const char *address, int port)
{
	char service[8];
	struct addrinfo wanted = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *found = NULL;
	(void)snprintf(service, sizeof service, "%d", port);
	if (getaddrinfo(address, service, &wanted, &found) != 0)
		return true; /* no address of digits: whoever listens there will tell */
	int on = 1, fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool free_now = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
		bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 1) == 0;
	if (fd >= 0)
		(void)close(fd); /* nothing was written */
	freeaddrinfo(found);
	return free_now;
}

int port_next_free(const char *address, int port)
{
	for (; port <= 65535; port++)
		if (port_is_free(address, port))
			return port;
	return 0;
}

/* The inode of the socket that listens on `port`, by /proc/net/tcp and tcp6; 0: none is seen. proc(5) */
static uint64_t find_listener(const char *path, int port)
{
	enum { LISTENING = 0x0A };
	FILE *file = fopen(path, "re");
	char line[512];
	uint64_t inode = 0;
	while (file && inode == 0 && fgets(line, sizeof line, file)) {
		unsigned local, state;
		uint64_t seen;
		/* NOLINTNEXTLINE(cert-err34-c): the kernel's */
		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %" SCNu64,
			    &local, &state, &seen) == 3 &&
			local == (unsigned)port && state == LISTENING)
			inode = seen;
	}
	if (file)
		(void)fclose(file);
	return inode;
}

static bool has_socket(const char *process, uint64_t inode)
{
	char path[300], wanted[40], target[64];
	(void)snprintf(path, sizeof path, "/proc/%s/fd", process);
	int length = snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inode);
	DIR *folder = opendir(path);
	bool has = false;
	for (const struct dirent *entry; folder && !has && (entry = readdir(folder));) {
		ssize_t got = readlinkat(dirfd(folder), entry->d_name, target, sizeof target);
		has = got == length && memcmp(target, wanted, (size_t)length) == 0;
	}
	if (folder)
		(void)closedir(folder);
	return has;
}

void port_owner(int port, char *words, size_t size)
{
	uint64_t inode = find_listener("/proc/net/tcp", port);
	if (inode == 0)
		inode = find_listener("/proc/net/tcp6", port);
	(void)snprintf(words, size, "another program");
	DIR *folder = inode ? opendir("/proc") : NULL;
	for (const struct dirent *entry; folder && (entry = readdir(folder));) {
		char path[300], name[64];
		size_t length;
		if (!isdigit((unsigned char)entry->d_name[0]) || !has_socket(entry->d_name, inode))
			continue;
		(void)snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
		BX_OWNED(free) char *comm = bx_file_read(path, 64, &length, NULL);
		bx_clean(name, sizeof name, comm ? comm : "a program");
		(void)snprintf(words, size, "%s (process %s)", name, entry->d_name);
		break;
	}
	if (folder)
		(void)closedir(folder);
}
