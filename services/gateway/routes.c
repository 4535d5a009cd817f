#include "services/gateway/routes.h"

#include "libbus/contract/topics.h"
#include "services/gateway/api.h"
#include "services/gateway/gateway.h"
#include "services/gateway/problem.h"
#include "services/gateway/v2.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef void run_route(struct gateway *gateway, const struct request *request, const struct reply *reply);

static void route_home(struct gateway *gateway, const struct request *request, const struct reply *reply);
static void route_page(struct gateway *gateway, const struct request *request, const struct reply *reply);
static void route_file(struct gateway *gateway, const struct request *request, const struct reply *reply);
static void route_catalog(struct gateway *gateway, const struct request *request, const struct reply *reply);
static void route_upgrade(struct gateway *gateway, const struct request *request, const struct reply *reply);

enum { READS = METHOD_GET | METHOD_HEAD };

/* The first row that fits; `+` is one level, `#` the rest. `arguments`: all that it knows, NULL: it does not look. */
static const struct route {
	unsigned methods;
	const char *path;
	run_route *run;
	const char *arguments;
} routes[] = {
	{ READS, "/", route_home },
	{ READS, "/healthz", api_healthz },
	{ READS, "/monitoring", route_page },
	{ READS, "/monitoring/", route_home },
	{ READS, "/monitoring/ws", route_upgrade },
	{ READS, "/monitoring/api/health", v2_health, "" },
	{ READS, "/monitoring/api/metrics", api_metrics, "hours from to series step points format" },
	{ READS, "/monitoring/api/services", api_services, "" },
	{ READS, "/monitoring/api/miners", api_miners, "after limit" },
	{ READS, "/monitoring/api/miners/+", api_miner, "" },
	{ READS, "/monitoring/api/catalog", route_catalog, "" },
	{ READS, "/monitoring/#", route_file },
};

const char *request_argument(const struct request *request, const char *name)
{
	size_t length = strlen(name);
	for (const char *const *argument = request->arguments; *argument; argument++)
		if (strncmp(*argument, name, length) == 0 && (*argument)[length] == '=')
			return *argument + length + 1;
	return NULL;
}

const char *request_name(const struct request *request)
{
	return bx_name_last(request->path);
}

void reply_json(const struct reply *reply, struct bx_text *text)
{
	if (text->cut) {
		reply_problem(reply, 500, "the answer is larger than %zu bytes", text->max);
		return;
	}
	struct answer answer = { .status = 200,
		.type = "application/json",
		.cache = "no-store",
		.body = text->data,
		.size = text->length };
	text->data = NULL; /* the answer's now */
	reply->take(reply->arg, reply->exchange, &answer);
}

void reply_problem(const struct reply *reply, int status, const char *format, ...)
{
	char detail[1024];
	struct answer answer;
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(detail, sizeof detail, format, arguments); /* cut is fine */
	va_end(arguments);
	problem_make(&answer, status, detail);
	reply->take(reply->arg, reply->exchange, &answer);
}

/* --- pages and files --- */

/* Is this entity tag among those of If-None-Match? Weak ones count: nothing here is compared byte by byte. */
static bool is_known(const char *if_none_match, const char *etag)
{
	return strcmp(if_none_match, "*") == 0 || strstr(if_none_match, etag) != NULL;
}

static void answer_file(const struct file *file, const struct request *request, const struct reply *reply)
{
	struct answer answer = { .status = 200,
		.type = file->type,
		.etag = file->etag,
		.cache = "no-cache",
		.kept = file->bytes,
		.size = file->size };
	if (is_known(request->if_none_match, file->etag))
		answer = (struct answer){ .status = 304, .etag = file->etag, .cache = "no-cache" };
	reply->take(reply->arg, reply->exchange, &answer);
}

static void route_home(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	(void)request;
	struct answer answer = { .status = 307, .location = gateway->home, .cache = "no-store" };
	reply->take(reply->arg, reply->exchange, &answer);
}

static void route_page(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	const struct file *page = files_find(gateway->files, "index.html");
	if (page)
		answer_file(page, request, reply);
	else
		reply_problem(reply, 404,
			"the dashboard's files are not installed in %s; the API answers all the same",
			files_folder(gateway->files));
}

static void route_file(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	const char *name = request->path + strlen("/monitoring/");
	const struct file *file = files_find(gateway->files, name);
	if (file)
		answer_file(file, request, reply);
	else
		reply_problem(reply, 404, "there is nothing at %.200s", request->path);
}

static void route_catalog(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	answer_file(files_find(gateway->printed, "catalog.json"), request, reply);
}

static void route_upgrade(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	(void)gateway, (void)request;
	reply_problem(reply, 426, "this address speaks WebSocket alone");
}

/* --- the choice --- */

/* False: *argument is the first one that the route does not know. */
static bool knows_arguments(const struct route *route, const struct request *request, const char **argument)
{
	for (const char *const *given = request->arguments; route->arguments && *given; given++) {
		size_t length = strcspn(*given, "=");
		const char *at = route->arguments;
		while (*at && (strcspn(at, " ") != length || strncmp(at, *given, length) != 0)) {
			at += strcspn(at, " ");
			at += *at == ' ';
		}
		*argument = *given;
		if (!*at)
			return false;
	}
	return true;
}

void routes_answer(struct gateway *gateway, const struct request *request, const struct reply *reply)
{
	const char *unknown;
	for (size_t i = 0; i < BX_COUNT(routes); i++) {
		const struct route *route = &routes[i];
		if (!bx_topic_filter(route->path, request->path))
			continue;
		if (!(route->methods & request->method)) {
			struct answer answer;
			problem_make(&answer, 405, "this address can only be read");
			answer.allow = "GET, HEAD";
			reply->take(reply->arg, reply->exchange, &answer);
		} else if (!knows_arguments(route, request, &unknown)) {
			reply_problem(reply, 400, "'%.40s' is no argument here; there %s%s", unknown,
				route->arguments[0] ? "are: " : "is none", route->arguments);
		} else {
			route->run(gateway, request, reply);
		}
		return;
	}
	reply_problem(reply, 404, "there is nothing at %.200s; the dashboard is at %s", request->path,
		gateway->home);
}
