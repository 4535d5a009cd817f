#include "libbus/run/service.h"

#include "libbus/base/file.h"
#include "libbus/base/log.h"
#include "libbus/bus/mosquitto.h"
#include "libbus/run/life.h"
#include "libbus/run/secret.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { HAND_OVER_MS = 5000 };

struct process {
	const struct bx_spec *spec;
	char **argv;
	struct bx_config *config;
	struct bx_loop *loop;
	struct bx_life *life;
	bool stopping, again; /* again: execute anew once stopped */
	int64_t watchdog_ms;
};

static int help(const struct bx_spec *spec)
{
	(void)printf(
		"bitaxe-%s: a service of the Bitaxe monitoring suite\n\n"
		"  --config FILE  configuration (else $BITAXE_CONFIG, else /etc/bitaxe/monitoring.conf)\n"
		"  --version      print the version\n"
		"  --help         print this\n",
		spec->name);
	return 0;
}

/* False: *status is the exit status. */
static bool read_arguments(int argc, char **argv, const struct bx_spec *spec, const char **path, int *status)
{
	static const struct option options[] = { { "config", required_argument, NULL, 'c' },
		{ "version", no_argument, NULL, 'v' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'c') {
			*path = optarg;
			continue;
		}
		*status = option == 'h' ? help(spec) : 2;
		if (option == 'v')
			*status = printf("%s\n", BX_VERSION) < 0;
		return false;
	}
	if (optind == argc)
		return true;
	(void)fprintf(stderr, "bitaxe-%s: '%s' is no option; see --help\n", spec->name, argv[optind]);
	*status = 2;
	return false;
}

static void on_ended(void *arg)
{
	bx_loop_stop(((struct process *)arg)->loop);
}

static void stop(void *arg)
{
	struct process *process = arg;
	if (process->stopping)
		return;
	process->stopping = true;
	(void)sd_notify(0, "STOPPING=1"); /* without systemd: nothing */
	bx_life_end(process->life, on_ended, process);
}

static void restart(void *arg)
{
	struct process *process = arg;
	process->again = !process->stopping;
	stop(process);
}

static void reload(void *arg)
{
	struct process *process = arg;
	if (!process->stopping)
		bx_life_hand_over(process->life, HAND_OVER_MS, restart, process);
}

static void on_hangup(void *arg)
{
	struct process *process = arg;
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 8000);
	const char *path = bx_config_path(process->config);
	BX_OWNED(bx_config_free) struct bx_config *config = bx_config_read(path[0] ? path : NULL, &problems);
	if (config)
		reload(process);
	else
		bx_log(BX_ERROR, "the configuration is wrong; the service goes on with the old one",
			BX_F("problems", problems.data));
}

static void feed_watchdog(void *arg)
{
	struct process *process = arg;
	(void)sd_notify(0, "WATCHDOG=1"); /* asked for by systemd, see start_watchdog */
	bx_after(process->loop, process->watchdog_ms, feed_watchdog, process);
}

static void start_watchdog(struct process *process)
{
	uint64_t limit_us = 0;
	if (sd_watchdog_enabled(0, &limit_us) <= 0)
		return;
	process->watchdog_ms = (int64_t)(limit_us / 2000);
	feed_watchdog(process);
}

static uint64_t make_session(void)
{
	uint64_t session;
	while (getrandom(&session, sizeof session, 0) != sizeof session)
		continue; /* interrupted */
	return session;
}

static bool run(struct process *process, struct bx_error *error)
{
	const struct bx_spec *spec = process->spec;
	const char *role = spec->role ? spec->role : "suite";
	char folder[512], lock[540], password[BX_SECRET_SIZE];
	int length = snprintf(folder, sizeof folder, "%s/%s",
		bx_config_text(process->config, BX_KEY_STATE_DIR), spec->name);
	if (length < 0 || (size_t)length >= sizeof folder)
		return bx_fail(error, BX_INVALID, "STATE_DIR is too long a path");
	(void)snprintf(lock, sizeof lock, "%s/lock", folder);
	if (!bx_folder_make(folder, 0700, error) || bx_file_lock(lock, error) < 0 ||
		!bx_secret_read(process->config, role, password, error))
		return false;

	process->loop = bx_loop_new();
	const char *bus = bx_config_text(process->config, BX_KEY_BUS);
	struct bx_broker broker = {
		.address = bus, .client = spec->name, .user = password[0] ? role : NULL, .password = password
	};
	struct bx_life_options options = { .spec = spec,
		.loop = process->loop,
		.config = process->config,
		.folder = folder,
		.session = make_session(),
		.link = bx_mosquitto_new(process->loop, &broker),
		.reload = reload,
		.reload_arg = process };
	explicit_bzero(password, sizeof password);
	process->life = bx_life_begin(&options, error);
	if (!process->life)
		return false;
	bx_on_signal(process->loop, SIGTERM, stop, process);
	bx_on_signal(process->loop, SIGINT, stop, process);
	bx_on_signal(process->loop, SIGHUP, on_hangup, process);
	start_watchdog(process);
	(void)sd_notify(0, "READY=1"); /* without systemd: nothing */
	bx_log(BX_INFO, "started", BX_F("version", BX_VERSION));
	bx_loop_run(process->loop);
	bx_log(BX_INFO, process->again ? "starts anew with the new configuration" : "stopped");
	return true;
}

int bx_service_main(int argc, char **argv, const struct bx_spec *spec)
{
	const char *path = NULL;
	int status = 0;
	if (!read_arguments(argc, argv, spec, &path, &status))
		return status;
	(void)umask(077); /* what a service writes is its own */
	bx_log_to(spec->name, BX_INFO);
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 64 * 1024);
	struct process process = { .spec = spec, .argv = argv, .config = bx_config_read(path, &problems) };
	if (!process.config) {
		(void)fputs(problems.data, stderr);
		return 2;
	}
	enum bx_level level = BX_INFO;
	(void)bx_level_of(bx_config_text(process.config, BX_KEY_LOG_LEVEL), &level); /* was checked */
	bx_log_set_level(level);

	struct bx_error error;
	if (!run(&process, &error)) {
		bx_log(BX_ERROR, "cannot start", BX_F("why", error.message));
		status = 1;
	}
	bx_life_free(process.life);
	bx_loop_free(process.loop);
	bx_config_free(process.config);
	if (process.again)
		execv("/proc/self/exe", argv);
	return process.again ? 1 : status; /* here, execv has failed; systemd starts us anew */
}
