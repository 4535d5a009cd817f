#include "services/bxctl/answers.h"

#include "libbus/base/json.h"
#include "services/bxctl/client.h"
#include "services/bxctl/show.h"
#include <stdio.h>

static void make_arguments(const struct request *request, struct bx_text *text)
{
	struct argument arguments[ARGUMENTS_MAX];
	size_t count = arguments_of(request->subcommand, arguments);
	struct bx_json json = { .text = text };
	bx_json_object(&json, NULL);
	for (size_t i = 0; i < count; i++)
		if (request->values[i])
			bx_json_text(&json, arguments[i].name, request->values[i]);
	bx_json_end_object(&json);
}

static int ask(struct client *client, const struct request *request)
{
	const struct subcommand *subcommand = request->subcommand;
	struct bx_error error;
	BX_OWNED(free) char *result = NULL;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, BX_ARGUMENT_BYTES_MAX);
	make_arguments(request, &text);
	if (text.cut) {
		bx_fail(&error, BX_INVALID, "arguments of over %d bytes", BX_ARGUMENT_BYTES_MAX);
		return client_fail(request, &error);
	}
	if (!client_ask(client, subcommand->verb, bx_verb_row(subcommand->verb)->service, text.data,
		    CLIENT_ANSWER_MS, &result, &error))
		return client_fail(request, &error);
	if (request->json) {
		(void)puts(result);
		return EXIT_DONE;
	}
	bx_text_clear(&text);
	show_sentence(subcommand->answer, result, &text);
	(void)puts(text.data);
	return EXIT_DONE;
}

int answers_run(const struct request *request)
{
	struct client client;
	int status = client_open(&client, request, NULL, 0);
	if (status == EXIT_DONE)
		status = ask(&client, request);
	client_close(&client);
	return status;
}
