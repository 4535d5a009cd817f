/* A row a check; each says one line or more. A check that another one's failure makes senseless says nothing: the one cause is
 * told once. */
#include "services/bxctl/doctor.h"

#include "libbus/base/json.h"
#include "libbus/contract/print.h"
#include "libbus/store/database.h"
#include "services/bxctl/client.h"
#include "services/bxctl/programs.h"
#include "services/bxctl/show.h"
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBE_MS = 2000, PING_MS = 2000, FINDINGS_MAX = 200 };

struct finding {
	const char *check;
	bool good;
	char what[400], remedy[240];
};

struct doctor {
	const struct request *request;
	const char *check; /* the one under way */
	struct bx_config *config; /* NULL: it is wrong */
	struct client client;
	bool reached; /* the broker */
	struct finding *findings;
	size_t count, problems;
};

static struct finding *add(struct doctor *doctor, bool good)
{
	if (doctor->count == FINDINGS_MAX)
		doctor->count--; /* the last one gives way: there is enough to do */
	struct finding *finding = &doctor->findings[doctor->count++];
	*finding = (struct finding){ .check = doctor->check, .good = good };
	doctor->problems += !good;
	return finding;
}

__attribute__((format(printf, 2, 3))) static void good(struct doctor *doctor, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct finding *finding = add(doctor, true);
	(void)vsnprintf(finding->what, sizeof finding->what, format, arguments); /* cut is fine */
	va_end(arguments);
}

__attribute__((format(printf, 3, 4))) static void problem(
	struct doctor *doctor, const char *remedy, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct finding *finding = add(doctor, false);
	(void)vsnprintf(finding->what, sizeof finding->what, format, arguments); /* cut is fine */
	va_end(arguments);
	(void)bx_text_copy(finding->remedy, sizeof finding->remedy, remedy);
}

/* --- the checks --- */

static void check_configuration(struct doctor *doctor)
{
	char path[512];
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 64 * 1024);
	doctor->config = bx_config_read(client_config_path(doctor->request, path, sizeof path), &problems);
	if (doctor->config) {
		path[0] = '\0';
		(void)bx_text_copy(path, sizeof path, bx_config_path(doctor->config));
		good(doctor, "%s", path[0] ? path : "no file: defaults alone");
		return;
	}
	for (char *line = problems.data; *line;) {
		size_t length = strcspn(line, "\n");
		bool last = line[length] == '\0';
		line[length] = '\0';
		problem(doctor, "", "%s", line);
		line += length + !last;
	}
}

static void check_folder(struct doctor *doctor)
{
	const char *folder = bx_config_text(doctor->config, BX_KEY_STATE_DIR);
	struct stat seen;
	if (stat(folder, &seen) != 0)
		problem(doctor, "start the suite once (bxctl up), or correct STATE_DIR", "%s: %s", folder,
			strerror(errno));
	else if (access(folder, W_OK) != 0)
		problem(doctor, "run this as the suite's user, or give that user the folder",
			"%s cannot be written by us", folder);
	else
		good(doctor, "%s can be written", folder);
}

static void check_secret(struct doctor *doctor, const char *folder, const char *role)
{
	char path[600], remedy[700];
	struct stat seen;
	(void)snprintf(path, sizeof path, "%s/%s", folder, role);
	(void)snprintf(remedy, sizeof remedy, "chmod 600 %s", path);
	if (stat(path, &seen) == 0 && (seen.st_mode & 077) != 0)
		problem(doctor, remedy, "%s may be read by others (mode %03o)", path, seen.st_mode & 0777U);
}

static void check_secrets(struct doctor *doctor)
{
	const char *folder = bx_config_text(doctor->config, BX_KEY_BUS_SECRETS);
	size_t before = doctor->problems, count = 0;
	if (access(folder, R_OK | X_OK) != 0) {
		problem(doctor,
			"run this as the suite's user; the folder is made by bxctl up or by the package",
			"%s: %s", folder, strerror(errno));
		return;
	}
	for (const char *const *role = bx_roles; *role; role++, count++)
		check_secret(doctor, folder, *role);
	if (doctor->problems == before)
		good(doctor, "%s: only their owner can read them", folder);
}

