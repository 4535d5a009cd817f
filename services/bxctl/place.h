/* The folder of the embedded run: where it is, its monitoring.conf, and the lock of the one run that it may have.
 *
 *	FOLDER/monitoring.conf     made where absent; the suite's only configuration
 *	FOLDER/up.lock             held while `bxctl up` runs, with its process number
 *	FOLDER/bus.sock, broker/   see broker.h
 *	FOLDER/<service>/          what each service keeps */
#pragma once
#include "libbus/base/error.h"
#include "libbus/run/config.h"
#include <sys/types.h>

enum { PLACE_PATH_SIZE = 400 };

struct place {
	bool demo;
	bool own_config; /* made by us, so that we may change a taken port in it; false: the owner's, named by --config */
	char folder[PLACE_PATH_SIZE], config[PLACE_PATH_SIZE + 32];
};

/* Where it is. `config` is --config's or $BITAXE_CONFIG's, NULL: neither; then ~/.local/state/bitaxe, of root
 * /var/lib/bitaxe. A demo's has "-demo" behind it. *problems has a line for each thing wrong in that file. */
bool place_find(struct place *place, const char *config, bool demo, struct bx_text *problems);

/* Makes the folder, 0700. Root gives it to the user `bitaxe` and becomes that user, for good: nothing of the suite runs as
 * root, and no file is written as root into a folder that is another's. */
bool place_enter(const struct place *place, struct bx_error *error);

/* Makes monitoring.conf where there is none. */
bool place_make_config(const struct place *place, struct bx_error *error);
/* Replaces the line of a key in our own monitoring.conf, or adds it. */
bool place_change(const struct place *place, enum bx_key key, const char *value, struct bx_error *error);
/* The same in a text, pure. */
void place_change_text(const char *before, const char *name, const char *value, struct bx_text *after);

/* The process that runs in a folder; 0: none. */
pid_t place_runner(const char *folder);
/* The lock's descriptor, -1: another one runs (BX_CONFLICT). Kept till the process ends. */
int place_lock(const struct place *place, struct bx_error *error);
