/* storage: what is kept. The only writer of the database: takes records by their key, commits them every
 * STORAGE_COMMIT_INTERVAL (events within a second), and acknowledges what is in the database, never before. */
#include "services/storage/records.h"
#include "services/storage/storage.h"
#include "services/storage/tell.h"

enum {
	SAMPLES_MAX = 400000, /* values in hand, 6 MB */
	TICKETS_MAX = 400000,
	EVENT_DELAY_MS = 1000, /* events are gathered for so long */
	CATCH_UP_MS = 1000, /* at the end; a broker that dies meanwhile has nothing more for us */
};

static void on_event_delay(void *state)
{
	struct storage *storage = state;
	storage->event_timer = 0;
	commits_want(storage->commits, INGEST_EVENTS);
}

static void on_record(void *state, const struct bx_message *message)
{
	struct storage *storage = state;
	records_take(storage, message);
	if (!ingest_is_empty(storage->ingest, INGEST_EVENTS) && !storage->event_timer)
		storage->event_timer =
			bx_after(storage->service->loop, EVENT_DELAY_MS, on_event_delay, storage);
	if (ingest_wants_commit(storage->ingest))
		commits_want(storage->commits, INGEST_SAMPLES);
}

static void on_committed(void *state, const struct writer_outcome *outcome)
{
	struct storage *storage = state;
	storage->last = *outcome;
	tell_acknowledged(storage);
}

static void want_again(void *state)
{
	tell_online(state);
}

static void job_commit(void *state)
{
	struct storage *storage = state;
	if (!ingest_is_empty(storage->ingest, INGEST_EVENTS)) /* of a commit that failed */
		commits_want(storage->commits, INGEST_EVENTS);
	commits_want(storage->commits, INGEST_SAMPLES);
}

static void job_tell(void *state)
{
	tell_database(state);
}

static void on_commit_asked(void *state, uint64_t call, const struct bx_error *error)
{
	struct storage *storage = state;
	if (error)
		bx_refuse(storage->service->commands, call, error);
	else
		bx_ok(storage->service->commands, call, NULL);
}

static void cmd_commit(void *state, bx_call call)
{
	commits_all(((struct storage *)state)->commits, on_commit_asked, state, call);
}

static void on_last_commit(void *state, uint64_t number, const struct bx_error *error)
{
	(void)number, (void)error; /* logged; publishers that live keep what is not acknowledged */
	struct storage *storage = state;
	storage->finished(storage->finished_arg);
}

static void on_caught_up(void *state)
{
	commits_all(((struct storage *)state)->commits, on_last_commit, state, 0);
}

/* What publishers handed to the broker before they stopped is still on its way to us. */
static void storage_finish(void *state, void (*finished)(void *arg), void *arg)
{
	struct storage *storage = state;
	storage->finished = finished;
	storage->finished_arg = arg;
	bx_when_caught_up(storage->service->bus, CATCH_UP_MS, on_caught_up, storage);
}

static bool storage_open(void *state, struct bx_service *service, struct bx_error *error)
{
	(void)error; /* a database that cannot be opened is told and tried again: records wait */
	struct storage *storage = state;
	struct ingest_limits limits = { SAMPLES_MAX, TICKETS_MAX,
		bx_config_number(service->config, BX_KEY_SAMPLE_RETENTION_DAYS) * 86400 };
	struct commits_hooks hooks = { storage, on_committed, want_again };
	storage->service = service;
	storage->told_at = bx_now(service->loop);
	storage->ingest = ingest_new(&limits);
	storage->commits = commits_new(
		service->loop, storage->ingest, bx_config_text(service->config, BX_KEY_DATABASE), &hooks);
	return true;
}

static void storage_close(void *state)
{
	struct storage *storage = state;
	bx_cancel(storage->service->loop, storage->event_timer);
	commits_free(storage->commits); /* and ingest with it */
}

static const struct bx_listen listen[] = { { BX_RECORDS, on_record }, { 0 } };
static const struct bx_command commands[] = { { BX_VERB_COMMIT, cmd_commit }, { 0 } };
static const struct bx_job jobs[] = {
	{ BX_KEY_STORAGE_COMMIT_INTERVAL, job_commit },
	{ BX_KEY_METRICS_COLLECTION_INTERVAL, job_tell },
	{ 0 },
};
const struct bx_spec bx_service_spec = {
	.name = "storage",
	.state_size = sizeof(struct storage),
	.listen = listen,
	.commands = commands,
	.jobs = jobs,
	.open = storage_open,
	.finish = storage_finish,
	.close = storage_close,
};

int main(int argc, char **argv)
{
	return bx_service_main(argc, argv, &bx_service_spec);
}
