#include "services/gateway/guard.h"

#include "libbus/base/text.h"
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { NAME_SIZE = 256 };

/* "[::1]:5000" is "::1", "Pi.local.:80" is "pi.local": without port, brackets and the root's dot. */
static bool take_name(const char *host, char name[NAME_SIZE])
{
	bool bracketed = host[0] == '[';
	size_t length = bracketed ? strcspn(++host, "]") : strcspn(host, ":");
	const char *rest = host + length + (bracketed && host[length] == ']');
	int64_t port;
	bool has_port = rest[0] == ':' && bx_parse_integer(rest + 1, 1, 65535, &port);
	if ((rest[0] != '\0' && !has_port) || length == 0 || length >= NAME_SIZE)
		return false;
	memcpy(name, host, length);
	if (!bracketed && name[length - 1] == '.')
		length--;
	name[length] = '\0';
	return length > 0;
}

static bool is_loopback(const char *name)
{
	struct in_addr four;
	if (inet_pton(AF_INET, name, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return strcmp(name, "::1") == 0 || strcasecmp(name, "localhost") == 0;
}

/* The name itself, or with the ending that mDNS gives it. */
static bool is_own_name(const char *own, const char *name)
{
	size_t length = strlen(own);
	return length > 0 && strncasecmp(name, own, length) == 0 &&
		(name[length] == '\0' || strcasecmp(name + length, ".local") == 0);
}

bool guard_host(const struct guard *guard, const char *host)
{
	char name[NAME_SIZE];
	if (!take_name(host, name))
		return false;
	return is_loopback(name) || strcasecmp(name, guard->listen) == 0 ||
		strcasecmp(name, guard->arrived) == 0 || is_own_name(guard->host_name, name);
}

bool guard_origin(const char *origin, const char *host)
{
	if (origin[0] == '\0')
		return true;
	const char *authority = strstr(origin, "://");
	return authority && strcasecmp(authority + 3, host) == 0;
}