static void check_broker(struct doctor *doctor)
{
	static const enum bx_topic topics[] = { BX_SERVICE_AVAILABILITY, BX_SERVICE_STATS };
	struct bx_error error;
	struct bx_config *config = doctor->config;
	doctor->reached = client_open_with(&doctor->client, config, topics, BX_COUNT(topics), &error);
	if (doctor->reached)
		good(doctor, "%s answers us as %s", bx_config_text(config, BX_KEY_BUS),
			bx_bus_reply_name(doctor->client.bus));
	else
		problem(doctor, "", "%s", error.message);
}

/* A connection of its own that says one message and hears what the broker thinks of it. */
struct probe {
	struct bx_loop *loop;
	struct bx_link *link;
	const char *topic;
	enum { PROBE_SILENT, PROBE_ACCEPTED, PROBE_DENIED } result;
};

static void on_probe_connected(void *arg)
{
	struct probe *probe = arg;
	int id;
	struct bx_packet packet = { .topic = probe->topic, .bytes = "{}", .size = 2, .qos = 1 };
	if (!probe->link->type->publish(probe->link, &packet, &id))
		bx_loop_stop(probe->loop);
}

static void on_probe_disconnected(void *arg, const char *why)
{
	(void)why;
	bx_loop_stop(((struct probe *)arg)->loop);
}

static void on_probe_received(void *arg, const struct bx_packet *packet)
{
	(void)arg, (void)packet; /* nothing is subscribed */
}

static void on_probe_acknowledged(void *arg, int id, bool accepted)
{
	struct probe *probe = arg;
	(void)id;
	probe->result = accepted ? PROBE_ACCEPTED : PROBE_DENIED;
	bx_loop_stop(probe->loop);
}

static void on_probe_late(void *arg)
{
	bx_loop_stop(((struct probe *)arg)->loop);
}

static int say_once(const struct doctor *doctor, const char *topic)
{
	BX_OWNED(bx_loop_free) struct bx_loop *loop = bx_loop_new();
	struct probe probe = {
		.loop = loop, .topic = topic, .link = client_link(loop, doctor->config, "test", NULL)
	};
	if (!probe.link)
		return PROBE_SILENT;
	const struct bx_link_events events = { &probe, on_probe_connected, on_probe_disconnected,
		on_probe_received, on_probe_acknowledged };
	probe.link->type->open(probe.link, &events, NULL);
	bx_after(loop, PROBE_MS, on_probe_late, &probe);
	bx_loop_run(loop);
	probe.link->type->close(probe.link);
	probe.link->type->free(probe.link);
	return (int)probe.result;
}

/* A topic that only storage may say, of a client that nobody is: heard by nobody, should the ACL not be in force. */
static void check_rights(struct doctor *doctor)
{
	char root[BX_TOPIC_SIZE], under[BX_TOPIC_SIZE], denied[2 * BX_TOPIC_SIZE];
	if (!doctor->reached || !bx_topic_print(BX_RECORDED, "bxctl-test", under))
		return;
	bx_bus_root(bx_config_text(doctor->config, BX_KEY_SITE), root);
	(void)snprintf(denied, sizeof denied, "%s%s", root, under);
	int allowed = say_once(doctor, bx_bus_reply_topic(doctor->client.bus));
	if (allowed != PROBE_ACCEPTED)
		problem(doctor,
			"is the broker's acl file this version's? bxctl up writes it anew at each start",
			"the broker refuses us what is ours (%s)", bx_bus_reply_topic(doctor->client.bus));
	if (say_once(doctor, denied) == PROBE_DENIED && allowed == PROBE_ACCEPTED)
		good(doctor, "the broker denies what is not ours (%s), and lets us say what is", under);
	else if (say_once(doctor, denied) != PROBE_DENIED)
		problem(doctor,
			"is acl_file set in the broker's configuration, and is the file whole? Then restart the broker",
			"the broker lets everybody say everything (%s): its ACL is not in force", under);
}

