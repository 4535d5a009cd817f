#include "services/bxctl/health.h"

#include "libbus/base/json.h"
#include "services/bxctl/fleet.h"
#include "services/bxctl/show.h"
#include <stdio.h>

static const enum bx_topic topics[] = { BX_SERVICE_AVAILABILITY, BX_SERVICE_STATS, BX_HEALTH_SUMMARY,
	BX_HEALTH_CHECK };

static enum show_colour colour_of(enum bx_status status)
{
	static const enum show_colour colours[] = { [BX_STATUS_OK] = SHOW_GOOD,
		[BX_STATUS_WARNING] = SHOW_WARNING,
		[BX_STATUS_CRITICAL] = SHOW_BAD,
		[BX_STATUS_UNKNOWN] = SHOW_FAINT };
	return colours[status];
}

/* --- the sentence --- */

bool health_summary(const struct client *client, struct bx_summary *summary, const char **words)
{
	union bx_any payload;
	bool runs = bx_mirror_runs(client->mirror, "health");
	bool spoke = bx_mirror_read(client->mirror, BX_HEALTH_SUMMARY, "", &payload);
	*words = runs ? "Health has not judged yet." : "Health does not run: nobody judges how all is.";
	if (spoke)
		*summary = payload.summary;
	return runs && spoke;
}

void health_print_summary(const struct client *client)
{
	struct bx_summary summary;
	const char *words;
	char line[400];
	if (!health_summary(client, &summary, &words)) {
		(void)printf("%s%s%s\n", show_colour(stdout, SHOW_WARNING), words,
			show_colour(stdout, SHOW_PLAIN));
		return;
	}
	bx_clean(line, sizeof line, summary.sentence);
	(void)printf("%s%s%s\n", show_colour(stdout, colour_of(summary.overall_status)), line,
		show_colour(stdout, SHOW_PLAIN));
}

/* --- every check --- */

struct check_walk {
	const struct client *client;
	enum bx_status wanted;
	struct show_table *table; /* NULL: as JSON */
	struct bx_json *json;
};

static void on_check(void *arg, const struct bx_entry *entry)
{
	const struct check_walk *walk = arg;
	union bx_any payload;
	char span[SHOW_CELL_SIZE];
	if (!bx_mirror_read(walk->client->mirror, BX_HEALTH_CHECK, entry->name, &payload) ||
		payload.check.status != walk->wanted)
		return;
	if (!walk->table) {
		bx_json_object(walk->json, NULL);
		bx_json_text(walk->json, "target", entry->name);
		bx_json_raw(walk->json, "check", entry->bytes, entry->size);
		bx_json_end_object(walk->json);
		return;
	}
	show_span(fleet_age(payload.check.since), span);
	show_cell(walk->table, colour_of(walk->wanted), bx_status_word(walk->wanted));
	show_cell(walk->table, SHOW_PLAIN, entry->name);
	show_cell(walk->table, SHOW_FAINT, span);
	show_cell(walk->table, SHOW_PLAIN, payload.check.sentence);
}

/* The worst first. */
static void each_check(struct check_walk *walk)
{
	static const enum bx_status order[] = { BX_STATUS_CRITICAL, BX_STATUS_WARNING, BX_STATUS_UNKNOWN,
		BX_STATUS_OK };
	for (size_t i = 0; i < BX_COUNT(order); i++) {
		walk->wanted = order[i];
		bx_mirror_each(walk->client->mirror, BX_HEALTH_CHECK, on_check, walk);
	}
}

static int json_health(const struct client *client, const struct request *request)
{
	struct bx_summary summary;
	const char *words;
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, CLIENT_JSON_MAX);
	struct bx_json json = { .text = &text };
	struct check_walk walk = { .client = client, .json = &json };
	bool judged = health_summary(client, &summary, &words);
	bx_json_object(&json, NULL);
	bx_json_text(
		&json, "overall_status", bx_status_word(judged ? summary.overall_status : BX_STATUS_UNKNOWN));
	bx_json_text(&json, "sentence", judged ? summary.sentence : words);
	bx_json_list(&json, "checks");
	each_check(&walk);
	bx_json_end_list(&json);
	bx_json_end_object(&json);
	return client_finish(request, &text);
}

static int health_with(const struct client *client, const struct request *request)
{
	static const char *const heads[] = { "Status", "Target", "Since", "" };
	if (request->json)
		return json_health(client, request);
	BX_OWNED(show_table_free) struct show_table *table = show_table_new(BX_COUNT(heads), 1U << 2);
	struct check_walk walk = { .client = client, .table = table };
	for (size_t i = 0; i < BX_COUNT(heads); i++)
		show_cell(table, SHOW_STRONG, heads[i]);
	each_check(&walk);
	health_print_summary(client);
	if (show_table_rows(table) > 1) {
		(void)putchar('\n');
		show_table_print(table, stdout);
	}
	return EXIT_DONE;
}

int health_run(const struct request *request)
{
	return client_run(request, topics, BX_COUNT(topics), health_with);
}
