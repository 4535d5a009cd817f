#include "services/storage/tell.h"

void tell_acknowledged(struct storage *storage)
{
	struct bx_acknowledged acknowledged;
	char publisher[BX_NAME_SIZE];
	while (ingest_next_acknowledgement(storage->ingest, publisher, &acknowledged)) {
		BX_TEXT_OWNED struct bx_text text;
		bx_text_init(&text, BX_VALUES_JSON_MAX);
		bx_payload_encode(BX_RECORDED, &acknowledged, &text);
		bx_pass(storage->service->bus, BX_RECORDED, publisher, text.data, text.length, NULL);
	}
}

void tell_online(struct storage *storage)
{
	bool online = true;
	bx_state(storage->service->bus, BX_SERVICE_AVAILABILITY, "storage", &online);
}

static void add_backlog(void *arg, const char *publisher, size_t owed)
{
	(void)bx_values_set_part(arg, BX_BACKLOG, publisher, (double)owed); /* it counts what does not fit */
}

void tell_database(struct storage *storage)
{
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
			(double)(figures.values_taken - storage->values_told) * 1000 /
				(double)(now.ms - storage->told_at.ms));
	bx_values_set(&values, BX_REFUSED, (double)figures.refused);
	ingest_each_backlog(storage->ingest, add_backlog, &values);
	storage->values_told = figures.values_taken;
	storage->told_at = now;
	bx_sample(storage->service->bus, BX_DATABASE_TELEMETRY, "", &values, BX_RECORD);
}
