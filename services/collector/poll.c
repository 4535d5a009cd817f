#include "services/collector/poll.h"

#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

enum {
	CONNECT_MS = 3000,
	TOTAL_MS = 6000, /* three misses in a row are told within a minute at the default interval */
	SLOW_MOST_MS = 60000, /* how rarely one is asked that has been offline for long */
	MISSES_FAST = 3,
	CONNECTIONS_MAX = 512, /* silent ones hold theirs for TOTAL_MS: others are not to wait for them */
	BUSY_MS = 200, /* a miner being asked is asked again so much later */
};

struct target {
	LIST_ENTRY(target) link;
	struct poll *poll;
	char id[BX_ID_SIZE];
	char url[sizeof((struct bx_miner_entry *)0)->url + sizeof AXEOS_PATH];
	uint64_t timer, request; /* 0: none */
	struct bx_mono due;
	unsigned misses;
};

struct probe {
	LIST_ENTRY(probe) link;
	struct poll *poll;
	char url[sizeof((struct target *)0)->url];
	uint64_t number, timer, request;
	void (*answered)(void *arg, uint64_t number, const struct poll_answer *answer);
};

struct poll {
	struct bx_loop *loop;
	struct bx_fetch *fetch;
	int64_t interval_ms;
	struct poll_hooks hooks;
	LIST_HEAD(, target) targets;
	LIST_HEAD(, probe) probes;
};

/* The one place that turns a response into an answer. */
static void judge(const struct bx_response *response, struct axeos_reading *reading, struct bx_error *error,
	struct poll_answer *answer)
{
	*answer = (struct poll_answer){ .took_ms = response->took_ms };
	bool good = false;
	if (!response->answered)
		*error = response->error;
	else if (response->status != 200)
		bx_fail(error, BX_INVALID, "answers with HTTP status %d", response->status);
	else
		good = axeos_read(response->body, response->size, reading, error);
	if (good)
		answer->reading = reading;
	else
		answer->error = error;
}

static uint64_t ask(struct poll *poll, const char *url, bx_responded *responded, void *arg)
{
	struct bx_request request = { .url = url,
		.connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS,
		.bytes_max = AXEOS_BYTES_MAX,
		.close = true };
	return bx_fetch_start(poll->fetch, &request, responded, arg);
}

/* Two requests at once make a miner's web server stumble, whoever they are for. */
static bool is_being_asked(const struct poll *poll, const char *url)
{
	const struct target *target;
	const struct probe *probe;
	LIST_FOREACH (target, &poll->targets, link)
		if (target->request && strcmp(target->url, url) == 0)
			return true;
	LIST_FOREACH (probe, &poll->probes, link)
		if (probe->request && strcmp(probe->url, url) == 0)
			return true;
	return false;
}

static void on_due(void *arg);

static void schedule(struct target *target)
{
	struct poll *poll = target->poll;
	int64_t now_ms = bx_now(poll->loop).ms, step_ms = poll->interval_ms;
	if (target->misses > MISSES_FAST)
		step_ms = bx_pause_ms(target->misses - MISSES_FAST, poll->interval_ms,
			poll->interval_ms > SLOW_MOST_MS ? poll->interval_ms : SLOW_MOST_MS);
	target->due.ms += step_ms;
	if (target->due.ms < now_ms)
		target->due.ms = now_ms; /* the answer took longer than the interval */
	target->timer = bx_after(poll->loop, target->due.ms - now_ms, on_due, target);
}

static void on_response(void *arg, const struct bx_response *response)
{
	struct target *target = arg;
	struct poll *poll = target->poll;
	struct axeos_reading reading;
	struct bx_error error;
	struct poll_answer answer;
	char id[BX_ID_SIZE];
	target->request = 0;
	judge(response, &reading, &error, &answer);
	target->misses = answer.reading ? 0 : target->misses + 1;
	schedule(target);
	(void)bx_text_copy(id, sizeof id, target->id); /* the hook may forget the target */
	poll->hooks.answered(poll->hooks.arg, id, &answer);
}

static void on_due(void *arg)
{
	struct target *target = arg;
	target->timer = 0;
	if (is_being_asked(target->poll, target->url))
		target->timer = bx_after(target->poll->loop, BUSY_MS, on_due, target);
	else
		target->request = ask(target->poll, target->url, on_response, target);
}

