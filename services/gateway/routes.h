/* What can be asked over HTTP: a row a route. A request comes in, one answer goes out, and no socket is seen from here.
 *
 * To come: POST /monitoring/api/command/<service>/<verb>, a row like the others with its own method. */
#pragma once
#include "libbus/base/text.h"
#include <stdint.h>

struct gateway;

enum method { METHOD_GET = 1, METHOD_HEAD = 2, METHOD_POST = 4, METHOD_OTHER = 8 };

/* Borrowed for the call. */
struct request {
	enum method method;
	const char *path; /* decoded, WEB_BASE_PATH taken off */
	const char *const *arguments; /* "hours=24", decoded; ended by NULL */
	const char *if_none_match; /* "" none */
};

/* Constant texts live as long as the gateway; the body is given away with the answer. */
struct answer {
	int status;
	const char *type;
	const char *etag, *cache, *location, *allow, *file_name; /* NULL: none */
	char *body; /* on the heap; NULL: `kept` */
	const char *kept; /* lives as long as the gateway */
	size_t size;
};

/* Where an answer goes: once, from the loop, perhaps behind the call that asked. Who waited may be gone, so it is found by
 * its number. */
struct reply {
	void (*take)(void *arg, uint64_t exchange, struct answer *answer); /* takes answer->body */
	void *arg;
	uint64_t exchange;
};

void routes_answer(struct gateway *gateway, const struct request *request, const struct reply *reply);

/* --- for the functions behind the routes --- */

/* NULL: not given. */
const char *request_argument(const struct request *request, const char *name);
/* What the last `+` of the route stands for: "gamma-3". */
const char *request_name(const struct request *request);
/* Ends a request; gives text->data away (text is empty behind it). A cut text becomes a problem. */
void reply_json(const struct reply *reply, struct bx_text *text);
void reply_problem(const struct reply *reply, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
