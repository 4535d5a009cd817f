/* Errors over HTTP: RFC 9457 problem details. */
#pragma once
#include "services/gateway/routes.h"

/* A whole answer: status, application/problem+json, what happened and what to do. */
void problem_make(struct answer *answer, int status, const char *detail);
/* The status' words: "Not Found". */
const char *problem_title(int status);
