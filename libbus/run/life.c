#include "libbus/run/life.h"

#include "libbus/base/log.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { STATS_MS = 60000, FINISH_MS = 10000, LEAVE_MS = 1000, HAND_OVER_LOOK_MS = 50 };

struct bx_life {
	const struct bx_spec *spec;
	struct bx_service service;
	void *state;
	bool opened, ending;
	struct bx_jobs *jobs;
	uint64_t stats_timer, finish_timer, hand_over_timer;
	double cpu_s; /* used till the last stats */
	struct bx_mono cpu_at;
	void (*reload)(void *arg);
	void *reload_arg;
	void (*ended)(void *arg);
	void *ended_arg;
	void (*handed_over)(void *arg);
	void *handed_over_arg;
	struct bx_mono hand_over_until;
};

/* --- the commands of every service --- */

static void cmd_ping(void *arg, bx_call call)
{
	struct bx_life *life = arg;
	bx_ok(life->service.commands, call,
		BX_FIELDS(BX_F("version", BX_VERSION), BX_F("pid", (int64_t)getpid())));
}

static void cmd_log_level(void *arg, bx_call call)
{
	struct bx_life *life = arg;
	struct bx_error error;
	const char *word = bx_argument(life->service.commands, call, "level");
	enum bx_level level;
	if (!bx_level_of(word, &level)) {
		bx_fail(&error, BX_INVALID, "'%.20s' is no level; debug, info, warning and error are", word);
		bx_refuse(life->service.commands, call, &error);
		return;
	}
	bx_log_set_level(level);
	bx_ok(life->service.commands, call, NULL);
}

static void cmd_reload(void *arg, bx_call call)
{
	struct bx_life *life = arg;
	struct bx_error error;
	BX_TEXT_OWNED struct bx_text problems;
	bx_text_init(&problems, 2000);
	const char *path = bx_config_path(life->service.config);
	BX_OWNED(bx_config_free) struct bx_config *config = bx_config_read(path[0] ? path : NULL, &problems);
	if (!config || !life->reload) {
		bx_fail(&error, BX_INVALID, "the configuration is wrong, nothing was changed:\n%s",
			problems.data);
		bx_refuse(life->service.commands, call, &error);
		return;
	}
	bx_ok(life->service.commands, call, NULL);
	life->reload(life->reload_arg);
}

/* The common ones are given the life, the service's own its state: two tables, one look-up each. */
static const struct bx_command common[] = { { BX_VERB_PING, cmd_ping }, { BX_VERB_LOG_LEVEL, cmd_log_level },
	{ BX_VERB_RELOAD, cmd_reload }, { 0 } };

/* --- what every service says of itself --- */

static void say_info(struct bx_life *life)
{
	struct bx_info info = {
		.version = BX_VERSION, .pid = getpid(), .started = bx_wall_now(life->service.loop)
	};
	(void)bx_text_copy(
		info.config, sizeof info.config, bx_config_path(life->service.config)); /* cut is fine */
	bx_state(life->service.bus, BX_SERVICE_INFO, life->spec->name, &info);
}

static double resident_bytes(void)
{
	long all = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	bool read = file &&
		fscanf(file, "%ld %ld", &all, &resident) == 2; /* NOLINT(cert-err34-c): the kernel's */
	if (file)
		(void)fclose(file);
	return read ? (double)resident * (double)sysconf(_SC_PAGESIZE) : -1;
}

