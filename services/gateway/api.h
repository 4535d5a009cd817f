/* What is true now, as lists: services, miners. */
#pragma once
#include "services/gateway/routes.h"

#define API_LIMIT_MAX 500 /* miners a page */

void api_healthz(struct gateway *gateway, const struct request *request, const struct reply *reply);
void api_metrics(struct gateway *gateway, const struct request *request, const struct reply *reply);
void api_services(struct gateway *gateway, const struct request *request, const struct reply *reply);
void api_miners(struct gateway *gateway, const struct request *request, const struct reply *reply);
void api_miner(struct gateway *gateway, const struct request *request, const struct reply *reply);
