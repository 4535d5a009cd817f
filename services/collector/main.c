/* collector: what is measured, and of which miners. It owns the registry: only it can look at an address and say who lives
 * there, so a miner is added, found again after a move, and removed in one place and one step. */
#include "libbus/base/log.h"
#include "services/collector/collector.h"
#include "services/collector/entries.h"
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
