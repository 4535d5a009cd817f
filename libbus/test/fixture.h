/* Services in a test: their specs, a configuration, a clock and a broker in memory; no process, no socket, no sleep. Each
 * service has its own loop under the one clock, so that killing one takes nothing from the others. */
#pragma once
#include "libbus/bus/memory.h"
#include "libbus/run/life.h"

struct bx_fixture;

/* The clocks begin at 2026-01-01T00:00:00Z, synchronised. `seed` gives the broker's faults. */
struct bx_fixture *bx_fixture_new(uint64_t seed);
void bx_fixture_free(struct bx_fixture *fixture); /* ends all services in order, removes their state folder */

/* Starts a service with a configuration text (SITE is "home" and STATE_DIR the fixture's unless it says otherwise). Aborts
 * the test where the service does not start. */
void bx_fixture_start(struct bx_fixture *fixture, const struct bx_spec *spec, const char *config);
void bx_fixture_stop(struct bx_fixture *fixture, const char *service); /* as SIGTERM */
void bx_fixture_kill(
	struct bx_fixture *fixture, const char *service); /* as kill -9: state folder stays, memory goes */
/* What the service's functions are given; to look into it. */
void *bx_fixture_state(struct bx_fixture *fixture, const char *service);

/* Lets time pass: runs what falls due on every loop, in order. */
void bx_fixture_advance(struct bx_fixture *fixture, int64_t ms);
void bx_fixture_step_wall(struct bx_fixture *fixture, int64_t ms); /* NTP, DST, no battery */
void bx_fixture_synchronise(struct bx_fixture *fixture, bool synchronised);
struct bx_wall bx_fixture_wall(const struct bx_fixture *fixture);

/* Topics are under the root ("miner/gamma-3/telemetry"). */
void bx_fixture_say(
	struct bx_fixture *fixture, const char *topic, const char *json); /* retained where its row is */
void bx_fixture_say_bytes(struct bx_fixture *fixture, const char *topic, const void *bytes, size_t size);
const char *bx_fixture_heard(struct bx_fixture *fixture, const char *topic); /* the newest, or NULL */
size_t bx_fixture_count(struct bx_fixture *fixture, const char *topic); /* how many there were */
/* Sends a command ("collector", "miner-add", "{...}") and lets time pass until its last answer; NULL: none within a minute. */
const char *bx_fixture_ask(
	struct bx_fixture *fixture, const char *service, const char *verb, const char *arguments);
/* Says a record, as a publisher would. */
void bx_fixture_record(struct bx_fixture *fixture, const char *publisher, const char *topic,
	const char *session, uint64_t number, const char *json);
struct bx_memory *bx_fixture_broker(struct bx_fixture *fixture);
const char *bx_fixture_folder(const struct bx_fixture *fixture);
