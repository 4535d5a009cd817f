/* The processes of the embedded run, a row each, and where their programs are. */
#pragma once
#include "services/bxctl/supervise.h"

struct program {
	const char *name; /* of a service: its name on the bus */
	const char *file; /* of the program */
	enum supervise_stage stage;
	enum program_kind { PROGRAM_BROKER, PROGRAM_SERVICE, PROGRAM_SIMULATOR } kind; /* how it is called */
};

enum { PROGRAM_COUNT = 6, PROGRAM_PATH_SIZE = 512 };
extern const struct program programs[PROGRAM_COUNT]; /* in the order of starting */

/* The folder that we were started from. Before rights are given up: /proc does not tell afterwards. */
bool programs_home(char *folder, size_t size);
/* A folder that programs read: "dist", the built dashboard, or "bodies", the simulator's; in `libexec`, if given; else as
 * installed or in the checkout that we were built in. False: nowhere, the program looks for itself. */
bool program_folder(const char *name, const char *home, const char *libexec, char *path, size_t size);
/* The program's path: in `libexec` (--libexec), if given; else beside us, as installed, or as built. False: nowhere. */
bool program_find(
	const struct program *program, const char *home, const char *libexec, char *path, size_t size);
