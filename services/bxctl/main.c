/* bxctl: the person's hand. Every command speaks by the bus; none reaches into a service or the database, but `up`, which
 * starts them, and `test`, which looks whether they could. */
#include "libbus/base/log.h"
#include "libbus/run/service.h"
#include "services/bxctl/answers.h"
#include "services/bxctl/configuration.h"
#include "services/bxctl/doctor.h"
#include "services/bxctl/health.h"
#include "services/bxctl/metrics.h"
#include "services/bxctl/status.h"
#include "services/bxctl/up.h"
#include "services/bxctl/watch.h"
#include <stdio.h>

static const struct subcommand subcommands[] = {
	{ "up", "start broker and services here, in the foreground, and watch over them", up_run,
		.arguments = { { "demo", ARGUMENT_FLAG,
				       "with three simulated miners, in a folder of its own" },
			{ "libexec", ARGUMENT_OPTION, "the folder of the services' programs" } } },
	{ "down", "stop the `up` that runs", down_run,
		.arguments = { { "demo", ARGUMENT_FLAG, "the demo's" } } },
	{ "status", "everything at a glance", status_run },
	{ "test", "look for every problem, and say what to do", doctor_run },
	{ "watch", "the bus, live", watch_run,
		.arguments = { { "filter", ARGUMENT_BY_PLACE,
			"what of it, such as miner/+/telemetry; else all" } } },
	{ "miners", "the registered miners", miners_run },
	{ "miner add", .verb = BX_VERB_MINER_ADD, .answer = "{id} is watched from now on" },
	{ "miner set", .verb = BX_VERB_MINER_SET, .answer = "{id} is changed" },
	{ "miner remove", .verb = BX_VERB_MINER_REMOVE, .answer = "forgotten; its history stays" },
	{ "collect", .verb = BX_VERB_COLLECT, .answer = "{asked} miners are asked now" },
	{ "health", "how all is, and every check", health_run },
	{ "health run", .verb = BX_VERB_CHECK_NOW, .answer = "{sentence}" },
	{ "metrics", "the newest values, or their history", metrics_run,
		.arguments = { { "series", ARGUMENT_OPTION, "which, such as 'miner/*/hashrate'" },
			{ "hours", ARGUMENT_OPTION, "history: of so many hours" },
			{ "csv", ARGUMENT_FLAG, "history as CSV" } } },
	{ "config show", "every key, its value and where it is from", config_show_run },
	{ "config defaults", "a commented monitoring.conf with all defaults", config_defaults_run },
	{ "config get", "the value of one key", config_get_run,
		.arguments = { { "key", ARGUMENT_NEEDED, "its name, such as MINER_POLL_INTERVAL" } } },
	{ 0 },
};

int main(int argc, char **argv)
{
	struct request request;
	struct bx_error error;
	bx_log_to("bxctl", BX_ERROR); /* what goes wrong is told by the command's own words */
	if (!arguments_read(argc, argv, subcommands, &request, &error)) {
		(void)fprintf(stderr, "bxctl: %s\nSee: bxctl --help\n", error.message);
		return EXIT_USAGE;
	}
	if (request.version)
		return printf("%s\n", BX_VERSION) < 0;
	if (request.help && request.subcommand)
		arguments_print_one(request.subcommand);
	else if (request.help)
		arguments_print(subcommands);
	else
		return request.subcommand->answer ? answers_run(&request) : request.subcommand->run(&request);
	return EXIT_DONE;
}
