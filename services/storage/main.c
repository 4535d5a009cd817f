/* storage: what is kept. The only writer of the database: takes records by their key, commits them every
 * STORAGE_COMMIT_INTERVAL (events within a second), and acknowledges what is in the database, never before. */
#include "libbus/base/log.h"
#include "libbus/run/service.h"
#include "services/storage/commits.h"
#include "services/storage/ingest.h"
#include <string.h>

enum {
	SAMPLES_MAX = 400000, /* values in hand, 6 MB */
	TICKETS_MAX = 400000,
	EVENT_DELAY_MS = 1000, /* events are gathered for so long */
	CATCH_UP_MS = 1000,    /* at the end; a broker that dies meanwhile has nothing more for us */
};

struct storage {
	struct bx_service *service; /* borrowed, outlives us */
	struct ingest *ingest;      /* what came; pure, the commits' */
	struct commits *commits;    /* one after the other, in a worker */
	struct writer_outcome last; /* figures of the last commit */
	uint64_t event_timer, catch_up_timer;
	uint64_t values_told; /* taken, when the rate was told last */
	struct bx_mono told_at;
	void (*finished)(void *arg);
	void *finished_arg;
};

static void on_event_delay(void *state)
{
	struct storage *storage = state;
	storage->event_timer = 0;
	commits_want(storage->commits, INGEST_EVENTS);
}

static enum ingest_verdict take(struct storage *storage, const struct ingest_ticket *ticket, const char *under,
	const struct bx_message *message)
{
	union bx_any payload;
	enum bx_topic topic;
	char name[BX_NAME_SIZE], source[BX_NAME_SIZE];
	if (strpbrk(under, "+#") || !bx_topic_match(under, &topic, name) ||
		!bx_payload_decode(topic, message->bytes, message->size, &payload, NULL))
		return ingest_refuse(storage->ingest, ticket);
	if (topic == BX_EVENT) {
		if (!storage->event_timer)
			storage->event_timer = bx_after(storage->service->loop, EVENT_DELAY_MS, on_event_delay, storage);
		return ingest_event(storage->ingest, ticket, &payload.event_facts, name, message->bytes, message->size);
	}
	if (!bx_topic_source(under, source))
		return ingest_refuse(storage->ingest, ticket);
	return ingest_sample(
		storage->ingest, ticket, source, &payload.values, bx_wall_second(bx_wall_now(storage->service->loop)));
}

static void on_record(void *state, const struct bx_message *message)
{
	struct storage *storage = state;
	const char *under = bx_packet_property(message->packet, "topic");
	const char *session = bx_packet_property(message->packet, "session");
	const char *number = bx_packet_property(message->packet, "number");
	struct ingest_ticket ticket = { .publisher = message->name };
	int64_t counted;
	if (!under || !session || !number || !bx_parse_hex(session, 16, &ticket.session) ||
		!bx_parse_integer(number, 1, INT64_MAX, &counted))
		return; /* nobody could be told; whoever sent it is none of ours */
	ticket.number = (uint64_t)counted;
	enum ingest_verdict verdict = take(storage, &ticket, under, message);
	if (verdict == INGEST_REFUSED)
		bx_log(BX_WARNING, "a record can never be kept", BX_F("publisher", message->name), BX_F("topic", under));
	if (ingest_wants_commit(storage->ingest))
		commits_want(storage->commits, INGEST_SAMPLES);
}

static void on_committed(void *state, const struct writer_outcome *outcome)
{
	struct storage *storage = state;
	struct bx_acknowledged acknowledged;
	char publisher[BX_NAME_SIZE];
	storage->last = *outcome;
	while (ingest_next_acknowledgement(storage->ingest, publisher, &acknowledged)) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, BX_VALUES_JSON_MAX);
		bx_payload_encode(BX_RECORDED, &acknowledged, &text);
		bx_pass(storage->service->bus, BX_RECORDED, publisher, text.data, text.length, NULL);
	}
}

static void want_again(void *state)
{
	struct storage *storage = state;
	bool online = true;
	bx_state(storage->service->bus, BX_SERVICE_AVAILABILITY, "storage", &online);
}

static void job_commit(void *state)
{
	struct storage *storage = state;
	if (!ingest_is_empty(storage->ingest, INGEST_EVENTS)) /* a commit of theirs has failed */
		commits_want(storage->commits, INGEST_EVENTS);
	commits_want(storage->commits, INGEST_SAMPLES);
}

static void add_backlog(void *arg, const char *publisher, size_t owed)
{
	(void)bx_values_set_part(arg, BX_BACKLOG, publisher, (double)owed); /* it counts what does not fit */
}

static void job_tell(void *state)
{
	struct storage *storage = state;
	struct ingest_figures figures = ingest_figures(storage->ingest);
	struct bx_mono now = bx_now(storage->service->loop);
	struct bx_values values;
	bx_values_init(&values, BX_DATABASE, bx_wall_now(storage->service->loop));
	if (storage->last.size > 0) {
		bx_values_set(&values, BX_SIZE, (double)storage->last.size);
		bx_values_set(&values, BX_WAL_SIZE, (double)storage->last.wal_size);
		bx_values_set(&values, BX_FREE_SIZE, (double)storage->last.free_size);
		bx_values_set(&values, BX_COMMIT_TIME, (double)storage->last.took_ms);
	}
	if (now.ms > storage->told_at.ms)
		bx_values_set(&values, BX_INGEST_RATE,
			(double)(figures.values_taken - storage->values_told) * 1000 / (double)(now.ms - storage->told_at.ms));
	bx_values_set(&values, BX_REFUSED, (double)figures.refused);
	ingest_each_backlog(storage->ingest, add_backlog, &values);
	storage->values_told = figures.values_taken;
	storage->told_at = now;
	bx_sample(storage->service->bus, BX_DATABASE_TELEMETRY, "", &values, BX_RECORD);
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
	bx_when_caught_up(storage->service->bus, on_caught_up, storage);
	storage->catch_up_timer = bx_after(storage->service->loop, CATCH_UP_MS, on_caught_up, storage);
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
	storage->commits =
		commits_new(service->loop, storage->ingest, bx_config_text(service->config, BX_KEY_DATABASE), &hooks);
	return true;
}

static void storage_close(void *state)
{
	struct storage *storage = state;
	bx_cancel(storage->service->loop, storage->event_timer);
	bx_cancel(storage->service->loop, storage->catch_up_timer);
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