static void check_database(struct doctor *doctor)
{
	struct bx_error error = { 0 };
	const char *path = bx_config_text(doctor->config, BX_KEY_DATABASE);
	BX_OWNED(bx_database_close) struct bx_database *database = bx_database_open(path, &error);
	if (database)
		good(doctor, "%s is readable, version %d", path, BX_DATABASE_VERSION);
	else
		problem(doctor, error.code == BX_MISSING ? "storage makes it: does it run?" : "", "%s",
			error.message);
}

static void check_service(struct doctor *doctor, const char *name)
{
	struct bx_error error = { 0 };
	char *result = NULL;
	BX_TEXT_OWNED struct bx_text words;
	bx_text_init(&words, 400);
	if (!client_ask(&doctor->client, BX_VERB_PING, name, NULL, PING_MS, &result, &error)) {
		problem(doctor, "start it; what it said stands in the journal, or before `bxctl up`",
			"%s: %s", name, error.code == BX_TIMED_OUT ? "does not answer" : error.message);
		return;
	}
	show_sentence("answers (version {version}, process {pid})", result, &words);
	free(result);
	good(doctor, "%s %s", name, words.data);
}

static void check_services(struct doctor *doctor)
{
	for (size_t i = 0; doctor->reached && i < PROGRAM_COUNT; i++)
		if (programs[i].kind == PROGRAM_SERVICE)
			check_service(doctor, programs[i].name);
}

static const struct check {
	const char *name;
	void (*run)(struct doctor *doctor);
} checks[] = {
	{ "configuration", check_configuration }, /* first: what follows stands on it */
	{ "state folder", check_folder },
	{ "secrets", check_secrets },
	{ "broker", check_broker },
	{ "rights", check_rights },
	{ "database", check_database },
	{ "services", check_services },
};

/* --- what it comes to --- */

static void print_findings(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];
		char what[sizeof finding->what];
		bx_clean(what, sizeof what, finding->what);
		(void)printf("%s%-7s%s  %-13s  %s\n",
			show_colour(stdout, finding->good ? SHOW_GOOD : SHOW_BAD),
			finding->good ? "ok" : "problem", show_colour(stdout, SHOW_PLAIN), finding->check,
			what);
		if (finding->remedy[0])
			(void)printf("%25s%s\n", "", finding->remedy);
	}
	if (!doctor->config)
		(void)puts("\nThe rest stands on the configuration and was not looked at.");
	else if (doctor->problems > 0)
		(void)printf("\n%zu problem%s.\n", doctor->problems, doctor->problems == 1 ? "" : "s");
}

static void print_json(const struct doctor *doctor)
{
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, FINDINGS_MAX * 4096);
	struct bx_json json = { .text = &text };
	bx_json_object(&json, NULL);
	bx_json_integer(&json, "problems", (int64_t)doctor->problems);
	bx_json_list(&json, "findings");
	for (size_t i = 0; i < doctor->count; i++) {
		bx_json_object(&json, NULL);
		bx_json_text(&json, "check", doctor->findings[i].check);
		bx_json_yes_no(&json, "ok", doctor->findings[i].good);
		bx_json_text(&json, "what", doctor->findings[i].what);
		if (doctor->findings[i].remedy[0])
			bx_json_text(&json, "remedy", doctor->findings[i].remedy);
		bx_json_end_object(&json);
	}
	bx_json_end_list(&json);
	bx_json_end_object(&json);
	(void)show_json(&text); /* findings are bounded */
}

int doctor_run(const struct request *request)
{
	struct doctor doctor = { .request = request,
		.findings = bx_alloc(FINDINGS_MAX, sizeof(struct finding)) };
	for (size_t i = 0; i < BX_COUNT(checks); i++) {
		doctor.check = checks[i].name;
		if (i == 0 || doctor.config)
			checks[i].run(&doctor);
	}
	if (request->json)
		print_json(&doctor);
	else
		print_findings(&doctor);
	client_close(&doctor.client); /* and the configuration */
	free(doctor.findings);
	return doctor.problems > 0 ? EXIT_FAILED : EXIT_DONE;
}
