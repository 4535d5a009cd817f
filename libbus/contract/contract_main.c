/* bx-contract FOLDER ACL CONFIG: writes what is printed from the contract. FOLDER gets asyncapi.yaml and payload/. */
#include "libbus/base/file.h"
#include "libbus/base/memory.h"
#include "libbus/contract/print.h"
#include <stdio.h>
#include <string.h>

static bool write_text(
	const char *folder, const char *name, const struct bx_text *text, struct bx_error *error)
{
	char path[1024];
	(void)snprintf(path, sizeof path, "%s%s%s", folder, folder[0] ? "/" : "", name);
	if (text->cut)
		return bx_fail(error, BX_FULL, "%s does not fit", path);
	return bx_file_replace(path, text->data, text->length, 0644, error);
}

static bool write_schema(
	const char *folder, enum bx_payload payload, enum bx_scope scope, struct bx_error *error)
{
	BX_TEXT_OWNED struct bx_text text;
	char name[128];
	bx_text_init(&text, 1 << 20);
	if (!bx_print_schema(&text, payload, scope))
		return true;
	(void)snprintf(name, sizeof name, "payload/%s.schema.json",
		payload == BX_VALUES ? bx_scope_word(scope) : bx_payload_title(payload));
	return write_text(folder, name, &text, error);
}

static bool write_all(const char *folder, const char *acl, const char *config, struct bx_error *error)
{
	BX_TEXT_OWNED struct bx_text text;
	char payloads[1024];
	bx_text_init(&text, 1 << 20);
	(void)snprintf(payloads, sizeof payloads, "%s/payload", folder);
	if (!bx_folder_make(payloads, 0755, error))
		return false;
	bx_print_asyncapi(&text);
	if (!write_text(folder, "asyncapi.yaml", &text, error))
		return false;
	bx_text_clear(&text);
	bx_print_acl(&text, "home");
	if (!write_text("", acl, &text, error))
		return false;
	bx_text_clear(&text);
	bx_print_config(&text);
	if (!write_text("", config, &text, error))
		return false;
	for (int payload = 0; payload < BX_PAYLOAD_COUNT; payload++)
		if (payload != BX_VALUES && !write_schema(folder, (enum bx_payload)payload, BX_MINER, error))
			return false;
	for (unsigned scope = BX_MINER; scope < BX_CUSTOM; scope <<= 1)
		if (!write_schema(folder, BX_VALUES, (enum bx_scope)scope, error))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct bx_error error;
	if (argc != 4) {
		(void)fprintf(stderr, "usage: bx-contract FOLDER ACL CONFIG\n");
		return 2;
	}
	if (write_all(argv[1], argv[2], argv[3], &error))
		return 0;
	(void)fprintf(stderr, "bx-contract: %s\n", error.message);
	return 1;
}
