/* collector: what is measured, and of which miners. It owns the registry: only it can look at an address and say who lives
 * there, so a miner is added, found again after a move, and removed in one place and one step. */
#include "libbus/base/log.h"
#include "services/collector/collector.h"
#include "services/collector/tell.h"

static void on_answer(void *state, const char *id, const struct poll_answer *answer)
{
	struct collector *collector = state;
	struct miner *miner = miners_find(collector->miners, id);
	if (miner)
		tell_answer(collector, miner, answer);
}

static void job_live(void *state)
{
	tell_box_and_fleet(state, BX_SHOW);
}

static void job_record(void *state)
{
	struct collector *collector = state;
	tell_box_and_fleet(collector, BX_RECORD);
	for (size_t i = 0; i < miners_count(collector->miners); i++)
		miners_at(collector->miners, i)->record = true; /* its next answer is one to keep */
}

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

static void cmd_miner_add(void *state, bx_call call)
{
	struct collector *collector = state;
	look(collector, call, bx_argument(collector->service->commands, call, "url"));
}

static void cmd_miner_set(void *state, bx_call call)
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

static void cmd_miner_remove(void *state, bx_call call)
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

static void cmd_collect(void *state, bx_call call)
{
	struct collector *collector = state;
	job_live(state);
	bx_ok(collector->service->commands, call, BX_FIELDS(BX_F("asked", poll_all(collector->poll))));
}

static void recall_miner(void *state, const struct bx_message *message)
{
	struct collector *collector = state;
	const struct bx_miner_entry *entry = &message->payload->miner_entry;
	miners_restore(collector->miners, entry);
	if (entry->enabled)
		poll_watch(collector->poll, entry->id, entry->url);
}

static bool collector_open(void *state, struct bx_service *service, struct bx_error *error)
{
	(void)error; /* nothing here can fail for a reason a person could mend */
	struct collector *collector = state;
	struct poll_hooks hooks = { collector, on_answer };
	collector->service = service;
	collector->miners = miners_new();
	collector->host = host_new("", bx_config_text(service->config, BX_KEY_DATABASE));
	collector->poll = poll_new(
		service->loop, bx_config_number(service->config, BX_KEY_MINER_POLL_INTERVAL) * 1000, &hooks);
	return true;
}

static void collector_close(void *state)
{
	struct collector *collector = state;
	poll_free(collector->poll);
	host_free(collector->host);
	miners_free(collector->miners);
}

static const struct bx_listen recall[] = { { BX_MINER_CONFIG, recall_miner }, { 0 } };
static const struct bx_command commands[] = {
	{ BX_VERB_MINER_ADD, cmd_miner_add },
	{ BX_VERB_MINER_SET, cmd_miner_set },
	{ BX_VERB_MINER_REMOVE, cmd_miner_remove },
	{ BX_VERB_COLLECT, cmd_collect },
	{ 0 },
};
static const struct bx_job jobs[] = {
	{ BX_KEY_MINER_POLL_INTERVAL, job_live },
	{ BX_KEY_METRICS_COLLECTION_INTERVAL, job_record },
	{ 0 },
};
const struct bx_spec bx_service_spec = {
	.name = "collector",
	.state_size = sizeof(struct collector),
	.recall = recall,
	.commands = commands,
	.jobs = jobs,
	.open = collector_open,
	.close = collector_close,
};

int main(int argc, char **argv)
{
	return bx_service_main(argc, argv, &bx_service_spec);
}
