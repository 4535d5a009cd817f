/* The broker's passwords: a file a role in BUS_SECRETS, readable by its owner alone. */
#pragma once
#include "libbus/run/config.h"

#define BX_SECRET_SIZE 128

/* The role's password, "" where there is no file: a broker without passwords, as an owner's may be. Wipe it after use. */
bool bx_secret_read(const struct bx_config *config, const char *role, char password[BX_SECRET_SIZE],
	struct bx_error *error);
