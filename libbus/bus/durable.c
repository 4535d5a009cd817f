#include "libbus/bus/durable.h"

#include "libbus/base/file.h"
#include "libbus/base/json.h"
#include <stdio.h>
#include <string.h>

/* "miner/+/config" is kept in miner-config.json. */
static void print_path(struct bx_text *path, const char *folder, enum bx_topic topic)
{
	char slug[BX_NAME_SIZE];
	(void)bx_slug(slug, sizeof slug, bx_topic_row(topic)->pattern); /* patterns have letters */
	bx_text_print(path, "%s/%s.json", folder, slug);
}

bool bx_durable_read(
	const char *folder, enum bx_topic topic, bx_durable_each *each, void *arg, struct bx_error *error)
{
	BX_TEXT_OWNED struct bx_text path;
	bx_text_init(&path, 4096);
	print_path(&path, folder, topic);

	struct bx_error why;
	size_t size;
	BX_OWNED(free) char *bytes = bx_file_read(path.data, BX_DURABLE_BYTES_MAX, &size, &why);
	if (!bytes && why.code == BX_MISSING)
		return true;
	json_error_t at;
	json_auto_t *all = bytes ? json_loadb(bytes, size, 0, &at) : NULL;
	if (!json_is_object(all)) {
		bx_text_say(&path, ".bad");
		BX_OWNED(free) char *from = bx_copy_bytes(path.data, path.length - 4);
		(void)rename(
			from, path.data); /* if even that fails, the message below still names the file */
		return bx_fail(error, BX_FAILED, "own state %s cannot be read (%s); kept aside as %s", from,
			!bytes        ? why.message
				: all ? "not an object"
				      : at.text,
			path.data);
	}
	const char *name;
	json_t *state;
	json_object_foreach (all, name, state) {
		BX_OWNED(free)
		char *json = json_dumps(state, JSON_COMPACT | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY);
		if (json)
			each(arg, name, json, strlen(json));
	}
	return true;
}

bool bx_durable_write(const char *folder, enum bx_topic topic,
	bool (*next)(void *arg, const char **name, const char **json), void *arg, struct bx_error *error)
{
	BX_TEXT_OWNED struct bx_text path;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&path, 4096);
	bx_text_init(&text, BX_DURABLE_BYTES_MAX);
	print_path(&path, folder, topic);
	struct bx_json json = { .text = &text };
	bx_json_object(&json, NULL);
	const char *name, *state;
	while (next(arg, &name, &state))
		bx_json_raw(&json, name, state, strlen(state));
	bx_json_end_object(&json);
	bx_text_say(&text, "\n");
	if (text.cut)
		return bx_fail(error, BX_FULL, "own state %s would be over %d bytes", path.data,
			BX_DURABLE_BYTES_MAX);
	return bx_file_replace(path.data, text.data, text.length, 0600, error);
}
