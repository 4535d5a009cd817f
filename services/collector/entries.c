#include "services/collector/entries.h"

#include "libbus/base/log.h"
#include "services/collector/tell.h"

static struct miner_wish wish_of(struct collector *collector, bx_call call)
{
	struct bx_commands *commands = collector->service->commands;
	return (struct miner_wish){ .name = bx_argument(commands, call, "name"),
		.url = bx_argument(commands, call, "url"),
		.group = bx_argument(commands, call, "group"),
		.enabled = bx_argument(commands, call, "enabled") };
}

/* The registry has this entry now: told, kept, and watched. */
static void entered(struct collector *collector, bx_call call, struct miner *miner, const char *event)
{
	tell_entry(collector, miner, event);
	if (miner->entry.enabled) {
		poll_watch(collector->poll, miner->entry.id, miner->entry.url);
	} else {
		poll_forget(collector->poll, miner->entry.id);
		tell_unwatched(collector, miner->entry.id);
	}
	bx_ok(collector->service->commands, call, BX_FIELDS(BX_F("id", (const char *)miner->entry.id)));
}

static void on_found(void *state, uint64_t call, const struct poll_answer *answer)
{
	struct collector *collector = state;
	struct bx_commands *commands = collector->service->commands;
	struct miner_wish wish = wish_of(collector, call);
	const char *id = bx_argument(commands, call, "id"); /* of miner-set; miner-add has none */
	struct bx_error error;

	if (!wish.url)
		return; /* the call ended while the address thought */
	if (!answer->reading) {
		error = *answer->error;
		bx_error_prefix(&error, "%s", wish.url);
		bx_refuse(commands, call, &error);
		return;
	}
	struct miner *miner = id ? miners_change(collector->miners, id, &wish, answer->reading, &error)
				 : miners_admit(collector->miners, &wish, answer->reading, &error);
	if (miner)
		entered(collector, call, miner, id ? "miner.changed" : "miner.added");
	else
		bx_refuse(commands, call, &error);
}

static void look(struct collector *collector, bx_call call, const char *address)
{
	char url[sizeof((struct bx_miner_entry *)0)->url];
	struct bx_error error;
	if (miners_normalise(address, url, sizeof url, &error))
		poll_probe(collector->poll, url, call, on_found);
	else
		bx_refuse(collector->service->commands, call, &error);
}

void cmd_miner_add(void *state, bx_call call)
{
	struct collector *collector = state;
	look(collector, call, bx_argument(collector->service->commands, call, "url"));
}

void cmd_miner_set(void *state, bx_call call)
{
	struct collector *collector = state;
	struct miner_wish wish = wish_of(collector, call);
	struct bx_error error;

	if (wish.url) {
		look(collector, call, wish.url);
		return;
	}
	const char *id = bx_argument(collector->service->commands, call, "id");
	struct miner *miner = miners_change(collector->miners, id, &wish, NULL, &error);
	if (miner)
		entered(collector, call, miner, "miner.changed");
	else
		bx_refuse(collector->service->commands, call, &error);
}

void cmd_miner_remove(void *state, bx_call call)
{
	struct collector *collector = state;
	const char *id = bx_argument(collector->service->commands, call, "id");
	struct bx_error error;

	if (!miners_remove(collector->miners, id, &error)) {
		bx_refuse(collector->service->commands, call, &error);
		return;
	}
	poll_forget(collector->poll, id);
	tell_removed(collector, id);
	bx_ok(collector->service->commands, call, NULL);
}
