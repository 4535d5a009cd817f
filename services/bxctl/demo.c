#include "services/bxctl/demo.h"

#include "libbus/base/json.h"
#include "services/bxctl/port.h"
#include <stdio.h>
#include <string.h>

enum { ANSWER_MS = 10000, AGAIN_MS = 2000 };

const struct demo_miner demo_miners[DEMO_MINERS] = {
	{ "gamma", "127.0.7.1", "gamma-602-v2.15.0" }, /* new ESP-Miner */
	{ "ultra", "127.0.7.2", "ultra-204-v2.1.8" }, /* old */
	{ "nerdqaxe", "127.0.7.3", "nerdqaxeplus2-v1.0.36" },
};

int demo_port(void)
{
	int port = DEMO_PORT;
	for (size_t i = 0; i < DEMO_MINERS && port; i++) {
		int next = port_next_free(demo_miners[i].address, port);
		if (next != port)
			i = (size_t)-1; /* all of them, from the new one on */
		port = next;
	}
	return port;
}

static void on_again(void *arg)
{
	struct demo_entry *entry = arg;
	entry->timer = 0;
	demo_add(entry->demo);
}

static void on_added(void *arg, const struct bx_answer *answer)
{
	struct demo_entry *entry = arg;
	struct demo *demo = entry->demo;
	if (!answer->ended)
		return;
	entry->under_way = false;
	/* a conflict: an earlier demo's entry has this address, which is as good */
	entry->done = answer->ok || answer->error.code == BX_CONFLICT;
	if (entry->done)
		return;
	if (++entry->tries == DEMO_TRIES) {
		console_tell(demo->console, "the demo's miner %s could not be added: %s", entry->miner->name,
			answer->error.message);
		return;
	}
	entry->timer = bx_after(demo->loop, AGAIN_MS, on_again, entry);
}

static void print_url(const struct demo *demo, const struct demo_miner *miner, char url[64])
{
	(void)snprintf(url, 64, "http://%s:%d", miner->address, demo->port);
}

void demo_note(struct demo *demo, const struct bx_miner_entry *entry)
{
	for (size_t i = 0; i < DEMO_MINERS; i++) {
		char url[64];
		print_url(demo, demo->entries[i].miner, url);
		demo->entries[i].done |= strcmp(url, entry->url) == 0;
	}
}

static void add(struct demo *demo, struct demo_entry *entry)
{
	char url[64];
	BX_TEXT_OWNED struct bx_text arguments;
	bx_text_init(&arguments, 500);
	struct bx_json json = { .text = &arguments };
	print_url(demo, entry->miner, url);
	bx_json_object(&json, NULL);
	bx_json_text(&json, "url", url);
	bx_json_text(&json, "name", entry->miner->name);
	bx_json_text(&json, "group", "demo");
	bx_json_end_object(&json);
	entry->under_way = true;
	bx_ask(demo->commands, BX_VERB_MINER_ADD, "collector", arguments.data, ANSWER_MS, on_added, entry);
}

void demo_add(struct demo *demo)
{
	for (size_t i = 0; i < DEMO_MINERS && demo->simulated && demo->collected; i++) {
		struct demo_entry *entry = &demo->entries[i];
		if (!entry->under_way && !entry->done && !entry->timer && entry->tries < DEMO_TRIES)
			add(demo, entry);
	}
}

void demo_init(struct demo *demo, struct bx_loop *loop, struct bx_commands *commands, struct console *console,
	int port)
{
	*demo = (struct demo){ .loop = loop, .commands = commands, .console = console, .port = port };
	for (size_t i = 0; i < DEMO_MINERS; i++) {
		demo->entries[i].demo = demo;
		demo->entries[i].miner = &demo_miners[i];
	}
}

void demo_done(struct demo *demo)
{
	for (size_t i = 0; demo->loop && i < DEMO_MINERS; i++)
		bx_cancel(demo->loop, demo->entries[i].timer);
}
