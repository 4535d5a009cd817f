#include "services/gateway/problem.h"

#include "libbus/base/json.h"

static const struct {
	int status;
	const char *title;
} titles[] = {
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 411, "Length Required" },
	{ 413, "Content Too Large" },
	{ 421, "Misdirected Request" },
	{ 426, "Upgrade Required" },
	{ 500, "Internal Server Error" },
	{ 503, "Service Unavailable" },
};

const char *problem_title(int status)
{
	for (size_t i = 0; i < BX_COUNT(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

void problem_make(struct answer *answer, int status, const char *detail)
{
	struct bx_text text;
	bx_text_init(&text, 4096);
	struct bx_json json = { .text = &text };
	bx_json_object(&json, NULL);
	bx_json_text(&json, "type", "about:blank");
	bx_json_text(&json, "title", problem_title(status));
	bx_json_integer(&json, "status", status);
	bx_json_text(&json, "detail", detail);
	bx_json_end_object(&json);
	*answer = (struct answer){ .status = status,
		.type = "application/problem+json",
		.cache = "no-store",
		.body = text.data,
		.size = text.length };
}
