#define _GNU_SOURCE
#include "services/gateway/listen.h"

#include "libbus/base/file.h"
#include "libbus/base/text.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NEXT_TRIES = 100, TABLE_BYTES_MAX = 4 * 1024 * 1024 };

/* --- the address --- */

static void judge_address(struct listen_at *at)
{
	struct in_addr four;
	if (inet_pton(AF_INET, at->address, &four) == 1) {
		at->is_any = four.s_addr == INADDR_ANY;
		at->is_loopback = ntohl(four.s_addr) >> 24 == 127;
		return;
	}
	struct in6_addr six;
	(void)inet_pton(AF_INET6, at->address, &six); /* was read by it */
	at->is_six = true;
	at->is_any = IN6_IS_ADDR_UNSPECIFIED(&six);
	at->is_loopback = IN6_IS_ADDR_LOOPBACK(&six);
}

bool listen_read(const char *text, struct listen_at *at, struct bx_error *error)
{
	struct listen_at read = { 0 };
	const char *colon = strrchr(text, ':'), *host = text;
	int64_t port;
	size_t length = colon ? (size_t)(colon - text) : 0;
	if (length > 1 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	if (length < sizeof read.address)
		memcpy(read.address, host, length);
	if (strcasecmp(read.address, "localhost") == 0)
		(void)bx_text_copy(read.address, sizeof read.address, "127.0.0.1"); /* fits */
	struct in6_addr any;
	bool is_address =
		inet_pton(AF_INET, read.address, &any) == 1 || inet_pton(AF_INET6, read.address, &any) == 1;
	if (!colon || !is_address || !bx_parse_integer(colon + 1, 0, 65535, &port))
		return bx_fail(error, BX_INVALID,
			"WEB_LISTEN=%.80s: write an IP address and a port, such as 127.0.0.1:5000 or [::1]:5000",
			text);
	read.port = (uint16_t)port;
	judge_address(&read);
	*at = read;
	return true;
}

bool listen_may(const struct listen_at *at, const char *anonymous, struct bx_error *error)
{
	if (at->is_loopback || strcmp(anonymous, "read") == 0)
		return true;
	return bx_fail(error, BX_DENIED,
		"WEB_LISTEN=%s%s%s:%u can be reached from other machines, and there are no sessions yet "
		"(WEB_PASSWORD_FILE will ask for a password): set WEB_ANONYMOUS=read to let everybody there look, "
		"or listen on 127.0.0.1",
		at->is_six ? "[" : "", at->address, at->is_six ? "]" : "", at->port);
}

void listen_url(const struct listen_at *at, char *url, size_t size)
{
	const char *address = at->is_any ? (at->is_six ? "::1" : "127.0.0.1") : at->address;
	(void)snprintf(url, size, at->is_six ? "http://[%s]:%u" : "http://%s:%u", address,
		at->port); /* room is ours */
}

/* --- a taken port --- */

/* 0, or errno. Binds and lets go: what really listens is the server, a moment later. */
static int try_bind(const struct listen_at *at, uint16_t port)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in *four = (void *)&storage;
	struct sockaddr_in6 *six = (void *)&storage;
	socklen_t size = at->is_six ? sizeof *six : sizeof *four;
	if (at->is_six) {
		*six = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
		(void)inet_pton(AF_INET6, at->address, &six->sin6_addr); /* was read by it */
	} else {
		*four = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
		(void)inet_pton(AF_INET, at->address, &four->sin_addr);
	}
	int fd = socket(at->is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	if (fd < 0)
		return errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
		sizeof on); /* as the server does; without: a later failure */
	int result = bind(fd, (struct sockaddr *)&storage, size) < 0 ? errno : 0;
	if (result == 0 && listen(fd, 1) < 0)
		result = errno;
	close(fd);
	return result;
}

/* "  0: 0100007F:1388 00000000:0000 0A ...": local address, remote, state (0A listens), ..., uid, timeout, inode. */
uint64_t listen_find_inode(const char *table, uint16_t port)
{
	for (const char *line = strchr(table, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
		unsigned local = 0, state = 0;
		uint64_t inode = 0;
		int fields = sscanf(line,
			" %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %" SCNu64,
			&local, &state, &inode); /* NOLINT(cert-err34-c): the kernel's */
		if (fields == 3 && local == port && state == 0x0A)
			return inode;
	}
	return 0;
}

static uint64_t find_inode(const char *path, uint16_t port)
{
	/* procfs files have no size: not for bx_file_read's stat */
	BX_OWNED(free) char *table = bx_alloc(TABLE_BYTES_MAX, 1);
	FILE *file = fopen(path, "re");
	size_t size = file ? fread(table, 1, TABLE_BYTES_MAX - 1, file) : 0;
	if (file)
		(void)fclose(file);
	table[size] = '\0';
	return listen_find_inode(table, port);
}

static bool holds(const char *pid, const char *wanted)
{
	char path[300], link[64];
	(void)snprintf(path, sizeof path, "/proc/%s/fd", pid);
	DIR *folder = opendir(path);
	bool found = false;
	for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
		ssize_t length = readlinkat(dirfd(folder), entry->d_name, link, sizeof link - 1);
		link[length > 0 ? length : 0] = '\0';
		found = strcmp(link, wanted) == 0;
	}
	if (folder)
		(void)closedir(folder);
	return found;
}

/* "python3 (pid 4711)"; another user's processes are only for root to see into. */
static void find_owner(uint16_t port, char *owner, size_t size)
{
	char wanted[48], path[300], name[64];
	uint64_t inode = find_inode("/proc/net/tcp", port);
	if (!inode)
		inode = find_inode("/proc/net/tcp6", port);
	(void)snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inode);
	(void)snprintf(owner, size, "another user's program");
	DIR *processes = opendir("/proc");
	for (struct dirent *entry; inode && processes && (entry = readdir(processes));) {
		if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name) ||
			!holds(entry->d_name, wanted))
			continue;
		(void)snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
		FILE *file = fopen(path, "re");
		if (!file || !fgets(name, sizeof name, file))
			(void)snprintf(name, sizeof name, "a program");
		if (file)
			(void)fclose(file);
		name[strcspn(name, "\n")] = '\0';
		(void)snprintf(owner, size, "%s (pid %s)", name, entry->d_name);
		break;
	}
	if (processes)
		(void)closedir(processes);
}

bool listen_try(const struct listen_at *at, struct bx_error *error)
{
	char owner[160], next[80] = "the next free port is further away";
	int result = try_bind(at, at->port);
	if (result == 0)
		return true;
	if (result != EADDRINUSE)
		return bx_fail(error, BX_FAILED, "cannot listen on %s port %u: %s", at->address, at->port,
			strerror(result));
	find_owner(at->port, owner, sizeof owner);
	for (unsigned port = at->port + 1U; port <= at->port + (unsigned)NEXT_TRIES && port <= UINT16_MAX;
		port++) {
		if (try_bind(at, (uint16_t)port) != 0)
			continue;
		(void)snprintf(next, sizeof next, "free is WEB_LISTEN=%s%s%s:%u", at->is_six ? "[" : "",
			at->address, at->is_six ? "]" : "", port);
		break;
	}
	return bx_fail(
		error, BX_CONFLICT, "port %u of %s is taken by %s; %s", at->port, at->address, owner, next);
}
