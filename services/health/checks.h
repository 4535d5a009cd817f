/* What is judged: a check a target, its rules' judgements, and the words for it. Pure: what is said on the bus, and when, is
 * tell.c's business. */
#pragma once
#include "libbus/base/memory.h"
#include "services/health/judge.h"

#define CHECKS_MAX 5010 /* miners and the box; further targets are not judged, which the caller tells */
#define CHECK_REFRESH_MS 60000

struct check {
	char target[BX_NAME_SIZE]; /* "miner/gamma-3": its topic's name, too */
	char name[64]; /* as people call it */
	enum bx_scope scope;
	enum bx_status status; /* the worst that is known of its rules */
	enum bx_status told; /* the last that was an event */
	struct bx_wall since; /* the trouble, the calm, the silence; 0: not known */
	bool is_lost; /* UNKNOWN because the collector is gone */
	bool was_heard;
	struct bx_mono heard; /* the newest of it */
	struct bx_mono due; /* time alone may change it then */
	struct bx_mono said; /* when tell.c last said it */
	uint64_t said_pattern; /* check_pattern then */
	struct judge judges[RULE_COUNT]; /* by rule; those of other scopes stay zero */
};

struct checks;
struct checks *checks_new(void);
void checks_free(struct checks *checks);
BX_OWNED_BY(struct checks, checks_free)

/* In the order of their targets. */
size_t checks_count(const struct checks *checks);
struct check *checks_at(const struct checks *checks, size_t index);
struct check *checks_find(const struct checks *checks, const char *target); /* NULL: there is none */
/* Finds or makes it. NULL: CHECKS_MAX. */
struct check *checks_admit(struct checks *checks, const char *target, enum bx_scope scope, const char *name);
void checks_remove(struct checks *checks, const char *target);

/* Judges all its rules by what is known. */
void check_judge(struct check *check, const struct judge_terms terms[RULE_COUNT], const struct facts *facts,
	struct moment now);
/* Takes what an earlier run had said of it. */
void check_restore(struct check *check, const struct bx_check *said, struct moment now);
/* The rule that makes the status, NULL: none, it is not in trouble. */
const struct rule *check_worst(const struct check *check);
const struct judge *check_judge_of(const struct check *check, enum rule_id rule);
/* What of it is news: status by rule. The same pattern with other values is none. */
uint64_t check_pattern(const struct check *check);

/* The payload: with values and evidence for rules in trouble alone, since those of a healthy target change all the time and
 * its telemetry has them. */
void check_print(const struct check *check, const struct judge_terms terms[RULE_COUNT], struct moment now,
	struct bx_check *payload);
/* Appends what is wrong, without a full stop: "Gamma-3 does not answer since 14:02". */
void check_clause(const struct check *check, struct moment now, struct bx_text *text);
