/* GET /monitoring/api/health in the exact shape of BitAxe V2.0.0, for the scripts that read it. */
#pragma once
#include "services/gateway/routes.h"

void v2_health(struct gateway *gateway, const struct request *request, const struct reply *reply);
