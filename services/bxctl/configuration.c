#include "services/bxctl/configuration.h"

#include "libbus/base/json.h"
#include "libbus/contract/print.h"
#include "services/bxctl/client.h"
#include "services/bxctl/show.h"
#include <stdio.h>
#include <string.h>

static const char *shown_value(const struct bx_config *config, enum bx_key key)
{
	const char *value = bx_config_text(config, key);
	return bx_key_row(key)->secret && value[0] ? "***" : value;
}

static const char *origin(const struct bx_config *config, enum bx_key key)
{
	return bx_config_is_given(config, key) ? "file" : "default";
}

static void json_key(struct bx_json *json, const struct bx_config *config, enum bx_key key)
{
	bx_json_object(json, NULL);
	bx_json_text(json, "key", bx_key_row(key)->name);
	bx_json_text(json, "value", shown_value(config, key));
	bx_json_text(json, "from", origin(config, key));
	bx_json_end_object(json);
}

static void json_config(const struct bx_config *config)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 2 * BX_CONFIG_BYTES_MAX);
	struct bx_json json = { .text = &text };
	bx_json_object(&json, NULL);
	bx_json_text(&json, "file", bx_config_path(config));
	bx_json_list(&json, "keys");
	for (int key = 0; key < BX_KEY_COUNT; key++)
		json_key(&json, config, (enum bx_key)key);
	bx_json_end_list(&json);
	bx_json_end_object(&json);
	(void)show_json(&text); /* fits: a configuration is bounded */
}

int config_show_run(const struct request *request)
{
	static const char *const heads[] = { "Key", "From", "Value" };
	BX_OWNED(bx_config_free) struct bx_config *config = client_config(request);
	if (!config)
		return EXIT_FAILED;
	if (request->json) {
		json_config(config);
		return EXIT_DONE;
	}
	BX_OWNED(show_table_free) struct show_table *table = show_table_new(BX_COUNT(heads), 0);
	for (size_t i = 0; i < BX_COUNT(heads); i++)
		show_cell(table, SHOW_STRONG, heads[i]);
	for (int key = 0; key < BX_KEY_COUNT; key++) {
		bool given = bx_config_is_given(config, (enum bx_key)key);
		show_cell(table, SHOW_PLAIN, bx_key_row((enum bx_key)key)->name);
		show_cell(table, given ? SHOW_GOOD : SHOW_FAINT, origin(config, (enum bx_key)key));
		show_cell(table, SHOW_PLAIN, shown_value(config, (enum bx_key)key));
	}
	(void)printf(
		"%s\n\n", bx_config_path(config)[0] ? bx_config_path(config) : "no file: defaults alone");
	show_table_print(table, stdout);
	return EXIT_DONE;
}

int config_defaults_run(const struct request *request)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 2 * BX_CONFIG_BYTES_MAX);
	if (request->json) {
		BX_OWNED(bx_config_free) struct bx_config *config = bx_config_parse("", "", 0, &text);
		json_config(config);
		return EXIT_DONE;
	}
	bx_print_config(&text);
	(void)fputs(text.data, stdout);
	return EXIT_DONE;
}

int config_get_run(const struct request *request)
{
	const char *name = request_value(request, "key");
	enum bx_key key = bx_key_find(name);
	if (key == BX_KEY_COUNT) {
		const char *nearest = bx_key_nearest(name);
		(void)fprintf(stderr, "bxctl: there is no key %.60s%s%s%s\n", name,
			nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
		return EXIT_USAGE;
	}
	BX_OWNED(bx_config_free) struct bx_config *config = client_config(request);
	if (!config)
		return EXIT_FAILED;
	if (!request->json) {
		(void)puts(shown_value(config, key));
		return EXIT_DONE;
	}
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 8192); /* fits: a value has at most 4096 bytes */
	struct bx_json json = { .text = &text };
	json_key(&json, config, key);
	(void)show_json(&text);
	return EXIT_DONE;
}