static double cpu_seconds(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void say_stats(void *arg)
{
	struct bx_life *life = arg;
	struct bx_bus_figures figures = bx_bus_figures(life->service.bus);
	struct bx_mono now = bx_now(life->service.loop);
	double cpu_s = cpu_seconds(), rss = resident_bytes();
	struct bx_values values;
	bx_values_init(&values, BX_SERVICE, bx_wall_now(life->service.loop));
	if (rss >= 0)
		bx_values_set(&values, BX_RSS, rss);
	if (life->cpu_at.ms != 0 && now.ms > life->cpu_at.ms) /* a share of a time that is known */
		bx_values_set(&values, BX_CPU,
			100 * (cpu_s - life->cpu_s) * 1000 / (double)(now.ms - life->cpu_at.ms));
	life->cpu_s = cpu_s;
	life->cpu_at = now;
	bx_values_set(&values, BX_LOOP_LAG, (double)bx_loop_lag(life->service.loop));
	bx_values_set(&values, BX_MESSAGES_IN, (double)figures.in);
	bx_values_set(&values, BX_MESSAGES_OUT, (double)figures.out);
	bx_values_set(&values, BX_MESSAGES_REFUSED, (double)figures.refused);
	bx_values_set(&values, BX_QUEUE, (double)figures.unrecorded);
	bx_values_set(&values, BX_DROPPED, (double)figures.dropped);
	bx_values_set(&values, BX_ERRORS, (double)bx_log_errors());
	bx_sample(life->service.bus, BX_SERVICE_STATS, life->spec->name, &values, BX_RECORD);
	life->stats_timer = bx_after(life->service.loop, STATS_MS, say_stats, life);
}

static void say_log_line(void *arg, enum bx_level level, const char *message, const struct bx_field *fields)
{
	struct bx_life *life = arg;
	struct bx_log_line line = { .time = bx_wall_now(life->service.loop) };
	BX_TEXT_OWNED struct bx_text text;
	BX_TEXT_OWNED struct bx_text json;
	bx_text_init(&text, sizeof line.fields - 1);
	bx_text_init(&json, BX_VALUES_JSON_MAX);
	(void)bx_text_copy(line.level, sizeof line.level, bx_level_word(level));
	(void)bx_text_copy(line.message, sizeof line.message, message); /* cut is fine */
	bx_log_print_fields(&text, fields);
	(void)bx_text_copy(line.fields, sizeof line.fields, text.data);
	bx_payload_encode(BX_SERVICE_LOG, &line, &json);
	bx_pass(life->service.bus, BX_SERVICE_LOG, life->spec->name, json.data, json.length, NULL);
}

/* --- life --- */

static bool open_bus(struct bx_life *life, const struct bx_life_options *options, struct bx_error *error)
{
	const struct bx_spec *spec = life->spec;
	const struct bx_config *config = options->config;
	struct bx_bus_options bus = { .site = bx_config_text(config, BX_KEY_SITE),
		.client = spec->name,
		.role = spec->role ? spec->role : "suite",
		.is_service = true,
		.folder = options->folder,
		.session = options->session,
		.outbox_max = (size_t)bx_config_number(config, BX_KEY_OUTBOX_MAX),
		.again_ms = 2 * 1000 * bx_config_number(config, BX_KEY_STORAGE_COMMIT_INTERVAL) };
	life->service.bus = bx_bus_new(options->loop, &bus, options->link);
	const struct bx_commands_table tables[] = { { common, life }, { spec->commands, life->state } };
	life->service.commands = bx_commands_new(life->service.bus, tables, BX_COUNT(tables), error);
	return life->service.commands != NULL;
}

struct bx_life *bx_life_begin(const struct bx_life_options *options, struct bx_error *error)
{
	const struct bx_spec *spec = options->spec;
	BX_OWNED(bx_life_free) struct bx_life *life = bx_alloc(1, sizeof *life);
	life->spec = spec;
	life->reload = options->reload;
	life->reload_arg = options->reload_arg;
	life->state = bx_alloc(1, spec->state_size);
	life->service = (struct bx_service){
		.loop = options->loop, .config = options->config, .folder = options->folder
	};
	bx_loop_trust_clock_after(options->loop, bx_config_number(options->config, BX_KEY_CLOCK_WAIT) * 1000);
	if (!open_bus(life, options, error))
		return NULL;
	enum bx_level bus_level = BX_WARNING;
	(void)bx_level_of(
		bx_config_text(options->config, BX_KEY_LOG_BUS_LEVEL), &bus_level); /* was checked */
	bx_log_also(bus_level, say_log_line, life);

	life->opened = true; /* close takes half-built states */
	if (!spec->open(life->state, &life->service, error))
		return NULL;
	for (const struct bx_listen *recall = spec->recall; recall && recall->heard; recall++)
		bx_recall(life->service.bus, recall->topic, recall->heard, life->state);
	for (const struct bx_listen *listen = spec->listen; listen && listen->heard; listen++)
		bx_hear(life->service.bus, listen->topic, NULL, listen->heard, life->state);
	say_info(life);
	say_stats(life);
	bx_bus_open(life->service.bus);
	life->jobs = bx_jobs_new(options->loop, spec->jobs, options->config, life->state);
	struct bx_life *begun = life;
	life = NULL; /* the caller's */
	return begun;
}

static void on_left(void *arg)
{
	struct bx_life *life = arg;
	life->ended(life->ended_arg);
}

static void leave_bus(void *arg)
{
	struct bx_life *life = arg;
	bx_cancel(life->service.loop, life->finish_timer);
	life->finish_timer = 0;
	if (life->ending)
		bx_bus_close(life->service.bus, LEAVE_MS, on_left, life);
	life->ending = false; /* a `finished` that comes behind the deadline finds the door closed */
}

static void on_finish_late(void *arg)
{
	struct bx_life *life = arg;
	life->finish_timer = 0;
	bx_log(BX_ERROR, "the service did not finish in time; it stops all the same",
		BX_F("service", life->spec->name));
	leave_bus(life);
}

void bx_life_end(struct bx_life *life, void (*ended)(void *arg), void *arg)
{
	assert(!life->ended);
	life->ended = ended;
	life->ended_arg = arg;
	life->ending = true;
	bx_jobs_free(life->jobs);
	life->jobs = NULL;
	bx_commands_stop(life->service.commands);
	life->finish_timer = bx_after(life->service.loop, FINISH_MS, on_finish_late, life);
	if (life->spec->finish)
		life->spec->finish(life->state, leave_bus, life);
	else
		leave_bus(life);
}

static void look_for_hand_over(void *arg)
{
	struct bx_life *life = arg;
	struct bx_loop *loop = life->service.loop;
	if (bx_bus_figures(life->service.bus).unrecorded > 0 && bx_now(loop).ms < life->hand_over_until.ms) {
		life->hand_over_timer = bx_after(loop, HAND_OVER_LOOK_MS, look_for_hand_over, life);
		return;
	}
	life->hand_over_timer = 0;
	life->handed_over(life->handed_over_arg);
}

static void on_commit_answer(void *arg, const struct bx_answer *answer)
{
	(void)arg, (void)answer; /* what counts is that the outbox empties */
}

void bx_life_hand_over(struct bx_life *life, int64_t wait_ms, void (*handed_over)(void *arg), void *arg)
{
	if (life->hand_over_timer)
		return; /* under way */
	life->handed_over = handed_over;
	life->handed_over_arg = arg;
	life->hand_over_until.ms = bx_now(life->service.loop).ms + wait_ms;
	if (bx_bus_figures(life->service.bus).unrecorded > 0)
		bx_ask(life->service.commands, BX_VERB_COMMIT, "storage", NULL, wait_ms, on_commit_answer,
			NULL);
	life->hand_over_timer = bx_after(life->service.loop, 0, look_for_hand_over, life);
}

void *bx_life_state(struct bx_life *life)
{
	return life->state;
}

void bx_life_free(struct bx_life *life)
{
	if (!life)
		return;
	struct bx_loop *loop = life->service.loop;
	bx_log_also(BX_ERROR, NULL, NULL);
	bx_cancel(loop, life->stats_timer);
	bx_cancel(loop, life->finish_timer);
	bx_cancel(loop, life->hand_over_timer);
	bx_jobs_free(life->jobs);
	if (life->opened)
		life->spec->close(life->state);
	bx_commands_free(life->service.commands);
	bx_bus_free(life->service.bus);
	free(life->state);
	free(life);
}
