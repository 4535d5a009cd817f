/* The embedded run's private broker: its files, made before it starts.
 *
 *	FOLDER/broker/mosquitto.conf    from broker-config/embedded.conf, anew at each start
 *	FOLDER/broker/acl               printed from the contract for this SITE
 *	FOLDER/broker/passwd            the hashes, by mosquitto_passwd
 *	FOLDER/broker/secrets/<role>    the passwords, 128 random bits each, made once, 0600 */
#pragma once
#include "libbus/base/error.h"
#include "libbus/run/config.h"

/* Makes all of them in `folder`. Blocks for a few ms. False: BX_MISSING, there is no mosquitto_passwd; BX_FAILED. */
bool broker_make(const struct bx_config *config, const char *folder, struct bx_error *error);
/* The path of a program of the mosquitto package; false: it is not installed. */
bool broker_program(const char *name, char *path, size_t size);