static void on_probed(void *arg, const struct bx_response *response)
{
	struct probe *probe = arg;
	struct poll *poll = probe->poll;
	struct axeos_reading reading;
	struct bx_error error;
	struct poll_answer answer;
	uint64_t number = probe->number;
	void (*answered)(void *, uint64_t, const struct poll_answer *) = probe->answered;
	LIST_REMOVE(probe, link);
	free(probe);
	judge(response, &reading, &error, &answer);
	answered(poll->hooks.arg, number, &answer);
}

static void on_probe_due(void *arg)
{
	struct probe *probe = arg;
	probe->timer = 0;
	if (is_being_asked(probe->poll, probe->url))
		probe->timer = bx_after(probe->poll->loop, BUSY_MS, on_probe_due, probe);
	else
		probe->request = ask(probe->poll, probe->url, on_probed, probe);
}

struct poll *poll_new(struct bx_loop *loop, int64_t interval_ms, const struct poll_hooks *hooks)
{
	struct poll *poll = bx_alloc(1, sizeof *poll);
	poll->loop = loop;
	poll->interval_ms = interval_ms;
	poll->hooks = *hooks;
	poll->fetch = bx_fetch_new(loop, CONNECTIONS_MAX);
	LIST_INIT(&poll->targets);
	LIST_INIT(&poll->probes);
	return poll;
}

static struct target *find(struct poll *poll, const char *id)
{
	struct target *target;
	LIST_FOREACH (target, &poll->targets, link)
		if (strcmp(target->id, id) == 0)
			return target;
	return NULL;
}

static void stop(struct target *target)
{
	bx_cancel(target->poll->loop, target->timer);
	if (target->request)
		bx_fetch_cancel(target->poll->fetch, target->request);
	target->timer = target->request = 0;
}

static void forget(struct target *target)
{
	stop(target);
	LIST_REMOVE(target, link);
	free(target);
}

void poll_free(struct poll *poll)
{
	if (!poll)
		return;
	for (struct target *target; (target = LIST_FIRST(&poll->targets));)
		forget(target);
	for (struct probe *probe; (probe = LIST_FIRST(&poll->probes));) {
		bx_cancel(poll->loop, probe->timer);
		LIST_REMOVE(probe, link);
		free(probe);
	}
	bx_fetch_free(poll->fetch); /* and all that is under way */
	free(poll);
}

/* Where in the interval a miner is asked follows from its id, so that fifty are spread and each keeps its place. */
static int64_t place_in_interval(const struct poll *poll, const char *id)
{
	uint32_t hash = 2166136261; /* FNV-1a */
	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 16777619;
	int64_t spread_ms =
		poll->interval_ms < 5000 ? poll->interval_ms : 5000; /* the first number is wanted soon */
	return (int64_t)(hash % 1000) * spread_ms / 1000;
}

void poll_watch(struct poll *poll, const char *id, const char *url)
{
	struct target *target = find(poll, id);
	char whole[sizeof target->url];
	(void)snprintf(whole, sizeof whole, "%s%s", url, AXEOS_PATH);
	if (target && strcmp(target->url, whole) == 0)
		return; /* it keeps its place */
	if (!target) {
		target = bx_alloc(1, sizeof *target);
		target->poll = poll;
		(void)bx_text_copy(target->id, sizeof target->id, id); /* same size */
		LIST_INSERT_HEAD(&poll->targets, target, link);
	}
	stop(target);
	(void)bx_text_copy(target->url, sizeof target->url, whole); /* same size */
	target->misses = 0;
	target->due.ms = bx_now(poll->loop).ms + place_in_interval(poll, id);
	target->timer = bx_after(poll->loop, place_in_interval(poll, id), on_due, target);
}

void poll_forget(struct poll *poll, const char *id)
{
	struct target *target = find(poll, id);
	if (target)
		forget(target);
}

size_t poll_all(struct poll *poll)
{
	struct target *target;
	size_t count = 0;
	LIST_FOREACH (target, &poll->targets, link) {
		if (target->request)
			continue;
		stop(target);
		target->due = bx_now(poll->loop);
		target->timer = bx_after(poll->loop, 0, on_due, target);
		count++;
	}
	return count;
}

void poll_probe(struct poll *poll, const char *url, uint64_t number,
	void (*answered)(void *arg, uint64_t number, const struct poll_answer *answer))
{
	struct probe *probe = bx_alloc(1, sizeof *probe);
	*probe = (struct probe){ .poll = poll, .number = number, .answered = answered };
	(void)snprintf(probe->url, sizeof probe->url, "%s%s", url, AXEOS_PATH);
	LIST_INSERT_HEAD(&poll->probes, probe, link);
	probe->timer = bx_after(poll->loop, 0, on_probe_due, probe);
}
