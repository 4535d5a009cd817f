#include "services/storage/records.h"

#include "libbus/base/log.h"

static enum ingest_verdict take(struct storage *storage, const struct ingest_ticket *ticket,
	const char *under, const struct bx_message *message)
{
	union bx_any payload;
	enum bx_topic topic;
	char name[BX_NAME_SIZE], source[BX_NAME_SIZE];
	if (!bx_topic_match(under, &topic, name) ||
		!bx_payload_decode(topic, message->bytes, message->size, &payload, NULL))
		return ingest_refuse(storage->ingest, ticket);
	if (topic == BX_EVENT)
		return ingest_event(
			storage->ingest, ticket, &payload.event_facts, name, message->bytes, message->size);
	if (!bx_topic_source(under, source))
		return ingest_refuse(storage->ingest, ticket);
	return ingest_sample(storage->ingest, ticket, source, &payload.values,
		bx_wall_second(bx_wall_now(storage->service->loop)));
}

void records_take(struct storage *storage, const struct bx_message *message)
{
	struct bx_record_label label;
	if (!bx_record_label(message, &label))
		return; /* nobody could be told; whoever sent it is none of ours */
	struct ingest_ticket ticket = { message->name, label.session, label.number };
	if (take(storage, &ticket, label.topic, message) == INGEST_REFUSED)
		bx_log(BX_WARNING, "a record can never be kept", BX_F("publisher", message->name),
			BX_F("topic", label.topic));
}
