/* From what the bus told last to a judgement: reads the mirror, judges, and has it told. Before the source is to be judged
 * these do nothing. */
#pragma once
#include "services/health/health.h"

void look_miner(struct health *health, const char *id);
void look_box(struct health *health, const char *name);
/* The fleet's figures for the sentence. */
void look_fleet(struct health *health, const char *name);
/* Judges everything, and ends the checks of what is no more. */
void look_all(struct health *health);
/* Something is new of a service. */
void look_source(struct health *health, const char *service);
/* All that there is has been heard: looks, and from then on whenever time alone may change something. */
void look_begin(struct health *health);
